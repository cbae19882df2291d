#include "soak.h"

#include "api/ring.h"

#include <errno.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

/*
 * The server's first life makes the ring; then it is served by whoever takes it over, who is killed, too. Messages that kill their holders do so in
 * "work" alone, whose coroner takes no other work.
 */
const struct role cast[] = {
    {"server", play_server, JOURNAL, .killed = true, .first = true},
    {"producer", play_producer, JOURNAL, .killed = true, .stopped = true, .waited = true},
    {"lone", play_consumer, LONE, .killed = true, .stopped = true, .waited = true, .buries = true},
    {"worker 1", play_consumer, WORK, .killed = true, .stopped = true, .waited = true},
    {"worker 2", play_consumer, WORK, .killed = true, .stopped = true, .waited = true},
    {"worker 3", play_consumer, WORK, .killed = true, .stopped = true, .waited = true},
    {"pair 1", play_consumer, PAIR, .killed = true, .stopped = true, .waited = true, .buries = true},
    {"pair 2", play_consumer, PAIR, .killed = true, .stopped = true, .waited = true},
    {"stage 1", play_consumer, STAGE, .killed = true, .stopped = true, .waited = true, .buries = true},
    {"stage 2", play_consumer, STAGE, .killed = true, .stopped = true, .waited = true},
    {"crew 1", play_consumer, CREW, .killed = true, .stopped = true, .first = true, .waited = true, .buries = true},
    {"crew 2", play_consumer, CREW, .killed = true, .stopped = true, .waited = true},
    {"crew 3", play_consumer, CREW, .killed = true, .stopped = true, .waited = true},
    {"archive", play_consumer, ARCHIVE, .killed = true, .stopped = true, .first = true, .waited = true, .buries = true},
    {"coroner", play_coroner, WORK, .stopped = true, .first = true},
    {"tap", play_tap, TAP, .killed = true, .stopped = true, .waited = true},
    {"spare", play_spare, SPARE, .killed = true, .stopped = true, .waited = true},
    {"operator", play_operator, SPARE, .killed = true, .stopped = true},
    {"glance", play_lossy, GLANCE, .killed = true, .stopped = true, .waited = true},
    {"flock 1", play_lossy, FLOCK, .killed = true, .stopped = true, .waited = true},
    {"flock 2", play_lossy, FLOCK, .killed = true, .stopped = true, .waited = true},
    {"flock 3", play_lossy, FLOCK, .killed = true, .stopped = true, .waited = true},
    {"herd 1", play_lossy, HERD, .stopped = true, .waited = true},
    {"herd 2", play_lossy, HERD, .stopped = true, .waited = true},
};
const unsigned cast_size = sizeof(cast) / sizeof(cast[0]);
_Static_assert(sizeof(cast) / sizeof(cast[0]) <= CAST_MOST, "the book has a place for each role");

struct book *book;
const char *ring_name;
unsigned my_role;
uint64_t my_life;
uint64_t my_random;

