/*
 * stages [-w WORKERS] [-k RECORDS] [-S SEED] [-o PREFIX] FILE: carry the lines of a file through three stages, each in processes of its
 * own, on one ring, without a copy between them. Any of them may be killed at any time: the output is the same.
 *
 *     cc stages.c $(pkg-config --cflags --libs mring) -o stages
 *     ./stages -k 10000 -o out big.txt        (makes out.journal, out.checksum and out.index)
 *
 *     FILE --> [ record | record | record ... ] --+--> "journal"   one process: the bytes of FILE, on the disk
 *      parent          ring, 1 MiB                |       | then
 *                                                 +--> "checksum"  some that share the work: for each record its CRC-32
 *                                                 |       | then
 *                                                 +--> "index"     one: for each record where it is, how long, and its CRC-32
 *
 * The pattern.
 *   - A group that is `after` another is given a message when that one has released it, and a stage releases what it has *finished*. So
 *     what the checksum sees is on the disk, and the index finds the checksum of what it sees in the file. There is nothing
 *     else to wait for, and the stages tell one another nothing.
 *   - What a killed process held is given to another one of its group: each stage sees each record *at least once*. Each record has its
 *     own place in every file, which it brings along. Writing it twice is like writing it once, so its effect is there *exactly
 *     once*. A process keeps nothing that the next one in its place would need.
 *   - The journal syncs what has come while it last did, all at once: the slower the disk, the larger the batches.
 *   - The parent starts anew who was killed, by whomever. SIGCHLD ends its wait for room: mring_wake may be called by a handler.
 *
 * At the end all three are compared with what FILE, read once more, demands.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <mring.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
    RING_BYTES = 1 << 20,
    RECORD_MAX = 16 << 10, /* bytes; a longer line is several records */
    BATCH = 1024,
    WORKERS_MAX = 64,
    ATTEMPTS = 65535 /* the most there are: no record is to blame for the death of who held it */
};

/* A message: it says where it belongs. */
struct record {
    uint64_t number; /* from 0 */
    uint64_t offset; /* in FILE, and so in the journal */
    char data[];
};

/* What the processes of a stage were given, in memory that all share. */
struct tally {
    _Atomic uint64_t records, again, batches;
};

enum { JOURNAL, CHECKSUM, INDEX, STAGES };

struct stages {
    FILE *input;
    const char *prefix; /* of the names of the outputs */
    struct mring *ring;
    struct tally *tally;
    int workers;
    pid_t process[WORKERS_MAX + 2]; /* the journal, the workers, the index; 0: it has ended */
    uint64_t records, bytes;        /* sent */
    uint64_t interval, next_kill;   /* in records; 0: nobody is killed */
    uint64_t random;
    unsigned long killed[STAGES];
    double seconds;
};

static FILE *output[STAGES];            /* of each stage: its processes have the descriptor */
static struct mring_producer *producer; /* of the parent; for its handler */

static int stage_of(const struct stages *stages, int process)
{
    return process == 0 ? JOURNAL : process <= stages->workers ? CHECKSUM : INDEX;
}

/* ------------------------------------------------------------------------------------------------------------------
 * Stages: what one does with a record
 */

/* Of one process: what others write to the same file does not move its place. */
struct writer {
    FILE *file;
    uint64_t place;
};

static int put(struct writer *writer, const void *bytes, size_t length, uint64_t place)
{
    if (place != writer->place && fseeko(writer->file, (off_t)place, SEEK_SET) != 0)
        return -errno;
    writer->place = place + length;
    return fwrite(bytes, 1, length, writer->file) == length ? 0 : -errno;
}

enum { SUM_LINE = 8 + 1, INDEX_LINE = 20 + 1 + 10 + 1 + SUM_LINE };

/* The CRC-32 of zlib, gzip and PNG, in digits and a newline. */
static void print_sum(char line[SUM_LINE + 1], const char *data, size_t length)
{
    uint32_t sum = UINT32_MAX;

    for (size_t i = 0; i < length; i++) {
        sum ^= (unsigned char)data[i];
        for (int bit = 0; bit < 8; bit++)
            sum = sum >> 1 ^ (UINT32_C(0xedb88320) & (0 - (sum & 1)));
    }
    snprintf(line, SUM_LINE + 1, "%08" PRIx32 "\n", ~sum);
}

static void print_index(char line[INDEX_LINE + 1], uint64_t offset, size_t length, const char sum[SUM_LINE + 1])
{
    snprintf(line, INDEX_LINE + 1, "%20" PRIu64 " %10zu %s", offset, length, sum);
}

