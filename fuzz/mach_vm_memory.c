/* The calls on the address map: allocate, deallocate, protect, inherit, map; and a plain store. */
#include "mach_vm.h"

#include <sys/mman.h>

#define HEX(value) ((unsigned long long)(value))

/* ---- store ---- */

/* Into the first and the last word of a page, if it may be written. */
static void store_to(struct world *world, size_t cell)
{
    struct page *page = &world->map.page[cell];
    volatile uint64_t *word = (volatile uint64_t *)(uintptr_t)map_address(&world->map, cell);

    if (page->content == NULL || !(page->current & VM_PROT_WRITE))
        return;
    page->content->stamp = ++world->stamp;
    word[0] = word[PAGE / sizeof *word - 1] = world->stamp;
}

void store(struct world *world)
{
    size_t cell = map_mapped(&world->map, (size_t)take(world, 1));

    say(world, "a store at %#llx", HEX(map_address(&world->map, cell)));
    store_to(world, cell);
}

/* ---- what allocate and map share ---- */

static const int ADVICE = VM_FLAGS_PURGABLE | VM_FLAGS_4GB_CHUNK | VM_FLAGS_RANDOM_ADDR | VM_FLAGS_NO_CACHE |
                          VM_FLAGS_PERMANENT | VM_FLAGS_TPRO;
static const int RETURN_FLAGS = VM_FLAGS_RETURN_DATA_ADDR | VM_FLAGS_RETURN_4K_DATA_ADDR;

static bool only(int flags, int known)
{
    return ((unsigned)flags & ~(unsigned)VM_FLAGS_ALIAS_MASK & ~(unsigned)known) == 0;
}

/* New memory that the model does not follow, or not all of: it goes at once, also when it is permanent. */
static void discard(struct world *world, uint64_t address, uint64_t size, int flags)
{
    if (flags & VM_FLAGS_PERMANENT) {
        mach_vm_address_t again = address;
        munmap((void *)(uintptr_t)address, size);
        expect_code(world, KERN_SUCCESS, mach_vm_allocate(mach_task_self(), &again, size, VM_FLAGS_FIXED));
    }
    expect_code(world, KERN_SUCCESS, mach_vm_deallocate(mach_task_self(), address, size));
    map_unmap(&world->map, map_cells(&world->map, address, address + size));
}

/* New memory: how much and what, and where it has to go. */
struct fresh {
    struct place place;
    bool placed; /* else the call fails before it looks for a place, or needs none */
    uint64_t size;
    uint64_t mask, hint;
    int flags;
    struct page like;
    enum how how;
    struct content *const *content;
    const struct home *home;
};

/* Would the call change memory that is not the window's, or may be? */
static bool is_reckless(const struct map *map, const struct fresh *fresh)
{
    return fresh->placed && !(fresh->flags & VM_FLAGS_ANYWHERE) && fresh->place.code != KERN_INVALID_ADDRESS &&
           !map_knows(map, fresh->place.address, fresh->place.address + fresh->size);
}

static void settle(struct world *world, const struct fresh *fresh, kern_return_t kr, uint64_t got)
{
    struct map *map = &world->map;
    struct cells cells = map_cells(map, fresh->place.address, fresh->place.address + fresh->size);

    if (fresh->place.sure || (kr != KERN_SUCCESS && kr != KERN_NO_SPACE))
        expect_code(world, fresh->place.code, kr);
    if (kr != KERN_SUCCESS) {
        if (kr == KERN_NO_SPACE && !(fresh->flags & VM_FLAGS_ANYWHERE) && (fresh->flags & VM_FLAGS_OVERWRITE) &&
            (fresh->place.address & fresh->mask) == 0)
            map_lock_out(map, cells);
        return;
    }
    if (fresh->place.sure)
        expect_value(world, "address", fresh->place.address, got);
    if (got % PAGE != 0 || (got & fresh->mask) != 0 || got < page_floor(fresh->hint))
        wrong(world, "address %#llx is not what was asked for", HEX(got));
    cells = map_cells(map, got, got + fresh->size);
    if ((cells.end - cells.first) * PAGE != fresh->size) {
        discard(world, got, fresh->size, fresh->flags);
        return;
    }
    map_enter(map, cells, &fresh->like, fresh->how, fresh->content, fresh->home);
    if (fresh->how != HOW_ZERO) { /* whose memory it is, shows at once */
        store_to(world, cells.first);
        store_to(world, cells.end - 1);
    }
}

/* ---- allocate ---- */

