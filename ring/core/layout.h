/*
 * The memory of a ring: every word, its owner, its page, its order.
 *
 * A ring is several memory entries, so that rights can differ. Offsets in hexadecimal; a page is 16 KiB, a line 128 bytes, both
 * fixed in the format. Everything is little-endian (static assert below). No pointer and no port name is ever stored.
 *
 *   RING ENTRY            producer read-write, consumers read-only
 *   ------------------------------------------------------------------------------------------------------------
 *   page 0  00000  struct ring_header      written once, before anybody else has a right to it; then nobody
 *   page 1  04000  struct producer_page    the producer (directory words: the broker)
 *             04000  tail                  P, release [TAIL]    how far the stream is published
 *             04080  intent                P, before what it covers [INTENT]  lossy groups: how far P may have written
 *             04100  epoch                 P, CAS [EPOCH]       who produces: OWNER, life 0: nobody
 *             04108  fenced                P, release [FENCED]  equals epoch: membarrier reaches it
 *             04110  ended                 P, release [END]     the tail + 1 that it has ended at; 0: it has not
 *             04118  gate                  P, release [GATE]    no byte from here on is overwritten without a scan that says so (R9)
 *             04120  judged                P, release [JUDGED]  a group that it may be about to give up (unserved.h)
 *             04128  nap                   P                    how long who is about to sleep had better wait by the clock before, and when that was said (wait/nap.h)
 *             04180  groups                B, release [GROUP]   which directory entries are live
 *             04188  directory_version     B, release [VERSION]  grows behind each change of those
 *             04190  broker                B, CAS [BROKER]      who serves the ring: OWNER, life 0: nobody
 *             04198  meeting               B, release [MEETING]  a number of the name that a successor is found by
 *             04200  counters              P                    messages and bytes published, waits, wake-ups
 *             04280  landmark[32]          P, release [LANDMARK]  lossy groups: what the stream had come to at a position
 *             04680  cut_off[64]           P, release [CUT]     groups whose words were damaged: they gate no more
 *             04e80  awaited[64]           P, release [WAITED]  how often P went to sleep for the room that a group kept
 *             05280  turned[64]            P, release [TURN]    groups that nobody served, and that are lossy since then (unserved.h)
 *   page 2  08000  struct group_entry[64]  B                    the directory: names and kinds of groups
 *   page 3  0c000  data                    P                    capacity bytes, mapped twice back to back
 *
 *   GROUP ENTRY           one per group; producer and the group's members read-write, nobody else
 *   ------------------------------------------------------------------------------------------------------------
 *   page 0  00000  claim {position, owner|serial}  any member, 16-byte CAS [CLAIM]; a lone member when it leaves
 *           00080  want, want_epoch        P sets, the releaser that satisfies it clears by CAS [WANT]
 *           00100  occupied[16]            members: bit m: line m has a member [JOIN]
 *           00180  sleepers[16]            members: bit m: member m sleeps; who clears it signals it [SLEEP]
 *           00200  orphans                 members, P [ORPHAN]: not 0: some line may wait to be adopted (the lines themselves decide)
 *           00208  deaths                  members, P: lines that were taken from the dead
 *           00210  begin                   B, P                 lossy: what the stream had come to where the group began, or turned lossy
 *           00228  starting                B, release [START]  not 0: it has no place yet, and gates from the beginning
 *   page 1  04000  struct member_line[members]
 *             +00    held                  its member, release [HELD]  lowest position it has not released; idle = ~0
 *             +08    claimed               its member           a lone member's upper bound (R3)
 *             +10    counters              its member
 *             +38    redelivered_to        its member           a lone member's: below this a dead one was here before
 *             +40    damaged               its member           how often it met words that cannot be true
 *             +48    ticket                B                    the last join that was given this place, to undo it by
 *             +58    missed, missed_bytes  its member           lossy: what it found to be lost
 *             +68    wakeups               its member           that it sent
 *             +80    owner                 members, CAS [OWNER]  who sits here: see OWNER below
 *             +88    intent_serial, intent_end   its member, release [PLAN]  the claim it is about to make (R4)
 *             +98    signed                its member; others by atomic maximum [SIGNED]  the last serial known to be this line's (R5)
 *             +a0    fenced                its member, release [FENCED]  membarrier reaches it (R15)
 *             +a8    tally, tally_serial   who takes over       to how many the claim was given: see TALLY below
 *             +b8    fact[3]               its member, P, release [FACT]  lossy: the stream before its held, and before the end of its last claim
 *   behind         struct aside_page       who locks it [LOCK]  messages that were set aside [ASIDE] [TAKEN]: see aside.h
 *   behind         their bytes, as many as the longest record has
 *
 *   DOORBELL ENTRY        everybody read-write; the worst harm there is a late wake-up (bounded) or a needless one
 *   ------------------------------------------------------------------------------------------------------------
 *   page 0  00000  groups                  members set, P takes [BELL]   bit g: group g has sleepers
 *           00080  awaited[64]             members of g set, those of u take [AWAIT]   bit g of word u: g, which is after u, has sleepers
 *           00280  sleepers[64][16]        of groups that are after others, in place of the word in their page [SLEEP]
 *
 *   LIFE ENTRY            mapped by nobody: its bytes are only locked, to tell who lives (member/)
 *
 * P the producer, B the broker, [LABEL] the release/acquire pair, named again at both ends in the code (doc/orders.md has all of them). A word
 * without a label is relaxed and only ever an estimate, or is ordered by the labelled store after it.
 *
 * A record: 8-byte header {length + 1: 32 bits, user tag: 32 bits} [HEADER], payload, padding to the ring's alignment. A zero header
 * means "nothing here yet". Positions are byte counts that only grow; index = position & (capacity - 1).
 *
 * Invariants. Asserted in the tests, cited in the code.
 *   L1  tail, the claim position, every held that is not idle, and record starts are multiples of the alignment.
 *   L2  claim position <= tail; held <= tail or idle.
 *   L3  tail <= gate + capacity - 8 for the gate of every gating group: a record and the header behind it are free (R1).
 *   L4  the header at tail is zero, but for a producer that is between "header" and "tail" of a commit (R2).
 */
