/* The public door for a connection of the host. All that it does is name this backend; adopting
 * itself is in postgres.c. Apart, because it alone needs the library above the boundary. */
#include <farmcore/postgres.h>

farm_status farm_session_open_postgres(farm_session *session, struct pg_conn *connection,
                                       const char *uri, const farm_session_options *options) {
    return farm_session_adopt(session, &farm_postgres_backend, connection,
                              uri == NULL ? "postgresql:" : uri, options);
}
