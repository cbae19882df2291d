#include "bench.h"

#include "mring.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct bench_wish bench_wish(int argc, char **argv)
{
    long repetitions = argc > 1 ? strtol(argv[1], NULL, 10) : 5;

    if (repetitions >= 1 && repetitions <= BENCH_REPETITIONS_MOST)
        return (struct bench_wish){(unsigned)repetitions, argc > 2 ? argv[2] : ""};
    (void)fprintf(stderr, "usage: %s [REPETITIONS, 1 to %d [NAME]]\n", program_invocation_short_name,
                  BENCH_REPETITIONS_MOST);
    exit(EXIT_FAILURE);
}

bool bench_wanted(const struct bench_wish *wish, const char *name)
{
    return strstr(name, wish->name) != NULL;
}

_Noreturn void bench_fail(const char *what, int code)
{
    (void)fprintf(stderr, "%s: %s: %s\n", program_invocation_short_name, what, mring_strerror(code));
    exit(EXIT_FAILURE);
}

static double read_clock(clockid_t clock)
{
    struct timespec time;

    clock_gettime(clock, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

double bench_seconds(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

double bench_processor_seconds(void)
{
    return read_clock(CLOCK_THREAD_CPUTIME_ID);
}

void bench_pin(unsigned turn)
{
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    cpu_set_t set;

    CPU_ZERO(&set);
    CPU_SET(turn % (unsigned)processors, &set);
    (void)sched_setaffinity(0, sizeof(set), &set);
}

void bench_wait_children(void)
{
    int status;

    while (wait(&status) > 0)
        if (!WIFEXITED(status) || WEXITSTATUS(status) != EXIT_SUCCESS)
            bench_fail("a child", -EIO);
}

static int by_value(const void *left, const void *right)
{
    double difference = *(const double *)left - *(const double *)right;

    return difference < 0 ? -1 : difference > 0;
}

void bench_report(const char *name, const char *unit, double *values, unsigned count)
{
    qsort(values, count, sizeof(*values), by_value);
    (void)printf("%-44s %9.1f %-10s (%.1f to %.1f)\n", name, values[count / 2], unit, values[0], values[count - 1]);
}
