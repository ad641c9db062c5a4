
/*
 * Secrets, verify tokens and passwords: read from files or the environment
 * when the configuration is read, never from the configuration itself.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "meta/meta_link.h"
#include "ngx_http_meta_module.h"


#define NGX_HTTP_META_FILE_MAX    65536
#define NGX_HTTP_META_SECRET_MAX  512


static char *ngx_http_meta_read(ngx_conf_t *cf, ngx_str_t *path,
    ngx_http_meta_line_pt handler, void *data, ngx_uint_t lines);
static char *ngx_http_meta_each_line(ngx_conf_t *cf, ngx_str_t *path,
    ngx_str_t *text, ngx_http_meta_line_pt handler, void *data);
static char *ngx_http_meta_read_file(ngx_conf_t *cf, ngx_str_t *path,
    ngx_str_t *text, ngx_uint_t secret);
static ngx_uint_t ngx_http_meta_may_be_secret(ngx_conf_t *cf,
    ngx_str_t *path);
static char *ngx_http_meta_read_env(ngx_conf_t *cf, ngx_str_t *path,
    ngx_str_t *text);
static char *ngx_http_meta_keep_env(ngx_conf_t *cf, ngx_str_t *name);
static char *ngx_http_meta_secret_line(ngx_conf_t *cf, void *data,
    ngx_str_t *line);
static char *ngx_http_meta_token_line(ngx_conf_t *cf, void *data,
    ngx_str_t *line);
static char *ngx_http_meta_password_line(ngx_conf_t *cf, void *data,
    ngx_str_t *line);
static void ngx_http_meta_cleanup_secret(void *data);


char *
ngx_http_meta_read_secrets(ngx_conf_t *cf, ngx_array_t *secrets,
    ngx_str_t *path)
{
    return ngx_http_meta_read_lines(cf, path, ngx_http_meta_secret_line,
                                    secrets);
}


char *
ngx_http_meta_read_tokens(ngx_conf_t *cf, ngx_array_t *tokens, ngx_str_t *path)
{
    return ngx_http_meta_read_lines(cf, path, ngx_http_meta_token_line,
                                    tokens);
}


char *
ngx_http_meta_read_password(ngx_conf_t *cf, ngx_str_t *password,
    ngx_str_t *path)
{
    return ngx_http_meta_read_lines(cf, path, ngx_http_meta_password_line,
                                    password);
}


ngx_int_t
ngx_http_meta_is_app_id(ngx_str_t *id)
{
    size_t  i;

    if (id->len == 0 || id->len > 32) {
        return NGX_DECLINED;
    }

    for (i = 0; i < id->len; i++) {
        if (id->data[i] < '0' || id->data[i] > '9') {
            return NGX_DECLINED;
        }
    }

    return NGX_OK;
}


char *
ngx_http_meta_read_lines(ngx_conf_t *cf, ngx_str_t *path,
    ngx_http_meta_line_pt handler, void *data)
{
    return ngx_http_meta_read(cf, path, handler, data, 1);
}


char *
ngx_http_meta_read_text(ngx_conf_t *cf, ngx_str_t *path,
    ngx_http_meta_line_pt handler, void *data)
{
    return ngx_http_meta_read(cf, path, handler, data, 0);
}


static char *
ngx_http_meta_read(ngx_conf_t *cf, ngx_str_t *path,
    ngx_http_meta_line_pt handler, void *data, ngx_uint_t lines)
{
    char       *rv;
    ngx_str_t   text;

    ngx_str_null(&text);

    if (path->len > 4 && ngx_strncmp(path->data, "env:", 4) == 0) {
        rv = ngx_http_meta_read_env(cf, path, &text);

    } else {
        rv = ngx_http_meta_read_file(cf, path, &text, lines);
    }

    if (rv == NGX_CONF_OK && lines) {
        rv = ngx_http_meta_each_line(cf, path, &text, handler, data);

    } else if (rv == NGX_CONF_OK) {
        rv = handler(cf, data, &text);

        if (rv != NULL) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "\"%V\" %s", path, rv);
            rv = NGX_CONF_ERROR;
        }
    }

    if (text.data) {
        ngx_explicit_memzero(text.data, text.len);
        ngx_free(text.data);
    }

    return rv;
}


static char *
ngx_http_meta_each_line(ngx_conf_t *cf, ngx_str_t *path, ngx_str_t *text,
    ngx_http_meta_line_pt handler, void *data)
{
    char        *rv;
    u_char      *p, *last, *end;
    ngx_str_t    line;
    ngx_uint_t   n, found;

    p = text->data;
    last = text->data + text->len;
    found = 0;

    for (n = 1; p < last; n++, p = end + 1) {

        end = ngx_strlchr(p, last, '\n');
        if (end == NULL) {
            end = last;
        }

        line.data = p;
        line.len = end - p;

        while (line.len && (line.data[0] == ' ' || line.data[0] == '\t')) {
            line.data++;
            line.len--;
        }

        while (line.len && (line.data[line.len - 1] == ' '
                            || line.data[line.len - 1] == '\t'
                            || line.data[line.len - 1] == '\r'))
        {
            line.len--;
        }

        if (line.len == 0) {
            continue;
        }

        rv = handler(cf, data, &line);

        if (rv != NULL) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "line %ui of \"%V\": %s", n, path, rv);
            return NGX_CONF_ERROR;
        }

        found = 1;
    }

    if (!found) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" is empty: one secret, token or password "
                           "a line is expected", path);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_meta_read_file(ngx_conf_t *cf, ngx_str_t *path, ngx_str_t *text,
    ngx_uint_t secret)
{
    char             *rv;
    ssize_t           n;
    ngx_fd_t          fd;
    ngx_str_t         name;
    ngx_file_info_t   fi;

    name = *path;

    if (ngx_conf_full_name(cf->cycle, &name, 1) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    /* a FIFO without a writer would hold up the start for ever */

    fd = ngx_open_file(name.data, NGX_FILE_RDONLY|NGX_FILE_NONBLOCK,
                       NGX_FILE_OPEN, 0);
    if (fd == NGX_INVALID_FILE) {

        if (secret && ngx_http_meta_may_be_secret(cf, path)) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                               "\"%V\" takes a PATH or env:NAME, and what is "
                               "there, not shown since it may be a secret, "
                               "is no file beside nginx.conf", cf->args->elts);
            return NGX_CONF_ERROR;
        }

        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           ngx_open_file_n " \"%V\" failed", &name);
        return NGX_CONF_ERROR;
    }

    rv = NGX_CONF_ERROR;

    if (ngx_fd_info(fd, &fi) == NGX_FILE_ERROR) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           ngx_fd_info_n " \"%V\" failed", &name);
        goto done;
    }

    if (!ngx_is_file(&fi) || ngx_file_size(&fi) > NGX_HTTP_META_FILE_MAX) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" must be a regular file of at most %d bytes",
                           &name, NGX_HTTP_META_FILE_MAX);
        goto done;
    }

    text->data = ngx_alloc(NGX_HTTP_META_FILE_MAX, cf->log);
    if (text->data == NULL) {
        goto done;
    }

    n = ngx_read_fd(fd, text->data, NGX_HTTP_META_FILE_MAX);

    if (n == -1) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           ngx_read_fd_n " \"%V\" failed", &name);
        goto done;
    }

    text->len = n;
    rv = NGX_CONF_OK;

