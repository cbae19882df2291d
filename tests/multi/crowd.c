/*
 * The limits of a ring: 64 groups of all kinds, and 1024 members, many of them in one process. All get what they must; one group more, or one
 * member more, is refused with an error that names the limit, and disturbs nobody; where somebody leaves, another may come.
 */
#include "core/atomic.h"
#include "event.h"
#include "mring.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

enum {
    GROUPS = MRING_GROUPS_MAX,
    PLACES = MRING_MEMBERS_MAX / GROUPS,
    DECLARED = GROUPS / 2, /* the others are made by joins */
    PROCESSES = 4,
    MESSAGES = 3000,
    NAP = 2 * 1000 * 1000 /* ns */
};

/* Half of the declared groups are lossy, and half of those that joins make are durable. */
static bool is_lossy(unsigned group)
{
    return group < DECLARED && group % 2 == 1;
}

static bool is_durable(unsigned group)
{
    return group >= DECLARED && group % 2 == 1;
}

/* What became of each message in each group; shared by all processes. */
static struct book {
    struct word seen[GROUPS + 1][MESSAGES];
    struct word missed[GROUPS + 1];
} * book;

static struct mring *ring;
static struct mring_producer *producer;
static char name[GROUPS + 1][16];

static void prepare(void)
{
    struct mring_group declared[DECLARED];
    struct mring_options options = MRING_OPTIONS_INIT;

    book = mmap(NULL, sizeof(*book), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANON, -1, 0);
    EXPECT(book != MAP_FAILED, ==, 1);
    for (unsigned group = 0; group <= GROUPS; group++)
        (void)snprintf(name[group], sizeof(name[group]), "g%u", group);
    for (unsigned group = 0; group < DECLARED; group++)
        declared[group] = (struct mring_group){.name = name[group], .members = PLACES, .lossy = is_lossy(group)};
    options.capacity = 16384;
    options.groups = declared;
    options.group_count = DECLARED;
    EXPECT_OK(mring_create(&ring, NULL, &options));
    EXPECT_OK(mring_producer(ring, &producer, NULL));
}

static void put_away(void)
{
    EXPECT_OK(mring_producer_close(producer));
    EXPECT_OK(mring_close(ring));
}

/* ---- members ---- */

struct member {
    struct mring_consumer *consumer;
    unsigned group;
    int64_t last; /* the number of the message got last; -1: none yet */
    bool over;
};

static struct mring_join_options terms_of(unsigned group)
{
    struct mring_join_options options = MRING_JOIN_OPTIONS_INIT;

    options.members = PLACES;
    options.lossy = is_lossy(group);
    options.durable = is_durable(group);
    return options;
}

static void join(struct member *member, unsigned group)
{
    const struct mring_join_options options = terms_of(group);

    *member = (struct member){.group = group, .last = -1};
    EXPECT_OK(mring_join(ring, name[group], &options, &member->consumer));
}

static void note_missed(const struct member *member)
{
    struct mring_missed missed = MRING_MISSED_INIT;

    EXPECT(is_lossy(member->group), ==, 1);
    EXPECT(mring_missed(member->consumer, &missed), ==, 1);
    for (uint64_t left = missed.messages; left > 0; left--)
        word_count(&book->missed[member->group]);
}

static void note_got(struct member *member, const struct mring_message *message)
{
    uint32_t number;

    memcpy(&number, message->data, sizeof(number));
    EXPECT(message->length, ==, sizeof(number));
    EXPECT(message->tag, ==, number);
    EXPECT(message->deliveries, ==, 1);
    EXPECT(number, >, member->last);
    EXPECT(number, <, MESSAGES);
    member->last = number;
    word_count(&book->seen[member->group][number]);
}

