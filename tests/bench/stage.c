/*
 * One run: the producer's process, in a process group of its own, forks the consumers; who started it waits, and ends the group when it
 * takes too long. The producer is pinned to the first processor, the first consumer to the second, further ones in turn.
 */
#include "bench.h"
#include "clock.h"
#include "content.h"
#include "pin.h"

#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LATE = 1000 * 1000 * 1000 }; /* ns after its time: when a run is hurried */

static struct outcome *outcome_of_run;

void fault(const char *format, ...)
{
    va_list arguments;

    if (__atomic_exchange_n(&outcome_of_run->faulty, true, __ATOMIC_RELAXED))
        for (;;) /* who was first is about to end us all */
            (void)pause();
    va_start(arguments, format);
    (void)vsnprintf(outcome_of_run->fault, sizeof(outcome_of_run->fault), format, arguments);
    va_end(arguments);
    (void)kill(0, SIGKILL);
    abort();
}

void *shared_memory(size_t size)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

    if (memory == MAP_FAILED)
        fault("mmap of %zu bytes: %s", size, strerror(errno));
    return memory;
}

size_t floor_power(size_t value)
{
    size_t power = 1;

    while (power <= value / 2)
        power *= 2;
    return power;
}

bool adapter_can(const struct adapter *adapter, const struct work *work)
{
    return (adapter->kinds >> work->kind & 1) != 0 && work->length <= adapter->longest &&
           (work->members == 1 || work->length <= adapter->longest_shared) &&
           (adapter->sleeps || work->idle == LOOKS) && (adapter->batches || work->batch == 1) &&
           (adapter->mixes || !work->mixed) && (adapter->names || !work->named) && (adapter->stages || !work->staged) &&
           (adapter->can == NULL || adapter->can(work));
}

/*
 * Bytes of memory that this process has touched: its share of pages that others have mapped too, so to be asked when it is alone; and a page that it
 * has mapped twice counts once.
 */
static int64_t resident(void)
{
    FILE *file = fopen("/proc/self/smaps_rollup", "re");
    char line[128];
    long long kilobytes = 0;

    while (file != NULL && fgets(line, sizeof(line), file) != NULL)
        if (sscanf(line, "Pss: %lld", &kilobytes) == 1)
            break;
    if (file != NULL)
        (void)fclose(file);
    return kilobytes * 1024;
}

/* The same for all, so that a run can be repeated: from 8 bytes on, each factor as likely as any other. */
static void draw_lengths(struct side *side)
{
    uint64_t state = 1;

    for (unsigned at = 0; at < LENGTHS; at++) {
        state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        side->lengths[at] = (uint32_t)(8 * pow((double)side->work->length / 8, (double)(state >> 33) * 0x1p-31));
    }
}

static unsigned consumers_of(const struct work *work)
{
    return work->groups * work->members;
}

/* What all consumers of a group have seen is what was sent, once each. */
static void check_seen(const struct work *work, const struct outcome *outcome)
{
    uint64_t sum = 0;

    if (work->members > 1)
        for (uint64_t number = 0; number < outcome->sent; number++)
            sum += content_scramble(number);
    for (unsigned group = 0; group < work->groups; group++) {
        const struct seen *seen = &outcome->seen[group * work->members];
        uint64_t count = 0, seen_sum = 0;

        for (unsigned member = 0; member < work->members; member++) {
            count += seen[member].count;
            seen_sum += seen[member].sum;
        }
        if (count != outcome->sent || seen_sum != sum)
            fault("group %u saw %llu messages of %llu%s", group, (unsigned long long)count,
                  (unsigned long long)outcome->sent, count == outcome->sent ? ", and not the same ones" : "");
    }
}

struct channels {
    void *there[CONSUMERS_MOST]; /* one, or one for each group */
    void *back;                  /* of a round trip */
    unsigned count;
};

static _Noreturn void consumer(const struct adapter *adapter, struct side *side, const struct channels *channels,
                               unsigned index)
{
    const unsigned group = index / side->work->members, member = index % side->work->members;
    const bool own = channels->count > 1;
    int64_t began, cpu;

    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    pin(index + 1);
    side->seen = &side->outcome->seen[index];
    side->seen->alone = side->work->members == 1;
    side->samples = index == 0;
    if (channels->back != NULL)
        side->out[side->outs++] = adapter->open_producer(channels->back);
    began = now();
    side->in = adapter->open_consumer(channels->there[own ? group : 0], own ? 0 : group, member);
    side->seen->ready = now();
    side->seen->attach = side->seen->ready - began;
    (void)__atomic_add_fetch(&side->outcome->ready, 1, __ATOMIC_ACQ_REL);
    cpu = now_cpu();
    adapter->play(side);
    side->seen->cpu = now_cpu() - cpu;
    exit(EXIT_SUCCESS); /* not _exit: what an adapter has begun may end itself then */
}

static void await_consumers(unsigned count)
{
    int status;

    while (count-- > 0)
        if (wait(&status) < 0 || !WIFEXITED(status) || WEXITSTATUS(status) != EXIT_SUCCESS)
            fault("a consumer ended with status %#x", status);
}

