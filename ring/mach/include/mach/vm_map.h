/* Virtual memory of a task: the vm_* call set, the same calls with pointer-sized types; and memory entries. */
#ifndef _vm_map_user_
#define _vm_map_user_

#include <mach/mach_types.h>

#ifdef __cplusplus
extern "C" {
#endif

kern_return_t vm_allocate(vm_map_t target, vm_address_t *address, vm_size_t size, int flags);
kern_return_t vm_deallocate(vm_map_t target, vm_address_t address, vm_size_t size);
kern_return_t vm_protect(vm_map_t target, vm_address_t address, vm_size_t size, boolean_t set_maximum,
                         vm_prot_t new_protection);
kern_return_t vm_inherit(vm_map_t target, vm_address_t address, vm_size_t size, vm_inherit_t new_inheritance);
kern_return_t vm_map(vm_map_t target, vm_address_t *address, vm_size_t size, vm_address_t mask, int flags,
                     mem_entry_name_port_t object, vm_offset_t offset, boolean_t copy, vm_prot_t cur_protection,
                     vm_prot_t max_protection, vm_inherit_t inheritance);
kern_return_t vm_remap(vm_map_t target, vm_address_t *address, vm_size_t size, vm_address_t mask, int flags,
                       vm_map_t src, vm_address_t src_address, boolean_t copy, vm_prot_t *cur_protection,
                       vm_prot_t *max_protection, vm_inherit_t inheritance);
kern_return_t vm_copy(vm_map_t target, vm_address_t source, vm_size_t size, vm_address_t dest);
kern_return_t vm_read(vm_map_read_t target, vm_address_t address, vm_size_t size, vm_offset_t *data,
                      mach_msg_type_number_t *count);
kern_return_t vm_read_overwrite(vm_map_read_t target, vm_address_t address, vm_size_t size, vm_address_t data,
                                vm_size_t *outsize);
kern_return_t vm_write(vm_map_t target, vm_address_t address, vm_offset_t data, mach_msg_type_number_t count);
kern_return_t vm_region(vm_map_read_t target, vm_address_t *address, vm_size_t *size, vm_region_flavor_t flavor,
                        vm_region_info_t info, mach_msg_type_number_t *count, mach_port_t *object_name);
kern_return_t vm_region_64(vm_map_read_t target, vm_address_t *address, vm_size_t *size, vm_region_flavor_t flavor,
                           vm_region_info_t info, mach_msg_type_number_t *count, mach_port_t *object_name);
kern_return_t vm_region_recurse_64(vm_map_read_t target, vm_address_t *address, vm_size_t *size,
                                   natural_t *nesting_depth, vm_region_recurse_info_64_t info,
                                   mach_msg_type_number_t *count);
kern_return_t vm_behavior_set(vm_map_t target, vm_address_t address, vm_size_t size, vm_behavior_t new_behavior);
kern_return_t vm_msync(vm_map_t target, vm_address_t address, vm_size_t size, vm_sync_t sync_flags);

kern_return_t mach_make_memory_entry_64(vm_map_t target, memory_object_size_t *size, memory_object_offset_t offset,
                                        vm_prot_t permission, mach_port_t *object_handle,
                                        mem_entry_name_port_t parent_entry);
kern_return_t mach_make_memory_entry(vm_map_t target, vm_size_t *size, vm_offset_t offset, vm_prot_t permission,
                                     mem_entry_name_port_t *object_handle, mem_entry_name_port_t parent_entry);

#ifdef __cplusplus
}
#endif

#endif
