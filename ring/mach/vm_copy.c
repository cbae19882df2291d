/*
 * Sharing private memory, in place.
 *
 * Stretches of private memory that touch become one file. Each is made readable if it was not; nobody could write to
 * such a stretch, so it need not be held. Then writers are held, the content is copied, and the file is mapped over the
 * stretches one by one. When that fails on the way (too many mappings), what has been done is whole, and the rest is
 * private as before. Pages of zeroes are left as holes in the file. The content goes by pwrite, straight from the
 * memory, which on a page that cannot be read, past the end of a mapped file, fails where a load would raise SIGBUS.
 *
 * While writers are held, and where there is no hold, between copy and exchange, this thread must not write to the range.
 * So a range with what it always writes to is refused (is_own), and what is recorded of the exchange, in the heap, which
 * may be in the range, is recorded after.
 */
#include "vm_copy.h"
#include "vm_bytes.h"
#include "vm_hold.h"
#include "vm_place.h"

#include <errno.h>
#include <mach/vm_page_size.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

static void *at(uint64_t address)
{
    return (void *)(uintptr_t)address;
}

static uint64_t size_of(const struct region *region)
{
    return region->end - region->start;
}

static bool meets(uint64_t start, uint64_t end, uint64_t address, uint64_t size)
{
    return start < address + size && address < end;
}

/*
 * The ends of the layer's variables, in a program that is linked statically; CMakeLists.txt has them in sections of these names. In the
 * shared library there are none, and no program has its own data on the library's pages.
 */
extern char __start_mring_mach_bss[] __attribute__((weak, visibility("hidden")));
extern char __stop_mring_mach_bss[] __attribute__((weak, visibility("hidden")));
extern char __start_mring_mach_data[] __attribute__((weak, visibility("hidden")));
extern char __stop_mring_mach_data[] __attribute__((weak, visibility("hidden")));

static bool is_layers(uint64_t start, uint64_t end)
{
    return meets(start, end, (uintptr_t)__start_mring_mach_bss,
                 (uintptr_t)__stop_mring_mach_bss - (uintptr_t)__start_mring_mach_bss) ||
           meets(start, end, (uintptr_t)__start_mring_mach_data,
                 (uintptr_t)__stop_mring_mach_data - (uintptr_t)__start_mring_mach_data);
}

/*
 * Does this thread write there, whatever it does? To its stack, from here down, as deep as our calls and a signal's
 * handler may go; to errno; to the thread's own record, where cancellation is noted.
 */
static bool is_own(uint64_t start, uint64_t end)
{
    enum { DEPTH = 65536, RECORD = 4096 };
    uint64_t frame = (uintptr_t)__builtin_frame_address(0);

    return meets(start, end, frame - DEPTH, DEPTH + 1) || meets(start, end, (uintptr_t)&errno, sizeof errno) ||
           meets(start, end, (uintptr_t)pthread_self(), RECORD);
}

/* ---- shared to private ---- */

void *vm_new_private(uint64_t size)
{
    int saved = errno;
    void *copy = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    errno = saved;
    return copy != MAP_FAILED ? copy : NULL;
}

static void *finish(void *copy, uint64_t size, bool filled, vm_prot_t protection)
{
    if (copy != NULL && (!filled || mprotect(copy, size, protection) != 0)) {
        munmap(copy, size);
        return NULL;
    }
    return copy;
}

void *vm_copy_file(const struct vm_file *file, uint64_t offset, uint64_t size, vm_prot_t protection)
{
    void *copy = vm_new_private(size);

    return finish(copy, size, copy != NULL && vm_file_read(file, offset, size, copy), protection);
}

/*
 * Without a descriptor. The file may end before its mapping does, so that must not be touched directly; what is past the
 * end stays zeroes in the copy, as in the file's last page.
 */
static bool read_mapped(const struct segment *segment, void *copy)
{
    uint64_t size = size_of(&segment->region);
    bool readable = segment->current & VM_PROT_READ;
    int saved = errno;

    if (!readable && mprotect(at(segment->region.start), size, PROT_READ) != 0)
        return false;
    bool read = vm_bytes_move_readable(segment->region.start, (uintptr_t)copy, size);
    if (!readable)
        mprotect(at(segment->region.start), size, segment->current);
    errno = saved;
    return read;
}

void *vm_copy_segment(const struct segment *segment, vm_prot_t protection)
{
    const struct region *region = &segment->region;
    uint64_t size = size_of(region);

    if (region->kind == REGION_FILE)
        return vm_copy_file(region->file, region->offset, size, protection);
    void *copy = vm_new_private(size);
    return finish(copy, size, copy != NULL && read_mapped(segment, copy), protection);
}

kern_return_t vm_make_private(const struct segment *segment, vm_prot_t max, vm_prot_t protection)
{
    struct region private = segment->region;
    struct vm_content content = {.protection = PROT_NONE};

    if (is_own(private.start, private.end))
        return KERN_FAILURE;
    kern_return_t kr = vm_table_reserve(3);
    if (kr != KERN_SUCCESS)
        return kr;
    content.copy = vm_copy_segment(segment, protection);
    if (content.copy == NULL)
        return KERN_RESOURCE_SHORTAGE;
    kr = vm_place_over(private.start, size_of(&private), &content);
    if (kr != KERN_SUCCESS) {
        munmap(content.copy, size_of(&private));
        return kr;
    }
    private.kind = REGION_PRIVATE;
    private.file = NULL;
    private.device = private.inode = private.offset = 0;
    private.max = max;
    private.inherit = VM_INHERIT_DEFAULT;
    vm_table_carve(private.start, private.end);
    vm_table_insert(&private);
    return KERN_SUCCESS;
}

/* ---- private to shared ---- */

