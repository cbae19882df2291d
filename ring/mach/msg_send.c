/*
 * Sending.
 *
 * A message is first planned: every right it needs is looked up, checked and held, in the order in which XNU would complain. Then it is
 * sent, which may wait for room in the queue, outside the gate and with nothing but references in hand. Only when it has gone are the rights that
 * it moves taken from our names: a send that fails leaves them alone. The one thing made early is a send-once
 * right, since its descriptor has to travel; a send that fails takes it back.
 *
 * In the packet a port descriptor's name says what to make of it: 0 and ~0 (a null and a dead name) as they are, RIGHT_FOLLOWS
 * for the next of the packet's rights. Its disposition is already the receiver's.
 */
#include "departures.h"
#include "gate.h"
#include "msg.h"
#include "msg_wire.h"
#include "object_cells.h"
#include "packet.h"
#include "port.h"
#include "right.h"
#include "space.h"

#include <errno.h>
#include <string.h>
#include <sys/uio.h>

/* A right that leaves with the message, or the message's destination. */
struct leaving {
    mach_port_name_t name;
    mach_msg_type_name_t disposition;
    struct mach_object *object;
    struct mach_object *port; /* whose receive right made `object`, a send-once right; else NULL */
};

/*
 * How a message finds room in the queue: as the limit allows; always, since it goes by a send-once right, on a channel of its own; or always,
 * by a send-once right that is made and used up at once, so that it goes the way of the others and is counted with them.
 */
enum room { ROOM_LIMITED, ROOM_OWN, ROOM_ALWAYS };

struct plan {
    struct leaving destination;
    enum room room;
    uint32_t count; /* of rights, in the order of packet.rights */
    struct leaving rights[PACKET_RIGHTS];
    struct packet_out packet;
    struct iovec body[PACKET_PARTS];
    mach_msg_body_t descriptors;
    mach_msg_port_descriptor_t rewritten[PACKET_RIGHTS];
};

static bool moves(mach_msg_type_name_t disposition)
{
    return disposition == MACH_MSG_TYPE_MOVE_SEND || disposition == MACH_MSG_TYPE_MOVE_SEND_ONCE;
}

static mach_msg_type_name_t received_as(mach_msg_type_name_t disposition)
{
    return MACH_MSG_TYPE_PORT_ANY_SEND_ONCE(disposition) ? MACH_MSG_TYPE_PORT_SEND_ONCE : MACH_MSG_TYPE_PORT_SEND;
}

/* Hold what a disposition needs to be held: a send, send-once or receive right. */
static kern_return_t hold(struct leaving *right)
{
    kern_return_t kr;
    mach_port_type_t needed = MACH_PORT_TYPE_RECEIVE;

    right->port = NULL;
    if (right->disposition == MACH_MSG_TYPE_MOVE_SEND_ONCE)
        needed = MACH_PORT_TYPE_SEND_ONCE;
    else if (right->disposition == MACH_MSG_TYPE_COPY_SEND || right->disposition == MACH_MSG_TYPE_MOVE_SEND)
        needed = MACH_PORT_TYPE_SEND;
    right->object = space_hold(right->name, needed, &kr);
    if (right->object && right->disposition == MACH_MSG_TYPE_MAKE_SEND)
        port_send_made(right->object);
    return kr;
}

static void let_go(struct plan *plan, bool sent)
{
    for (uint32_t i = 0; i < plan->count; i++) {
        if (!sent && plan->rights[i].port)
            port_cancel_once(plan->rights[i].port, plan->rights[i].object);
        if (plan->rights[i].port)
            object_drop(plan->rights[i].port);
        object_drop(plan->rights[i].object);
    }
    object_drop(plan->destination.object);
}

