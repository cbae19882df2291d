/* Messages that were set aside (core/aside.h), for those who want to know what they were. */
#include "consumer.h"

#include "core/aside.h"

int mring_take_aside(struct mring_consumer *consumer, void *buffer, size_t size, struct mring_message *message)
{
    struct aside_message found;
    int code;

    if (consumer_stale(consumer))
        return -ESTALE;
    code = aside_take(&consumer->core.group, &consumer->core.judge, buffer, size, &found);
    if (code == 1 || code == -EMSGSIZE) {
        message->data = buffer;
        message->length = record_length(found.header);
        message->tag = record_tag(found.header);
        message->position = found.position;
        message->deliveries = (unsigned)found.given;
    }
    if (code == -EBADMSG)
        return consumer_core_damaged(&consumer->core,
                                     (struct trouble){TROUBLE_ASIDE, found.position, record_length(found.header),
                                                      view_message_max(&consumer->core.view)});
    return code;
}
