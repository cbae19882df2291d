#include "model.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

void model_begin(struct model *model, uint64_t alignment)
{
    memset(model, 0, sizeof(*model));
    model->alignment = alignment;
    model->reserved_at = MODEL_IDLE;
    for (unsigned at = 0; at < MODEL_GROUPS; at++)
        for (unsigned line = 0; line < MODEL_LINES; line++)
            model->group[at].line[line].held = MODEL_IDLE;
}

uint64_t model_size(const struct model *model, uint32_t length)
{
    return (8 + (uint64_t)length + model->alignment - 1) / model->alignment * model->alignment;
}

uint64_t model_tail(const struct model *model)
{
    return model->shown < model->committed ? model->message[model->shown].position : model->end;
}

static const struct model_message *message_at(const struct model *model, uint64_t position)
{
    for (uint32_t at = model->shown; at > 0; at--)
        if (model->message[at - 1].position == position)
            return &model->message[at - 1];
    return NULL;
}

uint32_t model_groups(const struct model *model)
{
    uint32_t count = 0;

    for (unsigned at = 0; at < MODEL_GROUPS; at++)
        count += model->group[at].live;
    return count;
}

/* ---- room ---- */

static bool line_counts(const struct model_line *line)
{
    return line->member || line->held != MODEL_IDLE;
}

static bool gates(const struct model_group *group)
{
    for (uint32_t at = 0; at < group->lines; at++)
        if (line_counts(&group->line[at]))
            return true;
    return group->declared;
}

static uint64_t released(const struct model_group *group)
{
    uint64_t lowest = group->position;

    if (group->lines == 1)
        return group->line[0].member ? group->line[0].held : group->position;
    for (uint32_t at = 0; at < group->lines; at++)
        if (group->line[at].held < lowest)
            lowest = group->line[at].held;
    return lowest;
}

static uint64_t gate_now(const struct model *model)
{
    uint64_t gate = model_tail(model);

    for (unsigned at = 0; at < MODEL_GROUPS; at++) {
        const struct model_group *group = &model->group[at];

        if (group->live && gates(group) && released(group) < gate)
            gate = released(group);
    }
    return gate;
}

static void rescan(struct model *model)
{
    uint64_t gate = gate_now(model);

    if (gate > model->gate)
        model->gate = gate;
}

static bool fits(const struct model *model, uint64_t end)
{
    return !model->ended && end <= model->gate + MODEL_CAPACITY - 8;
}

/* ---- the producer ---- */

int model_open(struct model *model)
{
    if (model->ended)
        return -EPIPE;
    if (model->producing)
        return -EBUSY;
    model->producing = true;
    model->producer_woken = false;
    model->refused = 0;
    model->reserved_at = MODEL_IDLE;
    model->gate = model->end > MODEL_CAPACITY ? model->end - MODEL_CAPACITY : 0;
    rescan(model);
    return 0;
}

void model_flush(struct model *model)
{
    model->shown = model->committed;
}

static int find_room(struct model *model, uint64_t length)
{
    uint64_t end;

    if (length > MODEL_CAPACITY / 2 - 8)
        return -EMSGSIZE;
    end = model->end + model_size(model, (uint32_t)length);
    if (fits(model, end))
        return 0;
    if (model->ended)
        return -EPIPE;
    model_flush(model);
    rescan(model);
    model->refused = fits(model, end) ? 0 : end;
    return fits(model, end) ? 0 : -EAGAIN;
}

int model_reserve(struct model *model, uint64_t length)
{
    int code = find_room(model, length);

    if (code == 0) {
        model->reserved_at = model->end;
        model->reserved = length;
    }
    return code;
}

static void append(struct model *model, uint64_t length)
{
    model->message[model->committed++] = (struct model_message){model->end, (uint32_t)length};
    model->end += model_size(model, (uint32_t)length);
}

int model_commit(struct model *model, uint64_t length)
{
    if (model->ended || model->reserved_at != model->end || length > model->reserved)
        return -EINVAL;
    append(model, length);
    return 0;
}

int model_send(struct model *model, uint64_t length)
{
    int code = find_room(model, length);

    if (code == 0) {
        append(model, length);
        model_flush(model);
    }
    return code;
}

void model_end(struct model *model)
{
    model_flush(model);
    model->ended = true;
}

static bool take_wake(bool *woken)
{
    bool was = *woken;

    *woken = false;
    return was;
}

int model_producer_wait(struct model *model)
{
    uint64_t end = model->refused != 0 ? model->refused : model->end + 8;

    model_flush(model);
    if (take_wake(&model->producer_woken))
        return -ECANCELED;
    if (model->ended)
        return -EPIPE;
    if (!fits(model, end))
        rescan(model);
    return fits(model, end) ? 0 : -ETIMEDOUT;
}

int model_drain(struct model *model)
{
    model_flush(model);
    if (take_wake(&model->producer_woken))
        return -ECANCELED;
    return gate_now(model) == model_tail(model) ? 0 : -ETIMEDOUT;
}

/* ---- members ---- */

static bool has_members(const struct model_group *group)
{
    for (uint32_t at = 0; at < group->lines; at++)
        if (group->line[at].member)
            return true;
    return false;
}

/* A free place first, then one with something on it. */
static struct model_line *take_line(struct model_group *group)
{
    for (uint32_t at = 0; at < group->lines; at++)
        if (!line_counts(&group->line[at]))
            return &group->line[at];
    for (uint32_t at = 0; at < group->lines; at++)
        if (!group->line[at].member)
            return &group->line[at];
    return NULL;
}

