/*
 * The paths of single messages, compiled into the program that uses them: for messages of a few bytes, of which the calls of mring.h are nearly
 * half of the cost. All else is in mring.h, and may be called besides, in any order.
 *
 *     struct mring_writer writer = mring_writer(producer);          struct mring_reader reader = mring_reader(consumer);
 *     ...                                                           ...
 *     code = mring_writer_reserve(&writer, length, &where);         code = mring_reader_next(&reader, &message);
 *     (write length bytes at where)                                 (read them)
 *     code = mring_writer_publish(&writer, length, tag);            code = mring_reader_release(&reader, &message);
 *
 * Several at once: each is committed by mring_writer_commit, and all are seen with the next mring_writer_publish, or mring_writer_flush. Where they are
 * equally long, and have the same tag, a *run* of them takes half of that or less, on both sides:
 *
 *     count = mring_writer_reserve_run(&writer, length, 32, &where);  count = mring_reader_next_run(&reader, 32, &run);
 *     (message i: length bytes at where + i * stride)                 (message i: run.length bytes at run.data + i * run.stride)
 *     code = mring_writer_commit_run(&writer, length, count, tag);    code = mring_reader_release_run(&reader, &run);
 *     code = mring_writer_flush(&writer);
 *
 * What was written as a run need not be read as one, nor the other way round.
 *
 * What is in a variable, and goes into one, as a number does, is copied. Where a compiler knows the length that is quicker by a quarter, as all is asked once that
 * reserve and publish, or next and release, must ask each for itself:
 *
 *     code = mring_writer_send(&writer, &value, sizeof(value), tag);  code = mring_reader_recv(&reader, &value, sizeof(value), &message);
 *
 * It is not calling that costs most. A call finds its handle in memory, where the call before has just written, and waits eight cycles for that.
 * A writer or a reader is a local variable, which a loop keeps in registers. It knows where the handle stands; the handle does too, so that this is
 * compared, and not waited for. Where the two differ (it is new, or the handle was used without it) the message goes by a call, or the handle is read
 * anew, which sets it right, and that is all that comes of it. There is nothing to close, and several may be made of one handle. It is worth while
 * in a loop, and only where nobody else is given its address.
 *
 * Each function has the results of the call that is named with it; threads, forks and kills are as there, since the same is stored in the same
 * order. But what a writer has reserved it must commit or publish itself: mring_commit and mring_publish know only of what mring_reserve
 * did. What it has committed, mring_flush publishes as well.
 *
 * Version 1. A program compiled with it needs a library that knows this version, and does not link or load with another.
 */
#ifndef MRING_INLINE_H
#define MRING_INLINE_H

#include "mring.h"

#include <errno.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
/* As in mring.h; and what is C as well is cast as in C. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wshadow"
#pragma GCC diagnostic ignored "-Wold-style-cast"
#endif

/* ---- for these functions alone: how a handle begins, and calls for what is not done here ---- */

struct mring_inline_1_ring {
    unsigned char *producer_page;
    const void *unused0;
    unsigned char *data;
    unsigned char *doorbell;
    uint64_t unused1;
    uint64_t mask;
    uint64_t alignment;
    uint64_t unused2[3];
} __attribute__((may_alias));

struct mring_inline_1_producer {
    struct mring_inline_1_ring ring;
    uint64_t position;
    uint64_t limit;
    uint64_t first_header;
    uint64_t longest;
    uint64_t first;
    uint64_t staged_messages;
    uint64_t staged_bytes;
    uint64_t cleared;
    uint64_t awaited;
} __attribute__((may_alias));

struct mring_inline_1_consumer {
    struct mring_inline_1_ring ring;
    uint64_t position;
    uint64_t limit;
    uint64_t usual_length;
    uint64_t usual_size;
    uint64_t held;
    uint64_t batch_end;
    uint64_t given;
    unsigned char *line;
    uint64_t *active;
    const uint64_t *want;
    const uint64_t *awaited;
    const uint64_t *cut_off;
    uint64_t polls;
    uint64_t record_max;
    uint64_t streak;
    uint64_t again;
} __attribute__((may_alias));

enum {
    MRING_INLINE_1_HEADER = 8,       /* bytes of a record's, before the message */
    MRING_INLINE_1_MESSAGES = 0x200, /* in the producer's page; bytes behind */
    MRING_INLINE_1_CLAIMED = 0x8,    /* in a member's line */
    MRING_INLINE_1_HANDED = 0x10,
    MRING_INLINE_1_LINE = 64,
    MRING_INLINE_1_MOST = 65536 /* bytes of lines that are taken over at once */
};

/* Cold: else a compiler would keep in memory what a loop works with, as a call takes most registers. */
#define MRING_INLINE_1_CALL MRING_API __attribute__((cold))

