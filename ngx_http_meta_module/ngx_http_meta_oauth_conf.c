
/*
 * What the directives of logins take: apps, URLs, and extras, which are made
 * ready for the dialog's URL when the configuration is read.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "meta/meta_json.h"
#include "ngx_http_meta_oauth.h"


#define NGX_HTTP_META_VALUE_MAX  2048       /* of scope, in the dialog's URL */


/* what an app is told by; all of it may stand there once */
typedef struct {
    ngx_str_t   id;
    ngx_str_t   kind;
    ngx_str_t   scope;
    ngx_str_t   config_id;
    ngx_str_t   extras;
    ngx_str_t   version;
    ngx_str_t   dialog;
} ngx_http_meta_oauth_words_t;


static char *ngx_http_meta_oauth_kind(ngx_conf_t *cf,
    ngx_http_meta_oauth_app_t *app, ngx_http_meta_oauth_words_t *words);
static char *ngx_http_meta_oauth_dialog(ngx_conf_t *cf,
    ngx_http_meta_oauth_app_t *app, ngx_http_meta_oauth_words_t *words);
static char *ngx_http_meta_oauth_query(ngx_conf_t *cf,
    ngx_http_meta_oauth_app_t *app, ngx_http_meta_oauth_words_t *words);
static ngx_int_t ngx_http_meta_oauth_check_name(ngx_str_t *name, size_t max);
static ngx_int_t ngx_http_meta_oauth_check_scope(ngx_str_t *scope);
static char *ngx_http_meta_oauth_extras_text(ngx_conf_t *cf, void *data,
    ngx_str_t *text);


ngx_str_t  ngx_http_meta_oauth_kinds[] = {
    ngx_string("facebook"),
    ngx_string("business"),
    ngx_string("instagram")
};


/* meta-graph-oauth-ads-capi.md 2.1, 2.9, 2.10 */

char *
ngx_http_meta_oauth_app(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_meta_oauth_main_conf_t  *momcf = conf;

    char                         *rv;
    ngx_str_t                    *value;
    ngx_http_meta_oauth_app_t    *app;
    ngx_http_meta_oauth_words_t   words;

    static ngx_http_meta_word_t  names[] = {
        { ngx_string("id="), offsetof(ngx_http_meta_oauth_words_t, id) },
        { ngx_string("kind="), offsetof(ngx_http_meta_oauth_words_t, kind) },
        { ngx_string("scope="), offsetof(ngx_http_meta_oauth_words_t, scope) },
        { ngx_string("config_id="),
          offsetof(ngx_http_meta_oauth_words_t, config_id) },
        { ngx_string("extras="),
          offsetof(ngx_http_meta_oauth_words_t, extras) },
        { ngx_string("version="),
          offsetof(ngx_http_meta_oauth_words_t, version) },
        { ngx_string("dialog="),
          offsetof(ngx_http_meta_oauth_words_t, dialog) },
        { ngx_null_string, 0 }
    };

    value = cf->args->elts;

    if (ngx_http_meta_oauth_check_name(&value[1], META_STATE_NAME_MAX)
        != NGX_OK)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid name \"%V\": it must be 1 to %d of "
                           "A-Za-z0-9_-", &value[1], META_STATE_NAME_MAX);
        return NGX_CONF_ERROR;
    }

    if (ngx_http_meta_oauth_named(momcf, &value[1])) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "there is a \"meta_oauth_app %V\" already",
                           &value[1]);
        return NGX_CONF_ERROR;
    }

    ngx_memzero(&words, sizeof(ngx_http_meta_oauth_words_t));

    rv = ngx_http_meta_oauth_words(cf, 2, names, &words,
                                   "id=, kind=, scope=, config_id=, extras=, "
                                   "version= and dialog=");
    if (rv != NGX_CONF_OK) {
        return rv;
    }

    if (ngx_http_meta_is_app_id(&words.id) != NGX_OK) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"meta_oauth_app %V\" needs id=ID, the app's id "
                           "of 1 to 32 digits", &value[1]);
        return NGX_CONF_ERROR;
    }

    app = ngx_array_push(&momcf->apps);
    if (app == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_memzero(app, sizeof(ngx_http_meta_oauth_app_t));

    app->name = value[1];
    app->id = words.id;

    rv = ngx_http_meta_oauth_kind(cf, app, &words);

    if (rv == NGX_CONF_OK) {
        rv = ngx_http_meta_oauth_dialog(cf, app, &words);
    }

    if (rv == NGX_CONF_OK) {
        rv = ngx_http_meta_oauth_query(cf, app, &words);
    }

    return rv;
}


