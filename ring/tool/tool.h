/*
 * What the subcommands of `mring` have in common: exit codes, messages, options.
 *
 * The tool stands on the public calls alone. A subcommand is one file and one row of the table in main.c. What it cannot
 * do it says on standard error, in one line behind its own name.
 */
#ifndef MRING_TOOL_TOOL_H
#define MRING_TOOL_TOOL_H

#include <getopt.h>
#include <mring.h>
#include <stdbool.h>
#include <stdio.h>

/* Of every subcommand. One that a signal ends, ends by that signal: a shell sees 128 and its number. */
enum exit_code {
    EXIT_DONE = 0,
    EXIT_FAILED = 1,  /* it could not be done; standard error says why */
    EXIT_USAGE = 2,   /* it was not understood */
    EXIT_TROUBLE = 3, /* it was done, and something is wrong with the ring, or with the stream */
};

struct command {
    const char *name;
    int (*run)(int argc, char **argv); /* an exit code */
    const char *usage;                 /* the whole of what --help says */
};

extern const struct command command_fsck, command_ls, command_recv, command_remove, command_send, command_stat;

/* How long to wait for a ring to appear: one whose server was killed is served again within a second; or it is just being made. */
#define PATIENCE INT64_C(2000000000)

/* ---- say.c ---- */

/* What stands before each message: "mring send". */
void say_as(const char *speaker);

/* A line on standard error. EXIT_FAILED. */
int complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The same, of a call of the library's that failed with `code`, and may have filled `error` (which may be NULL). */
int complain_of(int code, const struct mring_error *error);

/* Say what does not make sense in the arguments, and exit. */
_Noreturn void usage_error(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* A name that somebody else chose, as one word of ASCII: blanks, controls, backslashes and all beyond become \x20 and so on. How wide it is. */
int print_word(FILE *to, const char *text);

/* All that was printed has gone out: `code`, or EXIT_FAILED, and it was said why. */
int finish_output(int code);

/* ---- arguments.c; what makes no sense is a usage_error ---- */

/* The next option, as getopt_long has it; -1: no more. --help ('h') is answered here. */
int next_option(int argc, char **argv, const struct option *options, const struct command *command);

/* The operands behind the options: none, or one. */
void no_operands(int argc, char **argv);
const char *only_operand(int argc, char **argv);

/* The value of the option at hand, which is called so: seconds, in nanoseconds. */
int64_t seconds_value(const char *option);

/* What is, or is part of, the value of an option: bytes, also as 64K, 1M, 2G, 1T; a number. */
size_t read_size(const char *text, const char *option);
unsigned long read_number(const char *text, unsigned long least, unsigned long most, const char *option);

#endif
