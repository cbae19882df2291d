/* Writers and readers of mring_inline.h in a forked child: they are its parent's. */
#include "support/sides.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

/* What a child does with its parent's writer and reader. */
static bool is_stale(struct side *side, const struct mring_message *held)
{
    struct mring_run run = {held->data, 16, held->position, held->length, held->tag, 1, held->deliveries};
    struct mring_message message;
    uint64_t value = 0;
    char here;
    void *where = &here;

    return mring_writer_commit_run(&side->writer, 8, 2, 1) == -ESTALE &&
           mring_writer_reserve_run(&side->writer, 8, 2, &where) == -ESTALE &&
           mring_reader_release_run(&side->reader, &run) == -ESTALE &&
           mring_reader_next_run(&side->reader, 2, &run) == -ESTALE &&
           mring_writer_publish(&side->writer, 8, 1) == -ESTALE &&
           mring_writer_commit(&side->writer, 8, 1) == -ESTALE && mring_writer_flush(&side->writer) == -ESTALE &&
           mring_writer_reserve(&side->writer, 8, &where) == -ESTALE && where == &here &&
           mring_writer_send(&side->writer, "child", 5, 1) == -ESTALE &&
           mring_reader_release(&side->reader, held) == -ESTALE &&
           mring_reader_next(&side->reader, &message) == -ESTALE &&
           mring_reader_recv(&side->reader, &value, sizeof(value), &message) == -ESTALE && value == 0;
}

static void in_a_child(struct side side, const struct mring_message *held, bool (*first_of_all)(struct side *))
{
    const pid_t child = fork();
    int status;

    if (child == 0) {
        (void)signal(SIGSEGV, SIG_DFL); /* cmocka's handler would carry on in the child */
        (void)signal(SIGBUS, SIG_DFL);
        if (!first_of_all(&side) || !is_stale(&side, held))
            _exit(1);
        side.writer = mring_writer(side.producer);
        side.reader = mring_reader(side.consumer);
        _exit(is_stale(&side, held) ? 0 : 2);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static bool does_nothing(struct side *side)
{
    (void)side;
    return true;
}

static bool joins(struct side *side)
{
    struct mring_consumer *consumer;

    return mring_join(side->ring, "other", NULL, &consumer) == 0;
}

static bool closes(struct side *side)
{
    return mring_close(side->ring) == 0;
}

static void a_child_writes_nothing(void **state)
{
    static struct producer_page before, after;
    struct side side;
    struct mring_message held;
    struct member_line line;
    unsigned char *data;
    void *where = NULL;

    (void)state;
    for (int shared = 0; shared < 2; shared++) {
        side_open(&side, true, shared ? many : lone, 1, 8);
        data = malloc(view_of(&side)->capacity);
        assert_non_null(data);
        for (int turn = 0; turn < 10; turn++)
            assert_int_equal(mring_writer_send(&side.writer, "eight by", 8, 0), 0);
        for (int turn = 0; turn < 3; turn++)
            assert_int_equal(mring_reader_next(&side.reader, &held), 1);
        assert_int_equal(mring_writer_reserve(&side.writer, 8, &where), 0);
        memset(where, 0, 8);
        assert_int_equal(mring_writer_commit(&side.writer, 8, 0), 0);
        assert_int_equal(mring_writer_reserve(&side.writer, 8, &where), 0);
        before = page_of(&side);
        line = line_of(&side);
        memcpy(data, view_of(&side)->data, view_of(&side)->capacity);
        in_a_child(side, &held, does_nothing);
        in_a_child(side, &held, joins);
        in_a_child(side, &held, closes);
        after = page_of(&side);
        after.groups = before.groups; /* of "other" */
        after.directory_version = before.directory_version;
        after.gate = before.gate;
        assert_memory_equal(&before, &after, sizeof(before));
        assert_memory_equal(data, view_of(&side)->data, view_of(&side)->capacity);
        assert_memory_equal(&line, side.consumer->core.line, sizeof(struct word));
        assert_int_equal(line.messages.value, word_load(&side.consumer->core.line->messages));
        free(data);
        assert_int_equal(mring_writer_publish(&side.writer, 8, 0), 0);
        assert_int_equal(mring_reader_release(&side.reader, &held), 0);
        side_close(&side);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_child_writes_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
