/* Port references and registered ports: cases 94 to 102. */
#include "mach/conformance/conformance.h"

#define CASES(X)                                                                                                       \
    X(94, "deallocate no name")                                                                                        \
    X(95, "references are counted")                                                                                    \
    X(96, "references that cannot be")                                                                                 \
    X(97, "references of no name")                                                                                     \
    X(98, "references peg")                                                                                            \
    X(99, "registered ports are looked up")                                                                            \
    X(100, "there are three slots")                                                                                    \
    X(101, "a slot keeps its right")                                                                                   \
    X(102, "a bad right changes no slot")

CASES(CONFORMANCE_DECLARE)

const struct conformance_case cases_ports[] = {CASES(CONFORMANCE_ROW){NULL, NULL, NULL}};

static const mach_port_name_t NEVER_HELD = 0x12340003;

static kern_return_t modify(mach_port_name_t name, mach_port_right_t right, mach_port_delta_t delta)
{
    return mach_port_mod_refs(SELF, name, right, delta);
}

static mach_port_urefs_t references(mach_port_name_t name)
{
    mach_port_urefs_t count = 0;

    GIVES(KERN_SUCCESS, mach_port_get_refs(SELF, name, MACH_PORT_RIGHT_SEND, &count));
    return count;
}

static void case_94(void)
{
    GIVES(KERN_SUCCESS, drop(MACH_PORT_NULL));
    GIVES(KERN_SUCCESS, drop(MACH_PORT_DEAD));
    GIVES(KERN_INVALID_NAME, drop(NEVER_HELD));
}

static void case_95(void)
{
    mach_port_t name = fresh_entry(1, RW);

    GIVES(KERN_SUCCESS, modify(name, MACH_PORT_RIGHT_SEND, 2));
    for (int i = 0; i < 3; i++)
        GIVES(KERN_SUCCESS, drop(name));
    GIVES(KERN_INVALID_NAME, drop(name));
}

static void case_96(void)
{
    mach_port_t name = fresh_entry(1, RW), receive = MACH_PORT_NULL;

    GIVES(KERN_INVALID_RIGHT, modify(name, MACH_PORT_RIGHT_RECEIVE, -1));
    GIVES(KERN_INVALID_RIGHT, modify(name, MACH_PORT_RIGHT_SEND_ONCE, -1));
    GIVES(KERN_INVALID_RIGHT, modify(name, MACH_PORT_RIGHT_PORT_SET, -1));
    GIVES(KERN_INVALID_RIGHT, modify(name, MACH_PORT_RIGHT_DEAD_NAME, -1));
    GIVES(KERN_INVALID_VALUE, modify(name, 6, 1));
    GIVES(KERN_INVALID_VALUE, modify(name, 7, 1));
    GIVES(KERN_INVALID_VALUE, modify(name, MACH_PORT_RIGHT_SEND, -5));
    HOLDS("still valid", references(name) == 1);
    GIVES(KERN_SUCCESS, modify(name, MACH_PORT_RIGHT_SEND, 0));
    GIVES(KERN_SUCCESS, mach_port_allocate(SELF, MACH_PORT_RIGHT_RECEIVE, &receive));
    GIVES(KERN_INVALID_VALUE, modify(receive, MACH_PORT_RIGHT_RECEIVE, 1));
    GIVES(KERN_INVALID_VALUE, modify(receive, MACH_PORT_RIGHT_RECEIVE, -2));
    GIVES(KERN_INVALID_RIGHT, modify(receive, MACH_PORT_RIGHT_SEND, -1));
    GIVES(KERN_SUCCESS, modify(receive, MACH_PORT_RIGHT_RECEIVE, 0));
    GIVES(KERN_SUCCESS, modify(receive, MACH_PORT_RIGHT_RECEIVE, -1));
    GIVES(KERN_INVALID_NAME, modify(receive, MACH_PORT_RIGHT_RECEIVE, -1));
    GIVES(KERN_INVALID_NAME, modify(NEVER_HELD, MACH_PORT_RIGHT_SEND, -1));
}

