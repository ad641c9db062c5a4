/* What logs call a token: an app-scoped id is a person's. */

#include "token.h"
#include "log.h"

#include <stdio.h>


/* token_said: "user:#1a2b3c4d"; who needs the name finds it by "metactl token
   list" */
const char *token_said(char out[TOKEN_NAME_MAX], struct str name)
{
    size_t             i;
    char               person[LOG_PERSON_MAX];
    struct str         id;
    static const char  *const  begins[] = { "user:", "conf:user:" };

    for (i = 0; i < sizeof(begins) / sizeof(begins[0]); i++) {
        id.len = strlen(begins[i]);
        if (name.len > id.len && memcmp(name.at, begins[i], id.len) == 0) {
            id.at = name.at + id.len;
            id.len = name.len - id.len;
            snprintf(out, TOKEN_NAME_MAX, "%s%s", begins[i],
                     log_person(person, id));
            return out;
        }
    }

    snprintf(out, TOKEN_NAME_MAX, "%.*s",
             (int) (name.len < TOKEN_NAME_MAX ? name.len : TOKEN_NAME_MAX - 1),
             name.at);

    return out;
}
