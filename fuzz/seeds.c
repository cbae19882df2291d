/*
 * seeds DIRECTORY: writes inputs of the target `attach`: rings as the library leaves them, in the words that are not zero.
 *
 * One with a lone group and one with a group of many, each caught between messages, with some of them handed out and not released.
 */
#include "api/consumer.h"

#include <stdio.h>
#include <stdlib.h>

enum { RUN = 8, WHOLE_RING = 15, RUNS_OF_WORDS = 5 };

static void need(bool held, const char *what)
{
    if (held)
        return;
    perror(what);
    exit(EXIT_FAILURE);
}

/* Words [at, at + count) of what begins at `base`, as attach.c's patch reads them. */
static void put_run(FILE *file, const void *base, uint64_t at, uint64_t count, int of_group)
{
    const uint64_t *words = base;

    (void)fprintf(file, "%c%c%c%c%c", (int)(at >> 8), (int)(at & 0xff), RUNS_OF_WORDS, of_group, (int)count - 1);
    for (uint64_t word = at; word < at + count; word++)
        for (int byte = 7; byte >= 0; byte--)
            (void)fputc((int)(words[word] >> 8 * byte & 0xff), file);
}

static void put_entry(FILE *file, const void *base, uint64_t size, int of_group)
{
    const uint64_t *words = base;

    for (uint64_t at = 0; at < size / 8; at += RUN) {
        bool any = false;

        for (uint64_t word = at; word < at + RUN; word++)
            any |= words[word] != 0;
        if (any)
            put_run(file, base, at, RUN, of_group);
    }
}

static void put_ring(const char *directory, const char *name, const struct mring *ring, uint32_t members)
{
    char path[4096];
    FILE *file;

    (void)snprintf(path, sizeof(path), "%s/%s", directory, name);
    file = fopen(path, "wb");
    need(file != NULL, path);
    (void)fprintf(file, "%c%c%c", 1, 1, WHOLE_RING);
    put_entry(file, (const void *)ring->region.base, ring->region.mapped - ring->region.view.capacity, 0);
    put_entry(file, ring->group[0].view.page, layout_group_words(members), 1);
    (void)fprintf(file, "%c%c%14s", 3, (int)members - 1, ""); /* read-write, with a doorbell */
    need(fclose(file) == 0, path);
}

static void make(const char *directory, const char *name, uint32_t members)
{
    const struct mring_group group = {.name = "group", .members = members};
    const struct mring_options options = {
        .size = sizeof(options), .capacity = 16384, .groups = &group, .group_count = 1};
    struct mring *ring;
    struct mring_producer *producer;
    struct mring_consumer *consumer;
    struct mring_message message;

    need(mring_create(&ring, NULL, &options) == 0 && mring_producer(ring, &producer, NULL) == 0, "ring");
    for (unsigned char at = 0; at < 20; at++)
        need(mring_send(producer, &at, at % 2, at) == 0, "send");
    need(mring_join(ring, "group", NULL, &consumer) == 0 && mring_next(consumer, &message) == 1, "next");
    put_ring(directory, name, ring, members);
    (void)mring_leave(consumer);
    (void)mring_producer_close(producer);
    (void)mring_close(ring);
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        (void)fprintf(stderr, "usage: seeds DIRECTORY\n");
        return 2;
    }
    make(argv[1], "lone", 1);
    make(argv[1], "many", 3);
    return EXIT_SUCCESS;
}
