/*
 * The command writer against hiredis' reader: what was written is read back
 * as the same arguments, and takes the bytes that were foretold.
 */

#include <stdio.h>
#include <hiredis/hiredis.h>

#include "meta/meta_redis.h"
#include "yajl_judge.h"


#define FUZZ_ARGS  64
#define FUZZ_SIZE  65536


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t fuzz_arguments(meta_str_t *argv, const uint8_t *data,
    size_t size);
static void fuzz_read(size_t len, const meta_str_t *argv, size_t n);


static unsigned char  command[FUZZ_SIZE];
static unsigned char  pieces[FUZZ_SIZE];


/* arguments end at the bytes 0xff */

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t          i, n, len;
    meta_str_t      argv[FUZZ_ARGS];
    unsigned char  *p;

    n = fuzz_arguments(argv, data, size);
    len = meta_redis_command_size(argv, n);

    if (len > FUZZ_SIZE) {
        return 0;
    }

    p = meta_redis_command(command, argv, n);
    check((size_t) (p - command) == len);

    fuzz_read(len, argv, n);

    /* piece by piece it is the same */

    p = meta_redis_array(pieces, n);

    for (i = 0; i < n; i++) {
        check(meta_redis_bulk_header(p, argv[i].len) - p
              <= META_REDIS_HEADER_MAX);
        p = meta_redis_bulk(p, argv[i]);
    }

    check((size_t) (p - pieces) == len && memcmp(command, pieces, len) == 0);

    return 0;
}


static size_t
fuzz_arguments(meta_str_t *argv, const uint8_t *data, size_t size)
{
    size_t          n;
    const uint8_t  *start, *end, *last;

    last = data + size;

    for (n = 0, start = data; n < FUZZ_ARGS; start = end + 1) {
        end = memchr(start, 0xff, (size_t) (last - start));
        if (end == NULL) {
            end = last;
        }

        argv[n].data = start;
        argv[n++].len = (size_t) (end - start);

        if (end == last) {
            break;
        }
    }

    return n;
}


static void
fuzz_read(size_t len, const meta_str_t *argv, size_t n)
{
    void         *reply;
    size_t        i;
    redisReply   *r;
    redisReader  *reader;

    reader = redisReaderCreate();
    check(redisReaderFeed(reader, (char *) command, len) == REDIS_OK);
    check(redisReaderGetReply(reader, &reply) == REDIS_OK && reply != NULL);

    r = reply;
    check(r->type == REDIS_REPLY_ARRAY && r->elements == n);

    for (i = 0; i < n; i++) {
        check(r->element[i]->type == REDIS_REPLY_STRING);
        check((size_t) r->element[i]->len == argv[i].len);
        check(argv[i].len == 0
              || memcmp(r->element[i]->str, argv[i].data, argv[i].len) == 0);
    }

    freeReplyObject(reply);

    check(redisReaderGetReply(reader, &reply) == REDIS_OK && reply == NULL);

    redisReaderFree(reader);
}
