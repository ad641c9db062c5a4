/*
 * Shows rows of the error table to 20-errors.t, one a line: for each line of
 * standard input, "product code subcode" (a word, numbers, "-": none), the row
 * that is found; at its end all rows.
 */

#include "consumer/graph_error.h"

#include <stdio.h>
#include <stdlib.h>


static const char *const  products[] = { "any", "whatsapp", "messenger",
                                         "instagram" };


static enum product
product(const char *name)
{
    size_t  i;

    for (i = 0; i < sizeof(products) / sizeof(products[0]); i++) {
        if (strcmp(name, products[i]) == 0) {
            return (enum product) i;
        }
    }

    abort();
}


static void
show(const struct graph_error_row *row)
{
    printf("%s\t%ld\t%ld\t%ld\t%s\t%s\t%u\t%u\t%u\t%u\t%s\t%s\t%llu\n",
           products[row->product], row->code, row->code_to, row->subcode,
           graph_class_name(row->cls), row->lane != NULL ? row->lane : "-",
           row->wait_ms, row->factor, row->tries, row->flags, row->text,
           row->todo, (unsigned long long) graph_error_wait(row, 3, 5));
}


int
main(void)
{
    size_t                         i, n;
    char                           line[128], name[32], subcode[32];
    long                           code;
    const struct graph_error_row  *rows = graph_error_rows(&n);

    while (fgets(line, sizeof(line), stdin) != NULL) {
        if (sscanf(line, "%31s %ld %31s", name, &code, subcode) != 3) {
            return 1;
        }

        show(graph_error_find(product(name), code, strcmp(subcode, "-") == 0
                              ? ERROR_ANY : strtol(subcode, NULL, 10)));
    }

    for (i = 0; i < n; i++) {
        show(&rows[i]);
    }

    return 0;
}
