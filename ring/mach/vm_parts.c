/*
 * All or nothing. Several parts go over a placeholder, which takes the place by the flags of the call. In a free place
 * that is easily undone. With VM_FLAGS_OVERWRITE nothing is, so there all parts are mapped elsewhere first: whatever
 * speaks against it (a seal that a peer has put on its file, memory, the number of mappings) does so while nothing is
 * changed. To move them then takes no more than a few mappings beyond those that are there already. Under the lock no
 * other call sees a state between.
 *
 * Copies are made before there is a place, at an address of the kernel's choice, which may be the very place asked for.
 * They step aside.
 */
#include "vm_parts.h"

#include <mach/vm_statistics.h>
#include <stdlib.h>
#include <sys/mman.h>

kern_return_t vm_parts_room(struct vm_parts *parts, size_t room)
{
    *parts = (struct vm_parts){calloc(room, sizeof *parts->part), 0};
    return parts->part != NULL ? KERN_SUCCESS : KERN_RESOURCE_SHORTAGE;
}

void vm_parts_free(struct vm_parts *parts)
{
    for (size_t i = 0; i < parts->count; i++) {
        const struct vm_part *part = &parts->part[i];
        if (part->content.file != NULL)
            vm_file_drop(part->content.file);
        if (part->content.copy != NULL)
            munmap(part->content.copy, part->size);
    }
    free(parts->part);
}

/* Have the part mapped somewhere above the place, where the place's taking does no harm to it. */
static kern_return_t step_aside(struct vm_part *part, struct vm_range range)
{
    uint64_t at = range.end;
    kern_return_t kr = vm_place_anywhere(&at, part->size, 0, &part->content);

    if (kr == KERN_SUCCESS)
        part->content.copy = (void *)(uintptr_t)at;
    return kr;
}

static bool lies_in(const struct vm_part *part, struct vm_range range)
{
    uint64_t copy = (uintptr_t)part->content.copy;

    return copy < range.end && range.start < copy + part->size;
}

static kern_return_t clear_place(struct vm_parts *parts, const struct vm_request *place)
{
    struct vm_range range = {place->address, place->address + place->size};
    kern_return_t kr = KERN_SUCCESS;

    if ((place->flags & VM_FLAGS_ANYWHERE) || range.end <= range.start || range.end > VM_PLACE_TOP)
        return KERN_SUCCESS; /* nowhere yet, or nowhere at all */
    for (size_t i = 0; i < parts->count && kr == KERN_SUCCESS; i++) {
        struct vm_part *part = &parts->part[i];
        if (part->content.copy != NULL ? lies_in(part, range) : (place->flags & VM_FLAGS_OVERWRITE) != 0)
            kr = step_aside(part, range);
    }
    return kr;
}

static kern_return_t put_part(struct vm_part *part, struct vm_request *request)
{
    request->content = part->content;
    request->foreign = part->foreign.kind == REGION_FOREIGN ? &part->foreign : NULL;
    request->max = part->max;
    kern_return_t kr = vm_request_map(request);
    if (kr == KERN_SUCCESS)
        part->content.copy = NULL; /* moved */
    return kr;
}

static kern_return_t put_several(struct vm_parts *parts, struct vm_request *place)
{
    struct vm_request placeholder = {.address = place->address,
                                     .size = place->size,
                                     .mask = place->mask,
                                     .flags = place->flags,
                                     .max = VM_PROT_ALL,
                                     .inherit = VM_INHERIT_DEFAULT};
    kern_return_t kr = vm_table_reserve(3 * (parts->count + 1));

    if (kr == KERN_SUCCESS)
        kr = vm_request_map(&placeholder);
    if (kr != KERN_SUCCESS)
        return kr;

    struct vm_range range = {placeholder.address, placeholder.address};
    for (size_t i = 0; i < parts->count && kr == KERN_SUCCESS; i++) {
        struct vm_request request = {
            .address = range.end, .size = parts->part[i].size, .flags = VM_FLAGS_OVERWRITE, .inherit = place->inherit};
        kr = put_part(&parts->part[i], &request);
        range.end += request.size;
    }
    if (kr == KERN_SUCCESS)
        place->address = range.start;
    else
        vm_unmap((struct vm_range){range.start, range.start + place->size});
    return kr;
}

kern_return_t vm_parts_put(struct vm_parts *parts, struct vm_request *place)
{
    kern_return_t kr = clear_place(parts, place);

    if (kr != KERN_SUCCESS)
        return kr;
    return parts->count == 1 ? put_part(&parts->part[0], place) : put_several(parts, place);
}
