/* metactl doctor: what Redis is worth: version, persistence, memory, role. */

#include "ctl_doctor.h"

#include <stdlib.h>


#define INFO_MAX  128


/* INFO SECTION; false: refused */
static bool info_read(struct doctor *d, const char *section, struct str *info)
{
    struct ask          *w = mem_alloc(sizeof(*w));
    const struct reply  *r;

    ask_text(w, "INFO");
    ask_text(w, section);
    r = db_ask(d->c->db, w, 0);
    free(w);

    if (r == NULL) {
        ctl_fail(CTL_REDIS, "INFO: the connection to Redis went");
    }

    *info = reply_is_error(r) ? NONE : reply_str(r);

    return !reply_is_error(r);
}


/* "name:value" on a line of its own */
static const char *info_get(char out[INFO_MAX], struct str info,
    const char *name)
{
    size_t       n, len = strlen(name);
    const char  *end = info.at + info.len, *p = info.at;

    out[0] = '\0';

    while (p < end) {
        if ((size_t) (end - p) > len && memcmp(p, name, len) == 0
            && p[len] == ':')
        {
            p += len + 1;
            for (n = 0; p + n < end && p[n] != '\r' && p[n] != '\n'; n++) {
                /* its value */
            }
            snprintf(out, INFO_MAX, "%.*s", (int) (n < 127 ? n : 127), p);
            return out;
        }

        p = memchr(p, '\n', end - p);
        p = p == NULL ? end : p + 1;
    }

    return out;
}


static void redis_version(struct doctor *d, struct str info)
{
    char  version[INFO_MAX];
    long  major = strtol(info_get(version, info, "redis_version"), NULL, 10);

    doctor_say(d, major >= 7 ? LEVEL_OK : LEVEL_BAD, "Redis",
               major >= 7 ? NULL : "7.0 is needed: the scripts say what they"
               " do where memory is full", "version %s", version);
}


/* CONFIG GET; NULL: not for this user to know */
static const char *redis_config(struct doctor *d, const char *name,
    char out[INFO_MAX])
{
    struct ask          *w = mem_alloc(sizeof(*w));
    struct str           s;
    const struct reply  *r;

    ask_text(w, "CONFIG");
    ask_text(w, "GET");
    ask_text(w, name);
    r = db_ask(d->c->db, w, 0);
    free(w);

    if (r == NULL || reply_is_error(r) || reply_count(r) != 2) {
        return NULL;
    }

    s = reply_str(reply_at(r, 1));
    snprintf(out, INFO_MAX, "%.*s", (int) (s.len < 127 ? s.len : 127), s.at);

    return out;
}


/* MISCONF: where snapshots are kept, Redis takes nothing after one failed */
static void redis_snapshot(struct doctor *d, struct str info)
{
    bool         goes_on;
    char         value[INFO_MAX];
    const char  *is;

    info_get(value, info, "rdb_last_bgsave_status");
    if (value[0] == '\0' || strcmp(value, "ok") == 0) {
        return;
    }

    is = redis_config(d, "stop-writes-on-bgsave-error", value);
    goes_on = is != NULL && strcmp(is, "no") == 0;
    if (!goes_on) {
        is = redis_config(d, "save", value);
        goes_on = is != NULL && is[0] == '\0';
    }

    doctor_say(d, goes_on ? LEVEL_WARN : LEVEL_BAD, "persistence",
               "is its disk full, may it write there? Redis's log says more;"
               " BGSAVE tries again", "its last snapshot failed%s",
               goes_on ? "" : ": it refuses writes (MISCONF)");
}


