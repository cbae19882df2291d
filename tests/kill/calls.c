/* Members and producers that are killed at every step of the public calls, asleep and awake, and those who go on. */
#include "api/consumer.h"
#include "trial.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SECOND INT64_C(1000000000)
#define SOON   (5 * SECOND) /* "within a second", on a machine with much else to do */

enum {
    LONE = 0, /* groups, as they stand in the directory */
    MANY = 1,
    BEFORE = 6,    /* messages sent before the victim comes */
    AFTER = 3,     /* and while it sleeps, or when it is gone */
    LONG = 5000,   /* bytes of a message of which three fill the ring */
    SUCCESSOR = 48 /* the first message of a producer that comes after */
};

static const struct mring_group groups[] = {
    [LONE] = {.name = "lone", .members = 1}, [MANY] = {.name = "many", .members = 3}};

static void make_ring(struct trial *trial, const struct mring_group *declared, size_t count)
{
    struct mring_options options = MRING_OPTIONS_INIT;
    char name[32];

    options.groups = declared;
    options.group_count = count;
    options.capacity = 16384;
    (void)snprintf(name, sizeof(name), "kill.%ld", (long)getpid());
    NEED(mring_create(&trial->ring, name, &options) == 0);
}

static struct mring_consumer *join(struct mring *ring, const char *group)
{
    struct mring_consumer *consumer = NULL;

    NEED(mring_join(ring, group, NULL, &consumer) == 0);
    return consumer;
}

static void send(struct mring_producer *producer, unsigned number)
{
    NEED(mring_send(producer, &number, sizeof(number), number) == 0);
}

static unsigned number_of(const struct mring_message *message)
{
    unsigned number;

    NEED(message->length >= sizeof(number));
    memcpy(&number, message->data, sizeof(number));
    NEED(number == message->tag && number < TRIAL_MESSAGES);
    return number;
}

/* ---- the victim consumes; the trial produces, and a survivor goes on ---- */

static struct mring_producer *producer; /* of the trial */
static struct mring_consumer *survivor;
static const char *group;

static void prepare(struct trial *trial)
{
    NEED(mring_producer(trial->ring, &producer, NULL) == 0);
    if (strcmp(group, "lone") != 0)
        survivor = join(trial->ring, group);
    for (unsigned number = 0; number < BEFORE; number++)
        send(producer, number);
}

static void prepare_lone(struct trial *trial)
{
    group = "lone";
    make_ring(trial, &groups[LONE], 1);
    prepare(trial);
}

static void prepare_many(struct trial *trial)
{
    group = "many";
    make_ring(trial, &groups[MANY], 1);
    prepare(trial);
}

static void prepare_passing(struct trial *trial)
{
    group = "passing";
    make_ring(trial, groups, 0);
    prepare(trial);
}

static void handle(struct trial *trial, struct mring_consumer *consumer, int most)
{
    struct mring_message message;

    for (; most > 0 && mring_next_wait(consumer, &message, 20 * SECOND) == 1; most--) {
        unsigned number = number_of(&message);

        trial->seen[number] = WAS_HANDED;
        trial->seen[number] = IS_RELEASED_MAYBE;
        NEED(mring_release(consumer, &message) == 0);
        trial->seen[number] = IS_RELEASED;
    }
}

static void leave(struct trial *trial, struct mring_consumer *consumer)
{
    trial->left_maybe = true;
    NEED(mring_leave(consumer) == 0);
}

/* All that is there, then one that it sleeps for; it leaves with a message held. */
static void consume(struct trial *trial)
{
    struct mring_consumer *consumer = join(trial->ring, group);
    struct mring_message message;

    handle(trial, consumer, BEFORE + 1);
    if (mring_next_wait(consumer, &message, 20 * SECOND) == 1)
        trial->seen[number_of(&message)] = WAS_HANDED;
    leave(trial, consumer);
}

/* The same by a ring handle of its own, whose life begins and ends here. */
static void open_and_consume(struct trial *trial)
{
    struct mring *ring = NULL;
    struct mring_consumer *consumer;
    char name[32];

    (void)snprintf(name, sizeof(name), "kill.%ld", (long)getppid());
    NEED(mring_open(&ring, name, MRING_CONSUME, NULL) == 0);
    consumer = join(ring, group);
    handle(trial, consumer, 2);
    leave(trial, consumer);
    NEED(mring_close(ring) == 0);
}

