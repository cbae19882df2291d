/*
 * Asking a broker: one message there, one back, on a port made for this one answer.
 *
 * The broker gets a right to send once to that port. When it dies, or drops the request, that right is destroyed unused and
 * the kernel says so on the port: no need to wait for the end of the patience. A broker drops what it has no room for; so, when its port
 * is alive after that, it was short of something, and is not gone. What comes back is checked like anything from a peer: the
 * kernel's word on who sent it (the ring's user, or root; or this user itself, as when the program has changed it since), shape, version,
 * numbers; rights that are not taken are destroyed with the message.
 */
#include "meet/state.h"

#include "api/failure.h"
#include "api/shortage.h"
#include "meet/clock.h"
#include "meet/message.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

/* How long a broker may take to answer: it is only ever this late when its process is stopped. */
#define PATIENCE (INT64_C(5) * 1000 * 1000 * 1000)

/* For a waker, whose own call is not one that waits: without an answer by then the sleeper looks by itself, in half a second. */
#define WAKERS_PATIENCE (INT64_C(100) * 1000 * 1000)

static mach_msg_timeout_t milliseconds(int64_t nanoseconds)
{
    return (mach_msg_timeout_t)((nanoseconds + 999999) / 1000000);
}

static int code_of(mach_msg_return_t mr)
{
    if (mr == MACH_RCV_PORT_CHANGED || mr == MACH_RCV_PORT_DIED) /* which, is a matter of the system's version */
        return -EPIPE;
    return mr == MACH_RCV_TOO_LARGE ? -EPROTO : failure_code(mr);
}

static bool may_answer(const struct meet_link *link, const mach_msg_header_t *header)
{
    struct meet_peer peer;

    return message_sender(header, &peer) && (peer.uid == link->owner || peer.uid == 0 || peer.uid == geteuid());
}

static int check_answer(const struct meet_link *link, const mach_msg_header_t *header, mach_msg_id_t asked)
{
    const struct answer *answer = (const struct answer *)header;

    if (header->msgh_id == MESSAGE_SEND_ONCE_GONE)
        return -EPIPE;
    if (header->msgh_id != asked + MESSAGE_ANSWER || !message_has_shape(header, sizeof *answer, ANSWER_RIGHTS) ||
        answer->version != MESSAGE_VERSION)
        return -EPROTO;
    return may_answer(link, header) ? message_result(answer->result) : -EACCES;
}

static mach_msg_return_t receive(struct answer_buffer *buffer, mach_port_t from, int64_t deadline)
{
    mach_msg_return_t mr;

    do {
        mr = mach_msg(&buffer->answer.header, MESSAGE_RECEIVE | MACH_RCV_TIMEOUT, 0, sizeof *buffer, from,
                      milliseconds(clock_left(deadline)), MACH_PORT_NULL);
    } while (mr == MACH_RCV_INTERRUPTED);
    return mr;
}

/* The link's port, with a reference of the request's own; null: it is dead, or there is none. */
static mach_port_t hold_port(const struct meet_link *link)
{
    mach_port_t port;

    pthread_mutex_lock(&meet.lock);
    port = link->port;
    if (!MACH_PORT_VALID(port) || mach_port_mod_refs(mach_task_self(), port, MACH_PORT_RIGHT_SEND, 1) != KERN_SUCCESS)
        port = MACH_PORT_NULL;
    pthread_mutex_unlock(&meet.lock);
    return port;
}

/*
 * To whom, about which ring, as what (the link's role, unless the request shows a key already), and where to answer (null: not at
 * all). False: the broker is gone.
 */
static bool fill_request(const struct meet_link *link, struct request *request, mach_msg_id_t kind, mach_port_t reply)
{
    mach_msg_type_name_t answer = reply == MACH_PORT_NULL ? 0 : MACH_MSG_TYPE_MAKE_SEND_ONCE;
    struct ring_key shown = request->key; /* the message is packed */

    request->header.msgh_bits = MACH_MSGH_BITS(MACH_MSG_TYPE_MOVE_SEND, answer) | MACH_MSGH_BITS_COMPLEX;
    request->header.msgh_size = sizeof *request;
    request->header.msgh_remote_port = hold_port(link);
    request->header.msgh_local_port = reply;
    request->header.msgh_id = kind;
    request->body.msgh_descriptor_count = 1;
    request->right.type = MACH_MSG_PORT_DESCRIPTOR;
    request->right.disposition = MACH_MSG_TYPE_COPY_SEND;
    request->version = MESSAGE_VERSION;
    request->identity[0] = link->identity[0];
    request->identity[1] = link->identity[1];
    if (key_is_none(&shown))
        request->key = link->key;
    return request->header.msgh_remote_port != MACH_PORT_NULL;
}

