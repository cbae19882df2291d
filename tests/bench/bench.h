/*
 * The bench: one work at a time is done by each *adapter* in turn (mring, its peers, and what the bare machine can do), and all are measured
 * alike.
 *
 * A *channel* carries messages one way: from its producing end to its consuming ends. An adapter makes channels and ends, and says in `struct ops`
 * how a message gets in and out. Its `play` gives these to loops.h, whose loops are inlined around them: a message costs no indirect call, so a
 * queue of a few nanoseconds can be measured.
 *
 *   run      one work by one adapter, once, in processes of its own (stage.c): the first is the producer, and makes the channels; each
 *            consumer is forked from it. They share `struct outcome` and nothing else.
 *   content  what a message must hold follows from its number (content.h). Everybody writes all of it, and reads and checks all of it.
 *   hurry    where more consumers share the work than there are processors, a queue can come to a crawl: rte_ring's members wait for each other
 *            without giving way, some hundred messages a second once one of them has lost its processor, and to drain a full ring would be minutes. So
 *            a second after its time a run is hurried: all members but the first rest after each message, for longer than it takes until all have
 *            had a turn; then that one drains the ring alone. All is checked as ever, and the rate is that of before.
 *   fault    the first process to see something lost, torn, out of order or failing says so in the outcome, and ends the run.
 */
#ifndef BENCH_H
#define BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { CONSUMERS_MOST = 64, SAMPLES_MOST = 1 << 20, LENGTHS = 1024, BATCH_MOST = 32 };

enum kind {
    STREAM,     /* as fast as it goes */
    ROUND_TRIP, /* one message there and back, over two channels */
    PACED       /* bursts at a fixed rate, late or not */
};

/* What the figure is that a work is about. */
enum about {
    THROUGHPUT,
    LATENCY,
    SENDING,  /* the producer's processor time for a message */
    IDLENESS, /* the consumers' processor time where nothing comes */
    SET_UP
};

/* What a side does that has nothing to do. */
enum idle {
    LOOKS,  /* all the time */
    SLEEPS, /* in the adapter's own good way: it may look for a while before */
    BLOCKS  /* at once */
};

struct work {
    const char *name;
    const char *family; /* works of a family share a plot */
    enum kind kind;
    enum about about;
    size_t length; /* bytes of a message; if mixed, of the longest */
    bool mixed;    /* 8 bytes to that, log-uniform */
    bool named;    /* a consumer finds the channel by its name, as a process would that is no child */
    bool staged;   /* each group sees a message when the one before has released it */
    enum idle idle;
    unsigned batch;
    unsigned groups;  /* each sees all messages */
    unsigned members; /* of each group: each message goes to one */
    size_t capacity;  /* bytes of message space, as near as the adapter can come to it */
    int64_t duration; /* ns; 0: that of all */
    int64_t period;   /* ns from one burst to the next */
    unsigned burst;
};

struct message {
    const void *data;
    size_t length;
};

/* What one end can do. Each takes the end that the adapter opened. */
struct ops {
    /* Where to write a message of this length. NULL: no room now, and all that was committed is flushed. */
    void *(*reserve)(void *end, size_t length);
    void (*commit)(void *end, size_t length);
    /* All that is committed is seen. False: not all, for want of room: to be called again. */
    bool (*flush)(void *end);
    /* 1: a message, good until the release. 0: none now. -1: the stream is complete. */
    int (*next)(void *end, struct message *message);
    /* Up to `most`; as next. NULL: there is no such thing here. */
    int (*next_batch)(void *end, struct message *messages, int most);
    /* All that was handed out. */
    void (*release)(void *end);
    /* NULL: reserve and flush, or next, sleep by themselves in a work that sleeps. */
    void (*wait_room)(void *end);
    void (*wait_message)(void *end);
    /* No more will come, and consumers are told by next. NULL: it is told by a message (content.h). */
    void (*finish)(void *end);
    /*
     * Optional: the places of up to `most` messages of one length, each `stride` behind the one before: how many, 0: there is no room. And: the
     * first so many are written.
     */
    int (*reserve_run)(void *end, size_t length, int most, unsigned char **where, size_t *stride);
    void (*commit_run)(void *end, size_t length, int count);
};

