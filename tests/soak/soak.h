/*
 * The random-kill soak: a ring whose producers and consumers are killed, stopped and replaced at random instants, and
 * a ledger that accounts for every message.
 *
 *   main.c           options, rounds, figures
 *   round.c          one ring's life: the judge starts the processes of a table, kills, stops and replaces them, and
 *                    kills them all at the end
 *   cast.c           that table, and what each of them does in a line
 *   groups.c         the groups, of all kinds
 *   producer.c       one at a time; each goes on with the number behind the last one that was committed
 *   consumer.c       members of groups that must see to everything, and of a passing one
 *   lossy.c          members of lossy groups, and what they got and missed
 *   spare.c          the member of a group that is dropped when nobody serves it
 *   waiting.c        how they wait
 *   message.c        a message's bytes, all of them derived from its number and its producer
 *   ledger.c         a state for each message in each group, which a kill at any instant leaves true
 *   state.c          the ring's words, printed when nothing moves
 *   remains_linux.c  is anything left after a kill of everybody?
 *
 * The judge (the program itself) neither has the ring nor takes part in it. It makes the `struct book` below, in
 * memory that all its children share: what they know of each other, they know from there, not from the ring.
 *
 * How a producer knows where to go on: it is also the only member of a declared lone group, "journal", and writes
 * down the number of each message that it reads there, before it releases it. Whatever its predecessor had committed
 * is there to be read, and nothing else is. That the numbers go on without a gap is what the members of the other
 * lone groups check.
 */
#ifndef TESTS_SOAK_H
#define TESTS_SOAK_H

#include "core/view.h"
#include "mring.h"
#include "support/random.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/types.h>

enum {
    CAPACITY = 65536,
    WINDOW = 1 << 14, /* messages in the ledger: more than the ring holds of the shortest */
    LIVES_MOST = 1 << 16,
    ATTEMPTS = 5,
    CAST_MOST = 32
};

/* ---- the cast ---- */

/* First those that must see to everything, with a ledger each; last the lossy ones, with an account each. */
enum group_number {
    JOURNAL,
    LONE,
    WORK,
    PAIR,
    STAGE,
    CREW,
    ARCHIVE,
    LEDGERS,
    TAP = LEDGERS,
    SPARE,
    LOSSLESS,
    GLANCE = LOSSLESS,
    FLOCK,
    HERD,
    GROUPS
};

struct group {
    const char *name;
    unsigned members;
    bool declared; /* else a join makes it */
    bool durable;
    bool lossy;
    size_t limit;   /* not 0: further behind it is dropped, if nobody serves it */
    unsigned after; /* bit g: group g */
};
extern const struct group groups[GROUPS];

/* Is one of its members always spared, as the group must last though it is not declared? */
bool keeps_one(enum group_number group);

struct role {
    const char *name;
    void (*play)(void);
    enum group_number group;
    bool killed;  /* at random; else it lives as long as the ring */
    bool stopped; /* at random */
    bool first;   /* must be there before the producer: who counts on seeing everything */
    bool waited;  /* is done when the stream is complete */
    bool buries;  /* the one of its group who takes out what was set aside */
};
extern const struct role cast[];
extern const unsigned cast_size;

/* ---- the book: what the processes of a round share ---- */

enum figure {
    BYTES,
    REDELIVERED,      /* messages handed out with more than one delivery */
    UNTOUCHED,        /* of those, ones whose former holders had not come to them */
    SET_ASIDE,        /* messages */
    POISONED,         /* members that a message killed */
    LEFT,             /* members that left by themselves */
    CROWDED,          /* joins that found all places taken for a moment */
    UNANSWERED,       /* joins that nobody answered in time */
    TAKEN_OVER,       /* how often the ring got another process to serve it */
    INSPECTED,        /* how often mring_fsck looked at it, and found no damage */
    OWNER_DEAD,       /* waits that ended with -EOWNERDEAD */
    PRODUCER_RESCUED, /* timed-out waits that found something to do */
    CONSUMER_RESCUED,
    GOT,     /* messages that members of lossy groups read whole */
    MISSED,  /* and that they were told they missed */
    REMOVED, /* how often the operator removed "spare" */
    DROPPED, /* how often "spare" was */
    HELD_UP, /* how often the judge was: see round.c */
    FIGURES
};

