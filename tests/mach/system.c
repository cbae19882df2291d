/* Time, the host, what a task knows of itself, and advice on memory. */
#include "mach/memory.h"

#include <bsm/libbsm.h>
#include <mach/mach_time.h>
#include <pthread.h>
#include <servers/bootstrap.h>
#include <sys/mman.h>
#include <time.h>

static const mach_port_t NEVER_HELD = 0x12340003;

static void time_goes_on(void **state)
{
    mach_timebase_info_data_t base = {0, 0};
    uint64_t first = mach_absolute_time();

    (void)state;
    assert_int_equal(mach_timebase_info(&base), KERN_SUCCESS);
    assert_true(base.numer != 0 && base.denom != 0);
    assert_int_equal(mach_wait_until(first + 2000000 * base.denom / base.numer), KERN_SUCCESS);
    assert_true((mach_absolute_time() - first) * base.numer / base.denom >= 2000000);
    assert_int_equal(mach_wait_until(first), KERN_SUCCESS); /* past */
    assert_true(mach_continuous_time() >= first);
    assert_true(mach_continuous_approximate_time() >= first);
    uint64_t coarse = mach_approximate_time();
    assert_true(coarse <= mach_absolute_time());
}

/* A name that another task has registered. */
static char others_name[] = "mring.test.system.other.0123456789";

/* All calls that wait in the kernel, or look at files; true if each went as it would without a cancellation. */
static bool call_all(mach_port_t port)
{
    struct mach_task_basic_info info;
    mach_msg_type_number_t count = MACH_TASK_BASIC_INFO_COUNT;
    union {
        mach_msg_header_t header;
        unsigned char room[256];
    } message;
    name_t nobody = "mring.test.system.nobody";
    mach_port_t found = MACH_PORT_NULL;
    bootstrap_status_t active = 77;

    return mach_wait_until(mach_absolute_time() + 1000000) == KERN_SUCCESS &&
           thread_switch(MACH_PORT_NULL, SWITCH_OPTION_WAIT, 1) == KERN_SUCCESS &&
           bootstrap_look_up(bootstrap_port, nobody, &found) == BOOTSTRAP_UNKNOWN_SERVICE &&
           bootstrap_status(bootstrap_port, nobody, &active) == BOOTSTRAP_UNKNOWN_SERVICE &&
           bootstrap_look_up(bootstrap_port, others_name, &found) == BOOTSTRAP_SUCCESS && drop(found) == KERN_SUCCESS &&
           bootstrap_status(bootstrap_port, others_name, &active) == BOOTSTRAP_SUCCESS &&
           active == BOOTSTRAP_STATUS_ACTIVE &&
           bootstrap_register(bootstrap_port, others_name, port) == BOOTSTRAP_NOT_PRIVILEGED &&
           task_info(SELF, MACH_TASK_BASIC_INFO, (task_info_t)&info, &count) == KERN_SUCCESS &&
           task_info(port, MACH_TASK_BASIC_INFO, (task_info_t)&info, &count) == KERN_INVALID_ARGUMENT &&
           mach_msg(&message.header, MACH_RCV_MSG | MACH_RCV_TIMEOUT, 0, sizeof message, port, 1, MACH_PORT_NULL) ==
               MACH_RCV_TIMED_OUT;
}

struct cancelled {
    mach_port_t port;
    bool came_through;
};

static void *call_all_cancelled(void *context)
{
    struct cancelled *cancelled = context;

    pthread_setcanceltype(PTHREAD_CANCEL_DEFERRED, NULL);
    pthread_cancel(pthread_self()); /* pending, until a cancellation point */
    cancelled->came_through = call_all(cancelled->port);
    pthread_testcancel();
    return NULL;
}

static int register_and_stay(void *context)
{
    const struct gate *did = context;
    semaphore_t semaphore = MACH_PORT_NULL;

    CHECK(semaphore_create(SELF, &semaphore, SYNC_POLICY_FIFO, 0) == KERN_SUCCESS);
    CHECK(bootstrap_register(bootstrap_port, others_name, semaphore) == BOOTSTRAP_SUCCESS);
    gate_pass(did, 0);
    for (;;)
        pause();
}

