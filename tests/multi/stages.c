/*
 * Groups that are after others, by many processes: members that come by fork or by the ring's name, sleep, and are killed at random.
 *
 * The proof is a ledger in shared memory: a member writes there, for its group and each message, before it releases it; a member of a group
 * that is after others looks there for each message that it is handed.
 */
#include "api/consumer.h"
#include "api/producer.h"
#include "harness.h"
#include "stage.h"

#include <errno.h>
#include <mach/mach.h>
#include <mach/mach_vm.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { GROUPS = 4, MESSAGES = 60 * 1000, BURST = 500, PROCESSES = 24 };

struct ledger {
    struct word done[GROUPS][MESSAGES]; /* a member was handed it, and had it to the end */
    struct word first[GROUPS];          /* how often one was said to be given for the first time */
};

/* A ring's groups, and who of them comes when. */
struct shape {
    const struct mring_group *groups;
    unsigned count;
    uint64_t after[GROUPS];
};

static const char *const a[] = {"a"}, *const b[] = {"b"}, *const b_and_c[] = {"b", "c"};

static const struct shape lone_chain = {
    (const struct mring_group[]){
        {.name = "a"}, {.name = "b", .after = a, .after_count = 1}, {.name = "c", .after = b, .after_count = 1}},
    3,
    {0, 1 << 0, 1 << 1},
};
static const struct shape chain = {
    (const struct mring_group[]){{.name = "a", .members = 3},
                                 {.name = "b", .members = 4, .after = a, .after_count = 1},
                                 {.name = "c", .members = 2, .after = b, .after_count = 1}},
    3,
    {0, 1 << 0, 1 << 1},
};
static const struct shape diamond = {
    (const struct mring_group[]){{.name = "d", .members = 2, .after = b_and_c, .after_count = 2},
                                 {.name = "a", .members = 2},
                                 {.name = "b", .after = a, .after_count = 1},
                                 {.name = "c", .members = 3, .after = a, .after_count = 1}},
    4,
    {1 << 2 | 1 << 3, 0, 1 << 1, 1 << 1},
};

static struct ledger *ledger;
static char name[64];

static void make(const struct shape *shape, struct mring **ring)
{
    struct mring_options options = MRING_OPTIONS_INIT;

    if (ledger == NULL)
        ledger = stage_share(sizeof(*ledger));
    memset(ledger, 0, sizeof(*ledger));
    (void)snprintf(name, sizeof(name), "stages.%d", (int)getpid());
    options.capacity = 65536;
    options.groups = shape->groups;
    options.group_count = shape->count;
    options.attempts = 65535; /* none is set aside, which would count as released */
    EXPECT_OK(mring_create(ring, name, &options));
}

/* ---- a member ---- */

struct part {
    const struct shape *shape;
    struct mring *ring;
    unsigned group;
    bool by_name;
    bool polls; /* it waits in an event loop's way */
    uint64_t seed;
};

/* Handed to this member, and not released. */
struct hand {
    struct mring_message message[64];
    unsigned count;
};

static void take(const struct part *part, struct hand *hand, const struct mring_message *message)
{
    uint32_t number = message->tag;

    EXPECT(message->length, >=, sizeof(number));
    EXPECT(memcmp(message->data, &number, sizeof(number)), ==, 0);
    for (uint64_t left = part->shape->after[part->group]; left != 0; left &= left - 1)
        EXPECT(word_load_acquire(&ledger->done[__builtin_ctzll(left)][number]), >, 0);
    hand->message[hand->count++] = *message;
}

static void finish(const struct part *part, struct mring_consumer *consumer, struct hand *hand)
{
    for (unsigned at = 0; at < hand->count; at++) {
        const struct mring_message *message = &hand->message[at];

        if (message->deliveries == 1)
            word_count(&ledger->first[part->group]);
        word_store_release(&ledger->done[part->group][message->tag], 1);
    }
    if (hand->count > 0)
        EXPECT_OK(mring_release(consumer, &hand->message[hand->count - 1]));
    hand->count = 0;
}

