/* Futexes in shared memory. errno stays as it was. */
#ifndef MRING_MACH_SEMA_FUTEX_H
#define MRING_MACH_SEMA_FUTEX_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

struct futex_waitv;

/* Far enough away to be never. A wait needs some limit: without one the kernel would restart it after a handler with SA_RESTART. */
extern const struct timespec sema_never;

/* CLOCK_MONOTONIC, that many nanoseconds from now. */
struct timespec sema_time_after(uint64_t nanoseconds);
bool sema_time_before(const struct timespec *a, const struct timespec *b);
bool sema_time_passed(const struct timespec *limit);

/* Sleep while *word is `seen`, until `limit`: 0 when woken, or -EAGAIN, -ETIMEDOUT, -EINTR (a handler ran). */
int sema_futex_wait(const uint32_t *word, uint32_t seen, const struct timespec *limit);
/* The same on several; goes on after handlers with SA_RESTART. -ENOSYS before Linux 5.16. */
int sema_futex_wait_any(struct futex_waitv *words, unsigned count, const struct timespec *limit);
void sema_futex_wake(const uint32_t *word, int count);

#endif
