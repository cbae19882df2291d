/* Boost's interprocess::message_queue. */
#include "loops.h"

#include <boost/interprocess/ipc/message_queue.hpp>
#include <string>
#include <unistd.h>

namespace
{

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
    bool looks, named;
};

/* It has a name in /dev/shm only until it is made, since the forked processes have its memory; or until it is found by that. */
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
    if (!work->named)
        message_queue::remove(channel->name.c_str());
    channel->looks = work->idle == LOOKS;
    channel->named = work->named;
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
    auto *channel = static_cast<box_channel *>(of);

    if (channel->named) {
        channel->box = new message_queue(boost::interprocess::open_only, channel->name.c_str());
        message_queue::remove(channel->name.c_str());
    }
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

INLINE void release_nothing(void *)
{
}

const ops box_ops = {box_reserve, box_commit, box_flush, box_next, nullptr, release_nothing,
                     nullptr,     nullptr,    nullptr,   nullptr,  nullptr};

LOOPS(box_play, &box_ops, BORROWED)

adapter make_box()
{
    adapter made = {};

    made.name = "boost message_queue";
    made.origin = DEBIAN;
    made.sleeps = true;
    made.mixes = true;
    made.names = true;
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
extern const adapter adapter_message_queue;
const adapter adapter_message_queue = make_box();
}
