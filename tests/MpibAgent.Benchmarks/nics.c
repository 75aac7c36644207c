/*
 * Two NICs of a busy host, as their counters show them: a job that always has something to send, split by the hint of one slot (ppm1024), in
 * messages that are small against what the rails hold, so that the fuller rail slows the other one down in proportion.
 *
 *     gcc -std=c11 -O2 -Wall -Wextra -Werror -pedantic nics.c -o nics
 *     nics HINTS SLOT SOUT_FILE SUP_FILE SOUT_RATE SUP_RATE
 *
 * Rates are in bytes per second; each varies by NOISE from one millisecond to the next. The files get the bytes sent, in decimal, anew as fast as
 * one core can: a counter that stood still for a while would be noise of this program's own. Prints "ready" and goes on until it is killed.
 * Exit: 1 when something cannot be opened, 2 for a wrong command line.
 */
#define _GNU_SOURCE

#include "../../src/MpibAgent.Interface/mpib_agent_iface.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define NOISE 0.01
#define NOISE_NS 1000000

static int open_counter(const char *path)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);

    if (fd < 0) {
        perror(path);
        exit(1);
    }
    return fd;
}

/* Always of one length, so that a reader meets old digits or new ones, but never fewer. */
static void write_counter(int fd, double bytes)
{
    char text[32];
    int length = snprintf(text, sizeof text, "%020.0f\n", bytes);

    if (pwrite(fd, text, (size_t)length, 0) != length) {
        perror("a counter");
        exit(1);
    }
}

/* Uniform, of standard deviation NOISE. */
static double noisy(double rate)
{
    return rate * (1 + NOISE * 3.4641 * (drand48() - 0.5));
}

int main(int argc, char **argv)
{
    double rate[2], bytes[2] = { 0, 0 }, now_rate[2] = { 0, 0 }, share, goodput;
    const struct mpib_hint_region *hints = NULL;
    int64_t last, now, redrawn = 0;
    int fd[2], error;

    if (argc != 7 || (rate[0] = strtod(argv[5], NULL)) <= 0 || (rate[1] = strtod(argv[6], NULL)) <= 0) {
        fprintf(stderr, "usage: nics HINTS SLOT SOUT_FILE SUP_FILE SOUT_RATE SUP_RATE\n");
        return 2;
    }
    error = mpib_hints_map(argv[1], &hints, NULL);
    if (error != 0) {
        fprintf(stderr, "nics: %s: %s\n", argv[1], strerror(-error));
        return 1;
    }
    fd[0] = open_counter(argv[3]);
    fd[1] = open_counter(argv[4]);
    printf("ready\n");
    fflush(stdout);

    for (last = mpib_now_ns();; last = now) {
        now = mpib_now_ns();
        if (now - redrawn > NOISE_NS) {
            redrawn = now;
            now_rate[0] = noisy(rate[0]);
            now_rate[1] = noisy(rate[1]);
        }
        share = (double)mpib_share(MPIB_ENCODING_PPM1024, mpib_hint_read(hints, (uint32_t)strtoul(argv[2], NULL, 10)));
        goodput = share <= 0 ? now_rate[0] : share >= 1 ? now_rate[1] : now_rate[0] / (1 - share);
        if (share > 0 && share < 1 && now_rate[1] / share < goodput)
            goodput = now_rate[1] / share;
        bytes[0] += (double)(now - last) / 1e9 * goodput * (1 - share);
        bytes[1] += (double)(now - last) / 1e9 * goodput * share;
        write_counter(fd[0], bytes[0]);
        write_counter(fd[1], bytes[1]);
    }
}
