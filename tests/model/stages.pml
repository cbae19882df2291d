/*
 * stages.pml: members of a group that is after another go to sleep; members of that one, which release, wake them
 *
 * WHAT IT MODELS
 *   ring/wait/await.c and the release in ring/api/consumer.c, followers.c (R12). sleep.pml with several who publish: the members of the group
 *   before, each by a store of held, which stays in its store buffer for any time, and a load of the doorbell's word. Is the bit set, then:
 *   a full fence, the gate of all of them together, and if that is past what the sleepers' group has taken: the bit is taken, then a sleeper, and
 *   the bit is set again if others remain. Then, and as somebody may have released and found the bit gone just then, his store not visible yet: the
 *   asymmetric fence, the gate once more, and if it has grown the next sleeper is taken for that.
 *   A member that finds nothing announces itself (its bit in `sleepers`, then the word), makes the asymmetric fence, which empties the store
 *   buffers of all who release, looks again, and waits on its semaphore. One that claims, and sees more and sleepers, wakes the next.
 *   It stands for R12 of ring/doc/design.md; [AWAIT], [SLEEP], [HELD].
 *
 * THE WORDS, AND WHO WRITES THEM
 *   released    one for each record, in the place of held: who has the record (`leaving`: stored and not yet visible)
 *   claimed     the sleepers' group, by compare-and-swap (claim.pml has the real claim)
 *   sleepers    set and withdrawn by its member, taken by a waker
 *   awaited     set by members before they sleep, taken and set again by those who release
 *   credit[m]   the semaphore of member m
 *
 * WHAT IS CHECKED
 *   When nothing can move any more no record is released and not claimed while a member is asleep. A member may stay with a record for ever.
 *
 * BOUNDS, AND WHAT IS LEFT OUT
 *   RELEASERS, who have RECORDS (2 or 3) in turn; MEMBERS that sleep. One group before. Waits that end for another reason, owed credits, dead sleepers: sleep.pml.
 *   Members that try a claim, and deaths: tests/kill, stages.c. The first wait that is bounded, where there is no asymmetric fence.
 *
 * MUTATIONS, each of which must fail
 *   NO_FENCE            no asymmetric fence of who goes to sleep
 *   NO_RECHECK          it does not look again
 *   NO_RELEASER_FENCE   who releases looks at the gate without a full fence before: two that release at once both find it too low
 *   NO_REARM            the bit is not set again when sleepers remain
 *   NO_CHAIN            a member that claims does not wake the next
 *   NO_LOOK_AGAIN       who has set the bit again does not look at the gate once more
 *   NO_SECOND_FENCE     it does, without the fence of the others
 *   REACHED             not a fault: shows that everything is released and claimed, and all sleep
 */
#ifndef RELEASERS
#define RELEASERS 2
#endif
#ifndef RECORDS
#define RECORDS 2
#endif
#ifndef MEMBERS
#define MEMBERS 2
#endif
#define NOBODY MEMBERS
#define BIT(m) (1 << (m))

bit released[RECORDS], leaving[RECORDS];
byte claimed, sleepers;
bit awaited;
bit credit[MEMBERS];
bit waiting[MEMBERS];

/* As far as all is released. */
#define RELEASED(record) released[(record) % RECORDS]
#define GATE (!RELEASED(0) -> 0 : (!RELEASED(1) -> 1 : (RECORDS == 2 || !RELEASED(2) -> 2 : 3)))
#define WORK (claimed < GATE)

/* This one's store buffer, emptied: what it stored before its last record is visible. */
inline drain(record)
{
    d_step { released[record] = released[record] || leaving[record]; leaving[record] = 0 }
}

inline drain_all()
{
    d_step {
        for (i : 0 .. RECORDS - 1) {
            released[i] = released[i] || leaving[i];
            leaving[i] = 0
        }
        i = 0
    }
}

active [RECORDS] proctype Memory()
{
end:
    do
    :: d_step { leaving[_pid] -> released[_pid] = 1; leaving[_pid] = 0 }
    od
}

/* One sleeper, of those there are now: `who`, or NOBODY; `more`: others remain. */
inline take()
{
    seen = sleepers;
    do
    :: seen == 0 -> break
    :: else ->
       atomic {
           pick = 0;
           do
           :: !(seen & BIT(pick)) -> pick++
           :: else -> break
           od;
           if
           :: sleepers & BIT(pick) -> who = pick
           :: else
           fi;
           sleepers = sleepers & ~BIT(pick);
           seen = seen & ~BIT(pick);
           pick = 0
       };
       if
       :: who != NOBODY -> break
       :: else
       fi
    od;
    more = (seen != 0);
    seen = 0
}

inline signal()
{
    atomic {
        if
        :: who != NOBODY -> credit[who] = 1; who = NOBODY
        :: else
        fi
    }
}

proctype Releaser(byte me)
{
    byte record = me, gate, seen, pick, who = NOBODY, i;
    bit more;

    do
    :: record < RECORDS ->
       /* The one before is visible by now, or becomes so before this one: a buffer is emptied in order. */
       if
       :: record >= RELEASERS -> !leaving[record - RELEASERS]
       :: else
       fi;
       leaving[record] = 1;
       if
       :: awaited ->
#ifndef NO_RELEASER_FENCE
          drain(record);
#endif
again:
          gate = (leaving[record] && GATE == record -> record + 1 : GATE);
          if
          :: gate > claimed ->
             awaited = 0;
             take();
#ifndef NO_REARM
             if
             :: more -> awaited = 1
             :: else
             fi;
#endif
             signal();
#ifndef NO_LOOK_AGAIN
             if
             :: more ->
                more = 0;
#ifndef NO_SECOND_FENCE
                drain_all();
#endif
                if
                :: GATE > gate -> goto again
                :: else
                fi
             :: else
             fi
#endif
          :: else
          fi
       :: else
       fi;
       atomic { gate = 0; more = 0; record = record + RELEASERS }
    :: else -> break
    od
}

inline withdraw()
{
    sleepers = sleepers & ~BIT(me)
}

proctype Member(byte me)
{
    byte upto, seen, pick, who = NOBODY, i;
    bit more;

again:
    upto = GATE;
    if
    :: atomic { claimed < upto -> claimed++; upto = upto - claimed };
#ifndef NO_CHAIN
       if
       :: sleepers != 0 && upto != 0 -> take(); more = 0; signal()
       :: else
       fi;
#endif
       upto = 0;
       if
       :: goto again
       :: goto busy
       fi
    :: else
    fi;
    atomic { upto = 0; credit[me] = 0 };
    sleepers = sleepers | BIT(me);
    awaited = 1;
#ifndef NO_FENCE
    drain_all();
#endif
#ifndef NO_RECHECK
    if
    :: WORK -> withdraw(); goto again
    :: else
    fi;
#endif
    waiting[me] = 1;
end:
    atomic { credit[me] -> credit[me] = 0; waiting[me] = 0 };
    withdraw();
    goto again;

busy:
    skip
}

/* Runs only when nobody else can. */
active proctype Stillness()
{
    byte m;

end:
    atomic {
        timeout ->
        for (m : 0 .. MEMBERS - 1) {
            assert(!(waiting[m] && WORK))
        }
#ifdef REACHED
        for (m : 0 .. MEMBERS - 1) {
            if
            :: !waiting[m] -> goto out
            :: else
            fi
        }
        assert(false);
#endif
    }
out:
    skip
}

init
{
    byte m;

    atomic {
        for (m : 0 .. MEMBERS - 1) {
            run Member(m)
        }
        for (m : 0 .. RELEASERS - 1) {
            run Releaser(m)
        }
    }
}
