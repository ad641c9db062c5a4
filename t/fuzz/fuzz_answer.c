/*
 * Answers of handlers: three digits, Retry-After up to a line's end, then the
 * body.  Nothing faulty runs, and a fault always has a reason.
 */

#include <stdint.h>
#include <stdlib.h>

#include "consumer/handler.h"


#define check(condition)  ((condition) ? (void) 0 : abort())

#define WEEK  (7ull * 24 * 3600 * 1000)


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static struct conf_token    token = {
    .kind = TOKEN_WHATSAPP, .id = (char *) "389"
};
static char                *mine = (char *) "mine";
static struct conf_handler  shop = {
    .name = (char *) "shop", .max_answer = 16 * 1024, .max_actions = 20
};
static const struct conf    conf = {
    .tokens = { &token, 1 }, .push_lists = { &mine, 1 },
    .handlers = { &shop, 1 }
};
static const struct action_place  place = {
    .from = FROM_HANDLER, .product = PRODUCT_WHATSAPP, .kind = KIND_MESSAGE,
    .addressed = true, .message = true
};


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t                  i, after;
    const char             *at = (const char *) data, *end;
    struct fault            f;
    struct http_answer      http = { .outcome = HTTP_ANSWERED, .why = "" };
    struct handler_answer   a;

    if (size < 3) {
        return 0;
    }

    for (i = 0; i < 3; i++) {
        http.status = http.status * 10 + data[i] % 10;
    }

    end = memchr(at + 3, '\n', size - 3);
    after = end != NULL ? (size_t) (end - at) - 3 : size - 3;
    http.body.at = end != NULL ? end + 1 : at + size;
    http.body.len = (size_t) (at + size - http.body.at);

    handler_judge(&http, (struct str) { at + 3, after },
                  (struct str) { at + 3, after }, &shop, &place, &conf,
                  1763700000, &a);

    check((a.what == HANDLER_ACTIONS) == (a.nactions > 0));
    check((a.what == HANDLER_FAULTY) == (*a.fault.text != '\0'));
    check(a.nactions <= shop.max_actions && a.wait_ms <= WEEK);
    check(a.what != HANDLER_ACTIONS || http.status / 100 == 2);
    check(actions_check(a.actions, a.nactions, &place, &conf, &f) == 0);
    actions_free(a.actions, a.nactions);

    return 0;
}
