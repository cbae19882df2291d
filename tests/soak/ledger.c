/*
 * The ledger: one word per message and group, so that each step is one store, and a kill leaves the one before or the
 * one after.
 *
 *                     producer            a member          it            (or: it kills who holds it, ATTEMPTS times)
 *     of number - WINDOW  ->  FRESH  --->  HELD  --->  DONE, released     HELD  --->  ASIDE, taken out
 *                                           ^  |
 *                                           +--+ handed out again, with the flag; its last holder is dead
 *
 * DONE is said before the release and ASIDE before it is taken out: killed in between, the message comes once more,
 * flagged, and what is said already is true. A word also counts how often the message was touched, and names who
 * touched it last.
 *
 * What is checked. Without the flag: nobody has touched it. With it: whoever touched it is dead (or about to be: the
 * judge says so before it kills), and it says at least as many deliveries as there were, and at most one more than
 * members of the group died since it was committed. In a group behind others: they have released it. In the end, and
 * when its word is needed for number + WINDOW: it has come to an end. (By then the ring has no room for it any more:
 * what is not DONE is lost.)
 */
#include "soak.h"

enum state { FRESH, HELD, DONE, ASIDE };

struct entry {
    uint64_t number;  /* 24 bits of it */
    uint64_t life;    /* 24 bits: who touched it last */
    uint64_t touches; /* 12 bits */
    enum state state; /* 4 bits */
};

enum { NUMBER_MASK = 0xffffff, TOUCHES_MOST = 0xfff };

static struct word *word_of(enum group_number group, uint64_t number)
{
    return &book->ledger[group][number % WINDOW];
}

static struct entry entry_read(enum group_number group, uint64_t number)
{
    uint64_t word = word_load_acquire(word_of(group, number));

    return (struct entry){word >> 40, word >> 16 & NUMBER_MASK, word >> 4 & TOUCHES_MOST, (enum state)(word & 15)};
}

static void entry_write(enum group_number group, uint64_t number, struct entry entry)
{
    word_store_release(word_of(group, number),
                       (number & NUMBER_MASK) << 40 | entry.life << 16 | entry.touches << 4 | (uint64_t)entry.state);
}

static bool is_of(struct entry entry, uint64_t number)
{
    return entry.number == (number & NUMBER_MASK);
}

static bool at_its_end(struct entry entry)
{
    return entry.state == DONE || entry.state == ASIDE;
}

#define PATIENCE (INT64_C(20) * TEST_SLOWNESS * 1000000000)

/* If it was set aside, who takes such out may not have come to it yet. */
static struct entry wait_for_its_end(enum group_number group, uint64_t number, int64_t end)
{
    struct entry entry = entry_read(group, number);

    while (is_of(entry, number) && !at_its_end(entry) && now_ns() < end) {
        nap();
        entry = entry_read(group, number);
    }
    return entry;
}

#define DESCRIPTION "message %llu in \"%s\": state %d, touched %llu times, last by life %llu (doomed: %llu)"
#define DESCRIBED(group, entry_number, entry)                                                                          \
    (unsigned long long)(entry_number), groups[group].name, (int)(entry).state, (unsigned long long)(entry).touches,   \
        (unsigned long long)(entry).life, (unsigned long long)word_load(&book->doomed[(entry).life % LIVES_MOST])

void ledger_fresh(uint64_t number)
{
    for (enum group_number group = 0; group < LEDGERS; group++) {
        struct entry entry = entry_read(group, number);

        if (group == JOURNAL || (is_of(entry, number) && entry.state == FRESH)) /* a predecessor had come as far */
            continue;
        if (number > WINDOW) {
            entry = wait_for_its_end(group, number - WINDOW, now_ns() + PATIENCE);
            if (!is_of(entry, number - WINDOW) || !at_its_end(entry))
                BAD("lost: " DESCRIPTION, DESCRIBED(group, number - WINDOW, entry));
        }
        word_store(&book->deaths_before[group][number % WINDOW], word_load(&book->deaths[group]));
        entry_write(group, number, (struct entry){.state = FRESH});
    }
}

