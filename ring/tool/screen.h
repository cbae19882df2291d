/*
 * A terminal that shows a text, which changes: as much of it as there is place for, and keys to move about in it.
 *
 * The lines up to the first empty one stay; the others move. The window may change its size at any time. What the terminal was like before is
 * what it is like again after screen_close, also when a signal ends it all (stop.h), or while the process is suspended.
 */
#ifndef MRING_TOOL_SCREEN_H
#define MRING_TOOL_SCREEN_H

#include <stdbool.h>
#include <stdint.h>

/* False: standard input and output are no terminal, or one that cannot do it; nothing is changed then. */
bool screen_open(void);
void screen_close(void);

/* Show it (ASCII, each line with its newline) for so long. 0: time is up; 1: whoever looks has had enough; -ECANCELED: a signal came; -errno. */
int screen_show(const char *text, int64_t nanoseconds);

#endif
