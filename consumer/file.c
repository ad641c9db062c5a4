/* Files of this machine that are to be sent: which may be, and what they are
   (meta-webhooks-and-messaging.md 7.1, 8, 9). */

#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>


#define KB         1024ll
#define MB         (1024 * KB)
#define HEAD_MAX   32

#define COUNT(table)  (sizeof(table) / sizeof((table)[0]))

enum {
    AS_IMAGE = 1 << CONTENT_IMAGE,
    AS_VIDEO = 1 << CONTENT_VIDEO,
    AS_AUDIO = 1 << CONTENT_AUDIO,
    AS_STICKER = 1 << CONTENT_STICKER
};


/* names that end so, where magic stands in such a file, and as what each
   channel takes them beside a document.  WhatsApp's list for sound is not in
   the reference, so all kinds are tried there */
static const struct type {
    const char  *end;
    const char  *mime;
    size_t       at;
    const char  *magic;
    unsigned     whatsapp;
    unsigned     others;
} types[] = {
    { "jpg", "image/jpeg", 0, "\xff\xd8\xff", AS_IMAGE, AS_IMAGE },
    { "jpeg", "image/jpeg", 0, "\xff\xd8\xff", AS_IMAGE, AS_IMAGE },
    { "png", "image/png", 0, "\x89PNG", AS_IMAGE, AS_IMAGE },
    { "gif", "image/gif", 0, "GIF8", 0, AS_IMAGE },
    { "webp", "image/webp", 8, "WEBP", AS_STICKER, 0 },
    { "mp4", "video/mp4", 4, "ftyp", AS_VIDEO | AS_AUDIO,
      AS_VIDEO | AS_AUDIO },
    { "3gp", "video/3gpp", 4, "ftyp", AS_VIDEO, 0 },
    { "mov", "video/quicktime", 4, "ftyp", 0, AS_VIDEO },
    { "avi", "video/x-msvideo", 8, "AVI ", 0, AS_VIDEO },
    { "webm", "video/webm", 0, "\x1a\x45\xdf\xa3", 0, AS_VIDEO },
    { "ogg", "audio/ogg", 0, "OggS", AS_AUDIO, AS_VIDEO },
    { "opus", "audio/ogg", 0, "OggS", AS_AUDIO, 0 },
    { "aac", "audio/aac", 0, "", AS_AUDIO, AS_AUDIO },
    { "m4a", "audio/mp4", 4, "ftyp", AS_AUDIO, AS_AUDIO },
    { "mp3", "audio/mpeg", 0, "", AS_AUDIO, AS_AUDIO },
    { "amr", "audio/amr", 0, "#!AMR", AS_AUDIO, 0 },
    { "wav", "audio/wav", 8, "WAVE", 0, AS_AUDIO },
    { "pdf", "application/pdf", 0, "%PDF", 0, 0 },
    { "txt", "text/plain", 0, "", 0, 0 },
    { "csv", "text/csv", 0, "", 0, 0 },
    { "doc", "application/msword", 0, "", 0, 0 },
    { "docx", "application/vnd.openxmlformats-officedocument"
      ".wordprocessingml.document", 0, "PK", 0, 0 },
    { "xls", "application/vnd.ms-excel", 0, "", 0, 0 },
    { "xlsx", "application/vnd.openxmlformats-officedocument"
      ".spreadsheetml.sheet", 0, "PK", 0, 0 },
    { "ppt", "application/vnd.ms-powerpoint", 0, "", 0, 0 },
    { "pptx", "application/vnd.openxmlformats-officedocument"
      ".presentationml.presentation", 0, "PK", 0, 0 },
    { "zip", "application/zip", 0, "PK", 0, 0 }
};

static const struct type  anything = {
    "", "application/octet-stream", 0, "", 0, 0
};


static const struct type *type_of(const char *name)
{
    size_t       i;
    const char  *dot = strrchr(name, '.');

    for (i = 0; i < COUNT(types) && dot != NULL; i++) {
        if (strcasecmp(dot + 1, types[i].end) == 0) {
            return &types[i];
        }
    }

    return &anything;
}


/* an animated sticker may have more (7.1): the second bit of the flags of
   its first chunk says so */
static bool is_animated(const char *head, size_t n)
{
    return n > 20 && memcmp(head + 12, "VP8X", 4) == 0 && head[20] & 2;
}


static long long size_max(enum product product, enum content content,
    bool animated)
{
    static const long long  whatsapp[CONTENTS] = {
        [CONTENT_IMAGE] = 5 * MB, [CONTENT_VIDEO] = 16 * MB,
        [CONTENT_AUDIO] = 16 * MB, [CONTENT_DOCUMENT] = 100 * MB,
        [CONTENT_STICKER] = 100 * KB
    };

    if (product == PRODUCT_WHATSAPP) {
        return animated ? 500 * KB : whatsapp[content];
    }

    return product == PRODUCT_INSTAGRAM && content == CONTENT_IMAGE
           ? 8 * MB : 25 * MB;
}


