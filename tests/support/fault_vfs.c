/* A SQLite VFS that fails, in front of the real one. */
#include "fault_vfs.h"
#include "fault_vfs_power.h"
#include <errno.h>
#include <pthread.h>
#include <sqlite3.h>
#include <string.h>

typedef struct fault_file {
    sqlite3_file base;
    power_file *watched; /* NULL: it has no name, or nobody watches */
    sqlite3_file *real;  /* follows in the same memory */
} fault_file;

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
/* All guarded by mutex. */
static struct {
    uint64_t nth;
    uint64_t count;
    uint32_t kinds;
    int32_t how;
    int has_fired;
    int64_t room; /* bytes until the disk is full; -1: without end */
    uint32_t lies;
    int is_skipping;
    int is_watching;
    int is_cut;
    int is_seeded;
    uint64_t seed;
} plan = {.room = -1};

static sqlite3_vfs *real_vfs;
static sqlite3_vfs vfs;

/* Whether this I/O fails. */
static int fails(uint32_t kind) {
    pthread_mutex_lock(&mutex);
    int is_failing = plan.is_cut;
    if (!is_failing && (plan.kinds & kind) != 0) {
        plan.count++;
        is_failing = plan.nth != 0 && (plan.count == plan.nth ||
                                       (plan.count > plan.nth && plan.how == FAULT_VFS_FOR_GOOD));
        if (is_failing) plan.has_fired = 1;
        if (is_failing && plan.how == FAULT_VFS_POWER) plan.is_cut = 1;
    }
    pthread_mutex_unlock(&mutex);
    if (is_failing) errno = EIO;
    return is_failing;
}

static int lies_about(uint32_t kind) {
    pthread_mutex_lock(&mutex);
    int is_lie = (plan.lies & kind) != 0;
    pthread_mutex_unlock(&mutex);
    return is_lie;
}

static sqlite3_file *real_of(sqlite3_file *file) {
    return ((fault_file *)file)->real;
}

/* --- reading and writing --- */

static int close_file(sqlite3_file *file) {
    fault_file *self = (fault_file *)file;
    int result = self->real->pMethods->xClose(self->real);
    pthread_mutex_lock(&mutex);
    if (self->watched != NULL) power_file_close(self->watched);
    pthread_mutex_unlock(&mutex);
    return result;
}

static int read_file(sqlite3_file *file, void *data, int size, sqlite3_int64 offset) {
    if (fails(FAULT_VFS_READ)) return SQLITE_IOERR_READ;
    return real_of(file)->pMethods->xRead(real_of(file), data, size, offset);
}

/* How much of it the disk has room for. */
static int take_room(sqlite3_file *real, int size, sqlite3_int64 offset) {
    sqlite3_int64 before = 0;
    int fitting = size;
    if (real->pMethods->xFileSize(real, &before) != SQLITE_OK) return size;
    pthread_mutex_lock(&mutex);
    sqlite3_int64 growth = offset + size - before;
    if (plan.room >= 0 && growth > 0) {
        sqlite3_int64 lacking = growth - plan.room;
        plan.room = lacking > 0 ? 0 : plan.room - growth;
        if (lacking > 0) {
            plan.has_fired = 1;
            fitting = lacking < size ? size - (int)lacking : 0;
        }
    }
    pthread_mutex_unlock(&mutex);
    return fitting;
}

static int put(fault_file *self, const void *data, int size, sqlite3_int64 offset) {
    int result = self->real->pMethods->xWrite(self->real, data, size, offset);
    pthread_mutex_lock(&mutex);
    if (self->watched != NULL && result == SQLITE_OK)
        power_file_write(self->watched, data, (size_t)size, (uint64_t)offset);
    pthread_mutex_unlock(&mutex);
    return result;
}

static int write_file(sqlite3_file *file, const void *data, int size, sqlite3_int64 offset) {
    fault_file *self = (fault_file *)file;
    int was_cut = fault_vfs_power_is_cut();
    if (fails(FAULT_VFS_WRITE)) {
        if (!was_cut && size > 1) (void)put(self, data, size / 2, offset);
        return SQLITE_IOERR_WRITE;
    }
    int fitting = take_room(self->real, size, offset);
    int result = fitting > 0 ? put(self, data, fitting, offset) : SQLITE_OK;
    return result == SQLITE_OK && fitting < size ? SQLITE_FULL : result;
}

static int truncate_file(sqlite3_file *file, sqlite3_int64 size) {
    fault_file *self = (fault_file *)file;
    if (fails(FAULT_VFS_TRUNCATE)) return SQLITE_IOERR_TRUNCATE;
    int result = self->real->pMethods->xTruncate(self->real, size);
    pthread_mutex_lock(&mutex);
    if (self->watched != NULL && result == SQLITE_OK)
        power_file_truncate(self->watched, (uint64_t)size);
    pthread_mutex_unlock(&mutex);
    return result;
}