static kern_return_t allocate_code(struct world *world, uint64_t address, uint64_t size, int flags, struct fresh *fresh)
{
    kern_return_t code = names_task_code(&world->names, world->task);
    uint64_t start, end;

    if (code != KERN_SUCCESS)
        return code;
    if (!only(flags, ADVICE | VM_FLAGS_ANYWHERE | VM_FLAGS_OVERWRITE))
        return KERN_INVALID_ARGUMENT;
    fresh->size = page_ceiling(size);
    if (size == 0)
        return KERN_SUCCESS;
    if (flags & VM_FLAGS_ANYWHERE) {
        if (fresh->size == 0)
            return KERN_INVALID_ARGUMENT;
        address = 0;
    } else if (!span_outward(page_floor(address), size, &start, &end)) {
        return fresh->size != 0 ? KERN_INVALID_ADDRESS : KERN_INVALID_ARGUMENT;
    }
    fresh->placed = true;
    fresh->place = map_place(&world->map, address, fresh->size, 0, flags);
    return fresh->place.code;
}

void call_allocate(struct world *world)
{
    int flags = take_flags(world);
    uint64_t address = take_address(world), size = take_size(world, address);
    struct fresh fresh = {.flags = flags,
                          .like = {.current = VM_PROT_DEFAULT,
                                   .max = VM_PROT_ALL,
                                   .inherit = VM_INHERIT_DEFAULT,
                                   .object = map_new_object(&world->map),
                                   .permanent = flags & VM_FLAGS_PERMANENT}};
    kern_return_t code = allocate_code(world, address, size, flags, &fresh);
    mach_vm_address_t got = address;

    say(world, "mach_vm_allocate(%#x, %#llx, %#llx, %#x)", world->task, HEX(address), HEX(size), (unsigned)flags);
    if (is_reckless(&world->map, &fresh))
        return;
    kern_return_t kr = mach_vm_allocate(world->task, &got, size, flags);
    if (fresh.placed)
        settle(world, &fresh, kr, got);
    else
        expect_code(world, code, kr);
    if (kr != KERN_SUCCESS)
        expect_value(world, "address", address, got);
    else if (size == 0)
        expect_value(world, "address", 0, got);
}

/* ---- deallocate, protect, inherit ---- */

/* A range that may be passed on: what it touches is known, or it is none, or all of it is beyond the top. */
static uint64_t take_known_size(struct world *world, uint64_t address)
{
    uint64_t size = take_size(world, address), start, end;

    if (!span_outward(address, size, &start, &end) || map_knows(&world->map, start, end))
        return size;
    return size % 8 * PAGE;
}

/* Mach 1.10, 1.11, 4.2: what is outside of the map is a hole, and holes are nothing. */
void call_deallocate(struct world *world)
{
    uint64_t address = take_address(world), size = take_known_size(world, address), start = 0, end = 0;
    kern_return_t code = names_task_code(&world->names, world->task);

    if (code == KERN_SUCCESS && size != 0 && !span_outward(address, size, &start, &end))
        code = KERN_INVALID_ARGUMENT;
    say(world, "mach_vm_deallocate(%#x, %#llx, %#llx)", world->task, HEX(address), HEX(size));
    expect_code(world, code, mach_vm_deallocate(world->task, address, size));
    if (code == KERN_SUCCESS && size != 0)
        map_unmap(&world->map, map_cells(&world->map, start, end));
}

static kern_return_t protect_code(struct world *world, uint64_t address, uint64_t size, vm_prot_t protection,
                                  struct cells *cells)
{
    kern_return_t code = names_task_code(&world->names, world->task);
    vm_prot_t more = protection & VM_PROT_COPY ? VM_PROT_WRITE : VM_PROT_NONE;
    uint64_t start, end;

    if (code != KERN_SUCCESS || size == 0)
        return code;
    if ((protection & ~(VM_PROT_ALL | VM_PROT_COPY)) != 0)
        return KERN_INVALID_ARGUMENT;
    if (!span_outward(address, size, &start, &end))
        return (wide_t)address + size <= UINT64_MAX && page_floor(address) == 0 ? KERN_INVALID_ADDRESS
                                                                                : KERN_INVALID_ARGUMENT;
    if (!map_covers(&world->map, start, end))
        return KERN_INVALID_ADDRESS;
    *cells = map_cells(&world->map, start, end);
    for (size_t i = cells->first; i < cells->end; i++)
        if ((protection & VM_PROT_ALL & ~(world->map.page[i].max | more)) != 0)
            return KERN_PROTECTION_FAILURE;
    return KERN_SUCCESS;
}

