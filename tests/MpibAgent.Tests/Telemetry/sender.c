/*
 * A small sender of congestion reports in C, without a key: sends one to 127.0.0.1 and prints its bytes.
 *
 *     gcc -std=c11 -O2 -Wall -Wextra -Werror -pedantic sender.c -o sender
 *     sender PORT SENDER SEQUENCE TIMESTAMP RAIL LEVEL SRC DST
 */
#define _GNU_SOURCE

#include "../../../src/MpibAgent.Interface/mpib_agent_iface.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>

int main(int count, char **words)
{
    struct mpib_congestion_report report;
    struct sockaddr_in agent;
    size_t i;
    int fd;

    if (count != 9)
        return 2;
    mpib_congestion_report_init(&report, inet_addr(words[2]), (uint8_t)atoi(words[5]), (uint8_t)atoi(words[6]), inet_addr(words[7]),
                                inet_addr(words[8]));
    report.sequence = strtoull(words[3], NULL, 0);
    report.timestamp = strtoull(words[4], NULL, 0);

    memset(&agent, 0, sizeof agent);
    agent.sin_family = AF_INET;
    agent.sin_port = htons((uint16_t)atoi(words[1]));
    agent.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    fd = socket(AF_INET, SOCK_DGRAM, 0);
    if (fd < 0 || sendto(fd, &report, sizeof report, 0, (struct sockaddr *)&agent, sizeof agent) != (ssize_t)sizeof report)
        return 1;
    close(fd);

    for (i = 0; i < sizeof report; i++)
        printf("%02X", ((const unsigned char *)&report)[i]);
    printf("\n");
    return 0;
}
