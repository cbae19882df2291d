/*
 * What a descriptor of a ring gives, under two users: its role, to whoever has it, and nothing beyond that, whatever they try; and what somebody
 * else writes into one is not believed. It takes root to be several users.
 */
#include "attacks.h"
#include "importer.h"
#include "users.h"

#include "api/consumer.h"
#include "api/inspect.h"
#include "core/layout.h"
#include "meet/state.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

enum { SECOND = 1000 * 1000 * 1000 };

static char name[48], foreign[64]; /* as the owner and as others call the ring */
static int sockets[2];             /* the maker's, the others' */
static struct event finished;

static void name_ring(void)
{
    (void)snprintf(name, sizeof(name), "export-rights-%d", (int)getpid());
    (void)snprintf(foreign, sizeof(foreign), "%d/%s", OWNER, name);
    make_pair(sockets);
    finished = event_make();
}

/* A ring for this user alone, of which others get a descriptor. */
static void owner_exports(enum mring_role role, unsigned strict)
{
    struct mring *ring;

    become(OWNER, OWNER, OWNER);
    ring = importer_ring(name, strict);
    send_descriptor(sockets[0], export_as(ring, role));
    event_wait(&finished);
    EXPECT_OK(mring_close(ring));
}

static void exports_consume(void *unused)
{
    (void)unused;
    owner_exports(MRING_CONSUME, 0);
}

static void exports_consume_strictly(void *unused)
{
    (void)unused;
    owner_exports(MRING_CONSUME, 1);
}

static void exports_produce(void *unused)
{
    (void)unused;
    owner_exports(MRING_PRODUCE, 0);
}

static void exports_inspect(void *unused)
{
    (void)unused;
    owner_exports(MRING_INSPECT, 0);
}

static void between(void (*owner_does)(void *), void (*other_does)(void *))
{
    pid_t owner, other;

    name_ring();
    owner = child_start(owner_does, NULL);
    other = child_start(other_does, NULL);
    child_finish(other);
    event_send(&finished);
    child_finish(owner);
}

/* ---- no more than the role ---- */

/* What it asks for by the key that it has, or by none. */
static void ask_for_more(struct mring *ring)
{
    struct attach_reply attached;
    struct escrow_reply escrow;
    struct mring_producer *producer;
    struct mring_error error = MRING_ERROR_INIT;
    int fd = -1;

    EXPECT(mring_producer(ring, &producer, NULL), ==, -EACCES);
    EXPECT(mring_export(ring, MRING_PRODUCE, &fd, &error), ==, -EACCES);
    EXPECT(strlen(error.text), >, 20);
    EXPECT(mring_repair(ring, NULL), ==, -EACCES);
    EXPECT(meet_attach(ring->link, MRING_PRODUCE, &attached, NULL), ==, -EACCES);
    EXPECT(meet_escrow(ring->link, &escrow), ==, -EACCES);
    EXPECT(MACH_PORT_VALID(ring->escrow), ==, 0);
    EXPECT(key_is_none(&ring->secret), !=, 0);
    ring->link->key = (struct ring_key){{0}};
    EXPECT(meet_attach(ring->link, MRING_INSPECT, &attached, NULL), ==, -EACCES);
}

static void attack_memory(struct mring *ring)
{
    struct held_group other;

    attack_mapping(ring->region.base, ring->region.mapped / 2 / LAYOUT_PAGE * LAYOUT_PAGE);
    attack_mapping(ring->region.base + RING_DATA_OFFSET + ring->region.view.capacity, ring->region.view.capacity);
    attack_entry(ring->region.ring_readonly, RING_DATA_OFFSET + ring->region.view.capacity);
    EXPECT_OK(inspect_group(ring, 1, &other, NULL)); /* work, of which it is no member */
    EXPECT(key_is_none(&other.key), !=, 0);
    attack_mapping((uint64_t)other.view.page, other.own.mapped);
    attack_entry(other.own.entry, other.own.mapped);
    held_group_drop(&other);
}

/* The right to the ring that is in the descriptor itself. */
static void attack_parcel(int fd)
{
    struct parcel parcel;

    EXPECT_OK(parcel_open(fd, &parcel, NULL));
    EXPECT(parcel.role, !=, MRING_PRODUCE);
    attack_entry(parcel.ring, RING_DATA_OFFSET + CAPACITY);
    parcel_close(&parcel);
}

