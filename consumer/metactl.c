/* metactl: shows and repairs what meta-consumer works on; the command line
   and the table of commands (docs/metactl.md). */

#include "ctl_meta.h"
#include "token.h"
#include "version.h"

#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>


#define CONF_FILE     "/etc/meta/consumer.yaml"
#define CTL_FAIL_MAX  4096

#define DEAD_OPTIONS                                                          \
    OPT_QUEUE | OPT_REASON | OPT_ACCOUNT | OPT_CODE | OPT_SINCE | OPT_LIMIT
#define CALL_OPTIONS                                                          \
    OPT_ACCOUNT | OPT_WABA | OPT_PRODUCT | OPT_PARAMS | OPT_DRY_RUN
#define BOTH  NEEDS_CONF | NEEDS_REDIS
#define MANY  ((size_t) -1)


static const struct command commands[] = {
    { "status", run_status, OPT_EDGE, 0, 1, BOTH, "[QUEUE] [--edge URL]",
      "how the queues stand, and whether all is accounted for" },
    { "top", run_top, OPT_EDGE | OPT_INTERVAL | OPT_COUNT, 0, 1, BOTH,
      "[QUEUE] [--interval 1s] [--count N]",
      "the same, live, with rates; q quits, p pauses the picture" },
    { "queue", run_queue, OPT_LIMIT, 0, 1, BOTH, "[QUEUE] [--limit N]",
      "what waits, since when, and for which accounts" },
    { "dead list", run_dead_list, DEAD_OPTIONS | OPT_SUMMARY, 0, 1, BOTH,
      "[QUEUE] [FILTERS] [--summary]",
      "dead letters, the oldest first, or what they have in common" },
    { "dead show", run_dead_show, OPT_QUEUE, 1, 1, BOTH, "ID",
      "one of them whole" },
    { "dead requeue", run_dead_requeue, DEAD_OPTIONS | OPT_ALL | OPT_DRY_RUN,
      0, MANY, BOTH, "[ID ...] [FILTERS] [--all] [--dry-run]",
      "puts them at their queue's tail; what was done stays done" },
    { "dead drop", run_dead_drop, DEAD_OPTIONS | OPT_ALL | OPT_DRY_RUN,
      0, MANY, BOTH, "[ID ...] [FILTERS] [--all] [--dry-run]",
      "deletes them, and counts them as dropped" },
    { "pause", run_pause, OPT_FOR | OPT_WHY, 1, 1, BOTH,
      "QUEUE|LANE|ACCOUNT [--for 1h] [--why TEXT]",
      "nothing of it is worked until resumed, or the time is over" },
    { "resume", run_resume, 0, 1, 1, BOTH, "QUEUE|LANE|ACCOUNT",
      "ends a pause, and of a lane also a stop" },
    { "conversation list", run_conversation_list, OPT_LIMIT, 0, 0, BOTH,
      "[--limit N]", "those that are paused or stopped now" },
    { "conversation show", run_conversation_show, 0, 1, 1, BOTH,
      "PRODUCT:ACCOUNT:PERSON",
      "whether a person answers it, its tags and its turns" },
    { "conversation pause", run_conversation_pause, OPT_FOR, 1, 1, BOTH,
      "PRODUCT:ACCOUNT:PERSON [--for 12h]",
      "assistants and rules of bots leave it to people" },
    { "conversation resume", run_conversation_resume, 0, 1, 1, BOTH,
      "PRODUCT:ACCOUNT:PERSON", "they answer again" },
    { "conversation forget", run_conversation_forget, 0, 1, 1, BOTH,
      "PRODUCT:ACCOUNT:PERSON", "deletes its pause, tags and turns" },
    { "forget", run_forget, OPT_DRY_RUN, 1, 1, BOTH,
      "PRODUCT:ACCOUNT:PERSON | ID | +NUMBER [--dry-run]",
      "deletes what is kept of a person, but a wish for no marketing" },
    { "deletion list", run_deletion_list, OPT_LIMIT, 0, 0, BOTH,
      "[--limit N]", "whose data Meta asked to be deleted, and how far it is" },
    { "deletion show", run_deletion_show, 0, 1, 1, BOTH, "CODE",
      "one of them" },
    { "deletion done", run_deletion_done, OPT_TEXT, 1, 1, BOTH,
      "CODE [--text TEXT]", "your programs have deleted their part" },
    { "deletion refuse", run_deletion_refuse, OPT_TEXT, 1, 1, BOTH,
      "CODE --text TEXT", "some of it has to be kept; the person reads why" },
    { "send", run_send, OPT_ACCOUNT | OPT_TO | OPT_TEXT | OPT_DO | OPT_ID
      | OPT_QUEUE | OPT_HIGH | OPT_NOT_BEFORE | OPT_EXPIRES | OPT_KEY
      | OPT_IDEMPOTENCY | OPT_WAIT, 0, 1, BOTH,
      "--account ID --to ID --text TEXT | --do JSON | FILE [--wait]",
      "puts a job onto the outbox" },
    { "message", run_message, OPT_ACCOUNT, 1, 1, BOTH, "ID [--account ID]",
      "where an event or job is, and what became of it" },
    { "token list", run_token, 0, 0, 0, NEEDS_CONF, "",
      "all tokens, masked: whose, until when, and whether they work" },
    { "token show", run_token_show, 0, 1, 1, NEEDS_CONF, "KIND:ID",
      "all that is known of one, but itself" },
    { "token add", run_token_add, OPT_KIND | OPT_ACCOUNT | OPT_WABA
      | OPT_TENANT | OPT_DRY_RUN, 0, 1, BOTH,
      "[FILE] [--kind KIND] [--account ID] [--waba ID] [--tenant T]",
      "stores a token of a file, or of standard input" },
    { "token remove", run_token_remove, 0, 1, MANY, BOTH, "KIND:ID ...",
      "forgets it; what goes by it fails from then on" },
    { "token exchange", run_token_exchange, OPT_IN | OPT_TENANT, 0, 1, BOTH,
      "KIND:ID | --in FILE [--tenant T]",
      "renews it now; or stores what a pasted one is exchanged for" },
    { "token check", run_token_check, 0, 0, MANY, NEEDS_CONF, "[KIND:ID ...]",
      "asks Meta now whether they work, until when and for what" },
    { "token rekey", run_token_rekey, 0, 0, 0, BOTH, "",
      "seals all by the first key of token_key_file" },
    { "token key", run_token_key, 0, 0, 0, 0, "",
      "prints a new key for token_key_file or link_key_file" },
    { "token login-url", run_token_login_url, OPT_REF | OPT_EXPIRES | OPT_URL
      | OPT_AGAIN, 0, 0, NEEDS_CONF,
      "[--ref TEXT] [--expires 1h] [--url URL]\n"
      "                   [--again rerequest|reauthorize]",
      "a signed link by which somebody connects an account" },
    { "doctor", run_doctor, OPT_EDGE | OPT_URL | OPT_NGINX | OPT_OFFLINE, 0, 0,
      NEEDS_CONF, "[--edge URL] [--url URL] [--nginx[=FILE]] [--offline]",
      "looks for what is wrong, and says what to do" },
    { "explain", run_explain, OPT_PRODUCT, 1, 1, 0,
      "CODE[/SUBCODE] | http/STATUS | WORD [--product NAME]",
      "what an error of Meta means, and what to do" },
    { "rules test", run_rules_test, 0, 1, 1, NEEDS_CONF, "FILE|ID",
      "which rules match an event, and what they would do" },
    { "replay", run_replay, OPT_QUEUE | OPT_SINCE | OPT_UNTIL | OPT_ACCOUNT
      | OPT_TO | OPT_LIMIT | OPT_DRY_RUN | OPT_ALL, 0, 0, BOTH,
      "--since TIME [--until TIME] [--account ID] [--to LIST]",
      "runs kept events again" },
    { "graph", run_graph, CALL_OPTIONS, 0, MANY, NEEDS_CONF,
      "[NAME | METHOD PATH] [name=value ...]",
      "a call of Meta's; without words all that it knows by name" },
    { "template list", run_template_list, OPT_ACCOUNT | OPT_WABA, 0, 0,
      NEEDS_CONF, "[--waba ID]", "the message templates of a WABA" },
    { "template diff", run_template_diff, OPT_ACCOUNT | OPT_WABA, 1, 1,
      NEEDS_CONF, "DIR|FILE [--waba ID]",
      "where files and what Meta has differ" },
    { "template push", run_template_push, OPT_ACCOUNT | OPT_WABA
      | OPT_DRY_RUN, 1, 1, NEEDS_CONF, "DIR|FILE [--waba ID] [--dry-run]",
      "creates what Meta lacks, edits what differs, deletes nothing" },
    { "template pull", run_template_pull, OPT_ACCOUNT | OPT_WABA, 1, 1,
      NEEDS_CONF, "DIR [--waba ID]", "writes files of what has none" },
    { "template delete", run_template_delete, OPT_ACCOUNT | OPT_WABA
      | OPT_LANGUAGE | OPT_ALL | OPT_DRY_RUN, 1, 1, NEEDS_CONF,
      "NAME --language LANGUAGE | --all", "deletes one at Meta" },
    { "media upload", run_media_upload, OPT_ACCOUNT | OPT_TYPE | OPT_DRY_RUN,
      1, 1, NEEDS_CONF, "FILE [--account ID] [--type MIME]",
      "a file to WhatsApp, for 30 days; its id is to be sent" },
    { "media get", run_media_get, OPT_ACCOUNT, 2, 2, NEEDS_CONF,
      "ID FILE [--account ID]", "fetches it into a new file, 0600" },
    { "media delete", run_media_delete, OPT_ACCOUNT | OPT_DRY_RUN, 1, 1,
      NEEDS_CONF, "ID [--account ID]", "deletes it at Meta" },
    { "number", run_family, CALL_OPTIONS, 0, MANY, NEEDS_CONF,
      "VERB [name=value ...]",
      "a number of WhatsApp: list, show, request-code, verify-code,\n"
      "                   register, deregister, pin, webhook" },
    { "profile", run_family, CALL_OPTIONS, 0, MANY, NEEDS_CONF,
      "show|set|delete [name=value ...]",
      "what people see of a number, a Page or an account" },
    { "persona", run_family, CALL_OPTIONS, 0, MANY, NEEDS_CONF,
      "list|create|show|delete [name=value ...]", "personas of a Page" },
    { "subscription", run_family, CALL_OPTIONS, 0, MANY, NEEDS_CONF,
      "list|add|remove [name=value ...]",
      "whether the app gets the webhooks of an account" },
    { "subscribe", run_subscribe, OPT_URL | OPT_FIELDS | OPT_OVERRIDE
      | OPT_PRODUCT | OPT_ACCOUNT | OPT_WABA | OPT_DRY_RUN, 0, 0, NEEDS_CONF,
      "[--url URL] [--product NAME --fields LIST]\n"
      "                   [--override URL|none --waba ID|--account ID]\n"
      "                   [--dry-run]",
      "makes webhooks of app and accounts what they should be" },
    { "app", run_family, CALL_OPTIONS, 0, MANY, NEEDS_CONF,
      "list|subscribe|unsubscribe [name=value ...]",
      "where the app's webhooks go" },
    { "block", run_block, OPT_ACCOUNT | OPT_DRY_RUN, 0, MANY, NEEDS_CONF,
      "[+NUMBER ...] [--account ID]",
      "blocks people on WhatsApp; without numbers: who is blocked" },
    { "unblock", run_block, OPT_ACCOUNT | OPT_DRY_RUN, 1, MANY, NEEDS_CONF,
      "+NUMBER ... [--account ID]", "unblocks them" },
    { "config test", run_config_test, 0, 0, 0, 0, "",
      "tests the configuration and says what is wrong" },
};


