/* Scenarios of memory shared by several tasks: S1, S2, S6, S7, S9, S11. */
#include "mach/conformance/conformance.h"
#include "mach/semas.h"

#include <fcntl.h>
#include <mach/mring_mach.h>
#include <sched.h>
#include <servers/bootstrap.h>
#include <sys/mman.h>

#define CASES(X)                                                                                                       \
    X(S1, "the article: memory and a semaphore, found by name in a forked child")                                      \
    X(S2, "its update: an address that was never set")                                                                 \
    X(S6, "three generations")                                                                                         \
    X(S7, "a ring of one producer and one consumer, and its producer's death")                                         \
    X(S9, "a consumer that may only read")                                                                             \
    X(S11, "forks while threads write")

CASES(CONFORMANCE_DECLARE)

const struct conformance_case scenarios_memory[] = {CASES(CONFORMANCE_ROW){NULL, NULL, NULL}};

static kern_return_t wait_for(semaphore_t semaphore)
{
    kern_return_t kr;

    do
        kr = semaphore_timedwait(semaphore, semas_patience);
    while (kr == KERN_ABORTED);
    return kr;
}

static bool reads(uint64_t address, const char *text)
{
    return strcmp((const char *)(uintptr_t)address, text) == 0;
}

static void put(uint64_t address, const char *text)
{
    strcpy((char *)(uintptr_t)address, text);
}

/* ---- S1, S2: the article ---- */

/* What the parent sets up. The child has the address, but of the ports only their names at the bootstrap server. */
struct article {
    uint64_t p;
    mach_port_t entry;
    semaphore_t child_did, parent_did;
    name_t entry_name, child_did_name, parent_did_name;
    void (*child)(const struct article *article, uint64_t q, semaphore_t child_did, semaphore_t parent_did);
};

static void set_up(struct article *article)
{
    mach_port_t bootstrap = MACH_PORT_NULL;
    memory_object_size_t size = PAGE;

    GIVES(KERN_SUCCESS, mach_vm_allocate(SELF, &article->p, PAGE, VM_FLAGS_ANYWHERE));
    put(article->p, "before");
    GIVES(KERN_SUCCESS, mach_make_memory_entry_64(SELF, &size, article->p, RW, &article->entry, MACH_PORT_NULL));
    HOLDS("an entry of one page", size == PAGE);
    GIVES(KERN_SUCCESS, semaphore_create(SELF, &article->child_did, SYNC_POLICY_FIFO, 0));
    GIVES(KERN_SUCCESS, semaphore_create(SELF, &article->parent_did, SYNC_POLICY_FIFO, 0));
    GIVES(KERN_SUCCESS, task_get_special_port(SELF, TASK_BOOTSTRAP_PORT, &bootstrap));
    strcpy(article->entry_name, fresh_name("entry"));
    strcpy(article->child_did_name, fresh_name("child"));
    strcpy(article->parent_did_name, fresh_name("parent"));
    GIVES(BOOTSTRAP_SUCCESS, bootstrap_register(bootstrap, article->entry_name, article->entry));
    GIVES(BOOTSTRAP_SUCCESS, bootstrap_register(bootstrap, article->child_did_name, article->child_did));
    GIVES(BOOTSTRAP_SUCCESS, bootstrap_register(bootstrap, article->parent_did_name, article->parent_did));
}

static int article_child(void *context)
{
    const struct article *article = context;
    mach_port_t bootstrap = MACH_PORT_NULL, entry = MACH_PORT_NULL;
    semaphore_t child_did = MACH_PORT_NULL, parent_did = MACH_PORT_NULL;
    mach_vm_address_t q = 0;

    GIVES(KERN_INVALID_NAME, semaphore_signal(article->child_did));
    GIVES(KERN_SUCCESS, task_get_special_port(SELF, TASK_BOOTSTRAP_PORT, &bootstrap));
    GIVES(BOOTSTRAP_SUCCESS, bootstrap_look_up(bootstrap, article->entry_name, &entry));
    GIVES(BOOTSTRAP_SUCCESS, bootstrap_look_up(bootstrap, article->child_did_name, &child_did));
    GIVES(BOOTSTRAP_SUCCESS, bootstrap_look_up(bootstrap, article->parent_did_name, &parent_did));
    GIVES(KERN_SUCCESS, mach_vm_map(SELF, &q, PAGE, 0, VM_FLAGS_ANYWHERE, entry, 0, FALSE, RW, RW, VM_INHERIT_NONE));
    article->child(article, q, child_did, parent_did);
    return 0;
}

