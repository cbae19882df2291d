/* Rules for memory that this process itself stands on: its heap, its stacks, the variables of this layer. */
#include "mach/memory.h"

#include <pthread.h>
#include <sys/mman.h>

static uint64_t heap_start(void)
{
    FILE *maps = fopen("/proc/self/maps", "r");
    unsigned long long start = 0;
    char line[512];

    while (maps != NULL && fgets(line, sizeof line, maps) != NULL)
        if (strstr(line, "[heap]") != NULL && sscanf(line, "%llx-", &start) == 1)
            break;
    if (maps != NULL)
        fclose(maps);
    return start;
}

static int share_the_heap(void *start)
{
    enum { SIZE = 100000 };
    unsigned char *memory = malloc(SIZE);
    uint64_t heap = (uintptr_t)start, middle = mach_vm_round_page((uintptr_t)memory) + 4 * PAGE;

    alarm(30 * TEST_SLOWNESS); /* what fails here is a deadlock */
    if ((uintptr_t)memory < heap || (uintptr_t)memory - heap > UINT64_C(1) << 26)
        return 0; /* a malloc of another kind, as sanitizers have */
    memset(memory, 'h', SIZE);
    CHECK(set_inherit(middle, 1, VM_INHERIT_NONE) == KERN_SUCCESS);
    CHECK(mach_vm_inherit(SELF, heap, (uintptr_t)memory + SIZE - heap, VM_INHERIT_SHARE) == KERN_SUCCESS);
    CHECK(is_filled((uintptr_t)memory, SIZE, 'h'));
    return 0;
}

/* The heap, where the layer's own table is too, in parts of different rules: it is held while it is converted. */
static void the_heap_in_parts(void **state)
{
    uint64_t start = heap_start();

    (void)state;
    if (start == 0)
        skip();
    assert_int_equal(child_run(share_the_heap, (void *)(uintptr_t)start), 0);
}

/* Malloc finds what it wrote itself, or ends this process. */
static int use_malloc(void *unused)
{
    enum { BLOCKS = 400 };
    static void *blocks[BLOCKS];

    (void)unused;
    alarm(30 * TEST_SLOWNESS);
    for (size_t round = 1; round <= 8; round++) {
        for (size_t i = 0; i < BLOCKS; i++) {
            blocks[i] = malloc(round * 24 + i * 16);
            CHECK(blocks[i] != NULL);
            memset(blocks[i], (int)i, round * 24 + i * 16);
        }
        for (size_t i = 0; i < BLOCKS; i++)
            free(blocks[i * 7 % BLOCKS]);
    }
    return 0;
}

static int fork_with_a_shared_heap(void *start)
{
    enum { FORKS = 20 };
    void *blocks[FORKS];
    uint64_t heap = (uintptr_t)start;

    alarm(30 * TEST_SLOWNESS);
    CHECK(use_malloc(NULL) == 0);
    blocks[0] = malloc(100000);
    if ((uintptr_t)blocks[0] < heap || (uintptr_t)blocks[0] - heap > UINT64_C(1) << 26)
        return 0; /* a malloc of another kind, as sanitizers have */
    free(blocks[0]);
    CHECK(mach_vm_inherit(SELF, heap, (uintptr_t)sbrk(0) - heap, VM_INHERIT_SHARE) == KERN_SUCCESS);
    CHECK(mach_vm_inherit(SELF, heap, (uintptr_t)sbrk(0) - heap, VM_INHERIT_COPY) == KERN_SUCCESS);
    for (int i = 0; i < FORKS; i++) {
        CHECK(allocate(1) != 0); /* a longer table */
        blocks[i] = malloc((size_t)(i + 1) * 1000);
        CHECK(child_run(use_malloc, NULL) == 0);
    }
    for (int i = 0; i < FORKS; i++)
        free(blocks[i]);
    return use_malloc(NULL);
}

/*
 * Malloc's memory, made shared, and still inherited as a copy: the child's is of one moment, though the fork's own work
 * comes before and after it.
 */
static void the_heap_shared_and_copied(void **state)
{
    uint64_t start = heap_start();

    (void)state;
    if (start == 0)
        skip();
    assert_int_equal(child_run(fork_with_a_shared_heap, (void *)(uintptr_t)start), 0);
}

/*
 * A thread's stack, and whether its body failed. Its lowest page is far below where the body runs, even when the thread's
 * own variables take most of what is above, as gcc's ThreadSanitizer has it.
 */
struct stack {
    uint64_t lowest;
    bool failed;
};