/* One message, if there is one. Was there? */
static bool take(struct member *member)
{
    struct mring_message message;
    uint32_t buffer;
    int code = mring_recv(member->consumer, &buffer, sizeof(buffer), &message);

    if (code == 1)
        note_got(member, &message);
    else if (code == -EOVERFLOW)
        note_missed(member);
    else
        EXPECT(code == 0 || code == -EPIPE, ==, 1);
    member->over = code == -EPIPE;
    return code == 1 || code == -EOVERFLOW;
}

/* A turn of all of them. Had any of them something? */
static bool take_turn(struct member *members, unsigned count)
{
    bool any = false;

    for (unsigned at = 0; at < count; at++)
        any |= !members[at].over && take(&members[at]);
    return any;
}

static bool all_over(const struct member *members, unsigned count)
{
    for (unsigned at = 0; at < count; at++)
        if (!members[at].over)
            return false;
    return true;
}

/* Until the stream has ended for each of them. */
static void consume(struct member *members, unsigned count)
{
    while (!all_over(members, count))
        if (!take_turn(members, count)) {
            int code = mring_wait(members[0].consumer, NAP); /* for the group of the first, as good as any */

            EXPECT(code == 0 || code == -ETIMEDOUT || code == -EPIPE, ==, 1);
        }
}

static void leave(struct member *members, unsigned count)
{
    for (unsigned at = 0; at < count; at++)
        EXPECT_OK(mring_leave(members[at].consumer));
}

/* ---- what must come of it ---- */

/* Of the messages of these numbers each was seen once in this group; or missed, in a lossy one. */
static void check_group(unsigned group, uint32_t from, uint32_t to)
{
    uint64_t seen = 0;

    for (uint32_t number = 0; number < MESSAGES; number++) {
        uint64_t times = word_load(&book->seen[group][number]);

        EXPECT(times, <=, 1);
        EXPECT(times == 0 || (number >= from && number < to), ==, 1);
        seen += times;
    }
    EXPECT(seen + word_load(&book->missed[group]), ==, to - from);
}

static void send(uint32_t number)
{
    EXPECT_OK(mring_send_wait(producer, &number, sizeof(number), number, MRING_FOREVER));
}

static void expect_refusal(unsigned group, int code, const char *limit)
{
    struct mring_error error = MRING_ERROR_INIT;
    struct mring_join_options options = terms_of(group);
    struct mring_consumer *consumer;

    options.error = &error;
    EXPECT(mring_join(ring, name[group], &options, &consumer), ==, code);
    EXPECT(error.code, ==, code);
    if (strstr(error.text, limit) == NULL) {
        (void)fprintf(stderr, "\"%s\" does not say %s\n", error.text, limit);
        exit(EXIT_FAILURE);
    }
}

/* ---- many handles in each of a few processes ---- */

static void live(void *ready)
{
    enum { EACH = MRING_MEMBERS_MAX / PROCESSES };
    static struct member members[EACH];

    for (unsigned at = 0; at < EACH; at++)
        join(&members[at], at % GROUPS);
    event_send(ready);
    consume(members, EACH);
    leave(members, EACH);
}

/* While the stream goes on others try to get in. */
static void a_full_ring(void)
{
    struct event ready = event_make();
    uint64_t random = harness_seed;
    pid_t child[PROCESSES];

    prepare();
    for (unsigned at = 0; at < PROCESSES; at++)
        child[at] = child_start(live, &ready);
    for (unsigned at = 0; at < PROCESSES; at++)
        event_wait(&ready);
    for (uint32_t number = 0; number < MESSAGES; number++) {
        send(number);
        if (random_below(&random, 100) == 0)
            expect_refusal(GROUPS, -ENOSPC, "64 groups");
        if (random_below(&random, 100) == 0)
            expect_refusal(random_below(&random, GROUPS), -EUSERS, "16 places");
    }
    EXPECT_OK(mring_end(producer));
    for (unsigned at = 0; at < PROCESSES; at++)
        child_finish(child[at]);
    for (unsigned group = 0; group < GROUPS; group++)
        check_group(group, 0, MESSAGES);
    put_away();
}

