#include "json.h"

#include <inttypes.h>
#include <mring.h>
#include <stdio.h>

static unsigned depth;
static bool first = true; /* in the innermost object or array */

/* How long the UTF-8 sequence is that begins here: 0: it is none, or one that stands for nothing. */
static unsigned sequence(const unsigned char *at)
{
    const unsigned length = *at < 0x80 ? 1 : *at < 0xc2 ? 0 : *at < 0xe0 ? 2 : *at < 0xf0 ? 3 : *at < 0xf5 ? 4 : 0;

    for (unsigned more = 1; more < length; more++)
        if ((at[more] & 0xc0) != 0x80)
            return 0;
    if ((*at == 0xe0 && at[1] < 0xa0) || (*at == 0xed && at[1] >= 0xa0) || (*at == 0xf0 && at[1] < 0x90) ||
        (*at == 0xf4 && at[1] >= 0x90))
        return 0;
    return length;
}

static void put_text(const char *text)
{
    const unsigned char *at = (const unsigned char *)text;

    (void)putchar('"');
    while (*at != '\0') {
        unsigned length = sequence(at);

        if (length == 0)
            (void)fputs("\\ufffd", stdout);
        else if (*at < 0x20 || *at == 0x7f)
            (void)printf("\\u%04x", *at);
        else
            (void)printf("%s%.*s", *at == '"' || *at == '\\' ? "\\" : "", (int)length, (const char *)at);
        at += length != 0 ? length : 1;
    }
    (void)putchar('"');
}

static void put_name(const char *name)
{
    if (!first)
        (void)putchar(',');
    first = false;
    if (name != NULL)
        (void)printf("\"%s\":", name);
}

void json_begin(const char *name, char bracket)
{
    put_name(name);
    (void)putchar(bracket);
    depth++;
    first = true;
}

void json_end(char bracket)
{
    (void)putchar(bracket);
    first = false;
    if (--depth == 0) {
        (void)putchar('\n');
        first = true;
    }
}

void json_string(const char *name, const char *text)
{
    put_name(name);
    put_text(text);
}

static void put_field(const void *value, enum json_kind kind)
{
    switch (kind) {
    case JSON_NUMBER:
        if (*(const uint64_t *)value == MRING_UNKNOWN)
            (void)fputs("null", stdout);
        else
            (void)printf("%" PRIu64, *(const uint64_t *)value);
        break;
    case JSON_COUNT:
        (void)printf("%u", *(const unsigned *)value);
        break;
    case JSON_TRUTH:
        (void)fputs(*(const unsigned *)value != 0 ? "true" : "false", stdout);
        break;
    case JSON_PROCESS:
        if (*(const int64_t *)value == 0)
            (void)fputs("null", stdout);
        else
            (void)printf("%" PRId64, *(const int64_t *)value);
    }
}

void json_fields(const void *of, const struct json_field *fields, size_t count)
{
    for (size_t at = 0; at < count; at++) {
        put_name(fields[at].name);
        put_field((const char *)of + fields[at].offset, fields[at].kind);
    }
}
