/* What the tests of semaphores share: semaphores that forked children reach, and threads that wait. */
#ifndef TESTS_MACH_SEMAS_H
#define TESTS_MACH_SEMAS_H

#include "support/child.h"
#include "system.h"

#include <mach/mach.h>
#include <mach/mach_vm.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include <cmocka.h>

static const mach_timespec_t semas_at_once = {0, 0};
/* Only a failing test waits that long. */
static const mach_timespec_t semas_patience = {20, 0};

static inline mach_timespec_t semas_milliseconds(unsigned milliseconds)
{
    return (mach_timespec_t){milliseconds / 1000, (int)(milliseconds % 1000) * 1000000};
}

static inline semaphore_t semas_new(int policy, int value)
{
    semaphore_t semaphore = MACH_PORT_NULL;
    if (semaphore_create(mach_task_self(), &semaphore, policy, value) != KERN_SUCCESS)
        abort();
    return semaphore;
}

/* Children forked from now on find these with semas_inherited. */
static inline void semas_pass_on(semaphore_t first, semaphore_t second, semaphore_t third)
{
    mach_port_t ports[3] = {first, second, third};
    if (mach_ports_register(mach_task_self(), ports, 3) != KERN_SUCCESS)
        abort();
}

static inline void semas_inherited(semaphore_t ports[3])
{
    mach_port_array_t array = NULL;
    mach_msg_type_number_t count = 0;
    if (mach_ports_lookup(mach_task_self(), &array, &count) != KERN_SUCCESS || count != 3)
        abort();
    memcpy(ports, array, 3 * sizeof(*ports));
    mach_vm_deallocate(mach_task_self(), (mach_vm_address_t)(uintptr_t)array, 3 * sizeof(*ports));
}

static inline semaphore_t semas_first(void)
{
    semaphore_t ports[3];
    semas_inherited(ports);
    return ports[0];
}

/* Memory that this process shares with its forked children. */
static inline void *semas_shared(size_t size)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        abort();
    return memory;
}

static inline uint64_t semas_now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

/* How many tokens there are; they are gone then. */
static inline int semas_drain(semaphore_t semaphore)
{
    int count = 0;
    while (semaphore_timedwait(semaphore, semas_at_once) == KERN_SUCCESS)
        count++;
    return count;
}

/* Until it is asleep in the kernel: what it was about to sleep on it then sleeps on, as the tests let it do nothing else. */
static inline void semas_until_asleep(pid_t process, uint64_t thread)
{
    while (!is_asleep(process, thread))
        sched_yield();
}

/* A thread that waits once. */
struct semas_waiter {
    pthread_t thread;
    semaphore_t semaphore;
    bool timed;
    mach_timespec_t time;
    _Atomic uint64_t id;
    _Atomic int result; /* -1 while it waits */
    _Atomic int place;  /* in the order of returning, from 1 */
    _Atomic int *places;
};

static inline void *semas_wait_once(void *argument)
{
    struct semas_waiter *waiter = argument;
    waiter->id = own_thread();
    kern_return_t kr =
        waiter->timed ? semaphore_timedwait(waiter->semaphore, waiter->time) : semaphore_wait(waiter->semaphore);
    if (waiter->places)
        waiter->place = atomic_fetch_add(waiter->places, 1) + 1;
    waiter->result = kr;
    return NULL;
}

/* Start it, and let it fall asleep. */
static inline void semas_start(struct semas_waiter *waiter)
{
    waiter->id = 0;
    waiter->result = -1;
    if (pthread_create(&waiter->thread, NULL, semas_wait_once, waiter) != 0)
        abort();
    while (waiter->id == 0)
        sched_yield();
    semas_until_asleep(getpid(), waiter->id);
}

static inline kern_return_t semas_join(struct semas_waiter *waiter)
{
    pthread_join(waiter->thread, NULL);
    return waiter->result;
}

#endif
