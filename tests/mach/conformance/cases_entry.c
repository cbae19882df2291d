/* mach_make_memory_entry_64, and mach_vm_map of entries: cases 46 to 76. */
#include "mach/conformance/conformance.h"

#define CASES(X)                                                                                                       \
    X(46, "an entry and its mapping are one memory")                                                                   \
    X(47, "sizes come in pages")                                                                                       \
    X(48, "an offset within a page")                                                                                   \
    X(49, "entries of size 0")                                                                                         \
    X(50, "an entry over nothing")                                                                                     \
    X(51, "an entry over a hole")                                                                                      \
    X(52, "an entry over a change of protection")                                                                      \
    X(53, "an entry with more rights than its memory")                                                                 \
    X(54, "an entry with rights that are not current")                                                                 \
    X(55, "an entry over 200 MiB")                                                                                     \
    X(56, "an unknown flag")                                                                                           \
    X(57, "fresh memory, mapped twice")                                                                                \
    X(58, "a mapping outlives the right")                                                                              \
    X(59, "an entry outlives its memory")                                                                              \
    X(60, "the second page of an entry")                                                                               \
    X(61, "parts that reach beyond the entry")                                                                         \
    X(62, "a part that begins within a page")                                                                          \
    X(63, "a part that overflows")                                                                                     \
    X(64, "a part of a VM_SHARE entry is all of it")                                                                   \
    X(65, "a VM_COPY entry is a snapshot")                                                                             \
    X(66, "two mappings of a VM_COPY entry")                                                                           \
    X(67, "a copied mapping is a snapshot")                                                                            \
    X(68, "a read-only entry, mapped")                                                                                 \
    X(69, "a read-only mapping stays so, and follows its creator")                                                     \
    X(70, "an entry over a read-only mapping")                                                                         \
    X(71, "children of an entry")                                                                                      \
    X(72, "a child outlives its parent")                                                                               \
    X(73, "VM_COPY and VM_SHARE entries have no children")                                                             \
    X(74, "reuse of the very parent")                                                                                  \
    X(75, "an entry over a live mapping")                                                                              \
    X(76, "bad attributes come before missing rights")

CASES(CONFORMANCE_DECLARE)

const struct conformance_case cases_entry[] = {CASES(CONFORMANCE_ROW){NULL, NULL, NULL}};

static const mach_port_t UNTOUCHED = 0x4321;

/* An entry that is refused leaves handle and size alone (Mach 0.5). */
static void refused(kern_return_t expected, uint64_t offset, uint64_t size, vm_prot_t permission, mach_port_t parent)
{
    mach_port_t entry = UNTOUCHED;
    uint64_t covered;

    GIVES(expected, make_entry(offset, size, permission, parent, &entry, &covered));
    HOLDS("handle and size untouched", entry == UNTOUCHED && covered == size);
}

/* An entry that is made, over so many pages. */
static mach_port_t made(uint64_t pages, uint64_t offset, uint64_t size, vm_prot_t permission, mach_port_t parent)
{
    mach_port_t entry = MACH_PORT_NULL;
    uint64_t covered;

    GIVES(KERN_SUCCESS, make_entry(offset, size, permission, parent, &entry, &covered));
    HOLDS("the size expected", covered == pages * PAGE);
    return entry;
}

static void unmappable(kern_return_t expected, mach_port_t entry, uint64_t offset, uint64_t size, vm_prot_t current,
                       vm_prot_t max)
{
    uint64_t address = 0;

    GIVES(expected, map_at(&address, VM_FLAGS_ANYWHERE, entry, offset, size, FALSE, current, max, VM_INHERIT_DEFAULT));
    HOLDS("address untouched", address == 0);
}

static uint64_t mapped(mach_port_t entry, uint64_t offset, uint64_t size, boolean_t copy)
{
    uint64_t address = 0;

    GIVES(KERN_SUCCESS, map_at(&address, VM_FLAGS_ANYWHERE, entry, offset, size, copy, RW, RW, VM_INHERIT_DEFAULT));
    return address;
}

/* Pages filled with 'a', 'b', ... */
static uint64_t lettered(uint64_t pages)
{
    uint64_t address = allocate(pages);

    for (uint64_t i = 0; i < pages; i++)
        fill(address + i * PAGE, PAGE, 'a' + (int)i);
    return address;
}

