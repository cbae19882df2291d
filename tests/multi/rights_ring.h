/* A ring of one user, which others open, for tests of who may what. */
#ifndef TESTS_MULTI_RIGHTS_RING_H
#define TESTS_MULTI_RIGHTS_RING_H

#include "event.h"
#include "mring.h"

enum { RIGHTS_MEMBERS = 2 };

extern struct event ready, finished;         /* the owner serves; the others are through */
extern char ring_name[64], foreign_name[80]; /* as the owner and as others call the ring */

/* A name of this process, and fresh events. */
void name_ring(void);

/* With groups "g" and "h". A strict one does not give those of its own user more than their roles need, either. */
struct mring *make_ring(enum mring_access access, enum mring_access produce);
struct mring *make_strict_ring(void);

/* The owner, in a process of its own: modes are `access` and `produce`. */
void serve_until_finished(void *modes);

/* A refusal says why. */
int open_ring(struct mring **ring, const char *called, enum mring_role role);

#endif
