#include "faults_linux.h"

#include "harness.h"
#include "support/sanitizers.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

/* ---- what is wrapped ---- */

enum wrapped { ALLOCATION, MAPPING, THREAD, WRAPPED_KINDS };

enum { NEVER = -1 };

/* AddressSanitizer's shadow takes more address space than any limit leaves: there, that fault is none. */
enum { SHADOWED = ADDRESS_SANITIZED };

/* Uses left before one fails, NEVER: none will. */
static atomic_int left[WRAPPED_KINDS] = {NEVER, NEVER, NEVER};
static atomic_bool once, hit;

static bool fails(enum wrapped kind)
{
    int seen = atomic_load(&left[kind]);

    while (seen > 0 && !atomic_compare_exchange_weak(&left[kind], &seen, seen - 1))
        ;
    if (seen != 0)
        return false;
    if (atomic_load(&once))
        atomic_store(&left[kind], NEVER);
    atomic_store(&hit, true);
    return true;
}

/* What the linker calls them: declared here, as nobody else does. */
void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *block, size_t size);
void *__real_aligned_alloc(size_t alignment, size_t size);
void *__real_mmap(void *address, size_t size, int protection, int flags, int descriptor, off_t offset);
long __real_syscall(long number, ...);
int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*body)(void *), void *argument);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *block, size_t size);
void *__wrap_aligned_alloc(size_t alignment, size_t size);
void *__wrap_mmap(void *address, size_t size, int protection, int flags, int descriptor, off_t offset);
long __wrap_syscall(long number, ...);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*body)(void *), void *argument);

static void *no_memory(void)
{
    errno = ENOMEM;
    return NULL;
}

void *__wrap_malloc(size_t size)
{
    return fails(ALLOCATION) ? no_memory() : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return fails(ALLOCATION) ? no_memory() : __real_calloc(count, size);
}

void *__wrap_realloc(void *block, size_t size)
{
    return fails(ALLOCATION) ? no_memory() : __real_realloc(block, size);
}

void *__wrap_aligned_alloc(size_t alignment, size_t size)
{
    return fails(ALLOCATION) ? no_memory() : __real_aligned_alloc(alignment, size);
}

void *__wrap_mmap(void *address, size_t size, int protection, int flags, int descriptor, off_t offset)
{
    if (fails(MAPPING)) {
        errno = ENOMEM;
        return MAP_FAILED;
    }
    return __real_mmap(address, size, protection, flags, descriptor, offset);
}

/* What is mapped for the program is mapped by this. */
long __wrap_syscall(long number, ...)
{
    long argument[6];
    va_list arguments;

    va_start(arguments, number);
    for (int at = 0; at < 6; at++)
        argument[at] = va_arg(arguments, long);
    va_end(arguments);
    if (number == SYS_mmap && fails(MAPPING)) {
        errno = ENOMEM;
        return -1;
    }
    return __real_syscall(number, argument[0], argument[1], argument[2], argument[3], argument[4], argument[5]);
}

int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*body)(void *), void *argument)
{
    return fails(THREAD) ? EAGAIN : __real_pthread_create(thread, attributes, body, argument);
}

/* ---- faults ---- */

static void lower(int resource, rlim_t soft)
{
    struct rlimit limit;

    EXPECT_OK(getrlimit((__rlimit_resource_t)resource, &limit));
    limit.rlim_cur = soft < limit.rlim_max ? soft : limit.rlim_max;
    EXPECT_OK(setrlimit((__rlimit_resource_t)resource, &limit));
}

static void raise_again(int resource)
{
    lower(resource, RLIM_INFINITY);
}

/* A limit is on their numbers: leave n of the lowest free ones below it. */
static void leave_descriptors(unsigned n)
{
    int number = 0;

    for (unsigned unused = 0; unused <= n; number++)
        if (fcntl(number, F_GETFD) < 0)
            unused++;
    lower(RLIMIT_NOFILE, (rlim_t)number - 1);
}

/* Small steps for what is mapped, larger ones for the stacks of threads. */
static void leave_address_space(unsigned n)
{
    enum { SMALL = 16 * 1024, LARGE = 1024 * 1024, SMALL_ONES = 64 };
    unsigned long pages = 0;
    FILE *statm;
    rlim_t more = n < SMALL_ONES ? (rlim_t)n * SMALL : (rlim_t)(n - SMALL_ONES + 1) * LARGE;

    if (SHADOWED)
        return;
    statm = fopen("/proc/self/statm", "re");
    EXPECT(statm != NULL, ==, 1);
    EXPECT(fscanf(statm, "%lu", &pages), ==, 1);
    (void)fclose(statm);
    lower(RLIMIT_AS, pages * (rlim_t)sysconf(_SC_PAGESIZE) + more);
}

static void leave_file_size(unsigned n)
{
    lower(RLIMIT_FSIZE, (rlim_t)(n + 1) * 8192); /* room for a page of the Mach layer's own: only entries fail */
}

static void leave(enum wrapped kind, unsigned n, bool one)
{
    atomic_store(&once, one);
    atomic_store(&left[kind], (int)n);
}

static void leave_allocations(unsigned n)
{
    leave(ALLOCATION, n, false);
}

static void fail_one_allocation(unsigned n)
{
    leave(ALLOCATION, n, true);
}

static void leave_mappings(unsigned n)
{
    leave(MAPPING, n, false);
}

static void leave_threads(unsigned n)
{
    leave(THREAD, n, false);
}

const struct fault faults[FAULTS] = {
    {"descriptors", leave_descriptors, false, -EMFILE},
    {"address space", leave_address_space, false, 0},
    {"file size", leave_file_size, false, -EFBIG},
    {"allocations", leave_allocations, true, 0},
    {"one allocation", fail_one_allocation, true, 0},
    {"mappings", leave_mappings, true, 0},
    {"threads", leave_threads, true, 0},
};

void fault_arm(const struct fault *fault, unsigned n)
{
    atomic_store(&hit, false);
    fault->arm(n);
}

void fault_lift(void)
{
    for (int kind = 0; kind < WRAPPED_KINDS; kind++)
        atomic_store(&left[kind], NEVER);
    raise_again(RLIMIT_NOFILE);
    raise_again(RLIMIT_AS);
    raise_again(RLIMIT_FSIZE);
}

bool fault_hit(void)
{
    return atomic_load(&hit);
}
