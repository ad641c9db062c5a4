/* What the file leaves out, environment variables fill in (contract 6). */

#include "conf_own.h"

#include <stdio.h>
#include <stdlib.h>


struct env {
    struct conf  *conf;
    char         *why;
    size_t        size;
};


/* NAME holds the value, NAME_FILE the path of a file with it; NULL where
   neither is set */
static const char *env_which(const char *name, char file[CONF_VARIABLE_MAX])
{
    snprintf(file, CONF_VARIABLE_MAX, "%s_FILE", name);

    return getenv(name) != NULL ? name : getenv(file) != NULL ? file : NULL;
}


/* *value stays NULL where the variable is not set; false: why says it */
static bool env_read(struct env *e, const char *name, char **value)
{
    char         file[CONF_VARIABLE_MAX];
    const char  *from = env_which(name, file), *wrong = NULL;

    if (from != NULL) {
        wrong = from == name ? secret_env(name, value)
                : secret_read(getenv(file), value);
    }

    if (wrong != NULL) {
        snprintf(e->why, e->size, "%s: %s", from, wrong);
    }

    return wrong == NULL;
}


/* env_read, and it is known whose value the key has */
static bool env_take(struct env *e, const char *name, const char *key,
    char **value)
{
    char               file[CONF_VARIABLE_MAX];
    struct conf_from  *known;

    if (!env_read(e, name, value)) {
        return false;
    }

    if (*value != NULL) {
        known = conf_list_add(&e->conf->filled, sizeof(*known));
        known->key = key;
        snprintf(known->variable, CONF_VARIABLE_MAX, "%s",
                 env_which(name, file));
    }

    return true;
}


static bool env_digits(struct env *e, const char *name, const char *key,
    char **id)
{
    char        *text = NULL, file[CONF_VARIABLE_MAX];
    const char  *wrong = NULL;

    if (!env_take(e, name, key, &text)) {
        return false;
    }

    if (text != NULL) {
        wrong = type_digits(text, id);
        mem_wipe(text);
    }

    if (wrong != NULL) {
        snprintf(e->why, e->size, "%s: %s", env_which(name, file), wrong);
    }

    return wrong == NULL;
}


static bool has_token(const struct conf *conf, enum token_kind kind)
{
    size_t                    i;
    const struct conf_token  *t = conf->tokens.at;

    for (i = 0; i < conf->tokens.n; i++) {
        if (t[i].kind == (int) kind) {
            return true;
        }
    }

    return false;
}


/* as if the file said "file" or "env" */
static void token_from(struct conf_token *t, const char *name)
{
    char         file[CONF_VARIABLE_MAX];
    const char  *from = env_which(name, file);

    if (from == name) {
        type_string(name, &t->env);
    } else {
        type_string(getenv(file), &t->file);
    }
}


static bool fill_token(struct env *e, enum token_kind kind, const char *key,
    const char *name, const char *id_name)
{
    char               *id = NULL, *secret = NULL;
    struct conf_token  *t;

    if (has_token(e->conf, kind)) {
        return true;
    }

    if (!env_take(e, name, key, &secret)) {
        return false;
    }

    if (secret == NULL) {
        return true;
    }

    if (id_name != NULL && !env_digits(e, id_name, "tokens[].id", &id)) {
        mem_wipe(secret);
        return false;
    }

    t = conf_list_add(&e->conf->tokens, sizeof(*t));
    t->kind = kind;
    t->id = id;
    t->fallback = id == NULL;
    t->nameless = id == NULL;
    t->secret = secret;
    token_from(t, name);

    return true;
}


/* whether META_APP_SECRET is that of the app, as far as the variables say */
static bool env_names(struct env *e, const struct conf_app *app, bool *ours)
{
    char  *given = NULL;

    if (!env_read(e, "META_APP_ID", &given)) {
        return false;
    }

    *ours = given == NULL || strcmp(given, app->id) == 0;
    mem_wipe(given);

    return true;
}