static int64_t patience_for(mach_msg_id_t kind)
{
    return kind == MESSAGE_GET_SEMAPHORE || kind == MESSAGE_FOLLOWER ? WAKERS_PATIENCE : PATIENCE;
}

static mach_msg_return_t send_request(struct request *request)
{
    mach_msg_timeout_t most = milliseconds(patience_for(request->header.msgh_id));
    mach_msg_return_t mr = mach_msg(&request->header, MACH_SEND_MSG | MACH_SEND_TIMEOUT, sizeof *request, 0,
                                    MACH_PORT_NULL, most, MACH_PORT_NULL);

    if (mr != MACH_MSG_SUCCESS)
        message_take_back(&request->header);
    return mr;
}

/* Who receives on this port lives still, or did a moment ago. */
static bool is_alive(mach_port_t port)
{
    mach_port_type_t type = MACH_PORT_TYPE_NONE;

    return mach_port_type(mach_task_self(), port, &type) == KERN_SUCCESS && (type & MACH_PORT_TYPE_SEND) != 0;
}

/* What an exchange comes to if the request was dropped, by a broker that seems to be alive. */
enum { DROPPED = 1 };

static int exchange(const struct meet_link *link, struct request *request, mach_port_t reply,
                    struct answer_buffer *buffer, struct mring_error *error)
{
    mach_port_t broker = request->header.msgh_remote_port;
    mach_msg_id_t asked = request->header.msgh_id;
    int64_t deadline = clock_deadline(patience_for(asked));
    mach_msg_return_t mr = send_request(request);
    int result;

    if (mr != MACH_MSG_SUCCESS)
        return failure(error, code_of(mr), mr, "cannot reach the ring's broker");
    buffer->answer.header = (mach_msg_header_t){.msgh_bits = 0};
    mr = receive(buffer, reply, deadline);
    if ((mr & ~MACH_MSG_MASK) == MACH_RCV_BODY_ERROR) {
        mach_msg_destroy(&buffer->answer.header);
        return failure(error, shortage_code(0), mr, "no room for the rights that the ring's broker sent");
    }
    if (mr != MACH_MSG_SUCCESS)
        return failure(error, code_of(mr), mr, "no answer from the ring's broker");
    result = check_answer(link, &buffer->answer.header, asked);
    if (result == 0)
        return 0;
    mach_msg_destroy(&buffer->answer.header);
    if (buffer->answer.header.msgh_id == MESSAGE_SEND_ONCE_GONE && is_alive(broker))
        return DROPPED;
    return failure(error, result, 0, "the ring's broker %s%s",
                   result == -EPIPE    ? "is gone"
                   : result == -EPROTO ? "speaks another protocol"
                                       : "refuses: ",
                   result == -EPIPE || result == -EPROTO ? "" : mring_strerror(result));
}

static int ask(const struct meet_link *link, struct request *request, mach_msg_id_t kind, mach_port_t reply,
               struct answer_buffer *buffer, struct mring_error *error)
{
    return fill_request(link, request, kind, reply)
               ? exchange(link, request, reply, buffer, error)
               : failure(error, -EPIPE, 0, "the ring's broker is gone, or cannot be reached from here");
}

/*
 * On success the answer is the caller's, to take rights out of and then to destroy. A broker that is killed with a request in its hands
 * drops it, and its port may be closed a moment later. So a dropped request is sent again: one who is dying takes nothing more, and what
 * lies in the queue of its port goes with that.
 */
static int call(struct meet_link *link, struct request *request, mach_msg_id_t kind, struct answer_buffer *buffer,
                struct mring_error *error)
{
    mach_port_options_t options = {.flags = MPO_REPLY_PORT}; /* newer kernels ask for one, at a name's port */
    mach_port_t reply = MACH_PORT_NULL;
    kern_return_t kr = mach_port_construct(mach_task_self(), &options, 0, &reply);
    int result;

