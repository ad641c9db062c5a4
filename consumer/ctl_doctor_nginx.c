/* metactl doctor --nginx: what "nginx -T" prints, beside meta-consumer's own
   configuration. */

#include "ctl_doctor.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include <sys/wait.h>


#define NGINX_MAX    (8 * 1024 * 1024)
#define WORDS_MAX    64
#define SECRET_LEN   32     /* hex digits of an app secret */
#define FILE_SIZE    16384
#define PATH_SIZE    4096
#define PREFIX_LINE  "# configuration file "

struct nginx {
    struct doctor  *d;
    struct buf      text;
    size_t          webhooks;
    size_t          modules;    /* load_module of ours */
    size_t          spools;
    size_t          secrets;
    size_t          secrets_ours;   /* that hold the app's */
    char            prefix[PATH_SIZE];  /* of its configuration, with the
                                           slash; empty: it does not say */
    char            unread[PATH_SIZE + 128];    /* the first, and why */
    size_t          nunread;
    bool            body_size;
};


static void nginx_say(struct nginx *x, enum level level, const char *todo,
    const char *what, const char *text)
{
    doctor_say(x->d, level, "nginx", todo, "%.300s%s%s", what,
               *what ? ": " : "", text);
}


/* which directory nginx's paths are relative to: its configuration's, which
   "nginx -T" names in front */
static void nginx_prefix(struct nginx *x)
{
    size_t       n;
    const char  *p = x->text.at, *end;

    while (p != NULL && strncmp(p, PREFIX_LINE, sizeof(PREFIX_LINE) - 1) != 0) {
        p = strchr(p, '\n');
        p = p != NULL ? p + 1 : NULL;
    }

    if (p == NULL || p[sizeof(PREFIX_LINE) - 1] != '/') {
        return;
    }

    p += sizeof(PREFIX_LINE) - 1;
    for (end = p + strcspn(p, "\n"); end[-1] != '/'; end--) {
        /* its last slash */
    }

    n = (size_t) (end - p);
    if (n < sizeof(x->prefix)) {
        memcpy(x->prefix, p, n);
        x->prefix[n] = '\0';
    }
}


static void nginx_unread(struct nginx *x, const char *path, const char *why)
{
    if (x->nunread++ == 0) {
        snprintf(x->unread, sizeof(x->unread), "%.300s: %s", path, why);
    }
}


/* the file that nginx means, as it is to be opened; false: it cannot be read,
   which is said */
static bool nginx_path(struct nginx *x, const char *path, char out[PATH_SIZE])
{
    int  n, error;

    if (strncmp(path, "env:", 4) == 0) {
        nginx_unread(x, path, "the environment of nginx is not seen here");
        return false;
    }

    if (*path != '/' && x->prefix[0] == '\0') {
        nginx_unread(x, path, "the line that names nginx's configuration file"
                     " is missing, to which this is relative");
        return false;
    }

    n = snprintf(out, PATH_SIZE, "%s%s", *path != '/' ? x->prefix : "", path);
    if (n >= PATH_SIZE) {
        nginx_unread(x, path, strerror(ENAMETOOLONG));
        return false;
    }

    if (access(out, R_OK) == 0) {
        return true;
    }

    error = errno;
    nginx_unread(x, out, strerror(error));
    if (error == ENOENT || error == ENOTDIR) {
        nginx_say(x, LEVEL_BAD, "on nginx's machine nginx -t says the same",
                  out, "there is no such file");
    }

    return false;
}


/* a file of secrets, or NULL where it cannot be read */
static char *nginx_file(struct nginx *x, const char *path)
{
    char    text[FILE_SIZE + 1];
    FILE   *in;
    char   *copy;
    size_t  n;

    in = fopen(path, "re");
    if (in == NULL) {
        nginx_unread(x, path, strerror(errno));
        return NULL;
    }

    n = fread(text, 1, FILE_SIZE, in);
    text[n] = '\0';
    copy = mem_copy(text, n);
    memset(text, 0, n);
    fclose(in);

    return copy;
}


