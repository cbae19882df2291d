/*
 * Guarantees
 *   - First in, first out (or last in, with SEMA_LIFO), over all tasks; a signal goes to one waiter and to nobody else. While
 *     anybody waits there are no tokens, so neither a poll nor a later wait can take what a signal handed over.
 *   - No lock: nobody, killed, stopped or hostile, holds anybody else up. Every loop is bounded.
 *   - A waiter that dies swallows no signal, but one it had already taken. One handed to it and not yet taken goes on to the next.
 *   - On any bytes the calls stay within the page and end; what they answer is then without meaning.
 *
 * Tickets. `count` holds either tokens, or a queue: the tickets [head, tail). Ticket t has cell t % SEMA_CELLS, in which its waiter
 * is named. `count` alone says which tickets count; the cell alone says who gets the token. All accesses to both are sequentially
 * consistent, so that everything below happens in one order.
 *
 *   enter     tail = t. Put {t, WAITING, me} into the cell while it is FREE, then CAS count to include t. So the cell names its waiter before
 *             the ticket counts. Whoever finds {tail, WAITING} first includes it on the other's behalf; so a waiter that stops in
 *             between holds up nobody. If tokens came instead, the waiter frees its cell and takes one.
 *   signal    Without a queue: CAS a token in. Else CAS the next ticket out of the queue: the signaller has a token in hand. Then CAS the
 *             ticket's cell from WAITING to GRANTED: that is the hand-off, and then it wakes. If nobody waits under that ticket
 *             (gave up, died), the token is still in hand: next ticket.
 *   give up   CAS the own cell from WAITING to FREE. If that fails, the token is there: success.
 *   take      CAS the own cell from GRANTED to FREE. A cell that is not FREE belongs to its waiter, unless that is dead; the tail may come
 *             round to it while the waiter is slow: that ticket is then included, and nobody waits under it.
 *   retract   A ticket with nobody waiting at either end of the queue is taken out of count without a token, so that a waiter that
 *             stays and another that comes and goes cannot fill the cells.
 *
 * Why count is not fooled by an old value (ABA). Head never goes back. It moves whenever a queue ends; so while head stays, either the queue
 * stays, or there was none. The tail goes back only inside a queue, and then the version grows. So a CAS on count that succeeds proves that it did
 * not change since it was loaded (18 bits of version, 31 of head).
 *
 * Why no waiter sleeps with a ticket that does not count. A waiter looks at count after its cell is WAITING; if t is in the queue, it sleeps.
 * Who takes t out afterwards as a signaller, or terminates, looks at the cell after that, and finds it. Who retracts t has loaded count
 * (t in the queue), then the cell, then changed the cell if it was FREE, then changed count. The waiter loaded count (tail = t), the cell (FREE),
 * count again, unchanged, and then changed the cell. At this second look t was not in the queue, so the retractor began later; if it
 * changed the cell first, the waiter's CAS fails; if the waiter did, the retractor's fails. If it found the cell not FREE, then the waiter's wait
 * is over: between the waiter's second look and its CAS the cell was FREE.
 *
 * What a death leaves. One who terminates, before it has told all waiters: each of them that knows tells the others before it
 * returns (in a task that ends with its wait, the thread that told it would else end with it). A signaller between its two CASes: the
 * waiter of that ticket is WAITING and out of the queue. sema_repair, called by that waiter's task, tells it to begin again (AGAIN);
 * it waits a round before that, for a slow signaller is not a dead one. A dead waiter: its cell is freed by whoever meets it; a
 * token in it (GRANTED) is signalled again. A life word is given to the next task only when no cell names it any more: load the
 * cell, then the life, then CAS the cell, so that a new holder's cell is never freed.
 */
#include "sema_queue.h"
#include "sema_futex.h"

#include <errno.h>
#include <limits.h>

/* More rounds than the tickets there can be, and than others can spoil without meaning to. */
enum { ROUNDS = 1 << 16, BEGINNINGS = 8, CROWDED_NS = 10000000 };

