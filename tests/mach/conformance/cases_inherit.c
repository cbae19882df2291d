/*
 * mach_vm_inherit, minherit, and what a fork does with regions: cases 77 to 93.
 *
 * In most of them the parent fills pages with 'A' and forks a child, which does its part when it is told to: parent and child take
 * turns over two gates. What the child sees it notes itself.
 */
#include "mach/conformance/conformance.h"

#include <limits.h>
#include <sys/mman.h>

#define CASES(X)                                                                                                       \
    X(77, "a region with the default rule")                                                                            \
    X(78, "a shared region")                                                                                           \
    X(79, "a region that is not inherited")                                                                            \
    X(80, "shared memory of mmap, inherited as a copy")                                                                \
    X(81, "the same, while the parent writes first")                                                                   \
    X(82, "unknown rules")                                                                                             \
    X(83, "an unknown rule for nothing")                                                                               \
    X(84, "a rule over holes")                                                                                         \
    X(85, "a rule takes whole pages")                                                                                  \
    X(86, "a range that overflows")                                                                                    \
    X(87, "each page has its rule")                                                                                    \
    X(88, "mappings of an entry, by their rule")                                                                       \
    X(89, "protections are inherited")                                                                                 \
    X(90, "children of children")                                                                                      \
    X(91, "a child's rule is for its own children")                                                                    \
    X(92, "a child may unmap what it did not inherit")                                                                 \
    X(93, "there is no zeroing inheritance")

CASES(CONFORMANCE_DECLARE)

const struct conformance_case cases_inherit[] = {CASES(CONFORMANCE_ROW){NULL, NULL, NULL}};

/* What a child needs. */
struct family {
    uint64_t page;
    struct gate parent_did, child_did;
    void (*child)(const struct family *family);
};

static int child_body(void *context)
{
    const struct family *family = context;

    family->child(family);
    return 0;
}

/* Let a child run its part beside `meanwhile` (may be NULL) of the parent. */
static void with_child(uint64_t page, void (*child)(const struct family *), void (*meanwhile)(const struct family *))
{
    struct family family = {page, gate_make(), gate_make(), child};
    pid_t pid = child_start(child_body, &family);

    if (meanwhile != NULL)
        meanwhile(&family);
    HOLDS("the child ends well", child_end(pid) == 0);
    gate_close(&family.parent_did);
    gate_close(&family.child_did);
}

static uint64_t filled(uint64_t pages)
{
    uint64_t address = allocate(pages);

    fill(address, pages * PAGE, 'A');
    return address;
}

static void write_after_child(const struct family *family)
{
    gate_wait(&family->child_did, NULL);
    fill(family->page, PAGE, 'P');
    gate_pass(&family->parent_did, 0);
}

/* ---- 77 to 81: the rules ---- */

static void child_of_copy(const struct family *family)
{
    HOLDS("the child reads A", is_filled(family->page, PAGE, 'A'));
    gate_pass(&family->child_did, 0);
    gate_wait(&family->parent_did, NULL);
    HOLDS("the parent's later write is not seen", is_filled(family->page, PAGE, 'A'));
    fill(family->page, PAGE, 'C');
}

static void case_77(void)
{
    uint64_t page = filled(1);

    with_child(page, child_of_copy, write_after_child);
    HOLDS("nor is the child's", is_filled(page, PAGE, 'P'));
}

static void child_of_share(const struct family *family)
{
    HOLDS("the child reads A", is_filled(family->page, PAGE, 'A'));
    gate_pass(&family->child_did, 0);
    gate_wait(&family->parent_did, NULL);
    HOLDS("the parent's later write is seen", is_filled(family->page, PAGE, 'P'));
    fill(family->page, PAGE, 'C');
}

static void case_78(void)
{
    uint64_t page = filled(1);

    GIVES(KERN_SUCCESS, set_inherit(page, 1, VM_INHERIT_SHARE));
    HOLDS("the data is kept", is_filled(page, PAGE, 'A'));
    with_child(page, child_of_share, write_after_child);
    HOLDS("so is the child's", is_filled(page, PAGE, 'C'));
}

static void child_of_none(const struct family *family)
{
    HOLDS("access faults", load_faults(family->page));
    GIVES(KERN_SUCCESS, allocate_at(family->page, PAGE, VM_FLAGS_FIXED));
    HOLDS("zeroes", is_filled(family->page, PAGE, 0));
    fill(family->page, PAGE, 'C');
}

static void case_79(void)
{
    uint64_t page = filled(1);

    GIVES(KERN_SUCCESS, set_inherit(page, 1, VM_INHERIT_NONE));
    with_child(page, child_of_none, NULL);
    HOLDS("the parent's is as it was", is_filled(page, PAGE, 'A'));
}

