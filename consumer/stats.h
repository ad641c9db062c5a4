/* What the process counts: one table of numbers, read by metrics.c.  One
   thread, no allocation, no lock: adding to a number is adding to a number. */

#ifndef STATS_H
#define STATS_H

#include "mem.h"


/* the table in stats.c has a line for each: name, labels, type, help; and
   docs/metrics.md one for each name.  Those of a group stand together */
enum stat_name {
    STAT_START,                 /* seconds since 1970 */
    STAT_RELOADS,
    STAT_RELOADS_FAILED,
    STAT_LOG_ERROR,             /* lines, by level; log.c counts */
    STAT_LOG_WARN,
    STAT_LOG_INFO,
    STAT_LOG_DEBUG,

    STAT_REDIS_UP,              /* connections that are ready now */
    STAT_REDIS_CONNECTS,
    STAT_REDIS_LOST,
    STAT_REDIS_COMMANDS,
    STAT_REDIS_ERRORS,          /* error replies */

    STAT_GRAPH_OK,              /* calls, by what became of them */
    STAT_GRAPH_ERROR,
    STAT_GRAPH_ANSWER,
    STAT_GRAPH_UNREACHABLE,
    STAT_GRAPH_AMBIGUOUS,
    STAT_GRAPH_RUNNING,
    STAT_GRAPH_DRY,             /* not made: dry_run */
    STAT_PATTERN_LIMITS,        /* of rules, given up */
    STAT_MEDIA_SAVED,
    STAT_MEDIA_AGAIN,
    STAT_MEDIA_REFUSED,
    STAT_CLASS_RETRY,           /* Graph's errors, by class */
    STAT_CLASS_WAIT,
    STAT_CLASS_TOKEN,
    STAT_CLASS_NEVER,
    STAT_CLASS_OPERATOR,
    STAT_FAILED_RETRY,          /* messages that failed later, likewise */
    STAT_FAILED_WAIT,
    STAT_FAILED_TOKEN,
    STAT_FAILED_NEVER,
    STAT_FAILED_OPERATOR,
    STAT_HTTP_CONNECTS,         /* connections that libcurl opened */
    STAT_HTTP_REUSED,           /* requests over one that was there */

    STAT_RESULTS,               /* pushed to a job's reply_to */
    STAT_JOBS_FAULTY,
    STAT_AUTO_STOPS,            /* conversations that were stopped */
    STAT_AUTO_LEFT,             /* answers left out */
    STAT_REFUSED_WINDOW,        /* sends that were known to fail */
    STAT_REFUSED_OPTOUT,
    STAT_CONSUMERS,             /* alive now, this one included */
    STAT_CLAIMS,                /* queues taken up and given up to share */
    STAT_YIELDS,
    STAT_TOKEN_LOST,            /* tokens that Meta refuses from now on */
    STAT_TOKEN_REFRESHED,       /* tokens to be renewed, by what came of it */
    STAT_TOKEN_DERIVED,
    STAT_TOKEN_NOT_REFRESHED,
    STAT_TOKEN_ALARMS,          /* looks at one that is about to end */
    STAT_TOKENS_GOOD,           /* now, of all that are known */
    STAT_TOKENS_LOST,
    STAT_TOKENS_LOCKED,

    /* of a queue: stat_row(STATS_QUEUE, name) */
    STAT_QUEUE_HELD,            /* 1: the lease is ours */
    STAT_QUEUE_PAUSED,
    STAT_QUEUE_FULL,            /* dead_max or waiting_max is reached */
    STAT_QUEUE_WINDOW,
    STAT_QUEUE_WINDOW_BYTES,
    STAT_QUEUE_SEEN_SINCE,      /* how far back dedupe remembers */
    STAT_QUEUE_TAKEOVERS,
    STAT_QUEUE_TAKEN,           /* by this process, each as it ends */
    STAT_QUEUE_WORKED,
    STAT_QUEUE_UNMATCHED,
    STAT_QUEUE_DEAD,
    STAT_QUEUE_EXPIRED,
    STAT_QUEUE_DUPLICATE,
    STAT_QUEUE_RETRIED,         /* went to {Q}:retry */
    STAT_QUEUE_PARKED,          /* went to {Q}:held */
    STAT_QUEUE_AMBIGUOUS,
    STAT_QUEUE_SUSPECTS,
    STAT_QUEUE_LATE,            /* rules and steps, by max_age */

