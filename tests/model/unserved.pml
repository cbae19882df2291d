/*
 * unserved.pml: a producer gives up a group that nobody serves, and somebody comes just then
 *
 * WHAT IT MODELS
 *   ring/core/unserved.c, ring/api/producer_unserved.c, and the join in ring/api/consumer_join.c. A group of one place. The producer names the group as
 *   judged, makes a fence, looks at the place, gives the group up if nobody is there, and names none. It may be killed at any step; then
 *   another wins the epoch, clears the name, and judges for itself. Who joins takes the place, makes a fence, reads who is judged, and
 *   if that is this group, whether the producer of the epoch lives: if it does, the place is given back, and the join tried again. Else it
 *   reads whether the group was given up: then it leaves; if not it stays, and may leave later, and join again.
 *   Stores of `judged` and `given_up` become visible at any later time, in order, at the latest at the producer's fence; those of the place
 *   are compare-and-swaps. A dead producer's stores are all visible.
 *   It stands for the limit of a group that nobody serves; [JUDGED], [CUT].
 *
 * WHAT IS CHECKED
 *   No group is given up while a member that stayed is in it.
 *
 * BOUNDS, AND WHAT IS LEFT OUT
 *   PRODUCERS, one after the other, each of which judges TURNS times; a member that joins JOINS times. The member's death, which frees the place.
 *
 * MUTATIONS, each of which must fail
 *   NO_JUDGE_FENCE   the producer looks at the place while its name for the group may not be visible
 *   NO_LOOK          who joins does not read who is judged
 *   GIVEN_UP_FIRST   it reads whether the group was given up before it reads who is judged
 *   NAME_LATE        the producer names the group after it has looked at the place
 *   REACHED          not a fault: shows that a group is given up, after a member was turned away
 */
#ifndef PRODUCERS
#define PRODUCERS 2
#endif
#ifndef TURNS
#define TURNS 2
#endif
#ifndef JOINS
#define JOINS 2
#endif

bit judged, new_judged;
bit given_up, new_given_up;
bit taken;
byte epoch; /* the producer of it lives while it is the `living` one */
byte living;

/* Ghosts. */
bit stayed;
bit turned_away;

inline drain()
{
    d_step { given_up = new_given_up; judged = new_judged }
}

/* In the order in which they were stored: the verdict before the name is taken away, the name before the verdict. */
active proctype Memory()
{
end:
    do
    :: atomic { judged != new_judged && (new_judged || given_up == new_given_up) -> judged = new_judged }
    :: atomic { given_up != new_given_up && (judged || !new_judged) -> given_up = new_given_up }
    od
}

inline may_die()
{
    if
    :: me < PRODUCERS -> drain(); living = 0; goto dead
    :: true
    fi
}

inline produce(number)
{
    byte turns;
    bit nobody;

    me = number;
    d_step { epoch = me; living = me };
    new_judged = 0;
    turns = 0;
    do
    :: turns < TURNS && !new_given_up ->
       turns++;
       may_die();
#ifndef NAME_LATE
       new_judged = 1;
#ifndef NO_JUDGE_FENCE
       drain();
#endif
#endif
       may_die();
       nobody = !taken;
#ifdef NAME_LATE
       new_judged = 1;
       drain();
#endif
       may_die();
       if
       :: nobody -> atomic { new_given_up = 1; assert(!stayed) }
       :: else
       fi;
       may_die();
       new_judged = 0
    :: else -> break
    od
}

active proctype Producer()
{
    byte me;

    produce(1);
dead:
    skip;
#if PRODUCERS > 1
    atomic { living == 0 || living == 1 -> drain() };
    run Successor()
#endif
}

proctype Successor()
{
    byte me;

    produce(2);
dead:
    skip;
#ifdef REACHED
    assert(!(turned_away && given_up))
#endif
}

active proctype Member()
{
    byte joins, whose;
    bit named, gone;

    do
    :: joins < JOINS ->
       joins++;
       taken = 1; /* a compare-and-swap, and a fence */
#ifdef GIVEN_UP_FIRST
       gone = given_up;
#endif
#ifdef NO_LOOK
       named = 0;
#else
       named = judged;
#endif
       whose = epoch;
       if
       :: named && whose == living -> turned_away = 1; taken = 0
       :: else ->
#ifndef GIVEN_UP_FIRST
          gone = given_up;
#endif
          if
          :: gone -> taken = 0
          :: else ->
             atomic { stayed = 1; assert(!new_given_up) };
             atomic { stayed = 0; taken = 0 }
          fi
       fi
    :: else -> break
    od
}
