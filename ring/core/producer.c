#include "producer.h"

#include <string.h>

int producer_core_start(struct producer_core *producer, const struct ring_view *view)
{
    uint64_t tail = word_load_acquire(&view->page->tail);
    uint64_t start = tail;
    uint64_t messages = word_load(&view->page->messages);
    uint64_t bytes = word_load(&view->page->bytes);

    /* No stream gets that far; a tail that says so would have positions wrap. */
    if (tail % view->alignment != 0 || tail > INT64_MAX)
        return -EBADMSG;
    for (;;) {
        uint64_t header = word_load_acquire(record_at(view, tail)); /* [HEADER] */
        uint64_t size = record_size(record_length(header), view->alignment);

        if (header == 0)
            break;
        /* One publication never exceeds the ring, so a chain that does is not one. */
        if (size > view_record_max(view) || tail + size - start > view->capacity)
            return -EBADMSG;
        tail += size;
        messages++;
        bytes += record_length(header);
    }
    memset(producer, 0, sizeof(*producer));
    producer->view = *view;
    producer->position = tail;
    producer->message_max = view_message_max(view);
    producer->reserved_at = NOWHERE;
    /* No group can be further behind than this; the first rescan tells more. */
    producer_core_advance(producer, tail > view->capacity ? tail - view->capacity : 0);
    word_store_release(&view->page->tail, tail); /* [TAIL] */
    word_store(&view->page->messages, messages);
    word_store(&view->page->bytes, bytes);
    return 0;
}
