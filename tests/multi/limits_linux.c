/*
 * Every call that opens something, with every resource running out at every use of it: a clear error, nothing half-made, nobody else
 * disturbed, and success as soon as there is room again.
 *
 * A scenario takes one call and goes through the faults (faults_linux.h): n = 0, 1, 2 ... uses succeed, until the call does. Each trial is a
 * process of its own, once for a library in its first call (cold) and once for one that has made that call before (warm). The rings
 * that are opened and joined belong to a server, with a producer, a member of a group of one in a process of its own, and one of a
 * group of many, who exchange messages meanwhile and miss none.
 */
#include "faults_linux.h"
#include "harness.h"
#include "limits_server_linux.h"
#include "mring.h"
#include "possessions_linux.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* ---- the calls ---- */

static char own_name[NAME_SIZE];

/* What a trial has opened. */
static struct mring *ring;
static struct mring_producer *producer;
static struct mring_consumer *consumer;
static struct mring *imported;
static int exported;

static void nothing(void)
{
}

static void close_ring(void)
{
    EXPECT_OK(mring_close(ring));
}

static int create(const char *name, struct mring_error *error)
{
    struct mring_options options = MRING_OPTIONS_INIT;

    options.capacity = 16384;
    options.error = error;
    return mring_create(&ring, name, &options);
}

static int create_unnamed(struct mring_error *error)
{
    return create(NULL, error);
}

static int create_named(struct mring_error *error)
{
    return create(own_name, error);
}

static int open_as(const char *name, enum mring_role role, struct mring_error *error)
{
    struct mring_open_options options = MRING_OPEN_OPTIONS_INIT;

    options.error = error;
    return mring_open(&ring, name, role, &options);
}

static int open_consume(struct mring_error *error)
{
    return open_as(busy_name, MRING_CONSUME, error);
}

static int open_produce(struct mring_error *error)
{
    return open_as(busy_name, MRING_PRODUCE, error);
}

static int become_producer(struct mring_error *error)
{
    struct mring_producer_options options = MRING_PRODUCER_OPTIONS_INIT;

    options.error = error;
    return mring_producer(ring, &producer, &options);
}

static void close_producer(void)
{
    EXPECT_OK(mring_producer_close(producer));
}

static int join(const char *group, struct mring_error *error)
{
    struct mring_join_options options = MRING_JOIN_OPTIONS_INIT;

    options.members = 2;
    options.error = error;
    return mring_join(ring, group, &options, &consumer);
}

static int join_declared(struct mring_error *error)
{
    return join("work", error);
}

static int join_passing(struct mring_error *error)
{
    return join("late", error);
}

static void leave(void)
{
    EXPECT_OK(mring_leave(consumer));
}

static int export_ring(struct mring_error *error)
{
    return mring_export(ring, MRING_CONSUME, &exported, error);
}

static void close_exported(void)
{
    EXPECT_OK(close(exported));
}

static int import_ring(struct mring_error *error)
{
    struct mring_open_options options = MRING_OPEN_OPTIONS_INIT;

    options.error = error;
    return mring_import(exported, &imported, &options);
}

static void close_imported(void)
{
    EXPECT_OK(mring_close(imported));
}

static void make_own(void)
{
    ring = ring_like_theirs(own_name);
}

static void open_busy(void)
{
    EXPECT_OK(open_consume(NULL));
}

static void open_idle(void)
{
    EXPECT_OK(open_as(idle_name, MRING_PRODUCE, NULL));
}

static void open_and_export(void)
{
    open_busy();
    EXPECT_OK(export_ring(NULL));
}

static void close_both(void)
{
    close_exported();
    close_ring();
}

static void inherit(void)
{
    ring = inherited;
}

static void join_idle(void)
{
    open_idle();
    EXPECT_OK(join_declared(NULL));
}

static void close_joined(void)
{
    leave();
    close_ring();
}

static void fill_idle(void)
{
    void *where;

    open_idle();
    EXPECT_OK(become_producer(NULL));
    while (mring_send(producer, NULL, 0, 0) == 0)
        ;
    EXPECT(mring_reserve(producer, 0, &where), ==, -EAGAIN);
}

static void close_filled(void)
{
    close_producer();
    close_ring();
}

/* A wait that times out has done all it can. */
static int slept(int code)
{
    return code == -ETIMEDOUT ? 0 : code;
}

enum { NAP = 3 * 1000 * 1000 };

static int sleep_for_message(struct mring_error *error)
{
    (void)error;
    return slept(mring_wait(consumer, NAP));
}

static int sleep_for_room(struct mring_error *error)
{
    (void)error;
    return slept(mring_wait(producer, NAP));
}

static int sleep_for_drain(struct mring_error *error)
{
    (void)error;
    return slept(mring_drain(producer, NAP));
}

/* The descriptor for an event loop, and what it takes to be woken by it. */
static int poll_for_message(struct mring_error *error)
{
    int code = mring_fd(consumer);

    (void)error;
    return code < 0 ? code : slept(mring_wait(consumer, 0));
}

