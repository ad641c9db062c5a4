/* metactl dead requeue and dead drop: a script call a chunk, so that it may
   be killed at any moment and begun again. */

#include "ctl_dead.h"

#include <stdlib.h>

#include <openssl/evp.h>


#define DIGEST_LEN  33      /* 32 hex digits, zero */
#define AGAIN_MAX   100     /* others move letters at the same time */
#define SENDS_MAX   101     /* of one item, as old.lua has it */

struct moving {
    struct filter  filter;
    bool           back;        /* requeue, else drop */
    long long      limit;       /* -1: none */
    long long      fit;
    long long      moved;
    long long      stuck;       /* no record, so it cannot go back */
};

/* what one script call says of one letter */
struct move {
    char         index[24];
    char         at[24];
    char         digest[DIGEST_LEN];
    struct buf   state;
    struct buf   ref;
    char         sends[24];
};


static void digest_of(char out[DIGEST_LEN], struct str s)
{
    size_t         i;
    unsigned int   n;
    unsigned char  digest[EVP_MAX_MD_SIZE];

    if (!EVP_Digest(s.at, s.len, digest, &n, EVP_sha256(), NULL)) {
        abort();
    }

    for (i = 0; i < 16; i++) {
        snprintf(out + 2 * i, 3, "%02x", digest[i]);
    }
}


static bool name_in(struct str name, const char *const *names, size_t n)
{
    size_t  i;

    for (i = 0; i < n; i++) {
        if (str_is(name, names[i])) {
            return true;
        }
    }

    return false;
}


/* an object without some of its members */
static void state_object(struct buf *b, const struct json *j,
    const char *const *without, size_t n)
{
    bool                comma = false;
    const struct json  *m;

    for (m = json_is(j, JSON_OBJECT) ? j->child : NULL; m != NULL;
         m = m->next)
    {
        if (!name_in(m->key, without, n)) {
            buf_text(b, comma ? "," : "");
            json_quote(b, m->key);
            buf_text(b, ":");
            json_write(b, m);
            comma = true;
        }
    }
}


/* what was done, or left out, stays so; what failed, or of which
   nobody knows, is begun anew: that is what requeue is for.  Attempts begin
   anew as well, and it waits for no lane */
static void state_write(struct buf *b, const struct json *state)
{
    bool                       ended;
    const struct json         *step, *steps = json_get(state, "steps");
    static const char *const   anew[] = {
        "attempts", "tries", "errors", "first", "lane", "steps"
    };
    static const char *const   outcome[] = { "o", "m", "a", "err" };
    static const char *const   ends[] = {
        "done", "expired", "left", "closed"
    };

    buf_text(b, "{");
    state_object(b, state, anew, sizeof(anew) / sizeof(anew[0]));
    buf_text(b, ",\"attempts\":0,\"tries\":0,\"steps\":[");

    for (step = json_is(steps, JSON_ARRAY) ? steps->child : NULL;
         step != NULL; step = step->next)
    {
        ended = name_in(json_get_text(step, "o"), ends,
                        sizeof(ends) / sizeof(ends[0]));
        buf_text(b, "{");
        state_object(b, step, outcome,
                     ended ? 0 : sizeof(outcome) / sizeof(outcome[0]));
        buf_text(b, step->next != NULL ? "}," : "}");
    }

    buf_text(b, "]}");
}


/* a letter with a state is fetched whole, for its record's digest */
static bool move_state(struct ctl *c, const char *q, const struct head *h,
    struct move *m)
{
    char                 key[CTL_NAME_MAX];
    struct str           letter;
    const struct json   *state = json_get(h->letter, "state");

    buf_init(&m->state, (size_t) -1);
    m->digest[0] = '\0';

    if (!json_is(state, JSON_OBJECT)) {
        return true;
    }

    letter = reply_str(ctl_ask(c, "LINDEX", key_of(key, q, "dead"), m->index,
                               NULL));
    if ((long long) letter.len != h->at + h->size) {
        return false;
    }

    /* h->at counts from 1, and the letter's own "}" is behind the record */
    digest_of(m->digest, (struct str) { letter.at + h->at - 1,
                                        letter.len - (size_t) h->at });
    state_write(&m->state, state);

    return true;
}


static void move_words(struct ask *w, const char *q, bool back,
    char keys[4][CTL_NAME_MAX])
{
    w->n = 0;

    if (back) {
        ask_text(w, q);
    }
    ask_text(w, key_of(keys[0], q, "dead"));
    ask_text(w, key_of(keys[1], q, "count"));
    ask_text(w, key_of(keys[2], q, "state"));
}


/* by what a status or an echo would settle it: {Q}:state has such of those
   that are ambiguous; what it had done were sends at most */
static void move_ref(struct ask *w, const struct head *h, struct move *m)
{
    struct str     id = json_get_text(h->item, "id");
    unsigned long  done = 0;

    buf_init(&m->ref, (size_t) -1);
    snprintf(m->sends, sizeof(m->sends), "0");

    if (id.len && str_is(json_get_text(h->letter, "reason"), "ambiguous")) {
        buf_text(&m->ref, "ref:");
        buf_str(&m->ref, id);
        done = strtoul(json_get_text(h->letter, "done").at, NULL, 10);
        snprintf(m->sends, sizeof(m->sends), "%lu",
                 done < SENDS_MAX ? done + 1 : SENDS_MAX);
    }

    ask_add(w, (struct str) { m->ref.at, m->ref.len });
    ask_text(w, m->sends);
}


