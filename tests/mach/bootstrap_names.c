/* The name server, beyond the conformance cases 121 to 130 and S10: the ways in which registrants and squatters can be bad. */
#include "mach/ports.h"

#include "bootstrap_name.h"
#include "space.h"
#include "support/sanitizers.h"
#include "vm_file.h"

#include <errno.h>
#include <grp.h>
#include <mach/mring_mach.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#define SELF mach_task_self()

/* Children start servers of their own, from a parent that has threads: ThreadSanitizer, which asks this, must not mind. */
const char *__tsan_default_options(void);
const char *__tsan_default_options(void)
{
    return "die_after_fork=0";
}

/* A name of this test program and of nobody else. */
static const char *own_name(const char *what)
{
    static char name[BOOTSTRAP_MAX_NAME_LEN];
    static pid_t root;
    if (root == 0)
        root = getpid();
    snprintf(name, sizeof(name), "mring.test.bootstrap.%s.%d", what, root);
    return name;
}

static kern_return_t register_name(const char *name, mach_port_t port)
{
    name_t text;
    snprintf(text, sizeof(text), "%s", name);
    return bootstrap_register(bootstrap_port, text, port);
}

static int find_it_taken(void *context)
{
    mach_port_t port = new_port_with_send(), found = 77, checked = 77;
    const char *name = context;
    CHECK(register_name(name, port) == BOOTSTRAP_NOT_PRIVILEGED);
    CHECK(register_name(name, MACH_PORT_NULL) == BOOTSTRAP_NOT_PRIVILEGED);
    CHECK(bootstrap_check_in(bootstrap_port, name, &checked) == BOOTSTRAP_NOT_PRIVILEGED);
    CHECK(checked == 77);
    CHECK(bootstrap_look_up(bootstrap_port, name, &found) == BOOTSTRAP_SUCCESS);
    CHECK(send_note(found, 42) == MACH_MSG_SUCCESS);
    mach_port_t again = 0;
    CHECK(bootstrap_look_up(bootstrap_port, name, &again) == BOOTSTRAP_SUCCESS);
    CHECK(again == found && references(found, MACH_PORT_RIGHT_SEND) == 2); /* 5.1, over processes */
    return 0;
}

/* Cases 123, 124: by the same process SERVICE_ACTIVE, by another one NOT_PRIVILEGED, also for a null port. */
static void a_taken_name(void **state)
{
    (void)state;
    mach_port_t port = new_port_with_send(), checked = 77;
    union inbox inbox;
    assert_int_equal(register_name(own_name("123"), MACH_PORT_NULL), BOOTSTRAP_SUCCESS);
    assert_int_equal(register_name(own_name("123"), port), BOOTSTRAP_SUCCESS);
    assert_int_equal(register_name(own_name("123"), port), BOOTSTRAP_SERVICE_ACTIVE);
    assert_int_equal(register_name(own_name("123"), MACH_PORT_NULL), BOOTSTRAP_SERVICE_ACTIVE);
    assert_int_equal(bootstrap_check_in(bootstrap_port, own_name("123"), &checked), BOOTSTRAP_SERVICE_ACTIVE);
    assert_int_equal(checked, 77);
    assert_int_equal(child_run(find_it_taken, (void *)(uintptr_t)own_name("123")), 0);
    assert_int_equal(receive(port, &inbox, PATIENCE), MACH_MSG_SUCCESS);
    assert_int_equal(inbox.header.msgh_id, 42);
    assert_int_equal(mach_port_destroy(SELF, port), KERN_SUCCESS);
}

static int look_it_up(void *context)
{
    mach_port_t port;
    CHECK(bootstrap_look_up(bootstrap_port, context, &port) == BOOTSTRAP_SUCCESS);
    CHECK(send_note(port, 1) == MACH_MSG_SUCCESS);
    return 0;
}