static pid_t start_child(struct article *article,
                         void (*child)(const struct article *, uint64_t, semaphore_t, semaphore_t))
{
    article->child = child;
    return child_start(article_child, article);
}

static void article_end(const struct article *article, pid_t child)
{
    HOLDS("the child ends well", child_end(child) == 0);
    GIVES(KERN_SUCCESS, semaphore_destroy(SELF, article->child_did));
    GIVES(KERN_SUCCESS, semaphore_destroy(SELF, article->parent_did));
    GIVES(KERN_SUCCESS, drop(article->entry));
}

static void write_both(const struct article *article, uint64_t q, semaphore_t child_did, semaphore_t parent_did)
{
    (void)parent_did;
    HOLDS("another address", q != article->p);
    HOLDS("both read what was before", reads(article->p, "before") && reads(q, "before"));
    put(article->p, "copy");
    put(q, "shared");
    HOLDS("the two differ", reads(article->p, "copy") && reads(q, "shared"));
    GIVES(KERN_SUCCESS, semaphore_signal(child_did));
}

/* What the parent writes after the fork: here a mapping made private would follow. */
static void look_late(const struct article *article, uint64_t q, semaphore_t child_did, semaphore_t parent_did)
{
    (void)child_did;
    GIVES(KERN_SUCCESS, wait_for(parent_did));
    HOLDS("p is as at the fork", reads(article->p, "before"));
    HOLDS("q is as the parent wrote", reads(q, "P2"));
}

static void write_one(const struct article *article, uint64_t q, semaphore_t child_did, semaphore_t parent_did)
{
    (void)parent_did;
    put(q, "one");
    HOLDS("p and q are one memory", reads(article->p, "one"));
    GIVES(KERN_SUCCESS, semaphore_signal(child_did));
}

static void read_it(const struct article *article, uint64_t q, semaphore_t child_did, semaphore_t parent_did)
{
    (void)article, (void)child_did, (void)parent_did;
    HOLDS("q reads what was before", reads(q, "before"));
}

static void case_S1(void)
{
    struct article first = {0}, late = {0}, shared = {0}, gone = {0};

    set_up(&first);
    pid_t child = start_child(&first, write_both);
    GIVES(KERN_SUCCESS, wait_for(first.child_did));
    HOLDS("the parent reads what went to q", reads(first.p, "shared"));
    article_end(&first, child);

    set_up(&late);
    child = start_child(&late, look_late);
    put(late.p, "P2");
    GIVES(KERN_SUCCESS, semaphore_signal(late.parent_did));
    article_end(&late, child);

    set_up(&shared);
    GIVES(KERN_SUCCESS, set_inherit(shared.p, 1, VM_INHERIT_SHARE));
    child = start_child(&shared, write_one);
    GIVES(KERN_SUCCESS, wait_for(shared.child_did));
    HOLDS("all views agree", reads(shared.p, "one"));
    article_end(&shared, child);

    set_up(&gone);
    GIVES(KERN_SUCCESS, release(gone.p, 1));
    article_end(&gone, start_child(&gone, read_it));
}

