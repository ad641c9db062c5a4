/* Media of events as files: what Meta holds is asked for, checked, and there
   whole or not at all.

   Also for programs other than meta-consumer: whoever has a loop makes a graph
   (graph_new) and runs the loop until the callback has come. */

#ifndef MEDIA_FETCH_H
#define MEDIA_FETCH_H

#include "event.h"
#include "graph.h"


enum fetch_rc {
    FETCH_SAVED,        /* the file is there */
    FETCH_AGAIN,        /* not now; later it may be */
    FETCH_REFUSED       /* never, however often it is tried */
};

/* an id is asked for its URL with the token, which goes along to that URL as
   well; without an id the URL is fetched as it is, without a token */
struct fetch_order {
    const struct conf_token  *token;    /* conf's; for an id */
    const struct conf_app    *app;      /* for the proof; NULL: none */
    struct str                number;   /* phone number id; empty: any */
    struct str                id;
    struct str                url;
    struct str                sha256;   /* as it came, base64 or hex; empty:
                                           nobody knows */
    const char               *path;     /* of the file to be, NAME.ENDING */
    bool                      typed;    /* ENDING is that of the answer's
                                           Content-Type, where it has one */
    size_t                    max;      /* bytes */
};

struct fetch_answer {
    enum fetch_rc  rc;
    const char    *why;         /* where it was not saved */
    long           status;      /* the last one; 0: none */
    size_t         bytes;
    long long      wait_ms;     /* AGAIN: what Meta says; 0: nothing */
};

/* the answer lives until the callback returns */
typedef void (*fetch_cb)(void *data, const struct fetch_answer *answer);


/* fetch_start copies what it needs and holds conf; cb is called once, where
   nothing needs to be asked before fetch_start returns */
void fetch_start(struct graph *graph, struct conf *conf,
    const struct fetch_order *order, fetch_cb cb, void *data);

/* fetch_ending: what people call a file of that type, parameters of it aside;
   NULL: it is none of ours */
const char *fetch_ending(struct str type);

/* fetch_ending_at: one after another, then NULL */
const char *fetch_ending_at(size_t i);

/* fetch_leave ends those whose file waits for the disk as FETCH_AGAIN, before
   graph_free, which ends the others; the loop must run once more */
void fetch_leave(void);

/* fetch_url_good: https:// to a host of Meta's for media, or where the
   configuration sends calls; nothing else is asked, token or not */
bool fetch_url_good(const struct conf *conf, struct str url);

/* fetch_hash_fits: of 32 bytes, in hex or base64; what is neither fits none */
bool fetch_hash_fits(const unsigned char hash[32], struct str text);


#endif /* MEDIA_FETCH_H */