static bool sleeps(const struct trial *trial)
{
    const struct group_view *view = survivor != NULL ? &survivor->group.view : &trial->ring->group[0].view;

    return word_load(&view->page->sleepers[0]) != 0;
}

/* One more each time that the victim sleeps. */
static void feed(struct trial *trial, pid_t victim)
{
    unsigned number = BEFORE;

    while (!trial_victim_ended(trial, victim)) {
        if (number < BEFORE + AFTER && sleeps(trial))
            send(producer, number++);
        trial_give_way();
    }
    while (number < BEFORE + AFTER)
        send(producer, number++);
    NEED(mring_end(producer) == 0);
}

static int64_t clock_now(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * SECOND + now.tv_nsec;
}

/* Everything that the victim did not release comes, once; what it was handed, flagged; what it cannot have had, not. */
static void go_on(struct trial *trial)
{
    unsigned times[TRIAL_MESSAGES] = {0};
    struct mring_message message;
    int64_t began = clock_now();
    int code;

    if (survivor == NULL)
        survivor = join(trial->ring, group);
    while ((code = mring_next_wait(survivor, &message, 20 * SECOND)) == 1) {
        unsigned number = number_of(&message);

        NEED(times[number]++ == 0);
        NEED(trial->seen[number] != IS_RELEASED);
        NEED(message.deliveries <= (trial->killed ? 2u : 1u));
        NEED(trial->seen[number] == NOT_SEEN || message.deliveries == 2);
        NEED(mring_release(survivor, &message) == 0);
    }
    NEED(code == -EPIPE);
    NEED(clock_now() - began < SOON);
    for (unsigned number = 0; number < BEFORE + AFTER; number++)
        NEED(times[number] == 1 || trial->seen[number] >= IS_RELEASED_MAYBE ||
             (trial->left_maybe && trial->seen[number] == WAS_HANDED));
    NEED(mring_drain(producer, 20 * SECOND) == 0);
    NEED(mring_leave(survivor) == 0 && mring_producer_close(producer) == 0 && mring_close(trial->ring) == 0);
}

/* ---- the victim recovers what another dead one left ---- */

static void die_holding(struct trial *trial)
{
    struct mring_consumer *consumer = join(trial->ring, group);
    struct mring_message message;

    NEED(mring_next(consumer, &message) == 1);
    (void)kill(getpid(), SIGKILL);
}

static void prepare_dead(struct trial *trial)
{
    int status;
    pid_t first;

    prepare_many(trial);
    first = fork();
    NEED(first >= 0);
    if (first == 0)
        die_holding(trial);
    NEED(waitpid(first, &status, 0) == first && WIFSIGNALED(status));
    for (unsigned number = BEFORE; number < BEFORE + AFTER; number++)
        send(producer, number);
    NEED(mring_end(producer) == 0);
}

static void recover(struct trial *trial)
{
    struct mring_consumer *consumer = join(trial->ring, group);

    handle(trial, consumer, TRIAL_MESSAGES);
    leave(trial, consumer);
}

static void go_on_after_two(struct trial *trial)
{
    unsigned times[TRIAL_MESSAGES] = {0};
    struct mring_message message;
    int code;

    while ((code = mring_next_wait(survivor, &message, 20 * SECOND)) == 1) {
        unsigned number = number_of(&message);

        NEED(times[number]++ == 0);
        NEED(trial->seen[number] != IS_RELEASED && message.deliveries <= 3);
        NEED(number != 0 || message.deliveries >= 2); /* which the first one was handed */
        NEED(mring_release(survivor, &message) == 0);
    }
    NEED(code == -EPIPE);
    for (unsigned number = 0; number < BEFORE + AFTER; number++)
        NEED(times[number] == 1 || trial->seen[number] >= IS_RELEASED_MAYBE);
    NEED(mring_drain(producer, 20 * SECOND) == 0);
    NEED(mring_leave(survivor) == 0 && mring_producer_close(producer) == 0 && mring_close(trial->ring) == 0);
}

/* ---- the victim produces; the trial consumes, and produces in its stead ---- */

static struct mring_consumer *reader[2];
static unsigned next_number[2]; /* what each group is to see next */

static void prepare_readers(struct trial *trial)
{
    make_ring(trial, groups, 2);
    for (unsigned which = LONE; which <= MANY; which++)
        reader[which] = join(trial->ring, groups[which].name);
}

static void announce(struct trial *trial, unsigned count)
{
    trial->announced += count;
}

