/* The paths of mring_inline.h as functions, for barriers.sh to look at: they have no others. */
#include "mring_inline.h"

int inline_publish(struct mring_writer *writer, size_t length, uint32_t tag);
int inline_commit(struct mring_writer *writer, size_t length, uint32_t tag);
int inline_flush(struct mring_writer *writer);
int inline_send(struct mring_writer *writer, uint64_t value, uint32_t tag);
int inline_next(struct mring_reader *reader, struct mring_message *message);
int inline_recv(struct mring_reader *reader, uint64_t *value, struct mring_message *message);
int inline_release(struct mring_reader *reader, const struct mring_message *message);

int inline_publish(struct mring_writer *writer, size_t length, uint32_t tag)
{
    return mring_writer_publish(writer, length, tag);
}

int inline_commit(struct mring_writer *writer, size_t length, uint32_t tag)
{
    return mring_writer_commit(writer, length, tag);
}

int inline_flush(struct mring_writer *writer)
{
    return mring_writer_flush(writer);
}

int inline_send(struct mring_writer *writer, uint64_t value, uint32_t tag)
{
    return mring_writer_send(writer, &value, sizeof(value), tag);
}

int inline_recv(struct mring_reader *reader, uint64_t *value, struct mring_message *message)
{
    return mring_reader_recv(reader, value, sizeof(*value), message);
}

int inline_next(struct mring_reader *reader, struct mring_message *message)
{
    return mring_reader_next(reader, message);
}

int inline_release(struct mring_reader *reader, const struct mring_message *message)
{
    return mring_reader_release(reader, message);
}
