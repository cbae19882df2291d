/*
 * What the calls of the target share: the input, the two models, and how a difference is reported.
 *
 * A call is a function that decodes its arguments, asks the model what must come, calls the library, compares, and brings the model
 * up to date. To add one: such a function, declared below, and a row in mach_vm.c.
 */
#ifndef FUZZ_MACH_VM_H
#define FUZZ_MACH_VM_H

#include "mach_vm_map.h"
#include "mach_vm_names.h"

#include <mach/mach_error.h>

struct world {
    const uint8_t *at; /* what is left of the input */
    size_t left;
    struct map map;
    struct names names;
    mach_port_name_t task; /* whom the next call is for */
    uint64_t stamp;        /* the last that was written */
    bool forked;
    int memory;     /* /proc/self/mem */
    char call[256]; /* the call under test, with its arguments */
};

/* What a call that fails must not write. */
enum { UNTOUCHED = 0x5a5a };

/* ---- input ---- */

uint64_t take(struct world *world, size_t bytes);
uint64_t take_address(struct world *world);
uint64_t take_size(struct world *world, uint64_t address);
vm_prot_t take_protection(struct world *world);
int take_flags(struct world *world);
mach_port_name_t take_name(struct world *world);
mach_port_name_t take_object(struct world *world);

/* ---- judgement ---- */

/* What is being called, for the report. */
__attribute__((format(printf, 2, 3))) void say(struct world *world, const char *format, ...);

/* It did not do what the model says: report and abort. */
_Noreturn __attribute__((format(printf, 2, 3))) void wrong(const struct world *world, const char *format, ...);

void expect_code(const struct world *world, kern_return_t expected, kern_return_t got);
void expect_value(const struct world *world, const char *what, uint64_t expected, uint64_t got);

/* ---- steps ---- */

void call_allocate(struct world *world);
void call_deallocate(struct world *world);
void call_protect(struct world *world);
void call_inherit(struct world *world);
void call_map(struct world *world);
void store(struct world *world);

void call_make_entry(struct world *world);

void call_port_allocate(struct world *world);
void call_port_insert_right(struct world *world);
void call_port_mod_refs(struct world *world);
void call_port_deallocate(struct world *world);
void call_port_destroy(struct world *world);
void call_port_type(struct world *world);
void call_port_get_refs(struct world *world);
void call_semaphore_create(struct world *world);
void call_semaphore_destroy(struct world *world);
void call_semaphore_signal(struct world *world);
void call_semaphore_poll(struct world *world);

void step_fork(struct world *world);

/* ---- the whole ---- */

/* Protections, contents and references are what the model says. */
void verify(const struct world *world);

/* Maximum protections, which only attempts show: each is allowed, more is not. Leaves the current ones at the maximum. */
void verify_limits(struct world *world);

#endif
