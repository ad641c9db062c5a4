/* What an error of Meta's means: the most exact row of the table. */

#include "graph_error.h"


#define ERROR_WAIT_MAX  (7ull * 24 * 3600 * 1000)


/* how exact a row is; of two that fit the larger one counts */
struct fit {
    int                 step;       /* subcode and product */
    unsigned long long  span;       /* of its range, smaller is better */
};


static bool row_fits(const struct graph_error_row *row, enum product product,
    long code, long subcode, struct fit *fit)
{
    if (code < row->code || code > row->code_to
        || (row->subcode != ERROR_ANY && row->subcode != subcode)
        || (row->product != PRODUCT_NONE && row->product != (int) product))
    {
        return false;
    }

    fit->step = 2 * (row->subcode != ERROR_ANY)
                + (row->product != PRODUCT_NONE);
    fit->span = (unsigned long long) row->code_to
                - (unsigned long long) row->code;

    return true;
}


/* "any code with this subcode" is less exact than a row of the code itself,
   and more than one of the code without the subcode */
static bool fit_better(const struct fit *a, const struct fit *b)
{
    return a->step != b->step ? a->step > b->step : a->span < b->span;
}


/* graph_error_find returns the most exact row */
const struct graph_error_row *graph_error_find(enum product product, long code,
    long subcode)
{
    size_t                         i, n;
    struct fit                     fit, best = { -1, 0 };
    const struct graph_error_row  *rows = graph_error_rows(&n), *found;

    found = &rows[n - 1];

    for (i = 0; i < n; i++) {
        if (row_fits(&rows[i], product, code, subcode, &fit)
            && fit_better(&fit, &best))
        {
            best = fit;
            found = &rows[i];
        }
    }

    return found;
}


/* graph_error_wait returns ms before the next retry */
uint64_t graph_error_wait(const struct graph_error_row *row, unsigned tries,
    uint64_t told)
{
    uint64_t  ms = row->wait_ms;

    while (tries-- > 0 && row->factor > 1 && ms > 0 && ms < ERROR_WAIT_MAX) {
        ms *= row->factor;
    }

    ms = ms > told ? ms : told;

    return ms < ERROR_WAIT_MAX ? ms : ERROR_WAIT_MAX;
}


/* graph_class_name: as results and logs call it */
const char *graph_class_name(enum graph_class cls)
{
    static const char *const  names[] = {
        [CLASS_RETRY] = "retry", [CLASS_WAIT] = "wait",
        [CLASS_TOKEN] = "token", [CLASS_NEVER] = "never",
        [CLASS_OPERATOR] = "operator"
    };

    return names[cls];
}
