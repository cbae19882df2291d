/* The broker and those who attach: by fork and by name; who serves a ring after another; and what is left when it is over. */
#include "support/meet_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

enum { SECOND = 1000 * 1000 * 1000 };

static void test_own(void **state)
{
    struct fixture *fixture = *state;
    mem_entry_name_port_t entry;

    fixture->region.view.data[0] = 11;
    serve_own(fixture);
    assert_int_equal(attach_and_look(fixture, fixture->link, MRING_CONSUME), 0);
    assert_int_equal(attach_and_look(fixture, fixture->link, MRING_PRODUCE), 0);
    assert_int_equal(fixture->attached, 2);
    assert_int_equal(meet_life(fixture->link, &entry), 0);
    assert_int_equal(entry, fixture->region.life); /* one name for one thing */
    mach_port_deallocate(mach_task_self(), entry);
    stop(fixture);
}

static void test_join_and_group(void **state)
{
    struct fixture *fixture = *state;
    struct mring_error error = MRING_ERROR_INIT;
    struct join_request request = {
        .name = "twelve bytes", .terms = {.kind = GROUP_PASSING, .members = 4}, .life = 0x123456789abc, .ticket = 5};
    struct group_reply reply;
    struct region_group opened;

    serve_own(fixture);
    assert_int_equal(meet_join(fixture->link, &request, &reply, &error), 0);
    assert_int_equal(reply.index, 12);
    assert_int_equal(reply.terms.kind, GROUP_PASSING);
    assert_int_equal(reply.terms.members, 4);
    assert_int_equal(reply.line, 1);
    assert_int_equal(reply.incarnation, 77);
    assert_int_equal(reply.owner, 0x123456789abc);
    assert_int_equal(region_group_open(&opened, reply.entry, LAYOUT_CAPACITY_MIN, reply.terms.members, NULL), 0);
    region_group_close(&opened);

    /* The service's refusal travels. */
    strcpy(request.name, "full");
    assert_int_equal(meet_join(fixture->link, &request, &reply, &error), -EUSERS);
    assert_int_equal(fixture->undone, 0);
    meet_unjoin(fixture->link, &request);
    assert_int_equal(meet_join(fixture->link, &request, &reply, &error),
                     -EUSERS); /* the one is dealt with after the other */
    assert_int_equal(fixture->undone, 5);
    /* The broker refuses for the service what nobody can mean. */
    memset(request.name, 'x', sizeof request.name);
    assert_int_equal(meet_join(fixture->link, &request, &reply, &error), -EINVAL);
    strcpy(request.name, "x");
    request.life = UINT64_MAX;
    assert_int_equal(meet_join(fixture->link, &request, &reply, &error), -EINVAL);
    request.life = 1;
    request.terms.members = LAYOUT_MEMBERS + 1;
    assert_int_equal(meet_join(fixture->link, &request, &reply, &error), -EINVAL);
    request.terms = (struct group_terms){.kind = GROUP_PASSING, .members = 4, .lossy = 2};
    assert_int_equal(meet_join(fixture->link, &request, &reply, &error), -EINVAL);
    assert_int_equal(meet_group(fixture->link, NULL, LAYOUT_GROUPS, &reply), -EINVAL);
    /* And the asker refuses what the service makes up: more lines than a group has, a kind that is none. */
    request.terms.lossy = 0;
    strcpy(request.name, "large");
    assert_int_equal(meet_join(fixture->link, &request, &reply, &error), -EPROTO);
    assert_int_equal(meet_group(fixture->link, NULL, 2, &reply), -EPROTO);

    assert_int_equal(meet_group(fixture->link, NULL, 3, &reply), 0);
    assert_int_equal(reply.index, 3);
    mach_port_deallocate(mach_task_self(), reply.entry);
    stop(fixture);
}

/* ---- forks ---- */

static int attach_in_child(void *context)
{
    struct fixture *fixture = context;

    CHECK(attach_and_look(fixture, fixture->link, MRING_CONSUME) == 0);
    CHECK(attach_and_look(fixture, fixture->link, MRING_PRODUCE) == 0);
    broker_stop(fixture->broker); /* frees the copy, stops nothing */
    return 0;
}

