/*
 * How long a service takes from exec to READY=1, as systemd would see it.
 *
 *     gcc -std=c11 -O2 -Wall -Wextra -Werror -pedantic ready.c -o ready
 *     ready [--sockets SOCKET FIFO] NOTIFY N COMMAND...
 *
 * N times: starts COMMAND with NOTIFY_SOCKET, waits for READY=1, then SIGTERM and its end. With --sockets the listening socket and the
 * FIFO are made first and passed, as by systemd's socket units. The time runs from just before exec to when the datagram has come.
 * Prints one line of JSON. Exit: 0, 1 when something fails or READY=1 does not come within 10 s, 2 for a wrong command line.
 */
#define _GNU_SOURCE

#include "../../src/MpibAgent.Interface/mpib_agent_iface.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>

#define TIMEOUT_MS 10000
#define MAX_RUNS 1000
#define FIRST_PASSED 3

/* Shared with the child, which writes it last before exec. */
static int64_t *begun;

static void fail(const char *what)
{
    perror(what);
    exit(1);
}

/* Above what is passed, so that dup2 in the child never meets its own. */
static int moved_up(int fd, const char *what)
{
    int moved = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, 10);

    if (moved < 0)
        fail(what);
    close(fd);
    return moved;
}

static int bound(const char *path, int type)
{
    int fd = moved_up(socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), "socket");
    struct sockaddr_un address;

    memset(&address, 0, sizeof address);
    address.sun_family = AF_UNIX;
    if (strlen(path) >= sizeof address.sun_path) {
        errno = ENAMETOOLONG;
        fail(path);
    }
    strcpy(address.sun_path, path);
    if (bind(fd, (const struct sockaddr *)&address, sizeof address) != 0)
        fail(path);
    return fd;
}

static void run(char **command, int listener, int fifo)
{
    char pid[16];

    if (listener >= 0) {
        snprintf(pid, sizeof pid, "%ld", (long)getpid());
        setenv("LISTEN_PID", pid, 1);
        setenv("LISTEN_FDS", "2", 1);
        setenv("LISTEN_FDNAMES", "registration:control", 1);
        if (dup2(listener, FIRST_PASSED) < 0 || dup2(fifo, FIRST_PASSED + 1) < 0)
            _exit(126);
    }
    *begun = mpib_now_ns();
    execv(command[0], command);
    _exit(127);
}

/* Nanoseconds until READY=1; what is said of status before or after is passed over. */
static int64_t wait_ready(int notifications)
{
    struct pollfd readable = { notifications, POLLIN, 0 };
    char text[4096];

    for (;;) {
        ssize_t length;
        int64_t now;

        if (poll(&readable, 1, TIMEOUT_MS) != 1)
            return -1;
        now = mpib_now_ns();
        length = recv(notifications, text, sizeof text - 1, MSG_DONTWAIT);
        if (length < 0)
            fail("recv");
        text[length] = '\0';
        for (char *rest = text, *line; (line = strsep(&rest, "\n")) != NULL;) {
            if (strcmp(line, "READY=1") == 0)
                return now - *begun;
        }
    }
}

static int ascending(const void *left, const void *right)
{
    int64_t a = *(const int64_t *)left, b = *(const int64_t *)right;

    return (a > b) - (a < b);
}

int main(int argc, char **argv)
{
    int first = argc > 4 && strcmp(argv[1], "--sockets") == 0 ? 4 : 1;
    int notifications, listener = -1, fifo = -1;
    int64_t taken[MAX_RUNS];
    char text[4096];
    long runs;

    runs = argc > first + 2 ? strtol(argv[first + 1], NULL, 10) : 0;
    if (runs < 1 || runs > MAX_RUNS) {
        fprintf(stderr, "usage: ready [--sockets SOCKET FIFO] NOTIFY N COMMAND...\n");
        return 2;
    }
    begun = mmap(NULL, sizeof *begun, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (begun == MAP_FAILED)
        fail("mmap");
    notifications = bound(argv[first], SOCK_DGRAM);
    setenv("NOTIFY_SOCKET", argv[first], 1);
    if (first == 4) {
        listener = bound(argv[2], SOCK_STREAM);
        if (chmod(argv[2], 0666) != 0 || listen(listener, 4096) != 0)
            fail(argv[2]);
        if (mkfifo(argv[3], 0620) != 0)
            fail(argv[3]);
        fifo = moved_up(open(argv[3], O_RDWR | O_NONBLOCK | O_CLOEXEC), argv[3]);
    }

    for (long i = 0; i < runs; i++) {
        int status;
        pid_t child = fork();

        if (child < 0)
            fail("fork");
        if (child == 0)
            run(argv + first + 2, listener, fifo);
        taken[i] = wait_ready(notifications);
        kill(child, taken[i] < 0 ? SIGKILL : SIGTERM);
        if (waitpid(child, &status, 0) != child)
            fail("waitpid");
        if (taken[i] < 0 || (WIFEXITED(status) ? WEXITSTATUS(status) != 0 : WTERMSIG(status) != SIGTERM)) {
            fprintf(stderr, "ready: %s: %s\n", argv[first + 2], taken[i] < 0 ? "no READY=1 within 10 s" : "did not end well");
            return 1;
        }
        /* What it said on its way out is not of the next one. */
        while (recv(notifications, text, sizeof text, MSG_DONTWAIT) >= 0)
            continue;
    }
    qsort(taken, (size_t)runs, sizeof taken[0], ascending);
    printf("{\"runs\":%ld,\"least_ms\":%.3f,\"median_ms\":%.3f,\"most_ms\":%.3f}\n", runs, (double)taken[0] / 1e6,
           (double)(taken[(runs - 1) / 2] + taken[runs / 2]) / 2e6, (double)taken[runs - 1] / 1e6);
    return 0;
}
