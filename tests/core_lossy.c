/* Unit tests of core/lossy.h and core/landmark.h: what lossy members get, and what they are told they missed. */
#include "core/lossy.h"

#include "core/lone.h"
#include "core/recover.h"
#include "core/shared.h"
#include "support/fake_ring.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

enum { CAPACITY = 16384, MANY_MEMBERS = 3, LONE = 0, MANY = 1, GROUPS = 2 };

struct scene {
    struct fake_ring ring;
    struct producer_core producer;
    uint32_t sent;
    uint64_t sent_bytes;
};

/* What a group's members came to: each message is to be with one of the two. */
struct account {
    uint64_t got, got_bytes;
    uint64_t missed, missed_bytes;
};

static void scene_make(struct scene *scene)
{
    const uint32_t members[GROUPS] = {1, MANY_MEMBERS};

    memset(scene, 0, sizeof(*scene));
    fake_ring_make(&scene->ring, CAPACITY, 8, GROUPS, members);
    for (unsigned group = 0; group < GROUPS; group++)
        scene->ring.group[group].terms.lossy = 1;
    assert_int_equal(producer_core_start(&scene->producer, &scene->ring.view), 0);
}

static unsigned char byte_of(uint32_t number)
{
    return (unsigned char)(number * 31 + 7);
}

static void send_one(struct scene *scene, uint32_t length)
{
    static unsigned char payload[CAPACITY];

    memset(payload, byte_of(scene->sent), length);
    fake_ring_send(&scene->ring, &scene->producer, payload, length, scene->sent++);
    scene->sent_bytes += length;
}

static void send_some(struct scene *scene, unsigned count, uint32_t length)
{
    while (count-- > 0)
        send_one(scene, length);
}

/* As the api does it, with what may be had besides what is at hand. */
static int next(struct consumer_core *member, struct record *record)
{
    int code = lossy_next(member, record);

    if (code != 0)
        return code;
    if (member->group.members == 1)
        code = lossy_refill(member);
    else
        code = member->lossy.count == 0 ? shared_claim(member) : 0;
    return code < 0 ? code : lossy_next(member, record);
}

static void note_missed(struct account *account, const struct consumer_core *member)
{
    account->missed += member->lossy.gap.messages;
    account->missed_bytes += member->lossy.gap.bytes;
    assert_true(member->lossy.gap.messages != 0);
}

static void check_whole(const struct record *record)
{
    const unsigned char *data = record->data;

    for (uint32_t at = 0; at < record_length(record->header); at++)
        assert_int_equal(data[at], byte_of(record_tag(record->header)));
}

static void release(struct account *account, struct consumer_core *member, const struct record *record)
{
    int code = lossy_release(member, record->position, record_length(record->header));

    if (code == 0) {
        account->got++;
        account->got_bytes += record_length(record->header);
    } else {
        assert_int_equal(code, -EOVERFLOW);
        note_missed(account, member);
    }
}

/* Read to the end. */
static void drain(struct account *account, struct consumer_core *member)
{
    struct record record = {0, 0, NULL};
    int64_t last = -1;
    int code;

    while ((code = next(member, &record)) != 0) {
        if (code == -EOVERFLOW) {
            note_missed(account, member);
            continue;
        }
        assert_int_equal(code, 1);
        check_whole(&record);
        assert_true(record_tag(record.header) > last || member->given > 1);
        last = record_tag(record.header);
        release(account, member, &record);
    }
}

static void assert_adds_up(const struct scene *scene, const struct account *account)
{
    assert_int_equal(account->got + account->missed, scene->sent);
    assert_int_equal(account->got_bytes + account->missed_bytes, scene->sent_bytes);
}

