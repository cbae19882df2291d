/*
 * The same rules, of processes that do not wait for each other: each does what its own seed says, until it is killed, or stopped for a while, or it is
 * over. What they wrote into their diaries is held against the rules afterwards.
 */
#include "model_diary.h"

#include "harness.h"
#include "reference/payload.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

enum { MEMBERS = 5, TURNS = 150, CAPACITY = 32768, LONGEST = 3000, BATCH = 8, MOMENT = 20 * 1000 * 1000 /* ns */ };
enum { PRODUCER = MEMBERS, PEOPLE };

struct archive *archive;

static const char *const names[DIARY_GROUPS] = {"log", "work", "index"};
static struct mring *ring;
static unsigned lives;

static bool stopping(void)
{
    return __atomic_load_n(&archive->stop, __ATOMIC_ACQUIRE);
}

static void write_line(struct diary *diary, struct diary_line line)
{
    EXPECT(diary->lines, <, DIARY_LINES);
    line.stamp = __atomic_add_fetch(&archive->stamps, 1, __ATOMIC_SEQ_CST);
    diary->line[diary->lines] = line;
    __atomic_store_n(&diary->lines, diary->lines + 1, __ATOMIC_RELEASE);
}

/* Who has no room to write into any more can still be killed. */
static void await_stopping(void)
{
    while (!stopping())
        (void)usleep(1000);
}

/* ---- members ---- */

static void note_got(struct diary *diary, unsigned group, const struct mring_message *message)
{
    EXPECT(payload_is(message->data, message->length, message->tag), ==, true);
    write_line(diary, (struct diary_line){.kind = DIARY_GOT,
                                          .group = group,
                                          .position = message->position,
                                          .length = message->length,
                                          .tag = message->tag,
                                          .deliveries = message->deliveries});
}

static void release(struct diary *diary, unsigned group, struct mring_consumer *consumer,
                    const struct mring_message *message)
{
    struct diary_line line = {.kind = DIARY_RELEASE, .group = group, .position = message->position};

    EXPECT(payload_is(message->data, message->length, message->tag), ==, true);
    write_line(diary, line);
    EXPECT_OK(mring_release(consumer, message));
    line.kind = DIARY_RELEASED;
    write_line(diary, line);
}

/* Take some, give them back one by one or at once. What the call said. */
static int take(struct diary *diary, unsigned group, struct mring_consumer *consumer, uint64_t *random)
{
    struct mring_message messages[BATCH];
    int count = mring_next_batch(consumer, messages, 1 + (int)random_below(random, BATCH));

    for (int at = 0; at < count; at++) {
        EXPECT(at == 0 || messages[at].position > messages[at - 1].position, ==, true);
        note_got(diary, group, &messages[at]);
    }
    for (uint32_t left = random_below(random, 200); count > 0 && left > 0; left--)
        (void)sched_yield(); /* its work with them */
    for (int at = 0; at < count; at++)
        if (at + 1 == count || random_below(random, 3) == 0)
            release(diary, group, consumer, &messages[at]);
    return count;
}

/* A stay in a group; some leave with messages in hand. False: the stream is complete there. */
static bool stay(struct diary *diary, unsigned group, uint64_t *random, bool to_the_end)
{
    struct mring_consumer *consumer;
    struct mring_message message;
    int code = mring_join(ring, names[group], NULL, &consumer);

    if (code == -EUSERS)
        return true;
    EXPECT_OK(code);
    write_line(diary, (struct diary_line){.kind = DIARY_JOINED, .group = group});
    for (uint32_t left = random_below(random, 100); (left > 0 || to_the_end) && code != -EPIPE; left--) {
        code = take(diary, group, consumer, random);
        if (code == 0)
            code = mring_wait(consumer, MOMENT);
        EXPECT(code >= 0 || code == -EPIPE || code == -ETIMEDOUT || code == -EOWNERDEAD, ==, true);
    }
    if (code != -EPIPE && mring_next(consumer, &message) == 1)
        note_got(diary, group, &message);
    write_line(diary, (struct diary_line){.kind = DIARY_LEAVE, .group = group});
    EXPECT_OK(mring_leave(consumer));
    return code != -EPIPE;
}

