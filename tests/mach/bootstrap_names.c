/* The name server, beyond the conformance cases 121 to 130 and S10: names, when they end, and who is first. */
#include "mach/bootstrap.h"

#include "support/sanitizers.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/prctl.h>

#define SELF mach_task_self()

static int find_it_taken(void *context)
{
    mach_port_t port = new_port_with_send(), found = 77, checked = 77;
    const char *name = context;
    CHECK(register_name(name, port) == BOOTSTRAP_NOT_PRIVILEGED);
    CHECK(register_name(name, MACH_PORT_NULL) == BOOTSTRAP_NOT_PRIVILEGED);
    CHECK(bootstrap_check_in(bootstrap_port, name, &checked) == BOOTSTRAP_NOT_PRIVILEGED);
    CHECK(checked == 77);
    CHECK(bootstrap_look_up(bootstrap_port, name, &found) == BOOTSTRAP_SUCCESS);
    CHECK(send_note(found, 42) == MACH_MSG_SUCCESS);
    mach_port_t again = 0;
    CHECK(bootstrap_look_up(bootstrap_port, name, &again) == BOOTSTRAP_SUCCESS);
    CHECK(again == found && references(found, MACH_PORT_RIGHT_SEND) == 2); /* 5.1, over processes */
    return 0;
}

/* Cases 123, 124: by the same process SERVICE_ACTIVE, by another one NOT_PRIVILEGED, also for a null port. */
static void a_taken_name(void **state)
{
    (void)state;
    mach_port_t port = new_port_with_send(), checked = 77;
    union inbox inbox;
    assert_int_equal(register_name(own_name("123"), MACH_PORT_NULL), BOOTSTRAP_SUCCESS);
    assert_int_equal(register_name(own_name("123"), port), BOOTSTRAP_SUCCESS);
    assert_int_equal(register_name(own_name("123"), port), BOOTSTRAP_SERVICE_ACTIVE);
    assert_int_equal(register_name(own_name("123"), MACH_PORT_NULL), BOOTSTRAP_SERVICE_ACTIVE);
    assert_int_equal(bootstrap_check_in(bootstrap_port, own_name("123"), &checked), BOOTSTRAP_SERVICE_ACTIVE);
    assert_int_equal(checked, 77);
    assert_int_equal(child_run(find_it_taken, (void *)(uintptr_t)own_name("123")), 0);
    assert_int_equal(receive(port, &inbox, PATIENCE), MACH_MSG_SUCCESS);
    assert_int_equal(inbox.header.msgh_id, 42);
    assert_int_equal(mach_port_destroy(SELF, port), KERN_SUCCESS);
}

/* Case 125: 127 bytes are a name, more are cut there; "" is a name. */
static void long_and_empty_names(void **state)
{
    char longest[160], other[160];
    mach_port_t port, found;
    (void)state;

    int head = snprintf(longest, sizeof(longest), "%s.", own_name("125"));
    memset(longest + head, 'x', sizeof(longest) - (size_t)head);
    longest[127] = '\0';
    assert_int_equal(bootstrap_check_in(bootstrap_port, longest, &port), BOOTSTRAP_SUCCESS);
    assert_int_equal(child_run(look_it_up, longest), 0);
    memcpy(other, longest, sizeof(other));
    other[126] = '\0';
    assert_int_equal(bootstrap_look_up(bootstrap_port, other, &found), BOOTSTRAP_UNKNOWN_SERVICE);
    other[126] = 'y';
    assert_int_equal(bootstrap_look_up(bootstrap_port, other, &found), BOOTSTRAP_UNKNOWN_SERVICE);
    memcpy(other, longest, sizeof(other));
    other[127] = 'y';
    other[128] = '\0';
    assert_int_equal(child_run(look_it_up, other), 0);
    assert_int_equal(bootstrap_check_in(bootstrap_port, other, &found), BOOTSTRAP_SERVICE_ACTIVE);
    assert_int_equal(drop_receive(port), KERN_SUCCESS);

    assert_int_equal(bootstrap_check_in(bootstrap_port, "", &port), BOOTSTRAP_SUCCESS);
    other[0] = '\0';
    assert_int_equal(child_run(look_it_up, other), 0);
    assert_int_equal(drop_receive(port), KERN_SUCCESS);
}

