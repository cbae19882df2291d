/*
 * Deaths among threads: a producer and members, of a lone group and of one of many, each a thread of this process, which is what ThreadSanitizer can
 * follow (build with MRING_ATOMICS=c11). One that is killed ends before a store to a shared word, at random; the verdict on it is given when it has
 * been joined, as a kernel gives it, and another one comes in its place. So those who live recover, adopt, set aside and succeed while others go
 * on, and die at it.
 *
 * About each message there are notes in plain memory, written by whoever has it. They are as good as what the protocol orders: who is
 * handed a message sees what those wrote who had it before, and no two ever write at once. In the end each message was released, or set
 * aside, or its holder was killed while it released it.
 *
 *   kill-threads [LIVES [SEED]]
 */
#include "core/aside.h"
#include "core/lone.h"
#include "core/recover.h"
#include "core/shared.h"
#include "support/fake_ring.h"
#include "support/random.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LONE, MANY, GROUPS };
enum { MEMBERS = 4, PARTIES = 2 + MEMBERS, MESSAGES = 200000, LIVES_MOST = 1 << 16 };
enum { ATTEMPTS = 2 /* before a message is set aside: few, so that many are */ };

struct payload {
    uint64_t number, check;
};

enum { SIZE = LAYOUT_RECORD_HEADER + sizeof(struct payload) };

struct note {
    uint64_t holder; /* the last whom it was handed to */
    unsigned handed;
    bool leaving, left; /* about to be released, released */
    bool aside;
};

static struct party {
    void (*act)(struct party *party);
    unsigned group;
    pthread_t thread;
    uint64_t life, random;
    bool ended; /* under the mutex */
} parties[PARTIES];

static struct fake_ring ring;
static struct note notes[GROUPS][MESSAGES];
static atomic_bool dead[LIVES_MOST + PARTIES + 2]; /* by life */
static uint64_t lives = 4000, lived;
static unsigned long seed;
static atomic_bool finished;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t one_ended = PTHREAD_COND_INITIALIZER;

static _Thread_local struct party *self;
static _Thread_local unsigned steps_left; /* 0: it is not killed */

#define CHECK(condition)                                                                                               \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            (void)fprintf(stderr, "kill-threads: line %d: %s (seed %lu)\n", __LINE__, #condition, seed);               \
            exit(EXIT_FAILURE);                                                                                        \
        }                                                                                                              \
    } while (0)

/* ---- life and death ---- */

static void tell_end(void)
{
    (void)pthread_mutex_lock(&mutex);
    self->ended = true;
    (void)pthread_cond_signal(&one_ended);
    (void)pthread_mutex_unlock(&mutex);
}

void mring_look_point(void)
{
}

void mring_kill_point(void)
{
    if (steps_left == 0 || --steps_left > 0)
        return;
    tell_end();
    pthread_exit(NULL);
}

static bool alive(void *context, uint64_t life)
{
    (void)context;
    return !atomic_load(&dead[life]);
}

static struct judge judge_of(uint64_t life)
{
    return (struct judge){alive, NULL, life};
}

static void *live(void *argument)
{
    self = argument;
    if (self->life <= lives)
        steps_left = 1 + random_below(&self->random, random_below(&self->random, 2) == 0
                                                         ? 50
                                                         : 1000); /* some at what they were left by others */
    self->act(self);
    steps_left = 0;
    tell_end();
    return NULL;
}

static void start(struct party *party)
{
    party->life = ++lived;
    party->ended = false;
    CHECK(pthread_create(&party->thread, NULL, live, party) == 0);
}

/* One that ended is dead from here on. */
static struct party *bury_one(void)
{
    unsigned at = 0;

    (void)pthread_mutex_lock(&mutex);
    while (!parties[at].ended)
        if (++at == PARTIES) {
            (void)pthread_cond_wait(&one_ended, &mutex);
            at = 0;
        }
    parties[at].ended = false;
    (void)pthread_mutex_unlock(&mutex);
    (void)pthread_join(parties[at].thread, NULL);
    atomic_store(&dead[parties[at].life], true);
    return &parties[at];
}

/* ---- producers ---- */

static void commit(struct producer_core *producer, uint64_t number)
{
    const struct payload payload = {number, ~number * 31};
    const struct place place = producer_core_place(producer, sizeof(payload));

    while (!producer_core_finds_room(producer, place.next)) {
        (void)producer_core_publish(producer);
        fake_ring_rescan(&ring, producer);
        if (!producer_core_has_room(producer, place.next))
            (void)sched_yield();
    }
    memcpy(place_payload(place), &payload, sizeof(payload));
    producer_core_commit(producer, place, sizeof(payload), (uint32_t)number);
}

/* From where the one before it came to, in batches; then until all is released. */
static void produce(struct party *party)
{
    struct producer_core producer;

    CHECK(producer_core_start(&producer, &ring.view) == 0);
    while (producer.position < (uint64_t)MESSAGES * SIZE) {
        for (uint32_t left = 1 + random_below(&party->random, 5);
             left > 0 && producer.position < (uint64_t)MESSAGES * SIZE; left--)
            commit(&producer, producer.position / SIZE);
        (void)producer_core_publish(&producer);
    }
    for (fake_ring_rescan(&ring, &producer); producer.gate < producer.position; fake_ring_rescan(&ring, &producer))
        (void)sched_yield();
    atomic_store(&finished, true);
}

