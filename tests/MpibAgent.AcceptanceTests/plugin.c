/*
 * Plays the plugin for the acceptance tests: one command a line on stdin, one answer a line on stdout.
 *
 *     gcc -std=c11 -O2 -Wall -Wextra -Werror -pedantic plugin.c -o plugin
 *     plugin SOCKET HINTS
 *
 *     register CONN SRC DST [SUPSRC SUPDST]   ok SLOT | status N
 *     deregister CONN                         ok | status N
 *     pieces CONN SRC DST                     as register, the request sent one byte at a time
 *     pipeline N FIRSTCONN SRC DST            ok N SLOT | status S; N requests sent at once on one socket, conn_ids counting up
 *     hint SLOT                               hint VALUE
 *     entry SLOT                              entry HINT SRC DST
 *     wait-hint SLOT VALUE                    hint VALUE | timeout (after 10 s)
 *     hunt SLOT SECONDS                       reads R torn T retries Q
 *     hunt-noseq SLOT SECONDS                 the same with seq ignored: shows that the hunt can catch something
 *     inode                                   DEVICE:INODE, decimal, of the mapped file as it was when it was mapped
 *     pid                                     PID
 *     exit                                    nothing: exits 0 and deregisters nothing, as at the end of stdin
 *
 * Whatever fails otherwise answers `error ERRNO-NAME`; a malformed command is EINVAL. CONN is decimal, 0x hex, or `auto`: the
 * next name of mpib_conn_id, whose counter begins at 0 (in deregister: the last one that `auto` gave). Addresses are dotted.
 * The region is mapped at the first command that needs it, and the path is never looked at again.
 *
 * A hunt reads the whole entry in a tight loop and counts as torn what does not keep src == hint * 2654435761 (mod 2^32) and
 * dst == ~src, which the writer has to keep. An entry that is all zero is skipped and not counted in reads.
 */
#define _GNU_SOURCE

#include "../../src/MpibAgent.Interface/mpib_agent_iface.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define TIMEOUT_MS 10000
#define MAX_WORDS 8
#define MAX_PIPELINE 4096u

static const char *socket_path;
static const char *hints_path;
static const struct mpib_hint_region *hints;
static struct stat hints_file;
static uint32_t next_counter;

static void answer_error(int error)
{
    const char *name = strerrorname_np(-error);

    printf("error %s\n", name != NULL ? name : "UNKNOWN");
}

/* A result of the interface: 0, a positive status, or -errno. */
static void answer_result(int result, const uint32_t *slot)
{
    if (result < 0)
        answer_error(result);
    else if (result > 0)
        printf("status %d\n", result);
    else if (slot != NULL)
        printf("ok %" PRIu32 "\n", *slot);
    else
        printf("ok\n");
}

static int parse_u32(const char *word, int base, uint32_t *value)
{
    unsigned long long parsed;
    char *end;

    if (*word < '0' || *word > '9')
        return -EINVAL;
    errno = 0;
    parsed = strtoull(word, &end, base);
    if (errno != 0 || *end != '\0' || parsed > UINT32_MAX)
        return -EINVAL;
    *value = (uint32_t)parsed;
    return 0;
}

static int parse_slot(const char *word, uint32_t *slot)
{
    int error = parse_u32(word, 10, slot);

    return error == 0 && *slot >= MPIB_MAX_ENTRIES ? -EINVAL : error;
}

static int parse_seconds(const char *word, double *seconds)
{
    char *end;

    *seconds = strtod(word, &end);
    return end == word || *end != '\0' || !(*seconds > 0 && *seconds <= 86400) ? -EINVAL : 0;
}

static int parse_ip(const char *word, uint32_t *ip)
{
    struct in_addr address;

    if (inet_pton(AF_INET, word, &address) != 1)
        return -EINVAL;
    *ip = address.s_addr;
    return 0;
}

/* A conn_id for `count` connections in a row. */
static int parse_new_conn(const char *word, uint32_t count, uint32_t *conn_id)
{
    int base = strncmp(word, "0x", 2) == 0 ? 16 : 10;

    if (strcmp(word, "auto") != 0)
        return parse_u32(word, base, conn_id);
    *conn_id = mpib_conn_id(next_counter);
    next_counter += count;
    return 0;
}

static int parse_old_conn(const char *word, uint32_t *conn_id)
{
    if (strcmp(word, "auto") != 0)
        return parse_new_conn(word, 0, conn_id);
    if (next_counter == 0)
        return -EINVAL;
    *conn_id = mpib_conn_id(next_counter - 1);
    return 0;
}

static int need_hints(void)
{
    return hints != NULL ? 0 : mpib_hints_map(hints_path, &hints, &hints_file);
}

