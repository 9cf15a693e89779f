/* The public door for a connection of the host. All that it does is name this backend: adopting
 * itself is in sqlite_connection.c. Apart, since it alone needs the library above the boundary. */
#include <farmcore/sqlite.h>

farm_status farm_session_open_sqlite(farm_session *session, struct sqlite3 *connection,
                                     const farm_session_options *options) {
    return farm_session_adopt(session, &farm_sqlite_backend, connection, "sqlite:", options);
}
