/*
 * The path of messages to consumers.
 *
 * A group of one goes by core/lone.h, a group of many by core/shared.h; which it is was fixed when the group was made. The path of
 * a message that is there, and its release, make no system call unless the producer waits for room.
 */
#include "consumer.h"

#include "check.h"
#include "core/gate.h"
#include "core/lone.h"
#include "core/lossy.h"
#include "core/shared.h"
#include "core/stage.h"
#include "meet/clock.h"
#include "mring_inline.h"
#include "stages.h"
#include "wait/await.h"
#include "wait/bell.h"

#include <string.h>

enum { LOOK_EVERY = 250 * 1000 * 1000, MOMENT = 2000 /* ns */ };

/* ---- wake-ups ---- */

/* In its own line as long as that is its own: who leaves wakes others for what it leaves behind. */
static void count_wakeups(const struct mring_consumer *consumer, unsigned sent)
{
    struct member_line *line = consumer->core.line;

    if (sent != 0 && word_load(&line->owner) == consumer->core.owner)
        word_add_own(&line->wakeups, sent);
}

void consumer_answer_want(struct mring_consumer *consumer, uint64_t gate)
{
    struct sleeper who = {.group = SLEEPER_PRODUCER};

    if (want_take(&consumer->group.view, gate, &who.owner) &&
        wake_sleeper(consumer->ring->link, &consumer->producer, &who))
        count_wakeups(consumer, 1);
}

/* The group's own gate, as far as a member can tell: only to decide whether to wake somebody, who looks for itself. */
static uint64_t own_gate(const struct mring_consumer *consumer)
{
    fence_full(); /* [HELD]: its own before the others': the last of several that release at once sees all of them */
    return gate_of_group(&consumer->core.view, &consumer->group.view, 0, UINT64_MAX / 2);
}

static inline uint64_t awaited_by(const struct mring_consumer *consumer)
{
    fence_compiler(); /* [AWAIT] */
    return word_load(consumer->core.awaited);
}

void consumer_answer_followers(struct mring_consumer *consumer)
{
    uint64_t awaited = awaited_by(consumer);

    if (__builtin_expect(awaited != 0, 0))
        count_wakeups(consumer, followers_answer(consumer, awaited, own_gate(consumer)));
}

void consumer_wake_peer(struct mring_consumer *consumer)
{
    bool more;
    int line = bell_take(&consumer->group.view, &more);

    if (line >= 0)
        count_wakeups(consumer, wake_member(consumer->ring, &consumer->group, consumer->peers, &consumer->turns, line));
}

/* ---- messages ---- */

static inline void fill(const struct mring_consumer *consumer, const struct record *record,
                        struct mring_message *message)
{
    message->data = record->data;
    message->length = record_length(record->header);
    message->tag = record_tag(record->header);
    message->position = record->position;
    message->deliveries = (unsigned)consumer->core.given;
}

/* So many were handed out. Of a lossy group they count when they are released whole. */
static inline void count_handed(const struct mring_consumer *consumer, uint64_t messages)
{
    if (!consumer->core.group.terms.lossy)
        consumer_core_count(&consumer->core, messages);
}

int consumer_found_nothing(const struct mring_consumer *consumer)
{
    const struct consumer_core *core = &consumer->core;

    if (!consumer_core_ended(core, consumer_position(consumer)))
        return 0;
    /* What others hold may yet have to be adopted. */
    return consumer->lone || shared_all_released(&core->group) ? -EPIPE : 0;
}

/* ---- the dead ---- */

bool consumer_look_for_dead(struct mring_consumer *consumer, struct suspect *suspects)
{
    bool orphans = !consumer->lone && recover_dead(&consumer->core.group, &consumer->core.judge, suspects);

    consumer_answer_followers(consumer); /* one who held nothing may have held them back */
    return orphans;
}

/*
 * A member that never waits does not look who serves the ring; but once another says that it does, who joins the group, or is to produce
 * for it, depends on what this member has to bring there (succession.c).
 */
static void follow_broker(struct mring_consumer *consumer)
{
    const struct mring *ring = consumer->ring;

    if (word_load(&ring->region.view.page->broker) == word_load(&ring->served_by) &&
        word_load(&ring->meetings) == consumer->met)
        return;
    if (clock_coarse() >= consumer->meet_again)
        consumer_meet(consumer);
}

/*
 * How much it is done with in a moment, the time it had nothing to do included. The coarse clock stands for milliseconds, so this is what it did in
 * one or a few of its steps: not known at first, and nothing again after a message that took long.
 */
