/* What a fork does with memory: cases 77 to 93, and scenarios S1b to S1d and S6 as far as they are about memory. */
#include "mach/memory.h"

#include <sys/mman.h>

/* A child and its parent take turns. Each waits for the other's word, or for its end. */
struct turns {
    struct gate to_child, to_parent;
};

static struct turns turns_make(void)
{
    return (struct turns){gate_make(), gate_make()};
}

static void turns_end(struct turns *turns)
{
    gate_close(&turns->to_child);
    gate_close(&turns->to_parent);
}

/* The child's side: "I am done, go on", and wait until the parent is. */
static void child_turn(struct turns *turns)
{
    gate_pass(&turns->to_parent, 1);
    CHECK(gate_wait(&turns->to_child, NULL));
}

/* ---- one region, seen by a child ---- */

enum expectation { COPIED, SHARED, ABSENT };

struct view_of {
    uint64_t address, pages;
    enum expectation expectation;
    struct turns turns;
};

/*
 * Fork; then the parent writes 'P' before the child has touched anything; then the child writes 'C' in the second half
 * of each page.
 */
static int look(void *context)
{
    struct view_of *view = context;
    uint64_t size = view->pages * PAGE;

    child_turn(&view->turns);
    for (uint64_t page = view->address; page < view->address + size; page += PAGE) {
        CHECK(can_read(page) == (view->expectation != ABSENT));
        if (view->expectation == ABSENT) {
            CHECK(allocate_at(page, PAGE, VM_FLAGS_FIXED) == KERN_SUCCESS);
            continue;
        }
        CHECK(is_filled(page, PAGE / 2, view->expectation == SHARED ? 'P' : 'A'));
        fill(page + PAGE / 2, PAGE / 2, 'C');
    }
    return 0;
}

static void child_sees(uint64_t address, uint64_t pages, enum expectation expectation)
{
    struct view_of view = {address, pages, expectation, turns_make()};

    fill(address, pages * PAGE, 'A');
    pid_t child = child_start(look, &view);
    assert_true(gate_wait(&view.turns.to_parent, NULL));
    for (uint64_t page = address; page < address + pages * PAGE; page += PAGE)
        fill(page, PAGE / 2, 'P');
    gate_pass(&view.turns.to_child, 1);
    assert_int_equal(child_end(child), 0);
    for (uint64_t page = address; page < address + pages * PAGE; page += PAGE) {
        assert_true(is_filled(page, PAGE / 2, 'P'));
        assert_true(is_filled(page + PAGE / 2, PAGE / 2, expectation == SHARED ? 'C' : 'A'));
    }
    turns_end(&view.turns);
}

/* Cases 77, 78, 79 */
static void allocated_memory(void **state)
{
    uint64_t pages = allocate(3);
    (void)state;
    child_sees(pages, 3, COPIED);
    assert_int_equal(set_inherit(pages, 3, VM_INHERIT_SHARE), KERN_SUCCESS);
    assert_true(is_filled(pages, PAGE / 2, 'P'));
    child_sees(pages, 3, SHARED);
    assert_int_equal(set_inherit(pages, 3, VM_INHERIT_NONE), KERN_SUCCESS);
    child_sees(pages, 3, ABSENT);
    assert_int_equal(set_inherit(pages, 3, VM_INHERIT_COPY), KERN_SUCCESS);
    child_sees(pages, 3, COPIED);
    release(pages, 3);
}

/* The order of the rules makes no difference; nor does the face: minherit. */
static void private_memory_stays_private(void **state)
{
    uint64_t page = allocate(1);
    (void)state;
    assert_int_equal(minherit((void *)(uintptr_t)page, PAGE, VM_INHERIT_NONE), 0);
    child_sees(page, 1, ABSENT);
    assert_int_equal(minherit((void *)(uintptr_t)page, PAGE, VM_INHERIT_COPY), 0);
    child_sees(page, 1, COPIED);
    assert_int_equal(minherit((void *)(uintptr_t)page, PAGE, VM_INHERIT_NONE), 0);
    assert_int_equal(minherit((void *)(uintptr_t)page, PAGE, VM_INHERIT_SHARE), 0);
    child_sees(page, 1, SHARED);
    release(page, 1);
}

