/*
 * commpage: a page of live values that one process writes and any number read without a system call, as programs on macOS read
 * the time from the kernel's commpage. By Mach's calls alone.
 *
 *     commpage publish [NAME]              keep a page up to date under this name until SIGINT or SIGTERM
 *     commpage read [-n COUNT] [NAME]      print the values once, or COUNT times, a second apart
 *     commpage watch [NAME]                print them every second
 *     commpage try-write [NAME]            try each way to write to the page; all must be refused
 *     commpage                             all of it at once: a publisher at full speed, three readers that check each of
 *                                          some hundred thousand snapshots, and what is left when the publisher ends
 *
 * The exit status is 0 when all is well, 1 when not (nobody serves the name, it is taken, the publisher is gone, a snapshot was
 * torn, a write was not refused), 2 for a command line that makes no sense.
 *
 *     cc commpage.c $(pkg-config --cflags --libs mring-mach) -o commpage && ./commpage     # Linux
 *     cc commpage.c -o commpage && ./commpage                                              # macOS
 *
 * Who may write. The publisher makes a memory entry with VM_PROT_READ over a page that itself it may write. The right is in the
 * entry: whoever holds it can map the page for reading, and gets no more out of it, nor out of the mapping, by any of Mach's
 * calls. (On Linux a process can still reach into another one of the same user through /proc.)
 *
 * How they meet. The publisher checks its name in and answers each request with two rights: the entry, and a semaphore that
 * nobody signals. It might have registered the entry itself under a name, but the name of a port of its own is sure to end
 * with it, also when it is killed, so a name that is found is served.
 *
 * When the publisher is gone. The page stays as it is for those who have mapped it. The semaphore is the publisher's, so it is
 * destroyed with it: a wait answers KERN_TERMINATED, and at once, if a reader is pausing on it. A publisher that lives but is
 * stopped shows by the age of its values: it is called late after a second.
 *
 * How a reader gets all values of one update. There are two copies. Update n fills copy n mod 2, then sets `updates` to n; a
 * reader takes the copy that `updates` points to, and takes it again if `updates` has moved meanwhile. The argument:
 *
 *   DONE    The publisher sets `updates` to n (release) after the values of update n; a reader that loads n (acquire) sees
 *           them, or those of an update after it.
 *   AGAIN   Values of an update after n get into that copy with update n + 2 at the earliest. The publisher sets `updates` to
 *           n + 1, passes a release fence, and stores them; a reader that loads one of them and then passes an acquire fence sees
 *           n + 1 or more in `updates`, which is not n, so it tries again.
 *
 * It is a seqlock whose count is never "being written": a reader waits for nobody, it is only ever overtaken, and a publisher
 * killed in the middle of update n + 1 leaves update n whole.
 */
#include <errno.h>
#include <mach/mach.h>
#include <mach/mach_vm.h>
#include <mach/notify.h>
#include <servers/bootstrap.h>
#include <signal.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define DEFAULT_NAME "mring.commpage"
#define MAGIC        UINT64_C(0x31656761706d6d63) /* "cmmpage1" */
#define SECOND       UINT64_C(1000000000)         /* in nanoseconds */

enum { REQUEST = 0x636d6d70, ANSWER = REQUEST + 100 }; /* ids of the messages */
enum { PATIENCE = 3000 }; /* milliseconds until a publisher that does not answer is given up */
enum { USAGE = 2 };

/* Times in nanoseconds, load in thousandths. CHECK is computed from all others. */
enum value { WALL, MONOTONIC, LOAD_1, LOAD_5, LOAD_15, READERS, UPDATE, CHECK, VALUES };

/* Lines of 128 bytes: what the publisher writes now shares none with what is read now. */
struct copy {
    alignas(128) _Atomic uint64_t values[VALUES];
};

struct page {
    uint64_t magic; /* this and the pid are written before anybody can map the page */
    uint64_t publisher;
    alignas(128) _Atomic uint64_t updates;
    struct copy copies[2];
};

_Static_assert(sizeof(struct page) <= 4096, "fits the smallest page there is");
_Static_assert(ATOMIC_LLONG_LOCK_FREE == 2, "a load that took a lock would write to the page");

