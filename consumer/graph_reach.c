/* Whether Graph's hosts are reached: said once when that ends, with the cause,
   and once when it is over. */

#include "graph_reach.h"
#include "log.h"


/* a host that comes and goes is not a line for each call */
#define REACH_QUIET_MS  60000


/* of libcurl, in words; names of others' certificates may stand in it */
static void reach_why(struct buf *b, const char *why)
{
    size_t  n;

    for ( /* void */ ; *why != '\0'; why += n) {
        n = strcspn(why, " ");
        if (n > 0) {
            log_clean(b, (struct str) { why, n });
        } else {
            buf_add(b, why, n = 1);
        }
    }
}


static void reach_away(struct reach *r, const char *url, const char *why,
    uint64_t now)
{
    struct buf  b;

    r->unsent++;
    if (r->since || now < r->until) {
        return;
    }

    r->since = now;
    r->until = now + REACH_QUIET_MS;
    buf_init(&b, LOG_VALUE_MAX);     /* what is longer is cut */
    reach_why(&b, why);
    log_write(LOG_WARN, "Graph at %s cannot be reached: %.*s; calls wait and"
              " are tried again", url, (int) b.len, b.at);
    buf_free(&b);
}


/* reach_told: who answers, or may have received something, is reached */
void reach_told(struct reach *r, const char *url,
    const struct http_answer *answer, uint64_t now)
{
    if (answer->outcome == HTTP_UNSENT) {
        reach_away(r, url, answer->why, now);

    } else {
        if (r->since) {
            log_write(LOG_WARN, "Graph at %s is reached again after %llu s;"
                      " %zu calls had not left", url,
                      (unsigned long long) (now - r->since) / 1000, r->unsent);
        }
        r->since = 0;
        r->unsent = 0;
    }
}
