/*
 * How long a blocked ping-pong of two processes takes over two Mach semaphores, and how long over two raw futexes.
 *
 *     bench-semaphore [ROUNDS [BLOCKS]]
 *
 * One run, in blocks that take turns, so that both see the same machine; the medians of the blocks, and their ratio. Three times: both
 * processes on one cpu, on two, and wherever the scheduler puts them.
 */
#include <errno.h>
#include <linux/futex.h>
#include <mach/mach.h>
#include <sched.h>
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
#include <time.h>
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

static void pin(int cpu)
{
    cpu_set_t set;

    if (cpu < 0)
        return;
    CPU_ZERO(&set);
    CPU_SET((size_t)cpu, &set);
    if (sched_setaffinity(0, sizeof set, &set) != 0)
        fail("sched_setaffinity");
}

static double now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static double median(double *values, int count)
{
    qsort(values, (size_t)count, sizeof *values, compare);
    return values[count / 2];
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

/* The first two cpus that this process may use; the same one twice when there is one. */
static void find_cpus(int cpus[2])
{
    cpu_set_t set;
    int found = 0;

    if (sched_getaffinity(0, sizeof set, &set) != 0)
        fail("sched_getaffinity");
    for (int cpu = 0; cpu < CPU_SETSIZE && found < 2; cpu++)
        if (CPU_ISSET((size_t)cpu, &set))
            cpus[found++] = cpu;
    if (found == 1)
        cpus[1] = cpus[0];
}

/* In a process of its own, so that nothing of one placement is left to the next. */
static void measure(const char *where, int near_cpu, int far_cpu, int rounds, int blocks)
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
        pin(far_cpu);
        semaphores = inherit();
        for (int block = -1; block < blocks; block++) {
            futex_far(futexes, rounds);
            mach_far(&semaphores, rounds);
        }
        _exit(0);
    }
    pin(near_cpu);
    for (int block = -1; block < blocks; block++) { /* the first is for warming up */
        double start = now();
        futex_near(futexes, rounds);
        double middle = now();
        mach_near(&semaphores, rounds);
        if (block >= 0) {
            futex_times[block] = (middle - start) / rounds;
            mach_times[block] = (now() - middle) / rounds;
        }
    }
    waitpid(child, NULL, 0);
    double futex_time = median(futex_times, blocks), mach_time = median(mach_times, blocks);
    printf("%-10s raw futexes %8.0f ns   Mach semaphores %8.0f ns   ratio %.2f\n", where, futex_time, mach_time,
           mach_time / futex_time);
}

static void measure_apart(const char *where, int near_cpu, int far_cpu, int rounds, int blocks)
{
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        measure(where, near_cpu, far_cpu, rounds, blocks);
        fflush(stdout);
        _exit(0);
    }
    int status;
    if (child < 0 || waitpid(child, &status, 0) < 0 || status != 0)
        fail(where);
}

int main(int argc, char **argv)
{
    int rounds = argc > 1 ? atoi(argv[1]) : 5000, blocks = argc > 2 ? atoi(argv[2]) : 21, cpus[2] = {0, 0};

    if (rounds < 1 || blocks < 1 || blocks > BLOCKS_MAX) {
        fprintf(stderr, "usage: bench-semaphore [ROUNDS [BLOCKS]]\n");
        return 2;
    }
    find_cpus(cpus);
    printf("round trips, median of %d blocks of %d each\n", blocks, rounds);
    measure_apart("one cpu", cpus[0], cpus[0], rounds, blocks);
    if (cpus[0] != cpus[1])
        measure_apart("two cpus", cpus[0], cpus[1], rounds, blocks);
    measure_apart("unpinned", -1, -1, rounds, blocks);
    return 0;
}
