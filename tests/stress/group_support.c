/* See group_support.h. */
#include "group_support.h"
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

const farm_backend *group_backend;
atomic_int group_failures;

void group_claim(int32_t is_true, const char *file, int line, const char *text) {
    enum { PRINTED_MAX = 20 };
    if (is_true) return;
    if (atomic_fetch_add(&group_failures, 1) < PRINTED_MAX)
        fprintf(stderr, "not ok: %s:%d: %s\n", file, line, text);
}

static void stop(const char *what, const char *text) {
    fprintf(stderr, "%s: %s\n", what, text);
    exit(EXIT_FAILURE);
}

/* --- statements --- */

static const uint8_t integers[] = {FARM_INTEGER, FARM_INTEGER};
static const char *const add_steps[] = {"INSERT INTO entry (id, amount) VALUES (?1, ?2)"};
static const char *const take_steps[] = {
    "UPDATE stock SET held = held - ?1 WHERE id = 1 AND held >= ?1"};
static const char *const give_steps[] = {"UPDATE stock SET held = held + ?1 WHERE id = 1"};
static const char *const stock_steps[] = {"SELECT held FROM stock WHERE id = 1"};
static const char *const orphan_steps[] = {"INSERT INTO child (id, parent) VALUES (?1, -?1)"};
static const char *const spoil_steps[] = {
    "INSERT OR ROLLBACK INTO entry (id, amount) VALUES (?1, 0)"};
static const char *const read_long_steps[] = {
    "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) "
    "SELECT COUNT(*) FROM n WHERE i < 0"};
static const char *const add_long_steps[] = {
    "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) "
    "INSERT INTO entry (id, amount) SELECT i, 0 FROM n WHERE i < 0"};

static const char *const add_many_steps[] = {
    "WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 4999) "
    "INSERT INTO entry (id, amount) SELECT ?1 + i, 0 FROM n WHERE true RETURNING id"};

#define STATEMENT(number_, name_, steps_, parameters, columns_, expect_)                           \
    [number_] = {.name = (name_),                                                                  \
                 .steps = (steps_),                                                                \
                 .step_count = 1,                                                                  \
                 .params = integers,                                                               \
                 .columns = integers,                                                              \
                 .param_count = (parameters),                                                      \
                 .shared_count = (parameters),                                                     \
                 .column_count = (columns_),                                                       \
                 .expect = (expect_),                                                              \
                 .number = (number_)}

const farm_statement group_statements[GROUP_STATEMENT_COUNT] = {
    STATEMENT(GROUP_ADD, "group.add", add_steps, 2, 0, -1),
    STATEMENT(GROUP_TAKE, "group.take", take_steps, 1, 0, 1),
    STATEMENT(GROUP_GIVE, "group.give", give_steps, 1, 0, 1),
    STATEMENT(GROUP_STOCK, "group.stock", stock_steps, 0, 1, 1),
    STATEMENT(GROUP_ORPHAN, "group.orphan", orphan_steps, 1, 0, -1),
    STATEMENT(GROUP_SPOIL, "group.spoil", spoil_steps, 1, 0, -1),
    STATEMENT(GROUP_READ_LONG, "group.read_long", read_long_steps, 0, 1, 1),
    STATEMENT(GROUP_ADD_LONG, "group.add_long", add_long_steps, 0, 0, -1),
    STATEMENT(GROUP_ADD_MANY, "group.add_many", add_many_steps, 1, 1, -1),
};

void group_call_init(group_call *call, uint32_t statement, int64_t first, int64_t second) {
    memset(call, 0, sizeof *call);
    call->values[0] = (farm_value){.type = FARM_INTEGER, .integer = first};
    call->values[1] = (farm_value){.type = FARM_INTEGER, .integer = second};
    call->call.statement = &group_statements[statement];
    call->call.row_count = 1;
}

farm_status group_run(group_client *client, group_call *calls, size_t count, uint32_t flags) {
    farm_call list[8];
    if (count > 8) stop("run", "too many calls");
    for (size_t i = 0; i < count; i++) {
        list[i] = calls[i].call;
        list[i].shared = calls[i].values;
    }
    return group_backend->run(client->connection, list, count, flags, &client->fault);
}

