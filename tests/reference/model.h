/*
 * What the public calls must answer, of one ring: the rules of mring.h, and of the protocol only what can be seen from outside (who gets
 * which batch, when there is room). Nothing here looks at the library. One who asks at a time: whoever drives it does one call after the
 * other, in however many processes.
 *
 * A message is known by its index in the stream, its *number*. What becomes of it in a group (who died with it) is kept by number, in a window
 * as long as the ring can have messages.
 */
#ifndef TESTS_REFERENCE_MODEL_H
#define TESTS_REFERENCE_MODEL_H

#include <stdbool.h>
#include <stdint.h>

enum {
    MODEL_GROUPS = 8,
    MODEL_LINES = 4,
    MODEL_CONSUMERS = 12,
    MODEL_BATCH = 64,
    MODEL_WINDOW = 4096, /* messages in the largest ring */
    MODEL_ASIDE = 256,
    MODEL_LOSSY_HELD = 64 /* messages that a lossy member may hold at once */
};
#define MODEL_IDLE UINT64_MAX

struct model_message {
    uint64_t position;
    uint32_t length;
    uint32_t tag;   /* no two messages have the same, nor one that came to nothing */
    uint64_t bytes; /* of payload, before it */
};

/* ---- groups ---- */

enum model_kind { MODEL_PASSING, MODEL_DURABLE, MODEL_DECLARED };

struct model_terms {
    enum model_kind kind;
    uint32_t lines;
    bool lossy;
    uint32_t after; /* bit g: it is after group g */
};

/* Who has a place: DEAD is one whose death nobody has seen to, LEFT nobody, but what one had is still there. */
enum model_who { MODEL_FREE, MODEL_TAKEN, MODEL_DEAD, MODEL_LEFT };

struct model_line {
    enum model_who who;
    bool ever;       /* somebody has sat here */
    uint64_t held;   /* MODEL_IDLE: nothing */
    uint64_t end;    /* of what is held */
    uint32_t deaths; /* of those who had what is held */
    uint64_t again;  /* of a group of one: what begins below this was given to a dead member */
    uint64_t messages, redelivered, missed, missed_bytes;
};

/* What a lossy member missed: struct mring_missed. */
struct model_gap {
    uint64_t messages, bytes, from, resumed;
};

struct model_aside {
    struct model_message message;
    uint32_t deaths;
};

struct model_group {
    bool live; /* in the directory; one that was joined into being stays there, empty, until the next join */
    struct model_terms terms;
    uint64_t position;
    bool orphans; /* there may be some */
    struct model_line line[MODEL_LINES];
    uint8_t deaths[MODEL_WINDOW]; /* of members that had the message */
    uint8_t fronts[MODEL_WINDOW]; /* of these, as their oldest */
    struct model_aside aside[MODEL_ASIDE];
    uint32_t aside_first, aside_count; /* ever taken out, ever put there */
    uint64_t buried;
};

struct model_consumer {
    bool open;
    struct model_group *group;
    struct model_line *own, *active;
    uint64_t position, limit, held, batch_end;
    uint64_t
        claimed; /* of a group of one: how far it may have looked ahead; whoever drives the model finds out before it kills */
    uint32_t batch;                     /* at most so many at once */
    uint64_t seen[MODEL_GROUPS], bound; /* of the groups before: as this member last saw them */
    bool woken;
    /* Of a lossy group: the numbers of the messages it holds, what it is still to be told, and what the counters do not show yet. */
    uint32_t kept[MODEL_LOSSY_HELD];
    uint32_t kept_count;
    bool pending;
    struct model_gap gap;
    uint64_t uncounted, uncounted_bytes;
};

struct model {
    uint64_t capacity, alignment;
    uint32_t attempts, lines_default;
    struct model_message *message; /* the caller's */
    uint32_t most;                 /* of them */
    uint32_t committed, shown;     /* messages */
    uint32_t tags;
    uint64_t end;        /* of what is committed */
    uint64_t end_bytes;  /* of payload before that */
    uint64_t gate;       /* as the producer last saw it */
    uint64_t told;       /* and any before it */
    uint64_t intent;     /* how far a producer may have written */
    uint64_t own_intent; /* the present one */
    uint64_t room_end;   /* no message may end beyond this without a new look */
    uint64_t refused;
    uint64_t reserved_at, reserved;
    bool producing, ended, producer_woken;
    struct model_group group[MODEL_GROUPS];
    struct model_consumer consumer[MODEL_CONSUMERS];
};

/* A ring without groups; those that are declared come next. */
void model_begin(struct model *model, uint64_t capacity, uint64_t alignment, struct model_message *room, uint32_t most);
void model_declare(struct model *model, unsigned group, const struct model_terms *terms);

uint64_t model_size(const struct model *model, uint32_t length);
uint64_t model_tail(const struct model *model);
uint32_t model_groups(const struct model *model);
/* The published message that begins there, or NULL; how many begin before a position, and their payload. */
const struct model_message *model_at(const struct model *model, uint64_t position);
uint32_t model_number(const struct model *model, uint64_t position);
/* Does a published message begin, or the stream end, there? */
bool model_is_end(const struct model *model, uint64_t position);
uint64_t model_bytes(const struct model *model, uint64_t position);
/* The tag of the next one to be committed. */
uint32_t model_next_tag(const struct model *model);

