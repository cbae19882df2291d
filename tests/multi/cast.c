#include "cast.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

const struct mring_group declared[GROUPS] = {{.name = "log", .members = 1}, {.name = "work", .members = 8}};

struct board *board;
struct mring *ring;
char name[MRING_NAME_MAX + 1];
int orders[2];

static int reports[2];

/* ---- reports ---- */

void report(enum report_kind kind, int64_t value)
{
    struct report made = {.kind = kind, .pid = getpid(), .value = value};

    EXPECT(write(reports[1], &made, sizeof(made)), ==, (ssize_t)sizeof(made));
}

/* The next report of this kind; others wait for their turn. */
struct report await(enum report_kind kind)
{
    static struct report kept[4096];
    static size_t count;
    struct report next;

    for (size_t at = 0; at < count; at++)
        if (kept[at].kind == kind) {
            next = kept[at];
            memmove(&kept[at], &kept[at + 1], (--count - at) * sizeof(*kept));
            return next;
        }
    for (;;) {
        EXPECT(read(reports[0], &next, sizeof(next)), ==, (ssize_t)sizeof(next));
        if (next.kind == kind)
            return next;
        EXPECT(count, <, sizeof(kept) / sizeof(*kept));
        kept[count++] = next;
    }
}

struct report await_of(enum report_kind kind, pid_t pid)
{
    struct report next;

    do
        next = await(kind);
    while (next.pid != pid);
    return next;
}

static bool is_heir(void)
{
    for (unsigned group = 0; group < GROUPS; group++)
        if (!MACH_PORT_VALID(ring->group[group].entry))
            return false;
    return MACH_PORT_VALID(ring->escrow) && MACH_PORT_VALID(life_entry(ring->life));
}

/* To be called between any two calls on the ring: says once that this process could serve it, and once that it does. */
void tell_news(void)
{
    static const struct mring *heir, *server;

    if (is_heir() && heir != ring) {
        heir = ring;
        report(HEIR, 0);
    }
    if (ring->broker != NULL && server != ring) {
        server = ring;
        report(SERVES, 0);
    }
}

/* ---- the processes ---- */

void prepare(void)
{
    board = mmap(NULL, sizeof(*board), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANON, -1, 0);
    EXPECT(board != MAP_FAILED, !=, 0);
    EXPECT_OK(pipe(reports));
    EXPECT_OK(pipe(orders));
    (void)snprintf(name, sizeof(name), "succession-%ld", (long)getpid());
}

void create(const char *with_name, unsigned strict)
{
    struct mring_options options = MRING_OPTIONS_INIT;

    options.capacity = CAPACITY;
    options.groups = declared;
    options.group_count = GROUPS;
    options.strict = strict;
    EXPECT_OK(mring_create(&ring, with_name, &options));
}

void open_by_name(enum mring_role role)
{
    struct mring_open_options options = MRING_OPEN_OPTIONS_INIT;

    options.timeout = 20 * (int64_t)SECOND;
    EXPECT_OK(mring_open(&ring, name, role, &options));
}

int send_one(struct mring_producer *producer, uint32_t id, int64_t timeout)
{
    struct message message = {id, board->sent[id]};
    int code;

    EXPECT(message.number, <, NUMBERS);
    code = mring_send_wait(producer, &message, sizeof(message), message.number, timeout);
    if (code == 0)
        __atomic_store_n(&board->sent[id], message.number + 1, __ATOMIC_RELEASE);
    return code;
}

uint32_t new_producer(struct mring_producer **producer)
{
    uint32_t id = __atomic_fetch_add(&board->producers, 1, __ATOMIC_RELAXED);

    EXPECT(id, <, PRODUCERS);
    EXPECT_OK(mring_producer(ring, producer, NULL));
    return id;
}

/* Stream until told to stop; then the stream is complete. A handler-free process: it waits with a limit, to look at the board. */
void stream(uint32_t pace)
{
    struct mring_producer *producer;
    uint32_t id = new_producer(&producer);
    uint64_t state = harness_seed + id;
    bool full = false;

    report(READY, id);
    while (!__atomic_load_n(&board->stop, __ATOMIC_ACQUIRE)) {
        int code = board->sent[id] < NUMBERS ? send_one(producer, id, SECOND / 10) : mring_drain(producer, SECOND / 10);

        EXPECT(code == 0 || code == -ETIMEDOUT, !=, 0);
        if (code != 0 && !full)
            report(FULL, board->sent[id]);
        full |= code != 0;
        (void)mring_wait(producer, 0);
        tell_news();
        if (board->sent[id] > NUMBERS / 2) /* save the rest for who comes late: it lasts longer than a scenario may */
            pace = SECOND / 250;
        if (pace != 0)
            (void)nanosleep(&(struct timespec){.tv_nsec = random_below(&state, pace)}, NULL);
    }
    EXPECT_OK(mring_end(producer));
    EXPECT_OK(mring_drain(producer, MRING_FOREVER));
    EXPECT_OK(mring_producer_close(producer));
    EXPECT_OK(mring_close(ring));
}

