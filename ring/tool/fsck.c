/* mring fsck: look at a ring by its name, tell who holds what and what is wrong, and put right what killed processes left. */
#include "tool.h"

#include <inttypes.h>
#include <stdbool.h>

static const char usage[] =
    "usage: mring fsck [--repair] [--quiet] NAME\n"
    "Checks the ring of this name, beside the processes that use it.\n"
    "  --repair  give what killed members held to the living of their groups\n"
    "  --quiet   tell only what is wrong\n"
    "Numbers are positions, in bytes from the beginning of the stream, where nothing else is said.\n"
    "Exit status: 0 nothing is wrong, or nothing any more; 1 the ring cannot be looked at; 2 usage; "
    "3 something is.\n";

static void print_where(const struct mring_finding *finding)
{
    if (finding->from == finding->to && finding->to != 0)
        (void)printf(" at %" PRIu64, finding->to);
    else if (finding->to != 0)
        (void)printf(" %" PRIu64 " to %" PRIu64, finding->from, finding->to);
}

static void print_finding(const struct mring_finding *finding)
{
    static const char *const weights[] = {[MRING_NOTE] = "", [MRING_LEFT] = "left: ", [MRING_DAMAGE] = "DAMAGE: "};

    (void)printf("%s", weights[finding->weight]);
    if (finding->group == NULL) {
        (void)printf("ring");
    } else {
        (void)printf("group ");
        (void)print_word(stdout, finding->group);
    }
    if (finding->place >= 0)
        (void)printf(" place %d", finding->place);
    (void)printf(" %s", finding->text);
    print_where(finding);
    if (finding->process != 0)
        (void)printf(" (pid %" PRId64 ")", finding->process);
    (void)printf("\n");
}

static void print(void *context, const struct mring_finding *finding)
{
    const bool *quiet = context;

    if (!*quiet || finding->weight != MRING_NOTE)
        print_finding(finding);
}

/* Look; with `repair`, put right what was found, and look again at what is left. An exit code, or -errno. */
static int check(struct mring *ring, bool repair, bool quiet, struct mring_error *error)
{
    struct mring_fsck_options options = MRING_FSCK_OPTIONS_INIT;
    int found, left;

    options.report = print;
    options.context = &quiet;
    options.error = error;
    left = found = mring_fsck(ring, &options);
    if (found > 0 && repair) {
        int code = mring_repair(ring, error);

        if (code != 0)
            return code;
        (void)printf("after the repair:\n");
        left = mring_fsck(ring, &options);
    }
    if (left < 0)
        return left;
    (void)printf("%d found, %d left\n", found, left);
    return left > 0 ? EXIT_TROUBLE : EXIT_DONE;
}

static int run(int argc, char **argv)
{
    static const struct option longs[] = {{"help", no_argument, NULL, 'h'},
                                          {"repair", no_argument, NULL, 'r'},
                                          {"quiet", no_argument, NULL, 'q'},
                                          {NULL, 0, NULL, 0}};
    struct mring_error error = MRING_ERROR_INIT;
    struct mring_open_options options = MRING_OPEN_OPTIONS_INIT;
    bool repair = false, quiet = false;
    struct mring *ring;
    int option, code;

    while ((option = next_option(argc, argv, longs, &command_fsck)) != -1)
        *(option == 'r' ? &repair : &quiet) = true;
    options.error = &error;
    options.timeout = PATIENCE;
    code = mring_open(&ring, only_operand(argc, argv), repair ? MRING_PRODUCE : MRING_INSPECT, &options);
    if (code == 0) {
        code = check(ring, repair, quiet, &error);
        (void)mring_close(ring);
    }
    return code < 0 ? complain_of(code, &error) : code;
}

const struct command command_fsck = {"fsck", run, usage};
