/*
 * What runs on a bed of two rails (bed.sh): a sender that does with every message what the plugin does, its peer, and what disturbs them.
 *
 *     gcc -std=c11 -O2 -Wall -Wextra -Werror -pedantic rails.c -o rails
 *     rails receive --seconds S [--port N]
 *     rails send    --seconds S --sout SRC,DST --sup SRC,DST --socket PATH --hints PATH [--encoding multiplier|ppm1024]
 *                   [--port N] [--message BYTES] [--window N] [--flows N] [--burst BYTES --compute-ms MS] [--sample-ms MS]
 *     rails cross   --seconds S --to DST --mbit RATE [--on-ms MS --off-ms MS] [--port N]
 *     rails watch   --seconds S --sample-ms MS --interfaces NAME,NAME
 *
 * send registers each flow with the agent, maps the region, and at every message reads the hint, splits by it and sends each part
 * over its rail's connection; the message is done when the peer has acknowledged both. Flow k goes to DST + k. It prints
 *     ready SLOT            when everything is connected
 *     sample NS DONE SOUT SUP HINT BUSY_NS OUTSTANDING
 *                           at the end, one per sample: CLOCK_MONOTONIC, bytes of whole messages, acknowledged bytes per rail, the hint
 *                           of the last message, the time that messages were outstanding for, messages outstanding
 *     total DONE SECONDS BUSY_SECONDS
 * With --burst it sends so many bytes, waits until all are acknowledged, computes, and begins again.
 * receive prints `ready` when it listens; it acknowledges parts, and swallows the datagrams of cross.
 * cross paces datagrams at a rate of whole frames; it gives way to nothing.
 * watch prints `NS BYTES BYTES` per sample: the transmit counters of two interfaces.
 *
 * Every mode ends by itself, at the latest after --seconds.
 */
#define _GNU_SOURCE

#include "../../src/MpibAgent.Interface/mpib_agent_iface.h"

#include <arpa/inet.h>
#include <getopt.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/uio.h>

#define RAILS 2
#define SOUT 0
#define SUP 1
#define MAX_FLOWS 8
#define MAX_WINDOW 256
#define MAX_MESSAGE (16 << 20)
#define MAX_PEERS (RAILS * MAX_FLOWS * 2)
#define SOCKET_BUFFER (1 << 20)
#define CONNECT_TIMEOUT_MS 10000
#define NS_PER_MS 1000000LL
#define NS_PER_S 1000000000LL
#define DATAGRAM 8900
#define FRAME_OVERHEAD 42 /* Ethernet, IP and UDP headers */

static struct {
    double seconds;
    const char *sout, *sup, *to, *socket, *hints, *interfaces;
    enum mpib_encoding encoding;
    long port, message, window, flows, compute_ms, sample_ms, on_ms, off_ms;
    long long burst;
    double mbit;
} option = { .port = 7000, .message = 128 << 10, .window = 8, .flows = 1, .sample_ms = 10 };

/* Before each part; the acknowledgement is the same, sent back when the last byte of the part is there. */
struct part {
    uint64_t message;
    uint64_t bytes;
};

static char payload[MAX_MESSAGE];

static void die(const char *what, int error)
{
    fprintf(stderr, "rails: %s: %s\n", what, strerror(error));
    exit(1);
}

static void usage(const char *what)
{
    fprintf(stderr, "rails: %s; the head of rails.c says what there is\n", what);
    exit(2);
}

/* Ahead of whatever else the machine does: a sender that waits for a core measures the machine and not the rails. */
static void hurry(void)
{
    struct sched_param priority = { .sched_priority = 1 };

    if (sched_setscheduler(0, SCHED_RR, &priority) != 0)
        fprintf(stderr, "rails: not at SCHED_RR: %s\n", strerror(errno));
}

static void sleep_until(int64_t when)
{
    struct timespec at = { when / NS_PER_S, when % NS_PER_S };

    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL) == EINTR)
        ;
}

static int poll_until(struct pollfd *fds, nfds_t count, int64_t when)
{
    int64_t left = when - mpib_now_ns();
    struct timespec wait = { 0, 0 };
    int ready;

    if (left > 0) {
        wait.tv_sec = left / NS_PER_S;
        wait.tv_nsec = left % NS_PER_S;
    }
    ready = ppoll(fds, count, &wait, NULL);
    if (ready < 0 && errno != EINTR)
        die("poll", errno);
    return ready;
}

