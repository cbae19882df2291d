/*
 * The Mach calls on memory, memory entries and port names, against a model that is nothing but their rules.
 *
 * The input is a sequence of calls with their arguments. Each is made twice, to the library and to the model (mach_vm_map.h,
 * mach_vm_names.h), which knows what it must answer; every few calls, and at the end, what the kernel has mapped, with which
 * protection and content, and what the names stand for, is compared too. Then all is released, and nothing may be left: no
 * page, no name, no descriptor.
 *
 * Memory is looked at in a window, which is where the library's search for free memory begins; other addresses are ones that
 * nothing is mapped at, or that no memory can have. A range with memory of the program itself is never passed on.
 */
#include "mach_vm.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { STEPS = 150, VERIFY_EVERY = 8 };

/* ---- judgement ---- */

void say(struct world *world, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(world->call, sizeof world->call, format, arguments);
    va_end(arguments);
}

void wrong(const struct world *world, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    fprintf(stderr, "mach_vm: after %s (window at %#llx): ", world->call, (unsigned long long)world->map.base);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    abort();
}

void expect_code(const struct world *world, kern_return_t expected, kern_return_t got)
{
    if (expected != got)
        wrong(world, "expected %#x %s, got %#x %s", (unsigned)expected, mach_error_string(expected), (unsigned)got,
              mach_error_string(got));
}

void expect_value(const struct world *world, const char *what, uint64_t expected, uint64_t got)
{
    if (expected != got)
        wrong(world, "%s: expected %#llx, got %#llx", what, (unsigned long long)expected, (unsigned long long)got);
}

/* ---- input ---- */

uint64_t take(struct world *world, size_t bytes)
{
    uint64_t value = 0;

    for (; bytes > 0 && world->left > 0; bytes--, world->left--)
        value = value << 8 | *world->at++;
    return value;
}

/* A page of the window, perhaps not at its start; or an address at which nothing can be. */
uint64_t take_address(struct world *world)
{
    const uint64_t strange[] = {0,
                                1,
                                PAGE - 1,
                                PAGE,
                                SPACE_MIN - PAGE,
                                SPACE_MIN - 1,
                                SPACE_TOP,
                                SPACE_TOP + 1,
                                SPACE_TOP + (UINT64_C(1) << 30),
                                UINT64_C(1) << 63,
                                UINT64_C(0xdeadbeefdeadbeef),
                                UINT64_MAX - 2 * PAGE + 1,
                                UINT64_MAX - PAGE,
                                UINT64_MAX - PAGE + 1,
                                UINT64_MAX - PAGE + 2,
                                UINT64_MAX};
    uint64_t choice = take(world, 1), page = map_address(&world->map, choice % ARENA);

    if (choice < ARENA)
        return page;
    if (choice < 2 * ARENA)
        return map_address(&world->map, map_mapped(&world->map, choice - ARENA));
    if (choice < 3 * ARENA)
        return page + take(world, 2) % PAGE;
    return strange[choice % (sizeof strange / sizeof *strange)];
}

/* Some pages, or bytes; or a size too large for this address, or for any. */
uint64_t take_size(struct world *world, uint64_t address)
{
    const uint64_t strange[] = {0,
                                1,
                                PAGE - 1,
                                PAGE + 1,
                                UINT64_C(1) << 40,
                                UINT64_C(1) << 47,
                                UINT64_C(1) << 62,
                                UINT64_C(1) << 63,
                                UINT64_MAX - PAGE,
                                UINT64_MAX - PAGE + 1,
                                UINT64_MAX - PAGE + 2,
                                UINT64_MAX,
                                0 - address,
                                0 - address - 1,
                                0 - address - PAGE,
                                SPACE_TOP - address + 1};
    uint64_t choice = take(world, 1), pages = choice % 16;

    if (choice < 128)
        return pages * PAGE;
    if (choice < 160)
        return pages * PAGE + 1;
    if (choice < 192)
        return pages * 300;
    return strange[choice % (sizeof strange / sizeof *strange)];
}

