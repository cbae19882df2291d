/*
 * room.pml: a producer waits for room, and those who release wake it
 *
 * WHAT IT MODELS
 *   ring/wait/bell.c (want_*), ring/api/producer.c (announce_want, withdraw_want, look_for_room), ring/api/consumer.c
 *   (release, answer_want, own_gate, announce_member). The producer needs the gate at `need`, and asks each group for a little more
 *   or just that: it stores want in every group, makes the asymmetric fence, which empties the members' store buffers, scans
 *   again, and waits on its semaphore; then it takes its wishes back. A wish that is gone was granted: a credit for each has come or will.
 *   Without the asymmetric fence (FALLBACK) the first wait is a bounded one: it may end only after every store that the members had issued when it
 *   began is visible. Then it scans once more, and waits unbounded.
 *   A member claims record by record (claim.pml has the real claim): held, a fence, and the compare-and-swap of the position. While it tries, and
 *   another wins, its held is lower than the group's gate would be; so it answers the wish after it has tried, too. To release is
 *   a store of held, which stays in the store buffer for any time, and a load of its group's want. If that is set: full fence, the
 *   group's gate (position, then every held), full fence, and if the gate has reached want: want -> 0 by
 *   compare-and-swap, and a signal.
 *   A member may stay with a record for ever. It may go to sleep at any time, also with a record: before it announces
 *   itself it grants a wish of the producer whatever the gate is, since it has nothing left to give.
 *   It stands for R14 of ring/doc/design.md; [WANT], [HELD].
 *
 * THE WORDS, AND WHO WRITES THEM
 *   want[g]    the producer; granted by a member's compare-and-swap
 *   held[m]    its member (`leaving`: its store of "idle" is not visible yet)
 *   position[g]  the members, by compare-and-swap
 *   credit     the producer's semaphore; `owed`: private to it, credits of wishes granted, come or to come (counted
 *              modulo 256: the credit is taken off before the wish is found granted)
 *
 * WHAT IS CHECKED
 *   When nothing can move any more, the producer does not wait while every group's gate has reached its want; nor while they have
 *   reached what it needs and all members are asleep. Credits are accounted for and bounded.
 *
 * BOUNDS, AND WHAT IS LEFT OUT
 *   MEMBERS (2), in GROUPS (1 or 2), RECORDS, all published before. The wait of at most one second and the members'
 *   semaphores are left out: a sleeper wakes at any time, or never.
 *
 * MUTATIONS, each of which must fail
 *   NO_FENCE            no asymmetric fence (with FALLBACK: the first wait is unbounded)
 *   NO_RECHECK          the producer does not scan again (with FALLBACK: not after its bounded wait)
 *   NO_TRY_ANSWER       a member that has tried to claim leaves the wish alone
 *   NO_RELEASER_FENCE   the releaser computes the gate without a full fence before it: two that release at once both miss it
 *   NO_GRANT            a member that goes to sleep leaves the wish alone
 *   NO_ABSORB           owed credits are left in the semaphore
 *   REACHED             not a fault: shows that the producer gets all the room
 */
#ifndef MEMBERS
#define MEMBERS 2
#endif
#ifndef GROUPS
#define GROUPS 1
#endif
#ifndef RECORDS
#define RECORDS 3
#endif
#define GROUP(m) (m % GROUPS)
#define IDLE 255

byte want[GROUPS];
byte position[GROUPS];
byte held[MEMBERS] = IDLE;
bit leaving[MEMBERS];
byte credit, owed;

bit waiting;
bit asleep[MEMBERS];
#ifdef FALLBACK
bit older[MEMBERS]; /* its store was issued before the bounded wait began */
#define VISIBLE(m) older[m] = 0
#else
#define VISIBLE(m) skip
#endif

/* Ghosts: what the producer needs and asks for; wishes granted and not found granted yet; signals on their way. */
byte needed, asked;
byte granted, flying;

#define MINIMUM(a, b) ((a) < (b) -> (a) : (b))
#define BALANCED (credit + flying == owed + granted)

/* A member's store buffer, emptied. */
inline drain(m)
{
    d_step { held[m] = (leaving[m] -> IDLE : held[m]); leaving[m] = 0; VISIBLE(m) }
}

active [MEMBERS] proctype Memory()
{
end:
    do
    :: d_step { leaving[_pid] -> held[_pid] = IDLE; leaving[_pid] = 0; VISIBLE(_pid) }
    od
}

/* The group's wish is granted if the gate has reached it. */
inline grant(g, reached)
{
    drain(me);
    wish = want[g];
    if
    :: wish != 0 && reached >= wish ->
       atomic {
           if
           :: want[g] == wish -> want[g] = 0; granted++; flying++
           :: else -> wish = 0
           fi
       };
       if
       :: wish != 0 -> d_step { flying--; credit++; assert(credit <= MEMBERS + GROUPS) }
       :: else
       fi
    :: else
    fi;
    wish = 0
}

