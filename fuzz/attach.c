/*
 * Arbitrary bytes as a ring: whoever attaches is refused with a reason, or stays inside what was mapped, and gives everything back.
 *
 * The entries are Mach's own, of sizes that the input chooses, and filled by it: a header that is a good one but for what the input changes in
 * it, or nothing but the input; words anywhere in the ring entry, the doorbell and a group's entry. Then a consumer attaches as mring_open and
 * mring_join make it: header, mapping, group, place, messages; somebody looks at all of it without a right to write; a producer
 * goes on behind the tail.
 */
#include "core/aside.h"
#include "core/group.h"
#include "core/lone.h"
#include "core/producer.h"
#include "core/recover.h"
#include "core/shared.h"
#include "core/snapshot.h"
#include "region/entry.h"
#include "region/region.h"
#include "script.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { PAGES_MOST = 8, PATCHES = 200, STEPS = 100, LIFE = 5 };

/* A mapping of an entry, to fill it by. */
struct sheet {
    mem_entry_name_port_t entry;
    mach_vm_address_t at;
    uint64_t size;
};

enum { OF_RING, OF_GROUP, OF_DOORBELL, ENTRIES };

/* One of each size and use, made when first asked for; zeroes each time. */
static struct sheet sheet_of(unsigned use, uint64_t pages)
{
    static struct sheet sheets[ENTRIES][PAGES_MOST + 1];
    struct sheet *sheet = &sheets[use][pages];

    if (sheet->size == 0) {
        sheet->size = pages * LAYOUT_PAGE;
        EXPECT(entry_make(&sheet->entry, sheet->size, "fuzzed", NULL) == 0);
        EXPECT(entry_map_anywhere(sheet->entry, 0, sheet->size, VM_PROT_READ | VM_PROT_WRITE, &sheet->at, "fuzzed",
                                  NULL) == 0);
    }
    memset((void *)sheet->at, 0, sheet->size);
    return *sheet;
}

static void write_word(const struct sheet *sheet, uint64_t offset, uint64_t value)
{
    memcpy((unsigned char *)sheet->at + offset % (sheet->size - sizeof(value) + 1), &value, sizeof(value));
}

static void write_header(const struct sheet *ring, struct script *script)
{
    struct ring_header header = {.magic = LAYOUT_MAGIC,
                                 .version = LAYOUT_VERSION,
                                 .header_size = sizeof(header),
                                 .identity = {1, 2},
                                 .capacity = ring->size - RING_DATA_OFFSET,
                                 .data_offset = RING_DATA_OFFSET,
                                 .ring_size = ring->size,
                                 .alignment = script_below(script, 2) != 0 ? 64 : 8,
                                 .members_default = 16,
                                 .attempts_max = 3};

    memcpy((void *)ring->at, &header, sizeof(header));
    if (script_below(script, 2) == 0)
        return;
    for (uint32_t left = script_below(script, 4); left > 0; left--)
        write_word(ring, script_below(script, 80), script_word(script, ring->size));
}

/* Words of the producer page, record headers, words of the group, of its members, of what it set aside, or bytes anywhere. */
static void patch(const struct sheet *ring, const struct sheet *group, struct script *script)
{
    static const uint16_t of_page[] = {offsetof(struct producer_page, tail),    offsetof(struct producer_page, epoch),
                                       offsetof(struct producer_page, ended),   offsetof(struct producer_page, groups),
                                       offsetof(struct producer_page, cut_off), offsetof(struct producer_page, intent),
                                       offsetof(struct producer_page, landmark)};
    const struct sheet *sheet;
    uint64_t offset = script_take(script, 2);

    switch (script_below(script, 6)) {
    case 0:
        offset = RING_PRODUCER_OFFSET + of_page[offset % (sizeof(of_page) / sizeof(*of_page))];
        write_word(ring, offset, script_word(script, 4096));
        break;
    case 1:
        write_word(ring, RING_DATA_OFFSET + offset * 8, record_header(script_below(script, 300), (uint32_t)offset));
        break;
    case 2:
        write_word(group, offset % 0x210, script_word(script, 4096));
        break;
    case 3:
        write_word(group, GROUP_MEMBERS_OFFSET + offset % 0x300, script_word(script, 4096));
        break;
    case 4:
        write_word(group, layout_aside_offset(1) + offset % 0x100, script_word(script, 4096));
        break;
    default: /* a run of words, as a real ring is dumped by seeds.c */
        sheet = script_below(script, 2) != 0 ? group : ring;
        for (uint32_t count = 1 + script_below(script, 8); count > 0; count--, offset++)
            write_word(sheet, offset * 8, script_take(script, 8));
    }
}

static bool nobody_lives(void *context, uint64_t number)
{
    (void)context;
    return number == LIFE;
}

static void read_payload(const struct record *record)
{
    const unsigned char *data = record->data;
    static volatile unsigned char sink;

    for (uint32_t at = 0; at < record_length(record->header); at += 64)
        sink = (unsigned char)(sink ^ data[at]);
}

static bool take(struct consumer_core *consumer, struct record *record)
{
    if (consumer->group.members == 1)
        return lone_next(consumer, record) == 1;
    return consumer_core_take(consumer, record) ||
           (shared_claim(consumer) == 1 && consumer_core_take(consumer, record));
}

