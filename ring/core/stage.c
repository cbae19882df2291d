#include "stage.h"

#include "lone.h"

uint64_t stage_before(const uint64_t after[LAYOUT_GROUPS], uint32_t index)
{
    uint64_t before = 0, more = after[index];

    while (more != 0) {
        before |= more;
        for (uint64_t left = before; left != 0; left &= left - 1)
            more |= after[__builtin_ctzll(left)];
        more &= ~before;
    }
    return before;
}

static int impossible(struct consumer_core *consumer, const struct upstream *upstream, uint64_t value, uint64_t bound)
{
    return consumer_core_damaged(consumer, (struct trouble){TROUBLE_UPSTREAM, upstream->group.index, value, bound});
}

/* How far has this group released? 0, -EBADMSG. */
static int look(struct consumer_core *consumer, struct upstream *upstream)
{
    const struct ring_view *view = &consumer->view;
    /* The tail only grows, so it is compared with what was read before it: gate_look is given one that nothing exceeds. */
    uint64_t gate = gate_look(view, &upstream->group, upstream->released, INT64_MAX, &upstream->watch);
    uint64_t tail;

    if (gate == GATE_BROKEN)
        return impossible(consumer, upstream, upstream->watch.trouble.position, upstream->watch.trouble.bound);
    if (gate == upstream->released)
        return 0;
    tail = consumer_core_tail(consumer); /* [TAIL] */
    if (gate > tail && gate - tail > view->capacity)
        return impossible(consumer, upstream, gate, tail);
    if (gate > tail)
        gate = tail;
    if (gate > upstream->released)
        upstream->released = gate;
    return 0;
}

int stage_look(struct consumer_core *consumer, uint64_t from)
{
    uint64_t released = NOWHERE;

    if (consumer->released > from)
        return 1;
    for (uint32_t at = 0; at < consumer->upstreams; at++) {
        struct upstream *upstream = &consumer->upstream[at];
        int code = upstream->released <= from ? look(consumer, upstream) : 0;

        if (code != 0)
            return code;
        if (upstream->released < released)
            released = upstream->released;
    }
    consumer->released = released;
    return released > from;
}

uint64_t stage_held_by(const struct consumer_core *consumer, uint64_t from)
{
    uint64_t groups = 0;

    for (uint32_t at = 0; at < consumer->upstreams; at++)
        if (consumer->upstream[at].released <= from)
            groups |= UINT64_C(1) << consumer->upstream[at].group.index;
    return groups;
}

/* As far as what was released goes by the record there, which is but an estimate: whoever takes it bounds it. */
static bool more_than_one(const struct consumer_core *consumer, uint64_t from)
{
    const uint64_t length = record_length(consumer_core_header(consumer, from));

    return record_size(length, consumer->view.alignment) < consumer->released - from;
}

/*
 * Each look takes the lines away that the members before are writing: who is on their heels stands back, as a lone one does, and for as long; and
 * here, too, one record alone is no stream (lone_refill).
 */
static int look_in_stream(struct consumer_core *consumer, uint64_t from)
{
    int code;

    if (consumer->released > from)
        return 1;
    stand_back(consumer);
    code = stage_look(consumer, from);
    if (code == 1 && more_than_one(consumer, from))
        stand_back_found(consumer, consumer->released - from);
    else
        consumer->streak = 0;
    return code;
}

int stage_bound(struct consumer_core *consumer, uint64_t from, uint64_t *tail)
{
    int code = look_in_stream(consumer, from);

    if (code == 0 && from < *tail)
        *tail = from;
    else if (code == 1 && consumer->released < *tail)
        *tail = consumer->released;
    return code < 0 ? code : 0;
}

int stage_refill(struct consumer_core *consumer)
{
    const uint64_t position = consumer->position;
    int code = look_in_stream(consumer, position);
    uint64_t ahead, size;

    if (code != 1)
        return code;
    ahead = consumer->released - position;
    if (ahead > consumer->record_max)
        ahead = consumer->record_max;
    size = record_size(record_length(word_load(record_at(&consumer->view, position))), consumer->view.alignment);
    /* A zero header has the length 2^32 - 1. */
    if (size > ahead)
        return consumer_core_damaged(consumer, (struct trouble){TROUBLE_REACH, position, size, consumer->released});
    if (consumer->again != 0)
        ahead = lone_again(consumer, ahead);
    consumer->limit = position + ahead;
    word_store(&consumer->line->claimed, consumer->limit); /* R3 */
    return 1;
}
