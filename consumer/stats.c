/* What the process counts, and the same as Prometheus' text (0.0.4). */

#include "stats.h"
#include "json.h"


#define ROWS_MAX     300    /* 256 partitions, and more */
#define VALUE_MAX    208    /* of a label; names of lists have up to 200 */
#define ROW_NUMBERS  (STAT_LANE_TAKES - STAT_QUEUE_HELD)
#define BUCKETS_MAX  16

enum type {
    COUNTER,
    GAUGE,
    FIGURE      /* a gauge that nobody knows before it is set */
};

struct family {
    const char  *name;
    const char  *labels;    /* constant ones, NULL: none */
    enum type    type;
    const char  *help;      /* NULL: of the same name as the one before */
};

struct group {
    const char      *label;
    const char      *second;    /* label of what stands behind the value's
                                   first ":"; NULL: there is but one */
    enum stat_name    first;
    enum stat_name    end;
    size_t       rows;      /* ceiling, the last is "other" */
};

struct stat_row {
    enum stats_group  group;
    char              value[VALUE_MAX];
    long long         numbers[ROW_NUMBERS];
};

struct histogram {
    const char  *name;
    const char  *help;
    double       le[BUCKETS_MAX];   /* seconds, 0 ends them */
};


static const struct family  families[STAT_COUNT] = {
    [STAT_START] = { "meta_consumer_start_time_seconds", NULL, GAUGE,
        "When the process and its counters began." },
    [STAT_RELOADS] = { "meta_consumer_reloads_total", "result=\"good\"",
        COUNTER, "Configurations read again by SIGHUP." },
    [STAT_RELOADS_FAILED] = { "meta_consumer_reloads_total",
        "result=\"failed\"", COUNTER, NULL },
    [STAT_LOG_ERROR] = { "meta_consumer_log_lines_total",
        "level=\"error\"", COUNTER, "Lines written to the log." },
    [STAT_LOG_WARN] = { "meta_consumer_log_lines_total",
        "level=\"warn\"", COUNTER, NULL },
    [STAT_LOG_INFO] = { "meta_consumer_log_lines_total",
        "level=\"info\"", COUNTER, NULL },
    [STAT_LOG_DEBUG] = { "meta_consumer_log_lines_total",
        "level=\"debug\"", COUNTER, NULL },

    [STAT_REDIS_UP] = { "meta_consumer_redis_connections", NULL, GAUGE,
        "Connections to Redis that are ready." },
    [STAT_REDIS_CONNECTS] = { "meta_consumer_redis_connects_total", NULL,
        COUNTER, "Connections to Redis that became ready." },
    [STAT_REDIS_LOST] = { "meta_consumer_redis_lost_total", NULL, COUNTER,
        "Connections to Redis that were ready and went." },
    [STAT_REDIS_COMMANDS] = { "meta_consumer_redis_commands_total", NULL,
        COUNTER, "Commands sent to Redis." },
    [STAT_REDIS_ERRORS] = { "meta_consumer_redis_errors_total", NULL,
        COUNTER, "Error replies of Redis." },

    [STAT_GRAPH_OK] = { "meta_consumer_graph_calls_total", "result=\"ok\"",
        COUNTER, "Calls of the Graph API that ended, by result." },
    [STAT_GRAPH_ERROR] = { "meta_consumer_graph_calls_total",
        "result=\"error\"", COUNTER, NULL },
    [STAT_GRAPH_ANSWER] = { "meta_consumer_graph_calls_total",
        "result=\"answer\"", COUNTER, NULL },
    [STAT_GRAPH_UNREACHABLE] = { "meta_consumer_graph_calls_total",
        "result=\"unreachable\"", COUNTER, NULL },
    [STAT_GRAPH_AMBIGUOUS] = { "meta_consumer_graph_calls_total",
        "result=\"ambiguous\"", COUNTER, NULL },
    [STAT_GRAPH_RUNNING] = { "meta_consumer_graph_calls_running", NULL,
        GAUGE, "Calls of the Graph API that are under way." },
    [STAT_GRAPH_DRY] = { "meta_consumer_graph_calls_dry_total", NULL,
        COUNTER, "Calls that were left out because of dry_run." },
    [STAT_PATTERN_LIMITS] = { "meta_consumer_patterns_given_up_total", NULL,
        COUNTER, "Patterns of rules that took too long for a text or payload:"
        " they did not match." },
    [STAT_MEDIA_SAVED] = { "meta_consumer_media_total", "result=\"saved\"",
        COUNTER, "Media of events that were to be saved, by what came of"
        " it." },
    [STAT_MEDIA_AGAIN] = { "meta_consumer_media_total", "result=\"again\"",
        COUNTER, NULL },
    [STAT_MEDIA_REFUSED] = { "meta_consumer_media_total",
        "result=\"refused\"", COUNTER, NULL },
    [STAT_CLASS_RETRY] = { "meta_consumer_graph_errors_total",
        "class=\"retry\"", COUNTER, "Errors of the Graph API, by class." },
    [STAT_CLASS_WAIT] = { "meta_consumer_graph_errors_total",
        "class=\"wait\"", COUNTER, NULL },
    [STAT_CLASS_TOKEN] = { "meta_consumer_graph_errors_total",
        "class=\"token\"", COUNTER, NULL },
    [STAT_CLASS_NEVER] = { "meta_consumer_graph_errors_total",
        "class=\"never\"", COUNTER, NULL },
    [STAT_CLASS_OPERATOR] = { "meta_consumer_graph_errors_total",
        "class=\"operator\"", COUNTER, NULL },
    [STAT_FAILED_RETRY] = { "meta_consumer_messages_failed_total",
        "class=\"retry\"", COUNTER, "Messages that Meta took and failed later,"
        " by the error's class." },
    [STAT_FAILED_WAIT] = { "meta_consumer_messages_failed_total",
        "class=\"wait\"", COUNTER, NULL },
    [STAT_FAILED_TOKEN] = { "meta_consumer_messages_failed_total",
        "class=\"token\"", COUNTER, NULL },
    [STAT_FAILED_NEVER] = { "meta_consumer_messages_failed_total",
        "class=\"never\"", COUNTER, NULL },
    [STAT_FAILED_OPERATOR] = { "meta_consumer_messages_failed_total",
        "class=\"operator\"", COUNTER, NULL },
    [STAT_HTTP_CONNECTS] = { "meta_consumer_http_connects_total", NULL,
        COUNTER, "Connections opened to Graph and to handlers." },
    [STAT_HTTP_REUSED] = { "meta_consumer_http_reused_total", NULL, COUNTER,
        "Requests sent over a connection that was there." },

    [STAT_RESULTS] = { "meta_consumer_results_total", NULL, COUNTER,
        "Results pushed to the reply_to of jobs." },
    [STAT_JOBS_FAULTY] = { "meta_consumer_jobs_faulty_total", NULL, COUNTER,
        "Jobs that could not be read." },
    [STAT_AUTO_STOPS] = { "meta_consumer_conversations_stopped_total", NULL,
        COUNTER, "Conversations stopped after 20 automatic replies." },
    [STAT_AUTO_LEFT] = { "meta_consumer_replies_left_out_total", NULL,
        COUNTER, "Automatic replies left out: the conversation is stopped,"
        " or they would answer themselves." },
    [STAT_REFUSED_WINDOW] = { "meta_consumer_sends_refused_total",
        "why=\"window\"", COUNTER, "Sends that were known to fail." },
    [STAT_REFUSED_OPTOUT] = { "meta_consumer_sends_refused_total",
        "why=\"opted_out\"", COUNTER, NULL },
    [STAT_CONSUMERS] = { "meta_consumer_consumers", NULL, GAUGE,
        "Living consumers of this Redis, as last read; 0: not yet read." },
    [STAT_CLAIMS] = { "meta_consumer_claims_total", NULL, COUNTER,
        "Queues taken up to share the work." },
    [STAT_YIELDS] = { "meta_consumer_yields_total", NULL, COUNTER,
        "Queues given up to share the work." },
    [STAT_TOKEN_LOST] = { "meta_token_lost_total", NULL, COUNTER,
        "Tokens that Meta refuses: their accounts wait for new ones." },
    [STAT_TOKEN_REFRESHED] = { "meta_token_refreshed_total",
        "result=\"good\"", COUNTER,
        "Tokens that were to be renewed, by what came of it." },
    [STAT_TOKEN_DERIVED] = { "meta_token_refreshed_total",
        "result=\"derived\"", COUNTER, NULL },
    [STAT_TOKEN_NOT_REFRESHED] = { "meta_token_refreshed_total",
        "result=\"failed\"", COUNTER, NULL },
    [STAT_TOKEN_ALARMS] = { "meta_token_alarms_total", NULL, COUNTER,
        "Times that a token was found about to end and not renewed." },
    [STAT_TOKENS_GOOD] = { "meta_tokens", "state=\"good\"", GAUGE,
        "Tokens that are known, by whether they work." },
    [STAT_TOKENS_LOST] = { "meta_tokens", "state=\"lost\"", GAUGE, NULL },
    [STAT_TOKENS_LOCKED] = { "meta_tokens", "state=\"locked\"", GAUGE, NULL },

    [STAT_QUEUE_HELD] = { "meta_consumer_holds", NULL, GAUGE,
        "1 where this process holds the queue's lease." },
    [STAT_QUEUE_PAUSED] = { "meta_consumer_paused", NULL, GAUGE,
        "1 where the queue is paused." },
    [STAT_QUEUE_FULL] = { "meta_consumer_full", NULL, GAUGE,
        "1 where nothing is taken, for too many are dead or wait." },
    [STAT_QUEUE_WINDOW] = { "meta_consumer_window_events", NULL, GAUGE,
        "Events in the window of this process." },
    [STAT_QUEUE_WINDOW_BYTES] = { "meta_consumer_window_bytes", NULL, GAUGE,
        "Bytes of the events in the window of this process." },
    [STAT_QUEUE_SEEN_SINCE] = { "meta_consumer_seen_since_seconds", NULL,
        FIGURE, "Since when dedupe remembers what was worked." },
    [STAT_QUEUE_TAKEOVERS] = { "meta_consumer_takeovers_total", NULL,
        COUNTER, "Leases got, by this process." },
    [STAT_QUEUE_TAKEN] = { "meta_consumer_taken_total", NULL, COUNTER,
        "Events taken by this process." },
    [STAT_QUEUE_WORKED] = { "meta_consumer_ended_total",
        "outcome=\"worked\"", COUNTER,
        "Events that this process has ended, by outcome." },
    [STAT_QUEUE_UNMATCHED] = { "meta_consumer_ended_total",
        "outcome=\"unmatched\"", COUNTER, NULL },
    [STAT_QUEUE_DEAD] = { "meta_consumer_ended_total",
        "outcome=\"dead\"", COUNTER, NULL },
    [STAT_QUEUE_EXPIRED] = { "meta_consumer_ended_total",
        "outcome=\"expired\"", COUNTER, NULL },
    [STAT_QUEUE_DUPLICATE] = { "meta_consumer_ended_total",
        "outcome=\"duplicate\"", COUNTER, NULL },
    [STAT_QUEUE_RETRIED] = { "meta_consumer_retried_total", NULL, COUNTER,
        "Times that an event was put aside for a later try." },
    [STAT_QUEUE_PARKED] = { "meta_consumer_parked_total", NULL, COUNTER,
        "Times that an event was put aside behind another or a lane." },
    [STAT_QUEUE_AMBIGUOUS] = { "meta_consumer_ambiguous_total", NULL,
        COUNTER, "Calls of which nobody knows whether they were done." },
    [STAT_QUEUE_SUSPECTS] = { "meta_consumer_suspects_total", NULL, COUNTER,
        "Events worked alone because consumers died over them." },
    [STAT_QUEUE_LATE] = { "meta_consumer_late_total", NULL, COUNTER,
        "Rules and steps left out of events because of max_age." },

    [STAT_FIGURE_LENGTH] = { "meta_consumer_queue_events",
        "state=\"queued\"", FIGURE,
        "Events of the queue in Redis, by where they stand." },
    [STAT_FIGURE_URGENT] = { "meta_consumer_queue_events",
        "state=\"urgent\"", FIGURE, NULL },
    [STAT_FIGURE_INFLIGHT] = { "meta_consumer_queue_events",
        "state=\"inflight\"", FIGURE, NULL },
    [STAT_FIGURE_HELD] = { "meta_consumer_queue_events",
        "state=\"held\"", FIGURE, NULL },
    [STAT_FIGURE_RETRY] = { "meta_consumer_queue_events",
        "state=\"retry\"", FIGURE, NULL },
    [STAT_FIGURE_DEAD] = { "meta_consumer_queue_events",
        "state=\"dead\"", FIGURE, NULL },
    [STAT_FIGURE_ARRIVED] = { "meta_consumer_queue_arrived", NULL, FIGURE,
        "Events that arrived: taken, or still in the list." },
    [STAT_FIGURE_TAKEN] = { "meta_consumer_queue_taken", NULL, FIGURE,
        "Events taken: in flight, held, retry, dead, or done." },
    [STAT_FIGURE_WORKED] = { "meta_consumer_queue_done", "kind=\"worked\"",
        FIGURE, "Events of the queue that are done, by kind." },
    [STAT_FIGURE_DUPLICATE] = { "meta_consumer_queue_done",
        "kind=\"duplicate\"", FIGURE, NULL },
    [STAT_FIGURE_UNMATCHED] = { "meta_consumer_queue_done",
        "kind=\"unmatched\"", FIGURE, NULL },
    [STAT_FIGURE_EXPIRED] = { "meta_consumer_queue_done",
        "kind=\"expired\"", FIGURE, NULL },
    [STAT_FIGURE_DROPPED] = { "meta_consumer_queue_done",
        "kind=\"dropped\"", FIGURE, NULL },
    [STAT_FIGURE_OLDEST] = { "meta_consumer_queue_oldest_seconds",
        NULL, FIGURE, "Age of the event at the head of the list." },

    [STAT_LANE_TAKES] = { "meta_consumer_lane_calls_total", NULL, COUNTER,
        "Calls that lanes of this kind let through." },
    [STAT_LANE_WAITS] = { "meta_consumer_lane_waits_total", NULL, COUNTER,
        "Calls that lanes of this kind made wait." },
    [STAT_LANE_STOPS] = { "meta_consumer_lane_stops_total", NULL, COUNTER,
        "Times that Meta's answer stopped a lane of this kind." },
    [STAT_LANE_STOPPED] = { "meta_consumer_lanes_stopped", NULL, GAUGE,
        "Lanes of this kind that are stopped." },

    [STAT_HANDLER_ACTIONS] = { "meta_consumer_handler_calls_total",
        "answer=\"actions\"", COUNTER,
        "Calls of the handler, by what it answered." },
    [STAT_HANDLER_NOTHING] = { "meta_consumer_handler_calls_total",
        "answer=\"nothing\"", COUNTER, NULL },
    [STAT_HANDLER_FAULTY] = { "meta_consumer_handler_calls_total",
        "answer=\"faulty\"", COUNTER, NULL },
    [STAT_HANDLER_AGAIN] = { "meta_consumer_handler_calls_total",
        "answer=\"again\"", COUNTER, NULL },
    [STAT_HANDLER_REFUSED] = { "meta_consumer_handler_calls_total",
        "answer=\"refused\"", COUNTER, NULL },
    [STAT_HANDLER_OPEN] = { "meta_consumer_handler_open", NULL, GAUGE,
        "1 where the handler is left alone after ten failures." },

    [STAT_ASSISTANT_ANSWERED] = { "meta_consumer_assistant_events_total",
        "end=\"answered\"", COUNTER,
        "Events that the assistant was asked for, by how that ended." },
    [STAT_ASSISTANT_FALLBACK] = { "meta_consumer_assistant_events_total",
        "end=\"fallback\"", COUNTER, NULL },
    [STAT_ASSISTANT_PAUSED] = { "meta_consumer_assistant_events_total",
        "end=\"paused\"", COUNTER, NULL },
    [STAT_ENDPOINT_GOOD] = { "meta_consumer_endpoint_calls_total",
        "result=\"good\"", COUNTER,
        "Calls of an assistant's endpoint, by result." },
    [STAT_ENDPOINT_FAILED] = { "meta_consumer_endpoint_calls_total",
        "result=\"failed\"", COUNTER, NULL },
    [STAT_ENDPOINT_TOKENS] = { "meta_consumer_endpoint_tokens_total", NULL,
        COUNTER, "Tokens that the endpoint has counted." },
    [STAT_ENDPOINT_OPEN] = { "meta_consumer_endpoint_open", NULL, GAUGE,
        "1 where the endpoint is left alone after ten failures." },

    [STAT_CODE_ERRORS] = { "meta_consumer_graph_codes_total", NULL, COUNTER,
        "Errors of the Graph API, by code." },

    [STAT_REASON_DEAD] = { "meta_consumer_dead_total", NULL, COUNTER,
        "Dead letters that this process has written, by reason." },

    [STAT_REFUSED] = { "meta_consumer_refused", NULL, GAUGE,
        "1 where Redis refuses what this needs, or no key opens it." },

    [STAT_FLOW_CONNECTED] = { "meta_flows_total", "result=\"connected\"",
        COUNTER, "Logins and signups that ended, by kind and result." },
    [STAT_FLOW_FAILED] = { "meta_flows_total", "result=\"failed\"", COUNTER,
        NULL },
    [STAT_TOKEN_EXPIRES] = { "meta_token_expires_seconds", NULL, FIGURE,
        "How long until the token ends; of one that never does, nothing." },
    [STAT_TOKEN_GOOD] = { "meta_token_good", NULL, FIGURE,
        "1 where the token works as far as is known, 0 where it does not." },
};

