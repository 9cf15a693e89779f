/**
 * @file farmcore/postgres.h
 * The Postgres backend, and sessions on a connection that the host opened itself.
 *
 * An application that opens its store by URI (`postgresql://user@host/database`) does not need
 * this header.
 */
#ifndef FARMCORE_POSTGRES_H
#define FARMCORE_POSTGRES_H

#include <farmcore/backend.h>
#include <farmcore/base.h>
#include <farmcore/session.h>

#ifdef __cplusplus
extern "C" {
#endif

/** libpq's PGconn. */
struct pg_conn;

/**
 * The backend of scheme "postgresql", for farm_backend_register() and for decorators. It needs
 * libpq 14 and a server of 14 or newer, and works directly and through a pooler in transaction
 * mode. Of the waits, only the resolution of a host's name is not bounded by the session's time.
 * Since 0.1.0.
 */
FARM_API extern const farm_backend farm_postgres_backend;

/**
 * Open a session on a Postgres connection of the host, so that operations of the library and
 * statements of the host share one transaction. While the host has a transaction open, every
 * operation joins it under a savepoint of its own and commits or vanishes with it; otherwise every
 * operation is a transaction of its own.
 *
 * Between calls on the session the connection is as the host left it: in blocking or nonblocking
 * mode, outside pipeline mode, with the same settings; no notification is taken. Statements are
 * prepared under names of the form `farm_…` only with `prepare=on`, which wants a connection that
 * is not behind a pooler. A call that meets a dead network or cannot be cancelled within its time
 * ends with the connection shut down, and PQstatus() says so; the library never reconnects or
 * closes it. Calls on the session are refused while the connection is in pipeline mode or has a
 * query under way.
 *
 * Opening again is refused until farm_session_close(), which leaves the connection open and an
 * outer transaction of the host as it is.
 *
 * @param session made by farm_session_new(), not open.
 * @param connection open, with client_encoding UTF8, used by nobody else during a call on the
 * session, and open until farm_session_close().
 * @param uri "postgresql:" and settings such as `postgresql:?schema=shop`; where the server is, is
 * not read. NULL: "postgresql:".
 * @param options as farm_session_open(); NULL: all defaults.
 * @return FARM_OK
 * @return FARM_EINVAL an argument is missing, a setting or an option is wrong, the session is open,
 * or the connection is in pipeline mode or busy.
 * @return FARM_EUNSUPPORTED the server is older than 14, client_encoding is not UTF8, or options of
 * a newer library.
 * @return FARM_EUNAVAILABLE the connection is broken.
 * @return FARM_ETIMEOUT the server did not answer.
 * @return FARM_ENOMEM
 * Ownership: the connection stays the host's; nothing is kept of uri and options but the contexts
 * of clock and entropy. Threads: the session's. Since 0.1.0.
 */
FARM_API farm_status farm_session_open_postgres(farm_session *session, struct pg_conn *connection,
                                                const char *uri,
                                                const farm_session_options *options);

#ifdef __cplusplus
}
#endif
#endif
