/* Rights are descriptors in the layer below, so they can be put into one (mach/parcel.c). */
#include "meet/parcel.h"

#include "api/failure.h"

#include <errno.h>
#include <mach/mring_mach.h>

enum { RIGHT_BROKER, RIGHT_RING, RIGHTS };

int parcel_make(const struct parcel *parcel, int *fd, struct mring_error *error)
{
    const mach_port_t rights[RIGHTS] = {[RIGHT_BROKER] = parcel->broker, [RIGHT_RING] = parcel->ring};
    struct parcel_text text = parcel_write(parcel);
    kern_return_t kr = mring_mach_parcel_make(rights, RIGHTS, &text, sizeof text, fd);

    key_forget(&text.key);
    return kr == KERN_SUCCESS ? 0 : failure(error, failure_code(kr), kr, "cannot make a descriptor for the ring");
}

/*
 * Whose ring it is only its user can say, or root: what others claim of the name is not believed. By its name a ring is taken over one day
 * (api/succession.c), and that is not to be a name that somebody else has chosen.
 */
static void judge(struct parcel *parcel, const struct parcel_text *text, uid_t maker)
{
    if (text->owners != 0)
        parcel->owner = maker;
    if (maker != parcel->owner && maker != 0)
        parcel->name[0] = '\0';
}

int parcel_open(int fd, struct parcel *parcel, struct mring_error *error)
{
    mach_port_t rights[RIGHTS];
    struct parcel_text text;
    uid_t maker;
    kern_return_t kr = mring_mach_parcel_open(fd, rights, RIGHTS, &text, sizeof text, &maker);
    bool sound;

    if (kr == KERN_INVALID_ARGUMENT)
        return parcel_refused(fd, error);
    if (kr == KERN_RESOURCE_SHORTAGE)
        return failure(error, failure_code(kr), kr, "no room for what is in descriptor %d", fd);
    sound = kr == KERN_SUCCESS && parcel_read(parcel, &text);
    key_forget(&text.key);
    if (sound) {
        parcel->broker = rights[RIGHT_BROKER];
        parcel->ring = rights[RIGHT_RING];
        judge(parcel, &text, maker);
        return 0;
    }
    if (kr == KERN_SUCCESS)
        for (int at = 0; at < RIGHTS; at++)
            mach_port_deallocate(mach_task_self(), rights[at]);
    return failure(error, -EPROTO, 0,
                   "what is in descriptor %d is damaged, of another version of this library, or was read already", fd);
}
