/*
 * What stands in a ring's entries, as text: a line for each word that is not zero, with its offset, its name and its value; a line for each run
 * of equal words in data. Every byte of an entry is in a line, or is zero.
 *
 * What is drawn at random, or differs from one user or process to another, is checked for what it has to be, and said in words.
 */
#ifndef TESTS_GOLDEN_IMAGE_H
#define TESTS_GOLDEN_IMAGE_H

#include "core/view.h"

#include <stdio.h>

struct image {
    FILE *text;
    const char *name;  /* of the ring, in each line */
    uint64_t life;     /* of this process in the ring: it is called "mine" */
    uint64_t capacity; /* of the ring */
};

/* The ring's entry: header, producer's page, directory, data. */
void image_ring(const struct image *image, const void *entry);
/* A group's, named so. */
void image_group(const struct image *image, const char *name, const void *entry, uint32_t members);
void image_doorbell(const struct image *image, const void *entry);

/* The two rings, as text. */
void by_public_calls(FILE *text);
void by_cores_calls(FILE *text);

#endif
