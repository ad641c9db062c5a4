/* Dead letters as metactl reads them: their heads, chosen by filters. */

#ifndef CTL_DEAD_H
#define CTL_DEAD_H

#include "ctl.h"


#define LETTERS_CHUNK  100      /* of one script call */

/* slices live as long as the chunk */
struct head {
    long long           index;      /* in {Q}:dead */
    struct str          id;         /* 12 digits of its SHA-1 */
    long long           at;         /* where its item begins, 0: no letter */
    long long           size;       /* of the item */
    struct json_doc    *doc;        /* the letter without its item, or NULL */
    struct json_doc    *item_doc;   /* the record's head, or NULL */
    const struct json  *letter;
    const struct json  *item;
};

struct heads {
    struct head  at[LETTERS_CHUNK];
    size_t       n;
};

/* which letters are meant; what is not said fits all */
struct filter {
    const char  *reason;
    const char  *account;
    const char  *code;
    long long    since;     /* -1: any */
    char       **ids;
    size_t       nids;
};


void filter_read(struct ctl *c, struct filter *f, char **ids, size_t nids);
bool filter_all(const struct filter *f);        /* fits every letter */
bool filter_fits(const struct filter *f, const struct head *h);

/* the letters from that index on, as many as one call gives */
void heads_read(struct ctl *c, const char *q, long long from,
    struct heads *heads);
void heads_cut(struct heads *heads, long long n);   /* n at most */
void heads_free(struct heads *heads);

/* ctl_revive.c: those ids of that list; how many there were */
long long letters_drop(struct ctl *c, const char *q, char **ids, size_t n);

/* ctl_dead_sum.c */
int dead_summary(struct ctl *c, const char *queue);

struct str head_account(const struct head *h);
long long head_time(const struct head *h);
bool head_record(const struct head *h);     /* it can go back to its list */


#endif /* CTL_DEAD_H */
