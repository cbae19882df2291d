/* The broker and those who attach: by fork and by name, honest, hostile, dying; and what is left when it is over. */
#include "meet/meet.h"

#include "meet/message.h"
#include "meet/state.h"
#include "region/region.h"
#include "support/child.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

enum { SECOND = 1000 * 1000 * 1000, STARTERS = 4, ROUNDS = 25 };

static const struct ring_key secret = {{11, 22}};

/* A ring and a service that hands its rights out. */
struct fixture {
    struct region region;
    struct region_group group;
    struct broker_service service;
    struct broker *broker;
    struct meet_link *link;
    char name[MRING_NAME_MAX + 1];
    unsigned attached;
    uint64_t brought;
    uint64_t undone; /* the ticket of the last join that was undone */
    pid_t server;    /* where the ring is served by a child */
    struct gate from_child, to_child;
};

static int on_attach(void *context, const struct meet_peer *peer, enum mring_role role, struct attach_reply *reply)
{
    struct fixture *fixture = context;

    fixture->attached++;
    if (peer->uid != geteuid() || peer->pid <= 0)
        return -EACCES;
    reply->ring = role == MRING_PRODUCE ? fixture->region.ring : fixture->region.ring_readonly;
    reply->doorbell = fixture->region.doorbell;
    return region_share(reply->ring) == KERN_SUCCESS && region_share(reply->doorbell) == KERN_SUCCESS ? 0 : -EMFILE;
}

static int on_life(void *context, const struct meet_peer *peer, mem_entry_name_port_t *entry)
{
    struct fixture *fixture = context;

    (void)peer;
    *entry = fixture->region.life;
    return region_share(fixture->region.life) == KERN_SUCCESS ? 0 : -EMFILE;
}

/* The reply says back what the request said, so that the test sees it arrive. */
static int on_join(void *context, const struct meet_peer *peer, const struct join_request *request,
                   struct group_reply *reply)
{
    struct fixture *fixture = context;

    (void)peer;
    if (strcmp(request->name, "full") == 0)
        return -EUSERS;
    *reply = (struct group_reply){.entry = fixture->group.entry,
                                  .index = (uint32_t)strlen(request->name),
                                  .terms = request->terms,
                                  .line = 1,
                                  .incarnation = 77,
                                  .owner = request->life};
    if (strcmp(request->name, "large") == 0)
        reply->terms.members = LAYOUT_MEMBERS + 1;
    return region_share(fixture->group.entry) == KERN_SUCCESS ? 0 : -EMFILE;
}

static int on_unjoin(void *context, const struct meet_peer *peer, const struct join_request *request)
{
    struct fixture *fixture = context;

    (void)peer;
    fixture->undone = request->ticket;
    return 0;
}

static int on_remove(void *context, const struct meet_peer *peer, const char *name)
{
    (void)context;
    return peer->role == MRING_PRODUCE ? (int)strlen(name) - LAYOUT_NAME : -EBUSY;
}

/* A group that cannot be, save for one index. */
static int on_group(void *context, const struct meet_peer *peer, uint32_t index, struct group_reply *reply)
{
    struct fixture *fixture = context;

    (void)peer;
    *reply = (struct group_reply){.entry = fixture->group.entry,
                                  .index = index,
                                  .terms = {.kind = index == 3 ? GROUP_DECLARED : 9, .members = 4}};
    return region_share(fixture->group.entry) == KERN_SUCCESS ? 0 : -EMFILE;
}

/* Group 2 is after group 1, in its third incarnation. */
static int on_follower(void *context, const struct sleeper *member, uint32_t index, struct group_reply *reply)
{
    struct fixture *fixture = context;
    const struct ring_key key = key_of_group(&secret, 2, 4, 3);

    if (index != 2 || member->group != 1)
        return -ENOENT;
    *reply = (struct group_reply){.entry = fixture->group.entry,
                                  .index = index,
                                  .terms = {.kind = GROUP_DECLARED, .members = 4, .after = 1 << 1},
                                  .incarnation = 3,
                                  .key = key_lower(&key)};
    return region_share(fixture->group.entry) == KERN_SUCCESS ? 0 : -EMFILE;
}

