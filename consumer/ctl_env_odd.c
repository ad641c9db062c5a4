/* metactl: lines of the service's file of variables that look like ours and do
   nothing: a name that nobody reads, or one behind "export". */

#include "ctl.h"
#include "token_ask.h"

#include <string.h>


#define ODD_MAX   (256 * 1024)
#define ODD_NAME  64

static const char *const  prefixes[] = {
    "META_", "PAGE_", "INSTAGRAM_", "WHATSAPP_", "FACEBOOK_", "WEBHOOK_"
};

/* docs/env.md; each also with _FILE behind it */
static const char *const  names[] = {
    "META_APP_ID", "META_APP_SECRET", "META_SYSTEM_USER_TOKEN",
    "META_PIXEL_ID", "WEBHOOK_VERIFY_TOKEN", "WHATSAPP_TOKEN",
    "WHATSAPP_PHONE_ID", "PAGE_ACCESS_TOKEN", "INSTAGRAM_APP_ID",
    "INSTAGRAM_APP_SECRET", "INSTAGRAM_ACCESS_TOKEN", "INSTAGRAM_ACCOUNT_ID",
    "INSTAGRAM_REDIRECT_URI", "FACEBOOK_ADS_APP_ID",
    "FACEBOOK_ADS_APP_SECRET", "FACEBOOK_ADS_ACCESS_TOKEN",
    "FACEBOOK_ADS_ACCOUNT_ID", "FACEBOOK_ADS_REDIRECT_URI"
};


static bool name_known(const char *name)
{
    size_t  i, n;

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        n = strlen(names[i]);
        if (strncmp(name, names[i], n) == 0
            && (name[n] == '\0' || strcmp(name + n, "_FILE") == 0))
        {
            return true;
        }
    }

    return false;
}


static bool name_ours(const char *name)
{
    size_t  i;

    for (i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
        if (strncmp(name, prefixes[i], strlen(prefixes[i])) == 0) {
            return true;
        }
    }

    return false;
}


/* one line; conf: the configuration, which may take any name by "env" */
static void line_look(const char *p, const char *conf, env_odd_cb cb,
    void *data)
{
    char    name[ODD_NAME];
    bool    exported;
    size_t  n;

    p += strspn(p, " \t");
    exported = strncmp(p, "export", 6) == 0 && strchr(" \t", p[6]) != NULL
               && p[6] != '\0';
    p += exported ? 6 + strspn(p + 6, " \t") : 0;
    n = strspn(p, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_"
               "0123456789");

    if (n == 0 || n >= sizeof(name) || p[n + strspn(p + n, " \t")] != '=') {
        return;
    }

    memcpy(name, p, n);
    name[n] = '\0';

    if (exported) {
        cb(data, name, "is behind \"export\", and systemd leaves such a line"
           " out");
    } else if (name_ours(name) && !name_known(name)
               && strstr(conf, name) == NULL)
    {
        cb(data, name, "is no variable that anybody reads");
    }
}


/* ctl_env_odd calls back for each such line of the file that was read */
void ctl_env_odd(const struct ctl *c, env_odd_cb cb, void *data)
{
    char        *p, *next;
    struct buf   b, conf;

    if (c->env_file == NULL || strcmp(c->env_file, "-") == 0) {
        return;
    }

    buf_init(&b, ODD_MAX);
    buf_init(&conf, (size_t) -1);
    ctl_read(c->env_file, &b);
    ctl_read(c->opts.file, &conf);
    buf_add(&b, "", 1);
    buf_add(&conf, "", 1);

    for (p = b.at; p != NULL; p = next) {
        next = strchr(p, '\n');
        if (next != NULL) {
            *next++ = '\0';
        }
        line_look(p, conf.at, cb, data);
    }

    token_ask_wipe(&b);
    buf_free(&conf);
}