/* Seldom with more than the three bits. */
vm_prot_t take_protection(struct world *world)
{
    static const vm_prot_t more[] = {VM_PROT_IS_MASK, VM_PROT_COPY, VM_PROT_NO_CHANGE,           VM_PROT_STRIP_READ,
                                     0x100,           -1,           ~(vm_prot_t)VM_PROT_IS_MASK, 0x7fffffff};
    uint64_t choice = take(world, 1);
    vm_prot_t protection = choice & 64 ? (vm_prot_t)(choice & VM_PROT_ALL) : VM_PROT_DEFAULT;

    return choice < 192 ? protection : (vm_prot_t)(choice & VM_PROT_ALL) | more[choice >> 3 & 7];
}

int take_flags(struct world *world)
{
    static const int more[] = {VM_FLAGS_PERMANENT,
                               VM_FLAGS_PURGABLE,
                               VM_FLAGS_4GB_CHUNK,
                               VM_FLAGS_NO_CACHE,
                               VM_MAKE_TAG(12),
                               VM_FLAGS_RETURN_DATA_ADDR,
                               VM_FLAGS_RETURN_DATA_ADDR,
                               VM_FLAGS_RETURN_4K_DATA_ADDR,
                               0x20,
                               0x100,
                               0x2000,
                               0x8000,
                               VM_FLAGS_SUPERPAGE_MASK,
                               0x200000,
                               VM_FLAGS_TPRO,
                               VM_FLAGS_RANDOM_ADDR};
    uint64_t choice = take(world, 1);
    int flags = (choice & 1 ? VM_FLAGS_ANYWHERE : 0) | (choice & 2 ? VM_FLAGS_OVERWRITE : 0);

    return choice < 192 ? flags : flags | more[choice >> 2 & 15];
}

/* Mostly one that lives. */
mach_port_name_t take_name(struct world *world)
{
    const mach_port_name_t strange[] = {MACH_PORT_NULL, MACH_PORT_DEAD, 0xabcd00, 0x12345603,
                                        0x301,          0xffffff00,     3,        0x100};
    uint64_t choice = take(world, 1);

    if (choice < 192)
        for (size_t i = 0; i < NAMES; i++) {
            const struct held *held = &world->names.held[(choice + i) % NAMES];
            if (held->kind != HELD_NOTHING && held->kind != HELD_PINNED)
                return held->name;
        }
    if (choice < 224)
        return world->names.stale[choice % STALE];
    if (choice < 240)
        return choice % 2 ? mach_task_self() : bootstrap_port;
    return strange[choice % (sizeof strange / sizeof *strange)];
}

/* Mostly an entry. */
mach_port_name_t take_object(struct world *world)
{
    uint64_t choice = take(world, 1);

    for (size_t i = 0; choice < 160 && i < NAMES; i++)
        if (world->names.held[(choice + i) % NAMES].kind == HELD_ENTRY)
            return world->names.held[(choice + i) % NAMES].name;
    return take_name(world);
}

/* ---- steps ---- */

/* The call after this one is made to somebody else. */
static void aim(struct world *world)
{
    world->task = take_name(world);
}

struct step {
    void (*run)(struct world *world);
    unsigned weight; /* of 256 */
};

static const struct step steps[] = {
    {call_allocate, 28},
    {call_deallocate, 16},
    {call_protect, 24},
    {call_inherit, 16},
    {call_map, 44},
    {call_make_entry, 40},
    {store, 30},
    {call_port_allocate, 6},
    {call_port_insert_right, 6},
    {call_port_mod_refs, 8},
    {call_port_deallocate, 8},
    {call_port_destroy, 2},
    {call_port_type, 2},
    {call_port_get_refs, 4},
    {call_semaphore_create, 4},
    {call_semaphore_destroy, 6},
    {call_semaphore_signal, 2},
    {call_semaphore_poll, 2},
    {step_fork, 2},
    {aim, 6},
};

static void one_step(struct world *world)
{
    uint64_t choice = take(world, 1);
    mach_port_name_t task = world->task;

    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        if (choice < steps[i].weight) {
            steps[i].run(world);
            break;
        }
        choice -= steps[i].weight;
    }
    if (world->task == task)
        world->task = mach_task_self();
}

/* ---- beginning and end ---- */

static unsigned descriptors_open(void)
{
    DIR *directory = opendir("/proc/self/fd");
    unsigned count = 0;

    if (directory == NULL)
        abort();
    while (readdir(directory) != NULL)
        count++;
    closedir(directory);
    return count;
}

