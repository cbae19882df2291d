/*
 * The page's size is asked for at run time, as on macOS. glibc's <sys/user.h> has macros of the same names, constants of its own (and a
 * PAGE_MASK that is the complement of this one); where a program has included that, these stay away.
 */
#ifndef _MACH_MACHINE_VM_PARAM_H_
#define _MACH_MACHINE_VM_PARAM_H_

#include <mach/vm_page_size.h>

#define BYTE_SIZE 8

#ifndef PAGE_SHIFT
#define PAGE_SHIFT vm_page_shift
#endif
#ifndef PAGE_SIZE
#define PAGE_SIZE vm_page_size
#endif
#ifndef PAGE_MASK
#define PAGE_MASK vm_page_mask
#endif

#define VM_MIN_ADDRESS      ((vm_address_t)0)
#define VM_MAX_ADDRESS      ((vm_address_t)0x7ffffffff000)
#define MACH_VM_MIN_ADDRESS ((mach_vm_offset_t)0)
#define MACH_VM_MAX_ADDRESS ((mach_vm_offset_t)0x7ffffffff000)

#endif
