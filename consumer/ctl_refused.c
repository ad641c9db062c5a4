/* What Redis refuses consumers, or their keys do not open, as they say
   themselves in meta:consumers: then they are alive, and do nothing or not
   all. */

#include "ctl_status.h"

#include <stdlib.h>


/* refused_text: which keys, and what comes of it */
const char *refused_text(struct str what)
{
    size_t  i;

    static const struct {
        const char  *what;
        const char  *text;
    } refused[] = {
        { "limits", "Redis refuses it meta:limit:*: no call leaves" },
        { "pauses", "Redis refuses it meta:control or meta:limit:*: pauses and"
          " stops of others are not seen" },
        { "people", "Redis refuses it meta:user:*, meta:conversation:* or"
          " meta:message:*: what depends on them waits" },
        { "logins", "Redis refuses it meta:auth: nobody can log in" },
        { "tokens", "no key of its token_key_file opens some stored tokens:"
          " what needs them waits there" },
        { "codes", "no key of its token_key_file opens what nginx sealed:"
          " logins that it takes fail" }
    };

    for (i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        if (str_is(what, refused[i].what)) {
            return refused[i].text;
        }
    }

    return "Redis refuses what it needs";
}


/* refused_todo: what helps */
const char *refused_todo(struct str what)
{
    if (str_is(what, "tokens")) {
        return "put the key that sealed them back into its token_key_file, as"
               " the last line, and reload that consumer; then metactl token"
               " rekey";
    }

    return str_is(what, "codes")
           ? "the same token_key_file on every machine, with the first line of"
             " nginx's meta_token_key_file in it; reload that consumer"
           : "its ACL: docs/consumer.md, Keys in Redis; its log says why";
}


/* refused_first: of an entry of meta:consumers */
const struct json *refused_first(const struct json *one)
{
    const struct json  *list = json_get(one, "refused");

    return json_is(list, JSON_ARRAY) ? list->child : NULL;
}


/* refused_any: of those that are alive */
bool refused_any(const struct status *s)
{
    bool                any = false;
    struct json_doc    *doc;
    const struct json  *one;

    doc = json_parse(s->consumers.at, s->consumers.len,
                     s->consumers.len * 20 + 65536);

    for (one = json_is(json_root(doc), JSON_OBJECT) ? json_root(doc)->child
               : NULL;
         one != NULL; one = one->next)
    {
        any |= strtoll(json_get_text(one, "until").at, NULL, 10) > s->now
               && refused_first(one) != NULL;
    }

    json_free(doc);

    return any;
}
