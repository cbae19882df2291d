/* The public calls, as a user meets them: defaults, refusals and their words, forking, leaving. */
#include "api/ring.h"
#include "mring.h"
#include "support/ring.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static const struct mring_group lone[] = {{.name = "lone", .members = 1}};
static const struct mring_group pair[] = {{.name = "pair", .members = 2}};

static void defaults_suit_a_first_user(void **state)
{
    struct mring_info info = MRING_INFO_INIT;
    struct mring_producer *producer;
    struct mring_consumer *consumer;
    struct mring_message message;
    struct mring *ring;

    (void)state;
    assert_int_equal(mring_create(&ring, NULL, NULL), 0);
    assert_int_equal(mring_info(ring, &info), 0);
    assert_int_equal(info.capacity, 1024 * 1024);
    assert_int_equal(info.alignment, 8);
    assert_int_equal(info.message_max, 512 * 1024 - 8);
    assert_int_equal(info.groups, 1);
    assert_int_equal(mring_producer(ring, &producer, NULL), 0);
    assert_int_equal(mring_send(producer, "early", 5, 7), 0);
    assert_int_equal(mring_join(ring, "all", NULL, &consumer), 0);
    assert_int_equal(mring_wait(consumer, MRING_FOREVER), 0);
    assert_int_equal(mring_next(consumer, &message), 1);
    assert_int_equal(message.length, 5);
    assert_int_equal(message.tag, 7);
    assert_memory_equal(message.data, "early", 5);
    assert_int_equal(mring_release(consumer, &message), 0);
    assert_int_equal(mring_release(consumer, &message), -EINVAL);
    assert_int_equal(mring_next(consumer, &message), 0);
    assert_int_equal(mring_close(ring), -EBUSY);
    assert_int_equal(mring_end(producer), 0);
    assert_int_equal(mring_next(consumer, &message), -EPIPE);
    assert_int_equal(mring_wait(consumer, 0), -EPIPE);
    assert_int_equal(mring_send(producer, "late", 4, 0), -EPIPE);
    assert_int_equal(mring_send(producer, NULL, 0, 0), -EPIPE);
    assert_int_equal(mring_commit(producer, 0, 0), -EINVAL);
    assert_int_equal(mring_wait(producer, MRING_FOREVER), -EPIPE);
    assert_int_equal(mring_send(producer, "late", 4, 0), -EPIPE);
    assert_int_equal(mring_end(producer), 0);
    assert_int_equal(mring_next(consumer, &message), -EPIPE);
    assert_int_equal(mring_leave(consumer), 0);
    assert_int_equal(mring_producer_close(producer), 0);
    assert_int_equal(mring_producer(ring, &producer, NULL), -EPIPE);
    assert_int_equal(mring_close(ring), 0);
    assert_int_equal(mring_close(NULL), 0);
    assert_int_equal(mring_leave(NULL), 0);
    assert_int_equal(mring_producer_close(NULL), 0);
}

static void expect_refusal(struct mring_options *options, const char *name, int code, const char *word)
{
    struct mring_error error = MRING_ERROR_INIT;
    struct mring *ring = (struct mring *)(void *)&error;

    options->error = &error;
    assert_int_equal(mring_create(&ring, name, options), code);
    assert_int_equal(error.code, code);
    assert_non_null(strstr(error.text, word));
    assert_ptr_equal(ring, &error);
}