static void case_S2(void)
{
    mach_port_t entry = fresh_entry(1, RW), none = MACH_PORT_NULL;
    uint64_t address = 0xfffffffffffff000;
    mach_vm_address_t hint = address;

    GIVES(KERN_NO_SPACE, map_at(&address, VM_FLAGS_ANYWHERE, entry, 0, PAGE, FALSE, RW, RW, VM_INHERIT_NONE));
    HOLDS("q untouched", address == 0xfffffffffffff000);
    address = 0x123456789abc;
    GIVES(KERN_SUCCESS, map_at(&address, VM_FLAGS_ANYWHERE, entry, 0, PAGE, FALSE, RW, RW, VM_INHERIT_NONE));
    HOLDS("at the garbage or above it", address >= (0x123456789abc & ~(PAGE - 1)));
    GIVES(KERN_SUCCESS, mach_vm_allocate(SELF, &hint, PAGE, VM_FLAGS_ANYWHERE));
    HOLDS("allocate took no hint", hint < TOP);
    GIVES(BOOTSTRAP_UNKNOWN_SERVICE, bootstrap_look_up(bootstrap_port, fresh_name("nobody"), &none));
    put(address, "in the entry");
    uint64_t again = map_pages(entry, 0, 1, RW), unshared = 0;
    HOLDS("the entry has what was written", again != 0 && again != address && reads(again, "in the entry"));
    GIVES(KERN_SUCCESS, map_at(&unshared, VM_FLAGS_ANYWHERE, none, 0, PAGE, FALSE, RW, RW, VM_INHERIT_NONE));
    HOLDS("zeroes", is_filled(unshared, PAGE, 0));
    put(unshared, "alone");
    HOLDS("which are shared with nobody", reads(address, "in the entry") && reads(again, "in the entry"));
    put(again, "by another way");
    HOLDS("while the entry's mappings are one memory", reads(address, "by another way") && reads(unshared, "alone"));
}

/* ---- S6: generations ---- */

enum { X, Y, Z, W, V, REGIONS };

static uint64_t regions[REGIONS];

static bool region_is(int which, int value)
{
    return is_filled(regions[which], PAGE, (unsigned char)value);
}

static int grandchild_writes(void *context)
{
    (void)context;
    HOLDS("G lacks Z", load_faults(regions[Z]));
    HOLDS("G has C's V as at C's fork", region_is(V, 'C'));
    for (int i = 0; i < REGIONS; i++)
        if (i != Z)
            fill(regions[i], PAGE, 'G');
    return 0;
}

static int child_forks(void *parent_did)
{
    HOLDS("C lacks Z", load_faults(regions[Z]));
    gate_wait(parent_did, NULL);
    HOLDS("C sees P's write to X and W", region_is(X, 'P') && region_is(W, 'P'));
    HOLDS("and not to Y and V", region_is(Y, 'A') && region_is(V, 'A'));
    fill(regions[V], PAGE, 'C');
    HOLDS("the grandchild ends well", child_run(grandchild_writes, NULL) == 0);
    HOLDS("C sees G's write to X and W", region_is(X, 'G') && region_is(W, 'G'));
    HOLDS("and not to Y and V", region_is(Y, 'A') && region_is(V, 'C'));
    return 0;
}

static void case_S6(void)
{
    mach_port_t entry = fresh_entry(1, RW);
    struct gate parent_did = gate_make();

    for (int i = X; i <= Z; i++)
        regions[i] = allocate(1);
    GIVES(KERN_SUCCESS, set_inherit(regions[X], 1, VM_INHERIT_SHARE));
    GIVES(KERN_SUCCESS, set_inherit(regions[Z], 1, VM_INHERIT_NONE));
    GIVES(KERN_SUCCESS, map_at(&regions[W], VM_FLAGS_ANYWHERE, entry, 0, PAGE, FALSE, RW, RW, VM_INHERIT_SHARE));
    GIVES(KERN_SUCCESS, map_at(&regions[V], VM_FLAGS_ANYWHERE, entry, 0, PAGE, FALSE, RW, RW, VM_INHERIT_COPY));
    for (int i = 0; i < REGIONS; i++)
        fill(regions[i], PAGE, 'A');
    pid_t child = child_start(child_forks, &parent_did);
    for (int i = 0; i < REGIONS; i++)
        fill(regions[i], PAGE, 'P');
    gate_pass(&parent_did, 0);
    HOLDS("the child ends well", child_end(child) == 0);
    HOLDS("P sees G's write to X and W, and in V, which is W's memory",
          region_is(X, 'G') && region_is(W, 'G') && region_is(V, 'G'));
    HOLDS("and not to Y", region_is(Y, 'P'));
}

