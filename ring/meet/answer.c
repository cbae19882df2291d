/*
 * One request, from the check of its bytes to the answer. On the broker's thread.
 *
 * A request is dropped unanswered only when there is nowhere to answer; one that undoes a join is heeded all the same. Everything else
 * gets a result: -EPROTO when its shape or version is not ours, -EPIPE when the ring it is for is not served (any more), -EACCES when its
 * sender may not do that. What a request brought is destroyed with it, unless it was taken out before. A join whose answer nobody got is undone.
 *
 * Rights (rights.h). Every sender is judged before anything is done for it: by its ids when it comes over the ring's name without a key, else by
 * its key alone. The broker's own port serves nobody without one: who attached to one ring of this process has a right to it, and has
 * no business with the others.
 */
#include "meet/state.h"

#include "meet/message.h"

#include <errno.h>
#include <string.h>

/* False: nobody got it. */
static bool send_answer(mach_msg_header_t *request, struct answer *answer)
{
    bool sent;

    answer->header.msgh_bits = MACH_MSGH_BITS(MACH_MSGH_BITS_REMOTE(request->msgh_bits), 0) | MACH_MSGH_BITS_COMPLEX;
    answer->header.msgh_size = sizeof *answer;
    answer->header.msgh_remote_port = request->msgh_remote_port;
    answer->header.msgh_id = request->msgh_id + MESSAGE_ANSWER;
    answer->body.msgh_descriptor_count = ANSWER_RIGHTS;
    answer->version = MESSAGE_VERSION;
    request->msgh_remote_port = MACH_PORT_NULL;
    /* Whoever has no room for one answer loses it: the broker waits for nobody. */
    sent = mach_msg(&answer->header, MACH_SEND_MSG | MACH_SEND_TIMEOUT, sizeof *answer, 0, MACH_PORT_NULL, 0,
                    MACH_PORT_NULL) == MACH_MSG_SUCCESS;
    if (!sent)
        message_take_back(&answer->header);
    return sent;
}

static bool is_name_of(const struct broker *ring, mach_port_t received_on)
{
    return received_on == ring->named[NAME_PUBLIC] || received_on == ring->named[NAME_IDENTITY];
}

static struct broker *find_ring(mach_port_t received_on, const uint64_t identity[2])
{
    struct broker *ring = meet.rings;
    bool any = identity[0] == 0 && identity[1] == 0;

    while (ring != NULL) {
        bool same = ring->terms.identity[0] == identity[0] && ring->terms.identity[1] == identity[1];

        if (received_on == meet.port ? same : is_name_of(ring, received_on) && (any || same))
            break;
        ring = ring->next;
    }
    return ring;
}

static void fill_group(struct answer *answer, const struct group_reply *reply)
{
    answer->right[RIGHT_ONLY] = message_right(reply->entry, MACH_MSG_TYPE_MOVE_SEND);
    answer->key = reply->key;
    answer->group = (struct message_group){
        .index = reply->index,
        .line = reply->line,
        .terms = reply->terms,
        .incarnation = reply->incarnation,
        .owner = reply->owner,
    };
}

static int answer_attach(const struct broker *ring, const struct request *request, const struct meet_peer *peer,
                         struct answer *answer)
{
    struct attach_reply reply = {.ring = MACH_PORT_NULL, .doorbell = MACH_PORT_NULL};
    enum mring_role role;
    int result;

    if (request->argument > MRING_INSPECT)
        return -EINVAL;
    role = (enum mring_role)request->argument;
    if (!role_covers(peer->role, role))
        return -EACCES;
    result = ring->service.attach(ring->service.context, peer, role, &reply);
    if (result != 0)
        return result;
    answer->key = key_of_role(&ring->terms.secret, role);
    answer->right[RIGHT_RING] = message_right(reply.ring, MACH_MSG_TYPE_MOVE_SEND);
    answer->right[RIGHT_DOORBELL] = message_right(reply.doorbell, MACH_MSG_TYPE_MOVE_SEND);
    answer->right[RIGHT_BROKER] = message_right(meet.port, MACH_MSG_TYPE_COPY_SEND);
    return 0;
}

