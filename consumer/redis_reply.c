/* What is in a reply of Redis, without hiredis' types. */

#include "redis.h"

#include <hiredis/hiredis.h>


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


/* reply_at returns one element */
const struct reply *reply_at(const struct reply *reply, size_t i)
{
    return (const struct reply *) ((const redisReply *) reply)->element[i];
}


/* reply_error says whether it is an error that begins with this code */
bool reply_error(const struct reply *reply, const char *code)
{
    size_t      n = strlen(code);
    struct str  s = reply_str(reply);

    return reply_type(reply) == REPLY_ERROR && s.len >= n
           && memcmp(s.at, code, n) == 0;
}
