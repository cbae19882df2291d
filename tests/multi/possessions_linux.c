#include "possessions_linux.h"

#include "harness.h"

#include <dirent.h>
#include <mach/mach.h>
#include <string.h>
#include <time.h>

static size_t entries_of(const char *path)
{
    DIR *folder = opendir(path);
    size_t count = 0;

    EXPECT(folder != NULL, ==, 1);
    while (readdir(folder) != NULL)
        count++;
    (void)closedir(folder);
    return count;
}

static size_t lines_with(const char *path, const char *text)
{
    FILE *file = fopen(path, "re");
    char line[512];
    size_t count = 0;

    EXPECT(file != NULL, ==, 1);
    while (fgets(line, sizeof(line), file) != NULL)
        if (strstr(line, text) != NULL)
            count++;
    (void)fclose(file);
    return count;
}

static size_t port_names(void)
{
    mach_port_name_t *names = NULL;
    mach_port_type_t *types = NULL;
    mach_msg_type_number_t count = 0, type_count = 0;

    EXPECT(mach_port_names(mach_task_self(), &names, &count, &types, &type_count), ==, KERN_SUCCESS);
    (void)vm_deallocate(mach_task_self(), (vm_address_t)names, count * sizeof(*names));
    (void)vm_deallocate(mach_task_self(), (vm_address_t)types, type_count * sizeof(*types));
    return count;
}

struct possessions possessions_now(void)
{
    return (struct possessions){.descriptors = entries_of("/proc/self/fd"),
                                .mappings = lines_with("/proc/self/maps", "/memfd:"),
                                .threads = entries_of("/proc/self/task"),
                                .rights = port_names()};
}

/* A thread that was joined is listed until the kernel has given back what it had: nothing says when that is done. */
static bool threads_within(size_t had, size_t has)
{
    for (int patience = 5000; has > had && patience > 0; patience--) {
        (void)nanosleep(&(struct timespec){.tv_nsec = 1000 * 1000}, NULL);
        has = entries_of("/proc/self/task");
    }
    return has <= had;
}

void possessions_within(const struct possessions *had, const struct possessions *has, const char *what)
{
    if (has->descriptors <= had->descriptors && has->mappings <= had->mappings && has->rights <= had->rights &&
        threads_within(had->threads, has->threads))
        return;
    (void)fprintf(stderr, "%s: had %zu descriptors, %zu mappings, %zu threads, %zu rights; has %zu, %zu, %zu, %zu\n",
                  what, had->descriptors, had->mappings, had->threads, had->rights, has->descriptors, has->mappings,
                  has->threads, has->rights);
    exit(EXIT_FAILURE);
}

size_t names_with(const char *text)
{
    return lines_with("/proc/net/unix", text);
}
