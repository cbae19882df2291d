/*
 * mach_make_memory_entry_64: over memory of the caller, of fresh memory, or over a part of another entry (Mach 3).
 *
 * Over the caller's memory: if that is private, it becomes shared memory first, in place (vm_copy.h); the whole
 * allocation, so that a later entry over another part of it is over the same object. A plain entry covers one object,
 * up to the first change of attributes, and says so in *size; one made with MAP_MEM_VM_SHARE covers the whole range or
 * fails; each piece of it that is shared already stays the object that it is.
 *
 * What differs here. Shared memory that the program mapped by itself (mmap MAP_SHARED) has no descriptor to hand out:
 * an entry over it is KERN_NOT_SUPPORTED. MAP_MEM_VM_SHARE takes ENTRY_PIECES pieces; more are KERN_RESOURCE_SHORTAGE.
 * The entry of an allocation is not cut at 128 MiB (Mach 3.5). Fresh memory is committed at once, so that more than
 * there is is KERN_RESOURCE_SHORTAGE. The cache attributes have no effect.
 */
#include "cancel.h"
#include "entry.h"
#include "gate.h"
#include "space.h"
#include "vm_calls.h"
#include "vm_copy.h"

#include <mach/memory_object_types.h>
#include <mach/vm_map.h>

enum {
    USER_FLAGS = MAP_MEM_LEDGER_TAGGED | MAP_MEM_PURGABLE_KERNEL_ONLY | MAP_MEM_GRAB_SECLUDED | MAP_MEM_ONLY |
                 MAP_MEM_NAMED_CREATE | MAP_MEM_PURGABLE | MAP_MEM_NAMED_REUSE | MAP_MEM_USE_DATA_ADDR |
                 MAP_MEM_VM_COPY | MAP_MEM_VM_SHARE | MAP_MEM_4K_DATA_ADDR
};
static const uint64_t PAGES_MAX = UINT64_C(0xffffffff);

/* What is asked for, and, filled in on success, what was made. */
struct making {
    uint64_t offset, size;
    unsigned flags;
    vm_prot_t protection;
    bool is_mask;
    mach_port_t name;
    uint64_t covered; /* whole pages */
};

/*
 * Whole pages are covered, from the one that the data begins in. With MAP_MEM_USE_DATA_ADDR the entry knows where that is,
 * and the size told is what there is from there on.
 */
static bool goes_by_data(const struct making *making)
{
    return making->flags & (MAP_MEM_USE_DATA_ADDR | MAP_MEM_4K_DATA_ADDR);
}

static uint64_t data_within_page(const struct making *making)
{
    return goes_by_data(making) ? making->offset & vm_page_mask : 0;
}

static uint64_t size_to_tell(const struct making *making)
{
    return making->covered - data_within_page(making);
}

/* The entry and its name. */
static kern_return_t make_entry(struct making *making, enum entry_kind kind, const struct entry_piece *pieces,
                                size_t count)
{
    const struct entry_attributes attributes = {
        .kind = kind, .data = data_within_page(making), .protection = making->protection};

    making->covered = 0;
    for (size_t i = 0; i < count; i++)
        making->covered += pieces[i].size;
    return entry_create(pieces, count, &attributes, &making->name);
}

/* The range, not empty. */
static kern_return_t range_of(const struct making *making, struct vm_range *range)
{
    if (making->size == 0 || range_outward(making->offset, making->size, range) != RANGE_OK)
        return KERN_INVALID_ARGUMENT;
    return KERN_SUCCESS;
}

/* ---- fresh memory ---- */

