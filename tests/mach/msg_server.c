/* mach_msg_server, and what MIG's stubs call. */
#include "mach/ports.h"

#include <mach/mig.h>
#include <mach/mig_errors.h>
#include <mach/notify.h>
#include <pthread.h>

#define SELF mach_task_self()

_Static_assert(sizeof(NDR_record_t) == 8 && sizeof(mig_reply_error_t) == 36, "the sizes on the wire");
_Static_assert(sizeof(mach_dead_name_notification_t) == 36 + sizeof(mach_msg_format_0_trailer_t), "the same");

enum { ECHO = 100, FAILS, SILENT, LARGE = 3000 };

/* As a generated demux does: the reply is addressed by the request's reply port. */
static boolean_t demux(mach_msg_header_t *request, mach_msg_header_t *header)
{
    mig_reply_error_t *reply = (mig_reply_error_t *)header;
    reply->Head = (mach_msg_header_t){
        .msgh_bits = MACH_MSGH_BITS(MACH_MSGH_BITS_REMOTE(request->msgh_bits), 0),
        .msgh_size = sizeof(*reply),
        .msgh_remote_port = request->msgh_remote_port,
        .msgh_id = request->msgh_id + 100,
    };
    reply->NDR = NDR_record;
    reply->RetCode = request->msgh_id == ECHO ? KERN_SUCCESS : request->msgh_id == SILENT ? MIG_NO_REPLY : MIG_BAD_ID;
    if (reply->RetCode == MIG_NO_REPLY)
        mach_msg_destroy(request);
    return reply->RetCode != MIG_BAD_ID;
}

struct reply {
    mig_reply_error_t reply;
    mach_msg_max_trailer_t trailer;
};

static void ask_by(mach_port_t service, mach_port_t reply, mach_msg_type_name_t how, mach_msg_id_t id)
{
    struct note note = make_note(service, MACH_MSG_TYPE_COPY_SEND, id);
    note.header.msgh_bits = MACH_MSGH_BITS(MACH_MSG_TYPE_COPY_SEND, how);
    note.header.msgh_local_port = reply;
    assert_int_equal(send_now(&note.header), MACH_MSG_SUCCESS);
}

static mach_msg_return_t serve_one(mach_port_t service)
{
    return mach_msg_server_once(demux, sizeof(struct note), service, MACH_RCV_TIMEOUT);
}

static void one_request(void **state)
{
    (void)state;
    int before = descriptors_open();
    mach_port_t service = new_port_with_send(), reply = new_port();
    struct reply got;
    union inbox inbox;

    assert_int_equal(serve_one(service), MACH_RCV_TIMED_OUT);
    for (mach_msg_id_t id = ECHO; id <= FAILS; id++) {
        ask_by(service, reply, MACH_MSG_TYPE_MAKE_SEND_ONCE, id);
        assert_int_equal(serve_one(service), MACH_MSG_SUCCESS);
        assert_int_equal(mach_msg(&got.reply.Head, MACH_RCV_MSG | MACH_RCV_TIMEOUT, 0, sizeof(got), reply, PATIENCE, 0),
                         MACH_MSG_SUCCESS);
        assert_int_equal(got.reply.Head.msgh_id, id + 100);
        assert_int_equal(got.reply.RetCode, id == ECHO ? KERN_SUCCESS : MIG_BAD_ID);
        assert_memory_equal(&got.reply.NDR, &NDR_record, sizeof(NDR_record));
    }
    ask_by(service, reply, MACH_MSG_TYPE_MAKE_SEND_ONCE, SILENT);
    assert_int_equal(serve_one(service), MACH_MSG_SUCCESS);
    assert_int_equal(receive(reply, &inbox, PATIENCE), MACH_MSG_SUCCESS);
    assert_int_equal(inbox.header.msgh_id, MACH_NOTIFY_SEND_ONCE);

    /* A client that does not receive holds nobody up, one that is gone neither; nothing of the reply is left. */
    assert_int_equal(set_limit(reply, 1), KERN_SUCCESS);
    for (int i = 0; i < 3; i++) {
        ask_by(service, reply, MACH_MSG_TYPE_MAKE_SEND, ECHO);
        assert_int_equal(serve_one(service), MACH_MSG_SUCCESS);
    }
    assert_int_equal(references(reply, MACH_PORT_RIGHT_SEND), 0);
    ask_by(service, reply, MACH_MSG_TYPE_MAKE_SEND_ONCE, ECHO);
    assert_int_equal(drop_receive(reply), KERN_SUCCESS);
    assert_int_equal(serve_one(service), MACH_MSG_SUCCESS);
    assert_int_equal(mach_port_destroy(SELF, service), KERN_SUCCESS);
    assert_int_equal(descriptors_open(), before);
}

