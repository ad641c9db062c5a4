/* The log: one line an event on standard error, never a secret or a text. */

#include "log.h"
#include "mac.h"
#include "stats.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <openssl/rand.h>


#define LOG_WAMID_TAIL 24
#define LOG_TIME_MAX   32

static enum log_level   log_threshold = LOG_INFO;
static enum log_format  log_form = LOG_TEXT;
static struct mac       log_mac;        /* of people */
static bool             log_keyed;


/* log_level sets which lines are written */
void log_level(enum log_level level)
{
    log_threshold = level;
}


/* log_wants says whether a line of that level is written */
bool log_wants(enum log_level level)
{
    return level <= log_threshold;
}


/* log_format sets how lines are written */
void log_format(enum log_format format)
{
    log_form = format;
}


/* log_key sets the key of log_person: derived from key, or random */
void log_key(const char *key, size_t len)
{
    struct mac                  mac;
    unsigned char               secret[MAC_LEN];
    static const unsigned char  label[] = "meta-consumer log";
    static bool                 random;

    if (len == 0 && random) {
        return;             /* the same after a reload */
    }

    random = len == 0;
    RAND_bytes(secret, sizeof(secret));

    if (len) {
        mac_key(&mac, key, len);
        mac_run(&mac, label, sizeof(label) - 1, secret);
        OPENSSL_cleanse(&mac, sizeof(mac));
    }

    mac_key(&log_mac, secret, sizeof(secret));
    log_keyed = true;
    OPENSSL_cleanse(secret, sizeof(secret));
}


static void log_time(char out[LOG_TIME_MAX])
{
    struct tm        tm;
    struct timespec  now;
    static char      text[LOG_TIME_MAX];    /* of that second */
    static time_t    second = -1;
    static size_t    n;

    clock_gettime(CLOCK_REALTIME, &now);

    if (now.tv_sec != second) {
        second = now.tv_sec;
        gmtime_r(&second, &tm);
        n = strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
    }

    memcpy(out, text, n);
    snprintf(out + n, LOG_TIME_MAX - n, ".%03ldZ", now.tv_nsec / 1000000);
}


/* in the one form or the other; one write, so that lines stay whole */
static void log_line(enum log_level level, const char *text, size_t len)
{
    static const char *const  names[] = { "error", "warn", "info", "debug" };
    char                      time[LOG_TIME_MAX], line[LOG_JSON_MAX];
    size_t                    n;
    ssize_t                   written;

    log_time(time);

    if (log_form == LOG_JSON) {
        n = log_json(line, time, names[level], text, len);
    } else {
        n = snprintf(line, sizeof(line), "%s [%s] %.*s", time, names[level],
                     (int) len, text);
    }

    line[n++] = '\n';
    written = write(STDERR_FILENO, line, n);
    (void) written;     /* there is nobody left to tell */

    stat_add(STAT_LOG_ERROR + level, 1);
}


/* log_write writes one line; what is over 4 KB is cut */
void log_write(enum log_level level, const char *format, ...)
{
    char     text[LOG_LINE_MAX - 64];
    int      i, n;
    va_list  args;

    if (level > log_threshold) {
        return;
    }

    va_start(args, format);
    n = vsnprintf(text, sizeof(text), format, args);
    va_end(args);

    if (n < 0) {
        return;
    }

    if (n >= (int) sizeof(text)) {
        n = sizeof(text) - 1;
    }

    for (i = 0; i < n; i++) {
        if ((unsigned char) text[i] < ' ' || text[i] == 0x7f) {
            text[i] = '?';      /* one line stays one */
        }
    }

    log_line(level, text, n);
}


static bool log_harmless(char c)
{
    return c > ' ' && c <= '~' && c != '"';
}


/* log_clean appends what is harmless of a value */
void log_clean(struct buf *b, struct str value)
{
    size_t  i, n, len = value.len < LOG_VALUE_MAX ? value.len : LOG_VALUE_MAX;

    for (i = 0; i < len; i += n) {
        for (n = 0; i + n < len && log_harmless(value.at[i + n]); n++) {
            /* the longest run */
        }

        buf_add(b, value.at + i, n);
        if (i + n < len) {
            buf_add(b, "?", 1);
            n++;
        }
    }

    if (value.len == 0) {
        buf_add(b, "-", 1);
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
    size_t             i;
    unsigned char      mac[MAC_LEN];
    static const char  hex[] = "0123456789abcdef";

    if (!log_keyed) {
        log_key(NULL, 0);
    }

    if (person.len == 0) {
        memcpy(out, "-", 2);
        return out;
    }

    mac_run(&log_mac, person.at, person.len, mac);
    out[0] = '#';
    for (i = 0; i < 4; i++) {
        out[1 + 2 * i] = hex[mac[i] >> 4];
        out[2 + 2 * i] = hex[mac[i] & 15];
    }
    out[9] = '\0';

    return out;
}
