/* Every way we know to write what one may only read, tried by the process that calls. Each must fail; EXPECT says which one did not. */
#ifndef TESTS_ATTACKS_H
#define TESTS_ATTACKS_H

#include <mach/mach.h>
#include <stdint.h>
#include <sys/types.h>

/* Against a mapping that was made read-only, as this layer's calls and the system's see it. */
void attack_mapping(uint64_t address, uint64_t size);

/* Against an entry that was given read-only, by Mach's calls and by its descriptor. */
void attack_entry(mem_entry_name_port_t entry, uint64_t size);

/* Against another user's process: its memory and its descriptors. */
void attack_process(pid_t victim);

/* Against what this process may write, but not reshape. */
void attack_shape(mem_entry_name_port_t entry);

#endif
