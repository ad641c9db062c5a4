/*
 * metactl: whatever Redis answers, a command ends, prints nothing that steers
 * a terminal, and with --json prints JSON.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <hiredis/hiredis.h>

#include "consumer/ctl_doctor.h"
#include "consumer/limits.h"
#include "consumer/redis.h"


#define check(condition)  ((condition) ? (void) 0 : abort())

#define REPLIES_MAX  256


struct db {
    struct redisReader  *reader;
    void                *replies[REPLIES_MAX];
    size_t               n;
};


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int __lsan_is_turned_off(void);


static const struct {
    int         (*run)(struct ctl *c);
    const char   *arg;
} commands[] = {
    { run_status, "q" }, { run_status, NULL }, { run_queue, "q" },
    { run_dead_list, NULL }, { run_dead_show, "1" },
    { run_dead_requeue, NULL }, { run_dead_requeue, "1" },
    { run_dead_drop, NULL }, { run_pause, "q" }, { run_resume, "q" },
    { run_send, NULL }, { run_message, "m_1" }, { run_doctor, NULL },
    { run_rules_test, "m_1" }, { run_replay, NULL }, { run_top, "q" }
};

#define COMMANDS  (sizeof(commands) / sizeof(commands[0]))

static const char  text[] =
    "redis: \"127.0.0.1:1\"\n"
    "queues: [{name: q}, {name: j, kind: jobs}]\n"
    "rules:\n"
    "  - when: {product: messenger, kind: message}\n"
    "    do: [{push: {list: mine}}]\n"
    "push_lists: [mine]\n";

static jmp_buf       out;
static struct db    *edge;
static struct conf  *conf;


/* a command that fails ends at once, and leaves what it holds to the system */
int __lsan_is_turned_off(void)
{
    return 1;
}


void ctl_fail(int code, const char *format, ...)
{
    char     said[4096];
    va_list  args;

    va_start(args, format);
    vsnprintf(said, sizeof(said), format, args);
    va_end(args);

    check(code != CTL_GOOD);
    longjmp(out, 1);
}


void ctl_redis(struct ctl *c)
{
    (void) c;
}


void ctl_read(const char *file, struct buf *b)
{
    ctl_fail(CTL_NOTHING, "%s%zu", file, b->len);
}


struct db *db_open(const struct redis_target *target, struct buf *why)
{
    (void) target;
    (void) why;

    longjmp(out, 1);
}


void db_close(struct db *db)
{
    (void) db;
}


void db_forget(struct db *db)
{
    while (db->n) {
        freeReplyObject(db->replies[--db->n]);
    }
}


void limits_key(unsigned char key[16], const struct conf *ours)
{
    (void) ours;
    memset(key, 1, 16);
}


bool doctor_net(struct doctor *d)
{
    (void) d;

    return true;
}


const char *ctl_post(const char *url, const char *ca_file,
    const char *header, struct str body, long *status, struct buf *answer)
{
    (void) url, (void) ca_file, (void) header, (void) body;
    (void) status, (void) answer;

    return "nobody is asked";
}


long long ctl_date(const char *url, const char *ca_file)
{
    (void) url, (void) ca_file;

    return -1;
}


/* the next reply of the input; behind the last the connection goes */
const struct reply *db_ask(struct db *db, const struct ask *w, unsigned ms)
{
    void    *reply = NULL;
    size_t   i, n = 0;

    (void) ms;

    for (i = 0; i < w->n; i++) {
        n += w->at[i].len == 0 || w->at[i].at[w->at[i].len - 1] != '\0';
    }

    if (n == 0 || db->n == REPLIES_MAX
        || redisReaderGetReply(db->reader, &reply) != REDIS_OK
        || reply == NULL)
    {
        return NULL;
    }

    db->replies[db->n++] = reply;

    return reply;
}


/* what nginx says of itself comes in between, as a string */
const char *ctl_get(const char *url, const char *ca_file, struct buf *answer)
{
    struct ask           w = { .at = { STR(url) }, .n = 1 };
    const struct reply  *reply = db_ask(edge, &w, 0);

    (void) ca_file;
    buf_init(answer, 1024 * 1024);

    if (reply == NULL) {
        return "no answer";
    }

    buf_str(answer, reply_str(reply));

    return NULL;
}


static void fuzz_conf(void)
{
    int   fd = memfd_create("conf", 0);
    char  file[32], error[CONF_ERROR_MAX];

    check(fd >= 0 && write(fd, text, sizeof(text) - 1) > 0);
    snprintf(file, sizeof(file), "/proc/self/fd/%d", fd);
    conf = conf_load(file, false, error);
    if (conf == NULL) {
        fprintf(stderr, "%s\n", error);
    }
    check(conf != NULL);
    close(fd);

    log_level(LOG_ERROR);
    log_key(NULL, 0);
}


/* 0x9b and the like steer as well, in UTF-8 behind 0xc2 */
static void fuzz_printed(const char *at, size_t len, bool json)
{
    size_t  i;

    for (i = 0; i < len; i++) {
        check((unsigned char) at[i] >= ' ' || at[i] == '\n');
        check(at[i] != 0x7f);
        check(at[i] != (char) 0xc2 || i + 1 == len
              || (unsigned char) at[i + 1] >= 0xa0);
    }

    check(!json || len == 0 || json_valid(at, len));
}


static void fuzz_run(struct ctl *c, size_t which)
{
    if (setjmp(out) == 0) {
        (void) commands[which].run(c);
    }
}


/* one byte: the command, and its upper bit --json; then what Redis says */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char        *printed = NULL, *args[1];
    FILE        *screen = stdout;
    size_t       len = 0, which;
    struct db    db = { .n = 0 };
    struct ctl   c = { .db = &db };

    if (size == 0) {
        return 0;
    }

    if (conf == NULL) {
        fuzz_conf();
    }

    edge = &db;
    which = data[0] % 128 % COMMANDS;
    args[0] = (char *) commands[which].arg;

    c.conf = conf;
    c.args = args;
    c.nargs = args[0] != NULL;
    c.opts = (struct opts) {
        .file = "consumer.yaml", .json = data[0] >= 128, .all = true,
        .account = "118", .to = "7", .text = "hello", .wait = "1s",
        .since = "1000", .count = "1"
    };

    if (args[0] == NULL) {
        c.opts.edge = "http://edge";
    }

    if (commands[which].run != run_send && commands[which].run != run_replay) {
        c.opts.account = c.opts.to = NULL;
    }

    db.reader = reply_reader();
    redisReaderFeed(db.reader, (const char *) data + 1, size - 1);

    stdout = open_memstream(&printed, &len);
    fuzz_run(&c, which);
    fclose(stdout);
    stdout = screen;

    fuzz_printed(printed, len, c.opts.json);
    free(printed);
    db_forget(&db);
    redisReaderFree(db.reader);

    return 0;
}
