/*
 * The ordered operations by the compiler's own atomics, for a back end of atomic.h that has fence_compiler() and fence_behind_change() already.
 *
 * Each is a barrier to the compiler besides, which could move a later store before one with release order: a process that is killed between the
 * two must not have done the second alone.
 */
#ifndef MRING_CORE_ATOMIC_BUILTIN_H
#define MRING_CORE_ATOMIC_BUILTIN_H

static inline uint64_t word_load_acquire(const struct word *word)
{
    uint64_t value;

    ATOMIC_LOOK();
    fence_compiler();
    value = __atomic_load_n(&word->value, __ATOMIC_ACQUIRE);
    fence_compiler();
    return value;
}

static inline void word_store_release(struct word *word, uint64_t value)
{
    ATOMIC_STEP();
    fence_compiler();
    __atomic_store_n(&word->value, value, __ATOMIC_RELEASE);
    fence_compiler();
}

static inline bool word_cas(struct word *word, uint64_t expected, uint64_t desired)
{
    bool swapped;

    ATOMIC_STEP();
    fence_compiler();
    swapped = __atomic_compare_exchange_n(&word->value, &expected, desired, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
    fence_behind_change();
    return swapped;
}

/* Set a bit: true for the one caller who changed it from 0 to 1. */
static inline bool word_set_bit(struct word *word, unsigned bit)
{
    uint64_t was;

    ATOMIC_STEP();
    fence_compiler();
    was = __atomic_fetch_or(&word->value, UINT64_C(1) << bit, __ATOMIC_ACQ_REL);
    fence_behind_change();
    return (was >> bit & 1) == 0;
}

/* Take a bit: true for the one caller who changed it from 1 to 0. */
static inline bool word_take_bit(struct word *word, unsigned bit)
{
    uint64_t was;

    ATOMIC_STEP();
    fence_compiler();
    was = __atomic_fetch_and(&word->value, ~(UINT64_C(1) << bit), __ATOMIC_ACQ_REL);
    fence_behind_change();
    return (was >> bit & 1) != 0;
}

/* Put another value in the place of what is there, which is returned. */
static inline uint64_t word_swap(struct word *word, uint64_t value)
{
    uint64_t seen;

    ATOMIC_STEP();
    fence_compiler();
    seen = __atomic_exchange_n(&word->value, value, __ATOMIC_ACQ_REL);
    fence_behind_change();
    return seen;
}

#endif
