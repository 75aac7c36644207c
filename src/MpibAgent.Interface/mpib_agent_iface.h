/*
 * The interface of the MPIB Transport Agent for C and C++, whole in this header: include it and link nothing.
 *
 * A plugin does four things with the agent, and each is a function here:
 *
 *     mpib_hints_map            once per process: the hint region, read-only, for as long as the process lives
 *     mpib_agent_register       when a connection comes up: conn_id and the addresses go in, the slot comes out
 *     mpib_hint_read            at every send: the hint of that slot; mpib_share and mpib_split_bytes say what it means
 *     mpib_agent_deregister     when the connection goes (best effort: the agent sees a process exit by itself)
 *
 * All integers are little-endian. Every IPv4 address is a uint32_t that holds the four bytes in network byte order, stored as
 * they come (in_addr.s_addr): 10.0.1.2 is the bytes 0a 00 01 02. A function that can fail returns 0 for success, -errno for a
 * failure of the system or of the peer, and, where it says so, a positive protocol status (MPIB_STATUS_...). No function prints,
 * raises a signal, keeps state or allocates memory; all of them may be called from any thread.
 *
 * Needs Linux, gcc or clang, C11 or C++11 and POSIX.1-2008. With -std=c11 include it first, or define _GNU_SOURCE or
 * _POSIX_C_SOURCE=200809L yourself; with -std=gnu11 and in C++ there is nothing to do.
 */
#ifndef MPIB_AGENT_IFACE_H
#define MPIB_AGENT_IFACE_H

#if defined(__STRICT_ANSI__) && !defined(_GNU_SOURCE) && !defined(_DEFAULT_SOURCE) && !defined(_POSIX_C_SOURCE) && !defined(_XOPEN_SOURCE)
#define _POSIX_C_SOURCE 200809L
#endif

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/types.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#if !defined(O_CLOEXEC) || !defined(CLOCK_MONOTONIC)
#error "mpib_agent_iface.h needs POSIX.1-2008: include it first, or define _POSIX_C_SOURCE=200809L or _GNU_SOURCE"
#endif

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "mpib_agent_iface.h: the interface is little-endian and this target is not"
#endif

#ifdef __cplusplus
#define MPIB_STATIC_ASSERT(condition, message) static_assert(condition, message)
#else
#define MPIB_STATIC_ASSERT(condition, message) _Static_assert(condition, message)
#endif

