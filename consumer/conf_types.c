/* The types of the configuration's single values: each says what is wrong
   with a text, or puts it where it belongs. */

#include "conf_own.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <arpa/inet.h>


#define TYPE_TIME_MAX  (366ull * 24 * 3600 * 1000)
#define TYPE_NAME_MAX  200
#define TYPE_URL_MAX   512


static const char *const  products[] = {
    [PRODUCT_NONE] = "-", [PRODUCT_WHATSAPP] = "whatsapp",
    [PRODUCT_MESSENGER] = "messenger", [PRODUCT_INSTAGRAM] = "instagram"
};

static const char *const  token_kinds[] = {
    [TOKEN_WHATSAPP] = "whatsapp", [TOKEN_PAGE] = "page",
    [TOKEN_SYSTEM_USER] = "system_user", [TOKEN_INSTAGRAM] = "instagram",
    [TOKEN_USER] = "user", [TOKEN_BUSINESS] = "business",
    [TOKEN_APP] = "app", [TOKEN_PIN] = "pin"
};

static const char *const  queue_kinds[] = {
    [QUEUE_EVENTS] = "events", [QUEUE_JOBS] = "jobs",
    [QUEUE_CALLBACKS] = "callbacks"
};

static const char *const  log_levels[] = {
    [LOG_ERROR] = "error", [LOG_WARN] = "warn", [LOG_INFO] = "info",
    [LOG_DEBUG] = "debug"
};

static const char *const  proofs[] = {
    [PROOF_OFF] = "off", [PROOF_PLAIN] = "plain", [PROOF_TIMED] = "timed"
};

static const char *const  log_formats[] = {
    [LOG_TEXT] = "text", [LOG_JSON] = "json"
};

#define COUNT(names)  (sizeof(names) / sizeof((names)[0]))


static int type_find(const char *text, const char *const *names, size_t n)
{
    size_t  i;

    for (i = 0; i < n; i++) {
        if (strcmp(text, names[i]) == 0) {
            return (int) i;
        }
    }

    return -1;
}


static const char *type_name(const char *text, void *field,
    const char *const *names, size_t n, const char *wrong)
{
    int  i = type_find(text, names, n);

    if (i < 0) {
        return wrong;
    }

    *(int *) field = i;

    return NULL;
}


static void type_set(void *field, const char *text)
{
    free(*(char **) field);
    *(char **) field = mem_copy(text, strlen(text));
}


/* type_string takes any text but an empty one */
const char *type_string(const char *text, void *field)
{
    if (*text == '\0') {
        return "is empty";
    }

    type_set(field, text);

    return NULL;
}


/* type_digits takes an id */
const char *type_digits(const char *text, void *field)
{
    if (!str_digits(STR(text)) || strlen(text) > 32) {
        return "must be 1 to 32 digits";
    }

    type_set(field, text);

    return NULL;
}


/* list_name_good says whether meta_queue takes it, too */
bool list_name_good(struct str name)
{
    size_t  i;

    for (i = 0; i < name.len; i++) {
        if (strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                   "0123456789._:-", name.at[i]) == NULL
            || name.at[i] == '\0')
        {
            return false;
        }
    }

    return name.len > 0 && name.len <= TYPE_NAME_MAX;
}


/* type_list_name takes the name of a Redis list */
const char *type_list_name(const char *text, void *field)
{
    if (!list_name_good(STR(text))) {
        return "must be 1 to 200 of A-Za-z0-9._:-";
    }

    type_set(field, text);

    return NULL;
}


/* type_bool takes true or false */
const char *type_bool(const char *text, void *field)
{
    *(bool *) field = strcmp(text, "true") == 0;

    return *(bool *) field || strcmp(text, "false") == 0
           ? NULL : "must be true or false";
}