/* ---- S7: a ring ---- */

enum { RING_BYTES = 65536, SLOTS = RING_BYTES / 8, MESSAGES = 1000000 };

static uint64_t message(uint64_t number)
{
    number *= UINT64_C(0x9e3779b97f4a7c15);
    return number ^ number >> 29;
}

/* Elsewhere than the other side has it. */
static uint64_t map_ring(mach_port_t entry, uint64_t others)
{
    uint64_t ring = others + 7 * PAGE;

    GIVES(KERN_SUCCESS, map_at(&ring, VM_FLAGS_ANYWHERE, entry, 0, RING_BYTES, FALSE, RW, RW, VM_INHERIT_NONE));
    HOLDS("the two have it at different addresses", ring != others);
    return ring;
}

static void produce(uint64_t ring, semaphore_t items, semaphore_t space, uint64_t count)
{
    volatile uint64_t *slots = (volatile uint64_t *)(uintptr_t)ring;

    for (uint64_t i = 0; i < count; i++) {
        if (semaphore_wait(space) != KERN_SUCCESS)
            abort();
        slots[i % SLOTS] = message(i);
        if (semaphore_signal(items) != KERN_SUCCESS)
            abort();
    }
}

static int produce_all(void *context)
{
    const uint64_t *consumers = context;
    mach_port_t ports[3];

    semas_inherited(ports); /* the ring, a count of items, a count of free slots */
    produce(map_ring(ports[0], *consumers), ports[1], ports[2], MESSAGES);
    return 0;
}

/* How many messages came whole and in order; it ends with `count`, or with what a wait answers instead of success. */
static uint64_t consume(uint64_t ring, semaphore_t items, semaphore_t space, uint64_t count, kern_return_t *end)
{
    const volatile uint64_t *slots = (const volatile uint64_t *)(uintptr_t)ring;
    uint64_t good = 0;

    *end = KERN_SUCCESS;
    for (uint64_t i = 0; i < count; i++) {
        *end = wait_for(items);
        if (*end != KERN_SUCCESS)
            break;
        good += slots[i % SLOTS] == message(i);
        semaphore_signal(space);
    }
    return good;
}

static void ring_name(name_t name, pid_t consumer, int part)
{
    snprintf(name, sizeof(name_t), "mring.conformance.S7.%d.%d", (int)consumer, part);
}

/* It makes the ring and the semaphores itself, so that the semaphores end with it, and registers them. */
static int produce_some_and_stay(void *context)
{
    const struct gate *ready = context;
    const mach_port_t ports[3] = {fresh_entry(RING_BYTES / PAGE, RW), semas_new(SYNC_POLICY_FIFO, 0),
                                  semas_new(SYNC_POLICY_FIFO, SLOTS)};

    for (int i = 0; i < 3; i++) {
        name_t name;
        ring_name(name, getppid(), i);
        GIVES(BOOTSTRAP_SUCCESS, bootstrap_register(bootstrap_port, name, ports[i]));
    }
    uint64_t ring = map_pages(ports[0], 0, RING_BYTES / PAGE, RW);
    gate_pass(ready, ring);
    produce(ring, ports[1], ports[2], UINT64_MAX); /* until it is killed */
    return 0;
}

