/* A ring looked at from outside, and put right as far as the protocol can: core/inspect.h and core/recover.h for people. */
#include "bury.h"
#include "inspect.h"

#include "check.h"
#include "core/inspect.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* All the groups of a ring, as far as they can be had. */
struct groups {
    struct held_group held[LAYOUT_GROUPS];
    int missed; /* why one that is there could not be had; 0: all could */
};

static int get_to_repair(struct mring *ring, uint32_t index, struct held_group *held)
{
    struct group_reply reply;
    int code;

    if (held_group_borrow(ring, index, held))
        return 0;
    code = meet_group(ring->link, NULL, index, &reply);
    return code != 0 ? code : held_group_open(&ring->region.view, &reply, held, NULL);
}

/*
 * From who serves the ring now. -ENOENT is no miss: the group has just ended, or nobody has brought it to a successor. Who did not
 * answer once is not asked for the rest: each time takes seconds.
 */
static struct groups *get_groups(struct mring *ring, int (*get)(struct mring *, uint32_t, struct held_group *))
{
    struct groups *groups = calloc(1, sizeof(*groups));
    uint64_t live;

    ring_meet(ring);
    live = word_load_acquire(&ring->region.view.page->groups); /* [GROUP] */
    for (; groups != NULL && live != 0 && groups->missed != -ETIMEDOUT; live &= live - 1) {
        uint32_t index = (uint32_t)__builtin_ctzll(live);
        int code = get(ring, index, &groups->held[index]);

        if (code != 0 && code != -ENOENT)
            groups->missed = code;
    }
    return groups;
}

static void drop_groups(struct groups *groups)
{
    for (uint32_t index = 0; index < LAYOUT_GROUPS; index++)
        held_group_drop(&groups->held[index]);
    free(groups);
}

static bool alive(void *context, uint64_t number)
{
    return life_alive(((struct mring *)context)->life, number);
}

/* ---- findings ---- */

struct check {
    struct mring *ring;
    const struct mring_fsck_options *options;
    int troubles;
};

static const struct {
    enum mring_weight weight;
    const char *text;
} kinds[] = {
#define WEIGHT_NOTE                  MRING_NOTE
#define WEIGHT_LEFT                  MRING_LEFT
#define WEIGHT_DAMAGE                MRING_DAMAGE
#define DESCRIBE(name, weight, text) {WEIGHT_##weight, text},
    FINDINGS(DESCRIBE)
#undef DESCRIBE
};

/* The broker may be writing there, and anybody may have written there: a copy, cut to its size. */
static const char *copy_name(const struct mring *ring, int group, char name[LAYOUT_NAME])
{
    if (group < 0)
        return NULL;
    entry_name(&ring->region.view.directory[group], name);
    name[LAYOUT_NAME - 1] = '\0';
    return name;
}

static void pass_on(void *context, const struct finding *finding)
{
    struct check *check = context;
    char name[LAYOUT_NAME];
    struct mring_finding told = {
        .size = sizeof(told),
        .weight = kinds[finding->kind].weight,
        .text = kinds[finding->kind].text,
        .group = copy_name(check->ring, finding->group, name),
        .place = finding->line,
        .process = life_process(check->ring->life, finding->life),
        .from = finding->from,
        .to = finding->to,
    };

    check->troubles += told.weight != MRING_NOTE;
    if (check->options->report != NULL)
        check->options->report(check->options->context, &told);
}

int mring_fsck(struct mring *ring, const struct mring_fsck_options *options)
{
    static const struct mring_fsck_options silent = MRING_FSCK_OPTIONS_INIT;
    struct check check = {ring, options != NULL ? options : &silent, 0};
    struct inspector inspector;
    struct groups *groups;
    int code;

    if (ring == NULL)
        return -EINVAL;
    code = check_size(check.options->size, sizeof(*options), "mring_fsck_options", NULL);
    if (code == 0)
        code = inspect_arrive(ring, check.options->error);
    if (code != 0)
        return code;
    groups = get_groups(ring, inspect_borrow);
    if (groups == NULL)
        return failure(check.options->error, -ENOMEM, 0, "no memory for the groups of the ring");
    inspector = (struct inspector){.ring = ring->region.view,
                                   .judge = {alive, ring, life_number(ring->life)},
                                   .report = pass_on,
                                   .context = &check};
    for (uint32_t index = 0; index < LAYOUT_GROUPS; index++)
        if (groups->held[index].view.page != NULL)
            inspector.group[index] = &groups->held[index].view;
    inspect(&inspector);
    drop_groups(groups);
    return check.troubles;
}

/* ---- repair ---- */

static int repair_group(struct mring *ring, const struct held_group *held, struct mring_error *error)
{
    const struct group_view *group = &held->view;
    struct known_sleeper *known = calloc(group->members, sizeof(*known));
    struct wild_turns turns = {.since = 0};

    if (known == NULL)
        return failure(error, -ENOMEM, 0, "no memory to repair a group of %u members", group->members);
    (void)bury_dead(ring, held, known, &turns);
    for (uint32_t line = 0; line < group->members; line++)
        forget_sleeper(&known[line]);
    free(known);
    return 0;
}

static const char *missed_text(int code)
{
    return code == -EPIPE       ? "the process that served it is gone, and nobody has taken its place"
           : code == -ETIMEDOUT ? "the process that serves it does not answer; is it stopped?"
                                : mring_strerror(code);
}

int mring_repair(struct mring *ring, struct mring_error *error)
{
    struct groups *groups;
    int code;

    if (ring == NULL)
        return -EINVAL;
    if (ring->role != MRING_PRODUCE || !ring->region.writable)
        return failure(error, -EACCES, 0,
                       "to repair a ring, open it with MRING_PRODUCE; a forked child that has joined cannot");
    code = inspect_arrive(ring, error);
    if (code != 0)
        return code;
    groups = get_groups(ring, get_to_repair);
    if (groups == NULL)
        return failure(error, -ENOMEM, 0, "no memory for the groups of the ring");
    for (uint32_t index = 0; index < LAYOUT_GROUPS && code == 0; index++)
        if (groups->held[index].view.page != NULL)
            code = repair_group(ring, &groups->held[index], error);
    if (code == 0 && groups->missed != 0)
        code = failure(error, groups->missed, 0, "not all groups of the ring could be repaired: %s",
                       missed_text(groups->missed));
    drop_groups(groups);
    return code;
}
