/*
 * The directory of the groups of a ring that this process serves: made, joined, left, removed, and brought to a successor.
 *
 * A successor (succession.c) may find live groups, made by joins, whose entries it does not have. Somebody brings each of them, or all who
 * had it are dead: then no process has set the group's mark, and it is cleared away like any other that is empty. Until then nobody
 * can join it.
 *
 * The directory has one writer, this code under the ring lock. An entry is complete before its bit in `groups` is set [GROUP], and
 * not touched again until the bit was cleared; an entry that is used anew has a larger incarnation, and a fresh group entry (R17),
 * since ex-members keep their mapping of the old one.
 */
#include "directory.h"

#include "core/stage.h"
#include "core/start.h"
#include "core/unserved.h"
#include "quota.h"

#include <errno.h>
#include <string.h>

static struct group_entry *directory_entry(const struct mring *ring, uint32_t index)
{
    return &ring->desk.directory[index];
}

struct region_group *directory_group(struct mring *ring, uint32_t index)
{
    struct region_group *group = ring_group(ring, index);

    return group != NULL && MACH_PORT_VALID(group->entry) ? group : NULL;
}

int directory_make_group(struct mring *ring, uint32_t index, const char *name, const struct group_terms *terms,
                         struct mring_error *error)
{
    struct region_group *group = &ring->group[index];
    struct group_entry *entry = directory_entry(ring, index);
    uint64_t incarnation = word_load(&entry->incarnation) + 1;
    int code;

    region_group_close(group);
    code = region_group_create(group, ring->region.view.capacity, terms->members, 0, error);
    if (code != 0)
        return code;
    fence_store(); /* [GROUP]: whoever sees what is written here sees that the bit is clear */
    memset(entry->name, 0, sizeof(entry->name));
    memcpy(entry->name, name, strnlen(name, LAYOUT_NAME - 1));
    entry->terms = *terms;
    word_store(&entry->entry_size, layout_group_size(terms->members, ring->region.view.capacity));
    word_store(&entry->incarnation, incarnation);
    word_store(&entry->maker, ring->owner);
    group->view.index = index;
    group->view.terms = *terms;
    group->view.incarnation = incarnation;
    ring->group_key[index] = key_of_group(&ring->secret, index, terms->members, incarnation);
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

    word_store_release(&page->groups, live ? groups | bit : groups & ~bit);                /* [GROUP] */
    word_store_release(&page->directory_version, word_load(&page->directory_version) + 1); /* [VERSION] */
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
    const struct region_group *group = directory_group(ring, index);
    struct group_terms terms = entry_terms(entry);
    struct group_view known = {.index = index, .incarnation = word_load(&entry->incarnation)};
    uint64_t cut = word_load_acquire(&ring->region.view.page->cut_off[index].what); /* [CUT] */

    if (is_declared(ring, index) || !terms_by_join(&terms))
        return false;
    if (unserved_dropped(cut, known.incarnation)) /* nobody was there, and who came then was turned away */
        return true;
    if (group == NULL)
        return !life_marked(ring->life, group_mark(&known));
    if (start_pending(&group->view)) /* whoever made it was killed over that: nobody was told of it */
        return true;
    return (group->view.terms.kind == GROUP_PASSING || cut_off_is(cut, known.incarnation)) &&
           !group_lives(&group->view, alive, ring);
}

static void remove_group(struct mring *ring, uint32_t index)
{
    set_live(ring, index, false);
    region_group_close(&ring->group[index]);
}

void directory_clear(struct mring *ring)
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
        fence_full(); /* [JOIN] */
        /* Who leaves clears its bit first and its owner word after: both must stand. */
        if ((word_load_acquire(occupied) >> witness % 64 & 1) != 0 && /* [JOIN] */
            word_load_acquire(&group->line[witness].owner) == stay)   /* [OWNER] */
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
        const struct region_group *group = directory_group(ring, (uint32_t)__builtin_ctzll(groups));

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
    served = directory_group(ring, (uint32_t)index);
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
    code = directory_make_group(ring, index, request->name, &terms, NULL);
    if (code != 0)
        return code;
    word_store(&directory_entry(ring, index)->maker, user);
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

int directory_describe(const struct mring *ring, uint32_t index, mem_entry_name_port_t entry, struct group_reply *reply)
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

    directory_clear(ring);
    index = ring_find_group(ring, request->name);
    if (index >= 0) {
        const struct region_group *served = directory_group(ring, (uint32_t)index);
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

int directory_join(struct mring *ring, uid_t user, const struct join_request *request, struct group_reply *reply)
{
    int line;
    int index;
    int code = 0;

    ring_lock();
    index = join(ring, user, request, &line);
    if (index >= 0) {
        const struct group_view *group = &ring->group[index].view;

        word_store(&group->line[line].ticket, request->ticket);
        code = directory_describe(ring, (uint32_t)index, ring->group[index].entry, reply);
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
int directory_unjoin(struct mring *ring, const struct join_request *request)
{
    int index;

    ring_lock();
    index = ring_find_group(ring, request->name);
    if (index >= 0 && directory_group(ring, (uint32_t)index) != NULL)
        take_back(ring, &ring->group[index].view, request);
    ring_unlock();
    return 0;
}

static bool may_remove(const struct mring *ring, const struct meet_peer *peer, uint32_t index)
{
    return peer->role == MRING_PRODUCE || peer->uid == ring->owner ||
           peer->uid == (uid_t)word_load(&directory_entry(ring, index)->maker);
}

/* With the lock held: no place is given meanwhile. -EAGAIN: nobody has brought the group yet. */
static int remove_unserved(struct mring *ring, const struct meet_peer *peer, uint32_t index)
{
    const struct region_group *group = directory_group(ring, index);
    struct group_terms terms = entry_terms(directory_entry(ring, index));

    if (is_declared(ring, index) || !terms_by_join(&terms))
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

int directory_remove(struct mring *ring, const struct meet_peer *peer, const char *name)
{
    int index;
    int code = -ENOENT;

    ring_lock();
    directory_clear(ring);
    index = ring_find_group(ring, name);
    if (index >= 0)
        code = remove_unserved(ring, peer, (uint32_t)index);
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
    group->view.terms = entry_terms(directory_entry(ring, member->group));
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
    struct group_terms terms = entry_terms(known);

    return (word_load(&ring->region.view.page->groups) >> member->group & 1) != 0 &&
           word_load(&known->incarnation) == member->incarnation && terms_by_join(&terms) &&
           !is_declared(ring, member->group);
}

int directory_bring(struct mring *ring, const struct sleeper *member, mem_entry_name_port_t entry)
{
    int code;

    ring_lock();
    code = member->group < LAYOUT_GROUPS && is_live(ring, member) ? 0 : -ENOENT;
    if (code == 0 && directory_group(ring, member->group) == NULL)
        code = take_in(ring, member, entry);
    else if (MACH_PORT_VALID(entry))
        mach_port_deallocate(mach_task_self(), entry);
    ring_unlock();
    return code;
}
