/*
 * Receiving.
 *
 * Inside the gate: take a packet, check that its descriptors and its rights agree, and give each right a name. Outside of it: wait, on the
 * one descriptor that a port or a set has for that, holding a reference. What is not a message that this library would have sent is
 * destroyed, and the wait goes on.
 *
 * The header is turned round as on XNU: the local port is where the message arrived, the remote port the reply port.
 */
#include "gate.h"
#include "msg.h"
#include "msg_wire.h"
#include "packet.h"
#include "port.h"
#include "port_set.h"
#include "right.h"
#include "space.h"

#include <mach/notify.h>
#include <poll.h>
#include <string.h>

/* Where a receive looks, and what it found. */
struct receipt {
    mach_msg_option_t option;
    mach_msg_size_t room; /* of the caller's buffer */
    mach_msg_header_t *msg;
    mach_port_name_t name; /* of the port it came by */
    mach_port_seqno_t sequence;
    bool once;
    struct packet_in packet;
};

/* ---- trailers ---- */

static mach_msg_trailer_size_t trailer_size(mach_msg_option_t option)
{
    return REQUESTED_TRAILER_SIZE(option);
}

static void put_trailer(const struct receipt *receipt, mach_msg_size_t at, const struct ucred *sender)
{
    mach_msg_max_trailer_t trailer;
    memset(&trailer, 0, sizeof(trailer));
    trailer.msgh_trailer_type = MACH_MSG_TRAILER_FORMAT_0;
    trailer.msgh_trailer_size = trailer_size(receipt->option);
    trailer.msgh_seqno = receipt->sequence;
    if (sender) {
        trailer.msgh_sender = (security_token_t){{sender->uid, sender->gid}};
        trailer.msgh_audit =
            (audit_token_t){{~0U, sender->uid, sender->gid, sender->uid, sender->gid, (unsigned int)sender->pid, 0, 0}};
    } else {
        trailer.msgh_sender = (security_token_t)KERNEL_SECURITY_TOKEN_VALUE;
        trailer.msgh_audit = (audit_token_t)KERNEL_AUDIT_TOKEN_VALUE;
    }
    memcpy((unsigned char *)receipt->msg + at, &trailer, trailer.msgh_trailer_size);
}

/* ---- one message ---- */

static bool body_sound(const struct packet_in *packet)
{
    uint32_t needed = packet->header.reply ? 1 : 0;
    mach_msg_body_t body = {0};

    if (packet->header.reply && packet->header.reply != MACH_MSG_TYPE_PORT_SEND &&
        packet->header.reply != MACH_MSG_TYPE_PORT_SEND_ONCE)
        return false;
    if (packet->header.complex) {
        if (packet->body_size < sizeof(body))
            return false;
        memcpy(&body, packet->body, sizeof(body));
        if (body.msgh_descriptor_count > (packet->body_size - sizeof(body)) / sizeof(mach_msg_port_descriptor_t))
            return false;
    }
    for (uint32_t i = 0; i < body.msgh_descriptor_count; i++) {
        mach_msg_port_descriptor_t descriptor;
        memcpy(&descriptor, packet->body + sizeof(body) + i * sizeof(descriptor), sizeof(descriptor));
        if (descriptor.type != MACH_MSG_PORT_DESCRIPTOR || (descriptor.disposition != MACH_MSG_TYPE_PORT_SEND &&
                                                            descriptor.disposition != MACH_MSG_TYPE_PORT_SEND_ONCE))
            return false;
        if (descriptor.name == RIGHT_FOLLOWS)
            needed++;
        else if (MACH_PORT_VALID(descriptor.name))
            return false;
    }
    return needed == packet->header.rights;
}

/* The rights of a packet, handed out one after the other. */
struct rights {
    struct packet_in *packet;
    uint32_t next, next_fd;
    bool short_of_names;
};

static mach_port_name_t take_right(struct rights *rights, mach_msg_type_name_t disposition)
{
    const struct wire_right *wire = &rights->packet->rights[rights->next++];
    int fds[WIRE_FDS];
    mach_port_name_t name;

    wire_no_descriptors(fds);
    if (rights->packet->truncated) /* which descriptors are missing nobody can tell */
        return MACH_PORT_NULL;
    for (uint32_t i = 0; i < wire->descriptors; i++) {
        fds[i] = rights->packet->descriptors[rights->next_fd];
        rights->packet->descriptors[rights->next_fd++] = -1;
    }
    if (right_receive(wire, disposition, fds, &name) != KERN_SUCCESS)
        rights->short_of_names = true;
    return name;
}

static void take_descriptors(struct rights *rights, unsigned char *body)
{
    mach_msg_body_t header;
    memcpy(&header, body, sizeof(header));
    for (uint32_t i = 0; i < header.msgh_descriptor_count; i++) {
        unsigned char *place = body + sizeof(header) + i * sizeof(mach_msg_port_descriptor_t);
        mach_msg_port_descriptor_t descriptor;
        memcpy(&descriptor, place, sizeof(descriptor));
        descriptor.pad1 = 0;
        descriptor.pad2 = 0;
        if (descriptor.name == RIGHT_FOLLOWS)
            descriptor.name = take_right(rights, descriptor.disposition);
        memcpy(place, &descriptor, sizeof(descriptor));
    }
}

