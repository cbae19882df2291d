/* The C11 back end of atomic.h: operations that ThreadSanitizer and model checkers follow. */
#ifndef MRING_CORE_ATOMIC_C11_H
#define MRING_CORE_ATOMIC_C11_H

#include <stdatomic.h>
#include <stddef.h>

static inline uint64_t word_load(const struct word *word)
{
    ATOMIC_LOOK();
    return __atomic_load_n(&word->value, __ATOMIC_RELAXED);
}

static inline void word_store(struct word *word, uint64_t value)
{
    ATOMIC_STEP();
    __atomic_store_n(&word->value, value, __ATOMIC_RELAXED);
}

/* Add to a word that nobody else writes. */
static inline void word_add_own(struct word *word, uint64_t value)
{
    word_store(word, word_load(word) + value);
}

static inline void word_count(struct word *word)
{
    ATOMIC_STEP();
    (void)__atomic_fetch_add(&word->value, 1, __ATOMIC_RELAXED);
}

/*
 * -mcx16 or casp/ldxp inline: never libatomic, whose 16-byte operations may take a lock that a dead process holds (R18). gcc
 * calls libatomic for __atomic on 16 bytes even with -mcx16, but not for the older __sync, a full barrier.
 */
static inline bool pair_cas(struct word_pair *pair, uint64_t expected_low, uint64_t expected_high, uint64_t low,
                            uint64_t high)
{
    __extension__ typedef unsigned __int128 wide;
    wide expected = (wide)expected_high << 64 | expected_low;
    wide desired = (wide)high << 64 | low;

    ATOMIC_STEP();
    return __sync_bool_compare_and_swap((wide *)(void *)pair, expected, desired);
}

static inline void fence_full(void)
{
    atomic_thread_fence(memory_order_seq_cst);
}

static inline void fence_load(void)
{
    atomic_thread_fence(memory_order_acquire);
}

static inline void fence_store(void)
{
    atomic_thread_fence(memory_order_release);
}

static inline void fence_compiler(void)
{
    atomic_signal_fence(memory_order_seq_cst);
}

/* As in the other back end, a read-modify-write is a barrier to all before and all behind it; x86-64 makes it one by itself. */
#if defined(__x86_64__)
static inline void fence_behind_change(void)
{
    fence_compiler();
}
#else
static inline void fence_behind_change(void)
{
    fence_full();
}
#endif

#include "atomic_builtin.h"

/*
 * Load or copy what may be written meanwhile, by plain stores: nothing of it is to be believed until that was ruled out. The race is meant,
 * and to be kept from a sanitizer that would see it; so the copy goes byte by byte, as a memcpy is always watched.
 */
__attribute__((no_sanitize("thread"), noinline, unused)) static uint64_t word_load_racing(const struct word *word)
{
    ATOMIC_LOOK();
    return *(const volatile uint64_t *)&word->value;
}

__attribute__((no_sanitize("thread"), noinline, unused)) static void copy_racing(void *to, const void *from,
                                                                                 size_t bytes)
{
    const volatile unsigned char *source = from;
    unsigned char *target = to;

    for (size_t at = 0; at < bytes; at++)
        target[at] = source[at];
}

static inline void pause_cpu(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ __volatile__("yield");
#endif
}

#endif
