/*
 * inherit: what a fork does with memory, by Mach's inheritance rules: what a parent, its child and its grandchild read of one
 * region, for each rule and each way to come by memory.
 *
 *   NONE    The child has a hole there, and so have all its descendants.
 *   SHARE   One memory, for all generations: everybody sees what anybody writes, whenever.
 *   COPY    The child has a snapshot as of the fork, also where the region is shared memory, such as one mapped from a memory
 *           entry: a rule says what the child gets, not what the parent has.
 *
 * A rule belongs to a page, not to an allocation, and a child inherits the rule with the page; it may change it for children
 * of its own. Unless told, an allocation and a private mmap are COPY, a shared mmap is SHARE.
 *
 * Each region starts with five bytes, all '.', and each step puts a letter in a place of its own, so that the bytes a process
 * reads in the end tell which steps reached it:
 *
 *   p....   the parent wrote, and then forked
 *   .P...   the parent wrote after its fork, before the child touched anything
 *   ..c..   the child wrote, and then forked
 *   ...C.   the child wrote after its fork, before the grandchild touched anything
 *   ....G   the grandchild wrote
 *
 * Everything is read after the last step. A page that may be absent is read by write(2), from the page to a pipe, which fails
 * with EFAULT where a load would end the process.
 *
 * Prints what was read and what was expected for each region, and exits non-zero if any two differ. There is nothing in it but
 * Apple's calls: the same file builds on macOS, and on Linux with mring-mach.
 *
 *     cc inherit.c $(pkg-config --cflags --libs mring-mach) -o inherit && ./inherit        # Linux
 *     cc inherit.c -o inherit && ./inherit                                                 # macOS
 */
#include <errno.h>
#include <mach/mach.h>
#include <mach/mach_vm.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define NOTHING "....."

enum { LETTERS = sizeof(NOTHING) - 1, TEXT = 8 };

enum { PARENT, CHILD, GRANDCHILD, GENERATIONS };

enum origin {
    ALLOCATED,    /* mach_vm_allocate */
    MAPPED,       /* mach_vm_map of a memory entry, with the rule as its argument */
    MMAP_PRIVATE, /* mmap */
    MMAP_SHARED,
    PAGE_1, /* of one mach_vm_allocate of three pages */
    PAGE_2, /* the one behind that of the row before */
    PAGE_3
};

static const char *const origins[] = {"allocated",      "mapped from an entry", "mmap, private", "mmap, shared",
                                      "three pages, 1", "three pages, 2",       "three pages, 3"};

/* A rule to set, or to set none. */
enum rule { SHARE = VM_INHERIT_SHARE, COPY = VM_INHERIT_COPY, NONE = VM_INHERIT_NONE, UNTOLD = -1 };

/* A region, the rule that the parent sets for it and the one that the child sets, and what must be read there. */
static const struct row {
    enum origin origin;
    enum rule by_parent;
    enum rule by_child;
    const char *expected[GENERATIONS];
} rows[] = {
    {ALLOCATED, NONE, UNTOLD, {"pP...", "absent", "absent"}},
    {ALLOCATED, SHARE, UNTOLD, {"pPcCG", "pPcCG", "pPcCG"}},
    {ALLOCATED, COPY, UNTOLD, {"pP...", "p.cC.", "p.c.G"}},
    {ALLOCATED, UNTOLD, UNTOLD, {"pP...", "p.cC.", "p.c.G"}},
    {MAPPED, NONE, UNTOLD, {"pP...", "absent", "absent"}},
    {MAPPED, SHARE, UNTOLD, {"pPcCG", "pPcCG", "pPcCG"}},
    {MAPPED, COPY, UNTOLD, {"pP...", "p.cC.", "p.c.G"}},
    {MMAP_PRIVATE, NONE, UNTOLD, {"pP...", "absent", "absent"}},
    {MMAP_PRIVATE, SHARE, UNTOLD, {"pPcCG", "pPcCG", "pPcCG"}},
    {MMAP_PRIVATE, COPY, UNTOLD, {"pP...", "p.cC.", "p.c.G"}},
    {MMAP_PRIVATE, UNTOLD, UNTOLD, {"pP...", "p.cC.", "p.c.G"}},
    {MMAP_SHARED, NONE, UNTOLD, {"pP...", "absent", "absent"}},
    {MMAP_SHARED, SHARE, UNTOLD, {"pPcCG", "pPcCG", "pPcCG"}},
    {MMAP_SHARED, COPY, UNTOLD, {"pP...", "p.cC.", "p.c.G"}},
    {MMAP_SHARED, UNTOLD, UNTOLD, {"pPcCG", "pPcCG", "pPcCG"}},
    {PAGE_1, NONE, UNTOLD, {"pP...", "absent", "absent"}},
    {PAGE_2, SHARE, UNTOLD, {"pPcCG", "pPcCG", "pPcCG"}},
    {PAGE_3, COPY, UNTOLD, {"pP...", "p.cC.", "p.c.G"}},
    {ALLOCATED, SHARE, NONE, {"pPcC.", "pPcC.", "absent"}},
    {ALLOCATED, SHARE, COPY, {"pPcC.", "pPcC.", "pPc.G"}},
    {ALLOCATED, COPY, NONE, {"pP...", "p.cC.", "absent"}},
    {ALLOCATED, COPY, SHARE, {"pP...", "p.cCG", "p.cCG"}},
    {MAPPED, SHARE, NONE, {"pPcC.", "pPcC.", "absent"}},
    {MAPPED, SHARE, COPY, {"pPcC.", "pPcC.", "pPc.G"}},
    {MAPPED, COPY, NONE, {"pP...", "p.cC.", "absent"}},
    {MAPPED, COPY, SHARE, {"pP...", "p.cCG", "p.cCG"}},
};

