/*
 * Words: `receive`, `queue` and the channels belong to whoever holds the port's lock; `send` never changes; `dead` goes from false
 * to true once.
 *
 * The queue is an epoll set of the receive end, of each channel, and of the send end, for hang-up alone. So there is one
 * descriptor to wait on, which a port set can in turn contain; the kernel takes ready members by turns; and closing the
 * receive end, here or by its death, makes the queue ready for good: that is how sleeping receivers learn it. Taking is
 * done under the lock without ever blocking, waiting outside of it.
 *
 * A sender can break its own port (shutdown on its end, an empty packet): the port then dies, for nothing else is left to
 * wait for. Nobody else's port is touched.
 */
#include "cancel.h"
#include "gate.h"
#include "port_inner.h"
#include "space.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

/* What an event of the queue names. Channels have serials from EVENT_CHANNEL on. */
enum { EVENT_END, EVENT_MAIN, EVENT_CHANNEL };

struct once {
    struct mach_object object;
    int send;
    uint64_t serial; /* of the channel, when it was made here */
};

static void close_if_open(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

/* ---- objects ---- */

static void close_all(struct port *port)
{
    for (uint32_t i = 0; i < port->channel_count; i++)
        close(port->channels[i].fd);
    port->channel_count = 0;
    close_if_open(&port->queue);
    close_if_open(&port->receive);
    close_if_open(&port->send);
    port_limit_close(&port->limit);
    free(port->channels);
    port->channels = NULL;
}

static void port_destroy(struct mach_object *object)
{
    struct port *port = (struct port *)object;
    close_all(port);
    pthread_mutex_destroy(&port->lock);
}

static void port_forked(struct mach_object *object)
{
    close_all((struct port *)object);
}

static bool port_pack(struct mach_object *object, struct wire_right *right, int fds[WIRE_FDS])
{
    struct port *port = (struct port *)object;
    right->descriptors = 2;
    fds[0] = port->send;
    fds[1] = port->limit.file->fd;
    return true;
}

static bool once_pack(struct mach_object *object, struct wire_right *right, int fds[WIRE_FDS])
{
    right->descriptors = 1;
    fds[0] = ((struct once *)object)->send;
    return true;
}

static void once_close(struct mach_object *object)
{
    close_if_open(&((struct once *)object)->send);
}

static void refuse(const int fds[WIRE_FDS])
{
    for (int i = 0; i < WIRE_FDS; i++)
        if (fds[i] >= 0)
            close(fds[i]);
}

/* A socket of the kind that ports are made of? Its cookie identifies it. */
static bool identify(int fd, struct object_id *id)
{
    int domain = 0, type = 0;
    uint64_t cookie = 0;
    socklen_t domain_size = sizeof(domain), type_size = sizeof(type), cookie_size = sizeof(cookie);

    if (fd < 0 || getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &domain_size) != 0 || domain != AF_UNIX ||
        getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &type_size) != 0 || type != SOCK_SEQPACKET ||
        getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &cookie_size) != 0)
        return false;
    *id = (struct object_id){{cookie, OBJECT_PORT}};
    return true;
}

static struct port *port_new(int send, struct object_id id)
{
    struct port *port = (struct port *)object_alloc(&port_ops, id);
    if (!port)
        return NULL;
    port->send = send;
    port->receive = port->queue = -1;
    port->serial = EVENT_CHANNEL - 1;
    pthread_mutex_init(&port->lock, NULL);
    return port;
}

static struct mach_object *port_unpack(const struct wire_right *right, const int fds[WIRE_FDS])
{
    struct object_id id;
    struct port *port = right->descriptors == 2 && fds[1] >= 0 && identify(fds[0], &id) ? port_new(fds[0], id) : NULL;
    if (!port) {
        refuse(fds);
        return NULL;
    }
    if (!port_limit_adopt(&port->limit, fds[1])) {
        object_drop(&port->object);
        return NULL;
    }
    return &port->object;
}

static struct mach_object *once_new(int send, uint64_t serial)
{
    struct once *once = (struct once *)object_alloc(&send_once_ops, object_id_new());
    if (!once)
        return NULL;
    once->send = send;
    once->serial = serial;
    return &once->object;
}

static struct mach_object *once_unpack(const struct wire_right *right, const int fds[WIRE_FDS])
{
    struct object_id id;
    struct mach_object *once = right->descriptors == 1 && identify(fds[0], &id) ? once_new(fds[0], 0) : NULL;
    if (!once)
        refuse(fds);
    return once;
}

const struct object_ops port_ops = {OBJECT_PORT, port_destroy, port_forked, port_pack, port_unpack};
const struct object_ops send_once_ops = {OBJECT_SEND_ONCE, once_close, once_close, once_pack, once_unpack};

static enum object_kind kind_of(struct mach_object *object)
{
    return atomic_load_explicit(&object->ops, memory_order_relaxed)->kind;
}