struct answer {
    mach_msg_header_t header;
    mach_msg_body_t body;
    mach_msg_port_descriptor_t page;
    mach_msg_port_descriptor_t life;
};

/* Room for a request or an answer, and what the kernel puts behind it. */
union message {
    mach_msg_header_t header;
    struct answer answer;
    char room[sizeof(struct answer) + sizeof(mach_msg_max_trailer_t)];
};

struct publisher {
    struct page *page;
    mach_port_t port; /* where requests arrive */
    mach_port_t entry;
    semaphore_t life;
    uint64_t readers; /* that have been answered */
    uint64_t load[3]; /* asked for when `load_due` is past: the system itself updates it only every few seconds */
    uint64_t load_due;
};

struct reader {
    struct page *page;
    mach_port_t entry;
    semaphore_t life;
    uint64_t overtaken; /* times that a snapshot was taken again */
};

static volatile sig_atomic_t stop;

static void fail(const char *who, const char *what)
{
    fprintf(stderr, "commpage: %s: %s\n", who, what);
    exit(EXIT_FAILURE);
}

/* Without this call having worked there is no going on. */
static void need(const char *what, kern_return_t got)
{
    if (got != KERN_SUCCESS)
        fail(what, mach_error_string(got));
}

static uint64_t now(clockid_t clock)
{
    struct timespec time;
    if (clock_gettime(clock, &time) != 0)
        fail("clock_gettime", strerror(errno));
    return (uint64_t)time.tv_sec * SECOND + (uint64_t)time.tv_nsec;
}

static mach_port_t bootstrap(void)
{
    mach_port_t port = MACH_PORT_NULL;
    need("task_get_special_port", task_get_special_port(mach_task_self(), TASK_BOOTSTRAP_PORT, &port));
    return port;
}

/* A sum in which each value's place counts. */
static uint64_t check_of(const uint64_t values[VALUES])
{
    uint64_t sum = 0;
    for (int i = 0; i < CHECK; i++)
        sum = (sum ^ values[i]) * UINT64_C(0x9e3779b97f4a7c15);
    return sum;
}

/* ---- the publisher ---- */

static void look_at_load(struct publisher *publisher, uint64_t monotonic)
{
    double load[3];
    if (monotonic < publisher->load_due)
        return;
    if (getloadavg(load, 3) == 3)
        for (int i = 0; i < 3; i++)
            publisher->load[i] = (uint64_t)(load[i] * 1000);
    publisher->load_due = monotonic + SECOND;
}

static void update(struct publisher *publisher)
{
    struct page *page = publisher->page;
    uint64_t number = atomic_load_explicit(&page->updates, memory_order_relaxed) + 1; /* nobody else writes it */
    uint64_t values[VALUES];

    values[WALL] = now(CLOCK_REALTIME);
    values[MONOTONIC] = now(CLOCK_MONOTONIC);
    look_at_load(publisher, values[MONOTONIC]);
    values[LOAD_1] = publisher->load[0];
    values[LOAD_5] = publisher->load[1];
    values[LOAD_15] = publisher->load[2];
    values[READERS] = publisher->readers;
    values[UPDATE] = number;
    values[CHECK] = check_of(values);

    atomic_thread_fence(memory_order_release); /* AGAIN: number - 1 is there before any of these */
    for (int i = 0; i < VALUES; i++)
        atomic_store_explicit(&page->copies[number % 2].values[i], values[i], memory_order_relaxed);
    atomic_store_explicit(&page->updates, number, memory_order_release); /* DONE */
}

static void start(struct publisher *publisher, const char *name)
{
    mach_vm_address_t address = 0;
    memory_object_size_t size = vm_page_size;
    kern_return_t got;

    memset(publisher, 0, sizeof(*publisher));
    need("mach_vm_allocate", mach_vm_allocate(mach_task_self(), &address, size, VM_FLAGS_ANYWHERE));
    publisher->page = (struct page *)(uintptr_t)address;
    need("mach_make_memory_entry_64",
         mach_make_memory_entry_64(mach_task_self(), &size, address, VM_PROT_READ, &publisher->entry, MACH_PORT_NULL));
    need("semaphore_create", semaphore_create(mach_task_self(), &publisher->life, SYNC_POLICY_FIFO, 0));
    publisher->page->magic = MAGIC;
    publisher->page->publisher = (uint64_t)getpid();
    update(publisher);

    got = bootstrap_check_in(bootstrap(), name, &publisher->port);
    if (got == BOOTSTRAP_NOT_PRIVILEGED || got == BOOTSTRAP_NAME_IN_USE || got == BOOTSTRAP_SERVICE_ACTIVE)
        fail(name, "the name is taken");
    if (got != KERN_SUCCESS)
        fail(name, bootstrap_strerror(got));
}

