/*
 * Redis commands as bytes; nothing is measured twice and nothing allocated.
 */

#include <string.h>

#include "meta_redis.h"


static unsigned char *meta_redis_header(unsigned char *p, unsigned char type,
    size_t n);
static size_t meta_redis_digits(size_t n);
static int meta_redis_read(meta_str_t *bytes, unsigned char type, size_t *n);


size_t
meta_redis_bulk_size(size_t len)
{
    return 1 + meta_redis_digits(len) + 2 + len + 2;
}


unsigned char *
meta_redis_array(unsigned char *p, size_t nargs)
{
    return meta_redis_header(p, '*', nargs);
}


unsigned char *
meta_redis_bulk_header(unsigned char *p, size_t len)
{
    return meta_redis_header(p, '$', len);
}


unsigned char *
meta_redis_bulk(unsigned char *p, meta_str_t s)
{
    p = meta_redis_header(p, '$', s.len);

    if (s.len != 0) {
        memcpy(p, s.data, s.len);
        p += s.len;
    }

    *p++ = '\r';
    *p++ = '\n';

    return p;
}


size_t
meta_redis_command_size(const meta_str_t *argv, size_t argc)
{
    size_t  i, size;

    size = 1 + meta_redis_digits(argc) + 2;

    for (i = 0; i < argc; i++) {
        size += meta_redis_bulk_size(argv[i].len);
    }

    return size;
}


unsigned char *
meta_redis_command(unsigned char *p, const meta_str_t *argv, size_t argc)
{
    size_t  i;

    p = meta_redis_array(p, argc);

    for (i = 0; i < argc; i++) {
        p = meta_redis_bulk(p, argv[i]);
    }

    return p;
}


meta_rc_t
meta_redis_key(meta_str_t bytes, size_t n, meta_str_t *key)
{
    size_t  i, argc, len;

    for ( ;; n--) {

        if (!meta_redis_read(&bytes, '*', &argc)) {
            return META_MALFORMED;
        }

        for (i = 0; i < argc; i++) {

            if (!meta_redis_read(&bytes, '$', &len)
                || bytes.len < 2 || len > bytes.len - 2)
            {
                return META_MALFORMED;
            }

            if (n == 0 && i == 1) {
                key->data = bytes.data;
                key->len = len;
                return META_OK;
            }

            bytes.data += len + 2;
            bytes.len -= len + 2;
        }

        if (n == 0) {
            return META_MALFORMED;
        }
    }
}


/* a header taken off the front of bytes: 1, or 0 if none is there */

static int
meta_redis_read(meta_str_t *bytes, unsigned char type, size_t *n)
{
    size_t  i;

    if (bytes->len == 0 || bytes->data[0] != type) {
        return 0;
    }

    *n = 0;

    for (i = 1; i < bytes->len && i < META_REDIS_HEADER_MAX - 4; i++) {

        if (bytes->data[i] < '0' || bytes->data[i] > '9') {
            break;
        }

        *n = *n * 10 + (bytes->data[i] - '0');
    }

    if (i == 1 || bytes->len - i < 2
        || bytes->data[i] != '\r' || bytes->data[i + 1] != '\n')
    {
        return 0;
    }

    bytes->data += i + 2;
    bytes->len -= i + 2;

    return 1;
}


static unsigned char *
meta_redis_header(unsigned char *p, unsigned char type, size_t n)
{
    unsigned char  *last;

    *p++ = type;

    last = p + meta_redis_digits(n);
    p = last;

    do {
        *--p = (unsigned char) ('0' + n % 10);
        n /= 10;
    } while (n != 0);

    *last++ = '\r';
    *last++ = '\n';

    return last;
}


static size_t
meta_redis_digits(size_t n)
{
    size_t  digits;

    for (digits = 1; n >= 10; digits++) {
        n /= 10;
    }

    return digits;
}
