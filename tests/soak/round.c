/*
 * One ring's life. The judge starts everybody in the table (cast.c), kills, stops and replaces them at random
 * instants, and watches that the stream goes on. It ends with SIGKILL for everybody at once: in the middle of
 * everything, or after the end of the stream, when the whole ledger is looked through.
 */
#include "soak.h"

#include <errno.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MS INT64_C(1000000)

enum { HANG_MS = 30000, PAUSE_MOST_MS = 40, TURN_MS = 100, HELD_UP_MS = 100 };

/* Who plays a role. */
struct player {
    pid_t pid; /* 0: nobody */
    uint64_t life;
    int64_t start_at;    /* when the next one comes, if there is nobody */
    int64_t continue_at; /* 0: it is not stopped */
};

struct round {
    struct player player[CAST_MOST];
    uint64_t random, seed;
    uint64_t lives; /* given out so far */
    struct figures *figures;
    bool failed;
    bool ending;
    unsigned stopped;    /* how many are now */
    uint64_t full_since; /* of the stall that goes on; 0: none */
    int64_t quiet;       /* and for how long of it nobody was stopped */
    uint64_t seen_last;  /* the last message when it was looked at, and when that had changed */
    int64_t seen_at;
};

/* ---- starting, and what became of them ---- */

static void play(unsigned role, uint64_t life, uint64_t seed, pid_t judge)
{
    sigset_t none;

    remains_tie(judge);
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    my_role = role;
    my_life = life;
    my_random = seed ^ life * UINT64_C(0x9e3779b97f4a7c15);
    choose_waiting();
    cast[role].play();
    _Exit(EXIT_SUCCESS);
}

static void start(struct round *round, unsigned role)
{
    struct player *player = &round->player[role];

    if (++round->lives >= LIVES_MOST) {
        (void)fprintf(stderr, "more lives than the book has room for\n");
        round->failed = true;
        return;
    }
    player->life = round->lives;
    player->continue_at = 0;
    (void)fflush(NULL);
    pid_t judge = getpid();
    player->pid = fork();
    if (player->pid == 0)
        play(role, player->life, round->seed, judge);
    if (player->pid < 0) {
        perror("fork");
        round->failed = true;
        player->pid = 0;
    }
}

/*
 * The next one comes soon, at once, or, of the producer, now and then so late that its consumers notice, of a group with a limit so late that it
 * is dropped, and of a durable one so late that others may serve the ring by then. Nobody else may be missing for long whom the producer waits for.
 */
static int64_t pause_before(struct round *round, unsigned role)
{
    uint32_t kind = random_below(&round->random, 20);

    if (kind < 10)
        return 0;
    if (kind == 19 && cast[role].play == play_producer)
        return 1500 * MS;
    if (kind == 19 && groups[cast[role].group].limit != 0)
        return 2000 * MS;
    if (kind >= 18 && groups[cast[role].group].durable)
        return (int64_t)random_below(&round->random, 500) * MS;
    return (int64_t)random_below(&round->random, PAUSE_MOST_MS) * MS;
}

static void ended(struct round *round, unsigned role, const siginfo_t *end)
{
    struct player *player = &round->player[role];
    bool killed = end->si_code != CLD_EXITED && end->si_status == SIGKILL;
    bool left = end->si_code == CLD_EXITED && end->si_status == EXIT_SUCCESS;

    round->stopped -= player->continue_at != 0;
    if (killed)
        round->figures->killed[role]++;
    if (!killed && !left) {
        (void)fprintf(stderr, "%s, life %llu, ended with %s %d\n", cast[role].name, (unsigned long long)player->life,
                      end->si_code == CLD_EXITED ? "status" : "signal", end->si_status);
        round->failed = true;
    }
    player->pid = 0;
    player->start_at = now_ns() + (round->ending ? 0 : pause_before(round, role));
}

/*
 * They stay zombies until the end of the round: kernels can be busy with a dead process's entries in /proc for many
 * seconds, in waitpid itself (seen with 6.18: release_task, shrink_dcache_parent). Meanwhile nobody would be started,
 * nor continued, and what comes of that would be put down to the ring.
 */
static void look_for_ended(struct round *round)
{
    for (unsigned role = 0; role < cast_size; role++) {
        siginfo_t end = {.si_pid = 0};

        if (round->player[role].pid != 0 &&
            waitid(P_PID, (id_t)round->player[role].pid, &end, WEXITED | WNOHANG | WNOWAIT) == 0 && end.si_pid != 0)
            ended(round, role, &end);
    }
}

/* ---- what the judge does to them ---- */

/* Is there another who has joined the group, and is not about to be killed? */
static bool another_stays(const struct round *round, unsigned role)
{
    for (unsigned other = 0; other < cast_size; other++) {
        const struct player *player = &round->player[other];

        if (other != role && cast[other].group == cast[role].group && player->pid != 0 &&
            word_load_acquire(&book->joined[other]) == player->life && word_load(&book->doomed[player->life]) == 0)
            return true;
    }
    return false;
}