/* As a loop would: a call that finds nothing arms the descriptor. */
static int await_work(const struct part *part, struct mring_consumer *consumer)
{
    struct pollfd polled = {.events = POLLIN};
    int code;

    if (!part->polls)
        return mring_wait(consumer, MRING_FOREVER);
    polled.fd = mring_fd(consumer);
    EXPECT(polled.fd, >=, 0);
    code = mring_wait(consumer, 0);
    if (code != -ETIMEDOUT)
        return code;
    EXPECT(poll(&polled, 1, -1), ==, 1);
    return 0;
}

static void be_member(void *argument)
{
    struct part *part = argument;
    const char *group = part->shape->groups[part->group].name;
    struct mring_join_options options = MRING_JOIN_OPTIONS_INIT;
    struct mring_consumer *consumer;
    struct mring_message message;
    struct mring *ring = part->ring;
    struct hand hand = {.count = 0};
    int code;

    options.batch = 1 + random_below(&part->seed, 16);
    if (part->by_name)
        EXPECT_OK(mring_open(&ring, name, MRING_CONSUME, NULL));
    /* A place may be taken for as long as somebody works at what was left on another one. */
    while ((code = mring_join(ring, group, &options, &consumer)) == -EUSERS)
        (void)sched_yield();
    EXPECT_OK(code);
    for (;;) {
        code = mring_next(consumer, &message);
        if (code == 1)
            take(part, &hand, &message);
        if (hand.count > 0 && (code != 1 || hand.count == options.batch || random_below(&part->seed, 3) == 0))
            finish(part, consumer, &hand);
        else if (code == 0)
            code = await_work(part, consumer);
        if (code == -EPIPE)
            break;
        EXPECT(code == 1 || code == 0 || code == -EBUSY, ==, true);
    }
    EXPECT_OK(mring_leave(consumer));
    EXPECT_OK(mring_close(ring));
}

/* ---- killing at random ---- */

/* In bursts, one for each kill, so that the stream lasts as long as the killing. */
static void send_all(void *argument)
{
    struct mring_producer *producer;
    uint64_t seed = harness_seed;
    unsigned char payload[300] = {0};

    EXPECT_OK(mring_producer(argument, &producer, NULL));
    for (uint32_t number = 0; number < MESSAGES; number++) {
        if (number % BURST == 0)
            await(PRODUCER, number / BURST);
        memcpy(payload, &number, sizeof(number));
        EXPECT_OK(mring_send_wait(producer, payload, sizeof(number) + random_below(&seed, 296), number, MRING_FOREVER));
    }
    EXPECT_OK(mring_end(producer));
    EXPECT_OK(mring_producer_close(producer));
}

struct actor_process {
    pid_t pid;
    struct part part;
};

static void start(struct actor_process *actor, uint64_t *seed)
{
    actor->part.by_name = random_below(seed, 2) == 0;
    actor->part.polls = random_below(seed, 3) == 0;
    actor->part.seed = *seed;
    actor->pid = child_start(be_member, &actor->part);
}

/* `from` is how far each group was when it was last asked. */
static bool all_done(const struct shape *shape, uint32_t from[GROUPS])
{
    bool all = true;

    for (unsigned group = 0; group < shape->count; group++) {
        while (from[group] < MESSAGES && word_load_acquire(&ledger->done[group][from[group]]) != 0)
            from[group]++;
        all &= from[group] == MESSAGES;
    }
    return all;
}