static void take_pace(struct mring_consumer *consumer, int64_t now)
{
    const int64_t elapsed = now - consumer->pace.at;
    uint64_t messages;

    if (elapsed <= 0)
        return;
    messages = word_load(&consumer->core.line->messages);
    consumer->core.quick = (messages - consumer->pace.messages) * MOMENT / (uint64_t)elapsed;
    consumer->pace = (struct pace){now, messages};
}

/* A member that never sleeps looks now and then. */
static void look_while_busy(struct mring_consumer *consumer)
{
    int64_t now = clock_coarse();

    take_pace(consumer, now);
    if (now < consumer->look_again)
        return;
    consumer->look_again = now + LOOK_EVERY;
    follow_broker(consumer);
    (void)consumer_look_for_dead(consumer, consumer->suspects);
}

/* The stream is complete and released: those who wait for just that need not find out by themselves. */
static void wake_all(struct mring_consumer *consumer)
{
    for (uint32_t left = consumer->core.group.members; left > 0 && bell_sleepers(&consumer->core.group); left--)
        consumer_wake_peer(consumer);
}

/* Is there more than this member has claimed? */
static bool more_to_claim(const struct consumer_core *core)
{
    return core->batch_end < (core->upstreams != 0 ? core->released : word_load(&core->view.page->tail));
}

/*
 * Has this claim left others asleep who are to know? Of more that can be claimed; or that another group before holds the rest back than those to which
 * they are announced (wait/await.h).
 */
static bool concerns_sleepers(const struct mring_consumer *consumer)
{
    const struct consumer_core *core = &consumer->core;

    return bell_sleepers(&core->group) && (more_to_claim(core) || (core->upstreams != 0 && !stages_told(consumer)));
}

/* The batch is handed out: claim the next. 1, 0, or -errno. */
static int claim(struct mring_consumer *consumer)
{
    struct consumer_core *core = &consumer->core;
    int code;

    if (core->position == core->limit && consumer_core_holds(core))
        return -EBUSY;
    look_while_busy(consumer);
    code = shared_claim(core);
    if (code == 1 && __builtin_expect(consumer->sleep.armed, 0))
        consumer_disarm(consumer);
    /* Trying holds the gate at the position tried: whoever released meanwhile could not answer. */
    if (__builtin_expect(want_pending(&core->group), 0))
        consumer_answer_want(consumer, own_gate(consumer));
    consumer_answer_followers(consumer);
    if (code == 1 && concerns_sleepers(consumer))
        consumer_wake_peer(consumer);
    return code;
}

void consumer_answer_idle(struct mring_consumer *consumer)
{
    uint64_t want = want_gate(&consumer->core.group);

    if (want == 0 || want == consumer->idle_want)
        return;
    consumer->idle_want = want;
    consumer_answer_want(consumer, GATE_NONE);
}

/* Nothing more at hand, of messages that are not lost: 1: there is now, 0, or -errno. */
static int refill(struct mring_consumer *consumer)
{
    if (!consumer->lone)
        return claim(consumer);
    return consumer->core.upstreams != 0 ? stage_refill(&consumer->core) : lone_refill(&consumer->core);
}

/* As lossy_next, with what may be had besides what is at hand. */
static int next_lossy(struct mring_consumer *consumer, struct record *record)
{
    int code = lossy_next(&consumer->core, record);

    if (code != 0)
        return code;
    code = consumer->lone ? lossy_refill(&consumer->core) : claim(consumer);
    return code < 0 ? code : lossy_next(&consumer->core, record);
}

/* Nothing is there now: who else is to know? 0, -EPIPE. */
static int nothing_there(struct mring_consumer *consumer)
{
    int code;

    if (consumer->lone) {
        consumer_answer_idle(consumer);
        follow_broker(consumer);
    }
    code = consumer_found_nothing(consumer);
    if (code == -EPIPE && !consumer->lone)
        wake_all(consumer);
    return code;
}

/* What a refill that said this came to: 1: the next record; 0, or -errno. */
static inline int refilled(struct mring_consumer *consumer, int code, struct record *record)
{
    struct consumer_core *core = &consumer->core;

    if (__builtin_expect(consumer_core_cut_off(core), 0)) {
        core->limit = core->position;
        return consumer_cut_off(core, NULL);
    }
    if (code == 1)
        return consumer_core_take(core, record) ? 1 : consumer_core_vanished(core);
    return code != 0 ? code : nothing_there(consumer);
}

/* The next record, whatever it takes: 1, 0, or -errno. */
static int next(struct mring_consumer *consumer, struct record *record)
{
    int code;

    if (consumer_core_take(&consumer->core, record))
        return 1;
    if (!consumer->core.group.terms.lossy)
        return refilled(consumer, refill(consumer), record);
    code = next_lossy(consumer, record);
    if (code != 0 && code != -EBADMSG)
        return code;
    /* Nobody cuts off a group that holds nobody back, but with one that it is after. */
    if (consumer_core_cut_off(&consumer->core))
        return consumer_cut_off(&consumer->core, NULL);
    return code != 0 ? code : nothing_there(consumer);
}

