/*
 * The format, word for word: rings made by fixed series of calls (by_public.c, by_core.c) have the content that stands in region.txt, whichever
 * compiler and processor.
 *
 * A line that differs names the word; one that has moved is there twice, with - where it was and + where it is. If the format is to change
 * (it is not released yet; later that takes a new LAYOUT_VERSION): run `test-golden write` once, read the difference, and commit it with
 * the change.
 */
#include "golden/image.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static char *make_text(void)
{
    char *text = NULL;
    size_t size;
    FILE *stream = open_memstream(&text, &size);

    assert_non_null(stream);
    by_public_calls(stream);
    by_cores_calls(stream);
    assert_int_equal(fclose(stream), 0);
    return text;
}

static char *read_file(const char *path)
{
    char *text = NULL;
    size_t size = 0;
    FILE *stream = fopen(path, "r");

    if (stream == NULL)
        fail_msg("cannot read %s", path);
    assert_true(getdelim(&text, &size, '\0', stream) > 0);
    assert_int_equal(fclose(stream), 0);
    return text;
}

/* Is this line in the text? */
static bool has_line(const char *text, const char *line, size_t length)
{
    while (strncmp(text, line, length + 1) != 0) {
        text = strchr(text, '\n');
        if (text == NULL || *++text == '\0')
            return false;
    }
    return true;
}

static void tell_missing(const char *sign, const char *text, const char *other)
{
    for (const char *line = text; *line != '\0'; line = strchr(line, '\n') + 1) {
        size_t length = (size_t)(strchr(line, '\n') - line);

        if (!has_line(other, line, length))
            (void)fprintf(stderr, "%s %.*s\n", sign, (int)length, line);
    }
}

static void the_format_is_what_it_was(void **state)
{
    char *expected = read_file(GOLDEN_FILE), *made = make_text();
    bool same = strcmp(expected, made) == 0;

    (void)state;
    if (!same) {
        tell_missing("-", expected, made);
        tell_missing("+", made, expected);
    }
    free(expected);
    free(made);
    if (!same)
        fail_msg("the format has changed: see the head of golden.c");
}

static int write_file(const char *path)
{
    char *made = make_text();
    FILE *stream = fopen(path, "w");
    bool done = stream != NULL && fputs(made, stream) >= 0;

    free(made);
    return stream != NULL && fclose(stream) == 0 && done ? EXIT_SUCCESS : EXIT_FAILURE;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_format_is_what_it_was)};

    if (argc == 2 && strcmp(argv[1], "write") == 0)
        return write_file(GOLDEN_FILE);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