static void live(void *life)
{
    struct diary *diary = &archive->diary[(uintptr_t)life];
    uint64_t random = harness_seed + (uintptr_t)life;

    while (!stopping() && diary->lines < DIARY_LINES / 2)
        (void)stay(diary, random_below(&random, DIARY_GROUPS), &random, false);
    await_stopping();
    EXPECT_OK(mring_close(ring));
}

static void drain(void *life)
{
    uint64_t random = harness_seed;

    for (unsigned group = 0; group < DIARY_GROUPS; group++)
        EXPECT(stay(&archive->diary[(uintptr_t)life], group, &random, true), ==, false);
    EXPECT_OK(mring_close(ring));
}

/* ---- the producer ---- */

static void produce(void *life)
{
    static unsigned char payload[LONGEST];
    uint64_t random = harness_seed + (uintptr_t)life;
    struct mring_producer *producer;

    EXPECT_OK(mring_producer(ring, &producer, NULL));
    while (!stopping() && archive->tags < DIARY_TAGS - 1) {
        uint32_t tag = __atomic_fetch_add(&archive->tags, 1, __ATOMIC_RELAXED);
        uint32_t length = random_below(&random, random_below(&random, 16) == 0 ? LONGEST : 200);
        int code;

        payload_fill(payload, length, tag);
        while ((code = mring_send_wait(producer, payload, length, tag, MOMENT)) == -ETIMEDOUT && !stopping())
            continue;
        EXPECT(code == 0 || code == -ETIMEDOUT, ==, true);
        archive->sent[tag] = code == 0;
    }
    await_stopping();
    EXPECT_OK(mring_producer_close(producer));
    EXPECT_OK(mring_close(ring));
}

static void end_stream(void *unused)
{
    struct mring_producer *producer;

    (void)unused;
    EXPECT_OK(mring_producer(ring, &producer, NULL));
    EXPECT_OK(mring_end(producer));
    EXPECT_OK(mring_producer_close(producer));
    EXPECT_OK(mring_close(ring));
}

/* ---- the director ---- */

struct person {
    pid_t process;
    unsigned life;
};

static void begin(struct person *person, bool produces)
{
    EXPECT(lives, <, DIARIES);
    person->life = lives++;
    person->process = child_start(produces ? produce : live, (void *)(uintptr_t)person->life);
}

static void kill_person(struct person *person)
{
    archive->diary[person->life].killed = true;
    child_kill(person->process);
}

static void disturb(struct person *people, uint64_t *random)
{
    unsigned at = random_below(random, PEOPLE);

    (void)nanosleep(&(struct timespec){.tv_nsec = random_below(random, MOMENT)}, NULL);
    if (random_below(random, 3) != 0) {
        kill_person(&people[at]);
        begin(&people[at], at == PRODUCER);
        return;
    }
    EXPECT_OK(kill(people[at].process, SIGSTOP));
    (void)nanosleep(&(struct timespec){.tv_nsec = random_below(random, MOMENT)}, NULL);
    EXPECT_OK(kill(people[at].process, SIGCONT));
}

void loose(void)
{
    static const char *const before[] = {"log", "work"};
    const struct mring_group groups[] = {{.name = names[DIARY_LOG], .members = 1},
                                         {.name = names[DIARY_WORK], .members = 4},
                                         {.name = names[DIARY_INDEX], .members = 2, .after = before, .after_count = 2}};
    struct mring_options options = MRING_OPTIONS_INIT;
    struct person people[PEOPLE];
    uint64_t random = harness_seed;

    archive = mmap(NULL, sizeof(*archive), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANON, -1, 0);
    EXPECT(archive != MAP_FAILED, ==, 1);
    options.capacity = CAPACITY;
    options.groups = groups;
    options.group_count = DIARY_GROUPS;
    options.attempts = 60000; /* nothing is set aside */
    EXPECT_OK(mring_create(&ring, NULL, &options));
    for (unsigned at = 0; at < PEOPLE; at++)
        begin(&people[at], at == PRODUCER);
    for (unsigned turn = 0; turn < TURNS; turn++)
        disturb(people, &random);
    __atomic_store_n(&archive->stop, true, __ATOMIC_RELEASE);
    for (unsigned at = 0; at < PEOPLE; at++)
        child_finish(people[at].process);
    child_finish(child_start(end_stream, NULL));
    child_finish(child_start(drain, (void *)(uintptr_t)lives));
    check_accounts(lives + 1);
    EXPECT_OK(mring_close(ring));
}
