#include <bsm/libbsm.h>

uid_t audit_token_to_euid(audit_token_t atoken)
{
    return atoken.val[1];
}

gid_t audit_token_to_egid(audit_token_t atoken)
{
    return atoken.val[2];
}

uid_t audit_token_to_ruid(audit_token_t atoken)
{
    return atoken.val[3];
}

gid_t audit_token_to_rgid(audit_token_t atoken)
{
    return atoken.val[4];
}

pid_t audit_token_to_pid(audit_token_t atoken)
{
    return (pid_t)atoken.val[5];
}
