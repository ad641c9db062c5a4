/* metactl media: files to WhatsApp and from there
   (meta-webhooks-and-messaging.md 7.1, 7.4). */

#include "ctl_meta.h"
#include "media_fetch.h"

#include <stdlib.h>
#include <unistd.h>

#include <openssl/rand.h>


#define MB          (1024LL * 1024)
#define UPLOAD_MAX  (100 * MB)
#define MIME_MAX    128
#define UPLOAD_MS   600000


/* what a file is by its name, and how large it may be; audio's types are
   general knowledge, the reference names none */
static const struct kind_of {
    const char  *end;
    const char  *mime;
    long long    max;
} kinds[] = {
    { ".jpg", "image/jpeg", 5 * MB }, { ".jpeg", "image/jpeg", 5 * MB },
    { ".png", "image/png", 5 * MB },
    { ".webp", "image/webp", 500 * 1024 },
    { ".mp4", "video/mp4", 16 * MB }, { ".3gp", "video/3gpp", 16 * MB },
    { ".aac", "audio/aac", 16 * MB }, { ".amr", "audio/amr", 16 * MB },
    { ".mp3", "audio/mpeg", 16 * MB }, { ".m4a", "audio/mp4", 16 * MB },
    { ".ogg", "audio/ogg", 16 * MB },
    { ".pdf", "application/pdf", UPLOAD_MAX },
    { ".txt", "text/plain", UPLOAD_MAX },
    { ".doc", "application/msword", UPLOAD_MAX },
    { ".xls", "application/vnd.ms-excel", UPLOAD_MAX },
    { ".ppt", "application/vnd.ms-powerpoint", UPLOAD_MAX },
    { ".docx", "application/vnd.openxmlformats-officedocument."
      "wordprocessingml.document", UPLOAD_MAX },
    { ".xlsx", "application/vnd.openxmlformats-officedocument."
      "spreadsheetml.sheet", UPLOAD_MAX },
    { ".pptx", "application/vnd.openxmlformats-officedocument."
      "presentationml.presentation", UPLOAD_MAX }
};

#define COUNT(table)  (sizeof(table) / sizeof((table)[0]))


static bool ends_with(const char *file, const char *end)
{
    size_t  n = strlen(file), len = strlen(end);

    return n > len && strcmp(file + n - len, end) == 0;
}


/* --type says more than the name does */
static const char *media_kind(struct ctl *c, const char *file,
    long long *max)
{
    size_t       i;
    const char  *mime = c->opts.type;

    *max = UPLOAD_MAX;

    for (i = 0; i < COUNT(kinds); i++) {
        if (mime != NULL ? strcmp(mime, kinds[i].mime) == 0
            : ends_with(file, kinds[i].end))
        {
            *max = kinds[i].max;
            return kinds[i].mime;
        }
    }

    if (mime == NULL) {
        ctl_fail(CTL_USAGE, "%s: its name does not say what it is; --type"
                 " MIME does", file);
    }

    if (strlen(mime) > MIME_MAX || strchr(mime, '/') == NULL
        || strpbrk(mime, " \r\n\"") != NULL)
    {
        ctl_fail(CTL_USAGE, "--type takes a MIME type: image/png");
    }

    return mime;
}


static void part_head(struct buf *b, const char *boundary, const char *name)
{
    buf_format(b, "--%s\r\nContent-Disposition: form-data; name=\"%s\"",
               boundary, name);
}


static void part_text(struct buf *b, const char *boundary, const char *name,
    const char *value)
{
    part_head(b, boundary, name);
    buf_format(b, "\r\n\r\n%s\r\n", value);
}


/* the file's own name says nothing to Meta, and may hold anything */
static void media_body(struct buf *b, const char *boundary, const char *mime,
    const struct buf *file)
{
    part_text(b, boundary, "messaging_product", "whatsapp");
    part_text(b, boundary, "type", mime);
    part_head(b, boundary, "file");
    buf_format(b, "; filename=\"file\"\r\nContent-Type: %s\r\n\r\n", mime);
    buf_add(b, file->at, file->len);
    buf_format(b, "\r\n--%s--\r\n", boundary);
}


static void media_boundary(char out[40])
{
    size_t         i;
    unsigned char  random[16];

    if (RAND_bytes(random, sizeof(random)) != 1) {
        abort();
    }

    for (i = 0; i < sizeof(random); i++) {
        snprintf(out + 2 * i, 3, "%02x", random[i]);
    }
}


static void media_read(const char *file, long long max, struct buf *b)
{
    char    part[64 * 1024];
    FILE   *in = fopen(file, "re");
    size_t  n;

    if (in == NULL) {
        ctl_fail(CTL_NOTHING, "%s cannot be read", file);
    }

    buf_init(b, (size_t) max);
    while ((n = fread(part, 1, sizeof(part), in)) > 0) {
        buf_add(b, part, n);
    }

    if (ferror(in)) {
        ctl_fail(CTL_NOTHING, "%s cannot be read", file);
    }
    fclose(in);

    if (b->over || b->len == 0) {
        ctl_fail(CTL_FINDING, "%s: %s", file, b->len == 0 && !b->over
                 ? "is empty" : "is larger than Meta takes of its type");
    }
}


