/*
 * The calls of <servers/bootstrap.h>.
 *
 * A name of our own is answered from our own table. For any other we connect to its address and read one packet: the name in full, and the
 * right. The peer must be a process of the user whose name it is, or root, as the kernel says, or we hang up unread. Connecting and
 * reading share one limit of three seconds: a registrant that is stopped holds nobody up for longer.
 */
#include "bootstrap_server.h"
#include "cancel.h"
#include "gate.h"
#include "msg.h"
#include "object_cells.h"
#include "port.h"
#include "right.h"
#include "space.h"

#include <errno.h>
#include <mach/mach.h>
#include <poll.h>
#include <string.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <unistd.h>

enum { PATIENCE = 3000 }; /* milliseconds */

/* Is `bp` the name server? MACH_SEND_INVALID_DEST as for every message to nobody. */
static kern_return_t check_bootstrap(mach_port_t bp)
{
    kern_return_t kr;
    struct mach_object *object = space_hold_send(bp, &kr);

    if (!object)
        return MACH_SEND_INVALID_DEST;
    kr = object == &bootstrap_object ? KERN_SUCCESS
         : port_right_alive(object)  ? KERN_INVALID_ARGUMENT
                                     : MACH_SEND_INVALID_DEST;
    object_drop(object);
    return kr;
}

/* ---- look up ---- */

/*
 * The answer of a connected, trusted registrant: its sound right with the descriptors that belong to it, or why there is none.
 * BOOTSTRAP_NO_MEMORY: some of them found no room here.
 */
static kern_return_t read_answer(int socket, const struct service_name *name, struct wire_right *right,
                                 int fds[WIRE_FDS])
{
    struct service_answer answer;
    union {
        struct cmsghdr align;
        unsigned char bytes[CMSG_SPACE(WIRE_FDS * sizeof(int))];
    } control;
    struct iovec part = {&answer, sizeof(answer)};
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)};
    size_t count = 0;

    wire_no_descriptors(fds);
    ssize_t got = recvmsg(socket, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (got < 0)
        return BOOTSTRAP_UNKNOWN_SERVICE;
    for (struct cmsghdr *at = CMSG_FIRSTHDR(&message); at; at = CMSG_NXTHDR(&message, at)) {
        if (at->cmsg_level != SOL_SOCKET || at->cmsg_type != SCM_RIGHTS)
            continue;
        size_t bytes = at->cmsg_len - CMSG_LEN(0);
        for (size_t i = 0; i < bytes / sizeof(int); i++) {
            int fd;
            memcpy(&fd, CMSG_DATA(at) + i * sizeof(int), sizeof(fd));
            if (count < WIRE_FDS)
                fds[count++] = fd;
            else
                close(fd); /* the control buffer, rounded up, has room for more */
        }
    }
    bool sound = got == (ssize_t)sizeof(answer) && !(message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) &&
                 service_name_equal(&answer.name, name) && answer.right.descriptors == count;
    if (sound && answer.magic == SERVICE_MAGIC) {
        *right = answer.right;
        return BOOTSTRAP_SUCCESS;
    }
    for (size_t i = 0; i < count; i++)
        close(fds[i]);
    if (message.msg_flags & MSG_CTRUNC)
        return BOOTSTRAP_NO_MEMORY;
    return sound && answer.magic == SERVICE_REFUSES ? BOOTSTRAP_NOT_PRIVILEGED : BOOTSTRAP_UNKNOWN_SERVICE;
}

/* Connect to the address of a name, for three seconds at most. BOOTSTRAP_UNKNOWN_SERVICE: nobody is there. */
static kern_return_t reach(int socket, uid_t owner, const struct service_name *name)
{
    struct timeval limit = {.tv_sec = PATIENCE / 1000};
    struct service_address address = service_address(owner, name);

    if (setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)) != 0)
        return BOOTSTRAP_NO_MEMORY;
    while (connect(socket, (struct sockaddr *)&address.address, address.size) != 0)
        if (errno != EINTR)
            return BOOTSTRAP_UNKNOWN_SERVICE;
    return BOOTSTRAP_SUCCESS;
}

static kern_return_t fetch(int socket, uid_t owner, const struct service_name *name, mach_port_t *port)
{
    struct msg_deadline deadline = msg_deadline_in(true, PATIENCE);
    kern_return_t kr = reach(socket, owner, name);

    if (kr != BOOTSTRAP_SUCCESS)
        return kr;
    if (!service_peer_is(socket, owner))
        return BOOTSTRAP_NOT_PRIVILEGED;
    if (msg_wait(socket, POLLIN, &deadline, false) != MSG_READY)
        return BOOTSTRAP_UNKNOWN_SERVICE;

    struct wire_right right;
    int fds[WIRE_FDS];
    mach_port_name_t found = MACH_PORT_NULL;
    gate_enter();
    kr = read_answer(socket, name, &right, fds);
    if (kr == BOOTSTRAP_SUCCESS && right_receive(&right, MACH_MSG_TYPE_PORT_SEND, fds, &found) != KERN_SUCCESS)
        kr = BOOTSTRAP_NO_MEMORY;
    gate_leave();
    if (kr != BOOTSTRAP_SUCCESS)
        return kr;
    if (found == MACH_PORT_NULL)
        return BOOTSTRAP_UNKNOWN_SERVICE;
    *port = found;
    return BOOTSTRAP_SUCCESS;
}

