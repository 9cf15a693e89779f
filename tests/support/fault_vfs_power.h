/* What a disk would hold if the power failed now: of each file its content as of the last sync, and
 * what has been written since. Inside of fault_vfs.c, which holds its mutex around each call. */
#ifndef FAULT_VFS_POWER_H
#define FAULT_VFS_POWER_H

#include <stddef.h>
#include <stdint.h>

typedef struct power_file power_file;

/* The file at that place is opened; is_new: this call has made it. Aborts without memory, as all of
 * these do: it is a test that runs. */
power_file *power_file_open(const char *path, int is_new);
void power_file_close(power_file *file);
void power_file_write(power_file *file, const void *data, size_t size, uint64_t offset);
void power_file_truncate(power_file *file, uint64_t size);
/* All of it is on the disk now, its entry too. */
void power_file_sync(power_file *file);
/* has_sync: its entry is gone for good. */
void power_file_delete(const char *path, int has_sync);
/* Write what is left of each file, and forget what was recorded. unsynced: FAULT_VFS_DROPPED … */
void power_restore(uint64_t seed, int32_t unsynced);

#endif
