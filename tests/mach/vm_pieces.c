/* MAP_MEM_VM_SHARE over memory that is shared in several pieces already (Mach 3.11): every piece stays its object. */
#include "mach/memory.h"
#include "mach/ports.h"

#include <fcntl.h>
#include <mach/mring_mach.h>
#include <sys/mman.h>

enum { PIECES_MAX = 64, PAGES = 4 };

/* Page 0 is of one entry, 1 and 2 were private, 3 is of another entry; each is filled with a letter, from 'a' on. */
struct range {
    uint64_t pages;
    mach_port_t first, last;
};

static bool put(uint64_t where, mach_port_t entry)
{
    return map_at(&where, VM_FLAGS_FIXED | VM_FLAGS_OVERWRITE, entry, 0, PAGE, FALSE, RW, RW, VM_INHERIT_COPY) ==
           KERN_SUCCESS;
}

static void letter(uint64_t pages)
{
    for (int i = 0; i < PAGES; i++)
        fill(pages + (uint64_t)i * PAGE, PAGE, 'a' + i);
}

static bool is_lettered(uint64_t pages)
{
    for (unsigned i = 0; i < PAGES; i++)
        if (!is_filled(pages + i * PAGE, PAGE, (unsigned char)('a' + i)))
            return false;
    return true;
}

static bool make_range(struct range *range)
{
    *range = (struct range){allocate(PAGES), fresh_entry(1, RW), fresh_entry(1, RW)};
    if (range->pages == 0 || !put(range->pages, range->first) || !put(range->pages + 3 * PAGE, range->last))
        return false;
    letter(range->pages);
    return true;
}

static void free_range(const struct range *range)
{
    release(range->pages, PAGES);
    drop(range->first);
    drop(range->last);
}

static struct range new_range(void)
{
    struct range range;
    assert_true(make_range(&range));
    return range;
}

static mach_port_t shared(uint64_t address, uint64_t pages)
{
    return entry_over(address, pages, RW | MAP_MEM_VM_SHARE);
}

static bool share_page(uint64_t one, uint64_t other)
{
    unsigned char was = *at(one);
    *at(one) = (unsigned char)(was ^ 0x80);
    bool shares = *at(other) == (unsigned char)(was ^ 0x80);
    *at(other) = was;
    return shares && *at(one) == was;
}

static bool share_all(uint64_t one, uint64_t other)
{
    for (uint64_t i = 0; i < PAGES; i++)
        if (!share_page(one + i * PAGE, other + i * PAGE))
            return false;
    return true;
}

/* Mappings of this task, as the kernel knows them. */
static int mappings(void)
{
    FILE *maps = fopen("/proc/self/maps", "re");
    int count = 0;

    assert_non_null(maps);
    for (int c; (c = getc(maps)) != EOF;)
        count += c == '\n';
    fclose(maps);
    return count;
}

static void pieces_stay_their_objects(void **state)
{
    (void)state;
    int before = descriptors_open();
    struct range range = new_range();
    uint64_t first = map_pages(range.first, 0, 1, RW), last = map_pages(range.last, 0, 1, RW);
    mach_port_t entry = shared(range.pages, PAGES);
    assert_int_not_equal(entry, MACH_PORT_NULL);
    uint64_t one = map_pages(entry, 0, PAGES, RW), two = map_pages(entry, 0, PAGES, RW);
    assert_true(is_lettered(one) && is_lettered(two));
    assert_true(share_all(one, two) && share_all(one, range.pages));
    assert_true(share_page(one, first) && share_page(one + 3 * PAGE, last));
    free_range(&range);
    assert_true(share_all(one, two) && share_page(one, first));
    release(two, PAGES);
    two = map_pages(entry, 0, PAGES, RW); /* the entry needs neither its source nor its mappings */
    assert_true(share_all(one, two) && is_lettered(two));
    drop(entry);
    assert_true(share_all(one, two));
    release(one, PAGES);
    release(two, PAGES);
    release(first, 1);
    release(last, 1);
    assert_int_equal(descriptors_open(), before);
}

