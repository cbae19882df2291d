/*
 * When the process that serves a ring is gone: who takes its place, and how the others find it.
 *
 * Escrow. Whoever has attached as the ring's user, but to look only, keeps what a broker needs, as rights without a mapping: the ring's
 * read-write entry, the doorbell, the life entry, the entries of the declared groups; and the secret that all keys are made of (meet/keys.h), so
 * that those which were given out are good at the successor. The broker judges who gets it (meet/rights.h). For everything else the
 * process goes on showing the key of its own role. A forked child has mappings but no rights, so it asks for them over its inherited link
 * at its first use. What cannot be had (no descriptors, the broker gone already) is done without; then this process is no heir. Of a
 * strict ring only those get anything who may write it: it ends with the last of them.
 *
 * Noticing. The ring's word `broker` names the life of who serves it, and the kernel says whether that has ended; life 0 says that the ring
 * was closed there. Those look who wait, and who asks something of a broker that does not answer: so a stream under way costs nothing
 * more, and who only polls makes no system call (I10) and does not see that nobody serves. When the word names another, that one also
 * sees whose messages have run out, or who is about to claim more: two loads, and system calls once for each that came to serve.
 *
 * Election. An heir that finds nobody serving puts its own life into the word, by compare-and-swap over the very value that it found
 * dead. No two serve at once: the service of whoever the word named is over, for good, before the word says so or its life ends. That
 * asks no name server, and holds where processes see different ones (network namespaces).
 * Whoever closes the ring takes its own word back in the same way, so it cannot take back its successor's.
 *
 * Being found. The one who has won takes a name made of the ring's identity and a number it draws, and then publishes that number. Who may
 * consume knows the identity, and other users' processes could sit on any name that can be told beforehand.
 *
 * Killed at any step the successor leaves what the one before left: a dead life in the word, no name, and a directory of
 * which an entry is whole before its bit is set (directory.c). The next one takes over in the same way, and has the producer read the directory
 * again.
 *
 * Links. Who finds that the word has changed looks that name up, as one of the ring's user. `served_by` is what the word said *before* the link was known to reach
 * a living broker: it never names a later one than the link leads to, and an earlier one only leads to another look. Each handle that
 * sees `meetings` grow puts its semaphore there again and brings the entry of its passing group, which the successor may not have.
 *
 * A durable group. It is made by a join, after most heirs have got their rights. So they look for new ones when they look at the ring anyway
 * (durable.c): whoever waits does so four times a second, the producer when it finds the group, who joined it at once. Each sets the group's mark,
 * as below, for as long as it keeps the entry, so that a successor who does not have it waits for one who does to come and bring it.
 * When nobody has it any more, by the marks, the place is lost, and the name is free.
 *
 * A passing group's life. Its entry is with its members and the producer alone, and a successor must not let it end while one of them
 * lives, even stopped. So each member's process sets the group's mark in the life entry, which the kernel clears when it dies. It sets
 * it after it got its place, and then makes sure that the broker which gave it is still there: so a mark that counts was set before any
 * successor asks for it. A join that was not that quick is undone and asked again.
 *
 * Not seen to. A place that a broker gave before it was killed, of a group that the successor does not have yet, can be taken back only when
 * somebody has brought that: by the asker's next try. An asker whose patience ends before leaves it taken for as long as it lives; and so does
 * one whose broker was killed between the taking of the place and the note of whose join that was for.
 */
#include "check.h"
#include "durable.h"
#include "meet/clock.h"
#include "ring.h"

#include <errno.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#define PATIENCE INT64_C(3000000000) /* ns */

enum { PAUSE = 2 * 1000 * 1000 /* ns: before asking again */ };

/* ---- escrow ---- */

int ring_fetch_life(void *context, mem_entry_name_port_t *entry)
{
    struct mring *ring = context;
    int code = meet_life(ring->link, entry);

    if (code == -EPIPE && ring_renew(ring) == 0)
        code = meet_life(ring->link, entry);
    return code;
}

int ring_renew(struct mring *ring)
{
    return meet_renew(ring->link, word_load_acquire(&ring->region.view.page->meeting)); /* [MEETING] */
}

static void drop(mem_entry_name_port_t right)
{
    if (MACH_PORT_VALID(right))
        mach_port_deallocate(mach_task_self(), right);
}

