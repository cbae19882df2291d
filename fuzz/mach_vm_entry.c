/* mach_make_memory_entry_64 (Mach 3). */
#include "mach_vm.h"

#include <mach/memory_object_types.h>
#include <stdlib.h>

#define HEX(value) ((unsigned long long)(value))

static const int USER_FLAGS = MAP_MEM_LEDGER_TAGGED | MAP_MEM_PURGABLE_KERNEL_ONLY | MAP_MEM_GRAB_SECLUDED |
                              MAP_MEM_ONLY | MAP_MEM_NAMED_CREATE | MAP_MEM_PURGABLE | MAP_MEM_NAMED_REUSE |
                              MAP_MEM_USE_DATA_ADDR | MAP_MEM_VM_COPY | MAP_MEM_VM_SHARE | MAP_MEM_4K_DATA_ADDR;

enum kind { KIND_NO_RIGHT, KIND_FRESH, KIND_CHILD, KIND_PLAIN, KIND_SHARE, KIND_COPY };

struct making {
    uint64_t size, offset, start, end;
    int permission;
    mach_port_name_t parent_name;
    vm_prot_t protection;
    bool is_mask, reuse;
    enum kind kind;
    const struct held *parent; /* NULL: no entry */
    struct cells cells;
    struct extent extent; /* KIND_PLAIN: how much it may cover */
};

static struct making take_making(struct world *world)
{
    static const int kinds[] = {0,
                                0,
                                MAP_MEM_NAMED_CREATE,
                                MAP_MEM_VM_COPY,
                                MAP_MEM_VM_SHARE,
                                MAP_MEM_NAMED_REUSE,
                                MAP_MEM_ONLY,
                                MAP_MEM_VM_COPY | MAP_MEM_VM_SHARE,
                                MAP_MEM_NAMED_CREATE | MAP_MEM_VM_SHARE,
                                MAP_MEM_USE_DATA_ADDR,
                                MAP_MEM_VM_SHARE | MAP_MEM_USE_DATA_ADDR,
                                0x100,
                                0x1000,
                                MAP_MEM_VM_SHARE | 0x800,
                                MAP_MEM_NAMED_REUSE | MAP_MEM_VM_SHARE,
                                0x03000000};
    struct making making = {.parent_name = MACH_PORT_NULL};
    uint64_t choice = take(world, 1);

    making.permission = (choice & 128 ? VM_PROT_IS_MASK : 0) | kinds[choice < 192 ? choice % 6 : choice % 16];
    making.permission |= (vm_prot_t)((choice & 8 ? take(world, 1) : VM_PROT_DEFAULT) & 0xbf);
    if (choice & 16)
        making.parent_name = take_object(world);
    making.offset = choice & 32 ? take(world, 1) % 4 * PAGE : take_address(world);
    making.size = choice & 64 ? (1 + take(world, 1) % 4) * PAGE : take_size(world, making.offset);
    const struct held *parent = names_find(&world->names, making.parent_name);
    if (parent != NULL && parent->entry != NULL && (choice & 32)) { /* a part that it has */
        size_t first = making.offset / PAGE % parent->entry->pages;
        making.offset = first * PAGE;
        making.size = (parent->entry->pages - first) * PAGE - making.size % PAGE;
        making.permission &= ~VM_PROT_ALL | parent->entry->protection;
    }
    making.protection = making.permission & VM_PROT_ALL;
    making.is_mask = making.permission & VM_PROT_IS_MASK;
    return making;
}

/* ---- what must come ---- */

static bool by_data(const struct making *making)
{
    return making->permission & (MAP_MEM_USE_DATA_ADDR | MAP_MEM_4K_DATA_ADDR);
}

/* What is told of so many bytes covered: with USE_DATA_ADDR, those from the data on. */
static uint64_t told(const struct making *making, uint64_t covered)
{
    return by_data(making) && covered != 0 ? covered - making->offset % PAGE : covered;
}

