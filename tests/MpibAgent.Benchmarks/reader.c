/*
 * Reads one slot of the hint region over and over, by the loop of the interface, and says what the worst read took.
 *
 *     gcc -std=c11 -O2 -Wall -Wextra -Werror -pedantic reader.c -o reader
 *     reader HINTS SLOT SECONDS
 *
 * Prints "reading" when it has mapped the region, and one line of JSON at the end. A read takes the clock's 20 ns or so as well; its
 * worst is as a rule that of a reader which was itself preempted, so look at the tries: more than one means that the entry
 * changed meanwhile. changes is how often the hint was another than at the read before. A read that is not done a second after the end is given
 * up, and still_odd is 1. Exit: 0, 1 when the region cannot be mapped, 2 for a wrong command line.
 */
#define _GNU_SOURCE

#include "../../src/MpibAgent.Interface/mpib_agent_iface.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define GRACE_NS 1000000000
#define TRIES_PER_LOOK 1024u

int main(int argc, char **argv)
{
    uint64_t reads = 0, changes = 0, most_tries = 0, waits = 0;
    const struct mpib_hint_region *hints = NULL;
    struct mpib_hint_view view;
    int64_t begin, end, before, now, worst = 0;
    uint32_t last = 0;
    unsigned long slot = argc == 4 ? strtoul(argv[2], NULL, 10) : 0;
    double seconds = argc == 4 ? strtod(argv[3], NULL) : 0;
    int error, still_odd = 0;

    if (!(seconds > 0 && seconds <= 3600) || slot >= MPIB_MAX_ENTRIES) {
        fprintf(stderr, "usage: reader HINTS SLOT SECONDS\n");
        return 2;
    }
    error = mpib_hints_map(argv[1], &hints, NULL);
    if (error != 0) {
        fprintf(stderr, "reader: %s: %s\n", argv[1], strerror(-error));
        return 1;
    }
    printf("reading\n");
    fflush(stdout);

    begin = now = mpib_now_ns();
    end = begin + (int64_t)(seconds * 1e9);
    while (now < end && !still_odd) {
        uint64_t tries = 1;

        while (!mpib_hint_entry_try(hints, (uint32_t)slot, &view)) {
            mpib_spin_pause();
            if (++tries % TRIES_PER_LOOK == 0 && mpib_now_ns() > end + GRACE_NS) {
                still_odd = 1;
                break;
            }
        }
        before = now;
        now = mpib_now_ns();
        if (now - before > worst)
            worst = now - before;
        if (tries > most_tries)
            most_tries = tries;
        if (still_odd)
            break;
        waits += tries > 1;
        changes += reads > 0 && view.sup_bw != last;
        last = view.sup_bw;
        reads++;
    }
    printf("{\"reads\":%" PRIu64 ",\"per_second\":%.0f,\"worst_us\":%.2f,\"most_tries\":%" PRIu64 ",\"retried\":%" PRIu64 ",\"changes\":%" PRIu64
           ",\"still_odd\":%d}\n",
           reads, (double)reads * 1e9 / (double)(now - begin), (double)worst / 1000, most_tries, waits, changes, still_odd);
    return 0;
}
