/*
 * meta_split: which events a body holds, where, and in what order (contract 4,
 * the sentences below its tables).
 *
 * In the bodies here ' stands for ".
 */

#include <stdlib.h>

#include "tap.h"
#include "meta/meta_split.c"


#define MAX  16


/*
 * want: the events, each as its kind (C, M, S, E, B), its bytes, and where the
 * entry has them '#' and the id, '@' and the time; events end at a '|'.
 */

static const struct {
    const char  *name;
    const char  *body;
    const char  *want;
} cases[] = {

    /* the shapes of meta-webhooks-and-messaging.md 2 */

    { "a change",
      "{'object':'page','entry':[{'id':'1','time':5,'changes':[{'a':1}]}]}",
      "C{'a':1}#'1'@5" },
    { "a message",
      "{'object':'page','entry':[{'id':'1','time':5,'messaging':[{}]}]}",
      "M{}#'1'@5" },
    { "standby",
      "{'object':'page','entry':[{'id':'1','time':5,'standby':[{}]}]}",
      "S{}#'1'@5" },
    { "several changes",
      "{'entry':[{'id':1,'changes':[{'a':1},{'b':2}]}]}",
      "C{'a':1}#1|C{'b':2}#1" },
    { "several entries",
      "{'entry':[{'id':'1','changes':[{'a':1}]},{'id':'2','time':'6',"
      "'changes':[{'b':2}]}]}",
      "C{'a':1}#'1'|C{'b':2}#'2'@'6'" },
    { "keys in another order",
      "{'entry':[{'changes':[{'a':1}],'messaging':[2],'time':5,'id':'1'}],"
      "'object':'page'}",
      "C{'a':1}#'1'@5|M2#'1'@5" },
    { "changes and messages in the order of the bytes",
      "{'entry':[{'standby':[1],'messaging':[2,3],'changes':[4]}]}",
      "S1|M2|M3|C4" },
    { "white space inside an event stays, around it goes",
      " { 'entry' : [ { 'id' : '1' , 'changes' : [ { 'a' : 1 } , 2 ] } ] } ",
      "C{ 'a' : 1 }#'1'|C2#'1'" },
    { "items that are no objects",
      "{'entry':[{'changes':[1,'x',null,true,[],{}]}]}",
      "C1|C'x'|Cnull|Ctrue|C[]|C{}" },

    /* entries with nothing to split */

    { "an entry with changed_fields",
      "{'entry':[{'id':'4','time':6,'changed_fields':['photos']}]}",
      "E{'id':'4','time':6,'changed_fields':['photos']}#'4'@6" },
    { "an empty entry", "{'entry':[{}]}", "E{}" },
    { "entries that are no objects",
      "{'entry':[1,'x',null,[{'changes':[1]}],{'id':'1','changes':[2]}]}",
      "E1|E'x'|Enull|E[{'changes':[1]}]|C2#'1'" },
    { "empty arrays",
      "{'entry':[{'id':'1','changes':[],'messaging':[],'standby':[]}]}",
      "E{'id':'1','changes':[],'messaging':[],'standby':[]}#'1'" },
    { "changes that are no array",
      "{'entry':[{'changes':{'field':'feed'},'messaging':null}]}",
      "E{'changes':{'field':'feed'},'messaging':null}" },
    { "changes that are no array, beside messages",
      "{'entry':[{'changes':7,'messaging':[1]}]}", "M1" },
    { "a flat entry",
      "{'entry':[{'id':'1','time':5,'field':'comments','value':{}}]}",
      "C{'id':'1','time':5,'field':'comments','value':{}}#'1'@5" },
    { "a flat entry beside empty changes",
      "{'entry':[{'field':'comments','changes':[]}]}",
      "C{'field':'comments','changes':[]}" },
    { "a field beside changes",
      "{'entry':[{'field':'comments','changes':[1]}]}", "C1" },
    { "a field that is empty, or no string",
      "{'entry':[{'field':''},{'field':5}]}",
      "E{'field':''}|E{'field':5}" },

    /* the whole body */

    { "an empty body", "{}", "B{}" },
    { "entry absent", "\r\n\t {'object':'page'} \n", "B{'object':'page'}" },
    { "entry empty", "{'entry':[]}", "B{'entry':[]}" },
    { "entry null", "{'entry':null}", "B{'entry':null}" },
    { "entry an object", "{'entry':{'changes':[1]}}",
      "B{'entry':{'changes':[1]}}" },
    { "a flat body", " {'field':'messages','value':{}} ",
      "C{'field':'messages','value':{}}" },
    { "a flat body with an entry", "{'field':'x','entry':[1]}", "E1" },
    { "a body whose field is empty", "{'field':''}", "B{'field':''}" },
    { "names deeper down are nobody's",
      "{'a':{'entry':[1]},'b':[{'changes':[1]}]}",
      "B{'a':{'entry':[1]},'b':[{'changes':[1]}]}" },

    /* a member named twice: the last counts */

    { "entry twice", "{'entry':[{'changes':[1,2]}],'entry':[{'changes':[3]}]}",
      "C3" },
    { "entry twice, then none",
      "{'entry':[{'changes':[1]}],'entry':null}",
      "B{'entry':[{'changes':[1]}],'entry':null}" },
    { "entry twice, once escaped",
      "{'entry':[1],'\\u0065ntry':[2]}", "E2" },
    { "changes twice", "{'entry':[{'changes':[1,2],'changes':[3]}]}", "C3" },
    { "changes twice around messages",
      "{'entry':[{'changes':[1,2],'messaging':[3],'changes':[4,5]},6]}",
      "M3|C4|C5|E6" },
    { "changes twice before messages",
      "{'entry':[0,{'changes':[1],'changes':[2],'messaging':[3],"
      "'id':'9'}]}", "E0|C2#'9'|M3#'9'" },
    { "all three twice",
      "{'entry':[{'standby':[1],'changes':[2],'messaging':[3],'standby':[4],"
      "'messaging':[5],'changes':[6]}]}", "S4|M5|C6" },
    { "changes twice, then empty",
      "{'entry':[{'changes':[1],'changes':[]}]}",
      "E{'changes':[1],'changes':[]}" },
    { "changes twice, then null",
      "{'entry':[{'changes':[1],'changes':null,'messaging':[2]}]}", "M2" },
    { "changes twice, first null",
      "{'entry':[{'changes':null,'changes':[1]}]}", "C1" },
    { "changes three times",
      "{'entry':[{'changes':[1],'changes':[2],'changes':[3]}]}", "C3" },
    { "id and time twice",
      "{'entry':[{'id':'1','time':1,'changes':[1],'id':'2','time':2}]}",
      "C1#'2'@2" },
    { "field twice, then gone",
      "{'entry':[{'field':'x','field':null}]}",
      "E{'field':'x','field':null}" },

    /* names are decoded */

    { "escaped names",
      "{'\\u0065\\u006etry':[{'\\u0069d':'1','ti\\u006de':5,"
      "'ch\\u0061nges':[1],'m\\u0065ssaging':[2],'stand\\u0062y':[3]}]}",
      "C1#'1'@5|M2#'1'@5|S3#'1'@5" },
    { "names that only begin alike",
      "{'entries':[1],'entr':[1],'entry':[{'change':[1],'changess':[1],"
      "'Changes':[1]}]}",
      "E{'change':[1],'changess':[1],'Changes':[1]}" },

    /* refused */

    { "no JSON", "hello", NULL }, { "nothing", "", NULL },
    { "white space", " \n", NULL },
    { "an array", "[{'entry':[]}]", NULL }, { "a string", "'x'", NULL },
    { "null", "null", NULL }, { "a number", "1", NULL },
    { "bytes behind", "{} x", NULL }, { "two objects", "{}{}", NULL },
    { "a string begun behind", "{}'", NULL },
    { "a comma behind", "{},", NULL },
    { "cut off", "{'entry':[{'changes':[{}", NULL },
    { "a bad value in another member", "{'entry':[1],'x':01}", NULL },
    { "a bad event", "{'entry':[{'changes':[{'a':tru}]}]}", NULL },
    { "a bad entry", "{'entry':[{'id':'1',}]}", NULL },
    { "a comma too many", "{'entry':[1,]}", NULL },
    { "a bad value where entry is named twice",
      "{'entry':[{'changes':[1,]}],'entry':[1]}", NULL },
    { "a bad value where changes is named twice",
      "{'entry':[{'changes':[+],'changes':[1]}]}", NULL },
    { "a colon too few", "{'entry'[]}", NULL },
    { "a byte order mark", "\xef\xbb\xbf{}", NULL },
    { "VT as white space", "{\v}", NULL },
    { "FF as white space", "{}\f", NULL }
};