/* ctl_fail prints why, and is one of two exits; what Redis or a word of the
   command line says in it must not steer the terminal */
void ctl_fail(int code, const char *format, ...)
{
    char        text[CTL_FAIL_MAX];
    va_list     args;
    struct buf  b;

    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);

    buf_init(&b, (size_t) -1);
    buf_text(&b, "metactl: ");
    buf_text(&b, text);
    out_lines(&b, stderr);
    exit(code);
}


static void usage_command(const struct command *cmd)
{
    printf("  %-15s  %s\n                   %s\n", cmd->name, cmd->usage,
           cmd->what);
}


static int usage(void)
{
    size_t  i;

    puts("metactl " VERSION ": shows and repairs what meta-consumer works on"
         "\n\n  metactl [-c FILE] [--env FILE] [--json] [--reveal] [--no-color]"
         " COMMAND\n");

    for (i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        usage_command(&commands[i]);
    }

    puts("\n"
         "  -c FILE     meta-consumer's configuration (" CONF_FILE ")\n"
         "  --env FILE  its variables (/etc/default/meta-consumer, where FILE"
         " of -c lies\n              in /etc/meta)\n"
         "  --json      one JSON object, for programs (docs/metactl.md)\n"
         "  --reveal    texts, phone numbers and ids of people unmasked\n"
         "  --no-color  as NO_COLOR in the environment\n"
         "  FILTERS     --queue NAME --reason WORD --account ID --code N"
         " --since TIME\n"
         "              --limit N\n"
         "  TIME        2h (ago), 2026-01-05T09:30:00Z, milliseconds since"
         " 1970\n"
         "\n"
         "Exit status: 0 good, 1 something bad was found, 2 wrong command"
         " line, 3 Redis\ncannot be reached or refuses, 4 no such thing, 5 no"
         " answer in time.");

    return CTL_GOOD;
}


