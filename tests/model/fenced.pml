/*
 * fenced.pml: does the asymmetric fence reach everybody who might have to wake this sleeper? (R15)
 *
 * WHAT IT MODELS
 *   ring/wait/announced.c (sleep_once), ring/core/group.c (group_fenced), wakers_reachable in
 *   ring/api/consumer_wait.c, and how a member or a producer comes: the end of join in ring/api/consumer_join.c, and
 *   mring_producer. A place, where those who might have to wake a sleeper sit one after the other: a member's line,
 *   or the ring's epoch. Each has registered with the kernel or not. Who comes takes the place (owner, a
 *   compare-and-swap, which need not be visible before what is loaded after it), says in `fenced` that it has
 *   registered, if so, and makes a full fence. Then it may release something, a plain store, and looks whether
 *   somebody sleeps, a plain load. It stays, or goes, by a release. The sleeper announces itself, asks whether
 *   whoever is there has registered, makes a full fence and the asymmetric one, which empties the store buffers of
 *   those who *have* registered, asks again, and looks. Was the answer no, its first wait is a bounded one, which
 *   ends only after all stores that had been issued when it began are visible; then it looks once more. Then it waits
 *   unbounded.
 *   It stands for R15 of ring/doc/design.md; [FENCED].
 *
 * THE WORDS, AND WHO WRITES THEM
 *   owner, fenced    who comes to the place (`sits`, `said`: stored and not yet visible)
 *   work             who sits there, one bit each (`done`: stored and not yet visible; behind those)
 *   announced        the sleeper (`about_to`: stored and not yet visible)
 *
 * WHAT IS CHECKED
 *   When nothing can move any more, the sleeper does not wait while something was released.
 *
 * BOUNDS, AND WHAT IS LEFT OUT
 *   OCCUPANTS of one place, no more than two; one release each, one sleep. The credits: sleep.pml, room.pml.
 *
 * MUTATIONS, each of which must fail
 *   ASK_BEFORE       it is asked before the fence alone: somebody may come in between
 *   NO_ASK           it is not asked
 *   NO_COME_FENCE    who comes makes no fence before it releases
 *   STALE            `fenced` is yes or no, and not whose it is: what the one before had said is taken for the next one's
 *   UNREGISTERED     who has not registered says that it has
 *   GO_RELAXED       who goes does so before its release is visible
 *   NO_BOUND         the first wait of one who cannot be reached is not bounded
 *   REACHED          not a fault: shows that the sleeper, whom all can reach, sleeps and is signalled
 *   (To ask behind the fence alone is enough: ASK_AFTER is searched whole. What is asked before spares a call.)
 */
#ifndef OCCUPANTS
#define OCCUPANTS 2
#endif

byte owner;
byte fenced;
bit announced, about_to;
byte credit;
bit waiting, slept;

bit sits[OCCUPANTS + 1], said[OCCUPANTS + 1], done[OCCUPANTS + 1], work[OCCUPANTS + 1];
bit registered[OCCUPANTS + 1];
bit older[OCCUPANTS + 1];
byte coming = 1;

inline drain(w)
{
    d_step {
        owner = (sits[w] -> w : owner);
        sits[w] = 0;
        fenced = (said[w] -> w : fenced);
        said[w] = 0;
        work[w] = work[w] || done[w];
        done[w] = 0;
        older[w] = 0
    }
}

active proctype Memory()
{
end:
    do
    :: atomic { about_to && !announced -> announced = 1 }
    :: atomic { sits[1] -> owner = 1; sits[1] = 0 }
    :: atomic { sits[2] -> owner = 2; sits[2] = 0 }
    :: atomic { !sits[1] && said[1] -> fenced = 1; said[1] = 0 }
    :: atomic { !sits[2] && said[2] -> fenced = 2; said[2] = 0 }
    :: atomic { !sits[1] && !said[1] && done[1] -> drain(1) }
    :: atomic { !sits[2] && !said[2] && done[2] -> drain(2) }
    od
}

proctype Waker(byte me)
{
end:
    atomic { coming == me -> sits[me] = 1 };
    if
    :: d_step { registered[me] = 1; said[me] = 1 }
#ifdef UNREGISTERED
    :: said[me] = 1
#else
    :: skip
#endif
    fi;
#ifndef NO_COME_FENCE
    drain(me);
#endif
    if
    :: done[me] = 1;
       if
       :: announced -> credit++
       :: else
       fi
    :: skip
    fi;
    /* It stays; or it goes, and then somebody else comes, or nobody. */
    if
    :: skip
#ifdef GO_RELAXED
    :: atomic { owner = 0; coming++ }
#else
    :: atomic { drain(me); owner = 0; coming++ }
#endif
    :: atomic { drain(me); owner = 0 }
    fi
}

#ifdef STALE
#define SAYS_SO(who) (fenced != 0)
#else
#define SAYS_SO(who) (fenced == who)
#endif

inline ask()
{
    who = owner;
    if
    :: who != 0 && !SAYS_SO(who) -> reachable = 0
    :: else
    fi;
    who = 0
}

#define LOOK                                   \
    if                                         \
    :: work[1] || work[2] -> goto awake        \
    :: else                                    \
    fi

active proctype Sleeper()
{
    byte who;
    bit reachable = 1;

    about_to = 1;
#if !defined(NO_ASK) && !defined(ASK_AFTER)
    ask();
#endif
    announced = 1;
    if
    :: reachable ->
       /* The asymmetric fence. */
       d_step {
           if
           :: registered[1] -> drain(1)
           :: else
           fi;
           if
           :: registered[2] -> drain(2)
           :: else
           fi
       }
#if !defined(NO_ASK) && !defined(ASK_BEFORE)
       ask()
#endif
    :: else
    fi;
    LOOK;
#ifndef NO_BOUND
    if
    :: !reachable ->
       d_step { older[1] = done[1]; older[2] = done[2] };
       if
       :: credit > 0 -> goto awake
       :: !older[1] && !older[2]
       fi;
       LOOK
    :: else
    fi;
#endif
    waiting = 1;
end:
    atomic { credit > 0 -> waiting = 0 }
#ifdef REACHED
    assert(!reachable)
#endif
awake:
    skip
}

/* Runs only when nobody else can. */
active proctype Stillness()
{
end:
    timeout -> assert(!(waiting && (work[1] || work[2])))
}

init
{
    atomic {
        run Waker(1);
        run Waker(2)
    }
}