/* Case 125: 127 bytes are a name, more are cut there; "" is a name. */
static void long_and_empty_names(void **state)
{
    char longest[160], other[160];
    mach_port_t port, found;
    (void)state;

    int head = snprintf(longest, sizeof(longest), "%s.", own_name("125"));
    memset(longest + head, 'x', sizeof(longest) - (size_t)head);
    longest[127] = '\0';
    assert_int_equal(bootstrap_check_in(bootstrap_port, longest, &port), BOOTSTRAP_SUCCESS);
    assert_int_equal(child_run(look_it_up, longest), 0);
    memcpy(other, longest, sizeof(other));
    other[126] = '\0';
    assert_int_equal(bootstrap_look_up(bootstrap_port, other, &found), BOOTSTRAP_UNKNOWN_SERVICE);
    other[126] = 'y';
    assert_int_equal(bootstrap_look_up(bootstrap_port, other, &found), BOOTSTRAP_UNKNOWN_SERVICE);
    memcpy(other, longest, sizeof(other));
    other[127] = 'y';
    other[128] = '\0';
    assert_int_equal(child_run(look_it_up, other), 0);
    assert_int_equal(bootstrap_check_in(bootstrap_port, other, &found), BOOTSTRAP_SERVICE_ACTIVE);
    assert_int_equal(drop_receive(port), KERN_SUCCESS);

    assert_int_equal(bootstrap_check_in(bootstrap_port, "", &port), BOOTSTRAP_SUCCESS);
    other[0] = '\0';
    assert_int_equal(child_run(look_it_up, other), 0);
    assert_int_equal(drop_receive(port), KERN_SUCCESS);
}

/* Case 127 */
static void no_server(void **state)
{
    mach_port_t port = 77, stale = new_port();
    (void)state;
    assert_int_equal(drop_receive(stale), KERN_SUCCESS);
    mach_port_t nobody[] = {MACH_PORT_NULL, MACH_PORT_DEAD, stale};
    for (int i = 0; i < 3; i++) {
        assert_int_equal(bootstrap_look_up(nobody[i], own_name("127"), &port), MACH_SEND_INVALID_DEST);
        assert_int_equal(bootstrap_check_in(nobody[i], own_name("127"), &port), MACH_SEND_INVALID_DEST);
        assert_int_equal(bootstrap_register(nobody[i], (char[]){"127"}, MACH_PORT_NULL), MACH_SEND_INVALID_DEST);
        assert_int_equal(bootstrap_parent(nobody[i], &port), MACH_SEND_INVALID_DEST);
    }
    assert_int_equal(port, 77);
}

/* Case 128 */
static void check_in(void **state)
{
    mach_port_t port = 0, again = 77;
    mach_port_type_t type = 0;
    union inbox inbox;
    (void)state;
    assert_int_equal(bootstrap_check_in(bootstrap_port, own_name("128"), &port), BOOTSTRAP_SUCCESS);
    assert_int_equal(mach_port_type(SELF, port, &type), KERN_SUCCESS);
    assert_int_equal(type, MACH_PORT_TYPE_RECEIVE);
    assert_int_equal(bootstrap_check_in(bootstrap_port, own_name("128"), &again), BOOTSTRAP_SERVICE_ACTIVE);
    assert_int_equal(again, 77);
    assert_int_equal(child_run(find_it_taken, (void *)(uintptr_t)own_name("128")), 0);
    assert_int_equal(receive(port, &inbox, PATIENCE), MACH_MSG_SUCCESS);
    assert_int_equal(drop_receive(port), KERN_SUCCESS);
    /* The name ends with the receive right, at once for its own process. */
    assert_int_equal(bootstrap_check_in(bootstrap_port, own_name("128"), &port), BOOTSTRAP_SUCCESS);
    assert_int_equal(drop_receive(port), KERN_SUCCESS);
}

static void what_cannot_be_registered(void **state)
{
    (void)state;
    mach_port_t port = new_port_with_send(), receive_only = new_port(), stale = new_port();
    assert_int_equal(drop_receive(stale), KERN_SUCCESS);
    assert_int_equal(register_name(own_name("bad"), stale), MACH_SEND_INVALID_RIGHT);
    assert_int_equal(register_name(own_name("bad"), receive_only), MACH_SEND_INVALID_RIGHT);
    assert_int_equal(register_name(own_name("bad"), SELF), MACH_SEND_INVALID_RIGHT);
    assert_int_equal(register_name(own_name("bad"), MACH_PORT_DEAD), BOOTSTRAP_NO_MEMORY);
    assert_int_equal(drop_receive(port), KERN_SUCCESS);
    assert_int_equal(register_name(own_name("bad"), port), BOOTSTRAP_NO_MEMORY);         /* a dead port */
    assert_int_equal(register_name(own_name("bad"), MACH_PORT_NULL), BOOTSTRAP_SUCCESS); /* nothing was bound */
    assert_int_equal(mach_port_deallocate(SELF, port), KERN_SUCCESS);
    assert_int_equal(drop_receive(receive_only), KERN_SUCCESS);
}

