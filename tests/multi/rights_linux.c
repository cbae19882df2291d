/*
 * Rights, under two users and more: who can open a ring and as what, that a consumer cannot write what is not its own, whatever it tries,
 * and that nobody is taken for somebody else. The owner's process keeps a copy of its memory and compares it with what the others have left.
 */
#include "attacks.h"
#include "users.h"

#include "api/consumer.h"
#include "api/inspect.h"
#include "core/layout.h"
#include "meet/names.h"
#include "meet/state.h"

#include <errno.h>
#include <fcntl.h>
#include <mach/mring_mach.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "bootstrap_name.h"

enum { MESSAGES = 500, MEMBERS = 2, LAPS = 50 };

static struct event ready, finished; /* the owner serves; the others are through */
static char name[64], foreign[80];   /* as the owner and as others call the ring */

static const struct mring_group groups[] = {{.name = "g", .members = MEMBERS}, {.name = "h", .members = MEMBERS}};

static void name_ring(void)
{
    ready = event_make();
    finished = event_make();
    (void)snprintf(name, sizeof(name), "rights-%d", getpid());
    (void)snprintf(foreign, sizeof(foreign), "%d/%s", OWNER, name);
}

static struct mring *make_ring_with(struct mring_options options)
{
    struct mring_error error = MRING_ERROR_INIT;
    struct mring *ring;
    int code;

    options.capacity = 65536;
    options.groups = groups;
    options.group_count = 2;
    options.error = &error;
    code = mring_create(&ring, name, &options);
    if (code != 0)
        (void)fprintf(stderr, "%s\n", error.text);
    EXPECT_OK(code);
    return ring;
}

static struct mring *make_ring(enum mring_access access, enum mring_access produce)
{
    struct mring_options options = MRING_OPTIONS_INIT;

    options.access = access;
    options.produce = produce;
    return make_ring_with(options);
}

/* In which those of the ring's own user are not given more than their roles need, either. */
static struct mring *make_strict_ring(void)
{
    struct mring_options options = MRING_OPTIONS_INIT;

    options.strict = 1;
    return make_ring_with(options);
}

static int open_ring(struct mring **ring, const char *called, enum mring_role role)
{
    struct mring_open_options options = MRING_OPEN_OPTIONS_INIT;
    struct mring_error error = MRING_ERROR_INIT;
    int code;

    options.error = &error;
    code = mring_open(ring, called, role, &options);
    if (code != 0)
        EXPECT(strlen(error.text), >, 20);
    return code;
}

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
    other_words = layout_group_words(MEMBERS);
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
    struct sleeper victim = {.group = 1, .incarnation = 1, .members = MEMBERS, .key = own};
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
    victim = held_group_sleeper(&consumer->group, MEMBERS, 1); /* a line that its group has not */
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
    const struct sleeper other = {.group = 1, .incarnation = 1, .members = MEMBERS, .key = consumer->group.key};
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
    memset(group->view.page, 0xff, (size_t)layout_group_words(MEMBERS));
    memset(ring->region.view.doorbell, 0xff, LAYOUT_PAGE);
    EXPECT(open_ring(&producing, foreign, never), ==, -EACCES);
}

