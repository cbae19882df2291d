/*
 * The producer's calls.
 *
 * The path of a message that finds room and nobody asleep is producer_core's alone: no lock, no system call. Short of room, the groups
 * are scanned; new groups that the directory shows are mapped first, so that none is missed by the gate.
 *
 * One produces at a time. `epoch` names its life. Who wants to be the next asks whether that has ended, and puts its own there by compare-and-swap
 * over the very value that was judged [EPOCH]: of several, one wins. What the one before has written is seen: a dead one's by the kernel's
 * verdict, behind which nothing of it is still under way; of one who closed, as its last store, a release, takes its life out of the word, and
 * who wins acquires that. Who looks at what a dead one left, and does not win, looks at the word once more behind it: as long as it is the
 * same there was no successor (core/inspect.c).
 */
#include "producer.h"

#include "check.h"
#include "meet/clock.h"
#include "wait/bell.h"
#include "wait/fence.h"

#include <stdlib.h>
#include <string.h>

enum {
    BACK_OFF = 500,                /* pauses between scans */
    BACK_OFF_PAUSE = 512,          /* bytes of the ring for each, at least: else it would be empty for long */
    RETRY_AFTER = 10 * 1000 * 1000 /* ns: a group that could not be mapped is not asked for more often */
};

/* ---- the groups ---- */

static void drop_group(struct mring_producer *producer, uint32_t index)
{
    struct held_group *group = &producer->group[index];

    for (uint32_t line = 0; group->view.page != NULL && line < group->view.members; line++)
        forget_sleeper(&producer->known[index][line]);
    free(producer->known[index]);
    producer->known[index] = NULL;
    held_group_drop(group);
    producer->mapped &= ~(UINT64_C(1) << index);
    producer->turns[index] = (struct wild_turns){0};
    producer->cut_off &= ~(UINT64_C(1) << index);
    producer->watch[index] = (struct gate_watch){0};
}

/* A live group's entry: from the ring's own table, or else from the broker. */
static bool adopt_group(struct mring_producer *producer, uint32_t index)
{
    struct held_group *group = &producer->group[index];
    const uint64_t bit = UINT64_C(1) << index;
    struct group_reply reply;

    if (!held_group_borrow(producer->ring, index, group) &&
        (meet_group(producer->ring->link, NULL, index, &reply) != 0 ||
         held_group_open(&producer->core.view, &reply, group, NULL) != 0))
        return false;
    producer->known[index] = calloc(group->view.members, sizeof(struct known_sleeper));
    if (producer->known[index] == NULL) {
        held_group_drop(group);
        return false;
    }
    producer->mapped |= bit;
    if (producer_cut_already(producer, index))
        producer->cut_off |= bit;
    return true;
}

/* Bring the private list of groups in step with the directory. */
static void read_directory(struct mring_producer *producer)
{
    struct producer_page *page = producer->core.view.page;
    uint64_t version = word_load_acquire(&page->directory_version); /* [VERSION] */
    uint64_t live;

    if (version == producer->directory_version && (!producer->behind || clock_left(producer->retry) > 0))
        return;
    live = word_load_acquire(&page->groups); /* [GROUP] */
    producer->behind = false;
    for (uint32_t index = 0; index < LAYOUT_GROUPS; index++) {
        bool lives = (live >> index & 1) != 0;
        const struct group_view *group = &producer->group[index].view;

        if (group->page != NULL &&
            (!lives || word_load(&producer->core.view.directory[index].incarnation) != group->incarnation))
            drop_group(producer, index);
        if (lives && group->page == NULL && !adopt_group(producer, index))
            producer->behind = true;
    }
    producer->directory_version = version;
    if (producer->behind)
        producer->retry = clock_deadline(RETRY_AFTER);
    ring_keep_up(producer->ring);
}

/* ---- room ---- */

