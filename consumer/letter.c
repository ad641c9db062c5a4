/* Dead letters: why an item could not be worked (docs/consumer.md). */

#include "letter.h"
#include "json.h"

#include <stdlib.h>
#include <time.h>

#include <openssl/evp.h>


static void letter_number(struct buf *b, const char *name, const long long *n)
{
    buf_format(b, ",\"%s\":", name);

    if (n != NULL) {
        buf_format(b, "%lld", *n);
    } else {
        buf_text(b, "null");
    }
}


static void letter_text(struct buf *b, const char *name, const char *text)
{
    buf_format(b, ",\"%s\":", name);

    if (text != NULL) {
        json_quote(b, STR(text));
    } else {
        buf_text(b, "null");
    }
}


static char *letter_take(struct buf *b)
{
    char  *text = mem_copy(b->at, b->len);

    buf_free(b);

    return text;
}


/* the record as it is where that is JSON, else its bytes in base64 */
static char *letter_item(struct str record)
{
    char        *base64;
    struct buf   b;

    if (json_valid(record.at, record.len)) {
        return NULL;
    }

    base64 = mem_alloc(record.len / 3 * 4 + 5);
    EVP_EncodeBlock((unsigned char *) base64,
                    (const unsigned char *) record.at, (int) record.len);

    buf_init(&b, (size_t) -1);
    buf_text(&b, "null,\"base64\":\"");
    buf_text(&b, base64);
    buf_text(&b, "\"");
    free(base64);

    return letter_take(&b);
}


/* letter_todo returns what is to be done about a reason of ours */
const char *letter_todo(const char *reason)
{
    size_t  i;
    static const struct {
        const char  *reason;
        const char  *todo;
    } todos[] = {
        { "graph_answer", "See what answered in Meta's place: a proxy?" },
        { "unreachable", "Requeue it when the network is back." },
        { "ambiguous", "A status or echo settles it; else look whether it"
          " arrived before you requeue it." },
        { "no_token", "Add a token for the account, then requeue it." },
        { "poison", "Find out why consumers died of it before you requeue"
          " it." },
        { "rule", "Write the pattern without nested repeats." },
        { "handler_answer", "Mend what the handler answers; the answer names"
          " it." },
        { "handler_failed", "Requeue it when the handler answers again." },
        { "handler_refused", "Look into the handler's log; 401: is its"
          " secret the same?" },
        { "window", "Send a template, or wait until they write." },
        { "opted_out", "Send them no marketing." },
        { "failed", "A requeue sends it again; see what the code means." },
        { "job", "Mend what pushes it, and push it anew." },
        { "record", "See who pushed it: it is no record that can be"
          " worked." },
        { "state", "Somebody changed its state by hand; a requeue begins"
          " anew." }
    };

    for (i = 0; i < sizeof(todos) / sizeof(todos[0]); i++) {
        if (strcmp(todos[i].reason, reason) == 0) {
            return todos[i].todo;
        }
    }

    return NULL;
}


/* letter_write writes all but the item, which Redis has */
void letter_write(const struct letter *letter, struct item *item)
{
    struct buf       b;
    struct timespec  now;

    clock_gettime(CLOCK_REALTIME, &now);

    buf_init(&b, (size_t) -1);
    buf_text(&b, "{\"v\":1");
    letter_text(&b, "reason", letter->reason);
    letter_number(&b, "code", letter->code);
    letter_number(&b, "subcode", letter->subcode);
    buf_format(&b, ",\"attempts\":%u,\"time\":%lld", letter->attempts,
               (long long) now.tv_sec * 1000 + now.tv_nsec / 1000000);
    letter_text(&b, "answer", letter->answer);
    if (letter->raw) {
        buf_format(&b, ",\"raw\":%zu", letter->raw);
    }
    letter_text(&b, "class", letter->class);
    letter_text(&b, "text", letter->text);
    letter_text(&b, "todo", letter->todo != NULL ? letter->todo
                : letter_todo(letter->reason));
    letter_text(&b, "fbtrace_id", letter->trace);
    letter_text(&b, "action", letter->action);
    buf_format(&b, ",\"done\":%zu,\"state\":", letter->done);
    buf_str(&b, letter->state.len ? letter->state : STR("null"));
    buf_text(&b, ",\"item\":");

    item->letter = letter_take(&b);
    item->letter_item = letter_item(item->record);
}