static uint64_t mmapped(uint64_t pages)
{
    void *memory = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    HOLDS("mapped", memory != MAP_FAILED);
    memset(memory, 'A', pages * PAGE);
    return (uintptr_t)memory;
}

static void child_writes(const struct family *family)
{
    fill(family->page, PAGE, 'C');
}

static void case_80(void)
{
    uint64_t page = mmapped(1);

    HOLDS("minherit succeeds", minherit((void *)(uintptr_t)page, PAGE, (int)VM_INHERIT_COPY) == 0);
    with_child(page, child_writes, NULL);
    HOLDS("the child's write is not seen", is_filled(page, PAGE, 'A'));
}

static void child_reads_late(const struct family *family)
{
    gate_wait(&family->parent_did, NULL);
    HOLDS("the child still reads A", is_filled(family->page, PAGE, 'A'));
}

static void write_first(const struct family *family)
{
    fill(family->page, PAGE, 'P');
    gate_pass(&family->parent_did, 0);
}

static void case_81(void)
{
    uint64_t page = mmapped(1);

    HOLDS("minherit succeeds", minherit((void *)(uintptr_t)page, PAGE, (int)VM_INHERIT_COPY) == 0);
    with_child(page, child_reads_late, write_first);
}

/* ---- 82 to 86: arguments ---- */

static void minherit_fails(uint64_t address, uint64_t size, int rule)
{
    errno = 0;
    HOLDS("minherit is -1", minherit((void *)(uintptr_t)address, size, rule) == -1);
    HOLDS("and errno EINVAL", errno == EINVAL);
}

static void case_82(void)
{
    uint64_t page = filled(1);
    const int rules[] = {3, 666, -1};

    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
        GIVES(KERN_INVALID_ARGUMENT, set_inherit(page, 1, (vm_inherit_t)rules[i]));
        minherit_fails(page, PAGE, rules[i]);
    }
}

static void case_83(void)
{
    uint64_t page = filled(1);

    GIVES(KERN_SUCCESS, set_inherit(page, 0, 666));
    minherit_fails(page, 0, 666);
}

static void child_misses_both_ends(const struct family *family)
{
    HOLDS("the mapped parts are not inherited", load_faults(family->page) && load_faults(family->page + 2 * PAGE));
}

static void case_84(void)
{
    uint64_t pages = filled(3), nothing = filled(1);

    GIVES(KERN_SUCCESS, release(pages + PAGE, 1));
    GIVES(KERN_SUCCESS, release(nothing, 1));
    GIVES(KERN_SUCCESS, set_inherit(nothing, 1, VM_INHERIT_NONE));
    GIVES(KERN_SUCCESS, set_inherit(pages, 3, VM_INHERIT_NONE));
    with_child(pages, child_misses_both_ends, NULL);
}

static void child_misses_the_middle(const struct family *family)
{
    HOLDS("the pages it touches have it", load_faults(family->page + PAGE) && load_faults(family->page + 2 * PAGE));
    HOLDS("their neighbours do not", !load_faults(family->page) && !load_faults(family->page + 3 * PAGE));
}

static void case_85(void)
{
    uint64_t pages = filled(4);

    GIVES(KERN_SUCCESS, mach_vm_inherit(SELF, pages + 2 * PAGE - 1, 2, VM_INHERIT_NONE));
    with_child(pages, child_misses_the_middle, NULL);
}

static void case_86(void)
{
    uint64_t page = filled(1);

    GIVES(KERN_INVALID_ARGUMENT, mach_vm_inherit(SELF, page, HIGHEST, VM_INHERIT_NONE));
    minherit_fails(page, HIGHEST, (int)VM_INHERIT_NONE);
}

/* ---- 87 to 89: pages, entries, protections ---- */

static void child_of_three_rules(const struct family *family)
{
    gate_wait(&family->parent_did, NULL);
    HOLDS("the first is absent", load_faults(family->page));
    HOLDS("the second is shared", is_filled(family->page + PAGE, PAGE, 'P'));
    HOLDS("the third is a copy", is_filled(family->page + 2 * PAGE, PAGE, 'A'));
    fill(family->page + PAGE, 2 * PAGE, 'C');
}

static void write_three(const struct family *family)
{
    fill(family->page, 3 * PAGE, 'P');
    gate_pass(&family->parent_did, 0);
}