MRING_INLINE_1_CALL int mring_inline_1_reserve(struct mring_producer *producer, size_t length, void **where);
MRING_INLINE_1_CALL int mring_inline_1_commit(struct mring_producer *producer, size_t length, uint32_t tag);
MRING_INLINE_1_CALL int mring_inline_1_publish(struct mring_producer *producer, size_t length, uint32_t tag);
MRING_INLINE_1_CALL int mring_inline_1_flush(struct mring_producer *producer);
MRING_INLINE_1_CALL int mring_inline_1_missed(struct mring_consumer *consumer);
MRING_INLINE_1_CALL int mring_inline_1_next(struct mring_consumer *consumer, struct mring_message *message);
MRING_INLINE_1_CALL int mring_inline_1_recv(struct mring_consumer *consumer, void *buffer, size_t size,
                                            struct mring_message *message);
MRING_INLINE_1_CALL int mring_inline_1_release(struct mring_consumer *consumer, const struct mring_message *message);
MRING_API int mring_inline_1_tell(struct mring_consumer *consumer);

/*
 * Hardly ever, and then a call which is not said to be cold: gcc takes all behind it for cold as well where both ways come to one result, and has the
 * caller compiled for size.
 */
#define MRING_INLINE_1_SELDOM(condition) __builtin_expect((condition), 0)
#ifdef __has_builtin
#if __has_builtin(__builtin_expect_with_probability)
#undef MRING_INLINE_1_SELDOM
#define MRING_INLINE_1_SELDOM(condition) __builtin_expect_with_probability((condition), 0, 0.99999)
#endif
#endif

/* Where no message begins, and what no program takes for a mark of its own. */
#define MRING_INLINE_1_NONE UINT64_C(0x8000000000000001)

#define MRING_INLINE_1 static inline __attribute__((always_inline, unused))

MRING_INLINE_1 uint64_t *mring_inline_1_word(const void *base, uint64_t offset)
{
    return (uint64_t *)((uintptr_t)base + offset);
}

/* Stores in program order, for the compiler; and a store that is seen after all before it, by the machine too. */
MRING_INLINE_1 void mring_inline_1_store(uint64_t *word, uint64_t value)
{
    __atomic_store_n(word, value, __ATOMIC_RELAXED);
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
}

MRING_INLINE_1 void mring_inline_1_store_release(uint64_t *word, uint64_t value)
{
    __atomic_store_n(word, value, __ATOMIC_RELEASE);
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
}

/* A load that comes before all behind it. */
MRING_INLINE_1 uint64_t mring_inline_1_load_acquire(const uint64_t *word)
{
    return __atomic_load_n(word, __ATOMIC_ACQUIRE);
}

MRING_INLINE_1 uint64_t mring_inline_1_size(uint64_t alignment, uint64_t length)
{
    return (MRING_INLINE_1_HEADER + length + alignment - 1) & ~(alignment - 1);
}

/* ---- writers ---- */

struct mring_writer {
    struct mring_producer *producer;
    /* Of the ring, for ever: here they are out of reach of what is stored, and a loop works with them once. */
    unsigned char *page, *data;
    const uint64_t *doorbell;
    uint64_t mask, alignment, longest;
    /* Of the handle, if it was not used without this writer: */
    uint64_t position;                      /* UINT64_MAX: nothing is known */
    uint64_t messages, bytes;               /* published, in the life of the ring */
    uint64_t staged_messages, staged_bytes; /* committed since */
};

MRING_INLINE_1 struct mring_inline_1_producer *mring_inline_1_handle(const struct mring_writer *writer)
{
    return (struct mring_inline_1_producer *)(void *)writer->producer;
}

MRING_INLINE_1 struct mring_writer mring_writer(struct mring_producer *producer)
{
    const struct mring_inline_1_producer *handle = (const struct mring_inline_1_producer *)(const void *)producer;
    struct mring_writer writer;

    writer.producer = producer;
    writer.page = handle->ring.producer_page;
    writer.data = handle->ring.data;
    writer.doorbell = (const uint64_t *)(const void *)handle->ring.doorbell;
    writer.mask = handle->ring.mask;
    writer.alignment = handle->ring.alignment;
    writer.longest = handle->longest;
    writer.position = UINT64_MAX;
    writer.messages = writer.bytes = 0;
    writer.staged_messages = writer.staged_bytes = 0;
    return writer;
}

MRING_INLINE_1 uint64_t *mring_inline_1_counters(const struct mring_writer *writer)
{
    return mring_inline_1_word(writer->page, MRING_INLINE_1_MESSAGES);
}

