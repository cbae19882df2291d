/*
 * What the machine itself does, with the least that a program can do for it: no queue, one message at a time.
 *
 *   one line, two lines  a round trip over one line of the cache that both write, and over one each way
 *   futex, eventfd       a round trip of two that sleep at once, or a wake-up: the message lies in shared memory
 *   memcpy               messages copied by one process from a buffer as long as the ring, and by nobody else
 */
#include "loops.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

/* ---- lines ---- */

enum { LINE = 64, LINE_MOST = LINE - 8, BLOCKED_MOST = 64 };

struct line {
    _Alignas(2 * LINE) uint64_t turn; /* how many messages were written here */
    unsigned char message[LINE_MOST];
};

/* One end of either kind. */
struct line_end {
    struct line *line;
    uint64_t turn;
    uint64_t step; /* from one message of this end to the next: 2 where both sides write */
    size_t length;
};

struct line_channel {
    struct line *line;
    uint64_t first, step;
    size_t length;
};

static size_t length_in_line(const struct work *work)
{
    return work->length < LINE_MOST ? work->length : LINE_MOST;
}

static struct line_channel *make_channel(const struct work *work, struct line *line, uint64_t first, uint64_t step)
{
    struct line_channel *channel = malloc(sizeof(*channel));

    *channel = (struct line_channel){line, first, step, length_in_line(work)};
    return channel;
}

static void *create_two(const struct work *work, void *other)
{
    (void)other;
    return make_channel(work, shared_memory(sizeof(struct line)), 1, 1);
}

static void *create_one(const struct work *work, void *other)
{
    const struct line_channel *there = other;

    return there == NULL ? make_channel(work, shared_memory(sizeof(struct line)), 1, 2)
                         : make_channel(work, there->line, 2, 2);
}

static void *open_line(void *of)
{
    const struct line_channel *channel = of;
    struct line_end *end = malloc(sizeof(*end));

    *end = (struct line_end){channel->line, channel->first, channel->step, channel->length};
    return end;
}

static void *open_line_consumer(void *of, unsigned group, unsigned member)
{
    (void)group;
    (void)member;
    return open_line(of);
}

INLINE void *reserve_line(void *of, size_t length)
{
    struct line_end *end = of;

    (void)length;
    return end->line->message;
}

INLINE void commit_nothing(void *of, size_t length)
{
    (void)of;
    (void)length;
}

INLINE bool flush_line(void *of)
{
    struct line_end *end = of;

    __atomic_store_n(&end->line->turn, end->turn, __ATOMIC_RELEASE); /* [LINE] */
    end->turn += end->step;
    return true;
}

INLINE int next_line(void *of, struct message *message)
{
    struct line_end *end = of;

    if (__atomic_load_n(&end->line->turn, __ATOMIC_ACQUIRE) != end->turn) /* [LINE] */
        return 0;
    end->turn += end->step;
    *message = (struct message){end->line->message, end->length};
    return 1;
}

INLINE void release_nothing(void *of)
{
    (void)of;
}

static const struct ops line_ops = {.reserve = reserve_line,
                                    .commit = commit_nothing,
                                    .flush = flush_line,
                                    .next = next_line,
                                    .release = release_nothing};

LOOPS(play_line_loop, &line_ops, BORROWED)

/* Of a message that does not fit into a line, as much as does: it is lines that are measured here. */
static void play_line(struct side *side)
{
    struct work work = *side->work;
    struct side cut = *side;

    work.length = length_in_line(&work);
    cut.work = &work;
    play_line_loop(&cut);
}

#define LINE_ADAPTER(name_, create_, yardstick_)                                                                       \
    {                                                                                                                  \
        .name = name_, .origin = LIMIT, .yardstick = yardstick_, .kinds = 1 << ROUND_TRIP, .longest = LINE,            \
        .create = create_, .open_producer = open_line, .open_consumer = open_line_consumer, .play = play_line          \
    }
const struct adapter adapter_one_line = LINE_ADAPTER("one line", create_one, false);
const struct adapter adapter_two_lines = LINE_ADAPTER("two lines", create_two, true);

/* ---- sleepers ---- */

struct bell {
    _Alignas(2 * LINE) uint32_t rung; /* a message lies here that was not released */
    int fd;                           /* eventfd */
    size_t length;
    _Alignas(LINE) unsigned char message[BLOCKED_MOST];
};

static void *create_bell(const struct work *work, void *other)
{
    struct bell *bell = shared_memory(sizeof(*bell));

    (void)other;
    bell->length = work->length;
    return bell;
}

static void *create_eventfd(const struct work *work, void *other)
{
    struct bell *bell = create_bell(work, other);

    bell->fd = eventfd(0, EFD_CLOEXEC);
    if (bell->fd < 0)
        fault("eventfd: %s", strerror(errno));
    return bell;
}

static void *open_bell(void *of)
{
    return of;
}

static void *open_bell_consumer(void *of, unsigned group, unsigned member)
{
    (void)group;
    (void)member;
    return of;
}

static bool single(const struct work *work)
{
    return work->kind == ROUND_TRIP ? work->idle == BLOCKS
                                    : work->about == LATENCY && work->idle == SLEEPS && work->burst == 1;
}