static int on_escrow(void *context, const struct meet_peer *peer, struct escrow_reply *reply)
{
    struct fixture *fixture = context;

    (void)peer;
    reply->ring = fixture->region.ring;
    reply->doorbell = fixture->region.doorbell;
    return region_share(reply->ring) == KERN_SUCCESS && region_share(reply->doorbell) == KERN_SUCCESS ? 0 : -EMFILE;
}

static int on_bring(void *context, const struct meet_peer *peer, const struct sleeper *member,
                    mem_entry_name_port_t entry)
{
    struct fixture *fixture = context;

    (void)peer;
    fixture->brought = (uint64_t)member->group << 32 | member->incarnation;
    return MACH_PORT_VALID(entry) && mach_port_deallocate(mach_task_self(), entry) == KERN_SUCCESS ? 0 : -EINVAL;
}

static int set_up(void **state)
{
    const struct region_plan plan = {
        .capacity = LAYOUT_CAPACITY_MIN, .alignment = 8, .members_default = 1, .attempts_max = 1};
    struct fixture *fixture = calloc(1, sizeof *fixture);
    static unsigned made;

    if (fixture == NULL || region_create(&fixture->region, &plan, NULL) != 0 ||
        region_group_create(&fixture->group, LAYOUT_CAPACITY_MIN, 4, 0, NULL) != 0)
        return -1;
    fixture->service = (struct broker_service){.context = fixture,
                                               .attach = on_attach,
                                               .escrow = on_escrow,
                                               .life = on_life,
                                               .join = on_join,
                                               .unjoin = on_unjoin,
                                               .remove = on_remove,
                                               .group = on_group,
                                               .follower = on_follower,
                                               .bring = on_bring};
    fixture->from_child = gate_make();
    fixture->to_child = gate_make();
    snprintf(fixture->name, sizeof fixture->name, "test-%ld-%u", (long)getpid(), ++made);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;

    gate_close(&fixture->from_child);
    gate_close(&fixture->to_child);
    region_group_close(&fixture->group);
    region_close(&fixture->region);
    free(fixture);
    return 0;
}

static struct broker_terms terms_of(const struct fixture *fixture, const char *name)
{
    return (struct broker_terms){.name = name,
                                 .identity = {fixture->region.view.identity[0], fixture->region.view.identity[1]},
                                 .secret = secret};
}

static int serve(struct fixture *fixture, const char *name, struct mring_error *error)
{
    const struct broker_terms terms = terms_of(fixture, name);

    return broker_start(&fixture->broker, &terms, &fixture->service, error);
}

static void serve_own(struct fixture *fixture)
{
    assert_int_equal(serve(fixture, NULL, NULL), 0);
    assert_int_equal(meet_own(&fixture->link, fixture->broker, NULL), 0);
}

static void stop(struct fixture *fixture)
{
    broker_stop(fixture->broker);
    meet_close(fixture->link);
}

/* Attach over a link and look into the memory. 0, or what went wrong. In parents and children. */
static int attach_and_look(struct fixture *fixture, struct meet_link *link, enum mring_role role)
{
    struct mring_error error = MRING_ERROR_INIT;
    struct attach_reply reply;
    struct region opened;
    int result = meet_attach(link, role, &reply, &error);

    if (result != 0)
        return result;
    if (memcmp(reply.identity, fixture->region.view.identity, sizeof reply.identity) != 0)
        return -EBADMSG;
    result = region_open(&opened, reply.ring, role, reply.doorbell, &error);
    if (result != 0)
        return result;
    if (opened.view.data[0] != fixture->region.view.data[0])
        result = -EBADMSG;
    region_close(&opened);
    return result;
}

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