static void consume(const struct ring_view *ring, const struct group_view *group)
{
    static unsigned char buffer[PAGES_MOST * LAYOUT_PAGE];
    const struct judge judge = {nobody_lives, NULL, LIFE};
    struct consumer_core consumer;
    struct aside_message message;
    struct record record = {0, 0, NULL};
    int line = group_occupy(group, LIFE, nobody_lives, NULL);

    if (line < 0)
        return;
    EXPECT((uint32_t)line < group->members);
    if (group_enter(&consumer, ring, group, (uint32_t)line, &judge) != 0) {
        EXPECT(consumer.trouble.kind != TROUBLE_NONE);
        group_give_back(group, (uint32_t)line, consumer.owner, LIFE);
        return;
    }
    for (int left = STEPS; left > 0 && take(&consumer, &record); left--) {
        read_payload(&record);
        shared_release(&consumer, consumer.position);
        (void)consumer_core_ended(&consumer, consumer.position);
        (void)consumer_core_cut_off(&consumer);
    }
    (void)aside_take(group, &judge, buffer, sizeof(buffer), &message);
    (void)recover_dead(group, &judge, NULL);
    group_leave(&consumer);
}

/* Whoever looks without writing: a tool, or the producer at its gate. */
static void observe(const struct ring_view *ring, const struct group_view *group)
{
    uint64_t tail = word_load(&ring->page->tail);
    struct gate_watch watch = {0};
    uint64_t gate = gate_look(ring, group, 0, tail, &watch);

    EXPECT(gate == GATE_NONE || gate <= tail || (gate == GATE_BROKEN && watch.trouble.kind != TROUBLE_NONE));
    (void)group_has_members(group);
    (void)group_lives(group, nobody_lives, NULL);
    (void)aside_count(group);
}

/* Whoever counts. What is known lies within the stream; what is not, is said to be that. */
static void count(const struct ring_view *ring, const struct group_view *group)
{
    struct sight sight = {.ring = *ring, .group = {group}};
    struct snapshot *snapshot = malloc(snapshot_size(&sight)), *other = malloc(snapshot_size(&sight));
    struct measures measures;

    EXPECT(snapshot != NULL && other != NULL);
    EXPECT(snapshot_take(&sight, snapshot, other)); /* nobody writes there */
    EXPECT(snapshot_measure(&sight, snapshot, &measures));
    EXPECT((measures.known & ~UINT64_C(1)) == 0);
    EXPECT(measures.published.position >= snapshot->ring.tail);
    EXPECT(measures.known == 0 || measures.group[0].position <= measures.published.position);
    free(snapshot);
    free(other);
}

static void produce(const struct ring_view *ring)
{
    struct producer_core producer;
    struct place place;

    if (producer_core_start(&producer, ring) != 0)
        return;
    EXPECT(producer.position == word_load(&ring->page->tail) && producer.position % ring->alignment == 0);
    place = producer_core_place(&producer, (uint32_t)view_message_max(ring));
    if (!producer_core_finds_room(&producer, place.next))
        return;
    memset(place_payload(place), 1, view_message_max(ring));
    (void)producer_core_send(&producer, place, (uint32_t)view_message_max(ring), 1);
}

static void join(const struct region *region, const struct sheet *sheet, uint32_t members, bool writable)
{
    struct region_group group;
    int code;

    EXPECT(region_share(sheet->entry) == KERN_SUCCESS);
    code = region_group_open(&group, sheet->entry, region->view.capacity, members, NULL);
    EXPECT(code == 0 || code == -EPROTO);
    if (code != 0)
        return;
    group.view.terms.kind = (members & 4) != 0 ? GROUP_PASSING : GROUP_DECLARED;
    group.view.incarnation = 1;
    observe(&region->view, &group.view);
    count(&region->view, &group.view);
    consume(&region->view, &group.view);
    if (writable)
        produce(&region->view);
    region_group_close(&group);
}

/* The right that is handed over is used up, also on failure: a copy, as the sheet's own is needed again. */
static mem_entry_name_port_t copy(const struct sheet *sheet)
{
    EXPECT(region_share(sheet->entry) == KERN_SUCCESS);
    return sheet->entry;
}

static void attach(const struct sheet *ring, const struct sheet *group, const struct sheet *doorbell,
                   struct script *script)
{
    struct mring_error error = MRING_ERROR_INIT;
    uint32_t choices = script_below(script, 16);
    bool writable = (choices & 1) != 0;
    mem_entry_name_port_t entry = ring->entry;
    mem_entry_name_port_t bell = (choices & 14) != 0 ? copy(doorbell) : MACH_PORT_NULL;
    struct region region;
    int code;

    if (writable)
        EXPECT(copy(ring) == entry);
    else
        EXPECT(entry_narrow(&entry, ring->entry, ring->size, "fuzzed", NULL) == 0);
    code = region_open(&region, entry, writable, bell, &error);
    EXPECT(code == 0 || (code == -EPROTO && error.code == code && error.text[0] != '\0'));
    if (code != 0)
        return;
    EXPECT(region.mapped <= ring->size + region.view.capacity && region.view.mask == region.view.capacity - 1);
    join(&region, group, 1 + script_below(script, 8), writable);
    region_close(&region);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct script script = {bytes, size};
    struct sheet ring = sheet_of(OF_RING, script_below(&script, 4) != 0 ? 4 : 1 + script_below(&script, PAGES_MOST));
    struct sheet group = sheet_of(OF_GROUP, script_below(&script, 4) != 0 ? 4 : 1 + script_below(&script, PAGES_MOST));
    struct sheet doorbell = sheet_of(OF_DOORBELL, 1);

    if (script_below(&script, 16) != 15)
        write_header(&ring, &script);
    for (int left = PATCHES; left > 0 && script.left > 16; left--)
        patch(&ring, &group, &script);
    attach(&ring, &group, &doorbell, &script);
    return 0;
}