/* the command that the first words name; how many they are */
static const struct command *command_find(char **words, size_t n,
    size_t *used)
{
    size_t       i, len;
    const char  *space, *name;

    for (i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        name = commands[i].name;
        space = strchr(name, ' ');
        len = space != NULL ? (size_t) (space - name) : strlen(name);

        if (!str_is((struct str) { name, len }, words[0])) {
            continue;
        }

        *used = 1;
        if (space == NULL || (n == 1 && commands[i].min == 0
                              && strcmp(name, "token list") == 0))
        {
            return &commands[i];
        }

        if (n > 1 && strcmp(space + 1, words[1]) == 0) {
            *used = 2;
            return &commands[i];
        }
    }

    return NULL;
}


static void command_check(const struct command *cmd, size_t n,
    uint64_t which)
{
    if (which & ~cmd->takes) {
        ctl_fail(CTL_USAGE, "--%s does not go with %s: metactl %s %s",
                 opts_name(which & ~cmd->takes), cmd->name, cmd->name,
                 cmd->usage);
    }

    if (n < cmd->min || n > cmd->max) {
        ctl_fail(CTL_USAGE, "%s: metactl %s %s",
                 n < cmd->min ? "something is missing" : "too many words",
                 cmd->name, cmd->usage);
    }
}


