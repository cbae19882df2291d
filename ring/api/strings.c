/* Texts: what an error of this library means, and its version. */
#include "mring.h"

#include <errno.h>

/* What each negative result of this library means, in its own terms; errno values it never returns are told so. */
#define ERRORS(X)                                                                                                      \
    X(EACCES, "no right to do this with the ring")                                                                     \
    X(EAGAIN, "no room in the ring now")                                                                               \
    X(EBADF, "the descriptor is not open")                                                                             \
    X(EBADMSG, "the ring's memory is damaged")                                                                         \
    X(EBUSY, "in use: a living producer, handles still open, or a batch not released")                                 \
    X(ECONNABORTED, "the producer cut the group off: words of it were damaged")                                        \
    X(ECANCELED, "the wait was ended by mring_wake")                                                                   \
    X(EDQUOT, "another user's ring has no more groups or members for this one")                                        \
    X(EEXIST, "a living process serves a ring of this name")                                                           \
    X(EFBIG, "larger than the file size limit (RLIMIT_FSIZE) allows")                                                  \
    X(EINTR, "a signal handler ran")                                                                                   \
    X(EINVAL, "invalid argument")                                                                                      \
    X(EIO, "the system's semaphore failed")                                                                            \
    X(E2BIG, "more groups or members than a ring can have")                                                            \
    X(EMFILE, "no descriptor or port name left")                                                                       \
    X(EMSGSIZE, "the message is too long")                                                                             \
    X(ENAMETOOLONG, "the name is too long")                                                                            \
    X(ENOENT, "no such ring")                                                                                          \
    X(ENOLCK, "the system has no file locks left")                                                                     \
    X(ENOMEM, "no memory")                                                                                             \
    X(ENOSPC, "no place for another group, or no space for the memory")                                                \
    X(ENOTSUP, "not possible on this system")                                                                          \
    X(EOWNERDEAD, "the producer's process ended without closing its handle")                                           \
    X(EPIPE, "the stream is complete, or the ring's broker is gone")                                                   \
    X(EPROTO, "the ring's format is unknown, or an answer was not understood")                                         \
    X(ESTALE, "the handle belongs to the process that forked this one")                                                \
    X(ETIMEDOUT, "nothing happened within the timeout")                                                                \
    X(EUSERS, "all places of the group are taken")

const char *mring_strerror(int error)
{
    switch (error) {
    case 0:
        return "success";
#define TEXT(name, text)                                                                                               \
    case -name:                                                                                                        \
        return text;
        ERRORS(TEXT)
#undef TEXT
    default:
        return error > 0 ? "a count, not an error" : "unknown error";
    }
}

#define QUOTE(number)                #number
#define VERSION(major, minor, patch) QUOTE(major) "." QUOTE(minor) "." QUOTE(patch)

const char *mring_version(void)
{
    return VERSION(MRING_VERSION_MAJOR, MRING_VERSION_MINOR, MRING_VERSION_PATCH);
}