/* After a call that did something. */
MRING_INLINE_1 void mring_inline_1_learn_writer(struct mring_writer *writer)
{
    const struct mring_inline_1_producer *handle = mring_inline_1_handle(writer);
    const uint64_t *counters = mring_inline_1_counters(writer);

    writer->position = handle->position;
    writer->messages = __atomic_load_n(&counters[0], __ATOMIC_RELAXED);
    writer->bytes = __atomic_load_n(&counters[1], __ATOMIC_RELAXED);
    writer->staged_messages = handle->staged_messages;
    writer->staged_bytes = handle->staged_bytes;
}

MRING_INLINE_1 uint64_t mring_inline_1_behind(const struct mring_writer *writer, uint64_t length)
{
    return writer->position + mring_inline_1_size(writer->alignment, length);
}

/* Is there room for this at the writer's position, which is the handle's? What is committed without the writer moves that. */
MRING_INLINE_1 int mring_inline_1_fits(const struct mring_writer *writer, uint64_t length)
{
    const struct mring_inline_1_producer *handle = mring_inline_1_handle(writer);

    return length <= writer->longest && mring_inline_1_behind(writer, length) <= handle->limit &&
           writer->position == handle->position;
}

/* What lies before `end` may be written to, and not be committed: core/producer.h, producer_core_reserve. */
MRING_INLINE_1 void mring_inline_1_lend(struct mring_inline_1_producer *handle, uint64_t end)
{
    if (__builtin_expect(end > handle->cleared, 0))
        handle->cleared = UINT64_MAX;
}

/* mring_reserve. */
MRING_INLINE_1 int mring_writer_reserve(struct mring_writer *writer, size_t length, void **where)
{
    if (__builtin_expect(!mring_inline_1_fits(writer, length), 0)) {
        void *found = NULL; /* whose address may be given away */
        const int code = mring_inline_1_reserve(writer->producer, length, &found);

        if (code == 0)
            *where = found;
        return code;
    }
    mring_inline_1_lend(mring_inline_1_handle(writer), mring_inline_1_behind(writer, length));
    *where = writer->data + (writer->position & writer->mask) + MRING_INLINE_1_HEADER;
    return 0;
}

/* The first record's header; what is published, and who is to be woken for it. */
MRING_INLINE_1 int mring_inline_1_show(struct mring_writer *writer, uint64_t *first, uint64_t header, uint64_t messages,
                                       uint64_t bytes)
{
    uint64_t *counters = mring_inline_1_counters(writer);

    mring_inline_1_store_release(first, header);                                          /* [HEADER] */
    mring_inline_1_store_release(mring_inline_1_word(writer->page, 0), writer->position); /* [TAIL] */
    mring_inline_1_store(&counters[0], writer->messages += messages);
    mring_inline_1_store(&counters[1], writer->bytes += bytes);
    if (__builtin_expect(__atomic_load_n(writer->doorbell, __ATOMIC_RELAXED) != 0, 0)) /* [BELL] */
        return mring_inline_1_flush(writer->producer);
    return 0;
}

/* mring_commit. As of mring_writer_publish. */
MRING_INLINE_1 int mring_writer_commit(struct mring_writer *writer, size_t length, uint32_t tag)
{
    struct mring_inline_1_producer *handle = mring_inline_1_handle(writer);
    const uint64_t header = (uint64_t)tag << 32 | (uint32_t)(length + 1);
    uint64_t *place = mring_inline_1_word(writer->data, writer->position & writer->mask);

    if (__builtin_expect(!mring_inline_1_fits(writer, length), 0)) {
        const int code = mring_inline_1_commit(writer->producer, length, tag);

        if (code == 0)
            mring_inline_1_learn_writer(writer);
        return code;
    }
    if (handle->first_header == 0) {
        /* What it has committed was published without it, which does not move the position. */
        if (__builtin_expect(writer->staged_messages != 0, 0))
            mring_inline_1_learn_writer(writer);
        handle->first_header = header;
        handle->first = writer->position;
    } else {
        mring_inline_1_store(place, header);
    }
    handle->position = writer->position = mring_inline_1_behind(writer, length);
    handle->staged_messages = ++writer->staged_messages;
    handle->staged_bytes = writer->staged_bytes += length;
    mring_inline_1_store(mring_inline_1_word(place, mring_inline_1_size(writer->alignment, length)), 0);
    return 0;
}

/* mring_flush. */
MRING_INLINE_1 int mring_writer_flush(struct mring_writer *writer)
{
    struct mring_inline_1_producer *handle = mring_inline_1_handle(writer);
    const uint64_t header = handle->first_header;
    const uint64_t messages = writer->staged_messages, bytes = writer->staged_bytes;

    if (__builtin_expect(writer->position > handle->limit || writer->position != handle->position || header == 0, 0))
        return mring_inline_1_flush(writer->producer);
    handle->first_header = 0;
    handle->staged_messages = writer->staged_messages = 0;
    handle->staged_bytes = writer->staged_bytes = 0;
    return mring_inline_1_show(writer, mring_inline_1_word(writer->data, handle->first & writer->mask), header,
                               messages, bytes);
}