/* ---- ends ---- */

enum registration { CHECKED_IN, A_PORT, A_SEMAPHORE, REGISTRATIONS };

struct registrant {
    const char *name;
    struct gate gate;
    enum registration what;
};

static int register_and_stay(void *context)
{
    const struct registrant *who = context;
    mach_port_t port;
    switch (who->what) {
    case A_PORT:
        port = new_port_with_send();
        CHECK(register_name(who->name, port) == BOOTSTRAP_SUCCESS);
        break;
    case A_SEMAPHORE:
        CHECK(semaphore_create(SELF, &port, SYNC_POLICY_FIFO, 0) == KERN_SUCCESS);
        CHECK(register_name(who->name, port) == BOOTSTRAP_SUCCESS);
        break;
    default:
        CHECK(bootstrap_check_in(bootstrap_port, who->name, &port) == BOOTSTRAP_SUCCESS);
    }
    gate_pass(&who->gate, 1);
    for (;;)
        pause();
}

/* S10, Linux part: a name is free the moment its registrant is dead, 200 times over, and nothing is left. */
static void names_die_with_their_registrant(void **state)
{
    (void)state;
    struct registrant who = {.name = own_name("S10"), .gate = gate_make()};
    mach_port_t found = 77;
    int before = descriptors_open();
    for (int i = 0; i < 200; i++) {
        who.what = (enum registration)(i % REGISTRATIONS);
        pid_t child = child_start(register_and_stay, &who);
        assert_true(gate_wait(&who.gate, NULL));
        assert_int_equal(bootstrap_look_up(bootstrap_port, who.name, &found), BOOTSTRAP_SUCCESS);
        assert_int_equal(child_kill(child), -SIGKILL);
        assert_int_equal(send_note(found, 1), MACH_SEND_INVALID_DEST); /* dead, or no port */
        assert_int_equal(mach_port_deallocate(SELF, found), KERN_SUCCESS);
        assert_int_equal(bootstrap_look_up(bootstrap_port, who.name, &found), BOOTSTRAP_UNKNOWN_SERVICE);
    }
    gate_close(&who.gate);
    assert_int_equal(descriptors_open(), before - 2);
}

static int do_nothing_until_told(void *context)
{
    struct gate *gates = context;
    gate_pass(&gates[0], 1);
    gate_wait(&gates[1], NULL);
    return 0;
}

static int register_fork_and_end(void *context)
{
    struct gate *gates = context;
    mach_port_t port;
    CHECK(bootstrap_check_in(bootstrap_port, own_name("fork"), &port) == BOOTSTRAP_SUCCESS);
    CHECK(child_start(do_nothing_until_told, gates) > 0);
    CHECK(gate_wait(&gates[0], NULL));
    return 0;
}

/* A child of the registrant does not keep the name when its parent ends. */
static void a_forked_child_keeps_no_name(void **state)
{
    (void)state;
    struct gate gates[2] = {gate_make(), gate_make()};
    mach_port_t port;
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    (void)own_name("fork"); /* the first call fixes the program's part of the name */
    assert_int_equal(child_run(register_fork_and_end, gates), 0);
    assert_int_equal(bootstrap_look_up(bootstrap_port, own_name("fork"), &port), BOOTSTRAP_UNKNOWN_SERVICE);
    assert_int_equal(bootstrap_check_in(bootstrap_port, own_name("fork"), &port), BOOTSTRAP_SUCCESS);
    gate_pass(&gates[1], 1);
    assert_true(waitpid(-1, NULL, 0) > 0);
    gate_close(&gates[0]);
    gate_close(&gates[1]);
    assert_int_equal(drop_receive(port), KERN_SUCCESS);
}

struct distant {
    char name[BOOTSTRAP_MAX_NAME_LEN];
    struct gate registered, ended;
};

