/*
 * crash [-w WORKERS] [-k MILLISECONDS] [-p MICROSECONDS] [FILE...]: count the lines, words and bytes of files as
 * `cat FILE... | LC_ALL=C wc` does, by forked workers, of which one is killed with SIGKILL every 100 milliseconds. The
 * result is right all the same.
 *
 *     cc crash.c $(pkg-config --cflags --libs mring) -o crash
 *     ./crash -w 4 -k 10 big.txt          ("-" or no file at all: standard input)
 *
 *       -w  how many workers: 3, or 1 to 64
 *       -k  how often one is killed, if any chunk was finished meanwhile; 0: never
 *       -p  how long a worker pauses over each chunk of 16 KiB, as if its work were slower
 *
 *     files --read(2)--> [ chunk n | chunk n + 1 | ... ] ----> group "work":  worker 1..w, killed and replaced
 *           parent                 ring, 1 MiB                              |
 *              ^                                                            | one store, then the release
 *              +----- in order, once each ----- [ result n | ... ] <--------+
 *                                               table, 64 words
 *
 * The pattern. The ring gives every chunk to a worker *at least once*: what a killed worker held goes to another one,
 * with message.deliveries telling how many had it. Whether the dead one had done its work, nobody can know: it may
 * have been killed between the work and the release. To count each chunk *exactly once* a worker applies its result
 * in a way that can be repeated:
 *   - The result has a place that is the chunk's own, found by the chunk's number, which travels as the message's
 *     tag. Adding to a common total instead could not be repeated.
 *   - It gets there by one store, so it is there whole or not at all, whenever the worker is killed. It carries the
 *     number with it.
 *   - The store comes before the release. Killed before the store: the next one does the work. Killed between the
 *     two: the next one finds the result, or stores the same again. Killed after the release: nobody is given the
 *     chunk again.
 * At least once, applied so that twice is like once, makes exactly once. Where the result goes to a file or a
 * database, the same three hold: a key from the message (mring_message.position is one, too), an atomic write, and
 * the release after it.
 *
 * The table. Chunk n's place is n modulo 64, which is more than the ring holds at a time: there is room for chunk n
 * in the ring only when chunk n - 64 has been released, so its result is there, and the parent has it added up before
 * it sends n. A result that is stored once more belongs to a chunk that is not released yet: its place is still its
 * own.
 *
 * Words. As for wc (coreutils 9.1) a word is what lies between white space and holds a printable byte of ASCII. A
 * chunk ends anywhere, so a worker counts those that lie inside it, and says of what touches its two ends whether it
 * holds such a byte; the parent puts the ends together, in the order of the chunks.
 */
#include <errno.h>
#include <fcntl.h>
#include <mring.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
    RING_BYTES = 1 << 20,
    CHUNK_BYTES = 16 << 10, /* a record is longer by its header: the ring holds 63 */
    RESULTS = RING_BYTES / CHUNK_BYTES,
    WORKERS_MAX = 64,
    ATTEMPTS = 65535 /* the most there are: no chunk is to blame for the death of who held it */
};

/* What all processes share: an anonymous shared mapping, made before the first fork. */
struct shared {
    _Atomic uint64_t result[RESULTS];
    _Atomic uint64_t redelivered; /* chunks that a dead worker was given before */
    _Atomic uint64_t repeated;    /* of those, ones that it had counted */
};

struct crash {
    struct mring *ring;
    struct mring_producer *producer;
    struct shared *shared;
    pid_t worker[WORKERS_MAX];
    int workers;
    long pause;        /* of a worker over a chunk, ns */
    int64_t interval;  /* between two kills, ns; 0: never */
    int64_t next_kill; /* of CLOCK_MONOTONIC */
    unsigned long killed;
    uint32_t finished;        /* chunks, by their numbers, when somebody was killed last */
    int64_t stall;            /* the longest time without room, ns */
    uint32_t sent, collected; /* the numbers of the next chunk to send, and to add up */
    uint64_t lines, words, bytes;
    bool in_word; /* where the chunks added up so far end: in what is a word already */
};

/* ------------------------------------------------------------------------------------------------------------------
 * Results: one word each, so that one store is enough
 */

