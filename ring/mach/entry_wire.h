/* How a memory entry travels. */
#ifndef MRING_MACH_ENTRY_WIRE_H
#define MRING_MACH_ENTRY_WIRE_H

#include "entry.h"

/* The list of several pieces, at most ENTRY_PIECES. */
kern_return_t entry_list_create(const struct entry_piece *pieces, size_t count, struct vm_file **list);

bool entry_pack(struct mach_object *object, struct wire_right *right, int fds[WIRE_FDS]);
struct mach_object *entry_unpack(const struct wire_right *right, const int fds[WIRE_FDS]);

#endif
