#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "fence.h"

#include "core/atomic.h"

#include <errno.h>
#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>

/* membarrier(2) reports by errno, which is the caller's. */
static bool membarrier(int command)
{
    int saved = errno;
    bool done = syscall(SYS_membarrier, command, 0, 0) == 0;

    errno = saved;
    return done;
}

bool fence_register(void)
{
    return membarrier(MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED);
}

bool fence_others(void)
{
    fence_full();
    return membarrier(MEMBARRIER_CMD_GLOBAL_EXPEDITED);
}
