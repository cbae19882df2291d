/*
 * The ring's own entry, its doorbell and its life entry.
 *
 * The mapping.  base                                   base + ring_size            base + ring_size + capacity
 *                | header | producer | directory | data | data again                |
 * The whole range is reserved first, by one mapping that cannot be touched; then the two pieces are put over it. So nothing else
 * can slip in between them, whatever other threads map meanwhile, and one deallocation undoes any part of it.
 *
 * Opening. The header comes from a peer. One page is mapped first, its words are copied out once, each is bounded, and only the
 * copies are used from then on. That the entry is as long as its header says is checked by mapping it to the end, which
 * fails past the end of an entry (Mach 2.8).
 */
#include "region/region.h"

#include "api/failure.h"
#include "region/entry.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

/* What a header is believed to say, after it was bounded. */
struct facts {
    uint64_t identity[2];
    uint64_t capacity;
    uint32_t alignment;
    uint32_t members_default;
    uint32_t attempts_max;
    enum mring_access access;
    enum mring_access produce;
    uint32_t strict;
    char name[LAYOUT_NAME];
};

static uint64_t ring_size(uint64_t capacity)
{
    return RING_DATA_OFFSET + capacity;
}

static bool capacity_valid(uint64_t capacity)
{
    return capacity >= LAYOUT_CAPACITY_MIN && capacity <= LAYOUT_CAPACITY_MAX && (capacity & (capacity - 1)) == 0;
}

static bool alignment_valid(uint32_t alignment)
{
    return alignment == 8 || alignment == 64;
}

static bool members_valid(uint32_t members)
{
    return members >= 1 && members <= LAYOUT_MEMBERS;
}

static bool access_valid(enum mring_access access, enum mring_access produce)
{
    return access <= MRING_EVERYONE && produce <= access;
}

/* Map a ring entry, the data twice, and fill in the view. Undone by unmap_ring. */
static int map_ring(struct region *region, mem_entry_name_port_t entry, bool writable, const struct facts *facts,
                    struct mring_error *error)
{
    uint64_t size = ring_size(facts->capacity);
    vm_prot_t protection = writable ? VM_PROT_READ | VM_PROT_WRITE : VM_PROT_READ;
    mach_vm_address_t base = 0;
    int result = entry_reserve(size + facts->capacity, &base, "ring", error);

    if (result != 0)
        return result;
    result = entry_map_over(entry, 0, size, protection, base, "ring", error);
    if (result == 0)
        result = entry_map_over(entry, RING_DATA_OFFSET, facts->capacity, protection, base + size, "ring", error);
    if (result != 0) {
        entry_unmap(base, size + facts->capacity);
        return result;
    }
    region->base = base;
    region->mapped = size + facts->capacity;
    region->writable = writable;
    region->view.page = (struct producer_page *)(base + RING_PRODUCER_OFFSET);
    region->view.directory = (const struct group_entry *)(base + RING_DIRECTORY_OFFSET);
    region->view.data = (unsigned char *)(base + RING_DATA_OFFSET);
    region->view.capacity = facts->capacity;
    region->view.mask = facts->capacity - 1;
    region->view.alignment = facts->alignment;
    region->view.identity[0] = facts->identity[0];
    region->view.identity[1] = facts->identity[1];
    region->view.members_default = facts->members_default;
    region->view.attempts_max = facts->attempts_max;
    region->strict = facts->strict != 0;
    region->access = facts->access;
    region->produce = facts->produce;
    memcpy(region->name, facts->name, sizeof region->name);
    return 0;
}

static int map_doorbell(struct region *region, vm_prot_t protection, struct mring_error *error)
{
    mach_vm_address_t address = 0;
    int result =
        entry_map_anywhere(region->doorbell, 0, sizeof(struct doorbell_page), protection, &address, "doorbell", error);

    if (result == 0)
        region->view.doorbell = (struct doorbell_page *)address;
    return result;
}

