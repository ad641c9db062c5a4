/* The contacts of a WhatsApp change, found by an id of theirs: a change may
   hold many thousands of them, and as many messages. */

#include "contact.h"

#include <stdlib.h>


static int id_order(struct str a, struct str b)
{
    int  order = memcmp(a.at, b.at, a.len < b.len ? a.len : b.len);

    return order ? order : (a.len > b.len) - (a.len < b.len);
}


/* no two are equal, for qsort is not stable */
static int contact_order(const void *a, const void *b)
{
    const struct contact  *x = a, *y = b;
    int                    order = id_order(x->id, y->id);

    return order ? order : (x->n > y->n) - (x->n < y->n);
}


static struct contact contact_read(const struct json *json, size_t n,
    const char *name)
{
    const struct json  *profile = json_get(json, "profile");

    return (struct contact) {
        .id = json_get_text(json, name), .n = n, .json = json,
        .wa_id = json_get_text(json, "wa_id"),
        .user_id = json_get_text(json, "user_id"),
        .name = json_get_text(profile, "name"),
        .username = json_get_text(profile, "username")
    };
}


/* contacts_open sorts them */
void contacts_open(struct contacts *contacts, const struct json *list,
    const char *name)
{
    size_t              n = 0;
    const struct json  *c;

    *contacts = (struct contacts) { .n = 0 };

    if (!json_is(list, JSON_ARRAY)) {
        return;
    }

    for (c = list->child; c != NULL; c = c->next) {
        n++;
    }

    contacts->at = mem_alloc((n + 1) * sizeof(*contacts->at));

    for (c = list->child; c != NULL; c = c->next) {
        contacts->at[contacts->n] = contact_read(c, contacts->n, name);
        contacts->n++;
    }

    qsort(contacts->at, n, sizeof(*contacts->at), contact_order);
}


/* contacts_close releases what contacts_open made */
void contacts_close(struct contacts *contacts)
{
    free(contacts->at);
    *contacts = (struct contacts) { .n = 0 };
}


/* contacts_of finds the contact of somebody */
const struct contact *contacts_of(const struct contacts *contacts,
    struct str id)
{
    size_t  low = 0, high = contacts->n, middle;

    if (contacts->n == 1) {
        return contacts->at;
    }

    while (low < high) {
        middle = low + (high - low) / 2;
        if (id_order(contacts->at[middle].id, id) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }

    return id.len && low < contacts->n
           && str_equal(contacts->at[low].id, id)
           ? &contacts->at[low] : NULL;
}
