/* Unit tests of core/start.h: where a group that is made starts, and that the producer leaves it that. */
#include "core/start.h"

#include "core/lone.h"
#include "core/lossy.h"
#include "core/shared.h"
#include "support/fake_ring.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum { OLD, NEW, RECORD = 16, LAP = LAYOUT_CAPACITY_MIN / RECORD };

/* A ring with one group, and a second one that a test makes. */
struct scene {
    struct fake_ring ring;
    struct producer_core producer;
    struct consumer_core old;
    uint32_t sent;
};

static void scene_make(struct scene *scene, uint32_t members)
{
    const uint32_t both[] = {1, members};

    fake_ring_make(&scene->ring, LAYOUT_CAPACITY_MIN, 8, 2, both);
    scene->ring.group[NEW].terms.kind = GROUP_PASSING;
    scene->ring.groups = 1; /* the new one is not live yet */
    assert_int_equal(producer_core_start(&scene->producer, &scene->ring.view), 0);
    fake_ring_join(&scene->ring, OLD, 1, &scene->old);
    scene->sent = 0;
}

static void send(struct scene *scene, uint32_t count)
{
    for (; count > 0; count--, scene->sent++)
        fake_ring_send(&scene->ring, &scene->producer, &scene->sent, sizeof(scene->sent), scene->sent);
}

static void read_old(struct scene *scene, uint32_t count)
{
    struct record record = {0, 0, NULL};

    for (; count > 0; count--) {
        assert_int_equal(lone_next(&scene->old, &record), 1);
        consumer_core_release(&scene->old, scene->old.position);
    }
}

/* As the broker does it. */
static int begin(struct scene *scene, const struct start_wish *wish, const struct group_view *other)
{
    const struct group_view *group = &scene->ring.group[NEW];
    int line = group_occupy(group, 2, NULL, NULL);

    assert_int_equal(line, 0);
    start_prepare(group, 0);
    scene->ring.groups = 2;
    return start_place(&scene->ring.view, group, 0, wish, other);
}

static int begin_at(struct scene *scene, uint64_t position)
{
    return begin(scene, &(struct start_wish){.from = START_POSITION, .position = position}, NULL);
}

/* The new group's member is handed the messages from `first` to the last, whole. */
static void expect_from(struct scene *scene, uint32_t first)
{
    const struct group_view *group = &scene->ring.group[NEW];
    struct consumer_core member;
    struct record record = {0, 0, NULL};

    assert_false(start_pending(group));
    assert_int_equal(group_enter(&member, &scene->ring.view, group, 0, &(struct judge){NULL, NULL, 2}), 0);
    for (uint32_t number = first; number < scene->sent; number++) {
        if (!consumer_core_take(&member, &record)) {
            assert_int_equal(group->members == 1 ? lone_refill(&member) : shared_claim(&member), 1);
            assert_true(consumer_core_take(&member, &record));
        }
        assert_int_equal(record_tag(record.header), number);
        assert_memory_equal(record.data, &number, sizeof(number));
        shared_release(&member, member.position);
    }
    assert_int_equal(group->members == 1 ? lone_refill(&member) : shared_claim(&member), 0);
}

static void now_is_the_tail(void **state)
{
    (void)state;
    for (uint32_t members = 1; members <= 2; members++) {
        struct scene scene;

        scene_make(&scene, members);
        send(&scene, 10);
        assert_int_equal(begin(&scene, &(struct start_wish){.from = START_NOW}, NULL), 0);
        send(&scene, 3);
        expect_from(&scene, 10);
        fake_ring_free(&scene.ring);
    }
}

static void the_oldest_is_what_was_not_made_room_of(void **state)
{
    (void)state;
    for (uint32_t members = 1; members <= 2; members++) {
        struct scene scene;

        scene_make(&scene, members);
        send(&scene, 10);
        read_old(&scene, 10); /* released, and still there */
        assert_int_equal(begin(&scene, &(struct start_wish){.from = START_OLDEST}, NULL), 0);
        expect_from(&scene, 0);
        fake_ring_free(&scene.ring);
    }
}