static void one_that_keeps_up_misses_nothing(void **state)
{
    struct scene scene;
    struct account account = {0};
    struct consumer_core member;

    (void)state;
    scene_make(&scene);
    fake_ring_join(&scene.ring, LONE, 1, &member);
    for (unsigned turn = 0; turn < 1000; turn++) {
        send_some(&scene, turn % 7, turn % 200);
        drain(&account, &member);
    }
    assert_int_equal(account.got, scene.sent);
    assert_adds_up(&scene, &account);
    fake_ring_free(&scene.ring);
}

static void lapped_it_knows_what_it_missed(void **state)
{
    (void)state;
    for (unsigned group = 0; group < GROUPS; group++) {
        struct scene scene;
        struct account account = {0};
        struct consumer_core member;

        scene_make(&scene);
        fake_ring_join(&scene.ring, group, 1, &member);
        send_some(&scene, 10, 100);
        drain(&account, &member);
        assert_int_equal(account.got, 10);
        send_some(&scene, 5 * CAPACITY / 108, 100);
        drain(&account, &member);
        assert_true(account.missed > 0 && account.got > 10);
        assert_adds_up(&scene, &account);
        /* What is left to read is most of a ring. */
        assert_true((account.got - 10) * 112 > CAPACITY / 2);
        fake_ring_free(&scene.ring);
    }
}

static void what_is_held_is_overwritten(void **state)
{
    (void)state;
    for (unsigned group = 0; group < GROUPS; group++) {
        struct scene scene;
        struct account account = {0};
        struct consumer_core member;
        struct record first = {0, 0, NULL}, second = {0, 0, NULL};

        scene_make(&scene);
        fake_ring_join(&scene.ring, group, 1, &member);
        send_some(&scene, 50, 40);
        assert_int_equal(next(&member, &first), 1);
        assert_int_equal(next(&member, &second), 1);
        assert_int_equal(lossy_intact(&member, first.position, 40), 1);
        assert_int_equal(lossy_intact(&member, second.position, 39), -EINVAL);
        send_some(&scene, 2 * CAPACITY / 48, 40);
        assert_int_equal(lossy_intact(&member, first.position, 40), 0);
        release(&account, &member, &second);
        assert_int_equal(account.missed, 2);
        assert_int_equal(lossy_intact(&member, first.position, 40), -EINVAL);
        assert_int_equal(lossy_release(&member, first.position, 40), -EINVAL);
        drain(&account, &member);
        assert_adds_up(&scene, &account);
        fake_ring_free(&scene.ring);
    }
}

/* It was told while it held a message, which is lost by now, too; and leaves. */
static void who_leaves_has_counted_what_it_missed(void **state)
{
    struct scene scene;
    struct consumer_core member;
    struct record record = {0, 0, NULL};
    struct lossy_gap told;

    (void)state;
    scene_make(&scene);
    fake_ring_join(&scene.ring, LONE, 1, &member);
    send_some(&scene, 10, 100);
    assert_int_equal(next(&member, &record), 1);
    send_some(&scene, 300, 100);
    assert_int_equal(next(&member, &record), -EOVERFLOW);
    assert_int_equal(word_load(&member.line->missed), 0);
    told = member.lossy.gap;
    group_leave(&member);
    assert_int_equal(word_load(&member.line->missed), told.messages + 1);
    assert_int_equal(word_load(&member.line->missed_bytes), told.bytes + 100);
    fake_ring_free(&scene.ring);
}

/* What it holds counts as released then: as had, if it is whole, or else as missed. */
static void what_is_held_counts_when_its_holder_leaves(void **state)
{
    (void)state;
    for (unsigned group = 0; group < GROUPS; group++) {
        for (unsigned laps = 0; laps <= 2; laps += 2) {
            struct scene scene;
            struct consumer_core member;
            struct record record = {0, 0, NULL};
            const struct member_line *line;

            scene_make(&scene);
            fake_ring_join(&scene.ring, group, 1, &member);
            line = member.line;
            send_some(&scene, 50, 40);
            for (unsigned got = 0; got < 3; got++)
                assert_int_equal(next(&member, &record), 1);
            send_some(&scene, laps * CAPACITY / 48, 40);
            group_leave(&member);
            assert_int_equal(word_load(&line->messages), laps == 0 ? 3 : 0);
            assert_int_equal(word_load(&line->missed), laps == 0 ? 0 : 3);
            assert_int_equal(word_load(&line->missed_bytes), laps == 0 ? 0 : 120);
            fake_ring_free(&scene.ring);
        }
    }
}

