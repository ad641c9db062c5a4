/*
 * Unit tests of values.c: what {{user.name}} and its kind become, that nothing
 * a person wrote is more than text, and what is cut.
 */

#include "tap.h"

#include <stdlib.h>

#include "consumer/values.h"


static struct conf  conf;


static struct event an_event(void)
{
    static struct json_doc  *doc;
    struct event             e = {
        .product = PRODUCT_WHATSAPP, .kind = KIND_MESSAGE,
        .account = STR("106540352242922"), .id = STR("wamid.1"),
        .user = STR("ZA.4821"), .phone = STR("27820000001"),
        .name = STR("Thandi \"T\" Nkosi"), .username = NONE,
        .text = STR("{{account}} \\ \"}]\n\xc3\xa9?a=b&c/../d"),
        .payload = NONE, .time = 1767225600123ll
    };

    if (doc == NULL) {
        doc = json_parse("{\"ref\":\"spring\",\"leadgen_id\":\"9\"}", 33,
                         65536);
    }
    e.referral = e.lead = json_root(doc);

    return e;
}


/* the action that becomes of it, or what is wrong */
static const char *filled(const char *action)
{
    int                        rc;
    static struct buf          b;
    struct fault               f;
    struct event               e = an_event();
    struct action              a;
    struct values              values = { &e, STR("record"), STR("known") };
    const struct action_place  place = {
        .from = FROM_RULE, .product = PRODUCT_WHATSAPP, .kind = KIND_MESSAGE,
        .addressed = true, .message = true
    };

    buf_free(&b);
    buf_init(&b, 65536);
    rc = values_action(STR(action), &values, &place, &conf, &a, &f);

    if (rc != 0) {
        buf_format(&b, "%s: %s", f.parameter, f.text);
    } else {
        buf_str(&b, a.json);
        action_free(&a);
    }
    buf_add(&b, "", 1);

    return b.at;
}


static void becomes(const char *action, const char *want, const char *name)
{
    const char  *got = filled(action);

    is_str(got, strlen(got), want, name);
}


/* what the configuration says to it */
static void refused(const char *action, const char *want)
{
    struct buf        b;
    struct fault      f = { .action = 0 };
    struct json_doc  *doc = json_parse(action, strlen(action), 65536);

    buf_init(&b, 65536);
    values_check(json_root(doc), &b, &f);
    is_str(f.parameter, strlen(f.parameter), want, action);
    buf_free(&b);
    json_free(doc);
}


static void test_names(void)
{
    becomes("{\"reply\":{\"text\":\"Hi {{user.name}}, {{ user.phone }}\"}}",
            "{\"reply\":{\"text\":\"Hi Thandi \\\"T\\\" Nkosi, 27820000001\"}}",
            "two values, quoted");
    becomes("{\"reply\":{\"text\":\"{{user.username|you there}}!\"}}",
            "{\"reply\":{\"text\":\"you there!\"}}", "what stands for nobody");
    becomes("{\"reply\":{\"text\":\"-{{payload}}-{{ payload | }}-\"}}",
            "{\"reply\":{\"text\":\"---\"}}", "nothing");
    becomes("{\"reply\":{\"text\":\"{{payload}}\"}}", "reply.text: is empty",
            "a text of nothing");
    becomes("{\"reply\":{\"text\":\"{{product}} {{kind}} {{id}} {{time}}"
            " {{user.id}} {{referral.ref}} {{lead.id}}\"}}",
            "{\"reply\":{\"text\":\"whatsapp message wamid.1"
            " 2026-01-01T00:00:00Z ZA.4821 spring 9\"}}", "of all kinds");
    becomes("{\"reply\":{\"text\":\"{ {user.name} } }} {\"}}",
            "{\"reply\":{\"text\":\"{ {user.name} } }} {\"}}",
            "what is no value stays");
    becomes("\"mark_read\"", "\"mark_read\"", "a name");
}


