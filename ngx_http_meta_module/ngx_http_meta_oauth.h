
/*
 * What the files of logins share: the directives by which a business connects
 * its accounts in its browser, the pages that it sees, and the few functions
 * that cross files.
 *
 *   login      a signed link -> state, cookie -> Meta's dialog
 *   callback   state, cookie, code -> sealed, pushed once -> the flow's page
 *   flow       what the consumer says of it, as a page and as JSON
 */


#ifndef _NGX_HTTP_META_OAUTH_H_INCLUDED_
#define _NGX_HTTP_META_OAUTH_H_INCLUDED_


#include "meta/meta_base64.h"
#include "meta/meta_seal.h"
#include "meta/meta_state.h"
#include "meta/meta_link.h"
#include "ngx_http_meta_module.h"


#define NGX_HTTP_META_CODE_MAX    4096      /* of a code, unescaped */
#define NGX_HTTP_META_SCOPES_MAX  2048      /* of granted_scopes, unescaped */
#define NGX_HTTP_META_URI_MAX     512       /* of a configured URL */
#define NGX_HTTP_META_EXTRAS_MAX  2048      /* of a file of extras */
#define NGX_HTTP_META_STATE_TIME  600       /* seconds */
#define NGX_HTTP_META_FLOW_TIME   3600      /* as long as its hash; cookies */
#define NGX_HTTP_META_SIGNUP_EVENT  64      /* of its name */
#define NGX_HTTP_META_FLOW_LATE   90        /* seconds without a step */
#define NGX_HTTP_META_FLOW_QUIET  60        /* seconds between lines of it */
#define NGX_HTTP_META_FLOW_ROOM   (64 * 1024)   /* of a flow's fields */


typedef enum {
    NGX_HTTP_META_FACEBOOK = 0,
    NGX_HTTP_META_BUSINESS,
    NGX_HTTP_META_INSTAGRAM
} ngx_http_meta_kind_t;


/* meta_oauth_app */
typedef struct {
    ngx_str_t                   name;
    ngx_str_t                   id;
    ngx_uint_t                  kind;       /* ngx_http_meta_kind_t */
    ngx_str_t                   dialog;     /* up to "client_id=ID" */
    ngx_str_t                   scope;      /* empty: of kind=business */
    ngx_str_t                   query;      /* "&scope=...", escaped */
} ngx_http_meta_oauth_app_t;


typedef struct {
    ngx_array_t                 apps;       /* ngx_http_meta_oauth_app_t */
    ngx_array_t                 returns;    /* ngx_str_t: redirect URIs */
    ngx_array_t                 callbacks;  /* ngx_str_t: exact locations */
    ngx_uint_t                  inexact;    /* callbacks of other locations */
} ngx_http_meta_oauth_main_conf_t;


typedef struct {
    meta_seal_key_t            *elts;       /* the first seals */
    ngx_uint_t                  nelts;
} ngx_http_meta_keys_t;


/* meta_embedded_signup; what is empty was not said */
typedef struct {
    ngx_str_t                   config_id;
    ngx_str_t                   version;
    ngx_str_t                   extras;     /* JSON, once it is ready */
    ngx_str_t                   graph;
    ngx_str_t                   sdk;
    ngx_str_t                   origin;     /* of the SDK's window */

    ngx_str_t                   name;       /* what a state names */
    ngx_str_t                   json;       /* for the page's script */
    ngx_str_t                   scripts;    /* where the SDK comes from */
    ngx_str_t                   hosts;      /* what it may speak to */
} ngx_http_meta_signup_conf_t;


typedef struct {
    ngx_http_handler_pt         handler;    /* that answers here, if ours */
    ngx_str_t                   directive;  /* its name */

    ngx_str_t                   login;      /* the name of an app */
    ngx_http_meta_oauth_app_t  *app;
    ngx_http_meta_signup_conf_t
                               *signup;
    ngx_str_t                   redirect_uri;
    ngx_str_t                   done;
    ngx_flag_t                  open;
    ngx_array_t                *link_keys;  /* meta_str_t */
    ngx_http_meta_keys_t       *token_keys;
} ngx_http_meta_oauth_loc_conf_t;


