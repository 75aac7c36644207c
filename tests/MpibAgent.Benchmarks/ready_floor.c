/*
 * The floor for ready.c: the least that any service does. It says READY=1 and waits for a signal.
 *
 *     gcc -std=c11 -O2 -Wall -Wextra -Werror -pedantic ready_floor.c -o ready_floor
 */
#define _GNU_SOURCE

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

int main(void)
{
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un address = { AF_UNIX, "" };
    struct iovec text = { "READY=1", 7 };
    struct msghdr message = { &address, sizeof address, &text, 1, NULL, 0, 0 };
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    if (path == NULL || strlen(path) >= sizeof address.sun_path || fd < 0)
        return 1;
    strcpy(address.sun_path, path);
    if (sendmsg(fd, &message, MSG_NOSIGNAL) != 7)
        return 1;
    pause();
    return 1;
}