static mach_msg_port_descriptor_t right_to(mach_port_t port)
{
    mach_msg_port_descriptor_t right;
    memset(&right, 0, sizeof(right));
    right.name = port;
    right.disposition = MACH_MSG_TYPE_COPY_SEND;
    right.type = MACH_MSG_PORT_DESCRIPTOR;
    return right;
}

/* Anybody may ask, for anything: what is no request is thrown away, and nobody can keep us waiting. */
static void answer(struct publisher *publisher, union message *message)
{
    mach_port_t to = message->header.msgh_remote_port;

    if (message->header.msgh_id != REQUEST || message->header.msgh_size != sizeof(mach_msg_header_t) ||
        MACH_MSGH_BITS_REMOTE(message->header.msgh_bits) != MACH_MSG_TYPE_PORT_SEND_ONCE) {
        mach_msg_destroy(&message->header);
        return;
    }
    memset(message, 0, sizeof(*message));
    message->header.msgh_bits = MACH_MSGH_BITS(MACH_MSG_TYPE_MOVE_SEND_ONCE, 0) | MACH_MSGH_BITS_COMPLEX;
    message->header.msgh_size = sizeof(struct answer);
    message->header.msgh_remote_port = to;
    message->header.msgh_id = ANSWER;
    message->answer.body.msgh_descriptor_count = 2;
    message->answer.page = right_to(publisher->entry);
    message->answer.life = right_to(publisher->life);
    if (mach_msg(&message->header, MACH_SEND_MSG | MACH_SEND_TIMEOUT, sizeof(struct answer), 0, MACH_PORT_NULL, 0,
                 MACH_PORT_NULL) == MACH_MSG_SUCCESS)
        publisher->readers++;
    else
        mach_msg_destroy(&message->header);
}

static void on_signal(int signal)
{
    (void)signal;
    stop = 1;
}

static void stop_on(int signal)
{
    struct sigaction action;
    memset(&action, 0, sizeof(action));
    action.sa_handler = on_signal;
    if (sigaction(signal, &action, NULL) != 0)
        fail("sigaction", strerror(errno));
}

/* Updates and requests in turn: so many updates, then a request if one comes within so many milliseconds. */
static void serve(struct publisher *publisher, int updates, mach_msg_timeout_t milliseconds)
{
    union message message;
    while (!stop) {
        for (int i = 0; i < updates; i++)
            update(publisher);
        memset(&message, 0, sizeof(message));
        if (mach_msg(&message.header, MACH_RCV_MSG | MACH_RCV_TIMEOUT, 0, sizeof(message), publisher->port,
                     milliseconds, MACH_PORT_NULL) == MACH_MSG_SUCCESS)
            answer(publisher, &message);
    }
}

/* ---- a reader ---- */

static int is_right(const mach_msg_port_descriptor_t *right)
{
    return right->type == MACH_MSG_PORT_DESCRIPTOR && right->disposition == MACH_MSG_TYPE_PORT_SEND &&
           MACH_PORT_VALID(right->name);
}

static int is_answer(const union message *message)
{
    return message->header.msgh_id == ANSWER && message->header.msgh_size == sizeof(struct answer) &&
           (message->header.msgh_bits & MACH_MSGH_BITS_COMPLEX) != 0 &&
           message->answer.body.msgh_descriptor_count == 2 && is_right(&message->answer.page) &&
           is_right(&message->answer.life);
}

