/* Who waits learns of a death at once; interrupts; hostile peers; threads and forks at the same time. */
#include "mach/ports.h"

#include "packet.h"
#include "port.h"
#include "right.h"
#include "space.h"
#include "support/sanitizers.h"

#include <errno.h>
#include <mach/notify.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <sys/socket.h>

#define SELF mach_task_self()

static void name_of_test(char *name, size_t size, const char *what)
{
    snprintf(name, size, "mring.test.death.%s.%d", what, getpid());
}

struct server {
    char name[64];
    struct gate ready;
    bool takes; /* the request is received before the server stops; else it stays in the queue */
};

/* A server that never answers. */
static int serve_badly(void *context)
{
    struct server *server = context;
    union inbox request;
    mach_port_t port;

    CHECK(bootstrap_check_in(bootstrap_port, server->name, &port) == BOOTSTRAP_SUCCESS);
    gate_pass(&server->ready, 0);
    if (server->takes)
        CHECK(receive(port, &request, PATIENCE) == MACH_MSG_SUCCESS);
    gate_pass(&server->ready, 1);
    for (;;)
        pause();
}

struct asker {
    mach_port_t service;
    mach_port_t reply;
    mach_msg_return_t result;
    union inbox inbox;
};

static void *ask_and_wait(void *context)
{
    struct asker *asker = context;
    asker->result = ask(asker->service, asker->reply, 1, &asker->inbox);
    return NULL;
}

static void the_server_is_killed(void **state)
{
    (void)state;
    for (int takes = 0; takes < 2; takes++) {
        int before = descriptors_open();
        struct server server = {.ready = gate_make(), .takes = takes};
        struct asker asker = {.reply = new_port()};
        pthread_t thread;
        uint64_t step;

        name_of_test(server.name, sizeof(server.name), "server");
        pid_t child = child_start(serve_badly, &server);
        assert_true(gate_wait(&server.ready, &step));
        assert_int_equal(bootstrap_look_up(bootstrap_port, server.name, &asker.service), BOOTSTRAP_SUCCESS);
        assert_int_equal(pthread_create(&thread, NULL, ask_and_wait, &asker), 0);
        assert_true(gate_wait(&server.ready, &step));
        assert_int_equal(child_kill(child), -SIGKILL);
        pthread_join(thread, NULL);
        if (asker.result == MACH_MSG_SUCCESS) {
            assert_int_equal(asker.inbox.header.msgh_id, MACH_NOTIFY_SEND_ONCE);
        } else { /* it died before it was asked */
            assert_false(takes);
            assert_int_equal(asker.result, MACH_SEND_INVALID_DEST);
        }
        assert_int_equal(send_note(asker.service, 1), MACH_SEND_INVALID_DEST);
        assert_int_equal(mach_port_deallocate(SELF, asker.service), KERN_SUCCESS); /* a dead name goes like any other */
        assert_int_equal(drop_receive(asker.reply), KERN_SUCCESS);
        gate_close(&server.ready);
        assert_int_equal(descriptors_open(), before);
    }
}

/* A port that dies takes its queue along: whoever waits for an answer to something in it hears so. */
static void the_queue_dies(void **state)
{
    (void)state;
    union inbox inbox;
    mach_port_t service = new_port_with_send(), reply = new_port();
    inbox.note.note = make_note(service, MACH_MSG_TYPE_COPY_SEND, 1);
    inbox.header.msgh_bits = MACH_MSGH_BITS(MACH_MSG_TYPE_COPY_SEND, MACH_MSG_TYPE_MAKE_SEND_ONCE);
    inbox.header.msgh_local_port = reply;
    assert_int_equal(send_now(&inbox.header), MACH_MSG_SUCCESS);
    assert_int_equal(receive(reply, &inbox, 0), MACH_RCV_TIMED_OUT);
    assert_int_equal(drop_receive(service), KERN_SUCCESS);
    assert_int_equal(receive(reply, &inbox, PATIENCE), MACH_MSG_SUCCESS);
    assert_int_equal(inbox.header.msgh_id, MACH_NOTIFY_SEND_ONCE);
    assert_int_equal(mach_port_deallocate(SELF, service), KERN_SUCCESS);
    assert_int_equal(drop_receive(reply), KERN_SUCCESS);
}

