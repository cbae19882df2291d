/*
 * How long a blocked ping-pong of two processes takes over two Mach semaphores, and how long over two raw futexes.
 *
 *     bench-semaphore [ROUNDS [BLOCKS]]
 *
 * One run, in blocks that take turns, so that both see the same machine; the medians of the blocks, and their ratio. Three times: both
 * processes on one cpu, on two, and wherever the scheduler puts them.
 */
#include "clock.h"
#include "pin.h"
#include "statistics.h"

#include <errno.h>
#include <linux/futex.h>
#include <mach/mach.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { BLOCKS_MAX = 1000 };

struct futexes {
    _Alignas(128) _Atomic uint32_t there;
    _Alignas(128) _Atomic uint32_t back;
};

struct semaphores {
    semaphore_t there, back;
};

static _Noreturn void fail(const char *what)
{
    perror(what);
    exit(1);
}

static void futex_post(_Atomic uint32_t *word)
{
    atomic_store(word, 1);
    syscall(SYS_futex, word, FUTEX_WAKE, 1, NULL, NULL, 0);
}

static void futex_take(_Atomic uint32_t *word)
{
    while (atomic_exchange(word, 0) == 0)
        syscall(SYS_futex, word, FUTEX_WAIT, 0, NULL, NULL, 0);
}

static void mach_take(semaphore_t semaphore)
{
    kern_return_t kr;
    do
        kr = semaphore_wait(semaphore);
    while (kr == KERN_ABORTED);
    if (kr != KERN_SUCCESS)
        exit(1);
}

static void futex_near(struct futexes *futexes, int rounds)
{
    for (int i = 0; i < rounds; i++) {
        futex_post(&futexes->there);
        futex_take(&futexes->back);
    }
}

static void futex_far(struct futexes *futexes, int rounds)
{
    for (int i = 0; i < rounds; i++) {
        futex_take(&futexes->there);
        futex_post(&futexes->back);
    }
}

static void mach_near(const struct semaphores *semaphores, int rounds)
{
    for (int i = 0; i < rounds; i++) {
        semaphore_signal(semaphores->there);
        mach_take(semaphores->back);
    }
}

static void mach_far(const struct semaphores *semaphores, int rounds)
{
    for (int i = 0; i < rounds; i++) {
        mach_take(semaphores->there);
        semaphore_signal(semaphores->back);
    }
}

static struct semaphores create(void)
{
    struct semaphores made;

    if (semaphore_create(mach_task_self(), &made.there, SYNC_POLICY_FIFO, 0) != KERN_SUCCESS ||
        semaphore_create(mach_task_self(), &made.back, SYNC_POLICY_FIFO, 0) != KERN_SUCCESS)
        fail("semaphore_create");
    mach_port_t ports[] = {made.there, made.back};
    if (mach_ports_register(mach_task_self(), ports, 2) != KERN_SUCCESS)
        fail("mach_ports_register");
    return made;
}

static struct semaphores inherit(void)
{
    mach_port_array_t ports;
    mach_msg_type_number_t count;

    if (mach_ports_lookup(mach_task_self(), &ports, &count) != KERN_SUCCESS)
        fail("mach_ports_lookup");
    return (struct semaphores){ports[0], ports[1]};
}

struct place {
    const char *name;
    bool pinned;
    unsigned near, far; /* processors */
};

static void place_at(const struct place *place, unsigned processor)
{
    if (place->pinned)
        pin(processor);
}

/* In a process of its own, so that nothing of one placement is left to the next. */
static void measure(const struct place *place, int rounds, int blocks)
{
    static double futex_times[BLOCKS_MAX], mach_times[BLOCKS_MAX];
    struct futexes *futexes = mmap(NULL, sizeof *futexes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (futexes == MAP_FAILED)
        fail("mmap");
    struct semaphores semaphores = create();

    pid_t child = fork();
    if (child < 0)
        fail("fork");
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        place_at(place, place->far);
        semaphores = inherit();
        for (int block = -1; block < blocks; block++) {
            futex_far(futexes, rounds);
            mach_far(&semaphores, rounds);
        }
        _exit(0);
    }
    place_at(place, place->near);
    for (int block = -1; block < blocks; block++) { /* the first is for warming up */
        const int64_t start = now();
        futex_near(futexes, rounds);
        const int64_t middle = now();
        mach_near(&semaphores, rounds);
        if (block >= 0) {
            futex_times[block] = (double)(middle - start) / rounds;
            mach_times[block] = (double)(now() - middle) / rounds;
        }
    }
    waitpid(child, NULL, 0);
    const double futex_time = summarise(futex_times, (unsigned)blocks).median;
    const double mach_time = summarise(mach_times, (unsigned)blocks).median;
    printf("%-10s raw futexes %8.0f ns   Mach semaphores %8.0f ns   ratio %.2f\n", place->name, futex_time, mach_time,
           mach_time / futex_time);
}

static void measure_apart(const struct place *place, int rounds, int blocks)
{
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        measure(place, rounds, blocks);
        fflush(stdout);
        _exit(0);
    }
    int status;
    if (child < 0 || waitpid(child, &status, 0) < 0 || status != 0)
        fail(place->name);
}

int main(int argc, char **argv)
{
    static const struct place places[] = {{"one cpu", true, 0, 0}, {"two cpus", true, 0, 1}, {"unpinned", false, 0, 0}};
    int rounds = argc > 1 ? atoi(argv[1]) : 5000, blocks = argc > 2 ? atoi(argv[2]) : 21;

    if (rounds < 1 || blocks < 1 || blocks > BLOCKS_MAX) {
        fprintf(stderr, "usage: bench-semaphore [ROUNDS [BLOCKS]]\n");
        return 2;
    }
    printf("round trips, median of %d blocks of %d each\n", blocks, rounds);
    for (size_t at = 0; at < sizeof places / sizeof *places; at++)
        measure_apart(&places[at], rounds, blocks);
    return 0;
}
