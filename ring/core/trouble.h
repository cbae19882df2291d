/*
 * What is wrong with words that cannot be true: said in numbers beside -EBADMSG, for whoever asks (mring_trouble). And why a group was cut off,
 * which need not be that (unserved.h).
 *
 * A kind stands in the producer page too, with a group that was cut off, so that its members can be told: the numbers of the kinds are part of
 * the format, new ones come last.
 */
#ifndef MRING_CORE_TROUBLE_H
#define MRING_CORE_TROUBLE_H

#include <inttypes.h>

/* X(kind, text). Every text shows three numbers, in the order of struct trouble. */
#define TROUBLES(X)                                                                                                    \
    X(LENGTH, "record at position %" PRIu64 ": length %" PRIu64 " is longer than any message (%" PRIu64 ")")           \
    X(REACH, "record at position %" PRIu64 ": its %" PRIu64 " bytes reach past the end of what is there, %" PRIu64)    \
    X(TAIL,                                                                                                            \
      "position %" PRIu64 ": the tail, %" PRIu64 ", is behind the record there, or more than %" PRIu64 " bytes ahead") \
    X(POSITION, "the group's position, %" PRIu64 ", and the tail, %" PRIu64 ", cannot both be true in a ring of "      \
                "%" PRIu64 " bytes")                                                                                   \
    X(REMAINS, "what a member left, from position %" PRIu64 " to %" PRIu64 ", cannot be true with a tail of %" PRIu64) \
    X(ASIDE, "the message set aside of position %" PRIu64 ": length %" PRIu64 " is longer than any (%" PRIu64 ")")     \
    X(PAST_TAIL, "the group's position, %" PRIu64 ", or what it holds, %" PRIu64 ", is past the tail, %" PRIu64)       \
    X(ASKEW, "the group's position, %" PRIu64 ", or what it holds, %" PRIu64 ", is no multiple of %" PRIu64)           \
    X(BACK, "the group's position went back to %" PRIu64 " from %" PRIu64 ", with the tail at %" PRIu64)               \
    X(COUNT, "position %" PRIu64 ": message %" PRIu64 " of the stream cannot be followed by message %" PRIu64)         \
    X(UPSTREAM, "group number %" PRIu64 ", which this one is after, says %" PRIu64                                     \
                " of itself, which cannot be true beside %" PRIu64)                                                    \
    X(FOLLOWS,                                                                                                         \
      "group number %" PRIu64 ", which it is after, was cut off at position %" PRIu64 " (trouble %" PRIu64 ")")        \
    X(UNSERVED, "nobody served it, and from position %" PRIu64 ", where it was, to %" PRIu64 " it was further behind " \
                "than its limit of %" PRIu64 " bytes")

enum trouble_kind {
    TROUBLE_NONE,
#define TROUBLE_KIND(kind, text) TROUBLE_##kind,
    TROUBLES(TROUBLE_KIND)
#undef TROUBLE_KIND
};

struct trouble {
    enum trouble_kind kind;
    uint64_t position, value, bound;
};

#endif
