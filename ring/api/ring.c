/* Ring handles: create, open, close. */
#include "ring.h"

#include "core/stage.h"
#include "durable.h"
#include "meet/clock.h"
#include "owner.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int check_size(size_t claimed, size_t least, const char *what, struct mring_error *error)
{
    if (claimed < least)
        return failure(error, -EINVAL, 0, "%s.size is %zu: set it with its _INIT macro", what, claimed);
    return 0;
}

int check_waiting(enum mring_waiting way, int64_t interval, struct mring_error *error)
{
    if (way != MRING_SPIN_THEN_SLEEP && way != MRING_SPIN && way != MRING_SLEEP && way != MRING_DOZE)
        return failure(error, -EINVAL, 0, "wait %d is none of enum mring_waiting", (int)way);
    if (interval < 0)
        return failure(error, -EINVAL, 0, "an interval of %lld nanoseconds", (long long)interval);
    return 0;
}

int check_name(const char *name, const char *what, struct mring_error *error)
{
    size_t length = name != NULL ? strnlen(name, MRING_NAME_MAX + 1) : 0;

    if (length == 0)
        return failure(error, -EINVAL, 0, "a %s's name is empty", what);
    if (length > MRING_NAME_MAX)
        return failure(error, -ENAMETOOLONG, 0, "the %s's name \"%.20s...\" is longer than %d bytes", what, name,
                       MRING_NAME_MAX);
    for (size_t at = 0; at < length; at++)
        if ((unsigned char)name[at] < 0x20 || name[at] == 0x7f || name[at] == '/')
            return failure(error, -EINVAL, 0, "the %s's name has a '/' or a control character at byte %zu", what, at);
    return 0;
}

/* What a parent that opened the ring to consume has mapped is what it took to serve it, and no child's. A creator's child: lower.h. */
static void forget_group(struct mring *ring, uint32_t index)
{
    region_group_forked(&ring->group[index]);
    if (ring->region.writable)
        return;
    region_group_unmap(&ring->group[index]);
    key_forget(&ring->group_key[index]);
}

void ring_forget_parent(struct mring *ring)
{
    region_forked(&ring->region);
    for (uint32_t index = 0; index < LAYOUT_GROUPS; index++)
        forget_group(ring, index);
    broker_stop(ring->broker); /* the copy of what the parent serves */
    ring->broker = NULL;
    region_desk_close(&ring->desk);
    ring->escrow = MACH_PORT_NULL;
    ring->meeting = false;
    ring->kept = 0; /* marks are not inherited */
    word_store(&ring->kept_of, 0);
    ring->handles = 0;
    ring->producing = false;
    ring->generation = mring_generation;
}

int ring_enter(struct mring *ring, struct mring_error *error)
{
    struct life *life;
    int code;

    ring_lock();
    if (ring->generation == mring_generation)
        return 0;
    ring_unlock();
    code = life_begin_forked(&life, ring->life, ring_fetch_life, ring);
    if (code != 0)
        return failure(error, code, 0, "a forked child cannot begin a life of its own in the ring: %s",
                       mring_strerror(code));
    ring_lock();
    if (ring->generation != mring_generation) /* else another thread was quicker */
        ring_forget_parent(ring);
    ring_unlock();
    life_end(life); /* the ring's handle of it is as good */
    ring_take_escrow(ring);
    ring_keep_up(ring);
    ring_lock();
    return 0;
}

/* ---- create ---- */

enum { ATTEMPTS_DEFAULT = 5 };

struct create_plan {
    struct region_plan region;
    const struct mring_group *groups;
    size_t count;
    uint64_t after[LAYOUT_GROUPS];
    struct mring_group only; /* what "no groups named" means */
};

static uint64_t power_of_two(uint64_t least)
{
    uint64_t value = LAYOUT_CAPACITY_MIN;

    while (value < least)
        value *= 2;
    return value;
}

static int plan_groups(struct create_plan *plan, struct mring_error *error)
{
    uint64_t members = 0;

    if (plan->count > LAYOUT_GROUPS)
        return failure(error, -E2BIG, 0, "%zu groups: a ring has at most %d", plan->count, LAYOUT_GROUPS);
    for (size_t index = 0; index < plan->count; index++) {
        const struct mring_group *group = &plan->groups[index];
        struct group_terms terms;
        int code = check_name(group->name, "group", error);

        if (code == 0)
            code = read_limit(group->unserved, group->limit, plan->region.capacity, &terms, error);
        if (code != 0)
            return code;
        for (size_t other = 0; other < index; other++)
            if (strcmp(group->name, plan->groups[other].name) == 0)
                return failure(error, -EINVAL, 0, "two groups are called \"%s\"", group->name);
        members += group->members != 0 ? group->members : 1;
        if (members > LAYOUT_MEMBERS)
            return failure(error, -E2BIG, 0, "more than %d members in all, from group \"%s\" on", LAYOUT_MEMBERS,
                           group->name);
    }
    return 0;
}

