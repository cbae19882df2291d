/* One after the other dies: of a message that kills whoever holds it, and while taking over what others had held. */
#include "victim.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <sys/wait.h>

enum { POISONED = 5 };

static void die_of_poison(void *unused)
{
    struct mring_consumer *consumer;
    struct mring_message message;
    int code;

    (void)unused;
    EXPECT_OK(mring_join(ring, "all", NULL, &consumer));
    while ((code = mring_next_wait(consumer, &message, MRING_FOREVER)) == 1) {
        if (message.tag == POISONED)
            (void)raise(SIGKILL);
        log_message(&message);
        EXPECT_OK(mring_release(consumer, &message));
    }
    EXPECT(code, ==, -EPIPE);
    EXPECT_OK(mring_leave(consumer));
}

static unsigned members_it_kills(void)
{
    unsigned killed = 0;
    int status;

    for (;; killed++) {
        pid_t child = child_start(die_of_poison, NULL);

        EXPECT(waitpid(child, &status, 0), ==, child);
        if (WIFEXITED(status))
            break;
        EXPECT(WTERMSIG(status), ==, SIGKILL);
    }
    EXPECT(WEXITSTATUS(status), ==, EXIT_SUCCESS);
    return killed;
}

static void take_it_out(unsigned deliveries)
{
    struct mring_consumer *consumer;
    struct mring_message message;
    uint32_t number;

    EXPECT_OK(mring_join(ring, "all", NULL, &consumer));
    EXPECT(mring_take_aside(consumer, &number, sizeof(number) - 1, &message), ==, -EMSGSIZE);
    EXPECT(message.length, ==, sizeof(number));
    EXPECT(mring_take_aside(consumer, &number, sizeof(number), &message), ==, 1);
    EXPECT(number, ==, POISONED);
    EXPECT(message.tag, ==, POISONED);
    EXPECT(message.deliveries, ==, deliveries);
    EXPECT(mring_take_aside(consumer, &number, sizeof(number), &message), ==, 0);
    EXPECT_OK(mring_leave(consumer));
}

static void be_poisoned(const struct mring_group *group, unsigned attempts)
{
    unsigned expected = attempts != 0 ? attempts : 5; /* the default that the header names */
    unsigned seen[SENT] = {0};

    make(group, 1, attempts);
    send_numbers(producer, 0, SENT);
    EXPECT_OK(mring_end(producer));
    EXPECT(members_it_kills(), ==, expected);
    for (uint64_t line = 0; line < word_load(&stage->logged); line++)
        seen[stage->log[line].number]++;
    for (uint32_t number = 0; number < SENT; number++)
        EXPECT(seen[number], ==, number != POISONED);
    take_it_out(expected);
    EXPECT_OK(mring_drain(producer, 0));
    unmake();
}

static void a_message_that_kills(void)
{
    static const unsigned attempts[] = {0, 1, 2, 7};

    for (unsigned at = 0; at < sizeof(attempts) / sizeof(attempts[0]); at++) {
        be_poisoned(&many, attempts[at]);
        be_poisoned(&lone, attempts[at]);
    }
}

/* ---- those who take over die, too ---- */

enum { ROUNDS = 40, ADOPTERS = 3, ROUND_SENT = 64 };

static struct word *touched; /* per message: how often it was handed out; shared with the children */

/* Takes all there is, in batches: at any moment one of several that hold something, or that take over from the dead. */
static void adopt(void *unused)
{
    struct mring_consumer *consumer;
    struct mring_message message;
    int code;

    (void)unused;
    while ((code = mring_join(ring, "all", NULL, &consumer)) == -EUSERS)
        (void)sched_yield(); /* a living one works up what was left on the place of a dead one */
    EXPECT_OK(code);
    while ((code = mring_next(consumer, &message)) >= 0) {
        if (code == 0) {
            (void)mring_wait(consumer, MRING_FOREVER);
            continue;
        }
        EXPECT(word_load(&touched[message.tag]), <, message.deliveries);
        word_count(&touched[message.tag]);
        EXPECT_OK(mring_release(consumer, &message));
    }
    EXPECT(code, ==, -EPIPE);
}

/* Start some, and kill them in quick succession, while they are at it; the others see to what is left of them. */
static void those_who_take_over_die(void)
{
    uint64_t state = harness_seed;
    pid_t child[ADOPTERS + 1];

    make(&many, 1, 1000); /* nothing is set aside */
    touched = (struct word *)(void *)stage->log;
    child[ADOPTERS] = child_start(adopt, NULL);
    for (uint32_t round = 0; round < ROUNDS; round++) {
        for (unsigned at = 0; at < ADOPTERS; at++)
            child[at] = child_start(adopt, NULL);
        send_numbers(producer, round * ROUND_SENT, ROUND_SENT);
        for (unsigned at = 0; at < ADOPTERS; at++) {
            for (uint32_t turn = random_below(&state, 30000); turn > 0; turn--)
                pause_cpu();
            child_kill(child[at]);
        }
    }
    EXPECT_OK(mring_end(producer));
    child_finish(child[ADOPTERS]);
    for (uint32_t number = 0; number < ROUNDS * ROUND_SENT; number++)
        EXPECT(word_load(&touched[number]), >=, 1);
    EXPECT_OK(mring_drain(producer, 0));
    unmake();
}

int main(int argc, char **argv)
{
    static const struct scenario scenarios[] = {
        {"a_message_that_kills", a_message_that_kills, 60},
        {"those_who_take_over_die", those_who_take_over_die, 60},
    };

    return harness_main(argc, argv, scenarios, sizeof(scenarios) / sizeof(scenarios[0]));
}