static int register_anothers_port(void *context)
{
    const struct distant *distant = context;
    mach_port_t port, found;
    CHECK(bootstrap_look_up(bootstrap_port, own_name("theirs"), &port) == BOOTSTRAP_SUCCESS);
    CHECK(register_name(distant->name, port) == BOOTSTRAP_SUCCESS);
    gate_pass(&distant->registered, 1);
    CHECK(gate_wait(&distant->ended, NULL));
    CHECK(bootstrap_look_up(bootstrap_port, distant->name, &found) == BOOTSTRAP_UNKNOWN_SERVICE);
    return 0;
}

/* A name whose port has its receiver elsewhere ends when that receiver does. */
static void a_name_ends_with_a_distant_port(void **state)
{
    struct distant distant = {.registered = gate_make(), .ended = gate_make()};
    mach_port_t port, found;
    (void)state;

    snprintf(distant.name, sizeof(distant.name), "%s", own_name("distant"));
    assert_int_equal(bootstrap_check_in(bootstrap_port, own_name("theirs"), &port), BOOTSTRAP_SUCCESS);
    pid_t child = child_start(register_anothers_port, &distant);
    assert_true(gate_wait(&distant.registered, NULL));
    assert_int_equal(bootstrap_look_up(bootstrap_port, distant.name, &found), BOOTSTRAP_SUCCESS);
    assert_int_equal(found, port); /* our own port, come back under our own name for it */
    assert_int_equal(mach_port_deallocate(SELF, found), KERN_SUCCESS);
    assert_int_equal(drop_receive(port), KERN_SUCCESS);
    /* The hang-up is on its way to the child's thread, which frees the name without any call there. */
    while (bootstrap_look_up(bootstrap_port, distant.name, &found) != BOOTSTRAP_UNKNOWN_SERVICE)
        sched_yield();
    gate_pass(&distant.ended, 1);
    assert_int_equal(child_end(child), 0);
    gate_close(&distant.registered);
    gate_close(&distant.ended);
}

/* ---- bad registrants ---- */

/* A stopped registrant costs a look-up its three seconds, no more, and is there again when it goes on. */
static void a_stopped_registrant(void **state)
{
    (void)state;
    struct registrant who = {.name = own_name("stopped"), .gate = gate_make()};
    mach_port_t found = 77;
    pid_t child = child_start(register_and_stay, &who);
    assert_true(gate_wait(&who.gate, NULL));
    kill(child, SIGSTOP);
    assert_int_equal(waitpid(child, NULL, WUNTRACED), child);
    assert_int_equal(bootstrap_look_up(bootstrap_port, who.name, &found), BOOTSTRAP_UNKNOWN_SERVICE);
    assert_int_equal(found, 77);
    kill(child, SIGCONT);
    assert_int_equal(bootstrap_look_up(bootstrap_port, who.name, &found), BOOTSTRAP_SUCCESS);
    assert_int_equal(mach_port_deallocate(SELF, found), KERN_SUCCESS);
    assert_int_equal(child_kill(child), -SIGKILL);
    gate_close(&who.gate);
}

struct liar {
    struct service_name name;
    struct gate gate, end;
    uid_t uid;
    int lie;
};

