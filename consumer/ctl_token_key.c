/* metactl token key, login-url, remove and rekey: keys, and what they seal or
   sign. */

#include "ctl_store.h"

#include "meta/meta_link.h"

#include <stdlib.h>

#include <openssl/rand.h>


#define LOGIN_PRESET  "1h"
#define LOGIN_MAX_MS  (30 * 86400 * 1000LL)


/* run_token_key: a line for token_key_file, or for link_key_file */
int run_token_key(struct ctl *c)
{
    size_t         i;
    char           line[2 * META_KEY_LEN + 1];
    struct jw      j;
    unsigned char  key[META_KEY_LEN];

    if (RAND_bytes(key, sizeof(key)) != 1) {
        ctl_fail(CTL_FINDING, "there are no random bytes to be had");
    }

    for (i = 0; i < sizeof(key); i++) {
        snprintf(line + 2 * i, 3, "%02x", key[i]);
    }

    if (c->opts.json) {
        jw_init(&j);
        jw_open(&j, NULL, '{');
        jw_int(&j, "v", 1);
        jw_text(&j, "key", line);
        jw_close(&j, '}');
        jw_print(&j);
    } else {
        puts(line);
    }

    return CTL_GOOD;
}


static void url_encoded(struct buf *b, const char *text)
{
    size_t       n;
    static const char  plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                 "abcdefghijklmnopqrstuvwxyz0123456789-._~";

    for ( /* void */ ; *text != '\0'; text += n) {
        n = strspn(text, plain);
        buf_add(b, text, n);
        if (n == 0) {
            buf_format(b, "%%%02X", (unsigned char) *text);
            n = 1;
        }
    }
}


static const char *login_page(struct ctl *c)
{
    const char  *url = c->opts.url != NULL ? c->opts.url
                       : c->conf->login_url;

    if (url == NULL) {
        ctl_fail(CTL_USAGE, "--url, or oauth.login_url of %s, names the"
                 " location that has meta_oauth_login or meta_embedded_signup",
                 c->opts.file);
    }

    if (strncmp(url, "https://", 8) != 0 && strncmp(url, "http://", 7) != 0) {
        ctl_fail(CTL_USAGE, "--url must begin with https://");
    }

    return url;
}


/* what the page of the edge takes: over ref LF exp */
static void login_link(struct ctl *c, struct buf *b, const char *ref,
    long long expires)
{
    char           exp[24];
    meta_rc_t      rc;
    const char    *url = login_page(c), *key;
    unsigned char  sig[META_LINK_SIG_LEN];

    key = ((char **) c->conf->link_keys.at)[0];
    snprintf(exp, sizeof(exp), "%lld", expires / 1000);
    rc = meta_link_sign(sig,
             (meta_str_t) { (const unsigned char *) key, strlen(key) },
             (meta_str_t) { (const unsigned char *) ref, strlen(ref) },
             (meta_str_t) { (const unsigned char *) exp, strlen(exp) });
    if (rc != META_OK) {
        ctl_fail(rc == META_MALFORMED ? CTL_USAGE : CTL_FINDING,
                 rc == META_MALFORMED ? "--ref takes up to 128 bytes without"
                 " control characters" : "libcrypto cannot sign it");
    }

    buf_text(b, url);
    buf_text(b, strchr(url, '?') != NULL ? "&" : "?");
    if (*ref != '\0') {
        buf_text(b, "ref=");
        url_encoded(b, ref);
        buf_text(b, "&");
    }
    buf_format(b, "exp=%s&sig=%.*s", exp, META_LINK_SIG_LEN, (char *) sig);
    if (c->opts.again != NULL) {
        buf_format(b, "&again=%s", c->opts.again);
    }
}


