/*
 * The asymmetric fence: who goes to sleep pays for the order of both sides.
 *
 * The awake side (a producer after it stored the tail, a consumer after it stored held) does a plain load of the word that
 * says whether anybody sleeps. Its store may still sit in the store buffer then, and the load see the old word; the sleeper may
 * have looked at the old tail just before. Both would miss each other. A fence between store and load would prevent it, and have
 * each publication wait for its own stores. Instead the sleeper, after its announcement and before it looks once more, makes every other
 * processor that runs a registered process pass through a fence (Linux: membarrier, GLOBAL_EXPEDITED). Then each awake party's
 * load comes either before that moment, then its earlier store is visible to the sleeper's second look; or after, then it sees the
 * announcement.
 *
 * It reaches processes that have registered (R15). Whether the other side has is told by a bit that it stores, followed by a full
 * fence, before its first publication or release: `fenced` in the producer page and in each member line. Without it (no
 * membarrier: macOS, old kernels, seccomp) the sleeper's first wait is short and bounded, long beyond the life of a store in a
 * store buffer, then it looks again: see sleep.h.
 */
#ifndef MRING_WAIT_FENCE_H
#define MRING_WAIT_FENCE_H

#include <stdbool.h>

/* Make this process one that fence_others() of other processes reaches. False: there is no such thing here. Idempotent. */
bool fence_register(void);

/* The sleeper's side. False: it could not be done; then it was a full fence of this thread alone. */
bool fence_others(void);

#endif