/* To be had with a key only: who comes by the name asks for a role first. */
static int answer_escrow(const struct broker *ring, const struct request *request, const struct meet_peer *peer,
                         struct answer *answer)
{
    struct ring_key shown = request->key;
    struct escrow_reply reply = {.ring = MACH_PORT_NULL, .doorbell = MACH_PORT_NULL};
    int result;

    if (key_is_none(&shown) || !rights_to_succeed(&ring->owner, ring->terms.strict, peer))
        return -EACCES;
    result = ring->service.escrow(ring->service.context, peer, &reply);
    if (result != 0)
        return result;
    answer->key = ring->terms.secret;
    answer->right[RIGHT_RING] = message_right(reply.ring, MACH_MSG_TYPE_MOVE_SEND);
    answer->right[RIGHT_DOORBELL] = message_right(reply.doorbell, MACH_MSG_TYPE_MOVE_SEND);
    return 0;
}

static int answer_life(const struct broker *ring, const struct meet_peer *peer, struct answer *answer)
{
    mem_entry_name_port_t entry = MACH_PORT_NULL;
    int result = ring->service.life(ring->service.context, peer, &entry);

    if (result == 0)
        answer->right[RIGHT_ONLY] = message_right(entry, MACH_MSG_TYPE_MOVE_SEND);
    return result;
}

/* A group as a join may wish for it. Declared ones are made with the ring. */
static bool may_wish(struct group_terms terms)
{
    if (terms.members == 0)
        terms.members = 1;
    return terms_sound(&terms) && terms_by_join(&terms);
}

static bool may_start(const struct start_wish *start)
{
    return start->from <= START_GROUP && memchr(start->group, '\0', sizeof start->group) != NULL;
}

static bool read_join(const struct request *request, struct join_request *join)
{
    *join = (struct join_request){.terms = request->of.join.terms,
                                  .start = request->of.join.start,
                                  .life = request->of.join.life,
                                  .ticket = request->of.join.ticket};
    memcpy(join->name, request->of.join.name, sizeof join->name);
    return memchr(join->name, '\0', sizeof join->name) != NULL && may_wish(join->terms) && may_start(&join->start) &&
           join->life != 0 && join->life <= LIFE_MASK && join->ticket != 0;
}

static int answer_unjoin(const struct broker *ring, const struct request *request, const struct meet_peer *peer)
{
    struct join_request join;

    return read_join(request, &join) ? ring->service.unjoin(ring->service.context, peer, &join) : -EINVAL;
}

static int answer_remove(const struct broker *ring, const struct request *request, const struct meet_peer *peer)
{
    const char *name = request->of.join.name;

    return memchr(name, '\0', sizeof request->of.join.name) != NULL
               ? ring->service.remove(ring->service.context, peer, name)
               : -EINVAL;
}

static int answer_join(const struct broker *ring, const struct request *request, const struct meet_peer *peer,
                       struct answer *answer)
{
    struct join_request join;
    struct group_reply reply = {.entry = MACH_PORT_NULL};
    int result;

    if (!read_join(request, &join))
        return -EINVAL;
    result = ring->service.join(ring->service.context, peer, &join, &reply);
    if (result == 0)
        fill_group(answer, &reply);
    return result;
}

static int answer_group(const struct broker *ring, const struct request *request, const struct meet_peer *peer,
                        struct answer *answer)
{
    struct group_reply reply = {.entry = MACH_PORT_NULL};
    int result;

    if (request->argument >= LAYOUT_GROUPS)
        return -EINVAL;
    result = ring->service.group(ring->service.context, peer, request->argument, &reply);
    if (result == 0)
        fill_group(answer, &reply);
    return result;
}

static struct sleeper sleeper_of(const struct request *request)
{
    return (struct sleeper){.group = request->of.sleeper.group,
                            .line = request->of.sleeper.line,
                            .incarnation = request->of.sleeper.incarnation,
                            .owner = request->of.sleeper.owner,
                            .members = request->of.sleeper.members,
                            .key = request->of.sleeper.key};
}

