/* A connection to Redis that waits for each reply, with deadlines: with
   ctl_redis_tls.c the only files of metactl that know hiredis' connections. */

#include "ctl.h"
#include "ctl_redis_tls.h"
#include "tls.h"

#include <stdlib.h>
#include <sys/time.h>

#include <hiredis/hiredis.h>


#define DB_CONNECT_MS  5000
#define DB_MS          10000


struct db {
    redisContext               *redis;
    struct tls                 *tls;        /* NULL: without */
    const struct redis_target  *target;
    redisReply                **replies;    /* until db_forget */
    size_t                      n;
    size_t                      room;
};


static struct timeval db_time(unsigned ms)
{
    return (struct timeval) { ms / 1000, ms % 1000 * 1000 };
}


static redisContext *db_connect(const struct redis_target *t)
{
    struct timeval  ms = db_time(DB_CONNECT_MS);

    return t->path != NULL ? redisConnectUnixWithTimeout(t->path, ms)
           : redisConnectWithTimeout(t->host, (int) t->port, ms);
}


/* nothing is sent before it is known who it is */
static bool db_verify(struct db *db)
{
    if (db->redis == NULL || db->redis->err || !db->target->tls) {
        return db->redis != NULL && db->redis->err == 0;
    }

    redisSetTimeout(db->redis, db_time(DB_CONNECT_MS));
    db->tls = ctl_tls_new(db->redis, db->target);

    return db->tls != NULL;
}


/* AUTH, then SELECT; NULL if both are good */
static const struct reply *db_handshake(struct db *db, const char **what)
{
    char                 number[16];
    struct ask          *w = mem_alloc(sizeof(*w));
    const struct reply  *reply = NULL;

    if (db->target->password != NULL) {
        ask_text(w, "AUTH");
        if (db->target->user != NULL) {
            ask_text(w, db->target->user);
        }
        ask_text(w, db->target->password);
        *what = "AUTH";
        reply = db_ask(db, w, DB_MS);
    }

    if (db->redis->err == 0 && db->target->db
        && (reply == NULL || !reply_is_error(reply)))
    {
        w->n = 0;
        snprintf(number, sizeof(number), "%u", db->target->db);
        ask_text(w, "SELECT");
        ask_text(w, number);
        *what = "SELECT";
        reply = db_ask(db, w, DB_MS);
    }

    free(w);

    return reply != NULL && reply_is_error(reply) ? reply : NULL;
}


/* db_open connects and says who we are */
struct db *db_open(const struct redis_target *target, struct buf *why)
{
    char                 code[REPLY_WHY_MAX];
    struct db           *db = mem_alloc(sizeof(*db));
    const char          *what = "connect";
    const struct reply  *refused;

    db->target = target;
    db->redis = db_connect(target);

    if (!db_verify(db)) {
        buf_text(why, db->redis == NULL ? "out of memory"
                      : db->redis->errstr);
        db_close(db);
        return NULL;
    }

    refused = db_handshake(db, &what);

    if (refused != NULL || db->redis->err) {
        buf_format(why, "%s: %s", what,
                   refused != NULL ? reply_why(code, refused)
                   : db->redis->errstr);
        db_close(db);
        return NULL;
    }

    return db;
}


/* db_close ends the connection; NULL is fine */
void db_close(struct db *db)
{
    if (db != NULL) {
        db_forget(db);
        free(db->replies);
        if (db->redis != NULL) {
            redisFree(db->redis);
        }
        tls_free(db->tls);
        free(db);
    }
}


/* db_forget releases all replies */
void db_forget(struct db *db)
{
    while (db->n) {
        freeReplyObject(db->replies[--db->n]);
    }
}


/* db_ask sends one command and waits for its reply */
const struct reply *db_ask(struct db *db, const struct ask *w, unsigned ms)
{
    void        *reply;
    size_t       i, len[DB_WORDS_MAX];
    const char  *argv[DB_WORDS_MAX];

    for (i = 0; i < w->n; i++) {
        argv[i] = w->at[i].at;
        len[i] = w->at[i].len;
    }

    if (db->redis->err
        || redisSetTimeout(db->redis, db_time(ms ? ms : DB_MS)) != REDIS_OK)
    {
        return NULL;
    }

    reply = db->tls != NULL
            ? ctl_tls_ask(db->redis, db->tls, (int) w->n, argv, len)
            : redisCommandArgv(db->redis, (int) w->n, argv, len);
    if (reply == NULL) {
        return NULL;
    }

    if (db->n == db->room) {
        db->room = db->room * 2 + 16;
        db->replies = mem_grow(db->replies,
                               db->room * sizeof(*db->replies));
    }

    db->replies[db->n++] = reply;

    return reply;
}
