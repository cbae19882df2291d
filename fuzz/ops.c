/*
 * Sequences of the public calls, one process, several groups and consumers, against a model that predicts every message and every result
 * code (tests/reference/model.h).
 *
 * The input is a byte that says what ring to make, and then calls with their arguments, wrong ones too. Payloads tell their number, so a
 * message that is not the predicted one, or not whole, is seen. Another ring stands all the while, so that the broker's thread does too.
 */
#include "mring.h"
#include "reference/model.h"
#include "reference/payload.h"
#include "script.h"

#include <errno.h>
#include <string.h>

enum { STEPS = 300, KEPT = 8, CAPACITY = 16384, LINES = 3, CONSUMERS = 5, GROUPS = 4, MESSAGES = 2048 };

/* A consumer's handle, and the last messages it was handed. */
struct seat {
    struct mring_consumer *handle;
    struct mring_message kept[KEPT];
    unsigned count;
};

struct game {
    struct script script;
    struct model model;
    struct model_message message[MESSAGES];
    struct mring *ring;
    struct mring_producer *producer;
    void *where; /* of the last reserve that found room */
    struct seat seat[CONSUMERS];
};

static const char *const names[GROUPS] = {"first", "second", "passing", "other"};

static void make_ring(struct game *game)
{
    uint32_t choices = script_below(&game->script, 64);
    const struct mring_group groups[] = {{.name = names[0], .members = 1 + choices % LINES},
                                         {.name = names[1], .members = 1 + choices / 4 % 2}};
    const struct mring_options options = {.size = sizeof(options),
                                          .capacity = CAPACITY,
                                          .alignment = (choices & 16) != 0 ? 64 : 8,
                                          .groups = groups,
                                          .group_count = 1 + (choices >> 5)};

    EXPECT(mring_create(&game->ring, NULL, &options) == 0);
    model_begin(&game->model, CAPACITY, options.alignment, game->message, MESSAGES);
    for (unsigned at = 0; at < options.group_count; at++)
        model_declare(&game->model, at, &(struct model_terms){.lines = groups[at].members});
}

/* ---- the producer ---- */

static uint64_t any_length(struct script *script)
{
    switch (script_below(script, 8)) {
    case 0:
        return script_below(script, 8200);
    case 1:
        return CAPACITY / 2 - 8 + script_below(script, 2);
    case 2:
        return script_below(script, 2) != 0 ? SIZE_MAX - script_below(script, 32) : UINT32_MAX;
    default:
        return script_below(script, 300);
    }
}

static bool out_of_numbers(const struct game *game)
{
    return game->model.committed == MESSAGES;
}

static void reserve(struct game *game)
{
    uint64_t length = any_length(&game->script);
    void *where;
    int code = mring_reserve(game->producer, length, &where);

    EXPECT(code == model_reserve(&game->model, length));
    if (code == 0)
        game->where = where;
}

/* The message at the reserved place, if it may be one: its length. */
static uint64_t complete(struct game *game, uint32_t number)
{
    uint64_t length = script_below(&game->script, 400);

    if (!game->model.ended && game->model.reserved_at == game->model.end && length <= game->model.reserved)
        payload_fill(game->where, length, number);
    return length;
}

static void commit(struct game *game)
{
    const uint32_t number = game->model.committed;
    uint64_t length;

    if (out_of_numbers(game))
        return;
    length = complete(game, number);
    EXPECT(mring_commit(game->producer, length, number) == model_commit(&game->model, length));
}

static void publish(struct game *game)
{
    const uint32_t number = game->model.committed;
    uint64_t length;
    int code;

    if (out_of_numbers(game))
        return;
    length = complete(game, number);
    code = mring_publish(game->producer, length, number);
    EXPECT(code == model_commit(&game->model, length));
    if (code == 0)
        model_flush(&game->model);
}

static void send(struct game *game)
{
    static unsigned char bytes[CAPACITY];
    uint64_t length = any_length(&game->script);
    uint32_t number = game->model.committed;
    size_t first = length < sizeof(bytes) ? length / 3 : length;
    const struct iovec pieces[] = {{bytes, first}, {bytes + (first < sizeof(bytes) ? first : 0), length - first}};
    int code;

    if (out_of_numbers(game))
        return;
    payload_fill(bytes, length < sizeof(bytes) ? length : sizeof(bytes), number);
    switch (script_below(&game->script, 3)) {
    case 0:
        code = mring_sendv(game->producer, pieces, 2, number);
        break;
    case 1:
        code = mring_send_wait(game->producer, bytes, length, number, 0);
        if (code == -ETIMEDOUT || code == -ECANCELED) { /* it waited, which takes a wake */
            EXPECT(model_send(&game->model, length) == -EAGAIN);
            EXPECT(code == model_producer_wait(&game->model));
            return;
        }
        break;
    default:
        code = mring_send(game->producer, bytes, length, number);
    }
    EXPECT(code == model_send(&game->model, length));
}

