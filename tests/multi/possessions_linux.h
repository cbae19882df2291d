/* What a process has of the kernel, to see what a call leaves behind. */
#ifndef TESTS_POSSESSIONS_H
#define TESTS_POSSESSIONS_H

#include <stddef.h>

/* What this process has. */
struct possessions {
    size_t descriptors;
    size_t mappings; /* of memfds */
    size_t threads;
    size_t rights; /* names in its port name space */
};

struct possessions possessions_now(void);

/* End the process with a failure if it has more of anything than it had; `what` is said then. */
void possessions_within(const struct possessions *had, const struct possessions *has, const char *what);

/* How many unix sockets have this text in their name, of all processes of the network namespace. */
size_t names_with(const char *text);

#endif
