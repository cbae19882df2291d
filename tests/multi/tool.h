/* The command `mring` as a shell runs it: started with its standard streams, and what comes of it. */
#ifndef TESTS_MULTI_TOOL_H
#define TESTS_MULTI_TOOL_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Bytes of a file, or to be one. */
struct text {
    char *bytes;
    size_t length;
};

/* A name that no other scenario's ring has. */
const char *tool_ring(void);

/* A file without a name, with these bytes in it, to be read from the beginning; NULL: none yet. */
int scratch(const struct text *text);

/* All of a scratch file; all of a pipe, which is closed then. */
struct text read_scratch(int file);
struct text read_pipe(int pipe);

/* Both ends closed on exec: ends[0] to read from, ends[1] to write to. */
void pipe_make(int ends[2]);

/* A scratch file holds this, and is closed. */
void expect_scratch(int file, const struct text *text);

/*
 * Start `mring ...`: the command's words up to a NULL, RING for the ring's name. It keeps copies of `in` and `out`, which remain the
 * caller's; -1 is /dev/null, CLOSED none at all.
 */
#define RING "@"
enum { CLOSED = -2 };
pid_t tool_start(int in, int out, const char *const *words);
#define TOOL(in, out, ...) tool_start(in, out, (const char *const[]){__VA_ARGS__, NULL})

/* Wait for it: its exit code, or 128 and the number of the signal that ended it. */
int tool_status(pid_t process);

/* Run it: it ends with this code, and says this: on standard output when the code is 0, else on standard error; nothing on the other. */
void tool_expect(int code, const char *what, const char *const *words);
#define TOOL_EXPECT(code, what, ...) tool_expect(code, what, (const char *const[]){__VA_ARGS__, NULL})

/* What all that were started said on standard error; a string that begins afresh. */
const char *tool_said(void);

/* Lines to be told apart: each begins with its number. */
struct lines {
    struct text text;
    unsigned count;
    size_t *begin; /* of each, and the end of the last */
};
struct lines lines_make(uint64_t *random, unsigned count, uint32_t longest);
void lines_free(struct lines *lines);

/* Count in `seen` which of them are in an output: each is the same there. What is behind the last newline does not count. */
void lines_count(const struct lines *lines, const struct text *output, unsigned *seen);

#endif
