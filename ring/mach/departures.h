/* Waiting until a message leaves a queue, or its receiver ends. */
#ifndef MRING_MACH_DEPARTURES_H
#define MRING_MACH_DEPARTURES_H

#include "msg.h"
#include "object.h"

/* From now on, watch the queue behind a send end. NULL: descriptors or memory are short. Drop it when done. */
struct mach_object *departures_watch(int socket);

/* Wait for a departure since the last wait, or since the watch began; at first there may seem to be one. */
enum msg_wait departures_wait(struct mach_object *watch, const struct msg_deadline *deadline, bool interruptible);

#endif
