/* Scenarios of tasks that die, wait and inherit: S3, S4, S5, S8, S10. */
#include "mach/conformance/conformance.h"
#include "mach/semas.h"

#include <dirent.h>
#include <sched.h>
#include <servers/bootstrap.h>

#define CASES(X)                                                                                                       \
    X(S3, "the owner of a semaphore dies")                                                                             \
    X(S4, "a waiter dies")                                                                                             \
    X(S5, "registered ports")                                                                                          \
    X(S8, "many children wait on one semaphore")                                                                       \
    X(S10, "names and restarts, 1,000 of them by kill -9")

CASES(CONFORMANCE_DECLARE)

const struct conformance_case scenarios_tasks[] = {CASES(CONFORMANCE_ROW){NULL, NULL, NULL}};

/* What children that wait tell the others. */
struct board {
    struct {
        _Atomic pid_t ready;
        _Atomic int result; /* -1 while it waits */
        _Atomic int wakes;
    } line[8];
    _Atomic bool stop;
    _Atomic uint64_t ended;
};

static struct board *board;
static int line; /* of the child about to be started */

static void clear_board(void)
{
    if (board == NULL)
        board = semas_shared(sizeof *board);
    memset(board, 0, sizeof *board);
    for (int i = 0; i < 8; i++)
        board->line[i].result = -1;
}

static pid_t start(int (*body)(void *), void *context, int which)
{
    line = which;
    return child_start(body, context);
}

/* From then on the only thing this task can sleep in is its wait: whatever a first wait needs, it has. */
static void get_ready(semaphore_t semaphore)
{
    semaphore_timedwait(semaphore, (mach_timespec_t){0, 1});
    board->line[line].ready = getpid();
}

static void until_waiting(int which)
{
    while (board->line[which].ready == 0)
        sched_yield();
    semas_until_asleep(board->line[which].ready, 0);
}

static int wait_once(void *context)
{
    semaphore_t semaphore = semas_first();

    (void)context;
    get_ready(semaphore);
    board->line[line].result = semaphore_wait(semaphore);
    return 0;
}

/* ---- S3 ---- */

static int map_old_bytes(void *context)
{
    mach_port_t ports[3];

    (void)context;
    semas_inherited(ports);
    uint64_t view = map_pages(ports[1], 0, 1, VM_PROT_READ);
    HOLDS("C2 maps the old bytes too", view != 0 && is_filled(view, PAGE, 'P'));
    return 0;
}

/* C1: it finds both in its registered ports, waits, and is there when the owner dies. */
static int outlive(void *context)
{
    mach_port_t ports[3];

    (void)context;
    semas_inherited(ports);
    get_ready(ports[0]);
    GIVES(KERN_TERMINATED, semaphore_wait(ports[0]));
    board->ended = semas_now();
    GIVES(KERN_TERMINATED, semaphore_signal(ports[0]));
    uint64_t view = map_pages(ports[1], 0, 1, VM_PROT_READ);
    HOLDS("C1 maps the old bytes", view != 0 && is_filled(view, PAGE, 'P'));
    semas_pass_on(ports[0], ports[1], MACH_PORT_NULL);
    HOLDS("C2 ends well", child_run(map_old_bytes, NULL) == 0);
    return 0;
}

static int own(void *context)
{
    mach_port_t entry = fresh_entry(1, RW);

    (void)context;
    fill(map_pages(entry, 0, 1, RW), PAGE, 'P');
    semas_pass_on(semas_new(SYNC_POLICY_FIFO, 0), entry, MACH_PORT_NULL);
    start(outlive, NULL, 0);
    pause(); /* until it is killed */
    return 0;
}

static void case_S3(void)
{
    clear_board();
    keep_orphans(); /* to wait for the owner's child too */
    pid_t owner = child_start(own, NULL);
    until_waiting(0);
    uint64_t killed = semas_now();
    HOLDS("the owner is killed", child_kill(owner) == -SIGKILL);
    HOLDS("its waiter ends well", child_end(board->line[0].ready) == 0);
    HOLDS("its waiter knew within a second", board->ended - killed < 1000000000);
}

/* ---- S4 ---- */

