#include "space_table.h"
#include "space.h"

#include <mach/mach_init.h>
#include <stdlib.h>

enum { CHUNK = 256, CHUNKS = 1024, INDICES = CHUNK * CHUNKS, BUCKETS = 1024 };
enum { FIRST_GENERATION = 3, NEXT_GENERATION = 4, RESTING = 256 }; /* so many wait before one is used again */

static void never_destroyed(struct mach_object *object)
{
    (void)object;
    abort(); /* the static reference was dropped: the counts are wrong */
}

static const struct object_ops task_ops = {
    .kind = OBJECT_TASK, .destroy = never_destroyed, .pack = object_never_packed};
static const struct object_ops bootstrap_ops = {
    .kind = OBJECT_BOOTSTRAP, .destroy = never_destroyed, .pack = object_never_packed};

struct mach_object task_object = {.ops = &task_ops, .references = 1, .id = {{OBJECT_TASK, 0}}};
struct mach_object bootstrap_object = {.ops = &bootstrap_ops, .references = 1, .id = {{OBJECT_BOOTSTRAP, 0}}};

mach_port_t mach_task_self_ = TASK_INDEX << 8 | FIRST_GENERATION;
mach_port_t bootstrap_port = BOOTSTRAP_INDEX << 8 | FIRST_GENERATION;

static struct entry first_chunk[CHUNK] = {
    [TASK_INDEX] = {.key = MACH_PORT_TYPE_SEND | FIRST_GENERATION, .object = &task_object, .references = 1},
    [BOOTSTRAP_INDEX] = {.key = MACH_PORT_TYPE_SEND | FIRST_GENERATION, .object = &bootstrap_object, .references = 1},
};
static _Atomic(struct entry *) chunks[CHUNKS] = {first_chunk};

static uint32_t fresh = FIRST_INDEX; /* the first index never used */
static uint32_t free_head, free_tail, free_count;
static uint32_t buckets[BUCKETS];

struct entry *table_look(uint32_t index)
{
    if (index / CHUNK >= CHUNKS)
        return NULL;
    struct entry *chunk = atomic_load_explicit(&chunks[index / CHUNK], memory_order_acquire); /* entries-made */
    return chunk ? &chunk[index % CHUNK] : NULL;
}

struct entry *table_entry(uint32_t index)
{
    return &atomic_load_explicit(&chunks[index / CHUNK], memory_order_acquire)[index % CHUNK]; /* entries-made */
}

uint32_t table_bound(void)
{
    return fresh;
}

static uint32_t bucket_of(const struct mach_object *object)
{
    return (uint32_t)(((object->id.word[0] ^ object->id.word[1]) * UINT64_C(0x9e3779b97f4a7c15)) >> 54);
}

static bool same_id(const struct mach_object *a, const struct mach_object *b)
{
    return a->id.word[0] == b->id.word[0] && a->id.word[1] == b->id.word[1];
}

struct entry *table_find(mach_port_name_t name)
{
    struct entry *entry = table_look(name >> 8);
    return entry && entry_rights(entry) && (entry_key(entry) & TABLE_GENERATION) == (name & TABLE_GENERATION) ? entry
                                                                                                              : NULL;
}

uint32_t table_find_object(const struct mach_object *object)
{
    if (object == &task_object)
        return TASK_INDEX;
    if (object == &bootstrap_object)
        return BOOTSTRAP_INDEX;
    uint32_t index = buckets[bucket_of(object)];
    while (index != 0 && !same_id(entry_object(table_entry(index)), object))
        index = table_entry(index)->link;
    return index;
}

/* ---- free entries ---- */

static void put_free(uint32_t index)
{
    table_entry(index)->link = 0;
    if (free_tail != 0)
        table_entry(free_tail)->link = index;
    else
        free_head = index;
    free_tail = index;
    free_count++;
}

/* Take what comes after `before` (0: the head) out of the queue. */
static uint32_t take_after(uint32_t before)
{
    uint32_t *link = before != 0 ? &table_entry(before)->link : &free_head;
    uint32_t index = *link;

    if (index != 0) {
        *link = table_entry(index)->link;
        if (free_tail == index)
            free_tail = before;
        free_count--;
    }
    return index;
}

