/* Who lives: what each end of a process, and what is no end, does to the verdict of others. */
#include "member/life.h"
#include "region/region.h"
#include "support/child.h"
#include "support/sanitizers.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { NUMBER_LIMIT = 48, THREADS = 8 };

/* The ring whose life entry is shared here; its creator is the test itself. */
struct fixture {
    struct region region;
    unsigned fetched;
    int refuse; /* what fetching answers, if not 0 */
    struct life *life;
    struct gate from_child, to_child;
};

static int fetch(void *context, mem_entry_name_port_t *entry)
{
    struct fixture *fixture = context;

    __atomic_fetch_add(&fixture->fetched, 1, __ATOMIC_RELAXED);
    if (fixture->refuse != 0)
        return fixture->refuse;
    *entry = fixture->region.life;
    return region_share(fixture->region.life) == KERN_SUCCESS ? 0 : -EMFILE;
}

static int no_entry(void *context, mem_entry_name_port_t *entry)
{
    (void)context;
    (void)entry;
    return -EPIPE;
}

static int begin(struct fixture *fixture, struct life **life)
{
    return life_begin(life, fixture->region.view.identity, fetch, fixture);
}

static int set_up(void **state)
{
    const struct region_plan plan = {
        .capacity = LAYOUT_CAPACITY_MIN, .alignment = 8, .members_default = 1, .attempts_max = 5};
    struct fixture *fixture = calloc(1, sizeof *fixture);

    if (fixture == NULL || region_create(&fixture->region, &plan, NULL) != 0)
        return -1;
    fixture->from_child = gate_make();
    fixture->to_child = gate_make();
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;

    gate_close(&fixture->from_child);
    gate_close(&fixture->to_child);
    region_close(&fixture->region);
    free(fixture);
    return 0;
}

static void test_own_life(void **state)
{
    struct fixture *fixture = *state;
    struct life *one, *two;
    uint64_t number;

    assert_int_equal(begin(fixture, &one), 0);
    number = life_number(one);
    assert_true(number != 0 && number >> NUMBER_LIMIT == 0);
    assert_true(life_alive(one, number));
    assert_int_equal(begin(fixture, &two), 0);
    assert_int_equal(fixture->fetched, 1);
    assert_int_equal(life_number(two), number);
    life_end(one);
    assert_true(life_alive(two, number));
    life_end(two);
    life_end(NULL);
}

static void test_numbers_of_nobody(void **state)
{
    struct fixture *fixture = *state;
    struct life *life;
    uint64_t number;

    assert_int_equal(begin(fixture, &life), 0);
    number = life_number(life);
    assert_false(life_alive(life, 0));
    assert_false(life_alive(life, UINT64_MAX));
    assert_false(life_alive(life, number | UINT64_C(1) << NUMBER_LIMIT));
    assert_false(life_alive(life, number ^ 1));
    life_end(life);
}

/* A fetch that fails leaves nothing; the next one may succeed. */
static void test_fetch_fails(void **state)
{
    struct fixture *fixture = *state;
    struct life *life = NULL;

    fixture->refuse = -EPIPE;
    assert_int_equal(begin(fixture, &life), -EPIPE);
    assert_null(life);
    fixture->refuse = 0;
    assert_int_equal(begin(fixture, &life), 0);
    assert_int_equal(fixture->fetched, 2);
    life_end(life);
}

static void *begin_in_thread(void *context)
{
    struct life *life = NULL;

    return begin(context, &life) == 0 ? life : NULL;
}

static void test_threads_share(void **state)
{
    struct fixture *fixture = *state;
    pthread_t thread[THREADS];
    void *life[THREADS];

    for (int at = 0; at < THREADS; at++)
        assert_int_equal(pthread_create(&thread[at], NULL, begin_in_thread, fixture), 0);
    for (int at = 0; at < THREADS; at++) {
        assert_int_equal(pthread_join(thread[at], &life[at]), 0);
        assert_non_null(life[at]);
        assert_ptr_equal(life[at], life[0]);
    }
    assert_int_equal(fixture->fetched, 1);
    for (int at = 0; at < THREADS; at++)
        life_end(life[at]);
}

/* The child's part: begin a life of its own, tell its number, and live until told otherwise. */
static int live(void *context)
{
    struct fixture *fixture = context;
    struct life *own;

    close(fixture->to_child.ends[1]);
    CHECK(life_number(fixture->life) == 0);
    CHECK(life_begin_forked(&own, fixture->life, no_entry, NULL) == 0);
    CHECK(life_number(own) != 0);
    gate_pass(&fixture->from_child, life_number(own));
    gate_wait(&fixture->to_child, NULL);
    return 0;
}

static uint64_t told(struct fixture *fixture)
{
    uint64_t number = 0;

    assert_true(gate_wait(&fixture->from_child, &number));
    return number;
}

