/*
 * sharing: memory, a semaphore and their names by Mach's calls alone, step by step as in the article "Sharing memory using
 * Mach part of OS X" (2012), and what each process then sees.
 *
 *   article   A parent allocates memory, makes a memory entry of it and a semaphore, names both through the bootstrap server
 *             and forks. The child looks both up and maps the entry. It now has the page twice: at p, inherited by fork, so
 *             copy on write; at q, shared. It writes to both and signals; the parent sees only what was written to q.
 *   late      The other way round: what the parent writes after the fork shows at the child's q, and p stays as it was at the
 *             fork.
 *   share     With VM_INHERIT_SHARE on the memory before the fork, p and q are one memory, and all views agree.
 *   update    The article's update: mach_vm_map searches upward from the address it is given, so one that was never
 *             initialised may leave no room above it: KERN_NO_SPACE. mach_vm_allocate ignores it.
 *
 * Prints a line for each thing looked at, with what the article expects and what was found, and exits non-zero if any two
 * differ. There is nothing in it but Apple's calls: the same file builds on macOS, and on Linux with mring-mach.
 *
 *     cc sharing.c $(pkg-config --cflags --libs mring-mach) -o sharing && ./sharing        # Linux
 *     cc sharing.c -o sharing && ./sharing                                                 # macOS
 */
#include <mach/mach.h>
#include <mach/mach_vm.h>
#include <servers/bootstrap.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/*
 * The article names ports with bootstrap_register, which still works though Apple has long advised against it. On macOS these names stay, with the
 * memory, until the user logs out: the ports are the kernel's, and do not end with the process. commpage.c shows the way that does, a
 * port of its own that hands out the rights.
 */
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"

enum { PATIENCE = 10 }; /* seconds until a peer that does not signal is given up */

/* What is set up before a fork. The addresses are good in the child too; the port names are not, so it goes by `name`s. */
struct shared {
    mach_vm_address_t p;
    mach_vm_size_t size;
    mach_port_t entry;
    semaphore_t child_wrote;
    semaphore_t parent_wrote;
    name_t entry_name;
    name_t child_wrote_name;
    name_t parent_wrote_name;
};

/* What the child finds under those names. */
struct found {
    mach_vm_address_t q;
    semaphore_t child_wrote;
    semaphore_t parent_wrote;
};

static int differences;

static void row(const char *who, const char *what, const char *expected, const char *got)
{
    int same = strcmp(expected, got) == 0;
    printf("%-7s %-46s %-30s %s%s\n", who, what, expected, got, same ? "" : "   DIFFERS");
    differences += !same;
}

static void result_row(const char *who, const char *what, kern_return_t expected, kern_return_t got)
{
    row(who, what, mach_error_string(expected),
        got >= BOOTSTRAP_NOT_PRIVILEGED && got <= BOOTSTRAP_NO_CHILDREN ? bootstrap_strerror(got)
                                                                        : mach_error_string(got));
}

static void address_row(const char *who, const char *what, mach_vm_address_t expected, mach_vm_address_t got)
{
    char texts[2][32];
    snprintf(texts[0], sizeof(texts[0]), "0x%llx", (unsigned long long)expected);
    snprintf(texts[1], sizeof(texts[1]), "0x%llx", (unsigned long long)got);
    row(who, what, texts[0], texts[1]);
}

/* Without this call having worked there is nothing to compare. */
static void need(const char *what, kern_return_t got)
{
    if (got == KERN_SUCCESS)
        return;
    fprintf(stderr, "sharing: %s: %s (%d)\n", what, mach_error_string(got), got);
    exit(EXIT_FAILURE);
}

static char *at(mach_vm_address_t address)
{
    return (char *)(uintptr_t)address;
}

static void title(const char *text)
{
    printf("\n%s\n%-7s %-46s %-30s %s\n", text, "who", "what", "expected", "got");
}

/* Wait, but not for ever for a peer that has died; a signal handler may end a wait early, with KERN_ABORTED. */
static kern_return_t await(semaphore_t semaphore)
{
    mach_timespec_t patience = {PATIENCE, 0};
    kern_return_t got;
    do {
        got = semaphore_timedwait(semaphore, patience);
    } while (got == KERN_ABORTED);
    return got;
}

static mach_port_t bootstrap(void)
{
    mach_port_t port = MACH_PORT_NULL;
    need("task_get_special_port", task_get_special_port(mach_task_self(), TASK_BOOTSTRAP_PORT, &port));
    return port;
}