static int attach_in_grandchild(void *context)
{
    CHECK(child_run(attach_in_child, context) == 0);
    return attach_in_child(context);
}

static void test_fork(void **state)
{
    struct fixture *fixture = *state;

    fixture->region.view.data[0] = 12;
    serve_own(fixture);
    assert_int_equal(child_run(attach_in_child, fixture), 0);
    assert_int_equal(child_run(attach_in_grandchild, fixture), 0);
    assert_int_equal(attach_and_look(fixture, fixture->link, MRING_CONSUME), 0);
    stop(fixture);
}

static void look_up_registered(mach_port_t slots[3])
{
    mach_port_array_t array = NULL;
    mach_msg_type_number_t count = 0;

    memset(slots, 0, 3 * sizeof *slots);
    if (mach_ports_lookup(mach_task_self(), &array, &count) != KERN_SUCCESS)
        return;
    for (mach_msg_type_number_t slot = 0; slot < count && slot < 3; slot++)
        slots[slot] = array[slot];
    vm_deallocate(mach_task_self(), (vm_address_t)array, count * sizeof *array);
}

/* The middle slot is the user's, a semaphore with two credits: it must be that in the child, and the others empty. */
static int user_slot_in_child(void *context)
{
    struct fixture *fixture = context;
    mach_port_t slots[3];

    look_up_registered(slots);
    CHECK(slots[0] == MACH_PORT_NULL && slots[1] != MACH_PORT_NULL && slots[2] == MACH_PORT_NULL);
    CHECK(semaphore_timedwait(slots[1], (mach_timespec_t){0, 0}) == KERN_SUCCESS);
    CHECK(attach_and_look(fixture, fixture->link, MRING_CONSUME) == 0);
    return 0;
}

static void test_fork_keeps_registered_ports(void **state)
{
    struct fixture *fixture = *state;
    mach_port_t slots[3] = {MACH_PORT_NULL, MACH_PORT_NULL, MACH_PORT_NULL};
    semaphore_t semaphore;

    assert_int_equal(semaphore_create(mach_task_self(), &semaphore, SYNC_POLICY_FIFO, 2), KERN_SUCCESS);
    slots[1] = semaphore;
    assert_int_equal(mach_ports_register(mach_task_self(), slots, 3), KERN_SUCCESS);
    serve_own(fixture);
    assert_int_equal(child_run(user_slot_in_child, fixture), 0);
    look_up_registered(slots);
    assert_int_equal(slots[0], MACH_PORT_NULL);
    assert_int_equal(slots[1], semaphore);
    assert_int_equal(slots[2], MACH_PORT_NULL);
    mach_port_deallocate(mach_task_self(), slots[1]);
    assert_int_equal(semaphore_timedwait(semaphore, (mach_timespec_t){0, 0}), KERN_SUCCESS);
    memset(slots, 0, sizeof slots);
    assert_int_equal(mach_ports_register(mach_task_self(), slots, 3), KERN_SUCCESS);
    assert_int_equal(semaphore_destroy(mach_task_self(), semaphore), KERN_SUCCESS);
    stop(fixture);
}

static int no_way_in_child(void *context)
{
    struct fixture *fixture = context;

    CHECK(attach_and_look(fixture, fixture->link, MRING_CONSUME) == -EPIPE);
    return 0;
}

static void test_fork_with_full_slots(void **state)
{
    struct fixture *fixture = *state;
    mach_port_t slots[3];
    semaphore_t semaphore;

    assert_int_equal(semaphore_create(mach_task_self(), &semaphore, SYNC_POLICY_FIFO, 0), KERN_SUCCESS);
    slots[0] = slots[1] = slots[2] = semaphore;
    assert_int_equal(mach_ports_register(mach_task_self(), slots, 3), KERN_SUCCESS);
    serve_own(fixture);
    assert_int_equal(child_run(no_way_in_child, fixture), 0);
    assert_int_equal(attach_and_look(fixture, fixture->link, MRING_CONSUME), 0);
    memset(slots, 0, sizeof slots);
    assert_int_equal(mach_ports_register(mach_task_self(), slots, 3), KERN_SUCCESS);
    assert_int_equal(semaphore_destroy(mach_task_self(), semaphore), KERN_SUCCESS);
    stop(fixture);
}

