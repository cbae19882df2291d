/*
 * The world of a walk (walk.h): a ring without a system around it, those who act on it, and a journal of what they did.
 *
 * All of it is shared memory, the actors' private sides too, so that an act can be done in a forked process and gone on with in
 * another, and all of it can be put back to what it was. Actor n has the life n + 1.
 *
 * The journal says what each actor was about to do, and what came of it. An entry is no step, so between two steps it is written or not
 * as the program says: a message is entered as handed out before its holder can be killed for it.
 */
#ifndef TESTS_KILL_WORLD_H
#define TESTS_KILL_WORLD_H

#include "core/recover.h"
#include "support/fake_ring.h"

enum {
    WORLD_ACTORS = 8,
    WORLD_LAST = WORLD_ACTORS - 1, /* of the actors: who comes when nobody else is left */
    WORLD_RECORD = 40,             /* bytes: does not divide the ring, so that a record goes around its end */
    WORLD_MESSAGES = 32,
    WORLD_SAVES = 2,
    WORLD_LAPS = 64 /* messages, where groups are lapped */
};

/* Where the stream begins: nine records before the end of the data. */
#define WORLD_BASE ((LAYOUT_CAPACITY_MIN / WORLD_RECORD - 9) * WORLD_RECORD)

enum entry_kind {
    CLAIMING, /* coming, claiming or adopting: whatever may make records its own */
    CLAIMED,  /* [from, end) is its own; from == end: nothing */
    HANDED,   /* the record at `from`, by `writer`, given to `given` members */
    RELEASING,
    RELEASED, /* everything below `end` */
    LEAVING,
    LEFT,
    SENDING, /* [from, end) is about to be published, all at once */
    SENT,
    DIED, /* `end`: the position of the group it was in */
    ASIDE /* taken from those that were set aside */
};

struct entry {
    enum entry_kind kind;
    unsigned who, group;
    uint64_t from, end;
    unsigned given, writer;
};

/* Where groups are lapped (laps.h), in place of the journal: the stream as it is in truth, and what became of it. */
struct laps {
    struct fact fact[WORLD_LAPS + 1]; /* before each message, and behind the last */
    unsigned sent;
    bool handed[WORLD_LAPS];  /* to somebody */
    unsigned got[WORLD_LAPS]; /* how often it was released, whole until then */
    uint64_t told, told_bytes;
    enum { IDLE, IN_NEXT, IN_RELEASE } doing[WORLD_ACTORS];
    uint64_t false_landmark[LAYOUT_LANDMARKS]; /* where a dead producer had them */
};

struct world {
    struct fake_ring ring;
    struct producer_core producer;
    struct consumer_core member[WORLD_ACTORS];
    struct upstream before[WORLD_ACTORS]; /* what members of group 1 see of group 0, where that one is after it */
    unsigned group_of[WORLD_ACTORS];
    bool joined[WORLD_ACTORS]; /* a member that can go on: not dead, not left */
    bool dead[WORLD_ACTORS];
    bool vanished; /* a passing group, with all its members */
    bool
        excused; /* somebody was killed before the group could be told of orphans: the next look at the dead tells it */
    bool asleep[WORLD_ACTORS];      /* has looked after it announced itself, and found nothing */
    unsigned credits[WORLD_ACTORS]; /* signals on its semaphore */
    struct laps laps;
    unsigned entries;
    struct entry journal[512];
};

struct world *world_make(const uint32_t members[2], uint32_t kind, uint32_t attempts);
/* All groups are to be lossy ones, nobody having come to them yet. */
void world_make_lossy(struct world *world);
void world_free(struct world *world);
void world_save(struct world *world, unsigned place);
void world_restore(struct world *world, unsigned place);

void world_died(struct world *world, unsigned who);
/* Has a group orphans, and its word for them does not say so? */
bool world_forgets_orphans(const struct world *world);
/* Do the words that the gate is made of say what the living hold? */
bool world_gates(const struct world *world);
/* As the core asks who lives: the world is the context. */
struct judge world_judge(struct world *world, unsigned who);

/* Print a sentence and end the program. */
__attribute__((noreturn)) void world_fail(const struct world *world, const char *what);
void journal_print(const struct world *world);

/* ---- what actors do ---- */

/* Take a place in the group, of the dead if need be. False: there is none. */
bool world_join(struct world *world, unsigned who, unsigned group);
void world_leave(struct world *world, unsigned who);

enum manner {
    ONE_BY_ONE, /* release each message before the next is taken */
    AT_ONCE,    /* release a batch when all of it was handed out */
    NEVER_YET   /* hold what was handed out */
};

/* Be handed up to `most` messages. How many there were. */
unsigned world_work(struct world *world, unsigned who, unsigned most, enum manner manner);
/* What is not released of the batch is. */
void world_release(struct world *world, unsigned who);

/* Look for the dead, as this actor. */
bool world_look(struct world *world, unsigned who, unsigned group);

/* Set the producer up, where the stream is published to. */
void world_produce(struct world *world);
/* Publish this many messages, all at once. */
void world_send(struct world *world, unsigned who, unsigned count);

#endif
