/*
 * lossy.pml: a reader that the producer does not wait for, and what it may believe
 *
 * WHAT IT MODELS
 *   ring/core/lossy.h, landmark.h (record_intact) and producer.c (producer_core_raise); R10, R11. Records of one
 *   unit, which is its header. Before the producer writes anything up to a place it stores in `intent` that it may;
 *   then a store fence. It clears the header behind each record, commits up to BATCH records, and publishes them: the
 *   first header (release), the tail (release). Its stores go through a buffer, as in commit.pml, from which they
 *   become visible in any order, but for those of one word, releases, and the fence. The reader loads the tail, then
 *   the record, makes a load fence, loads intent, and believes the record if that is no more than a ring past it. It
 *   reads it once more, in place, before it releases it, and looks at intent again: only then was it whole. Lapped,
 *   it goes on at a landmark, here the last multiple of STEP that is not past the tail, if that is still there.
 *   The producer may be killed before any store. A successor walks the headers from the tail on, and goes by an
 *   intent of its own, but never lowers the word.
 *   It stands for R1, R10, R11 of ring/doc/design.md; [INTENT], [HEADER], [TAIL].
 *
 * WHAT IS CHECKED
 *   What the reader believes is what was published at that position, when it is taken and when it is released.
 *
 * BOUNDS, AND WHAT IS LEFT OUT
 *   CAPACITY units, records up to END, BUFFER stores in flight, one death. The counts of landmarks and lines; members
 *   of many; other groups.
 *
 * MUTATIONS, each of which must fail
 *   NO_STORE_FENCE   the intent is stored before what it covers, but may be visible after it
 *   INTENT_LATE      it is stored after what it covers
 *   NO_LOAD_FENCE    the reader loads the intent before the record
 *   NO_CHECK         it believes a record that it has found intact for as long as it holds it
 *   LOWERED          a successor stores its own intent, whatever the word says (R11)
 *   UNCOVERED        the intent does not cover the header behind the last record (R1)
 *   REACHED          not a fault: shows that a reader is lapped, goes on, and finds the last record whole
 */
#ifndef CAPACITY
#define CAPACITY 4
#endif
#ifndef END
#define END 7
#endif
#ifndef BATCH
#define BATCH 3
#endif
#ifndef BUFFER
#define BUFFER 4
#endif
#ifndef STEP
#define STEP 2
#endif
#define TAIL CAPACITY /* the buffer's names for the words */
#define INTENT (CAPACITY + 1)
#define AT(position) memory[(position) % CAPACITY]
#define HEADER(position, epoch) ((position) * 2 + (epoch) + 1)
#ifdef UNCOVERED
#define BEHIND 0
#else
#define BEHIND 1
#endif

byte memory[CAPACITY];
byte tail, intent = 1;

/* The stores on their way. */
byte address[BUFFER];
byte value[BUFFER];
bit release[BUFFER];
byte stores;

bit dead;

/* Ghosts: what was published; was the reader lapped. */
byte truth[END + 1];
bit was_lapped;

inline put(where, what, is_release)
{
    d_step {
        stores < BUFFER ->
        address[stores] = where;
        value[stores] = what;
        release[stores] = is_release;
        stores++
    }
}

/* May store i of the buffer become visible before those in front of it? */
#define FIRST_OF_ITS_WORD(i)                  \
    (!(i > 0 && address[0] == address[i]) &&  \
     !(i > 1 && address[1] == address[i]) &&  \
     !(i > 2 && address[2] == address[i]))
#define READY(i) (stores > i && (i == 0 || (!release[i] && FIRST_OF_ITS_WORD(i))))

active proctype Memory()
{
    byte i;

end:
    do
    :: atomic {
           if
           :: READY(0) -> i = 0
           :: READY(1) -> i = 1
           :: READY(2) -> i = 2
           :: READY(3) -> i = 3
           fi;
           if
           :: address[i] == TAIL -> tail = value[i]
           :: address[i] == INTENT -> intent = value[i]
           :: else -> memory[address[i]] = value[i]
           fi;
           do
           :: i + 1 < stores ->
              address[i] = address[i + 1];
              value[i] = value[i + 1];
              release[i] = release[i + 1];
              i++
           :: else -> break
           od;
           stores--;
           address[stores] = 0;
           value[stores] = 0;
           release[stores] = 0;
           i = 0
       }
    od
}

#define MORTAL                       \
    if                               \
    :: epoch == 0 -> goto killed     \
    :: skip                          \
    fi

/* As far as it means to write itself. Nobody sees later stores before this one: whether it is waited for here makes no difference. */
inline raise()
{
    MORTAL;
    atomic {
        own = (position + STEP > position + 1 + BEHIND -> position + STEP : position + 1 + BEHIND);
        own = (own > published + CAPACITY -> published + CAPACITY : own)
    };
    if
#ifdef LOWERED
    :: own != word -> put(INTENT, own, 0); word = own
#else
    :: own > word -> put(INTENT, own, 0); word = own
#endif
    :: else
    fi;
#ifndef NO_STORE_FENCE
    stores == 0
#endif
}

inline publish()
{
    MORTAL;
    atomic {
        put(published % CAPACITY, first, 1);
        for (i : published .. position - 1) {
            truth[i] = HEADER(i, epoch)
        }
        i = 0
    };
    MORTAL;
    put(TAIL, position, 1);
    d_step { published = position; first = 0 }
}

proctype Producer(bit epoch)
{
    byte position, published, own, word, first, i;

    position = tail;
    do
    :: AT(position) != 0 -> position++
    :: else -> break
    od;
    atomic { published = position; word = intent };
    if
    :: epoch == 1 -> put(TAIL, position, 1)
    :: else
    fi;
    do
    :: position < END ->
#ifndef INTENT_LATE
       if
       :: position + 1 + BEHIND > own -> raise()
       :: else
       fi;
#endif
       MORTAL;
       if
       :: first == 0 -> first = HEADER(position, epoch)
       :: else -> put(position % CAPACITY, HEADER(position, epoch), 0); MORTAL
       fi;
       put((position + 1) % CAPACITY, 0, 0);
#ifdef INTENT_LATE
       if
       :: position + 1 + BEHIND > own -> raise()
       :: else
       fi;
#endif
       position++;
       if
       :: position - published < BATCH && position < END -> skip
       :: publish()
       fi
    :: else -> break
    od;
    goto done;

killed:
    stores == 0;
    dead = 1;

done:
    skip
}

proctype Successor()
{
end:
    dead;
    run Producer(1)
}

#define INTACT (seen <= position + CAPACITY)

active proctype Reader()
{
    byte position, header, seen, limit;

    do
    :: position < END ->
end:
       atomic { tail > position -> limit = tail };
#ifdef NO_LOAD_FENCE
       seen = intent;
       header = AT(position);
#else
       header = AT(position);
       seen = intent;
#endif
       if
       :: INTACT ->
          assert(header == truth[position]);
          header = 0;
          seen = 0;
          /* It is read, in place, and released. */
          header = AT(position);
#ifndef NO_CHECK
          seen = intent;
#endif
          assert(!INTACT || header == truth[position]);
#ifdef REACHED
          assert(!(INTACT && was_lapped && dead && position + 1 == END));
#endif
          position++
       :: else ->
          /* The last landmark; if that is gone by now, this one looks again. */
          d_step {
              was_lapped = 1;
              position = (limit / STEP * STEP > position -> limit / STEP * STEP : position)
          }
       fi;
       atomic { header = 0; seen = 0; limit = 0 }
    :: else -> break
    od
}

init
{
    atomic {
        run Producer(0);
        run Successor()
    }
}