/* As in producer.c, the call for each message is a leaf as long as there is one at hand. */
static __attribute__((noinline)) int next_slowly(struct mring_consumer *consumer, struct mring_message *message)
{
    struct record record;
    int code;

    if (consumer_stale(consumer))
        return -ESTALE;
    code = next(consumer, &record);
    if (code == 1) {
        fill(consumer, &record, message);
        count_handed(consumer, 1);
    }
    return code;
}

/* One that was at hand, of a group that is not lossy. 1. */
static inline int give(struct mring_consumer *consumer, const struct record *record, struct mring_message *message)
{
    fill(consumer, record, message);
    consumer_core_count(&consumer->core, 1);
    return 1;
}

/* What has caught up with a stream, and whatever is out of the ordinary. */
static __attribute__((noinline)) int next_refilled(struct mring_consumer *consumer, struct mring_message *message)
{
    struct record record = {0, 0, NULL};
    const int code = refilled(consumer, lone_refill(&consumer->core), &record);

    return code == 1 ? give(consumer, &record, message) : code;
}

/* What had caught up before, and looks again in vain: the sooner it is back, the sooner it looks. 0, or -errno. */
static __attribute__((noinline)) int next_missed(struct mring_consumer *consumer)
{
    struct record none;

    return refilled(consumer, 0, &none);
}

int mring_inline_1_missed(struct mring_consumer *consumer)
{
    lone_missed(&consumer->core);
    return next_missed(consumer);
}

/* Of one that is alone, with nobody before it. */
static __attribute__((noinline)) int next_polled(struct mring_consumer *consumer, struct mring_message *message)
{
    struct record record = {0, 0, NULL};
    const int code = lone_answer(&consumer->core, &record);

    if (code == 0)
        return next_missed(consumer);
    return code == 1 ? give(consumer, &record, message) : next_refilled(consumer, message);
}

int mring_next(struct mring_consumer *consumer, struct mring_message *message)
{
    struct record record;

    if (__builtin_expect(!consumer_core_take(&consumer->core, &record), 0))
        return consumer->core.polls != 0 ? next_polled(consumer, message) : next_slowly(consumer, message);
    return give(consumer, &record, message);
}

/* One more of a lossy group without claiming. A gap is told by the next call. */
static bool at_hand_lossy(struct consumer_core *core, struct record *record)
{
    const int code = lossy_next(core, record);

    core->lossy.pending |= code == -EOVERFLOW;
    return code == 1;
}

/* What more there is at hand, up to `count` in all, `filled` of which are. How many there are then. Everything in locals: see core/producer.h. */
static int fill_more(struct mring_consumer *consumer, struct mring_message *messages, int filled, int count)
{
    struct consumer_core *core = &consumer->core;
    const uint64_t limit = core->limit;
    const struct ring_view view = core->view;
    struct stride stride = core->stride;
    uint64_t position = core->position, end;
    struct record record;

    while (filled < count && (end = record_take(&view, position, limit, &stride, &record)) != position) {
        fill(consumer, &record, &messages[filled++]);
        position = end;
    }
    core->stride = stride;
    core->position = position;
    return filled;
}

int mring_next_batch(struct mring_consumer *consumer, struct mring_message *messages, int count)
{
    struct record record;
    int filled = 1;
    int code;

    if (consumer_stale(consumer))
        return -ESTALE;
    if (count < 1)
        return -EINVAL;
    code = next(consumer, &record);
    if (code != 1)
        return code;
    fill(consumer, &record, &messages[0]);
    if (consumer->core.group.terms.lossy)
        while (filled < count && at_hand_lossy(&consumer->core, &record))
            fill(consumer, &record, &messages[filled++]);
    else
        filled = fill_more(consumer, messages, filled, count);
    count_handed(consumer, (uint64_t)filled);
    return filled;
}

/* Something was released, and the producer waits for room, or somebody for just that. Always 0, for the calls that end with it. */
static __attribute__((noinline)) int tell_those_who_wait(struct mring_consumer *consumer)
{
    const struct consumer_core *core = &consumer->core;
    uint64_t want = want_gate(&core->group);

    /* The gate is not above what this member still holds: if that is short of the wish, a later release will answer it. */
    if (want != 0 && (core->held >= want || core->held == core->batch_end))
        consumer_answer_want(consumer, own_gate(consumer));
    consumer_answer_followers(consumer);
    return 0;
}