static const struct group  groups[STATS_GROUPS] = {
    [STATS_QUEUE] = { "queue", NULL, STAT_QUEUE_HELD, STAT_LANE_TAKES,
        ROWS_MAX },
    [STATS_LANE] = { "lane", NULL, STAT_LANE_TAKES, STAT_HANDLER_ACTIONS, 32 },
    [STATS_HANDLER] = { "handler", NULL, STAT_HANDLER_ACTIONS,
        STAT_ASSISTANT_ANSWERED, 64 },
    [STATS_ASSISTANT] = { "assistant", NULL, STAT_ASSISTANT_ANSWERED,
        STAT_ENDPOINT_GOOD, 32 },
    [STATS_ENDPOINT] = { "endpoint", NULL, STAT_ENDPOINT_GOOD,
        STAT_CODE_ERRORS, 64 },
    [STATS_CODE] = { "code", NULL, STAT_CODE_ERRORS, STAT_REASON_DEAD, 200 },
    [STATS_REASON] = { "reason", NULL, STAT_REASON_DEAD, STAT_REFUSED, 64 },
    [STATS_REFUSED] = { "what", NULL, STAT_REFUSED, STAT_FLOW_CONNECTED, 8 },
    [STATS_FLOW] = { "kind", NULL, STAT_FLOW_CONNECTED, STAT_TOKEN_EXPIRES, 8 },
    [STATS_TOKEN] = { "kind", "account", STAT_TOKEN_EXPIRES, STAT_COUNT,
        ROWS_MAX },
};