/* Case 127 */
static void no_server(void **state)
{
    mach_port_t port = 77, stale = new_port();
    (void)state;
    assert_int_equal(drop_receive(stale), KERN_SUCCESS);
    mach_port_t nobody[] = {MACH_PORT_NULL, MACH_PORT_DEAD, stale};
    for (int i = 0; i < 3; i++) {
        assert_int_equal(bootstrap_look_up(nobody[i], own_name("127"), &port), MACH_SEND_INVALID_DEST);
        assert_int_equal(bootstrap_check_in(nobody[i], own_name("127"), &port), MACH_SEND_INVALID_DEST);
        assert_int_equal(bootstrap_register(nobody[i], (char[]){"127"}, MACH_PORT_NULL), MACH_SEND_INVALID_DEST);
        assert_int_equal(bootstrap_parent(nobody[i], &port), MACH_SEND_INVALID_DEST);
    }
    assert_int_equal(port, 77);
}

/* Case 128 */
static void check_in(void **state)
{
    mach_port_t port = 0, again = 77;
    mach_port_type_t type = 0;
    union inbox inbox;
    (void)state;
    assert_int_equal(bootstrap_check_in(bootstrap_port, own_name("128"), &port), BOOTSTRAP_SUCCESS);
    assert_int_equal(mach_port_type(SELF, port, &type), KERN_SUCCESS);
    assert_int_equal(type, MACH_PORT_TYPE_RECEIVE);
    assert_int_equal(bootstrap_check_in(bootstrap_port, own_name("128"), &again), BOOTSTRAP_SERVICE_ACTIVE);
    assert_int_equal(again, 77);
    assert_int_equal(child_run(find_it_taken, (void *)(uintptr_t)own_name("128")), 0);
    assert_int_equal(receive(port, &inbox, PATIENCE), MACH_MSG_SUCCESS);
    assert_int_equal(drop_receive(port), KERN_SUCCESS);
    /* The name ends with the receive right, at once for its own process. */
    assert_int_equal(bootstrap_check_in(bootstrap_port, own_name("128"), &port), BOOTSTRAP_SUCCESS);
    assert_int_equal(drop_receive(port), KERN_SUCCESS);
}

static void what_cannot_be_registered(void **state)
{
    (void)state;
    mach_port_t port = new_port_with_send(), receive_only = new_port(), stale = new_port();
    assert_int_equal(drop_receive(stale), KERN_SUCCESS);
    assert_int_equal(register_name(own_name("bad"), stale), MACH_SEND_INVALID_RIGHT);
    assert_int_equal(register_name(own_name("bad"), receive_only), MACH_SEND_INVALID_RIGHT);
    assert_int_equal(register_name(own_name("bad"), SELF), MACH_SEND_INVALID_RIGHT);
    assert_int_equal(register_name(own_name("bad"), MACH_PORT_DEAD), BOOTSTRAP_NO_MEMORY);
    assert_int_equal(drop_receive(port), KERN_SUCCESS);
    assert_int_equal(register_name(own_name("bad"), port), BOOTSTRAP_NO_MEMORY);         /* a dead port */
    assert_int_equal(register_name(own_name("bad"), MACH_PORT_NULL), BOOTSTRAP_SUCCESS); /* nothing was bound */
    assert_int_equal(mach_port_deallocate(SELF, port), KERN_SUCCESS);
    assert_int_equal(drop_receive(receive_only), KERN_SUCCESS);
}

/* ---- ends ---- */

/* S10, Linux part: a name is free the moment its registrant is dead, 200 times over, and nothing is left. */
static void names_die_with_their_registrant(void **state)
{
    (void)state;
    struct registrant who = {.name = own_name("S10"), .gate = gate_make()};
    mach_port_t found = 77;
    int before = descriptors_open();
    for (int i = 0; i < 200; i++) {
        who.what = (enum registration)(i % REGISTRATIONS);
        pid_t child = child_start(register_and_stay, &who);
        assert_true(gate_wait(&who.gate, NULL));
        assert_int_equal(bootstrap_look_up(bootstrap_port, who.name, &found), BOOTSTRAP_SUCCESS);
        assert_int_equal(child_kill(child), -SIGKILL);
        assert_int_equal(send_note(found, 1), MACH_SEND_INVALID_DEST); /* dead, or no port */
        assert_int_equal(mach_port_deallocate(SELF, found), KERN_SUCCESS);
        assert_int_equal(bootstrap_look_up(bootstrap_port, who.name, &found), BOOTSTRAP_UNKNOWN_SERVICE);
    }
    gate_close(&who.gate);
    assert_int_equal(descriptors_open(), before - 2);
}

