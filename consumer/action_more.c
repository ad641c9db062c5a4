/* The parameters of messages beside their text, and of the actions that are
   none. */

#include "action_own.h"

#include "meta/meta_state.h"

#include <stdlib.h>


#define WAIT_TIMEOUT_MS  3600000ul
#define FILE_PATH_MAX    1024
#define METADATA_MAX     1000
#define EMOJI_MAX        64
#define TOKEN_MAX        8192       /* sealed */


static const char *const  contents[CONTENTS] = {
    [CONTENT_NONE] = "-", [CONTENT_TEXT] = "text", [CONTENT_RAW] = "raw",
    [CONTENT_IMAGE] = "image", [CONTENT_VIDEO] = "video",
    [CONTENT_AUDIO] = "audio", [CONTENT_DOCUMENT] = "document",
    [CONTENT_STICKER] = "sticker", [CONTENT_LOCATION] = "location",
    [CONTENT_CONTACTS] = "contacts", [CONTENT_TEMPLATE] = "template",
    [CONTENT_INTERACTIVE] = "interactive", [CONTENT_GENERIC] = "generic",
    [CONTENT_BUTTONS] = "buttons", [CONTENT_LIST] = "list"
};


/* content_name is that of the grammar */
const char *content_name(enum content content)
{
    return contents[content];
}


/* content_one says that there is another one already */
int content_one(struct action *a, enum content content, const char *path,
    struct fault *f)
{
    if (a->content != CONTENT_NONE) {
        return fault_set(f, path, NULL, NONE, "stands beside %s: exactly one"
                         " of them", contents[a->content]);
    }

    a->content = content;

    return 0;
}


/* a file of this machine, by its whole path and without a way back */
static int file_read(const struct json *j, const char *path,
    struct action *a, struct fault *f)
{
    char                full[SCHEMA_PATH_MAX];
    const struct json  *file = json_get(j, "file");

    if (file == NULL) {
        return 0;
    }

    schema_join(full, path, STR("file"));
    if (param_string(file, full, FILE_PATH_MAX, &a->file, f) != 0) {
        return -1;
    }

    if (*a->file != '/' || strstr(a->file, "/../") != NULL) {
        return fault_set(f, full, NULL, file->text, "must be an absolute"
                         " path without \"..\"");
    }

    return 0;
}


static int template_read(const struct json *j, const char *path,
    struct action *a, struct fault *f)
{
    char                full[SCHEMA_PATH_MAX];
    size_t              i;
    const struct json  *c;
    static const struct field  fields[] = {
        { "name", param_template_name },
        { "language", param_template_language }
    };

    for (i = 0; i < COUNT(fields); i++) {
        schema_join(full, path, STR(fields[i].name));
        c = json_get(j, fields[i].name);
        if (c == NULL) {
            return fault_set(f, full, NULL, NONE, "is missing");
        }
        if (fields[i].read(c, full, a, f) != 0) {
            return -1;
        }
    }

    return 0;
}


/* param_content reads which it is; what it holds is the channel's to check */
int param_content(const struct json *j, const char *path, struct action *a,
    struct fault *f)
{
    int          i;
    const char  *name = strrchr(path, '.') + 1;

    for (i = CONTENT_IMAGE; strcmp(contents[i], name) != 0; i++) { }

    if (content_one(a, (enum content) i, path, f) != 0) {
        return -1;
    }

    if (!json_is(j, i == CONTENT_CONTACTS ? JSON_ARRAY : JSON_OBJECT)) {
        return fault_set(f, path, NULL, NONE, i == CONTENT_CONTACTS
                         ? "must be a list" : "must be an object");
    }

    if (i >= CONTENT_IMAGE && i <= CONTENT_STICKER) {
        return file_read(j, path, a, f);
    }

    return i == CONTENT_TEMPLATE ? template_read(j, path, a, f) : 0;
}


/* action_content reads again what the message holds */
const struct json *action_content(const struct action *a,
    struct json_doc **doc)
{
    const struct json  *params;

    *doc = NULL;

    if (a->content == CONTENT_NONE || a->content == CONTENT_TEXT) {
        return NULL;
    }

    *doc = json_parse(a->json.at, a->json.len, JSON_TREE_MAX);
    params = json_root(*doc);
    params = params != NULL ? params->child : NULL;