/* Does the key say that the asker has to do with this group, and that the group has such a line? */
static bool knows_group(const struct broker *ring, const struct sleeper *who)
{
    struct ring_key key = key_of_group(&ring->terms.secret, who->group, who->members, who->incarnation);

    return key_equal(&key, &who->key) && who->line < who->members;
}

/* Or, to wake its members, that it has to do with one that this group is after? */
static bool may_wake(const struct broker *ring, const struct sleeper *who)
{
    struct ring_key key = key_of_group(&ring->terms.secret, who->group, who->members, who->incarnation);

    key = key_lower(&key);
    return knows_group(ring, who) || (key_equal(&key, &who->key) && who->line < who->members);
}

/* Its own place, as it says: within its group a member is believed. */
static bool may_put(const struct broker *ring, const struct meet_peer *peer, const struct sleeper *who)
{
    return who->group == SLEEPER_PRODUCER ? peer->role == MRING_PRODUCE : knows_group(ring, who);
}

/* Every consumer may have to wake the producer. */
static bool may_get(const struct broker *ring, const struct meet_peer *peer, const struct sleeper *who)
{
    return who->group == SLEEPER_PRODUCER ? role_covers(peer->role, MRING_CONSUME) : may_wake(ring, who);
}

static int answer_follower(const struct broker *ring, const struct request *request, struct answer *answer)
{
    struct group_reply reply = {.entry = MACH_PORT_NULL};
    struct sleeper member = sleeper_of(request);
    int result;

    if (request->argument >= LAYOUT_GROUPS)
        return -EINVAL;
    if (!knows_group(ring, &member))
        return -EACCES;
    result = ring->service.follower(ring->service.context, &member, request->argument, &reply);
    if (result == 0)
        fill_group(answer, &reply);
    return result;
}

/* The right moves into the table, so it is taken out of the request. The lock is held. */
static int put_semaphore(struct broker *ring, struct request *request, const struct meet_peer *peer)
{
    struct sleeper who = sleeper_of(request);
    semaphore_t semaphore = request->right.name;

    if (!may_put(ring, peer, &who))
        return -EACCES;
    request->right.name = MACH_PORT_NULL;
    return semaphores_put(&ring->semaphores, &who, semaphore);
}

/* The right moves into the service, so it is taken out of the request. */
static int answer_bring(const struct broker *ring, struct request *request, const struct meet_peer *peer)
{
    struct sleeper member = sleeper_of(request);
    mem_entry_name_port_t entry = request->right.name;

    if (!knows_group(ring, &member))
        return -EACCES;
    request->right.name = MACH_PORT_NULL;
    return ring->service.bring(ring->service.context, peer, &member, entry);
}

/* A copy of the right; the table's own may be replaced before the answer is sent, so the copy is made here. The lock is held. */
static int get_semaphore(const struct broker *ring, const struct request *request, const struct meet_peer *peer,
                         struct answer *answer)
{
    struct sleeper who = sleeper_of(request);
    semaphore_t semaphore;

    if (!may_get(ring, peer, &who))
        return -EACCES;
    semaphore = semaphores_get(&ring->semaphores, &who);
    if (!MACH_PORT_VALID(semaphore))
        return -ENOENT;
    if (mach_port_mod_refs(mach_task_self(), semaphore, MACH_PORT_RIGHT_SEND, 1) != KERN_SUCCESS)
        return -ENOENT;
    answer->right[RIGHT_ONLY] = message_right(semaphore, MACH_MSG_TYPE_MOVE_SEND);
    return 0;
}

/* A look at the ring is for all roles; a place in it is not. */
static enum mring_role least_role(mach_msg_id_t kind)
{
    bool looks = kind != MESSAGE_JOIN && kind != MESSAGE_UNJOIN && kind != MESSAGE_FOLLOWER && kind != MESSAGE_REMOVE;

    return looks ? MRING_INSPECT : MRING_CONSUME;
}

