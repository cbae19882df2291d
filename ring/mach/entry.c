#include "entry.h"
#include "space.h"

#include <mach/mring_mach.h>
#include <mach/vm_page_size.h>
#include <string.h>
#include <unistd.h>

/* An entry on its way. The file is the descriptor that comes along. */
struct wire_entry {
    uint64_t offset, size;
    uint32_t protection;
    uint32_t kind;
    uint64_t data;
};
_Static_assert(sizeof(struct wire_entry) <= WIRE_BODY, "an entry fits a wire right");
_Static_assert(sizeof(struct memory_entry) <= OBJECT_CELL, "an entry fits a cell");

static void drop_file(struct mach_object *object)
{
    vm_file_drop(((struct memory_entry *)object)->file);
}

static bool pack(struct mach_object *object, struct wire_right *right, int fds[WIRE_FDS])
{
    const struct memory_entry *entry = (const struct memory_entry *)object;
    struct wire_entry wire = {.offset = entry->part.offset,
                              .size = entry->part.size,
                              .data = entry->part.data,
                              .protection = (uint32_t)entry->part.protection,
                              .kind = (uint32_t)entry->part.kind};

    memcpy(right->body, &wire, sizeof wire);
    right->descriptors = 1;
    fds[0] = entry->file->fd;
    return true;
}

static bool plausible(const struct wire_entry *wire, const struct wire_right *right, const struct vm_file *file)
{
    return ((wire->offset | wire->size) & vm_page_mask) == 0 && wire->size != 0 && wire->offset <= file->size &&
           wire->size <= file->size - wire->offset && wire->data <= vm_page_mask &&
           (wire->protection & ~(uint32_t)VM_PROT_ALL) == 0 &&
           (wire->kind == ENTRY_OBJECT || wire->kind == ENTRY_WHOLE) && right->id.word[0] == file->inode &&
           (file->writable || !(wire->protection & VM_PROT_WRITE));
}

static struct mach_object *unpack(const struct wire_right *right, const int fds[WIRE_FDS])
{
    struct vm_file *file = NULL, *narrow = NULL;
    struct memory_entry *entry = NULL;
    struct wire_entry wire;

    memcpy(&wire, right->body, sizeof wire);
    for (int i = 0; i < WIRE_FDS; i++) {
        if (fds[i] < 0)
            continue;
        if (i == 0 && right->descriptors == 1)
            file = vm_file_adopt(fds[i]);
        else
            close(fds[i]);
    }
    if (file == NULL)
        return NULL;
    if (plausible(&wire, right, file) && vm_file_narrow(file, (vm_prot_t)wire.protection, &narrow) == KERN_SUCCESS)
        entry = (struct memory_entry *)object_alloc(&memory_entry_ops, right->id);
    if (entry != NULL) {
        entry->file = narrow;
        entry->part = (struct entry_part){.kind = (enum entry_kind)wire.kind,
                                          .offset = wire.offset,
                                          .size = wire.size,
                                          .data = wire.data,
                                          .protection = (vm_prot_t)wire.protection};
    } else if (narrow != NULL) {
        vm_file_drop(narrow);
    }
    vm_file_drop(file);
    return entry != NULL ? &entry->object : NULL;
}

const struct object_ops memory_entry_ops = {
    .kind = OBJECT_MEMORY_ENTRY, .destroy = drop_file, .forked = drop_file, .pack = pack, .unpack = unpack};

struct memory_entry *entry_of(struct mach_object *object)
{
    return atomic_load_explicit(&object->ops, memory_order_relaxed) == &memory_entry_ops ? (struct memory_entry *)object
                                                                                         : NULL;
}

kern_return_t entry_hold_argument(mem_entry_name_port_t name, struct mach_object **object)
{
    mach_port_type_t type;
    kern_return_t kr;

    *object = NULL;
    if (!MACH_PORT_VALID(name))
        return KERN_SUCCESS;
    if (space_type(name, &type) == KERN_SUCCESS && (type & MACH_PORT_TYPE_DEAD_NAME))
        return KERN_SUCCESS;
    *object = space_hold_send(name, &kr);
    return *object != NULL ? KERN_SUCCESS : MACH_SEND_INVALID_RIGHT;
}

kern_return_t entry_create(struct vm_file *file, const struct entry_part *part, mach_port_t *name)
{
    struct object_id id = object_id_new();
    struct memory_entry *entry;
    struct vm_file *narrow;
    kern_return_t kr = vm_file_narrow(file, part->protection, &narrow);

    if (kr != KERN_SUCCESS)
        return kr;
    id.word[0] = file->inode;
    entry = (struct memory_entry *)object_alloc(&memory_entry_ops, id);
    if (entry == NULL) {
        vm_file_drop(narrow);
        return KERN_RESOURCE_SHORTAGE;
    }
    entry->file = narrow;
    entry->part = *part;
    return space_insert_send(&entry->object, name);
}

int mring_mach_entry_descriptor(mem_entry_name_port_t name)
{
    kern_return_t kr;
    struct mach_object *object = space_hold_send(name, &kr);
    struct memory_entry *entry = object != NULL ? entry_of(object) : NULL;
    int fd = entry != NULL ? entry->file->fd : -1;

    if (object != NULL)
        object_drop(object);
    return fd;
}