/* ---- interrupts ---- */

static _Atomic int handled;

static void count(int signal)
{
    (void)signal;
    atomic_fetch_add(&handled, 1);
}

struct interrupted {
    mach_port_t port;
    mach_msg_option_t option;
    mach_msg_return_t result;
    _Atomic bool done;
};

static void *wait_interrupted(void *context)
{
    struct interrupted *wait = context;
    union inbox inbox;
    wait->result = mach_msg(&inbox.header, MACH_RCV_MSG | wait->option, 0, sizeof(inbox), wait->port, 0, 0);
    atomic_store(&wait->done, true);
    return NULL;
}

/* One signal, and time for it to be handled before the next: floods are more than a sanitizer's own handlers bear. */
static void interrupt(pthread_t thread)
{
    const struct timespec interval = {0, 500 * 1000};

    pthread_kill(thread, SIGUSR1);
    nanosleep(&interval, NULL);
}

/* With MACH_RCV_INTERRUPT a handler ends the wait, also under SA_RESTART; without it the wait goes on. */
static void handlers_interrupt(void **state)
{
    (void)state;
    for (int restart = 0; restart < 2; restart++) {
        struct sigaction action = {.sa_handler = count, .sa_flags = restart ? SA_RESTART : 0}, old;
        sigaction(SIGUSR1, &action, &old);
        struct interrupted wait = {.port = new_port_with_send(), .option = MACH_RCV_INTERRUPT};
        pthread_t thread;
        assert_int_equal(pthread_create(&thread, NULL, wait_interrupted, &wait), 0);
        while (!atomic_load(&wait.done))
            interrupt(thread);
        pthread_join(thread, NULL);
        assert_int_equal(wait.result, MACH_RCV_INTERRUPTED);

        wait = (struct interrupted){.port = wait.port};
        atomic_store(&handled, 0);
        assert_int_equal(pthread_create(&thread, NULL, wait_interrupted, &wait), 0);
        while (atomic_load(&handled) < 100)
            interrupt(thread);
        assert_false(atomic_load(&wait.done));
        assert_int_equal(send_note(wait.port, 1), MACH_MSG_SUCCESS);
        pthread_join(thread, NULL);
        assert_int_equal(wait.result, MACH_MSG_SUCCESS);
        assert_int_equal(mach_port_destroy(SELF, wait.port), KERN_SUCCESS);
        sigaction(SIGUSR1, &old, NULL);
    }
}

/* ---- hostile peers ---- */

static int socket_of(mach_port_t port)
{
    kern_return_t kr;
    struct mach_object *object = space_hold_send(port, &kr);
    assert_non_null(object);
    int fd = port_send_socket(object);
    object_drop(object);
    return fd;
}

/* The page with the number of messages, which travels beside the socket. */
static int page_of(mach_port_t port)
{
    kern_return_t kr;
    struct wire_right right;
    int fds[WIRE_FDS];
    struct mach_object *object = space_hold_send(port, &kr);
    assert_non_null(object);
    assert_true(right_pack(object, &right, fds));
    object_drop(object);
    return fds[1];
}

/* A packet that this library would have sent, to be damaged. */
struct forged {
    struct packet_out packet;
    mach_msg_body_t body;
    mach_msg_port_descriptor_t descriptor;
    struct iovec parts[2];
};