/* Mach 1.14 to 1.16 */
void call_protect(struct world *world)
{
    struct map *map = &world->map;
    vm_prot_t protection = take_protection(world);
    boolean_t set_maximum = take(world, 1) % 4 == 3;
    uint64_t address = take_address(world), size = take_known_size(world, address);
    struct cells cells = {0, 0};
    kern_return_t code = protect_code(world, address, size, protection, &cells);

    say(world, "mach_vm_protect(%#x, %#llx, %#llx, %d, %#x)", world->task, HEX(address), HEX(size), set_maximum,
        (unsigned)protection);
    expect_code(world, code, mach_vm_protect(world->task, address, size, set_maximum, protection));
    if (code != KERN_SUCCESS || cells.first == cells.end)
        return;
    if (protection & VM_PROT_COPY)
        map_make_private(map, cells);
    for (size_t i = cells.first; i < cells.end; i++) {
        struct page *page = &map->page[i];
        if (set_maximum)
            page->max = protection & VM_PROT_ALL;
        page->current = set_maximum ? page->current & page->max : protection & VM_PROT_ALL;
    }
    if (set_maximum)
        map_cut(map, cells);
}

/* Mach 4.1, 4.2 */
void call_inherit(struct world *world)
{
    struct map *map = &world->map;
    uint64_t choice = take(world, 1);
    vm_inherit_t inherit = choice < 240 ? (vm_inherit_t)(choice % 3) : choice % 2 ? VM_INHERIT_DONATE_COPY : UINT32_MAX;
    uint64_t address = take_address(world), size = take_known_size(world, address), start = 0, end = 0;
    kern_return_t code = names_task_code(&world->names, world->task);

    if (code == KERN_SUCCESS && size != 0 &&
        (inherit > VM_INHERIT_LAST_VALID || !span_outward(address, size, &start, &end)))
        code = KERN_INVALID_ARGUMENT;
    say(world, "mach_vm_inherit(%#x, %#llx, %#llx, %#x)", world->task, HEX(address), HEX(size), inherit);
    expect_code(world, code, mach_vm_inherit(world->task, address, size, inherit));
    if (code != KERN_SUCCESS || size == 0)
        return;
    struct cells cells = map_cells(map, start, end);
    if (inherit == VM_INHERIT_SHARE)
        map_share(map, cells);
    for (size_t i = cells.first; i < cells.end; i++)
        if (map->page[i].content != NULL)
            map->page[i].inherit = inherit;
    map_cut(map, cells);
}

/* ---- map ---- */

struct mapping {
    uint64_t address, size, mask, offset;
    int flags;
    mach_port_name_t object;
    boolean_t copy;
    vm_prot_t current, max;
    vm_inherit_t inherit;
};

static uint64_t take_mask(struct world *world)
{
    const uint64_t masks[] = {
        1,          PAGE - 1,          2 * PAGE - 1, 4 * PAGE - 1, UINT64_C(0x1fffff),    5 * PAGE,
        UINT64_MAX, UINT64_C(1) << 62, PAGE + 0x801, 8 * PAGE - 1, UINT64_MAX - PAGE + 1, PAGE};
    uint64_t choice = take(world, 1);

    return choice < 192 ? 0 : masks[choice % (sizeof masks / sizeof *masks)];
}

/* A part that the entry has, as it may be mapped. */
static void fit(struct mapping *mapping, const struct view_of_memory *entry)
{
    size_t first = mapping->offset / PAGE % entry->pages;

    mapping->offset = entry->whole ? 0 : first * PAGE;
    mapping->size = (entry->pages - first) * PAGE;
    mapping->max = mapping->current = entry->protection;
}

static struct mapping take_mapping(struct world *world)
{
    struct mapping mapping = {.flags = take_flags(world)};
    const struct held *held;
    uint64_t choice;

    mapping.object = take_object(world);
    mapping.address = take_address(world);
    mapping.size = take_size(world, mapping.address);
    mapping.mask = take_mask(world);
    choice = take(world, 1);
    mapping.inherit = choice < 240 ? (vm_inherit_t)(choice % 3) : (vm_inherit_t)(choice - 200);
    mapping.copy = choice & 64 ? TRUE : FALSE;
    mapping.offset = take(world, 1);
    mapping.offset = mapping.offset < 128   ? mapping.offset % 8 * PAGE
                     : mapping.offset < 224 ? 0
                     : mapping.offset < 240 ? mapping.offset * 40
                                            : take_size(world, mapping.address);
    mapping.max = take_protection(world);
    mapping.current = take_protection(world);
    held = names_find(&world->names, mapping.object);
    if (held != NULL && held->entry != NULL && (choice & 32))
        fit(&mapping, held->entry);
    return mapping;
}

/* Of an entry: the rights, the part, and where it lies in its first page (Mach 2.7 to 2.10). */
static kern_return_t part_code(struct map *map, struct mapping *mapping, const struct view_of_memory *entry,
                               struct fresh *fresh, uint64_t *skip)
{
    bool by_data = mapping->flags & RETURN_FLAGS;
    uint64_t offset = mapping->offset + (by_data ? entry->data : 0);

