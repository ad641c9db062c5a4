/* What is said of where Redis is and that it is away, and how long until the
   next try. */

#include "redis_own.h"
#include "log.h"

#include <stdio.h>


#define REDIS_AGAIN_MS    60000     /* between reasons of one outage */
#define REDIS_UNASKED_MS  300000    /* refused once, and not heard of since */


/* redis_where writes where it is */
void redis_where(struct buf *b, const struct redis_target *t)
{
    if (t->path != NULL) {
        buf_format(b, "unix:%s", t->path);
        return;
    }

    buf_text(b, t->tls ? "rediss://" : "");
    buf_format(b, strchr(t->host, ':') != NULL ? "[%s]:%u" : "%s:%u", t->host,
               t->port);
}


static bool is_refusal(const char *why)
{
    return strncmp(why, "refused", 7) == 0;
}


/* each outage is said once, and other reasons of it not too often; but at once
   that it is not away, and refuses */
static void redis_say(struct redis *r, const char *why)
{
    bool      warn;
    uint64_t  now = uv_now(r->loop);

    warn = !r->said || (is_refusal(why) && !is_refusal(r->said_why))
           || (now - r->said_at >= REDIS_AGAIN_MS
               && strcmp(r->said_why, why) != 0);

    log_write(warn && !r->quiet ? LOG_WARN : LOG_DEBUG,
              "redis %s: %s; trying again", r->name, why);

    r->said = true;
    if (warn) {
        r->said_at = now;
        snprintf(r->said_why, sizeof(r->said_why), "%s", why);
    }
}


/* redis_heard: a reply that is no refusal ends an outage; a replica answers who
   only reads, so there it takes a while without a refusal; and what was refused
   has to be taken, unless it is asked no more */
void redis_heard(struct redis *r, const struct reply *reply)
{
    uint64_t  since = uv_now(r->loop) - r->up_since;

    if (r->said && r->up && reply_type(reply) != REPLY_ERROR
        && !(r->replica && since < REDIS_STEADY_MS)
        && !(r->refuses && since < REDIS_UNASKED_MS))
    {
        r->refuses = 0;
        r->replica = false;
        log_write(r->quiet ? LOG_DEBUG : LOG_INFO, "redis %s: back", r->name);
        r->said = false;
    }
}


/* redis_refuses: what is refused is told apart, for other commands go on */
void redis_refuses(struct redis *r, unsigned what, const char *why)
{
    r->refuses |= (uint64_t) 1 << what;
    redis_drop(r, why);
}


/* redis_takes: this is not refused any more */
void redis_takes(struct redis *r, unsigned what)
{
    r->refuses &= ~((uint64_t) 1 << what);
}


/* redis_delay: at once, and then never more than 2 s apart */
unsigned redis_delay(struct redis *r, bool was_up, const char *why)
{
    unsigned  delay;

    if (was_up && uv_now(r->loop) - r->up_since > REDIS_STEADY_MS) {
        r->failures = 0;
    }

    delay = r->failures == 0 ? 0
            : r->failures > 5 ? REDIS_DELAY_MAX
            : REDIS_DELAY_MIN << r->failures;
    delay -= delay ? (unsigned) (uv_hrtime() >> 8) % (delay / 2) : 0;
    r->failures++;
    redis_say(r, why);

    return delay;
}