static void forge(struct forged *forged, int fd, int page)
{
    memset(forged, 0, sizeof(*forged));
    forged->body.msgh_descriptor_count = 1;
    forged->descriptor.name = 1;
    forged->descriptor.disposition = MACH_MSG_TYPE_PORT_SEND;
    forged->parts[0] = (struct iovec){&forged->body, sizeof(forged->body)};
    forged->parts[1] = (struct iovec){&forged->descriptor, sizeof(forged->descriptor)};
    forged->packet.header.size = sizeof(mach_msg_base_t) + (uint32_t)sizeof(forged->descriptor);
    forged->packet.header.rights = 1;
    forged->packet.header.complex = 1;
    forged->packet.rights[0].kind = OBJECT_PORT;
    forged->packet.rights[0].descriptors = 2;
    forged->packet.descriptors[0] = fd;
    forged->packet.descriptors[1] = page;
    forged->packet.descriptor_count = 2;
    forged->packet.body = forged->parts;
    forged->packet.body_parts = 2;
}

static void damaged_packets_are_dropped(void **state)
{
    (void)state;
    int before = descriptors_open();
    mach_port_t port = new_port_with_send();
    int fd = socket_of(port), page = page_of(port), count_of_cases = 0;
    union inbox inbox;
    struct forged forged;

    /* Undamaged, it arrives. */
    forge(&forged, fd, page);
    assert_int_equal(packet_send(fd, &forged.packet), 0);
    assert_int_equal(receive(port, &inbox, 0), MACH_MSG_SUCCESS);
    assert_int_equal(inbox.carrier.carrier.right.name, port);
    mach_msg_destroy(&inbox.header);

#define DAMAGED(statement)                                                                                             \
    do {                                                                                                               \
        forge(&forged, fd, page);                                                                                      \
        statement;                                                                                                     \
        assert_int_equal(packet_send(fd, &forged.packet), 0);                                                          \
        assert_int_equal(receive(port, &inbox, 0), MACH_RCV_TIMED_OUT);                                                \
        count_of_cases++;                                                                                              \
    } while (0)
    DAMAGED(forged.packet.header.size -= 4);
    DAMAGED(forged.packet.header.size += 4);
    DAMAGED(forged.packet.header.size = 3);
    DAMAGED(forged.packet.header.size = ~0U);
    DAMAGED(forged.packet.header.complex = 0);
    DAMAGED(forged.packet.header.reply = MACH_MSG_TYPE_PORT_SEND);
    DAMAGED(forged.packet.header.reply = 99);
    DAMAGED(forged.packet.descriptor_count = 0);
    DAMAGED((forged.packet.descriptors[2] = fd, forged.packet.descriptor_count = 3));
    DAMAGED(forged.packet.rights[0].descriptors = 0);
    DAMAGED(forged.packet.rights[0].descriptors = 5);
    DAMAGED(forged.packet.rights[0].descriptors = ~0U);
    DAMAGED(forged.body.msgh_descriptor_count = 0);
    DAMAGED(forged.body.msgh_descriptor_count = 2);
    DAMAGED(forged.body.msgh_descriptor_count = ~0U);
    DAMAGED(forged.descriptor.name = port); /* a name of the receiver's own */
    DAMAGED(forged.descriptor.name = MACH_PORT_NULL);
    DAMAGED(forged.descriptor.type = MACH_MSG_OOL_DESCRIPTOR);
    DAMAGED(forged.descriptor.disposition = MACH_MSG_TYPE_MOVE_RECEIVE);
    assert_int_equal(count_of_cases, 19);

    /* Sound as a message, but the right is refused: it arrives as null. */
#define REFUSED(statement)                                                                                             \
    do {                                                                                                               \
        forge(&forged, fd, page);                                                                                      \
        statement;                                                                                                     \
        assert_int_equal(packet_send(fd, &forged.packet), 0);                                                          \
        assert_int_equal(receive(port, &inbox, 0), MACH_MSG_SUCCESS);                                                  \
        assert_int_equal(inbox.carrier.carrier.right.name, MACH_PORT_NULL);                                            \
    } while (0)
    REFUSED(forged.packet.rights[0].kind = OBJECT_TASK);
    REFUSED(forged.packet.rights[0].kind = OBJECT_NONE);
    REFUSED(forged.packet.rights[0].kind = OBJECT_PORT_SET);
    REFUSED(forged.packet.rights[0].kind = OBJECT_SEND_ONCE);
    REFUSED(forged.packet.rights[0].kind = ~0U);
    REFUSED(forged.packet.descriptors[0] = 0);    /* no socket */
    REFUSED(forged.packet.descriptors[0] = page); /* neither */
    REFUSED(forged.packet.descriptors[1] = fd);   /* no page */
    REFUSED((forged.packet.rights[0].descriptors = 1, forged.packet.descriptor_count = 1));
    REFUSED(forged.descriptor.disposition = MACH_MSG_TYPE_PORT_SEND_ONCE);

    /* An id proves nothing: the right is known by its socket. */
    kern_return_t kr;
    mach_port_t other = new_port_with_send();
    struct mach_object *object = space_hold_send(other, &kr);
    forge(&forged, fd, page);
    forged.packet.rights[0].id = object->id;
    object_drop(object);
    assert_int_equal(packet_send(fd, &forged.packet), 0);
    assert_int_equal(receive(port, &inbox, 0), MACH_MSG_SUCCESS);
    assert_int_equal(inbox.carrier.carrier.right.name, port);
    mach_msg_destroy(&inbox.header);

    assert_int_equal(mach_port_destroy(SELF, other), KERN_SUCCESS);
    assert_int_equal(mach_port_destroy(SELF, port), KERN_SUCCESS);
    assert_int_equal(descriptors_open(), before);
}