/*
 * The connection stays open while we wait, outside the gate. As an object, though nobody ever gets a name for it, it is closed in a child
 * that another thread forks meanwhile.
 */
struct connection {
    struct mach_object object;
    int socket;
};

static void connection_close(struct mach_object *object)
{
    close(((struct connection *)object)->socket);
}

static const struct object_ops connection_ops = {
    .kind = OBJECT_NONE, .destroy = connection_close, .forked = connection_close};

static struct connection *connection_create(void)
{
    struct connection *connection = NULL;

    gate_enter();
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    if (fd >= 0) {
        connection = (struct connection *)object_alloc(&connection_ops, (struct object_id){{0}});
        if (connection) {
            connection->socket = fd;
            object_publish(&connection->object);
        } else {
            close(fd);
        }
    }
    gate_leave();
    return connection;
}

static kern_return_t look_up(uid_t owner, const struct service_name *name, mach_port_t *port)
{
    struct mach_object *ours = owner == geteuid() ? bootstrap_server_find(name) : NULL;
    if (ours)
        return space_insert_send(ours, port) == KERN_SUCCESS ? BOOTSTRAP_SUCCESS : BOOTSTRAP_NO_MEMORY;

    struct connection *connection = connection_create();
    if (!connection)
        return BOOTSTRAP_NO_MEMORY;
    kern_return_t kr = fetch(connection->socket, owner, name, port);
    object_drop(&connection->object);
    return kr;
}

kern_return_t mring_mach_bootstrap_look_up_of(mach_port_t bp, uid_t owner, const char *service_name_text,
                                              mach_port_t *sp)
{
    int saved = errno, cancellation = cancel_hold();
    kern_return_t kr = check_bootstrap(bp);
    if (kr == KERN_SUCCESS) {
        struct service_name name = service_name(service_name_text);
        kr = look_up(owner, &name, sp);
    }
    cancel_release(cancellation);
    errno = saved;
    return kr;
}

/* Names are private to the user here: what is not served to it does not exist. */
kern_return_t bootstrap_look_up(mach_port_t bp, const char *service_name_text, mach_port_t *sp)
{
    kern_return_t kr = mring_mach_bootstrap_look_up_of(bp, geteuid(), service_name_text, sp);
    return kr == BOOTSTRAP_NOT_PRIVILEGED ? BOOTSTRAP_UNKNOWN_SERVICE : kr;
}