static const uint64_t PASSED_KNOWN = UINT64_C(1) << 63;

static uint64_t load(_Atomic uint64_t *word)
{
    return atomic_load_explicit(word, memory_order_seq_cst);
}

static bool change(_Atomic uint64_t *word, uint64_t from, uint64_t to)
{
    return atomic_compare_exchange_strong_explicit(word, &from, to, memory_order_seq_cst, memory_order_seq_cst);
}

static bool waits(uint64_t cell, uint32_t ticket)
{
    return cell_state(cell) == CELL_WAITING && cell_ticket(cell) == ticket;
}

void sema_init(struct sema_page *page, uint32_t value)
{
    atomic_store_explicit(&page->count, count_tokens(value, 0), memory_order_seq_cst);
}

/* ---- the end ---- */

void sema_terminate(const struct sema *sema)
{
    uint64_t count = atomic_fetch_or_explicit(&sema->page->count, COUNT_TERMINATED, memory_order_seq_cst);

    for (uint32_t i = 0; i < count_tickets(count) && i < SEMA_CELLS; i++) {
        uint32_t ticket = (count_head(count) + i) & TICKET_MASK;
        _Atomic uint64_t *place = sema_cell(sema->page, ticket);
        uint64_t cell = load(place);
        if (waits(cell, ticket) && change(place, cell, cell_turned(cell, CELL_TERMINATED)))
            sema_futex_wake(cell_futex(place), 1);
    }
}

static bool ended(const struct sema *sema, uint64_t count)
{
    if (count & COUNT_TERMINATED)
        return true;
    if (!life_ended(sema->page, LIFE_OWNER))
        return false;
    /* The kernel woke one of the keepers that sleep on the owner's life. It may die over what follows: wake them all. */
    sema_futex_wake((const uint32_t *)&sema->page->life[LIFE_OWNER].word, INT_MAX);
    sema_terminate(sema);
    return true;
}

bool sema_ended(const struct sema *sema)
{
    return ended(sema, load(&sema->page->count));
}

/* ---- hand-off ---- */

static uint64_t without_head(uint64_t count)
{
    return count_queue(count_tickets(count) - 1, count_version(count), count_head(count) + 1);
}

/* Of the last ticket the head moves on, as the argument on old values needs. */
static uint64_t without_tail(uint64_t count)
{
    return count_tickets(count) == 1
               ? without_head(count)
               : count_queue(count_tickets(count) - 1, count_version(count) + 1, count_head(count));
}

static uint32_t last_ticket(uint64_t count)
{
    return (count_tail(count) - 1) & TICKET_MASK;
}

/* Give the token in hand to the waiter of a ticket: false when nobody living waits under it. */
static bool grant(const struct sema *sema, uint32_t ticket)
{
    _Atomic uint64_t *place = sema_cell(sema->page, ticket);

    for (int round = 0; round < ROUNDS; round++) {
        uint64_t cell = load(place);
        if (!waits(cell, ticket))
            return false;
        bool dead = life_ended(sema->page, cell_life(cell));
        if (!change(place, cell, cell_turned(cell, dead ? CELL_FREE : CELL_GRANTED)))
            continue;
        if (!dead)
            sema_futex_wake(cell_futex(place), 1);
        return !dead;
    }
    return false;
}

/* KERN_NOT_WAITING: there was no queue when *count was loaded. */
static kern_return_t hand_over(const struct sema *sema, uint64_t *count)
{
    for (int round = 0; round < ROUNDS; round++) {
        *count = load(&sema->page->count);
        if (ended(sema, *count))
            return KERN_TERMINATED;
        if (count_tickets(*count) == 0)
            return KERN_NOT_WAITING;
        bool newest = sema->order == SEMA_LIFO;
        uint32_t ticket = newest ? last_ticket(*count) : count_head(*count);
        if (change(&sema->page->count, *count, newest ? without_tail(*count) : without_head(*count)) &&
            grant(sema, ticket))
            return KERN_SUCCESS;
    }
    return KERN_FAILURE;
}