/* All references of one name that the message moves must be there: a MOVE_SEND of one reference cannot go twice. */
static bool enough_references(const struct plan *plan, const struct leaving *right)
{
    uint32_t held = 0, wanted = 0;

    if (!moves(right->disposition))
        return true;
    for (uint32_t i = 0; i < plan->count; i++)
        wanted += plan->rights[i].name == right->name && moves(plan->rights[i].disposition);
    wanted += plan->destination.name == right->name && moves(plan->destination.disposition);
    return wanted == 1 || (right->disposition == MACH_MSG_TYPE_MOVE_SEND &&
                           space_references(right->name, MACH_PORT_TYPE_SEND, &held) == KERN_SUCCESS && held >= wanted);
}

/* Add one right to the packet. `bad` is what to answer when it cannot be. On failure the caller lets the whole plan go. */
static mach_msg_return_t add_right(struct plan *plan, mach_port_name_t name, mach_msg_type_name_t disposition,
                                   mach_msg_return_t bad)
{
    if (plan->count == PACKET_RIGHTS)
        return MACH_SEND_TOO_LARGE;
    struct leaving *right = &plan->rights[plan->count];
    *right = (struct leaving){.name = name, .disposition = disposition};
    if (hold(right) != KERN_SUCCESS)
        return bad;
    if (disposition == MACH_MSG_TYPE_MAKE_SEND_ONCE) {
        struct mach_object *once = port_make_once(right->object);
        if (!once) {
            object_drop(right->object);
            return MACH_SEND_NO_BUFFER;
        }
        object_publish(once);
        right->port = right->object;
        right->object = once;
    }
    plan->count++;
    if (!enough_references(plan, right))
        return bad;

    struct packet_out *packet = &plan->packet;
    struct wire_right *wire = &packet->rights[packet->header.rights];
    int fds[WIRE_FDS];
    if (!right_pack(right->object, wire, fds) || wire->descriptors > WIRE_FDS)
        return bad;
    if (wire->descriptors > PACKET_FDS - packet->descriptor_count)
        return MACH_SEND_TOO_LARGE;
    for (uint32_t i = 0; i < wire->descriptors; i++)
        packet->descriptors[packet->descriptor_count++] = fds[i];
    packet->header.rights++;
    return MACH_MSG_SUCCESS;
}

static mach_msg_return_t check_header(const mach_msg_header_t *msg, mach_msg_size_t size)
{
    mach_msg_bits_t bits = msg->msgh_bits;
    mach_msg_type_name_t remote = MACH_MSGH_BITS_REMOTE(bits), local = MACH_MSGH_BITS_LOCAL(bits);

    if (size < sizeof(mach_msg_header_t) || size % 4 != 0 ||
        ((bits & MACH_MSGH_BITS_COMPLEX) && size < sizeof(mach_msg_base_t)))
        return MACH_SEND_MSG_TOO_SMALL;
    if (size > PACKET_MESSAGE)
        return MACH_SEND_TOO_LARGE;
    if ((bits & ~MACH_MSGH_BITS_USER) || !MACH_MSG_TYPE_PORT_ANY_SEND(remote))
        return MACH_SEND_INVALID_HEADER;
    if (local == 0 ? msg->msgh_local_port != MACH_PORT_NULL : !MACH_MSG_TYPE_PORT_ANY_SEND(local))
        return MACH_SEND_INVALID_HEADER;
    if (MACH_MSGH_BITS_VOUCHER(bits) != 0 && msg->msgh_voucher_port != MACH_PORT_NULL)
        return MACH_SEND_INVALID_VOUCHER;
    return MACH_MSG_SUCCESS;
}

static mach_msg_return_t plan_reply(struct plan *plan, const mach_msg_header_t *msg)
{
    mach_msg_type_name_t disposition = MACH_MSGH_BITS_LOCAL(msg->msgh_bits);

    if (disposition == 0 || !MACH_PORT_VALID(msg->msgh_local_port))
        return MACH_MSG_SUCCESS;
    plan->packet.header.reply = received_as(disposition);
    return add_right(plan, msg->msgh_local_port, disposition, MACH_SEND_INVALID_REPLY);
}

