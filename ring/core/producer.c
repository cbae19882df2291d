#include "producer.h"

#include "chain.h"

#include <string.h>

int producer_core_start(struct producer_core *producer, const struct ring_view *view)
{
    uint64_t tail = word_load_acquire(&view->page->tail);
    struct chain chain;

    if (!chain_walk(view, tail, &chain))
        return -EBADMSG;
    tail = chain.end;
    memset(producer, 0, sizeof(*producer));
    producer->view = *view;
    producer->position = tail;
    producer->message_max = view_message_max(view);
    producer->reserved_at = NOWHERE;
    /* No group can be further behind than this; the first rescan tells more. */
    producer_core_advance(producer, tail > view->capacity ? tail - view->capacity : 0);
    word_store_release(&view->page->tail, tail); /* [TAIL] */
    word_store(&view->page->messages, word_load(&view->page->messages) + chain.messages);
    word_store(&view->page->bytes, word_load(&view->page->bytes) + chain.bytes);
    return 0;
}