/* Right and left: what this handle has of its own it keeps. */
static void keep(mem_entry_name_port_t *place, mem_entry_name_port_t right)
{
    if (MACH_PORT_VALID(*place))
        drop(right);
    else
        *place = right;
}

/*
 * The ring's own rights, if the broker gives them: it is the one that judges (meet/rights.h). That it answers at all says that the link is
 * good.
 */
static bool take_ring(struct mring *ring, struct ring_key *secret)
{
    uint64_t broker = word_load_acquire(&ring->region.view.page->broker); /* [BROKER] */
    struct escrow_reply reply;
    int code = meet_escrow(ring->link, &reply);

    if (code == -EPIPE && ring_renew(ring) == 0)
        code = meet_escrow(ring->link, &reply);
    if (code != -EPIPE)
        word_store(&ring->served_by, broker);
    if (code != 0)
        return false;
    ring_lock();
    keep(&ring->escrow, reply.ring);
    keep(&ring->region.doorbell, reply.doorbell);
    ring->secret = reply.secret;
    ring_unlock();
    *secret = reply.secret;
    key_forget(&reply.secret);
    return true;
}

static void take_group(struct mring *ring, const struct ring_key *secret, uint32_t index)
{
    struct region_group *group = &ring->group[index];
    struct group_reply reply;

    if (meet_group(ring->link, secret, index, &reply) != 0)
        return;
    if (reply.index != index || reply.terms.kind != GROUP_DECLARED) {
        drop(reply.entry);
        return;
    }
    ring_lock();
    keep(&group->entry, reply.entry);
    ring_describe(group, &reply);
    ring_unlock();
}

/* The same for as long as there is the ring. */
static uint64_t declared_groups(const struct mring *ring)
{
    return ring_groups_of_kind(ring, GROUP_DECLARED);
}

void ring_take_escrow(struct mring *ring)
{
    struct ring_key secret;

    if (ring->role == MRING_INSPECT || !take_ring(ring, &secret))
        return;
    for (uint64_t left = declared_groups(ring); left != 0; left &= left - 1)
        take_group(ring, &secret, (uint32_t)__builtin_ctzll(left));
    key_forget(&secret);
}

void ring_drop_escrow(struct mring *ring)
{
    drop(ring->escrow);
    ring->escrow = MACH_PORT_NULL;
    key_forget(&ring->secret);
    for (uint32_t index = 0; index < LAYOUT_GROUPS; index++) {
        durables_let_go(ring, index);
        drop(ring->group[index].entry);
        ring->group[index].entry = MACH_PORT_NULL;
    }
}

/* ---- taking over ---- */

static bool is_heir(const struct mring *ring)
{
    for (uint64_t left = declared_groups(ring); left != 0; left &= left - 1)
        if (!MACH_PORT_VALID(ring->group[__builtin_ctzll(left)].entry))
            return false;
    return geteuid() == ring->owner && !meet_is_elsewhere(ring->link) && MACH_PORT_VALID(ring->escrow) &&
           MACH_PORT_VALID(ring->region.doorbell) && MACH_PORT_VALID(life_entry(ring->life));
}

/*
 * Everything that a service needs, before the first request can come. With the lock held. Groups stay mapped also where the election is
 * lost: a join may use them by then.
 */
static int unfold(struct mring *ring)
{
    struct region *region = &ring->region;
    int code = is_heir(ring) ? region_desk_open(&ring->desk, ring->escrow) : -EPERM;

    if (code == 0 && !MACH_PORT_VALID(region->ring_readonly))
        code = region_narrow(&region->ring_readonly, ring->escrow, region->view.capacity, NULL);
    for (uint64_t left = declared_groups(ring); code == 0 && left != 0; left &= left - 1) {
        struct region_group *group = &ring->group[__builtin_ctzll(left)];

        if (group->view.page == NULL)
            code = region_group_map(group, region->view.capacity, NULL);
        ring->group_key[group->view.index] =
            key_of_group(&ring->secret, group->view.index, group->view.members, group->view.incarnation);
    }
    return code == 0 ? durables_unfold(ring) : code;
}

