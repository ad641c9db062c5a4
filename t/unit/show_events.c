/*
 * Prints what the consumer's decoders make of the records that show_records -r
 * prints: for each a line of its file and its events, kind:user:type:media.
 * With -v each event has a line, and what else it says behind it.
 */

#include <stdio.h>
#include <stdlib.h>

#include "consumer/event.h"


static int digit(char c)
{
    return c <= '9' ? c - '0' : c - 'a' + 10;
}


static size_t unhex(char *out, const char *in)
{
    size_t  n = 0;

    for (; in[0] > ' ' && in[1] > ' '; in += 2) {
        out[n++] = (char) (digit(in[0]) << 4 | digit(in[1]));
    }

    return n;
}


static void show(const char *name, struct str s)
{
    if (s.len) {
        printf(" %s=%.*s", name, (int) s.len, s.at);
    }
}


static void show_more(const struct event *e)
{
    static const char *const  addresses[] = {
        "", "phone", "user", "group", "user_ref", "comment"
    };

    if (e->address != ADDRESS_NONE) {
        printf(" %s=%.*s", addresses[e->address], (int) e->to.len, e->to.at);
    }

    show("was", e->prev_phone);
    show("was", e->prev_bsuid);
    show("group", e->group);
    show("state", e->state);
    show("target", e->target);
    show("text", e->text);
    show("payload", e->payload);
    show("reply_to", e->reply_to);
    show("template", e->template_name);

    if (e->error != NULL) {
        show("error", json_get_text(e->error, "code"));
    }

    if (e->referral != NULL) {
        printf(" referral");
    }
}


static void show_event(const struct event *e, bool more)
{
    size_t        i, n;
    struct media  media[EVENT_MEDIA_MAX];

    printf(more ? "\n  %s" : " %s", kind_name(e->kind));
    if (e->inner) {
        printf("(%s)", kind_name(e->inner));
    }
    printf(":%.*s:%.*s", (int) e->user.len, e->user.at, (int) e->type.len,
           e->type.at);

    n = event_media(e, media, EVENT_MEDIA_MAX);
    for (i = 0; i < n; i++) {
        printf("%s%.*s", i ? "+" : ":", (int) media[i].type.len,
               media[i].type.at);
    }

    if (more) {
        show_more(e);
    }
}


int main(int argc, char **argv)
{
    bool           more = argc > 1 && strcmp(argv[1], "-v") == 0;
    char          *line = NULL, *tab;
    size_t         i, room = 0, n;
    struct record  r;

    while (getline(&line, &room, stdin) > 0) {
        tab = strchr(line, '\t');
        if (tab == NULL) {
            return 1;
        }

        *tab = '\0';
        printf("%s", line);
        tab = strchr(tab + 1, '\t');
        if (tab == NULL) {
            return 1;
        }

        n = unhex(line, tab + 1);

        if (record_open((struct str) { line, n }, &r) != RECORD_OK) {
            printf(" no record\n");
            continue;
        }

        for (i = 0; i < r.nevents; i++) {
            show_event(&r.events[i], more);
        }

        printf("\n");
        record_close(&r);
    }

    free(line);

    return 0;
}
