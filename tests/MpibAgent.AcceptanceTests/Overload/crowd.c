/*
 * More clients at once than an agent ever has: one command a line on stdin, one answer a line on stdout.
 *
 *     gcc -std=c11 -O2 -Wall -Wextra -Werror -pedantic -pthread crowd.c -o crowd
 *     crowd SOCKET
 *
 *     flood THREADS       ok; from now on that many threads register, move and deregister as fast as they can, each in a closed loop of
 *                         connect, request, reply, close, as the plugin does
 *     rest                REQUESTS CERTAIN DOUBTFUL REFUSED LOST [what was wrong first]; the threads have ended
 *     count               REQUESTS so far
 *     confirm             CERTAIN WRONG; every connection of the flood that is certain was registered again: wrong with another slot
 *     stall KIND N        N; so many sockets that are `silent`, have sent `half` a header, or are `deaf`: send and never read
 *     rights N            TURNED AWAY; N requests, each with two descriptors attached
 *     processes N         REGISTERED REFUSED FAILED; so many processes, each with a connection of its own, until one fails for lack of
 *                         an answer in time
 *     leave               ok; the stalled sockets are closed, the processes gone
 *
 * CERTAIN connections are registered for all that the agent has said; DOUBTFUL ones were asked for or released in a request whose reply
 * was lost. REFUSED requests found nobody to connect to. Whatever else is not a success is wrong and not expected of any agent.
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
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>

#define TIMEOUT_MS 20000
#define MAX_THREADS 256u
#define NAMES 50u /* connections of a thread */
#define FLOWS 16u
#define MAX_STALLED 16384
#define MAX_PROCESSES 1024

enum knowledge { RELEASED, CERTAIN, DOUBTFUL };

struct connection {
    enum knowledge knowledge;
    uint32_t flow, slot;
};

struct client {
    pthread_t thread;
    uint32_t number;
    uint64_t draws;
    struct connection connections[NAMES];
    atomic_ullong requests;
    uint64_t refused, lost, wrong;
    char first_wrong[64];
};

static const char *socket_path;
static struct client clients[MAX_THREADS];
static uint32_t client_count;
static atomic_int stopping;

static int stalled[MAX_STALLED], stalled_count;
static pid_t processes[MAX_PROCESSES];
static int process_count;

static uint32_t draw(struct client *client, uint32_t below)
{
    client->draws ^= client->draws << 13;
    client->draws ^= client->draws >> 7;
    client->draws ^= client->draws << 17;
    return (uint32_t)(client->draws >> 33) % below;
}

static uint32_t source_of(uint32_t flow)
{
    return htonl(0x0A000000u + flow);
}

static int do_register(uint32_t name, uint32_t flow, uint32_t *slot)
{
    uint32_t source = source_of(flow);

    return mpib_agent_register(socket_path, TIMEOUT_MS, name, source, ~source, source, ~source, slot);
}

static void take_result(struct client *client, struct connection *connection, int result, struct connection wanted)
{
    static const struct timespec pause = { 0, 1000000 }; /* an agent that is away may need the core to come back */

    atomic_fetch_add_explicit(&client->requests, 1, memory_order_relaxed);
    if (result == 0) {
        *connection = wanted;
    } else if (result == -ENOENT || result == -ECONNREFUSED) {
        client->refused++;
        nanosleep(&pause, NULL);
    } else if (result == -ECONNRESET || result == -EPIPE) {
        client->lost++;
        connection->knowledge = DOUBTFUL;
    } else if (client->wrong++ == 0) {
        snprintf(client->first_wrong, sizeof client->first_wrong, "%s %s", wanted.knowledge == CERTAIN ? "register" : "deregister",
                 result > 0 ? "status" : strerrorname_np(-result));
    }
}

