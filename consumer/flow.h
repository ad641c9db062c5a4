/* Flows: somebody who logs in, from the code that the edge pushed to a stored
   token (meta-graph-oauth-ads-capi.md 2 and 3), and WhatsApp numbers that are
   connected by a token that is there. */

#ifndef FLOW_H
#define FLOW_H

#include "flow_read.h"
#include "flow_say.h"
#include "graph.h"
#include "token.h"


#define FLOWS_MAX  64       /* at once */


struct flows;
struct flow;

/* what became of what a job or an event asked for; the texts live until
   the callback returns */
struct flow_end {
    enum flow_error        error;       /* FLOW_GOOD: done */
    const char            *step;        /* where it failed */
    struct str             accounts;    /* JSON, as the status page has it */
    const struct verdict  *verdict;     /* Meta's, where it refused; or NULL */
};

typedef void (*flow_cb)(void *data, const struct flow_end *end);

/* a token that a program has, and the number it is for */
struct flow_number_order {
    struct str  token;
    struct str  pin;            /* empty: none is known */
    struct str  phone;
    struct str  waba;
    struct str  tenant;         /* empty: it stays whose it is */
};


/* flows_new: redis is shared, and must outlive it; conf->store must be there */
struct flows *flows_new(struct graph *graph, struct redis *redis,
    struct conf *conf);
void flows_conf(struct flows *flows, struct conf *conf);    /* a reload */

/* flow_now: ms since 1970, by our clock */
long long flow_now(void);

/* flows_room: one more may begin; on_room is called when that comes true */
bool flows_room(const struct flows *flows);
void flows_on_room(struct flows *flows, void (*cb)(void *data), void *data);

/* flows_order begins what a record of meta:auth asks for; it copies what it
   needs.  Where it is too old, or cannot be opened, the flow has failed */
void flows_order(struct flows *flows, const struct flow_order *order);

/* flows_number begins to connect a number for a job; flow_forget: nobody waits
   for it any more, and its cb is not called.  NULL: no room */
struct flow *flows_number(struct flows *flows,
    const struct flow_number_order *order, flow_cb cb, void *data);
void flow_forget(struct flow *flow);

/* flows_partner: Meta's word that a WABA is shared with us, or no more
   (reference 3.4: PARTNER_ADDED, PARTNER_REMOVED); app: whose webhook says it,
   empty: it is not known.  Done twice it changes nothing.  NULL: no room */
struct flow *flows_partner(struct flows *flows, bool added, struct str app,
    struct str waba, struct str business, flow_cb cb, void *data);

/* flows_drain: cb is called once nothing is under way, perhaps at once */
void flows_drain(struct flows *flows, void (*cb)(void *data), void *data);

/* flows_leave: what is under way has failed; before graph_free.  flows_free
   after that */
void flows_leave(struct flows *flows);
void flows_free(struct flows *flows);


#endif /* FLOW_H */
