/*
 * Rights, under two users and more: a consumer cannot write what is not its own, nor can one that only looks, whatever it tries. The owner's
 * process keeps a copy of its memory and compares it with what the others have left. Who may open a ring is rights_open_linux.c's subject.
 */
#include "attacks.h"
#include "rights_ring.h"
#include "users.h"

#include "api/consumer.h"
#include "api/inspect.h"
#include "core/layout.h"
#include "meet/names.h"
#include "meet/state.h"

#include <errno.h>
#include <fcntl.h>
#include <mach/mring_mach.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "bootstrap_name.h"

enum { MESSAGES = 500, LAPS = 50 };

/* ---- what a consumer of another user can write ---- */

static void owner_compares(void *unused)
{
    struct mring *ring;
    struct mring_producer *producer;
    struct mring_consumer *consumer;
    struct mring_message message;
    unsigned char *copy, *words;
    uint64_t other_words;

    (void)unused;
    become(OWNER, OWNER, OWNER);
    ring = make_ring(MRING_EVERYONE, MRING_OWNER);
    EXPECT_OK(mring_producer(ring, &producer, NULL));
    for (uint32_t number = 0; number < MESSAGES; number++)
        EXPECT_OK(mring_send(producer, &number, sizeof(number), number));
    other_words = layout_group_words(RIGHTS_MEMBERS);
    copy = malloc(ring->region.mapped);
    words = malloc(other_words);
    EXPECT(copy != NULL && words != NULL, !=, 0);
    memcpy(copy, (void *)ring->region.base, ring->region.mapped);
    memcpy(words, ring->group[1].view.page, other_words);
    event_send(&ready);
    event_wait(&finished);

    /* The directory and its words have changed, by the broker, for the groups that the stranger made. */
    memcpy(copy + RING_DIRECTORY_OFFSET, (unsigned char *)ring->region.base + RING_DIRECTORY_OFFSET, LAYOUT_PAGE);
    memcpy(copy + RING_PRODUCER_OFFSET + 0x180, (unsigned char *)ring->region.base + RING_PRODUCER_OFFSET + 0x180, 16);
    EXPECT_OK(memcmp(copy, (void *)ring->region.base, ring->region.mapped));
    EXPECT_OK(memcmp(words, ring->group[1].view.page, other_words));

    /* Group g is beyond repair, and nobody else's concern. */
    EXPECT_OK(mring_join(ring, "h", NULL, &consumer));
    for (uint32_t sent = MESSAGES, seen = 0; seen < LAPS * MESSAGES;) {
        if (sent < LAPS * MESSAGES && mring_send(producer, &sent, sizeof(sent), sent) == 0)
            sent++;
        if (mring_next(consumer, &message) == 1) {
            EXPECT(message.tag, ==, seen++);
            EXPECT_OK(mring_release(consumer, &message));
        }
    }
    EXPECT_OK(mring_leave(consumer));
    EXPECT_OK(mring_join(ring, "passing", NULL, &consumer)); /* the directory was not used up either */
    EXPECT_OK(mring_leave(consumer));
    EXPECT_OK(mring_producer_close(producer));
    EXPECT_OK(mring_close(ring));
    free(copy);
    free(words);
}

/* Groups by the dozen: at some point the ring's user keeps the rest. */
static void exhaust(struct mring *ring)
{
    struct mring_consumer *consumer[LAYOUT_GROUPS];
    struct mring_join_options options = MRING_JOIN_OPTIONS_INIT;
    char group[32];
    int made = 0, code = 0;

    options.members = 1;
    while (code == 0 && made < LAYOUT_GROUPS) {
        (void)snprintf(group, sizeof(group), "more-%d", made);
        code = mring_join(ring, group, &options, &consumer[made]);
        if (code == 0)
            made++;
    }
    EXPECT(code, ==, -EDQUOT);
    EXPECT(made, >, 0);
    EXPECT(made, <, LAYOUT_GROUPS / 2);
    options.members = MRING_MEMBERS_MAX / 2;
    EXPECT_OK(mring_leave(consumer[--made]));
    EXPECT(mring_join(ring, "large", &options, &consumer[made]), ==, -EDQUOT);
    while (made > 0)
        EXPECT_OK(mring_leave(consumer[--made]));
}