static void write_header(const struct region *region, const struct facts *facts)
{
    struct ring_header *header = (struct ring_header *)region->base;

    header->version = LAYOUT_VERSION;
    header->header_size = sizeof *header;
    header->features = FEATURE_NONE;
    header->identity[0] = facts->identity[0];
    header->identity[1] = facts->identity[1];
    header->capacity = facts->capacity;
    header->data_offset = RING_DATA_OFFSET;
    header->ring_size = ring_size(facts->capacity);
    header->alignment = facts->alignment;
    header->members_default = facts->members_default;
    header->attempts_max = facts->attempts_max;
    header->access = facts->access;
    header->produce = facts->produce;
    header->strict = facts->strict;
    memcpy(header->name, facts->name, sizeof header->name);
    header->magic = LAYOUT_MAGIC;
}

int region_create(struct region *region, const struct region_plan *plan, struct mring_error *error)
{
    struct facts facts = {
        .capacity = plan->capacity,
        .alignment = plan->alignment,
        .members_default = plan->members_default,
        .attempts_max = plan->attempts_max,
        .access = plan->access,
        .produce = plan->produce,
        .strict = plan->strict,
    };
    struct region made = {.ring = MACH_PORT_NULL};
    int result;

    if (plan->name != NULL)
        memcpy(facts.name, plan->name, strnlen(plan->name, sizeof facts.name - 1));

    if (!capacity_valid(plan->capacity) || !alignment_valid(plan->alignment) || !members_valid(plan->members_default) ||
        plan->attempts_max == 0 || plan->attempts_max > TALLY_MOST || !access_valid(plan->access, plan->produce))
        return failure(error, -EINVAL, 0,
                       "a ring of %" PRIu64 " bytes, alignment %" PRIu32 ", %" PRIu32 " members, %" PRIu32 " attempts",
                       plan->capacity, plan->alignment, plan->members_default, plan->attempts_max);
    if (vm_page_size > LAYOUT_PAGE)
        return failure(error, -ENOTSUP, 0,
                       "pages of this system have %zu bytes; what may be written in a ring goes by %d",
                       (size_t)vm_page_size, LAYOUT_PAGE);
    if (getentropy(facts.identity, sizeof facts.identity) != 0)
        return failure(error, -errno, 0, "no random bytes for the ring's identity");

    result = entry_make(&made.ring, ring_size(facts.capacity), "ring", error);
    if (result == 0)
        result = region_narrow(&made.ring_readonly, made.ring, facts.capacity, error);
    if (result == 0)
        result = entry_make(&made.doorbell, sizeof(struct doorbell_page), "doorbell", error);
    if (result == 0)
        result = entry_make(&made.life, LAYOUT_PAGE, "life", error);
    if (result == 0)
        result = map_ring(&made, made.ring, true, &facts, error);
    if (result == 0)
        result = map_doorbell(&made, VM_PROT_READ | VM_PROT_WRITE, error);
    if (result != 0) {
        region_close(&made);
        return result;
    }
    entry_touch_write(made.base, ring_size(facts.capacity));
    entry_touch_read(made.base + ring_size(facts.capacity), facts.capacity);
    entry_touch_write((mach_vm_address_t)made.view.doorbell, sizeof(struct doorbell_page));
    write_header(&made, &facts);
    *region = made;
    return 0;
}

