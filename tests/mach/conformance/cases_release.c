/* mach_vm_deallocate and mach_vm_protect: cases 21 to 31. */
#include "mach/conformance/conformance.h"

#define CASES(X)                                                                                                       \
    X(21, "deallocate nothing, anywhere")                                                                              \
    X(22, "deallocate twice")                                                                                          \
    X(23, "deallocate over a hole")                                                                                    \
    X(24, "deallocate goes outward to whole pages")                                                                    \
    X(25, "deallocate a range that overflows")                                                                         \
    X(26, "deallocate a range whose end rounds to 0")                                                                  \
    X(27, "freed memory faults")                                                                                       \
    X(28, "protection keeps the content")                                                                              \
    X(29, "protect over a hole")                                                                                       \
    X(30, "the maximum only falls")                                                                                    \
    X(31, "protect nothing; protect with unknown bits")

CASES(CONFORMANCE_DECLARE)

const struct conformance_case cases_release[] = {CASES(CONFORMANCE_ROW){NULL, NULL, NULL}};

static void case_21(void)
{
    const uint64_t addresses[] = {0, 1, PAGE - 1, PAGE, PAGE + 1, UINT32_MAX, last_page(), HIGHEST};

    for (size_t i = 0; i < sizeof addresses / sizeof *addresses; i++)
        GIVES(KERN_SUCCESS, mach_vm_deallocate(SELF, addresses[i], 0));
}

static void case_22(void)
{
    uint64_t page = allocate(1);

    GIVES(KERN_SUCCESS, release(page, 1));
    GIVES(KERN_SUCCESS, release(page, 1));
}

static void case_23(void)
{
    uint64_t pages = allocate(3);

    GIVES(KERN_SUCCESS, release(pages + PAGE, 1));
    GIVES(KERN_SUCCESS, release(pages, 3));
    HOLDS("both ends are gone", load_faults(pages) && load_faults(pages + 2 * PAGE));
}

static void case_24(void)
{
    uint64_t pages = allocate(3);

    GIVES(KERN_SUCCESS, mach_vm_deallocate(SELF, pages + 1, PAGE));
    HOLDS("both pages it touches are gone", load_faults(pages) && load_faults(pages + PAGE));
    HOLDS("the next is not", !load_faults(pages + 2 * PAGE));
}

static void case_25(void)
{
    GIVES(KERN_INVALID_ARGUMENT, mach_vm_deallocate(SELF, 1, HIGHEST));
    GIVES(KERN_INVALID_ARGUMENT, mach_vm_deallocate(SELF, PAGE, last_page()));
    GIVES(KERN_INVALID_ARGUMENT, mach_vm_deallocate(SELF, last_page(), PAGE));
    GIVES(KERN_INVALID_ARGUMENT, mach_vm_deallocate(SELF, HIGHEST, 1));
}

/* XNU's code and its own test disagree; the code is followed. */
static void case_26(void)
{
    uint64_t page = allocate(1);

    fill(page, PAGE, 'x');
    GIVES(KERN_INVALID_ARGUMENT, mach_vm_deallocate(SELF, 0, HIGHEST));
    HOLDS("nothing was unmapped", is_filled(page, PAGE, 'x'));
}

static void case_27(void)
{
    uint64_t pages = allocate(3);

    GIVES(KERN_SUCCESS, release(pages, 3));
    HOLDS("its beginning faults", load_faults(pages));
    HOLDS("its middle faults", load_faults(pages + PAGE));
    HOLDS("its end faults", load_faults(pages + 3 * PAGE - 1));
}

static void case_28(void)
{
    uint64_t page = allocate(1);

    fill(page, PAGE, 'x');
    GIVES(KERN_SUCCESS, protect(page, 1, VM_PROT_NONE));
    HOLDS("a load faults", load_faults(page));
    GIVES(KERN_SUCCESS, protect(page, 1, VM_PROT_READ));
    HOLDS("content is there", is_filled(page, PAGE, 'x'));
    HOLDS("a store faults", store_faults(page));
    GIVES(KERN_SUCCESS, protect(page, 1, RW));
    HOLDS("a store does not", !store_faults(page));
    HOLDS("content is there", is_filled(page, PAGE, 'x'));
}

static void case_29(void)
{
    uint64_t pages = allocate(3);

    GIVES(KERN_SUCCESS, release(pages + PAGE, 1));
    GIVES(KERN_INVALID_ADDRESS, protect(pages, 3, VM_PROT_READ));
    HOLDS("nothing changed", !store_faults(pages) && !store_faults(pages + 2 * PAGE));
}

static void case_30(void)
{
    uint64_t page = allocate(1);

    GIVES(KERN_SUCCESS, protect_max(page, 1, VM_PROT_READ));
    HOLDS("a store faults at once", store_faults(page));
    GIVES(KERN_PROTECTION_FAILURE, protect(page, 1, RW));
    GIVES(KERN_PROTECTION_FAILURE, protect_max(page, 1, VM_PROT_ALL));
}

static void case_31(void)
{
    const uint64_t addresses[] = {0, 1, PAGE, last_page(), HIGHEST};
    uint64_t page = allocate(1);

    for (size_t i = 0; i < sizeof addresses / sizeof *addresses; i++)
        GIVES(KERN_SUCCESS, mach_vm_protect(SELF, addresses[i], 0, FALSE, VM_PROT_READ));
    GIVES(KERN_INVALID_ARGUMENT, protect(page, 1, 0x100));
    GIVES(KERN_INVALID_ARGUMENT, protect_max(page, 1, 0x100));
}
