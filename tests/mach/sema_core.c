/*
 * The queue of a semaphore by itself: against a model, at the points where others die or stop, over the wrap of tickets, among threads,
 * and on damaged pages.
 *
 * sema_enter does not sleep, so one thread can be many waiters. Random choices come from a seed that is printed; MRING_SEED sets it.
 */
#include "mach/semas.h"
#include "sema_queue.h"

#include <mach/mach.h>
#include <sched.h>
#include <stdlib.h>

static uint64_t seed;
static const struct timespec at_once = {0, 0};

static uint64_t random_next(uint64_t *from)
{
    *from ^= *from << 13;
    *from ^= *from >> 7;
    *from ^= *from << 17;
    return *from * UINT64_C(0x2545f4914f6cdd1d);
}

static uint32_t random_below(uint32_t bound)
{
    return (uint32_t)(random_next(&seed) >> 32) % bound;
}

static struct sema make(enum sema_order order, uint32_t value)
{
    struct sema sema = {semas_shared(SEMA_BYTES), order, 1};
    sema_init(sema.page, value);
    return sema;
}

static void unmake(struct sema *sema)
{
    munmap(sema->page, SEMA_BYTES);
}

static uint64_t count_of(const struct sema *sema)
{
    return sema->page->count;
}

static uint64_t cell_of(const struct sema *sema, uint32_t ticket)
{
    return *sema_cell(sema->page, ticket);
}

static bool granted(const struct sema *sema, const struct sema_place *place)
{
    return cell_state(cell_of(sema, place->ticket)) == CELL_GRANTED;
}

static struct sema_place enter_queue(const struct sema *sema)
{
    struct sema_place place = sema_enter(sema);
    assert_int_equal(place.step, SEMA_QUEUED);
    return place;
}

static kern_return_t outcome(const struct sema *sema, struct sema_place place)
{
    return sema_finish(sema, place, &at_once);
}

/* ---- against a model ---- */

enum { CROWD = 40 };

struct model {
    struct sema_place waiting[CROWD]; /* in the order of arrival */
    int count;
    uint32_t tokens;
};

static void forget(struct model *model, int at)
{
    memmove(&model->waiting[at], &model->waiting[at + 1], (size_t)(--model->count - at) * sizeof model->waiting[0]);
}

static void model_signal(const struct sema *sema, struct model *model)
{
    int next = sema->order == SEMA_FIFO ? 0 : model->count - 1;

    assert_int_equal(sema_signal(sema), KERN_SUCCESS);
    if (model->count == 0) {
        model->tokens++;
        return;
    }
    for (int i = 0; i < model->count; i++)
        assert_int_equal(granted(sema, &model->waiting[i]), i == next);
    assert_int_equal(outcome(sema, model->waiting[next]), KERN_SUCCESS);
    forget(model, next);
}

static void model_enter(const struct sema *sema, struct model *model)
{
    struct sema_place place;

    if (model->count == CROWD)
        return;
    place = sema_enter(sema);
    assert_int_equal(place.step, model->tokens > 0 ? SEMA_TAKEN : SEMA_QUEUED);
    if (model->tokens > 0)
        model->tokens--;
    else
        model->waiting[model->count++] = place;
}

static void model_give_up(const struct sema *sema, struct model *model, bool leave)
{
    if (model->count == 0)
        return;
    int who = (int)random_below((uint32_t)model->count);
    if (leave)
        sema_leave(sema, model->waiting[who]);
    else
        assert_int_equal(outcome(sema, model->waiting[who]), KERN_OPERATION_TIMED_OUT);
    forget(model, who);
}

static void model_signal_all(const struct sema *sema, struct model *model)
{
    assert_int_equal(sema_signal_all(sema), KERN_SUCCESS);
    for (; model->count > 0; model->count--)
        assert_int_equal(outcome(sema, model->waiting[model->count - 1]), KERN_SUCCESS);
}