/*
 * Other threads may be stopped in the midst of writing here, which is what the sanitizers are to overlook in these two.
 */
__attribute__((no_sanitize("address"), no_sanitize("thread"))) static bool is_zero(uint64_t page)
{
    const uint64_t *word = at(page);

    for (size_t i = 0; i < vm_page_size / sizeof *word; i++)
        if (word[i] != 0)
            return false;
    return true;
}

static bool write_all(int fd, uint64_t from, uint64_t to, uint64_t offset)
{
    while (from < to) {
        long put = syscall(SYS_pwrite64, fd, at(from), to - from, offset); /* unseen by sanitizers */
        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0)
            return false;
        from += (uint64_t)put;
        offset += (uint64_t)put;
    }
    return true;
}

/* Into the file, whose part for the address `base` is at 0. What cannot end early is looked at, to leave zeroes out. */
static bool copy_to_file(const struct segment *segment, const struct vm_file *file, uint64_t base)
{
    uint64_t page = segment->region.start, end = segment->region.end;
    bool look = segment->anonymous || segment->region.kind == REGION_FILE;

    while (page < end) {
        uint64_t from, to;
        for (from = page; from < end && look && is_zero(from); from += vm_page_size)
            ;
        for (to = from; to < end && !(look && is_zero(to)); to += vm_page_size)
            ;
        if (from < to && !write_all(file->fd, from, to, from - base))
            return false;
        page = to;
    }
    return true;
}

kern_return_t vm_copy_out(const struct segment *segments, size_t count, struct vm_file **file)
{
    uint64_t base = segments[0].region.start;
    int saved = errno;
    kern_return_t kr = vm_file_create(segments[count - 1].region.end - base, file);

    for (size_t i = 0; i < count && kr == KERN_SUCCESS; i++) {
        if (copy_to_file(&segments[i], *file, base))
            continue;
        vm_file_drop(*file);
        kr = KERN_RESOURCE_SHORTAGE;
    }
    errno = saved;
    return kr;
}

static bool make_readable(const struct segment *segments, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!(segments[i].current & VM_PROT_READ) &&
            mprotect(at(segments[i].region.start), size_of(&segments[i].region), PROT_READ) != 0)
            return false;
    return true;
}

static void restore_protection(const struct segment *segments, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!(segments[i].current & VM_PROT_READ))
            mprotect(at(segments[i].region.start), size_of(&segments[i].region), segments[i].current);
}

/* Nothing is written here but the caller's frame: the table, or the file's count, may lie in what is held. */
static kern_return_t exchange(const struct segment *segment, struct vm_file *file, uint64_t base)
{
    const struct region *private = &segment->region;
    struct vm_content content = {.file = file, .offset = private->start - base, .protection = segment->current};

    return vm_place_over(private->start, size_of(private), &content);
}

static void record_exchange(const struct segment *segment, struct vm_file *file, uint64_t base)
{
    struct region shared = segment->region;

    if (shared.inherit == VM_INHERIT_NONE)
        madvise(at(shared.start), size_of(&shared), MADV_DONTFORK);
    shared.kind = REGION_FILE;
    shared.file = file;
    shared.device = file->device;
    shared.inode = file->inode;
    shared.offset = shared.start - base;
    vm_file_hold(file);
    vm_table_carve(shared.start, shared.end);
    vm_table_insert(&shared);
}

static kern_return_t move_to_file(const struct segment *segments, size_t count, struct vm_file *file)
{
    uint64_t base = segments[0].region.start;
    int hold = vm_hold_writers(base, segments[count - 1].region.end - base);
    kern_return_t kr = KERN_SUCCESS;
    size_t done = 0;

    for (size_t i = 0; i < count && kr == KERN_SUCCESS; i++)
        kr = copy_to_file(&segments[i], file, base) ? KERN_SUCCESS : KERN_RESOURCE_SHORTAGE;
    while (done < count && kr == KERN_SUCCESS) {
        kr = exchange(&segments[done], file, base);
        done += kr == KERN_SUCCESS;
    }
    restore_protection(segments + done, count - done);
    vm_hold_end(hold);
    for (size_t i = 0; i < done; i++)
        record_exchange(&segments[i], file, base);
    return kr;
}

/* Private segments without a gap between them. */
static kern_return_t share_run(const struct segment *segments, size_t count)
{
    uint64_t start = segments[0].region.start, end = segments[count - 1].region.end;
    struct vm_file *file;
    int saved = errno;

    if (is_own(start, end) || is_layers(start, end))
        return KERN_FAILURE;
    kern_return_t kr = vm_table_reserve(3 * count);
    if (kr == KERN_SUCCESS)
        kr = vm_file_create(end - start, &file);
    if (kr != KERN_SUCCESS)
        return kr;
    if (make_readable(segments, count)) {
        kr = move_to_file(segments, count, file);
    } else {
        kr = KERN_PROTECTION_FAILURE;
        restore_protection(segments, count);
    }
    vm_file_drop(file);
    errno = saved;
    return kr;
}

kern_return_t vm_make_shared(uint64_t start, uint64_t end)
{
    struct view view;
    kern_return_t kr = view_look(&view, start, end);

    if (kr != KERN_SUCCESS)
        return kr;
    for (size_t i = 0; i < view.count && kr == KERN_SUCCESS;) {
        size_t next = i + 1;
        if (view.segments[i].region.kind == REGION_PRIVATE) {
            while (next < view.count && view.segments[next].region.kind == REGION_PRIVATE &&
                   view.segments[next].region.start == view.segments[next - 1].region.end)
                next++;
            kr = share_run(&view.segments[i], next - i);
        }
        i = next;
    }
    view_free(&view);
    return kr;
}
