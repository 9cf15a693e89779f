/* What a disk would hold if the power failed now. */
#include "fault_vfs_power.h"
#include "fault_vfs.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SECTOR_SIZE = 512 };

/* Bytes that grow. */
typedef struct image {
    unsigned char *data;
    size_t size;
} image;

/* Since the last sync; data NULL: the file was cut to that size. */
typedef struct change {
    struct change *next;
    unsigned char *data;
    size_t size;
    uint64_t offset;
} change;

struct power_file {
    power_file *next;
    char *path;
    int32_t references; /* open so often */
    int is_there;       /* by what the system sees */
    int is_kept;        /* the disk has an entry for what the system sees */
    int has_ghost;      /* the disk has an entry for what was here before it */
    image synced;
    image ghost;
    change *first;
    change *last;
};

static power_file *files;

static void *allocate(size_t size) {
    void *data = malloc(size == 0 ? 1 : size);
    if (data == NULL) {
        fputs("no memory for what the disk holds\n", stderr);
        abort();
    }
    return data;
}

static uint64_t draw(uint64_t *state) {
    uint64_t word = *state += UINT64_C(0x9e3779b97f4a7c15);
    word = (word ^ (word >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    word = (word ^ (word >> 27)) * UINT64_C(0x94d049bb133111eb);
    return word ^ (word >> 31);
}

/* --- images --- */

static void image_free(image *self) {
    free(self->data);
    *self = (image){.data = NULL};
}

/* What is new is filled with chance's bytes, or with zeros where there is none. */
static void image_resize(image *self, size_t size, uint64_t *chance) {
    unsigned char *data = allocate(size);
    size_t kept = size < self->size ? size : self->size;
    if (kept > 0) memcpy(data, self->data, kept);
    for (size_t i = kept; i < size; i++) data[i] = chance == NULL ? 0 : (unsigned char)draw(chance);
    free(self->data);
    *self = (image){.data = data, .size = size};
}

static void image_write(image *self, const unsigned char *data, size_t size, uint64_t offset,
                        uint64_t *chance) {
    size_t end = (size_t)offset + size;
    if (end > self->size) image_resize(self, end, chance);
    memcpy(self->data + offset, data, size);
}

static void image_read(image *self, const char *path) {
    unsigned char part[65536];
    FILE *stream = fopen(path, "rb");
    image_free(self);
    if (stream == NULL) return;
    for (size_t size = 1; size > 0;) {
        size = fread(part, 1, sizeof part, stream);
        if (size > 0) image_write(self, part, size, self->size, NULL);
    }
    fclose(stream);
}

static void image_store(const image *self, const char *path) {
    FILE *stream = fopen(path, "wb");
    size_t written = 0;
    if (stream != NULL && self->size > 0) written = fwrite(self->data, 1, self->size, stream);
    if (stream == NULL || written != self->size || fclose(stream) != 0) {
        perror(path);
        abort();
    }
}

/* --- changes --- */

static void add_change(power_file *file, const void *data, size_t size, uint64_t offset) {
    change *made = allocate(sizeof *made);
    *made = (change){.size = size, .offset = offset};
    if (data != NULL) {
        made->data = allocate(size);
        memcpy(made->data, data, size);
    }
    if (file->last == NULL)
        file->first = made;
    else
        file->last->next = made;
    file->last = made;
}

static void drop_changes(power_file *file) {
    change *next = NULL;
    for (change *at = file->first; at != NULL; at = next) {
        next = at->next;
        free(at->data);
        free(at);
    }
    file->first = file->last = NULL;
}

/* chance NULL: all of it. Otherwise each sector by itself, in the order of writing. */
static void apply_change(image *self, const change *at, uint64_t *chance) {
    if (at->data == NULL) {
        if (at->size < self->size && (chance == NULL || draw(chance) % 2 == 0))
            image_resize(self, at->size, NULL);
        return;
    }
    for (size_t done = 0; done < at->size;) {
        size_t part = SECTOR_SIZE - (size_t)((at->offset + done) % SECTOR_SIZE);
        if (part > at->size - done) part = at->size - done;
        if (chance == NULL || draw(chance) % 2 == 0)
            image_write(self, at->data + done, part, at->offset + done, chance);
        done += part;
    }
}

static void apply_changes(power_file *file, uint64_t *chance) {
    for (const change *at = file->first; at != NULL; at = at->next)
        apply_change(&file->synced, at, chance);
    drop_changes(file);
}

/* --- files --- */

static power_file *find(const char *path) {
    power_file *file = files;
    while (file != NULL && strcmp(file->path, path) != 0) file = file->next;
    return file;
}

power_file *power_file_open(const char *path, int is_new) {
    power_file *file = find(path);
    if (file == NULL) {
        file = allocate(sizeof *file);
        *file = (power_file){.next = files, .path = allocate(strlen(path) + 1)};
        memcpy(file->path, path, strlen(path) + 1);
        files = file;
    }
    if (!file->is_there) {
        drop_changes(file);
        image_free(&file->synced);
        if (!is_new) image_read(&file->synced, path);
        file->is_there = 1;
        file->is_kept = !is_new;
    }
    file->references++;
    return file;
}

void power_file_close(power_file *file) {
    file->references--;
}

void power_file_write(power_file *file, const void *data, size_t size, uint64_t offset) {
    add_change(file, data, size, offset);
}

void power_file_truncate(power_file *file, uint64_t size) {
    add_change(file, NULL, (size_t)size, 0);
}

/* The folder is on the disk with all that was done to it: in these tests there is one. */
static void sync_folder(void) {
    for (power_file *file = files; file != NULL; file = file->next) {
        file->has_ghost = 0;
        image_free(&file->ghost);
    }
}

/* A log that SQLite has made: with its first sync it syncs the folder, too. */
static int is_log(const power_file *file) {
    const char *dash = strrchr(file->path, '-');
    return dash != NULL && (strcmp(dash, "-wal") == 0 || strcmp(dash, "-journal") == 0);
}

void power_file_sync(power_file *file) {
    apply_changes(file, NULL);
    if (!file->is_kept && is_log(file)) sync_folder();
    file->is_kept = 1;
}

void power_file_delete(const char *path, int has_sync) {
    power_file *file = find(path);
    if (file == NULL || !file->is_there) return;
    if (file->is_kept && !has_sync) {
        image_free(&file->ghost);
        apply_changes(file, NULL);
        file->ghost = file->synced;
        file->has_ghost = 1;
        file->synced = (image){.data = NULL};
    }
    if (has_sync) sync_folder();
    drop_changes(file);
    image_free(&file->synced);
    file->is_there = file->is_kept = 0;
}

/* --- after the power has failed --- */

/* What is left of it, in synced; 0: nothing, not even an entry. */
static int settle(power_file *file, uint64_t *chance, int32_t unsynced) {
    int is_left = file->is_there;
    if (unsynced == FAULT_VFS_KEPT)
        apply_changes(file, NULL);
    else if (unsynced == FAULT_VFS_TORN)
        apply_changes(file, chance);
    drop_changes(file);
    int is_entry_lost =
        unsynced == FAULT_VFS_DROPPED || (unsynced == FAULT_VFS_TORN && draw(chance) % 2 == 0);
    if (is_entry_lost && !file->is_kept) {
        image_free(&file->synced);
        is_left = file->has_ghost;
        if (is_left) {
            file->synced = file->ghost;
            file->ghost = (image){.data = NULL};
        }
    }
    return is_left;
}

void power_restore(uint64_t seed, int32_t unsynced) {
    uint64_t chance = seed;
    power_file *next = NULL;
    for (power_file *file = files; file != NULL; file = next) {
        char shared[1024];
        next = file->next;
        if (file->references != 0) {
            fprintf(stderr, "%s is still open\n", file->path);
            abort();
        }
        if (settle(file, &chance, unsynced))
            image_store(&file->synced, file->path);
        else
            unlink(file->path);
        /* Memory that was shared is gone with the power. */
        snprintf(shared, sizeof shared, "%s-shm", file->path);
        unlink(shared);
        image_free(&file->synced);
        image_free(&file->ghost);
        free(file->path);
        free(file);
    }
    files = NULL;
}
