/* Memory entries from peers: what is not a sealed memfd that is as large as the message says is not taken. */
#include "mach/memory.h"

#include "entry.h"
#include "space.h"

#include <fcntl.h>
#include <mach/mring_mach.h>
#include <sys/mman.h>
#include <sys/stat.h>

/* As ring/mach/entry_wire.c sends it. */
struct wire_entry {
    uint64_t offset, size;
    uint32_t protection;
    uint32_t kind;
    uint64_t data;
};

static const int SEALS = F_SEAL_SHRINK | F_SEAL_GROW;

static int make_memory(uint64_t pages, int seals)
{
    int fd = memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    assert_true(fd >= 0);
    assert_int_equal(ftruncate(fd, (off_t)(pages * PAGE)), 0);
    assert_int_equal(fcntl(fd, F_ADD_SEALS, seals), 0);
    return fd;
}

static struct wire_right right_to(int fd, struct wire_entry entry)
{
    struct wire_right right = {.kind = OBJECT_MEMORY_ENTRY, .descriptors = 1};
    struct stat status;
    assert_int_equal(fstat(fd, &status), 0);
    right.id = (struct object_id){{status.st_ino, 1}};
    memcpy(right.body, &entry, sizeof entry);
    return right;
}

/* Receive it. The descriptor is consumed, whatever happens. */
static bool accepts(const struct wire_right *right, int fd)
{
    int fds[WIRE_FDS];
    wire_no_descriptors(fds);
    fds[0] = fd;
    int before = descriptors_open();
    struct mach_object *object = memory_entry_ops.unpack(right, fds);
    if (object != NULL)
        object_drop(object);
    assert_int_equal(descriptors_open(), before - 1);
    return object != NULL;
}

static bool accepts_entry(int fd, struct wire_entry entry)
{
    struct wire_right right = right_to(fd, entry);
    return accepts(&right, fd);
}

static void honest_rights_are_taken(void **state)
{
    (void)state;
    assert_true(accepts_entry(make_memory(4, SEALS), (struct wire_entry){0, 4 * PAGE, RW, ENTRY_OBJECT, 0}));
    assert_true(
        accepts_entry(make_memory(4, SEALS), (struct wire_entry){PAGE, PAGE, VM_PROT_READ, ENTRY_OBJECT, PAGE - 1}));
    assert_true(accepts_entry(make_memory(4, SEALS), (struct wire_entry){3 * PAGE, PAGE, VM_PROT_ALL, ENTRY_WHOLE, 0}));
}

static void false_numbers_are_not(void **state)
{
    const struct wire_entry bad[] = {
        {0, 0, RW, ENTRY_OBJECT, 0},
        {0, 5 * PAGE, RW, ENTRY_OBJECT, 0},
        {PAGE, 4 * PAGE, RW, ENTRY_OBJECT, 0},
        {4 * PAGE, PAGE, RW, ENTRY_OBJECT, 0},
        {HIGHEST - PAGE + 1, 2 * PAGE, RW, ENTRY_OBJECT, 0},
        {PAGE, HIGHEST - PAGE + 1, RW, ENTRY_OBJECT, 0},
        {1, PAGE, RW, ENTRY_OBJECT, 0},
        {0, 1, RW, ENTRY_OBJECT, 0},
        {0, PAGE, 8, ENTRY_OBJECT, 0},
        {0, PAGE, UINT32_MAX, ENTRY_OBJECT, 0},
        {0, PAGE, RW, 2, 0},
        {0, PAGE, RW, UINT32_MAX, 0},
        {0, PAGE, RW, ENTRY_OBJECT, PAGE},
        {0, PAGE, RW, ENTRY_OBJECT, HIGHEST},
    };
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(accepts_entry(make_memory(4, SEALS), bad[i]));
}

static struct wire_entry one_page(void)
{
    return (struct wire_entry){0, PAGE, RW, ENTRY_OBJECT, 0};
}

static void memory_that_can_shrink_is_not(void **state)
{
    struct wire_entry entry = one_page();
    (void)state;
    assert_false(accepts_entry(make_memory(4, 0), entry));
    assert_false(accepts_entry(make_memory(4, F_SEAL_GROW), entry));
    assert_false(accepts_entry(make_memory(4, F_SEAL_SHRINK), entry));
}

