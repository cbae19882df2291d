/* Lines of JSON on standard output: enough of it for objects of strings, whole numbers and truths, and arrays of such. */
#ifndef MRING_TOOL_JSON_H
#define MRING_TOOL_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How a field of a struct is written. */
enum json_kind {
    JSON_NUMBER, /* uint64_t; MRING_UNKNOWN: null */
    JSON_COUNT,  /* unsigned */
    JSON_TRUTH,  /* unsigned: not 0 */
    JSON_PROCESS /* int64_t; 0: null */
};

struct json_field {
    const char *name;
    size_t offset;
    enum json_kind kind;
};

/* Objects and arrays may be in one another; `name` NULL: it has none, as in an array. Commas are seen to. The outermost one ends its line. */
void json_begin(const char *name, char bracket);
void json_end(char bracket);

/* Text that somebody else chose: what is no UTF-8 is replaced, as JSON has no other bytes. */
void json_string(const char *name, const char *text);

void json_fields(const void *of, const struct json_field *fields, size_t count);

#endif
