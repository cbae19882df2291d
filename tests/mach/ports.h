/* What the tests of ports and messages share: ports, one shape of message, and its buffers. */
#ifndef TESTS_MACH_PORTS_H
#define TESTS_MACH_PORTS_H

#include "support/child.h"

#include <mach/mach.h>
#include <servers/bootstrap.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { TEXT = 64, PATIENCE = 10000 * TEST_SLOWNESS /* milliseconds: only a failing test waits that long */ };

/* A message with text, and one with a right besides; received with the largest trailer. */
struct note {
    mach_msg_header_t header;
    char text[TEXT];
};
struct carrier {
    mach_msg_header_t header;
    mach_msg_body_t body;
    mach_msg_port_descriptor_t right;
    char text[TEXT];
};
union inbox {
    mach_msg_header_t header;
    struct {
        struct note note;
        mach_msg_max_trailer_t trailer;
    } note;
    struct {
        struct carrier carrier;
        mach_msg_max_trailer_t trailer;
    } carrier;
};

static inline mach_port_t new_port(void)
{
    mach_port_t port = MACH_PORT_NULL;
    if (mach_port_allocate(mach_task_self(), MACH_PORT_RIGHT_RECEIVE, &port) != KERN_SUCCESS)
        return MACH_PORT_NULL;
    return port;
}

/* A receive right and one send right, under one name. */
static inline mach_port_t new_port_with_send(void)
{
    mach_port_t port = new_port();
    if (mach_port_insert_right(mach_task_self(), port, port, MACH_MSG_TYPE_MAKE_SEND) != KERN_SUCCESS)
        return MACH_PORT_NULL;
    return port;
}

static inline kern_return_t set_limit(mach_port_t port, mach_port_msgcount_t messages)
{
    mach_port_limits_t limits = {messages};
    return mach_port_set_attributes(mach_task_self(), port, MACH_PORT_LIMITS_INFO, (mach_port_info_t)&limits,
                                    MACH_PORT_LIMITS_INFO_COUNT);
}

static inline kern_return_t drop_receive(mach_port_t port)
{
    return mach_port_mod_refs(mach_task_self(), port, MACH_PORT_RIGHT_RECEIVE, -1);
}

static inline mach_port_urefs_t references(mach_port_t port, mach_port_right_t right)
{
    mach_port_urefs_t count = 0;
    return mach_port_get_refs(mach_task_self(), port, right, &count) == KERN_SUCCESS ? count : 0;
}

static inline struct note make_note(mach_port_t to, mach_msg_type_name_t how, mach_msg_id_t id)
{
    struct note note;
    memset(&note, 0, sizeof(note));
    note.header.msgh_bits = MACH_MSGH_BITS(how, 0);
    note.header.msgh_size = sizeof(note);
    note.header.msgh_remote_port = to;
    note.header.msgh_id = id;
    snprintf(note.text, sizeof(note.text), "note %d", id);
    return note;
}

static inline struct carrier make_carrier(mach_port_t to, mach_msg_id_t id, mach_port_t right,
                                          mach_msg_type_name_t disposition)
{
    struct carrier carrier;
    memset(&carrier, 0, sizeof(carrier));
    carrier.header.msgh_bits = MACH_MSGH_BITS(MACH_MSG_TYPE_COPY_SEND, 0) | MACH_MSGH_BITS_COMPLEX;
    carrier.header.msgh_size = sizeof(carrier);
    carrier.header.msgh_remote_port = to;
    carrier.header.msgh_id = id;
    carrier.body.msgh_descriptor_count = 1;
    carrier.right.name = right;
    carrier.right.disposition = disposition & 0xff;
    carrier.right.type = MACH_MSG_PORT_DESCRIPTOR;
    return carrier;
}

static inline mach_msg_return_t send_now(mach_msg_header_t *header)
{
    return mach_msg(header, MACH_SEND_MSG | MACH_SEND_TIMEOUT, header->msgh_size, 0, MACH_PORT_NULL, 0, MACH_PORT_NULL);
}

static inline mach_msg_return_t send_note(mach_port_t to, mach_msg_id_t id)
{
    struct note note = make_note(to, MACH_MSG_TYPE_COPY_SEND, id);
    return send_now(&note.header);
}

static inline mach_msg_return_t receive(mach_port_t port, union inbox *inbox, mach_msg_timeout_t milliseconds)
{
    memset(inbox, 0, sizeof(*inbox));
    return mach_msg(&inbox->header, MACH_RCV_MSG | MACH_RCV_TIMEOUT, 0, sizeof(*inbox), port, milliseconds,
                    MACH_PORT_NULL);
}

/* Ask with a send-once right to `reply`, and wait for what comes. */
static inline mach_msg_return_t ask(mach_port_t service, mach_port_t reply, mach_msg_id_t id, union inbox *inbox)
{
    memset(inbox, 0, sizeof(*inbox));
    inbox->note.note = make_note(service, MACH_MSG_TYPE_COPY_SEND, id);
    inbox->header.msgh_bits = MACH_MSGH_BITS(MACH_MSG_TYPE_COPY_SEND, MACH_MSG_TYPE_MAKE_SEND_ONCE);
    inbox->header.msgh_local_port = reply;
    return mach_msg(&inbox->header, MACH_SEND_MSG | MACH_RCV_MSG | MACH_SEND_TIMEOUT | MACH_RCV_TIMEOUT,
                    sizeof(struct note), sizeof(*inbox), reply, PATIENCE, MACH_PORT_NULL);
}

/* Answer a request that came with a send-once right. */
static inline mach_msg_return_t answer(const union inbox *request, mach_msg_id_t id)
{
    struct note note = make_note(request->header.msgh_remote_port, MACH_MSG_TYPE_MOVE_SEND_ONCE, id);
    return send_now(&note.header);
}

#endif
