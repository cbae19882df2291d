/* Each life waits in a way of its own: of those that the library has, and by its descriptor, in a loop of poll. */
#include "soak.h"

#include <errno.h>
#include <poll.h>

enum mring_waiting my_waiting;
int64_t my_interval;
static bool polls;

void choose_waiting(void)
{
    uint32_t way = random_below(&my_random, 64);

    polls = way >= 48;
    my_waiting = way == 0 ? MRING_SPIN : way < 16 ? MRING_SLEEP : way < 32 ? MRING_DOZE : MRING_SPIN_THEN_SLEEP;
    my_interval = random_below(&my_random, 2000000);
}

/* False: the time is over. */
static bool poll_until(int descriptor, int64_t end)
{
    int64_t left = end - now_ns();

    if (descriptor < 0)
        BAD("mring_fd: %d", descriptor);
    if (end != INT64_MAX && left <= 0)
        return false;
    (void)poll(&(struct pollfd){descriptor, POLLIN, 0}, 1, end == INT64_MAX ? -1 : (int)(left / 1000000));
    return true;
}

int wait_for_message(struct mring_consumer *consumer, int64_t timeout)
{
    int64_t end = timeout < 0 ? INT64_MAX : now_ns() + timeout;
    int code;

    if (!polls)
        return mring_wait(consumer, timeout);
    do
        code = mring_wait(consumer, 0);
    while (code == -ETIMEDOUT && poll_until(mring_fd(consumer), end));
    return code;
}

int wait_for_room(struct mring_producer *producer)
{
    int code;

    if (!polls)
        return mring_wait(producer, MRING_FOREVER);
    do
        code = mring_wait(producer, 0);
    while (code == -ETIMEDOUT && poll_until(mring_fd(producer), INT64_MAX));
    return code;
}
