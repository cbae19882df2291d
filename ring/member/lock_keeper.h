/* A thread that holds byte locks where nothing that the rest of its process does, or is sent, can drop them. Linux only. */
#ifndef MRING_MEMBER_LOCK_KEEPER_H
#define MRING_MEMBER_LOCK_KEEPER_H

#include <sys/types.h>

struct lock_keeper;

/*
 * One for the file behind this descriptor, which must be open until the first lock was asked for. NULL: there is no thread or no memory to be
 * had. No two calls at once for one keeper.
 */
struct lock_keeper *lock_keeper_start(int descriptor);

/* Set or clear (F_WRLCK, F_RDLCK, F_UNLCK) the lock on one byte. 0, -errno: as fcntl F_SETLK. */
int lock_keeper_set(struct lock_keeper *keeper, short type, off_t offset);

/* No lock is held any more when this returns. */
void lock_keeper_stop(struct lock_keeper *keeper);

/* In a forked child, which has neither the thread nor its locks. */
void lock_keeper_forget(struct lock_keeper *keeper);

#endif
