/*
 * The entries behind the names of space.c. Everything here is called with the space's lock held, except table_look().
 *
 * A name is {index << 8 | generation}, and its low two bits are set, as on XNU, so an index has 64 names. A freed index rests in a
 * queue behind others before it comes back with the next of them: a stale name fails for as long as possible (Mach 5.5).
 */
#ifndef MRING_MACH_SPACE_TABLE_H
#define MRING_MACH_SPACE_TABLE_H

#include "object.h"

enum { TASK_INDEX = 1, BOOTSTRAP_INDEX = 2, FIRST_INDEX = 3 };

/* A key: generation in the low byte, rights where MACH_PORT_TYPE_* has them (bits 16 to 20). */
enum { TABLE_GENERATION = 0xff, TABLE_RIGHTS = (int)MACH_PORT_TYPE_ALL_RIGHTS };

struct entry {
    _Atomic uint32_t key;
    _Atomic(struct mach_object *) object;
    uint32_t references; /* of the send right, send-once right or dead name */
    uint32_t link;       /* next in the bucket, or in the queue of free entries; 0: the last */
};

static inline struct mach_object *entry_object(struct entry *entry)
{
    return atomic_load_explicit(&entry->object, memory_order_relaxed);
}

static inline uint32_t entry_key(struct entry *entry)
{
    return atomic_load_explicit(&entry->key, memory_order_relaxed);
}

static inline uint32_t entry_rights(struct entry *entry)
{
    return entry_key(entry) & TABLE_RIGHTS;
}

static inline void entry_set_rights(struct entry *entry, uint32_t rights)
{
    atomic_store_explicit(&entry->key, rights | (entry_key(entry) & TABLE_GENERATION),
                          memory_order_release); /* name-made */
}

/* The task's own port and the bootstrap port: their last reference stays. */
static inline bool table_pinned(uint32_t index)
{
    return index < FIRST_INDEX;
}

/* The entry of any number's index, NULL if there is none. */
struct entry *table_look(uint32_t index);
/* The entry of an index that is in use, or was. */
struct entry *table_entry(uint32_t index);
/* The live entry of a name, or NULL. */
struct entry *table_find(mach_port_name_t name);
/* The entry of the name under which the task knows an object with sends or a receive right, or 0. */
uint32_t table_find_object(const struct mach_object *object);
/* No index is this large. */
uint32_t table_bound(void);

/* A new name; MACH_PORT_NULL when the table is full or memory short. */
mach_port_name_t table_make(struct mach_object *object, mach_port_type_t right);
/* Can this number be a name, chosen by the caller, of something new (*used false), or is it one already (*used true)? */
kern_return_t table_choose(mach_port_name_t name, bool *used);
/* After that, when it is not used. */
void table_make_as(mach_port_name_t name, struct mach_object *object, mach_port_type_t right);
/* No right is left: the name goes. Returns the object, whose reference is now the caller's. */
struct mach_object *table_unmake(uint32_t index);

/* In a forked child, which has no names. */
void table_forget(void);

#endif
