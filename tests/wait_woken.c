/* Woken just before it would sleep: whichever way it waits, it does not (wait/sleep.h, [WOKEN]). And woken just after it looked up by itself. */
#include "wait/sleep.h"
#include "wait/turn.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

enum { NOTHING, ALONE, WITH_CREDIT };

/* Who waits, and somebody who wakes it from outside while it looks for the first time. */
struct scene {
    struct sleeper_state sleeper;
    unsigned looks, sleeps, rescues;
    unsigned before; /* looks before it slept */
    bool woken;
    unsigned found; /* once it has slept for long: at its second look since, as the first is after a moment (sleep.h) */
};

static int look(void *context)
{
    struct scene *scene = context;

    if (scene->looks++ == 0 && scene->woken)
        sleep_wake(&scene->sleeper);
    if (scene->found == NOTHING || scene->sleeps == 0 || scene->looks < scene->before + 2)
        return 0;
    if (scene->found == WITH_CREDIT)
        (void)semaphore_signal((semaphore_t)word_load(&scene->sleeper.semaphore));
    return 1;
}

static int64_t no_nap(void *context)
{
    (void)context;
    return 0;
}

static void nothing(void *context)
{
    (void)context;
}

static bool no(void *context)
{
    (void)context;
    return false;
}

static bool yes(void *context)
{
    (void)context;
    return true;
}

static unsigned nobody(void *context)
{
    (void)context;
    return 0;
}

static bool published(void *context, semaphore_t semaphore)
{
    (void)context;
    (void)semaphore;
    return true;
}

static int all_alive(void *context)
{
    (void)context;
    return 0;
}

static void count_sleep(void *context)
{
    struct scene *scene = context;

    scene->sleeps++;
    scene->before = scene->looks;
}

static void count_rescue(void *context)
{
    ((struct scene *)context)->rescues++;
}

static const struct sleep_side side = {
    .look = look,
    .nap = no_nap,
    .announce = nothing,
    .answer = nothing,
    .stands = yes,
    .withdraw = nobody,
    .pass_on = nothing,
    .reachable = no,
    .publish = published,
    .verdict = all_alive,
    .count_sleep = count_sleep,
    .suspect = nothing,
    .count_rescue = count_rescue,
};

static int wait_for(struct scene *scene, int64_t timeout)
{
    scene->looks = scene->sleeps = 0;
    return sleep_until(&scene->sleeper, &side, scene, timeout);
}

static void who_is_woken_does_not_sleep(void **state)
{
    (void)state;
    for (unsigned way = MRING_SPIN_THEN_SLEEP; way <= MRING_DOZE; way++) {
        struct scene scene = {.woken = true};

        sleep_begin(&scene.sleeper, (enum mring_waiting)way, SLICE_NS);
        /* Before it has a semaphore to be woken by; and when it has. */
        for (unsigned turn = 0; turn < 3; turn++) {
            assert_int_equal(wait_for(&scene, -1), -ECANCELED);
            assert_int_equal(scene.sleeps, 0);
        }
        sleep_finish(&scene.sleeper, true);
    }
}

/* The waker of before has set the flag, and has not come to signal: its credit is owed, and must not be taken for this one's. */
static void a_credit_is_not_anothers_flag(void **state)
{
    (void)state;
    for (unsigned way = MRING_SPIN_THEN_SLEEP; way <= MRING_DOZE; way++) {
        struct scene scene = {.woken = false};

        sleep_begin(&scene.sleeper, (enum mring_waiting)way, SLICE_NS);
        assert_int_equal(wait_for(&scene, 1000 * 1000), -ETIMEDOUT);
        word_store(&scene.sleeper.woken, 1);
        assert_int_equal(wait_for(&scene, -1), -ECANCELED);
        scene.woken = true;
        assert_int_equal(wait_for(&scene, -1), -ECANCELED);
        assert_int_equal(scene.sleeps, 0);
        sleep_finish(&scene.sleeper, true);
    }
}

/* Half a second later there is something, and its waker about to come; or nobody comes. */
static void who_finds_something_before_its_waker_comes_is_not_rescued(void **state)
{
    (void)state;
    for (unsigned found = ALONE; found <= WITH_CREDIT; found++) {
        struct scene scene = {.found = found};

        sleep_begin(&scene.sleeper, MRING_SLEEP, 0);
        assert_int_equal(wait_for(&scene, -1), 0);
        assert_int_equal(scene.sleeps, 1);
        assert_int_equal(scene.rescues, found == ALONE);
        sleep_finish(&scene.sleeper, true);
    }
}

/* Its caller may look at any time, and so before whoever is to wake it has come to that. */
static void who_polls_is_never_rescued(void **state)
{
    struct scene scene = {.found = ALONE};

    (void)state;
    sleep_begin(&scene.sleeper, MRING_SLEEP, 0);
    assert_true(sleep_descriptor(&scene.sleeper) >= 0);
    assert_int_equal(wait_for(&scene, -1), 0);
    assert_int_equal(scene.sleeps, 1);
    assert_int_equal(scene.rescues, 0);
    sleep_finish(&scene.sleeper, true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_is_woken_does_not_sleep),
        cmocka_unit_test(who_finds_something_before_its_waker_comes_is_not_rescued),
        cmocka_unit_test(who_polls_is_never_rescued),
        cmocka_unit_test(a_credit_is_not_anothers_flag),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
