#include "yard.h"

#include "core/start.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { GUARD = 16384 };

static void *map(size_t size, int protection, int flags, int descriptor, void *at)
{
    void *memory = mmap(at, size, protection, flags, descriptor, 0);

    EXPECT(memory != MAP_FAILED);
    return memory;
}

static unsigned char *map_data(void)
{
    FILE *file = tmpfile();
    unsigned char *memory;

    EXPECT(file != NULL && ftruncate(fileno(file), YARD_CAPACITY) == 0);
    memory = map(2 * YARD_CAPACITY + 2 * GUARD, PROT_NONE, MAP_PRIVATE | MAP_ANON, -1, NULL);
    memory += GUARD;
    (void)map(YARD_CAPACITY, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fileno(file), memory);
    (void)map(YARD_CAPACITY, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fileno(file), memory + YARD_CAPACITY);
    (void)fclose(file);
    return memory;
}

static void *allocate(size_t size)
{
    void *memory = aligned_alloc(LAYOUT_LINE, size);

    EXPECT(memory != NULL);
    return memory;
}

static void make(struct yard *yard)
{
    yard->ring.page = allocate(sizeof(struct producer_page));
    yard->ring.doorbell = allocate(sizeof(struct doorbell_page));
    yard->ring.data = map_data();
    yard->ring.capacity = YARD_CAPACITY;
    yard->ring.mask = YARD_CAPACITY - 1;
    yard->ring.attempts_max = 3;
    for (uint32_t index = 0; index < YARD_GROUPS; index++) {
        struct group_view *group = &yard->group[index];

        group->index = index;
        group->incarnation = index + 1;
        group->page = allocate(sizeof(*group->page));
        group->aside = allocate(sizeof(*group->aside));
        group->aside_size = layout_aside_size(YARD_CAPACITY);
        group->aside_bytes = allocate(group->aside_size);
    }
}

static void clear_group(struct group_view *group, uint32_t choices)
{
    group->members = (choices & 1) != 0 ? YARD_MEMBERS : 1;
    group->terms.kind = (choices & 2) != 0 ? GROUP_PASSING : GROUP_DECLARED;
    group->line = allocate(group->members * sizeof(struct member_line));
    memset(group->page, 0, sizeof(*group->page));
    memset(group->line, 0, group->members * sizeof(struct member_line));
    memset(group->aside, 0, sizeof(*group->aside));
    memset(group->aside_bytes, 0, group->aside_size);
    group_format(group, 0);
}

struct yard *yard_begin(struct script *script)
{
    static struct yard yard;
    uint32_t choices = script_below(script, 32);

    if (yard.ring.data == NULL)
        make(&yard);
    yard.ring.alignment = (choices & 1) != 0 ? 64 : 8;
    yard.dead = 0;
    memset(yard.ring.page, 0, sizeof(*yard.ring.page));
    memset(yard.ring.doorbell, 0, sizeof(*yard.ring.doorbell));
    memset(yard.ring.data, 0, YARD_CAPACITY);
    for (uint32_t index = 0; index < YARD_GROUPS; index++)
        clear_group(&yard.group[index], choices >> (1 + 2 * index));
    return &yard;
}

void yard_end(struct yard *yard)
{
    for (uint32_t index = 0; index < YARD_GROUPS; index++)
        free(yard->group[index].line);
}

bool yard_alive(void *yard, uint64_t number)
{
    return number != 0 && number < YARD_LIVES && (((const struct yard *)yard)->dead >> number & 1) == 0;
}

struct group_view *yard_group_of(struct yard *yard, unsigned player)
{
    return &yard->group[player % YARD_GROUPS];
}

static uint64_t life_of(unsigned player)
{
    return player + 1;
}

int yard_sit(struct yard *yard, unsigned player, bool *anew)
{
    const struct group_view *group = yard_group_of(yard, player);
    int line;

    yard->dead &= ~(UINT64_C(1) << life_of(player));
    *anew = group->terms.kind == GROUP_PASSING && !group_has_members(group);
    line = group_occupy(group, life_of(player), yard_alive, yard);
    if (line >= 0 && *anew)
        (void)start_place(&yard->ring, group, (uint32_t)line, &(struct start_wish){.from = START_NOW}, NULL);
    return line;
}

int yard_enter(struct yard *yard, unsigned player, uint32_t line, struct consumer_core *core)
{
    const struct group_view *group = yard_group_of(yard, player);
    const struct judge judge = {yard_alive, yard, life_of(player)};
    int code = group_enter(core, &yard->ring, group, line, &judge);

    if (code != 0)
        group_give_back(group, line, core->owner, judge.life);
    return code;
}

void yard_kill(struct yard *yard, unsigned player)
{
    yard->dead |= UINT64_C(1) << life_of(player);
}

void yard_rescan(struct yard *yard, struct producer_core *producer, struct gate_watch *watch, uint64_t *cut_off)
{
    const uint64_t tail = producer_core_tail(producer);
    uint64_t gate = tail;
    bool awaits = false;

    for (uint32_t index = 0; index < YARD_GROUPS; index++) {
        uint64_t of_group;

        if ((*cut_off >> index & 1) != 0)
            continue;
        of_group = gate_look(&yard->ring, &yard->group[index], producer->gate, tail, &watch[index]);
        awaits |= of_group <= tail;
        if (of_group == GATE_BROKEN)
            *cut_off |= UINT64_C(1) << index;
        else if (of_group < gate)
            gate = of_group;
    }
    producer_core_advance(producer, gate);
    owned_followed(&producer->owned, awaits ? tail - producer->gate : OWNED_NOBODY);
}

void yard_fill(void *where, uint32_t length, uint32_t number)
{
    unsigned char *data = where;

    for (uint32_t at = 0; at < length; at++)
        data[at] = (unsigned char)(number * 31 + at);
}

bool yard_is(const void *data, uint32_t length, uint32_t number)
{
    const unsigned char *bytes = data;

    for (uint32_t at = 0; at < length; at++)
        if (bytes[at] != (unsigned char)(number * 31 + at))
            return false;
    return true;
}

void yard_read(const struct yard *yard, const struct record *record)
{
    const unsigned char *data = record->data;
    uint32_t length = record_length(record->header);
    static volatile unsigned char sink;

    EXPECT(data > yard->ring.data && length <= view_message_max(&yard->ring));
    EXPECT(data + length <= yard->ring.data + 2 * YARD_CAPACITY);
    for (uint32_t at = 0; at < length; at++)
        sink = (unsigned char)(sink ^ data[at]);
}