static void work_at(struct model_consumer *consumer, struct model_line *line, uint64_t end)
{
    consumer->active = line;
    consumer->position = consumer->held = line->held;
    consumer->limit = consumer->batch_end = end;
}

static void clear_empty(struct model *model)
{
    for (unsigned at = 0; at < MODEL_GROUPS; at++)
        if (!model->group[at].declared && !has_members(&model->group[at]))
            model->group[at].live = false;
}

int model_join(struct model *model, struct model_consumer *consumer, unsigned index, uint32_t lines, uint32_t batch)
{
    struct model_group *group = &model->group[index];
    struct model_line *line;

    if (!group->declared) {
        clear_empty(model);
        if (!group->live) {
            memset(group, 0, sizeof(*group));
            group->live = true;
            group->lines = lines;
            group->position = model_tail(model);
            for (uint32_t at = 0; at < MODEL_LINES; at++)
                group->line[at].held = MODEL_IDLE;
        }
    }
    line = take_line(group);
    if (line == NULL)
        return -EUSERS;
    *consumer = (struct model_consumer){.open = true, .group = group, .own = line, .batch = batch};
    line->member = true;
    if (group->lines == 1)
        line->held = group->position;
    if (line->held != MODEL_IDLE)
        work_at(consumer, line, line->end);
    if (group->lines == 1 || line->held == MODEL_IDLE) {
        consumer->active = line;
        consumer->position = consumer->limit = consumer->held = consumer->batch_end = group->position;
    }
    return 0;
}

void model_leave(struct model_consumer *consumer)
{
    struct model_group *group = consumer->group;

    if (group->lines == 1) {
        group->position = consumer->position;
        *consumer->own = (struct model_line){false, MODEL_IDLE, 0};
    } else {
        bool left = consumer->position < consumer->limit;
        uint64_t end = consumer->limit;

        *consumer->own = (struct model_line){false, MODEL_IDLE, 0};
        *consumer->active = (struct model_line){false, left ? consumer->position : MODEL_IDLE, end};
        group->orphans |= left;
    }
    if (!group->declared && !has_members(group))
        for (uint32_t at = 0; at < group->lines; at++)
            group->line[at].held = MODEL_IDLE;
    consumer->open = false;
}

static bool adopt(struct model_consumer *consumer)
{
    struct model_group *group = consumer->group;
    struct model_line *oldest = NULL;

    if (!group->orphans)
        return false;
    for (uint32_t at = 0; at < group->lines; at++) {
        struct model_line *line = &group->line[at];

        if (!line->member && line->held != MODEL_IDLE && (oldest == NULL || line->held < oldest->held))
            oldest = line;
    }
    group->orphans = oldest != NULL;
    if (oldest == NULL)
        return false;
    oldest->member = true; /* in use, by somebody who sits elsewhere */
    work_at(consumer, oldest, oldest->end);
    return true;
}

/* Half of this member's share of what is there, at least one message, at most an eighth of the ring. */
static bool claim(const struct model *model, struct model_consumer *consumer)
{
    struct model_group *group = consumer->group;
    uint64_t tail = model_tail(model), end = group->position, share, joined = 0;
    const struct model_message *message;

    for (uint32_t at = 0; at < group->lines; at++)
        joined += line_counts(&group->line[at]);
    share = (tail - group->position) / (2 * joined);
    if (share > MODEL_CAPACITY / 8)
        share = MODEL_CAPACITY / 8;
    for (uint32_t count = 0; count < consumer->batch; count++) {
        message = message_at(model, end);
        if (message == NULL || (count > 0 && end + model_size(model, message->length) - group->position > share))
            break;
        end += model_size(model, message->length);
    }
    if (end == group->position)
        return false;
    consumer->own->held = group->position;
    work_at(consumer, consumer->own, end);
    group->position = end;
    return true;
}

static bool at_the_end(const struct model *model, const struct model_consumer *consumer)
{
    const struct model_group *group = consumer->group;

    if (!model->ended || (group->lines == 1 ? consumer->position : group->position) != model->end)
        return false;
    for (uint32_t at = 0; group->lines > 1 && at < group->lines; at++)
        if (group->line[at].held != MODEL_IDLE)
            return false;
    return true;
}

int model_next(struct model *model, struct model_consumer *consumer, const struct model_message **message)
{
    if (consumer->group->lines > 1 && consumer->position == consumer->limit) {
        if (consumer->held < consumer->position)
            return -EBUSY;
        if (!adopt(consumer) && !claim(model, consumer))
            return at_the_end(model, consumer) ? -EPIPE : 0;
    }
    *message = message_at(model, consumer->position);
    if (*message == NULL)
        return at_the_end(model, consumer) ? -EPIPE : 0;
    consumer->position += model_size(model, (*message)->length);
    return 1;
}

int model_release(const struct model *model, struct model_consumer *consumer, uint64_t position, uint32_t length)
{
    uint64_t end = position + model_size(model, length);

    if (position < consumer->held || end > consumer->position)
        return -EINVAL;
    consumer->held = end;
    consumer->active->held = end;
    if (consumer->group->lines > 1 && end == consumer->batch_end) {
        consumer->active->held = MODEL_IDLE;
        if (consumer->active != consumer->own)
            consumer->active->member = false;
        consumer->active = consumer->own;
    }
    return 0;
}

int model_wait(const struct model *model, struct model_consumer *consumer)
{
    const struct model_group *group = consumer->group;

    if (take_wake(&consumer->woken))
        return -ECANCELED;
    if (group->lines > 1
            ? consumer->position < consumer->limit || group->orphans || group->position != model_tail(model)
            : message_at(model, consumer->position) != NULL)
        return 0;
    return at_the_end(model, consumer) ? -EPIPE : -ETIMEDOUT;
}
