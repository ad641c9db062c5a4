/* Bodies on their way out: bytes that are held, then a file that is read as it
   goes, then what follows it. */

#include "http_own.h"

#include <fcntl.h>
#include <unistd.h>


static const char  shorter[] = "the file is shorter than it was, or cannot be"
                               " read";


/* http_body_length: of the three parts that a body may have */
size_t http_body_length(const struct http_call *c)
{
    return c->body.len + (size_t) c->size + c->tail.len;
}


/* the next bytes, of one part; 0: the file has fewer than it had */
static size_t body_part(struct http_call *c, char *to, size_t max)
{
    size_t       at = c->sent, left;
    ssize_t      n;
    const char  *from;

    if (at >= c->body.len && at - c->body.len < (size_t) c->size) {
        at -= c->body.len;
        left = (size_t) c->size - at;
        n = pread(c->fd, to, left < max ? left : max, (off_t) at);
        return n > 0 ? (size_t) n : 0;
    }

    if (at < c->body.len) {
        from = c->body.at + at;
        left = c->body.len - at;
    } else {
        at -= c->body.len + (size_t) c->size;
        from = c->tail.at + at;
        left = c->tail.len - at;
    }

    left = left < max ? left : max;
    memcpy(to, from, left);

    return left;
}


/* http_body hands libcurl what comes next */
size_t http_body(char *to, size_t size, size_t n, void *data)
{
    size_t             len = 0;
    struct http_call  *c = data;

    if (c->sent < http_body_length(c)) {
        len = body_part(c, to, size * n);
        if (len == 0) {
            c->why = shorter;
            return CURL_READFUNC_ABORT;
        }
    }

    c->sent += len;
    c->left = true;
    c->heard = uv_now(c->http->loop);

    return len;
}


/* http_body_file takes what follows the body */
void http_body_file(struct http_call *c, const struct http_file *file)
{
    c->size = 0;
    c->tail.len = 0;

    if (file->size > 0 && file->fd >= 0) {
        c->fd = fcntl(file->fd, F_DUPFD_CLOEXEC, 0);
        c->size = file->size;
        buf_str(&c->tail, file->tail);
    }
}


/* http_body_close lets the file go */
void http_body_close(struct http_call *c)
{
    if (c->fd >= 0) {
        close(c->fd);
        c->fd = -1;
    }
}
