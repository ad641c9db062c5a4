/* The contacts of a WhatsApp change, found by wa_id or by user_id. */

#ifndef CONTACT_H
#define CONTACT_H

#include "json.h"


/* in order of that id where there are several, in that of the change among
   equals */
struct contact {
    struct str          id;
    size_t              n;      /* its place in the change */
    const struct json  *json;
    struct str          wa_id;  /* read once, for all elements */
    struct str          user_id;
    struct str          name;
    struct str          username;
};

struct contacts {
    struct contact  *at;
    size_t           n;
};


/* contacts_open reads an array of the change, by the id of that name; NULL or
   another type is as an empty one; contacts_close must follow */
void contacts_open(struct contacts *contacts, const struct json *list,
    const char *name);
void contacts_close(struct contacts *contacts);

/* contacts_of: the only one, or the first whose id it is; NULL */
const struct contact *contacts_of(const struct contacts *contacts,
    struct str id);


#endif /* CONTACT_H */
