/* Graph requests: where a call goes, and the proof that goes with it. */

#include "graph_request.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>


/* what a path may hold without escapes, and so without tricks (RFC 3986) */
static const char  plain[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
    "-._~!$&'()*+,;=:@";


static bool is_plain(char c)
{
    return c != '\0' && strchr(plain, c) != NULL;
}


/* "v24.0" as a segment: versions are the configuration's */
static bool is_version(const char *at, size_t len)
{
    size_t  i;
    bool    dot = false;

    if (len < 4 || at[0] != 'v') {
        return false;
    }

    for (i = 1; i < len; i++) {
        if (at[i] == '.' && !dot && i > 1 && i + 1 < len) {
            dot = true;
        } else if (at[i] < '0' || at[i] > '9') {
            return false;
        }
    }

    return dot;
}


static bool is_hex(char c)
{
    return c != '\0' && strchr("0123456789abcdefABCDEF", c) != NULL;
}


/* "%40", and none of what an escape is not needed for: "%2E%2E" is ".." to
   some */
static bool is_escape(const char *at)
{
    int  c;

    if (!is_hex(at[1]) || !is_hex(at[2])) {
        return false;
    }

    c = (at[1] < 'A' ? at[1] - '0' : (at[1] | 0x20) - 'a' + 10) * 16
        + (at[2] < 'A' ? at[2] - '0' : (at[2] | 0x20) - 'a' + 10);

    return c >= 0x20 && c != 0x7f && c != '.' && c != '/' && c != '\\';
}


static const char *segment_wrong(const char *at, size_t len, bool first)
{
    size_t  i;

    if (len == 0) {
        return "the path holds an empty segment (\"//\")";
    }

    if (at[0] == '.' && (len == 1 || (len == 2 && at[1] == '.'))) {
        return "the path holds \".\" or \"..\" as a segment";
    }

    if (first && is_version(at, len)) {
        return "the path begins with a version: graph.version of the"
               " configuration says which";
    }

    for (i = 0; i < len; i++) {
        if (at[i] == '%' && len - i > 2 && is_escape(at + i)) {
            i += 2;
        } else if (!is_plain(at[i])) {
            return "the path holds something else than letters, digits,"
                   " escapes and -._~!$&'()*+,;=:@/";
        }
    }

    return NULL;
}


/* graph_path_wrong: segments of harmless characters, one slash between two;
   one may stand in front and one at the end */
const char *graph_path_wrong(struct str path)
{
    bool         first = true;
    const char  *at = path.at, *end = path.at + path.len, *slash, *why;

    if (path.len > GRAPH_PATH_MAX) {
        return "the path is longer than 1024 bytes";
    }

    if (at < end && *at == '/') {
        at++;
    }

    while (at < end) {
        slash = memchr(at, '/', end - at);
        if (slash == NULL) {
            slash = end;
        }

        why = segment_wrong(at, slash - at, first);
        if (why != NULL) {
            return why;
        }

        first = false;
        at = slash + (slash < end);
    }

    return NULL;
}


/* graph_query_wrong: encoded, so that it ends where it seems to */
const char *graph_query_wrong(struct str query)
{
    size_t  i;

    if (query.len > GRAPH_QUERY_MAX) {
        return "the query is longer than 16 KB";
    }

    for (i = 0; i < query.len; i++) {
        if (query.at[i] == '%') {
            if (query.len - i < 3 || !is_hex(query.at[i + 1])
                || !is_hex(query.at[i + 2]))
            {
                return "the query holds a % without two hex digits";
            }
            i += 2;

        } else if (!is_plain(query.at[i]) && query.at[i] != '/'
                   && query.at[i] != '?')
        {
            return "the query is not encoded";
        }
    }

    return NULL;
}


static void hex(char *out, const unsigned char *in, size_t len)
{
    size_t             i;
    static const char  digits[] = "0123456789abcdef";

    for (i = 0; i < len; i++) {
        *out++ = digits[in[i] >> 4];
        *out++ = digits[in[i] & 15];
    }

    *out = '\0';
}


/* graph_proof: HMAC-SHA256 of the token, or of "token|seconds" */
void graph_proof(char out[GRAPH_PROOF_MAX], const char *secret,
    const char *token, long long now)
{
    unsigned       len;
    struct buf     text;
    unsigned char  mac[EVP_MAX_MD_SIZE];

    buf_init(&text, (size_t) -1);
    buf_text(&text, token);
    if (now) {
        buf_format(&text, "|%lld", now);
    }

    if (HMAC(EVP_sha256(), secret, (int) strlen(secret),
             (unsigned char *) text.at, text.len, mac, &len) == NULL)
    {
        len = 0;
    }

    hex(out, mac, len);
    OPENSSL_cleanse(text.at, text.len);
    buf_free(&text);
}


/* token exchanges of Instagram know no versions */
static bool is_unversioned(const struct graph_call *call)
{
    struct str  path = call->path;

    if (path.len && *path.at == '/') {
        path.at++;
        path.len--;
    }

    return call->host == GRAPH_INSTAGRAM_OAUTH
           || (call->host == GRAPH_INSTAGRAM
               && (str_is(path, "access_token")
                   || str_is(path, "refresh_access_token")));
}


/* graph_version names the version that a call asks for */
const char *graph_version(const struct conf *conf,
    const struct graph_call *call)
{
    if (is_unversioned(call)) {
        return NULL;
    }

    return call->ads && conf->ads_version != NULL ? conf->ads_version
           : conf->version;
}


/* the version stands in front, at rupload behind the first segment */
static void url_path(struct buf *url, const char *version,
    const struct graph_call *call)
{
    const char  *at = call->path.at, *end = at + call->path.len, *slash;

    if (at < end && *at == '/') {
        at++;
    }

    if (call->host == GRAPH_RUPLOAD) {
        slash = memchr(at, '/', end - at);
        slash = slash != NULL ? slash : end;
        buf_text(url, "/");
        buf_add(url, at, slash - at);
        at = slash < end ? slash + 1 : end;
    }

    if (version != NULL) {
        buf_text(url, "/");
        buf_text(url, version);
    }

    buf_text(url, "/");
    buf_add(url, at, end - at);
}


/* tokens of Instagram Login are those of an app with a secret of its own
   (meta-graph-oauth-ads-capi.md 2.10), and at rupload nothing is documented */
static bool takes_proof(const struct conf *conf,
    const struct graph_call *call)
{
    return conf->proof != PROOF_OFF && call->token != NULL
           && call->app != NULL && call->app->secret != NULL
           && call->host != GRAPH_RUPLOAD && call->host != GRAPH_INSTAGRAM;
}


static void url_query(struct buf *url, const struct conf *conf,
    const struct graph_call *call, long long now)
{
    char         proof[GRAPH_PROOF_MAX];
    const char  *mark = "?";

    if (call->query.len) {
        buf_text(url, mark);
        buf_str(url, call->query);
        mark = "&";
    }

    if (!takes_proof(conf, call)) {
        return;
    }

    now = conf->proof == PROOF_TIMED ? now : 0;
    graph_proof(proof, call->app->secret, call->token->secret, now);
    buf_text(url, mark);
    buf_text(url, "appsecret_proof=");
    buf_text(url, proof);
    if (now) {
        buf_format(url, "&appsecret_time=%lld", now);
    }
}


/* graph_url writes scheme, host, version, path and query */
const char *graph_url(struct buf *url, const struct conf *conf,
    const struct graph_call *call, long long now)
{
    const char  *why;

    why = graph_path_wrong(call->path);
    if (why == NULL) {
        why = graph_query_wrong(call->query);
    }
    if (why != NULL) {
        return why;
    }

    buf_text(url, conf->base_url != NULL ? conf->base_url
             : conf->hosts[call->host]);
    url_path(url, graph_version(conf, call), call);
    url_query(url, conf, call, now);
    buf_add(url, "", 1);

    return url->over ? "the URL is too long" : NULL;
}
