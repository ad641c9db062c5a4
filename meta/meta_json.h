/*
 * JSON tokens (RFC 8259): strict scanning over bytes that nobody copied, and
 * the text of a token decoded, compared, and written as the record has it.
 *
 * White space is its four characters; UTF-8 is not judged inside strings.
 * Nothing is read at or past the end.
 */

#ifndef META_JSON_H
#define META_JSON_H

#include "meta.h"


/* the longest form of one character: a surrogate as its escape */
#define META_JSON_CHAR_MAX  6

/* the longest plain bytes that meta_json_is() compares with */
#define META_JSON_NAME_MAX  32

#define META_JSON_BLOCK  64


/*
 * A place in the bytes.  Which of the 64 bytes from block on end or break a
 * plain run inside a string is found at once and kept as bits: from string to
 * string the scan then waits for a shift, and not for a load and a compare.
 *
 * What can be paused is paused at the first chance from stop on; where stop
 * is the end, never.
 */
typedef struct {
    const unsigned char  *p;
    const unsigned char  *end;
    const unsigned char  *stop;
    const unsigned char  *block;
    uint64_t              special;
} meta_json_t;


/* a value that is being scanned, and the containers open around the place */
typedef struct {
    unsigned              depth;
    unsigned              level;
    unsigned              in_string;
    unsigned char         close[META_MAX_DEPTH];
} meta_json_skip_t;


META_HIDDEN_BEGIN

/*
 * One value of any kind at j->p, depth containers being open around it.
 * META_OK: j->p stands behind it.  META_MALFORMED, META_TOO_DEEP.
 * META_AGAIN: paused; to be called again with the same k.
 */
meta_rc_t meta_json_skip(meta_json_t *j, meta_json_skip_t *k);

/* the same without a pause */
meta_rc_t meta_json_value(meta_json_t *j, unsigned depth);

/* a bit for each byte of the block at p; those past end are set */
uint64_t meta_json_special(const unsigned char *p, const unsigned char *end);

/* bytes that the escape at p takes, 0 if it is none */
size_t meta_json_escape(const unsigned char *p, const unsigned char *end);

/* content of a string token, still escaped; len 0 for any other token */
meta_str_t meta_json_text(meta_str_t token);

/* the same, or the digits of an integer as sent: what an id may be */
meta_str_t meta_json_ident(meta_str_t token);

/*
 * Escaped text as the bytes that it means (a lone surrogate stays as its
 * escape), and as the record writes it: only '"', '\' and control characters
 * escaped.  out has room bytes; text that takes more gives -1.
 */
long meta_json_decode(meta_str_t text, unsigned char *out, size_t room);
long meta_json_encode(meta_str_t text, unsigned char *out, size_t room);

/* 1 if the text holds an escape, and so is not what it means */
int meta_json_escaped(meta_str_t text);

/* 1 if two escaped texts, or a text and plain bytes, mean the same */
int meta_json_equal(meta_str_t a, meta_str_t b);
int meta_json_is(meta_str_t text, meta_str_t plain);

META_HIDDEN_END


static inline void
meta_json_init(meta_json_t *j, const unsigned char *p,
    const unsigned char *end)
{
    j->p = p;
    j->end = end;
    j->stop = end;
    j->block = p;
    j->special = meta_json_special(p, end);
}


static inline void
meta_json_skip_init(meta_json_skip_t *k, unsigned depth)
{
    k->depth = depth;
    k->level = depth;
    k->in_string = 0;
}


static inline void
meta_json_space(meta_json_t *j)
{
    while (j->p < j->end
           && (*j->p == ' ' || *j->p == '\n' || *j->p == '\r'
               || *j->p == '\t'))
    {
        j->p++;
    }
}


/* to the first byte that a string cannot hold as it is, or to the end */
static inline void
meta_json_plain(meta_json_t *j)
{
    size_t    at;
    uint64_t  special;

    for ( ;; ) {
        at = (size_t) (j->p - j->block);

        if (at < META_JSON_BLOCK) {
            special = j->special >> at;

            if (special != 0) {
                j->p += __builtin_ctzll(special);
                return;
            }

            j->p = j->block + META_JSON_BLOCK;
        }

        j->block = j->p;
        j->special = meta_json_special(j->p, j->end);
    }
}


/*
 * From inside a string to the place behind its closing quote: 1.  0: it has no
 * end, or holds what no string may.  2: paused before an escape.
 */
static inline int
meta_json_string(meta_json_t *j, const unsigned char *stop)
{
    size_t  n;

    for ( ;; ) {
        meta_json_plain(j);

        if (j->p == j->end) {
            return 0;
        }

        if (*j->p == '"') {
            j->p++;
            return 1;
        }

        if (j->p >= stop) {
            return 2;
        }

        n = meta_json_escape(j->p, j->end);
        if (n == 0) {
            return 0;
        }

        j->p += n;
    }
}


/*
 * Steps inside a container that ends with close; first says that j->p stands
 * behind its opening bracket.  1: the next member or element begins at j->p;
 * 0: j->p stands behind the closing bracket; -1: neither.
 */
static inline int
meta_json_next(meta_json_t *j, unsigned char close, int first)
{
    meta_json_space(j);

    if (j->p == j->end) {
        return -1;
    }

    if (*j->p == close) {
        j->p++;
        return 0;
    }

    if (!first) {
        if (*j->p != ',') {
            return -1;
        }

        /* a bracket behind the comma begins no value and fails as one */

        j->p++;
        meta_json_space(j);
    }

    return 1;
}


/*
 * A member's name, still escaped, and j->p behind its colon.  1: the name is
 * plain; 2: it holds escapes; 0: no name.
 */
static inline int
meta_json_name(meta_json_t *j, meta_str_t *name)
{
    int  rc;

    if (j->p == j->end || *j->p != '"') {
        return 0;
    }

    rc = 1;
    name->data = ++j->p;

    meta_json_plain(j);

    if (j->p == j->end) {
        return 0;
    }

    if (*j->p == '"') {
        j->p++;

    } else {
        rc = 2;

        if (!meta_json_string(j, j->end)) {
            return 0;
        }
    }

    name->len = (size_t) (j->p - 1 - name->data);

    meta_json_space(j);

    if (j->p == j->end || *j->p != ':') {
        return 0;
    }

    j->p++;
    meta_json_space(j);

    return rc;
}


#endif /* META_JSON_H */
