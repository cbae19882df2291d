/* Several pieces of memory in one place, one behind the other. With the address space's lock. */
#ifndef MRING_MACH_VM_PARTS_H
#define MRING_MACH_VM_PARTS_H

#include "vm_calls.h"

struct vm_part {
    uint64_t size;
    struct vm_content content; /* the part holds the file, and owns the copy */
    struct region foreign;     /* of REGION_FOREIGN: what the copy is another mapping of */
    vm_prot_t max;
};

struct vm_parts {
    struct vm_part *part;
    size_t count;
};

/* Room for so many parts, to be filled, and counted, one by one. KERN_RESOURCE_SHORTAGE. Freed by vm_parts_free. */
kern_return_t vm_parts_room(struct vm_parts *parts, size_t room);
void vm_parts_free(struct vm_parts *parts);

/*
 * Put them where the request says, which is as large as all of them, with its flags and inheritance: all, or none and
 * nothing is changed. The address comes back in the request.
 */
kern_return_t vm_parts_put(struct vm_parts *parts, struct vm_request *place);

#endif