static void *run_client(void *argument)
{
    struct client *client = argument;

    while (!atomic_load_explicit(&stopping, memory_order_relaxed)) {
        uint32_t i = draw(client, NAMES), name = client->number * NAMES + i;
        struct connection *connection = &client->connections[i];
        struct connection wanted = { CERTAIN, draw(client, FLOWS), MPIB_NO_SLOT };

        if (connection->knowledge == RELEASED || draw(client, 4) == 0) {
            int result = do_register(name, wanted.flow, &wanted.slot);

            take_result(client, connection, result, wanted);
        } else {
            wanted.knowledge = RELEASED;
            take_result(client, connection, mpib_agent_deregister(socket_path, TIMEOUT_MS, name), wanted);
        }
    }
    return NULL;
}

static void flood(uint32_t threads)
{
    atomic_store(&stopping, 0);
    client_count = threads;
    for (uint32_t i = 0; i < threads; i++) {
        clients[i].number = i;
        clients[i].draws = 88172645463325252u + i * 2654435761u;
        if (pthread_create(&clients[i].thread, NULL, run_client, &clients[i]) != 0) {
            printf("only %" PRIu32 " threads\n", i);
            exit(1);
        }
    }
    printf("ok\n");
}

static uint64_t requests(void)
{
    uint64_t sum = 0;

    for (uint32_t i = 0; i < client_count; i++)
        sum += atomic_load_explicit(&clients[i].requests, memory_order_relaxed);
    return sum;
}

static void rest(void)
{
    uint64_t known[3] = { 0, 0, 0 }, refused = 0, lost = 0;
    const char *wrong = "";

    atomic_store(&stopping, 1);
    for (uint32_t i = 0; i < client_count; i++) {
        pthread_join(clients[i].thread, NULL);
        for (uint32_t name = 0; name < NAMES; name++)
            known[clients[i].connections[name].knowledge]++;
        refused += clients[i].refused;
        lost += clients[i].lost;
        if (clients[i].wrong > 0)
            wrong = clients[i].first_wrong;
    }
    printf("%" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %s\n", requests(), known[CERTAIN], known[DOUBTFUL], refused, lost, wrong);
}

static void confirm(void)
{
    uint32_t certain = 0, wrong = 0;

    for (uint32_t i = 0; i < client_count * NAMES; i++) {
        const struct connection *connection = &clients[i / NAMES].connections[i % NAMES];
        uint32_t slot;

        if (connection->knowledge != CERTAIN)
            continue;
        certain++;
        wrong += do_register(i, connection->flow, &slot) != 0 || slot != connection->slot;
    }
    printf("%" PRIu32 " %" PRIu32 "\n", certain, wrong);
}

/* Requests that change nothing, until the agent has stopped reading them. */
static void talk(int fd)
{
    struct mpib_deregister_request batch[64];

    for (size_t i = 0; i < sizeof batch / sizeof batch[0]; i++)
        mpib_fill_deregister(&batch[i], 0xFFFFFFFFu);
    while (send(fd, batch, sizeof batch, MSG_DONTWAIT | MSG_NOSIGNAL) > 0)
        continue;
}

static void stall(const char *kind, int count)
{
    static const uint32_t magic = MPIB_MESSAGE_MAGIC;
    int opened = 0;

    for (; opened < count && stalled_count < MAX_STALLED; opened++) {
        int fd = mpib_io_connect(socket_path, mpib_now_ns() + (int64_t)TIMEOUT_MS * 1000000);

        if (fd < 0)
            break;
        stalled[stalled_count++] = fd;
        if (strcmp(kind, "half") == 0 && send(fd, &magic, sizeof magic, MSG_NOSIGNAL) < 0)
            break;
        if (strcmp(kind, "deaf") == 0)
            talk(fd);
    }
    printf("%d\n", opened);
}

static int send_with_rights(int fd, const struct mpib_deregister_request *request)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(2 * sizeof(int))];
    } control;
    struct iovec data = { (void *)(uintptr_t)request, sizeof *request };
    struct msghdr message = { 0 };
    int descriptors[2] = { 0, 1 };
    struct cmsghdr *header;

    memset(&control, 0, sizeof control);
    message.msg_iov = &data;
    message.msg_iovlen = 1;
    message.msg_control = &control;
    message.msg_controllen = sizeof control.bytes;
    header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof descriptors);
    memcpy(CMSG_DATA(header), descriptors, sizeof descriptors);
    return sendmsg(fd, &message, MSG_NOSIGNAL) == (ssize_t)sizeof *request ? 0 : -errno;
}

