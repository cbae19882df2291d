/*
 * Rights, under two users and more: who can open a ring, and as what; and that nobody is taken for somebody else, by a name or from another pid
 * namespace.
 */
#include "rights_ring.h"
#include "users.h"

#include <errno.h>
#include <sched.h>
#include <string.h>
#include <sys/socket.h>

#include "bootstrap_name.h"

/* ---- who may open ---- */

/* Somebody, and what opening as INSPECT, CONSUME and PRODUCE should answer, for each access. */
struct somebody {
    uid_t user;
    gid_t group, another;
};

static void open_as(const struct somebody *who, enum mring_role role, int expected)
{
    struct mring *ring;

    become(who->user, who->group, who->another);
    EXPECT(open_ring(&ring, foreign_name, role), ==, expected);
    if (expected == 0)
        EXPECT_OK(mring_close(ring));
}

struct attempt {
    struct somebody who;
    enum mring_role role;
    int expected;
};

static void attempt(void *argument)
{
    const struct attempt *it = argument;

    open_as(&it->who, it->role, it->expected);
}

static void try_all(enum mring_access access, enum mring_access produce)
{
    /* The least access that serves them, to consume and to produce. */
    static const struct {
        struct somebody who;
        enum mring_access consumes, produces;
    } people[] = {
        {{OWNER, OWNER, OWNER}, MRING_OWNER, MRING_OWNER},
        {{0, 0, 0}, MRING_OWNER, MRING_OWNER},
        {{STRANGER, OTHERS, STRANGER}, MRING_GROUP, MRING_GROUP},
        {{STRANGER, STRANGER, OTHERS}, MRING_GROUP, MRING_EVERYONE}, /* messages tell the effective group alone */
        {{STRANGER, STRANGER, STRANGER}, MRING_EVERYONE, MRING_EVERYONE},
    };
    enum mring_access modes[] = {access, produce};
    pid_t owner = child_start(serve_until_finished, modes);

    event_wait(&ready);
    for (size_t at = 0; at < sizeof(people) / sizeof(people[0]); at++)
        for (enum mring_role role = MRING_CONSUME; role <= MRING_INSPECT; role++) {
            bool may = access >= people[at].consumes && (role != MRING_PRODUCE || produce >= people[at].produces);
            struct attempt one = {people[at].who, role, may ? 0 : -EACCES};

            child_finish(child_start(attempt, &one));
        }
    event_send(&finished);
    child_finish(owner);
}

static void access_is_as_asked(void)
{
    name_ring();
    for (enum mring_access access = MRING_OWNER; access <= MRING_EVERYONE; access++)
        for (enum mring_access produce = MRING_OWNER; produce <= access; produce++)
            try_all(access, produce);
}

static void wrong_terms_are_refused(void)
{
    struct mring_options options = MRING_OPTIONS_INIT;
    struct mring *ring;

    options.produce = MRING_EVERYONE;
    EXPECT(mring_create(&ring, NULL, &options), ==, -EINVAL);
    options.access = (enum mring_access)3;
    EXPECT(mring_create(&ring, NULL, &options), ==, -EINVAL);
    EXPECT(open_ring(&ring, "nobody-is-called-this/x", MRING_CONSUME), ==, -ENOENT);
    EXPECT(open_ring(&ring, "0/rights-nobody-serves-this", MRING_CONSUME), ==, -ENOENT);
    EXPECT(mring_open(&ring, "root/rights-nobody-serves-this", MRING_CONSUME, NULL), ==, -ENOENT);
    EXPECT(mring_open(&ring, "/x", MRING_CONSUME, NULL), ==, -EINVAL);
    EXPECT(mring_open(&ring, "0/a/b", MRING_CONSUME, NULL), ==, -EINVAL);
    EXPECT(mring_open(&ring, "99999999999/x", MRING_CONSUME, NULL), ==, -ENOENT);
}

/* ---- names ---- */

static void sit_on_the_name(void *listens)
{
    char text[128];
    struct service_name service;
    struct service_address address;
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

    become(STRANGER, STRANGER, STRANGER);
    (void)snprintf(text, sizeof(text), "mring.%s", ring_name);
    service = service_name(text);
    address = service_address(OWNER, &service);
    EXPECT_OK(bind(fd, (struct sockaddr *)&address.address, address.size));
    if (listens != NULL)
        EXPECT_OK(listen(fd, 16));
    event_send(&ready);
    event_wait(&finished);
}