static void case_46(void)
{
    uint64_t page = lettered(1);
    mach_port_t entry = made(1, page, PAGE, RW, MACH_PORT_NULL);
    uint64_t again = mapped(entry, 0, PAGE, FALSE);

    HOLDS("another address", again != page);
    HOLDS("the data is there", is_filled(again, PAGE, 'a'));
    fill(page, PAGE, 'x');
    HOLDS("a write to the memory shows in the mapping", is_filled(again, PAGE, 'x'));
    fill(again, PAGE, 'y');
    HOLDS("a write to the mapping shows in the memory", is_filled(page, PAGE, 'y'));
    GIVES(KERN_SUCCESS, drop(entry));
}

static void case_47(void)
{
    uint64_t pages = allocate(2);

    made(1, pages, 1, RW, MACH_PORT_NULL);
    made(2, pages, PAGE + 1, RW, MACH_PORT_NULL);
}

static void case_48(void)
{
    uint64_t pages = lettered(2);
    mach_port_t entry = made(2, pages + 100, PAGE, RW, MACH_PORT_NULL);
    uint64_t again = mapped(entry, 0, 2 * PAGE, FALSE);

    HOLDS("it begins with the page", is_filled(again, PAGE, 'a') && is_filled(again + PAGE, PAGE, 'b'));
}

static void case_49(void)
{
    uint64_t page = allocate(1);
    mach_port_t entry = UNTOUCHED;
    uint64_t covered;

    refused(KERN_INVALID_ARGUMENT, page, 0, RW, MACH_PORT_NULL);
    refused(KERN_INVALID_ARGUMENT, page, 0, RW | MAP_MEM_VM_SHARE, MACH_PORT_NULL);
    refused(KERN_INVALID_ARGUMENT, page, 0, RW | MAP_MEM_VM_COPY, MACH_PORT_NULL);
    GIVES(KERN_SUCCESS, make_entry(0, 0, RW | MAP_MEM_NAMED_CREATE, MACH_PORT_NULL, &entry, &covered));
    HOLDS("no handle, and size 0", entry == MACH_PORT_NULL && covered == 0);
}

static void case_50(void)
{
    uint64_t page = allocate(1);

    GIVES(KERN_SUCCESS, release(page, 1));
    refused(KERN_INVALID_ADDRESS, page, PAGE, RW, MACH_PORT_NULL);
}

static void case_51(void)
{
    uint64_t pages = allocate(3);

    GIVES(KERN_SUCCESS, release(pages + PAGE, 1));
    made(1, pages, 3 * PAGE, RW, MACH_PORT_NULL);
    refused(KERN_INVALID_ADDRESS, pages, 3 * PAGE, RW | MAP_MEM_VM_SHARE, MACH_PORT_NULL);
    refused(KERN_INVALID_ADDRESS, pages, 3 * PAGE, VM_PROT_READ | MAP_MEM_VM_COPY, MACH_PORT_NULL);
}

static void case_52(void)
{
    uint64_t pages = allocate(2);

    GIVES(KERN_SUCCESS, protect(pages + PAGE, 1, VM_PROT_READ));
    made(1, pages, 2 * PAGE, RW, MACH_PORT_NULL);
    refused(KERN_PROTECTION_FAILURE, pages, 2 * PAGE, RW | MAP_MEM_VM_SHARE, MACH_PORT_NULL);
    HOLDS("the second page is still read-only", store_faults(pages + PAGE));
    GIVES(KERN_SUCCESS, protect(pages + PAGE, 1, RW));
}

static void case_53(void)
{
    uint64_t page = allocate(1);

    GIVES(KERN_SUCCESS, protect(page, 1, VM_PROT_READ));
    refused(KERN_PROTECTION_FAILURE, page, PAGE, RW, MACH_PORT_NULL);
    mach_port_t entry = made(1, page, PAGE, RW | VM_PROT_IS_MASK, MACH_PORT_NULL);
    unmappable(KERN_INVALID_RIGHT, entry, 0, PAGE, RW, RW);
    HOLDS("the entry can be read", map_pages(entry, 0, 1, VM_PROT_READ) != 0);
}

