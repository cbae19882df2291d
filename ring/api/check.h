/* Is what a caller gave something that can be meant? */
#ifndef MRING_API_CHECK_H
#define MRING_API_CHECK_H

#include "failure.h"

/* The size a caller's struct claims: is it one that this library can read? */
int check_size(size_t claimed, size_t least, const char *what, struct mring_error *error);

/* Is this name allowed for a ring or a group? 0, -EINVAL, -ENAMETOOLONG. `what` is "ring" or "group". */
int check_name(const char *name, const char *what, struct mring_error *error);

/* Is it one of enum mring_role? 0, -EINVAL. */
int check_role(enum mring_role role, struct mring_error *error);

/* Is this a way to wait? */
int check_waiting(enum mring_waiting way, int64_t interval, struct mring_error *error);

/* Of a call that opens a ring, options or NULL: whom to tell, and until when to try. 0, -EINVAL. */
int read_open_options(const struct mring_open_options *options, struct mring_error **error, int64_t *deadline);

#endif
