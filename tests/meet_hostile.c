/* The broker and clients that keep to no rules, or die. */
#include "meet/message.h"
#include "meet/state.h"
#include "support/meet_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

enum { ROUNDS = 25 };

/* Send raw bytes as a request, and see how the broker answers: its result, or 1 for no answer (it has none to give). */
static int say(struct fixture *fixture, struct request *request, mach_msg_size_t size, bool complex)
{
    struct answer_buffer buffer;
    mach_port_t reply = MACH_PORT_NULL;
    mach_msg_return_t mr;
    int result;

    assert_int_equal(mach_port_allocate(mach_task_self(), MACH_PORT_RIGHT_RECEIVE, &reply), KERN_SUCCESS);
    request->header.msgh_bits =
        MACH_MSGH_BITS(MACH_MSG_TYPE_COPY_SEND, MACH_MSG_TYPE_MAKE_SEND_ONCE) | (complex ? MACH_MSGH_BITS_COMPLEX : 0);
    request->header.msgh_size = size;
    request->header.msgh_remote_port = fixture->link->port;
    request->header.msgh_local_port = reply;
    mr = mach_msg(&request->header, MACH_SEND_MSG | MACH_SEND_TIMEOUT, size, 0, MACH_PORT_NULL, 1000, MACH_PORT_NULL);
    assert_int_equal(mr, MACH_MSG_SUCCESS);
    mr = mach_msg(&buffer.answer.header, MESSAGE_RECEIVE | MACH_RCV_TIMEOUT, 0, sizeof buffer, reply, 10000,
                  MACH_PORT_NULL);
    assert_int_equal(mr, MACH_MSG_SUCCESS);
    result = buffer.answer.header.msgh_id == MESSAGE_SEND_ONCE_GONE ? 1 : buffer.answer.result;
    mach_msg_destroy(&buffer.answer.header);
    mach_port_mod_refs(mach_task_self(), reply, MACH_PORT_RIGHT_RECEIVE, -1);
    return result;
}

/* The asker has gone before the broker can have looked at its request. */
static void say_and_go(struct fixture *fixture, struct request *request)
{
    mach_port_t reply = MACH_PORT_NULL;

    assert_int_equal(mach_port_allocate(mach_task_self(), MACH_PORT_RIGHT_RECEIVE, &reply), KERN_SUCCESS);
    request->header.msgh_bits =
        MACH_MSGH_BITS(MACH_MSG_TYPE_COPY_SEND, MACH_MSG_TYPE_MAKE_SEND_ONCE) | MACH_MSGH_BITS_COMPLEX;
    request->header.msgh_size = sizeof *request;
    request->header.msgh_remote_port = fixture->link->port;
    request->header.msgh_local_port = reply;
    meet_pause();
    assert_int_equal(mach_msg(&request->header, MACH_SEND_MSG, sizeof *request, 0, MACH_PORT_NULL, 0, MACH_PORT_NULL),
                     MACH_MSG_SUCCESS);
    mach_port_mod_refs(mach_task_self(), reply, MACH_PORT_RIGHT_RECEIVE, -1);
    meet_resume();
}

static struct request good_request(const struct fixture *fixture)
{
    struct request request = {.header.msgh_id = MESSAGE_ATTACH, .version = MESSAGE_VERSION, .argument = MRING_CONSUME};

    request.body.msgh_descriptor_count = 1;
    request.right = message_right(MACH_PORT_NULL, MACH_MSG_TYPE_COPY_SEND);
    request.identity[0] = fixture->region.view.identity[0];
    request.identity[1] = fixture->region.view.identity[1];
    request.key = fixture->link->key;
    return request;
}

