/* A ring in a descriptor: what it is good for in one process, and every descriptor that is none. */
#include "api/ring.h"
#include "meet/parcel.h"
#include "meet/state.h"
#include "multi/possessions_linux.h"
#include "support/ring.h"

#include <errno.h>
#include <fcntl.h>
#include <mach/mring_mach.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { SECOND = 1000, TEXT_MOST = 1024, FDS_MOST = 253 };

static const struct mring_group pair[] = {{.name = "pair", .members = 2}};

static int export_of(struct mring *ring, enum mring_role role)
{
    struct mring_error error = MRING_ERROR_INIT;
    int fd = -1;

    assert_int_equal(mring_export(ring, role, &fd, &error), 0);
    return fd;
}

static int64_t milliseconds(void)
{
    struct timespec now;

    assert_int_equal(clock_gettime(CLOCK_MONOTONIC, &now), 0);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* The broker, which is in this process, is done with a request a moment after its answer. */
static void expect_no_more_than(const struct possessions *had, const char *what)
{
    struct possessions has = possessions_now();

    for (int patience = 5000; has.descriptors > had->descriptors && patience > 0; patience--) {
        (void)nanosleep(&(struct timespec){.tv_nsec = 1000 * 1000}, NULL);
        has = possessions_now();
    }
    possessions_within(had, &has, what);
}

/* What an import of this comes to: with a text if it fails, and then nothing is left, nor is the descriptor any different. */
static int import_code(int fd)
{
    const struct possessions before = possessions_now();
    struct mring_open_options options = MRING_OPEN_OPTIONS_INIT;
    struct mring_error error = MRING_ERROR_INIT;
    int flags = fcntl(fd, F_GETFD);
    struct mring *ring = NULL;
    int code;

    options.error = &error;
    errno = 0;
    code = mring_import(fd, &ring, &options);
    assert_int_equal(errno, 0);
    if (code != 0) {
        assert_null(ring);
        assert_int_equal(error.code, code);
        assert_true(strlen(error.text) > 20);
    }
    assert_int_equal(mring_close(ring), 0);
    expect_no_more_than(&before, "import");
    assert_int_equal(fcntl(fd, F_GETFD), flags);
    return code;
}

/* ---- what it is good for ---- */

static void it_is_good_any_number_of_times(void **state)
{
    struct mring *ring = make_ring(NULL, pair, 1);
    int fd = export_of(ring, MRING_PRODUCE);
    struct mring *imported[5];
    struct mring_producer *producer;
    struct mring_consumer *consumer;
    struct mring_message message;

    (void)state;
    assert_true((fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
    for (int at = 0; at < 5; at++)
        assert_int_equal(mring_import(fd, &imported[at], NULL), 0);
    assert_int_equal(mring_producer(imported[0], &producer, NULL), 0);
    assert_int_equal(mring_join(imported[1], "pair", NULL, &consumer), 0);
    assert_int_equal(mring_send(producer, "over there", 10, 5), 0);
    assert_int_equal(mring_next_wait(consumer, &message, MRING_FOREVER), 1);
    assert_memory_equal(message.data, "over there", 10);
    assert_int_equal(mring_release(consumer, &message), 0);
    assert_int_equal(mring_fsck(imported[2], NULL), 0);
    assert_int_equal(mring_leave(consumer), 0);
    assert_int_equal(mring_producer_close(producer), 0);
    for (int at = 0; at < 5; at++)
        assert_int_equal(mring_close(imported[at]), 0);
    assert_int_equal(close(fd), 0);
    assert_int_equal(mring_close(ring), 0);
}

static void nothing_is_left(void **state)
{
    struct mring *ring = make_ring(NULL, pair, 1);
    struct possessions before;

    (void)state;
    for (int turn = 0; turn < 20; turn++) {
        int fd = export_of(ring, MRING_CONSUME);

        assert_int_equal(import_code(fd), 0);
        assert_int_equal(close(fd), 0);
        if (turn == 0) /* what the broker keeps, it has by now */
            before = possessions_now();
    }
    expect_no_more_than(&before, "twenty exports");
    assert_int_equal(mring_close(ring), 0);
}

/* What a role may export: itself and those below. */
static void a_role_is_no_more_than_itself(void **state)
{
    static const enum mring_role roles[] = {MRING_PRODUCE, MRING_CONSUME, MRING_INSPECT}; /* the highest first */
    struct mring *ring = make_ring(NULL, pair, 1);
    struct mring_producer *producer;
    struct mring_consumer *consumer;
    struct mring_error error = MRING_ERROR_INIT;

    (void)state;
    for (int at = 0; at < 3; at++) {
        int fd = export_of(ring, roles[at]), again = -1;
        struct mring *imported;

        assert_int_equal(mring_import(fd, &imported, NULL), 0);
        assert_int_equal(imported->region.writable, roles[at] == MRING_PRODUCE);
        for (int other = 0; other < 3; other++) {
            int code = mring_export(imported, roles[other], &again, &error);

            assert_int_equal(code, other >= at ? 0 : -EACCES);
            if (code != 0)
                continue;
            assert_int_equal(import_code(again), 0);
            assert_int_equal(close(again), 0);
        }
        assert_int_equal(mring_producer(imported, &producer, NULL), roles[at] == MRING_PRODUCE ? 0 : -EACCES);
        if (roles[at] == MRING_PRODUCE)
            assert_int_equal(mring_producer_close(producer), 0);
        assert_int_equal(mring_join(imported, "pair", NULL, &consumer), roles[at] == MRING_INSPECT ? -EACCES : 0);
        if (roles[at] != MRING_INSPECT)
            assert_int_equal(mring_leave(consumer), 0);
        assert_int_equal(mring_close(imported), 0);
        assert_int_equal(close(fd), 0);
    }
    assert_int_equal(mring_close(ring), 0);
}

static void bad_arguments_are_refused(void **state)
{
    struct mring *ring = make_ring(NULL, pair, 1);
    struct mring_open_options options = MRING_OPEN_OPTIONS_INIT;
    int never = 3;
    int fd = -7;

    (void)state;
    assert_int_equal(mring_export(NULL, MRING_CONSUME, &fd, NULL), -EINVAL);
    assert_int_equal(mring_export(ring, MRING_CONSUME, NULL, NULL), -EINVAL);
    assert_int_equal(mring_export(ring, (enum mring_role)never, &fd, NULL), -EINVAL);
    assert_int_equal(fd, -7);
    assert_int_equal(mring_import(0, NULL, NULL), -EINVAL);
    options.size = 0;
    assert_int_equal(mring_import(0, &ring, &options), -EINVAL);
    assert_int_equal(mring_close(ring), 0);
}

static void a_ring_that_is_gone_is_not_found(void **state)
{
    struct mring *ring = make_ring(NULL, pair, 1), *other = make_ring(NULL, pair, 1);
    int fd = export_of(ring, MRING_CONSUME);
    struct mring_open_options options = MRING_OPEN_OPTIONS_INIT;

    (void)state;
    assert_int_equal(mring_close(ring), 0); /* its broker goes on, for the other */
    assert_int_equal(import_code(fd), -ENOENT);
    assert_int_equal(mring_close(other), 0);
    assert_int_equal(import_code(fd), -ENOENT);
    options.timeout = 50 * 1000 * 1000;
    assert_int_equal(mring_import(fd, &ring, &options), -ENOENT);
    assert_int_equal(close(fd), 0);
}

/* ---- what is no such descriptor ---- */

/* One that no message is in, whatever else it is. */
static void refused(int fd, int code)
{
    int64_t begin = milliseconds();

    assert_int_equal(import_code(fd), code);
    assert_true(milliseconds() - begin < 5 * SECOND); /* nothing is waited for */
    if (fd >= 0)
        (void)close(fd);
}

static int half_of(int type, int *other)
{
    int ends[2];

    assert_int_equal(socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, ends), 0);
    *other = ends[1];
    return ends[0];
}

static void other_descriptors_are_refused(void **state)
{
    int pipes[2], other;

    (void)state;
    refused(-1, -EBADF);
    refused(999999, -EBADF);
    refused(open("/dev/null", O_RDWR | O_CLOEXEC), -EINVAL);
    refused(open("/proc/self/exe", O_RDONLY | O_CLOEXEC), -EINVAL);
    refused(open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC), -EINVAL);
    refused(open("/", O_PATH | O_CLOEXEC), -EINVAL);
    refused(memfd_create("forged", MFD_CLOEXEC), -EINVAL);
    refused(epoll_create1(EPOLL_CLOEXEC), -EINVAL);
    refused(eventfd(0, EFD_CLOEXEC), -EINVAL);
    refused(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), -EINVAL);
    assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
    refused(pipes[0], -EINVAL);
    refused(pipes[1], -EINVAL);
    refused(half_of(SOCK_STREAM, &other), -EINVAL);
    (void)close(other);
    refused(half_of(SOCK_SEQPACKET, &other), -EINVAL);
    (void)close(other);
    refused(half_of(SOCK_DGRAM, &other), -EPROTO); /* with a peer that might say something, and never does */
    (void)close(other);
    refused(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0), -EPROTO);
}

