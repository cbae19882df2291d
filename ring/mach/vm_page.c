/*
 * The size of a page, as variables, which is how Mach programs ask for it. Set before any other constructor reads them.
 */
#include <mach/vm_page_size.h>
#include <unistd.h>

vm_size_t vm_page_size;
vm_size_t vm_page_mask;
int vm_page_shift;
vm_size_t vm_kernel_page_size;
vm_size_t vm_kernel_page_mask;
int vm_kernel_page_shift;

__attribute__((constructor(101))) static void page_init(void)
{
    vm_page_size = vm_kernel_page_size = (vm_size_t)sysconf(_SC_PAGESIZE);
    vm_page_mask = vm_kernel_page_mask = vm_page_size - 1;
    vm_page_shift = vm_kernel_page_shift = __builtin_ctzl(vm_page_size);
}
