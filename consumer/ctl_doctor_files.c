/* metactl doctor: whether others may read what is secret, and whether the
   directories of media are there. */

#include "ctl_doctor.h"

#include <unistd.h>

#include <sys/stat.h>


static bool files_open(struct doctor *d, const char *file)
{
    bool  open = ctl_open_to_all(file);

    if (open) {
        doctor_say(d, LEVEL_WARN, "files", "chmod o-rwx, and think of what is"
                   " in it as known", "%s is open to everybody", file);
    }

    return open;
}


/* what Meta calls an app secret is 32 hex digits; who took something else for
   it learns it by a 401 for each delivery */
static void files_apps(struct doctor *d)
{
    size_t                  i;
    const struct conf_app  *apps = d->c->conf->apps.at;

    for (i = 0; i < d->c->conf->apps.n; i++) {
        if (apps[i].secret == NULL) {
            continue;
        }
        if (strlen(apps[i].secret) != 32
            || strspn(apps[i].secret, "0123456789abcdef") != 32)
        {
            doctor_say(d, LEVEL_WARN, "apps", "the dashboard, Settings, Basic"
                       " has it: 32 digits of 0-9 and a-f", "the secret of app"
                       " %s does not look like one", apps[i].id);
        } else {
            doctor_say(d, LEVEL_OK, "apps", NULL, "%s has a secret",
                       apps[i].id);
        }
    }
}


/* those of tokens, then of other secrets; NULL: it comes from elsewhere */
static const char *files_at(const struct conf *conf, size_t i)
{
    size_t                    n = conf->tokens.n;
    const struct conf_token  *t = conf->tokens.at;

    return i < n ? t[i].file : ((char **) conf->secret_files.at)[i - n];
}


/* one that several tokens name is looked at once */
static void files_secret(struct doctor *d)
{
    size_t              i, j, open = 0;
    const char         *file, *other;
    const struct conf  *conf = d->c->conf;

    for (i = 0; i < conf->tokens.n + conf->secret_files.n; i++) {
        file = files_at(conf, i);

        for (j = 0; file != NULL && j < i; j++) {
            other = files_at(conf, j);
            if (other != NULL && strcmp(file, other) == 0) {
                break;
            }
        }

        if (file != NULL && j == i) {
            open += files_open(d, file);
        }
    }

    if (conf->tokens.n == 0 && conf->token_keys == NULL) {
        doctor_say(d, LEVEL_WARN, "tokens", "add one under tokens",
                   "there is no token: nothing can be sent");
    } else if (open == 0) {
        doctor_say(d, LEVEL_OK, "tokens", NULL, "%zu, and no file of a secret"
                   " is open to everybody", conf->tokens.n);
    }
}


/* whether the consumer may go there only its own user knows */
static void files_directory(struct doctor *d, const char *key,
    const char *path, int mode)
{
    struct stat  st;

    if (stat(path, &st) != 0 || !S_ISDIR(st.st_mode)) {
        doctor_say(d, LEVEL_BAD, "directories", "make it, for the consumer's"
                   " user; a consumer does not start without it",
                   "%s: %s is no directory that is there", key, path);

    } else if (access(path, mode | X_OK) != 0) {
        doctor_say(d, LEVEL_WARN, "directories", "run metactl as the"
                   " consumer's user; if it says the same, chown", "%s: this"
                   " user may not %s %s", key,
                   mode == W_OK ? "write to" : "read", path);

    } else {
        doctor_say(d, LEVEL_OK, "directories", NULL, "%s: %s is there, and"
                   " this user may %s it", key, path,
                   mode == W_OK ? "write to" : "read");
    }
}


/* doctor_files looks at modes; directories that several rules name, once */
void doctor_files(struct doctor *d)
{
    size_t              i, j;
    const struct conf  *conf = d->c->conf;
    const struct rule  *rules = conf->rules.at;

    files_secret(d);
    files_apps(d);

    for (i = 0; i < conf->rules.n; i++) {
        for (j = 0; rules[i].save != NULL && j < i; j++) {
            if (rules[j].save != NULL
                && strcmp(rules[i].save, rules[j].save) == 0)
            {
                break;
            }
        }

        if (rules[i].save != NULL && j == i) {
            files_directory(d, "media.save", rules[i].save, W_OK);
        }
    }

    if (conf->files_dir != NULL) {
        files_directory(d, "outbox.files_dir", conf->files_dir, R_OK);
    }
}