/* A child may serve rings itself. */
static int serve_in_child(void *context)
{
    struct fixture *fixture = context;
    struct fixture own = *fixture;
    const struct region_plan plan = {
        .capacity = LAYOUT_CAPACITY_MIN, .alignment = 8, .members_default = 1, .attempts_max = 1};

    CHECK(region_create(&own.region, &plan, NULL) == 0);
    own.region.view.data[0] = 99;
    own.service.context = &own;
    CHECK(serve(&own, NULL, NULL) == 0);
    CHECK(meet_own(&own.link, own.broker, NULL) == 0);
    CHECK(attach_and_look(&own, own.link, MRING_CONSUME) == 0);
    CHECK(attach_and_look(fixture, fixture->link, MRING_CONSUME) == 0);
    CHECK(child_run(attach_in_child, &own) == 0);
    broker_stop(own.broker);
    CHECK(attach_and_look(&own, own.link, MRING_CONSUME) == -EPIPE);
    CHECK(attach_and_look(fixture, fixture->link, MRING_CONSUME) == 0);
    meet_close(own.link);
    region_close(&own.region);
    return 0;
}

static void test_child_serves_too(void **state)
{
    struct fixture *fixture = *state;

    serve_own(fixture);
    assert_int_equal(child_run(serve_in_child, fixture), 0);
    stop(fixture);
}

static int wait_then_find_it_gone(void *context)
{
    struct fixture *fixture = context;

    CHECK(attach_and_look(fixture, fixture->link, MRING_CONSUME) == 0);
    gate_pass(&fixture->from_child, 0);
    CHECK(gate_wait(&fixture->to_child, NULL));
    CHECK(attach_and_look(fixture, fixture->link, MRING_CONSUME) == -EPIPE);
    return 0;
}

static void test_stopped_ring(void **state)
{
    struct fixture *fixture = *state;
    struct broker *other;
    const struct broker_terms terms = {.identity = {1, 2}, .secret = {{3, 4}}};
    pid_t pid;

    /* Another ring keeps the broker alive: the answer is a refusal. */
    assert_int_equal(broker_start(&other, &terms, &fixture->service, NULL), 0);
    serve_own(fixture);
    pid = child_start(wait_then_find_it_gone, fixture);
    assert_true(gate_wait(&fixture->from_child, NULL));
    stop(fixture);
    gate_pass(&fixture->to_child, 0);
    assert_int_equal(child_end(pid), 0);

    /* The last one: the broker itself is gone. */
    serve_own(fixture);
    pid = child_start(wait_then_find_it_gone, fixture);
    assert_true(gate_wait(&fixture->from_child, NULL));
    stop(fixture);
    broker_stop(other);
    gate_pass(&fixture->to_child, 0);
    assert_int_equal(child_end(pid), 0);
}

/* ---- names ---- */

/* A server of its own: a forked child has the test's memory but none of its rights, so it makes a ring, and says which. */
static int serve_by_name(void *context)
{
    struct fixture *fixture = context;
    const struct region_plan plan = {
        .capacity = LAYOUT_CAPACITY_MIN, .alignment = 8, .members_default = 1, .attempts_max = 1};

    CHECK(region_create(&fixture->region, &plan, NULL) == 0);
    fixture->region.view.data[0] = 13;
    CHECK(serve(fixture, fixture->name, NULL) == 0);
    gate_pass(&fixture->from_child, fixture->region.view.identity[0]);
    gate_pass(&fixture->from_child, fixture->region.view.identity[1]);
    gate_wait(&fixture->to_child, NULL);
    broker_stop(fixture->broker);
    gate_pass(&fixture->from_child, 0);
    gate_wait(&fixture->to_child, NULL);
    return 0;
}

/* From here on the fixture's view is what the server's ring should look like. */
static void start_server(struct fixture *fixture)
{
    fixture->region.view.data[0] = 13;
    fixture->server = child_start(serve_by_name, fixture);
    assert_true(gate_wait(&fixture->from_child, &fixture->region.view.identity[0]));
    assert_true(gate_wait(&fixture->from_child, &fixture->region.view.identity[1]));
}

