/*
 * Guarantees
 *   - When this task ends, by exit, exec or kill, the kernel sets FUTEX_OWNER_DIED in each life word that it holds. A task that is merely
 *     stopped, or slow, keeps them.
 *   - When the owner of a semaphore ends on which a thread of this task waits, that wait ends at once, by an event.
 *   - What deaths of others leave behind (sema_repair) is put right for this task's waiters within two seconds.
 *   - A task that has neither sent a semaphore nor waited on a foreign one has no keeper.
 *
 * How. A keeper is a thread that never ends by itself. Life words are in its robust futex list, which the kernel walks when
 * the thread dies; the entry comes into the list before the word gets the thread's id, and leaves it after the word is 0 again, so a
 * death at any instruction finds either no claim or a whole one. The list is changed by any thread of the task, under the lock; one
 * store each makes an entry appear and disappear. The keeper itself uses no robust mutex, and no signal reaches it. A list works for
 * 2048 entries (the kernel walks no further), so there may be several keepers.
 *
 * The keeper sleeps on the owners' life words of the semaphores in its care, all at once (FUTEX_WAITV, up to 128). Waiters do not: their wait
 * is a plain futex, which is the cheaper one, and the one that a signal handler ends even under SA_RESTART. The words carry
 * FUTEX_WAITERS, so the kernel wakes one of those who sleep there. It wakes the others first of all, and then terminates the semaphore, as
 * they all do. Only if it is killed before its first step do they see it at their next look, a second later. Before Linux 5.16 the
 * keeper looks every 50 ms.
 *
 * Where robust lists are missing (qemu-user), there are no keepers: deaths are then not seen, and everything else works.
 *
 * `control` is the keeper's own word to sleep on: it changes when a mapping comes or goes, so that what the keeper is about to sleep on
 * is no longer true. All else here is under the lock.
 */
#include "sema_keeper.h"
#include "sema_futex.h"
#include "sema_lock.h"

#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
    KEEPERS = 16,
    MAPS_MAX = 1900,
    WATCHED_MAX = FUTEX_WAITV_MAX - 1,
    STACK_BYTES = 128 * 1024,
    LOOK_NS = 50000000,
    NAP_NS = 10000000
};
static const uint64_t TICK_NS = 1000000000;

struct keeper {
    struct robust_list_head list;
    _Atomic uint32_t thread; /* its id; 0: not yet running */
    _Atomic uint32_t control;
    struct sema_map *newest;
    unsigned maps, watched;
};

static struct keeper keepers[KEEPERS];
static unsigned keeper_count;
/* In the place of a keeper where none could do its work. */
static struct keeper absent;

/* ---- the thread ---- */

/* End what has ended; list what the keeper is to sleep on. */
static unsigned watch(struct keeper *keeper, struct futex_waitv words[WATCHED_MAX])
{
    unsigned count = 0;

    for (struct sema_map *map = keeper->newest; map; map = map->older) {
        if (map->owner || sema_ended(&map->sema))
            continue;
        const _Atomic uint32_t *word = &map->sema.page->life[LIFE_OWNER].word;
        uint32_t seen = atomic_load_explicit(word, memory_order_seq_cst);
        if (!(seen & FUTEX_OWNER_DIED) && count < WATCHED_MAX)
            words[count++] = (struct futex_waitv){.val = seen, .uaddr = (uintptr_t)word, .flags = FUTEX_32};
    }
    return count;
}

static void repair(struct keeper *keeper)
{
    for (struct sema_map *map = keeper->newest; map; map = map->older)
        if (atomic_load_explicit(&map->waiters, memory_order_relaxed) != 0)
            sema_repair(&map->sema, &map->passed);
}

