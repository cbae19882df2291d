/*
 * Handles in event loops: poll, taking all or one message a turn, and epoll with edges.
 *
 * Where it says so the ticks are stopped (wait/armed.c), which would make up for a lost wake-up within a quarter of a second: then one
 * that is lost is a hang.
 */
#include "event.h"
#include "harness.h"

#include "api/consumer.h"
#include "api/producer.h"
#include "core/layout.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MESSAGES = 20000, MEMBERS = 3, HANG_LIMIT = 5000 /* ms, where a promise says one second */ };

static struct mring *make_ring(unsigned members)
{
    const struct mring_group group = {.name = "g", .members = members};
    struct mring_options options = MRING_OPTIONS_INIT;
    struct mring *ring;

    options.capacity = 16384;
    options.groups = &group;
    options.group_count = 1;
    EXPECT_OK(mring_create(&ring, NULL, &options));
    return ring;
}

static struct mring_consumer *join(struct mring *ring)
{
    struct mring_consumer *consumer;

    EXPECT_OK(mring_join(ring, "g", NULL, &consumer));
    return consumer;
}

static void stop_ticks(struct sleeper_state *state)
{
    const struct itimerspec never = {0};

    EXPECT(word_load(&state->polled), ==, 1);
    EXPECT_OK(timerfd_settime(state->pollable.timer, 0, &never, NULL));
}

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
static struct word *taken; /* messages, of in[0], in[1] and out; shared with the children */