static struct group_terms terms_of(const struct create_plan *plan, size_t index)
{
    const struct mring_group *group = &plan->groups[index];

    return (struct group_terms){
        .kind = GROUP_DECLARED,
        .members = group->members != 0 ? group->members : 1,
        .lossy = group->lossy != 0,
        .after = plan->after[index],
    };
}

static int find_group(const struct create_plan *plan, const char *name)
{
    for (size_t index = 0; index < plan->count; index++)
        if (name != NULL && strcmp(plan->groups[index].name, name) == 0)
            return (int)index;
    return -1;
}

static int plan_stage(struct create_plan *plan, size_t index, const char *after, struct mring_error *error)
{
    const char *name = plan->groups[index].name;
    int first = find_group(plan, after);
    struct group_terms terms;

    if (first < 0)
        return failure(error, -EINVAL, 0, "group \"%s\" is to be after \"%.*s\", which is not declared", name,
                       MRING_NAME_MAX, after != NULL ? after : "");
    terms = terms_of(plan, (size_t)first);
    if (!stage_may_lead(&terms))
        return failure(error, -EINVAL, 0, "group \"%s\" cannot be after \"%s\", which may lose messages", name, after);
    plan->after[index] |= UINT64_C(1) << first;
    return 0;
}

/* Which groups are after which. */
static int plan_stages(struct create_plan *plan, struct mring_error *error)
{
    int code = 0;

    for (size_t index = 0; index < plan->count && code == 0; index++) {
        const struct mring_group *group = &plan->groups[index];

        if (group->after_count != 0 && group->after == NULL)
            return failure(error, -EINVAL, 0, "group \"%s\": after_count is %zu but after is NULL", group->name,
                           group->after_count);
        for (size_t at = 0; at < group->after_count && code == 0; at++)
            code = plan_stage(plan, index, group->after[at], error);
    }
    if (code != 0)
        return code;
    for (uint32_t index = 0; index < plan->count; index++)
        if ((stage_before(plan->after, index) >> index & 1) != 0)
            return failure(error, -EINVAL, 0, "group \"%s\" would be after itself%s: groups cannot go in a circle",
                           plan->groups[index].name,
                           (plan->after[index] >> index & 1) != 0 ? "" : ", by way of others");
    return 0;
}

static bool access_valid(enum mring_access access)
{
    return access == MRING_OWNER || access == MRING_GROUP || access == MRING_EVERYONE;
}

static int plan_access(struct create_plan *plan, const struct mring_options *options, struct mring_error *error)
{
    if (!access_valid(options->access) || !access_valid(options->produce))
        return failure(error, -EINVAL, 0, "access %d or produce %d is none of enum mring_access", (int)options->access,
                       (int)options->produce);
    if (options->produce > options->access)
        return failure(error, -EINVAL, 0, "more may produce than may open the ring at all (mring_options.access)");
    plan->region.access = options->access;
    plan->region.produce = options->produce;
    return 0;
}

static int plan_ring(struct create_plan *plan, const struct mring_options *given, struct mring_error *error)
{
    static const struct mring_options defaults = MRING_OPTIONS_INIT;
    const struct mring_options *options = given != NULL ? given : &defaults;
    uint64_t capacity = options->capacity != 0 ? options->capacity : 1024 * 1024;
    unsigned members = options->members != 0 ? options->members : 16;
    int code;

    if (capacity > LAYOUT_CAPACITY_MAX)
        return failure(error, -EINVAL, 0, "capacity %zu is larger than 2^40 bytes", options->capacity);
    if (options->alignment != 0 && options->alignment != 8 && options->alignment != 64)
        return failure(error, -EINVAL, 0, "alignment %zu is neither 8 nor 64", options->alignment);
    if (members > LAYOUT_MEMBERS)
        return failure(error, -E2BIG, 0, "%u members: a ring has at most %d", members, LAYOUT_MEMBERS);
    if (options->group_count != 0 && options->groups == NULL)
        return failure(error, -EINVAL, 0, "group_count is %zu but groups is NULL", options->group_count);
    code = plan_access(plan, options, error);
    if (code != 0)
        return code;
    plan->region.capacity = power_of_two(capacity);
    plan->region.alignment = options->alignment != 0 ? (uint32_t)options->alignment : 8;
    plan->region.members_default = members;
    if (options->attempts > TALLY_MOST)
        return failure(error, -EINVAL, 0, "%u attempts: more than %d are not counted", options->attempts, TALLY_MOST);
    plan->region.attempts_max = options->attempts != 0 ? options->attempts : ATTEMPTS_DEFAULT;
    plan->region.strict = options->strict != 0;
    plan->only = (struct mring_group){.name = "all", .members = members};
    plan->groups = options->groups != NULL ? options->groups : &plan->only;
    plan->count = options->groups != NULL ? options->group_count : 1;
    code = plan_groups(plan, error);
    return code != 0 ? code : plan_stages(plan, error);
}

