/*
 * sleep.pml: members of one group go to sleep; the producer, and members already awake, wake them
 *
 * WHAT IT MODELS
 *   The producer publishes with plain release stores and then one load of the doorbell: no fence and
 *   no read-modify-write between the two. A processor may therefore do the load before the store of
 *   `tail` is visible. Here that is the store buffer `pending`: publishing appends to it, the process
 *   Memory empties it in order, at any time later.
 *   A member that finds nothing announces itself (its bit in `sleepers`, then the doorbell), makes the
 *   asymmetric fence, which empties the producer's store buffer, looks again, and waits on its semaphore.
 *   Without the asymmetric fence (FALLBACK) the first wait is a bounded one. It may end only after every
 *   store that the producer had issued when the wait began is visible: that is what "long enough" means.
 *   After it the member looks once more, and then waits unbounded.
 *   Whoever wakes takes one sleeper out of `sleepers` by compare-and-swap and signals that member's
 *   semaphore, once. One publish, of any number of messages, wakes one member; a member that was taken
 *   and sees more work after its claim wakes the next (the chain). So does a member that was taken and does
 *   not claim at all, since its wait was ended for another reason: its time is over, a signal handler ran,
 *   somebody called mring_wake (here the process Caller). What it was taken for must not stay with it.
 *   With KILL one of the members may be killed in its sleep instead, before or after it was taken, but not signalled yet. Whoever takes it finds its
 *   semaphore dead, and takes the next (ring/api/wakers.c, wake_member).
 *   It stands for R13 of ring/doc/design.md; [SLEEP], [BELL], [TAIL].
 *
 * THE WORDS, AND WHO WRITES THEM
 *   tail       the producer (`pending` holds what is not visible yet)
 *   claimed    the members, by compare-and-swap (claim.pml has the real claim; here one message a time,
 *              the worst case for the chain)
 *   sleepers   a bit per member: set and withdrawn by its member, taken by a waker
 *   doorbell   set by members before they sleep; cleared by the PRODUCER ONLY, before it reads
 *              `sleepers`, and set again by it if sleepers remain. A chain wake leaves it alone: if a
 *              member could clear it, a publish whose tail is still in the store buffer could load the
 *              doorbell in the moment between the clearing and the setting, wake nobody, and become
 *              visible after the woken member has looked for more. (It takes three members and three messages to
 *              show, too many to search whole; so it is no mutation here.)
 *   credit[m]  the semaphore of member m
 *   owed[m]    private to m: how often it was taken in a round in which it did not consume a credit.
 *              The credit is, or will be, in its semaphore. It takes it back, without waiting, before it
 *              announces the next time, and so credits do not pile up (mutation NO_ABSORB).
 *
 * WHAT IS CHECKED
 *   When nothing can move any more there is no message unread while a member is asleep. A member may stay
 *   with a message for ever, so it is not enough that somebody is awake: work that an idle member could do
 *   must reach an idle member. Every semaphore's credits are accounted for at every step, and bounded.
 *
 * BOUNDS, AND WHAT IS LEFT OUT
 *   MEMBERS and MESSAGES below, published one or two at a time. All other accesses are sequentially
 *   consistent: they are read-modify-writes, or are ordered by system calls. The producer's clearing of the
 *   doorbell does not empty its store buffer here (on arm64 it need not); its taking does, being a release
 *   (mutation TAKE_RELAXED).
 *   A nap (ring/wait/nap.h) is no step here: it is the time between the look that finds nothing and the announcement, which may be as long as it
 *   likes. Nor is the look after each half second asleep, from which a member goes on waiting under the announcement that it has made: it changes
 *   no word. (That it must see the announcement stand, the doorbell too, is for a producer killed between its steps: tests/kill, bells.c.)
 *   The wait of at most one second, which rescues members from a waker
 *   that was killed between its two steps, and the work of a member that was killed after it was signalled, is left out: nothing here may
 *   depend on it.
 *
 * MUTATIONS, each of which must fail
 *   NO_FENCE      no asymmetric fence (with FALLBACK: the first wait is unbounded)
 *   NO_RECHECK    the member does not look again (with FALLBACK: not after its bounded wait)
 *   NO_REARM      the producer does not set the doorbell again when sleepers remain
 *   NO_CHAIN      a taken member does not wake the next
 *   CLEAR_LATE    the producer looks for remaining sleepers first, and clears the doorbell if it sees none
 *   NO_PASS       a member whose wait ended for another reason does not wake the next
 *   TAKE_RELAXED  the producer's compare-and-swap on the sleepers is not a release: a member that was taken
 *                 while it withdrew would look for more before it can see what it was taken for
 *   NO_ABSORB     owed credits are left in the semaphore
 *   NO_NEXT       whoever has taken a dead sleeper takes no other (with KILL)
 *   REACHED       not a fault: shows that the state "everything read, all asleep" is reached
 */
#ifndef MEMBERS
#define MEMBERS 3
#endif
#ifndef MESSAGES
#define MESSAGES 3
#endif
#define NOBODY MEMBERS
#define BIT(m) (1 << (m))
#define UNREAD (claimed < tail)

byte tail, claimed, sleepers;
bit doorbell;
chan pending = [MESSAGES] of { byte };

byte credit[MEMBERS];
byte owed[MEMBERS];
bit waiting[MEMBERS];
byte called = NOBODY;
bit dead[MEMBERS];

/*
 * Ghosts: the newest value of tail that the producer stored, visible or not; members that announced
 * themselves and have not withdrawn; signals between the taking and the semaphore.
 */
byte issued;
bit announced[MEMBERS];
byte flying[MEMBERS];

