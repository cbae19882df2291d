/*
 * pipeline [-w WORKERS] [FILE...]: count the lines, words and bytes of files as `LC_ALL=C wc` does, find their most frequent
 * words, and compute the SHA-256 of all their bytes in order: at the same time, in processes of their own, from one memory.
 *
 *     cc pipeline.c $(pkg-config --cflags --libs mring libcrypto) -o pipeline
 *     ./pipeline -w 4 /usr/share/common-licenses/GPL-3          ("-" or no file at all: standard input)
 *
 *                       stream: 8 MiB                    results: one small ring per child
 *     files --read(2)--> [ chunk | chunk | chunk ... ] --+--> group "words":  worker 1..n --> [ totals, words ] --+
 *           parent, producer                             +--> group "digest": one member --> [ 32 bytes ] --------+--> parent
 *
 * What it shows
 *   - The parent reads the files straight into room that it reserved in the ring; nothing is copied after that.
 *   - Two groups on one ring: the workers share the chunks between them, the digest sees each of them, in order.
 *   - Children reach a ring that was made before the fork by the handle they inherited, as consumer or as producer.
 *   - Nobody waits for ever: each wait lasts a second at most; then the parent looks after its children, and a child
 *     after its parent.
 *
 * How the stream is cut. A chunk ends after the last newline in it, where it has one; so workers count whole lines. Else (a line
 * longer than a chunk) it ends after its last white space; else after its last byte that is no letter; else
 * where it is full. The last two cut a word in two: the tag of the next chunk then says so, and no word is counted twice.
 *
 * What is a word. For the total: as for wc (coreutils 9.1), what lies between white space and holds at least one
 * printable byte of ASCII. For the list: a run of ASCII letters, in lower case, of at most WORD_MAX letters;
 * longer ones are left out.
 *
 * A file that cannot be read is reported and left out, and the exit status is 1, as with cat.
 */
#include <errno.h>
#include <fcntl.h>
#include <mring.h>
#include <openssl/evp.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
    STREAM_BYTES = 8 << 20,
    CHUNK_BYTES = 64 << 10,
    RESULTS_BYTES = 64 << 10,
    BATCH = 8, /* chunks that a worker takes at once, at most */
    WORKERS_MAX = 64,
    WORD_MAX = 55, /* makes an entry of the table 64 bytes */
    TOP = 10
};

#define SECOND 1000000000LL

/* Tags of chunks: how the chunk begins, when a word was cut. */
enum {
    IN_WORD = 1,   /* in a word that was counted where it began */
    IN_LETTERS = 2 /* in a run of letters too long for the list */
};

/* Tags of results. */
enum { TOTALS, WORD, DIGEST };

struct totals {
    uint64_t lines, words, bytes;
    uint64_t messages, batches;
};

struct child {
    char name[20];
    pid_t pid;
    bool reaped;
    int status;
    struct mring *results; /* the child produces, the parent consumes */
    struct totals totals;  /* of a worker */
};

struct pipeline {
    pid_t parent;
    struct mring *stream;
    int workers;
    struct child children[WORKERS_MAX + 1]; /* the workers, then the digest */
};

/* ------------------------------------------------------------------------------------------------------------------
 * Bytes, as the C locale sees them
 */

static bool is_newline(unsigned char byte)
{
    return byte == '\n';
}

static bool is_space(unsigned char byte)
{
    return byte == ' ' || (byte >= '\t' && byte <= '\r');
}

static bool is_letter(unsigned char byte)
{
    return (unsigned char)((byte | 0x20) - 'a') < 26;
}

static bool is_no_letter(unsigned char byte)
{
    return !is_letter(byte);
}

static bool is_printable(unsigned char byte)
{
    return byte > ' ' && byte < 0x7f;
}

/* ------------------------------------------------------------------------------------------------------------------
 * A table of words and how often each was seen: open addressing, at most three quarters full
 */

struct entry {
    uint64_t count; /* 0: nothing here */
    char word[WORD_MAX + 1];
};

struct table {
    struct entry *entries;
    size_t size; /* a power of two */
    size_t used;
};

