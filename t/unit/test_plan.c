/*
 * plan: what was decided survives its way through Redis, step by step, and
 * what is none of ours is refused.
 */

#include <stdlib.h>

#include "tap.h"
#include "consumer/plan.h"


static struct action *
action_of(const char *json)
{
    struct fault       fault;
    struct action     *a = mem_alloc(sizeof(*a));
    struct json_doc   *doc = json_parse(json, strlen(json), PLAN_TREE_MAX);

    if (action_parse(json_root(doc), a, &fault) != 0) {
        printf("# %s\n", fault.text);
        exit(2);
    }

    json_free(doc);

    return a;
}


static struct buf
written(const struct plan *plan)
{
    struct buf  b;

    buf_init(&b, PLAN_BLOB_MAX);
    plan_write(plan, &b);

    return b;
}


/* through Redis and back; the old one is released */
static void
travel(struct plan *plan)
{
    struct buf   b = written(plan), again;
    struct plan  back = { .n = 0 };

    is_int(plan_read(&back, (struct str) { b.at, b.len }), 0, "it is read");
    again = written(&back);
    is_mem(again.at, again.len, b.at, b.len, "and written the same");
    plan_free(plan);
    *plan = back;
    buf_free(&b);
    buf_free(&again);
}


/* an answer of a handler as large as one may be, and of what takes the most
   memory when it is read */
static char *
numbers(void)
{
    size_t      i;
    struct buf  b;

    buf_init(&b, 1 << 20);
    buf_text(&b, "{\"reply\":{\"raw\":{\"type\":\"text\",\"x\":[1");
    for (i = 0; i < 128 * 1000; i++) {
        buf_text(&b, ",1");
    }
    buf_text(&b, "]}}}");
    buf_add(&b, "", 1);

    return b.at;
}


static void
test_large(void)
{
    char           *json = numbers();
    size_t          i;
    struct buf      before, after;
    struct plan     plan = { .decided = true };
    struct action  *a = action_of("{\"call\":{\"handler\":\"h\"}}"), *more;

    plan_add(&plan, 0, 1, a);
    plan_add(&plan, 0, 1, a);
    before = written(&plan);

    for (i = 1; i <= 8; i++) {
        more = action_of(json);
        plan_insert(&plan, more, 1);
        free(more);
        if (!plan_fits(&plan)) {
            break;
        }
    }

    ok(i > 1 && i <= 8, "one fits, eight do not");
    plan_withdraw(&plan, 1);
    ok(plan_fits(&plan), "without the last it does");
    travel(&plan);

    plan_withdraw(&plan, i - 1);
    after = written(&plan);
    is_mem(after.at, after.len, before.at, before.len, "nothing is left");

    plan_free(&plan);
    action_free(a);
    free(a);
    free(json);
    buf_free(&before);
    buf_free(&after);
}


/* who is full when it is decided has room for what its steps come to */
static void
test_later(void)
{
    char            id[257], text[200 * 1024];
    size_t          n = 0;
    struct buf      b;
    struct plan     plan = { .decided = true };
    struct action  *large[100], *small = action_of("\"mark_read\"");

    memset(id, 'm', sizeof(id) - 1);
    id[sizeof(id) - 1] = '\0';
    n = snprintf(text, sizeof(text), "{\"reply\":{\"raw\":{\"x\":\"");
    memset(text + n, 'x', sizeof(text) - 10 - n);
    memcpy(text + sizeof(text) - 10, "\"}}}", 5);

    for (n = 0; n < 9900; n++) {
        plan_add(&plan, 0, 1, small);
    }
    for (n = 0; n < 100 && plan_fits(&plan); n++) {
        large[n] = action_of(text);
        plan_add(&plan, 0, 1, large[n]);
    }
    ok(plan.n > 9901 && plan.n < PLAN_STEPS_MAX, "some fit, but not all");

    plan.n--;
    while (plan.at < plan.n) {
        plan_done(&plan, STR(id), NONE);
    }
    b = written(&plan);
    ok(!b.over, "it is written whole when all is done");

    buf_free(&b);
    plan_free(&plan);
    while (n-- > 0) {
        action_free(large[n]);
        free(large[n]);
    }
    action_free(small);
    free(small);
}