/* ---- semaphores ---- */

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

/* ---- hostile clients ---- */

/* Send raw bytes as a request, and see how the broker answers: its result, or 1 for no answer (it has none to give). */
static int say(struct fixture *fixture, struct request *request, mach_msg_size_t size, bool complex)
{
    struct answer_buffer buffer;
    mach_port_t reply = MACH_PORT_NULL;
    mach_msg_return_t mr;
    int result;

    assert_int_equal(mach_port_allocate(mach_task_self(), MACH_PORT_RIGHT_RECEIVE, &reply), KERN_SUCCESS);
    request->header.msgh_bits =
        MACH_MSGH_BITS(MACH_MSG_TYPE_COPY_SEND, MACH_MSG_TYPE_MAKE_SEND_ONCE) | (complex ? MACH_MSGH_BITS_COMPLEX : 0);
    request->header.msgh_size = size;
    request->header.msgh_remote_port = fixture->link->port;
    request->header.msgh_local_port = reply;
    mr = mach_msg(&request->header, MACH_SEND_MSG | MACH_SEND_TIMEOUT, size, 0, MACH_PORT_NULL, 1000, MACH_PORT_NULL);
    assert_int_equal(mr, MACH_MSG_SUCCESS);
    mr = mach_msg(&buffer.answer.header, MESSAGE_RECEIVE | MACH_RCV_TIMEOUT, 0, sizeof buffer, reply, 10000,
                  MACH_PORT_NULL);
    assert_int_equal(mr, MACH_MSG_SUCCESS);
    result = buffer.answer.header.msgh_id == MESSAGE_SEND_ONCE_GONE ? 1 : buffer.answer.result;
    mach_msg_destroy(&buffer.answer.header);
    mach_port_mod_refs(mach_task_self(), reply, MACH_PORT_RIGHT_RECEIVE, -1);
    return result;
}

/* The asker has gone before the broker can have looked at its request. */
static void say_and_go(struct fixture *fixture, struct request *request)
{
    mach_port_t reply = MACH_PORT_NULL;

    assert_int_equal(mach_port_allocate(mach_task_self(), MACH_PORT_RIGHT_RECEIVE, &reply), KERN_SUCCESS);
    request->header.msgh_bits =
        MACH_MSGH_BITS(MACH_MSG_TYPE_COPY_SEND, MACH_MSG_TYPE_MAKE_SEND_ONCE) | MACH_MSGH_BITS_COMPLEX;
    request->header.msgh_size = sizeof *request;
    request->header.msgh_remote_port = fixture->link->port;
    request->header.msgh_local_port = reply;
    meet_pause();
    assert_int_equal(mach_msg(&request->header, MACH_SEND_MSG, sizeof *request, 0, MACH_PORT_NULL, 0, MACH_PORT_NULL),
                     MACH_MSG_SUCCESS);
    mach_port_mod_refs(mach_task_self(), reply, MACH_PORT_RIGHT_RECEIVE, -1);
    meet_resume();
}

static struct request good_request(const struct fixture *fixture)
{
    struct request request = {.header.msgh_id = MESSAGE_ATTACH, .version = MESSAGE_VERSION, .argument = MRING_CONSUME};

    request.body.msgh_descriptor_count = 1;
    request.right = message_right(MACH_PORT_NULL, MACH_MSG_TYPE_COPY_SEND);
    request.identity[0] = fixture->region.view.identity[0];
    request.identity[1] = fixture->region.view.identity[1];
    request.key = fixture->link->key;
    return request;
}

