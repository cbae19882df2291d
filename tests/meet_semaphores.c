/* What the broker keeps for sleepers and those who wake them: a semaphore for each place, for whoever may have it. */
#include "meet/state.h"
#include "support/meet_fixture.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct sleeper seat(uint32_t group, uint32_t line, uint64_t incarnation, uint64_t owner)
{
    return (struct sleeper){.group = group,
                            .line = line,
                            .incarnation = incarnation,
                            .owner = owner,
                            .members = 4,
                            .key = key_of_group(&secret, group, 4, incarnation)};
}

static int sleep_in_child(void *context)
{
    struct fixture *fixture = context;
    const struct sleeper place = seat(1, 2, 3, 4);
    semaphore_t semaphore;

    CHECK(semaphore_create(mach_task_self(), &semaphore, SYNC_POLICY_FIFO, 0) == KERN_SUCCESS);
    CHECK(meet_put_semaphore(fixture->link, &place, semaphore) == 0);
    gate_pass(&fixture->from_child, 0);
    CHECK(semaphore_wait(semaphore) == KERN_SUCCESS);
    return 0;
}

static int wake_in_child(void *context)
{
    struct fixture *fixture = context;
    const struct sleeper place = seat(1, 2, 3, 4);
    semaphore_t semaphore;

    CHECK(meet_get_semaphore(fixture->link, &place, &semaphore) == 0);
    CHECK(semaphore_signal(semaphore) == KERN_SUCCESS);
    return 0;
}

static void test_semaphore_between_children(void **state)
{
    struct fixture *fixture = *state;
    const struct sleeper place = seat(1, 2, 3, 4);
    struct sleeper wrong = place;
    semaphore_t semaphore;
    pid_t pid;

    serve_own(fixture);
    assert_int_equal(meet_get_semaphore(fixture->link, &place, &semaphore), -ENOENT);
    pid = child_start(sleep_in_child, fixture);
    assert_true(gate_wait(&fixture->from_child, NULL));
    wrong.owner++;
    assert_int_equal(meet_get_semaphore(fixture->link, &wrong, &semaphore), -ENOENT);
    wrong = seat(1, 2, 4, 4);
    assert_int_equal(meet_get_semaphore(fixture->link, &wrong, &semaphore), -ENOENT);
    assert_int_equal(child_run(wake_in_child, fixture), 0);
    assert_int_equal(child_end(pid), 0);

    /* Its owner is dead: whoever signals it learns that. */
    assert_int_equal(meet_get_semaphore(fixture->link, &place, &semaphore), 0);
    assert_int_equal(semaphore_signal(semaphore), KERN_TERMINATED);
    mach_port_deallocate(mach_task_self(), semaphore);
    stop(fixture);
}

static void put(struct fixture *fixture, const struct sleeper *who, semaphore_t *semaphore)
{
    assert_int_equal(semaphore_create(mach_task_self(), semaphore, SYNC_POLICY_FIFO, 0), KERN_SUCCESS);
    assert_int_equal(meet_put_semaphore(fixture->link, who, *semaphore), 0);
}

static bool has(struct fixture *fixture, const struct sleeper *who, semaphore_t semaphore)
{
    semaphore_t got;

    if (meet_get_semaphore(fixture->link, who, &got) != 0)
        return false;
    mach_port_deallocate(mach_task_self(), got);
    return got == semaphore; /* one name for one thing */
}

static void test_semaphore_table(void **state)
{
    static const struct sleeper producer = {.group = SLEEPER_PRODUCER, .owner = 9};
    struct fixture *fixture = *state;
    const struct sleeper place = seat(1, 2, 3, 4), next = seat(1, 2, 3, 5), beside = seat(1, 3, 3, 4),
                         anew = seat(1, 2, 4, 4), nowhere = seat(SLEEPER_PRODUCER + 1, 2, 3, 4);
    semaphore_t semaphore[5];

    serve_own(fixture);
    put(fixture, &place, &semaphore[0]);
    put(fixture, &producer, &semaphore[1]);
    put(fixture, &beside, &semaphore[2]);
    assert_true(has(fixture, &place, semaphore[0]));
    assert_true(has(fixture, &producer, semaphore[1]));
    assert_true(has(fixture, &beside, semaphore[2]));
    assert_int_equal(meet_put_semaphore(fixture->link, &place, semaphore[0]), 0); /* again: nothing changes */
    assert_true(has(fixture, &place, semaphore[0]));

    put(fixture, &next, &semaphore[3]); /* a new occupant */
    assert_false(has(fixture, &place, semaphore[0]));
    assert_true(has(fixture, &next, semaphore[3]));
    assert_true(has(fixture, &beside, semaphore[2]));

    put(fixture, &anew, &semaphore[4]); /* a new group in the same place of the directory */
    assert_false(has(fixture, &next, semaphore[3]));
    assert_false(has(fixture, &beside, semaphore[2]));
    assert_true(has(fixture, &anew, semaphore[4]));
    assert_true(has(fixture, &producer, semaphore[1]));

    assert_int_equal(meet_put_semaphore(fixture->link, &nowhere, semaphore[0]), -EINVAL);
    assert_int_equal(meet_put_semaphore(fixture->link, &place, MACH_PORT_NULL), -EINVAL);
    for (size_t at = 0; at < sizeof semaphore / sizeof *semaphore; at++)
        assert_int_equal(semaphore_destroy(mach_task_self(), semaphore[at]), KERN_SUCCESS);
    stop(fixture);
}