kern_return_t sema_signal_waiter(const struct sema *sema)
{
    uint64_t count;

    return hand_over(sema, &count);
}

kern_return_t sema_signal(const struct sema *sema)
{
    for (int round = 0; round < ROUNDS; round++) {
        uint64_t count;
        kern_return_t kr = hand_over(sema, &count);
        if (kr != KERN_NOT_WAITING)
            return kr;
        uint32_t value = count_value(count);
        if (value == VALUE_MAX || change(&sema->page->count, count, count_tokens(value + 1, count_head(count))))
            return KERN_SUCCESS;
    }
    return KERN_FAILURE;
}

kern_return_t sema_signal_all(const struct sema *sema)
{
    for (int round = 0; round < ROUNDS; round++) {
        uint64_t count = load(&sema->page->count);
        if (ended(sema, count))
            return KERN_TERMINATED;
        if (count_tickets(count) == 0)
            return KERN_SUCCESS;
        if (!change(&sema->page->count, count, count_tokens(0, count_tail(count))))
            continue;
        for (uint32_t i = 0; i < count_tickets(count) && i < SEMA_CELLS; i++)
            grant(sema, (count_head(count) + i) & TICKET_MASK);
        return KERN_SUCCESS;
    }
    return KERN_FAILURE;
}

/* ---- what the dead and those who gave up leave ---- */

/* Free the cell of a dead waiter; the token that it had not yet taken goes on. */
static void bury(const struct sema *sema, _Atomic uint64_t *place, uint64_t cell)
{
    if (change(place, cell, cell_turned(cell, CELL_FREE)) && cell_state(cell) == CELL_GRANTED)
        sema_signal(sema);
}

void sema_bury(const struct sema *sema, uint32_t life)
{
    for (uint32_t i = 0; i < SEMA_CELLS; i++) {
        _Atomic uint64_t *place = &sema->page->cell[i];
        uint64_t cell = load(place);
        for (int round = 0;
             round < ROUNDS && cell_state(cell) != CELL_FREE && cell_life(cell) == life && life_ended(sema->page, life);
             round++) {
            bury(sema, place, cell);
            cell = load(place);
        }
    }
}

/* Take out a ticket at an end of the queue if nobody waits under it: false when somebody does. */
static bool retract(const struct sema *sema, uint64_t count, uint32_t ticket, uint64_t without)
{
    _Atomic uint64_t *place = sema_cell(sema->page, ticket);
    uint64_t cell = load(place);
    bool waiting = waits(cell, ticket);

    if (waiting && !life_ended(sema->page, cell_life(cell)))
        return false;
    if ((waiting || cell_state(cell) == CELL_FREE) && !change(place, cell, cell_turned(cell, CELL_FREE)))
        return true; /* look again */
    change(&sema->page->count, count, without);
    return true;
}

static void retract_ends(const struct sema *sema)
{
    for (int round = 0; round < ROUNDS; round++) {
        uint64_t count = load(&sema->page->count);
        if (count_tickets(count) == 0 || (count & COUNT_TERMINATED))
            return;
        if (!retract(sema, count, count_head(count), without_head(count)) &&
            !retract(sema, count, last_ticket(count), without_tail(count)))
            return;
    }
}

/* Nobody will come for this waiter any more: its ticket was taken out of the queue by somebody who then died. */
static bool stranded(const struct sema *sema, uint32_t ticket, uint64_t passed)
{
    if (sema->order == SEMA_LIFO) {
        uint64_t count = load(&sema->page->count);
        return !count_queues(count, ticket) && ticket != count_tail(count);
    }
    return (passed & PASSED_KNOWN) && (((uint32_t)passed - ticket - 1) & TICKET_MASK) <= TICKET_MASK / 2;
}