/* Binds the address itself and answers one connection, in some wrong way. */
static int lie(void *context)
{
    const struct liar *liar = context;
    struct service_address address = service_address(geteuid(), &liar->name); /* as root: the victim's */
    struct service_answer answer = {.magic = SERVICE_MAGIC, .name = liar->name};
    union {
        struct cmsghdr align;
        unsigned char bytes[CMSG_SPACE(6 * sizeof(int))];
    } control;
    size_t fds = 2, size = sizeof(answer);
    struct vm_file *page;

    answer.right.kind = OBJECT_PORT;
    answer.right.descriptors = 2;
    CHECK(vm_file_create(4096, &page) == KERN_SUCCESS);
    if (liar->uid != geteuid())
        CHECK(setuid(liar->uid) == 0);
    int fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);
    CHECK(bind(fd, (struct sockaddr *)&address.address, address.size) == 0 && listen(fd, 5) == 0);
    int ends[2];
    CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends) == 0);
    gate_pass(&liar->gate, 1);
    int client = accept(fd, NULL, NULL);
    CHECK(client >= 0);

    switch (liar->lie) {
    case 1:
        answer.magic++;
        break;
    case 2:
        answer.name.text[0] ^= 1;
        break;
    case 3:
        size -= 8;
        break;
    case 4:
        fds = 0;
        break;
    case 5:
        fds = 6;
        break;
    case 6:
        answer.right.descriptors = ~0U;
        break;
    case 7:
        answer.right.kind = OBJECT_TASK;
        break;
    case 8:
        ends[1] = 0; /* a descriptor that is no socket */
        break;
    case 9:
        size = 0;
        break;
    default:
        break; /* 0: the whole truth */
    }
    struct iovec part = {&answer, size};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    if (fds) {
        memset(&control, 0, sizeof(control));
        message.msg_control = &control;
        message.msg_controllen = CMSG_SPACE(fds * sizeof(int));
        struct cmsghdr *rights = CMSG_FIRSTHDR(&message);
        rights->cmsg_level = SOL_SOCKET;
        rights->cmsg_type = SCM_RIGHTS;
        rights->cmsg_len = CMSG_LEN(fds * sizeof(int));
        for (size_t i = 0; i < fds; i++)
            memcpy(CMSG_DATA(rights) + i * sizeof(int), i == 1 ? &page->fd : &ends[1], sizeof(int));
    }
    (void)!sendmsg(client, &message, MSG_NOSIGNAL);
    CHECK(gate_wait(&liar->end, NULL));
    return 0;
}

static void liars_are_not_believed(void **state)
{
    mach_port_t found = 77;
    (void)state;
    int before = descriptors_open();
    for (int i = 0; i < 10; i++) {
        struct liar liar = {.name = service_name(own_name("liar")),
                            .gate = gate_make(),
                            .end = gate_make(),
                            .uid = geteuid(),
                            .lie = i};
        pid_t child = child_start(lie, &liar);
        assert_true(gate_wait(&liar.gate, NULL));
        kern_return_t kr = bootstrap_look_up(bootstrap_port, own_name("liar"), &found);
        assert_int_equal(kr, i == 0 ? BOOTSTRAP_SUCCESS : BOOTSTRAP_UNKNOWN_SERVICE);
        if (i == 0) {
            assert_int_equal(mach_port_deallocate(SELF, found), KERN_SUCCESS);
            found = 77;
        }
        assert_int_equal(found, 77);
        gate_pass(&liar.end, 1);
        assert_int_equal(child_end(child), 0);
        gate_close(&liar.gate);
        gate_close(&liar.end);
    }
    assert_int_equal(descriptors_open(), before);
}

enum { NOBODY = 65534 };

/* Another user who sits on our name can keep us from it, but not be taken for us. */
static void squatters_are_not_believed(void **state)
{
    (void)state;
    if (geteuid() != 0)
        skip(); /* it takes root to be two users */
    struct liar liar = {
        .name = service_name(own_name("squat")), .gate = gate_make(), .end = gate_make(), .uid = NOBODY};
    mach_port_t found = 77;
    pid_t child = child_start(lie, &liar);
    assert_true(gate_wait(&liar.gate, NULL));
    assert_int_equal(bootstrap_look_up(bootstrap_port, own_name("squat"), &found), BOOTSTRAP_UNKNOWN_SERVICE);
    assert_int_equal(mring_mach_bootstrap_look_up_of(bootstrap_port, 0, own_name("squat"), &found),
                     BOOTSTRAP_NOT_PRIVILEGED);
    assert_int_equal(bootstrap_check_in(bootstrap_port, own_name("squat"), &found), BOOTSTRAP_NOT_PRIVILEGED);
    assert_int_equal(found, 77);
    uid_t holder = 0;
    pid_t process = 0;
    assert_true(mring_mach_bootstrap_holder(0, own_name("squat"), &holder, &process));
    assert_int_equal(holder, NOBODY);
    assert_int_equal(process, child);
    gate_pass(&liar.end, 1);
    assert_int_equal(child_end(child), 0);
    gate_close(&liar.gate);
    gate_close(&liar.end);
}

