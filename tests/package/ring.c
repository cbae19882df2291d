/* One message through a ring, as an outside project would send it. */
#include <mring.h>
#include <stdio.h>
#include <string.h>

static int failed(const char *what, int error)
{
    fprintf(stderr, "%s: %s\n", what, mring_strerror(error));
    return 1;
}

int main(void)
{
    static const char text[] = "hello, outside";
    struct mring *ring = NULL;
    struct mring_producer *producer = NULL;
    struct mring_consumer *consumer = NULL;
    struct mring_message message;
    int status;

    if ((status = mring_create(&ring, NULL, NULL)) < 0)
        return failed("create", status);
    if ((status = mring_join(ring, "all", NULL, &consumer)) < 0)
        return failed("join", status);
    if ((status = mring_producer(ring, &producer, NULL)) < 0)
        return failed("producer", status);
    if ((status = mring_send(producer, text, sizeof(text), 7)) < 0)
        return failed("send", status);
    if ((status = mring_wait(consumer, MRING_FOREVER)) < 0)
        return failed("wait", status);
    if ((status = mring_next(consumer, &message)) != 1)
        return failed("next", status);
    if (message.length != sizeof(text) || message.tag != 7 || memcmp(message.data, text, sizeof(text)) != 0) {
        fprintf(stderr, "the message came out changed\n");
        return 1;
    }
    if ((status = mring_release(consumer, &message)) < 0)
        return failed("release", status);
    mring_leave(consumer);
    mring_producer_close(producer);
    if ((status = mring_close(ring)) < 0)
        return failed("close", status);
    printf("mring %s, in C\n", mring_version());
    return 0;
}
