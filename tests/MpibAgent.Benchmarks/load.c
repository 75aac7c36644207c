/*
 * Load on the registration socket: CLIENTS threads, each in a closed loop of connect, request, reply, close, through the system calls
 * that the plugin makes and no others, so that figures of different servers compare.
 *
 *     gcc -std=c11 -O2 -Wall -Wextra -Werror -pedantic -pthread load.c -o load
 *     load [--pid PID] [--flows N] [--live N] SOCKET CLIENTS SECONDS [register|pair]
 *
 *     register   (default) a fresh conn_id each time until a thread has N live ones (--live, 500), then the same ones again: the table
 *                stays bounded. Nothing is deregistered; the agent sees to that when this process ends.
 *     pair       register, then deregister; each is a request of its own.
 *     --flows    how many flows the connections are spread over, default 16
 *     --pid      the server's process: adds server_cpu_us_per_request, from utime and stime in /proc/PID/stat (steps of 10 ms)
 *
 * Prints one line of JSON. requests, per_second and the latencies (at most 1% off; max exact) are of what was answered with success;
 * whatever else is an error, one of which is named on stderr (a refusal by its status as EREMOTEIO). Exit: 0, 1 with an error or
 * without a single request, 2 for a wrong command line. A request that is still unanswered GRACE_NS after the end is given up as an
 * error, so the run is bounded whatever the server does.
 */
#define _GNU_SOURCE

#include "../../src/MpibAgent.Interface/mpib_agent_iface.h"

#include <arpa/inet.h>
#include <getopt.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#define MAX_CLIENTS 4096
#define GRACE_NS 2000000000
#define STACK_BYTES (256 * 1024)

/* Histogram of nanoseconds, log-linear: 64 buckets an octave, so a bucket's middle is at most 0.8% from what it stands for. */
#define SUB_BITS 6
#define BUCKETS ((64 - SUB_BITS + 1) << SUB_BITS)

struct client {
    pthread_t thread;
    uint32_t first_counter;
    uint64_t requests;
    uint64_t errors;
    int first_error;
    uint64_t max_ns;
    uint64_t buckets[BUCKETS];
};

static struct sockaddr_un server;
static uint32_t flows = 16;
static uint32_t live = 500;
static int pair_mode;
static pthread_barrier_t start_line;
static atomic_int stopping;

static size_t bucket_of(uint64_t ns)
{
    int shift = 63 - __builtin_clzll(ns | 1) - SUB_BITS;

    return shift <= 0 ? (size_t)ns : ((size_t)shift << SUB_BITS) + (size_t)(ns >> shift);
}

static double middle_of(size_t bucket)
{
    size_t shift = bucket >> SUB_BITS;

    if (shift <= 1)
        return (double)bucket;
    shift--;
    return ((double)(bucket - (shift << SUB_BITS)) + 0.5) * (double)(1ull << shift);
}

/* The value that the fraction of all recorded values does not exceed. */
static double percentile_us(const struct client *sum, double fraction)
{
    double wanted = fraction * (double)sum->requests;
    double max = (double)sum->max_ns;
    uint64_t seen = 0;

    for (size_t i = 0; i < BUCKETS; i++) {
        seen += sum->buckets[i];
        if (seen > 0 && (double)seen >= wanted)
            return (middle_of(i) < max ? middle_of(i) : max) / 1000;
    }
    return 0;
}

/* Returns 0 or an errno; EREMOTEIO for a status other than success. */
static int exchange(int fd, const void *request, size_t request_length, size_t response_length)
{
    struct mpib_register_response response;
    size_t length = 0;

    if (connect(fd, (const struct sockaddr *)&server, sizeof server) != 0)
        return errno;
    if (send(fd, request, request_length, MSG_NOSIGNAL) != (ssize_t)request_length)
        return errno;
    while (length < response_length) {
        ssize_t got = recv(fd, (char *)&response + length, response_length - length, 0);

        if (got <= 0)
            return got < 0 ? errno : ECONNRESET;
        length += (size_t)got;
    }
    if (response.header.magic != MPIB_MESSAGE_MAGIC || response.header.msg_len != response_length
        || response.header.msg_type != MPIB_TYPE_RESPONSE)
        return EPROTO;
    return response.status == MPIB_STATUS_SUCCESS ? 0 : EREMOTEIO;
}

