/* One GET, for a status page, and for the doctor one connection, one POST, one
   Date: the only file of metactl that knows libcurl. */

#include "ctl_status.h"

#include <strings.h>

#include <curl/curl.h>


#define GET_MS   5000L
#define GET_MAX  (4 * 1024 * 1024)


static size_t on_bytes(char *at, size_t size, size_t n, void *data)
{
    struct buf  *answer = data;

    buf_add(answer, at, size * n);

    return answer->over ? 0 : size * n;
}


static CURL *call_new(const char *url, const char *ca_file, char *why)
{
    CURL  *curl;

    curl_global_init(CURL_GLOBAL_DEFAULT);
    curl = curl_easy_init();
    why[0] = '\0';

    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_PROXY, "");
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, GET_MS);
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, why);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_bytes);
    if (ca_file != NULL) {
        curl_easy_setopt(curl, CURLOPT_CAINFO, ca_file);
    }

    return curl;
}


/* ctl_reach connects and, for https://, has the certificate verified; nothing
   is sent */
const char *ctl_reach(const char *url, const char *unix_path,
    const char *ca_file)
{
    CURL        *curl;
    CURLcode     rc;
    static char  why[CURL_ERROR_SIZE];

    curl = call_new(url, ca_file, why);
    curl_easy_setopt(curl, CURLOPT_CONNECT_ONLY, 1L);
    curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, unix_path);
    if (ca_file != NULL) {
        curl_easy_setopt(curl, CURLOPT_CAPATH, NULL);
    }

    rc = curl_easy_perform(curl);
    if (rc != CURLE_OK && why[0] == '\0') {
        snprintf(why, sizeof(why), "%s", curl_easy_strerror(rc));
    }

    curl_easy_cleanup(curl);
    curl_global_cleanup();

    return rc == CURLE_OK ? NULL : why;
}


/* ctl_get fetches http://, https:// or unix:/path:/uri, never a redirect */
const char *ctl_get(const char *url, const char *ca_file, struct buf *answer)
{
    long         status = 0;
    CURL        *curl;
    char        *path = NULL;
    CURLcode     rc;
    const char  *colon;
    struct buf   plain;
    static char  why[CURL_ERROR_SIZE];

    buf_init(answer, GET_MAX);
    buf_init(&plain, 4096);
    curl = call_new(url, ca_file, why);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, answer);

    if (strncmp(url, "unix:", 5) == 0) {
        colon = strchr(url + 5, ':');
        path = colon != NULL ? mem_copy(url + 5, colon - url - 5)
               : mem_copy(url + 5, strlen(url + 5));
        buf_text(&plain, "http://localhost");
        buf_text(&plain, colon != NULL ? colon + 1 : "/");
        buf_add(&plain, "", 1);
        curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, path);
        curl_easy_setopt(curl, CURLOPT_URL, plain.at);
    }

    rc = curl_easy_perform(curl);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);

    if (rc != CURLE_OK && why[0] == '\0') {
        snprintf(why, sizeof(why), "%s", curl_easy_strerror(rc));
    } else if (rc == CURLE_OK && status != 200) {
        snprintf(why, sizeof(why), "HTTP status %ld", status);
    }

    curl_easy_cleanup(curl);
    curl_global_cleanup();
    buf_free(&plain);
    mem_wipe(path);

    return rc == CURLE_OK && status == 200 ? NULL : why;
}


/* ctl_post makes one request; a redirect is an answer */
const char *ctl_post(const char *url, const char *ca_file,
    const char *header, struct str body, long *status, struct buf *answer)
{
    CURL               *curl;
    CURLcode            rc;
    static char         why[CURL_ERROR_SIZE];
    struct curl_slist  *headers = NULL;

    buf_init(answer, 65536);
    curl = call_new(url, ca_file, why);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, answer);

    if (header != NULL) {
        headers = curl_slist_append(NULL, "Content-Type: application/json");
        headers = curl_slist_append(headers, header);
        curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body.at);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, (long) body.len);
    }

    rc = curl_easy_perform(curl);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, status);

    if (rc != CURLE_OK && why[0] == '\0') {
        snprintf(why, sizeof(why), "%s", curl_easy_strerror(rc));
    }

    curl_slist_free_all(headers);
    curl_easy_cleanup(curl);
    curl_global_cleanup();

    return rc == CURLE_OK ? NULL : why;
}


static size_t on_header(char *at, size_t size, size_t n, void *data)
{
    char    text[64];
    size_t  len = size * n;

    if (len > 5 && len < sizeof(text) && strncasecmp(at, "date:", 5) == 0) {
        memcpy(text, at + 5, len - 5);
        text[len - 5] = '\0';
        *(long long *) data = (long long) curl_getdate(text, NULL) * 1000;
    }

    return len;
}


/* ctl_date asks for nothing that would be sent */
long long ctl_date(const char *url, const char *ca_file)
{
    char        why[CURL_ERROR_SIZE];
    CURL       *curl;
    long long   date = -1;

    curl = call_new(url, ca_file, why);
    curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, &date);
    if (curl_easy_perform(curl) != CURLE_OK) {
        date = -1;
    }

    curl_easy_cleanup(curl);
    curl_global_cleanup();

    return date;
}