static void bad_options_are_named(void **state)
{
    const struct mring_group twice[] = {{.name = "a", .members = 1}, {.name = "a", .members = 2}};
    const struct mring_group nameless[] = {{.name = "", .members = 1}};
    const struct mring_group crowd[] = {{.name = "a", .members = 1000}, {.name = "b", .members = 25}};
    const struct mring_group many[MRING_GROUPS_MAX + 1] = {{.name = "a"}};
    char longest[MRING_NAME_MAX + 2];
    struct mring_options options;

    (void)state;
    memset(longest, 'x', sizeof(longest) - 1);
    longest[sizeof(longest) - 1] = '\0';
#define REFUSED(change, name, code, word)                                                                              \
    options = (struct mring_options)MRING_OPTIONS_INIT;                                                                \
    change;                                                                                                            \
    expect_refusal(&options, name, code, word)
    REFUSED(options.alignment = 16, NULL, -EINVAL, "16");
    REFUSED(options.capacity = (size_t)1 << 41, NULL, -EINVAL, "capacity");
    REFUSED(options.attempts = TALLY_MOST + 1, NULL, -EINVAL, "attempts");
    REFUSED(options.members = 1025, NULL, -E2BIG, "1025");
    REFUSED((options.groups = twice, options.group_count = 2), NULL, -EINVAL, "\"a\"");
    REFUSED((options.groups = nameless, options.group_count = 1), NULL, -EINVAL, "empty");
    REFUSED((options.groups = crowd, options.group_count = 2), NULL, -E2BIG, "\"b\"");
    REFUSED((options.groups = many, options.group_count = MRING_GROUPS_MAX + 1), NULL, -E2BIG, "at most 64");
    REFUSED(options.group_count = 3, NULL, -EINVAL, "NULL");
    REFUSED((void)0, "a/b", -EINVAL, "'/'");
    REFUSED((void)0, "", -EINVAL, "empty");
    REFUSED((void)0, longest, -ENAMETOOLONG, "longer");
#undef REFUSED
    options = (struct mring_options)MRING_OPTIONS_INIT;
    options.size = 0;
    assert_int_equal(mring_create(&(struct mring *){NULL}, NULL, &options), -EINVAL);
    assert_int_equal(mring_create(NULL, NULL, NULL), -EINVAL);
}