static void kill_player(struct round *round, unsigned role)
{
    struct player *player = &round->player[role];

    if (player->pid == 0 || !cast[role].killed || (keeps_one(cast[role].group) && !another_stays(round, role)))
        return;
    doom(role, player->life);
    (void)kill(player->pid, SIGKILL);
}

static void stop_player(struct round *round, unsigned role)
{
    struct player *player = &round->player[role];
    bool long_one = random_below(&round->random, 30) == 0;

    if (player->pid == 0 || player->continue_at != 0 || !cast[role].stopped)
        return;
    round->stopped++;
    round->figures->stops++;
    player->continue_at = now_ns() + (1 + (int64_t)random_below(&round->random, long_one ? 2500 : 60)) * MS;
    (void)kill(player->pid, SIGSTOP);
}

static void continue_player(struct round *round, unsigned role)
{
    struct player *player = &round->player[role];

    player->continue_at = 0;
    round->stopped--;
    (void)kill(player->pid, SIGCONT);
}

static void kill_group(struct round *round, enum group_number group)
{
    for (unsigned role = 0; role < cast_size; role++)
        if (cast[role].group == group)
            kill_player(round, role);
}

/* Often several in a row, so that those who take over from the dead die of it, too. */
static int64_t act(struct round *round)
{
    unsigned role = random_below(&round->random, cast_size);
    uint32_t kind = random_below(&round->random, 20);

    if (kind == 0)
        kill_group(round, cast[role].group);
    else if (kind < 14)
        kill_player(round, role);
    else
        stop_player(round, role);
    return kind % 4 == 0 ? (int64_t)random_below(&round->random, 2000) * 1000
                         : (int64_t)random_below(&round->random, PAUSE_MOST_MS) * MS;
}

/* ---- the course of things ---- */

/* Whose time has come is started or continued. When will the next time be? */
static int64_t attend(struct round *round, int64_t now)
{
    int64_t next = now + TURN_MS * MS;

    for (unsigned role = 0; role < cast_size; role++) {
        struct player *player = &round->player[role];
        int64_t due = player->pid == 0 ? player->start_at : player->continue_at;

        if (player->pid == 0 && due <= now)
            start(round, role);
        else if (player->pid != 0 && due != 0 && due <= now)
            continue_player(round, role);
        else if (due != 0 && due < next)
            next = due;
    }
    return next;
}

static void wait_for_child(int64_t until)
{
    int64_t left = until - now_ns();
    sigset_t child;

    if (left <= 0)
        return;
    (void)sigemptyset(&child);
    (void)sigaddset(&child, SIGCHLD);
    (void)sigtimedwait(&child, NULL, &(struct timespec){left / 1000000000, left % 1000000000});
}

/* Who is there, and what the ring looks like to its creator, or who has come in its place. */
static void describe(const struct round *round)
{
    int64_t end = now_ns() + 1000 * MS;

    for (unsigned role = 0; role < cast_size; role++)
        (void)fprintf(stderr, "  %-9s pid %ld, life %llu, joined %llu, done %llu%s\n", cast[role].name,
                      (long)round->player[role].pid, (unsigned long long)round->player[role].life,
                      (unsigned long long)word_load(&book->joined[role]),
                      (unsigned long long)word_load(&book->done[role]),
                      round->player[role].continue_at != 0 ? ", stopped" : "");
    if (round->player[0].pid == 0 || word_load_acquire(&book->joined[0]) != round->player[0].life)
        return;
    (void)kill(round->player[0].pid, SIGUSR1);
    while (word_load_acquire(&book->done[0]) != round->player[0].life && now_ns() < end)
        nap();
}

/* The stream goes on, or else it hangs. */
static void watch(struct round *round, int64_t now)
{
    uint64_t last = word_load(&book->last);

    if (last != round->seen_last) {
        round->seen_last = last;
        round->seen_at = now;
    } else if (now - round->seen_at > HANG_MS * MS) {
        (void)fprintf(stderr, "nothing moves after message %llu:\n", (unsigned long long)last);
        describe(round);
        round->failed = true;
    }
}

static bool producer_is_there(const struct round *round)
{
    for (unsigned role = 0; role < cast_size; role++)
        if (cast[role].play == play_producer)
            return round->player[role].pid != 0 && word_load_acquire(&book->joined[role]) == round->player[role].life;
    return false;
}

/*
 * Somebody is stopped most of the time, and nobody lives long: no stall of seconds is undisturbed. So what is bounded is
 * how much of one passes with nobody stopped, and a producer there; by turns of the judge.
 */
