/* Files of this machine that are to be sent: which may be, and what they
   are. */

#ifndef FILE_H
#define FILE_H

#include "channel.h"


struct file {
    int          fd;        /* open for reading, at its beginning */
    long long    size;
    const char  *mime;
    const char  *name;      /* the last part of its path */
};


/* file_open: -1 and *f says why it may not be sent as that content there; dir
   is the directory that it must lie in, NULL: anywhere.  The caller closes
   fd */
int file_open(struct file *file, const struct check_of *c,
    enum product product, const char *dir, struct fault *f);

/* check_file: a job or an answer of a handler may name it, and it is good; of
   a rule only its name is looked at, for it may come later */
int check_file(const struct check_of *c, enum product product,
    const struct conf *conf, struct fault *f);


#endif /* FILE_H */
