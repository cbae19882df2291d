/* Groups and their places: who joins, leaves, is killed, and what becomes of what was held. */
#include "model.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

bool model_keeps_place(const struct model_group *group)
{
    return group->terms.kind != MODEL_PASSING;
}

bool model_has_members(const struct model_group *group)
{
    for (uint32_t at = 0; at < group->terms.lines; at++)
        if (group->line[at].who == MODEL_TAKEN)
            return true;
    return false;
}

uint64_t model_released(const struct model_group *group)
{
    uint64_t lowest = group->position;

    if (group->terms.lines == 1)
        return model_counts(&group->line[0]) ? group->line[0].held : group->position;
    for (uint32_t at = 0; at < group->terms.lines; at++)
        if (group->line[at].held < lowest)
            lowest = group->line[at].held;
    return lowest;
}

uint32_t model_groups(const struct model *model)
{
    uint32_t count = 0;

    for (unsigned at = 0; at < MODEL_GROUPS; at++)
        count += model->group[at].live;
    return count;
}

static void empty(struct model_line *line)
{
    line->who = MODEL_FREE;
    line->held = MODEL_IDLE;
}

static void make(struct model_group *group, const struct model_terms *terms, uint64_t position)
{
    memset(group, 0, sizeof(*group));
    group->live = true;
    group->terms = *terms;
    group->position = position;
    for (unsigned at = 0; at < MODEL_LINES; at++)
        empty(&group->line[at]);
}

void model_declare(struct model *model, unsigned group, const struct model_terms *terms)
{
    make(&model->group[group], terms, 0);
    model->group[group].terms.kind = MODEL_DECLARED;
}

static void clear_empty(struct model *model)
{
    for (unsigned at = 0; at < MODEL_GROUPS; at++)
        if (!model_keeps_place(&model->group[at]) && !model_has_members(&model->group[at]))
            model->group[at].live = false;
}

/* ---- the dead ---- */

/* A member died that had all that lies whole between `from` and the line's end. What is lost already is nobody's. */
static void count_deaths(const struct model *model, struct model_group *group, const struct model_line *line)
{
    const struct model_message *message = model_at(model, line->held);
    bool first = true;

    for (; message != NULL && message < model->message + model->shown &&
           message->position + model_size(model, message->length) <= line->end;
         message++, first = false) {
        uint32_t number = (uint32_t)(message - model->message) % MODEL_WINDOW;

        if (!model_intact(model, message->position))
            continue;
        group->deaths[number] = (uint8_t)line->deaths;
        group->fronts[number] = (uint8_t)(group->fronts[number] + first);
    }
}

/* Alone, what it was handed behind a redelivered message that it still held counts like that one. */
void model_kill(struct model *model, struct model_consumer *consumer)
{
    struct model_group *group = consumer->group;
    struct model_line *line = consumer->active;

    if (group->terms.lines == 1) {
        line->end = consumer->claimed > line->again ? consumer->claimed : line->again;
        if (line->held >= line->again)
            line->deaths = 0;
    }
    if (line->held != MODEL_IDLE && line->held < line->end) {
        line->deaths++;
        count_deaths(model, group, line);
    }
    consumer->own->who = line->who = MODEL_DEAD;
    consumer->open = false;
}

static void sweep(struct model_group *group)
{
    for (uint32_t at = 0; at < group->terms.lines; at++)
        empty(&group->line[at]);
}

/* What lies on the place of a group that keeps it is kept for who comes: a lone member's, and, where nothing lies, the place. */
static void bury(struct model_group *group)
{
    for (uint32_t at = 0; at < group->terms.lines; at++) {
        struct model_line *line = &group->line[at];
        bool nothing = line->held == MODEL_IDLE || group->terms.lines == 1;

        if (line->who == MODEL_DEAD && !(model_keeps_place(group) && nothing)) {
            group->buried++;
            if (nothing)
                empty(line);
            else
                line->who = MODEL_LEFT;
        }
        group->orphans |= line->who == MODEL_LEFT;
    }
    if (!model_keeps_place(group) && !model_has_members(group))
        sweep(group);
}

void model_repair(struct model *model)
{
    for (unsigned at = 0; at < MODEL_GROUPS; at++)
        if (model->group[at].live)
            bury(&model->group[at]);
}