/* ---- making and ending ---- */

static bool queue_add(int queue, int fd, uint32_t events, uint64_t what)
{
    struct epoll_event event = {.events = events, .data.u64 = what};
    return epoll_ctl(queue, EPOLL_CTL_ADD, fd, &event) == 0;
}

void port_size_buffer(int send)
{
    static const int room = 2 * PACKET_MESSAGE;
    (void)setsockopt(send, SOL_SOCKET, SO_SNDBUF, &room, sizeof(room)); /* as much as the administrator allows */
}

/* A socket pair whose first end receives, learning each sender from the kernel. */
static bool make_pair(int ends[2])
{
    static const int on = 1;

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
        return false;
    if (setsockopt(ends[0], SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) != 0) {
        close(ends[0]);
        close(ends[1]);
        return false;
    }
    port_size_buffer(ends[1]);
    return true;
}

struct mach_object *port_create(void)
{
    struct object_id id;
    int ends[2];

    if (!make_pair(ends))
        return NULL;
    struct port *port = identify(ends[1], &id) ? port_new(ends[1], id) : NULL;
    if (!port) {
        close(ends[0]);
        close(ends[1]);
        return NULL;
    }
    port->receive = ends[0];
    port->queue = epoll_create1(EPOLL_CLOEXEC);
    if (port->queue < 0 || !queue_add(port->queue, port->send, 0, EVENT_END) ||
        !queue_add(port->queue, port->receive, EPOLLIN, EVENT_MAIN) ||
        !port_limit_create(&port->limit, MACH_PORT_QLIMIT_DEFAULT)) {
        object_drop(&port->object);
        return NULL;
    }
    port->messages = MACH_PORT_QLIMIT_DEFAULT;
    return &port->object;
}

void port_send_made(struct mach_object *object)
{
    struct port *port = (struct port *)object;
    gate_enter();
    pthread_mutex_lock(&port->lock);
    port->made++;
    pthread_mutex_unlock(&port->lock);
    gate_leave();
}

/* A descriptor that a forking child may still have a copy of leaves the queue by this alone. */
static void queue_close(int queue, int fd)
{
    epoll_ctl(queue, EPOLL_CTL_DEL, fd, NULL);
    close(fd);
}

static void die_locked(struct port *port)
{
    atomic_store_explicit(&port->dead, true, memory_order_release); /* port-dead */
    if (port->receive < 0)
        return;
    for (uint32_t i = 0; i < port->channel_count; i++)
        queue_close(port->queue, port->channels[i].fd);
    port->channel_count = 0;
    shutdown(port->receive, SHUT_RDWR); /* also when a forking child holds it for a moment more */
    queue_close(port->queue, port->receive);
    port->receive = -1;
}

void port_die(struct mach_object *object)
{
    struct port *port = (struct port *)object;
    pthread_mutex_lock(&port->lock);
    die_locked(port);
    pthread_mutex_unlock(&port->lock);
}

bool port_is_dead(struct mach_object *object)
{
    return atomic_load_explicit(&((struct port *)object)->dead, memory_order_acquire); /* port-dead */
}

void port_leave_unclaimed(struct mach_object *port)
{
    atomic_store_explicit(&((struct port *)port)->unclaimed, true, memory_order_relaxed);
}

bool port_claim(struct mach_object *port)
{
    return kind_of(port) == OBJECT_PORT &&
           atomic_exchange_explicit(&((struct port *)port)->unclaimed, false, memory_order_relaxed);
}

bool port_is_unclaimed(struct mach_object *port)
{
    return kind_of(port) == OBJECT_PORT &&
           atomic_load_explicit(&((struct port *)port)->unclaimed, memory_order_relaxed);
}

bool port_right_alive(struct mach_object *object)
{
    int fd = port_send_socket(object);
    if (fd < 0)
        return true;
    struct pollfd wait = {.fd = fd};
    int cancellation = cancel_hold();
    int ready = poll(&wait, 1, 0);
    cancel_release(cancellation);
    return ready <= 0 || !(wait.revents & (POLLHUP | POLLERR | POLLNVAL));
}

int port_send_socket(struct mach_object *object)
{
    switch (kind_of(object)) {
    case OBJECT_PORT:
        return ((struct port *)object)->send;
    case OBJECT_SEND_ONCE:
        return ((struct once *)object)->send;
    default:
        return -1;
    }
}

int port_queue(struct mach_object *object)
{
    return ((struct port *)object)->queue;
}

bool port_ready_to_send(struct mach_object *object)
{
    return port_limit_map(&((struct port *)object)->limit);
}

bool port_admit(struct mach_object *object)
{
    struct port *port = (struct port *)object;
    return port_limit_enter(&port->limit, port->send);
}

void port_announce(struct mach_object *object)
{
    port_limit_announce(&((struct port *)object)->limit);
}

