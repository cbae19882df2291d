/* The producer's commands: when there is room, and what is published, must be just what the model says. */
#include "model_play.h"

#include "harness.h"

#include <errno.h>

void play_become_producer(struct play *play, unsigned worker)
{
    const struct person *person = &play->person[worker];
    struct order order = {.verb = PRODUCE};
    struct answer answer;
    int expected = person->role != MRING_PRODUCE || (person->inherited && person->lowered) ? -EACCES : 0;

    play_ask(play, worker, &order, &answer);
    if (expected == 0)
        expected = model_open(&play->model);
    play_expect_code(play, "mring_producer", expected, answer.code);
    if (answer.code == 0)
        play->producer = (int)worker;
}

static uint64_t any_length(struct play *play)
{
    switch (play_below(play, 16)) {
    case 0:
        return PLAY_CAPACITY / 2 - 8 + play_below(play, 2);
    case 1:
        return play_below(play, PLAY_CAPACITY / 2);
    case 2:
    case 3:
        return play_below(play, 4000);
    case 4:
        return 0;
    default:
        return play_below(play, 300);
    }
}

static void ask_producer(struct play *play, struct order *order, int (*rule)(struct model *, uint64_t))
{
    struct answer answer;

    order->tag = model_next_tag(&play->model);
    play_ask(play, (unsigned)play->producer, order, &answer);
    play_expect_code(play, "the producer's call", rule(&play->model, order->length), answer.code);
}

static int rule_send_wait(struct model *model, uint64_t length)
{
    int code = model_send(model, length);

    return code == -EAGAIN ? model_producer_wait(model) : code;
}

static int rule_flush(struct model *model, uint64_t length)
{
    (void)length;
    model_flush(model);
    return 0;
}

static int rule_wait(struct model *model, uint64_t length)
{
    (void)length;
    return model_producer_wait(model);
}

static int rule_drain(struct model *model, uint64_t length)
{
    (void)length;
    return model_drain(model);
}

static int rule_end(struct model *model, uint64_t length)
{
    (void)length;
    model_end(model);
    return 0;
}

static int rule_close(struct model *model, uint64_t length)
{
    (void)length;
    model_close(model);
    return 0;
}

/* What is committed must fit what is reserved, and often does. */
static void commit(struct play *play)
{
    const struct model *model = &play->model;
    bool reserved = model->reserved_at == model->end;
    struct order order = {.verb = COMMIT, .length = play_below(play, 400)};

    if (reserved && play_below(play, 8) != 0)
        order.length = play_below(play, (uint32_t)model->reserved + 1);
    order.count = reserved && order.length <= model->reserved; /* then there is somewhere to write it */
    ask_producer(play, &order, model_commit);
}

/* A batch: several are committed before one flush. */
static void commit_some(struct play *play)
{
    for (unsigned left = 1 + play_below(play, 8); left > 0; left--) {
        struct order order = {.verb = RESERVE, .length = any_length(play)};

        ask_producer(play, &order, model_reserve);
        commit(play);
    }
}

static void close_producer(struct play *play)
{
    struct order order = {.verb = CLOSE_PRODUCER};

    ask_producer(play, &order, rule_close);
    play->producer = -1;
}

void play_end_stream(struct play *play)
{
    struct order order = {.verb = END};

    ask_producer(play, &order, rule_end);
    order.verb = SEND;
    ask_producer(play, &order, model_send);
    close_producer(play);
}

void play_produce(struct play *play)
{
    struct order order = {.length = any_length(play)};

    switch (play_below(play, 32)) {
    case 0:
        order.verb = FLUSH;
        ask_producer(play, &order, rule_flush);
        break;
    case 1:
        order.verb = PRODUCER_WAIT;
        order.timeout = play_below(play, 2) * 100000;
        ask_producer(play, &order, rule_wait);
        break;
    case 2:
        order.verb = DRAIN;
        order.timeout = play_below(play, 2) * 100000;
        ask_producer(play, &order, rule_drain);
        break;
    case 3:
        if (play_below(play, 4) == 0)
            close_producer(play);
        break;
    case 4:
    case 5:
    case 6:
    case 7:
        order.verb = RESERVE;
        ask_producer(play, &order, model_reserve);
        break;
    case 8:
    case 9:
    case 10:
    case 11:
        commit(play);
        break;
    case 12:
    case 13:
    case 14:
        commit_some(play);
        break;
    case 15:
    case 16:
    case 17:
        order.verb = SEND_WAIT;
        order.timeout = play_below(play, 2) * 100000;
        ask_producer(play, &order, rule_send_wait);
        break;
    case 18:
    case 19:
    case 20:
        order.verb = SENDV;
        ask_producer(play, &order, model_send);
        break;
    default:
        order.verb = SEND;
        ask_producer(play, &order, model_send);
    }
}
