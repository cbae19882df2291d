/*
 * fanout: one producer, three consumers in processes of their own, two groups.
 *
 * Every group sees every message: "log" has one member, which prints all eight; the two members of "work" share the same
 * eight between them. The groups are declared when the ring is made, so that no message is missed by a late child.
 *
 *     cc fanout.c $(pkg-config --cflags --libs mring) -o fanout && ./fanout
 */
#include <errno.h>
#include <mring.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

static int consume(struct mring *ring, const char *group)
{
    struct mring_consumer *consumer = NULL;
    struct mring_message message;
    int n = mring_join(ring, group, NULL, &consumer);
    while (n >= 0) {
        if ((n = mring_next(consumer, &message)) == 0) {
            n = mring_wait(consumer, MRING_FOREVER);
        } else if (n == 1) {
            printf("%s: %.*s\n", group, (int)message.length, (const char *)message.data);
            n = mring_release(consumer, &message);
        }
    }
    mring_leave(consumer);
    return n != -EPIPE || fflush(stdout) != 0; /* -EPIPE: the stream is complete */
}

int main(void)
{
    struct mring_group groups[] = {{"log", 1}, {"work", 2}};
    struct mring_options options = {.size = sizeof(options), .groups = groups, .group_count = 2};
    struct mring *ring;
    struct mring_producer *producer;
    if (mring_create(&ring, NULL, &options) < 0 || mring_producer(ring, &producer, NULL) < 0)
        return 1;
    for (int i = 0; i < 3; i++)
        if (fork() == 0)
            _exit(consume(ring, i == 0 ? "log" : "work"));

    int failed = 0, status;
    for (int i = 0; i < 8; i++) {
        char text[32];
        size_t length = (size_t)snprintf(text, sizeof(text), "message %d", i);
        while ((status = mring_send(producer, text, length, 0)) == -EAGAIN)
            mring_wait(producer, MRING_FOREVER); /* the ring is full */
        failed |= status != 0;
    }
    failed |= mring_end(producer) != 0;
    for (int i = 0; i < 3; i++)
        failed |= wait(&status) < 0 || status != 0;
    mring_producer_close(producer);
    mring_close(ring);
    return failed;
}
