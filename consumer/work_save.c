/* Media of the event that a handler is asked about, as files that it can open:
   fetched before the call, one after another. */

#include "work_own.h"
#include "media_fetch.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <openssl/evp.h>


/* so often is it tried again; then the handler is asked without the file */
#define SAVE_TRIES  3
#define NAME_BYTES  16


/* one work's media on their way */
struct saving {
    struct work   *work;
    void         (*then)(struct work *w, uint64_t ms);
    size_t         at;
    size_t         n;
    bool           again;       /* one of them, later */
    uint64_t       wait_ms;
    struct media   media[EVENT_MEDIA_MAX];
};


static void save_next(struct saving *s);


static struct step *save_step(const struct work *w)
{
    return &w->plan.steps[w->plan.at];
}


/* without a type it is called by its kind, until its bytes come with one */
static const char *ending(const struct media *m)
{
    const char  *known = fetch_ending(m->mime);

    return known != NULL ? known : str_is(m->type, "image") ? "image"
           : str_is(m->type, "video") ? "video"
           : str_is(m->type, "audio") ? "audio" : "file";
}


/* DIR/32 hex digits.jpg: by the event's id and place, the same in every
   attempt; nothing of it is the sender's choice */
static void path_write(struct buf *b, const struct work *w, size_t i,
    const struct media *m)
{
    size_t               j;
    unsigned             len;
    struct buf           id;
    unsigned char        hash[EVP_MAX_MD_SIZE];
    const struct step   *step = save_step(w);
    const struct record *r = &w->record;

    buf_init(&id, (size_t) -1);
    buf_str(&id, r->app);
    buf_add(&id, "", 1);
    buf_str(&id, r->object);
    buf_add(&id, "", 1);
    buf_str(&id, r->entry);
    buf_add(&id, "", 1);
    buf_str(&id, r->id);
    buf_add(&id, "", 1);
    buf_format(&id, "%zu:%zu:", step->event, i);
    buf_str(&id, m->id);

    if (EVP_Digest(id.at, id.len, hash, &len, EVP_sha256(), NULL) != 1) {
        abort();
    }

    buf_format(b, "%s/", step->save);
    for (j = 0; j < NAME_BYTES; j++) {
        buf_format(b, "%02x", hash[j]);
    }
    buf_format(b, ".%s", ending(m));
    buf_add(b, "", 1);
    buf_free(&id);
}


/* writes the path of the file that is there, if there is one */
static bool path_find(struct buf *b, const struct work *w, size_t i,
    const struct media *m)
{
    size_t       j, from = b->len, end;
    const char  *other;

    path_write(b, w, i, m);
    end = b->len - 1 - strlen(ending(m));

    if (access(b->at + from, F_OK) == 0) {
        return true;
    }

    for (j = 0; m->mime.len == 0 && (other = fetch_ending_at(j)) != NULL; j++) {
        b->len = end;
        buf_add(b, other, strlen(other) + 1);
        if (access(b->at + from, F_OK) == 0) {
            return true;
        }
    }

    return false;
}


static bool file_there(const struct work *w, size_t i, const struct media *m)
{
    bool        there;
    struct buf  b;

    buf_init(&b, (size_t) -1);
    there = path_find(&b, w, i, m);
    buf_free(&b);

    return there;
}


/* a link that a person shared is nothing of Meta's: 4.1 calls it fallback */
static bool media_fetchable(const struct media *m)
{
    return (m->id.len > 0 || m->url.len > 0) && !str_is(m->type, "fallback");
}


/* save_wanted says whether something is to be fetched */
bool save_wanted(const struct work *w)
{
    size_t               i, n;
    struct media         media[EVENT_MEDIA_MAX];
    const struct step   *step = save_step(w);
    const struct event  *event = work_event(w, step);

    if (step->save == NULL || step->saves >= STEP_SAVED || event == NULL) {
        return false;
    }

    n = event_media(event, media, EVENT_MEDIA_MAX);

    for (i = 0; i < n; i++) {
        if (media_fetchable(&media[i]) && !file_there(w, i, &media[i])) {
            return true;
        }
    }

    return false;
}


