/* The members' commands: what is handed out, to whom, must be just what the model says. */
#include "model_play.h"

#include "harness.h"

#include <errno.h>

/* ---- coming and going ---- */

static uint64_t any_position(struct play *play)
{
    const struct model *model = &play->model;

    switch (play_below(play, 4)) {
    case 0:
        return model_tail(model) + play_below(play, 3) * 8;
    case 1:
        return model->told;
    case 2:
        return model->told + play_below(play, PLAY_CAPACITY);
    default: /* where one begins, of the last ones */
        return model->shown == 0 ? 0 : model->message[model->shown - 1 - play_below(play, model->shown) % 64].position;
    }
}

static struct model_wish any_wish(struct play *play, unsigned group)
{
    struct model_wish wish = {.batch = MODEL_BATCH};

    wish.terms.lines = play_below(play, MODEL_LINES + 1);
    if (play_below(play, 3) == 0)
        wish.batch = 1 + play_below(play, 8);
    if (group < PASSING && play_below(play, 2) == 0)
        wish.terms.kind = MODEL_DURABLE;
    if (group >= PASSING)
        wish.terms.lossy = play_below(play, 2) == 0;
    if (play_below(play, 8) == 0)
        wish.terms.after = play_below(play, 1 << DECLARED);
    wish.start = (enum model_start)play_below(play, 4);
    wish.position = any_position(play);
    wish.start_group = play_below(play, MODEL_GROUPS);
    return wish;
}

/* A child has the words of its parent's groups until it joins one with no handle open; after that, of that one. */
static bool needs_broker(const struct person *person, unsigned group)
{
    return !person->inherited || group >= DECLARED || (person->lowered && person->home != group);
}

/* With that it gives up its right to produce, whatever comes of the join. */
static bool gives_up(const struct play *play, unsigned worker, unsigned group, uint32_t after)
{
    const struct person *person = &play->person[worker];

    return person->inherited && !person->lowered && !play_has_handles(play, worker) &&
           model_check_after(&play->model, &play->model.group[group], after) == 0;
}

void play_join(struct play *play, unsigned worker, unsigned seat, unsigned group)
{
    struct person *person = &play->person[worker];
    struct order order = {.verb = JOIN, .seat = seat, .group = group};
    struct answer answer;

    order.wish = any_wish(play, order.group);
    if (gives_up(play, worker, group, order.wish.terms.after)) {
        person->lowered = true;
        person->home = group;
    }
    order.wish.by_broker = needs_broker(person, group);
    play_ask(play, worker, &order, &answer);
    order.wish.began = answer.code == 0 ? play_position_of(play, group) : MODEL_IDLE;
    play_expect_code(play, "mring_join",
                     model_join(&play->model, play_seat(play, worker, seat), order.group, &order.wish), answer.code);
}

void play_leave(struct play *play, unsigned worker, unsigned seat)
{
    struct order order = {.verb = LEAVE, .seat = seat};
    struct answer answer;

    play_ask(play, worker, &order, &answer);
    play_expect_code(play, "mring_leave", 0, answer.code);
    model_leave(&play->model, play_seat(play, worker, seat));
}

/* ---- messages ---- */

static void check_message(struct play *play, const struct model_group *group, const struct got *got,
                          const struct model_message *expected)
{
    play_expect(play, "the message's position", expected->position, got->position);
    play_expect(play, "its length", expected->length, got->length);
    play_expect(play, "its tag", expected->tag, got->tag);
    play_expect(play, "its deliveries", model_deliveries(&play->model, group, expected), got->deliveries);
    play_expect(play, "whether its content is the tag's", true, got->whole);
}

static bool is_lossy(const struct model_consumer *consumer)
{
    return consumer->group->terms.lossy;
}

static int rule_next(struct play *play, struct model_consumer *consumer, const struct answer *answer,
                     const struct model_message **message)
{
    return is_lossy(consumer) ? model_lossy_next(&play->model, consumer, answer->missed.resumed, message)
                              : model_next(&play->model, consumer, message);
}

/* One of many gets what is left of its batch. */
static int rule_more(struct play *play, struct model_consumer *consumer, const struct answer *answer,
                     const struct model_message **message)
{
    if (is_lossy(consumer))
        return model_lossy_more(&play->model, consumer, answer->missed.resumed, message);
    if (consumer->group->terms.lines > 1 && consumer->position == consumer->limit)
        return 0;
    return model_next(&play->model, consumer, message);
}