static void test_stopped_and_killed(void **state)
{
    struct fixture *fixture = *state;
    uint64_t number;
    pid_t pid;
    int status;

    assert_int_equal(begin(fixture, &fixture->life), 0);
    pid = child_start(live, fixture);
    number = told(fixture);
    assert_int_not_equal(number, life_number(fixture->life));
    assert_true(life_alive(fixture->life, number));

    assert_int_equal(kill(pid, SIGSTOP), 0);
    assert_int_equal(waitpid(pid, &status, WUNTRACED), pid);
    assert_true(WIFSTOPPED(status));
    assert_true(life_alive(fixture->life, number));

    assert_int_equal(child_kill(pid), -SIGKILL);
    assert_false(life_alive(fixture->life, number));
    assert_true(life_alive(fixture->life, life_number(fixture->life)));
    life_end(fixture->life);
}

enum { MARK = 77 };

static int live_marked(void *context)
{
    struct fixture *fixture = context;
    struct life *own;

    close(fixture->to_child.ends[1]);
    CHECK(life_begin_forked(&own, fixture->life, no_entry, NULL) == 0);
    CHECK(life_marked(own, MARK) && !life_marked(own, MARK + 1)); /* the parent's */
    CHECK(life_mark(own, MARK + 1) == 0);
    gate_pass(&fixture->from_child, 0);
    gate_wait(&fixture->to_child, NULL);
    life_unmark(own, MARK + 1);
    gate_pass(&fixture->from_child, 0);
    gate_wait(&fixture->to_child, NULL);
    return 0;
}

/* A mark stands as long as one living process has set it more often than it cleared it. */
static void test_marks(void **state)
{
    struct fixture *fixture = *state;
    pid_t pid;

    assert_int_equal(begin(fixture, &fixture->life), 0);
    assert_false(life_marked(fixture->life, MARK));
    assert_int_equal(life_mark(fixture->life, MARK), 0);
    assert_int_equal(life_mark(fixture->life, MARK), 0);
    life_unmark(fixture->life, MARK);
    assert_true(life_marked(fixture->life, MARK));

    pid = child_start(live_marked, fixture);
    (void)told(fixture);
    assert_true(life_marked(fixture->life, MARK + 1));
    assert_int_equal(kill(pid, SIGSTOP), 0);
    assert_int_equal(waitpid(pid, NULL, WUNTRACED), pid);
    assert_true(life_marked(fixture->life, MARK + 1));
    assert_int_equal(child_kill(pid), -SIGKILL);
    assert_false(life_marked(fixture->life, MARK + 1));

    pid = child_start(live_marked, fixture);
    (void)told(fixture);
    gate_pass(&fixture->to_child, 0);
    (void)told(fixture);
    assert_false(life_marked(fixture->life, MARK + 1));
    assert_int_equal(child_kill(pid), -SIGKILL);

    assert_true(life_marked(fixture->life, MARK));
    life_unmark(fixture->life, MARK);
    assert_false(life_marked(fixture->life, MARK));
    assert_true(life_alive(fixture->life, life_number(fixture->life)));
    life_end(fixture->life);
}

/* Dead as soon as anybody can know of it: a zombie that nobody has waited for is dead. */
static void test_zombie(void **state)
{
    struct fixture *fixture = *state;
    siginfo_t info;
    uint64_t number;
    pid_t pid;

    assert_int_equal(begin(fixture, &fixture->life), 0);
    pid = child_start(live, fixture);
    number = told(fixture);
    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
    assert_false(life_alive(fixture->life, number));
    assert_int_equal(child_end(pid), -SIGKILL);
    life_end(fixture->life);
}

/* Ending a life is not dying, but nobody has that number any more. */
static int live_and_end(void *context)
{
    struct fixture *fixture = context;
    struct life *own;
    uint64_t number;

    CHECK(life_begin_forked(&own, fixture->life, no_entry, NULL) == 0);
    number = life_number(own);
    gate_pass(&fixture->from_child, number);
    gate_wait(&fixture->to_child, NULL);
    life_end(own);
    life_end(fixture->life);
    gate_pass(&fixture->from_child, number);
    gate_wait(&fixture->to_child, NULL);
    return 0;
}

static void test_ended(void **state)
{
    struct fixture *fixture = *state;
    uint64_t number;
    pid_t pid;

    /* In a child it takes the parent's threads for running, and ends the child when a new one is where one of those was. */
    if (THREAD_SANITIZED)
        skip();
    assert_int_equal(begin(fixture, &fixture->life), 0);
    pid = child_start(live_and_end, fixture);
    number = told(fixture);
    assert_true(life_alive(fixture->life, number));
    gate_pass(&fixture->to_child, 0);
    assert_int_equal(told(fixture), number);
    assert_false(life_alive(fixture->life, number));
    /* The child has closed its descriptors of the parent's file: the parent lives on for everybody. */
    gate_pass(&fixture->to_child, 0);
    assert_int_equal(child_end(pid), 0);
    pid = child_start(live, fixture);
    number = told(fixture);
    assert_true(life_alive(fixture->life, number));
    assert_int_equal(child_kill(pid), -SIGKILL);
    life_end(fixture->life);
}