static struct sockaddr_in address_of(const char *text, uint32_t plus, long port)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };

    if (inet_pton(AF_INET, text, &address.sin_addr) != 1)
        usage("expected an IPv4 address");
    address.sin_addr.s_addr = htonl(ntohl(address.sin_addr.s_addr) + plus);
    return address;
}

/* SRC,DST */
static void pair_of(const char *text, struct sockaddr_in *src, struct sockaddr_in *dst, uint32_t flow)
{
    char copy[64];
    char *comma;

    if (text == NULL || strlen(text) >= sizeof copy)
        usage("expected SRC,DST for either rail");
    strcpy(copy, text);
    comma = strchr(copy, ',');
    if (comma == NULL)
        usage("expected SRC,DST for either rail");
    *comma = '\0';
    *src = address_of(copy, 0, 0);
    *dst = address_of(comma + 1, flow, option.port);
}

static int tcp_socket(void)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int one = 1, buffer = SOCKET_BUFFER, receive = 4 * SOCKET_BUFFER;

    if (fd < 0)
        die("socket", errno);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    /* The limits of the system are for those who may not force them. */
    if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &buffer, sizeof buffer) != 0)
        setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &buffer, sizeof buffer);
    if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &receive, sizeof receive) != 0)
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive, sizeof receive);
    if (setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, "cubic", 5) != 0)
        die("congestion control cubic", errno);
    return fd;
}

/* ---- receive ---- */

struct peer {
    size_t head;   /* bytes of the header that are there */
    uint64_t left; /* bytes of the part still to come */
    struct part part;
};

static char scrap[1 << 18];

/* An acknowledgement is a few bytes on a connection that carries nothing else this way: it always fits. */
static int acknowledge(int fd, struct peer *peer)
{
    peer->head = 0;
    return send(fd, &peer->part, sizeof peer->part, MSG_NOSIGNAL) == (ssize_t)sizeof peer->part ? 0 : -1;
}

/* Takes what there is. Returns 0, or -1 when the connection is over. */
static int take(int fd, struct peer *peer)
{
    ssize_t got = recv(fd, scrap, sizeof scrap, MSG_DONTWAIT);
    const char *at = scrap;

    if (got <= 0)
        return got < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : -1;
    while (got > 0) {
        size_t step;

        if (peer->head < sizeof peer->part) {
            step = sizeof peer->part - peer->head;
            step = step < (size_t)got ? step : (size_t)got;
            memcpy((char *)&peer->part + peer->head, at, step);
            peer->head += step;
            peer->left = peer->part.bytes;
        } else {
            step = peer->left < (uint64_t)got ? (size_t)peer->left : (size_t)got;
            peer->left -= step;
        }
        at += step;
        got -= (ssize_t)step;
        if (peer->head == sizeof peer->part && peer->left == 0 && acknowledge(fd, peer) != 0)
            return -1;
    }
    return 0;
}

static int receive(void)
{
    struct sockaddr_in any = { .sin_family = AF_INET, .sin_port = htons((uint16_t)option.port) };
    int64_t end = mpib_now_ns() + (int64_t)(option.seconds * NS_PER_S);
    static struct pollfd fds[1 + MAX_PEERS];
    static struct peer peers[1 + MAX_PEERS];
    int listener = tcp_socket();
    int sink = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0); /* never read: full, it swallows without an ICMP */
    nfds_t count = 1;

    if (sink < 0 || bind(sink, (struct sockaddr *)&any, sizeof any) != 0 || bind(listener, (struct sockaddr *)&any, sizeof any) != 0
        || listen(listener, MAX_PEERS) != 0)
        die("listen", errno);
    hurry();
    printf("ready\n");
    fflush(stdout);
    fds[0] = (struct pollfd){ .fd = listener, .events = POLLIN };
    while (mpib_now_ns() < end) {
        poll_until(fds, count, end);
        for (nfds_t i = count - 1; i > 0; i--) {
            if (fds[i].revents == 0 || take(fds[i].fd, &peers[i]) == 0)
                continue;
            close(fds[i].fd);
            fds[i] = fds[--count];
            peers[i] = peers[count];
        }
        if (fds[0].revents != 0) {
            int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

            if (fd >= 0 && count < 1 + MAX_PEERS) {
                fds[count] = (struct pollfd){ .fd = fd, .events = POLLIN };
                peers[count++] = (struct peer){ 0 };
            } else if (fd >= 0) {
                close(fd);
            }
        }
    }
    return 0;
}

