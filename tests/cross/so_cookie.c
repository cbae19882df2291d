/*
 * Preloaded under qemu's user emulation, which does not know getsockopt(SO_COOKIE): answers it with the socket's inode number, which
 * like the cookie is one number per socket as long as it lives. Everything else goes to the kernel.
 */
#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

int getsockopt(int descriptor, int level, int name, void *restrict value, socklen_t *restrict length)
{
    struct stat status;
    uint64_t number;

    if (level != SOL_SOCKET || name != SO_COOKIE)
        return (int)syscall(SYS_getsockopt, descriptor, level, name, value, length);
    if (fstat(descriptor, &status) != 0)
        return -1;
    if (*length < sizeof(number)) {
        errno = EINVAL;
        return -1;
    }
    number = status.st_ino;
    memcpy(value, &number, sizeof(number));
    *length = sizeof(number);
    return 0;
}
