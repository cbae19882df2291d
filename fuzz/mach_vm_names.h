/*
 * The model of a task's port names: what each stands for, and how many user references it has (Mach 5).
 *
 * A table of those that live, and a ring of those that did: a stale name must fail for as long as its input lasts.
 */
#ifndef FUZZ_MACH_VM_NAMES_H
#define FUZZ_MACH_VM_NAMES_H

#include "mach_vm_map.h"

enum { NAMES = 32, STALE = 16, ENTRY_PAGES = CELLS, UREFS_MAX = 65535 };

enum held_kind { HELD_NOTHING, HELD_PINNED, HELD_ENTRY, HELD_SEMAPHORE, HELD_PORT, HELD_ONCE, HELD_SET, HELD_DEAD };

/* What a memory entry stands for; `whole`: made with VM_SHARE or VM_COPY. */
struct view_of_memory {
    struct content *content[ENTRY_PAGES];
    struct home home[ENTRY_PAGES];
    size_t pages;
    uint64_t data; /* where in the first page it begins, if it knows */
    vm_prot_t protection;
    bool whole, loose;
};

struct held {
    enum held_kind kind;
    mach_port_name_t name;
    uint32_t references;   /* of what is counted: the send rights, the send-once right, or the dead name */
    mach_port_name_t port; /* HELD_ONCE: what it sends to */
    bool receive;          /* HELD_PORT */
    bool terminated;       /* HELD_SEMAPHORE */
    uint32_t count;        /* HELD_SEMAPHORE */
    struct view_of_memory *entry;
};

struct names {
    struct held held[NAMES];
    mach_port_name_t stale[STALE];
    size_t last_stale;
};

struct held *names_find(struct names *names, mach_port_name_t name);

/* Is there room for another? */
bool names_have_room(const struct names *names);

/* A new name with one reference (a port: none, and the receive right); the entry's contents are taken over. */
struct held *names_add(struct names *names, mach_port_name_t name, enum held_kind kind);

/* The rights behind a name, MACH_PORT_TYPE_*; 0: it is none. */
mach_port_type_t held_type(const struct held *held);

/* What a call answers whose target task is this name (Mach 0.3). */
kern_return_t names_task_code(struct names *names, mach_port_name_t task);

/* What an object or parent argument is (Mach 0.4, 2.5): MACH_SEND_INVALID_RIGHT, or success and the right, or NULL. */
kern_return_t names_argument(struct names *names, mach_port_name_t name, struct held **held);

/* mod_refs, deallocate and destroy of a name: the answer, and the change. */
kern_return_t names_modify(struct names *names, mach_port_name_t name, mach_port_right_t right, int64_t delta);
kern_return_t names_deallocate(struct names *names, mach_port_name_t name);
kern_return_t names_destroy(struct names *names, mach_port_name_t name);
uint32_t names_references(const struct held *held, mach_port_right_t right);
void names_add_reference(struct held *held);

/* insert_right: a right is taken first, by `how`, and lost if it cannot be put in under `name`. */
kern_return_t names_insert_right(struct names *names, mach_port_name_t name, mach_port_name_t right,
                                 mach_msg_type_name_t how);

#endif