/* Live groups that are not mapped: what they may still read cannot be known. */
static uint64_t unmapped(const struct mring_producer *producer)
{
    return word_load_acquire(&producer->core.view.page->groups) & ~producer->mapped; /* [GROUP] */
}

uint64_t producer_scan(struct mring_producer *producer)
{
    struct producer_core *core = &producer->core;
    const uint64_t tail = producer_core_tail(core);
    uint64_t gate = tail;

    fence_full(); /* [VERSION] [HELD]: groups made live before their makers read the gate are seen below: core/group.h */
    read_directory(producer);
    producer->scanned = core->gate;
    producer->keepers = producer->behind ? unmapped(producer) : 0;
    producer->awaits = false;
    if (producer->behind)
        return core->gate;
    for (uint64_t left = producer_served(producer); left != 0; left &= left - 1) {
        const uint32_t index = (uint32_t)__builtin_ctzll(left);
        const uint64_t bit = UINT64_C(1) << index;
        uint64_t of_group;

        if (!producer_awaits(producer, index))
            continue;
        of_group = gate_look(&core->view, &producer->group[index].view, core->gate, tail, &producer->watch[index]);
        producer->awaits |= of_group <= tail;
        if (of_group == GATE_BROKEN)
            producer_cut_off(producer, index);
        else if (of_group == gate && gate < tail)
            producer->keepers |= bit;
        if (of_group < gate) {
            gate = of_group;
            producer->keepers = bit;
        }
    }
    if (producer->cut_off != 0)
        producer_cut_followers(producer);
    producer->scanned = gate;
    return gate;
}

void producer_back_off(const struct mring_producer *producer)
{
    const uint64_t most = producer->core.view.capacity / BACK_OFF_PAUSE;

    for (uint64_t left = most < BACK_OFF ? most : BACK_OFF; left > 0; left--)
        pause_cpu();
}

static bool directory_changed(const struct mring_producer *producer)
{
    return word_load_acquire(&producer->core.view.page->directory_version) !=
           producer->directory_version; /* [VERSION] */
}

/* After a scan that gained a quarter of the ring there is no need to back off. */
void producer_rescan(struct mring_producer *producer)
{
    struct producer_core *core = &producer->core;
    uint64_t gate;

    if (core->last_gain < core->view.capacity / 4)
        producer_back_off(producer);
    gate = producer_scan(producer);
    /* A group that had ended already is cleared away when it is asked for: of it, that scan need not have said that nothing is known. */
    if (producer->behind && directory_changed(producer))
        gate = producer_scan(producer);
    producer_core_tell_gate(core, gate);
    if (directory_changed(producer)) {
        uint64_t again = producer_scan(producer);

        gate = again < gate ? again : gate;
    }
    producer_core_advance(core, gate);
    owned_followed(&core->owned, producer->awaits ? producer_core_tail(core) - core->gate : OWNED_NOBODY);
}

/* ---- wake-ups ---- */

/* This line's sleeper was taken. */
static unsigned ring_member(struct mring_producer *producer, uint32_t index, int line)
{
    const unsigned woken =
        wake_member(producer->ring, &producer->group[index], producer->known[index], &producer->turns[index], line);

    producer_count_wakeups(producer, woken);
    return woken;
}

/* Somebody sleeps: one member per group that rings, or all of them. Always 0, for the calls that end with it. */
static __attribute__((noinline)) int answer(struct mring_producer *producer, uint64_t bell)
{
    const int64_t began = clock_now();
    unsigned woken = 0;

    fence_load(); /* [BELL]: the bell before the directory: a group that rings was live before */
    read_directory(producer);
    for (; bell != 0; bell &= bell - 1) {
        uint32_t index = (uint32_t)__builtin_ctzll(bell);
        const struct group_view *group = &producer->group[index].view;
        int line;

        if (!producer_serves(producer, index)) {
            if (!producer->behind) /* else it may ring for a group that will be mapped later */
                (void)word_take_bit(&producer->core.view.doorbell->groups, index); /* [BELL] */
            continue;
        }
        if (group->terms.after != 0) { /* it has no bell: somebody rings in vain */
            (void)word_take_bit(&producer->core.view.doorbell->groups, index); /* [BELL] */
            continue;
        }
        if (wild_enough(&producer->turns[index]))
            continue;
        line = bell_answer(&producer->core.view, group);
        if (line >= 0)
            woken += ring_member(producer, index, line);
    }
    producer_say_nap(producer, woken, began);
    return 0;
}

