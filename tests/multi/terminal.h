/*
 * A terminal with somebody behind it: the command `mring` at one end, and at the other what a person would see and type. It is a VT52, of which
 * this knows enough to tell what is on its screen.
 */
#ifndef TESTS_MULTI_TERMINAL_H
#define TESTS_MULTI_TERMINAL_H

#include <stdbool.h>
#include <sys/types.h>

enum { ROWS_MAX = 50, COLUMNS_MAX = 200 };

struct terminal {
    int ours, theirs;
    pid_t process;
    int rows, columns;
    int row, column, escape; /* where the next character goes; and how much of a sequence has come */
    char shown[ROWS_MAX][COLUMNS_MAX + 1];
};

void terminal_open(struct terminal *terminal, int rows, int columns);
void terminal_close(struct terminal *terminal);

/* Start `mring ...` on it, of this type, as tool_start does: in a session of its own, as of somebody who has just logged in. Once. */
void terminal_start(struct terminal *terminal, const char *type, const char *const *words);
#define TERMINAL_START(terminal, ...) terminal_start(terminal, "vt52", (const char *const[]){__VA_ARGS__, NULL})

void terminal_type(const struct terminal *terminal, const char *keys);
void terminal_resize(struct terminal *terminal, int rows, int columns);

/* A line of the screen that has this in it; NULL: none. Read on, once; false: nobody has it open any more. */
const char *terminal_find(const struct terminal *terminal, const char *what);
bool terminal_look(struct terminal *terminal);

/* Read on until some line has this in it: that line. Until none has. */
const char *terminal_await(struct terminal *terminal, const char *what);
void terminal_await_gone(struct terminal *terminal, const char *what);

/* Read on until nobody has the terminal any more. As tool_status, or that the command has left the terminal in another state than before. */
enum { NOT_AS_IT_WAS = 99 };
int terminal_status(struct terminal *terminal);

#endif
