/*
 * Virtual memory in many threads, and forks among them (S11): what others write is not lost while memory becomes
 * shared, addresses are given out once, and a fork in the midst of all calls leaves parent and child whole.
 */
#include "mach/memory.h"

#include "support/sanitizers.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

enum { THREADS = 4, PAGES = 64, ROUNDS = 200 };

/* ---- conversion under the hands of writers ---- */

struct writer {
    pthread_t thread;
    _Atomic uint64_t *words; /* one in each page */
    _Atomic bool *stop;
    _Atomic uint64_t laps;
    bool lost;
};

/* Nobody else writes these words: a word that is not what it was stored as has lost the store. */
static void *write_on(void *context)
{
    struct writer *writer = context;

    for (uint64_t value = 1; !atomic_load(writer->stop) && !writer->lost; value++) {
        for (uint64_t page = 0; page < PAGES; page++) {
            _Atomic uint64_t *word = writer->words + page * (PAGE / sizeof *word);
            if (atomic_load_explicit(word, memory_order_relaxed) != value - 1)
                writer->lost = true;
            atomic_store_explicit(word, value, memory_order_relaxed);
        }
        atomic_store(&writer->laps, value);
    }
    return NULL;
}

/* How the memory is made shared. */
enum conversion { BY_ENTRY, BY_INHERITANCE };

/* `touched`: only when every page has been written once; else while some are still zeroes that nothing stands for. */
static void convert_under_writers(enum conversion how, bool touched)
{
    uint64_t pages = allocate(PAGES);
    _Atomic bool stop = false;
    struct writer writers[THREADS];
    mach_port_t entry = MACH_PORT_NULL;

    for (int i = 0; i < THREADS; i++) {
        writers[i].words = (_Atomic uint64_t *)(uintptr_t)pages + i * 8;
        writers[i].stop = &stop;
        writers[i].lost = false;
        atomic_init(&writers[i].laps, 0);
        assert_int_equal(pthread_create(&writers[i].thread, NULL, write_on, &writers[i]), 0);
    }
    for (int i = 0; i < THREADS && touched; i++)
        while (atomic_load(&writers[i].laps) == 0)
            sched_yield();
    if (how == BY_ENTRY)
        entry = entry_over(pages, PAGES, RW);
    else
        assert_int_equal(set_inherit(pages, PAGES, VM_INHERIT_SHARE), KERN_SUCCESS);
    atomic_store(&stop, true);
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(writers[i].thread, NULL), 0);
        assert_false(writers[i].lost);
    }
    if (how == BY_ENTRY) {
        uint64_t peer = map_pages(entry, 0, PAGES, RW);
        assert_int_not_equal(peer, 0);
        assert_memory_equal((void *)(uintptr_t)peer, (void *)(uintptr_t)pages, PAGES * PAGE);
        release(peer, PAGES);
        drop(entry);
    }
    release(pages, PAGES);
}

static void writers_lose_nothing(void **state)
{
    (void)state;
    for (int round = 0; round < ROUNDS; round++)
        convert_under_writers(round % 2 ? BY_ENTRY : BY_INHERITANCE, round % 4 < 2);
}

/* ---- all calls at once ---- */

/* The calls that copy and look. */
static bool transfer(uint64_t pages, unsigned char value)
{
    mach_vm_address_t again = 0, found = pages;
    mach_vm_size_t size = 0;
    vm_offset_t data = 0;
    vm_prot_t current, max;
    mach_msg_type_number_t read = 0, count = VM_REGION_BASIC_INFO_COUNT_64;
    vm_region_basic_info_data_64_t info;
    mach_port_t object;
    bool good =
        mach_vm_remap(SELF, &again, PAGE, 0, VM_FLAGS_ANYWHERE, SELF, pages, FALSE, &current, &max, 1) == KERN_SUCCESS;

    good = good && is_filled(again, PAGE, value) && current == RW;
    good = good && mach_vm_copy(SELF, again, PAGE, pages + PAGE) == KERN_SUCCESS;
    good = good && mach_vm_read(SELF, pages, 2 * PAGE, &data, &read) == KERN_SUCCESS;
    good = good && is_filled(data, 2 * PAGE, value) && release(data, 2) == KERN_SUCCESS;
    good = good && mach_vm_region(SELF, &found, &size, VM_REGION_BASIC_INFO_64, (vm_region_info_t)&info, &count,
                                  &object) == KERN_SUCCESS;
    return good && found == pages && info.shared && release(again, 1) == KERN_SUCCESS;
}

/* Use every call on memory of one's own; true if everything went as it would alone. */
static bool exercise(unsigned char value)
{
    uint64_t pages = allocate(3), covered, peer = 0, copy = 0;
    mach_port_t entry = MACH_PORT_NULL, child = MACH_PORT_NULL;
    bool good = pages != 0;

    fill(pages, 3 * PAGE, value);
    good = good && transfer(pages, value);
    good = good && set_inherit(pages, 1, VM_INHERIT_NONE) == KERN_SUCCESS;
    good = good && make_entry(pages + PAGE, 2 * PAGE, RW, MACH_PORT_NULL, &entry, &covered) == KERN_SUCCESS;
    good = good && make_entry(PAGE, PAGE, VM_PROT_READ, entry, &child, &covered) == KERN_SUCCESS;
    good = good && (peer = map_pages(child, 0, 1, VM_PROT_READ)) != 0;
    good = good && map_at(&copy, 1, entry, 0, PAGE, TRUE, RW, RW, VM_INHERIT_SHARE) == KERN_SUCCESS;
    good = good && protect(pages, 3, VM_PROT_READ) == KERN_SUCCESS;
    good = good && is_filled(pages, 3 * PAGE, value) && is_filled(peer, PAGE, value) && is_filled(copy, PAGE, value);
    good = good && release(copy, 1) == KERN_SUCCESS && release(peer, 1) == KERN_SUCCESS;
    good = good && drop(entry) == KERN_SUCCESS && drop(child) == KERN_SUCCESS;
    return good && release(pages, 3) == KERN_SUCCESS;
}