struct mring *ring_blank(void)
{
    struct mring *made = calloc(1, sizeof(*made));

    if (made != NULL)
        made->generation = mring_generation;
    return made;
}

void ring_dismantle(struct mring *ring)
{
    if (ring == NULL)
        return;
    serve_end(ring);
    region_desk_close(&ring->desk);
    meet_close(ring->link);
    for (uint32_t index = 0; index < LAYOUT_GROUPS; index++) {
        durables_let_go(ring, index);
        region_group_close(&ring->group[index]);
    }
    if (MACH_PORT_VALID(ring->escrow))
        mach_port_deallocate(mach_task_self(), ring->escrow);
    life_end(ring->life);
    region_close(&ring->region);
    key_forget(&ring->secret);
    for (uint32_t index = 0; index < LAYOUT_GROUPS; index++)
        key_forget(&ring->group_key[index]);
    free(ring);
}

static int own_life_entry(void *context, mem_entry_name_port_t *entry)
{
    const struct region *region = context;

    *entry = region->life;
    return region_share(region->life) == KERN_SUCCESS ? 0 : -EMFILE;
}

static int serve(struct mring *ring, const char *name, struct mring_error *error)
{
    struct broker_service service = serve_template;
    struct broker_terms terms = serve_terms(ring, name);
    int code;

    service.context = ring;
    code = broker_start(&ring->broker, &terms, &service, error);
    key_forget(&terms.secret);
    return code != 0 ? code : meet_own(&ring->link, ring->broker, error);
}

static int build(struct mring *ring, const char *name, const struct create_plan *plan, struct mring_error *error)
{
    struct region *region = &ring->region;
    int code = ring_watch_forks(error);

    ring->owner = geteuid();
    if (code == 0 && (code = key_make(&ring->secret)) != 0)
        return failure(error, code, 0, "no random bytes for the ring's secret");
    if (code == 0)
        code = region_create(region, &plan->region, error);
    if (code != 0)
        return code;
    ring->desk = region_desk_within(region);
    ring->escrow = region_share(region->ring) == KERN_SUCCESS ? region->ring : MACH_PORT_NULL;
    for (uint32_t index = 0; index < plan->count; index++) {
        const struct mring_group *group = &plan->groups[index];
        struct group_terms terms = terms_of(plan, index);

        (void)read_limit(group->unserved, group->limit, plan->region.capacity, &terms, NULL); /* plan_groups has */
        code = serve_make_group(ring, index, group->name, &terms, error);
        if (code != 0)
            return code;
        word_store_release(&region->view.page->groups, (UINT64_C(2) << index) - 1); /* [GROUP] */
    }
    code = life_begin(&ring->life, region->view.identity, own_life_entry, region);
    if (code != 0)
        return failure(error, code, 0, "this process cannot begin a life in the ring: %s", mring_strerror(code));
    serve_announce(ring);
    return serve(ring, name, error);
}

int mring_create(struct mring **ring, const char *name, const struct mring_options *options)
{
    struct mring_error *error = NULL;
    struct create_plan plan = {.count = 0};
    struct mring *made;
    int code;

    if (ring == NULL)
        return -EINVAL;
    if (options != NULL) {
        code = check_size(options->size, sizeof(*options), "mring_options", NULL);
        if (code != 0)
            return code;
        error = options->error;
    }
    if (name != NULL && (code = check_name(name, "ring", error)) != 0)
        return code;
    code = plan_ring(&plan, options, error);
    if (code != 0)
        return code;
    plan.region.name = name;
    made = ring_blank();
    if (made == NULL)
        return failure(error, -ENOMEM, 0, "no memory for a ring handle");
    made->role = MRING_PRODUCE;
    code = build(made, name, &plan, error);
    if (code != 0) {
        ring_dismantle(made);
        return code;
    }
    *ring = made;
    return 0;
}

/* ---- open ---- */