enum { LINES_AT = 0, WORDS_AT = 15, LENGTH_AT = 30, HEAD_AT = 45, TAIL_AT = 46, SPACE_AT = 47, NUMBER_AT = 48 };
enum { COUNT_MASK = 0x7fff, NUMBER_MASK = 0xffff };
_Static_assert((int)CHUNK_BYTES <= (int)COUNT_MASK, "a count fits its 15 bits");

static uint64_t count(const unsigned char *data, size_t length, uint32_t number)
{
    uint64_t lines = 0, words = 0;
    bool printable = false, head = false,
         space = false; /* in the present run; in the first one; was there white space? */

    for (size_t i = 0; i < length; i++) {
        if (data[i] == ' ' || (data[i] >= '\t' && data[i] <= '\r')) {
            lines += data[i] == '\n';
            if (space)
                words += printable;
            else
                head = printable;
            space = true;
            printable = false;
        } else {
            printable = printable || (data[i] > ' ' && data[i] < 0x7f);
        }
    }
    if (!space)
        head = printable;
    return lines << LINES_AT | words << WORDS_AT | (uint64_t)length << LENGTH_AT | (uint64_t)head << HEAD_AT |
           (uint64_t)printable << TAIL_AT | (uint64_t)space << SPACE_AT | (uint64_t)(number & NUMBER_MASK) << NUMBER_AT;
}

/* Numbers begin with RESULTS, so that the zeros at first are nobody's result. */
static bool is_result_of(uint64_t result, uint32_t number)
{
    return result >> NUMBER_AT == (number & NUMBER_MASK);
}

/* Add up, in order, what is there. */
static void collect(struct crash *crash)
{
    for (; crash->collected != crash->sent; crash->collected++) {
        uint64_t result = atomic_load(&crash->shared->result[crash->collected % RESULTS]);
        if (!is_result_of(result, crash->collected))
            return;
        crash->lines += result >> LINES_AT & COUNT_MASK;
        crash->words += result >> WORDS_AT & COUNT_MASK;
        crash->bytes += result >> LENGTH_AT & COUNT_MASK;
        crash->in_word |= result >> HEAD_AT & 1;
        if (result >> SPACE_AT & 1) {
            crash->words += crash->in_word;
            crash->in_word = result >> TAIL_AT & 1;
        }
    }
}

/* ------------------------------------------------------------------------------------------------------------------
 * Workers
 */

static void work_on(const struct crash *crash, const struct mring_message *chunk)
{
    _Atomic uint64_t *place = &crash->shared->result[chunk->tag % RESULTS];

    if (chunk->deliveries > 1) {
        atomic_fetch_add(&crash->shared->redelivered, 1);
        if (is_result_of(atomic_load(place), chunk->tag)) {
            atomic_fetch_add(&crash->shared->repeated, 1);
            return;
        }
    }
    if (crash->pause > 0)
        nanosleep(&(struct timespec){0, crash->pause}, NULL);
    atomic_store(place, count(chunk->data, chunk->length, chunk->tag));
}

/* Until the stream is complete, or, with -EOWNERDEAD, the parent is gone. */
static int work(const struct crash *crash)
{
    struct mring_consumer *chunks;
    struct mring_message chunk;
    int rc = mring_join(crash->ring, "work", NULL, &chunks);

    while (rc >= 0 && (rc = mring_next_wait(chunks, &chunk, MRING_FOREVER)) == 1) {
        work_on(crash, &chunk);
        rc = mring_release(chunks, &chunk);
    }
    if (rc == -EPIPE)
        return EXIT_SUCCESS;
    fprintf(stderr, "crash: a worker: %s\n", mring_strerror(rc));
    return EXIT_FAILURE;
}

static int start_worker(struct crash *crash, int which)
{
    crash->worker[which] = fork();
    if (crash->worker[which] == 0)
        _exit(work(crash));
    return crash->worker[which] < 0 ? -errno : 0;
}

/* ------------------------------------------------------------------------------------------------------------------
 * The parent
 */

static int64_t now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

