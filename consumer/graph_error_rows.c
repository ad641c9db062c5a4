/* Meta's error tables: one row a code, by family; in no order that matters. */

#include "graph_error.h"

#include <limits.h>


#define SEC     1000u
#define MINUTE  (60 * SEC)
#define HOUR    (60 * MINUTE)

#define ANY             PRODUCT_NONE
#define CODE(c)         (c), (c), ERROR_ANY
#define SUB(c, s)       (c), (c), (s)
#define RANGE(from, to) (from), (to), ERROR_ANY
#define EVERY           LONG_MIN, LONG_MAX      /* the subcode follows */

/* class, lane, wait_ms, factor, tries, flags */
#define NEVER                     CLASS_NEVER, NULL, 0, 0, 0, 0
#define AGAIN(ms, factor, tries)  CLASS_RETRY, NULL, (ms), (factor), (tries), 0
#define WAIT(lane, ms, factor)    CLASS_WAIT, (lane), (ms), (factor), 0, 0
#define TOKEN(lane)               CLASS_TOKEN, (lane), 5 * MINUTE, 2, 0, 0
#define STOP(lane, ms)            CLASS_OPERATOR, (lane), (ms), 0, 0, 0
#define BY_AGE                    0

#define ANEW  "Put a new one in its file and reload; one of the store is"      \
              " replaced by a new login or \"metactl token add\"."


static const struct graph_error_row  rows[] = {
#include "graph_error_graph.h"
#include "graph_error_publish.h"
#include "graph_error_messenger.h"
#include "graph_error_whatsapp.h"
    { ANY, EVERY, ERROR_ANY, NEVER,
      "Meta answered with a code that is not known here.",
      "Meta's message says more; nothing is sent again." },
};


/* graph_error_rows: the whole table, the unknown code last */
const struct graph_error_row *graph_error_rows(size_t *n)
{
    *n = sizeof(rows) / sizeof(rows[0]);

    return rows;
}
