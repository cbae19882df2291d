/* A caller's address and size, as pages. Ranges are untrusted: any 64-bit numbers. */
#ifndef MRING_MACH_VM_RANGE_H
#define MRING_MACH_VM_RANGE_H

#include "vm_place.h"

#include <mach/vm_page_size.h>

struct vm_range {
    uint64_t start, end;
};

static inline uint64_t page_floor(uint64_t address)
{
    return address & ~(uint64_t)vm_page_mask;
}

/* 0 when it wraps. */
static inline uint64_t page_ceiling(uint64_t address)
{
    return page_floor(address + vm_page_mask);
}

enum range_fault { RANGE_OK, RANGE_OVERFLOWS, RANGE_END_WRAPS };

/* All pages that [address, address + size) touches. */
static inline enum range_fault range_outward(uint64_t address, uint64_t size, struct vm_range *range)
{
    uint64_t end = address + size;

    *range = (struct vm_range){page_floor(address), page_ceiling(end)};
    return end < address ? RANGE_OVERFLOWS : range->end == 0 && end != 0 ? RANGE_END_WRAPS : RANGE_OK;
}

/* What of a range is below the top of the address space. */
static inline struct vm_range range_clamped(struct vm_range range)
{
    return (struct vm_range){range.start < VM_PLACE_TOP ? range.start : VM_PLACE_TOP,
                             range.end < VM_PLACE_TOP ? range.end : VM_PLACE_TOP};
}

#endif