static void count_turn(struct round *round, int64_t began)
{
    uint64_t since = word_load(&book->full_since);
    int64_t took = now_ns() - began;
    bool held_up = took > (TURN_MS + HELD_UP_MS) * MS; /* who ought to have been continued, or started? */

    add_figure(HELD_UP, held_up);
    if (since != round->full_since)
        round->quiet = 0;
    else if (since != 0 && !held_up && round->stopped == 0 && producer_is_there(round))
        round->quiet += took;
    round->full_since = since;
    if ((uint64_t)round->quiet > round->figures->stall_quiet)
        round->figures->stall_quiet = (uint64_t)round->quiet;
}

static bool all_done(const struct round *round)
{
    for (unsigned role = 0; role < cast_size; role++)
        if (cast[role].waited && word_load_acquire(&book->done[role]) != round->player[role].life)
            return false;
    return true;
}

/* Who must see everything comes first, the ring's creator before all. */
static void gather(struct round *round)
{
    for (unsigned role = 0; role < cast_size && !round->failed; role++) {
        int64_t end = now_ns() + HANG_MS * MS;

        if (!cast[role].first)
            continue;
        start(round, role);
        while (word_load_acquire(&book->joined[role]) == 0 && now_ns() < end && round->player[role].pid != 0) {
            nap();
            look_for_ended(round);
        }
        round->failed |= word_load(&book->joined[role]) == 0;
    }
    /* Until somebody has heard of "archive" who is not killed, it is lost with those who made it and serve it. */
    for (int64_t end = now_ns() + HANG_MS * MS; word_load_acquire(&book->heard) == 0 && !round->failed;) {
        nap();
        look_for_ended(round);
        round->failed |= now_ns() >= end;
    }
}

static void rage(struct round *round, int64_t until)
{
    int64_t next_act = now_ns();

    for (int64_t now = next_act; now < until && !round->failed; now = now_ns()) {
        int64_t next = attend(round, now);

        if (next_act <= now)
            next_act = now_ns() + act(round);
        wait_for_child(next < next_act ? next : next_act);
        look_for_ended(round);
        count_turn(round, now);
        watch(round, now);
    }
}

/* The stream ends; nobody is killed any more, but by messages. */
static void drain(struct round *round)
{
    int64_t end = now_ns() + HANG_MS * MS;

    round->ending = true;
    word_store_release(&book->ending, 1);
    for (unsigned role = 0; role < cast_size; role++)
        if (round->player[role].continue_at != 0)
            continue_player(round, role);
    while (!round->failed && !all_done(round)) {
        wait_for_child(attend(round, now_ns()) < end ? now_ns() + MS : end);
        look_for_ended(round);
        if (now_ns() >= end) {
            (void)fprintf(stderr, "the stream has ended, but not for everybody:\n");
            describe(round);
            round->failed = true;
        }
    }
    if (!round->failed && (ledger_open(word_load(&book->last)) != 0 || !accounts_agree(word_load(&book->last))))
        round->failed = true;
    round->figures->drained += round->failed ? 0 : word_load(&book->last);
}

/* All at once; and nothing of them remains. */
static void kill_all(struct round *round)
{
    struct remains *remains = remains_begin();

    for (unsigned role = 0; role < cast_size; role++)
        if (round->player[role].pid != 0) {
            doom(role, round->player[role].life);
            (void)kill(round->player[role].pid, SIGSTOP);
        }
    for (unsigned role = 0; role < cast_size; role++)
        if (round->player[role].pid != 0)
            remains_note(remains, round->player[role].pid);
    remains_note_names(remains);
    for (unsigned role = 0; role < cast_size; role++)
        if (round->player[role].pid != 0)
            (void)kill(round->player[role].pid, SIGKILL);
    while (waitpid(-1, NULL, 0) > 0 || errno == EINTR)
        ;
    if (!remains_nothing(remains))
        round->failed = true;
}

static void account(const struct round *round)
{
    struct figures *figures = round->figures;

    figures->messages += word_load(&book->last);
    for (enum figure figure = 0; figure < FIGURES; figure++)
        figures->figure[figure] += word_load(&book->figure[figure]);
    if (word_load(&book->stall) > figures->stall)
        figures->stall = word_load(&book->stall);
}

bool round_run(uint64_t seed, unsigned seconds, bool drained, struct figures *figures)
{
    struct round round = {.random = seed, .seed = seed, .figures = figures};

    book = mmap(NULL, sizeof(*book), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (book == MAP_FAILED) {
        perror("mmap");
        return false;
    }
    gather(&round);
    round.seen_at = now_ns();
    if (!round.failed)
        rage(&round, now_ns() + (int64_t)seconds * 1000 * MS);
    if (!round.failed && drained)
        drain(&round);
    kill_all(&round);
    account(&round);
    (void)munmap(book, sizeof(*book));
    return !round.failed;
}
