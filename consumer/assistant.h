/* What a chat endpoint is asked, and what its answer means: pure functions.
   What it answers is text, and nothing else: it is matched with a label, or it
   becomes the text of a reply. */

#ifndef ASSISTANT_H
#define ASSISTANT_H

#include "conf.h"
#include "http.h"


#define CHAT_TEXT_MAX     (16 * 1024)       /* of an answer: its text */
#define CHAT_ANSWER_MAX   (256 * 1024)      /* of the whole answer */
#define CHAT_BODY_MAX     (4 * 1024 * 1024)
#define CHAT_HEADERS_MAX  3

struct chat_turn {
    bool        bot;
    struct str  text;
};

/* what is said: turns are in order, the last is the person's */
struct chat_ask {
    const struct conf_chat   *chat;
    struct str                system;   /* empty: none */
    const struct chat_turn   *turns;
    size_t                    nturns;
};

enum chat_rc {
    CHAT_TEXT,          /* it answers */
    CHAT_AGAIN,         /* perhaps later */
    CHAT_REFUSED        /* never so */
};

struct chat_answer {
    enum chat_rc   rc;
    char          *text;        /* owned; without white space around it */
    bool           cut;         /* it had no more tokens */
    long           status;      /* 0: no answer */
    const char    *why;         /* for people */
    uint64_t       wait_ms;     /* AGAIN: Retry-After, 0: it says nothing */
    long long      tokens;      /* of question and answer; 0: unknown */
};


/* chat_body writes what is posted */
void chat_body(struct buf *b, const struct chat_ask *ask);

/* chat_headers: how many; "Name: value", in b, which holds the key */
size_t chat_headers(struct buf *b, const struct conf_chat *chat,
    const char *out[CHAT_HEADERS_MAX]);

/* chat_bearer: the key where it travels as a token, else NULL */
const char *chat_bearer(const struct conf_chat *chat);

/* chat_judge: now in s since 1970, for a date in Retry-After; text is the
   caller's to free */
void chat_judge(const struct http_answer *http, struct str retry_after,
    const struct conf_chat *chat, long long now, struct chat_answer *out);

/* chat_label: the label that the answer names, else the default's number */
size_t chat_label(const struct conf_assistant *a, struct str answer,
    bool *known);

/* assistant_reply: an action as JSON, with the quick replies or without */
void assistant_reply(struct buf *b, const struct conf_assistant *a,
    struct str text, bool quick);

/* chat_trim: without white space around it; chat_first: its first characters,
   at most n */
struct str chat_trim(struct str text);
struct str chat_first(struct str text, size_t n);

/* of each format; where it is not CHAT_TEXT out->why says why */
void openai_body(struct buf *b, const struct chat_ask *ask);
void anthropic_body(struct buf *b, const struct chat_ask *ask);
struct json;
enum chat_rc openai_text(const struct json *root, struct buf *text,
    struct chat_answer *out);
enum chat_rc anthropic_text(const struct json *root, struct buf *text,
    struct chat_answer *out);


#endif /* ASSISTANT_H */