static int size_check(const struct file *file, long long max,
    const char *path, struct fault *f)
{
    char  limit[32], value[32];

    if (file->size > 0 && file->size <= max) {
        return 0;
    }

    snprintf(limit, sizeof(limit), "%lld bytes", max);
    snprintf(value, sizeof(value), "%lld bytes", file->size);

    return fault_set(f, path, limit, STR(value), file->size ? "the file has"
                     " %s; there may be %s at most" : "the file is empty",
                     value, limit);
}


/* what it says it is, it is, and may be sent as that */
static int type_check(struct file *file, const struct check_of *c,
    enum product product, const char *path, struct fault *f)
{
    char                head[HEAD_MAX];
    bool                voice;
    ssize_t             n;
    unsigned            as;
    const struct type  *t = type_of(file->name);
    enum content        content = c->action->content;

    n = pread(file->fd, head, sizeof(head), 0);
    n = n < 0 ? 0 : n;
    file->mime = t->mime;
    as = product == PRODUCT_WHATSAPP ? t->whatsapp : t->others;

    if (content != CONTENT_DOCUMENT && !(as & 1u << content)) {
        return fault_set(f, path, NULL, STR(t->mime), "%s takes no file of"
                         " type %s as %s", product_name(product), t->mime,
                         content_name(content));
    }

    if (t->at + strlen(t->magic) > (size_t) n
        || memcmp(head + t->at, t->magic, strlen(t->magic)) != 0)
    {
        return fault_set(f, path, t->mime, NONE, "is named as if it were %s,"
                         " and holds something else", t->mime);
    }

    voice = json_is(json_get(c->content, "voice"), JSON_TRUE);
    if (voice && strcmp(t->mime, "audio/ogg") != 0) {
        return fault_set(f, path, "audio/ogg", STR(t->mime), "a voice"
                         " message is ogg with opus");
    }

    return size_check(file, size_max(product, content, content
                      == CONTENT_STICKER && is_animated(head, (size_t) n)),
                      path, f);
}


static bool real_in(const char *real, const char *dir)
{
    char   *whole = realpath(dir, NULL);
    bool    in;
    size_t  len = whole != NULL ? strlen(whole) : 0;

    in = len > 1 && strncmp(real, whole, len) == 0 && real[len] == '/';
    free(whole);

    return in;
}


/* where the open file really lies, whatever links led there */
static bool lies_in(int fd, const char *dir)
{
    char    link[64], real[4096];
    ssize_t n;

    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    n = readlink(link, real, sizeof(real) - 1);
    if (n < 0) {
        return false;
    }
    real[n] = '\0';

    return real_in(real, dir);
}


/* what lies elsewhere is not even opened, and nobody learns whether it is
   there */
static bool path_in(const char *path, const char *dir)
{
    char  *real = realpath(path, NULL);
    bool   in = real != NULL && real_in(real, dir);

    free(real);

    return in;
}


static int file_check(struct file *file, const struct check_of *c,
    enum product product, const char *dir, const char *path, struct fault *f)
{
    struct stat  st;

    if (fstat(file->fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        return fault_set(f, path, NULL, STR(c->action->file), "is no regular"
                         " file");
    }

    if (dir != NULL && !lies_in(file->fd, dir)) {
        return fault_set(f, path, dir, STR(c->action->file), "does not lie"
                         " in outbox.files_dir");
    }

    file->size = st.st_size;
    file->name = strrchr(c->action->file, '/') + 1;

    return type_check(file, c, product, path, f);
}


/* file_open opens it without waiting, for it may turn out to be a pipe */
int file_open(struct file *file, const struct check_of *c,
    enum product product, const char *dir, struct fault *f)
{
    char  path[SCHEMA_PATH_MAX], part[SCHEMA_PATH_MAX];

    schema_join(part, c->path, STR(content_name(c->action->content)));
    schema_join(path, part, STR("file"));

    if (dir != NULL && !path_in(c->action->file, dir)) {
        return fault_set(f, path, dir, STR(c->action->file), "does not lie"
                         " in outbox.files_dir, or is not there");
    }

    file->fd = open(c->action->file, O_RDONLY | O_NONBLOCK | O_CLOEXEC
                                     | O_NOCTTY);
    if (file->fd < 0) {
        return fault_set(f, path, NULL, STR(c->action->file),
                         "cannot be opened: %s", strerror(errno));
    }

    if (file_check(file, c, product, dir, path, f) != 0) {
        close(file->fd);
        file->fd = -1;
        return -1;
    }

    return 0;
}


/* check_file asks whether it may be named, and looks at it */
int check_file(const struct check_of *c, enum product product,
    const struct conf *conf, struct fault *f)
{
    char         path[SCHEMA_PATH_MAX], part[SCHEMA_PATH_MAX];
    struct file  file;

    schema_join(part, c->path, STR(content_name(c->action->content)));
    schema_join(path, part, STR("file"));

    if (c->place->from == FROM_RULE) {
        return strstr(c->action->file, "{{") == NULL ? 0
               : fault_set(f, path, NULL, STR(c->action->file), "is a path as"
                           " it stands there: no value is filled in");
    }

    if (conf->files_dir == NULL) {
        return fault_set(f, path, NULL, STR(c->action->file), "a handler or a"
                         " job may name no file: outbox.files_dir is not"
                         " set");
    }

    if (file_open(&file, c, product, conf->files_dir, f) != 0) {
        return -1;
    }

    close(file.fd);

    return 0;
}
