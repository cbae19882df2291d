/* How many messages a queue takes: within a process, between processes, and whatever dies or lies. */
#include "mach/ports.h"

#include "port.h"
#include "right.h"
#include "space.h"

#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>

#define SELF mach_task_self()

static mach_port_status_t status_of(mach_port_t port)
{
    mach_port_status_t status;
    mach_msg_type_number_t count = MACH_PORT_RECEIVE_STATUS_COUNT;
    assert_int_equal(mach_port_get_attributes(SELF, port, MACH_PORT_RECEIVE_STATUS, (mach_port_info_t)&status, &count),
                     KERN_SUCCESS);
    return status;
}

/* Send until the queue is full, and say how many went. */
static int fill(mach_port_t port)
{
    int sent = 0;
    while (send_note(port, sent) == MACH_MSG_SUCCESS)
        sent++;
    return send_note(port, sent) == MACH_SEND_TIMED_OUT ? sent : -1;
}

static int drain(mach_port_t port)
{
    union inbox inbox;
    int got = 0;
    while (receive(port, &inbox, 0) == MACH_MSG_SUCCESS)
        got++;
    return got;
}

static void five_by_default(void **state)
{
    (void)state;
    union inbox inbox;
    mach_port_t port = new_port_with_send();
    assert_int_equal(fill(port), 5);
    assert_int_equal(status_of(port).mps_msgcount, 5);
    for (int i = 0; i < 20; i++) {
        assert_int_equal(receive(port, &inbox, 0), MACH_MSG_SUCCESS);
        assert_int_equal(fill(port), 1);
    }
    assert_int_equal(drain(port), 5);
    assert_int_equal(status_of(port).mps_msgcount, 0);
    assert_int_equal(mach_port_destroy(SELF, port), KERN_SUCCESS);
}

static void the_limit_is_set(void **state)
{
    (void)state;
    static const mach_port_msgcount_t limits[] = {1, 16, 300, 2};
    mach_port_t port = new_port_with_send();
    assert_int_equal(set_limit(port, MACH_PORT_QLIMIT_MAX + 1), KERN_INVALID_VALUE);
    for (size_t i = 0; i < sizeof(limits) / sizeof(*limits); i++) {
        assert_int_equal(set_limit(port, limits[i]), KERN_SUCCESS);
        assert_int_equal(status_of(port).mps_qlimit, limits[i]);
        assert_int_equal(fill(port), limits[i]);
        assert_int_equal(drain(port), limits[i]);
    }
    assert_int_equal(fill(port), 2);
    assert_int_equal(set_limit(port, 5), KERN_SUCCESS); /* what is queued counts */
    assert_int_equal(fill(port), 3);
    assert_int_equal(set_limit(port, 1), KERN_SUCCESS); /* and stays */
    assert_int_equal(fill(port), 0);
    assert_int_equal(drain(port), 5);
    assert_int_equal(mach_port_destroy(SELF, port), KERN_SUCCESS);
}

/* What goes by a send-once right always has room. One that is made and used up at once is counted as it comes and as it goes. */
static void send_once_has_room(void **state)
{
    (void)state;
    mach_port_t port = new_port_with_send();
    assert_int_equal(fill(port), 5);
    for (int i = 0; i < 10; i++) {
        struct note note = make_note(port, MACH_MSG_TYPE_MAKE_SEND_ONCE, i);
        assert_int_equal(send_now(&note.header), MACH_MSG_SUCCESS);
    }
    assert_int_equal(drain(port), 15);
    assert_int_equal(fill(port), 5);
    assert_int_equal(drain(port), 5);
    for (int round = 0; round < 4; round++) {
        union inbox inbox;
        for (int i = 0; i < 5; i++) {
            struct note note = make_note(port, MACH_MSG_TYPE_MAKE_SEND_ONCE, i);
            assert_int_equal(send_now(&note.header), MACH_MSG_SUCCESS);
        }
        for (int i = 0; i < 5; i++)
            assert_int_equal(receive(port, &inbox, 0), MACH_MSG_SUCCESS);
        assert_int_equal(fill(port), 5);
        assert_int_equal(drain(port), 5);
    }
    assert_int_equal(mach_port_destroy(SELF, port), KERN_SUCCESS);
}