/* Where consumers wait for it: the place of the next record, if that takes as much. core/producer.h, producer_core_take_next. */
MRING_INLINE_1 void mring_inline_1_take_next(struct mring_inline_1_producer *handle, const struct mring_writer *writer,
                                             uint64_t size)
{
    uint64_t *place = mring_inline_1_word(writer->data, writer->position & writer->mask);

    if (writer->position + size > handle->limit)
        return;
    handle->cleared = writer->position + size;
    for (uint64_t at = MRING_INLINE_1_LINE; at < size && at < MRING_INLINE_1_MOST; at += MRING_INLINE_1_LINE)
        mring_inline_1_store(mring_inline_1_word(place, at), 0);
    mring_inline_1_store(mring_inline_1_word(place, size), 0);
}

/* A message that is written at this place, the writer's position, where nothing is staged. */
MRING_INLINE_1 int mring_inline_1_publish_alone(struct mring_writer *writer, uint64_t *place, size_t length,
                                                uint32_t tag)
{
    struct mring_inline_1_producer *handle = mring_inline_1_handle(writer);
    const uint64_t size = mring_inline_1_size(writer->alignment, length);
    int code;

    if (writer->position + size != handle->cleared)
        mring_inline_1_store(mring_inline_1_word(place, size), 0);
    handle->position = writer->position += size;
    code = mring_inline_1_show(writer, place, (uint64_t)tag << 32 | (uint32_t)(length + 1), 1, length);
    if (__builtin_expect(handle->awaited != 0, 0)) /* core/producer.h, producer_core_send_alone */
        mring_inline_1_take_next(handle, writer, size);
    return code;
}

/* mring_publish. Where there is room at the stream's end, it is not noticed that nothing was reserved there, or less. */
MRING_INLINE_1 int mring_writer_publish(struct mring_writer *writer, size_t length, uint32_t tag)
{
    uint64_t *place = mring_inline_1_word(writer->data, writer->position & writer->mask);

    if (__builtin_expect(!mring_inline_1_fits(writer, length), 0)) {
        const int code = mring_inline_1_publish(writer->producer, length, tag);

        if (code == 0)
            mring_inline_1_learn_writer(writer);
        return code;
    }
    if (writer->staged_messages != 0) {
        if (mring_inline_1_handle(writer)->first_header != 0) {
            (void)mring_writer_commit(writer, length, tag);
            return mring_writer_flush(writer);
        }
        mring_inline_1_learn_writer(writer); /* published without it, as in mring_writer_commit */
    }
    return mring_inline_1_publish_alone(writer, place, length, tag);
}

/* By calls: nothing of `data` is given away to them, so that it may be in a register. */
MRING_INLINE_1 int mring_inline_1_send_slowly(struct mring_writer *writer, const void *data, size_t length,
                                              uint32_t tag)
{
    void *where = NULL;
    int code = mring_inline_1_reserve(writer->producer, length, &where);

    if (code != 0)
        return code;
    if (length != 0)
        memcpy(where, data, length);
    code = mring_inline_1_publish(writer->producer, length, tag);
    mring_inline_1_learn_writer(writer);
    return code;
}

/* mring_send. */
MRING_INLINE_1 int mring_writer_send(struct mring_writer *writer, const void *data, size_t length, uint32_t tag)
{
    uint64_t *place = mring_inline_1_word(writer->data, writer->position & writer->mask);

    if (__builtin_expect(!mring_inline_1_fits(writer, length) || writer->staged_messages != 0, 0))
        return mring_inline_1_send_slowly(writer, data, length, tag);
    if (length != 0)
        memcpy(place + 1, data, length);
    return mring_inline_1_publish_alone(writer, place, length, tag);
}

/*
 * Runs of a writer: of messages that are all as long as each other, and have one tag, several are reserved at once, written, and committed at once. What
 * is done for each of them is one header; a message that is committed alone takes five stores besides.
 */

/* From a message of a run to the next one, in bytes. */
MRING_INLINE_1 size_t mring_writer_stride(const struct mring_writer *writer, size_t length)
{
    return (size_t)mring_inline_1_size(writer->alignment, length);
}

/*
 * mring_reserve, for up to `count` messages of this length. How many there is room for, at least one; -EINVAL: count is less than 1; or as mring_reserve,
 * where there is room for none. *where is the first one's place.
 */
