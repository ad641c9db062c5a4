/* The configuration: rates of lanes, "limits: {pair: {per_hour: 600}}". */

#include "conf_own.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>


#define NUMBER_MAX  1e6


static bool limits_number(struct reader *r, yaml_node_t *node,
    const char *path, double *number)
{
    char        *end;
    const char  *text = conf_text(r, node, path);

    if (text == NULL) {
        return false;
    }

    *number = strtod(text, &end);

    if (*text < '0' || *text > '9' || *end != '\0' || strpbrk(text, "xX")
        || !(*number > 0 && *number <= NUMBER_MAX))
    {
        conf_error(r, node, path, "must be a number over 0, such as 80 or"
                   " 0.5");
        return false;
    }

    return true;
}


static void limits_rate_of(struct reader *r, yaml_node_t *node,
    const char *path, struct rate *rate)
{
    char               full[2 * CONF_PATH_MAX];
    double             per_second = 0, per_hour = 0, burst = 0, *number;
    const char        *name;
    yaml_node_t       *key;
    yaml_node_pair_t  *p;

    for (p = node->data.mapping.pairs.start;
         p < node->data.mapping.pairs.top; p++)
    {
        key = yaml_document_get_node(&r->doc, p->key);
        name = conf_text(r, key, path);
        if (name == NULL) {
            return;
        }

        snprintf(full, sizeof(full), "%s.%.100s", path, name);
        number = strcmp(name, "per_second") == 0 ? &per_second
                 : strcmp(name, "per_hour") == 0 ? &per_hour
                 : strcmp(name, "burst") == 0 ? &burst : NULL;

        if (number == NULL) {
            conf_error(r, key, full, "unknown key");
            return;
        }

        if (*number != 0) {
            conf_error(r, key, full, "stands there twice");
            return;
        }

        if (!limits_number(r, yaml_document_get_node(&r->doc, p->value), full,
                           number))
        {
            return;
        }
    }

    if ((per_second > 0) == (per_hour > 0)) {
        conf_error(r, node, path, "needs one of per_second and per_hour");
        return;
    }

    if (burst != 0 && burst < 1) {
        conf_error(r, node, path, "a burst is 1 or more");
        return;
    }

    rate->per_s = per_second > 0 ? per_second : per_hour / 3600;
    rate->burst = burst > 0 ? burst
                  : rate->per_s > 10 ? rate->per_s / 10 : 1;
}


static void limits_kind(struct reader *r, yaml_node_t *key,
    yaml_node_t *value, const char *path, struct rate *rates,
    bool seen[LANE_KINDS])
{
    int          kind;
    char         full[CONF_PATH_MAX];
    const char  *name = conf_text(r, key, path);

    if (name == NULL) {
        return;
    }

    snprintf(full, sizeof(full), "%s.%s", path, name);
    kind = lane_kind_find(name);

    if (kind < 0) {
        conf_error(r, key, full, "unknown key");

    } else if (seen[kind]) {
        conf_error(r, key, full, "stands there twice");

    } else if (value->type == YAML_MAPPING_NODE) {
        limits_rate_of(r, value, full, &rates[kind]);

    } else if (value->type == YAML_SCALAR_NODE
               && strcmp((char *) value->data.scalar.value, "off") == 0)
    {
        rates[kind].per_s = 0;

    } else {
        conf_error(r, value, full, "must be off, or such as {per_second: 80,"
                   " burst: 8}");
    }

    if (kind >= 0) {
        seen[kind] = true;
    }
}


/* conf_limits: what it does not name keeps its preset */
void conf_limits(struct reader *r, yaml_node_t *node, const char *path,
    void *field)
{
    bool               seen[LANE_KINDS] = { false };
    int                kind;
    struct rate       *rates = field;
    yaml_node_pair_t  *p;

    for (kind = 0; kind < LANE_KINDS; kind++) {
        rates[kind] = *lane_preset((enum lane_kind) kind);
    }

    if (node->type == YAML_SCALAR_NODE
        && strcmp((char *) node->data.scalar.value, "default") == 0)
    {
        return;
    }

    if (node->type != YAML_MAPPING_NODE) {
        conf_error(r, node, path, "must be a mapping such as {page:"
                   " {per_second: 100}}");
        return;
    }

    for (p = node->data.mapping.pairs.start;
         p < node->data.mapping.pairs.top && !r->failed; p++)
    {
        limits_kind(r, yaml_document_get_node(&r->doc, p->key),
                    yaml_document_get_node(&r->doc, p->value), path, rates,
                    seen);
    }
}