static void there_is_one_producer(void **state)
{
    struct mring *ring = make_ring(NULL, lone, 1);
    struct mring_producer *producer, *second;
    struct mring_error error = MRING_ERROR_INIT;
    struct mring_producer_options options = MRING_PRODUCER_OPTIONS_INIT;
    pid_t child;
    int status;

    (void)state;
    options.error = &error;
    assert_int_equal(mring_producer(ring, &producer, NULL), 0);
    assert_int_equal(mring_producer(ring, &second, &options), -EBUSY);
    assert_non_null(strstr(error.text, "producer"));
    child = fork();
    if (child == 0)
        _exit(mring_producer(ring, &second, NULL) == -EBUSY ? 0 : 1);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(mring_producer_close(producer), 0);
    /* A child that produces, and is killed: the next one goes on. */
    child = fork();
    if (child == 0) {
        if (mring_producer(ring, &second, NULL) != 0 || mring_send(second, "last words", 10, 0) != 0)
            _exit(1);
        raise(SIGKILL);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(mring_producer(ring, &producer, NULL), 0);
    assert_int_equal(mring_producer_close(producer), 0);
    assert_int_equal(mring_close(ring), 0);
}

static void messages_have_limits(void **state)
{
    struct mring *ring = make_ring(NULL, lone, 1);
    struct mring_producer *producer;
    struct mring_consumer *consumer;
    struct mring_message message;
    struct iovec pieces[3] = {{(void *)"ab", 2}, {NULL, 0}, {(void *)"cde", 3}};
    struct iovec endless[2] = {{NULL, SIZE_MAX}, {NULL, SIZE_MAX}};
    char small[4];
    void *where;

    (void)state;
    assert_int_equal(mring_producer(ring, &producer, NULL), 0);
    assert_int_equal(mring_join(ring, "lone", NULL, &consumer), 0);
    assert_int_equal(mring_commit(producer, 0, 0), -EINVAL);
    assert_int_equal(mring_reserve(producer, 32768 - 8 + 1, &where), -EMSGSIZE);
    assert_int_equal(mring_reserve(producer, SIZE_MAX - 40, &where),
                     -EMSGSIZE); /* of which the size of a record is small */
    assert_int_equal(mring_reserve(producer, 32768 - 8, &where), 0);
    assert_int_equal(mring_reserve(producer, 100, &where), 0);
    assert_int_equal(mring_commit(producer, 101, 0), -EINVAL);
    memcpy(where, "short", 5);
    assert_int_equal(mring_commit(producer, 5, 1), 0);
    assert_int_equal(mring_next(consumer, &message), 0);
    assert_int_equal(mring_flush(producer), 0);
    assert_int_equal(mring_sendv(producer, pieces, 3, 2), 0);
    assert_int_equal(mring_sendv(producer, pieces, -1, 2), -EINVAL);
    assert_int_equal(mring_sendv(producer, endless, 2, 2), -EINVAL);
    assert_int_equal(mring_send(producer, NULL, 0, 3), 0);
    assert_int_equal(mring_recv(consumer, small, sizeof(small), &message), -EMSGSIZE);
    assert_int_equal(message.length, 5);
    assert_int_equal(mring_next(consumer, &message), 1);
    assert_memory_equal(message.data, "short", 5);
    assert_int_equal(mring_recv(consumer, small, sizeof(small), &message), -EINVAL);
    assert_int_equal(mring_release(consumer, &message), 0);
    assert_int_equal(mring_next(consumer, &message), 1);
    assert_int_equal(message.length, 5);
    assert_memory_equal(message.data, "abcde", 5);
    assert_int_equal(mring_release(consumer, &message), 0);
    assert_int_equal(mring_recv(consumer, small, sizeof(small), &message), 1);
    assert_int_equal(message.length, 0);
    assert_int_equal(message.tag, 3);
    assert_int_equal(mring_leave(consumer), 0);
    assert_int_equal(mring_producer_close(producer), 0);
    assert_int_equal(mring_close(ring), 0);
}

static void a_full_ring_refuses_and_tells_when_not(void **state)
{
    struct mring *ring = make_ring(NULL, lone, 1);
    struct mring_producer *producer;
    struct mring_consumer *consumer;
    struct mring_message message;
    int sent = 0, got = 0;

    (void)state;
    assert_int_equal(mring_producer(ring, &producer, NULL), 0);
    while (mring_send(producer, "0123456789abcdef", 16, (uint32_t)sent) == 0)
        sent++;
    assert_int_equal(sent, 65536 / 24);
    assert_int_equal(mring_wait(producer, 0), -ETIMEDOUT);
    assert_int_equal(mring_wait(producer, 3 * 1000 * 1000), -ETIMEDOUT);
    assert_int_equal(mring_join(ring, "lone", NULL, &consumer), 0);
    while (mring_next(consumer, &message) == 1) {
        assert_int_equal(message.tag, got++);
        assert_int_equal(mring_release(consumer, &message), 0);
    }
    assert_int_equal(got, sent);
    assert_int_equal(mring_wait(producer, MRING_FOREVER), 0);
    assert_int_equal(mring_send(producer, "more", 4, 0), 0);
    assert_int_equal(mring_leave(consumer), 0);
    assert_int_equal(mring_producer_close(producer), 0);
    assert_int_equal(mring_close(ring), 0);
}

static void a_batch_is_released_before_the_next(void **state)
{
    struct mring *ring = make_ring(NULL, pair, 1);
    struct mring_producer *producer;
    struct mring_consumer *one, *other, *third;
    struct mring_message message[8];

    (void)state;
    assert_int_equal(mring_producer(ring, &producer, NULL), 0);
    assert_int_equal(mring_join(ring, "pair", NULL, &one), 0);
    assert_int_equal(mring_join(ring, "pair", NULL, &other), 0);
    assert_int_equal(mring_join(ring, "pair", NULL, &third), -EUSERS);
    for (uint32_t tag = 0; tag < 8; tag++)
        assert_int_equal(mring_send(producer, "x", 1, tag), 0);
    assert_int_equal(mring_next_batch(one, message, 8), 2);
    assert_int_equal(mring_next(one, message), -EBUSY);
    assert_int_equal(mring_next_batch(other, message + 4, 8), 1);
    assert_int_equal(message[4].tag, 2);
    assert_int_equal(mring_release(one, &message[1]), 0);
    assert_int_equal(mring_release(one, &message[0]), -EINVAL);
    assert_int_equal(mring_next(one, message), 1);
    assert_int_equal(message[0].tag, 3);
    /* What a leaver was not handed goes to the other. */
    assert_int_equal(mring_leave(one), 0);
    assert_int_equal(mring_release(other, &message[4]), 0);
    for (uint32_t tag = 4; tag < 8; tag++) {
        assert_int_equal(mring_next(other, message), 1);
        assert_int_equal(message[0].tag, tag);
        assert_int_equal(mring_release(other, message), 0);
    }
    assert_int_equal(mring_end(producer), 0);
    assert_int_equal(mring_next(other, message), -EPIPE);
    assert_int_equal(mring_leave(other), 0);
    assert_int_equal(mring_producer_close(producer), 0);
    assert_int_equal(mring_close(ring), 0);
}

/* A place says how many messages were handed out there to all who ever had it. That is not the pace of who comes. */
static void who_comes_has_no_pace_yet(void **state)
{
    enum { MESSAGES = 40 };
    struct mring *ring = make_ring(NULL, pair, 1);
    struct mring_producer *producer;
    struct mring_consumer *one, *other;
    struct mring_message message[MESSAGES];

    (void)state;
    for (uint32_t line = 0; line < 2; line++)
        word_store(&ring->group[0].view.line[line].messages, UINT64_C(1) << 50);
    assert_int_equal(mring_producer(ring, &producer, NULL), 0);
    assert_int_equal(mring_join(ring, "pair", NULL, &one), 0);
    assert_int_equal(mring_join(ring, "pair", NULL, &other), 0);
    for (uint32_t tag = 0; tag < MESSAGES; tag++)
        assert_int_equal(mring_send(producer, "12345678", 8, tag), 0);
    assert_int_equal(mring_next_batch(one, message, MESSAGES), MESSAGES / 4);
    assert_int_equal(mring_leave(one), 0);
    assert_int_equal(mring_leave(other), 0);
    assert_int_equal(mring_producer_close(producer), 0);
    assert_int_equal(mring_close(ring), 0);
}

static void a_passing_group_sees_what_comes(void **state)
{
    struct mring *ring = make_ring(NULL, lone, 1);
    struct mring_join_options options = MRING_JOIN_OPTIONS_INIT;
    struct mring_producer *producer;
    struct mring_consumer *first, *second, *declared;
    struct mring_message message;

    (void)state;
    options.members = 2;
    assert_int_equal(mring_producer(ring, &producer, NULL), 0);
    assert_int_equal(mring_send(producer, "before", 6, 0), 0);
    assert_int_equal(mring_join(ring, "late", &options, &first), 0);
    assert_int_equal(mring_next(first, &message), 0);
    assert_int_equal(mring_send(producer, "after", 5, 1), 0);
    assert_int_equal(mring_join(ring, "late", NULL, &second), 0);
    assert_int_equal(mring_next(second, &message), 1);
    assert_int_equal(message.tag, 1);
    assert_int_equal(mring_release(second, &message), 0);
    assert_int_equal(mring_leave(first), 0);
    assert_int_equal(mring_leave(second), 0);
    /* Gone with its last member: it holds nobody back, and a new one of this name is a new group. */
    assert_int_equal(mring_join(ring, "lone", NULL, &declared), 0);
    for (uint32_t turn = 0; turn < 20000; turn++) {
        assert_int_equal(mring_send(producer, "0123456789", 10, turn + 2), 0);
        while (mring_next(declared, &message) == 1)
            assert_int_equal(mring_release(declared, &message), 0);
    }
    assert_int_equal(mring_join(ring, "late", NULL, &first), 0);
    assert_int_equal(mring_next(first, &message), 0);
    assert_int_equal(mring_send(producer, "again", 5, 99), 0);
    assert_int_equal(mring_next(first, &message), 1);
    assert_int_equal(message.tag, 99);
    assert_int_equal(mring_leave(first), 0);
    assert_int_equal(mring_leave(declared), 0);
    assert_int_equal(mring_producer_close(producer), 0);
    assert_int_equal(mring_close(ring), 0);
}

/* Groups given and none of them: nobody to wait for. */
static void a_ring_without_groups_never_fills(void **state)
{
    struct mring_options options = MRING_OPTIONS_INIT;
    struct mring_producer *producer;
    struct mring_consumer *consumer;
    struct mring_message message;
    struct mring *ring;

    (void)state;
    options.capacity = 16384;
    options.groups = lone;
    assert_int_equal(mring_create(&ring, NULL, &options), 0);
    assert_int_equal(mring_producer(ring, &producer, NULL), 0);
    for (uint32_t sent = 0; sent < 5000; sent++)
        assert_int_equal(mring_send(producer, "0123456789", 10, sent), 0);
    assert_int_equal(mring_join(ring, "late", NULL, &consumer), 0);
    assert_int_equal(mring_send(producer, "seen", 4, 5000), 0);
    assert_int_equal(mring_next(consumer, &message), 1);
    assert_int_equal(message.tag, 5000);
    assert_int_equal(mring_leave(consumer), 0);
    assert_int_equal(mring_producer_close(producer), 0);
    assert_int_equal(mring_close(ring), 0);
}

/* A member that asks for small batches leaves the rest to the others, however much there is. */
static void a_member_limits_its_batch(void **state)
{
    const struct mring_join_options single = {.size = sizeof(single), .batch = 1};
    struct mring *ring = make_ring(NULL, pair, 1);
    struct mring_producer *producer;
    struct mring_consumer *slow, *other;
    struct mring_message message[64];

    (void)state;
    assert_int_equal(mring_producer(ring, &producer, NULL), 0);
    for (uint32_t sent = 0; sent < 100; sent++)
        assert_int_equal(mring_send(producer, "0123456789", 10, sent), 0);
    assert_int_equal(mring_join(ring, "pair", &single, &slow), 0);
    assert_int_equal(mring_join(ring, "pair", NULL, &other), 0);
    assert_int_equal(mring_next_batch(slow, message, 64), 1);
    assert_int_equal(message[0].tag, 0);
    assert_true(mring_next_batch(other, message, 64) > 1);
    assert_int_equal(message[0].tag, 1);
    assert_int_equal(mring_leave(other), 0);
    assert_int_equal(mring_leave(slow), 0);
    assert_int_equal(mring_producer_close(producer), 0);
    assert_int_equal(mring_close(ring), 0);
}

/* A message that was never handed out as it is: longer than it was, and beginning where something is released already. */
static void only_what_is_held_is_released(void **state)
{
    struct mring *ring = make_ring(NULL, lone, 1);
    struct mring_producer *producer;
    struct mring_consumer *consumer;
    struct mring_message first, second, forged;

    (void)state;
    assert_int_equal(mring_producer(ring, &producer, NULL), 0);
    assert_int_equal(mring_join(ring, "lone", NULL, &consumer), 0);
    assert_int_equal(mring_send(producer, "12345678", 8, 0), 0);
    assert_int_equal(mring_send(producer, "12345678", 8, 1), 0);
    assert_int_equal(mring_next(consumer, &first), 1);
    assert_int_equal(mring_next(consumer, &second), 1);
    assert_int_equal(mring_release(consumer, &first), 0);
    assert_int_equal(mring_release(consumer, &first), -EINVAL);
    forged = first;
    forged.length = (uint32_t)(second.position - first.position) + 8;
    assert_int_equal(mring_release(consumer, &forged), -EINVAL);
    forged = second; /* begins before what is held, and ends right */
    forged.position = first.position;
    forged.length = (uint32_t)(second.position - first.position) + 8;
    assert_int_equal(mring_release(consumer, &forged), -EINVAL);
    forged = second; /* ends beyond 2^64 */
    forged.position = UINT64_MAX - 7;
    assert_int_equal(mring_release(consumer, &forged), -EINVAL);
    forged = second; /* the last one, but longer */
    forged.length += 8;
    assert_int_equal(mring_release(consumer, &forged), -EINVAL);
    assert_int_equal(mring_release(consumer, &second), 0);
    forged.position = UINT64_MAX;
    assert_int_equal(mring_release(consumer, &forged), -EINVAL);
    assert_int_equal(mring_leave(consumer), 0);
    assert_int_equal(mring_producer_close(producer), 0);
    assert_int_equal(mring_close(ring), 0);
}

/* ---- fork ---- */

static void handles_are_stale_in_a_child(void **state)
{
    struct mring *ring = make_ring(NULL, lone, 1);
    struct mring_producer *producer;
    struct mring_consumer *consumer;
    struct mring_message message, held;
    void *where;
    pid_t child;
    int status;

    (void)state;
    assert_int_equal(mring_producer(ring, &producer, NULL), 0);
    assert_int_equal(mring_join(ring, "lone", NULL, &consumer), 0);
    for (uint32_t sent = 0; sent < 4; sent++)
        assert_int_equal(mring_send(producer, "12345678", 8, sent), 0);
    for (int taken = 0; taken < 3; taken++) {
        assert_int_equal(mring_next(consumer, &held), 1);
        assert_int_equal(taken < 2 ? mring_release(consumer, &held) : 0, 0);
    }
    assert_int_equal(mring_reserve(producer, 1, &where), 0);
    child = fork(); /* with a reservation, a message held, and one at hand */
    if (child == 0) {
        bool stale = mring_commit(producer, 1, 0) == -ESTALE && mring_send(producer, "12345678", 8, 0) == -ESTALE &&
                     mring_reserve(producer, 1, &where) == -ESTALE && mring_release(consumer, &held) == -ESTALE &&
                     mring_flush(producer) == -ESTALE && mring_end(producer) == -ESTALE &&
                     mring_wait(producer, 0) == -ESTALE && mring_wake(producer) == -ESTALE &&
                     mring_next(consumer, &message) == -ESTALE && mring_next_batch(consumer, &message, 1) == -ESTALE &&
                     mring_wait(consumer, 0) == -ESTALE && mring_wake(consumer) == -ESTALE &&
                     mring_recv(consumer, NULL, 0, &message) == -ESTALE;

        stale = stale && mring_leave(consumer) == 0 && mring_producer_close(producer) == 0 && mring_close(ring) == 0;
        _exit(stale ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(mring_commit(producer, 1, 4), 0);
    assert_int_equal(mring_flush(producer), 0);
    assert_int_equal(mring_release(consumer, &held), 0);
    for (uint32_t next = 3; next <= 4; next++) {
        assert_int_equal(mring_next(consumer, &message), 1);
        assert_int_equal(message.tag, next);
    }
    assert_int_equal(mring_leave(consumer), 0);
    assert_int_equal(mring_producer_close(producer), 0);
    assert_int_equal(mring_close(ring), 0);
}

/* A child that consumes must not be able to write what it reads. */
static void a_consuming_child_cannot_write(void **state)
{
    struct mring *ring = make_ring(NULL, lone, 1);
    struct mring_producer *producer;
    pid_t child;
    int status;

    (void)state;
    assert_int_equal(mring_producer(ring, &producer, NULL), 0);
    assert_int_equal(mring_send(producer, "x", 1, 0), 0);
    child = fork();
    if (child == 0) {
        struct mring_consumer *consumer;
        struct mring_producer *second;
        struct mring_message message;

        if (mring_join(ring, "lone", NULL, &consumer) != 0 || mring_next(consumer, &message) != 1 ||
            mring_producer(ring, &second, NULL) != -EACCES)
            _exit(1);
        (void)signal(SIGSEGV, SIG_DFL); /* cmocka's handler would carry on in the child */
        (void)signal(SIGBUS, SIG_DFL);
        *(volatile char *)(uintptr_t)message.data = 'y';
        _exit(2);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    assert_true(WTERMSIG(status) == SIGSEGV || WTERMSIG(status) == SIGBUS);
    assert_int_equal(mring_producer_close(producer), 0);
    assert_int_equal(mring_close(ring), 0);
}

/* ---- names ---- */

static void a_name_is_found_by_others(void **state)
{
    struct mring_open_options options = MRING_OPEN_OPTIONS_INIT;
    struct mring_error error = MRING_ERROR_INIT;
    struct mring_producer *producer;
    struct mring *ring, *second;
    char name[40];
    pid_t child;
    int status;

    (void)state;
    (void)snprintf(name, sizeof(name), "api-test-%d", (int)getpid());
    options.error = &error;
    assert_int_equal(mring_open(&ring, name, MRING_CONSUME, &options), -ENOENT);
    assert_non_null(strstr(error.text, name));
    child = fork();
    if (child == 0) {
        struct mring_consumer *consumer;
        struct mring_message message;
        bool right;

        options.timeout = 10000000000;
        options.error = NULL;
        right = mring_open(&ring, name, MRING_CONSUME, &options) == 0 &&
                mring_producer(ring, &producer, NULL) == -EACCES && mring_join(ring, "lone", NULL, &consumer) == 0 &&
                mring_wait(consumer, MRING_FOREVER) == 0 && mring_next(consumer, &message) == 1 &&
                message.length == 5 && memcmp(message.data, "hello", 5) == 0 &&
                mring_release(consumer, &message) == 0 && mring_wait(consumer, MRING_FOREVER) == -EPIPE &&
                mring_leave(consumer) == 0 && mring_close(ring) == 0;
        _exit(right ? 0 : 1);
    }
    ring = make_ring(name, lone, 1);
    assert_int_equal(mring_create(&second, name, NULL), -EEXIST);
    assert_int_equal(mring_producer(ring, &producer, NULL), 0);
    assert_int_equal(mring_send(producer, "hello", 5, 0), 0);
    assert_int_equal(mring_end(producer), 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(mring_producer_close(producer), 0);
    assert_int_equal(mring_close(ring), 0);
    /* The name is free again. */
    ring = make_ring(name, lone, 1);
    assert_int_equal(mring_close(ring), 0);
}

static void an_opener_may_produce(void **state)
{
    struct mring_consumer *consumer;
    struct mring_message message;
    struct mring *ring;
    char name[40];
    pid_t child;
    int status;

    (void)state;
    (void)snprintf(name, sizeof(name), "api-produce-%d", (int)getpid());
    ring = make_ring(name, pair, 1);
    child = fork();
    if (child == 0) {
        struct mring_producer *producer;
        struct mring *opened;

        if (mring_open(&opened, name, MRING_PRODUCE, NULL) != 0 || mring_producer(opened, &producer, NULL) != 0)
            _exit(1);
        for (uint32_t tag = 0; tag < 50000; tag++)
            while (mring_send(producer, "0123456789", 10, tag) == -EAGAIN)
                if (mring_wait(producer, MRING_FOREVER) != 0)
                    _exit(2);
        _exit(mring_end(producer) == 0 && mring_producer_close(producer) == 0 && mring_close(opened) == 0 ? 0 : 3);
    }
    assert_int_equal(mring_join(ring, "pair", NULL, &consumer), 0);
    for (uint32_t tag = 0; tag < 50000; tag++) {
        while (mring_next(consumer, &message) == 0)
            assert_int_equal(mring_wait(consumer, MRING_FOREVER), 0);
        assert_int_equal(message.tag, tag);
        assert_int_equal(mring_release(consumer, &message), 0);
    }
    assert_int_equal(mring_wait(consumer, MRING_FOREVER), -EPIPE);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(mring_leave(consumer), 0);
    assert_int_equal(mring_close(ring), 0);
}

static void errors_have_words(void **state)
{
    const int codes[] = {EACCES, EAGAIN,     EBADF,  EBADMSG, EBUSY,  ENOTSUP, ECANCELED,    ECONNABORTED, EEXIST,
                         EFBIG,  EINTR,      EINVAL, EIO,     E2BIG,  EMFILE,  EMSGSIZE,     ENOENT,       ENOLCK,
                         ENOMEM, EOWNERDEAD, EPIPE,  EPROTO,  ESTALE, ENOSPC,  ENAMETOOLONG, EUSERS,       ETIMEDOUT};

    (void)state;
    for (size_t at = 0; at < sizeof(codes) / sizeof(codes[0]); at++) {
        assert_string_not_equal(mring_strerror(-codes[at]), mring_strerror(-99999));
        assert_true(strlen(mring_strerror(-codes[at])) > 0);
    }
    assert_string_equal(mring_strerror(0), "success");
    assert_string_equal(mring_version(), "0.1.0");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_suit_a_first_user),
        cmocka_unit_test(bad_options_are_named),
        cmocka_unit_test(there_is_one_producer),
        cmocka_unit_test(messages_have_limits),
        cmocka_unit_test(a_full_ring_refuses_and_tells_when_not),
        cmocka_unit_test(a_batch_is_released_before_the_next),
        cmocka_unit_test(who_comes_has_no_pace_yet),
        cmocka_unit_test(a_passing_group_sees_what_comes),
        cmocka_unit_test(a_ring_without_groups_never_fills),
        cmocka_unit_test(a_member_limits_its_batch),
        cmocka_unit_test(only_what_is_held_is_released),
        cmocka_unit_test(handles_are_stale_in_a_child),
        cmocka_unit_test(a_consuming_child_cannot_write),
        cmocka_unit_test(a_name_is_found_by_others),
        cmocka_unit_test(an_opener_may_produce),
        cmocka_unit_test(errors_have_words),
    };

    return cmocka_run_group_tests_name("api", tests, NULL, NULL);
}
