/*
 * A ring with a group of one, one of three and a passing one of two, and a member in each, who holds something: what core/inspect says of it. For
 * tests of cmocka.
 */
#ifndef TESTS_INSPECT_SCENE_H
#define TESTS_INSPECT_SCENE_H

#include "core/inspect.h"
#include "support/fake_ring.h"

enum { LONE = 0, MANY = 1, PASSING = 2, GROUPS = 3, MOST = 64 };

extern uint64_t dead; /* bit n: the life of number n has ended */

bool alive(void *context, uint64_t number);

struct scene {
    struct fake_ring ring;
    struct group_entry directory[LAYOUT_GROUPS];
    struct producer_core producer;
    struct consumer_core lone, many, passing;
    bool unreached[GROUPS]; /* by who looks */
    struct finding found[MOST];
    unsigned count;
};

/* 64 messages of 8 bytes; nobody is dead. */
void set_up(struct scene *scene);

/* As the directory describes a group. */
void describe(struct scene *scene, uint32_t index, const char *name);

/* Claim, or look ahead, and take one message. */
void take_one(struct consumer_core *consumer);

/* Inspect all of it. */
void look(struct scene *scene);

/* Of what was found: how much is no mere note; and whether this was. */
unsigned troubles(const struct scene *scene);
const struct finding *find(const struct scene *scene, enum finding_kind kind, int group, int line);

#endif
