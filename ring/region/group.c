/* A group's entry: its words and member lines. The layout is core/layout.h's; here it is made, mapped and bounded. */
#include "region/region.h"

#include "api/failure.h"
#include "core/group.h"
#include "region/entry.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

static int map_group(struct region_group *group, uint64_t capacity, uint32_t members, vm_prot_t protection,
                     struct mring_error *error)
{
    uint64_t size = layout_group_size(members, capacity);
    mach_vm_address_t address = 0;
    int result = entry_map_anywhere(group->entry, 0, size, protection, &address, "group", error);

    if (result != 0)
        return result;
    group->mapped = size;
    group->view.page = (struct group_page *)address;
    group->view.line = (struct member_line *)(address + GROUP_MEMBERS_OFFSET);
    group->view.members = members;
    group->view.aside = (struct aside_page *)(address + layout_aside_offset(members));
    group->view.aside_bytes = (unsigned char *)(address + layout_group_words(members));
    group->view.aside_size = layout_aside_size(capacity);
    return 0;
}

int region_group_create(struct region_group *group, uint64_t capacity, uint32_t members, uint64_t position,
                        struct mring_error *error)
{
    struct region_group made = {.entry = MACH_PORT_NULL};
    int result;

    if (members < 1 || members > LAYOUT_MEMBERS)
        return failure(error, -EINVAL, 0, "a group of %" PRIu32 " members", members);
    result = entry_make(&made.entry, layout_group_size(members, capacity), "group", error);
    if (result == 0)
        result = map_group(&made, capacity, members, VM_PROT_READ | VM_PROT_WRITE, error);
    if (result != 0) {
        region_group_close(&made);
        return result;
    }
    entry_touch_write((mach_vm_address_t)made.view.page, layout_group_words(members));
    group_format(&made.view, position);
    *group = made;
    return 0;
}

static int open_group(struct region_group *group, mem_entry_name_port_t entry, uint64_t capacity, uint32_t members,
                      vm_prot_t protection, struct mring_error *error)
{
    struct region_group made = {.entry = entry};
    int result;

    if (members < 1 || members > LAYOUT_MEMBERS)
        result = failure(error, -EPROTO, 0, "damaged ring: a group of %" PRIu32 " members", members);
    else
        result = map_group(&made, capacity, members, protection, error);
    if (result != 0) {
        region_group_close(&made);
        /* An entry that ends before its last line is the sender's fault, not the caller's. */
        return result != -EINVAL
                   ? result
                   : failure(error, -EPROTO, 0, "damaged ring: a group's entry is too short for %" PRIu32 " members",
                             members);
    }
    entry_touch_read((mach_vm_address_t)made.view.page, layout_group_words(members));
    *group = made;
    return 0;
}

int region_group_open(struct region_group *group, mem_entry_name_port_t entry, uint64_t capacity, uint32_t members,
                      struct mring_error *error)
{
    return open_group(group, entry, capacity, members, VM_PROT_READ | VM_PROT_WRITE, error);
}

int region_group_inspect(struct region_group *group, mem_entry_name_port_t entry, uint64_t capacity, uint32_t members,
                         struct mring_error *error)
{
    return open_group(group, entry, capacity, members, VM_PROT_READ, error);
}

int region_group_readonly(struct region_group *group, mem_entry_name_port_t *entry)
{
    int result = 0;

    if (group->readonly == MACH_PORT_NULL)
        result = entry_narrow(&group->readonly, group->entry, group->mapped, "group", NULL);
    *entry = group->readonly;
    return result;
}

void region_group_close(struct region_group *group)
{
    if (group->mapped != 0)
        entry_unmap((mach_vm_address_t)group->view.page, group->mapped);
    entry_drop(&group->entry);
    entry_drop(&group->readonly);
    memset(group, 0, sizeof *group);
}

int region_group_map(struct region_group *group, uint64_t capacity, struct mring_error *error)
{
    struct region_group made = *group;
    int result;

    if (made.view.members < 1 || made.view.members > LAYOUT_MEMBERS)
        return failure(error, -EPROTO, 0, "damaged ring: a group of %" PRIu32 " members", made.view.members);
    result = map_group(&made, capacity, made.view.members, VM_PROT_READ | VM_PROT_WRITE, error);
    if (result == 0)
        *group = made;
    return result;
}

int region_group_lower(struct region_group *group, struct mring_error *error)
{
    kern_return_t kr =
        mach_vm_protect(mach_task_self(), (mach_vm_address_t)group->view.page, group->mapped, TRUE, VM_PROT_READ);

    return kr == KERN_SUCCESS ? 0 : failure(error, failure_code(kr), kr, "cannot make a group's words read-only");
}

void region_group_move(struct region_group *to, struct region_group *group)
{
    *to = *group;
    to->entry = MACH_PORT_NULL;
    to->readonly = MACH_PORT_NULL;
    group->mapped = 0;
    region_group_unmap(group);
}

void region_group_unmap(struct region_group *group)
{
    if (group->mapped != 0)
        entry_unmap((mach_vm_address_t)group->view.page, group->mapped);
    entry_drop(&group->readonly);
    *group = (struct region_group){.entry = group->entry,
                                   .view = {.members = group->view.members,
                                            .index = group->view.index,
                                            .terms = group->view.terms,
                                            .incarnation = group->view.incarnation}};
}

void region_group_forked(struct region_group *group)
{
    group->entry = MACH_PORT_NULL;
    group->readonly = MACH_PORT_NULL;
}
