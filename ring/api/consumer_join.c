/* Joining a group and leaving it: by the words of the ring that a child inherits, or else by the broker. */
#include "consumer.h"

#include "check.h"
#include "core/gate.h"
#include "core/group.h"
#include "core/shared.h"
#include "core/unserved.h"
#include "directory.h"
#include "lower.h"
#include "meet/clock.h"
#include "stages.h"
#include "wait/bell.h"
#include "wait/fence.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

enum { PAUSE = 2 * 1000 * 1000 /* ns: before looking again what the producer decides */ };

/* The group that a join makes, if it makes one. */
struct wish {
    struct group_terms terms;
    struct start_wish start;
};

/* NULL: of all defaults. 0, -EINVAL, -ENAMETOOLONG, -E2BIG. */
static int read_wish(const struct mring_join_options *options, uint64_t capacity, struct wish *wish)
{
    struct mring_error *error = options != NULL ? options->error : NULL;
    int code;

    memset(wish, 0, sizeof(*wish));
    wish->terms.kind = GROUP_PASSING;
    if (options == NULL)
        return 0;
    if (options->members > LAYOUT_MEMBERS)
        return failure(error, -E2BIG, 0, "%u members: a ring has at most %d", options->members, LAYOUT_MEMBERS);
    wish->terms.members = options->members;
    wish->terms.lossy = options->lossy != 0;
    if (options->durable != 0)
        wish->terms.kind = GROUP_DURABLE;
    code = read_limit(options->unserved, options->limit, capacity, &wish->terms, error);
    if (code != 0)
        return code;
    if ((unsigned)options->start > MRING_START_GROUP)
        return failure(error, -EINVAL, 0, "start %d is none of enum mring_start", (int)options->start);
    wish->start.from = (uint32_t)options->start; /* they have the same numbers */
    wish->start.position = options->position;
    if (options->start == MRING_START_GROUP) {
        code = check_name(options->start_group, "group", error);
        if (code != 0)
            return code;
        memcpy(wish->start.group, options->start_group, strlen(options->start_group));
    }
    return 0;
}

_Static_assert((int)MRING_START_NOW == START_NOW && (int)MRING_START_OLDEST == START_OLDEST &&
                   (int)MRING_START_POSITION == START_POSITION && (int)MRING_START_GROUP == START_GROUP,
               "starts are on the wire");

static bool alive(void *context, uint64_t number)
{
    return life_alive(((struct mring *)context)->life, number);
}

static void give_back(const struct mring *ring, const struct group_view *group, int line)
{
    group_give_back(group, (uint32_t)line, word_load(&group->line[line].owner), life_number(ring->life));
}

/*
 * A forked child needs no broker to join a declared group: it has the group's words already. 1: done; 0: not such a group; -EAGAIN: the
 * producer is just about to decide whether anybody is there.
 */
static int join_inherited(struct mring *ring, const char *name, struct held_group *group, int *line)
{
    int index;

    ring_lock();
    index = ring_find_declared(ring, name);
    ring_unlock();
    if (index < 0 || !held_group_borrow(ring, (uint32_t)index, group))
        return 0;
    *line = group_occupy(&group->view, life_number(ring->life), alive, ring);
    if (*line < 0)
        return *line;
    if (!unserved_turns_away(&ring->region.view, &group->view, alive, ring)) {
        unserved_apply(&ring->region.view, &group->view);
        return 1;
    }
    give_back(ring, &group->view, *line);
    return -EAGAIN;
}

/* Nobody else can guess it: whoever knows it can undo the join. */
static int make_ticket(uint64_t *ticket)
{
    if (getentropy(ticket, sizeof(*ticket)) != 0)
        return -errno;
    *ticket |= 1; /* it is never 0 */
    return 0;
}

static bool serves(struct mring *ring)
{
    bool serving;

    ring_lock();
    serving = ring->broker != NULL;
    ring_unlock();
    return serving;
}

/* It failed here. The broker may have given a place all the same: its answer came too late, or there was no room for it. */
static void undo_join(struct mring *ring, const struct join_request *request)
{
    if (serves(ring))
        (void)directory_unjoin(ring, request);
    else
        meet_unjoin(ring->link, request);
}

