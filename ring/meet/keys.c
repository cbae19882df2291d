#include "meet/keys.h"

#include <errno.h>
#include <sys/random.h>
#include <unistd.h>

/* What is derived: the first word of what is hashed, so that no two kinds of keys can be the same. */
enum { DERIVE_LOWER = 1, DERIVE_GROUP = 2 };

static inline uint64_t rotated(uint64_t word, unsigned bits)
{
    return word << bits | word >> (64 - bits);
}

static void rounds(uint64_t v[4], unsigned count)
{
    for (; count > 0; count--) {
        v[0] += v[1];
        v[1] = rotated(v[1], 13) ^ v[0];
        v[0] = rotated(v[0], 32);
        v[2] += v[3];
        v[3] = rotated(v[3], 16) ^ v[2];
        v[0] += v[3];
        v[3] = rotated(v[3], 21) ^ v[0];
        v[2] += v[1];
        v[1] = rotated(v[1], 17) ^ v[2];
        v[2] = rotated(v[2], 32);
    }
}

static void absorb(uint64_t v[4], uint64_t word)
{
    v[3] ^= word;
    rounds(v, 2);
    v[0] ^= word;
}

struct ring_key key_hash(const struct ring_key *key, const uint64_t *words, size_t count)
{
    uint64_t v[4] = {
        UINT64_C(0x736f6d6570736575) ^ key->word[0],
        UINT64_C(0x646f72616e646f6d) ^ key->word[1] ^ 0xee,
        UINT64_C(0x6c7967656e657261) ^ key->word[0],
        UINT64_C(0x7465646279746573) ^ key->word[1],
    };
    struct ring_key made;

    for (size_t at = 0; at < count; at++)
        absorb(v, words[at]);
    absorb(v, (uint64_t)count * sizeof *words << 56);
    v[2] ^= 0xee;
    rounds(v, 4);
    made.word[0] = v[0] ^ v[1] ^ v[2] ^ v[3];
    v[1] ^= 0xdd;
    rounds(v, 4);
    made.word[1] = v[0] ^ v[1] ^ v[2] ^ v[3];
    return made;
}

int key_make(struct ring_key *secret)
{
    return getentropy(secret, sizeof *secret) == 0 ? 0 : -errno;
}

struct ring_key key_lower(const struct ring_key *key)
{
    const uint64_t words[] = {DERIVE_LOWER};

    return key_hash(key, words, 1);
}

struct ring_key key_between(const struct ring_key *key, enum mring_role has, enum mring_role wanted)
{
    struct ring_key made = *key;

    if (has == MRING_PRODUCE && wanted != MRING_PRODUCE)
        made = key_lower(&made);
    return has != MRING_INSPECT && wanted == MRING_INSPECT ? key_lower(&made) : made;
}

struct ring_key key_of_role(const struct ring_key *secret, enum mring_role role)
{
    return key_between(secret, MRING_PRODUCE, role);
}

struct ring_key key_of_group(const struct ring_key *secret, uint32_t index, uint32_t members, uint64_t incarnation)
{
    const uint64_t words[] = {DERIVE_GROUP, (uint64_t)index << 32 | members, incarnation};

    return key_hash(secret, words, 3);
}

bool key_equal(const struct ring_key *one, const struct ring_key *other)
{
    return ((one->word[0] ^ other->word[0]) | (one->word[1] ^ other->word[1])) == 0;
}

bool key_is_none(const struct ring_key *key)
{
    return (key->word[0] | key->word[1]) == 0;
}

void key_forget(struct ring_key *key)
{
    volatile uint64_t *word = key->word;

    word[0] = 0;
    word[1] = 0;
}
