/* What Graph answers while somebody logs in, and what our own records of it
   say: read, pure. */

#include "flow_read.h"

#include <stdlib.h>


#define FLOW_LEN  32        /* hex digits of a flow's id: meta_state.h */


/* flow_id_good: what goes into a path is digits and nothing else */
bool flow_id_good(struct str id)
{
    return str_digits(id) && id.len <= FLOW_ID_MAX;
}


static struct str id_or_none(const struct json *j, const char *name)
{
    struct str  id = json_get_text(j, name);

    return flow_id_good(id) ? id : NONE;
}


static bool flow_good(struct str flow)
{
    size_t  i;

    for (i = 0; i < flow.len; i++) {
        if (strchr("0123456789abcdef", flow.at[i]) == NULL
            || flow.at[i] == '\0')
        {
            return false;
        }
    }

    return flow.len == FLOW_LEN;
}


static long long number(struct str s)
{
    return s.len > 0 && s.len < 19 && str_digits(s)
           ? strtoll(s.at, NULL, 10) : -1;
}


/* flow_order_read reads a record of contract 4's form whose event is ours */
bool flow_order_read(const struct json *root, struct flow_order *order)
{
    struct str          field;
    const struct json  *e = json_get(root, "event");

    field = json_get_text(root, "field");
    *order = (struct flow_order) {
        .signup = str_is(field, "signup"),
        .received_at = number(json_get_text(root, "received_at")),
        .queued_at = number(json_get_text(root, "queued_at")),
        .app = id_or_none(e, "id"), .flow = json_get_text(e, "flow"),
        .kind = json_get_text(e, "kind"),
        .redirect_uri = json_get_text(e, "redirect_uri"),
        .ref = json_get_text(e, "ref"), .code = json_get_text(e, "code"),
        .wanted = json_get_text(e, "wanted"),
        .denied = json_get_text(e, "denied"),
        .event = json_get_text(e, "event"), .waba = id_or_none(e, "waba"),
        .phone = id_or_none(e, "phone"), .pin = json_get_text(e, "pin")
    };

    return json_is(e, JSON_OBJECT)
           && str_is(json_get_text(root, "v"), "1")
           && str_is(json_get_text(root, "object"), "oauth")
           && (order->signup || str_is(field, "code"))
           && flow_good(order->flow) && order->app.len > 0
           && (order->code.len > 0 || (order->signup && order->pin.len > 0));
}


/* flow_page_read reads one of /me/accounts, or of owned_pages (2.5) */
bool flow_page_read(const struct json *j, struct flow_page *page)
{
    const struct json  *linked = json_get(j, "instagram_business_account");

    *page = (struct flow_page) {
        .id = id_or_none(j, "id"), .name = json_get_text(j, "name"),
        .token = json_get_text(j, "access_token"),
        .instagram = id_or_none(linked, "id"),
        .username = json_get_text(linked, "username")
    };

    return page->id.len > 0;
}


/* flow_number_read reads one of /{waba}/phone_numbers (3.4) */
bool flow_number_read(const struct json *j, struct flow_number *number)
{
    struct str  name = json_get_text(j, "verified_name");
    struct str  dialled = json_get_text(j, "display_phone_number");

    *number = (struct flow_number) {
        .id = id_or_none(j, "id"),
        .name = name.len ? name : dialled, .number = dialled,
        .connected = str_is(json_get_text(j, "status"), "CONNECTED")
    };

    return number->id.len > 0;
}


/* flow_after: paging.next says that there is more, but is never followed: it
   is made anew of the cursor (1.5) */
struct str flow_after(const struct json *root)
{
    const struct json  *paging = json_get(root, "paging");

    return json_get(paging, "next") == NULL ? NONE
           : json_get_text(json_get(paging, "cursors"), "after");
}


/* flow_target: the newest stands first (3.4) */
struct str flow_target(const struct json *granular, const char *scope,
    size_t n)
{
    const struct json  *c, *ids = NULL;

    for (c = json_is(granular, JSON_ARRAY) ? granular->child : NULL;
         c != NULL; c = c->next)
    {
        if (str_is(json_get_text(c, "scope"), scope)) {
            ids = json_get(c, "target_ids");
        }
    }

    for (c = json_is(ids, JSON_ARRAY) ? ids->child : NULL; c != NULL;
         c = c->next)
    {
        if (flow_id_good(json_text(c)) && n-- == 0) {
            return json_text(c);
        }
    }

    return NONE;
}
