/*
 * Unit tests of token_pick.c and of the book: which token goes with a call.
 */

#include "tap.h"

#include "consumer/limits.h"
#include "consumer/token_own.h"


static struct conf_token  own[] = {
    { .kind = TOKEN_PAGE, .id = (char *) "1", .secret = (char *) "conf",
      .lane = "conf" },
    { .kind = TOKEN_SYSTEM_USER, .fallback = true,
      .secret = (char *) "system", .lane = "system" }
};

static struct conf     conf = { .tokens = { own, 2 }, .refs = 1 };
static struct tokens   book = { .version = -1 };
static struct token   *renewed_t, *renewed_old;
static int             renewed_n;


/* what these take of the daemon */
struct conf *
conf_hold(struct conf *c)
{
    return c;
}


void
conf_drop(struct conf *c)
{
    (void) c;
}


void
limits_key(unsigned char key[16], const struct conf *c)
{
    (void) c;
    memset(key, 7, 16);
}


static void
on_change(void *data, struct token *t, struct token *old, bool renewed)
{
    (void) data;

    renewed_t = t;
    renewed_old = old;
    renewed_n += renewed;
}


static void
put(const char *name, const char *secret, const char *a, const char *av,
    const char *b, const char *bv)
{
    struct token  *t = token_new(STR(name));

    token_set_secret(t, STR(secret));
    is_int(token_set(t, a, STR(av)) == NULL, 1, a);
    is_int(token_set(t, b, STR(bv)) == NULL, 1, b);
    book_take(&book, t);
}


static void
picks(enum product product, const char *account, const char *waba,
    const char *want)
{
    const struct conf_token  *t;

    t = tokens_pick(&conf, product, STR(account), STR(waba));
    is_int(strcmp(t != NULL ? t->secret : "-", want), 0, want);
}


static void
test_order(void)
{
    picks(PRODUCT_MESSENGER, "1", "", "conf");
    picks(PRODUCT_WHATSAPP, "11", "5", "system");

    put("page:1", "stored", "account", "1", "instagram", "17");
    picks(PRODUCT_MESSENGER, "1", "", "conf");
    picks(PRODUCT_INSTAGRAM, "17", "", "stored");
    is_int(tokens_product(&conf, STR("17")), PRODUCT_INSTAGRAM, "a link");

    put("business:9", "business", "waba", "5", "links", "12,11");
    picks(PRODUCT_WHATSAPP, "99", "5", "business");
    picks(PRODUCT_WHATSAPP, "11", "", "business");
    is_int(tokens_product(&conf, STR("12")), PRODUCT_WHATSAPP, "a number");
    picks(PRODUCT_WHATSAPP, "1", "", "system");
    picks(PRODUCT_MESSENGER, "12,11", "", "system");

    put("whatsapp:11", "number", "account", "11", "tenant", "shop");
    picks(PRODUCT_WHATSAPP, "11", "5", "number");
    is_int(str_is(tokens_tenant(&conf, PRODUCT_WHATSAPP, STR("11"), NONE),
                  "shop"), 1, "tenant");
    is_int((int) tokens_has(&conf, TOKEN_PAGE), 2, "how many Pages");

    put("user:3", "user", "account", "3", "default", "1");
    picks(PRODUCT_MESSENGER, "3", "", "system");
    put("pin:11", "123456", "account", "11", "title", "x");
    picks(PRODUCT_WHATSAPP, "11", "", "number");
}


/* what Meta lists of a business's token says less than what is said of a WABA,
   and another tenant's, which lists it too, changes nothing */
static void
test_listed(void)
{
    const char  *all = "[{\"scope\":\"whatsapp_business_management\","
                       "\"target_ids\":[\"60\",\"61\"]}]";

    put("business:30", "first", "targets", all, "issued", "5");
    picks(PRODUCT_WHATSAPP, "0", "61", "first");
    picks(PRODUCT_MESSENGER, "0", "61", "system");
    put("business:31", "second", "targets", all, "tenant", "evil");
    picks(PRODUCT_WHATSAPP, "0", "61", "first");
    put("business:32", "third", "targets", all, "issued", "6");
    picks(PRODUCT_WHATSAPP, "0", "61", "third");
    put("business:31", "second", "waba", "61", "tenant", "evil");
    picks(PRODUCT_WHATSAPP, "0", "61", "second");
    put("business:32", "third", "scopes", "a", "issued", "6");
    picks(PRODUCT_WHATSAPP, "0", "60", "first");
}


static void
test_equals(void)
{
    put("system_user:20", "old", "waba", "8", "issued", "5");
    put("system_user:21", "new", "waba", "8", "issued", "6");
    picks(PRODUCT_WHATSAPP, "0", "8", "new");
    put("system_user:21", "new", "waba", "8", "state", "lost");
    picks(PRODUCT_WHATSAPP, "0", "8", "old");
}


