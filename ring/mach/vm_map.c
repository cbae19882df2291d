/*
 * mach_vm_map and vm_map.
 *
 * What is mapped: zeroed private memory (no object, or a dead one, Mach 2.5); a memory entry, shared, piece by piece
 * (vm_parts.h); or a copy of an entry, as of now. The copy is made at once: the pages of a file cannot be shared copy on
 * write with somebody who goes on writing to it.
 *
 * The checks come in XNU's order (Mach 2.1 to 2.10): the rights named, flags, protections, inheritance, sizes, the kind
 * of object, its rights, its bounds, alignment, and last the address. Flags that only advise have no effect, as in
 * vm_call.c.
 */
#include "entry.h"
#include "space.h"
#include "vm_copy.h"
#include "vm_parts.h"

#include <mach/mach_vm.h>
#include <mach/vm_map.h>
#include <mach/vm_statistics.h>
#include <sys/mman.h>

enum {
    MAP_FLAGS = VM_FLAGS_ANYWHERE | VM_FLAGS_PURGABLE | VM_FLAGS_4GB_CHUNK | VM_FLAGS_RANDOM_ADDR | VM_FLAGS_NO_CACHE |
                VM_FLAGS_PERMANENT | VM_FLAGS_TPRO | VM_FLAGS_OVERWRITE | VM_FLAGS_RETURN_DATA_ADDR |
                VM_FLAGS_RETURN_4K_DATA_ADDR,
    RETURN_FLAGS = VM_FLAGS_RETURN_DATA_ADDR | VM_FLAGS_RETURN_4K_DATA_ADDR,
    WHOLE_FLAGS = VM_FLAGS_ANYWHERE | VM_FLAGS_OVERWRITE | RETURN_FLAGS /* what an ENTRY_WHOLE may be mapped with */
};

/* A call's arguments. */
struct arguments {
    mach_vm_address_t address;
    mach_vm_size_t size;
    mach_vm_offset_t mask;
    int flags;
    memory_object_offset_t offset;
    bool copy;
    vm_prot_t current, max;
    vm_inherit_t inherit;
};

static kern_return_t check_attributes(struct arguments *arguments)
{
    const vm_prot_t known = VM_PROT_ALL | VM_PROT_IS_MASK;
    unsigned flags = (unsigned)arguments->flags & ~(unsigned)VM_FLAGS_ALIAS_MASK;

    if ((flags & ~(unsigned)MAP_FLAGS) != 0)
        return KERN_INVALID_ARGUMENT;
    if ((arguments->current & ~known) != 0 || (arguments->max & ~known) != 0)
        return KERN_INVALID_ARGUMENT;
    if (arguments->inherit > VM_INHERIT_LAST_VALID)
        return KERN_INVALID_ARGUMENT;
    arguments->current &= arguments->max;
    return KERN_SUCCESS;
}

/* The pages asked for. A fixed address counts from the page it is in; any other is a hint. */
static kern_return_t check_size(const struct arguments *arguments, struct vm_request *request)
{
    uint64_t start = page_floor(arguments->address);

    request->address = start;
    request->size = page_ceiling(arguments->size);
    if (request->size == 0)
        return KERN_INVALID_ARGUMENT;
    if (arguments->flags & VM_FLAGS_ANYWHERE)
        return KERN_SUCCESS;
    uint64_t end = page_ceiling(start + arguments->size);
    if (start + arguments->size < start || end <= start)
        return KERN_INVALID_ARGUMENT;
    request->size = end - start;
    return KERN_SUCCESS;
}

/* A protection given as a mask takes what the entry allows; any other must be within it (Mach 2.7). */
static kern_return_t check_rights(const struct memory_entry *entry, struct arguments *arguments)
{
    if (arguments->max & VM_PROT_IS_MASK)
        arguments->max &= entry->attributes.protection;
    if (arguments->current & VM_PROT_IS_MASK)
        arguments->current &= entry->attributes.protection;
    if ((arguments->max & ~entry->attributes.protection) != 0 ||
        (arguments->current & ~entry->attributes.protection) != 0)
        return KERN_INVALID_RIGHT;
    arguments->current &= arguments->max;
    return KERN_SUCCESS;
}

/* What of an entry is mapped. */
struct choice {
    struct entry_piece pieces[ENTRY_PIECES];
    size_t count;
    uint64_t skip; /* how far into the first page the data begins, for VM_FLAGS_RETURN_DATA_ADDR */
};

static kern_return_t choose_pieces(const struct memory_entry *entry, const struct arguments *arguments,
                                   struct vm_request *request, struct choice *choice)
{
    const struct entry_attributes *attributes = &entry->attributes;
    bool by_data = arguments->flags & RETURN_FLAGS;
    uint64_t offset = arguments->offset + (by_data ? attributes->data : 0), size = arguments->size;