static void request(struct client *client, const void *message, size_t length, size_t response_length)
{
    static const struct timespec pause = { 0, 1000000 };
    int64_t begin = mpib_now_ns();
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int error = fd < 0 ? errno : exchange(fd, message, length, response_length);
    uint64_t taken;

    if (fd >= 0)
        close(fd);
    if (error != 0) {
        if (client->errors++ == 0)
            client->first_error = error;
        nanosleep(&pause, NULL); /* a server that is away is no reason to burn the core that it may need to come back */
        return;
    }
    taken = (uint64_t)(mpib_now_ns() - begin);
    client->requests++;
    client->buckets[bucket_of(taken)]++;
    if (taken > client->max_ns)
        client->max_ns = taken;
}

static void *run_client(void *argument)
{
    struct client *client = argument;

    pthread_barrier_wait(&start_line);
    for (uint32_t turn = 0; !atomic_load_explicit(&stopping, memory_order_relaxed); turn = (turn + 1) % live) {
        uint32_t counter = client->first_counter + turn;
        uint32_t conn_id = mpib_conn_id(counter);
        uint32_t flow = counter % flows;
        struct mpib_deregister_request leave;
        struct mpib_register_request join;

        mpib_fill_register(&join, conn_id, htonl(0x0A000000u + flow), htonl(0x0A400000u + flow), htonl(0x0A800000u + flow),
                           htonl(0x0AC00000u + flow));
        request(client, &join, sizeof join, sizeof(struct mpib_register_response));
        if (pair_mode) {
            mpib_fill_deregister(&leave, conn_id);
            request(client, &leave, sizeof leave, sizeof(struct mpib_deregister_response));
        }
    }
    return NULL;
}

/* The handler does nothing; that it is one, without SA_RESTART, makes a blocked system call return. */
static void interrupt(int number)
{
    (void)number;
}

/* Waits for a client; from the deadline on, interrupts it until it ends, since a signal just before its system call is lost. */
static void join_client(struct client *client, int64_t deadline_ns)
{
    for (;;) {
        int64_t until_ns = mpib_now_ns() + 10000000;
        struct timespec until = { (time_t)(until_ns / 1000000000), (long)(until_ns % 1000000000) };

        if (pthread_clockjoin_np(client->thread, NULL, CLOCK_MONOTONIC, &until) == 0)
            return;
        if (until_ns > deadline_ns)
            pthread_kill(client->thread, SIGUSR1);
    }
}

