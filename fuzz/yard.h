/*
 * A ring of two groups for targets of core/ alone, made once and cleared for each input: no Mach, no broker.
 *
 * The groups' memory is from the heap and exactly as large as the mappings, so that AddressSanitizer sees one byte too far; the data is mapped
 * twice, back to back, as in a ring, between pages that cannot be touched.
 */
#ifndef FUZZ_YARD_H
#define FUZZ_YARD_H

#include "core/group.h"
#include "core/producer.h"
#include "script.h"

enum { YARD_CAPACITY = 16384, YARD_GROUPS = 2, YARD_MEMBERS = 3, YARD_LIVES = 8 };

struct yard {
    struct ring_view ring;
    struct group_view group[YARD_GROUPS];
    uint64_t dead; /* bit n: life n has ended; lives from YARD_LIVES on have as well */
};

/* What one byte of the input says: alignment, and of each group whether it has one member or several, declared or passing. */
struct yard *yard_begin(struct script *script);
void yard_end(struct yard *yard);

/* As a life_verdict, with the yard as its context. */
bool yard_alive(void *yard, uint64_t number);

/*
 * A player is a member of one of the groups, and a life. To join it sits down on a line of its group, or gets -EUSERS; the first one of a passing group
 * finds it made anew, as the broker does. Then it enters: 0, or -EBADMSG, which gives the line back. It may be killed.
 */
struct group_view *yard_group_of(struct yard *yard, unsigned player);
int yard_sit(struct yard *yard, unsigned player, bool *anew);
int yard_enter(struct yard *yard, unsigned player, uint32_t line, struct consumer_core *core);
void yard_kill(struct yard *yard, unsigned player);

/* How far the group has released, at most the tail: what the producer may use as its gate. GATE_BROKEN, GATE_NONE. */
void yard_rescan(struct yard *yard, struct producer_core *producer, struct gate_watch *watch, uint64_t *cut_off);

/* Payload of message n: so that who reads it can tell. */
void yard_fill(void *where, uint32_t length, uint32_t number);
bool yard_is(const void *data, uint32_t length, uint32_t number);

/* Read it, every byte, as its user may. */
void yard_read(const struct yard *yard, const struct record *record);

#endif