/* The pipe's end is the last descriptor to be closed by exec, so its end of file comes after the life's. */
static int live_and_exec(void *context)
{
    struct fixture *fixture = context;
    struct life *own;
    char *program[] = {(char *)(uintptr_t) "cat", NULL};

    CHECK(life_begin_forked(&own, fixture->life, no_entry, NULL) == 0);
    gate_pass(&fixture->from_child, life_number(own));
    CHECK(fcntl(fixture->from_child.ends[1], F_DUPFD_CLOEXEC, 500) >= 500);
    close(fixture->from_child.ends[1]);
    CHECK(dup2(fixture->to_child.ends[0], STDIN_FILENO) == STDIN_FILENO);
    close(fixture->to_child.ends[0]);
    close(fixture->to_child.ends[1]);
    execvp(program[0], program);
    return 1;
}

static void test_exec(void **state)
{
    struct fixture *fixture = *state;
    uint64_t number;
    pid_t pid;

    assert_int_equal(begin(fixture, &fixture->life), 0);
    pid = child_start(live_and_exec, fixture);
    close(fixture->from_child.ends[1]);
    number = told(fixture);
    assert_false(gate_wait(&fixture->from_child, NULL)); /* it has become cat */
    assert_int_equal(kill(pid, 0), 0);
    assert_false(life_alive(fixture->life, number));
    close(fixture->to_child.ends[1]);
    assert_int_equal(child_end(pid), 0);
    fixture->to_child.ends[1] = fixture->from_child.ends[1] = -1;
    life_end(fixture->life);
}

/* Everybody sees everybody, over three generations; and who forks takes nobody's life. */
static int grandchild(void *context)
{
    struct fixture *fixture = context;
    struct life *own;
    uint64_t parent = 0, child = 0;

    CHECK(gate_wait(&fixture->to_child, &parent) && gate_wait(&fixture->to_child, &child));
    CHECK(life_alive(fixture->life, parent));
    CHECK(life_alive(fixture->life, child));
    CHECK(begin(fixture, &own) ==
          0); /* by identity, as after opening the ring by name: fetched once, which fails here, */
    CHECK(begin(fixture, &own) == 0); /* and never again */
    CHECK(fixture->fetched == 2 && life_entry(own) == MACH_PORT_NULL);
    CHECK(life_number(own) != parent && life_number(own) != child);
    return 0;
}

static int child_with_child(void *context)
{
    struct fixture *fixture = context;
    struct life *own;
    pid_t pid;

    CHECK(life_begin_forked(&own, fixture->life, no_entry, NULL) == 0);
    pid = child_start(grandchild, fixture);
    gate_pass(&fixture->from_child, life_number(own));
    CHECK(child_end(pid) == 0);
    CHECK(life_alive(own, life_number(own)));
    return 0;
}

static void test_generations(void **state)
{
    struct fixture *fixture = *state;
    uint64_t number;
    pid_t pid;

    assert_int_equal(begin(fixture, &fixture->life), 0);
    pid = child_start(child_with_child, fixture);
    number = told(fixture);
    gate_pass(&fixture->to_child, life_number(fixture->life));
    gate_pass(&fixture->to_child, number);
    assert_int_equal(child_end(pid), 0);
    assert_false(life_alive(fixture->life, number));
    life_end(fixture->life);
}

/* Closing the ring's own right to the entry, while a life is held, must not end the life for others. */
static int ask_about_parent(void *context)
{
    struct fixture *fixture = context;
    uint64_t number = 0;

    CHECK(gate_wait(&fixture->to_child, &number));
    CHECK(life_alive(fixture->life, number));
    return 0;
}

static void test_right_given_back(void **state)
{
    struct fixture *fixture = *state;
    struct life *again;
    pid_t pid;

    assert_int_equal(begin(fixture, &fixture->life), 0);
    pid = child_start(ask_about_parent, fixture);
    assert_int_equal(begin(fixture, &again), 0);
    life_end(again);
    mach_port_deallocate(mach_task_self(), fixture->region.life);
    fixture->region.life = MACH_PORT_NULL;
    gate_pass(&fixture->to_child, life_number(fixture->life));
    assert_int_equal(child_end(pid), 0);
    life_end(fixture->life);
}

static void test_nothing_left(void **state)
{
    struct fixture *fixture = *state;
    int before = descriptors_open();

    for (int round = 0; round < 20; round++) {
        struct life *life;

        assert_int_equal(begin(fixture, &life), 0);
        life_end(life);
    }
    assert_int_equal(descriptors_open(), before);
    assert_int_equal(fixture->fetched, 20);
}

#define LIFE_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        LIFE_TEST(test_own_life),
        LIFE_TEST(test_numbers_of_nobody),
        LIFE_TEST(test_fetch_fails),
        LIFE_TEST(test_threads_share),
        LIFE_TEST(test_stopped_and_killed),
        LIFE_TEST(test_marks),
        LIFE_TEST(test_zombie),
        LIFE_TEST(test_generations),
        LIFE_TEST(test_right_given_back),
        LIFE_TEST(test_nothing_left),
        LIFE_TEST(test_ended),
        LIFE_TEST(test_exec),
    };

    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
