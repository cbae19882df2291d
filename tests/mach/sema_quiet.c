/*
 * What the kernel sees of semaphores: nothing, as long as nobody has to wait. A seccomp filter kills for any system call but exit. (Its strict
 * mode would take the processor's clock away too, which a time is read from without a call.)
 */
#include "mach/semas.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

enum { ROUNDS = 10000 };

static void renounce_system_calls(void)
{
    struct sock_filter steps[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_exit_group, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
    };
    struct sock_fprog program = {sizeof steps / sizeof *steps, steps};

    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
        _exit(2);
}

/* The first use of a semaphore may prepare something; after that: */
static _Noreturn void use_quietly(semaphore_t one, semaphore_t other)
{
    long status = 0;

    renounce_system_calls();
    for (int i = 0; i < ROUNDS; i++) {
        status |= semaphore_signal(one) | semaphore_wait(one);
        status |= semaphore_signal(one) | semaphore_timedwait(one, semas_patience);
        status |= semaphore_signal(one) | semaphore_timedwait(one, semas_at_once);
        status |= semaphore_timedwait(one, semas_at_once) ^ KERN_OPERATION_TIMED_OUT; /* a poll does not wait */
        status |= semaphore_signal_all(one);
        status |= semaphore_signal(one) | semaphore_wait_signal(one, other) | semaphore_wait(other);
    }
    syscall(SYS_exit_group, status != 0);
    __builtin_unreachable();
}

static int use_own(void *context)
{
    (void)context;
    use_quietly(semas_new(SYNC_POLICY_FIFO, 0), semas_new(SYNC_POLICY_FIFO, 0));
}

static int use_inherited(void *context)
{
    semaphore_t ports[3];

    (void)context;
    semas_inherited(ports);
    for (int i = 0; i < 2; i++)
        semaphore_timedwait(ports[i], (mach_timespec_t){0, 1});
    use_quietly(ports[0], ports[1]);
}

static void ones_own(void **state)
{
    (void)state;
    assert_int_equal(child_run(use_own, NULL), 0);
}

static void anothers(void **state)
{
    (void)state;
    semas_pass_on(semas_new(SYNC_POLICY_FIFO, 0), semas_new(SYNC_POLICY_FIFO, 0), MACH_PORT_NULL);
    assert_int_equal(child_run(use_inherited, NULL), 0);
}

static int wait_loudly(void *context)
{
    semaphore_t semaphore = semas_new(SYNC_POLICY_FIFO, 0);

    (void)context;
    renounce_system_calls();
    semaphore_timedwait(semaphore, semas_patience);
    syscall(SYS_exit_group, 0);
    return 0;
}

/* That the test can fail: a wait that has to wait is seen. */
static void a_wait_is_seen(void **state)
{
    (void)state;
    assert_int_equal(child_run(wait_loudly, NULL), -SIGSYS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ones_own),
        cmocka_unit_test(anothers),
        cmocka_unit_test(a_wait_is_seen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
