/*
 * The consumers' calls.
 *
 * A group of one goes by core/lone.h, a group of many by core/shared.h; which it is was fixed when the group was made. The path of
 * a message that is there, and its release, make no system call unless the producer waits for room.
 */
#include "core/group.h"
#include "core/lone.h"
#include "core/shared.h"

#include "core/gate.h"
#include "ring.h"
#include "wait/bell.h"
#include "wait/fence.h"
#include "wait/sleep.h"
#include "wakers.h"

#include <stdlib.h>
#include <string.h>

struct mring_consumer {
    struct consumer_core core;
    uint64_t last;   /* where the message begins that was handed out last, as long as it is held; else NOWHERE */
    uint64_t handed; /* messages; the counter in the line follows when there are no more at hand */
    bool lone;
    struct handle handle;
    struct mring *ring;
    uint64_t idle_want; /* the producer's wish as it was last answered for want of work */
    struct held_group group;
    struct known_sleeper *peers; /* one place per line */
    struct known_sleeper producer;
    struct sleeper_state sleep;
};

static inline bool stale(const struct mring_consumer *consumer)
{
    return consumer->handle.stale;
}

/* ---- wake-ups ---- */

/* The producer waits for room, and this group has made some: signal it once the gate is where it wants it. */
static void answer_want(struct mring_consumer *consumer, uint64_t gate)
{
    struct sleeper who = {SLEEPER_PRODUCER, 0, 0, 0};

    if (want_take(&consumer->group.view, gate, &who.owner))
        (void)wake_sleeper(consumer->ring->link, &consumer->producer, &who);
}

/* The group's own gate, as far as a member can tell: only to decide whether to wake the producer, who scans for itself. */
static uint64_t own_gate(const struct mring_consumer *consumer)
{
    fence_full(); /* this member's held before the others': the last of several that release at once sees all of them */
    return gate_of_group(&consumer->core.view, &consumer->group.view, 0, UINT64_MAX / 2);
}

/* There is more to do than this member took: wake one peer, who will do the same (one wake-up per batch). */
static void wake_peer(struct mring_consumer *consumer)
{
    bool more;
    int line = bell_take(&consumer->group.view, &more);

    if (line >= 0)
        wake_member(consumer->ring, &consumer->group.view, consumer->peers, line);
}

/* ---- messages ---- */

static inline void hand_out(struct mring_consumer *consumer, const struct record *record, struct mring_message *message)
{
    message->data = record->data;
    message->length = record_length(record->header);
    message->tag = record_tag(record->header);
    message->position = record->position;
    consumer->last = record->position;
    consumer->handed++;
}

/* Nothing was found: is it the end? */
static int nothing(const struct mring_consumer *consumer)
{
    const struct consumer_core *core = &consumer->core;
    uint64_t position = consumer->lone ? core->position : shared_position(core);

    if (!consumer_core_ended(core, position))
        return 0;
    /* Records that a member left behind are still to be adopted. */
    return !consumer->lone && word_load(&core->group.page->orphans) != 0 ? 0 : -EPIPE;
}

/* The batch is handed out: claim the next. 1, 0, or -errno. */
static int claim(struct mring_consumer *consumer)
{
    struct consumer_core *core = &consumer->core;
    int code;

    if (core->position == core->limit && consumer_core_holds(core))
        return -EBUSY;
    code = shared_claim(core);
    /* Trying holds the gate at the position tried: whoever released meanwhile could not answer. */
    if (__builtin_expect(want_pending(&core->group), 0))
        answer_want(consumer, own_gate(consumer));
    if (code == 1 && bell_sleepers(&core->group) && core->limit < word_load(&core->view.page->tail))
        wake_peer(consumer);
    return code;
}

/*
 * A lone member that polls, has nothing to do and keeps what it was handed may never release as much as the producer wished for to
 * be left asleep. It answers each wish once: one that comes again was met with less room than is needed.
 */
