/* metactl forget: all that is kept of a person who wrote, or was written to. */

#include "ctl_dead.h"
#include "ctl_found.h"
#include "event.h"
#include "job.h"

#include <stdlib.h>

#include <openssl/evp.h>


#define KEYS_CHUNK   "500"      /* of one script call */
#define NAMES_MAX    64         /* of one person, in all accounts */
#define LEFT_MAX     8          /* places where items wait */

struct name {
    char  *account;             /* empty: of any */
    char  *name;
};

/* a letter of theirs, or a kept event */
struct theirs {
    struct theirs  *next;
    char           *list;
    char           *kept;       /* as it stands there; NULL: a letter */
    size_t          len;
    char            id[13];     /* of a letter, as "dead list" has it */
};

struct left {
    const char  *state;
    long long    n;
};

struct forget {
    struct ctl      *c;
    char            *account;   /* only there; empty: in all */
    struct name      names[NAMES_MAX];
    size_t           nnames;

    long long        people;
    long long        aliases;
    long long        turns;
    long long        conversations;
    long long        messages;
    long long        optouts;   /* they stay */
    long long        dead;
    long long        kept;
    long long        shared;    /* letters that others are in, too */
    struct left      left[LEFT_MAX];
    size_t           nleft;
    struct theirs   *items;
    struct buf       seen;      /* items that were counted, their digests */
};


/* PRODUCT:ACCOUNT:PERSON, or an id or a phone number of any account */
static void forget_name(struct forget *f)
{
    const char  *at = f->c->args[0], *account, *name;

    mask_refuse(STR(at));
    account = strchr(at, ':');
    name = account != NULL ? strchr(account + 1, ':') : NULL;

    if ((account != NULL && (name == NULL || strchr(name + 1, ':') != NULL))
        || strlen(at) > 500
        || (name != NULL && strncmp(at, "whatsapp:", 9) != 0
            && strncmp(at, "messenger:", 10) != 0
            && strncmp(at, "instagram:", 10) != 0))
    {
        ctl_fail(CTL_USAGE, "whom? PRODUCT:ACCOUNT:PERSON, or an id or a phone"
                 " number, of all accounts");
    }

    f->account = name != NULL
                 ? mem_copy(account + 1, (size_t) (name - account - 1))
                 : mem_copy("", 0);
    name = name != NULL ? name + 1 : at;
    name += *name == '+';

    if (*name == '\0' || strcmp(name, "stop") == 0) {
        ctl_fail(CTL_USAGE, "whom? there is no id");
    }

    f->names[0] = (struct name) {
        .account = mem_copy(f->account, strlen(f->account)),
        .name = mem_copy(name, strlen(name))
    };
    f->nnames = 1;
}


static bool forget_knows(const struct forget *f, struct str account,
    struct str name)
{
    size_t  i;

    for (i = 0; i < f->nnames; i++) {
        if (str_is(account, f->names[i].account)
            && str_is(name, f->names[i].name))
        {
            return true;
        }
    }

    return false;
}


static void forget_also(struct forget *f, struct str account, struct str name)
{
    if (forget_knows(f, account, name)) {
        return;
    }

    if (f->nnames == NAMES_MAX) {
        ctl_fail(CTL_FINDING, "that goes by more than %d names; say"
                 " PRODUCT:ACCOUNT:PERSON", NAMES_MAX);
    }

    f->names[f->nnames++] = (struct name) {
        .account = mem_copy(account.at, account.len),
        .name = mem_copy(name.at, name.len)
    };
}


static void forget_counted(struct forget *f, struct str what, long long n)
{
    size_t  i;
    struct {
        const char  *name;
        long long   *n;
    } counts[] = {
        { "people", &f->people }, { "aliases", &f->aliases },
        { "turns", &f->turns }, { "conversations", &f->conversations },
        { "messages", &f->messages }, { "optouts", &f->optouts }
    };

    for (i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        if (str_is(what, counts[i].name)) {
            *counts[i].n += n;
        }
    }
}


