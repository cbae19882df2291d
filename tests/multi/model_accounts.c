/* What the diaries must come to, whoever was killed when (I1-I4), and who was after whom (R12). */
#include "model_diary.h"

#include "harness.h"
#include "reference/payload.h"

#include <stdlib.h>

/* One message in one group. */
struct fate {
    unsigned given;             /* how often */
    const struct diary *holder; /* who was given it last */
    uint64_t let_go;            /* the stamp before it was released by that one; 0: it was not */
    bool done;                  /* and that call returned */
};

struct known {
    uint64_t position; /* + 1, so that 0 is not known */
    uint32_t length;
};

struct event {
    const struct diary *diary;
    const struct diary_line *line;
};

static struct known known[DIARY_TAGS];
static struct fate fates[DIARY_GROUPS][DIARY_TAGS];

static int by_stamp(const void *left, const void *right)
{
    uint64_t first = ((const struct event *)left)->line->stamp, second = ((const struct event *)right)->line->stamp;

    return first < second ? -1 : first > second;
}

static struct event *all_events(unsigned lives, size_t *count)
{
    struct event *events;

    *count = 0;
    for (unsigned life = 0; life < lives; life++)
        *count += archive->diary[life].lines;
    events = calloc(*count + 1, sizeof(*events));
    EXPECT(events != NULL, ==, 1);
    *count = 0;
    for (unsigned life = 0; life < lives; life++)
        for (uint32_t at = 0; at < archive->diary[life].lines; at++)
            events[(*count)++] = (struct event){&archive->diary[life], &archive->diary[life].line[at]};
    qsort(events, *count, sizeof(*events), by_stamp);
    return events;
}

/* The same message is the same everywhere. */
static void check_identity(const struct diary_line *line)
{
    struct known *message = &known[line->tag];

    EXPECT(line->tag, <, archive->tags);
    if (message->position == 0)
        *message = (struct known){line->position + 1, line->length};
    EXPECT(message->position, ==, line->position + 1);
    EXPECT(message->length, ==, line->length);
}

/* The one that had it before was killed with it; and each group before has let it go. */
static void check_given(const struct event *event)
{
    const struct diary_line *line = event->line;
    struct fate *fate = &fates[line->group][line->tag];

    check_identity(line);
    if (fate->given > 0) {
        EXPECT(fate->holder->killed, ==, true);
        EXPECT(fate->done, ==, false);
    }
    EXPECT(line->deliveries, >, fate->given);
    for (unsigned before = 0; line->group == DIARY_INDEX && before < DIARY_INDEX; before++) {
        EXPECT(fates[before][line->tag].given, >, 0);
        EXPECT(fates[before][line->tag].let_go, !=, 0);
    }
    fate->given++;
    fate->holder = event->diary;
    fate->let_go = 0;
}

/* All that this member was given since it joined, up to this line, and still has. */
static void let_go(const struct event *event)
{
    const struct diary_line *line = event->line, *up_to = line;
    bool on = line->kind == DIARY_LEAVE;

    while (up_to-- > event->diary->line && up_to->kind != DIARY_JOINED) {
        struct fate *fate = &fates[line->group][up_to->tag];

        if (up_to->kind != DIARY_GOT)
            continue;
        on |= up_to->position == line->position;
        if (!on)
            continue;
        if (fate->done)
            break; /* and all before it */
        if (line->kind == DIARY_RELEASED)
            fate->done = true;
        else if (fate->let_go == 0)
            fate->let_go = line->stamp;
    }
}

/* To one that is alone, the messages come in order. (What others left unseen may come to one of many later.) */
static void check_order(const struct diary *diary)
{
    uint64_t next = 0;

    for (uint32_t at = 0; at < diary->lines; at++) {
        const struct diary_line *line = &diary->line[at];

        if (line->kind == DIARY_JOINED)
            next = 0;
        if (line->kind != DIARY_GOT || line->group != DIARY_LOG)
            continue;
        EXPECT(line->position, >=, next);
        next = line->position + 1;
    }
}

void check_accounts(unsigned lives)
{
    size_t count;
    struct event *events = all_events(lives, &count);
    unsigned again = 0, flagged = 0;

    for (unsigned life = 0; life < lives; life++)
        check_order(&archive->diary[life]);
    for (size_t at = 0; at < count; at++)
        if (events[at].line->kind == DIARY_GOT) {
            check_given(&events[at]);
            flagged += events[at].line->deliveries > 1;
        } else if (events[at].line->kind != DIARY_JOINED) {
            let_go(&events[at]);
        }
    for (uint32_t tag = 0; tag < archive->tags; tag++)
        for (unsigned group = 0; group < DIARY_GROUPS; group++) {
            /* One that was published, though its sender was killed before it could say so, came to all groups, too. */
            if (archive->sent[tag] || known[tag].position != 0)
                EXPECT(fates[group][tag].given, >, 0);
            again += fates[group][tag].given > 1;
        }
    (void)printf("  %u lives, %u messages, %u redelivered, %u of these after they were handed out\n", lives,
                 archive->tags, flagged, again);
    free(events);
}