/* The broker is asked for what a consumer is not given. */
static void attack_broker(struct mring *ring, const struct mring_consumer *consumer)
{
    const struct ring_key own = consumer->group.key;
    struct sleeper victim = {.group = 1, .incarnation = 1, .members = RIGHTS_MEMBERS, .key = own};
    struct attach_reply attached;
    struct join_request join = {.name = "g", .life = life_number(ring->life), .ticket = 1};
    semaphore_t semaphore;
    uint64_t owner = word_load(&consumer->core.line->owner);

    EXPECT(meet_attach(ring->link, MRING_PRODUCE, &attached, NULL), ==, -EACCES);
    EXPECT(meet_get_semaphore(ring->link, &victim, &semaphore), ==, -EACCES);
    victim.key = ring->link->key;
    EXPECT(meet_get_semaphore(ring->link, &victim, &semaphore), ==, -EACCES);
    EXPECT_OK(semaphore_create(mach_task_self(), &semaphore, SYNC_POLICY_FIFO, 0));
    EXPECT(meet_put_semaphore(ring->link, &victim, semaphore), ==, -EACCES);
    victim = (struct sleeper){.group = SLEEPER_PRODUCER, .owner = 1};
    EXPECT(meet_put_semaphore(ring->link, &victim, semaphore), ==, -EACCES);
    victim = held_group_sleeper(&consumer->group, RIGHTS_MEMBERS, 1); /* a line that its group has not */
    EXPECT(meet_put_semaphore(ring->link, &victim, semaphore), ==, -EACCES);
    EXPECT_OK(semaphore_destroy(mach_task_self(), semaphore));

    /* A join is undone by its ticket, which was told to nobody. The attach that follows says that the broker has been at it. */
    meet_unjoin(ring->link, &join);
    EXPECT_OK(meet_attach(ring->link, MRING_CONSUME, &attached, NULL));
    EXPECT(word_load(&consumer->core.line->owner), ==, owner);
    EXPECT_OK(mach_port_deallocate(mach_task_self(), attached.ring));
    EXPECT_OK(mach_port_deallocate(mach_task_self(), attached.doorbell));
}

/* What a successor gets is not for it; nor can it tell the broker what another group's words are. */
static void attack_succession(struct mring *ring, const struct mring_consumer *consumer)
{
    const struct sleeper other = {.group = 1, .incarnation = 1, .members = RIGHTS_MEMBERS, .key = consumer->group.key};
    struct escrow_reply escrow;

    EXPECT(MACH_PORT_VALID(ring->escrow), ==, 0);
    EXPECT(meet_escrow(ring->link, &escrow), ==, -EACCES);
    EXPECT(meet_bring(ring->link, &other, ring->region.doorbell), ==, -EACCES);
}

/* What it may write it may also ruin: that harms its own group, and wakes somebody late, or for nothing. */
static void ruin_what_is_ours(struct mring *ring, const struct mring_consumer *consumer)
{
    const struct region_group *group = &consumer->group.own;
    const enum mring_role never = MRING_PRODUCE;
    struct mring *producing;

    attack_shape(group->entry);
    attack_shape(ring->region.doorbell);
    EXPECT_OK(fallocate(mring_mach_entry_descriptor(group->entry), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0,
                        (off_t)group->mapped));
    EXPECT_OK(fallocate(mring_mach_entry_descriptor(ring->region.doorbell), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                        0, LAYOUT_PAGE));
    memset(group->view.page, 0xff, (size_t)layout_group_words(RIGHTS_MEMBERS));
    memset(ring->region.view.doorbell, 0xff, LAYOUT_PAGE);
    EXPECT(open_ring(&producing, foreign_name, never), ==, -EACCES);
}

static void stranger_attacks(void *owner)
{
    struct mring *ring;
    struct mring_consumer *consumer;
    struct mring_message message;
    struct held_group other;

    event_wait(&ready);
    become(STRANGER, STRANGER, STRANGER);
    EXPECT_OK(open_ring(&ring, foreign_name, MRING_CONSUME));
    EXPECT_OK(mring_join(ring, "g", NULL, &consumer));
    for (uint32_t number = 0; number < MESSAGES; number++) {
        EXPECT(mring_next(consumer, &message), ==, 1);
        EXPECT(message.tag, ==, number);
        EXPECT_OK(mring_release(consumer, &message));
    }
    attack_process(*(const pid_t *)owner);
    attack_mapping(ring->region.base, ring->region.mapped / 2 / LAYOUT_PAGE * LAYOUT_PAGE);
    attack_mapping(ring->region.base + RING_DATA_OFFSET + ring->region.view.capacity, ring->region.view.capacity);
    attack_entry(ring->region.ring_readonly, RING_DATA_OFFSET + ring->region.view.capacity);

    EXPECT_OK(inspect_group(ring, 1, &other, NULL)); /* h, of which it is no member */
    EXPECT(key_is_none(&other.key), !=, 0);
    attack_mapping((uint64_t)other.view.page, other.own.mapped);
    attack_entry(other.own.entry, other.own.mapped);
    held_group_drop(&other);

    attack_broker(ring, consumer);
    attack_succession(ring, consumer);
    exhaust(ring);
    ruin_what_is_ours(ring, consumer);
    _exit(EXIT_SUCCESS); /* nothing of this consumer can be left in order */
}