static char *
quoted(const char *s)
{
    char  *p, *q;

    q = strdup(s);

    for (p = q; *p != '\0'; p++) {
        if (*p == '\'') {
            *p = '"';
        }
    }

    return q;
}


static char *
put(char *p, const void *bytes, size_t len)
{
    memcpy(p, bytes, len);

    return p + len;
}


static char *
puts_at(char *p, const char *s)
{
    return put(p, s, strlen(s));
}


/* out has room for a body and a few bytes an event */

static size_t
show(char *out, const meta_event_t *ev, size_t n)
{
    char    *p;
    size_t   i;

    p = out;

    for (i = 0; i < n; i++, ev++) {
        p = puts_at(p, i == 0 ? "" : "|");
        p = put(p, &"CMSEB"[ev->kind], 1);
        p = put(p, ev->raw.data, ev->raw.len);

        if (ev->entry_id.len != 0) {
            p = puts_at(p, "#");
            p = put(p, ev->entry_id.data, ev->entry_id.len);
        }

        if (ev->entry_time.len != 0) {
            p = puts_at(p, "@");
            p = put(p, ev->entry_time.data, ev->entry_time.len);
        }
    }

    return (size_t) (p - out);
}


/* in runs of budget bytes; 0: the first run is of cut bytes, then one of all */
static meta_rc_t
in_runs(meta_str_t body, meta_split_t *split, meta_event_t *events,
    size_t nalloc, size_t budget, size_t cut)
{
    size_t       runs;
    meta_rc_t    rc;
    meta_scan_t  s;

    meta_split_begin(&s, body, events, nalloc);
    runs = 0;

    if (budget == 0) {
        rc = meta_split_run(&s, cut, split);

        return rc == META_AGAIN ? meta_split_run(&s, SIZE_MAX, split) : rc;
    }

    do {
        rc = meta_split_run(&s, budget, split);
    } while (rc == META_AGAIN && ++runs <= 3 * body.len);

    return rc;
}


