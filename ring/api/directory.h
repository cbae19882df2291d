/* The directory of the groups of a ring that this process serves. What is not said to be called with the ring lock held takes it. */
#ifndef MRING_API_DIRECTORY_H
#define MRING_API_DIRECTORY_H

#include "ring.h"

/* Make a group and its directory entry, not yet live. With the lock held. */
int directory_make_group(struct mring *ring, uint32_t index, const char *name, const struct group_terms *terms,
                         struct mring_error *error);

/* A live group, as far as this broker has it: NULL, if nobody has brought its entry yet. With the lock held. */
struct region_group *directory_group(struct mring *ring, uint32_t index);

/* What a reply says of it, with this entry, which is shared. With the lock held. */
int directory_describe(const struct mring *ring, uint32_t index, mem_entry_name_port_t entry,
                       struct group_reply *reply);

/*
 * Passing groups that their last member left, or died in, groups whose entry nobody has any more, or that never began, and those that the
 * producer has given up, are cleared away when their place, name or members are needed. With the lock held.
 */
void directory_clear(struct mring *ring);

int directory_join(struct mring *ring, uid_t user, const struct join_request *request, struct group_reply *reply);
int directory_unjoin(struct mring *ring, const struct join_request *request);

/* Take a durable group out: as mring_group_remove, but -EAGAIN: nobody has brought it here yet. */
int directory_remove(struct mring *ring, const struct meet_peer *peer, const char *name);

/* Have a group that a member brings, whose entry is consumed. -ENOENT: it is gone. */
int directory_bring(struct mring *ring, const struct sleeper *member, mem_entry_name_port_t entry);

#endif
