/*
 * Keys: what a process shows the broker to prove what it may do with a ring.
 *
 * A ring has one secret, 128 random bits, in private memory of those who may write all of it. Everything else is derived from it,
 * by a keyed hash that cannot be turned round, so that the broker keeps no list of what it has given out, and whoever has the secret can take
 * the broker's place without asking anybody anew:
 *
 *   secret = the producer's key --> consumer's key --> inspector's key
 *       +--> key of a group {index, members, incarnation}: only its members and who has the secret know it
 *                --> the group's waking key: the members of the groups that it is after know it as well
 *
 * A key is given out with the rights that it stands for, over the kernel's ports; it never is in shared memory.
 */
#ifndef MRING_MEET_KEYS_H
#define MRING_MEET_KEYS_H

#include "mring.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* All zero: none. */
struct ring_key {
    uint64_t word[2];
};

/* A new secret. 0, or -errno when the system has no random bytes. */
int key_make(struct ring_key *secret);

/* The key of a role. Of a lower role, a higher role's key gives it too: see key_lower. */
struct ring_key key_of_role(const struct ring_key *secret, enum mring_role role);

/* The same, of the key of a role that covers the wanted one. */
struct ring_key key_between(const struct ring_key *key, enum mring_role has, enum mring_role wanted);

/* The consumer's key, of the producer's; the inspector's, of the consumer's; a group's waking key, of the group's. */
struct ring_key key_lower(const struct ring_key *key);

struct ring_key key_of_group(const struct ring_key *secret, uint32_t index, uint32_t members, uint64_t incarnation);

/* In a time that tells nothing about where they differ. */
bool key_equal(const struct ring_key *one, const struct ring_key *other);

bool key_is_none(const struct ring_key *key);

/* Overwrite it, also where a compiler thinks that nobody will look. */
void key_forget(struct ring_key *key);

/* The hash itself: SipHash-2-4 with 128 bits of result, over words. */
struct ring_key key_hash(const struct ring_key *key, const uint64_t *words, size_t count);

#endif
