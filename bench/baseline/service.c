#define _GNU_SOURCE
#include "service.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { RECORDS_MAX = 1 << 20, RECORD_MAX = 1024, REQUEST_DATA_MAX = 128 * 1024, LARGEST_BLOCK = 128 * 1024 };

static char *image;
static size_t image_size;
static int records_file;
static char records[RECORDS_MAX];
static size_t records_length;

/* Encoded blocks, in one block size at a time: that of the last request. */
static struct { char *text; size_t length; } *encoded;
static unsigned encoded_size;

static void die(const char *what)
{
    perror(what);
    exit(1);
}

void service_open(const char *image_path, const char *records_path)
{
    int file = open(image_path, O_RDONLY);
    struct stat seen;
    if (file < 0 || fstat(file, &seen) < 0)
        die(image_path);
    image_size = (size_t)seen.st_size;
    image = malloc(image_size);
    if (read(file, image, image_size) != (ssize_t)image_size)
        die(image_path);
    close(file);
    records_file = open(records_path, O_WRONLY | O_APPEND | O_CREAT, 0600);
    if (records_file < 0)
        die(records_path);
}

void service_flush(void)
{
    if (records_length && write(records_file, records, records_length) != (ssize_t)records_length)
        die("records");
    records_length = 0;
}

/* Reading */

static const char *after_blanks(const char *at, const char *end)
{
    while (at < end && (*at == ' ' || *at == '\n' || *at == '\t' || *at == '\r'))
        at++;
    return at;
}

/* Read one flat JSON object of numbers and plain strings; the members are those of GetStream. */
static int read_members(const char *at, const char *end, struct request *request, long numbers[128], const char **bitmap,
                        size_t *bitmap_length)
{
    at = after_blanks(at, end);
    if (at >= end || *at++ != '{')
        return 0;
    for (;;) {
        at = after_blanks(at, end);
        if (at < end && *at == '}')
            return 1;
        if (end - at < 5 || at[0] != '"' || at[2] != '"')
            return 0;
        unsigned key = (unsigned)at[1] & 127;
        at = after_blanks(at + 3, end);
        if (at >= end || *at++ != ':')
            return 0;
        at = after_blanks(at, end);
        if (at < end && *at == '"') {
            const char *text = ++at;
            while (at < end && *at != '"' && *at != '\\')
                at++;
            if (at >= end || *at != '"')
                return 0;
            size_t length = (size_t)(at++ - text);
            if (key == 'c' && length <= TOKEN_MAX) {
                memcpy(request->token, text, length);
                request->token_length = length;
            } else if (key == 'b') {
                *bitmap = text;
                *bitmap_length = length;
            } else
                return 0;
        } else {
            long number = 0;
            const char *digits = at;
            while (at < end && *at >= '0' && *at <= '9' && at - digits < 10)
                number = number * 10 + (*at++ - '0');
            if (at == digits)
                return 0;
            numbers[key] = number;
        }
        at = after_blanks(at, end);
        if (at < end && *at == ',')
            at++;
    }
}

static int hex_digit(char digit)
{
    return digit >= '0' && digit <= '9' ? digit - '0' : (digit | 32) >= 'a' && (digit | 32) <= 'f' ? (digit | 32) - 'a' + 10 : -1;
}

static int choose(struct request *request, const long numbers[128], const char *bitmap, size_t bitmap_length)
{
    size_t total = (image_size + request->block_size - 1) / request->block_size;
    size_t most = REQUEST_DATA_MAX / request->block_size, first = (size_t)numbers['o'];
    if (numbers['n'] >= 0 && (size_t)numbers['n'] < most)
        most = (size_t)numbers['n'];
    if (most > BLOCKS_MAX)
        most = BLOCKS_MAX;
    if (!bitmap)
        for (size_t block = first; block < total && request->block_count < most; block++)
            request->blocks[request->block_count++] = (unsigned)block;
    else
        for (size_t digit = 0; digit < bitmap_length; digit++) { /* bytes in hex, least significant bit first */
            int bits = hex_digit(bitmap[digit ^ 1]);
            for (size_t bit = 0; bit < 4; bit++) {
                size_t block = first + digit * 4 + bit;
                if (bits >= 0 && bits >> bit & 1 && block < total && request->block_count < most)
                    request->blocks[request->block_count++] = (unsigned)block;
            }
        }
    return request->block_count > 0;
}

/* Take `$aws/things/T/streams/S/get/json` apart. */
static int read_topic(struct request *request, const char *topic, size_t length, const char **thing, size_t *thing_length,
                      const char **stream, size_t *stream_length)
{
    static const char prefix[] = "$aws/things/", middle[] = "/streams/", suffix[] = "/get/json", data[] = "/data/json";
    size_t before = sizeof prefix - 1, after = sizeof suffix - 1;
    if (length < before + after || length + 1 > TOPIC_MAX || memcmp(topic, prefix, before) ||
        memcmp(topic + length - after, suffix, after))
        return 0;
    *thing = topic + before;
    const char *slash = memchr(*thing, '/', length - before);
    *thing_length = (size_t)(slash - *thing);
    *stream = slash + sizeof middle - 1;
    *stream_length = (size_t)(topic + length - after - *stream);
    if (*stream > topic + length - after || memcmp(slash, middle, sizeof middle - 1))
        return 0;
    memcpy(request->answer_topic, topic, length - after);
    memcpy(request->answer_topic + length - after, data, sizeof data - 1);
    request->answer_topic_length = length - after + sizeof data - 1;
    return 1;
}