static void run_model(enum sema_order order, uint32_t head)
{
    struct sema sema = make(order, 0);
    struct model model = {.count = 0};

    sema.page->count = count_tokens(0, head);
    for (int i = 0; i < 200000; i++) {
        uint32_t what = random_below(100);
        if (what < 40) {
            model_enter(&sema, &model);
        } else if (what < 65) {
            model_signal(&sema, &model);
        } else if (what < 90) {
            model_give_up(&sema, &model, what & 1);
        } else if (what == 99) {
            model_signal_all(&sema, &model);
        } else {
            assert_int_equal(sema_try(&sema), model.tokens > 0 ? KERN_SUCCESS : KERN_OPERATION_TIMED_OUT);
            model.tokens -= model.tokens > 0;
        }
        assert_int_equal(count_value(count_of(&sema)), model.tokens);
        assert_true(count_tickets(count_of(&sema)) >= (uint32_t)model.count);
    }
    sema_terminate(&sema);
    for (int i = 0; i < model.count; i++)
        assert_int_equal(outcome(&sema, model.waiting[i]), KERN_TERMINATED);
    assert_int_equal(sema_enter(&sema).step, SEMA_TERMINATED);
    unmake(&sema);
}

static void agrees_with_a_model(void **state)
{
    (void)state;
    run_model(SEMA_FIFO, 0);
    run_model(SEMA_LIFO, 0);
    run_model(SEMA_FIFO, TICKET_MASK - 1000);
    run_model(SEMA_LIFO, TICKET_MASK - 20);
}

/* ---- room ---- */

static void full_and_with_room_again(void **state)
{
    (void)state;
    struct sema sema = make(SEMA_FIFO, 0);
    static struct sema_place places[SEMA_CELLS];

    for (int i = 0; i < SEMA_CELLS; i++)
        places[i] = enter_queue(&sema);
    assert_int_equal(sema_enter(&sema).step, SEMA_CROWDED);
    assert_int_equal(outcome(&sema, sema_enter(&sema)), KERN_OPERATION_TIMED_OUT);
    sema_leave(&sema, places[500]);
    assert_int_equal(sema_enter(&sema).step, SEMA_CROWDED); /* it is in the middle */
    sema_leave(&sema, places[SEMA_CELLS - 1]);
    places[SEMA_CELLS - 1] = enter_queue(&sema);
    assert_int_equal(sema_signal(&sema), KERN_SUCCESS);
    assert_int_equal(outcome(&sema, places[0]), KERN_SUCCESS);
    places[0] = enter_queue(&sema);
    assert_int_equal(sema_signal_all(&sema), KERN_SUCCESS);
    for (int i = 0; i < SEMA_CELLS; i++)
        if (i != 500)
            assert_int_equal(outcome(&sema, places[i]), KERN_SUCCESS);
    assert_int_equal(count_tickets(count_of(&sema)), 0);
    unmake(&sema);
}

static void tokens_stop_at_the_largest_value(void **state)
{
    (void)state;
    struct sema sema = make(SEMA_FIFO, VALUE_MAX);
    assert_int_equal(sema_signal(&sema), KERN_SUCCESS);
    assert_int_equal(count_value(count_of(&sema)), VALUE_MAX);
    assert_int_equal(sema_try(&sema), KERN_SUCCESS);
    assert_int_equal(count_value(count_of(&sema)), VALUE_MAX - 1);
    unmake(&sema);
}

/* ---- others stop or die between two of their steps ---- */

/* A waiter of life 2 that has put itself into the cell of the tail, and got no further. */
static uint32_t half_entered(struct sema *sema)
{
    uint32_t ticket = count_tail(count_of(sema));
    *sema_cell(sema->page, ticket) = cell_next(cell_of(sema, ticket), CELL_WAITING, 2, ticket);
    return ticket;
}

/* A signaller that has taken the head out of the queue, and got no further. */
static void half_signalled(struct sema *sema)
{
    uint64_t count = count_of(sema);
    sema->page->count = count_queue(count_tickets(count) - 1, count_version(count), count_head(count) + 1);
}

static void die(struct sema *sema, uint32_t life)
{
    sema->page->life[life].word = FUTEX_OWNER_DIED | FUTEX_WAITERS;
}

