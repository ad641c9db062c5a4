/* What is in a reply of Redis, without hiredis' types. */

#include "redis.h"

#include <stdio.h>
#include <stdlib.h>

#include <hiredis/hiredis.h>


#define REPLY_ARRAY_MAX  100000


#if HIREDIS_MAJOR >= 1
typedef size_t array_len;
#else
typedef int array_len;
#endif


static void *(*hiredis_array)(const redisReadTask *, array_len);


/* hiredis makes room for as many elements as an array says it has */
static void *reader_array(const redisReadTask *task, array_len n)
{
    return n > REPLY_ARRAY_MAX ? NULL : hiredis_array(task, n);
}


/* reply_reader makes what parses replies, with a ceiling for arrays */
struct redisReader *reply_reader(void)
{
    redisReader                      *reader = redisReaderCreate();
    static redisReplyObjectFunctions  makes;

    if (reader == NULL) {
        abort();
    }

    makes = *reader->fn;
    hiredis_array = makes.createArray;
    makes.createArray = reader_array;
    reader->fn = &makes;

    return reader;
}


/* reply_type returns what kind of reply it is */
enum reply_type reply_type(const struct reply *reply)
{
    return ((const redisReply *) reply)->type;
}


/* reply_str returns the bytes of a string, status or error */
struct str reply_str(const struct reply *reply)
{
    const redisReply  *r = (const redisReply *) reply;

    return r->str == NULL ? NONE : (struct str) { r->str, r->len };
}


/* reply_int returns an integer reply */
long long reply_int(const struct reply *reply)
{
    return ((const redisReply *) reply)->integer;
}


/* reply_count returns how many elements there are */
size_t reply_count(const struct reply *reply)
{
    return reply_type(reply) == REPLY_ARRAY
           ? ((const redisReply *) reply)->elements : 0;
}


/* reply_at returns one element; where there is none, nil */
const struct reply *reply_at(const struct reply *reply, size_t i)
{
    static const redisReply  nil = { .type = REDIS_REPLY_NIL };

    return (const struct reply *)
           (i < reply_count(reply)
            ? ((const redisReply *) reply)->element[i] : &nil);
}


/* reply_error says whether it is an error that begins with this code */
bool reply_error(const struct reply *reply, const char *code)
{
    size_t      n = strlen(code);
    struct str  s = reply_str(reply);

    return reply_type(reply) == REPLY_ERROR && s.len >= n
           && memcmp(s.at, code, n) == 0;
}


/* reply_why writes the code of an error, and what it means */
const char *reply_why(char out[REPLY_WHY_MAX], const struct reply *reply)
{
    size_t      i, n;
    struct str  s = reply_str(reply);
    static const struct {
        const char  *code;
        const char  *means;
    } codes[] = {
        { "NOAUTH", "a password is needed" },
        { "WRONGPASS", "the user or the password is wrong" },
        { "NOPERM", "the user's ACL forbids it" },
        { "LOADING", "it reads its data" },
        { "OOM", "maxmemory is reached" },
        { "READONLY", "it is a replica" },
        { "MISCONF", "it cannot write to its disk" }
    };

    /* inside of a script a missing permission is called ERR */
    if (strstr(s.at, "can't run this command") != NULL) {
        s = STR("NOPERM");
    }

    for (n = 0; n < s.len && n < 32; n++) {
        if ((s.at[n] < 'A' || s.at[n] > 'Z') && s.at[n] != '_') {
            break;
        }
    }

    s = n ? (struct str) { s.at, n } : STR("an error");

    for (i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
        if (str_is(s, codes[i].code)) {
            break;
        }
    }

    if (i < sizeof(codes) / sizeof(codes[0])) {
        snprintf(out, REPLY_WHY_MAX, "%s (%s)", codes[i].code,
                 codes[i].means);
    } else {
        snprintf(out, REPLY_WHY_MAX, "%.*s", (int) s.len, s.at);
    }

    return out;
}
