/* Lines: who must wait for whom, first come, first served, per key. */

#ifndef LINE_H
#define LINE_H

#include "mem.h"


struct lines;
struct line;

/* one owner's place in one line; the owner may stand in several */
struct place {
    struct line   *line;        /* NULL: in none */
    struct place  *before;
    struct place  *behind;
    void          *owner;
};


struct lines *lines_new(void);
void lines_free(struct lines *lines);       /* all places must be left */

/* lines_join: true if somebody stands before it.  Where the owner is already
   the last of that line the place stays out, and nothing is before it */
bool lines_join(struct lines *lines, struct place *place, struct str key,
    void *owner);

/* lines_leave: the owner that is first from now on and was not, or NULL */
void *lines_leave(struct lines *lines, struct place *place);

struct str line_key(const struct place *place);     /* its line not NULL */


#endif /* LINE_H */