static void answer_all(struct mring_producer *producer)
{
    fence_full(); /* [END] [SLEEP]: who is announced too late to be seen here looks behind its own fence, and sees the end */
    read_directory(producer);
    for (uint64_t left = producer_served(producer); left != 0; left &= left - 1) {
        const uint32_t index = (uint32_t)__builtin_ctzll(left);
        const struct group_view *group = &producer->group[index].view;
        bool more = true;

        /* Each at most once: who comes to sleep meanwhile sees the end by itself, and a hostile one comes for ever. */
        for (uint32_t turns = group->members; more && turns > 0; turns--) {
            int line = bell_take(group, &more);

            if (line >= 0)
                (void)ring_member(producer, index, line);
        }
    }
}

/* After a publication, with the doorbell as it was read. 0. */
static inline int heed(struct mring_producer *producer, uint64_t bell)
{
    return __builtin_expect(bell != 0, 0) ? answer(producer, bell) : 0;
}

int producer_publish(struct mring_producer *producer)
{
    return heed(producer, producer_core_publish(&producer->core));
}

/* ---- messages ---- */

/* No room by the cached gate for a record that ends there. 0: there is now. */
static __attribute__((noinline)) int find_room(struct mring_producer *producer, uint64_t next)
{
    struct producer_core *core = &producer->core;

    if (producer->ended)
        return -EPIPE;
    if (producer_core_finds_room(core, next))
        return 0;
    (void)producer_publish(producer); /* R16: what is committed may be just what the consumers need to go on */
    producer_rescan(producer);
    core->refused = producer_core_finds_room(core, next) ? 0 : next;
    if (core->refused != 0)
        producer_look_for_dead(producer);
    return core->refused == 0 ? 0 : -EAGAIN;
}

/* Room for `length` bytes: 0 and the place, or -errno. */
static int find_place(struct mring_producer *producer, size_t length, struct place *place)
{
    if (producer_stale(producer))
        return -ESTALE;
    if (length > producer->core.message_max)
        return -EMSGSIZE;
    *place = producer_core_place(&producer->core, length);
    if (producer_core_fits(&producer->core, place->next))
        return 0;
    return find_room(producer, place->next);
}

/*
 * The calls below that carry messages are short of instructions, not of memory, when messages are small. So each is a leaf as long as
 * there is room and nobody sleeps: whatever else there is to do is another function, called last, for which no register need be
 * saved on the way.
 */

static __attribute__((noinline)) int reserve_slowly(struct mring_producer *producer, size_t length, void **where)
{
    struct place place;
    int code = find_place(producer, length, &place);

    if (code != 0)
        return code;
    producer_core_reserve(&producer->core, place.next, (uint32_t)length);
    *where = place_payload(place);
    return 0;
}

int mring_reserve(struct mring_producer *producer, size_t length, void **where)
{
    struct producer_core *core = &producer->core;
    struct place place = producer_core_place(core, length);

    if (__builtin_expect(length > core->message_max || !producer_core_fits(core, place.next), 0))
        return reserve_slowly(producer, length, where);
    producer_core_reserve(core, place.next, (uint32_t)length);
    *where = place_payload(place);
    return 0;
}

int mring_commit(struct mring_producer *producer, size_t length, uint32_t tag)
{
    struct producer_core *core = &producer->core;

    if (core->reserved_at != core->position || length > core->reserved)
        return producer_stale(producer) ? -ESTALE : -EINVAL;
    producer_core_commit(core, producer_core_place(core, length), (uint32_t)length, tag);
    return 0;
}

