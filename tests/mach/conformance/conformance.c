/*
 * conformance: all conformance cases, or those named.
 *
 *     conformance [-l | NUMBER...]
 *
 * Prints a line for each case: its number, ok or FAILED, what it is about, what was expected, and what came if that differs.
 * Then a count. The exit status is 0 when all came as expected, 1 when not, and 2 when a number is unknown. -l lists the
 * cases.
 *
 * A case that takes longer than its limit is killed with all its children; so is whatever it leaves behind, which counts
 * as a failure.
 */
#include "mach/conformance/conformance.h"
#include "system.h"

#include <servers/bootstrap.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/select.h>
#include <time.h>

enum { NOTES_MAX = 400, LIMIT = 150 * TEST_SLOWNESS /* seconds; only a failing case waits that long */ };

/* ---- notes ---- */

struct note {
    const char *fact; /* NULL: a code */
    kern_return_t expected, got;
    bool ok;
};

/* In memory that a case shares with its children and with the runner. */
struct notes {
    atomic_size_t taken;
    atomic_size_t failures;
    struct note note[NOTES_MAX];
};

static struct notes *notes;

static void notes_create(void)
{
    void *memory = mmap(NULL, sizeof *notes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    if (memory == MAP_FAILED) {
        perror("conformance: no memory for notes");
        exit(2);
    }
    notes = memory;
}

static size_t noted(void)
{
    size_t taken = notes->taken;

    return taken < NOTES_MAX ? taken : NOTES_MAX;
}

static void add_note(struct note note)
{
    size_t at = atomic_fetch_add(&notes->taken, 1);

    if (!note.ok)
        atomic_fetch_add(&notes->failures, 1);
    if (at < NOTES_MAX)
        notes->note[at] = note;
}

void note_code(kern_return_t expected, kern_return_t got)
{
    add_note((struct note){.expected = expected, .got = got, .ok = expected == got});
}

void note_fact(const char *fact, bool holds)
{
    add_note((struct note){.fact = fact, .ok = holds});
}

/* ---- in words ---- */

static const char *code_name(kern_return_t code)
{
    static const struct {
        kern_return_t code;
        const char *name;
    } names[] = {
        {KERN_SUCCESS, "SUCCESS"},
        {KERN_INVALID_ADDRESS, "INVALID_ADDRESS"},
        {KERN_PROTECTION_FAILURE, "PROTECTION_FAILURE"},
        {KERN_NO_SPACE, "NO_SPACE"},
        {KERN_INVALID_ARGUMENT, "INVALID_ARGUMENT"},
        {KERN_FAILURE, "FAILURE"},
        {KERN_RESOURCE_SHORTAGE, "RESOURCE_SHORTAGE"},
        {KERN_ABORTED, "ABORTED"},
        {KERN_INVALID_NAME, "INVALID_NAME"},
        {KERN_INVALID_RIGHT, "INVALID_RIGHT"},
        {KERN_INVALID_VALUE, "INVALID_VALUE"},
        {KERN_INVALID_CAPABILITY, "INVALID_CAPABILITY"},
        {KERN_INVALID_OBJECT, "INVALID_OBJECT"},
        {KERN_TERMINATED, "TERMINATED"},
        {KERN_NOT_SUPPORTED, "NOT_SUPPORTED"},
        {KERN_NOT_WAITING, "NOT_WAITING"},
        {KERN_OPERATION_TIMED_OUT, "OPERATION_TIMED_OUT"},
        {MACH_SEND_INVALID_DEST, "MACH_SEND_INVALID_DEST"},
        {MACH_SEND_INVALID_RIGHT, "MACH_SEND_INVALID_RIGHT"},
        {BOOTSTRAP_NOT_PRIVILEGED, "BOOTSTRAP_NOT_PRIVILEGED"},
        {BOOTSTRAP_NAME_IN_USE, "BOOTSTRAP_NAME_IN_USE"},
        {BOOTSTRAP_UNKNOWN_SERVICE, "BOOTSTRAP_UNKNOWN_SERVICE"},
        {BOOTSTRAP_SERVICE_ACTIVE, "BOOTSTRAP_SERVICE_ACTIVE"},
    };
    static char other[32];

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (names[i].code == code)
            return names[i].name;
    snprintf(other, sizeof other, "0x%x", (unsigned)code);
    return other;
}

static bool same(const struct note *a, const struct note *b)
{
    return a->fact == b->fact && a->expected == b->expected && a->got == b->got && a->ok == b->ok;
}

static void print_note(const struct note *note, bool as_expected)
{
    if (note->fact != NULL)
        printf("%s%s", as_expected || note->ok ? "" : "NOT ", note->fact);
    else
        printf("%s", code_name(as_expected ? note->expected : note->got));
}

/* How often the `length` notes from `first` on stand there in a row. */
static size_t repeats(size_t first, size_t length)
{
    size_t same_notes = 0;

    while (first + length + same_notes < noted() &&
           same(&notes->note[first + same_notes], &notes->note[first + length + same_notes]))
        same_notes++;
    return 1 + same_notes / length;
}

/* A run of notes that stands there several times, or a single one. */
struct run {
    size_t length, times;
};

static struct run longest_run(size_t first)
{
    enum { LENGTH_MAX = 4 };
    struct run best = {1, 1};

    for (size_t length = 1; length <= LENGTH_MAX && first + length <= noted(); length++) {
        struct run run = {length, repeats(first, length)};
        if (run.times > 1 && run.length * run.times > best.length * best.times)
            best = run;
    }
    return best;
}

/* All notes of a case in a row; what repeats itself is counted instead. */
static void print_notes(bool as_expected)
{
    for (size_t i = 0; i < noted();) {
        struct run run = longest_run(i);
        printf("%s%s", i > 0 ? ", " : "", run.length > 1 ? "(" : "");
        for (size_t j = 0; j < run.length; j++) {
            printf("%s", j > 0 ? ", " : "");
            print_note(&notes->note[i + j], as_expected);
        }
        printf("%s", run.length > 1 ? ")" : "");
        if (run.times > 1)
            printf(" x%zu", run.times);
        i += run.length * run.times;
    }
}

static void print_case(const struct conformance_case *which, bool ok, const char *end)
{
    printf("%-4s %-6s %s: expected ", which->number, ok ? "ok" : "FAILED", which->title);
    print_notes(true);
    printf("; got ");
    if (notes->failures == 0)
        printf("%s", noted() > 0 ? "the same" : "nothing");
    else
        print_notes(false);
    printf("%s%s\n", *end != '\0' ? "; " : "", end);
}

/* ---- running ---- */

static struct timespec now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return time;
}

