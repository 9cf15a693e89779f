/* What SQLite's result codes mean, in one table, and the words for it. No text of a statement and
 * no value gets into a fault. */
#include "sqlite_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Older than what this file names. */
enum { CONSTRAINT_DATATYPE = SQLITE_CONSTRAINT | (12 << 8) };

typedef struct result_row {
    int code; /* extended, or primary for all its extended codes that have no row */
    farm_status status;
    int32_t kind;
    const char *text;
} result_row;

static const char busy_text[] = "another process or connection held the database for too long";

static const result_row results[] = {
    {SQLITE_CONSTRAINT_PRIMARYKEY, FARM_EEXISTS, FARM_FAULT_UNIQUE, "a unique key refuses it"},
    {SQLITE_CONSTRAINT_UNIQUE, FARM_EEXISTS, FARM_FAULT_UNIQUE, "a unique key refuses it"},
    {SQLITE_CONSTRAINT_ROWID, FARM_EEXISTS, FARM_FAULT_UNIQUE, "a unique key refuses it"},
    {SQLITE_CONSTRAINT_CHECK, FARM_EREFUSED, FARM_FAULT_CHECK, "a check refuses it"},
    {SQLITE_CONSTRAINT_TRIGGER, FARM_EREFUSED, FARM_FAULT_CHECK, "a trigger refuses it"},
    {CONSTRAINT_DATATYPE, FARM_EREFUSED, FARM_FAULT_CHECK, "a column's type refuses it"},
    {SQLITE_CONSTRAINT_NOTNULL, FARM_EREFUSED, FARM_FAULT_NULL, "a NULL stands where none may be"},
    {SQLITE_CONSTRAINT_FOREIGNKEY, FARM_ECONFLICT, FARM_FAULT_FOREIGN, "a foreign key refuses it"},
    {SQLITE_CONSTRAINT_COMMITHOOK, FARM_EREFUSED, FARM_FAULT_GUARD,
     "a statement met another number of rows than it must"},
    {SQLITE_CONSTRAINT, FARM_EREFUSED, FARM_FAULT_OTHER, "a constraint refuses it"},
    {SQLITE_BUSY, FARM_EAGAIN, FARM_FAULT_OTHER, busy_text},
    {SQLITE_LOCKED, FARM_EAGAIN, FARM_FAULT_OTHER, busy_text},
    {SQLITE_PROTOCOL, FARM_EAGAIN, FARM_FAULT_OTHER, busy_text},
    {SQLITE_SCHEMA, FARM_EAGAIN, FARM_FAULT_OTHER, "the schema kept changing meanwhile"},
    {SQLITE_ABORT_ROLLBACK, FARM_EAGAIN, FARM_FAULT_OTHER, "the transaction was rolled back"},
    {SQLITE_INTERRUPT, FARM_ETIMEOUT, FARM_FAULT_OTHER, "the call was interrupted"},
    {SQLITE_IOERR_NOMEM, FARM_ENOMEM, FARM_FAULT_OTHER, "SQLite has no memory"},
    {SQLITE_NOMEM, FARM_ENOMEM, FARM_FAULT_OTHER, "SQLite has no memory"},
    {SQLITE_READONLY, FARM_EREADONLY, FARM_FAULT_OTHER, "the database cannot be written"},
    {SQLITE_FULL, FARM_EFULL, FARM_FAULT_OTHER, "the database or its disk is full"},
    {SQLITE_IOERR_CORRUPTFS, FARM_ECORRUPT, FARM_FAULT_OTHER, "the file system is damaged"},
    {SQLITE_CORRUPT, FARM_ECORRUPT, FARM_FAULT_OTHER, "the database is damaged"},
    {SQLITE_NOTADB, FARM_ECORRUPT, FARM_FAULT_OTHER, "the file is not a database"},
    {SQLITE_CANTOPEN, FARM_EUNAVAILABLE, FARM_FAULT_OTHER, "the database file cannot be opened"},
    {SQLITE_IOERR, FARM_EUNAVAILABLE, FARM_FAULT_OTHER, "reading or writing the file failed"},
    {SQLITE_PERM, FARM_EDENIED, FARM_FAULT_OTHER, "access to the database is denied"},
    {SQLITE_AUTH, FARM_EDENIED, FARM_FAULT_OTHER, "access to the database is denied"},
    {SQLITE_TOOBIG, FARM_EINVAL, FARM_FAULT_OTHER, "a value or a statement is too large"},
    {SQLITE_NOLFS, FARM_EUNSUPPORTED, FARM_FAULT_OTHER, "the file is too large for this system"},
    {SQLITE_ERROR, FARM_EINTERNAL, FARM_FAULT_OTHER, "SQLite cannot carry the statement out"},
    {SQLITE_MISMATCH, FARM_EINTERNAL, FARM_FAULT_OTHER, "a value has the wrong type"},
    {SQLITE_RANGE, FARM_EINTERNAL, FARM_FAULT_OTHER, "there is no such parameter"},
};

