/**
 * @file farmcore/sqlite.h
 * The SQLite backend, and sessions on a connection that the host opened itself.
 *
 * An application that opens its store by URI (`sqlite:shop.db`) does not need this header.
 */
#ifndef FARMCORE_SQLITE_H
#define FARMCORE_SQLITE_H

#include <farmcore/backend.h>
#include <farmcore/base.h>
#include <farmcore/session.h>

#ifdef __cplusplus
extern "C" {
#endif

struct sqlite3;

/**
 * The backend of scheme "sqlite", for farm_backend_register() and for decorators. It needs SQLite
 * 3.40 or newer, built thread-safe. Since 0.1.0.
 */
FARM_API extern const farm_backend farm_sqlite_backend;

/**
 * Open a session on a SQLite connection of the host, so that operations of the library and
 * statements of the host share one transaction. While the host has a transaction open, every
 * operation joins it under a savepoint of its own and commits or vanishes with it; otherwise every
 * operation is a transaction of its own, which waits for the turn to write among the sessions of
 * this process on the same file.
 *
 * Of the connection only this is touched: a table-valued function `farm_list` is registered until
 * the session closes. Its busy timeout, hooks and pragmas stay the host's; the library's time
 * limit bounds the waiting for the turn, not a statement that runs. A connection of a
 * multi-thread or single-thread SQLite must stay on the session's thread.
 *
 * Opening again is refused until farm_session_close(), which leaves the connection open and an
 * outer transaction of the host as it is.
 *
 * @param session made by farm_session_new(), not open.
 * @param connection open, with `PRAGMA foreign_keys` on, used by nobody else during a call on the
 * session, and open until farm_session_close().
 * @param options as farm_session_open(); NULL: all defaults.
 * @return FARM_OK
 * @return FARM_EINVAL an argument is missing, an option is wrong, or the session is open.
 * @return FARM_EUNSUPPORTED foreign keys are off, SQLite is too old or not thread-safe, sessions of
 * the parent process had the file open at the fork, or options of a newer library.
 * @return FARM_ENOMEM
 * Ownership: the connection stays the host's; nothing is kept of options but the contexts of clock
 * and entropy. Threads: the session's. Since 0.1.0.
 */
FARM_API farm_status farm_session_open_sqlite(farm_session *session, struct sqlite3 *connection,
                                              const farm_session_options *options);

#ifdef __cplusplus
}
#endif
#endif
