/* Memory of the daemon: allocation that does not fail, slices, buffers. */

#ifndef MEM_H
#define MEM_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>


/* a slice never owns its bytes and is not zero-terminated */
struct str {
    const char  *at;
    size_t       len;
};

#define STR(s)  ((struct str) { (s), strlen(s) })
#define NONE    ((struct str) { "", 0 })


/* grows up to max bytes; what would not fit is left out and sets over */
struct buf {
    char        *at;
    size_t       len;
    size_t       cap;
    size_t       max;
    bool         over;
};


/* mem_alloc: zeroed; mem_*: abort where malloc fails, for the work stands
   in Redis and a process without memory can only get in its way */
void *mem_alloc(size_t size);
void *mem_grow(void *old, size_t size);
char *mem_copy(const char *at, size_t len);     /* zero-terminated */
void mem_wipe(char *secret);                    /* and free; NULL is fine */
void mem_private(void);     /* no core file, nor another process, gets it */

/* mem_digits: decimal digits and a zero; how many */
#define MEM_DIGITS  21
size_t mem_digits(char out[MEM_DIGITS], unsigned long long n);

/* inline: of a literal the compiler knows the length */
static inline bool str_is(struct str s, const char *text)
{
    size_t  len = strlen(text);

    return s.len == len && memcmp(s.at, text, len) == 0;
}

static inline struct str str_or_none(const char *text)
{
    return text != NULL ? STR(text) : NONE;
}

bool str_equal(struct str a, struct str b);
bool str_digits(struct str s);                  /* one or more of 0-9 */

/* of "a,b": what is empty is passed over */
bool list_next(struct str *list, struct str *one);
bool list_has(struct str list, struct str one);

void buf_init(struct buf *b, size_t max);
void buf_add(struct buf *b, const char *at, size_t len);
void buf_str(struct buf *b, struct str s);
void buf_number(struct buf *b, unsigned long long n);
void buf_format(struct buf *b, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void buf_free(struct buf *b);

/* of a zero-terminated text; inline, for of a literal the length is known */
static inline void buf_text(struct buf *b, const char *text)
{
    buf_add(b, text, strlen(text));
}


#endif /* MEM_H */