/* What the members of a lossy group were told in all: see lossy.c. */
struct account {
    struct word got, got_bytes;
    struct word missed, missed_bytes;
    struct word untold;       /* deaths in a call, or before what it said was written down */
    struct word last;         /* of a group of one: the number of the last message that was got or missed */
    struct word unsure;       /* and there may be some behind it that were, untold */
    struct word seen[WINDOW]; /* the number of the last one got here */
};

/* Where the member of "spare" is, or was: see spare.c. */
struct whereabouts {
    struct word which;     /* the group that it was in last: which_group; 0: none yet */
    struct word released;  /* the number of the last message; 0: none in this group */
    struct word releasing; /* likewise, before the release */
    struct word removed;   /* how often the operator may have removed the group, when it began */
    struct word floor;     /* no message up to there comes again */
};

/* Incarnations are counted in each place of the directory: two groups, in two places, may have the same. */
enum { WHICH_INDEX_BITS = 8, WHICH_INDEX_MASK = 0xff };

static inline uint64_t which_group(const struct group_view *group)
{
    return group->incarnation << WHICH_INDEX_BITS | group->index;
}

struct book {
    struct word ending;             /* the producer shall end the stream */
    struct word broker;             /* who was seen to serve the ring last, as in the ring's own word */
    struct word last;               /* the number of the last message known to be committed */
    struct word born;               /* producers so far */
    struct word begins[LIVES_MOST]; /* a producer's first number; 0: there was no such producer */
    struct word doomed[LIVES_MOST]; /* not 0: this life is about to be killed, or was */
    struct word deaths[GROUPS];     /* how many of a group are, or were */
    struct word leaves[GROUPS];     /* how many have left it, or are about to */
    struct word joined[CAST_MOST];  /* the life that has come as far as to take part */
    struct word done[CAST_MOST];    /* the life that has seen the end of the stream */
    struct word figure[FIGURES];
    struct word full_since;      /* ns, of CLOCK_MONOTONIC: since when no producer has had room; 0: the last one had */
    struct word stall;           /* ns: the longest that none had */
    struct word poisoned_at;     /* ns, of CLOCK_MONOTONIC: when the last poisonous message was sent */
    struct word busy[CAST_MOST]; /* a life that is in a call to a lossy group, or has not noted what it said */
    struct account account[GROUPS - LOSSLESS];
    struct whereabouts spare;
    struct word heard;    /* 1: the coroner keeps "archive", which is made before there is another durable group */
    struct word kept;     /* the "spare" that the coroner, who is not killed, keeps: which_group */
    struct word removing; /* not 0: the operator is about to remove it */
    struct word removed;  /* how often it did, or may have done */
    struct word ledger[LEDGERS][WINDOW];
    struct word deaths_before[LEDGERS][WINDOW]; /* the group's deaths, when the message was about to be committed */
};

/* In each process: the round's book, the ring's name, and who it is. */
extern struct book *book;
extern const char *ring_name;
extern unsigned my_role;
extern uint64_t my_life;
extern uint64_t my_random; /* state for random_below */
extern enum mring_waiting my_waiting;
extern int64_t my_interval;

int64_t now_ns(void);
void nap(void); /* a millisecond, for what has no event */
/* Beside others who do. */
void add(struct word *word, uint64_t value);
void add_figure(enum figure figure, uint64_t value);

/* Counts when it is another that serves the ring. */
void note_server(const struct mring *ring);

/* Has this process come to serve the ring? Who is not killed passes that on, by leaving: else nobody else would ever come to it. */
bool is_stuck_serving(const struct mring *ring);

/* This life is about to be killed. To be said before: others may see it dead at once. */
void doom(unsigned role, uint64_t life);

/* Print what is wrong, and end this process, which fails the soak. */
#define BAD(...)                                                                                                       \
    do {                                                                                                               \
        (void)fprintf(stderr, "%s, life %llu: ", cast[my_role].name, (unsigned long long)my_life);                     \
        (void)fprintf(stderr, __VA_ARGS__);                                                                            \
        (void)fputc('\n', stderr);                                                                                     \
        _Exit(EXIT_FAILURE);                                                                                           \
    } while (0)

