#include "attacks.h"

#include "harness.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <mach/mach_vm.h>
#include <mach/mring_mach.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#ifndef UFFD_USER_MODE_ONLY
#define UFFD_USER_MODE_ONLY 1
#endif

enum { PAGE = 4096, RW = VM_PROT_READ | VM_PROT_WRITE, FUTURE_WRITE = 0x10 };

#define FAILS(call) EXPECT(call, ==, -1)

/* ---- a mapping ---- */

static void attack_by_mach(uint64_t address, uint64_t size)
{
    mach_vm_address_t other = 0;
    vm_prot_t current = 0, most = 0;
    mach_port_t entry = MACH_PORT_NULL;
    memory_object_size_t covered = size;

    EXPECT(mach_vm_protect(mach_task_self(), address, size, FALSE, RW), !=, KERN_SUCCESS);
    EXPECT(mach_vm_protect(mach_task_self(), address, size, TRUE, RW), !=, KERN_SUCCESS);
    EXPECT(mach_vm_write(mach_task_self(), address, (vm_offset_t) "evil", 4), !=, KERN_SUCCESS);
    EXPECT(
        mach_make_memory_entry_64(mach_task_self(), &covered, address, MAP_MEM_VM_SHARE | RW, &entry, MACH_PORT_NULL),
        !=, KERN_SUCCESS);
    EXPECT(mach_vm_remap(mach_task_self(), &other, size, 0, VM_FLAGS_ANYWHERE, mach_task_self(), address, FALSE,
                         &current, &most, VM_INHERIT_SHARE),
           ==, KERN_SUCCESS);
    EXPECT(most & VM_PROT_WRITE, ==, 0);
    EXPECT(mach_vm_protect(mach_task_self(), other, size, FALSE, RW), !=, KERN_SUCCESS);
    FAILS(mprotect((void *)other, size, PROT_READ | PROT_WRITE));
    EXPECT_OK(mach_vm_deallocate(mach_task_self(), other, size));
}

/* A copy can be had: it is private, and what is written there nobody else sees (the caller compares). */
static void write_a_private_copy(uint64_t address, uint64_t size)
{
    mach_vm_address_t copy = 0;
    vm_prot_t current = 0, most = 0;

    EXPECT_OK(mach_vm_remap(mach_task_self(), &copy, size, 0, VM_FLAGS_ANYWHERE, mach_task_self(), address, FALSE,
                            &current, &most, VM_INHERIT_SHARE));
    EXPECT_OK(mach_vm_protect(mach_task_self(), copy, PAGE, FALSE, RW | VM_PROT_COPY));
    ((volatile unsigned char *)copy)[0] ^= 0xff;
    EXPECT(((volatile unsigned char *)copy)[0], !=, ((volatile unsigned char *)address)[0]);
    EXPECT_OK(mach_vm_deallocate(mach_task_self(), copy, size));
}

static void attack_by_pages(uint64_t address, uint64_t size)
{
    void *memory = (void *)address;
    void *twin;
    int fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC | UFFD_USER_MODE_ONLY);

    FAILS(mprotect(memory, size, PROT_READ | PROT_WRITE));
    FAILS(mprotect(memory, PAGE, PROT_WRITE));
    FAILS(madvise(memory, size, MADV_REMOVE));      /* a hole */
    twin = mremap(memory, 0, size, MREMAP_MAYMOVE); /* a second mapping of the same */
    if (twin != MAP_FAILED) {
        FAILS(mprotect(twin, size, PROT_READ | PROT_WRITE));
        EXPECT_OK(munmap(twin, size));
    }
    if (fd >= 0) { /* pages put in from the side */
        struct uffdio_api api = {.api = UFFD_API};
        struct uffdio_register range = {.range = {address, size}, .mode = UFFDIO_REGISTER_MODE_MISSING};

        EXPECT_OK(ioctl(fd, UFFDIO_API, &api));
        FAILS(ioctl(fd, UFFDIO_REGISTER, &range));
        EXPECT_OK(close(fd));
    }
}

static void attack_own_process(uint64_t address)
{
    char evil[] = "evil", path[64];
    struct iovec from = {evil, 4}, to = {(void *)address, 4};
    int memory = open("/proc/self/mem", O_RDWR | O_CLOEXEC);

    EXPECT(memory, >=, 0);
    FAILS(pwrite(memory, evil, 4, (off_t)address));
    EXPECT_OK(close(memory));
    FAILS(process_vm_writev(getpid(), &from, 1, &to, 1, 0));
    (void)snprintf(path, sizeof(path), "/proc/self/map_files/%llx-%llx", (unsigned long long)address,
                   (unsigned long long)address + PAGE);
    FAILS(open(path, O_RDWR | O_CLOEXEC));
}