/* Have the kernel know that a group made by a join has a member here: while the broker that says so still lives (succession.c). */
static int mark_group(struct mring *ring, const struct group_view *group, uint64_t broker, struct mring_error *error)
{
    int code;

    if (!terms_by_join(&group->terms))
        return 0;
    code = life_mark(ring->life, group_mark(group));
    if (code != 0)
        return failure(error, code, 0, "the group cannot be marked as one with members: %s", mring_strerror(code));
    if (word_load_acquire(&ring->region.view.page->broker) == broker && alive(ring, owner_life(broker))) /* [BROKER] */
        return 0;
    life_unmark(ring->life, group_mark(group));
    return -EPIPE;
}

static int ask_place(struct mring *ring, const struct join_request *request, struct group_reply *reply,
                     struct mring_error *error)
{
    int code;

    if (!serves(ring))
        return meet_join(ring->link, request, reply, error);
    code = directory_join(ring, geteuid(), request, reply);
    return code == 0 ? 0
                     : failure(error, code, 0, "group \"%s\" cannot be made: %s", request->name, mring_strerror(code));
}

/* Ask for a place once, and open its group. */
static int ask(struct mring *ring, const struct join_request *request, struct held_group *group, int *line,
               struct mring_error *error)
{
    uint64_t broker = word_load_acquire(&ring->region.view.page->broker); /* [BROKER] */
    struct group_reply reply;
    int code = ask_place(ring, request, &reply, error);

    if (code != 0)
        return code;
    *line = (int)reply.line;
    code = held_group_open(&ring->region.view, &reply, group, error);
    if (code == 0 && unserved_turns_away(&ring->region.view, &group->view, alive, ring))
        code = -EAGAIN;
    if (code == 0)
        unserved_apply(&ring->region.view, &group->view);
    if (code == 0)
        code = mark_group(ring, &group->view, broker, error);
    if (code != 0)
        held_group_drop(group);
    return code;
}

/*
 * The broker may die meanwhile, and what became of the request is then unknown: it is undone, where it came to anything, and asked again
 * of the next one. That one may have to wait for the group's members to bring its entry (-EAGAIN).
 */
static int join_by_broker(struct mring *ring, const char *name, const struct wish *wish, struct held_group *group,
                          int *line, struct mring_error *error)
{
    int64_t deadline = ring_deadline();
    struct join_request request;
    int code;

    memset(&request, 0, sizeof(request));
    memcpy(request.name, name, strlen(name));
    request.terms = wish->terms;
    request.start = wish->start;
    request.life = life_number(ring->life);
    code = make_ticket(&request.ticket);
    if (code != 0)
        return failure(error, code, 0, "no random bytes for the join's ticket");
    while ((code = ask(ring, &request, group, line, error)) != 0) {
        bool again = (code == -EPIPE || code == -EAGAIN) && ring_try_again(ring, deadline);

        undo_join(ring, &request);
        if (!again)
            break;
    }
    return code == -EAGAIN ? -ETIMEDOUT : code;
}

/* What an answer means here; NULL: what is said already says it. */
static const char *join_trouble(int code)
{
    switch (code) {
    case -EDQUOT:
        return "this user has as many groups or members of a ring of another user as it may";
    case -EPIPE:
        return "the process that served the ring is gone, and nobody has taken its place";
    case -EAGAIN:
        return "the producer is about to give it up, and does not come to it: is it stopped?";
    case -ETIMEDOUT:
        return "the process that serves the ring does not answer, or is new and none of those who have the group has "
               "come to it; are they stopped?";
    default:
        return NULL;
    }
}

/* One too many. How many there are stands in the directory. */
static int refuse_more(const struct mring *ring, const char *name, const struct wish *wish, int code,
                       struct mring_error *error)
{
    const struct ring_view *view = &ring->region.view;
    int index = ring_find_group(ring, name);

    if (code == -ENOSPC)
        return failure(error, code, 0, "group \"%s\" cannot be made: the ring has %d groups, and can have no more",
                       name, LAYOUT_GROUPS);
    if (code == -E2BIG)
        return failure(error, code, 0,
                       "group \"%s\" cannot have %u members: the other groups of the ring have %" PRIu64 " of %d", name,
                       wish->terms.members != 0 ? wish->terms.members : view->members_default, ring_count_places(ring),
                       LAYOUT_MEMBERS);
    return failure(error, code, 0,
                   "group \"%s\" cannot be joined: its %u places are taken by living members; who makes the group says "
                   "how many it has",
                   name, index < 0 ? 0 : entry_terms(&view->directory[index]).members);
}

static int join_failed(const struct mring *ring, const char *name, const struct wish *wish, int code,
                       struct mring_error *error)
{
    const struct producer_page *page = ring->region.view.page;