/* Steps 1 to 4, in the parent. The names hold the pid, so that two runs do not meet, and the scene's name. */
static void set_up(struct shared *shared, const char *scene, vm_inherit_t inheritance)
{
    mach_port_t names = bootstrap();
    memory_object_size_t covered;

    memset(shared, 0, sizeof(*shared));
    shared->size = vm_page_size;
    result_row("parent", "mach_vm_allocate", KERN_SUCCESS,
               mach_vm_allocate(mach_task_self(), &shared->p, shared->size, VM_FLAGS_ANYWHERE));
    if (inheritance != VM_INHERIT_DEFAULT)
        result_row("parent", "mach_vm_inherit", KERN_SUCCESS,
                   mach_vm_inherit(mach_task_self(), shared->p, shared->size, inheritance));
    if (shared->p == 0)
        exit(EXIT_FAILURE);
    strcpy(at(shared->p), "before");

    /* The entry may cover less than was asked for, with success: look at the size that comes back. */
    covered = shared->size;
    result_row("parent", "mach_make_memory_entry_64", KERN_SUCCESS,
               mach_make_memory_entry_64(mach_task_self(), &covered, shared->p, VM_PROT_READ | VM_PROT_WRITE,
                                         &shared->entry, MACH_PORT_NULL));
    address_row("parent", "size that the entry covers", shared->size, covered);

    result_row("parent", "semaphore_create", KERN_SUCCESS,
               semaphore_create(mach_task_self(), &shared->child_wrote, SYNC_POLICY_FIFO, 0));
    need("semaphore_create", semaphore_create(mach_task_self(), &shared->parent_wrote, SYNC_POLICY_FIFO, 0));

    snprintf(shared->entry_name, sizeof(name_t), "mring.sharing.%ld.%s.memory", (long)getpid(), scene);
    snprintf(shared->child_wrote_name, sizeof(name_t), "mring.sharing.%ld.%s.child", (long)getpid(), scene);
    snprintf(shared->parent_wrote_name, sizeof(name_t), "mring.sharing.%ld.%s.parent", (long)getpid(), scene);
    result_row("parent", "bootstrap_register: memory", KERN_SUCCESS,
               bootstrap_register(names, shared->entry_name, shared->entry));
    result_row("parent", "bootstrap_register: semaphore", KERN_SUCCESS,
               bootstrap_register(names, shared->child_wrote_name, shared->child_wrote));
    need("bootstrap_register", bootstrap_register(names, shared->parent_wrote_name, shared->parent_wrote));
}

/* Map the entry at or above *address; both see what either writes. */
static kern_return_t map_anywhere(mach_port_t entry, mach_vm_size_t size, mach_vm_address_t *address)
{
    return mach_vm_map(mach_task_self(), address, size, 0, VM_FLAGS_ANYWHERE, entry, 0, FALSE,
                       VM_PROT_READ | VM_PROT_WRITE, VM_PROT_READ | VM_PROT_WRITE, VM_INHERIT_NONE);
}

/* Steps 5 to 7, in the child. */
static void find(struct found *found, struct shared *shared)
{
    mach_port_t names = bootstrap(), entry = MACH_PORT_NULL;

    memset(found, 0, sizeof(*found));
    /* As a rule KERN_INVALID_NAME; but the number may be the name of something else by now. */
    row("child", "semaphore_signal, by the name from before fork", "refused",
        semaphore_signal(shared->child_wrote) == KERN_SUCCESS ? "done" : "refused");
    result_row("child", "bootstrap_look_up: memory", KERN_SUCCESS,
               bootstrap_look_up(names, shared->entry_name, &entry));
    result_row("child", "bootstrap_look_up: semaphore", KERN_SUCCESS,
               bootstrap_look_up(names, shared->child_wrote_name, &found->child_wrote));
    need("bootstrap_look_up", bootstrap_look_up(names, shared->parent_wrote_name, &found->parent_wrote));

    /* q must hold an address to search from, as the last scene shows: 0 is anywhere. */
    found->q = 0;
    result_row("child", "mach_vm_map", KERN_SUCCESS, map_anywhere(entry, shared->size, &found->q));
    if (found->q == 0)
        exit(EXIT_FAILURE);
    row("child", "q is", "elsewhere", found->q != shared->p ? "elsewhere" : "where p is");
    row("child", "p reads", "before", at(shared->p));
    row("child", "q reads", "before", at(found->q));
}

static void tear_down(struct shared *shared)
{
    need("semaphore_destroy", semaphore_destroy(mach_task_self(), shared->child_wrote));
    need("semaphore_destroy", semaphore_destroy(mach_task_self(), shared->parent_wrote));
    need("mach_port_deallocate", mach_port_deallocate(mach_task_self(), shared->entry));
    need("mach_vm_deallocate", mach_vm_deallocate(mach_task_self(), shared->p, shared->size));
}

/* The child's rows are counted in the child: its status tells whether they were all as expected. */
static pid_t fork_child(struct shared *shared, void (*scene)(struct shared *, struct found *))
{
    struct found found;
    pid_t child = fork();
    if (child < 0) {
        perror("sharing: fork");
        exit(EXIT_FAILURE);
    }
    if (child == 0) {
        differences = 0;
        find(&found, shared);
        scene(shared, &found);
        fflush(stdout);
        _exit(differences == 0 ? EXIT_SUCCESS : EXIT_FAILURE);
    }
    return child;
}

