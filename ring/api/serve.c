/*
 * The broker's side of a ring that this process serves: what an attaching process gets, and the directory of groups.
 *
 * A successor (succession.c) may find live groups, made by joins, whose entries it does not have. Somebody brings each of them, or all who
 * had it are dead: then no process has set the group's mark, and it is cleared away like any other that is empty. Until then nobody
 * can join it.
 *
 * The directory has one writer, this code under the ring lock. An entry is complete before its bit in `groups` is set [GROUP], and
 * not touched again until the bit was cleared; an entry that is used anew has a larger incarnation, and a fresh group entry (R17),
 * since ex-members keep their mapping of the old one.
 */
#include "core/stage.h"
#include "core/start.h"
#include "core/unserved.h"
#include "quota.h"
#include "ring.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

static struct group_entry *directory_entry(const struct mring *ring, uint32_t index)
{
    return &ring->desk.directory[index];
}

/* A live group, as far as this broker has it: NULL, if nobody has brought its entry yet. */
static struct region_group *served_group(struct mring *ring, uint32_t index)
{
    struct region_group *group = ring_group(ring, index);

    return group != NULL && MACH_PORT_VALID(group->entry) ? group : NULL;
}

int serve_make_group(struct mring *ring, uint32_t index, const char *name, const struct group_terms *terms,
                     struct mring_error *error)
{
    struct region_group *group = &ring->group[index];
    struct group_entry *entry = directory_entry(ring, index);
    int code;

    region_group_close(group);
    code = region_group_create(group, ring->region.view.capacity, terms->members, 0, error);
    if (code != 0)
        return code;
    memset(entry->name, 0, sizeof(entry->name));
    memcpy(entry->name, name, strnlen(name, LAYOUT_NAME - 1));
    entry->terms = *terms;
    entry->entry_size = layout_group_size(terms->members, ring->region.view.capacity);
    entry->incarnation++;
    entry->maker = ring->owner;
    group->view.index = index;
    group->view.terms = *terms;
    group->view.incarnation = entry->incarnation;
    ring->group_key[index] = key_of_group(&ring->secret, index, terms->members, entry->incarnation);
    return 0;
}

static bool alive(void *context, uint64_t number)
{
    struct mring *ring = context;

    return life_alive(ring->life, number);
}

static void set_live(struct mring *ring, uint32_t index, bool live)
{
    struct producer_page *page = ring->desk.page;
    uint64_t groups = word_load(&page->groups);
    uint64_t bit = UINT64_C(1) << index;

    word_store_release(&page->groups, live ? groups | bit : groups & ~bit); /* [GROUP] */
    word_store_release(&page->directory_version, word_load(&page->directory_version) + 1);
}

/*
 * The directory is a producer's to write, so a declared group is one by this process's own table: its mapping there is in use by handles, and
 * must stay whatever the directory says.
 */
static bool is_declared(const struct mring *ring, uint32_t index)
{
    return ring->group[index].view.terms.kind == GROUP_DECLARED;
}

static bool is_empty(struct mring *ring, uint32_t index)
{
    const struct group_entry *entry = directory_entry(ring, index);
    const struct region_group *group = served_group(ring, index);
    struct group_view known = {.index = index, .incarnation = entry->incarnation};
    uint64_t cut = word_load_acquire(&ring->region.view.page->cut_off[index].what); /* [CUT] */

    if (is_declared(ring, index) || !terms_by_join(&entry->terms))
        return false;
    if (unserved_dropped(cut, entry->incarnation)) /* nobody was there, and who came then was turned away */
        return true;
    if (group == NULL)
        return !life_marked(ring->life, group_mark(&known));
    if (start_pending(&group->view)) /* whoever made it was killed over that: nobody was told of it */
        return true;
    return (group->view.terms.kind == GROUP_PASSING || cut_off_is(cut, entry->incarnation)) &&
           !group_lives(&group->view, alive, ring);
}

static void remove_group(struct mring *ring, uint32_t index)
{
    set_live(ring, index, false);
    region_group_close(&ring->group[index]);
}

