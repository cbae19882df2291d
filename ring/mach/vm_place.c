#include "vm_place.h"
#include "vm_maps.h"

#include <errno.h>
#include <mach/vm_page_size.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

_Static_assert(PROT_READ == VM_PROT_READ && PROT_WRITE == VM_PROT_WRITE && PROT_EXEC == VM_PROT_EXECUTE,
               "protections are the same bits");

/*
 * mmap, unseen by sanitizers: they take it for a write to the whole range, and other threads may be held in writing
 * there (vm_hold.h).
 */
static void *map(void *at, uint64_t size, vm_prot_t protection, int flags, int fd, uint64_t offset)
{
    return (void *)syscall(SYS_mmap, at, size, protection, flags, fd, offset);
}

/* 0 or an errno. `fixed`: MAP_FIXED or MAP_FIXED_NOREPLACE. */
static int put(uint64_t address, uint64_t size, int fixed, const struct vm_content *content)
{
    void *at = (void *)(uintptr_t)address;
    void *got;
    int saved = errno, result = 0;

    if (content->file != NULL && content->copy == NULL)
        got = map(at, size, content->protection, MAP_SHARED | fixed, content->file->fd, content->offset);
    else
        got = map(at, size, content->protection, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | fixed, -1, 0);
    if (got == MAP_FAILED) {
        result = errno;
    } else if (got != at) { /* before Linux 4.17 the address was only a hint */
        munmap(got, size);
        result = EEXIST;
    } else if (content->copy != NULL &&
               mremap(content->copy, size, size, MREMAP_MAYMOVE | MREMAP_FIXED, at) == MAP_FAILED) {
        result = errno;
        munmap(at, size);
    }
    errno = saved;
    return result;
}

static kern_return_t code_of(int error)
{
    switch (error) {
    case 0:
        return KERN_SUCCESS;
    case EEXIST:
    case ENOMEM: /* RLIMIT_AS, or too many mappings */
        return KERN_NO_SPACE;
    case EPERM:
    case EINVAL: /* an address that this machine does not have */
        return KERN_INVALID_ADDRESS;
    case EACCES:
        return KERN_PROTECTION_FAILURE;
    default:
        return KERN_RESOURCE_SHORTAGE;
    }
}

kern_return_t vm_place_free(uint64_t address, uint64_t size, const struct vm_content *content)
{
    return code_of(put(address, size, MAP_FIXED_NOREPLACE, content));
}

kern_return_t vm_place_over(uint64_t address, uint64_t size, const struct vm_content *content)
{
    return code_of(put(address, size, MAP_FIXED, content));
}

/* The lowest address at or above `from` with none of the mask's bits: false when there is none. */
static bool align(uint64_t from, uint64_t mask, uint64_t *aligned)
{
    *aligned = (from + mask) & ~mask;
    return from + mask >= from;
}

/* First fit at or above *address among these mappings. */
static bool find_gap(const struct vm_maps *maps, uint64_t *address, uint64_t size, uint64_t mask)
{
    uint64_t candidate;

    if (!align(*address, mask, &candidate))
        return false;
    for (size_t i = 0; i < maps->count; i++) {
        const struct vm_mapping *mapping = &maps->mappings[i];
        if (mapping->end <= candidate)
            continue;
        if (mapping->start > candidate && mapping->start - candidate >= size)
            break;
        if (!align(mapping->end, mask, &candidate))
            return false;
    }
    *address = candidate;
    return candidate < VM_PLACE_TOP && VM_PLACE_TOP - candidate >= size;
}

kern_return_t vm_place_anywhere(uint64_t *address, uint64_t size, uint64_t mask, const struct vm_content *content)
{
    uint64_t at = *address & ~(uint64_t)vm_page_mask, refused = 0, step = vm_page_size;

    if (at < VM_PLACE_MIN)
        at = VM_PLACE_LOW;
    for (;;) {
        struct vm_maps maps;
        kern_return_t kr = vm_maps_read(&maps, at, VM_PLACE_TOP);
        if (kr != KERN_SUCCESS)
            return kr;
        bool found = find_gap(&maps, &at, size, mask);
        vm_maps_free(&maps);
        if (!found)
            return KERN_NO_SPACE;
        int error = put(at, size, MAP_FIXED_NOREPLACE, content);
        if (error == 0)
            *address = at;
        if (error != EEXIST)
            return code_of(error);
        /* Refused again, though nothing is said to be there: an emulator keeps more from us than it tells. Go past it. */
        if (at == refused) {
            if (step > VM_PLACE_TOP - at)
                return KERN_NO_SPACE;
            at += step;
            step *= 2;
        }
        refused = at;
    }
}