/* Cases 80, 81, of memory from mmap; and the other rules for it. */
static void mapped_by_mmap(void **state)
{
    const int flags[] = {MAP_SHARED, MAP_PRIVATE};
    (void)state;
    for (int i = 0; i < 2; i++) {
        void *memory = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, flags[i] | MAP_ANONYMOUS, -1, 0);
        uint64_t address = (uintptr_t)memory;
        assert_true(memory != MAP_FAILED);
        child_sees(address, 2, flags[i] == MAP_SHARED ? SHARED : COPIED);
        assert_int_equal(minherit(memory, 2 * PAGE, VM_INHERIT_COPY), 0);
        child_sees(address, 2, COPIED);
        assert_int_equal(minherit(memory, 2 * PAGE, VM_INHERIT_NONE), 0);
        child_sees(address, 2, ABSENT);
        assert_int_equal(minherit(memory, 2 * PAGE, VM_INHERIT_SHARE), 0);
        child_sees(address, 2, SHARED);
        munmap(memory, 2 * PAGE);
    }
}

static int inspect_long_mapping(void *context)
{
    uint64_t address = *(uint64_t *)context;
    CHECK(is_filled(address, PAGE, 'f'));
    CHECK(is_filled(address + PAGE, 2 * PAGE, 0));
    fill(address, 3 * PAGE, 'C');
    return 0;
}