static void redis_persistence(struct doctor *d, struct str info)
{
    char         value[INFO_MAX], fsync[INFO_MAX];
    const char  *policy;

    redis_snapshot(d, info);

    if (strcmp(info_get(value, info, "aof_enabled"), "1") != 0) {
        doctor_say(d, LEVEL_BAD, "persistence", "appendonly yes, and"
                   " appendfsync always or everysec; or meta_ack disk",
                   "no append-only file: a restart loses what was"
                   " acknowledged%s", d->c->conf->token_keys != NULL
                   ? ", and all stored tokens" : "");
        return;
    }

    if (strcmp(info_get(value, info, "aof_last_write_status"), "ok") != 0) {
        doctor_say(d, LEVEL_BAD, "persistence", "is the disk full? Redis's"
                   " log says more", "the append-only file cannot be"
                   " written: it refuses writes (MISCONF)");
        return;
    }

    policy = redis_config(d, "appendfsync", fsync);

    if (policy == NULL) {
        doctor_say(d, LEVEL_WARN, "persistence", "allow +config|get, or look"
                   " yourself", "append-only file, how often it is synced is"
                   " not for this user to know");
    } else if (strcmp(policy, "always") == 0) {
        doctor_say(d, LEVEL_OK, "persistence", NULL, "append-only file,"
                   " synced before each answer");
    } else {
        doctor_say(d, LEVEL_WARN, "persistence", "appendfsync always, if that"
                   " is too much", "append-only file, appendfsync %s: a crash"
                   " of the machine loses %s", policy,
                   strcmp(policy, "everysec") == 0 ? "about a second"
                   : "what the system had not written");
    }
}


static void redis_memory(struct doctor *d, struct str info)
{
    char       policy[INFO_MAX], value[INFO_MAX];
    long long  max, used;

    info_get(policy, info, "maxmemory_policy");
    max = strtoll(info_get(value, info, "maxmemory"), NULL, 10);
    used = strtoll(info_get(value, info, "used_memory"), NULL, 10);

    if (max == 0) {
        doctor_say(d, LEVEL_OK, "memory", NULL, "no maxmemory, %lld MB used",
                   used >> 20);
        return;
    }

    if (strcmp(policy, "noeviction") != 0) {
        doctor_say(d, strncmp(policy, "allkeys", 7) == 0 ? LEVEL_BAD
                   : LEVEL_WARN, "eviction", "maxmemory-policy noeviction",
                   "%s: where memory is full Redis drops %s", policy,
                   strncmp(policy, "allkeys", 7) == 0 ? "the queue itself"
                   : "what dedupe and results need");
    } else {
        doctor_say(d, LEVEL_OK, "eviction", NULL, "noeviction");
    }

    doctor_say(d, used >= max ? LEVEL_BAD
               : used / 10 * 10 >= max / 10 * 9 ? LEVEL_WARN : LEVEL_OK,
               "memory", used / 10 * 10 >= max / 10 * 9 ? "more maxmemory, or"
               " let the queue run empty" : NULL,
               "%lld MB of %lld MB used", used >> 20, max >> 20);
}


static void redis_role(struct doctor *d, struct str info)
{
    char  role[INFO_MAX];
    bool  master = strcmp(info_get(role, info, "role"), "master") == 0;

    doctor_say(d, master ? LEVEL_OK : LEVEL_BAD, "role", master ? NULL
               : "name the master: a replica takes nothing", "it is a %s",
               role);
}


/* doctor_redis asks INFO, section by section */
void doctor_redis(struct doctor *d)
{
    size_t      i;
    struct str  info;
    static const struct {
        const char  *section;
        void       (*look)(struct doctor *, struct str);
    } sections[] = {
        { "server", redis_version }, { "replication", redis_role },
        { "persistence", redis_persistence }, { "memory", redis_memory }
    };

    for (i = 0; i < sizeof(sections) / sizeof(sections[0]); i++) {
        if (!info_read(d, sections[i].section, &info)) {
            doctor_say(d, LEVEL_WARN, "Redis", "allow +info, or look"
                       " yourself", "version, persistence and memory are not"
                       " for this user to know");
            return;
        }

        sections[i].look(d, info);
    }
}
