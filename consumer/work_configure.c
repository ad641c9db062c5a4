/* Numbers of WhatsApp that are connected by a job, or named by Meta: the steps
   are a flow's, as of somebody who signs up in a browser. */

#include "work_own.h"
#include "job_seal.h"

#include <stdio.h>


#define CONFIGURE_TRIES  5
#define CONFIGURE_ROOM   1000   /* ms, where too many are under way */
#define SHARE_TRIES      10
#define SHARE_AGAIN_MS   ((uint64_t) 1000)


/* configure_seal: a secret that somebody pushed in clear stands in Redis no
   longer than that; before the item is read */
void configure_seal(const struct work *w)
{
    struct buf  b;

    if (w->is_job
        && job_seal(w->item->record, w->conf->token_keys, &b))
    {
        queue_rewrite(w->item, (struct str) { b.at, b.len });
        buf_free(&b);
    }
}


/* configure_blank: of a job that is at fault, before it is buried; true: what
   was read of it was another one */
bool configure_blank(const struct work *w)
{
    struct buf  b;

    if (!w->is_job
        || !job_blank(w->item->record, w->conf->token_keys, &b))
    {
        return false;
    }

    queue_rewrite(w->item, (struct str) { b.at, b.len });
    buf_free(&b);

    return true;
}


/* Meta's words may repeat what the job held; its numbers say enough */
static void configure_bad(struct work *w, const struct flow_end *end)
{
    char             text[256];
    struct verdict   v = { .body = NONE };

    if (end->verdict != NULL) {
        v = *end->verdict;
        v.message[0] = v.details[0] = '\0';
        v.raw = 0;
        v.body = NONE;
        v.root = NULL;
    }

    if (end->error == FLOW_UNREACHABLE || end->error == FLOW_STORE) {
        outcome_again(w, 0, CONFIGURE_TRIES, "configure", NULL);
        return;
    }

    snprintf(text, sizeof(text), "%s at %s: %s",
             flow_error_name(end->error), end->step,
             end->error == FLOW_PIN_WRONG
             ? "the number has a PIN that is not known here, or another than"
               " the one given: pin is a parameter of whatsapp_configure"
             : end->error == FLOW_NO_ACCOUNTS
             ? "the WABA has no number with this id"
             : end->error == FLOW_WRONG_APP
             ? "the token was made for an app that is not in apps"
             : end->error == FLOW_CODE ? "the token is not valid"
             : end->error == FLOW_SCOPES
             ? "the token has no whatsapp_business_management for this WABA"
             : "Meta refused it");
    end_dead(w, "configure", text, end->verdict != NULL ? &v : NULL);
}


static void on_end(void *data, const struct flow_end *end)
{
    struct work  *w = data;

    w->flow = NULL;
    if (work_gone(w)) {
        return;
    }

    if (end->error != FLOW_GOOD) {
        configure_bad(w, end);
        return;
    }

    plan_done(&w->plan, NONE, end->accounts);
    work_mark(w, NULL, 0, work_next);
}


static void configure_dry(struct work *w)
{
    stat_add(STAT_GRAPH_DRY, 1);
    work_log(w, LOG_INFO, "dry", "");
    plan_done(&w->plan, NONE, NONE);
    work_next(w);
}


/* configure_begin: to be done twice changes nothing: a number that is
   registered is not registered again */
void configure_begin(struct work *w)
{
    char                      *token, *pin = NULL;
    const struct action       *a = w->plan.steps[w->plan.at].action;
    struct flow_number_order   order = {
        .phone = STR(a->phone), .waba = STR(a->waba), .pin = NONE,
        .tenant = str_or_none(a->tenant)
    };

    if (w->conf->dry_run) {
        configure_dry(w);
        return;
    }

    token = job_open(a->token, w->conf->token_keys);
    pin = a->pin != NULL ? job_open(a->pin, w->conf->token_keys) : NULL;

    if (token == NULL || (a->pin != NULL && pin == NULL)) {
        mem_wipe(token);
        mem_wipe(pin);
        end_dead(w, "configure", "what was sealed when the job was taken"
                 " cannot be opened: its key is not in token_key_file any"
                 " more", NULL);
        return;
    }

    order.token = STR(token);
    if (pin != NULL) {
        order.pin = STR(pin);
    }

    w->flow = flows_number(w->worker->flows, &order, on_end, w);
    mem_wipe(token);
    mem_wipe(pin);

    if (w->flow == NULL) {
        wait_retry(w, CONFIGURE_ROOM, "logins");
    }
}


/* a minute later Meta, or Redis, may do it: 1 s, 2 s, 4 s... */
static bool shared_again(struct work *w, const struct flow_end *end)
{
    const struct verdict  *v = end->verdict;

    if ((end->error != FLOW_UNREACHABLE && end->error != FLOW_STORE
         && (v == NULL || (!v->transient
                           && (v->row == NULL
                               || (v->row->cls != CLASS_RETRY
                                   && v->row->cls != CLASS_WAIT)))))
        || w->plan.tries >= SHARE_TRIES)
    {
        return false;
    }

    wait_retry(w, SHARE_AGAIN_MS << w->plan.tries++, "share");

    return true;
}


static void on_shared(void *data, const struct flow_end *end)
{
    struct work  *w = data;

    w->flow = NULL;
    if (work_gone(w)) {
        return;
    }

    if (end->error == FLOW_GOOD || !shared_again(w, end)) {
        w->plan.tries = 0;
        w->shared(w);
    }
}


/* share_begin: what Meta says of a WABA is done before its event goes on: who
   dies meanwhile has not worked it.  Mind that entry is the partner's own
   business: the WABA stands in the value alone
   (meta-graph-oauth-ads-capi.md 3.4) */
void share_begin(struct work *w, void (*next)(struct work *w))
{
    bool                added;
    struct str          event, waba, business;
    const struct json  *value = json_get(w->record.event, "value");
    const struct json  *info = json_get(value, "waba_info");

    event = json_get_text(value, "event");
    waba = json_get_text(info, "waba_id");
    business = json_get_text(info, "owner_business_id");
    added = str_is(event, "PARTNER_ADDED");

    if (!str_is(w->record.field, "account_update")
        || !str_is(w->record.object, "whatsapp_business_account")
        || w->record.replay || w->conf->token_keys == NULL
        || !flow_id_good(waba)
        || !(added ? flow_id_good(business) && !w->conf->dry_run
             : str_is(event, "PARTNER_REMOVED")))
    {
        next(w);
        return;
    }

    w->shared = next;
    w->flow = flows_partner(w->worker->flows, added, w->record.app, waba,
                            business, on_shared, w);
    if (w->flow == NULL) {
        wait_retry(w, CONFIGURE_ROOM, "logins");
    }
}