static kern_return_t make_fresh(struct making *making)
{
    struct vm_file *file;
    struct vm_range range;

    if (making->size == 0) {
        making->name = MACH_PORT_NULL;
        making->covered = 0;
        return KERN_SUCCESS;
    }
    kern_return_t kr = range_of(making, &range);
    if (kr != KERN_SUCCESS)
        return kr;
    uint64_t size = range.end - range.start;
    if (size >> vm_page_shift > PAGES_MAX)
        return KERN_FAILURE;
    gate_enter();
    kr = vm_file_create(size, &file);
    if (kr == KERN_SUCCESS) {
        kr = vm_file_commit(file);
        if (kr == KERN_SUCCESS)
            kr = make_entry(making, ENTRY_OBJECT, &(struct entry_piece){file, 0, size}, 1);
        vm_file_drop(file);
    }
    gate_leave();
    return kr;
}

/* ---- a part of another entry ---- */

static kern_return_t make_child(struct making *making, const struct memory_entry *parent)
{
    vm_prot_t allowed = parent->attributes.protection;
    struct entry_piece piece = parent->first.piece; /* the only one of an ENTRY_OBJECT */
    struct vm_range range;

    if (goes_by_data(making)) {
        if (making->offset + parent->attributes.data < making->offset)
            return KERN_INVALID_ARGUMENT;
        making->offset += parent->attributes.data;
    }
    kern_return_t kr = range_of(making, &range);
    if (kr != KERN_SUCCESS || range.end > piece.size)
        return KERN_INVALID_ARGUMENT;
    if (making->is_mask)
        making->protection &= allowed;
    if ((making->protection & ~allowed) != 0)
        return KERN_PROTECTION_FAILURE;
    piece.offset += range.start;
    piece.size = range.end - range.start;
    gate_enter();
    kr = make_entry(making, ENTRY_OBJECT, &piece, 1);
    gate_leave();
    return kr;
}

/* ---- the caller's memory ---- */

/* The rights asked for, within what all of these segments allow. */
static kern_return_t check_rights(struct making *making, const struct segment *segments, size_t count)
{
    vm_prot_t allowed = VM_PROT_ALL;

    for (size_t i = 0; i < count; i++)
        allowed &= segments[i].current & segments[i].region.max;
    if (making->is_mask) {
        making->protection &= allowed;
        return making->protection != VM_PROT_NONE ? KERN_SUCCESS : KERN_PROTECTION_FAILURE;
    }
    return (making->protection & ~allowed) == 0 ? KERN_SUCCESS : KERN_PROTECTION_FAILURE;
}

/* Where the object ends that begins with the first of these. */
static size_t object_length(const struct view *view)
{
    size_t length = 1;

    while (length < view->count && segment_continues(&view->segments[length - 1], &view->segments[length]))
        length++;
    return length;
}

/* The entry that a plain share of this memory, which is all in one file, would be: is it `parent`? */
static bool is_same(const struct memory_entry *parent, const struct segment *first, uint64_t size,
                    const struct making *making)
{
    const struct entry_piece *piece = parent != NULL ? &parent->first.piece : NULL;

    return piece != NULL && piece->file->inode == first->region.inode && piece->file->device == first->region.device &&
           piece->offset == first->region.offset && piece->size == size &&
           parent->attributes.data == data_within_page(making) &&
           (making->protection & ~parent->attributes.protection) == 0;
}

/* These segments as pieces; what goes on in the same file is one. */
static kern_return_t gather(const struct view *view, uint64_t start, struct entry_piece pieces[ENTRY_PIECES],
                            size_t *count)
{
    *count = 0;
    for (size_t i = 0; i < view->count; i++) {
        const struct region *region = &view->segments[i].region;
        struct entry_piece *last = *count != 0 ? &pieces[*count - 1] : NULL;
        if (region->start != start)
            return KERN_INVALID_ADDRESS;
        if (region->kind != REGION_FILE)
            return KERN_NOT_SUPPORTED;
        start = region->end;
        if (last != NULL && vm_file_same(last->file, region->file) && last->offset + last->size == region->offset)
            last->size += region->end - region->start;
        else if (*count == ENTRY_PIECES)
            return KERN_RESOURCE_SHORTAGE;
        else
            pieces[(*count)++] = (struct entry_piece){region->file, region->offset, region->end - region->start};
    }
    return KERN_SUCCESS;
}