/* those of a chunk that fit; true if somebody else moved letters meanwhile */
static bool move_chunk(struct ctl *c, struct moving *mv, const char *q,
    struct heads *heads, long long *moved)
{
    char                 keys[4][CTL_NAME_MAX];
    bool                 missed = false;
    size_t               i, n = 0;
    struct head         *h;
    struct move         *m, *moves = mem_alloc(heads->n * sizeof(*moves) + 1);
    struct ask          *w = mem_alloc(sizeof(*w));
    const struct reply  *r;

    move_words(w, q, mv->back, keys);

    for (i = 0; i < heads->n; i++) {
        h = &heads->at[i];
        m = &moves[n];

        if (!filter_fits(&mv->filter, h)
            || (mv->limit >= 0 && mv->moved + (long long) n >= mv->limit))
        {
            continue;
        }

        if (mv->back && !head_record(h)) {
            mv->stuck++;
            continue;
        }

        snprintf(m->index, sizeof(m->index), "%lld", h->index);
        snprintf(m->at, sizeof(m->at), "%lld", h->at);
        if (mv->back && !c->opts.dry_run && !move_state(c, q, h, m)) {
            missed = true;
            continue;
        }

        n++;
        ask_text(w, m->index);
        ask_add(w, h->id);
        if (mv->back) {
            ask_text(w, m->at);
            ask_text(w, m->digest);
            ask_add(w, (struct str) { m->state.at, m->state.len });
        }
        move_ref(w, h, m);
    }

    *moved = 0;

    if (n && !c->opts.dry_run) {
        r = ctl_run(c, mv->back ? CTL_REQUEUE : CTL_DROP, w,
                    mv->back ? 4 : 3);
        *moved = reply_number(reply_at(r, 0));
        missed |= reply_number(reply_at(r, 1)) > 0;
        mv->moved += *moved;
    } else {
        mv->moved += (long long) n;
    }

    for (i = 0; i < n; i++) {
        buf_free(&moves[i].state);
        buf_free(&moves[i].ref);
    }

    free(moves);
    free(w);

    return missed;
}


/* those of one list that were dead when it began: what dies again meanwhile
   stands behind them and is not moved again */
static void move_list(struct ctl *c, struct moving *mv, const char *q)
{
    char          key[CTL_NAME_MAX];
    int           again = 0;
    long long     end, from = 0, moved, n;
    struct bar    bar = { .what = mv->back ? "requeueing" : "dropping" };
    struct heads  heads;

    end = reply_number(ctl_ask(c, "LLEN", key_of(key, q, "dead"), NULL));
    bar.total = end;

    while (from < end && (mv->limit < 0 || mv->moved < mv->limit)) {
        heads_read(c, q, from, &heads);
        heads_cut(&heads, end - from);

        n = (long long) heads.n;
        if (n == 0) {
            break;
        }

        if (move_chunk(c, mv, q, &heads, &moved) && again++ < AGAIN_MAX) {
            from = 0;
        } else {
            from += n - moved;
        }

        end -= moved;
        heads_free(&heads);
        db_forget(c->db);
        bar_show(c, &bar, bar.total - end + from);
    }

    bar_end(c, &bar);
}


/* letters_drop deletes letters for who knows which */
long long letters_drop(struct ctl *c, const char *q, char **ids, size_t n)
{
    struct moving  mv = {
        .limit = -1, .filter = { .since = -1, .ids = ids, .nids = n }
    };

    move_list(c, &mv, q);

    return mv.moved;
}


static void move_say(struct ctl *c, const struct moving *mv)
{
    struct jw    j;
    const char  *verb = mv->back ? "requeued" : "dropped";

    if (c->opts.json) {
        jw_init(&j);
        jw_open(&j, NULL, '{');
        jw_int(&j, "v", 1);
        jw_int(&j, verb, mv->moved);
        jw_int(&j, "unreadable", mv->stuck);
        jw_bool(&j, "dry_run", c->opts.dry_run);
        jw_close(&j, '}');
        jw_print(&j);
        return;
    }

    printf("%lld %s%s\n", mv->moved, c->opts.dry_run ? "would be " : "",
           verb);
    if (mv->stuck) {
        printf("%lld carry no record and cannot go back: dead drop\n",
               mv->stuck);
    }
}


static int move_run(struct ctl *c, bool back)
{
    size_t         i;
    struct lists   lists;
    struct moving  mv = { .back = back, .limit = ctl_limit(c, -1) };

    filter_read(c, &mv.filter, c->args, c->nargs);

    if (filter_all(&mv.filter) && !c->opts.all) {
        ctl_fail(CTL_USAGE, "which? name ids, or filters (--reason,"
                 " --account, --code, --since), or say --all");
    }

    lists_all(c, &lists, c->opts.queue, true);
    for (i = 0; i < lists.n; i++) {
        move_list(c, &mv, lists.at[i].name);
    }
    lists_free(&lists);

    move_say(c, &mv);

    return mv.moved == 0 && mv.filter.nids ? CTL_NOTHING : CTL_GOOD;
}


/* run_dead_requeue puts records at the tail of their list */
int run_dead_requeue(struct ctl *c)
{
    return move_run(c, true);
}


/* run_dead_drop deletes letters */
int run_dead_drop(struct ctl *c)
{
    return move_run(c, false);
}
