/* Prints the tables of docs/events.md from those of the decoders: each behind
   a line "== name". */

#include <stdio.h>

#include "consumer/decode.h"


static const char *product_words[] = {
    [PRODUCT_NONE] = "other objects", [PRODUCT_WHATSAPP] = "WhatsApp",
    [PRODUCT_MESSENGER] = "Messenger", [PRODUCT_INSTAGRAM] = "Instagram"
};

/* which products a table's rows are of */
static const struct {
    const struct decode_row  *rows;
    unsigned                  products;
} tables[] = {
    { decode_whatsapp_arrays, 1 << PRODUCT_WHATSAPP },
    { decode_whatsapp_fields, 1 << PRODUCT_WHATSAPP },
    { decode_whatsapp_types, 1 << PRODUCT_WHATSAPP },
    { decode_whatsapp_interactive, 1 << PRODUCT_WHATSAPP },
    { decode_messaging_members, 1 << PRODUCT_MESSENGER
      | 1 << PRODUCT_INSTAGRAM },
    { decode_page_fields, 1 << PRODUCT_MESSENGER },
    { decode_page_items, 1 << PRODUCT_MESSENGER },
    { decode_instagram_fields, 1 << PRODUCT_INSTAGRAM },
    { decode_objects, 1 << PRODUCT_NONE }
};


/* what no row says, since it is no shape of its own */
static unsigned kind_products(enum kind kind)
{
    size_t                    i;
    unsigned                  all = 0;
    const struct decode_row  *row;

    for (i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
        for (row = tables[i].rows; row->name != NULL; row++) {
            all |= row->kind == kind ? tables[i].products : 0;
        }
    }

    if (kind == KIND_ECHO || kind == KIND_STANDBY || kind == KIND_TEST
        || kind == KIND_UNKNOWN || kind == KIND_UNSUPPORTED
        || kind == KIND_PREFERENCE || kind == KIND_UNSEND)
    {
        all |= 1 << PRODUCT_WHATSAPP | 1 << PRODUCT_MESSENGER
               | 1 << PRODUCT_INSTAGRAM;
    }

    if (kind == KIND_ERROR) {
        all |= 1 << PRODUCT_WHATSAPP;
    }

    if (kind == KIND_TEST || kind == KIND_UNKNOWN) {
        all |= 1 << PRODUCT_NONE;
    }

    return all;
}


static void print_kind(enum kind kind)
{
    int          product;
    unsigned     products = kind_products(kind);
    const char  *comma = "";

    printf("| `%s` | %s | %s | ", kind_name(kind), kind_about(kind),
           kind_silent(kind) ? "yes" : "");

    for (product = 1; product <= PRODUCT_INSTAGRAM + 1; product++) {
        if (products >> (product % (PRODUCT_INSTAGRAM + 1)) & 1) {
            printf("%s%s", comma,
                   product_words[product % (PRODUCT_INSTAGRAM + 1)]);
            comma = ", ";
        }
    }

    printf(" |\n");
}


static void print_kinds(void)
{
    int  kind;

    printf("== kinds\n\n"
           "| kind | what it is | silent | of |\n|---|---|---|---|\n");

    for (kind = 1; kind < KINDS; kind++) {
        print_kind(kind);
    }
    print_kind(KIND_UNKNOWN);
}


static void cell(const char *before, const char *s, const char *after)
{
    if (s != NULL) {
        printf("%s%s%s |", before, s, after);
    } else {
        printf(" |");
    }
}


static void print_rows(const char *name, const char *column,
    const struct decode_row *row)
{
    printf("== %s\n\n| %s | kind | text | payload | state | target | |\n"
           "|---|---|---|---|---|---|---|\n", name, column);

    for (; row->name != NULL; row++) {
        printf("| `%s` | %s |", row->name,
               row->kind == KIND_UNKNOWN ? "" : kind_name(row->kind));
        cell(" `", row->text, "`");
        cell(" `", row->payload, "`");
        cell(" `", row->state, "`");
        cell(" `", row->target, "`");
        cell(" ", row->about, "");
        printf("\n");
    }
}


int main(void)
{
    print_kinds();
    print_rows("whatsapp arrays", "array of `value`", decode_whatsapp_arrays);
    print_rows("whatsapp types", "`type`", decode_whatsapp_types);
    print_rows("whatsapp interactive", "`interactive.type`",
               decode_whatsapp_interactive);
    print_rows("whatsapp fields", "`field`", decode_whatsapp_fields);
    print_rows("messaging", "member", decode_messaging_members);
    print_rows("page fields", "`field`", decode_page_fields);
    print_rows("page items", "`item`", decode_page_items);
    print_rows("instagram fields", "`field`", decode_instagram_fields);
    print_rows("objects", "`object`", decode_objects);

    return 0;
}