static void share_counts(void)
{
    taken = mmap(NULL, 3 * sizeof(*taken), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    EXPECT(taken != MAP_FAILED, !=, 0);
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
    for (uint32_t number = 0; number < MESSAGES; number++) {
        EXPECT_OK(mring_send_wait(producer, "0123456789abcdef0123456789abcdef", random_below(&state, 33), number,
                                  MRING_FOREVER));
        gap(&state, in[which], &taken[which], number + 1);
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
        count(&taken[source]);
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

    share_counts();
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
    while (code != -EPIPE) {
        if (random_below(&state, 8) != 0)
            loop_turn(&loop, 1);
        else if (loop.style != EDGES)
            loop.ready[0] = true;
        while (loop.ready[0] && code != -EPIPE) {
            code =
                random_below(&state, 4) == 0 ? mring_next(consumer, &message) : mring_next_wait(consumer, &message, 0);
            if (code == 1) {
                count(&taken[2]);
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

    share_counts();
    out = make_ring(MEMBERS);
    for (int member = 0; member < MEMBERS; member++) {
        parts[member] = (struct part){(enum style)((int)random_below(&state, 3)), state};
        children[member] = child_start(consume_in_a_loop, &parts[member]);
    }
    EXPECT_OK(mring_producer(out, &producer, NULL));
    for (uint32_t number = 0; number < 2 * MESSAGES; number++) {
        EXPECT_OK(mring_send_wait(producer, "0123456789abcdef", random_below(&state, 17), number, MRING_FOREVER));
        gap(&state, out, &taken[2], number + 1);
    }
    EXPECT_OK(mring_end(producer));
    for (int member = 0; member < MEMBERS; member++)
        child_finish(children[member]);
    EXPECT(word_load(&taken[2]), ==, 2 * MESSAGES);
    EXPECT_OK(mring_producer_close(producer));
    EXPECT_OK(mring_close(out));
}

static bool readable(int fd, int milliseconds)
{
    struct pollfd polled = {fd, POLLIN, 0};

    return poll(&polled, 1, milliseconds) == 1;
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

/* ---- what else makes it readable ---- */

/* Poll until a look says something other than that nothing is there. */
static int poll_until_told(struct mring_consumer *consumer, struct mring_message *message)
{
    int code;

    while ((code = mring_next_wait(consumer, message, 0)) == -ETIMEDOUT)
        EXPECT(readable(mring_fd(consumer), HANG_LIMIT), !=, 0);
    return code;
}

static struct mring_consumer *woken;

static void wake_from_handler(int number)
{
    (void)number;
    (void)mring_wake(woken);
}

static void *wake_from_thread(void *unused)
{
    (void)mring_wake(woken);
    return unused;
}

static void waking(void)
{
    struct mring_message message;
    struct sigaction action;
    pthread_t thread;
    int fd;

    out = make_ring(1);
    woken = join(out);
    EXPECT(fd = mring_fd(woken), >=, 0);
    EXPECT(readable(fd, 0), !=, 0); /* until it was looked at */
    EXPECT(mring_wait(woken, 0), ==, -ETIMEDOUT);
    stop_ticks(&woken->sleep);
    EXPECT(readable(fd, 0), ==, 0);
    memset(&action, 0, sizeof(action));
    action.sa_handler = wake_from_handler;
    EXPECT_OK(sigaction(SIGUSR1, &action, NULL));
    for (int turn = 0; turn < 100; turn++) {
        EXPECT_OK(turn % 2 == 0 ? raise(SIGUSR1) : pthread_create(&thread, NULL, wake_from_thread, NULL));
        EXPECT(readable(fd, -1), !=, 0);
        EXPECT(mring_next_wait(woken, &message, 0), ==, -ECANCELED);
        EXPECT(mring_next_wait(woken, &message, 0), ==, -ETIMEDOUT);
        EXPECT(mring_next_wait(woken, &message, 1000 * 1000), ==, -ETIMEDOUT);
        EXPECT(readable(fd, 0), ==, 0);
        if (turn % 2 == 1)
            EXPECT_OK(pthread_join(thread, NULL));
    }
    /* Also one that is in a wait. */
    EXPECT_OK(pthread_create(&thread, NULL, wake_from_thread, NULL));
    EXPECT(mring_wait(woken, MRING_FOREVER), ==, -ECANCELED);
    EXPECT_OK(pthread_join(thread, NULL));
    EXPECT_OK(mring_leave(woken));
    EXPECT_OK(mring_close(out));
}

static void in_a_child(void *consumer)
{
    EXPECT(mring_fd((struct mring_consumer *)consumer), ==, -ESTALE);
    EXPECT_OK(mring_leave(consumer));
}

/* A semaphore that the producer knows already makes place for a port; and at the end it is readable for good. */
static void from_sleeping_to_polling(void)
{
    struct mring_producer *producer;
    struct mring_consumer *consumer;
    struct mring_message message;
    pid_t child;

    out = make_ring(1);
    consumer = join(out);
    child = fork();
    EXPECT(child, >=, 0);
    if (child == 0) {
        EXPECT_OK(mring_producer(out, &producer, NULL));
        for (uint32_t number = 0; number < 200; number++) {
            while (word_load(&out->region.view.doorbell->groups) == 0)
                (void)sched_yield();
            EXPECT_OK(mring_send(producer, "0123456789", 10, number));
        }
        EXPECT_OK(mring_end(producer));
        EXPECT_OK(mring_producer_close(producer));
        exit(EXIT_SUCCESS);
    }
    for (uint32_t number = 0; number < 200; number++) {
        int code = number < 100 ? mring_next_wait(consumer, &message, MRING_FOREVER) : 0;

        while (number >= 100 && (code = mring_next_wait(consumer, &message, 0)) == -ETIMEDOUT) {
            stop_ticks(&consumer->sleep);
            EXPECT(readable(mring_fd(consumer), -1), !=, 0);
        }
        EXPECT(code, ==, 1);
        EXPECT(message.tag, ==, number);
        EXPECT_OK(mring_release(consumer, &message));
        if (number == 99)
            EXPECT(mring_fd(consumer), >=, 0);
    }
    EXPECT(poll_until_told(consumer, &message), ==, -EPIPE);
    EXPECT(readable(mring_fd(consumer), 0), !=, 0);
    EXPECT(mring_wait(consumer, 0), ==, -EPIPE);
    EXPECT(readable(mring_fd(consumer), 0), !=, 0);
    child_finish(child);
    child_finish(child_start(in_a_child, consumer));
    EXPECT(readable(mring_fd(consumer), 0), !=, 0);
    EXPECT_OK(mring_leave(consumer));
    EXPECT_OK(mring_close(out));
}

static void produce_and_be_killed(void *unused)
{
    struct mring_producer *producer;

    (void)unused;
    EXPECT_OK(mring_producer(out, &producer, NULL));
    EXPECT_OK(mring_send(producer, "first", 5, 1));
    EXPECT_OK(mring_send(producer, "second", 6, 2));
    (void)raise(SIGKILL);
}

static void take_and_be_killed(void *unused)
{
    struct mring_message message;

    (void)unused;
    EXPECT(mring_next_wait(join(out), &message, MRING_FOREVER), ==, 1);
    (void)raise(SIGKILL);
}

/* A peer with messages in its hands, and the producer: both are noticed by who does nothing but poll. */
static void deaths(void)
{
    struct mring_consumer *consumer;
    struct mring_message message;
    bool redelivered = false;
    pid_t producer, peer;
    int code;

    out = make_ring(2);
    peer = child_start(take_and_be_killed, NULL);
    producer = child_start(produce_and_be_killed, NULL);
    child_finish_killed(producer);
    child_finish_killed(peer);
    consumer = join(out);
    EXPECT(mring_fd(consumer), >=, 0);
    while ((code = poll_until_told(consumer, &message)) == 1) {
        redelivered = redelivered || message.deliveries > 1;
        EXPECT_OK(mring_release(consumer, &message));
    }
    EXPECT(code, ==, -EOWNERDEAD);
    EXPECT(redelivered, !=, 0);
    /* Once more while it polls already. */
    EXPECT(mring_wait(consumer, 0), ==, -ETIMEDOUT);
    peer = child_start(take_and_be_killed, NULL);
    while (word_load(&out->group[0].view.page->sleepers[0]) != 3)
        (void)sched_yield();
    EXPECT_OK(mring_wake(consumer)); /* busy, as it were, so that the peer gets the messages */
    EXPECT(mring_wait(consumer, 0), ==, -ECANCELED);
    producer = child_start(produce_and_be_killed, NULL);
    child_finish_killed(producer);
    child_finish_killed(peer);
    redelivered = false;
    while ((code = poll_until_told(consumer, &message)) == 1) {
        redelivered = redelivered || message.deliveries > 1;
        EXPECT_OK(mring_release(consumer, &message));
    }
    EXPECT(code, ==, -EOWNERDEAD);
    EXPECT(redelivered, !=, 0);
    EXPECT_OK(mring_leave(consumer));
    EXPECT_OK(mring_close(out));
}

/* ---- who serves the ring dies ---- */

static char name[48];
static struct event ready;

static void create_and_be_killed(void *unused)
{
    const struct mring_group group = {.name = "g", .members = 1};
    struct mring_options options = MRING_OPTIONS_INIT;

    (void)unused;
    options.groups = &group;
    options.group_count = 1;
    EXPECT_OK(mring_create(&out, name, &options));
    event_send(&ready);
    (void)pause();
}

static void open_ring(enum mring_role role)
{
    struct mring_open_options options = MRING_OPEN_OPTIONS_INIT;

    options.timeout = INT64_C(30) * 1000 * 1000 * 1000;
    EXPECT_OK(mring_open(&out, name, role, &options));
}

static void open_and_poll(void *unused)
{
    struct mring_consumer *consumer;
    struct mring_message message;
    uint32_t next = 0;
    int code;

    (void)unused;
    open_ring(MRING_CONSUME);
    consumer = join(out);
    EXPECT(mring_fd(consumer), >=, 0);
    EXPECT(mring_wait(consumer, 0), ==, -ETIMEDOUT);
    event_send(&ready);
    while ((code = poll_until_told(consumer, &message)) == 1) {
        EXPECT(message.tag, ==, next);
        next++;
        EXPECT_OK(mring_release(consumer, &message));
    }
    EXPECT(code, ==, -EPIPE);
    EXPECT(next, ==, 200);
    EXPECT_OK(mring_leave(consumer));
    EXPECT_OK(mring_close(out));
}

/* One that does nothing but poll takes the ring over, and is woken by who finds it there. */
static void who_polls_takes_over(void)
{
    struct mring_producer *producer;
    pid_t creator, poller;

    ready = event_make();
    (void)snprintf(name, sizeof(name), "polling-%d", (int)getpid());
    creator = child_start(create_and_be_killed, NULL);
    event_wait(&ready);
    poller = child_start(open_and_poll, NULL);
    event_wait(&ready);
    EXPECT_OK(kill(creator, SIGKILL));
    child_finish_killed(creator);
    open_ring(MRING_PRODUCE);
    EXPECT_OK(mring_producer(out, &producer, NULL));
    for (uint32_t number = 0; number < 200; number++) {
        while (word_load(&out->region.view.doorbell->groups) == 0)
            (void)sched_yield();
        EXPECT_OK(mring_send(producer, "0123456789", 10, number));
    }
    EXPECT_OK(mring_end(producer));
    child_finish(poller);
    EXPECT_OK(mring_producer_close(producer));
    EXPECT_OK(mring_close(out));
}

/* By the clock: nothing is announced, and each is there when its time has come. */
static void dozing(void)
{
    struct mring_join_options options = MRING_JOIN_OPTIONS_INIT;
    struct mring_producer *producer;
    struct mring_consumer *consumer;
    struct mring_message message;

    out = make_ring(1);
    options.wait = MRING_DOZE;
    options.interval = 100 * 1000;
    EXPECT_OK(mring_join(out, "g", &options, &consumer));
    EXPECT_OK(mring_producer(out, &producer, NULL));
    EXPECT(mring_fd(consumer), >=, 0);
    for (uint32_t number = 0; number < 100; number++) {
        EXPECT(mring_wait(consumer, 0), ==, -ETIMEDOUT);
        EXPECT(word_load(&out->region.view.doorbell->groups), ==, 0);
        EXPECT_OK(mring_send(producer, "0123456789", 10, number));
        EXPECT(readable(mring_fd(consumer), -1), !=, 0);
        EXPECT(mring_next_wait(consumer, &message, 0), ==, 1);
        EXPECT_OK(mring_release(consumer, &message));
    }
    EXPECT_OK(mring_leave(consumer));
    EXPECT_OK(mring_producer_close(producer));
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
        {"waking", waking, 60},
        {"from_sleeping_to_polling", from_sleeping_to_polling, 60},
        {"deaths", deaths, 60},
        {"who_polls_takes_over", who_polls_takes_over, 60},
        {"dozing", dozing, 60},
    };

    return harness_main(argc, argv, scenarios, sizeof(scenarios) / sizeof(scenarios[0]));
}
