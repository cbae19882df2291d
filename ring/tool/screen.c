#include "screen.h"

#include "stop.h"

#include <curses.h>
#include <errno.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { SLICE = 500 /* ms: a window that changed its size just before a wait is seen then */ };

static const char help[] = "q quits; arrows, Page Up, Page Down, Home and End move";

static SCREEN *terminal;
static int top, left; /* how far the text was moved */

bool screen_open(void)
{
    if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO) || stop_watch(NULL, NULL) != 0)
        return false;
    terminal = newterm(NULL, stdout, stdin);
    if (terminal == NULL) {
        stop_end();
        return false;
    }
    (void)cbreak();
    (void)noecho();
    (void)keypad(stdscr, TRUE);
    (void)nodelay(stdscr, TRUE);
    (void)curs_set(0); /* not all can */
    return true;
}

void screen_close(void)
{
    (void)endwin();
    delscreen(terminal);
}

/* ---- the text ---- */

static const char *next_line(const char *line)
{
    const char *newline = strchr(line, '\n');

    return newline != NULL ? newline + 1 : line + strlen(line);
}

static int count_lines(const char *from, const char *to)
{
    int count = 0;

    for (; from < to; from = next_line(from))
        count++;
    return count;
}

static int least(int a, int b)
{
    return a < b ? a : b;
}

static void draw_line(int row, const char *line, int from)
{
    int length = (int)strcspn(line, "\n");

    if (from < length)
        (void)mvaddnstr(row, 0, line + from, least(length - from, COLS));
}

static void draw(const char *text)
{
    const char *blank = strstr(text, "\n\n"), *end = text + strlen(text);
    const char *body = blank != NULL ? blank + 1 : end;
    int head = count_lines(text, body), row = 0;
    int room = LINES - 1 - head;

    top = least(top, count_lines(body, end) - room);
    top = top > 0 ? top : 0;
    (void)erase();
    (void)attron(A_BOLD);
    for (; text < body && row < LINES - 1; text = next_line(text))
        draw_line(row++, text, 0);
    (void)attroff(A_BOLD);
    for (int skip = top; skip > 0; skip--)
        body = next_line(body);
    for (; *body != '\0' && row < LINES - 1; body = next_line(body))
        draw_line(row++, body, left);
    (void)attron(A_REVERSE);
    draw_line(LINES - 1, help, 0);
    (void)attroff(A_REVERSE);
    (void)refresh();
}

/* ---- keys ---- */

/* Page by page, but for a line that was there before. */
static int page(void)
{
    return LINES > 8 ? LINES / 2 : 1;
}

/* True: it is the one that ends it. draw() sees to it that nobody moves too far down. */
static bool obey(int key)
{
    enum { CTRL_L = 'L' & 31, COLUMNS = 8, WIDEST = 512 };

    switch (key) {
    case 'q':
    case 'Q':
        return true;
    case KEY_UP:
        top--;
        break;
    case KEY_DOWN:
        top++;
        break;
    case KEY_PPAGE:
        top -= page();
        break;
    case KEY_NPAGE:
        top += page();
        break;
    case KEY_LEFT:
        left = left > COLUMNS ? left - COLUMNS : 0;
        break;
    case KEY_RIGHT:
        left = least(left + COLUMNS, WIDEST);
        break;
    case KEY_HOME:
        top = left = 0;
        break;
    case KEY_END:
        top = INT16_MAX;
        break;
    case KEY_RESIZE:
    case CTRL_L:
        (void)clearok(stdscr, TRUE);
        break;
    default:
        break;
    }
    return false;
}

/* All that were typed. True: one of them ends it. `least` were: where there are fewer the terminal is gone. */
static bool obey_all(bool one_at_least)
{
    int key = getch();
    bool enough = key == ERR && one_at_least;

    for (; key != ERR && !enough; key = getch())
        enough = obey(key);
    return enough;
}

/* ---- time ---- */

static int64_t now(void)
{
    struct timespec time;

    (void)clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * INT64_C(1000000000) + time.tv_nsec;
}

int screen_show(const char *text, int64_t nanoseconds)
{
    int64_t end = now() + nanoseconds;

    for (;;) {
        int64_t left_ms = (end - now()) / 1000000;
        int code;

        draw(text);
        if (left_ms <= 0)
            return 0;
        code = stop_or_input_within(STDIN_FILENO, left_ms < SLICE ? (int)left_ms : SLICE);
        if (code == 0)
            return -ECANCELED;
        if (code < 0 && code != -ETIMEDOUT && code != -EINTR)
            return code;
        if (obey_all(code == 1))
            return 1;
    }
}