/* A new group at the oldest holds back a producer that had not yet used the room. */
static void the_oldest_gates_from_then_on(void **state)
{
    struct scene scene;

    (void)state;
    scene_make(&scene, 1);
    send(&scene, LAP - 1);
    read_old(&scene, 200);
    fake_ring_rescan(&scene.ring, &scene.producer);
    assert_int_equal(word_load(&scene.ring.view.page->gate), 200 * RECORD);
    read_old(&scene, 300);
    assert_int_equal(begin(&scene, &(struct start_wish){.from = START_OLDEST}, NULL), 0);
    fake_ring_rescan(&scene.ring, &scene.producer);
    assert_int_equal(scene.producer.gate, 200 * RECORD);
    send(&scene, 200);
    assert_false(producer_core_has_room(&scene.producer, producer_core_place(&scene.producer, 4).next));
    expect_from(&scene, 200);
    fake_ring_free(&scene.ring);
}

/* A rescan that was told before the group came, and one that comes while it has no place yet. */
static void a_group_that_is_being_made_holds_everything(void **state)
{
    struct scene scene;

    (void)state;
    scene_make(&scene, 1);
    send(&scene, LAP - 1);
    read_old(&scene, LAP - 1);
    assert_int_equal(group_occupy(&scene.ring.group[NEW], 2, NULL, NULL), 0);
    start_prepare(&scene.ring.group[NEW], 0);
    scene.ring.groups = 2;
    assert_true(start_pending(&scene.ring.group[NEW]));
    fake_ring_rescan(&scene.ring, &scene.producer);
    assert_int_equal(scene.producer.gate, 0);
    assert_int_equal(word_load(&scene.ring.view.page->gate), 0);
    fake_ring_free(&scene.ring);
}

static void a_position_must_be_a_record_that_is_there(void **state)
{
    const uint64_t gate = 100 * RECORD, tail = (uint64_t)(LAP + 50) * RECORD;
    static const struct {
        int64_t from_gate;
        int code;
    } tries[] = {{-RECORD, -ERANGE}, {-8, -ERANGE}, {0, 0}, {8, -ERANGE}, {3, -ERANGE}, {5 * RECORD, 0}};

    (void)state;
    for (size_t at = 0; at < sizeof(tries) / sizeof(*tries) + 3; at++) {
        struct scene scene;
        uint64_t position = at < sizeof(tries) / sizeof(*tries)    ? gate + (uint64_t)tries[at].from_gate
                            : at == sizeof(tries) / sizeof(*tries) ? tail
                                                                   : tail + RECORD;
        int code = at < sizeof(tries) / sizeof(*tries) ? tries[at].code : position == tail ? 0 : -ERANGE;

        if (at == sizeof(tries) / sizeof(*tries) + 2)
            position = NOWHERE;
        scene_make(&scene, 1 + at % 2);
        send(&scene, 100);
        read_old(&scene, 100);
        send(&scene, LAP - 101);
        fake_ring_rescan(&scene.ring, &scene.producer);
        send(&scene, 51);
        assert_int_equal(word_load(&scene.ring.view.page->gate), gate);
        assert_int_equal(word_load(&scene.ring.view.page->tail), tail);
        assert_int_equal(begin_at(&scene, position), code);
        if (code == 0)
            expect_from(&scene, (uint32_t)(position / RECORD));
        else
            assert_true(start_pending(&scene.ring.group[NEW]));
        fake_ring_free(&scene.ring);
    }
}

static void where_another_group_is(void **state)
{
    struct scene scene;

    (void)state;
    scene_make(&scene, 2);
    send(&scene, 10);
    read_old(&scene, 4);
    assert_int_equal(begin(&scene, &(struct start_wish){.from = START_GROUP}, &scene.ring.group[OLD]), 0);
    expect_from(&scene, 4);
    fake_ring_free(&scene.ring);

    scene_make(&scene, 2); /* it has gone on by headers, past the tail that was seen */
    send(&scene, 10);
    read_old(&scene, 10);
    word_store(&scene.ring.view.page->tail, 9 * RECORD);
    assert_int_equal(begin(&scene, &(struct start_wish){.from = START_GROUP}, &scene.ring.group[OLD]), 0);
    expect_from(&scene, 10);
    fake_ring_free(&scene.ring);

    scene_make(&scene, 2); /* it is nowhere: a passing one without members */
    group_leave(&scene.old);
    scene.ring.group[OLD].terms.kind = GROUP_PASSING;
    assert_int_equal(begin(&scene, &(struct start_wish){.from = START_GROUP}, &scene.ring.group[OLD]), -ENOENT);
    fake_ring_free(&scene.ring);
}

