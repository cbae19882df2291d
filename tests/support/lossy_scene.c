#include "lossy_scene.h"

#include "core/lossy.h"
#include "core/shared.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

void scene_make(struct scene *scene)
{
    const uint32_t members[GROUPS] = {1, MANY_MEMBERS};

    memset(scene, 0, sizeof(*scene));
    fake_ring_make(&scene->ring, CAPACITY, 8, GROUPS, members);
    for (unsigned group = 0; group < GROUPS; group++)
        scene->ring.group[group].terms.lossy = 1;
    assert_int_equal(producer_core_start(&scene->producer, &scene->ring.view), 0);
}

unsigned char byte_of(uint32_t number)
{
    return (unsigned char)(number * 31 + 7);
}

void send_one(struct scene *scene, uint32_t length)
{
    static unsigned char payload[CAPACITY];

    memset(payload, byte_of(scene->sent), length);
    fake_ring_send(&scene->ring, &scene->producer, payload, length, scene->sent++);
    scene->sent_bytes += length;
}

void send_some(struct scene *scene, unsigned count, uint32_t length)
{
    while (count-- > 0)
        send_one(scene, length);
}

int next(struct consumer_core *member, struct record *record)
{
    int code = lossy_next(member, record);

    if (code != 0)
        return code;
    if (member->group.members == 1)
        code = lossy_refill(member);
    else
        code = member->lossy.count == 0 ? shared_claim(member) : 0;
    return code < 0 ? code : lossy_next(member, record);
}

void note_missed(struct account *account, const struct consumer_core *member)
{
    account->missed += member->lossy.gap.messages;
    account->missed_bytes += member->lossy.gap.bytes;
    assert_true(member->lossy.gap.messages != 0);
}

static void check_whole(const struct record *record)
{
    const unsigned char *data = record->data;

    for (uint32_t at = 0; at < record_length(record->header); at++)
        assert_int_equal(data[at], byte_of(record_tag(record->header)));
}

void release(struct account *account, struct consumer_core *member, const struct record *record)
{
    int code = lossy_release(member, record->position, record_length(record->header));

    if (code == 0) {
        account->got++;
        account->got_bytes += record_length(record->header);
    } else {
        assert_int_equal(code, -EOVERFLOW);
        note_missed(account, member);
    }
}

void drain(struct account *account, struct consumer_core *member)
{
    struct record record = {0, 0, NULL};
    int64_t last = -1;
    int code;

    while ((code = next(member, &record)) != 0) {
        if (code == -EOVERFLOW) {
            note_missed(account, member);
            continue;
        }
        assert_int_equal(code, 1);
        check_whole(&record);
        assert_true(record_tag(record.header) > last || member->given > 1);
        last = record_tag(record.header);
        release(account, member, &record);
    }
}

void assert_adds_up(const struct scene *scene, const struct account *account)
{
    assert_int_equal(account->got + account->missed, scene->sent);
    assert_int_equal(account->got_bytes + account->missed_bytes, scene->sent_bytes);
}