static uint64_t deaths_since(enum group_number group, uint64_t number)
{
    return word_load(&book->deaths[group]) - word_load(&book->deaths_before[group][number % WINDOW]);
}

/* What was set aside is released, too; and if its word stands for a message of later, it had come to its end. */
static bool is_released(enum group_number group, uint64_t number)
{
    struct entry entry = entry_read(group, number);

    return !is_of(entry, number) || at_its_end(entry) || deaths_since(group, number) >= ATTEMPTS;
}

void ledger_follow(enum group_number group, uint64_t number)
{
    for (enum group_number before = 0; before < LEDGERS; before++)
        if ((groups[group].after >> before & 1) != 0 && !is_released(before, number))
            BAD("handed out in \"%s\" before its time: " DESCRIPTION, groups[group].name,
                DESCRIBED(before, number, entry_read(before, number)));
}

void ledger_take(enum group_number group, uint64_t number, unsigned deliveries)
{
    struct entry entry = entry_read(group, number);

    ledger_follow(group, number);
    if (!is_of(entry, number) || entry.state == ASIDE)
        BAD("handed out after its end: " DESCRIPTION, DESCRIBED(group, number, entry));
    if (entry.touches >= deliveries)
        BAD("handed out as delivery %u: " DESCRIPTION, deliveries, DESCRIBED(group, number, entry));
    if (deliveries > 1 + deaths_since(group, number))
        BAD("handed out as delivery %u, after %llu deaths: " DESCRIPTION, deliveries,
            (unsigned long long)deaths_since(group, number), DESCRIBED(group, number, entry));
    if (entry.touches != 0 && word_load_acquire(&book->doomed[entry.life % LIVES_MOST]) == 0)
        BAD("taken from the living, as delivery %u: " DESCRIPTION, deliveries, DESCRIBED(group, number, entry));
    if (deliveries > 1) {
        add_figure(REDELIVERED, 1);
        add_figure(UNTOUCHED, entry.touches == 0);
    }
    entry_write(group, number, (struct entry){.life = my_life, .touches = entry.touches + 1, .state = HELD});
}

void ledger_done(enum group_number group, uint64_t number)
{
    struct entry entry = entry_read(group, number);

    if (!is_of(entry, number) || entry.state != HELD || entry.life != my_life)
        BAD("not mine any more: " DESCRIPTION, DESCRIBED(group, number, entry));
    entry.state = DONE;
    entry_write(group, number, entry);
}

/* A message that its holder had processed, but not released, may come here too. */
void ledger_aside(enum group_number group, uint64_t number, unsigned deliveries)
{
    struct entry entry = entry_read(group, number);

    if (!is_of(entry, number) || entry.touches > deliveries || deliveries < ATTEMPTS)
        BAD("set aside after %u deliveries: " DESCRIPTION, deliveries, DESCRIBED(group, number, entry));
    if (entry.state == ASIDE)
        return;
    add_figure(SET_ASIDE, 1);
    entry.state = ASIDE;
    entry_write(group, number, entry);
}

uint64_t ledger_open(uint64_t last)
{
    int64_t end = now_ns() + PATIENCE;
    uint64_t open = 0;

    for (enum group_number group = JOURNAL + 1; group < LEDGERS; group++)
        for (uint64_t number = last > WINDOW ? last - WINDOW + 1 : 1; number <= last; number++) {
            struct entry entry = wait_for_its_end(group, number, end);

            /* Its word may be that of a message which was never published: before that was written there, it had come to its end. */
            if ((is_of(entry, number) && at_its_end(entry)) || is_of(entry, number + WINDOW))
                continue;
            if (open++ == 0)
                (void)fprintf(stderr, "lost: " DESCRIPTION "\n", DESCRIBED(group, number, entry));
        }
    return open;
}
