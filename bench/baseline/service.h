/* The same work in C: a GetStream request in JSON in, encoded blocks and a record out. It keeps no rule that a
 * well-behaved device does not need: what it costs is the least that the work itself costs. */
#ifndef BASELINE_SERVICE_H
#define BASELINE_SERVICE_H

#include <stddef.h>

enum { BLOCKS_MAX = 32, TOPIC_MAX = 256, TOKEN_MAX = 64 };

/* One request, taken apart. `blocks` are ids, ascending. */
struct request {
    char answer_topic[TOPIC_MAX]; /* .../data/json */
    size_t answer_topic_length;
    char token[TOKEN_MAX];
    size_t token_length;
    size_t block_count;
    unsigned blocks[BLOCKS_MAX];
    unsigned block_size;
};

/* Take the image and the file that records are appended to. Exits with one line when they cannot be opened. */
void service_open(const char *image, const char *records);

/* Read topic and payload, and keep the record. Returns 0 when it is not a request for blocks that are there. */
int service_ask(struct request *request, const char *topic, size_t topic_length, const char *payload, size_t length);

/* Write the message with block number `index` of a request into `out`; returns its length, at most service_room(). */
size_t service_block(const struct request *request, size_t index, char *out);

/* Bytes a message with a block of this size may need. */
size_t service_room(unsigned block_size);

/* Write the records taken so far: one system call. */
void service_flush(void);

#endif
