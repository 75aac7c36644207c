/*
 * The floor of steering: wakes up by epoll_wait every PERIOD_MS, reads two counters, and does nothing with them.
 *
 *     gcc -std=c11 -O2 -Wall -Wextra -Werror -pedantic steering_floor.c -o steering_floor
 *     steering_floor PERIOD_MS SOUT_FILE SUP_FILE
 *
 * Prints "ready" and goes on until it is killed. Exit: 1 when something cannot be opened, 2 for a wrong command line.
 */
#define _GNU_SOURCE

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    int period = argc == 4 ? atoi(argv[1]) : 0, epoll = epoll_create1(EPOLL_CLOEXEC), sout, sup;
    struct epoll_event event;
    char text[64];

    if (period <= 0) {
        fprintf(stderr, "usage: steering_floor PERIOD_MS SOUT_FILE SUP_FILE\n");
        return 2;
    }
    sout = open(argv[2], O_RDONLY | O_CLOEXEC);
    sup = open(argv[3], O_RDONLY | O_CLOEXEC);
    if (epoll < 0 || sout < 0 || sup < 0) {
        perror("steering_floor");
        return 1;
    }
    printf("ready\n");
    fflush(stdout);
    for (;;) {
        if (epoll_wait(epoll, &event, 1, period) != 0 || pread(sout, text, sizeof text, 0) <= 0 || pread(sup, text, sizeof text, 0) <= 0) {
            perror("steering_floor");
            return 1;
        }
    }
}
