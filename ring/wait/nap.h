/*
 * Naps: where so many sleep that to wake them is all that the producer does.
 *
 * A publication wakes a member of each group that sleeps. That is some microseconds of the producer's time for each, as nobody else has a right to
 * those semaphores, so one *pass* over 64 groups takes longer than most work on a message. By its end the first have done theirs, and sleep
 * again: then every message of a burst wakes everybody.
 *
 * So the producer measures its passes, and says in a word of its page how long who is about to sleep had better nap: wait by the clock, without
 * being announced, and look, before it announces itself. Twice as long as a pass: who was woken by one is then not there to be woken again
 * before as much time again has gone by, so waking takes no more than half of the producer's time, however the messages come. What comes
 * meanwhile is found when the nap ends, nobody having been called. Messages that come more seldom find everybody announced, and wake as ever.
 *
 * No nap is shorter than what a waiter spins anyway: few sleepers are announced at once.
 *
 * Who naps is missed by nobody, as nobody is to see it: it looks by itself, within NAP_MOST_NS whatever the word says, and then goes through all the
 * steps of a sleeper (sleep.h). To these a nap is no more than a look that took long. The word is an estimate; it is stored only when it changes.
 *
 * Where naps are long enough for all that comes, nobody is woken, and nothing is measured any more: though most may have left, and one alone wait for
 * each answer. So the word has a time, and is heeded for NAP_GOOD of its units only. Then all are announced for once, and the next pass, before which
 * all others are forgotten, says what is true now. One whole pass in that time is a hundredth of the producer's, at most.
 */
#ifndef MRING_WAIT_NAP_H
#define MRING_WAIT_NAP_H

#include <stdint.h>

enum {
    NAP_MOST_NS = 1000 * 1000,
    NAP_BITS = 20, /* of the word: the nap, ns; above them when it was said, in units of 2^20 ns */
    NAP_MASK = (1 << NAP_BITS) - 1,
    NAP_GOOD = 64 /* such units */
};

/* The producer's. Zeroes: it has woken nobody yet. */
struct nap_gauge {
    int64_t pass; /* ns: the longest of late, shorter ones counting little by little */
    int64_t at;   /* when the last one ended */
};

/* One more pass woke so many, from then to now by the monotonic clock. What to say: the word, or 0: no nap. */
uint64_t nap_after_pass(struct nap_gauge *gauge, unsigned woken, int64_t began, int64_t now);

static inline uint64_t nap_word(uint64_t nap, int64_t now)
{
    return ((uint64_t)now & ~(uint64_t)NAP_MASK) | nap;
}

/* What the word says, as far as it is heeded now. */
static inline int64_t nap_heeded(uint64_t said, int64_t now)
{
    const uint64_t age = ((uint64_t)now >> NAP_BITS) - (said >> NAP_BITS);
    const int64_t nap = (int64_t)(said & NAP_MASK);

    if (age >= NAP_GOOD)
        return 0;
    return nap < NAP_MOST_NS ? nap : NAP_MOST_NS;
}

#endif
