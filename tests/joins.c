/* Joins that go wrong, and groups that come and go: whatever happens, no place stays taken and no producer is held up by nobody. */
#include "api/directory.h"
#include "mring.h"

#include "support/child.h"
#include "support/sanitizers.h"

#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <sys/resource.h>

#include <cmocka.h>

enum { SANITIZED = ADDRESS_SANITIZED || THREAD_SANITIZED };

enum { CAPACITY = 65536 };

/* A ring that a child serves and fills when told to. */
struct server {
    char name[MRING_NAME_MAX + 1];
    struct gate orders, reports;
    pid_t process;
};

enum { MESSAGES = 200, BYTES = 1000 }; /* three rings' worth */

/* Send, and read for the group that was declared: how many messages found room. */
static unsigned fill(struct mring_producer *producer, struct mring_consumer *consumer)
{
    static const char payload[BYTES];
    struct mring_message message;
    unsigned sent = 0;

    while (sent < MESSAGES && mring_send(producer, payload, sizeof payload, 0) == 0) {
        sent++;
        CHECK(mring_next(consumer, &message) == 1);
        CHECK(mring_release(consumer, &message) == 0);
    }
    return sent;
}

static int serve(void *context)
{
    struct server *server = context;
    struct mring_options options = MRING_OPTIONS_INIT;
    struct mring_producer *producer;
    struct mring_consumer *consumer;
    struct mring *ring;

    close(server->orders.ends[1]); /* so that the test's end is the end of this */
    options.capacity = CAPACITY;
    CHECK(mring_create(&ring, server->name, &options) == 0);
    CHECK(mring_producer(ring, &producer, NULL) == 0);
    CHECK(mring_join(ring, "all", NULL, &consumer) == 0);
    gate_pass(&server->reports, 0);
    while (gate_wait(&server->orders, NULL))
        gate_pass(&server->reports, fill(producer, consumer));
    return 0;
}

static void start_with(struct server *server, int (*body)(void *))
{
    static unsigned made;

    (void)snprintf(server->name, sizeof server->name, "joins-%ld-%u", (long)getpid(), ++made);
    server->orders = gate_make();
    server->reports = gate_make();
    server->process = child_start(body, server);
    assert_true(gate_wait(&server->reports, NULL));
}

static void start(struct server *server)
{
    start_with(server, serve);
}

static uint64_t fill_there(const struct server *server)
{
    uint64_t sent = 0;

    gate_pass(&server->orders, 0);
    assert_true(gate_wait(&server->reports, &sent));
    return sent;
}

static void stop(struct server *server)
{
    assert_int_equal(child_kill(server->process), -SIGKILL);
    gate_close(&server->orders);
    gate_close(&server->reports);
}

static struct mring *open_there(const struct server *server)
{
    struct mring *ring;

    assert_int_equal(mring_open(&ring, server->name, MRING_CONSUME, NULL), 0);
    return ring;
}

/* Can the one place of this group be had? */
static void assert_joinable(struct mring *ring, const char *group)
{
    const struct mring_join_options one = {.size = sizeof one, .members = 1};
    struct mring_consumer *consumer;

    assert_int_equal(mring_join(ring, group, &one, &consumer), 0);
    assert_int_equal(mring_leave(consumer), 0);
}

static void an_answer_too_late_takes_no_place(void **state)
{
    const struct mring_join_options one = {.size = sizeof one, .members = 1};
    struct mring_consumer *consumer;
    struct server server;
    struct mring *ring;
    int status;

    (void)state;
    start(&server);
    ring = open_there(&server);
    assert_joinable(ring, "warm-up"); /* this process's life in the ring is another message, asked for once */
    assert_int_equal(kill(server.process, SIGSTOP), 0);
    assert_int_equal(waitpid(server.process, &status, WUNTRACED), server.process);
    assert_int_equal(mring_join(ring, "late", &one, &consumer), -ETIMEDOUT);
    assert_int_equal(kill(server.process, SIGCONT), 0);
    assert_joinable(ring, "other");
    assert_int_equal(fill_there(&server), MESSAGES);
    assert_joinable(ring, "late");
    assert_int_equal(mring_close(ring), 0);
    stop(&server);
}

