/*
 * The model of a task's address map: what each page of a window of it is, said in Mach's words and nothing else's.
 *
 * A page's memory is a counted content, so that whatever is one memory (an entry and its mappings, SHARE over a fork) is one
 * content, and a snapshot is a new one. What a content holds is one number, its stamp: 0 is the zeroed page.
 *
 * `object` and `index` are the VM object and the page's place in it, `file` the descriptor behind it, 0 for private memory. A plain
 * entry ends where they do not go on; how many pages that is, the library may decide within bounds: it never joins what it
 * once cut (`seam`: cut before this page, perhaps), and what it cut may have become another object later (`loose`). Memory
 * and protections are never in doubt.
 */
#ifndef FUZZ_MACH_VM_MAP_H
#define FUZZ_MACH_VM_MAP_H

#include <mach/mach.h>
#include <mach/mach_vm.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PAGE ((uint64_t)vm_page_size)

/* ARENA: pages whose addresses the input can name; CELLS: pages that the model follows, some of which only searches reach. */
enum { ARENA = 64, CELLS = 128 };

/* The bounds of the address space here. */
static const uint64_t SPACE_MIN = UINT64_C(0x10000);
static const uint64_t SPACE_TOP = UINT64_C(0x7ffffffff000);

__extension__ typedef unsigned __int128 wide_t;

struct content {
    uint32_t holders;
    uint64_t stamp;
};

struct content *content_new(uint64_t stamp);
struct content *content_hold(struct content *content);
void content_drop(struct content *content);

struct page {
    struct content *content; /* NULL: nothing is mapped */
    vm_prot_t current, max;
    vm_inherit_t inherit;
    uint32_t object, index, file;
    bool seam, loose, permanent;
};

/* Which page of which object this is, and the file that it lies in. */
struct home {
    uint32_t object, index, file;
};

struct map {
    uint64_t base, limit; /* from `base` to `limit` nobody but the calls under test maps anything */
    struct page page[CELLS];
    uint32_t last_object, last_file;
};

/* Pages [first, end) of the window. */
struct cells {
    size_t first, end;
};

uint32_t map_new_object(struct map *map);

/* Files are odd when read-only. A narrower view of a file is another descriptor, unless it is as narrow already. */
uint32_t map_new_file(struct map *map);
uint32_t map_narrow(struct map *map, uint32_t file, vm_prot_t protection);

uint64_t page_floor(uint64_t address);
/* 0 when it wraps. */
uint64_t page_ceiling(uint64_t address);

/* All pages a range touches. False when its end, or the end of its last page, is no address. */
bool span_outward(uint64_t address, uint64_t size, uint64_t *start, uint64_t *end);

/* What of [start, end) the model follows. */
struct cells map_cells(const struct map *map, uint64_t start, uint64_t end);
uint64_t map_address(const struct map *map, size_t cell);

/* Of the pages that are mapped, one; any, when there is none. */
size_t map_mapped(const struct map *map, size_t choice);

/* Does the model know all that is mapped in [start, end)? */
bool map_knows(const struct map *map, uint64_t start, uint64_t end);

/* Is every page of [start, end) mapped? Of a known range. */
bool map_covers(const struct map *map, uint64_t start, uint64_t end);

/* Where new memory goes (Mach 1.5, 1.6, 2.12 to 2.14). `sure`: this and nothing else is right. */
struct place {
    kern_return_t code;
    uint64_t address;
    bool sure;
};
struct place map_place(const struct map *map, uint64_t address, uint64_t size, uint64_t mask, int flags);

/* Unmap; what is permanent loses all access instead (Mach 1.12). */
void map_unmap(struct map *map, struct cells cells);
void map_lock_out(struct map *map, struct cells cells);

/* Map with these attributes: zeroes; or these contents, which lie at `home`, shared or as they are now. */
enum how { HOW_ZERO, HOW_SHARE, HOW_COPY };
void map_enter(struct map *map, struct cells cells, const struct page *like, enum how how,
               struct content *const *content, const struct home *home);

/* The library may cut its records anywhere in there. */
void map_cut(struct map *map, struct cells cells);

/* All private memory in there is shared from now on, each stretch as one object. */
void map_share(struct map *map, struct cells cells);

/* The memory around `cell`, and at least these cells, is shared from now on, by a plain entry. */
void map_share_object(struct map *map, struct cells covered);

/* How many pages from `cells.first` on a plain entry covers: at least, and at most. */
struct extent {
    size_t least, most;
};
struct extent map_extent(const struct map *map, struct cells cells);

/* How many stretches of one file each are these pages? At the most: two of them may go on in the same file. */
size_t map_pieces(const struct map *map, struct cells cells);
bool map_is_loose(const struct map *map, struct cells cells);

/* Private copies in the place of what is there (VM_PROT_COPY, Mach 1.16). */
void map_make_private(struct map *map, struct cells cells);

#endif
