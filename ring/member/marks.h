/*
 * Marks (life.h) where the kernel keeps none: a table in the life entry, which each process that takes part in the ring has mapped.
 *
 * A place is free, or some life's, and that of a life which is over is as good as free. To set a mark: take a place by compare-and-swap of
 * its owner, to this life with TAKING; store the mark; store the owner once more, without TAKING [MARK]. To clear it: store 0 there. Who is killed
 * anywhere in between leaves a place with a dead owner.
 *
 * A mark stands if a place has it whose owner lives. Who has set one goes on to look whether the broker is still the same; a successor has
 * made itself broker, and goes on to look for marks. Each passes a full fence between the two [MARK]: so one sees the other, as
 * with locks, where system calls do that.
 *
 * The entry is in the hands of all who attach, as the locks' is: whoever misbehaves can make a mark stand, and, unlike there, clear another's.
 */
#ifndef MRING_MEMBER_MARKS_H
#define MRING_MEMBER_MARKS_H

#include "core/atomic.h"
#include "core/layout.h"

#include <stdbool.h>
#include <stdint.h>

struct mark_place {
    struct word owner; /* 0: free */
    struct word mark;
};

enum { MARK_PLACES = LAYOUT_PAGE / sizeof(struct mark_place) - 1 };

/* A fresh entry is one with nothing in it. */
struct mark_table {
    struct word crowded; /* there were more than fit: from then on every mark counts as set */
    struct word unused;
    struct mark_place place[MARK_PLACES];
};

_Static_assert(sizeof(struct mark_table) == LAYOUT_PAGE, "the life entry");

/* Does the process of this life live? It is 1 .. 2^48-1. */
typedef bool marks_lives(uint64_t life);

void marks_set(struct mark_table *table, uint64_t life, uint64_t mark, marks_lives *lives);

/* This life's; and all of this life's. */
void marks_clear(struct mark_table *table, uint64_t life, uint64_t mark);
void marks_clear_all(struct mark_table *table, uint64_t life);

/* Anybody's. */
bool marks_stand(const struct mark_table *table, uint64_t mark, marks_lives *lives);

#endif
