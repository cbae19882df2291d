/* `mring remove`: a durable group that nobody receives for, and that keeps a sender waiting, goes; any other stays. */
#include "harness.h"
#include "mring.h"
#include "tool.h"

#include <errno.h>

static struct mring *ring;
static struct mring_consumer *member;

/* A ring with a durable group, which has one member. */
static void make_ring(struct mring_producer **producer)
{
    struct mring_options options = MRING_OPTIONS_INIT;
    struct mring_join_options durable = MRING_JOIN_OPTIONS_INIT;
    struct mring_group none = {.name = NULL};

    options.groups = &none;
    options.capacity = 16384;
    EXPECT_OK(mring_create(&ring, tool_ring(), &options));
    durable.durable = 1;
    EXPECT_OK(mring_join(ring, "old ledger", &durable, &member));
    EXPECT_OK(mring_producer(ring, producer, NULL));
}

static int fill(struct mring_producer *producer)
{
    int code;

    while ((code = mring_send(producer, NULL, 0, 0)) == 0)
        ;
    return code;
}

static void a_sender_goes_on(void)
{
    struct mring_producer *producer;

    make_ring(&producer);
    EXPECT(fill(producer), ==, -EAGAIN);
    TOOL_EXPECT(1, "\"old ledger\" cannot be removed: a living process is a member", "remove", "--group=old ledger",
                RING);
    EXPECT_OK(mring_leave(member));
    EXPECT(mring_send_wait(producer, NULL, 0, 0, 300000000), ==, -ETIMEDOUT);
    TOOL_EXPECT(0, "", "remove", "--group", "old ledger", RING);
    EXPECT_OK(mring_send_wait(producer, NULL, 0, 0, MRING_FOREVER));
    TOOL_EXPECT(1, "none of this name", "remove", "--group=old ledger", RING);
    EXPECT_OK(mring_producer_close(producer));
    EXPECT_OK(mring_close(ring));
}

static void what_makes_no_sense_is_named(void)
{
    TOOL_EXPECT(0, "usage: mring remove", "remove", "--help");
    TOOL_EXPECT(2, "--group is missing", "remove", RING);
    TOOL_EXPECT(2, "the name of a ring is missing", "remove", "--group=a");
    TOOL_EXPECT(1, tool_ring(), "remove", "--group=a", RING);
}

int main(int argc, char **argv)
{
    static const struct scenario scenarios[] = {
        {"a_sender_goes_on", a_sender_goes_on, 60},
        {"what_makes_no_sense_is_named", what_makes_no_sense_is_named, 60},
    };

    return harness_main(argc, argv, scenarios, sizeof(scenarios) / sizeof(scenarios[0]));
}