static void kill_at_random(const struct shape *shape)
{
    struct actor_process actor[PROCESSES];
    uint64_t seed = harness_seed;
    unsigned actors = 0;
    uint32_t done[GROUPS] = {0};
    struct mring *ring;
    pid_t sender;

    stage = stage_share(sizeof(*stage));
    make(shape, &ring);
    sender = child_start(send_all, ring);
    for (unsigned group = 0; group < shape->count; group++)
        for (unsigned member = 0; member < shape->groups[group].members || member == 0; member++) {
            actor[actors].part = (struct part){.shape = shape, .ring = ring, .group = group};
            start(&actor[actors++], &seed);
        }
    for (unsigned burst = 0; burst < MESSAGES / BURST; burst++) {
        struct actor_process *victim = &actor[random_below(&seed, actors)];

        if (burst > 0) {
            child_kill(victim->pid);
            start(victim, &seed);
        }
        reach(PRODUCER, burst);
        for (uint32_t pause = random_below(&seed, 2000); pause > 0; pause--)
            (void)sched_yield();
    }
    child_finish(sender);
    for (unsigned at = 0; at < actors; at++)
        child_finish(actor[at].pid);
    EXPECT(all_done(shape, done), ==, true);
    for (unsigned group = 0; group < shape->count; group++)
        EXPECT(word_load(&ledger->first[group]), <=, MESSAGES);
    EXPECT_OK(mring_close(ring));
}

static void a_chain_of_lone_ones_is_killed(void)
{
    kill_at_random(&lone_chain);
}

static void a_chain_of_many_is_killed(void)
{
    kill_at_random(&chain);
}

static void a_diamond_is_killed(void)
{
    kill_at_random(&diamond);
}

/* ---- sleepers ---- */

static uint64_t rescued(struct mring *ring, const struct shape *shape)
{
    uint64_t sum = 0;

    for (unsigned group = 0; group < shape->count; group++) {
        const struct group_view *view = &ring->group[group].view;

        for (uint32_t line = 0; line < view->members; line++)
            sum += word_load(&view->line[line].rescued);
    }
    return sum;
}

/* Each message is sent when the one before has come through all groups, whose members sleep. */
static void one_by_one(const struct shape *shape, bool by_name, bool polls)
{
    enum { SENT = 2000 };
    struct actor_process actor[PROCESSES];
    struct mring_producer *producer;
    uint64_t seed = harness_seed;
    struct mring *ring;
    unsigned actors = 0;
    int64_t slowest = 0;

    make(shape, &ring);
    for (unsigned group = 0; group < shape->count; group++)
        for (unsigned member = 0; member < shape->groups[group].members || member == 0; member++) {
            actor[actors].part =
                (struct part){.shape = shape, .ring = ring, .group = group, .by_name = by_name, .polls = polls};
            actor[actors].part.seed = seed++;
            actor[actors].pid = child_start(be_member, &actor[actors].part);
            actors++;
        }
    EXPECT_OK(mring_producer(ring, &producer, NULL));
    for (uint32_t number = 0; number < SENT; number++) {
        int64_t begin = stage_clock();

        /* Now and then everybody has gone to sleep before. */
        for (int64_t until = begin + random_below(&seed, 200) * 1000; stage_clock() < until;)
            (void)sched_yield();
        begin = stage_clock();
        EXPECT_OK(mring_send(producer, &number, sizeof(number), number));
        for (unsigned group = 0; group < shape->count; group++)
            await_word(&ledger->done[group][number], 1);
        if (stage_clock() - begin > slowest)
            slowest = stage_clock() - begin;
    }
    report_slowest("through all groups", slowest);
    EXPECT_OK(mring_end(producer));
    for (unsigned at = 0; at < actors; at++)
        child_finish(actor[at].pid);
    EXPECT(rescued(ring, shape), ==, 0);
    for (unsigned group = 0; group < shape->count; group++)
        EXPECT(word_load(&ledger->first[group]), ==, SENT);
    EXPECT_OK(mring_producer_close(producer));
    EXPECT_OK(mring_close(ring));
}

static void forked_sleepers_are_woken(void)
{
    one_by_one(&lone_chain, false, false);
    one_by_one(&diamond, false, false);
}

static void named_sleepers_are_woken(void)
{
    one_by_one(&lone_chain, true, false);
    one_by_one(&chain, true, false);
}

static void who_polls_is_told(void)
{
    one_by_one(&lone_chain, false, true);
    one_by_one(&diamond, true, true);
}

/* ---- what a member of a group behind can do to those before it ---- */

