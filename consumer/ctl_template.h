/* Templates of WhatsApp, as they stand at Meta and in files: what the files
   of metactl template share. */

#ifndef CTL_TEMPLATE_H
#define CTL_TEMPLATE_H

#include "ctl_meta.h"


/* one name in one language; meta or file is NULL where there is none */
struct template {
    struct str          name;
    struct str          language;
    const struct json  *meta;
    const struct json  *file;
    char               *path;
    struct json_doc    *doc;
};

struct templates {
    struct conf_list  pages;    /* struct meta */
    struct conf_list  all;      /* struct template */
    bool              one;      /* a single file was named: what else Meta
                                   has is of no interest */
};

struct change {
    char                path[128];  /* "components[1].text" */
    const struct json  *meta;       /* NULL: not there */
    const struct json  *file;
};

#define CHANGES_MAX  32


/* ctl_template_read.c: what Meta has; anything else than all of it ends the
   program, with meta_judge's code */
void templates_fetch(struct ctl *c, const struct whose *w,
    struct templates *t);
/* and of a directory the files that end in .json, or one file; all are
   checked, and a faulty one ends the program */
void templates_files(struct templates *t, const char *where);
void templates_free(struct templates *t);
struct template *template_find(struct templates *t, struct str name,
    struct str language);

/* ctl_template_diff.c: how many differences there are, at most max of them
   in changes */
size_t template_diff(const struct template *t, struct change *changes,
    size_t max);

bool diff_same(const struct json *meta, const struct json *file);

/* template_write: a file that push takes, for people to edit */
void template_write(struct buf *b, const struct json *meta);


#endif /* CTL_TEMPLATE_H */