static int journal(struct writer *writer, const struct record *record, size_t length)
{
    return put(writer, record->data, length, record->offset);
}

static int checksum(struct writer *writer, const struct record *record, size_t length)
{
    char sum[SUM_LINE + 1];
    print_sum(sum, record->data, length);
    return put(writer, sum, SUM_LINE, record->number * SUM_LINE);
}

static int index_record(struct writer *writer, const struct record *record, size_t length)
{
    char line[INDEX_LINE + 1], sum[SUM_LINE + 1] = "";
    if (pread(fileno(output[CHECKSUM]), sum, SUM_LINE, (off_t)(record->number * SUM_LINE)) != SUM_LINE)
        return -EIO;
    print_index(line, record->offset, length, sum);
    return put(writer, line, INDEX_LINE, record->number * INDEX_LINE);
}

static const struct {
    const char *name; /* of the group, and behind the dot of its file */
    int (*write)(struct writer *, const struct record *, size_t);
    bool sync; /* is nothing released before it is on the disk? */
} stage[STAGES] = {[JOURNAL] = {"journal", journal, true},
                   [CHECKSUM] = {"checksum", checksum, false},
                   [INDEX] = {"index", index_record, false}};

static int fail(const char *name, const char *why)
{
    fprintf(stderr, "stages: %s: %s\n", name, why);
    return EXIT_FAILURE;
}

static FILE *open_or_say(const char *name, int flags, const char *mode)
{
    int descriptor = open(name, flags | O_CLOEXEC, 0666);
    FILE *file = descriptor < 0 ? NULL : fdopen(descriptor, mode);
    if (file == NULL)
        fail(name, strerror(errno));
    return file;
}

static FILE *open_output(const char *prefix, int which, int flags, const char *mode)
{
    char name[4096];
    snprintf(name, sizeof(name), "%s.%s", prefix, stage[which].name);
    return open_or_say(name, flags, mode);
}

/* The next messages, at least one; or an error. */
static int take(struct mring_consumer *records, struct mring_message *batch)
{
    int count;
    while ((count = mring_next_batch(records, batch, BATCH)) == 0 && (count = mring_wait(records, MRING_FOREVER)) == 0)
        ;
    return count;
}

/* Do it for all of them, and see that it is done. */
static int finish(struct writer *writer, int which, const struct mring_message *batch, int count)
{
    int rc = 0;

    for (int i = 0; i < count && rc == 0; i++)
        rc = stage[which].write(writer, batch[i].data, batch[i].length - sizeof(struct record));
    if (rc == 0 && (fflush(writer->file) != 0 || (stage[which].sync && fsync(fileno(writer->file)) != 0)))
        rc = -errno;
    return rc;
}

/* A process of a stage: until the stream is complete, or, with -EOWNERDEAD, the parent is gone. */
static int work(const struct stages *stages, int which)
{
    struct writer writer = {.file = open_output(stages->prefix, which, O_WRONLY, "w")};
    struct mring_message batch[BATCH];
    struct mring_consumer *records;
    struct tally *tally = &stages->tally[which];

    if (writer.file == NULL)
        return EXIT_FAILURE;
    int rc = mring_join(stages->ring, stage[which].name, NULL, &records);
    while (rc >= 0 && (rc = take(records, batch)) > 0) {
        int count = rc;
        atomic_fetch_add(&tally->batches, 1);
        atomic_fetch_add(&tally->records, (uint64_t)count);
        for (int i = 0; i < count; i++)
            atomic_fetch_add(&tally->again, batch[i].deliveries > 1);
        rc = finish(&writer, which, batch, count);
        if (rc < 0)
            return fail(stage[which].name, strerror(-rc));
        rc = mring_release(records, &batch[count - 1]);
    }
    return rc == -EPIPE ? EXIT_SUCCESS : fail(stage[which].name, mring_strerror(rc));
}

/* ------------------------------------------------------------------------------------------------------------------
 * The parent: looks after the processes
 */

static int start(struct stages *stages, int process)
{
    stages->process[process] = fork();
    if (stages->process[process] == 0)
        _exit(work(stages, stage_of(stages, process)));
    return stages->process[process] < 0 ? -errno : 0;
}

/* Start anew who was killed: those who have ended, with WNOHANG; else all there are, until they end well. */
static int look_after(struct stages *stages, int options)
{
    int status, rc = 0;

    for (pid_t pid; rc == 0 && ((pid = waitpid(-1, &status, options)) > 0 || (pid < 0 && errno == EINTR));)
        for (int i = 0; i < stages->workers + 2; i++) {
            if (stages->process[i] != pid)
                continue;
            stages->process[i] = 0;
            if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) {
                stages->killed[stage_of(stages, i)]++;
                rc = start(stages, i);
            } else if (status != 0) {
                fail(stage[stage_of(stages, i)].name, WIFSIGNALED(status) ? strsignal(WTERMSIG(status)) : "gives up");
                rc = -ECHILD;
            }
        }
    return rc;
}

