/* Bootstrap names and the texts of errors: cases 121 to 130. */
#include "mach/conformance/conformance.h"

#include <mach/mach_error.h>
#include <servers/bootstrap.h>

#define CASES(X)                                                                                                       \
    X(121, "look up a name that is not bound")                                                                         \
    X(122, "register, and look up twice")                                                                              \
    X(123, "register a name that is taken")                                                                            \
    X(124, "register nothing under a name that is taken")                                                              \
    X(125, "long names, and none")                                                                                     \
    X(126, "the root is its own parent")                                                                               \
    X(127, "no bootstrap port")                                                                                        \
    X(128, "check in")                                                                                                 \
    X(129, "texts of Mach's codes")                                                                                    \
    X(130, "texts of bootstrap's codes")

CASES(CONFORMANCE_DECLARE)

const struct conformance_case cases_bootstrap[] = {CASES(CONFORMANCE_ROW){NULL, NULL, NULL}};

/* What a child is to be refused: it cannot use the parent's port names, so it brings an entry of its own. */
struct claim {
    const char *name;
    bool with_port;
};

static int claim_in_child(void *context)
{
    const struct claim *claim = context;
    mach_port_t port = claim->with_port ? fresh_entry(1, RW) : MACH_PORT_NULL;
    name_t name;

    snprintf(name, sizeof name, "%s", claim->name);
    GIVES(BOOTSTRAP_NOT_PRIVILEGED, bootstrap_register(bootstrap_port, name, port));
    return 0;
}

static void case_121(void)
{
    mach_port_t port = 77;

    GIVES(BOOTSTRAP_UNKNOWN_SERVICE, bootstrap_look_up(bootstrap_port, fresh_name("121"), &port));
    HOLDS("port untouched", port == 77);
}

static void case_122(void)
{
    mach_port_t port = fresh_entry(1, RW), found[2] = {MACH_PORT_NULL, MACH_PORT_NULL};
    mach_port_urefs_t references = 0;
    char *name = fresh_name("122");

    GIVES(BOOTSTRAP_SUCCESS, bootstrap_register(bootstrap_port, name, port));
    GIVES(KERN_SUCCESS, mach_port_get_refs(SELF, port, MACH_PORT_RIGHT_SEND, &references));
    HOLDS("the caller keeps its reference, and no more", references == 1);
    for (int i = 0; i < 2; i++)
        GIVES(BOOTSTRAP_SUCCESS, bootstrap_look_up(bootstrap_port, name, &found[i]));
    HOLDS("the name of the port registered, twice", found[0] == port && found[1] == port);
    GIVES(KERN_SUCCESS, mach_port_get_refs(SELF, port, MACH_PORT_RIGHT_SEND, &references));
    HOLDS("two more references", references == 3);

    mach_port_t mine = MACH_PORT_NULL;
    name = fresh_name("122.port");
    GIVES(KERN_SUCCESS, mach_port_allocate(SELF, MACH_PORT_RIGHT_RECEIVE, &mine));
    GIVES(KERN_SUCCESS, mach_port_insert_right(SELF, mine, mine, MACH_MSG_TYPE_MAKE_SEND));
    GIVES(BOOTSTRAP_SUCCESS, bootstrap_register(bootstrap_port, name, mine));
    GIVES(KERN_SUCCESS, mach_port_destroy(SELF, mine));
    GIVES(BOOTSTRAP_UNKNOWN_SERVICE, bootstrap_look_up(bootstrap_port, name, &found[0]));
}

/* By the same process 1103, by another one 1100, as in launchd; portable programs treat 1100, 1101 and 1103 alike. */
static void case_123(void)
{
    mach_port_t port = fresh_entry(1, RW);
    char *name = fresh_name("123");
    struct claim claim = {name, true};

    GIVES(BOOTSTRAP_SUCCESS, bootstrap_register(bootstrap_port, name, port));
    GIVES(BOOTSTRAP_SERVICE_ACTIVE, bootstrap_register(bootstrap_port, name, port));
    HOLDS("the child ends well", child_run(claim_in_child, &claim) == 0);
}

static void case_124(void)
{
    mach_port_t port = fresh_entry(1, RW), found = MACH_PORT_NULL;
    char *name = fresh_name("124");
    struct claim claim = {name, false};

    GIVES(BOOTSTRAP_SUCCESS, bootstrap_register(bootstrap_port, name, port));
    GIVES(BOOTSTRAP_SERVICE_ACTIVE, bootstrap_register(bootstrap_port, name, MACH_PORT_NULL));
    HOLDS("the child ends well", child_run(claim_in_child, &claim) == 0);
    GIVES(BOOTSTRAP_SUCCESS, bootstrap_look_up(bootstrap_port, name, &found));
    HOLDS("still bound", found == port);
}