static void case_87(void)
{
    uint64_t pages = filled(3);

    GIVES(KERN_SUCCESS, set_inherit(pages, 1, VM_INHERIT_NONE));
    GIVES(KERN_SUCCESS, set_inherit(pages + PAGE, 1, VM_INHERIT_SHARE));
    GIVES(KERN_SUCCESS, set_inherit(pages + 2 * PAGE, 1, VM_INHERIT_COPY));
    with_child(pages, child_of_three_rules, write_three);
    HOLDS("the parent sees the child's write to the second", is_filled(pages + PAGE, PAGE, 'C'));
    HOLDS("and not to the third", is_filled(pages + 2 * PAGE, PAGE, 'P'));
}

static void case_88(void)
{
    mach_port_t entry = fresh_entry(1, RW);
    uint64_t address = 0, pages = allocate(3);
    const vm_inherit_t rules[] = {VM_INHERIT_NONE, VM_INHERIT_SHARE, VM_INHERIT_COPY};

    for (size_t i = 0; i < 3; i++) {
        address = pages + i * PAGE;
        GIVES(KERN_SUCCESS,
              map_at(&address, VM_FLAGS_FIXED | VM_FLAGS_OVERWRITE, entry, 0, PAGE, FALSE, RW, RW, rules[i]));
    }
    fill(pages, PAGE, 'A'); /* all three are one memory here */
    with_child(pages, child_of_three_rules, write_three);
    HOLDS("the parent sees the child's write to the shared one", is_filled(pages, PAGE, 'C'));
}

static void child_of_protection(const struct family *family)
{
    HOLDS("it can be read", is_filled(family->page, PAGE, 'A'));
    HOLDS("and not written", store_faults(family->page));
    GIVES(KERN_PROTECTION_FAILURE, protect(family->page, 1, RW));
}

static void case_89(void)
{
    uint64_t page = filled(1);

    GIVES(KERN_SUCCESS, protect_max(page, 1, VM_PROT_READ));
    with_child(page, child_of_protection, NULL);
}

/* ---- 90, 91: generations ---- */

static void grandchild_of_two_rules(const struct family *family)
{
    HOLDS("the grandchild sees the child's write to the shared page", is_filled(family->page, PAGE, 'C'));
    HOLDS("and its copy of the other", is_filled(family->page + PAGE, PAGE, 'C'));
    fill(family->page, 2 * PAGE, 'G');
}

static void child_with_child(const struct family *family)
{
    fill(family->page, 2 * PAGE, 'C');
    with_child(family->page, grandchild_of_two_rules, NULL);
    HOLDS("the child sees the grandchild's write to the shared page", is_filled(family->page, PAGE, 'G'));
    HOLDS("and not to the other", is_filled(family->page + PAGE, PAGE, 'C'));
}

static void case_90(void)
{
    uint64_t pages = filled(2);

    GIVES(KERN_SUCCESS, set_inherit(pages, 1, VM_INHERIT_SHARE));
    with_child(pages, child_with_child, NULL);
    HOLDS("so does the parent", is_filled(pages, PAGE, 'G'));
    HOLDS("whose own page is untouched", is_filled(pages + PAGE, PAGE, 'A'));
}

static void grandchild_misses(const struct family *family)
{
    HOLDS("the grandchild lacks it", load_faults(family->page));
}

static void child_that_keeps_it(const struct family *family)
{
    GIVES(KERN_SUCCESS, set_inherit(family->page, 1, VM_INHERIT_NONE));
    with_child(family->page, grandchild_misses, NULL);
}

static void child_that_has_it(const struct family *family)
{
    HOLDS("another child has it", is_filled(family->page, PAGE, 'A'));
    fill(family->page, PAGE, 'C');
}

static void case_91(void)
{
    uint64_t page = filled(1);

    GIVES(KERN_SUCCESS, set_inherit(page, 1, VM_INHERIT_SHARE));
    with_child(page, child_that_keeps_it, NULL);
    with_child(page, child_that_has_it, NULL);
    HOLDS("shared with the parent", is_filled(page, PAGE, 'C'));
}

/* ---- 92, 93: what other systems do ---- */

/* OpenBSD's munmap fails on a hole; macOS's and Linux's do not. */
static void child_unmaps(const struct family *family)
{
    HOLDS("munmap of the hole succeeds", munmap((void *)(uintptr_t)family->page, PAGE) == 0);
    GIVES(KERN_SUCCESS, release(family->page, 1));
}

static void case_92(void)
{
    uint64_t page = filled(1);

    GIVES(KERN_SUCCESS, set_inherit(page, 1, VM_INHERIT_NONE));
    with_child(page, child_unmaps, NULL);
}

static void case_93(void)
{
    minherit_fails(filled(1), PAGE, 3);
}
