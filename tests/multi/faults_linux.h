/*
 * Running out of things on purpose.
 *
 * A fault makes one resource fail at its n-th use from now on. Limits are the kernel's own; the allocator, mmap and pthread_create are
 * wrapped at link time (WRAPPED in tests/CMakeLists.txt), in the libraries and in the test alike.
 */
#ifndef TESTS_FAULTS_H
#define TESTS_FAULTS_H

#include <stdbool.h>

struct fault {
    const char *name;
    void (*arm)(unsigned n); /* the first n uses succeed */
    bool counted;            /* fault_hit() knows whether it came to the n-th use; of a limit nobody does */
    int code; /* what an opening call must say then, naming the limit; 0: that memory was short, or the like */
};

enum { FAULTS = 7 };
extern const struct fault faults[FAULTS];

/* Of this process, for all its threads, until it is lifted. */
void fault_arm(const struct fault *fault, unsigned n);
void fault_lift(void);
bool fault_hit(void);

#endif