/* What is in a descriptor, taken apart and put together otherwise. */
struct content {
    unsigned char text[TEXT_MOST];
    size_t length;
    int fds[FDS_MOST];
    size_t fd_count;
};

union control {
    struct cmsghdr align;
    unsigned char bytes[CMSG_SPACE(FDS_MOST * sizeof(int)) + CMSG_SPACE(sizeof(struct ucred))];
};

static struct content content_of(int fd)
{
    struct content content = {.fd_count = 0};
    union control control;
    struct iovec part = {content.text, sizeof(content.text)};
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)};
    ssize_t got = recvmsg(fd, &message, MSG_PEEK | MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

    assert_true(got > 0);
    content.length = (size_t)got;
    for (struct cmsghdr *at = CMSG_FIRSTHDR(&message); at != NULL; at = CMSG_NXTHDR(&message, at)) {
        if (at->cmsg_type != SCM_RIGHTS)
            continue;
        content.fd_count = (at->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        memcpy(content.fds, CMSG_DATA(at), content.fd_count * sizeof(int));
    }
    return content;
}

static int descriptor_of(const struct content *content, bool told_senders)
{
    int on = told_senders, ends[2];
    size_t bytes = content->fd_count * sizeof(int);
    union control control;
    struct iovec part = {(void *)(uintptr_t)content->text, content->length};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};

    assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, ends), 0);
    assert_int_equal(setsockopt(ends[0], SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)), 0);
    if (bytes != 0) {
        memset(&control, 0, sizeof(control));
        message.msg_control = &control;
        message.msg_controllen = CMSG_SPACE(bytes);
        CMSG_FIRSTHDR(&message)->cmsg_level = SOL_SOCKET;
        CMSG_FIRSTHDR(&message)->cmsg_type = SCM_RIGHTS;
        CMSG_FIRSTHDR(&message)->cmsg_len = CMSG_LEN(bytes);
        memcpy(CMSG_DATA(CMSG_FIRSTHDR(&message)), content->fds, bytes);
    }
    assert_true(sendmsg(ends[1], &message, MSG_NOSIGNAL) >= 0);
    assert_int_equal(close(ends[1]), 0);
    return ends[0];
}