void attack_mapping(uint64_t address, uint64_t size)
{
    attack_by_mach(address, size);
    attack_by_pages(address, size);
    attack_own_process(address);
    write_a_private_copy(address, size);
}

/* ---- an entry ---- */

void attack_shape(mem_entry_name_port_t entry)
{
    int fd = mring_mach_entry_descriptor(entry);
    struct stat status;

    EXPECT(fd, >=, 0);
    EXPECT_OK(fstat(fd, &status));
    FAILS(ftruncate(fd, 0));
    FAILS(ftruncate(fd, status.st_size - PAGE));
    FAILS(ftruncate(fd, status.st_size + PAGE));
    FAILS(fallocate(fd, 0, status.st_size, PAGE));
    FAILS(fcntl(fd, F_ADD_SEALS, FUTURE_WRITE));
    FAILS(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE));
    FAILS(fchmod(fd, 0666));
    FAILS(fchown(fd, geteuid(), (gid_t)-1));
}

static void attack_descriptor(int fd, uint64_t size)
{
    static const int ways[] = {O_RDWR, O_WRONLY, O_RDONLY | O_TRUNC};
    int flags = fcntl(fd, F_GETFL);
    char path[64];
    void *memory;

    EXPECT(flags & O_ACCMODE, ==, O_RDONLY);
    EXPECT(mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) == MAP_FAILED, !=, 0);
    memory = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);
    EXPECT(memory != MAP_FAILED, !=, 0);
    FAILS(mprotect(memory, size, PROT_READ | PROT_WRITE));
    FAILS(madvise(memory, size, MADV_REMOVE));
    EXPECT_OK(munmap(memory, size));
    (void)fcntl(fd, F_SETFL, O_RDWR);
    EXPECT(fcntl(fd, F_GETFL), ==, flags);
    FAILS(pwrite(fd, "evil", 4, 0));
    FAILS(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, PAGE));
    for (size_t way = 0; way < sizeof(ways) / sizeof(ways[0]); way++) {
        (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
        FAILS(open(path, ways[way] | O_CLOEXEC));
        (void)snprintf(path, sizeof(path), "/proc/thread-self/fd/%d", fd);
        FAILS(open(path, ways[way] | O_CLOEXEC));
    }
}

void attack_entry(mem_entry_name_port_t entry, uint64_t size)
{
    mach_vm_address_t address = 0;
    memory_object_size_t covered = size;
    mach_port_t wider = MACH_PORT_NULL;

    EXPECT(
        mach_vm_map(mach_task_self(), &address, size, 0, VM_FLAGS_ANYWHERE, entry, 0, FALSE, RW, RW, VM_INHERIT_SHARE),
        !=, KERN_SUCCESS);
    EXPECT(mach_vm_map(mach_task_self(), &address, size, 0, VM_FLAGS_ANYWHERE, entry, 0, FALSE, VM_PROT_READ, RW,
                       VM_INHERIT_SHARE),
           !=, KERN_SUCCESS);
    if (mach_make_memory_entry_64(mach_task_self(), &covered, 0, RW, &wider, entry) == KERN_SUCCESS)
        EXPECT(mach_vm_map(mach_task_self(), &address, size, 0, VM_FLAGS_ANYWHERE, wider, 0, FALSE, RW, RW,
                           VM_INHERIT_SHARE),
               !=, KERN_SUCCESS);
    attack_shape(entry);
    attack_descriptor(mring_mach_entry_descriptor(entry), size);
}

/* ---- a process ---- */

void attack_process(pid_t victim)
{
    char path[64], evil[] = "evil";
    struct iovec from = {evil, 4}, to = {&from, 4};
    int process = (int)syscall(SYS_pidfd_open, victim, 0);

    EXPECT_OK(kill(victim, 0) == 0 ? -1 : 0); /* it is not even ours to signal */
    FAILS(ptrace(PTRACE_ATTACH, victim, NULL, NULL));
    FAILS(ptrace(PTRACE_SEIZE, victim, NULL, NULL));
    FAILS(process_vm_writev(victim, &from, 1, &to, 1, 0));
    (void)snprintf(path, sizeof(path), "/proc/%d/mem", victim);
    FAILS(open(path, O_RDWR | O_CLOEXEC));
    for (int fd = 0; fd < 64; fd++) {
        (void)snprintf(path, sizeof(path), "/proc/%d/fd/%d", victim, fd);
        FAILS(open(path, O_RDONLY | O_CLOEXEC));
        if (process >= 0)
            FAILS((int)syscall(SYS_pidfd_getfd, process, fd, 0));
    }
    (void)snprintf(path, sizeof(path), "/proc/%d/map_files", victim);
    FAILS(open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (process >= 0)
        EXPECT_OK(close(process));
}
