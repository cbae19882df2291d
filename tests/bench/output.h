/* Where results go. */
#ifndef BENCH_OUTPUT_H
#define BENCH_OUTPUT_H

#include "results.h"

#include <stdio.h>

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
/* What plot.gp draws: a file for each family of works, and each of its metrics that has a plot. */
bool output_plots(const struct results *results, const char *folder);
/* README.md, for the docs: the machine, and for each family what mring is held against, and the plots. */
bool output_page(const struct results *results, const struct machine *machine, const char *folder);

/* For people, to the standard output: one work. */
void output_work(const struct results *results, const struct work *work);

/* ---- between these files ---- */

FILE *output_open(const char *folder, const char *name);
/* False: something was not written. */
bool output_close(FILE *file);

enum { OUTPUT_TEXT = 96 };

/* A number for people: three digits, or all of an integer's, and never with an exponent. */
void output_number(char text[OUTPUT_TEXT], double value);
/* The median and the quarters: "12.3 (11 to 13)". */
void output_spread(char text[OUTPUT_TEXT], const struct summary *summary);
/* Of the file, without its suffix, with the plot of a metric of a work's family. */
void output_plot_name(char text[OUTPUT_TEXT], const struct work *work, const struct metric *metric);

/* The next work after this one, or the first (NULL), that is of another family, and that somebody did; NULL: there is none. */
const struct work *output_next_family(const struct results *results, const struct work *work);

#endif
