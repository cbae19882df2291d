/*
 * Groups that are lapped, or would be if nobody waited for them: the stream as it is in truth, and what became of each message.
 *
 * In the end each message was got once, whole, or is among those that a member was told it had missed, in messages and bytes. If a member was killed in a
 * call that looks for the next message, it may have found some to be lost and not have come to say so; if it was killed while it released one, that one
 * may be with nobody. Never is one got twice, or got and told to be missed; what was handed to one before is marked for the next; and the group's words
 * say in any case how much there was before where it is.
 */
#ifndef TESTS_KILL_LAPS_H
#define TESTS_KILL_LAPS_H

#include "walk.h"

enum { LONE = 0, MANY = 1, SMALL = 32, BIG = 7000 };

void laps_need(const struct world *world, bool held, const char *what);

/* Both groups are lossy ones, and the stream begins here. */
void laps_begin(struct world *world);

/* ---- the stream ---- */

void laps_send(struct world *world, unsigned count, uint32_t length);
/* An act: more than a ring. */
void laps_lap(struct world *world, unsigned who);
/* Another producer: what a dead one was about to publish is there or not. */
void laps_succeed(struct world *world);
bool laps_is_true(const struct world *world, const struct fact *fact);

/* ---- members ---- */

/* False: there is no place, or the producer is about to decide whether anybody is there. */
bool laps_join(struct world *world, unsigned who, unsigned group);
void laps_leave(struct world *world, unsigned who);
/* 1: a message; 0: there is none; -EOVERFLOW, which is noted. */
int laps_next(struct world *world, unsigned who, struct record *record);
void laps_release(struct world *world, unsigned who, const struct record *record);
/* So many answers, messages and gaps, at most: how many there were. */
unsigned laps_read(struct world *world, unsigned who, unsigned most);
/* Two, and it leaves. */
void laps_read_and_leave(struct world *world, unsigned who);
/* Two are handed out before they are released. */
void laps_hold_two(struct world *world, unsigned who);
/* One is handed out, of a lossy group, and released by leaving. */
void laps_hold_and_leave(struct world *world, unsigned who);

/* ---- in the end ---- */

/* A last message; all read until nobody finds anything more, and one comes if nobody is there. Then it has to add up. */
void laps_finish(struct world *world, unsigned group);

#endif