/* Ask the publisher, whoever that is, for its two rights. */
static void ask(struct reader *reader, const char *name)
{
    mach_port_options_t for_replies = {.flags = MPO_REPLY_PORT}; /* newer kernels ask for it, at the port of a name */
    mach_port_t publisher = MACH_PORT_NULL, reply = MACH_PORT_NULL;
    union message message;
    kern_return_t got = bootstrap_look_up(bootstrap(), name, &publisher);

    if (got == BOOTSTRAP_UNKNOWN_SERVICE)
        fail(name, "nobody publishes under this name");
    if (got != KERN_SUCCESS)
        fail(name, bootstrap_strerror(got));
    need("mach_port_construct", mach_port_construct(mach_task_self(), &for_replies, 0, &reply));
    memset(&message, 0, sizeof(message));
    message.header.msgh_bits = MACH_MSGH_BITS(MACH_MSG_TYPE_COPY_SEND, MACH_MSG_TYPE_MAKE_SEND_ONCE);
    message.header.msgh_size = sizeof(mach_msg_header_t);
    message.header.msgh_remote_port = publisher;
    message.header.msgh_local_port = reply;
    message.header.msgh_id = REQUEST;
    got = mach_msg(&message.header, MACH_SEND_MSG | MACH_SEND_TIMEOUT | MACH_RCV_MSG | MACH_RCV_TIMEOUT,
                   sizeof(mach_msg_header_t), sizeof(message), reply, PATIENCE, MACH_PORT_NULL);
    if (got == MACH_SEND_TIMED_OUT || got == MACH_RCV_TIMED_OUT)
        fail(name, "whoever has this name does not answer");
    if (got == MACH_SEND_INVALID_DEST || (got == MACH_MSG_SUCCESS && message.header.msgh_id == MACH_NOTIFY_SEND_ONCE))
        fail(name, "whoever has this name refuses, or has just ended");
    need(name, got);
    if (!is_answer(&message))
        fail(name, "whoever has this name publishes something else");
    reader->entry = message.answer.page.name;
    reader->life = message.answer.life.name;
    need("mach_port_destruct", mach_port_destruct(mach_task_self(), reply, 0, 0));
    need("mach_port_deallocate", mach_port_deallocate(mach_task_self(), publisher));
}

static kern_return_t map(mach_port_t entry, vm_prot_t current, vm_prot_t maximum, mach_vm_address_t *address)
{
    *address = 0; /* search from the bottom */
    return mach_vm_map(mach_task_self(), address, vm_page_size, 0, VM_FLAGS_ANYWHERE, entry, 0, FALSE, current, maximum,
                       VM_INHERIT_NONE);
}

static void subscribe(struct reader *reader, const char *name)
{
    mach_vm_address_t address;
    memset(reader, 0, sizeof(*reader));
    ask(reader, name);
    need("mach_vm_map", map(reader->entry, VM_PROT_READ, VM_PROT_READ, &address));
    reader->page = (struct page *)(uintptr_t)address;
    if (reader->page->magic != MAGIC)
        fail(name, "whoever has this name publishes something else");
}

/* All values of one update, without a system call. False when they are not: that would be a fault of the publisher, or ours. */
static int snapshot(struct reader *reader, uint64_t values[VALUES])
{
    struct page *page = reader->page;
    uint64_t number = atomic_load_explicit(&page->updates, memory_order_acquire), taken; /* DONE */
    do {
        taken = number;
        for (int i = 0; i < VALUES; i++)
            values[i] = atomic_load_explicit(&page->copies[taken % 2].values[i], memory_order_relaxed);
        atomic_thread_fence(memory_order_acquire); /* AGAIN: having seen a later update's values, we see its number */
        number = atomic_load_explicit(&page->updates, memory_order_acquire); /* DONE, for the next try */
        reader->overtaken += number != taken;
    } while (number != taken);
    return values[UPDATE] == taken && values[CHECK] == check_of(values);
}

/* Pause, unless the publisher ends meanwhile: is it there? */
static int publisher_lives(const struct reader *reader, unsigned seconds)
{
    mach_timespec_t pause = {seconds, 0};
    kern_return_t got = semaphore_timedwait(reader->life, pause);
    if (got == KERN_TERMINATED)
        return 0;
    if (got != KERN_OPERATION_TIMED_OUT && got != KERN_ABORTED) /* nobody is to signal it, but any reader can */
        need("semaphore_timedwait", got);
    return 1;
}

static void print_titles(void)
{
    printf("%-9s %-7s %10s %7s  %-30s  %-19s  %-17s  %s\n", "publisher", "state", "updates", "readers",
           "wall time (UTC)", "monotonic (s)", "load averages", "age (ms)");
}