static const char *role_text(enum mring_role role)
{
    return role == MRING_PRODUCE ? "produce for" : role == MRING_CONSUME ? "consume from" : "inspect";
}

int check_role(enum mring_role role, struct mring_error *error)
{
    if (role != MRING_CONSUME && role != MRING_PRODUCE && role != MRING_INSPECT)
        return failure(error, -EINVAL, 0, "role %d is none of enum mring_role", (int)role);
    return 0;
}

int ring_attached(struct mring *ring, const struct attach_reply *reply, const char *name, struct mring_error *error)
{
    int code = region_open(&ring->region, reply->ring, ring->role, reply->doorbell, error);

    if (code != 0)
        return code;
    /* The header's name any producer can write: to succeed by it would be to serve whatever name that one likes as this user. */
    memset(ring->region.name, 0, sizeof(ring->region.name));
    memcpy(ring->region.name, name, strnlen(name, sizeof(ring->region.name) - 1));
    code = life_begin(&ring->life, ring->region.view.identity, ring_fetch_life, ring);
    if (code != 0)
        return failure(error, code, 0, "this process cannot begin a life in ring \"%s\": %s", name,
                       mring_strerror(code));
    ring_take_escrow(ring);
    ring_keep_up(ring);
    return 0;
}

static int attach(struct mring *ring, uid_t owner, const char *name, int64_t timeout, struct mring_error *error)
{
    struct attach_reply reply;
    int code = ring_watch_forks(error);

    ring->owner = owner;
    if (code == 0)
        code = meet_look_up(&ring->link, owner, name, timeout, error);
    if (code == 0)
        code = meet_attach(ring->link, ring->role, &reply, error);
    if (code == -EACCES && ring->link != NULL)
        return failure(error, code, 0,
                       "this process may not %s the ring \"%s\" of user %lu (mring_options.access and .produce)",
                       role_text(ring->role), name, (unsigned long)owner);
    return code != 0 ? code : ring_attached(ring, &reply, name, error);
}

/* -EPIPE: who served the ring when it was found died in the middle. */
static int open_once(struct mring **ring, uid_t owner, const char *name, enum mring_role role, int64_t timeout,
                     struct mring_error *error)
{
    struct mring *made = ring_blank();
    int code;

    if (made == NULL)
        return failure(error, -ENOMEM, 0, "no memory for a ring handle");
    made->role = role;
    code = attach(made, owner, name, timeout, error);
    if (code == 0)
        *ring = made;
    else
        ring_dismantle(made);
    return code;
}

int mring_open(struct mring **ring, const char *name, enum mring_role role, const struct mring_open_options *options)
{
    struct mring_error *error = NULL, said = MRING_ERROR_INIT;
    const char *plain;
    int64_t deadline;
    uid_t owner;
    int code;

    if (ring == NULL)
        return -EINVAL;
    if (options != NULL) {
        code = check_size(options->size, sizeof(*options), "mring_open_options", NULL);
        if (code != 0)
            return code;
        error = options->error;
    }
    code = owner_of(name, &owner, &plain, error);
    if (code == 0)
        code = check_name(plain, "ring", error);
    if (code == 0)
        code = check_role(role, error);
    if (code != 0)
        return code;
    deadline = clock_deadline(options != NULL ? options->timeout : 0);
    do
        code = open_once(ring, owner, plain, role, clock_left(deadline), &said);
    while (code == -EPIPE && clock_left(deadline) > 0);
    if (code == -EPIPE)
        return failure(error, -ENOENT, 0, "the process that served ring \"%s\" is gone", name);
    return code != 0 ? failure_pass(error, code, &said) : 0;
}

/* ---- close, info ---- */

int mring_close(struct mring *ring)
{
    int code;

    if (ring == NULL)
        return 0;
    ring_lock();
    if (ring->generation != mring_generation)
        ring_forget_parent(ring);
    code = ring->handles != 0 ? -EBUSY : 0;
    ring_unlock();
    if (code == 0)
        ring_dismantle(ring);
    return code;
}

int mring_info(struct mring *ring, struct mring_info *info)
{
    const struct ring_view *view = &ring->region.view;

    if (info == NULL || info->size < sizeof(*info))
        return -EINVAL;
    info->capacity = (size_t)view->capacity;
    info->alignment = (size_t)view->alignment;
    info->message_max = (size_t)view_message_max(view);
    ring_lock(); /* a join that this process's broker is at is done, and its group's place fixed, before it counts */
    info->groups = (unsigned)__builtin_popcountll(word_load(&view->page->groups));
    ring_unlock();
    return 0;
}
