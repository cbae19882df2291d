/*
 * Every atomic step of the ring goes through here. This is the only file that includes ck.
 *
 * A shared word is a `struct word`, never a plain integer, so that no ordinary load or store of one can slip in. All words may
 * be written by hostile peers: load a word once into a local, bound it, then use the local.
 *
 * Two back ends give the same operations:
 *   ck    (the default) Concurrency Kit's ck_pr: loads, stores, changes of 16 bytes, fences. On x86 (TSO) acquire and release are barriers to
 *         the compiler only; on arm64 they are ldar and stlr, by the compiler, and a change of one word is one instruction where the processor has
 *         one, which ck would make a loop of. Where ck keys its fences to the architecture (ck_md.h), cross builds must take the target's package.
 *   c11   (MRING_ATOMIC_C11) the compiler's C11 atomics, as operations rather than fences: what ThreadSanitizer and model
 *         checkers understand.
 *
 * Before every store there is a step, and before every load a look: nothing, but in a build for tests (MRING_KILL_POINTS) places where the
 * process may be killed, or stopped while others go on. So a test can end a process between any two stores to shared words, and have another
 * come between any two accesses, wherever they are.
 *
 * What one group's members share with the producer, or with other groups, is changed in one step: a hostile peer that writes the same word
 * all the time could make a loop over a compare-and-swap go round for ever. (Where the processor has no such instruction the step is a
 * loop after all, one that its line in the cache makes short.)
 *
 * Orders are in the names: no suffix is relaxed. Read-modify-write operations are acquire-release, and on the machine a full barrier besides, which
 * the models take them for. fence_full() orders everything, store -> load included.
 */
#ifndef MRING_CORE_ATOMIC_H
#define MRING_CORE_ATOMIC_H

#include <stdbool.h>
#include <stdint.h>

struct word {
    uint64_t value;
};

/* Two words changed as one by pair_cas; each half may be loaded by itself. */
struct word_pair {
    struct word low;
    struct word high;
} __attribute__((aligned(16)));

#ifdef MRING_KILL_POINTS
/* The test's. */
void mring_kill_point(void);
void mring_look_point(void);
#define ATOMIC_STEP() mring_kill_point()
#define ATOMIC_LOOK() mring_look_point()
#else
#define ATOMIC_STEP() ((void)0)
#define ATOMIC_LOOK() ((void)0)
#endif

#ifdef MRING_ATOMIC_C11
#include "atomic_c11.h"
#else
#include "atomic_ck.h"
#endif

/* Wait until one's stores are seen, for the sake of speed, where that was measured: no order is meant by it, for which there is fence_full. */
static inline void stores_settle(void)
{
#if defined(__x86_64__)
    fence_full();
#endif
}

/*
 * The larger of the word and `value`, in place: an atomic maximum. Whoever makes this loop go round changes the word each time: for words
 * of one's own group only.
 */
static inline void word_raise(struct word *word, uint64_t value)
{
    uint64_t seen = word_load(word);

    while (seen < value && !word_cas(word, seen, value))
        seen = word_load(word);
}

#endif
