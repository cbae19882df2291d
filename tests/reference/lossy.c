/* Members of lossy groups: what they are given, and what they are told that they missed. */
#include "model.h"

#include <errno.h>
#include <stddef.h>

static uint64_t end_of(const struct model *model, const struct model_message *message)
{
    return message->position + model_size(model, message->length);
}

/* ---- losses ---- */

void model_count_missed(struct model_consumer *consumer)
{
    consumer->own->missed += consumer->uncounted;
    consumer->own->missed_bytes += consumer->uncounted_bytes;
    consumer->uncounted = consumer->uncounted_bytes = 0;
}

static struct model_gap gap_between(const struct model *model, uint64_t from, uint64_t to)
{
    return (struct model_gap){model_number(model, to) - model_number(model, from),
                              model_bytes(model, to) - model_bytes(model, from), from, to};
}

/* One that was noted and not told yet grows. */
static void note_gap(struct model_consumer *consumer, struct model_gap gap)
{
    consumer->uncounted += gap.messages;
    consumer->uncounted_bytes += gap.bytes;
    if (consumer->pending) {
        gap.messages += consumer->gap.messages;
        gap.bytes += consumer->gap.bytes;
        if (consumer->gap.from < gap.from)
            gap.from = consumer->gap.from;
        if (consumer->gap.resumed > gap.resumed)
            gap.resumed = consumer->gap.resumed;
    }
    consumer->gap = gap;
}

static int tell(struct model_consumer *consumer)
{
    consumer->pending = false;
    if (consumer->kept_count == 0)
        model_count_missed(consumer);
    return -EOVERFLOW;
}

bool model_lossy_take_over(struct model *model, struct model_consumer *consumer, struct model_line *line)
{
    const struct model_group *group = consumer->group;

    if (group->terms.lines > 1 && !model_intact(model, line->held)) {
        note_gap(consumer, gap_between(model, line->held, line->end));
        consumer->pending = true;
        return false;
    }
    while (line->held < line->end && model_intact(model, line->held)) {
        const struct model_message *message = model_at(model, line->held);

        if (group->fronts[(uint32_t)(message - model->message) % MODEL_WINDOW] < model->attempts)
            break;
        note_gap(consumer, gap_between(model, line->held, end_of(model, message)));
        consumer->pending = true;
        line->held = end_of(model, message);
    }
    return line->held < line->end;
}

/* ---- messages ---- */

static void settle(struct model_consumer *consumer)
{
    if (consumer->active->held != MODEL_IDLE)
        model_hold_from(consumer, consumer->position);
    model_count_missed(consumer);
}

/* May it go on there? */
static bool can_resume(const struct model *model, uint64_t from, uint64_t resumed)
{
    return resumed > from && model_is_end(model, resumed) && model_intact(model, resumed);
}

/* It is at something that is gone. */
static int lapped(const struct model *model, struct model_consumer *consumer, uint64_t resumed)
{
    uint64_t from = consumer->position;

    if (consumer->group->terms.lines > 1)
        resumed = consumer->limit;
    else if (!can_resume(model, from, resumed))
        return MODEL_IMPOSSIBLE;
    consumer->position = consumer->limit = resumed;
    if (consumer->kept_count == 0)
        settle(consumer);
    note_gap(consumer, gap_between(model, from, resumed));
    return tell(consumer);
}

/* What it has at hand already. */
static int at_hand(const struct model *model, struct model_consumer *consumer, uint64_t resumed,
                   const struct model_message **message)
{
    if (consumer->pending)
        return tell(consumer);
    if (consumer->kept_count == MODEL_LOSSY_HELD)
        return -EBUSY;
    if (consumer->position == consumer->limit)
        return 0;
    if (!model_intact(model, consumer->position))
        return lapped(model, consumer, resumed);
    *message = model_at(model, consumer->position);
    consumer->kept[consumer->kept_count++] = (uint32_t)(*message - model->message);
    consumer->position = end_of(model, *message);
    if (consumer->group->terms.lines == 1)
        consumer->claimed = consumer->position;
    return 1;
}

