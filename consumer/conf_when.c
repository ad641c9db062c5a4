/* What a rule's "when" is read by: types that gather one value, or a list. */

#include "conf_own.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <sys/stat.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>


#define MEDIA_SIZE_MAX  (2ul * 1024 * 1024 * 1024)


/* type_products gathers bits */
const char *type_products(const char *text, void *field)
{
    int          product;
    const char  *why = type_product(text, &product);

    if (why == NULL) {
        *(unsigned *) field |= 1u << product;
    }

    return why;
}


/* type_kinds gathers bits */
const char *type_kinds(const char *text, void *field)
{
    int          kind;
    const char  *why = type_kind(text, &kind);

    _Static_assert(KINDS <= 64, "more kinds than bits");

    if (why == NULL) {
        *(uint64_t *) field |= (uint64_t) 1 << kind;
    }

    return why;
}


/* type_strings gathers texts */
const char *type_strings(const char *text, void *field)
{
    return type_string(text, conf_list_add(field, sizeof(char *)));
}


/* type_accounts gathers ids */
const char *type_accounts(const char *text, void *field)
{
    return type_digits(text, conf_list_add(field, sizeof(char *)));
}


/* type_codes gathers numbers, as Meta writes them */
const char *type_codes(const char *text, void *field)
{
    if (!str_digits(STR(text)) || strlen(text) > 10
        || (*text == '0' && text[1] != '\0'))
    {
        return "must be the number of an error, such as 131047";
    }

    return type_strings(text, field);
}


/* type_tags gathers what an action "tag" may name */
const char *type_tags(const char *text, void *field)
{
    return type_word(text, conf_list_add(field, sizeof(char *)));
}


/* what rules.c matches */
static const char *pattern_add(const char *text, struct conf_list *list,
    uint32_t more)
{
    int                  code;
    static char          why[200];
    PCRE2_SIZE           at;
    pcre2_code          *re;
    unsigned char        message[120];

    re = pcre2_compile((PCRE2_SPTR) text, PCRE2_ZERO_TERMINATED,
                       PCRE2_UTF | PCRE2_UCP | PCRE2_MATCH_INVALID_UTF
                       | PCRE2_NEVER_BACKSLASH_C | PCRE2_USE_OFFSET_LIMIT
                       | more, &code, &at, NULL);

    if (re == NULL) {
        pcre2_get_error_message(code, message, sizeof(message));
        snprintf(why, sizeof(why), "at character %zu: %s", (size_t) at,
                 (char *) message);
        return why;
    }

    *(pcre2_code **) conf_list_add(list, sizeof(re)) = re;

    return NULL;
}


/* type_texts gathers patterns that match anywhere */
const char *type_texts(const char *text, void *field)
{
    return pattern_add(text, field, 0);
}


/* type_payloads gathers patterns of the whole: a word is that word alone */
const char *type_payloads(const char *text, void *field)
{
    return pattern_add(text, field, PCRE2_ANCHORED | PCRE2_ENDANCHORED);
}


/* type_referrals takes true, false, or gathers what one of them names */
const char *type_referrals(const char *text, void *field)
{
    struct when  *when = field;

    if (strcmp(text, "true") == 0 || strcmp(text, "false") == 0) {
        if (when->referred != REFERRED_ANY || when->referrals.n) {
            return "must be true or false alone, or what the referral names";
        }
        when->referred = *text == 't' ? REFERRED_YES : REFERRED_NO;
        return NULL;
    }

    if (when->referred != REFERRED_ANY) {
        return "must be true or false alone, or what the referral names";
    }

    return type_strings(text, &when->referrals);
}


/* type_clock takes a time of day */
const char *type_clock(const char *text, void *field)
{
    return hours_clock(text, field);
}


/* type_days gathers bits */
const char *type_days(const char *text, void *field)
{
    return hours_days(text, field);
}


/* type_zone takes an IANA name */
const char *type_zone(const char *text, void *field)
{
    return zone_read(text, field);
}


/* conf_hours: every day where none is named */
void conf_hours(struct reader *r, yaml_node_t *node, const char *path,
    void *element)
{
    struct hours  *h = element;

    if (h->from == h->to || h->from == 24 * 60) {
        conf_error(r, node, path, "from and to leave no time between them");
    }

    h->days = h->days ? h->days : 0x7f;
}


/* what the consumer's user finds; others only look at the configuration */
static const char *directory(const char *text, bool run, int mode)
{
    struct stat  st;

    if (*text != '/') {
        return "must be the whole path of a directory, from / on";
    }

    if (!run) {
        return NULL;
    }

    if (stat(text, &st) != 0 || !S_ISDIR(st.st_mode)) {
        return "there is no such directory: make it, for the consumer's user";
    }

    return access(text, mode | X_OK) == 0 ? NULL
           : mode == W_OK ? "the consumer's user may not write there"
           : "the consumer's user may not read there";
}


static void directory_read(struct reader *r, yaml_node_t *node,
    const char *path, void *field, int mode)
{
    const char  *text = conf_text(r, node, path);
    const char  *why = text != NULL ? directory(text, r->run, mode) : NULL;

    if (why != NULL) {
        conf_error(r, node, path, "%s", why);

    } else if (text != NULL) {
        type_string(text, field);
    }
}


/* conf_directory takes one that we may write to, by its whole path */
void conf_directory(struct reader *r, yaml_node_t *node, const char *path,
    void *field)
{
    directory_read(r, node, path, field, W_OK);
}


/* conf_source takes one that we may read */
void conf_source(struct reader *r, yaml_node_t *node, const char *path,
    void *field)
{
    directory_read(r, node, path, field, R_OK);
}


/* type_media_size takes bytes, with k, m or g */
const char *type_media_size(const char *text, void *field)
{
    char                *end;
    unsigned             shift;
    unsigned long long   n = 0;
    static const char    wrong[] = "must be a size from 1k to 2g";

    if (*text < '0' || *text > '9' || strlen(text) > 12) {
        return wrong;
    }

    n = strtoull(text, &end, 10);
    shift = *end == 'k' ? 10 : *end == 'm' ? 20 : *end == 'g' ? 30 : 0;
    end += shift > 0;

    if (*end != '\0' || n > MEDIA_SIZE_MAX >> shift || n << shift < 1024) {
        return wrong;
    }

    *(unsigned long *) field = (unsigned long) (n << shift);

    return NULL;
}


static void strings_free(struct conf_list *list)
{
    size_t  i;

    for (i = 0; i < list->n; i++) {
        free(((char **) list->at)[i]);
    }

    free(list->at);
}


static void patterns_free(struct conf_list *list)
{
    size_t  i;

    for (i = 0; i < list->n; i++) {
        pcre2_code_free(((pcre2_code **) list->at)[i]);
    }

    free(list->at);
}


/* when_free releases all that it holds */
void when_free(struct when *when)
{
    size_t         i;
    struct hours  *hours = when->hours.at;

    strings_free(&when->objects);
    strings_free(&when->states);
    strings_free(&when->codes);
    strings_free(&when->accounts);
    strings_free(&when->tenants);
    strings_free(&when->referrals);
    strings_free(&when->tags);
    strings_free(&when->template_names);
    strings_free(&when->template_languages);
    strings_free(&when->template_events);
    patterns_free(&when->texts);
    patterns_free(&when->payloads);

    for (i = 0; i < when->hours.n; i++) {
        zone_free(hours[i].zone);
    }

    free(hours);
}