/* SECRET or "APP_ID SECRET" a line */
static void nginx_secret(struct nginx *x, const char *path)
{
    char                    file[PATH_SIZE], *text, *line, *next, *secret;
    size_t                  i, odd = 0;
    const struct conf_app  *apps = x->d->c->conf->apps.at;

    x->secrets++;
    if (!nginx_path(x, path, file)) {
        return;
    }
    path = file;
    text = nginx_file(x, path);

    for (line = text; line != NULL && *line; line = next) {
        next = line + strcspn(line, "\n");
        next += *next == '\n' ? (*next = '\0', 1) : 0;
        line[strcspn(line, "\r")] = '\0';
        secret = strchr(line, ' ') != NULL ? strrchr(line, ' ') + 1 : line;
        if (*secret == '\0' || *line == '#') {
            continue;
        }

        odd += strspn(secret, "0123456789abcdef") != strlen(secret)
               || strlen(secret) != SECRET_LEN;
        for (i = 0; i < x->d->c->conf->apps.n; i++) {
            x->secrets_ours += apps[i].secret != NULL
                               && strcmp(apps[i].secret, secret) == 0;
        }
    }

    if (odd) {
        nginx_say(x, LEVEL_WARN, "an app secret is 32 digits of 0-9 and a-f:"
                  " the dashboard, Settings, Basic", path,
                  "that does not look like an app secret");
    }
    mem_wipe(text);
}


static void nginx_queue(struct nginx *x, char **words, size_t n)
{
    size_t                    i;
    const struct conf_queue  *q = x->d->c->conf->queues.at;

    (void) n;
    if (strchr(words[1], '$') != NULL) {
        return;
    }

    for (i = 0; i < x->d->c->conf->queues.n; i++) {
        if (strcmp(q[i].name, words[1]) == 0) {
            return;
        }
    }

    nginx_say(x, LEVEL_WARN, "name it under queues, if this consumer shall"
              " work it", words[1], "meta_queue writes there, and queues does"
              " not have it");
}


/* the dialog gives its code to that app, whose secret must be here */
static void nginx_app(struct nginx *x, char **words, size_t n)
{
    size_t                  i, at;
    const struct conf_app  *apps = x->d->c->conf->apps.at;

    for (i = 1; i < n; i++) {
        if (strncmp(words[i], "id=", 3) != 0) {
            continue;
        }
        for (at = 0; at < x->d->c->conf->apps.n; at++) {
            if (strcmp(apps[at].id, words[i] + 3) == 0) {
                return;
            }
        }
        nginx_say(x, LEVEL_BAD, "the same id in both, as the dashboard has it:"
                  " of Instagram Login that of the Instagram app",
                  words[i] + 3, "meta_oauth_app names it, and apps does not:"
                  " every login by it fails");
    }
}


static void nginx_size(struct nginx *x, const char *size)
{
    char       *end;
    long long   n = strtoll(size, &end, 10);

    n *= *end == 'k' || *end == 'K' ? 1024
         : *end == 'm' || *end == 'M' ? 1024 * 1024
         : *end == 'g' || *end == 'G' ? 1024 * 1024 * 1024 : 1;
    x->body_size = x->body_size || n == 0 || n >= 3 * 1024 * 1024;
}


static void nginx_directive(struct nginx *x, char **words, size_t n)
{
    char    path[PATH_SIZE];
    size_t  i;

    if (strcmp(words[0], "meta_webhook") == 0) {
        x->webhooks++;

    } else if (n < 2) {
        return;

    } else if (strcmp(words[0], "load_module") == 0) {
        x->modules += strstr(words[1], "ngx_http_meta_module") != NULL;

    } else if (strcmp(words[0], "meta_spool") == 0) {
        x->spools += strcmp(words[1], "off") != 0;

    } else if (strcmp(words[0], "meta_queue") == 0) {
        nginx_queue(x, words, n);

    } else if (strcmp(words[0], "meta_oauth_app") == 0) {
        nginx_app(x, words, n);

    } else if (strcmp(words[0], "client_max_body_size") == 0) {
        nginx_size(x, words[1]);

    } else if (strcmp(words[0], "meta_app_secret_file") == 0) {
        for (i = 1; i < n; i++) {
            nginx_secret(x, words[i]);
        }

    } else if (strcmp(words[0], "meta_token_key_file") == 0) {
        if (nginx_path(x, words[1], path)) {
            doctor_token_keys(x->d, path);
        }

    } else if (strcmp(words[0], "meta_link_key_file") == 0) {
        if (nginx_path(x, words[1], path)) {
            doctor_link_keys(x->d, path);
        }
    }
}


/* words up to ";" or "{"; quotes and comments as nginx has them; the text is
   cut up in place */