static const struct histogram  histograms[TIME_COUNT] = {
    [TIME_CALL] = { "meta_consumer_graph_call_seconds",
        "How long calls of the Graph API took.",
        { .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30 } },
    [TIME_HANDLER] = { "meta_consumer_handler_call_seconds",
        "How long calls of handlers took.",
        { .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10 } },
    [TIME_ASSISTANT] = { "meta_consumer_endpoint_call_seconds",
        "How long calls of assistants' endpoints took.",
        { .1, .25, .5, 1, 2, 3, 5, 10, 20, 30, 60 } },
    [TIME_REDIS] = { "meta_consumer_redis_command_seconds",
        "How long commands waited for Redis' reply.",
        { .0001, .00025, .0005, .001, .0025, .005, .01, .05, .25, 1, 5 } },
    [TIME_AGE] = { "meta_consumer_event_age_seconds",
        "How old events were when their work ended.",
        { .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300, 3600, 21600, 86400 } },
    [TIME_FLOW] = { "meta_flow_seconds",
        "How long logins and signups took, from the code to the end.",
        { .25, .5, 1, 2.5, 5, 10, 20, 30, 60, 120 } },
};

static long long  numbers[STAT_QUEUE_HELD];

static struct {
    struct stat_row  rows[ROWS_MAX];
    size_t           n;
} tables[STATS_GROUPS];

