#include "vm_maps.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

enum { BUFFER = 16384, FIRST_ROOM = 64 };

/* The text is the kernel's own: 7f00-7f01 rw-p 00000000 00:01 123   /path */
struct text {
    const char *at, *end;
};

static uint64_t number(struct text *text, unsigned base)
{
    uint64_t value = 0;

    for (; text->at < text->end; text->at++) {
        char c = *text->at;
        unsigned digit = c >= '0' && c <= '9'   ? (unsigned)(c - '0')
                         : c >= 'a' && c <= 'f' ? (unsigned)(c - 'a') + 10
                                                : 16;
        if (digit >= base)
            break;
        value = value * base + digit;
    }
    return value;
}

static void skip(struct text *text)
{
    if (text->at < text->end)
        text->at++;
}

static char take(struct text *text)
{
    return text->at < text->end ? *text->at++ : '\0';
}

static struct vm_mapping parse(struct text text)
{
    struct vm_mapping mapping = {.start = number(&text, 16)};

    skip(&text);
    mapping.end = number(&text, 16);
    skip(&text);
    mapping.protection |= take(&text) == 'r' ? VM_PROT_READ : VM_PROT_NONE;
    mapping.protection |= take(&text) == 'w' ? VM_PROT_WRITE : VM_PROT_NONE;
    mapping.protection |= take(&text) == 'x' ? VM_PROT_EXECUTE : VM_PROT_NONE;
    mapping.shared = take(&text) == 's';
    skip(&text);
    mapping.offset = number(&text, 16);
    skip(&text);
    unsigned major_number = (unsigned)number(&text, 16);
    skip(&text);
    unsigned minor_number = (unsigned)number(&text, 16);
    mapping.device = makedev(major_number, minor_number);
    skip(&text);
    mapping.inode = number(&text, 10);
    while (text.at < text.end && *text.at == ' ')
        text.at++;
    mapping.kernels = text.end - text.at >= 2 && memcmp(text.at, "[v", 2) == 0;
    return mapping;
}

static bool append(struct vm_maps *maps, const struct vm_mapping *mapping)
{
    if (maps->count == maps->room) {
        size_t room = maps->room != 0 ? 2 * maps->room : FIRST_ROOM;
        struct vm_mapping *grown = realloc(maps->mappings, room * sizeof *grown);
        if (grown == NULL)
            return false;
        maps->mappings = grown;
        maps->room = room;
    }
    maps->mappings[maps->count++] = *mapping;
    return true;
}

enum progress { MORE, DONE, SHORT };

/* Take in the whole lines of [*from, end); *from moves on to the first that is not whole. */
static enum progress take_lines(struct vm_maps *maps, const char **from, const char *end, uint64_t first, uint64_t last)
{
    const char *newline;

    while (*from < end && (newline = memchr(*from, '\n', (size_t)(end - *from))) != NULL) {
        struct vm_mapping mapping = parse((struct text){*from, newline});
        *from = newline + 1;
        if (mapping.start >= last)
            return DONE;
        if (mapping.end > first && !append(maps, &mapping))
            return SHORT;
    }
    return MORE;
}

/* KERN_NOT_FOUND: the file is empty. */
static kern_return_t read_lines(struct vm_maps *maps, int fd, uint64_t first, uint64_t last)
{
    char buffer[BUFFER]; /* a line is at most a page and a bit */
    size_t held = 0;
    bool empty = true;

    for (;;) {
        ssize_t got = read(fd, buffer + held, sizeof buffer - held);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return got < 0 ? KERN_FAILURE : empty ? KERN_NOT_FOUND : KERN_SUCCESS;
        empty = false;
        held += (size_t)got;

        const char *from = buffer;
        enum progress progress = take_lines(maps, &from, buffer + held, first, last);
        if (progress != MORE)
            return progress == DONE ? KERN_SUCCESS : KERN_RESOURCE_SHORTAGE;
        held -= (size_t)(from - buffer);
        memmove(buffer, from, held);
        if (held == sizeof buffer)
            return KERN_FAILURE;
    }
}

static kern_return_t read_from(const char *path, struct vm_maps *maps, uint64_t start, uint64_t end)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return errno == EMFILE || errno == ENFILE || errno == ENOMEM ? KERN_RESOURCE_SHORTAGE : KERN_FAILURE;
    kern_return_t kr = read_lines(maps, fd, start, end);
    close(fd);
    return kr;
}

kern_return_t vm_maps_read(struct vm_maps *maps, uint64_t start, uint64_t end)
{
    int saved = errno;

    *maps = (struct vm_maps){NULL, 0, 0};
    kern_return_t kr = read_from("/proc/self/maps", maps, start, end);
    /* "self" is the main thread, and has nothing any more if that has exited before the others. */
    if (kr == KERN_NOT_FOUND)
        kr = read_from("/proc/thread-self/maps", maps, start, end);
    if (kr != KERN_SUCCESS)
        vm_maps_free(maps);
    errno = saved;
    return kr;
}

void vm_maps_free(struct vm_maps *maps)
{
    free(maps->mappings);
    *maps = (struct vm_maps){NULL, 0, 0};
}
