/*
 * mring: one producer sends variable-length messages through shared memory to any number of consumers, in other
 * processes, which read them in place.
 *
 * In one minute
 *   A ring is memory. Its creator forks, or names the ring, so that others reach it. One process takes the producer's
 *   handle; others join a *group* each. Every group sees every message; inside a group each message goes to exactly one
 *   member. So one group with many members is a work queue, many groups with one member are a broadcast, and both can be had
 *   on one ring at once. A group declared when the ring is made misses nothing, however late its members come.
 *
 * Rules that hold for every call
 *   Results   0 or a count on success, a negative errno value (-EINVAL ...) on failure. errno itself is never set. Nothing is
 *             printed, no signal handler is installed, the process is never ended. On failure out parameters keep their
 *             value, unless a call says otherwise.
 *   Threads   A producer or consumer handle belongs to one thread at a time. A ring handle may be used by many threads at
 *             once, save for mring_close. mring_wake is the one call for foreign threads and signal handlers.
 *             On Linux a process has a thread of the library's, with all signals blocked, for each ring that it has open: it holds the
 *             lock by which others know that the process lives, and keeps a process going whose main thread has ended by pthread_exit.
 *   Fork      A ring handle is good in a forked child, which may join groups, or produce if its parent does not. Producer and
 *             consumer handles are not: every call on one in a child returns -ESTALE, and mring_leave or mring_producer_close
 *             there only frees memory. A child's first join takes its right to write the ring away: one that both produces
 *             and consumes becomes the producer first, and has that right as long as one of its handles is open. vfork children may call
 *             nothing here. Nothing survives exec, but what mring_export makes.
 *   Rights    A process gets the role it opens a ring with, if the ring's options let it (mring_options.access, .produce), and memory
 *             that it cannot write beyond that role, whatever it tries: a consumer's only writable memory is the words of the groups it
 *             has joined, a doorbell and a semaphore of its own. It can ruin its own group, and, since the producer waits for
 *             whoever has not read, hold the stream up by not reading. Who may produce is trusted with all of the ring. A forked
 *             child has its parent's role until it joins, then a consumer's. Once judged, a process keeps its role, also when it becomes
 *             another user. Within one user all this protects from accidents alone: a user's processes can trace one another; and,
 *             but for a strict ring, they hold, without a mapping, what it takes to serve the ring when its creator is gone (mring_create).
 *             ring/doc/rights.md has the whole of it, and the system calls that a sandbox must let through.
 *   Descriptors  (Linux) The library has some open, marked close-on-exec. Who closes descriptors that it did not open (closefrom, or a loop
 *             over all, as daemons do) can be woken by nobody, and may take living members for dead: what they hold is then given to
 *             another while they still have it. Do so before opening a ring.
 *   Signals   Only mring_wake is async-signal-safe. Calls that wait end with -EINTR when a handler ran.
 *   Versions  Option, info and error structs begin with their size: set it with the MRING_..._INIT macros, or by
 *             `.size = sizeof(...)` among designated initialisers. A field added later is taken as zero from an older caller.
 *   Handles   Must be open ones; only where a call says so may they be NULL. A pointer to fill is never NULL. The opening
 *             calls answer -EINVAL to that, the others are not defined then.
 *   Lossy groups  The producer writes over what they have not read, and never waits for them, also when they are stopped. What is handed out
 *             may so be overwritten while it is read: act on nothing of a message before mring_intact or mring_release has said that it
 *             was whole, or copy it by mring_recv, which returns whole messages only. Whatever of the stream a member was not given to read
 *             whole is reported to it, by -EOVERFLOW and mring_missed: what the members of a group released with 0, and what they
 *             missed, is together what was sent since the group began, exactly.
 *   Stages    A group may be after others (mring_group.after): its members are given a message once every group before has released it. What
 *             a killed member of those held is not released until another one has; what was set aside there is. A group before that nobody
 *             serves lets nothing through, and so holds the producer, and all behind it. Only groups that were declared, are not lossy, and are
 *             never given up (MRING_STOP) can be before others. Members behind may read the words of the groups before, not write them;
 *             members before may wake those behind.
 *   Timeouts  Nanoseconds; 0 only looks, any negative value is MRING_FOREVER.
 *   Units     Bytes and nanoseconds, unless a name says otherwise. Positions are 64-bit byte counts from the ring's
 *             beginning; they only grow.
 */
#ifndef MRING_H
#define MRING_H