#ifndef MRING_CORE_LAYOUT_H
#define MRING_CORE_LAYOUT_H

#include "atomic.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "the region's format is little-endian"
#endif

enum {
    LAYOUT_PAGE = 16384,
    LAYOUT_LINE = 128,
    LAYOUT_GROUPS = 64,
    LAYOUT_MEMBERS = 1024, /* of one group, and of all groups of a ring together */
    LAYOUT_MEMBER_WORDS = LAYOUT_MEMBERS / 64,
    LAYOUT_NAME = 64,
    LAYOUT_LANDMARKS = 32,
    LAYOUT_VERSION = 1,
    LAYOUT_RECORD_HEADER = 8
};

#define LAYOUT_MAGIC        UINT64_C(0x31676e69726d7f8e) /* not text, then "mring1" */
#define LAYOUT_CAPACITY_MIN UINT64_C(16384)
#define LAYOUT_CAPACITY_MAX (UINT64_C(1) << 40)

/* No position is ever this. */
#define NOWHERE UINT64_MAX

/* `held` of a member that holds nothing. */
#define HELD_IDLE NOWHERE

/*
 * The claim word's high half: {line + 1: 11 bits, serial: 53 bits}. Line + 1 = 0: nobody has claimed yet. Serials are not meant to wrap: mring.h says for
 * how long that holds. The living would not notice, as each signs its own claims by a store. But a helper signs by a maximum (word_raise), and
 * would leave a signature from before as it is: who is killed between the compare-and-swap and its own signature, in the first claim of its place
 * after that, would be judged not to have made the claim, and its batch would go to nobody. To compare around the end instead would have a place that
 * was not used for half of all serials lose the same, and sooner.
 */
#define SERIAL_BITS 53
#define SERIAL_MASK ((UINT64_C(1) << SERIAL_BITS) - 1)

