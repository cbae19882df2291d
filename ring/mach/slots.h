/*
 * The rights that a child inherits: the three registered ports and the special ports that were set (Mach 5.6, 6.3). Each slot holds
 * a reference to its object, NULL when empty.
 */
#ifndef MRING_MACH_SLOTS_H
#define MRING_MACH_SLOTS_H

#include "object.h"

enum { SLOT_REGISTERED = 0, SLOT_REGISTERED_COUNT = 3, SLOT_BOOTSTRAP = 3, SLOTS = 4 };

/* Hold what a slot has, or NULL. */
struct mach_object *slot_hold(int slot);
/* Put `count` objects (references taken over, NULL: empty) into the slots from `first` on, all at one instant. */
void slots_set(int first, int count, struct mach_object *const objects[]);

/*
 * Over a fork the rights travel as in a message: described in the parent, their descriptors kept through the child's closing of
 * everything (before/after), then unpacked. So they are new objects in the child, owned by nobody there.
 */
void slots_fork_prepare(void);
void slots_fork_child_before(void);
void slots_fork_child_after(void);

#endif