static int code_of(const struct content *content)
{
    int fd = descriptor_of(content, true);
    int code = import_code(fd);

    assert_int_equal(close(fd), 0);
    return code;
}

static void drop(struct content *content)
{
    for (size_t at = 0; at < content->fd_count; at++)
        assert_int_equal(close(content->fds[at]), 0);
}

static void a_copy_is_as_good(void **state)
{
    struct mring *ring = make_ring(NULL, pair, 1);
    int fd = export_of(ring, MRING_CONSUME), copy;
    struct content content = content_of(fd);

    (void)state;
    assert_int_equal(code_of(&content), 0);
    copy = descriptor_of(&content, false); /* whose it is, is not told */
    assert_int_equal(import_code(copy), -EPROTO);
    assert_int_equal(close(copy), 0);
    drop(&content);
    assert_int_equal(close(fd), 0);
    assert_int_equal(mring_close(ring), 0);
}

/* One who reads it has taken it from all. */
static void an_emptied_one_is_refused(void **state)
{
    struct mring *ring = make_ring(NULL, pair, 1);
    int fd = export_of(ring, MRING_CONSUME);
    char byte;

    (void)state;
    assert_int_equal(read(fd, &byte, 1), 1);
    refused(fd, -EPROTO);
    assert_int_equal(mring_close(ring), 0);
}