static void case_54(void)
{
    uint64_t page = allocate(1);

    refused(KERN_PROTECTION_FAILURE, page, PAGE, VM_PROT_ALL, MACH_PORT_NULL);
    mach_port_t entry = made(1, page, PAGE, VM_PROT_ALL | VM_PROT_IS_MASK, MACH_PORT_NULL);
    unmappable(KERN_INVALID_RIGHT, entry, 0, PAGE, VM_PROT_ALL, VM_PROT_ALL);
    unmappable(KERN_INVALID_RIGHT, entry, 0, PAGE, RW, VM_PROT_ALL);
    mapped(entry, 0, PAGE, FALSE);
    HOLDS("fresh memory may be executed", map_pages(fresh_entry(1, VM_PROT_ALL), 0, 1, VM_PROT_ALL) != 0);
}

/* On macOS the plain entry ends after 128 MiB, which programs must expect; here it covers all. */
static void case_55(void)
{
    const uint64_t pages = (UINT64_C(200) << 20) / PAGE;
    uint64_t address = allocate(pages);

    made(pages, address, pages * PAGE, RW, MACH_PORT_NULL);
    made(pages, address, pages * PAGE, RW | MAP_MEM_VM_SHARE, MACH_PORT_NULL);
    made(pages, 0, pages * PAGE, RW | MAP_MEM_NAMED_CREATE, MACH_PORT_NULL);
}

static void case_56(void)
{
    uint64_t page = allocate(1);

    refused(KERN_INVALID_VALUE, page, PAGE, RW | 0x100, MACH_PORT_NULL);
}

static void case_57(void)
{
    mach_port_t entry = made(3, 0, 3 * PAGE, RW | MAP_MEM_NAMED_CREATE, MACH_PORT_NULL);
    uint64_t one = mapped(entry, 0, 3 * PAGE, FALSE), two = mapped(entry, 0, 3 * PAGE, FALSE);

    HOLDS("both are zeroes", is_filled(one, 3 * PAGE, 0) && is_filled(two, 3 * PAGE, 0));
    fill(one, 3 * PAGE, 'x');
    HOLDS("they are one memory", is_filled(two, 3 * PAGE, 'x'));
    GIVES(KERN_SUCCESS, release(one, 3));
    HOLDS("the other keeps the data", is_filled(two, 3 * PAGE, 'x'));
}

static void case_58(void)
{
    mach_port_t entry = fresh_entry(1, RW);
    uint64_t page = mapped(entry, 0, PAGE, FALSE);

    fill(page, PAGE, 'x');
    GIVES(KERN_SUCCESS, drop(entry));
    HOLDS("the data is there", is_filled(page, PAGE, 'x'));
    unmappable(MACH_SEND_INVALID_RIGHT, entry, 0, PAGE, RW, RW);
}

static void case_59(void)
{
    uint64_t page = lettered(1);
    mach_port_t entry = entry_over(page, 1, RW);

    GIVES(KERN_SUCCESS, release(page, 1));
    HOLDS("the old content", is_filled(mapped(entry, 0, PAGE, FALSE), PAGE, 'a'));
}

static void case_60(void)
{
    mach_port_t over = entry_over(lettered(3), 3, RW), fresh = fresh_entry(3, RW);
    uint64_t all = mapped(fresh, 0, 3 * PAGE, FALSE);

    HOLDS("of memory: its second page", is_filled(mapped(over, PAGE, PAGE, FALSE), PAGE, 'b'));
    fill(all + PAGE, PAGE, 'y');
    HOLDS("of fresh memory: its second page", is_filled(mapped(fresh, PAGE, PAGE, FALSE), PAGE, 'y'));
}

static void case_61(void)
{
    mach_port_t entry = entry_over(lettered(3), 3, RW);

    unmappable(KERN_INVALID_ARGUMENT, entry, 2 * PAGE, 2 * PAGE, RW, RW);
    unmappable(KERN_INVALID_ARGUMENT, entry, 3 * PAGE, 1, RW, RW);
    HOLDS("one byte of the last page is that page", is_filled(mapped(entry, 2 * PAGE, 1, FALSE), PAGE, 'c'));
}

static void case_62(void)
{
    unmappable(KERN_INVALID_ARGUMENT, fresh_entry(2, RW), 100, PAGE, RW, RW);
}

