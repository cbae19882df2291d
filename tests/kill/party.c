#include "party.h"

#include <stdlib.h>
#include <ucontext.h>

enum { STACK = 256 * 1024 };

static struct party {
    ucontext_t context, caller;
    act act;
    struct world *world;
    unsigned who;
    unsigned stores, kill_at;
    unsigned accesses, stop_at;
    enum outcome outcome;
} parties[PARTIES];

static _Alignas(64) unsigned char stacks[PARTIES][STACK];

/* Whose act this is; NULL: nobody's, as when a scenario is prepared or finished. */
static struct party *acting;

/* ---- in the act ---- */

/* Away from it: what comes next on its stack, if it is ever gone back to, is what follows. */
static void leave(struct party *party, enum outcome outcome)
{
    party->outcome = outcome;
    if (swapcontext(&party->context, &party->caller) != 0)
        abort();
}

void mring_look_point(void)
{
    if (acting != NULL && ++acting->accesses == acting->stop_at)
        leave(acting, STOPPED);
}

void mring_kill_point(void)
{
    if (acting != NULL && ++acting->stores == acting->kill_at)
        leave(acting, KILLED);
    mring_look_point();
}

static void run(void)
{
    struct party *party = acting;

    party->act(party->world, party->who);
    leave(party, THROUGH);
}

/* ---- in the walk ---- */

/* AddressSanitizer warns, once, of changing stacks like this. What it knows of the one that is entered it forgets; of all else it is as strict. */
static enum outcome enter(struct party *party)
{
    acting = party;
    if (swapcontext(&party->caller, &party->context) != 0)
        abort();
    acting = NULL;
    return party->outcome;
}

enum outcome party_begin(unsigned party, act what, struct world *world, unsigned who, unsigned kill_at,
                         unsigned stop_at)
{
    struct party *begun = &parties[party];

    *begun = (struct party){.act = what, .world = world, .who = who, .kill_at = kill_at, .stop_at = stop_at};
    if (getcontext(&begun->context) != 0)
        abort();
    begun->context.uc_stack.ss_sp = stacks[party];
    begun->context.uc_stack.ss_size = sizeof(stacks[party]);
    makecontext(&begun->context, run, 0);
    return enter(begun);
}

enum outcome party_go_on(unsigned party)
{
    return enter(&parties[party]);
}
