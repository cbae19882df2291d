/*
 * An entry of one piece is that piece's file and a few numbers. An entry of several is their list, and then each file
 * once, in the order in which the list comes to them.
 *
 * The list is a sealed memfd too, with nothing in it but numbers, and sealed against writing: so it can be read once and
 * passed on for good. It is made with the entry, whose identity it is. A peer's list is taken only if it is what this
 * file would have written for these descriptors: of 2 to ENTRY_PIECES pieces, each within its file, together as large
 * as the entry says, every descriptor used and no two of the same memory. It names each file's inode, so that who was given an
 * entry cannot pass its list on, and so its identity, with other memory.
 */
#include "entry_wire.h"

#include <mach/vm_page_size.h>
#include <string.h>
#include <unistd.h>

struct wire_entry {
    uint64_t offset, size; /* of several pieces, the offset is 0 */
    uint32_t protection;
    uint32_t kind;
    uint64_t data;
};
_Static_assert(sizeof(struct wire_entry) <= WIRE_BODY, "an entry fits a wire right");

struct wire_piece {
    uint64_t file, offset, size;
    uint64_t device, inode; /* of the file: a list goes with no other memory */
};
_Static_assert(WIRE_FDS == 1 + ENTRY_PIECES, "the list, and a file for each piece");

/* Which file each piece is of, counted in order of appearance; and how many there are. */
static size_t number_files(const struct entry_piece *pieces, size_t count, uint64_t numbers[ENTRY_PIECES],
                           const struct vm_file *files[ENTRY_PIECES])
{
    size_t known = 0;

    for (size_t i = 0; i < count; i++) {
        size_t number = 0;
        while (number < known && !vm_file_same(files[number], pieces[i].file))
            number++;
        if (number == known)
            files[known++] = pieces[i].file;
        numbers[i] = number;
    }
    return known;
}

/* ---- out ---- */

kern_return_t entry_list_create(const struct entry_piece *pieces, size_t count, struct vm_file **list)
{
    struct wire_piece wire[ENTRY_PIECES];
    uint64_t numbers[ENTRY_PIECES];
    const struct vm_file *files[ENTRY_PIECES];

    number_files(pieces, count, numbers, files);
    for (size_t i = 0; i < count; i++)
        wire[i] = (struct wire_piece){numbers[i], pieces[i].offset, pieces[i].size, pieces[i].file->device,
                                      pieces[i].file->inode};
    return vm_file_create_constant(wire, count * sizeof *wire, list);
}

bool entry_pack(struct mach_object *object, struct wire_right *right, int fds[WIRE_FDS])
{
    const struct memory_entry *entry = (const struct memory_entry *)object;
    struct wire_entry wire = {.offset = entry->list == NULL ? entry->first.piece.offset : 0,
                              .size = entry->size,
                              .data = entry->attributes.data,
                              .protection = (uint32_t)entry->attributes.protection,
                              .kind = (uint32_t)entry->attributes.kind};
    struct entry_piece pieces[ENTRY_PIECES];
    uint64_t numbers[ENTRY_PIECES];
    const struct vm_file *files[ENTRY_PIECES];
    size_t count = number_files(pieces, entry_pieces(entry, pieces), numbers, files);

    memcpy(right->body, &wire, sizeof wire);
    right->descriptors = 0;
    if (entry->list != NULL)
        fds[right->descriptors++] = entry->list->fd;
    for (size_t i = 0; i < count; i++)
        fds[right->descriptors++] = files[i]->fd;
    return true;
}

/* ---- in ---- */

/* Take over all descriptors. True when there are as many as the right says, and each is memory that can be mapped. */
static bool adopt(const struct wire_right *right, const int fds[WIRE_FDS], struct vm_file *files[WIRE_FDS])
{
    bool sound = right->descriptors >= 1 && right->descriptors <= WIRE_FDS;

    for (uint32_t i = 0; i < WIRE_FDS; i++) {
        if (fds[i] >= 0 && i < right->descriptors)
            files[i] = vm_file_adopt(fds[i]);
        else if (fds[i] >= 0)
            close(fds[i]);
        sound = sound && (i < right->descriptors) == (files[i] != NULL);
    }
    return sound;
}

/* How many pieces there are in the list; 0: it is not sound. */
static size_t read_list(const struct vm_file *list, struct vm_file *const *files, size_t file_count,
                        struct entry_piece pieces[ENTRY_PIECES])
{
    struct wire_piece wire[ENTRY_PIECES] = {{0}};
    uint64_t numbers[ENTRY_PIECES];
    const struct vm_file *known[ENTRY_PIECES];
    uint64_t count = list->size / sizeof *wire;

    if (list->size % sizeof *wire != 0 || count < 2 || count > ENTRY_PIECES || !vm_file_is_constant(list) ||
        !vm_file_read(list, 0, list->size, wire))
        return 0;
    for (size_t i = 0; i < count; i++) {
        if (wire[i].file >= file_count || wire[i].device != files[wire[i].file]->device ||
            wire[i].inode != files[wire[i].file]->inode)
            return 0;
        pieces[i] = (struct entry_piece){files[wire[i].file], wire[i].offset, wire[i].size};
    }
    if (number_files(pieces, count, numbers, known) != file_count)
        return 0;
    for (size_t i = 0; i < count; i++)
        if (numbers[i] != wire[i].file)
            return 0;
    return count;
}

static bool pieces_sound(const struct entry_piece *pieces, size_t count, uint64_t size, vm_prot_t protection)
{
    for (size_t i = 0; i < count; i++) {
        const struct entry_piece *piece = &pieces[i];
        if (((piece->offset | piece->size) & vm_page_mask) != 0 || piece->size == 0 || piece->size > size ||
            piece->offset > piece->file->size || piece->size > piece->file->size - piece->offset)
            return false;
        if ((protection & VM_PROT_WRITE) && !piece->file->writable)
            return false;
        size -= piece->size;
    }
    return count != 0 && size == 0;
}

static struct memory_entry *rebuild(const struct wire_right *right, struct vm_file *const files[WIRE_FDS])
{
    struct vm_file *list = right->descriptors > 1 ? files[0] : NULL;
    struct entry_piece pieces[ENTRY_PIECES];
    struct wire_entry wire;
    size_t count = 1;

    memcpy(&wire, right->body, sizeof wire);
    pieces[0] = (struct entry_piece){files[0], wire.offset, wire.size};
    if (list != NULL)
        count = read_list(list, files + 1, right->descriptors - 1, pieces);
    if (right->id.word[0] != files[0]->inode || wire.data > vm_page_mask ||
        (wire.protection & ~(uint32_t)VM_PROT_ALL) != 0 ||
        (wire.kind != ENTRY_WHOLE && (wire.kind != ENTRY_OBJECT || list != NULL)) || (list != NULL && wire.offset != 0))
        return NULL;
    const struct entry_attributes attributes = {
        .kind = (enum entry_kind)wire.kind, .data = wire.data, .protection = (vm_prot_t)wire.protection};
    if (!pieces_sound(pieces, count, wire.size, attributes.protection))
        return NULL;
    return entry_build(right->id, pieces, count, list, &attributes);
}

struct mach_object *entry_unpack(const struct wire_right *right, const int fds[WIRE_FDS])
{
    struct vm_file *files[WIRE_FDS] = {NULL};
    struct memory_entry *entry = NULL;

    if (adopt(right, fds, files))
        entry = rebuild(right, files);
    for (int i = 0; i < WIRE_FDS; i++)
        if (files[i] != NULL)
            vm_file_drop(files[i]);
    return (struct mach_object *)entry;
}