/* ---- waiting ---- */

struct sender {
    mach_port_t port;
    mach_msg_return_t result;
    pthread_t thread;
};

static void *send_and_wait(void *context)
{
    struct sender *sender = context;
    struct note note = make_note(sender->port, MACH_MSG_TYPE_COPY_SEND, 99);
    sender->result = mach_msg(&note.header, MACH_SEND_MSG, sizeof(note), 0, MACH_PORT_NULL, 0, MACH_PORT_NULL);
    return NULL;
}

enum { WAITERS = 4 };

static void start(struct sender senders[WAITERS], mach_port_t port)
{
    for (int i = 0; i < WAITERS; i++) {
        senders[i].port = port;
        assert_int_equal(pthread_create(&senders[i].thread, NULL, send_and_wait, &senders[i]), 0);
    }
}

static void join(struct sender senders[WAITERS], mach_msg_return_t expected)
{
    for (int i = 0; i < WAITERS; i++) {
        pthread_join(senders[i].thread, NULL);
        assert_int_equal(senders[i].result, expected);
    }
}

static void senders_wait_for_room(void **state)
{
    (void)state;
    int before = descriptors_open();
    struct sender senders[WAITERS];
    union inbox inbox;
    mach_port_t port = new_port_with_send();
    for (int round = 0; round < 50; round++) {
        assert_int_equal(set_limit(port, 1), KERN_SUCCESS);
        assert_int_equal(fill(port), 1);
        start(senders, port);
        if (round % 2 == 0) { /* room comes by receiving, one at a time, or all at once by the limit */
            for (int i = 0; i < 1 + WAITERS; i++)
                assert_int_equal(receive(port, &inbox, PATIENCE), MACH_MSG_SUCCESS);
            join(senders, MACH_MSG_SUCCESS);
        } else {
            assert_int_equal(set_limit(port, 1 + WAITERS), KERN_SUCCESS);
            join(senders, MACH_MSG_SUCCESS);
            assert_int_equal(drain(port), 1 + WAITERS);
        }
    }
    assert_int_equal(fill(port), 1 + WAITERS);
    start(senders, port);
    assert_int_equal(drop_receive(port), KERN_SUCCESS);
    join(senders, MACH_SEND_INVALID_DEST);
    assert_int_equal(mach_port_deallocate(SELF, port), KERN_SUCCESS);
    assert_int_equal(descriptors_open(), before);
}

/* ---- between processes ---- */

struct other {
    char name[64];
    struct gate gate;
};

static struct other other_named(const char *text)
{
    struct other other = {.gate = gate_make()};
    snprintf(other.name, sizeof(other.name), "mring.test.msg_limit.%s.%d", text, getpid());
    return other;
}

static int fill_from_afar(void *context)
{
    struct other *other = context;
    mach_port_t port;
    CHECK(bootstrap_look_up(bootstrap_port, other->name, &port) == BOOTSTRAP_SUCCESS);
    return fill(port);
}

/* Announces messages that never come, as a sender does that is killed just before it sends. */
static int announce_and_die(void *context)
{
    struct other *other = context;
    kern_return_t kr;
    mach_port_t port;
    CHECK(bootstrap_look_up(bootstrap_port, other->name, &port) == BOOTSTRAP_SUCCESS);
    struct mach_object *object = space_hold_send(port, &kr);
    CHECK(object && port_ready_to_send(object));
    for (int i = 0; i < 5; i++)
        CHECK(port_admit(object));
    raise(SIGKILL);
    return 0;
}

static int write_nonsense(void *context)
{
    struct other *other = context;
    kern_return_t kr;
    mach_port_t port;
    struct wire_right right;
    int fds[WIRE_FDS];
    CHECK(bootstrap_look_up(bootstrap_port, other->name, &port) == BOOTSTRAP_SUCCESS);
    struct mach_object *object = space_hold_send(port, &kr);
    CHECK(object && right_pack(object, &right, fds));
    unsigned char *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fds[1], 0);
    CHECK(page != MAP_FAILED);
    memset(page, 0, 4096); /* a limit of 0 */
    memset(page, 0xff, 4); /* and as full as can be */
    CHECK(ftruncate(fds[1], 0) != 0);
    return 0;
}