static void cut_ones_are_refused(void **state)
{
    struct mring *ring = make_ring(NULL, pair, 1);
    int fd = export_of(ring, MRING_CONSUME);
    const struct content whole = content_of(fd);
    struct content content = whole;

    (void)state;
    for (content.length = 0; content.length < whole.length; content.length++)
        assert_int_equal(code_of(&content), -EPROTO);
    content.length = whole.length + 4;
    assert_int_equal(code_of(&content), -EPROTO);
    content = whole;
    for (content.fd_count = 0; content.fd_count < whole.fd_count; content.fd_count++)
        assert_int_equal(code_of(&content), -EPROTO);
    for (content.fd_count = whole.fd_count; content.fd_count < FDS_MOST; content.fd_count++)
        content.fds[content.fd_count] = STDERR_FILENO;
    assert_int_equal(code_of(&content), -EPROTO);
    content = whole;
    drop(&content);
    assert_int_equal(close(fd), 0);
    assert_int_equal(mring_close(ring), 0);
}

/* Each descriptor in the place of each other, and others in its place. */
static void exchanged_rights_are_refused(void **state)
{
    struct mring *ring = make_ring(NULL, pair, 1);
    int fd = export_of(ring, MRING_CONSUME);
    const struct content whole = content_of(fd);
    const int others[] = {STDERR_FILENO, fd, open("/", O_RDONLY | O_CLOEXEC), memfd_create("forged", MFD_CLOEXEC)};
    struct content content = whole;
    size_t refusals = 0, exchanges = 0;
    mach_port_urefs_t before, after;

    (void)state;
    assert_int_equal(mach_port_get_refs(mach_task_self(), ring->link->port, MACH_PORT_RIGHT_SEND, &before), 0);
    for (size_t at = 0; at < whole.fd_count; at++) {
        for (size_t from = 0; from < whole.fd_count + sizeof(others) / sizeof(others[0]); from++) {
            content.fds[at] = from < whole.fd_count ? whole.fds[from] : others[from - whole.fd_count];
            exchanges++;
            refusals += code_of(&content) != 0;
        }
        content.fds[at] = whole.fds[at];
    }
    assert_true(refusals >
                exchanges / 2); /* itself is good; and what is behind a broker's right matters when that one is gone */
    assert_int_equal(mach_port_get_refs(mach_task_self(), ring->link->port, MACH_PORT_RIGHT_SEND, &after), 0);
    assert_int_equal(before, after); /* nor of a right that came with another which did not */
    content = whole;
    drop(&content);
    (void)close(others[2]);
    (void)close(others[3]);
    assert_int_equal(close(fd), 0);
    assert_int_equal(mring_close(ring), 0);
}

/* Every byte of it changed, some ways each. It may be good all the same (a name); it never does harm, hangs or leaves anything. */
static void changed_bytes_do_no_harm(void **state)
{
    struct mring *ring = make_ring(NULL, pair, 1);
    int fd = export_of(ring, MRING_CONSUME);
    struct content whole = content_of(fd), content = whole;
    static const unsigned char change[] = {0x01, 0x80, 0xff};
    const size_t key = whole.length - sizeof(struct parcel_text) + offsetof(struct parcel_text, key);

    (void)state;
    for (size_t at = 0; at < whole.length; at++) {
        for (size_t how = 0; how < sizeof(change); how++) {
            int code;

            content.text[at] = (unsigned char)(whole.text[at] ^ change[how]);
            code = code_of(&content);
            assert_true(code == 0 || code == -EPROTO || code == -EACCES || code == -ENOENT || code == -EINVAL);
            if (at >= key && at < key + sizeof(struct ring_key))
                assert_int_equal(code, -EACCES);
        }
        content.text[at] = whole.text[at];
    }
    memset(content.text + key, 0, sizeof(struct ring_key)); /* as who comes by name, and is judged by its user */
    assert_int_equal(code_of(&content), -EPROTO);
    drop(&whole);
    assert_int_equal(close(fd), 0);
    assert_int_equal(mring_close(ring), 0);
}

/* A right to a port that nobody listens at; and where a ring should be, something else, or nothing. */
static void a_silent_broker_is_given_up(void **state)
{
    const struct parcel_text text = {.version = 1, .role = MRING_CONSUME, .key = {{1, 2}}, .owner = geteuid()};
    mach_port_t silent, rights[2];
    int64_t begin;
    int fd;

    (void)state;
    assert_int_equal(mach_port_allocate(mach_task_self(), MACH_PORT_RIGHT_RECEIVE, &silent), KERN_SUCCESS);
    assert_int_equal(mach_port_insert_right(mach_task_self(), silent, silent, MACH_MSG_TYPE_MAKE_SEND), KERN_SUCCESS);
    rights[0] = rights[1] = silent;
    assert_int_equal(mring_mach_parcel_make(rights, 2, &text, sizeof(text), &fd), KERN_SUCCESS);
    begin = milliseconds();
    assert_int_equal(import_code(fd), -ETIMEDOUT);
    assert_true(milliseconds() - begin < 30 * SECOND);
    assert_int_equal(mach_port_mod_refs(mach_task_self(), silent, MACH_PORT_RIGHT_RECEIVE, -1), KERN_SUCCESS);
    refused(fd, -ENOENT);
    assert_int_equal(mach_port_deallocate(mach_task_self(), silent), KERN_SUCCESS);
}

