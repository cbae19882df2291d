/* What members are given, and give back. */
#include "model.h"

#include <errno.h>
#include <stddef.h>

unsigned model_deliveries(const struct model *model, const struct model_group *group,
                          const struct model_message *message)
{
    return group->deaths[(uint32_t)(message - model->message) % MODEL_WINDOW] + 1U;
}

/* How far the groups before let it go from here, as it last saw them: it looks again where that is used up. */
static uint64_t look_at_groups_before(struct model *model, struct model_consumer *consumer, uint64_t from)
{
    uint64_t lowest = model_tail(model);

    if (consumer->bound > from)
        return consumer->bound;
    for (unsigned at = 0; at < MODEL_GROUPS; at++) {
        uint64_t *seen = &consumer->seen[at];

        if ((consumer->group->terms.after >> at & 1) == 0)
            continue;
        if (*seen <= from && model_released(&model->group[at]) > *seen)
            *seen = model_released(&model->group[at]);
        if (*seen < lowest)
            lowest = *seen;
    }
    consumer->bound = lowest;
    return lowest > from ? lowest : from;
}

uint64_t model_how_far(struct model *model, struct model_consumer *consumer, uint64_t from)
{
    return consumer->group->terms.after != 0 ? look_at_groups_before(model, consumer, from) : model_tail(model);
}

void model_work_at(struct model_consumer *consumer, struct model_line *line)
{
    consumer->active = line;
    consumer->position = consumer->held = line->held;
    consumer->limit = consumer->batch_end = line->end;
}

static struct model_line *oldest_left(struct model_group *group)
{
    struct model_line *oldest = NULL;

    for (uint32_t at = 0; at < group->terms.lines; at++) {
        struct model_line *line = &group->line[at];

        if (line->who == MODEL_LEFT && (oldest == NULL || line->held < oldest->held))
            oldest = line;
    }
    return oldest;
}

bool model_adopt(struct model *model, struct model_consumer *consumer)
{
    struct model_group *group = consumer->group;
    struct model_line *line;

    if (!group->orphans)
        return false;
    while ((line = oldest_left(group)) != NULL) {
        if (group->terms.lossy ? model_lossy_take_over(model, consumer, line) : model_leave_aside(model, group, line)) {
            line->who = MODEL_TAKEN; /* in use, by somebody who sits elsewhere */
            model_work_at(consumer, line);
            return true;
        }
        line->held = MODEL_IDLE;
        line->who = MODEL_FREE;
    }
    group->orphans = false;
    return false;
}

/* Half of this member's share of what is there, at least one message, at most an eighth of the ring. */
bool model_claim(struct model *model, struct model_consumer *consumer)
{
    struct model_group *group = consumer->group;
    uint64_t far = model_how_far(model, consumer, group->position), end = group->position, share, joined = 0;

    for (uint32_t at = 0; at < group->terms.lines; at++)
        joined += model_counts(&group->line[at]);
    share = (far - group->position) / (2 * joined);
    if (share > model->capacity / 8)
        share = model->capacity / 8;
    for (uint32_t count = 0; count < consumer->batch && end < far; count++) {
        uint64_t size = model_size(model, model_at(model, end)->length);

        if (count > 0 && end + size - group->position > share)
            break;
        end += size;
    }
    if (end == group->position)
        return false;
    consumer->own->held = group->position;
    consumer->own->end = end;
    consumer->own->deaths = 0;
    model_work_at(consumer, consumer->own);
    group->position = end;
    return true;
}

static bool at_the_end(const struct model *model, const struct model_consumer *consumer)
{
    const struct model_group *group = consumer->group;

    if (!model->ended || (group->terms.lines == 1 ? consumer->position : group->position) != model->end)
        return false;
    for (uint32_t at = 0; group->terms.lines > 1 && at < group->terms.lines; at++)
        if (group->line[at].held != MODEL_IDLE)
            return false;
    return true;
}

int model_nothing(const struct model *model, const struct model_consumer *consumer)
{
    return at_the_end(model, consumer) ? -EPIPE : 0;
}

int model_next(struct model *model, struct model_consumer *consumer, const struct model_message **message)
{
    if (consumer->group->terms.lines == 1) {
        if (consumer->position == model_how_far(model, consumer, consumer->position))
            return model_nothing(model, consumer);
    } else if (consumer->position == consumer->limit) {
        if (consumer->held < consumer->position)
            return -EBUSY;
        if (!model_adopt(model, consumer) && !model_claim(model, consumer))
            return model_nothing(model, consumer);
    }
    *message = model_at(model, consumer->position);
    consumer->position += model_size(model, (*message)->length);
    consumer->own->messages++;
    consumer->own->redelivered += model_deliveries(model, consumer->group, *message) > 1;
    return 1;
}

void model_put_back(const struct model *model, struct model_consumer *consumer, const struct model_message *message)
{
    consumer->position = message->position;
    consumer->own->messages--;
    consumer->own->redelivered -= model_deliveries(model, consumer->group, message) > 1;
}

void model_hold_from(struct model_consumer *consumer, uint64_t position)
{
    consumer->held = position;
    consumer->active->held = position;
    if (consumer->group->terms.lines > 1 && position == consumer->batch_end) {
        consumer->active->held = MODEL_IDLE;
        if (consumer->active != consumer->own)
            consumer->active->who = MODEL_FREE;
        consumer->active = consumer->own;
    }
}

int model_release(const struct model *model, struct model_consumer *consumer, uint64_t position, uint32_t length)
{
    uint64_t end = position + model_size(model, length);

    if (position < consumer->held || end > consumer->position)
        return -EINVAL;
    model_hold_from(consumer, end);
    return 0;
}

int model_wait(struct model *model, struct model_consumer *consumer)
{
    const struct model_group *group = consumer->group;
    uint64_t at = group->terms.lines > 1 ? group->position : consumer->position;

    if (consumer->woken) {
        consumer->woken = false;
        return -ECANCELED;
    }
    if (consumer->pending || (group->terms.lines > 1 && (consumer->position < consumer->limit || group->orphans)))
        return 0;
    if (at != model_how_far(model, consumer, at))
        return 0;
    return at_the_end(model, consumer) ? -EPIPE : -ETIMEDOUT;
}
