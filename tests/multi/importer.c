#include "importer.h"

#include "api/ring.h"
#include "wait/sleep.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

extern char **environ;

enum { LONGEST = 2000 };

struct mring *importer_ring(const char *name, unsigned strict)
{
    const struct mring_group groups[] = {{.name = "log", .members = 1}, {.name = "work", .members = 4}};
    struct mring_options options = MRING_OPTIONS_INIT;
    struct mring_error error = MRING_ERROR_INIT;
    struct mring *ring;

    options.capacity = CAPACITY;
    options.groups = groups;
    options.group_count = 2;
    options.strict = strict;
    options.error = &error;
    if (mring_create(&ring, name, &options) != 0)
        (void)fprintf(stderr, "%s\n", error.text);
    EXPECT(error.code, ==, 0);
    return ring;
}

int export_as(struct mring *ring, enum mring_role role)
{
    struct mring_error error = MRING_ERROR_INIT;
    int fd = -1;

    if (mring_export(ring, role, &fd, &error) != 0)
        (void)fprintf(stderr, "%s\n", error.text);
    EXPECT(error.code, ==, 0);
    return fd;
}

struct mring *import_ring(int fd)
{
    struct mring_open_options options = MRING_OPEN_OPTIONS_INIT;
    struct mring_error error = MRING_ERROR_INIT;
    struct mring *ring = NULL;

    options.error = &error;
    if (mring_import(fd, &ring, &options) != 0)
        (void)fprintf(stderr, "%s\n", error.text);
    EXPECT(error.code, ==, 0);
    return ring;
}

/* ---- the stream ---- */

static size_t fill(unsigned char payload[LONGEST], uint32_t number)
{
    uint64_t state = harness_seed ^ (uint64_t)number << 32;
    size_t length = random_below(&state, LONGEST);

    for (size_t at = 0; at < length; at++)
        payload[at] = (unsigned char)random_below(&state, 256);
    return length;
}

void send_stream(struct mring *ring)
{
    unsigned char payload[LONGEST];
    struct mring_producer *producer;

    EXPECT_OK(mring_producer(ring, &producer, NULL));
    for (uint32_t number = 0; number < MESSAGES; number++)
        EXPECT_OK(mring_send_wait(producer, payload, fill(payload, number), number, MRING_FOREVER));
    EXPECT_OK(mring_end(producer));
    EXPECT_OK(mring_drain(producer, MRING_FOREVER));
    EXPECT_OK(mring_producer_close(producer));
}

static void check_message(const struct mring_message *message)
{
    unsigned char payload[LONGEST];

    EXPECT(message->tag, <, MESSAGES);
    EXPECT(message->length, ==, fill(payload, message->tag));
    EXPECT_OK(memcmp(message->data, payload, message->length));
}

void consume_stream(struct mring *ring, const char *group, const struct event *reports)
{
    struct mring_consumer *consumer;
    struct mring_message message;
    int code;

    EXPECT_OK(mring_join(ring, group, NULL, &consumer));
    while ((code = mring_next_wait(consumer, &message, MRING_FOREVER)) == 1) {
        check_message(&message);
        EXPECT(write(reports->ends[1], &message.tag, sizeof(message.tag)), ==, sizeof(message.tag));
        EXPECT_OK(mring_release(consumer, &message));
    }
    EXPECT(code, ==, -EPIPE);
    EXPECT_OK(mring_leave(consumer));
}

void check_reports(const struct event *reports, unsigned groups)
{
    static unsigned given[MESSAGES];
    uint32_t number;

    memset(given, 0, sizeof(given));
    (void)close(reports->ends[1]);
    while (read(reports->ends[0], &number, sizeof(number)) == sizeof(number)) {
        EXPECT(number, <, MESSAGES);
        given[number]++;
    }
    for (number = 0; number < MESSAGES; number++)
        EXPECT(given[number], ==, groups);
}

void check_nobody_was_rescued(struct mring *ring)
{
    EXPECT(word_load(&ring->region.view.page->rescued), ==, 0);
    for (uint32_t group = 0; group < 2; group++)
        for (uint32_t line = 0; line < ring->group[group].view.members; line++)
            EXPECT(word_load(&ring->group[group].view.line[line].rescued), ==, 0);
}

/* ---- descriptors on their way ---- */

void make_pair(int ends[2])
{
    EXPECT_OK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends));
}

union control {
    struct cmsghdr align;
    unsigned char bytes[CMSG_SPACE(sizeof(int))];
};

void send_descriptor(int socket, int fd)
{
    union control control = {.bytes = {0}};
    struct iovec part = {"", 1};
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)};
    struct cmsghdr *right = CMSG_FIRSTHDR(&message);

    right->cmsg_level = SOL_SOCKET;
    right->cmsg_type = SCM_RIGHTS;
    right->cmsg_len = CMSG_LEN(sizeof(fd));
    memcpy(CMSG_DATA(right), &fd, sizeof(fd));
    EXPECT(sendmsg(socket, &message, MSG_NOSIGNAL), ==, 1);
}

int receive_descriptor(int socket)
{
    union control control;
    char byte;
    struct iovec part = {&byte, 1};
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)};
    int fd;

    EXPECT(recvmsg(socket, &message, MSG_CMSG_CLOEXEC), ==, 1);
    EXPECT(CMSG_FIRSTHDR(&message) != NULL, ==, 1);
    memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(fd));
    return fd;
}

/* ---- programs executed anew ---- */

static const char importer[] = "importer";

static char *text_of(char text[24], uint64_t number)
{
    (void)snprintf(text, 24, "%llu", (unsigned long long)number);
    return text;
}

void become_importer(const char *task, int fd, int at, const struct event *reports, char *const environment[])
{
    int pipe = fcntl(reports->ends[1], F_DUPFD, 100); /* out of the way, and without close-on-exec */
    int moved = fcntl(fd, F_DUPFD, 101);
    char texts[4][24];
    char *const arguments[] = {(char *)(uintptr_t)importer,
                               (char *)(uintptr_t)task,
                               text_of(texts[0], (uint64_t)at),
                               text_of(texts[1], (uint64_t)pipe),
                               text_of(texts[2], harness_seed),
                               text_of(texts[3], (uint64_t)sleep_grace),
                               NULL};

    EXPECT(dup2(moved, at), ==, at);
    (void)close(moved);
    (void)execve("/proc/self/exe", arguments, environment != NULL ? environment : environ);
    EXPECT(errno, ==, 0);
}

bool was_importer(int argc, char **argv)
{
    struct event reports = {{-1, -1}};
    struct mring *ring;

    if (argc != 6 || strcmp(argv[0], importer) != 0)
        return false;
    harness_seed = strtoull(argv[4], NULL, 10);
    sleep_grace = strtoll(argv[5], NULL, 10);
    reports.ends[1] = (int)strtol(argv[3], NULL, 10);
    ring = import_ring((int)strtol(argv[2], NULL, 10));
    if (strcmp(argv[1], "produce") == 0)
        send_stream(ring);
    else
        consume_stream(ring, argv[1], &reports);
    EXPECT_OK(mring_close(ring));
    return true;
}