static void create_channels(const struct adapter *adapter, const struct work *work, struct channels *channels)
{
    channels->count = adapter->fans ? 1 : work->groups;
    for (unsigned at = 0; at < channels->count; at++)
        channels->there[at] = adapter->create(work, NULL);
    channels->back = work->kind == ROUND_TRIP ? adapter->create(work, channels->there[0]) : NULL;
}

static void destroy_channels(const struct adapter *adapter, const struct channels *channels)
{
    if (adapter->destroy == NULL)
        return;
    if (channels->back != NULL)
        adapter->destroy(channels->back);
    for (unsigned at = 0; at < channels->count; at++)
        adapter->destroy(channels->there[at]);
}

/* Round trips are measured by the processor's clock: make nanoseconds of them. */
static void convert_latencies(struct outcome *outcome, double tick)
{
    for (uint32_t at = 0; at < outcome->latencies; at++)
        outcome->latency[at] = (uint32_t)(outcome->latency[at] * tick);
}

static _Noreturn void producer(const struct adapter *adapter, struct side *side)
{
    const struct work *work = side->work;
    struct outcome *outcome = side->outcome;
    const unsigned consumers = consumers_of(work);
    struct channels channels;
    int64_t touched = resident(), began = now();
    uint64_t began_ticks;

    (void)setpgid(0, 0);
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    create_channels(adapter, work, &channels);
    outcome->create = now() - began;
    for (unsigned index = 0; index < consumers; index++) {
        const pid_t child = fork();

        if (child < 0)
            fault("fork: %s", strerror(errno));
        if (child == 0)
            consumer(adapter, side, &channels, index);
    }
    pin(0);
    began = now();
    for (; side->outs < channels.count; side->outs++)
        side->out[side->outs] = adapter->open_producer(channels.there[side->outs]);
    outcome->produce = now() - began;
    if (channels.back != NULL)
        side->in = adapter->open_consumer(channels.back, 0, 0);
    while (__atomic_load_n(&outcome->ready, __ATOMIC_ACQUIRE) < consumers)
        (void)sched_yield();
    began_ticks = ticks();
    __atomic_store_n(&outcome->began, now(), __ATOMIC_RELAXED);
    adapter->play(side);
    if (work->kind == ROUND_TRIP)
        convert_latencies(outcome, (double)(now() - outcome->began) / (double)(ticks() - began_ticks));
    await_consumers(consumers);
    outcome->touched = resident() - touched;
    check_seen(work, outcome);
    destroy_channels(adapter, &channels);
    exit(EXIT_SUCCESS);
}

static void hurry_late(struct outcome *outcome, int64_t duration)
{
    const int64_t began = __atomic_load_n(&outcome->began, __ATOMIC_RELAXED);

    if (began != 0 && outcome->hurried == 0 && now() > began + duration + LATE)
        __atomic_store_n(&outcome->hurried, now(), __ATOMIC_RELAXED);
}

/* False: it did not end in time. In any case nobody is left of the run when this returns, nor of what an adapter started besides. */
static bool await_run(pid_t run, const struct side *side, int64_t patience, int *status)
{
    const struct timespec slice = {0, 2 * 1000 * 1000};
    const int64_t until = now() + side->duration + patience;
    siginfo_t ended = {.si_pid = 0};

    while (waitid(P_PID, (id_t)run, &ended, WEXITED | WNOHANG | WNOWAIT) == 0 && ended.si_pid == 0 && now() < until) {
        hurry_late(side->outcome, side->duration);
        (void)nanosleep(&slice, NULL);
    }
    (void)kill(-run, SIGKILL); /* not reaped yet, so that no other group can have this number */
    (void)waitpid(run, status, 0);
    return ended.si_pid == run;
}

bool stage_run(const struct adapter *adapter, const struct work *work, int64_t duration, int64_t patience,
               struct outcome *outcome)
{
    static struct side side;
    int status = 0;
    pid_t run;

    memset(outcome, 0, offsetof(struct outcome, latency));
    outcome_of_run = outcome;
    side = (struct side){.work = work, .outcome = outcome};
    side.duration = work->duration != 0 ? work->duration : duration;
    side.crowded = consumers_of(work) + 1 > (unsigned)sysconf(_SC_NPROCESSORS_ONLN);
    draw_lengths(&side);
    (void)fflush(NULL);
    run = fork();
    if (run == 0)
        producer(adapter, &side);
    if (run < 0) {
        (void)snprintf(outcome->fault, sizeof(outcome->fault), "fork: %s", strerror(errno));
        return false;
    }
    (void)setpgid(run, run);
    if (!await_run(run, &side, patience, &status))
        (void)snprintf(outcome->fault, sizeof(outcome->fault), "did not end within %.3g seconds",
                       1e-9 * (double)patience);
    else if (outcome->fault[0] == '\0' && status != 0)
        (void)snprintf(outcome->fault, sizeof(outcome->fault), "the producer ended with status %#x", (unsigned)status);
    return outcome->fault[0] == '\0';
}
