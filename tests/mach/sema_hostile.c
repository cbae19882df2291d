/*
 * A task that holds a right scribbles over the semaphore's memory while another uses it: calls answer anything, but end, and no other
 * semaphore suffers. Nor can it make the memory shorter.
 *
 * Random choices come from a seed that is printed; MRING_SEED sets it.
 */
#include "mach/semas.h"
#include "sema_page.h"

#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/prctl.h>

static uint64_t seed;

static uint64_t random_next(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed * UINT64_C(0x2545f4914f6cdd1d);
}

/* This task's first mapping of a semaphore. */
static struct sema_page *mapped_page(void)
{
    char line[512];
    FILE *maps = fopen("/proc/self/maps", "r");
    struct sema_page *page = NULL;

    while (!page && fgets(line, sizeof line, maps)) {
        unsigned long from, to;
        char access[5];
        if (sscanf(line, "%lx-%lx %4s", &from, &to, access) == 3 && strcmp(access, "rw-s") == 0 &&
            strstr(line, "memfd:") && to - from == SEMA_BYTES)
            page = (struct sema_page *)from;
    }
    fclose(maps);
    return page;
}

static int scribble(void *context)
{
    struct gate *gate = context;
    uint64_t value;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    seed += (uint64_t)getpid();
    semas_first();
    struct sema_page *page = mapped_page();
    CHECK(page);
    gate_pass(gate, 1);
    for (unsigned i = 0;; i++) {
        value = random_next();
        switch (random_next() % 8) {
        case 0: /* a few tickets, so that there is something to queue behind, and at times anything */
            page->count = i % 4 ? count_queue(value & 3, (uint32_t)(value >> 8), (uint32_t)(value >> 32) % 16)
                                : value & ~COUNT_TERMINATED;
            break;
        case 1:
            page->life[value >> 32 & 15].word = (uint32_t)value & ~(value >> 60 == 0 ? 0 : (uint32_t)FUTEX_OWNER_DIED);
            break;
        case 2:
            page->cell[value % 16] ^= 1U << (value >> 32 & 31);
            break;
        case 3:
            page->cell[value % 16] = cell_next(value, CELL_FREE, 0, 0);
            break;
        default:
            page->cell[value >> 32 & 1023] = value;
        }
        if (i % 64 == 0)
            sched_yield(); /* long enough, on two cpus, for somebody to fall asleep */
    }
}

/* All the calls that a sound task makes, with limits where there may be nothing to wait for. */
static int use(void *context)
{
    int rounds = *(int *)context;
    semaphore_t ports[3];
    mach_timespec_t short_time = {0, 100000};

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    semas_inherited(ports);
    for (int i = 0; i < rounds; i++) {
        semaphore_timedwait(ports[0], short_time);
        semaphore_signal(ports[0]);
        semaphore_signal_thread(ports[0], MACH_PORT_NULL);
        semaphore_timedwait(ports[0], semas_at_once);
        if (i % 16 == 0)
            semaphore_signal_all(ports[0]);
        semaphore_timedwait_signal(ports[0], ports[0], short_time);
        CHECK(semaphore_signal(ports[1]) == KERN_SUCCESS);
        CHECK(semaphore_wait(ports[1]) == KERN_SUCCESS);
    }
    return 0;
}

static void scribbled_over_while_in_use(void **state)
{
    (void)state;
    int rounds = 2000;
    for (int i = 0; i < 6; i++) {
        semaphore_t spoilt = semas_new(i & 1 ? SYNC_POLICY_REVERSED : SYNC_POLICY_FIFO, 0);
        semaphore_t sound = semas_new(SYNC_POLICY_FIFO, 0);
        struct gate gate = gate_make();

        semas_pass_on(spoilt, sound, 0);
        pid_t vandal = child_start(scribble, &gate);
        assert_true(gate_wait(&gate, NULL));
        pid_t others[2] = {child_start(use, &rounds), child_start(use, &rounds)};
        assert_int_equal(use(&rounds), 0);
        for (int j = 0; j < 2; j++)
            assert_int_equal(child_end(others[j]), 0);
        assert_int_equal(child_kill(vandal), -SIGKILL);
        assert_int_equal(semas_drain(sound), 0);
        assert_int_equal(semaphore_destroy(mach_task_self(), spoilt), KERN_SUCCESS);
        assert_int_equal(semaphore_destroy(mach_task_self(), sound), KERN_SUCCESS);
        gate_close(&gate);
    }
}

/* The semaphore's file, through the descriptors that this task has. */
static int semaphore_file(void)
{
    for (int fd = 3; fd < 1024; fd++) {
        off_t size = lseek(fd, 0, SEEK_END);
        if (size == SEMA_BYTES && fcntl(fd, F_GET_SEALS) > 0)
            return fd;
    }
    return -1;
}

static void cannot_be_cut_short(void **state)
{
    (void)state;
    semaphore_t semaphore = semas_new(SYNC_POLICY_FIFO, 0);
    int fd = semaphore_file();
    assert_true(fd >= 0);
    assert_int_equal(ftruncate(fd, 0), -1);
    assert_int_equal(ftruncate(fd, 2 * SEMA_BYTES), -1);
    assert_int_equal(semaphore_signal(semaphore), KERN_SUCCESS);
    assert_int_equal(semaphore_destroy(mach_task_self(), semaphore), KERN_SUCCESS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scribbled_over_while_in_use),
        cmocka_unit_test(cannot_be_cut_short),
    };
    const char *given = getenv("MRING_SEED");
    seed = given ? strtoull(given, NULL, 0) : (uint64_t)time(NULL) * UINT64_C(0x9e3779b97f4a7c15) + (uint64_t)getpid();
    if (seed == 0)
        seed = 1;
    printf("MRING_SEED=%#llx\n", (unsigned long long)seed);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
