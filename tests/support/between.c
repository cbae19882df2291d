#include "between.h"

#include "core/atomic.h"

#include <stddef.h>

static struct {
    void (*others)(void *context);
    void *context;
    unsigned at, every;
    unsigned passed;
    bool came;
} between;

static void pass(void)
{
    void (*others)(void *context) = between.others;
    bool now;

    if (others == NULL || ++between.passed < between.at)
        return;
    now = between.passed == between.at || (between.every != 0 && (between.passed - between.at) % between.every == 0);
    if (!now)
        return;
    between.came = true;
    between.others = NULL;
    others(between.context);
    between.others = others;
}

void mring_kill_point(void)
{
    pass();
}

void mring_look_point(void)
{
    pass();
}

void others_come(void (*others)(void *context), void *context, unsigned at, unsigned every)
{
    between.others = others;
    between.context = context;
    between.at = at;
    between.every = every;
    between.passed = 0;
    between.came = false;
}

bool others_came(void)
{
    between.others = NULL;
    return between.came;
}
