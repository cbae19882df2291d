#include "vm_file.h"

#include "vm_available.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/memfd.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U /* Linux 6.3 */
#endif

enum {
    REQUIRED_SEALS = F_SEAL_SHRINK | F_SEAL_GROW,
    /* A peer could otherwise add F_SEAL_FUTURE_WRITE, and with it turn away all who would map the memory writable after it. */
    FINAL_SEALS = REQUIRED_SEALS | F_SEAL_SEAL,
    BOUNCE = 65536,
    COMMITTED_AT_ONCE = 1024 * 1024
};

static void destroy(struct mach_object *object)
{
    int saved = errno;
    close(((struct vm_file *)object)->fd);
    errno = saved;
}

static const struct object_ops file_ops = {.kind = OBJECT_NONE, .destroy = destroy};

_Static_assert(sizeof(struct vm_file) <= OBJECT_CELL, "a vm_file fits a cell");

/* Takes over the descriptor, also on failure. */
static struct vm_file *wrap(int fd, const struct stat *status, bool writable)
{
    struct vm_file *file = (struct vm_file *)object_alloc(&file_ops, (struct object_id){{0}});

    if (file == NULL) {
        close(fd);
        return NULL;
    }
    file->fd = fd;
    file->writable = writable;
    file->size = (uint64_t)status->st_size;
    file->device = status->st_dev;
    file->inode = status->st_ino;
    return file;
}

/* The mode has no execute bits where the kernel can seal that; mapping for execution does not need them. */
static int open_memory(void)
{
    int fd = memfd_create("mach", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL);

    return fd < 0 && errno == EINVAL ? memfd_create("mach", MFD_CLOEXEC | MFD_ALLOW_SEALING) : fd;
}

/* ftruncate beyond RLIMIT_FSIZE would not only fail but raise SIGXFSZ. */
static bool size_allowed(uint64_t size)
{
    struct rlimit limit;

    return size <= INT64_MAX &&
           (getrlimit(RLIMIT_FSIZE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY || size <= limit.rlim_cur);
}

static kern_return_t create(uint64_t size, int seals, struct vm_file **file)
{
    struct stat status;
    int saved = errno;
    int fd = size_allowed(size) ? open_memory() : -1;

    *file = NULL;
    if (fd >= 0) {
        if (fchmod(fd, S_IRUSR | S_IWUSR) != 0 || ftruncate(fd, (off_t)size) != 0 ||
            fcntl(fd, F_ADD_SEALS, seals) != 0 || fstat(fd, &status) != 0)
            close(fd);
        else
            *file = wrap(fd, &status, true);
    }
    errno = saved;
    return *file != NULL ? KERN_SUCCESS : KERN_RESOURCE_SHORTAGE;
}

kern_return_t vm_file_create(uint64_t size, struct vm_file **file)
{
    return create(size, FINAL_SEALS, file);
}

/* In pieces: a signal ends a call, and may have undone what it did. */
static bool commit_pieces(const struct vm_file *file)
{
    for (uint64_t at = 0; at < file->size;) {
        uint64_t piece = file->size - at < COMMITTED_AT_ONCE ? file->size - at : COMMITTED_AT_ONCE;

        if (fallocate(file->fd, 0, (off_t)at, (off_t)piece) == 0)
            at += piece;
        else if (errno != EINTR)
            return false;
    }
    return true;
}

/* The kernel would not refuse more than there is: it would fill up all memory, and then kill somebody. */
kern_return_t vm_file_commit(struct vm_file *file)
{
    int saved = errno;
    bool done = file->size <= vm_memory_available() && commit_pieces(file);

    errno = saved;
    return done ? KERN_SUCCESS : KERN_RESOURCE_SHORTAGE;
}

static bool read_all(int fd, unsigned char *to, uint64_t size, uint64_t offset)
{
    while (size > 0) {
        ssize_t got = pread(fd, to, size, (off_t)offset);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return false;
        to += got;
        offset += (uint64_t)got;
        size -= (uint64_t)got;
    }
    return true;
}

static bool write_all(int fd, const unsigned char *from, uint64_t size, uint64_t offset)
{
    while (size > 0) {
        ssize_t put = pwrite(fd, from, size, (off_t)offset);
        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0)
            return false;
        from += put;
        offset += (uint64_t)put;
        size -= (uint64_t)put;
    }
    return true;
}

kern_return_t vm_file_create_constant(const void *bytes, uint64_t size, struct vm_file **file)
{
    kern_return_t kr = create(size, REQUIRED_SEALS, file);
    int saved = errno;

    if (kr == KERN_SUCCESS &&
        (!write_all((*file)->fd, bytes, size, 0) || fcntl((*file)->fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SEAL) != 0)) {
        vm_file_drop(*file);
        *file = NULL;
        kr = KERN_RESOURCE_SHORTAGE;
    }
    errno = saved;
    return kr;
}