static mach_msg_return_t plan_descriptor(struct plan *plan, uint32_t i, mach_msg_port_descriptor_t descriptor)
{
    mach_port_name_t name = descriptor.name;
    mach_msg_type_name_t disposition = descriptor.disposition;

    if (descriptor.type != MACH_MSG_PORT_DESCRIPTOR || !MACH_MSG_TYPE_PORT_ANY(disposition))
        return MACH_SEND_INVALID_TYPE;
    plan->rewritten[i] = (mach_msg_port_descriptor_t){
        .name = name, .disposition = received_as(disposition) & 0xff, .type = MACH_MSG_PORT_DESCRIPTOR};
    if (!MACH_PORT_VALID(name))
        return MACH_MSG_SUCCESS;
    if (disposition == MACH_MSG_TYPE_MOVE_RECEIVE) /* immovable here */
        return MACH_SEND_INVALID_RIGHT;
    plan->rewritten[i].name = RIGHT_FOLLOWS;
    return add_right(plan, name, disposition, MACH_SEND_INVALID_RIGHT);
}

static mach_msg_return_t plan_body(struct plan *plan, const mach_msg_header_t *msg, mach_msg_size_t size)
{
    const unsigned char *body = (const unsigned char *)(msg + 1);
    size_t body_size = size - sizeof(*msg), skipped = 0;

    plan->packet.body = plan->body;
    if (msg->msgh_bits & MACH_MSGH_BITS_COMPLEX) {
        memcpy(&plan->descriptors, body, sizeof(plan->descriptors));
        uint32_t count = plan->descriptors.msgh_descriptor_count;
        skipped = sizeof(plan->descriptors) + (size_t)count * sizeof(plan->rewritten[0]);
        if (skipped > body_size)
            return MACH_SEND_MSG_TOO_SMALL;
        if (count > PACKET_RIGHTS)
            return MACH_SEND_TOO_LARGE;
        for (uint32_t i = 0; i < count; i++) {
            mach_msg_port_descriptor_t descriptor;
            memcpy(&descriptor, body + sizeof(plan->descriptors) + i * sizeof(descriptor), sizeof(descriptor));
            mach_msg_return_t result = plan_descriptor(plan, i, descriptor);
            if (result != MACH_MSG_SUCCESS)
                return result;
        }
        plan->packet.header.complex = 1;
        plan->body[plan->packet.body_parts++] = (struct iovec){&plan->descriptors, sizeof(plan->descriptors)};
        plan->body[plan->packet.body_parts++] = (struct iovec){plan->rewritten, count * sizeof(plan->rewritten[0])};
    }
    if (body_size > skipped)
        plan->body[plan->packet.body_parts++] =
            (struct iovec){(void *)(uintptr_t)(body + skipped), body_size - skipped};
    return MACH_MSG_SUCCESS;
}

/* On success every object of the plan is held; on failure nothing is. */
static mach_msg_return_t make_plan(struct plan *plan, const mach_msg_header_t *msg, mach_msg_size_t size)
{
    plan->count = 0;
    plan->packet.header = (struct packet_header){.size = size, .id = msg->msgh_id};
    plan->packet.descriptor_count = plan->packet.body_parts = 0;
    plan->destination =
        (struct leaving){.name = msg->msgh_remote_port, .disposition = MACH_MSGH_BITS_REMOTE(msg->msgh_bits)};
    plan->room = plan->destination.disposition == MACH_MSG_TYPE_MOVE_SEND_ONCE ? ROOM_OWN : ROOM_LIMITED;
    if (plan->destination.disposition == MACH_MSG_TYPE_MAKE_SEND_ONCE) {
        plan->destination.disposition = MACH_MSG_TYPE_MAKE_SEND;
        plan->room = ROOM_ALWAYS;
    }
    if (hold(&plan->destination) != KERN_SUCCESS)
        return MACH_SEND_INVALID_DEST;

    mach_msg_return_t result = MACH_SEND_INVALID_DEST;
    if (port_send_socket(plan->destination.object) >= 0)
        result = plan->room == ROOM_OWN || port_ready_to_send(plan->destination.object) ? plan_reply(plan, msg)
                                                                                        : MACH_SEND_NO_BUFFER;
    if (result == MACH_MSG_SUCCESS)
        result = plan_body(plan, msg, size);
    if (result != MACH_MSG_SUCCESS)
        let_go(plan, false);
    return result;
}

