/*
 * The memory entries of a ring: made, mapped, lowered, given back. Everything here stands on Mach's calls alone
 * (mach_make_memory_entry_64, mach_vm_map, mach_vm_protect) and runs unchanged on both systems.
 *
 * Rights. The creator makes each entry read-write. What is handed to a consumer of the ring entry is a second, read-only entry
 * made from the first as `parent`: no mapping of it can ever be made writable. Whoever only looks gets such entries of the doorbell
 * and of groups as well. A forked child that consumes has its inherited
 * mapping lowered for good (region_lower).
 *
 * Mappings are made with VM_INHERIT_SHARE: a forked child has the ring at the same addresses. The ring's data is mapped twice, back
 * to back, so that no record is ever split.
 */
#ifndef MRING_REGION_REGION_H
#define MRING_REGION_REGION_H

#include "core/view.h"
#include "mring.h"

#include <mach/mach.h>
#include <stdbool.h>

struct region_group {
    mem_entry_name_port_t entry;    /* send right, MACH_PORT_NULL when mapped over a fork */
    mem_entry_name_port_t readonly; /* made when first asked for: region_group_readonly */
    struct group_view view;         /* view.page == NULL: not mapped here */
    uint64_t mapped;                /* bytes */
};

struct region {
    mem_entry_name_port_t ring;          /* read-write, in the creator and a producer; else null */
    mem_entry_name_port_t ring_readonly; /* what consumers get */
    mem_entry_name_port_t doorbell;
    mem_entry_name_port_t doorbell_readonly; /* made when first asked for: region_doorbell_readonly */
    mem_entry_name_port_t life;              /* in the creator, to hand out; else null (see member/life.h) */
    mach_vm_address_t base;                  /* of the mapping: header, producer page, directory, data, data again */
    mach_vm_size_t mapped;                   /* bytes of it */
    bool writable;                           /* the ring entry is mapped read-write here */
    bool strict;
    enum mring_access access; /* on whose terms it is served */
    enum mring_access produce;
    char name[LAYOUT_NAME]; /* empty: none */
    struct ring_view view;
};

/* What region_create is asked for: checked and rounded by the caller. */
struct region_plan {
    uint64_t capacity;
    uint32_t alignment;
    uint32_t members_default;
    uint32_t attempts_max;
    enum mring_access access; /* said in the header for those who look; the broker has its own word of it */
    enum mring_access produce;
    bool strict;
    const char *name; /* NULL: none */
};

/*
 * Make the ring entry (header written, everything touched), the doorbell and the life entry, and map them read-write. *size of
 * every Mach call is compared with what was asked. Nothing is left behind on failure. -ENOMEM -EMFILE -EFBIG -ENOSPC.
 */
int region_create(struct region *region, const struct region_plan *plan, struct mring_error *error);

/*
 * Map a ring from received rights (both consumed, also on failure), writable as far as the role goes. Everything read
 * from the header is bounded before use: magic, version, features, sizes against each other and against the entry. -EPROTO for a
 * newer or damaged region, saying which field.
 */
int region_open(struct region *region, mem_entry_name_port_t ring, enum mring_role role, mem_entry_name_port_t doorbell,
                struct mring_error *error);

/*
 * By what number a later broker of a ring can be found, from a right to it that may be anything and stays the caller's. 0: there was none, or
 * it cannot be told.
 */
uint64_t region_meeting(mem_entry_name_port_t ring);

/* Unmap and drop all rights. */
void region_close(struct region *region);

/* In a forked child: forget the names, which are the parent's; mappings stay. */
void region_forked(struct region *region);

/* In a forked child that joins as a consumer: header, producer page, directory and data become read-only for ever. */
int region_lower(struct region *region, struct mring_error *error);

/* The same by a read-only entry of the ring, which is mapped over what there is, and becomes the region's: *readonly is null then. */
int region_replace(struct region *region, mem_entry_name_port_t *readonly, struct mring_error *error);

/*
 * The entry of a group of a ring of this capacity: made and mapped (all lines free, held idle, claim position as given) or mapped from a
 * received right (consumed; `members` from the reply that brought it is bounded against the entry by mapping it). The bytes set aside
 * are the one part that is not touched: there is memory behind them only once a message has been put there.
 */
int region_group_create(struct region_group *group, uint64_t capacity, uint32_t members, uint64_t position,
                        struct mring_error *error);
int region_group_open(struct region_group *group, mem_entry_name_port_t entry, uint64_t capacity, uint32_t members,
                      struct mring_error *error);
/* region_group_open to look only: nothing of it can be written here. */
int region_group_inspect(struct region_group *group, mem_entry_name_port_t entry, uint64_t capacity, uint32_t members,
                         struct mring_error *error);
void region_group_close(struct region_group *group);
/* Give the mapping up, and keep the entry and what it takes to map it again (region_group_map). */
void region_group_unmap(struct region_group *group);
/* The same, but that the mapping is *to's from now on. */
void region_group_move(struct region_group *to, struct region_group *group);
void region_group_forked(struct region_group *group);
/* In a forked child that is to look only at what it has from its parent: the mapping becomes read-only for ever. */
int region_group_lower(struct region_group *group, struct mring_error *error);

/* Entries of the same memory for those who may only look: made once, the region's and the group's to drop. 0, -ENOMEM. */
int region_doorbell_readonly(struct region *region, mem_entry_name_port_t *entry);
int region_group_readonly(struct region_group *group, mem_entry_name_port_t *entry);

/* Map a group of which there is the entry, and how many members it has. */
int region_group_map(struct region_group *group, uint64_t capacity, struct mring_error *error);

/* Make the read-only entry that consumers get, of a read-write one. */
int region_narrow(mem_entry_name_port_t *narrow, mem_entry_name_port_t ring, uint64_t capacity,
                  struct mring_error *error);

/*
 * What a broker writes, mapped read-write for it alone, where the ring may be mapped read-only: the producer's page, for the words of the
 * directory that stand there, and the directory.
 */
struct region_desk {
    struct producer_page *page; /* NULL: none */
    struct group_entry *directory;
    uint64_t mapped; /* bytes; 0: a part of the ring's mapping */
};

/* A part of a writable region; or from a read-write entry of the ring, which stays the caller's. */
struct region_desk region_desk_within(const struct region *region);
int region_desk_open(struct region_desk *desk, mem_entry_name_port_t ring);
void region_desk_close(struct region_desk *desk);

/* A new send right for somebody else (user reference + 1 on this name), to be moved into a message. */
kern_return_t region_share(mem_entry_name_port_t entry);

#endif
