/*
 * The run-time half of MIG's stubs. A thread's reply port is the value of a key, so that it ends with the thread; a forked child has
 * no names, so its one thread forgets the number.
 */
#include "fork.h"

#include <mach/mach.h>
#include <mach/mig.h>
#include <mach/ndr.h>
#include <pthread.h>
#include <stdbool.h>
#include <string.h>

NDR_record_t NDR_record = {
    .int_rep = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? NDR_INT_LITTLE_ENDIAN : NDR_INT_BIG_ENDIAN,
    .char_rep = NDR_CHAR_ASCII,
    .float_rep = NDR_FLOAT_IEEE,
};

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t key;
static bool keyed; /* set by `once`; without a key every call gets a port of its own */

static void end_port(void *value)
{
    mach_port_mod_refs(mach_task_self_, (mach_port_t)(uintptr_t)value, MACH_PORT_RIGHT_RECEIVE, -1);
}

static void make_key(void)
{
    keyed = pthread_key_create(&key, end_port) == 0;
}

static mach_port_t remembered(void)
{
    pthread_once(&once, make_key);
    return keyed ? (mach_port_t)(uintptr_t)pthread_getspecific(key) : MACH_PORT_NULL;
}

static bool remember(mach_port_t port)
{
    return keyed && pthread_setspecific(key, (void *)(uintptr_t)port) == 0;
}

void mig_fork_child(void)
{
    if (keyed)
        remember(MACH_PORT_NULL);
}

mach_port_t mig_get_reply_port(void)
{
    mach_port_t port = remembered();

    if (port == MACH_PORT_NULL) {
        port = mach_reply_port();
        remember(port);
    }
    return port;
}

void mig_dealloc_reply_port(mach_port_t reply_port)
{
    if (remembered() == reply_port)
        remember(MACH_PORT_NULL);
    if (MACH_PORT_VALID(reply_port))
        end_port((void *)(uintptr_t)reply_port);
}

void mig_put_reply_port(mach_port_t reply_port)
{
    if (remembered() != reply_port) /* it could not be remembered */
        mig_dealloc_reply_port(reply_port);
}

int mig_strncpy(char *dest, const char *src, int len)
{
    if (len <= 0 || !dest)
        return 0;
    size_t length = strnlen(src, (size_t)len - 1);
    memcpy(dest, src, length);
    dest[length] = 0;
    return (int)length + 1;
}

int mig_strncpy_zerofill(char *dest, const char *src, int len)
{
    int written = mig_strncpy(dest, src, len);
    if (written > 0)
        memset(dest + written, 0, (size_t)(len - written));
    return written;
}

void mig_allocate(vm_address_t *address, vm_size_t size)
{
    if (vm_allocate(mach_task_self_, address, size, VM_FLAGS_ANYWHERE) != KERN_SUCCESS)
        *address = 0;
}

void mig_deallocate(vm_address_t address, vm_size_t size)
{
    vm_deallocate(mach_task_self_, address, size);
}
