#include "aside.h"

#include <string.h>

static bool lock(const struct group_view *group, const struct judge *judge)
{
    struct word *owner = &group->aside->owner;
    uint64_t seen = word_load(owner);

    uint64_t life = owner_life(seen);

    /* One's own life: another thread of this process is there. */
    if (life != 0 && (life == judge->life || judge->alive(judge->context, life)))
        return false;
    return word_cas(owner, seen, judge->life); /* [LOCK] */
}

static void unlock(const struct group_view *group)
{
    word_store_release(&group->aside->owner, 0); /* [LOCK] */
}

static struct aside_slot *slot_at(const struct group_view *group, uint64_t number)
{
    return &group->aside->slot[number % ASIDE_SLOTS];
}

static uint64_t slot_end(const struct aside_slot *slot)
{
    return word_load(&slot->at) + record_length(word_load(&slot->header));
}

/* The bytes lie in a circle; a piece may go around its end once. */
static uint64_t until_the_end(const struct group_view *group, uint64_t at, uint64_t length)
{
    uint64_t left = group->aside_size - at % group->aside_size;

    return length < left ? length : left;
}

static void copy_in(const struct group_view *group, uint64_t at, const unsigned char *data, uint64_t length)
{
    uint64_t piece = until_the_end(group, at, length);

    memcpy(group->aside_bytes + at % group->aside_size, data, piece);
    memcpy(group->aside_bytes, data + piece, length - piece);
}

static void copy_out(const struct group_view *group, uint64_t at, unsigned char *buffer, uint64_t length)
{
    uint64_t piece = until_the_end(group, at, length);

    memcpy(buffer, group->aside_bytes + at % group->aside_size, piece);
    memcpy(buffer + piece, group->aside_bytes, length - piece);
}

/* Was it put here already? The slots below the count keep their positions, but for the one that would be the next. */
static bool is_there(const struct group_view *group, uint64_t position)
{
    uint64_t count = word_load(&group->aside->count);
    uint64_t oldest = count < ASIDE_SLOTS ? 0 : count - (ASIDE_SLOTS - 1);

    while (count > oldest)
        if (word_load(&slot_at(group, --count)->position) == position + 1)
            return true;
    return false;
}

/* With the lock held. */
static bool put(const struct group_view *group, uint64_t position, uint64_t header, const void *data, uint64_t given)
{
    uint64_t count = word_load(&group->aside->count);
    uint64_t kept = count - word_load(&group->aside->first);
    uint64_t at = count == 0 ? 0 : slot_end(slot_at(group, count - 1));
    uint64_t used = kept == 0 ? 0 : at - word_load(&slot_at(group, count - kept)->at);
    struct aside_slot *slot = slot_at(group, count);

    if (kept >= ASIDE_SLOTS || used > group->aside_size || record_length(header) > group->aside_size - used) {
        word_count(&group->aside->full);
        return false;
    }
    copy_in(group, at, data, record_length(header));
    word_store(&slot->header, header);
    word_store(&slot->at, at);
    word_store(&slot->given, given);
    word_store(&slot->position, position + 1);
    word_store_release(&group->aside->count, count + 1); /* [ASIDE] */
    return true;
}

bool aside_put(const struct group_view *group, const struct judge *judge, uint64_t position, uint64_t header,
               const void *data, uint64_t given)
{
    bool done;

    if (!lock(group, judge))
        return false;
    done = is_there(group, position) || put(group, position, header, data, given);
    unlock(group);
    return done;
}

uint64_t aside_count(const struct group_view *group)
{
    uint64_t count = word_load_acquire(&group->aside->count); /* [ASIDE] */
    uint64_t kept = count - word_load(&group->aside->first);

    return kept <= ASIDE_SLOTS ? kept : 0;
}

/* With the lock held. */
static int take(const struct group_view *group, void *buffer, uint64_t size, struct aside_message *message)
{
    uint64_t first = word_load(&group->aside->first);
    uint64_t kept = word_load_acquire(&group->aside->count) - first; /* [ASIDE] */
    const struct aside_slot *slot = slot_at(group, first);

    if (kept == 0)
        return 0;
    message->header = word_load(&slot->header);
    message->position = word_load(&slot->position) - 1;
    message->given = word_load(&slot->given);
    if (kept > ASIDE_SLOTS || record_length(message->header) > group->aside_size)
        return -EBADMSG;
    if (record_length(message->header) > size)
        return -EMSGSIZE;
    copy_out(group, word_load(&slot->at), buffer, record_length(message->header));
    word_store_release(&group->aside->first, first + 1); /* [TAKEN] */
    return 1;
}

int aside_take(const struct group_view *group, const struct judge *judge, void *buffer, uint64_t size,
               struct aside_message *message)
{
    int code;

    if (aside_count(group) == 0)
        return 0;
    if (!lock(group, judge))
        return -EBUSY;
    code = take(group, buffer, size, message);
    unlock(group);
    return code;
}
