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


/* names, one behind the other, each of which the file has set */
static bool env_ours(const struct buf *ours, const char *name)
{
    size_t       len = strlen(name);
    const char  *p = ours->at, *end = ours->at + ours->len;

    for ( /* void */ ; p < end; p += strlen(p) + 1) {
        if (strncmp(p, name, len + 1) == 0) {
            return true;
        }
    }

    return false;
}


/* of the file the last one wins, over what is set already none does; the
   loader's variables are for no child of ours */
static void env_set(struct buf *ours, struct buf *name, struct buf *value)
{
    if (!name_good(name)) {
        return;
    }

    buf_add(name, "", 1);
    buf_add(value, "", 1);
    if (strncmp(name->at, "LD_", 3) == 0) {
        return;
    }

    if (env_ours(ours, name->at)) {
        setenv(name->at, value->at, 1);

    } else if (getenv(name->at) == NULL) {
        setenv(name->at, value->at, 0);
        buf_add(ours, name->at, name->len);
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


/* up to the line's end, which a backslash hides.  Quotes are such where a value
   begins and behind others, with white space in between that is dropped;
   further on they are letters */
static const char *value_read(const char *p, struct buf *value)
{
    size_t  keep;       /* what white space at the end does not reach */

    p += strspn(p, " \t");
    while (*p == '"' || *p == '\'') {
        p = quoted(p, value);
        p += strspn(p, " \t");
    }

    for (keep = value->len; *p != '\0' && strchr("\r\n", *p) == NULL; p++) {
        if (*p == '\\' && p[1] != '\0') {
            p++;
            if (strchr("\r\n", *p) == NULL) {
                buf_add(value, p, 1);
            }
            keep = value->len;
        } else {
            buf_add(value, p, 1);
            keep = strchr(" \t", *p) != NULL ? keep : value->len;
        }
    }

    value->len = keep;

    return p;
}


/* a backslash hides its end, too (up to systemd 253) */
static const char *comment_skip(const char *p)
{
    for ( /* void */ ; *p != '\0' && strchr("\r\n", *p) == NULL; p++) {
        p += *p == '\\' && p[1] != '\0';
    }

    return p;
}


static void env_read(const char *p)
{
    size_t      n;
    struct buf  ours, name, value;

    buf_init(&ours, ENV_MAX);

    for (p += strspn(p, " \t\r\n"); *p != '\0'; p += strspn(p, " \t\r\n")) {
        if (*p == '#' || *p == ';') {
            p = comment_skip(p);
            continue;
        }

        n = strcspn(p, "=\r\n");
        if (p[n] != '=') {
            p += n;
            continue;
        }

        buf_init(&name, ENV_MAX);
        buf_init(&value, ENV_MAX);
        buf_add(&name, p, n);
        while (name.len && strchr(" \t", name.at[name.len - 1]) != NULL) {
            name.len--;
        }

        p = value_read(p + n + 1, &value);
        env_set(&ours, &name, &value);
        buf_free(&name);
        token_ask_wipe(&value);
    }

    buf_free(&ours);
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
