#include "mach_vm_names.h"

#include <stdlib.h>

struct held *names_find(struct names *names, mach_port_name_t name)
{
    for (size_t i = 0; i < NAMES; i++)
        if (names->held[i].kind != HELD_NOTHING && names->held[i].name == name)
            return &names->held[i];
    return NULL;
}

static struct held *find_room(struct names *names)
{
    for (size_t i = 0; i < NAMES; i++)
        if (names->held[i].kind == HELD_NOTHING)
            return &names->held[i];
    return NULL;
}

bool names_have_room(const struct names *names)
{
    return find_room((struct names *)(uintptr_t)names) != NULL;
}

struct held *names_add(struct names *names, mach_port_name_t name, enum held_kind kind)
{
    struct held *held = find_room(names);

    if (held == NULL)
        abort();
    *held = (struct held){.kind = kind, .name = name, .references = 1};
    if (kind == HELD_PORT || kind == HELD_SET) {
        held->references = 0;
        held->receive = kind == HELD_PORT;
    }
    return held;
}

static void drop_view(struct view_of_memory *entry)
{
    if (entry != NULL)
        for (size_t i = 0; i < entry->pages; i++)
            content_drop(entry->content[i]);
    free(entry);
}

/* The send-once rights to a port whose receive right has ended. */
static void end_once(struct names *names, mach_port_name_t port)
{
    for (size_t i = 0; i < NAMES; i++)
        if (names->held[i].kind == HELD_ONCE && names->held[i].port == port)
            names->held[i].kind = HELD_DEAD;
}

static void vanish(struct names *names, struct held *held)
{
    drop_view(held->entry);
    names->stale[names->last_stale++ % STALE] = held->name;
    if (held->receive)
        end_once(names, held->name);
    *held = (struct held){.kind = HELD_NOTHING};
}

mach_port_type_t held_type(const struct held *held)
{
    if (held == NULL)
        return MACH_PORT_TYPE_NONE;
    switch (held->kind) {
    case HELD_NOTHING:
        break;
    case HELD_PINNED:
    case HELD_ENTRY:
    case HELD_SEMAPHORE:
        return MACH_PORT_TYPE_SEND;
    case HELD_ONCE:
        return MACH_PORT_TYPE_SEND_ONCE;
    case HELD_SET:
        return MACH_PORT_TYPE_PORT_SET;
    case HELD_DEAD:
        return MACH_PORT_TYPE_DEAD_NAME;
    case HELD_PORT:
        if (!held->receive)
            return MACH_PORT_TYPE_DEAD_NAME;
        return held->references != 0 ? MACH_PORT_TYPE_SEND_RECEIVE : MACH_PORT_TYPE_RECEIVE;
    }
    return MACH_PORT_TYPE_NONE;
}

kern_return_t names_task_code(struct names *names, mach_port_name_t task)
{
    if (task == mach_task_self())
        return KERN_SUCCESS;
    return held_type(names_find(names, task)) & MACH_PORT_TYPE_SEND ? KERN_INVALID_ARGUMENT : MACH_SEND_INVALID_DEST;
}

kern_return_t names_argument(struct names *names, mach_port_name_t name, struct held **held)
{
    struct held *found = names_find(names, name);
    mach_port_type_t type = held_type(found);

    *held = NULL;
    if (!MACH_PORT_VALID(name) || (type & MACH_PORT_TYPE_DEAD_NAME))
        return KERN_SUCCESS;
    if (!(type & MACH_PORT_TYPE_SEND))
        return MACH_SEND_INVALID_RIGHT;
    *held = found;
    return KERN_SUCCESS;
}

/* ---- references ---- */

static void lose_receive(struct names *names, struct held *held)
{
    end_once(names, held->name);
    held->receive = false;
    if (held->references == 0)
        vanish(names, held);
}

