/*
 * ticker [-n TICKS] [-r RATE] [-d MICROSECONDS] [-s TICKS] [-o RECORD] [FILE]: one feed of prices and three readers of different
 * kinds, each in a process of its own, on one ring.
 *
 *     cc ticker.c $(pkg-config --cflags --libs mring) -o ticker
 *     ./ticker                        (a display that is slow)
 *     ./ticker -s 100                 (that stops at its 100th tick, until all others are done)
 *     ./ticker -n 1000000 -r 50000    (20 seconds in which to stop, continue or kill any of the processes: it prints their pids)
 *     The other options: usage() below.
 *
 *     feed ---> [ tick | tick | tick ... ] --+--> "recorder"  loses nothing: writes them to RECORD, in order
 *                    ring, 256 KiB           |        +-----> "auditor"  after the recorder: compares RECORD with what was sent
 *                                            +--> "display"  lossy: shows what it can, and knows what it could not
 *
 * The pattern.
 *   - What must be complete is a group that the producer waits for; what is only looked at is a lossy one. It is never waited for: slow,
 *     stopped or dead, it costs the feed nothing. mring_recv gives it whole messages only, and mring_missed tells what it did not
 *     get, in messages and bytes, exactly.
 *   - The recorder gives a batch to the system (fflush) *before* it releases it. So what the auditor sees, which comes after the
 *     recorder, is in the file: there is nothing to wait for, and nobody to ask.
 *
 * The parent looks on: it prints what each has, each second and at the end, and continues a display that is stopped when all others are done.
 * The exit status is 0 only if recorder and auditor had each tick and each byte, what the display received and missed is together what
 * was sent, and the feed never slept for the display's sake.
 */
#include <errno.h>
#include <inttypes.h>
#include <mring.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SECOND INT64_C(1000000000)

enum { RING_BYTES = 256 << 10, TICK_MAX = 256, BATCH = 256 };
enum { RECORDER, AUDITOR, DISPLAY, FEED, PROCESSES };

struct count {
    _Atomic uint64_t ticks, bytes;
};

/* What a process says of itself, in memory that it shares with the parent. */
struct tally {
    struct count had, missed;
    _Atomic uint64_t gaps; /* how often it missed some */
};

static const char *const name[PROCESSES] = {"recorder", "auditor", "display", "feed"}; /* of the groups, too */

struct ticker {
    long ticks, rate, pause, stop;
    FILE *source;            /* NULL: made up */
    FILE *record, *recorded; /* the same file, to write and to read */
    struct mring *ring;
    struct tally *tally;  /* of each process */
    pid_t pid[PROCESSES]; /* 0: it has ended */
    int status[PROCESSES];
    int64_t began, took; /* the feed, ns; 0: it goes on */
};

static int64_t now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * SECOND + time.tv_nsec;
}

static void pause_for(int64_t nanoseconds)
{
    if (nanoseconds > 0)
        nanosleep(&(struct timespec){(time_t)(nanoseconds / SECOND), (long)(nanoseconds % SECOND)}, NULL);
}

/* One process writes a count, so no read-modify-write is needed. */
static void add(_Atomic uint64_t *number, uint64_t more)
{
    atomic_store_explicit(number, atomic_load_explicit(number, memory_order_relaxed) + more, memory_order_relaxed);
}

static void add_to(struct count *count, uint64_t ticks, uint64_t bytes)
{
    add(&count->ticks, ticks);
    add(&count->bytes, bytes);
}

static int fail(int which, const char *why)
{
    fprintf(stderr, "ticker: %s: %s\n", name[which], why);
    return EXIT_FAILURE;
}

/* ------------------------------------------------------------------------------------------------------------------
 * The feed
 */

/* The next line, or as much of it as a tick may be long; 0: there is no more. */
static size_t read_tick(FILE *source, char tick[TICK_MAX])
{
    size_t length = 0;

    for (int byte; length < TICK_MAX && (byte = getc(source)) != EOF;) {
        tick[length++] = (char)byte;
        if (byte == '\n')
            break;
    }
    return length;
}