/* Won already: have it found. */
static int be_found(struct mring *ring, struct broker **broker, struct broker_terms *terms)
{
    struct broker_service service = serve_template;
    int code = getentropy(&terms->meeting, sizeof(terms->meeting)) == 0 ? 0 : -errno;

    terms->meeting |= 1; /* it is never 0 */
    service.context = ring;
    if (code == 0)
        code = broker_succeed(broker, terms, &service, NULL);
    if (code == 0)
        word_store_release(&ring->desk.page->meeting, terms->meeting); /* [MEETING]: the name is there to be found */
    return code;
}

static void take_over(struct mring *ring, uint64_t seen)
{
    const char *name =
        ring->region.name[0] != '\0' && check_name(ring->region.name, "ring", NULL) == 0 ? ring->region.name : NULL;
    struct broker_terms terms;
    struct broker *broker = NULL;
    bool won;
    int code;

    ring_lock();
    code = unfold(ring);
    won = code == 0 && serve_claim(ring, seen);
    terms = serve_terms(ring, name);
    ring_unlock();
    if (won)
        code = be_found(ring, &broker, &terms);
    key_forget(&terms.secret);
    ring_lock();
    if (won && code == 0) {
        ring->broker = broker;
        durables_serve(ring);
    } else if (won) {
        serve_yield(ring); /* another may have more descriptors */
    }
    if (!won || code != 0)
        region_desk_close(&ring->desk);
    ring_unlock();
}

/* ---- finding the one who did ---- */

/* False: another thread is at it, or this process serves the ring itself. */
static bool begin_meeting(struct mring *ring)
{
    bool free;

    ring_lock();
    free = !ring->meeting && ring->broker == NULL;
    ring->meeting |= free;
    ring_unlock();
    return free;
}

static void end_meeting(struct mring *ring)
{
    ring_lock();
    ring->meeting = false;
    ring_unlock();
}

static bool served(const struct mring *ring, uint64_t broker)
{
    return life_alive(ring->life, owner_life(broker));
}

void ring_meet(struct mring *ring)
{
    const struct word *word = &ring->region.view.page->broker;
    uint64_t broker = word_load_acquire(word); /* [BROKER] */

    life_refresh(ring->life);
    if (broker == word_load(&ring->served_by) && served(ring, broker)) {
        ring_keep_up(ring);
        return;
    }
    if (!begin_meeting(ring))
        return;
    if (!served(ring, broker))
        take_over(ring, broker);
    broker = word_load_acquire(word); /* [BROKER] */
    if (ring_renew(ring) == 0) {
        word_store(&ring->served_by, broker);
        word_count(&ring->meetings);
        if (!is_heir(ring)) /* it may have been too late for that at the one before */
            ring_take_escrow(ring);
    } else if (meet_is_elsewhere(ring->link)) {
        word_store(&ring->served_by, broker); /* nor can it be found at the next look: these cost system calls */
    }
    end_meeting(ring);
    ring_keep_up(ring);
}

int64_t ring_deadline(void)
{
    return clock_deadline(PATIENCE);
}

bool ring_try_again(struct mring *ring, int64_t deadline)
{
    uint64_t meetings = word_load(&ring->meetings);

    if (clock_left(deadline) <= 0)
        return false;
    ring_meet(ring);
    if (word_load(&ring->meetings) == meetings)
        nanosleep(&(struct timespec){.tv_nsec = PAUSE}, NULL);
    return true;
}

void ring_keep_up(struct mring *ring)
{
    if (!durables_behind(ring) || !begin_meeting(ring))
        return;
    durables_keep_up(ring);
    end_meeting(ring);
}

uint64_t group_mark(const struct group_view *group)
{
    return (uint64_t)group->index << LIFE_BITS | (group->incarnation & LIFE_MASK);
}

bool ring_bring(struct mring *ring, const struct held_group *group)
{
    struct sleeper member = held_group_sleeper(group, 0, 0);
    int code;

    if (!terms_by_join(&group->view.terms) || !MACH_PORT_VALID(group->own.entry))
        return true;
    code = meet_bring(ring->link, &member, group->own.entry);
    /* Gone, stopped for a moment, or short of something: it does not have the entry, and nobody else may have it to bring. */
    return code != -EPIPE && code != -ETIMEDOUT && code != -EMFILE && code != -ENOMEM;
}