/* ---- members ---- */

static bool take(struct consumer_core *member, struct record *record)
{
    int code;

    if (consumer_core_take(member, record))
        return true;
    code = member->group.members > 1 ? shared_claim(member) : lone_refill(member);
    CHECK(code >= 0);
    return code == 1 && consumer_core_take(member, record);
}

static struct note *note_handed(const struct party *party, const struct consumer_core *member,
                                const struct record *record)
{
    const uint64_t number = record->position / SIZE;
    struct note *note = &notes[party->group][number];
    struct payload payload;

    memcpy(&payload, record->data, sizeof(payload));
    CHECK(payload.number == number && payload.check == ~number * 31);
    CHECK(record_length(record->header) == sizeof(payload) && record_tag(record->header) == number);
    CHECK(!note->left && !note->aside);
    CHECK(note->handed == 0 || (member->given > 1 && !alive(NULL, note->holder)));
    note->holder = party->life;
    note->handed++;
    return note;
}

/* What was set aside: whoever is killed while he takes one out has had it or not, so nobody is. */
static void take_aside(unsigned group, const struct judge *judge)
{
    const unsigned left = steps_left;
    struct aside_message message;
    struct payload payload;

    steps_left = 0;
    while (aside_take(&ring.group[group], judge, &payload, sizeof(payload), &message) == 1) {
        struct note *note = &notes[group][message.position / SIZE];

        CHECK(payload.number == message.position / SIZE && message.given >= ATTEMPTS);
        CHECK(!note->left && !note->aside);
        note->aside = true;
    }
    steps_left = left;
}

static bool join(const struct party *party, struct consumer_core *member)
{
    const struct group_view *group = &ring.group[party->group];
    const struct judge judge = judge_of(party->life);
    int line;

    while ((line = group_occupy(group, party->life, alive, NULL)) < 0) {
        if (atomic_load(&finished))
            return false;
        (void)recover_dead(group, &judge, NULL);
        (void)sched_yield();
    }
    CHECK(group_enter(member, &ring.view, group, (uint32_t)line, &judge) == 0);
    return true;
}

/* One by one, or some that are held until the last; now and then it looks for the dead without need, and leaves. */
static void consume(struct party *party)
{
    const struct judge judge = judge_of(party->life);
    struct consumer_core member;
    struct record record;

    if (!join(party, &member))
        return;
    while (!atomic_load(&finished) && random_below(&party->random, 500) != 0) {
        struct note *held[4];
        uint32_t count = 0, most = 1 + random_below(&party->random, 4);

        while (count < most && take(&member, &record)) {
            held[count++] = note_handed(party, &member, &record);
            if (party->group == MANY && member.position == member.limit)
                break;
        }
        for (uint32_t at = 0; at < count; at++)
            held[at]->leaving = true;
        if (count != 0)
            shared_release(&member, member.position);
        for (uint32_t at = 0; at < count; at++)
            held[at]->left = true;
        if (count != 0 && random_below(&party->random, 20) != 0)
            continue;
        (void)recover_dead(&ring.group[party->group], &judge, NULL);
        take_aside(party->group, &judge);
        if (count == 0)
            (void)sched_yield();
    }
    group_leave(&member);
}

/* ---- all of it ---- */

static void account(void)
{
    unsigned long again = 0, aside = 0;

    for (unsigned group = 0; group < GROUPS; group++) {
        take_aside(group, &(struct judge){alive, NULL, lived + 1});
        for (unsigned number = 0; number < MESSAGES; number++) {
            const struct note *note = &notes[group][number];

            CHECK(note->left || note->leaving || note->aside);
            again += note->handed > 1 ? 1 : 0;
            aside += note->aside ? 1 : 0;
        }
    }
    (void)printf("%llu lives, %lu messages given again, %lu set aside\n", (unsigned long long)lived, again, aside);
    CHECK(lives == 0 || again > 0);
}

int main(int argc, char **argv)
{
    unsigned living = PARTIES;

    if (argc > 1)
        lives = strtoul(argv[1], NULL, 10) % LIVES_MOST;
    seed = argc > 2 ? strtoul(argv[2], NULL, 10) : (unsigned long)(uintptr_t)&argc >> 4 & 0xffffff;
    (void)printf("kill-threads %llu %lu\n", (unsigned long long)lives, seed);
    (void)fflush(stdout); /* a hang is killed, and must leave its seed behind */
    /* Places for members, and for the dead who wait to be adopted. */
    fake_ring_make(&ring, LAYOUT_CAPACITY_MIN, 8, GROUPS, (const uint32_t[GROUPS]){1, 2 * MEMBERS});
    ring.view.attempts_max = ATTEMPTS;
    for (unsigned at = 0; at < PARTIES; at++) {
        parties[at] =
            (struct party){.act = at == 0 ? produce : consume, .group = at == 1 ? LONE : MANY, .random = seed + at};
        start(&parties[at]);
    }
    while (living > 0) {
        struct party *party = bury_one();

        if (atomic_load(&finished) || lived == LIVES_MOST)
            living--;
        else
            start(party);
    }
    CHECK(atomic_load(&finished));
    account();
    fake_ring_free(&ring);
    return EXIT_SUCCESS;
}