/* ---- send ---- */

struct message {
    uint64_t number;
    int parts; /* not yet acknowledged; 0: this place is free */
};

/* One connection, and the parts that it has to send, in order. */
struct rail {
    int fd;
    struct part queue[MAX_WINDOW];
    unsigned first, waiting;
    uint64_t sent; /* of the first part, header included */
    struct part ack;
    size_t ack_head;
    uint64_t acknowledged;
};

struct flow {
    struct rail rails[RAILS];
    struct message window[MAX_WINDOW];
    long outstanding;
    uint32_t conn_id, slot;
};

struct sample {
    int64_t now;
    uint64_t done, rails[RAILS];
    uint32_t hint;
    int64_t busy;
    long outstanding;
};

static struct {
    const struct mpib_hint_region *region;
    struct flow flows[MAX_FLOWS];
    uint64_t next, done, posted;
    uint32_t hint; /* of flow 0, at its last message */
    long outstanding;
    int64_t busy, busy_since, resume;
    struct sample *samples;
    size_t sampled, most;
} sender;

static void connect_rail(struct rail *rail, const char *text, uint32_t flow)
{
    struct timeval limit = { CONNECT_TIMEOUT_MS / 1000, 0 }, none = { 0, 0 };
    struct sockaddr_in src, dst;

    pair_of(text, &src, &dst, flow);
    rail->fd = tcp_socket();
    setsockopt(rail->fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    if (bind(rail->fd, (struct sockaddr *)&src, sizeof src) != 0 || connect(rail->fd, (struct sockaddr *)&dst, sizeof dst) != 0)
        die("connect", errno);
    setsockopt(rail->fd, SOL_SOCKET, SO_SNDTIMEO, &none, sizeof none);
}

static void set_up_flow(struct flow *flow, uint32_t number)
{
    struct sockaddr_in src[RAILS], dst[RAILS];
    int result;

    pair_of(option.sout, &src[SOUT], &dst[SOUT], number);
    pair_of(option.sup, &src[SUP], &dst[SUP], number);
    flow->conn_id = mpib_conn_id(number);
    result = mpib_agent_register(option.socket, CONNECT_TIMEOUT_MS, flow->conn_id, src[SOUT].sin_addr.s_addr, dst[SOUT].sin_addr.s_addr,
                                 src[SUP].sin_addr.s_addr, dst[SUP].sin_addr.s_addr, &flow->slot);
    if (result != 0)
        die("register", result < 0 ? -result : EPROTO);
    connect_rail(&flow->rails[SOUT], option.sout, number);
    connect_rail(&flow->rails[SUP], option.sup, number);
}

static void enqueue(struct rail *rail, uint64_t message, uint64_t bytes)
{
    rail->queue[(rail->first + rail->waiting++) % MAX_WINDOW] = (struct part){ message, bytes };
}

/* What the plugin does at a send. */
static void post(struct flow *flow)
{
    uint32_t hint = mpib_hint_read(sender.region, flow->slot);
    uint64_t bytes = (uint64_t)option.message;
    uint64_t sup = mpib_split_bytes(bytes, mpib_share(option.encoding, hint));
    struct message *message = flow->window;

    if (flow == sender.flows)
        sender.hint = hint;
    while (message->parts != 0)
        message++;
    *message = (struct message){ sender.next++, (sup > 0) + (sup < bytes) };
    if (sup > 0)
        enqueue(&flow->rails[SUP], message->number, sup);
    if (sup < bytes)
        enqueue(&flow->rails[SOUT], message->number, bytes - sup);
    if (sender.outstanding++ == 0)
        sender.busy_since = mpib_now_ns();
    flow->outstanding++;
    sender.posted += bytes;
}

/* Sends until the socket is full. */
static void push(struct rail *rail)
{
    while (rail->waiting > 0) {
        struct part *part = &rail->queue[rail->first];
        uint64_t head = rail->sent < sizeof *part ? rail->sent : sizeof *part;
        struct iovec pieces[2] = { { (char *)part + head, sizeof *part - head }, { payload, part->bytes - (rail->sent - head) } };
        struct msghdr whole = { .msg_iov = pieces, .msg_iovlen = 2 };
        ssize_t sent = sendmsg(rail->fd, &whole, MSG_DONTWAIT | MSG_NOSIGNAL);

        if (sent < 0) {
            if (errno == EAGAIN || errno == EINTR || errno == ENOBUFS)
                return;
            die("send", errno);
        }
        rail->sent += (uint64_t)sent;
        if (rail->sent < sizeof *part + part->bytes)
            return;
        rail->sent = 0;
        rail->first = (rail->first + 1) % MAX_WINDOW;
        rail->waiting--;
    }
}

static void finish_part(struct flow *flow, uint64_t number)
{
    struct message *message = flow->window;

    while (message->parts == 0 || message->number != number)
        if (++message == flow->window + option.window)
            die("an acknowledgement of nothing outstanding", EPROTO);
    if (--message->parts > 0)
        return;
    flow->outstanding--;
    sender.done += (uint64_t)option.message;
    if (--sender.outstanding == 0)
        sender.busy += mpib_now_ns() - sender.busy_since;
}

static void pull(struct flow *flow, struct rail *rail)
{
    for (;;) {
        ssize_t got = recv(rail->fd, (char *)&rail->ack + rail->ack_head, sizeof rail->ack - rail->ack_head, MSG_DONTWAIT);

        if (got == 0)
            die("the peer has gone", EPIPE);
        if (got < 0) {
            if (errno == EAGAIN || errno == EINTR)
                return;
            die("receive", errno);
        }
        rail->ack_head += (size_t)got;
        if (rail->ack_head < sizeof rail->ack)
            continue;
        rail->ack_head = 0;
        rail->acknowledged += rail->ack.bytes;
        finish_part(flow, rail->ack.message);
    }
}

/* Keeps the window full, in a burst until the burst is posted. */
static void post_what_may_be(int64_t now)
{
    if (option.burst > 0 && sender.posted >= (uint64_t)option.burst && sender.outstanding == 0) {
        sender.posted = 0;
        sender.resume = now + option.compute_ms * NS_PER_MS;
    }
    if (now < sender.resume)
        return;
    for (long i = 0; i < option.flows; i++) {
        struct flow *flow = &sender.flows[i];

        while (flow->outstanding < option.window && (option.burst == 0 || sender.posted < (uint64_t)option.burst))
            post(flow);
        push(&flow->rails[SOUT]);
        push(&flow->rails[SUP]);
    }
}

static int64_t busy_until(int64_t now)
{
    return sender.busy + (sender.outstanding > 0 ? now - sender.busy_since : 0);
}

static void take_sample(int64_t now)
{
    struct sample *sample = &sender.samples[sender.sampled];

    if (sender.sampled == sender.most)
        return;
    *sample = (struct sample){ .now = now, .done = sender.done, .hint = sender.hint, .busy = busy_until(now), .outstanding = sender.outstanding };
    for (long i = 0; i < option.flows; i++)
        for (int rail = 0; rail < RAILS; rail++)
            sample->rails[rail] += sender.flows[i].rails[rail].acknowledged;
    sender.sampled++;
}

static void run_sender(int64_t begin, int64_t end)
{
    struct pollfd fds[RAILS * MAX_FLOWS];
    nfds_t count = (nfds_t)(RAILS * option.flows);
    int64_t now, next = begin;

    while ((now = mpib_now_ns()) < end) {
        int64_t wake;

        if (now >= next) {
            take_sample(now);
            next += option.sample_ms * NS_PER_MS;
            continue; /* with more than one due, they share a moment */
        }
        post_what_may_be(now);
        for (nfds_t i = 0; i < count; i++) {
            const struct rail *rail = &sender.flows[i / RAILS].rails[i % RAILS];

            fds[i] = (struct pollfd){ .fd = rail->fd, .events = (short)(POLLIN | (rail->waiting > 0 ? POLLOUT : 0)) };
        }
        wake = next < end ? next : end;
        if (sender.resume > now && sender.resume < wake)
            wake = sender.resume;
        if (poll_until(fds, count, wake) <= 0)
            continue;
        for (nfds_t i = 0; i < count; i++) {
            struct flow *flow = &sender.flows[i / RAILS];

            if (fds[i].revents & ~POLLOUT)
                pull(flow, &flow->rails[i % RAILS]);
        }
    }
}

static int do_send(void)
{
    int64_t begin, end, now;
    int error;

    if (option.socket == NULL || option.hints == NULL)
        usage("send needs --socket and --hints");
    sender.most = (size_t)(option.seconds * 1000 / (double)option.sample_ms) + 2;
    sender.samples = calloc(sender.most, sizeof *sender.samples);
    if (sender.samples == NULL)
        die("samples", ENOMEM);
    error = mpib_hints_map(option.hints, &sender.region, NULL);
    if (error != 0)
        die(option.hints, -error);
    for (long i = 0; i < option.flows; i++)
        set_up_flow(&sender.flows[i], (uint32_t)i);
    hurry();
    printf("ready %" PRIu32 "\n", sender.flows[0].slot);
    fflush(stdout);

    begin = mpib_now_ns();
    end = begin + (int64_t)(option.seconds * NS_PER_S);
    run_sender(begin, end);
    now = mpib_now_ns();

    for (size_t i = 0; i < sender.sampled; i++) {
        const struct sample *s = &sender.samples[i];

        printf("sample %" PRId64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu32 " %" PRId64 " %ld\n", s->now, s->done, s->rails[SOUT],
               s->rails[SUP], s->hint, s->busy, s->outstanding);
    }
    printf("total %" PRIu64 " %.3f %.3f\n", sender.done, (double)(now - begin) / NS_PER_S, (double)busy_until(now) / NS_PER_S);
    for (long i = 0; i < option.flows; i++)
        mpib_agent_deregister(option.socket, CONNECT_TIMEOUT_MS, sender.flows[i].conn_id);
    return 0;
}

/* ---- cross ---- */

static int cross(void)
{
    struct sockaddr_in to;
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    int buffer = SOCKET_BUFFER;
    int64_t begin, end, gap, next;

    if (option.to == NULL || option.mbit <= 0)
        usage("cross needs --to and --mbit");
    to = address_of(option.to, 0, option.port);
    if (fd < 0)
        die("socket", errno);
    if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &buffer, sizeof buffer) != 0)
        setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &buffer, sizeof buffer);
    hurry();
    gap = (int64_t)((DATAGRAM + FRAME_OVERHEAD) * 8e3 / option.mbit);
    begin = mpib_now_ns();
    end = begin + (int64_t)(option.seconds * NS_PER_S);
    for (next = begin; next < end; next += gap) {
        int64_t period = (option.on_ms + option.off_ms) * NS_PER_MS;

        if (option.on_ms > 0 && option.off_ms > 0 && (next - begin) % period >= option.on_ms * NS_PER_MS)
            next += period - (next - begin) % period;
        if (next >= end)
            break;
        sleep_until(next);
        /* What finds no room is lost, as datagrams are. */
        (void)!sendto(fd, payload, DATAGRAM, MSG_DONTWAIT | MSG_NOSIGNAL, (struct sockaddr *)&to, sizeof to);
    }
    return 0;
}