static kern_return_t take_references(struct names *names, struct held *held, uint32_t count)
{
    if (count > held->references)
        return KERN_INVALID_VALUE;
    if (held->kind == HELD_PINNED && count == held->references)
        return KERN_INVALID_CAPABILITY;
    if (held->references == UREFS_MAX && count < UREFS_MAX)
        return KERN_SUCCESS; /* pegged */
    held->references -= count;
    if (held->references == 0 && !held->receive)
        vanish(names, held);
    return KERN_SUCCESS;
}

static void add_references(struct held *held, uint32_t count)
{
    held->references = held->references + count > UREFS_MAX ? UREFS_MAX : held->references + count;
}

void names_add_reference(struct held *held)
{
    add_references(held, 1);
}

kern_return_t names_modify(struct names *names, mach_port_name_t name, mach_port_right_t right, int64_t delta)
{
    struct held *held = names_find(names, name);

    if (right >= MACH_PORT_RIGHT_NUMBER)
        return KERN_INVALID_VALUE;
    if (!MACH_PORT_VALID(name))
        return right == MACH_PORT_RIGHT_SEND || right == MACH_PORT_RIGHT_SEND_ONCE ? KERN_SUCCESS : KERN_INVALID_NAME;
    if (held == NULL)
        return KERN_INVALID_NAME;
    if (!(held_type(held) & MACH_PORT_TYPE(right)))
        return KERN_INVALID_RIGHT;
    if (right == MACH_PORT_RIGHT_RECEIVE || right == MACH_PORT_RIGHT_PORT_SET) {
        if (delta != 0 && delta != -1)
            return KERN_INVALID_VALUE;
        if (delta == -1)
            lose_receive(names, held);
        return KERN_SUCCESS;
    }
    if (delta > UREFS_MAX || delta < -UREFS_MAX)
        return KERN_INVALID_VALUE;
    if (delta < 0)
        return take_references(names, held, (uint32_t)-delta);
    if (right == MACH_PORT_RIGHT_SEND_ONCE && delta > 0)
        return KERN_INVALID_VALUE;
    add_references(held, (uint32_t)delta);
    return KERN_SUCCESS;
}

kern_return_t names_deallocate(struct names *names, mach_port_name_t name)
{
    struct held *held = names_find(names, name);
    mach_port_type_t type = held_type(held);

    if (!MACH_PORT_VALID(name))
        return KERN_SUCCESS;
    if (held == NULL)
        return KERN_INVALID_NAME;
    if (type == MACH_PORT_TYPE_RECEIVE)
        return KERN_INVALID_RIGHT;
    if (type == MACH_PORT_TYPE_PORT_SET) {
        vanish(names, held);
        return KERN_SUCCESS;
    }
    return take_references(names, held, 1);
}

kern_return_t names_destroy(struct names *names, mach_port_name_t name)
{
    struct held *held = names_find(names, name);

    if (!MACH_PORT_VALID(name))
        return KERN_SUCCESS;
    if (held == NULL)
        return KERN_INVALID_NAME;
    if (held->kind == HELD_PINNED)
        return KERN_INVALID_CAPABILITY;
    vanish(names, held);
    return KERN_SUCCESS;
}

uint32_t names_references(const struct held *held, mach_port_right_t right)
{
    if (!(held_type(held) & MACH_PORT_TYPE(right)))
        return 0;
    return right == MACH_PORT_RIGHT_RECEIVE || right == MACH_PORT_RIGHT_PORT_SET ? 1 : held->references;
}

/* ---- insertion ---- */