    /* of a queue, as Redis has it: figures.lua; metrics.c sets them */
    STAT_FIGURE_LENGTH,
    STAT_FIGURE_URGENT,
    STAT_FIGURE_INFLIGHT,
    STAT_FIGURE_HELD,
    STAT_FIGURE_RETRY,
    STAT_FIGURE_DEAD,
    STAT_FIGURE_ARRIVED,
    STAT_FIGURE_TAKEN,
    STAT_FIGURE_WORKED,
    STAT_FIGURE_DUPLICATE,
    STAT_FIGURE_UNMATCHED,
    STAT_FIGURE_EXPIRED,
    STAT_FIGURE_DROPPED,
    STAT_FIGURE_OLDEST,         /* s, age of the head of Q */

    /* of lanes of a kind: stat_row(STATS_LANE, "phone") */
    STAT_LANE_TAKES,            /* went through at once */
    STAT_LANE_WAITS,
    STAT_LANE_STOPS,            /* by Meta's word or headers */
    STAT_LANE_STOPPED,          /* now */

    /* of a handler: stat_row(STATS_HANDLER, name) */
    STAT_HANDLER_ACTIONS,       /* calls, by their answer */
    STAT_HANDLER_NOTHING,
    STAT_HANDLER_FAULTY,
    STAT_HANDLER_AGAIN,
    STAT_HANDLER_REFUSED,
    STAT_HANDLER_OPEN,          /* 1: the breaker is */

    /* of an assistant: stat_row(STATS_ASSISTANT, name) */
    STAT_ASSISTANT_ANSWERED,    /* by what is done for a label */
    STAT_ASSISTANT_FALLBACK,
    STAT_ASSISTANT_PAUSED,      /* a person answers */

    /* of an endpoint: stat_row(STATS_ENDPOINT, "desk/writer") */
    STAT_ENDPOINT_GOOD,
    STAT_ENDPOINT_FAILED,
    STAT_ENDPOINT_TOKENS,
    STAT_ENDPOINT_OPEN,         /* 1: the breaker is */

    /* of an error code of Graph's: stat_row(STATS_CODE, "131047") */
    STAT_CODE_ERRORS,

    /* of a reason of dead letters: stat_row(STATS_REASON, "expired") */
    STAT_REASON_DEAD,

    /* of what Redis refuses us, mostly by its ACL: stat_row(STATS_REFUSED,
       "limits"), "pauses", "people" or "logins"; or what no key of
       token_key_file opens: "tokens", "codes" */
    STAT_REFUSED,

    /* of a kind of login: stat_row(STATS_FLOW, "facebook") */
    STAT_FLOW_CONNECTED,
    STAT_FLOW_FAILED,

    /* of a token: stat_row(STATS_TOKEN, "page:118734502290164") */
    STAT_TOKEN_EXPIRES,         /* s until it ends */
    STAT_TOKEN_GOOD,            /* 0: it is lost, or no key opens it */

    STAT_COUNT
};

/* label values of a group are kept for as long as the process runs, up to a
   ceiling; what comes after is counted under "other" */
enum stats_group {
    STATS_QUEUE,
    STATS_LANE,
    STATS_HANDLER,
    STATS_ASSISTANT,
    STATS_ENDPOINT,
    STATS_CODE,
    STATS_REASON,
    STATS_REFUSED,
    STATS_FLOW,
    STATS_TOKEN,
    STATS_GROUPS
};

/* times, each with buckets of its own */
enum stat_time {
    TIME_CALL,          /* a Graph call, from its start to its answer */
    TIME_HANDLER,
    TIME_ASSISTANT,
    TIME_REDIS,         /* a command, from its sending to its reply */
    TIME_AGE,           /* an event when its work ends, from received_at on */
    TIME_FLOW,          /* a login, from its record to its end */
    TIME_COUNT
};

struct stat_row;

/* a gauge with this value is left out: nobody knows it */
#define STAT_UNKNOWN  (-1)


void stat_add(enum stat_name stat, long long n);
void stat_set(enum stat_name stat, long long n);

/* stat_row: the numbers of one label value, found or made; keep the pointer
   where that is easy, it stays good.  A NULL row counts nothing */
struct stat_row *stat_row(enum stats_group group, const char *value);
void stat_row_add(struct stat_row *row, enum stat_name stat, long long n);
void stat_row_set(struct stat_row *row, enum stat_name stat, long long n);

/* stats_unknown: of the group, every gauge that is unknown before it is set */
void stats_unknown(enum stats_group group);

/* stats_marked appends the label values whose number is above zero, as JSON
   strings; returns how many */
size_t stats_marked(struct buf *b, enum stat_name stat);

void stat_time(enum stat_time time, double ms);

long long stat_get(enum stat_name stat);
long long stat_row_get(const struct stat_row *row, enum stat_name stat);

/* stats_write: all of them in Prometheus' text format */
void stats_write(struct buf *b);


#endif /* STATS_H */
