#include "mach_vm_map.h"

#include <stdlib.h>

struct content *content_new(uint64_t stamp)
{
    struct content *content = malloc(sizeof *content);

    if (content == NULL)
        abort();
    *content = (struct content){1, stamp};
    return content;
}

struct content *content_hold(struct content *content)
{
    content->holders++;
    return content;
}

void content_drop(struct content *content)
{
    if (--content->holders == 0)
        free(content);
}

uint32_t map_new_object(struct map *map)
{
    return ++map->last_object;
}

uint32_t map_new_file(struct map *map)
{
    return map->last_file += 2;
}

uint32_t map_narrow(struct map *map, uint32_t file, vm_prot_t protection)
{
    return (file & 1) != 0 || (protection & VM_PROT_WRITE) ? file : map_new_file(map) | 1;
}

/* ---- ranges ---- */

uint64_t page_floor(uint64_t address)
{
    return address / PAGE * PAGE;
}

uint64_t page_ceiling(uint64_t address)
{
    return (uint64_t)(((wide_t)address + PAGE - 1) / PAGE * PAGE);
}

bool span_outward(uint64_t address, uint64_t size, uint64_t *start, uint64_t *end)
{
    wide_t last = ((wide_t)address + size + PAGE - 1) / PAGE * PAGE;

    *start = page_floor(address);
    *end = (uint64_t)last;
    return last <= UINT64_MAX;
}

static uint64_t between(uint64_t value, uint64_t least, uint64_t most)
{
    return value < least ? least : value > most ? most : value;
}

struct cells map_cells(const struct map *map, uint64_t start, uint64_t end)
{
    uint64_t top = map_address(map, CELLS);

    return (struct cells){(between(start, map->base, top) - map->base) / PAGE,
                          (between(end, map->base, top) - map->base) / PAGE};
}

uint64_t map_address(const struct map *map, size_t cell)
{
    return map->base + cell * PAGE;
}

size_t map_mapped(const struct map *map, size_t choice)
{
    size_t mapped[CELLS], count = 0;

    for (size_t i = 0; i < CELLS; i++)
        if (map->page[i].content != NULL)
            mapped[count++] = i;
    return count != 0 ? mapped[choice % count] : choice % CELLS;
}

bool map_knows(const struct map *map, uint64_t start, uint64_t end)
{
    return start >= end || end <= SPACE_MIN || start >= SPACE_TOP || (start >= map->base && end <= map->limit);
}

bool map_covers(const struct map *map, uint64_t start, uint64_t end)
{
    struct cells cells = map_cells(map, start, end);

    for (size_t i = cells.first; i < cells.end; i++)
        if (map->page[i].content == NULL)
            return false;
    return (cells.end - cells.first) * PAGE == end - start;
}

/* ---- places ---- */

static size_t first_mapped(const struct map *map, struct cells cells)
{
    size_t i = cells.first;

    while (i < cells.end && map->page[i].content == NULL)
        i++;
    return i;
}

static struct place place_anywhere(const struct map *map, uint64_t hint, uint64_t size, uint64_t mask)
{
    wide_t at = hint < SPACE_MIN ? map->base : page_floor(hint);
    bool sure = (mask & (mask + 1)) == 0; /* else the search is as good from one address as from another */

    for (;;) {
        at = (at + mask) & ~(wide_t)mask;
        if (at > UINT64_MAX || at + size > SPACE_TOP)
            return (struct place){KERN_NO_SPACE, 0, sure};
        struct cells cells = map_cells(map, (uint64_t)at, (uint64_t)at + size);
        size_t i = first_mapped(map, cells);
        if (i == cells.end)
            return (struct place){KERN_SUCCESS, (uint64_t)at,
                                  sure && map_knows(map, (uint64_t)at, (uint64_t)at + size)};
        at = map_address(map, i + 1);
    }
}

static struct place place_fixed(const struct map *map, uint64_t address, uint64_t size, uint64_t mask, int flags)
{
    struct place place = {KERN_SUCCESS, address, true};

    if (address < SPACE_MIN || (wide_t)address + size > SPACE_TOP) {
        place.code = KERN_INVALID_ADDRESS;
    } else if ((address & mask) != 0) {
        place.code = KERN_NO_SPACE;
    } else {
        struct cells cells = map_cells(map, address, address + size);
        for (size_t i = cells.first; i < cells.end; i++)
            if (map->page[i].content != NULL && (!(flags & VM_FLAGS_OVERWRITE) || map->page[i].permanent))
                place.code = KERN_NO_SPACE;
        place.sure = map_knows(map, address, address + size);
    }
    return place;
}

struct place map_place(const struct map *map, uint64_t address, uint64_t size, uint64_t mask, int flags)
{
    return flags & VM_FLAGS_ANYWHERE ? place_anywhere(map, address, size, mask)
                                     : place_fixed(map, page_floor(address), size, mask, flags);
}

/* ---- changes ---- */

void map_lock_out(struct map *map, struct cells cells)
{
    for (size_t i = cells.first; i < cells.end; i++)
        if (map->page[i].content != NULL && map->page[i].permanent)
            map->page[i].current = map->page[i].max = VM_PROT_NONE;
    map_cut(map, cells);
}

void map_unmap(struct map *map, struct cells cells)
{
    for (size_t i = cells.first; i < cells.end; i++) {
        if (map->page[i].content == NULL || map->page[i].permanent)
            continue;
        content_drop(map->page[i].content);
        map->page[i] = (struct page){.content = NULL};
    }
    map_lock_out(map, cells);
}

static bool same_object(const struct page *a, const struct page *b)
{
    return b->content != NULL && a->object == b->object && a->index + 1 == b->index;
}

