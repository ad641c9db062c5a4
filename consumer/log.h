/* The log: one line an event on standard error, never a secret or a text. */

#ifndef LOG_H
#define LOG_H

#include "mem.h"


enum log_level {
    LOG_ERROR,      /* somebody must do something */
    LOG_WARN,       /* it goes on by itself, but look at it by day */
    LOG_INFO,       /* what happened, one line an event */
    LOG_DEBUG       /* each call and each script */
};

enum log_format {
    LOG_TEXT,
    LOG_JSON        /* one object a line, the same keys */
};

#define LOG_VALUE_MAX   128     /* of a value that is made harmless */
#define LOG_PERSON_MAX  10      /* "#", 8 hex digits, zero */


void log_level(enum log_level level);
bool log_wants(enum log_level level);
void log_format(enum log_format format);

/* log_key sets the key of log_person, len bytes; len 0: a random one */
void log_key(const char *key, size_t len);

void log_write(enum log_level level, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void log_text(enum log_level level, struct str line);

/* log_hold: lines may wait for log_flush, which comes before each write to
   Redis and at the end of a turn of the loop; never those of a warning or an
   error, nor what stands before them */
void log_hold(bool holds);
void log_flush(void);

/* log_clean appends what came from outside, made harmless: plain ASCII, cut at
   LOG_VALUE_MAX; log_value does so behind " name=" */
void log_clean(struct buf *b, struct str value);
void log_value(struct buf *b, const char *name, struct str value);

/* log_id does so for an event's id: a wamid holds its user's phone number in
   base64, so only its last 24 characters are shown, at most half of it, and
   of what stands behind it the status, not the recipient */
void log_id(struct buf *b, struct str id);

/* log_person writes a person as a short keyed hash; "-" for nobody */
const char *log_person(char out[LOG_PERSON_MAX], struct str person);


/* log_json (log_json.c): the line's text as an object, "message" is what stands
   before its first key=value; how many bytes of out, which has LOG_JSON_MAX */
#define LOG_LINE_MAX  4096
#define LOG_JSON_MAX  (3 * LOG_LINE_MAX)
size_t log_json(char *out, const char *time, const char *level,
    const char *text, size_t len);


#endif /* LOG_H */
