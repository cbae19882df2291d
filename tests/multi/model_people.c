/* The workers' comings and goings: started, killed, stopped, closed. */
#include "model_play.h"

#include "harness.h"

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

/* Five times what is promised, for a machine that is busy with other things. */
#define FOUND_WITHIN (INT64_C(5) * TEST_SLOWNESS * 1000 * 1000 * 1000)

bool play_has_handles(const struct play *play, unsigned worker)
{
    bool open = play->producer == (int)worker;

    for (unsigned seat = 0; seat < WORKER_SEATS; seat++)
        open |= play->model.consumer[worker * WORKER_SEATS + seat].open;
    return open;
}

void play_start_worker(struct play *play, unsigned worker)
{
    struct person *person = &play->person[worker];
    struct worker_start start = {.name = play->name};

    *person = (struct person){.inherited = play_below(play, 2) == 0, .role = MRING_PRODUCE};
    if (!person->inherited && play_below(play, 4) == 0)
        person->role = MRING_CONSUME;
    start.role = person->role;
    start.inherited = person->inherited ? play->ring : NULL;
    play_note(play, person->inherited ? "starts, with its parent's ring" : "starts, and opens the ring", worker);
    person->process = worker_start(&start, &person->channel);
}

static void end_process(struct play *play, unsigned worker, int expected)
{
    struct person *person = &play->person[worker];
    int status;

    EXPECT(waitpid(person->process, &status, 0), ==, person->process);
    play_expect(play, "how the process ended", (unsigned)expected, (unsigned)status);
    (void)close(person->channel);
    person->gone = true;
    if (play->producer == (int)worker)
        play->producer = -1;
}

/* Would this one, in a wait, find nothing but what a dead member of its group left? */
static bool could_find_dead(struct play *play, unsigned worker, unsigned seat)
{
    const struct model_consumer *consumer = play_seat(play, worker, seat);
    const struct model_group *group = consumer->group;
    struct model_consumer looking = *consumer; /* to look is to remember what was seen: it is not it that looks */

    if (!consumer->open || play->person[worker].stopped || group->terms.lossy || group->terms.lines == 1 ||
        consumer->held != consumer->limit || group->orphans ||
        model_how_far(&play->model, &looking, group->position) != group->position)
        return false;
    for (uint32_t at = 0; at < group->terms.lines; at++)
        if (group->line[at].who == MODEL_DEAD && group->line[at].held != MODEL_IDLE)
            return true;
    return false;
}

/* Nobody sees to the dead: a member that has nothing to do finds out by itself (I6). */
static void wait_for_dead(struct play *play)
{
    for (unsigned at = 0; at < MODEL_CONSUMERS; at++)
        if (could_find_dead(play, at / WORKER_SEATS, at % WORKER_SEATS)) {
            play->found++;
            model_repair(&play->model);
            (void)play_take_one(play, at / WORKER_SEATS, at % WORKER_SEATS, NEXT_WAIT, FOUND_WITHIN);
            return;
        }
}

/* Its messages go to others, flagged. A join may come before anybody has seen to its death; then somebody does. */
void play_kill_worker(struct play *play, unsigned worker)
{
    unsigned other = (worker + 1 + play_below(play, PLAY_WORKERS - 1)) % PLAY_WORKERS;

    play_check_counters(play); /* it says how far one alone may have looked ahead */
    play->kills++;
    play_note(play, "is killed", worker);
    EXPECT_OK(kill(play->person[worker].process, SIGKILL));
    if (play->producer == (int)worker)
        model_kill_producer(&play->model);
    for (unsigned seat = 0; seat < WORKER_SEATS; seat++)
        if (play_seat(play, worker, seat)->open)
            model_kill(&play->model, play_seat(play, worker, seat));
    end_process(play, worker, SIGKILL);
    for (unsigned seat = 0; seat < WORKER_SEATS && !play->person[other].stopped; seat++)
        if (!play_seat(play, other, seat)->open && play_below(play, 2) == 0)
            play_join(play, other, seat, play_below(play, MODEL_GROUPS));
    if (play->producer >= 0)
        wait_for_dead(play);
    play_note(play, "somebody sees to its death", worker);
    play_expect_code(play, "mring_repair", 0, mring_repair(play->ring, NULL));
    model_repair(&play->model);
    play_start_worker(play, worker);
}

/* Stopped it is not dead: what it holds is its own, and nobody waits for it but for that. */
void play_stop_worker(struct play *play, unsigned worker)
{
    struct person *person = &play->person[worker];
    int status;

    play_note(play, "is stopped", worker);
    EXPECT_OK(kill(person->process, SIGSTOP));
    EXPECT(waitpid(person->process, &status, WUNTRACED), ==, person->process);
    EXPECT(WIFSTOPPED(status), !=, 0);
    person->stopped = true;
}

void play_continue_worker(struct play *play, unsigned worker)
{
    play_note(play, "goes on", worker);
    EXPECT_OK(kill(play->person[worker].process, SIGCONT));
    play->person[worker].stopped = false;
}

void play_close_worker(struct play *play, unsigned worker)
{
    struct order order = {.verb = CLOSE};
    struct answer answer;
    bool busy = play_has_handles(play, worker);

    play_ask(play, worker, &order, &answer);
    play_expect_code(play, "mring_close", busy ? -EBUSY : 0, answer.code);
    if (!busy)
        end_process(play, worker, 0);
}
