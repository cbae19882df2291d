/*
 * Who may do what with a ring: by the ids that the kernel knows of a sender, when it comes for the first time, and by the key it was given
 * then, ever after.
 *
 * So rights are judged once, and belong to whoever has them: a worker that is forked and then becomes another user goes on, and
 * a process cannot have more of a ring than it was given, whatever its user is. The roles are in a line: who may produce may consume, who may
 * consume may inspect.
 */
#ifndef MRING_MEET_RIGHTS_H
#define MRING_MEET_RIGHTS_H

#include "meet/keys.h"
#include "meet/meet.h"

#include <stdbool.h>

/* On whose terms a ring is served: those of the process that began to serve it. */
struct ring_owner {
    uid_t uid;
    gid_t gid;
};

/* May one who has this role act in that one? */
bool role_covers(enum mring_role has, enum mring_role wanted);

/*
 * The highest role that a sender may have. False: none. Where the name server has turned away already whom the name is not served to
 * (names_turns_away), who comes by the name may consume.
 */
bool rights_by_ids(const struct ring_owner *owner, enum mring_access access, enum mring_access produce,
                   const struct meet_peer *peer, enum mring_role *role);

/*
 * May this sender, whose role is known, have what it takes to succeed the broker? That is to have all of the ring. So it is for who is the
 * ring's user already, in the same group, since the successor's own ids are the ring's from then on; a strict ring gives it only
 * to who may write anyway.
 */
bool rights_to_succeed(const struct ring_owner *owner, bool strict, const struct meet_peer *peer);

/* The role that a key is for. False: it is not one of this ring's. */
bool rights_by_key(const struct ring_key *secret, const struct ring_key *key, enum mring_role *role);

#endif