void sema_repair(const struct sema *sema, uint64_t *passed)
{
    uint32_t life = atomic_load_explicit(&sema->life, memory_order_relaxed);
    uint64_t count = load(&sema->page->count);

    if (ended(sema, count)) {
        sema_terminate(sema); /* whoever did it before may have died on the way */
        return;
    }
    for (uint32_t i = 0; i < SEMA_CELLS; i++) {
        _Atomic uint64_t *place = &sema->page->cell[i];
        uint64_t cell = load(place);
        if (cell_state(cell) == CELL_FREE)
            continue;
        if (life_ended(sema->page, cell_life(cell)))
            bury(sema, place, cell);
        else if (cell_life(cell) == life && cell_state(cell) == CELL_WAITING &&
                 stranded(sema, cell_ticket(cell), *passed) && change(place, cell, cell_turned(cell, CELL_AGAIN)))
            sema_futex_wake(cell_futex(place), 1);
    }
    *passed = PASSED_KNOWN | count_head(count);
}

/* ---- waiting ---- */

kern_return_t sema_try(const struct sema *sema)
{
    for (int round = 0; round < ROUNDS; round++) {
        uint64_t count = load(&sema->page->count);
        if (ended(sema, count))
            return KERN_TERMINATED;
        uint32_t value = count_value(count);
        if (value == 0)
            break;
        if (change(&sema->page->count, count, count_tokens(value - 1, count_head(count))))
            return KERN_SUCCESS;
    }
    return KERN_OPERATION_TIMED_OUT;
}

static bool include_tail(const struct sema *sema, uint64_t count)
{
    return change(&sema->page->count, count,
                  count_queue(count_tickets(count) + 1, count_version(count), count_head(count)));
}

/* Put the waiter into the cell of the tail's ticket; false: somebody or something else was there, look again. */
static bool take_cell(const struct sema *sema, uint64_t count, uint32_t life, uint64_t *mine)
{
    uint32_t ticket = count_tail(count);
    _Atomic uint64_t *place = sema_cell(sema->page, ticket);
    uint64_t cell = load(place);

    if (waits(cell, ticket)) {
        include_tail(sema, count);
        return false;
    }
    if (cell_state(cell) != CELL_FREE) {
        if (life_ended(sema->page, cell_life(cell)))
            bury(sema, place, cell);
        else
            include_tail(sema, count); /* its waiter is still there, a lap behind: nobody will wait under this ticket */
        return false;
    }
    *mine = cell_next(cell, CELL_WAITING, life, ticket);
    return load(&sema->page->count) == count && change(place, cell, *mine);
}

/* With the cell taken: make the ticket count. False: it does not, and the cell is free again. */
static bool join_queue(const struct sema *sema, uint64_t mine)
{
    uint32_t ticket = cell_ticket(mine);

    for (int round = 0; round < ROUNDS; round++) {
        uint64_t count = load(&sema->page->count);
        if (count_queues(count, ticket))
            return true;
        if ((count & COUNT_TERMINATED) || count_value(count) > 0 || count_tail(count) != ticket)
            break;
        if (include_tail(sema, count))
            return true;
    }
    /* If that fails, somebody has answered already, and the answer is in the cell. */
    return !change(sema_cell(sema->page, ticket), mine, cell_turned(mine, CELL_FREE));
}

struct sema_place sema_enter(const struct sema *sema)
{
    struct sema_place place = {SEMA_CROWDED, atomic_load_explicit(&sema->life, memory_order_acquire),
                               0}; /* life-held */
    uint64_t mine;

    for (int round = 0; round < ROUNDS; round++) {
        kern_return_t kr = sema_try(sema);
        if (kr != KERN_OPERATION_TIMED_OUT) {
            place.step = kr == KERN_SUCCESS ? SEMA_TAKEN : SEMA_TERMINATED;
            return place;
        }
        uint64_t count = load(&sema->page->count);
        if ((count & COUNT_TERMINATED) || count_value(count) > 0)
            continue;
        if (count_tickets(count) >= SEMA_CELLS) {
            retract_ends(sema);
            if (count_tickets(load(&sema->page->count)) >= SEMA_CELLS)
                return place;
        } else if (take_cell(sema, count, place.life, &mine) && join_queue(sema, mine)) {
            place.step = SEMA_QUEUED;
            place.ticket = cell_ticket(mine);
            return place;
        }
    }
    return place;
}