static void case_97(void)
{
    GIVES(KERN_SUCCESS, modify(MACH_PORT_NULL, MACH_PORT_RIGHT_SEND, -1));
    GIVES(KERN_SUCCESS, modify(MACH_PORT_DEAD, MACH_PORT_RIGHT_SEND_ONCE, -1));
    GIVES(KERN_INVALID_NAME, modify(MACH_PORT_NULL, MACH_PORT_RIGHT_RECEIVE, -1));
    GIVES(KERN_INVALID_NAME, modify(MACH_PORT_DEAD, MACH_PORT_RIGHT_PORT_SET, -1));
}

static void case_98(void)
{
    mach_port_t name = fresh_entry(1, RW);

    GIVES(KERN_INVALID_VALUE, modify(name, MACH_PORT_RIGHT_SEND, 70000));
    GIVES(KERN_SUCCESS, modify(name, MACH_PORT_RIGHT_SEND, 65000));
    GIVES(KERN_SUCCESS, modify(name, MACH_PORT_RIGHT_SEND, 65000));
    HOLDS("65535 references", references(name) == 65535);
}

/* ---- registered ports ---- */

static kern_return_t enlist(mach_port_t first, mach_port_t second, mach_port_t third, mach_msg_type_number_t count)
{
    mach_port_t ports[4] = {first, second, third, MACH_PORT_NULL};

    return mach_ports_register(SELF, ports, count);
}

/* The three slots, as the caller's own references. */
static void look(mach_port_t slots[3])
{
    mach_port_array_t array = NULL;
    mach_msg_type_number_t count = 0;

    GIVES(KERN_SUCCESS, mach_ports_lookup(SELF, &array, &count));
    HOLDS("three slots", count == 3);
    memcpy(slots, array, 3 * sizeof *slots);
    GIVES(KERN_SUCCESS, vm_deallocate(SELF, (vm_address_t)array, 3 * sizeof *slots));
}

static void case_99(void)
{
    mach_port_t one = fresh_entry(1, RW), two = fresh_entry(1, RW), three = fresh_entry(1, RW), slots[3];

    GIVES(KERN_SUCCESS, enlist(one, two, three, 3));
    look(slots);
    HOLDS("the same names", slots[0] == one && slots[1] == two && slots[2] == three);
    HOLDS("one more reference each", references(one) == 2 && references(two) == 2 && references(three) == 2);
}

static void case_100(void)
{
    mach_port_t one = fresh_entry(1, RW), slots[3];

    GIVES(KERN_INVALID_ARGUMENT, enlist(one, one, one, 4));
    GIVES(KERN_SUCCESS, enlist(one, one, one, 3));
    GIVES(KERN_SUCCESS, enlist(one, MACH_PORT_NULL, MACH_PORT_NULL, 1));
    look(slots);
    HOLDS("the first, and nothing else", slots[0] == one && slots[1] == MACH_PORT_NULL && slots[2] == MACH_PORT_NULL);
}

static void case_101(void)
{
    mach_port_t entry = fresh_entry(1, RW), slots[3];

    GIVES(KERN_SUCCESS, enlist(entry, MACH_PORT_NULL, MACH_PORT_NULL, 1));
    GIVES(KERN_SUCCESS, drop(entry));
    look(slots);
    HOLDS("the right works", map_pages(slots[0], 0, 1, RW) != 0);
}

static void case_102(void)
{
    mach_port_t entry = fresh_entry(1, RW), slots[3];

    GIVES(KERN_SUCCESS, enlist(entry, MACH_PORT_NULL, MACH_PORT_NULL, 1));
    GIVES(MACH_SEND_INVALID_RIGHT, enlist(NEVER_HELD, MACH_PORT_NULL, MACH_PORT_NULL, 1));
    look(slots);
    HOLDS("the old slot is kept", slots[0] == entry);
    GIVES(KERN_INVALID_RIGHT, enlist(SELF, MACH_PORT_NULL, MACH_PORT_NULL, 1));
    look(slots);
    HOLDS("and again", slots[0] == entry);
}
