#ifndef __AVAILABILITYMACROS__
#define __AVAILABILITYMACROS__

#include <Availability.h>

#define AVAILABLE_MAC_OS_X_VERSION_10_0_AND_LATER
#define DEPRECATED_ATTRIBUTE __attribute__((deprecated))

#endif
