/*
 * process_vm_readv on ourselves does it in one go (on the calling thread: the main one may be gone). Where that call is not
 * to be had (a seccomp filter, user-mode emulation), the bytes go through a pipe.
 */
#include "vm_bytes.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/uio.h>
#include <unistd.h>

static void *at(uint64_t address)
{
    return (void *)(uintptr_t)address;
}

enum outcome { MOVED, FAULTED, FAILED };

/* What this pipe holds at once is the kernel's affair, but at least a page. */
static enum outcome move_by_pipe(uint64_t from, uint64_t to, uint64_t size)
{
    enum { STEP = 4096 };
    enum outcome outcome = MOVED;
    int ends[2];

    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0)
        return FAILED;
    for (uint64_t done = 0; done < size && outcome == MOVED;) {
        ssize_t put = write(ends[1], at(from + done), size - done < STEP ? size - done : STEP);
        ssize_t got = put > 0 ? read(ends[0], at(to + done), (size_t)put) : -1;
        if (got > 0 && got == put)
            done += (uint64_t)got;
        else
            outcome = errno == EFAULT ? FAULTED : FAILED;
    }
    close(ends[0]);
    close(ends[1]);
    return outcome;
}

static enum outcome move(uint64_t from, uint64_t to, uint64_t size)
{
    uint64_t done = 0;

    while (done < size) {
        struct iovec local = {at(to + done), size - done};
        struct iovec remote = {at(from + done), size - done};
        ssize_t got = process_vm_readv(gettid(), &local, 1, &remote, 1, 0);
        if (got < 0 && (errno == ENOSYS || errno == EPERM))
            return move_by_pipe(from + done, to + done, size - done);
        if (got <= 0)
            return got < 0 && errno == EFAULT ? FAULTED : FAILED;
        done += (uint64_t)got;
    }
    return MOVED;
}

bool vm_bytes_move(uint64_t from, uint64_t to, uint64_t size)
{
    int saved = errno;
    enum outcome outcome = move(from, to, size);

    errno = saved;
    return outcome == MOVED;
}

bool vm_bytes_move_readable(uint64_t from, uint64_t to, uint64_t size)
{
    int saved = errno;
    enum outcome outcome = move(from, to, size);

    errno = saved;
    return outcome != FAILED;
}
