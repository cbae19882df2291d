/* mach_msg between and within processes: headers turned round, rights in transit, limits, timeouts, trailers, sets. */
#include "mach/ports.h"

#include <bsm/libbsm.h>
#include <mach/notify.h>
#include <pthread.h>
#include <time.h>

#define SELF mach_task_self()

static int leaked_since(int before)
{
    return descriptors_open() - before;
}

static void a_note_arrives(void **state)
{
    (void)state;
    int before = descriptors_open();
    union inbox inbox;
    mach_port_t port = new_port_with_send();
    assert_int_equal(receive(port, &inbox, 0), MACH_RCV_TIMED_OUT);
    assert_int_equal(send_note(port, 7), MACH_MSG_SUCCESS);
    assert_int_equal(receive(port, &inbox, PATIENCE), MACH_MSG_SUCCESS);
    assert_int_equal(inbox.header.msgh_id, 7);
    assert_int_equal(inbox.header.msgh_size, sizeof(struct note));
    assert_int_equal(inbox.header.msgh_local_port, port);
    assert_int_equal(inbox.header.msgh_remote_port, MACH_PORT_NULL);
    assert_int_equal(inbox.header.msgh_bits, MACH_MSGH_BITS(0, MACH_MSG_TYPE_PORT_SEND));
    assert_string_equal(inbox.note.note.text, "note 7");
    assert_int_equal(inbox.note.trailer.msgh_trailer_type, MACH_MSG_TRAILER_FORMAT_0);
    assert_int_equal(inbox.note.trailer.msgh_trailer_size, sizeof(mach_msg_trailer_t));
    assert_int_equal(references(port, MACH_PORT_RIGHT_SEND), 1);
    assert_int_equal(mach_port_destroy(SELF, port), KERN_SUCCESS);
    assert_int_equal(leaked_since(before), 0);
}

static void notes_keep_their_order(void **state)
{
    (void)state;
    union inbox inbox;
    mach_port_t port = new_port_with_send();
    assert_int_equal(set_limit(port, 100), KERN_SUCCESS);
    for (int id = 0; id < 100; id++)
        assert_int_equal(send_note(port, id), MACH_MSG_SUCCESS);
    for (int id = 0; id < 100; id++) {
        assert_int_equal(receive(port, &inbox, PATIENCE), MACH_MSG_SUCCESS);
        assert_int_equal(inbox.header.msgh_id, id);
    }
    assert_int_equal(mach_port_destroy(SELF, port), KERN_SUCCESS);
}

static void headers_are_checked(void **state)
{
    (void)state;
    mach_port_t port = new_port_with_send(), stale = new_port();
    struct note note = make_note(port, MACH_MSG_TYPE_COPY_SEND, 1), bad;
    assert_int_equal(drop_receive(stale), KERN_SUCCESS);

    bad = note;
    bad.header.msgh_size = sizeof(mach_msg_header_t) - 4;
    assert_int_equal(send_now(&bad.header), MACH_SEND_MSG_TOO_SMALL);
    bad.header.msgh_size = sizeof(mach_msg_header_t) + 3;
    assert_int_equal(send_now(&bad.header), MACH_SEND_MSG_TOO_SMALL);
    bad = note;
    bad.header.msgh_remote_port = MACH_PORT_NULL;
    assert_int_equal(send_now(&bad.header), MACH_SEND_INVALID_DEST);
    bad.header.msgh_remote_port = MACH_PORT_DEAD;
    assert_int_equal(send_now(&bad.header), MACH_SEND_INVALID_DEST);
    bad.header.msgh_remote_port = stale;
    assert_int_equal(send_now(&bad.header), MACH_SEND_INVALID_DEST);
    bad.header.msgh_remote_port = SELF;
    assert_int_equal(send_now(&bad.header), MACH_SEND_INVALID_DEST);
    bad = note;
    bad.header.msgh_bits = MACH_MSGH_BITS(MACH_MSG_TYPE_MOVE_RECEIVE, 0);
    assert_int_equal(send_now(&bad.header), MACH_SEND_INVALID_HEADER);
    bad.header.msgh_bits = 0;
    assert_int_equal(send_now(&bad.header), MACH_SEND_INVALID_HEADER);
    bad.header.msgh_bits = MACH_MSGH_BITS(MACH_MSG_TYPE_COPY_SEND, 0) | 0x20000000;
    assert_int_equal(send_now(&bad.header), MACH_SEND_INVALID_HEADER);
    bad = note;
    bad.header.msgh_local_port = port; /* a reply port without a disposition */
    assert_int_equal(send_now(&bad.header), MACH_SEND_INVALID_HEADER);
    bad.header.msgh_bits = MACH_MSGH_BITS(MACH_MSG_TYPE_COPY_SEND, MACH_MSG_TYPE_MAKE_SEND);
    bad.header.msgh_local_port = stale;
    assert_int_equal(send_now(&bad.header), MACH_SEND_INVALID_REPLY);
    assert_int_equal(mach_msg(&note.header, MACH_RCV_MSG | MACH_RCV_TIMEOUT, 0, sizeof(note), stale, 0, 0),
                     MACH_RCV_INVALID_NAME);
    assert_int_equal(mach_msg(&note.header, MACH_RCV_MSG | MACH_RCV_TIMEOUT, 0, sizeof(note), SELF, 0, 0),
                     MACH_RCV_INVALID_NAME);
    assert_int_equal(
        mach_msg(&note.header, MACH_RCV_MSG | MACH_RCV_TIMEOUT | MACH_RCV_TRAILER_TYPE(1), 0, sizeof(note), port, 0, 0),
        MACH_RCV_INVALID_TRAILER);

    union inbox inbox;
    assert_int_equal(receive(port, &inbox, 0), MACH_RCV_TIMED_OUT); /* none of them left */
    assert_int_equal(mach_port_destroy(SELF, port), KERN_SUCCESS);
}

