/*
 * Who sent a message, out of the audit token in its trailer. The kernel vouches for these: pid, uid and gid are the sender's as seen from
 * here; uid and gid are the effective ones, and stand for the real ones too, which do not travel.
 */
#ifndef _LIBBSM_H_
#define _LIBBSM_H_

#include <mach/message.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

extern uid_t audit_token_to_euid(audit_token_t atoken);
extern gid_t audit_token_to_egid(audit_token_t atoken);
extern uid_t audit_token_to_ruid(audit_token_t atoken);
extern gid_t audit_token_to_rgid(audit_token_t atoken);
extern pid_t audit_token_to_pid(audit_token_t atoken);

/* There is no audit user and no session here: the effective uid and 0. The version of a pid is 0. */
extern uid_t audit_token_to_auid(audit_token_t atoken);
extern int audit_token_to_asid(audit_token_t atoken);
extern int audit_token_to_pidversion(audit_token_t atoken);

#ifdef __cplusplus
}
#endif

#endif