static void case_S4(void)
{
    semaphore_t semaphore = semas_new(SYNC_POLICY_FIFO, 0);
    int lost = 0, unwell = 0;

    clear_board();
    semas_pass_on(semaphore, MACH_PORT_NULL, MACH_PORT_NULL);
    pid_t first = start(wait_once, NULL, 0);
    until_waiting(0);
    pid_t second = start(wait_once, NULL, 1);
    until_waiting(1);
    HOLDS("the first is killed", child_kill(first) == -SIGKILL);
    GIVES(KERN_SUCCESS, semaphore_signal(semaphore));
    HOLDS("the second ends", child_end(second) == 0);
    GIVES(KERN_SUCCESS, board->line[1].result);
    HOLDS("nothing is left", semas_drain(semaphore) == 0);
    GIVES(KERN_SUCCESS, semaphore_destroy(SELF, semaphore));

    for (uint64_t round = 0; round < 100; round++) {
        semaphore = semas_new(SYNC_POLICY_FIFO, 0);
        semas_pass_on(semaphore, MACH_PORT_NULL, MACH_PORT_NULL);
        clear_board();
        first = start(wait_once, NULL, 0);
        until_waiting(0);
        second = start(wait_once, NULL, 1);
        until_waiting(1);
        unwell += semaphore_signal(semaphore) != KERN_SUCCESS;
        for (uint64_t end = semas_now() + round * 2000; semas_now() < end;)
            continue;
        kill(first, SIGKILL);
        unwell += semaphore_signal(semaphore) != KERN_SUCCESS;
        child_end(first);
        unwell += child_end(second) != 0;
        int seen =
            (board->line[0].result == KERN_SUCCESS) + (board->line[1].result == KERN_SUCCESS) + semas_drain(semaphore);
        lost += seen < 1 || seen > 2 || board->line[1].result != KERN_SUCCESS;
        unwell += semaphore_destroy(SELF, semaphore) != KERN_SUCCESS;
    }
    HOLDS("all signals given, all survivors ended", unwell == 0);
    HOLDS("killed 0 to 200 us after the signal: at most what the dead had been given is gone", lost == 0);
}

/* ---- S5 ---- */

enum { ROUNDS = 10000 };

/* The page counts up, by turns, one step each. */
static bool play(const mach_port_t ports[3], bool first)
{
    volatile uint64_t *count = (volatile uint64_t *)(uintptr_t)map_pages(ports[0], 0, 1, RW);
    semaphore_t mine = ports[first ? 1 : 2], yours = ports[first ? 2 : 1];
    bool right = count != NULL;

    for (uint64_t i = 0; right && i < ROUNDS; i++) {
        if (first) {
            *count += 1;
            right = semaphore_signal(yours) == KERN_SUCCESS && semaphore_wait(mine) == KERN_SUCCESS;
            right = right && *count == 2 * i + 2;
        } else {
            right = semaphore_wait(mine) == KERN_SUCCESS && *count == 2 * i + 1;
            *count += 1;
            right = right && semaphore_signal(yours) == KERN_SUCCESS;
        }
    }
    return right;
}

static int has_three(void *context)
{
    mach_port_t ports[3];

    (void)context;
    semas_inherited(ports);
    HOLDS("the grandchild has them too", ports[0] != MACH_PORT_NULL && ports[1] != MACH_PORT_NULL &&
                                             ports[2] != MACH_PORT_NULL && map_pages(ports[0], 0, 1, RW) != 0);
    return 0;
}

static int play_second(void *parent_did)
{
    mach_port_t ports[3];

    semas_inherited(ports);
    HOLDS("three rights", ports[0] != MACH_PORT_NULL && ports[1] != MACH_PORT_NULL && ports[2] != MACH_PORT_NULL);
    HOLDS("10,000 rounds, the child's side", play(ports, false));
    gate_wait(parent_did, NULL);
    semas_inherited(ports);
    HOLDS("the parent's new slots are not the child's", ports[0] != MACH_PORT_NULL && ports[2] != MACH_PORT_NULL);
    HOLDS("the grandchild ends well", child_run(has_three, NULL) == 0);
    return 0;
}

static void case_S5(void)
{
    const mach_port_t ports[3] = {fresh_entry(1, RW), semas_new(SYNC_POLICY_FIFO, 0), semas_new(SYNC_POLICY_FIFO, 0)};
    struct gate parent_did = gate_make();

    semas_pass_on(ports[0], ports[1], ports[2]);
    pid_t child = child_start(play_second, &parent_did);
    HOLDS("10,000 rounds, the parent's side", play(ports, true));
    semas_pass_on(MACH_PORT_NULL, MACH_PORT_NULL, MACH_PORT_NULL);
    gate_pass(&parent_did, 0);
    HOLDS("the child ends well", child_end(child) == 0);
}

/* ---- S8 ---- */

/* Whoever wakes to `stop` ends. */
static int wait_until_stopped(void *context)
{
    semaphore_t semaphore = semas_first();

    (void)context;
    get_ready(semaphore);
    for (;;) {
        if (semaphore_wait(semaphore) != KERN_SUCCESS)
            return 1;
        board->line[line].wakes++;
        if (board->stop)
            return 0;
    }
}

static int wakes(void)
{
    int sum = 0;

    for (int i = 0; i < 8; i++)
        sum += board->line[i].wakes;
    return sum;
}