/* How this life waits, from now on. */
void choose_waiting(void);
/* mring_wait, in that way. */
int wait_for_message(struct mring_consumer *consumer, int64_t timeout);
int wait_for_room(struct mring_producer *producer);

/* A ring of that name, with the declared groups. */
struct mring *make_ring(void);

/* The ring, by its name. */
struct mring *open_ring(enum mring_role role);

/* Take part in a group; waits while it is crowded. */
struct mring_consumer *join_group(struct mring *ring, enum group_number group);

/* This one has done its part: to be killed with all the others. */
void say_done(void);
_Noreturn void stay_until_killed(void);
/* A member that has: it goes on looking who serves the ring. */
_Noreturn void stay(struct mring_consumer *consumer);
/* One that has not: another life takes its place. */
_Noreturn void leave(struct mring *ring, struct mring_consumer *consumer);

/*
 * Take out what was set aside in a group. `mark` gets each number before the message is taken out: so who is killed
 * in between leaves it to be taken out again.
 */
void take_aside(struct mring_consumer *consumer, void (*mark)(uint64_t number, unsigned deliveries, void *context),
                void *context);

/* The ring's words, as this process sees them. */
void print_state(const struct mring *ring);

void play_server(void);
void play_producer(void);
void play_consumer(void);
void play_tap(void);
void play_spare(void);
void play_operator(void);
void play_lossy(void);
void play_coroner(void);

/* ---- messages ---- */

enum { MESSAGE_MOST = 8192, POISON = 1 };

struct message_head {
    uint64_t number;
    uint32_t producer; /* which one: counted from 1 */
    uint32_t flags;
};

uint32_t message_length(uint64_t number, uint32_t producer);
void message_write(void *where, uint32_t length, const struct message_head *head);

/* Is it whole, unaltered, and from a producer that committed a message of this number? Ends the process if not. */
struct message_head message_check(const struct mring_message *message);

/* The bytes of so many messages, the first of them of this number, once all are committed. */
uint64_t message_bytes(uint64_t first, uint64_t count);

/* ---- the ledger ---- */

/* The producer is about to commit this number, in the place of one that must have come to its end. */
void ledger_fresh(uint64_t number);
/* A member is handed it. */
void ledger_take(enum group_number group, uint64_t number, unsigned deliveries);
/* It is processed; to be said before it is released. */
void ledger_done(enum group_number group, uint64_t number);
/* A member of a group behind others is handed it, which these must have released. ledger_take does this, too. */
void ledger_follow(enum group_number group, uint64_t number);
/* It was found among those set aside; to be said before it is taken out. */
void ledger_aside(enum group_number group, uint64_t number, unsigned deliveries);
/* How many of all up to `last` have not come to their end. Names the first of them. */
uint64_t ledger_open(uint64_t last);

/* Is what the lossy groups got and missed together what was sent? Says what is not. */
bool accounts_agree(uint64_t last);

/* ---- rounds ---- */

struct figures {
    uint64_t messages;
    uint64_t drained;           /* of these, in rounds that came to the end of their stream */
    uint64_t killed[CAST_MOST]; /* by role */
    uint64_t stops;
    uint64_t figure[FIGURES];
    uint64_t stall, stall_quiet; /* ns: the longest, and with only the time counted in which nobody was stopped */
};

/* One ring from its making to the kill of everybody: after the stream's end, all accounted for, or in the midst of it. */
bool round_run(uint64_t seed, unsigned seconds, bool drain, struct figures *figures);

/* ---- what remains ---- */

struct remains;
struct remains *remains_begin(void);
void remains_note(struct remains *remains, pid_t pid); /* what this living process has that could remain */
void remains_note_names(struct remains *remains);      /* and the names that all of those have */
bool remains_nothing(struct remains *remains);         /* after all were killed. Says what remained; frees */
void remains_tie(pid_t judge);                         /* this process ends with the judge */

#endif