/* Look again after conversion: what are these pages now? */
static kern_return_t make_of_range(struct making *making, enum entry_kind kind, struct vm_range range)
{
    struct entry_piece pieces[ENTRY_PIECES];
    size_t count;
    struct view view;
    kern_return_t kr = view_look(&view, range.start, range.end);

    if (kr != KERN_SUCCESS)
        return kr;
    kr = view_covers(&view, range.start, range.end) ? gather(&view, range.start, pieces, &count) : KERN_INVALID_ADDRESS;
    if (kr == KERN_SUCCESS)
        kr = make_entry(making, kind, pieces, kind == ENTRY_WHOLE ? count : 1);
    view_free(&view);
    return kr;
}

/*
 * The whole allocation that a segment is part of becomes shared. Memory that this layer did not allocate: what was
 * asked for.
 */
static kern_return_t share_allocation(const struct segment *first, struct vm_range range)
{
    if (first->region.kind == REGION_PRIVATE && first->recorded) {
        const struct region *whole = vm_table_at(first->region.start);
        range = (struct vm_range){whole->start, whole->end};
    }
    return vm_make_shared(range.start, range.end);
}

static kern_return_t make_plain(struct making *making, struct vm_range range, const struct memory_entry *parent,
                                mach_port_name_t parent_name)
{
    struct view view;
    kern_return_t kr = view_look(&view, range.start, range.end);

    if (kr != KERN_SUCCESS)
        return kr;
    if (view.count == 0 || view.segments[0].region.start != range.start) {
        kr = KERN_INVALID_ADDRESS;
    } else {
        size_t length = object_length(&view);
        range.end = view.segments[length - 1].region.end;
        kr = check_rights(making, view.segments, length);
        if (kr == KERN_SUCCESS && (making->flags & MAP_MEM_NAMED_REUSE) &&
            is_same(parent, &view.segments[0], range.end - range.start, making)) {
            making->name = parent_name;
            making->covered = parent->size;
            kr = space_modify(parent_name, MACH_PORT_TYPE_SEND, 1);
        } else if (kr == KERN_SUCCESS) {
            kr = share_allocation(&view.segments[0], range);
            if (kr == KERN_SUCCESS)
                kr = make_of_range(making, ENTRY_OBJECT, range);
        }
    }
    view_free(&view);
    return kr;
}

static kern_return_t make_share(struct making *making, struct vm_range range)
{
    struct view view;
    kern_return_t kr = view_look(&view, range.start, range.end);

    if (kr != KERN_SUCCESS)
        return kr;
    kr = view_covers(&view, range.start, range.end) ? check_rights(making, view.segments, view.count)
                                                    : KERN_INVALID_ADDRESS;
    if (kr == KERN_SUCCESS)
        kr = vm_make_shared(range.start, range.end);
    if (kr == KERN_SUCCESS)
        kr = make_of_range(making, ENTRY_WHOLE, range);
    view_free(&view);
    return kr;
}

static kern_return_t make_copy(struct making *making, struct vm_range range)
{
    struct vm_file *file;
    struct view view;
    kern_return_t kr = view_look(&view, range.start, range.end);

    if (kr != KERN_SUCCESS)
        return kr;
    kr = view_covers(&view, range.start, range.end) ? KERN_SUCCESS : KERN_INVALID_ADDRESS;
    for (size_t i = 0; i < view.count && kr == KERN_SUCCESS; i++)
        if (!(view.segments[i].current & VM_PROT_READ))
            kr = KERN_PROTECTION_FAILURE;
    if (kr == KERN_SUCCESS)
        kr = vm_copy_out(view.segments, view.count, &file);
    view_free(&view);
    if (kr != KERN_SUCCESS)
        return kr;
    kr = make_entry(making, ENTRY_WHOLE, &(struct entry_piece){file, 0, range.end - range.start}, 1);
    vm_file_drop(file);
    return kr;
}

