/*
 * Cells for objects: type-stable, recycled, never given back.
 *
 * Cells come in chunks, a chunk once made stays. Free cells form a stack whose top word carries a tag that every pop and
 * push moves on, so that a pop which slept through others' pops and pushes fails (ABA). The links are words of their own, beside the
 * cells: a pop may read the link of a cell that somebody else has just taken, and that must not be a cell's body.
 *
 * Words: `references` is counted by everybody; a drop releases and the last one acquires what all holders did [object-drop]. `ops`
 * is stored by whoever takes or frees the cell. `published` is set by the space when an object enters it and cleared when the
 * cell is freed; both happen inside the gate, so that at fork it tells exactly which cells hold descriptors that the
 * child has to close.
 */
#include "object.h"
#include "fork.h"
#include "gate.h"
#include "object_cells.h"

#include <errno.h>
#include <pthread.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

enum { CHUNK_CELLS = 64, CHUNKS = 4096, CHUNK_ALIGN = 32768 };

struct cell {
    struct mach_object object;
    unsigned char body[OBJECT_CELL - sizeof(struct mach_object)];
};
_Static_assert(sizeof(struct cell) == OBJECT_CELL, "a cell is OBJECT_CELL bytes");

/* Aligned to CHUNK_ALIGN, so that a cell's address leads to its chunk. */
struct chunk {
    _Alignas(64) struct cell cells[CHUNK_CELLS];
    uint32_t first;                     /* number of cells[0] */
    _Atomic uint32_t next[CHUNK_CELLS]; /* cell number + 1; 0: the last */
    _Atomic bool published[CHUNK_CELLS];
};
_Static_assert(sizeof(struct chunk) <= CHUNK_ALIGN, "a chunk lies within its alignment");

static _Atomic(struct chunk *) chunks[CHUNKS];
static _Atomic uint64_t free_top; /* tag << 32 | cell number + 1 */
static pthread_mutex_t growing = PTHREAD_MUTEX_INITIALIZER;
static uint32_t chunk_count; /* under `growing` */

static struct chunk *chunk_at(uint32_t number)
{
    return atomic_load_explicit(&chunks[number / CHUNK_CELLS], memory_order_acquire); /* chunk-made */
}

static struct chunk *chunk_of(const struct mach_object *object)
{
    return (struct chunk *)((uintptr_t)object & ~(uintptr_t)(CHUNK_ALIGN - 1));
}

static uint32_t index_of(const struct chunk *chunk, const struct mach_object *object)
{
    return (uint32_t)((const struct cell *)object - chunk->cells);
}

static void push(struct chunk *chunk, uint32_t number)
{
    uint64_t top = atomic_load_explicit(&free_top, memory_order_relaxed);
    do
        atomic_store_explicit(&chunk->next[number % CHUNK_CELLS], (uint32_t)top, memory_order_relaxed);
    while (!atomic_compare_exchange_weak_explicit(&free_top, &top, ((top >> 32) + 1) << 32 | (number + 1),
                                                  memory_order_release, /* cell-free */
                                                  memory_order_relaxed));
}

static struct cell *pop(void)
{
    uint64_t top = atomic_load_explicit(&free_top, memory_order_acquire); /* cell-free */
    for (;;) {
        uint32_t number = (uint32_t)top;
        if (number == 0)
            return NULL;
        number--;
        struct chunk *chunk = chunk_at(number);
        uint32_t next = atomic_load_explicit(&chunk->next[number % CHUNK_CELLS], memory_order_relaxed);
        if (atomic_compare_exchange_weak_explicit(&free_top, &top, ((top >> 32) + 1) << 32 | next,
                                                  memory_order_acquire, /* cell-free */
                                                  memory_order_acquire))
            return &chunk->cells[number % CHUNK_CELLS];
    }
}

