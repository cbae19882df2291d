#include "model_worker.h"

#include "harness.h"
#include "reference/payload.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { HANG = 20 * 1000 * TEST_SLOWNESS /* ms */, KEPT = 4096 };

const char *const group_names[MODEL_GROUPS + 1] = {"log", "work", "index", "lag", "p0", "p1", "p2", "p3", NULL};

/* ---- the channel ---- */

bool worker_tell(int channel, const struct order *order)
{
    return send(channel, order, sizeof(*order), 0) == (ssize_t)sizeof(*order);
}

bool worker_hear(int channel, struct answer *answer)
{
    struct pollfd wait = {.fd = channel, .events = POLLIN};

    return poll(&wait, 1, HANG) == 1 && recv(channel, answer, sizeof(*answer), MSG_WAITALL) == (ssize_t)sizeof(*answer);
}

/* ---- the process ---- */

struct seat {
    struct mring_consumer *consumer;
    struct mring_message kept[KEPT]; /* what it was handed last */
    unsigned count;
};

static struct worker {
    struct mring *ring;
    struct mring_producer *producer;
    void *where; /* as reserved */
    struct seat seat[WORKER_SEATS];
} worker;

static unsigned char buffer[WORKER_MESSAGE];

static const struct mring_message *kept(const struct seat *seat, const struct order *order)
{
    for (unsigned back = 1; back <= seat->count && back <= KEPT; back++)
        if (seat->kept[(seat->count - back) % KEPT].position == order->position)
            return &seat->kept[(seat->count - back) % KEPT];
    return NULL;
}

static void note(struct answer *answer, const struct mring_message *message)
{
    answer->got[answer->count++] = (struct got){message->position, message->length, message->tag, message->deliveries,
                                                payload_is(message->data, message->length, message->tag)};
}

static void keep(struct seat *seat, const struct mring_message *message)
{
    seat->kept[seat->count++ % KEPT] = *message;
}

static void join(struct seat *seat, const struct order *order, struct answer *answer)
{
    const struct model_wish *wish = &order->wish;
    struct mring_error error = MRING_ERROR_INIT;
    struct mring_join_options options = MRING_JOIN_OPTIONS_INIT;
    const char *after[MODEL_GROUPS];

    options.error = &error;
    options.members = wish->terms.lines;
    options.batch = wish->batch;
    options.lossy = wish->terms.lossy;
    options.durable = wish->terms.kind == MODEL_DURABLE;
    options.start = (enum mring_start)wish->start;
    options.position = wish->position;
    options.start_group = group_names[wish->start_group];
    options.after = after;
    for (unsigned at = 0; at < MODEL_GROUPS; at++)
        if ((wish->terms.after >> at & 1) != 0)
            after[options.after_count++] = group_names[at];
    answer->code = mring_join(worker.ring, group_names[order->group], &options, &seat->consumer);
    memcpy(answer->text, error.text, sizeof(answer->text));
    seat->count = 0;
}

static void next(struct seat *seat, const struct order *order, struct answer *answer)
{
    struct mring_message messages[WORKER_GOT];

    if (order->verb == NEXT_BATCH)
        answer->code = mring_next_batch(seat->consumer, messages, (int)order->count);
    else if (order->verb == NEXT_WAIT)
        answer->code = mring_next_wait(seat->consumer, messages, order->timeout);
    else
        answer->code = mring_next(seat->consumer, messages);
    for (int at = 0; at < answer->code; at++) {
        note(answer, &messages[at]);
        keep(seat, &messages[at]);
    }
}

static void receive(struct seat *seat, const struct order *order, struct answer *answer)
{
    struct mring_message message = {.data = buffer};

    if (order->verb == RECV)
        answer->code = mring_recv(seat->consumer, buffer, order->length, &message);
    else
        answer->code = mring_take_aside(seat->consumer, buffer, order->length, &message);
    if (answer->code == 1)
        note(answer, &message);
    else if (answer->code == -EMSGSIZE)
        answer->got[0].length = message.length;
}

