/* A SQLite database as files. */
#include "store_file.h"
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

void store_file_remove(const char *path) {
    static const char *const suffixes[] = {"", "-wal", "-shm", "-journal"};
    for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++) {
        char name[1100];
        snprintf(name, sizeof name, "%s%s", path, suffixes[i]);
        unlink(name);
    }
}

void store_file_copy(const char *from, const char *to) {
    char part[65536];
    FILE *in = fopen(from, "rb");
    FILE *out = fopen(to, "wb");
    if (in == NULL || out == NULL) {
        perror(from);
        abort();
    }
    for (size_t size = 1; size > 0;) {
        size = fread(part, 1, sizeof part, in);
        if (fwrite(part, 1, size, out) != size) abort();
    }
    fclose(in);
    if (fclose(out) != 0) abort();
}
