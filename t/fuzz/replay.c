/*
 * Gives a fuzz target the files named, one after another: the corpus as a
 * plain test, for machines without libFuzzer.
 */

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


int
main(int argc, char **argv)
{
    int       i;
    long      size;
    FILE     *f;
    uint8_t  *data;

    for (i = 1; i < argc; i++) {
        f = fopen(argv[i], "rb");

        if (f == NULL || fseek(f, 0, SEEK_END) != 0
            || (size = ftell(f)) < 0)
        {
            perror(argv[i]);
            return 1;
        }

        rewind(f);

        /* no byte more than the file has: reads past it are seen */

        data = malloc(size == 0 ? 1 : (size_t) size);

        if (data == NULL
            || fread(data, 1, (size_t) size, f) != (size_t) size)
        {
            perror(argv[i]);
            return 1;
        }

        fclose(f);

        fprintf(stderr, "%s\n", argv[i]);
        (void) LLVMFuzzerTestOneInput(data, (size_t) size);

        free(data);
    }

    printf("%d files\n", argc - 1);

    return 0;
}
