#include "feed.h"

#include "stop.h"
#include "tool.h"

#include <errno.h>
#include <string.h>

enum { RAW = 64 * 1024 };

/* Room for a message, once there is some. 0; -ECANCELED; or -errno. */
static int reserve(const struct feed *feed, size_t length, void **room)
{
    int code;

    while ((code = mring_reserve(feed->producer, length, room)) == -EAGAIN) {
        code = stop_signal() ? -ECANCELED : mring_wait(feed->producer, MRING_FOREVER);
        if (code != 0 && code != -EINTR)
            return code;
    }
    return code;
}

static int put(struct feed *feed, const char *data, size_t length, uint32_t tag)
{
    void *room;
    int code = reserve(feed, length, &room);

    if (code != 0)
        return code;
    feed->any = true;
    memcpy(room, data, length);
    return mring_commit(feed->producer, length, tag);
}

static int ring_failed(int code)
{
    return code == 0 || code == -ECANCELED ? code : complain_of(code, NULL);
}

static int input_failed(ssize_t code)
{
    return code == -ECANCELED ? (int)code : complain("standard input: %s", strerror((int)-code));
}

/* Publish what is complete, and read on. 1; 0: the input has ended; or what the caller is to return. */
static ssize_t read_on(struct feed *feed)
{
    (void)mring_flush(feed->producer);
    return input_read(&feed->input);
}

/* ---- lines ---- */

/* The first so many bytes of the input are (the rest of) a line, or a piece of one. */
static int put_piece(struct feed *feed, size_t length)
{
    int code = put(feed, feed->input.data, length, feed->middle ? FEED_REST : 0);

    if (code != 0)
        return code;
    feed->middle = feed->input.data[length - 1] != '\n';
    input_take(&feed->input, length);
    return 0;
}

static int put_line(struct feed *feed, size_t length)
{
    int code = 0;

    for (; code == 0 && length > feed->longest; length -= feed->longest)
        code = put_piece(feed, feed->longest);
    return code == 0 ? put_piece(feed, length) : code;
}

/* All lines that have ended. What remains has no newline, and is not longer than a message. */
static int put_lines(struct feed *feed, size_t looked_at)
{
    struct input *input = &feed->input;
    const char *end;
    int code = 0;

    while (code == 0 && (end = memchr(input->data + looked_at, '\n', input->length - looked_at)) != NULL) {
        code = put_line(feed, (size_t)(end + 1 - input->data));
        looked_at = 0;
    }
    while (code == 0 && input->length > feed->longest)
        code = put_piece(feed, feed->longest);
    return code;
}

int feed_lines(struct feed *feed)
{
    size_t before = 0;
    ssize_t count;
    int code = 0;

    while (code == 0 && (count = read_on(feed)) > 0) {
        code = put_lines(feed, before);
        before = feed->input.length;
    }
    if (code == 0 && count < 0)
        return input_failed(count);
    if (code == 0 && feed->input.length > 0)
        code = put_line(feed, feed->input.length);
    (void)mring_flush(feed->producer);
    return ring_failed(code);
}

/* ---- records ---- */

enum { PREFIX = 4 };

/* Have so many bytes of the input at hand. 1; 0: it ends before; -errno. */
static ssize_t need(struct feed *feed, size_t length)
{
    ssize_t count = 1;

    while (feed->input.length < length && (count = read_on(feed)) > 0)
        ;
    return count > 0 ? 1 : count;
}

static size_t read_length(const char *data)
{
    const unsigned char *byte = (const unsigned char *)data;

    return (size_t)byte[0] << 24 | (size_t)byte[1] << 16 | (size_t)byte[2] << 8 | byte[3];
}

/* 1; 0: the input has ended; -errno of it; or EXIT_FAILED in *code. */
static ssize_t need_record(struct feed *feed, unsigned long long number, size_t *length, int *code)
{
    ssize_t there = need(feed, PREFIX);

    if (there < 0 || (there == 0 && feed->input.length == 0))
        return there;
    if (there == 1) {
        *length = read_length(feed->input.data);
        if (*length > feed->longest) {
            *code = complain("record %llu is of %zu bytes; this ring's messages are of %zu at most", number, *length,
                             feed->longest);
            return 0;
        }
        there = need(feed, PREFIX + *length);
    }
    if (there == 0)
        *code = complain("standard input ends within record %llu", number);
    return there;
}

int feed_records(struct feed *feed)
{
    ssize_t there = 1;
    size_t length = 0;
    int code = 0;

    for (unsigned long long number = 1; (there = need_record(feed, number, &length, &code)) == 1; number++) {
        code = put(feed, feed->input.data + PREFIX, length, 0);
        if (code != 0)
            return ring_failed(code);
        input_take(&feed->input, PREFIX + length);
    }
    (void)mring_flush(feed->producer);
    return there < 0 ? input_failed(there) : code;
}

/* ---- raw ---- */

int feed_raw(struct feed *feed)
{
    size_t room = feed->longest < RAW ? feed->longest : RAW;
    ssize_t count = 1;
    void *where;

    while (count > 0) {
        int code = reserve(feed, room, &where);

        if (code != 0)
            return ring_failed(code);
        count = input_read_into(where, room);
        if (count > 0) {
            feed->any = true;
            (void)mring_commit(feed->producer, (size_t)count, 0);
            (void)mring_flush(feed->producer);
        }
    }
    return count < 0 ? input_failed(count) : 0;
}

int feed_nothing(struct feed *feed)
{
    int code = put(feed, "", 0, FEED_NOTHING);

    (void)mring_flush(feed->producer);
    return ring_failed(code);
}
