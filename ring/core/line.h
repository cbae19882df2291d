/*
 * What a member's line says of the stream: facts, each of a position (layout.h, line_fact).
 *
 * It guarantees that whoever finds a fact of a position reads what was said of that position: the place says NOWHERE while it is written, and the
 * reader looks at it twice [FACT]. Since it is a fact of the stream it is as good as another's of the same position, and stays true.
 *
 * One writes to a line at a time: who sits there, or has taken it over; or the producer, of a group that nobody serves (unserved.h).
 */
#ifndef MRING_CORE_LINE_H
#define MRING_CORE_LINE_H

#include "landmark.h"

/* False: nothing of this position, or no more. */
bool line_said(const struct member_line *line, uint64_t position, struct fact *fact);

/* Of two positions, what is said stays; if it is said more than once, of a position that all places of a new line say, once. */
void line_say(struct member_line *line, const struct fact *fact, uint64_t keep, uint64_t keep_too);

#endif
