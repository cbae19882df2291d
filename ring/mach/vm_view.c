#include "vm_view.h"

#include <mach/vm_prot.h>
#include <stdlib.h>

enum { FIRST_ROOM = 16 };

static struct segment *add(struct view *view)
{
    if (view->count == view->room) {
        size_t room = view->room != 0 ? 2 * view->room : FIRST_ROOM;
        struct segment *grown = realloc(view->segments, room * sizeof *grown);
        if (grown == NULL)
            return NULL;
        view->segments = grown;
        view->room = room;
    }
    return &view->segments[view->count++];
}

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static uint64_t most(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

/* Can this region's record be of what is mapped here? */
static bool describes(const struct region *region, const struct vm_mapping *mapping)
{
    if (region->kind == REGION_PRIVATE)
        return !mapping->shared;
    return mapping->shared && mapping->device == region->device && mapping->inode == region->inode &&
           region->offset - region->start == mapping->offset - mapping->start;
}

/* Forget [start, end) wherever a region is recorded: it is not what is mapped there. */
static kern_return_t forget(uint64_t start, uint64_t end)
{
    const struct region *region = vm_table_at(start);

    if (start >= end || region == NULL || region->start >= end)
        return KERN_SUCCESS;
    kern_return_t kr = vm_table_reserve(2);
    if (kr == KERN_SUCCESS)
        vm_table_carve(start, end);
    return kr;
}

static kern_return_t forget_mismatches(const struct vm_mapping *mapping, uint64_t start, uint64_t end)
{
    while (start < end) {
        const struct region *region = vm_table_at(start);
        if (region == NULL || region->start >= end)
            return KERN_SUCCESS;
        uint64_t from = most(start, region->start), to = least(end, region->end);
        kern_return_t kr = describes(region, mapping) ? KERN_SUCCESS : forget(from, to);
        if (kr != KERN_SUCCESS)
            return kr;
        start = to;
    }
    return KERN_SUCCESS;
}

static kern_return_t heal(const struct vm_maps *maps, uint64_t start, uint64_t end)
{
    kern_return_t kr = KERN_SUCCESS;

    for (size_t i = 0; i < maps->count && kr == KERN_SUCCESS; i++) {
        const struct vm_mapping *mapping = &maps->mappings[i];
        kr = forget(start, least(mapping->start, end));
        if (kr == KERN_SUCCESS)
            kr = forget_mismatches(mapping, most(mapping->start, start), least(mapping->end, end));
        start = most(start, mapping->end);
    }
    return kr == KERN_SUCCESS ? forget(start, end) : kr;
}

static struct region defaults(const struct vm_mapping *mapping, uint64_t start, uint64_t end)
{
    return (struct region){.start = start,
                           .end = end,
                           .kind = mapping->shared ? REGION_FOREIGN : REGION_PRIVATE,
                           .device = mapping->device,
                           .inode = mapping->inode,
                           .offset = mapping->offset + (start - mapping->start),
                           .max = VM_PROT_ALL,
                           .inherit = mapping->shared ? VM_INHERIT_SHARE : VM_INHERIT_COPY};
}

static kern_return_t add_mapping(struct view *view, const struct vm_mapping *mapping, uint64_t start, uint64_t end)
{
    while (start < end) {
        const struct region *region = vm_table_at(start);
        bool recorded = region != NULL && region->start <= start;
        uint64_t to = recorded ? least(end, region->end) : region != NULL ? least(end, region->start) : end;
        struct segment *segment = add(view);

        if (segment == NULL)
            return KERN_RESOURCE_SHORTAGE;
        segment->region = recorded ? *region : defaults(mapping, start, to);
        segment->origin = recorded ? region->start : mapping->start;
        segment->region.offset += start - segment->region.start;
        segment->region.start = start;
        segment->region.end = to;
        segment->current = mapping->protection;
        segment->recorded = recorded;
        segment->anonymous = mapping->inode == 0;
        start = to;
    }
    return KERN_SUCCESS;
}

static void leave_out_the_kernels(struct vm_maps *maps)
{
    size_t kept = 0;

    for (size_t i = 0; i < maps->count; i++)
        if (!maps->mappings[i].kernels)
            maps->mappings[kept++] = maps->mappings[i];
    maps->count = kept;
}

kern_return_t view_look(struct view *view, uint64_t start, uint64_t end)
{
    struct vm_maps maps;
    kern_return_t kr = vm_maps_read(&maps, start, end);

    *view = (struct view){NULL, 0, 0};
    if (kr != KERN_SUCCESS)
        return kr;
    leave_out_the_kernels(&maps);
    kr = heal(&maps, start, end);
    for (size_t i = 0; i < maps.count && kr == KERN_SUCCESS; i++)
        kr =
            add_mapping(view, &maps.mappings[i], most(maps.mappings[i].start, start), least(maps.mappings[i].end, end));
    vm_maps_free(&maps);
    if (kr != KERN_SUCCESS)
        view_free(view);
    return kr;
}

void view_free(struct view *view)
{
    free(view->segments);
    *view = (struct view){NULL, 0, 0};
}

bool view_covers(const struct view *view, uint64_t start, uint64_t end)
{
    for (size_t i = 0; i < view->count; i++) {
        if (view->segments[i].region.start > start)
            return false;
        start = most(start, view->segments[i].region.end);
    }
    return start >= end;
}

bool segment_continues(const struct segment *segment, const struct segment *next)
{
    const struct region *a = &segment->region, *b = &next->region;

    return a->end == b->start && segment->current == next->current && a->kind == b->kind && a->max == b->max &&
           a->inherit == b->inherit && segment->recorded == next->recorded &&
           (a->kind == REGION_PRIVATE ? segment->origin == next->origin
                                      : a->file == b->file && a->inode == b->inode && a->device == b->device &&
                                            a->offset + (a->end - a->start) == b->offset);
}
