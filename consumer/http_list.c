/* The header lists of requests: one for each token and type of body, made
   once and lent to every call. */

#include "http_own.h"

#include <stdint.h>
#include <stdlib.h>

#include <openssl/crypto.h>


#define LIST_LINE_MAX  (64 * 1024)


/* one line of up to three pieces; a line break in it would be a second one */
static void list_add(struct http_list *list, const char *a, const char *b,
    const char *c)
{
    struct buf          line;
    struct curl_slist  *lines;

    buf_init(&line, LIST_LINE_MAX);
    buf_text(&line, a);
    buf_text(&line, b);
    buf_text(&line, c);
    buf_add(&line, "", 1);

    if (line.over || strpbrk(line.at, "\r\n") != NULL) {
        list->faulty = true;

    } else {
        lines = curl_slist_append(list->lines, line.at);
        if (lines == NULL) {
            abort();
        }
        list->lines = lines;
    }

    OPENSSL_cleanse(line.at, line.len);
    buf_free(&line);
}


static void list_fill(struct http_list *list,
    const struct http_request *request)
{
    size_t  i;

    if (request->bearer != NULL) {
        list_add(list, "Authorization: ", list->oauth ? "OAuth " : "Bearer ",
                 request->bearer);
    }

    list_add(list, "Accept: application/json", "", "");

    if (list->body) {
        list_add(list, "Content-Type: ", request->type != NULL
                 ? request->type : "application/json", "");
        list_add(list, "Expect:", "", "");
    }

    for (i = 0; i < request->nheaders; i++) {
        list_add(list, request->headers[i], "", "");
    }
}


static char *list_text(const char *text)
{
    return text != NULL ? mem_copy(text, strlen(text)) : NULL;
}


static bool list_same(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}


static struct http_list *list_new(const struct http_request *request,
    bool body)
{
    struct http_list  *list = mem_alloc(sizeof(*list));

    list->refs = 1;
    list->body = body;
    list->bearer = list_text(request->bearer);
    list->oauth = request->oauth;
    list->type = list_text(request->type);
    list_fill(list, request);

    return list;
}


/* http_list_get lends the list for such a request */
struct http_list *http_list_get(struct http *http,
    const struct http_request *request, bool body)
{
    size_t              i;
    struct http_list  **slot, *list;

    if (request->nheaders > 0) {
        return list_new(request, body);
    }

    /* where a token stands says which slot to try, what it is whether it fits:
       a reload may put another one at the same place */
    i = ((uintptr_t) request->bearer >> 4) * 2 + body;
    slot = &http->lists[i % HTTP_LISTS];
    list = *slot;

    if (list == NULL || list->body != body || list->oauth != request->oauth
        || !list_same(list->bearer, request->bearer)
        || !list_same(list->type, request->type))
    {
        http_list_drop(list);
        *slot = list = list_new(request, body);
    }

    list->refs++;

    return list;
}


/* http_list_drop gives it back */
void http_list_drop(struct http_list *list)
{
    struct curl_slist  *l;

    if (list == NULL || --list->refs > 0) {
        return;
    }

    for (l = list->lines; l != NULL; l = l->next) {
        OPENSSL_cleanse(l->data, strlen(l->data));
    }

    curl_slist_free_all(list->lines);
    mem_wipe(list->bearer);
    free(list->type);
    free(list);
}


/* http_lists_free forgets all that are kept */
void http_lists_free(struct http *http)
{
    size_t  i;

    for (i = 0; i < HTTP_LISTS; i++) {
        http_list_drop(http->lists[i]);
        http->lists[i] = NULL;
    }
}
