#include "entry.h"
#include "entry_wire.h"
#include "space.h"

#include <mach/mring_mach.h>

/* An object only for its memory: the last holder of an entry may let go of it where nothing can be freed (object.h). */
struct link_cell {
    struct mach_object object;
    struct entry_link link;
};
_Static_assert(sizeof(struct memory_entry) <= OBJECT_CELL, "an entry fits a cell");
_Static_assert(sizeof(struct link_cell) <= OBJECT_CELL, "a piece fits a cell");

static void drop_piece(struct mach_object *object)
{
    vm_file_drop(((struct link_cell *)object)->link.piece.file);
}

static const struct object_ops piece_ops = {.kind = OBJECT_NONE, .destroy = drop_piece};

static void drop_files(struct mach_object *object)
{
    struct memory_entry *entry = (struct memory_entry *)object;
    struct entry_link *link = entry->first.next;

    while (link != NULL) {
        struct link_cell *cell = (struct link_cell *)(void *)((char *)link - offsetof(struct link_cell, link));
        link = link->next;
        object_drop(&cell->object);
    }
    if (entry->first.piece.file != NULL)
        vm_file_drop(entry->first.piece.file);
    if (entry->list != NULL)
        vm_file_drop(entry->list);
}

const struct object_ops memory_entry_ops = {.kind = OBJECT_MEMORY_ENTRY,
                                            .destroy = drop_files,
                                            .forked = drop_files,
                                            .pack = entry_pack,
                                            .unpack = entry_unpack};

struct memory_entry *entry_of(struct mach_object *object)
{
    return atomic_load_explicit(&object->ops, memory_order_relaxed) == &memory_entry_ops ? (struct memory_entry *)object
                                                                                         : NULL;
}

size_t entry_pieces(const struct memory_entry *entry, struct entry_piece pieces[ENTRY_PIECES])
{
    size_t count = 0;

    for (const struct entry_link *link = &entry->first; link != NULL; link = link->next)
        pieces[count++] = link->piece;
    return count;
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

/* ---- making ---- */

/* The file of a piece as this entry holds it; once for all of its pieces of the same memory. NULL: no descriptor. */
static struct vm_file *narrow(const struct memory_entry *entry, struct vm_file *file)
{
    struct vm_file *narrowed;

    for (const struct entry_link *link = &entry->first; link != NULL && link->piece.file != NULL; link = link->next)
        if (vm_file_same(link->piece.file, file)) {
            vm_file_hold(link->piece.file);
            return link->piece.file;
        }
    return vm_file_narrow(file, entry->attributes.protection, &narrowed) == KERN_SUCCESS ? narrowed : NULL;
}

static struct entry_link *add_link(struct entry_link *last, struct entry_piece piece)
{
    struct link_cell *cell = (struct link_cell *)object_alloc(&piece_ops, (struct object_id){{0}});

    if (cell == NULL)
        return NULL;
    cell->link.piece = piece;
    last->next = &cell->link;
    return &cell->link;
}

static bool add_pieces(struct memory_entry *entry, const struct entry_piece *pieces, size_t count)
{
    struct entry_link *last = NULL;

    for (size_t i = 0; i < count; i++) {
        struct entry_piece piece = pieces[i];
        piece.file = narrow(entry, piece.file);
        if (piece.file == NULL)
            return false;
        if (last == NULL) {
            last = &entry->first;
            last->piece = piece;
        } else if ((last = add_link(last, piece)) == NULL) {
            vm_file_drop(piece.file);
            return false;
        }
        entry->size += piece.size;
    }
    return true;
}

struct memory_entry *entry_build(struct object_id id, const struct entry_piece *pieces, size_t count,
                                 struct vm_file *list, const struct entry_attributes *attributes)
{
    struct memory_entry *entry = (struct memory_entry *)object_alloc(&memory_entry_ops, id);

    if (entry == NULL)
        return NULL;
    entry->attributes = *attributes;
    entry->list = list;
    if (list != NULL)
        vm_file_hold(list);
    if (add_pieces(entry, pieces, count))
        return entry;
    object_drop(&entry->object);
    return NULL;
}

kern_return_t entry_create(const struct entry_piece *pieces, size_t count, const struct entry_attributes *attributes,
                           mach_port_t *name)
{
    struct object_id id = object_id_new();
    struct vm_file *list = NULL;
    kern_return_t kr = count > 1 ? entry_list_create(pieces, count, &list) : KERN_SUCCESS;

    if (kr != KERN_SUCCESS)
        return kr;
    id.word[0] = list != NULL ? list->inode : pieces[0].file->inode;
    struct memory_entry *entry = entry_build(id, pieces, count, list, attributes);
    if (list != NULL)
        vm_file_drop(list);
    return entry != NULL ? space_insert_send(&entry->object, name) : KERN_RESOURCE_SHORTAGE;
}

int mring_mach_entry_descriptor(mem_entry_name_port_t name)
{
    kern_return_t kr;
    struct mach_object *object = space_hold_send(name, &kr);
    struct memory_entry *entry = object != NULL ? entry_of(object) : NULL;
    int fd = entry != NULL && entry->list == NULL ? entry->first.piece.file->fd : -1;

    if (object != NULL)
        object_drop(object);
    return fd;
}
