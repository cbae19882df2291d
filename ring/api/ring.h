/*
 * A ring handle: what one process has of a ring, put together from the rooms below.
 *
 * Locks. `mring_lock` (one per process) guards every ring handle's tables (groups, life, link, counts), the list of producers and
 * consumers, and the directory words of the rings this process serves. It is never held over a message to a broker, since the broker's thread takes it to answer. It
 * is taken over fork, so a child finds it free and the tables whole.
 */
#ifndef MRING_API_RING_H
#define MRING_API_RING_H

#include "failure.h"
#include "meet/meet.h"
#include "member/life.h"
#include "region/region.h"

#include <pthread.h>
#include <sys/queue.h>

struct mring {
    uint32_t generation; /* of the process that this handle was last set up for: see ring_enter */
    struct region region;
    /*
     * Mapped where the ring is served, or was when this child was forked; entries alone, in escrow, where it may be served one day
     * (succession.c).
     */
    struct region_group group[LAYOUT_GROUPS];
    struct ring_key group_key[LAYOUT_GROUPS]; /* of those that are mapped */
    struct ring_key secret;                   /* where the ring is served or may be; keys are made of it */
    uid_t owner;                              /* whose ring it is */
    mem_entry_name_port_t escrow;             /* the ring's read-write entry, where it is served or may be */
    struct broker *broker;                    /* set where the ring is served */
    struct region_desk desk;                  /* what the broker writes */
    struct meet_link *link;
    struct word served_by; /* what the ring's broker word said when the link was known to lead there */
    struct word meetings;  /* how often it was made to lead to another one */
    bool meeting;          /* a thread is about that */
    uint64_t kept;         /* bit g: durable group g's entry is in the table, in escrow, and its mark set (durable.c) */
    struct word kept_of;   /* as of what version of the directory */
    struct word brought;   /* which of the meetings they were brought to */
    struct life *life;
    enum mring_role role;
    unsigned handles; /* producers and consumers open in this process */
    bool producing;   /* one of them is the producer */
};

/* How many forks lie between the process that loaded the library and this one: ring handles of another generation must arrive. */
extern uint32_t mring_generation;

void ring_lock(void);
void ring_unlock(void);

/* A producer or a consumer, as a fork finds it: made stale in the child, and stopped. */
struct handle {
    LIST_ENTRY(handle) others;
    void (*stop)(void *context);
    void *context;
    bool stale;
};

/* One more and one less of the ring's open handles, with the lock held. A stale one is to be closed too. */
void handle_opened(struct handle *handle, struct mring *ring, void (*stop)(void *), void *context);
void handle_closed(struct handle *handle, struct mring *ring);

/*
 * Once in a process, before it has anything of a ring: the fork handlers, of the meet room too, are registered, as a fork must find all whole; and
 * so is the process itself, with the asymmetric fence.
 */
int ring_prepare_process(struct mring_error *error);

/*
 * Take the lock, and the handle into use in this process: a forked child begins a life of its own first. 0, and the lock is held; or
 * -errno.
 */
int ring_enter(struct mring *ring, struct mring_error *error);

/* What a reply says of the group in this place of the ring's table. */
void ring_describe(struct region_group *group, const struct group_reply *reply);

/* In a forked child: forget what is the parent's. With the lock held. */
void ring_forget_parent(struct mring *ring);

/* The group of this directory index as it is now, in the ring's own table, or NULL. With the lock held. */
struct region_group *ring_group(struct mring *ring, uint32_t index);

/* The index of a live declared group in that table, or -1. With the lock held. */
int ring_find_declared(struct mring *ring, const char *name);

/*
 * A group as a producer or consumer handle has it. A passing group of the ring's own table is unmapped there when it is gone, so a handle
 * has a mapping of its own; declared groups stay as long as the ring handle.
 */
struct held_group {
    struct group_view view; /* view.page NULL: none */
    struct region_group own;
    struct ring_key key; /* what this process shows to deal with the group's semaphores */
};