static kern_return_t take_code(const struct held *held, mach_msg_type_name_t how)
{
    mach_port_type_t needed = MACH_PORT_TYPE_RECEIVE;

    if (how == MACH_MSG_TYPE_COPY_SEND || how == MACH_MSG_TYPE_MOVE_SEND)
        needed = MACH_PORT_TYPE_SEND | MACH_PORT_TYPE_DEAD_NAME;
    else if (how == MACH_MSG_TYPE_MOVE_SEND_ONCE)
        needed = MACH_PORT_TYPE_SEND_ONCE | MACH_PORT_TYPE_DEAD_NAME;
    else if (how != MACH_MSG_TYPE_MAKE_SEND && how != MACH_MSG_TYPE_MAKE_SEND_ONCE && how != MACH_MSG_TYPE_MOVE_RECEIVE)
        return KERN_INVALID_VALUE;
    if (held == NULL)
        return KERN_INVALID_NAME;
    if (!(held_type(held) & needed))
        return KERN_INVALID_RIGHT;
    return how == MACH_MSG_TYPE_MOVE_RECEIVE ? KERN_INVALID_CAPABILITY : KERN_SUCCESS;
}

/* May the caller choose this number? The index and the two low bits decide; an index has one name at a time. */
static kern_return_t choice_code(struct names *names, mach_port_name_t name)
{
    enum { INDICES = 1 << 18 };

    if (name >> 8 >= INDICES)
        return KERN_NO_SPACE;
    if ((name & 3) != 3)
        return KERN_INVALID_VALUE;
    if (name >> 8 == 0)
        return KERN_FAILURE;
    for (size_t i = 0; i < NAMES; i++)
        if (names->held[i].kind != HELD_NOTHING && names->held[i].name != name && names->held[i].name >> 8 == name >> 8)
            return KERN_FAILURE;
    return KERN_SUCCESS;
}

/* `known`: how the task knows the send right already, or NULL. Takes over the view of what was moved, if it succeeds. */
static kern_return_t put_in(struct names *names, mach_port_name_t name, struct held *moved, struct held *known)
{
    struct held *there = names_find(names, name);
    kern_return_t code = choice_code(names, name);

    if (code != KERN_SUCCESS)
        return code;
    if (known != NULL && known != there)
        return KERN_RIGHT_EXISTS;
    if (known == NULL && there != NULL)
        return KERN_NAME_EXISTS;
    if (known != NULL) {
        add_references(known, 1);
        return KERN_SUCCESS;
    }
    struct held *made = names_add(names, name, moved->kind);
    moved->name = name;
    moved->references = 1;
    *made = *moved;
    moved->entry = NULL;
    return KERN_SUCCESS;
}

kern_return_t names_insert_right(struct names *names, mach_port_name_t name, mach_port_name_t right,
                                 mach_msg_type_name_t how)
{
    struct held *held = names_find(names, right);
    kern_return_t code = take_code(held, how);
    bool in_place = name == right && (how == MACH_MSG_TYPE_MAKE_SEND || how == MACH_MSG_TYPE_COPY_SEND);
    bool once = how == MACH_MSG_TYPE_MAKE_SEND_ONCE || how == MACH_MSG_TYPE_MOVE_SEND_ONCE;

    if (in_place && held_type(held) == MACH_PORT_TYPE_DEAD_NAME)
        return KERN_INVALID_CAPABILITY;
    if (code != KERN_SUCCESS)
        return code;
    struct held moved = *held;
    mach_port_type_t type = held_type(held);
    bool moves = how == MACH_MSG_TYPE_MOVE_SEND || how == MACH_MSG_TYPE_MOVE_SEND_ONCE;
    bool leaves = moves && held->references == 1 && !held->receive && held->kind != HELD_PINNED;
    if (leaves)
        held->entry = NULL;
    else
        moved.entry = NULL;
    if (moves)
        code = take_references(names, held, 1);
    if (code != KERN_SUCCESS)
        return code;
    if (how == MACH_MSG_TYPE_MAKE_SEND_ONCE)
        moved = (struct held){.kind = HELD_ONCE, .port = right};
    if (!MACH_PORT_VALID(name))
        code = KERN_INVALID_VALUE;
    else if (type & MACH_PORT_TYPE_DEAD_NAME)
        code = KERN_INVALID_CAPABILITY;
    else
        code = put_in(names, name, &moved, once || leaves ? NULL : held);
    drop_view(moved.entry);
    return code;
}