/* one walk over all keys, some at a time */
static void forget_keys(struct forget *f, const char *verb)
{
    char                 at[32] = "0";
    size_t               i;
    struct str           one, two;
    struct ask          *w = mem_alloc(sizeof(*w));
    const struct reply  *r, *said;

    do {
        w->n = 0;
        ask_text(w, "meta:user:");
        ask_text(w, "meta:conversation:");
        ask_text(w, "meta:message:");
        ask_text(w, verb);
        ask_text(w, at);
        ask_text(w, KEYS_CHUNK);
        ask_text(w, f->account);
        ask_text(w, f->c->opts.dry_run ? "0" : "1");
        for (i = 0; i < f->nnames; i++) {
            ask_text(w, f->names[i].account);
            ask_text(w, f->names[i].name);
        }

        r = ctl_run(f->c, CTL_FORGET, w, 3);
        said = reply_at(r, 1);

        for (i = 0; i + 1 < reply_count(said); i += 2) {
            one = reply_str(reply_at(said, i));
            two = reply_str(reply_at(said, i + 1));
            if (strcmp(verb, "names") == 0) {
                forget_also(f, one, two);
            } else {
                forget_counted(f, one, reply_number(reply_at(said, i + 1)));
            }
        }

        one = reply_str(reply_at(r, 0));
        snprintf(at, sizeof(at), "%.*s", (int) one.len, one.at);
        db_forget(f->c->db);
    } while (at[0] != '\0');

    free(w);
}


/* a name leads to another one, which may stand before it */
static void forget_names(struct forget *f)
{
    size_t  n;

    do {
        n = f->nnames;
        forget_keys(f, "names");
    } while (f->nnames > n);
}


static bool is_theirs(const struct forget *f, struct str account,
    struct str name)
{
    if (name.len && name.at[0] == '+') {
        name.at++;
        name.len--;
    }

    return name.len && (f->account[0] == '\0' || account.len == 0
                        || str_is(account, f->account))
           && (forget_knows(f, account, name) || forget_knows(f, NONE, name));
}


static bool event_theirs(const struct forget *f, const struct event *e)
{
    return is_theirs(f, e->account, e->user)
           || is_theirs(f, e->account, e->phone)
           || is_theirs(f, e->account, e->bsuid)
           || is_theirs(f, e->account, e->prev_phone)
           || is_theirs(f, e->account, e->prev_bsuid)
           || (e->address != ADDRESS_COMMENT && e->address != ADDRESS_GROUP
               && is_theirs(f, e->account, e->to));
}


/* one without an account is of the only one that there is */
static bool job_theirs(const struct forget *f, const struct json *job)
{
    size_t      i;
    struct str  account = json_get_text(job, "account");
    struct str  to = json_get_text(job, "to");

    for (i = 0; i < f->nnames; i++) {
        if (is_theirs(f, account.len ? account : STR(f->names[i].account),
                      to))
        {
            return true;
        }
    }

    return false;
}


/* of a record how many events are theirs, of *all; a job is one.  What cannot
   be read is theirs: it holds a name of theirs as a whole string */
static size_t record_theirs(const struct forget *f, struct str bytes,
    size_t *all)
{
    size_t           i, n = 0;
    enum record_rc   rc;
    struct record    record;
    struct json_doc  *doc;

    *all = 1;
    rc = record_open(bytes, &record);

    if (rc == RECORD_OK) {
        *all = record.nevents ? record.nevents : 1;
        for (i = 0; i < record.nevents; i++) {
            n += event_theirs(f, &record.events[i]);
        }
        n = record.nevents ? n : 1;
        record_close(&record);
        return n;
    }

    doc = json_parse(bytes.at, bytes.len, bytes.len * 20 + 65536);
    if (json_get(json_root(doc), "do") != NULL) {
        n = job_theirs(f, json_root(doc));
    } else {
        n = 1;
    }
    json_free(doc);

    return n;
}


/* the record within a letter, as JSON; empty: it has none */
static void letter_record(struct str letter, struct buf *b)
{
    struct json_doc    *doc = json_parse(letter.at, letter.len,
                                         letter.len * 20 + 65536);
    const struct json  *item = json_get(json_root(doc), "item");

    buf_init(b, (size_t) -1);
    if (item != NULL) {
        json_write(b, item);
    }
    json_free(doc);
}


