/*
 * What Graph answers: whatever it is, the verdict holds no token, and knows
 * what to do.  The same bytes as a path: what is let through stays on the
 * host.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "consumer/graph_judge.h"
#include "consumer/graph_request.h"


#define HOST    "https://graph.facebook.com"
#define SECRET  "SeCrEt"


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fuzz_answer(struct str body, long status);
static void fuzz_hide(struct str body);
static void fuzz_path(struct str path);
static void fuzz_escapes(char *at);
static void check(int good);


/* one byte of status, then the body */

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str         text;
    static const long  statuses[] = { 200, 204, 302, 400, 429, 500, 503, 0 };

    if (size == 0) {
        return 0;
    }

    text.at = (const char *) data + 1;
    text.len = size - 1;

    fuzz_answer(text, statuses[data[0] % 8]);
    fuzz_hide(text);
    fuzz_path(text);
    (void) http_retry_after(text, 1790000000);

    return 0;
}


static void
fuzz_answer(struct str body, long status)
{
    struct verdict      v;
    struct json_doc    *doc;
    struct http_answer  a = {
        .outcome = HTTP_ANSWERED, .why = "", .status = status, .body = body
    };

    doc = graph_judge(&a, PRODUCT_WHATSAPP, SECRET, &v);

    check(v.rc <= GRAPH_ANSWER);
    check((v.rc == GRAPH_ERROR) == (v.row != NULL));
    check(strlen(v.message) < sizeof(v.message));
    check(strlen(v.details) < sizeof(v.details));
    check(strlen(v.trace) < sizeof(v.trace));
    check(strstr(v.message, SECRET) == NULL);
    check(strstr(v.details, SECRET) == NULL);
    check(strstr(v.trace, SECRET) == NULL);
    check(v.rc != GRAPH_OK || (status >= 200 && status <= 299));
    check(v.root == json_root(doc));

    json_free(doc);
}


/* what a job is told of the answer */

static void
fuzz_hide(struct str body)
{
    char  *copy = mem_copy(body.at, body.len);
    int    json = json_valid(body.at, body.len);

    graph_hide(copy, SECRET);
    check(strstr(copy, SECRET) == NULL);
    check(!json || json_valid(copy, body.len));
    free(copy);
}


static void
fuzz_path(struct str path)
{
    struct buf         url;
    struct conf        conf = { .version = "v24.0", .hosts = { HOST } };
    const char        *at;
    struct graph_call  call = { .path = path, .query = NONE };

    buf_init(&url, 64 * 1024);

    if (graph_url(&url, &conf, &call, 1) == NULL) {
        at = url.at + sizeof(HOST) - 1;
        check(strlen(url.at) + 1 == url.len);
        check(strncmp(url.at, HOST "/v24.0/", sizeof(HOST) + 6) == 0);
        check(strpbrk(at, "?#\\ \"<>") == NULL);
        fuzz_escapes(url.at + sizeof(HOST) - 1);
        check(strstr(at, "//") == NULL);
        check(strstr(at, "/../") == NULL && strstr(at, "/./") == NULL);
    }

    buf_free(&url);
}


/* read as the host reads them, they make no segment and no way up */

static void
fuzz_escapes(char *at)
{
    int       n;
    char     *to;
    unsigned  c;

    for (to = at; *at != '\0'; at++, to++) {
        *to = *at;

        if (*at == '%') {
            n = 0;
            check(sscanf(at, "%%%2x%n", &c, &n) == 1 && n == 3);
            check(c >= ' ' && c != 0x7f && strchr("./\\", (int) c) == NULL);
            *to = (char) c;
            at += 2;
        }
    }

    *to = '\0';
}


static void
check(int good)
{
    if (!good) {
        abort();
    }
}