static void case_S7(void)
{
    mach_port_t ports[3] = {fresh_entry(RING_BYTES / PAGE, RW), semas_new(SYNC_POLICY_FIFO, 0),
                            semas_new(SYNC_POLICY_FIFO, SLOTS)};
    struct gate ready = gate_make();
    uint64_t producers = 0;
    kern_return_t end;

    semas_pass_on(ports[0], ports[1], ports[2]);
    uint64_t ring = map_pages(ports[0], 0, RING_BYTES / PAGE, RW);
    pid_t producer = child_start(produce_all, &ring);
    HOLDS("a million messages, whole and in order", consume(ring, ports[1], ports[2], MESSAGES, &end) == MESSAGES);
    HOLDS("the producer ends well", child_end(producer) == 0);

    producer = child_start(produce_some_and_stay, &ready);
    gate_wait(&ready, &producers);
    for (int i = 0; i < 3; i++) {
        name_t name;
        ring_name(name, getpid(), i);
        GIVES(BOOTSTRAP_SUCCESS, bootstrap_look_up(bootstrap_port, name, &ports[i]));
    }
    ring = map_ring(ports[0], producers);
    HOLDS("messages come", consume(ring, ports[1], ports[2], 1000, &end) == 1000);
    kill(producer, SIGKILL);
    consume(ring, ports[1], ports[2], UINT64_MAX, &end);
    HOLDS("the producer was killed", child_end(producer) == -SIGKILL);
    HOLDS("and its consumer learns it", end == KERN_TERMINATED);
}

/* ---- S9: a reader ---- */

enum { UPDATES = 1000 };

/* A page whose values belong together while the count is even and the same before and after. */
struct published {
    _Atomic uint64_t count;
    _Atomic uint64_t values[2];
};

static int read_updates(void *context)
{
    mach_port_t ports[3];
    uint64_t view, last = 0, seen = 0, address = 0;
    bool whole = true, rising = true;
    char path[48];

    (void)context;
    semas_inherited(ports);
    view = map_pages(ports[0], 0, 1, VM_PROT_READ);
    HOLDS("it can be read", view != 0);
    GIVES(KERN_INVALID_RIGHT, map_at(&address, VM_FLAGS_ANYWHERE, ports[0], 0, PAGE, FALSE, RW, RW, VM_INHERIT_NONE));
    GIVES(KERN_PROTECTION_FAILURE, protect(view, 1, RW));
    HOLDS("a store faults", store_faults(view));
    int descriptor = mring_mach_entry_descriptor(ports[0]);
    HOLDS("its descriptor only reads", (fcntl(descriptor, F_GETFL) & O_ACCMODE) == O_RDONLY);
    HOLDS("and cannot be mapped to write",
          mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0) == MAP_FAILED);
    snprintf(path, sizeof path, "/proc/self/fd/%d", descriptor);
    int reopened = open(path, O_RDWR);
    HOLDS("recorded: through /proc the same user can reopen it", reopened >= 0);
    close(reopened);

    const struct published *page = (const struct published *)(uintptr_t)view;
    semaphore_signal(ports[1]);
    while (last < UPDATES) {
        uint64_t count = atomic_load(&page->count), one = atomic_load(&page->values[0]),
                 two = atomic_load(&page->values[1]);
        if (count % 2 != 0 || atomic_load(&page->count) != count)
            continue;
        whole = whole && one == two && one == count / 2;
        rising = rising && one >= last;
        if (one > last) {
            seen++;
            semaphore_signal(ports[1]);
        }
        last = one;
    }
    HOLDS("all 1,000 updates", seen == UPDATES);
    HOLDS("each update read whole", whole);
    HOLDS("and in order", rising);
    return 0;
}

static void case_S9(void)
{
    uint64_t address = allocate(1);
    struct published *page = (struct published *)(uintptr_t)address;
    semaphore_t ready = semas_new(SYNC_POLICY_FIFO, 0);
    int late = 0;

    semas_pass_on(entry_over(address, 1, VM_PROT_READ), ready, MACH_PORT_NULL);
    pid_t child = child_start(read_updates, NULL);
    GIVES(KERN_SUCCESS, wait_for(ready));
    for (uint64_t i = 1; i <= UPDATES; i++) {
        atomic_fetch_add(&page->count, 1);
        atomic_store(&page->values[0], i);
        atomic_store(&page->values[1], i);
        atomic_fetch_add(&page->count, 1);
        late += wait_for(ready) != KERN_SUCCESS; /* the reader has seen it: it was looking while it was written */
    }
    HOLDS("the reader keeps up", late == 0);
    HOLDS("the child ends well", child_end(child) == 0);
}