/* With what was committed before. */
static __attribute__((noinline)) int publish_all(struct mring_producer *producer, size_t length, uint32_t tag)
{
    struct producer_core *core = &producer->core;

    return heed(producer, producer_core_send(core, producer_core_place(core, length), (uint32_t)length, tag));
}

int mring_publish(struct mring_producer *producer, size_t length, uint32_t tag)
{
    struct producer_core *core = &producer->core;
    const struct place place = producer_core_place(core, length);

    if (__builtin_expect(core->reserved_at != core->position || length > core->reserved, 0))
        return producer_stale(producer) ? -ESTALE : -EINVAL;
    if (__builtin_expect(core->first_header != 0, 0))
        return publish_all(producer, length, tag);
    return heed(producer, producer_core_send_alone(core, place, (uint32_t)length, tag));
}

int mring_flush(struct mring_producer *producer)
{
    return producer_stale(producer) ? -ESTALE : producer_publish(producer);
}

static __attribute__((noinline)) int send_any(struct mring_producer *producer, const void *data, size_t length,
                                              uint32_t tag)
{
    struct place place;
    int code = find_place(producer, length, &place);

    if (code != 0)
        return code;
    if (length != 0)
        memcpy(place_payload(place), data, length);
    return heed(producer, producer_core_send(&producer->core, place, (uint32_t)length, tag));
}

int mring_send(struct mring_producer *producer, const void *data, size_t length, uint32_t tag)
{
    struct producer_core *core = &producer->core;
    struct place place = producer_core_place(core, length);

    /* 8 to 16 bytes go as two pieces that may overlap: a call of memcpy costs as much as all the rest. */
    if (__builtin_expect(length - 8 > 8 || core->first_header != 0 || !producer_core_fits(core, place.next), 0))
        return send_any(producer, data, length, tag);
    memcpy(place_payload(place), data, 8);
    memcpy((unsigned char *)place_payload(place) + length - 8, (const unsigned char *)data + length - 8, 8);
    return heed(producer, producer_core_send_alone(core, place, (uint32_t)length, tag));
}

int mring_sendv(struct mring_producer *producer, const struct iovec *pieces, int count, uint32_t tag)
{
    size_t length = 0;
    struct place place;
    unsigned char *at;
    int code;

    if (count < 0 || (count > 0 && pieces == NULL))
        return -EINVAL;
    for (int piece = 0; piece < count; piece++)
        if (__builtin_add_overflow(length, pieces[piece].iov_len, &length))
            return -EINVAL;
    code = find_place(producer, length, &place);
    if (code != 0)
        return code;
    at = place_payload(place);
    for (int piece = 0; piece < count; piece++) {
        if (pieces[piece].iov_len != 0)
            memcpy(at, pieces[piece].iov_base, pieces[piece].iov_len);
        at += pieces[piece].iov_len;
    }
    return heed(producer, producer_core_send(&producer->core, place, (uint32_t)length, tag));
}

/* ---- beginning and end ---- */

/* Win the epoch: one word says who produces, and a verdict on its life whether it still does. */
static int win_epoch(struct mring_producer *producer, struct mring_error *error)
{
    struct mring *ring = producer->ring;
    struct word *epoch = &ring->region.view.page->epoch;
    uint64_t seen = word_load_acquire(epoch); /* [EPOCH] */

    if (word_load_acquire(&ring->region.view.page->ended) != 0) /* [END] */
        return failure(error, -EPIPE, 0, "the stream of this ring is complete");
    if (ring->producing || (owner_life(seen) != 0 && life_alive(ring->life, owner_life(seen))))
        return failure(error, -EBUSY, 0, "the ring has a producer, and it lives: it must close its handle first");
    producer->epoch = owner_next(seen, life_number(ring->life));
    if (!word_cas(epoch, seen, producer->epoch)) /* [EPOCH] */
        return failure(error, -EBUSY, 0, "another process has just become the producer");
    return 0;
}

