/* metactl: the variables that meta-consumer's service has of a file, read as
   systemd reads an EnvironmentFile (systemd.exec(5)). */

#include "ctl.h"
#include "token_ask.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include <sys/stat.h>


#define ENV_FILE  "/etc/default/meta-consumer"
#define ENV_DIR   "/etc/meta/"      /* configurations that it belongs to */
#define ENV_MAX   (256 * 1024)


static bool name_good(const struct buf *name)
{
    size_t  i;

    for (i = 0; i < name->len; i++) {
        if (!(name->at[i] == '_' || (name->at[i] >= 'A' && name->at[i] <= 'Z')
              || (name->at[i] >= 'a' && name->at[i] <= 'z')
              || (i > 0 && name->at[i] >= '0' && name->at[i] <= '9')))
        {
            return false;
        }
    }

    return name->len > 0;
}


/* what is set already wins; the loader's variables are for no child of ours */
static void env_set(struct buf *name, struct buf *value)
{
    if (name_good(name)) {
        buf_add(name, "", 1);
        buf_add(value, "", 1);
        if (strncmp(name->at, "LD_", 3) != 0) {
            setenv(name->at, value->at, 0);
        }
    }
}


static const char *quoted(const char *p, struct buf *value)
{
    char  quote = *p++;

    for ( /* void */ ; *p != '\0' && *p != quote; p++) {
        if (quote == '"' && *p == '\\' && p[1] != '\0') {
            p++;
            if (*p == '\n') {
                continue;
            }
            if (strchr("\"\\`$", *p) == NULL) {
                buf_text(value, "\\");
            }
        }
        buf_add(value, p, 1);
    }

    return *p == quote ? p + 1 : p;
}


/* up to the line's end, which a backslash hides; quotes may come in between */
static const char *value_read(const char *p, struct buf *value)
{
    size_t  keep = 0;       /* what white space at the end does not reach */

    p += strspn(p, " \t\r");

    while (*p != '\0' && *p != '\n') {
        if (*p == '"' || *p == '\'') {
            p = quoted(p, value);
            keep = value->len;
        } else if (*p == '\\' && p[1] != '\0') {
            if (p[1] != '\n') {
                buf_add(value, p + 1, 1);
                keep = value->len;
            }
            p += 2;
        } else {
            buf_add(value, p, 1);
            keep = strchr(" \t\r", *p++) != NULL ? keep : value->len;
        }
    }

    value->len = keep;

    return p;
}


static void env_read(const char *p)
{
    size_t      n;
    struct buf  name, value;

    for (p += strspn(p, " \t\r\n"); *p != '\0'; p += strspn(p, " \t\r\n")) {
        n = strcspn(p, "=\n");
        if (*p == '#' || *p == ';' || p[n] != '=') {
            p += strcspn(p, "\n");
            continue;
        }

        buf_init(&name, ENV_MAX);
        buf_init(&value, ENV_MAX);
        buf_add(&name, p, n);
        while (name.len && strchr(" \t", name.at[name.len - 1]) != NULL) {
            name.len--;
        }

        p = value_read(p + n + 1, &value);
        env_set(&name, &value);
        buf_free(&name);
        token_ask_wipe(&value);
    }
}


/* ctl_env: --env, else the service's own, where the configuration is its */
void ctl_env(struct ctl *c)
{
    struct buf   b;
    struct stat  st;
    const char  *file = c->opts.env;

    if (file == NULL) {
        file = ENV_FILE;
        if (strncmp(c->opts.file, ENV_DIR, sizeof(ENV_DIR) - 1) != 0) {
            return;
        }
        if (access(file, R_OK) != 0) {
            c->env_unread = errno == EACCES ? file : NULL;
            return;
        }
    }

    if (stat(file, &st) == 0 && S_ISREG(st.st_mode)
        && (st.st_mode & S_IWOTH))
    {
        ctl_fail(CTL_USAGE, "%s: everybody may write to it, so it is not read:"
                 " chmod o-w", file);
    }

    c->env_file = file;
    buf_init(&b, ENV_MAX);
    ctl_read(file, &b);
    buf_add(&b, "", 1);
    env_read(b.at);
    token_ask_wipe(&b);
}


/* ctl_env_said: a line to standard error, where there is one it could not read
*/
void ctl_env_said(const struct ctl *c)
{
    if (c->env_unread != NULL) {
        fprintf(stderr, "metactl: %s is not for this user to read, so what"
                " meta-consumer has\nof it is not known here: sudo metactl"
                " ...\n", c->env_unread);
    }
}
