/* The name of a ring at the bootstrap server. */
#ifndef MRING_MEET_NAMES_H
#define MRING_MEET_NAMES_H

#include "mring.h"

#include <mach/mach.h>
#include <servers/bootstrap.h>
#include <stdbool.h>

/* "mring." and the ring's name. False: it is longer than MRING_NAME_MAX. */
bool names_service(name_t service, const char *name);

/* A send right to the bootstrap server, asked for each time: in a forked child the global variable is the parent's (Mach 5.6). */
kern_return_t names_server(mach_port_t *server);

#endif