static void in_any_place(void **state)
{
    (void)state;
    struct range range = new_range();
    mach_port_t entry = shared(range.pages, PAGES);
    uint64_t place = allocate(PAGES + 2), middle = place + PAGE;
    for (boolean_t copy = FALSE; copy <= TRUE; copy++) {
        uint64_t where = middle;
        fill(place, (PAGES + 2) * PAGE, 'x');
        assert_int_equal(map_at(&where, VM_FLAGS_FIXED, entry, 0, PAGES * PAGE, copy, RW, RW, VM_INHERIT_NONE),
                         KERN_NO_SPACE);
        assert_true(is_filled(place, (PAGES + 2) * PAGE, 'x'));
        const struct {
            int flags;
            uint64_t free_from, free_pages;
        } places[] = {
            {VM_FLAGS_FIXED | VM_FLAGS_OVERWRITE, 0, 0}, /* over what was mapped by the last round */
            {VM_FLAGS_FIXED | VM_FLAGS_OVERWRITE, 0, PAGES},
            {VM_FLAGS_FIXED | VM_FLAGS_OVERWRITE, 1, 2},
            {VM_FLAGS_FIXED, 0, PAGES},
        };
        for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
            release(middle + places[i].free_from * PAGE, places[i].free_pages);
            assert_int_equal(map_at(&where, places[i].flags, entry, 0, PAGES * PAGE, copy, RW, RW, VM_INHERIT_NONE),
                             KERN_SUCCESS);
            assert_int_equal(where, middle);
            assert_true(is_lettered(middle));
            assert_true(is_filled(place, PAGE, 'x') && is_filled(middle + PAGES * PAGE, PAGE, 'x'));
            for (uint64_t page = 0; page < PAGES; page++)
                assert_int_equal(share_page(middle + page * PAGE, range.pages + page * PAGE), !copy);
            letter(middle);
            letter(range.pages);
        }
        release(middle, PAGES);
        assert_int_equal(allocate_at(middle, PAGES * PAGE, VM_FLAGS_FIXED), KERN_SUCCESS);
    }
    uint64_t over = range.pages + PAGE; /* over a part of the source */
    assert_int_equal(map_at(&over, VM_FLAGS_OVERWRITE, entry, 0, PAGES * PAGE, FALSE, RW, RW, VM_INHERIT_NONE), 0);
    assert_true(*at(range.pages) == 'a' && is_lettered(over) && share_page(range.pages, over));
    release(over, PAGES);
    release(place, PAGES + 2);
    free_range(&range);
    drop(entry);
}

/* A copy is as of the call, and the task's own. */
static void copies_are_snapshots(void **state)
{
    const vm_inherit_t rules[] = {VM_INHERIT_COPY, VM_INHERIT_SHARE, VM_INHERIT_NONE};
    (void)state;
    struct range range = new_range();
    mach_port_t entry = shared(range.pages, PAGES), snapshot = entry_over(range.pages, PAGES, RW | MAP_MEM_VM_COPY);
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
        uint64_t copy = 0;
        assert_int_equal(map_at(&copy, VM_FLAGS_ANYWHERE, entry, 0, PAGES * PAGE, TRUE, RW, RW, rules[i]), 0);
        fill(range.pages, PAGES * PAGE, 'x');
        assert_true(is_lettered(copy));
        *at(copy) = 'y';
        assert_int_equal(*at(range.pages), 'x');
        letter(range.pages);
        release(copy, PAGES);
    }
    fill(range.pages, PAGES * PAGE, 'x');
    uint64_t one = map_pages(snapshot, 0, PAGES, RW), two = map_pages(snapshot, 0, PAGES, RW);
    assert_true(is_lettered(one) && share_all(one, two) && !share_page(one, range.pages));
    release(one, PAGES);
    release(two, PAGES);
    drop(entry);
    drop(snapshot);
    free_range(&range);
}

