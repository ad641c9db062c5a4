/* metactl doctor --nginx: nginx's files of keys, of the token store and of
   links, beside meta-consumer's own; never a key is shown. */

#include "conf_own.h"
#include "ctl_doctor.h"

#include <stdlib.h>


struct keys {
    size_t  n;
    bool    same;       /* the same ones in the same order */
    bool    first;      /* what is made by the first of one opens elsewhere */
};


static void keys_say(struct doctor *d, const char *key, const char *path,
    const struct keys *k, const char *fails)
{
    if (!k->first) {
        doctor_say(d, LEVEL_BAD, "keys", "make both files the same, the same"
                   " line first, then reload nginx and meta-consumer",
                   "%.200s: %s is another: %s", path, key, fails);
    } else if (!k->same) {
        doctor_say(d, LEVEL_WARN, "keys", "if no rotation is under way, make"
                   " both files the same: a key that one of them lacks fails"
                   " as soon as it stands first", "%.200s and %s do not have"
                   " the same keys in the same order", path, key);
    } else {
        doctor_say(d, LEVEL_OK, "keys", NULL, "%.200s is as %s (%zu)", path,
                   key, k->n);
    }
}


static void keys_none(struct doctor *d, const char *key, const char *path,
    const char *what)
{
    char  todo[120];

    snprintf(todo, sizeof(todo), "%s with the same keys in the"
             " configuration", key);
    doctor_say(d, LEVEL_WARN, "keys", todo, "nginx has %.200s, and the"
               " configuration has no %s: %s", path, key, what);
}


/* doctor_sealed: without keys nobody asks the store, which may be full */
void doctor_sealed(struct doctor *d)
{
    size_t               i, sealed = 0;
    struct str           name;
    struct ask          *w;
    const struct reply  *names;

    if (d->c->conf->token_keys != NULL) {
        return;
    }

    w = mem_alloc(sizeof(*w));
    ask_text(w, "SMEMBERS");
    ask_text(w, "meta:token:names");
    names = db_ask(d->c->db, w, 0);
    free(w);

    for (i = 0; names != NULL && i < reply_count(names); i++) {
        name = reply_str(reply_at(names, i));
        sealed += name.len < 5 || memcmp(name.at, "conf:", 5) != 0;
    }

    if (sealed > 0) {
        doctor_say(d, LEVEL_BAD, "keys", "token_key_file with the keys that"
                   " they were sealed by, and reload", "Redis has %zu stored"
                   " tokens, and the configuration has no token_key_file: what"
                   " needs one of them waits", sealed);
    }
}


/* nginx seals by its first, meta-consumer opens by any */
void doctor_token_keys(struct doctor *d, const char *path)
{
    size_t             i;
    const char        *why;
    struct keys        k = { .n = 0 };
    struct conf_keys  *nginx = NULL, *own = d->c->conf->token_keys;

    if (own == NULL) {
        keys_none(d, "token_key_file", path, "nobody works logins");
        return;
    }

    why = type_token_keys(path, &nginx);
    if (why != NULL) {
        doctor_say(d, LEVEL_BAD, "keys", "metactl token key prints a line",
                   "%.200s: %s", path, why);
        return;
    }

    k.n = nginx->n;
    k.same = nginx->n == own->n
             && memcmp(nginx->at, own->at, own->n * sizeof(own->at[0])) == 0;
    for (i = 0; i < own->n; i++) {
        k.first |= memcmp(&nginx->at[0], &own->at[i], sizeof(own->at[0])) == 0;
    }

    keys_say(d, "token_key_file", path, &k, "what a login brings cannot be"
             " opened, and every one of them fails");
    conf_keys_free(nginx);
}


/* metactl signs by our first, nginx takes any of its own */
void doctor_link_keys(struct doctor *d, const char *path)
{
    char              **nginx, **own = d->c->conf->link_keys.at;
    size_t              i;
    const char         *why;
    struct keys         k = { .n = 0 };
    struct conf_list    list = { .n = 0 }, *has = &d->c->conf->link_keys;

    if (has->n == 0) {
        keys_none(d, "link_key_file", path, "metactl token login-url cannot"
                  " sign a link");
        return;
    }

    why = type_link_keys(path, &list);
    nginx = list.at;
    k.n = list.n;
    k.same = list.n == has->n;

    for (i = 0; i < list.n; i++) {
        k.first |= strcmp(nginx[i], own[0]) == 0;
        k.same = k.same && strcmp(nginx[i], own[i]) == 0;
    }

    if (why != NULL) {
        doctor_say(d, LEVEL_BAD, "keys", "metactl token key prints a line",
                   "%.200s: %s", path, why);
    } else {
        keys_say(d, "link_key_file", path, &k, "nginx refuses every link of"
                 " metactl token login-url");
    }

    for (i = 0; i < list.n; i++) {
        mem_wipe(nginx[i]);
    }
    free(list.at);
}
