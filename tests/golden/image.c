#include "golden/image.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { NAME_MOST = 64 };

enum kind {
    PLAIN,
    TEXT,
    RANDOM, /* not 0 */
    OWNER,  /* {turn, life} */
    USER    /* who runs this */
};

/* A member of a struct: elements of equal size, each a number, a text or, with `inner`, a struct. */
struct field {
    const char *name;
    size_t offset, size, element;
    enum kind kind;
    const struct field *inner; /* ends with a name of NULL */
};

#define SIZE_OF(type, member) sizeof(((struct type *)0)->member)
#define MEMBER(type, member)  .name = #member, .offset = offsetof(struct type, member), .size = SIZE_OF(type, member)
#define NUMBERS(type, member, is)                                                                                      \
    {                                                                                                                  \
        MEMBER(type, member), .element = SIZE_OF(type, member) < 8 ? 4 : 8, .kind = is                                 \
    }
#define NUMBER(type, member) NUMBERS(type, member, PLAIN)
#define NAME(type, member)                                                                                             \
    {                                                                                                                  \
        MEMBER(type, member), .element = SIZE_OF(type, member), .kind = TEXT                                           \
    }
#define NESTED(type, member, of)                                                                                       \
    {                                                                                                                  \
        MEMBER(type, member), .element = sizeof(struct of), .inner = of##_fields                                       \
    }
#define END                                                                                                            \
    {                                                                                                                  \
        .name = NULL                                                                                                   \
    }

/* ---- the names of all words ---- */

static const struct field ring_header_fields[] = {NUMBER(ring_header, magic),
                                                  NUMBER(ring_header, version),
                                                  NUMBER(ring_header, header_size),
                                                  NUMBER(ring_header, features),
                                                  NUMBERS(ring_header, identity, RANDOM),
                                                  NUMBER(ring_header, capacity),
                                                  NUMBER(ring_header, data_offset),
                                                  NUMBER(ring_header, ring_size),
                                                  NUMBER(ring_header, alignment),
                                                  NUMBER(ring_header, members_default),
                                                  NUMBER(ring_header, attempts_max),
                                                  NUMBER(ring_header, access),
                                                  NUMBER(ring_header, produce),
                                                  NUMBER(ring_header, strict),
                                                  NAME(ring_header, name),
                                                  END};

static const struct field landmark_fields[] = {NUMBER(landmark, position), NUMBER(landmark, messages),
                                               NUMBER(landmark, bytes), END};
static const struct field cut_off_fields[] = {NUMBER(cut_off, what), NUMBER(cut_off, position), NUMBER(cut_off, value),
                                              NUMBER(cut_off, bound), END};
static const struct field awaited_fields[] = {NUMBER(awaited, incarnation), NUMBER(awaited, waits), END};

static const struct field producer_page_fields[] = {NUMBER(producer_page, tail),
                                                    NUMBER(producer_page, intent),
                                                    NUMBERS(producer_page, epoch, OWNER),
                                                    NUMBERS(producer_page, fenced, OWNER),
                                                    NUMBER(producer_page, ended),
                                                    NUMBER(producer_page, gate),
                                                    NUMBER(producer_page, judged),
                                                    NUMBER(producer_page, nap),
                                                    NUMBER(producer_page, groups),
                                                    NUMBER(producer_page, directory_version),
                                                    NUMBERS(producer_page, broker, OWNER),
                                                    NUMBER(producer_page, meeting),
                                                    NUMBER(producer_page, messages),
                                                    NUMBER(producer_page, bytes),
                                                    NUMBER(producer_page, waits),
                                                    NUMBER(producer_page, wakeups),
                                                    NUMBER(producer_page, rescued),
                                                    NUMBER(producer_page, cut_offs),
                                                    NESTED(producer_page, landmark, landmark),
                                                    NESTED(producer_page, cut_off, cut_off),
                                                    NESTED(producer_page, awaited, awaited),
                                                    NUMBER(producer_page, turned),
                                                    END};

static const struct field group_terms_fields[] = {NUMBER(group_terms, kind),
                                                  NUMBER(group_terms, members),
                                                  NUMBER(group_terms, lossy),
                                                  NUMBER(group_terms, unserved),
                                                  NUMBER(group_terms, limit),
                                                  NUMBER(group_terms, after),
                                                  END};
static const struct field group_entry_fields[] = {
    NAME(group_entry, name),         NESTED(group_entry, terms, group_terms), NUMBER(group_entry, incarnation),
    NUMBER(group_entry, entry_size), NUMBERS(group_entry, maker, USER),       END};

