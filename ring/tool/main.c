/* mring: what a shell can do with rings. The subcommands, and what they all end with. */
#include "tool.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static const char usage[] =
    "usage: mring COMMAND [OPTION]... [NAME]\n"
    "  ls      list the rings that are served here\n"
    "  send    send lines or records of standard input to a ring\n"
    "  recv    write what a group of a ring receives to standard output\n"
    "  stat    show how much was sent, who is how far, and who keeps the sender waiting\n"
    "  fsck    check a ring, and put right what killed processes left\n"
    "  remove  remove a durable group that nobody receives for\n"
    "`mring COMMAND --help` tells more, mring(1) all; --version tells which this is.\n"
    "Exit status: 0 done, 1 failed, 2 not understood, 3 done, and the ring or its stream is not as it should be.\n";

static const struct command *const commands[] = {&command_fsck,   &command_ls,   &command_recv,
                                                 &command_remove, &command_send, &command_stat};

static const struct command *find(const char *name)
{
    for (size_t at = 0; at < sizeof(commands) / sizeof(commands[0]); at++)
        if (strcmp(commands[at]->name, name) == 0)
            return commands[at];
    return NULL;
}

/* A stream that was closed must not be what the library opens next: its number is taken by one that can do nothing. */
static void keep_standard_streams(void)
{
    for (int stream = STDIN_FILENO; stream <= STDERR_FILENO; stream++)
        if (fcntl(stream, F_GETFD) < 0)
            (void)open("/dev/null", stream == STDIN_FILENO ? O_WRONLY : O_RDONLY);
}

int main(int argc, char **argv)
{
    const struct command *command;
    char speaker[32];

    keep_standard_streams();
    if (argc < 2)
        usage_error("a command is missing");
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        (void)fputs(usage, stdout);
        return finish_output(EXIT_DONE);
    }
    if (strcmp(argv[1], "--version") == 0) {
        (void)printf("mring %s\n", mring_version());
        return finish_output(EXIT_DONE);
    }
    command = find(argv[1]);
    if (command == NULL)
        usage_error("there is no command \"%s\"", argv[1]);
    (void)snprintf(speaker, sizeof(speaker), "mring %s", command->name);
    say_as(speaker);
    argv[1] = speaker; /* for getopt_long, which speaks by this name */
    return finish_output(command->run(argc - 1, argv + 1));
}
