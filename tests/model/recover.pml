/*
 * recover.pml: two members find what dead ones held, and hand it on; they are killed over it, leave over it, and others come
 *
 * WHAT IT MODELS
 *   ring/core/recover.c and group.c (R6). A group that keeps its place, of LINES places. In the first two places were
 *   members that are dead: the one had claimed [0, 2), the other [2, 3); or, with FRESH, the other was killed before
 *   it won that, and somebody else claims it now. Two persons have places of their own, and go round: adopt, if
 *   `orphans` says so (recover_adopt); look for the dead (recover_dead), and bury them (bury); work at what was
 *   adopted, record by record; leave in the midst of it (recover_abandon), with a record in hand or not. Each may be
 *   killed at any store. Then somebody new comes, who takes a free place, or else one that a dead one had, with what
 *   is on it (group_occupy, recover_inherit). Loads of a line's owner and held are one step: whoever believes them
 *   wins the owner word first, as it was. Nobody writes to a line that he has not won; so a kill is of interest after
 *   a store alone, and between two loads it would be the same.
 *   It stands for R6 of ring/doc/design.md; [OWNER], [ORPHAN], [HELD].
 *
 * THE WORDS, AND WHO WRITES THEM
 *   turn, life     the owner word: by compare-and-swap of both; or by who has the line [OWNER]
 *   held, bit, tally, counted    who has the line (`bit`: its bit in `occupied` [JOIN]; `counted`: the tally's serial is the claim's)
 *   orphans        set and swapped by all [ORPHAN]
 *   These stores are releases, which keep their order; what another order would do is shown by the mutations.
 *
 * WHAT IS CHECKED
 *   No record is given to one while another living one has it; none that was released is given again; none is given
 *   without the count that says to how many it was given before, at least. The gate, the lowest held of all lines
 *   whose bit is set, never passes what is not released: as no record goes from one line to another, a look at them
 *   one by one finds no more than that. When nothing moves any more all is released, and nobody had to look for an
 *   orphan that `orphans` did not tell of, but where somebody was killed over setting it.
 *
 * BOUNDS, AND WHAT IS LEFT OUT
 *   KILLS, LEAVES. Whether a claim was won: claim.pml. New claims but
 *   that one; passing groups (places.pml); what is set aside;
 *   `front` of the tally; lossy groups.
 *
 * MUTATIONS, each of which must fail
 *   NO_CAS            who sees a dead owner takes the line by a store
 *   NO_JUDGE          what a dead one meant to claim is taken for won (with FRESH)
 *   JUDGE_FIRST, with NO_TURN    the line is judged before it is won, and the owner word of all orphans is the same;
 *                     either alone does no harm
 *   ORPHANS_EARLY     `orphans` is set before the line is an orphan
 *   SWAP_LATE         who adopts takes `orphans` back after it has looked
 *   NOT_AGAIN         who adopted one does not set it again for others
 *   FREE_EARLY        a line is free before its held is idle (with FRESH)
 *   BIT_LATE          a line is free before its bit is gone (with FRESH)
 *   NO_TALLY          who adopts does not count itself
 *   TALLY_LATE        it does after it has handed out the first record
 *   UNCOUNT_FIRST     who leaves takes its count back before held says what it was handed
 *   REACHED           not a fault: shows that all is released after each kill and each leaving that may happen
 */
#ifndef KILLS
#define KILLS 1
#endif
#ifndef LEAVES
#define LEAVES 1
#endif
#define LINES 4
#define RECORDS 3
#define IDLE 255
#define NOBODY 0
#define DEAD_TOO 2 /* lives 1 and 2 ended before */
#define PERSONS 2
#define LIVES (DEAD_TOO + PERSONS + KILLS + 1)

byte turn[LINES], life[LINES];
byte held[LINES] = IDLE;
byte until[LINES]; /* intent_end */
bit won[LINES], occupied[LINES];
byte tally[LINES];
bit counted[LINES];
bit orphans;
bit unclaimed; /* the record 2, and so the group's position is there */
bit alive[LIVES];

