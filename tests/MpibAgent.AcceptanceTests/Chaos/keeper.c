/*
 * Plays systemd for one agent: starts it, hears its notifications, tells of its end, and may hold its socket and its FIFO.
 *
 *     gcc -std=c11 -O2 -Wall -Wextra -Werror -pedantic -pthread keeper.c -o keeper
 *     keeper [--hold SOCKET FIFO] NOTIFY LOG COMMAND...
 *
 *     start                   started PID; the agent's output is appended to LOG
 *     signal N                (nothing)
 *     deaf                    (nothing) from now on no notification is read, and the queue of them is full
 *
 * and, whenever it happens,
 *
 *     ready                   READY=1 has come
 *     status TEXT             STATUS= has come
 *     ended exit CODE         or `ended signal N`, after all that the agent had said
 *
 * An agent that has ended stays a zombie until the next start, so its pid is nobody else's meanwhile: who means to kill it may be
 * late. At the end of stdin, or of this process, the agent is killed.
 */
#define _GNU_SOURCE

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define BACKLOG 4096
#define FIRST_PASSED 3
#define FIRST_OWN 10 /* what this process opens stays clear of what it passes */

static int listener = -1, fifo = -1, notifications = -1, pidfd = -1;
static int is_deaf;
static pid_t agent = -1;

static void fail(const char *what)
{
    fprintf(stderr, "keeper: %s: %s\n", what, strerror(errno));
    exit(1);
}

static int moved_up(int fd, const char *what)
{
    int moved = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, FIRST_OWN);

    if (moved < 0)
        fail(what);
    close(fd);
    return moved;
}

static int bound_socket(const char *path, int type)
{
    int fd = moved_up(socket(AF_UNIX, type | SOCK_CLOEXEC, 0), "socket");
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

static void hold(const char *socket_path, const char *fifo_path)
{
    listener = bound_socket(socket_path, SOCK_STREAM | SOCK_NONBLOCK);
    if (chmod(socket_path, 0666) != 0 || listen(listener, BACKLOG) != 0)
        fail(socket_path);
    if (mkfifo(fifo_path, 0600) != 0)
        fail(fifo_path);
    fifo = moved_up(open(fifo_path, O_RDWR | O_NONBLOCK | O_CLOEXEC), fifo_path);
}

static void run_agent(const char *log_path, char **command)
{
    int null = open("/dev/null", O_RDONLY);
    int log = open(log_path, O_WRONLY | O_CREAT | O_APPEND, 0644);
    char pid[16];

    if (null < 0 || log < 0 || dup2(null, 0) < 0 || dup2(log, 1) < 0 || dup2(log, 2) < 0)
        _exit(126);
    /* Whatever was inherited beyond these three ends here, or the agent would count it as its own. */
    for (int fd = FIRST_PASSED; fd < FIRST_OWN; fd++)
        close(fd);
    if (listener >= 0) {
        snprintf(pid, sizeof pid, "%ld", (long)getpid());
        setenv("LISTEN_PID", pid, 1);
        setenv("LISTEN_FDS", "2", 1);
        setenv("LISTEN_FDNAMES", "registration:control", 1);
        if (dup2(listener, FIRST_PASSED) < 0 || dup2(fifo, FIRST_PASSED + 1) < 0)
            _exit(126);
    }
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    execvp(command[0], command);
    _exit(127);
}

static void start(const char *log_path, char **command)
{
    if (agent > 0) {
        close(pidfd);
        if (waitpid(agent, NULL, 0) != agent)
            fail("waitpid");
    }
    agent = fork();
    if (agent == 0)
        run_agent(log_path, command);
    if (agent < 0)
        fail("fork");
    pidfd = moved_up((int)syscall(SYS_pidfd_open, agent, 0), "pidfd_open");
    printf("started %ld\n", (long)agent);
}

static void hear(void)
{
    char text[4096];
    ssize_t length;

    while ((length = recv(notifications, text, sizeof text - 1, MSG_DONTWAIT)) >= 0) {
        text[length] = '\0';
        for (char *rest = text, *line; (line = strsep(&rest, "\n")) != NULL;) {
            if (strcmp(line, "READY=1") == 0)
                printf("ready\n");
            else if (strncmp(line, "STATUS=", 7) == 0)
                printf("status %s\n", line + 7);
        }
    }
}

static void tell_end(void)
{
    siginfo_t info;

    memset(&info, 0, sizeof info);
    if (waitid(P_PID, (id_t)agent, &info, WEXITED | WNOWAIT) != 0)
        fail("waitid");
    hear();
    printf("ended %s %d\n", info.si_code == CLD_EXITED ? "exit" : "signal", info.si_status);
    close(pidfd);
    pidfd = -1;
}

static void become_deaf(const char *notify_path)
{
    int fd = moved_up(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0), "socket");
    struct sockaddr_un address;

    memset(&address, 0, sizeof address);
    address.sun_family = AF_UNIX;
    strcpy(address.sun_path, notify_path);
    if (connect(fd, (const struct sockaddr *)&address, sizeof address) != 0)
        fail(notify_path);
    while (send(fd, "X=1", 3, MSG_DONTWAIT) == 3)
        continue;
    is_deaf = 1;
}

/* Returns 0 at the end of stdin. The commands are short and come one by one, so stdio buffers nothing behind poll's back. */
static int obey(const char *notify_path, const char *log_path, char **command)
{
    char line[64];
    int number;

    if (fgets(line, sizeof line, stdin) == NULL)
        return 0;
    if (strcmp(line, "start\n") == 0)
        start(log_path, command);
    else if (sscanf(line, "signal %d", &number) == 1 && pidfd >= 0)
        kill(agent, number);
    else if (strcmp(line, "deaf\n") == 0)
        become_deaf(notify_path);
    return 1;
}

int main(int argc, char **argv)
{
    int first = argc > 4 && strcmp(argv[1], "--hold") == 0 ? 4 : 1;

    if (argc < first + 3) {
        fprintf(stderr, "usage: keeper [--hold SOCKET FIFO] NOTIFY LOG COMMAND...\n");
        return 2;
    }
    setvbuf(stdin, NULL, _IONBF, 0);
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (first == 4)
        hold(argv[2], argv[3]);
    notifications = bound_socket(argv[first], SOCK_DGRAM);
    setenv("NOTIFY_SOCKET", argv[first], 1);

    for (;;) {
        struct pollfd wait[] = { { 0, POLLIN, 0 }, { is_deaf ? -1 : notifications, POLLIN, 0 }, { pidfd, POLLIN, 0 } };

        if (poll(wait, 3, -1) < 0 && errno != EINTR)
            fail("poll");
        if (wait[1].revents != 0)
            hear();
        if (pidfd >= 0 && wait[2].revents != 0)
            tell_end();
        if (wait[0].revents != 0 && !obey(argv[first], argv[first + 1], argv + first + 2))
            return 0;
    }
}