static void ctl_conf(struct ctl *c)
{
    char             error[CONF_ERROR_MAX];
    size_t           i;
    const char      *key = NULL;
    struct conf_app  *apps;

    ctl_env(c);
    c->conf = conf_load(c->opts.file, false, error);
    if (c->conf == NULL || c->conf->tokens.n == 0) {
        ctl_env_said(c);
    }
    if (c->conf == NULL) {
        ctl_fail(CTL_FINDING, "%s", error);
    }

    /* people have the hashes that they have in meta-consumer's log */
    apps = c->conf->apps.at;
    for (i = 0; i < c->conf->apps.n && key == NULL; i++) {
        key = apps[i].secret;
    }
    log_key(key, key != NULL ? strlen(key) : 0);
}


/* ctl_redis connects, or ends the program */
void ctl_redis(struct ctl *c)
{
    struct buf  why, where;

    buf_init(&why, 512);
    buf_init(&where, 256);
    redis_where(&where, &c->conf->redis);
    c->db = db_open(&c->conf->redis, &why);

    if (c->db == NULL) {
        ctl_fail(CTL_REDIS, "Redis at %.*s: %.*s", (int) where.len, where.at,
                 (int) why.len, why.at);
    }

    buf_free(&where);
}


/* ctl_read leaves out white space at the end */
void ctl_read(const char *file, struct buf *b)
{
    char    part[16 * 1024];
    FILE   *in = strcmp(file, "-") == 0 ? stdin : fopen(file, "re");
    size_t  n;

    if (in == NULL) {
        ctl_fail(CTL_NOTHING, "%s cannot be read", file);
    }

    while ((n = fread(part, 1, sizeof(part), in)) > 0) {
        buf_add(b, part, n);
    }

    if (in != stdin) {
        fclose(in);
    }

    if (b->over) {
        ctl_fail(CTL_USAGE, "%s has more than %zu bytes", file, b->max);
    }

    while (b->len && strchr(" \t\r\n", b->at[b->len - 1]) != NULL) {
        b->len--;
    }
}