/* Ghosts: what became of the records; who was killed, and between what. */
byte holder[RECORDS];
byte given_to[RECORDS];
bit released[RECORDS];
byte lives, kills, leaves;
bit excused;

#define OWNER_IS(line, t, who) (turn[line] == (t) && life[line] == (who))
#define HOLDS(line) (won[line] && held[line] < until[line])
#define HELD_OPENLY(line, record) (occupied[line] && held[line] <= record)
#define GATES(record) \
    (HELD_OPENLY(0, record) || HELD_OPENLY(1, record) || HELD_OPENLY(2, record) || HELD_OPENLY(3, record))
#define CHECK_GATE                                                                                               \
    assert((released[0] || GATES(0)) && (released[1] || GATES(1)) && (released[2] || unclaimed || GATES(2)))

/* What somebody has to see to. */
#define IS_ORPHAN(line) (life[line] == NOBODY && held[line] != IDLE)
#define IS_DEAD(line) (life[line] != NOBODY && !alive[life[line]] && held[line] != IDLE)
#define ANY_ORPHAN (IS_ORPHAN(0) || IS_ORPHAN(1) || IS_ORPHAN(2) || IS_ORPHAN(3))
#define ANY_DEAD (IS_DEAD(0) || IS_DEAD(1) || IS_DEAD(2) || IS_DEAD(3))

#ifdef NO_TURN
#define NEXT(t) (t)
#else
#define NEXT(t) ((t) + 1)
#endif

/* After a store: it may be killed here. If it was about to set `orphans`, whoever looks for the dead finds what that does not tell of. */
#define MORTAL                                                             \
    if                                                                     \
    :: kills < KILLS -> kills++; excused = excused || untold; goto killed  \
    :: skip                                                                \
    fi

inline tell()
{
    d_step { orphans = 1; untold = 0 }
}

/* The line's owner from what was seen to (next turn, me): `ok` tells. */
inline win(line)
{
    d_step {
#ifdef NO_CAS
        ok = 1;
#else
        ok = OWNER_IS(line, t, who);
#endif
        if
        :: ok -> turn[line] = NEXT(t); life[line] = me; t = 0; who = 0
        :: else -> t = 0; who = 0
        fi
    }
}

inline give_up(line)
{
    d_step { turn[line] = NEXT(turn[line]); life[line] = NOBODY }
}

/* group_free_line, of a line that holds nothing. */
inline free_line(line)
{
#ifdef BIT_LATE
    atomic { give_up(line); MORTAL };
    atomic { occupied[line] = 0; CHECK_GATE; MORTAL }
#else
    atomic { occupied[line] = 0; CHECK_GATE; MORTAL };
    atomic { give_up(line); MORTAL }
#endif
}

/* The line holds nothing any more: idle, then free. */
inline free_idle(line)
{
#ifdef FREE_EARLY
    free_line(line);
    atomic { held[line] = IDLE; MORTAL }
#else
    atomic { held[line] = IDLE; MORTAL };
    free_line(line)
#endif
}

inline tell_orphan(line)
{
#ifdef ORPHANS_EARLY
    atomic { tell(); MORTAL };
    atomic { give_up(line); MORTAL }
#else
    atomic { give_up(line); untold = 1; MORTAL };
    atomic { tell(); MORTAL }
#endif
}

/* What is on the line that it has won. */
inline judge(line)
{
    d_step {
#ifdef NO_JUDGE
        holds = held[line] < until[line];
#else
        holds = HOLDS(line);
#endif
        position = held[line];
        given = (counted[line] -> tally[line] : 1)
    }
}