    if (code == -ERANGE)
        return failure(error, code, 0,
                       "group \"%s\" cannot start at position %" PRIu64
                       ": no message that is still there begins there; the "
                       "oldest does at %" PRIu64 ", and the stream ends at %" PRIu64,
                       name, wish->start.position, word_load(&page->gate), word_load(&page->tail));
    if (code == -ENOENT && wish->start.from == START_GROUP)
        return failure(error, code, 0, "group \"%s\" cannot start where \"%s\" is: that is nowhere", name,
                       wish->start.group);
    if (code == -ENOSPC || code == -E2BIG || code == -EUSERS)
        return refuse_more(ring, name, wish, code, error);
    if (join_trouble(code) != NULL)
        return failure(error, code, 0, "group \"%s\" cannot be joined: %s", name, join_trouble(code));
    return code;
}

/* The group was there before, and is another than was asked for. */
static int refuse_other(const struct group_terms *is, const struct group_terms *wish, const char *name,
                        struct mring_error *error)
{
    if (wish->lossy && !is->lossy)
        return failure(error, -EINVAL, 0, "group \"%s\" is not a lossy one: it was made before, by others", name);
    if (wish->after != 0 && wish->after != is->after)
        return failure(error, -EINVAL, 0, "group \"%s\" is there already, and not after just those groups", name);
    if (wish->kind == GROUP_DURABLE && !terms_keep_place(is))
        return failure(error, -EINVAL, 0,
                       "group \"%s\" is not durable: it was made before, to end with its last member", name);
    if (wish->unserved != UNSERVED_STOPS && (wish->unserved != is->unserved || wish->limit != is->limit))
        return failure(error, -EINVAL, 0, "group \"%s\" was made before, with another limit, or none", name);
    return 0;
}

/* It has this place: is it to be had, and good for anything? If not, it is given back. */
static int enter(struct mring_consumer *consumer, uint32_t line, const char *name, const struct group_terms *wish,
                 struct mring_error *error)
{
    struct mring *ring = consumer->ring;
    const struct group_view *group = &consumer->group.view;
    uint64_t life = life_number(ring->life);
    int code = refuse_other(&group->terms, wish, name, error);

    if (code == 0) {
        code = group_enter(&consumer->core, &ring->region.view, group, line, &(struct judge){alive, ring, life});
        if (consumer_core_cut_off(&consumer->core))
            code = consumer_cut_off(&consumer->core, error);
        else if (code != 0)
            code = join_damaged(&consumer->core, name, error);
    }
    if (code != 0)
        group_give_back(group, line, word_load(&group->line[line].owner), life);
    return code;
}

/* What a member needs besides its place. */
static int equip(struct mring_consumer *consumer, struct inherited *inherited, struct mring_error *error)
{
    uint32_t members = consumer->group.view.members;

    consumer->pace = (struct pace){clock_coarse(), word_load(&consumer->core.line->messages)};
    consumer->lone = members == 1;
    consumer->peers = calloc(members, sizeof(*consumer->peers));
    consumer->suspects = calloc(members, sizeof(*consumer->suspects));
    if (consumer->peers == NULL || consumer->suspects == NULL)
        return failure(error, -ENOMEM, 0, "no memory for a member of a group of %u", members);
    return stages_open(consumer, inherited, error);
}

static int join(struct mring_consumer *consumer, const char *name, const struct wish *wish, struct inherited *inherited,
                struct mring_error *error)
{
    struct mring *ring = consumer->ring;
    struct held_group *group = &consumer->group;
    int64_t deadline = ring_deadline();
    int line = -1;
    int code;

    while ((code = join_inherited(ring, name, group, &line)) == -EAGAIN && clock_left(deadline) > 0)
        nanosleep(&(struct timespec){.tv_nsec = PAUSE}, NULL);
    if (code == 0)
        code = join_by_broker(ring, name, wish, group, &line, error);
    if (code < 0)
        return join_failed(ring, name, wish, code, error);
    if ((uint32_t)line >= group->view.members)
        return failure(error, -EPROTO, 0, "the broker gave place %d of %u in group \"%s\"", line, group->view.members,
                       name);
    code = enter(consumer, (uint32_t)line, name, &wish->terms, error);
    if (code != 0)
        return code;
    code = equip(consumer, inherited, error);
    if (code != 0) {
        group_leave(&consumer->core);
        return code;
    }
    if (fence_register())
        word_store_release(&consumer->core.line->fenced, consumer->core.owner); /* [FENCED] */
    fence_full(); /* [FENCED], R15: before the first release */
    /*
     * Who comes in place of a dead member should not have to wait for the next look at what that one held; and members that never live
     * until their second look would leave it lying.
     */
    (void)consumer_look_for_dead(consumer, NULL);
    ring_keep_up(ring);
    return 0;
}

