/* A step that asks an assistant: its classifier for a label, its writer for a
   text, each once. */

#include "work_own.h"
#include "breaker.h"
#include "conversation.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <openssl/crypto.h>


/* a person waits: what takes longer is answered by the fallback */
#define ASSIST_WAIT_MAX  60000


/* one that is asked for the step at */
struct assist {
    struct assist                *next;
    struct assist                *prev;
    struct work                  *work;     /* NULL: it was left, and Redis
                                               still owes an answer */
    const struct conf_assistant  *a;        /* of the work's configuration */
    const struct conf_chat       *chat;     /* that is asked now */
    struct conversation           talk;
    struct str                    text;     /* what the person wrote */
    bool                          paused;
    struct chat_turn             *turns;
    size_t                        nturns;
    struct http_call             *http;
    struct breaker               *breaker;
    bool                          probe;
};


static void assist_next(struct assist *s);
static void assist_fall(struct assist *s);


static const struct conf_label *label_at(const struct conf_assistant *a,
    size_t i)
{
    return (const struct conf_label *) a->labels.at + i;
}


static const char *chat_name(const struct assist *s)
{
    return s->chat == &s->a->classifier ? "classifier" : "writer";
}


/* "desk/writer" */
static void endpoint_name(char out[96], const struct assist *s)
{
    snprintf(out, 96, "%s/%s", s->a->name, chat_name(s));
}


/* assist_room: how many more may be asked at once */
size_t assist_room(struct worker *worker, const struct conf_assistant *a)
{
    size_t        i, n, room = SIZE_MAX;
    struct http  *http = graph_http(worker->graph);
    const char   *urls[] = { a->classifier.url, a->writer.url };

    for (i = 0; i < 2; i++) {
        n = urls[i] != NULL ? http_room(http, urls[i], NULL) : SIZE_MAX;
        room = n < room ? n : room;
    }

    return room;
}


static void assist_free(struct assist *s)
{
    conversation_turns_free(s->turns, s->nturns);
    free(s);
}


static void assist_leave(struct assist *s)
{
    *(s->prev != NULL ? &s->prev->next : &s->work->worker->assists) = s->next;
    if (s->next != NULL) {
        s->next->prev = s->prev;
    }

    if (s->probe) {
        breaker_probed(s->breaker);
        s->probe = false;
    }
}


/* it is over, and the next one may ask; the work, or NULL where it is gone */
static struct work *assist_end(struct assist *s)
{
    struct work  *w = s->work;

    assist_leave(s);
    assist_free(s);
    ask_over(w);

    return work_gone(w) ? NULL : w;
}


/* assists_stop ends all that is under way */
void assists_stop(struct worker *worker)
{
    struct work    *w;
    struct assist  *s;

    while ((s = worker->assists) != NULL) {
        w = s->work;
        assist_leave(s);
        if (s->http != NULL) {
            http_cancel(s->http);
            assist_free(s);
        } else {
            s->work = NULL;
        }
        w->ask = NULL;
        work_gone(w);
    }

    breakers_free(&worker->breakers);
}


static void assist_log(const struct assist *s, enum log_level level,
    const struct chat_answer *answer, const char *then)
{
    char       *at;
    char        why[96];
    struct buf  b;

    if (!log_wants(level)) {
        return;
    }

    snprintf(why, sizeof(why), "%s", *answer->why ? answer->why : "-");
    while ((at = strchr(why, ' ')) != NULL) {
        *at = '_';
    }

    buf_init(&b, 512);
    log_value(&b, "assistant", STR(s->a->name));
    log_value(&b, "endpoint", STR(chat_name(s)));
    buf_format(&b, " status=%ld tokens=%lld", answer->status, answer->tokens);
    log_value(&b, "why", STR(why));
    log_value(&b, "next", STR(then));
    buf_add(&b, "", 1);
    work_log(s->work, level, "assistant", b.at);
    buf_free(&b);
}