static void
test_steps(void)
{
    struct step    *step;
    struct plan     plan = { .decided = true, .matched = 2 };
    struct action  *a[3];

    a[0] = action_of("\"mark_read\"");
    a[1] = action_of("{\"reply\":{\"text\":\"a \\\"b\\\" \\u00e9\"}}");
    a[2] = action_of("{\"call\":{\"handler\":\"shop\"}}");

    plan_add(&plan, 0, 1, a[0]);
    step = plan_add(&plan, 3, 7, a[1]);
    step->until = 1763700000000;
    step->loose = step->resend = true;
    plan_add(&plan, 0, 1, a[2]);

    travel(&plan);
    is_int(plan.n, 3, "three steps");
    is_int(plan.at, 0, "none is done");
    is_int(plan.matched, 2, "two rules");
    is_int(plan.steps[1].event, 3, "the event");
    is_int(plan.steps[1].rule, 7, "the rule");
    is_int(plan.steps[1].until, 1763700000000, "until when");
    ok(plan.steps[1].loose && plan.steps[1].resend, "how it waits, and ends");
    is_str(plan.steps[1].action->text, strlen(plan.steps[1].action->text),
           "a \"b\" \xc3\xa9", "the text");

    plan_done(&plan, STR("wamid.1"), STR("{\"messages\":[]}"));
    plan.steps[plan.at].state = STEP_SENT;
    plan.attempts = 4;
    plan.tries = 2;
    plan.errors = 1;
    plan.lane = mem_copy("phone:1", 7);
    travel(&plan);
    is_int(plan.at, 1, "one is done");
    is_int(plan.steps[0].state, STEP_DONE, "as it was");
    is_str(plan.steps[0].message, 7, "wamid.1", "its message");
    is_str(plan.steps[0].answer, 15, "{\"messages\":[]}", "its answer");
    is_int(plan.steps[1].state, STEP_SENT, "one may have left");
    is_int(plan.attempts, 4, "attempts");
    is_int(plan.tries, 2, "tries");
    is_int(plan.errors, 1, "those that Graph answered");
    is_str(plan.lane, 7, "phone:1", "its lane");

    plan_skip(&plan);
    travel(&plan);
    is_int(plan.at, 2, "one was too late");
    is_int(plan.tries + plan.errors, 0, "tries begin anew");
    plan_done(&plan, NONE, NONE);
    travel(&plan);
    is_int(plan.at, plan.n, "all is over");

    plan_free(&plan);
    for (int i = 0; i < 3; i++) {
        action_free(a[i]);
        free(a[i]);
    }
}


static void
test_insert(void)
{
    struct plan     plan = { .decided = true };
    struct action  *call = action_of("{\"call\":{\"handler\":\"shop\"}}");
    struct action  *last = action_of("\"mark_read\""), *one;
    struct action  *more = mem_alloc(2 * sizeof(*more));

    one = action_of("{\"reply\":{\"text\":\"1\"}}");
    more[0] = *one;
    free(one);
    one = action_of("{\"reply\":{\"text\":\"2\"}}");
    more[1] = *one;
    free(one);

    plan_add(&plan, 5, 2, call)->until = 9;
    plan_add(&plan, 5, 2, last);
    is_int(plan_insert(&plan, more, 2), 0, "a handler's answer");
    free(more);
    plan_done(&plan, NONE, NONE);

    travel(&plan);
    is_int(plan.n, 4, "two steps more");
    is_int(plan.at, 1, "the first of them comes next");
    is_str(plan.steps[1].action->text, 1, "1", "in order");
    is_str(plan.steps[2].action->text, 1, "2", "both");
    is_int(plan.steps[3].action->kind, ACTION_MARK_READ,
           "before what stood there");
    is_int(plan.steps[2].event, 5, "for the same event");
    is_int(plan.steps[2].until, 9, "with the same end");

    plan_free(&plan);
    action_free(call);
    free(call);
    action_free(last);
    free(last);
}


