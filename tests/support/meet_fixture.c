#include "meet_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

const struct ring_key secret = {{11, 22}};

static int on_attach(void *context, const struct meet_peer *peer, enum mring_role role, struct attach_reply *reply)
{
    struct fixture *fixture = context;

    fixture->attached++;
    if (peer->uid != geteuid() || peer->pid <= 0)
        return -EACCES;
    reply->ring = role == MRING_PRODUCE ? fixture->region.ring : fixture->region.ring_readonly;
    reply->doorbell = fixture->region.doorbell;
    return region_share(reply->ring) == KERN_SUCCESS && region_share(reply->doorbell) == KERN_SUCCESS ? 0 : -EMFILE;
}

static int on_life(void *context, const struct meet_peer *peer, mem_entry_name_port_t *entry)
{
    struct fixture *fixture = context;

    (void)peer;
    *entry = fixture->region.life;
    return region_share(fixture->region.life) == KERN_SUCCESS ? 0 : -EMFILE;
}

/* The reply says back what the request said, so that the test sees it arrive. */
static int on_join(void *context, const struct meet_peer *peer, const struct join_request *request,
                   struct group_reply *reply)
{
    struct fixture *fixture = context;

    (void)peer;
    if (strcmp(request->name, "full") == 0)
        return -EUSERS;
    *reply = (struct group_reply){.entry = fixture->group.entry,
                                  .index = (uint32_t)strlen(request->name),
                                  .terms = request->terms,
                                  .line = 1,
                                  .incarnation = 77,
                                  .owner = request->life};
    if (strcmp(request->name, "large") == 0)
        reply->terms.members = LAYOUT_MEMBERS + 1;
    return region_share(fixture->group.entry) == KERN_SUCCESS ? 0 : -EMFILE;
}

static int on_unjoin(void *context, const struct meet_peer *peer, const struct join_request *request)
{
    struct fixture *fixture = context;

    (void)peer;
    fixture->undone = request->ticket;
    return 0;
}

static int on_remove(void *context, const struct meet_peer *peer, const char *name)
{
    (void)context;
    return peer->role == MRING_PRODUCE ? (int)strlen(name) - LAYOUT_NAME : -EBUSY;
}

/* A group that cannot be, save for one index. */
static int on_group(void *context, const struct meet_peer *peer, uint32_t index, struct group_reply *reply)
{
    struct fixture *fixture = context;

    (void)peer;
    *reply = (struct group_reply){.entry = fixture->group.entry,
                                  .index = index,
                                  .terms = {.kind = index == 3 ? GROUP_DECLARED : 9, .members = 4}};
    return region_share(fixture->group.entry) == KERN_SUCCESS ? 0 : -EMFILE;
}

/* Group 2 is after group 1, in its third incarnation. */
static int on_follower(void *context, const struct sleeper *member, uint32_t index, struct group_reply *reply)
{
    struct fixture *fixture = context;
    const struct ring_key key = key_of_group(&secret, 2, 4, 3);

    if (index != 2 || member->group != 1)
        return -ENOENT;
    *reply = (struct group_reply){.entry = fixture->group.entry,
                                  .index = index,
                                  .terms = {.kind = GROUP_DECLARED, .members = 4, .after = 1 << 1},
                                  .incarnation = 3,
                                  .key = key_lower(&key)};
    return region_share(fixture->group.entry) == KERN_SUCCESS ? 0 : -EMFILE;
}

static int on_escrow(void *context, const struct meet_peer *peer, struct escrow_reply *reply)
{
    struct fixture *fixture = context;

    (void)peer;
    reply->ring = fixture->region.ring;
    reply->doorbell = fixture->region.doorbell;
    return region_share(reply->ring) == KERN_SUCCESS && region_share(reply->doorbell) == KERN_SUCCESS ? 0 : -EMFILE;
}

static int on_bring(void *context, const struct meet_peer *peer, const struct sleeper *member,
                    mem_entry_name_port_t entry)
{
    struct fixture *fixture = context;

    (void)peer;
    fixture->brought = (uint64_t)member->group << 32 | member->incarnation;
    return MACH_PORT_VALID(entry) && mach_port_deallocate(mach_task_self(), entry) == KERN_SUCCESS ? 0 : -EINVAL;
}

int set_up(void **state)
{
    const struct region_plan plan = {
        .capacity = LAYOUT_CAPACITY_MIN, .alignment = 8, .members_default = 1, .attempts_max = 1};
    struct fixture *fixture = calloc(1, sizeof *fixture);
    static unsigned made;

    if (fixture == NULL || region_create(&fixture->region, &plan, NULL) != 0 ||
        region_group_create(&fixture->group, LAYOUT_CAPACITY_MIN, 4, 0, NULL) != 0)
        return -1;
    fixture->service = (struct broker_service){.context = fixture,
                                               .attach = on_attach,
                                               .escrow = on_escrow,
                                               .life = on_life,
                                               .join = on_join,
                                               .unjoin = on_unjoin,
                                               .remove = on_remove,
                                               .group = on_group,
                                               .follower = on_follower,
                                               .bring = on_bring};
    fixture->from_child = gate_make();
    fixture->to_child = gate_make();
    snprintf(fixture->name, sizeof fixture->name, "test-%ld-%u", (long)getpid(), ++made);
    *state = fixture;
    return 0;
}

int tear_down(void **state)
{
    struct fixture *fixture = *state;

    gate_close(&fixture->from_child);
    gate_close(&fixture->to_child);
    region_group_close(&fixture->group);
    region_close(&fixture->region);
    free(fixture);
    return 0;
}

struct broker_terms terms_of(const struct fixture *fixture, const char *name)
{
    return (struct broker_terms){.name = name,
                                 .identity = {fixture->region.view.identity[0], fixture->region.view.identity[1]},
                                 .secret = secret};
}

int serve(struct fixture *fixture, const char *name, struct mring_error *error)
{
    const struct broker_terms terms = terms_of(fixture, name);

    return broker_start(&fixture->broker, &terms, &fixture->service, error);
}

void serve_own(struct fixture *fixture)
{
    assert_int_equal(serve(fixture, NULL, NULL), 0);
    assert_int_equal(meet_own(&fixture->link, fixture->broker, NULL), 0);
}

void stop(struct fixture *fixture)
{
    broker_stop(fixture->broker);
    meet_close(fixture->link);
}

int attach_and_look(struct fixture *fixture, struct meet_link *link, enum mring_role role)
{
    struct mring_error error = MRING_ERROR_INIT;
    struct attach_reply reply;
    struct region opened;
    int result = meet_attach(link, role, &reply, &error);

    if (result != 0)
        return result;
    if (memcmp(reply.identity, fixture->region.view.identity, sizeof reply.identity) != 0)
        return -EBADMSG;
    result = region_open(&opened, reply.ring, role, reply.doorbell, &error);
    if (result != 0)
        return result;
    if (opened.view.data[0] != fixture->region.view.data[0])
        result = -EBADMSG;
    region_close(&opened);
    return result;
}
