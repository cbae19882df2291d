/* What the name space needs of the objects' cells over a fork. */
#ifndef MRING_MACH_OBJECT_CELLS_H
#define MRING_MACH_OBJECT_CELLS_H

#include "object.h"

/* From now on the object's descriptors are the child's to close after a fork. Called inside the gate, as often as one likes. */
void object_publish(struct mach_object *object);

/*
 * In a forked child: ops->forked for every published object, whoever held it (its name may be gone while a call of another thread, which
 * the child lacks, still used it), and its cell is free again.
 */
void object_fork_child(void);

#endif