static int sync_file(sqlite3_file *file, int flags) {
    fault_file *self = (fault_file *)file;
    if (fails(FAULT_VFS_SYNC)) return SQLITE_IOERR_FSYNC;
    if (lies_about(FAULT_VFS_SYNC)) return SQLITE_OK;
    pthread_mutex_lock(&mutex);
    int is_skipping = plan.is_skipping;
    pthread_mutex_unlock(&mutex);
    int result = is_skipping ? SQLITE_OK : self->real->pMethods->xSync(self->real, flags);
    pthread_mutex_lock(&mutex);
    if (self->watched != NULL && result == SQLITE_OK) power_file_sync(self->watched);
    pthread_mutex_unlock(&mutex);
    return result;
}

static int file_size(sqlite3_file *file, sqlite3_int64 *out) {
    if (fails(FAULT_VFS_STATUS)) return SQLITE_IOERR_FSTAT;
    return real_of(file)->pMethods->xFileSize(real_of(file), out);
}

/* --- locks --- */

static int lock_file(sqlite3_file *file, int kind) {
    if (fails(FAULT_VFS_LOCK)) return SQLITE_IOERR_LOCK;
    return real_of(file)->pMethods->xLock(real_of(file), kind);
}

static int unlock_file(sqlite3_file *file, int kind) {
    return real_of(file)->pMethods->xUnlock(real_of(file), kind);
}

static int check_reserved_lock(sqlite3_file *file, int *out) {
    if (fails(FAULT_VFS_LOCK)) return SQLITE_IOERR_CHECKRESERVEDLOCK;
    return real_of(file)->pMethods->xCheckReservedLock(real_of(file), out);
}

static int file_control(sqlite3_file *file, int operation, void *argument) {
    return real_of(file)->pMethods->xFileControl(real_of(file), operation, argument);
}

static int sector_size(sqlite3_file *file) {
    return real_of(file)->pMethods->xSectorSize(real_of(file));
}

static int device_characteristics(sqlite3_file *file) {
    return real_of(file)->pMethods->xDeviceCharacteristics(real_of(file));
}

static int shm_map(sqlite3_file *file, int page, int page_size, int is_extending,
                   void volatile **out) {
    if (fails(FAULT_VFS_SHM)) {
        *out = NULL;
        return SQLITE_IOERR_SHMMAP;
    }
    return real_of(file)->pMethods->xShmMap(real_of(file), page, page_size, is_extending, out);
}

static int shm_lock(sqlite3_file *file, int offset, int count, int flags) {
    if ((flags & SQLITE_SHM_LOCK) != 0 && fails(FAULT_VFS_SHM)) return SQLITE_IOERR_SHMLOCK;
    if (lies_about(FAULT_VFS_SHM)) return SQLITE_OK;
    return real_of(file)->pMethods->xShmLock(real_of(file), offset, count, flags);
}

static void shm_barrier(sqlite3_file *file) {
    real_of(file)->pMethods->xShmBarrier(real_of(file));
}

static int shm_unmap(sqlite3_file *file, int is_deleting) {
    return real_of(file)->pMethods->xShmUnmap(real_of(file), is_deleting);
}

static const sqlite3_io_methods methods = {.iVersion = 2,
                                           .xClose = close_file,
                                           .xRead = read_file,
                                           .xWrite = write_file,
                                           .xTruncate = truncate_file,
                                           .xSync = sync_file,
                                           .xFileSize = file_size,
                                           .xLock = lock_file,
                                           .xUnlock = unlock_file,
                                           .xCheckReservedLock = check_reserved_lock,
                                           .xFileControl = file_control,
                                           .xSectorSize = sector_size,
                                           .xDeviceCharacteristics = device_characteristics,
                                           .xShmMap = shm_map,
                                           .xShmLock = shm_lock,
                                           .xShmBarrier = shm_barrier,
                                           .xShmUnmap = shm_unmap};

/* --- the file system --- */

static int open_file(sqlite3_vfs *self, const char *path, sqlite3_file *file, int flags,
                     int *out_flags) {
    fault_file *made = (fault_file *)file;
    int is_there = 0;
    (void)self;
    *made = (fault_file){.real = (sqlite3_file *)(made + 1)};
    if (fails(FAULT_VFS_OPEN)) return SQLITE_CANTOPEN;
    if (path != NULL) real_vfs->xAccess(real_vfs, path, SQLITE_ACCESS_EXISTS, &is_there);
    int result = real_vfs->xOpen(real_vfs, path, made->real, flags, out_flags);
    if (result != SQLITE_OK) {
        if (made->real->pMethods != NULL) made->real->pMethods->xClose(made->real);
        return result;
    }
    made->base.pMethods = &methods;
    pthread_mutex_lock(&mutex);
    if (path != NULL && plan.is_watching) made->watched = power_file_open(path, !is_there);
    pthread_mutex_unlock(&mutex);
    return SQLITE_OK;
}