enum { ROWS = sizeof(rows) / sizeof(rows[0]) };

/* What one process reads. It goes through a pipe in one piece. */
struct report {
    char read[ROWS][TEXT];
};

static mach_vm_address_t regions[ROWS]; /* the same addresses in all generations */
static int probe[2];                    /* a pipe that a process writes to itself */

static void fail(const char *what)
{
    fprintf(stderr, "inherit: %s: %s\n", what, strerror(errno));
    exit(EXIT_FAILURE);
}

/* Without this call having worked there is nothing to compare. */
static void need(const char *what, kern_return_t got)
{
    if (got == KERN_SUCCESS)
        return;
    fprintf(stderr, "inherit: %s: %s (%d)\n", what, mach_error_string(got), got);
    exit(EXIT_FAILURE);
}

static const char *name_of(enum rule rule)
{
    switch (rule) {
    case SHARE:
        return "SHARE";
    case COPY:
        return "COPY";
    case NONE:
        return "NONE";
    case UNTOLD:
        return "-";
    }
    return "?";
}

static char *at(mach_vm_address_t address)
{
    return (char *)(uintptr_t)address;
}

static void set_rule(mach_vm_address_t address, enum rule rule)
{
    if (rule != UNTOLD)
        need("mach_vm_inherit", mach_vm_inherit(mach_task_self(), address, vm_page_size, (vm_inherit_t)rule));
}

static mach_vm_address_t allocate(mach_vm_size_t pages)
{
    mach_vm_address_t address = 0;
    need("mach_vm_allocate", mach_vm_allocate(mach_task_self(), &address, pages * vm_page_size, VM_FLAGS_ANYWHERE));
    return address;
}

static mach_vm_address_t map_entry(enum rule rule)
{
    memory_object_size_t size = vm_page_size;
    mach_vm_address_t address = 0;
    mach_port_t entry = MACH_PORT_NULL;
    need("mach_make_memory_entry_64",
         mach_make_memory_entry_64(mach_task_self(), &size, 0, MAP_MEM_NAMED_CREATE | VM_PROT_READ | VM_PROT_WRITE,
                                   &entry, MACH_PORT_NULL));
    need("mach_vm_map", mach_vm_map(mach_task_self(), &address, size, 0, VM_FLAGS_ANYWHERE, entry, 0, FALSE,
                                    VM_PROT_READ | VM_PROT_WRITE, VM_PROT_READ | VM_PROT_WRITE, (vm_inherit_t)rule));
    need("mach_port_deallocate", mach_port_deallocate(mach_task_self(), entry)); /* the mapping stays */
    return address;
}

static mach_vm_address_t map_by_mmap(int kind)
{
    void *address = mmap(NULL, vm_page_size, PROT_READ | PROT_WRITE, kind | MAP_ANON, -1, 0);
    if (address == MAP_FAILED)
        fail("mmap");
    return (mach_vm_address_t)(uintptr_t)address;
}

static mach_vm_address_t region_of(enum origin origin, enum rule rule, mach_vm_address_t before)
{
    switch (origin) {
    case ALLOCATED:
        return allocate(1);
    case MAPPED:
        return map_entry(rule);
    case MMAP_PRIVATE:
        return map_by_mmap(MAP_PRIVATE);
    case MMAP_SHARED:
        return map_by_mmap(MAP_SHARED);
    case PAGE_1:
        return allocate(3);
    case PAGE_2:
    case PAGE_3:
        return before + vm_page_size;
    }
    return 0;
}