/* Five prices that wander. */
static size_t make_tick(char tick[TICK_MAX])
{
    static const char *const symbol[] = {"AAA", "BOND", "C", "DOUGH", "EEL"};
    static int price[] = {10000, 250000, 99, 1234567, 4200};
    static uint64_t state;

    state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    unsigned random = (unsigned)(state >> 33), which = random % 5;
    int move = (int)(random / 5 % 21) - 10;
    price[which] += price[which] + move > 0 ? move : 0;
    return (size_t)snprintf(tick, TICK_MAX, "%s %d.%02d\n", symbol[which], price[which] / 100, price[which] % 100);
}

static int feed(const struct ticker *ticker)
{
    struct mring_producer *producer;
    char tick[TICK_MAX];
    int64_t began = now();
    int rc = mring_producer(ticker->ring, &producer, NULL);

    for (long sent = 0; rc == 0 && (ticker->source != NULL || sent < ticker->ticks); sent++) {
        size_t length = ticker->source != NULL ? read_tick(ticker->source, tick) : make_tick(tick);
        if (length == 0)
            break;
        rc = mring_send_wait(producer, tick, length, 0, MRING_FOREVER);
        if (rc == 0)
            add_to(&ticker->tally[FEED].had, 1, length);
        if (ticker->rate > 0)
            pause_for(began + (sent + 1) * SECOND / ticker->rate - now());
    }
    if (ticker->source != NULL && ferror(ticker->source))
        return fail(FEED, strerror(errno));
    if (rc == 0)
        rc = mring_end(producer);
    return rc == 0 ? EXIT_SUCCESS : fail(FEED, mring_strerror(rc));
}

/* ------------------------------------------------------------------------------------------------------------------
 * The readers: each until the stream is complete (-EPIPE)
 */

/* What has been done with a batch, before it is released: NULL, or why not. */
typedef const char *deal(FILE *, const struct mring_message *batch, int count);

static const char *write_batch(FILE *record, const struct mring_message *batch, int count)
{
    for (int i = 0; i < count; i++)
        if (fwrite(batch[i].data, 1, batch[i].length, record) != batch[i].length)
            return strerror(errno);
    return fflush(record) == 0 ? NULL : strerror(errno);
}

static const char *compare_batch(FILE *record, const struct mring_message *batch, int count)
{
    char tick[TICK_MAX];

    for (int i = 0; i < count; i++)
        if (fread(tick, 1, batch[i].length, record) != batch[i].length ||
            memcmp(tick, batch[i].data, batch[i].length) != 0)
            return "what was recorded is not what was sent";
    return NULL;
}

static int take_all(const struct ticker *ticker, int which, FILE *record, deal *deal_with)
{
    struct mring_message batch[BATCH];
    struct mring_consumer *ticks;
    int rc = mring_join(ticker->ring, name[which], NULL, &ticks);

    while (rc >= 0) {
        int count = rc = mring_next_batch(ticks, batch, BATCH);
        if (count == 0)
            rc = mring_wait(ticks, MRING_FOREVER);
        if (count <= 0)
            continue;
        const char *wrong = deal_with(record, batch, count);
        if (wrong != NULL)
            return fail(which, wrong);
        for (int i = 0; i < count; i++)
            add_to(&ticker->tally[which].had, 1, batch[i].length);
        rc = mring_release(ticks, &batch[count - 1]);
    }
    return rc == -EPIPE ? EXIT_SUCCESS : fail(which, mring_strerror(rc));
}

static int show(const struct ticker *ticker)
{
    struct tally *tally = &ticker->tally[DISPLAY];
    char buffer[TICK_MAX];
    struct mring_consumer *ticks;
    struct mring_message tick;
    struct mring_missed missed = MRING_MISSED_INIT;
    long had = 0;
    int rc = mring_join(ticker->ring, name[DISPLAY], NULL, &ticks);

    while (rc >= 0) {
        rc = mring_recv(ticks, buffer, sizeof(buffer), &tick);
        if (rc == 0) {
            rc = mring_wait(ticks, MRING_FOREVER);
        } else if (rc == 1) {
            add_to(&tally->had, 1, tick.length);
            if (++had == ticker->stop)
                raise(SIGSTOP);
            pause_for(ticker->pause * 1000);
        } else if (rc == -EOVERFLOW && (rc = mring_missed(ticks, &missed)) == 1) {
            add_to(&tally->missed, missed.messages, missed.bytes);
            add(&tally->gaps, 1);
        }
    }
    return rc == -EPIPE ? EXIT_SUCCESS : fail(DISPLAY, mring_strerror(rc));
}