static void a_stranger_writes_nothing_else(void)
{
    pid_t owner, stranger;

    name_ring();
    owner = child_start(owner_compares, NULL);
    stranger = child_start(stranger_attacks, &owner);
    child_finish(stranger);
    event_send(&finished);
    child_finish(owner);
}

/* ---- who lives ---- */

static void owner_serves(void *unused)
{
    struct mring *ring;

    (void)unused;
    become(OWNER, OWNER, OWNER);
    ring = make_ring(MRING_EVERYONE, MRING_OWNER);
    event_send(&ready);
    event_wait(&finished);
    EXPECT_OK(mring_close(ring));
}

/* It sends what all who judge life have, and the owner's process drops it: with that go the locks of whoever has them in the same table. */
static void stranger_sends_life_entry(void *unused)
{
    struct mring *ring;
    struct mring_consumer *consumer;
    struct sleeper member;
    uint64_t broker;

    (void)unused;
    event_wait(&ready);
    become(STRANGER, STRANGER, STRANGER);
    EXPECT_OK(open_ring(&ring, foreign_name, MRING_CONSUME));
    EXPECT_OK(mring_join(ring, "g", NULL, &consumer));
    broker = owner_life(word_load_acquire(&ring->region.view.page->broker));
    EXPECT(life_alive(ring->life, broker), ==, true);
    member = held_group_sleeper(&consumer->group, 0, 0);
    EXPECT(meet_bring(ring->link, &member, life_entry(ring->life)), ==, -ENOENT);
    EXPECT(life_alive(ring->life, broker), ==, true);
    EXPECT_OK(mring_leave(consumer));
    EXPECT_OK(mring_close(ring));
}

static void a_stranger_ends_no_life(void)
{
    pid_t owner, stranger;

    name_ring();
    owner = child_start(owner_serves, NULL);
    stranger = child_start(stranger_sends_life_entry, NULL);
    child_finish(stranger);
    event_send(&finished);
    child_finish(owner);
}

/* ---- who serves when the owner is gone ---- */

static struct event taken; /* the stranger sits on the name */

static void owner_is_killed(void *unused)
{
    (void)unused;
    become(OWNER, OWNER, OWNER);
    (void)make_ring(MRING_EVERYONE, MRING_OWNER);
    event_send(&ready);
    event_send(&ready);
    event_wait(&taken);
    event_wait(&taken);
    (void)kill(getpid(), SIGKILL);
}

static void stranger_sits_on_successors_name(void *unused)
{
    struct service_address address;
    struct service_name service;
    struct mring *ring;
    name_t text;
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

    (void)unused;
    event_wait(&ready);
    become(STRANGER, STRANGER, STRANGER);
    EXPECT_OK(open_ring(&ring, foreign_name, MRING_CONSUME));
    names_identity(text, ring->region.view.identity, word_load(&ring->region.view.page->meeting));
    service = service_name(text);
    address = service_address(OWNER, &service);
    EXPECT_OK(bind(fd, (struct sockaddr *)&address.address, address.size));
    event_send(&taken);
    event_wait(&finished);
    (void)close(fd);
    EXPECT_OK(mring_close(ring));
}

static void heir_serves(void *unused)
{
    struct mring_consumer *consumer;
    struct mring *ring;

    (void)unused;
    event_wait(&ready);
    become(OWNER, OWNER, OWNER);
    EXPECT_OK(open_ring(&ring, ring_name, MRING_CONSUME));
    EXPECT_OK(mring_join(ring, "g", NULL, &consumer));
    event_send(&taken);
    while (ring->broker == NULL)
        EXPECT(mring_wait(consumer, 10 * 1000 * 1000), <, 0);
    EXPECT_OK(mring_leave(consumer));
    EXPECT_OK(mring_close(ring));
}

static void a_stranger_prevents_no_succession(void)
{
    pid_t owner, stranger;

    name_ring();
    taken = event_make();
    owner = child_start(owner_is_killed, NULL);
    stranger = child_start(stranger_sits_on_successors_name, NULL);
    child_finish(child_start(heir_serves, NULL));
    event_send(&finished);
    child_finish(stranger);
    child_finish_killed(owner);
}

/* ---- a forked child ---- */