static void answer_idle(struct mring_consumer *consumer)
{
    uint64_t want = want_gate(&consumer->core.group);

    if (want == 0 || want == consumer->idle_want)
        return;
    consumer->idle_want = want;
    answer_want(consumer, GATE_NONE);
}

/* Bring the counter in the line up to date. The producer reads that line: one who polls in vain must not take it away each time. */
static void count_handed(const struct mring_consumer *consumer)
{
    struct word *messages = &consumer->core.line->messages;

    if (word_load(messages) != consumer->handed)
        word_store(messages, consumer->handed);
}

/* The next record, whatever it takes: 1, 0, or -errno. */
static int next(struct mring_consumer *consumer, struct record *record)
{
    int code;

    if (consumer_core_take(&consumer->core, record))
        return 1;
    count_handed(consumer);
    code = consumer->lone ? lone_refill(&consumer->core) : claim(consumer);
    if (code == 1)
        return consumer_core_take(&consumer->core, record) ? 1 : -EBADMSG;
    if (code != 0)
        return code;
    if (consumer->lone)
        answer_idle(consumer);
    return nothing(consumer);
}

/* As in producer.c, the call for each message is a leaf as long as there is one at hand. */
static __attribute__((noinline)) int next_slowly(struct mring_consumer *consumer, struct mring_message *message)
{
    struct record record;
    int code;

    if (stale(consumer))
        return -ESTALE;
    code = next(consumer, &record);
    if (code == 1)
        hand_out(consumer, &record, message);
    return code;
}

int mring_next(struct mring_consumer *consumer, struct mring_message *message)
{
    struct record record;

    if (__builtin_expect(!consumer_core_take(&consumer->core, &record), 0))
        return next_slowly(consumer, message);
    hand_out(consumer, &record, message);
    return 1;
}

int mring_next_batch(struct mring_consumer *consumer, struct mring_message *messages, int count)
{
    struct record record;
    int filled = 0;
    int code;

    if (stale(consumer))
        return -ESTALE;
    if (count < 1)
        return -EINVAL;
    code = next(consumer, &record);
    if (code != 1)
        return code;
    do
        hand_out(consumer, &record, &messages[filled++]);
    while (filled < count && consumer_core_take(&consumer->core, &record));
    return filled;
}

/* Room was made, and the producer waits for some. Always 0, for the calls that end with it. */
static __attribute__((noinline)) int tell_producer(struct mring_consumer *consumer)
{
    const struct consumer_core *core = &consumer->core;

    /* The gate is not above what this member still holds: if that is short of the wish, a later release will answer it. */
    if (core->held >= want_gate(&core->group) || core->held == core->batch_end)
        answer_want(consumer, own_gate(consumer));
    return 0;
}

/* Something was released: does the producer wait for it? 0. */
static inline int released(struct mring_consumer *consumer)
{
    return __builtin_expect(want_pending(&consumer->core.group), 0) ? tell_producer(consumer) : 0;
}

/* Release everything below `end`. 0. */
static int release(struct mring_consumer *consumer, uint64_t end)
{
    if (end == consumer->core.position)
        consumer->last = NOWHERE;
    shared_release(&consumer->core, end); /* without a batch, a lone member's too */
    return released(consumer);
}

/* One of several that are held, or the last of a batch. */
static __attribute__((noinline)) int release_any(struct mring_consumer *consumer, const struct mring_message *message)
{
    const struct consumer_core *core = &consumer->core;
    uint64_t begin = message->position;
    uint64_t end = begin + record_size(message->length, core->view.alignment);

    if (stale(consumer))
        return -ESTALE;
    if (begin < core->held || end > core->position || begin >= end || (end & (core->view.alignment - 1)) != 0)
        return -EINVAL;
    return release(consumer, end);
}

int mring_release(struct mring_consumer *consumer, const struct mring_message *message)
{
    uint64_t end = consumer->core.position;

    if (__builtin_expect(message->position != consumer->last || end == consumer->core.batch_end, 0))
        return release_any(consumer, message);
    consumer->last = NOWHERE;
    consumer_core_release(&consumer->core, end);
    return released(consumer);
}

