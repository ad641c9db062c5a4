/*
 * meta_redis: the bytes of commands, and how many they are.
 */

#include <stdlib.h>

#include "tap.h"
#include "meta/meta_redis.c"


static void
test_bulk(size_t len)
{
    char            want[64];
    size_t          n;
    meta_str_t      s;
    unsigned char  *buf, *p;

    s.len = len;
    s.data = calloc(1, len + 1);
    buf = malloc(meta_redis_bulk_size(len));

    p = meta_redis_bulk(buf, s);

    n = (size_t) snprintf(want, sizeof(want), "$%zu\r\n", len);

    is_int(p - buf, (long long) meta_redis_bulk_size(len), "size foretold");
    is_mem(buf, n, want, n, "header");
    is_mem(p - 2, 2, "\r\n", 2, "end");

    p = meta_redis_bulk_header(buf, len);
    is_mem(buf, (size_t) (p - buf), want, n, "header alone");

    free((void *) s.data);
    free(buf);
}


/* what a key is found in: a MULTI of two lists */
static const char  several[] =
    "*1\r\n$5\r\nMULTI\r\n"
    "*3\r\n$5\r\nRPUSH\r\n$3\r\nq:0\r\n$4\r\n*1\r\n\r\n"
    "*4\r\n$5\r\nRPUSH\r\n$4\r\nq:13\r\n$1\r\na\r\n$1\r\nb\r\n"
    "*1\r\n$4\r\nEXEC\r\n";


static void
test_key(void)
{
    size_t      len;
    meta_str_t  bytes, key;

    bytes.data = (const unsigned char *) several;
    bytes.len = sizeof(several) - 1;

    is_int(meta_redis_key(bytes, 1, &key), META_OK, "the second command");
    is_mem(key.data, key.len, "q:0", 3, "its key");
    is_int(meta_redis_key(bytes, 2, &key), META_OK, "the third command");
    is_mem(key.data, key.len, "q:13", 4, "its key");
    is_int(meta_redis_key(bytes, 0, &key), META_MALFORMED,
           "a command without a key");
    is_int(meta_redis_key(bytes, 3, &key), META_MALFORMED, "the last has none");
    is_int(meta_redis_key(bytes, 4, &key), META_MALFORMED, "there is no more");

    for (len = 0; len < bytes.len; len++) {
        meta_str_t  cut = { bytes.data, len };

        if (meta_redis_key(cut, 2, &key) == META_OK
            && key.data + key.len + 2 > bytes.data + len)
        {
            break;
        }
    }

    is_int((long long) len, (long long) bytes.len,
           "cut anywhere, no key past the end");
}


int
main(void)
{
    size_t          i;
    unsigned char   buf[256], *p;

    static const size_t  lengths[] = {
        0, 1, 9, 10, 11, 99, 100, 101, 999, 1000, 65535, 1000000
    };

    static const meta_str_t  push[] = {
        meta_string("RPUSH"), meta_string("meta:events"),
        meta_string("a\r\nb\0c"), { NULL, 0 }
    };

    static const char  want[] =
        "*4\r\n$5\r\nRPUSH\r\n$11\r\nmeta:events\r\n$6\r\na\r\nb\0c\r\n"
        "$0\r\n\r\n";

    p = meta_redis_command(buf, push, 4);

    is_mem(buf, (size_t) (p - buf), want, sizeof(want) - 1,
           "a command, binary safe, with an empty argument");
    is_int((long long) meta_redis_command_size(push, 4), sizeof(want) - 1,
           "its size");

    for (i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        test_bulk(lengths[i]);
    }

    p = meta_redis_array(buf, 10002);
    is_mem(buf, (size_t) (p - buf), "*10002\r\n", 8, "an array's header");

    p = meta_redis_bulk_header(buf, SIZE_MAX);
    ok(p - buf <= META_REDIS_HEADER_MAX, "the longest header");
    is_mem(buf, (size_t) (p - buf), "$18446744073709551615\r\n",
           SIZE_MAX == UINT64_MAX ? 23 : (size_t) (p - buf), "all its digits");

    test_key();

    return done();
}