/* getrlimit and setrlimit, whose first parameter is an enum here and an int there. */
static int limit_get(int resource, struct rlimit *limit)
{
    return resource == RLIMIT_AS ? getrlimit(RLIMIT_AS, limit) : getrlimit(RLIMIT_NOFILE, limit);
}

static int limit_set(int resource, const struct rlimit *limit)
{
    return resource == RLIMIT_AS ? setrlimit(RLIMIT_AS, limit) : setrlimit(RLIMIT_NOFILE, limit);
}

/* The join fails at one place after the other as the limit is raised, until it has all that it needs. */
static void join_under_limit(int resource, rlim_t from, rlim_t step, unsigned members)
{
    const struct mring_join_options options = {.size = sizeof options, .members = members};
    struct mring_consumer *consumer;
    struct server server;
    struct mring *ring;
    struct rlimit before;
    unsigned failed = 0;
    int code;

    start(&server);
    ring = open_there(&server);
    assert_joinable(ring, "warm-up");
    assert_int_equal(limit_get(resource, &before), 0);
    for (rlim_t most = from;; most += step) {
        const struct rlimit tight = {.rlim_cur = most, .rlim_max = before.rlim_max};

        assert_int_equal(limit_set(resource, &tight), 0);
        code = mring_join(ring, "short", &options, &consumer);
        assert_int_equal(limit_set(resource, &before), 0);
        if (code == 0)
            break;
        assert_true(++failed < 100);
        assert_joinable(ring, "other"); /* what was asked of the broker before has been dealt with then */
        assert_int_equal(fill_there(&server), MESSAGES);
    }
    assert_int_not_equal(failed, 0);
    assert_int_equal(mring_leave(consumer), 0);
    assert_int_equal(mring_close(ring), 0);
    stop(&server);
}

static void want_of_descriptors_takes_no_place(void **state)
{
    (void)state;
    join_under_limit(RLIMIT_NOFILE, (rlim_t)descriptors_open(), 1, 1);
}

/* The answer comes, and the group cannot be mapped. */
static void want_of_memory_takes_no_place(void **state)
{
    unsigned long pages = 0;
    FILE *sizes = fopen("/proc/self/statm", "r");

    (void)state;
    if (sizes == NULL || SANITIZED) /* a sanitizer ends the process when it gets no memory itself */
        skip();
    assert_int_equal(fscanf(sizes, "%lu", &pages), 1);
    (void)fclose(sizes);
    join_under_limit(RLIMIT_AS, pages * (rlim_t)sysconf(_SC_PAGESIZE), 64 * 1024, MRING_MEMBERS_MAX / 2);
}

/* ---- a producer that cannot map a group ---- */

/* Join when told to, and sleep until there is a message. */
static int serve_sleeper(void *context)
{
    const struct mring_join_options one = {.size = sizeof one, .members = 1};
    struct server *server = context;
    struct mring_consumer *consumer;
    struct mring_message message;
    struct mring *ring;

    close(server->orders.ends[1]);
    CHECK(mring_create(&ring, server->name, NULL) == 0);
    gate_pass(&server->reports, 0);
    CHECK(gate_wait(&server->orders, NULL));
    CHECK(mring_join(ring, "sleeper", &one, &consumer) == 0);
    CHECK(mring_wait(consumer, MRING_FOREVER) == 0);
    CHECK(mring_next(consumer, &message) == 1);
    gate_pass(&server->reports, message.tag);
    (void)gate_wait(&server->orders, NULL);
    return 0;
}