static void expect_readonly(struct mring_consumer *consumer)
{
    struct group_page *page = consumer->core.upstream[0].group.page;
    int status;
    pid_t child;

    EXPECT(consumer->core.upstreams, ==, 1);
    EXPECT(mprotect(page, LAYOUT_PAGE, PROT_READ | PROT_WRITE), ==, -1);
    EXPECT(mach_vm_protect(mach_task_self(), (mach_vm_address_t)page, LAYOUT_PAGE, FALSE, VM_PROT_READ | VM_PROT_WRITE),
           ==, KERN_PROTECTION_FAILURE);
    child = fork();
    EXPECT(child, >=, 0);
    if (child == 0) {
        (void)signal(SIGSEGV, SIG_DFL);
        word_store(&page->claim.low, 0);
        _exit(0);
    }
    EXPECT(waitpid(child, &status, 0), ==, child);
    EXPECT(WIFSIGNALED(status) ? WTERMSIG(status) : 0, ==, SIGSEGV);
}

/* The key to wake those directly behind is for who is directly before them, and for nobody else. */
static void expect_to_wake(struct mring_consumer *consumer, uint32_t index, int code)
{
    struct sleeper member = held_group_sleeper(&consumer->group, consumer->core.line_index, consumer->core.owner);
    struct group_reply reply;

    EXPECT(meet_follower(consumer->ring->link, &member, index, &reply), ==, code);
    if (code == 0)
        EXPECT(mach_port_deallocate(mach_task_self(), reply.entry), ==, KERN_SUCCESS);
}

static void join_and_try(void *argument)
{
    const struct part *part = argument;
    struct mring *ring = part->ring;
    struct mring_consumer *first, *then;

    if (part->by_name)
        EXPECT_OK(mring_open(&ring, name, MRING_CONSUME, NULL));
    EXPECT_OK(mring_join(ring, "b", NULL, &then));
    expect_readonly(then);
    /* A member of both has each as it should be. */
    EXPECT_OK(mring_join(ring, "a", NULL, &first));
    expect_readonly(then);
    expect_to_wake(first, 1, 0);
    expect_to_wake(first, 0, -ENOENT);
    expect_to_wake(first, 2, -ENOENT);
    expect_to_wake(then, 0, -ENOENT);
    expect_to_wake(then, 2, 0);
    EXPECT_OK(mring_leave(first));
    EXPECT_OK(mring_leave(then));
    EXPECT_OK(mring_close(ring));
}

static void those_before_are_out_of_reach(void)
{
    struct part part = {.shape = &chain};

    make(&chain, &part.ring);
    child_finish(child_start(join_and_try, &part));
    part.by_name = true;
    child_finish(child_start(join_and_try, &part));
    EXPECT_OK(mring_close(part.ring));
}

/* ---- the broker is gone ---- */

static void serve_until_killed(void *argument)
{
    struct mring *ring;

    make(argument, &ring);
    reach(PRODUCER, 1);
    stay_until_killed();
}

/* Who joins a group behind, and who wakes it, need nothing of the process that made the ring. */
static void a_successor_hands_them_out(void)
{
    struct mring_consumer *first, *then;
    struct mring_producer *producer;
    struct mring_message message;
    struct mring *ring, *other;
    struct mring_open_options wait = MRING_OPEN_OPTIONS_INIT;
    pid_t server;
    const uint32_t number = 0;

    stage = stage_share(sizeof(*stage));
    server = child_start(serve_until_killed, (void *)(uintptr_t)&chain);
    await(PRODUCER, 1);
    (void)snprintf(name, sizeof(name), "stages.%d", (int)server);
    wait.timeout = MRING_FOREVER;
    EXPECT_OK(mring_open(&ring, name, MRING_PRODUCE, &wait));
    EXPECT_OK(mring_producer(ring, &producer, NULL));
    EXPECT_OK(mring_join(ring, "a", NULL, &first));
    child_kill(server);
    (void)mring_wait(first, 0);
    EXPECT_OK(mring_open(&other, name, MRING_CONSUME, &wait));
    EXPECT_OK(mring_join(other, "b", NULL, &then));
    expect_readonly(then);
    EXPECT_OK(mring_send(producer, &number, sizeof(number), number));
    EXPECT(mring_next(then, &message), ==, 0);
    EXPECT(mring_next(first, &message), ==, 1);
    EXPECT_OK(mring_release(first, &message));
    EXPECT(mring_next_wait(then, &message, HANG_LIMIT), ==, 1);
    EXPECT_OK(mring_release(then, &message));
    EXPECT_OK(mring_leave(then));
    EXPECT_OK(mring_close(other));
    EXPECT_OK(mring_leave(first));
    EXPECT_OK(mring_producer_close(producer));
    EXPECT_OK(mring_close(ring));
}