int mring_recv(struct mring_consumer *consumer, void *buffer, size_t size, struct mring_message *message)
{
    struct record record;
    int code;

    if (stale(consumer))
        return -ESTALE;
    if (consumer_core_holds(&consumer->core))
        return -EINVAL;
    code = next(consumer, &record);
    if (code != 1)
        return code;
    if (record_length(record.header) > size) {
        message->length = record_length(record.header);
        consumer->core.position = record.position;
        return -EMSGSIZE;
    }
    hand_out(consumer, &record, message);
    if (message->length != 0)
        memcpy(buffer, message->data, message->length);
    message->data = buffer;
    (void)release(consumer, consumer->core.position);
    return 1;
}

/* ---- waiting ---- */

static int look_for_messages(void *context)
{
    const struct mring_consumer *consumer = context;
    const struct consumer_core *core = &consumer->core;

    if (core->position < core->limit)
        return 1;
    if (consumer->lone) {
        if (word_load_acquire(record_at(&core->view, core->position)) != 0) /* [HEADER] */
            return 1;
    } else if (word_load(&core->group.page->orphans) != 0 ||
               shared_position(core) != word_load_acquire(&core->view.page->tail)) { /* [TAIL] */
        return 1;
    }
    return nothing(consumer);
}

static void announce_member(void *context)
{
    struct mring_consumer *consumer = context;

    /* What this member has not released it will not release while it sleeps: a waiting producer better looks for itself. */
    if (want_pending(&consumer->core.group))
        answer_want(consumer, GATE_NONE);
    bell_announce(&consumer->core.view, &consumer->core.group, consumer->core.line_index);
}

static unsigned withdraw_member(void *context)
{
    struct mring_consumer *consumer = context;

    return bell_withdraw(&consumer->core.group, consumer->core.line_index) ? 0 : 1;
}

static void pass_on(void *context)
{
    wake_peer(context);
}

/*
 * Everybody who publishes, or releases what this one waits for, has registered: the producer of this epoch. Without one there is
 * nobody to miss; a new one passes a full fence before its first publication (R15).
 */
static bool producer_reachable(void *context)
{
    const struct producer_page *page = ((const struct mring_consumer *)context)->core.view.page;
    uint64_t epoch = word_load_acquire(&page->epoch);

    return owner_life(epoch) == 0 || word_load_acquire(&page->fenced) == epoch; /* [FENCED] */
}

static bool publish_semaphore(void *context, semaphore_t semaphore)
{
    const struct mring_consumer *consumer = context;
    struct sleeper who = {consumer->group.view.index, consumer->core.line_index, consumer->group.view.incarnation,
                          consumer->core.owner};

    return meet_put_semaphore(consumer->ring->link, &who, semaphore) == 0;
}

/* A second without a message: does the producer live? */
static int producer_verdict(void *context)
{
    const struct mring_consumer *consumer = context;
    uint64_t epoch = word_load_acquire(&consumer->core.view.page->epoch);

    if (owner_life(epoch) == 0 || life_alive(consumer->ring->life, owner_life(epoch)))
        return 0;
    return -EOWNERDEAD;
}

static void count_sleep(void *context)
{
    struct member_line *line = ((struct mring_consumer *)context)->core.line;

    word_add_own(&line->sleeps, 1);
}

static void count_rescue(void *context)
{
    struct member_line *line = ((struct mring_consumer *)context)->core.line;

    word_add_own(&line->rescued, 1);
}

static const struct sleep_side consumer_side = {
    .look = look_for_messages,
    .announce = announce_member,
    .withdraw = withdraw_member,
    .pass_on = pass_on,
    .reachable = producer_reachable,
    .publish = publish_semaphore,
    .verdict = producer_verdict,
    .count_sleep = count_sleep,
    .count_rescue = count_rescue,
};

int mring_consumer_wait(struct mring_consumer *consumer, int64_t timeout)
{
    if (stale(consumer))
        return -ESTALE;
    return sleep_until(&consumer->sleep, &consumer_side, consumer, timeout);
}