static void print_values(const struct reader *reader, const uint64_t values[VALUES], int lives)
{
    int64_t age = (int64_t)(now(CLOCK_MONOTONIC) - values[MONOTONIC]);
    time_t seconds = (time_t)(values[WALL] / SECOND);
    struct tm date;
    char day[32] = "?";

    if (gmtime_r(&seconds, &date) != NULL)
        strftime(day, sizeof(day), "%Y-%m-%d %H:%M:%S", &date);
    printf("%-9llu %-7s %10llu %7llu  %s.%09llu  %9llu.%09llu  %5.2f %5.2f %5.2f  %.3f\n",
           (unsigned long long)reader->page->publisher,
           !lives                  ? "gone"
           : age > (int64_t)SECOND ? "late"
                                   : "running",
           (unsigned long long)values[UPDATE], (unsigned long long)values[READERS], day,
           (unsigned long long)(values[WALL] % SECOND), (unsigned long long)(values[MONOTONIC] / SECOND),
           (unsigned long long)(values[MONOTONIC] % SECOND), (double)values[LOAD_1] / 1000,
           (double)values[LOAD_5] / 1000, (double)values[LOAD_15] / 1000, (double)age / 1e6);
}

/* ---- ways to write that must not work ---- */

static int row(const char *what, const char *expected, const char *got)
{
    int differs = strcmp(expected, got) != 0;
    printf("%-58s %-30s %s%s\n", what, expected, got, differs ? "   DIFFERS" : "");
    return differs;
}

static int refusal(const char *what, kern_return_t expected, kern_return_t got)
{
    return row(what, mach_error_string(expected), mach_error_string(got));
}

/* Let the kernel store a byte there: it says EFAULT where our own store would end the process. */
static const char *store_by_kernel(struct page *page)
{
    int pipes[2], refused;
    if (pipe(pipes) != 0 || write(pipes[1], "", 1) != 1)
        fail("pipe", strerror(errno));
    refused = read(pipes[0], page, 1) < 0 ? errno : 0;
    close(pipes[0]);
    close(pipes[1]);
    return strerror(refused);
}

/* How many of them were not refused as they should be. */
static int try_to_write(const struct reader *reader)
{
    const vm_prot_t both = VM_PROT_READ | VM_PROT_WRITE;
    mach_vm_address_t mapped = (mach_vm_address_t)(uintptr_t)reader->page, address;
    memory_object_size_t size = vm_page_size;
    mach_port_t entry = MACH_PORT_NULL;
    int differences = 0;

    printf("%-58s %-30s %s\n", "a reader's way to write", "expected", "got");
    differences += refusal("mach_vm_map of the entry, for reading and writing", KERN_INVALID_RIGHT,
                           map(reader->entry, both, both, &address));
    differences += refusal("mach_vm_map for reading, with writing as the maximum", KERN_INVALID_RIGHT,
                           map(reader->entry, VM_PROT_READ, both, &address));
    differences += refusal("mach_vm_protect of the mapping", KERN_PROTECTION_FAILURE,
                           mach_vm_protect(mach_task_self(), mapped, vm_page_size, FALSE, both));
    differences += refusal("mach_make_memory_entry_64 over the mapping", KERN_PROTECTION_FAILURE,
                           mach_make_memory_entry_64(mach_task_self(), &size, mapped, both, &entry, MACH_PORT_NULL));
    differences += refusal("mach_make_memory_entry_64 from the entry", KERN_PROTECTION_FAILURE,
                           mach_make_memory_entry_64(mach_task_self(), &size, 0, both, &entry, reader->entry));
    differences += row("a store", strerror(EFAULT), store_by_kernel(reader->page));
    return differences;
}

/* ---- all of it at once ---- */

enum { DEMO_READERS = 3, DEMO_SNAPSHOTS = 300000, DEMO_UPDATES = 500, DEMO_LIMIT = 100 };

/* What a reader of the demonstration found. */
struct found {
    uint64_t snapshots, fresh, overtaken, torn, backward, nanoseconds;
};

/* Snapshots enough, of different updates enough, and what is wrong with any of them. */
static struct found read_many(const char *name)
{
    struct reader reader;
    struct found found = {0, 0, 0, 0, 0, 0};
    uint64_t values[VALUES], update = 0, time = 0, began;

