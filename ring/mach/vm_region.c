/*
 * mach_vm_region, mach_vm_region_recurse and their twins: what is mapped at an address, or at the next one above it.
 *
 * A region is what a map entry is on XNU: one object, with the same attributes throughout. There are no submaps here, so
 * that both calls see the same regions, all at depth 0. `shared` says whether others may see what is written. Counts of
 * pages are of those in memory now; objects are counted as 1 when they are private and as 2 when they are not, since the
 * kernel tells nobody how often a file is mapped.
 */
#include "space.h"
#include "vm_range.h"
#include "vm_view.h"

#include <mach/mach_vm.h>
#include <mach/vm_map.h>
#include <string.h>
#include <sys/mman.h>

/* The first stretch of one object that ends above `address`: KERN_INVALID_ADDRESS when there is none. */
static kern_return_t find(uint64_t address, struct segment *found)
{
    struct view view;
    kern_return_t kr = address < VM_PLACE_TOP ? view_look(&view, 0, VM_PLACE_TOP) : KERN_INVALID_ADDRESS;

    if (kr != KERN_SUCCESS)
        return kr;
    kr = KERN_INVALID_ADDRESS;
    for (size_t i = 0; i < view.count && kr != KERN_SUCCESS; i++) {
        uint64_t start = view.segments[i].region.start;
        struct segment stretch = view.segments[i];
        while (i + 1 < view.count && segment_continues(&view.segments[i], &view.segments[i + 1]))
            i++;
        stretch.region.end = view.segments[i].region.end;
        if (stretch.region.end > address) {
            stretch.region.start = start;
            *found = stretch;
            kr = KERN_SUCCESS;
        }
    }
    view_free(&view);
    return kr;
}

static bool is_shared(const struct segment *segment)
{
    return segment->region.kind != REGION_PRIVATE;
}

/*
 * As many pages as are in memory; another thread may unmap some of them meanwhile, which counts as none. Of reservations of terabytes, as
 * sanitizers make them, only the beginning is looked at.
 */
static unsigned resident(const struct segment *segment)
{
    enum { STEP = 16384 };
    static const uint64_t MOST = UINT64_C(1) << 36;
    unsigned char pages[STEP];
    unsigned count = 0;
    uint64_t end = segment->region.end;

    if (end - segment->region.start > MOST)
        end = segment->region.start + MOST;
    for (uint64_t at = segment->region.start; at < end; at += STEP * vm_page_size) {
        uint64_t left = end - at, size = left < STEP * vm_page_size ? left : STEP * vm_page_size;
        if (mincore((void *)(uintptr_t)at, size, pages) != 0)
            continue;
        for (uint64_t i = 0; i < size / vm_page_size; i++)
            count += pages[i] & 1;
    }
    return count;
}

static unsigned char share_mode(const struct segment *segment, unsigned pages)
{
    return is_shared(segment) ? SM_SHARED : pages > 0 || !segment->anonymous ? SM_PRIVATE : SM_EMPTY;
}

static unsigned references(const struct segment *segment)
{
    return is_shared(segment) ? 2 : 1;
}

/* ---- the answers, each to its flavor ---- */

static void fill_basic(const struct segment *segment, int *info)
{
    struct vm_region_basic_info_64 basic = {.protection = segment->current,
                                            .max_protection = segment->region.max,
                                            .inheritance = segment->region.inherit,
                                            .shared = is_shared(segment),
                                            .offset = segment->region.offset,
                                            .behavior = VM_BEHAVIOR_DEFAULT};
    memcpy(info, &basic, sizeof basic);
}

static void fill_extended(const struct segment *segment, int *info)
{
    unsigned pages = resident(segment);
    struct vm_region_extended_info extended = {.protection = segment->current,
                                               .pages_resident = pages,
                                               .ref_count = references(segment),
                                               .external_pager = !segment->anonymous && !segment->recorded,
                                               .share_mode = share_mode(segment, pages)};
    memcpy(info, &extended, sizeof extended);
}

static void fill_top(const struct segment *segment, int *info)
{
    unsigned pages = resident(segment);
    struct vm_region_top_info top = {.obj_id = (unsigned)segment->region.inode,
                                     .ref_count = references(segment),
                                     .private_pages_resident = is_shared(segment) ? 0 : pages,
                                     .shared_pages_resident = is_shared(segment) ? pages : 0,
                                     .share_mode = share_mode(segment, pages)};
    memcpy(info, &top, sizeof top);
}

struct flavor {
    vm_region_flavor_t flavor;
    mach_msg_type_number_t count;
    void (*fill)(const struct segment *segment, int *info);
};

static const struct flavor *flavor_of(vm_region_flavor_t wanted)
{
    static const struct flavor flavors[] = {
        {VM_REGION_BASIC_INFO_64, VM_REGION_BASIC_INFO_COUNT_64, fill_basic},
        {VM_REGION_BASIC_INFO, VM_REGION_BASIC_INFO_COUNT_64, fill_basic},
        {VM_REGION_EXTENDED_INFO, VM_REGION_EXTENDED_INFO_COUNT, fill_extended},
        {VM_REGION_TOP_INFO, VM_REGION_TOP_INFO_COUNT, fill_top},
    };

    for (size_t i = 0; i < sizeof flavors / sizeof *flavors; i++)
        if (flavors[i].flavor == wanted)
            return &flavors[i];
    return NULL;
}