static void assist_label(struct assist *s, const struct conf_label *label,
    const char *text)
{
    struct work                  *w;
    const struct conf_assistant  *a = s->a;

    stat_row_add(stat_row(STATS_ASSISTANT, a->name), STAT_ASSISTANT_ANSWERED,
                 1);

    w = assist_end(s);
    if (w != NULL) {
        answer_begin(w, a, label, text);
    }
}


/* a person answers, or too much was answered: nothing is done */
static void assist_quiet(struct assist *s)
{
    struct work  *w;

    stat_row_add(stat_row(STATS_ASSISTANT, s->a->name), STAT_ASSISTANT_PAUSED,
                 1);
    w = assist_end(s);

    if (w != NULL) {
        work_log(w, LOG_INFO, "quiet", " why=paused");
        plan_done(&w->plan, NONE, NONE);
        work_mark(w, NULL, 0, work_next);
    }
}


/* it cannot be asked: the fallback goes out, or the event is put aside for
   people; without a text there is nothing to ask */
static void assist_fall(struct assist *s)
{
    bool                          text = s->text.len > 0;
    struct work                  *w;
    const struct conf_assistant  *a = s->a;

    stat_row_add(stat_row(STATS_ASSISTANT, a->name), STAT_ASSISTANT_FALLBACK,
                 1);
    w = assist_end(s);

    if (w != NULL && a->fallback == NULL && text) {
        end_dead(w, "assistant_failed", "its endpoint does not answer, and"
                 " it has no fallback", NULL);

    } else if (w != NULL) {
        answer_begin(w, a, NULL, NULL);
    }
}


/* ms until the next try, 0: there is none */
static uint64_t assist_delay(const struct assist *s,
    const struct chat_answer *answer)
{
    unsigned               tries = s->work->plan.tries;
    static const uint64_t  delays[] = { 1000, 5000, 15000, 30000, 60000 };

    if (answer->rc != CHAT_AGAIN || tries == 0 || tries > s->a->retries
        || tries > sizeof(delays) / sizeof(delays[0])
        || answer->wait_ms > ASSIST_WAIT_MAX)
    {
        return 0;
    }

    return answer->wait_ms > delays[tries - 1] ? answer->wait_ms
           : delays[tries - 1];
}


static void assist_failed(struct assist *s, const struct chat_answer *answer)
{
    uint64_t      ms;
    struct work  *w = s->work;

    w->plan.tries++;
    ms = assist_delay(s, answer);
    assist_log(s, LOG_WARN, answer, ms ? "retry"
               : s->a->fallback != NULL ? "fallback" : "dead");

    if (ms == 0) {
        assist_fall(s);
        return;
    }

    w = assist_end(s);
    if (w != NULL) {
        w->plan.stored = false;
        wait_retry(w, ms, "assistant");
    }
}


/* the label is known: that is kept, for the classifier is asked once */
static void assist_classified(struct assist *s, size_t i)
{
    struct work              *w = s->work;
    struct step              *step = &w->plan.steps[w->plan.at];
    const struct conf_label  *label = label_at(s->a, i);

    free(step->answer);
    step->answer = mem_copy(label->name, strlen(label->name));
    w->plan.tries = 0;
    w->plan.stored = false;

    if (!label->writes || (s->paused && !label->resume)) {
        assist_next(s);
        return;
    }

    w = assist_end(s);
    if (w != NULL) {
        work_mark(w, NULL, 0, ask_begin);
    }
}


/* what the classifier said; without one all has the same label */
static const struct conf_label *assist_known(const struct assist *s)
{
    bool         known;
    const char  *answer = s->work->plan.steps[s->work->plan.at].answer;

    return label_at(s->a, answer != NULL
                    ? chat_label(s->a, STR(answer), &known) : s->a->label);
}


/* a classifier that answers, but no label, has answered */
static bool is_answer(const struct assist *s,
    const struct chat_answer *answer)
{
    return answer->rc == CHAT_TEXT
           || (answer->rc == CHAT_REFUSED && answer->status / 100 == 2
               && s->chat == &s->a->classifier);
}


