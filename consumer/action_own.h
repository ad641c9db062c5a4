/* What the files of the grammar share, and nobody else sees. */

#ifndef ACTION_OWN_H
#define ACTION_OWN_H

#include "action.h"
#include "schema.h"


#define ACTION_JSON_MAX  (256 * 1024)

#define COUNT(table)  (sizeof(table) / sizeof((table)[0]))


/* read gets the value of one parameter, whose path is for the fault */
typedef int (*field_read)(const struct json *j, const char *path,
    struct action *a, struct fault *f);

struct field {
    const char  *name;
    field_read   read;
};


/* action_params.c, a function for each parameter */
int param_text(const struct json *j, const char *path, struct action *a,
    struct fault *f);
int param_quick(const struct json *j, const char *path, struct action *a,
    struct fault *f);
int param_raw(const struct json *j, const char *path, struct action *a,
    struct fault *f);
int param_account(const struct json *j, const char *path, struct action *a,
    struct fault *f);
int param_to(const struct json *j, const char *path, struct action *a,
    struct fault *f);
int param_list(const struct json *j, const char *path, struct action *a,
    struct fault *f);
int param_handler(const struct json *j, const char *path, struct action *a,
    struct fault *f);
int param_method(const struct json *j, const char *path, struct action *a,
    struct fault *f);
int param_path(const struct json *j, const char *path, struct action *a,
    struct fault *f);
int param_params(const struct json *j, const char *path, struct action *a,
    struct fault *f);

/* action_more.c, those of messages beside their text, and of the others */
int param_content(const struct json *j, const char *path, struct action *a,
    struct fault *f);
int param_template_name(const struct json *j, const char *path,
    struct action *a, struct fault *f);
int param_template_language(const struct json *j, const char *path,
    struct action *a, struct fault *f);
int param_components(const struct json *j, const char *path,
    struct action *a, struct fault *f);
int param_quote(const struct json *j, const char *path, struct action *a,
    struct fault *f);
int param_split(const struct json *j, const char *path, struct action *a,
    struct fault *f);
int param_preview(const struct json *j, const char *path, struct action *a,
    struct fault *f);
int param_message_tag(const struct json *j, const char *path,
    struct action *a, struct fault *f);
int param_persona(const struct json *j, const char *path, struct action *a,
    struct fault *f);
int param_notification(const struct json *j, const char *path,
    struct action *a, struct fault *f);
int param_wait_for(const struct json *j, const char *path, struct action *a,
    struct fault *f);
int param_wait_timeout(const struct json *j, const char *path,
    struct action *a, struct fault *f);
int param_emoji(const struct json *j, const char *path, struct action *a,
    struct fault *f);
int param_stored(const struct json *j, const char *path, struct action *a,
    struct fault *f);
int param_name(const struct json *j, const char *path, struct action *a,
    struct fault *f);
int param_for(const struct json *j, const char *path, struct action *a,
    struct fault *f);
int param_app(const struct json *j, const char *path, struct action *a,
    struct fault *f);
int param_token(const struct json *j, const char *path, struct action *a,
    struct fault *f);
int param_pin(const struct json *j, const char *path, struct action *a,
    struct fault *f);
int param_phone(const struct json *j, const char *path, struct action *a,
    struct fault *f);
int param_waba(const struct json *j, const char *path, struct action *a,
    struct fault *f);
int param_tenant(const struct json *j, const char *path, struct action *a,
    struct fault *f);
int param_metadata(const struct json *j, const char *path, struct action *a,
    struct fault *f);

/* content_one: a message holds one content only; path ends in its name */
int content_one(struct action *a, enum content content, const char *path,
    struct fault *f);

/* param_string: a text of 1 to max bytes, *out is the action's */
int param_string(const struct json *j, const char *path, size_t max,
    char **out, struct fault *f);


#endif /* ACTION_OWN_H */