    subscribe(&reader, name);
    began = now(CLOCK_MONOTONIC);
    while (found.snapshots < DEMO_SNAPSHOTS || found.fresh < DEMO_UPDATES) {
        found.torn += !snapshot(&reader, values);
        found.snapshots++;
        found.fresh += values[UPDATE] != update;
        found.backward += values[UPDATE] < update || values[MONOTONIC] < time;
        update = values[UPDATE];
        time = values[MONOTONIC];
    }
    found.nanoseconds = now(CLOCK_MONOTONIC) - began;
    found.overtaken = reader.overtaken;
    return found;
}

/* A child that ends well when `life` does, and in any case when the demonstration has taken too long. */
static pid_t fork_child(void (*life)(const char *, int), const char *name, int tell)
{
    pid_t child = fork();
    if (child < 0)
        fail("fork", strerror(errno));
    if (child == 0) {
        alarm(DEMO_LIMIT);
        life(name, tell);
        _exit(EXIT_SUCCESS);
    }
    return child;
}

static int ended_well(pid_t child)
{
    int status = 0;
    return waitpid(child, &status, 0) == child && status == 0;
}

static void demo_publisher(const char *name, int tell)
{
    struct publisher publisher;
    stop_on(SIGTERM);
    start(&publisher, name);
    if (write(tell, "", 1) == 1)
        serve(&publisher, 1000, 0);
}

static void demo_reader(const char *name, int tell)
{
    struct found found = read_many(name);
    if (write(tell, &found, sizeof(found)) != sizeof(found))
        fail("write", strerror(errno));
}

static pid_t start_publisher(const char *name)
{
    char byte;
    int told[2];
    pid_t child;
    if (pipe(told) != 0)
        fail("pipe", strerror(errno));
    child = fork_child(demo_publisher, name, told[1]);
    close(told[1]);
    if (read(told[0], &byte, 1) != 1)
        fail(name, "the publisher did not start");
    close(told[0]);
    return child;
}

/* The readers, all at the same time, and what they found. */
static int run_readers(const char *name)
{
    int told[2], finished = 0, differences = 0;
    pid_t children[DEMO_READERS];
    struct found found;

    if (pipe(told) != 0)
        fail("pipe", strerror(errno));
    for (int i = 0; i < DEMO_READERS; i++)
        children[i] = fork_child(demo_reader, name, told[1]);
    close(told[1]);
    printf("%-6s %10s %15s %10s %6s %9s %8s\n", "reader", "snapshots", "updates seen", "overtaken", "torn", "backward",
           "ns each");
    while (read(told[0], &found, sizeof(found)) == sizeof(found)) {
        printf("%-6d %10llu %15llu %10llu %6llu %9llu %8llu\n", ++finished, (unsigned long long)found.snapshots,
               (unsigned long long)found.fresh, (unsigned long long)found.overtaken, (unsigned long long)found.torn,
               (unsigned long long)found.backward, (unsigned long long)(found.nanoseconds / found.snapshots));
        differences += found.torn != 0 || found.backward != 0;
    }
    close(told[0]);
    for (int i = 0; i < DEMO_READERS; i++)
        differences += !ended_well(children[i]);
    return differences;
}

/* What a reader is left with. */
static int end_publisher(struct reader *reader, const char *name, pid_t publisher)
{
    mach_port_t port = MACH_PORT_NULL;
    uint64_t values[VALUES], update;
    int differences = 0;

    printf("%-58s %-30s %s\n", "the publisher's end", "expected", "got");
    differences += row("before: it is", "running", publisher_lives(reader, 0) ? "running" : "gone");
    differences +=
        row("SIGTERM: it ended", "well", kill(publisher, SIGTERM) == 0 && ended_well(publisher) ? "well" : "badly");
    differences += row("after: it is", "gone", publisher_lives(reader, 0) ? "running" : "gone");
    differences += row("its last values are", "whole", snapshot(reader, values) ? "whole" : "torn");
    update = values[UPDATE];
    differences += row("and stay", "whole", snapshot(reader, values) && values[UPDATE] == update ? "whole" : "torn");
    differences += row("its name is", bootstrap_strerror(BOOTSTRAP_UNKNOWN_SERVICE),
                       bootstrap_strerror(bootstrap_look_up(bootstrap(), name, &port)));
    return differences;
}

