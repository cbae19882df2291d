/*
 * What users other than the ring's may have of its directory.
 *
 * Whoever may consume may make groups by joining them, and a ring has 64 of them and 1024 places. A stranger is any user but the ring's and
 * root. One stranger can make 8 groups with 128 places between them, all strangers together half of the ring's, so that none
 * of them, nor all, keep the ring's own user out. Declared groups are as large as their maker wished, and first come, first served.
 */
#ifndef MRING_API_QUOTA_H
#define MRING_API_QUOTA_H

#include "ring.h"

/* May this user make one more group, of `members`? 0, -EDQUOT. With the lock held. */
int quota_check(const struct mring *ring, uid_t user, uint32_t members);

#endif