/* take_over: it counts itself, and then that counts. */
inline count_itself(line)
{
    given++;
#ifndef NO_TALLY
    atomic { tally[line] = given; MORTAL };
    if
    :: !counted[line] -> atomic { counted[line] = 1; MORTAL }
    :: else
    fi
#endif
}

proctype Person(byte me; byte own)
{
    byte i, t, who, lowest, oldest, work, position, given;
    bit ok, holds, some, in_hand, untold;

    goto idle;

join:
    i = 0;
    do
    :: i < LINES ->
       d_step { t = turn[i]; who = life[i]; holds = (who == NOBODY && held[i] == IDLE) };
       if
       :: holds ->
          win(i);
          if
          :: ok -> own = i; goto entered
          :: else
          fi
       :: else
       fi;
       i++
    :: else -> break
    od;
    i = 0;
    do
    :: i < LINES ->
       d_step { t = turn[i]; who = life[i]; holds = (who == NOBODY || !alive[who]) };
       if
       :: holds ->
          win(i);
          if
          :: ok -> own = i; goto entered
          :: else
          fi
       :: else
       fi;
       i++
    :: else -> break
    od;
    goto join;

entered:
    atomic { i = 0; t = 0; who = 0; ok = 0; holds = 0; MORTAL };
    atomic { occupied[own] = 1; MORTAL };
    if
    :: held[own] != IDLE -> work = own; goto won_it
    :: else
    fi;

idle:
    atomic { work = own; position = 0; given = 0; lowest = 0; oldest = 0; i = 0; t = 0; who = 0; ok = 0; holds = 0; some = 0 };
    assert(occupied[own]);
end:
    if
    :: orphans -> goto adopt
    :: unclaimed -> goto claim
    :: ANY_DEAD || (excused && ANY_ORPHAN && !orphans) -> goto look
    fi;

claim:
    atomic { held[own] = 2; MORTAL };
    atomic {
        if
        :: unclaimed ->
           unclaimed = 0;
           until[own] = 3;
           won[own] = 1;
           counted[own] = 0;
           position = 2;
           given = 1;
           MORTAL;
           goto work_at_it
        :: else -> held[own] = IDLE; MORTAL; goto idle
        fi
    };

look:
    do
    :: i < LINES ->
       d_step { t = turn[i]; who = life[i]; some = some || (who == NOBODY && held[i] != IDLE) };
       if
       :: who != NOBODY && !alive[who] && held[i] != IDLE ->
          win(i);
          if
          :: ok ->
             atomic { ok = 0; MORTAL };
             judge(i);
             d_step { position = 0; given = 0 };
             if
             :: holds -> holds = 0; some = 1; atomic { give_up(i); untold = 1; MORTAL }
             :: else -> free_idle(i)
             fi
          :: else
          fi
       :: else -> d_step { t = 0; who = 0 }
       fi;
       i++
    :: else -> break
    od;
    if
    :: some -> atomic { tell(); some = 0; MORTAL }
    :: else
    fi;
    goto idle;

adopt:
#ifndef SWAP_LATE
    atomic { orphans = 0; untold = 1; MORTAL };
#endif
find:
    atomic { lowest = IDLE; i = 0 };
    do
    :: i < LINES ->
       d_step {
           if
           :: IS_ORPHAN(i) && held[i] < lowest -> lowest = held[i]; oldest = i; t = turn[i]; who = life[i]
           :: else
           fi;
           i++
       }
    :: else -> break
    od;
    i = 0;
#ifdef SWAP_LATE
    atomic { orphans = 0; untold = 1; MORTAL };
#endif
    if
    :: lowest == IDLE -> untold = 0; goto idle
    :: else
    fi;
    lowest = 0;
#ifdef JUDGE_FIRST
    judge(oldest);
#endif
    win(oldest);
    if
    :: ok -> atomic { ok = 0; work = oldest; oldest = 0; MORTAL }
    :: else -> d_step { oldest = 0; holds = 0; position = 0; given = 0 }; goto find
    fi;

won_it:
#ifdef JUDGE_FIRST
    if
    :: work == own -> judge(work)
    :: else
    fi;
#else
    judge(work);
#endif
    if
    :: !holds ->
       if
       :: work == own -> atomic { held[own] = IDLE; CHECK_GATE; MORTAL }; goto idle
       :: else -> free_idle(work); work = own; goto find
       fi
    :: else
    fi;
    holds = 0;
#ifndef TALLY_LATE
    count_itself(work);
#else
    given++;
#endif
#ifndef NOT_AGAIN
    if
    :: work != own -> atomic { tell(); MORTAL }
    :: else
    fi;
#endif

work_at_it:
    do
    :: position < until[work] ->
       if
       :: atomic {
              assert(!released[position] && holder[position] == NOBODY);
              assert(given > given_to[position]);
              holder[position] = me;
              given_to[position]++;
              in_hand = 1;
              MORTAL
          }
#ifdef TALLY_LATE
          given--;
          count_itself(work);
#endif
          if
          :: skip
          :: atomic { leaves < LEAVES && position + 1 < until[work] -> leaves++; position++; goto leave }
          fi;
          atomic {
              released[position] = 1;
              holder[position] = NOBODY;
              in_hand = 0;
              position++;
              held[work] = position;
              if
              :: position == until[work] -> position = IDLE; held[work] = IDLE
              :: else
              fi;
              CHECK_GATE;
              MORTAL
          }
       :: atomic { leaves < LEAVES -> leaves++; goto leave }
       fi
    :: else -> break
    od;
    if
    :: work != own -> free_line(work)
    :: else
    fi;
    goto idle;

leave:
    /* What it was handed counts as released. */
#ifdef UNCOUNT_FIRST
    atomic { tally[work] = given - 1; MORTAL };
#endif
    atomic {
        if
        :: in_hand -> released[position - 1] = 1; holder[position - 1] = NOBODY; in_hand = 0
        :: else
        fi;
        held[work] = position;
        CHECK_GATE;
        MORTAL
    };
#ifndef UNCOUNT_FIRST
    atomic { tally[work] = given - 1; MORTAL };
#endif
    atomic { counted[work] = 1; MORTAL };
    tell_orphan(work);
    if
    :: work != own -> free_line(own)
    :: else
    fi;
    d_step { work = 0; own = 0; position = 0; given = 0 };
    goto join;

killed:
    atomic {
        if
        :: in_hand ->
           for (i : 0 .. RECORDS - 1) {
               holder[i] = (holder[i] == me -> NOBODY : holder[i])
           }
        :: else
        fi;
        alive[me] = 0;
        lives++;
        me = lives;
        alive[me] = 1;
        i = 0; t = 0; who = 0; lowest = 0; oldest = 0; work = 0; own = 0; position = 0; given = 0;
        ok = 0; holds = 0; some = 0; in_hand = 0; untold = 0;
        goto join
    }
}

/* Runs only when nobody else can. */
active proctype Stillness()
{
end:
    atomic {
        timeout ->
        assert(released[0] && released[1] && released[2]);
        assert(!ANY_ORPHAN && !ANY_DEAD);
#ifdef REACHED
        assert(kills < KILLS || leaves < LEAVES)
#endif
    }
}

init
{
    atomic {
        life[0] = 1; held[0] = 0; until[0] = 2; won[0] = 1; occupied[0] = 1;
        life[1] = 2; held[1] = 2; until[1] = 3; occupied[1] = 1;
#ifdef FRESH
        unclaimed = 1;
#else
        won[1] = 1;
        given_to[2] = 1;
#endif
        given_to[0] = 1; given_to[1] = 1;
        life[2] = 3; alive[3] = 1; occupied[2] = 1;
        life[3] = 4; alive[4] = 1; occupied[3] = 1;
        lives = 4;
        run Person(3, 2);
        run Person(4, 3)
    }
}
