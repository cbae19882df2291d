/* Woken just before it would sleep: whichever way it waits, it does not (wait/sleep.h, [WOKEN]). */
#include "wait/sleep.h"
#include "wait/turn.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

/* Who waits, and somebody who wakes it from outside while it looks for the first time. */
struct scene {
    struct sleeper_state sleeper;
    unsigned looks, sleeps;
    bool woken;
};

static int look(void *context)
{
    struct scene *scene = context;

    if (scene->looks++ == 0 && scene->woken)
        sleep_wake(&scene->sleeper);
    return 0;
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

static unsigned nobody(void *context)
{
    (void)context;
    return 0;
}

static bool unpublished(void *context, semaphore_t semaphore)
{
    (void)context;
    (void)semaphore;
    return false;
}

static int all_alive(void *context)
{
    (void)context;
    return 0;
}

static void count_sleep(void *context)
{
    ((struct scene *)context)->sleeps++;
}

static const struct sleep_side side = {
    .look = look,
    .nap = no_nap,
    .announce = nothing,
    .answer = nothing,
    .stands = no,
    .withdraw = nobody,
    .pass_on = nothing,
    .reachable = no,
    .publish = unpublished,
    .verdict = all_alive,
    .count_sleep = count_sleep,
    .count_rescue = nothing,
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_is_woken_does_not_sleep),
        cmocka_unit_test(a_credit_is_not_anothers_flag),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
