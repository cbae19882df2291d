/*
 * What the system gives to tell the living from the dead: life_linux.c (byte locks) or life_darwin.c (pid and start time, and a table
 * of marks).
 * life.c calls these under its registry's lock, life_system_lives excepted, which any thread may call at any time.
 */
#ifndef MRING_MEMBER_LIFE_SYSTEM_H
#define MRING_MEMBER_LIFE_SYSTEM_H

#include <mach/mach.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct lock_keeper;

struct life_place {
    int descriptor;             /* of the life entry; -1 where the system has none */
    struct lock_keeper *keeper; /* of its locks; NULL likewise */
    struct mark_table *marks;   /* in the life entry, mapped; NULL where the kernel keeps marks */
};

/* What this process needs of the life entry, for as long as the place is open; the right stays the caller's, and held. 0, -errno. */
int life_system_open(struct life_place *place, mem_entry_name_port_t entry);

/* The process has no life at this place any more. */
void life_system_close(struct life_place *place);

/* This is a forked child: the life, if there is one, is its parent's. The place stays open. */
void life_system_forked(struct life_place *place);

/* Give this process a life: its number. 0, -ENOLCK, ... */
int life_system_take(struct life_place *place, uint64_t *number);

/* Make sure of this process's life, whatever has been closed. */
void life_system_refresh(const struct life_place *place, uint64_t number);

/* Does the process of this number, which is another one, live? `number` is in 1 .. 2^48-1. */
bool life_system_lives(const struct life_place *place, uint64_t number);

/* Its pid; 0: it has ended, or has none here. */
pid_t life_system_process(const struct life_place *place, uint64_t number);

/* Set a mark of this process (0, -ENOLCK), or clear it. Has any other process set it? */
int life_system_mark(const struct life_place *place, uint64_t mark);
void life_system_unmark(const struct life_place *place, uint64_t mark);
bool life_system_marked(const struct life_place *place, uint64_t mark);

#endif