static void do_register(int count, char **words)
{
    uint32_t conn_id, src, dst, sup_src = 0, sup_dst = 0, slot;

    if ((count != 4 && count != 6) || parse_ip(words[2], &src) != 0 || parse_ip(words[3], &dst) != 0
        || (count == 6 && (parse_ip(words[4], &sup_src) != 0 || parse_ip(words[5], &sup_dst) != 0))
        || parse_new_conn(words[1], 1, &conn_id) != 0) {
        answer_error(-EINVAL);
        return;
    }
    answer_result(mpib_agent_register(socket_path, TIMEOUT_MS, conn_id, src, dst, sup_src, sup_dst, &slot), &slot);
}

static void do_deregister(int count, char **words)
{
    uint32_t conn_id;

    if (count != 2 || parse_old_conn(words[1], &conn_id) != 0)
        answer_error(-EINVAL);
    else
        answer_result(mpib_agent_deregister(socket_path, TIMEOUT_MS, conn_id), NULL);
}

static void do_pieces(int count, char **words)
{
    static const struct timespec gap = { 0, 1000000 }; /* so that the agent truly meets each byte alone */
    int64_t deadline = mpib_now_ns() + (int64_t)TIMEOUT_MS * 1000000;
    struct mpib_register_request request;
    uint32_t conn_id, src, dst, slot = MPIB_NO_SLOT;
    int result = 0;
    int fd;

    if (count != 4 || parse_ip(words[2], &src) != 0 || parse_ip(words[3], &dst) != 0
        || parse_new_conn(words[1], 1, &conn_id) != 0) {
        answer_error(-EINVAL);
        return;
    }
    mpib_fill_register(&request, conn_id, src, dst, 0, 0);
    fd = mpib_io_connect(socket_path, deadline);
    if (fd < 0) {
        answer_error(fd);
        return;
    }
    for (size_t i = 0; i < sizeof request && result == 0; i++) {
        if (i > 0)
            nanosleep(&gap, NULL);
        result = mpib_io_send(fd, (const char *)&request + i, 1, deadline);
    }
    if (result == 0)
        result = mpib_io_response(fd, &slot, deadline);
    close(fd);
    answer_result(result, &slot);
}

static int pipeline(int fd, uint32_t requests, uint32_t first, uint32_t src, uint32_t dst, uint32_t *slot)
{
    static struct mpib_register_request batch[MAX_PIPELINE];
    int64_t deadline = mpib_now_ns() + (int64_t)TIMEOUT_MS * 1000000;
    int result;

    for (uint32_t i = 0; i < requests; i++)
        mpib_fill_register(&batch[i], first + i, src, dst, 0, 0);
    result = mpib_io_send(fd, batch, requests * sizeof batch[0], deadline);
    /* A refusal does not end it: every request has its reply. The first refusal is the answer. */
    for (uint32_t i = 0; i < requests && result >= 0; i++) {
        uint32_t this_slot;
        int status = mpib_io_response(fd, &this_slot, deadline);

        if (status == 0 && *slot != MPIB_NO_SLOT && this_slot != *slot)
            status = -EPROTO; /* one flow, so one slot */
        if (status == 0)
            *slot = this_slot;
        else if (status < 0 || result == 0)
            result = status;
    }
    return result;
}

static void do_pipeline(int count, char **words)
{
    uint32_t requests, first, src, dst, slot = MPIB_NO_SLOT;
    int result;
    int fd;

    if (count != 5 || parse_u32(words[1], 10, &requests) != 0 || requests == 0 || requests > MAX_PIPELINE
        || parse_ip(words[3], &src) != 0 || parse_ip(words[4], &dst) != 0 || parse_new_conn(words[2], requests, &first) != 0) {
        answer_error(-EINVAL);
        return;
    }
    fd = mpib_io_connect(socket_path, mpib_now_ns() + (int64_t)TIMEOUT_MS * 1000000);
    if (fd < 0) {
        answer_error(fd);
        return;
    }
    result = pipeline(fd, requests, first, src, dst, &slot);
    close(fd);
    if (result == 0)
        printf("ok %" PRIu32 " %" PRIu32 "\n", requests, slot);
    else
        answer_result(result, NULL);
}

static void do_hint(int count, char **words)
{
    uint32_t slot;
    int error = count == 2 ? parse_slot(words[1], &slot) : -EINVAL;

    if (error == 0)
        error = need_hints();
    if (error == 0)
        printf("hint %" PRIu32 "\n", mpib_hint_read(hints, slot));
    else
        answer_error(error);
}

static void do_entry(int count, char **words)
{
    char src[INET_ADDRSTRLEN], dst[INET_ADDRSTRLEN];
    struct mpib_hint_view view;
    uint32_t slot;
    int error = count == 2 ? parse_slot(words[1], &slot) : -EINVAL;

    if (error == 0)
        error = need_hints();
    if (error == 0)
        error = mpib_hint_entry_read(hints, slot, &view);
    if (error != 0) {
        answer_error(error);
        return;
    }
    inet_ntop(AF_INET, &view.src_ip, src, sizeof src);
    inet_ntop(AF_INET, &view.dst_ip, dst, sizeof dst);
    printf("entry %" PRIu32 " %s %s\n", view.sup_bw, src, dst);
}