int mring_consumer_wake(struct mring_consumer *consumer)
{
    if (stale(consumer))
        return -ESTALE;
    sleep_wake(&consumer->sleep);
    return 0;
}

/* ---- joining and leaving ---- */

static bool alive(void *context, uint64_t number)
{
    return life_alive(((struct mring *)context)->life, number);
}

/* The index of a live declared group in the ring's own table, or -1. With the lock held. */
static int find_declared(struct mring *ring, const char *name)
{
    for (uint32_t index = 0; index < LAYOUT_GROUPS; index++) {
        const struct region_group *group = ring_group(ring, index);

        if (group != NULL && group->view.kind == GROUP_DECLARED &&
            strncmp(ring->region.view.directory[index].name, name, LAYOUT_NAME) == 0)
            return (int)index;
    }
    return -1;
}

/* A forked child needs no broker to join a declared group: it has the group's words already. 1: done; 0: not such a group. */
static int join_inherited(struct mring *ring, const char *name, struct held_group *group, int *line)
{
    int index;

    ring_lock();
    index = find_declared(ring, name);
    ring_unlock();
    if (index < 0 || !held_group_borrow(ring, (uint32_t)index, group))
        return 0;
    *line = group_occupy(&ring->region.view, &group->view, life_number(ring->life), alive, ring);
    return *line < 0 ? *line : 1;
}

/* One per join of this process, which may have several handles of one ring. */
static uint64_t next_ticket(void)
{
    static uint64_t last;
    uint64_t ticket;

    ring_lock();
    ticket = ++last;
    ring_unlock();
    return ticket;
}

/* It failed here. The broker may have given a place all the same: its answer came too late, or there was no room for it. */
static void undo_join(struct mring *ring, const struct join_request *request)
{
    if (ring->broker != NULL)
        (void)serve_unjoin(ring, request);
    else
        meet_unjoin(ring->link, request);
}

static int join_by_broker(struct mring *ring, const char *name, unsigned members, struct held_group *group, int *line,
                          struct mring_error *error)
{
    struct join_request request;
    struct group_reply reply;
    int code;

    memset(&request, 0, sizeof(request));
    memcpy(request.name, name, strlen(name));
    request.members = members;
    request.life = life_number(ring->life);
    request.ticket = next_ticket();
    code = ring->broker != NULL ? serve_join(ring, &request, &reply) : meet_join(ring->link, &request, &reply, error);
    if (code == 0)
        code = held_group_open(&reply, group, error);
    if (code != 0)
        undo_join(ring, &request);
    *line = code == 0 ? (int)reply.line : -1;
    return code;
}

static const char *join_trouble(int code)
{
    switch (code) {
    case -EUSERS:
        return "all its places are taken by living members; who makes the group says how many it has";
    case -ENOSPC:
        return "the ring has as many groups as it can have";
    case -E2BIG:
        return "the ring has no room for that many members more";
    case -EPIPE:
        return "the process that made the ring is gone";
    case -ETIMEDOUT:
        return "the process that made the ring does not answer; is it stopped?";
    default:
        return mring_strerror(code);
    }
}

static int join(struct mring_consumer *consumer, const char *name, unsigned members, struct mring_error *error)
{
    struct mring *ring = consumer->ring;
    struct held_group *group = &consumer->group;
    int line = -1;
    int code = join_inherited(ring, name, group, &line);

    if (code == 0)
        code = join_by_broker(ring, name, members, group, &line, error);
    if (code < 0)
        return failure(error, code, 0, "group \"%s\" cannot be joined: %s", name, join_trouble(code));
    if ((uint32_t)line >= group->view.members)
        return failure(error, -EPROTO, 0, "the broker gave place %d of %u in group \"%s\"", line, group->view.members,
                       name);
    code = group_enter(&consumer->core, &ring->region.view, &group->view, (uint32_t)line);
    if (code != 0) {
        group_give_back(&group->view, (uint32_t)line);
        return failure(error, code, 0, "the words of group \"%s\" are damaged", name);
    }
    consumer->lone = group->view.members == 1;
    consumer->peers = calloc(group->view.members, sizeof(*consumer->peers));
    if (consumer->peers == NULL) {
        group_leave(&consumer->core);
        return failure(error, -ENOMEM, 0, "no memory for a member of a group of %u", group->view.members);
    }
    if (fence_register())
        word_store_release(&consumer->core.line->fenced, consumer->core.owner); /* [FENCED] */
    fence_full();                                                               /* R15: before the first release */
    return 0;
}