MRING_INLINE_1 int mring_writer_reserve_run(struct mring_writer *writer, size_t length, int count, void **where)
{
    struct mring_inline_1_producer *handle = mring_inline_1_handle(writer);
    const uint64_t size = mring_inline_1_size(writer->alignment, length);
    uint64_t room;
    int code;

    if (count < 1)
        return -EINVAL;
    code = mring_writer_reserve(writer, length, where);
    if (code != 0)
        return code;
    /* Then the writer knows where it is, so that this can be told from what was reserved elsewhere. */
    if (__builtin_expect(writer->position != handle->position, 0))
        mring_inline_1_learn_writer(writer);
    room = handle->limit - handle->position;
    if ((uint64_t)count * size > room)
        count = (int)(room / size);
    mring_inline_1_lend(handle, handle->position + (uint64_t)count * size);
    return count;
}

/*
 * mring_commit, of the first `count` messages of a run that was reserved for this length. -EINVAL: count is less than 1, or as mring_commit; then none of
 * them is committed.
 */
MRING_INLINE_1 int mring_writer_commit_run(struct mring_writer *writer, size_t length, int count, uint32_t tag)
{
    struct mring_inline_1_producer *handle = mring_inline_1_handle(writer);
    const uint64_t size = mring_inline_1_size(writer->alignment, length);
    const uint64_t header = (uint64_t)tag << 32 | (uint32_t)(length + 1);
    uint64_t *place;
    int code;

    if (count < 1 || length > writer->longest || handle->position != writer->position ||
        handle->position > handle->limit || (uint64_t)count * size > handle->limit - handle->position)
        return count < 1 ? -EINVAL : mring_inline_1_commit(writer->producer, SIZE_MAX, tag);
    code = mring_writer_commit(writer, length, tag);
    if (code != 0 || count == 1)
        return code;
    place = mring_inline_1_word(writer->data, writer->position & writer->mask);
    for (int left = count - 1; left > 0; left--) {
        mring_inline_1_store(place, header);
        place = mring_inline_1_word(place, size);
    }
    mring_inline_1_store(place, 0); /* behind the last */
    handle->position = writer->position += (uint64_t)(count - 1) * size;
    handle->staged_messages = writer->staged_messages += (uint64_t)(count - 1);
    handle->staged_bytes = writer->staged_bytes += (uint64_t)(count - 1) * length;
    return 0;
}

/* ---- readers ---- */

struct mring_reader {
    struct mring_consumer *consumer;
    /* Of the ring and the member's place, for ever, as in a writer. */
    const unsigned char *data;
    unsigned char *line;
    const uint64_t *want, *awaited, *cut_off;
    uint64_t mask, alignment, record_max;
    uint64_t usual, usual_size; /* of the message before: its length + 1; and what that takes */
    uint64_t position, limit;   /* of the handle, if it was not used without this reader; UINT64_MAX, 0: not known */
    uint64_t last;              /* the message that ends at the position, if it came from here */
    uint64_t messages;          /* handed out to this member, and those before at its place */
};

MRING_INLINE_1 struct mring_reader mring_reader(struct mring_consumer *consumer)
{
    const struct mring_inline_1_consumer *handle = (const struct mring_inline_1_consumer *)(const void *)consumer;
    struct mring_reader reader;

    reader.consumer = consumer;
    reader.data = handle->ring.data;
    reader.line = handle->line;
    reader.want = handle->want;
    reader.awaited = handle->awaited;
    reader.cut_off = handle->cut_off;
    reader.mask = handle->ring.mask;
    reader.alignment = handle->ring.alignment;
    reader.record_max = handle->record_max;
    /* No header of a message has this length; and what has a header that is gone is longer than all that is at hand. */
    reader.usual = 0;
    reader.usual_size = UINT64_C(1) << 63;
    reader.position = UINT64_MAX;
    reader.limit = 0;
    reader.last = MRING_INLINE_1_NONE;
    reader.messages = 0;
    return reader;
}

MRING_INLINE_1 struct mring_inline_1_consumer *mring_inline_1_member(const struct mring_reader *reader)
{
    return (struct mring_inline_1_consumer *)(void *)reader->consumer;
}

/*
 * Short of the limit that is known, where the handle stands tells whether it is still in the claim which that ends: it comes back to a place in it only by
 * going back over what it was handed out of the same claim (mring_recv, with too small a buffer), and a child's stands nowhere. How much of the claim
 * is at hand the handle says, as there may be less: nothing, once the group is cut off. At the limit all is looked at. What is redelivered is counted
 * in another way, and taken by calls. So is what a hostile producer has near the end of all positions, where sums of them would wrap.
 */
MRING_INLINE_1 void mring_inline_1_learn_reader(struct mring_reader *reader)
{
    const struct mring_inline_1_consumer *handle = mring_inline_1_member(reader);
    const int known = handle->given == 1 && handle->limit <= INT64_MAX;

    reader->position = known ? handle->position : UINT64_MAX;
    reader->limit = known ? handle->limit : 0;
    reader->last = MRING_INLINE_1_NONE;
    reader->messages = __atomic_load_n(mring_inline_1_word(reader->line, MRING_INLINE_1_HANDED), __ATOMIC_RELAXED);
}

