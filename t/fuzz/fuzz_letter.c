/*
 * What was kept in Redis of an item's work, as a blob and inside of a dead
 * letter: what is read of it is written as the same again.
 */

#include <stdint.h>
#include <stdlib.h>

#include "consumer/letter.h"
#include "consumer/json.h"


#define check(condition)  ((condition) ? (void) 0 : abort())


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


/* each has an action of its own, or shares that of an earlier one */
static bool fuzz_action(const struct plan *plan, size_t i)
{
    size_t                k;
    const struct action  *action = plan->steps[i].action;

    if (plan->steps[i].own != NULL) {
        return plan->steps[i].own == action;
    }

    for (k = 0; k < i && plan->steps[k].own != action; k++) { }

    return k < i;
}


static void fuzz_steps(const struct plan *plan)
{
    size_t  i;

    check(plan->n <= PLAN_STEPS_MAX && plan->at <= plan->n);

    for (i = 0; i < plan->n; i++) {
        check(fuzz_action(plan, i));
        check(i >= plan->at || plan->steps[i].state >= STEP_DONE);
    }
}


static void fuzz_again(const struct plan *plan)
{
    struct buf   blob, same;
    struct plan  again = { .n = 0 };

    buf_init(&blob, PLAN_BLOB_MAX);
    buf_init(&same, PLAN_BLOB_MAX);
    plan_write(plan, &blob);
    check(blob.over || json_valid(blob.at, blob.len));

    if (!blob.over
        && plan_read(&again, (struct str) { blob.at, blob.len }) == 0)
    {
        check(again.n == plan->n);
        fuzz_steps(&again);
        plan_write(&again, &same);
        check(str_equal((struct str) { blob.at, blob.len },
                        (struct str) { same.at, same.len }));
        plan_free(&again);
    }

    buf_free(&blob);
    buf_free(&same);
}


static void fuzz_blob(struct str bytes)
{
    struct plan  plan = { .n = 0 };

    if (plan_read(&plan, bytes) == 0) {
        fuzz_steps(&plan);
        fuzz_again(&plan);
    }

    plan_free(&plan);
}


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str   bytes = { (const char *) data, size }, head, item;
    struct plan  plan = { .n = 0 };

    fuzz_blob(bytes);

    if (letter_split(bytes, &head, &item) != 0) {
        return 0;
    }

    check(head.at > bytes.at && head.at + head.len == item.at);
    check(item.at + item.len + 1 == bytes.at + bytes.len);

    if (letter_plan(head, &plan) == 0) {
        check(plan.at < plan.n);
        fuzz_steps(&plan);
        plan_done(&plan, NONE, NONE);
        fuzz_again(&plan);
        plan_free(&plan);
    }

    return 0;
}