static void case_63(void)
{
    mach_port_t entry = fresh_entry(1, RW);

    unmappable(KERN_INVALID_ARGUMENT, entry, HIGHEST, PAGE, RW, RW);
    unmappable(KERN_INVALID_ARGUMENT, entry, 0, HIGHEST, RW, RW);
}

static void case_64(void)
{
    uint64_t pages = lettered(3);
    mach_port_t entry = made(3, pages, 3 * PAGE, RW | MAP_MEM_VM_SHARE, MACH_PORT_NULL);
    uint64_t address = mapped(entry, PAGE, PAGE, FALSE);

    HOLDS("its first page first", is_filled(address, PAGE, 'a'));
    HOLDS("and all three", is_filled(address + PAGE, PAGE, 'b') && is_filled(address + 2 * PAGE, PAGE, 'c'));
    fill(address, PAGE, 'x');
    HOLDS("shared with the memory", is_filled(pages, PAGE, 'x'));
}

static void case_65(void)
{
    uint64_t page = lettered(1);
    mach_port_t entry = made(1, page, PAGE, RW | MAP_MEM_VM_COPY, MACH_PORT_NULL);

    fill(page, PAGE, 'x');
    uint64_t address = mapped(entry, 0, PAGE, FALSE);
    HOLDS("a write to the source is not seen", is_filled(address, PAGE, 'a'));
    fill(address, PAGE, 'y');
    HOLDS("a write to the mapping neither", is_filled(page, PAGE, 'x'));
}

static void case_66(void)
{
    mach_port_t entry = made(1, lettered(1), PAGE, RW | MAP_MEM_VM_COPY, MACH_PORT_NULL);
    uint64_t one = mapped(entry, 0, PAGE, FALSE), two = mapped(entry, 0, PAGE, FALSE);

    fill(one, PAGE, 'x');
    HOLDS("they share with each other", is_filled(two, PAGE, 'x'));
}

static void case_67(void)
{
    uint64_t pages = lettered(2);
    uint64_t copy = mapped(entry_over(pages, 2, RW), 0, 2 * PAGE, TRUE);

    HOLDS("a page that is touched first", is_filled(copy, PAGE, 'a'));
    fill(pages, 2 * PAGE, 'x');
    HOLDS("keeps its content", is_filled(copy, PAGE, 'a'));
    HOLDS("and so does one that is not", is_filled(copy + PAGE, PAGE, 'b'));
    fill(copy, 2 * PAGE, 'y');
    HOLDS("the original does not see writes to the copy", is_filled(pages, 2 * PAGE, 'x'));
}

static void case_68(void)
{
    mach_port_t entry = entry_over(lettered(1), 1, VM_PROT_READ);
    const vm_prot_t mask = RW | VM_PROT_IS_MASK;
    uint64_t address = 0;

    HOLDS("it can be read", map_pages(entry, 0, 1, VM_PROT_READ) != 0);
    unmappable(KERN_INVALID_RIGHT, entry, 0, PAGE, RW, RW);
    unmappable(KERN_INVALID_RIGHT, entry, 0, PAGE, VM_PROT_READ, RW);
    GIVES(KERN_SUCCESS, map_at(&address, VM_FLAGS_ANYWHERE, entry, 0, PAGE, FALSE, mask, mask, VM_INHERIT_DEFAULT));
    HOLDS("a mask takes what there is: reading", !load_faults(address) && store_faults(address));
}

static void case_69(void)
{
    uint64_t page = lettered(1);
    uint64_t view = map_pages(entry_over(page, 1, VM_PROT_READ), 0, 1, VM_PROT_READ);

    GIVES(KERN_PROTECTION_FAILURE, protect(view, 1, RW));
    fill(page, PAGE, 'x');
    HOLDS("the creator's write shows", is_filled(view, PAGE, 'x'));
}

static void case_70(void)
{
    uint64_t view = map_pages(entry_over(lettered(1), 1, VM_PROT_READ), 0, 1, VM_PROT_READ);
    mach_port_t entry = made(1, view, PAGE, VM_PROT_READ, MACH_PORT_NULL);

    HOLDS("over the same memory", is_filled(map_pages(entry, 0, 1, VM_PROT_READ), PAGE, 'a'));
    refused(KERN_PROTECTION_FAILURE, view, PAGE, RW, MACH_PORT_NULL);
}

