/*
 * The system's, and BSD's minherit, which macOS declares there. The BSDs have macros of their own for Mach's rules, with the same
 * values, and some a rule that zeroes, which Mach lacks: minherit answers EINVAL to it.
 */
#ifndef MRING_MACH_SYS_MMAN_H
#define MRING_MACH_SYS_MMAN_H

#pragma GCC system_header
#include_next <sys/mman.h>

#include <mach/vm_inherit.h>

#ifndef MAP_INHERIT_SHARE
#define MAP_INHERIT_SHARE VM_INHERIT_SHARE
#define MAP_INHERIT_COPY  VM_INHERIT_COPY
#define MAP_INHERIT_NONE  VM_INHERIT_NONE
#define MAP_INHERIT_ZERO  4
#endif

#endif
