/*
 * Memory entries: a right to map a part of a file with at most a given protection (Mach 3).
 *
 * An entry never changes once it is made. An entry without WRITE holds a read-only file. Its identity is the inode of
 * its file, which no peer can claim without having that very file, and a random word, which tells apart entries over
 * the same memory.
 */
#ifndef MRING_MACH_ENTRY_H
#define MRING_MACH_ENTRY_H

#include "vm_file.h"

#include <mach/vm_types.h>

enum entry_kind {
    ENTRY_OBJECT, /* may be mapped in parts, and be a parent */
    ENTRY_WHOLE   /* made with MAP_MEM_VM_SHARE or MAP_MEM_VM_COPY: mapped whole, never a parent (Mach 2.10, 3.2) */
};

/* Which part of a file, and what for. */
struct entry_part {
    enum entry_kind kind;
    uint64_t offset, size; /* multiples of the page size */
    uint64_t data;         /* where in the first page the data begins, with MAP_MEM_USE_DATA_ADDR; else 0 */
    vm_prot_t protection;
};

struct memory_entry {
    struct mach_object object;
    struct vm_file *file;
    struct entry_part part;
};

/*
 * Make an entry and its name. Holds the file itself, narrowed to the protection; the caller's reference stays the
 * caller's. Inside the gate or under the address space's lock.
 */
kern_return_t entry_create(struct vm_file *file, const struct entry_part *part, mach_port_t *name);

/* The entry an object is, or NULL. */
struct memory_entry *entry_of(struct mach_object *object);

/*
 * The object that an argument names, held; NULL, with success, when there is none: no name, the dead name, or a right
 * whose port is dead (Mach 0.4, 2.5). MACH_SEND_INVALID_RIGHT when it names no send right.
 */
kern_return_t entry_hold_argument(mem_entry_name_port_t name, struct mach_object **object);

#endif