static void test_name(void **state)
{
    struct fixture *fixture = *state;
    struct mring_error error = MRING_ERROR_INIT;

    assert_int_equal(meet_look_up(&fixture->link, geteuid(), fixture->name, 0, &error), -ENOENT);
    assert_non_null(strstr(error.text, fixture->name));
    start_server(fixture);
    assert_int_equal(serve(fixture, fixture->name, &error), -EEXIST); /* another process has it */
    assert_int_equal(meet_look_up(&fixture->link, geteuid(), fixture->name, 0, &error), 0);
    assert_int_equal(attach_and_look(fixture, fixture->link, MRING_PRODUCE), 0);
    assert_int_equal(attach_and_look(fixture, fixture->link, MRING_CONSUME), 0);
    /* The link goes over a fork, and to the child's child. */
    assert_int_equal(child_run(attach_in_grandchild, fixture), 0);

    /* The name is free when the ring is stopped; the link then says so. */
    gate_pass(&fixture->to_child, 0);
    assert_true(gate_wait(&fixture->from_child, NULL));
    assert_int_equal(attach_and_look(fixture, fixture->link, MRING_CONSUME), -EPIPE);
    meet_close(fixture->link);
    assert_int_equal(meet_look_up(&fixture->link, geteuid(), fixture->name, 0, &error), -ENOENT);
    assert_int_equal(serve(fixture, fixture->name, &error), 0);
    {
        const struct broker_terms terms = terms_of(fixture, fixture->name);
        struct broker *second;

        assert_int_equal(broker_start(&second, &terms, &fixture->service, NULL), -EEXIST); /* this process has it */
    }
    broker_stop(fixture->broker);
    gate_pass(&fixture->to_child, 0);
    assert_int_equal(child_end(fixture->server), 0);
}

static void test_name_too_long(void **state)
{
    struct fixture *fixture = *state;
    char name[MRING_NAME_MAX + 2];

    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    assert_int_equal(serve(fixture, name, NULL), -ENAMETOOLONG);
    assert_int_equal(meet_look_up(&fixture->link, geteuid(), name, 0, NULL), -ENAMETOOLONG);
    assert_int_equal(serve(fixture, name + 1, NULL), 0);
    assert_int_equal(meet_look_up(&fixture->link, geteuid(), name + 1, 0, NULL), 0);
    assert_int_equal(attach_and_look(fixture, fixture->link, MRING_CONSUME), 0);
    stop(fixture);
}

static void test_name_dies_with_its_process(void **state)
{
    struct fixture *fixture = *state;

    start_server(fixture);
    assert_int_equal(meet_look_up(&fixture->link, geteuid(), fixture->name, 0, NULL), 0);
    assert_int_equal(attach_and_look(fixture, fixture->link, MRING_CONSUME), 0);
    assert_int_equal(child_kill(fixture->server), -SIGKILL);
    assert_int_equal(attach_and_look(fixture, fixture->link, MRING_CONSUME), -EPIPE);
    assert_int_equal(child_run(no_way_in_child, fixture), 0); /* a dead broker's right in the slots */
    meet_close(fixture->link);
    assert_int_equal(meet_look_up(&fixture->link, geteuid(), fixture->name, 0, NULL), -ENOENT);
    start_server(fixture); /* and is free again */
    assert_int_equal(child_kill(fixture->server), -SIGKILL);
}

static int look_up_and_attach(void *context)
{
    struct fixture *fixture = context;

    gate_pass(&fixture->from_child, 0);
    CHECK(meet_look_up(&fixture->link, geteuid(), fixture->name, MRING_FOREVER, NULL) == 0);
    CHECK(attach_and_look(fixture, fixture->link, MRING_CONSUME) == 0);
    return 0;
}

