/* What metactl prints for people: columns, colours, a bar for long work. */

#include "ctl.h"

#include <stdlib.h>
#include <time.h>
#include <unistd.h>


#define OUT_COLUMNS  79
#define BAR_EVERY    100    /* ms */
#define BAR_WIDTH    30


/* out_columns counts characters of UTF-8 */
size_t out_columns(struct str s)
{
    size_t  i, n = 0;

    for (i = 0; i < s.len; i++) {
        n += ((unsigned char) s.at[i] & 0xc0) != 0x80;
    }

    return n;
}


/* out_color begins a colour, or ends it with 0 */
void out_color(struct ctl *c, struct buf *b, char color)
{
    if (!c->color) {
        return;
    }

    switch (color) {

    case 'r':
        buf_text(b, "\033[31m");
        break;

    case 'g':
        buf_text(b, "\033[32m");
        break;

    case 'y':
        buf_text(b, "\033[33m");
        break;

    case 'b':
        buf_text(b, "\033[1m");
        break;

    case 'd':
        buf_text(b, "\033[2m");
        break;

    default:
        buf_text(b, "\033[0m");
    }
}


/* out_safe: what came from outside must not steer the terminal */
void out_safe(struct buf *b, struct str s)
{
    size_t  n;

    while (s.len) {
        n = json_utf8(s);

        if (n == 0 || json_steers(s, n)) {
            buf_text(b, "?");
            n = n ? n : 1;
        } else {
            buf_add(b, s.at, n);
        }

        s.at += n;
        s.len -= n;
    }
}


/* out_pad writes s in so many columns, cut with "~" where it is longer */
void out_pad(struct buf *b, struct str s, int width)
{
    size_t  i, room = width < 0 ? -width : width, n = out_columns(s);

    for (i = n; width < 0 && i < room; i++) {
        buf_text(b, " ");
    }

    if (n > room) {
        for (i = 0; i < s.len && room > 1; i++) {
            room -= ((unsigned char) s.at[i] & 0xc0) != 0x80;
        }
        while (i < s.len && ((unsigned char) s.at[i] & 0xc0) == 0x80) {
            i++;
        }
        out_safe(b, (struct str) { s.at, i });
        buf_text(b, "~");
        return;
    }

    out_safe(b, s);

    for (i = n; width > 0 && i < room; i++) {
        buf_text(b, " ");
    }
}


/* out_number writes n to the right of so many columns; 1234567 is 1.23M where
   it would not fit */
void out_number(struct buf *b, long long n, int width)
{
    char         text[32];
    int          len;
    size_t       unit = 0;
    double       short_n = (double) n;
    static const char  units[] = "kMGTP";

    len = snprintf(text, sizeof(text), "%lld", n);

    if (len > width) {
        for (short_n /= 1000; (short_n >= 1000 || short_n <= -1000)
             && unit < 4; unit++)
        {
            short_n /= 1000;
        }
        snprintf(text, sizeof(text), "%.3g%c", short_n, units[unit]);
    }

    out_pad(b, STR(text), -width);
}


/* out_wrap writes text in lines, each but the first indented */
void out_wrap(struct buf *b, const char *text, int column)
{
    int     at = column;
    size_t  n, width;

    while (*text != '\0') {
        n = strcspn(text, " ");
        width = out_columns((struct str) { text, n });

        if (at > column && at + 1 + (int) width > OUT_COLUMNS) {
            buf_text(b, "\n");
            out_pad(b, NONE, column);
            at = column;
        } else if (at > column) {
            buf_text(b, " ");
            at++;
        }

        out_safe(b, (struct str) { text, n });
        at += (int) width;
        text += n + strspn(text + n, " ");
    }

    buf_text(b, "\n");
}


/* out_lines writes lines of which a part came from outside */
void out_lines(struct buf *b, FILE *to)
{
    size_t       n;
    const char  *at;
    struct buf   safe;

    buf_init(&safe, (size_t) -1);
    buf_add(b, "", 1);

    for (at = b->at; *at != '\0'; at += n + (at[n] != '\0')) {
        n = strcspn(at, "\n");
        out_safe(&safe, (struct str) { at, n });
        buf_text(&safe, "\n");
    }

    fwrite(safe.at, 1, safe.len, to);
    buf_free(&safe);
    buf_free(b);
}


/* out_print writes it all */
void out_print(struct buf *b)
{
    if (b->len) {
        fwrite(b->at, 1, b->len, stdout);
    }

    /* whoever read it has gone */
    if (fflush(stdout) != 0) {
        exit(CTL_FINDING);
    }

    buf_free(b);
}


static long long bar_now(void)
{
    struct timespec  now;

    clock_gettime(CLOCK_MONOTONIC, &now);

    return (long long) now.tv_sec * 1000 + now.tv_nsec / 1000000;
}


/* bar_show draws how far it is; nothing where nobody looks, and nothing in
   the first moment */
void bar_show(struct ctl *c, struct bar *bar, long long done)
{
    int        i, full;
    long long  now;

    if (!c->bar || bar->total <= 0) {
        return;
    }

    now = bar_now();
    if (bar->shown == 0) {
        bar->shown = now + BAR_EVERY;
    }
    if (now < bar->shown) {
        return;
    }

    bar->shown = now + BAR_EVERY;
    done = done > bar->total ? bar->total : done;
    full = (int) (done * BAR_WIDTH / bar->total);

    fprintf(stderr, "\r%-10.10s [", bar->what);
    for (i = 0; i < BAR_WIDTH; i++) {
        fputc(i < full ? '#' : ' ', stderr);
    }
    fprintf(stderr, "] %3d %%  %lld of %lld\033[K",
            (int) (done * 100 / bar->total), done, bar->total);
    fflush(stderr);
}


/* bar_end clears its line */
void bar_end(struct ctl *c, struct bar *bar)
{
    if (c->bar && bar->shown) {
        fputs("\r\033[K", stderr);
        fflush(stderr);
    }
}