done:

    if (ngx_close_file(fd) == NGX_FILE_ERROR) {
        ngx_log_error(NGX_LOG_ALERT, cf->log, ngx_errno,
                      ngx_close_file_n " \"%V\" failed", &name);
    }

    return rv;
}


/*
 * A name without a folder is more likely the secret itself, unless it is
 * shorter than any key of those directives that take keys.
 */

static ngx_uint_t
ngx_http_meta_may_be_secret(ngx_conf_t *cf, ngx_str_t *path)
{
    ngx_str_t  *name;

    if (path->data[0] == '.'
        || ngx_strlchr(path->data, path->data + path->len, '/'))
    {
        return 0;
    }

    name = cf->args->elts;

    return path->len >= META_LINK_KEY_MIN
           || ngx_strstr(name->data, "_key_file") == NULL;
}


static char *
ngx_http_meta_read_env(ngx_conf_t *cf, ngx_str_t *path, ngx_str_t *text)
{
    char       *value;
    ngx_str_t   name;

    name.len = path->len - 4;
    name.data = ngx_pnalloc(cf->pool, name.len + 1);
    if (name.data == NULL) {
        return NGX_CONF_ERROR;
    }

    (void) ngx_cpystrn(name.data, path->data + 4, name.len + 1);

    value = getenv((char *) name.data);

    if (value == NULL || *value == '\0') {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "environment variable \"%V\" is %s", &name,
                           value ? "empty" : "not set");
        return NGX_CONF_ERROR;
    }

    text->len = ngx_strlen(value);
    text->data = ngx_alloc(text->len, cf->log);
    if (text->data == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_memcpy(text->data, value, text->len);

    return ngx_http_meta_keep_env(cf, &name);
}


