/*
 * What a handler's answer means: the table of contract 7, row by row.
 */

#include <stdlib.h>

#include "tap.h"
#include "quoted.h"
#include "consumer/handler.h"


#define NOW  1763700000ll       /* Fri, 21 Nov 2025 04:40:00 GMT */


struct row {
    long                status;     /* 0: no answer */
    const char         *body;
    const char         *after;      /* Retry-After */
    enum handler_what   what;
    size_t              n;          /* actions */
    unsigned            action;     /* at fault */
    const char         *parameter;
    uint64_t            wait_ms;
};


static const struct row  rows[] = {
    { 200, "{'actions':[{'reply':{'text':'Yes, daily.'}},'mark_read']}", "",
      HANDLER_ACTIONS, 2, 0, "", 0 },
    { 201, "{'actions':['stop']}", "", HANDLER_ACTIONS, 1, 0, "", 0 },
    { 200, "{'actions':[]}", "", HANDLER_NOTHING, 0, 0, "", 0 },
    { 200, "{}", "", HANDLER_NOTHING, 0, 0, "", 0 },
    { 200, "", "", HANDLER_NOTHING, 0, 0, "", 0 },
    { 200, " \r\n\t", "", HANDLER_NOTHING, 0, 0, "", 0 },
    { 202, "queued", "", HANDLER_NOTHING, 0, 0, "", 0 },
    { 204, "", "", HANDLER_NOTHING, 0, 0, "", 0 },
    { 200, "{'actions':[{'reply':{'text':'\xe9'}}]}", "", HANDLER_FAULTY, 0,
      0, "", 0 },
    { 200, "OK", "", HANDLER_FAULTY, 0, 0, "", 0 },
    { 200, "[]", "", HANDLER_FAULTY, 0, 0, "", 0 },
    { 200, "null", "", HANDLER_FAULTY, 0, 0, "", 0 },
    { 200, "{'reply':{'text':'a'}}", "", HANDLER_FAULTY, 0, 0, "", 0 },
    { 200, "{'actions':[],'actions':[]}", "", HANDLER_FAULTY, 0, 0, "", 0 },
    { 200, "{'actions':['stop'],'x':1}", "", HANDLER_FAULTY, 0, 0, "", 0 },
    { 200, "{'actions':{}}", "", HANDLER_FAULTY, 0, 0, "", 0 },
    { 200, "{'actions':['mark_read','conversion']}", "", HANDLER_FAULTY, 0, 2,
      "conversion", 0 },
    { 200, "{'actions':['mark_read',{'push':{'list':'a'}}]}", "",
      HANDLER_FAULTY, 0, 2, "push.list", 0 },
    { 200, "{'actions':[{'call':{'handler':'shop'}}]}", "", HANDLER_FAULTY,
      0, 1, "call", 0 },
    { 200, "{'actions':['stop','stop','stop']}", "", HANDLER_FAULTY, 0, 0,
      "", 0 },
    { 200, "{'actions':['mark_read',                                       "
      "                          ]}", "", HANDLER_FAULTY, 0, 0, "", 0 },
    { 408, "{'actions':['stop']}", "", HANDLER_AGAIN, 0, 0, "", 0 },
    { 425, "", "", HANDLER_AGAIN, 0, 0, "", 0 },
    { 429, "", "7", HANDLER_AGAIN, 0, 0, "", 7000 },
    { 500, "", "", HANDLER_AGAIN, 0, 0, "", 0 },
    { 503, "", "Fri, 21 Nov 2025 04:41:00 GMT", HANDLER_AGAIN, 0, 0, "",
      60000 },
    { 503, "", "Fri, 21 Nov 2025 04:39:00 GMT", HANDLER_AGAIN, 0, 0, "", 0 },
    { 503, "", "soon", HANDLER_AGAIN, 0, 0, "", 0 },
    { 599, "", "", HANDLER_AGAIN, 0, 0, "", 0 },
    { 0, "", "", HANDLER_AGAIN, 0, 0, "", 0 },
    { 301, "", "", HANDLER_REFUSED, 0, 0, "", 0 },
    { 400, "", "9", HANDLER_REFUSED, 0, 0, "", 0 },
    { 401, "", "", HANDLER_REFUSED, 0, 0, "", 0 },
    { 404, "", "", HANDLER_REFUSED, 0, 0, "", 0 },
    { 410, "", "", HANDLER_REFUSED, 0, 0, "", 0 }
};


static struct conf_handler        shop = {
    .name = (char *) "shop", .max_answer = 80, .max_actions = 2
};
static const struct conf          conf = { .handlers = { &shop, 1 } };
static const struct action_place  place = {
    .from = FROM_RULE, .product = PRODUCT_WHATSAPP, .kind = KIND_MESSAGE,
    .addressed = true, .message = true
};


static void test_row(const struct row *r)
{
    struct str             body = quoted(r->body);
    struct http_answer     http = {
        .outcome = r->status ? HTTP_ANSWERED : HTTP_UNSENT, .why = "refused",
        .status = r->status, .body = body
    };
    struct handler_answer  a;

    handler_judge(&http, STR(r->after), STR("text/html; charset=UTF-8"), &shop,
                  &place, &conf, NOW, &a);

    printf("# %ld %s\n", r->status, r->body);
    is_int(a.what, r->what, "what");
    is_int(a.nactions, r->n, "actions");
    is_int(a.fault.action, r->action, "the action at fault");
    is_str(a.fault.parameter, strlen(a.fault.parameter), r->parameter,
           "its parameter");
    ok((a.what == HANDLER_FAULTY) == (*a.fault.text != '\0'),
       "a fault has a reason");
    is_int(a.wait_ms, r->wait_ms, "wait");
    is_int(a.status, r->status, "status");
    ok(a.counted, "an attempt");
    actions_free(a.actions, a.nactions);
    free((char *) body.at);
}


int main(void)
{
    size_t         i;
    uint64_t       total = 0;
    unsigned       attempts;

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        test_row(&rows[i]);
    }

    is_int(handler_delay(1), 5000, "after the first attempt");
    is_int(handler_delay(0), 0, "without one");
    for (attempts = 1; handler_delay(attempts); attempts++) {
        total += handler_delay(attempts);
    }
    is_int(attempts, 6, "six attempts");
    is_int(total, (5 + 30 + 120 + 600 + 3600) * 1000, "in so many ms");

    return done();
}
