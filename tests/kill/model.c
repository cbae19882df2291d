#include "model.h"

#include <string.h>

/* One message, as far as the journal has been read. */
struct fate {
    bool announced, sent; /* about to be published, published for certain */
    unsigned writer;      /* the last who was about to */
    uint64_t batch;       /* where what was published with it begins */
    bool claimed;         /* by somebody, ever */
    bool passed_on;       /* claimed by one who died with it, or left it to others */
    int holder;           /* or -1 */
    bool handed;          /* to its holder */
    unsigned definite;    /* dead members that were given it for certain */
    unsigned maybe;       /* dead members that may have been */
    bool done;            /* released */
    bool perhaps;         /* its holder was killed in the midst of releasing it */
    bool aside;
};

enum doing { NOTHING, BUSY_CLAIMING, BUSY_RELEASING, BUSY_LEAVING };

struct model {
    struct fate fate[WORLD_MESSAGES];
    struct {
        enum doing doing;
        uint64_t end;  /* what it is releasing up to */
        uint64_t last; /* handed out of this batch */
        uint64_t newest;
    } member[WORLD_ACTORS];
    bool lone;
};

static uint64_t number(uint64_t position)
{
    return (position - WORLD_BASE) / WORLD_RECORD;
}

static uint64_t behind(uint64_t message)
{
    return WORLD_BASE + (message + 1) * WORLD_RECORD;
}

/*
 * To how many dead members it was given, at most. A lone member's messages share one count: what was handed out behind one that was
 * redelivered and still held, also by one who died with both, counts as often as that (layout.h, TALLY).
 */
static unsigned most_dead(const struct model *model, uint64_t message)
{
    const struct fate *fate = &model->fate[message];
    unsigned most = fate->definite + fate->maybe;

    for (uint64_t older = 0; model->lone && most != 0 && older < message; older++)
        if (!model->fate[older].done && model->fate[older].definite + model->fate[older].maybe > most)
            most = model->fate[older].definite + model->fate[older].maybe;
    return most;
}

/* Its holder is about to go without having come to it. */
static bool leaves_it(const struct model *model, const struct fate *fate)
{
    return model->member[fate->holder].doing == BUSY_LEAVING && !fate->handed;
}

static const char *claimed(struct model *model, const struct entry *entry)
{
    model->member[entry->who].doing = NOTHING;
    model->member[entry->who].last = 0;
    for (uint64_t message = number(entry->from); entry->from < entry->end && behind(message) <= entry->end; message++) {
        struct fate *fate = &model->fate[message];

        if (fate->holder >= 0 && fate->holder != (int)entry->who && !leaves_it(model, fate))
            return "a living member's message was claimed by another";
        if (fate->done)
            return "a message was claimed after it was released";
        if (fate->holder != (int)entry->who) {
            fate->handed = false;
            fate->passed_on |= fate->claimed;
        }
        fate->holder = (int)entry->who;
        fate->claimed = true;
    }
    return NULL;
}

static const char *handed(struct model *model, const struct entry *entry)
{
    struct fate *fate = &model->fate[number(entry->from)];

    if (!fate->announced)
        return "a message was seen that nobody published";
    if (fate->writer != entry->writer)
        return "a message was seen that was overwritten";
    if (fate->done)
        return "a message was handed out after it was released";
    if (fate->holder != (int)entry->who)
        return "a message was handed out to one who has not claimed it";
    if (fate->handed)
        return "a message was handed out twice";
    if (entry->given < 1 + fate->definite)
        return "a redelivered message says too few deliveries, or none";
    if (entry->given > 1 + most_dead(model, number(entry->from)))
        return "a message says more deliveries than there were";
    if (entry->from < model->member[entry->who].last)
        return "a batch was out of order";
    if (!fate->passed_on && entry->from < model->member[entry->who].newest)
        return "a member was handed new messages out of order";
    fate->handed = true;
    model->member[entry->who].last = entry->from;
    if (!fate->passed_on)
        model->member[entry->who].newest = entry->from;
    return NULL;
}

static void released(struct model *model, const struct entry *entry)
{
    model->member[entry->who].doing = NOTHING;
    for (uint64_t message = 0; message < WORLD_MESSAGES && behind(message) <= entry->end; message++) {
        struct fate *fate = &model->fate[message];

        if (fate->holder == (int)entry->who && fate->handed) {
            fate->done = true;
            fate->holder = -1;
        }
    }
}

static void left(struct model *model, const struct entry *entry)
{
    released(model, &(struct entry){.who = entry->who, .end = UINT64_MAX});
    for (uint64_t message = 0; message < WORLD_MESSAGES; message++)
        if (model->fate[message].holder == (int)entry->who)
            model->fate[message].holder = -1;
}

static bool others_are_claiming(const struct model *model, unsigned who)
{
    for (unsigned other = 0; other < WORLD_ACTORS; other++)
        if (other != who && model->member[other].doing == BUSY_CLAIMING)
            return true;
    return false;
}

