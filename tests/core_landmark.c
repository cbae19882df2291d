/* Unit tests of core/landmark.h: there is always a place to go on for who was lapped, also after a producer that died. */
#include "core/landmark.h"

#include "core/lone.h"
#include "support/lossy_scene.h"
#include "support/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

/* A producer that creeps after a slow reader keeps landmarks all over the ring, not the last of them alone. */
static void landmarks_stay_apart(void **state)
{
    struct scene scene;
    struct consumer_core slow;
    struct record record = {0, 0, NULL};
    uint64_t tail, oldest = NOWHERE;

    (void)state;
    scene_make(&scene);
    scene.ring.group[LONE].terms.lossy = 0;
    fake_ring_join(&scene.ring, LONE, 1, &slow);
    send_some(&scene, CAPACITY / 48, 40);
    for (unsigned turn = 0; turn < 2000; turn++) {
        assert_int_equal(lone_next(&slow, &record), 1);
        consumer_core_release(&slow, slow.position);
        send_one(&scene, 40);
    }
    tail = word_load(&scene.ring.view.page->tail);
    for (unsigned place = 0; place < LAYOUT_LANDMARKS; place++) {
        uint64_t position = word_load(&scene.ring.view.page->landmark[place].position);

        if (position + CAPACITY > word_load(&scene.ring.view.page->intent) && position < oldest)
            oldest = position;
    }
    assert_true(tail - oldest > CAPACITY / 2);
    fake_ring_free(&scene.ring);
}

static void assert_somewhere_to_go_on(const struct scene *scene, uint64_t sent)
{
    struct fact fact;

    assert_true(landmark_resume(&scene->ring.view, &fact));
    assert_true(fact.messages <= sent && fact.position <= word_load(&scene->ring.view.page->tail));
    assert_true(landmark_count(&scene->ring.view, &fact, word_load(&scene->ring.view.page->tail)));
    assert_int_equal(fact.messages, sent);
}

/*
 * Whatever is committed and not published, and wherever a producer stands or was killed, who was lapped has a place to go on. In a ring so long that
 * its landmarks do not cover it, too; of that, the headers alone are written.
 */
static void there_is_always_a_landmark(void **state)
{
    static const uint64_t capacities[] = {CAPACITY, UINT64_C(1) << 30};
    static const unsigned steps[] = {8000, 400};

    (void)state;
    for (unsigned at = 0; at < 2; at++) {
        const uint32_t members[] = {1};
        struct scene scene;
        uint64_t sent = 0, committed = 0, random = 1;

        memset(&scene, 0, sizeof(scene));
        fake_ring_make(&scene.ring, capacities[at], 8, 1, members);
        scene.ring.group[LONE].terms.lossy = 1;
        assert_int_equal(producer_core_start(&scene.producer, &scene.ring.view), 0);
        for (unsigned step = 0; step < steps[at]; step++) {
            uint32_t most = step % 3 == 0 ? (uint32_t)capacities[at] / 8 : 16, length;
            struct place place;

            length = random_below(&random, most);
            place = producer_core_place(&scene.producer, length);
            if (!producer_core_finds_room(&scene.producer, place.next) || random >> 58 == 0) {
                (void)producer_core_publish(&scene.producer);
                sent += committed;
                committed = 0;
                producer_core_advance(&scene.producer, producer_core_tail(&scene.producer));
                if (random >> 57 == 0)
                    assert_int_equal(producer_core_start(&scene.producer, &scene.ring.view), 0);
                continue;
            }
            producer_core_commit(&scene.producer, place, length, 0);
            committed++;
            assert_somewhere_to_go_on(&scene, sent);
            if (random >> 54 == 0) { /* killed */
                assert_int_equal(producer_core_start(&scene.producer, &scene.ring.view), 0);
                committed = 0;
                assert_somewhere_to_go_on(&scene, sent);
            }
        }
        fake_ring_free(&scene.ring);
    }
}

/* ---- producers that die ---- */

/* It had stored the tail, and not come to its counters: the successor counts, by a landmark, and so do those who are lapped later. */
static void a_successor_counts_again(void **state)
{
    struct scene scene;
    struct account account = {0};
    struct consumer_core member;
    struct producer_page *page;

    (void)state;
    scene_make(&scene);
    fake_ring_join(&scene.ring, LONE, 1, &member);
    page = scene.ring.view.page;
    send_some(&scene, 700, 30);
    word_store(&page->messages, scene.sent - 3);
    word_store(&page->bytes, scene.sent_bytes - 90);
    assert_int_equal(producer_core_start(&scene.producer, &scene.ring.view), 0);
    assert_int_equal(word_load(&page->messages), scene.sent);
    assert_int_equal(word_load(&page->bytes), scene.sent_bytes);
    send_some(&scene, 3000, 30);
    drain(&account, &member);
    assert_adds_up(&scene, &account);
    fake_ring_free(&scene.ring);
}