char *
ngx_http_meta_oauth_words(ngx_conf_t *cf, ngx_uint_t first,
    ngx_http_meta_word_t *names, void *words, const char *known)
{
    ngx_str_t   *value, *word;
    ngx_uint_t   i, k;

    value = cf->args->elts;

    for (i = first; i < cf->args->nelts; i++) {

        for (k = 0; names[k].name.len; k++) {
            if (value[i].len > names[k].name.len
                && ngx_strncmp(value[i].data, names[k].name.data,
                               names[k].name.len)
                   == 0)
            {
                break;
            }
        }

        word = (ngx_str_t *) ((char *) words + names[k].offset);

        if (names[k].name.len == 0 || word->len) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid parameter \"%V\": there are %s, "
                               "each once", &value[i], known);
            return NGX_CONF_ERROR;
        }

        word->data = value[i].data + names[k].name.len;
        word->len = value[i].len - names[k].name.len;
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_meta_oauth_kind(ngx_conf_t *cf, ngx_http_meta_oauth_app_t *app,
    ngx_http_meta_oauth_words_t *words)
{
    ngx_uint_t  i;

    for (i = 0; i <= NGX_HTTP_META_INSTAGRAM; i++) {
        if (words->kind.len == ngx_http_meta_oauth_kinds[i].len
            && ngx_memcmp(words->kind.data, ngx_http_meta_oauth_kinds[i].data,
                          words->kind.len)
               == 0)
        {
            break;
        }
    }

    if (i > NGX_HTTP_META_INSTAGRAM) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"meta_oauth_app %V\" needs kind=facebook, "
                           "kind=business (Facebook Login for Business) or "
                           "kind=instagram", &app->name);
        return NGX_CONF_ERROR;
    }

    app->kind = i;

    if (i == NGX_HTTP_META_BUSINESS) {

        if (words->scope.len
            || ngx_http_meta_is_app_id(&words->config_id) != NGX_OK)
        {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "\"meta_oauth_app %V\": kind=business takes "
                               "config_id=ID, the configuration's id of 1 to "
                               "32 digits, and no scope", &app->name);
            return NGX_CONF_ERROR;
        }

    } else if (words->config_id.len
               || ngx_http_meta_oauth_check_scope(&words->scope) != NGX_OK)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"meta_oauth_app %V\": kind=%V takes scope=LIST, "
                           "permissions of a-z0-9_. with commas between "
                           "them, at most %d bytes, and no config_id",
                           &app->name, &words->kind, NGX_HTTP_META_VALUE_MAX);
        return NGX_CONF_ERROR;
    }

    if (i == NGX_HTTP_META_INSTAGRAM
        && (words->version.len || words->extras.len))
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"meta_oauth_app %V\": Instagram's dialog takes "
                           "neither version nor extras", &app->name);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_meta_oauth_dialog(ngx_conf_t *cf, ngx_http_meta_oauth_app_t *app,
    ngx_http_meta_oauth_words_t *words)
{
    char       *rv;
    u_char     *p;
    ngx_str_t   base, version;

    static ngx_str_t  facebook = ngx_string("https://www.facebook.com");
    static ngx_str_t  instagram = ngx_string("https://www.instagram.com");
    static ngx_str_t  newest = ngx_string("v24.0");

    base = words->dialog;
    version = words->version.len ? words->version : newest;

    if (base.len == 0) {
        base = (app->kind == NGX_HTTP_META_INSTAGRAM) ? instagram : facebook;
    }

    rv = ngx_http_meta_oauth_url(cf, NULL, &base);

    if (rv != NGX_CONF_OK) {
        return rv;
    }

    /* "https://" and a host: what follows is ours */

    p = (u_char *) ngx_strstr(base.data, "//") + 2;

    if (ngx_strlchr(p, base.data + base.len, '/')
        || ngx_strlchr(p, base.data + base.len, '?')
        || ngx_http_meta_oauth_check_version(&version) != NGX_OK)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"meta_oauth_app %V\": dialog= takes "
                           "https://HOST[:PORT] and nothing behind it, "
                           "version= a version of Graph such as v24.0",
                           &app->name);
        return NGX_CONF_ERROR;
    }

    app->dialog.data = ngx_pnalloc(cf->pool, base.len + version.len
                                   + app->id.len
                                   + sizeof("//dialog/oauth?client_id=")
                                   + sizeof("/oauth/authorize?client_id="));
    if (app->dialog.data == NULL) {
        return NGX_CONF_ERROR;
    }

    p = app->dialog.data;

    if (app->kind == NGX_HTTP_META_INSTAGRAM) {
        p = ngx_sprintf(p, "%V/oauth/authorize?client_id=%V", &base,
                        &app->id);

    } else {
        p = ngx_sprintf(p, "%V/%V/dialog/oauth?client_id=%V", &base, &version,
                        &app->id);
    }

    app->dialog.len = p - app->dialog.data;

    return NGX_CONF_OK;
}


