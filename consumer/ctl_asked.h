/* What Meta says of a token that is pasted, asked by each app of ours. */

#ifndef CTL_ASKED_H
#define CTL_ASKED_H

#include "ctl_meta.h"
#include "token_answer.h"


struct asked {
    const struct conf_app  *app;        /* that knows it, or the last asked */
    struct token_debug      debug;      /* slices of said */
    struct meta             said;       /* of debug_token */
    struct meta             doubt;      /* why one that was asked cannot say */
    bool                    is;         /* debug is there */
};


void asked_apps(struct ctl *c, struct asked *k, const char *secret);
void asked_free(struct asked *k);

/* asked_check: ends metactl where it may not be stored */
void asked_check(struct ctl *c, struct asked *k);

/* asked_doubt: ends metactl where an app of ours could not be asked */
void asked_doubt(struct ctl *c, const struct asked *k);

/* asked_no: Meta knows no such token, or none that works */
bool asked_no(const struct meta *m);

/* asked_fail: says what failed, and what to do */
_Noreturn void asked_fail(struct ctl *c, const struct meta *m);


#endif /* CTL_ASKED_H */
