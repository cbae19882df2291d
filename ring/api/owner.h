/* Whose ring a name means: "feed" is this user's, "alice/feed" and "1000/feed" are another's. */
#ifndef MRING_API_OWNER_H
#define MRING_API_OWNER_H

#include "mring.h"

#include <sys/types.h>

/*
 * Take a name apart. *plain points behind the user, into `name`. 0; -EINVAL; -ENOENT: no such user, as far as this system's database
 * of users says; what its look-up said.
 */
int owner_of(const char *name, uid_t *owner, const char **plain, struct mring_error *error);

#endif