static void owner_meets_the_squatter(void *unused)
{
    struct mring_options options = MRING_OPTIONS_INIT;
    struct mring_open_options opening = MRING_OPEN_OPTIONS_INIT;
    struct mring_error error = MRING_ERROR_INIT;
    struct mring *ring;
    char who[32];

    (void)unused;
    event_wait(&ready);
    become(OWNER, OWNER, OWNER);
    (void)snprintf(who, sizeof(who), "user %d", STRANGER);
    options.error = &error;
    opening.error = &error;
    EXPECT(mring_create(&ring, ring_name, &options), ==, -EACCES);
    EXPECT(strstr(error.text, who) != NULL, !=, 0);
    error.text[0] = '\0';
    EXPECT(mring_open(&ring, ring_name, MRING_CONSUME, &opening), ==, -EACCES);
    EXPECT(strstr(error.text, who) != NULL, !=, 0);
}

/* Nobody can tell who it is; but that it is no ring. */
static void owner_meets_the_silent_one(void *unused)
{
    struct mring_options options = MRING_OPTIONS_INIT;
    struct mring_error error = MRING_ERROR_INIT;
    struct mring *ring;

    (void)unused;
    event_wait(&ready);
    become(OWNER, OWNER, OWNER);
    options.error = &error;
    EXPECT(mring_create(&ring, ring_name, &options), ==, -EEXIST);
    EXPECT(strstr(error.text, "does not answer") != NULL, !=, 0);
    EXPECT(mring_open(&ring, ring_name, MRING_CONSUME, NULL), ==, -ENOENT);
}

static void a_squatter_is_found_out(void)
{
    pid_t squatter;

    name_ring();
    squatter = child_start(sit_on_the_name, ring_name);
    child_finish(child_start(owner_meets_the_squatter, NULL));
    event_send(&finished);
    child_finish(squatter);
}

static void a_silent_squatter_is_no_ring(void)
{
    pid_t squatter;

    name_ring();
    squatter = child_start(sit_on_the_name, NULL);
    child_finish(child_start(owner_meets_the_silent_one, NULL));
    event_send(&finished);
    child_finish(squatter);
}

/* ---- pid namespaces ---- */

/* Without the checks that a sanitizer makes at exit: its helper, a process too, does not find its way back over namespaces. */
static void leave_namespace(void)
{
    (void)fflush(NULL);
    _exit(EXIT_SUCCESS);
}

static void consume_one(struct mring *ring)
{
    struct mring_consumer *consumer;
    struct mring_message message;

    EXPECT_OK(mring_join(ring, "g", NULL, &consumer));
    EXPECT_OK(mring_wait(consumer, MRING_FOREVER));
    EXPECT(mring_next(consumer, &message), ==, 1);
    EXPECT_OK(mring_release(consumer, &message));
    EXPECT_OK(mring_leave(consumer));
}

static void consume_inherited(void *ring)
{
    EXPECT(getpid(), ==, 1);
    consume_one(ring);
    leave_namespace();
}

static void consume_by_name(void *unused)
{
    struct mring *ring;

    (void)unused;
    EXPECT(getpid(), <, 100); /* it is in the new namespace */
    EXPECT_OK(open_ring(&ring, ring_name, MRING_CONSUME));
    consume_one(ring);
    EXPECT_OK(mring_close(ring));
    leave_namespace();
}

struct guest {
    void (*body)(void *);
    struct mring *ring;
};

static void enter_a_namespace(void *argument)
{
    const struct guest *guest = argument;

    if (unshare(CLONE_NEWPID) != 0)
        exit(SKIPPED);
    child_finish(child_start(guest->body, guest->ring));
    leave_namespace();
}

static void host(void (*body)(void *))
{
    struct guest guest = {.body = body};
    struct mring_producer *producer;
    pid_t child;

    name_ring();
    guest.ring = make_ring(MRING_OWNER, MRING_OWNER);
    EXPECT_OK(mring_producer(guest.ring, &producer, NULL));
    child = child_start(enter_a_namespace, &guest);
    EXPECT_OK(mring_send(producer, "x", 1, 0));
    EXPECT_OK(mring_producer_wait(producer, 0)); /* there is room */
    child_finish(child);
    EXPECT_OK(mring_producer_close(producer));
    EXPECT_OK(mring_close(guest.ring));
}

static void from_another_pid_namespace_by_name(void)
{
    host(consume_by_name);
}

static void from_another_pid_namespace_by_fork(void)
{
    host(consume_inherited);
}

int main(int argc, char **argv)
{
    static const struct scenario scenarios[] = {
        {"access_is_as_asked", access_is_as_asked, 60},
        {"wrong_terms_are_refused", wrong_terms_are_refused, 30},
        {"a_squatter_is_found_out", a_squatter_is_found_out, 30},
        {"a_silent_squatter_is_no_ring", a_silent_squatter_is_no_ring, 30},
        {"from_another_pid_namespace_by_name", from_another_pid_namespace_by_name, 30},
        {"from_another_pid_namespace_by_fork", from_another_pid_namespace_by_fork, 30},
    };

    if (geteuid() != 0) {
        (void)printf("it takes root to be several users\n");
        return SKIPPED;
    }
    return harness_main(argc, argv, scenarios, sizeof(scenarios) / sizeof(scenarios[0]));
}
