/*
 * claim.pml: members of a shared group claim batches, and are killed; a judge finds out whose a record is
 *
 * WHAT IT MODELS
 *   ring/core/shared.c and gate.c, step by step. A member reads the position and the tail; stores held; reads the claim word's {owner,
 *   serial}, then the position again, and begins anew if it has moved; walks the batch; stores intent_serial, intent_end; signs
 *   for the owner the word names; compares and swaps the word; signs for itself; releases record by record. The
 *   producer reads the position, then every held, and publishes in place of what the lowest of them frees.
 *   Any member may be killed before any step. The judge then reads the claim word's {owner, serial}, after it the dead line's
 *   signed, and decides: the last intent was won if signed has reached it, or if the word names that line with that serial. What
 *   is held is [held, intent_end). The judge adopts it, releasing record by record; it may give up at any record, as one that is
 *   killed does, and the next judges afresh. After that a new member sits down on the line, whose serials stay as they were.
 *   (Several judges at once, and how they share the work: recover.pml.)
 *   With BUFFERED a member's store of held stays in its store buffer for any time, at the latest until its next fence or
 *   read-modify-write: after held is stored there is a load, of the position, that must not come before it (step 2 in shared.h).
 *   With LOADS_SWAPPED the second look at the position comes before {owner, serial} are read, as the code lets a machine do: what is
 *   read then may be of a later claim, and the compare-and-swap fails.
 *   It stands for R4, R5, R8 of ring/doc/design.md; [CLAIM], [HELD], [SIGNED].
 *
 * THE WORDS, AND WHO WRITES THEM
 *   claim_*     the members, by one compare-and-swap of all three
 *   held        its member; after its death the adopter
 *   intent_*    its member
 *   signed      its member, by a store; others, by an atomic maximum
 *   tail        the producer
 *
 * WHAT IS CHECKED
 *   What a member walks is not free for the producer to overwrite. The owner and serial that it read by themselves belong to the position.
 *   A record is claimed by one member, once. A verdict is exactly what is true (`record` is the truth, which no process reads to
 *   decide anything). The gate never passes a record that is not released, be it unclaimed, held by a living
 *   member or by a dead one that nobody has adopted; so the producer overwrites no such record.
 *
 * BOUNDS, AND WHAT IS LEFT OUT
 *   MEMBERS, RECORDS (all of one size, so that a position is a record's number), a ring of CAPACITY records, batches of one or
 *   two, DEATHS in all; a death between two stores that nobody else reads is a choice within one step. Memory is
 *   sequentially consistent but for held: the intent is stored by releases and read by who judges a dead member alone, and all else by
 *   read-modify-writes. A member that leaves in order is left out: it writes what a judge would have found.
 *
 * MUTATIONS, each of which must fail
 *   NO_HELP         the claimer does not sign for the owner that the word is about to forget
 *   JUDGE_SWAPPED   the judge reads signed before the claim word
 *   HELD_LATE       held is stored after the compare-and-swap
 *   WALK_FIRST      held is stored after the walk
 *   NO_SECOND_LOOK  the position is not read again after held is stored
 *   NO_FENCE        the position is, but held may not be visible by then (with BUFFERED)
 *   GATE_SWAPPED    the gate reads every held before the position
 *   INTENT_SWAPPED  the end of the intent is stored before its serial
 *   REACHED         not a fault: shows that all records are released after every death that may happen
 */
#ifndef MEMBERS
#define MEMBERS 2
#endif
#ifndef RECORDS
#define RECORDS 4
#endif
#ifndef CAPACITY
#define CAPACITY 2
#endif
#ifndef DEATHS
#define DEATHS 2
#endif
#define IDLE 255
#define UNCLAIMED 0
#define OF(m) (m + 1)
#define RELEASED 255

byte claim_position, claim_owner, claim_serial;
byte tail = CAPACITY;
byte held[MEMBERS] = IDLE;
byte intent_serial[MEMBERS];
byte intent_end[MEMBERS];
byte signed_serial[MEMBERS];
bit dead[MEMBERS];
byte deaths;

/* The ghosts: whose each record is, and below what the producer may overwrite. */
byte record[RECORDS] = UNCLAIMED;
byte gate;

#ifdef BUFFERED
/* A member's store of held that is not visible yet. A second one waits for it; that it does so longer can only hold the gate back. */
byte pending[MEMBERS] = IDLE;
bit is_pending[MEMBERS];

inline drain(m)
{
    d_step {
        held[m] = (is_pending[m] -> pending[m] : held[m]);
        is_pending[m] = 0;
        pending[m] = IDLE
    }
}

#define HOLD(value)                                                         \
    drain(me);                                                              \
    pending[me] = value;                                                    \
    is_pending[me] = 1

active [MEMBERS] proctype Memory()
{
end:
    do
    :: atomic { is_pending[_pid] -> drain(_pid) }
    od
}
#else
#define drain(m) skip
#define HOLD(value) held[me] = value
#endif

/* The member may be killed here. What it stored becomes visible before anybody has the verdict. */
#define MORTAL                                                              \
    if                                                                      \
    :: deaths < DEATHS -> deaths++; drain(me); dead[me] = 1; goto killed    \
    :: skip                                                                 \
    fi

/* The atomic maximum. */
#define RAISE(word, value) word = (word < (value) -> (value) : word)