static void test_escapes(void)
{
    struct event      e = an_event();
    struct buf        want;
    const char       *got;
    struct json_doc  *doc;

    got = filled("{\"reply\":{\"text\":\"<{{text}}>\"}}");
    doc = json_parse(got, strlen(got), 65536);
    buf_init(&want, 4096);
    buf_text(&want, "<");
    buf_str(&want, e.text);
    buf_text(&want, ">");
    is_mem(json_text(json_path(json_root(doc), "reply", "text")).at,
           json_text(json_path(json_root(doc), "reply", "text")).len,
           want.at, want.len, "what was written, and only that");
    buf_free(&want);
    json_free(doc);

    becomes("{\"graph\":{\"method\":\"GET\",\"path\":\"a/{{user.name}}/b\"}}",
            "{\"graph\":{\"method\":\"GET\",\"path\":"
            "\"a/Thandi%20%22T%22%20Nkosi/b\"}}", "in a path");
    becomes("{\"graph\":{\"method\":\"GET\",\"path\":\"{{text}}\"}}",
            "graph.path: must be a path such as 106540352242922/messages: no"
            " host, no query, no empty part", "a slash leaves no path");
    becomes("{\"graph\":{\"method\":\"POST\",\"path\":\"me\",\"params\":"
            "{\"link\":\"https://a.example/?q={{text}}\",\"n\":[1,true,"
            "\"{{account}}\"]}}}",
            "{\"graph\":{\"method\":\"POST\",\"path\":\"me\",\"params\":"
            "{\"link\":\"https://a.example/?q=%7B%7Baccount%7D%7D%20%5C%20%22"
            "%7D%5D%0A%C3%A9%3Fa%3Db%26c%2F..%2Fd\",\"n\":[1,true,"
            "\"106540352242922\"]}}}", "in a URL, and deep inside");
}


static void test_cuts(void)
{
    becomes("{\"reply\":{\"text\":\"a\",\"quick_replies\":[{\"title\":"
            "\"\xc3\xa9 {{user.name}} and {{user.name}}\",\"payload\":"
            "\"P\"}]}}",
            "{\"reply\":{\"text\":\"a\",\"quick_replies\":[{\"title\":"
            "\"\xc3\xa9 Thandi \\\"T\\\" Nkosi a\",\"payload\":\"P\"}]}}",
            "at 20 characters");
    becomes("{\"reply\":{\"text\":\"{{user.name}}\",\"quick_replies\":"
            "[{\"title\":\"longer than twenty characters\",\"payload\":"
            "\"P\"}]}}",
            "reply.quick_replies[0].title: 29 characters; there may be 20 at"
            " most", "but nothing that has no value");
}


static void test_refused(void)
{
    refused("{\"reply\":{\"text\":\"{{user.nmae}}\"}}", "reply.text");
    refused("{\"reply\":{\"text\":\"{{}}\"}}", "reply.text");
    refused("{\"reply\":{\"text\":\"{{{user.name}}}\"}}", "reply.text");
    refused("{\"reply\":{\"text\":\"Hi {{user.name}\"}}", "reply.text");
    refused("{\"reply\":{\"quick_replies\":[{},{\"title\":\"{{x}}\"}]}}",
            "reply.quick_replies[1].title");
    refused("{\"push\":{\"list\":\"l:{{account}}\"}}", "push.list");
    refused("{\"call\":{\"handler\":\"{{text}}\"}}", "call.handler");
    refused("{\"tag\":{\"name\":\"{{text}}\"}}", "tag.name");
    refused("{\"reply\":{\"image\":{\"file\":\"/srv/{{text}}\"}}}",
            "reply.image.file");
    refused("{\"reply\":{\"text\":\"{{user.name|}}\"}}", "");
    refused("{\"graph\":{\"path\":\"{{comment.id}}/likes\"}}", "");
}


int main(void)
{
    test_names();
    test_escapes();
    test_cuts();
    test_refused();

    return done();
}