/* A sender who shuts his end down has broken the port: receivers are told, nobody spins. */
static void a_broken_port_is_dead(void **state)
{
    (void)state;
    union inbox inbox;
    mach_port_t set;
    assert_int_equal(mach_port_allocate(SELF, MACH_PORT_RIGHT_PORT_SET, &set), KERN_SUCCESS);
    for (int how = SHUT_RD; how <= SHUT_RDWR; how++) {
        mach_port_t port = new_port_with_send();
        assert_int_equal(mach_port_insert_member(SELF, port, set), KERN_SUCCESS);
        assert_int_equal(shutdown(socket_of(port), how), 0);
        if (how != SHUT_RD) {
            assert_int_equal(receive(set, &inbox, 0), MACH_RCV_TIMED_OUT);
            assert_int_equal(receive(port, &inbox, PATIENCE), MACH_RCV_PORT_CHANGED);
            assert_int_equal(send_note(port, 1), MACH_SEND_INVALID_DEST);
        }
        assert_int_equal(mach_port_destroy(SELF, port), KERN_SUCCESS);
    }
    mach_port_t port = new_port_with_send();
    assert_int_equal(send(socket_of(port), "", 0, MSG_DONTWAIT | MSG_NOSIGNAL), 0);
    assert_int_equal(receive(port, &inbox, PATIENCE), MACH_RCV_PORT_CHANGED);
    assert_int_equal(mach_port_destroy(SELF, port), KERN_SUCCESS);
    assert_int_equal(mach_port_destroy(SELF, set), KERN_SUCCESS);
}

/* ---- no more descriptors ---- */