static struct {
    unsigned long long  counts[BUCKETS_MAX];    /* the last: over all */
    double              sum;
} times[TIME_COUNT];


/* stat_add: for what has no label that is chosen while it runs */
void stat_add(enum stat_name stat, long long n)
{
    if (stat < STAT_QUEUE_HELD) {
        numbers[stat] += n;
    }
}


/* stat_set sets a gauge */
void stat_set(enum stat_name stat, long long n)
{
    if (stat < STAT_QUEUE_HELD) {
        numbers[stat] = n;
    }
}


/* stat_get: for who decides by it */
long long stat_get(enum stat_name stat)
{
    return stat < STAT_QUEUE_HELD ? numbers[stat] : 0;
}


static void row_unknown(struct stat_row *row)
{
    enum stat_name       i;
    const struct group  *g = &groups[row->group];

    for (i = g->first; i < g->end; i++) {
        if (families[i].type == FIGURE) {
            row->numbers[i - g->first] = STAT_UNKNOWN;
        }
    }
}


/* stats_unknown: nobody has said them yet, or nobody says them any more */
void stats_unknown(enum stats_group group)
{
    size_t  i;

    for (i = 0; i < tables[group].n; i++) {
        row_unknown(&tables[group].rows[i]);
    }
}


static struct stat_row *row_new(enum stats_group group, const char *value)
{
    size_t            n = strlen(value);
    struct stat_row  *row = &tables[group].rows[tables[group].n++];

