/*
 * Unit tests of core/inspect: whatever others do between any two of its loads, it calls nothing a trouble that is none; and where they
 * never stop, it says so and ends.
 */
#include "core/lone.h"
#include "core/shared.h"
#include "support/between.h"
#include "support/inspect_scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

/* How often the kinds were found, in the looks of a test. */
static unsigned found[FINDING_BIT_STRAY + 1];

/* A look at a ring to which others come: it finds nothing but what is to be noted. Did they? */
static bool look_once(void (*prepare)(struct scene *scene), void (*others)(void *context), unsigned at, unsigned every)
{
    struct scene scene;
    bool came;

    set_up(&scene);
    prepare(&scene);
    others_come(others, &scene, at, every);
    look(&scene);
    came = others_came();
    assert_int_equal(troubles(&scene), 0);
    for (unsigned each = 0; each < scene.count; each++)
        found[scene.found[each].kind]++;
    fake_ring_free(&scene.ring);
    return came;
}

/* They come at each place in turn, and from then on at each so many; 0: no more. */
static void look_while(void (*prepare)(struct scene *scene), void (*others)(void *context), unsigned every)
{
    unsigned at = 1;

    memset(found, 0, sizeof(found));
    while (look_once(prepare, others, at, every))
        at++;
}

static void nothing(struct scene *scene)
{
    (void)scene;
}

/* ---- producers ---- */

static void die_before_the_tail(struct scene *scene)
{
    uint64_t tail = producer_core_tail(&scene->producer);

    fake_ring_send(&scene->ring, &scene->producer, "12345678", 8, 64);
    word_store(&scene->ring.view.page->tail, tail);
    word_store(&scene->ring.view.page->epoch, owner_next(0, 9));
    dead = 1 << 9;
}

static void succeed(void *context)
{
    struct scene *scene = context;
    struct producer_page *page = scene->ring.view.page;

    word_store_release(&page->epoch, owner_next(word_load(&page->epoch), 10));
    assert_int_equal(producer_core_start(&scene->producer, &scene->ring.view), 0);
    fake_ring_send(&scene->ring, &scene->producer, "12345678", 8, 65);
}

static void a_successor_comes_meanwhile(void **state)
{
    (void)state;
    look_while(die_before_the_tail, succeed, 0);
    assert_true(found[FINDING_PRODUCER_DEAD] > 1 && found[FINDING_PRODUCED] > 1);
    assert_int_equal(found[FINDING_BUSY], 0);
}

static void succeed_and_die(void *context)
{
    struct producer_page *page = ((struct scene *)context)->ring.view.page;

    word_store_release(&page->epoch, owner_next(word_load(&page->epoch), 9));
}

static void producers_die_all_the_time(void **state)
{
    (void)state;
    look_while(die_before_the_tail, succeed_and_die, 1);
    assert_true(found[FINDING_BUSY] != 0);
}

/* ---- messages ---- */

static void read_all(struct scene *scene)
{
    struct consumer_core *sharing[] = {&scene->many, &scene->passing};
    struct record record;

    while (lone_next(&scene->lone, &record) == 1)
        consumer_core_release(&scene->lone, scene->lone.position);
    for (unsigned each = 0; each < 2; each++)
        while (consumer_core_take(sharing[each], &record) ||
               (shared_claim(sharing[each]) == 1 && consumer_core_take(sharing[each], &record)))
            shared_release(sharing[each], sharing[each]->position);
}

static void read_and_send(void *context)
{
    struct scene *scene = context;

    read_all(scene);
    fake_ring_send(&scene->ring, &scene->producer, "a message", 9, 64);
}

static void messages_come_and_go(void **state)
{
    (void)state;
    look_while(nothing, read_and_send, 0);
    assert_int_equal(found[FINDING_BUSY], 0);
    look_while(nothing, read_and_send, 1);
    look_while(nothing, read_and_send, 7);
}

/* As mring_end does it, behind the last message. */
static void send_and_end(void *context)
{
    struct scene *scene = context;

    fake_ring_send(&scene->ring, &scene->producer, "a message", 9, 64);
    word_store_release(&scene->ring.view.page->ended, producer_core_tail(&scene->producer) + 1);
}

static void the_stream_ends_meanwhile(void **state)
{
    (void)state;
    look_while(nothing, send_and_end, 0);
    assert_true(found[FINDING_ENDED] > 1);
}

/* Around the ring, with records that are not where those before them were. */
static void go_around(void *context)
{
    static const unsigned char payload[200];
    struct scene *scene = context;
    uint64_t begin;

    read_all(scene);
    begin = scene->producer.position;
    for (uint32_t length = (uint32_t)(begin % 101); scene->producer.position - begin < LAYOUT_CAPACITY_MIN - 512;
         length = (length * 7 + 13) % sizeof(payload))
        fake_ring_send(&scene->ring, &scene->producer, payload, length, 0);
}

static void the_ring_goes_around_meanwhile(void **state)
{
    (void)state;
    look_while(nothing, go_around, 0);
    for (unsigned every = 1; every < 64; every += 3)
        for (unsigned at = 1; at < every; at++)
            (void)look_once(nothing, go_around, at, every);
    assert_true(found[FINDING_BUSY] != 0);
}

/* ---- members ---- */