static int look_up_as_nobody(void *context)
{
    struct service_name name = service_name(context);
    struct service_address address = service_address(0, &name);
    struct service_answer answer;
    unsigned char rights[256];
    struct iovec part = {&answer, sizeof(answer)};
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = rights, .msg_controllen = sizeof(rights)};
    mach_port_t found;

    CHECK(setgroups(0, NULL) == 0 && setgid(NOBODY) == 0 && setuid(NOBODY) == 0);
    CHECK(bootstrap_look_up(bootstrap_port, context, &found) == BOOTSTRAP_UNKNOWN_SERVICE);
    CHECK(mring_mach_bootstrap_look_up_of(bootstrap_port, 0, context, &found) == BOOTSTRAP_NOT_PRIVILEGED);
    int fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);
    CHECK(connect(fd, (struct sockaddr *)&address.address, address.size) == 0);
    CHECK(recvmsg(fd, &message, 0) == sizeof(answer)); /* a refusal, and nothing with it */
    CHECK(answer.magic == SERVICE_REFUSES && message.msg_controllen == 0);
    return 0;
}

static void other_users_get_nothing(void **state)
{
    mach_port_t port;
    (void)state;
    if (geteuid() != 0)
        skip();
    assert_int_equal(bootstrap_check_in(bootstrap_port, own_name("private"), &port), BOOTSTRAP_SUCCESS);
    assert_int_equal(child_run(look_up_as_nobody, (void *)(uintptr_t)own_name("private")), 0);
    assert_int_equal(drop_receive(port), KERN_SUCCESS);
}

/* Somebody who looks up a name of root's. */
struct stranger {
    const char *name;
    gid_t group, other; /* the effective group, and one more */
    kern_return_t answer;
};

static int look_up_as(void *context)
{
    const struct stranger *stranger = context;
    mach_port_t found;

    CHECK(setgroups(1, &stranger->other) == 0 && setgid(stranger->group) == 0 && setuid(NOBODY) == 0);
    CHECK(mring_mach_bootstrap_look_up_of(bootstrap_port, 0, stranger->name, &found) == stranger->answer);
    CHECK(stranger->answer != BOOTSTRAP_SUCCESS || send_note(found, 4) == MACH_MSG_SUCCESS);
    return 0;
}

static void others_get_what_is_served_to_them(void **state)
{
    (void)state;
    if (geteuid() != 0)
        skip();
    for (int scope = MRING_MACH_SERVE_OWNER; scope <= MRING_MACH_SERVE_EVERYONE; scope++) {
        const kern_return_t group = scope >= MRING_MACH_SERVE_GROUP ? BOOTSTRAP_SUCCESS : BOOTSTRAP_NOT_PRIVILEGED;
        const kern_return_t any = scope == MRING_MACH_SERVE_EVERYONE ? BOOTSTRAP_SUCCESS : BOOTSTRAP_NOT_PRIVILEGED;
        const struct stranger strangers[] = {{own_name("served"), NOBODY, NOBODY, any},
                                             {own_name("served"), getegid(), NOBODY, group},
                                             {own_name("served"), NOBODY, getegid(), group}};
        mach_port_t port;
        assert_int_equal(mring_mach_bootstrap_check_in_for(bootstrap_port, own_name("served"), scope, &port),
                         BOOTSTRAP_SUCCESS);
        for (int i = 0; i < 3; i++)
            assert_int_equal(child_run(look_up_as, (void *)(uintptr_t)&strangers[i]), 0);
        assert_int_equal(drop_receive(port), KERN_SUCCESS);
    }
}

static int use_it_elsewhere(void *name)
{
    mach_port_t port = 77;
    CHECK(bootstrap_check_in(bootstrap_port, name, &port) == BOOTSTRAP_NOT_PRIVILEGED);
    CHECK(port == 77);
    return look_it_up(name);
}

enum { NO_NAMESPACE = 77 };

static int enter_a_namespace(void *name)
{
    return unshare(CLONE_NEWPID) == 0 ? child_run(use_it_elsewhere, name) : NO_NAMESPACE;
}

/* A name is good, and taken, across pid namespaces. */
static void pid_namespaces_share_names(void **state)
{
    mach_port_t port;
    (void)state;
    assert_int_equal(bootstrap_check_in(bootstrap_port, own_name("namespace"), &port), BOOTSTRAP_SUCCESS);
    int end = child_run(enter_a_namespace, (void *)(uintptr_t)own_name("namespace"));
    assert_int_equal(mach_port_destroy(SELF, port), KERN_SUCCESS);
    if (end == NO_NAMESPACE)
        skip(); /* not for this user */
    assert_int_equal(end, 0);
}

