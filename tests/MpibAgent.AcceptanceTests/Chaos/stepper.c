/*
 * Kills or holds the agent between two of its stores: runs its loop thread instruction by instruction, and stops right after the one
 * that makes the Nth change to the region or to the state file, or after each.
 *
 *     gcc -std=c11 -O2 -Wall -Wextra -Werror -pedantic stepper.c -o stepper
 *     stepper PID HINTS STATE N
 *     stepper PID HINTS STATE each
 *
 * Prints `stepping` when the thread is held, and then what happens is up to who gives the agent something to do; `killed N STEPS` after
 * the Nth change, when it has sent SIGKILL; `ended CHANGES STEPS` when somebody else has killed the agent first. With `each` it prints
 * `held CHANGES` after every change and waits for a line: `on` to go on, anything else to kill. The agent does not outlive this process.
 * A state file that grows counts as a change.
 */
#define _GNU_SOURCE

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

struct watched {
    int fd;
    size_t size;
    const char *now;
    char *before;
};

static void fail(const char *what)
{
    printf("error %s: %s\n", what, strerror(errno));
    exit(1);
}

static void take(struct watched *file)
{
    struct stat status;

    if (fstat(file->fd, &status) != 0)
        fail("fstat");
    if (file->now != NULL)
        munmap((void *)file->now, file->size);
    free(file->before);
    file->size = (size_t)status.st_size;
    file->now = mmap(NULL, file->size, PROT_READ, MAP_SHARED, file->fd, 0);
    file->before = malloc(file->size);
    if (file->now == MAP_FAILED || file->before == NULL)
        fail("mmap");
    memcpy(file->before, file->now, file->size);
}

static struct watched opened(const char *path)
{
    struct watched file = { open(path, O_RDONLY | O_CLOEXEC), 0, NULL, NULL };

    if (file.fd < 0)
        fail(path);
    take(&file);
    return file;
}

static int has_changed(struct watched *file)
{
    struct stat status;

    if (memcmp(file->before, file->now, file->size) != 0) {
        memcpy(file->before, file->now, file->size);
        return 1;
    }
    if (fstat(file->fd, &status) != 0)
        fail("fstat");
    if ((size_t)status.st_size != file->size) {
        take(file);
        return 1;
    }
    return 0;
}

static pid_t loop_thread(const char *pid)
{
    char path[512], name[32];
    struct dirent *entry;
    pid_t found = -1;
    DIR *directory;

    snprintf(path, sizeof path, "/proc/%s/task", pid);
    directory = opendir(path);
    while (directory != NULL && found < 0 && (entry = readdir(directory)) != NULL) {
        FILE *file;

        snprintf(path, sizeof path, "/proc/%s/task/%s/comm", pid, entry->d_name);
        file = fopen(path, "re");
        if (file == NULL)
            continue;
        if (fgets(name, sizeof name, file) != NULL && strcmp(name, "mpib-loop\n") == 0)
            found = (pid_t)atoi(entry->d_name);
        fclose(file);
    }
    if (directory != NULL)
        closedir(directory);
    return found;
}

/* Each step passes from one thread to the other and back: ten times faster when neither has to be woken on another core. */
static void share_core(pid_t thread)
{
    cpu_set_t cores, one;

    if (sched_getaffinity(0, sizeof cores, &cores) != 0)
        fail("sched_getaffinity");
    for (int core = 0; core < CPU_SETSIZE; core++) {
        if (CPU_ISSET(core, &cores)) {
            CPU_ZERO(&one);
            CPU_SET(core, &one);
            if (sched_setaffinity(0, sizeof one, &one) != 0 || sched_setaffinity(thread, sizeof one, &one) != 0)
                fail("sched_setaffinity");
            return;
        }
    }
}

/* Whether the agent may go on. */
static int may_go_on(unsigned long changes)
{
    char line[16];

    printf("held %lu\n", changes);
    return fgets(line, sizeof line, stdin) != NULL && strcmp(line, "on\n") == 0;
}

int main(int argc, char **argv)
{
    struct watched hints, state;
    unsigned long changes = 0, steps = 0, wanted, made;
    int holds, may_live = 1;
    int status, signal_number = 0;
    pid_t thread;

    if (argc != 5) {
        fprintf(stderr, "usage: stepper PID HINTS STATE N|each\n");
        return 2;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    holds = strcmp(argv[4], "each") == 0;
    wanted = holds ? ULONG_MAX : strtoul(argv[4], NULL, 10);
    thread = loop_thread(argv[1]);
    if (thread < 0)
        fail("the loop's thread");
    hints = opened(argv[2]);
    state = opened(argv[3]);
    if (ptrace(PTRACE_SEIZE, thread, NULL, (void *)PTRACE_O_EXITKILL) != 0 || ptrace(PTRACE_INTERRUPT, thread, NULL, NULL) != 0)
        fail("ptrace");
    if (waitpid(thread, &status, __WALL) != thread || !WIFSTOPPED(status))
        fail("waitpid");
    share_core(thread);
    printf("stepping\n");

    while (changes < wanted && may_live) {
        if (ptrace(PTRACE_SINGLESTEP, thread, NULL, (void *)(long)signal_number) != 0 && errno != ESRCH)
            fail("step");
        if (waitpid(thread, &status, __WALL) != thread || !WIFSTOPPED(status)) {
            printf("ended %lu %lu\n", changes, steps);
            return 0;
        }
        /* A signal that is none of ours is the thread's own. */
        signal_number = WSTOPSIG(status) == SIGTRAP ? 0 : WSTOPSIG(status);
        steps++;
        made = (unsigned long)(has_changed(&hints) + has_changed(&state));
        changes += made;
        if (holds && made > 0)
            may_live = may_go_on(changes);
    }
    kill((pid_t)atoi(argv[1]), SIGKILL);
    printf("killed %lu %lu\n", changes, steps);
    return 0;
}
