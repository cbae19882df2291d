/*
 * I10 and I8 as the kernel sees them: under seccomp, the fast paths make no system call at all, nor does who spins, nor who is beside one that
 * spins or dozes; where membarrier is refused, sleepers
 * are woken all the same; and where it works no wake-up is ever rescued by a timeout.
 */
#include "harness.h"

#include "api/ring.h"
#include "core/layout.h"
#include "mring_inline.h"
#include "support/late.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { MESSAGES = 200000 };

static struct mring *ring;
static struct word *consumed; /* messages, by all members together; shared with the children */

static void make_ring(unsigned members)
{
    const struct mring_group group = {.name = "g", .members = members};
    struct mring_options options = MRING_OPTIONS_INIT;

    options.capacity = 65536;
    options.groups = &group;
    options.group_count = 1;
    EXPECT_OK(mring_create(&ring, NULL, &options));
}

static void filter_system_calls(const struct sock_filter *filter, size_t count)
{
    struct sock_fprog program = {(unsigned short)count, (struct sock_filter *)(uintptr_t)filter};

    EXPECT_OK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
    EXPECT_OK(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program));
}

/*
 * From here on any system call kills the process, but for its exit, and for what a quarter of a second brings with it: asking whether somebody
 * lives who has stood still so long (that is no fast path any more, and on a busy machine it happens), and whether the broker does.
 */
static void renounce_system_calls(void)
{
    static const struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_exit_group, 4, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_fcntl, 0, 4),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[1])), /* the low half: little-endian */
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, F_GETLK, 1, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, F_SETLK, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
    };

    filter_system_calls(filter, sizeof(filter) / sizeof(filter[0]));
}

static void exit_process(int status)
{
    (void)syscall(SYS_exit_group, status);
    __builtin_unreachable();
}

static void count_consumed(uint64_t count)
{
    for (uint64_t seen = word_load(consumed); !word_cas(consumed, seen, seen + count);)
        seen = word_load(consumed);
}

static void consume_quietly(void *unused)
{
    struct mring_consumer *consumer;
    struct mring_message message;
    uint64_t count = 0;
    int code;

    (void)unused;
    EXPECT_OK(mring_join(ring, "g", NULL, &consumer));
    renounce_system_calls();
    while ((code = mring_next(consumer, &message)) >= 0)
        if (code == 1) {
            count++;
            if (mring_release(consumer, &message) != 0)
                exit_process(1);
        }
    count_consumed(count);
    exit_process(code == -EPIPE ? 0 : 2);
}

static void produce_quietly(void *unused)
{
    struct mring_producer *producer;
    int code = 0;

    (void)unused;
    EXPECT_OK(mring_producer(ring, &producer, NULL));
    renounce_system_calls();
    for (uint32_t number = 0; number < MESSAGES && code == 0; number++)
        while ((code = mring_send(producer, &number, sizeof(number), number)) == -EAGAIN)
            ;
    if (code == 0)
        code = mring_end(producer);
    exit_process(code == 0 ? 0 : 1);
}

static void consume_inlined(void *unused)
{
    struct mring_consumer *consumer;
    struct mring_message message;
    struct mring_reader reader;
    uint64_t count = 0;
    uint32_t value;
    int code;

    (void)unused;
    EXPECT_OK(mring_join(ring, "g", NULL, &consumer));
    reader = mring_reader(consumer);
    renounce_system_calls();
    for (;;) {
        const bool copied = count / 1000 % 2 == 0;

        code =
            copied ? mring_reader_recv(&reader, &value, sizeof(value), &message) : mring_reader_next(&reader, &message);
        if (code < 0)
            break;
        if (code == 0)
            continue;
        count++;
        if (!copied && mring_reader_release(&reader, &message) != 0)
            exit_process(1);
    }
    count_consumed(count);
    exit_process(code == -EPIPE ? 0 : 2);
}