/* A lossy one knows of its first message which one it is, and is not held to be there in time. */
static void lossy_ones_know_where_they_are(void **state)
{
    static const struct {
        struct start_wish wish;
        int code;
        uint32_t number;
    } tries[] = {
        {{.from = START_NOW}, 0, 2 * LAP},
        {{.from = START_POSITION, .position = (uint64_t)(2 * LAP - 5) * RECORD}, 0, 2 * LAP - 5},
        {{.from = START_POSITION, .position = (uint64_t)(2 * LAP - 5) * RECORD + 8}, -ERANGE, 0},
        {{.from = START_POSITION, .position = (uint64_t)(LAP / 2) * RECORD}, -ERANGE, 0},
        {{.from = START_POSITION, .position = (uint64_t)(2 * LAP + 1) * RECORD}, -ERANGE, 0},
        {{.from = START_GROUP}, 0, 2 * LAP - 7},
    };

    (void)state;
    for (uint32_t members = 1; members <= 2; members++)
        for (size_t at = 0; at < sizeof(tries) / sizeof(*tries); at++) {
            struct scene scene;
            struct consumer_core member;
            struct record record = {0, 0, NULL};
            const struct group_view *group = &scene.ring.group[NEW];

            scene_make(&scene, members);
            scene.ring.group[NEW].terms.lossy = 1;
            send(&scene, LAP - 1);
            read_old(&scene, LAP - 1);
            send(&scene, LAP - 6);
            read_old(&scene, LAP - 6);
            send(&scene, 7);
            assert_int_equal(begin(&scene, &tries[at].wish, &scene.ring.group[OLD]), tries[at].code);
            if (tries[at].code == 0) {
                send(&scene, 1);
                assert_int_equal(group_enter(&member, &scene.ring.view, group, 0, &(struct judge){NULL, NULL, 2}), 0);
                assert_int_equal(members == 1 ? lossy_refill(&member) : shared_claim(&member), 1);
                assert_int_equal(lossy_next(&member, &record), 1);
                assert_int_equal(record_tag(record.header), tries[at].number);
                assert_int_equal(member.lossy.number, tries[at].number + 1);
                assert_int_equal(member.lossy.bytes, (tries[at].number + 1) * sizeof(scene.sent));
            }
            fake_ring_free(&scene.ring);
        }
}

/* Words that a producer, or a member of another group, has no business to write: never a place among what is no record. */
static void words_that_cannot_be_true(void **state)
{
    static const uint64_t gates[] = {8, 4, 100 * RECORD, NOWHERE - 7};
    const struct start_wish oldest = {.from = START_OLDEST};
    struct scene scene;

    (void)state;
    for (size_t at = 0; at < sizeof(gates) / sizeof(*gates); at++) {
        scene_make(&scene, 1);
        send(&scene, 10);
        word_store(&scene.ring.view.page->gate, gates[at]);
        assert_int_equal(begin(&scene, &oldest, NULL), -EBADMSG);
        fake_ring_free(&scene.ring);
    }
    scene_make(&scene, 1);
    send(&scene, 10);
    word_store(&scene.old.line->held, 8); /* between two records */
    assert_int_equal(begin(&scene, &(struct start_wish){.from = START_GROUP}, &scene.ring.group[OLD]), -ERANGE);
    fake_ring_free(&scene.ring);
    scene_make(&scene, 1);
    send(&scene, 10);
    word_store(&scene.old.line->held, 11 * RECORD);
    assert_int_equal(begin(&scene, &(struct start_wish){.from = START_GROUP}, &scene.ring.group[OLD]), -EBADMSG);
    fake_ring_free(&scene.ring);
    scene_make(&scene, 1);
    for (unsigned half = 0; half < 3; half++) {
        send(&scene, LAP / 2);
        read_old(&scene, LAP / 2);
    }
    word_store(&scene.ring.view.page->gate, 0); /* where a record began once */
    assert_int_equal(begin(&scene, &oldest, NULL), -EBADMSG);
    fake_ring_free(&scene.ring);
}

/* A reader has followed the headers past a tail that is stored only now. */
static void what_is_just_being_published_is_there(void **state)
{
    (void)state;
    for (unsigned kind = 0; kind < 3; kind++) {
        struct scene scene;

        scene_make(&scene, 1);
        scene.ring.group[NEW].terms.lossy = kind == 2;
        send(&scene, 10);
        read_old(&scene, 10);
        word_store(&scene.ring.view.page->tail, 8 * RECORD);
        if (kind == 0)
            assert_int_equal(begin_at(&scene, 9 * RECORD), 0);
        else
            assert_int_equal(begin(&scene, &(struct start_wish){.from = START_GROUP}, &scene.ring.group[OLD]), 0);
        assert_int_equal(word_load(&scene.ring.group[NEW].line[0].held), (kind == 0 ? 9 : kind == 1 ? 10 : 8) * RECORD);
        fake_ring_free(&scene.ring);
    }
}

