/*
 * The ordered operations by ck's fences around its unordered ones, for machines where these are barriers to the compiler and no more: on x86 (TSO)
 * every load is an acquire, every store a release, and a locked instruction a full barrier.
 */
#ifndef MRING_CORE_ATOMIC_FENCED_H
#define MRING_CORE_ATOMIC_FENCED_H

static inline uint64_t word_load_acquire(const struct word *word)
{
    uint64_t value = word_load(word);

    ck_pr_fence_acquire();
    return value;
}

static inline void word_store_release(struct word *word, uint64_t value)
{
    ck_pr_fence_release();
    word_store(word, value);
}

static inline bool word_cas(struct word *word, uint64_t expected, uint64_t desired)
{
    bool swapped;

    ATOMIC_STEP();
    ck_pr_fence_release();
    swapped = ck_pr_cas_64(&word->value, expected, desired);
    ck_pr_fence_acquire();
    return swapped;
}

/* Set a bit: true for the one caller who changed it from 0 to 1. */
static inline bool word_set_bit(struct word *word, unsigned bit)
{
    bool was;

    ATOMIC_STEP();
    ck_pr_fence_release();
    was = ck_pr_bts_64(&word->value, bit);
    ck_pr_fence_acquire();
    return !was;
}

/* Take a bit: true for the one caller who changed it from 1 to 0. */
static inline bool word_take_bit(struct word *word, unsigned bit)
{
    bool was;

    ATOMIC_STEP();
    ck_pr_fence_release();
    was = ck_pr_btr_64(&word->value, bit);
    ck_pr_fence_acquire();
    return was;
}

/* Put another value in the place of what is there, which is returned. */
static inline uint64_t word_swap(struct word *word, uint64_t value)
{
    uint64_t seen;

    ATOMIC_STEP();
    ck_pr_fence_release();
    seen = ck_pr_fas_64(&word->value, value);
    ck_pr_fence_acquire();
    return seen;
}

#endif
