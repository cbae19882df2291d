/* Which sanitizer this was built for, whatever the compiler's way of saying so. */
#ifndef TESTS_SUPPORT_SANITIZERS_H
#define TESTS_SUPPORT_SANITIZERS_H

#if defined(__has_feature)
#define ADDRESS_SANITIZED __has_feature(address_sanitizer)
#define THREAD_SANITIZED  __has_feature(thread_sanitizer)
#else
#if defined(__SANITIZE_ADDRESS__)
#define ADDRESS_SANITIZED 1
#else
#define ADDRESS_SANITIZED 0
#endif
#if defined(__SANITIZE_THREAD__)
#define THREAD_SANITIZED 1
#else
#define THREAD_SANITIZED 0
#endif
#endif

/*
 * Before gcc 14 and clang 18 AddressSanitizer forks without its allocator's locks: when another thread is in malloc just
 * then, the child's first malloc waits for ever. (The C library's own allocator takes its locks.)
 */
#if defined(__clang__)
#define MALLOC_HANGS_AFTER_FORK (ADDRESS_SANITIZED && __clang_major__ < 18)
#else
#define MALLOC_HANGS_AFTER_FORK (ADDRESS_SANITIZED && __GNUC__ < 14)
#endif

#endif
