/* Names of a test program's own, and processes that register or look one up. */
#ifndef TESTS_MACH_BOOTSTRAP_H
#define TESTS_MACH_BOOTSTRAP_H

#include "mach/ports.h"

/* Children start servers of their own, from a parent that has threads: ThreadSanitizer, which asks this, must not mind. */
const char *__tsan_default_options(void);
const char *__tsan_default_options(void)
{
    return "die_after_fork=0";
}

/* A name of this test program and of nobody else. */
static inline const char *own_name(const char *what)
{
    static char name[BOOTSTRAP_MAX_NAME_LEN];
    static pid_t root;
    if (root == 0)
        root = getpid();
    snprintf(name, sizeof(name), "mring.test.bootstrap.%s.%d", what, root);
    return name;
}

static inline kern_return_t register_name(const char *name, mach_port_t port)
{
    name_t text;
    snprintf(text, sizeof(text), "%s", name);
    return bootstrap_register(bootstrap_port, text, port);
}

static inline int look_it_up(void *context)
{
    mach_port_t port;
    CHECK(bootstrap_look_up(bootstrap_port, context, &port) == BOOTSTRAP_SUCCESS);
    CHECK(send_note(port, 1) == MACH_MSG_SUCCESS);
    return 0;
}

enum registration { CHECKED_IN, A_PORT, A_SEMAPHORE, REGISTRATIONS };

struct registrant {
    const char *name;
    struct gate gate;
    enum registration what;
};

static inline int register_and_stay(void *context)
{
    const struct registrant *who = context;
    mach_port_t port;
    switch (who->what) {
    case A_PORT:
        port = new_port_with_send();
        CHECK(register_name(who->name, port) == BOOTSTRAP_SUCCESS);
        break;
    case A_SEMAPHORE:
        CHECK(semaphore_create(mach_task_self(), &port, SYNC_POLICY_FIFO, 0) == KERN_SUCCESS);
        CHECK(register_name(who->name, port) == BOOTSTRAP_SUCCESS);
        break;
    default:
        CHECK(bootstrap_check_in(bootstrap_port, who->name, &port) == BOOTSTRAP_SUCCESS);
    }
    gate_pass(&who->gate, 1);
    for (;;)
        pause();
}

#endif
