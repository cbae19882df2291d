#include "soak.h"

#include <string.h>

/* A number's own pseudo-random bits. */
static uint64_t mixed(uint64_t value)
{
    value = (value ^ value >> 31) * UINT64_C(0x9e3779b97f4a7c15);
    value = (value ^ value >> 29) * UINT64_C(0xbf58476d1ce4e5b9);
    return value ^ value >> 32;
}

static uint64_t piece_of(const struct message_head *head, uint64_t index)
{
    return (head->number * 0x10001 + head->producer) * UINT64_C(0x9e3779b97f4a7c15) +
           index * UINT64_C(0xd6e8feb86659fd93);
}

/* Mostly short, now and then an eighth of the ring. Another producer's message of this number has another length. */
uint32_t message_length(uint64_t number, uint32_t producer)
{
    uint64_t bits = mixed(number << 20 ^ producer);
    uint32_t most = bits % 64 == 0 ? MESSAGE_MOST - (uint32_t)sizeof(struct message_head) : 100;

    return (uint32_t)sizeof(struct message_head) + (uint32_t)((bits >> 32) % (most + 1));
}

void message_write(void *where, uint32_t length, const struct message_head *head)
{
    unsigned char *at = where;

    memcpy(at, head, sizeof(*head));
    for (uint32_t done = sizeof(*head); done < length; done += 8) {
        uint64_t piece = piece_of(head, done);

        memcpy(at + done, &piece, length - done < 8 ? length - done : 8);
    }
}

static bool same_bytes(const unsigned char *at, uint32_t length, const struct message_head *head)
{
    for (uint32_t done = sizeof(*head); done < length; done += 8) {
        uint64_t piece = piece_of(head, done);

        if (memcmp(at + done, &piece, length - done < 8 ? length - done : 8) != 0)
            return false;
    }
    return true;
}

/* Who committed it begins at or before it, and the next one behind it. */
uint64_t message_bytes(uint64_t first, uint64_t count)
{
    uint32_t producer = (uint32_t)word_load_acquire(&book->born);
    uint64_t bytes = 0;

    for (uint64_t number = first + count; number-- > first; bytes += message_length(number, producer))
        while (word_load(&book->begins[producer]) > number)
            producer--;
    return bytes;
}

struct message_head message_check(const struct mring_message *message)
{
    struct message_head head;
    uint64_t begins, next;

    if (message->length < sizeof(head))
        BAD("a message of %u bytes at %llu", message->length, (unsigned long long)message->position);
    memcpy(&head, message->data, sizeof(head));
    if (head.producer == 0 || head.producer >= LIVES_MOST - 1 || message->tag != (uint32_t)head.number ||
        message->length != message_length(head.number, head.producer) ||
        !same_bytes(message->data, message->length, &head))
        BAD("message %llu at %llu is altered: tag %u, length %u, producer %u", (unsigned long long)head.number,
            (unsigned long long)message->position, message->tag, message->length, head.producer);
    begins = word_load_acquire(&book->begins[head.producer]);
    next = word_load_acquire(&book->begins[head.producer + 1]);
    if (begins == 0 || head.number < begins || (next != 0 && head.number >= next))
        BAD("message %llu was never committed: producer %u began at %llu, the next one at %llu",
            (unsigned long long)head.number, head.producer, (unsigned long long)begins, (unsigned long long)next);
    return head;
}
