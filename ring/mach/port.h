/*
 * Ports: a receive right, send rights to it, and send-once rights.
 *
 * A port is a pair of connected SOCK_SEQPACKET sockets. The receive right is one end; each send right is a descriptor of the other.
 * The kernel queues, orders, and keeps rights in flight; it closes the receive end when the receiver dies, however, and every
 * sender sees that as hang-up.
 *
 * A send-once right is a pair of its own, which the receiver keeps one end of beside its main socket (a channel). So the death
 * of the one who should reply, or of the queue the request was in, is a hang-up of that channel, and ends the wait for the reply at
 * once, as MACH_NOTIFY_SEND_ONCE does on XNU.
 *
 * A send right travels as two descriptors: the socket, and the page with the number of messages in the queue (port_limit.h).
 *
 * Identity of a port is the kernel's cookie of the send end's socket: it never comes again before a reboot, and no peer can claim
 * another's.
 */
#ifndef MRING_MACH_PORT_IMPL_H
#define MRING_MACH_PORT_IMPL_H

#include "packet.h"

struct port;

/* A new port whose receive right is ours; NULL when descriptors or memory are short. Inside the gate, until it has a name. */
struct mach_object *port_create(void);

/* A send right was made of the receive right: one more in the make-send count. */
void port_send_made(struct mach_object *port);

/* End the receive right: queued messages are destroyed, senders see a dead port, receivers return. */
void port_die(struct mach_object *port);

/* A port that was made for whoever asks first: leave its receive right to be claimed, and claim it, which one caller does. */
void port_leave_unclaimed(struct mach_object *port);
bool port_claim(struct mach_object *port);
bool port_is_unclaimed(struct mach_object *port);

/* Has a send or send-once right still a receiver? True for everything that is no port. */
bool port_right_alive(struct mach_object *object);

/* The descriptor to send to: of a send right, of our own port, or of a send-once right; -1: the object is no port. */
int port_send_socket(struct mach_object *object);

/*
 * A message that goes by a send right counts against the port's limit (port_limit.h). Once it is ready to send (false: no memory; inside
 * the gate), port_admit() says whether there is room, and counts; port_retract() takes that back when the message did not go.
 */
bool port_ready_to_send(struct mach_object *object);
bool port_admit(struct mach_object *object);
/* Count one that always has room. */
void port_announce(struct mach_object *object);
void port_retract(struct mach_object *object);
/* Give a send end's socket its size. Whoever waits for room looks again. */
void port_size_buffer(int send);

/* A send-once right to our port, not yet published. NULL when descriptors or memory are short, or the port is dead. */
struct mach_object *port_make_once(struct mach_object *port);
/* It did not leave: take its channel away, so that dropping it is no broken promise. */
void port_cancel_once(struct mach_object *port, struct mach_object *once);

/* To wait on for POLLIN: something to take, or the port's end. */
int port_queue(struct mach_object *port);
/* Under `lock_sets` of port_set.c: is it too late to join a set? */
bool port_is_dead(struct mach_object *port);

enum port_result {
    PORT_EMPTY,      /* nothing, or what was there was no message: the queue says whether to try again */
    PORT_GOT,        /* *packet, *sequence */
    PORT_TOO_LARGE,  /* packet->header, *sequence; kept if `keep` */
    PORT_UNANSWERED, /* a send-once right was dropped unused */
    PORT_DEAD,
    PORT_NO_MEMORY
};

/* Take what is next, never waiting. A channel serves once: it is gone after its message, or its hang-up. *once: it was one. */
enum port_result port_take(struct mach_object *port, uint32_t limit, bool keep, struct packet_in *packet,
                           mach_port_seqno_t *sequence, bool *once);

#endif
