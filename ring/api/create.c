/* mring_create: what the options say, checked as a whole before anything is made; then the ring, served. */
#include "check.h"
#include "core/stage.h"
#include "directory.h"
#include "ring.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

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
    int code = ring_prepare_process(error);

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
        code = directory_make_group(ring, index, group->name, &terms, error);
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