static void test_wait_for_name(void **state)
{
    struct fixture *fixture = *state;
    struct timespec before, after;
    pid_t pid;

    clock_gettime(CLOCK_MONOTONIC, &before);
    assert_int_equal(meet_look_up(&fixture->link, geteuid(), fixture->name, SECOND / 10, NULL), -ENOENT);
    clock_gettime(CLOCK_MONOTONIC, &after);
    assert_true((after.tv_sec - before.tv_sec) * SECOND + (after.tv_nsec - before.tv_nsec) >= SECOND / 10);

    pid = child_start(look_up_and_attach, fixture);
    assert_true(gate_wait(&fixture->from_child, NULL));
    assert_int_equal(serve(fixture, fixture->name, NULL), 0);
    assert_int_equal(child_end(pid), 0);
    broker_stop(fixture->broker);
}

/* A creator that is stopped does not answer; one that is then killed has its death told at once, by the kernel. */
static int ask_the_stopped(void *context)
{
    struct fixture *fixture = context;

    gate_pass(&fixture->from_child, 0);
    CHECK(attach_and_look(fixture, fixture->link, MRING_CONSUME) == -EPIPE);
    return 0;
}

static void test_server_stopped(void **state)
{
    struct fixture *fixture = *state;
    int status;
    pid_t pid;

    start_server(fixture);
    assert_int_equal(meet_look_up(&fixture->link, geteuid(), fixture->name, 0, NULL), 0);
    assert_int_equal(attach_and_look(fixture, fixture->link, MRING_CONSUME), 0);
    assert_int_equal(kill(fixture->server, SIGSTOP), 0);
    assert_int_equal(waitpid(fixture->server, &status, WUNTRACED), fixture->server);
    assert_int_equal(attach_and_look(fixture, fixture->link, MRING_CONSUME), -ETIMEDOUT);
    pid = child_start(ask_the_stopped, fixture);
    assert_true(gate_wait(&fixture->from_child, NULL));
    assert_int_equal(child_kill(fixture->server), -SIGKILL);
    assert_int_equal(child_end(pid), 0);
    meet_close(fixture->link);
}