/* In a forked child: nothing is at hand any more, and what was handed out ends a batch. */
static void stop(void *context)
{
    struct mring_consumer *consumer = context;

    /* So that whoever takes or releases something finds out. */
    consumer->core.position = consumer->core.limit = consumer->core.batch_end = consumer->core.held = NOWHERE;
    consumer->core.polls = 0;
}

static int open_handle(struct mring_consumer *consumer, const char *group, struct inherited **inherited,
                       struct mring_error *error)
{
    int code = ring_enter(consumer->ring, error);

    if (code != 0)
        return code;
    ring_unlock();
    if (code == 0)
        code = lower_heir(consumer->ring, group, inherited, error);
    if (code != 0)
        return code;
    ring_lock();
    handle_opened(&consumer->handle, consumer->ring, stop, consumer);
    ring_unlock();
    return 0;
}

static void close_handle(struct mring_consumer *consumer)
{
    ring_lock();
    handle_closed(&consumer->handle, consumer->ring);
    ring_unlock();
}

static void discard(struct mring_consumer *consumer)
{
    followers_drop(&consumer->followers, !consumer_stale(consumer));
    stages_close(consumer, !consumer_stale(consumer));
    if (consumer_stale(consumer))
        region_group_forked(&consumer->group.own); /* the entry's name is the parent's */
    else if (terms_by_join(&consumer->group.view.terms))
        life_unmark(consumer->ring->life, group_mark(&consumer->group.view));
    held_group_drop(&consumer->group);
    free(consumer->peers);
    free(consumer->suspects);
    free(consumer);
}

int mring_join(struct mring *ring, const char *group, const struct mring_join_options *options,
               struct mring_consumer **consumer)
{
    struct mring_error *error = options != NULL ? options->error : NULL;
    struct inherited *inherited = NULL;
    struct mring_consumer *made;
    struct wish wish;
    int code;

    if (ring == NULL || consumer == NULL)
        return -EINVAL;
    if (options != NULL && (code = check_size(options->size, sizeof(*options), "mring_join_options", NULL)) != 0)
        return code;
    code = check_name(group, "group", error);
    if (code != 0)
        return code;
    if (options != NULL && (code = check_waiting(options->wait, options->interval, error)) != 0)
        return code;
    code = read_wish(options, ring->region.view.capacity, &wish);
    if (code != 0)
        return code;
    if (options != NULL)
        code = stages_find(ring, group, options->after, options->after_count, &wish.terms.after, error);
    if (code != 0)
        return code;
    if (ring->role == MRING_INSPECT)
        return failure(error, -EACCES, 0, "this process has the ring for looking only: open it with MRING_CONSUME");
    made = calloc(1, sizeof(*made));
    if (made == NULL)
        return failure(error, -ENOMEM, 0, "no memory for a consumer handle");
    made->ring = ring;
    sleep_begin(&made->sleep, options != NULL ? options->wait : MRING_SPIN_THEN_SLEEP,
                options != NULL ? options->interval : 0);
    made->announced = UINT64_MAX;
    made->met = word_load(&ring->meetings);
    code = open_handle(made, group, &inherited, error);
    if (code == 0) {
        code = join(made, group, &wish, inherited, error);
        if (code == 0 && options != NULL && options->batch != 0 && options->batch < SHARED_BATCH_MAX)
            made->core.batch_max = options->batch;
        if (code != 0)
            close_handle(made);
    }
    inherited_close(inherited);
    if (code != 0) {
        discard(made);
        return code;
    }
    *consumer = made;
    return 0;
}

int mring_leave(struct mring_consumer *consumer)
{
    if (consumer == NULL)
        return 0;
    if (!consumer_stale(consumer)) {
        consumer_disarm(consumer);
        group_leave(&consumer->core);
        if (want_pending(&consumer->group.view))
            consumer_answer_want(consumer, GATE_NONE);
        consumer_answer_followers(consumer);
        /* It may have been woken for work that it leaves to others now. */
        if (consumer_look(consumer) > 0)
            consumer_wake_peer(consumer);
        for (uint32_t line = 0; line < consumer->group.view.members; line++)
            forget_sleeper(&consumer->peers[line]);
        forget_sleeper(&consumer->producer);
        sleep_finish(&consumer->sleep, true);
    }
    close_handle(consumer);
    discard(consumer);
    return 0;
}
