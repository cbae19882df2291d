/* What is wrong, in words: the last thing that a handle met. */
#include "check.h"
#include "consumer.h"
#include "producer.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct text {
    char is[sizeof(((struct mring_error *)NULL)->text)];
};

static struct text in_words(const struct trouble *trouble)
{
    struct text text = {"for a reason that this library does not know"};

    switch (trouble->kind) {
#define WORDS(kind, format)                                                                                            \
    case TROUBLE_##kind:                                                                                               \
        (void)snprintf(text.is, sizeof(text.is), format, trouble->position, trouble->value, trouble->bound);           \
        break;
        TROUBLES(WORDS)
#undef WORDS
    default:
        break;
    }
    return text;
}

int join_damaged(const struct consumer_core *core, const char *name, struct mring_error *error)
{
    return failure(error, -EBADMSG, 0, "the words of group \"%s\" are damaged: %s", name, in_words(&core->trouble).is);
}

/* What the producer wrote about a group that it cut off. A kind may be newer than this library. */
static struct trouble cut_of(const struct consumer_core *core)
{
    const struct cut_off *cut = &core->view.page->cut_off[core->group.index];
    uint64_t what = word_load_acquire(&cut->what); /* [CUT] */

    return (struct trouble){(enum trouble_kind)(what & CUT_OFF_KIND_MASK), word_load(&cut->position),
                            word_load(&cut->value), word_load(&cut->bound)};
}

int consumer_cut_off(struct consumer_core *core, struct mring_error *error)
{
    struct trouble trouble = cut_of(core);

    return failure(error, -ECONNABORTED, 0, "the producer cut the group off: %s", in_words(&trouble).is);
}

int mring_consumer_trouble(struct mring_consumer *consumer, struct mring_error *error)
{
    struct consumer_core *core = &consumer->core;

    if (consumer_stale(consumer))
        return -ESTALE;
    if (error == NULL || check_size(error->size, sizeof(*error), "mring_error", NULL) != 0)
        return -EINVAL;
    if (consumer_core_cut_off(core))
        (void)consumer_cut_off(core, error);
    else if (core->trouble.kind != TROUBLE_NONE)
        (void)failure(error, -EBADMSG, 0, "%s", in_words(&core->trouble).is);
    else
        return 0;
    return 1;
}

int mring_producer_trouble(struct mring_producer *producer, struct mring_error *error)
{
    const struct gate_watch *watch = &producer->watch[producer->last_cut];
    char name[LAYOUT_NAME];

    if (producer_stale(producer))
        return -ESTALE;
    if (error == NULL || check_size(error->size, sizeof(*error), "mring_error", NULL) != 0)
        return -EINVAL;
    if (watch->trouble.kind == TROUBLE_NONE)
        return 0;
    entry_name(&producer->core.view.directory[producer->last_cut], name);
    (void)failure(error, -EBADMSG, 0, "group \"%.*s\" was cut off: %s", LAYOUT_NAME - 1, name,
                  in_words(&watch->trouble).is);
    return 1;
}