static int poll_for_room(struct mring_error *error)
{
    int code = mring_fd(producer);

    (void)error;
    return code < 0 ? code : slept(mring_wait(producer, 0));
}

enum { DOCUMENTED = 6 };

struct call {
    const char *name;
    void (*prepare)(void);
    int (*attempt)(struct mring_error *error);
    void (*undo)(void);  /* what the attempt did */
    void (*close)(void); /* what was prepared */
    bool forked;         /* in a child of the server */
    bool speaks;         /* it has a struct mring_error */
    unsigned least;      /* trials, where success does not say that nothing failed */
    int documented[DOCUMENTED];
};

#define CALLS(X)                                                                                                       \
    X(create_unnamed, nothing, create_unnamed, close_ring, nothing, false, true, 0, -ENOMEM, -EMFILE, -EFBIG, -EAGAIN) \
    X(create_named, nothing, create_named, close_ring, nothing, false, true, 0, -ENOMEM, -EMFILE, -EFBIG, -EAGAIN)     \
    X(open_consume, nothing, open_consume, close_ring, nothing, false, true, 0, -ENOMEM, -EMFILE)                      \
    X(open_produce, nothing, open_produce, close_ring, nothing, false, true, 0, -ENOMEM, -EMFILE)                      \
    X(export, open_busy, export_ring, close_exported, close_ring, false, true, 0, -ENOMEM, -EMFILE)                    \
    X(import, open_and_export, import_ring, close_imported, close_both, false, true, 0, -ENOMEM, -EMFILE)              \
    X(producer_own, make_own, become_producer, close_producer, close_ring, false, true, 0, -ENOMEM, -EMFILE)           \
    X(producer_opened, open_idle, become_producer, close_producer, close_ring, false, true, 0, -ENOMEM, -EMFILE)       \
    X(join_declared, open_busy, join_declared, leave, close_ring, false, true, 0, -ENOMEM, -EMFILE)                    \
    X(join_passing, open_busy, join_passing, leave, close_ring, false, true, 0, -ENOMEM, -EMFILE)                      \
    X(join_own_declared, make_own, join_declared, leave, close_ring, false, true, 0, -ENOMEM, -EMFILE)                 \
    X(join_own_passing, make_own, join_passing, leave, close_ring, false, true, 0, -ENOMEM, -EMFILE, -EFBIG)           \
    X(join_inherited, inherit, join_declared, leave, nothing, true, true, 0, -ENOMEM, -EMFILE)                         \
    X(join_forked_passing, inherit, join_passing, leave, nothing, true, true, 0, -ENOMEM, -EMFILE)                     \
    X(consumer_sleeps, join_idle, sleep_for_message, nothing, close_joined, false, false, 24, -ENOMEM, -EIO)           \
    X(producer_sleeps, fill_idle, sleep_for_room, nothing, close_filled, false, false, 24, -ENOMEM, -EIO)              \
    X(producer_drains, fill_idle, sleep_for_drain, nothing, close_filled, false, false, 24, -ENOMEM, -EIO)             \
    X(consumer_polls, join_idle, poll_for_message, nothing, close_joined, false, false, 24, -ENOMEM, -EMFILE, -EIO)    \
    X(producer_polls, fill_idle, poll_for_room, nothing, close_filled, false, false, 24, -ENOMEM, -EMFILE, -EIO)

/* ---- a trial ---- */

/* In memory that leader, server and the trial's process share. */
struct trial {
    const struct call *call;
    const struct fault *fault; /* NULL: none, to see what a library keeps after its first use */
    unsigned n;
    bool warm;
    bool failed;             /* what came of it: the call failed, */
    bool hit;                /* or something in it did */
    struct possessions kept; /* of the trial without a fault */
};

static bool is_documented(const struct call *call, int code)
{
    for (int at = 0; at < DOCUMENTED; at++)
        if (call->documented[at] == code)
            return true;
    return false;
}

static void check_failure(const struct trial *trial, int code, const struct mring_error *error)
{
    if (!is_documented(trial->call, code)) {
        (void)fprintf(stderr, "%d (%s) is not documented: %s\n", code, mring_strerror(code), error->text);
        exit(EXIT_FAILURE);
    }
    if (!trial->call->speaks)
        return;
    EXPECT(error->code, ==, code);
    EXPECT(strlen(error->text), >, 20);
    if (trial->fault->code != 0)
        EXPECT(code, ==, trial->fault->code);
}

/* An undone join is a message to the broker. It is on its way when the call returns: awaited here, by asking again. */
static void expect_places(long places)
{
    for (int patience = 5000; patience > 0 && server_ask(COUNT_PLACES, NULL) != places; patience--)
        (void)nanosleep(&(struct timespec){.tv_nsec = 1000 * 1000}, NULL);
    EXPECT(server_ask(COUNT_PLACES, NULL), ==, places);
}