/* what a state that came back says */
typedef struct {
    ngx_str_t                   flow;
    ngx_str_t                   name;
    ngx_str_t                   ref;
} ngx_http_meta_login_t;


/* a page that says one thing */
typedef enum {
    NGX_HTTP_META_NOTE_LINK = 0,    /* unsigned, or altered */
    NGX_HTTP_META_NOTE_EXPIRED,     /* the link */
    NGX_HTTP_META_NOTE_STATE,       /* forged, or another browser's */
    NGX_HTTP_META_NOTE_LATE,        /* the state */
    NGX_HTTP_META_NOTE_USED,
    NGX_HTTP_META_NOTE_DENIED,
    NGX_HTTP_META_NOTE_UNKNOWN,     /* a flow */
    NGX_HTTP_META_NOTE_METHOD,
    NGX_HTTP_META_NOTE_AGAIN,       /* Redis is away: nothing was used */
    NGX_HTTP_META_NOTE_ERROR
} ngx_http_meta_note_page_t;


/* what {{name}} in a template stands for; all of it is escaped */
typedef struct {
    ngx_str_t                   name;
    ngx_str_t                   value;
} ngx_http_meta_field_t;


typedef struct {
    ngx_uint_t                  status;
    u_char                     *text;       /* the template, with a zero */
    ngx_http_meta_field_t      *fields;     /* end with an empty name */
    ngx_str_t                  *sdk;        /* scripts' origin, or NULL */
    ngx_str_t                  *hosts;      /* what these may speak to */
    char                       *opener;     /* policy; NULL: same-origin */
} ngx_http_meta_page_t;


/* an event for meta:auth, and what the flow's page shows until it is worked */
typedef struct {
    ngx_str_t                   once;       /* "used": one push each */
    ngx_str_t                   flow;
    ngx_str_t                   step;
    ngx_str_t                   text;
    ngx_str_t                   error;
    ngx_str_t                   name;
    ngx_str_t                   kind;
    ngx_str_t                   ref;
    ngx_str_t                   app;
    ngx_str_t                   state;      /* by which its browser is known */
    ngx_str_t                   event;      /* JSON; empty: nothing to push */
} ngx_http_meta_auth_t;


typedef enum {
    NGX_HTTP_META_AUTH_AWAY = 0,    /* nothing was used: try again */
    NGX_HTTP_META_AUTH_USED,        /* it was before, or nobody asked for it */
    NGX_HTTP_META_AUTH_PUSHED
} ngx_http_meta_auth_answer_t;


/* members of what a signup's page posts */
enum {
    NGX_HTTP_META_S_STATE = 0,
    NGX_HTTP_META_S_CODE,
    NGX_HTTP_META_S_EVENT,
    NGX_HTTP_META_S_WABA,
    NGX_HTTP_META_S_PHONE,
    NGX_HTTP_META_S_BUSINESS,
    NGX_HTTP_META_S_PIN,
    NGX_HTTP_META_S_COUNT
};


typedef struct {
    ngx_str_t                v[NGX_HTTP_META_S_COUNT];
    ngx_http_meta_login_t    login;
    ngx_http_meta_auth_t     auth;
} ngx_http_meta_signup_t;


/*
 * What to do with an answer: its return value finalizes the request.  reply is
 * NULL where none came, text has a line for each string of it.
 */
typedef ngx_int_t (*ngx_http_meta_asked_pt)(ngx_http_request_t *r, void *data,
    ngx_http_meta_reply_t *reply, ngx_str_t *text);
typedef ngx_int_t (*ngx_http_meta_auth_pt)(ngx_http_request_t *r, void *data,
    ngx_http_meta_auth_answer_t answer);


extern ngx_module_t  ngx_http_meta_oauth_module;

/* in the order of ngx_http_meta_kind_t */
extern ngx_str_t     ngx_http_meta_oauth_kinds[];


/* ngx_http_meta_oauth_module.c */

/* for a directive that answers in its location, with a page of ours */
char *ngx_http_meta_oauth_answers(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf, ngx_http_handler_pt handler);
ngx_http_meta_oauth_app_t *ngx_http_meta_oauth_named(
    ngx_http_meta_oauth_main_conf_t *momcf, ngx_str_t *name);

