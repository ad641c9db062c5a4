/* metactl token list: which tokens the configuration knows; never a token. */

#include "ctl.h"

#include <stdlib.h>

#include <openssl/evp.h>
#include <sys/stat.h>


/* enough to see whether two are the same */
static const char *token_mark(char out[16], const char *secret)
{
    unsigned int   n;
    unsigned char  digest[EVP_MAX_MD_SIZE];

    if (!EVP_Digest(secret, strlen(secret), digest, &n, EVP_sha256(), NULL)) {
        abort();
    }

    snprintf(out, 16, "#%02x%02x%02x%02x", digest[0], digest[1], digest[2],
             digest[3]);

    return out;
}


/* ctl_open_to_all: others than its owner and group have rights */
bool ctl_open_to_all(const char *file)
{
    struct stat  st;

    return file != NULL && strncmp(file, "env:", 4) != 0
           && stat(file, &st) == 0 && (st.st_mode & S_IRWXO);
}


static void token_json(struct jw *j, const struct conf_token *t)
{
    char  mark[16];

    jw_open(j, NULL, '{');
    jw_text(j, "kind", token_kind_name(t->kind));
    jw_text(j, "id", t->id);
    jw_text(j, "waba", t->waba);
    jw_text(j, "instagram", t->instagram);
    jw_bool(j, "default", t->fallback);
    jw_text(j, "from", conf_token_source(t));
    jw_int(j, "length", (long long) strlen(t->secret));
    jw_text(j, "mark", token_mark(mark, t->secret));
    jw_bool(j, "readable_by_others", ctl_open_to_all(t->file));
    jw_close(j, '}');
}


static void token_text(struct ctl *c, struct buf *b,
    const struct conf_token *t)
{
    char  mark[16];

    out_pad(b, STR(token_kind_name(t->kind)), 12);
    out_pad(b, STR(t->id != NULL ? t->id : t->waba != NULL ? t->waba : "any"),
            20);
    out_pad(b, STR(t->id != NULL ? "account" : t->waba != NULL ? "waba"
                   : "default"), 9);
    buf_format(b, "%4zu  ", strlen(t->secret));
    out_pad(b, STR(token_mark(mark, t->secret)), 11);
    buf_text(b, conf_token_source(t));

    if (ctl_open_to_all(t->file)) {
        out_color(c, b, 'y');
        buf_text(b, "  others may read it");
        out_color(c, b, 0);
    }

    buf_text(b, "\n");
}


/* run_token lists them in the order of the configuration */
int run_token(struct ctl *c)
{
    size_t                    i;
    struct jw                 j;
    struct buf                b;
    const struct conf_token  *t = c->conf->tokens.at;

    buf_init(&b, (size_t) -1);
    jw_init(&j);
    jw_open(&j, NULL, '{');
    jw_int(&j, "v", 1);
    jw_open(&j, "tokens", '[');

    out_color(c, &b, 'b');
    buf_text(&b, "KIND        ID                  FOR       LEN  MARK     "
             "  FROM");
    out_color(c, &b, 0);
    buf_text(&b, "\n");

    for (i = 0; i < c->conf->tokens.n; i++) {
        token_json(&j, &t[i]);
        token_text(c, &b, &t[i]);
    }

    jw_close(&j, ']');
    jw_close(&j, '}');

    if (c->conf->tokens.n == 0) {
        buf_text(&b, "none\n");
    }

    if (c->opts.json) {
        jw_print(&j);
    } else {
        out_print(&b);
    }

    buf_free(&j.b);
    buf_free(&b);

    return CTL_GOOD;
}