static void descriptors_are_checked(void **state)
{
    (void)state;
    mach_port_t port = new_port_with_send(), stale = new_port(), mine = new_port();
    assert_int_equal(drop_receive(stale), KERN_SUCCESS);

    struct carrier bad = make_carrier(port, 1, stale, MACH_MSG_TYPE_COPY_SEND);
    assert_int_equal(send_now(&bad.header), MACH_SEND_INVALID_RIGHT);
    bad = make_carrier(port, 1, mine, MACH_MSG_TYPE_COPY_SEND); /* has no send right */
    assert_int_equal(send_now(&bad.header), MACH_SEND_INVALID_RIGHT);
    bad = make_carrier(port, 1, port, MACH_MSG_TYPE_MOVE_SEND_ONCE);
    assert_int_equal(send_now(&bad.header), MACH_SEND_INVALID_RIGHT);
    bad = make_carrier(port, 1, mine, MACH_MSG_TYPE_MOVE_RECEIVE);
    assert_int_equal(send_now(&bad.header), MACH_SEND_INVALID_RIGHT);
    bad = make_carrier(port, 1, SELF, MACH_MSG_TYPE_COPY_SEND);
    assert_int_equal(send_now(&bad.header), MACH_SEND_INVALID_RIGHT);
    bad = make_carrier(port, 1, port, 99);
    assert_int_equal(send_now(&bad.header), MACH_SEND_INVALID_TYPE);
    bad = make_carrier(port, 1, port, MACH_MSG_TYPE_COPY_SEND);
    bad.right.type = MACH_MSG_OOL_DESCRIPTOR;
    assert_int_equal(send_now(&bad.header), MACH_SEND_INVALID_TYPE);
    bad = make_carrier(port, 1, port, MACH_MSG_TYPE_COPY_SEND);
    bad.body.msgh_descriptor_count = 7; /* more than the message holds */
    assert_int_equal(send_now(&bad.header), MACH_SEND_MSG_TOO_SMALL);
    bad.body.msgh_descriptor_count = ~0U;
    assert_int_equal(send_now(&bad.header), MACH_SEND_MSG_TOO_SMALL);
    assert_int_equal(references(port, MACH_PORT_RIGHT_SEND), 1);

    assert_int_equal(mach_port_destroy(SELF, mine), KERN_SUCCESS);
    assert_int_equal(mach_port_destroy(SELF, port), KERN_SUCCESS);
}