static void undo_and_compare(const struct trial *trial, const struct possessions *had, const char *what)
{
    struct possessions has;

    trial->call->undo();
    has = possessions_now();
    possessions_within(had, &has, what);
}

/* The attempt, with or without a fault, and what it must not leave. True: it failed. */
static bool attempt(struct trial *trial)
{
    struct mring_error error = MRING_ERROR_INIT;
    int code;

    if (trial->fault != NULL)
        fault_arm(trial->fault, trial->n);
    code = trial->call->attempt(&error);
    trial->hit = fault_hit();
    fault_lift();
    if (code != 0 && getenv("LIMITS_VERBOSE") != NULL)
        (void)printf("  %s %u: %d %s\n", trial->fault->name, trial->n, code, error.text);
    trial->failed = code != 0;
    if (code != 0)
        check_failure(trial, code, &error);
    return code != 0;
}

static void run_trial(void *argument)
{
    struct trial *trial = argument;
    const struct call *call = trial->call;
    struct possessions before;
    long places = 0;

    call->prepare();
    if (trial->warm) {
        EXPECT_OK(call->attempt(NULL));
        call->undo();
        before = possessions_now();
    }
    if (!call->forked) {
        places = server_ask(COUNT_PLACES, NULL);
        server_order(EXCHANGE, NULL);
    }
    if (attempt(trial)) {
        if (trial->warm) {
            struct possessions after = possessions_now();

            possessions_within(&before, &after, "after the failure");
        }
        if (!call->forked) {
            (void)server_answer();
            expect_places(places);
            server_order(EXCHANGE, NULL);
        }
        EXPECT_OK(call->attempt(NULL));
    }
    if (trial->warm)
        undo_and_compare(trial, &before, "after the success");
    else if (trial->fault != NULL)
        undo_and_compare(trial, &trial->kept, "after first failure and success");
    else
        call->undo(), trial->kept = possessions_now();
    if (!call->forked)
        (void)server_answer();
    call->close();
}

static long try_once(struct trial *trial)
{
    int status = 0;
    pid_t child = child_start(run_trial, trial);

    EXPECT(waitpid(child, &status, 0), ==, child);
    return WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SUCCESS ? 0 : 1;
}

static void go(struct trial *trial)
{
    long failed;

    trial->failed = trial->hit = false;
    failed = trial->call->forked ? server_ask(FORK_TRIAL, trial) : try_once(trial);
    if (failed != 0)
        (void)fprintf(stderr, "%s: %s, %s, n = %u\n", trial->call->name,
                      trial->fault != NULL ? trial->fault->name : "no fault", trial->warm ? "warm" : "cold", trial->n);
    EXPECT(failed, ==, 0);
}

/* Until nothing fails any more. How often the call did. */
static unsigned go_through(struct trial *trial, const struct fault *fault, bool warm)
{
    unsigned failures = 0;

    trial->fault = fault;
    trial->warm = warm;
    for (trial->n = 0; trial->n < 400; trial->n++) {
        go(trial);
        failures += trial->failed;
        if (fault->counted ? !trial->hit : !trial->failed && trial->n >= trial->call->least)
            break;
    }
    return failures;
}

static void run_call(const struct call *call)
{
    struct trial *trial = mmap(NULL, sizeof(*trial), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANON, -1, 0);
    pid_t server;
    unsigned failures = 0;

    EXPECT(trial != MAP_FAILED, ==, 1);
    trial->call = call;
    (void)snprintf(own_name, sizeof(own_name), "limits-%d-own", (int)getpid());
    server = server_start(try_once);
    go(trial); /* leaves the server as each trial finds it from now on: with a passing group that nobody is in */
    go(trial);
    for (int at = 0; at < FAULTS; at++) {
        unsigned cold = go_through(trial, &faults[at], false), warm = go_through(trial, &faults[at], true);

        (void)printf("  %s: failed %u times cold, %u times warm\n", faults[at].name, cold, warm);
        failures += cold + warm;
    }
    server_finish(server);
    EXPECT(failures, >, 0);
    EXPECT(names_with(busy_name), ==, 0);
    EXPECT(names_with(idle_name), ==, 0);
    EXPECT(names_with(own_name), ==, 0);
}

#define DEFINE(name, prepare, attempt, undo, close, forked, speaks, least, ...)                                        \
    static void name##_run(void)                                                                                       \
    {                                                                                                                  \
        static const struct call call = {#name, prepare, attempt, undo, close, forked, speaks, least, {__VA_ARGS__}};  \
                                                                                                                       \
        run_call(&call);                                                                                               \
    }
CALLS(DEFINE)
#define LIST(name, ...) {#name, name##_run, 120},

int main(int argc, char **argv)
{
    static const struct scenario scenarios[] = {CALLS(LIST)};

    return harness_main(argc, argv, scenarios, sizeof(scenarios) / sizeof(scenarios[0]));
}
