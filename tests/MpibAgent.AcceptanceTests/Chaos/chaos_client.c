/*
 * A process of a job, for tests in which the agent may be killed at any moment: one command a line on stdin, one answer a line on
 * stdout.
 *
 *     gcc -std=c11 -O2 -Wall -Wextra -Werror -pedantic -pthread chaos_client.c -o chaos_client
 *     chaos_client SOCKET HINTS FIFO
 *
 *     register CONN FLOW [N]    an outcome for each of N requests (1), sent at once, conn_ids counting up
 *     deregister CONN [N]       the same
 *     keep 0|1                  ok; whether the socket of a request is used for the next one
 *     fate PID WHEN NS          ok; the next request sends SIGKILL to PID (0: to this process), NS nanoseconds after it is `sent`, or the
 *                               next that is answered after it is `answered`
 *     command WORDS...          ok | error ERRNO-NAME; the line is written to the FIFO at once
 *     hint SLOT                 hint VALUE
 *     wait-hint SLOT VALUE      ok | timeout
 *     tries MOST                tries N [SLOT...]; every slot is read by the loop of the interface, which returned in N tries at the most;
 *                               slots in which it was still spinning after MOST tries are named
 *     watch                     ok; from now on a thread reads every slot, over and over
 *     seen                      seen READS HIGHEST FAULTS [the first fault]
 *     inode                     DEVICE:INODE of the mapped file
 *
 * An outcome is a slot (0 for a deregistration), `status-N`, `refused-ERRNO` (nobody to connect to), `unsent-ERRNO` (connected, and not
 * heard), or `lost-ERRNO` (it may have been carried out). The region is mapped at the first command that needs it, and the path is never looked at again. The wait is 30 s, for
 * whatever is waited for.
 *
 * Flows and hints tell by themselves whether they can be: the flow of number F is from 10.0.0.0 + F to the complement of that; see
 * may_be_hint for a slot's hints.
 */
#define _GNU_SOURCE

#include "../../../src/MpibAgent.Interface/mpib_agent_iface.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#define TIMEOUT_NS 30000000000
#define MAX_REQUESTS 256u
#define FIRST_FLOW 0x0A000000u
#define FLOWS 4096u

static const char *socket_path, *hints_path, *fifo_path;
static const struct mpib_hint_region *hints;
static struct stat hints_file;

static int kept_socket = -1, keeps;

static struct {
    int is_set, when_answered;
    pid_t pid;
    int64_t delay_ns;
} fate;

static struct {
    atomic_ullong reads, faults;
    atomic_uint highest;
    char first[128]; /* written before faults becomes 1 */
} seen;

static uint32_t flow_source(uint32_t flow)
{
    return htonl(FIRST_FLOW + flow);
}

/* A hint names its slot: 1 is the initial one, a multiple of 16 was set for all slots, any other for one of the first 24. */
static int may_be_hint(uint32_t slot, uint32_t hint)
{
    return hint == 1 || hint % 16 == 0 || (hint * 2654435761u >> 16) % 24 == slot || slot == MPIB_MAX_ENTRIES - 1;
}

static int64_t deadline_ns(void)
{
    return mpib_now_ns() + TIMEOUT_NS;
}

static int need_hints(void)
{
    return hints != NULL ? 0 : mpib_hints_map(hints_path, &hints, &hints_file);
}

static void answer_error(int error)
{
    printf("error %s\n", strerrorname_np(-error));
}

static void meet_fate(int answered)
{
    if (fate.is_set && fate.when_answered == answered) {
        int64_t until = mpib_now_ns() + fate.delay_ns;

        while (mpib_now_ns() < until)
            mpib_spin_pause();
        fate.is_set = 0;
        kill(fate.pid, SIGKILL);
    }
}

