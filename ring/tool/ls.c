/* mring ls: which rings there are, and who serves them. */
#include "process.h"
#include "tool.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const char usage[] =
    "usage: mring ls [--all] [--quiet]\n"
    "Lists the rings of this user that are served: name, and of who serves it pid, begin and command, where they can "
    "be seen.\n"
    "  --all    other users' too: 1000/NAME\n"
    "  --quiet  only the names\n"
    "Blanks and what is not ASCII show as \\x20 and so on.\n"
    "Exit status: 0 listed, also where there is none; 1 failed (on macOS nobody is told); 2 usage\n";

struct row {
    char name[MRING_NAME_MAX + sizeof "4294967295/"];
    int64_t process;
};

struct rows {
    struct row *row;
    size_t count;
    bool complete; /* else there was no memory for all */
};

static void add(void *context, const struct mring_listed *ring)
{
    struct rows *rows = context;
    struct row *grown = rows->complete ? realloc(rows->row, (rows->count + 1) * sizeof(*grown)) : NULL;

    rows->complete = grown != NULL;
    if (grown == NULL)
        return;
    rows->row = grown;
    grown += rows->count++;
    (void)snprintf(grown->name, sizeof(grown->name), "%s", ring->name);
    grown->process = ring->process;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct row *)a)->name, ((const struct row *)b)->name);
}

static void print_process(const struct row *row)
{
    char when[sizeof "-2147483648-12-31 23:59:59"] = "-";
    struct process process = {.command = "-"};

    if (process_describe(row->process, &process))
        (void)strftime(when, sizeof(when), "%Y-%m-%d %H:%M:%S", localtime(&process.since));
    (void)printf(" %8" PRId64 "  %-19s  ", row->process, when);
    (void)print_word(stdout, process.command);
}

static void print(const struct rows *rows, bool quiet)
{
    enum { NAME_WIDTH = 24 };

    if (!quiet && rows->count > 0)
        (void)printf("%-*s %8s  %-19s  %s\n", NAME_WIDTH, "NAME", "PID", "SINCE", "COMMAND");
    for (size_t at = 0; at < rows->count; at++) {
        int width = print_word(stdout, rows->row[at].name);

        if (!quiet) {
            (void)printf("%*s", width < NAME_WIDTH ? NAME_WIDTH - width : 0, "");
            print_process(&rows->row[at]);
        }
        (void)putchar('\n');
    }
}

static int run(int argc, char **argv)
{
    static const struct option longs[] = {{"help", no_argument, NULL, 'h'},
                                          {"all", no_argument, NULL, 'a'},
                                          {"quiet", no_argument, NULL, 'q'},
                                          {NULL, 0, NULL, 0}};
    struct mring_error error = MRING_ERROR_INIT;
    struct mring_list_options options = MRING_LIST_OPTIONS_INIT;
    struct rows rows = {NULL, 0, true};
    bool quiet = false;
    int option, code;

    while ((option = next_option(argc, argv, longs, &command_ls)) != -1)
        if (option == 'a')
            options.others = 1;
        else
            quiet = true;
    no_operands(argc, argv);
    options.report = add;
    options.context = &rows;
    options.error = &error;
    code = mring_list(&options);
    if (code < 0)
        code = complain_of(code, &error);
    else
        code = rows.complete ? EXIT_DONE : complain("no memory for the names of %d rings", code);
    if (code == EXIT_DONE) {
        if (rows.count > 0)
            qsort(rows.row, rows.count, sizeof(rows.row[0]), by_name);
        print(&rows, quiet);
    }
    free(rows.row);
    return code;
}

const struct command command_ls = {"ls", run, usage};