static void rights(int count)
{
    struct mpib_deregister_request request;
    int turned_away = 0;

    mpib_fill_deregister(&request, 0xFFFFFFFFu);
    for (int i = 0; i < count; i++) {
        int64_t deadline = mpib_now_ns() + (int64_t)TIMEOUT_MS * 1000000;
        int fd = mpib_io_connect(socket_path, deadline), sent, answer;

        if (fd < 0)
            break;

        /* Since Linux 6.16 by the kernel, before by the agent, which closes the socket. */
        sent = send_with_rights(fd, &request);
        answer = sent ? sent : mpib_io_response(fd, NULL, deadline);
        turned_away += sent == -EPERM || (sent == 0 && answer < 0 && answer != -ETIMEDOUT);
        close(fd);
    }
    printf("%d\n", turned_away);
}

static void run_process(int number, int answers)
{
    uint32_t slot;
    int result;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    result = do_register(1, (uint32_t)number % FLOWS, &slot);
    if (write(answers, &result, sizeof result) != (ssize_t)sizeof result)
        _exit(1);
    for (;;)
        pause();
}

static void start_processes(int count)
{
    int registered = 0, refused = 0, failed = 0, answers[2];

    if (pipe(answers) != 0)
        exit(1);
    for (int i = 0; i < count && process_count < MAX_PROCESSES; i++) {
        pid_t pid = fork();
        int result = -1;

        if (pid == 0)
            run_process(i, answers[1]);
        if (pid > 0)
            processes[process_count++] = pid;
        if (pid < 0 || read(answers[0], &result, sizeof result) != (ssize_t)sizeof result)
            result = -1;
        registered += result == 0;
        refused += result == MPIB_STATUS_NO_FREE_SLOTS;
        failed += result != 0 && result != MPIB_STATUS_NO_FREE_SLOTS;
        if (result == -ETIMEDOUT)
            break;
    }
    close(answers[0]);
    close(answers[1]);
    printf("%d %d %d\n", registered, refused, failed);
}

static void leave(void)
{
    while (stalled_count > 0)
        close(stalled[--stalled_count]);
    while (process_count > 0) {
        kill(processes[--process_count], SIGKILL);
        waitpid(processes[process_count], NULL, 0);
    }
    printf("ok\n");
}

static void obey(const char *line)
{
    char kind[16];
    uint32_t threads;
    int count;

    if (sscanf(line, "flood %" SCNu32, &threads) == 1 && threads <= MAX_THREADS)
        flood(threads);
    else if (strcmp(line, "rest\n") == 0)
        rest();
    else if (strcmp(line, "count\n") == 0)
        printf("%" PRIu64 "\n", requests());
    else if (strcmp(line, "confirm\n") == 0)
        confirm();
    else if (sscanf(line, "stall %15s %d", kind, &count) == 2)
        stall(kind, count);
    else if (sscanf(line, "rights %d", &count) == 1)
        rights(count);
    else if (sscanf(line, "processes %d", &count) == 1)
        start_processes(count);
    else if (strcmp(line, "leave\n") == 0)
        leave();
    else
        printf("what?\n");
}

int main(int argc, char **argv)
{
    struct rlimit limit;
    char line[128];

    if (argc != 2) {
        fprintf(stderr, "usage: crowd SOCKET\n");
        return 2;
    }
    socket_path = argv[1];
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
    while (fgets(line, sizeof line, stdin) != NULL) {
        obey(line);
        fflush(stdout);
    }
    return 0;
}