/* run_token_login_url: whoever has it may connect an account until then */
int run_token_login_url(struct ctl *c)
{
    struct jw    j;
    struct buf   b;
    long long    length, expires;
    const char  *ref = c->opts.ref != NULL ? c->opts.ref : "";

    if (c->conf->link_keys.n == 0) {
        ctl_fail(CTL_USAGE, "link_key_file is not set in %s: the file that"
                 " meta_link_key_file names", c->opts.file);
    }

    length = time_length(c->opts.expires != NULL ? c->opts.expires
                         : LOGIN_PRESET);
    if (length < 1000 || length > LOGIN_MAX_MS) {
        ctl_fail(CTL_USAGE, "--expires must be a length of time up to 30d:"
                 " 15m, 1h, 2d");
    }

    if (c->opts.again != NULL && strcmp(c->opts.again, "rerequest") != 0
        && strcmp(c->opts.again, "reauthorize") != 0)
    {
        ctl_fail(CTL_USAGE, "--again takes rerequest (scopes that were"
                 " declined) or reauthorize (data access that is over)");
    }

    expires = time_now() + length;
    buf_init(&b, 4096);
    login_link(c, &b, ref, expires);
    buf_add(&b, "", 1);

    if (c->opts.json) {
        jw_init(&j);
        jw_open(&j, NULL, '{');
        jw_int(&j, "v", 1);
        jw_text(&j, "url", b.at);
        jw_text(&j, "ref", *ref != '\0' ? ref : NULL);
        jw_time(&j, "expires", expires);
        jw_close(&j, '}');
        jw_print(&j);
    } else {
        puts(b.at);
    }

    buf_free(&b);

    return CTL_GOOD;
}


/* run_token_remove: those that are not there are named */
int run_token_remove(struct ctl *c)
{
    int        code = CTL_GOOD;
    size_t     i;
    struct jw  j;

    store_needed(c);
    jw_init(&j);
    jw_open(&j, NULL, '{');
    jw_int(&j, "v", 1);
    jw_open(&j, "removed", '[');

    for (i = 0; i < c->nargs; i++) {
        if (!token_name_good(STR(c->args[i]))) {
            ctl_fail(CTL_USAGE, "\"%s\" is no name of a token in the store:"
                     " KIND:ID, as metactl token list --json has it",
                     c->args[i]);
        }
    }

    for (i = 0; i < c->nargs; i++) {
        if (!store_out(c, c->args[i], "lost")) {
            fprintf(stderr, "metactl: there is no token %s\n", c->args[i]);
            code = CTL_NOTHING;
        } else if (c->opts.json) {
            jw_text(&j, NULL, c->args[i]);
        } else {
            printf("%s is removed\n", c->args[i]);
        }
    }

    jw_close(&j, ']');
    jw_close(&j, '}');
    if (c->opts.json) {
        jw_print(&j);
    }
    buf_free(&j.b);

    return code;
}


struct rekeying {
    struct token  **at;
    size_t          n;
    size_t          locked;
};


static void rekey_add(void *data, struct token *t)
{
    struct rekeying  *r = data;

    if (t->of == NULL && t->as.secret == NULL) {
        r->locked++;

    } else if (t->of == NULL && t->key != 0) {
        r->at = mem_grow(r->at, (r->n + 1) * sizeof(*r->at));
        r->at[r->n++] = t;
    }
}


/* run_token_rekey: what somebody changes meanwhile he has sealed by the first
   key himself, if his consumer was reloaded: hence a second look */
int run_token_rekey(struct ctl *c)
{
    size_t           i, done = 0, changed = 0;
    struct jw        j;
    struct bar       bar = { .what = "sealed anew" };
    const char      *why;
    struct rekeying  r = { .n = 0 };

    store_needed(c);
    tokens_each(c->conf->store, rekey_add, &r);
    bar.total = (long long) r.n;

    for (i = 0; i < r.n; i++) {
        why = store_seal_anew(c, r.at[i]);
        done += why == NULL;
        changed += why != NULL;
        bar_show(c, &bar, (long long) i + 1);
        db_forget(c->db);
    }
    bar_end(c, &bar);
    free(r.at);

    if (c->opts.json) {
        jw_init(&j);
        jw_open(&j, NULL, '{');
        jw_int(&j, "v", 1);
        jw_int(&j, "sealed", (long long) done);
        jw_int(&j, "changed", (long long) changed);
        jw_int(&j, "locked", (long long) r.locked);
        jw_close(&j, '}');
        jw_print(&j);
    } else {
        printf("%zu sealed by the first key%s\n", done, done == 0
               && changed == 0 && r.locked == 0
               ? ": all were; older keys may go" : "");
    }

    if (changed > 0) {
        fprintf(stderr, "metactl: %zu were changed meanwhile: once more\n",
                changed);
    }
    if (r.locked > 0) {
        fprintf(stderr, "metactl: %zu are sealed by a key that is not in"
                " token_key_file\n", r.locked);
    }

    return changed > 0 || r.locked > 0 ? CTL_FINDING : CTL_GOOD;
}