INLINE void *reserve_bell(void *of, size_t length)
{
    struct bell *bell = of;

    (void)length;
    return __atomic_load_n(&bell->rung, __ATOMIC_ACQUIRE) == 0 ? bell->message : NULL; /* [SILENCED] */
}

INLINE void release_bell(void *of)
{
    struct bell *bell = of;

    __atomic_store_n(&bell->rung, 0, __ATOMIC_RELEASE); /* [SILENCED] */
}

INLINE bool flush_futex(void *of)
{
    struct bell *bell = of;

    __atomic_store_n(&bell->rung, 1, __ATOMIC_RELEASE); /* [BELL] */
    (void)syscall(SYS_futex, &bell->rung, FUTEX_WAKE, 1, NULL, NULL, 0);
    return true;
}

INLINE int next_futex(void *of, struct message *message)
{
    struct bell *bell = of;

    if (__atomic_load_n(&bell->rung, __ATOMIC_ACQUIRE) == 0) /* [BELL] */
        return 0;
    *message = (struct message){bell->message, bell->length};
    return 1;
}

INLINE void wait_futex(void *of)
{
    struct bell *bell = of;

    (void)syscall(SYS_futex, &bell->rung, FUTEX_WAIT, 0, NULL, NULL, 0);
}

INLINE bool flush_eventfd(void *of)
{
    struct bell *bell = of;
    const uint64_t one = 1;

    __atomic_store_n(&bell->rung, 1, __ATOMIC_RELEASE); /* [BELL] */
    return write(bell->fd, &one, sizeof(one)) == (ssize_t)sizeof(one);
}

INLINE int next_eventfd(void *of, struct message *message)
{
    const struct bell *bell = of;
    uint64_t count;

    if (read(bell->fd, &count, sizeof(count)) != (ssize_t)sizeof(count))
        return 0;
    *message = (struct message){bell->message, bell->length};
    return 1;
}

static const struct ops futex_ops = {.reserve = reserve_bell,
                                     .commit = commit_nothing,
                                     .flush = flush_futex,
                                     .next = next_futex,
                                     .release = release_bell,
                                     .wait_message = wait_futex};

static const struct ops eventfd_ops = {.reserve = reserve_bell,
                                       .commit = commit_nothing,
                                       .flush = flush_eventfd,
                                       .next = next_eventfd,
                                       .release = release_bell};

LOOPS(play_futex, &futex_ops, BORROWED)
LOOPS(play_eventfd, &eventfd_ops, BORROWED)

#define BELL_ADAPTER(name_, create_, play_, yardstick_)                                                                \
    {                                                                                                                  \
        .name = name_, .origin = LIMIT, .yardstick = yardstick_, .sleeps = true,                                       \
        .kinds = 1 << ROUND_TRIP | 1 << PACED, .can = single, .longest = BLOCKED_MOST, .create = create_,              \
        .open_producer = open_bell, .open_consumer = open_bell_consumer, .play = play_                                 \
    }
const struct adapter adapter_futex = BELL_ADAPTER("futex", create_bell, play_futex, true);
const struct adapter adapter_eventfd = BELL_ADAPTER("eventfd", create_eventfd, play_eventfd, false);

/* ---- memcpy ---- */

struct copies {
    unsigned char *from, *to;
    size_t size;
};

static void *create_copies(const struct work *work, void *other)
{
    struct copies *copies = malloc(sizeof(*copies));

    (void)other;
    *copies = (struct copies){shared_memory(work->capacity), shared_memory(work->length), work->capacity};
    return copies;
}

/* Whole messages' worth of payload alone: shorter ones are no matter of copying. */
static bool copied(const struct work *work)
{
    return work->length >= 1024 && work->groups == 1 && work->batch == 1 && !work->mixed;
}

static void play_memcpy(struct side *side)
{
    struct outcome *outcome = side->outcome;
    const size_t length = side->work->length;
    uint64_t sent = 0;

    if (side->seen != NULL) { /* here nobody receives: it only learns how many there were */
        while ((side->seen->count = __atomic_load_n(&outcome->sent, __ATOMIC_ACQUIRE)) == 0) /* [COPIED] */
            cpu_pause();
        side->seen->end = now();
        return;
    }
    const struct copies *copies = side->out[0];

    for (const int64_t until = outcome->began + side->duration; now() < until;)
        for (size_t at = 0; at + length <= copies->size; at += length, sent++) {
            memcpy(copies->to, copies->from + at, length);
            __asm__ __volatile__("" ::: "memory"); /* each copy is made */
        }
    __atomic_store_n(&outcome->sent, sent, __ATOMIC_RELEASE); /* [COPIED] */
}

const struct adapter adapter_memcpy = {.name = "memcpy",
                                       .origin = LIMIT,
                                       .kinds = 1 << STREAM,
                                       .can = copied,
                                       .longest = 1 << 16,
                                       .create = create_copies,
                                       .open_producer = open_bell,
                                       .open_consumer = open_bell_consumer,
                                       .play = play_memcpy};
