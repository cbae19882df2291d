#include "api/failure.h"

#include "api/shortage.h"

#include <errno.h>
#include <mach/mach.h>
#include <mach/mach_error.h>
#include <servers/bootstrap.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* mach_error_string does not know the bootstrap server's codes (Mach 8.2). */
static bool is_bootstrap_code(int kr)
{
    return kr >= BOOTSTRAP_NOT_PRIVILEGED && kr <= BOOTSTRAP_NO_CHILDREN;
}

int failure_code(int kr)
{
    switch (kr) {
    case KERN_INVALID_ADDRESS:
        return -EFAULT;
    case KERN_INVALID_ARGUMENT:
    case KERN_INVALID_VALUE:
        return -EINVAL;
    case KERN_NO_SPACE:
        return -ENOMEM;
    case KERN_RESOURCE_SHORTAGE:
    case MACH_SEND_NO_BUFFER:
    case BOOTSTRAP_NO_MEMORY:
        return shortage_code(0);
    case KERN_PROTECTION_FAILURE:
    case KERN_INVALID_RIGHT:
    case BOOTSTRAP_NOT_PRIVILEGED:
        return -EACCES;
    case KERN_INVALID_OBJECT:
        return -EPROTO;
    case KERN_OPERATION_TIMED_OUT:
    case MACH_SEND_TIMED_OUT:
    case MACH_RCV_TIMED_OUT:
        return -ETIMEDOUT;
    case KERN_ABORTED:
        return -EINTR;
    case KERN_TERMINATED:
    case MACH_SEND_INVALID_DEST:
        return -EPIPE;
    case BOOTSTRAP_NAME_IN_USE:
    case BOOTSTRAP_SERVICE_ACTIVE:
        return -EEXIST;
    case BOOTSTRAP_UNKNOWN_SERVICE:
        return -ENOENT;
    case KERN_NOT_SUPPORTED:
        return -ENOTSUP;
    default:
        return -EIO;
    }
}

/* Does the caller's struct, which may be older and shorter than ours, have this field? */
#define HAS(error, field) ((error)->size >= offsetof(struct mring_error, field) + sizeof(error)->field)

static void say(struct mring_error *error, int code, int kr, const char *text)
{
    if (HAS(error, code))
        error->code = code;
    if (HAS(error, kern_return))
        error->kern_return = kr;
    if (HAS(error, text))
        memcpy(error->text, text, strlen(text) + 1);
}

int failure(struct mring_error *error, int code, int kr, const char *format, ...)
{
    char text[sizeof error->text], limit[48];
    va_list arguments;
    int length;
    int saved = errno;

    if (error == NULL)
        return code;
    va_start(arguments, format);
    length = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (length < 0)
        text[length = 0] = '\0';
    shortage_text(code, limit, sizeof limit);
    if (kr != 0 && (size_t)length < sizeof text)
        snprintf(text + length, sizeof text - (size_t)length, ": %s%s",
                 is_bootstrap_code(kr) ? bootstrap_strerror(kr) : mach_error_string(kr), limit);
    say(error, code, kr, text);
    errno = saved;
    return code;
}

int failure_pass(struct mring_error *error, int code, const struct mring_error *said)
{
    if (error != NULL)
        say(error, code, said->kern_return, said->text);
    return code;
}