static void *share_own_stack(void *of)
{
    struct stack *stack = of;
    uint64_t here = (uintptr_t)__builtin_frame_address(0) & ~(PAGE - 1), covered, address = 0;
    vm_prot_t current, max;
    mach_port_t entry;

    alarm(30 * TEST_SLOWNESS); /* what fails here is a deadlock, or worse */
    CHECK(set_inherit(here, 1, VM_INHERIT_SHARE) == KERN_FAILURE);
    for (uint64_t below = PAGE; below <= 32768; below += PAGE)
        CHECK(set_inherit(here - below, 1, VM_INHERIT_SHARE) == KERN_FAILURE);
    CHECK(make_entry(here - PAGE, PAGE, RW, MACH_PORT_NULL, &entry, &covered) == KERN_FAILURE);
    CHECK(mach_vm_remap(SELF, &address, PAGE, 0, VM_FLAGS_ANYWHERE, SELF, here - PAGE, FALSE, &current, &max, 0) ==
          KERN_FAILURE);
    CHECK(set_inherit(stack->lowest, 1, VM_INHERIT_SHARE) == KERN_SUCCESS);
    stack->failed = false;
    return NULL;
}

static void *copy_own_stack(void *of)
{
    struct stack *stack = of;
    uint64_t here = (uintptr_t)__builtin_frame_address(0) & ~(PAGE - 1);

    alarm(30 * TEST_SLOWNESS);
    CHECK(protect(here, 1, RW | VM_PROT_COPY) == KERN_FAILURE);
    CHECK(protect(here - PAGE, 1, RW | VM_PROT_COPY) == KERN_FAILURE);
    CHECK(protect(stack->lowest, 1, RW | VM_PROT_COPY) == KERN_SUCCESS);
    stack->failed = false;
    return NULL;
}

/* A thread on a stack of private, or shared, memory. */
static int on_a_stack(int flags, void *(*body)(void *of))
{
    enum { STACK = 4194304 };
    void *memory = mmap(NULL, STACK, PROT_READ | PROT_WRITE, flags | MAP_ANONYMOUS, -1, 0);
    struct stack stack = {(uintptr_t)memory, true};
    pthread_attr_t attributes;
    pthread_t thread;

    CHECK(memory != MAP_FAILED && pthread_attr_init(&attributes) == 0);
    CHECK(pthread_attr_setstack(&attributes, memory, STACK) == 0);
    CHECK(pthread_create(&thread, &attributes, body, &stack) == 0);
    CHECK(pthread_join(thread, NULL) == 0);
    return stack.failed;
}

static int on_a_private_stack(void *unused)
{
    (void)unused;
    return on_a_stack(MAP_PRIVATE, share_own_stack);
}

static int on_a_shared_stack(void *unused)
{
    (void)unused;
    return on_a_stack(MAP_SHARED, copy_own_stack);
}

static int share_own_errno(void *unused)
{
    (void)unused;
    alarm(30 * TEST_SLOWNESS);
    CHECK(set_inherit((uintptr_t)&errno & ~(PAGE - 1), 1, VM_INHERIT_SHARE) == KERN_FAILURE);
    CHECK(set_inherit((uintptr_t)pthread_self() & ~(PAGE - 1), 1, VM_INHERIT_SHARE) == KERN_FAILURE);
    return 0;
}

static _Alignas(65536) unsigned char program_data[65536] = {1};
static _Alignas(65536) unsigned char program_zeroes[65536];

static int share_layers_variables(void *unused)
{
    const uint64_t variables[] = {(uintptr_t)&mach_task_self_, (uintptr_t)&vm_page_size};

    (void)unused;
    alarm(30 * TEST_SLOWNESS);
    for (int i = 0; i < 2; i++)
        CHECK(set_inherit(variables[i] & ~(PAGE - 1), 1, VM_INHERIT_SHARE) == KERN_FAILURE);
    CHECK(mach_vm_inherit(SELF, (uintptr_t)program_data, sizeof program_data, VM_INHERIT_SHARE) == KERN_SUCCESS);
    CHECK(mach_vm_inherit(SELF, (uintptr_t)program_zeroes, sizeof program_zeroes, VM_INHERIT_SHARE) == KERN_SUCCESS);
    return child_run(use_malloc, NULL);
}

/* Linked statically, the layer's variables are among the program's: these can be shared, and those not. */
static void the_layers_own_variables(void **state)
{
    (void)state;
    assert_int_equal(child_run(share_layers_variables, NULL), 0);
}

/* What the calling thread writes to while it works is not taken from under it. */
static void what_the_caller_stands_on(void **state)
{
    (void)state;
    assert_int_equal(child_run(on_a_private_stack, NULL), 0);
    assert_int_equal(child_run(on_a_shared_stack, NULL), 0);
    assert_int_equal(child_run(share_own_errno, NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_heap_in_parts),
        cmocka_unit_test(the_heap_shared_and_copied),
        cmocka_unit_test(what_the_caller_stands_on),
        cmocka_unit_test(the_layers_own_variables),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
