/*
 * queue.pml: the queue of tickets in a semaphore: waiters that come, wait, give up; signallers that hand over
 *
 * WHAT IT MODELS
 *   ring/mach/sema_queue.c, step by step: sema_enter (take_cell, join_queue), the wait and its end by a token or by giving up, retract_ends, and
 *   sema_signal (hand_over, grant). Each load, store and compare-and-swap of the two kinds of shared words is a step of its own. Giving up
 *   may happen at any moment, GIVE_UPS times in all. The first waiter makes ROUNDS waits, each other one OTHERS.
 *
 * THE WORDS, AND WHO WRITES THEM
 *   count_*     everybody, by one compare-and-swap of all: tokens, tickets, version, head
 *   cell_*      everybody, by one compare-and-swap of all: state, owner, version, ticket
 *
 * WHAT IS CHECKED
 *   When nothing moves any more: every token that was given was taken or is there; nobody waits while there is one; and whoever waits
 *   has a ticket in the queue, so that the next signal finds it. A waiter finds its own answer in its cell, and nobody else's.
 *
 * BOUNDS, AND WHAT IS LEFT OUT
 *   WAITERS, SIGNALLERS with one signal each, CELLS; versions as wide as they need be; HEADS tickets, for with unlimited bad luck a signaller
 *   and a waiter can go on for ever to miss each other (the code ends that after many rounds). Memory is sequentially consistent, as the
 *   code's accesses are. Deaths are left out: a death is a stop for ever, of which the search has every finite part, and what
 *   repairs its consequences is tested, not modelled. So are termination and the limit on loops.
 *
 * MUTATIONS, each of which must fail
 *   NO_SECOND_LOOK  take_cell does not look at count again before it takes the cell
 *   NO_TOUCH        retract takes a ticket out of count without changing its free cell first
 *   NO_VERSION      the version stays when a ticket is taken out at the tail
 *   TAIL_ALWAYS     the last ticket of a queue is taken out at the tail, too, so that the head stays
 *   CELL_FIRST      a signaller looks at the cell before it takes the ticket out of count
 *   (NO_VERSION needs three waiters, TAIL_ALWAYS the order LIFO: last in, first out.)
 *   REACHED         not a fault: shows that all waits come to their end
 */
#ifndef WAITERS
#define WAITERS 2
#endif
#ifndef SIGNALLERS
#define SIGNALLERS 1
#endif
#ifndef ROUNDS
#define ROUNDS 2
#endif
#ifndef OTHERS
#define OTHERS ROUNDS
#endif
#ifndef GIVE_UPS
#define GIVE_UPS 1
#endif
#ifndef CELLS
#define CELLS 2
#endif
#ifndef HEADS
#define HEADS 5
#endif
#define FREE 0
#define WAITING 1
#define GRANTED 2

byte tokens, tickets, version, head;
byte cell_state[CELLS], cell_owner[CELLS], cell_version[CELLS], cell_ticket[CELLS];
byte given, taken, ended, give_ups = GIVE_UPS;
bool cut;

/* What the model knows, and no step reads to decide anything. */
bool sleeps[WAITERS];
byte ticket_of[WAITERS];

#define LOAD_COUNT                                                                                                     \
    atomic {                                                                                                           \
        n = tokens;                                                                                                    \
        k = tickets;                                                                                                   \
        v = version;                                                                                                   \
        h = head                                                                                                       \
    }
#define SAME (n == tokens && k == tickets && v == version && h == head)
#define LOAD_CELL(at)                                                                                                  \
    atomic {                                                                                                           \
        cs = cell_state[(at) % CELLS];                                                                                 \
        co = cell_owner[(at) % CELLS];                                                                                 \
        cv = cell_version[(at) % CELLS];                                                                               \
        ct = cell_ticket[(at) % CELLS]                                                                                 \
    }

/* Compare and swap: the loaded value against the word; `ok` tells. */
inline swap_count(new_tokens, new_tickets, new_version, new_head)
{
    d_step {
        ok = SAME;
        if
        :: ok ->
            tokens = new_tokens;
            tickets = new_tickets;
            version = (new_tickets == 0 -> 0 : new_version);
            head = new_head
        :: else
        fi
    }
}

inline swap_cell(at, new_state, new_owner, new_ticket)
{
    d_step {
        ok = (cs == cell_state[(at) % CELLS] && co == cell_owner[(at) % CELLS] && cv == cell_version[(at) % CELLS] &&
              ct == cell_ticket[(at) % CELLS]);
        if
        :: ok ->
            cell_state[(at) % CELLS] = new_state;
            cell_owner[(at) % CELLS] = new_owner;
            cell_version[(at) % CELLS] = cv + 1;
            cell_ticket[(at) % CELLS] = new_ticket
        :: else
        fi
    }
}

inline swap_without_head()
{
    swap_count(0, k - 1, v, h + 1)
}

inline swap_without_tail()
{
#if defined(TAIL_ALWAYS)
    swap_count(0, k - 1, v + 1, h)
#elif defined(NO_VERSION)
    if
    :: k == 1 -> swap_without_head()
    :: else -> swap_count(0, k - 1, v, h)
    fi
#else
    if
    :: k == 1 -> swap_without_head()
    :: else -> swap_count(0, k - 1, v + 1, h)
    fi
#endif
}

