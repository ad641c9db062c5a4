/* metactl doctor: whether handlers, assistants' endpoints and Graph take
   connections, with a certificate that can be verified.  Nothing is sent. */

#include "ctl_doctor.h"


static bool net_say(struct doctor *d, const char *check, const char *todo,
    const char *name, const char *which, const char *why)
{
    doctor_say(d, why == NULL ? LEVEL_OK : LEVEL_BAD, check,
               why == NULL ? NULL : todo, "%s%s: %s", name, which,
               why == NULL ? "takes connections" : why);

    return why == NULL;
}


/* its key is not tried: what takes one costs, or a key may not ask it */
static void net_chat(struct doctor *d, const struct conf_assistant *a,
    const char *which, const struct conf_chat *chat)
{
    if (chat->url != NULL) {
        net_say(d, "assistant", "names, routes, a firewall; its url,"
                " certificate and ca_file", a->name, which,
                ctl_reach(chat->url, NULL, chat->ca_file));
    }
}


/* doctor_net looks at handlers, then at assistants, then at Graph */
bool doctor_net(struct doctor *d)
{
    size_t                        i;
    const struct conf            *conf = d->c->conf;
    const struct conf_handler    *h = conf->handlers.at;
    const struct conf_assistant  *a = conf->assistants.at;
    const char                   *url = conf->base_url;

    for (i = 0; i < conf->handlers.n; i++) {
        net_say(d, "handler", "start it, or mend its url and ca_file",
                h[i].name, "",
                ctl_reach(h[i].url, h[i].unix_path, h[i].ca_file));
    }

    for (i = 0; i < conf->assistants.n; i++) {
        net_chat(d, &a[i], "/classifier", &a[i].classifier);
        net_chat(d, &a[i], "/writer", &a[i].writer);
    }

    url = url != NULL ? url : conf->hosts[GRAPH_FACEBOOK];
    return net_say(d, "Graph", "names, routes, a firewall; its certificate and"
                   " graph.ca_file", url, "",
                   ctl_reach(url, NULL, conf->ca_file));
}
