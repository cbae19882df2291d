#include "stage.h"

#include <errno.h>
#include <sched.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

struct stage *stage;

void *stage_share(size_t size)
{
    void *made = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    EXPECT(made != MAP_FAILED, ==, 1);
    return made;
}

void stage_make(struct mring **ring, const struct mring_group *groups, size_t count, unsigned attempts)
{
    struct mring_options options = MRING_OPTIONS_INIT;

    if (stage != NULL)
        (void)munmap(stage, sizeof(*stage));
    stage = stage_share(sizeof(*stage));
    options.capacity = 16384;
    options.groups = groups;
    options.group_count = count;
    options.attempts = attempts;
    EXPECT_OK(mring_create(ring, NULL, &options));
}

struct mring *stage_open(const char *name, enum mring_role role, int64_t timeout)
{
    struct mring_open_options options = MRING_OPEN_OPTIONS_INIT;
    struct mring *ring;

    options.timeout = timeout;
    EXPECT_OK(mring_open(&ring, name, role, &options));
    return ring;
}

int64_t stage_clock(void)
{
    struct timespec time;

    (void)clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * SECOND + time.tv_nsec;
}

void await_word(const struct word *word, uint64_t value)
{
    while (word_load_acquire(word) < value)
        (void)sched_yield();
}

void reach(enum actor actor, uint64_t step)
{
    word_store_release(&stage->step[actor], step);
}

void await(enum actor actor, uint64_t step)
{
    await_word(&stage->step[actor], step);
}

/* By one process at a time: the count goes last, so a line that is counted is whole. */
void log_message(const struct mring_message *message)
{
    uint64_t at = word_load(&stage->logged);
    struct line_of_log line = {message->tag, message->deliveries, stage_clock()};

    EXPECT(message->length, ==, sizeof(message->tag));
    EXPECT(memcmp(message->data, &message->tag, sizeof(message->tag)), ==, 0);
    EXPECT(at, <, LOG_MOST);
    stage->log[at] = line;
    word_store_release(&stage->logged, at + 1);
}

void await_logged(uint64_t lines)
{
    await_word(&stage->logged, lines);
}

void send_numbers(struct mring_producer *producer, uint32_t first, uint32_t count)
{
    for (uint32_t number = first; number < first + count; number++)
        EXPECT_OK(mring_send_wait(producer, &number, sizeof(number), number, MRING_FOREVER));
}

uint32_t flood(struct mring_producer *producer, struct mring_consumer *log, uint32_t most, int64_t patience)
{
    struct mring_message message;
    uint32_t sent = 0;

    while (sent < most) {
        int code = mring_send_wait(producer, &sent, sizeof(sent), sent, patience);

        if (code == -ETIMEDOUT)
            break;
        EXPECT_OK(code);
        sent++;
        EXPECT(mring_next(log, &message), ==, 1);
        EXPECT_OK(mring_release(log, &message));
    }
    return sent;
}

struct mring_producer *succeed_producer(struct mring *ring)
{
    struct mring_producer *producer;
    int code;

    while ((code = mring_producer(ring, &producer, NULL)) == -EBUSY)
        (void)sched_yield();
    EXPECT_OK(code);
    return producer;
}

void consume_all(struct mring *ring, const char *group, bool polls)
{
    struct mring_consumer *consumer;
    struct mring_message message;
    int code;

    EXPECT_OK(mring_join(ring, group, NULL, &consumer));
    reach(SURVIVOR, 1);
    while ((code = mring_next(consumer, &message)) >= 0) {
        if (code == 1) {
            log_message(&message);
            EXPECT_OK(mring_release(consumer, &message));
        } else if (!polls) {
            (void)mring_wait(consumer, MRING_FOREVER);
        }
    }
    EXPECT(code, ==, -EPIPE);
    EXPECT_OK(mring_leave(consumer));
}

void report_slowest(const char *what, int64_t nanoseconds)
{
    (void)printf("  %s: %.0f ms at most\n", what, (double)nanoseconds / 1e6);
    EXPECT(nanoseconds, <, HANG_LIMIT);
}