static kern_return_t fresh_code(struct making *making)
{
    making->kind = KIND_FRESH;
    if (making->size == 0) {
        making->kind = KIND_NO_RIGHT;
        making->start = making->end = 0;
        return KERN_SUCCESS;
    }
    if (!span_outward(making->offset, making->size, &making->start, &making->end))
        return KERN_INVALID_ARGUMENT;
    return (making->end - making->start) / PAGE > UINT32_MAX ? KERN_FAILURE : KERN_SUCCESS;
}

static kern_return_t child_code(struct making *making)
{
    const struct view_of_memory *parent = making->parent->entry;

    making->kind = KIND_CHILD;
    if (by_data(making)) {
        making->offset += parent->data;
        if (making->offset < parent->data)
            return KERN_INVALID_ARGUMENT;
    }
    if (making->size == 0 || !span_outward(making->offset, making->size, &making->start, &making->end) ||
        making->end > parent->pages * PAGE)
        return KERN_INVALID_ARGUMENT;
    if (making->is_mask)
        making->protection &= parent->protection;
    return (making->protection & ~parent->protection) != 0 ? KERN_PROTECTION_FAILURE : KERN_SUCCESS;
}

static vm_prot_t allowed(const struct map *map, struct cells cells)
{
    vm_prot_t protection = VM_PROT_ALL;

    for (size_t i = cells.first; i < cells.end; i++)
        protection &= map->page[i].current & map->page[i].max;
    return protection;
}

static kern_return_t rights_code(struct making *making, vm_prot_t granted)
{
    if (making->is_mask) {
        making->protection &= granted;
        return making->protection == VM_PROT_NONE ? KERN_PROTECTION_FAILURE : KERN_SUCCESS;
    }
    return (making->protection & ~granted) != 0 ? KERN_PROTECTION_FAILURE : KERN_SUCCESS;
}

/* Does this entry stand for what a plain one over these pages would? */
static bool is_same(const struct map *map, const struct making *making)
{
    const struct page *first = &map->page[making->cells.first];
    const struct view_of_memory *entry = making->parent->entry;

    return entry->home[0].object == first->object && entry->home[0].index == first->index &&
           entry->data == (by_data(making) ? making->offset % PAGE : 0) &&
           (making->protection & ~entry->protection) == 0 && entry->pages >= making->extent.least &&
           entry->pages <= making->extent.most;
}

static kern_return_t memory_code(const struct map *map, struct making *making)
{
    int flags = making->permission;
    bool covered;

    if (making->size == 0 || !span_outward(making->offset, making->size, &making->start, &making->end))
        return KERN_INVALID_ARGUMENT;
    making->kind = flags & MAP_MEM_VM_COPY ? KIND_COPY : flags & MAP_MEM_VM_SHARE ? KIND_SHARE : KIND_PLAIN;
    making->cells = map_cells(map, making->start, making->end);
    covered = map_covers(map, making->start, making->kind == KIND_PLAIN ? making->start + PAGE : making->end);
    if (!covered)
        return KERN_INVALID_ADDRESS;
    if (making->kind == KIND_COPY)
        return allowed(map, making->cells) & VM_PROT_READ ? KERN_SUCCESS : KERN_PROTECTION_FAILURE;
    if (making->kind == KIND_SHARE)
        return rights_code(making, allowed(map, making->cells));
    making->extent = map_extent(map, making->cells);
    making->reuse = (flags & MAP_MEM_NAMED_REUSE) && making->parent != NULL;
    return rights_code(making, allowed(map, (struct cells){making->cells.first, making->cells.first + 1}));
}