/*
 * Passing groups that their last member left, or died in, groups whose entry nobody has any more, or that never began, and those that the
 * producer has given up, are cleared away when their place, name or members are needed.
 */
static void clear_empty(struct mring *ring)
{
    uint64_t live = word_load(&ring->region.view.page->groups);

    for (; live != 0; live &= live - 1) {
        uint32_t index = (uint32_t)__builtin_ctzll(live);

        if (is_empty(ring, index))
            remove_group(ring, index);
    }
}

/* The place of one who was to come, and does not. */
static void give_back(const struct mring *ring, const struct group_view *group, uint32_t line, uint64_t owner)
{
    group_give_back(group, line, owner, life_number(ring->life));
}

/*
 * A newcomer of a passing group goes on from the group's position, which counts for the gate only while the group has a member. So
 * it must have had one without a gap until the newcomer's own bit was set: one that was there before and is there still, in the same
 * stay. False: there was none; what the position says may have been overwritten.
 */
static bool occupy_beside(struct mring *ring, const struct group_view *group, uint64_t life, int *line)
{
    for (uint32_t witness = 0; witness < group->members; witness++) {
        const struct word *occupied = &group->page->occupied[witness / 64];
        uint64_t stay = word_load_acquire(&group->line[witness].owner); /* [OWNER] */

        if (!alive(ring, owner_life(stay)))
            continue;
        *line = group_occupy(group, life, alive, ring);
        if (*line < 0)
            return true;
        fence_full();
        /* Who leaves clears its bit first and its owner word after: both must stand. */
        if ((word_load_acquire(occupied) >> witness % 64 & 1) != 0 &&
            word_load_acquire(&group->line[witness].owner) == stay)
            return true;
        give_back(ring, group, (uint32_t)*line, word_load(&group->line[*line].owner));
    }
    return false;
}

/*
 * Whatever this very join was given before by a broker that did not live to say so, or did not say it in time. The words of a line are its
 * group's members' to write: the worst that false ones do is to their own group.
 */
static void take_back(const struct mring *ring, const struct group_view *group, const struct join_request *request)
{
    for (uint32_t line = 0; line < group->members; line++) {
        uint64_t owner = word_load_acquire(&group->line[line].owner); /* [OWNER] */

        if (owner_life(owner) == request->life && word_load(&group->line[line].ticket) == request->ticket)
            give_back(ring, group, line, owner);
    }
}

static uint64_t free_directory_entries(const struct mring *ring)
{
    uint64_t unused = ~word_load(&ring->region.view.page->groups);

    for (uint32_t index = 0; index < LAYOUT_GROUPS; index++)
        if (is_declared(ring, index))
            unused &= ~(UINT64_C(1) << index);
    return unused;
}

/* Can a group that a join makes be after these? */
static bool can_be_after(struct mring *ring, uint64_t groups)
{
    for (; groups != 0; groups &= groups - 1) {
        const struct region_group *group = served_group(ring, (uint32_t)__builtin_ctzll(groups));

        if (group == NULL || !stage_may_lead(&group->view.terms))
            return false;
    }
    return true;
}

/* The group that the new one is to start where it is; NULL, if it is to start elsewhere. 0, -ENOENT, -EAGAIN: nobody has brought it yet. */
static int find_other(struct mring *ring, const struct start_wish *wish, const struct group_view **other)
{
    const struct region_group *served;
    int index;

    *other = NULL;
    if (wish->from != START_GROUP)
        return 0;
    index = ring_find_group(ring, wish->group);
    if (index < 0)
        return -ENOENT;
    served = served_group(ring, (uint32_t)index);
    if (served == NULL)
        return -EAGAIN;
    *other = &served->view;
    return 0;
}

