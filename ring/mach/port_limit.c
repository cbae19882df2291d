#include "port_limit.h"

#include <linux/sockios.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

enum { PAGE = 4096 };

struct limit_page {
    _Atomic uint32_t queued, limit;
};

bool port_limit_map(struct port_limit *limit)
{
    struct limit_page *none = NULL;

    if (atomic_load_explicit(&limit->page, memory_order_acquire)) /* limit-mapped */
        return true;
    void *page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, limit->file->fd, 0);
    if (page == MAP_FAILED)
        return false;
    if (!atomic_compare_exchange_strong_explicit(&limit->page, &none, page, memory_order_release, /* limit-mapped */
                                                 memory_order_relaxed))
        munmap(page, PAGE);
    return true;
}

/* Written, not stored through the mapping, so that want of memory is an error and not a signal. */
bool port_limit_create(struct port_limit *limit, uint32_t messages)
{
    struct limit_page page = {.limit = messages};

    return vm_file_create(PAGE, &limit->file) == KERN_SUCCESS &&
           pwrite(limit->file->fd, &page, sizeof page, 0) == (ssize_t)sizeof page && port_limit_map(limit);
}

bool port_limit_adopt(struct port_limit *limit, int fd)
{
    limit->file = vm_file_adopt(fd);
    return limit->file && limit->file->writable && limit->file->size >= PAGE;
}

void port_limit_close(struct port_limit *limit)
{
    struct limit_page *page = atomic_exchange_explicit(&limit->page, NULL, memory_order_relaxed);

    if (page)
        munmap(page, PAGE);
    if (limit->file)
        vm_file_drop(limit->file);
    limit->file = NULL;
}

static struct limit_page *page_of(struct port_limit *limit)
{
    return atomic_load_explicit(&limit->page, memory_order_acquire); /* limit-mapped */
}

void port_limit_set(struct port_limit *limit, uint32_t messages)
{
    atomic_store_explicit(&page_of(limit)->limit, messages, memory_order_relaxed);
}

static bool empty(int socket)
{
    int bytes = 0;
    return ioctl(socket, SIOCOUTQ, &bytes) == 0 && bytes == 0;
}

static bool ended(int socket)
{
    struct pollfd look = {.fd = socket};
    return poll(&look, 1, 0) > 0 && (look.revents & POLLHUP) != 0;
}

uint32_t port_limit_queued(struct port_limit *limit, int socket)
{
    return empty(socket) ? 0 : atomic_load_explicit(&page_of(limit)->queued, memory_order_relaxed);
}

bool port_limit_enter(struct port_limit *limit, int socket)
{
    struct limit_page *page = page_of(limit);
    uint32_t queued = atomic_load_explicit(&page->queued, memory_order_relaxed), next;

    do {
        if (queued < atomic_load_explicit(&page->limit, memory_order_relaxed))
            next = queued + 1;
        else if (empty(socket) || ended(socket))
            next = 1;
        else
            return false;
    } while (!atomic_compare_exchange_weak_explicit(&page->queued, &queued, next, memory_order_relaxed,
                                                    memory_order_relaxed));
    return true;
}

void port_limit_announce(struct port_limit *limit)
{
    atomic_fetch_add_explicit(&page_of(limit)->queued, 1, memory_order_relaxed);
}

bool port_limit_leave(struct port_limit *limit)
{
    struct limit_page *page = page_of(limit);
    uint32_t queued = atomic_load_explicit(&page->queued, memory_order_relaxed);

    while (queued != 0 && !atomic_compare_exchange_weak_explicit(&page->queued, &queued, queued - 1,
                                                                 memory_order_relaxed, memory_order_relaxed))
        ;
    return queued >= atomic_load_explicit(&page->limit, memory_order_relaxed);
}