/* As expected; and what was missed is what the model says was. */
static void expect_result(struct play *play, const struct model_consumer *consumer, int expected,
                          const struct answer *answer)
{
    const struct model_gap *gap = &consumer->gap;

    play_expect_code(play, "the call", expected, answer->code);
    if (expected != -EOVERFLOW)
        return;
    play_expect(play, "where the missed messages begin", gap->from, answer->missed.from);
    play_expect(play, "where it goes on", gap->resumed, answer->missed.resumed);
    play_expect(play, "messages missed", gap->messages, answer->missed.messages);
    play_expect(play, "bytes missed", gap->bytes, answer->missed.bytes);
}

int play_take_one(struct play *play, unsigned worker, unsigned seat, enum verb verb, int64_t timeout)
{
    struct model_consumer *consumer = play_seat(play, worker, seat);
    struct order order = {.verb = verb, .seat = seat, .timeout = timeout};
    const struct model_message *expected;
    struct answer answer;
    int code;

    play_ask(play, worker, &order, &answer);
    code = rule_next(play, consumer, &answer, &expected);
    if (code == 0 && verb == NEXT_WAIT)
        code = -ETIMEDOUT;
    expect_result(play, consumer, code, &answer);
    if (code == 1)
        check_message(play, consumer->group, &answer.got[0], expected);
    return code;
}

/* Alone, it may be given fewer than there are. */
static void next_batch(struct play *play, unsigned worker, unsigned seat)
{
    struct model_consumer *consumer = play_seat(play, worker, seat);
    struct order order = {.verb = NEXT_BATCH, .seat = seat, .count = 1 + play_below(play, WORKER_GOT)};
    const struct model_message *expected;
    struct answer answer;
    int code;

    play_ask(play, worker, &order, &answer);
    code = rule_next(play, consumer, &answer, &expected);
    if (code < 1 || answer.code < 1) {
        expect_result(play, consumer, code, &answer);
        return;
    }
    play_expect(play, "whether it is no more than asked for", true, answer.count <= order.count);
    for (uint32_t at = 0; at < answer.count; at++) {
        if (at > 0)
            play_expect_code(play, "a message more in the batch", rule_more(play, consumer, &answer, &expected), 1);
        check_message(play, consumer->group, &answer.got[at], expected);
    }
    if (answer.count < order.count && (is_lossy(consumer) || consumer->group->terms.lines > 1))
        play_expect_code(play, "the end of the batch", rule_more(play, consumer, &answer, &expected), 0);
}

static int rule_release(struct play *play, struct model_consumer *consumer, const struct model_message *message)
{
    return is_lossy(consumer) ? model_lossy_release(&play->model, consumer, message->position)
                              : model_release(&play->model, consumer, message->position, message->length);
}

static int rule_intact(const struct play *play, const struct model_consumer *consumer,
                       const struct model_message *message)
{
    if (is_lossy(consumer))
        return model_lossy_intact(&play->model, consumer, message->position);
    return message->position >= consumer->held && message->position < consumer->position ? 1 : -EINVAL;
}

static void receive(struct play *play, unsigned worker, unsigned seat)
{
    struct model_consumer *consumer = play_seat(play, worker, seat);
    struct order order = {.verb = RECV, .seat = seat, .length = WORKER_MESSAGE};
    const struct model_message *expected;
    struct answer answer;
    int code;

    if (play_below(play, 4) == 0)
        order.length = play_below(play, 300);
    play_ask(play, worker, &order, &answer);
    code = consumer->held < consumer->position ? -EINVAL : rule_next(play, consumer, &answer, &expected);
    if (code == 1 && expected->length > order.length) {
        if (is_lossy(consumer))
            model_lossy_put_back(&play->model, consumer);
        else
            model_put_back(&play->model, consumer, expected);
        play_expect(play, "the length that is told", expected->length, answer.got[0].length);
        code = -EMSGSIZE;
    }
    expect_result(play, consumer, code, &answer);
    if (code != 1)
        return;
    check_message(play, consumer->group, &answer.got[0], expected);
    (void)rule_release(play, consumer, expected);
}

