/* What the calls share: mapping by flags, and inheritance for both of its faces. */
#ifndef MRING_MACH_VM_CALLS_H
#define MRING_MACH_VM_CALLS_H

#include "vm_range.h"
#include "vm_view.h"

/* A mapping to be made: VM_FLAGS_*, content, and attributes. An address of VM_FLAGS_ANYWHERE is the hint. */
struct vm_request {
    uint64_t address, size; /* whole pages */
    uint64_t mask;
    int flags;
    struct vm_content content;
    const struct region
        *foreign; /* what `content.copy` is a mapping of, when it is shared memory of the program's own */
    vm_prot_t max;
    vm_inherit_t inherit;
};

/*
 * Make it and record it, with the lock held. KERN_NO_SPACE, KERN_INVALID_ADDRESS, ... The address comes back in the
 * request.
 */
kern_return_t vm_request_map(struct vm_request *request);

/* With the lock held: unmap, or, what is permanent, make untouchable. */
kern_return_t vm_unmap(struct vm_range range);

/* With the lock held. Private memory does not become shared by it. */
kern_return_t vm_inherit_segment(const struct segment *segment, vm_inherit_t inherit);

/* With the lock held. `inherit` is one of the three. */
kern_return_t vm_set_inheritance(struct vm_range range, vm_inherit_t inherit);

#endif
