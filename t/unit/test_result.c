/*
 * Results: the two forms of the contract, and the second job's of a key.
 */

#include <stdlib.h>

#include "tap.h"
#include "quoted.h"
#include "consumer/result.h"


#define TIME  1763700001234


static void is_json(const struct buf *b, const char *want, const char *name)
{
    struct str  w = quoted(want);

    is_mem(b->at, b->len, w.at, w.len, name);
    ok(json_valid(b->at, b->len) && !b->over, "JSON");
    free((char *) w.at);
}


static void test_accepted(void)
{
    struct buf                b;
    struct str                answer = quoted("{ 'a' : [1.50] }");
    const struct result_step  steps[] = {
        { .action = "reply", .ok = true, .message = STR("wamid.A"),
          .answer = answer },
        { .action = "push", .ok = true, .message = NONE, .answer = NONE },
        { .action = "graph", .ok = true, .message = NONE,
          .answer = STR("no JSON") }
    };
    const struct result       r = {
        STR("job-81"), RESULT_ACCEPTED, steps, 3, 2, TIME
    };

    buf_init(&b, RESULT_MAX * 2);
    result_write(&b, &r);
    is_json(&b, "{'v':1,'id':'job-81','ok':true,'state':'accepted',"
            "'results':[{'action':'reply','ok':true,'message':'wamid.A',"
            "'answer':{ 'a' : [1.50] }},{'action':'push','ok':true,'message':"
            "null,'answer':null},{'action':'graph','ok':true,'message':null,"
            "'answer':null}],'attempts':2,'time':1763700001234}",
            "what was accepted");
    buf_free(&b);
    free((char *) answer.at);
}


static void test_dead(void)
{
    struct buf                 b, again;
    const struct result_error  error = {
        .has_code = true, .code = 131047, .class = "never",
        .meta = "Re-engagement message",
        .text = "More than 24 hours since the customer wrote.",
        .todo = "Send a template.", .trace = "A9"
    };
    const struct result_step   step = {
        .action = "reply", .message = NONE, .answer = NONE, .error = &error
    };
    const struct result        r = {
        STR("job-81"), RESULT_DEAD, &step, 1, 1, TIME
    };

    buf_init(&b, RESULT_MAX * 2);
    result_write(&b, &r);
    is_json(&b, "{'v':1,'id':'job-81','ok':false,'state':'dead','results':["
            "{'action':'reply','ok':false,'error':{'code':131047,'subcode':"
            "null,'class':'never','meta':'Re-engagement message','text':'More"
            " than 24 hours since the customer wrote.','todo':'Send a"
            " template.','parameter':null,'limit':null,'value':null,"
            "'fbtrace_id':'A9'}}],'attempts':1,'time':1763700001234}",
            "what is dead");

    buf_init(&again, RESULT_MAX * 2);
    ok(result_again(&again, (struct str) { b.at, b.len }, STR("job-82"),
                    TIME + 1), "a second one of that key");
    is_json(&again, "{'v':1,'id':'job-82','ok':false,'state':'duplicate',"
            "'results':[{'action':'reply','ok':false,'error':{'code':131047,"
            "'subcode':null,'class':'never','meta':'Re-engagement message',"
            "'text':'More than 24 hours since the customer wrote.','todo':"
            "'Send a template.','parameter':null,'limit':null,'value':null,"
            "'fbtrace_id':'A9'}}],'attempts':0,'time':1763700001235}",
            "gets what the first one got");
    buf_free(&again);
    buf_free(&b);

    buf_init(&again, RESULT_MAX);
    ok(!result_again(&again, STR("{\"ok\":true}"), STR("a"), TIME)
       && again.len == 0, "what is no result gives none");
    ok(!result_again(&again, NONE, STR("a"), TIME), "nor does nothing");
    buf_free(&again);
}


static void test_fault(void)
{
    struct buf    b;
    struct fault  f;

    fault_set(&f, "expires", NULL, STR("now"), "must be a time");
    buf_init(&b, RESULT_MAX * 2);
    result_fault(&b, NONE, &f, TIME);
    is_json(&b, "{'v':1,'id':null,'ok':false,'state':'dead','results':[{"
            "'action':null,'ok':false,'error':{'code':null,'subcode':null,"
            "'class':'ours','meta':null,'text':'must be a time','todo':null,"
            "'parameter':'expires','limit':null,'value':'now','fbtrace_id':"
            "null}}],'attempts':0,'time':1763700001234}", "a job at fault");
    buf_free(&b);
}


static void test_states(void)
{
    int                        state;
    struct buf                 b;
    struct result              r = { .id = NONE, .time = TIME };
    static const char *const   names[] = {
        "accepted", "sent", "delivered", "read", "ambiguous", "dead",
        "expired", "duplicate"
    };

    for (state = RESULT_ACCEPTED; state <= RESULT_DUPLICATE; state++) {
        const char  *ok_is = state <= RESULT_READ ? "\"ok\":true,"
                             : "\"ok\":false,";

        r.state = (enum result_state) state;
        buf_init(&b, RESULT_MAX);
        result_write(&b, &r);
        buf_add(&b, "", 1);
        ok(strstr(b.at, ok_is) != NULL && strstr(b.at, names[state]) != NULL
           && strcmp(result_state_name(r.state), names[state]) == 0,
           names[state]);
        buf_free(&b);
    }
}


/* twenty answers of a megabyte: they are left out, the result is there */
static void test_large(void)
{
    int                 i;
    char               *large = mem_alloc(1024 * 1024);
    struct buf          b;
    struct result_step  steps[20];
    struct result       r = { STR("a"), RESULT_ACCEPTED, steps, 20, 1, TIME };

    memset(large, ' ', 1024 * 1024);
    memcpy(large, "{}", 2);

    for (i = 0; i < 20; i++) {
        steps[i] = (struct result_step) {
            .action = "graph", .ok = true, .message = NONE,
            .answer = { large, i ? 1024 * 1024 : 2 }
        };
    }

    buf_init(&b, RESULT_MAX * 2);
    result_write(&b, &r);
    ok(!b.over && b.len < 4096 && json_valid(b.at, b.len),
       "answers too large to be kept");
    ok(memmem(b.at, b.len, "\"answer\":{}", 11) != NULL, "the small one is");
    buf_free(&b);
    free(large);
}


/* what stands behind a whole value, if only the beginning of a token */
static void test_trailing(void)
{
    size_t                    i;
    static const char *const  good[] = { "{}", " {} \n", "12", "\"a\"", "[1]" };
    static const char *const  bad[] = {
        "{}\"", "{}\"abc", "{}\"\\", "{}t", "{}1", "{}-", "{}{", "{}/", "[1]]",
        "12\"", "\"a\"\"", "{\"a\":\"", "\"a\n\"", ""
    };

    for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        ok(json_valid(good[i], strlen(good[i])), good[i]);
    }

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        ok(!json_valid(bad[i], strlen(bad[i])), "no JSON");
        ok(json_parse(bad[i], strlen(bad[i]), JSON_TREE_MAX) == NULL,
           "and no tree");
    }
}


int main(void)
{
    test_trailing();
    test_accepted();
    test_dead();
    test_fault();
    test_states();
    test_large();

    return done();
}
