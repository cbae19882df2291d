/* The stream, the room for it, and the producer. */
#include "model.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

void model_begin(struct model *model, uint64_t capacity, uint64_t alignment, struct model_message *room, uint32_t most)
{
    memset(model, 0, sizeof(*model));
    model->capacity = capacity;
    model->alignment = alignment;
    model->attempts = 5;
    model->lines_default = 16;
    model->message = room;
    model->most = most;
    model->reserved_at = MODEL_IDLE;
}

uint64_t model_size(const struct model *model, uint32_t length)
{
    return (8 + (uint64_t)length + model->alignment - 1) / model->alignment * model->alignment;
}

uint64_t model_tail(const struct model *model)
{
    return model->shown < model->committed ? model->message[model->shown].position : model->end;
}

uint32_t model_next_tag(const struct model *model)
{
    return model->tags;
}

uint32_t model_number(const struct model *model, uint64_t position)
{
    uint32_t low = 0, high = model->shown;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;

        if (model->message[middle].position < position)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

const struct model_message *model_at(const struct model *model, uint64_t position)
{
    uint32_t number = model_number(model, position);

    return number < model->shown && model->message[number].position == position ? &model->message[number] : NULL;
}

bool model_is_end(const struct model *model, uint64_t position)
{
    return position == model_tail(model) || model_at(model, position) != NULL;
}

uint64_t model_bytes(const struct model *model, uint64_t position)
{
    uint32_t number = model_number(model, position);

    return number < model->committed ? model->message[number].bytes : model->end_bytes;
}

/* ---- room ---- */

bool model_gates(const struct model_group *group)
{
    return group->live && !group->terms.lossy && (model_keeps_place(group) || model_has_members(group));
}

static uint64_t gate_now(const struct model *model)
{
    uint64_t gate = model_tail(model);

    for (unsigned at = 0; at < MODEL_GROUPS; at++)
        if (model_gates(&model->group[at]) && model_released(&model->group[at]) < gate)
            gate = model_released(&model->group[at]);
    return gate;
}

static void rescan(struct model *model)
{
    uint64_t gate = gate_now(model);

    if (gate > model->gate)
        model->gate = gate;
    if (gate > model->told)
        model->told = gate;
}

static bool fits(const struct model *model, uint64_t end)
{
    return !model->ended && end <= model->gate + model->capacity - 8;
}

/* Before it writes there it says so, to lossy members, in steps of a sixteenth of the ring: for a message that ends at `end`. */
static void raise_intent(struct model *model, uint64_t end)
{
    uint64_t most = model->gate + model->capacity;
    uint64_t intent = model->end + model->capacity / 16;

    if (intent < end + 8)
        intent = end + 8;
    if (intent > most)
        intent = most;
    if (intent > model->own_intent)
        model->own_intent = intent;
    if (model->own_intent > model->intent)
        model->intent = model->own_intent;
    model->room_end = (model->own_intent < most ? model->own_intent : most) - 8;
}

static bool finds_room(struct model *model, uint64_t end)
{
    if (!fits(model, end))
        return false;
    if (end > model->room_end)
        raise_intent(model, end);
    return true;
}

bool model_intact(const struct model *model, uint64_t position)
{
    return model->intent <= position + model->capacity;
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
    model->gate = model->end > model->capacity ? model->end - model->capacity : 0;
    model->own_intent = 0;
    raise_intent(model, model->end);
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

    if (length > model->capacity / 2 - 8)
        return -EMSGSIZE;
    end = model->end + model_size(model, (uint32_t)length);
    if (finds_room(model, end))
        return 0;
    if (model->ended)
        return -EPIPE;
    model_flush(model);
    rescan(model);
    model->refused = finds_room(model, end) ? 0 : end;
    return model->refused == 0 ? 0 : -EAGAIN;
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
    uint32_t number = model->committed++;

    model->message[number] = (struct model_message){model->end, (uint32_t)length, model->tags++, model->end_bytes};
    model->end += model_size(model, (uint32_t)length);
    model->end_bytes += length;
    for (unsigned at = 0; at < MODEL_GROUPS; at++)
        model->group[at].deaths[number % MODEL_WINDOW] = model->group[at].fronts[number % MODEL_WINDOW] = 0;
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

void model_close(struct model *model)
{
    model_flush(model);
    model->producing = false;
}

void model_kill_producer(struct model *model)
{
    if (model->shown < model->committed) {
        model->end = model->message[model->shown].position;
        model->end_bytes = model->message[model->shown].bytes;
    }
    model->committed = model->shown;
    model->producing = false;
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
    if (!finds_room(model, end))
        rescan(model);
    return finds_room(model, end) ? 0 : -ETIMEDOUT;
}

int model_drain(struct model *model)
{
    model_flush(model);
    if (take_wake(&model->producer_woken))
        return -ECANCELED;
    return gate_now(model) == model_tail(model) ? 0 : -ETIMEDOUT;
}