static void a_waiter_stopped_while_entering(void **state)
{
    (void)state;
    struct sema sema = make(SEMA_FIFO, 0);
    uint32_t ticket = half_entered(&sema);
    struct sema_place place = enter_queue(&sema);

    assert_true(count_queues(count_of(&sema), ticket)); /* with the other's help */
    assert_int_equal(place.ticket, ticket + 1);
    assert_int_equal(sema_signal(&sema), KERN_SUCCESS);
    assert_int_equal(cell_state(cell_of(&sema, ticket)), CELL_GRANTED);
    assert_false(granted(&sema, &place));
    assert_int_equal(sema_signal(&sema), KERN_SUCCESS);
    assert_int_equal(outcome(&sema, place), KERN_SUCCESS);
    unmake(&sema);
}

static void a_waiter_that_died_while_entering(void **state)
{
    (void)state;
    struct sema sema = make(SEMA_FIFO, 0);

    half_entered(&sema);
    die(&sema, 2);
    struct sema_place place = enter_queue(&sema);
    assert_int_equal(sema_signal(&sema), KERN_SUCCESS);
    assert_int_equal(outcome(&sema, place), KERN_SUCCESS);
    assert_int_equal(count_value(count_of(&sema)), 0);
    unmake(&sema);
}

static void dead_waiters_are_passed_over(void **state)
{
    (void)state;
    for (enum sema_order order = SEMA_FIFO; order <= SEMA_LIFO; order++) {
        struct sema sema = make(order, 0), other = {sema.page, order, 2};
        struct sema_place alive;

        enter_queue(&other);
        alive = enter_queue(&sema);
        enter_queue(&other);
        die(&sema, 2);
        assert_int_equal(sema_signal(&sema), KERN_SUCCESS);
        assert_int_equal(outcome(&sema, alive), KERN_SUCCESS);
        assert_int_equal(sema_signal(&sema), KERN_SUCCESS);
        assert_int_equal(count_value(count_of(&sema)), 1);
        unmake(&sema);
    }
}

static void a_token_not_taken_by_the_dead_goes_on(void **state)
{
    (void)state;
    struct sema sema = make(SEMA_FIFO, 0), other = {sema.page, SEMA_FIFO, 2};
    uint64_t passed = 0;

    enter_queue(&other);
    struct sema_place place = enter_queue(&sema);
    assert_int_equal(sema_signal(&sema), KERN_SUCCESS);
    die(&sema, 2);
    assert_false(granted(&sema, &place));
    sema_repair(&sema, &passed);
    assert_int_equal(outcome(&sema, place), KERN_SUCCESS);

    /* The same when its life word goes to somebody else. */
    sema.page->life[2].word = 0;
    enter_queue(&other);
    assert_int_equal(sema_signal(&sema), KERN_SUCCESS);
    die(&sema, 2);
    sema_bury(&sema, 2);
    assert_int_equal(count_value(count_of(&sema)), 1);
    unmake(&sema);
}

/* Only what was left behind already at the last look is: a slow signaller is not a dead one. */
static void a_signaller_that_died_strands_nobody(void **state)
{
    (void)state;
    struct sema sema = make(SEMA_FIFO, 0);
    uint64_t passed = 0;
    struct sema_place first = enter_queue(&sema), second = enter_queue(&sema);

    half_signalled(&sema);
    sema_repair(&sema, &passed);
    assert_int_equal(cell_state(cell_of(&sema, first.ticket)), CELL_WAITING);
    sema_repair(&sema, &passed);
    assert_int_equal(cell_state(cell_of(&sema, first.ticket)), CELL_AGAIN);
    assert_int_equal(cell_state(cell_of(&sema, second.ticket)), CELL_WAITING);
    assert_int_equal(outcome(&sema, first), KERN_OPERATION_TIMED_OUT); /* it queued again, and then gave up */
    assert_int_equal(sema_signal(&sema), KERN_SUCCESS);
    assert_int_equal(outcome(&sema, second), KERN_SUCCESS);
    unmake(&sema);
}

static void the_owner_dies(void **state)
{
    (void)state;
    struct sema sema = make(SEMA_FIFO, 0);
    struct sema_place first = enter_queue(&sema), second = enter_queue(&sema);

    die(&sema, LIFE_OWNER);
    assert_int_equal(sema_signal(&sema), KERN_TERMINATED);
    assert_int_equal(outcome(&sema, first), KERN_TERMINATED);
    assert_int_equal(outcome(&sema, second), KERN_TERMINATED);
    assert_int_equal(sema_try(&sema), KERN_TERMINATED);
    unmake(&sema);
}