static struct entry *table_find(const struct table *table, const char *word, size_t length)
{
    uint64_t hash = 0xcbf29ce484222325; /* FNV-1a */
    for (size_t i = 0; i < length; i++)
        hash = (hash ^ (unsigned char)word[i]) * 0x100000001b3;
    for (size_t i = (size_t)(hash ^ hash >> 32);; i++) {
        struct entry *entry = &table->entries[i & (table->size - 1)];
        if (entry->count == 0 || (memcmp(entry->word, word, length) == 0 && entry->word[length] == '\0'))
            return entry;
    }
}

static int table_grow(struct table *table)
{
    struct table larger = {.size = table->size ? table->size * 2 : 1024, .used = table->used};
    larger.entries = calloc(larger.size, sizeof(*larger.entries));
    if (larger.entries == NULL)
        return -ENOMEM;
    for (size_t i = 0; i < table->size; i++) {
        const struct entry *entry = &table->entries[i];
        if (entry->count > 0)
            *table_find(&larger, entry->word, strlen(entry->word)) = *entry;
    }
    free(table->entries);
    *table = larger;
    return 0;
}

/* Count a word of 1 to WORD_MAX letters. */
static int table_add(struct table *table, const char *word, size_t length, uint64_t count)
{
    if (table->used >= table->size / 4 * 3) {
        int rc = table_grow(table);
        if (rc < 0)
            return rc;
    }
    struct entry *entry = table_find(table, word, length);
    if (entry->count == 0) {
        memcpy(entry->word, word, length);
        table->used++;
    }
    entry->count += count;
    return 0;
}

/* ------------------------------------------------------------------------------------------------------------------
 * Waiting, on both sides of the fork
 */

/* After a wait in a child: 0 to look again, or why to stop. A child does not outlive its parent. */
static int still_wanted(const struct pipeline *pipeline, int waited)
{
    if (waited == -ETIMEDOUT)
        return getppid() == pipeline->parent ? 0 : -EOWNERDEAD;
    return waited == -EINTR ? 0 : waited;
}

static bool ended_badly(struct child *child)
{
    if (!child->reaped && waitpid(child->pid, &child->status, WNOHANG) == child->pid)
        child->reaped = true;
    return child->reaped && child->status != 0;
}

/* The same in the parent. A child that has failed will not do its part, and the others may wait for it. */
static int all_well(struct pipeline *pipeline, int waited)
{
    if (waited != -ETIMEDOUT)
        return waited == -EINTR ? 0 : waited;
    for (int i = 0; i <= pipeline->workers; i++)
        if (ended_badly(&pipeline->children[i]))
            return -ECHILD;
    return 0;
}

/* ------------------------------------------------------------------------------------------------------------------
 * The children
 */

/* Count a chunk. Of a run that is too long for the list only the length is kept. */
static int count(const unsigned char *data, size_t length, uint32_t tag, struct totals *totals, struct table *table)
{
    bool in_word = tag & IN_WORD;
    size_t letters = tag & IN_LETTERS ? WORD_MAX + 1 : 0;
    char word[WORD_MAX];
    int rc = 0;

    totals->bytes += length;
    for (size_t i = 0; i < length; i++) {
        unsigned char byte = data[i];
        if (is_letter(byte)) {
            if (letters < WORD_MAX)
                word[letters] = (char)(byte | 0x20);
            letters++;
        } else {
            if (letters > 0 && letters <= WORD_MAX && (rc = table_add(table, word, letters, 1)) < 0)
                return rc;
            letters = 0;
        }
        totals->lines += is_newline(byte);
        if (is_space(byte)) {
            in_word = false;
        } else if (is_printable(byte)) {
            totals->words += !in_word;
            in_word = true;
        }
    }
    if (letters > 0 && letters <= WORD_MAX)
        rc = table_add(table, word, letters, 1);
    return rc;
}

/* Room for a result; waits while the parent has not caught up. */
static int reserve_result(struct pipeline *pipeline, struct mring_producer *results, size_t length, void **room)
{
    int rc;
    while ((rc = mring_reserve(results, length, room)) == -EAGAIN)
        if ((rc = still_wanted(pipeline, mring_wait(results, SECOND))) < 0)
            return rc;
    return rc;
}

static int send_result(struct pipeline *pipeline, struct mring_producer *results, const void *data, size_t length,
                       uint32_t tag)
{
    void *room;
    int rc = reserve_result(pipeline, results, length, &room);
    if (rc < 0)
        return rc;
    memcpy(room, data, length);
    return mring_commit(results, length, tag);
}