static void test_malformed(void **state)
{
    struct fixture *fixture = *state;
    struct request request;
    struct {
        struct request request;
        unsigned char more[4096];
    } large;

    serve_own(fixture);
    request = good_request(fixture);
    assert_int_equal(say(fixture, &request, sizeof request, true), 0);

    request = good_request(fixture);
    assert_int_equal(say(fixture, &request, sizeof request - 4, true), -EPROTO);
    request = good_request(fixture);
    assert_int_equal(say(fixture, &request, sizeof(mach_msg_header_t), false), -EPROTO);
    request = good_request(fixture);
    assert_int_equal(say(fixture, &request, sizeof request, false), -EPROTO);
    request = good_request(fixture);
    request.body.msgh_descriptor_count = 0;
    assert_int_equal(say(fixture, &request, sizeof request, true), -EPROTO);
    request = good_request(fixture);
    request.version++;
    assert_int_equal(say(fixture, &request, sizeof request, true), -EPROTO);
    request = good_request(fixture);
    request.header.msgh_id = MESSAGE_END;
    assert_int_equal(say(fixture, &request, sizeof request, true), -EPROTO);
    request = good_request(fixture);
    request.header.msgh_id = -1;
    assert_int_equal(say(fixture, &request, sizeof request, true), -EPROTO);
    request = good_request(fixture);
    request.argument = MRING_INSPECT + 1;
    assert_int_equal(say(fixture, &request, sizeof request, true), -EINVAL);
    request = good_request(fixture);
    request.identity[1]++;
    assert_int_equal(say(fixture, &request, sizeof request, true), -EPIPE);
    request = good_request(fixture);
    request.key.word[1]++;
    assert_int_equal(say(fixture, &request, sizeof request, true), -EACCES);
    request = good_request(fixture); /* without a key only the name's port is for anybody */
    request.key = (struct ring_key){{0, 0}};
    assert_int_equal(say(fixture, &request, sizeof request, true), -EACCES);
    request = good_request(fixture); /* "whichever ring this is" is for the ports of names */
    request.identity[0] = request.identity[1] = 0;
    assert_int_equal(say(fixture, &request, sizeof request, true), -EPIPE);

    memset(&large, 0, sizeof large);
    large.request = good_request(fixture);
    assert_int_equal(say(fixture, &large.request, sizeof large, true), 1);

    /* Nobody hears the answer to a join: it is undone. */
    request = good_request(fixture);
    request.header.msgh_id = MESSAGE_JOIN;
    request.of.join =
        (struct message_join){.name = "deaf", .life = 1, .ticket = 9, .terms = {.kind = GROUP_PASSING, .members = 4}};
    say_and_go(fixture, &request);
    request = good_request(fixture);
    assert_int_equal(say(fixture, &request, sizeof request - 4, true), -EPROTO);
    assert_int_equal(fixture->undone, 9);
    request = good_request(fixture);
    request.header.msgh_id = MESSAGE_REMOVE;
    memset(request.of.join.name, 'n', sizeof request.of.join.name);
    assert_int_equal(say(fixture, &request, sizeof request, true), -EINVAL);

    assert_int_equal(fixture->attached, 1);
    assert_int_equal(attach_and_look(fixture, fixture->link, MRING_CONSUME), 0);
    stop(fixture);
}

/* Clients that ask and die, that ask without a port to answer to, that ask and never read. */
static int ask_and_die(void *context)
{
    struct fixture *fixture = context;

    for (int round = 0; round < ROUNDS; round++) {
        struct request request = good_request(fixture);
        mach_msg_bits_t local = round % 2 == 0 ? MACH_MSG_TYPE_MAKE_SEND_ONCE : 0;
        mach_port_t reply = MACH_PORT_NULL;

        CHECK(mach_port_allocate(mach_task_self(), MACH_PORT_RIGHT_RECEIVE, &reply) == KERN_SUCCESS);
        request.header.msgh_bits = MACH_MSGH_BITS(MACH_MSG_TYPE_COPY_SEND, local) | MACH_MSGH_BITS_COMPLEX;
        request.header.msgh_size = sizeof request;
        request.header.msgh_remote_port = fixture->link->port;
        request.header.msgh_local_port = round % 2 == 0 ? reply : MACH_PORT_NULL;
        CHECK(mach_msg(&request.header, MACH_SEND_MSG, sizeof request, 0, MACH_PORT_NULL, 0, MACH_PORT_NULL) ==
              MACH_MSG_SUCCESS);
    }
    raise(SIGKILL);
    return 0;
}

