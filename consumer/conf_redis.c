/* Where Redis is: unix:/path | [rediss://]host[:port], then db=, user=,
   password_file=, ca_file=, as meta_redis takes it. */

#include "conf_own.h"
#include "tls.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <unistd.h>

#include <sys/un.h>


#define REDIS_DB_MAX  65535


static const char *redis_port(const char *text, unsigned *port)
{
    char           *end;
    unsigned long   n = strtoul(text, &end, 10);

    if (*text < '0' || *text > '9' || *end != '\0' || n == 0 || n > 65535) {
        return "the port must be a number from 1 to 65535";
    }

    *port = (unsigned) n;

    return NULL;
}


static const char *redis_place(char *word, struct redis_target *t)
{
    char  *colon;

    if (strncasecmp(word, "rediss://", 9) == 0) {
        t->tls = true;
        word += 9;
    }

    if (strncmp(word, "unix:", 5) == 0 && !t->tls) {
        if (word[5] != '/') {
            return "unix: needs an absolute path";
        }
        if (strlen(word + 5) >= sizeof(((struct sockaddr_un *) 0)->sun_path))
        {
            return "the path of a socket has at most 107 bytes";
        }
        t->path = mem_copy(word + 5, strlen(word + 5));
        return NULL;
    }

    if (strpbrk(word, "/@") != NULL || strncmp(word, "unix:", 5) == 0) {
        return "must be unix:/path or [rediss://]host[:port]";
    }

    t->port = 6379;

    if (*word == '[') {
        colon = strchr(word, ']');
        if (colon == NULL || (colon[1] != '\0' && colon[1] != ':')) {
            return "an IPv6 address stands in brackets";
        }
        *colon++ = '\0';
        word++;
        colon = *colon == ':' ? colon : NULL;

    } else {
        colon = strchr(word, ':');
    }

    if (colon != NULL) {
        *colon = '\0';
    }

    if (*word == '\0') {
        return "the host is missing";
    }

    t->host = mem_copy(word, strlen(word));

    return colon != NULL ? redis_port(colon + 1, &t->port) : NULL;
}


static const char *redis_option(const char *word, struct redis_target *t,
    const char **ca_file)
{
    char           *end;
    unsigned long   n;

    if (strncmp(word, "db=", 3) == 0) {
        n = strtoul(word + 3, &end, 10);
        if (word[3] < '0' || word[3] > '9' || *end || n > REDIS_DB_MAX) {
            return "db must be a number";
        }
        t->db = (unsigned) n;
        return NULL;
    }

    if (strncmp(word, "user=", 5) == 0 && word[5] != '\0') {
        free(t->user);
        t->user = mem_copy(word + 5, strlen(word + 5));
        return NULL;
    }

    if (strncmp(word, "password_file=", 14) == 0) {
        return secret_read(word + 14, &t->password);
    }

    if (strncmp(word, "ca_file=", 8) == 0) {
        *ca_file = word + 8;
        return t->tls ? NULL : "ca_file belongs to rediss://";
    }

    return "after the address there may be db=, user=, password_file= and"
           " ca_file=";
}


static const char *redis_trust(struct redis_target *t, const char *ca_file)
{
    if (ca_file != NULL && access(ca_file, R_OK) != 0) {
        return "ca_file cannot be read";
    }

    return tls_trust(ca_file, &t->trust) == 0 ? NULL
           : ca_file != NULL ? "ca_file holds no certificate in PEM"
           : "the certificates that the system trusts cannot be loaded";
}


/* redis_target_parse fills t; NULL, or what is wrong */
const char *redis_target_parse(const char *text, struct redis_target *t)
{
    char        *copy, *word, *rest = NULL;
    const char  *why = NULL, *ca_file = NULL;

    copy = mem_copy(text, strlen(text));
    word = strtok_r(copy, " ", &rest);

    if (word == NULL) {
        free(copy);
        return "is empty";
    }

    why = redis_place(word, t);
    while (why == NULL && (word = strtok_r(NULL, " ", &rest)) != NULL) {
        why = redis_option(word, t, &ca_file);
    }

    if (why == NULL && t->user != NULL && t->password == NULL) {
        why = "user= needs password_file=";
    }

    if (why == NULL && t->tls) {
        why = redis_trust(t, ca_file);
    }

    free(copy);

    return why;
}


/* redis_target_free releases what the target holds */
void redis_target_free(struct redis_target *t)
{
    free(t->path);
    free(t->host);
    free(t->user);
    mem_wipe(t->password);
    tls_distrust(t->trust);
    *t = (struct redis_target) { .path = NULL };
}


/* conf_redis_renew takes over a password that was changed, and other
   authorities: the next connection says the one and asks the others */
void conf_redis_renew(struct redis_target *to, struct redis_target *from)
{
    struct ssl_ctx_st  *trust = to->trust;

    to->trust = from->trust;
    from->trust = trust;

    mem_wipe(to->password);
    to->password = from->password == NULL ? NULL
                   : mem_copy(from->password, strlen(from->password));
}


static void password_from(struct conf *conf, const char *text)
{
    char        *path;
    const char  *at = strstr(text, " password_file=");

    if (at != NULL) {
        at += strlen(" password_file=");
        path = mem_copy(at, strcspn(at, " "));
        secret_from(conf, path);
        free(path);
    }
}


/* conf_redis reads the key "redis" */
void conf_redis(struct reader *r, yaml_node_t *node, const char *path,
    void *field)
{
    const char  *text = conf_text(r, node, path), *why;

    (void) field;

    if (text == NULL) {
        return;
    }

    redis_target_free(&r->conf->redis);
    free(r->conf->redis_text);
    r->conf->redis_text = mem_copy(text, strlen(text));

    why = redis_target_parse(text, &r->conf->redis);
    if (why != NULL) {
        conf_error(r, node, path, "%s", why);
    } else {
        password_from(r->conf, text);
    }
}
