/* Which lanes a call stands on (meta-webhooks-and-messaging.md 10.1,
   meta-graph-oauth-ads-capi.md 1.9). */

#include "lanes.h"


static void lanes_add(struct lanes *lanes, const struct limits *limits,
    enum lane_kind kind, struct str id, struct str who)
{
    if (id.len && lanes->n < LIMITS_LANES_MAX) {
        limits_lane(limits, &lanes->at[lanes->n++], kind, id, who);
    }
}


/* lanes_account names the account's own lane */
void lanes_account(struct lanes *lanes, const struct limits *limits,
    enum product product, struct str account)
{
    static const enum lane_kind  kinds[] = {
        [PRODUCT_NONE] = LANE_FEED, [PRODUCT_WHATSAPP] = LANE_PHONE,
        [PRODUCT_MESSENGER] = LANE_PAGE,
        [PRODUCT_INSTAGRAM] = LANE_INSTAGRAM
    };

    lanes->n = 0;
    lanes_add(lanes, limits, kinds[product], account, NONE);
}


/* what comes from people, at the time */
static bool lanes_counts(enum kind kind)
{
    return kind == KIND_MESSAGE || kind == KIND_POSTBACK
           || kind == KIND_REACTION || kind == KIND_EDIT
           || kind == KIND_UNSEND || kind == KIND_UNSUPPORTED;
}


/* lanes_inbound: a WhatsApp number's rate counts both directions */
void lanes_inbound(struct lanes *lanes, const struct limits *limits,
    const struct event *event)
{
    lanes->n = 0;
    if (event->product == PRODUCT_WHATSAPP && lanes_counts(event->kind)) {
        lanes_add(lanes, limits, LANE_PHONE, event->account, NONE);
    }
}


/* a receipt is no message: it counts on none of the account's rates, but
   stops where the account does */
static void lanes_free_of_charge(struct lanes *lanes)
{
    size_t  i;

    for (i = 0; i < lanes->n; i++) {
        lanes->at[i].per_s = 0;
    }
}


/* the account's own rate, which all of its calls of that kind share (10.1) */
static void lanes_first(struct lanes *lanes, const struct limits *limits,
    const struct action *action, const struct target *target, struct str waba)
{
    lanes->n = 0;

    switch (action->kind) {

    case ACTION_GRAPH:
        if (target->product == PRODUCT_WHATSAPP) {
            lanes_add(lanes, limits, LANE_WABA, waba, NONE);
        } else {
            lanes_add(lanes, limits, LANE_FEED, target->account, NONE);
        }
        return;

    case ACTION_COMMENT_REPLY:
    case ACTION_HIDE:
    case ACTION_DELETE:
        lanes_add(lanes, limits, LANE_FEED, target->account, NONE);
        return;

    default:
        lanes_account(lanes, limits, target->product, target->account);
        if (!action_message(action)) {
            lanes_free_of_charge(lanes);
        }
    }
}


/* what a message needs beside that: its person's, and its kind's own rate */
static void lanes_message(struct lanes *lanes, const struct limits *limits,
    const struct action *action, const struct target *target, struct str waba)
{
    if (target->product == PRODUCT_WHATSAPP) {
        lanes_add(lanes, limits, LANE_PAIR, target->account, target->to);

        if (action->template_name != NULL) {
            lanes_add(lanes, limits, LANE_TEMPLATE, waba,
                      STR(action->template_name));
        }
        return;
    }

    lanes_add(lanes, limits, LANE_RECIPIENT, target->account, target->to);

    if (action->content == CONTENT_AUDIO || action->content == CONTENT_VIDEO)
    {
        lanes_add(lanes, limits, LANE_MEDIA, target->account, NONE);
    }

    if (action->kind == ACTION_PRIVATE_REPLY) {
        lanes_add(lanes, limits, target->live ? LANE_LIVE : LANE_PRIVATE,
                  target->account, NONE);
    }
}


/* lanes_of names what the call needs room on */
void lanes_of(struct lanes *lanes, const struct limits *limits,
    const struct action *action, const struct target *target,
    const struct conf_token *token, const struct conf_app *app)
{
    struct str  waba = target->waba;

    if (waba.len == 0) {
        waba = token != NULL && token->waba != NULL ? STR(token->waba)
               : target->account;
    }

    lanes_first(lanes, limits, action, target, waba);

    if (action_message(action)) {
        lanes_message(lanes, limits, action, target, waba);
    }

    if (token != NULL) {
        lanes_add(lanes, limits, LANE_TOKEN, STR(token->lane), NONE);
    }

    if (app != NULL) {
        lanes_add(lanes, limits, LANE_APP, STR(app->id), NONE);
    }
}
