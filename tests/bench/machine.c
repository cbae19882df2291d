/* What the figures are figures of. */
#include "output.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

/* What follows `key` on the line of a file that begins with it, without what is around it. */
static void look_up(const char *path, const char *key, const char *around, char *into, size_t size)
{
    FILE *file = fopen(path, "re");
    char line[512];

    (void)snprintf(into, size, "unknown");
    while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
        if (strncmp(line, key, strlen(key)) != 0)
            continue;
        char *value = line + strlen(key);

        value += strspn(value, around);
        for (size_t length = strlen(value); length > 0 && strchr(around, value[length - 1]) != NULL;)
            value[--length] = '\0';
        (void)snprintf(into, size, "%s", value);
        break;
    }
    if (file != NULL)
        (void)fclose(file);
}

struct machine machine_describe(void)
{
    struct machine machine = {.processors = sysconf(_SC_NPROCESSORS_ONLN)};
    struct utsname name;

    look_up("/proc/cpuinfo", "model name", " \t:\n", machine.processor, sizeof(machine.processor));
    look_up("/etc/os-release", "PRETTY_NAME", "=\"\n", machine.system, sizeof(machine.system));
    if (uname(&name) == 0)
        (void)snprintf(machine.kernel, sizeof(machine.kernel), "%s %s %s", name.sysname, name.release, name.machine);
    (void)snprintf(machine.compiler, sizeof(machine.compiler), "%s", __VERSION__);
    if (getloadavg(&machine.load, 1) != 1)
        machine.load = -1;
    return machine;
}
