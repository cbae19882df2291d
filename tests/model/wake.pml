/*
 * wake.pml: mring_wake, from another thread or a signal handler, and a handle that is about to sleep, or to be polled
 *
 * WHAT IT MODELS
 *   ring/wait/sleep.c (sleep_wake, turn_own_semaphore, turn_absorb, sleep_drop_semaphore), turn.h (turn_take_flag), and armed.c (sleep_descriptor,
 *   arm). Who wakes sets the flag by compare-and-swap, unless it is set; makes a full fence; rings the descriptor if there is one, else signals
 *   the semaphore if there is one. The handle waits: it makes its semaphore, with a full fence, absorbs what is owed to it, looks at the
 *   flag, and waits for a credit. Or it gets a descriptor, with a full fence, and drops the semaphore; from then on it drains the descriptor, looks
 *   at the flag, and leaves it to its caller to poll. Whoever takes the flag will be owed its credit.
 *   Stores become visible at any later time, each side's at the latest at its fence, and in order; so does the waker's compare-and-swap
 *   (its load is at once), as it need not be a fence by itself.
 *   It stands for the last paragraph at the head of ring/wait/sleep.h; [WOKEN], [SEMAPHORE], [POLLED].
 *
 * THE WORDS, AND WHO WRITES THEM
 *   woken       set by who wakes, taken by the handle
 *   semaphore, polled   the handle
 *   credit, readable    the semaphore's count, and the descriptor: the kernel's, at once
 *   owed        private to the handle: credits of flags that it took before they came
 *
 * WHAT IS CHECKED
 *   When nothing can move any more, the handle does not wait while the flag is set. Credits are bounded.
 *
 * BOUNDS, AND WHAT IS LEFT OUT
 *   Three threads that wake, once each; CALLS of the handle's. Other wakers' credits, and what is waited for: sleep.pml. Slices: who waits waits for ever.
 *
 * MUTATIONS, each of which must fail
 *   NO_WAKER_FENCE      the waker looks for semaphore and descriptor while its flag may not be visible
 *   NO_SEMAPHORE_FENCE  the handle looks at the flag while its first semaphore may not be visible
 *   NO_POLLED_FENCE     it does so while its descriptor may not be visible
 *   SIGNAL_FIRST        the waker signals, or rings, and then sets the flag
 *   FLAG_FIRST          the handle looks at the flag, and then absorbs what is owed
 *   DRAIN_LATE          it looks at the flag, and then drains the descriptor
 *   REACHED             not a fault: shows that a handle is woken that has slept on its semaphore before, and is polled now
 */
#define WAKERS 3
#ifndef CALLS
#define CALLS 6
#endif

bit woken, semaphore, polled;
bit setting[WAKERS];               /* set, and not visible yet; the same: */
bit makes_semaphore, makes_polled; /* in this order */
byte credit, owed;
bit readable;

bit waiting;

/* Ghosts. */
bit has_slept;

inline drain_handle()
{
    d_step {
        semaphore = semaphore || makes_semaphore;
        makes_semaphore = 0;
        polled = polled || makes_polled;
        makes_polled = 0
    }
}

inline drain_waker(w)
{
    d_step { woken = woken || setting[w]; setting[w] = 0 }
}

active proctype Memory()
{
end:
    do
    :: atomic { makes_semaphore -> semaphore = 1; makes_semaphore = 0 }
    :: atomic { !makes_semaphore && makes_polled -> polled = 1; makes_polled = 0 }
    :: atomic { setting[0] -> drain_waker(0) }
    :: atomic { setting[1] -> drain_waker(1) }
    :: atomic { setting[2] -> drain_waker(2) }
    od
}

inline signal()
{
    if
    :: polled -> readable = 1
    :: else ->
       if
       :: semaphore -> atomic { credit++; assert(credit <= WAKERS) }
       :: else
       fi
    fi
}

proctype Waker(byte me)
{
#ifdef SIGNAL_FIRST
    signal();
#endif
    /* Of two that find the word as it was one wins: one whose flag is on its way has won. */
    atomic {
        if
        :: woken || setting[0] || setting[1] || setting[2] -> goto done
        :: else -> setting[me] = 1
        fi
    };
#ifndef NO_WAKER_FENCE
    drain_waker(me);
#endif
#ifndef SIGNAL_FIRST
    signal();
#endif
done:
    skip
}

/* The flag is this thread's own to take: nobody else does. */
inline take_flag()
{
    if
    :: atomic {
           woken ->
           woken = 0;
           if
           :: semaphore || makes_semaphore -> owed++
           :: else
           fi;
           taken = 1
       }
    :: else
    fi
}

inline absorb()
{
    d_step {
        do
        :: owed > 0 && credit > 0 -> owed--; credit--
        :: else -> break
        od
    }
}

inline wait_on_semaphore()
{
    if
    :: !semaphore && !makes_semaphore ->
       makes_semaphore = 1;
#ifndef NO_SEMAPHORE_FENCE
       drain_handle()
#endif
    :: else
    fi;
#ifndef FLAG_FIRST
    absorb();
#endif
    take_flag();
#ifdef FLAG_FIRST
    absorb();
#endif
    if
    :: taken -> skip
    :: else ->
       waiting = 1;
end_asleep:
       atomic { credit > 0 -> credit--; waiting = 0; has_slept = 1 };
       take_flag();
       owed = (owed > 0 -> owed - 1 : 0)
    fi
}

inline wait_polled()
{
#ifndef DRAIN_LATE
    readable = 0;
#endif
    take_flag();
#ifdef DRAIN_LATE
    readable = 0;
#endif
    if
    :: taken -> skip
    :: else ->
       waiting = 1;
end_polling:
       atomic { readable -> waiting = 0 }
#ifdef REACHED
       ;
       assert(!(has_slept && woken))
#endif
    fi
}

active proctype Handle()
{
    byte calls;
    bit taken;

    do
    :: calls < CALLS ->
       calls++;
       if
       :: polled || makes_polled -> wait_polled()
       :: else ->
          if
          :: wait_on_semaphore()
          :: readable = 1;
             makes_polled = 1;
#ifndef NO_POLLED_FENCE
             drain_handle();
#endif
             d_step { semaphore = 0; makes_semaphore = 0; credit = 0; owed = 0 }
          fi
       fi;
       taken = 0
    :: else -> break
    od
}

/* Runs only when nobody else can. */
active proctype Stillness()
{
end:
    timeout -> assert(!(waiting && woken))
}

init
{
    byte i;

    atomic {
        for (i : 0 .. WAKERS - 1) {
            run Waker(i)
        }
    }
}