/* How long to wait: until it is time to kill somebody. */
static int64_t until_kill(const struct crash *crash)
{
    int64_t left = crash->next_kill - now();
    return crash->interval == 0 ? MRING_FOREVER : left > 0 ? left : 0;
}

/*
 * Kill one worker, each in turn, and start another in its place, if it is time for that, and if a chunk was finished
 * since the last one was killed: where no worker lives long enough for one, there would be no end.
 */
static int kill_one(struct crash *crash)
{
    int which = (int)(crash->killed % (unsigned long)crash->workers), status;

    if (crash->interval == 0 || now() < crash->next_kill)
        return 0;
    crash->next_kill = now() + crash->interval;
    collect(crash);
    if (crash->collected == crash->finished && crash->collected != crash->sent)
        return 0;
    crash->finished = crash->collected;
    kill(crash->worker[which], SIGKILL);
    if (waitpid(crash->worker[which], &status, 0) < 0)
        return -errno;
    if (!WIFSIGNALED(status) && status != 0) /* it had ended before, and said why */
        return -ECHILD;
    crash->killed++;
    return start_worker(crash, which);
}

/* Room for a chunk, however long it takes. */
static int reserve(struct crash *crash, void **room)
{
    int64_t began = 0;
    int rc = kill_one(crash);

    while (rc == 0 && (rc = mring_reserve(crash->producer, CHUNK_BYTES, room)) == -EAGAIN) {
        if (began == 0)
            began = now();
        rc = mring_wait(crash->producer, until_kill(crash));
        if (rc == -ETIMEDOUT || rc == -EINTR)
            rc = 0;
        if (rc == 0)
            rc = kill_one(crash);
    }
    if (began != 0 && now() - began > crash->stall)
        crash->stall = now() - began;
    return rc;
}

/* The files, one after the other: fill the buffer, less only at the end of all. */
struct source {
    char **names;
    int count, next, fd;
    bool failed; /* some could not be read: said, and left out, as by cat */
};

static void source_failed(struct source *source)
{
    fprintf(stderr, "crash: %s: %s\n", source->names[source->next - 1], strerror(errno));
    source->failed = true;
}

static bool source_open(struct source *source)
{
    while (source->fd < 0 && source->next < source->count) {
        const char *name = source->names[source->next++];
        source->fd = strcmp(name, "-") == 0 ? dup(STDIN_FILENO) : open(name, O_RDONLY | O_CLOEXEC);
        if (source->fd < 0)
            source_failed(source);
    }
    return source->fd >= 0;
}

static size_t source_read(struct source *source, unsigned char *buffer, size_t size)
{
    size_t have = 0;

    while (have < size && source_open(source)) {
        ssize_t got = read(source->fd, buffer + have, size - have);
        if (got > 0) {
            have += (size_t)got;
        } else if (got == 0 || errno != EINTR) {
            if (got < 0)
                source_failed(source);
            close(source->fd);
            source->fd = -1;
        }
    }
    return have;
}

/* Read all files into the ring, chunk by chunk. */
static int feed(struct crash *crash, struct source *source)
{
    void *room;
    size_t length = CHUNK_BYTES;
    int rc = 0;

    while (rc == 0 && length == CHUNK_BYTES && (rc = reserve(crash, &room)) == 0) {
        collect(crash);
        length = source_read(source, room, CHUNK_BYTES);
        if (length == 0)
            break;
        rc = mring_publish(crash->producer, length, crash->sent++);
    }
    return rc == 0 ? mring_end(crash->producer) : rc;
}

/* Wait until everything is released; who is killed until then is replaced as before. */
static int finish(struct crash *crash)
{
    int rc;

    while ((rc = mring_drain(crash->producer, until_kill(crash))) == -ETIMEDOUT || rc == -EINTR)
        if ((rc = kill_one(crash)) < 0)
            return rc;
    collect(crash);
    crash->words += crash->in_word;
    return rc < 0 ? rc : crash->collected == crash->sent ? 0 : -EBADMSG;
}