struct exerciser {
    pthread_t thread;
    _Atomic bool *stop;
    unsigned char value;
    uint64_t rounds;
    bool good;
};

static void *exercise_on(void *context)
{
    struct exerciser *exerciser = context;

    while (exerciser->good && (!atomic_load(exerciser->stop) || exerciser->rounds == 0)) {
        exerciser->good = exercise(exerciser->value);
        exerciser->rounds++;
    }
    return NULL;
}

/* In a child: a page carries one value, and all calls work. */
static int inspect(void *context)
{
    const uint64_t *regions = context;

    alarm(30 * TEST_SLOWNESS); /* a deadlock ends this child, and with it the test */
    for (int region = 0; region < 2; region++)
        for (uint64_t page = 0; page < PAGES; page++)
            CHECK(can_write(regions[region] + page * PAGE));
    for (int i = 0; i < 3; i++)
        CHECK(exercise((unsigned char)(i + 1)));
    return 0;
}

static void forks_in_the_midst(void **state)
{
    (void)state;
    if (MALLOC_HANGS_AFTER_FORK)
        skip();
    uint64_t regions[] = {allocate(PAGES), allocate(PAGES)}; /* copied, shared */
    mach_port_t entry = entry_over(regions[0], PAGES, RW);
    struct exerciser exercisers[THREADS];
    _Atomic bool stop = false;

    assert_int_equal(set_inherit(regions[1], PAGES, VM_INHERIT_SHARE), KERN_SUCCESS);
    for (int i = 0; i < THREADS; i++) {
        exercisers[i] = (struct exerciser){.stop = &stop, .value = (unsigned char)(i + 100), .good = true};
        assert_int_equal(pthread_create(&exercisers[i].thread, NULL, exercise_on, &exercisers[i]), 0);
    }
    for (int round = 0; round < ROUNDS; round++)
        assert_int_equal(child_run(inspect, regions), 0);
    atomic_store(&stop, true);
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(exercisers[i].thread, NULL), 0);
        assert_true(exercisers[i].good);
    }
    drop(entry);
    release(regions[0], PAGES);
    release(regions[1], PAGES);
}

/* ---- threads that outlive the main one, or are cancelled ---- */

/* A zombie, as long as others run. */
static bool main_thread_left(void)
{
    char state = '?';
    FILE *file = fopen("/proc/self/stat", "r");
    bool read = file != NULL && fscanf(file, "%*d %*s %c", &state) == 1;

    if (file != NULL)
        fclose(file);
    return read && state == 'Z';
}

static void *outlive(void *unused)
{
    (void)unused;
    while (!main_thread_left())
        sched_yield();
    CHECK(exercise(1));
    _exit(0);
}

static int leave_first(void *unused)
{
    pthread_t thread;
    (void)unused;

    CHECK(pthread_create(&thread, NULL, outlive, NULL) == 0);
    pthread_exit(NULL);
}

static void the_main_thread_may_leave(void **state)
{
    (void)state;
    assert_int_equal(child_run(leave_first, NULL), 0);
}

static void *exercise_until_cancelled(void *context)
{
    (void)context;
    for (;;) {
        CHECK(exercise(1));
        pthread_testcancel();
    }
    return NULL;
}

static int cancel_in_the_midst(void *unused)
{
    (void)unused;
    alarm(30 * TEST_SLOWNESS);
    for (int round = 0; round < 100; round++) {
        pthread_t thread;
        CHECK(pthread_create(&thread, NULL, exercise_until_cancelled, NULL) == 0);
        CHECK(exercise(2));
        CHECK(pthread_cancel(thread) == 0);
        CHECK(pthread_join(thread, NULL) == 0);
        CHECK(exercise(3));
    }
    return child_run(inspect, (uint64_t[]){allocate(PAGES), allocate(PAGES)});
}

/* No call is a cancellation point: one that is under way is finished. */
static void cancelled_threads_leave_no_lock(void **state)
{
    (void)state;
    assert_int_equal(child_run(cancel_in_the_midst, NULL), 0);
}

/* ---- addresses are given out once ---- */

enum { EACH = 100 };

struct taker {
    pthread_t thread;
    uint64_t addresses[EACH];
};

static void *take(void *context)
{
    struct taker *taker = context;

    for (int i = 0; i < EACH; i++) {
        taker->addresses[i] = allocate(1);
        *(uint64_t *)(uintptr_t)taker->addresses[i] = (uintptr_t)&taker->addresses[i];
    }
    return NULL;
}

static void nobody_gets_what_others_have(void **state)
{
    static struct taker takers[THREADS];
    (void)state;
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&takers[i].thread, NULL, take, &takers[i]), 0);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(takers[i].thread, NULL), 0);
    for (int i = 0; i < THREADS; i++)
        for (int j = 0; j < EACH; j++) {
            uint64_t *word = (uint64_t *)(uintptr_t)takers[i].addresses[j];
            assert_int_equal(*word, (uintptr_t)&takers[i].addresses[j]);
            release(takers[i].addresses[j], 1);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writers_lose_nothing),         cmocka_unit_test(forks_in_the_midst),
        cmocka_unit_test(the_main_thread_may_leave),    cmocka_unit_test(cancelled_threads_leave_no_lock),
        cmocka_unit_test(nobody_gets_what_others_have),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