/* ---- the producer: 0 or -errno ---- */

int model_open(struct model *model);
int model_reserve(struct model *model, uint64_t length);
int model_commit(struct model *model, uint64_t length);
int model_send(struct model *model, uint64_t length);
void model_flush(struct model *model);
void model_end(struct model *model);
int model_producer_wait(struct model *model);
int model_drain(struct model *model);
void model_close(struct model *model);
/* It is killed: what it has not flushed comes to nothing. */
void model_kill_producer(struct model *model);

/* ---- consumers ---- */

/* Where a group starts that a join makes; in the order of enum mring_start. */
enum model_start { MODEL_NOW, MODEL_OLDEST, MODEL_AT, MODEL_WITH };

struct model_wish {
    struct model_terms terms; /* lines 0: the ring's default */
    uint32_t batch;
    enum model_start start;
    uint64_t position;
    unsigned start_group;
    uint64_t
        began; /* where a lossy group that was made began, as far as that is for the library to choose; MODEL_IDLE: nowhere */
    bool by_broker; /* who serves the ring is asked, also for a declared group */
};

/* May the group be after those? 0, -EINVAL, -ENOENT: then nothing comes of a join. */
int model_check_after(const struct model *model, const struct model_group *group, uint32_t after);
int model_join(struct model *model, struct model_consumer *consumer, unsigned group, const struct model_wish *wish);
void model_leave(const struct model *model, struct model_consumer *consumer);
/* It is killed; and everybody's death is seen to. */
void model_kill(struct model *model, struct model_consumer *consumer);
void model_repair(struct model *model);

/* The message that is next, and 1; 0, -EBUSY, -EPIPE. */
int model_next(struct model *model, struct model_consumer *consumer, const struct model_message **message);
/* It stays the next one (mring_recv). */
void model_put_back(const struct model *model, struct model_consumer *consumer, const struct model_message *message);
int model_release(const struct model *model, struct model_consumer *consumer, uint64_t position, uint32_t length);
int model_wait(struct model *model, struct model_consumer *consumer);
/* To how many members of the group a message was given, with the one that is given it now. */
unsigned model_deliveries(const struct model *model, const struct model_group *group,
                          const struct model_message *message);
/*
 * Of a lossy group; these answer -EOVERFLOW too, and then consumer->gap is what was missed. Where it goes on that was lapped is for the library
 * to choose: `resumed` is what it says, if it comes to that. A choice that it has not: MODEL_IMPOSSIBLE.
 */
enum { MODEL_IMPOSSIBLE = -4096 };
int model_lossy_next(struct model *model, struct model_consumer *consumer, uint64_t resumed,
                     const struct model_message **message);
/* One more of a batch: 1; 0: the batch ends here. */
int model_lossy_more(struct model *model, struct model_consumer *consumer, uint64_t resumed,
                     const struct model_message **message);
void model_lossy_put_back(const struct model *model, struct model_consumer *consumer);
int model_lossy_release(const struct model *model, struct model_consumer *consumer, uint64_t position);
int model_lossy_intact(const struct model *model, const struct model_consumer *consumer, uint64_t position);
/* The oldest that was set aside: 1; 0: none is. */
int model_take_aside(struct model_group *group, const struct model_aside **aside);

/* ---- of a group; and for the files of the model ---- */

uint64_t model_released(const struct model_group *group);
/* Does the producer wait for it? */
bool model_gates(const struct model_group *group);
bool model_has_members(const struct model_group *group);
bool model_keeps_place(const struct model_group *group);
/* Does the place count for the gate? */
static inline bool model_counts(const struct model_line *line)
{
    return line->who != MODEL_FREE;
}
/* Is what begins there still there? */
bool model_intact(const struct model *model, uint64_t position);
/* How far the group may go that is at `from`. */
uint64_t model_how_far(struct model *model, struct model_consumer *consumer, uint64_t from);
bool model_adopt(struct model *model, struct model_consumer *consumer);
bool model_claim(struct model *model, struct model_consumer *consumer);
/* Nothing was found: 0, -EPIPE. */
int model_nothing(const struct model *model, const struct model_consumer *consumer);
/* What lies before is given back: all of a batch frees the line. */
void model_hold_from(struct model_consumer *consumer, uint64_t position);
/* A lossy member finds what is left on a line: what is lost, or has killed too many, counts as missed. False: nothing is left. */
bool model_lossy_take_over(struct model *model, struct model_consumer *consumer, struct model_line *line);
void model_count_missed(struct model_consumer *consumer);
/* What has killed too many, of what is left on the line, is set aside. False: nothing is left. */
bool model_leave_aside(struct model *model, struct model_group *group, struct model_line *line);
/* The member goes on with what is on this line. */
void model_work_at(struct model_consumer *consumer, struct model_line *line);

#endif