/*
 * OWNER: a member line's owner, the producer's epoch, and the broker, is the *life* of the process that sits there: {turn: 16 bits, life: 48
 * bits}. The life is, on Linux, the byte of the life entry that this process holds a lock on, random, never 0 (member/life.h); the turn
 * grows with each occupant of the place, so that two stays of one process differ. Owner 0: never used. A free
 * place keeps its turn and has life 0.
 */
#define LIFE_BITS 48
#define LIFE_MASK ((UINT64_C(1) << LIFE_BITS) - 1)

/* The next occupant of a place that had this owner. */
static inline uint64_t owner_next(uint64_t owner, uint64_t life)
{
    return ((owner >> LIFE_BITS) + 1) << LIFE_BITS | (life & LIFE_MASK);
}

static inline uint64_t owner_life(uint64_t owner)
{
    return owner & LIFE_MASK;
}

/*
 * TALLY of a member line, one word so that it changes at once: {at: 32 bits, front: 16 bits, given: 16 bits}. `given`: to how many
 * members what is claimed here was given, the present one included; `front`: to how many of them while the record at position `at`
 * (in units of 8 bytes) was the oldest unreleased one. It stands for the claim of tally_serial alone (a lone member's: for what is
 * below redelivered_to, and what it was handed behind that while it had not released it all); a claim that it does not stand for was
 * given once.
 */
enum { TALLY_MOST = 0xffff };

static inline uint64_t tally_of(uint64_t position, uint64_t front, uint64_t given)
{
    return (position >> 3 & UINT32_MAX) << 32 | (front < TALLY_MOST ? front : TALLY_MOST) << 16 |
           (given < TALLY_MOST ? given : TALLY_MOST);
}

static inline uint64_t tally_given(uint64_t tally)
{
    return tally & TALLY_MOST;
}

/* To how many the record at `position` was given as the oldest one. */
static inline uint64_t tally_front(uint64_t tally, uint64_t position)
{
    return tally >> 32 == (position >> 3 & UINT32_MAX) ? tally >> 16 & TALLY_MOST : 1;
}

/* Feature bits of the header: a reader that meets a bit it does not know refuses the region. */
enum { FEATURE_NONE = 0 };

struct line {
    unsigned char bytes[LAYOUT_LINE];
} __attribute__((aligned(LAYOUT_LINE)));

/* Page 0 of the ring entry. */
struct ring_header {
    uint64_t magic;
    uint32_t version;
    uint32_t header_size;
    uint64_t features;
    uint64_t identity[2]; /* random: one per ring ever made */
    uint64_t capacity;
    uint64_t data_offset;
    uint64_t ring_size; /* of the whole entry */
    uint32_t alignment;
    uint32_t members_default; /* of groups made by a join that asks for no number */
    uint32_t attempts_max;    /* a record whose holder died so often while it was the oldest one is set aside */
    uint32_t access;          /* enum mring_access: who may open the ring; the broker has its own word of it */
    uint32_t produce;         /* and who of those may open it for producing */
    uint32_t strict;          /* 1: the ring ends with its last writer, nobody else can take over */
    char name[LAYOUT_NAME];   /* NUL-terminated; empty: none */
    unsigned char reserved[LAYOUT_PAGE - 88 - LAYOUT_NAME];
};

/* How much of the stream there is before a position where a record begins: a fact, whoever wrote it down. */
struct landmark {
    struct word position; /* NOWHERE: being written */
    struct word messages;
    struct word bytes; /* of payload */
    struct word reserved;
};

/* A group that the producer cut off, and why (core/trouble.h). */
struct cut_off {
    struct word what; /* 0: it was not; or {incarnation: 56 bits, kind of trouble: 8 bits} */
    struct word position;
    struct word value;
    struct word bound;
};
enum { CUT_OFF_KIND_BITS = 8, CUT_OFF_KIND_MASK = 0xff };

static inline uint64_t cut_off_word(uint64_t incarnation, uint64_t kind)
{
    return incarnation << CUT_OFF_KIND_BITS | (kind & CUT_OFF_KIND_MASK);
}

/* Is it this incarnation of the group that was cut off? */
static inline bool cut_off_is(uint64_t what, uint64_t incarnation)
{
    return what != 0 && cut_off_word(incarnation, what) == what;
}

