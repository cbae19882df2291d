/*
 * A program around a target, for compilers without libFuzzer and for AFL++: gives it the files named, and those in the directories named; without
 * a name, what is on the standard input.
 */
#include "script.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>

static unsigned long given;

static void fail(const char *name)
{
    perror(name);
    exit(EXIT_FAILURE);
}

static void give(FILE *file, const char *name)
{
    static uint8_t bytes[1 << 20];
    size_t size = fread(bytes, 1, sizeof(bytes), file);
    uint8_t *input = malloc(size != 0 ? size : 1); /* of its own size, so that one byte too far is seen */

    if (ferror(file) || input == NULL)
        fail(name);
    memcpy(input, bytes, size);
    (void)LLVMFuzzerTestOneInput(input, size);
    free(input);
    given++;
}

static void give_path(const char *path)
{
    DIR *directory = opendir(path);
    const struct dirent *entry;
    FILE *file;

    if (directory != NULL) {
        while ((entry = readdir(directory)) != NULL) {
            char inner[4096];

            (void)snprintf(inner, sizeof(inner), "%s/%s", path, entry->d_name);
            if (entry->d_name[0] != '.')
                give_path(inner);
        }
        (void)closedir(directory);
        return;
    }
    file = fopen(path, "rb");
    if (file == NULL)
        fail(path);
    give(file, path);
    (void)fclose(file);
}

int main(int argc, char **argv)
{
    for (int at = 1; at < argc; at++)
        give_path(argv[at]);
    if (argc == 1)
        give(stdin, "standard input");
    (void)printf("%lu inputs\n", given);
    return given != 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