static int receive_without_descriptors(void *context)
{
    union inbox inbox;
    struct rlimit limit;
    mach_port_t port = new_port_with_send(), cargo = new_port_with_send();
    struct carrier carrier = make_carrier(port, 1, cargo, MACH_MSG_TYPE_MOVE_SEND);

    (void)context;
    CHECK(send_now(&carrier.header) == MACH_MSG_SUCCESS);
    CHECK(send_note(port, 2) == MACH_MSG_SUCCESS);
    int lowest = dup(0);
    close(lowest);
    CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0);
    limit.rlim_cur = (rlim_t)lowest;
    CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);

    CHECK(receive(port, &inbox, 0) == (MACH_RCV_BODY_ERROR | MACH_MSG_IPC_KERNEL));
    CHECK(inbox.header.msgh_id == 1 && inbox.carrier.carrier.right.name == MACH_PORT_NULL);
    CHECK(receive(port, &inbox, 0) == MACH_MSG_SUCCESS && inbox.header.msgh_id == 2);
    mach_port_t none = 77;
    CHECK(mach_port_allocate(SELF, MACH_PORT_RIGHT_RECEIVE, &none) == KERN_RESOURCE_SHORTAGE && none == 77);
    CHECK(mach_port_allocate(SELF, MACH_PORT_RIGHT_PORT_SET, &none) == KERN_RESOURCE_SHORTAGE && none == 77);
    inbox.note.note = make_note(port, MACH_MSG_TYPE_COPY_SEND, 1);
    inbox.header.msgh_bits = MACH_MSGH_BITS(MACH_MSG_TYPE_COPY_SEND, MACH_MSG_TYPE_MAKE_SEND_ONCE);
    inbox.header.msgh_local_port = port;
    CHECK(send_now(&inbox.header) == MACH_SEND_NO_BUFFER);
    CHECK(receive(port, &inbox, 0) == MACH_RCV_TIMED_OUT);
    return 0;
}

static void descriptors_run_out(void **state)
{
    (void)state;
    assert_int_equal(child_run(receive_without_descriptors, NULL), 0);
}

/* ---- threads and forks ---- */

enum { THREADS = 3, FORKS = 60 };

struct worker {
    mach_port_t set;
    _Atomic bool *stop;
    _Atomic int *rounds;
    int failed;
};

/* Ports made, asked through, joined to a set, and destroyed, as fast as one thread can. */
static void *work(void *context)
{
    struct worker *worker = context;
    union inbox inbox, request;

    while (!atomic_load(worker->stop)) {
        mach_port_t service = new_port_with_send(), reply = new_port();
        inbox.note.note = make_note(service, MACH_MSG_TYPE_COPY_SEND, 1);
        inbox.header.msgh_bits = MACH_MSGH_BITS(MACH_MSG_TYPE_COPY_SEND, MACH_MSG_TYPE_MAKE_SEND_ONCE);
        inbox.header.msgh_local_port = reply;
        if (mach_port_insert_member(SELF, reply, worker->set) != KERN_SUCCESS ||
            send_now(&inbox.header) != MACH_MSG_SUCCESS || receive(service, &request, PATIENCE) != MACH_MSG_SUCCESS ||
            answer(&request, 2) != MACH_MSG_SUCCESS || receive(reply, &inbox, PATIENCE) != MACH_MSG_SUCCESS ||
            inbox.header.msgh_id != 2 || mach_port_destroy(SELF, service) != KERN_SUCCESS ||
            drop_receive(reply) != KERN_SUCCESS) {
            worker->failed = 1;
            return NULL;
        }
        atomic_fetch_add(worker->rounds, 1);
    }
    return NULL;
}

static int use_everything(void *context)
{
    const int *before = context;
    union inbox inbox, request;
    CHECK(descriptors_open() == *before); /* whatever the other threads were in the middle of */
    mach_port_t service = new_port_with_send(), reply = new_port();
    inbox.note.note = make_note(service, MACH_MSG_TYPE_COPY_SEND, 1);
    inbox.header.msgh_bits = MACH_MSGH_BITS(MACH_MSG_TYPE_COPY_SEND, MACH_MSG_TYPE_MAKE_SEND_ONCE);
    inbox.header.msgh_local_port = reply;
    CHECK(send_now(&inbox.header) == MACH_MSG_SUCCESS);
    CHECK(receive(service, &request, PATIENCE) == MACH_MSG_SUCCESS);
    CHECK(answer(&request, 2) == MACH_MSG_SUCCESS);
    CHECK(receive(reply, &inbox, PATIENCE) == MACH_MSG_SUCCESS);
    CHECK(mach_port_destroy(SELF, service) == KERN_SUCCESS);
    CHECK(drop_receive(reply) == KERN_SUCCESS);
    CHECK(descriptors_open() == *before);
    return 0;
}

