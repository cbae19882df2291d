/*
 * Boost's lockfree::spsc_queue: of words, which are messages or point to them; and of messages of a line. A queue of longer ones copies all of each,
 * twice, where a pointer leaves it in place.
 */
#include "loops.h"
#include "values.h"

#include <boost/lockfree/spsc_queue.hpp>
#include <new>

namespace
{

/* ---- of words ---- */

/* Its slots in memory that the forked processes share, at one address. */
template <class Value> struct shared_allocator {
    using value_type = Value;

    shared_allocator() = default;
    template <class Other> shared_allocator(const shared_allocator<Other> &)
    {
    }
    Value *allocate(size_t count)
    {
        return static_cast<Value *>(shared_memory(count * sizeof(Value)));
    }
    void deallocate(Value *, size_t)
    {
    }
};

using queue = boost::lockfree::spsc_queue<uint64_t, boost::lockfree::allocator<shared_allocator<uint64_t>>>;

struct queue_channel {
    queue *slots;
    values_pool pool;
};

struct queue_producing {
    queue *slots;
    values_out values;
};

struct queue_consuming {
    queue *slots;
    values_in values;
};

void *queue_create(const work *work, void *)
{
    auto *channel = new queue_channel;
    const size_t slots = values_slots(work);

    channel->slots = new (shared_memory(sizeof(queue))) queue(slots);
    channel->pool = values_make_pool(work, slots);
    return channel;
}

void *queue_open_producer(void *of)
{
    auto *channel = static_cast<queue_channel *>(of);
    auto *end = new queue_producing();

    end->slots = channel->slots;
    end->values.pool = channel->pool;
    return end;
}

void *queue_open_consumer(void *of, unsigned, unsigned)
{
    auto *channel = static_cast<queue_channel *>(of);
    auto *end = new queue_consuming();

    end->slots = channel->slots;
    end->values = values_from(&channel->pool);
    return end;
}

INLINE void *queue_reserve(void *of, size_t)
{
    return values_reserve(&static_cast<queue_producing *>(of)->values);
}

INLINE void queue_commit(void *of, size_t length)
{
    values_commit(&static_cast<queue_producing *>(of)->values, length);
}

INLINE bool queue_flush(void *of)
{
    auto *end = static_cast<queue_producing *>(of);

    if (end->values.count == 1)
        return end->slots->push(end->values.pending[0]) && values_flushed(&end->values, 1);
    return values_flushed(&end->values, (unsigned)end->slots->push(end->values.pending, end->values.count));
}

INLINE int queue_next(void *of, message *message)
{
    auto *end = static_cast<queue_consuming *>(of);

    if (!end->slots->pop(end->values.taken[0]))
        return 0;
    *message = values_message(&end->values, 0);
    return 1;
}

INLINE int queue_next_batch(void *of, message *messages, int most)
{
    auto *end = static_cast<queue_consuming *>(of);
    const int count = (int)end->slots->pop(end->values.taken, (size_t)most);

    for (int at = 0; at < count; at++)
        messages[at] = values_message(&end->values, at);
    return count;
}

INLINE void release_nothing(void *)
{
}

const ops queue_ops = {queue_reserve, queue_commit, queue_flush, queue_next, queue_next_batch, release_nothing,
                       nullptr,       nullptr,      nullptr,     nullptr,    nullptr};

LOOPS(queue_play, &queue_ops, BORROWED)

/* ---- of lines ---- */

struct alignas(VALUES_LINE) line {
    unsigned char bytes[VALUES_LINE];
};

using line_queue = boost::lockfree::spsc_queue<line, boost::lockfree::allocator<shared_allocator<line>>>;

struct line_channel {
    line_queue *slots;
    size_t length;
};

struct line_end {
    line_queue *slots;
    size_t length;
    unsigned count; /* of the lines that are to be sent */
    line lines[BATCH_MOST];
};

void *line_create(const work *work, void *)
{
    return new line_channel{new (shared_memory(sizeof(line_queue))) line_queue(values_slots(work)), work->length};
}

void *line_open(void *of)
{
    auto *channel = static_cast<line_channel *>(of);
    auto *end = new line_end();

    end->slots = channel->slots;
    end->length = channel->length;
    return end;
}

void *line_open_consumer(void *of, unsigned, unsigned)
{
    return line_open(of);
}

INLINE void *line_reserve(void *of, size_t)
{
    auto *end = static_cast<line_end *>(of);

    return end->lines[end->count].bytes;
}

INLINE void line_commit(void *of, size_t)
{
    static_cast<line_end *>(of)->count++;
}

INLINE bool line_flush(void *of)
{
    auto *end = static_cast<line_end *>(of);
    const auto done = end->count == 1 ? (unsigned)end->slots->push(end->lines[0])
                                      : (unsigned)end->slots->push(end->lines, end->count);

    end->count -= done;
    if (end->count > 0 && done > 0)
        memmove(end->lines, end->lines + done, end->count * sizeof(line));
    return end->count == 0;
}

INLINE int line_next(void *of, message *message)
{
    auto *end = static_cast<line_end *>(of);

    if (!end->slots->pop(end->lines[0]))
        return 0;
    message->data = end->lines[0].bytes;
    message->length = end->length;
    return 1;
}

INLINE int line_next_batch(void *of, message *messages, int most)
{
    auto *end = static_cast<line_end *>(of);
    const int count = (int)end->slots->pop(end->lines, (size_t)most);

    for (int at = 0; at < count; at++) {
        messages[at].data = end->lines[at].bytes;
        messages[at].length = end->length;
    }
    return count;
}

const ops line_ops = {line_reserve, line_commit, line_flush, line_next, line_next_batch, release_nothing,
                      nullptr,      nullptr,     nullptr,    nullptr,   nullptr};

LOOPS(line_play, &line_ops, BORROWED)

bool fits_line(const work *work)
{
    return work->length > sizeof(uint64_t);
}

adapter make_queue()
{
    adapter made = {};

    made.name = "boost spsc_queue";
    made.origin = DEBIAN;
    made.batches = true;
    made.mixes = true;
    made.kinds = 1 << STREAM | 1 << ROUND_TRIP | 1 << PACED;
    made.longest = 1 << 16;
    made.create = queue_create;
    made.open_producer = queue_open_producer;
    made.open_consumer = queue_open_consumer;
    made.play = queue_play;
    return made;
}

adapter make_lines()
{
    adapter made = {};

    made.name = "boost spsc_queue, by value";
    made.origin = DEBIAN;
    made.batches = true;
    made.kinds = 1 << STREAM | 1 << ROUND_TRIP | 1 << PACED;
    made.can = fits_line;
    made.longest = VALUES_LINE;
    made.create = line_create;
    made.open_producer = line_open;
    made.open_consumer = line_open_consumer;
    made.play = line_play;
    return made;
}

} // namespace

/* C++ has no designators for these before C++20. */
extern "C" {
extern const adapter adapter_spsc_queue;
extern const adapter adapter_spsc_lines;
const adapter adapter_spsc_queue = make_queue();
const adapter adapter_spsc_lines = make_lines();
}