/* The first that matches decides (Mach 3.2, 3.3). */
static kern_return_t making_code(struct world *world, struct making *making)
{
    struct held *parent;
    kern_return_t code = names_task_code(&world->names, world->task);
    int flags = making->permission;

    if (code == KERN_SUCCESS)
        code = names_argument(&world->names, making->parent_name, &parent);
    if (code != KERN_SUCCESS)
        return code;
    making->parent = parent != NULL && parent->kind == HELD_ENTRY ? parent : NULL;
    if (making->parent != NULL && parent->entry->whole)
        return KERN_INVALID_ARGUMENT;
    if ((flags & MAP_MEM_FLAGS_MASK & ~USER_FLAGS) != 0)
        return KERN_INVALID_VALUE;
    if ((wide_t)making->offset + making->size > UINT64_MAX)
        return KERN_INVALID_ARGUMENT;
    if (flags & MAP_MEM_ONLY) {
        making->end = making->size;
        return making->parent != NULL ? KERN_SUCCESS : KERN_INVALID_ARGUMENT;
    }
    if (flags & MAP_MEM_NAMED_CREATE)
        return fresh_code(making);
    if (making->parent == NULL || (flags & (MAP_MEM_VM_COPY | MAP_MEM_VM_SHARE | MAP_MEM_NAMED_REUSE)))
        return memory_code(&world->map, making);
    return child_code(making);
}

/* ---- what came ---- */

static struct view_of_memory *add_entry(struct world *world, mach_port_name_t name, size_t pages)
{
    struct held *held = names_find(&world->names, name);
    struct view_of_memory *entry = calloc(1, sizeof *entry);

    if (held != NULL || !MACH_PORT_VALID(name))
        wrong(world, "the name %#x is not new", name);
    if (entry == NULL)
        abort();
    entry->pages = pages;
    names_add(&world->names, name, HELD_ENTRY)->entry = entry;
    return entry;
}

/* The entry's view of each file, which may be narrower than the one it was made from. */
static void narrow(struct map *map, struct view_of_memory *entry, vm_prot_t protection)
{
    uint32_t wide = 0, narrowed = 0;

    entry->protection = protection;
    for (size_t i = 0; i < entry->pages; i++) {
        if (i == 0 || entry->home[i].file != wide) {
            wide = entry->home[i].file;
            narrowed = map_narrow(map, wide, protection);
        }
        entry->home[i].file = narrowed;
    }
}

/* Over pages of the window, which are shared with it. */
static void add_shared(struct world *world, const struct making *making, mach_port_name_t name, size_t pages)
{
    struct map *map = &world->map;
    struct view_of_memory *entry = add_entry(world, name, pages);
    const struct page *first = &map->page[making->cells.first];

    for (size_t i = 0; i < pages; i++) {
        entry->content[i] = content_hold(first[i].content);
        entry->home[i] = (struct home){first[i].object, first[i].index, first[i].file};
    }
    entry->whole = making->kind == KIND_SHARE;
    entry->loose = map_is_loose(map, (struct cells){making->cells.first, making->cells.first + pages});
    narrow(map, entry, making->protection);
}

/* Over memory of its own: zeroes, or what these pages hold now. */
static void add_own(struct world *world, const struct making *making, mach_port_name_t name, const struct page *from)
{
    struct map *map = &world->map;
    struct view_of_memory *entry = add_entry(world, name, (making->end - making->start) / PAGE);
    struct home home = {map_new_object(map), 0, map_new_file(map)};

    for (size_t i = 0; i < entry->pages; i++, home.index++) {
        entry->content[i] = content_new(from != NULL ? from[i].content->stamp : 0);
        entry->home[i] = home;
    }
    entry->whole = making->kind == KIND_COPY;
    narrow(map, entry, making->protection);
}

static void add_child(struct world *world, const struct making *making, mach_port_name_t name)
{
    const struct view_of_memory *parent = making->parent->entry;
    struct view_of_memory *entry = add_entry(world, name, (making->end - making->start) / PAGE);
    size_t first = making->start / PAGE;

    for (size_t i = 0; i < entry->pages; i++) {
        entry->content[i] = content_hold(parent->content[first + i]);
        entry->home[i] = parent->home[first + i];
    }
    entry->loose = parent->loose;
    narrow(&world->map, entry, making->protection);
}

