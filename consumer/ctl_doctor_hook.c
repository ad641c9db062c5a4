/* metactl doctor: whether nginx's webhook answers Meta's handshake, takes what
   is signed rightly and nothing else.  What is posted is an array: signed it is
   answered 400, so nothing of it reaches a list. */

#include "ctl_doctor.h"
#include "token_ask.h"

#include <stdlib.h>
#include <unistd.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>


#define HOOK_BODY  "[]"


static void hook_say(struct doctor *d, enum level level, const char *todo,
    const char *text)
{
    doctor_say(d, level, "webhook", todo, "%s: %s", d->callback, text);
}


static bool hook_challenge(struct doctor *d)
{
    char         nonce[48];
    bool         good;
    long         status = 0;
    struct buf   url, answer;
    const char  *why;

    if (d->c->conf->verify_token == NULL) {
        hook_say(d, LEVEL_WARN, "verify_token_file, or WEBHOOK_VERIFY_TOKEN",
                 "the handshake is not tried: its token is not known here");
        return true;
    }

    snprintf(nonce, sizeof(nonce), "%lld%ld", time_now(), (long) getpid());
    buf_init(&url, 8192);
    buf_text(&url, d->callback);
    buf_text(&url, strchr(d->callback, '?') != NULL ? "&" : "?");
    buf_format(&url, "hub.mode=subscribe&hub.challenge=%s", nonce);
    token_ask_form(&url, "hub.verify_token",
                   STR(d->c->conf->verify_token));
    buf_add(&url, "", 1);

    why = ctl_post(url.at, d->c->conf->ca_file, NULL, NONE, &status, &answer);
    good = why == NULL && status == 200
           && str_is((struct str) { answer.at, answer.len }, nonce);

    if (why != NULL) {
        hook_say(d, LEVEL_BAD, "names, routes, a firewall, a certificate that"
                 " everybody trusts; does nginx run?", why);
    } else if (good) {
        hook_say(d, LEVEL_OK, NULL, "answers the challenge");
    } else if (status == 403) {
        hook_say(d, LEVEL_BAD, "meta_verify_token_file must have the token of"
                 " verify_token_file", "it does not know the verify token");
    } else {
        hook_say(d, LEVEL_BAD, "is it the URL of a location with"
                 " meta_webhook?", "does not answer the challenge");
    }

    token_ask_wipe(&url);
    buf_free(&answer);

    return why == NULL;
}


static long hook_post(struct doctor *d, const char *secret, bool right)
{
    long           status = 0;
    char           header[128];
    size_t         i, n;
    struct buf     answer;
    unsigned int   len;
    const char    *why;
    unsigned char  mac[EVP_MAX_MD_SIZE];

    if (HMAC(EVP_sha256(), secret, (int) strlen(secret),
             (const unsigned char *) HOOK_BODY, sizeof(HOOK_BODY) - 1, mac,
             &len) == NULL)
    {
        return 0;
    }

    mac[0] ^= !right;
    n = (size_t) snprintf(header, sizeof(header), "X-Hub-Signature-256:"
                          " sha256=");
    for (i = 0; i < len; i++) {
        n += (size_t) snprintf(header + n, sizeof(header) - n, "%02x", mac[i]);
    }

    why = ctl_post(d->callback, d->c->conf->ca_file, header, STR(HOOK_BODY),
                   &status, &answer);
    buf_free(&answer);

    return why != NULL ? 0 : status;
}


static void hook_signature(struct doctor *d, const struct conf_app *app)
{
    char  text[160];
    long  right = hook_post(d, app->secret, true);
    long  wrong = hook_post(d, app->secret, false);

    if (right == 403 && wrong == 403) {
        hook_say(d, LEVEL_WARN, NULL, "wants a client certificate"
                 " (meta_client_cn), so signatures were not tried");
    } else if (right == 400 && wrong == 401) {
        hook_say(d, LEVEL_OK, NULL, "takes the app's signature, and no other");
    } else if (right == 401) {
        hook_say(d, LEVEL_BAD, "meta_app_secret_file must have the secret of"
                 " this app", "does not take the app's signature: its secret"
                 " is another");
    } else if (right == 503) {
        hook_say(d, LEVEL_BAD, "meta_app_secret_file: nginx -t warns of it",
                 "has no app secret in force");
    } else if (right == 400 && wrong == 400) {
        hook_say(d, LEVEL_BAD, "is it this module that answers?",
                 "takes any signature");
    } else {
        snprintf(text, sizeof(text), "answers a signed delivery with status"
                 " %ld, a forged one with %ld", right, wrong);
        hook_say(d, LEVEL_BAD, "is it the URL of a location with"
                 " meta_webhook?", text);
    }
}


/* doctor_hook: --url, else where the app's subscriptions go */
void doctor_hook(struct doctor *d)
{
    const struct conf_app  *apps = d->c->conf->apps.at;

    if (d->c->opts.url != NULL) {
        free(d->callback);
        d->callback = mem_copy(d->c->opts.url, strlen(d->c->opts.url));
    }

    if (d->callback == NULL) {
        return;
    }

    if (hook_challenge(d) && d->c->conf->apps.n > 0
        && apps[0].secret != NULL)
    {
        hook_signature(d, &apps[0]);
    }
}