/* The producer's store buffer, emptied at one instant. */
inline drain()
{
    do
    :: nempty(pending) -> pending?tail
    :: empty(pending) -> break
    od
}

#ifdef TAKE_RELAXED
#define RELEASE false
#else
#define RELEASE true
#endif

/* Every credit is owed, or belongs to a member that was taken in this round and has yet to find out. */
#define TAKEN_UNKNOWN(m) (announced[m] && !(sleepers & BIT(m)))
#define BALANCED(m) (credit[m] + flying[m] == owed[m] + TAKEN_UNKNOWN(m))

/*
 * Takes one sleeper, the lowest bit of a snapshot that is still set: `who`, or NOBODY. What is left of the
 * snapshot stays in `seen`. The producer's taking is a release.
 */
inline take(release)
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
           :: release && (sleepers & BIT(pick)) -> drain()
           :: else
           fi;
           if
           :: sleepers & BIT(pick) -> flying[pick]++; who = pick
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
    od
}

/* Signals who was taken, if anybody was; or, if that one is dead, the next. */
inline signal(release)
{
    do
    :: atomic {
           who != NOBODY ->
           flying[who]--;
           if
           :: dead[who] -> who = NOBODY
           :: else ->
              credit[who]++;
              assert(credit[who] <= MEMBERS + 1);
              who = NOBODY;
              break
           fi
       }
#ifndef NO_NEXT
       take(release);
       seen = 0
#endif
    :: who == NOBODY -> break
    od
}

inline wake_clearing()
{
#ifdef CLEAR_LATE
    take(RELEASE);
    if
    :: seen == 0 -> doorbell = 0
    :: else
    fi;
#else
    doorbell = 0;
    take(RELEASE);
#ifndef NO_REARM
    if
    :: seen != 0 -> doorbell = 1
    :: else
    fi;
#endif
#endif
    seen = 0
}

active proctype Memory()
{
end:
    do
    :: pending?tail
    od
}

/* One of the members, or none, is called away from its wait, once, at any time. */
active proctype Caller()
{
    if
    :: called = 0
#if MEMBERS > 2
    :: called = 1
#endif
    :: called = MEMBERS - 1
#ifdef KILL
    :: atomic { waiting[0] && credit[0] == 0 -> waiting[0] = 0; announced[0] = 0; dead[0] = 1 }
    :: atomic { waiting[1] && credit[1] == 0 -> waiting[1] = 0; announced[1] = 0; dead[1] = 1 }
#endif
    :: skip
    fi
}

active proctype Producer()
{
    byte sent, seen, pick, who = NOBODY;

    do
    :: sent < MESSAGES ->
       if
       :: sent++
       :: sent + 2 <= MESSAGES -> sent = sent + 2
       fi;
       atomic { pending!sent; issued = sent };
       if
       :: doorbell ->
          wake_clearing();
          signal(RELEASE)
       :: else
       fi
    :: sent == MESSAGES -> break
    od
}

/* Out of the sleepers by its own hand; `used`: a credit was consumed in this round. */
inline withdraw(used)
{
    d_step {
        if
        :: sleepers & BIT(me) -> sleepers = sleepers & ~BIT(me); owed[me] = owed[me] - used
        :: else -> taken = 1; owed[me] = owed[me] + 1 - used
        fi;
        announced[me] = 0;
        assert(BALANCED(me))
    }
}

/* What was published for this member, and is more than it claimed or will claim, is handed on. */
inline wake_next()
{
    if
    :: taken && UNREAD ->
       take(false);
       seen = 0;
       signal(false)
    :: else
    fi
}

proctype Member(byte me)
{
    byte seen, pick, who = NOBODY;
    bit taken;
#ifdef FALLBACK
    byte older;
#endif

again:
    if
    :: atomic { UNREAD -> claimed++ };
#ifndef NO_CHAIN
       wake_next();
#endif
       taken = 0;
       if
       :: goto again
       :: goto busy
       fi
    :: else
    fi;

    taken = 0;
#ifndef NO_ABSORB
    d_step {
        do
        :: owed[me] > 0 && credit[me] > 0 -> owed[me]--; credit[me]--
        :: else -> break
        od
    }
#endif
    d_step { sleepers = sleepers | BIT(me); announced[me] = 1; assert(BALANCED(me)) }
    doorbell = 1;
#ifdef FALLBACK
    if
    :: UNREAD -> withdraw(0); goto again
    :: else
    fi;
#ifndef NO_FENCE
    older = issued;
    if
    :: atomic { credit[me] > 0 -> credit[me]-- }; withdraw(1); older = 0; goto again
    :: tail >= older -> older = 0
    fi;
#ifndef NO_RECHECK
    if
    :: UNREAD -> withdraw(0); goto again
    :: else
    fi;
#endif
#endif
#else
#ifndef NO_FENCE
    atomic { drain() };
#endif
#ifndef NO_RECHECK
    if
    :: UNREAD -> withdraw(0); goto again
    :: else
    fi;
#endif
#endif
    waiting[me] = 1;
end:
    if
    :: atomic { credit[me] > 0 -> credit[me]--; waiting[me] = 0 };
       withdraw(1);
       goto again
    :: atomic { called == me -> waiting[me] = 0 };
       withdraw(0)
#ifndef NO_PASS
       ;
       wake_next()
#endif
    fi;

busy:
    skip
}

/* Runs only when nobody else can. */
proctype Stillness()
{
    byte m;

end:
    atomic {
        timeout ->
        for (m : 0 .. MEMBERS - 1) {
            assert(!(waiting[m] && UNREAD))
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
        run Stillness()
    }
}