/* as "env NAME;" would: the binary that an upgrade starts needs it again */

static char *
ngx_http_meta_keep_env(ngx_conf_t *cf, ngx_str_t *name)
{
    ngx_str_t        *var;
    ngx_uint_t        i;
    ngx_core_conf_t  *ccf;

    ccf = (ngx_core_conf_t *) ngx_get_conf(cf->cycle->conf_ctx,
                                           ngx_core_module);
    var = ccf->env.elts;

    for (i = 0; i < ccf->env.nelts; i++) {
        if (var[i].len == name->len
            && ngx_strncmp(var[i].data, name->data, name->len) == 0)
        {
            return NGX_CONF_OK;
        }
    }

    var = ngx_array_push(&ccf->env);
    if (var == NULL) {
        return NGX_CONF_ERROR;
    }

    *var = *name;

    return NGX_CONF_OK;
}


static char *
ngx_http_meta_secret_line(ngx_conf_t *cf, void *data, ngx_str_t *line)
{
    ngx_array_t  *secrets = data;

    u_char                  *p, *last;
    ngx_str_t                id;
    meta_str_t               key;
    ngx_pool_cleanup_t      *cln;
    ngx_http_meta_secret_t  *secret;

    ngx_str_null(&id);

    key.data = line->data;
    key.len = line->len;
    last = line->data + line->len;

    for (p = line->data; p < last && *p != ' ' && *p != '\t'; p++) {
        /* void */
    }

    if (p < last) {
        id.len = p - line->data;
        id.data = line->data;

        if (ngx_http_meta_is_app_id(&id) != NGX_OK) {
            return "\"SECRET\" or \"APP_ID SECRET\" is expected, "
                   "APP_ID of 1 to 32 digits";
        }

        while (*p == ' ' || *p == '\t') {
            p++;
        }

        key.data = p;
        key.len = last - p;

        for ( /* void */ ; p < last; p++) {
            if (*p == ' ' || *p == '\t') {
                return "more than an app id and a secret";
            }
        }
    }

    if (key.len > NGX_HTTP_META_SECRET_MAX) {
        return "the secret is longer than 512 bytes";
    }

    if (secrets->nelts == NGX_HTTP_META_MAX_SECRETS) {
        return "there are more than 16 secrets";
    }

    secret = ngx_array_push(secrets);
    cln = ngx_pool_cleanup_add(cf->pool, sizeof(meta_hmac_t));

    if (secret == NULL || cln == NULL) {
        return "no memory";
    }

    secret->app.len = id.len;
    secret->app.data = id.len ? ngx_pstrdup(cf->pool, &id) : NULL;

    if ((id.len && secret->app.data == NULL)
        || meta_hmac_init(&secret->hmac, key) != META_OK)
    {
        return "the secret was refused by libcrypto";
    }

    *(meta_hmac_t *) cln->data = secret->hmac;
    cln->handler = ngx_http_meta_cleanup_secret;

    return NULL;
}


static void
ngx_http_meta_cleanup_secret(void *data)
{
    meta_hmac_free(data);
}


static char *
ngx_http_meta_token_line(ngx_conf_t *cf, void *data, ngx_str_t *line)
{
    ngx_array_t  *tokens = data;

    meta_str_t  *token;

    if (line->len > NGX_HTTP_META_SECRET_MAX) {
        return "the token is longer than 512 bytes";
    }

    if (tokens->nelts == NGX_HTTP_META_MAX_TOKENS) {
        return "there are more than 64 tokens";
    }

    token = ngx_array_push(tokens);
    if (token == NULL) {
        return "no memory";
    }

    token->len = line->len;
    token->data = ngx_http_meta_secret_dup(cf, line);

    return token->data ? NULL : "no memory for it";
}


static char *
ngx_http_meta_password_line(ngx_conf_t *cf, void *data, ngx_str_t *line)
{
    ngx_str_t  *password = data;

    if (password->len) {
        return "only one password is expected";
    }

    if (line->len > NGX_HTTP_META_SECRET_MAX) {
        return "the password is longer than 512 bytes";
    }

    password->len = line->len;
    password->data = ngx_http_meta_secret_dup(cf, line);

    return password->data ? NULL : "no memory for it";
}