/* Until something changes, or `limit`. words[0] is the keeper's own. */
static void sleep_on(struct keeper *keeper, struct futex_waitv words[], unsigned count, const struct timespec *limit)
{
    uint32_t seen = (uint32_t)words[0].val;
    int error = count == 1 ? -ENOSYS : sema_futex_wait_any(words, count, limit);

    if (error == -ENOSYS) {
        struct timespec look = sema_time_after(LOOK_NS);
        sema_futex_wait((const uint32_t *)&keeper->control, seen, count == 1 ? limit : &look);
    } else if (error == -EAGAIN || error == -EFAULT) {
        /* If not our own word changed, then an owner's did, more often than any sound task changes it: no hurry. */
        struct timespec nap = sema_time_after(NAP_NS);
        sema_futex_wait((const uint32_t *)&keeper->control, seen, &nap);
    }
}

static void *keep(void *argument)
{
    struct keeper *keeper = argument;
    struct futex_waitv words[FUTEX_WAITV_MAX];
    struct timespec tick = sema_time_after(TICK_NS);

    prctl(PR_SET_NAME, "mach-keeper"); /* by itself: for another thread it would take opening a file of /proc */
    syscall(SYS_set_robust_list, &keeper->list, sizeof keeper->list);
    atomic_store_explicit(&keeper->thread, (uint32_t)syscall(SYS_gettid), memory_order_release); /* keeper-runs */
    sema_futex_wake((const uint32_t *)&keeper->thread, 1);
    for (;;) {
        sigset_t mask;
        words[0] =
            (struct futex_waitv){.val = atomic_load_explicit(&keeper->control, memory_order_acquire), /* control */
                                 .uaddr = (uintptr_t)&keeper->control,
                                 .flags = FUTEX_32};
        sema_lock(&mask);
        unsigned count = 1 + watch(keeper, words + 1);
        if (sema_time_passed(&tick)) {
            repair(keeper);
            tick = sema_time_after(TICK_NS);
        }
        bool idle = keeper->maps == 0;
        sema_unlock(&mask);
        sleep_on(keeper, words, count, idle ? &sema_never : &tick);
    }
    return NULL;
}

static bool start_thread(struct keeper *keeper)
{
    pthread_attr_t attributes;
    pthread_t thread;

    if (pthread_attr_init(&attributes) != 0)
        return false;
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&attributes, STACK_BYTES);
    int error = pthread_create(&thread, &attributes, keep, keeper);
    if (error == EINVAL) { /* a program with much thread-local storage, or a sanitizer, needs larger stacks */
        pthread_attr_destroy(&attributes);
        pthread_attr_init(&attributes);
        pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
        error = pthread_create(&thread, &attributes, keep, keeper);
    }
    pthread_attr_destroy(&attributes);
    return error == 0;
}

static struct keeper *make_keeper(void)
{
    if (keeper_count == KEEPERS)
        return NULL;
    struct keeper *keeper = &keepers[keeper_count];
    memset(keeper, 0, sizeof *keeper);
    keeper->list.list.next = &keeper->list.list;
    keeper->list.futex_offset = SEMA_SHADOW;
    if (!start_thread(keeper)) /* the lock keeps all signals blocked; the thread inherits that */
        return NULL;
    while (atomic_load_explicit(&keeper->thread, memory_order_acquire) == 0) /* keeper-runs */
        sema_futex_wait((const uint32_t *)&keeper->thread, 0, &sema_never);
    keeper_count++;
    return keeper;
}

/* ---- robust lists ---- */

/* The kernel reads the list when the keeper dies: each of these stores leaves it whole. */
static void set_next(struct robust_list *entry, struct robust_list *next)
{
    __atomic_store_n(&entry->next, next, __ATOMIC_RELEASE);
}

static void link_word(struct keeper *keeper, struct sema_map *map, uint32_t life)
{
    map->entry = (struct robust_list *)((unsigned char *)&map->sema.page->life[life] - SEMA_SHADOW);
    set_next(map->entry, keeper->list.list.next);
    set_next(&keeper->list.list, map->entry);
}

