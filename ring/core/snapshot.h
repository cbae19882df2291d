/*
 * The counters of a ring, all of them as they were together: looked at by a reader that writes nothing and is waited for by nobody.
 *
 * It guarantees that the words that only grow (positions, counters) were all at one instant what the snapshot says, where it says so (`instant`);
 * that else each was at some instant of the call, the groups' before the ring's, so that no group is ahead of the stream; and that it ends,
 * whatever bytes stand there (I7): each word is loaded once a look, the looks are counted, and a walk goes over one ring's length at most.
 *
 * Two looks in a row that saw the same have an instant between them at which all was so: the end of the first. That is had of a ring at rest,
 * and of one whose steps are slow beside a look.
 *
 * No counter is kept for this alone. How many messages there are before a position, and bytes of payload in them, is a fact of the stream that a
 * landmark and the headers next to it tell (landmark.h); so what a group has been given, what it lags, and what is published are known
 * from the positions, exactly: also where a producer was killed between its tail and its counters.
 */
#ifndef MRING_CORE_SNAPSHOT_H
#define MRING_CORE_SNAPSHOT_H

#include "landmark.h"

/* Words as they were loaded: of 64 bits all, so that two looks can be compared as bytes. */

struct seen_ring {
    uint64_t intent; /* when the look began */
    uint64_t tail, epoch, ended;
    uint64_t messages, bytes, waits, wakeups, rescued, cut_offs;
};

struct seen_group {
    uint64_t position; /* claimed up to; of a lone group: released */
    uint64_t released; /* nobody in it reads below; NOWHERE: a passing one that all have left */
    uint64_t want, want_epoch;
    uint64_t cut_off; /* 1: it was */
    uint64_t turned;  /* 1: it was turned lossy */
    uint64_t dropped; /* 1: it was cut off as nobody served it */
    uint64_t awaited;
    uint64_t aside, aside_ever, deaths;
};

struct seen_place {
    uint64_t owner;
    uint64_t held;     /* as it counts for `released`; HELD_IDLE: it does not */
    uint64_t from, to; /* what it holds; both 0: nothing */
    uint64_t asleep;   /* 1: it is */
    uint64_t messages, batches, sleeps, rescued, redelivered, damaged, missed, missed_bytes, wakeups;
};

/* What is looked at. */
struct sight {
    struct ring_view ring;
    const struct group_view *group[LAYOUT_GROUPS]; /* by directory index; NULL: not to be had */
};

struct snapshot {
    struct seen_ring ring;
    struct seen_group group[LAYOUT_GROUPS];
    struct seen_place place[]; /* of the groups that can be had, one group after the other */
};

/* Bytes of a snapshot. */
size_t snapshot_size(const struct sight *sight);

/* True: as it was at one instant. `other` is for the looks before. */
bool snapshot_take(const struct sight *sight, struct snapshot *snapshot, struct snapshot *other);

/* The positions of a snapshot, counted. */
struct measures {
    struct fact published;            /* up to where the stream went */
    struct fact group[LAYOUT_GROUPS]; /* up to its position, which is not past that */
    uint64_t known;       /* bit g: of this group they are; else it is where no record begins, or left behind */
    bool published_known; /* else they are the counters */
};

/* False: not all are known, and the producer wrote on meanwhile, perhaps over what leads to them: take a new snapshot. */
bool snapshot_measure(const struct sight *sight, const struct snapshot *snapshot, struct measures *measures);

#endif
