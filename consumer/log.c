/* The log: one line an event on standard error, never a secret or a text. */

#include "log.h"
#include "sip.h"
#include "stats.h"

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>


#define LOG_WAMID_TAIL 24
#define LOG_TIME_MAX   32
#define LOG_ROOM       (LOG_JSON_MAX + 64)

static enum log_level   log_threshold = LOG_INFO;
static enum log_format  log_form = LOG_TEXT;
static unsigned char    log_sip[SIP_KEY_LEN];       /* of people */
static bool             log_keyed;
static char             log_held[PIPE_BUF + LOG_ROOM];
static size_t           log_nheld;
static bool             log_holds;


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
    unsigned int                n = EVP_MAX_MD_SIZE;
    unsigned char               secret[EVP_MAX_MD_SIZE];
    static const unsigned char  label[] = "meta-consumer log";
    static bool                 random;

    if (len == 0 && random) {
        return;             /* the same after a reload */
    }

    random = len == 0;
    RAND_bytes(secret, sizeof(secret));

    if (len) {
        HMAC(EVP_sha256(), key, (int) len, label, sizeof(label) - 1, secret,
             &n);
    }

    memcpy(log_sip, secret, SIP_KEY_LEN);
    log_keyed = true;
    OPENSSL_cleanse(secret, sizeof(secret));
}


/* log_flush writes what is held */
void log_flush(void)
{
    ssize_t  written;

    if (log_nheld) {
        written = write(STDERR_FILENO, log_held, log_nheld);
        (void) written;     /* there is nobody left to tell */
        log_nheld = 0;
    }
}


/* log_hold lets lines wait, or no more */
void log_hold(bool holds)
{
    log_holds = holds;
    log_flush();
}


static size_t log_time(char out[LOG_TIME_MAX])
{
    unsigned         ms;
    struct tm        tm;
    struct timespec  now;
    static char      text[LOG_TIME_MAX];    /* of that second */
    static time_t    second = -1;
    static size_t    n;

    clock_gettime(CLOCK_REALTIME, &now);

    if (now.tv_sec != second) {
        second = now.tv_sec;
        gmtime_r(&second, &tm);
        n = strftime(text, sizeof(text) - 5, "%Y-%m-%dT%H:%M:%S.", &tm);
    }

    ms = (unsigned) (now.tv_nsec / 1000000);
    text[n] = (char) ('0' + ms / 100);
    text[n + 1] = (char) ('0' + ms / 10 % 10);
    text[n + 2] = (char) ('0' + ms % 10);
    text[n + 3] = 'Z';
    text[n + 4] = '\0';
    memcpy(out, text, n + 5);

    return n + 4;
}


static size_t log_words(char *out, const char *time, size_t ntime,
    const char *level, const char *text, size_t len)
{
    char  *at = out;

    at = (char *) memcpy(at, time, ntime) + ntime;
    *at++ = ' ';
    *at++ = '[';
    at = stpcpy(at, level);
    *at++ = ']';
    *at++ = ' ';
    at = (char *) memcpy(at, text, len) + len;

    return (size_t) (at - out);
}


/* in the one form or the other, behind what is held */
static void log_line(enum log_level level, const char *text, size_t len)
{
    static const char *const  names[] = { "error", "warn", "info", "debug" };
    char                      time[LOG_TIME_MAX], *at;
    size_t                    n, ntime = log_time(time), had = log_nheld;

    at = log_held + had;
    n = log_form == LOG_JSON ? log_json(at, time, names[level], text, len)
        : log_words(at, time, ntime, names[level], text, len);
    at[n++] = '\n';

    if (had + n > PIPE_BUF) {   /* a longer write may not stay whole */
        log_flush();
        memmove(log_held, at, n);
    }
    log_nheld += n;

    if (!log_holds || level <= LOG_WARN || log_nheld > PIPE_BUF) {
        log_flush();
    }

    stat_add(STAT_LOG_ERROR + level, 1);
}


/* log_text writes one line of harmless values; what is over 4 KB is cut */
void log_text(enum log_level level, struct str line)
{
    if (level <= log_threshold) {
        log_line(level, line.at, line.len < LOG_LINE_MAX - 64 ? line.len
                 : LOG_LINE_MAX - 65);
    }
}


/* log_write formats one and writes it */
void log_write(enum log_level level, const char *format, ...)
{
    char     text[LOG_LINE_MAX];
    int      i, n;
    va_list  args;

    if (level > log_threshold) {
        return;
    }

    va_start(args, format);
    n = vsnprintf(text, sizeof(text), format, args);
    va_end(args);

    if (n >= (int) sizeof(text)) {
        n = sizeof(text) - 1;
    }

    for (i = 0; i < n; i++) {
        if ((unsigned char) text[i] < ' ' || text[i] == 0x7f) {
            text[i] = '?';      /* one line stays one */
        }
    }

    if (n >= 0) {
        log_text(level, (struct str) { text, n });
    }
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


/* log_person writes 32 bits of a keyed hash of who it is */
const char *log_person(char out[LOG_PERSON_MAX], struct str person)
{
    int                i;
    uint64_t           hash;
    static const char  hex[] = "0123456789abcdef";

    if (!log_keyed) {
        log_key(NULL, 0);
    }

    if (person.len == 0) {
        memcpy(out, "-", 2);
        return out;
    }

    /* a job may write "+27...", and events never do */
    if (person.at[0] == '+') {
        person.at++;
        person.len--;
    }

    hash = sip_hash(log_sip, person);
    out[0] = '#';
    for (i = 1; i < LOG_PERSON_MAX - 1; i++) {
        out[i] = hex[hash & 15];
        hash >>= 4;
    }
    out[i] = '\0';

    return out;
}