static const char *type_number(const char *text, unsigned long long *n,
    const char **unit)
{
    char  *end;

    *n = 0;
    if (*text < '0' || *text > '9' || strlen(text) > 20) {
        return "must begin with digits";
    }

    *n = strtoull(text, &end, 10);
    *unit = end;

    return NULL;
}


/* type_time takes a number with ms, s, m, h or d */
const char *type_time(const char *text, void *field)
{
    size_t              i;
    const char         *unit = "", *why;
    unsigned long long  n;
    static const struct {
        const char     *name;
        unsigned long   ms;
    } units[] = { { "ms", 1 }, { "s", 1000 }, { "m", 60 * 1000 },
                  { "h", 3600 * 1000 }, { "d", 24 * 3600 * 1000 } };

    why = type_number(text, &n, &unit);

    for (i = 0; why == NULL && i < COUNT(units); i++) {
        if (strcmp(unit, units[i].name) == 0) {
            if (n > TYPE_TIME_MAX / units[i].ms) {
                return "is more than a year";
            }
            *(unsigned long *) field = n * units[i].ms;
            return NULL;
        }
    }

    return "must be a time such as 500ms, 30s, 5m, 1h or 7d";
}


/* type_span takes a time, or 0 */
const char *type_span(const char *text, void *field)
{
    *(unsigned long *) field = 0;

    return strcmp(text, "0") == 0 ? NULL : type_time(text, field);
}


/* type_size takes bytes, with k or m for 1024 and 1024 * 1024 */
const char *type_size(const char *text, void *field)
{
    const char         *unit = "", *why;
    unsigned long long  n;

    why = type_number(text, &n, &unit);
    if (why == NULL && n <= 1024 * 1024) {
        n <<= *unit == 'k' ? 10 : *unit == 'm' ? 20 : 0;
        unit += *unit == 'k' || *unit == 'm';
    }

    if (why != NULL || *unit != '\0' || n < 1024 || n > 16 * 1024 * 1024) {
        return "must be a size from 1k to 16m";
    }

    *(unsigned long *) field = n;

    return NULL;
}


/* type_word takes a name that the configuration gives */
const char *type_word(const char *text, void *field)
{
    size_t  n = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                       "abcdefghijklmnopqrstuvwxyz0123456789._-");

    if (n == 0 || n > 64 || text[n] != '\0') {
        return "must be 1 to 64 of A-Za-z0-9._-";
    }

    type_set(field, text);

    return NULL;
}


/* type_count takes a number from 1 to 10^9 */
const char *type_count(const char *text, void *field)
{
    const char         *unit = "", *why;
    unsigned long long  n;

    why = type_number(text, &n, &unit);
    if (why != NULL || *unit != '\0' || n == 0 || n > 1000000000) {
        return "must be a number from 1 to 1000000000";
    }

    *(unsigned long *) field = n;

    return NULL;
}


/* type_version takes a Graph version, always pinned */
const char *type_version(const char *text, void *field)
{
    size_t  n = *text == 'v' ? strspn(text + 1, "0123456789") : 0;
    size_t  m = n && text[n + 1] == '.'
                ? strspn(text + n + 2, "0123456789") : 0;

    if (m == 0 || text[n + m + 2] != '\0' || n + m > 8) {
        return "must be a Graph version such as v24.0";
    }

    type_set(field, text);

    return NULL;
}


static bool url_is_loopback(const char *host, size_t len)
{
    char             text[64];
    struct in_addr   v4;
    struct in6_addr  v6;

    if (len >= sizeof(text)) {
        return false;
    }

    memcpy(text, host, len);
    text[len] = '\0';

    if (strcmp(text, "localhost") == 0) {
        return true;
    }

    if (*text == '[' && text[len - 1] == ']') {
        text[len - 1] = '\0';
        return inet_pton(AF_INET6, text + 1, &v6) == 1
               && IN6_IS_ADDR_LOOPBACK(&v6);
    }

    return inet_pton(AF_INET, text, &v4) == 1
           && (ntohl(v4.s_addr) >> 24) == 127;
}