/* A move of one reference cannot go twice; with two it can. Nothing moves when a message fails. */
static void moves_are_counted(void **state)
{
    struct {
        mach_msg_header_t header;
        mach_msg_body_t body;
        mach_msg_port_descriptor_t rights[2];
    } message;
    struct {
        mach_msg_header_t header;
        mach_msg_body_t body;
        mach_msg_port_descriptor_t rights[2];
        mach_msg_max_trailer_t trailer;
    } got;
    (void)state;
    mach_port_t port = new_port_with_send(), cargo = new_port_with_send();

    memset(&message, 0, sizeof(message));
    message.header.msgh_bits = MACH_MSGH_BITS(MACH_MSG_TYPE_COPY_SEND, 0) | MACH_MSGH_BITS_COMPLEX;
    message.header.msgh_size = sizeof(message);
    message.header.msgh_remote_port = port;
    message.body.msgh_descriptor_count = 2;
    for (int i = 0; i < 2; i++) {
        message.rights[i].name = cargo;
        message.rights[i].disposition = MACH_MSG_TYPE_MOVE_SEND;
        message.rights[i].type = MACH_MSG_PORT_DESCRIPTOR;
    }
    assert_int_equal(send_now(&message.header), MACH_SEND_INVALID_RIGHT);
    assert_int_equal(references(cargo, MACH_PORT_RIGHT_SEND), 1);

    assert_int_equal(mach_port_mod_refs(SELF, cargo, MACH_PORT_RIGHT_SEND, 1), KERN_SUCCESS);
    assert_int_equal(send_now(&message.header), MACH_MSG_SUCCESS);
    assert_int_equal(references(cargo, MACH_PORT_RIGHT_SEND), 0);
    assert_int_equal(mach_msg(&got.header, MACH_RCV_MSG, 0, sizeof(got), port, 0, 0), MACH_MSG_SUCCESS);
    assert_int_equal(got.rights[0].name, cargo); /* one name per port: 5.1 */
    assert_int_equal(got.rights[1].name, cargo);
    assert_int_equal(references(cargo, MACH_PORT_RIGHT_SEND), 2);

    message.rights[1].name = MACH_PORT_NULL;
    message.rights[0].name = MACH_PORT_DEAD;
    assert_int_equal(send_now(&message.header), MACH_MSG_SUCCESS);
    assert_int_equal(mach_msg(&got.header, MACH_RCV_MSG, 0, sizeof(got), port, 0, 0), MACH_MSG_SUCCESS);
    assert_int_equal(got.rights[0].name, MACH_PORT_DEAD);
    assert_int_equal(got.rights[1].name, MACH_PORT_NULL);
    assert_int_equal(mach_port_destroy(SELF, cargo), KERN_SUCCESS);
    assert_int_equal(mach_port_destroy(SELF, port), KERN_SUCCESS);
}

/* ---- sizes ---- */

enum { LARGEST = 128 * 1024 };

static void the_largest_message(void **state)
{
    static unsigned char out[LARGEST + 4], in[LARGEST + 256];
    mach_msg_header_t *header = (mach_msg_header_t *)out, *got = (mach_msg_header_t *)in;
    (void)state;
    mach_port_t port = new_port_with_send();

    for (size_t i = 0; i < sizeof(out); i++)
        out[i] = (unsigned char)(i * 7);
    *header = (mach_msg_header_t){
        .msgh_bits = MACH_MSGH_BITS(MACH_MSG_TYPE_COPY_SEND, 0), .msgh_size = LARGEST + 4, .msgh_remote_port = port};
    assert_int_equal(send_now(header), MACH_SEND_TOO_LARGE);
    header->msgh_size = LARGEST;
    assert_int_equal(send_now(header), MACH_MSG_SUCCESS);
    assert_int_equal(mach_msg(got, MACH_RCV_MSG, 0, sizeof(in), port, 0, 0), MACH_MSG_SUCCESS);
    assert_int_equal(got->msgh_size, LARGEST);
    assert_memory_equal(got + 1, header + 1, LARGEST - sizeof(*header));
    assert_int_equal(mach_port_destroy(SELF, port), KERN_SUCCESS);
}