/* Records */

static const char *now(void)
{
    static char text[32];
    static time_t known;
    struct timespec at;
    clock_gettime(CLOCK_REALTIME, &at);
    if (at.tv_sec != known) {
        struct tm parts;
        known = at.tv_sec;
        strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S.", gmtime_r(&known, &parts));
    }
    long milliseconds = at.tv_nsec / 1000000;
    text[20] = (char)('0' + milliseconds / 100);
    text[21] = (char)('0' + milliseconds / 10 % 10);
    text[22] = (char)('0' + milliseconds % 10);
    return text;
}

static void record(const struct request *request, const char *topic, size_t topic_length, const char *thing,
                   size_t thing_length, const char *stream, size_t stream_length)
{
    if (RECORDS_MAX - records_length < RECORD_MAX)
        service_flush();
    char *out = records + records_length;
#define TEXT(text) (memcpy(out, text, sizeof text - 1), out += sizeof text - 1)
#define BYTES(bytes, count) (memcpy(out, bytes, count), out += (count))
    TEXT("{\"timestamp\":\"");
    BYTES(now(), 23);
    TEXT("\",\"logLevel\":\"DEBUG\",\"accountId\":\"123456789012\",\"status\":\"Success\",\"actionType\":\"GetStream\","
         "\"protocol\":\"MQTT\",\"clientId\":\"");
    BYTES(thing, thing_length);
    TEXT("\",\"topicName\":\"");
    BYTES(topic, topic_length);
    TEXT("\",\"streamId\":\"");
    BYTES(stream, stream_length);
    if (request->token_length) {
        TEXT("\",\"clientToken\":\"");
        BYTES(request->token, request->token_length);
    }
    TEXT("\",\"details\":\"The request status is SUCCESS.\"}\n");
    records_length = (size_t)(out - records);
}

int service_ask(struct request *request, const char *topic, size_t topic_length, const char *payload, size_t length)
{
    long numbers[128];
    const char *thing, *stream, *bitmap = NULL;
    size_t thing_length, stream_length, bitmap_length = 0;
    numbers['f'] = numbers['l'] = numbers['n'] = -1;
    numbers['o'] = 0;
    request->token_length = request->block_count = 0;
    if (!read_topic(request, topic, topic_length, &thing, &thing_length, &stream, &stream_length) ||
        !read_members(payload, payload + length, request, numbers, &bitmap, &bitmap_length) || numbers['f'] != 0 ||
        numbers['l'] < 256 || numbers['l'] > LARGEST_BLOCK)
        return 0;
    request->block_size = (unsigned)numbers['l'];
    record(request, topic, topic_length, thing, thing_length, stream, stream_length);
    return choose(request, numbers, bitmap, bitmap_length);
}

/* Blocks */

static size_t encode(const char *bytes, size_t length, char *out)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    char *start = out;
    for (size_t at = 0; at < length; at += 3) {
        unsigned bits = (unsigned)(unsigned char)bytes[at] << 16;
        bits |= at + 1 < length ? (unsigned)(unsigned char)bytes[at + 1] << 8 : 0;
        bits |= at + 2 < length ? (unsigned)(unsigned char)bytes[at + 2] : 0;
        *out++ = digits[bits >> 18];
        *out++ = digits[bits >> 12 & 63];
        *out++ = at + 1 < length ? digits[bits >> 6 & 63] : '=';
        *out++ = at + 2 < length ? digits[bits & 63] : '=';
    }
    return (size_t)(out - start);
}

static void encode_block(unsigned block, unsigned block_size)
{
    size_t start = (size_t)block * block_size;
    size_t length = image_size - start < block_size ? image_size - start : block_size;
    char *text = malloc(service_room(block_size));
    int head = sprintf(text, "\"f\":0,\"i\":%u,\"l\":%zu,\"p\":\"", block, length);
    size_t whole = (size_t)head + encode(image + start, length, text + head);
    memcpy(text + whole, "\"}", 2);
    encoded[block].text = text;
    encoded[block].length = whole + 2;
}

static void use_size(unsigned block_size)
{
    for (size_t block = 0; encoded && block <= image_size / encoded_size; block++)
        free(encoded[block].text);
    free(encoded);
    encoded = calloc(image_size / block_size + 1, sizeof *encoded);
    encoded_size = block_size;
}

size_t service_room(unsigned block_size)
{
    return TOKEN_MAX + 128 + (size_t)block_size / 3 * 4 + 4;
}

size_t service_block(const struct request *request, size_t index, char *out)
{
    unsigned block = request->blocks[index];
    char *start = out;
    if (encoded_size != request->block_size)
        use_size(request->block_size);
    if (!encoded[block].text)
        encode_block(block, request->block_size);
    TEXT("{");
    if (request->token_length) {
        TEXT("\"c\":\"");
        BYTES(request->token, request->token_length);
        TEXT("\",");
    }
    BYTES(encoded[block].text, encoded[block].length);
    return (size_t)(out - start);
}
