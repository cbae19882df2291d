/* One message through a ring, as an outside project would send it; and some more, inlined. */
#include <mring_inline.h>
#include <stdio.h>
#include <string.h>

static int failed(const char *what, int error)
{
    fprintf(stderr, "%s: %s\n", what, mring_strerror(error));
    return 1;
}

static int inlined(struct mring_producer *producer, struct mring_consumer *consumer)
{
    struct mring_writer writer = mring_writer(producer);
    struct mring_reader reader = mring_reader(consumer);
    struct mring_message message;
    int status;

    for (unsigned number = 0; number < 1000; number++)
        if ((status = mring_writer_send(&writer, &number, sizeof(number), number)) < 0)
            return failed("writer", status);
    for (unsigned number = 0; number < 1000; number++) {
        if ((status = mring_reader_next(&reader, &message)) != 1)
            return failed("reader", status);
        if (message.tag != number || memcmp(message.data, &number, sizeof(number)) != 0) {
            fprintf(stderr, "message %u came out changed\n", number);
            return 1;
        }
        if ((status = mring_reader_release(&reader, &message)) < 0)
            return failed("reader's release", status);
    }
    return 0;
}

/* Numbers as values. */
static int copied(struct mring_producer *producer, struct mring_consumer *consumer)
{
    struct mring_writer writer = mring_writer(producer);
    struct mring_reader reader = mring_reader(consumer);
    unsigned long sum = 0;
    int status;

    for (unsigned number = 0; number < 1000; number++)
        if ((status = mring_writer_send(&writer, &number, sizeof(number), 1)) < 0)
            return failed("writer's number", status);
    for (int left = 1000; left > 0;) {
        struct mring_message message;
        unsigned number;

        status = mring_reader_recv(&reader, &number, sizeof(number), &message);
        if (status == 0)
            continue;
        if (status == -EMSGSIZE)
            fprintf(stderr, "of %u bytes\n", message.length);
        if (status < 0)
            return failed("reader's number", status);
        sum += number * message.tag;
        left--;
    }
    if (sum != 499500) {
        fprintf(stderr, "the numbers came out changed\n");
        return 1;
    }
    return 0;
}

/* Ten that are alike. */
static int in_a_run(struct mring_producer *producer, struct mring_consumer *consumer)
{
    struct mring_writer writer = mring_writer(producer);
    struct mring_reader reader = mring_reader(consumer);
    struct mring_run run = {NULL, 0, 0, 0, 0, 0, 0};
    void *where = NULL;
    int status;

    if ((status = mring_writer_reserve_run(&writer, 8, 10, &where)) != 10)
        return failed("writer's run", status);
    memset(where, 'x', 9 * mring_writer_stride(&writer, 8) + 8);
    if ((status = mring_writer_commit_run(&writer, 8, 10, 3)) < 0 || (status = mring_writer_flush(&writer)) < 0)
        return failed("writer's commit of a run", status);
    for (int left = 10; left > 0; left -= run.count) {
        if ((status = mring_reader_next_run(&reader, 10, &run)) < 1)
            return failed("reader's run", status);
        if (run.tag != 3 || run.length != 8 || memcmp(run.data, "xxxxxxxx", 8) != 0) {
            fprintf(stderr, "the run came out changed\n");
            return 1;
        }
        if ((status = mring_reader_release_run(&reader, &run)) < 0)
            return failed("reader's release of a run", status);
    }
    return 0;
}

int main(void)
{
    static const char text[] = "hello, outside";
    struct mring *ring = NULL;
    struct mring_producer *producer = NULL;
    struct mring_consumer *consumer = NULL;
    struct mring_message message;
    int status;

    if ((status = mring_create(&ring, NULL, NULL)) < 0)
        return failed("create", status);
    if ((status = mring_join(ring, "all", NULL, &consumer)) < 0)
        return failed("join", status);
    if ((status = mring_producer(ring, &producer, NULL)) < 0)
        return failed("producer", status);
    if ((status = mring_send(producer, text, sizeof(text), 7)) < 0)
        return failed("send", status);
    if ((status = mring_wait(consumer, MRING_FOREVER)) < 0)
        return failed("wait", status);
    if ((status = mring_next(consumer, &message)) != 1)
        return failed("next", status);
    if (message.length != sizeof(text) || message.tag != 7 || memcmp(message.data, text, sizeof(text)) != 0) {
        fprintf(stderr, "the message came out changed\n");
        return 1;
    }
    if ((status = mring_release(consumer, &message)) < 0)
        return failed("release", status);
    if (inlined(producer, consumer) != 0 || copied(producer, consumer) != 0 || in_a_run(producer, consumer) != 0)
        return 1;
    mring_leave(consumer);
    mring_producer_close(producer);
    if ((status = mring_close(ring)) < 0)
        return failed("close", status);
    printf("mring %s, in C\n", mring_version());
    return 0;
}
