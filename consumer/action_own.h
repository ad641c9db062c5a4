/* What the files of the grammar share, and nobody else sees. */

#ifndef ACTION_OWN_H
#define ACTION_OWN_H

#include "action.h"


#define PARAM_PATH_MAX   64             /* as in struct fault */
#define ACTION_JSON_MAX  (256 * 1024)

#define COUNT(table)  (sizeof(table) / sizeof((table)[0]))


/* read gets the value of one parameter, whose path is for the fault */
typedef int (*field_read)(const struct json *j, const char *path,
    struct action *a, struct fault *f);

struct field {
    const char  *name;
    field_read   read;      /* NULL: of the contract, not of this version */
};


/* action_params.c */
void param_join(char out[PARAM_PATH_MAX], const char *path, struct str key);
int param_text(const struct json *j, const char *path, struct action *a,
    struct fault *f);
int param_quick(const struct json *j, const char *path, struct action *a,
    struct fault *f);
int param_raw(const struct json *j, const char *path, struct action *a,
    struct fault *f);
int param_account(const struct json *j, const char *path, struct action *a,
    struct fault *f);
int param_to(const struct json *j, const char *path, struct action *a,
    struct fault *f);
int param_list(const struct json *j, const char *path, struct action *a,
    struct fault *f);
int param_handler(const struct json *j, const char *path, struct action *a,
    struct fault *f);
int param_method(const struct json *j, const char *path, struct action *a,
    struct fault *f);
int param_path(const struct json *j, const char *path, struct action *a,
    struct fault *f);
int param_params(const struct json *j, const char *path, struct action *a,
    struct fault *f);


#endif /* ACTION_OWN_H */
