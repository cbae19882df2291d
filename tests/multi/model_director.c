#include "model_play.h"

#include "harness.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

enum { CHECK_EVERY = 4 /* commands, as a rule, to a look at the counters */ };

uint32_t play_below(struct play *play, uint32_t limit)
{
    return random_below(&play->random, limit);
}

/* ---- what happened ---- */

static const char *const verb_names[] = {"join",          "leave",  "next",  "next_batch", "next_wait", "recv",
                                         "release",       "intact", "wait",  "take_aside", "producer",  "close",
                                         "reserve",       "commit", "flush", "send",       "sendv",     "send_wait",
                                         "producer_wait", "drain",  "end",   "close_ring"};

static char *history_line(struct play *play, unsigned long command)
{
    return play->history[command % PLAY_HISTORY];
}

static void append(struct play *play, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void append(struct play *play, const char *format, ...)
{
    char *line = history_line(play, play->command);
    size_t used = strlen(line);
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(line + used, PLAY_LINE - used, format, arguments);
    va_end(arguments);
}

void play_note(struct play *play, const char *what, unsigned worker)
{
    play->command++;
    history_line(play, play->command)[0] = '\0';
    append(play, "%lu: worker %u: %s", play->command, worker, what);
}

static void note_order(struct play *play, unsigned worker, const struct order *order)
{
    const struct model_wish *wish = &order->wish;

    play_note(play, verb_names[order->verb], worker);
    if (order->verb < PRODUCE)
        append(play, " of seat %u", order->seat);
    if (order->verb == JOIN)
        append(play, ", group %s: kind %d, lossy %d, %u members, after %x, start %d (%llu, %s), batch %u",
               group_names[order->group], (int)wish->terms.kind, wish->terms.lossy, wish->terms.lines,
               wish->terms.after, (int)wish->start, (unsigned long long)wish->position, group_names[wish->start_group],
               wish->batch);
    else if (order->verb < PRODUCE && play_seat(play, worker, order->seat)->open)
        append(play, " in %s", group_names[play_seat(play, worker, order->seat)->group - play->model.group]);
    if (order->length != 0 || order->count != 0 || order->position != 0 || order->timeout != 0)
        append(play, ", length %llu, count %u, position %llu, timeout %lld", (unsigned long long)order->length,
               order->count, (unsigned long long)order->position, (long long)order->timeout);
}

void play_fail(struct play *play, const char *what, const char *expected, const char *got)
{
    (void)fprintf(stderr, "seed %llu, command %lu: %s%s%s: expected %s, got %s\nthe last commands:\n",
                  (unsigned long long)harness_seed, play->command, what, play->about != NULL ? ", of " : "",
                  play->about != NULL ? play->about : "", expected, got);
    for (unsigned back = PLAY_HISTORY; back-- > 0;)
        if (play->command > back)
            (void)fprintf(stderr, "  %s\n", history_line(play, play->command - back));
    exit(EXIT_FAILURE);
}

void play_expect(struct play *play, const char *what, uint64_t expected, uint64_t got)
{
    char texts[2][24];

    if (expected == got)
        return;
    (void)snprintf(texts[0], sizeof(texts[0]), "%llu", (unsigned long long)expected);
    (void)snprintf(texts[1], sizeof(texts[1]), "%llu", (unsigned long long)got);
    play_fail(play, what, texts[0], texts[1]);
}

void play_expect_code(struct play *play, const char *what, int expected, int got)
{
    char texts[2][80];

    if (expected == got)
        return;
    (void)snprintf(texts[0], sizeof(texts[0]), "%d (%s)", expected, expected < 0 ? mring_strerror(expected) : "");
    (void)snprintf(texts[1], sizeof(texts[1]), "%d (%s)", got, got < 0 ? mring_strerror(got) : "");
    play_fail(play, what, texts[0], texts[1]);
}

void play_ask(struct play *play, unsigned worker, const struct order *order, struct answer *answer)
{
    int channel = play->person[worker].channel;

    note_order(play, worker, order);
    if (!worker_tell(channel, order) || !worker_hear(channel, answer))
        play_fail(play, "the worker", "an answer", "none: it hangs, or has ended");
    append(play, " -> %d", answer->code);
    if (answer->code > 0 && answer->count > 0)
        append(play, ", %llu+%u", (unsigned long long)answer->got[0].position, answer->got[0].length);
    if (answer->text[0] != '\0')
        append(play, ": %s", answer->text);
}

/* ---- the play ---- */

static void make_ring(struct play *play)
{
    static const char *const before[] = {"log", "work"};
    struct mring_group groups[DECLARED] = {
        {.name = group_names[LOG], .members = 1},
        {.name = group_names[WORK], .members = 1 + play_below(play, MODEL_LINES)},
        {.name = group_names[INDEX], .members = 1 + play_below(play, MODEL_LINES)},
        {.name = group_names[LAG], .members = 1 + play_below(play, MODEL_LINES), .lossy = 1}};
    struct mring_options options = MRING_OPTIONS_INIT;

    groups[INDEX].after = before;
    groups[INDEX].after_count = 1 + play_below(play, 2);
    options.capacity = PLAY_CAPACITY;
    options.alignment = play_below(play, 4) == 0 ? 64 : 8;
    options.groups = groups;
    options.group_count = DECLARED;
    options.members = PLAY_LINES;
    options.attempts = PLAY_ATTEMPTS;
    (void)snprintf(play->name, sizeof(play->name), "model.%ld", (long)getpid());
    EXPECT_OK(mring_create(&play->ring, play->name, &options));
    model_begin(&play->model, PLAY_CAPACITY, options.alignment, play->message, PLAY_MESSAGES);
    play->model.attempts = PLAY_ATTEMPTS;
    play->model.lines_default = PLAY_LINES;
    for (unsigned at = 0; at < DECLARED; at++)
        model_declare(&play->model, at,
                      &(struct model_terms){.lines = groups[at].members,
                                            .lossy = groups[at].lossy != 0,
                                            .after = at == INDEX ? (1U << groups[at].after_count) - 1 : 0});
}

/* Somebody who can hear. */
static unsigned any_worker(struct play *play)
{
    unsigned worker;

    do
        worker = play_below(play, PLAY_WORKERS);
    while (play->person[worker].stopped);
    return worker;
}

static unsigned stopped_workers(const struct play *play)
{
    unsigned count = 0;

    for (unsigned worker = 0; worker < PLAY_WORKERS; worker++)
        count += play->person[worker].stopped;
    return count;
}

/* The group that the producer would wait for; or NULL. */
static const struct model_group *last_group(const struct play *play)
{
    const struct model_group *last = NULL;

    for (unsigned at = 0; at < MODEL_GROUPS; at++) {
        const struct model_group *group = &play->model.group[at];

        if (model_gates(group) && model_released(group) < model_tail(&play->model) &&
            (last == NULL || model_released(group) < model_released(last)))
            last = group;
    }
    return last;
}

/* Whoever of a group is furthest behind, and not stopped; or, if there is none, somebody who could join. NULL: neither. */
static struct model_consumer *last_member(struct play *play, const struct model_group *group)
{
    struct model_consumer *last = NULL, *away = NULL;

    for (unsigned at = 0; at < MODEL_CONSUMERS; at++) {
        struct model_consumer *consumer = &play->model.consumer[at];

        if (play->person[at / WORKER_SEATS].stopped)
            continue;
        if (!consumer->open)
            away = consumer;
        else if (consumer->group == group && (last == NULL || consumer->held < last->held))
            last = consumer;
    }
    return last != NULL ? last : away;
}

/* What there is too little of where all is left to chance: a member of this group does something, or somebody joins it. */
static void favour(struct play *play, const struct model_group *group, void (*act)(struct play *, unsigned, unsigned))
{
    const struct model_consumer *consumer = group != NULL ? last_member(play, group) : NULL;
    unsigned at;

    if (consumer == NULL)
        return;
    at = (unsigned)(consumer - play->model.consumer);
    if (consumer->open)
        act(play, at / WORKER_SEATS, at % WORKER_SEATS);
    else
        play_join(play, at / WORKER_SEATS, at % WORKER_SEATS, (unsigned)(group - play->model.group));
}

static void any_consumer(struct play *play, unsigned worker)
{
    unsigned seat = play_below(play, WORKER_SEATS);

    if (play_seat(play, worker, seat)->open)
        play_consume(play, worker, seat);
    else if (play_below(play, 4) == 0)
        play_join(play, worker, seat, play_below(play, MODEL_GROUPS));
}

static void everyday_command(struct play *play, unsigned worker)
{
    bool produces = play->producer >= 0 && !play->person[play->producer].stopped;
    uint32_t choice = play_below(play, 16);

    if (choice < 5 && produces)
        play_produce(play);
    else if (choice < 10) /* or the stream would soon stand still */
        favour(play, last_group(play), play_go_on);
    else if (choice < 12)
        favour(play, &play->model.group[LAG], play_consume);
    else if (!play->person[worker].stopped)
        any_consumer(play, worker);
    else if (play_below(play, 4) == 0)
        play_continue_worker(play, worker);
}

static void one_command(struct play *play)
{
    unsigned worker = play_below(play, PLAY_WORKERS);
    bool stopped = play->person[worker].stopped;
    uint32_t choice = play_below(play, 128);

    if (choice < 2) {
        play_kill_worker(play, worker);
    } else if (choice < 4 && !stopped && stopped_workers(play) + 2 < PLAY_WORKERS) {
        play_stop_worker(play, worker);
    } else if (choice == 4 && !stopped) {
        play_close_worker(play, worker);
        if (play->person[worker].gone)
            play_start_worker(play, worker);
    } else if (choice == 5 || play->producer < 0) {
        play_become_producer(play, any_worker(play));
    } else {
        everyday_command(play, worker);
    }
    if (play_below(play, CHECK_EVERY) == 0)
        play_check_counters(play);
}

/* Everybody but worker 0 goes; that one has each group drained, and is given what is left there, to the end of the stream. */
static void drain_group(struct play *play, unsigned group)
{
    struct model_consumer *consumer = play_seat(play, 0, 0);
    struct order order = {.verb = JOIN, .group = group, .wish = {.batch = MODEL_BATCH, .by_broker = true}};
    struct answer answer;

    play_ask(play, 0, &order, &answer);
    play_expect_code(play, "mring_join", model_join(&play->model, consumer, group, &order.wish), answer.code);
    do
        play_release_all(play, 0, 0);
    while (play_take_one(play, 0, 0, NEXT_WAIT, 0) != -EPIPE);
    play_check_counters(play);
    play_leave(play, 0, 0);
}

static void finish(struct play *play)
{
    for (unsigned worker = 0; worker < PLAY_WORKERS; worker++)
        if (play->person[worker].stopped)
            play_continue_worker(play, worker);
    do {
        play_kill_worker(play, 0);
        if (play->producer < 0)
            play_become_producer(play, 0);
    } while (play->producer < 0);
    for (unsigned worker = 0; worker < PLAY_WORKERS; worker++)
        for (unsigned seat = 0; seat < WORKER_SEATS; seat++)
            if (play_seat(play, worker, seat)->open)
                play_leave(play, worker, seat);
    play_end_stream(play);
    for (unsigned group = 0; group < MODEL_GROUPS; group++)
        if (play->model.group[group].live && model_keeps_place(&play->model.group[group]))
            drain_group(play, group);
    for (unsigned worker = 0; worker < PLAY_WORKERS; worker++)
        play_close_worker(play, worker);
    play_expect_code(play, "mring_fsck", 0, mring_fsck(play->ring, NULL));
    mring_stats_free(play->stats);
    EXPECT_OK(mring_close(play->ring));
}

void play_all(struct play *play, unsigned long commands)
{
    play->random = harness_seed;
    play->producer = -1;
    make_ring(play);
    for (unsigned worker = 0; worker < PLAY_WORKERS; worker++)
        play_start_worker(play, worker);
    while (play->command < commands && play->model.committed + 2 * MODEL_BATCH < PLAY_MESSAGES)
        one_command(play);
    finish(play);
}