/* ---- watch ---- */

static int open_counter(const char *name, size_t length)
{
    char path[128];
    int fd;

    snprintf(path, sizeof path, "/sys/class/net/%.*s/statistics/tx_bytes", (int)length, name);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        die(path, errno);
    return fd;
}

static uint64_t read_counter(int fd)
{
    char text[32];
    ssize_t got = pread(fd, text, sizeof text - 1, 0);

    if (got < 0)
        die("counter", errno);
    text[got] = '\0';
    return strtoull(text, NULL, 10);
}

static int watch(void)
{
    const char *comma = option.interfaces == NULL ? NULL : strchr(option.interfaces, ',');
    int64_t begin, end;
    int fds[2];

    if (comma == NULL)
        usage("watch needs --interfaces NAME,NAME");
    fds[0] = open_counter(option.interfaces, (size_t)(comma - option.interfaces));
    fds[1] = open_counter(comma + 1, strlen(comma + 1));
    hurry();
    begin = mpib_now_ns();
    end = begin + (int64_t)(option.seconds * NS_PER_S);
    for (int64_t next = begin; next < end; next += option.sample_ms * NS_PER_MS) {
        int64_t before;
        uint64_t bytes[2];

        sleep_until(next);
        before = mpib_now_ns();
        bytes[0] = read_counter(fds[0]);
        bytes[1] = read_counter(fds[1]);
        printf("%" PRId64 " %" PRIu64 " %" PRIu64 "\n", before + (mpib_now_ns() - before) / 2, bytes[0], bytes[1]);
    }
    return 0;
}

