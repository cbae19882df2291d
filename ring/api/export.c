/*
 * A ring in a descriptor: made of a handle (meet/parcel.h), and opened to one.
 *
 * Opening is mring_open without the name: the same questions, to the broker that is in the parcel, shown the key that is in it. When that one has
 * gone since, the ring's memory says by what name the next is found.
 */
#include "ring.h"

#include "check.h"
#include "meet/clock.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* How long somebody may take to succeed a broker that is gone, and how long to wait before each look whether it has. */
#define PATIENCE (INT64_C(3) * 1000 * 1000 * 1000)
enum { PAUSE = 10 * 1000 * 1000 };

static void pause_before(int64_t deadline)
{
    int64_t left = clock_left(deadline);
    int saved = errno;

    nanosleep(&(struct timespec){.tv_nsec = left < PAUSE ? (long)left : PAUSE}, NULL);
    errno = saved;
}

/* ---- export ---- */

static int pack(struct mring *ring, enum mring_role role, struct parcel *parcel, struct mring_error *error)
{
    int64_t deadline = clock_deadline(PATIENCE);
    struct mring_error said = MRING_ERROR_INIT;
    int code;

    while ((code = meet_pack(ring->link, role, parcel, &said)) == -EPIPE && clock_left(deadline) > 0) {
        ring_meet(ring);
        pause_before(deadline);
    }
    if (code != 0)
        return failure_pass(error, code, &said);
    memcpy(parcel->name, ring->region.name, sizeof(parcel->name));
    return 0;
}

int mring_export(struct mring *ring, enum mring_role role, int *fd, struct mring_error *error)
{
    struct parcel parcel = {.broker = MACH_PORT_NULL};
    int code;

    if (ring == NULL || fd == NULL)
        return -EINVAL;
    code = check_role(role, error);
    if (code == 0)
        code = ring_enter(ring, error);
    if (code != 0)
        return code;
    ring_unlock();
    code = pack(ring, role, &parcel, error);
    if (code == 0)
        code = parcel_make(&parcel, fd, error);
    parcel_close(&parcel);
    return code;
}

/* ---- import ---- */

/* -EPIPE: the broker in the parcel is gone, and so far there is no other, or none that can be found from here. */
static int attach(struct mring *ring, struct parcel *parcel, struct attach_reply *reply, struct mring_error *error)
{
    int code = meet_adopt(&ring->link, parcel, error);

    if (code == 0)
        code = meet_attach(ring->link, ring->role, reply, error);
    if (code == -EPIPE && meet_renew(ring->link, region_meeting(parcel->ring)) == 0)
        code = meet_attach(ring->link, ring->role, reply, error);
    return code;
}

static int open_parcel(struct mring *ring, struct parcel *parcel, struct mring_error *error)
{
    struct attach_reply reply;
    int code = ring_prepare_process(error);

    ring->role = parcel->role;
    ring->owner = parcel->owner;
    if (code == 0)
        code = attach(ring, parcel, &reply, error);
    return code != 0 ? code : ring_attached(ring, &reply, parcel->name, error);
}

static int open_once(struct mring **ring, int fd, struct mring_error *error)
{
    struct parcel parcel;
    struct mring *made;
    int code = parcel_open(fd, &parcel, error);

    if (code != 0)
        return code;
    made = ring_blank();
    code = made != NULL ? open_parcel(made, &parcel, error) : failure(error, -ENOMEM, 0, "no memory for a ring handle");
    parcel_close(&parcel);
    if (code == 0)
        *ring = made;
    else
        ring_dismantle(made);
    return code;
}

static bool nobody_serves(int code)
{
    return code == -EPIPE || code == -ENOENT;
}

int mring_import(int fd, struct mring **ring, const struct mring_open_options *options)
{
    struct mring_error *error = NULL, said = MRING_ERROR_INIT;
    int64_t deadline;
    int code;

    if (ring == NULL)
        return -EINVAL;
    code = read_open_options(options, &error, &deadline);
    if (code != 0)
        return code;
    while (nobody_serves(code = open_once(ring, fd, &said)) && clock_left(deadline) > 0)
        pause_before(deadline);
    if (code == -EPIPE)
        return failure(error, -ENOENT, 0,
                       "nobody serves the ring of descriptor %d any more, or nobody who can be found from here "
                       "(network namespace)",
                       fd);
    return code != 0 ? failure_pass(error, code, &said) : 0;
}
