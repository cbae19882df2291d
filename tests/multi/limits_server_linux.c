#include "limits_server_linux.h"

#include "api/ring.h"
#include "harness.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MESSAGES = 32 };
static const int64_t SECOND = 1000 * 1000 * 1000;

struct command {
    enum order order;
    struct trial *trial; /* in memory that all share */
};

char busy_name[NAME_SIZE], idle_name[NAME_SIZE];
struct mring *inherited;

static int server_line[2]; /* the leader's and its children's end, the server's */
static long (*try_in_child)(struct trial *trial);

static void tell(int line, const void *bytes, size_t size)
{
    EXPECT(send(line, bytes, size, MSG_NOSIGNAL), ==, size);
}

static bool hear(int line, void *bytes, size_t size)
{
    ssize_t got;

    do
        got = recv(line, bytes, size, 0);
    while (got < 0 && errno == EINTR);
    return got == (ssize_t)size;
}

long server_answer(void)
{
    long value = 0;

    EXPECT(hear(server_line[0], &value, sizeof(value)), ==, 1);
    return value;
}

void server_order(enum order what, struct trial *trial)
{
    struct command command = {what, trial};

    tell(server_line[0], &command, sizeof(command));
}

long server_ask(enum order what, struct trial *trial)
{
    server_order(what, trial);
    return server_answer();
}

struct mring *ring_like_theirs(const char *name)
{
    const struct mring_group groups[] = {{.name = "steady", .members = 1}, {.name = "work", .members = 2}};
    struct mring_error error = MRING_ERROR_INIT;
    struct mring_options options = MRING_OPTIONS_INIT;
    struct mring *ring = NULL;

    options.capacity = 16384;
    options.groups = groups;
    options.group_count = 2;
    options.error = &error;
    if (mring_create(&ring, name, &options) != 0) {
        (void)fprintf(stderr, "%s\n", error.text);
        exit(EXIT_FAILURE);
    }
    return ring;
}

/* The member that must not be disturbed: every message once, in order. */
static void consume_steadily(void *ring)
{
    struct mring_consumer *consumer;
    struct mring_message message;
    uint32_t expected = 0;
    int code;

    EXPECT_OK(mring_join(ring, "steady", NULL, &consumer));
    while ((code = mring_next_wait(consumer, &message, MRING_FOREVER)) == 1) {
        EXPECT(message.tag, ==, expected);
        expected++;
        EXPECT_OK(mring_release(consumer, &message));
    }
    EXPECT(code, ==, -EPIPE);
    EXPECT_OK(mring_leave(consumer));
}

static long exchange(struct mring_producer *producer, struct mring_consumer *worker)
{
    static uint32_t sent;
    unsigned char buffer[8];
    struct mring_message message;
    unsigned worked = 0;

    for (int count = 0; count < MESSAGES; count++, sent++)
        EXPECT_OK(mring_send_wait(producer, &sent, sizeof(sent), sent, 20 * SECOND));
    while (worked < MESSAGES) {
        EXPECT(mring_recv(worker, buffer, sizeof(buffer), &message), ==, 1);
        worked++;
    }
    EXPECT_OK(mring_drain(producer, 20 * SECOND));
    return 0;
}

static long count_places(struct mring *ring)
{
    long places = 0;

    ring_lock();
    for (uint32_t index = 0; index < LAYOUT_GROUPS; index++) {
        const struct region_group *group = ring_group(ring, index);

        for (unsigned word = 0; group != NULL && word * 64 < group->view.members; word++)
            places += __builtin_popcountll(word_load(&group->view.page->occupied[word]));
    }
    ring_unlock();
    return places;
}

static void serve(void *unused)
{
    struct mring *busy = ring_like_theirs(busy_name), *idle = ring_like_theirs(idle_name);
    struct mring_producer *producer;
    struct mring_consumer *worker;
    struct command command;
    pid_t steady = child_start(consume_steadily, busy);
    long value = 0;

    (void)unused;
    (void)close(server_line[0]);
    EXPECT_OK(mring_producer(busy, &producer, NULL));
    EXPECT_OK(mring_join(busy, "work", NULL, &worker));
    inherited = busy;
    tell(server_line[1], &value, sizeof(value));
    while (hear(server_line[1], &command, sizeof(command)) && command.order != FINISH) {
        switch (command.order) {
        case EXCHANGE:
            value = exchange(producer, worker);
            break;
        case COUNT_PLACES:
            value = count_places(busy) + count_places(idle);
            break;
        default:
            value = try_in_child(command.trial);
        }
        tell(server_line[1], &value, sizeof(value));
    }
    EXPECT_OK(mring_end(producer));
    child_finish(steady);
    EXPECT_OK(mring_leave(worker));
    EXPECT_OK(mring_producer_close(producer));
    EXPECT_OK(mring_close(idle));
    EXPECT_OK(mring_close(busy));
}

pid_t server_start(long (*fork_trial)(struct trial *trial))
{
    pid_t server;

    EXPECT_OK(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, server_line));
    (void)snprintf(busy_name, sizeof(busy_name), "limits-%d-busy", (int)getpid());
    (void)snprintf(idle_name, sizeof(idle_name), "limits-%d-idle", (int)getpid());
    try_in_child = fork_trial;
    server = child_start(serve, NULL);
    (void)close(server_line[1]); /* so that its death is heard */
    (void)server_answer();
    return server;
}

void server_finish(pid_t server)
{
    server_order(FINISH, NULL);
    child_finish(server);
    (void)close(server_line[0]);
}
