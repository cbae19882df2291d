/*
 * mring_fsck, mring_repair and the command `mring fsck` on rings with real processes: a ring at work is never called damaged, whoever is
 * killed or stopped where; what the dead hold is told, and is gone after the repair.
 */
#include "harness.h"
#include "meet/clock.h"
#include "mring.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { WORKERS = 3, TURNS = 150, BURST = 50, CAPACITY = 65536 };

/* How long the program waits for a ring to appear. */
#define PATIENCE (INT64_C(2) * 1000 * 1000 * 1000)

static struct mring *ring;
static char ring_name[MRING_NAME_MAX + 1];

static void make_ring(void)
{
    static const struct mring_group groups[] = {{.name = "work", .members = WORKERS}, {.name = "log", .members = 1}};
    struct mring_options options = MRING_OPTIONS_INIT;

    (void)snprintf(ring_name, sizeof(ring_name), "fsck.%ld", (long)getpid());
    options.capacity = CAPACITY;
    options.groups = groups;
    options.group_count = 2;
    EXPECT_OK(mring_create(&ring, ring_name, &options));
}

/* ---- at work ---- */

static void consume(void *argument)
{
    struct mring_message messages[8];
    struct mring_consumer *consumer;
    int count;

    EXPECT_OK(mring_join(ring, argument, NULL, &consumer));
    for (;;) {
        count = mring_next_batch(consumer, messages, 8);
        EXPECT(count, >=, 0);
        if (count > 0)
            EXPECT_OK(mring_release(consumer, &messages[count - 1]));
        else
            (void)mring_wait(consumer, MRING_FOREVER);
    }
}

static void produce(void *argument)
{
    struct mring_producer *producer;
    static const char payload[300];
    uint64_t random = harness_seed;

    (void)argument;
    EXPECT_OK(mring_producer(ring, &producer, NULL));
    for (;;) {
        void *room;

        for (uint32_t left = random_below(&random, 8); left > 0; left--) {
            uint32_t length = random_below(&random, sizeof(payload));

            while (mring_reserve(producer, length, &room) == -EAGAIN)
                (void)mring_wait(producer, MRING_FOREVER);
            EXPECT_OK(mring_commit(producer, length, left));
        }
        EXPECT_OK(mring_flush(producer));
    }
}

struct cast {
    pid_t producer, worker[WORKERS], logger;
};

static void start_all(struct cast *cast)
{
    for (unsigned at = 0; at < WORKERS; at++)
        cast->worker[at] = child_start(consume, (void *)(uintptr_t) "work");
    cast->logger = child_start(consume, (void *)(uintptr_t) "log");
    cast->producer = child_start(produce, NULL);
}

static void end_child(pid_t child)
{
    EXPECT_OK(kill(child, SIGKILL));
    EXPECT(waitpid(child, NULL, 0), ==, child);
}

struct watch {
    const char *when;
    uint64_t tail;
};

static void expect_no_damage(void *context, const struct mring_finding *finding)
{
    struct watch *watch = context;

    if (finding->group == NULL && finding->to > watch->tail)
        watch->tail = finding->to;
    if (finding->weight != MRING_DAMAGE)
        return;
    (void)fprintf(stderr, "%s %s %d %s %llu %llu\n", watch->when, finding->group ? finding->group : "ring",
                  finding->place, finding->text, (unsigned long long)finding->from, (unsigned long long)finding->to);
    exit(EXIT_FAILURE);
}

/* Look again and again. The tail that was seen last. */
static uint64_t check_often(const char *when)
{
    struct watch watch = {when, 0};
    struct mring_fsck_options options = MRING_FSCK_OPTIONS_INIT;

    options.report = expect_no_damage;
    options.context = &watch;
    for (unsigned turn = 0; turn < BURST; turn++)
        EXPECT(mring_fsck(ring, &options), >=, 0);
    return watch.tail;
}

/* Look until the stream has gone around the ring. */
static void check_a_lap(void)
{
    uint64_t begin = check_often("while all work:");

    while (check_often("while all work:") < begin + CAPACITY)
        ;
}

static pid_t *victim(struct cast *cast, uint32_t number)
{
    return number < WORKERS ? &cast->worker[number] : number == WORKERS ? &cast->logger : &cast->producer;
}

