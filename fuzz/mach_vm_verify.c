/*
 * What is, against what the model says: the kernel's list of mappings for protections, /proc/self/mem for contents (which shows
 * also what may not be read), and the names' references.
 */
#include "mach_vm.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define HEX(value) ((unsigned long long)(value))

enum { LINE = 8192, UNMAPPED = -1 };

/* ---- protections ---- */

/* A line of /proc/self/maps: the protection goes to the window's pages within it. False beyond the window. */
static bool take_line(const struct map *map, const char *line, vm_prot_t protections[CELLS])
{
    unsigned long long start, end;
    char letters[5];

    if (sscanf(line, "%llx-%llx %4s", &start, &end, letters) != 3)
        abort();
    struct cells cells = map_cells(map, start, end);
    for (size_t i = cells.first; i < cells.end; i++)
        protections[i] = (letters[0] == 'r' ? VM_PROT_READ : 0) | (letters[1] == 'w' ? VM_PROT_WRITE : 0) |
                         (letters[2] == 'x' ? VM_PROT_EXECUTE : 0);
    return start < map_address(map, CELLS);
}

static void read_protections(const struct map *map, vm_prot_t protections[CELLS])
{
    char line[LINE];
    FILE *maps = fopen("/proc/self/maps", "re");

    if (maps == NULL)
        abort();
    for (size_t i = 0; i < CELLS; i++)
        protections[i] = UNMAPPED;
    while (fgets(line, sizeof line, maps) != NULL && take_line(map, line, protections))
        ;
    fclose(maps);
}

/* ---- contents ---- */

static void verify_page(const struct world *world, size_t cell, const unsigned char *bytes)
{
    static const unsigned char zeroes[65536];
    uint64_t stamp = world->map.page[cell].content->stamp, first, last;

    memcpy(&first, bytes, sizeof first);
    memcpy(&last, bytes + PAGE - sizeof last, sizeof last);
    if (PAGE > sizeof zeroes || memcmp(bytes + sizeof first, zeroes, PAGE - sizeof first - sizeof last) != 0)
        wrong(world, "page %zu holds something between its first and its last word", cell);
    if (first != stamp || last != stamp)
        wrong(world, "page %zu holds %llu ... %llu, expected %llu", cell, HEX(first), HEX(last), HEX(stamp));
}

static void verify_contents(const struct world *world)
{
    static unsigned char *bytes;
    const struct page *page = world->map.page;

    if (bytes == NULL && (bytes = malloc(CELLS * PAGE)) == NULL)
        abort();
    for (size_t i = 0, end; i < CELLS; i = end) {
        for (end = i + 1; end < CELLS && (page[end].content != NULL) == (page[i].content != NULL); end++)
            ;
        if (page[i].content == NULL)
            continue;
        ssize_t size = (ssize_t)((end - i) * PAGE);
        if (pread(world->memory, bytes, (size_t)size, (off_t)map_address(&world->map, i)) != size)
            wrong(world, "pages %zu to %zu cannot be looked at", i, end);
        for (size_t cell = i; cell < end; cell++)
            verify_page(world, cell, bytes + (cell - i) * PAGE);
    }
}

static void verify_names(const struct world *world)
{
    for (size_t i = 0; i < NAMES; i++) {
        const struct held *held = &world->names.held[i];
        mach_port_type_t type = MACH_PORT_TYPE_NONE;
        if (held->kind == HELD_NOTHING)
            continue;
        if (mach_port_type(mach_task_self(), held->name, &type) != KERN_SUCCESS || type != held_type(held))
            wrong(world, "%#x is of type %#x, expected %#x", held->name, type, held_type(held));
        for (mach_port_right_t right = 0; right <= MACH_PORT_RIGHT_DEAD_NAME; right++) {
            mach_port_urefs_t references = UNTOUCHED;
            if (mach_port_get_refs(mach_task_self(), held->name, right, &references) != KERN_SUCCESS ||
                references != names_references(held, right))
                wrong(world, "%#x has %u references of right %u, expected %u", held->name, references, right,
                      names_references(held, right));
        }
    }
}

void verify(const struct world *world)
{
    vm_prot_t protections[CELLS];

    read_protections(&world->map, protections);
    for (size_t i = 0; i < CELLS; i++) {
        const struct page *page = &world->map.page[i];
        vm_prot_t expected = page->content != NULL ? page->current : UNMAPPED;
        if (protections[i] != expected)
            wrong(world, "page %zu has protection %d, expected %d (%d: not mapped)", i, protections[i], expected,
                  UNMAPPED);
    }
    verify_contents(world);
    verify_names(world);
}

/* ---- maximum protections ---- */

static void verify_limit(struct world *world, struct cells cells, vm_prot_t max)
{
    uint64_t address = map_address(&world->map, cells.first), size = (cells.end - cells.first) * PAGE;

    for (vm_prot_t more = VM_PROT_READ; more <= VM_PROT_EXECUTE; more <<= 1) {
        say(world, "mach_vm_protect(%#llx, %#llx, FALSE, %#x), its maximum being %#x", HEX(address), HEX(size),
            (unsigned)more, (unsigned)max);
        if (!(max & more))
            expect_code(world, KERN_PROTECTION_FAILURE, mach_vm_protect(mach_task_self(), address, size, FALSE, more));
    }
    say(world, "mach_vm_protect(%#llx, %#llx, FALSE, %#x), its maximum", HEX(address), HEX(size), (unsigned)max);
    expect_code(world, KERN_SUCCESS, mach_vm_protect(mach_task_self(), address, size, FALSE, max));
    for (size_t i = cells.first; i < cells.end; i++)
        world->map.page[i].current = max;
}

void verify_limits(struct world *world)
{
    const struct page *page = world->map.page;

    for (size_t i = 0, end; i < CELLS; i = end) {
        for (end = i + 1; end < CELLS && page[end].content != NULL && page[end].max == page[i].max;)
            end++;
        if (page[i].content != NULL)
            verify_limit(world, (struct cells){i, end}, page[i].max);
    }
    verify(world);
}