/* No Mach call is a cancellation point. */
static void calls_are_not_cancelled(void **state)
{
    struct cancelled cancelled = {.came_through = false};
    struct gate did = gate_make();
    pthread_t thread;
    void *result = NULL;

    (void)state;
    snprintf(others_name, sizeof others_name, "mring.test.system.other.%d", (int)getpid());
    assert_int_equal(mach_port_allocate(SELF, MACH_PORT_RIGHT_RECEIVE, &cancelled.port), KERN_SUCCESS);
    assert_int_equal(mach_port_insert_right(SELF, cancelled.port, cancelled.port, MACH_MSG_TYPE_MAKE_SEND),
                     KERN_SUCCESS);
    pid_t child = child_start(register_and_stay, &did);
    assert_true(gate_wait(&did, NULL));
    assert_true(call_all(cancelled.port));
    assert_int_equal(pthread_create(&thread, NULL, call_all_cancelled, &cancelled), 0);
    assert_int_equal(pthread_join(thread, &result), 0);
    assert_true(cancelled.came_through);
    assert_ptr_equal(result, PTHREAD_CANCELED);
    child_kill(child);
    gate_close(&did);
    assert_int_equal(mach_port_destroy(SELF, cancelled.port), KERN_SUCCESS);
}

static void timespecs_are_added(void **state)
{
    mach_timespec_t a = {1, 900000000}, b = {2, 300000000};

    (void)state;
    assert_true(CMP_MACH_TIMESPEC(&a, &b) < 0 && CMP_MACH_TIMESPEC(&b, &a) > 0 && CMP_MACH_TIMESPEC(&a, &a) == 0);
    ADD_MACH_TIMESPEC(&a, &b);
    assert_true(a.tv_sec == 4 && a.tv_nsec == 200000000);
    SUB_MACH_TIMESPEC(&a, &b);
    assert_true(a.tv_sec == 1 && a.tv_nsec == 900000000);
}