MRING_INLINE_1 int mring_inline_1_next_slowly(struct mring_reader *reader, struct mring_message *message)
{
    struct mring_message found;
    const int code = mring_inline_1_next(reader->consumer, &found);

    if (code != 1)
        return code < 0 ? code : 0; /* so that a compiler can tell when the message is filled */
    mring_inline_1_learn_reader(reader);
    /* One by one: as a whole the compiler would keep it in memory. */
    message->data = found.data;
    message->length = found.length;
    message->tag = found.tag;
    message->position = found.position;
    message->deliveries = found.deliveries;
    return 1;
}

/* Who had caught up looked again in vain. */
MRING_INLINE_1 int mring_inline_1_missed_by(const struct mring_reader *reader)
{
    const int code = mring_inline_1_missed(reader->consumer);

    return code < 0 ? code : 0; /* for the compiler, as above */
}

/* The size of the record with this header: as a guess, for the reason above. core/consumer.h, record_stride. */
MRING_INLINE_1 uint64_t mring_inline_1_stride(struct mring_reader *reader, uint64_t header)
{
    if (__builtin_expect((uint32_t)header != reader->usual, 0)) {
        reader->usual = (uint32_t)header;
        reader->usual_size = mring_inline_1_size(reader->alignment, (uint32_t)header - 1);
    }
    return reader->usual_size;
}

/* The record that this header was read of, and that ends there. 1. */
MRING_INLINE_1 int mring_inline_1_give(struct mring_reader *reader, const uint64_t *place, uint64_t header,
                                       uint64_t end, struct mring_message *message)
{
    message->data = place + 1;
    message->length = (uint32_t)reader->usual - 1;
    message->tag = (uint32_t)(header >> 32);
    message->position = reader->position;
    message->deliveries = 1;
    reader->last = reader->position;
    mring_inline_1_member(reader)->position = reader->position = end;
    mring_inline_1_store(mring_inline_1_word(reader->line, MRING_INLINE_1_HANDED), ++reader->messages);
    return 1;
}

/* Has it caught up, so that it may look for itself? Not in a stream, nor where there is anything that only calls know of. core/lone.h, lone_answer. */
MRING_INLINE_1 int mring_inline_1_looks(const struct mring_reader *reader)
{
    const struct mring_inline_1_consumer *handle = mring_inline_1_member(reader);
    const uint64_t position = reader->position;

    return position == reader->limit && position == handle->position && position == handle->limit &&
           ((handle->polls ^ 1) | (handle->streak >> 1) | handle->again) == 0;
}

/* Bytes of the record that it has found, with this header; 0: it is not for it to take. One right behind another is a stream, perhaps. */
MRING_INLINE_1 uint64_t mring_inline_1_finds(struct mring_reader *reader, uint64_t header)
{
    const struct mring_inline_1_consumer *handle = mring_inline_1_member(reader);
    const uint64_t size = handle->streak == 0 ? mring_inline_1_stride(reader, header) : UINT64_MAX;

    if (size > reader->record_max || reader->position + size > INT64_MAX ||
        mring_inline_1_load_acquire(reader->cut_off) != 0) /* [CUT] */
        return 0;
    return size;
}

/* Take it. 1. */
MRING_INLINE_1 int mring_inline_1_take(struct mring_reader *reader, const uint64_t *place, uint64_t header,
                                       uint64_t size, struct mring_message *message)
{
    struct mring_inline_1_consumer *handle = mring_inline_1_member(reader);
    const uint64_t end = reader->position + size;

    handle->usual_length = (uint32_t)header - 1;
    handle->usual_size = size;
    handle->streak = 1;
    handle->limit = reader->limit = end;
    mring_inline_1_store(mring_inline_1_word(reader->line, MRING_INLINE_1_CLAIMED), end);
    return mring_inline_1_give(reader, place, header, end, message);
}

/* What has caught up: the next record by its own header, if there is one. As mring_next. */
MRING_INLINE_1 int mring_inline_1_look(struct mring_reader *reader, struct mring_message *message)
{
    const uint64_t *place = (const uint64_t *)(const void *)(reader->data + (reader->position & reader->mask));
    uint64_t header, size;

    if (!mring_inline_1_looks(reader))
        return mring_inline_1_next_slowly(reader, message);
    header = mring_inline_1_load_acquire(place); /* [HEADER] */
    if (header == 0)
        return mring_inline_1_missed_by(reader);
    size = mring_inline_1_finds(reader, header);
    if (size == 0)
        return mring_inline_1_next_slowly(reader, message);
    return mring_inline_1_take(reader, place, header, size, message);
}