/* Who terminates tells the waiters one by one, and may die after the first. */
static void a_terminator_that_died_strands_nobody(void **state)
{
    (void)state;
    struct sema sema = make(SEMA_FIFO, 0);
    struct sema_place first = enter_queue(&sema), second = enter_queue(&sema);
    _Atomic uint64_t *told = sema_cell(sema.page, first.ticket);

    sema.page->count |= COUNT_TERMINATED;
    *told = cell_turned(*told, CELL_TERMINATED);
    assert_int_equal(outcome(&sema, first), KERN_TERMINATED);
    assert_int_equal(cell_state(cell_of(&sema, second.ticket)), CELL_TERMINATED);
    assert_int_equal(outcome(&sema, second), KERN_TERMINATED);
    unmake(&sema);
}

/* ---- threads ---- */

struct crowd {
    struct sema sema;
    _Atomic bool stop;
    _Atomic uint64_t taken, given;
    _Atomic uint32_t serial;
};

static void *take_with_impatience(void *argument)
{
    struct crowd *crowd = argument;
    uint64_t mine = seed + ++crowd->serial;
    while (!crowd->stop) {
        struct timespec limit;
        clock_gettime(CLOCK_MONOTONIC, &limit);
        limit.tv_nsec += (long)(random_next(&mine) % 20000);
        if (limit.tv_nsec >= 1000000000) {
            limit.tv_nsec -= 1000000000;
            limit.tv_sec++;
        }
        struct sema_place place = sema_enter(&crowd->sema);
        if (random_next(&mine) % 8 == 0)
            sema_leave(&crowd->sema, place);
        else if (sema_finish(&crowd->sema, place, &limit) == KERN_SUCCESS)
            crowd->taken++;
    }
    return NULL;
}

static void *give(void *argument)
{
    struct crowd *crowd = argument;
    for (int i = 0; i < 30000; i++) {
        if (sema_signal(&crowd->sema) != KERN_SUCCESS)
            abort();
        crowd->given++;
        if (i % 16 == 0)
            sched_yield();
    }
    return NULL;
}

static void nothing_is_lost_among_threads(void **state)
{
    (void)state;
    for (enum sema_order order = SEMA_FIFO; order <= SEMA_LIFO; order++) {
        struct crowd crowd = {.sema = make(order, 0)};
        pthread_t takers[4], givers[2];

        for (int i = 0; i < 4; i++)
            assert_int_equal(pthread_create(&takers[i], NULL, take_with_impatience, &crowd), 0);
        for (int i = 0; i < 2; i++)
            assert_int_equal(pthread_create(&givers[i], NULL, give, &crowd), 0);
        for (int i = 0; i < 2; i++)
            pthread_join(givers[i], NULL);
        crowd.stop = true;
        for (int i = 0; i < 4; i++)
            pthread_join(takers[i], NULL);
        assert_int_equal(crowd.taken + count_value(count_of(&crowd.sema)), crowd.given);
        unmake(&crowd.sema);
    }
}

/* No limit at all: every token must find its taker. */
static void *take_share(void *argument)
{
    struct crowd *crowd = argument;
    static const struct timespec never = {UINT32_MAX, 0};
    for (int i = 0; i < 15000; i++)
        if (sema_finish(&crowd->sema, sema_enter(&crowd->sema), &never) != KERN_SUCCESS)
            abort();
    return NULL;
}

static void nobody_sleeps_on(void **state)
{
    (void)state;
    for (enum sema_order order = SEMA_FIFO; order <= SEMA_LIFO; order++) {
        struct crowd crowd = {.sema = make(order, 0)}, impatient = {.sema = crowd.sema};
        pthread_t takers[4], givers[2], other;

        assert_int_equal(pthread_create(&other, NULL, take_with_impatience, &impatient), 0);
        for (int i = 0; i < 4; i++)
            assert_int_equal(pthread_create(&takers[i], NULL, take_share, &crowd), 0);
        for (int i = 0; i < 2; i++)
            assert_int_equal(pthread_create(&givers[i], NULL, give, &crowd), 0);
        for (int i = 0; i < 2; i++)
            pthread_join(givers[i], NULL);
        impatient.stop = true;
        pthread_join(other, NULL);
        for (uint64_t i = impatient.taken; i > 0; i--) /* what the impatient one took away */
            assert_int_equal(sema_signal(&crowd.sema), KERN_SUCCESS);
        for (int i = 0; i < 4; i++)
            pthread_join(takers[i], NULL);
        assert_int_equal(count_value(count_of(&crowd.sema)), 0);
        unmake(&crowd.sema);
    }
}

