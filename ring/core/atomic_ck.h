/*
 * The Concurrency Kit back end of atomic.h. Acquire and release are ck's fences where these cost nothing. On arm64, where ck has but a full dmb for
 * each, they are instructions, by the compiler: ring/doc/barriers.md has the argument, and what became of each path.
 */
#ifndef MRING_CORE_ATOMIC_CK_H
#define MRING_CORE_ATOMIC_CK_H

#include <ck_pr.h>
#include <string.h>

static inline uint64_t word_load(const struct word *word)
{
    ATOMIC_LOOK();
    return ck_pr_load_64(&word->value);
}

/*
 * ck's store takes an immediate where it is given a constant, and the assembler has none of 64 bits: such a value (HELD_IDLE...) must
 * come in a register.
 */
static inline void word_store(struct word *word, uint64_t value)
{
    __asm__("" : "+r"(value));
    ATOMIC_STEP();
    ck_pr_store_64(&word->value, value);
}

/* Add to a word that nobody else writes: whole for its readers, but no atomic read-modify-write, and on x86 one instruction. */
static inline void word_add_own(struct word *word, uint64_t value)
{
#if defined(__x86_64__)
    ATOMIC_STEP();
    __asm__ __volatile__("addq %1, %0" : "+m"(word->value) : "er"(value) : "cc");
#else
    word_store(word, word_load(word) + value);
#endif
}

/* One more, whoever else counts. */
static inline void word_count(struct word *word)
{
    ATOMIC_STEP();
    ck_pr_inc_64(&word->value);
}

/* cmpxchg16b, casp or ldxp/stxp: the instruction, never a library's lock (R18). */
static inline bool pair_cas(struct word_pair *pair, uint64_t expected_low, uint64_t expected_high, uint64_t low,
                            uint64_t high)
{
    uint64_t expected[2] = {expected_low, expected_high};
    uint64_t desired[2] = {low, high};
    bool swapped;

    ATOMIC_STEP();
    ck_pr_fence_release();
    swapped = ck_pr_cas_64_2((uint64_t *)(void *)pair, expected, desired);
    ck_pr_fence_acquire();
    return swapped;
}

static inline void fence_full(void)
{
#if defined(__x86_64__)
    /* A locked addition of nothing orders all of this memory as mfence does, in a seventh of its time. */
    __asm__ __volatile__("lock; addl $0, -8(%%rsp)" : : : "memory", "cc");
#else
    ck_pr_fence_memory();
#endif
}

static inline void fence_load(void)
{
    ck_pr_fence_load();
}

static inline void fence_store(void)
{
    ck_pr_fence_store();
}

static inline void fence_compiler(void)
{
    ck_pr_barrier();
}

#if defined(__aarch64__)
/*
 * Behind a read-modify-write, so that it is, as on x86, a barrier to all before and all behind it: the models take it for one instant. A ldaxr/stlxr
 * alone is none: what comes behind it may be loaded before its store is seen.
 */
static inline void fence_behind_change(void)
{
    ck_pr_fence_memory();
}

#include "atomic_builtin.h"
#else
#include "atomic_fenced.h"
#endif

/* Load or copy what may be written meanwhile, by plain stores: nothing of it is to be believed until that was ruled out. */
static inline uint64_t word_load_racing(const struct word *word)
{
    return word_load(word);
}

static inline void copy_racing(void *to, const void *from, size_t bytes)
{
    memcpy(to, from, bytes);
}

static inline void pause_cpu(void)
{
    ck_pr_stall();
}

#endif