    return a->kind == ACTION_TEMPLATE ? params
           : json_get(params, contents[a->content]);
}


/* param_template_name reads it */
int param_template_name(const struct json *j, const char *path,
    struct action *a, struct fault *f)
{
    return param_string(j, path, 512, &a->template_name, f);
}


/* param_template_language reads "de", or Meta's own {"code": "de"} */
int param_template_language(const struct json *j, const char *path,
    struct action *a, struct fault *f)
{
    char  full[SCHEMA_PATH_MAX];

    if (!json_is(j, JSON_OBJECT)) {
        return param_string(j, path, 32, &a->template_language, f);
    }

    schema_join(full, path, STR("code"));

    return json_get(j, "code") == NULL
           ? fault_set(f, full, NULL, NONE, "is missing")
           : param_string(json_get(j, "code"), full, 32,
                          &a->template_language, f);
}


/* param_components leaves them to the channel's table */
int param_components(const struct json *j, const char *path,
    struct action *a, struct fault *f)
{
    (void) a;

    return json_is(j, JSON_ARRAY) ? 0
           : fault_set(f, path, NULL, NONE, "must be a list");
}


static int bool_read(const struct json *j, const char *path, bool *out,
    struct fault *f)
{
    *out = json_is(j, JSON_TRUE);

    return *out || json_is(j, JSON_FALSE) ? 0
           : fault_set(f, path, NULL, json_text(j), "must be true or false");
}


/* param_quote reads it */
int param_quote(const struct json *j, const char *path, struct action *a,
    struct fault *f)
{
    return bool_read(j, path, &a->quote, f);
}


/* param_split reads it */
int param_split(const struct json *j, const char *path, struct action *a,
    struct fault *f)
{
    return bool_read(j, path, &a->split, f);
}


/* param_preview reads it */
int param_preview(const struct json *j, const char *path, struct action *a,
    struct fault *f)
{
    return bool_read(j, path, &a->preview, f);
}


/* param_message_tag reads it */
int param_message_tag(const struct json *j, const char *path,
    struct action *a, struct fault *f)
{
    return param_string(j, path, 64, &a->message_tag, f);
}


static int id_read(const struct json *j, const char *path, char **out,
    struct fault *f)
{
    struct str  id = json_text(j);

    if (!str_digits(id) || id.len > 32) {
        return fault_set(f, path, "32 digits", id,
                         "must be an id of 1 to 32 digits");
    }

    *out = mem_copy(id.at, id.len);

    return 0;
}


/* param_persona reads an id */
int param_persona(const struct json *j, const char *path, struct action *a,
    struct fault *f)
{
    return id_read(j, path, &a->persona, f);
}


/* param_notification reads it */
int param_notification(const struct json *j, const char *path,
    struct action *a, struct fault *f)
{
    return param_string(j, path, 32, &a->notification, f);
}


/* param_wait_for reads it; what the channel has is checked later */
int param_wait_for(const struct json *j, const char *path, struct action *a,
    struct fault *f)
{
    size_t                    i;
    struct str                text = json_text(j);
    static const char *const  words[] = {
        [WAIT_SENT] = "sent", [WAIT_DELIVERED] = "delivered",
        [WAIT_READ] = "read"
    };

    for (i = WAIT_SENT; i < COUNT(words); i++) {
        if (str_is(text, words[i])) {
            a->wait_for = (enum wait_for) i;
            a->wait_ms = a->wait_ms ? a->wait_ms : WAIT_TIMEOUT_MS;
            return 0;
        }
    }

    return fault_set(f, path, "sent, delivered, read", text,
                     "must be sent, delivered or read");
}


/* a time as the configuration writes it: 30s, 5m, 12h, 7d */
static int time_read(const struct json *j, const char *path,
    unsigned long *out, struct fault *f)
{
    int          rc;
    char        *text = NULL;
    const char  *why;

    if (param_string(j, path, 32, &text, f) != 0) {
        return -1;
    }

    why = type_time(text, out);
    rc = why == NULL && *out > 0 ? 0
         : fault_set(f, path, NULL, j->text, "%s", why != NULL ? why
                     : "must be more than nothing");
    free(text);

    return rc;
}


