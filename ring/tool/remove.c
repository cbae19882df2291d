/* mring remove: take a durable group that nobody is in out of a ring. */
#include "tool.h"

static const char usage[] = "usage: mring remove --group GROUP NAME\n"
                            "Removes a durable group that nobody receives for: what it has not received is lost, and "
                            "the sender waits for it no more.\n"
                            "  --group GROUP  which one\n"
                            "Exit status: 0 removed, 1 not, 2 usage.\n";

static int run(int argc, char **argv)
{
    static const struct option longs[] = {
        {"help", no_argument, NULL, 'h'}, {"group", required_argument, NULL, 'g'}, {NULL, 0, NULL, 0}};
    struct mring_error error = MRING_ERROR_INIT;
    struct mring_open_options options = MRING_OPEN_OPTIONS_INIT;
    const char *group = NULL;
    struct mring *ring;
    int code;

    while (next_option(argc, argv, longs, &command_remove) != -1)
        group = optarg;
    options.error = &error;
    options.timeout = PATIENCE;
    if (group == NULL)
        usage_error("--group is missing: which group is to go?");
    code = mring_open(&ring, only_operand(argc, argv), MRING_CONSUME, &options);
    if (code == 0) {
        code = mring_group_remove(ring, group, &error);
        (void)mring_close(ring);
    }
    return code < 0 ? complain_of(code, &error) : EXIT_DONE;
}

const struct command command_remove = {"remove", run, usage};