/* It had committed much, and published nothing of it: where its landmarks stand, another stream goes on. */
static void a_successor_takes_false_landmarks_away(void **state)
{
    struct scene scene;
    struct account account = {0};
    struct consumer_core member;
    unsigned char payload[100] = {0};

    (void)state;
    scene_make(&scene);
    fake_ring_join(&scene.ring, LONE, 1, &member);
    send_some(&scene, 300, 64);
    fake_ring_rescan(&scene.ring, &scene.producer);
    for (unsigned committed = 0; committed < CAPACITY / 2 / 108; committed++)
        fake_ring_commit(&scene.producer, payload, sizeof(payload), 0);
    assert_int_equal(producer_core_start(&scene.producer, &scene.ring.view), 0);
    for (unsigned place = 0; place < LAYOUT_LANDMARKS; place++) {
        uint64_t position = word_load(&scene.ring.view.page->landmark[place].position);

        assert_true(position == NOWHERE || position <= word_load(&scene.ring.view.page->tail));
    }
    send_some(&scene, 300, 24);
    drain(&account, &member);
    assert_adds_up(&scene, &account);
    fake_ring_free(&scene.ring);
}

/*
 * It had committed a ring and published nothing of it: all that was published before is out of reach then, for its intent says so. The successor
 * has a landmark of its own, at which those go on who were lapped, and from which the next one counts if it is killed too.
 */
static void a_successor_has_a_landmark_of_its_own(void **state)
{
    struct scene scene;
    struct account account = {0};
    struct consumer_core member;
    unsigned char payload[100] = {0};

    (void)state;
    scene_make(&scene);
    fake_ring_join(&scene.ring, LONE, 1, &member);
    send_some(&scene, 300, 64);
    fake_ring_rescan(&scene.ring, &scene.producer);
    while (producer_core_finds_room(&scene.producer, producer_core_place(&scene.producer, sizeof(payload)).next))
        fake_ring_commit(&scene.producer, payload, sizeof(payload), 0);
    assert_int_equal(producer_core_start(&scene.producer, &scene.ring.view), 0);
    send_some(&scene, 3, 64);
    drain(&account, &member);
    assert_int_equal(account.got, 3);
    assert_adds_up(&scene, &account);
    word_store(&scene.ring.view.page->messages, scene.sent - 1);
    word_store(&scene.ring.view.page->bytes, scene.sent_bytes - 64);
    assert_int_equal(producer_core_start(&scene.producer, &scene.ring.view), 0);
    assert_int_equal(word_load(&scene.ring.view.page->messages), scene.sent);
    assert_int_equal(word_load(&scene.ring.view.page->bytes), scene.sent_bytes);
    fake_ring_free(&scene.ring);
}

/* R11: the predecessor may have written up to its intent. */
static void a_successor_keeps_the_intent(void **state)
{
    struct scene scene;
    uint64_t intent;

    (void)state;
    scene_make(&scene);
    send_some(&scene, 1000, 64);
    intent = word_load(&scene.ring.view.page->intent);
    assert_true(intent > word_load(&scene.ring.view.page->tail));
    assert_int_equal(producer_core_start(&scene.producer, &scene.ring.view), 0);
    assert_true(word_load(&scene.ring.view.page->intent) >= intent);
    fake_ring_free(&scene.ring);
}

/* Somebody has damaged all of them: nothing is counted then, and no number made up. */
static void without_landmarks_the_counters_stay(void **state)
{
    struct scene scene;
    struct producer_page *page;
    struct fact fact;

    (void)state;
    scene_make(&scene);
    page = scene.ring.view.page;
    send_some(&scene, 700, 30);
    for (unsigned place = 0; place < LAYOUT_LANDMARKS; place++)
        word_store(&page->landmark[place].position, place % 2 == 0 ? NOWHERE : 4);
    word_store(&page->messages, 3);
    assert_int_equal(producer_core_start(&scene.producer, &scene.ring.view), 0);
    assert_int_equal(word_load(&page->messages), 3);
    for (unsigned place = 0; place < LAYOUT_LANDMARKS; place++)
        word_store(&page->landmark[place].position, NOWHERE);
    assert_false(landmark_last(&scene.ring.view, &fact));
    assert_false(landmark_resume(&scene.ring.view, &fact));
    assert_false(landmark_at(&scene.ring.view, word_load(&page->tail), &fact));
    fact = (struct fact){word_load(&page->tail), 0, 0}; /* nor backwards */
    assert_false(landmark_count(&scene.ring.view, &fact, fact.position - 40));
    fake_ring_free(&scene.ring);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(landmarks_stay_apart),
        cmocka_unit_test(there_is_always_a_landmark),
        cmocka_unit_test(a_successor_counts_again),
        cmocka_unit_test(a_successor_takes_false_landmarks_away),
        cmocka_unit_test(a_successor_has_a_landmark_of_its_own),
        cmocka_unit_test(a_successor_keeps_the_intent),
        cmocka_unit_test(without_landmarks_the_counters_stay),
    };

    return cmocka_run_group_tests_name("core-landmark", tests, NULL, NULL);
}
