/*
 * Arenas. One is a reservation of address space, [shadow | 256 semaphores], made when needed and never given back; its pages are
 * taken as they are touched. A place without a mapping is reserved (PROT_NONE), so nobody else's memory is ever in between. None of it
 * goes over a fork.
 *
 * `waiters`, `sema.page` and `sema.order` are read without the lock by whoever holds a reference. `sema.life` is stored once, when the
 * life word is held, and `keeper` after it [life-held].
 */
#include "sema_map.h"
#include "sema_keeper.h"
#include "sema_lock.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

enum { PLACES = SEMA_SHADOW / SEMA_BYTES };

struct arena {
    struct arena *next;
    unsigned char *base; /* NULL: not reserved, which is so in a forked child */
    struct sema_map maps[PLACES];
};

static struct arena *arenas;

static bool reserve(struct arena *arena)
{
    void *base = mmap(NULL, 2 * (size_t)SEMA_SHADOW, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (base == MAP_FAILED)
        return false;
    if (mprotect(base, SEMA_SHADOW, PROT_READ | PROT_WRITE) != 0 ||
        madvise(base, 2 * (size_t)SEMA_SHADOW, MADV_DONTFORK) != 0) {
        munmap(base, 2 * (size_t)SEMA_SHADOW);
        return false;
    }
    arena->base = base;
    return true;
}

static void *place_of(const struct arena *arena, const struct sema_map *map)
{
    return arena->base + SEMA_SHADOW + (size_t)(map - arena->maps) * SEMA_BYTES;
}

static bool map_at(void *place, int fd)
{
    if (mmap(place, SEMA_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0) == MAP_FAILED)
        return false;
    madvise(place, SEMA_BYTES, MADV_DONTFORK);
    return true;
}

static void unmap_at(void *place)
{
    if (mmap(place, SEMA_BYTES, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE, -1, 0) !=
        MAP_FAILED)
        madvise(place, SEMA_BYTES, MADV_DONTFORK);
}

static struct sema_map *find(const struct vm_file *file)
{
    for (struct arena *arena = arenas; arena; arena = arena->next)
        for (int i = 0; i < PLACES; i++)
            if (arena->maps[i].sema.page && arena->maps[i].inode == file->inode &&
                arena->maps[i].device == file->device)
                return &arena->maps[i];
    return NULL;
}

static struct sema_map *map_in(struct arena *arena, const struct vm_file *file)
{
    for (int i = 0; i < PLACES; i++) {
        struct sema_map *map = &arena->maps[i];
        if (map->sema.page)
            continue;
        if ((!arena->base && !reserve(arena)) || !map_at(place_of(arena, map), file->fd))
            return NULL;
        *map = (struct sema_map){.device = file->device, .inode = file->inode};
        map->sema.page = place_of(arena, map);
        return map;
    }
    return NULL;
}

static struct sema_map *map_file(const struct vm_file *file)
{
    for (struct arena *arena = arenas; arena; arena = arena->next) {
        struct sema_map *map = map_in(arena, file);
        if (map)
            return map;
    }
    struct arena *arena = calloc(1, sizeof *arena);
    if (!arena)
        return NULL;
    arena->next = arenas;
    arenas = arena;
    return map_in(arena, file);
}

struct sema_map *sema_map_hold(const struct vm_file *file, enum sema_order order)
{
    int saved = errno;
    sigset_t mask;

    sema_lock(&mask);
    struct sema_map *map = find(file);
    if (!map) {
        map = map_file(file);
        if (map) {
            map->sema.order = order;
            map->sema.life = LIFE_UNKNOWN;
        }
    }
    if (map)
        map->references++;
    sema_unlock(&mask);
    errno = saved;
    return map;
}

static bool kept_already(const struct sema_map *map)
{
    return atomic_load_explicit(&map->keeper, memory_order_acquire) != NULL; /* life-held */
}

void sema_map_drop(struct sema_map *map)
{
    int saved = errno;
    sigset_t mask;

    sema_lock(&mask);
    if (--map->references == 0 && !(map->owner && kept_already(map) && !sema_ended(&map->sema))) {
        if (kept_already(map))
            keeper_release(map);
        unmap_at(map->sema.page);
        map->sema.page = NULL;
    }
    sema_unlock(&mask);
    errno = saved;
}

static bool look_after(struct sema_map *map)
{
    int saved = errno;
    sigset_t mask;

    sema_lock(&mask);
    bool kept = kept_already(map) || keeper_take(map);
    sema_unlock(&mask);
    errno = saved;
    return kept;
}

bool sema_map_share(struct sema_map *map)
{
    return !map->owner || look_after(map);
}

bool sema_map_join(struct sema_map *map)
{
    return map->owner || kept_already(map) || look_after(map);
}

void sema_map_fork_child(void)
{
    keeper_fork_child();
    for (struct arena *arena = arenas; arena; arena = arena->next) {
        arena->base = NULL;
        for (int i = 0; i < PLACES; i++)
            arena->maps[i].sema.page = NULL;
    }
}
