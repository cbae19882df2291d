/*
 * Memory entries: a right to map memory with at most a given protection (Mach 3).
 *
 * The memory is a stretch of one file; or, with MAP_MEM_VM_SHARE over memory that is shared in several pieces already, a
 * few of them, mapped one behind the other.
 *
 * An entry never changes once it is made. An entry without WRITE holds read-only files. Its identity is the inode of
 * its file, or, of several pieces, of the list of them (entry_wire.h), which no peer can claim without having that very
 * file, and a random word, which tells apart entries over the same memory.
 */
#ifndef MRING_MACH_ENTRY_H
#define MRING_MACH_ENTRY_H

#include "vm_file.h"

#include <mach/vm_types.h>
#include <stddef.h>

enum { ENTRY_PIECES = 64 }; /* more in one range: KERN_RESOURCE_SHORTAGE */

enum entry_kind {
    ENTRY_OBJECT, /* of one piece; may be mapped in parts, and be a parent */
    ENTRY_WHOLE   /* made with MAP_MEM_VM_SHARE or MAP_MEM_VM_COPY: mapped whole, never a parent (Mach 2.10, 3.2) */
};

struct entry_piece {
    struct vm_file *file;
    uint64_t offset, size; /* multiples of the page size */
};

struct entry_attributes {
    enum entry_kind kind;
    uint64_t data; /* where in the first page the data begins, with MAP_MEM_USE_DATA_ADDR; else 0 */
    vm_prot_t protection;
};

/* Each piece but the first is in a cell of its own. */
struct entry_link {
    struct entry_piece piece;
    struct entry_link *next;
};

struct memory_entry {
    struct mach_object object;
    struct entry_link first;
    struct vm_file *list; /* of several pieces; else NULL */
    uint64_t size;        /* of all pieces */
    struct entry_attributes attributes;
};

/*
 * Make an entry and its name. Holds the files itself, narrowed to the protection; the caller's references stay the
 * caller's. Inside the gate or under the address space's lock.
 */
kern_return_t entry_create(const struct entry_piece *pieces, size_t count, const struct entry_attributes *attributes,
                           mach_port_t *name);

/* The same with an identity and a list already made, and without a name; NULL: no memory or descriptors. */
struct memory_entry *entry_build(struct object_id id, const struct entry_piece *pieces, size_t count,
                                 struct vm_file *list, const struct entry_attributes *attributes);

/* The entry's pieces, borrowed, and how many there are. */
size_t entry_pieces(const struct memory_entry *entry, struct entry_piece pieces[ENTRY_PIECES]);

/* The entry an object is, or NULL. */
struct memory_entry *entry_of(struct mach_object *object);

/*
 * The object that an argument names, held; NULL, with success, when there is none: no name, the dead name, or a right
 * whose port is dead (Mach 0.4, 2.5). MACH_SEND_INVALID_RIGHT when it names no send right.
 */
kern_return_t entry_hold_argument(mem_entry_name_port_t name, struct mach_object **object);

#endif
