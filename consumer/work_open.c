/* An item as it comes in: what it is, in which lines it stands, and whether it
   is one or several. */

#include "work_own.h"

#include <stdlib.h>


/* work_read: RECORD_OK also where a job is faulty, which w->faulty says */
void work_read(struct work *w, enum record_rc *rc)
{
    *rc = RECORD_OK;

    if (!w->is_job) {
        *rc = record_open(w->item->record, &w->record);
        return;
    }

    switch (job_parse(w->item->record, w->conf->reply_prefix, &w->job,
                      &w->fault))
    {
    case JOB_OK:
        break;

    case JOB_FAULTY:
        w->faulty = true;
        break;

    case JOB_NEWER:
        *rc = RECORD_NEWER;
        break;
    }
}


/* work_unread: nothing of it is known */
void work_unread(struct work *w)
{
    w->record.id = w->record.delivery = w->record.n = NONE;
    w->record.object = w->record.field = NONE;
}


static void work_lines(struct work *w)
{
    char        *own = NULL;
    size_t       n;
    struct str  *keys = NULL;

    struct str   lines[JOB_LINES_MAX];

    if (w->is_job) {
        queue_lines(w->item, lines, job_lines(&w->job, lines));
        return;
    }

    n = record_lines(&w->record, &keys, &own);
    queue_lines(w->item, keys, n);
    free(keys);
    free(own);
}


/* a change with several elements: each is worked as if it had come alone */
static bool work_parts(struct work *w)
{
    bool         parted;
    char        *own;
    struct str  *records;

    if (w->is_job || !queue_may_part(w->item)) {
        return false;
    }

    records = record_each(&w->record, w->item->record, &own);
    if (records == NULL) {
        return false;
    }

    parted = queue_part(w->item, records, w->record.nevents);
    free(own);
    free(records);

    return parted;
}


/* work_open is queue_ops' open */
enum open_rc work_open(void *data, struct item *item)
{
    enum record_rc   rc;
    struct work     *w = work_new(data, item);

    configure_seal(w);
    work_read(w, &rc);

    if (rc == RECORD_NEWER) {
        work_free(w);
        return OPEN_NEWER;
    }

    if (rc != RECORD_OK || w->faulty) {
        work_free(w);
        queue_lines(item, NULL, 0);     /* begins, fails, and is buried */
        return OPEN_OK;
    }

    if (work_parts(w)) {
        work_free(w);
        return OPEN_OK;
    }

    work_lines(w);
    ids_tell(w);

    /* a tree takes many times its text: who waits has it made anew */
    if (item->blocked) {
        work_free(w);
    }

    return OPEN_OK;
}
