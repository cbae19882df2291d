#include "tool.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

static const char *speaker = "mring";

void say_as(const char *name)
{
    speaker = name;
}

static void say(const char *format, va_list arguments)
{
    (void)fflush(stdout);
    (void)fprintf(stderr, "%s: ", speaker);
    (void)vfprintf(stderr, format, arguments);
    (void)fputc('\n', stderr);
}

int complain(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    say(format, arguments);
    va_end(arguments);
    return EXIT_FAILED;
}

int complain_of(int code, const struct mring_error *error)
{
    return complain("%s", error != NULL && error->text[0] != '\0' ? error->text : mring_strerror(code));
}

void usage_error(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    say(format, arguments);
    va_end(arguments);
    (void)fprintf(stderr, "`%s --help` tells how it is used\n", speaker);
    exit(EXIT_USAGE);
}

int print_word(FILE *to, const char *text)
{
    int width = 0;

    for (const unsigned char *at = (const unsigned char *)text; *at != '\0'; at++) {
        const char *format = *at <= ' ' || *at >= 0x7f || *at == '\\' ? "\\x%02x" : "%c";

        width += fprintf(to, format, *at);
    }
    return width;
}

int finish_output(int code)
{
    if ((fflush(stdout) != 0 || ferror(stdout)) && code != EXIT_FAILED)
        return complain("standard output: %s", strerror(errno));
    return code;
}
