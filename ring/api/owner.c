#include "owner.h"

#include "failure.h"

#include <errno.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { USER_MAX = 63, RECORD_MAX = 1 << 20 };

/* All digits: the number of a user, which needs no database. False: it is a name, or no number that a user can have. */
static bool read_number(const char *user, uid_t *owner)
{
    unsigned long value;
    char *end;

    if (strspn(user, "0123456789") != strlen(user))
        return false;
    errno = 0;
    value = strtoul(user, &end, 10);
    *owner = (uid_t)value;
    return errno == 0 && (unsigned long)*owner == value && *owner != (uid_t)-1;
}

/* A record of the database may be longer than the room that is offered: then it is asked for again, with more. */
static int read_database(const char *user, uid_t *owner)
{
    for (size_t room = 1024; room <= RECORD_MAX; room *= 2) {
        struct passwd record, *found = NULL;
        char *buffer = malloc(room);
        int result;

        if (buffer == NULL)
            return -ENOMEM;
        result = getpwnam_r(user, &record, buffer, room, &found);
        if (found != NULL)
            *owner = record.pw_uid;
        free(buffer);
        if (found != NULL)
            return 0;
        if (result != ERANGE && result != EINTR)
            return result == 0 || result == ESRCH || result == EBADF || result == EPERM ? -ENOENT : -result;
    }
    return -ENOMEM;
}

int owner_of(const char *name, uid_t *owner, const char **plain, struct mring_error *error)
{
    const char *slash = name != NULL ? strchr(name, '/') : NULL;
    char user[USER_MAX + 1] = {0};
    int saved = errno;
    int result = 0;

    if (slash == NULL) {
        *owner = geteuid();
        *plain = name;
        return 0;
    }
    if (slash == name || slash - name > USER_MAX)
        return failure(error, -EINVAL, 0, "\"%.20s...\": there is no user before the '/'", name);
    memcpy(user, name, (size_t)(slash - name));
    if (!read_number(user, owner))
        result = read_database(user, owner);
    errno = saved;
    if (result != 0)
        return failure(error, result, 0, "there is no user \"%s\" here", user);
    *plain = slash + 1;
    return 0;
}
