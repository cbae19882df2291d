/* A consumer whose group is after others: the words of these, and what it asks of them (core/stage.h). */
#ifndef MRING_API_STAGES_H
#define MRING_API_STAGES_H

#include "consumer.h"

/* Which groups of the ring these names mean: bits of its directory, for a group that is to be after them. 0; -ENOENT, -EINVAL and why. */
int stages_find(struct mring *ring, const char *group, const char *const *names, size_t count, uint64_t *after,
                struct mring_error *error);

/*
 * Have the words of the groups that the consumer's is after: those kept from a parent (lower.h), of which what is not needed stays the
 * caller's; this process's own; or from who serves the ring, read-only. 0, -EPIPE, -EPROTO, -ENOMEM, or what mapping said.
 */
int stages_open(struct mring_consumer *consumer, struct inherited *inherited, struct mring_error *error);

/* Give them back. `mine` false in a forked child. */
void stages_close(struct mring_consumer *consumer, bool mine);

/* As a sleeper looks: is there something to take, or to complain of; or, not asleep yet, is it announced in the wrong place? */
bool stages_worth_looking(struct mring_consumer *consumer);

/* Announce this member, which is going to sleep, to those who hold it back. */
void stages_announce(struct mring_consumer *consumer);

/* Do all who hold the group back now know that somebody of it sleeps? */
bool stages_told(const struct mring_consumer *consumer);

/* And does this member's announcement stand? For one who stays announced over several calls. */
bool stages_announced(const struct mring_consumer *consumer);

/* Has every member of these groups, and of its own, which may have to wake this one, registered? (R15) */
bool stages_reachable(const struct mring_consumer *consumer);

#endif