proctype Member(byte me)
{
    byte position, owner, serial, limit, records;

idle:
    atomic { position = 0; owner = 0; serial = 0; limit = 0; records = 0 }
end:
    atomic { claim_position < tail -> MORTAL };
again:
    atomic {
        owner = 0; serial = 0; limit = 0; records = 0; position = claim_position;
        if
        :: position == tail -> HOLD(IDLE); MORTAL; goto idle
        :: else
        fi;
        MORTAL
    };
#if !defined(HELD_LATE) && !defined(WALK_FIRST)
    atomic { HOLD(position); MORTAL };
#if defined(BUFFERED) && !defined(NO_FENCE)
    drain(me);
#endif
#endif
#ifndef LOADS_SWAPPED
    atomic { owner = claim_owner; serial = claim_serial; MORTAL };
#endif
#ifndef NO_SECOND_LOOK
    atomic {
        if
        :: claim_position != position -> goto again
        :: else
        fi;
        MORTAL
    };
#endif
#ifdef LOADS_SWAPPED
    atomic { owner = claim_owner; serial = claim_serial; MORTAL };
#elif !defined(NO_SECOND_LOOK)
    assert(claim_position != position || (owner == claim_owner && serial == claim_serial));
#endif
    atomic {
        assert(gate <= position);
        if
        :: limit = position + 1
        :: position + 2 <= tail -> limit = position + 2
        fi;
        records = limit - position;
        MORTAL
    }
    /* The intent is read by nobody but the judge of a dead member: with a death between them, these steps may be one. */
    atomic {
#ifdef WALK_FIRST
        HOLD(position);
        drain(me);
        MORTAL;
#endif
#ifdef INTENT_SWAPPED
        intent_end[me] = limit;
        MORTAL;
        intent_serial[me] = serial + records;
#else
        intent_serial[me] = serial + records;
        MORTAL;
        intent_end[me] = limit;
#endif
        MORTAL
    }
#ifndef NO_HELP
    if
    :: atomic { owner != 0 -> drain(me); RAISE(signed_serial[owner - 1], serial); MORTAL }
    :: else
    fi;
#endif
    atomic {
        drain(me);
        if
        :: claim_position == position && claim_owner == owner && claim_serial == serial ->
           assert(serial + records == limit);
           assert(record[position] == UNCLAIMED && record[limit - 1] == UNCLAIMED);
           record[position] = OF(me);
           record[limit - 1] = OF(me);
           claim_position = limit;
           claim_owner = me + 1;
           claim_serial = serial + records
        :: else -> goto again
        fi;
        owner = 0;
        MORTAL
    }
#ifdef HELD_LATE
    atomic { HOLD(position); MORTAL };
#endif
    /* And so is its signature, but for those who help. */
    atomic { drain(me); signed_serial[me] = serial + records; serial = 0; records = 0; MORTAL };
    do
    :: atomic {
           position < limit ->
           record[position] = RELEASED;
           position++;
           HOLD((position < limit -> position : IDLE));
           MORTAL
       }
    :: else -> break
    od;
    goto idle;

killed:
    !dead[me];
    goto idle
}

active proctype Producer()
{
    byte lowest, m;

    do
    :: gate < RECORDS ->
#ifdef GATE_SWAPPED
       lowest = IDLE;
#else
       lowest = claim_position;
#endif
       do
       :: m < MEMBERS -> d_step { lowest = (held[m] < lowest -> held[m] : lowest); m++ }
       :: else -> break
       od;
       atomic {
#ifdef GATE_SWAPPED
           lowest = (claim_position < lowest -> claim_position : lowest);
#endif
           do
           :: gate < lowest ->
              assert(record[gate] == RELEASED);
              gate++;
              tail = (tail < RECORDS -> tail + 1 : tail)
           :: else -> break
           od;
           m = 0;
           lowest = 0
       }
    :: gate == RECORDS -> break
    od;
#ifdef REACHED
    assert(deaths < DEATHS)
#endif
}

active proctype Judge()
{
    byte m, owner, serial, reached, r;
    bit won;

end:
    do
    :: atomic { dead[0] -> m = 0 }; goto judge
    :: atomic { dead[1] -> m = 1 }; goto judge
#if MEMBERS > 2
    :: atomic { dead[2] -> m = 2 }; goto judge
#endif
    od;

judge:
#ifdef JUDGE_SWAPPED
    reached = signed_serial[m];
    atomic { owner = claim_owner; serial = claim_serial };
#else
    atomic { owner = claim_owner; serial = claim_serial };
    reached = signed_serial[m];
#endif
    d_step {
        won = reached == intent_serial[m] || (owner == m + 1 && serial == intent_serial[m]);
        won = won && held[m] < intent_end[m];
        do
        :: r < RECORDS ->
           assert((record[r] == OF(m)) == (won && held[m] <= r && r < intent_end[m]));
           r++
        :: else -> break
        od;
        r = 0;
        owner = 0;
        serial = 0;
        reached = 0
    }
    do
    :: won && held[m] < intent_end[m] ->
       d_step {
           record[held[m]] = RELEASED;
           held[m] = (held[m] + 1 < intent_end[m] -> held[m] + 1 : IDLE)
       }
       if
       :: goto judge
       :: skip
       fi
    :: else -> break
    od;
    atomic { held[m] = IDLE; won = 0 };
    d_step { dead[m] = 0; m = 0 };
    goto end
}

init
{
    byte m;

    atomic {
        for (m : 0 .. MEMBERS - 1) {
            run Member(m)
        }
    }
}