static void limits_hold_between_processes(void **state)
{
    (void)state;
    struct other other = other_named("far");
    mach_port_t port;
    assert_int_equal(bootstrap_check_in(bootstrap_port, other.name, &port), BOOTSTRAP_SUCCESS);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(child_run(fill_from_afar, &other), 5);
        assert_int_equal(child_run(fill_from_afar, &other), 0);
        assert_int_equal(drain(port), 5);
    }

    /* Nothing is queued, five are announced: the port is open, and soon as wide as before. */
    for (int i = 0; i < 3; i++) {
        assert_int_equal(child_run(announce_and_die, &other), -SIGKILL);
        assert_int_equal(child_run(fill_from_afar, &other), 5);
        assert_int_equal(drain(port), 5);
    }

    /* Whatever is written, one message goes at a time; the receiver sets the limit right by setting it. */
    assert_int_equal(child_run(write_nonsense, &other), 0);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(child_run(fill_from_afar, &other), 1);
        assert_int_equal(drain(port), 1);
    }
    assert_int_equal(status_of(port).mps_qlimit, 5);
    assert_int_equal(set_limit(port, 5), KERN_SUCCESS);
    assert_int_equal(child_run(fill_from_afar, &other), 5);
    assert_int_equal(mach_port_destroy(SELF, port), KERN_SUCCESS);
    gate_close(&other.gate);
}

/* One message taken is one sender's room, however the two fall together. */
static void each_place_wakes(void **state)
{
    (void)state;
    mach_port_t port = new_port_with_send();
    for (int round = 0; round < 3000; round++) {
        struct sender sender = {.port = port};
        union inbox inbox;
        assert_int_equal(fill(port), 5);
        assert_int_equal(pthread_create(&sender.thread, NULL, send_and_wait, &sender), 0);
        for (int i = round % 64; i > 0; i--)
            sched_yield();
        assert_int_equal(receive(port, &inbox, 0), MACH_MSG_SUCCESS);
        pthread_join(sender.thread, NULL);
        assert_int_equal(sender.result, MACH_MSG_SUCCESS);
        assert_int_equal(drain(port), 5);
    }
    assert_int_equal(mach_port_destroy(SELF, port), KERN_SUCCESS);
}

static int serve_nobody(void *context)
{
    struct other *other = context;
    mach_port_t port;
    CHECK(bootstrap_check_in(bootstrap_port, other->name, &port) == BOOTSTRAP_SUCCESS);
    gate_pass(&other->gate, 1);
    for (;;)
        pause();
}

/* All who wait are told, also one that looks while the kernel is still at the end of the queue. */
static void the_receiver_is_killed(void **state)
{
    (void)state;
    for (int round = 0; round < 500; round++) {
        struct other other = other_named("killed");
        struct sender senders[WAITERS];
        mach_port_t port;
        pid_t child = child_start(serve_nobody, &other);
        assert_true(gate_wait(&other.gate, NULL));
        assert_int_equal(bootstrap_look_up(bootstrap_port, other.name, &port), BOOTSTRAP_SUCCESS);
        assert_int_equal(fill(port), 5);
        start(senders, port);
        assert_int_equal(child_kill(child), -SIGKILL);
        join(senders, MACH_SEND_INVALID_DEST);
        assert_int_equal(mach_port_deallocate(SELF, port), KERN_SUCCESS);
        gate_close(&other.gate);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(five_by_default),        cmocka_unit_test(the_limit_is_set),
        cmocka_unit_test(send_once_has_room),     cmocka_unit_test(senders_wait_for_room),
        cmocka_unit_test(each_place_wakes),       cmocka_unit_test(limits_hold_between_processes),
        cmocka_unit_test(the_receiver_is_killed),
    };
    return cmocka_run_group_tests_name("msg_limit", tests, NULL, NULL);
}
