/* The files that this process has open, each once: so that all of its sessions on one file share
 * one queue of writers, however and by whatever name they were opened. And the writers of a file,
 * each once for all sessions that can share it. */
#include "sqlite_internal.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

/* Held for moments only, and never while a file's own mutex is. */
static pthread_mutex_t list_mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t list_once = PTHREAD_ONCE_INIT;
static sqlite_file *list;
/* What the parent had open when this process was forked off. */
static sqlite_file *inherited;

static void lock_list(void) {
    (void)pthread_mutex_lock(&list_mutex);
}

static void unlock_list(void) {
    (void)pthread_mutex_unlock(&list_mutex);
}

/* A child starts with no files: the queues that it inherits are held by threads of its parent. */
static void forget_list(void) {
    sqlite_file **link = &list;

    while (*link != NULL) link = &(*link)->next;
    *link = inherited;
    inherited = list;
    list = NULL;
    (void)pthread_mutex_unlock(&list_mutex);
}

static void watch_forks(void) {
    (void)pthread_atfork(lock_list, unlock_list, forget_list);
}

farm_status sqlite_file_new(sqlite_file **out, farm_fault *fault) {
    sqlite_file *file = farm_allocate(sizeof *file);

    if (file == NULL) return sqlite_fault_memory(fault);
    *file = (sqlite_file){.references = 1};
    if (pthread_mutex_init(&file->mutex, NULL) != 0) {
        farm_free(file);
        return sqlite_fault_memory(fault);
    }
    *out = file;
    return FARM_OK;
}

static void free_file(sqlite_file *file) {
    (void)pthread_mutex_destroy(&file->mutex);
    farm_free(file);
}

/* With the list locked. An entry's inode cannot be another file's: whoever holds the entry holds
 * the file open. */
static sqlite_file *find_file(sqlite_file *first, const struct stat *place) {
    for (sqlite_file *file = first; file != NULL; file = file->next) {
        if (file->inode == (uint64_t)place->st_ino && file->device == (uint64_t)place->st_dev) {
            return file;
        }
    }
    return NULL;
}

/* SQLite itself counts the locks of a process by inode, and a child inherits the counts but not
 * the locks. It would believe itself protected, its parent would not see it, and the parent's last
 * close removes the log from under it: commits of the child were seen to vanish. */
static farm_status refuse_inherited(farm_fault *fault) {
    return sqlite_fault_set(fault, FARM_EUNSUPPORTED,
                            "the file was open when this process was forked: close it before "
                            "the fork, or open it from a program of its own");
}

farm_status sqlite_file_check(const char *path, farm_fault *fault) {
    struct stat place;

    if (stat(path, &place) != 0) return FARM_OK;
    lock_list();
    int32_t is_inherited = find_file(inherited, &place) != NULL;
    unlock_list();
    return is_inherited ? refuse_inherited(fault) : FARM_OK;
}

/* With the list locked. Adds made when the file is not there yet. */
static sqlite_file *find_or_add(const struct stat *place, sqlite_file *made) {
    sqlite_file *found = find_file(list, place);

    if (found != NULL) {
        found->references++;
        return found;
    }
    made->device = (uint64_t)place->st_dev;
    made->inode = (uint64_t)place->st_ino;
    made->is_listed = 1;
    made->next = list;
    list = made;
    return made;
}

farm_status sqlite_file_enter(const char *path, sqlite_file **out, farm_fault *fault) {
    struct stat place;
    sqlite_file *made = NULL;
    sqlite_file *found = NULL;

    if (stat(path, &place) != 0) {
        return sqlite_fault_set(fault, FARM_EUNAVAILABLE,
                                "the database file has gone from its place (error %d)", errno);
    }
    (void)pthread_once(&list_once, watch_forks);
    farm_status status = sqlite_file_new(&made, fault);
    if (status != FARM_OK) return status;

    lock_list();
    if (find_file(inherited, &place) == NULL) found = find_or_add(&place, made);
    unlock_list();

    if (found != made) free_file(made);
    if (found == NULL) return refuse_inherited(fault);
    *out = found;
    return FARM_OK;
}

sqlite_file *sqlite_file_share(sqlite_file *file) {
    lock_list();
    file->references++;
    unlock_list();
    return file;
}

/* With the list locked. */
static void unlist_file(const sqlite_file *file) {
    for (sqlite_file **link = &list; *link != NULL; link = &(*link)->next) {
        if (*link == file) {
            *link = file->next;
            return;
        }
    }
}

void sqlite_file_leave(sqlite_file *file) {
    if (file == NULL) return;
    lock_list();
    file->references--;
    int32_t is_last = file->references == 0;
    if (is_last && file->is_listed) unlist_file(file);
    unlock_list();
    if (is_last) free_file(file);
}

/* Writers. */

static void free_writer(sqlite_writer *writer) {
    sqlite_engine_clear(&writer->engine);
    (void)sqlite3_close_v2(writer->engine.handle);
    farm_free(writer->engine.cache);
    farm_free(writer->steps);
    farm_free(writer);
}

static farm_status new_writer(const farm_store *store, sqlite_writer **out, farm_fault *fault) {
    sqlite_writer *writer = farm_allocate(sizeof *writer);
    size_t size = store->statement_count * sizeof *writer->steps;

    if (writer == NULL) return sqlite_fault_memory(fault);
    *writer = (sqlite_writer){.references = 1, .is_durable = store->is_durable};
    writer->statement_count = store->statement_count;
    writer->steps = farm_allocate(size);
    farm_status status = sqlite_engine_init(&writer->engine, store->step_count);
    if (writer->steps == NULL || status != FARM_OK) {
        free_writer(writer);
        return sqlite_fault_memory(fault);
    }
    for (uint32_t i = 0; i < store->statement_count; i++) {
        writer->steps[i] = store->statements[i].steps;
    }
    *out = writer;
    return FARM_OK;
}

/* The same texts by the same numbers, so that what one prepares the other may run; and a commit
 * that is as sure as the store asks for. */
static int32_t fits(const sqlite_writer *writer, const farm_store *store) {
    if (writer->is_durable != store->is_durable) return 0;
    if (writer->statement_count != store->statement_count) return 0;
    for (uint32_t i = 0; i < store->statement_count; i++) {
        if (writer->steps[i] != store->statements[i].steps) return 0;
    }
    return 1;
}

farm_status sqlite_writer_enter(sqlite_file *file, const farm_store *store, sqlite_writer **out,
                                farm_fault *fault) {
    sqlite_writer *made = NULL;
    farm_status status = new_writer(store, &made, fault);

    if (status != FARM_OK) return status;
    lock_list();
    sqlite_writer *found = file->writers;
    while (found != NULL && !fits(found, store)) found = found->next;
    if (found != NULL) {
        found->references++;
    } else {
        made->next = file->writers;
        file->writers = made;
    }
    unlock_list();
    if (found != NULL) free_writer(made);
    *out = found != NULL ? found : made;
    return FARM_OK;
}

void sqlite_writer_leave(sqlite_file *file, sqlite_writer *writer) {
    if (writer == NULL) return;
    lock_list();
    writer->references--;
    int32_t is_last = writer->references == 0;
    if (is_last) {
        sqlite_writer **link = &file->writers;
        while (*link != writer) link = &(*link)->next;
        *link = writer->next;
    }
    unlock_list();
    if (is_last) free_writer(writer);
}
