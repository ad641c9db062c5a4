/*
 * Makes HTTP calls as a test says, one line of JSON for each; what became of
 * them goes out, one line of JSON for each.  Ends when its input has ended
 * and all are done.
 *
 *     {"id":"a","method":"POST","url":"http://127.0.0.1:1/","body":"x"}
 *     {"id":"a","cancel":true}
 */

#include "consumer/http.h"
#include "consumer/json.h"

#include <stdio.h>
#include <stdlib.h>


#define TEXTS  8


struct caller {
    struct caller     *next;
    char              *id;
    struct http_call  *call;
    char              *want[TEXTS];
    size_t             nwant;
};

static uv_loop_t       loop;
static uv_pipe_t       input;
static struct http    *http;
static struct caller  *callers;
static struct buf      line;
static size_t          running;
static bool            ended;


static void settle(void)
{
    if (ended && running == 0 && http != NULL) {
        http_free(http);
        http = NULL;
    }
}


static void forget(struct caller *c)
{
    struct caller  **at = &callers;

    while (*at != c) {
        at = &(*at)->next;
    }
    *at = c->next;

    while (c->nwant > 0) {
        free(c->want[--c->nwant]);
    }
    free(c->id);
    free(c);
    running--;
}


static void on_answer(void *data, const struct http_answer *a)
{
    size_t                    i;
    struct buf                out;
    struct caller            *c = data;
    static const char *const  names[] = {
        [HTTP_ANSWERED] = "answered", [HTTP_UNSENT] = "unsent",
        [HTTP_AMBIGUOUS] = "ambiguous"
    };

    buf_init(&out, 64 * 1024 * 1024);
    buf_text(&out, "{\"id\":");
    json_quote(&out, STR(c->id));
    buf_format(&out, ",\"outcome\":\"%s\",\"status\":%ld,\"version\":%d,"
               "\"reused\":%d,\"ms\":%.1f,\"length\":%zu,\"why\":",
               names[a->outcome], a->status, a->version, a->reused, a->ms,
               a->body.len);
    json_quote(&out, STR(a->why));
    buf_text(&out, ",\"body\":");
    json_quote(&out, a->body.len < 1000 ? a->body : NONE);
    buf_text(&out, ",\"headers\":[");
    for (i = 0; i < c->nwant && a->outcome == HTTP_ANSWERED; i++) {
        buf_text(&out, i ? "," : "");
        json_quote(&out, a->headers[i]);
    }
    printf("%.*s]}\n", (int) out.len, out.at);
    fflush(stdout);
    buf_free(&out);
    forget(c);

    /* http_free() is not for inside of its callback */
    if (ended && running == 0) {
        uv_close((uv_handle_t *) &input, NULL);
    }
}


static const char *text_of(const struct json *j, const char *name)
{
    struct str  s = json_get_text(j, name);

    return s.len ? s.at : NULL;
}


static unsigned number_of(const struct json *j, const char *name)
{
    return (unsigned) strtoul(json_get_text(j, name).at, NULL, 10);
}


static enum http_method method_of(struct str name)
{
    return str_is(name, "GET") ? HTTP_GET : str_is(name, "PUT") ? HTTP_PUT
           : str_is(name, "DELETE") ? HTTP_DELETE : HTTP_POST;
}


static void call(const struct json *j, struct caller *c)
{
    char                 *body = NULL;
    size_t                n = 0, room = number_of(j, "length");
    const char           *headers[TEXTS];
    const struct json    *e;
    struct http_request   request = {
        .method = method_of(json_get_text(j, "method")),
        .url = json_get_text(j, "url").at, .unix_path = text_of(j, "unix"),
        .bearer = text_of(j, "bearer"),
        .oauth = json_is(json_get(j, "oauth"), JSON_TRUE),
        .ca_file = text_of(j, "ca"), .type = text_of(j, "type"),
        .body = json_get_text(j, "body"),
        .idempotent = json_is(json_get(j, "idempotent"), JSON_TRUE),
        .connect_ms = number_of(j, "connect"),
        .total_ms = number_of(j, "total"), .idle_ms = number_of(j, "idle"),
        .answer_max = number_of(j, "max"), .headers = headers
    };

    for (e = json_get(j, "headers") ? json_get(j, "headers")->child : NULL;
         e != NULL && n < TEXTS; e = e->next)
    {
        headers[n++] = e->text.at;
    }
    request.nheaders = n;

    for (e = json_get(j, "want") ? json_get(j, "want")->child : NULL;
         e != NULL && c->nwant < TEXTS; e = e->next)
    {
        c->want[c->nwant++] = mem_copy(e->text.at, e->text.len);
    }
    request.want = (const char *const *) c->want;
    request.nwant = c->nwant;

    if (room) {
        body = mem_alloc(room);
        memset(body, 'x', room);
        request.body = (struct str) { body, room };
    }

    c->call = http_start(http, &request, on_answer, c);
    free(body);
}


static void obey(struct str text)
{
    struct caller    *c;
    struct json_doc  *doc = json_parse(text.at, text.len, 1 << 26);
    struct str        id = json_get_text(json_root(doc), "id");

    if (json_get(json_root(doc), "cancel") != NULL) {
        for (c = callers; c != NULL && !str_is(id, c->id); c = c->next) {
            /* next */
        }
        if (c != NULL) {
            http_cancel(c->call);
            forget(c);
        }

    } else {
        c = mem_alloc(sizeof(*c));
        c->id = mem_copy(id.at, id.len);
        c->next = callers;
        callers = c;
        running++;
        call(json_root(doc), c);
    }

    json_free(doc);
}


static void on_room(uv_handle_t *handle, size_t size, uv_buf_t *b)
{
    static char  room[64 * 1024];

    (void) handle;
    (void) size;
    *b = uv_buf_init(room, sizeof(room));
}


static void on_input(uv_stream_t *stream, ssize_t n, const uv_buf_t *b)
{
    char    *end;
    size_t   len;

    (void) stream;

    if (n < 0) {
        ended = true;
        if (running == 0) {
            uv_close((uv_handle_t *) &input, NULL);
        } else {
            uv_read_stop(stream);
        }
        return;
    }

    buf_add(&line, b->base, (size_t) n);
    while (line.len && (end = memchr(line.at, '\n', line.len)) != NULL) {
        len = (size_t) (end - line.at);
        obey((struct str) { line.at, len });
        memmove(line.at, end + 1, line.len - len - 1);
        line.len -= len + 1;
    }
}


int main(void)
{
    uv_loop_init(&loop);
    http = http_new(&loop);
    buf_init(&line, 1 << 26);
    uv_pipe_init(&loop, &input, 0);
    uv_pipe_open(&input, 0);
    uv_read_start((uv_stream_t *) &input, on_room, on_input);

    while (!ended || running > 0) {
        uv_run(&loop, UV_RUN_ONCE);
    }

    settle();
    uv_run(&loop, UV_RUN_DEFAULT);
    uv_loop_close(&loop);
    buf_free(&line);

    return 0;
}