/* Processes are stopped, looked at, killed, looked at, and replaced, at whatever instruction they are. */
static void a_ring_at_work_is_never_damaged(void)
{
    uint64_t random = harness_seed;
    struct cast cast;

    make_ring();
    start_all(&cast);
    for (unsigned turn = 0; turn < TURNS; turn++) {
        uint32_t number = random_below(&random, WORKERS + 2);
        pid_t *child = victim(&cast, number);

        check_a_lap();
        EXPECT_OK(kill(*child, SIGSTOP));
        (void)check_often("while one is stopped:");
        end_child(*child);
        (void)check_often("after one was killed:");
        *child = child_start(number == WORKERS + 1 ? produce : consume,
                             (void *)(uintptr_t)(number == WORKERS ? "log" : "work"));
    }
    for (uint32_t number = 0; number < WORKERS + 2; number++)
        end_child(*victim(&cast, number));
    (void)check_often("after all were killed:");
    EXPECT_OK(mring_close(ring));
}

/* ---- what the dead hold ---- */

static void hold_and_wait(void *argument)
{
    const int *told = argument;
    struct mring_consumer *consumer;
    struct mring_message message;

    EXPECT_OK(mring_join(ring, "work", NULL, &consumer));
    EXPECT(mring_next(consumer, &message), ==, 1);
    EXPECT(write(told[1], "", 1), ==, 1);
    stay_until_killed();
}

static pid_t start_holder(void)
{
    int told[2];
    char byte;
    pid_t child;

    EXPECT_OK(pipe(told));
    child = child_start(hold_and_wait, told);
    EXPECT(read(told[0], &byte, 1), ==, 1);
    EXPECT_OK(close(told[0]));
    EXPECT_OK(close(told[1]));
    return child;
}

struct holder {
    pid_t process;
    unsigned living, dead;
};

static void find_holder(void *context, const struct mring_finding *finding)
{
    struct holder *holder = context;

    if (finding->group == NULL || strcmp(finding->group, "work") != 0 || finding->place != 0)
        return;
    holder->living += finding->process == holder->process && finding->from == 0 && finding->to > 0;
    holder->dead += finding->weight == MRING_LEFT && finding->process == 0 && finding->from == 0 && finding->to > 0;
}

static int run_program(const char *options)
{
    const char *program = getenv("MRING_TOOL");
    char command[512];
    int status;

    EXPECT(program != NULL, ==, 1);
    (void)snprintf(command, sizeof(command), "'%s' fsck %s '%s'", program, options, ring_name);
    (void)fflush(NULL);
    status = system(command);
    EXPECT(WIFEXITED(status), !=, 0);
    return WEXITSTATUS(status);
}

static void what_the_dead_hold_is_told_and_repaired(void)
{
    struct mring_fsck_options options = MRING_FSCK_OPTIONS_INIT;
    struct holder holder = {0, 0, 0};
    struct mring_producer *producer;
    struct mring_consumer *other;
    struct mring_message message;

    make_ring();
    EXPECT_OK(mring_producer(ring, &producer, NULL));
    for (uint32_t at = 0; at < 16; at++)
        EXPECT_OK(mring_send(producer, "12345678", 8, at));
    options.report = find_holder;
    options.context = &holder;
    holder.process = start_holder();
    EXPECT(mring_fsck(ring, &options), ==, 0);
    EXPECT(holder.living, ==, 1);
    EXPECT(run_program(""), ==, 0);
    end_child(holder.process);
    EXPECT(mring_fsck(ring, &options), ==, 1);
    EXPECT(holder.dead, ==, 1);
    EXPECT(run_program("--quiet"), ==, 3);
    EXPECT(run_program("--repair"), ==, 0);
    EXPECT(mring_fsck(ring, &options), ==, 0);
    EXPECT(run_program("--repair"), ==, 0);
    /* And what was repaired is handed to the next. */
    EXPECT_OK(mring_join(ring, "work", NULL, &other));
    EXPECT(mring_next(other, &message), ==, 1);
    EXPECT(message.tag, ==, 0);
    EXPECT(message.deliveries, ==, 2);
    EXPECT_OK(mring_leave(other));
    EXPECT_OK(mring_producer_close(producer));
    EXPECT_OK(mring_close(ring));
}

/* ---- when nobody serves the ring ---- */

static void serve(void *argument)
{
    const int *told = argument;
    struct mring_producer *producer;

    make_ring();
    EXPECT_OK(mring_producer(ring, &producer, NULL));
    for (uint32_t at = 0; at < 16; at++)
        EXPECT_OK(mring_send(producer, "12345678", 8, at));
    EXPECT(write(told[1], ring_name, sizeof(ring_name)), ==, sizeof(ring_name));
    stay_until_killed();
}

static pid_t open_served(void)
{
    int told[2];
    pid_t server;

    EXPECT_OK(pipe(told));
    server = child_start(serve, told);
    EXPECT(read(told[0], ring_name, sizeof(ring_name)), ==, sizeof(ring_name));
    EXPECT_OK(close(told[0]));
    EXPECT_OK(close(told[1]));
    EXPECT_OK(mring_open(&ring, ring_name, MRING_PRODUCE, NULL));
    return server;
}