static int media_send(struct ctl *c, const struct whose *w,
    struct str body, const char *type)
{
    int                code;
    struct buf         path;
    struct meta        m;
    struct graph_call  g = {
        .method = HTTP_POST, .product = PRODUCT_WHATSAPP, .body = body,
        .query = NONE, .type = type, .token = w->token,
        .host = graph_token_host(w->token), .total_ms = UPLOAD_MS,
        .app = c->conf->apps.n ? c->conf->apps.at : NULL
    };

    buf_init(&path, 256);
    buf_format(&path, "%s/media", w->account);
    g.path = (struct str) { path.at, path.len };

    meta_call(c, &g, &m);
    code = meta_judge(c, &m);
    if (code == CTL_GOOD) {
        meta_answer(c, &m, false);
    }

    meta_free(&m);
    buf_free(&path);

    return code;
}


/* run_media_upload prints the id to send it by */
int run_media_upload(struct ctl *c)
{
    int           code;
    char          boundary[40], type[80];
    long long     max;
    const char   *mime = media_kind(c, c->args[0], &max);
    struct buf    file, body;
    struct whose  w;

    whose_find(c, PRODUCT_WHATSAPP, &w);
    if (w.account == NULL) {
        ctl_fail(CTL_USAGE, "whose is it? --account ID of a number");
    }
    whose_token(c, &w);
    media_read(c->args[0], max, &file);

    if (c->opts.dry_run || c->conf->dry_run) {
        printf("not sent: POST %s/media, %zu bytes of %s\n", w.account,
               file.len, mime);
        buf_free(&file);
        return CTL_GOOD;
    }

    media_boundary(boundary);
    snprintf(type, sizeof(type), "multipart/form-data; boundary=%s",
             boundary);
    buf_init(&body, file.len + 4096);
    media_body(&body, boundary, mime, &file);
    buf_free(&file);

    code = media_send(c, &w, (struct str) { body.at, body.len }, type);
    buf_free(&body);

    return code;
}


static void media_path(struct ctl *c, struct calling *call, const char *row)
{
    bool  several;

    call->row = calls_name(row, PRODUCT_WHATSAPP, &several);
    call->method = call->row->method;
    call->path = STR(c->args[0]);
    call->params = NONE;

    if (!str_digits(call->path)) {
        ctl_fail(CTL_USAGE, "\"%s\" is no id of media", c->args[0]);
    }

    whose_find(c, PRODUCT_WHATSAPP, &call->whose);
    whose_token(c, &call->whose);
}


/* run_media_delete deletes it at Meta */
int run_media_delete(struct ctl *c)
{
    struct calling  call;

    media_path(c, &call, "media.delete");

    return call_make(c, &call);
}


struct got {
    bool           done;
    enum fetch_rc  rc;
    size_t         bytes;
    char           why[256];
};


static void on_got(void *data, const struct fetch_answer *a)
{
    struct got  *got = data;

    got->done = true;
    got->rc = a->rc;
    got->bytes = a->bytes;
    snprintf(got->why, sizeof(got->why), "%s",
             a->why != NULL ? a->why : "");
}


static void got_say(struct ctl *c, const struct got *got)
{
    struct jw  j;

    if (!c->opts.json) {
        printf("%s: %zu bytes\n", c->args[1], got->bytes);
        return;
    }

    jw_init(&j);
    jw_open(&j, NULL, '{');
    jw_int(&j, "v", 1);
    jw_bool(&j, "ok", true);
    jw_text(&j, "file", c->args[1]);
    jw_int(&j, "bytes", (long long) got->bytes);
    jw_close(&j, '}');
    jw_print(&j);
}


/* run_media_get: whole, with the right SHA-256, or not at all */
int run_media_get(struct ctl *c)
{
    int                 code;
    struct got          got = { .done = false };
    struct meta         m;
    struct calling      call;
    struct fetch_order  order;

    media_path(c, &call, "media.show");
    if (access(c->args[1], F_OK) == 0) {
        ctl_fail(CTL_USAGE, "%s is there already", c->args[1]);
    }

    /* Meta's no is said here, as of any call */
    code = call_read(c, &call, &m);
    meta_free(&m);
    if (code != CTL_GOOD) {
        return code;
    }

    order = (struct fetch_order) {
        .token = call.whose.token,
        .app = c->conf->apps.n ? c->conf->apps.at : NULL, .number = NONE,
        .id = call.path, .url = NONE, .sha256 = NONE, .path = c->args[1],
        .max = UPLOAD_MAX
    };
    fetch_start(meta_graph(c), c->conf, &order, on_got, &got);
    meta_run(c, &got.done);

    if (got.rc != FETCH_SAVED) {
        ctl_fail(CTL_FINDING, "media %s: %s", c->args[0], got.why);
    }
    got_say(c, &got);

    return CTL_GOOD;
}