static void reap(pid_t child)
{
    int status = 0;
    row("parent", "the child ended", "well",
        waitpid(child, &status, 0) == child && status == EXIT_SUCCESS ? "well" : "badly");
}

static void child_writes_both(struct shared *shared, struct found *found)
{
    strcpy(at(shared->p), "copy");
    strcpy(at(found->q), "shared");
    row("child", "after writing \"copy\" to p, p reads", "copy", at(shared->p));
    row("child", "after writing \"shared\" to q, q reads", "shared", at(found->q));
    result_row("child", "semaphore_signal", KERN_SUCCESS, semaphore_signal(found->child_wrote));
}

static void article(void)
{
    struct shared shared;
    pid_t child;

    title("article: the child writes to both");
    set_up(&shared, "article", VM_INHERIT_DEFAULT);
    child = fork_child(&shared, child_writes_both);
    result_row("parent", "semaphore_wait", KERN_SUCCESS, await(shared.child_wrote));
    reap(child);
    row("parent", "p reads", "shared", at(shared.p));
    tear_down(&shared);
}

static void child_reads_late(struct shared *shared, struct found *found)
{
    result_row("child", "semaphore_signal: all is mapped", KERN_SUCCESS, semaphore_signal(found->child_wrote));
    result_row("child", "semaphore_wait: the parent has written", KERN_SUCCESS, await(found->parent_wrote));
    row("child", "p reads", "before", at(shared->p));
    row("child", "q reads", "after", at(found->q));
}

static void late(void)
{
    struct shared shared;
    pid_t child;

    title("late: the parent writes \"after\" to p, after the fork");
    set_up(&shared, "late", VM_INHERIT_DEFAULT);
    child = fork_child(&shared, child_reads_late);
    result_row("parent", "semaphore_wait", KERN_SUCCESS, await(shared.child_wrote));
    strcpy(at(shared.p), "after");
    result_row("parent", "semaphore_signal", KERN_SUCCESS, semaphore_signal(shared.parent_wrote));
    reap(child);
    tear_down(&shared);
}

static void child_writes_one(struct shared *shared, struct found *found)
{
    strcpy(at(shared->p), "through p");
    row("child", "after writing \"through p\" to p, q reads", "through p", at(found->q));
    strcpy(at(found->q), "through q");
    row("child", "after writing \"through q\" to q, p reads", "through q", at(shared->p));
    result_row("child", "semaphore_signal", KERN_SUCCESS, semaphore_signal(found->child_wrote));
}

static void share(void)
{
    struct shared shared;
    pid_t child;

    title("share: the memory is inherited with VM_INHERIT_SHARE");
    set_up(&shared, "share", VM_INHERIT_SHARE);
    child = fork_child(&shared, child_writes_one);
    result_row("parent", "semaphore_wait", KERN_SUCCESS, await(shared.child_wrote));
    reap(child);
    row("parent", "p reads", "through q", at(shared.p));
    tear_down(&shared);
}

static void update(void)
{
    const mach_vm_address_t garbage = 0xfffffffffffff000; /* as a variable that nobody set may hold */
    mach_vm_address_t q = garbage;
    memory_object_size_t size = vm_page_size;
    mach_port_t entry = MACH_PORT_NULL;

    title("update: an address that was not initialised");
    need("mach_make_memory_entry_64",
         mach_make_memory_entry_64(mach_task_self(), &size, 0, MAP_MEM_NAMED_CREATE | VM_PROT_READ | VM_PROT_WRITE,
                                   &entry, MACH_PORT_NULL));
    result_row("parent", "mach_vm_map, upward from a huge q", KERN_NO_SPACE, map_anywhere(entry, size, &q));
    address_row("parent", "q", garbage, q);
    result_row("parent", "mach_vm_allocate, which ignores a huge q", KERN_SUCCESS,
               mach_vm_allocate(mach_task_self(), &q, size, VM_FLAGS_ANYWHERE));
    need("mach_vm_deallocate", mach_vm_deallocate(mach_task_self(), q, size));
    q = 0;
    result_row("parent", "mach_vm_map, upward from 0", KERN_SUCCESS, map_anywhere(entry, size, &q));
    need("mach_vm_deallocate", mach_vm_deallocate(mach_task_self(), q, size));
    need("mach_port_deallocate", mach_port_deallocate(mach_task_self(), entry));
}

int main(void)
{
    setvbuf(stdout, NULL, _IOLBF, BUFSIZ); /* whole lines, in the order in which the processes print them */
    article();
    late();
    share();
    update();
    printf("\n%s\n", differences == 0 ? "all as the article says" : "NOT as the article says");
    return differences == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
