/* Lanes: what a call needs room on before it leaves.  Names, presets of their
   rates.  Pure. */

#ifndef LANE_H
#define LANE_H

#include "mem.h"

#include <stdint.h>


#define LANE_NAME_MAX  128

enum lane_kind {
    LANE_APP,           /* app:ID               calls in the app's name */
    LANE_TOKEN,         /* token:HASH */
    LANE_USER,          /* user:HASH            a user token's own quota */
    LANE_PHONE,         /* phone:ID             messages of a WhatsApp number */
    LANE_PAIR,          /* pair:ID:HASH         ... to one person */
    LANE_RECIPIENT,     /* recipient:ID:HASH    Page or account to one person */
    LANE_PAGE,          /* page:ID              messages of a Page */
    LANE_INSTAGRAM,     /* instagram:ID         messages of an account */
    LANE_MEDIA,         /* media:ID             ... with audio or video */
    LANE_CONVERSATIONS, /* conversations:ID     the Conversations API */
    LANE_PRIVATE,       /* private:ID           private replies */
    LANE_LIVE,          /* live:ID              ... to live comments */
    LANE_FEED,          /* feed:ID              all else of a Page */
    LANE_LEADS,         /* leads:ID             leads of a Page */
    LANE_WABA,          /* waba:ID              management, templates */
    LANE_TEMPLATE,      /* template:ID:NAME     ID of the WABA or number */
    LANE_AD,            /* ad:ID                of an ad account: management */
    LANE_INSIGHTS,      /* insights:ID          ... reports */
    LANE_AUDIENCE,      /* audience:ID          ... custom audiences */
    LANE_KINDS
};

struct rate {
    double  per_s;      /* 0: no rate of its own, only stops and usage */
    double  burst;      /* calls that an idle lane lets through at once */
    double  window_s;   /* 0, or: a burst must be over after so long, and is
                           paid back whole before the next call */
};

struct lane {
    enum lane_kind  kind;
    char            name[LANE_NAME_MAX];
    double          per_s;
    double          burst;
    double          window_s;
    double          cost;       /* 1; a batch counts each of its calls */
};


const char *lane_kind_name(enum lane_kind kind);
int lane_kind_find(const char *name);               /* -1: none */
const struct rate *lane_preset(enum lane_kind kind);

/* lane_set fills all: id is the account's (digits; made harmless and cut if
   it is not), or the token where the kind is TOKEN or USER; who is the person
   (PAIR, RECIPIENT) or the template's name, else NONE */
void lane_set(struct lane *lane, const struct rate rates[LANE_KINDS],
    const unsigned char key[16], enum lane_kind kind, struct str id,
    struct str who);

/* lane_key_make: the key of hashes, the same wherever the secret is */
void lane_key_make(unsigned char key[16], struct str secret);

/* lane_account: the account's id in a name, NONE where it names none */
struct str lane_account(const struct lane *lane);

/* lane_named: which lane of a call a row of the error table stops; NULL */
const struct lane *lane_named(const struct lane *lanes, size_t n,
    const char *word);


#endif /* LANE_H */