/* Copies are made where the kernel likes: here it would like the very place that the call asks for. */
static void a_copy_steps_aside(void **state)
{
    const int flags[] = {VM_FLAGS_FIXED, VM_FLAGS_FIXED | VM_FLAGS_OVERWRITE};
    (void)state;
    struct range range = new_range();
    mach_port_t whole = shared(range.pages, PAGES), one = entry_over(range.pages, 1, RW);
    for (int i = 0; i < 4; i++) {
        mach_port_t entry = i < 2 ? whole : one;
        uint64_t pages = i < 2 ? PAGES : 1;
        void *liked = mmap(NULL, pages * PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        assert_true(liked != MAP_FAILED && munmap(liked, pages * PAGE) == 0);
        uint64_t where = (uintptr_t)liked;
        assert_int_equal(map_at(&where, flags[i % 2], entry, 0, pages * PAGE, TRUE, RW, RW, VM_INHERIT_COPY),
                         KERN_SUCCESS);
        assert_true(where == (uintptr_t)liked && (i < 2 ? is_lettered(where) : is_filled(where, PAGE, 'a')));
        release(where, pages);
    }
    drop(whole);
    drop(one);
    free_range(&range);
}

static void refused(uint64_t address, uint64_t size, vm_prot_t permission, mach_port_t parent, kern_return_t expected)
{
    mach_port_t entry = 77;
    uint64_t covered;
    assert_int_equal(make_entry(address, size, permission, parent, &entry, &covered), expected);
    assert_true(entry == 77 && covered == size);
}

static void what_cannot_be_is_refused(void **state)
{
    const vm_prot_t share = RW | MAP_MEM_VM_SHARE;
    (void)state;
    int before = descriptors_open();
    struct range range = new_range();
    mach_port_t entry = MACH_PORT_NULL, part = MACH_PORT_NULL;
    uint64_t covered, all;
    /* One piece that is read-only is enough. */
    assert_int_equal(protect(range.pages + 3 * PAGE, 1, VM_PROT_READ), KERN_SUCCESS);
    refused(range.pages, PAGES * PAGE, share, MACH_PORT_NULL, KERN_PROTECTION_FAILURE);
    assert_int_equal(make_entry(range.pages, PAGES * PAGE, share | VM_PROT_IS_MASK, MACH_PORT_NULL, &entry, &covered),
                     0);
    assert_int_equal(map_pages(entry, 0, PAGES, RW), 0);
    assert_int_not_equal(all = map_pages(entry, 0, PAGES, VM_PROT_READ), 0);
    assert_true(is_lettered(all) && !can_write(all) && !can_write(all + PAGE));
    assert_int_equal(protect(all, PAGES, RW), KERN_PROTECTION_FAILURE);
    *at(range.pages) = 'z';
    assert_int_equal(*at(all), 'z');
    release(all, PAGES);
    /* What is asked of a mapping of it. */
    uint64_t where = 0;
    const int anywhere = VM_FLAGS_ANYWHERE;
    const vm_prot_t read = VM_PROT_READ;
    assert_int_equal(map_at(&where, anywhere, entry, 0, PAGE, FALSE, RW, RW, 2), KERN_INVALID_RIGHT);
    assert_int_equal(map_at(&where, anywhere, entry, 0, PAGE, TRUE, read, RW, 2), KERN_INVALID_RIGHT);
    assert_int_equal(map_at(&where, anywhere, entry, PAGE, PAGES * PAGE, FALSE, read, read, 2), KERN_INVALID_ARGUMENT);
    assert_int_equal(map_at(&where, anywhere, entry, HIGHEST, PAGE, FALSE, read, read, 2), KERN_INVALID_ARGUMENT);
    assert_int_equal(map_at(&where, anywhere | VM_FLAGS_PERMANENT, entry, 0, PAGE, FALSE, read, read, 2),
                     KERN_INVALID_ARGUMENT);
    assert_int_equal(map_at(&where, anywhere, entry, 2 * PAGE, PAGE, FALSE, read, read, 2), KERN_SUCCESS);
    assert_int_equal(*at(where), 'z'); /* mapped whole (Mach 2.10) */
    release(where, PAGES);
    /* It has no children, and no one descriptor. */
    refused(PAGE, PAGE, VM_PROT_READ, entry, KERN_INVALID_ARGUMENT);
    refused(0, PAGES * PAGE, VM_PROT_READ | MAP_MEM_VM_SHARE, entry, KERN_INVALID_ARGUMENT);
    assert_int_equal(mring_mach_entry_descriptor(entry), -1);
    drop(entry);
    /* A plain entry is of the first object. */
    assert_int_equal(make_entry(range.pages, PAGES * PAGE, RW, MACH_PORT_NULL, &part, &covered), KERN_SUCCESS);
    assert_int_equal(covered, PAGE);
    drop(part);
    assert_int_equal(make_entry(range.pages + PAGE, 3 * PAGE, RW, MACH_PORT_NULL, &part, &covered), KERN_SUCCESS);
    assert_int_equal(covered, 2 * PAGE);
    drop(part);
    /* A hole; and shared memory without a descriptor. */
    release(range.pages + 2 * PAGE, 1);
    refused(range.pages, PAGES * PAGE, share, MACH_PORT_NULL, KERN_INVALID_ADDRESS);
    refused(range.pages, PAGES * PAGE, RW | MAP_MEM_VM_COPY, MACH_PORT_NULL, KERN_INVALID_ADDRESS);
    protect(range.pages + 3 * PAGE, 1, RW);
    assert_true(mmap((void *)(uintptr_t)(range.pages + 2 * PAGE), PAGE, PROT_READ | PROT_WRITE,
                     MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != MAP_FAILED);
    refused(range.pages, PAGES * PAGE, share, MACH_PORT_NULL, KERN_NOT_SUPPORTED);
    free_range(&range);
    assert_int_equal(descriptors_open(), before);
}

/* Every page of a range is another object. */
static uint64_t patchwork(uint64_t pages)
{
    uint64_t address = allocate(pages);
    for (uint64_t i = 0; i < pages; i++) {
        mach_port_t entry = fresh_entry(1, RW);
        assert_true(put(address + i * PAGE, entry));
        *at(address + i * PAGE) = (unsigned char)i;
        drop(entry);
    }
    return address;
}

static void so_many_and_no_more(void **state)
{
    (void)state;
    int before = descriptors_open();
    uint64_t pages = patchwork(PIECES_MAX + 1);
    refused(pages, (PIECES_MAX + 1) * PAGE, RW | MAP_MEM_VM_SHARE, MACH_PORT_NULL, KERN_RESOURCE_SHORTAGE);
    mach_port_t entry = shared(pages, PIECES_MAX);
    uint64_t again = map_pages(entry, 0, PIECES_MAX, RW);
    for (uint64_t i = 0; i < PIECES_MAX; i++) {
        assert_int_equal(*at(again + i * PAGE), i);
        assert_true(share_page(again + i * PAGE, pages + i * PAGE));
    }
    release(again, PIECES_MAX);
    release(pages, PIECES_MAX + 1);
    drop(entry);
    assert_int_equal(descriptors_open(), before);
}

/* A ring mapped twice in a row: two pieces of one file, which it takes but one descriptor to pass on. */
static void one_file_many_times(void **state)
{
    (void)state;
    mach_port_t ring = fresh_entry(1, RW);
    uint64_t pages = allocate(PIECES_MAX);
    for (uint64_t i = 0; i < PIECES_MAX; i++)
        assert_true(put(pages + i * PAGE, ring));
    int before = descriptors_open();
    mach_port_t entry = shared(pages, PIECES_MAX);
    uint64_t again = map_pages(entry, 0, PIECES_MAX, RW);
    assert_int_equal(descriptors_open(), before + 1); /* the list; the file is the ring's */
    *at(again + 7 * PAGE) = 'r';
    for (uint64_t i = 0; i < PIECES_MAX; i++)
        assert_int_equal(*at(again + i * PAGE), 'r');
    release(again, PIECES_MAX);
    release(pages, PIECES_MAX);
    drop(entry);
    drop(ring);
}

/* The last piece turns out not to be writable, as if its maker had sealed it: then nothing is mapped, and what was there before stays. */
static void take_writing_away(mach_port_t entry)
{
    char path[48];
    int fd = mring_mach_entry_descriptor(entry);
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    int readable = open(path, O_RDONLY | O_CLOEXEC);
    assert_int_equal(dup3(readable, fd, O_CLOEXEC), fd);
    close(readable);
}

static void all_or_nothing(void **state)
{
    const int flags[] = {VM_FLAGS_ANYWHERE, VM_FLAGS_FIXED | VM_FLAGS_OVERWRITE, VM_FLAGS_FIXED};
    (void)state;
    struct range range = new_range();
    mach_port_t entry = shared(range.pages, PAGES);
    uint64_t place = allocate(PAGES);
    take_writing_away(range.last);
    fill(place, PAGES * PAGE, 'o');
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++) {
        uint64_t where = place;
        if (flags[i] == VM_FLAGS_FIXED)
            release(place, PAGES);
        int mapped = mappings(), open = descriptors_open();
        assert_int_not_equal(map_at(&where, flags[i], entry, 0, PAGES * PAGE, FALSE, RW, RW, VM_INHERIT_NONE),
                             KERN_SUCCESS);
        assert_int_equal(where, place);
        assert_int_equal(mappings(), mapped);
        assert_int_equal(descriptors_open(), open);
        if (flags[i] != VM_FLAGS_FIXED)
            assert_true(is_filled(place, PAGES * PAGE, 'o'));
    }
    assert_int_equal(allocate_at(place, PAGES * PAGE, VM_FLAGS_FIXED), KERN_SUCCESS);
    fill(place, PAGE, 'o');
    assert_false(put(place, range.last)); /* so it is with one piece */
    assert_true(is_filled(place, PAGE, 'o'));
    uint64_t readable = map_pages(entry, 0, PAGES, VM_PROT_READ);
    assert_true(is_lettered(readable));
    release(readable, PAGES);
    release(place, PAGES);
    drop(entry);
    free_range(&range);
}

static int inherits(void *context)
{
    const uint64_t *maps = context;
    for (unsigned i = 0; i < PAGES; i++) {
        CHECK(at(maps[VM_INHERIT_SHARE])[i * PAGE] == 'a' + i && at(maps[VM_INHERIT_COPY])[i * PAGE] == 'a' + i);
        at(maps[VM_INHERIT_SHARE])[i * PAGE] = (unsigned char)('A' + i);
        at(maps[VM_INHERIT_COPY])[i * PAGE] = 'C';
        CHECK(!can_read(maps[VM_INHERIT_NONE] + i * PAGE));
    }
    return 0;
}

static void mappings_are_inherited_by_their_rule(void **state)
{
    (void)state;
    struct range range = new_range();
    mach_port_t entry = shared(range.pages, PAGES);
    uint64_t maps[3] = {0, 0, 0};
    for (vm_inherit_t rule = VM_INHERIT_SHARE; rule <= VM_INHERIT_NONE; rule++)
        assert_int_equal(map_at(&maps[rule], VM_FLAGS_ANYWHERE, entry, 0, PAGES * PAGE, FALSE, RW, RW, rule),
                         KERN_SUCCESS);
    assert_int_equal(child_run(inherits, maps), 0);
    for (unsigned i = 0; i < PAGES; i++)
        assert_int_equal(at(range.pages)[i * PAGE], 'A' + i);
    for (int i = 0; i < 3; i++)
        release(maps[i], PAGES);
    drop(entry);
    free_range(&range);
}

/* ---- other processes ---- */

/* Children start a name server of their own, from a parent that has threads: ThreadSanitizer, which asks this, must not mind. */
const char *__tsan_default_options(void);
const char *__tsan_default_options(void)
{
    return "die_after_fork=0";
}

/* Map the entry whole, find the letters, and write capitals. */
static int raise_letters(mach_port_t entry)
{
    uint64_t pages = map_pages(entry, 0, PAGES, RW);
    CHECK(pages != 0 && is_lettered(pages));
    for (unsigned i = 0; i < PAGES; i++)
        at(pages)[i * PAGE] = (unsigned char)('A' + i);
    return 0;
}

static bool were_raised(uint64_t pages)
{
    for (unsigned i = 0; i < PAGES; i++)
        if (at(pages)[i * PAGE] != 'A' + i)
            return false;
    letter(pages);
    return true;
}

static int raise_what_is_registered(void *context)
{
    mach_port_array_t ports = NULL;
    mach_msg_type_number_t count = 0;
    (void)context;
    CHECK(mach_ports_lookup(SELF, &ports, &count) == KERN_SUCCESS && count >= 1);
    return raise_letters(ports[0]);
}

static int raise_what_is_looked_up(void *context)
{
    mach_port_t entry = MACH_PORT_NULL;
    CHECK(bootstrap_look_up(bootstrap_port, context, &entry) == BOOTSTRAP_SUCCESS);
    return raise_letters(entry);
}

/* Make an entry, send it to the registered port, and wait for the end. */
static int send_and_wait(void *context)
{
    mach_port_array_t ports = NULL;
    mach_msg_type_number_t count = 0;
    struct range range;
    (void)context;
    CHECK(mach_ports_lookup(SELF, &ports, &count) == KERN_SUCCESS && count >= 1);
    CHECK(make_range(&range));
    struct carrier carrier = make_carrier(ports[0], 1, shared(range.pages, PAGES), MACH_MSG_TYPE_MOVE_SEND);
    CHECK(send_now(&carrier.header) == MACH_MSG_SUCCESS);
    for (;;)
        pause();
}

/* The sender is killed; the receiver maps what it got, and passes it on: by fork, and by name. */
static void through_processes(void **state)
{
    (void)state;
    mach_port_t port = new_port_with_send();
    name_t name;
    union inbox inbox;
    assert_int_equal(mach_ports_register(SELF, &port, 1), KERN_SUCCESS);
    pid_t sender = child_start(send_and_wait, NULL);
    assert_int_equal(receive(port, &inbox, PATIENCE), MACH_MSG_SUCCESS);
    mach_port_t entry = inbox.carrier.carrier.right.name;
    assert_int_equal(child_kill(sender), -SIGKILL);
    uint64_t pages = map_pages(entry, 0, PAGES, RW), again = map_pages(entry, 0, PAGES, RW);
    assert_true(is_lettered(pages) && share_all(pages, again));
    release(again, PAGES);

    assert_int_equal(mach_ports_register(SELF, &entry, 1), KERN_SUCCESS);
    assert_int_equal(child_run(raise_what_is_registered, NULL), 0);
    assert_true(were_raised(pages));
    snprintf(name, sizeof name, "mring.test.pieces.%d", (int)getpid());
    assert_int_equal(bootstrap_register(bootstrap_port, name, entry), BOOTSTRAP_SUCCESS);
    assert_int_equal(child_run(raise_what_is_looked_up, name), 0);
    assert_true(were_raised(pages));

    /* Sent to this task itself, it is the same right. */
    struct carrier carrier = make_carrier(port, 1, entry, MACH_MSG_TYPE_COPY_SEND);
    assert_int_equal(send_now(&carrier.header), MACH_MSG_SUCCESS);
    assert_int_equal(receive(port, &inbox, PATIENCE), MACH_MSG_SUCCESS);
    assert_int_equal(inbox.carrier.carrier.right.name, entry);
    drop(entry);
    drop(entry);
    mach_port_t none = MACH_PORT_NULL;
    assert_int_equal(mach_ports_register(SELF, &none, 1), KERN_SUCCESS);
    release(pages, PAGES);
    assert_int_equal(mach_port_destroy(SELF, port), KERN_SUCCESS);
}

/* A message has room for 253 descriptors: three of the largest entries, of 65 each. */
static void a_message_is_full(void **state)
{
    struct {
        mach_msg_header_t header;
        mach_msg_body_t body;
        mach_msg_port_descriptor_t rights[4];
        mach_msg_max_trailer_t trailer;
    } message;
    (void)state;
    uint64_t pages = patchwork(PIECES_MAX);
    mach_port_t port = new_port_with_send(), entries[4];
    for (int i = 0; i < 4; i++)
        assert_int_not_equal(entries[i] = shared(pages, PIECES_MAX), MACH_PORT_NULL);
    int before = descriptors_open();
    for (uint32_t count = 4; count >= 3; count--) {
        struct carrier carrier = make_carrier(port, 1, entries[0], MACH_MSG_TYPE_COPY_SEND);
        memset(&message, 0, sizeof message);
        message.header = carrier.header;
        message.header.msgh_size = (mach_msg_size_t)(offsetof(struct carrier, right) + count * sizeof carrier.right);
        message.body.msgh_descriptor_count = count;
        for (uint32_t i = 0; i < count; i++) {
            message.rights[i] = carrier.right;
            message.rights[i].name = entries[i];
        }
        assert_int_equal(send_now(&message.header), count == 4 ? MACH_SEND_TOO_LARGE : MACH_MSG_SUCCESS);
    }
    assert_int_equal(
        mach_msg(&message.header, MACH_RCV_MSG | MACH_RCV_TIMEOUT, 0, sizeof message, port, PATIENCE, MACH_PORT_NULL),
        MACH_MSG_SUCCESS);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(message.rights[i].name, entries[i]);
        drop(entries[i]);
    }
    assert_int_equal(descriptors_open(), before);
    for (int i = 0; i < 4; i++)
        drop(entries[i]);
    release(pages, PIECES_MAX);
    assert_int_equal(mach_port_destroy(SELF, port), KERN_SUCCESS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces_stay_their_objects),
        cmocka_unit_test(in_any_place),
        cmocka_unit_test(copies_are_snapshots),
        cmocka_unit_test(a_copy_steps_aside),
        cmocka_unit_test(what_cannot_be_is_refused),
        cmocka_unit_test(so_many_and_no_more),
        cmocka_unit_test(one_file_many_times),
        cmocka_unit_test(all_or_nothing),
        cmocka_unit_test(mappings_are_inherited_by_their_rule),
        cmocka_unit_test(through_processes),
        cmocka_unit_test(a_message_is_full),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
