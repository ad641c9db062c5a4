/* What metactl prints with --json: an object on a line, its members in the
   order of docs/metactl.md. */

#include "ctl.h"

#include <stdlib.h>


/* jw_init begins with nothing */
void jw_init(struct jw *j)
{
    buf_init(&j->b, (size_t) -1);
    j->comma = false;
}


static void jw_name(struct jw *j, const char *key)
{
    if (j->comma) {
        buf_text(&j->b, ",");
    }

    if (key != NULL) {
        json_quote(&j->b, STR(key));
        buf_text(&j->b, ":");
    }

    j->comma = true;
}


/* jw_open begins an object or array; key NULL: an element, or the whole */
void jw_open(struct jw *j, const char *key, char bracket)
{
    jw_name(j, key);
    buf_add(&j->b, &bracket, 1);
    j->comma = false;
}


/* jw_close ends it */
void jw_close(struct jw *j, char bracket)
{
    buf_add(&j->b, &bracket, 1);
    j->comma = true;
}


/* jw_str writes a string */
void jw_str(struct jw *j, const char *key, struct str s)
{
    jw_name(j, key);
    json_quote(&j->b, s);
}


/* jw_text writes a string, or null */
void jw_text(struct jw *j, const char *key, const char *text)
{
    if (text == NULL) {
        jw_raw(j, key, STR("null"));
    } else {
        jw_str(j, key, STR(text));
    }
}


/* jw_int writes a number */
void jw_int(struct jw *j, const char *key, long long n)
{
    jw_name(j, key);
    buf_format(&j->b, "%lld", n);
}


/* jw_time writes a number, null where it is below 0 */
void jw_time(struct jw *j, const char *key, long long ms)
{
    if (ms < 0) {
        jw_raw(j, key, STR("null"));
    } else {
        jw_int(j, key, ms);
    }
}


/* jw_bool writes true or false */
void jw_bool(struct jw *j, const char *key, bool truth)
{
    jw_raw(j, key, STR(truth ? "true" : "false"));
}


/* jw_raw writes what is JSON already */
void jw_raw(struct jw *j, const char *key, struct str json)
{
    jw_name(j, key);
    buf_str(&j->b, json);
}


/* jw_tree writes what was read; NULL is null */
void jw_tree(struct jw *j, const char *key, const struct json *tree)
{
    jw_name(j, key);
    if (tree != NULL) {
        json_write(&j->b, tree);
    } else {
        buf_text(&j->b, "null");
    }
}


/* jw_print writes the line */
void jw_print(struct jw *j)
{
    buf_text(&j->b, "\n");
    out_print(&j->b);
}