#define MPIB_ASSERT_OFFSET(type, member, offset) \
    MPIB_STATIC_ASSERT(offsetof(struct type, member) == (offset), #type "." #member " is not at offset " #offset)

#define MPIB_ASSERT_SIZE(type, size) MPIB_STATIC_ASSERT(sizeof(struct type) == (size), #type " is not " #size " bytes")

/* ---- Paths ---- */

#define MPIB_HINTS_PATH "/tmp/mpib/hints"
#define MPIB_SOCKET_PATH "/tmp/mpib/agent.sock"
#define MPIB_CONTROL_PATH "/run/mpib/control"

/* ---- The hint region: its layout ---- */

#define MPIB_HINTS_MAGIC 0x4D504948u
#define MPIB_MAX_ENTRIES 256u
#define MPIB_HINTS_SIZE 4112u

/* One slot. Aligned, not packed: sup_bw and seq share one 8-byte word, which the agent may store at once. */
struct mpib_hint_entry {
    uint32_t sup_bw; /* the hint; mpib_share says what it means */
    uint32_t seq;    /* odd while a write is in progress */
    uint32_t src_ip; /* SOUT addresses of the flow; both 0 in a free slot, all ones in one that flows share */
    uint32_t dst_ip;
};

struct mpib_hint_region {
    uint32_t magic;
    uint32_t max_entries;
    uint8_t reserved[8];
    struct mpib_hint_entry entries[MPIB_MAX_ENTRIES];
};

MPIB_ASSERT_OFFSET(mpib_hint_entry, sup_bw, 0);
MPIB_ASSERT_OFFSET(mpib_hint_entry, seq, 4);
MPIB_ASSERT_OFFSET(mpib_hint_entry, src_ip, 8);
MPIB_ASSERT_OFFSET(mpib_hint_entry, dst_ip, 12);
MPIB_ASSERT_SIZE(mpib_hint_entry, 16);
MPIB_ASSERT_OFFSET(mpib_hint_region, magic, 0);
MPIB_ASSERT_OFFSET(mpib_hint_region, max_entries, 4);
MPIB_ASSERT_OFFSET(mpib_hint_region, reserved, 8);
MPIB_ASSERT_OFFSET(mpib_hint_region, entries, 16);
MPIB_ASSERT_SIZE(mpib_hint_region, 4112);

/* ---- The registration socket: its messages ---- */

#define MPIB_MESSAGE_MAGIC 0x4D504952u

#define MPIB_TYPE_REGISTER 1u
#define MPIB_TYPE_DEREGISTER 2u
#define MPIB_TYPE_RESPONSE 128u

#define MPIB_STATUS_SUCCESS 0
#define MPIB_STATUS_NO_FREE_SLOTS 1
#define MPIB_STATUS_INVALID_REQUEST 2

/* The hint_slot of a response whose status is not success. */
#define MPIB_NO_SLOT 0xFFFFFFFFu

struct mpib_header {
    uint32_t magic;
    uint16_t msg_len; /* of the whole message, this header included */
    uint8_t msg_type;
    uint8_t reserved;
} __attribute__((packed));

struct mpib_register_request {
    struct mpib_header header;
    uint32_t conn_id;
    uint32_t sout_src_ip;
    uint32_t sout_dst_ip;
    uint32_t sup_src_ip;
    uint32_t sup_dst_ip;
} __attribute__((packed));

struct mpib_deregister_request {
    struct mpib_header header;
    uint32_t conn_id;
} __attribute__((packed));

struct mpib_register_response {
    struct mpib_header header;
    uint8_t status;
    uint8_t padding[3];
    uint32_t hint_slot;
} __attribute__((packed));

struct mpib_deregister_response {
    struct mpib_header header;
    uint8_t status;
    uint8_t padding[3];
} __attribute__((packed));

MPIB_ASSERT_OFFSET(mpib_header, magic, 0);
MPIB_ASSERT_OFFSET(mpib_header, msg_len, 4);
MPIB_ASSERT_OFFSET(mpib_header, msg_type, 6);
MPIB_ASSERT_OFFSET(mpib_header, reserved, 7);
MPIB_ASSERT_SIZE(mpib_header, 8);
MPIB_ASSERT_OFFSET(mpib_register_request, header, 0);
MPIB_ASSERT_OFFSET(mpib_register_request, conn_id, 8);
MPIB_ASSERT_OFFSET(mpib_register_request, sout_src_ip, 12);
MPIB_ASSERT_OFFSET(mpib_register_request, sout_dst_ip, 16);
MPIB_ASSERT_OFFSET(mpib_register_request, sup_src_ip, 20);
MPIB_ASSERT_OFFSET(mpib_register_request, sup_dst_ip, 24);
MPIB_ASSERT_SIZE(mpib_register_request, 28);
MPIB_ASSERT_OFFSET(mpib_deregister_request, header, 0);
MPIB_ASSERT_OFFSET(mpib_deregister_request, conn_id, 8);
MPIB_ASSERT_SIZE(mpib_deregister_request, 12);
MPIB_ASSERT_OFFSET(mpib_register_response, header, 0);
MPIB_ASSERT_OFFSET(mpib_register_response, status, 8);
MPIB_ASSERT_OFFSET(mpib_register_response, padding, 9);
MPIB_ASSERT_OFFSET(mpib_register_response, hint_slot, 12);
MPIB_ASSERT_SIZE(mpib_register_response, 16);
MPIB_ASSERT_OFFSET(mpib_deregister_response, header, 0);
MPIB_ASSERT_OFFSET(mpib_deregister_response, status, 8);
MPIB_ASSERT_OFFSET(mpib_deregister_response, padding, 9);
MPIB_ASSERT_SIZE(mpib_deregister_response, 12);

/* ---- Congestion reports: one UDP datagram each ---- */

#define MPIB_REPORT_MAGIC 0x4D504943u
#define MPIB_REPORT_VERSION 1u
#define MPIB_REPORT_SIZE 56u
#define MPIB_REPORT_SIGNED_SIZE 40u /* the MAC is made over these first bytes */
#define MPIB_RAIL_SOUT 0u
#define MPIB_RAIL_SUP 1u

struct mpib_congestion_report {
    uint32_t magic;
    uint16_t size; /* of the datagram */
    uint8_t version;
    uint8_t rail;
    uint8_t level;       /* 0, idle, to 255 */
    uint8_t reserved[3]; /* 0 */
    uint32_t src_ip;     /* SOUT addresses of the path; 0 for any */
    uint32_t dst_ip;
    uint32_t sender;     /* names this sender and no other: its IPv4 address, as a rule */
    uint64_t sequence;   /* over 0, and higher than in all earlier reports of this sender, also over its restarts */
    uint64_t timestamp;  /* ns on the sender's clock, advisory */
    uint8_t mac[16];     /* the first half of HMAC-SHA-256(key, the 40 bytes before it); 0 without a key */
};

MPIB_ASSERT_OFFSET(mpib_congestion_report, magic, 0);
MPIB_ASSERT_OFFSET(mpib_congestion_report, size, 4);
MPIB_ASSERT_OFFSET(mpib_congestion_report, version, 6);
MPIB_ASSERT_OFFSET(mpib_congestion_report, rail, 7);
MPIB_ASSERT_OFFSET(mpib_congestion_report, level, 8);
MPIB_ASSERT_OFFSET(mpib_congestion_report, reserved, 9);
MPIB_ASSERT_OFFSET(mpib_congestion_report, src_ip, 12);
MPIB_ASSERT_OFFSET(mpib_congestion_report, dst_ip, 16);
MPIB_ASSERT_OFFSET(mpib_congestion_report, sender, 20);
MPIB_ASSERT_OFFSET(mpib_congestion_report, sequence, 24);
MPIB_ASSERT_OFFSET(mpib_congestion_report, timestamp, 32);
MPIB_ASSERT_OFFSET(mpib_congestion_report, mac, 40);
MPIB_ASSERT_SIZE(mpib_congestion_report, 56);

/* Fills in a report but for its sequence, timestamp and MAC, which are 0: set the first two, and with a key make the MAC last. */
static inline void mpib_congestion_report_init(struct mpib_congestion_report *report, uint32_t sender, uint8_t rail, uint8_t level,
                                               uint32_t src_ip, uint32_t dst_ip)
{
    memset(report, 0, sizeof *report);
    report->magic = MPIB_REPORT_MAGIC;
    report->size = MPIB_REPORT_SIZE;
    report->version = MPIB_REPORT_VERSION;
    report->rail = rail;
    report->level = level;
    report->src_ip = src_ip;
    report->dst_ip = dst_ip;
    report->sender = sender;
}

/* ---- What a hint means ---- */

/* Which revision of the plugin the agent is configured for; both sides must agree, nothing on the wire tells. */
enum mpib_encoding {
    MPIB_ENCODING_MULTIPLIER, /* the default: share = sup_bw / (1 + sup_bw) */
    MPIB_ENCODING_PPM1024     /* parts per 1024: share = min(sup_bw, 1024) / 1024 */
};

/*
 * The part of the bytes that goes to SUP, 0..1, as float32.
 *
 * Any sup_bw is good. MULTIPLIER: 0 -> 0, 1 -> 1/2, 2 -> 2/3, 4294967295 -> 1. The sum is taken in float, because 1 + 4294967295
 * is 0 in uint32_t. PPM1024: 0 -> 0, 512 -> 1/2, 1024 and above -> 1.
 */
static inline float mpib_share(enum mpib_encoding encoding, uint32_t sup_bw)
{
    if (encoding == MPIB_ENCODING_PPM1024)
        return sup_bw >= 1024u ? 1.0f : (float)sup_bw / 1024.0f;
    return (float)sup_bw / (1.0f + (float)sup_bw);
}

/*
 * The bytes of a message of `bytes` bytes that go on SUP: floor(bytes * share / 128) * 128. The rest goes on SOUT.
 *
 * `share` is what mpib_share gave; below 0 (or not a number) counts as 0, above 1 as 1. The result is a multiple of 128 and never
 * more than `bytes`. The product is taken in double: exact up to 512 MiB; in float a large message could get a SUP part longer
 * than itself. The interface fixes this split for MULTIPLIER only.
 */
static inline uint64_t mpib_split_bytes(uint64_t bytes, float share)
{
    uint64_t most = bytes / 128u * 128u;
    uint64_t part;

    if (!(share > 0.0f))
        return 0;
    if (share >= 1.0f)
        return most;
    part = (uint64_t)((double)bytes * (double)share) / 128u * 128u;
    return part < most ? part : most;
}

/* ---- The hint region: mapping and reading ---- */

/*
 * Maps the hint region read-only. Call it once per process: the agent keeps the inode through restarts, upgrades and crashes, so the
 * mapping stays good and the path need never be looked at again.
 *
 * path    MPIB_HINTS_PATH, unless the agent was told otherwise
 * region  receives the mapping, or NULL where there is none
 * file    receives what fstat said of the mapped file; may be NULL
 *
 * Returns 0; -ENOENT when the agent has never run; -EPROTO when the file is not a hint region of this layout (size, magic or
 * max_entries); any other -errno of open, fstat and mmap.
 */
static inline int mpib_hints_map(const char *path, const struct mpib_hint_region **region, struct stat *file)
{
    const struct mpib_hint_region *mapped;
    struct stat found;
    void *memory;
    int error;
    int fd;

    *region = NULL;
    /* Not to wait for a writer where a stranger has put a FIFO. */
    do
        fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    while (fd < 0 && errno == EINTR);
    if (fd < 0)
        return -errno;

    if (fstat(fd, &found) != 0) {
        error = -errno;
        close(fd);
        return error;
    }
    /* Before the mapping is touched: a read beyond the end of a shorter file is SIGBUS, not an error. */
    if (!S_ISREG(found.st_mode) || found.st_size != (off_t)MPIB_HINTS_SIZE) {
        close(fd);
        return -EPROTO;
    }

    memory = mmap(NULL, MPIB_HINTS_SIZE, PROT_READ, MAP_SHARED, fd, 0);
    error = memory == MAP_FAILED ? -errno : 0;
    close(fd);
    if (error != 0)
        return error;

    mapped = (const struct mpib_hint_region *)memory;
    if (mapped->magic != MPIB_HINTS_MAGIC || mapped->max_entries != MPIB_MAX_ENTRIES) {
        munmap(memory, MPIB_HINTS_SIZE);
        return -EPROTO;
    }
    if (file != NULL)
        *file = found;
    *region = mapped;
    return 0;
}

/* Ends a mapping of mpib_hints_map; NULL is allowed. No thread may be reading. */
static inline void mpib_hints_unmap(const struct mpib_hint_region *region)
{
    if (region != NULL)
        munmap((void *)(uintptr_t)region, MPIB_HINTS_SIZE);
}

/* Tells the core that this is a spin: it yields to its sibling, and leaves the loop without a memory-order misprediction. */
static inline void mpib_spin_pause(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ __volatile__("yield");
#endif
}

/*
 * The seqlock, reader's side. Why each order is what it is, without leaning on the strong order of x86:
 *
 *   1. seq, acquire: nothing below may be read before it. It pairs with the writer's release of the even seq, so the data
 *      of that write, or of a later one, is what we read.
 *   2. the data, relaxed: atomic, since the writer may store at the same time (a plain load would be a data race, and the
 *      compiler could load twice); the order comes from 1 and 3.
 *   3. fence, acquire: the loads of 2 are done before the load of 4. An acquire load at 4 would not do: it holds back
 *      what follows it, not what went before it. On arm64 this is dmb ishld, on x86 it costs nothing.
 *   4. seq again, relaxed: if a load of 2 saw a value of a later write, then that writer's odd seq, which it stored and
 *      fenced before its data (or the seq that came in the very same 8-byte store), is visible here, and 1 != 4.
 *
 * seq wraps; only its equality counts. A reader stopped between 1 and 4 for exactly 2^31 writes to its slot would be fooled; at 30,000
 * writes a second that takes 20 hours.
 */

/* gcc says that its thread sanitizer does not see fences. All that they order here is atomic, so it has nothing to report either. */
#if defined(__SANITIZE_THREAD__) && !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wtsan"
#endif

/* What a slot held at one moment. */
struct mpib_hint_view {
    uint32_t sup_bw;
    uint32_t src_ip;
    uint32_t dst_ip;
};

/*
 * One try at a consistent view of a slot, for a caller that must not spin without bound.
 *
 * slot must be below MPIB_MAX_ENTRIES. Returns 1 with *view filled, or 0 with *view meaningless: a write was in progress, try again.
 */
static inline int mpib_hint_entry_try(const struct mpib_hint_region *region, uint32_t slot, struct mpib_hint_view *view)
{
    const struct mpib_hint_entry *entry = &region->entries[slot];
    uint32_t before = __atomic_load_n(&entry->seq, __ATOMIC_ACQUIRE);

    if (before & 1u)
        return 0;
    view->sup_bw = __atomic_load_n(&entry->sup_bw, __ATOMIC_RELAXED);
    view->src_ip = __atomic_load_n(&entry->src_ip, __ATOMIC_RELAXED);
    view->dst_ip = __atomic_load_n(&entry->dst_ip, __ATOMIC_RELAXED);
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
    return __atomic_load_n(&entry->seq, __ATOMIC_RELAXED) == before;
}

/*
 * The hint, the source and the destination of a slot, as they were at one moment.
 *
 * Returns 0, or -EINVAL for a slot that is not below MPIB_MAX_ENTRIES. Spins while a write is in progress, nanoseconds as a rule.
 */
static inline int mpib_hint_entry_read(const struct mpib_hint_region *region, uint32_t slot, struct mpib_hint_view *view)
{
    if (slot >= MPIB_MAX_ENTRIES)
        return -EINVAL;
    while (!mpib_hint_entry_try(region, slot, view))
        mpib_spin_pause();
    return 0;
}

/*
 * The hint of a slot, for the path of every send: no system call. Give it to mpib_share.
 *
 * A slot that is not below MPIB_MAX_ENTRIES, MPIB_NO_SLOT among them, reads as 0: all bytes on SOUT, the rail that is routable
 * everywhere. Spins while a write is in progress, as mpib_hint_entry_read does.
 */
static inline uint32_t mpib_hint_read(const struct mpib_hint_region *region, uint32_t slot)
{
    const struct mpib_hint_entry *entry;

    if (slot >= MPIB_MAX_ENTRIES)
        return 0;
    entry = &region->entries[slot];
    for (;;) {
        uint32_t before = __atomic_load_n(&entry->seq, __ATOMIC_ACQUIRE);
        uint32_t sup_bw = __atomic_load_n(&entry->sup_bw, __ATOMIC_RELAXED);

        __atomic_thread_fence(__ATOMIC_ACQUIRE);
        if (__atomic_load_n(&entry->seq, __ATOMIC_RELAXED) == before && !(before & 1u))
            return sup_bw;
        mpib_spin_pause();
    }
}

#if defined(__SANITIZE_THREAD__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif

/* ---- The registration socket: parts of a conversation ---- */

/* CLOCK_MONOTONIC in nanoseconds; what the deadlines below are measured on. */
static inline int64_t mpib_now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* Lets the next system call on fd block until the deadline at most. Which is SO_RCVTIMEO, or SO_SNDTIMEO, which rules connect too. */
static inline int mpib_io_limit(int fd, int which, int64_t deadline_ns)
{
    int64_t left_us = (deadline_ns - mpib_now_ns()) / 1000;
    struct timeval left;

    /* Not only for speed: a timeval of zero would mean no limit. */
    if (left_us <= 0)
        return -ETIMEDOUT;
    left.tv_sec = (time_t)(left_us / 1000000);
    left.tv_usec = (suseconds_t)(left_us % 1000000);
    return setsockopt(fd, SOL_SOCKET, which, &left, sizeof left) == 0 ? 0 : -errno;
}

/*
 * Connects to the agent. Returns a descriptor to close, or -errno: -ENOENT and -ECONNREFUSED when no agent listens, -ETIMEDOUT when
 * its backlog stayed full until the deadline, -ENAMETOOLONG for a path over 107 bytes.
 */
static inline int mpib_io_connect(const char *path, int64_t deadline_ns)
{
    struct sockaddr_un address;
    size_t length = strlen(path);
    int error;
    int fd;

    memset(&address, 0, sizeof address);
    address.sun_family = AF_UNIX;
    if (length >= sizeof address.sun_path)
        return -ENAMETOOLONG;
    memcpy(address.sun_path, path, length + 1);

    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    /* An interrupted connect of a Unix socket has not begun (unlike one of TCP), so it is simply made again. */
    do {
        error = mpib_io_limit(fd, SO_SNDTIMEO, deadline_ns);
        if (error == 0 && connect(fd, (const struct sockaddr *)&address, sizeof address) != 0)
            error = -errno;
    } while (error == -EINTR);
    if (error == 0)
        return fd;
    close(fd);
    return error == -EAGAIN ? -ETIMEDOUT : error;
}

/* Sends all of the buffer before the deadline. Returns 0 or -errno: -EPIPE when the agent has closed (no signal), -ETIMEDOUT. */
static inline int mpib_io_send(int fd, const void *buffer, size_t length, int64_t deadline_ns)
{
    const char *next = (const char *)buffer;

    while (length > 0) {
        int error = mpib_io_limit(fd, SO_SNDTIMEO, deadline_ns);
        ssize_t sent;

        if (error != 0)
            return error;
        sent = send(fd, next, length, MSG_NOSIGNAL);
        if (sent >= 0) {
            next += sent;
            length -= (size_t)sent;
        } else if (errno == EAGAIN) {
            return -ETIMEDOUT;
        } else if (errno != EINTR) {
            return -errno;
        }
    }
    return 0;
}

/* Fills all of the buffer before the deadline. Returns 0 or -errno: -ECONNRESET when the agent closed before that, -ETIMEDOUT. */
static inline int mpib_io_receive(int fd, void *buffer, size_t length, int64_t deadline_ns)
{
    char *next = (char *)buffer;

    while (length > 0) {
        int error = mpib_io_limit(fd, SO_RCVTIMEO, deadline_ns);
        ssize_t received;

        if (error != 0)
            return error;
        received = recv(fd, next, length, 0);
        if (received > 0) {
            next += received;
            length -= (size_t)received;
        } else if (received == 0) {
            return -ECONNRESET;
        } else if (errno == EAGAIN) {
            return -ETIMEDOUT;
        } else if (errno != EINTR) {
            return -errno;
        }
    }
    return 0;
}

/*
 * Receives one response. hint_slot is NULL for that to a deregister; for that to a register it receives the slot, or MPIB_NO_SLOT
 * with any result but 0.
 *
 * Returns the status (0 is success); -EPROTO for anything that is no response of that kind, a slot out of range included; -errno
 * of mpib_io_receive. A refusal is understood in either length, since the agent may not have made out what was asked of it.
 */
static inline int mpib_io_response(int fd, uint32_t *hint_slot, int64_t deadline_ns)
{
    struct mpib_register_response response;
    size_t expected = hint_slot != NULL ? sizeof(struct mpib_register_response) : sizeof(struct mpib_deregister_response);
    size_t length;
    int error;

    memset(&response, 0, sizeof response);
    if (hint_slot != NULL)
        *hint_slot = MPIB_NO_SLOT;
    error = mpib_io_receive(fd, &response, sizeof(struct mpib_deregister_response), deadline_ns);
    if (error != 0)
        return error;
    length = response.header.msg_len;
    if (response.header.magic != MPIB_MESSAGE_MAGIC || response.header.msg_type != MPIB_TYPE_RESPONSE)
        return -EPROTO;
    if (length != sizeof(struct mpib_register_response) && length != sizeof(struct mpib_deregister_response))
        return -EPROTO;
    if (length == sizeof(struct mpib_register_response)) {
        error = mpib_io_receive(fd, (char *)&response + offsetof(struct mpib_register_response, hint_slot), sizeof response.hint_slot,
                                deadline_ns);
        if (error != 0)
            return error;
    }
    if (response.status != MPIB_STATUS_SUCCESS)
        return response.status;
    if (length != expected)
        return -EPROTO;
    if (hint_slot != NULL) {
        if (response.hint_slot >= MPIB_MAX_ENTRIES)
            return -EPROTO;
        *hint_slot = response.hint_slot;
    }
    return MPIB_STATUS_SUCCESS;
}

/* Fills a register request; the addresses are in network byte order, 0 where a rail has no IPv4 address. */
static inline void mpib_fill_register(struct mpib_register_request *request, uint32_t conn_id, uint32_t sout_src_ip, uint32_t sout_dst_ip,
                                      uint32_t sup_src_ip, uint32_t sup_dst_ip)
{
    memset(request, 0, sizeof *request);
    request->header.magic = MPIB_MESSAGE_MAGIC;
    request->header.msg_len = sizeof *request;
    request->header.msg_type = MPIB_TYPE_REGISTER;
    request->conn_id = conn_id;
    request->sout_src_ip = sout_src_ip;
    request->sout_dst_ip = sout_dst_ip;
    request->sup_src_ip = sup_src_ip;
    request->sup_dst_ip = sup_dst_ip;
}

/* Fills a deregister request. */
static inline void mpib_fill_deregister(struct mpib_deregister_request *request, uint32_t conn_id)
{
    memset(request, 0, sizeof *request);
    request->header.magic = MPIB_MESSAGE_MAGIC;
    request->header.msg_len = sizeof *request;
    request->header.msg_type = MPIB_TYPE_DEREGISTER;
    request->conn_id = conn_id;
}

/* ---- The registration socket: what a plugin calls ---- */

/*
 * The name of a connection: the low 16 bits of the pid above the low 16 bits of a counter that the process keeps. A name in use
 * must not be used again, so a process has 65536 connections at most. The agent tells processes apart by what the kernel says of them,
 * not by this pid, so two containers may well send the same name.
 */
static inline uint32_t mpib_conn_id(uint32_t counter)
{
    return (uint32_t)getpid() << 16 | (counter & 0xFFFFu);
}

/*
 * Registers a connection of this process and learns its slot. Again for the same connection and flow: the same slot, counted once.
 *
 * path        MPIB_SOCKET_PATH, unless the agent was told otherwise
 * timeout_ms  for the whole call, above 0
 * addresses   network byte order; the flow is (sout_src_ip, sout_dst_ip)
 * hint_slot   receives 0..255, or MPIB_NO_SLOT with any result but 0
 *
 * Returns 0; a positive status: MPIB_STATUS_NO_FREE_SLOTS (256 flows are there, or the user has as much as one may: go on without, ask again
 * later) or MPIB_STATUS_INVALID_REQUEST; or -errno: -ENOENT, -ECONNREFUSED (no agent), -EACCES, -ETIMEDOUT, -EPIPE, -ECONNRESET (the agent
 * closed without an answer), -EPROTO (what answered is no agent). After -ETIMEDOUT the agent may still have registered the connection.
 */
static inline int mpib_agent_register(const char *path, int timeout_ms, uint32_t conn_id, uint32_t sout_src_ip, uint32_t sout_dst_ip,
                                      uint32_t sup_src_ip, uint32_t sup_dst_ip, uint32_t *hint_slot)
{
    int64_t deadline_ns = mpib_now_ns() + (int64_t)timeout_ms * 1000000;
    struct mpib_register_request request;
    int result;
    int fd;

    *hint_slot = MPIB_NO_SLOT;
    mpib_fill_register(&request, conn_id, sout_src_ip, sout_dst_ip, sup_src_ip, sup_dst_ip);
    fd = mpib_io_connect(path, deadline_ns);
    if (fd < 0)
        return fd;
    result = mpib_io_send(fd, &request, sizeof request, deadline_ns);
    if (result == 0)
        result = mpib_io_response(fd, hint_slot, deadline_ns);
    close(fd);
    return result;
}

/*
 * Deregisters a connection of this process; success too when it was not registered. Best effort: the agent deregisters what an exited
 * process left.
 *
 * path, timeout_ms and the result are those of mpib_agent_register; MPIB_STATUS_NO_FREE_SLOTS does not come.
 */
static inline int mpib_agent_deregister(const char *path, int timeout_ms, uint32_t conn_id)
{
    int64_t deadline_ns = mpib_now_ns() + (int64_t)timeout_ms * 1000000;
    struct mpib_deregister_request request;
    int result;
    int fd;

    mpib_fill_deregister(&request, conn_id);
    fd = mpib_io_connect(path, deadline_ns);
    if (fd < 0)
        return fd;
    result = mpib_io_send(fd, &request, sizeof request, deadline_ns);
    if (result == 0)
        result = mpib_io_response(fd, NULL, deadline_ns);
    close(fd);
    return result;
}

#endif /* MPIB_AGENT_IFACE_H */