/* Many connections that want nothing hold nobody up. */
static void idle_connections(void **state)
{
    enum { IDLE = 300 };
    int idle[IDLE];
    mach_port_t port;
    struct service_name name = service_name(own_name("idle"));
    struct service_address address = service_address(geteuid(), &name);
    (void)state;
    assert_int_equal(bootstrap_check_in(bootstrap_port, own_name("idle"), &port), BOOTSTRAP_SUCCESS);
    for (int i = 0; i < IDLE; i++) {
        idle[i] = socket(AF_UNIX, SOCK_SEQPACKET, 0);
        assert_int_equal(connect(idle[i], (struct sockaddr *)&address.address, address.size), 0);
    }
    assert_int_equal(child_run(look_it_up, (void *)(uintptr_t)own_name("idle")), 0);
    for (int i = 0; i < IDLE; i++)
        close(idle[i]);
    assert_int_equal(drop_receive(port), KERN_SUCCESS);
}

static int register_without_descriptors(void *context)
{
    const struct gate *gates = context;
    struct rlimit limit;
    mach_port_t port;
    CHECK(bootstrap_check_in(bootstrap_port, own_name("poor"), &port) == BOOTSTRAP_SUCCESS);
    int lowest = dup(0);
    close(lowest);
    CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0);
    limit.rlim_cur = (rlim_t)lowest;
    CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
    CHECK(bootstrap_check_in(bootstrap_port, own_name("poorer"), &port) == BOOTSTRAP_NO_MEMORY);
    CHECK(bootstrap_look_up(bootstrap_port, own_name("elsewhere"), &port) == BOOTSTRAP_NO_MEMORY);
    gate_pass(&gates[0], 1);
    gate_wait(&gates[1], NULL);
    return 0;
}

/* A registrant that has no descriptor left still answers. */
static void a_poor_registrant(void **state)
{
    struct gate gates[2] = {gate_make(), gate_make()};
    mach_port_t found;
    (void)state;
    (void)own_name("poor");
    pid_t child = child_start(register_without_descriptors, gates);
    assert_true(gate_wait(&gates[0], NULL));
    for (int i = 0; i < 5; i++) {
        assert_int_equal(bootstrap_look_up(bootstrap_port, own_name("poor"), &found), BOOTSTRAP_SUCCESS);
        assert_int_equal(mach_port_deallocate(SELF, found), KERN_SUCCESS);
    }
    gate_pass(&gates[1], 1);
    assert_int_equal(child_end(child), 0);
    gate_close(&gates[0]);
    gate_close(&gates[1]);
}

/* ---- races ---- */

enum { CONTENDERS = 6 };

struct contest {
    char name[BOOTSTRAP_MAX_NAME_LEN];
    struct gate go, done, end;
    _Atomic int *winners;
};

static int contend(void *context)
{
    struct contest *contest = context;
    mach_port_t port;
    CHECK(gate_wait(&contest->go, NULL));
    kern_return_t kr = bootstrap_check_in(bootstrap_port, contest->name, &port);
    if (kr == BOOTSTRAP_SUCCESS)
        atomic_fetch_add(contest->winners, 1);
    else
        CHECK(kr == BOOTSTRAP_NOT_PRIVILEGED);
    gate_pass(&contest->done, 1);
    CHECK(gate_wait(&contest->end, NULL)); /* the winner keeps it until all have tried */
    return 0;
}