static void digest_of(unsigned char out[EVP_MAX_MD_SIZE], struct str s)
{
    unsigned int  n;

    if (!EVP_Digest(s.at, s.len, out, &n, EVP_sha1(), NULL)) {
        abort();
    }
}


/* it is found by each of its names */
static bool seen_before(struct forget *f, const struct found *at)
{
    size_t         i;
    struct buf     b;
    unsigned char  digest[EVP_MAX_MD_SIZE];

    buf_init(&b, (size_t) -1);
    buf_format(&b, "%s %s ", at->list, at->state);
    buf_str(&b, at->field);
    buf_text(&b, " ");
    buf_str(&b, at->item);
    digest_of(digest, (struct str) { b.at, b.len });
    buf_free(&b);

    for (i = 0; i + 20 <= f->seen.len; i += 20) {
        if (memcmp(f->seen.at + i, digest, 20) == 0) {
            return true;
        }
    }
    buf_add(&f->seen, (char *) digest, 20);

    return false;
}


static void found_theirs(struct forget *f, const struct found *at, bool kept)
{
    size_t          i;
    unsigned char   digest[EVP_MAX_MD_SIZE];
    struct theirs  *one = mem_alloc(sizeof(*one));

    digest_of(digest, at->item);
    for (i = 0; i < 6; i++) {
        snprintf(one->id + 2 * i, 3, "%02x", digest[i]);
    }

    one->list = mem_copy(at->list, strlen(at->list));
    one->kept = kept ? mem_copy(at->item.at, at->item.len) : NULL;
    one->len = at->item.len;
    one->next = f->items;
    f->items = one;
    f->dead += !kept;
    f->kept += kept;
}


static void found_left(struct forget *f, const char *state)
{
    size_t  i;

    for (i = 0; i < f->nleft; i++) {
        if (strcmp(f->left[i].state, state) == 0) {
            f->left[i].n++;
            return;
        }
    }

    f->left[f->nleft++] = (struct left) { .state = state, .n = 1 };
}


static void on_found(void *data, struct ctl *c, const struct found *at)
{
    size_t          all, n;
    struct buf      b;
    struct forget  *f = data;
    bool            dead = strcmp(at->state, "dead") == 0;

    (void) c;

    if (dead) {
        letter_record(at->record, &b);
        n = record_theirs(f, (struct str) { b.at, b.len }, &all);
        buf_free(&b);
    } else {
        n = record_theirs(f, at->record, &all);
    }

    if (n == 0 || seen_before(f, at)) {
        return;
    }

    if (strcmp(at->state, "kept") == 0) {
        found_theirs(f, at, true);
    } else if (!dead) {
        found_left(f, at->state);
    } else if (n < all) {
        f->shared++;
    } else {
        found_theirs(f, at, false);
    }
}


/* a job's "to" may begin with a plus */
static void forget_items(struct forget *f)
{
    size_t       i;
    struct buf   plus;
    const char  *name;

    for (i = 0; i < f->nnames; i++) {
        name = f->names[i].name;
        found_each(f->c, name, on_found, f);

        if (str_digits(STR(name))) {
            buf_init(&plus, 600);
            buf_format(&plus, "+%s", name);
            buf_add(&plus, "", 1);
            found_each(f->c, plus.at, on_found, f);
            buf_free(&plus);
        }
    }
}


/* letters, list by list: their script asks for what it may, so they go before
   what is kept */
static void forget_letters(struct forget *f)
{
    char           **ids = mem_alloc((size_t) f->dead * sizeof(*ids) + 1);
    size_t           n;
    struct theirs   *from, *one;

    for (from = f->items; from != NULL; from = from->next) {
        if (from->kept != NULL || from->id[0] == '\0') {
            continue;
        }

        n = 0;
        for (one = from; one != NULL; one = one->next) {
            if (one->kept == NULL && strcmp(one->list, from->list) == 0) {
                ids[n++] = one->id;
            }
        }

        letters_drop(f->c, from->list, ids, n);
        while (n > 0) {
            ids[--n][0] = '\0';
        }
    }

    free(ids);
}


