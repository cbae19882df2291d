/*
 * Names at the bootstrap server as socket addresses: of any text the address fits, is the same each time, is abstract, and two names share one only
 * when they are the same as far as a name counts. And back from what /proc shows of it.
 *
 * Input: two texts, one behind the other, divided by a zero byte.
 */
#include "mach/bootstrap_name.h"

#include "script.h"

#include <stdlib.h>
#include <string.h>

enum { USER = 1000 };

static char *text_of(const uint8_t *bytes, size_t size)
{
    char *text = malloc(size + 1);

    EXPECT(text != NULL);
    memcpy(text, bytes, size);
    text[size] = '\0';
    return text;
}

static void check_address(const struct service_name *name, const struct service_address *address)
{
    const struct service_address again = service_address(USER, name);

    EXPECT(address->size > offsetof(struct sockaddr_un, sun_path) + 1 && address->size <= sizeof(address->address));
    EXPECT(address->address.sun_family == AF_UNIX && address->address.sun_path[0] == '\0');
    EXPECT(again.size == address->size && memcmp(&again.address, &address->address, again.size) == 0);
}

/* As /proc shows it, and back. A long name is not: of that there is a hash. */
static void check_shown(const struct service_name *name, const struct service_address *address)
{
    char shown[sizeof(address->address.sun_path) + 1];
    size_t length = address->size - offsetof(struct sockaddr_un, sun_path);
    struct service_name read;
    uid_t owner;

    for (size_t at = 0; at < length; at++)
        shown[at] = address->address.sun_path[at] != '\0' ? address->address.sun_path[at] : '@';
    shown[length] = '\0';
    EXPECT(service_address_read(shown, &owner, &read) == (name->text[0] != '\0'));
    if (name->text[0] != '\0')
        EXPECT(owner == USER && (strlen(name->text) >= 32 || service_name_equal(&read, name)));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    const uint8_t *end = size != 0 ? memchr(bytes, 0, size) : NULL;
    size_t first = end != NULL ? (size_t)(end - bytes) : size;
    char *text[2] = {text_of(bytes, first), text_of(bytes + first, size - first)};
    struct service_name name[2];
    struct service_address address[2];
    bool same;

    if (end != NULL) { /* behind the zero */
        free(text[1]);
        text[1] = text_of(end + 1, size - first - 1);
    }
    for (int at = 0; at < 2; at++) {
        name[at] = service_name(text[at]);
        EXPECT(strlen(name[at].text) == strnlen(text[at], sizeof(name[at].text) - 1));
        EXPECT(strncmp(name[at].text, text[at], sizeof(name[at].text) - 1) == 0);
        address[at] = service_address(USER, &name[at]);
        check_address(&name[at], &address[at]);
        check_shown(&name[at], &address[at]);
        (void)service_address_read(text[at], &(uid_t){0}, &(struct service_name){{0}});
        free(text[at]);
    }
    same = strcmp(name[0].text, name[1].text) == 0;
    EXPECT(service_name_equal(&name[0], &name[1]) == same);
    /* Long ones go by a hash, which the registrant's answer makes good for. */
    if (strlen(name[0].text) < 32 && strlen(name[1].text) < 32)
        EXPECT((address[0].size == address[1].size &&
                memcmp(&address[0].address, &address[1].address, address[0].size) == 0) == same);
    return 0;
}