/* what is to be mended where Meta does not know the secret */
static void app_from(struct env *e, struct conf_app *app, const char *name)
{
    char         file[CONF_VARIABLE_MAX];
    const char  *from = env_which(name, file);

    if (app->secret == NULL) {
        return;
    }

    if (from != name) {
        from = getenv(file);
        secret_from(e->conf, from);
    }
    type_string(from, &app->from);
}


/* the id makes an app where there is none; the secret is the first app's,
   unless the variables name another */
static bool fill_app(struct env *e)
{
    bool              ours = true;
    char             *id = NULL, file[CONF_VARIABLE_MAX];
    struct conf_app  *app = e->conf->apps.at;

    if (e->conf->apps.n == 0) {
        if (!env_digits(e, "META_APP_ID", "apps[].id", &id)) {
            return false;
        }
        if (id == NULL) {
            return true;
        }
        app = conf_list_add(&e->conf->apps, sizeof(*app));
        app->id = id;

    } else if (app->secret != NULL
               || env_which("META_APP_SECRET", file) == NULL)
    {
        return true;

    } else if (!env_names(e, app, &ours)) {
        return false;
    }

    if (!ours) {
        return true;
    }

    if (!env_take(e, "META_APP_SECRET", "apps[].secret_file", &app->secret)) {
        return false;
    }

    app_from(e, app, "META_APP_SECRET");

    return true;
}


static struct conf_app *env_app(const struct conf *conf, const char *id)
{
    size_t            i;
    struct conf_app  *apps = conf->apps.at;

    for (i = 0; i < conf->apps.n; i++) {
        if (strcmp(apps[i].id, id) == 0) {
            return &apps[i];
        }
    }

    return NULL;
}


/* an app beside the first, which exchanges codes with a secret of its own */
static bool fill_other(struct env *e, const char *name,
    const char *secret_name)
{
    char             *id = NULL, file[CONF_VARIABLE_MAX];
    struct conf_app  *app;

    if (!env_read(e, name, &id)) {
        return false;
    }

    if (id == NULL || env_which(secret_name, file) == NULL) {
        mem_wipe(id);
        return true;
    }

    app = env_app(e->conf, id);
    mem_wipe(id);
    id = NULL;

    if (app == NULL) {
        if (!env_digits(e, name, "apps[].id", &id)) {
            return false;
        }
        app = conf_list_add(&e->conf->apps, sizeof(*app));
        app->id = id;
    }

    if (app->secret != NULL) {
        return true;
    }

    if (!env_take(e, secret_name, "apps[].secret_file", &app->secret)) {
        return false;
    }

    app_from(e, app, secret_name);

    return true;
}


/* contract 6 */
static bool fill_verify(struct env *e)
{
    struct conf  *conf = e->conf;

    return conf->verify_token != NULL
           || env_take(e, "WEBHOOK_VERIFY_TOKEN", "verify_token_file",
                       &conf->verify_token);
}


/* conf_fill adds what the environment has and the file has not */
const char *conf_fill(struct conf *conf, char *why, size_t size)
{
    struct env  e = { .conf = conf, .why = why, .size = size };

    return fill_app(&e)
           && fill_other(&e, "INSTAGRAM_APP_ID", "INSTAGRAM_APP_SECRET")
           && fill_other(&e, "FACEBOOK_ADS_APP_ID", "FACEBOOK_ADS_APP_SECRET")
           && fill_verify(&e)
           && fill_token(&e, TOKEN_WHATSAPP, "the token of kind whatsapp",
                         "WHATSAPP_TOKEN", "WHATSAPP_PHONE_ID")
           && fill_token(&e, TOKEN_PAGE, "the token of kind page",
                         "PAGE_ACCESS_TOKEN", NULL)
           && fill_token(&e, TOKEN_INSTAGRAM, "the token of kind instagram",
                         "INSTAGRAM_ACCESS_TOKEN", "INSTAGRAM_ACCOUNT_ID")
           && fill_token(&e, TOKEN_SYSTEM_USER, "the token of kind system_user",
                         "META_SYSTEM_USER_TOKEN", NULL) ? NULL : why;
}