bool mring_mach_bootstrap_holder(uid_t owner, const char *service_name_text, uid_t *uid, pid_t *pid)
{
    int saved = errno, cancellation = cancel_hold();
    struct service_name name = service_name(service_name_text);
    struct connection *connection = connection_create();
    struct ucred peer;
    socklen_t size = sizeof(peer);
    bool known = connection && reach(connection->socket, owner, &name) == BOOTSTRAP_SUCCESS &&
                 getsockopt(connection->socket, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0;

    if (known) {
        *uid = peer.uid;
        *pid = peer.pid;
    }
    if (connection)
        object_drop(&connection->object);
    cancel_release(cancellation);
    errno = saved;
    return known;
}

bool mring_mach_bootstrap_reaches(mach_port_t name)
{
    kern_return_t kr;
    int saved = errno, cancellation = cancel_hold();
    struct mach_object *port = space_hold_send(name, &kr);
    bool reaches = true;

    gate_enter();
    if (port && port_send_socket(port) >= 0)
        reaches = service_names_shared(port_send_socket(port));
    gate_leave();
    if (port)
        object_drop(port);
    cancel_release(cancellation);
    errno = saved;
    return reaches;
}

/* ---- register, check in ---- */

static kern_return_t register_right(const struct service_name *name, mach_port_t right)
{
    if (right == MACH_PORT_NULL)
        return bootstrap_server_probe(name);
    if (right == MACH_PORT_DEAD)
        return BOOTSTRAP_NO_MEMORY;

    kern_return_t kr;
    struct mach_object *object = space_hold_send(right, &kr);
    if (!object)
        return MACH_SEND_INVALID_RIGHT;
    kr = right_travels(object) ? bootstrap_server_bind(name, object, MRING_MACH_SERVE_OWNER) : MACH_SEND_INVALID_RIGHT;
    object_drop(object);
    return kr;
}

kern_return_t bootstrap_register(mach_port_t bp, char *service_name_text, mach_port_t sp)
{
    int saved = errno;
    kern_return_t kr = check_bootstrap(bp);
    if (kr == KERN_SUCCESS) {
        struct service_name name = service_name(service_name_text);
        kr = register_right(&name, sp);
    }
    errno = saved;
    return kr;
}

/* Name a right to a port that has just been bound, or unbind it. */
static kern_return_t name_right(struct mach_object *port, mach_port_type_t right, mach_port_t *name)
{
    object_hold(port);
    kern_return_t kr = right == MACH_PORT_TYPE_SEND ? space_insert_send(port, name) : space_insert(port, right, name);
    if (kr == KERN_SUCCESS)
        return BOOTSTRAP_SUCCESS;
    gate_enter();
    bootstrap_server_forget(port);
    gate_leave();
    return BOOTSTRAP_NO_MEMORY;
}

/* A new port, published, or NULL. */
static struct mach_object *new_port(void)
{
    gate_enter();
    struct mach_object *port = port_create();
    if (port)
        object_publish(port);
    gate_leave();
    return port;
}

/* What bootstrap_create_service has left for the first to come. */
static bool claim_created(const struct service_name *name, mach_port_t *sp, kern_return_t *kr)
{
    struct mach_object *port = bootstrap_server_find(name);
    bool claimed = port && port_claim(port);

    if (claimed)
        *kr = name_right(port, MACH_PORT_TYPE_RECEIVE, sp);
    if (port)
        object_drop(port);
    return claimed;
}

kern_return_t mring_mach_bootstrap_check_in_for(mach_port_t bp, const char *service_name_text, int scope,
                                                mach_port_t *sp)
{
    int saved = errno;
    kern_return_t kr = check_bootstrap(bp);
    if (kr != KERN_SUCCESS)
        return kr;

    struct service_name name = service_name(service_name_text);
    if (!claim_created(&name, sp, &kr)) {
        struct mach_object *port = new_port();
        kr = BOOTSTRAP_NO_MEMORY;
        if (port) {
            kr = bootstrap_server_bind(&name, port, scope);
            if (kr == BOOTSTRAP_SUCCESS)
                kr = name_right(port, MACH_PORT_TYPE_RECEIVE, sp);
            object_drop(port);
        }
    }
    errno = saved;
    return kr;
}

kern_return_t bootstrap_check_in(mach_port_t bp, const char *service_name_text, mach_port_t *sp)
{
    return mring_mach_bootstrap_check_in_for(bp, service_name_text, MRING_MACH_SERVE_OWNER, sp);
}

kern_return_t bootstrap_create_service(mach_port_t bp, char *service_name_text, mach_port_t *sp)
{
    int saved = errno;
    kern_return_t kr = check_bootstrap(bp);
    if (kr != KERN_SUCCESS)
        return kr;

    struct service_name name = service_name(service_name_text);
    struct mach_object *port = new_port();
    kr = BOOTSTRAP_NO_MEMORY;
    if (port) {
        port_leave_unclaimed(port);
        kr = bootstrap_server_bind(&name, port, MRING_MACH_SERVE_OWNER);
        if (kr == BOOTSTRAP_SUCCESS)
            kr = name_right(port, MACH_PORT_TYPE_SEND, sp);
        object_drop(port);
    }
    errno = saved;
    return kr;
}

kern_return_t bootstrap_status(mach_port_t bp, char *service_name_text, bootstrap_status_t *service_active)
{
    mach_port_t port = MACH_PORT_NULL;
    kern_return_t kr = check_bootstrap(bp);
    if (kr != KERN_SUCCESS)
        return kr;

    struct service_name name = service_name(service_name_text);
    struct mach_object *ours = bootstrap_server_find(&name);
    bool unclaimed = ours && port_is_unclaimed(ours);
    if (ours)
        object_drop(ours);
    else
        kr = bootstrap_look_up(bp, service_name_text, &port); /* another task's: it answers, so it is active */
    if (port != MACH_PORT_NULL)
        mach_port_deallocate(mach_task_self(), port);
    if (kr == BOOTSTRAP_SUCCESS)
        *service_active = unclaimed ? BOOTSTRAP_STATUS_INACTIVE : BOOTSTRAP_STATUS_ACTIVE;
    return kr;
}

kern_return_t bootstrap_parent(mach_port_t bp, mach_port_t *parent_port)
{
    kern_return_t kr = check_bootstrap(bp);
    if (kr != KERN_SUCCESS)
        return kr;
    object_hold(&bootstrap_object);
    return space_insert_send(&bootstrap_object, parent_port);
}

kern_return_t bootstrap_unprivileged(mach_port_t bp, mach_port_t *unpriv_port)
{
    return bootstrap_parent(bp, unpriv_port);
}

const char *bootstrap_strerror(kern_return_t r)
{
    switch (r) {
    case BOOTSTRAP_SUCCESS:
        return "Success";
    case BOOTSTRAP_NOT_PRIVILEGED:
        return "Permission denied";
    case BOOTSTRAP_NAME_IN_USE:
    case BOOTSTRAP_SERVICE_ACTIVE:
        return "Service name already exists";
    case BOOTSTRAP_UNKNOWN_SERVICE:
        return "Unknown service name";
    case BOOTSTRAP_BAD_COUNT:
        return "Too many lookups were requested in one request";
    case BOOTSTRAP_NO_MEMORY:
        return "Out of memory";
    case BOOTSTRAP_NO_CHILDREN:
        return "The bootstrap port has no children";
    default:
        return mach_error_string(r);
    }
}