/* mring_next. */
MRING_INLINE_1 int mring_reader_next(struct mring_reader *reader, struct mring_message *message)
{
    const struct mring_inline_1_consumer *handle = mring_inline_1_member(reader);
    const uint64_t position = reader->position;
    const uint64_t *place = (const uint64_t *)(const void *)(reader->data + (position & reader->mask));
    uint64_t header, end;

    if (__builtin_expect(position >= reader->limit || position != handle->position, 0))
        return mring_inline_1_look(reader, message);
    header = __atomic_load_n(place, __ATOMIC_RELAXED);
    end = position + mring_inline_1_stride(reader, header);
    if (__builtin_expect(end > handle->limit, 0))
        return mring_inline_1_next_slowly(reader, message);
    return mring_inline_1_give(reader, place, header, end, message);
}

/* Release all below, which is not the end of a batch. 1: somebody waits for that, and is to be told; else 0. */
MRING_INLINE_1 int mring_inline_1_let_go(struct mring_reader *reader, uint64_t end)
{
    struct mring_inline_1_consumer *handle = mring_inline_1_member(reader);

    handle->held = end;
    mring_inline_1_store_release(handle->active, end); /* [HELD] */
    return (__atomic_load_n(reader->want, __ATOMIC_RELAXED) | __atomic_load_n(reader->awaited, __ATOMIC_RELAXED)) !=
           0; /* [WANT] [AWAIT] */
}

/* Of what a message is released by a copy is given away, so that the message itself may stay in registers. */
MRING_INLINE_1 int mring_inline_1_release_slowly(struct mring_reader *reader, const struct mring_message *message)
{
    struct mring_message released;

    memset(&released, 0, sizeof(released));
    released.length = message->length;
    released.position = message->position;
    return mring_inline_1_release(reader->consumer, &released);
}

/* mring_release. */
MRING_INLINE_1 int mring_reader_release(struct mring_reader *reader, const struct mring_message *message)
{
    struct mring_inline_1_consumer *handle = mring_inline_1_member(reader);
    const uint64_t begin = message->position, end = reader->position;

    /* A batch ends at the limit, of who has any. */
    if (__builtin_expect(begin != reader->last || begin < handle->held || end != handle->position ||
                             (end == reader->limit && end == handle->batch_end),
                         0))
        return mring_inline_1_release_slowly(reader, message);
    if (MRING_INLINE_1_SELDOM(mring_inline_1_let_go(reader, end)))
        return mring_inline_1_tell(reader->consumer);
    return 0;
}

/* By a call, to which no buffer is given away that may be in registers. */
MRING_INLINE_1 int mring_inline_1_recv_slowly(struct mring_reader *reader, void *buffer, size_t size,
                                              struct mring_message *message)
{
    struct mring_message found;
    unsigned char bytes[MRING_INLINE_1_LINE] = {0};
    const int small = __builtin_constant_p(size) && size <= sizeof(bytes);
    const int code = mring_inline_1_recv(reader->consumer, small ? bytes : buffer, size, &found);

    if (code == -EMSGSIZE)
        message->length = found.length;
    if (code != 1)
        return code < 0 ? code : 0; /* for the compiler, as in mring_inline_1_next_slowly */
    if (small && size != 0)
        memcpy(buffer, bytes, size);
    mring_inline_1_learn_reader(reader);
    message->data = buffer;
    message->length = found.length;
    message->tag = found.tag;
    message->position = found.position;
    message->deliveries = found.deliveries;
    return 1;
}

/* Is it a message of this length, so that it fills the buffer? Not of one that is longer than all. */
MRING_INLINE_1 int mring_inline_1_fills(uint64_t header, size_t size)
{
    return size < UINT32_MAX && (uint32_t)header == size + 1;
}

/* The message that was handed out last, into a buffer that it fills; release it. 1. */
MRING_INLINE_1 int mring_inline_1_copy(struct mring_reader *reader, void *buffer, size_t size,
                                       struct mring_message *message)
{
    if (size != 0)
        memcpy(buffer, message->data, size);
    message->data = buffer;
    message->length = (uint32_t)size;
    if (MRING_INLINE_1_SELDOM(mring_inline_1_let_go(reader, reader->position)))
        (void)mring_inline_1_tell(reader->consumer);
    return 1;
}

/* As mring_inline_1_look, of what holds nothing. */
MRING_INLINE_1 int mring_inline_1_recv_look(struct mring_reader *reader, void *buffer, size_t size,
                                            struct mring_message *message)
{
    const uint64_t *place = (const uint64_t *)(const void *)(reader->data + (reader->position & reader->mask));
    uint64_t header, bytes;

