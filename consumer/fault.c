/* What is wrong with an action or a job, for results, letters and people. */

#include "fault.h"
#include "json.h"

#include <stdarg.h>
#include <stdio.h>


/* what came from outside, in whole characters and as one line of UTF-8 */
static void fault_value(char *out, size_t size, struct str value)
{
    size_t  n, len = 0;

    while (value.len) {
        n = json_utf8(value);
        if (len + (n ? n : 1) >= size) {
            break;
        }

        if (n == 0 || (unsigned char) value.at[0] < 0x20) {
            out[len++] = '?';
            n = 1;
        } else {
            memcpy(out + len, value.at, n);
            len += n;
        }

        value.at += n;
        value.len -= n;
    }

    out[len] = '\0';
}


/* fault_set writes all but the action's number; it returns -1 */
int fault_set(struct fault *f, const char *parameter, const char *limit,
    struct str value, const char *format, ...)
{
    char     text[512];
    va_list  args;

    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);

    *f = (struct fault) { .action = 0 };
    fault_value(f->parameter, sizeof(f->parameter), STR(parameter));
    fault_value(f->limit, sizeof(f->limit), STR(limit != NULL ? limit : ""));
    fault_value(f->value, sizeof(f->value), value);
    fault_value(f->text, sizeof(f->text), STR(text));

    return -1;
}


/* fault_say writes it all in one line */
void fault_say(const struct fault *f, char *out, size_t size)
{
    char  number[32] = "", more[160] = "";

    if (f->action) {
        snprintf(number, sizeof(number), "action %u: ", f->action);
    }

    if (*f->limit || *f->value) {
        snprintf(more, sizeof(more), " (limit: %s, value: %s)",
                 *f->limit ? f->limit : "-", *f->value ? f->value : "-");
    }

    snprintf(out, size, "%s%s%s%s%s", number, f->parameter,
             *f->parameter ? ": " : "", f->text, more);
}
