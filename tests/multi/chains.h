/*
 * Rings with groups that are after others, and a ledger in shared memory: who works at a message writes there, for its group, before it releases it.
 */
#ifndef TESTS_MULTI_CHAINS_H
#define TESTS_MULTI_CHAINS_H

#include "stage.h"

enum { CHAIN_GROUPS = 4, CHAIN_MESSAGES = 60 * 1000 };

struct ledger {
    struct word done[CHAIN_GROUPS][CHAIN_MESSAGES]; /* a member was handed it, and had it to the end */
    struct word first[CHAIN_GROUPS];                /* how often one was said to be given for the first time */
    struct word joined;                             /* members that have */
    struct word late;                               /* a right to somebody who sleeps was not had in time */
};

extern struct ledger *ledger;

/* A ring's groups, and which each is after. */
struct shape {
    const struct mring_group *groups;
    unsigned count;
    uint64_t after[CHAIN_GROUPS];
};

extern const struct shape lone_chain, chain, diamond;

/* A ring of this shape, with a fresh ledger, which this process serves by `chain_name`. */
extern char chain_name[64];
void chain_make(const struct shape *shape, struct mring **ring);

#endif
