/* metactl pause and resume: what meta:control holds, which every consumer
   reads once a second. */

#include "ctl.h"
#include "lane.h"

#include <pwd.h>
#include <stdlib.h>
#include <unistd.h>


#define CONTROL    "meta:control"
#define FIELD_MAX  320


/* "phone:1065": a lane's name begins with its kind */
static bool pause_lane(const char *name)
{
    char         kind[32];
    const char  *colon = strchr(name, ':');

    if (colon == NULL || colon[1] == '\0'
        || colon - name >= (int) sizeof(kind))
    {
        return false;
    }

    snprintf(kind, sizeof(kind), "%.*s", (int) (colon - name), name);

    return lane_kind_find(kind) >= 0;
}


static bool pause_queue(struct ctl *c, const char *name)
{
    size_t                    i, n;
    const struct conf_queue  *q = c->conf->queues.at;

    for (i = 0; i < c->conf->queues.n; i++) {
        n = strlen(q[i].name);
        if (strncmp(name, q[i].name, n) == 0
            && (name[n] == '\0'
                || (name[n] == ':' && str_digits(STR(name + n + 1)))))
        {
            return true;
        }
    }

    return false;
}


/* "queue:NAME", "lane:NAME" or "account:ID"; said in full, it is taken so */
static void pause_field(struct ctl *c, char field[FIELD_MAX])
{
    const char  *name = c->args[0], *kind;

    if (strlen(name) > 250) {
        ctl_fail(CTL_USAGE, "that name is too long");
    }

    if (strncmp(name, "queue:", 6) == 0 || strncmp(name, "lane:", 5) == 0
        || strncmp(name, "account:", 8) == 0)
    {
        snprintf(field, FIELD_MAX, "%s", name);
        return;
    }

    kind = pause_queue(c, name) ? "queue"
           : str_digits(STR(name)) ? "account"
           : pause_lane(name) ? "lane" : NULL;

    if (kind == NULL) {
        ctl_fail(CTL_NOTHING, "\"%s\" is no queue of %s, no account (digits)"
                 " and no lane (phone:ID, page:ID, token:HASH, ...)", name,
                 c->opts.file);
    }

    snprintf(field, FIELD_MAX, "%s:%s", kind, name);
}


static void pause_by(struct buf *b)
{
    char            host[128] = "";
    struct passwd  *user = getpwuid(getuid());

    gethostname(host, sizeof(host) - 1);
    buf_text(b, user != NULL ? user->pw_name : "?");
    buf_text(b, "@");
    buf_text(b, host);
}


static int pause_say(struct ctl *c, const char *field, bool paused,
    long long until)
{
    char       date[TIME_MAX];
    struct jw  j;

    if (c->opts.json) {
        jw_init(&j);
        jw_open(&j, NULL, '{');
        jw_int(&j, "v", 1);
        jw_text(&j, "what", field);
        jw_bool(&j, "paused", paused);
        jw_time(&j, "until", until ? until : -1);
        jw_close(&j, '}');
        jw_print(&j);
    } else if (!paused) {
        printf("%s is resumed\n", field);
    } else if (until) {
        printf("%s is paused until %s\n", field, time_date(date, until));
    } else {
        printf("%s is paused until it is resumed\n", field);
    }

    return CTL_GOOD;
}


/* run_pause writes the field */
int run_pause(struct ctl *c)
{
    char          field[FIELD_MAX];
    struct jw     j;
    struct buf    by;
    long long     length, now = ctl_clock(c), until = 0;
    struct ask     *w = mem_alloc(sizeof(*w));

    pause_field(c, field);

    if (c->opts.pause_for != NULL) {
        length = time_length(c->opts.pause_for);
        if (length <= 0) {
            ctl_fail(CTL_USAGE, "--for must be a length of time: 90s, 15m,"
                     " 6h, 2d");
        }
        until = now + length;
    }

    buf_init(&by, 512);
    pause_by(&by);

    jw_init(&j);
    jw_open(&j, NULL, '{');
    jw_time(&j, "until", until ? until : -1);
    jw_str(&j, "by", (struct str) { by.at, by.len });
    jw_text(&j, "why", c->opts.why);
    jw_int(&j, "since", now);
    jw_close(&j, '}');

    ask_text(w, "HSET");
    ask_text(w, CONTROL);
    ask_text(w, field);
    ask_add(w, (struct str) { j.b.at, j.b.len });
    ctl_call(c, w);

    buf_free(&j.b);
    buf_free(&by);
    free(w);

    return pause_say(c, field, true, until);
}


/* run_resume takes it away, and with a lane's pause what Meta's answers have
   stopped it for */
int run_resume(struct ctl *c)
{
    char  field[FIELD_MAX], stop[FIELD_MAX + 16];
    bool  lane;

    pause_field(c, field);
    lane = strncmp(field, "lane:", 5) == 0;
    snprintf(stop, sizeof(stop), "meta:limit:stop:%s", field + 5);

    if (reply_number(ctl_ask(c, "HDEL", CONTROL, field, NULL))
        + (lane ? reply_number(ctl_ask(c, "DEL", stop, NULL)) : 0) == 0)
    {
        ctl_fail(CTL_NOTHING, "%s is not paused%s", field,
                 lane ? ", and not stopped" : "");
    }

    return pause_say(c, field, false, 0);
}