static void other_files_are_not(void **state)
{
    struct wire_entry entry = one_page();
    int ends[2];
    (void)state;
    assert_int_equal(pipe(ends), 0);
    assert_false(accepts_entry(ends[0], entry));
    close(ends[1]);
    assert_false(accepts_entry(open("/dev/zero", O_RDWR | O_CLOEXEC), entry));
    assert_false(accepts_entry(open("/proc/self/exe", O_RDONLY | O_CLOEXEC), entry));
    int huge = memfd_create("huge", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_HUGETLB);
    if (huge >= 0 && ftruncate(huge, 1 << 21) == 0 && fcntl(huge, F_ADD_SEALS, SEALS) == 0)
        assert_false(accepts_entry(huge, entry));
    else if (huge >= 0)
        close(huge);
}

static int reopen(int fd, int flags)
{
    char path[32];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    int again = open(path, flags | O_CLOEXEC);
    assert_true(again >= 0);
    close(fd);
    return again;
}

static void more_than_the_descriptor_allows_is_not(void **state)
{
    struct wire_entry entry = one_page(), narrow = {0, PAGE, VM_PROT_READ, ENTRY_OBJECT, 0};
    (void)state;
    assert_false(accepts_entry(reopen(make_memory(1, SEALS), O_RDONLY), entry));
    assert_true(accepts_entry(reopen(make_memory(1, SEALS), O_RDONLY), narrow));
    assert_false(accepts_entry(reopen(make_memory(1, SEALS), O_WRONLY), narrow));
    assert_false(accepts_entry(reopen(make_memory(1, SEALS), O_PATH), narrow));
    assert_false(accepts_entry(make_memory(1, SEALS | F_SEAL_WRITE), entry));
    assert_true(accepts_entry(make_memory(1, SEALS | F_SEAL_WRITE), narrow));
}

static void a_false_identity_is_not(void **state)
{
    int fd = make_memory(1, SEALS);
    struct wire_entry entry = one_page();
    struct wire_right right = right_to(fd, entry);
    (void)state;
    right.id.word[0]++;
    assert_false(accepts(&right, fd));
}

static void a_wrong_count_of_descriptors_is_not(void **state)
{
    struct wire_entry entry = one_page();
    int before = descriptors_open();
    (void)state;
    for (uint32_t claimed = 0; claimed < 4; claimed += 2) {
        int fds[WIRE_FDS];
        wire_no_descriptors(fds);
        fds[0] = make_memory(1, SEALS);
        fds[2] = make_memory(1, SEALS);
        struct wire_right right = right_to(fds[0], entry);
        right.descriptors = claimed;
        assert_null(memory_entry_ops.unpack(&right, fds));
    }
    struct wire_right right = {.kind = OBJECT_MEMORY_ENTRY, .descriptors = 1};
    int none[WIRE_FDS];
    wire_no_descriptors(none);
    assert_null(memory_entry_ops.unpack(&right, none));
    assert_int_equal(descriptors_open(), before);
}

/* ---- several pieces ---- */

struct piece {
    uint64_t file, offset, size;
};

/* As it is sent. */
struct wire_piece {
    struct piece piece;
    uint64_t device, inode;
};