/* Every other one waits for the next, as far as there is room for that. */
static int send_staged(struct mring_writer *writer, uint32_t number)
{
    void *where;
    int code = mring_writer_reserve(writer, sizeof(number), &where);

    if (code != 0)
        return code;
    memcpy(where, &number, sizeof(number));
    code = mring_writer_commit(writer, sizeof(number), number);
    return code == 0 && number % 2 == 0 ? mring_writer_flush(writer) : code;
}

static void produce_inlined(void *unused)
{
    struct mring_producer *producer;
    struct mring_writer writer;
    int code = 0;

    (void)unused;
    EXPECT_OK(mring_producer(ring, &producer, NULL));
    writer = mring_writer(producer);
    renounce_system_calls();
    for (uint32_t number = 0; number < MESSAGES && code == 0; number++)
        while ((code = number % 4 < 2 ? mring_writer_send(&writer, &number, sizeof(number), number)
                                      : send_staged(&writer, number)) == -EAGAIN)
            ;
    if (code == 0)
        code = mring_end(producer);
    exit_process(code == 0 ? 0 : 1);
}

/* `members` of the one beside one of the other. */
static void run(unsigned members, void (*consume)(void *), void (*produce)(void *))
{
    pid_t child[4];

    consumed = mmap(NULL, sizeof(*consumed), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    EXPECT(consumed != MAP_FAILED, !=, 0);
    make_ring(members);
    for (unsigned member = 0; member < members; member++)
        child[member] = child_start(consume, NULL);
    child_finish(child_start(produce, NULL));
    for (unsigned member = 0; member < members; member++)
        child_finish(child[member]);
    EXPECT(word_load(consumed), ==, MESSAGES);
    EXPECT_OK(mring_close(ring));
}

static void no_system_call_alone(void)
{
    run(1, consume_quietly, produce_quietly);
}

static void no_system_call_shared(void)
{
    run(2, consume_quietly, produce_quietly);
}

static void no_system_call_inlined(void)
{
    run(1, consume_inlined, produce_inlined);
    run(2, consume_inlined, produce_inlined);
}

/* ---- ways to wait ---- */

static void consume_waiting(enum mring_waiting way, bool quietly)
{
    struct mring_join_options options = MRING_JOIN_OPTIONS_INIT;
    struct mring_consumer *consumer;
    struct mring_message message;
    uint64_t count = 0;
    int code;

    options.wait = way;
    options.interval = 100 * 1000;
    EXPECT_OK(mring_join(ring, "g", &options, &consumer));
    if (quietly)
        renounce_system_calls();
    while ((code = mring_next_wait(consumer, &message, MRING_FOREVER)) == 1) {
        count++;
        if (mring_release(consumer, &message) != 0)
            exit_process(1);
    }
    count_consumed(count);
    exit_process(code == -EPIPE ? 0 : 2);
}

/* With a pause now and then that is longer than any spinning before a sleep. */
static void produce_waiting(enum mring_waiting way, bool quietly)
{
    struct mring_producer_options options = MRING_PRODUCER_OPTIONS_INIT;
    struct mring_producer *producer;
    int code = 0;

    options.wait = way;
    options.interval = 100 * 1000;
    EXPECT_OK(mring_producer(ring, &producer, &options));
    if (quietly)
        renounce_system_calls();
    for (uint32_t number = 0; number < MESSAGES && code == 0; number++) {
        for (uint32_t gap = number % 1000 == 0 ? 20000 : 0; gap > 0; gap--)
            pause_cpu();
        code = mring_send_wait(producer, &number, sizeof(number), number, MRING_FOREVER);
    }
    if (code == 0)
        code = mring_end(producer);
    exit_process(code == 0 ? 0 : 1);
}

static void consume_spinning(void *unused)
{
    (void)unused;
    consume_waiting(MRING_SPIN, true);
}

static void produce_spinning(void *unused)
{
    (void)unused;
    produce_waiting(MRING_SPIN, true);
}

static void consume_dozing(void *unused)
{
    (void)unused;
    consume_waiting(MRING_DOZE, false);
}

static void produce_dozing(void *unused)
{
    (void)unused;
    produce_waiting(MRING_DOZE, false);
}

static void spinning_makes_no_system_call(void)
{
    run(1, consume_spinning, produce_spinning);
    run(2, consume_spinning, produce_spinning);
}

/* Who dozes makes system calls; who is beside it need not. */
static void nobody_wakes_who_dozes(void)
{
    run(1, consume_dozing, produce_spinning);
    run(3, consume_dozing, produce_spinning);
    run(1, consume_spinning, produce_dozing);
    run(2, consume_spinning, produce_dozing);
}

/* ---- sleepers ---- */

static void refuse_membarrier(void)
{
    static const struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_membarrier, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };

    filter_system_calls(filter, sizeof(filter) / sizeof(filter[0]));
}

