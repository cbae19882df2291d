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

/* What must come of the call. */
static int rule(struct model *model, const struct order *order)
{
    int code;

    switch (order->verb) {
    case RESERVE:
        return model_reserve(model, order->length);
    case COMMIT:
        return model_commit(model, order->length);
    case PRODUCER_WAIT:
        return model_producer_wait(model);
    case DRAIN:
        return model_drain(model);
    case FLUSH:
        model_flush(model);
        return 0;
    case END:
        model_end(model);
        return 0;
    case CLOSE_PRODUCER:
        model_close(model);
        return 0;
    case SEND_WAIT:
        code = model_send(model, order->length);
        return code == -EAGAIN ? model_producer_wait(model) : code;
    default:
        return model_send(model, order->length);
    }
}

static void ask_order(struct play *play, struct order order)
{
    struct answer answer;

    order.tag = model_next_tag(&play->model);
    play_ask(play, (unsigned)play->producer, &order, &answer);
    play_expect_code(play, "the producer's call", rule(&play->model, &order), answer.code);
}

static void ask(struct play *play, enum verb verb, uint64_t length)
{
    ask_order(play, (struct order){.verb = verb, .length = length});
}

/* Not at all, or for a moment. */
static void ask_waiting(struct play *play, enum verb verb, uint64_t length)
{
    ask_order(play, (struct order){.verb = verb, .length = length, .timeout = play_below(play, 2) * 100000});
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
    ask_order(play, order);
}

/* A batch: several are committed before one flush. */
static void commit_some(struct play *play)
{
    for (unsigned left = 1 + play_below(play, 8); left > 0; left--) {
        ask(play, RESERVE, any_length(play));
        commit(play);
    }
}

static void close_producer(struct play *play)
{
    ask(play, CLOSE_PRODUCER, 0);
    play->producer = -1;
}

static void close_sometimes(struct play *play)
{
    if (play_below(play, 4) == 0)
        close_producer(play);
}

void play_end_stream(struct play *play)
{
    ask(play, END, 0);
    ask(play, SEND, 0);
    close_producer(play);
}

void play_produce(struct play *play)
{
    uint64_t length = any_length(play);
    uint32_t choice = play_below(play, 32);

    if (choice == 0)
        ask(play, FLUSH, 0);
    else if (choice == 1)
        ask_waiting(play, PRODUCER_WAIT, 0);
    else if (choice == 2)
        ask_waiting(play, DRAIN, 0);
    else if (choice == 3)
        close_sometimes(play);
    else if (choice < 8)
        ask(play, RESERVE, length);
    else if (choice < 12)
        commit(play);
    else if (choice < 15)
        commit_some(play);
    else if (choice < 18)
        ask_waiting(play, SEND_WAIT, length);
    else if (choice < 21)
        ask(play, SENDV, length);
    else
        ask(play, SEND, length);
}
