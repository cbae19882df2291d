/*
 * Where a process sees a ring: addresses of its mappings and the facts of the header, copied out once and bounded when the region
 * was mapped, so that no later change of the header by a hostile peer can matter.
 */
#ifndef MRING_CORE_VIEW_H
#define MRING_CORE_VIEW_H

#include "layout.h"

struct ring_view {
    struct producer_page *page;          /* read-only memory in a consumer */
    const struct group_entry *directory; /* LAYOUT_GROUPS entries */
    unsigned char *data;                 /* capacity bytes, and the same bytes once more behind them */
    struct doorbell_page *doorbell;
    uint64_t capacity; /* a power of two */
    uint64_t mask;     /* capacity - 1 */
    uint64_t alignment;
    uint64_t identity[2];
    uint32_t members_default;
    uint32_t attempts_max; /* at least 1 */
};

struct group_view {
    struct group_page *page;
    struct word *sleepers;    /* where they are announced if not in the page: see group_sleepers */
    struct member_line *line; /* `members` of them */
    struct aside_page *aside;
    unsigned char *aside_bytes;
    uint64_t aside_size;
    uint32_t members; /* 1: a lone group, no claims. As mapped: terms.members when it is described, too */
    uint32_t index;   /* in the directory */
    struct group_terms terms;
    uint64_t incarnation;
};

/*
 * Where the group's sleepers are announced: in its page, which those who wake them can write. A group that is after others is woken by the members
 * of these, who have only the doorbell to write to.
 */
static inline struct word *group_sleepers(const struct group_view *group)
{
    return group->sleepers != NULL ? group->sleepers : group->page->sleepers;
}

static inline void group_view_place_sleepers(const struct ring_view *view, struct group_view *group)
{
    group->sleepers = group->terms.after != 0 ? view->doorbell->sleepers[group->index] : NULL;
}

/* What the directory says of a group: read once, whatever is written there meanwhile, and before a second look at the bit. */
static inline struct group_terms entry_terms(const struct group_entry *entry)
{
    struct group_terms terms;

    copy_racing(&terms, &entry->terms, sizeof(terms));
    fence_load(); /* [GROUP] */
    return terms;
}

/* Not known to end. */
static inline void entry_name(const struct group_entry *entry, char name[LAYOUT_NAME])
{
    copy_racing(name, entry->name, LAYOUT_NAME);
    fence_load(); /* [GROUP] */
}

/* Which of the lines from 64 * word on have a member [JOIN]. A bit beyond the last line, which only a hostile peer sets, is none. */
static inline uint64_t group_occupied(const struct group_view *group, unsigned word)
{
    uint64_t occupied = word_load_acquire(&group->page->occupied[word]); /* [JOIN] */
    uint32_t lines = group->members - word * 64;

    return lines < 64 ? occupied & ((UINT64_C(1) << lines) - 1) : occupied;
}

/* The header of the record at a position. */
static inline struct word *record_at(const struct ring_view *view, uint64_t position)
{
    return (struct word *)(void *)(view->data + (position & view->mask));
}

/* The longest record, in bytes: half the capacity at most. */
static inline uint64_t view_record_max(const struct ring_view *view)
{
    uint64_t half = view->capacity / 2;
    uint64_t most = (UINT64_C(1) << 32) - view->alignment; /* a header has 32 bits for length + 1 */

    return half < most ? half : most;
}

/* The longest payload. It fills the longest record, so a record is too long just when its message is. */
static inline uint64_t view_message_max(const struct ring_view *view)
{
    return view_record_max(view) - LAYOUT_RECORD_HEADER;
}

#endif
