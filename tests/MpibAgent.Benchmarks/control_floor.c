/*
 * The floor for control.c: the least that any agent has to do for a command. One thread: a blocking read of the FIFO, parse, store. With
 * "epoll" it waits as a program does that has other descriptors as well.
 *
 *     gcc -std=c11 -O2 -Wall -Wextra -Werror -pedantic control_floor.c -o control_floor
 *     control_floor FIFO HINTS [epoll]
 *
 * Creates both files (neither may exist), prints "ready", ends on SIGTERM or SIGINT and unlinks them. Knows "SLOT VALUE" only, a
 * whole number of lines a read, which is what control.c writes; what does not parse is passed over.
 */
#define _GNU_SOURCE

#include "../../src/MpibAgent.Interface/mpib_agent_iface.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>

static const char *fifo_path;
static const char *hints_path;

static void end(int number)
{
    (void)number;
    unlink(fifo_path);
    unlink(hints_path);
    _exit(0);
}

static int fail(const char *what)
{
    perror(what);
    return 1;
}

static struct mpib_hint_region *create_hints(void)
{
    int fd = open(hints_path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    struct mpib_hint_region *region;

    if (fd < 0 || ftruncate(fd, MPIB_HINTS_SIZE) != 0)
        return NULL;
    region = mmap(NULL, MPIB_HINTS_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (region == MAP_FAILED)
        return NULL;
    for (size_t i = 0; i < MPIB_MAX_ENTRIES; i++)
        region->entries[i].sup_bw = 1;
    region->max_entries = MPIB_MAX_ENTRIES;
    region->magic = MPIB_HINTS_MAGIC;
    return region;
}

typedef uint64_t __attribute__((may_alias)) shared_word;

/* Hint and seq at once, in the one aligned word that they share: no reader ever meets an odd seq. */
static void store(struct mpib_hint_entry *entry, uint32_t sup_bw)
{
    uint64_t word = (uint64_t)(entry->seq + 2) << 32 | sup_bw;

    __atomic_store_n((shared_word *)(void *)entry, word, __ATOMIC_RELEASE);
}

int main(int argc, char **argv)
{
    struct mpib_hint_region *region;
    struct sigaction action;
    struct epoll_event event = { .events = EPOLLIN | EPOLLET };
    char lines[4097];
    int fifo, epoll = -1;

    if (argc != 3 && (argc != 4 || strcmp(argv[3], "epoll") != 0)) {
        fprintf(stderr, "usage: control_floor FIFO HINTS [epoll]\n");
        return 2;
    }
    fifo_path = argv[1];
    hints_path = argv[2];
    region = create_hints();
    if (region == NULL)
        return fail(hints_path);
    /* For reading and writing, so that it has a writer always and no end of file when one leaves. */
    if (mkfifo(fifo_path, 0620) != 0 || (fifo = open(fifo_path, O_RDWR | O_CLOEXEC)) < 0) {
        fail(fifo_path);
        unlink(hints_path);
        return 1;
    }
    memset(&action, 0, sizeof action);
    action.sa_handler = end;
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    if (argc == 4 && ((epoll = epoll_create1(EPOLL_CLOEXEC)) < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, fifo, &event) != 0))
        return fail("epoll");
    printf("ready\n");
    fflush(stdout);

    for (;;) {
        ssize_t length;

        if (epoll >= 0 && epoll_wait(epoll, &event, 1, -1) < 0)
            return fail("epoll_wait");
        length = read(fifo, lines, sizeof lines - 1);
        if (length <= 0)
            return fail("read");
        lines[length] = '\0';
        for (char *next = lines, *line; (line = strsep(&next, "\n")) != NULL && next != NULL;) {
            char *rest;
            unsigned long slot = strtoul(line, &rest, 10);

            if (*rest == ' ' && slot < MPIB_MAX_ENTRIES)
                store(&region->entries[slot], (uint32_t)strtoul(rest + 1, NULL, 10));
        }
    }
}