/* Copy the header's words out, once each, and bound them. */
static int read_header(const volatile struct ring_header *header, struct facts *facts, struct mring_error *error)
{
    uint64_t magic = header->magic;
    uint32_t version = header->version;
    uint32_t header_size = header->header_size;
    uint64_t features = header->features;
    uint64_t data_offset = header->data_offset;
    uint64_t size = header->ring_size;

    facts->identity[0] = header->identity[0];
    facts->identity[1] = header->identity[1];
    facts->capacity = header->capacity;
    facts->alignment = header->alignment;
    facts->members_default = header->members_default;
    facts->attempts_max = header->attempts_max;
    facts->access = (enum mring_access)header->access;
    facts->produce = (enum mring_access)header->produce;
    facts->strict = header->strict;
    for (int at = 0; at < LAYOUT_NAME; at++)
        facts->name[at] = header->name[at];

    if (magic != LAYOUT_MAGIC)
        return failure(error, -EPROTO, 0, "this is not a ring: its magic number is %016" PRIx64, magic);
    if (version != LAYOUT_VERSION)
        return failure(error, -EPROTO, 0, "the ring has format version %" PRIu32 ", this library knows version %d",
                       version, LAYOUT_VERSION);
    if (features != FEATURE_NONE)
        return failure(error, -EPROTO, 0, "the ring needs features that this library does not have: %" PRIx64,
                       features);
    if (header_size != sizeof(struct ring_header))
        return failure(error, -EPROTO, 0, "damaged ring: header size %" PRIu32, header_size);
    if (!capacity_valid(facts->capacity))
        return failure(error, -EPROTO, 0, "damaged ring: capacity %" PRIu64, facts->capacity);
    if (data_offset != RING_DATA_OFFSET)
        return failure(error, -EPROTO, 0, "damaged ring: data offset %" PRIu64, data_offset);
    if (size != ring_size(facts->capacity))
        return failure(error, -EPROTO, 0, "damaged ring: size %" PRIu64 " with a capacity of %" PRIu64, size,
                       facts->capacity);
    if (!alignment_valid(facts->alignment))
        return failure(error, -EPROTO, 0, "damaged ring: alignment %" PRIu32, facts->alignment);
    if (!members_valid(facts->members_default))
        return failure(error, -EPROTO, 0, "damaged ring: %" PRIu32 " default members", facts->members_default);
    if (facts->attempts_max == 0 || facts->attempts_max > TALLY_MOST)
        return failure(error, -EPROTO, 0, "damaged ring: %" PRIu32 " attempts", facts->attempts_max);
    if (!access_valid(facts->access, facts->produce))
        return failure(error, -EPROTO, 0, "damaged ring: access %u, produce %u", facts->access, facts->produce);
    if (facts->strict > 1)
        return failure(error, -EPROTO, 0, "damaged ring: strictness %" PRIu32, facts->strict);
    if (memchr(facts->name, '\0', sizeof facts->name) == NULL)
        return failure(error, -EPROTO, 0, "damaged ring: its name has no end");
    return 0;
}

static int open_header(mem_entry_name_port_t entry, struct facts *facts, struct mring_error *error)
{
    mach_vm_address_t address = 0;
    int result = entry_map_anywhere(entry, 0, sizeof(struct ring_header), VM_PROT_READ, &address, "ring", error);

    if (result != 0)
        return result;
    result = read_header((const volatile struct ring_header *)address, facts, error);
    entry_unmap(address, sizeof(struct ring_header));
    return result;
}

/* An entry that ends before what was asked of it is a damaged ring, not a caller's mistake. */
static int damaged(int result, struct mring_error *error)
{
    if (result != -EINVAL)
        return result;
    return failure(error, -EPROTO, 0, "damaged ring: its entry is shorter than its header says");
}

int region_open(struct region *region, mem_entry_name_port_t ring, enum mring_role role, mem_entry_name_port_t doorbell,
                struct mring_error *error)
{
    bool writable = role == MRING_PRODUCE;
    struct region made = {
        .ring = writable ? ring : MACH_PORT_NULL,
        .ring_readonly = writable ? MACH_PORT_NULL : ring,
        .doorbell = doorbell,
    };
    struct facts facts;
    int result = open_header(ring, &facts, error);

    if (result == 0)
        result = map_ring(&made, ring, writable, &facts, error);
    if (result == 0)
        result = map_doorbell(&made, role == MRING_INSPECT ? VM_PROT_READ : VM_PROT_READ | VM_PROT_WRITE, error);
    if (result != 0) {
        region_close(&made);
        return damaged(result, error);
    }
    entry_touch_read(made.base, made.mapped);
    *region = made;
    return 0;
}