/* ---- damaged pages ---- */

static void try_everything(const struct sema *sema, uint64_t *random)
{
    static const struct timespec past = {1, 0};
    uint64_t passed = random_next(random);

    sema_try(sema);
    struct sema_place place = sema_enter(sema);
    sema_signal(sema);
    sema_signal_waiter(sema);
    sema_finish(sema, place, &past);
    place = (struct sema_place){SEMA_QUEUED, 1, (uint32_t)passed & TICKET_MASK};
    sema_leave(sema, place);
    sema_finish(sema, place, &past);
    sema_signal_all(sema);
    sema_repair(sema, &passed);
    sema_bury(sema, (uint32_t)random_next(random) % SEMA_LIVES);
    if (random_next(random) % 4 == 0)
        sema_terminate(sema);
}

static void calls_end_on_any_page(void **state)
{
    (void)state;
    struct sema sema = make(SEMA_FIFO, 0);
    uint64_t *words = (uint64_t *)sema.page;

    for (int i = 0; i < 2000; i++) {
        sema.order = i & 1 ? SEMA_LIFO : SEMA_FIFO;
        for (size_t word = 0; word < SEMA_BYTES / 8; word++)
            words[word] = i % 3 == 2 && word % 16 ? 0 : random_next(&seed);
        if (i % 4)
            sema.page->life[LIFE_OWNER].word = 0;
        if (i % 8)
            sema.page->count &= ~COUNT_TERMINATED;
        try_everything(&sema, &seed);
    }
    unmake(&sema);
}

static void *scribble(void *argument)
{
    struct crowd *crowd = argument;
    uint64_t random = seed + 99;
    while (!crowd->stop) {
        uint64_t value = random_next(&random), where = random_next(&random);
        switch (where % 4) {
        case 0:
            crowd->sema.page->count = value & ~COUNT_TERMINATED;
            break;
        case 1:
            crowd->sema.page->life[(where >> 8) % 16].word = (uint32_t)value;
            break;
        default:
            crowd->sema.page->cell[(where >> 8) % SEMA_CELLS] = value;
        }
    }
    return NULL;
}

static void calls_end_while_a_page_changes(void **state)
{
    (void)state;
    struct crowd crowd = {.sema = make(SEMA_FIFO, 0)};
    uint64_t random = seed + 1;
    pthread_t thread;

    assert_int_equal(pthread_create(&thread, NULL, scribble, &crowd), 0);
    for (int i = 0; i < 1000; i++)
        try_everything(&crowd.sema, &random);
    crowd.stop = true;
    pthread_join(thread, NULL);
    unmake(&crowd.sema);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agrees_with_a_model),
        cmocka_unit_test(full_and_with_room_again),
        cmocka_unit_test(tokens_stop_at_the_largest_value),
        cmocka_unit_test(a_waiter_stopped_while_entering),
        cmocka_unit_test(a_waiter_that_died_while_entering),
        cmocka_unit_test(dead_waiters_are_passed_over),
        cmocka_unit_test(a_token_not_taken_by_the_dead_goes_on),
        cmocka_unit_test(a_signaller_that_died_strands_nobody),
        cmocka_unit_test(the_owner_dies),
        cmocka_unit_test(a_terminator_that_died_strands_nobody),
        cmocka_unit_test(nothing_is_lost_among_threads),
        cmocka_unit_test(nobody_sleeps_on),
        cmocka_unit_test(calls_end_on_any_page),
        cmocka_unit_test(calls_end_while_a_page_changes),
    };
    const char *given = getenv("MRING_SEED");
    seed = given ? strtoull(given, NULL, 0) : (uint64_t)time(NULL) * UINT64_C(0x9e3779b97f4a7c15) + (uint64_t)getpid();
    if (seed == 0)
        seed = 1;
    printf("MRING_SEED=%#llx\n", (unsigned long long)seed);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