kern_return_t mach_vm_region(vm_map_read_t target, mach_vm_address_t *address, mach_vm_size_t *size,
                             vm_region_flavor_t wanted, vm_region_info_t info, mach_msg_type_number_t *count,
                             mach_port_t *object_name)
{
    const struct flavor *flavor = flavor_of(wanted);
    kern_return_t kr = space_check_task(target);
    struct segment segment;

    if (kr != KERN_SUCCESS)
        return kr;
    if (flavor == NULL || *count < flavor->count)
        return KERN_INVALID_ARGUMENT;
    vm_table_lock();
    kr = find(*address, &segment);
    if (kr == KERN_SUCCESS)
        flavor->fill(&segment, info);
    vm_table_unlock();
    if (kr != KERN_SUCCESS)
        return kr;
    *address = segment.region.start;
    *size = segment.region.end - segment.region.start;
    *count = flavor->count;
    *object_name = MACH_PORT_NULL;
    return KERN_SUCCESS;
}

/* ---- the recursive one ---- */

static void fill_submap_short(const struct segment *segment, int *info)
{
    unsigned pages = resident(segment);
    struct vm_region_submap_short_info_64 told = {.protection = segment->current,
                                                  .max_protection = segment->region.max,
                                                  .inheritance = segment->region.inherit,
                                                  .offset = segment->region.offset,
                                                  .ref_count = references(segment),
                                                  .external_pager = !segment->anonymous && !segment->recorded,
                                                  .share_mode = share_mode(segment, pages),
                                                  .behavior = VM_BEHAVIOR_DEFAULT,
                                                  .object_id = (vm32_object_id_t)segment->region.inode};
    memcpy(info, &told, sizeof told);
}

/* `size`: of the version of the structure that the caller has room for. */
static void fill_submap(const struct segment *segment, int *info, size_t size)
{
    unsigned pages = resident(segment);
    struct vm_region_submap_info_64 told = {.protection = segment->current,
                                            .max_protection = segment->region.max,
                                            .inheritance = segment->region.inherit,
                                            .offset = segment->region.offset,
                                            .pages_resident = pages,
                                            .ref_count = references(segment),
                                            .external_pager = !segment->anonymous && !segment->recorded,
                                            .share_mode = share_mode(segment, pages),
                                            .behavior = VM_BEHAVIOR_DEFAULT,
                                            .object_id = (vm32_object_id_t)segment->region.inode,
                                            .object_id_full = segment->region.inode};
    memcpy(info, &told, size);
}

kern_return_t mach_vm_region_recurse(vm_map_read_t target, mach_vm_address_t *address, mach_vm_size_t *size,
                                     natural_t *nesting_depth, vm_region_recurse_info_t info,
                                     mach_msg_type_number_t *count)
{
    kern_return_t kr = space_check_task(target);
    mach_msg_type_number_t room = *count, given;
    struct segment segment;

    if (kr != KERN_SUCCESS)
        return kr;
    given = room >= VM_REGION_SUBMAP_INFO_V2_COUNT_64   ? VM_REGION_SUBMAP_INFO_V2_COUNT_64
            : room >= VM_REGION_SUBMAP_INFO_V1_COUNT_64 ? VM_REGION_SUBMAP_INFO_V1_COUNT_64
            : room >= VM_REGION_SUBMAP_INFO_V0_COUNT_64 ? VM_REGION_SUBMAP_INFO_V0_COUNT_64
                                                        : VM_REGION_SUBMAP_SHORT_INFO_COUNT_64;
    if (room < given)
        return KERN_INVALID_ARGUMENT;
    vm_table_lock();
    kr = find(*address, &segment);
    if (kr == KERN_SUCCESS && given == VM_REGION_SUBMAP_SHORT_INFO_COUNT_64)
        fill_submap_short(&segment, info);
    else if (kr == KERN_SUCCESS)
        fill_submap(&segment, info, given * sizeof(natural_t));
    vm_table_unlock();
    if (kr != KERN_SUCCESS)
        return kr;
    *address = segment.region.start;
    *size = segment.region.end - segment.region.start;
    *nesting_depth = 0;
    *count = given;
    return KERN_SUCCESS;
}

/* ---- the twins ---- */

kern_return_t vm_region_64(vm_map_read_t target, vm_address_t *address, vm_size_t *size, vm_region_flavor_t flavor,
                           vm_region_info_t info, mach_msg_type_number_t *count, mach_port_t *object_name)
{
    mach_vm_address_t wide = *address;
    mach_vm_size_t length;
    kern_return_t kr = mach_vm_region(target, &wide, &length, flavor, info, count, object_name);

    if (kr == KERN_SUCCESS) {
        *address = (vm_address_t)wide;
        *size = (vm_size_t)length;
    }
    return kr;
}

kern_return_t vm_region(vm_map_read_t target, vm_address_t *address, vm_size_t *size, vm_region_flavor_t flavor,
                        vm_region_info_t info, mach_msg_type_number_t *count, mach_port_t *object_name)
{
    return vm_region_64(target, address, size, flavor, info, count, object_name);
}

kern_return_t vm_region_recurse_64(vm_map_read_t target, vm_address_t *address, vm_size_t *size,
                                   natural_t *nesting_depth, vm_region_recurse_info_64_t info,
                                   mach_msg_type_number_t *count)
{
    mach_vm_address_t wide = *address;
    mach_vm_size_t length;
    kern_return_t kr = mach_vm_region_recurse(target, &wide, &length, nesting_depth, info, count);

    if (kr == KERN_SUCCESS) {
        *address = (vm_address_t)wide;
        *size = (vm_size_t)length;
    }
    return kr;
}
