/* The parameters of actions: each is checked by itself. */

#include "action_own.h"
#include "graph_request.h"

#include <stdio.h>


#define PARAM_TEXT_MAX   (64 * 1024)
#define PARAM_NAME_MAX   200
#define PARAM_QUICK_MAX  100


/* param_string reads a text of 1 to max bytes */
int param_string(const struct json *j, const char *path, size_t max,
    char **out, struct fault *f)
{
    char  limit[32];

    if (!json_is(j, JSON_STRING)) {
        return fault_set(f, path, NULL, NONE, "must be a text; a number is"
                         " written in quotes");
    }

    if (j->text.len == 0) {
        return fault_set(f, path, NULL, NONE, "is empty");
    }

    if (memchr(j->text.at, '\0', j->text.len) != NULL) {
        return fault_set(f, path, NULL, NONE, "holds a zero byte");
    }

    if (j->text.len > max) {
        snprintf(limit, sizeof(limit), "%zu bytes", max);
        return fault_set(f, path, limit, NONE, "has more than %zu bytes",
                         max);
    }

    *out = mem_copy(j->text.at, j->text.len);

    return 0;
}


/* param_text reads it */
int param_text(const struct json *j, const char *path,
    struct action *a, struct fault *f)
{
    return content_one(a, CONTENT_TEXT, path, f) != 0 ? -1
           : param_string(j, path, PARAM_TEXT_MAX, &a->text, f);
}


/* a JSON object as it came, without white space */
static int object_read(const struct json *j, const char *path,
    struct str *out, struct fault *f)
{
    struct buf  b;

    if (!json_is(j, JSON_OBJECT)) {
        return fault_set(f, path, NULL, NONE, "must be an object");
    }

    buf_init(&b, ACTION_JSON_MAX);
    json_write(&b, j);

    if (b.over) {
        buf_free(&b);
        return fault_set(f, path, "256 KB", NONE, "is longer than 256 KB");
    }

    *out = (struct str) { b.at, b.len };

    return 0;
}


/* param_raw reads it */
int param_raw(const struct json *j, const char *path,
    struct action *a, struct fault *f)
{
    struct str  name = json_text(json_path(j, "template", "name"));

    if (json_is(j, JSON_OBJECT) && j->child == NULL) {
        return fault_set(f, path, NULL, NONE, "is empty");
    }

    /* who wants no marketing does not want it by another way either */
    if (str_is(json_get_text(j, "type"), "template") && name.len
        && a->template_name == NULL)
    {
        a->template_name = mem_copy(name.at, name.len);
    }

    return content_one(a, CONTENT_RAW, path, f) != 0 ? -1
           : object_read(j, path, &a->raw, f);
}


/* param_params reads it */
int param_params(const struct json *j, const char *path,
    struct action *a, struct fault *f)
{
    size_t              i;
    const struct json  *c;
    static const char *const  ours[] = {
        "access_token", "appsecret_proof", "appsecret_time"
    };

    for (c = json_is(j, JSON_OBJECT) ? j->child : NULL; c != NULL;
         c = c->next)
    {
        for (i = 0; i < COUNT(ours); i++) {
            if (str_is(c->key, ours[i])) {
                return fault_set(f, path, NULL, STR(ours[i]), "%s: the"
                                 " configuration says which token is used",
                                 ours[i]);
            }
        }
    }

    return object_read(j, path, &a->params, f);
}


/* an id: digits, as a text or as a number */
/* param_account reads it */
int param_account(const struct json *j, const char *path,
    struct action *a, struct fault *f)
{
    struct str  id = json_text(j);

    if (!str_digits(id) || id.len > 32) {
        return fault_set(f, path, "32 digits", id,
                         "must be an id of 1 to 32 digits");
    }

    a->account = mem_copy(id.at, id.len);

    return 0;
}


/* param_to reads it */
int param_to(const struct json *j, const char *path, struct action *a,
    struct fault *f)
{
    return param_string(j, path, PARAM_NAME_MAX, &a->to, f);
}


/* param_list reads it */
int param_list(const struct json *j, const char *path,
    struct action *a, struct fault *f)
{
    if (param_string(j, path, PARAM_NAME_MAX, &a->list, f) != 0) {
        return -1;
    }

    if (!list_name_good(STR(a->list))) {
        return fault_set(f, path, NULL, STR(a->list),
                         "must be 1 to 200 of A-Za-z0-9._:-");
    }

    return 0;
}


