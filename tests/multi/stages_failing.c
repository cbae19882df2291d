/*
 * Groups that are after others, when somebody whom they depend on fails them: the broker or the producer is killed, a member before writes what
 * cannot be true. And what a member behind can do to those before it: nothing.
 */
#include "api/consumer.h"
#include "api/producer.h"
#include "chains.h"
#include "harness.h"

#include <errno.h>
#include <mach/mach.h>
#include <mach/mach_vm.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

/* Who joins a group of the ring, and by what. */
struct part {
    const struct shape *shape;
    struct mring *ring;
    unsigned group;
    bool by_name;
};

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
        EXPECT_OK(mring_open(&ring, chain_name, MRING_CONSUME, NULL));
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

    chain_make(&chain, &part.ring);
    child_finish(child_start(join_and_try, &part));
    part.by_name = true;
    child_finish(child_start(join_and_try, &part));
    EXPECT_OK(mring_close(part.ring));
}

/* ---- the broker is gone ---- */

static void serve_until_killed(void *argument)
{
    struct mring *ring;

    chain_make(argument, &ring);
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
    (void)snprintf(chain_name, sizeof(chain_name), "stages.%d", (int)server);
    wait.timeout = MRING_FOREVER;
    EXPECT_OK(mring_open(&ring, chain_name, MRING_PRODUCE, &wait));
    EXPECT_OK(mring_producer(ring, &producer, NULL));
    EXPECT_OK(mring_join(ring, "a", NULL, &first));
    child_kill(server);
    (void)mring_wait(first, 0);
    EXPECT_OK(mring_open(&other, chain_name, MRING_CONSUME, &wait));
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
    chain_make(&lone_chain, &ring);
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
    chain_make(&lone_chain, &ring);
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

    chain_make(&lone_chain, &ring);
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
        {"those_before_are_out_of_reach", those_before_are_out_of_reach, 30},
        {"a_successor_hands_them_out", a_successor_hands_them_out, 60},
        {"children_need_no_broker", children_need_no_broker, 60},
        {"the_end_is_after_those_before", the_end_is_after_those_before, 60},
        {"a_cut_takes_along_those_behind", a_cut_takes_along_those_behind, 30},
    };

    return harness_main(argc, argv, scenarios, sizeof(scenarios) / sizeof(scenarios[0]));
}