static int demo(void)
{
    name_t name; /* with the pid, so that two runs do not meet */
    struct reader reader;
    pid_t publisher;
    int differences;

    setvbuf(stdout, NULL, _IOLBF, BUFSIZ);
    snprintf(name, sizeof(name), "mring.commpage.demo.%ld", (long)getpid());
    publisher = start_publisher(name);
    differences = run_readers(name);
    printf("\n");
    subscribe(&reader, name);
    differences += try_to_write(&reader);
    printf("\n");
    differences += end_publisher(&reader, name, publisher);
    printf("\n%s\n", differences == 0 ? "all as it should be" : "NOT as it should be");
    return differences == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* ---- the command line ---- */

static int publish(const char *name)
{
    struct publisher publisher;
    stop_on(SIGINT);
    stop_on(SIGTERM);
    start(&publisher, name);
    printf("publishing %s, process %ld\n", name, (long)getpid());
    fflush(stdout);
    serve(&publisher, 1, 10);
    printf("ended after %llu updates, %llu readers\n", (unsigned long long)atomic_load(&publisher.page->updates),
           (unsigned long long)publisher.readers);
    return EXIT_SUCCESS;
}

/* So many times, or without end when that is 0; the publisher's end is an end. */
static int read_values(const char *name, unsigned long count)
{
    struct reader reader;
    uint64_t values[VALUES];
    unsigned long printed = 0;
    int lives;

    subscribe(&reader, name);
    print_titles();
    do {
        lives = publisher_lives(&reader, printed == 0 ? 0 : 1); /* before looking: if it is gone, these are the last */
        if (!snapshot(&reader, values))
            fail(name, "the values do not belong together");
        print_values(&reader, values, lives);
        fflush(stdout);
        printed++;
    } while (lives && printed != count);
    if (!lives)
        fail(name, "the publisher is gone; these are its last values");
    return EXIT_SUCCESS;
}

static int try_write(const char *name)
{
    struct reader reader;
    subscribe(&reader, name);
    return try_to_write(&reader) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int usage(void)
{
    fprintf(stderr, "usage: commpage                            a demonstration\n"
                    "       commpage publish [NAME]             until SIGINT or SIGTERM\n"
                    "       commpage read [-n COUNT] [NAME]     the values, once or COUNT times\n"
                    "       commpage watch [NAME]               every second\n"
                    "       commpage try-write [NAME]           what a reader cannot do\n"
                    "NAME is " DEFAULT_NAME " unless given.\n");
    return USAGE;
}

static int nonsense(const char *what, const char *why)
{
    fprintf(stderr, "commpage: %s: %s\n", what, why);
    return USAGE;
}

static int run(int argc, char **argv)
{
    const char *command = argv[1], *name = DEFAULT_NAME, *number = NULL;
    unsigned long count = 1;
    char *end = NULL;

    if (argc == 1)
        return demo();
    argc--;
    argv++;
    for (int option; (option = getopt(argc, argv, "n:")) != -1; number = optarg)
        if (option != 'n' || strcmp(command, "read") != 0)
            return usage();
    if (number != NULL) {
        errno = 0;
        count = strtoul(number, &end, 10);
        if (number[0] < '0' || number[0] > '9' || *end != '\0' || errno != 0 || count == 0)
            return nonsense(number, "not a number of times");
    }
    if (optind < argc)
        name = argv[optind++];
    if (optind < argc)
        return usage();
    if (name[0] == '\0' || strlen(name) >= BOOTSTRAP_MAX_NAME_LEN)
        return nonsense(name, "not a name of 1 to 127 bytes");

    if (strcmp(command, "publish") == 0)
        return publish(name);
    if (strcmp(command, "read") == 0)
        return read_values(name, count);
    if (strcmp(command, "watch") == 0)
        return read_values(name, 0);
    if (strcmp(command, "try-write") == 0)
        return try_write(name);
    return usage();
}

int main(int argc, char **argv)
{
    int status = run(argc, argv);
    if (fflush(stdout) != 0 || ferror(stdout))
        fail("standard output", strerror(errno));
    return status;
}
