/*
 * places.pml: members come to a passing group and go, and a producer finds out whether anybody is there
 *
 * WHAT IT MODELS
 *   ring/core/group.c (take_line, group_free_line, group_lives), gate.c (gate_look), and occupy_beside in
 *   ring/api/directory.c. A passing group counts for the gate while it has a member, and never again once it had
 *   none; so who comes must come beside somebody who is there. The broker, one join at a time: picks a witness; takes
 *   a free place for the newcomer, owner word first, then its bit; makes a fence; and if the witness's bit and owner
 *   word, of the same stay, still stand, the newcomer is in, and goes on from the group's position. Else the place is
 *   given back; with no witness at all the group is over. Who goes takes its bit away, then its owner word. The
 *   producer, at any time: reads the position, then the bits, word by word, and each held; if no bit was set, it
 *   reads the owner words of all places, twice, with the sum of their turns; if they were empty both times, and the
 *   turns the same, the group is over, and it writes as it likes.
 *   It stands for R8 of ring/doc/design.md, and what a passing group's end rests on; [JOIN], [OWNER].
 *
 * THE WORDS, AND WHO WRITES THEM
 *   turn, taken    the owner word: compare-and-swaps [OWNER]
 *   bit            its bit in `occupied`, a word for each place, the worst case [JOIN]
 *   position, held the members, as in claim.pml: held first, then the position
 *
 * WHAT IS CHECKED
 *   When a newcomer is in, the group is not over, nor later while anybody is in it; and the gate that the producer
 *   found is not past what anybody who is in it holds, nor past the group's position.
 *
 * BOUNDS, AND WHAT IS LEFT OUT
 *   Two places, JOINS joins, RECORDS. Memory is sequentially consistent: all these are read-modify-writes and fences.
 *   Deaths: who buries a dead member does with its place what one does that goes (recover.pml).
 *
 * MUTATIONS, each of which must fail
 *   NO_WITNESS     somebody was there before: that will do
 *   NOT_SAME_STAY  the witness's place is taken, by whomever
 *   BITS_ALONE     the producer goes by the bits
 *   ONE_LOOK       it reads the owner words once
 *   NO_TURNS       twice, without the turns (with five joins)
 *   OWNER_FIRST    who goes gives its owner word back before its bit
 *   REACHED        not a fault: shows that a newcomer's witness goes, that it stays, goes too, and the group is over
 *   (OWNER_ALONE is searched whole: that the witness's owner word stands would do, as the producer looks at the owner words as well.)
 */
#define LINES 2
#ifndef JOINS
#define JOINS 3
#endif
#ifndef RECORDS
#define RECORDS 1
#endif
#define IDLE 255
#define MINIMUM(a, b) ((a) < (b) -> (a) : (b))

byte turn[2];
bit taken[2], bit_set[2];
byte held[2] = IDLE;
byte position;

/* Between the broker and the lines' members: it has been told that it is in. */
bit in[2];

/* Ghosts. */
byte gate;
bit over;
byte joined;
bit won[2]; /* what it holds; else it has tried in vain, or not yet */

#define NOBODY_IN (!in[0] && !in[1])
#define CHECK                                                                                            \
    assert(NOBODY_IN || (!over && gate <= position && (!won[0] || gate <= held[0]) && (!won[1] || gate <= held[1])))

inline give_back(line)
{
#ifdef OWNER_FIRST
    atomic { taken[line] = 0; turn[line]++ };
    bit_set[line] = 0
#else
    bit_set[line] = 0;
    atomic { taken[line] = 0; turn[line]++ }
#endif
}

/* Whoever is in, on this line: claims and releases, or goes. */
proctype Member(byte line)
{
    byte tried;

end:
    do
    :: in[line] && held[line] == IDLE && position < RECORDS ->
again:
       tried = position;
       held[line] = tried;
       atomic {
           if
           :: position == tried -> position++; won[line] = 1
           :: position != tried && position < RECORDS -> goto again
           :: position != tried && position == RECORDS -> held[line] = IDLE
           fi;
           tried = 0
       }
    :: atomic { in[line] && held[line] != IDLE -> held[line] = IDLE; won[line] = 0 }
    :: atomic { in[line] && held[line] == IDLE -> in[line] = 0 };
       give_back(line)
    od
}

proctype Broker()
{
    byte joins, witness, stay, line;

    do
    :: joins < JOINS ->
       joins++;
       witness = 0;
next:
       do
       :: witness < LINES ->
          atomic {
              stay = turn[witness];
              if
              :: taken[witness] -> break
              :: else -> witness++
              fi
          }
       :: else -> goto no_more
       od;
       line = 0;
       do
       :: line < LINES && (taken[line] || held[line] != IDLE) -> line++
       :: else -> break
       od;
       if
       :: line == LINES -> skip /* all places are taken */
       :: else ->
          atomic { assert(!taken[line]); taken[line] = 1; turn[line]++ };
          bit_set[line] = 1;
          atomic {
              if
#ifdef NO_WITNESS
              :: true ->
#elif defined(OWNER_ALONE)
              :: taken[witness] && turn[witness] == stay ->
#elif defined(NOT_SAME_STAY)
              :: bit_set[witness] && taken[witness] ->
#else
              :: bit_set[witness] && taken[witness] && turn[witness] == stay ->
#endif
                 in[line] = 1;
                 joined++;
                 CHECK;
                 goto done
              :: else
              fi
          };
          give_back(line);
          witness++;
          goto next
       fi;
done:
       skip
    :: else -> break
    od;
no_more:
    skip
}

inline look_at_owners(vacant, turns)
{
    i = 0;
    vacant = 1;
    turns = 0;
    do
    :: i < LINES && vacant -> atomic { vacant = !taken[i]; turns = turns + turn[i]; i++ }
    :: else -> break
    od;
    i = 0
}

proctype Producer()
{
    byte lowest, i, first, second;
    bit anybody, vacant;

end:
    do
    :: !over ->
       lowest = position;
       do
       :: i < LINES ->
          if
          :: bit_set[i] -> anybody = 1; atomic { lowest = MINIMUM(lowest, held[i]); i++ }
          :: else -> i++
          fi
       :: else -> break
       od;
       i = 0;
       if
       :: anybody -> skip
       :: else ->
#ifdef BITS_ALONE
          vacant = 1;
#else
          look_at_owners(vacant, first);
#ifndef ONE_LOOK
          if
          :: vacant ->
             look_at_owners(vacant, second);
#ifndef NO_TURNS
             vacant = vacant && first == second
#endif
          :: else
          fi;
#endif
#endif
          if
          :: vacant ->
             atomic { over = 1; CHECK }
#ifdef REACHED
             assert(joined < 2)
#endif
          :: else
          fi
       fi;
       atomic {
           gate = (over || lowest < gate -> gate : lowest);
           CHECK;
           lowest = 0; first = 0; second = 0; anybody = 0; vacant = 0
       }
    od
}

init
{
    atomic {
        taken[1] = 1; turn[1] = 1; bit_set[1] = 1; in[1] = 1;
        run Member(0);
        run Member(1);
        run Broker();
        run Producer()
    }
}