static int send_counts(struct pipeline *pipeline, struct mring_producer *results, const struct totals *totals,
                       const struct table *table)
{
    int rc = send_result(pipeline, results, totals, sizeof(*totals), TOTALS);
    for (size_t i = 0; i < table->size && rc == 0; i++) {
        const struct entry *entry = &table->entries[i];
        if (entry->count > 0)
            rc = send_result(pipeline, results, entry, offsetof(struct entry, word) + strlen(entry->word), WORD);
    }
    return rc;
}

/* A worker: takes chunks by batches, whichever come; when the stream is complete, it sends what it counted. */
static int work(struct pipeline *pipeline, struct mring_producer *results)
{
    struct mring_consumer *chunks = NULL;
    struct mring_message batch[BATCH];
    struct totals totals = {0};
    struct table table = {0};
    int rc = mring_join(pipeline->stream, "words", NULL, &chunks);

    while (rc >= 0) {
        int got = rc = mring_next_batch(chunks, batch, BATCH);
        if (rc == 0)
            rc = still_wanted(pipeline, mring_wait(chunks, SECOND));
        for (int i = 0; i < got && rc >= 0; i++) {
            rc = count(batch[i].data, batch[i].length, batch[i].tag, &totals, &table);
            if (rc == 0)
                rc = mring_release(chunks, &batch[i]);
        }
        totals.batches += got > 0;
        totals.messages += got > 0 ? (uint64_t)got : 0;
    }
    mring_leave(chunks);
    if (rc == -EPIPE)
        rc = send_counts(pipeline, results, &totals, &table);
    free(table.entries);
    return rc;
}

/* The digest: one member, so that it sees every chunk, in order. */
static int digest(struct pipeline *pipeline, struct mring_producer *results)
{
    struct mring_consumer *chunks = NULL;
    struct mring_message chunk;
    unsigned char sum[EVP_MAX_MD_SIZE];
    unsigned length = 0;
    EVP_MD_CTX *sha256 = EVP_MD_CTX_new();
    if (sha256 == NULL || EVP_DigestInit_ex(sha256, EVP_sha256(), NULL) != 1)
        return -ENOMEM;
    int rc = mring_join(pipeline->stream, "digest", NULL, &chunks);

    while (rc >= 0) {
        rc = mring_next(chunks, &chunk);
        if (rc == 0)
            rc = still_wanted(pipeline, mring_wait(chunks, SECOND));
        else if (rc == 1)
            rc = EVP_DigestUpdate(sha256, chunk.data, chunk.length) == 1 ? mring_release(chunks, &chunk) : -EIO;
    }
    mring_leave(chunks);
    if (rc == -EPIPE)
        rc = EVP_DigestFinal_ex(sha256, sum, &length) == 1 ? send_result(pipeline, results, sum, length, DIGEST) : -EIO;
    EVP_MD_CTX_free(sha256);
    return rc;
}

