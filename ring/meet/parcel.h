/*
 * Parcels: a descriptor that stands for a role in a ring, for a process that no name and no fork leads to it.
 *
 * In it are the key of the role (keys.h), whose ring it is and what it is called, and two rights: one to the broker of the moment, and a
 * read-only one to the ring, by whose words a later broker is found when that one is gone. Where rights cannot be put into a
 * descriptor (parcel_darwin.c) the name has to do for both.
 *
 * Whoever has the descriptor has the role: the key is in it. The rights are no more than that role gets anyway, the lowest one too.
 */
#ifndef MRING_MEET_PARCEL_H
#define MRING_MEET_PARCEL_H

#include "core/layout.h"
#include "meet/keys.h"
#include "mring.h"

#include <mach/mach.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct parcel {
    uint64_t identity[2];
    struct ring_key key;
    enum mring_role role;
    uid_t owner;
    char name[LAYOUT_NAME];     /* empty: none, or not to be believed */
    mach_port_t broker;         /* send rights, which are whose parcel this is */
    mem_entry_name_port_t ring; /* null where the name has to do */
};

/* The bytes of it, one layout for both systems: on one machine, but maybe of another build. */
struct parcel_text {
    uint32_t version;
    uint32_t role;
    uint64_t identity[2];
    struct ring_key key;
    uint32_t owner;
    uint32_t
        owners; /* not 0: who made the parcel is the owner, whatever its number is where it is opened (user namespaces) */
    char name[LAYOUT_NAME];
};

/* ---- parcel_linux.c, parcel_darwin.c ---- */

/* The rights stay the parcel's. `fd` is close-on-exec, and the caller's. -EMFILE -ENOMEM; -ENOTSUP: it takes a name, and there is none. */
int parcel_make(const struct parcel *parcel, int *fd, struct mring_error *error);

/*
 * `fd` may be anything, and stays the caller's; this takes a few seconds at most. -EBADF: it is not open; -EINVAL: it is no parcel, or an empty
 * one; -EPROTO: another version's, or damaged; -ENOENT: a name has to do, and nobody serves it; -EMFILE -ENOMEM.
 */
int parcel_open(int fd, struct parcel *parcel, struct mring_error *error);

/* ---- parcel.c ---- */

/* Drop the rights that are left in it, and forget the key. */
void parcel_close(struct parcel *parcel);

struct parcel_text parcel_write(const struct parcel *parcel);
/* False: it cannot be true. Rights, and who the owner is, are left to the caller. */
bool parcel_read(struct parcel *parcel, const struct parcel_text *text);

/* What is wrong with a descriptor that cannot be opened: -EBADF or -EINVAL. */
int parcel_refused(int fd, struct mring_error *error);

#endif