/*
 * What is the same in every login.  Facebook tells which permissions were
 * granted only if it is asked to; a configuration's are granted all or none.
 */

static char *
ngx_http_meta_oauth_query(ngx_conf_t *cf, ngx_http_meta_oauth_app_t *app,
    ngx_http_meta_oauth_words_t *words)
{
    char       *rv;
    u_char     *p;
    ngx_str_t   extras;

    ngx_str_null(&extras);

    if (words->extras.len) {
        rv = ngx_http_meta_oauth_extras(cf, &words->extras, &extras);

        if (rv != NGX_CONF_OK) {
            return rv;
        }
    }

    app->query.data = ngx_pnalloc(cf->pool, 128 + words->config_id.len
                                  + ngx_http_meta_escape_len(&words->scope)
                                  + ngx_http_meta_escape_len(&extras));
    if (app->query.data == NULL) {
        return NGX_CONF_ERROR;
    }

    app->scope = words->scope;

    p = app->query.data;

    switch (app->kind) {

    case NGX_HTTP_META_FACEBOOK:
        p = ngx_cpymem(p, "&response_type=code%20granted_scopes&scope=",
                       sizeof("&response_type=code%20granted_scopes&scope=")
                       - 1);
        p = ngx_http_meta_escape(p, &words->scope);
        break;

    case NGX_HTTP_META_BUSINESS:
        p = ngx_sprintf(p, "&response_type=code&config_id=%V",
                        &words->config_id);
        break;

    default:
        p = ngx_cpymem(p, "&response_type=code&scope=",
                       sizeof("&response_type=code&scope=") - 1);
        p = ngx_http_meta_escape(p, &words->scope);
    }

    if (extras.len) {
        p = ngx_cpymem(p, "&extras=", sizeof("&extras=") - 1);
        p = ngx_http_meta_escape(p, &extras);
    }

    app->query.len = p - app->query.data;

    return NGX_CONF_OK;
}


/* a file with one JSON object, its white space around it cut */

char *
ngx_http_meta_oauth_extras(ngx_conf_t *cf, ngx_str_t *path, ngx_str_t *json)
{
    ngx_str_null(json);

    return ngx_http_meta_read_text(cf, path, ngx_http_meta_oauth_extras_text,
                                   json);
}


static char *
ngx_http_meta_oauth_extras_text(ngx_conf_t *cf, void *data, ngx_str_t *text)
{
    ngx_str_t  *json = data;

    size_t       i;
    meta_json_t  j;

    meta_json_init(&j, text->data, text->data + text->len);
    meta_json_space(&j);

    json->data = (u_char *) j.p;

    if (j.p == j.end || *j.p != '{' || meta_json_value(&j, 0) != META_OK) {
        return "is no JSON object";
    }

    json->len = j.p - json->data;
    meta_json_space(&j);

    if (j.p != j.end || json->len > NGX_HTTP_META_EXTRAS_MAX) {
        return "must be one JSON object of at most 2048 bytes";
    }

    json->data = ngx_pstrdup(cf->pool, json);
    if (json->data == NULL) {
        return "no memory";
    }

    /* it goes into a page too, and into a URL */

    for (i = 0; i < json->len; i++) {
        if (json->data[i] < ' ') {
            json->data[i] = ' ';
        }
    }

    return NULL;
}


