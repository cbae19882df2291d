/*
 * Messages that were set aside: each killed whoever was given it, and must not go on killing. They are copied out of the ring into
 * the group's own entry, so that the room goes back to the producer, and stay there until a member of the group takes them out.
 *
 * It guarantees that a message set aside is there once, whole, whoever is killed meanwhile.
 *
 * Words: all of struct aside_page, and the bytes behind it. One member at a time is at work here, by a lock that a dead one does not
 * keep [LOCK]: `owner` is a life, and what it says is no more believed than any owner once the kernel has said that this life has ended.
 * Whatever a dead one left behind is whole at any time:
 *   put    bytes, slot, then count + 1 [ASIDE]. Killed before: what was written is beyond the count. Killed after, but before `held` moved
 *          past the record: the next who comes to set it aside finds its position in a slot, and puts it no second time. (A slot keeps
 *          its position after it was taken out, until it is needed anew.)
 *   take   copy out, then first + 1 [TAKEN]. Killed in between, it is there still.
 * The lock is never waited for: its owner may be stopped. Who finds it taken does without.
 *
 * All of it is written by members, so every number is bounded, and bytes are found modulo the size.
 */
#ifndef MRING_CORE_ASIDE_H
#define MRING_CORE_ASIDE_H

#include "consumer.h"

/* Set a record aside: false: there is no room, or somebody is at work there; then it must be handed out again. */
bool aside_put(const struct group_view *group, const struct judge *judge, uint64_t position, uint64_t header,
               const void *data, uint64_t given);

struct aside_message {
    uint64_t position;
    uint64_t header;
    uint64_t given;
};

/*
 * Take the oldest out: 1. 0: there is none. -EMSGSIZE: it is longer than `size`, and stays; *message is filled. -EBUSY: somebody is at
 * work there. -EBADMSG: what stands there cannot be true.
 */
int aside_take(const struct group_view *group, const struct judge *judge, void *buffer, uint64_t size,
               struct aside_message *message);

/* How many there are. */
uint64_t aside_count(const struct group_view *group);

#endif
