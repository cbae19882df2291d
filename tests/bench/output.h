/* Where results go. */
#ifndef BENCH_OUTPUT_H
#define BENCH_OUTPUT_H

#include "results.h"

/* The machine, in words. */
struct machine {
    char processor[128];
    char kernel[256];
    char system[128];
    char compiler[64];
    long processors;
    double load; /* how many processes wanted to run, in the minute before */
};

struct machine machine_describe(void);

/* Into a folder that exists. False: it could not be written, as errno says. */
bool output_csv(const struct results *results, const char *folder);
bool output_json(const struct results *results, const struct machine *machine, const char *folder);
/* A table for each family of works, for plot.gp: FAMILY.dat. */
bool output_tables(const struct results *results, const char *folder);

/* For people, to the standard output: one work. */
void output_work(const struct results *results, const struct work *work);

#endif
