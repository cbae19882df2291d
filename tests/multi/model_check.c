/* The counters: nothing moves while the director looks, so each must be just what the model comes to. */
#include "model_play.h"

#include "harness.h"

#include <string.h>

static void check_ring(struct play *play)
{
    const struct model *model = &play->model;
    struct mring_ring_stats ring = MRING_RING_STATS_INIT;
    uint64_t tail = model_tail(model);

    EXPECT_OK(mring_stats_ring(play->stats, &ring));
    play_expect(play, "counters: whether all is of one instant", 1, ring.instant);
    play_expect(play, "counters: the end of the stream", tail, ring.position);
    play_expect(play, "counters: messages published", model->shown, ring.messages);
    play_expect(play, "counters: bytes published", model_bytes(model, tail), ring.bytes);
    play_expect(play, "counters: whether there is a producer", model->producing, ring.producing);
    play_expect(play, "counters: whether the stream has ended", model->ended, ring.ended);
    play_expect(play, "counters: groups that are not reached", 0, ring.unreached);
    play_expect(play, "counters: sleeps that should have been woken", 0, ring.rescued);
    play_expect(play, "counters: groups that were cut off", 0, ring.cut_offs);
}

static struct model_group *find_group(struct play *play, const char *name)
{
    play->about = name;
    for (unsigned at = 0; at < MODEL_GROUPS; at++)
        if (strcmp(group_names[at], name) == 0)
            return &play->model.group[at];
    play_fail(play, "counters: a group", "one of the model's", name);
}

/* Where it is: one of one, at what it has released; one of many, at what it has claimed. */
static uint64_t position(const struct model_group *group)
{
    return group->terms.lines == 1 ? model_released(group) : group->position;
}

static void check_group(struct play *play, const struct model_group *group, const struct mring_group_stats *told)
{
    const struct model *model = &play->model;
    uint64_t tail = model_tail(model), messages = 0, redelivered = 0, missed = 0, missed_bytes = 0;
    unsigned members = 0;

    for (uint32_t at = 0; at < group->terms.lines; at++) {
        messages += group->line[at].messages;
        redelivered += group->line[at].redelivered;
        missed += group->line[at].missed;
        missed_bytes += group->line[at].missed_bytes;
        members += group->line[at].who == MODEL_TAKEN; /* one that works at what a dead one left has two places */
    }
    play_expect(play, "counters: whether the group is there", true, group->live);
    play_expect(play, "counters: whether it is durable", model_keeps_place(group), told->durable);
    play_expect(play, "counters: whether it is lossy", group->terms.lossy, told->lossy);
    play_expect(play, "counters: its places", group->terms.lines, told->members_most);
    play_expect(play, "counters: its members", members, told->members);
    play_expect(play, "counters: its position", position(group), told->position);
    play_expect(play, "counters: what it has released", model_released(group), told->released);
    play_expect(play, "counters: its lag in messages", model->shown - model_number(model, position(group)),
                told->lag_messages);
    play_expect(play, "counters: its lag in bytes", model_bytes(model, tail) - model_bytes(model, position(group)),
                told->lag_bytes);
    play_expect(play, "counters: messages handed out", messages, told->messages);
    play_expect(play, "counters: messages redelivered", redelivered, told->redelivered);
    play_expect(play, "counters: messages missed", missed, told->missed);
    play_expect(play, "counters: bytes missed", missed_bytes, told->missed_bytes);
    play_expect(play, "counters: messages set aside", group->aside_count - group->aside_first, told->aside);
    play_expect(play, "counters: messages ever set aside", group->aside_count, told->aside_ever);
    play_expect(play, "counters: deaths", group->buried, told->deaths);
}

/* A member alone may have looked further ahead than it was handed: that is believed, as it tells what will be redelivered. */
static void check_member(struct play *play, const struct model_group *group, const struct mring_member_stats *told)
{
    const struct model_line *line = &group->line[told->place];
    bool nothing = line->who == MODEL_FREE || line->held == MODEL_IDLE;

    play_expect(play, "counters: whether somebody has sat here", true, line->ever);
    play_expect(play, "counters: messages of this place", line->messages, told->messages);
    play_expect(play, "counters: redelivered of this place", line->redelivered, told->redelivered);
    play_expect(play, "counters: sleeps that should have been woken", 0, told->rescued);
    play_expect(play, "counters: damage met", 0, told->damaged);
    if (group->terms.lines == 1 && group->terms.lossy)
        return;
    if (group->terms.lines == 1) {
        for (unsigned at = 0; at < MODEL_CONSUMERS; at++) {
            struct model_consumer *consumer = &play->model.consumer[at];

            if (!consumer->open || consumer->own != line)
                continue;
            play_expect(play, "counters: whether it looks no further than the stream", true,
                        told->held_to <= model_tail(&play->model));
            play_expect(play, "counters: whether it holds what it was handed", true,
                        consumer->held == consumer->position || told->held_to >= consumer->position);
            consumer->claimed = told->held_to > consumer->position ? told->held_to : consumer->position;
        }
    } else {
        play_expect(play, "counters: where what it holds begins", nothing ? 0 : line->held, told->held_from);
        play_expect(play, "counters: where what it holds ends", nothing ? 0 : line->end, told->held_to);
    }
}

void play_check_counters(struct play *play)
{
    struct mring_group_stats group = MRING_GROUP_STATS_INIT;
    struct mring_member_stats member = MRING_MEMBER_STATS_INIT;
    unsigned groups = 0, expected = 0;

    play_expect_code(play, "mring_stats", 0, mring_stats(play->ring, &play->stats, NULL));
    check_ring(play);
    for (; mring_stats_group(play->stats, groups, &group) == 0; groups++)
        check_group(play, find_group(play, group.name), &group);
    for (unsigned at = 0; at < MODEL_GROUPS; at++) {
        const struct model_group *known = &play->model.group[at];

        expected += known->live && (model_keeps_place(known) || model_has_members(known));
    }
    play_expect(play, "counters: groups", expected, groups);
    for (unsigned at = 0; mring_stats_member(play->stats, at, &member) == 0; at++) {
        EXPECT_OK(mring_stats_group(play->stats, member.group, &group));
        check_member(play, find_group(play, group.name), &member);
    }
    play->about = NULL;
}

uint64_t play_position_of(struct play *play, unsigned group)
{
    struct mring_group_stats told = MRING_GROUP_STATS_INIT;

    play_expect_code(play, "mring_stats", 0, mring_stats(play->ring, &play->stats, NULL));
    for (unsigned at = 0; mring_stats_group(play->stats, at, &told) == 0; at++)
        if (strcmp(told.name, group_names[group]) == 0)
            return told.position;
    play_fail(play, "counters: a group", group_names[group], "none");
}
