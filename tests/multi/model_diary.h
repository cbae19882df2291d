/*
 * Diaries of processes that work at the same time, each with a seed of its own, some of them killed: what each did, in memory that outlives it, and
 * the accounts that are held against them afterwards (model_accounts.c).
 *
 * What is written before a call says that it may have been made, what is written after it that it has. Stamps are drawn from one counter, so they
 * say what came before what.
 */
#ifndef TESTS_MODEL_DIARY_H
#define TESTS_MODEL_DIARY_H

#include "mring.h"

#include <stdbool.h>

enum { DIARIES = 512 /* lives of members */, DIARY_LINES = 1 << 14, DIARY_TAGS = 1 << 18 };

/* The groups: the third is after the first two. */
enum { DIARY_LOG, DIARY_WORK, DIARY_INDEX, DIARY_GROUPS };

enum diary_kind {
    DIARY_JOINED,  /* group */
    DIARY_GOT,     /* a message */
    DIARY_RELEASE, /* it is about to release this one, and all before it */
    DIARY_RELEASED,
    DIARY_LEAVE /* it is about to leave, which releases all that it holds */
};

struct diary_line {
    enum diary_kind kind;
    unsigned group;
    uint64_t stamp;
    uint64_t position;
    uint32_t length, tag;
    unsigned deliveries;
};

/* One life of a member; a killed one's ends in the middle. */
struct diary {
    uint32_t lines;
    bool killed;
    struct diary_line line[DIARY_LINES];
};

struct archive {
    uint64_t stamps;
    uint32_t tags; /* drawn by producers */
    bool stop;
    unsigned char sent[DIARY_TAGS]; /* the call that sends it returned */
    struct diary diary[DIARIES];
};

/* Everybody's, shared. */
extern struct archive *archive;

/* Was each message that was sent given out in each group, to one after the other as the rules allow? Ends the process if not. */
void check_accounts(unsigned lives);

/* The scenario. */
void loose(void);

#endif
