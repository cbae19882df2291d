/*
 * macOS has no way to make other processes' processors pass through a fence: the bounded first wait stands in for it (a millisecond, turn.h).
 *
 * The awake side stores its word, then loads the one that says who sleeps. Arm64 may do that load early, and keep the store in its buffer; but
 * the load does not retire before the store has, and is done again if the thread is interrupted before. A store that has retired leaves the buffer
 * by itself, in the time of some cache misses, whatever becomes of its thread. So a millisecond after the announcement either the
 * load was done late enough to see it, or the store can be seen, and the sleeper looks. Should that ever fail it looks again in
 * half a second, and counts it (rescued). The price is one more waking for each sleep that is longer than the first wait.
 *
 * What others do on this system, mprotect or asking each thread for its registers, reaches one's own process alone.
 */
#include "fence.h"

#include "core/atomic.h"

bool fence_register(void)
{
    return false;
}

bool fence_others(void)
{
    fence_full();
    return false;
}
