#ifndef _MACH_VM_INHERIT_H_
#define _MACH_VM_INHERIT_H_

#include <stddef.h>

typedef unsigned int vm_inherit_t;

#define VM_INHERIT_SHARE       ((vm_inherit_t)0) /* one memory in parent and child */
#define VM_INHERIT_COPY        ((vm_inherit_t)1) /* the child has a snapshot as of the fork */
#define VM_INHERIT_NONE        ((vm_inherit_t)2) /* a hole in the child */
#define VM_INHERIT_DONATE_COPY ((vm_inherit_t)3)
#define VM_INHERIT_DEFAULT     VM_INHERIT_COPY
#define VM_INHERIT_LAST_VALID  VM_INHERIT_NONE

#ifdef __cplusplus
extern "C" {
#endif

/* BSD's face of mach_vm_inherit, in <sys/mman.h> on macOS. 0, or -1 and errno: EINVAL, EACCES. */
int minherit(void *address, size_t length, int inherit);

#ifdef __cplusplus
}
#endif

#endif