/* What is behind the held ones was found to be lost before they were, and is told with them: from the first of them to where it goes on. */
static void what_is_held_is_told_with_what_is_behind(void **state)
{
    (void)state;
    for (unsigned group = 0; group < GROUPS; group++) {
        struct scene scene;
        struct account account = {0};
        struct consumer_core member;
        struct record first = {0, 0, NULL}, second = {0, 0, NULL}, none;

        scene_make(&scene);
        fake_ring_join(&scene.ring, group, 1, &member);
        send_some(&scene, 50, 40);
        assert_int_equal(next(&member, &first), 1);
        assert_int_equal(next(&member, &second), 1);
        send_some(&scene, 2 * CAPACITY / 48, 40);
        assert_int_equal(lossy_next(&member, &none), -EOVERFLOW);
        member.lossy.pending = true; /* as the api does when it has others to hand out */
        release(&account, &member, &second);
        assert_true(account.missed > 2);
        assert_int_equal(member.lossy.gap.from, first.position);
        assert_int_equal(member.lossy.gap.resumed, member.position);
        drain(&account, &member);
        assert_adds_up(&scene, &account);
        fake_ring_free(&scene.ring);
    }
}

static void it_may_hold_so_many(void **state)
{
    struct scene scene;
    struct account account = {0};
    struct consumer_core member;
    struct record record = {0, 0, NULL};

    (void)state;
    scene_make(&scene);
    fake_ring_join(&scene.ring, LONE, 1, &member);
    send_some(&scene, LOSSY_HELD + 2, 8);
    for (unsigned held = 0; held < LOSSY_HELD; held++)
        assert_int_equal(next(&member, &record), 1);
    assert_int_equal(next(&member, &record), -EBUSY);
    assert_int_equal(lossy_release(&member, record.position, 8), 0);
    account.got = LOSSY_HELD;
    account.got_bytes = LOSSY_HELD * 8;
    drain(&account, &member);
    assert_adds_up(&scene, &account);
    fake_ring_free(&scene.ring);
}

static void what_is_taken_back_comes_again(void **state)
{
    struct scene scene;
    struct account account = {0};
    struct consumer_core member;
    struct record record = {0, 0, NULL};

    (void)state;
    scene_make(&scene);
    fake_ring_join(&scene.ring, MANY, 1, &member);
    send_some(&scene, 9, 8);
    assert_int_equal(next(&member, &record), 1);
    lossy_unhand(&member);
    drain(&account, &member);
    assert_int_equal(account.got, 9);
    assert_adds_up(&scene, &account);
    fake_ring_free(&scene.ring);
}

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

            random = random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
            length = (uint32_t)(random >> 33) % most;
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

/* ---- members that come, go and die ---- */

static void who_comes_later_goes_on(void **state)
{
    (void)state;
    for (unsigned group = 0; group < GROUPS; group++) {
        struct scene scene;
        struct account account = {0};
        struct consumer_core member;
        struct record record = {0, 0, NULL};

        scene_make(&scene);
        for (unsigned life = 1; life < 60; life++) {
            fake_ring_join(&scene.ring, group, life, &member);
            for (unsigned left = life % 5; left > 0 && next(&member, &record) == 1; left--)
                release(&account, &member, &record);
            group_leave(&member);
            send_some(&scene, life % 3 * 40, life * 5);
        }
        fake_ring_join(&scene.ring, group, 60, &member);
        drain(&account, &member);
        if (group == MANY) /* what a leaver had claimed and not had goes to the next one */
            while (recover_adopt(&member) == 1)
                drain(&account, &member);
        account.missed = account.missed_bytes = 0;
        for (unsigned line = 0; line < scene.ring.group[group].members; line++) {
            account.missed += word_load(&scene.ring.group[group].line[line].missed);
            account.missed_bytes += word_load(&scene.ring.group[group].line[line].missed_bytes);
        }
        assert_adds_up(&scene, &account);
        fake_ring_free(&scene.ring);
    }
}

