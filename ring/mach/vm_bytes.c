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

/* What this pipe holds at once is the kernel's affair, but at least a page. */
static bool move_by_pipe(uint64_t from, uint64_t to, uint64_t size)
{
    enum { STEP = 4096 };
    int ends[2];
    uint64_t done = 0;

    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0)
        return false;
    while (done < size) {
        ssize_t put = write(ends[1], at(from + done), size - done < STEP ? size - done : STEP);
        if (put <= 0 || read(ends[0], at(to + done), (size_t)put) != put)
            break;
        done += (uint64_t)put;
    }
    close(ends[0]);
    close(ends[1]);
    return done == size;
}

static bool move(uint64_t from, uint64_t to, uint64_t size)
{
    uint64_t done = 0;

    while (done < size) {
        struct iovec local = {at(to + done), size - done};
        struct iovec remote = {at(from + done), size - done};
        ssize_t got = process_vm_readv(gettid(), &local, 1, &remote, 1, 0);
        if (got < 0 && (errno == ENOSYS || errno == EPERM))
            return move_by_pipe(from + done, to + done, size - done);
        if (got <= 0)
            return false;
        done += (uint64_t)got;
    }
    return true;
}

bool vm_bytes_move(uint64_t from, uint64_t to, uint64_t size)
{
    int saved = errno;
    bool whole = move(from, to, size);

    errno = saved;
    return whole;
}
