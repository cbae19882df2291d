/* What mring needs from its Mach layer beyond Apple's calls. Linux only. */
#ifndef MRING_MACH_H
#define MRING_MACH_H

#include <mach/mach_types.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * The descriptor of a memory entry's file, borrowed: good while the right is held, not to be closed. -1: no such entry,
 * or one of several pieces.
 */
int mring_mach_entry_descriptor(mem_entry_name_port_t entry);

/*
 * A descriptor that is readable (poll, epoll) while the port of this receive right has something to receive, borrowed: good while the right
 * is held, not to be read or closed. -1: no such right.
 */
int mring_mach_port_descriptor(mach_port_name_t port);

/* Who may look a name up: the registrant's user; also who is in its effective group; everybody. Root always may. */
enum { MRING_MACH_SERVE_OWNER = 0, MRING_MACH_SERVE_GROUP = 1, MRING_MACH_SERVE_EVERYONE = 2 };

/* bootstrap_check_in of a name that others may look up too. */
kern_return_t mring_mach_bootstrap_check_in_for(mach_port_t bp, const char *service_name, int scope, mach_port_t *sp);

/*
 * bootstrap_look_up of the name of the user `owner`. What comes back was given by a process of that user, or root's.
 * BOOTSTRAP_NOT_PRIVILEGED: the name is not served to this process, or somebody else sits on its address (see below).
 */
kern_return_t mring_mach_bootstrap_look_up_of(mach_port_t bp, uid_t owner, const char *service_name, mach_port_t *sp);

/* Who listens at the address of that name, whether it may or not. False: nobody, or it does not accept. */
bool mring_mach_bootstrap_holder(uid_t owner, const char *service_name, uid_t *uid, pid_t *pid);

/*
 * Call `found` for each name of any user at whose address somebody of this network namespace listens, as the kernel lists them: once or more, and
 * perhaps for some that nobody has. mring_mach_bootstrap_holder tells. Names of more than some 90 bytes are left out, or cut.
 * KERN_FAILURE: the system does not show them (no /proc). KERN_RESOURCE_SHORTAGE
 */
kern_return_t mring_mach_bootstrap_list(void (*found)(void *context, uid_t owner, const char *service_name),
                                        void *context);

/* Can this process find names of the process that made this port? They share a network namespace, or the kernel (before 5.14) cannot say. */
bool mring_mach_bootstrap_reaches(mach_port_t port);

/*
 * Send rights and some bytes (a multiple of 4) in a descriptor, close-on-exec and the caller's. Whoever gets that, over exec or another process's
 * SCM_RIGHTS, can open it, any number of times; the rights last as long as anybody has it.
 * KERN_INVALID_NAME, KERN_INVALID_RIGHT: one of them is no send right that can travel; KERN_INVALID_ARGUMENT: more than 60, or too many bytes.
 * KERN_RESOURCE_SHORTAGE: descriptors or memory, or (not root) this user has more than RLIMIT_NOFILE descriptors under way in sockets.
 */
kern_return_t mring_mach_parcel_make(const mach_port_t *rights, unsigned count, const void *text, size_t size, int *fd);

/*
 * Send rights under names of this task, the bytes, and whose process made it, as the kernel says. `fd` may be any descriptor, and stays
 * the caller's; nothing is waited for. KERN_INVALID_ARGUMENT: it is not of that kind, or not open; KERN_INVALID_OBJECT: not so many rights and
 * bytes are in it, or no sound ones; KERN_RESOURCE_SHORTAGE. On failure nothing is left.
 */
kern_return_t mring_mach_parcel_open(int fd, mach_port_t *rights, unsigned count, void *text, size_t size,
                                     uid_t *maker);

#ifdef __cplusplus
}
#endif

#endif