static void a_bell_rings_until_its_group_is_mapped(void **state)
{
    struct mring_producer *producer;
    const struct word *bell;
    struct server server;
    struct mring *ring;
    struct rlimit before, tight;
    uint64_t tag = 0;

    (void)state;
    start_with(&server, serve_sleeper);
    assert_int_equal(mring_open(&ring, server.name, MRING_PRODUCE, NULL), 0);
    assert_int_equal(mring_producer(ring, &producer, NULL), 0);
    gate_pass(&server.orders, 0);
    bell = &ring->region.view.doorbell->groups;
    while (word_load(bell) == 0)
        (void)sched_yield();

    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    tight = before;
    tight.rlim_cur = (rlim_t)descriptors_open();
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &tight), 0);
    assert_int_equal(mring_send(producer, NULL, 0, 7), 0);
    assert_int_not_equal(word_load(bell), 0);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    while (word_load(bell) != 0)
        assert_int_equal(mring_flush(producer), 0);
    assert_true(gate_wait(&server.reports, &tag));
    assert_int_equal(tag, 7);
    assert_int_equal(mring_producer_close(producer), 0);
    assert_int_equal(mring_close(ring), 0);
    stop(&server);
}

/* The directory's entry of the first group, as somebody with the right to write the ring can change it. */
static struct group_entry *first_entry(const struct mring *ring)
{
    return (struct group_entry *)(uintptr_t)(ring->region.base + RING_DIRECTORY_OFFSET);
}

/*
 * A hostile producer may write there that a declared group is a passing one, and of another incarnation. It has no members: but it stays, for
 * the producer in the serving process has no other mapping of it, and goes on waiting for it.
 */
/* Who asks once more, of a broker that could not be told to undo the first time, has one place after that. */
static void asked_twice_one_place(void **state)
{
    struct join_request request = {.name = "pair", .ticket = 4711};
    const struct mring_group pair = {.name = "pair", .members = 2};
    struct mring_options options = MRING_OPTIONS_INIT;
    struct group_reply first, second;
    struct mring_consumer *other;
    struct mring *ring;

    (void)state;
    options.capacity = CAPACITY;
    options.groups = &pair;
    options.group_count = 1;
    assert_int_equal(mring_create(&ring, NULL, &options), 0);
    request.life = life_number(ring->life);
    assert_int_equal(directory_join(ring, geteuid(), &request, &first), 0);
    assert_int_equal(directory_join(ring, geteuid(), &request, &second), 0);
    assert_int_equal(mring_join(ring, "pair", NULL, &other), 0);
    request.ticket++;
    assert_int_equal(directory_join(ring, geteuid(), &request, &first), -EUSERS);
    request.ticket--;
    assert_int_equal(directory_unjoin(ring, &request), 0);
    assert_int_equal(mring_leave(other), 0);
    assert_int_equal(mring_close(ring), 0);
}

static void a_declared_group_stays_whatever_the_directory_says(void **state)
{
    static const char payload[BYTES];
    struct mring_options options = MRING_OPTIONS_INIT;
    struct mring_producer *producer;
    struct mring_consumer *other;
    struct mring_message message;
    struct mring *ring;
    uint32_t sent = 0;
    int code;

    (void)state;
    options.capacity = CAPACITY;
    assert_int_equal(mring_create(&ring, NULL, &options), 0);
    assert_int_equal(mring_producer(ring, &producer, NULL), 0);
    first_entry(ring)->terms.kind = GROUP_PASSING;
    assert_int_equal(mring_join(ring, "other", NULL, &other), 0);
    assert_int_equal(mring_leave(other), 0);
    first_entry(ring)->incarnation.value++;
    assert_int_equal(mring_join(ring, "another", NULL, &other), 0);
    assert_int_equal(mring_leave(other), 0);
    first_entry(ring)->incarnation.value--;
    first_entry(ring)->terms.kind = GROUP_DECLARED;
    while ((code = mring_send(producer, payload, sizeof payload, sent)) == 0)
        assert_true(++sent <= CAPACITY / BYTES);
    assert_int_equal(code, -EAGAIN);
    assert_int_equal(mring_join(ring, "all", NULL, &other), 0);
    for (uint32_t number = 0; number < sent; number++) {
        assert_int_equal(mring_next(other, &message), 1);
        assert_int_equal(message.tag, number);
        assert_int_equal(mring_release(other, &message), 0);
    }
    assert_int_equal(mring_leave(other), 0);
    assert_int_equal(mring_producer_close(producer), 0);
    assert_int_equal(mring_close(ring), 0);
}

