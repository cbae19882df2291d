/*
 * mring-fsck: look at a ring by its name, tell who holds what and what is wrong, and put right what killed processes left.
 *
 * Exit codes as fsck(8) has them: 0: sound; 1: repaired; 4: troubles are left; 8: the ring could not be looked at; 16: usage.
 */
#include <inttypes.h>
#include <mring.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* A ring whose server was killed is served again within a second: just then somebody will want to look. */
#define PATIENCE INT64_C(1000000000)

enum { SOUND = 0, REPAIRED = 1, LEFT = 4, UNABLE = 8, USAGE = 16 };

static const char usage[] =
    "usage: mring-fsck [--repair] [--quiet] NAME\n"
    "Checks the ring of this name, beside the processes that use it.\n"
    "  --repair  give what killed members held to the living of their groups\n"
    "  --quiet   tell only what is wrong\n"
    "Numbers are positions, in bytes from the beginning of the stream, where nothing else is said.\n"
    "Exit status: 0 sound, 1 repaired, 4 troubles are left, 8 the ring cannot be looked at, 16 usage\n";

struct printer {
    const char *ring;
    bool quiet;
};

static void print_where(const struct mring_finding *finding)
{
    if (finding->from == finding->to && finding->to != 0)
        (void)printf(" at %" PRIu64, finding->to);
    else if (finding->to != 0)
        (void)printf(" %" PRIu64 " to %" PRIu64, finding->from, finding->to);
}

static void print(void *context, const struct mring_finding *finding)
{
    static const char *const weights[] = {[MRING_NOTE] = "", [MRING_LEFT] = "left: ", [MRING_DAMAGE] = "DAMAGE: "};
    const struct printer *printer = context;

    if (printer->quiet && finding->weight == MRING_NOTE)
        return;
    (void)printf("%s", weights[finding->weight]);
    if (finding->group == NULL)
        (void)printf("ring \"%s\"", printer->ring);
    else
        (void)printf("group \"%s\"", finding->group);
    if (finding->place >= 0)
        (void)printf(" place %d", finding->place);
    (void)printf(" %s", finding->text);
    print_where(finding);
    if (finding->process != 0)
        (void)printf(" (pid %" PRId64 ")", finding->process);
    (void)printf("\n");
}

/* Look; with `repair`, put right what was found, and look again at what is left. An exit code. */
static int check(struct mring *ring, const struct printer *printer, bool repair, struct mring_error *error)
{
    struct mring_fsck_options options = MRING_FSCK_OPTIONS_INIT;
    int found, left;

    options.report = print;
    options.context = (void *)(uintptr_t)printer;
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
    return left > 0 ? LEFT : found > 0 ? REPAIRED : SOUND;
}

int main(int argc, char **argv)
{
    struct mring_error error = MRING_ERROR_INIT;
    struct mring_open_options options = MRING_OPEN_OPTIONS_INIT;
    struct printer printer = {NULL, false};
    bool repair = false;
    struct mring *ring;
    int code;

    for (int at = 1; at < argc; at++) {
        if (strcmp(argv[at], "--repair") == 0)
            repair = true;
        else if (strcmp(argv[at], "--quiet") == 0)
            printer.quiet = true;
        else if (argv[at][0] != '-' && printer.ring == NULL)
            printer.ring = argv[at];
        else
            return fputs(usage, stderr) < 0 ? UNABLE : USAGE;
    }
    if (printer.ring == NULL)
        return fputs(usage, stderr) < 0 ? UNABLE : USAGE;
    options.error = &error;
    options.timeout = PATIENCE;
    code = mring_open(&ring, printer.ring, repair ? MRING_PRODUCE : MRING_INSPECT, &options);
    if (code == 0) {
        code = check(ring, &printer, repair, &error);
        (void)mring_close(ring);
    }
    if (code < 0) {
        (void)fprintf(stderr, "mring-fsck: %s\n", error.text[0] != '\0' ? error.text : mring_strerror(code));
        return UNABLE;
    }
    return code;
}
