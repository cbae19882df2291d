/* Options and their values: what every subcommand understands in the same way. */
#include "tool.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int next_option(int argc, char **argv, const struct option *options, const struct command *command)
{
    int option = getopt_long(argc, argv, "h", options, NULL);

    if (option == 'h') {
        (void)fputs(command->usage, stdout);
        exit(finish_output(EXIT_DONE));
    }
    if (option == '?') /* getopt_long has said what it does not know */
        exit(EXIT_USAGE);
    return option;
}

void no_operands(int argc, char **argv)
{
    if (optind < argc)
        usage_error("\"%s\": nothing was expected there", argv[optind]);
}

const char *only_operand(int argc, char **argv)
{
    const char *operand = argv[optind];

    if (optind == argc)
        usage_error("the name of a ring is missing");
    optind++;
    no_operands(argc, argv);
    return operand;
}

/* Digits at the beginning of a text: no sign, no space. *rest is behind them; NULL: there are none, or too many. */
static unsigned long long read_digits(const char *text, char **rest)
{
    unsigned long long value;

    *rest = NULL;
    if (*text < '0' || *text > '9')
        return 0;
    errno = 0;
    value = strtoull(text, rest, 10);
    if (errno != 0)
        *rest = NULL;
    return value;
}

size_t read_size(const char *text, const char *option)
{
    static const char units[] = "KMGT";
    char *rest;
    unsigned long long value = read_digits(text, &rest);
    const char *unit = rest != NULL && *rest != '\0' ? strchr(units, *rest) : NULL;
    unsigned shift = unit != NULL ? 10 * (unsigned)(unit - units + 1) : 0;

    if (rest == NULL || (*rest != '\0' && (unit == NULL || rest[1] != '\0')) || value > SIZE_MAX >> shift)
        usage_error("--%s: \"%s\" is no size; 65536, 64K or 1M is", option, text);
    return (size_t)value << shift;
}

unsigned long read_number(const char *text, unsigned long least, unsigned long most, const char *option)
{
    char *rest;
    unsigned long long value = read_digits(text, &rest);

    if (rest == NULL || *rest != '\0' || value < least || value > most)
        usage_error("--%s: \"%s\" is no number from %lu to %lu", option, text, least, most);
    return (unsigned long)value;
}

int64_t seconds_value(const char *option)
{
    const double most = 1e9;
    char *rest;
    double seconds;

    if (strcmp(optarg, "forever") == 0)
        return MRING_FOREVER;
    seconds = strtod(optarg, &rest);
    if (rest == optarg || *rest != '\0' || !(seconds >= 0 && seconds <= most))
        usage_error("--%s: \"%s\" is no number of seconds; 0, 2.5 or \"forever\" is", option, optarg);
    return (int64_t)(seconds * 1e9);
}
