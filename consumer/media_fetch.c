/* Media of events as files (meta-webhooks-and-messaging.md 7.4): an id's URL,
   its bytes into a file beside the one to be, their SHA-256, its name. */

#include "media_fetch.h"
#include "token.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <unistd.h>

#include <openssl/evp.h>


#define FETCH_TOTAL_MS  (10 * 60 * 1000)    /* 100 MB at 1.4 Mbit/s */
#define FETCH_IDLE_MS   20000
#define FETCH_URL_MAX   4096


static const char  too_large[] = "it is larger than media.max";

/* the one place where what a type is called is chosen */
static const struct {
    const char  *type;
    const char  *ending;
} endings[] = {
    { "image/jpeg", "jpg" }, { "image/png", "png" }, { "image/webp", "webp" },
    { "image/gif", "gif" }, { "video/mp4", "mp4" }, { "video/3gpp", "3gp" },
    { "audio/ogg", "ogg" }, { "audio/mpeg", "mp3" }, { "audio/mp4", "m4a" },
    { "audio/aac", "aac" }, { "audio/amr", "amr" },
    { "application/pdf", "pdf" }, { "text/plain", "txt" }
};


struct fetch {
    struct graph              *graph;
    struct conf               *conf;
    const struct conf_token   *token;
    const struct conf_app     *app;
    char                      *number;
    char                      *id;          /* NULL: a URL is all there is */
    char                      *url;
    char                      *sha256;
    char                      *graphs;      /* SHA-256 that Graph names */
    char                      *path;
    char                      *part;        /* the file while it grows */
    bool                       typed;
    size_t                     max;
    size_t                     bytes;
    int                        fd;
    EVP_MD_CTX                *hash;
    bool                       large;
    bool                       second;      /* the last time that it is asked
                                               for a URL */
    const char                *why;         /* what we know better than HTTP */
    char                       text[128];
    struct fetch_answer        answer;
    fetch_cb                   cb;
    void                      *data;
    uv_work_t                  keep;
    int                        error;       /* of the disk, 0: none */
    struct fetch             **prev;        /* among keeping, while it is */
    struct fetch              *next;
};

static struct fetch  *keeping;      /* their files are with the disk */


static void fetch_ask(struct fetch *f);


static bool host_is_metas(const char *host, size_t len)
{
    size_t                    i, n;
    static const char *const  ends[] = {        /* contract 6 */
        ".fbsbx.com", ".fbcdn.net", ".facebook.com", ".cdninstagram.com"
    };

    for (i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
        n = strlen(ends[i]);
        if (len > n && strncasecmp(host + len - n, ends[i], n) == 0) {
            return true;
        }
    }

    return false;
}


/* scheme, host and port are those of one that the configuration names */
static bool url_is_of(const char *base, struct str url)
{
    size_t       n;
    const char  *host = base != NULL ? strstr(base, "://") : NULL;

    if (host == NULL) {
        return false;
    }

    n = (size_t) (host + 3 - base) + strcspn(host + 3, "/");

    return url.len > n && memcmp(url.at, base, n) == 0
           && (url.at[n] == '/' || url.at[n] == '?');
}


/* fetch_url_good says whether a URL that Meta hands out is asked */
bool fetch_url_good(const struct conf *conf, struct str url)
{
    int          h;
    size_t       i, n = 0;
    struct str   rest = { url.at + 8, url.len - 8 };

    for (i = 0; i < url.len; i++) {
        if ((unsigned char) url.at[i] <= 0x20 || url.at[i] == 0x7f
            || url.at[i] == '\\')
        {
            return false;
        }
    }

    if (url.len > FETCH_URL_MAX) {
        return false;
    }

    for (h = 0; conf->base_url == NULL && h < GRAPH_HOSTS; h++) {
        if (url_is_of(conf->hosts[h], url)) {
            return true;
        }
    }

    if (url_is_of(conf->base_url, url)) {
        return true;
    }

    if (url.len < 9 || strncasecmp(url.at, "https://", 8) != 0) {
        return false;
    }

    while (n < rest.len && (rest.at[n] == '-' || rest.at[n] == '.'
           || (rest.at[n] >= '0' && rest.at[n] <= '9')
           || ((rest.at[n] | 0x20) >= 'a' && (rest.at[n] | 0x20) <= 'z')))
    {
        n++;
    }

    return host_is_metas(rest.at, n)
           && (n == rest.len || rest.at[n] == '/' || rest.at[n] == '?'
               || (rest.len - n > 4 && memcmp(rest.at + n, ":443/", 5) == 0));
}