enum { ORPHANS = 2, LEFT = 10 };

static pid_t *orphan; /* shared: children of one who is killed */

/* Forked while the ring was served, and joins when it is no more: by what it has from its parent. */
static void join_alone(void *argument)
{
    const struct part *part = argument;
    struct mring_consumer *consumer;
    struct mring_message message;

    await(PRODUCER, 2);
    EXPECT_OK(mring_join(part->ring, part->shape->groups[part->group].name, NULL, &consumer));
    EXPECT(consumer->core.upstreams, ==, part->group);
    if (part->group > 0)
        expect_readonly(consumer);
    for (uint32_t number = 0; number < LEFT; number++) {
        EXPECT(mring_next_wait(consumer, &message, HANG_LIMIT), ==, 1);
        EXPECT(message.tag, ==, number);
        EXPECT(part->group == 0 || word_load_acquire(&ledger->done[0][number]) == 1, ==, true);
        word_store_release(&ledger->done[part->group][number], 1);
        EXPECT_OK(mring_release(consumer, &message));
    }
    EXPECT_OK(mring_leave(consumer));
    EXPECT_OK(mring_close(part->ring));
    reach(part->group == 0 ? VICTIM : SURVIVOR, 1);
}

static void fork_and_wait(void *unused)
{
    static struct part part[ORPHANS];
    struct mring_producer *producer;
    struct mring *ring;

    (void)unused;
    make(&lone_chain, &ring);
    for (unsigned group = 0; group < ORPHANS; group++) {
        part[group] = (struct part){.shape = &lone_chain, .ring = ring, .group = group};
        orphan[group] = child_start(join_alone, &part[group]);
    }
    EXPECT_OK(mring_producer(ring, &producer, NULL));
    send_numbers(producer, 0, LEFT);
    reach(PRODUCER, 1);
    stay_until_killed();
}

static void children_need_no_broker(void)
{
    pid_t server;

    stage = stage_share(sizeof(*stage));
    ledger = stage_share(sizeof(*ledger));
    orphan = stage_share(ORPHANS * sizeof(*orphan));
    server = child_start(fork_and_wait, NULL);
    await(PRODUCER, 1);
    child_kill(server);
    reach(PRODUCER, 2);
    await(VICTIM, 1);
    await(SURVIVOR, 1);
    for (unsigned at = 0; at < ORPHANS; at++)
        while (kill(orphan[at], 0) == 0) /* until it was reaped, by whoever does that for orphans */
            (void)sched_yield();
}

/* ---- the producer is killed ---- */

static void send_ten(void *argument)
{
    struct mring_producer *producer;

    EXPECT_OK(mring_producer(argument, &producer, NULL));
    send_numbers(producer, 0, 10);
    reach(PRODUCER, 1);
    stay_until_killed();
}