static int duty(const struct ticker *ticker, int which)
{
    switch (which) {
    case RECORDER:
        return take_all(ticker, which, ticker->record, write_batch);
    case AUDITOR:
        return take_all(ticker, which, ticker->recorded, compare_batch);
    case DISPLAY:
        return show(ticker);
    default:
        return feed(ticker);
    }
}

/* ------------------------------------------------------------------------------------------------------------------
 * The parent
 */

static int make(struct ticker *ticker, struct mring_error *error)
{
    const struct mring_group groups[] = {{.name = name[RECORDER]},
                                         {.name = name[AUDITOR], .after = &name[RECORDER], .after_count = 1},
                                         {.name = name[DISPLAY], .lossy = 1}};
    struct mring_options options = MRING_OPTIONS_INIT;
    options.capacity = RING_BYTES;
    options.groups = groups;
    options.group_count = sizeof(groups) / sizeof(groups[0]);
    options.error = error;
    ticker->tally =
        mmap(NULL, PROCESSES * sizeof(*ticker->tally), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANON, -1, 0);
    if (ticker->tally == MAP_FAILED)
        return -errno;
    int rc = mring_create(&ticker->ring, NULL, &options);
    ticker->began = now();
    for (int which = 0; which < PROCESSES && rc == 0; which++) {
        ticker->pid[which] = fork();
        if (ticker->pid[which] == 0)
            _exit(duty(ticker, which));
        rc = ticker->pid[which] < 0 ? -errno : 0;
    }
    return rc;
}

/* Did it end well, and had and missed, together, what was sent? */
static bool is_right(const struct ticker *ticker, int which)
{
    const struct tally *sent = &ticker->tally[FEED], *tally = &ticker->tally[which];
    return ticker->pid[which] == 0 && ticker->status[which] == 0 &&
           tally->had.ticks + tally->missed.ticks == sent->had.ticks &&
           tally->had.bytes + tally->missed.bytes == sent->had.bytes;
}

static void print(const struct ticker *ticker)
{
    int64_t took = ticker->took != 0 ? ticker->took : now() - ticker->began;

    printf("%-10s%12s%14s%12s%14s%8s   %.2f million ticks a second\n", "", "ticks", "bytes", "missed", "bytes", "times",
           (double)ticker->tally[FEED].had.ticks * 1e3 / (double)took);
    for (int which = 0; which < PROCESSES; which++) {
        const struct tally *tally = &ticker->tally[which];
        printf("%-10s%12" PRIu64 "%14" PRIu64 "%12" PRIu64 "%14" PRIu64 "%8" PRIu64 "   %s\n", name[which],
               tally->had.ticks, tally->had.bytes, tally->missed.ticks, tally->missed.bytes, tally->gaps,
               ticker->pid[which] != 0              ? "goes on"
               : is_right(ticker, which)            ? "right"
               : WIFSIGNALED(ticker->status[which]) ? "killed"
                                                    : "WRONG");
    }
}

static void signal_all(const struct ticker *ticker, int signal)
{
    for (int which = 0; which < PROCESSES; which++)
        if (ticker->pid[which] > 0)
            kill(ticker->pid[which], signal);
}

/* A process has ended, or was stopped. The others all need one another, but nobody needs the display. */
static void note(struct ticker *ticker, int which, int status)
{
    if (WIFSTOPPED(status)) {
        printf("%s: stopped\n", name[which]);
    } else {
        ticker->pid[which] = 0;
        ticker->status[which] = status;
        if (which == FEED)
            ticker->took = now() - ticker->began;
        if (which != DISPLAY && status != 0)
            signal_all(ticker, SIGKILL);
    }
    if (ticker->pid[FEED] == 0 && ticker->pid[RECORDER] == 0 && ticker->pid[AUDITOR] == 0)
        signal_all(ticker, SIGCONT);
}

static void on_alarm(int signal) /* ends a waitpid */
{
    (void)signal;
}