bool vm_file_is_constant(const struct vm_file *file)
{
    int saved = errno;
    int seals = fcntl(file->fd, F_GET_SEALS);

    errno = saved;
    return seals >= 0 && (seals & F_SEAL_WRITE);
}

/* The next stretch of data at or after `at`, within `end`: false when there is none. */
static bool next_data(int fd, uint64_t at, uint64_t end, uint64_t *from, uint64_t *to)
{
    off_t data = lseek(fd, (off_t)at, SEEK_DATA);
    off_t hole = data >= 0 ? lseek(fd, data, SEEK_HOLE) : -1;

    if (data < 0 || hole < 0 || (uint64_t)data >= end)
        return false;
    *from = (uint64_t)data;
    *to = (uint64_t)hole < end ? (uint64_t)hole : end;
    return true;
}

bool vm_file_read(const struct vm_file *file, uint64_t offset, uint64_t size, void *to)
{
    uint64_t from, until = offset;
    int saved = errno;
    bool whole = true;

    while (whole && next_data(file->fd, until, offset + size, &from, &until))
        whole = read_all(file->fd, (unsigned char *)to + (from - offset), until - from, from);
    errno = saved;
    return whole;
}

static bool copy_data(const struct vm_file *file, uint64_t offset, uint64_t size, const struct vm_file *copy)
{
    unsigned char bounce[BOUNCE];
    uint64_t from, until = offset;

    while (next_data(file->fd, until, offset + size, &from, &until)) {
        while (from < until) {
            uint64_t step = until - from < BOUNCE ? until - from : BOUNCE;
            if (!read_all(file->fd, bounce, step, from) || !write_all(copy->fd, bounce, step, from - offset))
                return false;
            from += step;
        }
    }
    return true;
}

kern_return_t vm_file_copy(struct vm_file *file, uint64_t offset, uint64_t size, struct vm_file **copy)
{
    int saved = errno;
    kern_return_t kr = vm_file_create(size, copy);

    if (kr == KERN_SUCCESS && !copy_data(file, offset, size, *copy)) {
        vm_file_drop(*copy);
        *copy = NULL;
        kr = KERN_RESOURCE_SHORTAGE;
    }
    errno = saved;
    return kr;
}

kern_return_t vm_file_narrow(struct vm_file *file, vm_prot_t protection, struct vm_file **narrow)
{
    char path[48];
    struct stat status;
    int saved = errno;

    if (!file->writable || (protection & VM_PROT_WRITE)) {
        vm_file_hold(file);
        *narrow = file;
        return KERN_SUCCESS;
    }
    snprintf(path, sizeof path, "/proc/thread-self/fd/%d", file->fd); /* the main thread may be gone */
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    *narrow = NULL;
    if (fd >= 0 && fstat(fd, &status) == 0)
        *narrow = wrap(fd, &status, false);
    else if (fd >= 0)
        close(fd);
    errno = saved;
    return *narrow != NULL ? KERN_SUCCESS : KERN_RESOURCE_SHORTAGE;
}

/*
 * Only a memfd can carry the seal against shrinking, and a memfd is on no file system with a limit of its own that a
 * touch could run into; but huge pages come from a pool that can be empty, so these are refused.
 */
static bool acceptable(int fd, struct stat *status, bool *writable)
{
    struct statfs place;
    int seals = fcntl(fd, F_GET_SEALS);
    int flags = fcntl(fd, F_GETFL);

    if (seals < 0 || (seals & REQUIRED_SEALS) != REQUIRED_SEALS || flags < 0)
        return false;
    if (fstatfs(fd, &place) != 0 || place.f_type != TMPFS_MAGIC || fstat(fd, status) != 0 || !S_ISREG(status->st_mode))
        return false;
    if ((flags & O_ACCMODE) == O_WRONLY || (flags & O_PATH))
        return false;
    *writable = (flags & O_ACCMODE) == O_RDWR && !(seals & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE));
    return true;
}

struct vm_file *vm_file_adopt(int fd)
{
    struct vm_file *file = NULL;
    struct stat status;
    bool writable;
    int saved = errno;

    if (acceptable(fd, &status, &writable))
        file = wrap(fd, &status, writable);
    else
        close(fd);
    errno = saved;
    return file;
}

void vm_file_hold(struct vm_file *file)
{
    object_hold(&file->object);
}

void vm_file_drop(struct vm_file *file)
{
    object_drop(&file->object);
}
