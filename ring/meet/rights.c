#include "meet/rights.h"

#include "meet/names.h"

static const int rank[] = {[MRING_INSPECT] = 0, [MRING_CONSUME] = 1, [MRING_PRODUCE] = 2};

bool role_covers(enum mring_role has, enum mring_role wanted)
{
    return rank[has] >= rank[wanted];
}

static bool within(const struct ring_owner *owner, enum mring_access access, const struct meet_peer *peer)
{
    if (peer->uid == owner->uid || peer->uid == 0)
        return true;
    return access == MRING_EVERYONE || (access == MRING_GROUP && peer->gid == owner->gid);
}

bool rights_by_ids(const struct ring_owner *owner, enum mring_access access, enum mring_access produce,
                   const struct meet_peer *peer, enum mring_role *role)
{
    if (!names_turns_away() && !within(owner, access, peer))
        return false;
    *role = within(owner, produce, peer) ? MRING_PRODUCE : MRING_CONSUME;
    return true;
}

bool rights_to_succeed(const struct ring_owner *owner, bool strict, const struct meet_peer *peer)
{
    return peer->uid == owner->uid && peer->gid == owner->gid &&
           role_covers(peer->role, strict ? MRING_PRODUCE : MRING_CONSUME);
}

bool rights_by_key(const struct ring_key *secret, const struct ring_key *key, enum mring_role *role)
{
    static const enum mring_role roles[] = {MRING_PRODUCE, MRING_CONSUME, MRING_INSPECT};

    for (unsigned at = 0; at < sizeof roles / sizeof roles[0]; at++) {
        struct ring_key expected = key_of_role(secret, roles[at]);

        if (key_equal(key, &expected)) {
            *role = roles[at];
            return true;
        }
    }
    return false;
}