static void set_up(void)
{
    if (pipe(probe) != 0)
        fail("pipe");
    for (int i = 0; i < ROWS; i++) {
        regions[i] = region_of(rows[i].origin, rows[i].by_parent, i > 0 ? regions[i - 1] : 0);
        if (rows[i].origin != MAPPED)
            set_rule(regions[i], rows[i].by_parent);
        memcpy(at(regions[i]), NOTHING, LETTERS);
    }
}

/* What is at an address, or that nothing is. */
static void look(mach_vm_address_t address, char text[TEXT])
{
    ssize_t written = write(probe[1], at(address), LETTERS);
    memset(text, 0, TEXT);
    if (written < 0 && errno == EFAULT)
        strcpy(text, "absent");
    else if (written != LETTERS || read(probe[0], text, LETTERS) != LETTERS)
        fail("the pipe to look through");
}

/* One step: a letter in its place, in every region that this process has. */
static void write_letter(char letter)
{
    static const char letters[] = "pPcCG";
    char text[TEXT];
    for (int i = 0; i < ROWS; i++) {
        look(regions[i], text);
        if (strcmp(text, "absent") != 0)
            at(regions[i])[strchr(letters, letter) - letters] = letter;
    }
}

static void send_report(int reports)
{
    struct report report;
    for (int i = 0; i < ROWS; i++)
        look(regions[i], report.read[i]);
    if (write(reports, &report, sizeof(report)) != sizeof(report))
        fail("write");
}

/* Fork a process that starts with `life` when the caller writes to *go; if the caller dies before that, it ends. */
static pid_t fork_waiting(int *go, void (*life)(int), int reports)
{
    char byte;
    int pipes[2];
    pid_t process;
    if (pipe(pipes) != 0)
        fail("pipe");
    process = fork();
    if (process < 0)
        fail("fork");
    if (process == 0) {
        close(pipes[1]);
        if (read(pipes[0], &byte, 1) != 1)
            _exit(EXIT_FAILURE);
        life(reports);
        _exit(EXIT_SUCCESS);
    }
    close(pipes[0]);
    *go = pipes[1];
    return process;
}

/* Let it go on, and wait for its end. */
static void release(int go, pid_t process, const char *who)
{
    int status = 0;
    if (write(go, "", 1) != 1)
        fail(who);
    close(go);
    if (waitpid(process, &status, 0) != process)
        fail("waitpid");
    if (status != 0) {
        fprintf(stderr, "inherit: the %s failed\n", who);
        exit(EXIT_FAILURE);
    }
}

static void grandchild(int reports)
{
    write_letter('G');
    send_report(reports);
}

static void child(int reports)
{
    int go;
    pid_t process;
    for (int i = 0; i < ROWS; i++)
        set_rule(regions[i], rows[i].by_child);
    write_letter('c');
    process = fork_waiting(&go, grandchild, reports);
    write_letter('C');
    release(go, process, "grandchild");
    send_report(reports);
}

/* The three of them, one step after the other. */
static void run(struct report seen[GENERATIONS])
{
    static const int order[GENERATIONS] = {GRANDCHILD, CHILD, PARENT};
    int go, reports[2];
    pid_t process;
    if (pipe(reports) != 0)
        fail("pipe");
    write_letter('p');
    process = fork_waiting(&go, child, reports[1]);
    write_letter('P');
    release(go, process, "child");
    send_report(reports[1]);
    for (int i = 0; i < GENERATIONS; i++)
        if (read(reports[0], &seen[order[i]], sizeof(struct report)) != sizeof(struct report))
            fail("read");
}

/* Print it, and count the rows that are not as expected. */
static int judge(struct report seen[GENERATIONS])
{
    int differences = 0;
    printf("%-42s %-28s %s\n", "", "read", "expected");
    printf("%-21s %-7s %-12s %-8s %-8s %-11s %-8s %-8s %s\n", "region", "rule", "child's rule", "parent", "child",
           "grandchild", "parent", "child", "grandchild");
    for (int i = 0; i < ROWS; i++) {
        int same = 1;
        printf("%-21s %-7s %-12s", origins[rows[i].origin], name_of(rows[i].by_parent), name_of(rows[i].by_child));
        for (int who = 0; who < GENERATIONS; who++) {
            same &= strcmp(seen[who].read[i], rows[i].expected[who]) == 0;
            printf(" %-*s", who == GRANDCHILD ? 11 : 8, seen[who].read[i]);
        }
        for (int who = 0; who < GENERATIONS; who++)
            printf(" %-*s", who == GRANDCHILD ? 0 : 8, rows[i].expected[who]);
        printf("%s\n", same ? "" : "   DIFFERS");
        differences += !same;
    }
    printf("\n%s\n", differences == 0 ? "all as the rules say" : "NOT as the rules say");
    return differences;
}

int main(void)
{
    static struct report seen[GENERATIONS];
    set_up();
    run(seen);
    return judge(seen) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