static void one_of_many_wins(void **state)
{
    _Atomic int *winners = mmap(NULL, sizeof(*winners), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    (void)state;
    assert_true(winners != MAP_FAILED);
    for (int round = 0; round < 20; round++) {
        struct contest contest = {.go = gate_make(), .done = gate_make(), .end = gate_make(), .winners = winners};
        pid_t children[CONTENDERS];
        snprintf(contest.name, sizeof(contest.name), "%s", own_name("contest"));
        atomic_store(winners, 0);
        for (int i = 0; i < CONTENDERS; i++)
            children[i] = child_start(contend, &contest);
        for (int i = 0; i < CONTENDERS; i++)
            gate_pass(&contest.go, 1);
        for (int i = 0; i < CONTENDERS; i++)
            assert_true(gate_wait(&contest.done, NULL));
        for (int i = 0; i < CONTENDERS; i++)
            gate_pass(&contest.end, 1);
        for (int i = 0; i < CONTENDERS; i++)
            assert_int_equal(child_end(children[i]), 0);
        assert_int_equal(atomic_load(winners), 1);
        gate_close(&contest.go);
        gate_close(&contest.done);
        gate_close(&contest.end);
    }
    munmap((void *)(uintptr_t)winners, sizeof(*winners));
}

struct churn {
    int number;
    _Atomic bool *stop;
    int failed;
};

static void *register_and_drop(void *context)
{
    struct churn *churn = context;
    char name[BOOTSTRAP_MAX_NAME_LEN];
    mach_port_t port, found;
    snprintf(name, sizeof(name), "mring.test.churn.%d.%d", getpid(), churn->number);
    while (!atomic_load(churn->stop))
        if (bootstrap_check_in(bootstrap_port, name, &port) != BOOTSTRAP_SUCCESS ||
            bootstrap_look_up(bootstrap_port, name, &found) != BOOTSTRAP_SUCCESS || found != port ||
            mach_port_destroy(SELF, port) != KERN_SUCCESS ||
            bootstrap_look_up(bootstrap_port, name, &found) != BOOTSTRAP_UNKNOWN_SERVICE) {
            churn->failed = 1;
            break;
        }
    return NULL;
}

static int serve_in_the_child(void *context)
{
    const int *before = context;
    mach_port_t port, found;
    CHECK(descriptors_open() == *before);
    CHECK(bootstrap_check_in(bootstrap_port, own_name("in the child"), &port) == BOOTSTRAP_SUCCESS);
    CHECK(child_run(look_it_up, (void *)(uintptr_t)own_name("in the child")) == 0);
    CHECK(bootstrap_look_up(bootstrap_port, own_name("steady"), &found) == BOOTSTRAP_SUCCESS);
    return 0;
}

/* Threads register and drop, children fork off amid it, serve names of their own and find the parent's. */
static int churn_in_a_fresh_process(void *context)
{
    enum { THREADS = 2 };
    int before = descriptors_open();
    _Atomic bool stop = false;
    struct churn churns[THREADS];
    pthread_t threads[THREADS];
    mach_port_t steady;
    (void)context;

    CHECK(bootstrap_check_in(bootstrap_port, own_name("steady"), &steady) == BOOTSTRAP_SUCCESS);
    for (int i = 0; i < THREADS; i++) {
        churns[i] = (struct churn){i, &stop, 0};
        CHECK(pthread_create(&threads[i], NULL, register_and_drop, &churns[i]) == 0);
    }
    for (int i = 0; i < 40; i++)
        CHECK(child_run(serve_in_the_child, &before) == 0);
    atomic_store(&stop, true);
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        CHECK(churns[i].failed == 0);
    }
    return 0;
}

/* The sanitizers' own locks may be held at a fork, and then no thread starts in the child. */
static void forks_amid_registrations(void **state)
{
    (void)state;
    if (ADDRESS_SANITIZED || THREAD_SANITIZED)
        skip();
    (void)own_name("steady");
    assert_int_equal(child_run(churn_in_a_fresh_process, NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_taken_name),
        cmocka_unit_test(long_and_empty_names),
        cmocka_unit_test(no_server),
        cmocka_unit_test(check_in),
        cmocka_unit_test(what_cannot_be_registered),
        cmocka_unit_test(names_die_with_their_registrant),
        cmocka_unit_test(a_forked_child_keeps_no_name),
        cmocka_unit_test(a_name_ends_with_a_distant_port),
        cmocka_unit_test(a_stopped_registrant),
        cmocka_unit_test(liars_are_not_believed),
        cmocka_unit_test(squatters_are_not_believed),
        cmocka_unit_test(other_users_get_nothing),
        cmocka_unit_test(others_get_what_is_served_to_them),
        cmocka_unit_test(pid_namespaces_share_names),
        cmocka_unit_test(idle_connections),
        cmocka_unit_test(a_poor_registrant),
        cmocka_unit_test(one_of_many_wins),
        cmocka_unit_test(forks_amid_registrations),
    };
    return cmocka_run_group_tests_name("bootstrap_names", tests, NULL, NULL);
}