static bool only_two_lives(void *context, uint64_t life)
{
    (void)context;
    return life == 2;
}

/* One of many dies while it holds a batch, of which it has released two. `laps` rings of messages are sent then. */
static void die_and_adopt(unsigned laps)
{
    struct scene scene;
    struct account account = {0};
    struct consumer_core dead, living;
    struct record record = {0, 0, NULL};
    const struct judge judge = {only_two_lives, NULL, 2};

    scene_make(&scene);
    fake_ring_join(&scene.ring, MANY, 1, &dead);
    fake_ring_join(&scene.ring, MANY, 2, &living);
    send_some(&scene, 40, 20);
    for (unsigned got = 0; got < 5; got++) {
        assert_int_equal(next(&dead, &record), 1);
        if (got < 2)
            release(&account, &dead, &record);
    }
    send_some(&scene, laps * CAPACITY / 32, 20);
    assert_true(recover_dead(&scene.ring.group[MANY], &judge, NULL));
    drain(&account, &living);
    assert_adds_up(&scene, &account);
    assert_int_equal(account.missed == 0, laps == 0);
    fake_ring_free(&scene.ring);
}

/*
 * Killed in the midst of releasing: what the line says of where it was going stands there, and `held` is still where it was. Who comes next
 * gets all from there on, and is not misled in what it counts.
 */
static void a_release_that_was_not_finished(void **state)
{
    (void)state;
    for (unsigned group = 0; group < GROUPS; group++) {
        struct scene scene;
        struct account before = {0}, account = {0};
        struct consumer_core dead, next_one;
        struct record record = {0, 0, NULL};
        const struct judge judge = {only_two_lives, NULL, 2};
        uint64_t held;

        scene_make(&scene);
        fake_ring_join(&scene.ring, group, 1, &dead);
        send_some(&scene, 400, 8);
        for (unsigned got = 0; got < 9; got++)
            assert_int_equal(next(&dead, &record), 1);
        held = word_load(&dead.line->held);
        release(&before, &dead, &record);
        word_store(&dead.line->held, held);
        if (group == LONE)
            word_store(&dead.line->owner, owner_next(word_load(&dead.line->owner), 0));
        else
            (void)recover_dead(&scene.ring.group[group], &judge, NULL);
        fake_ring_join(&scene.ring, group, 2, &next_one);
        if (group == MANY)
            assert_int_equal(recover_adopt(&next_one), 1);
        assert_int_equal(next(&next_one, &record), 1);
        assert_int_equal(record_tag(record.header), 0);
        assert_int_equal(next_one.given, 2);
        release(&account, &next_one, &record);
        send_some(&scene, 5, CAPACITY / 4);
        drain(&account, &next_one);
        assert_adds_up(&scene, &account);
        fake_ring_free(&scene.ring);
    }
}