/* ngx_http_meta_oauth_conf.c: what directives take */

char *ngx_http_meta_oauth_app(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
/* a directive's NAME=VALUE from args[first] on, into the ngx_str_t's of words;
 * names ends with an empty one, known is what the error tells of */
typedef struct {
    ngx_str_t                  name;        /* "id=" */
    size_t                     offset;
} ngx_http_meta_word_t;

char *ngx_http_meta_oauth_words(ngx_conf_t *cf, ngx_uint_t first,
    ngx_http_meta_word_t *names, void *words, const char *known);
char *ngx_http_meta_oauth_url(ngx_conf_t *cf, void *post, void *data);
char *ngx_http_meta_oauth_extras(ngx_conf_t *cf, ngx_str_t *path,
    ngx_str_t *json);
ngx_int_t ngx_http_meta_oauth_check_version(ngx_str_t *version);
ngx_uint_t ngx_http_meta_escape_len(ngx_str_t *text);
u_char *ngx_http_meta_escape(u_char *p, ngx_str_t *text);

/* ngx_http_meta_oauth_keys.c */

char *ngx_http_meta_link_keys(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_http_meta_token_keys(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

/*
 * ngx_http_meta_oauth_params.c: a query, or a form.  values[i] is what names[i]
 * has, unescaped; data NULL: it is not there.  NGX_DECLINED: one of them is
 * there twice, or is no text.
 */

ngx_int_t ngx_http_meta_params(ngx_pool_t *pool, ngx_str_t *query,
    ngx_str_t *names, ngx_str_t *values, ngx_uint_t n);
ngx_int_t ngx_http_meta_is_text(ngx_str_t *s);

/* text as a string of JSON, quotes included; room: 6 * len + 2 */
u_char *ngx_http_meta_json_string(u_char *p, ngx_str_t *text);

/* ngx_http_meta_oauth_link.c: who may begin */

/* NGX_OK: ref is his; NGX_DECLINED: note is what he is told */
ngx_int_t ngx_http_meta_link(ngx_http_request_t *r, ngx_str_t *ref,
    ngx_http_meta_note_page_t *note);

/* ngx_http_meta_oauth_state.c: the login that a browser is in */

/*
 * A flow of its own, its state, good for so many seconds, and the cookie that
 * the browser is to keep.
 */
ngx_int_t ngx_http_meta_state_begin(ngx_http_request_t *r, ngx_str_t *name,
    ngx_str_t *ref, time_t lives, ngx_str_t *flow, ngx_str_t *state);

/* NGX_OK; NGX_DECLINED: not ours, or another browser's; NGX_ABORT: too late */
ngx_int_t ngx_http_meta_state_check(ngx_http_request_t *r, ngx_str_t *state,
    ngx_http_meta_login_t *login);

/* of a flow, good for so many seconds */
ngx_int_t ngx_http_meta_state_write(ngx_http_request_t *r,
    ngx_http_meta_login_t *login, time_t lives, ngx_str_t *state);

ngx_int_t ngx_http_meta_is_flow(ngx_str_t *flow);

/* ngx_http_meta_oauth_cookie.c: by which a browser is known */

/* NGX_DECLINED: there is none */
ngx_int_t ngx_http_meta_cookie_get(ngx_http_request_t *r, ngx_str_t *cookie);

/* the one that is there: a second tab must not end the login of the first */
ngx_int_t ngx_http_meta_cookie_set(ngx_http_request_t *r, ngx_str_t *cookie);

/* ngx_http_meta_oauth_auth.c: a code on its way */

/* wipes the code, whatever it answers */
ngx_int_t ngx_http_meta_auth_seal(ngx_http_request_t *r, ngx_str_t *flow,
    ngx_str_t *code, ngx_str_t *sealed);

/* as ngx_http_meta_ask() */
ngx_int_t ngx_http_meta_auth_push(ngx_http_request_t *r,
    ngx_http_meta_auth_t *auth, ngx_http_meta_auth_pt handler, void *data);

/* ngx_http_meta_oauth_ask.c: one command to Redis, for a request */

/*
 * NGX_DONE: handler will be called, and the request is held by one of its
 * counts, which the caller has taken; anything else: nobody was asked.  What
 * asks for strings has room for them, and tells nothing of pushes being taken.
 */
ngx_int_t ngx_http_meta_ask(ngx_http_request_t *r, const meta_str_t *argv,
    ngx_uint_t argc, size_t room, ngx_http_meta_asked_pt handler, void *data);

/* NGX_DECLINED: it is known to be away */
ngx_int_t ngx_http_meta_ask_ready(ngx_http_request_t *r);

/* ngx_http_meta_login.c, ngx_http_meta_callback.c, ngx_http_meta_flow.c */

ngx_int_t ngx_http_meta_login_handler(ngx_http_request_t *r);
ngx_int_t ngx_http_meta_callback_handler(ngx_http_request_t *r);
ngx_int_t ngx_http_meta_flow_handler(ngx_http_request_t *r);

/* the flow's page in a location that has others too */
ngx_int_t ngx_http_meta_flow(ngx_http_request_t *r, ngx_str_t *flow);

/* 303 to meta_oauth_done, or to the flow's own page; and where that is */
ngx_int_t ngx_http_meta_flow_redirect(ngx_http_request_t *r, ngx_str_t *flow);
ngx_int_t ngx_http_meta_flow_url(ngx_http_request_t *r, ngx_str_t *flow,
    ngx_str_t *url);

/* whether what the page says is wanted as JSON */
ngx_uint_t ngx_http_meta_wants_json(ngx_http_request_t *r);

/* ngx_http_meta_signup_conf.c, ngx_http_meta_signup.c */

char *ngx_http_meta_embedded_signup(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
ngx_int_t ngx_http_meta_signup_ready(ngx_conf_t *cf,
    ngx_http_meta_signup_conf_t *signup);
ngx_int_t ngx_http_meta_signup_handler(ngx_http_request_t *r);

/*
 * Its page again, for a flow on its way, of which the page shows what is known;
 * NGX_DECLINED: by the state that was kept it is not this browser's.
 */
ngx_int_t ngx_http_meta_signup_again(ngx_http_request_t *r, ngx_str_t *flow,
    ngx_str_t *state, ngx_str_t *known);

/* ngx_http_meta_signup_read.c; 0: it comes from elsewhere */
ngx_uint_t ngx_http_meta_signup_own(ngx_http_request_t *r);

/* NGX_DECLINED: that is not what the page sends */
ngx_int_t ngx_http_meta_signup_read(ngx_http_request_t *r,
    ngx_http_meta_signup_t *s, meta_str_t body);

/* ngx_http_meta_deletion.c */

char *ngx_http_meta_deletion_status(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
ngx_int_t ngx_http_meta_deletion_handler(ngx_http_request_t *r);

/* ngx_http_meta_page.c: what people see */

ngx_int_t ngx_http_meta_page_send(ngx_http_request_t *r,
    ngx_http_meta_page_t *page);
ngx_int_t ngx_http_meta_redirect(ngx_http_request_t *r, ngx_uint_t status,
    ngx_str_t *url);

/* the bytes that are sent are the request's, or constant */
ngx_int_t ngx_http_meta_send_bytes(ngx_http_request_t *r, ngx_uint_t status,
    char *type, ngx_str_t *bytes);

/* NGX_OK: it is GET or HEAD, and its body goes; else the answer */
ngx_int_t ngx_http_meta_get_only(ngx_http_request_t *r, char *allow);

/* what HEAD gets where GET would begin or use something */
ngx_int_t ngx_http_meta_head_only(ngx_http_request_t *r);

/* ngx_http_meta_note.c */

ngx_int_t ngx_http_meta_note(ngx_http_request_t *r,
    ngx_http_meta_note_page_t note, ngx_str_t *link);
ngx_int_t ngx_http_meta_connect_page(ngx_http_request_t *r,
    ngx_uint_t status, ngx_str_t *look, ngx_str_t *title, ngx_str_t *text,
    ngx_str_t *button, ngx_str_t *link, ngx_str_t *state);


#endif /* _NGX_HTTP_META_OAUTH_H_INCLUDED_ */
