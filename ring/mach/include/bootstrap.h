/* An older name of the header, which macOS has too. */
#include <servers/bootstrap.h>