/* Until all processes have ended. */
static void look_on(struct ticker *ticker)
{
    int status;

    sigaction(SIGALRM, &(struct sigaction){.sa_handler = on_alarm}, NULL);
    setitimer(ITIMER_REAL, &(struct itimerval){{1, 0}, {1, 0}}, NULL);
    for (pid_t pid; (pid = waitpid(-1, &status, WUNTRACED)) > 0 || errno == EINTR;) {
        if (pid < 0)
            print(ticker);
        for (int which = 0; which < PROCESSES; which++)
            if (ticker->pid[which] == pid)
                note(ticker, which, status);
    }
}

/* How often the feed slept while no group was further behind than the display. */
static int count_waits(struct mring *ring, uint64_t *waits)
{
    struct mring_stats *stats = NULL;
    struct mring_group_stats group = MRING_GROUP_STATS_INIT;
    int rc = mring_stats(ring, &stats, NULL);

    for (unsigned at = 0; rc == 0 && (rc = mring_stats_group(stats, at, &group)) == 0; at++)
        if (group.lossy)
            *waits = group.waits;
    mring_stats_free(stats);
    return rc == -ENOENT ? 0 : rc;
}

static int run(struct ticker *ticker)
{
    struct mring_error error = MRING_ERROR_INIT;
    uint64_t waits = 0;
    int rc = make(ticker, &error);

    if (rc < 0)
        signal_all(ticker, SIGKILL);
    else
        printf("pids: recorder %ld, auditor %ld, display %ld, feed %ld\n", (long)ticker->pid[RECORDER],
               (long)ticker->pid[AUDITOR], (long)ticker->pid[DISPLAY], (long)ticker->pid[FEED]);
    look_on(ticker);
    if (rc == 0)
        rc = count_waits(ticker->ring, &waits);
    mring_close(ticker->ring);
    if (rc < 0) {
        fprintf(stderr, "ticker: %s\n", error.text[0] != '\0' ? error.text : mring_strerror(rc));
        return EXIT_FAILURE;
    }
    print(ticker);
    printf("the feed slept for the display %" PRIu64 " times\n", waits);
    bool right = waits == 0;
    for (int which = 0; which < PROCESSES; which++)
        right = right && is_right(ticker, which);
    printf("verdict: %s\n", right ? "everything adds up" : "WRONG");
    return right && fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int usage(void)
{
    fprintf(stderr, "usage: ticker [-n TICKS] [-r RATE] [-d MICROSECONDS] [-s TICKS] [-o RECORD] [FILE]\n"
                    "A feed, a recorder that loses nothing, an auditor after it, and a slow display that may.\n"
                    "  -n  how many ticks are made up, without FILE, whose lines they are else: 3000000\n"
                    "  -r  how many in a second; 0, and without it: as fast as they are recorded\n"
                    "  -d  how long the display pauses over each; without it 50\n"
                    "  -s  it stops itself when it has had so many, until all others are done\n"
                    "  -o  where they are recorded; without it ticks.txt\n");
    return 2;
}

static FILE *open_or_say(const char *path, const char *mode)
{
    FILE *file = fopen(path, mode);
    if (file == NULL)
        fprintf(stderr, "ticker: %s: %s\n", path, strerror(errno));
    return file;
}

int main(int argc, char **argv)
{
    static struct ticker ticker = {.ticks = 3000000, .pause = 50};
    const char *record_name = "ticks.txt";

    for (int option; (option = getopt(argc, argv, "n:r:d:s:o:")) != -1;) {
        long *value = option == 'n'   ? &ticker.ticks
                      : option == 'r' ? &ticker.rate
                      : option == 'd' ? &ticker.pause
                                      : &ticker.stop;
        char *end;
        if (option == '?')
            return usage();
        if (option == 'o') {
            record_name = optarg;
            continue;
        }
        *value = strtol(optarg, &end, 10);
        if (end == optarg || *end != '\0' || *value < 0 || *value > 1000000000)
            return usage();
    }
    if (optind + 1 < argc)
        return usage();
    if (optind < argc)
        ticker.source = strcmp(argv[optind], "-") == 0 ? stdin : open_or_say(argv[optind], "r");
    ticker.record = open_or_say(record_name, "w");
    ticker.recorded = open_or_say(record_name, "r");
    if ((optind < argc && ticker.source == NULL) || ticker.record == NULL || ticker.recorded == NULL)
        return EXIT_FAILURE;
    setvbuf(stdout, NULL, _IOLBF, 0);
    return run(&ticker);
}