uint64_t region_meeting(mem_entry_name_port_t ring)
{
    mach_vm_address_t address = 0;
    uint64_t meeting;

    if (!MACH_PORT_VALID(ring) || entry_map_anywhere(ring, RING_PRODUCER_OFFSET, sizeof(struct producer_page),
                                                     VM_PROT_READ, &address, "ring", NULL) != 0)
        return 0;
    meeting = word_load_acquire(&((const struct producer_page *)address)->meeting); /* [MEETING] */
    entry_unmap(address, sizeof(struct producer_page));
    return meeting;
}

void region_close(struct region *region)
{
    if (region->mapped != 0)
        entry_unmap(region->base, region->mapped);
    if (region->view.doorbell != NULL)
        entry_unmap((mach_vm_address_t)region->view.doorbell, sizeof(struct doorbell_page));
    entry_drop(&region->ring);
    entry_drop(&region->ring_readonly);
    entry_drop(&region->doorbell);
    entry_drop(&region->doorbell_readonly);
    entry_drop(&region->life);
    memset(region, 0, sizeof *region);
}

void region_forked(struct region *region)
{
    region->ring = MACH_PORT_NULL;
    region->ring_readonly = MACH_PORT_NULL;
    region->doorbell = MACH_PORT_NULL;
    region->doorbell_readonly = MACH_PORT_NULL;
    region->life = MACH_PORT_NULL;
}

int region_doorbell_readonly(struct region *region, mem_entry_name_port_t *entry)
{
    int result = 0;

    if (region->doorbell_readonly == MACH_PORT_NULL)
        result =
            entry_narrow(&region->doorbell_readonly, region->doorbell, sizeof(struct doorbell_page), "doorbell", NULL);
    *entry = region->doorbell_readonly;
    return result;
}

int region_lower(struct region *region, struct mring_error *error)
{
    kern_return_t kr = mach_vm_protect(mach_task_self(), region->base, region->mapped, TRUE, VM_PROT_READ);

    if (kr != KERN_SUCCESS)
        return failure(error, failure_code(kr), kr, "cannot make the ring read-only");
    region->writable = false;
    return 0;
}

int region_replace(struct region *region, mem_entry_name_port_t *readonly, struct mring_error *error)
{
    uint64_t size = ring_size(region->view.capacity);
    int result = entry_map_over(*readonly, 0, size, VM_PROT_READ, region->base, "ring", error);

    if (result == 0)
        result = entry_map_over(*readonly, RING_DATA_OFFSET, region->view.capacity, VM_PROT_READ, region->base + size,
                                "ring", error);
    if (result != 0)
        return result;
    region->ring_readonly = *readonly;
    region->writable = false;
    *readonly = MACH_PORT_NULL;
    return 0;
}

int region_narrow(mem_entry_name_port_t *narrow, mem_entry_name_port_t ring, uint64_t capacity,
                  struct mring_error *error)
{
    return entry_narrow(narrow, ring, ring_size(capacity), "ring", error);
}

struct region_desk region_desk_within(const struct region *region)
{
    return (struct region_desk){
        .page = region->view.page,
        .directory = (struct group_entry *)(uintptr_t)(region->base + RING_DIRECTORY_OFFSET),
    };
}

int region_desk_open(struct region_desk *desk, mem_entry_name_port_t ring)
{
    enum { SIZE = RING_DATA_OFFSET - RING_PRODUCER_OFFSET };
    mach_vm_address_t address = 0;
    int result =
        entry_map_anywhere(ring, RING_PRODUCER_OFFSET, SIZE, VM_PROT_READ | VM_PROT_WRITE, &address, "ring", NULL);

    if (result == 0)
        *desk = (struct region_desk){
            .page = (struct producer_page *)address,
            .directory = (struct group_entry *)(address + RING_DIRECTORY_OFFSET - RING_PRODUCER_OFFSET),
            .mapped = SIZE,
        };
    return result;
}

void region_desk_close(struct region_desk *desk)
{
    if (desk->mapped != 0)
        entry_unmap((mach_vm_address_t)desk->page, desk->mapped);
    memset(desk, 0, sizeof *desk);
}

kern_return_t region_share(mem_entry_name_port_t entry)
{
    return mach_port_mod_refs(mach_task_self(), entry, MACH_PORT_RIGHT_SEND, 1);
}