static bool color_wanted(const struct opts *o)
{
    const char  *none = getenv("NO_COLOR"), *term = getenv("TERM");

    return isatty(STDOUT_FILENO) && !o->no_color && !o->json
           && (none == NULL || *none == '\0')
           && term != NULL && strcmp(term, "dumb") != 0;
}


static int ctl_main(struct ctl *c, char **words, size_t n, uint64_t which)
{
    int                    code;
    size_t                 used = 0;
    const struct command  *cmd = command_find(words, n, &used);

    if (cmd == NULL) {
        ctl_fail(CTL_USAGE, "there is no command \"%s%s%s\"; see metactl"
                 " --help", words[0], n > 1 ? " " : "",
                 n > 1 ? words[1] : "");
    }

    if (c->opts.help) {
        usage_command(cmd);
        return CTL_GOOD;
    }

    command_check(cmd, n - used, which);
    c->args = words + used;
    c->nargs = n - used;
    c->color = color_wanted(&c->opts);
    c->bar = isatty(STDERR_FILENO) && !c->opts.json;
    log_level(LOG_ERROR);
    log_key(NULL, 0);

    if (cmd->needs & NEEDS_CONF) {
        ctl_conf(c);
    }
    if (cmd->needs & NEEDS_REDIS) {
        ctl_redis(c);
    }

    c->cmd = cmd;
    code = cmd->run(c);

    meta_close(c);
    tokens_free(c->conf != NULL ? c->conf->store : NULL);
    db_close(c->db);
    conf_drop(c->conf);

    return code;
}


int main(int argc, char **argv)
{
    int               code;
    char            **words = mem_alloc((argc + 1) * sizeof(*words));
    size_t            n;
    uint64_t          which;
    struct ctl        c = { .opts = { .file = CONF_FILE } };
    struct sigaction  ignore = { .sa_handler = SIG_IGN };

    mem_private();
    sigaction(SIGPIPE, &ignore, NULL);      /* Redis may go at any moment */
    n = opts_read(&c.opts, argc, argv, words, &which);

    if (c.opts.version) {
        puts("metactl " VERSION);
        code = CTL_GOOD;
    } else if (n == 0) {
        code = usage();
        code = c.opts.help ? CTL_GOOD : CTL_USAGE;
    } else {
        code = ctl_main(&c, words, n, which);
    }

    free(words);

    return code;
}