static void on_chat(void *data, const struct http_answer *http)
{
    bool                known = true;
    char                name[96], how[32];
    size_t              label;
    struct assist      *s = data;
    struct stat_row    *row;
    struct chat_answer  answer;

    s->http = NULL;
    chat_judge(http, http->headers[0], s->chat, (long long) time(NULL),
               &answer);

    endpoint_name(name, s);
    snprintf(how, sizeof(how), "HTTP %ld", answer.status);
    breaker_tell(s->breaker, uv_now(s->work->worker->loop),
                 answer.rc != CHAT_AGAIN ? NULL
                 : answer.status ? how : answer.why);

    row = stat_row(STATS_ENDPOINT, name);
    stat_row_add(row, is_answer(s, &answer) ? STAT_ENDPOINT_GOOD
                 : STAT_ENDPOINT_FAILED, 1);
    stat_row_add(row, STAT_ENDPOINT_TOKENS, answer.tokens);
    stat_time(TIME_ASSISTANT, http->ms);
    s->work->plan.attempts++;

    if (s->work->item->queue == NULL) {
        assist_end(s);

    } else if (!is_answer(s, &answer)) {
        assist_failed(s, &answer);

    } else if (s->chat == &s->a->writer) {
        assist_log(s, LOG_DEBUG, &answer, "reply");
        assist_label(s, assist_known(s), answer.text);

    } else {
        label = chat_label(s->a, answer.text != NULL ? STR(answer.text)
                           : NONE, &known);
        assist_log(s, LOG_DEBUG, &answer, label_at(s->a, label)->name);
        assist_classified(s, label);
    }

    free(answer.text);
}


/* "{{label}}" is the label's name; nothing that a person wrote comes in */
static void put_system(struct buf *b, const char *text, const char *label)
{
    const char         *at;
    static const char   mark[] = "{{label}}";

    while ((at = strstr(text, mark)) != NULL) {
        buf_add(b, text, (size_t) (at - text));
        buf_text(b, label);
        text = at + sizeof(mark) - 1;
    }

    buf_text(b, text);
}


static void chat_start(struct assist *s, const struct chat_ask *ask)
{
    unsigned                  ms = (unsigned) ask->chat->timeout_ms;
    struct buf                body, head;
    const char               *headers[CHAT_HEADERS_MAX];
    static const char *const  want[] = { "Retry-After" };
    struct http_request       request = {
        .method = HTTP_POST, .url = ask->chat->url,
        .ca_file = ask->chat->ca_file, .bearer = chat_bearer(ask->chat),
        .headers = headers, .eager = true,
        .connect_ms = ms < HTTP_CONNECT_MS ? ms : 0, .total_ms = ms,
        .idle_ms = ms, .answer_max = CHAT_ANSWER_MAX, .want = want, .nwant = 1
    };

    buf_init(&body, CHAT_BODY_MAX);
    buf_init(&head, 32 * 1024);
    chat_body(&body, ask);
    request.body = (struct str) { body.at, body.len };
    request.nheaders = chat_headers(&head, ask->chat, headers);

    s->http = http_start(graph_http(s->work->worker->graph), &request,
                         on_chat, s);

    if (head.len) {
        OPENSSL_cleanse(head.at, head.len);
    }
    buf_free(&head);
    buf_free(&body);
}