/* Sends the requests and prints an outcome for each. */
static void converse(const void *requests, size_t length, uint32_t count, int is_register)
{
    int64_t deadline = deadline_ns();
    int fd = kept_socket;
    int error = fd < 0 ? -ENOTCONN : mpib_io_send(fd, requests, length * count, deadline);
    const char *trouble;

    /* A socket that was kept too long is no loss. */
    if (error != 0) {
        if (fd >= 0)
            close(fd);
        fd = mpib_io_connect(socket_path, deadline);
        error = fd < 0 ? fd : mpib_io_send(fd, requests, length * count, deadline);
    }
    /* So few bytes go out whole or not at all. */
    trouble = fd < 0 ? "refused" : error != 0 ? "unsent" : "lost";
    meet_fate(0);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t slot = 0;
        int status = error != 0 ? error : mpib_io_response(fd, is_register ? &slot : NULL, deadline);

        if (status >= 0)
            meet_fate(1);
        if (status < 0)
            error = status;
        if (status == 0)
            printf("%" PRIu32 " ", slot);
        else if (status > 0)
            printf("status-%d ", status);
        else
            printf("%s-%s ", trouble, strerrorname_np(-status));
    }
    printf("\n");
    if (fd >= 0 && (error != 0 || !keeps)) {
        close(fd);
        kept_socket = -1;
    } else if (fd >= 0) {
        kept_socket = fd;
    }
}

static void do_register(uint32_t first, uint32_t flow, uint32_t count)
{
    static struct mpib_register_request requests[MAX_REQUESTS];
    uint32_t source = flow_source(flow);

    for (uint32_t i = 0; i < count; i++)
        mpib_fill_register(&requests[i], first + i, source, ~source, source, ~source);
    converse(requests, sizeof requests[0], count, 1);
}

static void do_deregister(uint32_t first, uint32_t count)
{
    static struct mpib_deregister_request requests[MAX_REQUESTS];

    for (uint32_t i = 0; i < count; i++)
        mpib_fill_deregister(&requests[i], first + i);
    converse(requests, sizeof requests[0], count, 0);
}