static void too_large_for_the_receiver(void **state)
{
    (void)state;
    int before = descriptors_open();
    mach_port_t port = new_port_with_send(), cargo = new_port_with_send();
    union inbox inbox;
    struct carrier carrier = make_carrier(port, 3, cargo, MACH_MSG_TYPE_MOVE_SEND);
    mach_msg_size_t exact = sizeof(carrier) + (mach_msg_size_t)sizeof(mach_msg_trailer_t);

    /* Kept, with its size told. */
    assert_int_equal(send_now(&carrier.header), MACH_MSG_SUCCESS);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(mach_msg(&inbox.header, MACH_RCV_MSG | MACH_RCV_LARGE, 0, exact - 1, port, 0, MACH_PORT_NULL),
                         MACH_RCV_TOO_LARGE);
        assert_int_equal(inbox.header.msgh_size, sizeof(carrier));
    }
    assert_int_equal(mach_msg(&inbox.header, MACH_RCV_MSG | MACH_RCV_LARGE, 0, exact, port, 0, MACH_PORT_NULL),
                     MACH_MSG_SUCCESS);
    assert_int_equal(inbox.carrier.carrier.right.name, cargo);

    /* Destroyed, with its rights. */
    assert_int_equal(send_now(&carrier.header), MACH_MSG_SUCCESS);
    assert_int_equal(mach_msg(&inbox.header, MACH_RCV_MSG, 0, exact - 1, port, 0, MACH_PORT_NULL), MACH_RCV_TOO_LARGE);
    assert_int_equal(receive(port, &inbox, 0), MACH_RCV_TIMED_OUT);

    assert_int_equal(references(cargo, MACH_PORT_RIGHT_SEND), 0);
    assert_int_equal(mach_port_destroy(SELF, cargo), KERN_SUCCESS);
    assert_int_equal(mach_port_destroy(SELF, port), KERN_SUCCESS);
    assert_int_equal(leaked_since(before), 0);
}

static void too_many_rights(void **state)
{
    struct {
        mach_msg_header_t header;
        mach_msg_body_t body;
        mach_msg_port_descriptor_t rights[61];
    } message;
    struct {
        mach_msg_header_t header;
        mach_msg_body_t body;
        mach_msg_port_descriptor_t rights[61];
        mach_msg_max_trailer_t trailer;
    } got;
    (void)state;
    int before = descriptors_open();
    mach_port_t port = new_port_with_send();

    memset(&message, 0, sizeof(message));
    message.header.msgh_bits = MACH_MSGH_BITS(MACH_MSG_TYPE_COPY_SEND, 0) | MACH_MSGH_BITS_COMPLEX;
    message.header.msgh_size = sizeof(message);
    message.header.msgh_remote_port = port;
    message.body.msgh_descriptor_count = 61;
    for (int i = 0; i < 61; i++) {
        message.rights[i].name = port;
        message.rights[i].disposition = i % 2 ? MACH_MSG_TYPE_MAKE_SEND_ONCE : MACH_MSG_TYPE_COPY_SEND;
        message.rights[i].type = MACH_MSG_PORT_DESCRIPTOR;
    }
    assert_int_equal(send_now(&message.header), MACH_SEND_TOO_LARGE);
    message.body.msgh_descriptor_count = 60;
    assert_int_equal(send_now(&message.header), MACH_MSG_SUCCESS);
    assert_int_equal(mach_msg(&got.header, MACH_RCV_MSG, 0, sizeof(got), port, 0, 0), MACH_MSG_SUCCESS);
    for (int i = 0; i < 60; i++) {
        assert_int_equal(got.rights[i].disposition, i % 2 ? MACH_MSG_TYPE_PORT_SEND_ONCE : MACH_MSG_TYPE_PORT_SEND);
        assert_true(i % 2 ? got.rights[i].name != port : got.rights[i].name == port);
    }
    assert_int_equal(references(port, MACH_PORT_RIGHT_SEND), 31);
    mach_msg_destroy(&got.header);
    assert_int_equal(references(port, MACH_PORT_RIGHT_SEND), 1);
    assert_int_equal(mach_port_destroy(SELF, port), KERN_SUCCESS);
    assert_int_equal(leaked_since(before), 0);
}

/* ---- a full queue ---- */

