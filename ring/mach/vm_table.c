/*
 * A sorted array. There are as many regions as the program has allocations by Mach's calls: a few in a ring's life,
 * some thousands in a program that makes much of them; moving that many records is cheaper than one system call.
 */
#include "vm_table.h"
#include "cancel.h"
#include "fork.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct region *regions;
static size_t count, room;

/* Of the thread that has the lock, to be restored when it gives it back. */
static int saved_cancellation, saved_errno;

void vm_table_lock(void)
{
    int error = errno;

    mach_layer_init();
    int cancellation = cancel_hold();
    pthread_mutex_lock(&lock);
    saved_cancellation = cancellation;
    saved_errno = error;
}

void vm_table_unlock(void)
{
    int error = saved_errno, cancellation = saved_cancellation;

    pthread_mutex_unlock(&lock);
    cancel_release(cancellation);
    errno = error;
}

kern_return_t vm_table_reserve(size_t more)
{
    if (room - count >= more)
        return KERN_SUCCESS;
    size_t wanted = 2 * room > count + more ? 2 * room : count + more;
    struct region *grown = realloc(regions, wanted * sizeof *grown);
    if (grown == NULL)
        return KERN_RESOURCE_SHORTAGE;
    regions = grown;
    room = wanted;
    return KERN_SUCCESS;
}

/* The index of the first region that ends after `address`. */
static size_t index_of(uint64_t address)
{
    size_t low = 0, high = count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (regions[middle].end > address)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

static bool is_within(uint64_t address)
{
    size_t at = index_of(address);

    return at < count && regions[at].start < address;
}

size_t vm_table_cuts(uint64_t start, uint64_t end)
{
    return (size_t)is_within(start) + is_within(end);
}

static void open_gap(size_t at)
{
    memmove(&regions[at + 1], &regions[at], (count - at) * sizeof *regions);
    count++;
}

/*
 * Let a region boundary be at `address`, if that is within a region. Returns the index of the first region from there
 * on.
 */
static size_t split(uint64_t address)
{
    size_t at = index_of(address);

    if (at == count || regions[at].start >= address)
        return at;
    open_gap(at);
    regions[at].end = address;
    regions[at + 1].start = address;
    regions[at + 1].offset += address - regions[at].start;
    if (regions[at].file != NULL)
        vm_file_hold(regions[at].file);
    return at + 1;
}

void vm_table_carve(uint64_t start, uint64_t end)
{
    size_t first = split(start);
    size_t last = split(end);

    for (size_t at = first; at < last; at++)
        if (regions[at].file != NULL)
            vm_file_drop(regions[at].file);
    memmove(&regions[first], &regions[last], (count - last) * sizeof *regions);
    count -= last - first;
}

void vm_table_insert(const struct region *region)
{
    size_t at = index_of(region->start);

    open_gap(at);
    regions[at] = *region;
}

struct region *vm_table_at(uint64_t address)
{
    size_t at = index_of(address);

    return at < count ? &regions[at] : NULL;
}

struct region *vm_table_next(struct region *region)
{
    return region + 1 < regions + count ? region + 1 : NULL;
}
