#include "line.h"

bool line_said(const struct member_line *line, uint64_t position, struct fact *fact)
{
    for (unsigned place = 0; place < LINE_FACTS; place++) {
        const struct line_fact *says = &line->fact[place];

        if (word_load_acquire(&says->position) != position) /* [FACT] */
            continue;
        *fact = (struct fact){position, word_load(&says->messages), word_load(&says->bytes)};
        fence_load(); /* [FACT] */
        if (word_load(&says->position) == position)
            return true;
    }
    return false;
}

void line_say(struct member_line *line, const struct fact *fact, uint64_t keep, uint64_t keep_too)
{
    struct line_fact *unneeded = &line->fact[0];
    bool kept = false, kept_too = false;

    for (unsigned place = 0; place < LINE_FACTS; place++) {
        uint64_t position = word_load(&line->fact[place].position);

        if (position == fact->position)
            return;
        if (position == keep && !kept)
            kept = true;
        else if (position == keep_too && !kept_too)
            kept_too = true;
        else
            unneeded = &line->fact[place];
    }
    word_store(&unneeded->position, NOWHERE);
    fence_store(); /* [FACT] */
    word_store(&unneeded->messages, fact->messages);
    word_store(&unneeded->bytes, fact->bytes);
    word_store_release(&unneeded->position, fact->position); /* [FACT] */
}
