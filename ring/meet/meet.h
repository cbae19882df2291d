/*
 * How parties find each other: the broker of a process that serves rings, and what attaches to it.
 *
 * One broker per process: a port set, one thread (lazy, all signals blocked). Its members are one receive right of the process's own,
 * which forked children inherit as a registered port, and those of the rings' names, from bootstrap_check_in: a name dies with its
 * process. A ring that outlives its broker gets another, elected by a name of its own (api/succession.c). A request is one mach_msg
 * with a reply port; the broker judges the sender (rights.h), asks the ring's `struct broker_service` (the api room)
 * and replies with rights as port descriptors. A semaphore is registered nowhere: whoever sleeps gives its own to the broker once,
 * whoever wakes fetches it from there once.
 *
 * Who may what. The first request over a ring's name is judged by the sender's ids, from the audit trailer; the answer brings a key of
 * the role that was granted (keys.h), and every later request is judged by the key it shows. A join brings a key of its group, which
 * is what semaphores of that group are put and fetched by: a stranger to a group can neither wake its members nor be woken for them. Members of
 * a group that it is after are no strangers: they get the key of those who may wake it, and no more (meet_follower).
 *
 * Who may succeed a broker (rights.h) is given the secret and the ring's read-write entry, in escrow: its link goes on showing the key
 * of its own role.
 *
 * Nothing in a message is believed before it is bounded: message size, request number, descriptor count and kinds, strings
 * without an end. A reply of the wrong shape is -EPROTO and all rights in it are dropped.
 */
#ifndef MRING_MEET_MEET_H
#define MRING_MEET_MEET_H

#include "core/start.h"
#include "meet/keys.h"
#include "meet/parcel.h"
#include "mring.h"

#include <mach/mach.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Who asks, as the kernel says, and as what it may. */
struct meet_peer {
    uid_t uid;
    gid_t gid;
    pid_t pid;
    enum mring_role role;
};

/* Rights in replies are send rights that go to the asker (moved); MACH_PORT_NULL where there is none. */
struct attach_reply {
    uint64_t identity[2];
    mem_entry_name_port_t ring;     /* read-write for MRING_PRODUCE, else read-only */
    mem_entry_name_port_t doorbell; /* read-only for MRING_INSPECT, else read-write */
};

/* What a successor needs: the ring's read-write entry, the doorbell, and the secret. */
struct escrow_reply {
    mem_entry_name_port_t ring;
    mem_entry_name_port_t doorbell;
    struct ring_key secret;
};

struct join_request {
    char name[LAYOUT_NAME];   /* NUL-terminated when it reaches the service */
    struct group_terms terms; /* of the group, if this makes it; members 0: the ring's default */
    struct start_wish start;  /* likewise */
    uint64_t life;            /* the asker's life number */
    uint64_t ticket;          /* random, not 0, told to nobody but the broker: what the join is undone by */
};

/* A group as its entry is handed out. `line` and `owner` are of the place that a join took for the asker. */
struct group_reply {
    mem_entry_name_port_t entry;
    uint32_t index;
    uint32_t line;
    struct group_terms terms;
    uint64_t incarnation;
    uint64_t owner;
    struct ring_key key; /* the group's, or its waking key; none for whoever may only look */
};

/*
 * A place that sleeps: a member line, or the producer (group == SLEEPER_PRODUCER, line 0). `owner` tells one occupant from the next.
 * `members` and `key` are the group's, as its reply said, and prove that the asker has to do with it; for the producer there are none.
 */
enum { SLEEPER_PRODUCER = LAYOUT_GROUPS };
struct sleeper {
    uint32_t group;
    uint32_t line;
    uint64_t incarnation; /* of the group; 0 for the producer */
    uint64_t owner;
    uint32_t members;
    struct ring_key key;
};

/* ---- serving ---- */

/* What the broker asks of a ring, on the broker's thread. 0 or -errno, which travels to the asker. */
struct broker_service {
    void *context;
    int (*attach)(void *context, const struct meet_peer *peer, enum mring_role role, struct attach_reply *reply);
    /* The ring's read-write entry and the doorbell, for one who may succeed this broker. */
    int (*escrow)(void *context, const struct meet_peer *peer, struct escrow_reply *reply);
    int (*join)(void *context, const struct meet_peer *peer, const struct join_request *request,
                struct group_reply *reply);
    /* Nobody got the answer to this join, or could not use it: give the place back, if one was given. */
    int (*unjoin)(void *context, const struct meet_peer *peer, const struct join_request *request);
    /* Remove a group that a join has made, and that nobody is in. The name is NUL-terminated. */
    int (*remove)(void *context, const struct meet_peer *peer, const char *name);
    /* A send right to the life entry (moved); asked for only by a process that has no life in the ring yet. */
    int (*life)(void *context, const struct meet_peer *peer, mem_entry_name_port_t *entry);
    /* The entry of a live group by its directory index: read-write and with its key for a producer, or an heir, else read-only. */
    int (*group)(void *context, const struct meet_peer *peer, uint32_t index, struct group_reply *reply);
    /* The entry of a live group that is after the member's group: read-only, and with its waking key. */
    int (*follower)(void *context, const struct sleeper *member, uint32_t index, struct group_reply *reply);
    /* A member, or a producer, brings the entry (moved in) of a live group, which this broker, a successor, may not have. */
    int (*bring)(void *context, const struct meet_peer *peer, const struct sleeper *member,
                 mem_entry_name_port_t entry);
};

