#include "meet/message.h"

#include <bsm/libbsm.h>
#include <errno.h>

mach_msg_port_descriptor_t message_right(mach_port_t name, unsigned char disposition)
{
    return (mach_msg_port_descriptor_t){.name = name, .disposition = disposition, .type = MACH_MSG_PORT_DESCRIPTOR};
}

bool message_has_shape(const mach_msg_header_t *header, mach_msg_size_t size, mach_msg_size_t rights)
{
    const mach_msg_body_t *body = (const mach_msg_body_t *)(header + 1);
    const mach_msg_port_descriptor_t *right = (const mach_msg_port_descriptor_t *)(body + 1);

    if (header->msgh_size != size || !(header->msgh_bits & MACH_MSGH_BITS_COMPLEX) ||
        body->msgh_descriptor_count != rights)
        return false;
    for (mach_msg_size_t at = 0; at < rights; at++) {
        if (right[at].type != MACH_MSG_PORT_DESCRIPTOR)
            return false;
        if (MACH_PORT_VALID(right[at].name) && right[at].disposition != MACH_MSG_TYPE_PORT_SEND)
            return false;
    }
    return true;
}

bool message_sender(const mach_msg_header_t *header, struct meet_peer *peer)
{
    const mach_msg_audit_trailer_t *trailer =
        (const mach_msg_audit_trailer_t *)((const unsigned char *)header + round_msg(header->msgh_size));

    if (trailer->msgh_trailer_type != MACH_MSG_TRAILER_FORMAT_0 || trailer->msgh_trailer_size < sizeof *trailer)
        return false;
    peer->uid = audit_token_to_euid(trailer->msgh_audit);
    peer->gid = audit_token_to_egid(trailer->msgh_audit);
    peer->pid = audit_token_to_pid(trailer->msgh_audit);
    return true;
}

void message_take_back(mach_msg_header_t *header)
{
    if (MACH_MSGH_BITS_LOCAL(header->msgh_bits) == MACH_MSG_TYPE_MOVE_SEND_ONCE)
        mach_port_deallocate(mach_task_self(), header->msgh_local_port);
    mach_msg_destroy(header);
}

int message_result(int32_t result)
{
    return result <= 0 && result >= -4095 ? result : -EPROTO;
}

bool meet_nudge(mach_port_t port)
{
    mach_msg_header_t empty = {
        .msgh_bits = MACH_MSGH_BITS(MACH_MSG_TYPE_COPY_SEND, 0), .msgh_size = sizeof empty, .msgh_remote_port = port};
    mach_msg_return_t mr =
        mach_msg(&empty, MACH_SEND_MSG | MACH_SEND_TIMEOUT, sizeof empty, 0, MACH_PORT_NULL, 0, MACH_PORT_NULL);

    if (mr != MACH_MSG_SUCCESS)
        message_take_back(&empty);
    return mr == MACH_MSG_SUCCESS || mr == MACH_SEND_TIMED_OUT;
}
