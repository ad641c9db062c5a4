/* A long text as several messages: cut at ends of sentences, then at spaces,
   then between characters. */

#ifndef SPLIT_H
#define SPLIT_H

#include "channel.h"


#define SPLIT_MAX  3


/* split_text: pieces of text, none longer than limit->max, the last none than
   limit->last, without the white space between them; how many there are, of
   which at most SPLIT_MAX stand in out.  0: it is all white space */
size_t split_text(struct str text, const struct text_limit *limit,
    struct str out[SPLIT_MAX]);

/* split_check: 0 if SPLIT_MAX pieces are enough */
int split_check(const char *text, const struct text_limit *limit,
    const char *path, struct fault *f);

/* split_action: the actions that a reply or send with "split" becomes on that
   channel, for actions_free; 0: it is one message as it is.  The first keeps
   the quote, the last quick_replies and wait_for */
size_t split_action(const struct action *a, enum product product,
    struct action **out);


#endif /* SPLIT_H */