/* A right to pieces of as many files, of two pages each; `fds` is filled. What is of no such file is said to be of the last. */
static struct wire_right right_to_pieces(const struct piece *pieces, uint64_t bytes, int seals, int files,
                                         struct wire_entry entry, int fds[WIRE_FDS])
{
    int list = memfd_create("list", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    struct wire_piece named[65];
    struct stat status;

    size_t count = bytes / sizeof *pieces;
    size_t length = count * sizeof *named + bytes % sizeof *pieces;

    assert_true(list >= 0 && length <= sizeof named);
    memset(named, 0, sizeof named);
    wire_no_descriptors(fds);
    for (int i = 1; i <= files; i++)
        fds[i] = make_memory(2, SEALS);
    for (size_t i = 0; i < count; i++) {
        int file = fds[pieces[i].file < (uint64_t)files ? pieces[i].file + 1 : (uint64_t)files];
        assert_int_equal(fstat(file, &status), 0);
        named[i] = (struct wire_piece){pieces[i], status.st_dev, status.st_ino};
    }
    assert_int_equal(write(list, named, length), length);
    assert_int_equal(fcntl(list, F_ADD_SEALS, seals), 0);
    struct wire_right right = right_to(list, entry);
    fds[0] = list;
    right.descriptors = 1 + (uint32_t)files;
    return right;
}

static bool accepts_all(const struct wire_right *right, const int fds[WIRE_FDS])
{
    struct mach_object *object = memory_entry_ops.unpack(right, fds);
    if (object != NULL)
        object_drop(object);
    return object != NULL;
}

static bool accepts_pieces(const struct piece *pieces, uint64_t bytes, int seals, int files, struct wire_entry entry)
{
    int before = descriptors_open(), fds[WIRE_FDS];
    struct wire_right right = right_to_pieces(pieces, bytes, seals, files, entry, fds);
    bool accepted = accepts_all(&right, fds);
    assert_int_equal(descriptors_open(), before);
    return accepted;
}

static void false_lists_are_not(void **state)
{
    enum { SOUND = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE, MOST = 64 };
    const struct wire_entry entry = {0, 3 * PAGE, RW, ENTRY_WHOLE, 0};
    const struct piece good[] = {{0, 0, PAGE}, {1, 0, 2 * PAGE}};
    const struct piece bad[][2] = {
        {{0, 0, PAGE}, {1, 0, PAGE}},                      /* less than the entry says */
        {{0, 0, 2 * PAGE}, {1, 0, 2 * PAGE}},              /* more */
        {{0, 0, 2 * PAGE}, {1, 2 * PAGE, PAGE}},           /* past the file's end */
        {{0, 0, 3 * PAGE}, {1, 0, 0}},                     /* nothing */
        {{0, HIGHEST - PAGE + 1, PAGE}, {1, 0, 2 * PAGE}}, /* the end wraps */
        {{0, 0, HIGHEST - PAGE + 1}, {1, 0, 4 * PAGE}},    /* the sum wraps */
        {{0, 1, PAGE}, {1, 0, 2 * PAGE}},                  /* within a page */
        {{0, 0, PAGE + 1}, {1, 0, 2 * PAGE - 1}},          /* no whole pages */
        {{0, 0, PAGE}, {0, 0, 2 * PAGE}},                  /* a descriptor too many */
        {{1, 0, PAGE}, {0, 0, 2 * PAGE}},                  /* not in order */
        {{0, 0, PAGE}, {2, 0, 2 * PAGE}},                  /* no such file */
        {{0, 0, PAGE}, {HIGHEST, 0, 2 * PAGE}},
    };
    struct piece many[MOST + 1];
    int fds[WIRE_FDS];
    (void)state;
    assert_true(accepts_pieces(good, sizeof good, SOUND, 2, entry));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(accepts_pieces(bad[i], sizeof bad[i], SOUND, 2, entry));
    assert_false(accepts_pieces(good, sizeof good, SEALS, 2, entry)); /* could still change */
    assert_false(accepts_pieces(good, sizeof good, F_SEAL_WRITE, 2, entry));
    assert_false(accepts_pieces(good, sizeof good - 1, SOUND, 2, entry));
    assert_false(accepts_pieces(good, sizeof *good, SOUND, 1, (struct wire_entry){0, PAGE, RW, ENTRY_WHOLE, 0}));
    assert_false(accepts_pieces(good, 0, SOUND, 2, entry));
    assert_false(accepts_pieces(good, sizeof good, SOUND, 1, entry));
    assert_false(accepts_pieces(good, sizeof good, SOUND, 3, entry));
    assert_false(accepts_pieces(good, sizeof good, SOUND, 2, (struct wire_entry){0, 3 * PAGE, RW, ENTRY_OBJECT, 0}));
    assert_false(accepts_pieces(good, sizeof good, SOUND, 2, (struct wire_entry){PAGE, 3 * PAGE, RW, ENTRY_WHOLE, 0}));

    for (uint64_t i = 0; i <= MOST; i++)
        many[i] = (struct piece){0, 0, PAGE};
    assert_true(
        accepts_pieces(many, MOST * sizeof *many, SOUND, 1, (struct wire_entry){0, MOST * PAGE, RW, ENTRY_WHOLE, 0}));
    assert_false(
        accepts_pieces(many, sizeof many, SOUND, 1, (struct wire_entry){0, (MOST + 1) * PAGE, RW, ENTRY_WHOLE, 0}));

    /* The same memory twice, and counts that no right can have. */
    int before = descriptors_open();
    struct wire_right right = right_to_pieces(good, sizeof good, SOUND, 1, entry, fds);
    fds[2] = fcntl(fds[1], F_DUPFD_CLOEXEC, 0);
    right.descriptors = 3;
    assert_false(accepts_all(&right, fds));
    const uint32_t counts[] = {0, 2, 4, WIRE_FDS, WIRE_FDS + 1, UINT32_MAX};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        right = right_to_pieces(good, sizeof good, SOUND, 2, entry, fds);
        right.descriptors = counts[i];
        assert_false(accepts_all(&right, fds));
    }
    /* A sound list, passed on with other memory. */
    for (int i = 1; i <= 2; i++) {
        right = right_to_pieces(good, sizeof good, SOUND, 2, entry, fds);
        close(fds[i]);
        int held = make_memory(1, SEALS); /* so that the memory is not the same again */
        fds[i] = make_memory(2, SEALS);
        assert_false(accepts_all(&right, fds));
        close(held);
    }
    /* A writable entry over one file that is not. */
    right = right_to_pieces(good, sizeof good, SOUND, 2, entry, fds);
    fds[2] = reopen(fds[2], O_RDONLY);
    assert_false(accepts_all(&right, fds));
    assert_int_equal(descriptors_open(), before);
}

