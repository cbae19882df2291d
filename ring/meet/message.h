/*
 * What a request and its answer look like.
 *
 * There is one layout for all requests and one for all answers, so that there is one check of each. A request carries one port
 * descriptor, an answer two or three; the ones that have nothing to carry hold MACH_PORT_NULL. Both ends may be builds of different
 * compilers, so the structs are packed to 4 as Mach's own are, and their sizes are fixed below.
 *
 * A request is addressed to a ring by its identity over the port of the broker's process, or by the port that carries the ring's name;
 * there the identity may be 0, which means "whichever ring this is".
 */
#ifndef MRING_MEET_MESSAGE_H
#define MRING_MEET_MESSAGE_H

#include "core/layout.h"
#include "meet/meet.h"

#include <mach/mach.h>
#include <stdbool.h>
#include <stdint.h>

enum { MESSAGE_VERSION = 3 };

/* Request numbers: 'M' 'R' and the kind. An answer has its request's number + MESSAGE_ANSWER, as MIG's do. */
enum message_kind {
    MESSAGE_ATTACH = 0x4d520000,
    MESSAGE_ESCROW,
    MESSAGE_LIFE,
    MESSAGE_JOIN,
    MESSAGE_UNJOIN,
    MESSAGE_GROUP,
    MESSAGE_BRING,
    MESSAGE_PUT_SEMAPHORE,
    MESSAGE_GET_SEMAPHORE,
    MESSAGE_FOLLOWER,
    MESSAGE_REMOVE, /* with the name alone, of a join */
    MESSAGE_END     /* the first number that is not a request */
};
enum { MESSAGE_ANSWER = 100 };

/* What comes back when the right to answer was destroyed unused (<mach/notify.h>). */
enum { MESSAGE_SEND_ONCE_GONE = 71 };

/* Rights of an answer, by place. */
enum { RIGHT_RING = 0, RIGHT_DOORBELL = 1, RIGHT_BROKER = 2, RIGHT_ONLY = 0, ANSWER_RIGHTS = 3 };

#pragma pack(push, 4)

struct message_sleeper {
    uint32_t group;
    uint32_t line;
    uint64_t incarnation;
    uint64_t owner;
    uint32_t members;
    struct ring_key key;
};

struct message_join {
    char name[LAYOUT_NAME];
    uint64_t life;
    uint64_t ticket;
    struct group_terms terms;
    struct start_wish start;
};

struct message_group {
    uint32_t index;
    uint32_t line;
    struct group_terms terms;
    uint64_t incarnation;
    uint64_t owner;
};

struct request {
    mach_msg_header_t header;
    mach_msg_body_t body;
    mach_msg_port_descriptor_t right; /* MESSAGE_PUT_SEMAPHORE: the semaphore; MESSAGE_BRING: the entry */
    uint32_t version;
    uint32_t argument; /* MESSAGE_ATTACH: the role; MESSAGE_GROUP, MESSAGE_FOLLOWER: the index */
    uint64_t identity[2];
    struct ring_key key; /* of a role, or the secret; none in the first request over a name */
    union {
        struct message_join join;
        struct message_sleeper sleeper;
    } of;
};

struct answer {
    mach_msg_header_t header;
    mach_msg_body_t body;
    mach_msg_port_descriptor_t right[ANSWER_RIGHTS];
    uint32_t version;
    int32_t result; /* 0 or -errno */
    uint64_t identity[2];
    struct ring_key
        key; /* MESSAGE_ATTACH: of the role; MESSAGE_ESCROW: the secret; MESSAGE_JOIN, _GROUP, _FOLLOWER: of the group */
    struct message_group group;
};

#pragma pack(pop)

_Static_assert(sizeof(struct request) == 272 && sizeof(struct answer) == 160, "the wire format has moved");
_Static_assert((int)MRING_CONSUME == 0 && (int)MRING_PRODUCE == 1 && (int)MRING_INSPECT == 2, "roles are on the wire");

/* As it is received: what the kernel says about the sender follows the message, wherever that ends. */
struct request_buffer {
    struct request request;
    mach_msg_max_trailer_t trailer;
};
struct answer_buffer {
    struct answer answer;
    mach_msg_max_trailer_t trailer;
};

/* Options of every receive: the trailer with the sender's credentials. */
#define MESSAGE_RECEIVE                                                                                                \
    (MACH_RCV_MSG | MACH_RCV_TRAILER_TYPE(MACH_MSG_TRAILER_FORMAT_0) |                                                 \
     MACH_RCV_TRAILER_ELEMENTS(MACH_RCV_TRAILER_AUDIT))

/* One port descriptor. */
mach_msg_port_descriptor_t message_right(mach_port_t name, unsigned char disposition);

/*
 * Has a received message this size and number, and exactly `rights` port descriptors with a send right or nothing each?
 * `size` is of the struct; the descriptors begin behind the body.
 */
bool message_has_shape(const mach_msg_header_t *header, mach_msg_size_t size, mach_msg_size_t rights);

/* The sender of a received message. False: the kernel did not say. */
bool message_sender(const mach_msg_header_t *header, struct meet_peer *peer);

/*
 * Drop all rights of a message that could not be sent. XNU gives them back as if the message had been received, when it finds out late (a full
 * queue): the right to answer too, as one to send once, in the field that mach_msg_destroy passes over.
 */
void message_take_back(mach_msg_header_t *header);

/* An errno value out of a message: 0 or -1 .. -4095; anything else is -EPROTO. */
int message_result(int32_t result);

#endif