static void forget_kept(struct forget *f)
{
    char            key[CTL_NAME_MAX];
    struct ask     *w = mem_alloc(sizeof(*w));
    struct theirs  *one;

    for (one = f->items; one != NULL; one = one->next) {
        if (one->kept != NULL) {
            w->n = 0;
            ask_text(w, "ZREM");
            ask_text(w, key_of(key, one->list, "kept"));
            ask_add(w, (struct str) { one->kept, one->len });
            ctl_call(f->c, w);
            db_forget(f->c->db);
        }
    }

    free(w);
}


static void say_json(const struct forget *f)
{
    size_t     i;
    struct jw  j;

    jw_init(&j);
    jw_open(&j, NULL, '{');
    jw_int(&j, "v", 1);
    jw_bool(&j, "dry_run", f->c->opts.dry_run);
    jw_int(&j, "names", (long long) f->nnames);
    jw_int(&j, "people", f->people);
    jw_int(&j, "aliases", f->aliases);
    jw_int(&j, "conversations", f->conversations);
    jw_int(&j, "turns", f->turns);
    jw_int(&j, "messages", f->messages);
    jw_int(&j, "dead", f->dead);
    jw_int(&j, "kept", f->kept);
    jw_int(&j, "optouts_left", f->optouts);
    jw_int(&j, "dead_shared", f->shared);
    jw_open(&j, "left", '{');
    for (i = 0; i < f->nleft; i++) {
        jw_int(&j, f->left[i].state, f->left[i].n);
    }
    jw_close(&j, '}');
    jw_close(&j, '}');
    jw_print(&j);
}


static void say_text(const struct forget *f)
{
    size_t       i;
    const char  *would = f->c->opts.dry_run ? "would be " : "";

    printf("%sforgotten: %lld records of a person, %lld names that led there,"
           " %lld of conversations, %lld lists of turns, %lld records of"
           " messages, %lld dead letters, %lld kept events\n", would,
           f->people, f->aliases, f->conversations, f->turns, f->messages,
           f->dead, f->kept);

    if (f->optouts) {
        printf("left: that they want no marketing messages, in %lld account%s:"
               " without it they would be written to again\n", f->optouts,
               f->optouts == 1 ? "" : "s");
    }
    if (f->shared) {
        printf("left: %lld dead letters that other people are in, too: metactl"
               " dead list, dead drop\n", f->shared);
    }
    for (i = 0; i < f->nleft; i++) {
        printf("left: %lld in %s: they are worked first; run this again"
               " then\n", f->left[i].n, f->left[i].state);
    }
}


static void forget_free(struct forget *f)
{
    size_t          i;
    struct theirs  *one;

    for (i = 0; i < f->nnames; i++) {
        free(f->names[i].account);
        free(f->names[i].name);
    }

    while ((one = f->items) != NULL) {
        f->items = one->next;
        free(one->list);
        free(one->kept);
        free(one);
    }

    free(f->account);
    buf_free(&f->seen);
}


/* run_forget: what waits is looked for first, for it would write to the rest
   again */
int run_forget(struct ctl *c)
{
    int            code;
    struct forget  f = { .c = c };

    buf_init(&f.seen, (size_t) -1);
    forget_name(&f);
    forget_names(&f);
    forget_items(&f);
    if (!c->opts.dry_run) {
        forget_letters(&f);
        forget_kept(&f);
    }
    forget_keys(&f, c->opts.dry_run ? "count" : "forget");

    if (c->opts.json) {
        say_json(&f);
    } else {
        say_text(&f);
    }

    code = f.nleft || f.shared ? CTL_FINDING
           : f.people + f.aliases + f.turns + f.conversations + f.messages
             + f.dead + f.kept + f.optouts == 0 ? CTL_NOTHING : CTL_GOOD;
    forget_free(&f);

    return code;
}
