/*
 * The broker of this process: its thread, its ports, the rings it serves.
 *
 * Ports. One port set, on which the thread receives. In it: the process's own port, to which forked children and all who
 * have attached hold a send right, and the ports of the rings' names, from bootstrap_check_in. All of it is made when the first
 * ring is served and given back when the last one stops, so that what is left of the links then says MACH_SEND_INVALID_DEST.
 *
 * The thread waits without timeout. It ends when it finds `stopping` set after a message; broker_stop, which sets it, sends an empty
 * one. A full queue needs none: then the thread is about to wake anyway.
 *
 * Nothing a client does ends the thread: its messages have a fixed shape or are dropped, an answer that cannot be delivered at once is
 * dropped, and a receive that fails for want of resources is tried again a moment later.
 */
#include "meet/state.h"

#include "api/failure.h"
#include "meet/clock.h"

#include <errno.h>
#include <servers/bootstrap.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "meet/message.h"
#include "meet/names.h"

/* How long the name of a ring may be held by the process that just died with it, and between two looks (ns). */
enum { AFTER_DEATH = 1000 * 1000 * 1000, AGAIN = 5 * 1000 * 1000 };

struct meet_state meet = {
    .answering = PTHREAD_MUTEX_INITIALIZER, .lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static void drop_receive(mach_port_t *port)
{
    if (MACH_PORT_VALID(*port))
        mach_port_mod_refs(mach_task_self(), *port, MACH_PORT_RIGHT_RECEIVE, -1);
    *port = MACH_PORT_NULL;
}

static void drop_names(struct broker *ring)
{
    for (int name = 0; name < BROKER_NAMES; name++)
        drop_receive(&ring->named[name]);
}

/* The send right goes first: the receive right would leave a dead name of it. */
static void close_ports(void)
{
    if (MACH_PORT_VALID(meet.port))
        mach_port_mod_refs(mach_task_self(), meet.port, MACH_PORT_RIGHT_SEND, -1);
    drop_receive(&meet.port);
    if (MACH_PORT_VALID(meet.set))
        mach_port_mod_refs(mach_task_self(), meet.set, MACH_PORT_RIGHT_PORT_SET, -1);
    meet.set = MACH_PORT_NULL;
}

/* Many processes may ask at the same moment. If it fails, those beyond the usual five wait for one another. */
static void widen(mach_port_t port)
{
    mach_port_limits_t limits = {.mpl_qlimit = MACH_PORT_QLIMIT_LARGE};

    mach_port_set_attributes(mach_task_self(), port, MACH_PORT_LIMITS_INFO, (mach_port_info_t)&limits,
                             MACH_PORT_LIMITS_INFO_COUNT);
}

static kern_return_t make_ports(void)
{
    kern_return_t kr = mach_port_allocate(mach_task_self(), MACH_PORT_RIGHT_PORT_SET, &meet.set);

    if (kr == KERN_SUCCESS)
        kr = mach_port_allocate(mach_task_self(), MACH_PORT_RIGHT_RECEIVE, &meet.port);
    if (kr != KERN_SUCCESS) {
        meet.port = MACH_PORT_NULL;
        close_ports();
        return kr;
    }
    kr = mach_port_insert_right(mach_task_self(), meet.port, meet.port, MACH_MSG_TYPE_MAKE_SEND);
    if (kr != KERN_SUCCESS) {
        drop_receive(&meet.port);
        close_ports();
        return kr;
    }
    widen(meet.port);
    kr = mach_port_move_member(mach_task_self(), meet.port, meet.set);
    if (kr != KERN_SUCCESS)
        close_ports();
    return kr;
}

static int name_taken(const char *name, const name_t service, struct mring_error *error)
{
    uid_t owner = geteuid(), uid = owner;
    pid_t pid = 0;
    bool answers = names_holder(owner, service, &uid, &pid);

    if (answers && uid != owner)
        return failure(error, -EACCES, 0,
                       "user %lu (process %ld) sits on the name \"%s\" of this user: choose another name",
                       (unsigned long)uid, (long)pid, name);
    if (!answers && names_turns_away()) /* the system tells who listens, and of nobody else whose the address is */
        return failure(error, -EEXIST, 0, "somebody sits on the name \"%s\", and does not answer: choose another name",
                       name);
    return failure(
        error, -EEXIST, 0,
        "a ring named \"%s\" is served already, by who made it or took it over: open it, or choose another name", name);
}

/* Take one of the ring's names, and listen on it. `name` is for the text of errors. */
static int check_in(struct broker *ring, int place, const name_t service, const char *name, struct mring_error *error)
{
    mach_port_t server = MACH_PORT_NULL;
    kern_return_t kr = names_server(&server);

    if (kr == KERN_SUCCESS) {
        kr = names_check_in(server, service, ring->terms.access, &ring->named[place]);
        mach_port_deallocate(mach_task_self(), server);
    }
    /* Which of the three a taken name gets depends on who holds it and on the system's age (Mach 8.3, 8.6). */
    if (kr == BOOTSTRAP_NOT_PRIVILEGED || kr == BOOTSTRAP_NAME_IN_USE || kr == BOOTSTRAP_SERVICE_ACTIVE)
        return name_taken(name, service, error);
    if (kr != KERN_SUCCESS)
        return failure(error, failure_code(kr), kr, "cannot take the name \"%s\"", name);
    widen(ring->named[place]);
    kr = mach_port_move_member(mach_task_self(), ring->named[place], meet.set);
    if (kr != KERN_SUCCESS)
        return failure(error, failure_code(kr), kr, "cannot listen on the name \"%s\"", name);
    return 0;
}

/*
 * The thread has all signals blocked from its first instruction on. It is awaited until it runs: a fork in the middle of its birth would
 * copy locks that it holds there, and not every allocator undoes that in the child (AddressSanitizer's does not).
 */
static int start_thread(struct mring_error *error)
{
    sigset_t all, before;
    int result;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    result = pthread_create(&meet.thread, NULL, broker_serve, NULL);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (result != 0)
        return failure(error, -result, 0, "cannot start the broker's thread: %s", strerror(result));
    meet.starting = true;
    while (!meet.running)
        pthread_cond_wait(&meet.changed, &meet.lock);
    meet.starting = false;
    pthread_cond_broadcast(&meet.changed);
    return 0;
}

/* The names of a ring that is made: its own, if it has one. */
static int take_name(struct broker *ring, const char *name, struct mring_error *error)
{
    name_t service;

    if (name == NULL)
        return 0;
    if (!names_service(service, name))
        return failure(error, -ENAMETOOLONG, 0, "the name \"%.20s...\" is longer than %d bytes", name, MRING_NAME_MAX);
    return check_in(ring, NAME_PUBLIC, service, name, error);
}

/*
 * A process that was just killed is known to be dead by its lock, which may go a moment before the sockets do that it listened on. So a name
 * that is taken may be its own: whether it is another's, now, is told by its lasting.
 */
static int take_name_again(struct broker *ring, const char *name, struct mring_error *error)
{
    int64_t deadline = clock_deadline(AFTER_DEATH);
    int result;

    while ((result = take_name(ring, name, error)) == -EEXIST && clock_left(deadline) > 0)
        nanosleep(&(struct timespec){.tv_nsec = AGAIN}, NULL);
    return result;
}

/* Of a ring that outlived its broker: the one by which its members find the successor; and its own, unless another ring has that by now. */
static int take_over_names(struct broker *ring, const char *name, struct mring_error *error)
{
    name_t service;
    int result;

    names_identity(service, ring->terms.identity, ring->terms.meeting);
    result = check_in(ring, NAME_IDENTITY, service, service, error);
    if (result != 0)
        return result;
    result = take_name_again(ring, name, error);
    /* Without the name for want of descriptors the ring could be found by nobody new, though another heir may have them. */
    return result == -EEXIST || result == -EACCES ? 0 : result;
}

typedef int name_taker(struct broker *ring, const char *name, struct mring_error *error);

static int start_locked(struct broker *ring, const char *name, name_taker *take, struct mring_error *error)
{
    int result;

    if (!MACH_PORT_VALID(meet.set)) {
        kern_return_t kr = make_ports();

        if (kr != KERN_SUCCESS)
            return failure(error, failure_code(kr), kr, "cannot make the broker's ports");
    }
    result = take(ring, name, error);
    if (result == 0) {
        /* Before there is a thread: who has found the name may ask at once. */
        ring->next = meet.rings;
        meet.rings = ring;
        if (!meet.running)
            result = start_thread(error);
        if (result != 0)
            meet.rings = ring->next;
    }
    ring->served = result == 0;
    if (result == 0)
        return 0;
    drop_names(ring);
    if (!meet.running)
        close_ports();
    return result;
}

static void discard(struct broker *ring)
{
    key_forget(&ring->terms.secret);
    free(ring);
}

static int start(struct broker **broker, const struct broker_terms *terms, name_taker *take,
                 const struct broker_service *service, struct mring_error *error)
{
    struct broker *ring;
    int result = meet_watch_forks();

    if (result != 0)
        return failure(error, result, 0, "cannot register fork handlers");
    ring = calloc(1, sizeof *ring);
    if (ring == NULL)
        return failure(error, -ENOMEM, 0, "no memory to serve a ring");
    ring->terms = *terms;
    ring->terms.name = NULL;
    ring->owner = (struct ring_owner){geteuid(), getegid()};
    ring->service = *service;

    pthread_mutex_lock(&meet.lock);
    while (meet.starting || meet.stopping)
        pthread_cond_wait(&meet.changed, &meet.lock);
    result = start_locked(ring, terms->name, take, error);
    pthread_mutex_unlock(&meet.lock);
    if (result != 0) {
        discard(ring);
        return result;
    }
    *broker = ring;
    return 0;
}

int broker_start(struct broker **broker, const struct broker_terms *terms, const struct broker_service *service,
                 struct mring_error *error)
{
    return start(broker, terms, take_name, service, error);
}

int broker_succeed(struct broker **broker, const struct broker_terms *terms, const struct broker_service *service,
                   struct mring_error *error)
{
    return start(broker, terms, take_over_names, service, error);
}

/* The last ring is out of the list: end the thread and give the ports back. The lock is held, but not while the thread ends. */
static void stop_thread(void)
{
    meet.stopping = true;
    (void)meet_nudge(meet.port);
    pthread_mutex_unlock(&meet.lock);
    pthread_join(meet.thread, NULL);
    pthread_mutex_lock(&meet.lock);
    meet.running = false;
    close_ports();
    meet.stopping = false;
    pthread_cond_broadcast(&meet.changed);
}

static void stop_locked(struct broker *ring)
{
    struct broker **link = &meet.rings;

    while (*link != ring)
        link = &(*link)->next;
    *link = ring->next;
    while (meet.busy == ring)
        pthread_cond_wait(&meet.changed, &meet.lock);
    drop_names(ring);
    semaphores_clear(&ring->semaphores);
    /* Another may have started a ring, or stopped the last one and the thread, while this waited. */
    if (meet.rings == NULL && meet.running && !meet.stopping)
        stop_thread();
}

void broker_stop(struct broker *broker)
{
    if (broker == NULL)
        return;
    pthread_mutex_lock(&meet.lock);
    if (broker->served)
        stop_locked(broker);
    pthread_mutex_unlock(&meet.lock);
    discard(broker);
}

void meet_pause(void)
{
    pthread_mutex_lock(&meet.answering);
}

void meet_resume(void)
{
    pthread_mutex_unlock(&meet.answering);
}

static void answer_undisturbed(mach_msg_header_t *request)
{
    meet_pause();
    broker_answer(request);
    meet_resume();
}

void *broker_serve(void *unused)
{
    struct request_buffer buffer;
    bool serving = true;

    pthread_mutex_lock(&meet.lock);
    meet.running = true;
    pthread_cond_broadcast(&meet.changed);
    pthread_mutex_unlock(&meet.lock);
    while (serving) {
        mach_msg_header_t *header = &buffer.request.header;
        mach_msg_return_t mr;

        *header = (mach_msg_header_t){.msgh_bits = 0};
        mr = mach_msg(header, MESSAGE_RECEIVE, 0, sizeof buffer, meet.set, MACH_MSG_TIMEOUT_NONE, MACH_PORT_NULL);
        /* With a body error the message is here but for some of its rights, or, where memory was short, it is empty. */
        if (mr == MACH_MSG_SUCCESS || (mr & ~MACH_MSG_MASK) == MACH_RCV_BODY_ERROR)
            answer_undisturbed(header);
        else if (mr != MACH_RCV_TOO_LARGE && mr != MACH_RCV_INTERRUPTED) /* the one is gone, the other is nothing */
            nanosleep(&(struct timespec){.tv_nsec = 10 * 1000 * 1000}, NULL);
        pthread_mutex_lock(&meet.lock);
        serving = !meet.stopping;
        pthread_mutex_unlock(&meet.lock);
    }
    return unused;
}