/* The life of a child. It ends its ring of results only when they are complete, and only then with status 0. */
static int live(struct pipeline *pipeline, struct child *me, int (*duty)(struct pipeline *, struct mring_producer *))
{
    struct mring_producer *results = NULL;
    int rc = mring_producer(me->results, &results, NULL);
    if (rc == 0)
        rc = duty(pipeline, results);
    if (rc == 0)
        rc = mring_end(results);
    mring_producer_close(results);
    if (rc < 0 && rc != -EOWNERDEAD)
        fprintf(stderr, "pipeline: %s: %s\n", me->name, mring_strerror(rc));
    return rc < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

static int start(struct pipeline *pipeline, struct child *child,
                 int (*duty)(struct pipeline *, struct mring_producer *))
{
    child->pid = fork();
    if (child->pid == 0)
        _exit(live(pipeline, child, duty));
    return child->pid < 0 ? -errno : 0;
}

/* ------------------------------------------------------------------------------------------------------------------
 * The files, as one stream
 */

struct source {
    char **names;
    int count;
    int next;
    int fd;         /* of names[next - 1], or -1 */
    int failed;     /* how many could not be read */
    uint64_t total; /* bytes of all regular files */
    uint64_t bytes; /* read so far */
};

static void source_failed(struct source *source, const char *name)
{
    fprintf(stderr, "pipeline: %s: %s\n", name, strerror(errno));
    source->failed++;
}

static bool source_next(struct source *source)
{
    while (source->next < source->count) {
        const char *name = source->names[source->next++];
        if (strcmp(name, "-") == 0)
            source->fd = dup(STDIN_FILENO);
        else
            source->fd = open(name, O_RDONLY | O_CLOEXEC);
        if (source->fd >= 0)
            return true;
        source_failed(source, name);
    }
    return false;
}

/* Fill the buffer: less than `size` bytes only when all files are at their end. */
static size_t source_read(struct source *source, char *buffer, size_t size)
{
    size_t have = 0;
    while (have < size && (source->fd >= 0 || source_next(source))) {
        ssize_t got = read(source->fd, buffer + have, size - have);
        if (got > 0) {
            have += (size_t)got;
        } else if (got == 0 || errno != EINTR) {
            if (got < 0)
                source_failed(source, source->names[source->next - 1]);
            close(source->fd);
            source->fd = -1;
        }
    }
    source->bytes += have;
    return have;
}

static uint64_t source_total(const struct source *source)
{
    uint64_t total = 0;
    struct stat facts;
    for (int i = 0; i < source->count; i++)
        if (stat(source->names[i], &facts) == 0 && S_ISREG(facts.st_mode))
            total += (uint64_t)facts.st_size;
    return total;
}

/* ------------------------------------------------------------------------------------------------------------------
 * The producer: the first stage
 */

/* Where to cut a full chunk: see the top. */
static size_t cut(const unsigned char *data, size_t length)
{
    static bool (*const ends_well[])(unsigned char) = {is_newline, is_space, is_no_letter};
    for (size_t i = 0; i < sizeof(ends_well) / sizeof(*ends_well); i++)
        for (size_t end = length; end > 0; end--)
            if (ends_well[i](data[end - 1]))
                return end;
    return length;
}

/*
 * The tag of the chunk after this one. A chunk that does not end in white space has none in it, by the way it was cut: so it is
 * in one word from end to end. And one that ends in a letter is nothing but letters.
 */
static uint32_t tag_after(const unsigned char *data, size_t length, uint32_t tag)
{
    if (is_space(data[length - 1]))
        return 0;
    bool in_word = tag & IN_WORD;
    for (size_t i = 0; i < length && !in_word; i++)
        in_word = is_printable(data[i]);
    return (in_word ? IN_WORD : 0u) | (is_letter(data[length - 1]) ? IN_LETTERS : 0u);
}

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* On a terminal, ten times a second: how far we are. Standard output stays clean. */
static void show_progress(const struct source *source, double started, bool last)
{
    static const char bar[] = "########################################";
    static double shown;
    const int width = sizeof(bar) - 1;
    double now = seconds();
    if ((!last && now - shown < 0.1) || !isatty(STDERR_FILENO))
        return;
    shown = now;
    double share = source->total > source->bytes ? (double)source->bytes / (double)source->total : 1;
    if (last)
        fprintf(stderr, "\r\033[K");
    else if (source->total == 0)
        fprintf(stderr, "\r%.0f MB", (double)source->bytes / 1e6);
    else
        fprintf(stderr, "\r[%-*.*s] %3.0f%%  %.0f MB/s ", width, (int)(share * width), bar, share * 100,
                (double)source->bytes / 1e6 / (now - started));
}

/* Read all files into the ring. What lies behind the cut goes to the front of the next chunk. */
static int feed(struct pipeline *pipeline, struct source *source, double started)
{
    struct mring_producer *stream = NULL;
    static char rest[CHUNK_BYTES];
    size_t kept = 0;
    uint32_t tag = 0;
    bool more = true;
    int rc = mring_producer(pipeline->stream, &stream, NULL);

    while (rc == 0 && more) {
        void *room;
        if ((rc = mring_reserve(stream, CHUNK_BYTES, &room)) == -EAGAIN) {
            rc = all_well(pipeline, mring_wait(stream, SECOND));
            continue;
        }
        if (rc < 0)
            break;
        memcpy(room, rest, kept);
        size_t have = kept + source_read(source, (char *)room + kept, CHUNK_BYTES - kept);
        more = have == CHUNK_BYTES;
        size_t length = more ? cut(room, have) : have;
        uint32_t next_tag = more ? tag_after(room, length, tag) : 0;
        kept = have - length;
        memcpy(rest, (char *)room + length, kept);
        if (length > 0)
            rc = mring_publish(stream, length, tag);
        tag = next_tag;
        show_progress(source, started, !more);
    }
    if (rc == 0)
        rc = mring_end(stream);
    mring_producer_close(stream);
    return rc;
}

/* ------------------------------------------------------------------------------------------------------------------
 * The reducer: the last stage
 */

struct report {
    struct totals totals;
    struct table table;
    unsigned char digest[EVP_MAX_MD_SIZE];
    size_t digest_length;
};

static int take(struct report *report, struct child *child, const struct mring_message *message)
{
    const size_t head = offsetof(struct entry, word);
    switch (message->tag) {
    case TOTALS:
        if (message->length != sizeof(child->totals))
            return -EBADMSG;
        memcpy(&child->totals, message->data, sizeof(child->totals));
        report->totals.lines += child->totals.lines;
        report->totals.words += child->totals.words;
        report->totals.bytes += child->totals.bytes;
        return 0;
    case WORD: {
        uint64_t seen;
        if (message->length <= head || message->length > head + WORD_MAX)
            return -EBADMSG;
        memcpy(&seen, message->data, sizeof(seen));
        return table_add(&report->table, (const char *)message->data + head, message->length - head, seen);
    }
    case DIGEST:
        if (message->length > sizeof(report->digest))
            return -EBADMSG;
        memcpy(report->digest, message->data, message->length);
        report->digest_length = message->length;
        return 0;
    default:
        return -EBADMSG;
    }
}

/*
 * Take in all that one child sends. The children are drained one after the other: those whose turn has not come may have
 * filled their rings and wait, which holds up nobody, since by then the stream is fed.
 */
static int collect(struct pipeline *pipeline, struct child *child, struct report *report)
{
    struct mring_consumer *results = NULL;
    struct mring_message message;
    int rc = mring_join(child->results, "parent", NULL, &results);
    while (rc >= 0) {
        rc = mring_next(results, &message);
        if (rc == 0)
            rc = all_well(pipeline, mring_wait(results, SECOND));
        else if (rc == 1 && (rc = take(report, child, &message)) == 0)
            rc = mring_release(results, &message);
    }
    mring_leave(results);
    return rc == -EPIPE ? 0 : rc;
}

/* The order of the list: most frequent first, then by the alphabet. */
static int by_count(const void *left, const void *right)
{
    const struct entry *a = left, *b = right;
    if (a->count != b->count)
        return a->count > b->count ? -1 : 1;
    return strcmp(a->word, b->word);
}

static void print(const struct pipeline *pipeline, struct report *report, double elapsed)
{
    printf("lines %llu\n", (unsigned long long)report->totals.lines);
    printf("words %llu\n", (unsigned long long)report->totals.words);
    printf("bytes %llu\n", (unsigned long long)report->totals.bytes);
    printf("sha256 ");
    for (size_t i = 0; i < report->digest_length; i++)
        printf("%02x", report->digest[i]);

    printf("\n\nmost frequent words\n");
    if (report->table.size > 0)
        qsort(report->table.entries, report->table.size, sizeof(struct entry), by_count);
    for (size_t i = 0; i < TOP && i < report->table.used; i++)
        printf("%12llu  %s\n", (unsigned long long)report->table.entries[i].count, report->table.entries[i].word);

    printf("\nthroughput %.1f MB/s (%.3f s)\n", (double)report->totals.bytes / 1e6 / elapsed, elapsed);
    for (int i = 0; i < pipeline->workers; i++) {
        const struct child *worker = &pipeline->children[i];
        printf("%s: %llu messages in %llu batches, %llu bytes\n", worker->name,
               (unsigned long long)worker->totals.messages, (unsigned long long)worker->totals.batches,
               (unsigned long long)worker->totals.bytes);
    }
}

/* ------------------------------------------------------------------------------------------------------------------
 * Putting it together
 */

/* The rings, all before the first fork, so that children find them in the handles they inherit. */
static int make_rings(struct pipeline *pipeline, struct mring_error *error)
{
    const struct mring_group readers[] = {{.name = "words", .members = (unsigned)pipeline->workers},
                                          {.name = "digest", .members = 1}};
    const struct mring_group reducer[] = {{.name = "parent", .members = 1}};
    struct mring_options options = MRING_OPTIONS_INIT;
    options.capacity = STREAM_BYTES;
    options.groups = readers;
    options.group_count = 2;
    options.error = error;
    int rc = mring_create(&pipeline->stream, NULL, &options);

    options.capacity = RESULTS_BYTES;
    options.groups = reducer;
    options.group_count = 1;
    for (int i = 0; i <= pipeline->workers && rc == 0; i++)
        rc = mring_create(&pipeline->children[i].results, NULL, &options);
    return rc;
}

static int start_children(struct pipeline *pipeline)
{
    struct child *last = &pipeline->children[pipeline->workers];
    int rc = 0;
    for (int i = 0; i < pipeline->workers && rc == 0; i++) {
        struct child *worker = &pipeline->children[i];
        snprintf(worker->name, sizeof(worker->name), "worker %d", i + 1);
        rc = start(pipeline, worker, work);
    }
    snprintf(last->name, sizeof(last->name), "digest");
    return rc < 0 ? rc : start(pipeline, last, digest);
}

/* Reap every child; after an error those that still run are ended, and those that ended badly named. */
static int finish_children(struct pipeline *pipeline, int rc)
{
    int result = rc;
    for (int i = 0; i <= pipeline->workers; i++) {
        struct child *child = &pipeline->children[i];
        bool had_failed = child->pid > 0 && ended_badly(child);
        if (child->pid <= 0)
            continue;
        if (rc < 0 && !child->reaped)
            kill(child->pid, SIGKILL);
        if (!child->reaped)
            waitpid(child->pid, &child->status, 0);
        if (had_failed || (rc == 0 && child->status != 0)) {
            if (WIFSIGNALED(child->status))
                fprintf(stderr, "pipeline: %s (pid %ld) was killed: %s\n", child->name, (long)child->pid,
                        strsignal(WTERMSIG(child->status)));
            else
                fprintf(stderr, "pipeline: %s (pid %ld) failed\n", child->name, (long)child->pid);
            result = -ECHILD;
        }
    }
    return result;
}

static void close_rings(struct pipeline *pipeline)
{
    for (int i = 0; i <= pipeline->workers; i++)
        mring_close(pipeline->children[i].results);
    mring_close(pipeline->stream);
}

static int run(struct pipeline *pipeline, struct source *source)
{
    struct mring_error error = MRING_ERROR_INIT;
    struct report report = {0};
    int rc = make_rings(pipeline, &error);
    if (rc == 0)
        rc = start_children(pipeline);
    double started = seconds();
    if (rc == 0)
        rc = feed(pipeline, source, started);
    for (int i = 0; i <= pipeline->workers && rc == 0; i++)
        rc = collect(pipeline, &pipeline->children[i], &report);
    rc = finish_children(pipeline, rc);
    if (rc == 0)
        print(pipeline, &report, seconds() - started);
    else if (rc != -ECHILD)
        fprintf(stderr, "pipeline: %s\n", error.text[0] != '\0' ? error.text : mring_strerror(rc));
    free(report.table.entries);
    close_rings(pipeline);
    return rc;
}

static int usage(void)
{
    fprintf(stderr, "usage: pipeline [-w WORKERS] [FILE...]   (1 to %d workers)\n", WORKERS_MAX);
    return 2;
}

int main(int argc, char **argv)
{
    static struct pipeline pipeline;
    static char *standard_input[] = {"-"};
    struct source source = {.fd = -1};
    char *end;

    pipeline.parent = getpid();
    pipeline.workers = 2;
    for (int option; (option = getopt(argc, argv, "w:")) != -1;) {
        if (option != 'w')
            return usage();
        long workers = strtol(optarg, &end, 10);
        if (end == optarg || *end != '\0' || workers < 1 || workers > WORKERS_MAX)
            return usage();
        pipeline.workers = (int)workers;
    }
    source.names = optind < argc ? argv + optind : standard_input;
    source.count = optind < argc ? argc - optind : 1;
    source.total = source_total(&source);
    int rc = run(&pipeline, &source);
    if (fflush(stdout) != 0 || ferror(stdout)) {
        fprintf(stderr, "pipeline: standard output: %s\n", strerror(errno));
        rc = -EIO;
    }
    return rc < 0 || source.failed > 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
