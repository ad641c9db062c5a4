/*
 * Prints what the record would say of every event in the files named: a table
 * for a person to read against contract 4, or with -r the records themselves.
 *
 * Columns: file, n/of, id, key, time, field.  With -r: file, a tab, the event
 * as sent in hex, a tab, the record in hex.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "meta/meta_key.h"
#include "meta/meta_record.h"


static void show_file(const char *name, int raw, meta_hash_t *hash);
static void show_body(const char *name, meta_str_t body, int raw,
    meta_hash_t *hash);
static void show_record(const char *name, const meta_record_ctx_t *rc,
    const meta_event_t *ev, size_t n, int raw);
static void show_hex(const unsigned char *p, size_t len);
static void show_member(const unsigned char *head, size_t len,
    const char *member);


int
main(int argc, char **argv)
{
    int          i, raw;
    meta_hash_t  hash;

    raw = argc > 1 && strcmp(argv[1], "-r") == 0;

    if (meta_hash_init(&hash) != META_OK) {
        return 1;
    }

    for (i = 1 + raw; i < argc; i++) {
        show_file(argv[i], raw, &hash);
    }

    meta_hash_free(&hash);

    return 0;
}


static void
show_file(const char *name, int raw, meta_hash_t *hash)
{
    long            size;
    FILE           *f;
    meta_str_t      body;
    unsigned char  *buf;

    f = fopen(name, "rb");
    if (f == NULL || fseek(f, 0, SEEK_END) != 0 || (size = ftell(f)) < 0) {
        perror(name);
        exit(1);
    }

    rewind(f);

    buf = malloc((size_t) size + 1);
    if (buf == NULL || fread(buf, 1, (size_t) size, f) != (size_t) size) {
        perror(name);
        exit(1);
    }

    fclose(f);

    body.data = buf;
    body.len = (size_t) size;

    show_body(name, body, raw, hash);

    free(buf);
}


static void
show_body(const char *name, meta_str_t body, int raw, meta_hash_t *hash)
{
    size_t              n;
    meta_rc_t           mrc;
    meta_split_t        split;
    meta_event_t       *events;
    meta_record_ctx_t   rc;

    static const meta_str_t  app = meta_string("1234567890");
    static const meta_str_t  delivery =
        meta_string("9f86d081884c7d659a2feaa0c55ad015");

    mrc = meta_split(body, &split, NULL, 0);

    if (mrc != META_OK) {
        printf("%s\trefused (%d)\n", name, (int) mrc);
        return;
    }

    events = calloc(split.nevents, sizeof(meta_event_t));
    if (events == NULL) {
        perror("calloc");
        exit(1);
    }

    (void) meta_split(body, &split, events, split.nevents);

    rc.app = app;
    rc.delivery = delivery;
    rc.received_at = INT64_C(1763700000123);
    rc.split = &split;
    rc.hash = hash;

    meta_record_begin(&rc);

    for (n = 0; n < split.nevents; n++) {
        show_record(name, &rc, &events[n], n, raw);
    }

    free(events);
}


static void
show_record(const char *name, const meta_record_ctx_t *rc,
    const meta_event_t *ev, size_t n, int raw)
{
    size_t         len;
    unsigned char  head[META_RECORD_HEAD_MAX];

    len = meta_record_head(head, rc, ev, n);

    if (len == 0) {
        fprintf(stderr, "%s: libcrypto refused\n", name);
        exit(1);
    }

    if (raw) {
        printf("%s\t", name);
        show_hex(ev->raw.data, ev->raw.len);
        printf("\t");
        show_hex(head, len);
        show_hex(ev->raw.data, ev->raw.len);
        show_hex((const unsigned char *) "}", 1);
        printf("\n");
        return;
    }

    printf("%s\t%zu/%zu", name, n, rc->split->nevents);

    show_member(head, len, "\"id\":");
    show_member(head, len, "\"key\":");
    show_member(head, len, "\"time\":");
    show_member(head, len, "\"field\":");

    printf("\n");
}


static void
show_hex(const unsigned char *p, size_t len)
{
    while (len-- != 0) {
        printf("%02x", *p++);
    }
}


/* the value of a member of the head, which holds none of these names twice */

static void
show_member(const unsigned char *head, size_t len, const char *member)
{
    const unsigned char  *p, *end;

    end = head + len;
    p = memmem(head, len, member, strlen(member));

    printf("\t");

    if (p == NULL) {
        return;
    }

    p += strlen(member);

    if (*p == '"') {
        for (p++; p < end && *p != '"'; p++) {
            if (*p == '\\') {
                putchar(*p++);
            }
            putchar(*p);
        }

        return;
    }

    while (p < end && *p != ',') {
        putchar(*p++);
    }
}