static void leave_the_rest(void *context)
{
    group_leave(&((struct scene *)context)->many);
}

static void left_the_rest(struct scene *scene)
{
    leave_the_rest(scene);
    fake_ring_join(&scene->ring, MANY, 4, &scene->many);
}

static void adopt(void *context)
{
    (void)recover_adopt(&((struct scene *)context)->many);
}

static unsigned step;

static void leave_behind(struct scene *scene)
{
    step = 0;
    leave_the_rest(scene);
}

/* As recover_adopt does it: the flag is taken back, and then raised again, by one who has taken the place in between. */
static void adopt_by_steps(void *context)
{
    struct scene *scene = context;
    struct member_line *line = scene->many.line;

    if (step++ == 0) {
        word_store(&scene->ring.group[MANY].page->orphans, 0);
        word_store(&line->owner, owner_next(word_load(&line->owner), 4));
    } else {
        word_store(&scene->ring.group[MANY].page->orphans, 1);
    }
}

static void join_too(void *context)
{
    struct consumer_core other;

    fake_ring_join(&((struct scene *)context)->ring, MANY, 4, &other);
}

static void a_place_is_taken_meanwhile(void **state)
{
    (void)state;
    look_while(nothing, join_too, 0);
    assert_true(found[FINDING_MEMBER] > 1);
}

static void what_is_left_behind_is_not_forgotten(void **state)
{
    (void)state;
    look_while(nothing, leave_the_rest, 0);
    assert_true(found[FINDING_ORPHAN] > 1 && found[FINDING_HOLDS] > 1);
    look_while(left_the_rest, adopt, 0);
    assert_true(found[FINDING_ORPHAN] > 1 && found[FINDING_MEMBER] > 1);
    for (unsigned every = 1; every < 16; every++)
        look_while(leave_behind, adopt_by_steps, every);
}

/* ---- amid a step of the living ---- */

/* Another message each, and two lines left behind; one more member is there. */
static void left_twice(struct scene *scene)
{
    left_the_rest(scene);
    assert_int_equal(shared_claim(&scene->many), 1);
    left_the_rest(scene);
}

static void look_at_it(void *context)
{
    struct scene *scene = context;

    look(scene);
    assert_int_equal(troubles(scene), 0);
    for (unsigned each = 0; each < scene->count; each++)
        found[scene->found[each].kind]++;
}

static void leave_passing(void *context)
{
    group_leave(&((struct scene *)context)->passing);
}

/* Somebody looks right before each access of what one does who lives, and so between any two of them. */
static void who_lives_is_no_trouble_whatever_he_is_at(void **state)
{
    static const struct {
        void (*prepare)(struct scene *scene);
        void (*act)(void *context);
    } acts[] = {{nothing, leave_the_rest},    {nothing, leave_passing},      {left_twice, adopt},
                {left_twice, leave_the_rest}, {nothing, join_too},           {nothing, read_and_send},
                {nothing, go_around},         {left_the_rest, read_and_send}};

    (void)state;
    memset(found, 0, sizeof(found));
    for (size_t each = 0; each < sizeof(acts) / sizeof(*acts); each++) {
        struct scene scene;
        unsigned at = 0;

        do {
            set_up(&scene);
            acts[each].prepare(&scene);
            others_come(look_at_it, &scene, ++at, 0);
            acts[each].act(&scene);
            fake_ring_free(&scene.ring);
        } while (others_came());
    }
    assert_true(found[FINDING_FORGOTTEN] != 0 && found[FINDING_EMPTY] != 0);
}

/* ---- the directory ---- */

static struct group_entry entry;

static void keep_entry(struct scene *scene)
{
    step = 0;
    entry = scene->directory[PASSING];
}

/* As the broker does it (api/directory.c), a step at a time: a group goes, and its entry is made anew. */
static void make_anew(void *context)
{
    struct scene *scene = context;
    struct producer_page *page = scene->ring.view.page;

    switch (step++ % 6) {
    case 0:
        (void)word_take_bit(&page->groups, PASSING);
        break;
    case 1:
    case 5:
        word_store_release(&page->directory_version, word_load(&page->directory_version) + 1);
        break;
    case 2:
        memset(&scene->directory[PASSING], 0xff, sizeof(entry));
        break;
    case 3:
        scene->directory[PASSING] = entry;
        break;
    default:
        (void)word_set_bit(&page->groups, PASSING);
        break;
    }
}

static void an_entry_is_made_anew_meanwhile(void **state)
{
    (void)state;
    for (unsigned every = 1; every < 16; every++)
        look_while(keep_entry, make_anew, every);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_successor_comes_meanwhile),
        cmocka_unit_test(producers_die_all_the_time),
        cmocka_unit_test(messages_come_and_go),
        cmocka_unit_test(the_stream_ends_meanwhile),
        cmocka_unit_test(the_ring_goes_around_meanwhile),
        cmocka_unit_test(a_place_is_taken_meanwhile),
        cmocka_unit_test(what_is_left_behind_is_not_forgotten),
        cmocka_unit_test(who_lives_is_no_trouble_whatever_he_is_at),
        cmocka_unit_test(an_entry_is_made_anew_meanwhile),
    };

    return cmocka_run_group_tests_name("core-inspect-between", tests, NULL, NULL);
}
