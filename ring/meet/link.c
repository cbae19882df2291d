/* Links: made by name or for the process's own broker, and closed. What is said over them is call.c's. */
#include "meet/state.h"

#include "api/failure.h"
#include "meet/clock.h"
#include "meet/names.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

/* How long to wait before looking for a name again: twice as long each time, from a millisecond on. */
enum { LOOK_FIRST = 1000 * 1000, LOOK_LAST = 50 * 1000 * 1000 };

struct meet_link *link_make(mach_port_t port, const uint64_t identity[2], uid_t owner)
{
    struct meet_link *link = calloc(1, sizeof *link);

    if (link == NULL)
        return NULL;
    link->port = port;
    link->identity[0] = identity[0];
    link->identity[1] = identity[1];
    link->owner = owner;
    pthread_mutex_lock(&meet.lock);
    link->next = meet.links;
    meet.links = link;
    pthread_mutex_unlock(&meet.lock);
    return link;
}

/* The bootstrap server has no event for a name that appears, so it is asked again and again until the deadline. */
static kern_return_t look_up(mach_port_t server, uid_t owner, const name_t service, int64_t timeout, mach_port_t *port)
{
    int64_t deadline = clock_deadline(timeout);
    int64_t pause = LOOK_FIRST;
    kern_return_t kr = names_look_up(server, owner, service, port);

    while (kr == BOOTSTRAP_UNKNOWN_SERVICE) {
        int64_t left = clock_left(deadline);

        if (left == 0)
            break;
        if (pause > left)
            pause = left;
        nanosleep(&(struct timespec){.tv_nsec = (long)pause}, NULL);
        pause = pause < LOOK_LAST / 2 ? pause * 2 : LOOK_LAST;
        kr = names_look_up(server, owner, service, port);
    }
    return kr;
}

/* The name is there, and not for us. */
static int turned_away(uid_t owner, const char *name, const name_t service, struct mring_error *error)
{
    uid_t uid = owner;
    pid_t pid = 0;

    if (names_holder(owner, service, &uid, &pid) && uid != owner && uid != 0)
        return failure(error, -EACCES, 0,
                       "user %lu (process %ld) sits on the name \"%s\" of user %lu, whose ring cannot be found there",
                       (unsigned long)uid, (long)pid, name, (unsigned long)owner);
    if (!names_turns_away()) /* then it is not the ring's doing */
        return failure(error, -EACCES, BOOTSTRAP_NOT_PRIVILEGED, "this process may not look the ring \"%s\" up", name);
    return failure(error, -EACCES, 0, "user %lu does not serve the ring \"%s\" to this user (mring_options.access)",
                   (unsigned long)owner, name);
}

static kern_return_t find(uid_t owner, const name_t service, int64_t timeout, mach_port_t *port)
{
    mach_port_t server = MACH_PORT_NULL;
    kern_return_t kr = names_server(&server);

    if (kr == KERN_SUCCESS) {
        kr = look_up(server, owner, service, timeout, port);
        mach_port_deallocate(mach_task_self(), server);
    }
    return kr;
}

int meet_look_up(struct meet_link **link, uid_t owner, const char *name, int64_t timeout, struct mring_error *error)
{
    const uint64_t unknown[2] = {0, 0};
    mach_port_t port = MACH_PORT_NULL;
    struct meet_link *made;
    name_t service;
    kern_return_t kr;
    int result;

    if (!names_service(service, name))
        return failure(error, -ENAMETOOLONG, 0, "the name \"%.20s...\" is longer than %d bytes", name, MRING_NAME_MAX);
    result = meet_watch_forks();
    if (result != 0)
        return failure(error, result, 0, "cannot register fork handlers");
    kr = find(owner, service, timeout, &port);
    if (kr == BOOTSTRAP_UNKNOWN_SERVICE)
        return failure(
            error, -ENOENT, kr,
            "no running process of user %lu serves a ring named \"%s\": start it first, or wait with a timeout",
            (unsigned long)owner, name);
    if (kr == BOOTSTRAP_NOT_PRIVILEGED)
        return turned_away(owner, name, service, error);
    if (kr != KERN_SUCCESS)
        return failure(error, failure_code(kr), kr, "cannot look the ring \"%s\" up", name);
    made = link_make(port, unknown, owner);
    if (made == NULL) {
        mach_port_deallocate(mach_task_self(), port);
        return failure(error, -ENOMEM, 0, "no memory for a link to the ring \"%s\"", name);
    }
    *link = made;
    return 0;
}

int meet_own(struct meet_link **link, struct broker *broker, struct mring_error *error)
{
    struct meet_link *made;
    mach_port_t port = MACH_PORT_NULL;
    kern_return_t kr = KERN_INVALID_NAME;

    pthread_mutex_lock(&meet.lock);
    if (broker->served) {
        port = meet.port;
        kr = mach_port_mod_refs(mach_task_self(), port, MACH_PORT_RIGHT_SEND, 1);
    }
    pthread_mutex_unlock(&meet.lock);
    if (kr != KERN_SUCCESS)
        return failure(error, -EPIPE, kr, "the ring is not served by this process");
    made = link_make(port, broker->terms.identity, broker->owner.uid);
    if (made == NULL) {
        mach_port_deallocate(mach_task_self(), port);
        return failure(error, -ENOMEM, 0, "no memory for a link to the ring's broker");
    }
    made->key = broker->terms.secret;
    made->role = MRING_PRODUCE;
    *link = made;
    return 0;
}

int meet_adopt(struct meet_link **link, struct parcel *parcel, struct mring_error *error)
{
    bool elsewhere = !names_reach(parcel->broker);
    struct meet_link *made = link_make(parcel->broker, parcel->identity, parcel->owner);

    if (made == NULL)
        return failure(error, -ENOMEM, 0, "no memory for a link to the ring");
    parcel->broker = MACH_PORT_NULL;
    made->key = parcel->key;
    made->role = parcel->role;
    made->elsewhere = elsewhere;
    *link = made;
    return 0;
}

bool meet_is_elsewhere(const struct meet_link *link)
{
    return link->elsewhere;
}

void meet_lower(struct meet_link *link)
{
    if (!role_covers(link->role, MRING_PRODUCE))
        return;
    link->key = key_lower(&link->key);
    link->role = MRING_CONSUME;
}

int meet_renew(struct meet_link *link, uint64_t meeting)
{
    mach_port_t found = MACH_PORT_NULL;
    mach_port_t before;
    name_t service;

    names_identity(service, link->identity, meeting);
    if (meeting == 0 || find(link->owner, service, 0, &found) != KERN_SUCCESS)
        return -ENOENT;
    pthread_mutex_lock(&meet.lock);
    before = link->port;
    link->port = found;
    pthread_mutex_unlock(&meet.lock);
    if (MACH_PORT_VALID(before))
        mach_port_deallocate(mach_task_self(), before);
    return 0;
}

void meet_close(struct meet_link *link)
{
    struct meet_link **at = &meet.links;

    if (link == NULL)
        return;
    pthread_mutex_lock(&meet.lock);
    while (*at != link)
        at = &(*at)->next;
    *at = link->next;
    pthread_mutex_unlock(&meet.lock);
    if (MACH_PORT_VALID(link->port))
        mach_port_deallocate(mach_task_self(), link->port);
    key_forget(&link->key);
    free(link);
}
