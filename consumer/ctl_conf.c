/* metactl config test: the same judgement as meta-consumer -t. */

#include "ctl.h"


static void filled_json(struct jw *j, const struct conf *conf)
{
    size_t                   i, n = conf != NULL ? conf->filled.n : 0;
    const struct conf_from  *from = n ? conf->filled.at : NULL;

    jw_open(j, "environment", '[');

    for (i = 0; i < n; i++) {
        jw_open(j, NULL, '{');
        jw_text(j, "key", from[i].key);
        jw_text(j, "variable", from[i].variable);
        jw_close(j, '}');
    }

    jw_close(j, ']');
}


static void filled_text(const struct conf *conf)
{
    size_t                   i;
    const struct conf_from  *from = conf->filled.at;

    for (i = 0; i < conf->filled.n; i++) {
        printf("%s comes from %s\n", from[i].key, from[i].variable);
    }
}


static void odd_said(void *data, const char *name, const char *why)
{
    const struct ctl  *c = data;

    fprintf(stderr, "metactl: %s: %s %s\n", c->env_file, name, why);
}


/* run_config_test says what is wrong, with file, line and key */
int run_config_test(struct ctl *c)
{
    char       error[CONF_ERROR_MAX];
    struct jw  j;

    ctl_env(c);
    ctl_env_said(c);
    c->conf = conf_load(c->opts.file, true, error);
    if (c->conf != NULL) {
        ctl_env_odd(c, odd_said, c);
    }

    if (c->opts.json) {
        jw_init(&j);
        jw_open(&j, NULL, '{');
        jw_int(&j, "v", 1);
        jw_text(&j, "file", c->opts.file);
        jw_bool(&j, "good", c->conf != NULL);
        jw_text(&j, "error", c->conf != NULL ? NULL : error);
        filled_json(&j, c->conf);
        jw_close(&j, '}');
        jw_print(&j);
    } else if (c->conf != NULL) {
        printf("the configuration %s is good\n", c->opts.file);
        filled_text(c->conf);
    } else {
        fprintf(stderr, "metactl: %s\n", error);
    }

    return c->conf != NULL ? CTL_GOOD : CTL_FINDING;
}
