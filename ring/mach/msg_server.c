/*
 * mach_msg_server and mach_msg_server_once: receive a request, have `demux` make a reply of it, send that.
 *
 * A reply by a send-once right never waits for room; one by a send right is not waited for, since a client that does not receive
 * must not hold up the server. A client that is gone is nobody's error: what the reply carries is given back.
 */
#include <mach/mach.h>
#include <mach/mig_errors.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

typedef boolean_t demux_t(mach_msg_header_t *, mach_msg_header_t *);

struct server {
    demux_t *demux;
    mach_port_t port;
    mach_msg_option_t options;
    mach_msg_size_t request_size; /* with the trailer */
    mach_msg_header_t *request;
    mig_reply_error_t *reply;
};

static mach_msg_return_t open_server(struct server *server, mach_msg_size_t max_size)
{
    size_t reply_size = max_size > sizeof(*server->reply) ? max_size : sizeof(*server->reply);

    if (max_size > MACH_MSG_SIZE_MAX - MAX_TRAILER_SIZE)
        return KERN_RESOURCE_SHORTAGE;
    server->request_size = max_size + REQUESTED_TRAILER_SIZE(server->options);
    server->request = malloc(server->request_size);
    server->reply = malloc(reply_size);
    return server->request && server->reply ? MACH_MSG_SUCCESS : KERN_RESOURCE_SHORTAGE;
}

static mach_msg_return_t close_server(struct server *server, mach_msg_return_t result)
{
    free(server->request);
    free(server->reply);
    return result;
}

/* With MACH_RCV_LARGE a request that does not fit is still there, and gets a larger buffer. */
static mach_msg_return_t take_request(struct server *server)
{
    for (;;) {
        mach_msg_return_t result = mach_msg(server->request, MACH_RCV_MSG | server->options, 0, server->request_size,
                                            server->port, MACH_MSG_TIMEOUT_NONE, MACH_PORT_NULL);
        if (result != MACH_RCV_TOO_LARGE || !(server->options & MACH_RCV_LARGE))
            return result;
        mach_msg_size_t size = server->request->msgh_size + REQUESTED_TRAILER_SIZE(server->options);
        mach_msg_header_t *larger = size > server->request_size ? realloc(server->request, size) : NULL;
        if (!larger)
            return KERN_RESOURCE_SHORTAGE;
        server->request = larger;
        server->request_size = size;
    }
}

static void destroy_unsent(mach_msg_header_t *message)
{
    mach_msg_type_name_t type = MACH_MSGH_BITS_LOCAL(message->msgh_bits);

    if (MACH_PORT_VALID(message->msgh_local_port) &&
        (type == MACH_MSG_TYPE_MOVE_SEND || type == MACH_MSG_TYPE_MOVE_SEND_ONCE))
        mach_port_deallocate(mach_task_self_, message->msgh_local_port);
    mach_msg_destroy(message);
}

static mach_msg_return_t send_reply(const struct server *server)
{
    mach_msg_header_t *reply = &server->reply->Head;
    bool waits = MACH_MSGH_BITS_REMOTE(reply->msgh_bits) != MACH_MSG_TYPE_MOVE_SEND_ONCE;
    mach_msg_return_t result = mach_msg(reply, MACH_SEND_MSG | (waits ? MACH_SEND_TIMEOUT : 0) | server->options,
                                        reply->msgh_size, 0, MACH_PORT_NULL, MACH_MSG_TIMEOUT_NONE, MACH_PORT_NULL);

    switch (result) {
    case MACH_SEND_INVALID_DEST:
    case MACH_SEND_TIMED_OUT:
    case MACH_SEND_INTERRUPTED:
        destroy_unsent(reply);
        return MACH_MSG_SUCCESS;
    default:
        return result;
    }
}

static mach_msg_return_t serve(struct server *server)
{
    mach_msg_return_t result = take_request(server);
    if (result != MACH_MSG_SUCCESS)
        return result;

    memset(server->reply, 0, sizeof(*server->reply));
    (void)server->demux(server->request, &server->reply->Head);
    /* A reply with descriptors is a success: where the code would be it has their number. */
    if (!(server->reply->Head.msgh_bits & MACH_MSGH_BITS_COMPLEX)) {
        if (server->reply->RetCode == MIG_NO_REPLY) {
            server->reply->Head.msgh_remote_port = MACH_PORT_NULL;
        } else if (server->reply->RetCode != KERN_SUCCESS) {
            server->request->msgh_remote_port = MACH_PORT_NULL; /* it is the reply's now */
            mach_msg_destroy(server->request);
        }
    }
    return server->reply->Head.msgh_remote_port == MACH_PORT_NULL ? MACH_MSG_SUCCESS : send_reply(server);
}

static struct server new_server(demux_t *demux, mach_port_t port, mach_msg_options_t options)
{
    return (struct server){
        .demux = demux, .port = port, .options = options & ~(MACH_SEND_MSG | MACH_RCV_MSG | MACH_RCV_VOUCHER)};
}

mach_msg_return_t mach_msg_server_once(boolean_t (*demux)(mach_msg_header_t *, mach_msg_header_t *),
                                       mach_msg_size_t max_size, mach_port_t rcv_name, mach_msg_options_t options)
{
    struct server server = new_server(demux, rcv_name, options);
    mach_msg_return_t result = open_server(&server, max_size);

    if (result == MACH_MSG_SUCCESS)
        result = serve(&server);
    return close_server(&server, result);
}

mach_msg_return_t mach_msg_server(boolean_t (*demux)(mach_msg_header_t *, mach_msg_header_t *),
                                  mach_msg_size_t max_size, mach_port_t rcv_name, mach_msg_options_t options)
{
    struct server server = new_server(demux, rcv_name, options);
    mach_msg_return_t result = open_server(&server, max_size);

    while (result == MACH_MSG_SUCCESS)
        result = serve(&server);
    return close_server(&server, result);
}