/* what takes the place of a whole that a later step speaks of, too */
static void
test_replaced(void)
{
    struct plan     plan = { .decided = true };
    struct action  *whole = action_of("{\"reply\":{\"text\":\"12\"}}");
    struct action  *one = action_of("{\"reply\":{\"text\":\"1\"}}");
    struct action  *two = action_of("{\"reply\":{\"text\":\"2\"}}");
    struct action   pieces[] = { *one, *two };

    plan_add(&plan, 0, 1, whole)->files = true;
    plan_add(&plan, 1, 1, whole);
    travel(&plan);
    is_int(plan_replace(&plan, pieces, 2), 0, "two for one");
    plan.steps[1].media = mem_copy("1187", 4);
    plan.steps[1].again = true;

    travel(&plan);
    is_int(plan.n, 3, "a step more");
    is_str(plan.steps[0].action->text, 1, "1", "the first piece");
    is_str(plan.steps[1].action->text, 1, "2", "the second");
    is_str(plan.steps[2].action->text, 2, "12", "another event has the whole");
    ok(plan.steps[0].files && !plan.steps[2].files, "what may name files");
    is_str(plan.steps[1].media, 4, "1187", "a file's id is kept");
    ok(plan.steps[1].again, "and that it was uploaded twice");

    plan_free(&plan);
    action_free(whole);
    free(whole);
    free(one);
    free(two);
}


static void
test_strange(void)
{
    size_t                   i;
    struct plan              plan = { .n = 0 };
    static const char *const  blobs[] = {
        "", "x", "[]", "{}", "{\"v\":2,\"steps\":[]}",
        "{\"v\":1,\"steps\":[1]}", "{\"v\":1,\"steps\":[{}]}",
        "{\"v\":1,\"steps\":[{\"do\":\"nothing_we_know\"}]}",
        "{\"v\":1,\"steps\":[{\"do\":\"mark_read\"},{\"do\":{}}]}",
        "{\"v\":1,\"steps\":[{\"do\":0}]}",
        "{\"v\":1,\"steps\":[{\"do\":\"stop\"},{\"do\":-1}]}"
    };

    for (i = 0; i < sizeof(blobs) / sizeof(blobs[0]); i++) {
        is_int(plan_read(&plan, STR(blobs[i])), -1, blobs[i]);
        is_int(plan.n, 0, "and nothing stays");
    }
}


static void
test_ceiling(void)
{
    size_t          i;
    struct plan     plan = { .n = 0 };
    struct action  *a = action_of("\"mark_read\"");

    for (i = 0; i < PLAN_STEPS_MAX; i++) {
        plan_add(&plan, 0, 0, a);
    }

    ok(plan_add(&plan, 0, 0, a) == NULL, "there is a ceiling");
    is_int(plan.n, PLAN_STEPS_MAX, "and it holds");
    plan_free(&plan);
    action_free(a);
    free(a);
}


/* a rule's actions for each message of a change: every mark writes them */
static void
test_shared(void)
{
    size_t          i;
    struct buf      b;
    struct plan     plan = { .n = 0 };
    struct action  *read = action_of("\"mark_read\"");
    struct action  *reply = action_of("{\"reply\":{\"text\":\"Thanks, we are"
                                      " on it and shall be back soon.\"}}");

    for (i = 0; i < 1000; i++) {
        plan_add(&plan, i, 1, read);
        plan_add(&plan, i, 1, reply);
    }

    b = written(&plan);
    ok(b.len < 2000 * 32, "an action stands there once");
    buf_free(&b);

    travel(&plan);
    is_int(plan.n, 2000, "of all steps");
    ok(plan.steps[1999].action->kind == ACTION_REPLY
       && plan.steps[1998].action->kind == ACTION_MARK_READ,
       "each does what it did");
    plan_free(&plan);
    action_free(read);
    action_free(reply);
    free(read);
    free(reply);
}


