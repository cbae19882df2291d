#include "check.h"

#include "meet/clock.h"

#include <errno.h>
#include <string.h>

int check_size(size_t claimed, size_t least, const char *what, struct mring_error *error)
{
    if (claimed < least)
        return failure(error, -EINVAL, 0, "%s.size is %zu: set it with its _INIT macro", what, claimed);
    return 0;
}

int check_waiting(enum mring_waiting way, int64_t interval, struct mring_error *error)
{
    if (way != MRING_SPIN_THEN_SLEEP && way != MRING_SPIN && way != MRING_SLEEP && way != MRING_DOZE)
        return failure(error, -EINVAL, 0, "wait %d is none of enum mring_waiting", (int)way);
    if (interval < 0)
        return failure(error, -EINVAL, 0, "an interval of %lld nanoseconds", (long long)interval);
    return 0;
}

int check_name(const char *name, const char *what, struct mring_error *error)
{
    size_t length = name != NULL ? strnlen(name, MRING_NAME_MAX + 1) : 0;

    if (length == 0)
        return failure(error, -EINVAL, 0, "a %s's name is empty", what);
    if (length > MRING_NAME_MAX)
        return failure(error, -ENAMETOOLONG, 0, "the %s's name \"%.20s...\" is longer than %d bytes", what, name,
                       MRING_NAME_MAX);
    for (size_t at = 0; at < length; at++)
        if ((unsigned char)name[at] < 0x20 || name[at] == 0x7f || name[at] == '/')
            return failure(error, -EINVAL, 0, "the %s's name has a '/' or a control character at byte %zu", what, at);
    return 0;
}

int check_role(enum mring_role role, struct mring_error *error)
{
    if (role != MRING_CONSUME && role != MRING_PRODUCE && role != MRING_INSPECT)
        return failure(error, -EINVAL, 0, "role %d is none of enum mring_role", (int)role);
    return 0;
}

int read_open_options(const struct mring_open_options *options, struct mring_error **error, int64_t *deadline)
{
    int code = options != NULL ? check_size(options->size, sizeof(*options), "mring_open_options", NULL) : 0;

    if (code != 0)
        return code;
    *error = options != NULL ? options->error : NULL;
    *deadline = clock_deadline(options != NULL ? options->timeout : 0);
    return 0;
}
