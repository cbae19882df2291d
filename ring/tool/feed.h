/* From standard input into a ring, message by message. */
#ifndef MRING_TOOL_FEED_H
#define MRING_TOOL_FEED_H

#include "input.h"

#include <mring.h>
#include <stdbool.h>

/*
 * Tags of what `mring send` sends; all else has 0.
 *   FEED_REST     "rest": it goes on in the middle of a line
 *   FEED_NOTHING  "none": the input was empty. Of no bytes, to be received all the same: so the sender stays until that is known
 */
#define FEED_REST    UINT32_C(0x72657374)
#define FEED_NOTHING UINT32_C(0x6e6f6e65)

struct feed {
    struct mring_producer *producer;
    size_t longest; /* message */
    struct input input;
    bool middle; /* of a line: what comes next is no beginning of one */
    bool any;    /* message was sent */
};

/*
 * Three ways to cut the input into messages, to its end. Before each read that may wait, all that is complete is published.
 *   lines    each with its newline, the last one perhaps without. One that is longer than any message goes in several, as long as can be
 *   records  a length of 4 bytes, most significant first, and so many bytes
 *   raw      whatever a read gives, read into the ring itself
 * 0: the input has ended, and all of it is published; -ECANCELED: a signal came: what is complete is published, as far as there was
 * room. Else an exit code, and it was said why.
 */
int feed_lines(struct feed *feed);
int feed_records(struct feed *feed);
int feed_raw(struct feed *feed);

/* The one message of an empty input. As above. */
int feed_nothing(struct feed *feed);

#endif
