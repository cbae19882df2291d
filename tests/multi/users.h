/* Being somebody else: what tests with several users share. It takes root. */
#ifndef TESTS_USERS_H
#define TESTS_USERS_H

#include "event.h"
#include "harness.h"

#include <grp.h>
#include <sys/prctl.h>
#include <unistd.h>

enum { OWNER = 12345, STRANGER = 54321, OTHERS = 23456 /* a group of neither */, SKIPPED = 77 };

/* An ordinary process of that user: it can be traced and looked at by its own, as one that was started by it. */
static inline void become(uid_t user, gid_t group, gid_t another)
{
    EXPECT_OK(setgroups(1, &another));
    EXPECT_OK(setresgid(group, group, group));
    EXPECT_OK(setresuid(user, user, user));
    EXPECT_OK(prctl(PR_SET_DUMPABLE, 1, 0, 0, 0));
}

#endif
