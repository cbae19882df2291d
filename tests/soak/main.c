#include "soak.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { ROUND_SECONDS = 30 };

/* Five times what is promised, for a machine that is busy with other things. */
#define STALL_MOST UINT64_C(5000000000)

static unsigned long long killed(const struct figures *figures, void (*play)(void))
{
    unsigned long long sum = 0;

    for (unsigned role = 0; role < cast_size; role++)
        if (cast[role].play == play)
            sum += figures->killed[role];
    return sum;
}

static unsigned long long all_killed(const struct figures *figures)
{
    unsigned long long sum = 0;

    for (unsigned role = 0; role < cast_size; role++)
        sum += figures->killed[role];
    return sum;
}

static void print(const struct figures *figures)
{
    static const char *const name[FIGURES] = {
        [BYTES] = "bytes",
        [REDELIVERED] = "redelivered",
        [UNTOUCHED] = "  of those not begun before",
        [SET_ASIDE] = "set aside",
        [POISONED] = "members killed by messages",
        [LEFT] = "members that left",
        [CROWDED] = "joins that had to wait",
        [UNANSWERED] = "joins that nobody answered in time",
        [TAKEN_OVER] = "times that another served the ring",
        [INSPECTED] = "looks that found no damage",
        [OWNER_DEAD] = "waits that found the producer dead",
        [PRODUCER_RESCUED] = "rescued waits of producers",
        [CONSUMER_RESCUED] = "rescued waits of consumers",
        [GOT] = "read whole in lossy groups",
        [MISSED] = "  and missed",
        [REMOVED] = "groups removed",
        [DROPPED] = "  and dropped",
        [HELD_UP] = "times that the judge was held up",
    };

    (void)printf("%-36s %llu\n", "messages", (unsigned long long)figures->messages);
    (void)printf("%-36s %llu\n", "  in rounds looked through to the end", (unsigned long long)figures->drained);
    (void)printf("%-36s %llu\n", "producers killed", killed(figures, play_producer));
    (void)printf("%-36s %llu\n", "creators and their followers killed", killed(figures, play_server));
    (void)printf("%-36s %llu\n", "consumers killed",
                 all_killed(figures) - killed(figures, play_producer) - killed(figures, play_server));
    (void)printf("%-36s %llu\n", "stopped for a while", (unsigned long long)figures->stops);
    for (enum figure figure = 0; figure < FIGURES; figure++)
        (void)printf("%-36s %llu\n", name[figure], (unsigned long long)figures->figure[figure]);
    (void)printf("%-36s %.3f s\n", "longest stall", (double)figures->stall / 1e9);
    (void)printf("%-36s %.3f s\n", "  while nobody was stopped", (double)figures->stall_quiet / 1e9);
}

/*
 * A sleeper whose waker was killed or stopped between the publication and the signal is woken by its own timeout, as
 * it should be: so the counters of that are 0 but for such an event each.
 */
static bool rescues_explained(const struct figures *figures)
{
    uint64_t events = figures->stops + all_killed(figures);

    return figures->figure[PRODUCER_RESCUED] + figures->figure[CONSUMER_RESCUED] <= events;
}

static int usage(void)
{
    (void)fprintf(stderr,
                  "usage: soak [--minutes N] [--seconds N] [--seed N]\n"
                  "Kill, stop and replace the processes of a ring at random, and account for every message.\n"
                  "Without a length: 20 seconds. The exit status is 0 if nothing was lost, repeated or altered.\n");
    return 2;
}

static bool read_number(const char *text, unsigned long long *number)
{
    char *end;

    errno = 0;
    *number = strtoull(text, &end, 10);
    return errno == 0 && end != text && *end == '\0' && text[0] != '-';
}

int main(int argc, char **argv)
{
    static const struct option options[] = {{"minutes", required_argument, NULL, 'm'},
                                            {"seconds", required_argument, NULL, 's'},
                                            {"seed", required_argument, NULL, 'S'},
                                            {NULL, 0, NULL, 0}};
    unsigned long long number, seconds = 0, seed = (unsigned long long)time(NULL) << 16 ^ (unsigned long long)getpid();
    struct figures figures = {0};
    char name[32];
    sigset_t child;
    bool good = true;

    for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (option == '?' || !read_number(optarg, &number) || (option != 'S' && number > 1000000))
            return usage();
        if (option == 'S')
            seed = number;
        else
            seconds += option == 'm' ? number * 60 : number;
    }
    if (optind < argc)
        return usage();
    if (seconds == 0)
        seconds = 20;
    (void)sigemptyset(&child);
    (void)sigaddset(&child, SIGCHLD);
    (void)sigprocmask(SIG_BLOCK, &child, NULL);
    (void)snprintf(name, sizeof(name), "soak-%ld", (long)getpid());
    ring_name = name;
    (void)printf("%llu seconds, seed %llu\n", seconds, seed);

    /* Every second round is killed in the middle; the last one is looked through. */
    for (unsigned long long rounds = (seconds + ROUND_SECONDS - 1) / ROUND_SECONDS + (seconds <= ROUND_SECONDS),
                            round = 1;
         round <= rounds && good; round++)
        good = round_run(seed + round, (unsigned)(seconds / rounds), (rounds - round) % 2 == 0, &figures);
    print(&figures);
    if (!rescues_explained(&figures)) {
        (void)printf("more waits were rescued than processes killed or stopped\n");
        good = false;
    }
    if (figures.stall_quiet > STALL_MOST) {
        (void)printf("the dead held the producer up for longer than 5 s\n");
        good = false;
    }
    (void)printf("%s\n", good ? "passed" : "FAILED");
    return good ? EXIT_SUCCESS : EXIT_FAILURE;
}
