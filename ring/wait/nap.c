#include "nap.h"

#include <stdbool.h>

enum {
    WAKE_MOST_NS = 10 * 1000,  /* for each that was woken: what took longer was the processor's being taken away */
    NAP_LEAST_NS = 100 * 1000, /* as long as a waiter may spin, for what a sleep costs */
    FORGET = 16 /* how slowly a long pass is forgotten: a burst has one, and some short ones for who came late */
};

uint64_t nap_after_pass(struct nap_gauge *gauge, unsigned woken, int64_t began, int64_t now)
{
    const int64_t most = (int64_t)woken * WAKE_MOST_NS;
    const bool forgotten = now - gauge->at >= (int64_t)NAP_GOOD << NAP_BITS;
    int64_t took = now - began, nap;

    if (took > most)
        took = most;
    if (forgotten || took > gauge->pass)
        gauge->pass = took;
    else
        gauge->pass -= (gauge->pass - took) / FORGET;
    gauge->at = now;
    nap = 2 * gauge->pass;
    return nap < NAP_LEAST_NS ? 0 : nap_word(nap < NAP_MOST_NS ? (uint64_t)nap : NAP_MOST_NS, now);
}