static const struct field word_pair_fields[] = {NUMBER(word_pair, low), NUMBER(word_pair, high), END};
static const struct field line_fact_fields[] = {NUMBER(line_fact, position), NUMBER(line_fact, messages),
                                                NUMBER(line_fact, bytes), END};
static const struct field group_page_fields[] = {NESTED(group_page, claim, word_pair),
                                                 NUMBER(group_page, want),
                                                 NUMBERS(group_page, want_epoch, OWNER),
                                                 NUMBER(group_page, occupied),
                                                 NUMBER(group_page, sleepers),
                                                 NUMBER(group_page, orphans),
                                                 NUMBER(group_page, deaths),
                                                 NESTED(group_page, begin, line_fact),
                                                 NUMBER(group_page, starting),
                                                 END};
static const struct field member_line_fields[] = {NUMBER(member_line, held),
                                                  NUMBER(member_line, claimed),
                                                  NUMBER(member_line, messages),
                                                  NUMBER(member_line, batches),
                                                  NUMBER(member_line, sleeps),
                                                  NUMBER(member_line, rescued),
                                                  NUMBER(member_line, redelivered),
                                                  NUMBER(member_line, redelivered_to),
                                                  NUMBER(member_line, damaged),
                                                  NUMBERS(member_line, ticket, RANDOM),
                                                  NUMBER(member_line, missed),
                                                  NUMBER(member_line, missed_bytes),
                                                  NUMBER(member_line, wakeups),
                                                  NUMBERS(member_line, owner, OWNER),
                                                  NUMBER(member_line, intent_serial),
                                                  NUMBER(member_line, intent_end),
                                                  NUMBER(member_line, signed_serial),
                                                  NUMBERS(member_line, fenced, OWNER),
                                                  NUMBER(member_line, tally),
                                                  NUMBER(member_line, tally_serial),
                                                  NESTED(member_line, fact, line_fact),
                                                  END};

static const struct field aside_slot_fields[] = {NUMBER(aside_slot, position), NUMBER(aside_slot, header),
                                                 NUMBER(aside_slot, at), NUMBER(aside_slot, given), END};
static const struct field aside_page_fields[] = {NUMBERS(aside_page, owner, OWNER),
                                                 NUMBER(aside_page, count),
                                                 NUMBER(aside_page, first),
                                                 NUMBER(aside_page, full),
                                                 NESTED(aside_page, slot, aside_slot),
                                                 END};

static const struct field doorbell_page_fields[] = {NUMBER(doorbell_page, groups), NUMBER(doorbell_page, awaited),
                                                    NUMBER(doorbell_page, sleepers), END};

/* ---- lines ---- */

/* A part of an entry, and a copy of it from which is taken what was told. */
struct part {
    const struct image *image;
    const char *entry;
    unsigned char *left;
    size_t at, size; /* in the entry */
};

static uint64_t number_at(const unsigned char *bytes, size_t size)
{
    uint64_t wide = 0;
    uint32_t narrow = 0;

    if (size == sizeof(narrow)) {
        memcpy(&narrow, bytes, sizeof(narrow));
        return narrow;
    }
    memcpy(&wide, bytes, sizeof(wide));
    return wide;
}

static void begin_line(const struct part *part, size_t offset)
{
    (void)fprintf(part->image->text, "%s/%s %05zx", part->image->name, part->entry, part->at + offset);
}

static void tell_number(const struct part *part, uint64_t value, enum kind kind)
{
    FILE *text = part->image->text;

    if (kind == OWNER)
        (void)fprintf(text,
                      owner_life(value) == part->image->life ? "turn %" PRIu64 " mine" : "turn %" PRIu64 " %" PRIx64,
                      value >> LIFE_BITS, owner_life(value));
    else if (kind == USER && value == geteuid())
        (void)fprintf(text, "the user");
    else if (kind == RANDOM)
        (void)fprintf(text, "random");
    else
        (void)fprintf(text, "%" PRIx64, value);
}

/* `size` bytes at this offset of the part: a line, unless they are zero. */
static void tell(const struct part *part, const char *name, size_t offset, size_t size, enum kind kind)
{
    unsigned char *bytes = part->left + offset;
    uint64_t value = kind == TEXT ? bytes[0] : number_at(bytes, size);

    if (value == 0 && kind != USER)
        return;
    begin_line(part, offset);
    (void)fprintf(part->image->text, " %s = ", name);
    if (kind == TEXT)
        (void)fprintf(part->image->text, "\"%.*s\"", (int)size, (const char *)bytes);
    else
        tell_number(part, value, kind);
    (void)fputc('\n', part->image->text);
    memset(bytes, 0, kind == TEXT ? strnlen((const char *)bytes, size) : size);
}

