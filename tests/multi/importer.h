/*
 * A stream for tests of mring_export, and who is on it: programs that were executed anew with a descriptor, or were sent one.
 *
 * Each message tells what it must be: its tag is its number, length and bytes follow from that and the seed. Who gets one checks it,
 * and reports its number on a pipe.
 */
#ifndef TESTS_IMPORTER_H
#define TESTS_IMPORTER_H

#include "event.h"
#include "harness.h"
#include "mring.h"

enum { MESSAGES = 3000, CAPACITY = 262144 };

/* Two declared groups, "log" of one and "work" of four. `name` may be NULL. */
struct mring *importer_ring(const char *name, unsigned strict);

int export_as(struct mring *ring, enum mring_role role);
struct mring *import_ring(int fd);

/* Produce the whole stream, waiting for room, and end it; when it returns all have read it. */
void send_stream(struct mring *ring);

/* A member of `group` until the stream is complete. */
void consume_stream(struct mring *ring, const char *group, const struct event *reports);

/* `groups` groups have been given the whole stream; whoever reports has ended. */
void check_reports(const struct event *reports, unsigned groups);

/* No sleeper had to find out by itself that there was work. */
void check_nobody_was_rescued(struct mring *ring);

/* Over a socket, beside a byte. */
void send_descriptor(int socket, int fd);
int receive_descriptor(int socket);
void make_pair(int ends[2]);

/*
 * This program anew, in place of this process: it imports the ring of `fd`, which goes on as descriptor `at`, and does `task`: "produce", or
 * the name of a group to consume. `environment` is all that it gets; NULL: this one's. It never returns.
 */
void become_importer(const char *task, int fd, int at, const struct event *reports, char *const environment[]);

/* To be called first in main: true if this is one of those, which has done its task. */
bool was_importer(int argc, char **argv);

#endif
