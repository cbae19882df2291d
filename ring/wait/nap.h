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
 */
#ifndef MRING_WAIT_NAP_H
#define MRING_WAIT_NAP_H

#include <stdint.h>

enum { NAP_MOST_NS = 1000 * 1000 };

/* The producer's. Zeroes: it has woken nobody yet. */
struct nap_gauge {
    int64_t pass; /* ns: the longest of late, shorter ones counting little by little */
};

/* One more pass woke so many, and took so long. The nap that follows from it, ns, or 0. */
uint64_t nap_after_pass(struct nap_gauge *gauge, unsigned woken, int64_t took);

/* What the word says, as far as it is heeded. */
static inline int64_t nap_heeded(uint64_t said)
{
    return said < NAP_MOST_NS ? (int64_t)said : NAP_MOST_NS;
}

#endif
