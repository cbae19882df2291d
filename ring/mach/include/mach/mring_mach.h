/* What mring needs from its Mach layer beyond Apple's calls. Linux only. */
#ifndef MRING_MACH_H
#define MRING_MACH_H

#include <mach/mach_types.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * The descriptor of a memory entry's file, borrowed: good while the right is held, not to be closed. -1: no such entry,
 * or one of several pieces.
 */
int mring_mach_entry_descriptor(mem_entry_name_port_t entry);

#ifdef __cplusplus
}
#endif

#endif
