/*
 * A fork: what the child has of each page (Mach 4.5 to 4.9), and that it has no names (5.6).
 *
 * The parent stores to what the child has copies of before the child looks; then the child stores to all it may, and the parent
 * looks. Both know what the other has stored.
 */
#include "mach_vm.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CHILD_STAMP = 1000, ROUND = 2000 };

static bool may_store(const struct page *page)
{
    return page->content != NULL && (page->current & VM_PROT_WRITE);
}

static void put(const struct map *map, size_t cell, uint64_t stamp)
{
    volatile uint64_t *word = (volatile uint64_t *)(uintptr_t)map_address(map, cell);

    word[0] = word[PAGE / sizeof *word - 1] = stamp;
}

/* What the other side does is only taken note of. */
static void store_to(struct world *world, vm_inherit_t inherit, uint64_t stamp, bool really)
{
    struct map *map = &world->map;

    for (size_t i = 0; i < CELLS; i++) {
        if (!may_store(&map->page[i]) || map->page[i].inherit != inherit)
            continue;
        map->page[i].content->stamp = stamp + i;
        if (really)
            put(map, i, stamp + i);
    }
}

/* The child's map. The parent's stores reach what is SHARE through contents that it maps COPY as well. */
static void become_child(struct world *world, uint64_t stamp)
{
    struct map *map = &world->map;
    struct content *snapshot[CELLS] = {NULL};

    for (size_t i = 0; i < CELLS; i++) {
        const struct page *page = &map->page[i];
        bool present = page->file == 0 || (page->max & VM_PROT_READ); /* Mach 4.8 */
        if (page->content != NULL && page->inherit == VM_INHERIT_COPY && present)
            snapshot[i] = content_new(page->content->stamp);
    }
    store_to(world, VM_INHERIT_COPY, stamp, false);
    for (size_t i = 0; i < CELLS; i++) {
        struct page *page = &map->page[i];
        if (page->content == NULL || page->inherit == VM_INHERIT_SHARE)
            continue;
        content_drop(page->content);
        if (snapshot[i] != NULL)
            page->content = snapshot[i];
        else
            *page = (struct page){.content = NULL};
    }
}

static void expect_no_names(struct world *world)
{
    for (size_t i = 0; i < NAMES; i++) {
        struct held *held = &world->names.held[i];
        mach_vm_address_t address = 0;
        mach_port_type_t type;
        if (held->kind == HELD_PINNED)
            held->references = 1;
        if (held->kind == HELD_NOTHING || held->kind == HELD_PINNED)
            continue;
        say(world, "mach_port_type(%#x), and mach_vm_map of it, in a child", held->name);
        expect_code(world, KERN_INVALID_NAME, mach_port_type(mach_task_self(), held->name, &type));
        expect_code(world, MACH_SEND_INVALID_RIGHT,
                    mach_vm_map(mach_task_self(), &address, PAGE, 0, VM_FLAGS_ANYWHERE, held->name, 0, FALSE,
                                VM_PROT_READ, VM_PROT_READ, VM_INHERIT_NONE));
        held->kind = HELD_NOTHING;
    }
}

_Noreturn static void be_child(struct world *world, int told, uint64_t stamp)
{
    char byte;

    while (read(told, &byte, 1) < 0 && errno == EINTR)
        ;
    world->memory = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
    become_child(world, stamp);
    expect_no_names(world);
    say(world, "a fork, in the child");
    verify(world);
    store_to(world, VM_INHERIT_SHARE, stamp + CHILD_STAMP, true);
    store_to(world, VM_INHERIT_COPY, stamp + CHILD_STAMP, true);
    say(world, "stores in a child");
    verify(world);
    verify_limits(world);
    _exit(0);
}

void step_fork(struct world *world)
{
    uint64_t stamp = world->stamp + 1;
    int ends[2], status;
    pid_t child;

    if (world->forked || map_is_loose(&world->map, (struct cells){0, CELLS}))
        return;
    world->forked = true;
    world->stamp += ROUND;
    say(world, "a fork");
    if (pipe2(ends, O_CLOEXEC) != 0 || (child = fork()) < 0)
        wrong(world, "no fork: errno %d", errno);
    if (child == 0) {
        close(ends[1]);
        be_child(world, ends[0], stamp);
    }
    store_to(world, VM_INHERIT_COPY, stamp, true);
    close(ends[0]);
    close(ends[1]);
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        ;
    if (status != 0)
        wrong(world, "the child ended with status %#x", (unsigned)status);
    store_to(world, VM_INHERIT_SHARE, stamp + CHILD_STAMP, false);
    verify(world);
}