    row->group = group;
    memcpy(row->value, value, n < VALUE_MAX ? n : VALUE_MAX - 1);
    row_unknown(row);

    return row;
}


/* stat_row finds or makes the numbers of a label value */
struct stat_row *stat_row(enum stats_group group, const char *value)
{
    size_t            i, n = tables[group].n, max = groups[group].rows;
    struct stat_row  *rows = tables[group].rows;

    for (i = 0; i < n; i++) {
        if (strncmp(rows[i].value, value, VALUE_MAX - 1) == 0) {
            return &rows[i];
        }
    }

    if (n == max) {
        return &rows[max - 1];
    }

    return row_new(group, n == max - 1 ? "other" : value);
}


static long long *row_number(const struct stat_row *row, enum stat_name stat)
{
    const struct group  *g;

    if (row == NULL) {
        return NULL;
    }

    g = &groups[row->group];

    return stat >= g->first && stat < g->end
           ? (long long *) &row->numbers[stat - g->first] : NULL;
}


/* stat_row_add: for what has a label */
void stat_row_add(struct stat_row *row, enum stat_name stat, long long n)
{
    long long  *number = row_number(row, stat);

    if (number != NULL) {
        *number += n;
    }
}


/* stat_row_set sets a gauge that has a label */
void stat_row_set(struct stat_row *row, enum stat_name stat, long long n)
{
    long long  *number = row_number(row, stat);

    if (number != NULL) {
        *number = n;
    }
}


