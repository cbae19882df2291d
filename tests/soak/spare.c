/*
 * The member of "spare": a durable group of one with a limit. The producer drops it when nobody serves it and it is in its way, and an operator
 * removes it now and then, if nobody is there. The next life then makes it anew.
 *
 * Checked: a group that was neither goes on where it stopped, and one that was begins with messages that nobody had before; it is not taken
 * away under a living member. Killed between a release and its note, a life leaves two places where the next may begin: the note comes before the
 * release, too. A place may be lost otherwise: if all who keep it are killed before others have heard of it. Once the coroner has, it is not.
 */
#include "soak.h"

#include "api/consumer.h"
#include "core/unserved.h"

#include <errno.h>

struct serving {
    struct mring *ring;
    struct mring_consumer *consumer;
    bool first; /* no message of this life was seen yet */
};

/* This group, or a later one in its place that was nobody's for long enough to take a note of it. */
static bool was_dropped(const struct serving *serving, uint64_t which)
{
    const struct producer_page *page = serving->ring->region.view.page;
    uint64_t what = word_load_acquire(&page->cut_off[which & WHICH_INDEX_MASK].what);

    return unserved_dropped(what, what >> CUT_OFF_KIND_BITS) && what >> CUT_OFF_KIND_BITS >= which >> WHICH_INDEX_BITS;
}

/* Since the life before began. An operator who was killed may have done it. */
static bool may_be_removed(void)
{
    return word_load_acquire(&book->removing) != 0 ||
           word_load_acquire(&book->removed) != word_load(&book->spare.removed);
}

/* Its group is not the one that the life before was in. */
static void begin_anew(const struct serving *serving)
{
    struct whereabouts *place = &book->spare;
    uint64_t before = word_load(&place->which);

    if (before != 0 && was_dropped(serving, before))
        add_figure(DROPPED, 1);
    else if (before != 0 && word_load_acquire(&book->kept) == before && !may_be_removed())
        BAD("\"spare\" is gone, and was neither dropped nor removed");
    if (word_load(&place->releasing) > word_load(&place->floor))
        word_store(&place->floor, word_load(&place->releasing));
    word_store(&place->removed, word_load_acquire(&book->removed));
    word_store(&place->released, 0);
    word_store(&place->releasing, 0);
    word_store_release(&place->which, which_group(&serving->consumer->group.view));
}

static void begin(struct serving *serving)
{
    serving->ring = open_ring(MRING_CONSUME);
    serving->consumer = join_group(serving->ring, SPARE);
    serving->first = true;
    if (which_group(&serving->consumer->group.view) != word_load(&book->spare.which))
        begin_anew(serving);
}

static void check_place(struct serving *serving, uint64_t number, unsigned deliveries)
{
    const struct whereabouts *place = &book->spare;
    uint64_t released = word_load(&place->released), releasing = word_load(&place->releasing);
    bool good = number > word_load(&place->floor);

    if (released != 0)
        good = number == released + 1 || (serving->first && number == releasing + 1);
    else if (releasing != 0) /* the first one, perhaps released */
        good = number == releasing || number == releasing + 1;
    if (!good)
        BAD("message %llu (delivery %u) in \"spare\" after %llu, released to %llu, none up to %llu",
            (unsigned long long)number, deliveries, (unsigned long long)released, (unsigned long long)releasing,
            (unsigned long long)word_load(&place->floor));
    serving->first = false;
}

static void serve(struct serving *serving, const struct mring_message *message)
{
    struct message_head head = message_check(message);
    int code;

    check_place(serving, head.number, message->deliveries);
    word_store_release(&book->spare.releasing, head.number);
    code = mring_release(serving->consumer, message);
    if (code != 0)
        BAD("mring_release: %d", code);
    word_store_release(&book->spare.released, head.number);
}

/* Whatever came of it but -EBUSY may have been over an earlier try of the call, whose server was killed. */
static void remove_spare(struct mring *ring)
{
    struct mring_error error = MRING_ERROR_INIT;
    int code;

    word_store_release(&book->removing, 1);
    code = mring_group_remove(ring, groups[SPARE].name, &error);
    if (code != 0 && code != -EBUSY && code != -ENOENT && code != -EPIPE && code != -ETIMEDOUT)
        BAD("mring_group_remove: %d, %s", code, error.text);
    add_figure(REMOVED, code == 0);
    if (code != -EBUSY)
        word_count(&book->removed);
    word_store_release(&book->removing, 0);
}

/* There is no event to wait for. */
void play_operator(void)
{
    struct mring *ring;

    if (word_load(&book->removing) != 0) {
        word_count(&book->removed);
        word_store_release(&book->removing, 0);
    }
    ring = open_ring(MRING_CONSUME);
    word_store_release(&book->joined[my_role], my_life);
    for (;;) {
        if (random_below(&my_random, 500) == 0 && word_load(&book->ending) == 0)
            remove_spare(ring);
        nap();
    }
}

void play_spare(void)
{
    struct serving serving = {0};
    struct mring_message message;
    int code;

    begin(&serving);
    while ((code = mring_next(serving.consumer, &message)) >= 0) {
        if (code == 1)
            serve(&serving, &message);
        else
            (void)wait_for_message(serving.consumer, (int64_t)random_below(&my_random, 100000000));
        if (random_below(&my_random, 100000) == 0 && word_load(&book->ending) == 0)
            leave(serving.ring, serving.consumer);
    }
    if (code != -EPIPE)
        BAD("mring_next: %d", code);
    stay(serving.consumer);
}