/* How often the producer slept while nothing but this group, and others that are as far behind, kept the room from it. */
struct awaited {
    struct word incarnation; /* of the group that is meant */
    struct word waits;
};

/* Page 1 of the ring entry. */
struct producer_page {
    struct word tail;
    unsigned char pad0[LAYOUT_LINE - 8];

    struct word intent;
    unsigned char pad1[LAYOUT_LINE - 8];

    struct word epoch;  /* OWNER of the producer; life 0: there is none */
    struct word fenced; /* equals epoch when this producer has registered for membarrier (R15) */
    struct word ended;  /* final tail + 1 once the stream is complete */
    struct word gate;   /* as a rescan found it, told before it is used; only grows */
    struct word judged; /* 0: none; or {incarnation: 56 bits, directory index + 1: 8 bits} */
    struct word nap;    /* of sleepers that would all be woken for each message, and when that was said; 0: none */
    unsigned char pad2[LAYOUT_LINE - 48];

    struct word groups;            /* bit g: directory entry g is live */
    struct word directory_version; /* grows with each change of the directory */
    struct word broker;            /* OWNER of who serves the ring; life 0: nobody does */
    struct word meeting;           /* drawn by each successor: its name is made of this; 0: there was none yet */
    unsigned char pad3[LAYOUT_LINE - 32];

    struct word messages;
    struct word bytes;
    struct word waits;    /* how often it went to sleep, for room or until all is read */
    struct word wakeups;  /* that it sent */
    struct word rescued;  /* waits for room that timed out and then found some: must stay 0 */
    struct word cut_offs; /* groups that were cut off */
    unsigned char pad4[LAYOUT_LINE - 48];

    struct landmark landmark[LAYOUT_LANDMARKS];
    struct cut_off cut_off[LAYOUT_GROUPS];
    struct awaited awaited[LAYOUT_GROUPS];
    struct word turned[LAYOUT_GROUPS]; /* the incarnation of the group that was turned lossy; 0: none was */
    unsigned char reserved[LAYOUT_PAGE - 5 * LAYOUT_LINE - LAYOUT_LANDMARKS * sizeof(struct landmark) -
                           LAYOUT_GROUPS * (sizeof(struct cut_off) + sizeof(struct awaited) + sizeof(struct word))];
};

enum group_kind {
    GROUP_DECLARED = 1, /* made with the ring: keeps its place, with or without members */
    GROUP_PASSING = 2,  /* made by a join: gates only while it has members, gone with the last */
    GROUP_DURABLE = 3   /* made by a join, and keeps its place from then on */
};

/* What becomes of a group that nobody serves, once it is its limit behind. */
enum group_unserved {
    UNSERVED_STOPS = 0, /* it stops the producer, as long as it takes */
    UNSERVED_LOSES = 1, /* it is lossy from then on */
    UNSERVED_DROPS = 2  /* it is gone */
};

/* What a group is. Fixed when it is made; the same in the directory, in messages and in views. */
struct group_terms {
    uint32_t kind;     /* enum group_kind */
    uint32_t members;  /* member lines */
    uint32_t lossy;    /* 1: it holds nobody back, and is told what it missed */
    uint32_t unserved; /* enum group_unserved */
    uint64_t limit;    /* bytes behind the tail, for the above; 0: none */
    uint64_t after;    /* bit g: it sees a message once group g has released it */
};

/* Does it gate, and hold its messages, with or without members? */
static inline bool terms_keep_place(const struct group_terms *terms)
{
    return terms->kind == GROUP_DECLARED || terms->kind == GROUP_DURABLE;
}

/* Is its entry with those alone who came to it, and not part of the ring from the first? */
static inline bool terms_by_join(const struct group_terms *terms)
{
    return terms->kind == GROUP_PASSING || terms->kind == GROUP_DURABLE;
}

/*
 * One entry of the directory, page 2 of the ring entry. Written by the broker while its bit in `groups` is not set [GROUP]. A reader may have seen
 * the bit of the group before, so it copies name and terms as what may be written meanwhile (view.h); that they belong together it knows if the
 * bit is set behind that still, and then the incarnation is the same.
 */
