/* metactl top: how the queues stand, live, with rates per second.  A terminal
   is drawn on; a pipe gets one picture after another. */

#include "ctl_status.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include <sys/ioctl.h>


#define TOP_STRAYS  10      /* looks for them at each so many pictures */

static volatile sig_atomic_t  top_ended;
static struct termios         top_before;
static bool                   top_raw;


struct top {
    long long      interval;
    long long      left;            /* pictures, -1: until told */
    long long      number;
    bool           paused;
    bool           drawn;           /* on a terminal */
    bool           known;           /* there are numbers of before */
    long long      before[VIEW_MAX];
    long long      when;
};


static void on_end(int number)
{
    (void) number;
    top_ended = 1;
}


/* also where Redis goes and the program ends in the middle */
static void top_restore(void)
{
    static const char  back[] = "\033[?7h\033[?25h\033[?1049l";

    if (top_raw) {
        top_raw = false;
        tcsetattr(STDIN_FILENO, TCSANOW, &top_before);
        fputs(back, stdout);
        fflush(stdout);
    }
}


static void top_screen(void)
{
    size_t            i;
    struct termios    raw;
    struct sigaction  end = { .sa_handler = on_end };
    static const int  signals[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };

    if (tcgetattr(STDIN_FILENO, &top_before) != 0) {
        return;
    }

    raw = top_before;
    raw.c_lflag &= ~(tcflag_t) (ICANON | ECHO);
    raw.c_cc[VMIN] = 0;
    raw.c_cc[VTIME] = 0;
    tcsetattr(STDIN_FILENO, TCSANOW, &raw);
    top_raw = true;
    atexit(top_restore);

    for (i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
        sigaction(signals[i], &end, NULL);
    }

    fputs("\033[?1049h\033[?25l\033[?7l", stdout);
}


static long long top_now(void)
{
    struct timespec  now;

    clock_gettime(CLOCK_MONOTONIC, &now);

    return (long long) now.tv_sec * 1000 + now.tv_nsec / 1000000;
}


static void top_rates(struct top *t, struct ctl *c, const struct status *s,
    struct buf *b)
{
    size_t                        i;
    double                        seconds;
    long long                     now = top_now();
    static const enum view_number  shown[] = {
        VIEW_ARRIVED, VIEW_TAKEN, VIEW_DONE, VIEW_DEAD
    };

    seconds = t->known && now > t->when ? (double) (now - t->when) / 1000 : 0;

    out_color(c, b, 'd');
    out_pad(b, STR("per second"), 11);
    out_color(c, b, 0);

    for (i = 0; i < sizeof(shown) / sizeof(shown[0]); i++) {
        if (seconds > 0) {
            buf_format(b, "%s%s %.1f", i ? ", " : "", view_names[shown[i]],
                       (double) (s->sum.n[shown[i]] - t->before[shown[i]])
                       / seconds);
        } else {
            buf_format(b, "%s%s -", i ? ", " : "", view_names[shown[i]]);
        }
    }

    buf_text(b, "\n\n");
    memcpy(t->before, s->sum.n, sizeof(t->before));
    t->when = now;
    t->known = true;
}


static void top_head(struct top *t, struct ctl *c, const struct status *s,
    struct buf *b)
{
    char  date[TIME_MAX];

    out_color(c, b, 'b');
    buf_text(b, "metactl top");
    out_color(c, b, 0);
    buf_format(b, "  %s", time_date(date, s->now));
    buf_text(b, t->drawn ? "   q quit, p pause\n" : "\n");
}


/* one line after another, each cleared behind its end; what is below the
   window is left out */
static void top_draw(const struct buf *b)
{
    size_t          i, row = 1, start = 0;
    struct winsize  size;
    unsigned        rows = 24;

    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 1) {
        rows = size.ws_row;
    }

    fputs("\033[H", stdout);

    for (i = 0; i < b->len && row < rows; i++) {
        if (b->at[i] == '\n') {
            fwrite(b->at + start, 1, i - start, stdout);
            fputs("\033[K\r\n", stdout);
            start = i + 1;
            row++;
        }
    }

    fputs("\033[0m\033[J", stdout);
    fflush(stdout);
}