static bool owns(const struct sema_place *place, uint64_t cell)
{
    return cell_ticket(cell) == place->ticket && cell_life(cell) == place->life;
}

/* Free the own cell. False: its state has changed meanwhile. */
static bool withdraw(const struct sema *sema, uint64_t cell)
{
    return change(sema_cell(sema->page, cell_ticket(cell)), cell, cell_turned(cell, CELL_FREE));
}

/* Wait with a ticket; CELL_AGAIN and the states that a sound page does not show here come to KERN_NOT_WAITING: begin again. */
static kern_return_t await(const struct sema *sema, const struct sema_place *mine, const struct timespec *limit)
{
    _Atomic uint64_t *place = sema_cell(sema->page, mine->ticket);

    for (int round = 0; round < ROUNDS; round++) {
        uint64_t cell = load(place);
        enum cell_state state = cell_state(cell);
        if (!owns(mine, cell) || state == CELL_FREE)
            return KERN_NOT_WAITING;
        if (state == CELL_WAITING) {
            int error = sema_futex_wait(cell_futex(place), (uint32_t)cell, limit);
            if (error == 0 || error == -EAGAIN || !withdraw(sema, cell))
                continue;
            retract_ends(sema);
            return error == -ETIMEDOUT ? KERN_OPERATION_TIMED_OUT : KERN_ABORTED;
        }
        if (!withdraw(sema, cell))
            continue;
        if (state == CELL_TERMINATED)
            sema_terminate(sema); /* who woke this waiter may have died before it came to the next */
        return state == CELL_GRANTED ? KERN_SUCCESS : state == CELL_TERMINATED ? KERN_TERMINATED : KERN_NOT_WAITING;
    }
    return KERN_NOT_WAITING;
}

/* Sleep a little: KERN_NOT_WAITING when it is time to try again. */
static kern_return_t stand_by(const struct sema *sema, const struct timespec *limit)
{
    const _Atomic uint64_t *count = &sema->page->count;
    struct timespec soon = sema_time_after(CROWDED_NS);
    int error = sema_futex_wait(cell_futex(count), (uint32_t)atomic_load_explicit(count, memory_order_relaxed),
                                sema_time_before(limit, &soon) ? limit : &soon);

    if (error == -EINTR)
        return KERN_ABORTED;
    return sema_time_passed(limit) ? KERN_OPERATION_TIMED_OUT : KERN_NOT_WAITING;
}

kern_return_t sema_finish(const struct sema *sema, struct sema_place place, const struct timespec *limit)
{
    for (unsigned beginnings = 1;; beginnings++) {
        kern_return_t kr;
        switch (place.step) {
        case SEMA_TAKEN:
            return KERN_SUCCESS;
        case SEMA_TERMINATED:
            return KERN_TERMINATED;
        case SEMA_QUEUED:
            kr = await(sema, &place, limit);
            break;
        default:
            kr = stand_by(sema, limit);
        }
        if (kr != KERN_NOT_WAITING)
            return kr;
        if (beginnings % BEGINNINGS == 0) /* a sound page does not do that */
            place.step = SEMA_CROWDED;
        else
            place = sema_enter(sema);
    }
}

void sema_leave(const struct sema *sema, struct sema_place place)
{
    if (place.step == SEMA_TAKEN)
        sema_signal(sema);
    if (place.step != SEMA_QUEUED)
        return;
    for (int round = 0; round < ROUNDS; round++) {
        uint64_t cell = load(sema_cell(sema->page, place.ticket));
        if (!owns(&place, cell) || cell_state(cell) == CELL_FREE)
            break;
        if (!withdraw(sema, cell))
            continue;
        if (cell_state(cell) == CELL_GRANTED)
            sema_signal(sema);
        break;
    }
    retract_ends(sema);
}
