/* The limit: one epoll loop that speaks MQTT 3.1.1 and answers GetStream itself. direct IMAGE RECORDS
 * It says its port as JSON, then serves until it is stopped. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

#include "service.h"

enum { EVENTS_MAX = 512, READ_MAX = 1 << 18, BACKLOG = 4096 };
enum { CONNECT = 1, PUBLISH = 3, SUBSCRIBE = 8, PINGREQ = 12, DISCONNECT = 14 };

struct peer {
    int socket;
    char *rest, *out; /* a packet that is not whole; bytes to send. NULL when there are none. */
    size_t rest_length, out_length, out_sent, out_room;
    int queued, stuck; /* it has bytes of this turn; it did not read and is waited for */
};

static int loop;
static struct peer *queue[EVENTS_MAX];
static size_t queue_length;

static void *kept(void *memory)
{
    if (!memory) {
        fputs("direct: out of memory\n", stderr);
        exit(1);
    }
    return memory;
}

/* Return room for `length` more bytes to a peer. */
static char *room(struct peer *peer, size_t length)
{
    if (peer->out_room - peer->out_length < length) {
        peer->out_room = peer->out_length + length + 4096;
        peer->out = kept(realloc(peer->out, peer->out_room));
    }
    if (!peer->queued) {
        peer->queued = 1;
        queue[queue_length++] = peer;
    }
    return peer->out + peer->out_length;
}

static void say(struct peer *peer, const char *bytes, size_t length)
{
    memcpy(room(peer, length), bytes, length);
    peer->out_length += length;
}

static size_t put_length(char *out, size_t length)
{
    size_t count = 0;
    do {
        out[count++] = (char)((length & 127) | (length > 127 ? 128 : 0));
        length >>= 7;
    } while (length);
    return count;
}

static void answer(struct peer *peer, const char *topic, size_t topic_length, const char *payload, size_t length)
{
    static struct request request;
    if (!service_ask(&request, topic, topic_length, payload, length))
        return;
    static char *message;
    static size_t message_room;
    if (message_room < service_room(request.block_size)) {
        message_room = service_room(request.block_size);
        message = kept(realloc(message, message_room));
    }
    for (size_t index = 0; index < request.block_count; index++) {
        size_t size = service_block(&request, index, message);
        char *start = room(peer, size + request.answer_topic_length + 8), *out = start;
        *out++ = PUBLISH << 4;
        out += put_length(out, 2 + request.answer_topic_length + size);
        *out++ = (char)(request.answer_topic_length >> 8);
        *out++ = (char)request.answer_topic_length;
        memcpy(out, request.answer_topic, request.answer_topic_length);
        out += request.answer_topic_length;
        memcpy(out, message, size);
        peer->out_length += (size_t)(out + size - start);
    }
}

/* Handle one packet. Returns 0 when the peer is to be closed. */
static int handle(struct peer *peer, uint8_t first, const char *body, size_t length)
{
    static const char connack[] = {0x20, 2, 0, 0}, pingresp[] = {(char)0xd0, 0};
    switch (first >> 4) {
    case CONNECT:
        say(peer, connack, sizeof connack);
        return 1;
    case PUBLISH: {
        if (length < 2)
            return 0;
        size_t topic_length = (size_t)(uint8_t)body[0] << 8 | (uint8_t)body[1];
        size_t start = 2 + topic_length + (first & 6 ? 2 : 0);
        if (start > length)
            return 0;
        if (first & 6) {
            const char puback[] = {0x40, 2, body[start - 2], body[start - 1]};
            say(peer, puback, sizeof puback);
        }
        answer(peer, body + 2, topic_length, body + start, length - start);
        return 1;
    }
    case SUBSCRIBE: { /* everybody gets the answers to what they asked, and nobody else's */
        char suback[64] = {(char)0x90, 2, body[0], body[1]};
        for (size_t at = 2; at + 2 < length && suback[1] < 60; at += 3 + ((size_t)(uint8_t)body[at] << 8 | (uint8_t)body[at + 1]))
            suback[1]++;
        say(peer, suback, 2 + (size_t)suback[1]);
        return 1;
    }
    case PINGREQ:
        say(peer, pingresp, sizeof pingresp);
        return 1;
    default:
        return 0;
    }
}