/* One index that was never used; 0: memory or indices are short. */
static uint32_t take_fresh(void)
{
    if (fresh == INDICES)
        return 0;
    if (fresh % CHUNK == 0) {
        struct entry *chunk = calloc(CHUNK, sizeof(*chunk));
        if (!chunk)
            return 0;
        atomic_store_explicit(&chunks[fresh / CHUNK], chunk, memory_order_release); /* entries-made */
    }
    /* The generation before the first. */
    atomic_store_explicit(&table_entry(fresh)->key, TABLE_GENERATION, memory_order_relaxed);
    return fresh++;
}

static uint32_t take_index(void)
{
    uint32_t index = free_count > RESTING ? 0 : take_fresh();
    return index != 0 ? index : take_after(0);
}

/* ---- names ---- */

static bool in_bucket(uint32_t rights)
{
    return (rights & MACH_PORT_TYPE_SEND_RECEIVE) != 0;
}

static void fill(uint32_t index, uint32_t generation, struct mach_object *object, mach_port_type_t right)
{
    struct entry *entry = table_entry(index);

    entry->references = right == MACH_PORT_TYPE_RECEIVE || right == MACH_PORT_TYPE_PORT_SET ? 0 : 1;
    if (in_bucket(right)) {
        uint32_t *bucket = &buckets[bucket_of(object)];
        entry->link = *bucket;
        *bucket = index;
    }
    atomic_store_explicit(&entry->object, object, memory_order_release);          /* name-made */
    atomic_store_explicit(&entry->key, right | generation, memory_order_release); /* name-made */
}

mach_port_name_t table_make(struct mach_object *object, mach_port_type_t right)
{
    uint32_t index = take_index();
    if (index == 0)
        return MACH_PORT_NULL;
    uint32_t generation = (entry_key(table_entry(index)) + NEXT_GENERATION) & TABLE_GENERATION;
    fill(index, generation, object, right);
    return index << 8 | generation;
}

kern_return_t table_choose(mach_port_name_t name, bool *used)
{
    uint32_t index = name >> 8;

    if (index >= INDICES)
        return KERN_NO_SPACE;
    if ((name & FIRST_GENERATION) != FIRST_GENERATION)
        return KERN_INVALID_VALUE;
    if (index == 0)
        return KERN_FAILURE;
    while (fresh <= index) {
        uint32_t more = take_fresh();
        if (more == 0)
            return KERN_RESOURCE_SHORTAGE;
        put_free(more);
    }
    *used = table_find(name) != NULL;
    return *used || !entry_rights(table_entry(index)) ? KERN_SUCCESS : KERN_FAILURE;
}

void table_make_as(mach_port_name_t name, struct mach_object *object, mach_port_type_t right)
{
    uint32_t index = name >> 8, before = 0;

    for (uint32_t at = free_head; at != index; at = table_entry(at)->link)
        before = at;
    take_after(before);
    fill(index, name & TABLE_GENERATION, object, right);
}

struct mach_object *table_unmake(uint32_t index)
{
    struct entry *entry = table_entry(index);
    struct mach_object *object = entry_object(entry);

    if (in_bucket(entry_rights(entry))) {
        uint32_t *link = &buckets[bucket_of(object)];
        while (*link != index)
            link = &table_entry(*link)->link;
        *link = entry->link;
    }
    entry_set_rights(entry, 0);
    atomic_store_explicit(&entry->object, NULL, memory_order_relaxed);
    put_free(index);
    return object;
}

/* Generations move on, so that a number inherited in a variable finds nothing (Mach 5.7) for as long as can be. */
void table_forget(void)
{
    free_head = free_tail = free_count = 0;
    for (uint32_t i = 0; i < BUCKETS; i++)
        buckets[i] = 0;
    for (uint32_t index = FIRST_INDEX; index < fresh; index++) {
        struct entry *entry = table_entry(index);
        entry_set_rights(entry, 0);
        atomic_store_explicit(&entry->object, NULL, memory_order_relaxed);
        entry->references = 0;
        put_free(index);
    }
    table_entry(TASK_INDEX)->references = 1;
    table_entry(BOOTSTRAP_INDEX)->references = 1;
}
