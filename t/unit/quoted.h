/*
 * JSON in C without backslashes: in the texts of tests ' stands for ".
 */

#ifndef QUOTED_H
#define QUOTED_H

#include "consumer/json.h"


static inline struct str quoted(const char *text)
{
    char    *p;
    size_t   i, n = strlen(text);

    p = mem_copy(text, n);
    for (i = 0; i < n; i++) {
        p[i] = p[i] == '\'' ? '"' : p[i];
    }

    return (struct str) { p, n };
}


#endif /* QUOTED_H */
