#include "meet/semaphores.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct semaphore_entry {
    struct sleeper who;
    semaphore_t semaphore;
};

static bool is_place(const struct sleeper *who)
{
    return who->group < LAYOUT_GROUPS ? who->line < LAYOUT_MEMBERS
                                      : who->group == SLEEPER_PRODUCER && who->line == 0 && who->incarnation == 0;
}

static void drop(semaphore_t semaphore)
{
    mach_port_deallocate(mach_task_self(), semaphore);
}

/* Take out what a put at `who` makes obsolete: the place's right, and those of the group's earlier incarnations. */
static void retire(struct semaphore_table *table, const struct sleeper *who)
{
    size_t kept = 0;

    for (size_t at = 0; at < table->count; at++) {
        const struct sleeper *old = &table->entries[at].who;

        if (old->group == who->group && (old->line == who->line || old->incarnation < who->incarnation))
            drop(table->entries[at].semaphore);
        else
            table->entries[kept++] = table->entries[at];
    }
    table->count = kept;
}

static bool make_room(struct semaphore_table *table)
{
    struct semaphore_entry *entries;
    size_t room = table->room == 0 ? 16 : table->room * 2;

    if (table->count < table->room)
        return true;
    if (room > SEMAPHORES_MAX)
        room = SEMAPHORES_MAX;
    if (table->room == room) {
        drop(table->entries[0].semaphore);
        memmove(table->entries, table->entries + 1, --table->count * sizeof *table->entries);
        return true;
    }
    entries = realloc(table->entries, room * sizeof *entries);
    if (entries == NULL)
        return false;
    table->entries = entries;
    table->room = room;
    return true;
}

int semaphores_put(struct semaphore_table *table, const struct sleeper *who, semaphore_t semaphore)
{
    if (!is_place(who) || !MACH_PORT_VALID(semaphore)) {
        if (MACH_PORT_VALID(semaphore))
            drop(semaphore);
        return -EINVAL;
    }
    retire(table, who);
    if (!make_room(table)) {
        drop(semaphore);
        return -ENOMEM;
    }
    table->entries[table->count++] = (struct semaphore_entry){*who, semaphore};
    return 0;
}

semaphore_t semaphores_get(const struct semaphore_table *table, const struct sleeper *who)
{
    for (size_t at = 0; at < table->count; at++) {
        const struct sleeper *here = &table->entries[at].who;

        if (here->group == who->group && here->line == who->line && here->incarnation == who->incarnation &&
            here->owner == who->owner)
            return table->entries[at].semaphore;
    }
    return MACH_PORT_NULL;
}

void semaphores_clear(struct semaphore_table *table)
{
    for (size_t at = 0; at < table->count; at++)
        drop(table->entries[at].semaphore);
    semaphores_forget(table);
}

void semaphores_forget(struct semaphore_table *table)
{
    free(table->entries);
    memset(table, 0, sizeof *table);
}