    if (!mring_inline_1_looks(reader) || reader->position != mring_inline_1_member(reader)->held)
        return mring_inline_1_recv_slowly(reader, buffer, size, message);
    header = mring_inline_1_load_acquire(place); /* [HEADER] */
    if (header == 0) {
        const int code = mring_inline_1_missed_by(reader);

        if (code == -EMSGSIZE) /* for the compiler: else it might be that of a message that is not filled */
            __builtin_unreachable();
        return code;
    }
    bytes = mring_inline_1_fills(header, size) ? mring_inline_1_finds(reader, header) : 0;
    if (bytes == 0)
        return mring_inline_1_recv_slowly(reader, buffer, size, message);
    (void)mring_inline_1_take(reader, place, header, bytes, message);
    return mring_inline_1_copy(reader, buffer, size, message);
}

/*
 * mring_recv. It is quick where a message is just as long as the buffer, and that length is known to the compiler. What a shorter one leaves of a
 * buffer is as it was, or zero.
 */
MRING_INLINE_1 int mring_reader_recv(struct mring_reader *reader, void *buffer, size_t size,
                                     struct mring_message *message)
{
    const struct mring_inline_1_consumer *handle = mring_inline_1_member(reader);
    const uint64_t position = reader->position, end = position + mring_inline_1_size(reader->alignment, size);
    const uint64_t *place = (const uint64_t *)(const void *)(reader->data + (position & reader->mask));
    uint64_t header;

    /* As in mring_reader_next, where nothing is held. */
    if (__builtin_expect(position >= reader->limit || position != handle->position || position != handle->held, 0))
        return mring_inline_1_recv_look(reader, buffer, size, message);
    header = __atomic_load_n(place, __ATOMIC_RELAXED);
    if (__builtin_expect(!mring_inline_1_fills(header, size) || end > handle->limit, 0))
        return mring_inline_1_recv_slowly(reader, buffer, size, message);
    if (__builtin_expect(end == reader->limit, 0) && end == handle->batch_end) /* as in mring_reader_release */
        return mring_inline_1_recv_slowly(reader, buffer, size, message);
    (void)mring_inline_1_give(reader, place, header, end, message);
    return mring_inline_1_copy(reader, buffer, size, message);
}

/* Messages one behind the other, all with the same length and tag. */
struct mring_run {
    const void *data;  /* of the first */
    size_t stride;     /* bytes, from there to the next one's */
    uint64_t position; /* of the first */
    uint32_t length, tag;
    int count;
    unsigned deliveries; /* of each, as in struct mring_message */
};

/*
 * As mring_next, of several: those behind the first that are at hand, and have its length and tag, up to `most` in all. How many, or as mring_next;
 * -EINVAL: most is less than 1. A message that is redelivered, or of a lossy group, is a run of its own.
 */
MRING_INLINE_1 int mring_reader_next_run(struct mring_reader *reader, int most, struct mring_run *run)
{
    struct mring_inline_1_consumer *handle = mring_inline_1_member(reader);
    struct mring_message first;
    const uint64_t *place;
    uint64_t header, size, position;
    int count = 1, code;

    if (most < 1)
        return -EINVAL;
    code = mring_reader_next(reader, &first);
    if (code != 1)
        return code;
    header = (uint64_t)first.tag << 32 | (uint32_t)(first.length + 1);
    size = mring_inline_1_size(reader->alignment, first.length);
    place = (const uint64_t *)(const void *)((const unsigned char *)first.data - MRING_INLINE_1_HEADER);
    /* Of what is at hand, if that is known: else the position is behind all limits. */
    for (position = reader->position; count < most && position < handle->limit && size <= handle->limit - position;
         position += size, count++) {
        place = (const uint64_t *)((uintptr_t)place + size);
        if (__atomic_load_n(place, __ATOMIC_RELAXED) != header)
            break;
    }
    run->data = first.data;
    run->stride = (size_t)size;
    run->position = first.position;
    run->length = (uint32_t)first.length;
    run->tag = first.tag;
    run->count = count;
    run->deliveries = first.deliveries;
    if (count > 1) {
        handle->position = reader->position = position;
        reader->last = position - size;
        reader->messages += (uint64_t)(count - 1);
        mring_inline_1_store(mring_inline_1_word(reader->line, MRING_INLINE_1_HANDED), reader->messages);
    }
    return count;
}

/* mring_release, of the run's last message, and so of all of them. */
MRING_INLINE_1 int mring_reader_release_run(struct mring_reader *reader, const struct mring_run *run)
{
    struct mring_message last;

    last.data = (const unsigned char *)run->data + (size_t)(run->count - 1) * run->stride;
    last.length = run->length;
    last.tag = run->tag;
    last.position = run->position + (uint64_t)(run->count - 1) * run->stride;
    last.deliveries = run->deliveries;
    return mring_reader_release(reader, &last);
}

#undef MRING_INLINE_1
#undef MRING_INLINE_1_NONE
#undef MRING_INLINE_1_SELDOM
#undef MRING_INLINE_1_CALL

#ifdef __cplusplus
#pragma GCC diagnostic pop
}
#endif

#endif
