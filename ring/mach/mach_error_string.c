/*
 * Error codes as text: "(family) phrase" (Mach 9.1).
 *
 * A code is {system: 6 bits, subsystem: 12, code: 14}. System 0 is the kernel, 4 is IPC (subsystem 0 send, 1 receive);
 * small negative numbers are MIG's, which Apple's library treats apart. The phrases are this library's own words where
 * Apple's are not known.
 */
#include <mach/error.h>
#include <mach/mach_error.h>
#include <stddef.h>
#include <stdio.h>

#define COUNT(table) ((int)(sizeof(table) / sizeof *(table)))

static char *const kernel[] = {
    "(os/kern) successful",
    "(os/kern) invalid address",
    "(os/kern) protection failure",
    "(os/kern) no space available",
    "(os/kern) invalid argument",
    "(os/kern) failure",
    "(os/kern) resource shortage",
    "(os/kern) not receiver",
    "(os/kern) no access",
    "(os/kern) memory failure",
    "(os/kern) memory error",
    "(os/kern) already in set",
    "(os/kern) not in set",
    "(os/kern) name exists",
    "(os/kern) aborted",
    "(os/kern) invalid name",
    "(os/kern) invalid task",
    "(os/kern) invalid right",
    "(os/kern) invalid value",
    "(os/kern) urefs overflow",
    "(os/kern) invalid capability",
    "(os/kern) right exists",
    "(os/kern) invalid host",
    "(os/kern) memory present",
    "(os/kern) memory data moved",
    "(os/kern) memory restart copy",
    "(os/kern) invalid processor set",
    "(os/kern) policy limit",
    "(os/kern) invalid policy",
    "(os/kern) invalid object",
    "(os/kern) already waiting",
    "(os/kern) default set",
    "(os/kern) exception protected",
    "(os/kern) invalid ledger",
    "(os/kern) invalid memory control",
    "(os/kern) invalid security",
    "(os/kern) not depressed",
    "(os/kern) object terminated",
    "(os/kern) lock set destroyed",
    "(os/kern) lock unstable",
    "(os/kern) lock owned by another",
    "(os/kern) lock owned by self",
    "(os/kern) semaphore destroyed",
    "(os/kern) RPC terminated",
    "(os/kern) terminate orphan",
    "(os/kern) let orphan continue",
    "(os/kern) service not supported",
    "(os/kern) remote node down",
    "(os/kern) thread not waiting",
    "(os/kern) operation timed out",
    "(os/kern) code signing error",
    "(os/kern) policy is static",
    "(os/kern) insufficient input buffer size",
    "(os/kern) denied",
    "(os/kern) missing KC",
    "(os/kern) invalid KC",
    "(os/kern) result not found",
};

static char *const ipc_send[] = {
    "(ipc/send) no error",
    "(ipc/send) send in progress",
    "(ipc/send) invalid data",
    "(ipc/send) invalid destination port",
    "(ipc/send) timed out",
    "(ipc/send) invalid voucher",
    "(ipc/send) unused error",
    "(ipc/send) interrupted",
    "(ipc/send) msg too small",
    "(ipc/send) invalid reply port",
    "(ipc/send) invalid port right",
    "(ipc/send) invalid notify port",
    "(ipc/send) invalid memory",
    "(ipc/send) no msg buffer",
    "(ipc/send) msg too large",
    "(ipc/send) invalid msg-type",
    "(ipc/send) invalid msg-header",
    "(ipc/send) invalid msg-trailer",
    "(ipc/send) invalid msg-context",
    "(ipc/send) invalid options",
};

static char *const ipc_receive[] = {
    "(ipc/rcv) no error",
    "(ipc/rcv) receive in progress",
    "(ipc/rcv) invalid name",
    "(ipc/rcv) timed out",
    "(ipc/rcv) msg too large",
    "(ipc/rcv) interrupted",
    "(ipc/rcv) port changed",
    "(ipc/rcv) invalid notify port",
    "(ipc/rcv) invalid data",
    "(ipc/rcv) port died",
    "(ipc/rcv) port in set",
    "(ipc/rcv) header error",
    "(ipc/rcv) body error",
    "(ipc/rcv) invalid scatter list entry",
    "(ipc/rcv) overwrite region too small",
    "(ipc/rcv) invalid msg-trailer",
};

static char *const mig[] = {
    "(ipc/mig) client type check failure", "(ipc/mig) wrong reply message ID",    "(ipc/mig) server detected error",
    "(ipc/mig) bad request message ID",    "(ipc/mig) server type check failure", "(ipc/mig) no reply should be sent",
    "(ipc/mig) server raised exception",   "(ipc/mig) array not large enough",    "(ipc/mig) server died",
    "(ipc/mig) unknown trailer format",
};

enum { SYSTEM_KERNEL = 0, SYSTEM_IPC = 4, SUBSYSTEM_SEND = 0, SUBSYSTEM_RECEIVE = 1, MIG_FIRST = -300 };

static char unknown_code[] = "unknown error code";

static char *phrase(char *const table[], int count, int code)
{
    return code >= 0 && code < count ? table[code] : unknown_code;
}

char *mach_error_string(mach_error_t error_value)
{
    int subsystem = err_get_sub(error_value), code = err_get_code(error_value);

    if (error_value <= MIG_FIRST && error_value > MIG_FIRST - COUNT(mig))
        return mig[MIG_FIRST - error_value];
    switch (err_get_system(error_value)) {
    case SYSTEM_KERNEL:
        return subsystem == 0 ? phrase(kernel, COUNT(kernel), code) : "(os/?) unknown subsystem error";
    case SYSTEM_IPC:
        if (subsystem == SUBSYSTEM_SEND)
            return phrase(ipc_send, COUNT(ipc_send), code);
        if (subsystem == SUBSYSTEM_RECEIVE)
            return phrase(ipc_receive, COUNT(ipc_receive), code);
        return "(ipc/?) unknown subsystem error";
    default:
        return "(?/?) unknown error system";
    }
}

void mach_error(const char *text, mach_error_t error_value)
{
    char *string = mach_error_string(error_value);

    if (string == unknown_code)
        fprintf(stderr, "%s %s (%x)\n", text, string, (unsigned)error_value);
    else
        fprintf(stderr, "%s %s\n", text, string);
}