/* ---- those who come for those who left ---- */

static struct member crowd[MRING_MEMBERS_MAX];

static void send_to_all(uint32_t from, uint32_t to)
{
    for (uint32_t number = from; number < to; number++) {
        send(number);
        while (take_turn(crowd, MRING_MEMBERS_MAX))
            ;
    }
}

static void places_are_given_anew(void)
{
    enum { FIRST = 20, SECOND = 40, THIRD = 60 };
    const unsigned gone = DECLARED; /* a passing group */

    prepare();
    for (unsigned at = 0; at < MRING_MEMBERS_MAX; at++)
        join(&crowd[at], at % GROUPS);
    send_to_all(0, FIRST);
    /* One member of each group leaves, and another comes. */
    for (unsigned group = 0; group < GROUPS; group++) {
        expect_refusal(group, -EUSERS, "16 places");
        leave(&crowd[group], 1);
        join(&crowd[group], group);
        expect_refusal(group, -EUSERS, "16 places");
    }
    expect_refusal(GROUPS, -ENOSPC, "64 groups");
    send_to_all(FIRST, SECOND);
    /* A passing group ends with its last member: then there is a place for another one. */
    for (unsigned place = 0; place < PLACES; place++) {
        expect_refusal(GROUPS, -ENOSPC, "64 groups");
        leave(&crowd[place * GROUPS + gone], 1);
    }
    for (unsigned place = 0; place < PLACES; place++)
        join(&crowd[place * GROUPS + gone], GROUPS);
    expect_refusal(gone, -ENOSPC, "64 groups");
    send_to_all(SECOND, THIRD);
    EXPECT_OK(mring_end(producer));
    consume(crowd, MRING_MEMBERS_MAX);
    leave(crowd, MRING_MEMBERS_MAX);
    for (unsigned group = 0; group < GROUPS; group++)
        check_group(group, 0, group == gone ? SECOND : THIRD);
    check_group(GROUPS, SECOND, THIRD);
    put_away();
}

/* ---- members before groups ---- */

static void places_run_out(void)
{
    const struct mring_group declared[] = {{.name = "large", .members = 1000}};
    struct mring_error error = MRING_ERROR_INIT;
    struct mring_options options = MRING_OPTIONS_INIT;
    struct mring_join_options wish = MRING_JOIN_OPTIONS_INIT;
    struct mring_consumer *large, *small;

    options.groups = declared;
    options.group_count = 1;
    EXPECT_OK(mring_create(&ring, NULL, &options));
    EXPECT_OK(mring_join(ring, "large", NULL, &large));
    wish.error = &error;
    wish.members = 25;
    EXPECT(mring_join(ring, "small", &wish, &small), ==, -E2BIG);
    EXPECT(strstr(error.text, "25 members") != NULL, ==, 1);
    EXPECT(strstr(error.text, "1000 of 1024") != NULL, ==, 1);
    wish.members = 24;
    EXPECT_OK(mring_join(ring, "small", &wish, &small));
    wish.members = 1;
    EXPECT(mring_join(ring, "smallest", &wish, &small), ==, -E2BIG);
    EXPECT(strstr(error.text, "1024 of 1024") != NULL, ==, 1);
    EXPECT_OK(mring_leave(small));
    EXPECT_OK(mring_join(ring, "smallest", &wish, &small));
    EXPECT_OK(mring_leave(small));
    EXPECT_OK(mring_leave(large));
    EXPECT_OK(mring_close(ring));
}

int main(int argc, char **argv)
{
    static const struct scenario scenarios[] = {
        {"a_full_ring", a_full_ring, 120},
        {"places_are_given_anew", places_are_given_anew, 60},
        {"places_run_out", places_run_out, 0},
    };

    return harness_main(argc, argv, scenarios, sizeof(scenarios) / sizeof(scenarios[0]));
}
