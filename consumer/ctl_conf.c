/* metactl config test: the same judgement as meta-consumer -t. */

#include "ctl.h"


/* run_config_test says what is wrong, with file, line and key */
int run_config_test(struct ctl *c)
{
    char       error[CONF_ERROR_MAX];
    struct jw  j;

    c->conf = conf_load(c->opts.file, error);

    if (c->opts.json) {
        jw_init(&j);
        jw_open(&j, NULL, '{');
        jw_int(&j, "v", 1);
        jw_text(&j, "file", c->opts.file);
        jw_bool(&j, "good", c->conf != NULL);
        jw_text(&j, "error", c->conf != NULL ? NULL : error);
        jw_close(&j, '}');
        jw_print(&j);
    } else if (c->conf != NULL) {
        printf("the configuration %s is good\n", c->opts.file);
    } else {
        fprintf(stderr, "metactl: %s\n", error);
    }

    return c->conf != NULL ? CTL_GOOD : CTL_FINDING;
}