static void lie_at(struct page *page, struct home home)
{
    page->object = home.object;
    page->index = home.index;
    page->file = home.file;
}

/* In a copy each piece of what it is a copy of is an object of its own, which goes on from the page before or begins here. */
static struct home home_of_copy(struct map *map, const struct page *before, const struct home *from)
{
    bool goes_on = from[-1].object == from->object && from[-1].index + 1 == from->index;
    bool same_file = goes_on && from[-1].file == from->file;
    uint32_t file = before->file == 0 || same_file ? before->file : map_new_file(map);

    return goes_on ? (struct home){before->object, before->index + 1, file}
                   : (struct home){map_new_object(map), 0, file};
}

void map_enter(struct map *map, struct cells cells, const struct page *like, enum how how,
               struct content *const *content, const struct home *home)
{
    map_unmap(map, cells);
    for (size_t i = 0; i < cells.end - cells.first; i++) {
        struct page *page = &map->page[cells.first + i];
        *page = *like;
        page->content = how == HOW_SHARE  ? content_hold(content[i])
                        : how == HOW_COPY ? content_new(content[i]->stamp)
                                          : content_new(0);
        if (how == HOW_ZERO)
            page->index = (uint32_t)i;
        else if (how == HOW_SHARE)
            lie_at(page, home[i]);
        else if (i != 0)
            lie_at(page, home_of_copy(map, page - 1, &home[i]));
        page->seam = i == 0 || !same_object(page - 1, page) || (how == HOW_COPY && home[i - 1].file != home[i].file);
    }
}

void map_cut(struct map *map, struct cells cells)
{
    for (size_t i = cells.first; i <= cells.end && i < CELLS; i++)
        map->page[i].seam = true;
}

static bool same_attributes(const struct page *a, const struct page *b)
{
    return b->content != NULL && a->current == b->current && a->max == b->max && a->inherit == b->inherit;
}

static bool is_private(const struct page *page)
{
    return page->content != NULL && page->file == 0;
}

void map_share(struct map *map, struct cells cells)
{
    bool loose = map_is_loose(map, cells);

    for (size_t i = cells.first; i < cells.end; i++) {
        struct page *page = &map->page[i], *before = i > cells.first ? page - 1 : NULL;
        if (is_private(page)) {
            bool joins = before != NULL && before->content != NULL && before->index == UINT32_MAX;
            page->object = joins ? before->object : map_new_object(map);
            page->file = joins ? before->file : map_new_file(map);
            page->index = UINT32_MAX; /* until all are known */
        }
        page->loose = page->content != NULL && loose;
    }
    for (size_t i = cells.first; i < cells.end; i++)
        if (map->page[i].index == UINT32_MAX)
            map->page[i].index =
                i > cells.first && map->page[i - 1].object == map->page[i].object ? map->page[i - 1].index + 1 : 0;
    map_cut(map, cells);
}

/* From `cell` on in one direction: what is not cut off is shared with it; what is, perhaps. */
static void share_onward(struct map *map, size_t cell, bool up, uint32_t file, size_t sure_to)
{
    bool sure = true;

    for (size_t i = cell; up ? i + 1 < CELLS : i > 0;) {
        size_t next = up ? i + 1 : i - 1;
        struct page *low = &map->page[up ? i : next], *high = &map->page[up ? next : i], *page = &map->page[next];
        if (low->content == NULL || !same_object(low, high))
            return;
        sure = sure && (!high->seam || (up && next < sure_to));
        if (is_private(page)) {
            page->file = sure ? file : 0;
            page->loose = page->loose || !sure;
        }
        i = next;
    }
}

void map_share_object(struct map *map, struct cells covered)
{
    struct page *first = &map->page[covered.first];

    if (!is_private(first))
        return;
    first->file = map_new_file(map);
    share_onward(map, covered.first, true, first->file, covered.end);
    share_onward(map, covered.first, false, first->file, 0);
}

struct extent map_extent(const struct map *map, struct cells cells)
{
    struct extent extent = {0, 1};
    size_t i = cells.first;
    bool whole = true;

    for (; i + 1 < cells.end; i++) {
        const struct page *page = &map->page[i], *next = page + 1;
        bool loose = page->loose || next->loose;
        if (!same_attributes(page, next) || !(same_object(page, next) || loose))
            break;
        if (whole && (next->seam || loose || page->file != next->file)) {
            extent.least = extent.most;
            whole = false;
        }
        extent.most++;
    }
    if (whole)
        extent.least = extent.most;
    return extent;
}

size_t map_pieces(const struct map *map, struct cells cells)
{
    size_t pieces = 1;

    for (size_t i = cells.first; i + 1 < cells.end; i++) {
        const struct page *page = &map->page[i];
        if (page[1].file != page->file || !same_object(page, page + 1))
            pieces++;
    }
    return pieces;
}

bool map_is_loose(const struct map *map, struct cells cells)
{
    for (size_t i = cells.first; i < cells.end; i++)
        if (map->page[i].content != NULL && map->page[i].loose)
            return true;
    return false;
}

void map_make_private(struct map *map, struct cells cells)
{
    uint32_t object = map_new_object(map), index = 0;

    for (size_t i = cells.first; i < cells.end; i++) {
        struct page *page = &map->page[i];
        struct content *content = content_new(page->content->stamp);
        content_drop(page->content);
        page->content = content;
        page->max |= VM_PROT_WRITE;
        page->inherit = VM_INHERIT_DEFAULT;
        if (page->file != 0) {
            page->object = object;
            page->index = index++;
            page->file = 0;
        }
    }
    map_cut(map, cells);
}
