#include "tool.h"

#include "harness.h"

#include <fcntl.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static int words_file = -1; /* standard error of all */

const char *tool_ring(void)
{
    static char name[64];

    if (name[0] == '\0') /* children may lead groups of their own */
        (void)snprintf(name, sizeof(name), "tool.%ld", (long)getpgrp());
    return name;
}

static void write_all(int file, const struct text *text)
{
    for (size_t at = 0; at < text->length;) {
        ssize_t count = write(file, text->bytes + at, text->length - at);

        EXPECT(count, >, 0);
        at += (size_t)count;
    }
}

int scratch(const struct text *text)
{
    FILE *file = tmpfile();
    int descriptor;

    EXPECT(file != NULL, ==, 1);
    descriptor = fcntl(fileno(file), F_DUPFD_CLOEXEC, 0);
    EXPECT(descriptor, >=, 0);
    (void)fclose(file);
    if (text != NULL)
        write_all(descriptor, text);
    EXPECT(lseek(descriptor, 0, SEEK_SET), ==, 0);
    return descriptor;
}

static struct text read_all(int file)
{
    struct text text = {NULL, 0};
    size_t room = 0;
    ssize_t count;

    do {
        if (text.length + 65536 > room)
            text.bytes = realloc(text.bytes, room = 2 * room + 65536);
        EXPECT(text.bytes != NULL, ==, 1);
        count = read(file, text.bytes + text.length, room - text.length);
        EXPECT(count, >=, 0);
        text.length += (size_t)count;
    } while (count > 0);
    EXPECT_OK(close(file));
    return text;
}

struct text read_scratch(int file)
{
    EXPECT(lseek(file, 0, SEEK_SET), ==, 0);
    return read_all(file);
}

struct text read_pipe(int pipe)
{
    return read_all(pipe);
}

void pipe_make(int ends[2])
{
    EXPECT_OK(pipe(ends));
    EXPECT_OK(fcntl(ends[0], F_SETFD, FD_CLOEXEC));
    EXPECT_OK(fcntl(ends[1], F_SETFD, FD_CLOEXEC));
}

void expect_scratch(int file, const struct text *text)
{
    struct text got = read_scratch(file);

    EXPECT(got.length, ==, text->length);
    EXPECT_OK(memcmp(got.bytes, text->bytes, text->length));
    free(got.bytes);
}

static void become(int in, int out, const char *const *words)
{
    const char *program = getenv("MRING_TOOL"), *argument[32] = {"mring"};
    int null = open("/dev/null", O_RDWR), at = 1;

    EXPECT(program != NULL, ==, 1);
    for (; *words != NULL; words++)
        argument[at++] = strcmp(*words, RING) == 0 ? tool_ring() : *words;
    EXPECT(dup2(in >= 0 ? in : null, STDIN_FILENO), ==, STDIN_FILENO);
    EXPECT(dup2(out >= 0 ? out : null, STDOUT_FILENO), ==, STDOUT_FILENO);
    EXPECT(dup2(words_file, STDERR_FILENO), ==, STDERR_FILENO);
    if (in == CLOSED)
        EXPECT_OK(close(STDIN_FILENO));
    if (out == CLOSED)
        EXPECT_OK(close(STDOUT_FILENO));
    (void)execv(program, (char **)(uintptr_t)argument);
    _exit(127);
}

pid_t tool_start(int in, int out, const char *const *words)
{
    pid_t process;

    if (words_file < 0)
        words_file = scratch(NULL);
    (void)fflush(NULL);
    process = fork();
    EXPECT(process, >=, 0);
    if (process == 0)
        become(in, out, words);
    return process;
}

int tool_status(pid_t process)
{
    int status;

    EXPECT(waitpid(process, &status, 0), ==, process);
    EXPECT(WIFSIGNALED(status) || WEXITSTATUS(status) < 128, ==, 1);
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

const char *tool_said(void)
{
    static char said[4096];
    ssize_t length;

    length = pread(words_file, said, sizeof(said) - 1, 0);
    EXPECT(length, >=, 0);
    said[length] = '\0';
    EXPECT_OK(ftruncate(words_file, 0));
    EXPECT(lseek(words_file, 0, SEEK_SET), ==, 0);
    return said;
}

void tool_expect(int code, const char *what, const char *const *words)
{
    int out = scratch(NULL), status = tool_status(tool_start(-1, out, words));
    const char *said = tool_said();
    struct text printed = read_scratch(out);

    printed.bytes[printed.length] = '\0'; /* read_all has room for it */
    if (status != code || strstr(code == 0 ? printed.bytes : said, what) == NULL)
        (void)fprintf(stderr, "mring %s: %d, \"%s\", \"%s\"; not %d, \"%s\"\n", words[0] != NULL ? words[0] : "",
                      status, said, printed.bytes, code, what);
    EXPECT(status, ==, code);
    EXPECT(strstr(code == 0 ? printed.bytes : said, what) != NULL, ==, 1);
    EXPECT(code == 0 ? strlen(said) : printed.length, ==, 0);
    free(printed.bytes);
}

/* ---- lines ---- */

void lines_free(struct lines *lines)
{
    free(lines->text.bytes);
    free(lines->begin);
}

struct lines lines_make(uint64_t *random, unsigned count, uint32_t longest)
{
    struct lines lines = {.count = count};
    char *to = malloc((size_t)count * (longest + 16));

    lines.begin = malloc((count + 1) * sizeof(*lines.begin));
    lines.text.bytes = to;
    EXPECT(to != NULL && lines.begin != NULL, ==, 1);
    for (unsigned at = 0; at < count; at++) {
        lines.begin[at] = (size_t)(to - lines.text.bytes);
        to += sprintf(to, "%u ", at);
        for (uint32_t left = random_below(random, longest); left > 0; left--) {
            char byte = (char)random_below(random, 256);

            *to++ = (char)(byte == '\n' ? 0 : byte);
        }
        *to++ = '\n';
    }
    lines.begin[count] = lines.text.length = (size_t)(to - lines.text.bytes);
    return lines;
}

void lines_count(const struct lines *lines, const struct text *output, unsigned *seen)
{
    const char *at = output->bytes, *end = at + output->length, *newline;

    while (at < end && (newline = memchr(at, '\n', (size_t)(end - at))) != NULL) {
        size_t length = (size_t)(newline + 1 - at);
        unsigned long number = strtoul(at, NULL, 10);

        EXPECT(number, <, lines->count);
        EXPECT(length, ==, lines->begin[number + 1] - lines->begin[number]);
        EXPECT(memcmp(at, lines->text.bytes + lines->begin[number], length), ==, 0);
        seen[number]++;
        at = newline + 1;
    }
}
