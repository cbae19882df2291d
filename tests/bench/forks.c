/*
 * What a fork costs by what is inherited: shared memory by each rule, and, for comparison, private memory and a plain copy of as many
 * bytes into fresh memory.
 *
 *     bench-fork [ROUNDS]
 *
 * One run, in rounds that take turns; medians, in milliseconds, and per MiB what is beyond a fork without such memory.
 */
#include "clock.h"
#include "statistics.h"

#include <mach/mach.h>
#include <mach/mach_vm.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ROUNDS_MAX = 1000, MIB = 1 << 20 };

static const unsigned sizes[] = {1, 16, 64, 256}; /* MiB */

enum { SIZES = sizeof sizes / sizeof *sizes };

enum memory { NOTHING, PRIVATE, SHARE, NONE, COPY, PLAIN_COPY, MEMORIES };

static const char *const names[MEMORIES] = {"no such memory",      "private memory, COPY", "shared memory, SHARE",
                                            "shared memory, NONE", "shared memory, COPY",  "memcpy to fresh memory"};

static void need(kern_return_t kr)
{
    if (kr == KERN_SUCCESS)
        return;
    fprintf(stderr, "bench-fork: %s\n", mach_error_string(kr));
    exit(1);
}

static mach_vm_address_t create(enum memory what, mach_vm_size_t size)
{
    mach_vm_address_t address = 0;

    need(mach_vm_allocate(mach_task_self(), &address, size, VM_FLAGS_ANYWHERE));
    memset((void *)address, 1, size);
    if (what == SHARE || what == NONE || what == COPY) {
        mach_port_t entry;
        memory_object_size_t covered = size;
        need(mach_make_memory_entry_64(mach_task_self(), &covered, address, VM_PROT_DEFAULT, &entry, MACH_PORT_NULL));
        need(mach_port_deallocate(mach_task_self(), entry));
        need(mach_vm_inherit(mach_task_self(), address, size,
                             what == SHARE  ? VM_INHERIT_SHARE
                             : what == NONE ? VM_INHERIT_NONE
                                            : VM_INHERIT_COPY));
    }
    return address;
}

static double fork_once(void)
{
    int64_t before = now();
    pid_t child = fork();

    if (child == 0)
        _exit(0);
    if (child < 0) {
        perror("bench-fork: fork");
        exit(1);
    }
    int64_t after = now(); /* not the child's end: what the parent loses */
    waitpid(child, NULL, 0);
    return (double)(after - before) / 1e6;
}

static double copy_once(mach_vm_address_t from, mach_vm_size_t size)
{
    mach_vm_address_t to = 0;
    int64_t before = now();

    need(mach_vm_allocate(mach_task_self(), &to, size, VM_FLAGS_ANYWHERE));
    memcpy((void *)to, (void *)from, size);
    int64_t after = now();
    need(mach_vm_deallocate(mach_task_self(), to, size));
    return (double)(after - before) / 1e6;
}

static double measure(enum memory what, mach_vm_size_t size)
{
    if (what == NOTHING)
        return fork_once();
    mach_vm_address_t address = create(what, size);
    double time = what == PLAIN_COPY ? copy_once(address, size) : fork_once();
    need(mach_vm_deallocate(mach_task_self(), address, size));
    return time;
}

int main(int argc, char **argv)
{
    static double times[MEMORIES][SIZES][ROUNDS_MAX];
    int rounds = argc > 1 ? atoi(argv[1]) : 9;

    if (rounds < 1 || rounds > ROUNDS_MAX) {
        fprintf(stderr, "bench-fork: rounds are 1 to %d\n", ROUNDS_MAX);
        return 2;
    }
    for (int round = 0; round < rounds; round++)
        for (int size = 0; size < SIZES; size++)
            for (enum memory what = NOTHING; what < MEMORIES; what++)
                times[what][size][round] = measure(what, (mach_vm_size_t)sizes[size] * MIB);
    printf("median of %d forks, ms\n%-24s", rounds, "");
    for (int size = 0; size < SIZES; size++)
        printf(" %6u MiB", sizes[size]);
    printf("   ms a MiB\n");
    for (enum memory what = NOTHING; what < MEMORIES; what++) {
        printf("%-24s", names[what]);
        for (int size = 0; size < SIZES; size++)
            printf(" %10.3f", summarise(times[what][size], (unsigned)rounds).median);
        double without = what == PLAIN_COPY ? 0 : summarise(times[NOTHING][SIZES - 1], (unsigned)rounds).median;
        printf("   %8.4f\n", (summarise(times[what][SIZES - 1], (unsigned)rounds).median - without) / sizes[SIZES - 1]);
    }
    return 0;
}