struct group_entry {
    char name[LAYOUT_NAME]; /* NUL-terminated */
    struct group_terms terms;
    struct word incarnation; /* grows with each group that uses this entry */
    struct word entry_size;  /* bytes of the group entry */
    struct word maker;       /* the user whose join made it; of a declared one, the ring's */
    unsigned char reserved[LAYOUT_LINE - LAYOUT_NAME - sizeof(struct group_terms) - 24];
};

/* What a member says of the stream before a position. Two places are in need at any time, so that a third can be written. */
struct line_fact {
    struct word position; /* NOWHERE: being written */
    struct word messages;
    struct word bytes;
};
enum { LINE_FACTS = 3 };

/* Page 0 of a group entry. */
struct group_page {
    struct word_pair claim; /* low: position; high: {line + 1, serial} */
    unsigned char pad0[LAYOUT_LINE - 16];

    struct word want;       /* 0, or the gate this group must reach before the waiting producer is signalled (R14) */
    struct word want_epoch; /* whose wish it is: the producer's epoch */
    unsigned char pad1[LAYOUT_LINE - 16];

    struct word occupied[LAYOUT_MEMBER_WORDS];
    struct word sleepers[LAYOUT_MEMBER_WORDS];
    struct word orphans;
    struct word deaths;
    struct line_fact begin;
    struct word starting;
    unsigned char reserved[LAYOUT_PAGE - 4 * LAYOUT_LINE - 48];
};

struct member_line {
    struct word held;
    struct word claimed;
    struct word messages; /* handed out */
    struct word batches;
    struct word sleeps;
    struct word rescued;     /* waits that timed out and then found work: must stay 0 */
    struct word redelivered; /* messages handed out that a dead member may have been handed before */
    struct word redelivered_to;
    struct word damaged; /* how often -EBADMSG was its answer */
    struct word ticket;  /* of the last join that got this place from the broker */
    struct word unused;
    struct word missed;
    struct word missed_bytes;
    struct word wakeups; /* that it sent: to its peers, and to a producer that waited for room */
    unsigned char pad0[LAYOUT_LINE - 112];

    struct word owner;
    struct word intent_serial;
    struct word intent_end;
    struct word signed_serial;
    struct word fenced; /* equals owner when this member has registered for membarrier (R15) */
    struct word tally;
    struct word tally_serial; /* the claim's serial + 1, so that 0 is none */
    struct line_fact fact[LINE_FACTS];
};

enum { ASIDE_SLOTS = 256 };

/* One message that was set aside. */
struct aside_slot {
    struct word position; /* + 1, so that 0 is none */
    struct word header;   /* of the record */
    struct word at;       /* where its bytes begin: a count that only grows */
    struct word given;    /* to how many members */
};

/* Behind the member lines of a group entry; the bytes follow on pages of their own (aside.h). */
struct aside_page {
    struct word owner; /* life of who is at work here, 0: nobody */
    struct word count; /* slots ever filled: slot n is slot[n % ASIDE_SLOTS] */
    struct word first; /* the oldest that nobody took out yet */
    struct word full;  /* how often there was no room */
    unsigned char pad[LAYOUT_LINE - 32];
    struct aside_slot slot[ASIDE_SLOTS];
    unsigned char reserved[LAYOUT_PAGE - LAYOUT_LINE - ASIDE_SLOTS * sizeof(struct aside_slot)];
};

/* The doorbell entry. */
struct doorbell_page {
    struct word groups;
    unsigned char pad[LAYOUT_LINE - 8];

    struct word awaited[LAYOUT_GROUPS];
    struct word sleepers[LAYOUT_GROUPS][LAYOUT_MEMBER_WORDS];
    unsigned char reserved[LAYOUT_PAGE - LAYOUT_LINE - LAYOUT_GROUPS * (1 + LAYOUT_MEMBER_WORDS) * 8];
};

enum {
    RING_PRODUCER_OFFSET = LAYOUT_PAGE,
    RING_DIRECTORY_OFFSET = 2 * LAYOUT_PAGE,
    RING_DATA_OFFSET = 3 * LAYOUT_PAGE,
    GROUP_MEMBERS_OFFSET = LAYOUT_PAGE
};

