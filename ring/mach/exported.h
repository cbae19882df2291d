/*
 * Put before every source of this library by the compiler's -include: what the public headers declare is exported, all else
 * hidden. The public headers themselves stay as Apple's are, without a word on visibility.
 */
#ifndef MRING_MACH_EXPORTED_H
#define MRING_MACH_EXPORTED_H

#pragma GCC visibility push(default)
#include <bsm/libbsm.h>
#include <mach/mach.h>
#include <mach/mach_time.h>
#include <mach/mach_vm.h>
#include <mach/mig.h>
#include <mach/mring_mach.h>
#include <servers/bootstrap.h>
#pragma GCC visibility pop

#endif
