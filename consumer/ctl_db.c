/* Redis as the commands use it: what it cannot or will not answer ends the
   program, with the forbidden command's name. */

#include "ctl.h"

#include <stdarg.h>
#include <stdlib.h>


/* ask_add appends one word */
void ask_add(struct ask *w, struct str s)
{
    if (w->n == DB_WORDS_MAX) {
        abort();
    }

    w->at[w->n++] = s;
}


/* ask_text appends a zero-terminated one */
void ask_text(struct ask *w, const char *text)
{
    ask_add(w, STR(text));
}


/* reply_is_error says whether Redis refused */
bool reply_is_error(const struct reply *reply)
{
    return reply_type(reply) == REPLY_ERROR;
}


/* reply_number reads an integer, also where it comes as a string */
long long reply_number(const struct reply *reply)
{
    char        text[24];
    struct str  s;

    if (reply_type(reply) == REPLY_INTEGER) {
        return reply_int(reply);
    }

    s = reply_str(reply);
    snprintf(text, sizeof(text), "%.*s", (int) (s.len < 23 ? s.len : 23),
             s.at);

    return strtoll(text, NULL, 10);
}


/* ctl_refused says what Redis refused: NOPERM names command or key, all else
   is shown by its code only, for Redis repeats what it was sent */
void ctl_refused(const char *command, const struct reply *reply)
{
    char        why[REPLY_WHY_MAX];
    struct str  s = reply_str(reply);

    if (reply_error(reply, "NOPERM")) {
        ctl_fail(CTL_REDIS, "Redis refused %s: %.*s; metactl takes a user of"
                 " its own: docs/metactl.md, The smallest ACL", command,
                 (int) (s.len < 300 ? s.len : 300), s.at);
    }

    /* no script is given a password, so what it says can be shown */
    if (strstr(command, ".lua") != NULL) {
        ctl_fail(CTL_REDIS, "Redis refused %s: %.*s", command,
                 (int) (s.len < 300 ? s.len : 300), s.at);
    }

    ctl_fail(CTL_REDIS, "Redis refused %s: %s", command,
             reply_why(why, reply));
}


/* ctl_call sends it and returns what is no error */
const struct reply *ctl_call(struct ctl *c, const struct ask *w)
{
    const struct reply  *reply = db_ask(c->db, w, 0);

    if (reply == NULL) {
        ctl_fail(CTL_REDIS, "%s: the connection to Redis went, or it did not"
                 " answer in time", w->at[0].at);
    }

    if (reply_is_error(reply)) {
        ctl_refused(w->at[0].at, reply);
    }

    return reply;
}


/* ctl_ask does so with zero-terminated words, NULL behind the last */
const struct reply *ctl_ask(struct ctl *c, const char *first, ...)
{
    va_list              args;
    const char          *word;
    struct ask          *w = mem_alloc(sizeof(*w));
    const struct reply  *reply;

    va_start(args, first);
    for (word = first; word != NULL; word = va_arg(args, const char *)) {
        ask_text(w, word);
    }
    va_end(args);

    reply = ctl_call(c, w);
    free(w);

    return reply;
}


/* ctl_clock returns the clock that leases and due times go by */
long long ctl_clock(struct ctl *c)
{
    const struct reply  *reply = ctl_ask(c, "TIME", NULL);

    if (reply_count(reply) != 2) {
        ctl_fail(CTL_REDIS, "TIME: an answer that makes no sense");
    }

    return reply_number(reply_at(reply, 0)) * 1000
           + reply_number(reply_at(reply, 1)) / 1000;
}