static bool judge(const struct broker *ring, const struct request *request, struct meet_peer *peer)
{
    struct ring_key key = request->key; /* the message is packed */

    if (!key_is_none(&key))
        return rights_by_key(&ring->terms.secret, &key, &peer->role);
    return is_name_of(ring, request->header.msgh_local_port) &&
           rights_by_ids(&ring->owner, ring->terms.access, ring->terms.produce, peer, &peer->role);
}

/* Without the lock: the ring is busy, so it stays. */
static int call_service(const struct broker *ring, struct request *request, const struct meet_peer *peer,
                        struct answer *answer)
{
    switch (request->header.msgh_id) {
    case MESSAGE_ATTACH:
        return answer_attach(ring, request, peer, answer);
    case MESSAGE_ESCROW:
        return answer_escrow(ring, request, peer, answer);
    case MESSAGE_LIFE:
        return answer_life(ring, peer, answer);
    case MESSAGE_JOIN:
        return answer_join(ring, request, peer, answer);
    case MESSAGE_UNJOIN:
        return answer_unjoin(ring, request, peer);
    case MESSAGE_REMOVE:
        return answer_remove(ring, request, peer);
    case MESSAGE_BRING:
        return answer_bring(ring, request, peer);
    case MESSAGE_FOLLOWER:
        return answer_follower(ring, request, answer);
    default:
        return answer_group(ring, request, peer, answer);
    }
}

static int answer_locked(struct request *request, struct meet_peer *peer, struct answer *answer)
{
    uint64_t identity[2] = {request->identity[0], request->identity[1]};
    struct broker *ring = find_ring(request->header.msgh_local_port, identity);
    int result;

    if (ring == NULL)
        return -EPIPE;
    if (!judge(ring, request, peer) || !role_covers(peer->role, least_role(request->header.msgh_id)))
        return -EACCES;
    answer->identity[0] = ring->terms.identity[0];
    answer->identity[1] = ring->terms.identity[1];
    if (request->header.msgh_id == MESSAGE_PUT_SEMAPHORE)
        return put_semaphore(ring, request, peer);
    if (request->header.msgh_id == MESSAGE_GET_SEMAPHORE)
        return get_semaphore(ring, request, peer, answer);
    meet.busy = ring;
    pthread_mutex_unlock(&meet.lock);
    result = call_service(ring, request, peer, answer);
    pthread_mutex_lock(&meet.lock);
    meet.busy = NULL;
    pthread_cond_broadcast(&meet.changed);
    return result;
}

static bool is_request(const mach_msg_header_t *header)
{
    return header->msgh_id >= MESSAGE_ATTACH && header->msgh_id < MESSAGE_END &&
           message_has_shape(header, sizeof(struct request), 1) &&
           ((const struct request *)header)->version == MESSAGE_VERSION;
}

static int answer_checked(mach_msg_header_t *header, struct answer *answer)
{
    struct meet_peer peer;
    int result;

    if (!is_request(header))
        return -EPROTO;
    if (!message_sender(header, &peer))
        return -EACCES;
    pthread_mutex_lock(&meet.lock);
    result = answer_locked((struct request *)header, &peer, answer);
    pthread_mutex_unlock(&meet.lock);
    return result;
}

void broker_answer(mach_msg_header_t *header)
{
    struct answer answer;
    bool joining = header->msgh_id == MESSAGE_JOIN;

    if (!MACH_PORT_VALID(header->msgh_remote_port)) {
        if (header->msgh_id == MESSAGE_UNJOIN)
            (void)answer_checked(header, &answer);
        mach_msg_destroy(header);
        return;
    }
    memset(&answer, 0, sizeof answer);
    for (int at = 0; at < ANSWER_RIGHTS; at++)
        answer.right[at] = message_right(MACH_PORT_NULL, MACH_MSG_TYPE_MOVE_SEND);
    answer.result = answer_checked(header, &answer);
    if (!send_answer(header, &answer) && joining && answer.result == 0) {
        header->msgh_id = MESSAGE_UNJOIN;
        (void)answer_checked(header, &answer);
    }
    mach_msg_destroy(header);
}