/* A plain entry, as long as its memory is one object (Mach 3.5); or its parent again (3.15). */
static void add_plain(struct world *world, const struct making *making, mach_port_name_t name, uint64_t covered)
{
    struct map *map = &world->map;
    struct held *known = names_find(&world->names, name);
    size_t pages = covered / PAGE, first = making->cells.first;
    bool may_reuse = making->reuse && is_same(map, making), loose = map_is_loose(map, making->cells);

    if (covered % PAGE != 0 || pages < making->extent.least || pages > making->extent.most)
        wrong(world, "it covers %#llx, expected %#llx to %#llx", HEX(covered), HEX(making->extent.least * PAGE),
              HEX(making->extent.most * PAGE));
    if (may_reuse && known == making->parent && pages == known->entry->pages) {
        names_add_reference(known);
        return;
    }
    if (may_reuse && making->extent.least == making->extent.most && !loose && !known && !making->parent->entry->loose)
        wrong(world, "the parent %#x is the same, but was not used again", making->parent_name);
    map_share_object(map, (struct cells){first, first + pages});
    add_shared(world, making, name, pages);
}

/* Any pieces will do, up to 64 of them. */
static void judge_share(struct world *world, const struct making *making, kern_return_t kr, mach_port_name_t name)
{
    enum { PIECES = 64 };
    struct map *map = &world->map;
    size_t pages = making->cells.end - making->cells.first, pieces;

    map_share(map, making->cells);
    pieces = map_is_loose(map, making->cells) ? pages : map_pieces(map, making->cells);
    if (pieces <= PIECES || kr != KERN_RESOURCE_SHORTAGE)
        expect_code(world, KERN_SUCCESS, kr);
    if (kr == KERN_SUCCESS)
        add_shared(world, making, name, pages);
}

void call_make_entry(struct world *world)
{
    struct making making = take_making(world);
    memory_object_size_t size = making.size;
    mach_port_name_t name = UNTOUCHED;
    kern_return_t code = making_code(world, &making);

    say(world, "mach_make_memory_entry_64(%#x, %#llx, offset %#llx, %#x, parent %#x)", world->task, HEX(making.size),
        HEX(making.offset), (unsigned)making.permission, making.parent_name);
    if (!names_have_room(&world->names) || (code == KERN_SUCCESS && (making.end - making.start) / PAGE > ENTRY_PAGES &&
                                            making.kind != KIND_PLAIN && making.kind != KIND_NO_RIGHT))
        return;
    kern_return_t kr =
        mach_make_memory_entry_64(world->task, &size, making.offset, making.permission, &name, making.parent_name);
    if (kr != KERN_SUCCESS) {
        expect_value(world, "size", making.size, size);
        expect_value(world, "handle", UNTOUCHED, name);
    }
    if (code == KERN_SUCCESS && making.kind == KIND_SHARE)
        judge_share(world, &making, kr, name);
    else
        expect_code(world, code, kr);
    if (kr != KERN_SUCCESS)
        return;
    if (making.kind != KIND_PLAIN)
        expect_value(world, "size", told(&making, making.end - making.start), size);
    if (making.kind == KIND_NO_RIGHT)
        expect_value(world, "handle", MACH_PORT_NULL, name);
    else if (making.kind == KIND_PLAIN)
        add_plain(world, &making, name, by_data(&making) ? size + making.offset % PAGE : size);
    else if (making.kind == KIND_COPY)
        add_own(world, &making, name, &world->map.page[making.cells.first]);
    else if (making.kind == KIND_FRESH)
        add_own(world, &making, name, NULL);
    else if (making.kind == KIND_CHILD)
        add_child(world, &making, name);
    struct held *made = names_find(&world->names, name);
    if (made != NULL && made != making.parent && by_data(&making))
        made->entry->data = making.offset % PAGE;
}
