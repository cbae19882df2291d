#include "port_status.h"
#include "port_inner.h"

static struct port *lock(struct mach_object *object)
{
    struct port *port = (struct port *)object;
    pthread_mutex_lock(&port->lock);
    return port;
}

static void unlock(struct port *port)
{
    pthread_mutex_unlock(&port->lock);
}

bool port_guard_admits(struct mach_object *object, uint64_t guard)
{
    struct port *port = lock(object);
    bool admits = !port->guarded || port->context == guard;
    unlock(port);
    return admits;
}

bool port_is_guarded(struct mach_object *object)
{
    struct port *port = lock(object);
    bool guarded = port->guarded;
    unlock(port);
    return guarded;
}

kern_return_t port_guard(struct mach_object *object, uint64_t guard, bool strict)
{
    struct port *port = lock(object);
    bool free = port->context == 0;
    if (free) {
        port->context = guard;
        port->guarded = true;
        port->strict = strict;
    }
    unlock(port);
    return free ? KERN_SUCCESS : KERN_INVALID_ARGUMENT;
}

kern_return_t port_unguard(struct mach_object *object, uint64_t guard)
{
    struct port *port = lock(object);
    bool fits = port->guarded && port->context == guard;
    if (fits) {
        port->context = 0;
        port->guarded = port->strict = false;
    }
    unlock(port);
    return fits ? KERN_SUCCESS : KERN_INVALID_ARGUMENT;
}

kern_return_t port_swap_guard(struct mach_object *object, uint64_t from, uint64_t to)
{
    struct port *port = lock(object);
    bool fits = port->guarded && !port->strict && port->context == from;
    if (fits)
        port->context = to;
    unlock(port);
    return fits ? KERN_SUCCESS : KERN_INVALID_ARGUMENT;
}

uint64_t port_context(struct mach_object *object)
{
    struct port *port = lock(object);
    uint64_t context = port->strict ? 0 : port->context;
    unlock(port);
    return context;
}

kern_return_t port_set_context(struct mach_object *object, uint64_t context)
{
    struct port *port = lock(object);
    bool strict = port->strict;
    if (!strict)
        port->context = context;
    unlock(port);
    return strict ? KERN_INVALID_ARGUMENT : KERN_SUCCESS;
}

void port_set_made(struct mach_object *object, mach_port_mscount_t made)
{
    struct port *port = lock(object);
    port->made = made;
    unlock(port);
}

void port_set_sequence(struct mach_object *object, mach_port_seqno_t sequence)
{
    struct port *port = lock(object);
    port->sequence = sequence;
    unlock(port);
}

mach_port_msgcount_t port_message_limit(struct mach_object *object)
{
    struct port *port = lock(object);
    mach_port_msgcount_t messages = port->messages;
    unlock(port);
    return messages;
}

void port_set_message_limit(struct mach_object *object, mach_port_msgcount_t messages)
{
    struct port *port = lock(object);
    port->messages = messages;
    port_limit_set(&port->limit, messages);
    port_size_buffer(port->send);
    unlock(port);
}

void port_status(struct mach_object *object, mach_port_status_t *status)
{
    struct port *port = lock(object);
    *status = (mach_port_status_t){
        .mps_seqno = port->sequence,
        .mps_mscount = port->made,
        .mps_qlimit = port->messages,
        .mps_msgcount = port_limit_queued(&port->limit, port->send),
        .mps_sorights = port->channel_count,
        .mps_srights = port->made != 0,
        .mps_flags = (port->guarded ? MACH_PORT_STATUS_FLAG_GUARDED : 0) |
                     (port->strict ? MACH_PORT_STATUS_FLAG_STRICT_GUARD : 0),
    };
    unlock(port);
}