/* The name comes through, and as what the asker has the ring. */
static void test_remove(void **state)
{
    struct fixture *fixture = *state;
    char longest[LAYOUT_NAME];
    struct attach_reply attached;
    struct meet_link *link;

    assert_int_equal(serve(fixture, fixture->name, NULL), 0);
    assert_int_equal(meet_own(&fixture->link, fixture->broker, NULL), 0);
    assert_int_equal(meet_remove(fixture->link, "twelve bytes"), 12 - LAYOUT_NAME);
    memset(longest, 'n', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    assert_int_equal(meet_remove(fixture->link, longest), -1);
    for (enum mring_role role = MRING_CONSUME; role <= MRING_INSPECT; role++) {
        assert_int_equal(meet_look_up(&link, geteuid(), fixture->name, 0, NULL), 0);
        assert_int_equal(meet_attach(link, role, &attached, NULL), 0);
        mach_port_deallocate(mach_task_self(), attached.ring);
        mach_port_deallocate(mach_task_self(), attached.doorbell);
        assert_int_equal(meet_remove(link, "x"), role == MRING_PRODUCE   ? 1 - LAYOUT_NAME
                                                 : role == MRING_CONSUME ? -EBUSY
                                                                         : -EACCES);
        meet_close(link);
    }
    stop(fixture);
}

/* ---- who serves it after another ---- */

enum { MEETING = 11 };

static int succeed(struct fixture *fixture, struct broker **broker)
{
    struct broker_terms terms = terms_of(fixture, fixture->name);

    terms.meeting = MEETING;
    return broker_succeed(broker, &terms, &fixture->service, NULL);
}

static int succeed_in_child(void *context)
{
    struct fixture *fixture = context;
    struct broker *broker;

    return succeed(fixture, &broker) == -EEXIST ? 0 : 1;
}

/* One successor of a number; the link that led to the first broker leads to it, also from a child; a name that another ring has is not needed. */
static void test_succession(void **state)
{
    struct fixture *fixture = *state;
    const struct broker_terms another = {.name = fixture->name, .identity = {1, 2}, .secret = {{3, 4}}};
    struct sleeper member = {.group = 5, .incarnation = 9, .members = 4, .key = key_of_group(&secret, 5, 4, 9)};
    struct broker *first, *second, *taker;

    serve_own(fixture);
    assert_int_equal(meet_renew(fixture->link, MEETING), -ENOENT); /* the creator has no such name */
    assert_int_equal(meet_renew(fixture->link, 0), -ENOENT);
    assert_int_equal(attach_and_look(fixture, fixture->link, MRING_CONSUME), 0);
    broker_stop(fixture->broker);
    assert_int_equal(attach_and_look(fixture, fixture->link, MRING_CONSUME), -EPIPE);

    assert_int_equal(broker_start(&taker, &another, &fixture->service, NULL), 0);
    assert_int_equal(succeed(fixture, &first), 0);
    assert_int_equal(succeed(fixture, &second), -EEXIST);
    assert_int_equal(child_run(succeed_in_child, fixture), 0);
    assert_int_equal(meet_renew(fixture->link, MEETING), 0);
    assert_int_equal(attach_and_look(fixture, fixture->link, MRING_CONSUME), 0);
    assert_int_equal(meet_bring(fixture->link, &member, fixture->group.entry), 0);
    assert_int_equal(fixture->brought, UINT64_C(5) << 32 | 9);
    member.incarnation = 10; /* it has no key of that group */
    assert_int_equal(meet_bring(fixture->link, &member, fixture->group.entry), -EACCES);
    assert_int_equal(fixture->brought, UINT64_C(5) << 32 | 9);

    broker_stop(first);
    assert_int_equal(attach_and_look(fixture, fixture->link, MRING_CONSUME), -EPIPE);
    broker_stop(taker);
    assert_int_equal(succeed(fixture, &second), 0);
    assert_int_equal(broker_start(&taker, &another, &fixture->service, NULL), -EEXIST);
    broker_stop(second);
    meet_close(fixture->link);
}

/* The rights and the secret are for the ring's user, and in a strict ring for who may produce. */
static int ask_for_escrow(struct fixture *fixture, enum mring_role role)
{
    struct escrow_reply reply;
    struct attach_reply attached;
    struct meet_link *link;
    int result;

    assert_int_equal(meet_look_up(&link, geteuid(), fixture->name, 0, NULL), 0);
    assert_int_equal(meet_escrow(link, &reply), -EACCES); /* by its ids alone, without a key */
    assert_int_equal(meet_attach(link, role, &attached, NULL), 0);
    mach_port_deallocate(mach_task_self(), attached.ring);
    mach_port_deallocate(mach_task_self(), attached.doorbell);
    result = meet_escrow(link, &reply);
    if (result == 0) {
        assert_true(key_equal(&reply.secret, &secret));
        assert_true(MACH_PORT_VALID(reply.ring) && MACH_PORT_VALID(reply.doorbell));
        mach_port_deallocate(mach_task_self(), reply.ring);
        mach_port_deallocate(mach_task_self(), reply.doorbell);
    }
    meet_close(link);
    return result;
}

static void test_escrow(void **state)
{
    struct fixture *fixture = *state;
    struct broker_terms terms = terms_of(fixture, fixture->name);

    for (terms.strict = false;; terms.strict = true) {
        assert_int_equal(broker_start(&fixture->broker, &terms, &fixture->service, NULL), 0);
        assert_int_equal(ask_for_escrow(fixture, MRING_PRODUCE), 0);
        assert_int_equal(ask_for_escrow(fixture, MRING_CONSUME), terms.strict ? -EACCES : 0);
        assert_int_equal(ask_for_escrow(fixture, MRING_INSPECT), -EACCES);
        broker_stop(fixture->broker);
        if (terms.strict)
            break;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        MEET_TEST(test_own),
        MEET_TEST(test_join_and_group),
        MEET_TEST(test_fork),
        MEET_TEST(test_fork_keeps_registered_ports),
        MEET_TEST(test_fork_with_full_slots),
        MEET_TEST(test_child_serves_too),
        MEET_TEST(test_stopped_ring),
        MEET_TEST(test_name),
        MEET_TEST(test_name_too_long),
        MEET_TEST(test_succession),
        MEET_TEST(test_escrow),
        MEET_TEST(test_name_dies_with_its_process),
        MEET_TEST(test_wait_for_name),
        MEET_TEST(test_server_stopped),
        MEET_TEST(test_remove),
    };

    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests_name("meet-broker", tests, NULL, NULL);
}
