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
    uint32_t generation; /* of the process that this handle was last set up for: see ring_arrive */
    struct region region;
    struct region_group group[LAYOUT_GROUPS]; /* where the ring is served, or was when this child was forked */
    struct ring_key group_key[LAYOUT_GROUPS]; /* likewise */
    struct ring_key secret;                   /* likewise; keys are made of it */
    uid_t maker[LAYOUT_GROUPS];               /* whose join made the group */
    uid_t owner;                              /* whose ring it is */
    struct broker *broker;                    /* set where the ring is served */
    struct meet_link *link;
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

/* Have the fork handlers, of the meet room too, registered: before anything is made that a fork must find whole. */
int ring_watch_forks(struct mring_error *error);

/* Take a handle into use in this process: in a forked child, forget what is the parent's. With the lock held. */
int ring_arrive(struct mring *ring, struct mring_error *error);

/* The group of this directory index as it is now, in the ring's own table, or NULL. With the lock held. */
struct region_group *ring_group(struct mring *ring, uint32_t index);

/* The index of a live declared group in that table, or -1. With the lock held. */
int ring_find_declared(struct mring *ring, const char *name);

/*
 * A group as a producer or consumer handle has it. The broker's thread unmaps a passing group when it is gone, so a handle in the
 * serving process has a mapping of its own; declared groups, and those inherited over a fork, stay as long as the ring handle.
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
/* What a reply says of a group whose `own` is mapped. */
void held_group_describe(struct held_group *held, const struct group_reply *reply);
void held_group_drop(struct held_group *held);

/* A member's place as the broker is asked about it. */
struct sleeper held_group_sleeper(const struct held_group *held, uint32_t line, uint64_t owner);

/* Is this name allowed for a ring or a group? 0, -EINVAL, -ENAMETOOLONG. `what` is "ring" or "group". */
int check_name(const char *name, const char *what, struct mring_error *error);

/* The size a caller's struct claims: is it one that this library can read? */
int check_size(size_t claimed, size_t least, const char *what, struct mring_error *error);

/* The broker's side of a ring that this process serves (serve.c). */
extern const struct broker_service serve_template;
int serve_join(struct mring *ring, uid_t user, const struct join_request *request, struct group_reply *reply);
int serve_unjoin(struct mring *ring, const struct join_request *request);
/* Make a group and its directory entry, not yet live. With the lock held. */
int serve_make_group(struct mring *ring, uint32_t index, const char *name, uint32_t kind, uint32_t members,
                     struct mring_error *error);

#endif