static void top_picture(struct top *t, struct ctl *c)
{
    struct jw      j;
    struct buf     b;
    struct status  s;

    status_read(c, &s, t->number++ % TOP_STRAYS == 0 || !t->drawn);
    buf_init(&b, (size_t) -1);

    if (c->opts.json) {
        jw_init(&j);
        status_json(c, &s, &j);
        jw_print(&j);
    } else {
        top_head(t, c, &s, &b);
        top_rates(t, c, &s, &b);
        status_text(c, &s, &b);
        if (t->drawn) {
            top_draw(&b);
            buf_free(&b);
        } else {
            buf_text(&b, "\n");
            out_print(&b);
        }
    }

    status_free(&s);
}


/* until the next picture is due, or a key was pressed; false: quit */
static bool top_wait(struct top *t)
{
    char           key;
    long long      end = top_now() + t->interval, left;
    struct pollfd  in = { .fd = STDIN_FILENO, .events = POLLIN };

    while (!top_ended && ((left = end - top_now()) > 0 || t->paused)) {
        if (poll(&in, t->drawn ? 1 : 0, t->paused ? -1 : (int) left) < 0
            && errno != EINTR)
        {
            return false;
        }

        if (!t->drawn || !(in.revents & (POLLIN | POLLHUP))) {
            continue;
        }

        if (read(STDIN_FILENO, &key, 1) != 1 || key == 'q' || key == 'Q') {
            return false;
        }

        if (key == 'p' || key == 'P') {
            t->paused = !t->paused;
            fputs(t->paused ? "\033[1;1H\033[7mpaused, p goes on\033[0m\033[K"
                  : "\r\033[K", stdout);
            fflush(stdout);
        } else if (key == ' ') {
            return true;
        }
        in.revents = 0;
    }

    return !top_ended;
}


/* NULL: it answers; else why not */
static const char *top_ask(struct ctl *c, char why[REPLY_WHY_MAX])
{
    struct ask          *w = mem_alloc(sizeof(*w));
    const struct reply  *r;

    ask_text(w, "TIME");
    r = db_ask(c->db, w, 0);
    free(w);

    return r == NULL ? "the connection went, or it does not answer"
           : reply_is_error(r) ? reply_why(why, r) : NULL;
}


/* a terminal stays where Redis goes, and says so until it is back */
static bool top_reach(struct top *t, struct ctl *c)
{
    char         code[REPLY_WHY_MAX];
    const char  *why = "";
    struct buf   error, line;

    buf_init(&error, 512);

    if (c->db == NULL) {
        c->db = db_open(&c->conf->redis, &error);
        buf_add(&error, "", 1);
        why = error.at;
    }

    if (c->db != NULL) {
        why = top_ask(c, code);
        if (why == NULL) {
            buf_free(&error);
            db_forget(c->db);
            return true;
        }
        db_close(c->db);
        c->db = NULL;
    }

    t->known = false;
    buf_init(&line, 2048);
    redis_where(&line, &c->conf->redis);
    buf_text(&line, ": ");
    buf_text(&line, why);
    printf("\033[1;1H\033[7mRedis at %.*s; trying again, q quit\033[0m\033[K",
           (int) line.len, line.at);
    fflush(stdout);
    buf_free(&line);
    buf_free(&error);

    return false;
}


/* run_top draws until q, or so many pictures */
int run_top(struct ctl *c)
{
    struct top  t = { .interval = 1000, .left = -1 };

    t.drawn = isatty(STDOUT_FILENO) && isatty(STDIN_FILENO) && !c->opts.json;

    if (c->opts.interval != NULL) {
        t.interval = time_length(c->opts.interval);
        if (t.interval < 100 || t.interval > 3600000) {
            ctl_fail(CTL_USAGE, "--interval must be 100ms to 1h");
        }
    }

    if (c->opts.count != NULL) {
        if (!str_digits(STR(c->opts.count)) || strlen(c->opts.count) > 9) {
            ctl_fail(CTL_USAGE, "--count must be a number");
        }
        t.left = strtoll(c->opts.count, NULL, 10);
    } else if (!t.drawn) {
        t.left = 1;
    }

    if (t.drawn) {
        top_screen();
    }

    while (t.left != 0 && !top_ended) {
        if (!t.drawn || top_reach(&t, c)) {
            top_picture(&t, c);
            t.left -= t.left > 0;
        }
        if (t.left != 0 && !top_wait(&t)) {
            break;
        }
    }

    top_restore();

    return CTL_GOOD;
}