static void clear_landmarks(struct scene *scene)
{
    for (unsigned place = 0; place < LAYOUT_LANDMARKS; place++)
        word_store(&scene->ring.view.page->landmark[place].position, NOWHERE);
}

/* A lossy one has no gate to lean on; what it is to start at may be damaged all the same, or gone. */
static void lossy_ones_among_words_that_cannot_be_true(void **state)
{
    const struct start_wish where_old_is = {.from = START_GROUP};
    struct scene scene;

    (void)state;
    scene_make(&scene, 1);
    scene.ring.group[NEW].terms.lossy = 1;
    send(&scene, 10);
    word_store(&scene.old.line->held, 11 * RECORD);
    assert_int_equal(begin(&scene, &where_old_is, &scene.ring.group[OLD]), -EBADMSG);
    fake_ring_free(&scene.ring);

    scene_make(&scene, 1);
    scene.ring.group[NEW].terms.lossy = 1;
    send(&scene, 10);
    group_leave(&scene.old);
    scene.ring.group[OLD].terms.kind = GROUP_PASSING;
    assert_int_equal(begin(&scene, &where_old_is, &scene.ring.group[OLD]), -ENOENT);
    fake_ring_free(&scene.ring);

    /* With no landmark left there is nothing to count from: it starts at the tail, by the producer's counters. */
    scene_make(&scene, 1);
    scene.ring.group[NEW].terms.lossy = 1;
    send(&scene, 10);
    clear_landmarks(&scene);
    assert_int_equal(begin(&scene, &(struct start_wish){.from = START_OLDEST}, NULL), 0);
    assert_int_equal(word_load(&scene.ring.group[NEW].line[0].held), 10 * RECORD);
    assert_int_equal(word_load(&scene.ring.group[NEW].page->begin.messages), 10);
    fake_ring_free(&scene.ring);

    scene_make(&scene, 1);
    scene.ring.group[NEW].terms.lossy = 1;
    send(&scene, 10);
    clear_landmarks(&scene);
    assert_int_equal(begin_at(&scene, 2 * RECORD), -ERANGE);
    fake_ring_free(&scene.ring);
}

/* In a ring of which nothing was overwritten yet, and nothing will be soon, the oldest is the first. */
static void lossy_ones_begin_with_the_first(void **state)
{
    (void)state;
    for (uint32_t members = 1; members <= 2; members++) {
        struct scene scene;
        struct consumer_core member;
        struct record record = {0, 0, NULL};
        const struct group_view *group = &scene.ring.group[NEW];

        scene_make(&scene, members);
        scene.ring.group[NEW].terms.lossy = 1;
        send(&scene, LAP / 2);
        assert_int_equal(begin(&scene, &(struct start_wish){.from = START_OLDEST}, NULL), 0);
        assert_int_equal(group_enter(&member, &scene.ring.view, group, 0, &(struct judge){NULL, NULL, 2}), 0);
        for (uint32_t number = 0; number < 4; number++) {
            if (lossy_next(&member, &record) == 0) {
                assert_int_equal(members == 1 ? lossy_refill(&member) : shared_claim(&member), 1);
                assert_int_equal(lossy_next(&member, &record), 1);
            }
            assert_int_equal(record_tag(record.header), number);
        }
        fake_ring_free(&scene.ring);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(now_is_the_tail),
        cmocka_unit_test(the_oldest_is_what_was_not_made_room_of),
        cmocka_unit_test(the_oldest_gates_from_then_on),
        cmocka_unit_test(a_group_that_is_being_made_holds_everything),
        cmocka_unit_test(a_position_must_be_a_record_that_is_there),
        cmocka_unit_test(where_another_group_is),
        cmocka_unit_test(lossy_ones_know_where_they_are),
        cmocka_unit_test(lossy_ones_begin_with_the_first),
        cmocka_unit_test(words_that_cannot_be_true),
        cmocka_unit_test(what_is_just_being_published_is_there),
        cmocka_unit_test(lossy_ones_among_words_that_cannot_be_true),
    };

    return cmocka_run_group_tests_name("core-start", tests, NULL, NULL);
}
