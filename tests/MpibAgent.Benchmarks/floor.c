/*
 * The floor for registration: the least that any agent has to do for a request. One thread, one peer at a time: accept, read, write,
 * close; no state, no log, no defence against a peer that stays silent.
 *
 *     gcc -std=c11 -O2 -Wall -Wextra -Werror -pedantic floor.c -o floor
 *     floor SOCKETPATH
 *
 * Prints "ready" when it listens. Every register gets slot 0. Ends on SIGTERM or SIGINT and unlinks its socket.
 */
#define _GNU_SOURCE

#include "../../src/MpibAgent.Interface/mpib_agent_iface.h"

#include <limits.h>
#include <signal.h>
#include <stdio.h>

static const char *socket_path;

/* Ends in the handler itself: a flag would be missed by an accept that is just about to block. */
static void end(int number)
{
    (void)number;
    unlink(socket_path);
    _exit(0);
}

static int fail(const char *what)
{
    perror(what);
    return 1;
}

static void serve(int fd)
{
    struct mpib_register_response response;
    struct mpib_register_request request;
    size_t length = 0;

    do {
        ssize_t got = read(fd, (char *)&request + length, sizeof request - length);

        if (got <= 0)
            return;
        length += (size_t)got;
    } while (length < sizeof request.header || (length < request.header.msg_len && length < sizeof request));

    memset(&response, 0, sizeof response);
    response.header.magic = MPIB_MESSAGE_MAGIC;
    response.header.msg_type = MPIB_TYPE_RESPONSE;
    response.header.msg_len = request.header.msg_type == MPIB_TYPE_REGISTER ? sizeof response : sizeof(struct mpib_deregister_response);
    /* Nothing to do about a peer that has gone. */
    if (write(fd, &response, response.header.msg_len) < 0)
        return;
}

int main(int argc, char **argv)
{
    struct sockaddr_un address;
    struct sigaction action;
    int listener;

    if (argc != 2 || strlen(argv[1]) >= sizeof address.sun_path) {
        fprintf(stderr, "usage: floor SOCKETPATH\n");
        return 2;
    }
    socket_path = argv[1];
    memset(&address, 0, sizeof address);
    address.sun_family = AF_UNIX;
    memcpy(address.sun_path, socket_path, strlen(socket_path) + 1);

    signal(SIGPIPE, SIG_IGN);
    listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (listener < 0 || bind(listener, (const struct sockaddr *)&address, sizeof address) != 0)
        return fail(socket_path);
    memset(&action, 0, sizeof action);
    action.sa_handler = end;
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    /* The kernel cuts the backlog to net.core.somaxconn. */
    if (listen(listener, INT_MAX) != 0)
        return fail("listen");
    printf("ready\n");
    fflush(stdout);

    for (;;) {
        int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

        if (fd < 0) {
            if (errno == ECONNABORTED || errno == EINTR)
                continue;
            unlink(socket_path);
            return fail("accept");
        }
        serve(fd);
        close(fd);
    }
}