static void *join_late(void *context)
{
    struct mring_consumer *consumer = NULL;

    (void)mring_join(context, "late", NULL, &consumer);
    return consumer;
}

/* What mring_info promises to who serves the ring: a group that it counts gets all that is sent from then on. */
static void a_group_that_counts_misses_nothing(void **state)
{
    enum { TURNS = 1000 };
    struct mring_options options = MRING_OPTIONS_INIT;

    (void)state;
    options.capacity = CAPACITY;
    options.groups = &(struct mring_group){.name = NULL};
    for (int turn = 0; turn < TURNS; turn++) {
        struct mring_info info = MRING_INFO_INIT;
        struct mring_producer *producer;
        struct mring_message message;
        struct mring *ring;
        pthread_t thread;
        void *consumer;

        assert_int_equal(mring_create(&ring, NULL, &options), 0);
        assert_int_equal(mring_producer(ring, &producer, NULL), 0);
        assert_int_equal(pthread_create(&thread, NULL, join_late, ring), 0);
        do
            assert_int_equal(mring_info(ring, &info), 0);
        while (info.groups == 0);
        assert_int_equal(mring_send(producer, "first", 5, 0), 0);
        assert_int_equal(pthread_join(thread, &consumer), 0);
        assert_non_null(consumer);
        assert_int_equal(mring_next(consumer, &message), 1);
        assert_int_equal(message.position, 0);
        assert_int_equal(mring_leave(consumer), 0);
        assert_int_equal(mring_producer_close(producer), 0);
        assert_int_equal(mring_close(ring), 0);
    }
}

/* Which groups it has from its parent's mapping is decided by its first join that is not beside a producer's handle, or another member's. */
static int produce_and_join_more(void *ring)
{
    static const char *const names[] = {"first", "second"};
    struct mring_consumer *consumer[2];
    struct mring_producer *producer;
    struct mring_message message;

    CHECK(mring_producer(ring, &producer, NULL) == 0);
    CHECK(mring_join(ring, names[0], NULL, &consumer[0]) == 0);
    CHECK(mring_send(producer, "sent", 5, 0) == 0);
    CHECK(mring_producer_close(producer) == 0);
    CHECK(mring_join(ring, names[1], NULL, &consumer[1]) == 0);
    for (int at = 0; at < 2; at++) {
        CHECK(mring_next(consumer[at], &message) == 1 && mring_release(consumer[at], &message) == 0);
        CHECK(mring_leave(consumer[at]) == 0);
    }
    CHECK(mring_join(ring, names[0], NULL, &consumer[0]) == 0);
    CHECK(mring_producer(ring, &producer, NULL) == -EACCES);
    CHECK(mring_leave(consumer[0]) == 0);
    return 0;
}

static void a_child_that_produced_reads_what_it_joined(void **state)
{
    const struct mring_group groups[] = {{.name = "first", .members = 2}, {.name = "second"}};
    struct mring_options options = MRING_OPTIONS_INIT;
    struct mring *ring;

    (void)state;
    options.capacity = CAPACITY;
    options.groups = groups;
    options.group_count = 2;
    assert_int_equal(mring_create(&ring, NULL, &options), 0);
    assert_int_equal(child_run(produce_and_join_more, ring), 0);
    assert_int_equal(mring_close(ring), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_child_that_produced_reads_what_it_joined),
        cmocka_unit_test(a_declared_group_stays_whatever_the_directory_says),
        cmocka_unit_test(asked_twice_one_place),
        cmocka_unit_test(an_answer_too_late_takes_no_place),
        cmocka_unit_test(want_of_descriptors_takes_no_place),
        cmocka_unit_test(want_of_memory_takes_no_place),
        cmocka_unit_test(a_group_that_counts_misses_nothing),
        cmocka_unit_test(a_bell_rings_until_its_group_is_mapped),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