static const result_row unknown = {0, FARM_EINTERNAL, FARM_FAULT_OTHER,
                                   "SQLite failed in an unexpected way"};

static const result_row *find_result(int code) {
    for (int pass = 0; pass < 2; pass++, code &= 255) {
        for (size_t i = 0; i < sizeof results / sizeof results[0]; i++) {
            if (results[i].code == code) return &results[i];
        }
    }
    return &unknown;
}

/* The host may have switched extended codes off on its connection. */
static int extend(sqlite3 *handle, int result) {
    if (result > 255 || handle == NULL) return result;
    int code = sqlite3_extended_errcode(handle);
    return (code & 255) == result ? code : result;
}

void sqlite_fault_clear(farm_fault *fault) {
    fault->status = FARM_OK;
    fault->kind = FARM_FAULT_OTHER;
    fault->call = -1;
    fault->ordinal = -1;
    fault->native[0] = '\0';
    fault->text[0] = '\0';
}

farm_status sqlite_fault_set(farm_fault *fault, farm_status status, const char *format, ...) {
    va_list arguments;

    fault->status = status;
    fault->kind = FARM_FAULT_OTHER;
    fault->native[0] = '\0';
    va_start(arguments, format);
    (void)vsnprintf(fault->text, sizeof fault->text, format, arguments);
    va_end(arguments);
    return status;
}

farm_status sqlite_fault_memory(farm_fault *fault) {
    return sqlite_fault_set(fault, FARM_ENOMEM, "there is no memory for the connection");
}

static farm_status set_code(farm_fault *fault, int code) {
    const result_row *row = find_result(code);

    (void)sqlite_fault_set(fault, row->status, "%s", row->text);
    fault->kind = row->kind;
    (void)snprintf(fault->native, sizeof fault->native, "%d", code);
    return row->status;
}

farm_status sqlite_fault_result(farm_connection *connection, farm_fault *fault, int result) {
    int code = extend(connection->engine->handle, result);
    int32_t is_late = sqlite_now_us() >= connection->deadline_us;

    (void)set_code(fault, code);
    if (atomic_load(&connection->is_interrupted)) is_late = 0;
    if ((code & 255) == SQLITE_INTERRUPT && is_late) {
        (void)snprintf(fault->text, sizeof fault->text, "%s",
                       "the time was over before the statement was done");
    }
    /* The busy handler has given up for the interrupt's sake. */
    if ((code & 255) == SQLITE_BUSY && atomic_load(&connection->is_interrupted)) {
        (void)set_code(fault, SQLITE_INTERRUPT);
    }
    if ((code & 255) == SQLITE_INTERRUPT && connection->is_evicted) {
        fault->status = FARM_EAGAIN;
        (void)snprintf(fault->text, sizeof fault->text, "%s",
                       "it took too long to share its commit with others, and needs a turn alone");
    }
    int primary = code & 255;
    if (primary == SQLITE_CORRUPT || primary == SQLITE_NOTADB) connection->engine->is_broken = 1;
    return fault->status;
}

/* SQLite's own words name the place in the text, which helps whoever wrote it. They may quote a
 * piece of it: not when that could be a literal. */
