/* The broker's side of a ring that this process serves: what an attaching process gets, and who it is that serves. */
#include "check.h"
#include "directory.h"

#include <errno.h>
#include <string.h>

static int on_remove(void *context, const struct meet_peer *peer, const char *name)
{
    return directory_remove(context, peer, name);
}

static int on_unjoin(void *context, const struct meet_peer *peer, const struct join_request *request)
{
    (void)peer;
    return directory_unjoin(context, request);
}

static int on_join(void *context, const struct meet_peer *peer, const struct join_request *request,
                   struct group_reply *reply)
{
    if (check_name(request->name, "group", NULL) != 0 || request->life == 0 || request->life > LIFE_MASK)
        return -EINVAL;
    return directory_join(context, peer->uid, request, reply);
}

static int on_attach(void *context, const struct meet_peer *peer, enum mring_role role, struct attach_reply *reply)
{
    struct mring *ring = context;
    struct region *region = &ring->region;
    mem_entry_name_port_t entry = role == MRING_PRODUCE ? ring->escrow : region->ring_readonly;
    mem_entry_name_port_t doorbell = region->doorbell;
    int code = role == MRING_INSPECT ? region_doorbell_readonly(region, &doorbell) : 0;

    (void)peer;
    memset(reply, 0, sizeof(*reply));
    if (code != 0)
        return code;
    if (region_share(entry) != KERN_SUCCESS)
        return -EMFILE;
    reply->ring = entry;
    reply->identity[0] = region->view.identity[0];
    reply->identity[1] = region->view.identity[1];
    reply->doorbell = region_share(doorbell) == KERN_SUCCESS ? doorbell : MACH_PORT_NULL;
    return 0;
}

static int on_escrow(void *context, const struct meet_peer *peer, struct escrow_reply *reply)
{
    const struct mring *ring = context;

    (void)peer;
    if (region_share(ring->escrow) != KERN_SUCCESS)
        return -EMFILE;
    reply->ring = ring->escrow;
    reply->doorbell = region_share(ring->region.doorbell) == KERN_SUCCESS ? ring->region.doorbell : MACH_PORT_NULL;
    return 0;
}

static int on_life(void *context, const struct meet_peer *peer, mem_entry_name_port_t *entry)
{
    const struct mring *ring = context;

    (void)peer;
    life_refresh(ring->life);
    *entry = life_entry(ring->life);
    return region_share(*entry) == KERN_SUCCESS ? 0 : -EMFILE;
}

/* With the lock held. */
static int lend_readonly(struct mring *ring, uint32_t index, struct group_reply *reply)
{
    mem_entry_name_port_t readonly;
    int code = region_group_readonly(&ring->group[index], &readonly);

    return code != 0 ? code : directory_describe(ring, index, readonly, reply);
}

/* With the lock held. A producer gets the group as its members have it; others can look at it. */
static int lend_group(struct mring *ring, uint32_t index, enum mring_role role, struct group_reply *reply)
{
    int code;

    if (role != MRING_PRODUCE)
        return lend_readonly(ring, index, reply);
    code = directory_describe(ring, index, ring->group[index].entry, reply);
    reply->key = ring->group_key[index];
    return code;
}

static int on_group(void *context, const struct meet_peer *peer, uint32_t index, struct group_reply *reply)
{
    struct mring *ring = context;
    int code = -ENOENT;

    ring_lock();
    directory_clear(ring);
    if (index < LAYOUT_GROUPS && directory_group(ring, index) != NULL)
        code = lend_group(ring, index, peer->role, reply);
    ring_unlock();
    return code;
}

static int on_follower(void *context, const struct sleeper *member, uint32_t index, struct group_reply *reply)
{
    struct mring *ring = context;
    const struct region_group *first, *then;
    int code = -ENOENT;

    ring_lock();
    first = directory_group(ring, member->group);
    then = directory_group(ring, index);
    if (first != NULL && first->view.incarnation == member->incarnation && then != NULL &&
        (then->view.terms.after >> member->group & 1) != 0)
        code = lend_readonly(ring, index, reply);
    if (code == 0)
        reply->key = key_lower(&ring->group_key[index]);
    ring_unlock();
    return code;
}

static int on_bring(void *context, const struct meet_peer *peer, const struct sleeper *member,
                    mem_entry_name_port_t entry)
{
    (void)peer;
    return directory_bring(context, member, entry);
}

struct broker_terms serve_terms(const struct mring *ring, const char *name)
{
    const struct region *region = &ring->region;

    return (struct broker_terms){
        .name = name,
        .identity = {region->view.identity[0], region->view.identity[1]},
        .secret = ring->secret,
        .access = region->access,
        .produce = region->produce,
        .strict = region->strict,
    };
}

void serve_announce(struct mring *ring)
{
    (void)serve_claim(ring, word_load(&ring->desk.page->broker));
}

bool serve_claim(struct mring *ring, uint64_t seen)
{
    struct producer_page *page = ring->desk.page;
    uint64_t mine = owner_next(seen, life_number(ring->life));

    if (!word_cas(&page->broker, seen, mine)) /* [BROKER] */
        return false;
    /* Whatever the one before was killed at, the producer looks at the directory again. */
    word_store_release(&page->directory_version, word_load(&page->directory_version) + 1); /* [VERSION] */
    word_store(&ring->served_by, mine);
    return true;
}

void serve_yield(struct mring *ring)
{
    uint64_t mine = word_load(&ring->served_by);

    (void)word_cas(&ring->desk.page->broker, mine, owner_next(mine, 0)); /* [BROKER] */
}

void serve_end(struct mring *ring)
{
    if (ring->broker == NULL)
        return;
    broker_stop(ring->broker);
    ring->broker = NULL;
    serve_yield(ring); /* last: who sees this may become the next at once */
}

const struct broker_service serve_template = {.attach = on_attach,
                                              .escrow = on_escrow,
                                              .join = on_join,
                                              .unjoin = on_unjoin,
                                              .remove = on_remove,
                                              .life = on_life,
                                              .group = on_group,
                                              .follower = on_follower,
                                              .bring = on_bring};