    if (mapping->max & VM_PROT_IS_MASK)
        mapping->max &= entry->protection;
    if (mapping->current & VM_PROT_IS_MASK)
        mapping->current &= entry->protection;
    if (((mapping->max | mapping->current) & ~entry->protection) != 0)
        return KERN_INVALID_RIGHT;
    if (offset < mapping->offset || (wide_t)offset + mapping->size > entry->pages * PAGE)
        return KERN_INVALID_ARGUMENT;
    *skip = by_data ? offset % PAGE : 0;
    if (entry->whole) {
        if (!only(mapping->flags, VM_FLAGS_ANYWHERE | VM_FLAGS_OVERWRITE | RETURN_FLAGS))
            return KERN_INVALID_ARGUMENT;
        fresh->size = entry->pages * PAGE;
        offset = 0;
    } else if (by_data) {
        fresh->size = page_ceiling(*skip + mapping->size);
    } else if (offset % PAGE != 0) {
        return KERN_INVALID_ARGUMENT;
    }
    fresh->content = entry->content + offset / PAGE;
    fresh->how = mapping->copy ? HOW_COPY : HOW_SHARE;
    fresh->home = entry->home + offset / PAGE;
    /* A copy of what is one object is one. */
    fresh->like.loose = entry->loose && (entry->whole || !mapping->copy);
    if (mapping->copy)
        fresh->like.file = mapping->inherit == VM_INHERIT_SHARE ? map_new_file(map) : 0;
    return KERN_SUCCESS;
}

/* In XNU's order (Mach 2.1 to 2.14). */
static kern_return_t map_code(struct world *world, struct mapping mapping, struct fresh *fresh, uint64_t *skip)
{
    const vm_prot_t known = VM_PROT_ALL | VM_PROT_IS_MASK;
    struct map *map = &world->map;
    struct held *held;
    uint64_t start, end;
    kern_return_t code = names_task_code(&world->names, world->task);

    if (code == KERN_SUCCESS)
        code = names_argument(&world->names, mapping.object, &held);
    if (code != KERN_SUCCESS)
        return code;
    if (!only(mapping.flags, ADVICE | VM_FLAGS_ANYWHERE | VM_FLAGS_OVERWRITE | RETURN_FLAGS) ||
        ((mapping.current | mapping.max) & ~known) != 0 || mapping.inherit > VM_INHERIT_LAST_VALID)
        return KERN_INVALID_ARGUMENT;
    mapping.current &= mapping.max;
    fresh->size = page_ceiling(mapping.size);
    if (fresh->size == 0)
        return KERN_INVALID_ARGUMENT;
    if (!(mapping.flags & VM_FLAGS_ANYWHERE) && !span_outward(page_floor(mapping.address), mapping.size, &start, &end))
        return KERN_INVALID_ARGUMENT;
    if (held != NULL && held->kind != HELD_ENTRY)
        return (wide_t)mapping.offset + mapping.size > UINT64_MAX ? KERN_INVALID_ARGUMENT : KERN_INVALID_OBJECT;
    fresh->like.object = map_new_object(map);
    if (held != NULL)
        code = part_code(map, &mapping, held->entry, fresh, skip);
    else if (mapping.inherit == VM_INHERIT_SHARE)
        fresh->like.file = map_new_file(map);
    if (code != KERN_SUCCESS)
        return code;
    fresh->like.max = mapping.max & VM_PROT_ALL;
    fresh->like.current = mapping.current & mapping.max & VM_PROT_ALL;
    fresh->placed = true;
    fresh->place = map_place(map, mapping.address, fresh->size, mapping.mask, mapping.flags);
    return fresh->place.code;
}

void call_map(struct world *world)
{
    struct mapping mapping = take_mapping(world);
    struct fresh fresh = {.flags = mapping.flags,
                          .mask = mapping.mask,
                          .hint = mapping.address,
                          .like = {.inherit = mapping.inherit, .permanent = mapping.flags & VM_FLAGS_PERMANENT}};
    uint64_t skip = 0;
    mach_vm_address_t got = mapping.address;
    kern_return_t code = map_code(world, mapping, &fresh, &skip);

    say(world, "mach_vm_map(%#x, %#llx, %#llx, mask %#llx, flags %#x, object %#x, offset %#llx, copy %d, %#x, %#x, %u)",
        world->task, HEX(mapping.address), HEX(mapping.size), HEX(mapping.mask), (unsigned)mapping.flags,
        mapping.object, HEX(mapping.offset), mapping.copy, (unsigned)mapping.current, (unsigned)mapping.max,
        mapping.inherit);
    if (is_reckless(&world->map, &fresh))
        return;
    kern_return_t kr = mach_vm_map(world->task, &got, mapping.size, mapping.mask, mapping.flags, mapping.object,
                                   mapping.offset, mapping.copy, mapping.current, mapping.max, mapping.inherit);
    if (kr != KERN_SUCCESS)
        expect_value(world, "address", mapping.address, got);
    if (fresh.placed)
        settle(world, &fresh, kr, got - skip);
    else
        expect_code(world, code, kr);
}
