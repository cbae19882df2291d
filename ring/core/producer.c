#include "producer.h"

#include "chain.h"

#include <string.h>

static uint64_t lower(uint64_t one, uint64_t other)
{
    return one < other ? one : other;
}

static uint64_t higher(uint64_t one, uint64_t other)
{
    return one > other ? one : other;
}

/* The place after the last one, but for that which is kept. */
static unsigned write_landmark(const struct producer_core *producer, const struct fact *fact)
{
    unsigned place = (producer->landmark + 1) % LAYOUT_LANDMARKS;

    if (place == producer->kept)
        place = (place + 1) % LAYOUT_LANDMARKS;
    landmark_write(producer->view.page, place, fact);
    return place;
}

/*
 * Not near the last one: a producer that creeps after a slow reader raises its intent record by record, and would soon have all landmarks close
 * to the tail.
 */
static void leave_landmark(struct producer_core *producer, const struct fact *here, uint64_t step)
{
    if (here->position - producer->landmark_at < step / 2)
        return;
    producer->landmark = write_landmark(producer, here);
    producer->landmark_at = here->position;
}

/* The one that is kept will not be there any more with this intent: one at the tail will. */
static void keep_landmark(struct producer_core *producer, uint64_t tail, uint64_t intent)
{
    const struct fact fact = {tail, word_load(&producer->view.page->messages), word_load(&producer->view.page->bytes)};

    if (producer->landmark_at <= tail) {
        producer->kept = producer->landmark;
        producer->kept_at = producer->landmark_at;
    }
    if (intent - producer->kept_at <= producer->view.capacity)
        return;
    producer->kept = write_landmark(producer, &fact);
    producer->kept_at = tail;
    if (producer->landmark_at <= tail) {
        producer->landmark = producer->kept;
        producer->landmark_at = tail;
    }
}

/* In a large step, so that it is for a record that ends at `next`. */
static void raise_intent(struct producer_core *producer, uint64_t next, uint64_t most)
{
    struct producer_page *page = producer->view.page;
    const struct fact here = {producer->position, word_load(&page->messages) + producer->staged_messages,
                              word_load(&page->bytes) + producer->staged_bytes};
    uint64_t sixteenth = producer->view.capacity / PRODUCER_STEPS;
    uint64_t step = sixteenth < PRODUCER_STEP_MOST ? sixteenth : PRODUCER_STEP_MOST;
    uint64_t intent = lower(most, higher(producer->position + step, next + LAYOUT_RECORD_HEADER));

    keep_landmark(producer, producer_core_tail(producer), intent);
    producer->intent = intent;
    if (intent > word_load(&page->intent)) /* R11 */
        word_store(&page->intent, intent); /* [INTENT] */
    fence_store();                         /* [INTENT] */
    leave_landmark(producer, &here, step);
}

void producer_core_raise(struct producer_core *producer, uint64_t next)
{
    const uint64_t least = next + LAYOUT_RECORD_HEADER, most = producer->gate + producer->view.capacity;
    /* What lies beyond the limit nobody was handed. */
    const uint64_t from = higher(producer->position, producer->limit + LAYOUT_RECORD_HEADER);
    const uint64_t ahead = owned_step(&producer->owned, producer->owned.timed ? ticks_now() : 0);
    uint64_t end;

    if (producer->intent < least)
        raise_intent(producer, next, most);
    end = lower(lower(producer->intent, most), higher(least, from + ahead));
    producer->awaited = owned_awaited(&producer->owned);
    /* Who flushes what it has committed does not write zeros ahead: to it the lines come in steps in any case. */
    if (producer->awaited == 0 || producer->cleared != producer->position)
        owned_take(&producer->owned, &producer->view, from, end);
    else
        owned_disregard(&producer->owned);
    producer->limit = end - LAYOUT_RECORD_HEADER;
}

void producer_core_take_next(struct producer_core *producer, uint64_t size)
{
    const uint64_t from = producer->position, end = from + size;

    if (!producer_core_fits(producer, end))
        return;
    producer->cleared = end;
    owned_next(&producer->view, from, end);
}

/*
 * The counters are short of what the predecessor published last, if it died before it came to them. The last landmark says what is true, from
 * which on the messages are counted.
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
    uint64_t tail = word_load_acquire(&view->page->tail); /* [TAIL] */
    struct chain chain;

    if (!chain_walk(view, tail, &chain))
        return -EBADMSG;
    tail = chain.end;
    memset(producer, 0, sizeof(*producer));
    producer->view = *view;
    producer->position = tail;
    producer->message_max = view_message_max(view);
    producer->reserved_at = producer->cleared = NOWHERE;
    owned_begin(&producer->owned);
    /* No group can be further behind than this; the first rescan tells more. */
    producer_core_advance(producer, tail > view->capacity ? tail - view->capacity : 0);
    word_store(&view->page->judged, 0); /* by a dead one */
    landmark_clear_past(view->page, tail);
    producer->landmark = landmark_newest(view->page, &producer->landmark_at);
    word_store_release(&view->page->tail, tail); /* [TAIL] */
    recount(view, tail);
    producer_core_raise(producer, tail);
    return 0;
}