void create_and_stream(void *unused)
{
    (void)unused;
    create(name, 0);
    tell_news();
    stream(100 * 1000);
}

void open_and_flood(void *unused)
{
    (void)unused;
    open_by_name(MRING_PRODUCE);
    stream(0);
}

void open_and_stream(void *unused)
{
    (void)unused;
    open_by_name(MRING_PRODUCE);
    stream(100 * 1000);
}

/* Count what this member is given, until the stream is complete. */
static void consume_all(struct mring_consumer *consumer, unsigned group)
{
    struct mring_message message;
    struct message content;
    int code;

    do {
        while ((code = mring_next(consumer, &message)) == 1) {
            EXPECT(message.length, ==, sizeof(content));
            memcpy(&content, message.data, sizeof(content));
            EXPECT(content.producer, <, PRODUCERS);
            EXPECT(content.number, <, NUMBERS);
            EXPECT(message.tag, ==, content.number);
            if (message.deliveries > 1)
                (void)__atomic_fetch_add(&board->flagged[group][content.producer][content.number], 1, __ATOMIC_RELAXED);
            (void)__atomic_fetch_add(&board->given[group][content.producer][content.number], 1, __ATOMIC_RELAXED);
            EXPECT_OK(mring_release(consumer, &message));
        }
        if (code == 0) /* some look for the broker in the middle of a sleep, some before one */
            code = mring_wait(consumer, group == LOG ? SECOND : SECOND / 20);
        tell_news();
    } while (code == 0 || code == -ETIMEDOUT || code == -EOWNERDEAD);
    EXPECT(code, ==, -EPIPE);
    EXPECT_OK(mring_leave(consumer));
    EXPECT_OK(mring_close(ring));
}

void join_and_consume(unsigned group)
{
    struct mring_consumer *consumer;
    int code;

    /* A killed member's place may be asked for before the kernel has taken it away. */
    while ((code = mring_join(ring, declared[group].name, NULL, &consumer)) == -EUSERS)
        continue;
    EXPECT_OK(code);
    report(READY, group);
    consume_all(consumer, group);
}

void open_and_log(void *unused)
{
    (void)unused;
    open_by_name(MRING_CONSUME);
    join_and_consume(LOG);
}

void open_and_work(void *unused)
{
    (void)unused;
    open_by_name(MRING_CONSUME);
    join_and_consume(WORK);
}

/* Every message that was sent has come to each declared group; twice only with the flag, but for what its holder, killed, was given. */
void check_accounts(void)
{
    for (unsigned group = 0; group < GROUPS; group++)
        for (uint32_t id = 0; id < board->producers; id++) {
            uint32_t there = 0;

            while (there < NUMBERS && board->given[group][id][there] != 0) {
                EXPECT(board->given[group][id][there] - board->flagged[group][id][there], <=, 1);
                there++;
            }
            EXPECT(there, >=, board->sent[id]);
            EXPECT(there, <=, board->sent[id] + 1); /* published, and killed before it could say so */
            for (; there < NUMBERS; there++)
                EXPECT(board->given[group][id][there], ==, 0);
        }
}

void finish(pid_t *children, size_t count)
{
    __atomic_store_n(&board->stop, true, __ATOMIC_RELEASE);
    for (size_t at = 0; at < count; at++)
        child_finish(children[at]);
    check_accounts();
}

void await_sent(uint32_t id, uint32_t messages)
{
    while (__atomic_load_n(&board->sent[id], __ATOMIC_ACQUIRE) < messages)
        (void)nanosleep(&(struct timespec){.tv_nsec = 100 * 1000}, NULL);
}

void await_order(void)
{
    char order;

    EXPECT(read(orders[0], &order, 1), ==, 1);
}

void give_order(void)
{
    EXPECT(write(orders[1], "", 1), ==, 1);
}

/* A ring with a producer and somebody in each declared group. */
void start_all(pid_t *creator, pid_t children[2])
{
    prepare();
    *creator = child_start(create_and_stream, NULL);
    (void)await(READY);
    (void)await(SERVES);
    children[0] = child_start(open_and_log, NULL);
    children[1] = child_start(open_and_work, NULL);
    (void)await(READY);
    (void)await(READY);
}