/* Names are cut after 127 bytes; "" is a name. */
static void case_125(void)
{
    mach_port_t port = fresh_entry(1, RW), found = MACH_PORT_NULL;
    char name[200];

    int head = snprintf(name, sizeof name, "%s.", fresh_name("125"));
    memset(name + head, 'x', sizeof name - (size_t)head);
    name[127] = '\0';
    GIVES(BOOTSTRAP_SUCCESS, bootstrap_register(bootstrap_port, name, port));
    GIVES(BOOTSTRAP_SUCCESS, bootstrap_look_up(bootstrap_port, name, &found));
    HOLDS("127 bytes are a name", found == port);
    name[127] = 'y';
    name[199] = '\0';
    GIVES(BOOTSTRAP_SUCCESS, bootstrap_look_up(bootstrap_port, name, &found));
    HOLDS("what follows is cut off", found == port);
    name[126] = '\0';
    GIVES(BOOTSTRAP_UNKNOWN_SERVICE, bootstrap_look_up(bootstrap_port, name, &found));
    name[0] = '\0';
    GIVES(BOOTSTRAP_UNKNOWN_SERVICE, bootstrap_look_up(bootstrap_port, name, &found));
    GIVES(BOOTSTRAP_SUCCESS, bootstrap_register(bootstrap_port, name, port));
    GIVES(BOOTSTRAP_SUCCESS, bootstrap_look_up(bootstrap_port, name, &found));
}

static void case_126(void)
{
    mach_port_t port = fresh_entry(1, RW), found = MACH_PORT_NULL, parent = MACH_PORT_NULL;
    char *name = fresh_name("126");

    GIVES(BOOTSTRAP_SUCCESS, bootstrap_parent(bootstrap_port, &parent));
    GIVES(BOOTSTRAP_SUCCESS, bootstrap_register(bootstrap_port, name, port));
    GIVES(BOOTSTRAP_SUCCESS, bootstrap_look_up(parent, name, &found));
    HOLDS("that port", found == port);
    GIVES(KERN_SUCCESS, drop(parent));
}

static void case_127(void)
{
    mach_port_t dead = MACH_PORT_NULL, port = 77;

    GIVES(KERN_SUCCESS, mach_port_allocate(SELF, MACH_PORT_RIGHT_DEAD_NAME, &dead));
    const mach_port_t nobody[] = {MACH_PORT_NULL, MACH_PORT_DEAD, dead};
    for (size_t i = 0; i < sizeof nobody / sizeof *nobody; i++)
        GIVES(MACH_SEND_INVALID_DEST, bootstrap_look_up(nobody[i], fresh_name("127"), &port));
    HOLDS("port untouched", port == 77);
}

static int check_in_in_child(void *name)
{
    mach_port_t port = 77;

    GIVES(BOOTSTRAP_NOT_PRIVILEGED, bootstrap_check_in(bootstrap_port, name, &port));
    HOLDS("port untouched", port == 77);
    return 0;
}

static void case_128(void)
{
    mach_port_t port = MACH_PORT_NULL, again = 77;
    mach_port_type_t type = 0;
    char *name = fresh_name("128");

    GIVES(BOOTSTRAP_SUCCESS, bootstrap_check_in(bootstrap_port, name, &port));
    GIVES(KERN_SUCCESS, mach_port_type(SELF, port, &type));
    HOLDS("a receive right", type == MACH_PORT_TYPE_RECEIVE);
    GIVES(BOOTSTRAP_SERVICE_ACTIVE, bootstrap_check_in(bootstrap_port, name, &again));
    HOLDS("port untouched", again == 77);
    HOLDS("the child ends well", child_run(check_in_in_child, name) == 0);
}

static void case_129(void)
{
    static const struct {
        mach_error_t code;
        const char *text;
    } texts[] = {
        {0, "(os/kern) successful"},
        {1, "(os/kern) invalid address"},
        {2, "(os/kern) protection failure"},
        {3, "(os/kern) no space available"},
        {4, "(os/kern) invalid argument"},
        {14, "(os/kern) aborted"},
        {15, "(os/kern) invalid name"},
        {17, "(os/kern) invalid right"},
        {18, "(os/kern) invalid value"},
        {20, "(os/kern) invalid capability"},
        {37, "(os/kern) object terminated"},
        {49, "(os/kern) operation timed out"},
        {MACH_SEND_INVALID_DEST, "(ipc/send) invalid destination port"},
        {1101, "unknown error code"},
    };

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        HOLDS("its text", strcmp(mach_error_string(texts[i].code), texts[i].text) == 0);
}

static void case_130(void)
{
    HOLDS("1101 and 1103 have the same text",
          strcmp(bootstrap_strerror(BOOTSTRAP_NAME_IN_USE), bootstrap_strerror(BOOTSTRAP_SERVICE_ACTIVE)) == 0);
    for (kern_return_t code = BOOTSTRAP_NOT_PRIVILEGED; code <= BOOTSTRAP_NO_MEMORY; code++)
        HOLDS("a text", bootstrap_strerror(code) != NULL);
    for (kern_return_t code = BOOTSTRAP_NOT_PRIVILEGED; code < BOOTSTRAP_NO_MEMORY; code++)
        HOLDS("another text than 1105", strcmp(bootstrap_strerror(code), bootstrap_strerror(BOOTSTRAP_NO_MEMORY)) != 0);
}
