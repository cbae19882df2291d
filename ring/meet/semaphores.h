/*
 * The semaphores of a ring's sleepers, kept by its broker: by place, one each.
 *
 * A sleeper puts a send right to its own semaphore here once; whoever has to wake it fetches a copy once. The right of a place
 * is replaced when a new occupant puts one; a group that is made anew drops those of its earlier incarnations. At most
 * SEMAPHORES_MAX are kept, as many as a ring can have places; past that the oldest goes, and only a late wake-up is lost.
 * Guarded by meet.lock.
 */
#ifndef MRING_MEET_SEMAPHORES_H
#define MRING_MEET_SEMAPHORES_H

#include "meet/meet.h"

enum { SEMAPHORES_MAX = LAYOUT_MEMBERS + 1 };

struct semaphore_table {
    struct semaphore_entry *entries; /* oldest first */
    size_t count;
    size_t room;
};

/* Keep a right (moved in, also on failure) for a place. 0, -EINVAL: no such place, -ENOMEM. */
int semaphores_put(struct semaphore_table *table, const struct sleeper *who, semaphore_t semaphore);

/* The right kept for exactly this occupant of the place; it stays the table's. MACH_PORT_NULL when there is none. */
semaphore_t semaphores_get(const struct semaphore_table *table, const struct sleeper *who);

/* Drop all rights; or, in a forked child, where the names are the parent's, only the memory. */
void semaphores_clear(struct semaphore_table *table);
void semaphores_forget(struct semaphore_table *table);

#endif
