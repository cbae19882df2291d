/* What servers and stubs answer beside kern_return_t, and the shape of an answer that is a code alone. */
#ifndef _MACH_MIG_ERRORS_H_
#define _MACH_MIG_ERRORS_H_

#include <mach/kern_return.h>
#include <mach/message.h>
#include <mach/mig.h>
#include <mach/ndr.h>

#define MIG_TYPE_ERROR      -300 /* the client's arguments have wrong types */
#define MIG_REPLY_MISMATCH  -301 /* a reply with a wrong msgh_id */
#define MIG_REMOTE_ERROR    -302 /* the server detected an error */
#define MIG_BAD_ID          -303 /* a request with a wrong msgh_id */
#define MIG_BAD_ARGUMENTS   -304 /* the server's arguments have wrong types */
#define MIG_NO_REPLY        -305 /* the server sends no reply */
#define MIG_EXCEPTION       -306 /* the server raised an exception */
#define MIG_ARRAY_TOO_LARGE -307 /* an array does not fit */
#define MIG_SERVER_DIED     -308
#define MIG_TRAILER_ERROR   -309 /* a trailer of unknown format */

#pragma pack(push, 4)
typedef struct {
    mach_msg_header_t Head;
    NDR_record_t NDR;
    kern_return_t RetCode;
} mig_reply_error_t;
#pragma pack(pop)

#endif