/* retract(): `again` tells whether to look again. */
inline retract(at, at_head)
{
    LOAD_CELL(at);
    if
    :: cs == WAITING && ct == (at) -> again = false
    :: else ->
        again = true;
        ok = true;
#ifndef NO_TOUCH
        if
        :: cs == FREE -> swap_cell(at, FREE, co, ct)
        :: else
        fi;
#endif
        if
        :: ok && at_head -> swap_without_head()
        :: ok && !at_head -> swap_without_tail()
        :: else
        fi
    fi
}

inline retract_ends()
{
    again = true;
    do
    :: again ->
        LOAD_COUNT;
        if
        :: k == 0 -> again = false
        :: else ->
            retract(h, true);
            if
            :: !again -> retract(h + k - 1, false)
            :: else
            fi
        fi
    :: else -> break
    od
}

proctype waiter(byte me)
{
    byte n, k, v, h, cs, co, cv, ct, mine, round;
    bool ok, again;

enter:
    LOAD_COUNT;
    if
    :: h >= HEADS -> cut = true; goto gone
    :: else
    fi;
    if
    :: n > 0 ->
        swap_count(n - 1, 0, 0, h);
        if
        :: ok -> taken++; goto over
        :: else -> goto enter
        fi
    :: n == 0 && k >= CELLS -> /* crowded: it goes away */
        goto over
    :: else
    fi;
    mine = h + k;
    LOAD_CELL(mine);
    if
    :: (cs == WAITING && ct == mine) || cs != FREE ->
        swap_count(0, k + 1, v, h);
        goto enter
    :: else
    fi;
#ifndef NO_SECOND_LOOK
    if
    :: SAME
    :: else -> goto enter
    fi;
#endif
    swap_cell(mine, WAITING, me, mine);
    if
    :: ok
    :: else -> goto enter
    fi;
    d_step {
        cs = WAITING;
        co = me;
        cv = cv + 1;
        ct = mine
    }
join:
    LOAD_COUNT;
    if
    :: k > 0 && mine >= h && mine < h + k -> goto queued
    :: else
    fi;
    if
    :: n > 0 || h + k != mine ->
        swap_cell(mine, FREE, me, mine);
        if
        :: ok -> goto enter
        :: else -> goto queued
        fi
    :: else
    fi;
    swap_count(0, k + 1, v, h);
    if
    :: ok
    :: else -> goto join
    fi;
queued:
    skip;
    d_step {
        sleeps[me] = true;
        ticket_of[me] = mine
    };
end_sleeping: /* to sleep for good is no error in itself: see init */
    if
    :: cell_state[mine % CELLS] != WAITING ->
        atomic {
            sleeps[me] = false;
            LOAD_CELL(mine)
        }
        assert(cs == GRANTED && co == me && ct == mine);
        swap_cell(mine, FREE, me, mine);
        assert(ok);
        taken++
    :: atomic {
            give_ups > 0 ->
            give_ups--;
            sleeps[me] = false;
            LOAD_CELL(mine)
       }
        assert(co == me && ct == mine && cs != FREE);
        if
        :: cs == WAITING -> swap_cell(mine, FREE, me, mine)
        :: else -> ok = false
        fi;
        if
        :: ok -> retract_ends()
        :: else -> goto queued
        fi
    fi;
over:
    round++;
    if
    :: round < (me == 0 -> ROUNDS : OTHERS) -> goto enter
    :: else
    fi;
    ended++;
gone:
    skip
}

proctype signaller()
{
    byte n, k, v, h, cs, co, cv, ct, next;
    bool ok;

again:
    LOAD_COUNT;
    if
    :: k == 0 ->
        atomic {
            swap_count(n + 1, 0, 0, h);
            if
            :: ok -> given++; goto done
            :: else
            fi
        }
        goto again
    :: else
    fi;
#ifdef LIFO
    next = h + k - 1;
#else
    next = h;
#endif
#ifdef CELL_FIRST
    LOAD_CELL(next);
#endif
#ifdef LIFO
    swap_without_tail();
#else
    swap_without_head();
#endif
    if
    :: ok
    :: else -> goto again
    fi;
grant:
#ifndef CELL_FIRST
    LOAD_CELL(next);
#endif
    if
    :: cs == WAITING && ct == next
    :: else -> goto again
    fi;
    atomic {
        swap_cell(next, GRANTED, co, ct);
        if
        :: ok -> given++; goto done
        :: else
        fi
    }
#ifdef CELL_FIRST
    goto again;
#else
    goto grant;
#endif
done:
    skip
}

init
{
    byte i;
    atomic {
        i = 0;
        do
        :: i < WAITERS -> run waiter(i); i++
        :: else -> break
        od;
        i = 0;
        do
        :: i < SIGNALLERS -> run signaller(); i++
        :: else -> break
        od;
        i = 0
    }
    /* Nothing else can move. */
    timeout;
end_cut: /* a search that goes on for ever is not looked at to its end */
    !cut;
    assert(given == SIGNALLERS);
    assert(given == taken + tokens);
    do
    :: i < WAITERS ->
        assert(!sleeps[i] || (tokens == 0 && ticket_of[i] >= head && ticket_of[i] < head + tickets));
        i++
    :: else -> break
    od;
#ifdef REACHED
    assert(ended < WAITERS)
#endif
}