static void consume_sleeping(void *unused)
{
    struct mring_consumer *consumer;
    struct mring_message message;
    int code;

    (void)unused;
    EXPECT_OK(mring_join(ring, "g", NULL, &consumer));
    while ((code = mring_next(consumer, &message)) >= 0) {
        if (code == 0)
            (void)mring_wait(consumer, MRING_FOREVER);
        else
            EXPECT_OK(mring_release(consumer, &message));
    }
    EXPECT(code, ==, -EPIPE);
}

/* Bursts of random size with random gaps between them, so that both sides fall asleep at all sorts of moments. */
static void bursts(unsigned members, bool reachable)
{
    struct mring_producer *producer;
    uint64_t state = harness_seed;
    pid_t child[4];
    const struct producer_page *page;

    if (reachable)
        wakers_may_be_late();
    make_ring(members);
    for (unsigned member = 0; member < members; member++)
        child[member] = child_start(consume_sleeping, NULL);
    EXPECT_OK(mring_producer(ring, &producer, NULL));
    page = ring->region.view.page;
    EXPECT(word_load(&page->fenced) == word_load(&page->epoch), ==, reachable);
    for (uint32_t burst = 0; burst < 3000; burst++) {
        for (uint32_t number = random_below(&state, 64); number > 0; number--)
            while (mring_send(producer, "0123456789abcdef", random_below(&state, 17), number) == -EAGAIN)
                EXPECT_OK(mring_wait(producer, MRING_FOREVER));
        for (uint32_t gap = random_below(&state, 20000); gap > 0; gap--)
            pause_cpu();
    }
    EXPECT_OK(mring_end(producer));
    for (unsigned member = 0; member < members; member++)
        child_finish(child[member]);
    if (reachable) {
        EXPECT(word_load(&page->rescued), ==, 0);
        for (unsigned member = 0; member < members; member++)
            EXPECT(word_load(&ring->group[0].view.line[member].rescued), ==, 0);
    }
    EXPECT_OK(mring_producer_close(producer));
    EXPECT_OK(mring_close(ring));
}

static void sleepers_are_woken(void)
{
    bursts(1, true);
}

static void sharing_sleepers_are_woken(void)
{
    bursts(4, true);
}

static void sleepers_are_woken_without_membarrier(void)
{
    refuse_membarrier();
    bursts(1, false);
}

static void sharing_sleepers_are_woken_without_membarrier(void)
{
    refuse_membarrier();
    bursts(4, false);
}

int main(int argc, char **argv)
{
    static const struct scenario scenarios[] = {
        {"no_system_call_alone", no_system_call_alone, 60},
        {"no_system_call_shared", no_system_call_shared, 60},
        {"no_system_call_inlined", no_system_call_inlined, 60},
        {"spinning_makes_no_system_call", spinning_makes_no_system_call, 60},
        {"nobody_wakes_who_dozes", nobody_wakes_who_dozes, 60},
        {"sleepers_are_woken", sleepers_are_woken, 60},
        {"sharing_sleepers_are_woken", sharing_sleepers_are_woken, 60},
        {"sleepers_are_woken_without_membarrier", sleepers_are_woken_without_membarrier, 60},
        {"sharing_sleepers_are_woken_without_membarrier", sharing_sleepers_are_woken_without_membarrier, 60},
    };

    return harness_main(argc, argv, scenarios, sizeof(scenarios) / sizeof(scenarios[0]));
}
