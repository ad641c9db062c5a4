
/*
 * The directive meta_spool, and its directory.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "ngx_http_meta_module.h"
#include "ngx_http_meta_spool.h"


#define NGX_HTTP_META_SPOOL_PATH  3000
#define NGX_HTTP_META_SPOOL_MIN   (64 * 1024)


#if (NGX_THREADS)

static ngx_int_t ngx_http_meta_spool_sync_parent(ngx_http_meta_spool_t *spool,
    ngx_log_t *log);
static ngx_int_t ngx_http_meta_spool_owner(ngx_http_meta_spool_t *spool,
    ngx_file_info_t *fi, ngx_uid_t user, ngx_log_t *log);

#endif


char *
ngx_http_meta_spool_slot(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
#if (NGX_THREADS)

    ngx_http_meta_main_conf_t *mmcf = conf;

    off_t                   max;
    ngx_str_t              *value, size;
    ngx_http_meta_spool_t  *spool;

    if (mmcf->spool != NGX_CONF_UNSET_PTR) {
        return "is duplicate";
    }

    mmcf->spool = NULL;
    value = cf->args->elts;

    if (cf->args->nelts == 2 && ngx_strcmp(value[1].data, "off") == 0) {
        return NGX_CONF_OK;
    }

    spool = ngx_pcalloc(cf->pool, sizeof(ngx_http_meta_spool_t));
    if (spool == NULL) {
        return NGX_CONF_ERROR;
    }

    spool->cycle = cf->cycle;
    spool->path = value[1];

    while (spool->path.len > 1
           && spool->path.data[spool->path.len - 1] == '/')
    {
        spool->path.data[--spool->path.len] = '\0';
    }

    if (spool->path.len == 0
        || ngx_conf_full_name(cf->cycle, &spool->path, 0) != NGX_OK)
    {
        return "takes a path";
    }

    if (spool->path.len > NGX_HTTP_META_SPOOL_PATH) {
        return "takes a shorter path";
    }

    spool->max = (off_t) 1024 * 1024 * 1024;

    if (cf->args->nelts == 3) {

        max = NGX_ERROR;

        if (ngx_strncmp(value[2].data, "max=", 4) == 0) {
            size.data = value[2].data + 4;
            size.len = value[2].len - 4;
            max = ngx_parse_offset(&size);
        }

        if (max == NGX_ERROR || max < NGX_HTTP_META_SPOOL_MIN) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid parameter \"%V\": \"max\" takes a "
                               "size of at least 64k, in k, m or g",
                               &value[2]);
            return NGX_CONF_ERROR;
        }

        spool->max = max;
    }

    spool->segment = ngx_min(NGX_HTTP_META_SPOOL_SEGMENT, spool->max / 8);

    spool->pool = ngx_thread_pool_add(cf, NULL);
    if (spool->pool == NULL) {
        return NGX_CONF_ERROR;
    }

    mmcf->spool = spool;

    return NGX_CONF_OK;

#else

    return "needs an nginx that is built --with-threads";

#endif
}


#if (NGX_THREADS)

/*
 * At start and reload, as whoever starts nginx: the directory is there, and
 * belongs to the user that workers run as.
 */

ngx_int_t
ngx_http_meta_spool_directory(ngx_http_meta_spool_t *spool, ngx_log_t *log)
{
    ngx_uid_t         user;
    ngx_file_info_t   fi;
    ngx_core_conf_t  *ccf;

    ccf = (ngx_core_conf_t *) ngx_get_conf(spool->cycle->conf_ctx,
                                           ngx_core_module);

    user = (geteuid() == 0) ? ccf->user : geteuid();

    if (ngx_create_dir(spool->path.data, 0700) != NGX_FILE_ERROR) {

        if (user == geteuid()
            || chown((char *) spool->path.data, user, (gid_t) -1) != -1)
        {
            return ngx_http_meta_spool_sync_parent(spool, log);
        }

        ngx_log_error(NGX_LOG_EMERG, log, ngx_errno,
                      "chown(\"%V\") failed for \"meta_spool\"",
                      &spool->path);
        return NGX_ERROR;
    }

    if (ngx_errno != NGX_EEXIST) {
        ngx_log_error(NGX_LOG_EMERG, log, ngx_errno,
                      ngx_create_dir_n " \"%V\" failed for \"meta_spool\"%s",
                      &spool->path, ngx_errno == NGX_ENOENT
                                    ? ": its parent does not exist" : "");
        return NGX_ERROR;
    }

    if (ngx_file_info(spool->path.data, &fi) == NGX_FILE_ERROR) {
        ngx_log_error(NGX_LOG_EMERG, log, ngx_errno,
                      ngx_file_info_n " \"%V\" failed for \"meta_spool\"",
                      &spool->path);
        return NGX_ERROR;
    }

    return ngx_http_meta_spool_owner(spool, &fi, user, log);
}


/* a directory that a power cut takes away takes its files along */

static ngx_int_t
ngx_http_meta_spool_sync_parent(ngx_http_meta_spool_t *spool, ngx_log_t *log)
{
    u_char    *last, parent[NGX_MAX_PATH];
    ngx_fd_t   fd;

    last = ngx_cpystrn(parent, spool->path.data, NGX_MAX_PATH);

    while (last > parent + 1 && *last != '/') {
        last--;
    }

    *last = '\0';

    fd = open((char *) parent, O_RDONLY|O_DIRECTORY|O_CLOEXEC);

    if (fd == -1 || fsync(fd) == -1) {
        ngx_log_error(NGX_LOG_EMERG, log, ngx_errno,
                      "fsync(\"%s\") failed for \"meta_spool\"", parent);

        if (fd != -1) {
            (void) close(fd);
        }

        return NGX_ERROR;
    }

    (void) close(fd);

    return NGX_OK;
}


static ngx_int_t
ngx_http_meta_spool_owner(ngx_http_meta_spool_t *spool, ngx_file_info_t *fi,
    ngx_uid_t user, ngx_log_t *log)
{
    if (!ngx_is_dir(fi)) {
        ngx_log_error(NGX_LOG_EMERG, log, 0,
                      "\"meta_spool\" \"%V\" is not a directory",
                      &spool->path);
        return NGX_ERROR;
    }

    if (fi->st_mode & (S_IWGRP|S_IWOTH)) {
        ngx_log_error(NGX_LOG_EMERG, log, 0,
                      "\"meta_spool\" \"%V\" may be written by others than its "
                      "owner: chmod go-w it", &spool->path);
        return NGX_ERROR;
    }

    if (fi->st_uid != user) {
        ngx_log_error(NGX_LOG_EMERG, log, 0,
                      "\"meta_spool\" \"%V\" belongs to uid %ui, and workers "
                      "run as uid %ui: chown it", &spool->path,
                      (ngx_uint_t) fi->st_uid, (ngx_uint_t) user);
        return NGX_ERROR;
    }

    return NGX_OK;
}

#endif