    if (kr != KERN_SUCCESS)
        return failure(error, failure_code(kr), kr, "no port for the broker's answer");
    result = ask(link, request, kind, reply, buffer, error);
    if (result == DROPPED)
        result = ask(link, request, kind, reply, buffer, error);
    if (result == DROPPED)
        result = failure(error, -ENOMEM, 0, "the ring's broker has no descriptors or no memory to take a request");
    mach_port_destruct(mach_task_self(), reply, 0, 0);
    return result;
}

static mach_port_t take(struct answer *answer, int place)
{
    mach_port_t name = answer->right[place].name;

    answer->right[place].name = MACH_PORT_NULL;
    return MACH_PORT_VALID(name) ? name : MACH_PORT_NULL;
}

/*
 * From now on this link goes to the broker's own port, for this ring, with the key of what was granted first: that port passes to forked
 * children, whatever the ring's name.
 */
static void settle(struct meet_link *link, enum mring_role role, struct answer *answer)
{
    mach_port_t before;

    pthread_mutex_lock(&meet.lock);
    before = link->port;
    link->port = take(answer, RIGHT_BROKER);
    link->identity[0] = answer->identity[0];
    link->identity[1] = answer->identity[1];
    if (key_is_none(&link->key)) {
        link->key = answer->key;
        link->role = role;
    }
    pthread_mutex_unlock(&meet.lock);
    mach_port_deallocate(mach_task_self(), before);
}

int meet_attach(struct meet_link *link, enum mring_role role, struct attach_reply *reply, struct mring_error *error)
{
    struct request request = {.argument = role};
    struct answer_buffer buffer;
    struct answer *answer = &buffer.answer;
    int result = call(link, &request, MESSAGE_ATTACH, &buffer, error);

    if (result != 0)
        return result;
    if (!MACH_PORT_VALID(answer->right[RIGHT_BROKER].name)) {
        mach_msg_destroy(&answer->header);
        return failure(error, -EPROTO, 0, "the ring's broker gave no right to itself");
    }
    settle(link, role, answer);
    reply->identity[0] = answer->identity[0];
    reply->identity[1] = answer->identity[1];
    reply->ring = take(answer, RIGHT_RING);
    reply->doorbell = take(answer, RIGHT_DOORBELL);
    mach_msg_destroy(&answer->header);
    return 0;
}

/* The broker gives what is for the lowest role that will do: no right in a parcel can write the ring. */
int meet_pack(struct meet_link *link, enum mring_role role, struct parcel *parcel, struct mring_error *error)
{
    struct request request = {.argument = role == MRING_INSPECT ? MRING_INSPECT : MRING_CONSUME};
    struct answer_buffer buffer;
    int result;

    if (!role_covers(link->role, role))
        return failure(error, -EACCES, 0, "this process has not got that role itself");
    result = call(link, &request, MESSAGE_ATTACH, &buffer, error);
    if (result != 0)
        return result;
    *parcel = (struct parcel){
        .identity = {link->identity[0], link->identity[1]},
        .key = key_between(&link->key, link->role, role),
        .role = role,
        .owner = link->owner,
        .broker = take(&buffer.answer, RIGHT_BROKER),
        .ring = take(&buffer.answer, RIGHT_RING),
    };
    mach_msg_destroy(&buffer.answer.header);
    return 0;
}

int meet_escrow(struct meet_link *link, struct escrow_reply *reply)
{
    struct request request = {.argument = 0};
    struct answer_buffer buffer;
    int result = call(link, &request, MESSAGE_ESCROW, &buffer, NULL);

    if (result != 0)
        return result;
    reply->ring = take(&buffer.answer, RIGHT_RING);
    reply->doorbell = take(&buffer.answer, RIGHT_DOORBELL);
    reply->secret = buffer.answer.key;
    mach_msg_destroy(&buffer.answer.header);
    key_forget(&buffer.answer.key);
    return 0;
}

int meet_life(struct meet_link *link, mem_entry_name_port_t *entry)
{
    struct request request = {.argument = 0};
    struct answer_buffer buffer;
    int result = call(link, &request, MESSAGE_LIFE, &buffer, NULL);

    if (result != 0)
        return result;
    *entry = take(&buffer.answer, RIGHT_ONLY);
    mach_msg_destroy(&buffer.answer.header);
    return *entry != MACH_PORT_NULL ? 0 : -EPROTO;
}