static void clocks_are_read(void **state)
{
    clock_serv_t clock = MACH_PORT_NULL;
    mach_timespec_t time = {0, -1};
    mach_port_t host = mach_host_self();

    (void)state;
    assert_int_equal(host_get_clock_service(host, CALENDAR_CLOCK, &clock), KERN_SUCCESS);
    assert_int_equal(clock_get_time(clock, &time), KERN_SUCCESS);
    assert_true(time.tv_sec >= 1700000000 && time.tv_nsec >= 0);
    assert_int_equal(drop(clock), KERN_SUCCESS);
    assert_int_equal(host_get_clock_service(host, SYSTEM_CLOCK, &clock), KERN_SUCCESS);
    assert_int_equal(clock_get_time(clock, &time), KERN_SUCCESS);
    assert_true((uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec <= mach_absolute_time());
    assert_int_equal(drop(clock), KERN_SUCCESS);
    clock = 77;
    assert_int_equal(host_get_clock_service(host, 7, &clock), KERN_INVALID_ARGUMENT);
    assert_int_equal(host_get_clock_service(SELF, SYSTEM_CLOCK, &clock), KERN_INVALID_ARGUMENT);
    assert_int_equal(clock, 77);
    assert_int_equal(clock_get_time(host, &time), KERN_INVALID_ARGUMENT);
    assert_int_equal(clock_get_time(NEVER_HELD, &time), MACH_SEND_INVALID_DEST);
    assert_int_equal(drop(host), KERN_SUCCESS);
}

static void the_host(void **state)
{
    mach_port_t host = mach_host_self(), again = mach_host_self(), special = MACH_PORT_NULL;
    host_basic_info_data_t info;
    mach_msg_type_number_t count = HOST_BASIC_INFO_COUNT;
    mach_port_urefs_t references = 0;
    vm_size_t size = 0;

    (void)state;
    assert_true(MACH_PORT_VALID(host) && host == again);
    assert_int_equal(task_get_special_port(SELF, TASK_HOST_PORT, &special), KERN_SUCCESS);
    assert_int_equal(special, host);
    assert_int_equal(mach_port_get_refs(SELF, host, MACH_PORT_RIGHT_SEND, &references), KERN_SUCCESS);
    assert_int_equal(references, 3);
    assert_int_equal(host_page_size(host, &size), KERN_SUCCESS);
    assert_int_equal(size, vm_page_size);
    assert_int_equal(host_info(host, HOST_BASIC_INFO, (host_info_t)&info, &count), KERN_SUCCESS);
    assert_true(info.avail_cpus >= 1 && info.max_cpus >= info.avail_cpus && info.max_mem > PAGE);
    assert_int_equal(host_info(host, 77, (host_info_t)&info, &count), KERN_INVALID_ARGUMENT);
    const integer_t cpus = info.max_cpus;
    for (mach_msg_type_number_t room = 5; room < HOST_BASIC_INFO_COUNT; room++) { /* as old callers have */
        memset(&info, 77, sizeof info);
        count = room;
        assert_int_equal(host_info(host, HOST_BASIC_INFO, (host_info_t)&info, &count), KERN_SUCCESS);
        assert_int_equal(count, 5);
        assert_true(info.max_cpus == cpus && info.memory_size > PAGE && info.cpu_subtype == 0);
        assert_true(info.cpu_threadtype == 0x4d4d4d4d && info.max_mem == 0x4d4d4d4d4d4d4d4d);
    }
    count = 4;
    assert_int_equal(host_info(host, HOST_BASIC_INFO, (host_info_t)&info, &count), KERN_FAILURE);
    assert_int_equal(host_page_size(MACH_PORT_NULL, &size), MACH_SEND_INVALID_DEST);
    assert_int_equal(host_page_size(SELF, &size), KERN_INVALID_ARGUMENT);
    for (int i = 0; i < 3; i++)
        assert_int_equal(drop(host), KERN_SUCCESS);
    assert_int_equal(drop(host), KERN_INVALID_NAME);
}

static int use_parents_host(void *host)
{
    vm_size_t size;

    CHECK(host_page_size(*(mach_port_t *)host, &size) == MACH_SEND_INVALID_DEST);
    CHECK(host_page_size(mach_host_self(), &size) == KERN_SUCCESS);
    return 0;
}

static void a_child_asks_anew(void **state)
{
    mach_port_t host = mach_host_self();

    (void)state;
    assert_int_equal(child_run(use_parents_host, &host), 0);
    assert_int_equal(drop(host), KERN_SUCCESS);
}

/* They do not travel: nobody is given one by a name. */
static void special_ports_stay(void **state)
{
    mach_port_t host = mach_host_self();
    char name[] = "mring.test.system.host";

    (void)state;
    assert_int_equal(bootstrap_register(bootstrap_port, name, host), MACH_SEND_INVALID_RIGHT);
    assert_int_equal(drop(host), KERN_SUCCESS);
}

static void the_task(void **state)
{
    struct mach_task_basic_info info;
    struct task_basic_info_64 basic;
    mach_msg_type_number_t count = MACH_TASK_BASIC_INFO_COUNT;
    mach_port_t task = MACH_PORT_NULL;
    int pid = 0;

    (void)state;
    assert_int_equal(MACH_TASK_BASIC_INFO_COUNT, 12);
    assert_int_equal(TASK_BASIC_INFO_64_COUNT, 10);
    assert_int_equal(task_info(SELF, MACH_TASK_BASIC_INFO, (task_info_t)&info, &count), KERN_SUCCESS);
    assert_true(info.virtual_size >= info.resident_size && info.resident_size >= PAGE);
    count = TASK_BASIC_INFO_COUNT;
    assert_int_equal(task_info(SELF, TASK_BASIC_INFO, (task_info_t)&basic, &count), KERN_SUCCESS);
    assert_true(basic.resident_size >= PAGE && basic.suspend_count == 0);
    count--;
    assert_int_equal(task_info(SELF, TASK_BASIC_INFO, (task_info_t)&basic, &count), KERN_INVALID_ARGUMENT);
    assert_int_equal(task_info(MACH_PORT_NULL, TASK_BASIC_INFO, (task_info_t)&basic, &count), MACH_SEND_INVALID_DEST);
    assert_int_equal(pid_for_task(SELF, &pid), KERN_SUCCESS);
    assert_int_equal(pid, getpid());
    assert_int_equal(pid_for_task(NEVER_HELD, &pid), KERN_FAILURE);
    assert_int_equal(pid, -1);
    assert_int_equal(task_for_pid(SELF, getpid(), &task), KERN_SUCCESS);
    assert_int_equal(task, SELF);
    assert_int_equal(task_for_pid(SELF, 1, &task), KERN_FAILURE);
    assert_int_equal(task, MACH_PORT_NULL);
    assert_int_equal(task_for_pid(NEVER_HELD, getpid(), &task), KERN_FAILURE);
    assert_int_equal((mach_task_self)(), SELF);
}

/* With the task's name one may ask who it is and how it does, and no more. */
static void the_tasks_name(void **state)
{
    struct mach_task_basic_info info;
    mach_msg_type_number_t count = MACH_TASK_BASIC_INFO_COUNT;
    mach_port_t name = MACH_PORT_NULL, task = 77;
    mach_vm_address_t address = 0;
    int pid = 0;

    (void)state;
    assert_int_equal(task_get_special_port(SELF, TASK_NAME_PORT, &name), KERN_SUCCESS);
    assert_int_equal(task_info(name, MACH_TASK_BASIC_INFO, (task_info_t)&info, &count), KERN_SUCCESS);
    assert_true(info.resident_size >= PAGE);
    assert_int_equal(pid_for_task(name, &pid), KERN_SUCCESS);
    assert_int_equal(pid, getpid());
    assert_int_equal(task_for_pid(name, getpid(), &task), KERN_FAILURE);
    assert_int_equal(task, MACH_PORT_NULL);
    assert_int_equal(mach_vm_allocate(name, &address, PAGE, VM_FLAGS_ANYWHERE), KERN_INVALID_ARGUMENT);
    mach_port_t host = mach_host_self();
    assert_int_equal(task_info(host, MACH_TASK_BASIC_INFO, (task_info_t)&info, &count), KERN_INVALID_ARGUMENT);
    assert_int_equal(pid_for_task(host, &pid), KERN_FAILURE);
    assert_int_equal(pid, -1);
    assert_int_equal(drop(host), KERN_SUCCESS);
    assert_int_equal(drop(name), KERN_SUCCESS);
    assert_int_equal(task_info(name, MACH_TASK_BASIC_INFO, (task_info_t)&info, &count), MACH_SEND_INVALID_DEST);
}

static void no_exceptions_are_raised(void **state)
{
    task_exc_guard_behavior_t behavior = 77;

    (void)state;
    assert_int_equal(task_get_exc_guard_behavior(SELF, &behavior), KERN_SUCCESS);
    assert_int_equal(behavior, TASK_EXC_GUARD_NONE);
    assert_int_equal(task_set_exc_guard_behavior(SELF, behavior & ~(unsigned)TASK_EXC_GUARD_MP_DELIVER), KERN_SUCCESS);
    assert_int_equal(task_set_exc_guard_behavior(SELF, TASK_EXC_GUARD_MP_DELIVER), KERN_NOT_SUPPORTED);
    assert_int_equal(task_set_exc_guard_behavior(SELF, 0x100), KERN_INVALID_ARGUMENT);
    assert_int_equal(task_get_exc_guard_behavior(MACH_PORT_NULL, &behavior), MACH_SEND_INVALID_DEST);
}

static void others_run(void **state)
{
    uint64_t before = mach_absolute_time();

    (void)state;
    assert_int_equal(thread_switch(MACH_PORT_NULL, SWITCH_OPTION_NONE, 0), KERN_SUCCESS);
    assert_int_equal(thread_switch(MACH_PORT_NULL, SWITCH_OPTION_WAIT, 2), KERN_SUCCESS);
    assert_true(mach_absolute_time() - before >= 2000000);
    assert_int_equal(thread_switch(MACH_PORT_NULL, 3, 0), KERN_INVALID_ARGUMENT);
    assert_true(swtch() == TRUE && swtch_pri(0) == TRUE);
}

static void advice_keeps_the_content(void **state)
{
    uint64_t pages = allocate(3);

    (void)state;
    fill(pages, 3 * PAGE, 'x');
    for (vm_behavior_t behavior = VM_BEHAVIOR_DEFAULT; behavior < VM_BEHAVIOR_ZERO; behavior++)
        assert_int_equal(mach_vm_behavior_set(SELF, pages, 3 * PAGE, behavior), KERN_SUCCESS);
    assert_true(is_filled(pages, 3 * PAGE, 'x'));
    assert_int_equal(mach_vm_behavior_set(SELF, pages + PAGE, PAGE, VM_BEHAVIOR_ZERO), KERN_SUCCESS);
    assert_true(is_filled(pages + PAGE, PAGE, 0) && is_filled(pages + 2 * PAGE, PAGE, 'x'));
    assert_int_equal(mach_vm_behavior_set(SELF, pages, PAGE, VM_BEHAVIOR_LAST_VALID + 1), KERN_INVALID_ARGUMENT);
    assert_int_equal(mach_vm_behavior_set(SELF, pages, PAGE, -1), KERN_INVALID_ARGUMENT);
    assert_int_equal(vm_behavior_set(SELF, pages, 0, VM_BEHAVIOR_DEFAULT), KERN_SUCCESS);
    assert_int_equal(protect(pages, 1, VM_PROT_READ), KERN_SUCCESS);
    assert_int_equal(mach_vm_behavior_set(SELF, pages, 3 * PAGE, VM_BEHAVIOR_ZERO), KERN_PROTECTION_FAILURE);
    release(pages + PAGE, 1);
    assert_int_equal(mach_vm_behavior_set(SELF, pages, 3 * PAGE, VM_BEHAVIOR_DEFAULT), KERN_INVALID_ADDRESS);
    release(pages, 3);
}

/* What is past a file's end cannot be cleared; that is no signal. */
static void clearing_past_a_file(void **state)
{
    int fd = memfd_create("test", MFD_CLOEXEC);
    unsigned char *file;

    (void)state;
    assert_true(fd >= 0 && ftruncate(fd, (off_t)PAGE) == 0);
    file = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    assert_ptr_not_equal(file, MAP_FAILED);
    file[0] = 'x';
    assert_int_equal(mach_vm_behavior_set(SELF, (uintptr_t)file, 2 * PAGE, VM_BEHAVIOR_ZERO), KERN_MEMORY_ERROR);
    assert_int_equal(file[0], 0);
    munmap(file, 2 * PAGE);
    close(fd);
}

static void files_are_written_back(void **state)
{
    char path[] = "/tmp/mring-system-XXXXXX", seen[2] = "";
    int fd = mkstemp(path);
    char *file;

    (void)state;
    assert_true(fd >= 0 && unlink(path) == 0 && ftruncate(fd, (off_t)PAGE) == 0);
    file = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    assert_ptr_not_equal(file, MAP_FAILED);
    file[0] = 'w';
    assert_int_equal(mach_vm_msync(SELF, (uintptr_t)file, PAGE, VM_SYNC_SYNCHRONOUS), KERN_SUCCESS);
    assert_int_equal(pread(fd, seen, 1, 0), 1);
    assert_string_equal(seen, "w");
    assert_int_equal(vm_msync(SELF, (uintptr_t)file, PAGE, VM_SYNC_ASYNCHRONOUS | VM_SYNC_SYNCHRONOUS),
                     KERN_INVALID_ARGUMENT);
    munmap(file, PAGE);
    close(fd);
    uint64_t hole = allocate(1);
    release(hole, 1);
    assert_int_equal(mach_vm_msync(SELF, hole, PAGE, VM_SYNC_SYNCHRONOUS), KERN_SUCCESS);
    assert_int_equal(mach_vm_msync(SELF, hole, PAGE, VM_SYNC_SYNCHRONOUS | VM_SYNC_CONTIGUOUS), KERN_INVALID_ADDRESS);
    assert_int_equal(mach_vm_msync(SELF, HIGHEST, 2, VM_SYNC_SYNCHRONOUS), KERN_INVALID_ARGUMENT);
}

static void tokens_are_read(void **state)
{
    audit_token_t token = {{11, 12, 13, 14, 15, 16, 17, 18}};

    (void)state;
    assert_int_equal(audit_token_to_euid(token), 12);
    assert_int_equal(audit_token_to_auid(token), 12);
    assert_int_equal(audit_token_to_pid(token), 16);
    assert_int_equal(audit_token_to_asid(token), 0);
    assert_int_equal(audit_token_to_pidversion(token), 18);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(time_goes_on),
        cmocka_unit_test(calls_are_not_cancelled),
        cmocka_unit_test(timespecs_are_added),
        cmocka_unit_test(clocks_are_read),
        cmocka_unit_test(the_host),
        cmocka_unit_test(a_child_asks_anew),
        cmocka_unit_test(special_ports_stay),
        cmocka_unit_test(the_task),
        cmocka_unit_test(the_tasks_name),
        cmocka_unit_test(no_exceptions_are_raised),
        cmocka_unit_test(others_run),
        cmocka_unit_test(advice_keeps_the_content),
        cmocka_unit_test(clearing_past_a_file),
        cmocka_unit_test(files_are_written_back),
        cmocka_unit_test(tokens_are_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