static uint64_t random_below(struct stages *stages, uint64_t bound) /* splitmix64 */
{
    uint64_t random = stages->random += UINT64_C(0x9e3779b97f4a7c15);
    random = (random ^ random >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    random = (random ^ random >> 27) * UINT64_C(0x94d049bb133111eb);
    return (random ^ random >> 31) % bound;
}

/* Kill some process, if so many records were sent since the last one. */
static int kill_one(struct stages *stages)
{
    if (stages->interval == 0 || stages->records < stages->next_kill)
        return 0;
    stages->next_kill = stages->records + 1 + random_below(stages, 2 * stages->interval);
    int rc = look_after(stages, WNOHANG);
    pid_t victim = stages->process[random_below(stages, (uint64_t)stages->workers + 2)];
    if (rc == 0 && victim > 0)
        kill(victim, SIGKILL);
    return rc;
}

/* ------------------------------------------------------------------------------------------------------------------
 * The parent: reads, sends, compares
 */

static void on_child(int signal)
{
    (void)signal;
    mring_wake(producer);
}

/* A line, or the next RECORD_MAX bytes of one; 0: there is no more. */
static size_t read_record(FILE *file, char *data)
{
    size_t length = 0;

    for (int byte; length < RECORD_MAX && (byte = getc(file)) != EOF;) {
        data[length++] = (char)byte;
        if (byte == '\n')
            break;
    }
    return length;
}

static int reserve(struct stages *stages, void **room)
{
    int rc;

    while ((rc = mring_reserve(producer, sizeof(struct record) + RECORD_MAX, room)) == -EAGAIN) {
        rc = mring_wait(producer, MRING_FOREVER);
        if (rc == -ECANCELED || rc == -EINTR)
            rc = look_after(stages, WNOHANG);
        if (rc < 0)
            break;
    }
    return rc;
}

/* Read the file into the ring, record by record, and see it through. */
static int feed(struct stages *stages)
{
    void *room;
    int rc;

    while ((rc = reserve(stages, &room)) == 0) {
        struct record *record = room;
        size_t length = read_record(stages->input, record->data);
        if (length == 0)
            break;
        record->number = stages->records++;
        record->offset = stages->bytes;
        stages->bytes += length;
        rc = mring_publish(producer, sizeof(*record) + length, 0);
        if (rc == 0)
            rc = kill_one(stages);
        if (rc < 0)
            break;
    }
    if (rc == 0 && ferror(stages->input))
        rc = -EIO;
    if (rc == 0)
        rc = mring_end(producer);
    return rc == 0 ? look_after(stages, 0) : rc;
}

static int make(struct stages *stages, struct mring_error *error)
{
    const struct mring_group groups[] = {
        {.name = stage[JOURNAL].name},
        {.name = stage[CHECKSUM].name,
         .members = 2 * (unsigned)stages->workers, /* for the dead, too, until they are buried */
         .after = &stage[JOURNAL].name,
         .after_count = 1},
        {.name = stage[INDEX].name, .after = &stage[CHECKSUM].name, .after_count = 1}};
    struct mring_options options = MRING_OPTIONS_INIT;
    options.capacity = RING_BYTES;
    options.groups = groups;
    options.group_count = STAGES;
    options.attempts = ATTEMPTS;
    options.error = error;
    stages->tally = mmap(NULL, STAGES * sizeof(*stages->tally), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANON, -1, 0);
    if (stages->tally == MAP_FAILED)
        return -errno;
    int rc = mring_create(&stages->ring, NULL, &options);
    if (rc == 0)
        rc = mring_producer(stages->ring, &producer, NULL);
    if (rc == 0)
        sigaction(SIGCHLD, &(struct sigaction){.sa_handler = on_child, .sa_flags = SA_RESTART | SA_NOCLDSTOP}, NULL);
    for (int i = 0; i < stages->workers + 2 && rc == 0; i++)
        rc = start(stages, i);
    return rc;
}

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static int run(struct stages *stages)
{
    struct mring_error error = MRING_ERROR_INIT;
    double began = now();
    int rc = make(stages, &error);

    if (rc == 0)
        rc = feed(stages);
    for (int i = 0; i < stages->workers + 2; i++)
        if (stages->process[i] > 0) /* after an error */
            kill(stages->process[i], SIGKILL);
    stages->seconds = now() - began;
    signal(SIGCHLD, SIG_DFL);
    mring_producer_close(producer);
    mring_close(stages->ring);
    if (rc < 0)
        fprintf(stderr, "stages: %s\n",
                error.text[0] != '\0' ? error.text
                : rc == -ECHILD       ? "a process has failed"
                                      : mring_strerror(rc));
    return rc;
}

/* Are the next bytes of the file these? */
static bool holds(FILE *file, const char *expected, size_t length)
{
    char bytes[RECORD_MAX];
    return fread(bytes, 1, length, file) == length && memcmp(bytes, expected, length) == 0;
}

/* Read the file again: what should the stages have made of it? Does each file hold that, and no more? */
static bool verify(const struct stages *stages)
{
    static char data[RECORD_MAX];
    char sum[SUM_LINE + 1], line[INDEX_LINE + 1];
    bool right[STAGES] = {true, true, true};
    uint64_t offset = 0;

    rewind(stages->input);
    for (size_t length; (length = read_record(stages->input, data)) > 0; offset += length) {
        print_sum(sum, data, length);
        print_index(line, offset, length, sum);
        right[JOURNAL] = right[JOURNAL] && holds(output[JOURNAL], data, length);
        right[CHECKSUM] = right[CHECKSUM] && holds(output[CHECKSUM], sum, SUM_LINE);
        right[INDEX] = right[INDEX] && holds(output[INDEX], line, INDEX_LINE);
    }
    printf("%" PRIu64 " records, %" PRIu64 " bytes, in %.2f s: %.2f million records a second\n", stages->records,
           stages->bytes, stages->seconds, (double)stages->records / stages->seconds / 1e6);
    printf("%-10s%12s%12s%12s%12s\n", "", "records", "again", "batches", "killed");
    bool all_right = offset == stages->bytes;
    for (int i = 0; i < STAGES; i++) {
        right[i] = right[i] && getc(output[i]) == EOF;
        all_right = all_right && right[i];
        printf("%-10s%12" PRIu64 "%12" PRIu64 "%12" PRIu64 "%12lu  %s\n", stage[i].name, stages->tally[i].records,
               stages->tally[i].again, stages->tally[i].batches, stages->killed[i], right[i] ? "right" : "WRONG");
    }
    printf("verdict: %s\n", all_right ? "right" : "WRONG");
    return all_right;
}

static int usage(void)
{
    fprintf(stderr,
            "usage: stages [-w WORKERS] [-k RECORDS] [-S SEED] [-o PREFIX] FILE\n"
            "Journal the lines of FILE, compute their checksums, and index them, in processes that may be killed.\n"
            "  -w  how many share the checksums: 1 to %d; without it 2\n"
            "  -k  kill one, whichever, each so many records on average; 0, or without it: none\n"
            "  -S  the seed that decides which, and when; without it another one each time\n"
            "  -o  makes PREFIX.journal, PREFIX.checksum and PREFIX.index; without it \"stages\"\n",
            WORKERS_MAX);
    return 2;
}

int main(int argc, char **argv)
{
    static struct stages stages = {.prefix = "stages"};
    long workers = 2, interval = 0, seed = (long)time(NULL) ^ (long)getpid() << 16;

    for (int option; (option = getopt(argc, argv, "w:k:S:o:")) != -1;) {
        long *value = option == 'w' ? &workers : option == 'k' ? &interval : &seed;
        char *end;
        if (option == '?')
            return usage();
        if (option == 'o') {
            stages.prefix = optarg;
            continue;
        }
        *value = strtol(optarg, &end, 10);
        if (end == optarg || *end != '\0' || *value < 0)
            return usage();
    }
    if (workers < 1 || workers > WORKERS_MAX || optind + 1 != argc)
        return usage();
    bool opened = (stages.input = open_or_say(argv[optind], O_RDONLY, "r")) != NULL;
    for (int i = 0; i < STAGES && opened; i++)
        opened = (output[i] = open_output(stages.prefix, i, O_RDWR | O_CREAT | O_TRUNC, "r+")) != NULL;
    if (!opened)
        return EXIT_FAILURE;
    stages.workers = (int)workers;
    stages.interval = (uint64_t)interval;
    stages.random = (uint64_t)seed;
    stages.next_kill = random_below(&stages, 2 * stages.interval + 1);
    if (interval > 0) {
        printf("seed %ld\n", seed);
        fflush(stdout);
    }
    return run(&stages) == 0 && verify(&stages) && fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
