/*
 * The conformance cases: what XNU answers, one numbered case after the other.
 *
 * A case is a function that makes calls and notes, for each, what is expected and what came: a return code with GIVES, a
 * fact with HOLDS. Each case runs in a process of its own (conformance.c), so that it starts with a task as new as can be, and
 * what it leaves goes with it. Its children and threads may note as well: the notes are in shared memory.
 *
 * Numbers: 1 to 20 allocate, 21 to 31 deallocate and protect, 32 to 45 map, 46 to 76 memory entries, 77 to 93 inheritance,
 * 94 to 102 port references and registered ports, 103 to 120 semaphores, 121 to 130 bootstrap names and texts; S1 to S11 are
 * scenarios of several processes. "Mach 2.12" and the like are the facts that ring/doc/mach.md explains the numbering of.
 */
#ifndef TESTS_MACH_CONFORMANCE_H
#define TESTS_MACH_CONFORMANCE_H

#include "mach/memory.h"

struct conformance_case {
    const char *number;
    const char *title;
    void (*run)(void);
};

/* Each room of cases ends with an empty one. */
extern const struct conformance_case cases_allocate[];
extern const struct conformance_case cases_release[];
extern const struct conformance_case cases_map[];
extern const struct conformance_case cases_entry[];
extern const struct conformance_case cases_inherit[];
extern const struct conformance_case cases_ports[];
extern const struct conformance_case cases_semaphore[];
extern const struct conformance_case cases_bootstrap[];
extern const struct conformance_case scenarios_memory[];
extern const struct conformance_case scenarios_tasks[];

/* A row of such a table; a room lists its cases on top as X(number, title). */
#define CONFORMANCE_ROW(number, title)     {#number, title, case_##number},
#define CONFORMANCE_DECLARE(number, title) static void case_##number(void);

/* A call returns this code. */
#define GIVES(expected, call) note_code((expected), (call))

/* Something is true; `fact` is a string literal that says what. */
#define HOLDS(fact, condition) note_fact("" fact, (condition))

void note_code(kern_return_t expected, kern_return_t got);
void note_fact(const char *fact, bool holds);

/* A name nobody else uses, for bootstrap_register and the like; good until the next call. */
char *fresh_name(const char *suffix);

/* Does a load from, or a store to this address raise a signal? Tried in a child. */
bool load_faults(uint64_t address);
bool store_faults(uint64_t address);

#endif
