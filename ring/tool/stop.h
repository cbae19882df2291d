/*
 * Ctrl-C: SIGINT, SIGTERM and SIGHUP, from when there is something to be brought to an end in good order.
 *
 * The handler remembers the signal, ends the wait that a handle of the ring's is in, and makes a pipe readable, so that neither a wait
 * for the ring nor one for input can miss it. Its owner then ends what it is at, and by the very signal. A second one finds the
 * system's default, and ends the process at once: also when it is stuck in a write that nobody reads. What was ignored stays ignored.
 */
#ifndef MRING_TOOL_STOP_H
#define MRING_TOOL_STOP_H

/* From now on, to the end; `wake` is mring_wake for `handle`, which must not be closed meanwhile, or NULL. 0, -errno. */
int stop_watch(void (*wake)(void *handle), void *handle);
void stop_end(void);

/* The signal that came, or 0. */
int stop_signal(void);

/* Wait until there is input. 1; 0: a signal came; -errno. Within so long: -ETIMEDOUT; -EINTR: a handler of another signal's ran. */
int stop_or_input_within(int descriptor, int milliseconds);
int stop_or_input(int descriptor);

/* End by this signal. */
_Noreturn void stop_by(int signal);

#endif