/* --- store --- */

void group_remove_file(const char *path) {
    static const char *const suffixes[] = {"", "-wal", "-shm"};
    char name[1024];
    for (size_t i = 0; i < 3; i++) {
        snprintf(name, sizeof name, "%s%s", path, suffixes[i]);
        unlink(name);
    }
}

void group_make_file(const char *path) {
    sqlite3 *handle = NULL;
    group_remove_file(path);
    group_backend = farm_backend_find("sqlite");
    if (sqlite3_open(path, &handle) != SQLITE_OK ||
        sqlite3_exec(handle,
                     "CREATE TABLE entry (id INTEGER PRIMARY KEY, amount INTEGER NOT NULL"
                     " CHECK (amount >= 0));"
                     "CREATE TABLE child (id INTEGER PRIMARY KEY, parent INTEGER NOT NULL"
                     " REFERENCES entry (id) DEFERRABLE INITIALLY DEFERRED);"
                     "CREATE TABLE stock (id INTEGER PRIMARY KEY, held INTEGER NOT NULL);"
                     "INSERT INTO stock (id, held) VALUES (1, 0);",
                     NULL, NULL, NULL) != SQLITE_OK)
        stop(path, sqlite3_errmsg(handle));
    sqlite3_close(handle);
}

farm_store *group_open_store(const char *path, const char *durability) {
    static char uris[8][1024]; /* they live as long as their stores */
    static size_t uri_count;
    static farm_setting settings[8];
    const size_t place = uri_count++ % 8;
    farm_fault fault = {.call = -1};
    farm_store *store = NULL;
    snprintf(uris[place], sizeof uris[place], "sqlite:%s", path);
    settings[place] = (farm_setting){.name = "durability", .value = durability};
    const farm_store_config config = {.struct_size = sizeof config,
                                      .statement_count = GROUP_STATEMENT_COUNT,
                                      .statements = group_statements,
                                      .uri = uris[place],
                                      .settings = &settings[place],
                                      .setting_count = 1};
    if (group_backend->store_open(&config, &store, &fault) != FARM_OK) stop(path, fault.text);
    return store;
}

farm_connection *group_connect(farm_store *store) {
    farm_fault fault = {.call = -1};
    farm_connection *connection = NULL;
    if (group_backend->open(store, 0, &connection, &fault) != FARM_OK) stop("open", fault.text);
    return connection;
}

int64_t group_ask(const char *path, const char *query) {
    sqlite3 *handle = NULL;
    sqlite3_stmt *statement = NULL;
    if (sqlite3_open(path, &handle) != SQLITE_OK ||
        sqlite3_busy_timeout(handle, 60000) != SQLITE_OK ||
        sqlite3_prepare_v2(handle, query, -1, &statement, NULL) != SQLITE_OK ||
        sqlite3_step(statement) != SQLITE_ROW)
        stop(query, sqlite3_errmsg(handle));
    const int64_t answer = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    sqlite3_close(handle);
    return answer;
}

int64_t group_log_size(const char *path) {
    struct stat place;
    char name[1024];
    snprintf(name, sizeof name, "%s-wal", path);
    return stat(name, &place) == 0 ? (int64_t)place.st_size : -1;
}

/* --- clients --- */

uint32_t group_line(const farm_connection *connection) {
    sqlite_file *file = connection->file;
    uint32_t count = 0;
    pthread_mutex_lock(&file->mutex);
    for (const sqlite_waiter *each = file->first; each != NULL; each = each->next) count++;
    pthread_mutex_unlock(&file->mutex);
    return count;
}

static void *run_client(void *context) {
    group_client *client = context;
    group_backend->set_timeout(client->connection, client->timeout_us);
    client->function(client);
    atomic_store(&client->is_done, 1);
    return NULL;
}

void group_queue(group_client *client, uint32_t count) {
    const farm_connection *connection = client->connection;
    atomic_store(&client->is_done, 0);
    if (pthread_create(&client->thread, NULL, run_client, client) != 0) stop("thread", "none");
    while (!atomic_load(&client->is_done) && group_line(connection) != count) sched_yield();
}

void group_join(group_client *client) {
    pthread_join(client->thread, NULL);
}

/* --- what moved transactions --- */

