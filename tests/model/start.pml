/*
 * start.pml: a group is made, and starts in the past, beside a producer that makes room
 *
 * WHAT IT MODELS
 *   ring/core/start.c, ring/core/group.h (R9), ring/core/producer.h (producer_core_tell_gate), ring/api/producer.c (producer_rescan).
 *   Records have the size 1, the ring has RING of them. The producer writes as far as the gate that it uses lets it. Short of room it rescans:
 *   it reads the directory's version, scans the groups that are live, tells the gate that it found, makes a fence, and reads the
 *   version again; if that has changed it scans once more, and uses the lower of the two.
 *   The maker has its group gate at 0, makes it live, raises the version, makes a fence, reads the gate that was told and the tail, and starts
 *   anywhere from the one to the other. Its member goes on from there. Another group was there before, and goes on as it likes; another
 *   change of the directory, which is not about this group, raises the version at any time.
 *   The producer's tail and told gate, and the maker's live, version and place, are stores that become visible at any later time, in order,
 *   each side's at the latest at its fence.
 *   It stands for R9 of ring/doc/design.md; [GATE], [VERSION].
 *
 * THE WORDS, AND WHO WRITES THEM
 *   tail, told       the producer   (`new_...`: stored and not yet visible)
 *   live, version, place   the maker; version the other change too, by which it cannot be lost (one process writes both: the broker)
 *   old              the member of the group that was there
 *
 * WHAT IS CHECKED
 *   From when the new group has chosen where it starts, the gate that the producer uses is not past where that group is.
 *
 * BOUNDS, AND WHAT IS LEFT OUT
 *   END records, RING, one new group, one other change. Loads are not reordered. What the records contain, and the walk along them; the
 *   producer's death: the gate that it told stands, and only grows.
 *
 * MUTATIONS, each of which must fail
 *   NO_MAKER_FENCE   the maker reads the gate while its group may not be visible
 *   NO_TELL_FENCE    the producer reads the version while what it told may not be visible
 *   NO_RECHECK       it does not read the version again
 *   TELL_LATE        it tells the gate after it has begun to use it
 *   NO_LOWER         after a second scan it uses what that found, which was not told
 *   GATE_FIRST       the maker reads the gate before it makes the group live
 *   NOT_AT_0         the group gates at the tail, while it is made
 *   REACHED          not a fault: shows that a group starts below the tail, and that the producer then laps the ring
 */
#ifndef RING
#define RING 2
#endif
#ifndef END
#define END 5
#endif

byte tail, new_tail;
byte told, new_told;
bit live, new_live;
byte version, new_version;
byte place, new_place;
byte old;

/* Ghosts. */
byte used;        /* the gate that the producer uses */
bit chosen;       /* the new group has its place */
byte is_at;       /* where it is, then */
byte began, seen; /* where it started, and the tail then */

#define MINIMUM(a, b) ((a) < (b) -> (a) : (b))
#define MAXIMUM(a, b) ((a) > (b) -> (a) : (b))

inline drain_producer()
{
    d_step { tail = new_tail; told = new_told }
}

inline drain_maker()
{
    d_step { place = new_place; live = new_live; version = new_version }
}

/* Stores become visible in order: the tail was stored before the gate that is told after it, and place, live, version one after another. */
active proctype Memory()
{
end:
    do
    :: atomic { tail != new_tail -> tail = new_tail }
    :: atomic { told != new_told && tail >= new_told -> told = new_told }
    :: atomic { !live && new_live -> live = 1 }
    :: atomic { live == new_live && version != new_version -> version = new_version }
    :: atomic { live == new_live && version == new_version && place != new_place -> place = new_place }
    od
}

active proctype Old()
{
end:
    do
    :: atomic { old < tail -> old++ }
    od
}

/* The broker's other business. */
active proctype Other()
{
    atomic { new_version == version -> new_version++; version = new_version }
}

active proctype Maker()
{
    byte gate, newest;

#ifdef NOT_AT_0
    d_step { new_place = tail; place = tail }
#endif
#ifdef GATE_FIRST
    gate = told;
#endif
    new_live = 1;
    new_version++;
#ifndef NO_MAKER_FENCE
    drain_maker();
#endif
#ifndef GATE_FIRST
    gate = told;
#endif
    newest = tail;
    atomic {
        new_place = gate;
        do
        :: new_place < newest -> new_place++
        :: break
        od;
        chosen = 1;
        is_at = new_place;
        began = new_place;
        seen = newest;
        assert(used <= is_at)
    }
    /* Its member releases. */
end:
    do
    :: atomic { place == new_place && is_at < tail -> is_at++; new_place++ }
    od
}

inline scan(gate)
{
    known = version;
    with = live;
    gate = old;
    if
    :: with -> gate = MINIMUM(gate, place)
    :: else
    fi;
    gate = MAXIMUM(gate, used)
}

active proctype Producer()
{
    byte gate, again, known;
    bit with;

    do
    :: new_tail == END -> break
    :: new_tail < END && new_tail < used + RING -> new_tail++
    :: new_tail < END && new_tail == used + RING ->
       drain_producer();
       scan(gate);
#ifndef TELL_LATE
       new_told = MAXIMUM(new_told, gate);
#ifndef NO_TELL_FENCE
       drain_producer();
#endif
#endif
#ifndef NO_RECHECK
       if
       :: version != known ->
          drain_producer();
          scan(again);
#ifdef NO_LOWER
          gate = again
#else
          gate = MINIMUM(gate, again)
#endif
       :: else
       fi;
#endif
       atomic { used = gate; assert(!chosen || used <= is_at) };
#ifdef TELL_LATE
       new_told = MAXIMUM(new_told, gate);
       drain_producer();
#endif
       d_step { gate = 0; again = 0; known = 0; with = 0 }
    od;
#ifdef REACHED
    assert(!(chosen && began < seen && used > began + RING))
#endif
}