static bool has_room_aside(const struct model *model, const struct model_group *group, uint32_t length)
{
    uint64_t used = length;

    for (uint32_t at = group->aside_first; at < group->aside_count; at++)
        used += group->aside[at % MODEL_ASIDE].message.length;
    return group->aside_count - group->aside_first < MODEL_ASIDE && used <= model->capacity / 2;
}

bool model_leave_aside(struct model *model, struct model_group *group, struct model_line *line)
{
    while (line->held < line->end) {
        const struct model_message *message = model_at(model, line->held);
        uint32_t number = (uint32_t)(message - model->message) % MODEL_WINDOW;

        if (group->fronts[number] < model->attempts || !has_room_aside(model, group, message->length))
            return true;
        group->aside[group->aside_count++ % MODEL_ASIDE] = (struct model_aside){*message, group->deaths[number]};
        line->held += model_size(model, message->length);
    }
    return false;
}

int model_take_aside(struct model_group *group, const struct model_aside **aside)
{
    if (group->aside_first == group->aside_count)
        return 0;
    *aside = &group->aside[group->aside_first++ % MODEL_ASIDE];
    return 1;
}

/* ---- coming ---- */

/* A free place first, then one with something on it. */
static struct model_line *take_line(struct model_group *group)
{
    for (uint32_t at = 0; at < group->terms.lines; at++)
        if (group->line[at].who == MODEL_FREE)
            return &group->line[at];
    for (uint32_t at = 0; at < group->terms.lines; at++)
        if (group->line[at].who != MODEL_TAKEN)
            return &group->line[at];
    return NULL;
}

/*
 * What lies before a position is counted from a landmark, of which there is one after each step of the producer's and the message behind it. So near
 * to what is gone already that may be gone, too.
 */
static bool can_be_counted(const struct model *model, uint64_t position)
{
    uint64_t apart = model->capacity / 2 + model->capacity / 8;

    return model_intact(model, position > apart ? position - apart : 0);
}

/*
 * It holds nobody, and may be lapped at once: so it begins, but for the position that it asks for, where its messages will be there for a while. Where
 * that is, is for the library to choose; but when nothing has been written over, nor soon will be, at the beginning.
 */
static int find_lossy_start(const struct model *model, const struct model_wish *wish, uint64_t *place)
{
    const struct model_group *other = &model->group[wish->start_group];

    if (wish->start == MODEL_NOW)
        return 0;
    if (wish->start == MODEL_WITH && (!other->live || (!model_keeps_place(other) && !model_has_members(other))))
        return -ENOENT;
    if (wish->start == MODEL_AT && (!model_is_end(model, wish->position) || !model_intact(model, wish->position)))
        return -ERANGE;
    *place = wish->began;
    if (wish->start == MODEL_AT && wish->began == MODEL_IDLE && !can_be_counted(model, wish->position))
        return -ERANGE;
    if (wish->start == MODEL_AT)
        *place = wish->position;
    else if (wish->start == MODEL_OLDEST && model->intent <= model->capacity / 4 * 3)
        *place = 0;
    return model_is_end(model, *place) && model_intact(model, *place) ? 0 : MODEL_IMPOSSIBLE;
}

/* Where a group starts that is made now. 0, -ERANGE, -ENOENT. */
static int find_start(const struct model *model, const struct model_wish *wish, uint64_t *place)
{
    const struct model_group *other = &model->group[wish->start_group];

    *place = model_tail(model);
    if (wish->terms.lossy)
        return find_lossy_start(model, wish, place);
    switch (wish->start) {
    case MODEL_OLDEST:
        *place = model->told;
        break;
    case MODEL_AT:
        if (wish->position < model->told || !model_is_end(model, wish->position))
            return -ERANGE;
        *place = wish->position;
        break;
    case MODEL_WITH:
        if (!other->live || (!model_keeps_place(other) && !model_has_members(other)))
            return -ENOENT;
        *place = model_released(other) > model->told ? model_released(other) : model->told;
        break;
    default:
        break;
    }
    return 0;
}

static int make_by_join(const struct model *model, struct model_group *group, const struct model_wish *wish)
{
    struct model_terms terms = wish->terms;
    uint64_t place;
    int code = find_start(model, wish, &place);

    if (code != 0)
        return code;
    if (terms.lines == 0)
        terms.lines = model->lines_default;
    make(group, &terms, place);
    return 0;
}

