/* Which of Apple's systems this is: none. */
#ifndef __TARGETCONDITIONALS__
#define __TARGETCONDITIONALS__

#define TARGET_OS_MAC       0
#define TARGET_OS_OSX       0
#define TARGET_OS_IPHONE    0
#define TARGET_OS_IOS       0
#define TARGET_OS_WATCH     0
#define TARGET_OS_TV        0
#define TARGET_OS_BRIDGE    0
#define TARGET_OS_SIMULATOR 0
#define TARGET_OS_EMBEDDED  0
#define TARGET_OS_WIN32     0
#define TARGET_OS_UNIX      0
#define TARGET_OS_LINUX     1

#if defined(__x86_64__)
#define TARGET_CPU_X86_64 1
#define TARGET_CPU_ARM64  0
#else
#define TARGET_CPU_X86_64 0
#define TARGET_CPU_ARM64  1
#endif
#define TARGET_RT_64_BIT        1
#define TARGET_RT_LITTLE_ENDIAN 1
#define TARGET_RT_BIG_ENDIAN    0

#endif
