/* What programs that measure have in common: processors, time, and figures with their range. Linux. */
#ifndef TESTS_BENCH_H
#define TESTS_BENCH_H

#include <stdbool.h>

enum { BENCH_REPETITIONS_MOST = 99 };

/* A program's arguments, [REPETITIONS [NAME]]: 5 without a number; and only what has this in its name. */
struct bench_wish {
    unsigned repetitions;
    const char *name;
};

/* Ends the program where the number is none. */
struct bench_wish bench_wish(int argc, char **argv);
bool bench_wanted(const struct bench_wish *wish, const char *name);

/* Print what failed, with the -errno that a call returned, and end the program. */
_Noreturn void bench_fail(const char *what, int code);

/* Of a clock that only goes forward; of this thread's processor time, which others who use the machine do not add to. */
double bench_seconds(void);
double bench_processor_seconds(void);

/* This process runs on the processor of this turn only: 0, 1, ... and again. */
void bench_pin(unsigned turn);

/* All children have to end with success. */
void bench_wait_children(void);

/* A line: the median, and the range. Sorts the values. */
void bench_report(const char *name, const char *unit, double *values, unsigned count);

#endif
