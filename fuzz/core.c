/*
 * Whatever peers left in a ring's words and data, core/ stays inside its mappings (I7): a member that joins, takes, reads,
 * releases and leaves; a producer that starts after another; a gate.
 *
 * The input is the state that the peers left: one byte of choices, the words, then data from the group's position on. The memory
 * is from the heap and exactly as large as the mappings, so that AddressSanitizer sees one byte too far. The second half
 * of the data is a copy instead of a second mapping; nothing here writes data but the producer, which comes last.
 */
#include "core/group.h"
#include "core/lone.h"
#include "core/producer.h"
#include "core/shared.h"

#include <stdlib.h>
#include <string.h>

enum { CAPACITY = 16384, MEMBERS = 3, STEPS = 300, LIFE = 77 };

#define EXPECT(condition)                                                                                              \
    do {                                                                                                               \
        if (!(condition))                                                                                              \
            __builtin_trap();                                                                                          \
    } while (0)

struct input {
    const uint8_t *at;
    size_t left;
};

static uint64_t take(struct input *input, size_t bytes)
{
    uint64_t value = 0;

    for (; bytes > 0 && input->left > 0; bytes--, input->left--)
        value = value << 8 | *input->at++;
    return value;
}

/* A word as an honest peer could have left it, a small multiple of 8, or any word at all. */
static uint64_t take_word(struct input *input)
{
    uint64_t value = take(input, 2);

    return (value & 1) != 0 ? take(input, 8) : (value >> 1) * 8;
}

static void *allocate(size_t size)
{
    void *memory = aligned_alloc(LAYOUT_LINE, size);

    EXPECT(memory != NULL);
    memset(memory, 0, size);
    return memory;
}

static void fill_words(const struct ring_view *ring, const struct group_view *group, struct input *input)
{
    word_store(&ring->page->tail, take_word(input));
    word_store(&ring->page->ended, take_word(input));
    word_store(&ring->page->messages, take_word(input));
    word_store(&group->page->claim.low, take_word(input));
    word_store(&group->page->claim.high, take_word(input));
    word_store(&group->page->occupied[0], take_word(input));
    word_store(&group->page->orphans, take_word(input));
    for (uint32_t line = 0; line < group->members; line++) {
        uint64_t held = take_word(input);

        /* Idle is what most lines are, and what a random word never is. */
        word_store(&group->line[line].held, held == 8 ? HELD_IDLE : held);
        word_store(&group->line[line].owner, take_word(input));
        word_store(&group->line[line].intent_serial, take_word(input));
        word_store(&group->line[line].intent_end, take_word(input));
        word_store(&group->line[line].signed_serial, take_word(input));
    }
}

static void fill_data(const struct ring_view *ring, uint64_t position, struct input *input)
{
    for (uint64_t offset = 0; offset < CAPACITY && input->left > 0; offset++) {
        uint8_t byte = (uint8_t)take(input, 1);

        ring->data[(position + offset) & ring->mask] = byte;
        ring->data[((position + offset) & ring->mask) + CAPACITY] = byte;
    }
}

static bool nobody_lives(void *context, uint64_t number)
{
    (void)context;
    (void)number;
    return false;
}

/* Read a record's payload, every byte, as its user may. */
static void read_payload(const struct record *record)
{
    const unsigned char *data = record->data;
    static volatile unsigned char sink;

    for (uint32_t at = 0; at < record_length(record->header); at++)
        sink = (unsigned char)(sink ^ data[at]);
}

static void consume_lone(struct consumer_core *consumer)
{
    struct record record = {0, 0, NULL};

    for (int step = 0; step < STEPS && lone_next(consumer, &record) == 1; step++) {
        read_payload(&record);
        consumer_core_release(consumer, consumer->position);
        (void)consumer_core_ended(consumer, consumer->position);
    }
}

static void consume_shared(struct consumer_core *consumer)
{
    struct record record = {0, 0, NULL};

    for (int step = 0; step < STEPS; step++) {
        if (!consumer_core_take(consumer, &record) &&
            (shared_claim(consumer) != 1 || !consumer_core_take(consumer, &record)))
            return;
        read_payload(&record);
        shared_release(consumer, consumer->position);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct input input = {bytes, size};
    uint64_t choices = take(&input, 1);
    struct ring_view ring = {
        .page = allocate(sizeof(struct producer_page)),
        .doorbell = allocate(sizeof(struct doorbell_page)),
        .data = allocate(2 * CAPACITY),
        .capacity = CAPACITY,
        .mask = CAPACITY - 1,
        .alignment = (choices & 1) != 0 ? 64 : 8,
    };
    struct group_view group = {
        .page = allocate(sizeof(struct group_page)),
        .members = (choices & 2) != 0 ? MEMBERS : 1,
        .kind = (choices & 4) != 0 ? GROUP_PASSING : GROUP_DECLARED,
    };
    struct consumer_core consumer;
    struct producer_core producer;
    uint64_t gate, tail, floor;
    int line;

    group.line = allocate(group.members * sizeof(struct member_line));
    fill_words(&ring, &group, &input);
    floor = take_word(&input);
    fill_data(&ring, word_load(&group.page->claim.low), &input);

    tail = word_load(&ring.page->tail);
    if (floor <= tail) {
        gate = gate_of_group(&ring, &group, floor, tail);
        EXPECT(gate == GATE_NONE || gate == GATE_BROKEN || (floor <= gate && gate <= tail));
    }

    line = group_occupy(&ring, &group, LIFE, nobody_lives, NULL);
    if (line >= 0 &&
        group_enter(&consumer, &ring, &group, (uint32_t)line, &(struct judge){nobody_lives, NULL, LIFE}) == 0) {
        EXPECT((uint32_t)line < group.members);
        if (group.members == 1)
            consume_lone(&consumer);
        else
            consume_shared(&consumer);
        group_leave(&consumer);
    }

    if (producer_core_start(&producer, &ring) == 0) {
        uint32_t length = (uint32_t)view_message_max(&ring);
        struct place place = producer_core_place(&producer, length);

        EXPECT(producer.position == word_load(&ring.page->tail) && producer.position % ring.alignment == 0);
        if (producer_core_fits(&producer, place.next)) {
            memset(place_payload(place), 1, length);
            (void)producer_core_send(&producer, place, length, 1);
        }
    }

    free(ring.page);
    free(ring.doorbell);
    free(ring.data);
    free(group.page);
    free(group.line);
    return 0;
}