static pthread_mutex_t trace_mutex = PTHREAD_MUTEX_INITIALIZER;
static group_event events[GROUP_EVENT_MAX];
static size_t event_count;

static int note(unsigned kind, void *handle, void *statement, void *text) {
    static const char *const words[] = {"BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE"};
    (void)kind;
    (void)statement;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (strncmp(text, words[i], strlen(words[i])) != 0) continue;
        pthread_mutex_lock(&trace_mutex);
        if (event_count < GROUP_EVENT_MAX) {
            events[event_count].handle = handle;
            snprintf(events[event_count].text, sizeof events->text, "%s", (const char *)text);
            event_count++;
        }
        pthread_mutex_unlock(&trace_mutex);
    }
    return 0;
}

static int trace_handle(sqlite3 *handle, const char **message, const void *unused) {
    (void)message;
    (void)unused;
    return sqlite3_trace_v2(handle, SQLITE_TRACE_STMT, note, handle);
}

void group_trace(void) {
    if (sqlite3_auto_extension((void (*)(void))trace_handle) != SQLITE_OK) stop("trace", "none");
}

void group_trace_clear(void) {
    pthread_mutex_lock(&trace_mutex);
    event_count = 0;
    pthread_mutex_unlock(&trace_mutex);
}

size_t group_trace_count(const char *text) {
    size_t count = 0;
    pthread_mutex_lock(&trace_mutex);
    for (size_t i = 0; i < event_count; i++) count += strcmp(events[i].text, text) == 0;
    pthread_mutex_unlock(&trace_mutex);
    return count;
}

size_t group_trace_read(const group_event **out) {
    *out = events;
    return event_count;
}

/* --- the disk --- */

typedef struct disk_file {
    const sqlite3_io_methods *inner;
    sqlite3_io_methods methods;
    int32_t is_log;
} disk_file;

/* The real file stands at the beginning of what SQLite has given us; what we add, at its end. */
static sqlite3_vfs disk_vfs;
static sqlite3_vfs *real_vfs;
static atomic_int fails_write;
static atomic_int fails_sync;

static disk_file *disk_part(sqlite3_file *file) {
    return (disk_file *)((char *)file + real_vfs->szOsFile);
}

static int32_t takes_one(atomic_int *count) {
    int left = atomic_load(count);
    while (left > 0 && !atomic_compare_exchange_weak(count, &left, left - 1)) continue;
    return left > 0;
}

static int write_disk(sqlite3_file *file, const void *data, int size, sqlite3_int64 offset) {
    disk_file *disk = disk_part(file);
    if (disk->is_log && takes_one(&fails_write)) return SQLITE_FULL;
    return disk->inner->xWrite(file, data, size, offset);
}

static int sync_disk(sqlite3_file *file, int flags) {
    disk_file *disk = disk_part(file);
    if (disk->is_log && takes_one(&fails_sync)) return SQLITE_IOERR_FSYNC;
    return disk->inner->xSync(file, flags);
}

static int open_disk(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags,
                     int *out_flags) {
    (void)vfs;
    const int result = real_vfs->xOpen(real_vfs, name, file, flags, out_flags);
    if (result != SQLITE_OK || file->pMethods == NULL) return result;
    disk_file *disk = disk_part(file);
    disk->inner = file->pMethods;
    disk->methods = *disk->inner;
    disk->methods.xWrite = write_disk;
    disk->methods.xSync = sync_disk;
    disk->is_log = (flags & SQLITE_OPEN_WAL) != 0;
    file->pMethods = &disk->methods;
    return result;
}

void group_disk(void) {
    real_vfs = sqlite3_vfs_find(NULL);
    disk_vfs = *real_vfs;
    disk_vfs.zName = "group";
    disk_vfs.szOsFile = real_vfs->szOsFile + (int)sizeof(disk_file);
    disk_vfs.xOpen = open_disk;
    if (sqlite3_vfs_register(&disk_vfs, 1) != SQLITE_OK) stop("disk", "cannot be registered");
}

void group_disk_fail_write(int32_t count) {
    atomic_store(&fails_write, count);
}

void group_disk_fail_sync(int32_t count) {
    atomic_store(&fails_sync, count);
}
