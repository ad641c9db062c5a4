/* What a consumer says of itself in meta:consumers, and reads of others. */

#include "fleet_own.h"
#include "stats.h"
#include "version.h"

#include <unistd.h>


#define ENTRY_MAX  (1024 * 1024)


static void entry_names(const struct fleet *f, struct buf *b,
    const char *member, bool (*is)(const struct fleet_list *))
{
    bool    some = false;
    size_t  i;

    buf_format(b, ",\"%s\":[", member);

    for (i = 0; i < f->nlists; i++) {
        if (is(f->lists[i])) {
            buf_text(b, some ? "," : "");
            json_quote(b, STR(f->lists[i]->name));
            some = true;
        }
    }

    buf_text(b, "]");
}


static bool is_held(const struct fleet_list *list)
{
    return list->q != NULL && queue_held(list->q);
}


static bool is_claimed(const struct fleet_list *list)
{
    return list->claimed && !is_held(list);
}


static bool is_stopped(const struct fleet_list *list)
{
    return list->stopped;
}


/* fleet_entry writes ours; join.lua adds "until" */
void fleet_entry(const struct fleet *f, struct buf *b)
{
    size_t  i;

    buf_init(b, ENTRY_MAX);
    buf_text(b, "{\"id\":");
    json_quote(b, STR(f->id));
    buf_text(b, ",\"host\":");
    json_quote(b, STR(f->host));
    buf_format(b, ",\"pid\":%d,\"version\":\"%s\",\"started\":%lld"
               ",\"leaving\":%s,\"queues\":[", (int) getpid(), VERSION,
               f->started, f->leaving ? "true" : "false");

    for (i = 0; i < f->nqueues; i++) {
        buf_text(b, i ? "," : "");
        json_quote(b, STR(f->queues[i].conf->name));
    }

    buf_text(b, "]");
    entry_names(f, b, "held", is_held);
    entry_names(f, b, "claims", is_claimed);
    entry_names(f, b, "stopped", is_stopped);
    buf_text(b, ",\"alone\":[");
    stats_marked(b, STAT_HANDLER_OPEN);
    buf_text(b, "],\"alone_endpoints\":[");
    stats_marked(b, STAT_ENDPOINT_OPEN);
    buf_text(b, "],\"refused\":[");
    stats_marked(b, STAT_REFUSED);
    buf_text(b, "]}");
}


/* fleet_read returns an entry as a tree; NULL: it is none */
struct json_doc *fleet_read(struct str entry)
{
    return json_parse(entry.at, entry.len, ENTRY_MAX * 16);
}


/* fleet_names says whether a name stands in that list of an entry */
bool fleet_names(const struct json *entry, const char *member,
    struct str name)
{
    const struct json  *list = json_get(entry, member), *e;

    if (!json_is(list, JSON_ARRAY)) {
        return false;
    }

    for (e = list->child; e != NULL; e = e->next) {
        if (str_equal(json_text(e), name)) {
            return true;
        }
    }

    return false;
}
