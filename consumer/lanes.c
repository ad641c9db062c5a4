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


/* lanes_of names what the call needs room on */
void lanes_of(struct lanes *lanes, const struct limits *limits,
    const struct action *action, const struct target *target,
    const struct conf_token *token, const struct conf_app *app)
{
    bool  message = action_message(action);

    lanes_account(lanes, limits, action->kind == ACTION_GRAPH
                  ? PRODUCT_NONE : target->product, target->account);

    if (!message && action->kind != ACTION_GRAPH) {
        lanes_free_of_charge(lanes);
    }

    if (message) {
        lanes_add(lanes, limits, target->product == PRODUCT_WHATSAPP
                  ? LANE_PAIR : LANE_RECIPIENT, target->account, target->to);
    }

    if (token != NULL) {
        lanes_add(lanes, limits, LANE_TOKEN, STR(token->secret), NONE);
    }

    if (app != NULL) {
        lanes_add(lanes, limits, LANE_APP, STR(app->id), NONE);
    }
}
