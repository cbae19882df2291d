#include "consumer.h"

int consumer_core_damaged(struct consumer_core *consumer, struct trouble trouble)
{
    consumer->trouble = trouble;
    word_add_own(&consumer->line->damaged, 1);
    return -EBADMSG;
}
