/*
 * Landmarks: how many messages and bytes of the stream there are before a position (R10). They are what makes a loss countable: whoever was
 * lapped resumes at one, and the difference to where it was is what it missed.
 *
 * The producer writes one at about each step of its intent, at the position of its next record, round and round in LAYOUT_LANDMARKS places. Words:
 * the landmarks, the producer's alone; read by everybody. Each is written thus: position = NOWHERE, store fence, the counts, position
 * (release [LANDMARK]). A reader takes the position (acquire), the counts, load fence, the position again: equal, and no NOWHERE: the counts are
 * of that position, since the same position is never written with other counts.
 *
 * A landmark may lie past the tail: the records up to it are committed, and not published. If the producer dies before, that fact comes to
 * nothing, and another stream may go on there, which may even have a landmark at the same position in the same place. So a successor takes such
 * landmarks away before it publishes anything, and a reader believes only what is not past a tail that it read (acquire [TAIL]) *before* it looks:
 * whoever published up to there, a false landmark below was gone by then.
 *
 * All places of a new ring say that before position 0 there is nothing. From then on the producer keeps the last one that is not past the tail, going
 * around it; and before it raises its intent so far that the record there may be overwritten, it leaves one at the tail, to which it knows the counts
 * and which it never overwrites before it has published more. So there is always one to resume at, or to count the rest of the stream from, also
 * for who comes after a producer that was killed.
 */
#ifndef MRING_CORE_LANDMARK_H
#define MRING_CORE_LANDMARK_H

#include "view.h"

struct fact {
    uint64_t position;
    uint64_t messages, bytes; /* before it */
};

/* The producer's: write one in this place. Which place has the last one, and of which position, for one that begins. */
void landmark_write(struct producer_page *page, unsigned place, const struct fact *fact);
unsigned landmark_newest(const struct producer_page *page, uint64_t *position);

/* A successor's: take away what lies past the tail, or has been half written. */
void landmark_clear_past(struct producer_page *page, uint64_t tail);

/* The last one that is not past the tail, as it is now. False: the producer was too quick. Its record may be overwritten already. */
bool landmark_last(const struct ring_view *view, struct fact *fact);

/*
 * Where one who was lapped resumes: the oldest that the producer will not reach within the next quarter of the ring, or else the last one;
 * its record is still there. False: none is, for this moment.
 */
bool landmark_resume(const struct ring_view *view, struct fact *fact);

/* Go on from a fact to `end`, which a record ends at, by the headers between. False: they do not lead there, or are overwritten. */
bool landmark_count(const struct ring_view *view, struct fact *fact, uint64_t end);

/* The fact of a position where a record begins, or ends, counted from the landmark before it. False: none is that can be counted from. */
bool landmark_at(const struct ring_view *view, uint64_t position, struct fact *fact);

/*
 * What there is before any position of the ring, at which a record begins: by the first landmark behind it, or else by the last one before.
 * False: no headers lead there, or they are overwritten.
 */
bool landmark_fact(const struct ring_view *view, uint64_t position, struct fact *fact);

/*
 * Was the record at this position, and all behind it, still there when what was read before this call was read? The producer says how far it
 * may write before it does [INTENT]; what lies a whole ring or more before that is gone.
 */
static inline bool record_intact(const struct ring_view *view, uint64_t position)
{
    fence_load();                                                       /* [INTENT] */
    return word_load(&view->page->intent) - position <= view->capacity; /* [INTENT] */
}

#endif
