/* metactl's options: one table, sorted from the words of a command line. */

#include "ctl.h"

#include <stdlib.h>


enum opt_type {
    OPT_FLAG,
    OPT_VALUE,
    OPT_MAYBE       /* a value only behind "=" */
};

struct opt {
    const char     *name;
    enum opt_type   type;
    size_t          offset;
    uint64_t        bit;        /* 0: goes with every command */
};

#define OPT(field)  offsetof(struct opts, field)


static const struct opt opts[] = {
    { "config", OPT_VALUE, OPT(file), 0 },
    { "env", OPT_VALUE, OPT(env), 0 },
    { "json", OPT_FLAG, OPT(json), 0 },
    { "reveal", OPT_FLAG, OPT(reveal), 0 },
    { "no-color", OPT_FLAG, OPT(no_color), 0 },
    { "help", OPT_FLAG, OPT(help), 0 },
    { "version", OPT_FLAG, OPT(version), 0 },
    { "all", OPT_FLAG, OPT(all), OPT_ALL },
    { "dry-run", OPT_FLAG, OPT(dry_run), OPT_DRY_RUN },
    { "summary", OPT_FLAG, OPT(summary), OPT_SUMMARY },
    { "high", OPT_FLAG, OPT(high), OPT_HIGH },
    { "account", OPT_VALUE, OPT(account), OPT_ACCOUNT },
    { "again", OPT_VALUE, OPT(again), OPT_AGAIN },
    { "code", OPT_VALUE, OPT(code), OPT_CODE },
    { "count", OPT_VALUE, OPT(count), OPT_COUNT },
    { "do", OPT_VALUE, OPT(doo), OPT_DO },
    { "edge", OPT_VALUE, OPT(edge), OPT_EDGE },
    { "fields", OPT_VALUE, OPT(fields), OPT_FIELDS },
    { "nginx", OPT_MAYBE, OPT(nginx), OPT_NGINX },
    { "offline", OPT_FLAG, OPT(offline), OPT_OFFLINE },
    { "override", OPT_VALUE, OPT(override), OPT_OVERRIDE },
    { "url", OPT_VALUE, OPT(url), OPT_URL },
    { "expires", OPT_VALUE, OPT(expires), OPT_EXPIRES },
    { "idempotency-key", OPT_VALUE, OPT(idempotency), OPT_IDEMPOTENCY },
    { "id", OPT_VALUE, OPT(id), OPT_ID },
    { "in", OPT_VALUE, OPT(in), OPT_IN },
    { "interval", OPT_VALUE, OPT(interval), OPT_INTERVAL },
    { "key", OPT_VALUE, OPT(key), OPT_KEY },
    { "kind", OPT_VALUE, OPT(kind), OPT_KIND },
    { "limit", OPT_VALUE, OPT(limit), OPT_LIMIT },
    { "language", OPT_VALUE, OPT(language), OPT_LANGUAGE },
    { "not-before", OPT_VALUE, OPT(not_before), OPT_NOT_BEFORE },
    { "for", OPT_VALUE, OPT(pause_for), OPT_FOR },
    { "params", OPT_VALUE, OPT(params), OPT_PARAMS },
    { "product", OPT_VALUE, OPT(product), OPT_PRODUCT },
    { "queue", OPT_VALUE, OPT(queue), OPT_QUEUE },
    { "reason", OPT_VALUE, OPT(reason), OPT_REASON },
    { "ref", OPT_VALUE, OPT(ref), OPT_REF },
    { "since", OPT_VALUE, OPT(since), OPT_SINCE },
    { "tenant", OPT_VALUE, OPT(tenant), OPT_TENANT },
    { "text", OPT_VALUE, OPT(text), OPT_TEXT },
    { "to", OPT_VALUE, OPT(to), OPT_TO },
    { "type", OPT_VALUE, OPT(type), OPT_TYPE },
    { "until", OPT_VALUE, OPT(until), OPT_UNTIL },
    { "waba", OPT_VALUE, OPT(waba), OPT_WABA },
    { "wait", OPT_MAYBE, OPT(wait), OPT_WAIT },
    { "why", OPT_VALUE, OPT(why), OPT_WHY },
};


static const struct opt *opt_find(const char *name, size_t len)
{
    size_t  i;

    for (i = 0; i < sizeof(opts) / sizeof(opts[0]); i++) {
        if (str_is((struct str) { name, len }, opts[i].name)) {
            return &opts[i];
        }
    }

    ctl_fail(CTL_USAGE, "there is no option --%.*s; see metactl --help",
             (int) len, name);
}


static const struct opt *opt_short(const char *arg)
{
    const char  *name = strcmp(arg, "-c") == 0 ? "config"
                        : strcmp(arg, "-h") == 0 ? "help"
                        : strcmp(arg, "-v") == 0 ? "version" : NULL;

    if (name == NULL) {
        ctl_fail(CTL_USAGE, "there is no option %s; see metactl --help", arg);
    }

    return opt_find(name, strlen(name));
}


/* one option; the number of words that it took */
static int opt_take(struct opts *o, char **argv, int left, uint64_t *which)
{
    const char        *arg = argv[0], *equals = NULL, **value;
    const struct opt  *opt;

    if (arg[1] == '-') {
        equals = strchr(arg, '=');
        opt = opt_find(arg + 2, equals != NULL ? (size_t) (equals - arg - 2)
                                : strlen(arg + 2));
    } else {
        opt = opt_short(arg);
    }

    *which |= opt->bit;

    if (opt->type == OPT_FLAG) {
        if (equals != NULL) {
            ctl_fail(CTL_USAGE, "--%s takes no value", opt->name);
        }
        *(bool *) ((char *) o + opt->offset) = true;
        return 1;
    }

    value = (const char **) ((char *) o + opt->offset);

    if (equals != NULL || opt->type == OPT_MAYBE) {
        *value = equals != NULL ? equals + 1 : "";
        return 1;
    }

    if (left < 2) {
        ctl_fail(CTL_USAGE, "--%s needs a value", opt->name);
    }

    *value = argv[1];

    return 2;
}


/* opts_read returns how many words there are */
size_t opts_read(struct opts *o, int argc, char **argv, char **args,
    uint64_t *which)
{
    int     i = 1;
    size_t  n = 0;

    *which = 0;

    while (i < argc) {
        if (strcmp(argv[i], "--") == 0) {
            i++;
            break;
        }

        if (argv[i][0] == '-' && argv[i][1] != '\0') {
            i += opt_take(o, argv + i, argc - i, which);
        } else {
            args[n++] = argv[i++];
        }
    }

    while (i < argc) {
        args[n++] = argv[i++];
    }

    return n;
}


/* opts_name returns the name of the lowest option in bits */
const char *opts_name(uint64_t bits)
{
    size_t  i;

    for (i = 0; i < sizeof(opts) / sizeof(opts[0]); i++) {
        if (opts[i].bit & bits) {
            return opts[i].name;
        }
    }

    return "";
}


/* ctl_limit reads --limit */
long long ctl_limit(struct ctl *c, long long preset)
{
    const char  *text = c->opts.limit;

    if (text == NULL) {
        return preset;
    }

    if (!str_digits(STR(text)) || strlen(text) > 12 || text[0] == '0') {
        ctl_fail(CTL_USAGE, "--limit must be a number, 1 or more");
    }

    return strtoll(text, NULL, 10);
}
