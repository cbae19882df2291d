/*
 * Is what stands in a ring's words possible, and who holds what? Asked by a reader that writes nothing, beside processes that go on, or
 * after them.
 *
 * It guarantees that what it calls damage is none of the states that the protocol passes through, whoever is at work meanwhile or was
 * killed where; and that any bytes at all are only looked at (I7): every word is loaded once into a local and bounded, every walk ends.
 *
 * How a moving ring can be judged. Positions only grow, so two of them are compared by loading the one that must be lower first: the
 * claim position and every held before the tail they must not exceed; the tail that the producer may have reached before the
 * position that it must stay within a capacity of. A word that passes through odd states is loaded again, between two loads of the
 * owner word, whose turn never comes again, that are equal. Records are walked from the lowest position that some group has not
 * claimed: as long as that has not moved nobody may overwrite what lies behind it, so a walk that failed counts only if it has not.
 * The claim word's halves are loaded apart: a 16-byte load is a store to a page that is read-only here.
 *
 * What is no moment's passage for one who is stopped in it, may last. So a state that the living step through is a note, though who was at it may have
 * been killed there, which nothing in the words can tell: the flag that is not up yet over what was left behind, the group whose last member is
 * going. Both are put right by who looks for the dead next, a member or the producer, whether anybody died or not. A trouble is what needs
 * somebody to have died: an owner word that names an ended life.
 *
 * Whose a record is, is judged as a recoverer does (recover.h), but for nobody's good: the line's owner may be alive and at work, so what
 * a living member is said to hold is true of some moment, and what a dead one is said to hold is true until it is adopted.
 */
#ifndef MRING_CORE_INSPECT_H
#define MRING_CORE_INSPECT_H

#include "recover.h"

enum finding_weight {
    FINDING_NOTE, /* who holds what: as it should be */
    FINDING_LEFT, /* somebody died; what it left is put right by a repair, or by those who live, when they come to it */
    FINDING_DAMAGE /* no order of events leads there */
};

/* X(NAME, weight, text) */
#define FINDINGS(X)                                                                                                    \
    X(PRODUCED, NOTE, "is produced into by a living process")                                                          \
    X(UNPRODUCED, NOTE, "has no producer")                                                                             \
    X(ENDED, NOTE, "is complete: its stream has ended")                                                                \
    X(PRODUCER_DEAD, NOTE, "has a dead producer; the next one takes in what it had committed and not published")       \
    X(TAIL_BAD, DAMAGE, "has a tail that cannot be")                                                                   \
    X(CHAIN_BAD, DAMAGE, "has something behind its tail that is no chain of messages")                                 \
    X(END_BAD, DAMAGE, "has an end of the stream that is not its tail")                                                \
    X(RECORD_BAD, DAMAGE, "has something among the unclaimed messages that is none")                                   \
    X(BUSY, NOTE, "moves too fast to be looked at")                                                                    \
    X(DIRECTORY_BAD, DAMAGE, "is described by the directory in an impossible way")                                     \
    X(UNREACHED, NOTE, "could not be looked into")                                                                     \
    X(STARTING, NOTE, "is being made, or its maker was killed over that")                                              \
    X(BEGINS, NOTE, "is at the beginning of the stream")                                                               \
    X(POSITION, NOTE, "has claimed up to here")                                                                        \
    X(RELEASED, NOTE, "has released up to here")                                                                       \
    X(AFTER, NOTE, "is after others, which have released up to here")                                                  \
    X(POSITION_BAD, DAMAGE, "has a position that cannot be")                                                           \
    X(CUT_OFF, DAMAGE, "was cut off by the producer, for words that could not be true: it gets no more messages")      \
    X(DROPPED, NOTE, "was dropped, as nobody served it: it gets no more messages")                                     \
    X(TURNED, NOTE, "is lossy since nobody served it: the producer waits for it no more")                              \
    X(OVERRUN, DAMAGE, "is further behind than the ring is long")                                                      \
    X(CLAIMER_BAD, DAMAGE, "has a claim by a place that it does not have")                                             \
    X(BITS_BAD, DAMAGE, "marks places that it does not have")                                                          \
    X(DESERTED, LEFT, "has no living member, and holds the producer back all the same")                                \
    X(EMPTY, NOTE, "has no member, as when it is just made, or left; what holds the producer back is seen to")         \
    X(FORGOTTEN, NOTE, "has something to adopt that nobody was told of yet; who looks next finds it")                  \
    X(ASIDE, NOTE, "has set messages aside (mring_take_aside), by number")                                             \
    X(ASIDE_BAD, DAMAGE, "has a list of messages set aside that cannot be")                                            \
    X(MEMBER, NOTE, "is alive and holds nothing")                                                                      \
    X(HOLDS, NOTE, "is alive and holds these")                                                                         \
    X(ORPHAN, NOTE, "was left behind: these wait for a member to adopt them")                                          \
    X(DEAD_IDLE, NOTE, "died holding nothing; its place is free to who joins")                                         \
    X(DEAD_WAITS, NOTE, "died; what it held waits for who joins next")                                                 \
    X(DEAD_HOLDS, LEFT, "died holding these")                                                                          \
    X(DEAD_EMPTY, LEFT, "died holding nothing")                                                                        \
    X(HELD_BAD, DAMAGE, "holds what cannot be")                                                                        \
    X(BIT_STRAY, DAMAGE, "is marked as taken, but is nobody's")

enum finding_kind {
#define KIND(name, weight, text) FINDING_##name,
    FINDINGS(KIND)
#undef KIND
};

enum { FINDING_WHOLE = -1 }; /* as a group: the ring; as a line: the group */

struct finding {
    enum finding_kind kind;
    int group;
    int line;
    uint64_t life;     /* of who is meant; 0: nobody */
    uint64_t from, to; /* positions, the same where there is one; or numbers */
};

struct inspector {
    struct ring_view ring;
    const struct group_view *group[LAYOUT_GROUPS]; /* by directory index; NULL where it could not be mapped */
    struct judge judge;
    void (*report)(void *context, const struct finding *finding);
    void *context;
};

/* All of it, in the order of the words. */
void inspect(const struct inspector *inspector);

#endif
