/*
 * How long a command on the control FIFO takes to be visible in the hint region, as the plugin would see it.
 *
 *     gcc -std=c11 -O2 -Wall -Wextra -Werror -pedantic control.c -o control
 *     control FIFO HINTS SLOT N
 *
 * N times: a pause of 0.2 to 2 ms, so that the reader of the FIFO is asleep as it is in life; then "SLOT VALUE", and a spin on the
 * mapped region until VALUE is there. Values are 1..1000, good in both encodings, never the one already set. Prints one line of JSON
 * with exact percentiles. Exit: 0, 1 when nobody reads the FIFO, a write fails or a value is not visible within 5 s, 2 for a wrong
 * command line. Nothing else may set the hint of SLOT meanwhile.
 */
#define _GNU_SOURCE

#include "../../src/MpibAgent.Interface/mpib_agent_iface.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#define TIMEOUT_NS 5000000000
#define MAX_COUNT 10000000

static const struct mpib_hint_region *hints;

static int fail(const char *what, int error)
{
    fprintf(stderr, "control: %s: %s\n", what, strerror(error));
    return 1;
}

static int ascending(const void *left, const void *right)
{
    int64_t a = *(const int64_t *)left, b = *(const int64_t *)right;

    return (a > b) - (a < b);
}

/* Nearest rank, in microseconds. */
static double percentile_us(const int64_t *sorted, long count, double fraction)
{
    long rank = (long)(fraction * (double)count + 0.999999);

    return (double)sorted[rank < 1 ? 0 : rank > count ? count - 1 : rank - 1] / 1000;
}

static void rest(void)
{
    static uint32_t state = 2463534242u;
    struct timespec pause = { 0, 0 };

    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    pause.tv_nsec = 200000 + state % 1800001;
    while (clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, &pause) == EINTR)
        continue;
}

/* Sends one command and returns the nanoseconds until it was visible, or -errno. */
static int64_t command(int fifo, uint32_t slot, uint32_t value)
{
    struct mpib_hint_view view;
    char line[32];
    int length = snprintf(line, sizeof line, "%" PRIu32 " %" PRIu32 "\n", slot, value);
    int64_t begin = mpib_now_ns();

    if (write(fifo, line, (size_t)length) != length)
        return -errno;
    for (;;) {
        /* A try, not a read: a seq left odd has to end in the timeout too. */
        int good = mpib_hint_entry_try(hints, slot, &view);
        int64_t taken = mpib_now_ns() - begin;

        if (good && view.sup_bw == value)
            return taken;
        if (taken > TIMEOUT_NS)
            return -ETIMEDOUT;
    }
}

int main(int argc, char **argv)
{
    char *end_of_slot, *end_of_count;
    unsigned long slot;
    int64_t *taken;
    uint32_t value;
    long count;
    int error;
    int fifo;

    slot = argc == 5 ? strtoul(argv[3], &end_of_slot, 10) : 0;
    count = argc == 5 ? strtol(argv[4], &end_of_count, 10) : 0;
    if (argc != 5 || *argv[3] == '\0' || *end_of_slot != '\0' || slot >= MPIB_MAX_ENTRIES || *end_of_count != '\0' || count < 1
        || count > MAX_COUNT) {
        fprintf(stderr, "usage: control FIFO HINTS SLOT N\n");
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    error = mpib_hints_map(argv[2], &hints, NULL);
    if (error != 0)
        return fail(argv[2], -error);
    /* Non-blocking, so that a FIFO without a reader is an error (ENXIO) and a full one too. */
    fifo = open(argv[1], O_WRONLY | O_NONBLOCK | O_CLOEXEC);
    if (fifo < 0)
        return fail(argv[1], errno);
    taken = calloc((size_t)count, sizeof *taken);
    if (taken == NULL)
        return fail("calloc", ENOMEM);

    value = __atomic_load_n(&hints->entries[slot].sup_bw, __ATOMIC_RELAXED) % 1000;
    for (long i = 0; i < count; i++) {
        rest();
        value = value % 1000 + 1;
        taken[i] = command(fifo, (uint32_t)slot, value);
        if (taken[i] < 0) {
            fprintf(stderr, "control: command %ld of %ld (%lu %" PRIu32 "): %s\n", i + 1, count, slot, value, strerror((int)-taken[i]));
            return 1;
        }
    }
    qsort(taken, (size_t)count, sizeof *taken, ascending);
    printf("{\"slot\":%lu,\"commands\":%ld,\"p50_us\":%.2f,\"p99_us\":%.2f,\"max_us\":%.2f}\n", slot, count,
           percentile_us(taken, count, 0.5), percentile_us(taken, count, 0.99), (double)taken[count - 1] / 1000);
    free(taken);
    return 0;
}
