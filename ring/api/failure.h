/* How a room says what went wrong: the negative errno value, and for the opening calls one line of text about it. */
#ifndef MRING_API_FAILURE_H
#define MRING_API_FAILURE_H

#include "mring.h"

/*
 * Fill `error` (NULL: nowhere) and return `code`. The text is cut to fit; a caller's smaller, older struct is respected. `kr` is
 * the kern_return_t behind the failure, or 0; when it is one, its text is appended, and the limit of this process that `code` says was met.
 */
int failure(struct mring_error *error, int code, int kr, const char *format, ...) __attribute__((format(printf, 4, 5)));

/* Pass on what was said of a try that failed with `code`: for calls that try again, since success is to leave `error` alone. */
int failure_pass(struct mring_error *error, int code, const struct mring_error *said);

/*
 * The errno value that tells a caller most about a kern_return_t: KERN_NO_SPACE -> -ENOMEM and so on. Never 0 for a failure. What was short
 * is looked for (shortage.h): to be called right after what failed.
 */
int failure_code(int kr);

#endif
