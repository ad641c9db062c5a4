/* metactl explain WORD: what an error of a login means (docs/oauth.md), for
   whoever runs it; people who log in are told by flow_say.c. */

#include "ctl.h"


static const struct login_word {
    const char  *word;
    const char  *text;
    const char  *todo;
} words[] = {
    { "denied", "The person, or Meta, did not give the permissions.",
      "Nothing, or the link once more: a login with a scope asks again for what"
      " was declined, one of kind=business by --again rerequest alone." },
    { "late", "What Meta hands out lives for a minute, and was older when"
      " meta-consumer got it.",
      "Does meta-consumer run, and keep up? metactl doctor --edge URL compares"
      " the clocks." },
    { "code", "Meta says that the login was used before, or has expired.",
      "Log in again; do not reload the page that Meta sends people back to." },
    { "redirect_uri", "The address that people are sent back to is not, byte"
      " for byte, the one that Meta has.",
      "Put meta_redirect_uri, as it stands in nginx, into the dashboard:"
      " Facebook Login, Settings, Valid OAuth Redirect URIs (of Instagram:"
      " Business login settings)." },
    { "app_secret", "Meta does not take the app's id and secret.",
      "metactl doctor says which secret is wrong, and where it stands." },
    { "scopes", "A permission that is needed was not given.",
      "The log of meta-consumer names it. metactl token login-url --again"
      " rerequest; is it in scope=, or in the configuration of config_id? Does"
      " the app have Advanced Access, or the person a role on it?" },
    { "wrong_app", "The token is of another app than the one of the login.",
      "id= of meta_oauth_app, and apps of the configuration: the same app?" },
    { "no_accounts", "The person chose no Page or account, or has none.",
      "Log in again and choose one; a Page needs a role of the person." },
    { "taken", "All that the person shared is another tenant's here: a link for"
      " somebody else takes nothing away, and mends nothing.",
      "To move it: metactl token remove (or token add --tenant), then log in"
      " anew; the log names both tenants." },
    { "unreachable", "Meta could not be reached, or did not answer in time; as"
      " an answer of nginx (503): Redis could not.",
      "metactl doctor tries both." },
    { "pin_wrong", "Meta did not take the PIN of the number.",
      "Look it up or change it in WhatsApp Manager, then connect again with"
      " that one: only this stores the number." },
    { "store", "Redis did not take the tokens.",
      "metactl doctor: memory, ACL; then log in again." },
    { "meta", "Meta refused a step of the login.",
      "The log of meta-consumer has its code: metactl explain CODE/SUBCODE." },
    { "internal", "Something failed here.", "The log of meta-consumer says"
      " what." },
    { "state", "The answer belongs to another browser, to an older login, or"
      " was forged; cookies may be blocked, as in browsers inside of apps.",
      "Begin again in one window; docs/troubleshooting.md, Logins." },
    { "replayed", "The same answer came twice.",
      "Nothing, if the first one worked; else begin again." }
};


/* 100/36008 and 100/36009: subcodes of the token endpoint that public reports
   show, as in flow_say.c */
static const struct login_word *word_find(const char *text)
{
    size_t       i;
    const char  *code = strncmp(text, "100/", 4) == 0 ? text + 4 : text;

    text = strcmp(code, "36008") == 0 ? "redirect_uri"
           : strcmp(code, "36009") == 0 ? "code" : text;

    for (i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (strcmp(words[i].word, text) == 0) {
            return &words[i];
        }
    }

    return NULL;
}


/* explain_login: false: it is no such word */
bool explain_login(struct ctl *c, const char *text)
{
    struct jw                 j;
    struct buf                b;
    const struct login_word  *w = word_find(text);

    if (w == NULL) {
        return false;
    }

    if (c->opts.json) {
        jw_init(&j);
        jw_open(&j, NULL, '{');
        jw_int(&j, "v", 1);
        jw_text(&j, "login", w->word);
        jw_bool(&j, "known", true);
        jw_text(&j, "text", w->text);
        jw_text(&j, "todo", w->todo);
        jw_close(&j, '}');
        jw_print(&j);
        return true;
    }

    buf_init(&b, (size_t) -1);
    out_color(c, &b, 'b');
    buf_format(&b, "%s, of a login", w->word);
    out_color(c, &b, 0);
    buf_text(&b, "\nmeans     ");
    out_wrap(&b, w->text, 10);
    buf_text(&b, "to do     ");
    out_wrap(&b, w->todo, 10);
    out_print(&b);

    return true;
}
