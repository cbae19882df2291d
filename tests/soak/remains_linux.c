/*
 * What a ring's processes have of the kernel's, by inode: its memory (memfds, mapped or open) and its sockets. After all
 * were killed no process may have any of it, none of the abstract names that its sockets had may be taken, and no
 * file in /dev/shm may be the ring's.
 */
#include "soak.h"

#include <dirent.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

enum { KEPT_MOST = 512, NAME_ROOM = 128, DESCRIPTORS_MOST = 256 };

/* Things of one kind: their inodes. */
struct kept {
    unsigned count;
    unsigned long inode[KEPT_MOST];
};

struct remains {
    struct kept memory;
    struct kept sockets;
    char name[KEPT_MOST + 1][NAME_ROOM]; /* abstract ones, that the sockets are bound to */
    unsigned names;
    unsigned left; /* of all this, after the end */
};

static bool has(const struct kept *kept, unsigned long inode)
{
    for (unsigned at = 0; at < kept->count; at++)
        if (kept->inode[at] == inode)
            return true;
    return false;
}

static void keep(struct kept *kept, unsigned long inode)
{
    if (!has(kept, inode) && kept->count < KEPT_MOST)
        kept->inode[kept->count++] = inode;
}

/* All lines of a file of /proc, for as long as the process is there. */
static void each_line(const char *path, void (*see)(const char *line, void *context), void *context)
{
    char line[1024];
    FILE *file = fopen(path, "r");

    while (file != NULL && fgets(line, sizeof(line), file) != NULL)
        see(line, context);
    if (file != NULL)
        (void)fclose(file);
}

static void see_mapping(const char *line, void *context)
{
    unsigned long inode;

    if (strstr(line, "/memfd:") != NULL && sscanf(line, "%*s %*s %*s %*s %lu", &inode) == 1)
        keep(context, inode);
}

static void see_descriptor(const char *path, struct remains *remains)
{
    char target[64] = "";
    struct stat facts;

    if (readlink(path, target, sizeof(target) - 1) < 0 || stat(path, &facts) != 0)
        return;
    if (strncmp(target, "/memfd:", 7) == 0)
        keep(&remains->memory, facts.st_ino);
    else if (S_ISSOCK(facts.st_mode))
        keep(&remains->sockets, facts.st_ino);
}

static void see_process(const char *pid, struct remains *remains)
{
    char path[64];

    (void)snprintf(path, sizeof(path), "/proc/%.16s/maps", pid);
    each_line(path, see_mapping, &remains->memory);
    for (unsigned descriptor = 0; descriptor < DESCRIPTORS_MOST; descriptor++) {
        (void)snprintf(path, sizeof(path), "/proc/%.16s/fd/%u", pid, descriptor);
        see_descriptor(path, remains);
    }
}

/* Num RefCount Protocol Flags Type St Inode Path: an abstract one begins with '@'. */
static bool read_name(const char *line, unsigned long *inode, char path[NAME_ROOM])
{
    return sscanf(line, "%*s %*s %*s %*s %*s %*s %lu @%127[^\n]", inode, path) == 2;
}

static void note_name(const char *line, void *context)
{
    struct remains *remains = context;
    unsigned long inode;
    char *name = remains->name[remains->names];

    if (remains->names == KEPT_MOST || !read_name(line, &inode, name) || !has(&remains->sockets, inode))
        return;
    for (unsigned at = 0; at < remains->names; at++)
        if (strcmp(remains->name[at], name) == 0)
            return;
    remains->names++;
}

static void look_for_name(const char *line, void *context)
{
    struct remains *remains = context;
    unsigned long inode;
    char path[NAME_ROOM];

    for (unsigned at = 0; read_name(line, &inode, path) && at < remains->names; at++)
        if (strcmp(remains->name[at], path) == 0) {
            (void)fprintf(stderr, "remains: the name @%s\n", path);
            remains->left++;
        }
}

static void look_for_memory(const char *pid, struct remains *remains)
{
    struct remains *found = calloc(1, sizeof(*found));

    if (found == NULL)
        abort();
    see_process(pid, found);
    for (unsigned at = 0; at < found->memory.count; at++)
        if (has(&remains->memory, found->memory.inode[at])) {
            (void)fprintf(stderr, "remains: memory, inode %lu, in process %s\n", found->memory.inode[at], pid);
            remains->left++;
        }
    free(found);
}

/* The ring's name is in the names of all that is the system's and could be made for it. */
static void look_for_file(const char *name, struct remains *remains)
{
    if (strstr(name, "mring") == NULL && strstr(name, ring_name) == NULL)
        return;
    (void)fprintf(stderr, "remains: /dev/shm/%s\n", name);
    remains->left++;
}

static void each_entry(const char *path, void (*see)(const char *name, struct remains *remains),
                       struct remains *remains)
{
    DIR *folder = opendir(path);
    const struct dirent *entry;

    while (folder != NULL && (entry = readdir(folder)) != NULL)
        see(entry->d_name, remains);
    if (folder != NULL)
        (void)closedir(folder);
}

static void look_at_process(const char *pid, struct remains *remains)
{
    if (pid[0] >= '1' && pid[0] <= '9')
        look_for_memory(pid, remains);
}

struct remains *remains_begin(void)
{
    struct remains *remains = calloc(1, sizeof(*remains));

    if (remains == NULL)
        abort();
    return remains;
}

void remains_note(struct remains *remains, pid_t pid)
{
    char text[16];

    (void)snprintf(text, sizeof(text), "%ld", (long)pid);
    see_process(text, remains);
}

void remains_note_names(struct remains *remains)
{
    each_line("/proc/net/unix", note_name, remains);
}

bool remains_nothing(struct remains *remains)
{
    bool nothing;

    if (remains->memory.count == 0) { /* a name may have been nobody's just then */
        (void)fprintf(stderr, "remains: they seem to have had no memory\n");
        remains->left++;
    }
    each_entry("/proc", look_at_process, remains);
    each_entry("/dev/shm", look_for_file, remains);
    each_line("/proc/net/unix", look_for_name, remains);
    nothing = remains->left == 0;
    free(remains);
    return nothing;
}

void remains_tie(pid_t judge)
{
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != judge) /* it ended before that */
        _Exit(EXIT_FAILURE);
}