static void case_71(void)
{
    mach_port_t parent = entry_over(lettered(4), 4, RW), reader = entry_over(lettered(1), 1, VM_PROT_READ);
    mach_port_t child = made(1, PAGE, PAGE, VM_PROT_READ, parent);

    HOLDS("the second page", is_filled(map_pages(child, 0, 1, VM_PROT_READ), PAGE, 'b'));
    unmappable(KERN_INVALID_RIGHT, child, 0, PAGE, RW, RW);
    refused(KERN_INVALID_ARGUMENT, 4 * PAGE, PAGE, VM_PROT_READ, parent);
    refused(KERN_PROTECTION_FAILURE, 0, PAGE, RW, reader);
    unmappable(KERN_INVALID_RIGHT, made(1, 0, PAGE, RW | VM_PROT_IS_MASK, reader), 0, PAGE, RW, RW);
}

static void case_72(void)
{
    mach_port_t parent = entry_over(lettered(2), 2, RW);
    mach_port_t child = made(1, PAGE, PAGE, RW, parent);

    GIVES(KERN_SUCCESS, drop(parent));
    HOLDS("the child still maps", is_filled(mapped(child, 0, PAGE, FALSE), PAGE, 'b'));
}

static void case_73(void)
{
    const vm_prot_t kinds[] = {MAP_MEM_VM_COPY, MAP_MEM_VM_SHARE};

    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        mach_port_t parent = made(1, lettered(1), PAGE, RW | kinds[i], MACH_PORT_NULL);
        refused(KERN_INVALID_ARGUMENT, 0, PAGE, RW, parent);
        refused(KERN_INVALID_ARGUMENT, 0, PAGE, RW | 0x100, parent); /* it comes before the unknown flag */
    }
}

static void case_74(void)
{
    mach_port_t parent = fresh_entry(1, RW);
    uint64_t address = mapped(parent, 0, PAGE, FALSE);
    mach_port_t reused = made(1, address, PAGE, RW | MAP_MEM_NAMED_REUSE, parent);
    mach_port_urefs_t references = 0;

    HOLDS("the parent's name", reused == parent);
    GIVES(KERN_SUCCESS, mach_port_get_refs(SELF, parent, MACH_PORT_RIGHT_SEND, &references));
    HOLDS("two references", references == 2);

    uint64_t pages = lettered(2);
    mach_port_t over = entry_over(pages, 2, RW);
    HOLDS("a plain entry is reused too", made(2, pages, 2 * PAGE, RW | MAP_MEM_NAMED_REUSE, over) == over);
    GIVES(KERN_SUCCESS, mach_port_get_refs(SELF, over, MACH_PORT_RIGHT_SEND, &references));
    HOLDS("two references", references == 2);
    HOLDS("a part of it is another entry", made(1, pages, PAGE, RW | MAP_MEM_NAMED_REUSE, over) != over);
}

static void case_75(void)
{
    uint64_t page = lettered(1);
    mach_port_t entry = fresh_entry(1, RW);
    uint64_t address = page;

    GIVES(KERN_NO_SPACE, map_at(&address, VM_FLAGS_FIXED, entry, 0, PAGE, FALSE, RW, RW, VM_INHERIT_DEFAULT));
    HOLDS("the memory is untouched", is_filled(page, PAGE, 'a'));
    GIVES(KERN_SUCCESS,
          map_at(&address, VM_FLAGS_FIXED | VM_FLAGS_OVERWRITE, entry, 0, PAGE, FALSE, RW, RW, VM_INHERIT_DEFAULT));
    HOLDS("replaced", address == page && is_filled(page, PAGE, 0));
}

static void case_76(void)
{
    mach_port_t entry = fresh_entry(1, VM_PROT_READ);
    uint64_t address = 0;

    GIVES(KERN_INVALID_ARGUMENT, map_at(&address, VM_FLAGS_ANYWHERE, entry, 0, PAGE, FALSE, VM_PROT_READ, VM_PROT_READ,
                                        VM_INHERIT_DONATE_COPY));
    unmappable(KERN_INVALID_ARGUMENT, entry, 0, PAGE, VM_PROT_ALL + 1, VM_PROT_ALL);
    HOLDS("address untouched", address == 0);
}