/* After an error those that still run are ended. */
static int reap_workers(struct crash *crash, int rc)
{
    for (int which = 0; which < crash->workers && crash->worker[which] > 0; which++) {
        int status = 0;
        if (rc < 0)
            kill(crash->worker[which], SIGKILL);
        while (waitpid(crash->worker[which], &status, 0) < 0 && errno == EINTR)
            ;
        if (rc == 0 && status != 0)
            rc = -ECHILD;
    }
    return rc;
}

static int make(struct crash *crash, struct mring_error *error)
{
    const struct mring_group work_group = {
        .name = "work", .members = 2 * (unsigned)crash->workers}; /* for the dead, too, until they are buried */
    struct mring_options options = MRING_OPTIONS_INIT;
    options.capacity = RING_BYTES;
    options.groups = &work_group;
    options.group_count = 1;
    options.attempts = ATTEMPTS;
    options.error = error;
    crash->shared = mmap(NULL, sizeof(*crash->shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANON, -1, 0);
    if (crash->shared == MAP_FAILED)
        return -errno;
    int rc = mring_create(&crash->ring, NULL, &options);
    for (int which = 0; which < crash->workers && rc == 0; which++)
        rc = start_worker(crash, which);
    return rc == 0 ? mring_producer(crash->ring, &crash->producer, NULL) : rc;
}

static int run(struct crash *crash, struct source *source)
{
    struct mring_error error = MRING_ERROR_INIT;
    int rc = make(crash, &error);

    crash->sent = crash->collected = RESULTS;
    crash->next_kill = now() + crash->interval;
    if (rc == 0)
        rc = feed(crash, source);
    if (rc == 0)
        rc = finish(crash);
    rc = reap_workers(crash, rc);
    mring_producer_close(crash->producer);
    mring_close(crash->ring);
    if (rc < 0)
        fprintf(stderr, "crash: %s\n", error.text[0] != '\0' ? error.text : mring_strerror(rc));
    return rc;
}

static void print(const struct crash *crash)
{
    printf("lines %llu\n", (unsigned long long)crash->lines);
    printf("words %llu\n", (unsigned long long)crash->words);
    printf("bytes %llu\n", (unsigned long long)crash->bytes);
    printf("\n%lu workers killed\n", crash->killed);
    printf("%llu chunks redelivered, %llu of them after they had been counted\n",
           (unsigned long long)atomic_load(&crash->shared->redelivered),
           (unsigned long long)atomic_load(&crash->shared->repeated));
    printf("longest stall of the producer: %.1f ms\n", (double)crash->stall / 1e6);
}

static int usage(void)
{
    fprintf(stderr,
            "usage: crash [-w WORKERS] [-k MILLISECONDS] [-p MICROSECONDS] [FILE...]\n"
            "Count lines, words and bytes as wc does, by workers that are killed.\n"
            "  -w  how many workers there are: 1 to %d; without it 3\n"
            "  -k  how often one of them is killed: every so many milliseconds; 0: never; without it 100\n"
            "  -p  how long they pause over each chunk of 16 KiB, as if their work were slower\n",
            WORKERS_MAX);
    return 2;
}

int main(int argc, char **argv)
{
    static char *standard_input[] = {"-"};
    static struct crash crash;
    long workers = 3, interval = 100, pause = 0;

    for (int option; (option = getopt(argc, argv, "w:k:p:")) != -1;) {
        long *value = option == 'w' ? &workers : option == 'k' ? &interval : &pause;
        char *end;
        if (option == '?')
            return usage();
        *value = strtol(optarg, &end, 10);
        if (end == optarg || *end != '\0' || *value < 0 || *value >= 1000000)
            return usage();
    }
    if (workers < 1 || workers > WORKERS_MAX)
        return usage();
    crash.workers = (int)workers;
    crash.interval = interval * INT64_C(1000000);
    crash.pause = pause * 1000;
    struct source source = {
        .names = optind < argc ? argv + optind : standard_input, .count = optind < argc ? argc - optind : 1, .fd = -1};
    if (run(&crash, &source) < 0)
        return EXIT_FAILURE;
    print(&crash);
    if (fflush(stdout) != 0 || ferror(stdout)) {
        fprintf(stderr, "crash: standard output: %s\n", strerror(errno));
        return EXIT_FAILURE;
    }
    return source.failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