int model_check_after(const struct model *model, const struct model_group *group, uint32_t after)
{
    for (unsigned at = 0; at < MODEL_GROUPS; at++) {
        const struct model_group *before = &model->group[at];

        if ((after >> at & 1) == 0)
            continue;
        if (before == group)
            return -EINVAL;
        if (!before->live)
            return -ENOENT;
        if (before->terms.kind != MODEL_DECLARED || before->terms.lossy)
            return -EINVAL;
    }
    return 0;
}

/* It is not what was asked for. */
static bool is_other(const struct model_group *group, const struct model_terms *wish)
{
    return (wish->lossy && !group->terms.lossy) || (wish->after != 0 && wish->after != group->terms.after) ||
           (wish->kind == MODEL_DURABLE && !model_keeps_place(group));
}

static void give_back(struct model_group *group, struct model_line *line)
{
    if (group->terms.lines == 1) {
        group->position = model_released(group);
        empty(line);
    } else if (line->held == MODEL_IDLE) {
        empty(line);
    } else {
        line->who = MODEL_LEFT;
        group->orphans = true;
    }
}

static bool take_over(struct model *model, struct model_consumer *consumer)
{
    return consumer->group->terms.lossy ? model_lossy_take_over(model, consumer, consumer->own)
                                        : model_leave_aside(model, consumer->group, consumer->own);
}

/* Where the last message ends that lies whole between the two. */
static uint64_t whole(const struct model *model, uint64_t from, uint64_t end)
{
    const struct model_message *message = model_at(model, from);

    for (; message != NULL && from + model_size(model, message->length) <= end; message = model_at(model, from))
        from += model_size(model, message->length);
    return from;
}

/* What a lone member begins with. */
static void begin_alone(struct model *model, struct model_consumer *consumer)
{
    struct model_line *line = consumer->own;

    if (line->held == MODEL_IDLE)
        line->held = consumer->group->position;
    if (line->again > line->end)
        line->end = line->again;
    if (!consumer->group->terms.lossy)
        line->end = whole(model, line->held, line->end);
    if (take_over(model, consumer))
        line->again = line->end;
    consumer->position = consumer->limit = consumer->held = consumer->batch_end = line->held;
    consumer->claimed = line->held;
}

static void begin_among_others(struct model *model, struct model_consumer *consumer)
{
    struct model_line *line = consumer->own;

    consumer->position = consumer->limit = consumer->held = consumer->batch_end = consumer->group->position;
    if (line->held != MODEL_IDLE && take_over(model, consumer))
        model_work_at(consumer, line);
    else
        line->held = MODEL_IDLE;
}

int model_join(struct model *model, struct model_consumer *consumer, unsigned index, const struct model_wish *wish)
{
    struct model_group *group = &model->group[index];
    struct model_line *line;
    int code = model_check_after(model, group, wish->terms.after);

    if (code != 0)
        return code;
    if (wish->by_broker || !group->live || group->terms.kind != MODEL_DECLARED)
        clear_empty(model);
    if (!group->live)
        code = make_by_join(model, group, wish);
    if (code != 0)
        return code;
    line = take_line(group);
    if (line == NULL)
        return -EUSERS;
    line->ever = true;
    if (is_other(group, &wish->terms)) {
        give_back(group, line);
        return -EINVAL;
    }
    *consumer =
        (struct model_consumer){.open = true, .group = group, .own = line, .active = line, .batch = wish->batch};
    if (group->terms.lines == 1)
        begin_alone(model, consumer);
    else
        begin_among_others(model, consumer);
    line->who = MODEL_TAKEN;
    bury(group);
    return 0;
}

/* ---- going ---- */

void model_leave(const struct model *model, struct model_consumer *consumer)
{
    struct model_group *group = consumer->group;

    if (consumer->kept_count != 0) /* of a lossy group: it releases them, which counts them */
        (void)model_lossy_release(model, consumer, model->message[consumer->kept[consumer->kept_count - 1]].position);
    model_count_missed(consumer);
    if (group->terms.lines == 1) {
        group->position = consumer->own->end = consumer->position;
        empty(consumer->own);
    } else {
        bool left = consumer->position < consumer->limit;

        consumer->active->held = left ? consumer->position : MODEL_IDLE;
        if (consumer->own != consumer->active)
            empty(consumer->own);
        consumer->active->who = left ? MODEL_LEFT : MODEL_FREE;
        group->orphans |= left;
    }
    if (!model_keeps_place(group) && !model_has_members(group))
        sweep(group);
    consumer->open = false;
}