/* Have forks carry the links over from now on: before the first ring is served and before the first link is made. 0, -ENOMEM. */
int meet_watch_forks(void);

/*
 * Around fork: let the broker's thread finish the request it is at, and begin no other. To be called before any lock that a service
 * takes. So no fork falls into the middle of an answer; a child's copy of the allocator, above all, is then never one that
 * the broker's thread was just changing (the system's own is safe from that, a sanitizer's is not).
 */
void meet_pause(void);
void meet_resume(void);

struct broker; /* one served ring */

/* What is served, and to whom. */
struct broker_terms {
    const char *name; /* NULL: to forked children only */
    uint64_t identity[2];
    uint64_t meeting; /* a successor's, random */
    struct ring_key secret;
    enum mring_access access;
    enum mring_access produce;
    bool strict;
};

/*
 * Serve a ring. -EEXIST; -EACCES: another user sits on the name, or this process may take none; -EAGAIN, -ENOMEM, -ENAMETOOLONG. After broker_stop returns the
 * service is not called again and the name is free; so a lock that the service takes must not be held over it. It is not for
 * the broker's own thread. In a forked child broker_stop only frees the copy of what the parent serves. NULL is allowed.
 */
int broker_start(struct broker **broker, const struct broker_terms *terms, const struct broker_service *service,
                 struct mring_error *error);
void broker_stop(struct broker *broker);

/*
 * Serve a ring that outlived its broker, on the same terms, under the name made of its identity and the successor's number, which nobody
 * could know before and sit on; and under its own as well if nobody has taken that meanwhile. As broker_start.
 */
int broker_succeed(struct broker **broker, const struct broker_terms *terms, const struct broker_service *service,
                   struct mring_error *error);

/* ---- attaching ---- */

struct meet_link; /* a send right to the broker of one ring; also made for the serving process itself */

/*
 * Find the broker of a ring of this user by its name: -ENOENT when there is none within `timeout` (ns; 0: one look; MRING_FOREVER), -EACCES
 * when it is not served to this process, or another user sits on the name.
 */
int meet_look_up(struct meet_link **link, uid_t owner, const char *name, int64_t timeout, struct mring_error *error);
/* The link of the process that serves the ring itself, for its own use and for its forked children: it may all. */
int meet_own(struct meet_link **link, struct broker *broker, struct mring_error *error);
/*
 * The link that a parcel (parcel.h) stands for: to the broker in it, whose right is taken out, as its role. -ENOMEM.
 */
int meet_adopt(struct meet_link **link, struct parcel *parcel, struct mring_error *error);
/* Was the link adopted where names of the ring's brokers cannot be found, and theirs alone lead on? */
bool meet_is_elsewhere(const struct meet_link *link);
/* The ring has another broker now: have the link lead there, by the ring's identity and that one's number. -ENOENT: there is none. */
int meet_renew(struct meet_link *link, uint64_t meeting);
/* In a forked child the link of its parent's handle goes on over a registered port (meet/fork.c): no call is needed. -EPIPE from any
 * call below: the broker is gone, or was one of more than fit into the registered ports. NULL is allowed. */
void meet_close(struct meet_link *link);

/* From now on this link can do what a consumer's can, and no more. */
void meet_lower(struct meet_link *link);

/*
 * Each is one message and its answer; at most some seconds, for what a waker asks a tenth of one (-ETIMEDOUT: the broker does not answer). -EACCES: not for this role, or, when
 * attaching, this user.
 */
int meet_attach(struct meet_link *link, enum mring_role role, struct attach_reply *reply, struct mring_error *error);
/* A parcel of this role or a lower one, but for the name; to be closed. -EACCES: it is a higher one. */
int meet_pack(struct meet_link *link, enum mring_role role, struct parcel *parcel, struct mring_error *error);
/* What it takes to succeed the broker. -EACCES: this process may not (rights.h). */
int meet_escrow(struct meet_link *link, struct escrow_reply *reply);
/* The life entry. As life_begin's `fetch`: never receive it when this process has a life in the ring (member/life.h). */
int meet_life(struct meet_link *link, mem_entry_name_port_t *entry);
int meet_join(struct meet_link *link, const struct join_request *request, struct group_reply *reply,
              struct mring_error *error);
/* Undo a join, whatever became of it: also one whose answer did not come in time. Not answered. */
void meet_unjoin(struct meet_link *link, const struct join_request *request);
/* Remove a group that a join has made. -EAGAIN: the broker is a successor, and does not have it yet. */
int meet_remove(struct meet_link *link, const char *name);
/* With the ring's secret, or, where that is NULL, as the link's role. */
int meet_group(struct meet_link *link, const struct ring_key *secret, uint32_t index, struct group_reply *reply);
/* Bring the entry of a live group to a successor, as one of its members; the right stays the caller's. 0 also where it has it already. */
int meet_bring(struct meet_link *link, const struct sleeper *member, mem_entry_name_port_t entry);
/* To wake them, as a member of one that it is after: the entry, to look at, and the waking key of the live group of this index. */
int meet_follower(struct meet_link *link, const struct sleeper *member, uint32_t index, struct group_reply *reply);
int meet_put_semaphore(struct meet_link *link, const struct sleeper *who, semaphore_t semaphore);
int meet_get_semaphore(struct meet_link *link, const struct sleeper *who, semaphore_t *semaphore);

/*
 * Send an empty message, without waiting. False: nobody receives there any more. Where the queue is full none is needed, since whoever receives
 * is about to do so anyway.
 */
bool meet_nudge(mach_port_t port);

#endif
