/* Lanes: their names and presets.  People and tokens stand in names only as
   keyed hashes, for names are keys of Redis and lines of logs. */

#include "lane.h"
#include "sip.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>


#define LANE_ID_MAX   48
#define LANE_WHO_MAX  48

#define NO_RATE       { 0, 0, 0 }


/* docs/limits.md says where each comes from */
static const struct {
    const char   *name;
    struct rate   preset;
    bool          secret;       /* id is hashed */
    bool          person;       /* who is hashed */
    bool          account;      /* id is an account's that can be paused */
} kinds[LANE_KINDS] = {
    [LANE_APP]           = { "app", NO_RATE, false, false, false },
    [LANE_TOKEN]         = { "token", NO_RATE, true, false, false },
    [LANE_USER]          = { "user", NO_RATE, true, false, false },
    [LANE_PHONE]         = { "phone", { 80, 8, 0 }, false, false, true },
    [LANE_PAIR]          = { "pair", { 1 / 6.0, 45, 6 }, false, true, true },
    [LANE_RECIPIENT]     = { "recipient", NO_RATE, false, true, true },
    [LANE_PAGE]          = { "page", { 300, 30, 0 }, false, false, true },
    [LANE_INSTAGRAM]     = { "instagram", { 300, 30, 0 }, false, false, true },
    [LANE_MEDIA]         = { "media", { 10, 1, 0 }, false, false, true },
    [LANE_CONVERSATIONS] = { "conversations", { 2, 1, 0 }, false, false, true },
    [LANE_PRIVATE]       = { "private", { 700 / 3600.0, 50, 0 },
                             false, false, true },
    [LANE_LIVE]          = { "live", { 100, 10, 0 }, false, false, true },
    [LANE_FEED]          = { "feed", NO_RATE, false, false, true },
    [LANE_LEADS]         = { "leads", NO_RATE, false, false, true },
    [LANE_WABA]          = { "waba", NO_RATE, false, false, true },
    [LANE_TEMPLATE]      = { "template", NO_RATE, false, false, true },
    [LANE_AD]            = { "ad", NO_RATE, false, false, true },
    [LANE_INSIGHTS]      = { "insights", NO_RATE, false, false, true },
    [LANE_AUDIENCE]      = { "audience", NO_RATE, false, false, true },
};


/* lane_kind_name: as names of lanes begin, and keys of limits are called */
const char *lane_kind_name(enum lane_kind kind)
{
    return kinds[kind].name;
}


/* lane_kind_find: -1 where no kind is called so */
int lane_kind_find(const char *name)
{
    int  kind;

    for (kind = 0; kind < LANE_KINDS; kind++) {
        if (strcmp(kinds[kind].name, name) == 0) {
            return kind;
        }
    }

    return -1;
}


/* lane_preset: the rate where the configuration says nothing */
const struct rate *lane_preset(enum lane_kind kind)
{
    return &kinds[kind].preset;
}


static void lane_hash(char out[16], const unsigned char key[16], struct str s)
{
    int                i;
    uint64_t           hash = sip_hash(key, s);
    static const char  digits[] = "0123456789abcdef";

    for (i = 15; i >= 0; i--) {
        out[i] = digits[hash & 15];
        hash >>= 4;
    }
}


static bool lane_harmless(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z')
           || (c >= 'A' && c <= 'Z') || c == '.' || c == '-';
}


/* what is no letter, digit, dot, dash or underscore becomes "_" */
static size_t lane_plain(char *out, struct str s, size_t max)
{
    size_t  i;

    for (i = 0; i < s.len && i < max; i++) {
        out[i] = lane_harmless(s.at[i]) ? s.at[i] : '_';
    }

    return i;
}


static size_t lane_part(char *out, const unsigned char key[16], bool hashed,
    struct str s, size_t max)
{
    /* a long name that is cut must not become another's */
    if (!hashed && s.len <= max) {
        return lane_plain(out, s, max);
    }

    lane_hash(out, key, s);

    return 16;
}


/* lane_set fills all of a lane */
void lane_set(struct lane *lane, const struct rate rates[LANE_KINDS],
    const unsigned char key[16], enum lane_kind kind, struct str id,
    struct str who)
{
    char  *out = stpcpy(lane->name, kinds[kind].name);

    *out++ = ':';
    out += lane_part(out, key, kinds[kind].secret, id, LANE_ID_MAX);

    if (who.len) {
        *out++ = ':';
        out += lane_part(out, key, kinds[kind].person, who, LANE_WHO_MAX);
    }

    *out = '\0';
    lane->kind = kind;
    lane->per_s = rates[kind].per_s;
    lane->burst = rates[kind].burst;
    lane->window_s = rates[kind].window_s;
    lane->cost = 1;
}


/* lane_key_make: no two secrets have the same key, and no key tells its */
void lane_key_make(unsigned char key[16], struct str secret)
{
    unsigned int   n = EVP_MAX_MD_SIZE;
    unsigned char  mac[EVP_MAX_MD_SIZE] = { 0 };

    HMAC(EVP_sha256(), "meta:limit", 10, (const unsigned char *) secret.at,
         secret.len, mac, &n);
    memcpy(key, mac, 16);
}


/* lane_account: what stands between the first colon and the second */
struct str lane_account(const struct lane *lane)
{
    const char  *at = strchr(lane->name, ':');

    if (!kinds[lane->kind].account || at == NULL) {
        return NONE;
    }

    return (struct str) { at + 1, strcspn(at + 1, ":") };
}


/* lane_named finds the lane that a row of the error table stops */
const struct lane *lane_named(const struct lane *lanes, size_t n,
    const char *word)
{
    size_t  i;
    bool    fits;

    for (i = 0; word != NULL && i < n; i++) {
        switch (lanes[i].kind) {

        case LANE_APP:
            fits = strcmp(word, "app") == 0;
            break;

        case LANE_TOKEN:
        case LANE_USER:
            fits = strcmp(word, "token") == 0;
            break;

        case LANE_PAIR:
        case LANE_RECIPIENT:
            fits = strcmp(word, "pair") == 0;
            break;

        case LANE_TEMPLATE:
            fits = strcmp(word, "template") == 0;
            break;

        default:
            fits = strcmp(word, "account") == 0;
        }

        if (fits) {
            return &lanes[i];
        }
    }

    return NULL;
}
