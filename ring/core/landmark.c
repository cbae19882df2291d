#include "landmark.h"

unsigned landmark_newest(const struct producer_page *page, uint64_t *position)
{
    unsigned newest = 0;

    *position = 0;
    for (unsigned place = 0; place < LAYOUT_LANDMARKS; place++) {
        uint64_t seen = word_load(&page->landmark[place].position);

        if (seen != NOWHERE && seen > *position) {
            *position = seen;
            newest = place;
        }
    }
    return newest;
}

void landmark_write(struct producer_page *page, unsigned place, const struct fact *fact)
{
    struct landmark *landmark = &page->landmark[place];

    word_store(&landmark->position, NOWHERE);
    fence_store(); /* [LANDMARK] */
    word_store(&landmark->messages, fact->messages);
    word_store(&landmark->bytes, fact->bytes);
    word_store_release(&landmark->position, fact->position); /* [LANDMARK] */
}

void landmark_clear_past(struct producer_page *page, uint64_t tail)
{
    for (unsigned place = 0; place < LAYOUT_LANDMARKS; place++)
        if (word_load(&page->landmark[place].position) > tail)
            word_store(&page->landmark[place].position, NOWHERE);
}

/* False: it is being written, or past the tail. */
static bool look(const struct ring_view *view, unsigned place, struct fact *fact)
{
    const struct landmark *landmark = &view->page->landmark[place];
    /* First: a false landmark up to here was taken away before. */
    uint64_t tail = word_load_acquire(&view->page->tail); /* [TAIL] */

    fact->position = word_load_acquire(&landmark->position); /* [LANDMARK] */
    fact->messages = word_load(&landmark->messages);
    fact->bytes = word_load(&landmark->bytes);
    fence_load(); /* [LANDMARK] */
    return word_load(&landmark->position) == fact->position && fact->position <= tail &&
           fact->position % view->alignment == 0;
}

/* The last one that is not past `most`. */
static bool last_up_to(const struct ring_view *view, uint64_t most, struct fact *fact)
{
    bool found = false;

    for (unsigned place = 0; place < LAYOUT_LANDMARKS; place++) {
        struct fact seen;

        if (look(view, place, &seen) && seen.position <= most && (!found || seen.position > fact->position)) {
            *fact = seen;
            found = true;
        }
    }
    return found;
}

bool landmark_last(const struct ring_view *view, struct fact *fact)
{
    return last_up_to(view, NOWHERE, fact);
}

bool landmark_at(const struct ring_view *view, uint64_t position, struct fact *fact)
{
    return position <= word_load_acquire(&view->page->tail) && last_up_to(view, position, fact) && /* [TAIL] */
           landmark_count(view, fact, position);
}

bool landmark_count(const struct ring_view *view, struct fact *fact, uint64_t end)
{
    const uint64_t begin = fact->position;

    if (begin > end || end - begin > view->capacity)
        return false;
    while (fact->position < end) {
        uint64_t header = word_load_racing(record_at(view, fact->position));
        uint64_t size = record_size(record_length(header), view->alignment);

        if (size > view_record_max(view) || size > end - fact->position)
            return false;
        fact->position += size;
        fact->messages++;
        fact->bytes += record_length(header);
    }
    return record_intact(view, begin);
}

bool landmark_resume(const struct ring_view *view, struct fact *fact)
{
    uint64_t intent = word_load(&view->page->intent);
    uint64_t quarter = view->capacity / 4;
    uint64_t far = intent > 3 * quarter ? intent - 3 * quarter : 0;
    bool found = false;

    for (unsigned place = 0; place < LAYOUT_LANDMARKS; place++) {
        struct fact seen;

        if (look(view, place, &seen) && seen.position >= far && (!found || seen.position < fact->position)) {
            *fact = seen;
            found = true;
        }
    }
    if (!found)
        found = landmark_last(view, fact);
    return found && record_intact(view, fact->position);
}

bool landmark_fact(const struct ring_view *view, uint64_t position, struct fact *fact)
{
    struct fact walked = {position, 0, 0}, behind = {NOWHERE, 0, 0}, before = {NOWHERE, 0, 0};

    if (position % view->alignment != 0 || !record_intact(view, position))
        return false;
    /* In one round: a landmark that was past the tail may be there in the next. */
    for (unsigned place = 0; place < LAYOUT_LANDMARKS; place++) {
        struct fact seen;

        if (!look(view, place, &seen))
            continue;
        if (seen.position >= position && seen.position < behind.position)
            behind = seen;
        if (seen.position <= position && (before.position == NOWHERE || seen.position > before.position))
            before = seen;
    }
    if (behind.position == NOWHERE) {
        *fact = before;
        return landmark_count(view, fact, position);
    }
    if (!landmark_count(view, &walked, behind.position))
        return false;
    *fact = (struct fact){position, behind.messages - walked.messages, behind.bytes - walked.bytes};
    return true;
}
