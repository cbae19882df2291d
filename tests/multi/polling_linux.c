/*
 * Handles in event loops: poll, taking all or one message a turn, and epoll with edges. Where it says so the ticks are stopped.
 */
#include "harness.h"
#include "polling.h"

#include "api/consumer.h"
#include "api/producer.h"
#include "core/layout.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <unistd.h>

enum { MESSAGES = 20000, MEMBERS = 3 };

/* ---- loops ---- */

enum { SOURCES = 3 };

struct loop {
    enum style { TAKE_ALL, TAKE_ONE, EDGES } style;
    int epoll;
    int fd[SOURCES];     /* -1: none */
    bool ready[SOURCES]; /* until it was found to have nothing; with TAKE_ONE, for one turn */
    uint64_t turns;
};

static struct loop loop_make(enum style style)
{
    struct loop loop = {.style = style, .epoll = -1, .fd = {-1, -1, -1}};

    if (style == EDGES)
        EXPECT(loop.epoll = epoll_create1(EPOLL_CLOEXEC), >=, 0);
    return loop;
}

static void loop_add(struct loop *loop, int source, int fd)
{
    struct epoll_event event = {.events = EPOLLIN | EPOLLET, .data.u32 = (uint32_t)source};

    EXPECT(fd, >=, 0);
    loop->fd[source] = fd;
    if (loop->style == EDGES)
        EXPECT_OK(epoll_ctl(loop->epoll, EPOLL_CTL_ADD, fd, &event));
}

static void loop_remove(struct loop *loop, int source)
{
    if (loop->style == EDGES)
        EXPECT_OK(epoll_ctl(loop->epoll, EPOLL_CTL_DEL, loop->fd[source], NULL));
    loop->fd[source] = -1;
    loop->ready[source] = false;
}

/* One turn: wait for those in `interest`. Edges come unasked. */
static void loop_turn(struct loop *loop, unsigned interest)
{
    struct epoll_event events[SOURCES];
    struct pollfd polled[SOURCES];
    int count;

    loop->turns++;
    for (int source = 0; loop->style == EDGES && source < SOURCES; source++)
        if (loop->ready[source] && (interest >> source & 1) != 0)
            return;
    if (loop->style == EDGES) {
        EXPECT(count = epoll_wait(loop->epoll, events, SOURCES, -1), >, 0);
        for (int at = 0; at < count; at++)
            loop->ready[events[at].data.u32] = true;
        return;
    }
    for (int source = 0; source < SOURCES; source++)
        polled[source] = (struct pollfd){(interest >> source & 1) != 0 ? loop->fd[source] : -1, POLLIN, 0};
    EXPECT(count = poll(polled, SOURCES, -1), >, 0);
    for (int source = 0; source < SOURCES; source++)
        loop->ready[source] = polled[source].revents != 0;
}

/* Nothing there, or, with TAKE_ONE, enough of it. */
static void loop_done(struct loop *loop, int source, bool found)
{
    loop->ready[source] = found && loop->style != TAKE_ONE;
}

/* ---- two rings into a third ---- */

static struct mring *in[2], *out;

/* Shared with the children. */
static struct words {
    struct word taken[3]; /* messages, of in[0], in[1] and out */
    struct word known;    /* the sink has the right to wake who sends to it; members of a group that know each other */
} * words;