/* The group's position was lapped: it goes on elsewhere. */
static int skip(const struct model *model, struct model_consumer *consumer, uint64_t resumed)
{
    struct model_group *group = consumer->group;
    uint64_t from = group->position;

    if (!can_resume(model, from, resumed))
        return MODEL_IMPOSSIBLE;
    group->position = resumed;
    note_gap(consumer, gap_between(model, from, resumed));
    return tell(consumer);
}

/* 1, 0, -EBUSY, -EOVERFLOW. */
static int refill(struct model *model, struct model_consumer *consumer, uint64_t resumed)
{
    struct model_group *group = consumer->group;

    if (group->terms.lines == 1) {
        consumer->limit = model_how_far(model, consumer, consumer->position);
        return 1;
    }
    if (consumer->kept_count > 0)
        return -EBUSY;
    if (model_adopt(model, consumer))
        return 1;
    if (model_how_far(model, consumer, group->position) == group->position)
        return 1; /* of which nothing comes, but what is still to be told */
    if (!model_intact(model, group->position))
        return skip(model, consumer, resumed);
    (void)model_claim(model, consumer);
    return 1;
}

int model_lossy_next(struct model *model, struct model_consumer *consumer, uint64_t resumed,
                     const struct model_message **message)
{
    int code = at_hand(model, consumer, resumed, message);

    if (code != 0)
        return code;
    code = refill(model, consumer, resumed);
    if (code == 1)
        code = at_hand(model, consumer, resumed, message);
    return code != 0 ? code : model_nothing(model, consumer);
}

int model_lossy_more(struct model *model, struct model_consumer *consumer, uint64_t resumed,
                     const struct model_message **message)
{
    int code = at_hand(model, consumer, resumed, message);

    consumer->pending |= code == -EOVERFLOW; /* the next call tells */
    return code == MODEL_IMPOSSIBLE || code == 1 ? code : 0;
}

void model_lossy_put_back(const struct model *model, struct model_consumer *consumer)
{
    consumer->position = model->message[consumer->kept[--consumer->kept_count]].position;
}

/* How many it holds up to this one; 0: it does not hold it. */
static uint32_t kept_up_to(const struct model *model, const struct model_consumer *consumer, uint64_t position)
{
    for (uint32_t at = 0; at < consumer->kept_count; at++)
        if (model->message[consumer->kept[at]].position == position)
            return at + 1;
    return 0;
}

int model_lossy_intact(const struct model *model, const struct model_consumer *consumer, uint64_t position)
{
    return kept_up_to(model, consumer, position) == 0 ? -EINVAL : model_intact(model, position);
}

int model_lossy_release(const struct model *model, struct model_consumer *consumer, uint64_t position)
{
    uint32_t count = kept_up_to(model, consumer, position), left = consumer->kept_count - count;
    const struct model_message *first, *last;
    struct model_gap gap = {.messages = count};
    bool whole;

    if (count == 0)
        return -EINVAL;
    first = &model->message[consumer->kept[0]];
    last = &model->message[consumer->kept[count - 1]];
    whole = model_intact(model, first->position);
    gap.from = first->position;
    gap.resumed = end_of(model, last);
    for (uint32_t at = 0; at < count; at++) {
        const struct model_message *message = &model->message[consumer->kept[at]];

        gap.bytes += message->length;
        if (!whole)
            continue;
        consumer->own->messages++;
        consumer->own->redelivered += model_deliveries(model, consumer->group, message) > 1;
    }
    for (uint32_t at = 0; at < left; at++)
        consumer->kept[at] = consumer->kept[count + at];
    consumer->kept_count = left;
    if (left == 0)
        settle(consumer);
    else
        model_hold_from(consumer, gap.resumed);
    if (whole)
        return 0;
    note_gap(consumer, gap);
    return tell(consumer);
}
