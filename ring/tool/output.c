#include "output.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

/* The first so many bytes are done. How many pieces are. */
static int take(struct iovec *pieces, int count, size_t length)
{
    int done = 0;

    while (done < count && length >= pieces[done].iov_len)
        length -= pieces[done++].iov_len;
    if (length > 0) {
        pieces[done].iov_base = (char *)pieces[done].iov_base + length;
        pieces[done].iov_len -= length;
    }
    return done;
}

/* After a writev that wrote nothing: 0, if it can be tried again. */
static int try_again(int error)
{
    if (error == EAGAIN) /* somebody has set it to not wait */
        (void)poll(&(struct pollfd){STDOUT_FILENO, POLLOUT, 0}, 1, -1);
    return error == EAGAIN || error == EINTR ? 0 : -error;
}

int output_all(struct iovec *pieces, int count, size_t *written)
{
    *written = 0;
    while (count > 0) {
        ssize_t length = writev(STDOUT_FILENO, pieces, count);
        int done, code = length < 0 ? try_again(errno) : 0;

        if (code != 0)
            return code;
        if (length < 0)
            continue;
        *written += (size_t)length;
        done = take(pieces, count, (size_t)length);
        pieces += done;
        count -= done;
    }
    return 0;
}