/* however it is cut, the judgement and the events are those of one run */
static void
test_runs(meta_str_t body, meta_rc_t want, const meta_event_t *whole, size_t n)
{
    char          one[1024], other[1024];
    size_t        i, k, bad, len;
    meta_rc_t     rc;
    meta_event_t  events[MAX];
    meta_split_t  s;

    len = (want == META_OK) ? show(one, whole, n) : 0;
    bad = 0;

    for (k = 1; k <= body.len; k++) {
        for (i = 0; i < 2; i++) {
            memset(events, 0, sizeof(events));

            rc = in_runs(body, &s, events, MAX, i == 0 ? k : 0, k);

            if (rc != want) {
                bad++;

            } else if (rc == META_OK) {
                bad += s.nevents != n || show(other, events, n) != len
                       || memcmp(one, other, len) != 0;
            }
        }
    }

    is_int((long) bad, 0, "the same in slices of every length");
}


static void
test_case(const char *name, const char *body, const char *want)
{
    char           out[1024], *bytes, *expected;
    size_t         k, n, len, some;
    meta_rc_t      rc;
    meta_str_t     b;
    meta_event_t   all[MAX], few[MAX];
    meta_split_t   s;

    expected = quoted(want == NULL ? "" : want);
    bytes = quoted(body);

    b.len = strlen(bytes);
    b.data = memcpy(malloc(b.len + (b.len == 0)), bytes, b.len);

    rc = meta_split(b, &s, all, MAX);

    is_int(rc, want == NULL ? META_MALFORMED : META_OK, name);

    test_runs(b, rc, all, rc == META_OK ? s.nevents : 0);

    if (rc == META_OK) {
        len = show(out, all, s.nevents);
        is_str(out, len, expected, "its events");

        n = s.nevents;

        for (k = 0; k < n; k++) {
            rc = meta_split(b, &s, k == 0 ? NULL : few, k);
            some = show(out, few, k);

            ok(rc == META_OK && s.nevents == n
               && strncmp(out, expected, some) == 0,
               "with room for fewer");
        }
    }

    free(bytes);
    free(expected);
    free((void *) b.data);
}