/* stat_row_get: 0 where the row has no such number */
long long stat_row_get(const struct stat_row *row, enum stat_name stat)
{
    long long  *number = row_number(row, stat);

    return number != NULL ? *number : 0;
}


/* stat_time counts one that took so long */
void stat_time(enum stat_time time, double ms)
{
    size_t                   i = 0;
    const struct histogram  *h = &histograms[time];

    if (ms < 0) {
        ms = 0;         /* clocks of two machines */
    }

    while (i < BUCKETS_MAX - 1 && h->le[i] > 0 && ms > h->le[i] * 1000) {
        i++;
    }

    times[time].counts[i]++;
    times[time].sum += ms / 1000;
}


static void write_head(struct buf *b, const char *name, const char *type,
    const char *help)
{
    buf_format(b, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}


/* as the format wants a label's value */
static void write_value(struct buf *b, const char *value, const char *end)
{
    for (; value < end; value++) {
        if (*value == '\n') {
            buf_text(b, "\\n");
            continue;
        }

        if (*value == '\\' || *value == '"') {
            buf_text(b, "\\");
        }

        buf_add(b, value, 1);
    }
}


static void write_number(struct buf *b, const struct family *f,
    const char *label, const char *second, const char *value, long long n)
{
    const char  *end;

    if (f->type != COUNTER && n == STAT_UNKNOWN) {
        return;
    }

    buf_text(b, f->name);

    if (label != NULL) {
        end = value + (second != NULL ? strcspn(value, ":") : strlen(value));
        buf_format(b, "{%s=\"", label);
        write_value(b, value, end);
        if (second != NULL) {
            buf_format(b, "\",%s=\"", second);
            end += *end == ':';
            write_value(b, end, end + strlen(end));
        }
        buf_format(b, "\"%s%s}", f->labels != NULL ? "," : "",
                   f->labels != NULL ? f->labels : "");

    } else if (f->labels != NULL) {
        buf_format(b, "{%s}", f->labels);
    }

    buf_format(b, " %lld\n", n);
}


/* the numbers of one name, which the format wants together */
static void write_family(struct buf *b, enum stat_name from, enum stat_name to,
    enum stats_group group)
{
    size_t               i;
    enum stat_name       stat;
    const struct group  *g = &groups[group];
    struct stat_row     *rows;

    write_head(b, families[from].name,
               families[from].type == COUNTER ? "counter" : "gauge",
               families[from].help);

    if (group == STATS_GROUPS) {
        for (stat = from; stat < to; stat++) {
            write_number(b, &families[stat], NULL, NULL, NULL, numbers[stat]);
        }
        return;
    }

    rows = tables[group].rows;
    for (i = 0; i < tables[group].n; i++) {
        for (stat = from; stat < to; stat++) {
            write_number(b, &families[stat], g->label, g->second,
                         rows[i].value, rows[i].numbers[stat - g->first]);
        }
    }
}


static void write_times(struct buf *b, enum stat_time time)
{
    size_t                   i;
    unsigned long long       n = 0;
    const struct histogram  *h = &histograms[time];

    write_head(b, h->name, "histogram", h->help);

    for (i = 0; i < BUCKETS_MAX - 1 && h->le[i] > 0; i++) {
        n += times[time].counts[i];
        buf_format(b, "%s_bucket{le=\"%g\"} %llu\n", h->name, h->le[i], n);
    }

    n += times[time].counts[i];
    buf_format(b, "%s_bucket{le=\"+Inf\"} %llu\n%s_sum %.6f\n%s_count %llu\n",
               h->name, n, h->name, times[time].sum, h->name, n);
}


static enum stats_group group_of(enum stat_name stat)
{
    enum stats_group  group = 0;

    while (group < STATS_GROUPS
           && (stat < groups[group].first || stat >= groups[group].end))
    {
        group++;
    }

    return group;
}


/* stats_marked appends the label values whose number is above zero */
size_t stats_marked(struct buf *b, enum stat_name stat)
{
    size_t              i, n = 0;
    enum stats_group    group = group_of(stat);
    struct stat_row    *row = tables[group].rows;

    for (i = 0; i < tables[group].n; i++, row++) {
        if (row->numbers[stat - groups[group].first] > 0) {
            buf_text(b, n++ ? "," : "");
            json_quote(b, STR(row->value));
        }
    }

    return n;
}


/* stats_write appends all that is counted */
void stats_write(struct buf *b)
{
    enum stat_name    stat, end;
    enum stat_time    time;
    enum stats_group  group;

    for (stat = 0; stat < STAT_COUNT; stat = end) {
        for (end = stat + 1;
             end < STAT_COUNT && families[end].help == NULL; end++)
        {
            /* void */
        }

        group = group_of(stat);
        if (group == STATS_GROUPS || tables[group].n) {
            write_family(b, stat, end, group);
        }
    }

    for (time = 0; time < TIME_COUNT; time++) {
        write_times(b, time);
    }
}