static void do_wait_hint(int count, char **words)
{
    int64_t deadline = mpib_now_ns() + (int64_t)TIMEOUT_MS * 1000000;
    struct mpib_hint_view view;
    uint32_t slot, value;
    int error = count == 3 && parse_slot(words[1], &slot) == 0 ? parse_u32(words[2], 10, &value) : -EINVAL;

    if (error == 0)
        error = need_hints();
    if (error != 0) {
        answer_error(error);
        return;
    }
    /* By single tries, so that a seq left odd ends in a timeout and not in a spin without end. */
    while (!mpib_hint_entry_try(hints, slot, &view) || view.sup_bw != value) {
        if (mpib_now_ns() > deadline) {
            printf("timeout\n");
            return;
        }
    }
    printf("hint %" PRIu32 "\n", view.sup_bw);
}

/* A reader that forgets the seqlock. */
static int read_without_seq(uint32_t slot, struct mpib_hint_view *view)
{
    const struct mpib_hint_entry *entry = &hints->entries[slot];

    view->sup_bw = __atomic_load_n(&entry->sup_bw, __ATOMIC_RELAXED);
    view->src_ip = __atomic_load_n(&entry->src_ip, __ATOMIC_RELAXED);
    view->dst_ip = __atomic_load_n(&entry->dst_ip, __ATOMIC_RELAXED);
    return 1;
}

static void do_hunt(int count, char **words, int with_seq)
{
    uint64_t reads = 0, torn = 0, retries = 0;
    struct mpib_hint_view view;
    uint32_t slot;
    double seconds;
    int64_t end;
    int error = count == 3 && parse_slot(words[1], &slot) == 0 ? parse_seconds(words[2], &seconds) : -EINVAL;

    if (error == 0)
        error = need_hints();
    if (error != 0) {
        answer_error(error);
        return;
    }
    end = mpib_now_ns() + (int64_t)(seconds * 1e9);
    do {
        for (int i = 0; i < 1024; i++) {
            if (!(with_seq ? mpib_hint_entry_try(hints, slot, &view) : read_without_seq(slot, &view))) {
                retries++;
                continue;
            }
            if (view.sup_bw == 0 && view.src_ip == 0 && view.dst_ip == 0)
                continue;
            reads++;
            if (view.src_ip != view.sup_bw * 2654435761u || view.dst_ip != ~view.src_ip)
                torn++;
        }
    } while (mpib_now_ns() < end);
    printf("reads %" PRIu64 " torn %" PRIu64 " retries %" PRIu64 "\n", reads, torn, retries);
}

static void do_inode(int count)
{
    int error = count == 1 ? need_hints() : -EINVAL;

    if (error == 0)
        printf("%ju:%ju\n", (uintmax_t)hints_file.st_dev, (uintmax_t)hints_file.st_ino);
    else
        answer_error(error);
}

/* Returns 0 when the program is to end. */
static int do_command(int count, char **words)
{
    const char *verb = count > 0 ? words[0] : "";

    if (strcmp(verb, "exit") == 0)
        return 0;
    if (strcmp(verb, "register") == 0)
        do_register(count, words);
    else if (strcmp(verb, "deregister") == 0)
        do_deregister(count, words);
    else if (strcmp(verb, "pieces") == 0)
        do_pieces(count, words);
    else if (strcmp(verb, "pipeline") == 0)
        do_pipeline(count, words);
    else if (strcmp(verb, "hint") == 0)
        do_hint(count, words);
    else if (strcmp(verb, "entry") == 0)
        do_entry(count, words);
    else if (strcmp(verb, "wait-hint") == 0)
        do_wait_hint(count, words);
    else if (strcmp(verb, "hunt") == 0)
        do_hunt(count, words, 1);
    else if (strcmp(verb, "hunt-noseq") == 0)
        do_hunt(count, words, 0);
    else if (strcmp(verb, "inode") == 0)
        do_inode(count);
    else if (strcmp(verb, "pid") == 0)
        printf("%ld\n", (long)getpid());
    else
        answer_error(-EINVAL);
    fflush(stdout);
    return 1;
}

int main(int argc, char **argv)
{
    char line[512];

    if (argc != 3) {
        fprintf(stderr, "usage: plugin SOCKET HINTS\n");
        return 2;
    }
    socket_path = argv[1];
    hints_path = argv[2];

    while (fgets(line, sizeof line, stdin) != NULL) {
        char *words[MAX_WORDS];
        int count = 0;

        for (char *word = strtok(line, " \t\r\n"); word != NULL && count < MAX_WORDS; word = strtok(NULL, " \t\r\n"))
            words[count++] = word;
        if (!do_command(count, words))
            break;
    }
    return 0;
}
