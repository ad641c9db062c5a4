/* What the page of a flow shows of what came of it: accounts, and sentences for
   people. */

#include "flow_own.h"


#define FLOW_NAMED_MAX    100   /* on its page */
#define FLOW_DEAF_NAMED   3
#define FLOW_DEAF_BYTES   200

/* U+2029: a line feed would end the field, where the edge reads it */
#define PARAGRAPH  " \xe2\x80\xa9"


static void account_json(struct buf *b, enum token_kind kind, const char *id,
    const char *name, const char *number)
{
    buf_text(b, b->len > 1 ? ",{\"kind\":" : "{\"kind\":");
    json_quote(b, STR(token_kind_name(kind)));
    buf_text(b, ",\"account\":");
    json_quote(b, STR(id));
    buf_text(b, ",\"name\":");
    if (name != NULL) {
        json_quote(b, STR(name));
    } else {
        buf_text(b, "null");
    }
    if (number != NULL) {
        buf_text(b, ",\"number\":");
        json_quote(b, STR(number));
    }
    buf_text(b, "}");
}


/* flow_accounts lists what came of it, and what hangs on a Page; the edge reads
   no hash of 64 KB */
size_t flow_accounts(const struct flow *f, struct buf *b)
{
    size_t                      i, n = 0, more = 0;
    const struct flow_account  *a;

    buf_text(b, "[");
    for (i = 0; i < f->naccounts; i++) {
        a = &f->accounts[i];
        if (a->taken) {
            continue;
        }
        if (more > 0 || n >= FLOW_NAMED_MAX || b->len >= FLOW_NAMED_BYTES) {
            more++;
            continue;
        }
        account_json(b, a->kind, a->id, a->name, a->number);
        n++;
        if (a->instagram != NULL) {
            account_json(b, TOKEN_INSTAGRAM, a->instagram, a->username, NULL);
            n++;
        }
    }
    buf_text(b, "]");

    return more;
}


/* flow_taken_count: of the accounts, those that stay somebody else's */
size_t flow_taken_count(const struct flow *f)
{
    size_t  i, n = 0;

    for (i = 0; i < f->naccounts; i++) {
        n += f->accounts[i].taken;
    }

    return n;
}


/* a few are named: those that are taken, or deaf */
static void named_text(const struct flow *f, bool taken, size_t all,
    struct buf *b)
{
    size_t                      i, named = 0;
    const struct flow_account  *a;

    for (i = 0; i < f->naccounts && named < FLOW_DEAF_NAMED; i++) {
        a = &f->accounts[i];
        if (taken ? a->taken : a->deaf) {
            buf_text(b, named++ ? ", " : "");
            buf_text(b, a->name != NULL && strlen(a->name) <= FLOW_DEAF_BYTES
                     ? a->name : a->id);
        }
    }

    if (all > named) {
        buf_format(b, " and %zu more", all - named);
    }
    buf_text(b, ".");
}


/* who declined it can give it; who was not asked cannot */
static void deaf_text(const struct flow *f, struct buf *b)
{
    if (!flow_subs_denied(f)) {
        buf_text(b, PARAGRAPH "What is written to these accounts does not"
                 " arrive here yet, whoever runs this site has to subscribe to"
                 " it: ");
        named_text(f, false, f->ndeaf, b);
        return;
    }

    buf_text(b, PARAGRAPH "What is written to these accounts may not arrive"
             " here: ");
    named_text(f, false, f->ndeaf, b);

    if (flow_declined_it(f, "pages_manage_metadata")) {
        buf_text(b, " For that, please open the link you received once more,"
                 " and leave ticked: ");
    } else {
        buf_text(b, " Whoever runs this site has to ask you for this"
                 " permission: ");
    }
    flow_scopes_say(b, "pages_manage_metadata");
    buf_text(b, ".");
}


/* a limit is nobody's fault, and over by itself */
static void limit_text(const struct verdict *v, struct buf *b)
{
    uint64_t  told = v->wait_ms > 0 ? (uint64_t) v->wait_ms : 0;
    uint64_t  minutes = (graph_error_wait(v->row, 0, told) + 59999) / 60000;

    buf_text(b, "Meta takes no more from this site for a while. Please try"
             " again in ");
    if (minutes > 90) {
        buf_format(b, "%u hours.", (unsigned) ((minutes + 59) / 60));
    } else if (minutes > 1) {
        buf_format(b, "%u minutes.", (unsigned) minutes);
    } else {
        buf_text(b, "a minute.");
    }
}


/* flow_bad_text: v: Meta's answer, or NULL */
void flow_bad_text(const struct flow *f, enum flow_error error,
    const struct verdict *v, struct buf *b)
{
    if (error == FLOW_META && v != NULL && v->row != NULL
        && v->row->cls == CLASS_WAIT)
    {
        limit_text(v, b);
        return;
    }

    if (error == FLOW_SCOPES && f->scope != NULL && f->denied == NULL
        && f->kind != FLOW_INSTAGRAM)
    {
        buf_text(b, "A permission that is needed was not given, and you were"
                 " not asked for it. Whoever runs this site has to correct"
                 " that.");
        return;
    }

    buf_text(b, flow_error_text(error));
    if (error == FLOW_TAKEN && f->naccounts > 0) {
        buf_text(b, PARAGRAPH "You shared: ");
        named_text(f, true, flow_taken_count(f), b);
    }
}


/* flow_good_text: what was declined, or is still to come, stands behind the
   sentence */
void flow_good_text(const struct flow *f, size_t more, struct buf *b)
{
    size_t  n;

    buf_text(b, flow_step_text(FLOW_STEP_CONNECTED));

    if (more > 0) {
        n = f->naccounts - flow_taken_count(f);
        buf_format(b, PARAGRAPH "Named here are %zu of your accounts; %zu more"
                   " are connected, too.", n - more, more);
    }

    if (f->denied != NULL) {
        buf_text(b, PARAGRAPH "You did not give these permissions, so what"
                 " needs them will not work: ");
        flow_scopes_say(b, f->denied);
        buf_text(b, f->kind == FLOW_BUSINESS || f->ndeaf > 0 ? "."
                 : ". To give them after all, please open the link you received"
                 " once more.");
    }

    if (flow_taken_count(f) > 0) {
        buf_text(b, PARAGRAPH "These are connected here for somebody else, and"
                 " stay so: ");
        named_text(f, true, flow_taken_count(f), b);
    }

    if (f->ndeaf > 0) {
        deaf_text(f, b);
    }

    if (f->later != NULL) {
        buf_format(b, PARAGRAPH "These numbers are not registered yet, whoever"
                   " runs this site has to do it: %s.", f->later);
    }

    if (f->kind == FLOW_SIGNUP && f->naccounts == 0) {
        buf_text(b, PARAGRAPH "Your WhatsApp number follows as soon as Meta"
                 " names it.");
    }
}


/* flow_pin_text: a business may have several numbers */
void flow_pin_text(const struct flow *f, struct buf *b)
{
    size_t                      i;
    const struct flow_account  *a;

    buf_text(b, flow_step_text(FLOW_STEP_PIN));

    for (i = 0; i < f->naccounts; i++) {
        a = &f->accounts[i];
        if (strcmp(a->id, f->wants_pin) == 0 && a->name != NULL) {
            buf_format(b, " The number is %s", a->name);
            if (a->number != NULL && strcmp(a->number, a->name) != 0) {
                buf_format(b, ", %s", a->number);
            }
            buf_text(b, ".");
        }
    }
}
