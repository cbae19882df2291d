/*
 * The registrant's side of the name server.
 *
 * Guarantees
 *   - A name has one owner: binding its abstract address is atomic in the kernel. It is free again when the listening socket is closed, by
 *     us, or by the kernel when the process dies, however it dies; a forked child closes its copies before fork returns.
 *   - Whoever connects gets the right at once and without a request: there is nothing of a client's to parse, to wait for or to keep. Sending
 *     into a new connection never blocks. Clients that the name is not
 *     served to are told so, and no more.
 *   - A binding to a port ends with the port: at once if its receive right was here (bootstrap_server_forget), else when the
 *     hang-up of its socket reaches the server's thread.
 *
 * One thread serves all names: started by the first, all signals blocked, it lives as long as the process. It waits outside the
 * gate and works inside of it.
 *
 * Words: everything here belongs to the holder of `lock`. Bindings are numbered by serials that never come again, so an event for a
 * binding that has ended meanwhile finds nothing.
 *
 * One gap is left by the kernel: a child that is just being forked has a copy of our listeners until it runs its handlers, and an
 * address is taken as long as any copy lives. So a name that we gave up may be found taken, though nobody listens there (a listener
 * is shut down before it is closed): then binding is tried again, for a second at most, outside of gate and lock. Where somebody
 * listens the name is taken, and that is the answer at once.
 *
 * Descriptors may run out: the server keeps one in reserve, gives it up to accept and answer, and takes it back. Another thread may be
 * quicker: then the client waits, and the server pauses between its tries.
 */
#include "bootstrap_server.h"
#include "cancel.h"
#include "gate.h"
#include "port.h"
#include "right.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum { BACKLOG = 1024, TRIES = 1000 /* a millisecond apart */, TRY_AGAIN = -1, PAUSE = 10 * 1000 * 1000 /* ns */ };

