/*
 * Entries are files here, and every right has descriptors (mach.md): two limits of the process can be told from want of memory by a look
 * at them. The look comes after the failed call has given back what it had; so a process with fewer free descriptors than the hungriest
 * call takes is said to be out of them.
 */
#include "api/shortage.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/resource.h>

enum { HUNGRIEST = 8, AT_ONCE = 256 };

static rlim_t soft_limit(int resource)
{
    struct rlimit limit;

    return getrlimit((__rlimit_resource_t)resource, &limit) == 0 ? limit.rlim_cur : RLIM_INFINITY;
}

/* poll() says which numbers are free, and takes none. */
static bool descriptors_short(void)
{
    rlim_t limit = soft_limit(RLIMIT_NOFILE);
    unsigned unused = 0;

    for (rlim_t first = 0; first < limit && unused < HUNGRIEST; first += AT_ONCE) {
        struct pollfd asked[AT_ONCE];
        nfds_t count = limit - first < AT_ONCE ? (nfds_t)(limit - first) : AT_ONCE;

        for (nfds_t at = 0; at < count; at++)
            asked[at] = (struct pollfd){.fd = (int)(first + at)};
        if (poll(asked, count, 0) < 0)
            return false;
        for (nfds_t at = 0; at < count; at++)
            unused += (asked[at].revents & POLLNVAL) != 0;
    }
    return unused < HUNGRIEST;
}

int shortage_code(uint64_t size)
{
    int saved = errno;
    int code = size > soft_limit(RLIMIT_FSIZE) ? -EFBIG : descriptors_short() ? -EMFILE : -ENOMEM;

    errno = saved;
    return code;
}

void shortage_text(int code, char *text, size_t size)
{
    *text = '\0';
    if (code == -EMFILE)
        (void)snprintf(text, size, " (RLIMIT_NOFILE is %llu)", (unsigned long long)soft_limit(RLIMIT_NOFILE));
    else if (code == -EFBIG)
        (void)snprintf(text, size, " (RLIMIT_FSIZE is %llu)", (unsigned long long)soft_limit(RLIMIT_FSIZE));
}
