/* One GET, for a status page, and one connection, for the doctor: the only file
   of metactl that knows libcurl. */

#include "ctl_status.h"

#include <curl/curl.h>


#define GET_MS   5000L
#define GET_MAX  (4 * 1024 * 1024)


static size_t on_bytes(char *at, size_t size, size_t n, void *data)
{
    struct buf  *answer = data;

    buf_add(answer, at, size * n);

    return answer->over ? 0 : size * n;
}


/* ctl_reach connects and, for https://, has the certificate verified; nothing
   is sent */
const char *ctl_reach(const char *url, const char *unix_path,
    const char *ca_file)
{
    CURL        *curl;
    CURLcode     rc;
    static char  why[CURL_ERROR_SIZE];

    curl_global_init(CURL_GLOBAL_DEFAULT);
    curl = curl_easy_init();
    why[0] = '\0';

    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_PROXY, "");
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_CONNECT_ONLY, 1L);
    curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, unix_path);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, GET_MS);
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, why);
    if (ca_file != NULL) {
        curl_easy_setopt(curl, CURLOPT_CAINFO, ca_file);
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
    curl_global_init(CURL_GLOBAL_DEFAULT);
    curl = curl_easy_init();
    why[0] = '\0';

    if (strncmp(url, "unix:", 5) == 0) {
        colon = strchr(url + 5, ':');
        path = colon != NULL ? mem_copy(url + 5, colon - url - 5)
               : mem_copy(url + 5, strlen(url + 5));
        buf_text(&plain, "http://localhost");
        buf_text(&plain, colon != NULL ? colon + 1 : "/");
        buf_add(&plain, "", 1);
        curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, path);
        curl_easy_setopt(curl, CURLOPT_URL, plain.at);
    } else {
        curl_easy_setopt(curl, CURLOPT_URL, url);
    }

    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_PROXY, "");
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, GET_MS);
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, why);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_bytes);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, answer);
    if (ca_file != NULL) {
        curl_easy_setopt(curl, CURLOPT_CAINFO, ca_file);
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