/* What those before have in hand is still to come, though nobody produces. */
static void the_end_is_after_those_before(void)
{
    struct mring_consumer *first, *then;
    struct mring_message message;
    struct mring *ring;
    pid_t sender;

    stage = stage_share(sizeof(*stage));
    make(&lone_chain, &ring);
    sender = child_start(send_ten, ring);
    await(PRODUCER, 1);
    child_kill(sender);
    EXPECT_OK(mring_join(ring, "a", NULL, &first));
    EXPECT_OK(mring_join(ring, "b", NULL, &then));
    EXPECT(mring_wait(then, INT64_C(2) * SECOND), ==, -ETIMEDOUT);
    for (uint32_t number = 0; number < 10; number++) {
        EXPECT(mring_next(first, &message), ==, 1);
        EXPECT_OK(mring_release(first, &message));
        EXPECT(mring_next_wait(then, &message, HANG_LIMIT), ==, 1);
        EXPECT(message.tag, ==, number);
        EXPECT_OK(mring_release(then, &message));
    }
    EXPECT(mring_wait(then, HANG_LIMIT), ==, -EOWNERDEAD);
    EXPECT_OK(mring_leave(first));
    EXPECT_OK(mring_leave(then));
    EXPECT_OK(mring_close(ring));
}

/* ---- a member before writes what cannot be true ---- */

static void a_cut_takes_along_those_behind(void)
{
    struct mring_error error = MRING_ERROR_INIT;
    struct mring_consumer *first, *then[2];
    struct mring_producer *producer;
    struct mring_message message;
    struct mring *ring;
    char payload[8000] = {0};

    make(&lone_chain, &ring);
    EXPECT_OK(mring_producer(ring, &producer, NULL));
    EXPECT_OK(mring_join(ring, "a", NULL, &first));
    EXPECT_OK(mring_join(ring, "b", NULL, &then[0]));
    EXPECT_OK(mring_join(ring, "c", NULL, &then[1]));
    EXPECT_OK(mring_send(producer, payload, sizeof(payload), 0));
    word_store(&first->core.line->held, 5);
    EXPECT(mring_next(then[0], &message), ==, -EBADMSG);
    EXPECT(mring_trouble(then[0], &error), ==, 1);
    EXPECT(strncmp(error.text, "group number 0, which this one is after, says ", 46), ==, 0);
    EXPECT(mring_next(then[1], &message), ==, 0);
    /* Until the producer has to know where the group is. */
    for (unsigned count = 0; count < 30; count++)
        EXPECT_OK(mring_send_wait(producer, payload, sizeof(payload), 0, HANG_LIMIT));
    EXPECT(mring_next(first, &message), ==, -ECONNABORTED);
    for (unsigned at = 0; at < 2; at++) {
        EXPECT(mring_next(then[at], &message), ==, -ECONNABORTED);
        EXPECT(mring_trouble(then[at], &error), ==, 1);
        (void)printf("  %s\n", error.text);
        EXPECT(strstr(error.text, "which it is after, was cut off") != NULL, ==, true);
        EXPECT_OK(mring_leave(then[at]));
    }
    EXPECT(mring_trouble(producer, &error), ==, 1);
    EXPECT(strncmp(error.text, "group \"a\" was cut off", 21), ==, 0);
    EXPECT_OK(mring_leave(first));
    EXPECT_OK(mring_producer_close(producer));
    EXPECT_OK(mring_close(ring));
}

int main(int argc, char **argv)
{
    static const struct scenario scenarios[] = {
        {"forked_sleepers_are_woken", forked_sleepers_are_woken, 120},
        {"named_sleepers_are_woken", named_sleepers_are_woken, 120},
        {"who_polls_is_told", who_polls_is_told, 120},
        {"a_chain_of_lone_ones_is_killed", a_chain_of_lone_ones_is_killed, 120},
        {"a_chain_of_many_is_killed", a_chain_of_many_is_killed, 120},
        {"a_diamond_is_killed", a_diamond_is_killed, 120},
        {"those_before_are_out_of_reach", those_before_are_out_of_reach, 30},
        {"a_successor_hands_them_out", a_successor_hands_them_out, 60},
        {"children_need_no_broker", children_need_no_broker, 60},
        {"the_end_is_after_those_before", the_end_is_after_those_before, 60},
        {"a_cut_takes_along_those_behind", a_cut_takes_along_those_behind, 30},
    };

    return harness_main(argc, argv, scenarios, sizeof(scenarios) / sizeof(scenarios[0]));
}