static kern_return_t make_of_memory(struct making *making, const struct memory_entry *parent,
                                    mach_port_name_t parent_name)
{
    struct vm_range range;
    kern_return_t kr = range_of(making, &range);

    if (kr != KERN_SUCCESS)
        return kr;
    if (range.start >= VM_PLACE_TOP)
        return KERN_INVALID_ADDRESS;
    if (making->flags & (MAP_MEM_VM_COPY | MAP_MEM_VM_SHARE) && range.end > VM_PLACE_TOP)
        return KERN_INVALID_ADDRESS;
    range = range_clamped(range);
    vm_table_lock();
    if (making->flags & MAP_MEM_VM_COPY)
        kr = make_copy(making, range);
    else if (making->flags & MAP_MEM_VM_SHARE)
        kr = make_share(making, range);
    else
        kr = make_plain(making, range, parent, parent_name);
    vm_table_unlock();
    return kr;
}

/* ---- the call ---- */

/* The first that matches decides (Mach 3.3). */
static kern_return_t make(struct making *making, const struct memory_entry *parent, mach_port_name_t parent_name)
{
    if (parent != NULL && parent->attributes.kind == ENTRY_WHOLE)
        return KERN_INVALID_ARGUMENT;
    if ((making->flags & MAP_MEM_FLAGS_MASK & ~(unsigned)USER_FLAGS) != 0)
        return KERN_INVALID_VALUE;
    if (making->offset + making->size < making->offset)
        return KERN_INVALID_ARGUMENT;
    if (making->flags & MAP_MEM_ONLY) {
        making->name = MACH_PORT_NULL;
        making->covered = making->size;
        return parent != NULL ? KERN_SUCCESS : KERN_INVALID_ARGUMENT;
    }
    if (making->flags & MAP_MEM_NAMED_CREATE)
        return make_fresh(making);
    if (parent == NULL || (making->flags & (MAP_MEM_VM_COPY | MAP_MEM_VM_SHARE | MAP_MEM_NAMED_REUSE)))
        return make_of_memory(making, parent, parent_name);
    return make_child(making, parent);
}

kern_return_t mach_make_memory_entry_64(vm_map_t target, memory_object_size_t *size, memory_object_offset_t offset,
                                        vm_prot_t permission, mach_port_t *object_handle,
                                        mem_entry_name_port_t parent_entry)
{
    struct making making = {.offset = offset,
                            .size = *size,
                            .flags = (unsigned)permission,
                            .protection = permission & VM_PROT_ALL,
                            .is_mask = (permission & VM_PROT_IS_MASK) != 0};
    struct mach_object *parent;
    kern_return_t kr = space_check_task(target);

    if (kr == KERN_SUCCESS)
        kr = entry_hold_argument(parent_entry, &parent);
    if (kr != KERN_SUCCESS)
        return kr;
    int cancellation = cancel_hold();
    kr = make(&making, parent != NULL ? entry_of(parent) : NULL, parent_entry);
    cancel_release(cancellation);
    if (parent != NULL)
        object_drop(parent);
    if (kr == KERN_SUCCESS) {
        *size = making.name != MACH_PORT_NULL ? size_to_tell(&making) : making.covered;
        *object_handle = making.name;
    }
    return kr;
}

kern_return_t mach_make_memory_entry(vm_map_t target, vm_size_t *size, vm_offset_t offset, vm_prot_t permission,
                                     mem_entry_name_port_t *object_handle, mem_entry_name_port_t parent_entry)
{
    memory_object_size_t wide = *size;
    kern_return_t kr = mach_make_memory_entry_64(target, &wide, offset, permission, object_handle, parent_entry);

    if (kr == KERN_SUCCESS)
        *size = (vm_size_t)wide;
    return kr;
}
