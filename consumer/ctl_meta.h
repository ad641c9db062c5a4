/* metactl's calls to Meta: one at a time, with the client, the tokens and the
   judgement of meta-consumer. */

#ifndef CTL_META_H
#define CTL_META_H

#include "calls.h"
#include "ctl.h"
#include "graph.h"


/* what came of a call; strings of v live here */
struct meta {
    struct verdict    v;
    char             *body;     /* no token in it */
    struct json_doc  *doc;
    char              what[256];    /* "POST 1065/register", for errors */
    bool              done;
};


/* meta_call waits for the answer; what may not even be called ends the
   program with CTL_USAGE */
void meta_call(struct ctl *c, const struct graph_call *call, struct meta *m);
void meta_free(struct meta *m);

/* meta_judge: CTL_GOOD, or what is wrong goes to standard error (with --json
   as an object to standard output) and into the exit code */
int meta_judge(struct ctl *c, const struct meta *m);
void meta_text(struct ctl *c, const struct meta *m);    /* for people */

/* meta_app_refused: of a call by an app's own token, which is made of its id
   and its secret: Meta takes it for nobody's */
bool meta_app_refused(const struct meta *m);

/* meta_answer prints it: masked where it may name people */
void meta_answer(struct ctl *c, const struct meta *m, bool masked);

/* the client and its loop, for what is more than one call: meta_run turns it
   until *done */
struct graph *meta_graph(struct ctl *c);
void meta_run(struct ctl *c, const bool *done);

/* meta_close: before the program ends */
void meta_close(struct ctl *c);

/* ctl_whose.c: whose call it is */
struct whose {
    enum product              product;
    const char               *account;  /* NULL: none is meant */
    const char               *waba;
    const struct conf_token  *token;    /* NULL: none fits */
};

/* whose_find: of --account, --waba, --product, else of the only token that
   fits; product NONE: any */
void whose_find(struct ctl *c, enum product product, struct whose *w);
void whose_token(struct ctl *c, struct whose *w);   /* or out */

/* ctl_words.c: name=value of a command line */
struct words {
    char   **at;
    size_t   n;
};

/* words_path writes the path of a row: what {x} stands for is x=... of the
   words, else whose call it is; words_params the JSON object of all others,
   and of --params */
void words_path(struct ctl *c, struct buf *path, const char *pattern,
    const struct whose *w, const struct words *words);
void words_params(struct ctl *c, struct buf *params,
    const struct call_row *row, const char *pattern,
    const struct words *words);

/* ctl_call.c: one call, checked and made */
struct calling {
    const struct call_row  *row;        /* NULL: of a path that none fits */
    enum action_method      method;
    struct str              path;
    struct str              params;     /* a JSON object, or empty */
    struct whose            whose;
};

/* call_make prints the answer, call_read leaves it to the caller where it is
   CTL_GOOD (reads only), call_try leaves all of it; false: nothing was sent,
   for --dry-run, or dry_run of the configuration */
int call_make(struct ctl *c, const struct calling *call);
int call_read(struct ctl *c, const struct calling *call, struct meta *m);
bool call_try(struct ctl *c, const struct calling *call, struct meta *m);
enum http_method call_method(enum action_method method);


#endif /* CTL_META_H */