static void stranger_attacks(void *owner)
{
    struct mring *ring;
    struct mring_consumer *consumer;
    struct mring_message message;
    struct held_group other;

    event_wait(&ready);
    become(STRANGER, STRANGER, STRANGER);
    EXPECT_OK(open_ring(&ring, foreign, MRING_CONSUME));
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
    EXPECT_OK(open_ring(&ring, foreign, MRING_CONSUME));
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
    EXPECT_OK(open_ring(&ring, foreign, MRING_CONSUME));
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
    EXPECT_OK(open_ring(&ring, name, MRING_CONSUME));
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
    EXPECT_OK(open_ring(&ring, name, MRING_CONSUME));
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

/* ---- who may open ---- */

/* Somebody, and what opening as INSPECT, CONSUME and PRODUCE should answer, for each access. */
struct somebody {
    uid_t user;
    gid_t group, another;
};

static void open_as(const struct somebody *who, enum mring_role role, int expected)
{
    struct mring *ring;

    become(who->user, who->group, who->another);
    EXPECT(open_ring(&ring, foreign, role), ==, expected);
    if (expected == 0)
        EXPECT_OK(mring_close(ring));
}

struct attempt {
    struct somebody who;
    enum mring_role role;
    int expected;
};

static void attempt(void *argument)
{
    const struct attempt *it = argument;

    open_as(&it->who, it->role, it->expected);
}

static void serve_until_finished(void *argument)
{
    const enum mring_access *modes = argument;
    struct mring *ring;

    become(OWNER, OTHERS, OWNER);
    ring = make_ring(modes[0], modes[1]);
    event_send(&ready);
    event_wait(&finished);
    EXPECT_OK(mring_close(ring));
}

static void try_all(enum mring_access access, enum mring_access produce)
{
    /* The least access that serves them, to consume and to produce. */
    static const struct {
        struct somebody who;
        enum mring_access consumes, produces;
    } people[] = {
        {{OWNER, OWNER, OWNER}, MRING_OWNER, MRING_OWNER},
        {{0, 0, 0}, MRING_OWNER, MRING_OWNER},
        {{STRANGER, OTHERS, STRANGER}, MRING_GROUP, MRING_GROUP},
        {{STRANGER, STRANGER, OTHERS}, MRING_GROUP, MRING_EVERYONE}, /* messages tell the effective group alone */
        {{STRANGER, STRANGER, STRANGER}, MRING_EVERYONE, MRING_EVERYONE},
    };
    enum mring_access modes[] = {access, produce};
    pid_t owner = child_start(serve_until_finished, modes);

    event_wait(&ready);
    for (size_t at = 0; at < sizeof(people) / sizeof(people[0]); at++)
        for (enum mring_role role = MRING_CONSUME; role <= MRING_INSPECT; role++) {
            bool may = access >= people[at].consumes && (role != MRING_PRODUCE || produce >= people[at].produces);
            struct attempt one = {people[at].who, role, may ? 0 : -EACCES};

            child_finish(child_start(attempt, &one));
        }
    event_send(&finished);
    child_finish(owner);
}

static void access_is_as_asked(void)
{
    name_ring();
    for (enum mring_access access = MRING_OWNER; access <= MRING_EVERYONE; access++)
        for (enum mring_access produce = MRING_OWNER; produce <= access; produce++)
            try_all(access, produce);
}

static void wrong_terms_are_refused(void)
{
    struct mring_options options = MRING_OPTIONS_INIT;
    struct mring *ring;

    options.produce = MRING_EVERYONE;
    EXPECT(mring_create(&ring, NULL, &options), ==, -EINVAL);
    options.access = (enum mring_access)3;
    EXPECT(mring_create(&ring, NULL, &options), ==, -EINVAL);
    EXPECT(open_ring(&ring, "nobody-is-called-this/x", MRING_CONSUME), ==, -ENOENT);
    EXPECT(open_ring(&ring, "0/rights-nobody-serves-this", MRING_CONSUME), ==, -ENOENT);
    EXPECT(mring_open(&ring, "root/rights-nobody-serves-this", MRING_CONSUME, NULL), ==, -ENOENT);
    EXPECT(mring_open(&ring, "/x", MRING_CONSUME, NULL), ==, -EINVAL);
    EXPECT(mring_open(&ring, "0/a/b", MRING_CONSUME, NULL), ==, -EINVAL);
    EXPECT(mring_open(&ring, "99999999999/x", MRING_CONSUME, NULL), ==, -ENOENT);
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
    EXPECT(of_group.members_most, ==, MEMBERS);
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
    EXPECT_OK(open_ring(&ring, foreign, MRING_INSPECT));
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

/* ---- names ---- */

static void sit_on_the_name(void *listens)
{
    char text[128];
    struct service_name service;
    struct service_address address;
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

    become(STRANGER, STRANGER, STRANGER);
    (void)snprintf(text, sizeof(text), "mring.%s", name);
    service = service_name(text);
    address = service_address(OWNER, &service);
    EXPECT_OK(bind(fd, (struct sockaddr *)&address.address, address.size));
    if (listens != NULL)
        EXPECT_OK(listen(fd, 16));
    event_send(&ready);
    event_wait(&finished);
}

static void owner_meets_the_squatter(void *unused)
{
    struct mring_options options = MRING_OPTIONS_INIT;
    struct mring_open_options opening = MRING_OPEN_OPTIONS_INIT;
    struct mring_error error = MRING_ERROR_INIT;
    struct mring *ring;
    char who[32];

    (void)unused;
    event_wait(&ready);
    become(OWNER, OWNER, OWNER);
    (void)snprintf(who, sizeof(who), "user %d", STRANGER);
    options.error = &error;
    opening.error = &error;
    EXPECT(mring_create(&ring, name, &options), ==, -EACCES);
    EXPECT(strstr(error.text, who) != NULL, !=, 0);
    error.text[0] = '\0';
    EXPECT(mring_open(&ring, name, MRING_CONSUME, &opening), ==, -EACCES);
    EXPECT(strstr(error.text, who) != NULL, !=, 0);
}

/* Nobody can tell who it is; but that it is no ring. */
static void owner_meets_the_silent_one(void *unused)
{
    struct mring_options options = MRING_OPTIONS_INIT;
    struct mring_error error = MRING_ERROR_INIT;
    struct mring *ring;

    (void)unused;
    event_wait(&ready);
    become(OWNER, OWNER, OWNER);
    options.error = &error;
    EXPECT(mring_create(&ring, name, &options), ==, -EEXIST);
    EXPECT(strstr(error.text, "does not answer") != NULL, !=, 0);
    EXPECT(mring_open(&ring, name, MRING_CONSUME, NULL), ==, -ENOENT);
}

static void a_squatter_is_found_out(void)
{
    pid_t squatter;

    name_ring();
    squatter = child_start(sit_on_the_name, name);
    child_finish(child_start(owner_meets_the_squatter, NULL));
    event_send(&finished);
    child_finish(squatter);
}

static void a_silent_squatter_is_no_ring(void)
{
    pid_t squatter;

    name_ring();
    squatter = child_start(sit_on_the_name, NULL);
    child_finish(child_start(owner_meets_the_silent_one, NULL));
    event_send(&finished);
    child_finish(squatter);
}

/* ---- pid namespaces ---- */

/* Without the checks that a sanitizer makes at exit: its helper, a process too, does not find its way back over namespaces. */
static void leave_namespace(void)
{
    (void)fflush(NULL);
    _exit(EXIT_SUCCESS);
}

static void consume_one(struct mring *ring)
{
    struct mring_consumer *consumer;
    struct mring_message message;

    EXPECT_OK(mring_join(ring, "g", NULL, &consumer));
    EXPECT_OK(mring_wait(consumer, MRING_FOREVER));
    EXPECT(mring_next(consumer, &message), ==, 1);
    EXPECT_OK(mring_release(consumer, &message));
    EXPECT_OK(mring_leave(consumer));
}

static void consume_inherited(void *ring)
{
    EXPECT(getpid(), ==, 1);
    consume_one(ring);
    leave_namespace();
}

static void consume_by_name(void *unused)
{
    struct mring *ring;

    (void)unused;
    EXPECT(getpid(), <, 100); /* it is in the new namespace */
    EXPECT_OK(open_ring(&ring, name, MRING_CONSUME));
    consume_one(ring);
    EXPECT_OK(mring_close(ring));
    leave_namespace();
}

struct guest {
    void (*body)(void *);
    struct mring *ring;
};

static void enter_a_namespace(void *argument)
{
    const struct guest *guest = argument;

    if (unshare(CLONE_NEWPID) != 0)
        exit(SKIPPED);
    child_finish(child_start(guest->body, guest->ring));
    leave_namespace();
}

static void host(void (*body)(void *))
{
    struct guest guest = {.body = body};
    struct mring_producer *producer;
    pid_t child;

    name_ring();
    guest.ring = make_ring(MRING_OWNER, MRING_OWNER);
    EXPECT_OK(mring_producer(guest.ring, &producer, NULL));
    child = child_start(enter_a_namespace, &guest);
    EXPECT_OK(mring_send(producer, "x", 1, 0));
    EXPECT_OK(mring_producer_wait(producer, 0)); /* there is room */
    child_finish(child);
    EXPECT_OK(mring_producer_close(producer));
    EXPECT_OK(mring_close(guest.ring));
}

static void from_another_pid_namespace_by_name(void)
{
    host(consume_by_name);
}

static void from_another_pid_namespace_by_fork(void)
{
    host(consume_inherited);
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
        {"access_is_as_asked", access_is_as_asked, 60},
        {"wrong_terms_are_refused", wrong_terms_are_refused, 30},
        {"a_squatter_is_found_out", a_squatter_is_found_out, 30},
        {"a_silent_squatter_is_no_ring", a_silent_squatter_is_no_ring, 30},
        {"from_another_pid_namespace_by_name", from_another_pid_namespace_by_name, 30},
        {"from_another_pid_namespace_by_fork", from_another_pid_namespace_by_fork, 30},
    };

    if (geteuid() != 0) {
        (void)printf("it takes root to be several users\n");
        return SKIPPED;
    }
    return harness_main(argc, argv, scenarios, sizeof(scenarios) / sizeof(scenarios[0]));
}
