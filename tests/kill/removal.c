/*
 * A process that removes a durable group, killed at every step: also while it comes to serve the ring for that; and one that serves it, which another
 * asks. The group is there, with its place, or gone; and the ring goes on.
 */
#include "trial.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#define SECOND INT64_C(1000000000)

enum { MESSAGES = 3, LAPS = 3000 /* messages: some ring fulls */ };

static struct mring_producer *producer;
static char name[32];
static pid_t creator;

/* ---- the ring, of another process ---- */

static void create(int ready)
{
    struct mring_options options = MRING_OPTIONS_INIT;
    struct mring_group none = {.name = NULL};
    struct mring *ring;

    options.groups = &none;
    options.capacity = 16384;
    NEED(mring_create(&ring, name, &options) == 0);
    NEED(write(ready, "", 1) == 1);
    for (;;)
        (void)pause();
}

static int join(struct mring *ring, struct mring_consumer **consumer)
{
    struct mring_join_options options = MRING_JOIN_OPTIONS_INIT;

    options.durable = 1;
    return mring_join(ring, "ledger", &options, consumer);
}

static void send(unsigned number)
{
    NEED(mring_send_wait(producer, &number, sizeof(number), number, 20 * SECOND) == 0);
}

/* The trial can serve the ring, and keeps the group. */
static void prepare(struct trial *trial)
{
    struct mring_consumer *consumer;
    int ready[2];
    char byte;

    (void)snprintf(name, sizeof(name), "kill.%ld", (long)getpid());
    NEED(pipe(ready) == 0);
    creator = fork();
    NEED(creator >= 0);
    if (creator == 0)
        create(ready[1]);
    NEED(read(ready[0], &byte, 1) == 1);
    NEED(mring_open(&trial->ring, name, MRING_PRODUCE, NULL) == 0);
    NEED(mring_producer(trial->ring, &producer, NULL) == 0);
    NEED(join(trial->ring, &consumer) == 0 && mring_leave(consumer) == 0);
    for (unsigned number = 0; number < MESSAGES; number++)
        send(number);
}

static void end_creator(void)
{
    NEED(kill(creator, SIGKILL) == 0);
}

/* ---- the victim removes the group ---- */

static void remove_group(struct trial *trial, struct mring *ring)
{
    trial->announced = 1;
    NEED(mring_group_remove(ring, "ledger", NULL) == 0);
    trial->sent = 1;
}

static void ask(struct trial *trial)
{
    struct mring *ring;

    NEED(mring_open(&ring, name, MRING_CONSUME, NULL) == 0);
    remove_group(trial, ring);
    NEED(mring_close(ring) == 0);
}

static void serve(struct trial *trial)
{
    struct mring *ring;

    NEED(mring_open(&ring, name, MRING_CONSUME, NULL) == 0);
    end_creator();
    remove_group(trial, ring);
    NEED(mring_close(ring) == 0);
}

/* ---- or the victim serves the ring meanwhile ---- */

static void be_asked(struct trial *trial)
{
    struct mring *ring;

    NEED(mring_open(&ring, name, MRING_CONSUME, NULL) == 0);
    end_creator();
    NEED(mring_group_remove(ring, "nobody", NULL) == -ENOENT); /* it serves the ring now */
    trial->announced = 1;
    while (trial->sent == 0)
        trial_give_way();
    NEED(mring_close(ring) == 0);
}

/* Whether it dies before it has removed the group, or before it has said so: the group is gone, and so the answer. */
static void ask_it(struct trial *trial, pid_t victim)
{
    bool ended = false;

    while (trial->announced == 0 && !(ended = trial_victim_ended(trial, victim)))
        trial_give_way();
    trial->announced = 1;
    NEED(mring_group_remove(trial->ring, "ledger", NULL) == 0);
    trial->sent = 1;
    if (!ended)
        trial_only_wait(trial, victim);
}

/* ---- the trial goes on ---- */

/* With all that it had not released, if the victim did not come to remove it; with nothing if it did. */
static void read_what_is_there(const struct trial *trial, struct mring_consumer *consumer)
{
    struct mring_message message;
    unsigned next = 0;

    for (; mring_next(consumer, &message) == 1; next++) {
        NEED(message.tag == next && message.deliveries == 1);
        NEED(mring_release(consumer, &message) == 0);
    }
    NEED(next == 0 || next == MESSAGES);
    NEED(next == 0 ? trial->announced != 0 : trial->sent == 0);
}

static void go_on(struct trial *trial)
{
    struct mring_consumer *consumer;
    struct mring_message message;

    NEED(join(trial->ring, &consumer) == 0);
    read_what_is_there(trial, consumer);
    send(MESSAGES);
    NEED(mring_next_wait(consumer, &message, 20 * SECOND) == 1 && message.tag == MESSAGES);
    NEED(mring_leave(consumer) == 0);
    NEED(mring_group_remove(trial->ring, "ledger", NULL) == 0);
    for (unsigned number = 0; number < LAPS; number++)
        send(number);
    NEED(mring_producer_close(producer) == 0 && mring_close(trial->ring) == 0);
    (void)kill(creator, SIGKILL);
    NEED(waitpid(creator, NULL, 0) == creator);
}

static const struct play plays[] = {
    {"ask", prepare, ask, trial_only_wait, go_on},
    {"serve", prepare, serve, trial_only_wait, go_on},
    {"served", prepare, be_asked, ask_it, go_on},
};

int main(int argc, char **argv)
{
    return trial_main(argc, argv, plays, sizeof(plays) / sizeof(*plays));
}