/* Sound, and of the layer below, but of another number of rights, or bytes. */
static void other_contents_are_refused(void **state)
{
    static const unsigned char text[2 * sizeof(struct parcel_text)];
    enum { RIGHTS_MOST = 60 };
    mach_port_t port, rights[RIGHTS_MOST];
    int fd;

    (void)state;
    assert_int_equal(mach_port_allocate(mach_task_self(), MACH_PORT_RIGHT_RECEIVE, &port), KERN_SUCCESS);
    assert_int_equal(mach_port_insert_right(mach_task_self(), port, port, MACH_MSG_TYPE_MAKE_SEND), KERN_SUCCESS);
    for (unsigned at = 0; at < RIGHTS_MOST; at++)
        rights[at] = port;
    for (unsigned count = 0; count <= RIGHTS_MOST; count += count < 4 ? 1 : 8) {
        assert_int_equal(mring_mach_parcel_make(rights, count, text, sizeof(struct parcel_text), &fd), KERN_SUCCESS);
        refused(fd, -EPROTO);
    }
    for (size_t size = 0; size <= sizeof(text); size += 4) {
        assert_int_equal(mring_mach_parcel_make(rights, 2, text, size, &fd), KERN_SUCCESS);
        refused(fd, -EPROTO);
    }
    assert_int_equal(mach_port_deallocate(mach_task_self(), port), KERN_SUCCESS);
    assert_int_equal(mach_port_mod_refs(mach_task_self(), port, MACH_PORT_RIGHT_RECEIVE, -1), KERN_SUCCESS);
}

/* Others of the layer below: what a parcel cannot be made of. */
static void only_rights_that_travel_are_packed(void **state)
{
    mach_port_t receive, rights[2];
    int fd = -7;

    (void)state;
    assert_int_equal(mach_port_allocate(mach_task_self(), MACH_PORT_RIGHT_RECEIVE, &receive), KERN_SUCCESS);
    rights[0] = receive;
    assert_int_equal(mring_mach_parcel_make(rights, 1, "", 0, &fd), KERN_INVALID_RIGHT);
    rights[0] = mach_task_self();
    assert_int_equal(mring_mach_parcel_make(rights, 1, "", 0, &fd), KERN_INVALID_RIGHT);
    rights[0] = MACH_PORT_NULL;
    assert_int_equal(mring_mach_parcel_make(rights, 1, "", 0, &fd), KERN_INVALID_NAME);
    assert_int_equal(mring_mach_parcel_make(rights, 0, "odd", 3, &fd), KERN_INVALID_ARGUMENT);
    assert_int_equal(mring_mach_parcel_make(rights, 61, "", 0, &fd), KERN_INVALID_ARGUMENT);
    assert_int_equal(fd, -7);
    assert_int_equal(mach_port_mod_refs(mach_task_self(), receive, MACH_PORT_RIGHT_RECEIVE, -1), KERN_SUCCESS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_good_any_number_of_times),
        cmocka_unit_test(nothing_is_left),
        cmocka_unit_test(a_role_is_no_more_than_itself),
        cmocka_unit_test(bad_arguments_are_refused),
        cmocka_unit_test(a_ring_that_is_gone_is_not_found),
        cmocka_unit_test(other_descriptors_are_refused),
        cmocka_unit_test(a_copy_is_as_good),
        cmocka_unit_test(an_emptied_one_is_refused),
        cmocka_unit_test(cut_ones_are_refused),
        cmocka_unit_test(exchanged_rights_are_refused),
        cmocka_unit_test(changed_bytes_do_no_harm),
        cmocka_unit_test(a_silent_broker_is_given_up),
        cmocka_unit_test(other_contents_are_refused),
        cmocka_unit_test(only_rights_that_travel_are_packed),
    };

    return cmocka_run_group_tests_name("export", tests, NULL, NULL);
}
