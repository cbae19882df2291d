#include "chains.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct ledger *ledger;
char chain_name[64];

static const char *const a[] = {"a"}, *const b[] = {"b"}, *const b_and_c[] = {"b", "c"};

const struct shape lone_chain = {
    (const struct mring_group[]){
        {.name = "a"}, {.name = "b", .after = a, .after_count = 1}, {.name = "c", .after = b, .after_count = 1}},
    3,
    {0, 1 << 0, 1 << 1},
};
const struct shape chain = {
    (const struct mring_group[]){{.name = "a", .members = 3},
                                 {.name = "b", .members = 4, .after = a, .after_count = 1},
                                 {.name = "c", .members = 2, .after = b, .after_count = 1}},
    3,
    {0, 1 << 0, 1 << 1},
};
const struct shape diamond = {
    (const struct mring_group[]){{.name = "d", .members = 2, .after = b_and_c, .after_count = 2},
                                 {.name = "a", .members = 2},
                                 {.name = "b", .after = a, .after_count = 1},
                                 {.name = "c", .members = 3, .after = a, .after_count = 1}},
    4,
    {1 << 2 | 1 << 3, 0, 1 << 1, 1 << 1},
};

void chain_make(const struct shape *shape, struct mring **ring)
{
    struct mring_options options = MRING_OPTIONS_INIT;

    if (ledger == NULL)
        ledger = stage_share(sizeof(*ledger));
    memset(ledger, 0, sizeof(*ledger));
    (void)snprintf(chain_name, sizeof(chain_name), "stages.%d", (int)getpid());
    options.capacity = 65536;
    options.groups = shape->groups;
    options.group_count = shape->count;
    options.attempts = 65535; /* none is set aside, which would count as released */
    EXPECT_OK(mring_create(ring, chain_name, &options));
}