static void share_words(void)
{
    words = mmap(NULL, sizeof(*words), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    EXPECT(words != MAP_FAILED, !=, 0);
}

static void count(struct word *word)
{
    for (uint64_t seen = word_load(word); !word_cas(word, seen, seen + 1);)
        seen = word_load(word);
}

/* After `sent` messages. */
static void gap(uint64_t *state, const struct mring *ring, const struct word *received, uint64_t sent)
{
    uint32_t dice = random_below(state, 32);

    if (dice < 4)
        for (uint32_t left = random_below(state, 3000); left > 0; left--)
            pause_cpu();
    else if (dice < 8)
        (void)sched_yield();
    else if (dice < 12) /* until somebody sleeps */
        while (word_load(&ring->region.view.doorbell->groups) == 0)
            (void)sched_yield();
    else if (dice < 20) /* until it was taken: nothing is published meanwhile that would wake who missed this one */
        while (word_load(received) < sent)
            (void)sched_yield();
}

static void feed(void *source)
{
    int which = *(int *)source;
    uint64_t state = harness_seed + (uint64_t)which;
    struct mring_producer *producer;

    EXPECT_OK(mring_producer(in[which], &producer, NULL));
    get_to_know(in[which], &producer->group[0], producer->known[0], 0);
    for (uint32_t number = 0; number < MESSAGES; number++) {
        EXPECT_OK(mring_send_wait(producer, "0123456789abcdef0123456789abcdef", random_below(&state, 33), number,
                                  MRING_FOREVER));
        gap(&state, in[which], &words->taken[which], number + 1);
    }
    EXPECT_OK(mring_end(producer));
    EXPECT_OK(mring_producer_close(producer));
}

/* Until the producer waits for room. */
static void await_blocked(void)
{
    while (word_load(&out->group[0].view.page->want) == 0 && word_load(&out->region.view.page->ended) == 0)
        (void)sched_yield();
}

static void sink(void *unused)
{
    struct mring_consumer *consumer = join(out);
    uint64_t state = harness_seed + 2;
    uint32_t next[2] = {0, 0};
    struct mring_message message;
    int code;

    (void)unused;
    while ((code = mring_next_wait(consumer, &message, MRING_FOREVER)) == 1) {
        uint32_t source = message.tag >> 31;

        EXPECT(message.tag & 0x7fffffff, ==, next[source]);
        next[source]++;
        if (random_below(&state, 128) == 0)
            await_blocked();
        EXPECT_OK(mring_release(consumer, &message));
        word_store(&words->known, consumer->producer.owner != 0);
    }
    EXPECT(code, ==, -EPIPE);
    EXPECT(next[0], ==, MESSAGES);
    EXPECT(next[1], ==, MESSAGES);
    EXPECT_OK(mring_leave(consumer));
}

/* What stands between the rings: two consumers and a producer, in one loop of one thread. */
struct forwarder {
    struct loop loop;
    struct mring_consumer *consumer[2];
    struct mring_producer *producer;
    struct mring_message pending; /* taken, and not yet sent: there was no room */
    int pending_from;             /* -1: nothing */
    int open;                     /* sources that have not ended */
};

static void send_on(struct forwarder *forwarder, int source)
{
    const struct mring_message *message = &forwarder->pending;
    int code =
        mring_send_wait(forwarder->producer, message->data, message->length, (uint32_t)source << 31 | message->tag, 0);

    forwarder->pending_from = code == -ETIMEDOUT ? source : -1;
    if (code != -ETIMEDOUT) {
        EXPECT_OK(code);
        EXPECT_OK(mring_release(forwarder->consumer[source], message));
        count(&words->taken[source]);
    }
}

static void take(struct forwarder *forwarder, int source)
{
    int code = 1;

    while (forwarder->loop.ready[source] && forwarder->pending_from < 0) {
        code = mring_next_wait(forwarder->consumer[source], &forwarder->pending, 0);
        if (code == 1)
            send_on(forwarder, source);
        loop_done(&forwarder->loop, source, code == 1);
        if (code == -EPIPE) {
            loop_remove(&forwarder->loop, source);
            forwarder->open--;
        }
        EXPECT(code == 1 || code == -ETIMEDOUT || code == -EPIPE, !=, 0);
    }
}

static void one_turn(struct forwarder *forwarder)
{
    struct loop *loop = &forwarder->loop;
    bool blocked = forwarder->pending_from >= 0;

    loop_turn(loop, blocked ? 4 : 3);
    if (blocked && loop->ready[2]) {
        send_on(forwarder, forwarder->pending_from);
        loop->ready[2] = false;
    }
    for (int source = 0; source < 2; source++)
        take(forwarder, source);
}

static void forward(enum style style)
{
    static int number[2] = {0, 1};
    struct forwarder forwarder = {.loop = loop_make(style), .pending_from = -1, .open = 2};
    pid_t feeding[2], sinking;

    share_words();
    out = make_ring(1);
    for (int source = 0; source < 2; source++)
        in[source] = make_ring(1);
    sinking = child_start(sink, NULL);
    for (int source = 0; source < 2; source++)
        feeding[source] = child_start(feed, &number[source]);
    EXPECT_OK(mring_producer(out, &forwarder.producer, NULL));
    loop_add(&forwarder.loop, 2, mring_fd(forwarder.producer));
    for (int source = 0; source < 2; source++) {
        forwarder.consumer[source] = join(in[source]);
        loop_add(&forwarder.loop, source, mring_fd(forwarder.consumer[source]));
        EXPECT(mring_fd(forwarder.consumer[source]), ==, forwarder.loop.fd[source]);
    }
    while (forwarder.open > 0) {
        one_turn(&forwarder);
        for (int source = 0; source < 2; source++)
            stop_ticks(&forwarder.consumer[source]->sleep);
        if (word_load(&words->known) != 0)
            stop_ticks(&forwarder.producer->sleep);
    }
    EXPECT_OK(mring_end(forwarder.producer));
    child_finish(sinking);
    for (int source = 0; source < 2; source++) {
        const struct member_line *line = &in[source]->group[0].view.line[0];

        child_finish(feeding[source]);
        (void)printf("  ring %d: %llu sleeps of its consumer\n", source, (unsigned long long)word_load(&line->sleeps));
        EXPECT(word_load(&line->sleeps), >, MESSAGES / 64);
        EXPECT_OK(mring_leave(forwarder.consumer[source]));
        EXPECT_OK(mring_close(in[source]));
    }
    EXPECT(word_load(&out->region.view.page->waits), >, MESSAGES / 1024);
    (void)printf("  %llu turns, %llu sleeps of the producer\n", (unsigned long long)forwarder.loop.turns,
                 (unsigned long long)word_load(&out->region.view.page->waits));
    /* No turn is idle but by a message that came late: fewer than one a wake-up, of which there are fewer than messages. */
    EXPECT(forwarder.loop.turns, <, 8 * MESSAGES);
    EXPECT_OK(mring_producer_close(forwarder.producer));
    EXPECT_OK(mring_close(out));
}

static void poll_taking_all(void)
{
    forward(TAKE_ALL);
}

static void poll_taking_one(void)
{
    forward(TAKE_ONE);
}

static void epoll_with_edges(void)
{
    forward(EDGES);
}

/* ---- a group of many ---- */

struct part {
    enum style style;
    uint64_t seed;
};

/* Each member, and the producer, can wake each member, once all are armed. */
static void get_to_know_all(const struct held_group *group, struct known_sleeper *known, uint32_t self)
{
    for (uint32_t line = 0; line < MEMBERS; line++)
        if (line != self)
            get_to_know(out, group, known, line);
    count(&words->known);
    while (word_load(&words->known) < MEMBERS + 1)
        (void)sched_yield();
}

/* Now and then without having been asked, as for a timer of its own. */
static void consume_in_a_loop(void *argument)
{
    const struct part *part = argument;
    uint64_t state = part->seed;
    struct mring_consumer *consumer = join(out);
    struct loop loop = loop_make(part->style);
    struct mring_message message;
    int code = 0;

    loop_add(&loop, 0, mring_fd(consumer));
    EXPECT(mring_wait(consumer, 0), ==, -ETIMEDOUT);
    get_to_know_all(&consumer->group, consumer->peers, consumer->core.line_index);
    while (code != -EPIPE) {
        if (random_below(&state, 8) != 0)
            loop_turn(&loop, 1);
        else if (loop.style != EDGES)
            loop.ready[0] = true;
        while (loop.ready[0] && code != -EPIPE) {
            code =
                random_below(&state, 4) == 0 ? mring_next(consumer, &message) : mring_next_wait(consumer, &message, 0);
            if (code == 1) {
                count(&words->taken[2]);
                EXPECT_OK(mring_release(consumer, &message));
            } else {
                EXPECT(code == 0 || code == -ETIMEDOUT || code == -EPIPE, !=, 0);
            }
            loop_done(&loop, 0, code == 1 || code == 0);
        }
        stop_ticks(&consumer->sleep);
    }
    EXPECT_OK(mring_leave(consumer));
}

static void a_group_of_loops(void)
{
    uint64_t state = harness_seed;
    struct mring_producer *producer;
    struct part parts[MEMBERS];
    pid_t children[MEMBERS];

    share_words();
    out = make_ring(MEMBERS);
    for (int member = 0; member < MEMBERS; member++) {
        parts[member] = (struct part){(enum style)((int)random_below(&state, 3)), state};
        children[member] = child_start(consume_in_a_loop, &parts[member]);
    }
    EXPECT_OK(mring_producer(out, &producer, NULL));
    get_to_know_all(&producer->group[0], producer->known[0], MEMBERS);
    for (uint32_t number = 0; number < 2 * MESSAGES; number++) {
        EXPECT_OK(mring_send_wait(producer, "0123456789abcdef", random_below(&state, 17), number, MRING_FOREVER));
        gap(&state, out, &words->taken[2], number + 1);
    }
    EXPECT_OK(mring_end(producer));
    for (int member = 0; member < MEMBERS; member++)
        child_finish(children[member]);
    EXPECT(word_load(&words->taken[2]), ==, 2 * MESSAGES);
    EXPECT_OK(mring_producer_close(producer));
    EXPECT_OK(mring_close(out));
}

/* Who was woken does not come, another takes the message unasked: the next is for the third, who has nothing to do. */
static void the_idle_are_woken(void)
{
    enum { WOKEN, UNASKED, IDLE };
    struct mring_consumer *member[MEMBERS];
    struct mring_producer *producer;
    struct mring_message message;

    out = make_ring(MEMBERS);
    EXPECT_OK(mring_producer(out, &producer, NULL));
    for (int at = 0; at < MEMBERS; at++) {
        member[at] = join(out);
        EXPECT(member[at]->core.line_index, ==, at);
        EXPECT(mring_fd(member[at]), >=, 0);
        EXPECT(mring_wait(member[at], 0), ==, -ETIMEDOUT);
        get_to_know(out, &producer->group[0], producer->known[0], (uint32_t)at);
        EXPECT(mring_wait(member[at], 0), ==, -ETIMEDOUT);
        stop_ticks(&member[at]->sleep);
    }
    EXPECT_OK(mring_send(producer, "first", 5, 1));
    EXPECT(readable(mring_fd(member[WOKEN]), -1), !=, 0);
    EXPECT(readable(mring_fd(member[UNASKED]), 0), ==, 0);
    EXPECT(mring_next(member[UNASKED], &message), ==, 1);
    EXPECT(readable(mring_fd(member[UNASKED]), 0), !=, 0); /* not armed any more */
    EXPECT_OK(mring_send(producer, "second", 6, 2));
    EXPECT(readable(mring_fd(member[IDLE]), -1), !=, 0);
    for (int at = 0; at < MEMBERS; at++)
        EXPECT_OK(mring_leave(member[at]));
    EXPECT_OK(mring_producer_close(producer));
    EXPECT_OK(mring_close(out));
}

struct disturber {
    struct word *orphans;
    struct word enough;
};

static void *claim_that_there_are_orphans(void *argument)
{
    struct disturber *disturber = argument;

    while (word_load(&disturber->enough) == 0)
        word_store(disturber->orphans, 1);
    return NULL;
}

/* A look says again and again that there is something, as somebody damages the group's words: time is up, but the loop is to come again. */
static void a_timeout_that_arms_nothing(void)
{
    struct disturber disturber;
    struct mring_consumer *consumer;
    struct mring_message message;
    struct loop loop = loop_make(EDGES);
    pthread_t thread;

    out = make_ring(2);
    consumer = join(out);
    disturber = (struct disturber){.orphans = &out->group[0].view.page->orphans};
    EXPECT_OK(pthread_create(&thread, NULL, claim_that_there_are_orphans, &disturber));
    loop_add(&loop, 0, mring_fd(consumer));
    for (int seen = 0; seen < 20;) {
        int code;

        loop.ready[0] = false;
        loop_turn(&loop, 1);
        code = mring_next_wait(consumer, &message, 0);
        EXPECT(code == -ETIMEDOUT || code == -ECANCELED, !=, 0);
        if (consumer->sleep.armed) {
            stop_ticks(&consumer->sleep);
            EXPECT_OK(mring_wake(consumer));
        } else if (code == -ETIMEDOUT) {
            seen++;
        }
    }
    word_store(&disturber.enough, 1);
    EXPECT_OK(pthread_join(thread, NULL));
    EXPECT_OK(mring_leave(consumer));
    EXPECT_OK(mring_close(out));
}

int main(int argc, char **argv)
{
    static const struct scenario scenarios[] = {
        {"poll_taking_all", poll_taking_all, 120},
        {"poll_taking_one", poll_taking_one, 120},
        {"epoll_with_edges", epoll_with_edges, 120},
        {"a_group_of_loops", a_group_of_loops, 120},
        {"the_idle_are_woken", the_idle_are_woken, 30},
        {"a_timeout_that_arms_nothing", a_timeout_that_arms_nothing, 30},
    };

    return harness_main(argc, argv, scenarios, sizeof(scenarios) / sizeof(scenarios[0]));
}
