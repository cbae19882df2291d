/*
 * commit.pml: the producer publishes records in a ring that wraps, is killed, and has a successor; a lone consumer follows
 *
 * WHAT IT MODELS
 *   ring/core/producer.h, producer.c and lone.h. A record takes one unit (its header) or two (header, payload word).
 *   The producer finds room for a record and for the header behind it; stores the payload, and the header of all but
 *   the first record of a batch; clears the header behind; then publishes: the first header (release), the tail
 *   (release). Batches are of one or two records; a record that finds no room publishes what is committed, and waits.
 *   The gate is cached, and rescanned only when short of room.
 *   Its stores go through a buffer from which they become visible in any order, except that stores to one word keep
 *   theirs, and that a release store waits for all before it (not the ones after it for a release).
 *   The consumer polls the next header when caught up; then it may read the tail, whenever it likes to (the code does in
 *   a stream), and works up to its copy of it, or as far as the longest record goes, without looking at it again. It
 *   may keep a record while it reads on, and reads a record once more before it gives it back.
 *   The producer may be killed before any store. What it stored becomes visible still; then a successor walks the
 *   headers from the tail on, stores the tail, and continues there.
 *   It stands for R1, R2 of ring/doc/design.md; [HEADER], [TAIL], [HELD].
 *
 * THE WORDS, AND WHO WRITES THEM
 *   memory, tail   the producer, through the buffer
 *   held           the consumer
 *   A header is {position, size, epoch} and never 0, so that a header of an earlier lap, or of a producer that died, differs from what
 *   should stand there; so does a payload.
 *
 * WHAT IS CHECKED
 *   Each record that was published (its batch's first header was stored) is delivered once, in order, and is whole
 *   from delivery to release; nothing else is delivered. The successor starts where the published records end. Nobody
 *   waits for ever.
 *
 * BOUNDS, AND WHAT IS LEFT OUT
 *   CAPACITY units, positions up to END + 1, BUFFER stores in flight, one death. The consumer's loads are in order,
 *   as acquire makes them.
 *
 * MUTATIONS, each of which must fail
 *   NO_CLEAR          the header behind is not cleared
 *   NO_PLUS8          room is not counted for it
 *   HEADER_EARLY      the first header is stored before the payload
 *   HEADER_RELAXED    the first header is stored without release
 *   TAIL_RELAXED      the tail is stored without release
 *   FIRST_NOT_LAST    the first header of a batch is stored (release) when its record is committed
 *   NO_WALK           the successor believes the tail
 *   REACHED           not a fault: shows that a successor delivers the last record
 */
#ifndef CAPACITY
#define CAPACITY 4
#endif
#ifndef END
#define END 7
#endif
#ifndef BUFFER
#define BUFFER 5
#endif
#define RECORD_MAX 2
#define TAIL CAPACITY /* the buffer's name for the word */
#define HEADER(position, size, epoch) ((position) * 4 + ((size) - 1) * 2 + (epoch) + 1)
#define SIZE(header) ((((header) - 1) & 2) / 2 + 1)
#define PAYLOAD(position, epoch) (128 + (position) * 2 + (epoch))
#define AT(position) memory[(position) % CAPACITY]

byte memory[CAPACITY];
byte tail;
byte held;

/* The stores on their way. */
byte address[BUFFER];
byte value[BUFFER];
bit release[BUFFER];
byte stores;

bit dead;

/* Ghosts: the header of the record that begins at a position; where the published records end. */
byte truth[END + 2];
byte published_end;

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
#define FIRST_OF_ITS_WORD(i)                                    \
    (!(i > 0 && address[0] == address[i]) &&                    \
     !(i > 1 && address[1] == address[i]) &&                    \
     !(i > 2 && address[2] == address[i]) &&                    \
     !(i > 3 && address[3] == address[i]))
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
           :: READY(4) -> i = 4
           fi;
           if
           :: address[i] == TAIL -> tail = value[i]
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

#ifdef DEATH
#define MORTAL if :: epoch == 0 -> goto killed :: skip fi
#else
#define MORTAL skip
#endif

#ifdef NO_PLUS8
#define LIMIT (gate + CAPACITY)
#else
#define LIMIT (gate + CAPACITY - 1)
#endif
#ifdef HEADER_RELAXED
#define HEADER_RELEASE 0
#else
#define HEADER_RELEASE 1
#endif
#ifdef TAIL_RELAXED
#define TAIL_RELEASE 0
#else
#define TAIL_RELEASE 1
#endif

