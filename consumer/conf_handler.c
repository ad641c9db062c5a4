/* Handlers: where one listens, and what it may take. */

#include "conf_own.h"
#include "action.h"

#include <stdlib.h>


#define HANDLER_URL_MAX   1024
#define HANDLER_PATH_MAX  107       /* of a socket */
#define HANDLER_TIME_MAX  (5ul * 60 * 1000)


/* nothing that a URL would have to escape, and no user or fragment in it */
static bool url_is_plain(const char *at)
{
    for (; *at != '\0'; at++) {
        if ((unsigned char) *at <= ' ' || (unsigned char) *at > '~'
            || strchr("\"<>\\^`{|}@#", *at) != NULL)
        {
            return false;
        }
    }

    return true;
}


static const char *unix_check(const char *text)
{
    size_t       n = strcspn(text, ":");
    const char  *uri = text + n + (text[n] == ':');

    if (*text != '/' || n > HANDLER_PATH_MAX) {
        return "unix: needs an absolute path of at most 107 bytes, and"
               " behind it :/uri";
    }

    return *uri == '/' || *uri == '\0' ? NULL
           : "must be unix:/path:/uri";
}


/* type_handler_url takes http://, https:// or unix:/path:/uri */
const char *type_handler_url(const char *text, void *field)
{
    size_t       host;
    const char  *at, *why;
    bool         plain = strncmp(text, "http://", 7) == 0;

    if (strlen(text) > HANDLER_URL_MAX || !url_is_plain(text)) {
        return "must be a URL of at most 1024 bytes, without user,"
               " fragment and what has to be escaped";
    }

    if (strncmp(text, "unix:", 5) == 0) {
        why = unix_check(text + 5);
        return why != NULL ? why : type_string(text, field);
    }

    if (!plain && strncmp(text, "https://", 8) != 0) {
        return "must begin with https://, http:// or unix:";
    }

    at = text + (plain ? 7 : 8);
    host = *at == '[' ? strspn(at + 1, "0123456789abcdefABCDEF:.") + 2
           : strspn(at, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                    "abcdefghijklmnopqrstuvwxyz0123456789.-_");

    if (host == 0 || host > strlen(at) || (*at == '[' && at[host - 1] != ']')
        || strchr("/:?", at[host]) == NULL)
    {
        return "must be https://HOST[:PORT][/PATH]";
    }

    return type_string(text, field);
}


/* unix:/path:/uri becomes a path and a URL */
static void handler_split(struct conf_handler *h)
{
    char        *text = h->url;
    const char  *path = text + 5, *uri;
    size_t       n = strcspn(path, ":");
    struct buf   b;

    if (strncmp(text, "unix:", 5) != 0) {
        return;
    }

    uri = path[n] == ':' && path[n + 1] != '\0' ? path + n + 1 : "/";
    h->unix_path = mem_copy(path, n);

    buf_init(&b, HANDLER_URL_MAX + 32);
    buf_text(&b, "http://localhost");
    buf_text(&b, uri);
    h->url = mem_copy(b.at, b.len);
    buf_free(&b);
    free(text);
}


/* conf_handler checks one as a whole */
void conf_handler(struct reader *r, yaml_node_t *node, const char *path,
    void *element)
{
    size_t                i;
    struct conf_handler  *h = element, *all = r->conf->handlers.at;

    for (i = 0; i + 1 < r->conf->handlers.n; i++) {
        if (strcmp(all[i].name, h->name) == 0) {
            conf_error(r, node, path, "\"%s\" stands there twice", h->name);
            return;
        }
    }

    if (h->timeout_ms == 0 || h->timeout_ms > HANDLER_TIME_MAX) {
        conf_error(r, node, path, "timeout must be from 1ms to 5m");
    }

    if (h->max_actions > ACTION_LIST_MAX) {
        conf_error(r, node, path, "max_actions may be 100 at most");
    }

    handler_split(h);
}


/* conf_handler_free releases what one holds */
void conf_handler_free(struct conf_handler *handler)
{
    free(handler->name);
    free(handler->url);
    free(handler->unix_path);
    free(handler->ca_file);
    mem_wipe(handler->secret);
}