/* Past the end of its file, a copied mapping reads zeroes. */
static void a_mapping_longer_than_its_file(void **state)
{
    int fd = memfd_create("test", MFD_CLOEXEC);
    (void)state;
    assert_true(fd >= 0 && ftruncate(fd, (off_t)PAGE) == 0);
    void *memory = mmap(NULL, 3 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    uint64_t address = (uintptr_t)memory;
    assert_true(memory != MAP_FAILED);
    fill(address, PAGE, 'f');
    assert_int_equal(minherit(memory, 3 * PAGE, VM_INHERIT_COPY), 0);
    assert_int_equal(child_run(inspect_long_mapping, &address), 0);
    assert_true(is_filled(address, PAGE, 'f'));
    assert_false(can_read(address + PAGE));
    munmap(memory, 3 * PAGE);
    close(fd);
}

static int inspect_unreadable(void *context)
{
    uint64_t address = *(uint64_t *)context;
    CHECK(!can_read(address));
    CHECK(protect(address, 1, VM_PROT_READ) == KERN_SUCCESS);
    CHECK(is_filled(address, PAGE, 'A'));
    return 0;
}

/* What cannot be read now, but may be, is copied like the rest (Mach 4.8), and stays unreadable. */
static void unreadable_memory_is_copied(void **state)
{
    void *memory = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    uint64_t addresses[] = {(uintptr_t)memory, allocate(1)};
    mach_port_t entry = entry_over(addresses[1], 1, RW);
    (void)state;
    for (int i = 0; i < 2; i++) {
        fill(addresses[i], PAGE, 'A');
        assert_int_equal(set_inherit(addresses[i], 1, VM_INHERIT_COPY), KERN_SUCCESS);
        assert_int_equal(protect(addresses[i], 1, VM_PROT_NONE), KERN_SUCCESS);
        assert_int_equal(child_run(inspect_unreadable, &addresses[i]), 0);
        assert_false(can_read(addresses[i]));
        release(addresses[i], 1);
    }
    drop(entry);
}

/* Cases 82, 83, 84, 86, 93 */
static void bad_arguments(void **state)
{
    uint64_t pages = allocate(4);
    void *memory = (void *)(uintptr_t)pages;
    (void)state;
    assert_int_equal(set_inherit(pages, 1, 3), KERN_INVALID_ARGUMENT);
    assert_int_equal(set_inherit(pages, 1, 666), KERN_INVALID_ARGUMENT);
    assert_int_equal(mach_vm_inherit(SELF, pages, 0, 666), KERN_SUCCESS);
    errno = 0;
    assert_int_equal(minherit(memory, PAGE, 3), -1);
    assert_int_equal(errno, EINVAL);
    errno = 0;
    assert_int_equal(minherit(memory, 0, 666), -1);
    assert_int_equal(errno, EINVAL);
    assert_int_equal(minherit(memory, PAGE, -1), -1);
    assert_int_equal(minherit(memory, 0, VM_INHERIT_NONE), 0);
    assert_int_equal(mach_vm_inherit(SELF, pages, HIGHEST, 0), KERN_INVALID_ARGUMENT);
    assert_int_equal(mach_vm_inherit(SELF, HIGHEST, 1, 0), KERN_INVALID_ARGUMENT);
    errno = 0;
    assert_int_equal(minherit(memory, SIZE_MAX, VM_INHERIT_NONE), -1);
    assert_int_equal(errno, EINVAL);
    child_sees(pages, 4, COPIED);

    release(pages + PAGE, 1);
    assert_int_equal(set_inherit(pages + PAGE, 1, VM_INHERIT_NONE), KERN_SUCCESS);
    assert_int_equal(set_inherit(pages, 3, VM_INHERIT_NONE), KERN_SUCCESS);
    assert_int_equal(mach_vm_inherit(SELF, TOP, PAGE, VM_INHERIT_NONE), KERN_SUCCESS);
    child_sees(pages, 1, ABSENT);
    child_sees(pages + 2 * PAGE, 1, ABSENT);
    child_sees(pages + 3 * PAGE, 1, COPIED);
    release(pages, 4);
}

/* Cases 85, 87 */
static void each_page_has_its_rule(void **state)
{
    uint64_t pages = allocate(5);
    (void)state;
    assert_int_equal(mach_vm_inherit(SELF, pages + PAGE + 1, PAGE, VM_INHERIT_SHARE), KERN_SUCCESS);
    assert_int_equal(set_inherit(pages + 3 * PAGE, 1, VM_INHERIT_NONE), KERN_SUCCESS);
    child_sees(pages, 1, COPIED);
    child_sees(pages + PAGE, 2, SHARED);
    child_sees(pages + 3 * PAGE, 1, ABSENT);
    child_sees(pages + 4 * PAGE, 1, COPIED);
    release(pages, 5);
}

/* Case 88, for both kinds of entries, and for the memory an entry was made over */
static void entries_by_their_rule(void **state)
{
    uint64_t own = allocate(2);
    mach_port_t entries[] = {entry_over(own, 2, RW), fresh_entry(2, RW)};
    const vm_inherit_t rules[] = {VM_INHERIT_SHARE, VM_INHERIT_COPY, VM_INHERIT_NONE};
    const enum expectation expected[] = {SHARED, COPIED, ABSENT};
    (void)state;
    for (int i = 0; i < 2; i++) {
        for (int j = 0; j < 3; j++) {
            uint64_t address = 0;
            assert_int_equal(map_at(&address, 1, entries[i], 0, 2 * PAGE, FALSE, RW, RW, rules[j]), KERN_SUCCESS);
            child_sees(address, 2, expected[j]);
            release(address, 2);
        }
    }
    child_sees(own, 2, COPIED);
    for (int j = 0; j < 3; j++) {
        uint64_t address = 0;
        assert_int_equal(map_at(&address, 1, MACH_PORT_NULL, 0, 2 * PAGE, FALSE, RW, RW, rules[j]), KERN_SUCCESS);
        child_sees(address, 2, expected[j]);
        release(address, 2);
    }
    drop(entries[0]);
    drop(entries[1]);
    release(own, 2);
}

struct four_pages {
    uint64_t read_only, max_read, shared_max_read, copied_max_read;
};

static int inspect_protection(void *context)
{
    const struct four_pages *pages = context;
    CHECK(can_read(pages->read_only) && !can_write(pages->read_only));
    CHECK(protect(pages->read_only, 1, RW) == KERN_SUCCESS && can_write(pages->read_only));
    CHECK(!can_write(pages->max_read));
    CHECK(protect(pages->max_read, 1, RW) == KERN_PROTECTION_FAILURE);
    CHECK(can_read(pages->shared_max_read) && !can_write(pages->shared_max_read));
    CHECK(protect(pages->shared_max_read, 1, RW) == KERN_PROTECTION_FAILURE);
    CHECK(can_read(pages->copied_max_read) && !can_write(pages->copied_max_read));
    CHECK(protect(pages->copied_max_read, 1, RW) == KERN_PROTECTION_FAILURE);
    return 0;
}

/* Case 89 */
static void protection_is_inherited(void **state)
{
    struct four_pages pages = {allocate(1), allocate(1), 0, 0};
    mach_port_t entry = fresh_entry(1, RW);
    (void)state;
    assert_int_equal(protect(pages.read_only, 1, VM_PROT_READ), KERN_SUCCESS);
    assert_int_equal(protect_max(pages.max_read, 1, VM_PROT_READ), KERN_SUCCESS);
    assert_int_equal(map_at(&pages.shared_max_read, 1, entry, 0, PAGE, FALSE, 1, 1, VM_INHERIT_SHARE), KERN_SUCCESS);
    assert_int_equal(map_at(&pages.copied_max_read, 1, entry, 0, PAGE, FALSE, 1, 1, VM_INHERIT_COPY), KERN_SUCCESS);
    assert_int_equal(child_run(inspect_protection, &pages), 0);
    release(pages.read_only, 1);
    release(pages.max_read, 1);
    release(pages.shared_max_read, 1);
    release(pages.copied_max_read, 1);
    drop(entry);
}

static int inspect_partly(void *context)
{
    uint64_t pages = *(uint64_t *)context;
    CHECK(!can_write(pages) && can_write(pages + PAGE) && !can_read(pages + 2 * PAGE));
    for (uint64_t i = 0; i < 3; i++) {
        CHECK(protect(pages + i * PAGE, 1, RW) == KERN_SUCCESS);
        CHECK(is_filled(pages + i * PAGE, PAGE, (unsigned char)('a' + i)));
    }
    return 0;
}

/* A copied region whose pages are protected differently. */
static void partly_protected_memory_is_copied(void **state)
{
    uint64_t pages = allocate(3);
    mach_port_t entry = entry_over(pages, 3, RW);
    (void)state;
    for (int i = 0; i < 3; i++)
        fill(pages + (uint64_t)i * PAGE, PAGE, 'a' + i);
    protect(pages, 1, VM_PROT_READ);
    protect(pages + 2 * PAGE, 1, VM_PROT_NONE);
    assert_int_equal(child_run(inspect_partly, &pages), 0);
    drop(entry);
    release(pages, 3);
}

/* ---- generations: S6, cases 90, 91 ---- */

struct family {
    uint64_t x, y, z, w, v; /* SHARE; COPY; NONE; of one entry: SHARE, COPY */
    struct turns child, grandchild;
};

static int be_grandchild(void *context)
{
    struct family *family = context;
    CHECK(is_filled(family->x, PAGE, 'c') && is_filled(family->y, PAGE, 'c'));
    CHECK(!can_read(family->z));
    child_turn(&family->grandchild); /* the parent writes 'p' to all it has */
    CHECK(is_filled(family->x, PAGE, 'p') && is_filled(family->w, PAGE, 'p'));
    CHECK(is_filled(family->y, PAGE, 'c') && is_filled(family->v, PAGE, 'c'));
    fill(family->x, PAGE, 'g');
    fill(family->y, PAGE, 'g');
    fill(family->w, PAGE, 'g');
    fill(family->v, PAGE, 'g');
    return 0;
}

static int be_child(void *context)
{
    struct family *family = context;
    CHECK(!can_read(family->z));
    fill(family->x, PAGE, 'c');
    fill(family->y, PAGE, 'c');
    fill(family->w, PAGE, 'c');
    fill(family->v, PAGE, 'c');
    pid_t grandchild = child_start(be_grandchild, family);
    CHECK(gate_wait(&family->grandchild.to_parent, NULL));
    child_turn(&family->child);
    gate_pass(&family->grandchild.to_child, 1);
    CHECK(child_end(grandchild) == 0);
    CHECK(is_filled(family->x, PAGE, 'g') && is_filled(family->w, PAGE, 'g'));
    CHECK(is_filled(family->y, PAGE, 'c') && is_filled(family->v, PAGE, 'c'));
    return 0;
}

static void three_generations(void **state)
{
    mach_port_t entry = fresh_entry(1, RW);
    struct family family = {allocate(1), allocate(1), allocate(1), 0, 0, turns_make(), turns_make()};
    uint64_t all[] = {0, 0, 0, 0};
    (void)state;
    assert_int_equal(map_at(&family.w, 1, entry, 0, PAGE, FALSE, RW, RW, VM_INHERIT_SHARE), KERN_SUCCESS);
    assert_int_equal(map_at(&family.v, 1, entry, 0, PAGE, FALSE, RW, RW, VM_INHERIT_COPY), KERN_SUCCESS);
    assert_int_equal(set_inherit(family.x, 1, VM_INHERIT_SHARE), KERN_SUCCESS);
    assert_int_equal(set_inherit(family.z, 1, VM_INHERIT_NONE), KERN_SUCCESS);
    all[0] = family.x, all[1] = family.y, all[2] = family.w, all[3] = family.z;
    for (int i = 0; i < 4; i++)
        fill(all[i], PAGE, 'a');
    pid_t child = child_start(be_child, &family);
    assert_true(gate_wait(&family.child.to_parent, NULL));
    for (int i = 0; i < 4; i++)
        fill(all[i], PAGE, 'p');
    gate_pass(&family.child.to_child, 1);
    assert_int_equal(child_end(child), 0);
    assert_true(is_filled(family.x, PAGE, 'g') && is_filled(family.w, PAGE, 'g') && is_filled(family.v, PAGE, 'g'));
    assert_true(is_filled(family.y, PAGE, 'p') && is_filled(family.z, PAGE, 'p'));
    turns_end(&family.child);
    turns_end(&family.grandchild);
    for (int i = 0; i < 4; i++)
        release(all[i], 1);
    release(family.v, 1);
    drop(entry);
}

static int has_page(void *context)
{
    return can_read(*(uint64_t *)context) ? 1 : 0;
}

static int withhold(void *context)
{
    uint64_t page = *(uint64_t *)context;
    CHECK(set_inherit(page, 1, VM_INHERIT_NONE) == KERN_SUCCESS);
    CHECK(child_run(has_page, context) == 0);
    CHECK(can_write(page));
    return 0;
}

/* Case 91 */
static void a_child_decides_for_its_own_children(void **state)
{
    uint64_t page = allocate(1);
    (void)state;
    assert_int_equal(set_inherit(page, 1, VM_INHERIT_SHARE), KERN_SUCCESS);
    assert_int_equal(child_run(withhold, &page), 0);
    assert_int_equal(child_run(has_page, &page), 1);
    release(page, 1);
}

static int share_on(void *context)
{
    uint64_t page = *(uint64_t *)context;
    mach_port_t entry = entry_over(page, 1, RW);
    CHECK(entry != MACH_PORT_NULL);
    uint64_t peer = map_pages(entry, 0, 1, RW);
    CHECK(peer != 0);
    *at(peer) = 'y';
    CHECK(*at(page) == 'y');
    return 0;
}

/* An entry made in the child: over shared memory it is the parent's too, over copied memory not (Mach 3.8). */
static void entries_made_in_a_child(void **state)
{
    uint64_t shared = allocate(1), copied = allocate(1);
    mach_port_t entry = entry_over(copied, 1, RW);
    (void)state;
    assert_int_equal(set_inherit(shared, 1, VM_INHERIT_SHARE), KERN_SUCCESS);
    *at(copied) = 'x';
    assert_int_equal(child_run(share_on, &shared), 0);
    assert_int_equal(*at(shared), 'y');
    assert_int_equal(child_run(share_on, &copied), 0);
    assert_int_equal(*at(copied), 'x');
    release(shared, 1);
    release(copied, 1);
    drop(entry);
}

static int find_nothing(void *context)
{
    uint64_t address = 0;
    CHECK(map_at(&address, 1, *(mach_port_t *)context, 0, PAGE, FALSE, RW, RW, 1) == MACH_SEND_INVALID_RIGHT);
    return 0;
}

/* Mach 5.6: the entry's name is not inherited, and neither is its descriptor, unless memory needs it. */
static void names_are_not_inherited(void **state)
{
    mach_port_t entry = fresh_entry(1, RW);
    (void)state;
    assert_int_equal(child_run(find_nothing, &entry), 0);
    drop(entry);
}

static int count_descriptors(void *unused)
{
    (void)unused;
    return descriptors_open();
}

static void a_child_holds_no_entries(void **state)
{
    int before = child_run(count_descriptors, NULL);
    (void)state;
    mach_port_t entry = fresh_entry(1, RW);
    assert_int_equal(child_run(count_descriptors, NULL), before);
    drop(entry);
}

/* Memory that was unmapped behind our back, and something else put there, is left alone by a fork. */
static void stale_records_do_no_harm(void **state)
{
    uint64_t pages = allocate(2);
    mach_port_t entry = entry_over(pages, 2, RW);
    void *memory = (void *)(uintptr_t)pages;
    (void)state;
    fill(pages, 2 * PAGE, 'x');
    assert_int_equal(munmap(memory, 2 * PAGE), 0);
    assert_true(mmap(memory, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == memory);
    child_sees(pages, 1, SHARED);
    assert_int_equal(child_run(has_page, &(uint64_t){pages + PAGE}), 0);
    assert_int_equal(allocate_at(pages + PAGE, PAGE, VM_FLAGS_FIXED), KERN_SUCCESS);
    child_sees(pages + PAGE, 1, COPIED);
    munmap(memory, 2 * PAGE);
    drop(entry);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(allocated_memory),
        cmocka_unit_test(private_memory_stays_private),
        cmocka_unit_test(mapped_by_mmap),
        cmocka_unit_test(a_mapping_longer_than_its_file),
        cmocka_unit_test(unreadable_memory_is_copied),
        cmocka_unit_test(bad_arguments),
        cmocka_unit_test(each_page_has_its_rule),
        cmocka_unit_test(entries_by_their_rule),
        cmocka_unit_test(protection_is_inherited),
        cmocka_unit_test(partly_protected_memory_is_copied),
        cmocka_unit_test(three_generations),
        cmocka_unit_test(a_child_decides_for_its_own_children),
        cmocka_unit_test(entries_made_in_a_child),
        cmocka_unit_test(names_are_not_inherited),
        cmocka_unit_test(a_child_holds_no_entries),
        cmocka_unit_test(stale_records_do_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