/* The group of an answer, bounded. The answer is used up. */
static int take_group(struct answer *answer, struct group_reply *reply, struct mring_error *error)
{
    struct message_group group = answer->group;
    struct group_terms terms = group.terms;
    bool sound = group.index < LAYOUT_GROUPS && terms_sound(&terms) && group.line < terms.members;

    if (sound)
        *reply = (struct group_reply){
            .entry = take(answer, RIGHT_ONLY),
            .index = group.index,
            .line = group.line,
            .terms = terms,
            .incarnation = group.incarnation,
            .owner = group.owner,
            .key = answer->key,
        };
    mach_msg_destroy(&answer->header);
    return sound ? 0 : failure(error, -EPROTO, 0, "the ring's broker described an impossible group");
}

static struct message_join join_of(const struct join_request *request)
{
    struct message_join join = {
        .life = request->life, .ticket = request->ticket, .terms = request->terms, .start = request->start};

    memcpy(join.name, request->name, sizeof join.name);
    return join;
}

int meet_join(struct meet_link *link, const struct join_request *request, struct group_reply *reply,
              struct mring_error *error)
{
    struct request message = {.of.join = join_of(request)};
    struct answer_buffer buffer;
    int result;

    result = call(link, &message, MESSAGE_JOIN, &buffer, error);
    return result != 0 ? result : take_group(&buffer.answer, reply, error);
}

void meet_unjoin(struct meet_link *link, const struct join_request *request)
{
    struct request message = {.of.join = join_of(request)};

    if (fill_request(link, &message, MESSAGE_UNJOIN, MACH_PORT_NULL))
        (void)send_request(&message);
}

int meet_remove(struct meet_link *link, const char *name)
{
    struct request message = {.argument = 0};
    struct answer_buffer buffer;
    int result;

    memcpy(message.of.join.name, name, strlen(name));
    result = call(link, &message, MESSAGE_REMOVE, &buffer, NULL);
    if (result == 0)
        mach_msg_destroy(&buffer.answer.header);
    return result;
}

int meet_group(struct meet_link *link, const struct ring_key *secret, uint32_t index, struct group_reply *reply)
{
    struct request request = {.argument = index};
    struct answer_buffer buffer;
    int result;

    if (secret != NULL)
        request.key = *secret;
    result = call(link, &request, MESSAGE_GROUP, &buffer, NULL);
    return result != 0 ? result : take_group(&buffer.answer, reply, NULL);
}

static struct message_sleeper sleeper_of(const struct sleeper *who)
{
    return (struct message_sleeper){.group = who->group,
                                    .line = who->line,
                                    .incarnation = who->incarnation,
                                    .owner = who->owner,
                                    .members = who->members,
                                    .key = who->key};
}

int meet_follower(struct meet_link *link, const struct sleeper *member, uint32_t index, struct group_reply *reply)
{
    struct request request = {.argument = index, .of.sleeper = sleeper_of(member)};
    struct answer_buffer buffer;
    int result = call(link, &request, MESSAGE_FOLLOWER, &buffer, NULL);

    return result != 0 ? result : take_group(&buffer.answer, reply, NULL);
}

int meet_bring(struct meet_link *link, const struct sleeper *member, mem_entry_name_port_t entry)
{
    struct request request = {.right.name = entry, .of.sleeper = sleeper_of(member)};
    struct answer_buffer buffer;
    int result = call(link, &request, MESSAGE_BRING, &buffer, NULL);

    if (result == 0)
        mach_msg_destroy(&buffer.answer.header);
    return result;
}

int meet_put_semaphore(struct meet_link *link, const struct sleeper *who, semaphore_t semaphore)
{
    struct request request = {.right.name = semaphore, .of.sleeper = sleeper_of(who)};
    struct answer_buffer buffer;
    int result = call(link, &request, MESSAGE_PUT_SEMAPHORE, &buffer, NULL);

    if (result == 0)
        mach_msg_destroy(&buffer.answer.header);
    return result;
}

int meet_get_semaphore(struct meet_link *link, const struct sleeper *who, semaphore_t *semaphore)
{
    struct request request = {.of.sleeper = sleeper_of(who)};
    struct answer_buffer buffer;
    mach_port_t taken;
    int result = call(link, &request, MESSAGE_GET_SEMAPHORE, &buffer, NULL);

    if (result != 0)
        return result;
    taken = take(&buffer.answer, RIGHT_ONLY);
    mach_msg_destroy(&buffer.answer.header);
    if (taken == MACH_PORT_NULL)
        return -EPROTO;
    *semaphore = taken;
    return 0;
}