/* It held one while it was lapped and went on. What it was handed is marked for who comes next, though more than a ring lies between. */
static void what_the_dead_was_handed_is_marked(void **state)
{
    struct scene scene;
    struct consumer_core dead, next_one;
    struct record record = {0, 0, NULL};
    int code;

    (void)state;
    scene_make(&scene);
    fake_ring_join(&scene.ring, LONE, 1, &dead);
    send_one(&scene, 8);
    assert_int_equal(next(&dead, &record), 1);
    send_some(&scene, 200, 400);
    assert_int_equal(next(&dead, &record), -EOVERFLOW);
    while ((code = next(&dead, &record)) == 1)
        ;
    assert_int_equal(code, 0);
    word_store(&dead.line->owner, owner_next(word_load(&dead.line->owner), 0));
    fake_ring_join(&scene.ring, LONE, 2, &next_one);
    send_one(&scene, 8);
    assert_int_equal(next(&next_one, &record), -EOVERFLOW);
    while (next(&next_one, &record) == 1)
        assert_int_equal(next_one.given, record_tag(record.header) == scene.sent - 1 ? 1 : 2);
    assert_int_equal(record_tag(record.header), scene.sent - 1);
    fake_ring_free(&scene.ring);
}

static void a_dead_members_batch_is_adopted(void **state)
{
    (void)state;
    die_and_adopt(0);
}

static void or_counted_where_it_is_gone(void **state)
{
    (void)state;
    die_and_adopt(2);
}

/* A message kills one after the other: at last it counts as missed. */
static void poison_is_missed(void **state)
{
    (void)state;
    for (unsigned group = 0; group < GROUPS; group++) {
        struct scene scene;
        struct account account = {0};
        struct consumer_core member;
        struct record record = {0, 0, NULL};
        const struct judge judge = {only_two_lives, NULL, 2};

        scene_make(&scene);
        send_some(&scene, 4, 20);
        for (unsigned life = 3; life < 3 + FAKE_RING_ATTEMPTS; life++) {
            fake_ring_join(&scene.ring, group, life, &member);
            if (group == MANY && life > 3)
                (void)recover_adopt(&member);
            assert_int_equal(next(&member, &record), 1);
            assert_int_equal(record_tag(record.header), 0);
            assert_int_equal(member.given, life - 2);
            if (group == LONE) /* it is killed: its line is taken as it stands */
                word_store(&member.line->owner, owner_next(word_load(&member.line->owner), 0));
            else
                (void)recover_dead(&scene.ring.group[group], &judge, NULL);
        }
        fake_ring_join(&scene.ring, group, 2, &member);
        drain(&account, &member);
        assert_int_equal(account.got, 3);
        assert_int_equal(account.missed, 1);
        assert_adds_up(&scene, &account);
        fake_ring_free(&scene.ring);
    }
}

/* It was all that there was of a claim: who finds that is where it was, and holds nothing. */
static void nothing_but_poison_holds_nobody(void **state)
{
    const struct judge judge = {only_two_lives, NULL, 2};
    struct scene scene;
    struct account account = {0};
    struct consumer_core reader, victim;
    struct record record = {0, 0, NULL};

    (void)state;
    scene_make(&scene);
    fake_ring_join(&scene.ring, MANY, 2, &reader);
    send_one(&scene, 20);
    for (unsigned life = 3; life < 3 + FAKE_RING_ATTEMPTS; life++) {
        fake_ring_join(&scene.ring, MANY, life, &victim);
        if (life > 3)
            (void)recover_adopt(&victim);
        assert_int_equal(next(&victim, &record), 1);
        assert_int_equal(record_tag(record.header), 0);
        if (life == 3) { /* the reader comes further meanwhile */
            send_some(&scene, 3, 20);
            drain(&account, &reader);
        }
        (void)recover_dead(&scene.ring.group[MANY], &judge, NULL);
    }
    assert_int_equal(next(&reader, &record), -EOVERFLOW);
    note_missed(&account, &reader);
    assert_false(consumer_core_holds(&reader));
    send_one(&scene, 20);
    drain(&account, &reader);
    assert_adds_up(&scene, &account);
    fake_ring_free(&scene.ring);
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

/* ---- anything ---- */

static uint32_t below(uint64_t *state, uint32_t limit)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*state >> 33) % limit;
}

struct player {
    struct consumer_core core;
    struct account *account;
    struct record held[LOSSY_HELD];
    unsigned count;
};