static void forks_amid_threads(void **state)
{
    (void)state;
    if (MALLOC_HANGS_AFTER_FORK)
        skip();
    int before = descriptors_open();
    _Atomic bool stop = false;
    _Atomic int rounds = 0;
    mach_port_t set;
    struct worker workers[THREADS];
    pthread_t threads[THREADS];

    assert_int_equal(mach_port_allocate(SELF, MACH_PORT_RIGHT_PORT_SET, &set), KERN_SUCCESS);
    for (int i = 0; i < THREADS; i++) {
        workers[i] = (struct worker){.set = set, .stop = &stop, .rounds = &rounds};
        assert_int_equal(pthread_create(&threads[i], NULL, work, &workers[i]), 0);
    }
    for (int i = 0; i < FORKS; i++)
        assert_int_equal(child_run(use_everything, &before), 0);
    atomic_store(&stop, true);
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(workers[i].failed, 0);
    }
    assert_true(atomic_load(&rounds) > 0);
    assert_int_equal(mach_port_destroy(SELF, set), KERN_SUCCESS);
    assert_int_equal(descriptors_open(), before);
}

/* Several threads receive on one port and one set at once: each message comes to one of them. */
struct share {
    mach_port_t from;
    _Atomic int *left;
    _Atomic int *sum;
};

static void *take_share(void *context)
{
    struct share *share = context;
    union inbox inbox;
    while (atomic_load(share->left) > 0)
        if (receive(share->from, &inbox, 20) == MACH_MSG_SUCCESS) {
            atomic_fetch_add(share->sum, inbox.header.msgh_id);
            atomic_fetch_sub(share->left, 1);
        }
    return NULL;
}

static void many_receivers(void **state)
{
    enum { NOTES = 2000 };
    (void)state;
    mach_port_t port = new_port_with_send(), set;
    _Atomic int left = NOTES, sum = 0;
    pthread_t threads[THREADS];
    struct share shares[THREADS];
    assert_int_equal(mach_port_allocate(SELF, MACH_PORT_RIGHT_PORT_SET, &set), KERN_SUCCESS);
    assert_int_equal(mach_port_insert_member(SELF, port, set), KERN_SUCCESS);
    for (int i = 0; i < THREADS; i++) {
        shares[i] = (struct share){i == 0 ? port : set, &left, &sum};
        assert_int_equal(pthread_create(&threads[i], NULL, take_share, &shares[i]), 0);
    }
    for (int id = 1; id <= NOTES; id++) {
        struct note note = make_note(port, MACH_MSG_TYPE_COPY_SEND, id);
        assert_int_equal(mach_msg(&note.header, MACH_SEND_MSG, sizeof(note), 0, 0, 0, 0), MACH_MSG_SUCCESS);
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(atomic_load(&sum), NOTES * (NOTES + 1) / 2);
    assert_int_equal(mach_port_destroy(SELF, set), KERN_SUCCESS);
    assert_int_equal(mach_port_destroy(SELF, port), KERN_SUCCESS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_server_is_killed),  cmocka_unit_test(the_queue_dies),
        cmocka_unit_test(handlers_interrupt),    cmocka_unit_test(damaged_packets_are_dropped),
        cmocka_unit_test(a_broken_port_is_dead), cmocka_unit_test(descriptors_run_out),
        cmocka_unit_test(forks_amid_threads),    cmocka_unit_test(many_receivers),
    };
    return cmocka_run_group_tests_name("msg_death", tests, NULL, NULL);
}