static void wake_up(int signal)
{
    (void)signal;
}

/* Wait for a child, SIGCHLD being blocked but with this mask: false when it takes too long. */
static bool wait_within(pid_t child, int seconds, const sigset_t *mask, int *status)
{
    struct timespec deadline = now();

    deadline.tv_sec += seconds;
    for (;;) {
        if (waitpid(child, status, WNOHANG) == child)
            return true;
        struct timespec time = now(), left = {deadline.tv_sec - time.tv_sec, 0};
        if (left.tv_sec <= 0)
            return false;
        pselect(0, NULL, NULL, NULL, &left, mask);
    }
}

static void run_here(const struct conformance_case *which, const sigset_t *mask)
{
    setpgid(0, 0);
    signal(SIGCHLD, SIG_DFL);
    sigprocmask(SIG_SETMASK, mask, NULL);
    which->run();
    exit(0); /* not _exit: a sanitizer looks for leaks */
}

/* Orphans become the runner's own, so that it can tell whether a case left any. */
static bool reap_leftovers(pid_t group)
{
    bool any = kill(-group, SIGKILL) == 0;

    while (waitpid(-group, NULL, 0) > 0)
        continue;
    return any;
}

static bool run_case(const struct conformance_case *which)
{
    char end[64] = "";
    sigset_t ended, before;
    int status = 0;

    memset(notes, 0, sizeof *notes);
    fflush(NULL);
    sigemptyset(&ended);
    sigaddset(&ended, SIGCHLD);
    sigprocmask(SIG_BLOCK, &ended, &before);
    pid_t child = fork();
    if (child == 0)
        run_here(which, &before);
    if (child < 0) {
        perror("conformance: fork");
        exit(2);
    }
    setpgid(child, child);
    bool in_time = wait_within(child, LIMIT, &before, &status);
    bool leftovers = reap_leftovers(child);
    sigprocmask(SIG_SETMASK, &before, NULL);

    if (!in_time)
        snprintf(end, sizeof end, "no end within %d s", LIMIT);
    else if (WIFSIGNALED(status))
        snprintf(end, sizeof end, "killed by signal %d", WTERMSIG(status));
    else if (WEXITSTATUS(status) != 0)
        snprintf(end, sizeof end, "ended with status %d", WEXITSTATUS(status));
    else if (leftovers)
        snprintf(end, sizeof end, "left processes behind");
    bool ok = *end == '\0' && notes->failures == 0 && noted() > 0;
    print_case(which, ok, end);
    return ok;
}

/* ---- choosing ---- */

/* As the build names them: not all are for every system. */
static const struct conformance_case *const rooms[] = {CONFORMANCE_ROOMS};

static bool wanted(const struct conformance_case *which, int count, char **numbers)
{
    for (int i = 0; i < count; i++)
        if (strcmp(numbers[i], which->number) == 0)
            return true;
    return count == 0;
}

static int run_all(int count, char **numbers)
{
    int ran = 0, passed = 0;

    for (size_t room = 0; room < sizeof rooms / sizeof *rooms; room++)
        for (const struct conformance_case *which = rooms[room]; which->number != NULL; which++)
            if (wanted(which, count, numbers)) {
                ran++;
                passed += run_case(which);
            }
    printf("%d of %d cases as expected\n", passed, ran);
    if (count > 0 && ran < count) {
        fprintf(stderr, "conformance: %d of the numbers given name no case; -l lists them\n", count - ran);
        return 2;
    }
    return passed == ran ? 0 : 1;
}

static int list(void)
{
    for (size_t room = 0; room < sizeof rooms / sizeof *rooms; room++)
        for (const struct conformance_case *which = rooms[room]; which->number != NULL; which++)
            printf("%-4s %s\n", which->number, which->title);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "-l") == 0)
        return list();
    notes_create();
    keep_orphans();
    signal(SIGCHLD, wake_up);
    return run_all(argc - 1, argv + 1);
}

/* ---- for the cases ---- */

char *fresh_name(const char *suffix)
{
    static char name[64];
    static unsigned count;

    snprintf(name, sizeof name, "mring.conformance.%d.%u.%s", (int)getpid(), count++, suffix);
    return name;
}

static int load(void *address)
{
    (void)*(volatile unsigned char *)address;
    return 0;
}

static int store(void *address)
{
    *(volatile unsigned char *)address = 1;
    return 0;
}

static bool faults(int (*access)(void *), uint64_t address)
{
    int end = child_run(access, (void *)(uintptr_t)address);

    return end == -SIGSEGV || end == -SIGBUS; /* Linux raises the first for both of Mach's cases */
}

bool load_faults(uint64_t address)
{
    return faults(load, address);
}

bool store_faults(uint64_t address)
{
    return faults(store, address);
}
