#include "terminal.h"

#include "harness.h"
#include "tool.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

enum { TO_ROW = 2, TO_COLUMN = 3 };

/* ---- what it shows ---- */

static void clear(struct terminal *terminal, int row, int column)
{
    for (; row < terminal->rows; row++, column = 0)
        for (; column < terminal->columns; column++)
            terminal->shown[row][column] = ' ';
}

static void move(struct terminal *terminal, int row, int column)
{
    /* It may be written to as if it still had the size that it had. */
    terminal->row = row < 0 ? 0 : row < terminal->rows ? row : terminal->rows - 1;
    terminal->column = column < 0 ? 0 : column < terminal->columns ? column : terminal->columns - 1;
}

static void put(struct terminal *terminal, char byte)
{
    terminal->shown[terminal->row][terminal->column] = byte;
    if (terminal->column < terminal->columns - 1)
        terminal->column++;
}

static void line_feed(struct terminal *terminal)
{
    if (terminal->row < terminal->rows - 1) {
        terminal->row++;
        return;
    }
    memmove(terminal->shown[0], terminal->shown[1], (size_t)(terminal->rows - 1) * sizeof(terminal->shown[0]));
    clear(terminal, terminal->rows - 1, 0);
}

static void control(struct terminal *terminal, char byte)
{
    switch (byte) {
    case '\033':
        terminal->escape = 1;
        break;
    case '\r':
        terminal->column = 0;
        break;
    case '\n':
        line_feed(terminal);
        break;
    case '\b':
        move(terminal, terminal->row, terminal->column - 1);
        break;
    case '\t':
        move(terminal, terminal->row, (terminal->column + 8) / 8 * 8);
        break;
    default:
        EXPECT(byte, ==, '\a');
    }
}

/* The letter behind an escape character. */
static void sequence(struct terminal *terminal, char letter)
{
    switch (letter) {
    case 'A':
        move(terminal, terminal->row - 1, terminal->column);
        break;
    case 'B':
        move(terminal, terminal->row + 1, terminal->column);
        break;
    case 'C':
        move(terminal, terminal->row, terminal->column + 1);
        break;
    case 'D':
        move(terminal, terminal->row, terminal->column - 1);
        break;
    case 'H':
        move(terminal, 0, 0);
        break;
    case 'J':
        clear(terminal, terminal->row, terminal->column);
        break;
    case 'K':
        for (int column = terminal->column; column < terminal->columns; column++)
            terminal->shown[terminal->row][column] = ' ';
        break;
    case 'Y':
        terminal->escape = TO_ROW;
        break;
    default: /* keypad and graphics modes */
        EXPECT(strchr("=>FG", letter) != NULL, ==, 1);
    }
}

static void show(struct terminal *terminal, char byte)
{
    int escape = terminal->escape;

    terminal->escape = 0;
    if (escape == 1) {
        sequence(terminal, byte);
    } else if (escape == TO_ROW) {
        move(terminal, byte - ' ', terminal->column);
        terminal->escape = TO_COLUMN;
    } else if (escape == TO_COLUMN) {
        move(terminal, terminal->row, (unsigned char)byte - ' ');
    } else if ((unsigned char)byte < ' ') {
        control(terminal, byte);
    } else {
        put(terminal, byte);
    }
}

bool terminal_look(struct terminal *terminal)
{
    char bytes[4096];
    ssize_t count = read(terminal->ours, bytes, sizeof(bytes));

    EXPECT(count >= 0 || errno == EIO, ==, 1);
    for (ssize_t at = 0; at < count; at++)
        show(terminal, bytes[at]);
    return count > 0;
}

const char *terminal_find(const struct terminal *terminal, const char *what)
{
    for (int row = 0; row < terminal->rows; row++)
        if (strstr(terminal->shown[row], what) != NULL)
            return terminal->shown[row];
    return NULL;
}

const char *terminal_await(struct terminal *terminal, const char *what)
{
    while (terminal_find(terminal, what) == NULL)
        EXPECT(terminal_look(terminal), ==, 1);
    return terminal_find(terminal, what);
}

void terminal_await_gone(struct terminal *terminal, const char *what)
{
    while (terminal_find(terminal, what) != NULL)
        EXPECT(terminal_look(terminal), ==, 1);
}

/* ---- the line to it ---- */

void terminal_resize(struct terminal *terminal, int rows, int columns)
{
    struct winsize size = {.ws_row = (unsigned short)rows, .ws_col = (unsigned short)columns};

    memset(terminal->shown, 0, sizeof(terminal->shown));
    terminal->rows = rows;
    terminal->columns = columns;
    terminal->row = terminal->column = 0;
    clear(terminal, 0, 0);
    EXPECT_OK(ioctl(terminal->ours, TIOCSWINSZ, &size));
}

void terminal_open(struct terminal *terminal, int rows, int columns)
{
    memset(terminal, 0, sizeof(*terminal));
    terminal->ours = posix_openpt(O_RDWR | O_NOCTTY);
    EXPECT(terminal->ours, >=, 0);
    EXPECT_OK(grantpt(terminal->ours));
    EXPECT_OK(unlockpt(terminal->ours));
    EXPECT(fcntl(terminal->ours, F_SETFD, FD_CLOEXEC), >=, 0);
    terminal->theirs = open(ptsname(terminal->ours), O_RDWR | O_NOCTTY | O_CLOEXEC);
    EXPECT(terminal->theirs, >=, 0);
    terminal_resize(terminal, rows, columns);
}

void terminal_close(struct terminal *terminal)
{
    EXPECT_OK(close(terminal->ours));
}

/* ---- who has logged in ---- */

struct session {
    const struct terminal *terminal;
    const char *type, *const *words;
};

static void nothing(int signal)
{
    (void)signal;
}

static bool are_same(const struct termios *a, const struct termios *b)
{
    return a->c_iflag == b->c_iflag && a->c_oflag == b->c_oflag && a->c_lflag == b->c_lflag &&
           memcmp(a->c_cc, b->c_cc, sizeof(a->c_cc)) == 0;
}

/* The terminal's keys reach who leads the session as well: it is there to see what the command leaves behind. */
static void lead_session(void *argument)
{
    const struct session *session = argument;
    int terminal = session->terminal->theirs, status;
    struct termios before, after;

    EXPECT_OK(close(session->terminal->ours)); /* when the other process ends, the terminal is gone */
    EXPECT(setsid(), >, 0);
    EXPECT_OK(ioctl(terminal, TIOCSCTTY, 0));
    EXPECT_OK(setenv("TERM", session->type, 1));
    EXPECT(signal(SIGINT, nothing) != SIG_ERR, ==, 1);
    EXPECT_OK(tcgetattr(terminal, &before));
    status = tool_status(tool_start(terminal, terminal, session->words));
    EXPECT_OK(tcgetattr(terminal, &after));
    exit(are_same(&before, &after) ? status : NOT_AS_IT_WAS);
}

void terminal_start(struct terminal *terminal, const char *type, const char *const *words)
{
    struct session session = {terminal, type, words};

    terminal->process = child_start(lead_session, &session);
    EXPECT_OK(close(terminal->theirs));
}

void terminal_type(const struct terminal *terminal, const char *keys)
{
    EXPECT(write(terminal->ours, keys, strlen(keys)), ==, strlen(keys));
}

int terminal_status(struct terminal *terminal)
{
    int status;

    while (terminal_look(terminal))
        ;
    EXPECT(waitpid(terminal->process, &status, 0), ==, terminal->process);
    EXPECT(WIFEXITED(status), ==, 1);
    return WEXITSTATUS(status); /* 128 and a signal's number too */
}