static void do_command(char *line)
{
    size_t length = strlen(line);
    int fd = open(fifo_path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
    int error = fd < 0 ? -errno : 0;

    if (fd >= 0) {
        if (write(fd, line, length) != (ssize_t)length)
            error = -errno;
        close(fd);
    }
    if (error != 0)
        answer_error(error);
    else
        printf("ok\n");
}

static void do_wait_hint(uint32_t slot, uint32_t value)
{
    int64_t deadline = deadline_ns();
    struct mpib_hint_view view;

    /* By single tries, so that a seq left odd ends in a timeout and not in a spin without end. */
    while (!mpib_hint_entry_try(hints, slot, &view) || view.sup_bw != value) {
        if (mpib_now_ns() > deadline) {
            printf("timeout\n");
            return;
        }
        sched_yield();
    }
    printf("ok\n");
}

static void do_tries(uint32_t most)
{
    uint32_t spins_in[MPIB_MAX_ENTRIES], spinning = 0, highest = 0;

    for (uint32_t slot = 0; slot < MPIB_MAX_ENTRIES; slot++) {
        struct mpib_hint_view view;
        uint32_t tries = 1;

        while (!mpib_hint_entry_try(hints, slot, &view) && tries <= most) {
            mpib_spin_pause();
            tries++;
        }
        if (tries > most)
            spins_in[spinning++] = slot;
        else if (tries > highest)
            highest = tries;
    }
    printf("tries %" PRIu32, highest);
    for (uint32_t i = 0; i < spinning; i++)
        printf(" %" PRIu32, spins_in[i]);
    printf("\n");
}

static void note_fault(uint32_t slot, const struct mpib_hint_view *view, const char *what)
{
    if (atomic_load(&seen.faults) == 0)
        snprintf(seen.first, sizeof seen.first, "slot %" PRIu32 ": %s, hint %" PRIu32 ", %08" PRIx32 " > %08" PRIx32, slot, what,
                 view->sup_bw, ntohl(view->src_ip), ntohl(view->dst_ip));
    atomic_fetch_add(&seen.faults, 1);
}

static void look_at(uint32_t slot, int64_t odd_since[])
{
    struct mpib_hint_view view = { 0, 0, 0 };
    int is_free, is_shared;

    if (!mpib_hint_entry_try(hints, slot, &view)) {
        if (odd_since[slot] == 0)
            odd_since[slot] = mpib_now_ns();
        else if (mpib_now_ns() - odd_since[slot] > TIMEOUT_NS)
            note_fault(slot, &view, "no read succeeds");
        return;
    }
    odd_since[slot] = 0;
    atomic_fetch_add_explicit(&seen.reads, 1, memory_order_relaxed);
    is_free = view.src_ip == 0 && view.dst_ip == 0;
    is_shared = view.src_ip == UINT32_MAX && view.dst_ip == UINT32_MAX;
    if (!is_free && !is_shared && (view.dst_ip != ~view.src_ip || ntohl(view.src_ip) - FIRST_FLOW >= FLOWS))
        note_fault(slot, &view, "no flow of ours");
    if (!may_be_hint(slot, view.sup_bw))
        note_fault(slot, &view, "never set for this slot");
    if (slot < MPIB_MAX_ENTRIES - 1 && view.sup_bw > atomic_load(&seen.highest))
        atomic_store(&seen.highest, view.sup_bw);
}

static void *watch(void *unused)
{
    static const struct timespec pause = { 0, 200000 }; /* there are others on this machine */
    static int64_t odd_since[MPIB_MAX_ENTRIES];

    (void)unused;
    for (;;) {
        for (uint32_t slot = 0; slot < MPIB_MAX_ENTRIES; slot++)
            look_at(slot, odd_since);
        nanosleep(&pause, NULL);
    }
    return NULL;
}

static void do_watch(void)
{
    pthread_t thread;
    int error = need_hints();

    if (error == 0)
        error = -pthread_create(&thread, NULL, watch, NULL);
    if (error != 0)
        answer_error(error);
    else
        printf("ok\n");
}

static void obey(char *line)
{
    uint32_t a, b, c = 1;
    char when[16];
    int number, error;
    long long ns;

    if (sscanf(line, "register %" SCNu32 " %" SCNu32 " %" SCNu32, &a, &b, &c) >= 2 && c <= MAX_REQUESTS && b < FLOWS)
        do_register(a, b, c);
    else if (sscanf(line, "deregister %" SCNu32 " %" SCNu32, &a, &c) >= 1 && c <= MAX_REQUESTS)
        do_deregister(a, c);
    else if (sscanf(line, "keep %d", &keeps) == 1)
        printf("ok\n");
    else if (sscanf(line, "fate %d %15s %lld", &number, when, &ns) == 3) {
        fate.pid = number != 0 ? (pid_t)number : getpid();
        fate.when_answered = strcmp(when, "answered") == 0;
        fate.delay_ns = ns;
        fate.is_set = 1;
        printf("ok\n");
    } else if (strncmp(line, "command ", 8) == 0)
        do_command(line + 8);
    else if (strcmp(line, "watch\n") == 0)
        do_watch();
    else if (strcmp(line, "seen\n") == 0)
        printf("seen %llu %u %llu %s\n", atomic_load(&seen.reads), atomic_load(&seen.highest), atomic_load(&seen.faults), seen.first);
    else if ((error = need_hints()) != 0)
        answer_error(error);
    else if (sscanf(line, "hint %" SCNu32, &a) == 1)
        printf("hint %" PRIu32 "\n", mpib_hint_read(hints, a));
    else if (sscanf(line, "tries %" SCNu32, &a) == 1)
        do_tries(a);
    else if (sscanf(line, "wait-hint %" SCNu32 " %" SCNu32, &a, &b) == 2 && a < MPIB_MAX_ENTRIES)
        do_wait_hint(a, b);
    else if (strcmp(line, "inode\n") == 0)
        printf("%ju:%ju\n", (uintmax_t)hints_file.st_dev, (uintmax_t)hints_file.st_ino);
    else
        answer_error(-EINVAL);
}

int main(int argc, char **argv)
{
    char line[512];

    if (argc != 4) {
        fprintf(stderr, "usage: chaos_client SOCKET HINTS FIFO\n");
        return 2;
    }
    socket_path = argv[1];
    hints_path = argv[2];
    fifo_path = argv[3];
    while (fgets(line, sizeof line, stdin) != NULL) {
        obey(line);
        fflush(stdout);
    }
    return 0;
}
