/*
 * What the public calls must answer, of one ring in one process: the rules of mring.h, and of the protocol only what can be seen from
 * outside (who gets which batch, when there is room). Nothing here looks at the library.
 */
#ifndef FUZZ_MODEL_H
#define FUZZ_MODEL_H

#include <stdbool.h>
#include <stdint.h>

enum {
    MODEL_CAPACITY = 16384,
    MODEL_GROUPS = 4,
    MODEL_LINES = 3,
    MODEL_CONSUMERS = 5,
    MODEL_MESSAGES = 2048,
    MODEL_BATCH = 64
};
#define MODEL_IDLE UINT64_MAX

struct model_message {
    uint64_t position;
    uint32_t length;
};

/* A place: taken by a member (1), or by what one left when it went (orphan), or free. */
struct model_line {
    bool member;
    uint64_t held; /* MODEL_IDLE: nothing */
    uint64_t end;  /* of what an orphan holds */
};

struct model_group {
    bool live; /* in the directory; one that was joined into being stays there, empty, until the next join */
    bool declared;
    uint32_t lines;
    uint64_t position;
    bool orphans; /* there may be some */
    struct model_line line[MODEL_LINES];
};

struct model_consumer {
    bool open;
    struct model_group *group;
    struct model_line *own, *active;
    uint64_t position, limit, held, batch_end;
    uint32_t batch; /* at most so many at once */
    bool woken;
};

struct model {
    uint64_t alignment;
    struct model_message message[MODEL_MESSAGES];
    uint32_t committed, shown; /* messages */
    uint64_t end;              /* of what is committed */
    uint64_t gate;             /* as the producer last saw it */
    uint64_t refused;
    uint64_t reserved_at, reserved;
    bool producing, ended, producer_woken;
    struct model_group group[MODEL_GROUPS];
    struct model_consumer consumer[MODEL_CONSUMERS];
};

void model_begin(struct model *model, uint64_t alignment);
uint64_t model_size(const struct model *model, uint32_t length);
uint64_t model_tail(const struct model *model);

/* The producer. 0 or -errno. */
int model_open(struct model *model);
int model_reserve(struct model *model, uint64_t length);
int model_commit(struct model *model, uint64_t length);
int model_send(struct model *model, uint64_t length);
void model_flush(struct model *model);
void model_end(struct model *model);
int model_producer_wait(struct model *model);
int model_drain(struct model *model);

/* Consumers. */
int model_join(struct model *model, struct model_consumer *consumer, unsigned group, uint32_t lines, uint32_t batch);
void model_leave(struct model_consumer *consumer);
/* The message that is next, and 1; 0, -EBUSY, -EPIPE. */
int model_next(struct model *model, struct model_consumer *consumer, const struct model_message **message);
int model_release(const struct model *model, struct model_consumer *consumer, uint64_t position, uint32_t length);
int model_wait(const struct model *model, struct model_consumer *consumer);

uint32_t model_groups(const struct model *model);

#endif