proctype Member(byte me)
{
    byte wish, gate, m, tried;

again:
    tried = 0;
    if
    :: held[me] == IDLE && !leaving[me] && position[GROUP(me)] < RECORDS -> goto claim
    :: held[me] != IDLE && !leaving[me] -> leaving[me] = 1; goto answer
    :: leaving[me] -> drain(me); goto again
    :: goto sleep
    :: goto busy
    fi;

claim:
    /* Behind the fence: its held is visible. */
    atomic {
        tried = position[GROUP(me)];
        if
        :: tried < RECORDS -> held[me] = tried
        :: else -> leaving[me] = (held[me] != IDLE); goto tried_it
        fi
    };
    atomic {
        if
        :: position[GROUP(me)] == tried -> position[GROUP(me)]++
        :: else -> goto claim
        fi
    };
tried_it:
#ifdef NO_TRY_ANSWER
    goto again;
#endif

answer:
    if
    :: want[GROUP(me)] != 0 ->
#ifndef NO_RELEASER_FENCE
       drain(me);
#endif
       gate = position[GROUP(me)];
       do
       :: m < MEMBERS ->
          d_step {
              if
              :: GROUP(m) == GROUP(me) && !(m == me && leaving[m]) -> gate = MINIMUM(gate, held[m])
              :: else
              fi;
              m++
          }
       :: else -> break
       od;
       m = 0;
       grant(GROUP(me), gate);
       gate = 0
    :: else
    fi;
    goto again;

sleep:
#ifndef NO_GRANT
    if
    :: want[GROUP(me)] != 0 -> grant(GROUP(me), IDLE)
    :: else
    fi;
#endif
    atomic { drain(me); asleep[me] = 1 };
    if
    :: atomic { asleep[me] = 0; goto again }
    :: skip
    fi;

busy:
    skip
}

/* The lowest of all groups' gates, read word by word. */
inline scan()
{
    gate = RECORDS;
    do
    :: g < GROUPS -> d_step { gate = MINIMUM(gate, position[g]); g++ }
    :: else -> break
    od;
    g = 0;
    do
    :: m < MEMBERS -> d_step { gate = MINIMUM(gate, held[m]); m++ }
    :: else -> break
    od;
    m = 0
}

proctype Producer()
{
    byte need = 1, gate, g, m;

again:
    do
    :: need <= RECORDS ->
       scan();
       if
       :: gate >= need -> need++; goto again
       :: else
       fi;
#ifndef NO_ABSORB
       d_step {
           do
           :: owed > 0 && credit > 0 -> owed--; credit--
           :: else -> break
           od
       }
#endif
       atomic {
           needed = need;
           if
           :: asked = need
           :: need < RECORDS -> asked = need + 1
           fi
       };
       do
       :: g < GROUPS -> atomic { want[g] = asked; g++ }
       :: else -> break
       od;
       g = 0;
#ifndef FALLBACK
#ifndef NO_FENCE
       d_step {
           do
           :: m < MEMBERS -> drain(m); m++
           :: else -> break
           od;
           m = 0
       }
#endif
#ifndef NO_RECHECK
       scan();
#endif
#else
       scan();
#ifndef NO_FENCE
       if
       :: gate < need ->
          atomic {
              for (m : 0 .. MEMBERS - 1) {
                  older[m] = leaving[m]
              }
              m = 0
          };
          waiting = 1;
end_bounded:
          if
          :: atomic { credit > 0 -> credit--; waiting = 0; owed--; goto woken }
          :: atomic { older[0] + older[1] == 0 -> waiting = 0 }
          fi;
#ifndef NO_RECHECK
          scan()
#endif
       :: else
       fi;
#endif
#endif
       if
       :: gate >= need -> skip
       :: else ->
          waiting = 1;
end:
          atomic { credit > 0 -> credit--; waiting = 0; owed-- }
       fi;
woken:
#ifdef FALLBACK
       atomic { older[0] = 0; older[1] = 0 };
#endif
       atomic { needed = 0; asked = 0; gate = 0 };
       do
       :: g < GROUPS ->
          d_step {
              if
              :: want[g] == 0 -> granted--; owed++
              :: else -> want[g] = 0
              fi;
              g++
          }
       :: else -> break
       od;
       g = 0;
       assert(BALANCED)
    :: else -> break
    od
#ifdef REACHED
    ;
    assert(false)
#endif
}

/* Runs only when nobody else can. */
proctype Stillness()
{
    byte gate = RECORDS, m;
    bit all = 1;

end:
    atomic {
        timeout ->
        for (m : 0 .. GROUPS - 1) {
            gate = MINIMUM(gate, position[m])
        }
        for (m : 0 .. MEMBERS - 1) {
            gate = MINIMUM(gate, held[m]);
            all = all && asleep[m]
        }
        assert(!(waiting && gate >= asked));
        assert(!(waiting && gate >= needed && all))
    }
}

init
{
    byte m;

    atomic {
        for (m : 0 .. MEMBERS - 1) {
            run Member(m)
        }
        run Producer();
        run Stillness()
    }
}
