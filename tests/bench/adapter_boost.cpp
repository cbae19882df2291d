/* Boost: lockfree::spsc_queue of words, and interprocess::message_queue. */
#include "loops.h"
#include "values.h"

#include <boost/interprocess/ipc/message_queue.hpp>
#include <boost/lockfree/spsc_queue.hpp>
#include <cstdio>
#include <new>
#include <string>
#include <unistd.h>

namespace
{

/* ---- lockfree::spsc_queue ---- */

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
    end->values.pooled = channel->pool.memory != nullptr;
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

const ops queue_ops = {queue_reserve,   queue_commit, queue_flush, queue_next, queue_next_batch,
                       release_nothing, nullptr,      nullptr,     nullptr};

void queue_play(side *side)
{
    play_with(side, &queue_ops);
}

/* ---- interprocess::message_queue ---- */

using boost::interprocess::message_queue;

struct box_end {
    message_queue *box;
    bool looks;
    size_t length;
    unsigned char buffer[1 << 16];
};

struct box_channel {
    std::string name;
    message_queue *box;
    bool looks;
};

/* It has a name in /dev/shm only until it is made: the forked processes have its memory. */
void *box_create(const work *work, void *other)
{
    auto *channel = new box_channel;
    const size_t count = work->capacity / work->length;

    channel->name = "mring-bench-" + std::to_string(getpid()) + (other == nullptr ? "-there" : "-back");
    message_queue::remove(channel->name.c_str());
    try {
        channel->box = new message_queue(boost::interprocess::create_only, channel->name.c_str(), count < 4 ? 4 : count,
                                         work->length);
    } catch (const boost::interprocess::interprocess_exception &error) {
        fault("message_queue: %s", error.what());
    }
    message_queue::remove(channel->name.c_str());
    channel->looks = work->idle == LOOKS;
    return channel;
}

void *box_open(void *of)
{
    auto *channel = static_cast<box_channel *>(of);
    auto *end = new box_end();

    end->box = channel->box;
    end->looks = channel->looks;
    return end;
}

void *box_open_consumer(void *of, unsigned, unsigned)
{
    return box_open(of);
}

INLINE void *box_reserve(void *of, size_t)
{
    return static_cast<box_end *>(of)->buffer;
}

INLINE void box_commit(void *of, size_t length)
{
    static_cast<box_end *>(of)->length = length;
}

INLINE bool box_flush(void *of)
{
    auto *end = static_cast<box_end *>(of);

    if (end->looks)
        return end->box->try_send(end->buffer, end->length, 0);
    end->box->send(end->buffer, end->length, 0);
    return true;
}

INLINE int box_next(void *of, message *message)
{
    auto *end = static_cast<box_end *>(of);
    unsigned priority;
    message_queue::size_type length;

    if (!end->looks)
        end->box->receive(end->buffer, sizeof(end->buffer), length, priority);
    else if (!end->box->try_receive(end->buffer, sizeof(end->buffer), length, priority))
        return 0;
    message->data = end->buffer;
    message->length = length;
    return 1;
}

const ops box_ops = {box_reserve, box_commit, box_flush, box_next, nullptr, release_nothing, nullptr, nullptr, nullptr};

void box_play(side *side)
{
    play_with(side, &box_ops);
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

adapter make_box()
{
    adapter made = {};

    made.name = "boost message_queue";
    made.origin = DEBIAN;
    made.sleeps = true;
    made.mixes = true;
    made.kinds = 1 << STREAM | 1 << ROUND_TRIP | 1 << PACED;
    made.longest = 1 << 16;
    made.longest_shared = 1 << 16;
    made.create = box_create;
    made.open_producer = box_open;
    made.open_consumer = box_open_consumer;
    made.play = box_play;
    return made;
}

} // namespace

/* C++ has no designators for these before C++20. */
extern "C" {
extern const adapter adapter_spsc_queue;
extern const adapter adapter_message_queue;
const adapter adapter_spsc_queue = make_queue();
const adapter adapter_message_queue = make_box();
}
