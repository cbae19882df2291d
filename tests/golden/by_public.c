/*
 * A ring by public calls: records of alignment 8 over several laps, groups of all kinds, some of them given up, and the end of the stream.
 * Nobody waits, so nothing depends on time.
 */
#include "api/consumer.h"
#include "api/producer.h"
#include "golden/image.h"
#include "wait/await.h"
#include "wait/bell.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <string.h>

#include <cmocka.h>

enum { LONE, CREW, BEHIND, LOSSY, TURNED, DROPPED, BROKEN, DECLARED, DURABLE = DECLARED, PASSING, LATE, GROUPS };
enum {
    MESSAGES = 150,
    READ_LAST = 12,
    LOSSY_PAUSES = 60,
    LOSSY_GOES_ON = 120,
    BROKEN_AT = 10,
    LATE_AT = 20,
    LONGEST = 2000
};

static const char *const before[] = {"lone", "crew"};
static const struct mring_group groups[] = {
    [LONE] = {.name = "lone", .members = 1},
    [CREW] = {.name = "crew", .members = 3},
    [BEHIND] = {.name = "behind", .members = 2, .after = before, .after_count = 2},
    [LOSSY] = {.name = "lossy", .members = 2, .lossy = 1},
    [TURNED] = {.name = "turned", .members = 2, .unserved = MRING_TURN_LOSSY, .limit = 8192},
    [DROPPED] = {.name = "dropped", .members = 1, .unserved = MRING_DROP, .limit = 8192},
    [BROKEN] = {.name = "broken", .members = 1},
};

struct cast {
    struct mring *ring;
    struct mring_producer *producer;
    struct mring_consumer *member[GROUPS], *second[GROUPS];
    uint32_t sent;
};

static const char *name_of(unsigned group)
{
    return group == DURABLE ? "durable" : group == PASSING ? "passing" : group == LATE ? "late" : groups[group].name;
}

static struct mring_consumer *join(const struct cast *cast, unsigned group)
{
    struct mring_join_options options = MRING_JOIN_OPTIONS_INIT;
    struct mring_consumer *consumer = NULL;

    options.members = 2;
    options.durable = group == DURABLE;
    options.lossy = group == LATE;
    assert_int_equal(mring_join(cast->ring, name_of(group), &options, &consumer), 0);
    assert_non_null(consumer);
    return consumer;
}

static void create(struct cast *cast)
{
    struct mring_options options = MRING_OPTIONS_INIT;

    memset(cast, 0, sizeof(*cast));
    options.capacity = LAYOUT_CAPACITY_MIN;
    options.groups = groups;
    options.group_count = DECLARED;
    options.attempts = 2;
    options.access = MRING_GROUP;
    assert_int_equal(mring_create(&cast->ring, NULL, &options), 0);
    assert_int_equal(mring_producer(cast->ring, &cast->producer, NULL), 0);
    for (unsigned group = 0; group < LATE; group++) {
        if (group == DROPPED)
            continue;
        cast->member[group] = join(cast, group);
        if (group == CREW || group == PASSING)
            cast->second[group] = join(cast, group);
    }
}

/* Lengths of all kinds, and bytes that differ from one message to the next. Groups that nobody serves are given up as soon as they are in the way. */
static void send(struct cast *cast)
{
    static const uint32_t lengths[] = {0, 1, 7, 8, 9, 64, 100, 1000, LONGEST, 24};
    const uint32_t number = cast->sent++;
    const uint32_t length = lengths[number % (sizeof(lengths) / sizeof(*lengths))];
    unsigned char payload[LONGEST];
    int code;

    memset(payload, (int)number + 1, sizeof(payload));
    code = mring_send(cast->producer, payload, length, number);
    if (code == -EAGAIN) {
        producer_give_up_unserved(cast->producer);
        code = mring_send(cast->producer, payload, length, number);
    }
    assert_int_equal(code, 0);
}

static void read_all(struct mring_consumer *consumer)
{
    struct mring_message message;
    int code;

    while ((code = mring_next(consumer, &message)) == 1 || code == -EOVERFLOW)
        assert_true(code == -EOVERFLOW || mring_release(consumer, &message) == 0);
    assert_int_equal(code, 0);
}