/* fetch_hash_fits: webhooks have it in base64, Graph in hex */
bool fetch_hash_fits(const unsigned char hash[32], struct str text)
{
    char           hex[65], base[45];
    size_t         i;

    for (i = 0; i < 32; i++) {
        snprintf(hex + i * 2, 3, "%02x", hash[i]);
    }

    if (text.len == 64) {
        return strncasecmp(text.at, hex, 64) == 0;
    }

    EVP_EncodeBlock((unsigned char *) base, hash, 32);

    for (i = 0; i < 43 && text.len >= 43; i++) {
        if (text.at[i] != base[i]
            && !(text.at[i] == '-' && base[i] == '+')
            && !(text.at[i] == '_' && base[i] == '/'))
        {
            return false;
        }
    }

    return text.len == 43 || (text.len == 44 && text.at[43] == '=');
}


/* fetch_ending_at goes through the table */
const char *fetch_ending_at(size_t i)
{
    return i < sizeof(endings) / sizeof(endings[0]) ? endings[i].ending : NULL;
}


/* fetch_ending looks a type up */
const char *fetch_ending(struct str type)
{
    size_t  i, n;

    for (i = 0; i < sizeof(endings) / sizeof(endings[0]); i++) {
        n = strlen(endings[i].type);
        if (type.len >= n && strncasecmp(type.at, endings[i].type, n) == 0
            && (type.len == n || type.at[n] == ';' || type.at[n] == ' '))
        {
            return endings[i].ending;
        }
    }

    return NULL;
}


/* NAME.image becomes NAME.jpg */
static void path_type(struct fetch *f, struct str type)
{
    size_t       n = strrchr(f->path, '.') + 1 - f->path;
    struct buf   b;
    const char  *ending = fetch_ending(type);

    if (ending == NULL) {
        return;
    }

    buf_init(&b, (size_t) -1);
    buf_add(&b, f->path, n);
    buf_add(&b, ending, strlen(ending) + 1);
    free(f->path);
    f->path = b.at;
}


static void part_drop(struct fetch *f)
{
    if (f->fd >= 0) {
        close(f->fd);
        unlink(f->part);
        f->fd = -1;
    }
}


static void fetch_tell(struct fetch *f, enum fetch_rc rc, const char *why)
{
    f->answer.rc = rc;
    f->answer.why = why;
    f->answer.bytes = f->bytes;
    f->cb(f->data, &f->answer);
    f->cb = NULL;
}


static void fetch_end(struct fetch *f, enum fetch_rc rc, const char *why)
{
    part_drop(f);
    if (f->cb != NULL) {
        fetch_tell(f, rc, why);
    }

    EVP_MD_CTX_free(f->hash);
    token_drop(f->token);
    conf_drop(f->conf);
    free(f->number);
    free(f->id);
    mem_wipe(f->url);           /* who has it may have the bytes */
    free(f->sha256);
    free(f->graphs);
    free(f->path);
    free(f->part);
    free(f);
}


/* who was here before us and died has left a part; who is late and writes to
   his still does not write to ours */
static bool part_open(struct fetch *f)
{
    unlink(f->part);
    f->fd = open(f->part, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
                 0600);
    f->bytes = 0;

    return f->fd >= 0
           && EVP_DigestInit_ex(f->hash, EVP_sha256(), NULL) == 1;
}


static bool on_bytes(void *data, const char *at, size_t len)
{
    ssize_t        n;
    struct fetch  *f = data;

    if (f->fd < 0 && !part_open(f)) {
        snprintf(f->text, sizeof(f->text), "the file cannot be made: %s",
                 strerror(errno));
        f->why = f->text;
        return false;
    }

    if (len > f->max - f->bytes) {
        f->large = true;
        f->why = too_large;
        return false;
    }

    EVP_DigestUpdate(f->hash, at, len);
    f->bytes += len;

    while (len > 0) {
        n = write(f->fd, at, len);
        if (n < 0 && errno != EINTR) {
            snprintf(f->text, sizeof(f->text), "the file cannot be written:"
                     " %s", strerror(errno));
            f->why = f->text;
            return false;
        }
        at += n > 0 ? n : 0;
        len -= n > 0 ? (size_t) n : 0;
    }

    return true;
}