static void case_S8(void)
{
    enum { CHILDREN = 8, SIGNALS = 80000 };
    semaphore_t semaphore = semas_new(SYNC_POLICY_FIFO, 0);
    pid_t children[CHILDREN];
    bool each = true, well = true;
    int refused_signals = 0;

    clear_board();
    semas_pass_on(semaphore, MACH_PORT_NULL, MACH_PORT_NULL);
    for (int i = 0; i < CHILDREN; i++)
        children[i] = start(wait_until_stopped, NULL, i);
    for (int i = 0; i < CHILDREN; i++)
        until_waiting(i);
    for (int i = 0; i < SIGNALS; i++)
        refused_signals += semaphore_signal(semaphore) != KERN_SUCCESS;
    HOLDS("every signal given", refused_signals == 0);
    while (wakes() < SIGNALS)
        sched_yield();
    for (int i = 0; i < CHILDREN; i++) {
        each = each && board->line[i].wakes > 0;
        until_waiting(i);
    }
    HOLDS("80,000 wake-ups", wakes() == SIGNALS);
    HOLDS("each child had some", each);
    board->stop = true;
    GIVES(KERN_SUCCESS, semaphore_signal_all(semaphore));
    for (int i = 0; i < CHILDREN; i++)
        well = child_end(children[i]) == 0 && well;
    HOLDS("signal_all wakes exactly 8", well && wakes() == SIGNALS + CHILDREN && semas_drain(semaphore) == 0);
    GIVES(KERN_SUCCESS, semaphore_destroy(SELF, semaphore));
}

/* ---- S10 ---- */

struct registrant {
    const char *name;
    struct gate did;
    bool stay;
};

static int register_semaphore(void *context)
{
    const struct registrant *registrant = context;
    name_t name;

    strcpy(name, registrant->name);
    kern_return_t kr = bootstrap_register(bootstrap_port, name, semas_new(SYNC_POLICY_FIFO, 0));
    gate_pass(&registrant->did, (uint64_t)kr);
    while (registrant->stay)
        pause();
    return 0;
}

static int entries_in(const char *path)
{
    DIR *directory = opendir(path);
    int count = 0;

    while (directory != NULL && readdir(directory) != NULL)
        count++;
    if (directory != NULL)
        closedir(directory);
    return count;
}

/* Sockets bound to this name. */
static int sockets_bound(const char *name)
{
    FILE *list = fopen("/proc/net/unix", "r");
    char text[256];
    int count = 0;

    while (list != NULL && fgets(text, sizeof text, list) != NULL)
        count += strstr(text, name) != NULL;
    if (list != NULL)
        fclose(list);
    return count;
}

static int look_up_as_nobody(void *name)
{
    mach_port_t port;

    if (setuid(65534) != 0)
        return 1;
    GIVES(BOOTSTRAP_UNKNOWN_SERVICE, bootstrap_look_up(bootstrap_port, name, &port));
    return 0;
}

static void case_S10(void)
{
    struct registrant registrant = {.name = fresh_name("S10"), .did = gate_make()};
    int refused = 0;
    uint64_t kr;

    for (int i = 0; i < 2; i++) {
        pid_t child = child_start(register_semaphore, &registrant);
        gate_wait(&registrant.did, &kr);
        GIVES(BOOTSTRAP_SUCCESS, (kern_return_t)kr);
        HOLDS("the registrant ends well", child_end(child) == 0);
    }
    int descriptors = descriptors_open(), files = entries_in("/tmp"), segments = entries_in("/dev/shm");
    registrant.stay = true;
    for (int i = 0; i < 1000; i++) {
        pid_t child = child_start(register_semaphore, &registrant);
        gate_wait(&registrant.did, &kr);
        refused += kr != BOOTSTRAP_SUCCESS;
        child_kill(child);
    }
    HOLDS("the name was free 1,000 times", refused == 0);
    HOLDS("no descriptor is left", descriptors_open() == descriptors);
    HOLDS("no socket", sockets_bound(registrant.name) == 0);
    /* Others use these folders too; but a file a round would show. */
    HOLDS("no file in /tmp or /dev/shm", entries_in("/tmp") < files + 500 && entries_in("/dev/shm") < segments + 500);
    mach_port_t found = 77;
    GIVES(BOOTSTRAP_UNKNOWN_SERVICE, bootstrap_look_up(bootstrap_port, registrant.name, &found));

    pid_t child = child_start(register_semaphore, &registrant);
    gate_wait(&registrant.did, &kr);
    HOLDS("its socket shows while it lives", sockets_bound(registrant.name) == 1);
    if (geteuid() == 0) /* only root can be somebody else */
        HOLDS("the look-up ended well", child_run(look_up_as_nobody, (void *)(uintptr_t)registrant.name) == 0);
    GIVES(BOOTSTRAP_SUCCESS, bootstrap_look_up(bootstrap_port, registrant.name, &found));
    child_kill(child);
}
