/*
 * What each way to wait costs on this machine, for orientation: a message each 200 microseconds and each 5, from one process to another.
 *
 *   bench-wait [SECONDS]
 *
 * From mring_send's beginning to mring_next's end, median and the 99th of 100; what the sending took; the processor time of the receiver,
 * of one processor, and how often it went to sleep of its own accord.
 */
#include "mring.h"

#include "clock.h"
#include "statistics.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>

enum { MOST = 2 * 1000 * 1000, WARMING = 100 };

struct way {
    const char *name;
    enum mring_waiting wait;
    int64_t interval;
    bool polled;
};

/* Shared by the two processes. */
static struct result {
    uint32_t count;
    uint32_t late[MOST], send[MOST]; /* ns */
    double busy, whole;
    long switches;
} * result;

static void must(const char *what, int code)
{
    if (code >= 0)
        return;
    (void)fprintf(stderr, "bench-wait: %s: %s\n", what, mring_strerror(code));
    exit(EXIT_FAILURE);
}

static int next(struct mring_consumer *consumer, const struct way *way, struct mring_message *message)
{
    struct pollfd polled;
    int code;

    if (!way->polled)
        return mring_next_wait(consumer, message, MRING_FOREVER);
    while ((code = mring_next_wait(consumer, message, 0)) == -ETIMEDOUT) {
        polled = (struct pollfd){mring_fd(consumer), POLLIN, 0};
        (void)poll(&polled, 1, -1);
    }
    return code;
}

static void receive(struct mring *ring, const struct way *way)
{
    struct mring_join_options options = MRING_JOIN_OPTIONS_INIT;
    struct mring_consumer *consumer;
    struct mring_message message;
    struct rusage usage;
    int64_t began = now();

    options.wait = way->wait;
    options.interval = way->interval;
    must("join", mring_join(ring, "all", &options, &consumer));
    while (next(consumer, way, &message) == 1) {
        result->late[result->count++] = (uint32_t)(now() - *(const int64_t *)message.data);
        must("release", mring_release(consumer, &message));
    }
    result->whole = (double)(now() - began);
    (void)getrusage(RUSAGE_SELF, &usage);
    result->busy = 1e9 * (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
                   1e3 * (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
    result->switches = usage.ru_nvcsw;
}

static void measure(const struct way *way, int64_t each, int64_t seconds)
{
    const struct mring_group group = {.name = "all", .members = 1};
    struct mring_options options = MRING_OPTIONS_INIT;
    struct mring_producer *producer;
    struct mring *ring;
    int64_t end, next_at;
    uint32_t sent = 0;

    options.groups = &group;
    options.group_count = 1;
    result->count = 0;
    must("create", mring_create(&ring, NULL, &options));
    must("produce", mring_producer(ring, &producer, NULL));
    (void)fflush(NULL);
    if (fork() == 0) {
        receive(ring, way);
        exit(EXIT_SUCCESS);
    }
    next_at = now();
    for (end = next_at + seconds * 1000000000; next_at < end && sent < MOST; next_at += each, sent++) {
        int64_t at;

        while ((at = now()) < next_at)
            ;
        must("send", mring_send_wait(producer, &at, sizeof(at), 0, MRING_FOREVER));
        result->send[sent] = (uint32_t)(now() - at);
    }
    must("end", mring_end(producer));
    (void)wait(NULL);
    if (result->count > WARMING) {
        sort_samples(result->late, result->count);
        sort_samples(result->send, sent);
        (void)printf("%-22s %6lld  %8.1f %8.1f  %8.2f %8.2f  %6.1f %% %9ld\n", way->name, (long long)each / 1000,
                     1e-3 * quantile(result->late, result->count, 0.5),
                     1e-3 * quantile(result->late, result->count, 0.99), 1e-3 * quantile(result->send, sent, 0.5),
                     1e-3 * quantile(result->send, sent, 0.99), 100 * result->busy / result->whole, result->switches);
    }
    must("close", mring_producer_close(producer));
    must("close", mring_close(ring));
}

int main(int argc, char **argv)
{
    static const struct way ways[] = {{"spin, then sleep", MRING_SPIN_THEN_SLEEP, 0, false},
                                      {"spin", MRING_SPIN, 0, false},
                                      {"sleep", MRING_SLEEP, 0, false},
                                      {"doze, 100 us", MRING_DOZE, 100 * 1000, false},
                                      {"doze, 1 ms", MRING_DOZE, 1000 * 1000, false},
                                      {"polled", MRING_SPIN_THEN_SLEEP, 0, true}};
    static const int64_t each[] = {200 * 1000, 5 * 1000};
    int64_t seconds = argc > 1 ? atoi(argv[1]) : 1;

    result = mmap(NULL, sizeof(*result), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANON, -1, 0);
    if (result == MAP_FAILED)
        return EXIT_FAILURE;
    (void)printf("%-22s %6s  %17s  %17s  %8s %9s\n", "", "every", "latency, us", "sending, us", "receiver", "switches");
    for (size_t rate = 0; rate < sizeof(each) / sizeof(each[0]); rate++)
        for (size_t way = 0; way < sizeof(ways) / sizeof(ways[0]); way++)
            measure(&ways[way], each[rate], seconds);
    return EXIT_SUCCESS;
}