static void a_full_queue(void **state)
{
    (void)state;
    union inbox inbox;
    mach_port_t port = new_port_with_send(), reply = new_port();
    int sent = 0;
    while (send_note(port, sent) == MACH_MSG_SUCCESS)
        assert_true(++sent < 1000000);
    assert_int_equal(sent, MACH_PORT_QLIMIT_DEFAULT);
    assert_int_equal(send_note(port, sent), MACH_SEND_TIMED_OUT);

    /* A send-once right made for a message that did not leave is taken back: no notification comes. */
    assert_int_equal(references(port, MACH_PORT_RIGHT_SEND), 1);
    inbox.note.note = make_note(port, MACH_MSG_TYPE_COPY_SEND, 1);
    inbox.header.msgh_bits = MACH_MSGH_BITS(MACH_MSG_TYPE_COPY_SEND, MACH_MSG_TYPE_MAKE_SEND_ONCE);
    inbox.header.msgh_local_port = reply;
    assert_int_equal(send_now(&inbox.header), MACH_SEND_TIMED_OUT);
    assert_int_equal(receive(reply, &inbox, 0), MACH_RCV_TIMED_OUT);

    for (int i = 0; i < sent; i++) {
        assert_int_equal(receive(port, &inbox, 0), MACH_MSG_SUCCESS);
        assert_int_equal(inbox.header.msgh_id, i);
    }
    assert_int_equal(receive(port, &inbox, 0), MACH_RCV_TIMED_OUT);
    assert_int_equal(mach_port_destroy(SELF, port), KERN_SUCCESS);
    assert_int_equal(mach_port_destroy(SELF, reply), KERN_SUCCESS);
}

struct flood {
    mach_port_t port;
    int count;
};

static void *send_flood(void *context)
{
    const struct flood *flood = context;
    for (int id = 0; id < flood->count; id++) {
        struct note note = make_note(flood->port, MACH_MSG_TYPE_COPY_SEND, id);
        if (mach_msg(&note.header, MACH_SEND_MSG, sizeof(note), 0, 0, 0, 0) != MACH_MSG_SUCCESS)
            return context;
    }
    return NULL;
}

static void a_sender_waits_for_room(void **state)
{
    (void)state;
    struct flood flood = {new_port_with_send(), 20000};
    pthread_t thread;
    void *failed;
    union inbox inbox;
    assert_int_equal(pthread_create(&thread, NULL, send_flood, &flood), 0);
    for (int id = 0; id < flood.count; id++) {
        assert_int_equal(receive(flood.port, &inbox, PATIENCE), MACH_MSG_SUCCESS);
        assert_int_equal(inbox.header.msgh_id, id);
    }
    pthread_join(thread, &failed);
    assert_null(failed);
    assert_int_equal(mach_port_destroy(SELF, flood.port), KERN_SUCCESS);
}

static void a_timeout_is_waited_out(void **state)
{
    (void)state;
    union inbox inbox;
    struct timespec from, to;
    mach_port_t port = new_port();
    clock_gettime(CLOCK_MONOTONIC, &from);
    assert_int_equal(receive(port, &inbox, 50), MACH_RCV_TIMED_OUT);
    clock_gettime(CLOCK_MONOTONIC, &to);
    assert_true((to.tv_sec - from.tv_sec) * 1000000000L + (to.tv_nsec - from.tv_nsec) >= 50000000L);
    assert_int_equal(drop_receive(port), KERN_SUCCESS);
}

/* ---- trailers ---- */

static int send_one(void *context)
{
    const char *name = context;
    mach_port_t port;
    CHECK(bootstrap_look_up(bootstrap_port, name, &port) == BOOTSTRAP_SUCCESS);
    CHECK(send_note(port, 9) == MACH_MSG_SUCCESS);
    return 0;
}

static void the_audit_trailer_names_the_sender(void **state)
{
    char name[64];
    mach_port_t port;
    union inbox inbox;
    (void)state;

    snprintf(name, sizeof(name), "mring.test.audit.%d", getpid());
    assert_int_equal(bootstrap_check_in(bootstrap_port, name, &port), BOOTSTRAP_SUCCESS);
    for (mach_port_seqno_t i = 0; i < 2; i++) {
        pid_t child = child_start(send_one, name);
        assert_int_equal(mach_msg(&inbox.header,
                                  MACH_RCV_MSG | MACH_RCV_TIMEOUT | MACH_RCV_TRAILER_TYPE(MACH_MSG_TRAILER_FORMAT_0) |
                                      MACH_RCV_TRAILER_ELEMENTS(MACH_RCV_TRAILER_AUDIT),
                                  0, sizeof(inbox), port, PATIENCE, 0),
                         MACH_MSG_SUCCESS);
        const mach_msg_audit_trailer_t *trailer =
            (const mach_msg_audit_trailer_t *)((const char *)&inbox + round_msg(inbox.header.msgh_size));
        assert_int_equal(trailer->msgh_trailer_size, sizeof(*trailer));
        assert_int_equal(trailer->msgh_seqno, i);
        assert_int_equal(trailer->msgh_sender.val[0], geteuid());
        assert_int_equal(trailer->msgh_sender.val[1], getegid());
        assert_int_equal(audit_token_to_pid(trailer->msgh_audit), child);
        assert_int_equal(audit_token_to_euid(trailer->msgh_audit), geteuid());
        assert_int_equal(audit_token_to_ruid(trailer->msgh_audit), getuid());
        assert_int_equal(audit_token_to_egid(trailer->msgh_audit), getegid());
        assert_int_equal(audit_token_to_rgid(trailer->msgh_audit), getgid());
        assert_int_equal(child_end(child), 0);
    }
    assert_int_equal(drop_receive(port), KERN_SUCCESS);
}

