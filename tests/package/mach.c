/*
 * Shared memory and a semaphore by Mach's calls, found by name, as an outside project would use them on Linux. It is compiled as
 * C and as C++; minherit comes from where macOS has it.
 */
#include <mach/mach.h>
#include <mach/mach_vm.h>
#include <servers/bootstrap.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static void check(const char *what, kern_return_t kr)
{
    if (kr == KERN_SUCCESS)
        return;
    fprintf(stderr, "%s: %s\n", what, mach_error_string(kr));
    _exit(1);
}

static mach_vm_address_t map(mach_port_t entry, memory_object_size_t size)
{
    mach_vm_address_t address = 0;
    check("mach_vm_map", mach_vm_map(mach_task_self(), &address, size, 0, VM_FLAGS_ANYWHERE, entry, 0, FALSE,
                                     VM_PROT_READ | VM_PROT_WRITE, VM_PROT_READ | VM_PROT_WRITE, VM_INHERIT_SHARE));
    return address;
}

int main(void)
{
    const mach_timespec_t patience = {10, 0};
    static const char text[] = "written here, read there";
    memory_object_size_t size = 16384;
    mach_port_t entry = MACH_PORT_NULL, found = MACH_PORT_NULL;
    semaphore_t semaphore = MACH_PORT_NULL;
    char name[64];

    check("mach_make_memory_entry_64",
          mach_make_memory_entry_64(mach_task_self(), &size, 0, MAP_MEM_NAMED_CREATE | VM_PROT_READ | VM_PROT_WRITE,
                                    &entry, MACH_PORT_NULL));
    mach_vm_address_t first = map(entry, size), second = map(entry, size);
    memcpy((void *)first, text, sizeof(text));
    if (first == second || memcmp((void *)second, text, sizeof(text)) != 0) {
        fprintf(stderr, "the two mappings do not show the same memory\n");
        return 1;
    }
    if (minherit((void *)first, size, VM_INHERIT_NONE) != 0) {
        perror("minherit");
        return 1;
    }
    check("mach_vm_deallocate", mach_vm_deallocate(mach_task_self(), first, size));
    check("mach_vm_deallocate", mach_vm_deallocate(mach_task_self(), second, size));

    check("semaphore_create", semaphore_create(mach_task_self(), &semaphore, SYNC_POLICY_FIFO, 0));
    snprintf(name, sizeof(name), "mring.package.%ld", (long)getpid());
    check("bootstrap_register", bootstrap_register(bootstrap_port, name, semaphore));
    check("bootstrap_look_up", bootstrap_look_up(bootstrap_port, name, &found));
    check("semaphore_signal", semaphore_signal(found));
    check("semaphore_timedwait", semaphore_timedwait(semaphore, patience));
    check("semaphore_destroy", semaphore_destroy(mach_task_self(), semaphore));
#ifdef __cplusplus
    printf("mring-mach, in C++\n");
#else
    printf("mring-mach, in C\n");
#endif
    return 0;
}