static int make_group(struct mring *ring, uid_t user, const struct join_request *request)
{
    uint64_t free_entries = free_directory_entries(ring);
    struct group_terms terms = request->terms;
    const struct group_view *group, *other;
    uint32_t index;
    int line, code;

    if (terms.members == 0)
        terms.members = ring->region.view.members_default;
    if (!can_be_after(ring, terms.after))
        return -EINVAL;
    if (free_entries == 0)
        return -ENOSPC;
    if (terms.members + ring_count_places(ring) > LAYOUT_MEMBERS)
        return -E2BIG;
    code = quota_check(ring, user, terms.members);
    if (code == 0)
        code = find_other(ring, &request->start, &other);
    if (code != 0)
        return code;
    index = (uint32_t)__builtin_ctzll(free_entries);
    code = serve_make_group(ring, index, request->name, &terms, NULL);
    if (code != 0)
        return code;
    directory_entry(ring, index)->maker = user;
    group = &ring->group[index].view;
    line = group_occupy(group, request->life, alive, ring);
    if (line < 0)
        return line;
    start_prepare(group, (uint32_t)line);
    set_live(ring, index, true);
    code = start_place(&ring->region.view, group, (uint32_t)line, &request->start, other);
    if (code != 0)
        remove_group(ring, index);
    return code != 0 ? code : (int)index;
}

static int describe(const struct mring *ring, uint32_t index, mem_entry_name_port_t entry, struct group_reply *reply)
{
    const struct region_group *group = &ring->group[index];

    memset(reply, 0, sizeof(*reply));
    if (region_share(entry) != KERN_SUCCESS)
        return -EMFILE;
    reply->entry = entry;
    reply->index = index;
    reply->terms = group->view.terms;
    reply->incarnation = group->view.incarnation;
    return 0;
}

/* With the lock held. The directory index, the line taken in *line; or -errno. */
static int join(struct mring *ring, uid_t user, const struct join_request *request, int *line)
{
    int index;

    clear_empty(ring);
    index = ring_find_group(ring, request->name);
    if (index >= 0) {
        const struct region_group *served = served_group(ring, (uint32_t)index);
        const struct group_view *group = &ring->group[index].view;

        if (served == NULL)
            return -EAGAIN;
        take_back(ring, group, request); /* its asker could not while this broker did not have the group */
        if (terms_keep_place(&group->terms)) {
            *line = group_occupy(group, request->life, alive, ring);
            return *line < 0 ? *line : index;
        }
        if (occupy_beside(ring, group, request->life, line))
            return *line < 0 ? *line : index;
        remove_group(ring, (uint32_t)index);
    }
    index = make_group(ring, user, request);
    *line = 0;
    return index;
}

int serve_join(struct mring *ring, uid_t user, const struct join_request *request, struct group_reply *reply)
{
    int line;
    int index;
    int code = 0;

    ring_lock();
    index = join(ring, user, request, &line);
    if (index >= 0) {
        const struct group_view *group = &ring->group[index].view;

        word_store(&group->line[line].ticket, request->ticket);
        code = describe(ring, (uint32_t)index, ring->group[index].entry, reply);
        reply->key = ring->group_key[index];
        reply->line = (uint32_t)line;
        reply->owner = word_load(&group->line[line].owner);
        if (code != 0)
            give_back(ring, group, (uint32_t)line, reply->owner);
    }
    ring_unlock();
    return index < 0 ? index : code;
}

/* A producer that this group alone held up sees it at its next look, within a second. */
int serve_unjoin(struct mring *ring, const struct join_request *request)
{
    int index;

    ring_lock();
    index = ring_find_group(ring, request->name);
    if (index >= 0 && served_group(ring, (uint32_t)index) != NULL)
        take_back(ring, &ring->group[index].view, request);
    ring_unlock();
    return 0;
}

static bool may_remove(const struct mring *ring, const struct meet_peer *peer, uint32_t index)
{
    return peer->role == MRING_PRODUCE || peer->uid == ring->owner ||
           peer->uid == (uid_t)directory_entry(ring, index)->maker;
}

/* With the lock held: no place is given meanwhile. -EAGAIN: nobody has brought the group yet. */
static int remove_unserved(struct mring *ring, const struct meet_peer *peer, uint32_t index)
{
    const struct region_group *group = served_group(ring, index);

    if (is_declared(ring, index) || !terms_by_join(&directory_entry(ring, index)->terms))
        return -EOPNOTSUPP;
    if (!may_remove(ring, peer, index))
        return -EACCES;
    if (group == NULL)
        return -EAGAIN;
    if (group_lives(&group->view, alive, ring))
        return -EBUSY;
    remove_group(ring, index);
    return 0;
}

