/* Retry-After: how long somebody asks us to wait. */

#include "http.h"

#include <stdlib.h>

#include <curl/curl.h>


#define AFTER_MAX  (7ll * 24 * 3600)


/* http_retry_after reads seconds, or a date */
long long http_retry_after(struct str value, long long now)
{
    char       text[64];
    long long  wait, date;

    if (value.len == 0 || value.len >= sizeof(text)) {
        return 0;
    }

    memcpy(text, value.at, value.len);
    text[value.len] = '\0';

    if (str_digits(value)) {
        wait = value.len > 9 ? AFTER_MAX : strtoll(text, NULL, 10);

    } else {
        date = curl_getdate(text, NULL);
        wait = date > now ? date - now : 0;
    }

    return (wait > AFTER_MAX ? AFTER_MAX : wait) * 1000;
}