/* What a consumer has seen. */
struct seen {
    bool alone; /* in its group: each number comes, one after the other */
    uint64_t count;
    uint64_t in_time; /* of these, before the run was hurried */
    uint64_t least;   /* in a group of many: the lowest number that may come next */
    /* Likewise: of all numbers, each scrambled: of a group's members together it shows what is missing, or was there twice. */
    uint64_t sum;
    int64_t ready;  /* when it began to look, ns */
    int64_t end;    /* when it saw the end, ns */
    int64_t attach; /* how long opening took, ns */
    int64_t cpu;    /* processor time from being ready until the end, ns */
};

/* Shared by the processes of a run, and read by who started it. */
struct outcome {
    bool faulty; /* somebody is writing, or has written, what follows */
    char fault[256];
    unsigned ready;  /* consumers */
    uint64_t sent;   /* messages */
    int64_t began;   /* when the first was sent, ns */
    int64_t hurried; /* since when the run is to end, ns; 0: not yet */
    int64_t create;  /* ns */
    int64_t produce; /* opening that end, ns */
    int64_t touched; /* memory that the producer's process had, at the end, more than before the creation: bytes */
    struct seen seen[CONSUMERS_MOST];
    uint32_t latencies;             /* how many there are */
    uint32_t sends;                 /* likewise */
    uint32_t latency[SAMPLES_MOST]; /* of a round trip, or from the intended time of sending: ns */
    uint32_t send[SAMPLES_MOST];    /* bursts of several: processor time that sending one took: ns */
};

/* One process in a run. */
struct side {
    const struct work *work;
    struct outcome *outcome;
    struct seen *seen;         /* NULL: this is the producer */
    bool crowded;              /* there are more processes than processors: who waits gives way */
    bool samples;              /* the first consumer: its latencies count */
    int64_t duration;          /* ns */
    void *out[CONSUMERS_MOST]; /* producing ends: one, or one for each group */
    unsigned outs;
    void *in;                  /* the consuming end */
    uint32_t lengths[LENGTHS]; /* of message number n: [n % LENGTHS], if the work is mixed */
};

enum origin { MRING, DEBIAN, SYSTEM, REFERENCE, LIMIT };

struct adapter {
    const char *name;
    enum origin origin;
    bool fans;      /* one channel serves several groups; else there is one for each */
    bool sleeps;    /* who has nothing to do can sleep */
    bool batches;   /* several messages can be sent, and taken, as one */
    bool mixes;     /* messages differ in length */
    bool names;     /* a channel can be found by its name */
    bool stages;    /* a group can be after another */
    bool yardstick; /* of those of the machine, the one to hold mring against, where it can do the work */
    unsigned kinds; /* bit (1 << enum kind) */
    bool (*can)(const struct work *work); /* what else it takes; NULL: nothing */
    size_t longest;                       /* message */
    size_t longest_shared;                /* in a group of several members; 0: there is none */
    /* In the producer's process, before any consumer is forked. `other`: of a round trip, the channel the other way; else NULL. */
    void *(*create)(const struct work *work, void *other);
    /* Each in its process, the producer's too before a consuming end of another channel. */
    void *(*open_producer)(void *channel);
    void *(*open_consumer)(void *channel, unsigned group, unsigned member);
    void (*play)(struct side *side);
    /* In the process that created it. NULL: the end of the processes is enough. */
    void (*destroy)(void *channel);
};

/* Those that were built, and the names of those that were not; both end with NULL. */
extern const struct adapter *const adapters[];
extern const char *const adapters_missing[];

extern const struct work works[];
extern const unsigned works_count;

/* Can this adapter do this work? */
bool adapter_can(const struct adapter *adapter, const struct work *work);

/*
 * Do it; false: outcome->fault says why it does not count. duration: ns, for works that have none of their own. patience: how much longer a run may
 * take before it counts as one that hangs, ns.
 */
bool stage_run(const struct adapter *adapter, const struct work *work, int64_t duration, int64_t patience,
               struct outcome *outcome);

/* End this run, from any of its processes. */
__attribute__((noreturn, format(printf, 1, 2))) void fault(const char *format, ...);

/* Zeroed memory that this process and those it forks share. */
void *shared_memory(size_t size);

/* Rounded down to a power of two. */
size_t floor_power(size_t value);

#ifdef __cplusplus
}
#endif

#endif
