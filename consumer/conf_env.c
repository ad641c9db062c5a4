/* What the file leaves out, environment variables fill in (contract 6). */

#include "conf_own.h"

#include <stdio.h>
#include <stdlib.h>


/* NAME holds the secret, NAME_FILE the path of a file with it; no error and
   *secret NULL where neither is set */
static const char *env_secret(const char *name, char **secret, char *why,
    size_t size)
{
    char         file[64];
    const char  *wrong = NULL, *from = name;

    snprintf(file, sizeof(file), "%s_FILE", name);

    if (getenv(name) != NULL) {
        wrong = secret_env(name, secret);

    } else if (getenv(file) != NULL) {
        from = file;
        wrong = secret_read(getenv(file), secret);
    }

    if (wrong == NULL) {
        return NULL;
    }

    snprintf(why, size, "%s: %s", from, wrong);

    return why;
}


static const char *env_digits(const char *name, char **id, char *why,
    size_t size)
{
    const char  *value = getenv(name), *wrong;

    if (value == NULL) {
        return NULL;
    }

    wrong = type_digits(value, id);
    if (wrong == NULL) {
        return NULL;
    }

    snprintf(why, size, "%s: %s", name, wrong);

    return why;
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


static const char *fill_token(struct conf *conf, enum token_kind kind,
    const char *variable, const char *id_variable, char *why, size_t size)
{
    char               *id = NULL, *secret = NULL;
    struct conf_token  *t;

    if (has_token(conf, kind)) {
        return NULL;
    }

    if (env_secret(variable, &secret, why, size) != NULL) {
        return why;
    }

    if (secret == NULL) {
        return NULL;
    }

    if (id_variable != NULL
        && env_digits(id_variable, &id, why, size) != NULL)
    {
        mem_wipe(secret);
        return why;
    }

    t = conf_list_add(&conf->tokens, sizeof(*t));
    t->kind = kind;
    t->id = id;
    t->fallback = id == NULL;
    t->nameless = id == NULL;
    t->secret = secret;

    return NULL;
}


static const char *fill_app(struct conf *conf, char *why, size_t size)
{
    char             *id = NULL;
    struct conf_app  *app;

    if (conf->apps.n > 0) {
        return NULL;
    }

    if (env_digits("META_APP_ID", &id, why, size) != NULL) {
        return why;
    }

    if (id == NULL) {
        return NULL;
    }

    app = conf_list_add(&conf->apps, sizeof(*app));
    app->id = id;

    return env_secret("META_APP_SECRET", &app->secret, why, size);
}


/* conf_fill adds what the environment has and the file has not */
const char *conf_fill(struct conf *conf, char *why, size_t size)
{
    if (fill_app(conf, why, size) != NULL
        || fill_token(conf, TOKEN_WHATSAPP, "WHATSAPP_TOKEN",
                      "WHATSAPP_PHONE_ID", why, size) != NULL
        || fill_token(conf, TOKEN_PAGE, "PAGE_ACCESS_TOKEN", NULL, why, size)
           != NULL
        || fill_token(conf, TOKEN_SYSTEM_USER, "META_SYSTEM_USER_TOKEN",
                      NULL, why, size) != NULL)
    {
        return why;
    }

    return NULL;
}
