/* How much memory there is for this process to fill. */
#ifndef MRING_MACH_VM_AVAILABLE_H
#define MRING_MACH_VM_AVAILABLE_H

#include <stdint.h>

/* Bytes, without swapping, as the kernel estimates it now; UINT64_MAX if it does not say. Changes errno. */
uint64_t vm_memory_available(void);

#endif