static void play(struct player *player, uint64_t *random)
{
    struct record record = {0, 0, NULL};
    int code = below(random, 3) != 0 || player->count == LOSSY_HELD ? -EBUSY : next(&player->core, &record);

    if (code == 1) {
        player->held[player->count++] = record;
    } else if (code == -EOVERFLOW) {
        note_missed(player->account, &player->core);
    } else if (player->count > 0) {
        assert_true(code == 0 || code == -EBUSY);
        /* Whole when it is released, it was whole when it was looked at. */
        struct record *first = &player->held[0];
        unsigned char copy[CAPACITY];
        uint32_t length = record_length(first->header);

        copy_racing(copy, first->data, length);
        code = lossy_release(&player->core, first->position, length);
        if (code == 0) {
            for (uint32_t at = 0; at < length; at++)
                assert_int_equal(copy[at], byte_of(record_tag(first->header)));
            player->account->got++;
            player->account->got_bytes += length;
        } else {
            note_missed(player->account, &player->core);
        }
        memmove(first, first + 1, --player->count * sizeof(*first));
    }
}

static void whatever_happens_it_adds_up(void **state)
{
    uint64_t random = (uint64_t)time(NULL);

    (void)state;
    print_message("seed %llu\n", (unsigned long long)random);
    for (unsigned round = 0; round < 60; round++) {
        static struct player player[1 + MANY_MEMBERS];
        struct account account[GROUPS] = {{0}, {0}};
        struct scene scene;

        scene_make(&scene);
        memset(player, 0, sizeof(player));
        for (unsigned who = 0; who < 1 + MANY_MEMBERS; who++) {
            player[who].account = &account[who == 0 ? LONE : MANY];
            fake_ring_join(&scene.ring, who == 0 ? LONE : MANY, who + 1, &player[who].core);
        }
        for (unsigned turn = 0; turn < 4000; turn++) {
            if (below(&random, 3) == 0)
                send_some(&scene, below(&random, 12), below(&random, below(&random, 40) == 0 ? CAPACITY / 2 - 8 : 90));
            play(&player[below(&random, 1 + MANY_MEMBERS)], &random);
        }
        for (unsigned who = 0; who < 1 + MANY_MEMBERS; who++) {
            while (player[who].count > 0)
                play(&player[who], &random);
            drain(player[who].account, &player[who].core);
        }
        for (unsigned group = 0; group < GROUPS; group++)
            assert_adds_up(&scene, &account[group]);
        fake_ring_free(&scene.ring);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_that_keeps_up_misses_nothing),
        cmocka_unit_test(lapped_it_knows_what_it_missed),
        cmocka_unit_test(what_is_held_is_overwritten),
        cmocka_unit_test(who_leaves_has_counted_what_it_missed),
        cmocka_unit_test(what_is_held_counts_when_its_holder_leaves),
        cmocka_unit_test(what_is_held_is_told_with_what_is_behind),
        cmocka_unit_test(it_may_hold_so_many),
        cmocka_unit_test(what_is_taken_back_comes_again),
        cmocka_unit_test(landmarks_stay_apart),
        cmocka_unit_test(there_is_always_a_landmark),
        cmocka_unit_test(who_comes_later_goes_on),
        cmocka_unit_test(a_release_that_was_not_finished),
        cmocka_unit_test(what_the_dead_was_handed_is_marked),
        cmocka_unit_test(a_dead_members_batch_is_adopted),
        cmocka_unit_test(or_counted_where_it_is_gone),
        cmocka_unit_test(poison_is_missed),
        cmocka_unit_test(nothing_but_poison_holds_nobody),
        cmocka_unit_test(a_successor_counts_again),
        cmocka_unit_test(a_successor_takes_false_landmarks_away),
        cmocka_unit_test(a_successor_has_a_landmark_of_its_own),
        cmocka_unit_test(a_successor_keeps_the_intent),
        cmocka_unit_test(whatever_happens_it_adds_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