/* Something was released: does anybody wait for it? One plain load each, after the store of held [WANT] [AWAIT]. 0. */
static inline int released(struct mring_consumer *consumer)
{
    fence_compiler(); /* [WANT] [AWAIT] */
    return __builtin_expect((word_load(consumer->core.want) | word_load(consumer->core.awaited)) != 0, 0)
               ? tell_those_who_wait(consumer)
               : 0;
}

int mring_inline_1_tell(struct mring_consumer *consumer)
{
    return tell_those_who_wait(consumer);
}

/* Release everything below `end`. 0. */
static int release(struct mring_consumer *consumer, uint64_t end)
{
    shared_release(&consumer->core, end); /* without a batch, a lone member's too */
    return released(consumer);
}

/*
 * Can it be a message that this member holds, of a group that is not lossy? By what the handle knows alone: where each began it does not, and
 * what stands there others can write.
 */
static bool may_hold(const struct consumer_core *core, uint64_t begin, uint64_t end)
{
    return begin >= core->held && end <= core->position && begin < end && (end & (core->view.alignment - 1)) == 0;
}

static uint64_t end_of(const struct consumer_core *core, const struct mring_message *message)
{
    return message->position + record_size(message->length, core->view.alignment);
}

/* One of several that are held, or the last of a batch. */
static __attribute__((noinline)) int release_any(struct mring_consumer *consumer, const struct mring_message *message)
{
    const struct consumer_core *core = &consumer->core;
    const uint64_t end = end_of(core, message);

    if (consumer_stale(consumer))
        return -ESTALE;
    if (core->group.terms.lossy)
        return lossy_release(&consumer->core, message->position, message->length);
    return may_hold(core, message->position, end) ? release(consumer, end) : -EINVAL;
}

int mring_intact(struct mring_consumer *consumer, const struct mring_message *message)
{
    const struct consumer_core *core = &consumer->core;

    if (consumer_stale(consumer))
        return -ESTALE;
    if (core->group.terms.lossy)
        return lossy_intact(&consumer->core, message->position, message->length);
    return may_hold(core, message->position, end_of(core, message)) ? 1 : -EINVAL;
}

int mring_missed(struct mring_consumer *consumer, struct mring_missed *missed)
{
    const struct lossy_gap *gap = &consumer->core.lossy.gap;
    int code;

    if (consumer_stale(consumer))
        return -ESTALE;
    if (missed == NULL || (code = check_size(missed->size, sizeof(*missed), "mring_missed", NULL)) != 0)
        return -EINVAL;
    *missed = (struct mring_missed){.size = missed->size,
                                    .messages = gap->messages,
                                    .bytes = gap->bytes,
                                    .from = gap->from,
                                    .resumed = gap->resumed};
    return gap->messages != 0;
}

/*
 * The last that was handed out ends at the position, and all that is held goes with it: which message that is follows from its size, known if it is
 * as long as the last. In a lossy group none ever is.
 */
int mring_release(struct mring_consumer *consumer, const struct mring_message *message)
{
    const struct stride *stride = &consumer->core.stride;
    const uint64_t begin = message->position, held = consumer->core.held, end = consumer->core.position;
    const bool all = begin + stride->size == end && begin - held < end - held && message->length == stride->length;

    if (__builtin_expect(!all || end == consumer->core.batch_end, 0))
        return release_any(consumer, message);
    consumer_core_release(&consumer->core, end);
    return released(consumer);
}

static void put_back(struct mring_consumer *consumer, const struct record *record)
{
    if (consumer->core.group.terms.lossy)
        lossy_unhand(&consumer->core);
    else
        consumer->core.position = record->position;
}

static int copy(struct mring_consumer *consumer, const struct record *record, void *buffer)
{
    uint32_t length = record_length(record->header);

    consumer_core_count(&consumer->core, 1);
    if (length != 0)
        memcpy(buffer, record->data, length);
    (void)release(consumer, consumer->core.position);
    return 1;
}

static int copy_lossy(struct mring_consumer *consumer, const struct record *record, void *buffer)
{
    uint32_t length = record_length(record->header);
    int code;

    copy_racing(buffer, record->data, length);
    code = lossy_release(&consumer->core, record->position, length);
    return code == 0 ? 1 : code;
}

int mring_recv(struct mring_consumer *consumer, void *buffer, size_t size, struct mring_message *message)
{
    struct record record;
    int code;

    if (consumer_stale(consumer))
        return -ESTALE;
    if (consumer_core_holds(&consumer->core))
        return -EINVAL;
    code = next(consumer, &record);
    if (code != 1)
        return code;
    if (record_length(record.header) > size) {
        message->length = record_length(record.header);
        put_back(consumer, &record);
        return -EMSGSIZE;
    }
    fill(consumer, &record, message);
    message->data = buffer;
    return consumer->core.group.terms.lossy ? copy_lossy(consumer, &record, buffer) : copy(consumer, &record, buffer);
}
