/* A step whose message holds a file of this machine: the file goes first, and
   the message names the id that Meta gave it
   (meta-webhooks-and-messaging.md 7.4, 8). */

#include "work_own.h"
#include "file.h"

#include <stdlib.h>
#include <unistd.h>

#include <openssl/rand.h>


#define MEDIA_UPLOAD_FAILED  131053


/* upload_needed: the file of the step at has no id yet */
bool upload_needed(const struct work *w)
{
    const struct step  *step = &w->plan.steps[w->plan.at];

    return step->action->file != NULL && step->media == NULL;
}


/* a line of 128 random bits, which no file holds by chance */
static void boundary_make(char out[33])
{
    size_t         i;
    unsigned char  bytes[16];

    RAND_bytes(bytes, sizeof(bytes));
    for (i = 0; i < sizeof(bytes); i++) {
        out[2 * i] = "0123456789abcdef"[bytes[i] >> 4];
        out[2 * i + 1] = "0123456789abcdef"[bytes[i] & 15];
    }
    out[32] = '\0';
}


static void form_field(struct buf *b, const char *boundary, const char *name,
    const char *value)
{
    buf_format(b, "--%s\r\nContent-Disposition: form-data; name=\"%s\""
               "\r\n\r\n%s\r\n", boundary, name, value);
}


/* the file's own name, but for what might end the line or the quotes */
static void form_name(struct buf *b, const char *name)
{
    for (; *name != '\0'; name++) {
        buf_add(b, (unsigned char) *name < 0x20 || *name == '"'
                || *name == '\\' || *name == 0x7f ? "_" : name, 1);
    }
}


static void form_file(struct buf *b, const char *boundary, const char *field,
    const struct file *file)
{
    buf_format(b, "--%s\r\nContent-Disposition: form-data; name=\"%s\";"
               " filename=\"", boundary, field);
    form_name(b, file->name);
    buf_format(b, "\"\r\nContent-Type: %s\r\n\r\n", file->mime);
}


/* POST /{phone-number-id}/media, and for the others /message_attachments,
   whose path the reference has from general knowledge */
static void upload_form(struct work *w, const struct file *file,
    const char *boundary)
{
    struct reply_call  *call = &w->call;
    enum content        content;
    static const char  *names[CONTENTS] = {
        [CONTENT_IMAGE] = "image", [CONTENT_VIDEO] = "video",
        [CONTENT_AUDIO] = "audio", [CONTENT_DOCUMENT] = "file"
    };

    content = w->plan.steps[w->plan.at].action->content;
    buf_str(&call->path, w->target.sender);

    if (w->target.product == PRODUCT_WHATSAPP) {
        buf_text(&call->path, "/media");
        form_field(&call->body, boundary, "messaging_product", "whatsapp");
        form_field(&call->body, boundary, "type", file->mime);
        form_file(&call->body, boundary, "file", file);

    } else {
        buf_text(&call->path, "/message_attachments");
        buf_format(&call->body, "--%s\r\nContent-Disposition: form-data;"
                   " name=\"message\"\r\n\r\n{\"attachment\":{\"type\":\"%s\""
                   ",\"payload\":{\"is_reusable\":true}}}\r\n", boundary,
                   names[content]);
        form_file(&call->body, boundary, "filedata", file);
    }

    buf_format(&call->tail, "\r\n--%s--\r\n", boundary);
    buf_format(&call->form, "multipart/form-data; boundary=%s", boundary);
    buf_add(&call->form, "", 1);
    call->type = call->form.at;
    call->fd = file->fd;
    call->size = file->size;
}


/* upload_write writes the call that sends the file; false: it may not be
   sent, and the work has ended */
bool upload_write(struct work *w)
{
    int                  rc;
    char                 boundary[33];
    struct file          file = { .fd = -1 };
    struct fault         fault;
    const struct step   *step = &w->plan.steps[w->plan.at];
    struct json_doc     *doc;
    struct action_place  place = { .product = w->target.product };
    struct check_of      c = {
        step->action, &place, &w->target, NULL,
        action_name(step->action->kind)
    };

    if (!step->files && w->conf->files_dir == NULL) {
        end_dead(w, "record", "outbox.files_dir is not set any more", NULL);
        return false;
    }

    c.content = action_content(step->action, &doc);
    rc = file_open(&file, &c, w->target.product,
                   step->files ? NULL : w->conf->files_dir, &fault);
    json_free(doc);

    if (rc != 0) {
        end_fault(w, w->is_job ? "job" : "record", &fault);
        return false;
    }

    reply_call_init(&w->call, METHOD_POST);
    w->call.idempotent = true;      /* another id, that is all */
    w->uploading = true;
    boundary_make(boundary);
    upload_form(w, &file, boundary);

    return true;
}


/* upload_good keeps the id; it is written with the mark of the message */
void upload_good(struct work *w, const struct verdict *v)
{
    struct str    id = json_get_text(v->root, "id");
    struct step  *step = &w->plan.steps[w->plan.at];

    w->uploading = false;

    if (id.len == 0) {
        id = json_get_text(v->root, "attachment_id");
    }

    if (id.len == 0 || id.len > 128) {
        end_dead(w, "graph_answer", "the answer names no media id", v);
        return;
    }

    step->media = mem_copy(id.at, id.len);
    w->plan.tries = w->plan.errors = 0;
    w->plan.stored = false;
    call_begin(w);
}


/* upload_again: Meta could not do with the file, which is uploaded once more
   (10.4: 131053) */
bool upload_again(struct work *w, const struct verdict *v)
{
    struct step  *step = &w->plan.steps[w->plan.at];

    if (v->code != MEDIA_UPLOAD_FAILED || step->action->file == NULL
        || step->again)
    {
        return false;
    }

    free(step->media);
    step->media = NULL;
    step->again = true;
    step->state = STEP_OPEN;
    w->uploading = false;
    w->plan.stored = false;
    call_begin(w);

    return true;
}
