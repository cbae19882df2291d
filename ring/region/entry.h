/*
 * One memory entry: made, narrowed, mapped, given back. The steps that region.c and group.c are composed of.
 *
 * The kernel may cover less than it was asked for and still answer KERN_SUCCESS (Mach 3.5), so every size that comes back is
 * compared. `what` names the entry in error texts.
 */
#ifndef MRING_REGION_ENTRY_H
#define MRING_REGION_ENTRY_H

#include "mring.h"

#include <mach/mach.h>
#include <mach/mach_vm.h>
#include <stdint.h>

/* A fresh zeroed entry of `size` bytes (a multiple of LAYOUT_PAGE), readable and writable. */
int entry_make(mem_entry_name_port_t *entry, uint64_t size, const char *what, struct mring_error *error);

/* A second entry over the same memory that can never be mapped writable (Mach 3.14, 3.17). */
int entry_narrow(mem_entry_name_port_t *narrow, mem_entry_name_port_t entry, uint64_t size, const char *what,
                 struct mring_error *error);

/* Map [offset, offset + size) of an entry, live and inherited by forked children: anywhere, or at *address over what is there. */
int entry_map_anywhere(mem_entry_name_port_t entry, uint64_t offset, uint64_t size, vm_prot_t protection,
                       mach_vm_address_t *address, const char *what, struct mring_error *error);
int entry_map_over(mem_entry_name_port_t entry, uint64_t offset, uint64_t size, vm_prot_t protection,
                   mach_vm_address_t address, const char *what, struct mring_error *error);

/* Address space that nothing else can be mapped into, for entry_map_over. It cannot be touched before that. */
int entry_reserve(uint64_t size, mach_vm_address_t *address, const char *what, struct mring_error *error);

void entry_unmap(mach_vm_address_t address, uint64_t size);

/* Give one user reference of a right back and forget the name; MACH_PORT_NULL is allowed. */
void entry_drop(mem_entry_name_port_t *entry);

/* Fault every page in: for writing, over memory that is all zero still, or for reading. */
void entry_touch_write(mach_vm_address_t address, uint64_t size);
void entry_touch_read(mach_vm_address_t address, uint64_t size);

#endif
