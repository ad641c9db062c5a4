/* Who is written to: of an event, of a job, of a send. */

#include "reply.h"
#include "token.h"


#define TO_PHONE_MIN    6       /* E.164 has 15 at most */
#define TO_PHONE_MAX    15
#define TO_USER_MAX     140


/* target_of_event is whoever the event is from */
void target_of_event(struct target *t, const struct event *event)
{
    *t = (struct target) {
        .product = event->product, .account = event->account,
        .sender = event->account, .address = event->address,
        .to = event->to, .message = event->id,
        .comment = event->comment.id, .phone = event->phone,
        .bsuid = event->bsuid, .waba = event->waba
    };
}


/* a business-scoped user id: two letters of the country, a dot (section 3.2
   of meta-webhooks-and-messaging.md) */
static bool to_is_user(struct str to)
{
    size_t  i;
    char    c;

    if (to.len < 4 || to.len > TO_USER_MAX || to.at[2] != '.') {
        return false;
    }

    for (i = 0; i < to.len; i++) {
        c = to.at[i];
        if (!((c >= 'A' && c <= 'Z')
              || (i > 2 && ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')
                            || c == '.'))
              || (i == 2 && c == '.')))
        {
            return false;
        }
    }

    return true;
}


/* whether all that could send to people by a Page's or an account's token
   would send from Instagram */
static bool only_instagram(const struct conf *conf)
{
    return tokens_has(conf, TOKEN_PAGE) == 0
           && tokens_has(conf, TOKEN_INSTAGRAM) > 0;
}


/* target_product asks the tokens, then how "to" is written */
enum product target_product(const struct conf *conf, struct str account,
    struct str to)
{
    enum product  product = tokens_product(conf, account);

    if (product != PRODUCT_NONE) {
        return product;
    }

    return (to.len && to.at[0] == '+') || to_is_user(to) ? PRODUCT_WHATSAPP
           : only_instagram(conf) ? PRODUCT_INSTAGRAM : PRODUCT_MESSENGER;
}


static int whatsapp_target(struct target *t, struct str to, const char *path,
    struct fault *f)
{
    if (to_is_user(to)) {
        t->address = ADDRESS_USER_ID;
        t->to = to;
        return 0;
    }

    if (to.len > TO_PHONE_MIN && to.len <= 1 + TO_PHONE_MAX
        && to.at[0] == '+'
        && str_digits((struct str) { to.at + 1, to.len - 1 }))
    {
        t->address = ADDRESS_PHONE;
        t->to = (struct str) { to.at + 1, to.len - 1 };
        return 0;
    }

    /* without "+" Meta takes it for a number of the business's country */
    return fault_set(f, path, NULL, NONE, "must be a phone number with + and"
                     " country code, 6 to 15 digits and nothing else, or a user"
                     " id such as ZA.48210093377165520");
}


/* target_of reads account and to */
int target_of(struct target *t, const struct conf *conf,
    enum product product, struct str account, struct str to,
    const char *path, struct fault *f)
{
    *t = (struct target) {
        .product = product != PRODUCT_NONE ? product
                   : target_product(conf, account, to),
        .account = account, .sender = account, .address = ADDRESS_NONE,
        .to = NONE, .message = NONE, .waba = NONE
    };

    if (t->product == PRODUCT_WHATSAPP) {
        return whatsapp_target(t, to, path, f);
    }

    if (!str_digits(to) || to.len > 32) {
        return fault_set(f, path, "32 digits", NONE,
                         "must be the user's id, 1 to 32 digits");
    }

    t->address = ADDRESS_USER_ID;
    t->to = to;

    return 0;
}


/* target_by_token names the Page, or "me" where the token does not say
   which.  A system user's token does not say as which Page it would be */
void target_by_token(struct target *t, const struct conf_token *token)
{
    t->sender = t->account;

    if (t->product == PRODUCT_INSTAGRAM && token->kind == TOKEN_PAGE) {
        t->sender = token->id != NULL ? STR(token->id) : STR("me");

    } else if (t->product == PRODUCT_INSTAGRAM
               && token->kind == TOKEN_SYSTEM_USER)
    {
        t->sender = NONE;
    }
}