/* Counted without the broker, whose thread may still hold a right when its answer has arrived. */
static void test_dying_clients(void **state)
{
    struct fixture *fixture = *state;
    int before = descriptors_open();

    serve_own(fixture);
    for (int round = 0; round < 4; round++)
        assert_int_equal(child_run(ask_and_die, fixture), -SIGKILL);
    assert_int_equal(attach_and_look(fixture, fixture->link, MRING_CONSUME), 0);
    stop(fixture);
    assert_int_equal(descriptors_open(), before);
}

/* ---- starting and stopping ---- */

static void *start_and_stop(void *context)
{
    struct fixture *fixture = context;
    static unsigned turn;
    const struct broker_terms terms = {.identity = {__atomic_add_fetch(&turn, 1, __ATOMIC_RELAXED), 1},
                                       .secret = {{5, 6}}};

    for (int round = 0; round < ROUNDS; round++) {
        struct broker *broker;
        struct meet_link *link;
        struct attach_reply reply;

        if (broker_start(&broker, &terms, &fixture->service, NULL) != 0)
            return NULL;
        if (meet_own(&link, broker, NULL) != 0 || meet_attach(link, MRING_CONSUME, &reply, NULL) != 0 ||
            reply.identity[0] != terms.identity[0])
            return NULL;
        mach_port_deallocate(mach_task_self(), reply.ring);
        mach_port_deallocate(mach_task_self(), reply.doorbell);
        broker_stop(broker);
        meet_close(link);
    }
    return fixture;
}

static void test_threads_start_and_stop(void **state)
{
    struct fixture *fixture = *state;
    pthread_t thread[STARTERS];
    int before = descriptors_open();

    for (int at = 0; at < STARTERS; at++)
        assert_int_equal(pthread_create(&thread[at], NULL, start_and_stop, fixture), 0);
    for (int at = 0; at < STARTERS; at++) {
        void *result = NULL;

        assert_int_equal(pthread_join(thread[at], &result), 0);
        assert_ptr_equal(result, fixture);
    }
    assert_int_equal(descriptors_open(), before);
    assert_false(meet.running);
    assert_null(meet.rings);
    assert_null(meet.links);
}

/* Forks go on while other threads start, stop and ask. */
static int nothing(void *context)
{
    struct fixture *fixture = context;

    return attach_and_look(fixture, fixture->link, MRING_CONSUME) == 0 ? 0 : 1;
}

static void test_threads_and_forks(void **state)
{
    struct fixture *fixture = *state;
    pthread_t thread;
    void *result = NULL;

    serve_own(fixture);
    assert_int_equal(pthread_create(&thread, NULL, start_and_stop, fixture), 0);
    for (int round = 0; round < ROUNDS; round++)
        assert_int_equal(child_run(nothing, fixture), 0);
    assert_int_equal(pthread_join(thread, &result), 0);
    assert_ptr_equal(result, fixture);
    stop(fixture);
}

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

#define MEET_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

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
        MEET_TEST(test_semaphore_between_children),
        MEET_TEST(test_semaphore_table),
        MEET_TEST(test_followers),
        MEET_TEST(test_remove),
        MEET_TEST(test_semaphore_table_is_bounded),
        MEET_TEST(test_malformed),
        MEET_TEST(test_dying_clients),
        MEET_TEST(test_threads_start_and_stop),
        MEET_TEST(test_threads_and_forks),
    };

    signal(SIGPIPE, SIG_IGN);
    cmocka_set_test_filter(getenv("MEET_BROKER_TESTS")); /* NULL: all */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
