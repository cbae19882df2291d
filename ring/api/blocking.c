/*
 * The calls that wait, made of those that do not and of the wait: for callers with one thing to do. A wait may say again and again that
 * there is something, and somebody else be quicker each time: it ends with the time all the same. Then the descriptor of one that polls
 * is not armed: its loop is to come again.
 */
#include "consumer.h"
#include "producer.h"

#include "meet/clock.h"

int mring_send_wait(struct mring_producer *producer, const void *data, size_t length, uint32_t tag, int64_t timeout)
{
    int code = mring_send(producer, data, length, tag);
    int64_t deadline = code == -EAGAIN ? clock_deadline(timeout) : 0;

    while (code == -EAGAIN) {
        int64_t left = clock_left(deadline);

        code = mring_producer_wait(producer, left);
        if (code == 0)
            code = mring_send(producer, data, length, tag);
        if (code == -EAGAIN && left == 0) {
            sleep_nudge(&producer->sleep);
            return -ETIMEDOUT;
        }
    }
    return code;
}

int mring_next_wait(struct mring_consumer *consumer, struct mring_message *message, int64_t timeout)
{
    int code = mring_next(consumer, message);
    int64_t deadline = code == 0 ? clock_deadline(timeout) : 0;

    while (code == 0) {
        int64_t left = clock_left(deadline);

        code = mring_consumer_wait(consumer, left);
        if (code == 0)
            code = mring_next(consumer, message);
        if (code == 0 && left == 0) {
            sleep_nudge(&consumer->sleep);
            return -ETIMEDOUT;
        }
    }
    return code;
}
