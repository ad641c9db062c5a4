/*
 * Usage headers: whatever they hold, what is read of them is within bounds,
 * and reading the same twice changes nothing.
 */

#include <math.h>
#include <stdint.h>
#include <stdlib.h>

#include "consumer/usage.h"


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static void
check(const struct usage *u)
{
    size_t                     i, j;
    const struct usage_entry  *e;

    if (u->n > USAGE_ENTRIES_MAX) {
        abort();
    }

    for (i = 0; i < u->n; i++) {
        e = &u->entries[i];

        if (!isfinite(e->pct) || e->pct < 0 || e->pct > 100000
            || e->regain_ms > 7ull * 24 * 3600 * 1000
            || memchr(e->id, '\0', sizeof(e->id)) == NULL
            || memchr(e->type, '\0', sizeof(e->type)) == NULL)
        {
            abort();
        }

        for (j = 0; j < i; j++) {
            if (u->entries[j].kind == e->kind
                && strcmp(u->entries[j].id, e->id) == 0
                && strcmp(u->entries[j].type, e->type) == 0)
            {
                abort();
            }
        }
    }
}


/* the first byte says which header, the rest is its value */

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t        n;
    bool          found;
    double        most;
    uint64_t      regain, again;
    struct str    name, value;
    struct usage  u;

    if (size == 0) {
        return 0;
    }

    memset(&u, 0, sizeof(u));
    name = STR(usage_names[data[0] % USAGE_KINDS]);
    value = (struct str) { (const char *) data + 1, size - 1 };

    found = usage_read(name, value, &u);
    check(&u);

    if (found != (u.n > 0)) {
        abort();
    }

    n = u.n;
    most = usage_most(&u, &regain);
    (void) usage_read(name, value, &u);
    check(&u);

    if (u.n != n || usage_most(&u, &again) != most || again != regain) {
        abort();
    }

    return 0;
}
