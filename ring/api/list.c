/* Which rings there are. What the system lists is hearsay: a name counts when a process of its user answers for it. */
#include "ring.h"

#include "check.h"
#include "meet/names.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

struct list {
    const struct mring_list_options *options;
    int count;
};

/* Its user's rings are this process's by their plain name. */
static void report(struct list *list, uid_t owner, const char *name, pid_t process)
{
    char full[sizeof "4294967295/" + MRING_NAME_MAX];
    struct mring_listed ring = {.size = sizeof(ring), .name = name, .process = process};

    if (owner != geteuid()) {
        (void)snprintf(full, sizeof(full), "%lu/%s", (unsigned long)owner, name);
        ring.name = full;
    }
    list->options->report(list->options->context, &ring);
}

static void found(void *context, uid_t owner, const char *name)
{
    struct list *list = context;
    name_t service;
    uid_t holder;
    pid_t process;

    if ((!list->options->others && owner != geteuid()) || check_name(name, "ring", NULL) != 0 ||
        !names_service(service, name) || !names_holder(owner, service, &holder, &process) ||
        (holder != owner && holder != 0))
        return;
    list->count++;
    if (list->options->report != NULL)
        report(list, owner, name, process);
}

int mring_list(const struct mring_list_options *options)
{
    static const struct mring_list_options defaults = MRING_LIST_OPTIONS_INIT;
    struct list list = {options != NULL ? options : &defaults, 0};
    kern_return_t kr;
    int code = check_size(list.options->size, sizeof(*options), "mring_list_options", NULL);

    if (code != 0)
        return code;
    kr = names_list(&(struct names_listener){found, &list});
    if (kr != KERN_SUCCESS)
        return failure(list.options->error, failure_code(kr), kr, "the names of rings cannot be listed here");
    return list.count;
}