/* Nothing fits, and no reservation is good any more: who asks for room is told why. */
static void stop(void *context)
{
    struct producer_core *core = &((struct mring_producer *)context)->core;

    core->reserved_at = NOWHERE;
    core->limit = 0;
}

static int begin(struct mring_producer *producer, struct mring_error *error)
{
    struct producer_page *page = producer->ring->region.view.page;
    int code = win_epoch(producer, error);

    if (code != 0)
        return code;
    if (fence_register())
        word_store_release(&page->fenced, producer->epoch); /* [FENCED] */
    fence_full();                                           /* [FENCED], R15: before the first publication */
    code = producer_core_start(&producer->core, &producer->ring->region.view);
    if (code != 0) {
        word_store_release(&page->epoch, owner_next(producer->epoch, 0)); /* [EPOCH] */
        return failure(error, code, 0, "the records behind the ring's tail are damaged");
    }
    producer->ring->producing = true;
    handle_opened(&producer->handle, producer->ring, stop, producer);
    return 0;
}

int mring_producer(struct mring *ring, struct mring_producer **producer, const struct mring_producer_options *options)
{
    struct mring_error *error = options != NULL ? options->error : NULL;
    struct mring_producer *made;
    int code;

    if (ring == NULL || producer == NULL)
        return -EINVAL;
    if (options != NULL && (code = check_size(options->size, sizeof(*options), "mring_producer_options", NULL)) != 0)
        return code;
    if (options != NULL && (code = check_waiting(options->wait, options->interval, error)) != 0)
        return code;
    if (ring->role != MRING_PRODUCE || !ring->region.writable)
        return failure(
            error, -EACCES, 0,
            "this process has the ring for consuming only: open it with MRING_PRODUCE, or, in a forked child, "
            "produce before the first join");
    made = calloc(1, sizeof(*made));
    if (made == NULL)
        return failure(error, -ENOMEM, 0, "no memory for a producer handle");
    made->ring = ring;
    made->behind = true;
    made->asked_at = NOWHERE;
    sleep_begin(&made->sleep, options != NULL ? options->wait : MRING_SPIN_THEN_SLEEP,
                options != NULL ? options->interval : 0);
    made->met = word_load(&ring->meetings);
    code = ring_enter(ring, error);
    if (code == 0) {
        code = begin(made, error);
        ring_unlock();
    }
    if (code != 0) {
        free(made);
        return code;
    }
    producer_meet(made);
    producer_rescan(made);
    *producer = made;
    return 0;
}

int mring_end(struct mring_producer *producer)
{
    struct producer_page *page = producer->core.view.page;

    if (producer_stale(producer))
        return -ESTALE;
    (void)producer_publish(producer);
    word_store_release(&page->ended, producer_core_tail(&producer->core) + 1); /* [END] */
    producer->ended = true; /* of which the path of a message need not know */
    stop(producer);
    answer_all(producer);
    return 0;
}

int mring_producer_close(struct mring_producer *producer)
{
    bool mine;

    if (producer == NULL)
        return 0;
    mine = !producer_stale(producer);
    if (mine) {
        (void)producer_publish(producer);
        for (uint32_t index = 0; index < LAYOUT_GROUPS; index++)
            drop_group(producer, index);
    }
    ring_lock();
    handle_closed(&producer->handle, producer->ring);
    if (mine) {
        word_store_release(&producer->core.view.page->epoch, owner_next(producer->epoch, 0)); /* [EPOCH] */
        producer->ring->producing = false;
    }
    ring_unlock();
    if (!mine) {
        /* The names in these are the parent's. */
        for (uint32_t index = 0; index < LAYOUT_GROUPS; index++) {
            region_group_forked(&producer->group[index].own);
            held_group_drop(&producer->group[index]);
            free(producer->known[index]);
        }
    }
    sleep_finish(&producer->sleep, mine);
    free(producer);
    return 0;
}