static void tell_struct(const struct part *part, const char *name, size_t offset, const struct field *fields);

static void tell_field(const struct part *part, const char *name, size_t offset, const struct field *field)
{
    const size_t count = field->size / field->element;
    char called[NAME_MOST];

    for (size_t at = 0; at < count; at++) {
        size_t where = offset + field->offset + at * field->element;

        if (count > 1)
            (void)snprintf(called, sizeof(called), "%s.%s[%zu]", name, field->name, at);
        else
            (void)snprintf(called, sizeof(called), "%s.%s", name, field->name);
        if (field->inner != NULL)
            tell_struct(part, called, where, field->inner);
        else
            tell(part, called, where, field->element, field->kind);
    }
}

static void tell_struct(const struct part *part, const char *name, size_t offset, const struct field *fields)
{
    for (; fields->name != NULL; fields++)
        tell_field(part, name, offset, fields);
}

/* What is left of a part, in runs of equal words. */
static void tell_runs(const struct part *part, const char *name)
{
    size_t end;

    for (size_t at = 0; at < part->size; at = end) {
        uint64_t value = number_at(part->left + at, 8);

        for (end = at + 8; end < part->size && number_at(part->left + end, 8) == value; end += 8)
            continue;
        if (value == 0)
            continue;
        begin_line(part, at);
        if (end - at > 8)
            (void)fprintf(part->image->text, "-%05zx", part->at + end - 8);
        (void)fprintf(part->image->text, " %s = %" PRIx64 "\n", name, value);
    }
}

static struct part take(const struct image *image, const char *name, const void *entry, size_t at, size_t size)
{
    struct part part = {image, name, malloc(size), at, size};

    assert_non_null(part.left);
    memcpy(part.left, (const unsigned char *)entry + at, size);
    return part;
}

static bool all_zero(const unsigned char *bytes, size_t size)
{
    return bytes[0] == 0 && memcmp(bytes, bytes + 1, size - 1) == 0;
}

/* An array of structs, alone in its part; what is in none of their fields has no name. */
static void tell_part(struct part part, const char *name, const struct field *fields, size_t element)
{
    char called[NAME_MOST];

    for (size_t offset = 0; offset + element <= part.size; offset += element) {
        if (element == part.size)
            (void)snprintf(called, sizeof(called), "%s", name);
        else
            (void)snprintf(called, sizeof(called), "%s[%zu]", name, offset / element);
        if (!all_zero(part.left + offset, element))
            tell_struct(&part, called, offset, fields);
    }
    tell_runs(&part, "(no name)");
    free(part.left);
}

static void tell_bytes(struct part part, const char *name)
{
    tell_runs(&part, name);
    free(part.left);
}

/* ---- entries ---- */

void image_ring(const struct image *image, const void *entry)
{
    tell_part(take(image, "ring", entry, 0, LAYOUT_PAGE), "header", ring_header_fields, LAYOUT_PAGE);
    tell_part(take(image, "ring", entry, RING_PRODUCER_OFFSET, LAYOUT_PAGE), "producer", producer_page_fields,
              LAYOUT_PAGE);
    tell_part(take(image, "ring", entry, RING_DIRECTORY_OFFSET, LAYOUT_PAGE), "directory", group_entry_fields,
              sizeof(struct group_entry));
    tell_bytes(take(image, "ring", entry, RING_DATA_OFFSET, image->capacity), "data");
}

void image_group(const struct image *image, const char *name, const void *entry, uint32_t members)
{
    const size_t aside = layout_aside_offset(members);

    tell_part(take(image, name, entry, 0, LAYOUT_PAGE), "group", group_page_fields, LAYOUT_PAGE);
    tell_part(take(image, name, entry, GROUP_MEMBERS_OFFSET, aside - GROUP_MEMBERS_OFFSET), "line", member_line_fields,
              sizeof(struct member_line));
    tell_part(take(image, name, entry, aside, LAYOUT_PAGE), "aside", aside_page_fields, LAYOUT_PAGE);
    tell_bytes(take(image, name, entry, layout_group_words(members), layout_aside_size(image->capacity)),
               "aside bytes");
}

void image_doorbell(const struct image *image, const void *entry)
{
    tell_part(take(image, "doorbell", entry, 0, LAYOUT_PAGE), "doorbell", doorbell_page_fields, LAYOUT_PAGE);
}
