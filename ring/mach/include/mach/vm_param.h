/* Pages and the bounds of the address space, as macros. */
#ifndef _MACH_VM_PARAM_H_
#define _MACH_VM_PARAM_H_

#include <mach/machine/vm_param.h>
#include <mach/vm_page_size.h>

/* Bounds of what a page may be, on any machine of Apple's. */
#define PAGE_MAX_SHIFT 14
#define PAGE_MAX_SIZE  (1 << PAGE_MAX_SHIFT)
#define PAGE_MAX_MASK  (PAGE_MAX_SIZE - 1)
#define PAGE_MIN_SHIFT 12
#define PAGE_MIN_SIZE  (1 << PAGE_MIN_SHIFT)
#define PAGE_MIN_MASK  (PAGE_MIN_SIZE - 1)

#define page_aligned(x) (((x)&PAGE_MASK) == 0)

#define round_page_64(x) (((uint64_t)(x) + PAGE_MASK) & ~((uint64_t)PAGE_MASK))
#define trunc_page_64(x) ((uint64_t)(x) & ~((uint64_t)PAGE_MASK))
#define round_page_32(x) (((uint32_t)(x) + (uint32_t)PAGE_MASK) & ~((uint32_t)PAGE_MASK))
#define trunc_page_32(x) ((uint32_t)(x) & ~((uint32_t)PAGE_MASK))

#define atop(x) ((vm_address_t)(x) >> PAGE_SHIFT)
#define ptoa(x) ((vm_address_t)(x) << PAGE_SHIFT)

#endif
