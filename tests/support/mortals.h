/*
 * A ring with one group, whose members live and die as a test says, for unit tests of core/. For tests of cmocka.
 */
#ifndef TESTS_MORTALS_H
#define TESTS_MORTALS_H

#include "core/aside.h"
#include "core/recover.h"
#include "support/fake_ring.h"

enum { LIVES = 512, SIZE = 16 /* of a record of 8 bytes */ };

/* Who is dead, and how often that was asked. */
struct world {
    bool dead[LIVES];
    unsigned asked;
};
extern struct world world;

struct judge judge_of(uint64_t life);

struct one {
    struct fake_ring ring;
    struct group_view *group;
    struct producer_core producer;
    uint64_t next_life;
};

/* Nobody is dead in it. */
void one_make(struct one *one, uint32_t members, uint32_t kind);

/* So many messages of 8 bytes, whose tags are their numbers. */
void send(struct one *one, uint32_t count);

/* As a new life; what group_enter says, which must be 0. */
int try_join(struct one *one, struct consumer_core *consumer);
void join(struct one *one, struct consumer_core *consumer);
void die(const struct consumer_core *consumer);
/* Somebody else sees to the dead. */
bool look(struct one *one);

/* The next record, which must be that one, given to so many. */
void expect(struct consumer_core *consumer, uint32_t tag, uint64_t given);
/* All that it was handed. */
void release(struct consumer_core *consumer);
int take_aside(struct one *one, struct aside_message *message);

#endif
