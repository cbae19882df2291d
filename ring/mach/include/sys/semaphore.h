/* macOS keeps POSIX semaphores here. */
#include <semaphore.h>
