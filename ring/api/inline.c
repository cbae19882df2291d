/* What mring_inline.h knows of handles and pages, which programs were compiled with: moved, it would be version 2, beside this one's calls. */
#include "mring_inline.h"

#include "consumer.h"
#include "producer.h"

#define KNOWN(type, member, mirror, place)                                                                             \
    _Static_assert(offsetof(struct type, member) == offsetof(struct mring_inline_1_##mirror, place),                   \
                   #type "." #member " is not where programs look for it");                                            \
    _Static_assert(sizeof(((struct type *)NULL)->member) == sizeof(((struct mring_inline_1_##mirror *)NULL)->place),   \
                   #type "." #member " is not what programs take it for")

KNOWN(mring_producer, core.view.page, producer, ring.producer_page);
KNOWN(mring_producer, core.view.data, producer, ring.data);
KNOWN(mring_producer, core.view.doorbell, producer, ring.doorbell);
KNOWN(mring_producer, core.view.mask, producer, ring.mask);
KNOWN(mring_producer, core.view.alignment, producer, ring.alignment);
KNOWN(mring_producer, core.position, producer, position);
KNOWN(mring_producer, core.limit, producer, limit);
KNOWN(mring_producer, core.message_max, producer, longest);
KNOWN(mring_producer, core.first_header, producer, first_header);
KNOWN(mring_producer, core.first, producer, first);
KNOWN(mring_producer, core.staged_messages, producer, staged_messages);
KNOWN(mring_producer, core.staged_bytes, producer, staged_bytes);
KNOWN(mring_producer, core.cleared, producer, cleared);
KNOWN(mring_producer, core.awaited, producer, awaited);

KNOWN(mring_consumer, core.view.data, consumer, ring.data);
KNOWN(mring_consumer, core.view.mask, consumer, ring.mask);
KNOWN(mring_consumer, core.view.alignment, consumer, ring.alignment);
KNOWN(mring_consumer, core.position, consumer, position);
KNOWN(mring_consumer, core.limit, consumer, limit);
KNOWN(mring_consumer, core.stride.length, consumer, usual_length);
KNOWN(mring_consumer, core.stride.size, consumer, usual_size);
KNOWN(mring_consumer, core.held, consumer, held);
KNOWN(mring_consumer, core.batch_end, consumer, batch_end);
KNOWN(mring_consumer, core.given, consumer, given);
KNOWN(mring_consumer, core.line, consumer, line);
KNOWN(mring_consumer, core.active, consumer, active);
KNOWN(mring_consumer, core.want, consumer, want);
KNOWN(mring_consumer, core.awaited, consumer, awaited);
KNOWN(mring_consumer, core.cut_off, consumer, cut_off);
KNOWN(mring_consumer, core.polls, consumer, polls);
KNOWN(mring_consumer, core.record_max, consumer, record_max);
KNOWN(mring_consumer, core.streak, consumer, streak);
KNOWN(mring_consumer, core.again, consumer, again);

#define KNOWN_AT(type, member, place)                                                                                  \
    _Static_assert(offsetof(struct type, member) == (place), #type "." #member " is not where programs look for it")

KNOWN_AT(producer_page, tail, 0);
KNOWN_AT(producer_page, messages, MRING_INLINE_1_MESSAGES);
KNOWN_AT(producer_page, bytes, MRING_INLINE_1_MESSAGES + sizeof(uint64_t));
KNOWN_AT(doorbell_page, groups, 0);
KNOWN_AT(member_line, held, 0);
KNOWN_AT(member_line, claimed, MRING_INLINE_1_CLAIMED);
KNOWN_AT(member_line, messages, MRING_INLINE_1_HANDED);
_Static_assert((int)LAYOUT_RECORD_HEADER == (int)MRING_INLINE_1_HEADER, "records");
_Static_assert((int)OWNED_LINE == (int)MRING_INLINE_1_LINE && (int)OWNED_MOST == (int)MRING_INLINE_1_MOST, "lines");
_Static_assert(NOWHERE == UINT64_MAX && sizeof(struct word) == sizeof(uint64_t), "words");

int mring_inline_1_reserve(struct mring_producer *producer, size_t length, void **where)
{
    return mring_reserve(producer, length, where);
}

int mring_inline_1_commit(struct mring_producer *producer, size_t length, uint32_t tag)
{
    return mring_commit(producer, length, tag);
}

int mring_inline_1_publish(struct mring_producer *producer, size_t length, uint32_t tag)
{
    return mring_publish(producer, length, tag);
}

int mring_inline_1_flush(struct mring_producer *producer)
{
    return mring_flush(producer);
}

int mring_inline_1_next(struct mring_consumer *consumer, struct mring_message *message)
{
    return mring_next(consumer, message);
}

int mring_inline_1_recv(struct mring_consumer *consumer, void *buffer, size_t size, struct mring_message *message)
{
    return mring_recv(consumer, buffer, size, message);
}

int mring_inline_1_release(struct mring_consumer *consumer, const struct mring_message *message)
{
    return mring_release(consumer, message);
}
