/*
 * Where new memory goes: fixed addresses, and the search of Mach, first fit upward from a hint and never below it (Mach
 * 1.5, 2.12).
 *
 * The kernel's own search would do neither. Here it is done over /proc/self/maps, and the place is then claimed with
 * MAP_FIXED_NOREPLACE; if another thread's mmap was faster, the search goes on.
 */
#ifndef MRING_MACH_VM_PLACE_H
#define MRING_MACH_VM_PLACE_H

#include "vm_file.h"

/*
 * The bounds of the address space. A search that was not given an address begins at 4 GiB, as above Darwin's page zero;
 * so it stays out of the way of the program, which Linux may load below, and of the heap behind it.
 */
#define VM_PLACE_MIN UINT64_C(0x10000)
#define VM_PLACE_LOW UINT64_C(0x100000000)
#define VM_PLACE_TOP UINT64_C(0x7ffffffff000)

/*
 * What to put there: memory made elsewhere, which is moved: private memory, or a mapping of the file; or else a part of
 * a file; or, with neither, zeroes.
 */
struct vm_content {
    struct vm_file *file;
    uint64_t offset;
    void *copy;
    vm_prot_t protection;
};

/* `mask`: address bits that must be zero. KERN_NO_SPACE; *address is written on success only. */
kern_return_t vm_place_anywhere(uint64_t *address, uint64_t size, uint64_t mask, const struct vm_content *content);

/* KERN_NO_SPACE when anything is mapped there. */
kern_return_t vm_place_free(uint64_t address, uint64_t size, const struct vm_content *content);

/* In the place of what is mapped there. */
kern_return_t vm_place_over(uint64_t address, uint64_t size, const struct vm_content *content);

#endif
