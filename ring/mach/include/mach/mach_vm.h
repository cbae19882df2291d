/* Virtual memory of a task, 64-bit call set. Behaviour: see the essay of ring/mach/vm_call.c. */
#ifndef _mach_vm_user_
#define _mach_vm_user_

#include <mach/mach_types.h>

#ifdef __cplusplus
extern "C" {
#endif

kern_return_t mach_vm_allocate(vm_map_t target, mach_vm_address_t *address, mach_vm_size_t size, int flags);
kern_return_t mach_vm_deallocate(vm_map_t target, mach_vm_address_t address, mach_vm_size_t size);
kern_return_t mach_vm_protect(vm_map_t target, mach_vm_address_t address, mach_vm_size_t size, boolean_t set_maximum,
                              vm_prot_t new_protection);
kern_return_t mach_vm_inherit(vm_map_t target, mach_vm_address_t address, mach_vm_size_t size,
                              vm_inherit_t new_inheritance);
kern_return_t mach_vm_map(vm_map_t target, mach_vm_address_t *address, mach_vm_size_t size, mach_vm_offset_t mask,
                          int flags, mem_entry_name_port_t object, memory_object_offset_t offset, boolean_t copy,
                          vm_prot_t cur_protection, vm_prot_t max_protection, vm_inherit_t inheritance);

/*
 * Map a range of the task's own memory a second time: shared, or, with `copy`, as a copy as of now. All of it must be
 * mapped. The protections come back: what all of it allows. Shared memory that the program mapped by itself, too.
 */
kern_return_t mach_vm_remap(vm_map_t target, mach_vm_address_t *address, mach_vm_size_t size, mach_vm_offset_t mask,
                            int flags, vm_map_t src, mach_vm_address_t src_address, boolean_t copy,
                            vm_prot_t *cur_protection, vm_prot_t *max_protection, vm_inherit_t inheritance);

/* Copy bytes; what is not mapped or not permitted is refused before the first of them is. */
kern_return_t mach_vm_copy(vm_map_t target, mach_vm_address_t source, mach_vm_size_t size, mach_vm_address_t dest);
kern_return_t mach_vm_read(vm_map_read_t target, mach_vm_address_t address, mach_vm_size_t size, vm_offset_t *data,
                           mach_msg_type_number_t *count);
kern_return_t mach_vm_read_overwrite(vm_map_read_t target, mach_vm_address_t address, mach_vm_size_t size,
                                     mach_vm_address_t data, mach_vm_size_t *outsize);
kern_return_t mach_vm_write(vm_map_t target, mach_vm_address_t address, vm_offset_t data, mach_msg_type_number_t count);

/* The region at *address or the next above it: KERN_INVALID_ADDRESS when there is none. */
kern_return_t mach_vm_region(vm_map_read_t target, mach_vm_address_t *address, mach_vm_size_t *size,
                             vm_region_flavor_t flavor, vm_region_info_t info, mach_msg_type_number_t *count,
                             mach_port_t *object_name);
kern_return_t mach_vm_region_recurse(vm_map_read_t target, mach_vm_address_t *address, mach_vm_size_t *size,
                                     natural_t *nesting_depth, vm_region_recurse_info_t info,
                                     mach_msg_type_number_t *count);

/* Advice, which changes nothing that is read there, but for VM_BEHAVIOR_ZERO, which clears it. */
kern_return_t mach_vm_behavior_set(vm_map_t target, mach_vm_address_t address, mach_vm_size_t size,
                                   vm_behavior_t new_behavior);

/* Write mapped files back; with VM_SYNC_CONTIGUOUS a hole is KERN_INVALID_ADDRESS. */
kern_return_t mach_vm_msync(vm_map_t target, mach_vm_address_t address, mach_vm_size_t size, vm_sync_t sync_flags);

#ifdef __cplusplus
}
#endif

#endif
