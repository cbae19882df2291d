/* macOS has no way to make other processes' processors pass through a fence: the bounded first wait stands in for it. */
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