#define LAYOUT_AT(type, member, offset)                                                                                \
    _Static_assert(offsetof(struct type, member) == (offset), #type "." #member " has moved: the format would change")

_Static_assert(sizeof(struct word) == 8 && sizeof(struct word_pair) == 16, "words");
_Static_assert(sizeof(struct ring_header) == LAYOUT_PAGE, "header page");
LAYOUT_AT(ring_header, magic, 0x00);
LAYOUT_AT(ring_header, version, 0x08);
LAYOUT_AT(ring_header, header_size, 0x0c);
LAYOUT_AT(ring_header, features, 0x10);
LAYOUT_AT(ring_header, identity, 0x18);
LAYOUT_AT(ring_header, capacity, 0x28);
LAYOUT_AT(ring_header, data_offset, 0x30);
LAYOUT_AT(ring_header, ring_size, 0x38);
LAYOUT_AT(ring_header, alignment, 0x40);
LAYOUT_AT(ring_header, members_default, 0x44);
LAYOUT_AT(ring_header, attempts_max, 0x48);
LAYOUT_AT(ring_header, access, 0x4c);
LAYOUT_AT(ring_header, produce, 0x50);
LAYOUT_AT(ring_header, strict, 0x54);
LAYOUT_AT(ring_header, name, 0x58);
_Static_assert(sizeof(struct producer_page) == LAYOUT_PAGE, "producer page");
LAYOUT_AT(producer_page, tail, 0x000);
LAYOUT_AT(producer_page, intent, 0x080);
LAYOUT_AT(producer_page, epoch, 0x100);
LAYOUT_AT(producer_page, fenced, 0x108);
LAYOUT_AT(producer_page, ended, 0x110);
LAYOUT_AT(producer_page, gate, 0x118);
LAYOUT_AT(producer_page, judged, 0x120);
LAYOUT_AT(producer_page, nap, 0x128);
LAYOUT_AT(producer_page, groups, 0x180);
LAYOUT_AT(producer_page, directory_version, 0x188);
LAYOUT_AT(producer_page, broker, 0x190);
LAYOUT_AT(producer_page, meeting, 0x198);
LAYOUT_AT(producer_page, messages, 0x200);
LAYOUT_AT(producer_page, landmark, 0x280);
LAYOUT_AT(producer_page, waits, 0x210);
LAYOUT_AT(producer_page, wakeups, 0x218);
LAYOUT_AT(producer_page, rescued, 0x220);
LAYOUT_AT(producer_page, cut_offs, 0x228);
LAYOUT_AT(producer_page, cut_off, 0x680);
LAYOUT_AT(producer_page, awaited, 0xe80);
LAYOUT_AT(producer_page, turned, 0x1280);
_Static_assert(sizeof(struct group_entry) == LAYOUT_LINE, "directory entry");
_Static_assert(sizeof(struct group_entry) * LAYOUT_GROUPS <= LAYOUT_PAGE, "directory fits its page");
LAYOUT_AT(group_entry, terms, 0x40);
LAYOUT_AT(group_terms, kind, 0x00);
LAYOUT_AT(group_terms, members, 0x04);
LAYOUT_AT(group_terms, lossy, 0x08);
LAYOUT_AT(group_terms, unserved, 0x0c);
LAYOUT_AT(group_terms, limit, 0x10);
LAYOUT_AT(group_terms, after, 0x18);
LAYOUT_AT(group_entry, incarnation, 0x60);
LAYOUT_AT(group_entry, entry_size, 0x68);
LAYOUT_AT(group_entry, maker, 0x70);
_Static_assert(sizeof(struct group_page) == LAYOUT_PAGE, "group page");
LAYOUT_AT(group_page, claim, 0x000);
LAYOUT_AT(group_page, want, 0x080);
LAYOUT_AT(group_page, want_epoch, 0x088);
LAYOUT_AT(group_page, occupied, 0x100);
LAYOUT_AT(group_page, sleepers, 0x180);
LAYOUT_AT(group_page, orphans, 0x200);
LAYOUT_AT(group_page, deaths, 0x208);
LAYOUT_AT(group_page, begin, 0x210);
LAYOUT_AT(group_page, starting, 0x228);
_Static_assert(sizeof(struct member_line) == 2 * LAYOUT_LINE, "member line");
LAYOUT_AT(member_line, held, 0x00);
LAYOUT_AT(member_line, claimed, 0x08);
LAYOUT_AT(member_line, messages, 0x10);
LAYOUT_AT(member_line, batches, 0x18);
LAYOUT_AT(member_line, sleeps, 0x20);
LAYOUT_AT(member_line, rescued, 0x28);
LAYOUT_AT(member_line, redelivered, 0x30);
LAYOUT_AT(member_line, redelivered_to, 0x38);
LAYOUT_AT(member_line, damaged, 0x40);
LAYOUT_AT(member_line, ticket, 0x48);
LAYOUT_AT(member_line, missed, 0x58);
LAYOUT_AT(member_line, wakeups, 0x68);
LAYOUT_AT(member_line, owner, 0x80);
LAYOUT_AT(member_line, intent_serial, 0x88);
LAYOUT_AT(member_line, intent_end, 0x90);
LAYOUT_AT(member_line, signed_serial, 0x98);
LAYOUT_AT(member_line, fenced, 0xa0);
LAYOUT_AT(member_line, tally, 0xa8);
LAYOUT_AT(member_line, tally_serial, 0xb0);
LAYOUT_AT(member_line, fact, 0xb8);
_Static_assert(sizeof(struct aside_page) == LAYOUT_PAGE, "aside page");
LAYOUT_AT(aside_page, slot, 0x80);
_Static_assert(LAYOUT_MEMBERS < 1 << (64 - SERIAL_BITS), "a line's number fits the claim word");
_Static_assert(sizeof(struct doorbell_page) == LAYOUT_PAGE, "doorbell page");
LAYOUT_AT(doorbell_page, awaited, 0x080);
LAYOUT_AT(doorbell_page, sleepers, 0x280);

/* Can there be such a group? Of terms that came from another process. */
static inline bool terms_sound(const struct group_terms *terms)
{
    return (terms_keep_place(terms) || terms_by_join(terms)) && terms->members >= 1 &&
           terms->members <= LAYOUT_MEMBERS && terms->lossy <= 1 && terms->unserved <= UNSERVED_DROPS;
}

/* A group entry with this many member lines: where its aside page is, where the words end, and its size. */
static inline uint64_t layout_aside_offset(uint32_t members)
{
    uint64_t lines = (uint64_t)members * sizeof(struct member_line);

    return GROUP_MEMBERS_OFFSET + (lines + LAYOUT_PAGE - 1) / LAYOUT_PAGE * LAYOUT_PAGE;
}

static inline uint64_t layout_group_words(uint32_t members)
{
    return layout_aside_offset(members) + sizeof(struct aside_page);
}

/* The bytes set aside: room for the longest message. */
static inline uint64_t layout_aside_size(uint64_t capacity)
{
    return capacity / 2 > LAYOUT_PAGE ? capacity / 2 : LAYOUT_PAGE;
}

static inline uint64_t layout_group_size(uint32_t members, uint64_t capacity)
{
    return layout_group_words(members) + layout_aside_size(capacity);
}

/* Records: arithmetic on what the header says, before anything is believed. */

static inline uint64_t record_header(uint32_t length, uint32_t tag)
{
    return (uint64_t)tag << 32 | ((uint64_t)length + 1);
}

static inline uint32_t record_length(uint64_t header)
{
    return (uint32_t)header - 1;
}

static inline uint32_t record_tag(uint64_t header)
{
    return (uint32_t)(header >> 32);
}

/* Bytes a record of this payload takes in a ring of this alignment (a power of two, at least 8). */
static inline uint64_t record_size(uint64_t length, uint64_t alignment)
{
    return (LAYOUT_RECORD_HEADER + length + alignment - 1) & ~(alignment - 1);
}

#endif