/* param_wait_timeout reads it */
int param_wait_timeout(const struct json *j, const char *path,
    struct action *a, struct fault *f)
{
    return time_read(j, path, &a->wait_ms, f);
}


/* param_for reads how long a pause lasts */
int param_for(const struct json *j, const char *path, struct action *a,
    struct fault *f)
{
    return time_read(j, path, &a->pause_ms, f);
}


/* param_emoji: an empty one takes the reaction back */
int param_emoji(const struct json *j, const char *path, struct action *a,
    struct fault *f)
{
    if (json_is(j, JSON_STRING) && j->text.len == 0) {
        a->emoji = mem_copy("", 0);
        return 0;
    }

    return param_string(j, path, EMOJI_MAX, &a->emoji, f);
}


/* param_stored: of a token in the store, as metactl token list has it */
int param_stored(const struct json *j, const char *path, struct action *a,
    struct fault *f)
{
    size_t       n;
    const char  *id;

    if (param_string(j, path, 64, &a->name, f) != 0) {
        return -1;
    }

    id = strchr(a->name, ':');
    n = id != NULL ? strspn(id + 1, "0123456789") : 0;

    return n > 0 && id[n + 1] == '\0' && id > a->name ? 0
           : fault_set(f, path, NULL, j->text, "must be KIND:ID, the name of"
                       " a token in the store");
}


/* param_name: of an assistant or a tag, as keys and logs hold it */
int param_name(const struct json *j, const char *path, struct action *a,
    struct fault *f)
{
    size_t  i;
    char    c;

    if (param_string(j, path, 64, &a->name, f) != 0) {
        return -1;
    }

    for (i = 0; (c = a->name[i]) != '\0'; i++) {
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
              || (c >= '0' && c <= '9') || strchr("._-", c) != NULL))
        {
            return fault_set(f, path, NULL, j->text, "must be 1 to 64 of"
                             " A-Za-z0-9._-");
        }
    }

    return 0;
}


/* param_app: the app that takes over; which words there are beside it is the
   channel's to check */
int param_app(const struct json *j, const char *path, struct action *a,
    struct fault *f)
{
    size_t      i;
    struct str  id = json_text(j);

    for (i = 0; i < id.len && id.at[i] >= 'a' && id.at[i] <= 'z'; i++) { }

    if (id.len == 0 || id.len > 32 || (!str_digits(id) && i < id.len)) {
        return fault_set(f, path, "32 digits", id, "must be the id of an app,"
                         " 1 to 32 digits");
    }

    a->to = mem_copy(id.at, id.len);

    return 0;
}


/* param_metadata reads what goes with a handover */
int param_metadata(const struct json *j, const char *path, struct action *a,
    struct fault *f)
{
    return param_string(j, path, METADATA_MAX, &a->metadata, f);
}


/* param_token: of a job it is sealed by now (job_seal.c), so nothing of it is
   ever shown */
int param_token(const struct json *j, const char *path, struct action *a,
    struct fault *f)
{
    return param_string(j, path, TOKEN_MAX, &a->token, f);
}


/* param_pin: the same of a number's two-step PIN */
int param_pin(const struct json *j, const char *path, struct action *a,
    struct fault *f)
{
    return param_string(j, path, TOKEN_MAX, &a->pin, f);
}


/* param_phone reads a phone number id */
int param_phone(const struct json *j, const char *path, struct action *a,
    struct fault *f)
{
    return id_read(j, path, &a->phone, f);
}


/* param_waba reads the id of its WhatsApp Business Account */
int param_waba(const struct json *j, const char *path, struct action *a,
    struct fault *f)
{
    return id_read(j, path, &a->waba, f);
}


/* param_tenant: whose it is, as the ref of a login's link says it */
int param_tenant(const struct json *j, const char *path, struct action *a,
    struct fault *f)
{
    size_t      i;
    struct str  text = json_text(j);

    if (str_is(text, "***")) {      /* job_seal.c */
        return fault_set(f, path, NULL, NONE, "is a token; it must be a name"
                         " of yours for the customer");
    }

    for (i = 0; i < text.len; i++) {
        if ((unsigned char) text.at[i] < 0x20 || text.at[i] == 0x7f) {
            return fault_set(f, path, NULL, NONE, "must be text without"
                             " control characters");
        }
    }

    return param_string(j, path, META_REF_MAX, &a->tenant, f);
}