static void nginx_read(struct nginx *x)
{
    char    *words[WORDS_MAX], *p = x->text.at, *to, quote, end;
    size_t   n = 0;

    while (*p != '\0') {
        if (strchr(" \t\r\n", *p) != NULL) {
            p++;
        } else if (*p == '#') {
            p += strcspn(p, "\n");
        } else if (strchr(";{}", *p) != NULL) {
            if (n > 0) {
                nginx_directive(x, words, n);
            }
            n = 0;
            p++;
        } else {
            quote = *p == '"' || *p == '\'' ? *p++ : '\0';
            if (n < WORDS_MAX) {
                words[n++] = p;
            }
            for (to = p; *p != '\0' && (quote ? *p != quote
                 : strchr(" \t\r\n;{}", *p) == NULL); p++)
            {
                if (*p == '\\' && p[1] != '\0') {
                    p++;
                }
                *to++ = *p;
            }
            end = *p;
            *to = '\0';
            if (!quote && (end == ';' || end == '{' || end == '}')) {
                nginx_directive(x, words, n);
                n = 0;
            }
            p += end != '\0';
        }
    }
}


/* what it prints; it may have to be root to read keys of certificates */
static bool nginx_run(struct nginx *x)
{
    int      pipes[2], status;
    char     part[16384];
    pid_t    pid;
    ssize_t  n;

    if (pipe(pipes) != 0) {
        return false;
    }

    pid = fork();
    if (pid == 0) {
        dup2(pipes[1], STDOUT_FILENO);
        close(pipes[0]);
        close(pipes[1]);
        if (freopen("/dev/null", "w", stderr) != NULL) {
            execlp("nginx", "nginx", "-T", "-q", (char *) NULL);
        }
        _exit(127);
    }

    close(pipes[1]);
    while (pid > 0 && (n = read(pipes[0], part, sizeof(part))) > 0) {
        buf_add(&x->text, part, (size_t) n);
    }
    close(pipes[0]);

    return pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status)
           && WEXITSTATUS(status) == 0;
}


static void nginx_sum(struct nginx *x)
{
    const struct conf  *conf = x->d->c->conf;

    if (x->webhooks == 0) {
        doctor_say(x->d, LEVEL_BAD, "nginx", "docs/webhooks.md; of another"
                   " nginx.conf nginx -T -c PATH > FILE, then --nginx=FILE",
                   "no location has meta_webhook%s%s", *x->prefix != '\0'
                   ? ", in the configuration of " : "", x->prefix);
    } else {
        doctor_say(x->d, LEVEL_OK, "nginx", NULL, "%zu locations have"
                   " meta_webhook%s", x->webhooks, x->modules
                   ? ", the module is loaded" : "; no load_module names it, so"
                   " it is compiled in");
    }

    if (x->webhooks && x->secrets == 0) {
        nginx_say(x, LEVEL_BAD, "meta_app_secret_file PATH", "", "has no app"
                  " secret: every delivery gets 503");
    } else if (x->nunread) {
        doctor_say(x->d, LEVEL_WARN, "nginx", "run metactl on nginx's machine"
                   " as a user who may, or look yourself", "%zu files of"
                   " secrets and keys are not compared: %.400s%s", x->nunread,
                   x->unread, x->nunread > 1 ? ", ..." : "");
    } else if (x->secrets_ours == 0 && conf->apps.n > 0) {
        nginx_say(x, LEVEL_WARN, "the same secret in both, or a rotation is"
                  " half done", "", "none of its app secrets is one of apps");
    }

    if (x->webhooks && x->spools == 0) {
        nginx_say(x, LEVEL_WARN, "meta_spool PATH", "", "without meta_spool a"
                  " Redis that is away costs a 503 for each delivery");
    }
    if (x->webhooks && !x->body_size) {
        nginx_say(x, LEVEL_WARN, "client_max_body_size 4m", "", "deliveries of"
                  " Meta have up to 3 MB, and nginx takes 1 MB");
    }
}


/* doctor_nginx: --nginx runs "nginx -T", --nginx=FILE reads what it printed */
void doctor_nginx(struct doctor *d)
{
    bool          good = true;
    struct nginx  x = { .d = d };

    buf_init(&x.text, NGINX_MAX);

    if (*d->c->opts.nginx != '\0') {
        ctl_read(d->c->opts.nginx, &x.text);
    } else {
        good = nginx_run(&x);
    }
    buf_add(&x.text, "", 1);

    if (!good || x.text.over) {
        nginx_say(&x, LEVEL_BAD, "sudo nginx -T > FILE, then --nginx=FILE; what"
                  " is wrong nginx -t says", "nginx -T", "failed; nginx is not"
                  " found, its configuration is wrong, or this user may not"
                  " read it");
    } else {
        nginx_prefix(&x);
        nginx_read(&x);
        nginx_sum(&x);
    }
    buf_free(&x.text);
}