static void a_trailer_needs_its_room(void **state)
{
    (void)state;
    union inbox inbox;
    mach_port_t port = new_port_with_send();
    mach_msg_option_t option = MACH_RCV_MSG | MACH_RCV_LARGE | MACH_RCV_TRAILER_ELEMENTS(MACH_RCV_TRAILER_SENDER);
    mach_msg_size_t exact = sizeof(struct note) + sizeof(mach_msg_security_trailer_t);
    assert_int_equal(send_note(port, 1), MACH_MSG_SUCCESS);
    assert_int_equal(mach_msg(&inbox.header, option, 0, exact - 1, port, 0, 0), MACH_RCV_TOO_LARGE);
    assert_int_equal(mach_msg(&inbox.header, option, 0, exact, port, 0, 0), MACH_MSG_SUCCESS);
    assert_int_equal(inbox.note.trailer.msgh_sender.val[0], geteuid());
    assert_int_equal(mach_port_destroy(SELF, port), KERN_SUCCESS);
}

/* ---- port sets ---- */

enum { MEMBERS = 3 };

static void a_set_receives_from_all(void **state)
{
    (void)state;
    int before = descriptors_open();
    mach_port_t set, other, ports[MEMBERS];
    union inbox inbox;
    int got[MEMBERS] = {0};

    assert_int_equal(mach_port_allocate(SELF, MACH_PORT_RIGHT_PORT_SET, &set), KERN_SUCCESS);
    assert_int_equal(mach_port_allocate(SELF, MACH_PORT_RIGHT_PORT_SET, &other), KERN_SUCCESS);
    for (int i = 0; i < MEMBERS; i++) {
        ports[i] = new_port_with_send();
        assert_int_equal(set_limit(ports[i], 10), KERN_SUCCESS);
        assert_int_equal(mach_port_insert_member(SELF, ports[i], set), KERN_SUCCESS);
        assert_int_equal(mach_port_insert_member(SELF, ports[i], set), KERN_ALREADY_IN_SET);
        for (int id = 0; id < 10; id++)
            assert_int_equal(send_note(ports[i], id), MACH_MSG_SUCCESS);
    }
    assert_int_equal(receive(other, &inbox, 0), MACH_RCV_TIMED_OUT);
    for (int n = 0; n < 10 * MEMBERS; n++) {
        assert_int_equal(receive(set, &inbox, 0), MACH_MSG_SUCCESS);
        int i = 0;
        while (ports[i] != inbox.header.msgh_local_port)
            assert_true(++i < MEMBERS);
        assert_int_equal(inbox.header.msgh_id, got[i]++);
        for (int j = 0; j < MEMBERS; j++) /* by turns: no member is far ahead of another */
            assert_true(got[i] - got[j] <= 2);
    }
    assert_int_equal(receive(set, &inbox, 0), MACH_RCV_TIMED_OUT);

    assert_int_equal(mach_port_move_member(SELF, ports[0], other), KERN_SUCCESS);
    assert_int_equal(send_note(ports[0], 1), MACH_MSG_SUCCESS);
    assert_int_equal(receive(set, &inbox, 0), MACH_RCV_TIMED_OUT);
    assert_int_equal(receive(other, &inbox, 0), MACH_MSG_SUCCESS);
    assert_int_equal(mach_port_move_member(SELF, ports[0], MACH_PORT_NULL), KERN_SUCCESS);
    assert_int_equal(mach_port_move_member(SELF, ports[0], MACH_PORT_NULL), KERN_NOT_IN_SET);
    assert_int_equal(mach_port_extract_member(SELF, ports[0], set), KERN_NOT_IN_SET);
    assert_int_equal(mach_port_extract_member(SELF, ports[1], set), KERN_SUCCESS);
    assert_int_equal(mach_port_insert_member(SELF, ports[1], ports[2]), KERN_INVALID_RIGHT);
    assert_int_equal(mach_port_insert_member(SELF, set, other), KERN_INVALID_RIGHT);
    assert_int_equal(mach_port_insert_member(SELF, ports[1], MACH_PORT_NULL), KERN_INVALID_RIGHT);
    assert_int_equal(mach_port_extract_member(SELF, ports[1], MACH_PORT_NULL), KERN_INVALID_RIGHT);
    assert_int_equal(mach_port_extract_member(SELF, MACH_PORT_DEAD, set), KERN_INVALID_RIGHT);

    /* A member that dies leaves; the set goes on. */
    assert_int_equal(send_note(ports[2], 1), MACH_MSG_SUCCESS);
    assert_int_equal(mach_port_mod_refs(SELF, ports[2], MACH_PORT_RIGHT_RECEIVE, -1), KERN_SUCCESS);
    assert_int_equal(receive(set, &inbox, 0), MACH_RCV_TIMED_OUT);
    for (int i = 0; i < MEMBERS; i++)
        assert_int_equal(mach_port_destroy(SELF, ports[i]), KERN_SUCCESS);
    assert_int_equal(mach_port_destroy(SELF, set), KERN_SUCCESS);
    assert_int_equal(mach_port_destroy(SELF, other), KERN_SUCCESS);
    assert_int_equal(leaked_since(before), 0);
}