/* Without waiting: 0 or -errno, -EAGAIN when the queue is full. */
static int try_to_send(const struct plan *plan, int socket)
{
    struct mach_object *destination = plan->destination.object;

    if (plan->room == ROOM_LIMITED && !port_admit(destination))
        return -EAGAIN;
    if (plan->room == ROOM_ALWAYS)
        port_announce(destination);
    int result = packet_send(socket, &plan->packet);
    if (result != 0 && plan->room != ROOM_OWN)
        port_retract(destination);
    return result;
}

static mach_msg_return_t code_of(int result)
{
    switch (result) {
    case 0:
        return MACH_MSG_SUCCESS;
    case -EMSGSIZE:
        return MACH_SEND_TOO_LARGE;
    case -EPIPE:
    case -EBADF: /* the other library's idea of a port: not a socket that takes messages */
    case -ENOTSOCK:
        return MACH_SEND_INVALID_DEST;
    default:
        return MACH_SEND_NO_BUFFER;
    }
}

static mach_msg_return_t wait_and_send(const struct plan *plan, mach_msg_option_t option, int socket,
                                       mach_msg_timeout_t timeout)
{
    struct msg_deadline deadline = msg_deadline_in(option & MACH_SEND_TIMEOUT, timeout);
    enum msg_wait waited = MSG_READY;
    int result = -EAGAIN;

    struct mach_object *watch = departures_watch(socket);
    if (!watch)
        return MACH_SEND_NO_BUFFER;
    while (result == -EAGAIN && waited == MSG_READY) {
        waited = departures_wait(watch, &deadline, option & MACH_SEND_INTERRUPT);
        if (waited == MSG_READY)
            result = try_to_send(plan, socket);
    }
    object_drop(watch);
    if (waited != MSG_READY)
        return waited == MSG_TIMED_OUT ? MACH_SEND_TIMED_OUT : MACH_SEND_INTERRUPTED;
    return code_of(result);
}

static mach_msg_return_t transmit(const struct plan *plan, mach_msg_option_t option, mach_msg_timeout_t timeout)
{
    int socket = port_send_socket(plan->destination.object);
    int result = try_to_send(plan, socket);

    if (result != -EAGAIN)
        return code_of(result);
    if ((option & MACH_SEND_TIMEOUT) && timeout == 0)
        return MACH_SEND_TIMED_OUT;
    return wait_and_send(plan, option, socket, timeout);
}

static void consume(const struct leaving *right)
{
    if (right->disposition == MACH_MSG_TYPE_MOVE_SEND)
        space_consume_send(right->name);
    else if (right->disposition == MACH_MSG_TYPE_MOVE_SEND_ONCE)
        space_deallocate(right->name);
}

mach_msg_return_t msg_send(const mach_msg_header_t *msg, mach_msg_option_t option, mach_msg_size_t size,
                           mach_msg_timeout_t timeout)
{
    struct plan plan;
    mach_msg_return_t result = check_header(msg, size);
    if (result != MACH_MSG_SUCCESS)
        return result;

    gate_enter();
    result = make_plan(&plan, msg, size);
    gate_leave();
    if (result != MACH_MSG_SUCCESS)
        return result;

    result = transmit(&plan, option, timeout);
    if (result == MACH_MSG_SUCCESS) {
        consume(&plan.destination);
        for (uint32_t i = 0; i < plan.count; i++)
            consume(&plan.rights[i]);
    }
    gate_enter();
    let_go(&plan, result == MACH_MSG_SUCCESS);
    gate_leave();
    return result;
}