struct binding {
    struct binding *next;
    uint64_t serial; /* even; its events: serial for a client, serial + 1 for the port's end */
    struct service_name name;
    struct mach_object *object;
    struct service_policy policy;
    int listener;
    int end; /* a descriptor of the bound port to see it hang up by; -1: what is bound is no port */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct binding *bindings;
static uint64_t last_serial;
static int events = -1;
static int reserve = -1;
static pthread_cond_t begun = PTHREAD_COND_INITIALIZER;
static bool serving; /* there is a thread, and it runs */
static bool starting;

/* ---- bindings, under the lock ---- */

static void close_event(int *fd)
{
    if (*fd < 0)
        return;
    epoll_ctl(events, EPOLL_CTL_DEL, *fd, NULL); /* a forking child may still have a copy of it */
    close(*fd);
    *fd = -1;
}

static void unbind(struct binding **link)
{
    struct binding *binding = *link;

    *link = binding->next;
    /* What waits to be accepted must not be answered by anybody any more, also where a copy of the listener lives on. */
    shutdown(binding->listener, SHUT_RDWR);
    close_event(&binding->listener);
    close_event(&binding->end);
    object_drop(binding->object);
    free(binding);
}

static struct binding **find(const struct service_name *name)
{
    struct binding **link = &bindings;
    while (*link && !service_name_equal(&(*link)->name, name))
        link = &(*link)->next;
    return link;
}

/* The binding of a name, unless its port has died, when it ends here. */
static struct binding *find_live(const struct service_name *name)
{
    struct binding **link = find(name);
    if (*link && !port_right_alive((*link)->object))
        unbind(link);
    return *link && service_name_equal(&(*link)->name, name) ? *link : NULL;
}

static bool watch(int fd, uint32_t what, uint64_t serial)
{
    struct epoll_event event = {.events = what, .data.u64 = serial};
    return epoll_ctl(events, EPOLL_CTL_ADD, fd, &event) == 0;
}

/* Claim the name: a bound socket, or -1 with *kr, TRY_AGAIN if the name is taken but nobody listens. */
static int claim(const struct service_name *name, kern_return_t *kr)
{
    struct service_address address = service_address(geteuid(), name);
    const struct sockaddr *where = (const struct sockaddr *)&address.address;
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    *kr = BOOTSTRAP_NO_MEMORY;
    if (fd < 0)
        return -1;
    if (bind(fd, where, address.size) == 0)
        return fd;
    if (errno == EADDRINUSE)
        *kr = connect(fd, where, address.size) != 0 && errno == ECONNREFUSED ? TRY_AGAIN : BOOTSTRAP_NOT_PRIVILEGED;
    close(fd);
    return -1;
}

/* ---- the thread ---- */

static void answer(const struct binding *binding, int client)
{
    struct service_answer answer = {.magic = SERVICE_MAGIC, .name = binding->name};
    int fds[WIRE_FDS] = {-1};
    union {
        struct cmsghdr align;
        unsigned char bytes[CMSG_SPACE(sizeof(fds))];
    } control;

    if (!service_peer_served(client, &binding->policy))
        answer.magic = SERVICE_REFUSES;
    else if (!right_pack(binding->object, &answer.right, fds))
        return;
    size_t fd_bytes = answer.right.descriptors * sizeof(int);
    struct iovec part = {&answer, sizeof(answer)};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    if (fd_bytes) {
        memset(&control, 0, sizeof(control));
        message.msg_control = &control;
        message.msg_controllen = CMSG_SPACE(fd_bytes);
        struct cmsghdr *rights = CMSG_FIRSTHDR(&message);
        rights->cmsg_level = SOL_SOCKET;
        rights->cmsg_type = SCM_RIGHTS;
        rights->cmsg_len = CMSG_LEN(fd_bytes);
        memcpy(CMSG_DATA(rights), fds, fd_bytes);
    }
    (void)!sendmsg(client, &message, MSG_DONTWAIT | MSG_NOSIGNAL); /* a client that has gone has gone */
}

static int take_client(int listener)
{
    int client = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    if (client < 0 && (errno == EMFILE || errno == ENFILE) && reserve >= 0) {
        close(reserve);
        reserve = -1;
        client = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    }
    return client;
}

/* False: a client waits, and there is no descriptor for it at all. */
static bool serve(uint64_t serial)
{
    struct binding **link = &bindings;
    while (*link && (*link)->serial != (serial & ~UINT64_C(1)))
        link = &(*link)->next;
    if (!*link)
        return true;
    if (serial & 1) {
        unbind(link);
        return true;
    }
    int client = take_client((*link)->listener);
    if (client >= 0) {
        answer(*link, client);
        close(client);
    }
    if (reserve < 0)
        reserve = fcntl(events, F_DUPFD_CLOEXEC, 0);
    return client >= 0 || reserve >= 0;
}

static void *server(void *unused)
{
    struct epoll_event event;

    (void)unused;
    pthread_mutex_lock(&lock);
    serving = true;
    pthread_cond_broadcast(&begun);
    pthread_mutex_unlock(&lock);
    for (;;) {
        int ready = epoll_wait(events, &event, 1, -1);
        if (ready < 0 && errno != EINTR)
            return NULL;
        if (ready != 1)
            continue;
        gate_enter();
        pthread_mutex_lock(&lock);
        bool served = serve(event.data.u64);
        pthread_mutex_unlock(&lock);
        gate_leave();
        if (!served)
            nanosleep(&(struct timespec){.tv_nsec = PAUSE}, NULL); /* it will still be there */
    }
}

/* Once per process, with the first name. Not done before the thread runs: no fork shall copy locks that its birth takes. */
static bool start(void)
{
    sigset_t all, before;
    pthread_t thread;

    while (starting)
        pthread_cond_wait(&begun, &lock);
    if (serving)
        return true;
    if (events < 0)
        events = epoll_create1(EPOLL_CLOEXEC);
    if (events < 0)
        return false;
    if (reserve < 0)
        reserve = fcntl(events, F_DUPFD_CLOEXEC, 0);
    if (reserve < 0)
        return false;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    bool created = pthread_create(&thread, NULL, server, NULL) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (!created)
        return false;
    pthread_detach(thread);
    starting = true;
    while (!serving)
        pthread_cond_wait(&begun, &lock);
    starting = false;
    pthread_cond_broadcast(&begun);
    return true;
}

/* ---- what the client's side calls ---- */

static kern_return_t bind_locked(const struct service_name *name, struct mach_object *object, int scope)
{
    kern_return_t kr;

    if (find_live(name))
        return BOOTSTRAP_SERVICE_ACTIVE;
    if (!port_right_alive(object))
        return BOOTSTRAP_NO_MEMORY;
    struct binding *binding = malloc(sizeof(*binding));
    if (!binding)
        return BOOTSTRAP_NO_MEMORY;
    *binding =
        (struct binding){.serial = last_serial += 2, .name = *name, .policy = {scope, geteuid(), getegid()}, .end = -1};
    binding->listener = claim(name, &kr);
    if (binding->listener < 0) {
        free(binding);
        return kr;
    }

    int socket = port_send_socket(object);
    bool ready =
        start() && listen(binding->listener, BACKLOG) == 0 && watch(binding->listener, EPOLLIN, binding->serial);
    if (ready && socket >= 0) {
        binding->end = fcntl(socket, F_DUPFD_CLOEXEC, 0);
        ready = binding->end >= 0 && watch(binding->end, 0, binding->serial + 1);
    }
    object_hold(object);
    binding->object = object;
    binding->next = bindings;
    bindings = binding;
    if (ready)
        return BOOTSTRAP_SUCCESS;
    unbind(&bindings);
    return BOOTSTRAP_NO_MEMORY;
}

/* Is the name free? The rest is not looked at. */
static kern_return_t probe_locked(const struct service_name *name, struct mach_object *object, int scope)
{
    kern_return_t kr;

    (void)object;
    (void)scope;
    if (find_live(name))
        return BOOTSTRAP_SERVICE_ACTIVE;
    int fd = claim(name, &kr);
    if (fd < 0)
        return kr;
    close(fd);
    return BOOTSTRAP_SUCCESS;
}

static kern_return_t attempt(kern_return_t (*what)(const struct service_name *, struct mach_object *, int),
                             const struct service_name *name, struct mach_object *object, int scope)
{
    static const struct timespec millisecond = {0, 1000000};

    kern_return_t kr = TRY_AGAIN;
    int cancellation = cancel_hold();

    for (int i = 0; i < TRIES && kr == TRY_AGAIN; i++) {
        if (i > 0)
            nanosleep(&millisecond, NULL);
        gate_enter();
        pthread_mutex_lock(&lock);
        kr = what(name, object, scope);
        pthread_mutex_unlock(&lock);
        gate_leave();
    }
    cancel_release(cancellation);
    return kr != TRY_AGAIN ? kr : BOOTSTRAP_NOT_PRIVILEGED;
}

kern_return_t bootstrap_server_bind(const struct service_name *name, struct mach_object *object, int scope)
{
    return attempt(bind_locked, name, object, scope);
}

kern_return_t bootstrap_server_probe(const struct service_name *name)
{
    return attempt(probe_locked, name, NULL, MRING_MACH_SERVE_OWNER);
}

struct mach_object *bootstrap_server_find(const struct service_name *name)
{
    struct mach_object *object = NULL;

    gate_enter();
    pthread_mutex_lock(&lock);
    struct binding *binding = find_live(name);
    if (binding) {
        object = binding->object;
        object_hold(object);
    }
    pthread_mutex_unlock(&lock);
    gate_leave();
    return object;
}

void bootstrap_server_forget(const struct mach_object *object)
{
    pthread_mutex_lock(&lock);
    for (struct binding **link = &bindings; *link;) {
        if ((*link)->object == object)
            unbind(link);
        else
            link = &(*link)->next;
    }
    pthread_mutex_unlock(&lock);
}

void bootstrap_server_fork_child(void)
{
    while (bindings) {
        struct binding *binding = bindings;
        bindings = binding->next;
        close(binding->listener); /* not shut down: the socket is the parent's */
        if (binding->end >= 0)
            close(binding->end);
        free(binding);
    }
    if (events >= 0)
        close(events);
    if (reserve >= 0)
        close(reserve);
    events = reserve = -1;
    serving = false;
}
