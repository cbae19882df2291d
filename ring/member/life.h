/*
 * Who lives, by the kernel's verdict.
 *
 * A process that takes part in a ring has one *life* in it: a random 48-bit number, and on Linux a byte lock (F_SETLK) at that
 * offset of the ring's life entry, a small memory entry made for this alone. The kernel drops the lock when the process dies or
 * execs and at no other time: it survives SIGSTOP, is not inherited by a forked child, and is seen across pid namespaces. On
 * macOS a life is made of pid and start time, and the life entry holds marks instead of locks: see life_darwin.c.
 *
 * The trap of F_SETLK: closing *any* descriptor of the file drops all locks of the process on it. So a process holds one descriptor
 * per ring, shared by all its handles of that ring (found by the ring's identity), and closes it last. But any member can send it another
 * one to close. So a thread that has a table of descriptors of its own has the locks as well (lock_keeper.h), and the process takes its
 * own again now and then (life_refresh).
 */
#ifndef MRING_MEMBER_LIFE_H
#define MRING_MEMBER_LIFE_H

#include <mach/mach.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * Have the fork handlers registered; life_begin does, if it was not done. Before those of any lock that is held over a call from here: the
 * lock in here is the innermost, so around a fork it must be taken last (the handlers that prepare run last registered first). 0, -ENOMEM.
 */
int life_watch_forks(void);

struct life; /* this process's life in one ring; counted, shared by its handles of that ring */

/*
 * Begin, or share, this process's life in the ring of this identity. Only when the process has none there yet is `fetch` called,
 * once, to get a send right to the life entry (0 or -errno, which life_begin then returns): receiving that entry a second time
 * would close a duplicate descriptor of it, and with that may drop the lock (see the trap above). So the entry travels in a request
 * of its own (meet_life); other threads that want the same life wait meanwhile.
 * 0, -ENOMEM, -EMFILE, -ENOLCK, or what `fetch` said.
 */
int life_begin(struct life **life, const uint64_t identity[2],
               int (*fetch)(void *context, mem_entry_name_port_t *entry), void *context);

/*
 * A forked child begins a life of its own in a ring its parent had, by the parent's (copied) handle, which stays a handle of its
 * own, to be ended too: *life is a new reference to the same thing. Until this call the child has no life: number 0. `fetch` is asked
 * for the life entry as in life_begin, for the same reason before the life begins; should it fail, the life begins all the same.
 */
int life_begin_forked(struct life **life, struct life *inherited,
                      int (*fetch)(void *context, mem_entry_name_port_t *entry), void *context);

/* The right to the life entry, which stays this life's; null in a forked child that could not fetch it. */
mem_entry_name_port_t life_entry(const struct life *life);

/* The number, 1 .. 2^48-1, good as long as this process holds the handle. 0 in a forked child that has not begun one. */
uint64_t life_number(const struct life *life);

/* Make sure of the lock, whatever descriptors have been closed: a system call. */
void life_refresh(const struct life *life);

/* Is the process of this number alive? A verdict, never a guess: a stopped process lives. Own number: true. `number` may be anything. */
bool life_alive(const struct life *life, uint64_t number);

/* Its pid, as this process would name it, for people to read: 0 where it has ended or lives in a pid namespace that cannot be seen. */
pid_t life_process(const struct life *life, uint64_t number);
/*
 * Marks: that some process lives which keeps something, without telling which. A mark is any number below 2^56; it stands as long as any
 * process that has set it lives (as above) and has not cleared it as often. life_marked asks whether any has it set, this one
 * included. 0, -ENOMEM, -ENOLCK.
 */
int life_mark(struct life *life, uint64_t mark);
void life_unmark(struct life *life, uint64_t mark);
bool life_marked(struct life *life, uint64_t mark);

/* Give the handle back; with the last one the life ends. NULL is allowed. */
void life_end(struct life *life);

#endif