static void close_producer(struct game *game)
{
    EXPECT(mring_close(game->ring) == -EBUSY);
    EXPECT(mring_producer_close(game->producer) == 0);
    model_close(&game->model);
    game->producer = NULL;
}

static void produce(struct game *game, uint32_t choice)
{
    struct mring_producer *second;
    struct mring_error error = MRING_ERROR_INIT;

    if (game->producer == NULL) {
        EXPECT(mring_producer(game->ring, &game->producer, NULL) == model_open(&game->model));
        return;
    }
    switch (choice) {
    case 0:
    case 1:
        reserve(game);
        break;
    case 2:
        commit(game);
        break;
    case 3:
        publish(game);
        break;
    case 4:
        EXPECT(mring_flush(game->producer) == 0);
        model_flush(&game->model);
        break;
    case 5:
        EXPECT(mring_producer_wait(game->producer, 0) == model_producer_wait(&game->model));
        break;
    case 6:
        EXPECT(mring_drain(game->producer, 0) == model_drain(&game->model));
        break;
    case 7:
        EXPECT(mring_producer_wake(game->producer) == 0);
        game->model.producer_woken = true;
        break;
    case 8:
        if (script_below(&game->script, 8) == 0) {
            EXPECT(mring_end(game->producer) == 0);
            model_end(&game->model);
        }
        EXPECT(mring_producer(game->ring, &second, NULL) == (game->model.ended ? -EPIPE : -EBUSY));
        break;
    case 9:
        close_producer(game);
        break;
    case 10:
        EXPECT(mring_producer_trouble(game->producer, &error) == 0);
        EXPECT(mring_sendv(game->producer, NULL, 1, 0) == -EINVAL &&
               mring_sendv(game->producer, NULL, -1, 0) == -EINVAL);
        break;
    default:
        send(game);
    }
}

/* ---- consumers ---- */

static void join(struct game *game, unsigned at)
{
    unsigned group = script_below(&game->script, GROUPS);
    struct mring_join_options options = MRING_JOIN_OPTIONS_INIT;
    struct mring_info info = MRING_INFO_INIT;
    struct model_wish wish = {.batch = MODEL_BATCH};
    int code;

    options.members = 1 + script_below(&game->script, LINES);
    options.batch = script_below(&game->script, 4) == 0 ? script_below(&game->script, 80) : 0;
    wish.terms.lines = options.members;
    if (options.batch != 0 && options.batch < MODEL_BATCH)
        wish.batch = options.batch;
    code = mring_join(game->ring, names[group], &options, &game->seat[at].handle);
    EXPECT(code == model_join(&game->model, &game->model.consumer[at], group, &wish));
    game->seat[at].count = 0;
    EXPECT(mring_info(game->ring, &info) == 0 && info.groups == model_groups(&game->model));
}

static void keep(struct seat *seat, const struct mring_message *message)
{
    if (seat->count == KEPT)
        memmove(seat->kept, seat->kept + 1, --seat->count * sizeof(*message));
    seat->kept[seat->count++] = *message;
}

static void check_message(const struct mring_message *got, const struct model_message *expected)
{
    EXPECT(got->position == expected->position && got->length == expected->length && got->tag == expected->tag);
    EXPECT(got->deliveries == 1);
    EXPECT(payload_is(got->data, got->length, got->tag));
}

static void next(struct game *game, unsigned at)
{
    struct model_consumer *model = &game->model.consumer[at];
    const struct model_message *expected;
    struct mring_message message;
    int code = mring_next(game->seat[at].handle, &message);

    EXPECT(code == model_next(&game->model, model, &expected));
    if (code != 1)
        return;
    check_message(&message, expected);
    keep(&game->seat[at], &message);
}