static int delete_file(sqlite3_vfs *self, const char *path, int has_sync) {
    (void)self;
    if (fails(FAULT_VFS_DELETE)) return SQLITE_IOERR_DELETE;
    int result = real_vfs->xDelete(real_vfs, path, has_sync);
    pthread_mutex_lock(&mutex);
    if (plan.is_watching && result == SQLITE_OK) power_file_delete(path, has_sync);
    pthread_mutex_unlock(&mutex);
    return result;
}

static int access_file(sqlite3_vfs *self, const char *path, int flags, int *out) {
    (void)self;
    if (fails(FAULT_VFS_STATUS)) return SQLITE_IOERR_ACCESS;
    return real_vfs->xAccess(real_vfs, path, flags, out);
}

static int full_path(sqlite3_vfs *self, const char *path, int size, char *out) {
    (void)self;
    return real_vfs->xFullPathname(real_vfs, path, size, out);
}

static int fill_random(sqlite3_vfs *self, int size, char *out) {
    (void)self;
    pthread_mutex_lock(&mutex);
    int is_seeded = plan.is_seeded;
    for (int i = 0; i < size && is_seeded; i++) {
        plan.seed = plan.seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        out[i] = (char)(plan.seed >> 56);
    }
    pthread_mutex_unlock(&mutex);
    return is_seeded ? size : real_vfs->xRandomness(real_vfs, size, out);
}

int fault_vfs_register(void) {
    if (real_vfs != NULL) return 1;
    real_vfs = sqlite3_vfs_find(NULL);
    if (real_vfs == NULL) return 0;
    vfs = *real_vfs;
    vfs.pNext = NULL;
    vfs.zName = "fault";
    vfs.szOsFile = (int)sizeof(fault_file) + real_vfs->szOsFile;
    vfs.xOpen = open_file;
    vfs.xDelete = delete_file;
    vfs.xAccess = access_file;
    vfs.xFullPathname = full_path;
    vfs.xRandomness = fill_random;
    return sqlite3_vfs_register(&vfs, 1) == SQLITE_OK;
}

/* --- what the test says --- */

void fault_vfs_fail(uint64_t nth, uint32_t kinds, int32_t how) {
    pthread_mutex_lock(&mutex);
    plan.nth = nth;
    plan.kinds = kinds;
    plan.how = how;
    plan.count = 0;
    plan.has_fired = 0;
    if (nth == 0) plan.room = -1;
    pthread_mutex_unlock(&mutex);
}

uint64_t fault_vfs_count(void) {
    pthread_mutex_lock(&mutex);
    uint64_t count = plan.count;
    pthread_mutex_unlock(&mutex);
    return count;
}

int fault_vfs_has_fired(void) {
    pthread_mutex_lock(&mutex);
    int has_fired = plan.has_fired;
    pthread_mutex_unlock(&mutex);
    return has_fired;
}

void fault_vfs_fill(int64_t size) {
    pthread_mutex_lock(&mutex);
    plan.room = size;
    plan.has_fired = 0;
    pthread_mutex_unlock(&mutex);
}

void fault_vfs_skip_syncs(int is_skipping) {
    pthread_mutex_lock(&mutex);
    plan.is_skipping = is_skipping;
    pthread_mutex_unlock(&mutex);
}

void fault_vfs_seed(uint64_t seed) {
    pthread_mutex_lock(&mutex);
    plan.is_seeded = 1;
    plan.seed = seed;
    pthread_mutex_unlock(&mutex);
}

void fault_vfs_lie(uint32_t kinds) {
    pthread_mutex_lock(&mutex);
    plan.lies = kinds;
    pthread_mutex_unlock(&mutex);
}

void fault_vfs_power_watch(void) {
    pthread_mutex_lock(&mutex);
    plan.is_watching = 1;
    pthread_mutex_unlock(&mutex);
}

void fault_vfs_power_cut(void) {
    pthread_mutex_lock(&mutex);
    plan.is_cut = 1;
    pthread_mutex_unlock(&mutex);
}

int fault_vfs_power_is_cut(void) {
    pthread_mutex_lock(&mutex);
    int is_cut = plan.is_cut;
    pthread_mutex_unlock(&mutex);
    return is_cut;
}

void fault_vfs_power_restore(uint64_t seed, int32_t unsynced) {
    fault_vfs_fail(0, 0, FAULT_VFS_ONCE);
    pthread_mutex_lock(&mutex);
    power_restore(seed, unsynced);
    plan.is_cut = 0;
    pthread_mutex_unlock(&mutex);
}