static void test_malformed(void **state)
{
    struct fixture *fixture = *state;
    struct request request;
    struct {
        struct request request;
        unsigned char more[4096];
    } large;

    serve_own(fixture);
    request = good_request(fixture);
    assert_int_equal(say(fixture, &request, sizeof request, true), 0);

    request = good_request(fixture);
    assert_int_equal(say(fixture, &request, sizeof request - 4, true), -EPROTO);
    request = good_request(fixture);
    assert_int_equal(say(fixture, &request, sizeof(mach_msg_header_t), false), -EPROTO);
    request = good_request(fixture);
    assert_int_equal(say(fixture, &request, sizeof request, false), -EPROTO);
    request = good_request(fixture);
    request.body.msgh_descriptor_count = 0;
    assert_int_equal(say(fixture, &request, sizeof request, true), -EPROTO);
    request = good_request(fixture);
    request.version++;
    assert_int_equal(say(fixture, &request, sizeof request, true), -EPROTO);
    request = good_request(fixture);
    request.header.msgh_id = MESSAGE_END;
    assert_int_equal(say(fixture, &request, sizeof request, true), -EPROTO);
    request = good_request(fixture);
    request.header.msgh_id = -1;
    assert_int_equal(say(fixture, &request, sizeof request, true), -EPROTO);
    request = good_request(fixture);
    request.argument = MRING_INSPECT + 1;
    assert_int_equal(say(fixture, &request, sizeof request, true), -EINVAL);
    request = good_request(fixture);
    request.identity[1]++;
    assert_int_equal(say(fixture, &request, sizeof request, true), -EPIPE);
    request = good_request(fixture);
    request.key.word[1]++;
    assert_int_equal(say(fixture, &request, sizeof request, true), -EACCES);
    request = good_request(fixture); /* without a key only the name's port is for anybody */
    request.key = (struct ring_key){{0, 0}};
    assert_int_equal(say(fixture, &request, sizeof request, true), -EACCES);
    request = good_request(fixture); /* "whichever ring this is" is for the ports of names */
    request.identity[0] = request.identity[1] = 0;
    assert_int_equal(say(fixture, &request, sizeof request, true), -EPIPE);

    memset(&large, 0, sizeof large);
    large.request = good_request(fixture);
    assert_int_equal(say(fixture, &large.request, sizeof large, true), 1);

    /* Nobody hears the answer to a join: it is undone. */
    request = good_request(fixture);
    request.header.msgh_id = MESSAGE_JOIN;
    request.of.join =
        (struct message_join){.name = "deaf", .life = 1, .ticket = 9, .terms = {.kind = GROUP_PASSING, .members = 4}};
    say_and_go(fixture, &request);
    request = good_request(fixture);
    assert_int_equal(say(fixture, &request, sizeof request - 4, true), -EPROTO);
    assert_int_equal(fixture->undone, 9);
    request = good_request(fixture);
    request.header.msgh_id = MESSAGE_REMOVE;
    memset(request.of.join.name, 'n', sizeof request.of.join.name);
    assert_int_equal(say(fixture, &request, sizeof request, true), -EINVAL);

    assert_int_equal(fixture->attached, 1);
    assert_int_equal(attach_and_look(fixture, fixture->link, MRING_CONSUME), 0);
    stop(fixture);
}

/* Clients that ask and die, that ask without a port to answer to, that ask and never read. */
static int ask_and_die(void *context)
{
    struct fixture *fixture = context;

    for (int round = 0; round < ROUNDS; round++) {
        struct request request = good_request(fixture);
        mach_msg_bits_t local = round % 2 == 0 ? MACH_MSG_TYPE_MAKE_SEND_ONCE : 0;
        mach_port_t reply = MACH_PORT_NULL;

        CHECK(mach_port_allocate(mach_task_self(), MACH_PORT_RIGHT_RECEIVE, &reply) == KERN_SUCCESS);
        request.header.msgh_bits = MACH_MSGH_BITS(MACH_MSG_TYPE_COPY_SEND, local) | MACH_MSGH_BITS_COMPLEX;
        request.header.msgh_size = sizeof request;
        request.header.msgh_remote_port = fixture->link->port;
        request.header.msgh_local_port = round % 2 == 0 ? reply : MACH_PORT_NULL;
        CHECK(mach_msg(&request.header, MACH_SEND_MSG, sizeof request, 0, MACH_PORT_NULL, 0, MACH_PORT_NULL) ==
              MACH_MSG_SUCCESS);
    }
    raise(SIGKILL);
    return 0;
}

/* Counted without the broker, whose thread may still hold a right when its answer has arrived. */
static void test_dying_clients(void **state)
{
    struct fixture *fixture = *state;
    int before = descriptors_open();

    serve_own(fixture);
    for (int round = 0; round < 4; round++)
        assert_int_equal(child_run(ask_and_die, fixture), -SIGKILL);
    assert_int_equal(attach_and_look(fixture, fixture->link, MRING_CONSUME), 0);
    stop(fixture);
    assert_int_equal(descriptors_open(), before);
}

/* As XNU gives a message back whose queue stayed full: its rights as received, the one to answer among them. */
static void test_taken_back(void **state)
{
    struct request request = {.header.msgh_size = sizeof request, .body.msgh_descriptor_count = 1};
    mach_port_t reply, once = MACH_PORT_NULL;
    mach_msg_type_name_t kind = 0;
    mach_port_type_t type;

    (void)state;
    assert_int_equal(mach_port_allocate(mach_task_self(), MACH_PORT_RIGHT_RECEIVE, &reply), KERN_SUCCESS);
    assert_int_equal(
        mach_port_extract_right(mach_task_self(), reply, MACH_MSG_TYPE_MAKE_SEND_ONCE, (mach_port_t *)&once, &kind),
        KERN_SUCCESS);
    request.header.msgh_bits =
        MACH_MSGH_BITS(MACH_MSG_TYPE_MOVE_SEND, MACH_MSG_TYPE_MOVE_SEND_ONCE) | MACH_MSGH_BITS_COMPLEX;
    request.header.msgh_local_port = once;
    request.right = message_right(MACH_PORT_NULL, MACH_MSG_TYPE_MOVE_SEND);
    message_take_back(&request.header);
    assert_int_equal(mach_port_type(mach_task_self(), once, &type), KERN_INVALID_NAME);
    assert_int_equal(mach_port_mod_refs(mach_task_self(), reply, MACH_PORT_RIGHT_RECEIVE, -1), KERN_SUCCESS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        MEET_TEST(test_malformed),
        MEET_TEST(test_dying_clients),
        cmocka_unit_test(test_taken_back),
    };

    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests_name("meet-hostile", tests, NULL, NULL);
}