/* Who is in a group before another gets what it takes to wake that one's members, and nothing more. */
static void test_followers(void **state)
{
    struct fixture *fixture = *state;
    const struct sleeper member = seat(1, 0, 3, 4), stranger = seat(3, 0, 3, 4), place = seat(2, 1, 3, 5);
    struct sleeper waker = place, forged = member;
    struct group_reply reply;
    semaphore_t semaphore;

    serve_own(fixture);
    put(fixture, &place, &semaphore);
    assert_int_equal(meet_follower(fixture->link, &stranger, 2, &reply), -ENOENT);
    assert_int_equal(meet_follower(fixture->link, &member, 1, &reply), -ENOENT);
    assert_int_equal(meet_follower(fixture->link, &member, LAYOUT_GROUPS, &reply), -EINVAL);
    forged.key.word[0] ^= 1;
    assert_int_equal(meet_follower(fixture->link, &forged, 2, &reply), -EACCES);
    assert_int_equal(meet_follower(fixture->link, &member, 2, &reply), 0);
    assert_int_equal(reply.index, 2);
    assert_int_equal(reply.terms.after, 1 << 1);
    mach_port_deallocate(mach_task_self(), reply.entry);
    assert_false(key_equal(&reply.key, &place.key));

    waker.key = reply.key;
    assert_true(has(fixture, &waker, semaphore));
    assert_int_equal(meet_put_semaphore(fixture->link, &waker, semaphore), -EACCES);
    assert_int_equal(meet_bring(fixture->link, &waker, fixture->group.entry), -EACCES);
    assert_int_equal(meet_follower(fixture->link, &waker, 2, &reply), -EACCES);
    waker.line = 4; /* past the members there are */
    assert_false(has(fixture, &waker, semaphore));
    waker = seat(1, 0, 3, 4); /* and not those of another group */
    waker.key = reply.key;
    assert_false(has(fixture, &waker, semaphore));
    assert_int_equal(semaphore_destroy(mach_task_self(), semaphore), KERN_SUCCESS);
    stop(fixture);
}

/* Every place there is, and then some: the oldest go. One right for all of them, to spare descriptors. */
static void test_semaphore_table_is_bounded(void **state)
{
    struct semaphore_table table = {.entries = NULL};
    struct sleeper who = {.group = 0, .owner = 1};
    semaphore_t semaphore;

    (void)state;
    assert_int_equal(semaphore_create(mach_task_self(), &semaphore, SYNC_POLICY_FIFO, 0), KERN_SUCCESS);
    for (uint32_t at = 0; at < SEMAPHORES_MAX + 10; at++) {
        who.group = at / LAYOUT_MEMBERS;
        who.line = at % LAYOUT_MEMBERS;
        assert_int_equal(mach_port_mod_refs(mach_task_self(), semaphore, MACH_PORT_RIGHT_SEND, 1), KERN_SUCCESS);
        assert_int_equal(semaphores_put(&table, &who, semaphore), 0);
    }
    assert_int_equal(table.count, SEMAPHORES_MAX);
    assert_int_equal(semaphores_get(&table, &who), semaphore);
    who.group = 0;
    who.line = 9;
    assert_int_equal(semaphores_get(&table, &who), MACH_PORT_NULL);
    who.line = 10;
    assert_int_equal(semaphores_get(&table, &who), semaphore);
    semaphores_clear(&table);
    assert_int_equal(table.count, 0);
    /* What is left is the one reference of this test. */
    assert_int_equal(semaphore_destroy(mach_task_self(), semaphore), KERN_SUCCESS);
    assert_int_equal(semaphore_signal(semaphore), KERN_INVALID_NAME);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        MEET_TEST(test_semaphore_between_children),
        MEET_TEST(test_semaphore_table),
        MEET_TEST(test_followers),
        MEET_TEST(test_semaphore_table_is_bounded),
    };

    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests_name("meet-semaphores", tests, NULL, NULL);
}