static void published(struct trial *trial)
{
    trial->sent = trial->announced;
}

/* One, three at once, then until it must wait for room, and the end. */
static void produce(struct trial *trial)
{
    static unsigned char message[LONG];
    struct mring_producer *mine = NULL;
    unsigned number = 0;
    void *where;
    int code;

    NEED(mring_producer(trial->ring, &mine, NULL) == 0);
    announce(trial, 1);
    send(mine, number++);
    published(trial);
    announce(trial, 3);
    for (unsigned left = 3; left > 0; left--, number++) {
        NEED(mring_reserve(mine, sizeof(number), &where) == 0);
        memcpy(where, &number, sizeof(number));
        NEED(mring_commit(mine, sizeof(number), number) == 0);
    }
    NEED(mring_flush(mine) == 0);
    published(trial);
    for (unsigned left = 5; left > 0; left--) {
        announce(trial, 1);
        memcpy(message, &number, sizeof(number));
        while ((code = mring_send(mine, message, sizeof(message), number)) == -EAGAIN)
            NEED(mring_wait(mine, 20 * SECOND) == 0);
        NEED(code == 0);
        number++;
        published(trial);
    }
    NEED(mring_end(mine) == 0);
    NEED(mring_producer_close(mine) == 0);
}

static void read_one(const struct mring_message *message, unsigned which)
{
    NEED(number_of(message) == next_number[which]++);
    NEED(message->deliveries == 1);
    NEED(mring_release(reader[which], message) == 0);
}

static void read_all(void)
{
    struct mring_message message;

    for (unsigned which = LONE; which <= MANY; which++)
        while (mring_next(reader[which], &message) == 1)
            read_one(&message, which);
}

/* Make room, but only when the victim waits for it. */
static void consume_when_wanted(struct trial *trial, pid_t victim)
{
    while (!trial_victim_ended(trial, victim)) {
        if (word_load(&trial->ring->group[MANY].view.page->want) != 0)
            read_all();
        trial_give_way();
    }
}

/* To the end of what is published, and what is said there. */
static int read_to_end(unsigned which)
{
    struct mring_message message;
    int64_t began = clock_now();
    int code;

    while ((code = mring_next_wait(reader[which], &message, 20 * SECOND)) == 1)
        read_one(&message, which);
    NEED(clock_now() - began < SOON);
    return code;
}

static void succeed(struct trial *trial)
{
    NEED(mring_producer(trial->ring, &producer, NULL) == 0);
    for (unsigned which = LONE; which <= MANY; which++)
        next_number[which] = SUCCESSOR;
    send(producer, SUCCESSOR);
    send(producer, SUCCESSOR + 1);
    NEED(mring_end(producer) == 0);
    for (unsigned which = LONE; which <= MANY; which++)
        NEED(read_to_end(which) == -EPIPE && next_number[which] == SUCCESSOR + 2);
    NEED(mring_producer_close(producer) == 0);
}

static void read_and_succeed(struct trial *trial)
{
    const struct producer_page *page = trial->ring->region.view.page;
    bool ended = word_load(&page->ended) != 0;
    bool producing = owner_life(word_load(&page->epoch)) != 0;

    if (!ended && !producing)
        read_all(); /* nobody is missed */
    for (unsigned which = LONE; (ended || producing) && which <= MANY; which++)
        NEED(read_to_end(which) == (ended ? -EPIPE : -EOWNERDEAD));
    NEED(next_number[LONE] == next_number[MANY]);
    NEED(next_number[LONE] == trial->sent || next_number[LONE] == trial->announced);
    if (!ended)
        succeed(trial);
    for (unsigned which = LONE; which <= MANY; which++)
        NEED(mring_leave(reader[which]) == 0);
    NEED(mring_close(trial->ring) == 0);
}

static const struct play plays[] = {
    {"consume-lone", prepare_lone, consume, feed, go_on},
    {"consume-many", prepare_many, consume, feed, go_on},
    {"consume-passing", prepare_passing, consume, feed, go_on},
    {"open-many", prepare_many, open_and_consume, feed, go_on},
    {"open-passing", prepare_passing, open_and_consume, feed, go_on},
    {"recover", prepare_dead, recover, trial_only_wait, go_on_after_two},
    {"produce", prepare_readers, produce, consume_when_wanted, read_and_succeed},
};

int main(int argc, char **argv)
{
    return trial_main(argc, argv, plays, sizeof(plays) / sizeof(*plays));
}