static void drop(struct peer *peer)
{
    for (size_t at = 0; at < queue_length; at++)
        if (queue[at] == peer)
            queue[at] = NULL;
    close(peer->socket);
    free(peer->rest);
    free(peer->out);
    free(peer);
}

/* Handle whole packets and keep the rest. */
static int take(struct peer *peer, const char *data, size_t size)
{
    size_t at = 0;
    while (at + 2 <= size) {
        size_t length = 0, body = at + 1, shift = 0;
        do {
            if (body >= size)
                goto rest;
            length |= (size_t)(data[body] & 127) << shift;
            shift += 7;
        } while (data[body++] & 128 && shift < 28);
        if (length > size - body)
            break;
        if (!handle(peer, (uint8_t)data[at], data + body, length))
            return 0;
        at = body + length;
    }
rest:
    if (at < size || peer->rest) {
        char *kept_bytes = at < size ? kept(malloc(size - at)) : NULL;
        if (kept_bytes)
            memcpy(kept_bytes, data + at, size - at);
        free(peer->rest);
        peer->rest = kept_bytes;
        peer->rest_length = size - at;
    }
    return 1;
}

static int receive(struct peer *peer)
{
    static char space[READ_MAX];
    ssize_t count = recv(peer->socket, space, sizeof space, 0);
    if (count <= 0)
        return count < 0 && errno == EAGAIN;
    if (!peer->rest)
        return take(peer, space, (size_t)count);
    size_t whole = peer->rest_length + (size_t)count;
    peer->rest = kept(realloc(peer->rest, whole));
    memcpy(peer->rest + peer->rest_length, space, (size_t)count);
    char *data = peer->rest;
    peer->rest = NULL;
    int alive = take(peer, data, whole);
    free(data);
    return alive;
}

static void wait_for(struct peer *peer, uint32_t events, int operation)
{
    struct epoll_event event = {.events = events, .data.ptr = peer};
    epoll_ctl(loop, operation, peer->socket, &event);
}

static int transmit(struct peer *peer)
{
    peer->queued = 0;
    ssize_t count = send(peer->socket, peer->out + peer->out_sent, peer->out_length - peer->out_sent, MSG_NOSIGNAL);
    if (count < 0 && errno != EAGAIN)
        return 0;
    peer->out_sent += count > 0 ? (size_t)count : 0;
    int stuck = peer->out_sent < peer->out_length; /* no more requests from one who does not read */
    if (stuck != peer->stuck)
        wait_for(peer, stuck ? EPOLLOUT : EPOLLIN, EPOLL_CTL_MOD);
    peer->stuck = stuck;
    if (stuck)
        return 1;
    free(peer->out);
    peer->out = NULL;
    peer->out_length = peer->out_sent = peer->out_room = 0;
    return 1;
}

static void welcome(int listener)
{
    int one = 1, client;
    while ((client = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
        setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        struct peer *peer = kept(calloc(1, sizeof *peer));
        peer->socket = client;
        wait_for(peer, EPOLLIN, EPOLL_CTL_ADD);
    }
}

static int listen_somewhere(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (bind(listener, (struct sockaddr *)&address, length) || listen(listener, BACKLOG) ||
        getsockname(listener, (struct sockaddr *)&address, &length)) {
        perror("direct");
        exit(1);
    }
    printf("{\"port\": %d}\n", ntohs(address.sin_port));
    fflush(stdout);
    return listener;
}

int main(int count, char **arguments)
{
    if (count != 3) {
        fputs("usage: direct IMAGE RECORDS\n", stderr);
        return 2;
    }
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    service_open(arguments[1], arguments[2]);
    loop = epoll_create1(0);
    int listener = listen_somewhere();
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL}, events[EVENTS_MAX];
    epoll_ctl(loop, EPOLL_CTL_ADD, listener, &event);
    for (;;) {
        int ready = epoll_wait(loop, events, EVENTS_MAX, -1);
        for (int at = 0; at < ready; at++) {
            struct peer *peer = events[at].data.ptr;
            if (!peer)
                welcome(listener);
            else if (events[at].events & EPOLLOUT ? !transmit(peer) : !receive(peer))
                drop(peer);
        }
        service_flush(); /* the record is kept before the answer leaves */
        for (size_t at = 0; at < queue_length; at++)
            if (queue[at] && !transmit(queue[at]))
                drop(queue[at]);
        queue_length = 0;
    }
}
