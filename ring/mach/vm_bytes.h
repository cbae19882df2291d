/*
 * Bytes moved between two ranges of this task by the kernel's hand: a page that is gone, forbidden, or past the end of
 * the file behind it ends the call, where a load or store would raise a signal.
 */
#ifndef MRING_MACH_VM_BYTES_H
#define MRING_MACH_VM_BYTES_H

#include <stdbool.h>
#include <stdint.h>

/* The ranges do not overlap. False: not all of it was moved. */
bool vm_bytes_move(uint64_t from, uint64_t to, uint64_t size);

/* Up to the first byte that cannot be read. False: it failed for another reason. */
bool vm_bytes_move_readable(uint64_t from, uint64_t to, uint64_t size);

#endif