struct waiter {
    mach_port_t port;
    mach_msg_return_t result;
    mach_port_t by;
};

static void *wait_on(void *context)
{
    struct waiter *waiter = context;
    union inbox inbox;
    waiter->result = mach_msg(&inbox.header, MACH_RCV_MSG, 0, sizeof(inbox), waiter->port, 0, 0);
    waiter->by = inbox.header.msgh_local_port;
    return NULL;
}

/* A member that joins while somebody waits is heard; the end of a set or port ends the wait. */
static void waits_see_changes(void **state)
{
    (void)state;
    for (int round = 0; round < 200; round++) {
        mach_port_t set, port = new_port_with_send();
        pthread_t thread;
        assert_int_equal(mach_port_allocate(SELF, MACH_PORT_RIGHT_PORT_SET, &set), KERN_SUCCESS);
        struct waiter waiter = {.port = round % 4 == 3 ? port : set};
        assert_int_equal(pthread_create(&thread, NULL, wait_on, &waiter), 0);
        switch (round % 4) {
        case 0:
            assert_int_equal(mach_port_insert_member(SELF, port, set), KERN_SUCCESS);
            assert_int_equal(send_note(port, 1), MACH_MSG_SUCCESS);
            break;
        case 1:
            assert_int_equal(send_note(port, 1), MACH_MSG_SUCCESS);
            assert_int_equal(mach_port_move_member(SELF, port, set), KERN_SUCCESS);
            break;
        case 2:
            assert_int_equal(mach_port_destroy(SELF, set), KERN_SUCCESS);
            break;
        case 3:
            assert_int_equal(drop_receive(port), KERN_SUCCESS);
            break;
        }
        pthread_join(thread, NULL);
        if (round % 4 < 2) {
            assert_int_equal(waiter.result, MACH_MSG_SUCCESS);
            assert_int_equal(waiter.by, port);
        } else { /* or the thread came only after the end */
            assert_true(waiter.result == MACH_RCV_PORT_CHANGED || waiter.result == MACH_RCV_INVALID_NAME);
        }
        if (round % 4 != 2)
            assert_int_equal(mach_port_destroy(SELF, set), KERN_SUCCESS);
        assert_int_equal(mach_port_destroy(SELF, port), KERN_SUCCESS);
    }
}