/* Its holder died. What it was doing decides what that says. */
static void holder_died(struct model *model, const struct entry *entry, uint64_t message)
{
    struct fate *fate = &model->fate[message];
    enum doing doing = model->member[entry->who].doing;
    bool going = doing == BUSY_LEAVING || (doing == BUSY_RELEASING && behind(message) <= model->member[entry->who].end);

    fate->holder = -1;
    fate->passed_on = true;
    if (going && !fate->handed)
        fate->maybe++;
    else
        fate->definite++;
    fate->perhaps |= going && fate->handed;
    fate->maybe = most_dead(model, message) - fate->definite;
}

static void died(struct model *model, const struct entry *entry)
{
    enum doing doing = model->member[entry->who].doing;

    for (uint64_t message = 0; message < WORLD_MESSAGES; message++) {
        struct fate *fate = &model->fate[message];
        /* A first claim shows in the group's position, and is its own unless another is at it too. */
        bool first = !fate->claimed && behind(message) <= entry->end;

        if (fate->holder == (int)entry->who) {
            holder_died(model, entry, message);
        } else if (doing == BUSY_CLAIMING && (fate->holder < 0 || leaves_it(model, fate)) && !fate->done &&
                   (first || fate->claimed)) {
            fate->passed_on = true;
            if (first && !others_are_claiming(model, entry->who)) {
                fate->definite++;
                fate->claimed = true;
            } else {
                fate->maybe++;
            }
        }
    }
    model->member[entry->who].doing = NOTHING;
}

static const char *sending(struct model *model, const struct entry *entry)
{
    const struct fate *next = &model->fate[number(entry->from)];

    if (next->announced && !next->sent && next->batch < number(entry->from))
        return "a successor begins within what was to be published at once";
    /* What a dead one was about to publish from here on has come to nothing. */
    for (uint64_t message = number(entry->from); message < WORLD_MESSAGES; message++) {
        struct fate *fate = &model->fate[message];

        fate->announced = behind(message) <= entry->end;
        fate->writer = entry->who;
        fate->batch = number(entry->from);
    }
    return NULL;
}

static void sent(struct model *model, const struct entry *entry)
{
    for (uint64_t message = number(entry->from); behind(message) <= entry->end; message++)
        model->fate[message].sent = true;
}

static const char *set_aside(struct model *model, const struct entry *entry, const struct world *world)
{
    struct fate *fate = &model->fate[number(entry->from)];

    if (fate->aside)
        return "a message was set aside twice";
    if (fate->done || fate->holder >= 0)
        return "a message was set aside that a living member had";
    if (entry->given < fate->definite || entry->given > most_dead(model, number(entry->from)) ||
        fate->definite + fate->maybe < world->ring.view.attempts_max)
        return "a message set aside says what cannot be";
    fate->aside = true;
    return NULL;
}

static const char *read_entry(struct model *model, const struct entry *entry, const struct world *world)
{
    switch (entry->kind) {
    case CLAIMING:
        model->member[entry->who].doing = BUSY_CLAIMING;
        return NULL;
    case CLAIMED:
        return claimed(model, entry);
    case HANDED:
        return handed(model, entry);
    case RELEASING:
        model->member[entry->who].doing = BUSY_RELEASING;
        model->member[entry->who].end = entry->end;
        return NULL;
    case RELEASED:
        released(model, entry);
        return NULL;
    case LEAVING:
        model->member[entry->who].doing = BUSY_LEAVING;
        return NULL;
    case LEFT:
        left(model, entry);
        model->member[entry->who].doing = NOTHING;
        return NULL;
    case SENDING:
        return sending(model, entry);
    case SENT:
        sent(model, entry);
        return NULL;
    case DIED:
        died(model, entry);
        return NULL;
    default:
        return set_aside(model, entry, world);
    }
}

/* It is all over: has everything become of each message that should, in this group? */
static const char *ended(const struct model *model, bool vanished)
{
    for (uint64_t message = 0; message < WORLD_MESSAGES; message++) {
        const struct fate *fate = &model->fate[message];
        const struct fate *first = &model->fate[fate->batch];
        bool over = fate->done || fate->perhaps || fate->aside;

        if (fate->done && fate->aside)
            return "a message was released, and set aside";
        if (fate->sent && !over && !vanished)
            return "a message was lost";
        if (fate->announced && !vanished && over != (first->done || first->perhaps || first->aside))
            return "some of what was published at once was seen, and some was not";
        if (fate->holder >= 0)
            return "a message is still held";
    }
    return NULL;
}

const char *model_check(const struct world *world)
{
    for (unsigned group = 0; group < world->ring.groups; group++) {
        struct model model;
        const char *wrong = NULL;

        memset(&model, 0, sizeof(model));
        model.lone = world->ring.group[group].members == 1;
        for (uint64_t message = 0; message < WORLD_MESSAGES; message++)
            model.fate[message].holder = -1;
        for (unsigned at = 0; at < world->entries && wrong == NULL; at++) {
            const struct entry *entry = &world->journal[at];

            if (entry->kind == SENDING || entry->kind == SENT || entry->group == group)
                wrong = read_entry(&model, entry, world);
        }
        if (wrong == NULL)
            wrong = ended(&model, world->vanished);
        if (wrong != NULL)
            return wrong;
    }
    return NULL;
}