/* history, in parts: what was pushed is known to the next part, which who takes
   over goes on with */
static void
test_parts(void)
{
    size_t          i;
    struct plan     plan = { .n = 0 };
    struct action  *push = action_of("{\"push\":{\"list\":\"old\"}}");
    struct action  *read = action_of("\"mark_read\"");

    plan_add(&plan, 0, 1, push);
    for (i = 0; i < 500; i++) {
        plan_add(&plan, i, 1, read);
    }
    plan_add(&plan, 499, 2, push);
    plan.more = 500;
    plan.decided = true;

    while (plan.at < plan.n) {
        plan_done(&plan, STR("m"), NONE);
    }

    travel(&plan);
    is_int(plan.more, 500, "the next event to be decided");
    is_int(plan.at, plan.n, "all before it is done");

    plan_renew(&plan);
    is_int(plan.n, 2, "its pushes stay");
    is_int(plan.at, 2, "done as they are");
    ok(plan_pushes(&plan, "old") && !plan_pushes(&plan, "new"),
       "and are known");

    plan_add(&plan, 500, 1, read);
    plan.more = 0;
    travel(&plan);
    is_int(plan.at, 2, "the next part begins");
    is_int(plan.more, 0, "and is the last");
    plan_free(&plan);
    action_free(push);
    action_free(read);
    free(push);
    free(read);
}


/* who waits for a receipt is not sent again; one that knows of no waiting takes
   it for one that is ambiguous */
static void
test_waits(void)
{
    struct buf      b;
    struct plan     plan = { .decided = true };
    struct action  *a = action_of("{\"reply\":{\"text\":\"x\","
                                  "\"wait_for\":\"read\"}}");

    plan_add(&plan, 0, 0, a);
    plan_add(&plan, 0, 0, a);
    plan_waits(&plan, STR("wamid.1"), NONE, 1763700000000);
    is_int(plan.at, 0, "it stays at the step");
    travel(&plan);
    is_int(plan.steps[0].state, STEP_WAIT, "it waits");
    is_int(plan.steps[0].waits, 1763700000000, "so long");
    is_str(plan.steps[0].message, 7, "wamid.1", "for that");

    b = written(&plan);
    buf_add(&b, "", 1);
    ok(strstr(b.at, "\"o\":\"sent\"") != NULL, "it was sent");
    buf_free(&b);

    plan_reached(&plan, STR("delivered"));
    travel(&plan);
    is_int(plan.at, 1, "on to the next");
    is_str(plan.steps[0].reached, 9, "delivered", "so far it got");
    plan_free(&plan);
    action_free(a);
    free(a);
}


/* the rule's template goes where one of its messages met a closed window */
static void
test_instead(void)
{
    size_t          i;
    struct plan     plan = { .decided = true };
    struct action  *a = action_of("{\"reply\":{\"text\":\"x\"}}");

    for (i = 0; i < 6; i++) {
        plan_add(&plan, i / 3, 1, a)->instead = i % 3 == 2;
    }

    ok(plan_needs(&plan) && plan_instead(&plan), "a message, and what goes"
       " instead");
    plan_close(&plan);
    plan_done(&plan, STR("wamid.1"), NONE);
    travel(&plan);
    is_int(plan.at, 2, "two are over");
    is_int(plan.steps[0].state, STEP_CLOSED, "the first was not sent");
    ok(plan_needs(&plan), "so it goes");
    ok(!plan_instead(&plan), "and nothing instead of it");
    plan_done(&plan, STR("wamid.2"), NONE);
    plan_done(&plan, STR("wamid.3"), NONE);
    plan_leave(&plan);
    travel(&plan);
    is_int(plan.at, 5, "another event");
    ok(!plan_needs(&plan), "has no closed window");
    plan_free(&plan);
    action_free(a);
    free(a);
}


int
main(void)
{
    test_waits();
    test_instead();
    test_parts();
    test_shared();
    test_steps();
    test_insert();
    test_large();
    test_later();
    test_replaced();
    test_strange();
    test_ceiling();

    return done();
}