/* label NULL: the classifier is asked */
static void assist_ask(struct assist *s, const struct conf_label *label)
{
    char                name[96];
    uint64_t            ms;
    struct buf          system;
    struct chat_turn    turn = { .text = s->text };
    struct chat_ask     ask = { .turns = s->turns, .nturns = s->nturns };
    struct chat_answer  kept = { .rc = CHAT_REFUSED, .why = "it failed too"
                                 " often and is left alone for a while" };

    s->chat = label != NULL ? &s->a->writer : &s->a->classifier;
    endpoint_name(name, s);
    s->breaker = breaker_of(&s->work->worker->breakers, "assistant", name,
                            STATS_ENDPOINT, STAT_ENDPOINT_OPEN);
    ms = breaker_ask(s->breaker, uv_now(s->work->worker->loop), &s->probe);
    if (ms) {
        assist_failed(s, &kept);
        return;
    }

    buf_init(&system, 256 * 1024);
    if (s->chat->system != NULL) {
        put_system(&system, s->chat->system, label != NULL ? label->name : "");
    }

    if (label == NULL) {
        turn.text = chat_first(s->text, s->chat->max_input);
        ask.turns = &turn;
        ask.nturns = 1;

    } else if (label->system != NULL) {
        buf_text(&system, system.len ? "\n\n" : "");
        put_system(&system, label->system, label->name);
    }

    ask.chat = s->chat;
    ask.system = (struct str) { system.at, system.len };
    chat_start(s, &ask);
    buf_free(&system);
}


/* what is known by now says what comes next */
static void assist_next(struct assist *s)
{
    const struct step        *step;
    const struct conf_label  *label;

    step = &s->work->plan.steps[s->work->plan.at];

    if (s->text.len == 0) {
        assist_fall(s);
        return;
    }

    if (step->answer == NULL && s->a->classifier.url != NULL) {
        assist_ask(s, NULL);
        return;
    }

    label = assist_known(s);

    if (s->paused && !label->resume) {
        assist_quiet(s);

    } else if (label->writes) {
        assist_ask(s, label);

    } else {
        assist_label(s, label, NULL);
    }
}


static bool any_resumes(const struct conf_assistant *a)
{
    size_t  i;

    for (i = 0; i < a->labels.n && !label_at(a, i)->resume; i++) { }

    return i < a->labels.n;
}


static void on_turns(void *data, const struct reply *reply)
{
    struct work                *w;
    struct assist              *s = data;
    struct conversation_state   state;

    if (s->work == NULL) {
        assist_free(s);
        return;
    }

    if (s->work->item->queue == NULL || !conversation_read(reply, &state)) {
        w = assist_end(s);
        if (w != NULL) {
            wait_retry(w, 1000, "redis");
        }
        return;
    }

    s->paused = state.pause != 0;

    if (state.stop || (s->paused && !any_resumes(s->a))) {
        assist_quiet(s);
        return;
    }

    s->turns = conversation_turns(reply, s->text, &s->nturns);
    assist_next(s);
}


/* assist_call asks the assistant of the step at, which has its place */
void assist_call(struct work *w)
{
    int                  rc;
    bool                 nobody;
    struct assist       *s = mem_alloc(sizeof(*s));
    const struct step   *step = &w->plan.steps[w->plan.at];
    const struct event  *e = work_event(w, step);

    s->work = w;
    s->a = assistant_find(w->conf, step->action->name);
    s->text = chat_trim(e->text);
    if (s->a->writer.url != NULL) {
        s->text = chat_first(s->text, s->a->writer.max_input);
    }

    s->next = w->worker->assists;
    if (s->next != NULL) {
        s->next->prev = s;
    }
    w->worker->assists = s;

    talk_of(w, step, &s->talk);
    if (s->talk.key[0] == '\0') {   /* of whom it does not say, or too long */
        s->turns = conversation_turns(NULL, s->text, &s->nturns);
        assist_next(s);
        return;
    }

    rc = s->a->turns > 0 && s->text.len
         ? conversation_ask(&s->talk, e->id, s->text, s->a->turns, on_turns,
                            s)
         : conversation_look(&s->talk, "", on_turns, s);

    if (rc != 0) {
        nobody = s->talk.key[0] == '\0';
        w = assist_end(s);
        if (w != NULL && nobody) {
            end_dead(w, "record", "it is nobody's conversation", NULL);
        } else if (w != NULL) {
            wait_retry(w, 1000, "redis");
        }
    }
}