/* It has the ring by inheritance, writable until it joins. */
static void inheritor_attacks(struct mring *ring, bool stranger_first)
{
    struct mring_consumer *consumer;
    struct mring_message message;
    uint64_t other_words = (uint64_t)ring->group[1].view.page;
    unsigned char byte;

    if (stranger_first)
        become(STRANGER, STRANGER, STRANGER);
    EXPECT_OK(mring_join(ring, "g", NULL, &consumer));
    if (!stranger_first)
        become(STRANGER, STRANGER, STRANGER); /* a worker gives up what it does not need, and goes on all the same */
    EXPECT(mring_next(consumer, &message), ==, 1);
    EXPECT_OK(mring_release(consumer, &message));
    attack_mapping(ring->region.base, RING_DATA_OFFSET + ring->region.view.capacity);
    attack_mapping(ring->region.base + RING_DATA_OFFSET + ring->region.view.capacity, ring->region.view.capacity);
    EXPECT(mincore((void *)other_words, 1, &byte), ==, -1); /* group h is not there any more */
    EXPECT(errno, ==, ENOMEM);
    for (int fd = 0; fd < 256; fd++) { /* and no descriptor leads to the ring, or to h, for writing */
        struct stat status;

        if (fstat(fd, &status) == 0 && status.st_size == (off_t)(RING_DATA_OFFSET + ring->region.view.capacity))
            EXPECT(fcntl(fd, F_GETFL) & O_ACCMODE, ==, O_RDONLY);
    }
    EXPECT(key_is_none(&ring->secret) && key_is_none(&ring->group_key[1]), !=, 0);
    attack_broker(ring, consumer);
    attack_succession(ring, consumer);
    EXPECT_OK(mring_leave(consumer));
    EXPECT_OK(mring_join(ring, "h", NULL, &consumer)); /* by the broker: its key goes on, whoever the child is */
    EXPECT(mring_next(consumer, &message), ==, 1);
    EXPECT_OK(mring_leave(consumer));
}

static void join_then_become_another(void *ring)
{
    inheritor_attacks(ring, false);
}

static void become_another_then_join(void *ring)
{
    inheritor_attacks(ring, true);
}

static void inherit(struct mring *ring, void (*const *children)(void *), size_t count)
{
    struct mring_producer *producer;

    EXPECT_OK(mring_producer(ring, &producer, NULL));
    for (size_t at = 0; at < count; at++) {
        EXPECT_OK(mring_send(producer, "x", 1, 0));
        child_finish(child_start(children[at], ring));
    }
    EXPECT_OK(mring_producer_close(producer));
    EXPECT_OK(mring_close(ring));
}

/* The rings are root's, which alone can make a child another user's. */
static void an_inheritor_writes_nothing_else(void)
{
    static void (*const children[])(void *) = {become_another_then_join};

    name_ring();
    inherit(make_ring(MRING_OWNER, MRING_OWNER), children, 1);
}

static void nor_does_the_same_user_of_a_strict_ring(void)
{
    static void (*const children[])(void *) = {join_then_become_another, become_another_then_join};

    name_ring();
    inherit(make_strict_ring(), children, 2);
}

/* A child of the ring's own user keeps in escrow what a successor needs: no more of it is mapped than of another's. */
static void join_and_keep_escrow(void *context)
{
    struct mring *ring = context;
    uint64_t other_words = (uint64_t)ring->group[1].view.page;
    struct mring_consumer *consumer;
    unsigned char byte;

    EXPECT_OK(mring_join(ring, "g", NULL, &consumer));
    attack_mapping(ring->region.base, RING_DATA_OFFSET + ring->region.view.capacity);
    EXPECT(mincore((void *)other_words, 1, &byte), ==, -1);
    EXPECT(MACH_PORT_VALID(ring->escrow) && MACH_PORT_VALID(ring->group[1].entry), !=, 0);
    EXPECT(key_is_none(&ring->secret), ==, 0);
    attack_broker(ring, consumer); /* with the key of its role, which is all that it shows */
    EXPECT_OK(mring_leave(consumer));
}

static void an_heir_has_nothing_mapped(void)
{
    static void (*const children[])(void *) = {join_and_keep_escrow};

    name_ring();
    inherit(make_ring(MRING_OWNER, MRING_OWNER), children, 1);
}

static void creator_is_killed(void *unused)
{
    (void)unused;
    (void)make_ring(MRING_OWNER, MRING_OWNER);
    event_send(&ready);
    event_wait(&taken);
    (void)kill(getpid(), SIGKILL);
}