/* Nobody else is there who could take its place: who checks does. */
static void the_server_was_killed(void)
{
    pid_t server = open_served();

    end_child(start_holder());
    end_child(server);
    EXPECT(mring_fsck(ring, NULL), ==, 1);
    EXPECT_OK(mring_repair(ring, NULL));
    EXPECT(mring_fsck(ring, NULL), ==, 0);
    EXPECT_OK(mring_close(ring));
}

static void open_and_wait(void *argument)
{
    const int *told = argument;
    struct mring_consumer *consumer;
    struct mring_message message;

    EXPECT_OK(mring_open(&ring, ring_name, MRING_CONSUME, NULL));
    EXPECT_OK(mring_join(ring, "work", NULL, &consumer));
    EXPECT(write(told[1], "", 1), ==, 1);
    for (;;)
        if (mring_next_wait(consumer, &message, MRING_FOREVER) == 1)
            EXPECT_OK(mring_release(consumer, &message));
}

/* Who waits will take its place, but has not yet when the program is run: that waits, for as long as it says, where the other one gets no processor. */
static void the_server_was_killed_just_now(void)
{
    pid_t server = open_served(), heir;
    int64_t began;
    int told[2], code;
    char byte;

    EXPECT_OK(mring_close(ring));
    EXPECT_OK(pipe(told));
    heir = child_start(open_and_wait, told);
    EXPECT(read(told[0], &byte, 1), ==, 1);
    end_child(server);
    do {
        began = clock_now();
        code = run_program("");
        EXPECT(code == 0 || (code == 1 && clock_now() - began >= PATIENCE), ==, true);
    } while (code != 0);
    end_child(heir);
}

/* What cannot be reached is not repaired: it must not say that it is. */
static void the_server_is_stopped(void)
{
    struct mring_error error = MRING_ERROR_INIT;
    pid_t server = open_served();

    end_child(start_holder());
    EXPECT_OK(kill(server, SIGSTOP));
    EXPECT(waitpid(server, NULL, WUNTRACED), ==, server);
    EXPECT(mring_repair(ring, &error), ==, -ETIMEDOUT);
    EXPECT(strstr(error.text, "stopped") != NULL, ==, 1);
    EXPECT_OK(kill(server, SIGCONT));
    EXPECT(mring_fsck(ring, NULL), ==, 1);
    EXPECT_OK(mring_repair(ring, NULL));
    EXPECT(mring_fsck(ring, NULL), ==, 0);
    end_child(server);
    EXPECT_OK(mring_close(ring));
}

/* Its first join took the child's right to write away, and with that the right to repair: it must not say that it did. */
static void join_and_repair(void *unused)
{
    struct mring_error error = MRING_ERROR_INIT;
    struct mring_consumer *consumer;

    (void)unused;
    EXPECT_OK(mring_repair(ring, &error));
    EXPECT_OK(mring_join(ring, "log", NULL, &consumer));
    EXPECT(mring_repair(ring, &error), ==, -EACCES);
    EXPECT(strstr(error.text, "joined") != NULL, ==, 1);
}

static void rights_and_names(void)
{
    struct mring *reader;
    struct mring_error error = MRING_ERROR_INIT;

    make_ring();
    EXPECT_OK(mring_open(&reader, ring_name, MRING_INSPECT, NULL));
    EXPECT(mring_fsck(reader, NULL), ==, 0);
    EXPECT(mring_repair(reader, &error), ==, -EACCES);
    EXPECT(strstr(error.text, "MRING_PRODUCE") != NULL, ==, 1);
    EXPECT(mring_fsck(NULL, NULL), ==, -EINVAL);
    EXPECT_OK(mring_close(reader));
    EXPECT_OK(mring_repair(ring, NULL));
    child_finish(child_start(join_and_repair, NULL));
    EXPECT_OK(mring_close(ring));
    EXPECT(run_program(""), ==, 1);
    EXPECT(run_program("--nonsense"), ==, 2);
}

int main(int argc, char **argv)
{
    static const struct scenario scenarios[] = {
        {"a_ring_at_work_is_never_damaged", a_ring_at_work_is_never_damaged, 300},
        {"what_the_dead_hold_is_told_and_repaired", what_the_dead_hold_is_told_and_repaired, 30},
        {"the_server_was_killed", the_server_was_killed, 30},
        {"the_server_was_killed_just_now", the_server_was_killed_just_now, 30},
        {"the_server_is_stopped", the_server_is_stopped, 30},
        {"rights_and_names", rights_and_names, 30},
    };

    return harness_main(argc, argv, scenarios, sizeof(scenarios) / sizeof(scenarios[0]));
}
