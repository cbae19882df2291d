#include "vm_hold.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <stdbool.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef UFFD_USER_MODE_ONLY
#define UFFD_USER_MODE_ONLY 1 /* Linux 5.11 */
#endif
#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22 /* Linux 5.14 */
#endif

static int open_hold(void)
{
    long hold = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);

    return (int)(hold < 0 && errno == EPERM ? syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK | UFFD_USER_MODE_ONLY)
                                            : hold);
}

/* Pages that were never touched have nothing that could be write-protected; reading them first gives them that. */
static bool protect(int hold, uint64_t start, uint64_t size)
{
    struct uffdio_api api = {.api = UFFD_API, .features = UFFD_FEATURE_PAGEFAULT_FLAG_WP};
    struct uffdio_register range = {.range = {start, size}, .mode = UFFDIO_REGISTER_MODE_WP};
    struct uffdio_writeprotect writeprotect = {.range = {start, size}, .mode = UFFDIO_WRITEPROTECT_MODE_WP};

    return ioctl(hold, UFFDIO_API, &api) == 0 && ioctl(hold, UFFDIO_REGISTER, &range) == 0 &&
           madvise((void *)(uintptr_t)start, size, MADV_POPULATE_READ) == 0 &&
           ioctl(hold, UFFDIO_WRITEPROTECT, &writeprotect) == 0;
}

int vm_hold_writers(uint64_t start, uint64_t size)
{
    int saved = errno;
    int hold = open_hold();

    if (hold >= 0 && !protect(hold, start, size)) {
        close(hold);
        hold = -1;
    }
    errno = saved;
    return hold;
}

/* Closing wakes all that are stopped; what is still mapped loses its protection. */
void vm_hold_end(int hold)
{
    if (hold >= 0)
        close(hold);
}
