/*
 * The system's, and what BSD's has besides. (Not __unused: Linux's own headers have members of that name.)
 */
#ifndef MRING_MACH_SYS_CDEFS_H
#define MRING_MACH_SYS_CDEFS_H

#pragma GCC system_header
#include_next <sys/cdefs.h>

#ifndef __dead2
#define __dead2 __attribute__((__noreturn__))
#endif
#ifndef __printflike
#define __printflike(format, first) __attribute__((__format__(__printf__, format, first)))
#endif

#endif
