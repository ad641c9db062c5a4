/* What is known of people and messages, as know.lua answers it. */

#include "know.h"

#include <stdlib.h>


/* Meta's word that a window is closed counts for so long where we have seen no
   message of the person: perhaps their messages go elsewhere */
#define CLOSED_MS  3600000

/* what know.lua answers for a person, and for a status */
enum {
    PERSON_USER,
    PERSON_PHONE,
    PERSON_BSUID,
    PERSON_NAME,
    PERSON_UNTIL,
    PERSON_CLOSED,
    PERSON_STOP,
    PERSON_AUTOS,
    PERSON_WABA,
    PERSON_CATEGORY,
    PERSON_FIELDS,
    PERSON_PARTS
};

enum {
    STATUS_STATE,
    STATUS_BY,
    STATUS_USER,
    STATUS_PHONE,
    STATUS_TEMPLATE,
    STATUS_NAME,
    STATUS_PARTS
};


/* known_has_tag looks for a whole word */
bool known_has_tag(const struct known *known, struct str tag)
{
    size_t       n;
    const char  *at = known->tags.at, *end = at + known->tags.len, *blank;

    while (at < end) {
        blank = memchr(at, ' ', end - at);
        n = blank != NULL ? (size_t) (blank - at) : (size_t) (end - at);
        if (n > 0 && str_equal((struct str) { at, n }, tag)) {
            return true;
        }
        at += n + 1;
    }

    return false;
}


/* known_clear forgets all */
void known_clear(struct known *known)
{
    free(known->own);
    *known = (struct known) { .asked = 0 };
}


/* known_window: a message after Meta's word opens it again; times of messages
   are whole seconds on WhatsApp, cut */
enum window known_window(long long until, long long closed, long long now)
{
    if (until == 0) {
        return closed > now - CLOSED_MS ? WINDOW_CLOSED : WINDOW_UNKNOWN;
    }

    return until > now && closed < until - KNOW_WINDOW_MS + 1000 ? WINDOW_OPEN
           : WINDOW_CLOSED;
}


static long long number(struct str s)
{
    char    text[24];
    size_t  n = s.len < sizeof(text) - 1 ? s.len : sizeof(text) - 1;

    memcpy(text, s.at, n);
    text[n] = '\0';

    return strtoll(text, NULL, 10);
}


static bool begins(struct str s, const char *with)
{
    size_t  n = strlen(with);

    return s.len >= n && memcmp(s.at, with, n) == 0;
}


/* the slices are to be had as soon as all of them are there */
struct place {
    struct str  *to;
    size_t       at;
};


static void place_add(struct buf *b, struct place *p, struct str *to,
    struct str s)
{
    p->to = to;
    p->at = b->len;
    buf_str(b, s);
    to->len = s.len;
}


static void place_all(struct known *known, struct buf *b,
    const struct place *places, size_t n)
{
    size_t  i;

    buf_add(b, "", 1);
    known->own = b->at;
    for (i = 0; i < n; i++) {
        places[i].to->at = known->own + places[i].at;
    }
}


/* what others said of the conversation: field, value, field... */
static void person_fields(struct known *known, const struct reply *fields,
    struct buf *tags)
{
    size_t      i;
    struct str  name, value;

    for (i = 0; i + 1 < reply_count(fields); i += 2) {
        name = reply_str(reply_at(fields, i));
        value = reply_str(reply_at(fields, i + 1));

        if (str_is(name, "pause")) {
            known->pause = number(value);

        } else if (str_is(name, "stop")) {
            known->stop = number(value);

        } else if (begins(name, "tag:")) {
            buf_text(tags, tags->len ? " " : "");
            buf_add(tags, name.at + 4, name.len - 4);
        }
    }
}


/* known_person takes over what is known; a time that is over is none */
bool known_person(struct known *known, const struct reply *answer,
    long long now)
{
    size_t        i, n = 0;
    long long     stop;
    struct buf    b, tags;
    struct place  places[7];
    struct { int part; struct str *to; } slices[] = {
        { PERSON_USER, &known->user }, { PERSON_PHONE, &known->phone },
        { PERSON_BSUID, &known->bsuid }, { PERSON_NAME, &known->name },
        { PERSON_WABA, &known->waba }, { PERSON_CATEGORY, &known->category }
    };

    known_clear(known);
    if (reply_count(answer) != PERSON_PARTS) {
        return false;
    }

    buf_init(&tags, 64 * 1024);
    person_fields(known, reply_at(answer, PERSON_FIELDS), &tags);
    known->pause = known->pause > now ? known->pause : 0;
    known->stop = known->stop > now ? known->stop : 0;

    buf_init(&b, (size_t) -1);
    for (i = 0; i < sizeof(slices) / sizeof(slices[0]); i++) {
        place_add(&b, &places[n++], slices[i].to,
                  reply_str(reply_at(answer, slices[i].part)));
    }
    place_add(&b, &places[n++], &known->tags,
              (struct str) { tags.len ? tags.at : "", tags.len });
    place_all(known, &b, places, n);
    buf_free(&tags);

    stop = number(reply_str(reply_at(answer, PERSON_STOP)));
    known->optout = stop > 0 ? stop : 0;
    known->autos = (size_t) reply_int(reply_at(answer, PERSON_AUTOS));
    known->until = number(reply_str(reply_at(answer, PERSON_UNTIL)));
    known->window = known_window(known->until,
                                 number(reply_str(reply_at(answer,
                                                           PERSON_CLOSED))),
                                 now);

    return true;
}


/* known_status takes over what is known of a status and its message */
bool known_status(struct known *known, const struct reply *answer)
{
    size_t        i, n = 0;
    struct buf    b;
    struct place  places[STATUS_PARTS];
    struct str   *to[STATUS_PARTS] = {
        [STATUS_STATE] = &known->state, [STATUS_BY] = &known->by,
        [STATUS_USER] = &known->user, [STATUS_PHONE] = &known->phone,
        [STATUS_TEMPLATE] = &known->template, [STATUS_NAME] = &known->name
    };

    known_clear(known);
    if (reply_count(answer) != STATUS_PARTS) {
        return false;
    }

    buf_init(&b, (size_t) -1);
    for (i = 0; i < STATUS_PARTS; i++) {
        place_add(&b, &places[n++], to[i], reply_str(reply_at(answer, i)));
    }
    place_all(known, &b, places, n);

    return true;
}
