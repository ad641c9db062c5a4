/* Meta's five usage headers: how much of a limit is used up.  Pure. */

#ifndef USAGE_H
#define USAGE_H

#include "mem.h"

#include <stdint.h>


#define USAGE_ENTRIES_MAX  32
#define USAGE_TEXT_MAX     33       /* of an id or a type, with its zero */

enum usage_kind {
    USAGE_APP,          /* X-App-Usage */
    USAGE_PAGE,         /* X-Page-Usage */
    USAGE_AD_ACCOUNT,   /* X-Ad-Account-Usage */
    USAGE_BUSINESS,     /* X-Business-Use-Case-Usage; has id and type */
    USAGE_INSIGHTS,     /* X-FB-Ads-Insights-Throttle: account, app */
    USAGE_KINDS
};

struct usage_entry {
    enum usage_kind  kind;
    char             id[USAGE_TEXT_MAX];    /* of the limited object, or "" */
    char             type[USAGE_TEXT_MAX];  /* "messenger", "ads_insights"... */
    double           pct;                   /* the largest; may exceed 100 */
    uint64_t         regain_ms;             /* blocked for so long, 0: not */
};

struct usage {
    size_t              n;
    struct usage_entry  entries[USAGE_ENTRIES_MAX];
};

/* the headers' names in lower case, in the order of enum usage_kind */
extern const char *const usage_names[USAGE_KINDS];


/* usage_read adds what a header of this name (any case) says to *u, which
   begins zeroed; false where it is none of the five or says nothing that can
   be understood: never an error, *u stays as it was.  Of an object and type
   that stand there twice the larger value stays; where there are more than
   USAGE_ENTRIES_MAX, those that press most do */
bool usage_read(struct str name, struct str value, struct usage *u);

/* usage_most: the largest percentage of all, and the longest block */
double usage_most(const struct usage *u, uint64_t *regain_ms);


#endif /* USAGE_H */
