/*
 * Unit tests of media_fetch.c: which URLs are asked, and when a SHA-256 fits.
 */

#include "tap.h"

#include "consumer/media_fetch.h"
#include "consumer/token.h"


static struct conf  conf;


/* nothing is fetched here, and nobody's configuration is held */
struct conf *
conf_hold(struct conf *c)
{
    return c;
}


void
conf_drop(struct conf *c)
{
    (void) c;
}


/* nor is a token of the store */
void
token_free(struct token *t)
{
    (void) t;
}


void
tokens_owner(struct conf *c)
{
    (void) c;
}


static void
is_asked(const char *url, int want)
{
    is_int(fetch_url_good(&conf, STR(url)), want, url);
}


static void
test_urls(void)
{
    conf.hosts[GRAPH_FACEBOOK] = (char *) "https://graph.facebook.com";
    conf.hosts[GRAPH_INSTAGRAM] = (char *) "http://127.0.0.1:8080/ig";

    is_asked("https://lookaside.fbsbx.com/whatsapp_business/?mid=1&ext=2", 1);
    is_asked("https://scontent-jnb2-1.xx.fbcdn.net/v/t1.jpg?oh=00_a", 1);
    is_asked("HTTPS://Scontent.CDNInstagram.com/v/t1.jpg", 1);
    is_asked("https://www.facebook.com:443/x", 1);
    is_asked("https://graph.facebook.com/v24.0/1", 1);
    is_asked("http://127.0.0.1:8080/dl/1", 1);

    is_asked("", 0);
    is_asked("/x", 0);
    is_asked("http://lookaside.fbsbx.com/x", 0);
    is_asked("ftp://lookaside.fbsbx.com/x", 0);
    is_asked("file:///etc/passwd", 0);
    is_asked("https://fbsbx.com/x", 0);
    is_asked("https://evilfbsbx.com/x", 0);
    is_asked("https://lookaside.fbsbx.com.evil.example/x", 0);
    is_asked("https://evil.example/lookaside.fbsbx.com", 0);
    is_asked("https://evil.example#.fbsbx.com/x", 0);
    is_asked("https://evil.example?.fbsbx.com/x", 0);
    is_asked("https://evil.example\\.fbsbx.com/x", 0);
    is_asked("https://lookaside.fbsbx.com@evil.example/x", 0);
    is_asked("https://lookaside.fbsbx.com:8443/x", 0);
    is_asked("https://lookaside.fbsbx.com:443@evil.example/x", 0);
    is_asked("https://lookaside.fbsbx.com./x", 0);
    is_asked("https://lookaside.fbsbx.com/a b", 0);
    ok(!fetch_url_good(&conf, STR("https://lookaside.fbsbx.com/a\r\nHost: b")),
       "a line break");
    is_asked("http://127.0.0.1:80801/dl", 0);
    is_asked("http://127.0.0.1:8080@evil.example/dl", 0);

    conf.base_url = (char *) "https://proxy.example:8443/meta";
    is_asked("https://proxy.example:8443/dl", 1);
    is_asked("http://127.0.0.1:8080/dl/1", 0);
    is_asked("https://proxy.example/dl", 0);
}


static void
test_hashes(void)
{
    size_t                    i;
    unsigned char             hash[32];
    static const char *const  good[] = {
        "+/v7+/v7+/v7+/v7+/v7+/v7+/v7+/v7+/v7+/v7+/s=",
        "-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_s",
        "fbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfb",
        "FBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFB"
    };
    static const char *const  bad[] = {
        "", "=", "+/v7", "+/v7+/v7+/v7+/v7+/v7+/v7+/v7+/v7+/v7+/v7+/w=",
        "+/v7+/v7+/v7+/v7+/v7+/v7+/v7+/v7+/v7+/v7+/sA",
        "+/v7+/v7+/v7+/v7+/v7+/v7+/v7+/v7+/v7+/v7+/s==",
        "fbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfa",
        "fbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbf"
    };

    memset(hash, 0xfb, sizeof(hash));

    for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        ok(fetch_hash_fits(hash, STR(good[i])), good[i]);
    }

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        ok(!fetch_hash_fits(hash, STR(bad[i])), bad[i]);
    }
}


int
main(void)
{
    test_urls();
    test_hashes();

    return done();
}