/* Who else found it full meanwhile waits for a message to leave: the socket, which has refused this one, holds some. */
void port_retract(struct mach_object *object)
{
    (void)port_limit_leave(&((struct port *)object)->limit);
}

/* ---- send-once ---- */

static bool add_channel(struct port *port, int fd)
{
    if (port->channel_count == port->channel_room) {
        uint32_t room = port->channel_room ? 2 * port->channel_room : 4;
        struct channel *more = realloc(port->channels, room * sizeof(*more));
        if (!more)
            return false;
        port->channels = more;
        port->channel_room = room;
    }
    if (port->receive < 0 || !queue_add(port->queue, fd, EPOLLIN, port->serial + 1))
        return false;
    port->channels[port->channel_count++] = (struct channel){++port->serial, fd};
    return true;
}

/* The channel's place, or channel_count. */
static uint32_t find_channel(const struct port *port, uint64_t serial)
{
    uint32_t i = 0;
    while (i < port->channel_count && port->channels[i].serial != serial)
        i++;
    return i;
}

static void remove_channel(struct port *port, uint32_t i)
{
    queue_close(port->queue, port->channels[i].fd);
    port->channels[i] = port->channels[--port->channel_count];
}

struct mach_object *port_make_once(struct mach_object *object)
{
    struct port *port = (struct port *)object;
    struct mach_object *once = NULL;
    int ends[2];

    if (!make_pair(ends))
        return NULL;
    pthread_mutex_lock(&port->lock);
    if (!add_channel(port, ends[0])) {
        close(ends[0]);
        close(ends[1]);
    } else {
        once = once_new(ends[1], port->serial);
        if (!once) {
            close(ends[1]);
            remove_channel(port, port->channel_count - 1);
        }
    }
    pthread_mutex_unlock(&port->lock);
    return once;
}

void port_cancel_once(struct mach_object *object, struct mach_object *once)
{
    struct port *port = (struct port *)object;

    pthread_mutex_lock(&port->lock);
    uint32_t i = find_channel(port, ((struct once *)once)->serial);
    if (i < port->channel_count)
        remove_channel(port, i);
    pthread_mutex_unlock(&port->lock);
}

/* ---- taking ---- */

/* A message has been taken. */
static void count_taken(struct port *port)
{
    if (port_limit_leave(&port->limit))
        port_size_buffer(port->send);
}

static enum port_result take_main(struct port *port, uint32_t limit, bool keep, struct packet_in *packet)
{
    switch (packet_receive(port->receive, limit, keep, packet)) {
    case PACKET_GOT:
        count_taken(port);
        return PORT_GOT;
    case PACKET_TOO_LARGE:
        if (!keep)
            count_taken(port);
        return PORT_TOO_LARGE;
    case PACKET_NO_MEMORY:
        return PORT_NO_MEMORY;
    case PACKET_END:
        die_locked(port);
        return PORT_DEAD;
    case PACKET_NONE:
    case PACKET_DAMAGED:
        break;
    }
    return PORT_EMPTY;
}

static enum port_result take_channel(struct port *port, uint64_t serial, uint32_t limit, bool keep,
                                     struct packet_in *packet)
{
    uint32_t i = find_channel(port, serial);
    if (i == port->channel_count)
        return PORT_EMPTY;
    enum port_result result = PORT_UNANSWERED; /* also when what came was no message */
    switch (packet_receive(port->channels[i].fd, limit, keep, packet)) {
    case PACKET_NONE:
        return PORT_EMPTY;
    case PACKET_NO_MEMORY:
        return PORT_NO_MEMORY;
    case PACKET_TOO_LARGE:
        if (keep)
            return PORT_TOO_LARGE;
        result = PORT_TOO_LARGE;
        break;
    case PACKET_GOT:
        result = PORT_GOT;
        break;
    case PACKET_END:
    case PACKET_DAMAGED:
        break;
    }
    remove_channel(port, i);
    return result;
}

enum port_result port_take(struct mach_object *object, uint32_t limit, bool keep, struct packet_in *packet,
                           mach_port_seqno_t *sequence, bool *once)
{
    struct port *port = (struct port *)object;
    enum port_result result = PORT_EMPTY;
    struct epoll_event event;

    pthread_mutex_lock(&port->lock);
    if (port->receive < 0) {
        result = PORT_DEAD;
    } else if (epoll_wait(port->queue, &event, 1, 0) == 1) {
        *once = event.data.u64 >= EVENT_CHANNEL;
        if (event.data.u64 == EVENT_END) {
            die_locked(port);
            result = PORT_DEAD;
        } else if (event.data.u64 == EVENT_MAIN) {
            result = take_main(port, limit, keep, packet);
        } else {
            result = take_channel(port, event.data.u64, limit, keep, packet);
        }
    }
    if (result == PORT_GOT || result == PORT_UNANSWERED || (result == PORT_TOO_LARGE && !keep))
        *sequence = port->sequence++;
    pthread_mutex_unlock(&port->lock);
    return result;
}