/* type_url takes https://HOST[:PORT][/PATH]; http only to this machine */
const char *type_url(const char *text, void *field)
{
    char        *url;
    size_t       n, host;
    const char  *at;
    bool         plain = strncmp(text, "http://", 7) == 0;

    if (!plain && strncmp(text, "https://", 8) != 0) {
        return "must begin with https://";
    }

    at = text + (plain ? 7 : 8);
    host = *at == '[' ? strcspn(at, "]") + 1 : strcspn(at, ":/");
    n = strspn(at, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
               "0123456789.-_[]:/");

    if (host == 0 || host > strlen(at) || at[n] != '\0'
        || strlen(text) > TYPE_URL_MAX)
    {
        return "must be https://HOST[:PORT][/PATH], nothing else";
    }

    if (plain && !url_is_loopback(at, host)) {
        return "http:// would show tokens to everybody on the way: it is"
               " allowed to this machine only, use https://";
    }

    type_set(field, text);
    url = *(char **) field;
    for (n = strlen(url); n > 0 && url[n - 1] == '/'; n--) {
        url[n - 1] = '\0';
    }

    return NULL;
}


/* type_file takes the path of a file that can be read */
const char *type_file(const char *text, void *field)
{
    if (access(text, R_OK) != 0) {
        return "cannot be read";
    }

    type_set(field, text);

    return NULL;
}


/* type_secret takes PATH or env:NAME and keeps what is in it */
const char *type_secret(const char *text, void *field)
{
    return secret_read(text, field);
}


/* type_app_secret is for the secret of a struct conf_app: also where from */
const char *type_app_secret(const char *text, void *field)
{
    struct conf_app  *app = (struct conf_app *) ((char *) field
                            - offsetof(struct conf_app, secret));

    type_string(text, &app->from);

    return secret_read(text, &app->secret);
}


/* type_product takes the products that have conversations */
const char *type_product(const char *text, void *field)
{
    static const char  wrong[] = "must be whatsapp, messenger or instagram";

    return strcmp(text, products[PRODUCT_NONE]) == 0 ? wrong
           : type_name(text, field, products, COUNT(products), wrong);
}


/* type_kind takes what an event may be */
const char *type_kind(const char *text, void *field)
{
    static char  wrong[CONF_ERROR_MAX];
    int          kind = kind_find(text);

    if (kind < 0) {
        snprintf(wrong, sizeof(wrong), "must be %s", kind_words());
        return wrong;
    }

    *(int *) field = kind;

    return NULL;
}


/* type_token_kind takes whatsapp, page, instagram or system_user */
const char *type_token_kind(const char *text, void *field)
{
    return type_name(text, field, token_kinds, TOKEN_CONF_KINDS,
                     "must be whatsapp, page, instagram or system_user");
}


/* token_kind_name returns the name that configurations use */
const char *token_kind_name(enum token_kind kind)
{
    return token_kinds[kind];
}


/* type_queue_kind takes events or jobs */
const char *type_queue_kind(const char *text, void *field)
{
    return type_name(text, field, queue_kinds, COUNT(queue_kinds),
                     "must be events or jobs");
}


/* type_log_level takes error, warn, info or debug */
const char *type_log_level(const char *text, void *field)
{
    return type_name(text, field, log_levels, COUNT(log_levels),
                     "must be error, warn, info or debug");
}


/* type_proof takes off, plain or timed */
const char *type_proof(const char *text, void *field)
{
    return type_name(text, field, proofs, COUNT(proofs),
                     "must be off, plain or timed");
}


/* type_log_format takes text or json */
const char *type_log_format(const char *text, void *field)
{
    return type_name(text, field, log_formats, COUNT(log_formats),
                     "must be text or json");
}


/* product_name returns the name that rules and logs use */
const char *product_name(enum product product)
{
    return products[product];
}