/* ---- S11: forks while threads write ---- */

enum { STORM_THREADS = 4, STORM_PAGES = 16, STORM_FORKS = 200 };

/* The first half of the pages is inherited as a copy, the other half shared. */
struct storm {
    uint64_t pages;
    _Atomic bool stop;
    _Atomic unsigned next;
};

static unsigned words_in(unsigned pages)
{
    return (unsigned)(pages * PAGE / sizeof(uint64_t));
}

static _Atomic uint64_t *words_of(const struct storm *storm, unsigned page)
{
    return (_Atomic uint64_t *)(uintptr_t)(storm->pages + page * PAGE);
}

/* Every thread has pages of its own, and writes one number after the other to all words of each. */
static void *write_generations(void *argument)
{
    struct storm *storm = argument;
    unsigned mine = atomic_fetch_add(&storm->next, 1);

    for (uint64_t number = 1; !storm->stop; number++)
        for (unsigned page = mine; page < 2 * STORM_PAGES; page += STORM_THREADS)
            for (unsigned word = 0; word < words_in(1); word++)
                atomic_store_explicit(words_of(storm, page) + word, message(number), memory_order_relaxed);
    return NULL;
}

/* Is it a message of a small number? Parts of two messages would be one of a large number. */
static bool is_generation(uint64_t value)
{
    uint64_t number = value ^ value >> 29 ^ value >> 58;

    number *= UINT64_C(0xf1de83e19937733d); /* the inverse of message's factor */
    return number < UINT64_C(1) << 40;
}

static bool all_generations(const struct storm *storm, unsigned first, unsigned pages)
{
    for (unsigned word = 0; word < words_in(pages); word++)
        if (!is_generation(atomic_load_explicit(words_of(storm, first) + word, memory_order_relaxed)))
            return false;
    return true;
}

/* The copied pages are as they were, in every word; the shared ones go on. */
static int look_at_storm(void *argument)
{
    static uint64_t seen[STORM_PAGES * 65536 / sizeof(uint64_t)]; /* no page is larger */
    const struct storm *storm = argument;
    const _Atomic uint64_t *copied = words_of(storm, 0), *shared = words_of(storm, STORM_PAGES);
    bool whole = all_generations(storm, 0, 2 * STORM_PAGES), still = true;

    for (unsigned word = 0; word < words_in(STORM_PAGES); word++)
        seen[word] = atomic_load_explicit(copied + word, memory_order_relaxed);
    for (int round = 0; round < 3; round++) {
        uint64_t before = atomic_load(shared);
        while (atomic_load(shared) == before)
            sched_yield();
        for (unsigned word = 0; word < words_in(STORM_PAGES); word++)
            still = still && atomic_load_explicit(copied + word, memory_order_relaxed) == seen[word];
    }
    return whole && still ? 0 : 1;
}

static void case_S11(void)
{
    struct storm storm = {.pages = allocate(2 * STORM_PAGES)};
    pthread_t threads[STORM_THREADS];
    int bad = 0;

    HOLDS("an entry over the pages to copy makes them shared memory",
          entry_over(storm.pages, STORM_PAGES, RW) != MACH_PORT_NULL);
    GIVES(KERN_SUCCESS, set_inherit(storm.pages + STORM_PAGES * PAGE, STORM_PAGES, VM_INHERIT_SHARE));
    for (int i = 0; i < STORM_THREADS; i++)
        if (pthread_create(&threads[i], NULL, write_generations, &storm) != 0)
            abort();
    for (int i = 0; i < STORM_FORKS; i++)
        bad += child_run(look_at_storm, &storm) != 0;
    storm.stop = true;
    for (int i = 0; i < STORM_THREADS; i++)
        pthread_join(threads[i], NULL);
    HOLDS("in every child all words are whole, the copied ones stand still, and the shared ones go on", bad == 0);
}
