/* The log: one line an event on standard error, never a secret or a text. */

#include "log.h"

#include <stdarg.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>


#define LOG_LINE_MAX   4096
#define LOG_WAMID_TAIL 24

static enum log_level  log_threshold = LOG_INFO;
static unsigned char   log_secret[32];


/* log_level sets which lines are written */
void log_level(enum log_level level)
{
    log_threshold = level;
}


/* log_key sets the key of log_person: derived from key, or random */
void log_key(const char *key, size_t len)
{
    static const unsigned char  label[] = "meta-consumer log";
    unsigned int                n = sizeof(log_secret);
    static bool                 random;

    if (len == 0 && random) {
        return;             /* the same after a reload */
    }

    random = len == 0;

    if (len == 0
        || HMAC(EVP_sha256(), key, (int) len, label, sizeof(label) - 1,
                log_secret, &n)
           == NULL)
    {
        RAND_bytes(log_secret, sizeof(log_secret));
    }
}


static int log_head(char *out, size_t size, enum log_level level)
{
    static const char *const  names[] = { "error", "warn", "info", "debug" };
    struct timespec           now;
    struct tm                 tm;
    size_t                    n;

    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &tm);
    n = strftime(out, size, "%Y-%m-%dT%H:%M:%S", &tm);

    return (int) n + snprintf(out + n, size - n, ".%03ldZ [%s] ",
                              now.tv_nsec / 1000000, names[level]);
}


/* log_write writes one line; what is over 4 KB is cut */
void log_write(enum log_level level, const char *format, ...)
{
    char     line[LOG_LINE_MAX];
    int      head, i, n;
    va_list  args;
    ssize_t  written;

    if (level > log_threshold) {
        return;
    }

    head = log_head(line, sizeof(line), level);

    va_start(args, format);
    n = vsnprintf(line + head, sizeof(line) - head - 1, format, args);
    va_end(args);

    if (n < 0) {
        return;
    }

    n += head;
    if (n > LOG_LINE_MAX - 2) {
        n = LOG_LINE_MAX - 2;
    }

    for (i = head; i < n; i++) {
        if ((unsigned char) line[i] < ' ' || line[i] == 0x7f) {
            line[i] = '?';      /* one line stays one */
        }
    }

    line[n++] = '\n';
    written = write(STDERR_FILENO, line, n);
    (void) written;     /* there is nobody left to tell */
}


/* log_clean appends what is harmless of a value */
void log_clean(struct buf *b, struct str value)
{
    char    c;
    size_t  i;

    for (i = 0; i < value.len && i < LOG_VALUE_MAX; i++) {
        c = value.at[i];
        if (c <= ' ' || c > '~' || c == '"') {
            c = '?';
        }
        buf_add(b, &c, 1);
    }

    if (value.len == 0) {
        buf_text(b, "-");
    }
}


/* log_value appends " name=value"; what is no plain ASCII becomes "?" */
void log_value(struct buf *b, const char *name, struct str value)
{
    buf_text(b, " ");
    buf_text(b, name);
    buf_text(b, "=");
    log_clean(b, value);
}


/* "read" of "wamid....:read:27820000001": a status, and to whom */
static struct str log_status(struct str rest)
{
    size_t  n = 0;

    while (n < rest.len && ((rest.at[n] >= 'a' && rest.at[n] <= 'z')
                            || rest.at[n] == '_'))
    {
        n++;
    }

    return n == rest.len || rest.at[n] == ':' ? (struct str) { rest.at, n }
           : NONE;
}


/* log_id appends an event's id without the phone number that a wamid holds */
void log_id(struct buf *b, struct str id)
{
    static const char  wamid[] = "wamid.";
    size_t             tail, n = sizeof(wamid) - 1;
    const char        *end;
    struct str         status = NONE;

    if (id.len < n || memcmp(id.at, wamid, n) != 0) {
        log_value(b, "id", id);
        return;
    }

    id.at += n;
    id.len -= n;

    end = memchr(id.at, ':', id.len);
    if (end != NULL) {
        n = end - id.at;
        status = log_status((struct str) { end + 1, id.len - n - 1 });
        id.len = n;
    }

    tail = id.len / 2 < LOG_WAMID_TAIL ? id.len / 2 : LOG_WAMID_TAIL;
    log_value(b, "id", STR("wamid.*"));
    if (tail) {
        log_clean(b, (struct str) { id.at + id.len - tail, tail });
    }

    if (status.len) {
        buf_text(b, ":");
        log_clean(b, status);
    }
}


/* log_person writes the first 4 bytes of the HMAC of who it is */
const char *log_person(char out[LOG_PERSON_MAX], struct str person)
{
    unsigned char  mac[EVP_MAX_MD_SIZE];
    unsigned int   n = sizeof(mac);

    if (person.len == 0
        || HMAC(EVP_sha256(), log_secret, sizeof(log_secret),
                (const unsigned char *) person.at, person.len, mac, &n)
           == NULL)
    {
        memcpy(out, "-", 2);
        return out;
    }

    snprintf(out, LOG_PERSON_MAX, "#%02x%02x%02x%02x",
             mac[0], mac[1], mac[2], mac[3]);

    return out;
}