/*
 * An absolute URL, byte for byte what it is compared with at Meta's: only what
 * a URL may hold, and no fragment.  http leads nowhere but to this machine.
 */

char *
ngx_http_meta_oauth_url(ngx_conf_t *cf, void *post, void *data)
{
    ngx_str_t  *url = data;

    u_char      ch, *p, *host, *last;
    ngx_uint_t  local;

    p = url->data;
    last = url->data + url->len;
    local = 0;

    if (url->len > 8 && ngx_strncmp(p, "https://", 8) == 0) {
        host = p + 8;

    } else if (url->len > 7 && ngx_strncmp(p, "http://", 7) == 0) {
        host = p + 7;
        local = 1;

    } else {
        goto invalid;
    }

    for (p = host; p < last; p++) {
        ch = *p;

        if (ch <= ' ' || ch > '~' || ch == '#' || ch == '"' || ch == '\\'
            || ch == '<' || ch == '>' || ch == '`' || ch == '\'')
        {
            goto invalid;
        }
    }

    for (p = host; p < last && *p != '/' && *p != '?' && *p != ':'; p++) {
        if (*p == '@') {
            goto invalid;
        }
    }

    if (p == host || url->len > NGX_HTTP_META_URI_MAX) {
        goto invalid;
    }

    if (local
        && !(p - host == 9 && ngx_strncmp(host, "127.0.0.1", 9) == 0)
        && !(p - host == 9 && ngx_strncmp(host, "localhost", 9) == 0))
    {
        goto invalid;
    }

    return NGX_CONF_OK;

invalid:

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid URL \"%V\" in \"%V\": it must be absolute, "
                       "https://host/path, of at most %d bytes, without a "
                       "fragment (http:// only for localhost and 127.0.0.1)",
                       url, cf->args->elts, NGX_HTTP_META_URI_MAX);

    return NGX_CONF_ERROR;
}


static ngx_int_t
ngx_http_meta_oauth_check_name(ngx_str_t *name, size_t max)
{
    u_char  ch;
    size_t  i;

    if (name->len == 0 || name->len > max) {
        return NGX_DECLINED;
    }

    for (i = 0; i < name->len; i++) {
        ch = name->data[i];

        if ((ch < 'A' || ch > 'Z') && (ch < 'a' || ch > 'z')
            && (ch < '0' || ch > '9') && ch != '_' && ch != '-')
        {
            return NGX_DECLINED;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_meta_oauth_check_scope(ngx_str_t *scope)
{
    u_char  ch;
    size_t  i;

    if (scope->len == 0 || scope->len > NGX_HTTP_META_VALUE_MAX) {
        return NGX_DECLINED;
    }

    for (i = 0; i < scope->len; i++) {
        ch = scope->data[i];

        if ((ch < 'a' || ch > 'z') && (ch < '0' || ch > '9')
            && ch != '_' && ch != '.' && ch != ',')
        {
            return NGX_DECLINED;
        }
    }

    return NGX_OK;
}


/* "v24.0" */

ngx_int_t
ngx_http_meta_oauth_check_version(ngx_str_t *version)
{
    size_t      i;
    ngx_uint_t  dots;

    if (version->len < 4 || version->len > 8 || version->data[0] != 'v') {
        return NGX_DECLINED;
    }

    dots = 0;

    for (i = 1; i < version->len; i++) {

        if (version->data[i] == '.' && i > 1 && i < version->len - 1) {
            dots++;
            continue;
        }

        if (version->data[i] < '0' || version->data[i] > '9') {
            return NGX_DECLINED;
        }
    }

    return dots == 1 ? NGX_OK : NGX_DECLINED;
}


ngx_uint_t
ngx_http_meta_escape_len(ngx_str_t *text)
{
    return text->len + 2 * ngx_escape_uri(NULL, text->data, text->len,
                                          NGX_ESCAPE_URI_COMPONENT);
}


u_char *
ngx_http_meta_escape(u_char *p, ngx_str_t *text)
{
    return (u_char *) ngx_escape_uri(p, text->data, text->len,
                                     NGX_ESCAPE_URI_COMPONENT);
}