/* CPU time of a process in microseconds, or -1. */
static double cpu_us(const char *pid)
{
    unsigned long long user, system;
    char path[64], text[1024];
    const char *after_name;
    size_t length;
    FILE *file;

    snprintf(path, sizeof path, "/proc/%s/stat", pid);
    file = fopen(path, "re");
    if (file == NULL)
        return -1;
    length = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    text[length] = '\0';
    /* The name may hold blanks and parentheses; nothing behind it does. */
    after_name = strrchr(text, ')');
    if (after_name == NULL || sscanf(after_name + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu", &user, &system) != 2)
        return -1;
    return (double)(user + system) * 1e6 / (double)sysconf(_SC_CLK_TCK);
}

static int parse_number(const char *text, uint32_t most, uint32_t *value)
{
    char *end;
    unsigned long parsed = strtoul(text, &end, 10);

    if (*text < '0' || *text > '9' || *end != '\0' || parsed == 0 || parsed > most)
        return 0;
    *value = (uint32_t)parsed;
    return 1;
}

static int usage(void)
{
    fprintf(stderr, "usage: load [--pid PID] [--flows N] [--live N] SOCKET CLIENTS SECONDS [register|pair]\n"
                    "CLIENTS times the live connections of each (default 500, fewer if need be) is at most 65536\n");
    return 2;
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        { "pid", required_argument, NULL, 'p' },
        { "flows", required_argument, NULL, 'f' },
        { "live", required_argument, NULL, 'l' },
        { NULL, 0, NULL, 0 },
    };
    const char *pid = NULL;
    uint32_t clients, started, number;
    double seconds, cpu_before = 0, cpu_after = 0;
    int64_t begin, end, finished;
    struct client *all, *sum;
    struct sigaction action;
    struct timespec stop;
    pthread_attr_t attributes;
    int live_given = 0;
    int option, failed;

    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (option == 'p' && parse_number(optarg, INT32_MAX, &number))
            pid = optarg;
        else if (option == 'l' && parse_number(optarg, 65536, &live))
            live_given = 1;
        else if (option != 'f' || !parse_number(optarg, 1u << 22, &flows))
            return usage();
    }
    if (argc - optind < 3 || argc - optind > 4 || !parse_number(argv[optind + 1], MAX_CLIENTS, &clients))
        return usage();
    if (strlen(argv[optind]) >= sizeof server.sun_path)
        return usage();
    seconds = strtod(argv[optind + 2], NULL);
    if (!(seconds > 0 && seconds <= 3600))
        return usage();
    if (argc - optind == 4) {
        pair_mode = strcmp(argv[optind + 3], "pair") == 0;
        if (!pair_mode && strcmp(argv[optind + 3], "register") != 0)
            return usage();
    }
    /* The counter of a conn_id has 16 bits, which all threads of this one process share. */
    if (live > 65536 / clients) {
        if (live_given)
            return usage();
        live = 65536 / clients;
    }

    server.sun_family = AF_UNIX;
    memcpy(server.sun_path, argv[optind], strlen(argv[optind]) + 1);
    memset(&action, 0, sizeof action);
    action.sa_handler = interrupt;
    sigaction(SIGUSR1, &action, NULL);

    all = calloc(clients + 1, sizeof *all);
    if (all == NULL || pthread_attr_init(&attributes) != 0 || pthread_attr_setstacksize(&attributes, STACK_BYTES) != 0
        || pthread_barrier_init(&start_line, NULL, clients + 1) != 0) {
        fprintf(stderr, "load: out of memory\n");
        return 1;
    }
    for (started = 0; started < clients; started++) {
        all[started].first_counter = started * live;
        if (pthread_create(&all[started].thread, &attributes, run_client, &all[started]) != 0) {
            fprintf(stderr, "load: only %" PRIu32 " of %" PRIu32 " threads could be started\n", started, clients);
            return 1;
        }
    }
    if (pid != NULL)
        cpu_before = cpu_us(pid);
    pthread_barrier_wait(&start_line);
    begin = mpib_now_ns();
    end = begin + (int64_t)(seconds * 1e9);
    stop.tv_sec = (time_t)(end / 1000000000);
    stop.tv_nsec = (long)(end % 1000000000);
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &stop, NULL) == EINTR)
        continue;
    atomic_store_explicit(&stopping, 1, memory_order_relaxed);

    sum = &all[clients];
    for (uint32_t i = 0; i < clients; i++) {
        join_client(&all[i], end + GRACE_NS);
        sum->requests += all[i].requests;
        sum->errors += all[i].errors;
        if (sum->first_error == 0)
            sum->first_error = all[i].first_error;
        if (all[i].max_ns > sum->max_ns)
            sum->max_ns = all[i].max_ns;
        for (size_t bucket = 0; bucket < BUCKETS; bucket++)
            sum->buckets[bucket] += all[i].buckets[bucket];
    }
    finished = mpib_now_ns();
    if (pid != NULL)
        cpu_after = cpu_us(pid);

    seconds = (double)(finished - begin) / 1e9;
    printf("{\"mode\":\"%s\",\"clients\":%" PRIu32 ",\"flows\":%" PRIu32 ",\"seconds\":%.3f,\"requests\":%" PRIu64 ",\"errors\":%" PRIu64,
           pair_mode ? "pair" : "register", clients, flows, seconds, sum->requests, sum->errors);
    printf(",\"per_second\":%.1f,\"p50_us\":%.2f,\"p90_us\":%.2f,\"p99_us\":%.2f,\"p999_us\":%.2f,\"max_us\":%.2f",
           (double)sum->requests / seconds, percentile_us(sum, 0.5), percentile_us(sum, 0.9), percentile_us(sum, 0.99),
           percentile_us(sum, 0.999), (double)sum->max_ns / 1000);
    if (pid != NULL && cpu_before >= 0 && cpu_after >= 0 && sum->requests > 0)
        printf(",\"server_cpu_us_per_request\":%.2f", (cpu_after - cpu_before) / (double)sum->requests);
    else if (pid != NULL)
        printf(",\"server_cpu_us_per_request\":null");
    printf("}\n");
    if (sum->errors > 0)
        fprintf(stderr, "load: an error: %s\n", strerror(sum->first_error));
    failed = sum->errors > 0 || sum->requests == 0;
    free(all);
    return failed;
}
