/* metactl explain http/STATUS: what an HTTP status of Meta's means, which says
   less than the code in its body, and the same from nginx to Meta. */

#include "ctl.h"

#include <stdlib.h>


/* meta-graph-oauth-ads-capi.md 1.7, 1.8: Graph answers nearly everything that
   is wrong with 400, limits too; the code decides.  edge: what this nginx means
   by it (docs/webhooks.md), and what Meta does then */
static const struct status {
    long         status;
    const char  *class;
    const char  *text;
    const char  *todo;
    const char  *edge;
} statuses[] = {
    { 400, "by the code", "Nearly every error of Graph comes with 400: a"
      " parameter, a permission, an expired token (190), and also most limits"
      " (4, 17, 32, 613, 80000 to 80014, 130429).",
      "Look at error.code and error_subcode of the body: metactl explain CODE"
      " or CODE/SUBCODE.",
      "signed, but no JSON object, or nested deeper than 512: it is none of"
      " Meta's" },
    { 401, "token", "The token is missing, has expired or was revoked; mostly"
      " code 190.",
      "metactl explain 190/SUBCODE with the subcode of the body; renew the"
      " token.",
      "X-Hub-Signature-256 is missing, or no secret of meta_app_secret_file"
      " matches: is it this app's, or Instagram's own? Meta repeats, and"
      " unsubscribes after an hour of failures" },
    { 403, "operator", "A permission or an asset is missing, or the app or the"
      " account is restricted; codes 10, 200 to 299, 368.",
      "metactl explain CODE; look at the permissions of the token and at the"
      " account's quality in Meta Business Suite.",
      "the handshake's verify token is none of meta_verify_token_file, or the"
      " client certificate is not the one of meta_client_cn" },
    { 404, "never", "There is no such path at this host. An object that this"
      " token may not see comes as 400 with code 100/33 instead.",
      "Is the id right, does the version exist, is it Instagram's or"
      " Facebook's host?",
      "no location of nginx has that path: is it the one that has"
      " meta_webhook?" },
    { 408, "retry", "The request took too long to arrive.",
      "It is tried again by itself. Is the road out slow, or a file large?",
      "the delivery took longer than client_body_timeout" },
    { 413, "never", "What was sent is too large: media of WhatsApp have limits"
      " their own.",
      "metactl explain the code of the body; docs/actions.md has the limits.",
      "the delivery is over client_max_body_size: set 4m, Meta sends up to"
      " 3 MB" },
    { 429, "wait", "A limit, of a proxy or of a product that says it so; Graph"
      " itself says 400 and a code.",
      "It waits, and Retry-After is heard where one comes: metactl status has"
      " the lanes that stand.",
      "this module never says it: limit_req of your nginx does; Meta takes it"
      " as a failure" },
    { 500, "retry", "Meta failed, or answers so to a call that it cannot make"
      " sense of; code 1 or 2 often.",
      "Tried again by itself where that is safe. If it stays:"
      " https://metastatus.com, and compare the call with the documentation.",
      "nginx itself failed: its error log says why" },
    { 502, "retry", "One of Meta's fronts did not reach what is behind it.",
      "Tried again by itself where that is safe; a send may have been done.",
      "a proxy before nginx did not reach it" },
    { 503, "retry", "Meta is overloaded or under repair.",
      "Tried again by itself; https://metastatus.com.",
      "neither Redis nor the spool took the delivery, or no app secret is in"
      " force: metactl doctor, nginx's error log; Meta repeats for up to 36"
      " hours" },
    { 504, "retry", "Meta did not answer its own front in time.",
      "Tried again by itself where that is safe; a send may have been done.",
      "a proxy before nginx waited too long for it" }
};


static const struct status *status_find(long status)
{
    size_t  i;

    for (i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
        if (statuses[i].status == status) {
            return &statuses[i];
        }
    }

    /* of those that nobody has described, 5xx are all alike */
    return status >= 500 && status <= 599 ? status_find(500) : NULL;
}


/* explain_http: text is what stands behind "http/" */
int explain_http(struct ctl *c, const char *text)
{
    long                  n;
    struct jw             j;
    struct buf            b;
    const struct status  *s;

    if (!str_digits(STR(text)) || strlen(text) != 3) {
        ctl_fail(CTL_USAGE, "\"%s\" is no HTTP status: write http/429", text);
    }

    n = strtol(text, NULL, 10);
    s = status_find(n);

    if (c->opts.json) {
        jw_init(&j);
        jw_open(&j, NULL, '{');
        jw_int(&j, "v", 1);
        jw_int(&j, "http", n);
        jw_bool(&j, "known", s != NULL);
        jw_text(&j, "class", s != NULL ? s->class : NULL);
        jw_text(&j, "text", s != NULL ? s->text : NULL);
        jw_text(&j, "todo", s != NULL ? s->todo : NULL);
        jw_text(&j, "edge", s != NULL ? s->edge : NULL);
        jw_close(&j, '}');
        jw_print(&j);
        return s != NULL ? CTL_GOOD : CTL_NOTHING;
    }

    if (s == NULL) {
        ctl_fail(CTL_NOTHING, "nothing is known of HTTP status %ld; the code in"
                 " the body decides: metactl explain CODE", n);
    }

    buf_init(&b, (size_t) -1);
    out_color(c, &b, 'b');
    buf_format(&b, "HTTP %ld", n);
    out_color(c, &b, 0);
    buf_text(&b, "\nof Graph  ");
    out_wrap(&b, s->text, 10);
    buf_text(&b, "to do     ");
    out_wrap(&b, s->todo, 10);
    buf_format(&b, "class     %s\nof nginx  ", s->class);
    out_wrap(&b, s->edge, 10);
    out_print(&b);

    return CTL_GOOD;
}
