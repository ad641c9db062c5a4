/* Prints docs/errors.md from the error table. */

#include "consumer/graph_error.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>


static const char *const  products[] = { "", "whatsapp", "messenger",
                                         "instagram" };


static int order(const void *a, const void *b)
{
    const struct graph_error_row  *x = a, *y = b;

    if (x->code != y->code) {
        return x->code < y->code ? -1 : 1;
    }

    if (x->subcode != y->subcode) {
        return x->subcode < y->subcode ? -1 : 1;
    }

    return x->product - y->product;
}


static void print_code(const struct graph_error_row *row)
{
    if (row->code == LONG_MIN) {
        printf(row->subcode == ERROR_ANY ? "any other" : "any");
    } else if (row->code == row->code_to) {
        printf("%ld", row->code);
    } else {
        printf("%ld to %ld", row->code, row->code_to);
    }

    if (row->product != PRODUCT_NONE) {
        printf(" (%s)", products[row->product]);
    }
}


static void print_time(unsigned ms)
{
    if (ms % 3600000 == 0) {
        printf("%u h", ms / 3600000);
    } else if (ms % 60000 == 0) {
        printf("%u min", ms / 60000);
    } else {
        printf("%u s", ms / 1000);
    }
}


static void print_wait(const struct graph_error_row *row)
{
    if (row->wait_ms == 0) {
        printf(row->cls == CLASS_OPERATOR ? "until resumed" : "");
        return;
    }

    print_time(row->wait_ms);
    if (row->factor > 1) {
        printf(", x%u", row->factor);
    }
    if (row->tries > 0) {
        printf(", %u tries", row->tries);
    }
}


static void print_row(const struct graph_error_row *row)
{
    printf("| ");
    print_code(row);
    printf(" | ");
    if (row->subcode != ERROR_ANY) {
        printf("%ld", row->subcode);
    }
    printf(" | %s | %s | ", row->flags & ERROR_DONE ? "done"
           : graph_class_name(row->cls), row->lane != NULL ? row->lane : "");
    print_wait(row);
    printf(" | %s | %s |\n", row->text, row->todo);
}


static void print_head(void)
{
    puts("# Errors of Meta's, and what meta-consumer does\n"
         "\n"
         "Made by `scripts/errors-to-md` from the table that the consumer"
         " itself uses;\n"
         "`make check` fails where the two differ.\n"
         "\n"
         "The row with the code and the subcode counts; where there is none,"
         " the row with\nthe code alone, then the range, then the last row."
         "  HTTP status and `type` of an\nerror do not matter.\n"
         "\n"
         "| class | what becomes of the event or job |\n"
         "|---|---|\n"
         "| `retry` | again, with a growing wait, as often as the row or the"
         " age allows |\n"
         "| `wait` | a limit: the lane stops, then again; Meta's own time"
         " counts where it is longer |\n"
         "| `token` | the lane stops and is tried now and then: token or"
         " permission must be renewed |\n"
         "| `never` | dead: the same call fails however often |\n"
         "| `operator` | the lane stops until the time is over, or until"
         " somebody resumes it |\n"
         "| `done` | Meta did it all the same: it counts as sent |\n"
         "\n"
         "*Wait* is the time before the first retry, and by what it grows (x2:"
         " doubles).\n"
         "*Stops* names the lane that stops: the app's, the token's, the"
         " account's (phone\nnumber, Page, Instagram or ad account), the"
         " pair's (one account to one person),\nthe template's; all others go"
         " on.  [limits.md](limits.md) says more.\n"
         "\n"
         "| code | subcode | class | stops | wait | what happened | what to do"
         " |\n"
         "|---|---|---|---|---|---|---|");
}


int main(void)
{
    size_t                         i, n;
    struct graph_error_row        *sorted;
    const struct graph_error_row  *rows = graph_error_rows(&n);

    sorted = malloc(n * sizeof(*sorted));
    if (sorted == NULL) {
        return 1;
    }

    memcpy(sorted, rows, n * sizeof(*sorted));
    qsort(sorted, n - 1, sizeof(*sorted), order);   /* the last stays so */

    print_head();
    for (i = 0; i < n; i++) {
        print_row(&sorted[i]);
    }

    free(sorted);

    return 0;
}
