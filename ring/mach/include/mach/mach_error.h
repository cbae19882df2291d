#ifndef _MACH_ERROR_
#define _MACH_ERROR_ 1

#include <mach/error.h>

#ifdef __cplusplus
extern "C" {
#endif

/* "(os/kern) successful" and so on; never NULL. */
char *mach_error_string(mach_error_t error_value);
/* "text: (family) phrase" on standard error. */
void mach_error(const char *text, mach_error_t error_value);

#ifdef __cplusplus
}
#endif

#endif