/* Nor has a child of who came to serve the ring, though that one has the groups mapped for it. */
static void a_successors_child_has_nothing_mapped(void)
{
    struct mring_consumer *consumer;
    struct mring *ring;
    pid_t creator;

    name_ring();
    taken = event_make();
    creator = child_start(creator_is_killed, NULL);
    event_wait(&ready);
    EXPECT_OK(open_ring(&ring, ring_name, MRING_CONSUME));
    EXPECT_OK(mring_join(ring, "g", NULL, &consumer));
    event_send(&taken);
    while (ring->broker == NULL)
        EXPECT(mring_wait(consumer, 10 * 1000 * 1000), <, 0);
    EXPECT(waitpid(creator, NULL, 0), ==, creator);
    EXPECT_OK(mring_leave(consumer));
    EXPECT((uint64_t)ring->group[1].view.page, !=, 0);
    child_finish(child_start(join_and_keep_escrow, ring));
    EXPECT_OK(mring_close(ring));
}

/* ---- who only looks ---- */

static void count_as_a_stranger(struct mring *ring)
{
    struct mring_group_stats of_group = MRING_GROUP_STATS_INIT;
    struct mring_stats *stats = NULL;

    EXPECT_OK(mring_stats(ring, &stats, NULL));
    EXPECT_OK(mring_stats_group(stats, 1, &of_group));
    EXPECT(strcmp(of_group.name, "h"), ==, 0);
    EXPECT(of_group.reached, ==, 1);
    EXPECT(of_group.members_most, ==, RIGHTS_MEMBERS);
    EXPECT(mring_stats_group(stats, 2, &of_group), ==, -ENOENT);
    mring_stats_free(stats);
}

static void inspector_attacks(void *unused)
{
    struct mring *ring;
    struct mring_consumer *consumer;
    struct mring_producer *producer;
    struct mring_info info = MRING_INFO_INIT;
    struct attach_reply attached;
    struct held_group group;

    (void)unused;
    event_wait(&ready);
    become(STRANGER, STRANGER, STRANGER);
    EXPECT_OK(open_ring(&ring, foreign_name, MRING_INSPECT));
    EXPECT_OK(mring_info(ring, &info));
    EXPECT(info.groups, ==, 2);
    EXPECT(mring_join(ring, "g", NULL, &consumer), ==, -EACCES);
    EXPECT(mring_producer(ring, &producer, NULL), ==, -EACCES);
    EXPECT(meet_attach(ring->link, MRING_CONSUME, &attached, NULL), ==, -EACCES);
    for (uint32_t index = 0; index < 2; index++) {
        EXPECT_OK(inspect_group(ring, index, &group, NULL));
        EXPECT(word_load(&group.view.line[0].held), ==, HELD_IDLE);
        attack_mapping((uint64_t)group.view.page, group.own.mapped);
        attack_entry(group.own.entry, group.own.mapped);
        held_group_drop(&group);
    }
    EXPECT(inspect_group(ring, 2, &group, NULL), ==, -ENOENT);
    count_as_a_stranger(ring);
    attack_mapping(ring->region.base, RING_DATA_OFFSET + ring->region.view.capacity);
    attack_mapping((uint64_t)ring->region.view.doorbell, LAYOUT_PAGE);
    attack_entry(ring->region.doorbell, LAYOUT_PAGE);
    EXPECT_OK(mring_close(ring));
}

static void an_inspector_writes_nothing(void)
{
    enum mring_access modes[] = {MRING_EVERYONE, MRING_OWNER};
    pid_t owner;

    name_ring();
    owner = child_start(serve_until_finished, modes);
    child_finish(child_start(inspector_attacks, NULL));
    event_send(&finished);
    child_finish(owner);
}

int main(int argc, char **argv)
{
    static const struct scenario scenarios[] = {
        {"a_stranger_writes_nothing_else", a_stranger_writes_nothing_else, 60},
        {"nor_does_the_same_user_of_a_strict_ring", nor_does_the_same_user_of_a_strict_ring, 60},
        {"an_heir_has_nothing_mapped", an_heir_has_nothing_mapped, 60},
        {"a_successors_child_has_nothing_mapped", a_successors_child_has_nothing_mapped, 60},
        {"an_inheritor_writes_nothing_else", an_inheritor_writes_nothing_else, 60},
        {"an_inspector_writes_nothing", an_inspector_writes_nothing, 60},
        {"a_stranger_ends_no_life", a_stranger_ends_no_life, 30},
        {"a_stranger_prevents_no_succession", a_stranger_prevents_no_succession, 30},
    };

    if (geteuid() != 0) {
        (void)printf("it takes root to be several users\n");
        return SKIPPED;
    }
    return harness_main(argc, argv, scenarios, sizeof(scenarios) / sizeof(scenarios[0]));
}