/* ---- options ---- */

static long whole(const char *text, long least, long most)
{
    char *end;
    long value;

    errno = 0;
    value = strtol(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || value < least || value > most)
        usage("a number is out of its range");
    return value;
}

static double real(const char *text, double most)
{
    char *end;
    double value = strtod(text, &end);

    if (end == text || *end != '\0' || !(value > 0 && value <= most))
        usage("a number is out of its range");
    return value;
}

static void read_options(int argc, char **argv)
{
    enum { SECONDS = 1, PORT, RAIL_SOUT, RAIL_SUP, TO, SOCKET, HINTS, ENCODING, MESSAGE, WINDOW, FLOWS, BURST, COMPUTE, SAMPLE, MBIT, ON, OFF,
           INTERFACES };
    static const struct option names[] = {
        { "seconds", 1, NULL, SECONDS }, { "port", 1, NULL, PORT }, { "sout", 1, NULL, RAIL_SOUT }, { "sup", 1, NULL, RAIL_SUP },
        { "to", 1, NULL, TO }, { "socket", 1, NULL, SOCKET }, { "hints", 1, NULL, HINTS }, { "encoding", 1, NULL, ENCODING },
        { "message", 1, NULL, MESSAGE }, { "window", 1, NULL, WINDOW }, { "flows", 1, NULL, FLOWS }, { "burst", 1, NULL, BURST },
        { "compute-ms", 1, NULL, COMPUTE }, { "sample-ms", 1, NULL, SAMPLE }, { "mbit", 1, NULL, MBIT }, { "on-ms", 1, NULL, ON },
        { "off-ms", 1, NULL, OFF }, { "interfaces", 1, NULL, INTERFACES }, { NULL, 0, NULL, 0 },
    };
    int which;

    while ((which = getopt_long(argc, argv, "", names, NULL)) != -1) {
        switch (which) {
        case SECONDS: option.seconds = real(optarg, 1e6); break;
        case PORT: option.port = whole(optarg, 1, 65535); break;
        case RAIL_SOUT: option.sout = optarg; break;
        case RAIL_SUP: option.sup = optarg; break;
        case TO: option.to = optarg; break;
        case SOCKET: option.socket = optarg; break;
        case HINTS: option.hints = optarg; break;
        case ENCODING:
            if (strcmp(optarg, "multiplier") != 0 && strcmp(optarg, "ppm1024") != 0)
                usage("expected the encoding multiplier or ppm1024");
            option.encoding = *optarg == 'p' ? MPIB_ENCODING_PPM1024 : MPIB_ENCODING_MULTIPLIER;
            break;
        case MESSAGE: option.message = whole(optarg, 128, MAX_MESSAGE); break;
        case WINDOW: option.window = whole(optarg, 1, MAX_WINDOW); break;
        case FLOWS: option.flows = whole(optarg, 1, MAX_FLOWS); break;
        case BURST: option.burst = whole(optarg, 1, 1L << 40); break;
        case COMPUTE: option.compute_ms = whole(optarg, 0, 60000); break;
        case SAMPLE: option.sample_ms = whole(optarg, 1, 10000); break;
        case MBIT: option.mbit = real(optarg, 100000); break;
        case ON: option.on_ms = whole(optarg, 1, 60000); break;
        case OFF: option.off_ms = whole(optarg, 1, 60000); break;
        case INTERFACES: option.interfaces = optarg; break;
        default: usage("unknown option");
        }
    }
    if (optind != argc || option.seconds <= 0)
        usage("every mode needs --seconds, and takes options only");
}

int main(int argc, char **argv)
{
    const char *mode = argc > 1 ? argv[1] : "";

    if (argc > 1)
        read_options(argc - 1, argv + 1);
    signal(SIGPIPE, SIG_IGN);
    if (strcmp(mode, "receive") == 0)
        return receive();
    if (strcmp(mode, "send") == 0)
        return do_send();
    if (strcmp(mode, "cross") == 0)
        return cross();
    if (strcmp(mode, "watch") == 0)
        return watch();
    usage("expected receive, send, cross or watch");
}