farm_status sqlite_fault_text(farm_connection *connection, farm_fault *fault, int result) {
    (void)sqlite_fault_result(connection, fault, result);
    if ((result & 255) != SQLITE_ERROR) return fault->status;

    const char *message = sqlite3_errmsg(connection->engine->handle);
    fault->status = FARM_EINVAL;
    if (message == NULL || strchr(message, '\'') != NULL || strlen(message) > 120) {
        message = "it is not SQL that SQLite understands";
    }
    (void)snprintf(fault->text, sizeof fault->text, "the statement is wrong: %s", message);
    for (char *at = fault->text; *at != '\0'; at++) {
        if (*at == '\n' || *at == '\r') *at = ' ';
    }
    return fault->status;
}

/* Which failures of a commit are certain. After the others its last frame may stand in the log
 * though SQLite has forgotten it, and a crash before the next commit brings it back. */
static int32_t is_certain(int code) {
    static const int certain[] = {SQLITE_BUSY, SQLITE_LOCKED,    SQLITE_CONSTRAINT,
                                  SQLITE_FULL, SQLITE_INTERRUPT, SQLITE_READONLY};

    for (size_t i = 0; i < sizeof certain / sizeof certain[0]; i++) {
        if ((code & 255) == certain[i]) return 1;
    }
    return 0;
}

farm_status sqlite_fault_commit(farm_connection *connection, farm_fault *fault, int result) {
    (void)sqlite_fault_result(connection, fault, result);
    if (is_certain(result) || connection->store->is_memory) return fault->status;
    connection->engine->is_broken = 1;
    fault->status = FARM_EUNCERTAIN;
    (void)snprintf(fault->text, sizeof fault->text, "%s",
                   "the commit failed in a way that leaves open whether it happened");
    return fault->status;
}

typedef struct errno_row {
    int code;
    farm_status status;
    const char *text;
} errno_row;

static const errno_row errnos[] = {
    {EACCES, FARM_EDENIED, "the database file may not be opened by this user"},
    {EPERM, FARM_EDENIED, "the database file may not be opened by this user"},
    {EROFS, FARM_EREADONLY, "the file system takes no writes"},
    {ENOSPC, FARM_EFULL, "the disk is full"},
    {EDQUOT, FARM_EFULL, "the user's share of the disk is full"},
    {ENOENT, FARM_EUNAVAILABLE, "the folder of the database file does not exist"},
    {ENOTDIR, FARM_EUNAVAILABLE, "the folder of the database file is no folder"},
    {EISDIR, FARM_EUNAVAILABLE, "the database file is a folder"},
    {EMFILE, FARM_EUNAVAILABLE, "the process has too many files open"},
    {ENFILE, FARM_EUNAVAILABLE, "the system has too many files open"},
};

/* Where SQLite may not create the file it tries to read it, and so complains that it is not there:
 * ask the folder. */
static int find_reason(const char *path, int reason) {
    const char *slash = strrchr(path, '/');
    char folder[1024] = ".";

    if (reason != ENOENT) return reason;
    if (slash != NULL && (size_t)(slash - path) >= sizeof folder - 1) return reason;
    if (slash != NULL) {
        size_t size = (size_t)(slash - path) + 1; /* with the slash, for the root's sake */
        memcpy(folder, path, size);
        folder[size] = '\0';
    }
    return faccessat(AT_FDCWD, folder, W_OK | X_OK, AT_EACCESS) == 0 ? reason : errno;
}

farm_status sqlite_fault_open(sqlite3 *handle, const char *path, farm_fault *fault, int result) {
    int code = extend(handle, result);

    (void)set_code(fault, code);
    if ((code & 255) != SQLITE_CANTOPEN || handle == NULL) return fault->status;
    int reason = find_reason(path, sqlite3_system_errno(handle));
    for (size_t i = 0; i < sizeof errnos / sizeof errnos[0]; i++) {
        if (errnos[i].code != reason) continue;
        fault->status = errnos[i].status;
        (void)snprintf(fault->text, sizeof fault->text, "%s", errnos[i].text);
    }
    return fault->status;
}
