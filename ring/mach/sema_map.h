/*
 * This task's mappings of semaphores: one for each semaphore, however many rights and names lead to it.
 *
 * A mapping stands in an arena, at a fixed distance above private memory of the same size, its shadow. That is for the robust lists
 * (sema_keeper.c): the kernel adds one constant to the address of a list entry to find the futex, and the entry itself must not be
 * where a peer can write.
 *
 * A task that owns a semaphore and has sent it keeps the mapping, and with it the owner's life word, when its last right goes: others
 * may still wait, and must learn when the owner dies (Mach 7.14).
 */
#ifndef MRING_MACH_SEMA_MAP_H
#define MRING_MACH_SEMA_MAP_H

#include "sema_queue.h"
#include "vm_file.h"

enum { SEMA_SHADOW = 256 * SEMA_BYTES }; /* from a shadow up to what it is the shadow of */

struct keeper;
struct robust_list;

struct sema_map {
    struct sema sema;
    _Atomic uint32_t waiters; /* threads of this task that are in the queue, or about to be */

    /* Under the lock, or as they were made. */
    uint32_t references;
    bool owner;
    uint64_t device, inode;

    /* The keeper's. */
    _Atomic(struct keeper *) keeper; /* NULL: none looks after this mapping */
    struct robust_list *entry;
    struct sema_map *newer, *older;
    uint64_t passed;
};

/* The mapping of this file, one more reference: new if there is none. NULL: no memory. Inside the gate. */
struct sema_map *sema_map_hold(const struct vm_file *file, enum sema_order order);
void sema_map_drop(struct sema_map *map);

/* Before the right goes to another task: have the owner's death seen. False: not possible for want of a thread. */
bool sema_map_share(struct sema_map *map);
/* Before a thread of this task queues: the same for this task, and the owner's death watched. */
bool sema_map_join(struct sema_map *map);

/* In a forked child nothing is mapped. */
void sema_map_fork_child(void);

#endif
