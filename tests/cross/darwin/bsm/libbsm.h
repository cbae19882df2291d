/* What mring uses of macOS's <bsm/libbsm.h>, for the cross check alone: the headers that come with zig lack this one. */
#ifndef MRING_CROSS_LIBBSM_H
#define MRING_CROSS_LIBBSM_H

#include <mach/message.h>
#include <sys/types.h>

uid_t audit_token_to_euid(audit_token_t token);
gid_t audit_token_to_egid(audit_token_t token);
pid_t audit_token_to_pid(audit_token_t token);

#endif