/* The name it cannot open; the descriptor makes it a consumer. */
static void stranger_attacks(void *unused)
{
    struct mring_consumer *consumer;
    struct mring *ring;
    int fd;

    (void)unused;
    become(STRANGER, STRANGER, STRANGER);
    fd = receive_descriptor(sockets[1]);
    EXPECT(mring_open(&ring, foreign, MRING_CONSUME, NULL), ==, -EACCES);
    ring = import_ring(fd);
    EXPECT_OK(mring_join(ring, "log", NULL, &consumer));
    attack_parcel(fd);
    attack_memory(ring);
    attack_shape(consumer->group.own.entry);
    ask_for_more(ring);
    EXPECT_OK(mring_leave(consumer));
    EXPECT_OK(mring_close(ring));
}

static void a_stranger_gets_the_role_and_no_more(void)
{
    between(exports_consume, stranger_attacks);
}

/* Its files it could open anew; but it is given nothing that it could write the ring by, in escrow neither. */
static void the_same_user_attacks(void *unused)
{
    struct mring_consumer *consumer;
    struct mring *ring;

    (void)unused;
    become(OWNER, OWNER, OWNER);
    ring = import_ring(receive_descriptor(sockets[1]));
    EXPECT_OK(mring_join(ring, "log", NULL, &consumer));
    for (int fd = 0; fd < 256; fd++) {
        struct stat status;

        if (fstat(fd, &status) == 0 && status.st_size == RING_DATA_OFFSET + CAPACITY)
            EXPECT(fcntl(fd, F_GETFL) & O_ACCMODE, ==, O_RDONLY);
    }
    ask_for_more(ring);
    EXPECT_OK(mring_leave(consumer));
    EXPECT_OK(mring_close(ring));
}

static void nor_does_the_same_user_of_a_strict_ring(void)
{
    between(exports_consume_strictly, the_same_user_attacks);
}

static void stranger_looks(void *unused)
{
    struct mring_consumer *consumer;
    struct mring *ring;
    int fd, again = -1;

    (void)unused;
    become(STRANGER, STRANGER, STRANGER);
    fd = receive_descriptor(sockets[1]);
    ring = import_ring(fd);
    EXPECT(mring_join(ring, "log", NULL, &consumer), ==, -EACCES);
    EXPECT(mring_export(ring, MRING_CONSUME, &again, NULL), ==, -EACCES);
    EXPECT_OK(mring_fsck(ring, NULL));
    attack_parcel(fd);
    attack_memory(ring);
    ask_for_more(ring);
    EXPECT_OK(mring_close(ring));
}

static void who_looks_only_looks(void)
{
    between(exports_inspect, stranger_looks);
}

/* A right is a right, whoever has it. */
static void stranger_produces(void *unused)
{
    struct mring_producer *producer;
    struct mring *ring;

    (void)unused;
    become(STRANGER, STRANGER, STRANGER);
    ring = import_ring(receive_descriptor(sockets[1]));
    EXPECT_OK(mring_producer(ring, &producer, NULL));
    EXPECT_OK(mring_send(producer, "mine", 4, 0));
    EXPECT(MACH_PORT_VALID(ring->escrow), ==, 0); /* it does not become the ring's user by it */
    EXPECT_OK(mring_end(producer));
    EXPECT_OK(mring_producer_close(producer));
    EXPECT_OK(mring_close(ring));
}

static void a_stranger_may_produce_by_it(void)
{
    between(exports_produce, stranger_produces);
}

/* ---- what is not believed ---- */

static char victim[48]; /* a name that the stranger would have the owner serve */

static void exports_and_is_killed(void *unused)
{
    struct mring *ring;

    (void)unused;
    become(OWNER, OWNER, OWNER);
    ring = importer_ring(name, 0);
    send_descriptor(sockets[0], export_as(ring, MRING_CONSUME));
    event_wait(&finished);
    (void)kill(getpid(), SIGKILL);
}

static void stranger_renames(void *unused)
{
    struct mring *ring;

    (void)unused;
    become(STRANGER, STRANGER, STRANGER);
    ring = import_ring(receive_descriptor(sockets[1]));
    memcpy(ring->region.name, victim, sizeof(victim));
    send_descriptor(sockets[1], export_as(ring, MRING_CONSUME));
    EXPECT_OK(mring_close(ring));
}