    if (offset < arguments->offset || offset + size < offset || page_ceiling(offset + size) < offset)
        return KERN_INVALID_ARGUMENT;
    if (offset > entry->size || size > entry->size - offset)
        return KERN_INVALID_ARGUMENT;
    choice->skip = by_data ? offset & vm_page_mask : 0;
    choice->count = entry_pieces(entry, choice->pieces);
    if (attributes->kind == ENTRY_WHOLE) {
        if (((unsigned)arguments->flags & ~(unsigned)VM_FLAGS_ALIAS_MASK & ~(unsigned)WHOLE_FLAGS) != 0)
            return KERN_INVALID_ARGUMENT;
        request->size = entry->size;
        return KERN_SUCCESS;
    }
    if (by_data)
        request->size = page_ceiling(choice->skip + size);
    else if ((offset & vm_page_mask) != 0)
        return KERN_INVALID_ARGUMENT;
    choice->pieces[0].offset += page_floor(offset);
    choice->pieces[0].size = request->size;
    return KERN_SUCCESS;
}

/* A copy of a piece is private memory, or, to be shared with children, a file of its own. */
static kern_return_t take_piece(const struct entry_piece *piece, const struct arguments *arguments,
                                struct vm_part *part)
{
    struct vm_content *content = &part->content;

    *part = (struct vm_part){.size = piece->size,
                             .content = {.protection = arguments->current & VM_PROT_ALL},
                             .max = arguments->max & VM_PROT_ALL};
    if (arguments->copy && arguments->inherit == VM_INHERIT_SHARE)
        return vm_file_copy(piece->file, piece->offset, piece->size, &content->file);
    if (arguments->copy) {
        content->copy = vm_copy_file(piece->file, piece->offset, piece->size, content->protection);
        return content->copy != NULL ? KERN_SUCCESS : KERN_RESOURCE_SHORTAGE;
    }
    content->file = piece->file;
    content->offset = piece->offset;
    vm_file_hold(content->file);
    return KERN_SUCCESS;
}

static kern_return_t map_pieces(const struct choice *choice, const struct arguments *arguments,
                                struct vm_request *request)
{
    struct vm_parts parts;
    kern_return_t kr = vm_parts_room(&parts, choice->count);

    if (kr != KERN_SUCCESS)
        return kr;
    for (size_t i = 0; i < choice->count && kr == KERN_SUCCESS; i++) {
        kr = take_piece(&choice->pieces[i], arguments, &parts.part[i]);
        parts.count += kr == KERN_SUCCESS;
    }
    if (kr == KERN_SUCCESS)
        kr = vm_parts_put(&parts, request);
    vm_parts_free(&parts);
    return kr;
}

static kern_return_t map_object(struct mach_object *object, struct arguments *arguments, mach_vm_address_t *address)
{
    struct memory_entry *entry = object != NULL ? entry_of(object) : NULL;
    struct vm_request request = {.mask = arguments->mask, .flags = arguments->flags};
    struct choice choice = {.skip = 0};
    kern_return_t kr = check_size(arguments, &request);

    if (kr == KERN_SUCCESS && object != NULL && entry == NULL)
        kr = arguments->offset + arguments->size < arguments->offset ? KERN_INVALID_ARGUMENT : KERN_INVALID_OBJECT;
    if (kr == KERN_SUCCESS && entry != NULL)
        kr = check_rights(entry, arguments);
    if (kr == KERN_SUCCESS && entry != NULL)
        kr = choose_pieces(entry, arguments, &request, &choice);
    if (kr != KERN_SUCCESS)
        return kr;
    request.content.protection = arguments->current & VM_PROT_ALL;
    request.max = arguments->max & VM_PROT_ALL;
    request.inherit = arguments->inherit;
    vm_table_lock();
    kr = entry != NULL ? map_pieces(&choice, arguments, &request) : vm_request_map(&request);
    vm_table_unlock();
    if (kr == KERN_SUCCESS)
        *address = request.address + choice.skip;
    return kr;
}

kern_return_t mach_vm_map(vm_map_t target, mach_vm_address_t *address, mach_vm_size_t size, mach_vm_offset_t mask,
                          int flags, mem_entry_name_port_t object, memory_object_offset_t offset, boolean_t copy,
                          vm_prot_t cur_protection, vm_prot_t max_protection, vm_inherit_t inheritance)
{
    struct arguments arguments = {*address,  size,           mask,           flags,      offset,
                                  copy != 0, cur_protection, max_protection, inheritance};
    struct mach_object *held;
    kern_return_t kr = space_check_task(target);

    if (kr == KERN_SUCCESS)
        kr = entry_hold_argument(object, &held);
    if (kr != KERN_SUCCESS)
        return kr;
    kr = check_attributes(&arguments);
    if (kr == KERN_SUCCESS)
        kr = map_object(held, &arguments, address);
    if (held != NULL)
        object_drop(held);
    return kr;
}

kern_return_t vm_map(vm_map_t target, vm_address_t *address, vm_size_t size, vm_address_t mask, int flags,
                     mem_entry_name_port_t object, vm_offset_t offset, boolean_t copy, vm_prot_t cur_protection,
                     vm_prot_t max_protection, vm_inherit_t inheritance)
{
    mach_vm_address_t wide = *address;
    kern_return_t kr = mach_vm_map(target, &wide, size, mask, flags, object, offset, copy, cur_protection,
                                   max_protection, inheritance);

    if (kr == KERN_SUCCESS)
        *address = (vm_address_t)wide;
    return kr;
}
