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
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static void consume(struct mring *ring, const char *group)
{
    struct mring_consumer *consumer;
    struct mring_message message;
    int n = mring_join(ring, group, NULL, &consumer);
    while (n >= 0 && (n = mring_next_wait(consumer, &message, MRING_FOREVER)) == 1) {
        printf("%s: %.*s\n", group, (int)message.length, (const char *)message.data);
        n = mring_release(consumer, &message);
    }
    exit(n != -EPIPE); /* -EPIPE: the stream is complete */
}

int main(void)
{
    struct mring_group groups[] = {{.name = "log", .members = 1}, {.name = "work", .members = 2}};
    struct mring_options options = {.size = sizeof(options), .groups = groups, .group_count = 2};
    struct mring *ring;
    struct mring_producer *producer;
    char text[] = "message 0";
    int failed = 0, status;
    if (mring_create(&ring, NULL, &options) < 0 || mring_producer(ring, &producer, NULL) < 0)
        return 1;
    for (int i = 0; i < 3; i++)
        if (fork() == 0)
            consume(ring, i == 0 ? "log" : "work");
    for (; text[8] < '8'; text[8]++)
        failed |= mring_send_wait(producer, text, 9, 0, MRING_FOREVER) < 0;
    failed |= mring_end(producer) < 0;
    for (int i = 0; i < 3; i++)
        failed |= wait(&status) < 0 || status != 0;
    mring_producer_close(producer);
    mring_close(ring);
    return failed;
}