/* save_view writes the paths of all files that are there */
const struct str *save_view(const struct work *w, struct buf *b)
{
    size_t               i, n, at[EVENT_MEDIA_MAX];
    struct str          *files;
    struct media         media[EVENT_MEDIA_MAX];
    const struct event  *event = work_event(w, save_step(w));

    buf_init(b, (size_t) -1);

    if (save_step(w)->save == NULL) {
        return NULL;
    }

    n = event_media(event, media, EVENT_MEDIA_MAX);
    files = mem_alloc((n + 1) * sizeof(*files));

    for (i = 0; i < n; i++) {
        at[i] = b->len;
        if (!path_find(b, w, i, &media[i])) {
            at[i] = SIZE_MAX;
        }
    }

    for (i = 0; i < n; i++) {
        files[i] = at[i] != SIZE_MAX ? STR(b->at + at[i]) : NONE;
    }

    return files;
}


static void save_log(const struct saving *s, const char *why)
{
    char  more[256];

    snprintf(more, sizeof(more), " media=%zu type=%.*s why=\"%.160s\"",
             s->at + 1, (int) (s->media[s->at].type.len < 16
             ? s->media[s->at].type.len : 16), s->media[s->at].type.at, why);
    work_log(s->work, LOG_WARN, "media", more);
}


/* what is not there by now is given up, or waited for */
static void save_end(struct saving *s)
{
    uint64_t      ms = 0;
    struct work  *w = s->work;
    struct step  *step = save_step(w);
    void        (*then)(struct work *w, uint64_t ms) = s->then;

    step->saves++;

    if (s->again && step->saves <= SAVE_TRIES) {
        ms = handler_delay(step->saves);
        ms = s->wait_ms > ms ? s->wait_ms : ms;
    } else {
        step->saves = STEP_SAVED;
    }

    w->plan.stored = false;
    free(s);
    then(w, ms);
}


static void on_saved(void *data, const struct fetch_answer *a)
{
    struct saving  *s = data;

    if (a->rc == FETCH_SAVED) {
        stat_add(STAT_MEDIA_SAVED, 1);

    } else if (a->rc == FETCH_AGAIN) {
        stat_add(STAT_MEDIA_AGAIN, 1);
        s->again = true;
        s->wait_ms = a->wait_ms > 0 ? (uint64_t) a->wait_ms : 0;
        save_log(s, a->why);

    } else {
        stat_add(STAT_MEDIA_REFUSED, 1);
        save_log(s, a->why);
    }

    s->at++;
    save_next(s);
}


static void save_fetch(struct saving *s, const char *path)
{
    struct work         *w = s->work;
    struct media        *m = &s->media[s->at];
    const struct event  *event = work_event(w, save_step(w));
    struct fetch_order   order = {
        .number = event->account, .id = m->id, .url = m->url,
        .sha256 = m->sha256, .path = path, .typed = m->mime.len == 0,
        .max = save_step(w)->save_max
    };
    struct fetch_answer  none = {
        .rc = FETCH_REFUSED, .why = "tokens has none for this account"
    };

    /* ids are WhatsApp's; the others' media have a URL, which takes no token */
    if (event->product != PRODUCT_WHATSAPP) {
        order.id = NONE;

    } else {
        order.token = tokens_pick(w->conf, event->product, event->account,
                                  event->waba);
        if (order.token == NULL) {
            on_saved(s, &none);
            return;
        }

        order.app = call_app(w, order.token);
    }

    fetch_start(w->worker->graph, w->conf, &order, on_saved, s);
}


static void save_next(struct saving *s)
{
    struct buf    b;
    struct work  *w = s->work;

    /* who lost the item meanwhile, or leaves, fetches nothing more */
    while (s->at < s->n && !w->worker->leaving && w->item->queue != NULL) {
        if (media_fetchable(&s->media[s->at])
            && !file_there(w, s->at, &s->media[s->at]))
        {
            buf_init(&b, (size_t) -1);
            path_write(&b, w, s->at, &s->media[s->at]);
            save_fetch(s, b.at);
            buf_free(&b);
            return;
        }

        s->at++;
    }

    save_end(s);
}


/* save_start fetches what is not there */
void save_start(struct work *w, void (*then)(struct work *w, uint64_t ms))
{
    struct saving  *s = mem_alloc(sizeof(*s));

    s->work = w;
    s->then = then;
    s->n = event_media(work_event(w, save_step(w)), s->media,
                       EVENT_MEDIA_MAX);
    save_next(s);
}