static bool part_good(struct fetch *f)
{
    unsigned       len;
    unsigned char  hash[EVP_MAX_MD_SIZE];

    return EVP_DigestFinal_ex(f->hash, hash, &len) == 1
           && (f->sha256 == NULL || fetch_hash_fits(hash, STR(f->sha256)))
           && (f->graphs == NULL || fetch_hash_fits(hash, STR(f->graphs)));
}


/* a URL is good for five minutes, and a sum that differs may be the road's: one
   more time */
static void fetch_repeat(struct fetch *f, const char *why)
{
    part_drop(f);

    if (f->second) {
        fetch_end(f, FETCH_REFUSED, why);
        return;
    }

    f->second = true;
    fetch_ask(f);
}


/* in a thread of its own, for a disk may take long: the name stands only for
   what is whole, also after the machine has failed */
static void keep_file(uv_work_t *keep)
{
    int            dir;
    struct fetch  *f = keep->data;
    const char    *slash = strrchr(f->path, '/');
    char          *name = slash == NULL ? mem_copy(".", 1)
                          : mem_copy(f->path, (size_t) (slash + 1 - f->path));

    f->error = fsync(f->fd) != 0 || rename(f->part, f->path) != 0 ? errno : 0;

    /* a name that is lost is asked for again */
    dir = open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir >= 0) {
        fsync(dir);
        close(dir);
    }

    free(name);
}


static void on_kept(uv_work_t *keep, int status)
{
    struct fetch  *f = keep->data;

    *f->prev = f->next;
    if (f->next != NULL) {
        f->next->prev = f->prev;
    }

    if (status == 0 && f->error == 0) {
        close(f->fd);
        f->fd = -1;
        fetch_end(f, FETCH_SAVED, "");
        return;
    }

    snprintf(f->text, sizeof(f->text), "the file cannot be kept: %s",
             status ? uv_strerror(status) : strerror(f->error));
    fetch_end(f, FETCH_AGAIN, f->text);
}


/* fetch_leave tells those who wait that it will not be told */
void fetch_leave(void)
{
    struct fetch  *f;

    for (f = keeping; f != NULL; f = f->next) {
        if (f->cb != NULL) {
            fetch_tell(f, FETCH_AGAIN, "the consumer leaves");
        }
    }
}


static void fetch_keep(struct fetch *f)
{
    char  empty = '\0';

    if (f->fd < 0 && !on_bytes(f, &empty, 0)) {      /* a file of no bytes */
        fetch_end(f, FETCH_AGAIN, f->why);

    } else if (!part_good(f)) {
        fetch_repeat(f, "its SHA-256 is another one");

    } else {
        f->keep.data = f;
        f->next = keeping;
        f->prev = &keeping;
        if (keeping != NULL) {
            keeping->prev = &f->next;
        }
        keeping = f;
        uv_queue_work(graph_loop(f->graph), &f->keep, keep_file, on_kept);
    }
}


static void on_file(void *data, const struct http_answer *a)
{
    struct fetch  *f = data;

    f->answer.status = a->status;

    if (a->outcome != HTTP_ANSWERED) {
        fetch_end(f, f->large ? FETCH_REFUSED : FETCH_AGAIN,
                  f->why != NULL ? f->why : a->why);

    } else if (a->status == 200) {
        if (f->typed) {
            path_type(f, a->headers[0]);
        }
        fetch_keep(f);

    } else if (a->status >= 500 || a->status == 429 || a->status == 408) {
        fetch_end(f, FETCH_AGAIN, "Meta's server has trouble");

    } else if (a->status >= 300 && a->status < 400) {
        fetch_end(f, FETCH_REFUSED, "it answers with a redirect, which is"
                  " never followed");

    } else if (f->id != NULL) {
        fetch_repeat(f, "its URL is refused");

    } else {
        fetch_end(f, FETCH_REFUSED, "its URL is refused: it may be too old");
    }
}