static int do_nothing_until_told(void *context)
{
    struct gate *gates = context;
    gate_pass(&gates[0], 1);
    gate_wait(&gates[1], NULL);
    return 0;
}

static int register_fork_and_end(void *context)
{
    struct gate *gates = context;
    mach_port_t port;
    CHECK(bootstrap_check_in(bootstrap_port, own_name("fork"), &port) == BOOTSTRAP_SUCCESS);
    CHECK(child_start(do_nothing_until_told, gates) > 0);
    CHECK(gate_wait(&gates[0], NULL));
    return 0;
}

/* A child of the registrant does not keep the name when its parent ends. */
static void a_forked_child_keeps_no_name(void **state)
{
    (void)state;
    struct gate gates[2] = {gate_make(), gate_make()};
    mach_port_t port;
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    (void)own_name("fork"); /* the first call fixes the program's part of the name */
    assert_int_equal(child_run(register_fork_and_end, gates), 0);
    assert_int_equal(bootstrap_look_up(bootstrap_port, own_name("fork"), &port), BOOTSTRAP_UNKNOWN_SERVICE);
    assert_int_equal(bootstrap_check_in(bootstrap_port, own_name("fork"), &port), BOOTSTRAP_SUCCESS);
    gate_pass(&gates[1], 1);
    assert_true(waitpid(-1, NULL, 0) > 0);
    gate_close(&gates[0]);
    gate_close(&gates[1]);
    assert_int_equal(drop_receive(port), KERN_SUCCESS);
}

struct distant {
    char name[BOOTSTRAP_MAX_NAME_LEN];
    struct gate registered, ended;
};

static int register_anothers_port(void *context)
{
    const struct distant *distant = context;
    mach_port_t port, found;
    CHECK(bootstrap_look_up(bootstrap_port, own_name("theirs"), &port) == BOOTSTRAP_SUCCESS);
    CHECK(register_name(distant->name, port) == BOOTSTRAP_SUCCESS);
    gate_pass(&distant->registered, 1);
    CHECK(gate_wait(&distant->ended, NULL));
    CHECK(bootstrap_look_up(bootstrap_port, distant->name, &found) == BOOTSTRAP_UNKNOWN_SERVICE);
    return 0;
}

/* A name whose port has its receiver elsewhere ends when that receiver does. */
static void a_name_ends_with_a_distant_port(void **state)
{
    struct distant distant = {.registered = gate_make(), .ended = gate_make()};
    mach_port_t port, found;
    (void)state;

    snprintf(distant.name, sizeof(distant.name), "%s", own_name("distant"));
    assert_int_equal(bootstrap_check_in(bootstrap_port, own_name("theirs"), &port), BOOTSTRAP_SUCCESS);
    pid_t child = child_start(register_anothers_port, &distant);
    assert_true(gate_wait(&distant.registered, NULL));
    assert_int_equal(bootstrap_look_up(bootstrap_port, distant.name, &found), BOOTSTRAP_SUCCESS);
    assert_int_equal(found, port); /* our own port, come back under our own name for it */
    assert_int_equal(mach_port_deallocate(SELF, found), KERN_SUCCESS);
    assert_int_equal(drop_receive(port), KERN_SUCCESS);
    /* The hang-up is on its way to the child's thread, which frees the name without any call there. */
    while (bootstrap_look_up(bootstrap_port, distant.name, &found) != BOOTSTRAP_UNKNOWN_SERVICE)
        sched_yield();
    gate_pass(&distant.ended, 1);
    assert_int_equal(child_end(child), 0);
    gate_close(&distant.registered);
    gate_close(&distant.ended);
}

/* ---- races ---- */

enum { CONTENDERS = 6 };

struct contest {
    char name[BOOTSTRAP_MAX_NAME_LEN];
    struct gate go, done, end;
    _Atomic int *winners;
};

static int contend(void *context)
{
    struct contest *contest = context;
    mach_port_t port;
    CHECK(gate_wait(&contest->go, NULL));
    kern_return_t kr = bootstrap_check_in(bootstrap_port, contest->name, &port);
    if (kr == BOOTSTRAP_SUCCESS)
        atomic_fetch_add(contest->winners, 1);
    else
        CHECK(kr == BOOTSTRAP_NOT_PRIVILEGED);
    gate_pass(&contest->done, 1);
    CHECK(gate_wait(&contest->end, NULL)); /* the winner keeps it until all have tried */
    return 0;
}