/* one of the configuration that is dead gives way to one that fits as well */
static void
test_lost(void)
{
    struct token  *page = token_find(&book, BY_NAME, STR("conf:page:1"));
    struct token  *system = token_find(&book, BY_NAME,
                                       STR("conf:system_user:default"));

    page->lost = true;
    picks(PRODUCT_MESSENGER, "1", "", "stored");
    put("page:1", "stored", "account", "1", "state", "lost");
    picks(PRODUCT_MESSENGER, "1", "", "conf");
    put("page:1", "stored", "account", "1", "instagram", "17");
    picks(PRODUCT_MESSENGER, "1", "", "stored");
    page->lost = false;
    picks(PRODUCT_MESSENGER, "1", "", "conf");

    put("system_user:22", "default", "default", "1", "issued", "5");
    picks(PRODUCT_MESSENGER, "5", "", "system");
    system->lost = true;
    picks(PRODUCT_MESSENGER, "5", "", "default");
    picks(PRODUCT_MESSENGER, "1", "", "conf");
    system->lost = false;
    picks(PRODUCT_MESSENGER, "5", "", "system");
}


static void
test_renewed(void)
{
    char                      lane[LANE_NAME_MAX];
    const struct conf_token  *t;

    t = token_hold(tokens_pick(&conf, PRODUCT_WHATSAPP, STR("11"), NONE));
    memcpy(lane, t->stored->lane, strlen(t->stored->lane) + 1);
    renewed_n = 0;

    put("whatsapp:11", "number", "account", "11", "checked", "7");
    is_int(renewed_n, 0, "the same secret");
    put("whatsapp:11", "another", "account", "11", "checked", "8");
    is_int(renewed_n, 1, "another one");

    is_int(strcmp(t->secret, "number"), 0, "who holds it keeps it");
    is_int(strcmp(tokens_now(&conf, t)->secret, "another"), 0, "now");
    is_int(strcmp(tokens_now(&conf, t)->stored->lane, lane), 0, "its lane");
    is_int(tokens_lane(&conf, lane), 1, "is known");

    book_out(&book, tokens_named(&book, STR("whatsapp:11")));
    is_int(renewed_t == NULL && renewed_old != NULL, 1, "it is told");
    is_int(tokens_now(&conf, t) == NULL, 1, "none by now");
    is_int(tokens_lane(&conf, lane), 0, "nor a lane");
    picks(PRODUCT_WHATSAPP, "11", "", "business");
    token_drop(t);
}


static void
test_many(void)
{
    int                  i;
    char                 name[TOKEN_NAME_MAX], id[16];
    struct token        *t;
    struct token_entry  *e;
    size_t               longest = 0, n;

    for (i = 0; book.n - book.nconf < TOKENS_MAX; i++) {
        snprintf(id, sizeof(id), "%d", 1000000 + i);
        t = token_new(STR(token_name(name, TOKEN_PAGE, STR(id))));
        token_set_secret(t, STR(id));
        token_set(t, "account", STR(id));
        book_take(&book, t);
    }

    t = token_new(STR("page:77"));
    is_int(book_take(&book, t), 0, "one too many");
    picks(PRODUCT_MESSENGER, "1000005", "", "1000005");
    picks(PRODUCT_MESSENGER, "77", "", "system");

    for (i = 0; i < (int) book.nbuckets; i++) {
        for (n = 0, e = book.buckets[i]; e != NULL; e = e->next) {
            n++;
        }
        longest = n > longest ? n : longest;
    }
    is_int(longest < 16, 1, "no bucket is long");
}


static void
test_fields(void)
{
    struct buf     b;
    struct token  *t = token_new(STR("page:1"));

    is_int(token_new(STR("page:a")) == NULL, 1, "no digits");
    is_int(token_new(STR("conf:page:1")) == NULL, 1, "the configuration's");
    is_int(token_set(t, "account", STR("1a")) != NULL, 1, "id");
    is_int(token_set(t, "tenant", STR("a\nb")) != NULL, 1, "line end");
    is_int(token_set(t, "scopes", STR("a b")) != NULL, 1, "a blank");
    is_int(token_set(t, "targets", STR("[")) != NULL, 1, "no JSON");
    is_int(token_set(t, "expires", STR("1e3")) != NULL, 1, "no integer");
    is_int(token_set(t, "sealed", STR("x")) != NULL, 1, "no field");
    is_int(token_set_secret(t, STR("a b")) != NULL, 1, "no token");
    is_int(token_set(t, "title", STR("A\033[2J\xc3\xa9\xff")) == NULL, 1,
           "a title");
    is_int(strcmp(t->title, "A[2J\xc3\xa9"), 0, "made harmless");
    is_int(t->expires == TOKEN_UNKNOWN, 1, "nobody knows when");

    token_set(t, "scopes", STR("a,b"));
    buf_init(&b, 4096);
    token_event(&b, t, "connected");
    buf_add(&b, "", 1);
    is_int(strcmp(b.at, "{\"v\":1,\"event\":\"connected\",\"ref\":null,"
                  "\"kind\":\"page\",\"account\":null,\"waba\":null,\"name\":"
                  "\"A[2J\xc3\xa9\",\"scopes\":[\"a\",\"b\"]}"), 0, "event");
    buf_free(&b);
    token_free(t);
}


int
main(void)
{
    book_conf(&book, &conf);
    conf.store = &book;
    book.listeners[0].cb = on_change;
    book.nlisteners = 1;

    test_order();
    test_listed();
    test_equals();
    test_lost();
    test_renewed();
    test_fields();
    test_many();
    book_free(&book);

    return done();
}
