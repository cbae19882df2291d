/* The name server, beyond the conformance cases: the ways in which registrants and squatters can be bad. */
#include "mach/bootstrap.h"

#include "bootstrap_name.h"
#include "vm_file.h"

#include <errno.h>
#include <grp.h>
#include <mach/mring_mach.h>
#include <sched.h>
#include <sys/resource.h>

#define SELF mach_task_self()

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stopped_registrant),
        cmocka_unit_test(liars_are_not_believed),
        cmocka_unit_test(squatters_are_not_believed),
        cmocka_unit_test(other_users_get_nothing),
        cmocka_unit_test(others_get_what_is_served_to_them),
        cmocka_unit_test(pid_namespaces_share_names),
        cmocka_unit_test(idle_connections),
        cmocka_unit_test(a_poor_registrant),
    };
    return cmocka_run_group_tests_name("bootstrap_bad", tests, NULL, NULL);
}