int64_t now_ns(void)
{
    struct timespec time;

    (void)clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

void nap(void)
{
    (void)nanosleep(&(struct timespec){0, 1000000}, NULL);
}

void add(struct word *word, uint64_t value)
{
    uint64_t seen = word_load(word);

    while (value != 0 && !word_cas(word, seen, seen + value))
        seen = word_load(word);
}

void add_figure(enum figure figure, uint64_t value)
{
    add(&book->figure[figure], value);
}

void note_server(const struct mring *ring)
{
    uint64_t seen = word_load_acquire(&book->broker);
    uint64_t broker = word_load(&ring->region.view.page->broker);

    if (broker != 0 && broker != seen && word_cas(&book->broker, seen, broker))
        add_figure(TAKEN_OVER, seen != 0);
}

bool is_stuck_serving(const struct mring *ring)
{
    uint64_t broker = word_load(&ring->region.view.page->broker);

    return !cast[my_role].killed && owner_life(broker) == life_number(ring->life) && word_load(&book->ending) == 0;
}

void doom(unsigned role, uint64_t life)
{
    word_store_release(&book->doomed[life], 1);
    word_count(&book->deaths[cast[role].group]);
}

void say_done(void)
{
    word_store_release(&book->done[my_role], my_life);
}

void stay_until_killed(void)
{
    say_done();
    for (;;)
        (void)pause();
}

/*
 * The server may be killed just now, and somebody come to a group that was not declared: it can join when a member has brought the
 * group to the next server, which is done by who waits.
 */
void stay(struct mring_consumer *consumer)
{
    say_done();
    for (;;) {
        (void)mring_wait(consumer, 0);
        nap();
    }
}

void leave(struct mring *ring, struct mring_consumer *consumer)
{
    add_figure(LEFT, 1);
    word_count(&book->leaves[cast[my_role].group]);
    if (mring_leave(consumer) != 0 || mring_close(ring) != 0)
        BAD("leaving failed");
    exit(EXIT_SUCCESS);
}

struct mring *open_ring(enum mring_role role)
{
    struct mring_error error = MRING_ERROR_INIT;
    struct mring_open_options options = MRING_OPEN_OPTIONS_INIT;
    struct mring *ring;
    int code;

    options.timeout = INT64_C(20) * 1000000000;
    options.error = &error;
    code = mring_open(&ring, ring_name, role, &options);
    if (code != 0)
        BAD("mring_open: %d, %s", code, error.text);
    return ring;
}

void take_aside(struct mring_consumer *consumer, void (*mark)(uint64_t number, unsigned deliveries, void *context),
                void *context)
{
    static unsigned char buffer[MESSAGE_MOST];
    struct mring_message message;
    int code;

    /* Without room for it, it is only shown. */
    while ((code = mring_take_aside(consumer, NULL, 0, &message)) == -EMSGSIZE) {
        uint32_t number = message.tag;

        mark(number, message.deliveries, context);
        code = mring_take_aside(consumer, buffer, sizeof(buffer), &message);
        if (code != 1 || message_check(&message).number != number)
            BAD("message %u was set aside, but cannot be taken out: %d", number, code);
    }
    if (code != 0 && code != -EBUSY)
        BAD("mring_take_aside: %d", code);
}

static void print_finding(void *context, const struct mring_finding *finding)
{
    enum mring_weight *least = context;

    if (finding->weight >= *least)
        (void)fprintf(stderr, "  %s, place %d, process %lld: %s (%llu to %llu)\n",
                      finding->group != NULL ? finding->group : "ring", finding->place, (long long)finding->process,
                      finding->text, (unsigned long long)finding->from, (unsigned long long)finding->to);
    if (finding->weight == MRING_DAMAGE && *least == MRING_DAMAGE)
        BAD("mring_fsck found damage in a ring that nobody but the library wrote to");
}

/* What is called damage must be, however many of those at work are killed meanwhile. */
static void inspect_ring(struct mring *ring, enum mring_weight least)
{
    struct mring_fsck_options options = MRING_FSCK_OPTIONS_INIT;
    int code;

    options.report = print_finding;
    options.context = &least;
    code = mring_fsck(ring, &options);
    if (code < 0)
        BAD("mring_fsck: %d", code);
    note_server(ring);
    add_figure(INSPECTED, 1);
}

/* The first life makes the ring. The later ones come to what lives on, and, as they ask for its groups, see when nobody serves it. */
void play_server(void)
{
    const struct timespec pause = {0, 100000000};
    sigset_t asked;

    (void)sigemptyset(&asked);
    (void)sigaddset(&asked, SIGUSR1);
    (void)sigprocmask(SIG_BLOCK, &asked, NULL);
    struct mring *ring = word_load(&book->joined[my_role]) == 0 ? make_ring() : open_ring(MRING_CONSUME);
    word_store_release(&book->joined[my_role], my_life);
    for (;;) { /* the judge wants to know */
        if (sigtimedwait(&asked, NULL, &pause) < 0) {
            inspect_ring(ring, MRING_DAMAGE);
            continue;
        }
        print_state(ring);
        inspect_ring(ring, MRING_NOTE);
        word_store_release(&book->done[my_role], my_life);
    }
}
