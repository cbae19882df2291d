#include "sema_futex.h"

#include <errno.h>
#include <linux/futex.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef SYS_futex_waitv
#define SYS_futex_waitv 449
#endif

enum { SECOND = 1000000000 };

const struct timespec sema_never = {UINT32_MAX, 0};

static struct timespec now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return time;
}

struct timespec sema_time_after(uint64_t nanoseconds)
{
    struct timespec time = now();

    time.tv_sec += (time_t)(nanoseconds / SECOND);
    time.tv_nsec += (long)(nanoseconds % SECOND);
    if (time.tv_nsec >= SECOND) {
        time.tv_sec++;
        time.tv_nsec -= SECOND;
    }
    return time;
}

bool sema_time_before(const struct timespec *a, const struct timespec *b)
{
    return a->tv_sec < b->tv_sec || (a->tv_sec == b->tv_sec && a->tv_nsec < b->tv_nsec);
}

bool sema_time_passed(const struct timespec *limit)
{
    struct timespec time = now();

    return !sema_time_before(&time, limit);
}

int sema_futex_wait(const uint32_t *word, uint32_t seen, const struct timespec *limit)
{
    int saved = errno;
    long result = syscall(SYS_futex, word, FUTEX_WAIT_BITSET, seen, limit, NULL, FUTEX_BITSET_MATCH_ANY);

    if (result != 0)
        result = -errno;
    errno = saved;
    return (int)result;
}

int sema_futex_wait_any(struct futex_waitv *words, unsigned count, const struct timespec *limit)
{
    int saved = errno;
    long result = syscall(SYS_futex_waitv, words, count, 0, limit, CLOCK_MONOTONIC);

    result = result < 0 ? -errno : 0;
    errno = saved;
    return (int)result;
}

void sema_futex_wake(const uint32_t *word, int count)
{
    int saved = errno;

    syscall(SYS_futex, word, FUTEX_WAKE, count, NULL, NULL, 0);
    errno = saved;
}
