/* A SQLite VFS that fails: in front of the real one, as the default, so that whoever opens a
 * database uses it unknowingly. The nth I/O fails, the disk fills up, locks or syncs are a lie, or
 * the power fails and what was not synced is dropped, kept or torn.
 *
 * All of it is of the process and may be called from any thread. It needs a SQLite that is not in
 * use yet. */
#ifndef FAULT_VFS_H
#define FAULT_VFS_H

#include <stdint.h>

/* Kinds of I/O, a set. */
enum {
    FAULT_VFS_READ = 1,
    FAULT_VFS_WRITE = 2, /* half of it is written all the same */
    FAULT_VFS_SYNC = 4,
    FAULT_VFS_TRUNCATE = 8,
    FAULT_VFS_OPEN = 16,
    FAULT_VFS_DELETE = 32,
    FAULT_VFS_SHM = 64,     /* mapping the shared memory of a write-ahead log, and its locks */
    FAULT_VFS_LOCK = 128,   /* of the database file; giving one back never fails */
    FAULT_VFS_STATUS = 256, /* the size of a file, and whether it is there */
    FAULT_VFS_ALL = 511
};

/* How it fails. */
enum {
    FAULT_VFS_ONCE = 0,
    FAULT_VFS_FOR_GOOD = 1, /* and so does each of these kinds after it */
    FAULT_VFS_POWER = 2     /* the power fails during it: fault_vfs_power_restore() */
};

/* Put it in front of the default VFS. 0 when SQLite refuses. Again: nothing. */
int fault_vfs_register(void);

/* Let the nth I/O of these kinds from now on fail, 1 being the next; 0: none does, and the disk is
 * well again. Counting starts anew. */
void fault_vfs_fail(uint64_t nth, uint32_t kinds, int32_t how);
/* How many such I/Os there were since, and whether one of them failed. */
uint64_t fault_vfs_count(void);
int fault_vfs_has_fired(void);
/* Files may grow by so many bytes in all before the disk is full; -1: without end. What still fits
 * is written. */
void fault_vfs_fill(int64_t size);

/* Syncs are not handed to the real disk: for speed, where the power is a play anyhow. */
void fault_vfs_skip_syncs(int is_skipping);
/* SQLite's own randomness, which goes into its logs: the same from now on for the same seed. Before
 * SQLite has drawn any. */
void fault_vfs_seed(uint64_t seed);
/* Planted faults: FAULT_VFS_SYNC says that it has synced, FAULT_VFS_SHM that it has the lock. */
void fault_vfs_lie(uint32_t kinds);

/* --- power: only of files that are opened through this process --- */

/* What becomes of writes that were not synced. */
enum {
    FAULT_VFS_DROPPED = 0,
    FAULT_VFS_KEPT = 1,
    FAULT_VFS_TORN = 2 /* of each sector of 512 bytes chance decides; holes hold anything */
};

/* Watch the files that are opened from now on, whose content counts as synced. */
void fault_vfs_power_watch(void);
/* The power fails: until restore every I/O does. Close all connections meanwhile. */
void fault_vfs_power_cut(void);
int fault_vfs_power_is_cut(void);
/* Make the files what the disk would hold, and go on. Files and their entries in the folder: one
 * that was made and never synced may vanish, one that was deleted without a sync may come back. */
void fault_vfs_power_restore(uint64_t seed, int32_t unsynced);

#endif
