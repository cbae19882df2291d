/*
 * For cmocka's tests of the broker and those who attach: a ring, and a service that hands its rights out.
 */
#ifndef TESTS_MEET_FIXTURE_H
#define TESTS_MEET_FIXTURE_H

#include "meet/meet.h"
#include "region/region.h"
#include "support/child.h"

extern const struct ring_key secret; /* of all rings */

struct fixture {
    struct region region;
    struct region_group group;
    struct broker_service service;
    struct broker *broker;
    struct meet_link *link;
    char name[MRING_NAME_MAX + 1];
    unsigned attached;
    uint64_t brought;
    uint64_t undone; /* the ticket of the last join that was undone */
    pid_t server;    /* where the ring is served by a child */
    struct gate from_child, to_child;
};

/* Around each test, whose state it is. */
int set_up(void **state);
int tear_down(void **state);
#define MEET_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

struct broker_terms terms_of(const struct fixture *fixture, const char *name);
/* Serve the ring, under a name or without. */
int serve(struct fixture *fixture, const char *name, struct mring_error *error);
/* Without, with a link to the broker. */
void serve_own(struct fixture *fixture);
void stop(struct fixture *fixture);

/* Attach over a link and look into the memory. 0, or what went wrong. In parents and children. */
int attach_and_look(struct fixture *fixture, struct meet_link *link, enum mring_role role);

#endif
