/* metactl explain: what an error code of Meta means, and what to do. */

#include "ctl.h"
#include "graph_error.h"

#include <stdlib.h>


static long explain_number(const char *text, size_t len)
{
    char  digits[24];

    snprintf(digits, sizeof(digits), "%.*s", (int) (len < 23 ? len : 23),
             text);

    if (!str_digits(STR(digits)) || strlen(digits) > 9) {
        ctl_fail(CTL_USAGE, "\"%s\" is no error code: write 131047,"
                 " 10/2018278, http/429, or redirect_uri", text);
    }

    return strtol(digits, NULL, 10);
}


/* ctl_product reads --product */
enum product ctl_product(const char *name)
{
    int  p;

    if (name == NULL) {
        return PRODUCT_NONE;
    }

    for (p = PRODUCT_WHATSAPP; p <= PRODUCT_INSTAGRAM; p++) {
        if (strcmp(product_name(p), name) == 0) {
            return p;
        }
    }

    ctl_fail(CTL_USAGE, "--product is whatsapp, messenger or instagram");
}


static const char *explain_class(enum graph_class cls)
{
    switch (cls) {

    case CLASS_RETRY:
        return "it passes; tried again by itself";

    case CLASS_WAIT:
        return "a limit; waits, then tried again by itself";

    case CLASS_TOKEN:
        return "the token or a permission; somebody must renew it";

    case CLASS_NEVER:
        return "this call fails however often it is tried";

    default:
        return "somebody must look; what is like it stops until then";
    }
}


static void explain_json(const struct graph_error_row *row, long code,
    long subcode, bool known)
{
    struct jw  j;

    jw_init(&j);
    jw_open(&j, NULL, '{');
    jw_int(&j, "v", 1);
    jw_int(&j, "code", code);
    jw_time(&j, "subcode", subcode);
    jw_bool(&j, "known", known);
    jw_text(&j, "product", row->product ? product_name(row->product) : NULL);
    jw_text(&j, "class", graph_class_name(row->cls));
    jw_text(&j, "lane", row->lane);
    jw_int(&j, "wait_ms", row->wait_ms);
    jw_int(&j, "tries", row->tries);
    jw_text(&j, "text", row->text);
    jw_text(&j, "todo", row->todo);
    jw_close(&j, '}');
    jw_print(&j);
}


static void explain_text(struct ctl *c, const struct graph_error_row *row,
    long code, long subcode)
{
    char        span[TIME_MAX];
    struct buf  b;

    buf_init(&b, (size_t) -1);
    out_color(c, &b, 'b');
    buf_format(&b, "%ld", code);
    if (subcode >= 0) {
        buf_format(&b, "/%ld", subcode);
    }
    out_color(c, &b, 0);
    buf_text(&b, "\nmeans     ");
    out_wrap(&b, row->text, 10);
    buf_text(&b, "to do     ");
    out_wrap(&b, row->todo, 10);
    buf_format(&b, "class     %s: %s\n", graph_class_name(row->cls),
               explain_class(row->cls));

    if (row->wait_ms) {
        buf_format(&b, "wait      %s before the next try\n",
                   time_span(span, row->wait_ms));
    }
    if (row->tries) {
        buf_format(&b, "tries     %u more at most\n", row->tries);
    }
    if (row->lane != NULL) {
        buf_format(&b, "stops     all of the same %s\n", row->lane);
    }

    out_print(&b);
}


/* run_explain needs neither configuration nor Redis */
int run_explain(struct ctl *c)
{
    bool                           known;
    long                           code, subcode = ERROR_ANY;
    size_t                         n;
    const char                    *text = c->args[0], *slash;
    const struct graph_error_row  *row, *rows;

    if (strncmp(text, "http/", 5) == 0) {
        return explain_http(c, text + 5);
    }
    if (explain_login(c, text)) {
        return CTL_GOOD;
    }

    slash = strchr(text, '/');
    code = explain_number(text, slash != NULL ? (size_t) (slash - text)
                          : strlen(text));
    if (slash != NULL) {
        subcode = explain_number(slash + 1, strlen(slash + 1));
    }

    row = graph_error_find(ctl_product(c->opts.product), code, subcode);
    rows = graph_error_rows(&n);
    known = row != &rows[n - 1];

    if (c->opts.json) {
        explain_json(row, code, subcode, known);
    } else {
        explain_text(c, row, code, subcode);
    }

    return known ? CTL_GOOD : CTL_NOTHING;
}
