/*
 * The names of a ring at the bootstrap server: the public one, and one made of its identity, which a successor holds.
 *
 * A name is its user's: "feed" of one user and "feed" of another are two rings. Whoever answers for it was found to be that user, or
 * root: on Linux by the look-up itself, elsewhere by each answer (meet/call.c).
 */
#ifndef MRING_MEET_NAMES_H
#define MRING_MEET_NAMES_H

#include "mring.h"

#include <mach/mach.h>
#include <servers/bootstrap.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* "mring." and the ring's name. False: it is longer than MRING_NAME_MAX. */
bool names_service(name_t service, const char *name);

/* Back from it. NULL: it is no ring's. */
const char *names_ring(const char *service);

/* "mring/", the identity and a successor's number: no ring can be called that (check_name). */
void names_identity(name_t service, const uint64_t identity[2], uint64_t meeting);

/* A send right to the bootstrap server, asked for each time: in a forked child the global variable is the parent's (Mach 5.6). */
kern_return_t names_server(mach_port_t *server);

/* Who is told of names. */
struct names_listener {
    void (*found)(void *context, uid_t owner, const char *name);
    void *context;
};

/* ---- names_linux.c, names_darwin.c ---- */

/* Take a name of this user's, to be found by whom `access` names. KERN_PROTECTION_FAILURE: this process may take none. */
kern_return_t names_check_in(mach_port_t server, const name_t service, enum mring_access access, mach_port_t *port);

/* Find a name of a user's. BOOTSTRAP_NOT_PRIVILEGED: it is there, but not for us; or somebody else sits on it (names_holder). */
kern_return_t names_look_up(mach_port_t server, uid_t owner, const name_t service, mach_port_t *port);

/* Who listens where that name should be, as far as the system tells. */
bool names_holder(uid_t owner, const name_t service, uid_t *uid, pid_t *pid);

/*
 * Call `found` for each name of a ring, of any user, that is said to be served here: names_holder tells whether it is. KERN_NOT_SUPPORTED: the
 * system tells nobody. KERN_FAILURE, KERN_RESOURCE_SHORTAGE
 */
kern_return_t names_list(const struct names_listener *listener);

/* Can this process find names of the process that made this port? */
bool names_reach(mach_port_t port);

/* Does a look-up fail for whom the name is not served to? */
bool names_turns_away(void);

#endif