static void one_of_many_wins(void **state)
{
    _Atomic int *winners = mmap(NULL, sizeof(*winners), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    (void)state;
    assert_true(winners != MAP_FAILED);
    for (int round = 0; round < 20; round++) {
        struct contest contest = {.go = gate_make(), .done = gate_make(), .end = gate_make(), .winners = winners};
        pid_t children[CONTENDERS];
        snprintf(contest.name, sizeof(contest.name), "%s", own_name("contest"));
        atomic_store(winners, 0);
        for (int i = 0; i < CONTENDERS; i++)
            children[i] = child_start(contend, &contest);
        for (int i = 0; i < CONTENDERS; i++)
            gate_pass(&contest.go, 1);
        for (int i = 0; i < CONTENDERS; i++)
            assert_true(gate_wait(&contest.done, NULL));
        for (int i = 0; i < CONTENDERS; i++)
            gate_pass(&contest.end, 1);
        for (int i = 0; i < CONTENDERS; i++)
            assert_int_equal(child_end(children[i]), 0);
        assert_int_equal(atomic_load(winners), 1);
        gate_close(&contest.go);
        gate_close(&contest.done);
        gate_close(&contest.end);
    }
    munmap((void *)(uintptr_t)winners, sizeof(*winners));
}

struct churn {
    int number;
    _Atomic bool *stop;
    int failed;
};

static void *register_and_drop(void *context)
{
    struct churn *churn = context;
    char name[BOOTSTRAP_MAX_NAME_LEN];
    mach_port_t port, found;
    snprintf(name, sizeof(name), "mring.test.churn.%d.%d", getpid(), churn->number);
    while (!atomic_load(churn->stop))
        if (bootstrap_check_in(bootstrap_port, name, &port) != BOOTSTRAP_SUCCESS ||
            bootstrap_look_up(bootstrap_port, name, &found) != BOOTSTRAP_SUCCESS || found != port ||
            mach_port_destroy(SELF, port) != KERN_SUCCESS ||
            bootstrap_look_up(bootstrap_port, name, &found) != BOOTSTRAP_UNKNOWN_SERVICE) {
            churn->failed = 1;
            break;
        }
    return NULL;
}

static int serve_in_the_child(void *context)
{
    const int *before = context;
    mach_port_t port, found;
    CHECK(descriptors_open() == *before);
    CHECK(bootstrap_check_in(bootstrap_port, own_name("in the child"), &port) == BOOTSTRAP_SUCCESS);
    CHECK(child_run(look_it_up, (void *)(uintptr_t)own_name("in the child")) == 0);
    CHECK(bootstrap_look_up(bootstrap_port, own_name("steady"), &found) == BOOTSTRAP_SUCCESS);
    return 0;
}

/* Threads register and drop, children fork off amid it, serve names of their own and find the parent's. */
static int churn_in_a_fresh_process(void *context)
{
    enum { THREADS = 2 };
    int before = descriptors_open();
    _Atomic bool stop = false;
    struct churn churns[THREADS];
    pthread_t threads[THREADS];
    mach_port_t steady;
    (void)context;

    CHECK(bootstrap_check_in(bootstrap_port, own_name("steady"), &steady) == BOOTSTRAP_SUCCESS);
    for (int i = 0; i < THREADS; i++) {
        churns[i] = (struct churn){i, &stop, 0};
        CHECK(pthread_create(&threads[i], NULL, register_and_drop, &churns[i]) == 0);
    }
    for (int i = 0; i < 40; i++)
        CHECK(child_run(serve_in_the_child, &before) == 0);
    atomic_store(&stop, true);
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        CHECK(churns[i].failed == 0);
    }
    return 0;
}

/* The sanitizers' own locks may be held at a fork, and then no thread starts in the child. */
static void forks_amid_registrations(void **state)
{
    (void)state;
    if (ADDRESS_SANITIZED || THREAD_SANITIZED)
        skip();
    (void)own_name("steady");
    assert_int_equal(child_run(churn_in_a_fresh_process, NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_taken_name),
        cmocka_unit_test(long_and_empty_names),
        cmocka_unit_test(no_server),
        cmocka_unit_test(check_in),
        cmocka_unit_test(what_cannot_be_registered),
        cmocka_unit_test(names_die_with_their_registrant),
        cmocka_unit_test(a_forked_child_keeps_no_name),
        cmocka_unit_test(a_name_ends_with_a_distant_port),
        cmocka_unit_test(one_of_many_wins),
        cmocka_unit_test(forks_amid_registrations),
    };
    return cmocka_run_group_tests_name("bootstrap_names", tests, NULL, NULL);
}
