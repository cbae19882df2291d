#include "producer.h"

#include "chain.h"

#include <string.h>

/*
 * Not near the last one, as long as that one's record is there: a producer that creeps after a slow reader raises its intent record by record,
 * and would soon have all landmarks close to the tail. It stays there until the next: the intent goes half a ring, the longest record, beyond
 * `here` at most. What a predecessor raised it for and did not publish may be a whole one.
 */
static void leave_landmark(struct producer_core *producer, const struct fact *here, uint64_t step)
{
    if (here->position - producer->landmark_at < step / 2 && record_intact(&producer->view, producer->landmark_at))
        return;
    landmark_write(producer->view.page, producer->landmark, here);
    producer->landmark_at = here->position;
    producer->landmark = (producer->landmark + 1) % LAYOUT_LANDMARKS;
}

void producer_core_raise(struct producer_core *producer, uint64_t next)
{
    struct producer_page *page = producer->view.page;
    const struct fact here = {producer->position, word_load(&page->messages) + producer->staged_messages,
                              word_load(&page->bytes) + producer->staged_bytes};
    uint64_t most = producer->gate + producer->view.capacity;
    uint64_t sixteenth = producer->view.capacity / PRODUCER_STEPS;
    uint64_t step = sixteenth < PRODUCER_STEP_MOST ? sixteenth : PRODUCER_STEP_MOST;
    uint64_t intent = producer->position + step;

    if (intent < next + LAYOUT_RECORD_HEADER)
        intent = next + LAYOUT_RECORD_HEADER;
    if (intent > most)
        intent = most;
    if (intent > producer->intent) {
        producer->intent = intent;
        if (intent > word_load(&page->intent)) /* R11 */
            word_store(&page->intent, intent);
        fence_store(); /* [INTENT] */
        leave_landmark(producer, &here, step);
    }
    producer->limit = (producer->intent < most ? producer->intent : most) - LAYOUT_RECORD_HEADER;
}

/*
 * The counters are short of what the predecessor published last, if it died before it came to them. The last landmark says what is true, from
 * which on the messages are counted. It can be counted from, but where a predecessor raised the intent, to a ring past it, for what it did not
 * come to publish: that one had counted all that it published.
 */
static void recount(const struct ring_view *view, uint64_t tail)
{
    struct fact fact;

    if (!landmark_last(view, &fact) || !landmark_count(view, &fact, tail))
        return;
    word_store(&view->page->messages, fact.messages);
    word_store(&view->page->bytes, fact.bytes);
}

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
    word_store(&view->page->judged, 0); /* by a dead one */
    landmark_clear_past(view->page, tail);
    producer->landmark = landmark_next(view->page, &producer->landmark_at);
    word_store_release(&view->page->tail, tail); /* [TAIL] */
    recount(view, tail);
    producer_core_raise(producer, tail);
    return 0;
}
