/*
 * Byte locks on the memory behind the life entry.
 *
 * A life is a lock (fcntl F_SETLK) on one byte, whose offset is the number: random, so that nobody need hand numbers out,
 * and above the end of the file, which fcntl does not mind. It is had exclusively first, which shows that nobody else has it, and shared
 * from then on: by the process, that is by the table of descriptors that its threads have in common. Such a lock is gone when the last of
 * the threads has left that table, so
 *   - SIGSTOP, a debugger and a full run queue do not touch it;
 *   - a forked child does not have it, whatever it inherits;
 *   - death by any signal, exit and exec (the descriptor is close-on-exec) drop it, before the parent can even wait for the process;
 *   - no thread does anything any more when it is gone;
 *   - asking needs no pid, so that pid namespaces and the reuse of pids do not matter.
 * A mark is a shared lock on a byte beyond all numbers.
 * A lock on the open file (F_OFD_SETLK) would not do: it lives as long as any forked child has a copy of the descriptor.
 *
 * The trap. Closing any descriptor of the file drops the process's locks on it. The layer below owns a descriptor of the
 * entry too; it closes it when the last right to the entry goes, which life.c gives back after this file's, and closes the duplicate
 * that comes with a right received again, which is why the entry is asked for at most once (life_begin). In a forked child it
 * closes its own when the names vanish, before the child has any life. What stays for the child is this file's duplicate.
 * But anybody who takes part in the ring can send one more. So a thread with a table of its own has each lock as well (lock_keeper.h),
 * until the process has taken its own again (life_system_refresh). That thread alone is not enough: of a process that is killed it may
 * be gone some microseconds before the others are.
 */
#include "member/life_system.h"

#include "core/layout.h"
#include "member/lock_keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <mach/mring_mach.h>
#include <sys/random.h>
#include <unistd.h>

/* Two processes that draw one number: 1 in 2^48 for a pair. A second draw is luck enough; the rest is somebody locking it all. */
enum { DRAWS = 8 };

_Static_assert(sizeof(off_t) == 8, "48-bit offsets");

static struct flock one_byte(short type, uint64_t offset)
{
    return (struct flock){.l_type = type, .l_whence = SEEK_SET, .l_start = (off_t)offset, .l_len = 1};
}

/* Who else has the byte locked? `lock` says; false: it could not be asked. */
static bool ask(const struct life_place *place, struct flock *lock)
{
    int saved = errno;
    bool asked = fcntl(place->descriptor, F_GETLK, lock) == 0;

    errno = saved;
    return asked;
}

/* Does another process have a lock there? Asking cannot fail on a descriptor that is open; if it does, nobody is declared dead for it. */
static bool locked(const struct life_place *place, uint64_t offset)
{
    struct flock lock = one_byte(F_WRLCK, offset);

    return !ask(place, &lock) || lock.l_type != F_UNLCK;
}

int life_system_open(struct life_place *place, mem_entry_name_port_t entry)
{
    int borrowed = mring_mach_entry_descriptor(entry);
    int descriptor;

    if (borrowed < 0)
        return -EPROTO;
    descriptor = fcntl(borrowed, F_DUPFD_CLOEXEC, 3);
    if (descriptor < 0)
        return -errno;
    *place = (struct life_place){.descriptor = descriptor};
    return 0;
}

static void drop_keeper(struct life_place *place, void (*drop)(struct lock_keeper *keeper))
{
    if (place->keeper != NULL)
        drop(place->keeper);
    place->keeper = NULL;
}

void life_system_close(struct life_place *place)
{
    drop_keeper(place, lock_keeper_stop);
    close(place->descriptor);
    place->descriptor = -1;
}

void life_system_forked(struct life_place *place)
{
    drop_keeper(place, lock_keeper_forget);
}

/* 0, -errno. */
static int set_lock(const struct life_place *place, short type, uint64_t offset)
{
    struct flock lock = one_byte(type, offset);

    return fcntl(place->descriptor, F_SETLK, &lock) == 0 ? 0 : -errno;
}

/* By the keeper, too. Where there is none, for want of threads, the process's own lock has to do. */
static int share_lock(const struct life_place *place, uint64_t offset)
{
    int result = set_lock(place, F_RDLCK, offset);

    if (result == 0 && place->keeper != NULL)
        result = lock_keeper_set(place->keeper, F_RDLCK, (off_t)offset);
    return result;
}

int life_system_take(struct life_place *place, uint64_t *number)
{
    if (place->keeper == NULL)
        place->keeper = lock_keeper_start(place->descriptor);
    for (int draw = 0; draw < DRAWS; draw++) {
        uint64_t drawn;
        int result;

        if (getentropy(&drawn, sizeof drawn) != 0)
            return -errno;
        drawn &= LIFE_MASK;
        if (drawn == 0)
            continue;
        result = set_lock(place, F_WRLCK, drawn);
        if (result == 0)
            result = share_lock(place, drawn);
        if (result == 0)
            *number = drawn;
        if (result != -EAGAIN && result != -EACCES)
            return result;
    }
    return -ENOLCK;
}

void life_system_refresh(const struct life_place *place, uint64_t number)
{
    (void)set_lock(place, F_RDLCK, number);
}

bool life_system_lives(const struct life_place *place, uint64_t number)
{
    return locked(place, number);
}

pid_t life_system_process(const struct life_place *place, uint64_t number)
{
    struct flock lock = one_byte(F_WRLCK, number);

    /* The kernel says 0 for a holder in a pid namespace that this one does not see, and -1 for a lock that is no process's. */
    return ask(place, &lock) && lock.l_type != F_UNLCK && lock.l_pid > 0 ? lock.l_pid : 0;
}

static uint64_t mark_offset(uint64_t mark)
{
    return UINT64_C(1) << 62 | mark;
}

int life_system_mark(const struct life_place *place, uint64_t mark)
{
    return share_lock(place, mark_offset(mark)) == 0 ? 0 : -ENOLCK;
}

void life_system_unmark(const struct life_place *place, uint64_t mark)
{
    (void)set_lock(place, F_UNLCK, mark_offset(mark));
    if (place->keeper != NULL)
        (void)lock_keeper_set(place->keeper, F_UNLCK, (off_t)mark_offset(mark));
}

bool life_system_marked(const struct life_place *place, uint64_t mark)
{
    return locked(place, mark_offset(mark));
}