static void leave(struct mring_consumer **consumer)
{
    assert_int_equal(mring_leave(*consumer), 0);
    *consumer = NULL;
}

/* Take `taken`, and release of them the first `released`. */
static void read_some(struct mring_consumer *consumer, unsigned taken, unsigned released)
{
    struct mring_message message;

    for (unsigned at = 0; at < taken; at++) {
        assert_int_equal(mring_next(consumer, &message), 1);
        if (at < released)
            assert_int_equal(mring_release(consumer, &message), 0);
    }
}

/* Everybody reads along, but for the lossy one, which is lapped, and the broken one. */
static void read_along(struct cast *cast)
{
    const uint32_t number = cast->sent;

    for (unsigned group = 0; group < GROUPS; group++) {
        bool others_turn = cast->second[group] != NULL && number % 2 == 0;

        if (cast->member[group] == NULL || group == BROKEN ||
            (group == LOSSY && number >= LOSSY_PAUSES && number < LOSSY_GOES_ON))
            continue;
        read_all(others_turn ? cast->second[group] : cast->member[group]);
    }
}

/* In the end: claims that are worked at, one that was left, what is not released anywhere. */
static void read_last(struct cast *cast)
{
    for (uint32_t at = 0; at < READ_LAST; at++)
        send(cast);
    read_some(cast->member[LONE], 5, 3);
    read_some(cast->member[CREW], 2, 1);
    read_some(cast->second[CREW], 1, 0);
    read_some(cast->member[BEHIND], 1, 0);
    read_some(cast->member[LOSSY], 4, 2);
    read_some(cast->member[DURABLE], 3, 3);
    read_some(cast->member[LATE], 1, 1);
    read_some(cast->second[PASSING], 2, 1);
    read_some(cast->member[PASSING], 1, 1);
    leave(&cast->second[PASSING]);
}

/* What is only there for a moment, or where the kernel has membarrier, is so now. */
static void pin(const struct cast *cast)
{
    const struct ring_view *view = &cast->ring->region.view;
    const struct group_view *crew = &cast->ring->group[CREW].view, *behind = &cast->ring->group[BEHIND].view;

    bell_announce(view, crew, 2);
    await_announce(view, behind, 1, behind->terms.after);
    want_announce(crew, word_load(&view->page->gate), word_load(&view->page->epoch));
    word_store(&view->page->fenced, word_load(&view->page->epoch));
    for (unsigned index = 0; index < GROUPS; index++) {
        const struct group_view *group = &cast->ring->group[index].view;

        for (uint32_t line = 0; line < group->members; line++)
            word_store(&group->line[line].fenced, word_load(&group->line[line].owner));
    }
}

static void close_all(struct cast *cast)
{
    for (unsigned group = 0; group < GROUPS; group++) {
        leave(&cast->member[group]);
        leave(&cast->second[group]);
    }
    assert_int_equal(mring_producer_close(cast->producer), 0);
    assert_int_equal(mring_close(cast->ring), 0);
}

void by_public_calls(FILE *text)
{
    struct cast cast;
    struct image image = {.text = text, .name = "public", .capacity = LAYOUT_CAPACITY_MIN};

    create(&cast);
    while (cast.sent < MESSAGES) {
        send(&cast);
        read_along(&cast);
        if (cast.sent == BROKEN_AT) {
            word_store(&cast.ring->group[BROKEN].view.line[0].held, UINT64_C(1) << 40);
            leave(&cast.member[TURNED]);
        }
        if (cast.sent == LATE_AT)
            cast.member[LATE] = join(&cast, LATE);
    }
    read_last(&cast);
    assert_int_equal(mring_end(cast.producer), 0);
    pin(&cast);

    image.life = life_number(cast.ring->life);
    image_ring(&image, (const void *)cast.ring->region.base);
    for (unsigned group = 0; group < GROUPS; group++)
        image_group(&image, cast.ring->region.view.directory[group].name, cast.ring->group[group].view.page,
                    cast.ring->group[group].view.members);
    image_doorbell(&image, cast.ring->region.view.doorbell);
    close_all(&cast);
}
