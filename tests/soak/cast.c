#include "soak.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

const struct group groups[GROUPS] = {
    [JOURNAL] = {"journal", 1, true}, [LONE] = {"lone", 1, true},  [WORK] = {"work", 4, true},
    [PAIR] = {"pair", 2, true},       [CREW] = {"crew", 3, false}, [TAP] = {"tap", 1, false},
};

/*
 * A passing group is gone with its last member: what it saw before does not bind the next. So "crew" has a member
 * that is never killed, and must see to everything; "tap" has none. Messages that kill their holders do so in "work"
 * alone, whose coroner takes no other work.
 */
const struct role cast[] = {
    {"creator", play_creator, JOURNAL, .first = true},
    {"producer", play_producer, JOURNAL, .killed = true, .stopped = true, .waited = true},
    {"lone", play_consumer, LONE, .killed = true, .stopped = true, .waited = true, .buries = true},
    {"worker 1", play_consumer, WORK, .killed = true, .stopped = true, .waited = true},
    {"worker 2", play_consumer, WORK, .killed = true, .stopped = true, .waited = true},
    {"worker 3", play_consumer, WORK, .killed = true, .stopped = true, .waited = true},
    {"coroner", play_coroner, WORK, .stopped = true},
    {"pair 1", play_consumer, PAIR, .killed = true, .stopped = true, .waited = true, .buries = true},
    {"pair 2", play_consumer, PAIR, .killed = true, .stopped = true, .waited = true},
    {"crew 1", play_consumer, CREW, .stopped = true, .first = true, .waited = true, .buries = true},
    {"crew 2", play_consumer, CREW, .killed = true, .stopped = true, .waited = true},
    {"crew 3", play_consumer, CREW, .killed = true, .stopped = true, .waited = true},
    {"tap", play_tap, TAP, .killed = true, .stopped = true, .waited = true},
};
const unsigned cast_size = sizeof(cast) / sizeof(cast[0]);
_Static_assert(sizeof(cast) / sizeof(cast[0]) <= CAST_MOST, "the book has a place for each role");

struct book *book;
const char *ring_name;
unsigned my_role;
uint64_t my_life;
uint64_t my_random;

uint32_t random_below(uint64_t *state, uint32_t limit)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*state >> 33) % limit;
}

int64_t now_ns(void)
{
    struct timespec time;

    (void)clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

void nap(void)
{
    (void)nanosleep(&(struct timespec){0, 1000000}, NULL);
}

void add_figure(enum figure figure, uint64_t value)
{
    struct word *word = &book->figure[figure];
    uint64_t seen = word_load(word);

    while (value != 0 && !word_cas(word, seen, seen + value))
        seen = word_load(word);
}

void doom(unsigned role, uint64_t life)
{
    word_store_release(&book->doomed[life], 1);
    word_count(&book->deaths[cast[role].group]);
}

void stay_until_killed(void)
{
    word_store_release(&book->done[my_role], my_life);
    for (;;)
        (void)pause();
}

struct mring *open_ring(enum mring_role role)
{
    struct mring_error error = MRING_ERROR_INIT;
    struct mring_open_options options = MRING_OPEN_OPTIONS_INIT;
    struct mring *ring;
    int code;

    options.timeout = INT64_C(20) * 1000000000;
    options.error = &error;
    code = mring_open(&ring, ring_name, role, &options);
    if (code != 0)
        BAD("mring_open: %d, %s", code, error.text);
    return ring;
}

/* A place may be in use by a living member that works up what the dead one left there. */
struct mring_consumer *join_group(struct mring *ring, enum group_number group)
{
    struct mring_error error = MRING_ERROR_INIT;
    struct mring_join_options options = MRING_JOIN_OPTIONS_INIT;
    struct mring_consumer *consumer;
    int code;

    options.members = groups[group].members;
    options.batch = random_below(&my_random, 2) == 0 ? 0 : 1 + random_below(&my_random, 16);
    options.error = &error;
    while ((code = mring_join(ring, groups[group].name, &options, &consumer)) == -EUSERS) {
        add_figure(CROWDED, 1);
        nap();
    }
    if (code != 0)
        BAD("mring_join(%s): %d, %s", groups[group].name, code, error.text);
    word_store_release(&book->joined[my_role], my_life);
    return consumer;
}

void take_aside(struct mring_consumer *consumer, void (*mark)(uint64_t number, unsigned deliveries, void *context),
                void *context)
{
    static unsigned char buffer[MESSAGE_MOST];
    struct mring_message message;
    int code;

    /* Without room for it, it is only shown. */
    while ((code = mring_take_aside(consumer, NULL, 0, &message)) == -EMSGSIZE) {
        uint32_t number = message.tag;

        mark(number, message.deliveries, context);
        code = mring_take_aside(consumer, buffer, sizeof(buffer), &message);
        if (code != 1 || message_check(&message).number != number)
            BAD("message %u was set aside, but cannot be taken out: %d", number, code);
    }
    if (code != 0 && code != -EBUSY)
        BAD("mring_take_aside: %d", code);
}

void play_creator(void)
{
    struct mring_error error = MRING_ERROR_INIT;
    struct mring_options options = MRING_OPTIONS_INIT;
    struct mring_group declared[GROUPS];
    struct mring *ring;
    sigset_t asked;
    int code, number;

    options.capacity = CAPACITY;
    options.attempts = ATTEMPTS;
    options.error = &error;
    options.groups = declared;
    for (enum group_number group = 0; group < GROUPS; group++)
        if (groups[group].declared)
            declared[options.group_count++] = (struct mring_group){groups[group].name, groups[group].members};
    code = mring_create(&ring, ring_name, &options);
    if (code != 0)
        BAD("mring_create: %d, %s", code, error.text);
    (void)sigemptyset(&asked);
    (void)sigaddset(&asked, SIGUSR1);
    (void)sigprocmask(SIG_BLOCK, &asked, NULL);
    word_store_release(&book->joined[my_role], my_life);
    for (;;) { /* the judge wants to know */
        (void)sigwait(&asked, &number);
        print_state(ring);
        word_store_release(&book->done[my_role], my_life);
    }
}
