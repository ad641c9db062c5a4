/*
 * Configurations: good, or refused with one line that names the file.
 */

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "consumer/conf.h"


#define check(condition)  ((condition) ? (void) 0 : abort())


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int           fd;
    char          file[32], error[CONF_ERROR_MAX];
    struct conf  *conf;

    /* a path of the text may be a device that never ends */
    if (memmem(data, size, "/dev", 4) != NULL
        || memmem(data, size, "/proc", 5) != NULL)
    {
        return 0;
    }

    fd = memfd_create("conf", 0);
    check(fd >= 0 && write(fd, data, size) == (ssize_t) size);
    snprintf(file, sizeof(file), "/proc/self/fd/%d", fd);

    conf = conf_load(file, true, error);
    check((conf == NULL) == (*error != '\0'));
    conf_drop(conf);
    close(fd);

    return 0;
}