/* What we send is accepted, and a read-only entry goes as a read-only descriptor, of a file nobody else may open. */
static void our_own_are_sealed_and_narrow(void **state)
{
    const vm_prot_t protections[] = {RW, VM_PROT_READ};
    (void)state;
    for (int i = 0; i < 2; i++) {
        mach_port_t entry = fresh_entry(2, protections[i]);
        kern_return_t kr;
        struct mach_object *object = space_hold_send(entry, &kr);
        struct wire_right right = {.kind = OBJECT_MEMORY_ENTRY, .id = object->id};
        int fds[WIRE_FDS];
        struct stat status;
        wire_no_descriptors(fds);
        assert_true(memory_entry_ops.pack(object, &right, fds));
        assert_int_equal(right.descriptors, 1);
        assert_int_equal(fds[0], mring_mach_entry_descriptor(entry));
        assert_int_equal(fcntl(fds[0], F_GETFL) & O_ACCMODE, protections[i] == RW ? O_RDWR : O_RDONLY);
        assert_int_equal(fcntl(fds[0], F_GET_SEALS) & SEALS, SEALS);
        assert_int_equal(fcntl(fds[0], F_ADD_SEALS, 0x10 /* F_SEAL_FUTURE_WRITE */), -1);
        assert_int_equal(fcntl(fds[0], F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
        assert_int_equal(fstat(fds[0], &status), 0);
        assert_int_equal(status.st_mode & 07777, 0600);
        assert_int_equal(ftruncate(fds[0], 0), -1);
        assert_true(accepts(&right, fcntl(fds[0], F_DUPFD_CLOEXEC, 0)));
        object_drop(object);
        drop(entry);
    }
    assert_int_equal(mring_mach_entry_descriptor(SELF), -1);
    assert_int_equal(mring_mach_entry_descriptor(MACH_PORT_NULL), -1);
    assert_int_equal(mring_mach_entry_descriptor(0xabcd00), -1);
}

/* A maximum that was lowered is the kernel's too: of a part, which goes on sharing, and with it the descriptor that could write. */
static void a_lowered_mapping_stays_so(void **state)
{
    (void)state;
    int before = descriptors_open();
    mach_port_t entry = fresh_entry(4, RW);
    uint64_t other = map_pages(entry, 0, 4, RW), pages = map_pages(entry, 0, 4, RW);
    fill(pages, 4 * PAGE, 'a');
    assert_int_equal(protect_max(pages + PAGE, 2, VM_PROT_READ), KERN_SUCCESS);
    assert_int_equal(mprotect((void *)(pages + PAGE), PAGE, PROT_READ | PROT_WRITE), -1);
    assert_int_equal(mprotect((void *)(pages + 2 * PAGE), PAGE, PROT_READ | PROT_WRITE), -1);
    *at(other + PAGE) = 'b';
    *at(other + 3 * PAGE) = 'd';
    assert_int_equal(*at(pages + PAGE), 'b');
    assert_int_equal(*at(pages + 3 * PAGE), 'd');
    *at(pages) = 'w';
    assert_int_equal(*at(other), 'w');
    release(other, 4);
    drop(entry);
    release(pages, 1);
    release(pages + 3 * PAGE, 1);
    assert_int_equal(descriptors_open(), before + 1);
    assert_int_equal(*at(pages + 2 * PAGE), 'a');
    release(pages + PAGE, 2);
    assert_int_equal(descriptors_open(), before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(honest_rights_are_taken),
        cmocka_unit_test(false_numbers_are_not),
        cmocka_unit_test(memory_that_can_shrink_is_not),
        cmocka_unit_test(other_files_are_not),
        cmocka_unit_test(more_than_the_descriptor_allows_is_not),
        cmocka_unit_test(a_false_identity_is_not),
        cmocka_unit_test(a_wrong_count_of_descriptors_is_not),
        cmocka_unit_test(false_lists_are_not),
        cmocka_unit_test(our_own_are_sealed_and_narrow),
        cmocka_unit_test(a_lowered_mapping_stays_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