static void unlink_word(struct keeper *keeper, struct sema_map *map)
{
    struct robust_list *before = &keeper->list.list;

    for (struct sema_map *newer = map->newer; newer && before == &keeper->list.list; newer = newer->newer)
        if (newer->entry)
            before = newer->entry;
    set_next(before, map->entry->next);
    map->entry = NULL;
}

/* ---- lives ---- */

static bool claim(struct keeper *keeper, struct sema_map *map, uint32_t life)
{
    _Atomic uint32_t *word = &map->sema.page->life[life].word;
    uint32_t seen = atomic_load_explicit(word, memory_order_seq_cst);
    uint32_t mine = atomic_load_explicit(&keeper->thread, memory_order_relaxed) | FUTEX_WAITERS;

    if (seen != 0 && !(seen & FUTEX_OWNER_DIED))
        return false;
    if (seen != 0)
        sema_bury(&map->sema, life);
    link_word(keeper, map, life);
    if (atomic_compare_exchange_strong_explicit(word, &seen, mine, memory_order_seq_cst, memory_order_seq_cst))
        return true;
    unlink_word(keeper, map);
    return false;
}

/* Hold a life word. When all are taken, or there is no keeper, this task's life stays unknown to others. */
static uint32_t take_life(struct keeper *keeper, struct sema_map *map)
{
    if (map->owner) {
        if (keeper != &absent)
            claim(keeper, map, LIFE_OWNER);
        return LIFE_OWNER;
    }
    for (uint32_t life = LIFE_OWNER + 1; keeper != &absent && life < SEMA_LIVES; life++)
        if (claim(keeper, map, life))
            return life;
    return LIFE_UNKNOWN;
}

static bool has_room(const struct keeper *keeper, const struct sema_map *map)
{
    return keeper->maps < MAPS_MAX && (map->owner || keeper->watched < WATCHED_MAX);
}

static bool robust_lists_work(void)
{
    struct robust_list_head *head;
    size_t size;

    return syscall(SYS_get_robust_list, 0, &head, &size) == 0 || errno != ENOSYS;
}

static struct keeper *choose(const struct sema_map *map)
{
    if (!robust_lists_work())
        return &absent;
    for (unsigned i = 0; i < keeper_count; i++)
        if (has_room(&keepers[i], map))
            return &keepers[i];
    return make_keeper();
}

static void notify(struct keeper *keeper)
{
    atomic_fetch_add_explicit(&keeper->control, 1, memory_order_release); /* control */
    sema_futex_wake((const uint32_t *)&keeper->control, 1);
}

bool keeper_take(struct sema_map *map)
{
    struct keeper *keeper = choose(map);

    if (!keeper)
        return false;
    map->newer = NULL;
    map->older = keeper->newest;
    if (map->older)
        map->older->newer = map;
    keeper->newest = map;
    keeper->maps++;
    keeper->watched += !map->owner;
    map->passed = 0;
    atomic_store_explicit(&map->sema.life, take_life(keeper, map), memory_order_release); /* life-held */
    atomic_store_explicit(&map->keeper, keeper, memory_order_release);                    /* life-held */
    notify(keeper);
    return true;
}

void keeper_release(struct sema_map *map)
{
    struct keeper *keeper = atomic_load_explicit(&map->keeper, memory_order_relaxed);

    if (map->entry) {
        uint32_t life = atomic_load_explicit(&map->sema.life, memory_order_relaxed);
        atomic_store_explicit(&map->sema.page->life[life].word, 0, memory_order_seq_cst);
        unlink_word(keeper, map);
    }
    if (map->newer)
        map->newer->older = map->older;
    else
        keeper->newest = map->older;
    if (map->older)
        map->older->newer = map->newer;
    keeper->maps--;
    keeper->watched -= !map->owner;
    atomic_store_explicit(&map->keeper, NULL, memory_order_relaxed);
    notify(keeper);
}

void keeper_fork_child(void)
{
    keeper_count = 0;
    memset(&absent, 0, sizeof absent);
}