static void release(struct seat *seat, const struct order *order, struct answer *answer)
{
    const struct mring_message *message = kept(seat, order);
    const struct mring_message unknown = {.position = order->position, .length = (uint32_t)order->length};

    answer->stayed_whole = message != NULL && payload_is(message->data, message->length, message->tag);
    if (order->verb == INTACT)
        answer->code = mring_intact(seat->consumer, message != NULL ? message : &unknown);
    else
        answer->code = mring_release(seat->consumer, message != NULL ? message : &unknown);
}

static void consume(const struct order *order, struct answer *answer)
{
    struct seat *seat = &worker.seat[order->seat];

    switch (order->verb) {
    case JOIN:
        join(seat, order, answer);
        break;
    case LEAVE:
        answer->code = mring_leave(seat->consumer);
        seat->consumer = NULL;
        break;
    case NEXT:
    case NEXT_BATCH:
    case NEXT_WAIT:
        next(seat, order, answer);
        break;
    case RECV:
    case TAKE_ASIDE:
        receive(seat, order, answer);
        break;
    case CONSUMER_WAIT:
        answer->code = mring_consumer_wait(seat->consumer, order->timeout);
        break;
    default:
        release(seat, order, answer);
    }
    answer->missed = (struct mring_missed)MRING_MISSED_INIT;
    if (seat->consumer != NULL)
        (void)mring_missed(seat->consumer, &answer->missed);
}

static int transmit(const struct order *order)
{
    size_t length = order->length;
    const struct iovec pieces[] = {{buffer, length / 3}, {buffer + length / 3, length - length / 3}};

    if (length <= sizeof(buffer))
        payload_fill(buffer, length, order->tag);
    if (order->verb == SENDV)
        return mring_sendv(worker.producer, pieces, 2, order->tag);
    if (order->verb == SEND_WAIT)
        return mring_send_wait(worker.producer, buffer, length, order->tag, order->timeout);
    return mring_send(worker.producer, buffer, length, order->tag);
}

static int produce(const struct order *order)
{
    switch (order->verb) {
    case PRODUCE:
        return mring_producer(worker.ring, &worker.producer, NULL);
    case CLOSE_PRODUCER: {
        struct mring_producer *producer = worker.producer;

        worker.producer = NULL;
        return mring_producer_close(producer);
    }
    case RESERVE:
        return mring_reserve(worker.producer, order->length, &worker.where);
    case COMMIT:
        if (order->count != 0)
            payload_fill(worker.where, order->length, order->tag);
        return mring_commit(worker.producer, order->length, order->tag);
    case FLUSH:
        return mring_flush(worker.producer);
    case PRODUCER_WAIT:
        return mring_producer_wait(worker.producer, order->timeout);
    case DRAIN:
        return mring_drain(worker.producer, order->timeout);
    case END:
        return mring_end(worker.producer);
    default:
        return transmit(order);
    }
}

static void work(int channel)
{
    struct order order;

    while (recv(channel, &order, sizeof(order), MSG_WAITALL) == (ssize_t)sizeof(order)) {
        static struct answer answer;

        memset(&answer, 0, sizeof(answer));
        if (order.verb == CLOSE)
            answer.code = mring_close(worker.ring);
        else if (order.verb < PRODUCE)
            consume(&order, &answer);
        else
            answer.code = produce(&order);
        EXPECT(send(channel, &answer, sizeof(answer), 0), ==, (ssize_t)sizeof(answer));
        if (order.verb == CLOSE && answer.code == 0)
            return;
    }
}

struct beginning {
    const struct worker_start *start;
    int ends[2];
};

static void begin(void *argument)
{
    const struct beginning *beginning = argument;
    const struct worker_start *start = beginning->start;

    (void)close(beginning->ends[0]);
    worker.ring = start->inherited;
    if (worker.ring == NULL)
        EXPECT_OK(mring_open(&worker.ring, start->name, start->role, NULL));
    work(beginning->ends[1]);
}

pid_t worker_start(const struct worker_start *start, int *channel)
{
    struct beginning beginning = {.start = start};
    pid_t child;

    EXPECT_OK(socketpair(AF_UNIX, SOCK_STREAM, 0, beginning.ends));
    child = child_start(begin, &beginning);
    (void)close(beginning.ends[1]);
    *channel = beginning.ends[0];
    return child;
}