static mach_msg_return_t deliver(struct receipt *receipt)
{
    struct packet_in *packet = &receipt->packet;
    struct rights rights = {.packet = packet};
    mach_msg_type_name_t by = receipt->once ? MACH_MSG_TYPE_PORT_SEND_ONCE : MACH_MSG_TYPE_PORT_SEND;
    mach_msg_bits_t bits =
        MACH_MSGH_BITS(packet->header.reply, by) | (packet->header.complex ? MACH_MSGH_BITS_COMPLEX : 0);
    mach_msg_header_t header = {
        .msgh_bits = bits,
        .msgh_size = packet->header.size,
        .msgh_local_port = receipt->name,
        .msgh_id = packet->header.id,
    };

    if (packet->header.reply)
        header.msgh_remote_port = take_right(&rights, packet->header.reply);
    if (packet->header.complex)
        take_descriptors(&rights, packet->body);
    memcpy(receipt->msg, &header, sizeof(header));
    memcpy(receipt->msg + 1, packet->body, packet->body_size);
    put_trailer(receipt, header.msgh_size, &packet->sender);

    mach_msg_return_t shortage = (rights.short_of_names ? MACH_MSG_IPC_SPACE : 0) |
                                 (packet->truncated && packet->header.rights ? MACH_MSG_IPC_KERNEL : 0);
    return shortage ? MACH_RCV_BODY_ERROR | shortage : MACH_MSG_SUCCESS;
}

static mach_msg_return_t deliver_unanswered(const struct receipt *receipt)
{
    *receipt->msg = (mach_msg_header_t){
        .msgh_bits = MACH_MSGH_BITS(0, MACH_MSG_TYPE_PORT_SEND_ONCE),
        .msgh_size = sizeof(mach_msg_header_t),
        .msgh_local_port = receipt->name,
        .msgh_id = MACH_NOTIFY_SEND_ONCE,
    };
    put_trailer(receipt, sizeof(mach_msg_header_t), NULL);
    return MACH_MSG_SUCCESS;
}

/* What was too large: its size if it is still there; if not, an empty message in its place. */
static mach_msg_return_t deliver_size(const struct receipt *receipt)
{
    bool kept = receipt->option & MACH_RCV_LARGE;
    if (receipt->room >= sizeof(mach_msg_header_t))
        *receipt->msg = (mach_msg_header_t){
            .msgh_size = kept ? receipt->packet.header.size : (mach_msg_size_t)sizeof(mach_msg_header_t),
            .msgh_local_port = receipt->name,
            .msgh_id = receipt->packet.header.id,
        };
    return MACH_RCV_TOO_LARGE;
}

/* ---- taking ---- */

enum { NOTHING_YET = -1 };

static mach_msg_return_t try_port(struct receipt *receipt, struct mach_object *port)
{
    mach_msg_size_t trailer = trailer_size(receipt->option);
    uint32_t limit = receipt->room > trailer ? receipt->room - trailer : 0;

    switch (port_take(port, limit, receipt->option & MACH_RCV_LARGE, &receipt->packet, &receipt->sequence,
                      &receipt->once)) {
    case PORT_GOT:
        break;
    case PORT_TOO_LARGE:
        return deliver_size(receipt);
    case PORT_UNANSWERED:
        if (limit < sizeof(mach_msg_header_t))
            return MACH_RCV_TOO_LARGE;
        return deliver_unanswered(receipt);
    case PORT_DEAD:
        return MACH_RCV_PORT_CHANGED;
    case PORT_NO_MEMORY:
        return MACH_RCV_BODY_ERROR | MACH_MSG_VM_KERNEL;
    case PORT_EMPTY:
        return NOTHING_YET;
    }
    mach_msg_return_t result = body_sound(&receipt->packet) ? deliver(receipt) : NOTHING_YET;
    packet_free(&receipt->packet);
    return result;
}

static mach_msg_return_t try_set(struct receipt *receipt, struct mach_object *set)
{
    kern_return_t kr;

    if (port_set_is_dead(set))
        return MACH_RCV_PORT_CHANGED;
    receipt->name = port_set_ready(set);
    struct mach_object *port = space_hold(receipt->name, MACH_PORT_TYPE_RECEIVE, &kr);
    if (!port)
        return NOTHING_YET;
    mach_msg_return_t result = try_port(receipt, port);
    if (result == MACH_RCV_PORT_CHANGED) { /* a member's end is not the set's */
        port_set_forget(port);
        result = NOTHING_YET;
    }
    object_drop(port);
    return result;
}

mach_msg_return_t msg_receive(mach_msg_header_t *msg, mach_msg_option_t option, mach_msg_size_t size,
                              mach_port_name_t name, mach_msg_timeout_t timeout)
{
    struct msg_deadline deadline = msg_deadline_in(option & MACH_RCV_TIMEOUT, timeout);
    struct receipt receipt = {.option = option, .room = size, .msg = msg, .name = name};
    kern_return_t kr;

    if (((unsigned int)option & MACH_RCV_TRAILER_TYPE(0xfU)) != MACH_RCV_TRAILER_TYPE(MACH_MSG_TRAILER_FORMAT_0))
        return MACH_RCV_INVALID_TRAILER;
    struct mach_object *object = space_hold(name, MACH_PORT_TYPE_RECEIVE | MACH_PORT_TYPE_PORT_SET, &kr);
    if (!object)
        return MACH_RCV_INVALID_NAME;
    bool set = atomic_load_explicit(&object->ops, memory_order_relaxed) == &port_set_ops;
    int queue = set ? port_set_queue(object) : port_queue(object);

    mach_msg_return_t result;
    for (;;) {
        gate_enter();
        result = set ? try_set(&receipt, object) : try_port(&receipt, object);
        gate_leave();
        if (result != NOTHING_YET)
            break;
        enum msg_wait waited = msg_wait(queue, POLLIN, &deadline, option & MACH_RCV_INTERRUPT);
        if (waited == MSG_READY)
            continue;
        result = waited == MSG_TIMED_OUT ? MACH_RCV_TIMED_OUT : MACH_RCV_INTERRUPTED;
        break;
    }
    object_drop(object);
    return result;
}