int serve_remove(struct mring *ring, const struct meet_peer *peer, const char *name)
{
    int index;
    int code = -ENOENT;

    ring_lock();
    clear_empty(ring);
    index = ring_find_group(ring, name);
    if (index >= 0)
        code = remove_unserved(ring, peer, (uint32_t)index);
    ring_unlock();
    return code;
}

static int on_remove(void *context, const struct meet_peer *peer, const char *name)
{
    return serve_remove(context, peer, name);
}

static int on_unjoin(void *context, const struct meet_peer *peer, const struct join_request *request)
{
    (void)peer;
    return serve_unjoin(context, request);
}

static int on_join(void *context, const struct meet_peer *peer, const struct join_request *request,
                   struct group_reply *reply)
{
    if (check_name(request->name, "group", NULL) != 0 || request->life == 0 || request->life > LIFE_MASK)
        return -EINVAL;
    return serve_join(context, peer->uid, request, reply);
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

    return code != 0 ? code : describe(ring, index, readonly, reply);
}

/* With the lock held. A producer gets the group as its members have it; others can look at it. */
static int lend_group(struct mring *ring, uint32_t index, enum mring_role role, struct group_reply *reply)
{
    int code;

    if (role != MRING_PRODUCE)
        return lend_readonly(ring, index, reply);
    code = describe(ring, index, ring->group[index].entry, reply);
    reply->key = ring->group_key[index];
    return code;
}

static int on_group(void *context, const struct meet_peer *peer, uint32_t index, struct group_reply *reply)
{
    struct mring *ring = context;
    int code = -ENOENT;

    ring_lock();
    clear_empty(ring);
    if (index < LAYOUT_GROUPS && served_group(ring, index) != NULL)
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
    first = served_group(ring, member->group);
    then = served_group(ring, index);
    if (first != NULL && first->view.incarnation == member->incarnation && then != NULL &&
        (then->view.terms.after >> member->group & 1) != 0)
        code = lend_readonly(ring, index, reply);
    if (code == 0)
        reply->key = key_lower(&ring->group_key[index]);
    ring_unlock();
    return code;
}

/*
 * What the entry holds is its group's own affair: the producer and the members bound what they read there.
 */
static int take_in(struct mring *ring, const struct sleeper *member, mem_entry_name_port_t entry)
{
    struct region_group *group = &ring->group[member->group];
    int code;

    region_group_close(group);
    code = region_group_open(group, entry, ring->region.view.capacity, member->members, NULL);
    if (code != 0)
        return code;
    group->view.index = member->group;
    group->view.terms = directory_entry(ring, member->group)->terms;
    if (group->view.terms.kind != GROUP_DURABLE)
        group->view.terms.kind = GROUP_PASSING;
    group->view.terms.members = member->members;
    group->view.incarnation = member->incarnation;
    ring->group_key[member->group] = member->key;
    return 0;
}

/* The key has shown that there was such a group, of so many members; so it is in the directory's range. */
static bool is_live(struct mring *ring, const struct sleeper *member)
{
    const struct group_entry *known = directory_entry(ring, member->group);

    return (word_load(&ring->region.view.page->groups) >> member->group & 1) != 0 &&
           known->incarnation == member->incarnation && terms_by_join(&known->terms) &&
           !is_declared(ring, member->group);
}

static int on_bring(void *context, const struct meet_peer *peer, const struct sleeper *member,
                    mem_entry_name_port_t entry)
{
    struct mring *ring = context;
    int code;

    (void)peer;
    ring_lock();
    code = member->group < LAYOUT_GROUPS && is_live(ring, member) ? 0 : -ENOENT;
    if (code == 0 && served_group(ring, member->group) == NULL)
        code = take_in(ring, member, entry);
    else if (MACH_PORT_VALID(entry))
        mach_port_deallocate(mach_task_self(), entry);
    ring_unlock();
    return code;
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
    word_store_release(&page->directory_version, word_load(&page->directory_version) + 1);
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
