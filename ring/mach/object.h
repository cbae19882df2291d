/*
 * What a port name stands for, and how a right to it travels.
 *
 * Everything a task can hold a right to (a receive right's port, a port set, a memory entry, a semaphore, the task
 * itself, the bootstrap server) is one `struct mach_object`, the first member of a larger struct of its kind. The name
 * space (space.h) maps names to objects and counts rights; the kinds know nothing of names.
 *
 * Guarantees
 *   - The memory of an object is type-stable: kinds allocate objects from object_alloc(), which recycles cells
 *     of one fixed size and never returns them to the system. So object_hold() may look at an object that is just being
 *     freed; it then fails on the reference count. This is what lets name look-up go without a lock, and semaphore_signal be
 *     async-signal-safe (a Mach trap is, on XNU).
 *   - References are counted; the last object_drop() calls ops->destroy once.
 *   - After fork the child holds no name: ops->forked is called there once for each object that ever got a name or came in a
 *     message, whoever held references to it; all of these references are void in the child. Registered and special ports are
 *     packed before the fork and unpacked in the child, as if sent to it: the child's are new objects.
 *   - From the moment an object owns descriptors until its first name, its maker stays inside the gate (gate.h), so that no fork
 *     falls in between.
 *
 * A right travels as a `struct wire_right` and up to WIRE_FDS descriptors (SCM_RIGHTS). Both come from a peer and are
 * hostile: ops->unpack checks every field and every descriptor before an object is made of them.
 */
#ifndef MRING_MACH_OBJECT_H
#define MRING_MACH_OBJECT_H

#include <mach/kern_return.h>
#include <mach/port.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum object_kind {
    OBJECT_NONE,
    OBJECT_TASK,
    OBJECT_BOOTSTRAP,
    OBJECT_PORT,
    OBJECT_PORT_SET,
    OBJECT_MEMORY_ENTRY,
    OBJECT_SEMAPHORE,
    OBJECT_SEND_ONCE,
    OBJECT_HOST,
    OBJECT_WATCH, /* of a queue that is full (departures.h): never a right */
    OBJECT_KINDS
};

enum { WIRE_FDS = 65, WIRE_BODY = 48, OBJECT_CELL = 256 };

/* Who an object is, for "one name per (task, port)": two rights name one port exactly when these are equal. */
struct object_id {
    uint64_t word[2];
};

struct wire_right {
    uint32_t kind;        /* enum object_kind */
    uint32_t descriptors; /* how many of the message's descriptors belong to this right, 0..WIRE_FDS */
    struct object_id id;
    unsigned char body[WIRE_BODY]; /* the kind's own */
};

/* No descriptor yet. */
static inline void wire_no_descriptors(int fds[WIRE_FDS])
{
    for (int i = 0; i < WIRE_FDS; i++)
        fds[i] = -1;
}

struct mach_object;

struct object_ops {
    enum object_kind kind;
    /* The last reference is gone: close descriptors, unmap. The cell itself is recycled by the caller. */
    void (*destroy)(struct mach_object *object);
    /* In a forked child: the object is no longer this task's; free what the fork copied (descriptors), touch nothing shared. */
    void (*forked)(struct mach_object *object);
    /* Describe a right for a message. Descriptors are borrowed: the sender does not close them. False: cannot travel. */
    bool (*pack)(struct mach_object *object, struct wire_right *right, int fds[WIRE_FDS]);
    /* Make an object of a received right. Takes over the descriptors, also on failure. NULL: refused (hostile or damaged),
     * the receiver then sees MACH_PORT_NULL. The returned object carries one reference. */
    struct mach_object *(*unpack)(const struct wire_right *right, const int fds[WIRE_FDS]);
};

struct mach_object {
    _Atomic(const struct object_ops *) ops; /* NULL while the cell is free */
    _Atomic uint32_t references;
    struct object_id id;
};

/* A cell of OBJECT_CELL bytes, zeroed behind the header, with one reference; NULL when memory is short. */
struct mach_object *object_alloc(const struct object_ops *ops, struct object_id id);
/* One more reference, unless the object is already going (false). Lock-free, async-signal-safe. */
bool object_hold(struct mach_object *object);
void object_drop(struct mach_object *object);

/* For kinds that cannot travel. */
bool object_never_packed(struct mach_object *object, struct wire_right *right, int fds[WIRE_FDS]);

/* An id nobody else has (random, 128 bits). */
struct object_id object_id_new(void);

/* Each kind exports its table; rights.c picks by kind when unpacking. */
extern const struct object_ops memory_entry_ops;
extern const struct object_ops semaphore_ops;
extern const struct object_ops port_ops;
extern const struct object_ops send_once_ops;

#endif