/* A forked child that consumes can do no harm to what it reads: its right to write there ends here. */
static int lower(struct mring *ring, struct mring_error *error)
{
    if (ring->broker != NULL || ring->producing || !ring->region.writable || ring->region.ring != MACH_PORT_NULL)
        return 0;
    return region_lower(&ring->region, error);
}

/* In a forked child: nothing is at hand any more, and nothing held. */
static void stop_forked(struct handle *handle)
{
    struct mring_consumer *consumer =
        (struct mring_consumer *)(void *)((unsigned char *)handle - offsetof(struct mring_consumer, handle));

    consumer->core.limit = consumer->core.position;
    consumer->last = NOWHERE;
}

static int open_handle(struct mring_consumer *consumer, struct mring_error *error)
{
    struct mring *ring = consumer->ring;
    int code;

    ring_lock();
    code = ring_arrive(ring, error);
    if (code == 0)
        code = lower(ring, error);
    if (code == 0) {
        ring->handles++;
        handle_opened(&consumer->handle, stop_forked);
    }
    ring_unlock();
    return code;
}

static void close_handle(struct mring_consumer *consumer)
{
    ring_lock();
    handle_closed(&consumer->handle);
    if (!stale(consumer))
        consumer->ring->handles--;
    ring_unlock();
}

static void discard(struct mring_consumer *consumer)
{
    if (stale(consumer))
        region_group_forked(&consumer->group.own); /* the entry's name is the parent's */
    held_group_drop(&consumer->group);
    free(consumer->peers);
    free(consumer);
}

int mring_join(struct mring *ring, const char *group, const struct mring_join_options *options,
               struct mring_consumer **consumer)
{
    struct mring_error *error = options != NULL ? options->error : NULL;
    struct mring_consumer *made;
    int code;

    if (ring == NULL || consumer == NULL)
        return -EINVAL;
    if (options != NULL && (code = check_size(options->size, sizeof(*options), "mring_join_options", NULL)) != 0)
        return code;
    code = check_name(group, "group", error);
    if (code != 0)
        return code;
    if (options != NULL && options->members > LAYOUT_MEMBERS)
        return failure(error, -E2BIG, 0, "%u members: a ring has at most %d", options->members, LAYOUT_MEMBERS);
    made = calloc(1, sizeof(*made));
    if (made == NULL)
        return failure(error, -ENOMEM, 0, "no memory for a consumer handle");
    made->ring = ring;
    made->last = NOWHERE;
    code = open_handle(made, error);
    if (code == 0) {
        code = join(made, group, options != NULL ? options->members : 0, error);
        if (code == 0 && options != NULL && options->batch != 0 && options->batch < SHARED_BATCH_MAX)
            made->core.batch_max = options->batch;
        if (code != 0)
            close_handle(made);
    }
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
    if (!stale(consumer)) {
        count_handed(consumer);
        group_leave(&consumer->core);
        if (want_pending(&consumer->group.view))
            answer_want(consumer, GATE_NONE);
        /* It may have been woken for work that it leaves to others now. */
        if (look_for_messages(consumer) > 0)
            wake_peer(consumer);
        for (uint32_t line = 0; line < consumer->group.view.members; line++)
            forget_sleeper(&consumer->peers[line]);
        forget_sleeper(&consumer->producer);
        sleep_finish(&consumer->sleep, true);
    }
    close_handle(consumer);
    discard(consumer);
    return 0;
}
