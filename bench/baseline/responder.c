/* A broker's worker: a client of a broker that answers GetStream for all things. responder PORT IMAGE RECORDS
 * It says that it is ready as JSON, then serves until it is stopped. */
#include <mosquitto.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "service.h"

enum { KEEP_ALIVE = 60, WAIT = 1000 };

static void on_message(struct mosquitto *client, void *context, const struct mosquitto_message *message)
{
    static struct request request;
    static char *block;
    static size_t block_room;
    (void)context;
    if (!service_ask(&request, message->topic, strlen(message->topic), message->payload, (size_t)message->payloadlen))
        return;
    if (block_room < service_room(request.block_size)) {
        block_room = service_room(request.block_size);
        block = realloc(block, block_room);
    }
    request.answer_topic[request.answer_topic_length] = 0;
    for (size_t index = 0; index < request.block_count; index++) {
        size_t size = service_block(&request, index, block);
        mosquitto_publish(client, NULL, request.answer_topic, (int)size, block, message->qos, false);
    }
}

static void on_subscribe(struct mosquitto *client, void *context, int message_id, int count, const int *granted)
{
    (void)client, (void)context, (void)message_id, (void)count, (void)granted;
    puts("{\"ready\": true}");
    fflush(stdout);
}

int main(int count, char **arguments)
{
    if (count != 4) {
        fputs("usage: responder PORT IMAGE RECORDS\n", stderr);
        return 2;
    }
    service_open(arguments[2], arguments[3]);
    mosquitto_lib_init();
    struct mosquitto *client = mosquitto_new("responder", true, NULL);
    mosquitto_message_callback_set(client, on_message);
    mosquitto_subscribe_callback_set(client, on_subscribe);
    mosquitto_max_inflight_messages_set(client, 0);
    mosquitto_int_option(client, MOSQ_OPT_TCP_NODELAY, 1);
    if (mosquitto_connect(client, "127.0.0.1", atoi(arguments[1]), KEEP_ALIVE)) {
        fprintf(stderr, "responder: no broker on port %s\n", arguments[1]);
        return 1;
    }
    mosquitto_subscribe(client, NULL, "$aws/things/+/streams/+/get/json", 1);
    for (;;) {
        struct pollfd wanted = {mosquitto_socket(client), POLLIN, 0};
        if (mosquitto_want_write(client))
            wanted.events |= POLLOUT;
        poll(&wanted, 1, WAIT);
        int error = wanted.revents & (POLLIN | POLLHUP) ? mosquitto_loop_read(client, 1) : 0;
        service_flush(); /* the record is kept before the answer leaves */
        if (!error && mosquitto_want_write(client))
            error = mosquitto_loop_write(client, 1);
        if (!error)
            error = mosquitto_loop_misc(client);
        if (error)
            return 1; /* the broker has gone */
    }
}
