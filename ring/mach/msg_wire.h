/* How descriptors stand in a packet's body: the name is MACH_PORT_NULL, MACH_PORT_DEAD, or says that a right follows. */
#ifndef MRING_MACH_MSG_WIRE_H
#define MRING_MACH_MSG_WIRE_H

enum { RIGHT_FOLLOWS = 1 };

#endif
