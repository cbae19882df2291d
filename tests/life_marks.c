/* Marks in memory (macOS's way): who has one, who is dead with one, and who comes when there is no room. */
#include "member/marks.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { MARK = 7, OTHER = 8, LIVES = 64, THREADS = 4, TURNS = 20000 };
#define TAKING (UINT64_C(1) << LIFE_BITS) /* as in marks.c: what a killed setter leaves */

/* The lives of a test are 1 .. LIVES. */
static bool dead[LIVES + 1];
static unsigned asked;

static bool lives(uint64_t life)
{
    asked++;
    return life <= LIVES && !dead[life];
}

/* What happens just before so many stores more. */
static void (*meanwhile)(void);
static unsigned stores;

void mring_kill_point(void)
{
    void (*now)(void) = meanwhile;

    if (now == NULL || stores-- != 0)
        return;
    meanwhile = NULL;
    now();
}

void mring_look_point(void)
{
}

static struct mark_table *watched;

static int set_up(void **state)
{
    struct mark_table *table = calloc(1, sizeof *table);

    watched = table;
    memset(dead, 0, sizeof dead);
    *state = table;
    return table != NULL ? 0 : -1;
}

static int tear_down(void **state)
{
    free(*state);
    return 0;
}

static void test_set_and_clear(void **state)
{
    struct mark_table *table = *state;

    assert_false(marks_stand(table, MARK, lives));
    marks_set(table, 1, MARK, lives);
    marks_set(table, 2, MARK, lives);
    marks_set(table, 1, OTHER, lives);
    assert_true(marks_stand(table, MARK, lives));
    marks_clear(table, 1, MARK);
    assert_true(marks_stand(table, MARK, lives)); /* the other one's */
    marks_clear(table, 2, MARK);
    assert_false(marks_stand(table, MARK, lives));
    assert_true(marks_stand(table, OTHER, lives));
    marks_clear_all(table, 1);
    assert_false(marks_stand(table, OTHER, lives));
}

/* A mark of zero is one like any other, and free places have it not. */
static void test_zero(void **state)
{
    struct mark_table *table = *state;

    assert_false(marks_stand(table, 0, lives));
    marks_set(table, 1, 0, lives);
    assert_true(marks_stand(table, 0, lives));
}

static void test_death(void **state)
{
    struct mark_table *table = *state;

    marks_set(table, 1, MARK, lives);
    marks_set(table, 2, MARK, lives);
    dead[1] = true;
    assert_true(marks_stand(table, MARK, lives));
    dead[2] = true;
    assert_false(marks_stand(table, MARK, lives));
}

static void look_for_old(void)
{
    asked = 0;
    assert_false(marks_stand(watched, MARK, lives));
    assert_int_equal(asked, 0);
}

/* Who had the place before has left its mark there, which must not count for who takes it. */
static void test_between_stores(void **state)
{
    struct mark_table *table = *state;

    for (unsigned store = 0; store < 3; store++) { /* before the place is taken; the mark stored; the owner named */
        marks_set(table, 1, MARK, lives);
        marks_clear(table, 1, MARK);
        stores = store;
        meanwhile = look_for_old;
        marks_set(table, 2, OTHER, lives);
        assert_null(meanwhile);
        marks_clear(table, 2, OTHER);
    }
}

/* Killed there. */
static void test_killed_setting(void **state)
{
    struct mark_table *table = *state;

    word_store(&table->place[0].owner, 2 | TAKING);
    dead[2] = true;
    for (unsigned at = 0; at < MARK_PLACES; at++)
        marks_set(table, 3, OTHER, lives);
    assert_int_equal(word_load(&table->crowded), 0); /* it was taken from the dead */
    assert_int_equal(word_load(&table->place[0].owner), 3);
}

static void be_quicker(void)
{
    marks_set(watched, 2, OTHER, lives);
}

static void test_quicker(void **state)
{
    struct mark_table *table = *state;

    stores = 0;
    meanwhile = be_quicker;
    marks_set(table, 1, MARK, lives);
    assert_null(meanwhile);
    assert_true(marks_stand(table, MARK, lives));
    assert_true(marks_stand(table, OTHER, lives));
}

static void test_no_room(void **state)
{
    struct mark_table *table = *state;

    for (unsigned at = 0; at < MARK_PLACES; at++)
        marks_set(table, 1 + at % LIVES, OTHER, lives);
    assert_false(marks_stand(table, MARK, lives));
    /* Places of the dead are taken again, all of them. */
    dead[5] = true;
    for (unsigned at = 0; at < MARK_PLACES; at++)
        if (at % LIVES == 4)
            marks_set(table, 6, OTHER, lives);
    assert_false(marks_stand(table, MARK, lives));
    /* One too many: nobody is declared gone for want of room. */
    marks_set(table, 7, OTHER, lives);
    assert_true(marks_stand(table, MARK, lives));
    marks_clear_all(table, 7);
    assert_true(marks_stand(table, MARK, lives));
}

/* What peers wrote there is no number of a process: it is not asked about, and its place is free. */
static void test_nonsense(void **state)
{
    struct mark_table *table = *state;

    for (unsigned at = 0; at < MARK_PLACES; at++) {
        word_store(&table->place[at].owner, UINT64_C(0xffff) << LIFE_BITS);
        word_store(&table->place[at].mark, MARK);
    }
    asked = 0;
    assert_false(marks_stand(table, MARK, lives));
    assert_int_equal(asked, 0);
    marks_set(table, 1, MARK, lives);
    assert_int_equal(asked, 0);
    assert_true(marks_stand(table, MARK, lives));
}

struct worker {
    struct mark_table *table;
    uint64_t life;
    unsigned missing;
};

static bool all_live(uint64_t life)
{
    (void)life;
    return true;
}

/* Each its own mark, over places that all want. */
static void *work(void *context)
{
    struct worker *worker = context;

    for (unsigned turn = 0; turn < TURNS; turn++) {
        marks_set(worker->table, worker->life, worker->life + turn % 3, all_live);
        worker->missing += !marks_stand(worker->table, worker->life + turn % 3, all_live);
        marks_clear(worker->table, worker->life, worker->life + turn % 3);
    }
    return NULL;
}

static void test_together(void **state)
{
    struct mark_table *table = *state;
    struct worker workers[THREADS];
    pthread_t threads[THREADS];

    for (unsigned at = 0; at < THREADS; at++) {
        workers[at] = (struct worker){table, 1000 * (at + 1), 0};
        assert_int_equal(pthread_create(&threads[at], NULL, work, &workers[at]), 0);
    }
    for (unsigned at = 0; at < THREADS; at++) {
        assert_int_equal(pthread_join(threads[at], NULL), 0);
        assert_int_equal(workers[at].missing, 0);
    }
    assert_int_equal(word_load(&table->crowded), 0);
    for (unsigned at = 0; at < MARK_PLACES; at++)
        assert_int_equal(word_load(&table->place[at].owner), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_set_and_clear, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_zero, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_death, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_between_stores, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_killed_setting, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_quicker, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_no_room, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_nonsense, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_together, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