inline publish()
{
    if
    :: first != 0 ->
       MORTAL;
#if !defined(FIRST_NOT_LAST) && !defined(HEADER_EARLY)
       atomic { put(published % CAPACITY, first, HEADER_RELEASE); published_end = position };
       MORTAL;
#endif
       put(TAIL, position, TAIL_RELEASE);
       d_step { published = position; first = 0; batch = 0 }
    :: else
    fi
}

proctype Producer(bit epoch)
{
    byte position, published, gate, first, size, batch;

    /* Where the predecessor ended. */
    position = tail;
#ifndef NO_WALK
    do
    :: AT(position) != 0 -> position = position + SIZE(AT(position))
    :: else -> break
    od;
#endif
    assert(position == published_end);
    d_step { published = position; gate = (position > CAPACITY -> position - CAPACITY : 0) };
    if
    :: epoch == 1 -> put(TAIL, position, 1)
    :: else
    fi;

    do
    :: position < END ->
       if
       :: size = 1
       :: size = 2
       fi;
       if
       :: position + size > LIMIT ->
          publish();
          do
          :: position + size > LIMIT -> atomic { held > gate -> gate = held }
          :: else -> break
          od
       :: else
       fi;
       truth[position] = HEADER(position, size, epoch);
       MORTAL;
#ifdef HEADER_EARLY
       if
       :: first == 0 ->
          atomic { put(position % CAPACITY, truth[position], HEADER_RELEASE); published_end = position + size };
          MORTAL
       :: else
       fi;
#endif
       if
       :: size == 2 -> put((position + 1) % CAPACITY, PAYLOAD(position, epoch), 0); MORTAL
       :: else
       fi;
       if
       :: first == 0 -> first = truth[position]
       :: else ->
          atomic {
              put(position % CAPACITY, truth[position], 0)
#ifdef FIRST_NOT_LAST
              ; published_end = position + size
#endif
          };
          MORTAL
       fi;
#ifndef NO_CLEAR
       put((position + size) % CAPACITY, 0, 0);
#endif
#ifdef FIRST_NOT_LAST
       if
       :: batch == 0 ->
          MORTAL;
          atomic { put(position % CAPACITY, first, 1); published_end = position + size }
       :: else
       fi;
#endif
       d_step { position = position + size; size = 0; batch++ };
       if
       :: batch < 2 && position < END -> skip
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

#define WHOLE(start)               \
    (AT(start) == truth[start] &&  \
     (SIZE(truth[start]) == 1 || AT(start + 1) == PAYLOAD(start, (truth[start] - 1) & 1)))

/* No further than the longest record, so that the limit may fall into the midst of one. */
#define REACH limit = (tail - position > RECORD_MAX -> position + RECORD_MAX : tail)

active proctype Consumer()
{
    byte position, limit, header, i;

    do
    :: position < END ->
       if
       :: position < limit ->
          header = AT(position);
          assert(header != 0);
          if
          :: position + SIZE(header) > limit -> atomic { assert(tail - position >= SIZE(header)); REACH }
          :: else
          fi
       :: else ->
          if
          :: atomic { AT(position) != 0 -> header = AT(position) }
          :: AT(position) == 0 ->
             /* Nothing yet: it gives back what it kept, and polls until there is something. */
             held = position;
             atomic { AT(position) != 0 -> header = AT(position) }
          fi;
          if
          :: d_step { /* it looks at the tail as well */
                 if
                 :: tail > position + SIZE(header) && tail - position <= CAPACITY -> REACH
                 :: else
                 fi
             }
          :: skip
          fi
       fi;
       d_step {
           assert(position < published_end);
           assert(header == truth[position]);
           i = held
       };
       /* Its payload, read after the header; and all it kept, read again before it is given back. */
       d_step {
           assert(WHOLE(position));
           position = position + SIZE(header);
           header = 0
       };
       if
       :: d_step {
              do
              :: i < position -> assert(WHOLE(i)); i = i + SIZE(truth[i])
              :: else -> break
              od;
              held = position;
              i = 0
          }
       :: i = 0
       fi
    :: else -> break
    od;
    held = position;
#ifdef REACHED
    assert(!dead)
#endif
}

init
{
    atomic {
        run Producer(0);
        run Successor()
    }
}