/* param_handler reads it */
int param_handler(const struct json *j, const char *path,
    struct action *a, struct fault *f)
{
    return param_string(j, path, PARAM_NAME_MAX, &a->handler, f);
}


/* param_method reads it */
int param_method(const struct json *j, const char *path,
    struct action *a, struct fault *f)
{
    size_t                    i;
    struct str                text = json_text(j);
    static const char *const  methods[] = {
        [METHOD_GET] = "GET", [METHOD_POST] = "POST",
        [METHOD_DELETE] = "DELETE"
    };

    for (i = METHOD_GET; i < COUNT(methods); i++) {
        if (str_is(text, methods[i])) {
            a->method = (enum action_method) i;
            return 0;
        }
    }

    return fault_set(f, path, "GET, POST, DELETE", text,
                     "must be GET, POST or DELETE");
}


/* v24.0: graph.version says it for all calls */
static bool segment_is_version(const char *at, size_t len)
{
    return len > 1 && *at == 'v'
           && strspn(at + 1, "0123456789.") >= len - 1;
}


/* param_path reads it */
int param_path(const struct json *j, const char *path,
    struct action *a, struct fault *f)
{
    size_t       n, first;
    const char  *at;

    if (param_string(j, path, 512, &a->path, f) != 0) {
        return -1;
    }

    if (*a->path == '/') {
        memmove(a->path, a->path + 1, strlen(a->path));
    }

    first = strcspn(a->path, "/");
    if (segment_is_version(a->path, first)) {
        return fault_set(f, path, NULL, NONE, "the version is that of"
                         " graph.version, leave it out");
    }

    for (at = a->path;; at += n + 1) {
        n = strspn(at, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                   "0123456789._-%");
        if (n == 0 || strspn(at, ".") == n
            || (at[n] != '\0' && at[n] != '/')
            || graph_path_wrong(STR(a->path)) != NULL)
        {
            return fault_set(f, path, NULL, STR(a->path), "must be a path"
                             " such as 106540352242922/messages: no host, no"
                             " query, no empty part");
        }
        if (at[n] == '\0') {
            return 0;
        }
    }
}


static int quick_one(const struct json *j, const char *path,
    struct quick_reply *q, struct fault *f)
{
    char                full[SCHEMA_PATH_MAX], **field;
    const struct json  *c;

    if (!json_is(j, JSON_OBJECT)) {
        return fault_set(f, path, NULL, NONE,
                         "must be {title: ..., payload: ...}");
    }

    for (c = j->child; c != NULL; c = c->next) {
        schema_join(full, path, c->key);
        field = str_is(c->key, "title") ? &q->title
                : str_is(c->key, "payload") ? &q->payload
                : str_is(c->key, "content_type") ? &q->type
                : str_is(c->key, "image_url") ? &q->image : NULL;

        if (field == NULL || *field != NULL) {
            return fault_set(f, full, NULL, c->key, field == NULL
                             ? "unknown parameter" : "stands there twice");
        }

        if (param_string(c, full, PARAM_TEXT_MAX, field, f) != 0) {
            return -1;
        }
    }

    /* what it asks for, a phone number or an address, is its title */
    if (q->type != NULL && strcmp(q->type, "text") != 0) {
        return q->title == NULL && q->payload == NULL ? 0
               : fault_set(f, path, NULL, STR(q->type), "has no title and no"
                           " payload of its own where it asks for something");
    }

    return q->title != NULL && q->payload != NULL ? 0
           : fault_set(f, path, NULL, NONE, "needs title and payload");
}


/* param_quick reads it */
int param_quick(const struct json *j, const char *path,
    struct action *a, struct fault *f)
{
    char                 full[SCHEMA_PATH_MAX];
    const struct json   *c;
    struct quick_reply  *q;

    if (!json_is(j, JSON_ARRAY) || j->child == NULL) {
        return fault_set(f, path, NULL, NONE, "must be a list of at least"
                         " one {title, payload}");
    }

    for (c = j->child; c != NULL; c = c->next) {
        if (a->quick.n == PARAM_QUICK_MAX) {
            return fault_set(f, path, "100", NONE, "has more than 100"
                             " elements");
        }

        snprintf(full, sizeof(full), "%s[%zu]", path, a->quick.n);

        a->quick.at = mem_grow(a->quick.at,
                               (a->quick.n + 1) * sizeof(*q));
        q = (struct quick_reply *) a->quick.at + a->quick.n++;
        *q = (struct quick_reply) { .title = NULL };

        if (quick_one(c, full, q, f) != 0) {
            return -1;
        }
    }

    return 0;
}