/* The owner's process takes the ring over that a stranger has handed to it: under no name that the stranger chose. */
static void owner_succeeds(void *unused)
{
    struct mring *ring, *found;
    struct mring_consumer *consumer;

    (void)unused;
    become(OWNER, OWNER, OWNER);
    ring = import_ring(receive_descriptor(sockets[0]));
    EXPECT(ring->region.name[0], ==, 0);
    EXPECT_OK(mring_join(ring, "log", NULL, &consumer));
    event_send(&finished);
    while (ring->broker == NULL)
        EXPECT(mring_wait(consumer, SECOND / 100), <, 0);
    EXPECT(mring_open(&found, victim, MRING_INSPECT, NULL), ==, -ENOENT);
    EXPECT(mring_open(&found, name, MRING_INSPECT, NULL), ==, -ENOENT);
    EXPECT_OK(mring_leave(consumer));
    EXPECT_OK(mring_close(ring));
}

static void a_strangers_name_is_not_believed(void)
{
    pid_t owner;

    name_ring();
    (void)snprintf(victim, sizeof(victim), "victim-%d", (int)getpid());
    owner = child_start(exports_and_is_killed, NULL);
    child_finish(child_start(stranger_renames, NULL));
    child_finish(child_start(owner_succeeds, NULL));
    child_finish_killed(owner);
}

/* A ring of its own, which it says is the owner's: who answers for it is found out. */
static void stranger_pretends(void *unused)
{
    struct mring *ring;

    (void)unused;
    become(STRANGER, STRANGER, STRANGER);
    ring = importer_ring(NULL, 0);
    ring->link->owner = OWNER;
    send_descriptor(sockets[0], export_as(ring, MRING_CONSUME));
    event_wait(&finished);
    EXPECT_OK(mring_close(ring));
}

static void owner_refuses(void *unused)
{
    struct mring *ring;
    int fd;

    (void)unused;
    become(OWNER, OWNER, OWNER);
    fd = receive_descriptor(sockets[1]);
    EXPECT(mring_import(fd, &ring, NULL), ==, -EACCES);
}

static void a_strangers_ring_is_not_the_owners(void)
{
    between(stranger_pretends, owner_refuses);
}

/* ---- how many ---- */

/* The kernel counts what a user has in sockets, messages of the library's too: at its limit an export fails with a reason. */
static void exports_until_refused(void *unused)
{
    enum { LIMIT = 128 };
    const struct rlimit limit = {LIMIT, LIMIT};
    struct mring_error error = MRING_ERROR_INIT;
    int fds[LIMIT], count = 0, code;
    struct mring *ring;

    (void)unused;
    become(OWNER, OWNER, OWNER);
    EXPECT_OK(setrlimit(RLIMIT_NOFILE, &limit));
    ring = importer_ring(NULL, 0);
    while ((code = mring_export(ring, MRING_CONSUME, &fds[count], &error)) == 0)
        EXPECT(++count, <, LIMIT);
    EXPECT(code, ==, -ENOMEM);
    EXPECT(strlen(error.text), >, 20);
    EXPECT(count, >, LIMIT / 4);
    while (count > 0)
        EXPECT_OK(close(fds[--count]));
    EXPECT_OK(close(export_as(ring, MRING_CONSUME)));
    EXPECT_OK(mring_close(ring));
}

static void a_user_has_so_many(void)
{
    child_finish(child_start(exports_until_refused, NULL));
}

int main(int argc, char **argv)
{
    static const struct scenario scenarios[] = {
        {"a_stranger_gets_the_role_and_no_more", a_stranger_gets_the_role_and_no_more, 60},
        {"nor_does_the_same_user_of_a_strict_ring", nor_does_the_same_user_of_a_strict_ring, 60},
        {"who_looks_only_looks", who_looks_only_looks, 60},
        {"a_stranger_may_produce_by_it", a_stranger_may_produce_by_it, 30},
        {"a_strangers_name_is_not_believed", a_strangers_name_is_not_believed, 30},
        {"a_strangers_ring_is_not_the_owners", a_strangers_ring_is_not_the_owners, 30},
        {"a_user_has_so_many", a_user_has_so_many, 30},
    };

    if (geteuid() != 0) {
        (void)printf("it takes root to be several users\n");
        return SKIPPED;
    }
    return harness_main(argc, argv, scenarios, sizeof(scenarios) / sizeof(scenarios[0]));
}