/* A member of one may be given fewer than there are; one of many gets what is left of its batch. */
static void next_batch(struct game *game, unsigned at)
{
    struct model_consumer *model = &game->model.consumer[at];
    int most = (int)script_below(&game->script, 20) - 1;
    struct mring_message messages[20];
    const struct model_message *expected;
    int code = mring_next_batch(game->seat[at].handle, messages, most);

    if (most < 1) {
        EXPECT(code == -EINVAL);
        return;
    }
    EXPECT(code <= most);
    if (code < 1) {
        EXPECT(code == model_next(&game->model, model, &expected));
        return;
    }
    for (int index = 0; index < code; index++) {
        EXPECT(model_next(&game->model, model, &expected) == 1);
        EXPECT(index == 0 || model->group->terms.lines == 1 || messages[index].position > messages[index - 1].position);
        check_message(&messages[index], expected);
        keep(&game->seat[at], &messages[index]);
    }
    EXPECT(code == most || model->group->terms.lines == 1 || model->position == model->limit);
}

static void receive(struct game *game, unsigned at)
{
    static unsigned char bytes[CAPACITY];
    struct model_consumer *model = &game->model.consumer[at];
    uint32_t size = script_below(&game->script, 4) == 0 ? script_below(&game->script, 100) : CAPACITY;
    const struct model_message *expected;
    struct mring_message message;
    int code = mring_recv(game->seat[at].handle, bytes, size, &message);

    if (model->held < model->position) {
        EXPECT(code == -EINVAL);
        return;
    }
    if (code != 1 && code != -EMSGSIZE) {
        EXPECT(code == model_next(&game->model, model, &expected));
        return;
    }
    EXPECT(model_next(&game->model, model, &expected) == 1);
    EXPECT((code == 1) == (expected->length <= size) && message.length == expected->length);
    if (code == 1) {
        check_message(&message, expected);
        EXPECT(message.data == bytes);
        EXPECT(model_release(&game->model, model, expected->position, expected->length) == 0);
    } else {
        model_put_back(&game->model, model, expected);
    }
}

static void release(struct game *game, unsigned at)
{
    struct seat *seat = &game->seat[at];
    const struct mring_message *message;

    if (seat->count == 0)
        return;
    message =
        &seat->kept[script_below(&game->script, 3) == 0 ? script_below(&game->script, seat->count) : seat->count - 1];
    EXPECT(mring_release(seat->handle, message) ==
           model_release(&game->model, &game->model.consumer[at], message->position, message->length));
}

static void leave(struct game *game, unsigned at)
{
    EXPECT(mring_leave(game->seat[at].handle) == 0);
    model_leave(&game->model, &game->model.consumer[at]);
}

static void consume(struct game *game, uint32_t choice)
{
    unsigned at = script_below(&game->script, CONSUMERS);
    struct model_consumer *model = &game->model.consumer[at];
    struct mring_consumer *consumer = game->seat[at].handle;
    struct mring_error error = MRING_ERROR_INIT;
    struct mring_message message;
    char byte;

    if (!model->open) {
        join(game, at);
        return;
    }
    switch (choice) {
    case 0:
        leave(game, at);
        break;
    case 1:
        receive(game, at);
        break;
    case 2:
        EXPECT(mring_consumer_wait(consumer, 0) == model_wait(&game->model, model));
        break;
    case 3:
        EXPECT(mring_consumer_wake(consumer) == 0);
        model->woken = true;
        break;
    case 4:
        EXPECT(mring_take_aside(consumer, &byte, 1, &message) == 0);
        EXPECT(mring_consumer_trouble(consumer, &error) == 0);
        break;
    case 5:
    case 6:
        next_batch(game, at);
        break;
    case 7:
    case 8:
    case 9:
        release(game, at);
        break;
    default:
        next(game, at);
    }
}

static void end(struct game *game)
{
    for (unsigned at = 0; at < CONSUMERS; at++)
        if (game->model.consumer[at].open)
            leave(game, at);
    if (game->producer != NULL)
        close_producer(game);
    EXPECT(mring_close(game->ring) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static struct mring *standing;
    static struct game game;

    if (standing == NULL)
        EXPECT(mring_create(&standing, NULL, NULL) == 0);
    memset(&game, 0, sizeof(game));
    game.script = (struct script){bytes, size};
    make_ring(&game);
    for (int left = STEPS; left > 0 && game.script.left > 0; left--) {
        uint32_t choice = script_below(&game.script, 32);

        if (choice < 14)
            produce(&game, choice);
        else
            consume(&game, choice - 14);
    }
    end(&game);
    return 0;
}