/* From the ring's table. False: it is not there. Takes the lock. */
bool held_group_borrow(struct mring *ring, uint32_t index, struct held_group *held);
/* From a broker's reply, whose right is consumed. */
int held_group_open(const struct ring_view *ring, const struct group_reply *reply, struct held_group *held,
                    struct mring_error *error);
/* The same, to look only: nothing of it can be written. */
int held_group_inspect(const struct ring_view *ring, const struct group_reply *reply, struct held_group *held,
                       struct mring_error *error);
/* What a reply says of a group whose `own` is mapped. */
void held_group_describe(const struct ring_view *ring, struct held_group *held, const struct group_reply *reply);
void held_group_drop(struct held_group *held);

/* A member's place as the broker is asked about it. */
struct sleeper held_group_sleeper(const struct held_group *held, uint32_t line, uint64_t owner);

/* A handle with nothing in it yet, for the caller to fill; NULL: no memory. And give back all that a handle has. NULL is allowed. */
struct mring *ring_blank(void);
void ring_dismantle(struct mring *ring);

/*
 * The broker let this process in, by whatever way it was reached: open what it gave (consumed, also on failure), begin a life in the ring. `name`
 * is what the ring may be served by if this process succeeds the broker; empty: nothing. The caller dismantles the handle on failure.
 */
int ring_attached(struct mring *ring, const struct attach_reply *reply, const char *name, struct mring_error *error);

/* What becomes of a group that nobody serves, into its terms. 0, -EINVAL. */
int read_limit(enum mring_unserved unserved, uint64_t limit, uint64_t capacity, struct group_terms *terms,
               struct mring_error *error);

/* The broker's side of a ring that this process serves (serve.c). */
extern const struct broker_service serve_template;
/* On what terms: those of the one before, as the ring's header says. */
struct broker_terms serve_terms(const struct mring *ring, const char *name);
/* The ring's words say that this process serves it now: with the lock held, before anybody can find it. */
void serve_announce(struct mring *ring);
/* The same for a successor, of the one whom the word was seen to name: false, if that has changed. And back, if it comes to nothing. */
bool serve_claim(struct mring *ring, uint64_t seen);
void serve_yield(struct mring *ring);
/* Serve no more, if this process does. Without the lock. */
void serve_end(struct mring *ring);

/* ---- when the broker is gone (succession.c); all without the lock ---- */

/* Get, and keep unmapped, the rights that a broker of this ring needs; as many as can be had. */
void ring_take_escrow(struct mring *ring);

/* Give them up. With the lock held. */
void ring_drop_escrow(struct mring *ring);

/* The life entry, as life_begin's `fetch`. `context` is the ring. */
int ring_fetch_life(void *context, mem_entry_name_port_t *entry);

/* Have the ring's link lead to the broker that there is now. -ENOENT: there is none, or it cannot be found yet. */
int ring_renew(struct mring *ring);

/* Does the broker live? If not, take its place, or else find out who did. A system call or two. */
void ring_meet(struct mring *ring);

/*
 * Nobody serves the ring, or one who is new, and has not got the group yet that it was asked about: ask again, until this deadline. In between
 * ring_try_again has this process take the place, or find out who did, or else lets a moment pass. False: the time is over.
 */
int64_t ring_deadline(void);
bool ring_try_again(struct mring *ring, int64_t deadline);

/* Bring the entry of a group made by a join to a broker that is new. False: it is gone again. */
bool ring_bring(struct mring *ring, const struct held_group *group);

/* Have in escrow, too, the durable groups that have been made since, if this process may. */
void ring_keep_up(struct mring *ring);

/*
 * What the directory says, which a hostile producer may have written: the index of the live group of this name, or -1; how many members all
 * live groups have room for.
 */
int ring_find_group(const struct mring *ring, const char *name);
uint64_t ring_count_places(const struct mring *ring);

/* Bit g: group g is live, and of this kind. */
uint64_t ring_groups_of_kind(const struct mring *ring, enum group_kind kind);

/* By what mark the kernel knows that a group made by a join has members, or others who keep its entry (member/life.h). */
uint64_t group_mark(const struct group_view *group);

#endif