static void large_requests(void **state)
{
    (void)state;
    struct {
        mach_msg_header_t header;
        char bytes[LARGE];
    } large = {.header = {.msgh_bits = MACH_MSGH_BITS(MACH_MSG_TYPE_COPY_SEND, MACH_MSG_TYPE_MAKE_SEND_ONCE)}};
    mach_port_t service = new_port_with_send(), reply = new_port();
    union inbox inbox;

    large.header.msgh_size = sizeof(large);
    large.header.msgh_remote_port = service;
    large.header.msgh_local_port = reply;
    large.header.msgh_id = ECHO;
    assert_int_equal(send_now(&large.header), MACH_MSG_SUCCESS);
    assert_int_equal(mach_msg_server_once(demux, 100, service, MACH_RCV_TIMEOUT | MACH_RCV_LARGE), MACH_MSG_SUCCESS);
    assert_int_equal(receive(reply, &inbox, PATIENCE), MACH_MSG_SUCCESS);
    assert_int_equal(inbox.header.msgh_id, ECHO + 100);
    assert_int_equal(send_now(&large.header), MACH_MSG_SUCCESS);
    assert_int_equal(mach_msg_server_once(demux, 100, service, MACH_RCV_TIMEOUT), MACH_RCV_TOO_LARGE);
    assert_int_equal(drop_receive(reply), KERN_SUCCESS);
    assert_int_equal(mach_port_destroy(SELF, service), KERN_SUCCESS);
}

struct serving {
    mach_port_t service;
    mach_msg_return_t result;
};

static void *serve_for_good(void *context)
{
    struct serving *serving = context;
    serving->result = mach_msg_server(demux, sizeof(struct note), serving->service, MACH_MSG_OPTION_NONE);
    return NULL;
}

static void many_requests(void **state)
{
    (void)state;
    struct serving serving = {.service = new_port_with_send()};
    pthread_t thread;
    union inbox inbox;

    assert_int_equal(pthread_create(&thread, NULL, serve_for_good, &serving), 0);
    for (int i = 0; i < 100; i++) {
        mach_port_t reply = mig_get_reply_port();
        assert_int_equal(ask(serving.service, reply, ECHO, &inbox), MACH_MSG_SUCCESS);
        assert_int_equal(inbox.header.msgh_id, ECHO + 100);
        mig_put_reply_port(reply);
        assert_int_equal(mig_get_reply_port(), reply);
    }
    assert_int_equal(mach_port_destroy(SELF, serving.service), KERN_SUCCESS);
    pthread_join(thread, NULL);
    /* It was waiting, or had just begun to receive again. */
    assert_true(serving.result == MACH_RCV_PORT_CHANGED || serving.result == MACH_RCV_INVALID_NAME);
    mig_dealloc_reply_port(mig_get_reply_port());
}

static void *take_reply_port(void *context)
{
    mach_port_t *port = context;
    *port = mig_get_reply_port();
    return NULL;
}

static int reply_port_of_a_child(void *context)
{
    const int *before = context;
    mach_port_type_t type;
    mach_port_t port = mig_get_reply_port();
    CHECK(mach_port_type(SELF, port, &type) == KERN_SUCCESS && type == MACH_PORT_TYPE_RECEIVE);
    mig_dealloc_reply_port(port);
    CHECK(descriptors_open() == *before);
    return 0;
}

static void reply_ports(void **state)
{
    (void)state;
    int before = descriptors_open();
    mach_port_t mine = mig_get_reply_port(), others = MACH_PORT_NULL;
    mach_port_type_t type;
    pthread_t thread;

    assert_int_equal(pthread_create(&thread, NULL, take_reply_port, &others), 0);
    pthread_join(thread, NULL);
    assert_int_not_equal(others, mine);
    assert_int_equal(mach_port_type(SELF, others, &type), KERN_INVALID_NAME); /* it ended with its thread */
    assert_int_equal(child_run(reply_port_of_a_child, &before), 0);
    assert_int_equal(mig_get_reply_port(), mine);
    mig_dealloc_reply_port(mine);
    assert_int_equal(mach_port_type(SELF, mine, &type), KERN_INVALID_NAME);
    assert_int_not_equal(mig_get_reply_port(), mine);
    mig_dealloc_reply_port(mig_get_reply_port());
    assert_int_equal(descriptors_open(), before);
}

static void strings_and_memory(void **state)
{
    (void)state;
    char text[8];
    vm_address_t address = 0;

    assert_int_equal(mig_strncpy(text, "abc", sizeof(text)), 4);
    assert_string_equal(text, "abc");
    assert_int_equal(mig_strncpy(text, "abcdefghij", sizeof(text)), 8);
    assert_string_equal(text, "abcdefg");
    assert_int_equal(mig_strncpy(text, "xyz", 0), 0);
    assert_string_equal(text, "abcdefg");
    assert_int_equal(mig_strncpy_zerofill(text, "x", sizeof(text)), 2);
    assert_memory_equal(text, "x\0\0\0\0\0\0\0", sizeof(text));
    mig_allocate(&address, 10000);
    assert_true(address != 0);
    memset((void *)address, 1, 10000);
    mig_deallocate(address, 10000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_request), cmocka_unit_test(large_requests),     cmocka_unit_test(many_requests),
        cmocka_unit_test(reply_ports), cmocka_unit_test(strings_and_memory),
    };
    return cmocka_run_group_tests_name("msg_server", tests, NULL, NULL);
}