static void fetch_file(struct fetch *f)
{
    static const char *const  want[] = { "Content-Type" };
    struct http_request       request = {
        .method = HTTP_GET, .url = f->url, .ca_file = f->conf->ca_file,
        .bearer = f->id != NULL && f->token != NULL ? f->token->secret : NULL,
        .idempotent = true, .sink = on_bytes,   /* which counts f->max */
        .total_ms = FETCH_TOTAL_MS, .idle_ms = FETCH_IDLE_MS,
        .want = want, .nwant = 1
    };

    f->why = NULL;

    if (!fetch_url_good(f->conf, STR(f->url))) {
        fetch_end(f, FETCH_REFUSED, "its URL is none of Meta's hosts for"
                  " media");
        return;
    }

    http_start(graph_http(f->graph), &request, on_file, f);
}


static enum fetch_rc verdict_rc(const struct verdict *v)
{
    return v->rc == GRAPH_ERROR && v->row != NULL
           && (v->row->cls == CLASS_NEVER || v->row->cls == CLASS_OPERATOR)
           ? FETCH_REFUSED : FETCH_AGAIN;
}


static void on_url(void *data, const struct verdict *v)
{
    struct str     url = json_get_text(v->root, "url");
    struct str     sum = json_get_text(v->root, "sha256");
    struct str     size = json_get_text(v->root, "file_size");
    struct fetch  *f = data;

    f->answer.status = v->status;
    f->answer.wait_ms = v->wait_ms;

    if (v->rc != GRAPH_OK) {
        snprintf(f->text, sizeof(f->text), "Graph does not say where it is:"
                 " %s %lld", graph_reason(v->rc), v->code);
        fetch_end(f, verdict_rc(v), f->text);
        return;
    }

    if (url.len == 0 || memchr(url.at, '\0', url.len) != NULL) {
        fetch_end(f, FETCH_AGAIN, "Graph does not say where it is");
        return;
    }

    if (str_digits(size) && strtoull(size.at, NULL, 10) > f->max) {
        fetch_end(f, FETCH_REFUSED, too_large);
        return;
    }

    mem_wipe(f->url);
    free(f->graphs);
    f->url = mem_copy(url.at, url.len);
    f->graphs = sum.len ? mem_copy(sum.at, sum.len) : NULL;
    fetch_file(f);
}


static void fetch_ask(struct fetch *f)
{
    struct buf         query;
    const char        *why;
    struct graph_call  call = {
        .method = HTTP_GET, .host = GRAPH_FACEBOOK,
        .product = PRODUCT_WHATSAPP, .idempotent = true, .query = NONE,
        .body = NONE, .token = f->token, .app = f->app
    };

    if (f->id == NULL) {
        fetch_file(f);
        return;
    }

    buf_init(&query, 256);
    if (f->number != NULL) {
        buf_text(&query, "phone_number_id=");
        buf_text(&query, f->number);
        call.query = (struct str) { query.at, query.len };
    }

    call.path = STR(f->id);
    why = graph_start(f->graph, f->conf, &call, on_url, f);
    buf_free(&query);

    if (why != NULL) {
        fetch_end(f, FETCH_REFUSED, why);
    }
}


static char *text_copy(struct str s)
{
    return s.len ? mem_copy(s.at, s.len) : NULL;
}


/* fetch_start fetches one */
void fetch_start(struct graph *graph, struct conf *conf,
    const struct fetch_order *order, fetch_cb cb, void *data)
{
    size_t         dir;
    const char    *slash = strrchr(order->path, '/');
    struct buf     part;
    struct fetch  *f = mem_alloc(sizeof(*f));

    dir = slash != NULL ? (size_t) (slash + 1 - order->path) : 0;
    buf_init(&part, (size_t) -1);
    buf_add(&part, order->path, dir);
    buf_format(&part, ".%s.part", order->path + dir);
    buf_add(&part, "", 1);

    f->graph = graph;
    f->conf = conf_hold(conf);
    f->token = token_hold(order->token);
    f->app = order->app;
    f->number = str_digits(order->number) ? text_copy(order->number) : NULL;
    f->id = text_copy(order->id);
    f->url = mem_copy(order->url.at, order->url.len);
    f->sha256 = text_copy(order->sha256);
    f->path = mem_copy(order->path, strlen(order->path));
    f->part = part.at;
    f->typed = order->typed;
    f->max = order->max;
    f->fd = -1;
    f->hash = EVP_MD_CTX_new();
    f->cb = cb;
    f->data = data;

    if (f->hash == NULL) {
        abort();
    }

    fetch_ask(f);
}