/* Where a search for free memory begins, and how far from there on nothing else is. */
static void find_window(struct map *map)
{
    mach_vm_address_t address = 0;
    mach_vm_size_t size;

    if (mach_vm_allocate(mach_task_self(), &address, PAGE, VM_FLAGS_ANYWHERE) != KERN_SUCCESS)
        abort();
    map->base = address;
    for (size = UINT64_C(1) << 45; size > 2 * CELLS * PAGE; size /= 2) {
        void *got = mmap((void *)(uintptr_t)(address + PAGE), size, PROT_NONE,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);
        if (got != MAP_FAILED) {
            munmap(got, size);
            break;
        }
    }
    map->limit = address + size;
    mach_vm_deallocate(mach_task_self(), address, PAGE);
}

static void add_pinned(struct names *names, mach_port_name_t name)
{
    struct held *held = names_add(names, name, HELD_PINNED);

    if (mach_port_get_refs(mach_task_self(), name, MACH_PORT_RIGHT_SEND, &held->references) != KERN_SUCCESS)
        abort();
}

static void release_memory(struct world *world)
{
    struct map *map = &world->map;
    mach_vm_address_t address = map->base;

    say(world, "the last mach_vm_deallocate");
    expect_code(world, KERN_SUCCESS, mach_vm_deallocate(mach_task_self(), map->base, CELLS * PAGE));
    map_unmap(map, (struct cells){0, CELLS});
    verify(world);
    /* What is permanent goes behind the library's back, and is forgotten when something else is put there. */
    for (size_t i = 0; i < CELLS; i++) {
        if (map->page[i].permanent)
            munmap((void *)(uintptr_t)map_address(map, i), PAGE);
        map->page[i].permanent = false;
    }
    map_unmap(map, (struct cells){0, CELLS});
    say(world, "the allocation of the whole window");
    expect_code(world, KERN_SUCCESS, mach_vm_allocate(mach_task_self(), &address, CELLS * PAGE, VM_FLAGS_FIXED));
    expect_code(world, KERN_SUCCESS, mach_vm_deallocate(mach_task_self(), map->base, CELLS * PAGE));
    verify(world);
}

static void release_names(struct world *world)
{
    for (size_t i = 0; i < NAMES; i++) {
        struct held *held = &world->names.held[i];
        mach_port_name_t name = held->name;
        mach_port_type_t type = UNTOUCHED;
        if (held->kind == HELD_NOTHING)
            continue;
        if (held->kind == HELD_PINNED) {
            int delta = 1 - (int)held->references;
            say(world, "the last mach_port_mod_refs(%#x, SEND, %d)", name, delta);
            expect_code(world, KERN_SUCCESS, mach_port_mod_refs(mach_task_self(), name, MACH_PORT_RIGHT_SEND, delta));
            continue;
        }
        say(world, "the last mach_port_destroy(%#x)", name);
        expect_code(world, names_destroy(&world->names, name), mach_port_destroy(mach_task_self(), name));
        expect_code(world, KERN_INVALID_NAME, mach_port_type(mach_task_self(), name, &type));
    }
}

/* What the library and the C library open once and keep. */
static void warm_up(void)
{
    mach_port_name_t name;

    if (mach_port_allocate(mach_task_self(), MACH_PORT_RIGHT_RECEIVE, &name) != KERN_SUCCESS ||
        mach_port_destroy(mach_task_self(), name) != KERN_SUCCESS ||
        semaphore_create(mach_task_self(), &name, SYNC_POLICY_FIFO, 0) != KERN_SUCCESS ||
        semaphore_destroy(mach_task_self(), name) != KERN_SUCCESS)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static struct world world;
    static bool warm;

    if (!warm) {
        warm_up();
        warm = true;
    }
    unsigned before = descriptors_open();
    world = (struct world){.at = bytes, .left = size, .task = mach_task_self(), .map.last_file = 2};
    world.memory = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
    if (world.memory < 0)
        abort();
    find_window(&world.map);
    add_pinned(&world.names, mach_task_self());
    add_pinned(&world.names, bootstrap_port);
    for (unsigned i = 1; i <= STEPS && world.left > 0; i++) {
        one_step(&world);
        if (i % VERIFY_EVERY == 0)
            verify(&world);
    }
    verify(&world);
    verify_limits(&world);
    release_memory(&world);
    release_names(&world);
    close(world.memory);
    say(&world, "the end");
    expect_value(&world, "descriptors", before, descriptors_open());
    return 0;
}
