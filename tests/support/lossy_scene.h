/*
 * A ring with two lossy groups, of one member and of several, for unit tests of core/: a stream whose messages tell their number, and what became
 * of it. For tests of cmocka.
 */
#ifndef TESTS_LOSSY_SCENE_H
#define TESTS_LOSSY_SCENE_H

#include "support/fake_ring.h"

enum { CAPACITY = 16384, MANY_MEMBERS = 3, LONE = 0, MANY = 1, GROUPS = 2 };

struct scene {
    struct fake_ring ring;
    struct producer_core producer;
    uint32_t sent;
    uint64_t sent_bytes;
};

/* What a group's members came to: each message is to be with one of the two. */
struct account {
    uint64_t got, got_bytes;
    uint64_t missed, missed_bytes;
};

void scene_make(struct scene *scene);

/* Messages of so many bytes, each of which is byte_of the message's number, which is its tag. */
void send_one(struct scene *scene, uint32_t length);
void send_some(struct scene *scene, unsigned count, uint32_t length);
unsigned char byte_of(uint32_t number);

/* As the api does it, with what may be had besides what is at hand. */
int next(struct consumer_core *member, struct record *record);
/* What the last call said was missed. */
void note_missed(struct account *account, const struct consumer_core *member);
void release(struct account *account, struct consumer_core *member, const struct record *record);
/* Read to the end. */
void drain(struct account *account, struct consumer_core *member);

/* All that was sent was got, or missed. */
void assert_adds_up(const struct scene *scene, const struct account *account);

#endif