static bool grow(void)
{
    bool grown = false;

    mach_layer_init(); /* before there is anything to close in a child */
    pthread_mutex_lock(&growing);
    if ((uint32_t)atomic_load_explicit(&free_top, memory_order_relaxed) != 0) {
        grown = true; /* by somebody else */
    } else if (chunk_count < CHUNKS) {
        struct chunk *chunk = aligned_alloc(CHUNK_ALIGN, CHUNK_ALIGN);
        if (chunk) {
            memset(chunk, 0, sizeof(*chunk));
            chunk->first = chunk_count * CHUNK_CELLS;
            atomic_store_explicit(&chunks[chunk_count++], chunk, memory_order_release); /* chunk-made */
            for (uint32_t i = CHUNK_CELLS; i-- > 0;)
                push(chunk, chunk->first + i);
            grown = true;
        }
    }
    pthread_mutex_unlock(&growing);
    return grown;
}

struct mach_object *object_alloc(const struct object_ops *ops, struct object_id id)
{
    struct cell *cell;

    gate_enter();
    while (!(cell = pop()))
        if (!grow())
            break;
    gate_leave();
    if (!cell)
        return NULL;
    memset(cell->body, 0, sizeof(cell->body));
    cell->object.id = id;
    atomic_store_explicit(&cell->object.ops, ops, memory_order_relaxed);
    atomic_store_explicit(&cell->object.references, 1, memory_order_release); /* object-born */
    return &cell->object;
}

bool object_hold(struct mach_object *object)
{
    uint32_t count = atomic_load_explicit(&object->references, memory_order_relaxed);
    while (count != 0)
        if (atomic_compare_exchange_weak_explicit(&object->references, &count, count + 1,
                                                  memory_order_acquire, /* object-born */
                                                  memory_order_relaxed))
            return true;
    return false;
}

static void recycle(struct mach_object *object)
{
    struct chunk *chunk = chunk_of(object);
    uint32_t index = index_of(chunk, object);

    atomic_store_explicit(&object->ops, NULL, memory_order_relaxed);
    atomic_store_explicit(&chunk->published[index], false, memory_order_relaxed);
    push(chunk, chunk->first + index);
}

void object_drop(struct mach_object *object)
{
    if (atomic_fetch_sub_explicit(&object->references, 1, memory_order_acq_rel) != 1) /* object-drop */
        return;
    gate_enter();
    atomic_load_explicit(&object->ops, memory_order_relaxed)->destroy(object);
    recycle(object);
    gate_leave();
}

void object_publish(struct mach_object *object)
{
    struct chunk *chunk = chunk_of(object);
    atomic_store_explicit(&chunk->published[index_of(chunk, object)], true, memory_order_relaxed);
}

void object_fork_child(void)
{
    for (uint32_t i = 0; i < chunk_count; i++) {
        struct chunk *chunk = atomic_load_explicit(&chunks[i], memory_order_relaxed);
        for (uint32_t j = 0; j < CHUNK_CELLS; j++) {
            struct mach_object *object = &chunk->cells[j].object;
            if (!atomic_load_explicit(&chunk->published[j], memory_order_relaxed))
                continue;
            atomic_load_explicit(&object->ops, memory_order_relaxed)->forked(object);
            atomic_store_explicit(&object->references, 0, memory_order_relaxed);
            recycle(object);
        }
    }
}

bool object_never_packed(struct mach_object *object, struct wire_right *right, int fds[WIRE_FDS])
{
    (void)object;
    (void)right;
    (void)fds;
    return false;
}

struct object_id object_id_new(void)
{
    struct object_id id;
    int saved = errno;

    /* 16 bytes come whole or not at all; without the call (a seccomp filter) time, place and pid have to do. */
    if (getrandom(&id, sizeof(id), 0) != (ssize_t)sizeof(id)) {
        static _Atomic uint64_t serial;
        struct timespec now;
        clock_gettime(CLOCK_MONOTONIC, &now);
        id.word[0] = (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
        id.word[1] = ((uint64_t)getpid() << 32) + atomic_fetch_add_explicit(&serial, 1, memory_order_relaxed);
    }
    errno = saved;
    return id;
}