#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#ifdef __cplusplus
extern "C" {
/* As in POSIX (stat, say), some calls have the name of the struct they are about; g++ -Wshadow minds that. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wshadow"
#endif

#if defined(__GNUC__)
#define MRING_API __attribute__((visibility("default")))
#else
#define MRING_API
#endif

#define MRING_VERSION_MAJOR 0
#define MRING_VERSION_MINOR 1
#define MRING_VERSION_PATCH 0

/*
 * Limits of the format. How long a ring lasts is bounded, too, which nothing checks: make a new one before 2^63 bytes with headers and padding, which is
 * `position` of struct mring_ring_stats (at 12 gigabytes a second: more than twenty years); and, with a group of several members, before 2^53
 * messages (at 143 million a second, the most that was measured: two years): one that is killed beyond may take along what it has just claimed.
 */
#define MRING_NAME_MAX    63   /* bytes in the name of a ring or a group, without the NUL */
#define MRING_GROUPS_MAX  64   /* groups of one ring */
#define MRING_MEMBERS_MAX 1024 /* members of all groups of one ring together */

/* As a timeout: wait without end. */
#define MRING_FOREVER (-1)

struct mring;
struct mring_producer;
struct mring_consumer;

/*
 * How a handle waits, in mring_wait and in the calls that are made of it. Of its own choosing: the members of one group may differ, and a
 * producer and its consumers too. Between the looks of SPIN and DOZE nobody has to wake anybody: a producer beside such consumers makes
 * no system call at all, and neither do they when they release to such a producer. ring/doc/design.md says what each took where it was measured.
 */
enum mring_waiting {
    /*
     * Spin for as long as a sleep costs, as was measured on this handle's own, at most 100 microseconds; then sleep until woken. Where there is
     * one processor, sleep at once. Where so many groups sleep that to wake them takes the producer 50 microseconds, first sleep by the clock,
     * for twice as long as that takes, at most a millisecond. Right for nearly all.
     */
    MRING_SPIN_THEN_SLEEP = 0,
    /* Look all the time: the shortest delay, and no system call, but a processor that does nothing else. It needs one of its own. */
    MRING_SPIN = 1,
    /* Sleep at once until woken: the least processor time where messages come singly. */
    MRING_SLEEP = 2,
    /*
     * Sleep by the clock, and look every `interval` nanoseconds (0: a millisecond; at most half a second): messages are had in batches,
     * however fast they come, up to an interval late. mring_wake ends it at once.
     */
    MRING_DOZE = 3
};

/*
 * What went wrong, in words: -errno cannot name the thing. The opening calls (mring_create, mring_open, mring_import, mring_producer,
 * mring_join), mring_export, mring_group_remove, mring_fsck and mring_repair take one; NULL if you do not care. It is filled on failure only, and not by -EINVAL for a NULL
 * or an options struct of a wrong size.
 */
struct mring_error {
    size_t size;
    int code;        /* the negative errno value that the call returned */
    int kern_return; /* the kern_return_t behind it, 0 if there was none; see mach_error_string */
    char text[256];  /* one line, NUL-terminated, without a newline: what failed, on what, and what to do */
};
#define MRING_ERROR_INIT                                                                                               \
    {                                                                                                                  \
        sizeof(struct mring_error), 0, 0,                                                                              \
        {                                                                                                              \
            0                                                                                                          \
        }                                                                                                              \
    }

/* ------------------------------------------------------------------------------------------------------------------
 * Rings
 */

/*
 * What becomes of a group that keeps its place (declared, or durable) when nobody serves it: no living process is joined; a stopped one is. The
 * producer decides it when it has waited for room for a quarter of a second, and goes on within a second. How far a group is behind is counted
 * from the oldest message that it has not released to the end of the one that finds no room.
 */
enum mring_unserved {
    /* The producer waits, for as long as it takes. */
    MRING_STOP = 0,
    /*
     * More than `limit` bytes behind it is turned lossy (see "Lossy groups"), and stays so: nobody waits for it any more, and who joins later
     * goes on where it was, with what is still there, and is told exactly what is not. So all members of such a group treat it as a lossy one,
     * also while it is none: by mring_recv, or else by mring_intact and mring_release, and -EOVERFLOW may be their answer. It never turns
     * while a process is a member, and `turned` of mring_group_stats says that it has. What cannot be told exactly, as the group's words are
     * damaged, is dropped.
     */
    MRING_TURN_LOSSY = 1,
    /*
     * More than `limit` bytes behind it is dropped: nobody waits for it any more, and what it had not released is lost. mring_trouble tells the
     * producer. If a join had made it, the next one makes it anew. One that was declared is lost: -ECONNABORTED for who joins.
     */
    MRING_DROP = 2
};

/* A group to be declared when the ring is made: it gates the producer from position 0, before anyone has joined. */
struct mring_group {
    const char *name; /* 1 to MRING_NAME_MAX bytes */
    unsigned members; /* how many may be joined at once; 0: 1. Only with more are there atomic read-modify-writes */
    unsigned lossy;   /* not 0: the producer never waits for it: see "Lossy groups" below */
    /*
     * Names of other groups that are declared here, wherever in the array: this one sees a message only when all of them have released it; see
     * "Stages" above. So one ring carries a message through journal, replicate and apply without a copy. No group may be after itself, directly or
     * by way of others, nor after a lossy one; a lossy one may be after others.
     */
    const char *const *after;
    size_t after_count;
    enum mring_unserved unserved; /* only one with MRING_STOP can be before others */
    size_t limit;                 /* bytes, at most the ring's capacity; 0 with MRING_STOP alone */
};

/* Who may. Root always may. */
enum mring_access {
    /* Processes of the user (effective uid) that makes the ring. */
    MRING_OWNER = 0,
    /* Also those in its effective group: by their own effective group, or, to consume, by any of their groups. */
    MRING_GROUP = 1,
    MRING_EVERYONE = 2
};

struct mring_options {
    size_t size;
    /*
     * Bytes of message space: rounded up to a power of two of at least 16 KiB and at most 2^40; 0: 1 MiB. One message, with its
     * 8 bytes of header, may take half of it.
     */
    size_t capacity;
    /*
     * Of each record: 8 (0 means 8) or 64. With 64 a message of up to 56 bytes lies in one cache line of its own; payloads start 8
     * bytes into it.
     */
    size_t alignment;
    /*
     * The groups to declare. NULL: one group called "all", a work queue of `members` members; whether anybody joins it or not, the
     * producer waits for it when the ring is full. Not NULL, and a group_count of 0: none.
     */
    const struct mring_group *groups;
    size_t group_count;
    /* Of the group "all", and of groups made by mring_join without a number of their own; 0: 16. */
    unsigned members;
    struct mring_error *error;
    /*
     * How many members may be killed while a message is the oldest that they have not released, before it is set aside instead of being
     * given to yet another (mring_take_aside); 0: 5; at most 65535.
     */
    unsigned attempts;
    /* Who may open the ring by name; see "Rights" below. */
    enum mring_access access;
    /* Who of those may open it with MRING_PRODUCE. */
    enum mring_access produce;
    /*
     * Not 0: no process is given more rights than its role needs. Then only those who opened the ring with MRING_PRODUCE can keep it
     * reachable when this process is gone (see mring_create): it ends with the last of them.
     */
    unsigned strict;
};
#define MRING_OPTIONS_INIT                                                                                             \
    {                                                                                                                  \
        sizeof(struct mring_options), 0, 0, NULL, 0, 0, NULL, 0, MRING_OWNER, MRING_OWNER, 0                           \
    }

/*
 * Make a ring. With a name, processes of the same user, and others that options->access lets, can find it by mring_open. Without one it is
 * reached by forked children only (their copy of the handle).
 *
 * A ring and its name last as long as a process is there that can serve it: one that answers those who attach. At first that is this one.
 * When it has closed the ring, or ended, also when it was killed, another takes its place, within a second if any waits on a
 * handle of the ring (mring_wait, also with a timeout of 0) or asks for something (mring_join, mring_producer, mring_group_remove, mring_fsck,
 * mring_repair); then
 * anybody can attach, also a new producer, and those who are attached go on without reopening. Able to do that is each process of the ring's user and
 * group (effective ids) that opened the ring by its name, but with MRING_INSPECT, and each such forked child that joined or produced, while
 * somebody served it: they keep the rights for it, unmapped, 1 descriptor and 1 for each declared group; and take them along when they
 * give up their user later. Of a strict ring only those get any that may produce. Nothing is left behind by the last one: there is nothing to unlink.
 * So after a crash the name may be taken, by a ring that lives on: open that, or wait for -EEXIST to pass. If somebody else makes a ring of
 * the name before a successor takes it, the old ring goes on without a name, for those who are attached and their children.
 *
 * All memory is allocated and touched now, so that a later write never fails for want of it. The process that serves a ring has
 * one thread for that, the broker, with all signals blocked: it starts with the first ring and ends with the last.
 * The options are copied; NULL: all defaults. The handle is the caller's, to be closed with mring_close.
 *
 * -EINVAL      an option is out of range, a group has one of unserved and limit without the other, `produce` lets in whom `access` does not, a name
 *              is empty or holds '/' or a control character, two groups share a name, one is after a group that is not declared, or after itself
 * -ENAMETOOLONG a name is longer than MRING_NAME_MAX
 * -E2BIG       more groups or members than the limits above
 * -EEXIST      a living process of this user serves a ring of this name: the one that made it, or one that took it over; or, after a second,
 *              somebody, of whatever user, sits on this name and does not listen
 * -EACCES      a process of another user sits on this name, and listens; the error text says which; or, on macOS, this process may take
 *              no name (a sandbox)
 * -ENOMEM      not enough memory, address space (RLIMIT_AS) or port names: Mach does not tell these apart
 * -EMFILE      not enough descriptors (RLIMIT_NOFILE; Linux, where entries and ports have some: see README)
 * -EFBIG       (Linux) the memory of the ring, or of a group, is larger than the file size limit (RLIMIT_FSIZE)
 * -EAGAIN      the broker's thread could not be started
 * -ENOLCK      (Linux) the system has no file locks left
 * -ENOTSUP     the system's pages are larger than 16 KiB
 */
MRING_API int mring_create(struct mring **ring, const char *name, const struct mring_options *options);

/* What a process wants to do with a ring it opens; it gets the rights for that and no others. */
enum mring_role {
    /* Join groups: header, directory and messages are mapped read-only, the words of a joined group read-write. */
    MRING_CONSUME = 0,
    /* Become the producer, and join as well. */
    MRING_PRODUCE = 1,
    /* Look only: everything is read-only, and no group can be joined. For mring_info and what else reads a ring. */
    MRING_INSPECT = 2
};

struct mring_open_options {
    size_t size;
    int64_t timeout; /* how long to wait for the ring to appear; 0: not at all; MRING_FOREVER */
    struct mring_error *error;
};
#define MRING_OPEN_OPTIONS_INIT                                                                                        \
    {                                                                                                                  \
        sizeof(struct mring_open_options), 0, NULL                                                                     \
    }

/*
 * Open a ring by the name its creator gave it, whoever serves it now: "feed" is a ring of this user's, "alice/feed" or "1000/feed" one
 * of another's (by login name, or number). Whoever answers for the name is a process of that user, or root's: the kernel says so. The name is
 * good in all pid namespaces of a network namespace. NULL options: the defaults. The handle is the caller's.
 *
 * -ENOENT      nobody of that user serves such a ring (within the timeout), or there is no such user: for a moment that is so also between
 *              one who served it and the next; or who serves it is stopped: it is given 3 seconds to answer, whatever the timeout
 * -EACCES      the ring is not served to this user, or not in this role; or a process of some other user sits on the name
 * -EINVAL      bad name or role
 * -EPROTO      the region is of a newer or unknown format, or damaged
 * -ENAMETOOLONG the name is longer than MRING_NAME_MAX
 * -ETIMEDOUT   who serves it was found, and does not answer (it was stopped just then)
 * -ENOMEM -EMFILE -ENOLCK  as of mring_create; who serves it may be short of something too, which the text says
 */
MRING_API int mring_open(struct mring **ring, const char *name, enum mring_role role,
                         const struct mring_open_options *options);

/*
 * A ring, in a descriptor: for a process that is to have it after an exec, over a unix socket (SCM_RIGHTS), from a service manager
 * (systemd's LISTEN_FDS), or in another network namespace, where names are not seen. *fd is close-on-exec, and the caller's: to hand it over by exec,
 * clear that flag; close it when it is no longer needed. It is no stream: give it to mring_import, and to nothing that reads from it.
 *
 * Whoever has the descriptor, or a copy, has the role, of whatever user it is: it is a right, not a name, and is judged no more (mring_options.access).
 * It is good any number of times, for any number of processes, for as long as the ring is served, by whomever. A role is exported by those who
 * have it or a higher one; whoever imported the ring can export it again. Descriptors of one export share one socket: one that reads it empty
 * ends it for the others; so let those who do not trust one another have an export each.
 *
 * On macOS a right cannot be put into a descriptor. What is in it there is the name of the ring and the key of the role, and launchd must show the
 * importer that name.
 *
 * -EINVAL      ring or fd is NULL, or bad role
 * -EACCES      this process has not got that role: a consumer cannot export MRING_PRODUCE, nor can a child that has joined
 * -EPIPE       nobody serves the ring, nor can this process; or, in another network namespace, nobody who can be found
 * -ETIMEDOUT   who serves it has not answered for 5 seconds (it is stopped, say)
 * -ENOTSUP     (macOS) the ring has no name
 * -ENOMEM -EMFILE -ENOLCK  as of mring_create. On Linux an export holds 3 descriptors in its socket until that is closed everywhere, and all that
 *              one user (not root) has in sockets may be as many as RLIMIT_NOFILE says: beyond that this library's messages fail, with -ENOMEM
 * `error` may be NULL.
 */
MRING_API int mring_export(struct mring *ring, enum mring_role role, int *fd, struct mring_error *error);

/*
 * Open the ring that is in a descriptor, in the role that it was exported for: as mring_open, but for the name. The descriptor stays the caller's, open
 * and good for more; it may be any descriptor, also a hostile one: that is refused, within seconds. NULL options: the defaults. The
 * handle is the caller's.
 *
 * When the process that served the ring at the export is gone, who took its place is found by a name (mring_create). So in another network namespace
 * the ring can be imported only until then. Who has imported it there before goes on with the messages and the groups it has joined; but
 * it cannot join, takes nobody's place, and a waiter that it does not know yet, or that does not know it, is not woken: it looks by itself, every ten
 * milliseconds on that side, within a second on the other. If the descriptor was made
 * by another user than the ring's, and this process takes over serving the ring one day, then without its name.
 *
 * -EBADF       fd is not open
 * -EINVAL      ring is NULL; or fd is no such descriptor
 * -EPROTO      what is in it is damaged, of another version, or was read by somebody; or the ring's region is newer, or damaged
 * -ENOENT      nobody serves the ring (within the timeout); or, in another network namespace, nobody who can be found
 * -EACCES      who serves the ring does not know the key in the descriptor, or is not a process of the ring's user
 * -ETIMEDOUT   who serves it does not answer (it was stopped just then)
 * -ENOMEM -EMFILE -ENOLCK  as of mring_create; who serves it may be short of something too, which the text says
 */
MRING_API int mring_import(int fd, struct mring **ring, const struct mring_open_options *options);

/*
 * Give the handle back. Producer and consumer handles made from it must have been closed before: -EBUSY otherwise, and
 * nothing is done. If this process serves the ring, another takes its place, if any can (mring_create). NULL is allowed. In a
 * forked child: closes the child's copy only; handles that are the parent's do not count, and may be freed before or after.
 */
MRING_API int mring_close(struct mring *ring);

/* ------------------------------------------------------------------------------------------------------------------
 * The producer
 */

struct mring_producer_options {
    size_t size;
    struct mring_error *error;
    enum mring_waiting wait; /* for room; see "Waiting" */
    int64_t interval;        /* of MRING_DOZE */
};
#define MRING_PRODUCER_OPTIONS_INIT                                                                                    \
    {                                                                                                                  \
        sizeof(struct mring_producer_options), NULL, MRING_SPIN_THEN_SLEEP, 0                                          \
    }

/*
 * Become the ring's producer: there is one at a time. It goes on where the one before ended, or was killed. NULL options: the defaults.
 *
 * -EBUSY    a living process (or another thread of this one) is the producer; a stopped one lives
 * -EACCES   the ring was not opened with MRING_PRODUCE, or this is a forked child that joined a group before
 * -EINVAL   NULL, or options of a wrong size, or no way to wait
 * -EPIPE    mring_end was called on this ring: its stream is complete
 * -ENOMEM   for the handle
 * -EMFILE -ENOLCK  (in a forked child) as of mring_create
 *
 * A group that cannot be mapped for want of something is no error here: there is no room in the ring until it can be.
 *
 * A producer reads the processor's own counter of time (rdtsc), which a process must not have forbidden itself (PR_SET_TSC, SECCOMP_MODE_STRICT).
 */
MRING_API int mring_producer(struct mring *ring, struct mring_producer **producer,
                             const struct mring_producer_options *options);

/*
 * Find room for one message of up to `length` bytes and return where to write it. The room is in one piece, also where the
 * ring wraps around. Write there, then mring_commit; a reserve that is not committed leaves no trace, the next
 * one returns the same place. Makes no system call while there is room.
 *
 * 0          *where is good until the commit
 * -EAGAIN    no room now: mring_wait(producer, ...) waits until there is. Commits not yet flushed are flushed first
 * -EMSGSIZE  longer than half the capacity, less 8
 * -EPIPE     mring_end was called
 * -ESTALE    this is a forked child
 */
MRING_API int mring_reserve(struct mring_producer *producer, size_t length, void **where);

/*
 * The message at the reserved place is complete: `length` bytes, at most what was reserved, 0 allowed; `tag` is the user's, any
 * value. Nobody sees it before mring_flush: commit several and flush once where latency allows.
 * -EINVAL  nothing is reserved, or more than was reserved.  -ESTALE
 */
MRING_API int mring_commit(struct mring_producer *producer, size_t length, uint32_t tag);

/*
 * mring_commit and mring_flush in one call, which costs little more than either: for a message of its own, and for the last of several.
 * The results of mring_commit; with any error nothing was committed.
 */
MRING_API int mring_publish(struct mring_producer *producer, size_t length, uint32_t tag);

/*
 * Publish all that is committed, in one step: consumers see all of it in order, or, if this process is killed before, nothing.
 * Never fails for want of room. Makes a system call only when somebody sleeps. 0, -ESTALE.
 */
MRING_API int mring_flush(struct mring_producer *producer);

/* Reserve, copy, commit and flush in one call. 0, or the errors of mring_reserve. `data` may be NULL when length is 0. */
MRING_API int mring_send(struct mring_producer *producer, const void *data, size_t length, uint32_t tag);

/*
 * mring_send that waits for room, `timeout` nanoseconds in all, or MRING_FOREVER. 0, or the errors of mring_send (but -EAGAIN)
 * and of mring_wait; with any error nothing was sent.
 */
MRING_API int mring_send_wait(struct mring_producer *producer, const void *data, size_t length, uint32_t tag,
                              int64_t timeout);

/* mring_send, gathering `count` pieces into one message. -EINVAL: count is negative, or the lengths add up past SIZE_MAX. */
MRING_API int mring_sendv(struct mring_producer *producer, const struct iovec *pieces, int count, uint32_t tag);

/*
 * Flush, and say that the stream is complete: consumers drain what is there, then get -EPIPE. No message can follow
 * in this ring, from any producer. 0, -ESTALE. Calling it twice is harmless.
 */
MRING_API int mring_end(struct mring_producer *producer);

/*
 * Flush, and wait until every group has released all that is published: the declared and durable ones, whether anybody is joined or not,
 * and the members of others; not lossy ones; not those that were cut off (mring_trouble). For a process that made the ring and is about to go. Also after
 * mring_end. Results and `timeout` as mring_wait's; never -EPIPE.
 */
MRING_API int mring_drain(struct mring_producer *producer, int64_t timeout);

/*
 * Flush and stop being the producer, so that another may start. The stream stays open: consumers go on waiting, and are told nothing;
 * to let them finish, call mring_end before. NULL is allowed. 0.
 */
MRING_API int mring_producer_close(struct mring_producer *producer);

/* ------------------------------------------------------------------------------------------------------------------
 * Consumers
 */

/* One message. It lies in the ring: read it there, then release it. */
struct mring_message {
    const void *data; /* good until it is released; aligned to 8 */
    uint32_t length;
    uint32_t tag;      /* as given to mring_commit */
    uint64_t position; /* where it begins in the stream: identifies the message for the life of the ring */
    /*
     * To how many members it was given, this one included: 1, as a rule. More: it is *redelivered*. Each of the others was killed, or
     * left its memory by exec, while it held the message, or had claimed it without having come to it; what those have done with it
     * nobody knows. (In a group of one, what was handed out behind a redelivered message that was still held counts like that one.)
     */
    unsigned deliveries;
};

/* Where a group starts that a join makes. */
enum mring_start {
    /* It sees what is published from now on. */
    MRING_START_NOW = 0,
    /*
     * The oldest message that is still there: what groups have not released, and what they have, as far as the producer has not made room
     * of it. When the ring is full it looks how far all have released, and makes room of all that: so up to a ring full may be there. For a
     * lossy group: the oldest point that is known to be whole and is not overwritten within the next quarter of the ring; there is about one in each
     * sixteenth of the ring, or 16 MiB of a large one, and 32 are known.
     */
    MRING_START_OLDEST = 1,
    /* The message that begins at options.position, or the end of the stream, if that is there. */
    MRING_START_POSITION = 2,
    /*
     * The place of the group options.start_group: the oldest message that one of its members has not released; or, where that is not there
     * any more, the oldest that is.
     */
    MRING_START_GROUP = 3
};

struct mring_join_options {
    size_t size;
    /* How many members the group may have, if this call makes it; 0: the ring's default. A group that exists keeps its own. */
    unsigned members;
    /*
     * In a group of many: how many messages this member claims at once, at most; 0, and more than 63: 64, or up to 256 as long as it is
     * done with them in two microseconds. 1 for work that takes so long that an idle member should rather have the next message.
     */
    unsigned batch;
    struct mring_error *error;
    /* Not 0: the group is to be a lossy one (mring_group.lossy). If it exists and is not, this join is refused. */
    unsigned lossy;
    enum mring_waiting wait; /* for messages; see "Waiting" */
    int64_t interval;        /* of MRING_DOZE */
    /*
     * If this call makes the group: names of declared groups that it is to be after, as of mring_group. If it is there already it must be after
     * just these; NULL and 0: whatever it is after.
     */
    const char *const *after;
    size_t after_count;
    /*
     * Not 0: if this call makes the group, it is *durable*. It keeps its place also while nobody is joined, as a declared one does: what
     * it has not released waits for who joins next, and when the ring is full the producer waits for that.
     */
    unsigned durable;
    /*
     * Where the group starts, if this call makes it; one that exists has its place. Whoever serves the ring looks at each message from the
     * oldest one on for it, unless this is MRING_START_NOW.
     */
    enum mring_start start;
    uint64_t position;       /* MRING_START_POSITION: mring_message.position of its first message */
    const char *start_group; /* MRING_START_GROUP */
    /* If this call makes the group: as of struct mring_group. If it exists, and with others, this join is refused. */
    enum mring_unserved unserved;
    size_t limit;
};
#define MRING_JOIN_OPTIONS_INIT                                                                                        \
    {                                                                                                                  \
        sizeof(struct mring_join_options), 0, 0, NULL, 0, MRING_SPIN_THEN_SLEEP, 0, NULL, 0, 0, MRING_START_NOW, 0,    \
            NULL, MRING_STOP, 0                                                                                        \
    }

/*
 * Become a member of a group. A group declared at create holds every message from the first on until its members
 * have released it. Any other is made by its first member: it sees what is published from now on, or from where options.start says, and is
 * gone with its last member, unless it is durable. NULL options: the defaults.
 *
 * A durable group outlives its members and the process that serves the ring, as long as one process lives that keeps it: the one that
 * serves the ring, a member, or one that could serve the ring (mring_create) and has heard of the group. The one who joins it has at once;
 * others hear of it when they open the ring, wait on a handle (within a quarter of a second), or find it when the ring is full. It costs each
 * one more descriptor. When all who keep it are killed, and the ring goes on all the same, its place is lost; a join then makes it anew.
 * Of a durable group that nobody will come to any more, mring_group_remove frees the ring.
 *
 * -EACCES    the ring was opened with MRING_INSPECT
 * -EDQUOT    the ring is another user's, and this one has made as many groups there as it may, 8 with 128 members in all; or all such
 *            users together half of the ring's
 * -EUSERS    the group has as many living members as it may; or, for as long as it takes, one of them works at what was left on the place
 *            of a dead one, and has that place besides its own: try again, or give the group places to spare
 * -ENOSPC    the ring has MRING_GROUPS_MAX groups, and none of them is over (a group that this call would make)
 * -EINVAL    bad name, NULL, or options of a wrong size, or no way to wait; or the group is there, and is not what the options ask for (durable, say);
 *            or it is to be after itself, or after one that cannot be before others (mring_group.after).  -ENAMETOOLONG
 * -ERANGE    (a group that this call would make) options.position is older than the oldest message that is still there, newer than the end of
 *            the stream, or not where a message begins; the text says which positions are the oldest and the newest. Of a lossy group also, if it is
 *            one of the oldest, as it must be known how many messages lie before: by less than an eighth of the ring and its longest message
 * -ENOENT    (likewise) there is no group options.start_group, or it has no place, as its last member has left; or no group of a name in
 *            options.after
 * -E2BIG     more members than the ring has left, of MRING_MEMBERS_MAX (likewise)
 * -EPIPE     nobody serves the ring, and for 3 seconds nobody took that over; and the group is not one that this process can reach
 * -ETIMEDOUT who serves the ring has not answered for 5 seconds (its process is stopped, say). No place stays taken. Or it took the ring
 *            over, and nobody who has this group, which is not a declared one, has come to it for 3 seconds: members are seen there when they
 *            wait, or ask for messages
 * -EBADMSG   the words of the group are damaged, as error->text says; or the messages that it was to start among are
 * -ECONNABORTED the producer has cut the group off (mring_next), or dropped it (MRING_DROP), as error->text says
 * -EAGAIN    the producer was just deciding whether anybody serves the group, and has not come to an end for 3 seconds: it is stopped
 * -ENOMEM -EMFILE -EFBIG -ENOLCK  as of mring_create; who serves the ring, and makes the group, may be short of something too,
 *            which the text says. No place stays taken
 */
MRING_API int mring_join(struct mring *ring, const char *group, const struct mring_join_options *options,
                         struct mring_consumer **consumer);

/*
 * The next message for this member, if there is one. Never waits for one. In a lossy group at most 64 may be held at once. Makes no system call, but to wake another member, in a
 * group of many to look a few times a second whether one was killed, and when another process has come to serve the ring, to make
 * itself known there: if that one is stopped, this takes up to 5 seconds. Several may be held at once: in a group of one without
 * limit, in a group of many those of one batch. A member of many claims a batch when it has none: up to half of its share of what
 * is there, or what it is done with in two microseconds at the pace it has kept for the last few milliseconds, and no more than its
 * `batch`; what is claimed goes to no other living member, however long this one takes.
 *
 * 1             *message is filled
 * 0             nothing now: mring_wait(consumer, ...) waits
 * -EPIPE        the stream is complete and the group has released all of it. While other members still hold some the answer is 0: if
 *               one of them is killed, the others get what it held. Likewise while a group before has not released all
 * -EOVERFLOW    (lossy group) messages were lost before this member read them: mring_missed says how many. The next call goes on behind
 *               them
 * -EBUSY        (group of many) all of the batch that this member claimed was handed out, but not all released; (lossy group) it
 *               holds 64 messages: release first
 * -EBADMSG      the ring's memory is damaged at this place, or the words of a group before are: mring_trouble says how. What was handed out may
 *               still be released
 * -ECONNABORTED the producer has cut this group off, for its words, or those of a group before, were damaged by a member there: it gets no more messages, and those
 *               that were handed out last may have been overwritten. To go on, leave; a group made by mring_join can be made anew when
 *               all have left it, one that was declared is lost
 * -ESTALE       this is a forked child
 */
MRING_API int mring_next(struct mring_consumer *consumer, struct mring_message *message);

/* mring_next for up to `count` messages: how many were filled, or 0, or an error as above; -EINVAL: count is not positive. */
MRING_API int mring_next_batch(struct mring_consumer *consumer, struct mring_message *messages, int count);

/* mring_next that waits, `timeout` nanoseconds in all, or MRING_FOREVER. 1, or the errors of mring_next and of mring_wait. */
MRING_API int mring_next_wait(struct mring_consumer *consumer, struct mring_message *message, int64_t timeout);

/*
 * Done with this message and with all that this member was handed before it: their room goes back to the producer,
 * their data must not be touched again. Releasing the last message of a batch releases the batch.
 * 0; -EINVAL: not a message this member holds (released already, say). It goes by `position` and `length`, which must be as they were given: of a
 *   group that is not lossy only which bytes are held is known, so what was changed to lie among these may pass.  -ESTALE
 * -EOVERFLOW (lossy group): the oldest of the messages that this call released was overwritten meanwhile. All of them count as missed, as
 * mring_missed says now: forget what was read of them.
 */
MRING_API int mring_release(struct mring_consumer *consumer, const struct mring_message *message);

/*
 * Was all that this member has read of a message until now whole? For members of lossy groups, who may not act on anything before;
 * of other groups a message is whole as long as it is held. Makes no system call.
 * 1; 0: it was overwritten, perhaps in part: release it, which counts it as missed; -EINVAL: not a message this member holds, as
 *   mring_release would say of it.  -ESTALE
 */
MRING_API int mring_intact(struct mring_consumer *consumer, const struct mring_message *message);

/* What a member of a lossy group missed. */
struct mring_missed {
    size_t size;
    uint64_t messages; /* that no member of the group will see: this member's loss of the last -EOVERFLOW */
    uint64_t bytes;    /* of them */
    uint64_t from;     /* where the first of them began */
    uint64_t
        resumed; /* where this member goes on, or what it holds does: all between was missed, or belongs to other members */
};
#define MRING_MISSED_INIT                                                                                              \
    {                                                                                                                  \
        sizeof(struct mring_missed), 0, 0, 0, 0                                                                        \
    }

/* Exactly what the last -EOVERFLOW of this handle was about. 1; 0: there was none; -EINVAL: `missed` is NULL or of a wrong size.  -ESTALE */
MRING_API int mring_missed(struct mring_consumer *consumer, struct mring_missed *missed);

/*
 * Copy out the oldest message that was set aside in this member's group, for it killed one member after the other (mring_options.attempts),
 * and remove it from there: it will be seen no more. message->data then points to `buffer`; `deliveries` says how many had it. Up to 256
 * messages are kept in a group, of half the ring's capacity in all; one that finds no room is handed out once more instead. Groups behind
 * are given it all the same. They
 * live as long as their group, with or without members.
 * 1; 0: there is none; -EMSGSIZE: it is longer than `size`: it stays, and message->length says its length; -EBUSY: another member is
 * at it just now, or was stopped there; -EBADMSG: the group's memory is damaged.  -ESTALE
 */
MRING_API int mring_take_aside(struct mring_consumer *consumer, void *buffer, size_t size,
                               struct mring_message *message);

/*
 * Copy the next message out and release it. message->data then points to `buffer`. What is copied is whole, also in a lossy group, where
 * -EOVERFLOW may be about just this message.
 * 1, 0, or the errors of mring_next; -EMSGSIZE: it is longer than `size`: it stays the next one and message->length says its
 * length. -EINVAL: this member still holds messages from mring_next.
 */
MRING_API int mring_recv(struct mring_consumer *consumer, void *buffer, size_t size, struct mring_message *message);

/*
 * Leave the group. What this member holds unreleased counts as released; what it had claimed and was never handed goes to others, who may
 * have had messages from behind it by then. In a lossy group, who leaves before a call has told of the last gap (-EOVERFLOW) is not told of it,
 * nor whether what it holds is overwritten: the counters say so.
 * In a forked child: frees the child's copy only. NULL is allowed. 0.
 */
MRING_API int mring_leave(struct mring_consumer *consumer);

/*
 * Remove a durable group that nobody is in, for good. What it has not released is lost, also what killed members held and what was set aside;
 * its name and its place are free, and a join makes it anew. A producer that waits for room goes on within a second.
 * For the ring's user, the user whose join made the group, and any process that has the ring with MRING_PRODUCE. `error` may be NULL.
 *
 * 0
 * -ENOENT    there is no such group: also when it was removed over an earlier try of this call, by a process that was killed before it said so
 * -EBUSY     a living process is a member, also a stopped one, and this one; or it is just joining
 * -EOPNOTSUPP it was declared with the ring, and lasts as long (groups after it may count on that): join it, and release what is there; or
 *            give it a limit when the ring is made (MRING_DROP)
 * -EACCES    the ring was opened with MRING_INSPECT, or the group is another user's
 * -EINVAL    bad name, or NULL.  -ENAMETOOLONG
 * -EPIPE     nobody serves the ring, and for 3 seconds nobody took that over
 * -ETIMEDOUT who serves the ring has not answered for 5 seconds (its process is stopped, say), and may do it yet; or it took the ring over, and
 *            nobody who keeps this group has come to it for 3 seconds
 * -ENOMEM -EMFILE -ENOLCK  as of mring_create
 */
MRING_API int mring_group_remove(struct mring *ring, const char *group, struct mring_error *error);

/* ------------------------------------------------------------------------------------------------------------------
 * Waiting
 */

/*
 * Wait until there is something to do: a message for a consumer; for a producer, room for the reserve that was refused
 * (any room, if none was). In the way that the handle was opened with (enum mring_waiting); by default it spins for a moment, then sleeps,
 * and a sleeper uses no CPU. `timeout` is in nanoseconds:
 * 0 only looks, MRING_FOREVER waits without end. Another member may be quicker: go back to mring_next, which may say 0.
 * A producer's wait flushes first. While a whole batch is held, and mring_next says -EBUSY, a wait returns at once.
 *
 * 0            look again
 * -ETIMEDOUT   nothing within `timeout`
 * -EINTR       a signal handler ran, also one with SA_RESTART; not noticed while this spins
 * -ECANCELED   mring_wake was called, also before this wait, and by a handler that ran
 * -EPIPE       (consumer) the stream is complete and drained; (producer) mring_end was called
 * -ECONNABORTED (consumer) the producer has cut the group off (mring_next); noticed within half a second by one that sleeps
 * -EOWNERDEAD  (consumer) everything is drained, also by the groups before, and the producer's process ended without mring_end or mring_producer_close:
 *              noticed after a second without a message. The wait can be called again: another process may become the
 *              producer of this ring; a ring made anew under the same name is another one, to be opened anew
 * -ENOMEM -EIO no semaphore could be made to sleep on (memory, descriptors, port names, file size limit), or it failed. A wait that
 *              cannot tell its semaphore to those who would wake it is none of these: it looks every ten milliseconds, until it can
 * -ESTALE      this is a forked child
 */
MRING_API int mring_producer_wait(struct mring_producer *producer, int64_t timeout);
MRING_API int mring_consumer_wait(struct mring_consumer *consumer, int64_t timeout);

/*
 * End the wait that this handle's thread is in, or else its next one, with -ECANCELED; several before that one count once. A loop that
 * never runs dry never waits: let it look at a flag of its own as well. From any thread of the process and from
 * signal handlers; the handle must not be closed meanwhile. 0, -ESTALE.
 */
MRING_API int mring_producer_wake(struct mring_producer *producer);
MRING_API int mring_consumer_wake(struct mring_consumer *consumer);

/* One name for both kinds of handle: mring_wait(handle, nanoseconds), mring_wake(handle). mring.hpp overloads them. */
#if !defined(__cplusplus)
#define mring_wait(handle, timeout)                                                                                    \
    _Generic((handle), struct mring_producer *                                                                         \
             : mring_producer_wait, struct mring_consumer *                                                            \
             : mring_consumer_wait)(handle, timeout)
#define mring_wake(handle)                                                                                             \
    _Generic((handle), struct mring_producer *                                                                         \
             : mring_producer_wake, struct mring_consumer *                                                            \
             : mring_consumer_wake)(handle)
#endif

/*
 * A descriptor for an event loop (poll, epoll, kqueue, and what is made of them), so that no thread need wait for this handle alone.
 * The rules are those of a non-blocking socket:
 *
 *   Take until there is nothing: call mring_next_wait, mring_send_wait or mring_wait with a timeout of 0 until it says -ETIMEDOUT. That *arms*
 *   the descriptor: it becomes readable when there is something. It is readable after any other result, and at first: a
 *   level-triggered loop comes again by itself, an edge-triggered one has to go on until -ETIMEDOUT. mring_next and mring_send arm nothing.
 *
 *     // One turn of a loop, when poll says that mring_fd(consumer) is readable. 0: poll again; else it is over.
 *     int on_readable(struct mring_consumer *consumer)
 *     {
 *         struct mring_message message;
 *         int code;
 *
 *         while ((code = mring_next_wait(consumer, &message, 0)) == 1) {
 *             use(&message);
 *             mring_release(consumer, &message);
 *         }
 *         return code == -ETIMEDOUT ? 0 : code;
 *     }
 *
 *   Poll for reading, a producer's too: it is for when a message did not fit (-ETIMEDOUT), and readable at all other times. The
 *   descriptor is the handle's: do not read, write or close it, and take it out of the loop before the handle is closed.
 *   It is readable also when mring_wake was called (-ECANCELED then), at the end of the stream (-EPIPE, and from then on), and four times a
 *   second where nothing comes, so that the calls can find out who has died (-EOWNERDEAD, or what a dead member held) or serves the ring:
 *   as a rule that turn says -ETIMEDOUT again. A loop that stops for longer is late with just that.
 *
 * Nothing is polled by the library, and no thread started; a handle without a descriptor pays nothing for this. Calls that do wait go on
 * working, by whole milliseconds. With MRING_DOZE nobody is woken: it is readable each `interval`. MRING_SPIN is as MRING_SPIN_THEN_SLEEP. In
 * a group of many an idle member is woken for a message; if its loop does something else meanwhile, the message waits for it, or for
 * the next that is published. In a forked child the handle is stale and its descriptor no good.
 * On Linux it is an epoll instance, on macOS a kqueue, to be polled, or put into a kqueue of your own with EVFILT_READ.
 *
 * The descriptor, the same each time; -ENOMEM -EMFILE -ENFILE: it could not be made (of seven, on Linux).  -ESTALE
 */
MRING_API int mring_producer_fd(struct mring_producer *producer);
MRING_API int mring_consumer_fd(struct mring_consumer *consumer);

#if !defined(__cplusplus)
#define mring_fd(handle)                                                                                               \
    _Generic((handle), struct mring_producer * : mring_producer_fd, struct mring_consumer * : mring_consumer_fd)(handle)
#endif

/*
 * What was wrong, after -EBADMSG or -ECONNABORTED: `error` is filled with the last trouble that this handle met, in numbers ("record at
 * position 4096: length 4294967295 is longer than any message (8184)"), which is the code that the call answered.
 *   A consumer's is of the ring's memory, which the producer writes, or its group's, which the group's members write.
 *   A producer's is a group that it cut off, since what stands in the group's words cannot be true: one member wrote what it must not.
 *   Nobody waits for such a group any more; its members are told so, by -ECONNABORTED. Or it is one that was dropped (MRING_DROP).
 * 1: *error is filled; 0: there was nothing; -EINVAL: error is NULL or its size not one this library knows.  -ESTALE
 */
MRING_API int mring_producer_trouble(struct mring_producer *producer, struct mring_error *error);
MRING_API int mring_consumer_trouble(struct mring_consumer *consumer, struct mring_error *error);

#if !defined(__cplusplus)
#define mring_trouble(handle, error)                                                                                   \
    _Generic((handle), struct mring_producer *                                                                         \
             : mring_producer_trouble, struct mring_consumer *                                                         \
             : mring_consumer_trouble)(handle, error)
#endif

/* ------------------------------------------------------------------------------------------------------------------
 * About a ring
 */

/* Fixed facts of a ring, for sizing. */
struct mring_info {
    size_t size;
    size_t capacity;    /* as granted */
    size_t alignment;   /* of records */
    size_t message_max; /* the longest message */
    /* In the directory now. In the process that serves the ring: each of these receives all that is published from now on. */
    unsigned groups;
};
#define MRING_INFO_INIT                                                                                                \
    {                                                                                                                  \
        sizeof(struct mring_info), 0, 0, 0, 0                                                                          \
    }
/* 0; -EINVAL: info->size is not one this library knows. */
MRING_API int mring_info(struct mring *ring, struct mring_info *info);

/* A ring that a process serves here. */
struct mring_listed {
    size_t size;
    const char *
        name; /* as this process would give it to mring_open: "feed", or "1000/feed" of another user's; good during the call */
    int64_t process; /* the pid of who serves it; 0: this one cannot see it (another pid namespace) */
};

struct mring_list_options {
    size_t size;
    /* Called for each ring, from within mring_list. NULL: only count. */
    void (*report)(void *context, const struct mring_listed *ring);
    void *context; /* handed on to it */
    struct mring_error *error;
    unsigned others; /* not 0: rings of other users too, whether they are served to this one or not */
};
#define MRING_LIST_OPTIONS_INIT                                                                                        \
    {                                                                                                                  \
        sizeof(struct mring_list_options), NULL, NULL, NULL, 0                                                         \
    }

/*
 * Which rings have a name here, and are served: those in this network namespace, in no particular order. (A process of the ring's user, or root's,
 * answers for the name, as the kernel says; it is not asked further.) NULL options: only count this user's. A name may hold any byte that mring_create
 * lets pass, and no others.
 *
 * How many there are; -EINVAL: options of a wrong size.  -ENOTSUP: the system tells nobody (macOS: launchd keeps its names to itself).  -EIO: it shows
 * none here (there is no /proc).  -ENOMEM -EMFILE
 */
MRING_API int mring_list(const struct mring_list_options *options);

/* ---- counters ---- */

/*
 * A snapshot of a ring's counters, and what it takes to make the next one. Any process may take them that has the ring, with whatever role: it
 * writes nothing, takes no lock, wakes nobody, and is waited for by nobody.
 *
 *     struct mring_stats *stats = NULL;
 *     struct mring_group_stats group = MRING_GROUP_STATS_INIT;
 *
 *     while (mring_stats(ring, &stats, NULL) == 0 && sleep(1) == 0)
 *         for (unsigned at = 0; mring_stats_group(stats, at, &group) == 0; at++)
 *             printf("%s: %llu behind\n", group.name, (unsigned long long)group.lag_messages);
 *     mring_stats_free(stats);
 *
 * What a snapshot is true of.
 *   Of a ring at rest: all of it is exact.
 *   `instant` is 1: every position, and every number that only grows, was what it says at one and the same instant of the call.
 *   `instant` is 0, for the ring moved faster than it could be looked at: each group was as it says at some instant of the call, and the ring at
 *   one after all of those. So always, for each group, what it was given and what it lags add up to what is published, and no lag
 *   is negative; but a lag may count messages that were published while the call looked.
 * From one snapshot to the next no position and no counter of a ring, a group or a place goes back.
 */
struct mring_stats;

/* As a number: it cannot be told. */
#define MRING_UNKNOWN UINT64_MAX

struct mring_ring_stats {
    size_t size;
    uint64_t messages; /* published */
    uint64_t bytes;    /* of payload, in these */
    uint64_t position; /* where the stream has come to, with headers and padding */
    uint64_t waits;    /* how often the producer went to sleep, for room or in mring_drain; each group says for whom */
    uint64_t wakeups;  /* of members, by the producer */
    uint64_t rescued;  /* sleeps of the producer that timed out and found what a wake-up was owed for: must stay 0 */
    uint64_t cut_offs; /* of groups */
    /* The producer's pid; 0: none lives, or it is one that this process cannot see (another pid namespace). */
    int64_t producer;
    unsigned producing; /* 1: a living process is the producer */
    unsigned waiting;   /* 1: and it sleeps until more is released */
    unsigned ended;     /* 1: mring_end was called */
    unsigned instant;   /* see above */
    unsigned groups;    /* how many, for mring_stats_group */
    unsigned members;   /* and for mring_stats_member */
    unsigned unreached; /* groups of these that could not be looked into */
};
#define MRING_RING_STATS_INIT                                                                                          \
    {                                                                                                                  \
        sizeof(struct mring_ring_stats), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0                                   \
    }

struct mring_group_stats {
    size_t size;
    char name[MRING_NAME_MAX + 1];
    unsigned number; /* of the group in this ring, 0 to MRING_GROUPS_MAX - 1; given anew when it is gone */
    /* 0: nobody could give its words: what only they tell is 0 then, the lag MRING_UNKNOWN. */
    unsigned reached;
    /* What it is. */
    unsigned durable;      /* 1: it keeps its place, and gates, with nobody there; 0: it is gone with its last member */
    unsigned lossy;        /* 1: the producer does not wait for it */
    uint64_t limit;        /* bytes that it may lag while nobody serves it; 0: there is no limit */
    uint64_t after;        /* bit n: it sees a message once the group of number n has released it */
    unsigned members_most; /* places */
    unsigned members;      /* of these taken by processes that live */
    unsigned cut_off;      /* 1: by the producer, as its words could not be true, or as it was dropped */
    /*
     * 1: no group that the producer waits for is further behind, and it could be further on: when room is short it is for this one. Not a group
     * that is as far as the last of those it is after.
     */
    unsigned gating;
    uint64_t waits; /* how often the producer went to sleep while that was so */
    /*
     * Where it is. A group of many: what lies before was claimed by members; a group of one: what lies before was released. A lag is
     * MRING_UNKNOWN where the position is damaged, or a producer has overtaken each of several counts.
     */
    uint64_t position;
    uint64_t released;     /* nobody in it reads what lies before */
    uint64_t lag_messages; /* published, and not before the position */
    uint64_t lag_bytes;    /* of payload, in these */
    /*
     * Of all its places, whoever sat there. Messages count when they are handed out, again when they are redelivered; of a lossy group, when
     * they are released and have been whole until then.
     */
    uint64_t messages;
    uint64_t redelivered;  /* of these: with `deliveries` above 1 */
    uint64_t missed;       /* lossy: overwritten before that */
    uint64_t missed_bytes; /* of payload, in these */
    uint64_t aside;        /* messages that are set aside now (mring_take_aside) */
    uint64_t aside_ever;   /* and that ever were */
    uint64_t deaths;       /* of members, that were seen to while they held a place */
    unsigned turned;       /* 1: it is lossy since nobody served it, and it lagged its limit (MRING_TURN_LOSSY) */
    /* What becomes of it when nobody serves it, and from `released` to where the stream has come to it is more than `limit`. */
    enum mring_unserved unserved;
    unsigned dropped; /* 1: just that: nobody waits for it any more. It is cut_off too */
};
#define MRING_GROUP_STATS_INIT                                                                                         \
    {                                                                                                                  \
        sizeof(struct mring_group_stats), {0}, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,    \
            MRING_STOP, 0                                                                                              \
    }

/* A place of a group, and who sits there. The numbers are of the place: of all who sat there in turn. */
struct mring_member_stats {
    size_t size;
    unsigned group; /* for mring_stats_group, in this snapshot */
    unsigned place;
    unsigned alive;  /* 1: a living process sits there */
    unsigned asleep; /* 1: and sleeps until there is something to do */
    unsigned gating; /* 1: its group would have released more but for what is held here */
    int64_t process; /* its pid; 0: nobody lives there, or one that this process cannot see */
    /* The positions of what is held here, also by one that is dead or left; both 0: nothing. (In a group of one: at most to there.) */
    uint64_t held_from, held_to;
    uint64_t messages; /* as those of the group */
    uint64_t redelivered;
    uint64_t missed, missed_bytes; /* of a lossy group */
    uint64_t batches;              /* claimed; 0 in a group of one */
    uint64_t sleeps;
    /*
     * Sleeps that timed out and found what a wake-up was owed for, with nobody of the group awake to see to it: must stay 0. Not of a handle
     * that is polled (mring_consumer_fd): its caller may find anything before its wake-up comes.
     */
    uint64_t rescued;
    uint64_t wakeups; /* sent, to other members and to the producer */
    uint64_t damaged; /* how often a call ended with -EBADMSG */
};
#define MRING_MEMBER_STATS_INIT                                                                                        \
    {                                                                                                                  \
        sizeof(struct mring_member_stats), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0                           \
    }

/*
 * Take a snapshot. *stats NULL: a handle is made, the caller's, to be given back by mring_stats_free; else it is filled anew, which is cheaper:
 * it keeps the groups' words mapped. A handle belongs to one thread at a time; in a forked child it is good with the child's copy of the
 * ring handle. `error` may be NULL.
 *
 * Who serves the ring is asked for the words of groups that this process has not seen before. If it does not answer for 5 seconds (it is
 * stopped, say), or nobody serves the ring, those groups are told as not `reached`, and asked for again 5 seconds later; all else is as ever.
 *
 * 0; -EINVAL: NULL;  -ENOMEM;  -EMFILE -ENOLCK: in a forked child, as of mring_create. On failure a handle keeps its snapshot.
 */
MRING_API int mring_stats(struct mring *ring, struct mring_stats **stats, struct mring_error *error);

/*
 * Read the snapshot: of the ring, of the group or the member (place) number `index` in it. Members come in the order of their groups, then places;
 * only places that were taken once. 0; -ENOENT: there are not so many; -EINVAL: the size is not one this library knows.
 */
MRING_API int mring_stats_ring(const struct mring_stats *stats, struct mring_ring_stats *ring);
MRING_API int mring_stats_group(const struct mring_stats *stats, unsigned index, struct mring_group_stats *group);
MRING_API int mring_stats_member(const struct mring_stats *stats, unsigned index, struct mring_member_stats *member);

/* Give a handle back, also when its ring is closed. NULL is allowed. */
MRING_API void mring_stats_free(struct mring_stats *stats);

/* ---- checks ---- */

/* How much a finding of mring_fsck matters. */
enum mring_weight {
    MRING_NOTE = 0, /* who does what, and holds what: as it should be */
    MRING_LEFT =
        1, /* somebody was killed; what it left is put right by mring_repair, or by the living when they come to it */
    MRING_DAMAGE = 2 /* nothing that this library does leads there: some process wrote where, or what, it should not */
};

/* The subject of a finding is the ring, one of its groups or a member's place in a group: what they say about it is `text`. */
struct mring_finding {
    size_t size;
    enum mring_weight weight;
    const char *text;  /* a short English predicate, good for ever */
    const char *group; /* its name, good during the call; NULL: the ring */
    int place;         /* 0 and up; -1: the ring, or the whole group */
    /* The pid of who is meant; 0: nobody, or a process that has ended or that this one cannot see (another pid namespace). */
    int64_t process;
    uint64_t from, to; /* the positions (or numbers) it is about; both the same: one; both 0: none */
};

struct mring_fsck_options {
    size_t size;
    /* Called for each finding, from within mring_fsck. NULL: only count. */
    void (*report)(void *context, const struct mring_finding *finding);
    void *context; /* handed on to it */
    struct mring_error *error;
};
#define MRING_FSCK_OPTIONS_INIT                                                                                        \
    {                                                                                                                  \
        sizeof(struct mring_fsck_options), NULL, NULL, NULL                                                            \
    }

/*
 * Check the words and messages of a ring, and tell who holds what: read-only, beside processes that go on producing and consuming, which
 * it does not disturb, or after they died. What is damage, is damage however they moved meanwhile. Messages that somebody has claimed
 * are not read. With any role. NULL options: only count. Where nobody serves the ring any more this process takes that over, if it can; a
 * group whose words cannot be had (who serves the ring is stopped, say) is told as a note, and not checked.
 *
 * How many findings were MRING_LEFT or MRING_DAMAGE (0: what could be looked into is sound), or -EINVAL: NULL, or options of a wrong
 * size.  -ENOMEM;  -EMFILE -ENOLCK: in a forked child, as of mring_create
 */
MRING_API int mring_fsck(struct mring *ring, const struct mring_fsck_options *options);

/*
 * See to the dead at once, instead of leaving it to those who miss something: what killed members held goes to the living of their
 * groups, who are woken for it, or waits for the next one to join; places are freed; groups that ended with their members hold nobody
 * back. What a dead producer left, the next one takes in (mring_producer). Damage stays. `error` may be NULL.
 * 0, also where there was nothing to do; -EACCES: the ring was not opened with MRING_PRODUCE, or this is a forked child that joined a
 * group before; -EINVAL: NULL. What could be reached was repaired, but not all: -EPIPE: nobody serves the ring, nor can this process;
 * -ETIMEDOUT: who serves it has not answered for 5 seconds;  -ENOMEM -EMFILE -ENOLCK  as of mring_create
 */
MRING_API int mring_repair(struct mring *ring, struct mring_error *error);

/* A short English text for a negative errno value of this library; never NULL, not to be freed, good for ever. */
MRING_API const char *mring_strerror(int error);

/* "0.1.0", of the library that is loaded. */
MRING_API const char *mring_version(void);

#ifdef __cplusplus
#pragma GCC diagnostic pop
}

/* C++ has no _Generic; these overloads give the same names. */
inline int mring_wait(struct mring_producer *producer, int64_t timeout)
{
    return mring_producer_wait(producer, timeout);
}
inline int mring_wait(struct mring_consumer *consumer, int64_t timeout)
{
    return mring_consumer_wait(consumer, timeout);
}
inline int mring_wake(struct mring_producer *producer)
{
    return mring_producer_wake(producer);
}
inline int mring_wake(struct mring_consumer *consumer)
{
    return mring_consumer_wake(consumer);
}
inline int mring_fd(struct mring_producer *producer)
{
    return mring_producer_fd(producer);
}
inline int mring_fd(struct mring_consumer *consumer)
{
    return mring_consumer_fd(consumer);
}
inline int mring_trouble(struct mring_producer *producer, struct mring_error *error)
{
    return mring_producer_trouble(producer, error);
}
inline int mring_trouble(struct mring_consumer *consumer, struct mring_error *error)
{
    return mring_consumer_trouble(consumer, error);
}
#endif

#endif
