/* Memory of the daemon: allocation that does not fail, slices, buffers. */

#include "mem.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <openssl/crypto.h>
#include <sys/prctl.h>
#include <sys/resource.h>


static void *mem_checked(void *p)
{
    if (p == NULL) {
        fputs("meta-consumer: out of memory\n", stderr);
        abort();
    }

    return p;
}


/* mem_alloc returns size zeroed bytes.  No calloc: glibc's knows nothing of
   its cache of small blocks and takes several times as long */
void *mem_alloc(size_t size)
{
    void  *p = mem_checked(malloc(size));

    __asm__ ("" : "+r" (p));    /* compilers would make a calloc of it */

    return memset(p, 0, size);
}


/* mem_grow is realloc that does not fail */
void *mem_grow(void *old, size_t size)
{
    return mem_checked(realloc(old, size));
}


/* mem_copy returns a zero-terminated copy */
char *mem_copy(const char *at, size_t len)
{
    char *p = mem_checked(malloc(len + 1));

    if (len) {
        memcpy(p, at, len);
    }

    p[len] = '\0';

    return p;
}


/* mem_private: a core would hold tokens and what people wrote, and so would
   whatever another process of this user reads.  One byte: zero would hold up
   files only, and programs that the kernel pipes cores to get them whole */
void mem_private(void)
{
    struct rlimit  limit;

    (void) prctl(PR_SET_DUMPABLE, 0);

    if (getrlimit(RLIMIT_CORE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max > 0 ? 1 : 0;
        (void) setrlimit(RLIMIT_CORE, &limit);
    }
}


/* mem_wipe overwrites a zero-terminated secret and frees it */
void mem_wipe(char *secret)
{
    if (secret != NULL) {
        OPENSSL_cleanse(secret, strlen(secret));
        free(secret);
    }
}


/* mem_digits writes a number; printf takes fifteen times as long */
size_t mem_digits(char out[MEM_DIGITS], unsigned long long n)
{
    size_t              len = 1;
    unsigned long long  rest = n;

    while (rest >= 10) {
        rest /= 10;
        len++;
    }

    out[len] = '\0';
    for (rest = len; rest > 0; n /= 10) {
        out[--rest] = (char) ('0' + n % 10);
    }

    return len;
}


/* str_equal says whether both hold the same bytes */
bool str_equal(struct str a, struct str b)
{
    return a.len == b.len && memcmp(a.at, b.at, a.len) == 0;
}


/* str_digits says whether s is one or more decimal digits */
bool str_digits(struct str s)
{
    size_t i;

    for (i = 0; i < s.len; i++) {
        if (s.at[i] < '0' || s.at[i] > '9') {
            return false;
        }
    }

    return s.len > 0;
}


/* list_next: *list is what stands behind it */
bool list_next(struct str *list, struct str *one)
{
    const char  *comma;

    do {
        if (list->len == 0) {
            return false;
        }

        comma = memchr(list->at, ',', list->len);
        one->at = list->at;
        one->len = comma != NULL ? (size_t) (comma - list->at) : list->len;
        list->at += one->len + (comma != NULL);
        list->len -= one->len + (comma != NULL);
    } while (one->len == 0);

    return true;
}


/* list_has: as a whole word */
bool list_has(struct str list, struct str one)
{
    struct str  each;

    while (list_next(&list, &each)) {
        if (str_equal(each, one)) {
            return true;
        }
    }

    return false;
}


/* buf_init gives an empty buffer its ceiling in bytes */
void buf_init(struct buf *b, size_t max)
{
    *b = (struct buf) { .max = max };
}


/* buf_add appends, or sets over where the ceiling is in the way */
void buf_add(struct buf *b, const char *at, size_t len)
{
    if (b->over || len > b->max - b->len) {
        b->over = true;
        return;
    }

    if (len > b->cap - b->len) {
        b->cap = b->len + len + b->cap / 2 + 64;
        b->at = mem_grow(b->at, b->cap);
    }

    if (len) {
        memcpy(b->at + b->len, at, len);
        b->len += len;
    }
}


/* buf_str appends a slice */
void buf_str(struct buf *b, struct str s)
{
    buf_add(b, s.at, s.len);
}


/* buf_number appends its decimal digits */
void buf_number(struct buf *b, unsigned long long n)
{
    char  digits[MEM_DIGITS];

    buf_add(b, digits, mem_digits(digits, n));
}


/* buf_format appends as printf does; for short texts, 511 bytes at most */
void buf_format(struct buf *b, const char *format, ...)
{
    char     text[512];
    int      n;
    va_list  args;

    va_start(args, format);
    n = vsnprintf(text, sizeof(text), format, args);
    va_end(args);

    if (n < 0 || (size_t) n >= sizeof(text)) {
        b->over = true;
        return;
    }

    buf_add(b, text, n);
}


/* buf_free releases the bytes; the ceiling stays */
void buf_free(struct buf *b)
{
    free(b->at);
    buf_init(b, b->max);
}
