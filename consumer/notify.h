/* Tells systemd how it goes: the protocol of sd_notify(3), without its
   library.  Where nobody asks (no NOTIFY_SOCKET) nothing is said. */

#ifndef NOTIFY_H
#define NOTIFY_H

#include "mem.h"

#include <uv.h>


#define NOTIFY_STATUS_MAX  128

struct notify;

/* writes what `systemctl status` shows */
typedef void (*notify_cb)(void *data, char status[NOTIFY_STATUS_MAX]);


/* notify_new: NULL where nobody asks; all others take that NULL */
struct notify *notify_new(uv_loop_t *loop, notify_cb cb, void *data);
void notify_ready(struct notify *n);
void notify_reloading(struct notify *n);            /* notify_ready follows */
void notify_stopping(struct notify *n, unsigned long ms);   /* it may take */
void notify_free(struct notify *n);


#endif /* NOTIFY_H */