/* n events, of which the last array of changes holds kept */

static void
test_many(size_t dropped, size_t kept, const char *name)
{
    char                 *body, *p;
    size_t                i, n;
    meta_str_t            b;
    meta_split_t          s;
    static meta_event_t   events[META_MAX_EVENTS];

    body = malloc(2 * (dropped + kept) + 128);

    p = puts_at(body, " {\"field\":\"x\",\"entry\":[{\"changes\":[0");

    for (i = 1; i < dropped; i++) {
        p = puts_at(p, ",0");
    }

    p = puts_at(p, "],\"changes\":[1");

    for (i = 1; i < kept; i++) {
        p = puts_at(p, ",1");
    }

    p = puts_at(p, "]}]} ");

    b.data = (unsigned char *) body;
    b.len = (size_t) (p - body);

    is_int(meta_split(b, &s, events, META_MAX_EVENTS), META_OK, name);

    n = (kept > META_MAX_EVENTS) ? 1 : kept;
    is_int((long long) s.nevents, (long long) n, "how many");

    if (n == 1) {
        is_mem(events[0].raw.data, events[0].raw.len, body + 1, b.len - 2,
               "the whole body, trimmed");
        is_int(events[0].kind, META_EVENT_CHANGE,
               "a body with a field counts as a change");
        is_int((long long) events[0].entry_id.len, 0, "of no entry");

    } else {
        for (i = 0; i < n && events[i].raw.data[0] == '1'; i++) { /* void */ }
        is_int((long long) i, (long long) n, "the last array's");
    }

    free(body);
}


static void
test_depth(size_t depth, meta_rc_t want, const char *name)
{
    size_t        i, n;
    char          body[2048], *p;
    meta_str_t    b;
    meta_event_t  ev;
    meta_split_t  s;

    static const char  head[] = "{\"entry\":[{\"changes\":[";

    p = puts_at(body, head);
    n = depth - 4;

    for (i = 0; i < n; i++) {
        *p++ = '[';
    }

    for (i = 0; i < n; i++) {
        *p++ = ']';
    }

    p = puts_at(p, "]}]}");

    b.data = (unsigned char *) body;
    b.len = (size_t) (p - body);

    is_int(meta_split(b, &s, &ev, 1), want, name);

    /* the same depth beside the entry */

    p = puts_at(body, "{\"a\":");

    for (i = 0; i < depth - 1; i++) {
        *p++ = '[';
    }

    for (i = 0; i < depth - 1; i++) {
        *p++ = ']';
    }

    *p++ = '}';

    b.len = (size_t) (p - body);

    is_int(meta_split(b, &s, &ev, 1), want, "beside an entry");
}


static void
test_object(const char *body, const char *want)
{
    char          *bytes, *expected;
    meta_str_t     b;
    meta_event_t   ev;
    meta_split_t   s;

    bytes = quoted(body);
    expected = quoted(want);

    b.data = (unsigned char *) bytes;
    b.len = strlen(bytes);

    is_int(meta_split(b, &s, &ev, 1), META_OK, body);
    is_str(s.object.data, s.object.len, expected, "its object");

    free(bytes);
    free(expected);
}


int
main(void)
{
    size_t        i;
    meta_str_t    none = { NULL, 0 };
    meta_split_t  s;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        test_case(cases[i].name, cases[i].body, cases[i].want);
    }

    test_object("{'object':'page'}", "'page'");
    test_object("{'entry':[1],'obj\\u0065ct':'p\\u0061ge'}", "'p\\u0061ge'");
    test_object("{'object':'page','object':'user'}", "'user'");
    test_object("{'object':5}", "5");
    test_object("{'entry':[{'object':'page'}]}", "");

    test_many(1, 10000, "10,000 events");
    test_many(1, 10001, "10,001 events");
    test_many(10001, 2, "10,001 events that a later array voids");

    test_depth(512, META_OK, "512 deep");
    test_depth(513, META_TOO_DEEP, "513 deep");

    is_int(meta_split(none, &s, NULL, 0), META_MALFORMED, "no bytes");

    return done();
}