/* One of those that it holds, or one that it may have held once. */
static const struct model_message *any_held(struct play *play, const struct model_consumer *consumer)
{
    const struct model *model = &play->model;
    const struct model_message *first = model_at(model, consumer->held), *last = first;

    if (model->shown == 0)
        return NULL;
    if (is_lossy(consumer) && consumer->kept_count > 0)
        return &model->message[consumer->kept[play_below(play, consumer->kept_count)]];
    if (first == NULL || consumer->held == consumer->position || play_below(play, 16) == 0)
        return &model->message[model->shown - 1 - play_below(play, model->shown) % 32];
    while (last + 1 < model->message + model->shown && last[1].position < consumer->position)
        last++;
    return play_below(play, 2) == 0 ? last : first + play_below(play, (uint32_t)(last - first) + 1);
}

static void release(struct play *play, unsigned worker, unsigned seat, enum verb verb,
                    const struct model_message *message)
{
    struct model_consumer *consumer = play_seat(play, worker, seat);
    struct order order = {.verb = verb, .seat = seat, .position = message->position, .length = message->length};
    struct answer answer;
    int code;

    play_ask(play, worker, &order, &answer);
    code = verb == INTACT ? rule_intact(play, consumer, message) : rule_release(play, consumer, message);
    expect_result(play, consumer, code, &answer);
    if (code == (verb == INTACT))
        play_expect(play, "whether what was held was still whole", true, answer.stayed_whole);
}

static void release_any(struct play *play, unsigned worker, unsigned seat)
{
    const struct model_message *message = any_held(play, play_seat(play, worker, seat));

    if (message != NULL)
        release(play, worker, seat, play_below(play, 16) == 0 ? INTACT : RELEASE, message);
}

void play_release_all(struct play *play, unsigned worker, unsigned seat)
{
    const struct model_consumer *consumer = play_seat(play, worker, seat);
    const struct model *model = &play->model;

    if (is_lossy(consumer) && consumer->kept_count > 0)
        release(play, worker, seat, RELEASE, &model->message[consumer->kept[consumer->kept_count - 1]]);
    else if (!is_lossy(consumer) && consumer->held < consumer->position)
        release(play, worker, seat, RELEASE, &model->message[model_number(model, consumer->position) - 1]);
}

static void take_aside(struct play *play, unsigned worker, unsigned seat)
{
    struct model_group *group = play_seat(play, worker, seat)->group;
    struct order order = {.verb = TAKE_ASIDE, .seat = seat, .length = WORKER_MESSAGE};
    const struct model_aside *aside;
    struct answer answer;
    int code;

    play_ask(play, worker, &order, &answer);
    code = model_take_aside(group, &aside);
    play_expect_code(play, "mring_take_aside", code, answer.code);
    if (code != 1)
        return;
    play_expect(play, "the position of what was set aside", aside->message.position, answer.got[0].position);
    play_expect(play, "its length", aside->message.length, answer.got[0].length);
    play_expect(play, "its tag", aside->message.tag, answer.got[0].tag);
    play_expect(play, "its deliveries", aside->deaths, answer.got[0].deliveries);
    play_expect(play, "whether its content is the tag's", true, answer.got[0].whole);
}

static void wait_once(struct play *play, unsigned worker, unsigned seat)
{
    struct order order = {.verb = CONSUMER_WAIT, .seat = seat, .timeout = play_below(play, 2) * 100000};
    struct answer answer;

    play_ask(play, worker, &order, &answer);
    play_expect_code(play, "mring_wait", model_wait(&play->model, play_seat(play, worker, seat)), answer.code);
}

void play_consume(struct play *play, unsigned worker, unsigned seat)
{
    const struct model_consumer *consumer = play_seat(play, worker, seat);
    uint32_t choice = play_below(play, 32);

    if (choice < 2)
        play_leave(play, worker, seat);
    else if (choice < 4)
        wait_once(play, worker, seat);
    else if (choice < 6)
        take_aside(play, worker, seat);
    else if (choice < 16 && consumer->held < consumer->position)
        release_any(play, worker, seat);
    else if (choice < 20)
        (void)play_take_one(play, worker, seat, NEXT, 0);
    else if (choice < 22)
        (void)play_take_one(play, worker, seat, NEXT_WAIT, play_below(play, 2) * 100000);
    else if (choice < 27)
        next_batch(play, worker, seat);
    else if (choice < 31)
        receive(play, worker, seat);
    else
        release_any(play, worker, seat);
}

void play_go_on(struct play *play, unsigned worker, unsigned seat)
{
    play_release_all(play, worker, seat);
    next_batch(play, worker, seat);
    play_release_all(play, worker, seat);
}
