/*
 * Names of rings and groups, of any bytes: which are taken is said by a rule of its own here; one that is taken can be found by it, and by
 * no other, and is gone with its ring.
 *
 * Input: one byte of choices, then the name. The ring of forked children only, in which the groups are joined, is one for all inputs, so that the
 * broker's thread is not started for each.
 */
#include "mring.h"
#include "script.h"

#include <errno.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>

enum { AS_RING = 1, AS_DECLARED = 2, AS_JOINED = 4, AS_UNKNOWN = 8 };

/* What mring.h says of names. */
static int expected(const char *name)
{
    size_t length = strlen(name);

    if (length == 0)
        return -EINVAL;
    if (length > MRING_NAME_MAX)
        return -ENAMETOOLONG;
    for (size_t at = 0; at < length; at++)
        if ((unsigned char)name[at] < ' ' || name[at] == 127 || name[at] == '/')
            return -EINVAL;
    return 0;
}

/* A refusal says why, in one line of text. */
static void check_words(const struct mring_error *error, int code)
{
    EXPECT(error->code == code);
    EXPECT((code == 0) == (error->text[0] == '\0'));
    EXPECT(memchr(error->text, '\0', sizeof(error->text)) != NULL);
}

static struct mring *standing_ring(void)
{
    static struct mring *ring;
    const struct mring_options options = {.size = sizeof(options), .capacity = 16384};

    if (ring == NULL)
        EXPECT(mring_create(&ring, NULL, &options) == 0);
    return ring;
}

/* Found under its own name and role, not under another, and not after its end. */
static void find(struct mring *ring, const char *name)
{
    struct mring_open_options options = MRING_OPEN_OPTIONS_INIT;
    char other[MRING_NAME_MAX + 2];
    struct mring *opened;

    EXPECT(mring_open(&opened, name, MRING_CONSUME, &options) == 0);
    EXPECT(mring_close(opened) == 0);
    EXPECT(mring_create(&opened, name, NULL) == -EEXIST);
    (void)snprintf(other, sizeof(other), "%s", name);
    other[strlen(other) - 1] = other[strlen(other) - 1] == 'a' ? 'b' : 'a';
    EXPECT(mring_open(&opened, other, MRING_CONSUME, &options) == -ENOENT);
    EXPECT(mring_close(ring) == 0);
    EXPECT(mring_open(&opened, name, MRING_CONSUME, &options) == -ENOENT);
}

static void as_ring(const char *name)
{
    struct mring_error error = MRING_ERROR_INIT;
    const struct mring_options options = {.size = sizeof(options), .capacity = 16384, .error = &error};
    struct mring *ring;
    int code = mring_create(&ring, name, &options);

    EXPECT(code == expected(name));
    check_words(&error, code);
    if (code == 0)
        find(ring, name);
}

static bool is_user(const char *user)
{
    char *end;
    unsigned long number = strtoul(user, &end, 10);

    if (strspn(user, "0123456789") == strlen(user))
        return strlen(user) < 20 && number < UINT32_MAX;
    return getpwnam(user) != NULL;
}

/* What mring.h says of USER/NAME: who has no such ring. */
static int expected_of_other(const char *name)
{
    const char *slash = strchr(name, '/');
    char user[64] = {0};

    if (slash == NULL)
        return expected(name);
    if (slash == name || (size_t)(slash - name) >= sizeof(user))
        return -EINVAL;
    memcpy(user, name, (size_t)(slash - name));
    return is_user(user) ? expected(slash + 1) : -ENOENT;
}

static void as_unknown(const char *name)
{
    struct mring_error error = MRING_ERROR_INIT;
    const struct mring_open_options options = {.size = sizeof(options), .error = &error};
    struct mring *ring;
    int code = mring_open(&ring, name, MRING_PRODUCE, &options);

    EXPECT(code == (expected_of_other(name) == 0 ? -ENOENT : expected_of_other(name)));
    check_words(&error, code);
}

static void as_declared(const char *name)
{
    struct mring_error error = MRING_ERROR_INIT;
    const struct mring_group groups[] = {{.name = "one", .members = 1}, {.name = name, .members = 2}};
    const struct mring_options options = {
        .size = sizeof(options), .capacity = 16384, .groups = groups, .group_count = 2, .error = &error};
    struct mring *ring;
    struct mring_consumer *consumer;
    int code = mring_create(&ring, NULL, &options);

    EXPECT(code == (strcmp(name, "one") == 0 ? -EINVAL : expected(name)));
    check_words(&error, code);
    if (code != 0)
        return;
    EXPECT(mring_join(ring, name, NULL, &consumer) == 0);
    EXPECT(mring_leave(consumer) == 0);
    EXPECT(mring_close(ring) == 0);
}

/* Two members of one name are in one group, which has room for two. */
static void as_joined(const char *name)
{
    struct mring_error error = MRING_ERROR_INIT;
    const struct mring_join_options options = {.size = sizeof(options), .members = 2, .error = &error};
    struct mring_info info = MRING_INFO_INIT;
    struct mring_consumer *consumer[3];
    int code = mring_join(standing_ring(), name, &options, &consumer[0]);

    EXPECT(code == expected(name));
    check_words(&error, code);
    if (code != 0)
        return;
    EXPECT(mring_join(standing_ring(), name, &options, &consumer[1]) == 0);
    if (strcmp(name, "all") != 0) {
        EXPECT(mring_join(standing_ring(), name, &options, &consumer[2]) == -EUSERS);
        EXPECT(mring_info(standing_ring(), &info) == 0 && info.groups == 2);
    }
    EXPECT(mring_leave(consumer[0]) == 0);
    EXPECT(mring_leave(consumer[1]) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    char *name;

    if (size < 1)
        return 0;
    name = malloc(size);
    EXPECT(name != NULL && standing_ring() != NULL);
    memcpy(name, bytes + 1, size - 1);
    name[size - 1] = '\0';
    if ((bytes[0] & AS_JOINED) != 0)
        as_joined(name);
    if ((bytes[0] & AS_DECLARED) != 0)
        as_declared(name);
    if ((bytes[0] & AS_RING) != 0)
        as_ring(name);
    if ((bytes[0] & AS_UNKNOWN) != 0)
        as_unknown(name);
    free(name);
    return 0;
}
