/* Whose groups one may remove of a ring that is served to other users. It takes root to be several users. */
#include "users.h"

#include "mring.h"

#include <errno.h>
#include <stdio.h>

enum { MAKER = 34567 };

static char name[48], foreign[64]; /* as the owner and as others call the ring */
static struct event served, tried;

static struct mring *open_ring(enum mring_role role)
{
    struct mring *ring;

    EXPECT_OK(mring_open(&ring, foreign, role, NULL));
    return ring;
}

static void make_group(struct mring *ring, const char *group)
{
    struct mring_join_options options = MRING_JOIN_OPTIONS_INIT;
    struct mring_consumer *consumer;

    options.members = 1;
    options.durable = 1;
    EXPECT_OK(mring_join(ring, group, &options, &consumer));
    EXPECT_OK(mring_leave(consumer));
}

static void owner(void *unused)
{
    struct mring_options options = MRING_OPTIONS_INIT;
    struct mring *ring;

    (void)unused;
    become(OWNER, OWNER, OWNER);
    options.access = MRING_EVERYONE;
    options.produce = MRING_GROUP;
    EXPECT_OK(mring_create(&ring, name, &options));
    make_group(ring, "owner's");
    event_send(&served);
    event_wait(&tried);
    EXPECT_OK(mring_group_remove(ring, "maker's", NULL));
    EXPECT_OK(mring_close(ring));
}

static void maker(void *unused)
{
    struct mring *ring;

    (void)unused;
    become(MAKER, MAKER, MAKER);
    ring = open_ring(MRING_CONSUME);
    make_group(ring, "maker's own");
    EXPECT_OK(mring_group_remove(ring, "maker's own", NULL));
    EXPECT(mring_group_remove(ring, "owner's", NULL), ==, -EACCES);
    make_group(ring, "maker's");
    make_group(ring, "maker's too");
    EXPECT_OK(mring_close(ring));
}

/* May open the ring, has made no group; and then, as one who may produce. */
static void stranger(void *unused)
{
    struct mring *ring;

    (void)unused;
    become(STRANGER, STRANGER, STRANGER);
    ring = open_ring(MRING_CONSUME);
    EXPECT(mring_group_remove(ring, "maker's", NULL), ==, -EACCES);
    EXPECT(mring_group_remove(ring, "owner's", NULL), ==, -EACCES);
    EXPECT(mring_group_remove(ring, "nobody's", NULL), ==, -ENOENT);
    EXPECT_OK(mring_close(ring));
}

static void stranger_who_may_produce(void *unused)
{
    struct mring *ring;

    (void)unused;
    become(STRANGER, OWNER, OWNER);
    ring = open_ring(MRING_PRODUCE);
    EXPECT_OK(mring_group_remove(ring, "maker's too", NULL));
    EXPECT_OK(mring_group_remove(ring, "owner's", NULL));
    EXPECT_OK(mring_close(ring));
}

static void each_their_own(void)
{
    pid_t serving;

    (void)snprintf(name, sizeof(name), "removal-rights-%ld", (long)getpid());
    (void)snprintf(foreign, sizeof(foreign), "%d/%s", OWNER, name);
    served = event_make();
    tried = event_make();
    serving = child_start(owner, NULL);
    event_wait(&served);
    child_finish(child_start(maker, NULL));
    child_finish(child_start(stranger, NULL));
    child_finish(child_start(stranger_who_may_produce, NULL));
    event_send(&tried);
    child_finish(serving);
}

int main(int argc, char **argv)
{
    static const struct scenario scenarios[] = {{"each_their_own", each_their_own, 30}};

    if (geteuid() != 0) {
        (void)printf("it takes root to be several users\n");
        return SKIPPED;
    }
    return harness_main(argc, argv, scenarios, sizeof(scenarios) / sizeof(scenarios[0]));
}