static void reply_ports(void **state)
{
    (void)state;
    union inbox inbox, request;
    mach_port_t service = new_port_with_send(), reply = mach_reply_port();
    assert_true(MACH_PORT_VALID(reply));

    /* Make, send, receive, move: one send-once right's whole life. */
    inbox.note.note = make_note(service, MACH_MSG_TYPE_COPY_SEND, 100);
    inbox.header.msgh_bits = MACH_MSGH_BITS(MACH_MSG_TYPE_COPY_SEND, MACH_MSG_TYPE_MAKE_SEND_ONCE);
    inbox.header.msgh_local_port = reply;
    assert_int_equal(send_now(&inbox.header), MACH_MSG_SUCCESS);
    assert_int_equal(receive(service, &request, PATIENCE), MACH_MSG_SUCCESS);
    assert_int_equal(MACH_MSGH_BITS_REMOTE(request.header.msgh_bits), MACH_MSG_TYPE_PORT_SEND_ONCE);
    mach_port_t once = request.header.msgh_remote_port;
    assert_int_equal(references(once, MACH_PORT_RIGHT_SEND_ONCE), 1);
    assert_int_equal(mach_port_mod_refs(SELF, once, MACH_PORT_RIGHT_SEND_ONCE, 1), KERN_INVALID_VALUE);
    assert_int_equal(mach_port_mod_refs(SELF, once, MACH_PORT_RIGHT_SEND, -1), KERN_INVALID_RIGHT);
    assert_int_equal(receive(reply, &inbox, 0), MACH_RCV_TIMED_OUT);
    assert_int_equal(answer(&request, 101), MACH_MSG_SUCCESS);
    assert_int_equal(answer(&request, 102), MACH_SEND_INVALID_DEST); /* it is used up */
    assert_int_equal(receive(reply, &inbox, PATIENCE), MACH_MSG_SUCCESS);
    assert_int_equal(inbox.header.msgh_id, 101);
    assert_int_equal(MACH_MSGH_BITS_LOCAL(inbox.header.msgh_bits), MACH_MSG_TYPE_PORT_SEND_ONCE);
    assert_int_equal(receive(reply, &inbox, 0), MACH_RCV_TIMED_OUT);

    /* Dropped unused: the notification. */
    inbox.note.note = make_note(service, MACH_MSG_TYPE_COPY_SEND, 103);
    inbox.header.msgh_bits = MACH_MSGH_BITS(MACH_MSG_TYPE_COPY_SEND, MACH_MSG_TYPE_MAKE_SEND_ONCE);
    inbox.header.msgh_local_port = reply;
    assert_int_equal(send_now(&inbox.header), MACH_MSG_SUCCESS);
    assert_int_equal(receive(service, &request, PATIENCE), MACH_MSG_SUCCESS);
    mach_msg_destroy(&request.header);
    assert_int_equal(receive(reply, &inbox, PATIENCE), MACH_MSG_SUCCESS);
    assert_int_equal(inbox.header.msgh_id, MACH_NOTIFY_SEND_ONCE);
    assert_int_equal(inbox.header.msgh_local_port, reply);

    /* The asker has gone: there is nobody to answer. */
    inbox.note.note = make_note(service, MACH_MSG_TYPE_COPY_SEND, 104);
    inbox.header.msgh_bits = MACH_MSGH_BITS(MACH_MSG_TYPE_COPY_SEND, MACH_MSG_TYPE_MAKE_SEND_ONCE);
    inbox.header.msgh_local_port = reply;
    assert_int_equal(send_now(&inbox.header), MACH_MSG_SUCCESS);
    assert_int_equal(drop_receive(reply), KERN_SUCCESS);
    assert_int_equal(receive(service, &request, PATIENCE), MACH_MSG_SUCCESS);
    assert_int_equal(answer(&request, 105), MACH_SEND_INVALID_DEST);
    mach_msg_destroy(&request.header);
    assert_int_equal(mach_port_destroy(SELF, service), KERN_SUCCESS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_note_arrives),
        cmocka_unit_test(notes_keep_their_order),
        cmocka_unit_test(headers_are_checked),
        cmocka_unit_test(descriptors_are_checked),
        cmocka_unit_test(moves_are_counted),
        cmocka_unit_test(the_largest_message),
        cmocka_unit_test(too_large_for_the_receiver),
        cmocka_unit_test(too_many_rights),
        cmocka_unit_test(a_full_queue),
        cmocka_unit_test(a_sender_waits_for_room),
        cmocka_unit_test(a_timeout_is_waited_out),
        cmocka_unit_test(the_audit_trailer_names_the_sender),
        cmocka_unit_test(a_trailer_needs_its_room),
        cmocka_unit_test(a_set_receives_from_all),
        cmocka_unit_test(waits_see_changes),
        cmocka_unit_test(reply_ports),
    };
    return cmocka_run_group_tests_name("msg_basic", tests, NULL, NULL);
}
